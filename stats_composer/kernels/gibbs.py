"""Gibbs sampling of the maximum-entropy model with terms: site moves and run moves.

A site move redraws one symbol given all others. A run move redraws a run of equal symbols of
one voice as a whole, given that it stays a run: it moves held notes, which single sites
cannot leave without passing through a state that the model holds for unlikely.

Both draw from the exact conditional law of what they redraw, so that each leaves the target
unchanged: exp(scores / temperature).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, jit
from stats_composer.kernels._softmax import draw_row, exp_row
from stats_composer.kernels.maxent import Floats, Ints, Layout, Rows, visit_site

__all__ = ["sweep_sites"]


@inline
def _move_run(  # type: ignore[no-untyped-def]
    grid, first, last, t, v, length, layout, rows, field, weights, values, run, index, scratch
):
    """Write into `run` the log-weight of each symbol held over the rows t to t + length - 1."""
    n = layout.n_symbols[v]
    current = grid[t, v]
    for a in range(n):
        total = np.float32(0.0)
        for i in range(length):
            row = t + i
            for b in (a, current):
                values[b] = field[row, v, b]
                visit_site(
                    grid, first, last, row, v, b, b + 1,
                    layout, rows, weights, values, index, scratch, False,
                )  # fmt: skip
            if a != current:
                total += values[a] - values[current]
            grid[row, v] = a
        for i in range(length):
            grid[t + i, v] = current
        run[a] = total


@jit(fastmath=True)  # the row sums vectorize; nothing here is infinite but forbidden fields
def sweep_sites(
    grid: Ints,
    first: int,
    last: int,
    sites: Ints,
    layout: Layout,
    rows: Rows,
    field: Floats,
    weights: Floats,
    inverse_temperature: Floats,
    run_share: float,
    u: NDArray[np.float64],
) -> int:
    """Redraw randomly chosen sites of one piece, in place.

    Parameters
    ----------
    grid : ndarray of shape (n_rows, n_voices), int64, overwritten in [first, last)
    sites : ndarray of shape (n_sites, 2), int64
        Rows and voices that may be redrawn.
    field : ndarray of shape (n_rows, n_lines, width), float32
        Unary log-weights; below -1e30 forbidden.
    inverse_temperature : ndarray of shape (n_sweeps,), float32
    run_share : float
        Share of the moves that try a run of 2 or 4 rows.
    u : ndarray of shape (n_sweeps, n_updates, 3), in [0, 1)
        Which site, which move, which symbol.

    Returns
    -------
    int
        Number of symbols changed.
    """
    index = np.zeros(layout.width, np.uint32)
    scratch = np.zeros(layout.width, np.int64)
    bits = np.zeros(layout.width, np.int32)
    floats = bits.view(np.float32)
    values = np.zeros(layout.width, np.float32)
    run = np.zeros(layout.width, np.float32)
    n_sites, n_changed = sites.shape[0], 0
    free = np.zeros((last - first, layout.n_lines), np.bool_)
    for i in range(n_sites):
        free[sites[i, 0] - first, sites[i, 1]] = True
    for sweep in range(u.shape[0]):
        scale = inverse_temperature[sweep]
        for i in range(u.shape[1]):
            site = int(u[sweep, i, 0] * n_sites)
            t, v = sites[site, 0], sites[site, 1]
            n, current = layout.n_symbols[v], grid[t, v]
            length = 1
            if u[sweep, i, 1] < run_share:
                length = 2 if u[sweep, i, 1] < 0.6 * run_share else 4
                for j in range(length):
                    if (
                        t + j >= last
                        or not free[min(t + j, last - 1) - first, v]
                        or grid[min(t + j, last - 1), v] != current
                    ):
                        length = 0
                        break
            if length == 0:
                continue
            if length == 1:
                for a in range(n):
                    values[a] = field[t, v, a]
                visit_site(
                    grid, first, last, t, v, 0, n,
                    layout, rows, weights, values, index, scratch, False,
                )  # fmt: skip
            else:
                _move_run(
                    grid, first, last, t, v, length,
                    layout, rows, field, weights, values, run, index, scratch,
                )  # fmt: skip
                values[:n] = run[:n]
            _, total = exp_row(values, n, scale, bits, floats)
            threshold = np.float32(u[sweep, i, 2]) * total
            chosen = draw_row(values, n, threshold, current)
            if chosen != current:
                n_changed += length
                for j in range(length):
                    grid[t + j, v] = chosen
    return n_changed
