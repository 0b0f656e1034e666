"""Gradients and counts of the maximum-entropy model with terms.

Each goes through `kernels/sites.py`, whose conventions and formulas hold here: what a feature is
stands there alone.

The pseudo-log-likelihood of pieces is the sum over their modelled sites

    L(w) = sum over (t, v) of H(t, v)[x(t, v)] - log sum over a of exp H(t, v)[a],           (1)

and with the residual of a site, the indicator of its symbol less the symbols' probabilities,

    r(t, v)[a] = 1{a = x(t, v)} - exp H(t, v)[a] / sum over b of exp H(t, v)[b],             (2)

its gradient is the sum of the residuals over the places that each candidate would touch:

    dL / dw[f] = sum over (t, v) and a with f = f(a) of r(t, v)[a].                           (3)

References
----------
J. Besag (1975), Statistical analysis of non-lattice data.
"""

from __future__ import annotations

import numpy as np

from stats_composer.kernels._jit import inline, jit
from stats_composer.kernels._softmax import exp_row
from stats_composer.kernels.arrays import Float32s, Ints
from stats_composer.kernels.layout import LOWEST, Features, Grids, Site
from stats_composer.kernels.sites import GATHER, SCATTER, make_places, padded, visit_site

__all__ = ["add_counts", "value_and_gradient"]


@inline
def _take_residual(values, symbol, n, bits, floats):  # type: ignore[no-untyped-def]
    """Make the log-weights of a site its residual, and return the term of (1)."""
    score = values[symbol]
    largest, normaliser = exp_row(values, n, np.float32(1.0), bits, floats)
    for a in range(n):
        values[a] = -values[a] / normaliser  # (2)
    for a in range(n, values.shape[0]):
        values[a] = 0
    values[symbol] += np.float32(1.0)
    return score - largest - np.log(normaliser)  # (1)


@inline
def _large_residuals(values, n, threshold):  # type: ignore[no-untyped-def]
    """Return the span of the candidates whose residuals are above a threshold."""
    low, high = n, 0
    for a in range(n):
        if abs(values[a]) > threshold:
            low = min(low, a)
            high = a + 1
    return low, high


@jit(fastmath=True)  # the row sums vectorize: a quarter off the time of a site
def value_and_gradient(
    grids: Grids,
    features: Features,
    rows: Ints,
    weights: Float32s,
    field: Float32s,
    threshold: float,
    gradient: Float32s,
    residual: Float32s,
) -> float:
    """Sum the log-probabilities of all sites given the others, with their gradient.

    Parameters
    ----------
    grids : Grids
    features : Features
    rows : ndarray of shape (3, n_rows), int64
        By `Context`.
    weights : ndarray of float32
    field : ndarray of shape (n_rows, n_lines, width), float32
    threshold : float
        Residuals smaller than this are passed over: 0 gives the exact gradient.
    gradient : ndarray of the weights' shape, float32, added to
        (3), by feature.
    residual : ndarray of shape (n_rows, n_lines, width), float32, overwritten
        (2): the gradient by the fields.

    Returns
    -------
    float
        The pseudo-log-likelihood (1) in nats.
    """
    grid, place = grids.grid, make_places(features.width)
    bits = np.zeros(features.width, np.int32)
    floats = bits.view(np.float32)
    total = 0.0
    for p in range(grids.start.shape[0]):
        first, last = grids.start[p], grids.stop[p]
        for t in range(first, last):
            for v in range(features.n_lines):
                values, n = residual[t, v], padded(features.n_symbols[v])
                for a in range(features.width):
                    values[a] = field[t, v, a] if grids.modelled[t, v] else 0
                if not grids.modelled[t, v]:
                    continue
                site = Site(first, last, t, v, LOWEST, n)
                visit_site(grid, site, features, rows, weights, values, place, GATHER)
                total += _take_residual(values, grid[t, v], n, bits, floats)
                if threshold < 0:
                    continue
                low, high = _large_residuals(values, n, threshold)
                if low < high:
                    site = Site(first, last, t, v, low, high)
                    visit_site(grid, site, features, rows, gradient, values, place, SCATTER)  # (3)
    return total


@jit()
def add_counts(grids: Grids, features: Features, rows: Ints, counts: Float32s) -> None:
    """Count each feature once for each site that it contains.

    Parameters
    ----------
    grids : Grids
    features : Features
    rows : ndarray of shape (3, n_rows), int64
        By `Context`.
    counts : ndarray of the weights' shape, float32, added to
    """
    grid, place = grids.grid, make_places(features.width)
    ones = np.ones(features.width, np.float32)
    for p in range(grids.start.shape[0]):
        first, last = grids.start[p], grids.stop[p]
        for t in range(first, last):
            for v in range(features.n_lines):
                a = grid[t, v]
                site = Site(first, last, t, v, a, a + 1)
                visit_site(grid, site, features, rows, counts, ones, place, SCATTER)
