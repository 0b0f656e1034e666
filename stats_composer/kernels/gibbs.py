"""Moves of the maximum-entropy model with terms: sites, runs and rows.

A site move redraws one symbol given all others. A run move redraws a run of equal symbols of
one voice as a whole, given that it stays a run: it moves held notes, which single sites
cannot leave without passing through a state that the model holds for unlikely.

Both draw from the exact conditional law of what they redraw, so that each leaves the target
unchanged: exp(scores / temperature).

A row move redraws a stretch of one line by the chain engine, under the line's automaton: the
proposal has the scores of the line's sites as they stand for unary log-weights, and
Metropolis and Hastings' rule makes up for what it leaves out. The target at a temperature is
exp(scores / temperature + log-weight of the automaton).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, jit, shared
from stats_composer.kernels._softmax import draw_row, exp_row
from stats_composer.kernels.chain import Arcs, find_arc, redraw_path, weigh_path
from stats_composer.kernels.sites import (
    LOWEST,
    Floats,
    Ints,
    Layout,
    Rows,
    padded_symbols,
    visit_site,
)

__all__ = ["Steps", "gather_site", "no_steps", "sweep_row", "sweep_sites"]


# Log-weights below this forbid.
FORBIDDEN = np.float32(-1e29)


class Steps(NamedTuple):
    """Log-weights of two lines at one row, beside the model's own.

    Attributes
    ----------
    table : ndarray of shape (n_tables, width, width), float32
        [symbol of the other line, own symbol].
    of : ndarray of shape (n_rows, n_lines, n_lines), int64
        Table of (own line, other line) at a row; -1 for none.
    """

    table: NDArray[np.float32]
    of: Ints


@shared
def gather_site(  # type: ignore[no-untyped-def]
    grid, first, last, t, v, low, high, layout, rows, field, weights, steps, values, index, scratch
):
    """Write the log-weights of the symbols [low, high) of a site into `values`."""
    for a in range(np.uintp(low), np.uintp(high)):
        values[a] = field[t, v, a]
    visit_site(
        grid, first, last, t, v, low, high,
        layout, rows, weights, values, index, scratch, False,
    )  # fmt: skip
    if steps.table.shape[0] > 0:
        for w in range(layout.n_lines):
            number = steps.of[t, v, w]
            if number >= 0:
                row = steps.table[number, grid[t, w]]
                for a in range(np.uintp(low), np.uintp(high)):
                    values[a] += row[a]


@inline
def _move_run(  # type: ignore[no-untyped-def]
    grid,
    first,
    last,
    t,
    v,
    length,
    layout,
    rows,
    field,
    weights,
    steps,
    values,
    single,
    index,
    scratch,
):
    """Make the log-weights of a site those of a run of equal symbols that begins at it.

    A run of one symbol becomes one of another row by row, each scored with those before it
    changed; where a row forbids a symbol, there is nothing more to score.
    """
    n = padded_symbols(layout, v)
    current = grid[t, v]
    start = values[current]
    for a in range(n):
        if a == current or values[a] < FORBIDDEN:
            continue
        values[a] -= start
        for i in range(1, length):
            if field[t + i, v, a] < FORBIDDEN:
                values[a] = field[t + i, v, a]
                break
            grid[t + i - 1, v] = a
            for b in (a, current):
                gather_site(
                    grid, first, last, t + i, v, b, b + 1,
                    layout, rows, field, weights, steps, single, index, scratch,
                )  # fmt: skip
            values[a] += single[a] - single[current]
        for i in range(length):
            grid[t + i, v] = current
    values[current] = 0


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
    steps: Steps,
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
    steps : Steps
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
    single = np.zeros(layout.width, np.float32)
    n_sites, n_changed = sites.shape[0], 0
    free = np.zeros((last - first, layout.n_lines), np.bool_)
    for i in range(n_sites):
        free[sites[i, 0] - first, sites[i, 1]] = True
    for sweep in range(u.shape[0]):
        scale = inverse_temperature[sweep]
        for i in range(u.shape[1]):
            site = int(u[sweep, i, 0] * n_sites)
            t, v = sites[site, 0], sites[site, 1]
            n, current = padded_symbols(layout, v), grid[t, v]
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
            gather_site(
                grid, first, last, t, v, LOWEST, n,
                layout, rows, field, weights, steps, values, index, scratch,
            )  # fmt: skip
            if length > 1:
                _move_run(
                    grid, first, last, t, v, length,
                    layout, rows, field, weights, steps, values, single, index, scratch,
                )  # fmt: skip
            _, total = exp_row(values, n, scale, bits, floats)
            threshold = np.float32(u[sweep, i, 2]) * total
            chosen = draw_row(values, n, threshold, current)
            if chosen != current:
                n_changed += length
                for j in range(length):
                    grid[t + j, v] = chosen
    return n_changed


@inline
def _stretch(n_steps, longest, u_place, u_length):  # type: ignore[no-untyped-def]
    """Choose a stretch of a line by two uniforms: all places alike, one in 32 the whole line."""
    if u_place < 0.03125:
        return 0, n_steps
    length = 1 + int(u_length * longest)
    place = (u_place - 0.03125) / 0.96875
    begin = int(place * (n_steps + length - 1)) - length + 1
    return max(begin, 0), min(begin + length, n_steps)


@inline
def _read_on(arcs, line, end, tail):  # type: ignore[no-untyped-def]
    """Write into `tail` the weight of reading the line from `end` on, for each state there."""
    tail[:] = -np.inf
    for i in range(arcs.live_start[end], arcs.live_start[end + 1]):
        s = np.int64(arcs.live[i])
        origin, total = s, 0.0
        for t in range(end, line.shape[0]):
            arc = find_arc(arcs, t, s, line[t])
            if arc < 0:
                total = -np.inf
                break
            total += arcs.log_weight[arc]
            s = np.int64(arcs.target[arc])
        tail[origin] = total + arcs.final[s] if total > -np.inf else total


@inline
def _window(arcs, line, begin, end, tail):  # type: ignore[no-untyped-def]
    """Return the automaton of the steps [begin, end) alone, the rest of the line as it is."""
    s = np.int64(arcs.initial)
    for t in range(begin):
        s = np.int64(arcs.target[find_arc(arcs, t, s, line[t])])
    _read_on(arcs, line, end, tail)
    return Arcs(
        arcs.first, arcs.twin, arcs.symbol, arcs.target, arcs.log_weight, arcs.weight, arcs.peak,
        arcs.kind[begin:end], tail, int(s), arcs.live, arcs.live_start[begin : end + 1],
    )  # fmt: skip


@inline
def _propose(  # type: ignore[no-untyped-def]
    grid, first, last, v, begin, free, layout, rows, field, weights, steps, scale, unary,
    values, index, scratch,
):  # fmt: skip
    """Write the proposal's unary log-weights of the steps from `begin` on."""
    n = layout.n_symbols[v]
    for i in range(unary.shape[0]):
        t = first + begin + i
        if not free[begin + i]:
            unary[i, :] = -np.inf
            unary[i, grid[t, v]] = 0.0
            continue
        gather_site(
            grid, first, last, t, v, LOWEST, n,
            layout, rows, field, weights, steps, values, index, scratch,
        )  # fmt: skip
        for a in range(n):
            unary[i, a] = scale * values[a] if field[t, v, a] > -1e29 else -np.inf


@inline
def _write_line(  # type: ignore[no-untyped-def]
    grid, first, last, v, begin, new, layout, rows, field, weights, steps, values, index, scratch
):
    """Write new symbols into a line and return by how much the log-weight changes."""
    change = 0.0
    for i in range(new.shape[0]):
        t = first + begin + i
        old = grid[t, v]
        if new[i] != old:
            # Each site is scored with those before it changed.
            for b in (old, new[i]):
                gather_site(
                    grid, first, last, t, v, b, b + 1,
                    layout, rows, field, weights, steps, values, index, scratch,
                )  # fmt: skip
            change += values[new[i]] - values[old]
            grid[t, v] = new[i]
    return change


@jit()
def sweep_row(
    grid: Ints,
    first: int,
    last: int,
    v: int,
    free: NDArray[np.bool_],
    arcs: Arcs,
    layout: Layout,
    rows: Rows,
    field: Floats,
    weights: Floats,
    steps: Steps,
    inverse_temperature: float,
    longest: int,
    u: NDArray[np.float64],
) -> int:
    """Redraw stretches of one line under its automaton, in place.

    Parameters
    ----------
    free : ndarray of shape (last - first,), bool
        Rows of the line that may change.
    arcs : Arcs
        The automaton of the line, over last - first steps; it accepts the line as it stands.
    longest : int
        Rows of the longest stretch; one in 32 is the whole line.
    u : ndarray of shape (n_moves, last - first + 3), in [0, 1)
        Which place, which length, whether to accept, and the steps' draws.

    Returns
    -------
    int
        Number of moves accepted.
    """
    n_steps, n = last - first, layout.n_symbols[v]
    index = np.zeros(layout.width, np.uint32)
    scratch = np.zeros(layout.width, np.int64)
    values = np.zeros(layout.width, np.float32)
    all_unary = np.empty((n_steps, n), np.float64)
    nothing = np.zeros((n_steps, n), np.float64)
    all_messages = np.empty((n_steps + 1, arcs.final.shape[0]), np.float64)
    tail = np.empty(arcs.final.shape[0], np.float64)
    line = np.empty(n_steps, np.int64)
    drawn = np.empty(n_steps, np.int64)
    unused = np.empty(n_steps, np.int64)
    n_accepted = 0
    for move in range(u.shape[0]):
        begin, end = _stretch(n_steps, longest, u[move, 0], u[move, 1])
        n_drawn = end - begin
        for t in range(n_steps):
            line[t] = grid[first + t, v]
        old, new = line[begin:end], drawn[:n_drawn]
        window = _window(arcs, line, begin, end, tail)
        unary, messages = all_unary[:n_drawn], all_messages[: n_drawn + 1]
        u_steps = u[move, 3 : 3 + n_drawn]
        _propose(
            grid, first, last, v, begin, free, layout, rows, field, weights, steps,
            inverse_temperature, unary, values, index, scratch,
        )  # fmt: skip
        forth, _ = redraw_path(window, unary, old, u_steps, messages, new)
        if forth == -np.inf:
            continue
        change = _write_line(
            grid, first, last, v, begin, new,
            layout, rows, field, weights, steps, values, index, scratch,
        )  # fmt: skip
        _propose(
            grid, first, last, v, begin, free, layout, rows, field, weights, steps,
            inverse_temperature, unary, values, index, scratch,
        )  # fmt: skip
        _, back = redraw_path(window, unary, old, u_steps, messages, unused[:n_drawn])
        read = weigh_path(window, nothing[:n_drawn], new)
        read -= weigh_path(window, nothing[:n_drawn], old)
        if np.log(u[move, 2]) < inverse_temperature * change + read + back - forth:
            n_accepted += 1
        else:
            for i in range(n_drawn):
                grid[first + begin + i, v] = old[i]
    return n_accepted


def no_steps(layout: Layout) -> Steps:
    """Return the pairwise log-weights of a sampler that has none."""
    table = np.zeros((0, layout.width, layout.width), np.float32)
    return Steps(table, np.zeros((0, layout.n_lines, layout.n_lines), np.int64))
