"""Choices among alternatives: the conditional logit.

Of the alternatives of each event one was chosen. With features f of every alternative,

    P(k is chosen) = exp(w f_k) / sum over alternatives j of exp(w f_j),                       (1)

and the weights maximize sum log P - l2 / 2 sum w^2, each event as often as it counts: a concave
objective, by L-BFGS.

The alternatives may be the symbols that come next in a line: then (1) is the law of a step. Or
one is a piece of a corpus and the others were drawn by a law p: then p(x) exp(w f(x)), up to a
constant, is nearer to what the corpus was drawn from.

References
----------
D. McFadden (1974), Conditional logit analysis of qualitative choice behavior. R. Rosenfeld,
S. Chen, X. Zhu (2001), Whole-sentence exponential language models, Computer Speech and Language
15. Z. Ma, M. Collins (2018), Noise contrastive estimation and negative sampling for conditional
models, EMNLP, section 3: the ranking objective.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Marked", "Valued", "learn_choices"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_ITER = 200


class Marked(NamedTuple):
    """Features that an alternative has or has not.

    Attributes
    ----------
    codes : ndarray of shape (n_features, n_events, n_alternatives), int64, in [0, n_weights)
        The weights that add up to an alternative's score.
    n_weights : int

    Examples
    --------
    >>> Marked(np.array([[[0, 1]], [[2, 2]]]), 3).scores(np.array([1.0, 2.0, 4.0])).tolist()
    [[5.0, 6.0]]
    """

    codes: Ints
    n_weights: int

    def scores(self, weights: Floats) -> Floats:
        """Return w f, w the `weights`: (n_events, n_alternatives)."""
        total = np.zeros(self.codes.shape[1:])
        for codes in self.codes:
            total += weights[codes]
        return total

    def slope(self, excess: Floats) -> Floats:
        """Return the sum of the features, each alternative's by its `excess`: (n_weights,)."""
        total = np.zeros(self.n_weights)
        for codes in self.codes:
            total += np.bincount(codes.ravel(), excess.ravel(), self.n_weights)
        return total


class Valued(NamedTuple):
    """Features that are numbers.

    Attributes
    ----------
    values : ndarray of shape (n_events, n_alternatives, n_weights), float64
    allowed : ndarray of shape (n_events, n_alternatives), bool, optional
        The alternatives that there are; by default all.

    Examples
    --------
    >>> Valued(np.array([[[1.0, 0.5], [0.0, 2.0]]])).scores(np.array([2.0, 1.0])).tolist()
    [[2.5, 2.0]]
    """

    values: Floats
    allowed: NDArray[np.bool_] | None = None

    @property
    def n_weights(self) -> int:
        """How many features there are."""
        return len(self.values[0, 0])

    def scores(self, weights: Floats) -> Floats:
        """Return w f, w the `weights`: (n_events, n_alternatives)."""
        total: Floats = self.values @ weights
        return total if self.allowed is None else np.where(self.allowed, total, -np.inf)

    def slope(self, excess: Floats) -> Floats:
        """Return the sum of the features, each alternative's by its `excess`: (n_weights,)."""
        total: Floats = np.tensordot(excess, self.values, 2)
        return total


def learn_choices(
    design: Marked | Valued, chosen: Ints, l2: float, counts: Floats | float = 1.0
) -> Floats:
    """Return the weights of (1).

    Parameters
    ----------
    design : Marked or Valued
    chosen : ndarray of shape (n_events,), int64
        Which alternative it was.
    l2 : float
    counts : ndarray of shape (n_events,), or float
        How often each event counts.

    Returns
    -------
    ndarray of shape (n_weights,), float64

    Examples
    --------
    The first of two alternatives is chosen three times of four: its mark weighs log 3.

    >>> codes = np.array([[[0, 1]] * 4])
    >>> w = learn_choices(Marked(codes, 2), np.array([0, 0, 0, 1]), l2=1e-9)
    >>> round(float(w[0] - w[1]), 3)
    1.099
    """
    from scipy.optimize import minimize

    times = np.broadcast_to(counts, len(chosen))
    start = np.zeros(design.n_weights)
    told = design, chosen, l2, times
    found = minimize(_loss, start, told, "L-BFGS-B", jac=True, options={"maxiter": MAX_ITER})
    weights: Floats = found.x
    return weights


def _loss(
    weights: Floats, design: Marked | Valued, chosen: Ints, l2: float, times: Floats
) -> tuple[float, Floats]:
    """Return what is minimized, and its slope."""
    events = np.arange(len(chosen))
    scores = design.scores(weights)
    scores -= scores.max(axis=1, keepdims=True)
    share = np.exp(scores)
    total = share.sum(axis=1, keepdims=True)
    share /= total
    log_prob = scores[events, chosen] - np.log(total[:, 0])  # (1)
    share[events, chosen] -= 1.0
    value = float(l2 / 2 * weights @ weights - (times * log_prob).sum())
    return value, l2 * weights + design.slope(share * times[:, None])
