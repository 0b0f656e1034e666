"""Chains of the pairwise model that keep the log-weights of all sites.

A chain that has settled changes few symbols, and only a change has to be told to the rows of
its neighbours in H, (1) of `kernels/pairs.py`, whose conventions hold. H is begun anew with
each call, so that rounding cannot add up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline
from stats_composer.kernels._lanes import add_row, copy_row, exp_lanes, replace_row, subtract_row
from stats_composer.kernels._softmax import draw_row
from stats_composer.kernels.arrays import Float32s, Ints
from stats_composer.kernels.gibbs import choose_length
from stats_composer.kernels.layout import LOWEST, Site
from stats_composer.kernels.sites import GATE

__all__ = ["fill_fields", "redraw_sites", "table_of"]


@inline
def table_of(features, v, j, gate, width):  # type: ignore[no-untyped-def]
    """Place of the table that a site of line v reads for its neighbour j."""
    side = features.neighbours[v, j, 1]
    start = features.pair if side == 0 else features.pair_back
    number = features.neighbours[v, j, 0] * features.n_gates + gate
    return np.uintp(start + number * width * width)


@inline
def _own_gate(features, rows, v, j, t):  # type: ignore[no-untyped-def]
    """Gate of the pair of a site in row t with its neighbour j: that of the earlier row."""
    if features.n_gates == 1:
        return 0
    earlier = t if features.neighbours[v, j, 1] == 0 else t + features.neighbours[v, j, 3]
    return rows[GATE, earlier]


class Told(NamedTuple):
    """H of (1) of all sites, and how a site tells its neighbours that it has changed.

    Attributes
    ----------
    local : ndarray of shape (n_sites * width,), float32
    away : ndarray of shape (n_lines, n_neighbours), int64
        How many sites away each neighbour of a line is.
    table : ndarray of shape (n_lines, n_neighbours), uintp
        Place of the table that the neighbour reads: the pair's other copy.
    """

    local: Float32s
    away: Ints
    table: NDArray[np.uintp]


@inline
def _find_told(features, local, width):  # type: ignore[no-untyped-def]
    """Find where the neighbours are, and what they read."""
    away = np.empty(features.neighbours.shape[:2], np.int64)
    table = np.empty(features.neighbours.shape[:2], np.uintp)
    back = features.pair_back - features.pair
    for v in range(features.n_lines):
        for j in range(features.neighbours.shape[1]):
            side, other = features.neighbours[v, j, 1], features.neighbours[v, j, 2]
            away[v, j] = features.neighbours[v, j, 3] * features.n_lines + other - v
            own = np.int64(table_of(features, v, j, 0, width))
            table[v, j] = own + back if side == 0 else own - back
    return Told(local, away, table)


@inline
def _tell_neighbours(grid, site, current, features, rows, weights, told, width):  # type: ignore[no-untyped-def]
    """Tell the neighbours' rows of (1) that a site has another symbol than `current`."""
    first, last, t, v, _, _ = site
    w_ = np.uintp(width)
    chosen = grid[t, v]
    place = (t - first) * features.n_lines + v
    for j in range(features.neighbours.shape[1]):
        n = t + features.neighbours[v, j, 3]
        if first <= n < last:
            table = told.table[v, j]
            if features.n_gates > 1:
                table += np.uintp(_own_gate(features, rows, v, j, t)) * w_ * w_
            replace_row(
                told.local, np.uintp(place + told.away[v, j]) * w_, weights,
                table + np.uintp(current) * w_, table + np.uintp(chosen) * w_, width,
            )  # fmt: skip


@inline
def _add_run(values, local, grid, site, length, target, width):  # type: ignore[no-untyped-def]
    """Make the log-weights of a site those of a run of equal symbols that begins at it.

    Those of the run's other sites are added. Each row of (1) takes the run's own other sites
    for what they are: that comes off, and what the run's sites are to each other comes on.
    """
    features, rows, weights, _, _ = target
    first, _, t, v, _, _ = site
    current, w_ = np.uintp(grid[t, v]), np.uintp(width)
    for k in range(1, length):
        o = np.uintp((t + k - first) * features.n_lines + v) * w_
        add_row(values, np.uintp(0), local, o, width)
    for j in range(features.neighbours.shape[1]):
        lag = features.neighbours[v, j, 3]
        if features.neighbours[v, j, 2] != v or features.neighbours[v, j, 1] != 0:
            continue
        for k in range(length - lag):
            forth = table_of(features, v, j, _own_gate(features, rows, v, j, t + k), width)
            back = forth + np.uintp(features.pair_back - features.pair)
            subtract_row(values, np.uintp(0), weights, forth + current * w_, width)
            subtract_row(values, np.uintp(0), weights, back + current * w_, width)
            for a in range(w_):
                values[a] += weights[forth + a * w_ + a]


@inline
def _add_steps(values, grid, site, length, steps, n_lines, width):  # type: ignore[no-untyped-def]
    """Add the log-weights of same-step pairs of the factors.

    They may forbid, and -1e30 cannot be taken off a sum again: so they stay out of (1).
    """
    _, _, t, v, _, _ = site
    for k in range(length):
        for w in range(n_lines):
            number = steps.of[t + k, v, w]
            if number >= 0:
                row = steps.table[number, grid[t + k, w]]
                for a in range(np.uintp(width)):
                    values[a] += row[a]


@inline
def fill_fields(piece, target, local, width):  # type: ignore[no-untyped-def]
    """Write (1) for every site of a piece into `local`, of n_rows * n_lines * width cells."""
    grid, first, last = piece
    features, rows, weights, field, _ = target
    w_, unary = np.uintp(width), field.reshape(-1)
    for t in range(first, last):
        for v in range(features.n_lines):
            o = np.uintp((t - first) * features.n_lines + v) * w_
            f = np.uintp(t * features.n_lines + v) * w_
            copy_row(local, o, unary, f, width)
            for j in range(features.neighbours.shape[1]):
                u = t + features.neighbours[v, j, 3]
                if first <= u < last:
                    table = table_of(features, v, j, _own_gate(features, rows, v, j, t), width)
                    row = table + np.uintp(grid[u, features.neighbours[v, j, 2]]) * w_
                    add_row(local, o, weights, row, width)  # (1)


@inline
def _weigh(site, length, grid, local, target, values, width):  # type: ignore[no-untyped-def]
    """Write the log-weights of a site, or of the run that begins at it."""
    n_lines, steps = target.features.n_lines, target.steps
    o = np.uintp((site.t - site.first) * n_lines + site.v) * np.uintp(width)
    copy_row(values, np.uintp(0), local, o, width)
    if length > 1:
        _add_run(values, local, grid, site, length, target, width)
    if steps.table.shape[0] > 0:
        _add_steps(values, grid, site, length, steps, n_lines, width)


@inline
def redraw_sites(piece, sites, free, target, local, schedule, width):  # type: ignore[no-untyped-def]
    """Redraw randomly chosen sites of one piece and keep (1) true, both in place.

    `local` is as `fill_fields` leaves it, `schedule` the inverse temperatures, run share and
    uniforms of `kernels.gibbs.sweep_sites`, as the others. Returns how many symbols changed.
    """
    grid, first, last = piece
    features, rows, weights, _, _ = target
    inverse_temperature, run_share, u = schedule
    values = np.empty(width, np.float32)
    told = _find_told(features, local, width)
    n_sites, n_changed = sites.shape[0], 0
    for sweep in range(u.shape[0]):
        scale = inverse_temperature[sweep]
        for i in range(u.shape[1]):
            number = np.uintp(u[sweep, i, 0] * n_sites)
            t, v = sites[number, 0], sites[number, 1]
            site = Site(first, last, t, v, LOWEST, LOWEST)
            current = grid[t, v]
            length = choose_length(grid, free, site, u[sweep, i, 1], run_share)
            if length == 0:
                continue
            _weigh(site, length, grid, local, target, values, width)
            _, total = exp_lanes(values, width, scale)
            chosen = draw_row(values, width, np.float32(u[sweep, i, 2]) * total, current)
            if chosen == current:
                continue
            n_changed += length
            for k in range(length):
                grid[t + k, v] = chosen
                other = Site(first, last, t + k, v, LOWEST, LOWEST)
                _tell_neighbours(grid, other, current, features, rows, weights, told, width)
    return n_changed
