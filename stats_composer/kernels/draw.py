"""Draws from a row of weights, by the inverse of its cumulative sum."""

from __future__ import annotations

from stats_composer.kernels._jit import inline

__all__ = ["draw_index"]


@inline
def draw_index(weights, n, total, u):  # type: ignore[no-untyped-def]
    """Return the index i with probability weights[i] / total.

    Parameters
    ----------
    weights : float array, at least n long, not negative, one positive
    n : int
    total : float, the sum of weights[:n]
    u : float in [0, 1)

    Notes
    -----
    The first i for which u total < weights[0] + ... + weights[i]. Rounding may leave u total
    at or above the last sum; the last index of positive weight is returned then, so that a
    forbidden index never comes out.
    """
    threshold = u * total
    passed = 0.0
    chosen = -1
    for i in range(n):
        if weights[i] > 0.0:
            chosen = i
            passed += weights[i]
            if threshold < passed:
                break
    return chosen
