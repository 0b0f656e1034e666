"""Weights of a log-linear mixture of experts, by maximum a posteriori.

The weight of expert e in bucket b and the priors of its parts are

    w[e, b] = mean[e] + offset[e, b],                                                       (1)
    mean[e] ~ N(START, 1 / (FREEDOM penalty)),     offset[e, b] ~ N(0, 1 / penalty),        (2)

so that a bucket that was seldom seen does as its expert does, whose own weight is freer. The
objective is the log-likelihood of `kernels.viewpoints.mix_evidence` less

    penalty / 2 (FREEDOM sum_e (mean[e] - START)^2 + sum_(e, b) offset[e, b]^2);            (3)

it is concave in the weights, and L-BFGS finds the one best.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.viewpoints import N_BUCKETS, Events, Evidence, mix_evidence
from stats_composer.models.base import History

__all__ = ["START", "choose_penalty", "learn_weights", "take_pieces"]

Floats = NDArray[np.float64]

START = 0.1
"""Weight of an expert before any piece speaks for more or less."""
FREEDOM = 0.1
"""How much weaker an expert's own weight is held than what its buckets differ from it by."""
MAX_ITER = 200
N_PARTS = 5


class _Objective:
    """The penalized log-likelihood, negated, and its gradient, of the means and the offsets."""

    def __init__(self, evidence: Evidence, events: Events, penalty: float) -> None:
        n_events, self.n_experts, n_symbols = evidence.log_ratio.shape
        self.evidence, self.events, self.penalty = evidence, events, penalty
        self.log_prob = np.empty((n_events, n_symbols))
        self.slope = np.empty((self.n_experts, N_BUCKETS))

    def __call__(self, flat: Floats) -> tuple[float, Floats]:
        x = flat.reshape(self.n_experts, N_BUCKETS + 1)
        mean, offset = x[:, :1] - START, x[:, 1:]
        self.slope[:] = 0.0
        weights = mean + START + offset  # (1)
        fit = mix_evidence(self.evidence, self.events, weights, self.log_prob, self.slope)
        squares = float(FREEDOM * (mean**2).sum() + (offset**2).sum())  # (2)
        pull = self.penalty * np.hstack([FREEDOM * mean, offset])
        down = np.hstack([self.slope.sum(axis=1, keepdims=True), self.slope]) - pull
        return self.penalty / 2 * squares - fit, -down.ravel()  # (3)

    def start(self, weights: Floats | None) -> Floats:
        """Return the means and offsets to start from."""
        x = np.zeros((self.n_experts, N_BUCKETS + 1))
        x[:, 0] = START
        if weights is not None:
            x[:, :1] = weights.mean(axis=1, keepdims=True)
            x[:, 1:] = weights - x[:, :1]
        return x.ravel()


def learn_weights(
    evidence: Evidence, events: Events, penalty: float, start: Floats | None = None,
    *, max_iter: int = MAX_ITER, history: History | None = None,
) -> Floats:  # fmt: skip
    """Return the best weights.

    Parameters
    ----------
    evidence, events
        Of pieces that were left out of the counts.
    penalty : float, the inverse variance of the offsets' prior
    start : ndarray of the result's shape, optional, on which it does not depend
    max_iter : int, of L-BFGS
    history : list, optional
        A row is added for each of them.

    Examples
    --------
    >>> zero = np.zeros((9, 1), np.int64)
    >>> ratio = np.log(np.array([[[0.9, 0.1]]] * 9, np.float32))  # one expert, right each time
    >>> evidence = Evidence(ratio, zero.astype(np.int8))
    >>> events = Events(zero[:, 0], zero, zero, np.array([0, 9]))
    >>> learn_weights(evidence, events, penalty=1.0).shape == (1, N_BUCKETS)
    True
    """
    from scipy.optimize import OptimizeResult, minimize

    objective = _Objective(evidence, events, penalty)
    values: list[float] = []

    def keep(intermediate_result: OptimizeResult) -> None:
        values.append(-float(intermediate_result.fun))

    options = {"maxiter": max_iter, "maxcor": 20}
    first = objective.start(start)
    found = minimize(objective, first, jac=True, method="L-BFGS-B", callback=keep, options=options)
    _keep(history, "weights", [(value, penalty) for value in values])
    best = found.x.reshape(-1, N_BUCKETS + 1)
    weights: Floats = best[:, :1] + best[:, 1:]  # (1)
    return weights


def _keep(history: History | None, stage: str, found: list[tuple[float, float]]) -> None:
    """Add a row for each objective and penalty that were found, if anybody wants them."""
    for step, (value, penalty) in enumerate(found, 1):
        row = {"stage": stage, "step": step, "penalty": penalty, "objective": float(value)}
        if history is not None:
            history.append(row)


def choose_penalty(
    evidence: Evidence, events: Events, penalties: Sequence[float],
    *, history: History | None = None,
) -> float:  # fmt: skip
    """Return the penalty with which four pieces in five teach most about the fifth.

    With fewer than `N_PARTS` pieces there is no fifth: the largest is returned.

    Parameters
    ----------
    evidence, events, history
        As of `learn_weights`.
    penalties : sequence of float

    Examples
    --------
    >>> zero = np.zeros((4, 1), np.int64)
    >>> evidence = Evidence(np.zeros((4, 1, 2), np.float32), zero.astype(np.int8))
    >>> events = Events(zero[:, 0], zero, zero, np.array([0, 4]))
    >>> choose_penalty(evidence, events, [1.0, 8.0])
    8.0
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
    _keep(history, "penalty", found)
    return float(max(found)[1])


def take_pieces(
    evidence: Evidence, events: Events, chosen: NDArray[np.bool_]
) -> tuple[Evidence, Events]:
    """Return the evidence and the events of some pieces.

    Parameters
    ----------
    evidence, events : Evidence and Events
    chosen : ndarray of shape (n_pieces,), bool

    Examples
    --------
    >>> zero = np.zeros((4, 1), np.int64)
    >>> evidence = Evidence(np.zeros((4, 1, 2), np.float32), zero.astype(np.int8))
    >>> events = Events(zero[:, 0], zero, zero, np.array([0, 3, 4]))
    >>> take_pieces(evidence, events, np.array([False, True]))[1].bounds.tolist()
    [0, 1]
    """
    length = np.diff(events.bounds)
    rows = np.repeat(chosen, length)
    bounds = np.append(0, np.cumsum(length[chosen]))
    kept = Events(events.symbol[rows], events.reference[rows], events.context[rows], bounds)
    return Evidence(evidence.log_ratio[rows], evidence.bucket[rows]), kept
