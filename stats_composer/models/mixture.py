"""Weights of a log-linear mixture of experts, by maximum a posteriori.

The weight of expert e in bucket b is mean[e] + offset[e, b], with Gaussian priors

    mean[e] ~ N(START, 1 / (FREEDOM penalty)),        offset[e, b] ~ N(0, 1 / penalty),

so that a bucket that was seldom seen does as its expert does, whose own weight is freer. The
log-likelihood of `kernels.viewpoints.mix_evidence` is concave in the weights: L-BFGS finds the
one best.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.viewpoints import N_BUCKETS, Events, Evidence, mix_evidence

__all__ = ["START", "choose_penalty", "learn_weights", "take_pieces"]

Floats = NDArray[np.float64]

START = 0.1
"""Weight of an expert before any piece speaks for more or less."""
FREEDOM = 0.1
MAX_ITER = 200
N_PARTS = 5


def learn_weights(
    evidence: Evidence,
    events: Events,
    penalty: float,
    start: Floats | None = None,
    *,
    max_iter: int = MAX_ITER,
) -> Floats:
    """Return the best weights.

    Parameters
    ----------
    evidence : Evidence
        Of pieces that were left out of the counts.
    events : Events
    penalty : float
        Inverse variance of the offsets' prior.
    start : ndarray of shape (n_experts, N_BUCKETS), optional
        Weights to start from; the result does not depend on them.
    max_iter : int
        Iterations of L-BFGS at most.

    Returns
    -------
    ndarray of shape (n_experts, N_BUCKETS), float64
    """
    from scipy.optimize import minimize

    n_events, n_experts, n_symbols = evidence.log_ratio.shape
    log_prob = np.empty((n_events, n_symbols))
    slope = np.empty((n_experts, N_BUCKETS))

    def loss(x: Floats) -> tuple[float, Floats]:
        mean, offset = x[:, :1] - START, x[:, 1:]
        slope[:] = 0.0
        fit = mix_evidence(evidence, events, mean + START + offset, log_prob, slope)
        prior = penalty / 2 * float(FREEDOM * (mean**2).sum() + (offset**2).sum())
        pull = penalty * np.hstack([FREEDOM * mean, offset])
        down = np.hstack([slope.sum(axis=1, keepdims=True), slope]) - pull
        return prior - fit, -down

    def flat_loss(flat: Floats) -> tuple[float, Floats]:
        value, gradient = loss(flat.reshape(n_experts, N_BUCKETS + 1))
        return value, gradient.ravel()

    x = np.zeros((n_experts, N_BUCKETS + 1))
    x[:, 0] = START
    if start is not None:
        x[:, :1] = start.mean(axis=1, keepdims=True)
        x[:, 1:] = start - x[:, :1]
    found = minimize(
        flat_loss,
        x.reshape(-1),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iter, "maxcor": 20},
    )
    best = found.x.reshape(n_experts, N_BUCKETS + 1)
    weights: Floats = best[:, :1] + best[:, 1:]
    return weights


def choose_penalty(evidence: Evidence, events: Events, penalties: Sequence[float]) -> float:
    """Return the penalty with which four pieces in five teach most about the fifth.

    With fewer than `N_PARTS` pieces there is no fifth: the largest is returned.
    """
    n_pieces = len(events.bounds) - 1
    if len(penalties) == 1 or n_pieces < N_PARTS:
        return float(max(penalties))
    held_out = np.arange(n_pieces) % N_PARTS == N_PARTS - 1
    taught, asked = (take_pieces(evidence, events, part) for part in (~held_out, held_out))
    log_prob = np.empty((len(asked[1].symbol), evidence.log_ratio.shape[2]))
    weights = None
    found = []
    for penalty in sorted(penalties, reverse=True):
        weights = learn_weights(*taught, penalty, weights)
        found.append((mix_evidence(*asked, weights, log_prob, np.zeros_like(weights)), penalty))
    return float(max(found)[1])


def take_pieces(
    evidence: Evidence, events: Events, chosen: NDArray[np.bool_]
) -> tuple[Evidence, Events]:
    """Return the evidence and the events of some pieces."""
    length = np.diff(events.bounds)
    rows = np.repeat(chosen, length)
    bounds = np.append(0, np.cumsum(length[chosen]))
    kept = Events(events.symbol[rows], events.reference[rows], events.context[rows], bounds)
    return Evidence(evidence.log_ratio[rows], evidence.bucket[rows]), kept
