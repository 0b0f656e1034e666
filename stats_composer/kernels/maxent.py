"""Scores, gradients and counts of the maximum-entropy model with terms.

Each goes through `kernels/sites.py`, whose conventions hold here: what a feature is stands
there alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import jit
from stats_composer.kernels._softmax import exp_row
from stats_composer.kernels.sites import LOWEST, Layout, Rows, padded_symbols, visit_site

__all__ = ["add_counts", "score_sites", "value_and_gradient"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@jit(fastmath=True)  # the row sums vectorize: a quarter off the time of a site
def score_sites(
    grid: Ints,
    start: Ints,
    stop: Ints,
    layout: Layout,
    rows: Rows,
    field: Floats,
    weights: Floats,
    scores: Floats,
) -> None:
    """Write each symbol's log-weight at each site up to a constant, other sites as they are.

    Parameters
    ----------
    field : ndarray of shape (n_rows, n_lines, width), float32
    scores : ndarray of shape (n_rows, n_lines, width), float32, overwritten
    """
    index = np.zeros(layout.width, np.uint32)
    scratch = np.zeros(layout.width, np.int64)
    for p in range(start.shape[0]):
        for t in range(start[p], stop[p]):
            for v in range(layout.n_lines):
                values = scores[t, v]
                for a in range(layout.width):
                    values[a] = field[t, v, a]
                visit_site(
                    grid, start[p], stop[p], t, v, LOWEST, padded_symbols(layout, v),
                    layout, rows, weights, values, index, scratch, False,
                )  # fmt: skip


@jit(fastmath=True)  # as above
def value_and_gradient(
    grid: Ints,
    start: Ints,
    stop: Ints,
    modelled: NDArray[np.bool_],
    layout: Layout,
    rows: Rows,
    field: Floats,
    weights: Floats,
    threshold: float,
    gradient: Floats,
    residual: Floats,
) -> float:
    """Sum the log-probabilities of all sites given the others, with their gradient.

    Parameters
    ----------
    modelled : ndarray of shape (n_rows, n_lines), bool
        The sites that count.
    threshold : float
        Residuals smaller than this are passed over: 0 gives the exact gradient.
    gradient : ndarray of weights' shape, float32, added to
    residual : ndarray of shape (n_rows, n_lines, width), float32, overwritten
        Indicator of the symbol less its probability: the gradient by the fields.

    Returns
    -------
    float
        The pseudo-log-likelihood in nats, summed.
    """
    index = np.zeros(layout.width, np.uint32)
    scratch = np.zeros(layout.width, np.int64)
    bits = np.zeros(layout.width, np.int32)
    floats = bits.view(np.float32)
    total = 0.0
    for p in range(start.shape[0]):
        for t in range(start[p], stop[p]):
            for v in range(layout.n_lines):
                values = residual[t, v]
                n = padded_symbols(layout, v)
                for a in range(layout.width):
                    values[a] = field[t, v, a] if modelled[t, v] else 0
                if not modelled[t, v]:
                    continue
                visit_site(
                    grid, start[p], stop[p], t, v, LOWEST, n,
                    layout, rows, weights, values, index, scratch, False,
                )  # fmt: skip
                symbol = grid[t, v]
                score = values[symbol]
                largest, normaliser = exp_row(values, n, np.float32(1.0), bits, floats)
                total += score - largest - np.log(normaliser)
                for a in range(n):
                    values[a] = -values[a] / normaliser
                for a in range(n, layout.width):
                    values[a] = 0
                values[symbol] += np.float32(1.0)
                if threshold < 0:
                    continue
                low, high = n, 0
                for a in range(n):
                    if abs(values[a]) > threshold:
                        low = min(low, a)
                        high = a + 1
                if low < high:
                    visit_site(
                        grid, start[p], stop[p], t, v, low, high,
                        layout, rows, gradient, values, index, scratch, True,
                    )  # fmt: skip
    return total


@jit()
def add_counts(
    grid: Ints, start: Ints, stop: Ints, layout: Layout, rows: Rows, counts: Floats
) -> None:
    """Count each feature once for each site that it contains.

    Parameters
    ----------
    counts : ndarray of weights' shape, float32, added to
    """
    index = np.zeros(layout.width, np.uint32)
    scratch = np.zeros(layout.width, np.int64)
    ones = np.ones(layout.width, np.float32)
    for p in range(start.shape[0]):
        for t in range(start[p], stop[p]):
            for v in range(layout.n_lines):
                a = grid[t, v]
                visit_site(
                    grid, start[p], stop[p], t, v, a, a + 1,
                    layout, rows, counts, ones, index, scratch, True,
                )  # fmt: skip
