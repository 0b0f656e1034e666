"""Moves of the maximum-entropy model with terms: sites, runs and rows.

The target at an inverse temperature s is

    P(x) ~ exp(s (model(x) + steps(x)) + sum over lines v of A_v(x[:, v])),                  (1)

with model(x) of (1) in `kernels/sites.py`, its fields with the unary factors in them, `steps` the
factors of two lines in one row, and A_v the log-weight of the automaton of line v, where it has
one. Each move leaves (1) as it is.

A site move redraws one symbol from its exact conditional law (Geman and Geman 1984), by the
site's log-weights H of (2) in `kernels/sites.py` with those of `steps`:

    P(x(t, v) = a | rest) = exp(s H[a]) / sum over b of exp(s H[b]).                          (2)

A run move redraws k equal symbols of a line at once, given that they stay equal. The site and
k are chosen whatever the symbol is, and a run of a may become one of any b, so that it is a site
move on the runs. With x_i the grid whose first i rows of the run have changed from c to a,

    H_k[a] = sum over i < k of (H(t + i, v)[a] - H(t + i, v)[c] in x_i),                      (3)

H_k[c] = 0, and the law is (2) with H_k for H. It moves held notes, which single sites cannot
leave without passing through a state that the model holds for unlikely.

A row move redraws a stretch of one line under its automaton by the chain engine. Its proposal
takes the sites of the stretch for independent given the grid x as it stands,

    q(y | x) = exp(s sum over t of H(t, v)[y_t] in x + A(y)) / Z(x),                          (4)

and Hastings' rule (1970) makes up for what that leaves out: y is accepted with probability

    min(1, exp(s (model(y) - model(x)) + A(y) - A(x)) q(x | y) / q(y | x)).                   (5)

References
----------
S. Geman, D. Geman (1984), Stochastic relaxation, Gibbs distributions, and the Bayesian
restoration of images, IEEE PAMI 6(6). W. Hastings (1970), Monte Carlo sampling methods using
Markov chains and their applications, Biometrika 57.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stats_composer.kernels._jit import inline, jit, shared, spliced
from stats_composer.kernels._softmax import draw_row, exp_row
from stats_composer.kernels.arrays import Bools, Float32s, Floats, Int32s, Ints, UInt32s
from stats_composer.kernels.chain import Arcs, find_arc, redraw_path, weigh_path
from stats_composer.kernels.layout import FORBIDDEN, LOWEST, Layout, Piece, Rows, Site
from stats_composer.kernels.sites import make_places, padded_symbols, visit_site

__all__ = [
    "RuledLine",
    "Steps",
    "Target",
    "choose_length",
    "draw_sites",
    "gather_site",
    "mark_free",
    "no_steps",
    "score_sites",
    "sweep_row",
    "sweep_sites",
]


# Log-weights below this forbid: no model's own come near, and added to FORBIDDEN they are lost.
BARRED = np.float32(-1e29)
# Of the run moves, those of two rows; the others are of four.
SHORT_RUNS = 0.6
# Stretches that are the whole line, one in 32: what a short one cannot leave, it can.
WHOLE_LINE = 0.03125


class Steps(NamedTuple):
    """Log-weights of two lines at one row, beside the model's own.

    Attributes
    ----------
    table : ndarray of shape (n_tables, width, width), float32
        [symbol of the other line, own symbol].
    of : ndarray of shape (n_rows, n_lines, n_lines), int64
        Table of (own line, other line) at a row; -1 for none.
    """

    table: Float32s
    of: Ints


class Target(NamedTuple):
    """What the log-weights of sites are read from, (1) without its automata.

    Attributes
    ----------
    layout : Layout
    rows : Rows
    weights : ndarray of float32
        Of the features, as `layout` places them.
    field : ndarray of shape (n_rows, n_lines, width), float32
        Unary log-weights, those of factors included; `FORBIDDEN` forbids.
    steps : Steps
    """

    layout: Layout
    rows: Rows
    weights: Float32s
    field: Float32s
    steps: Steps


class RuledLine(NamedTuple):
    """A line under its automaton.

    Attributes
    ----------
    v : int
    free : ndarray of shape (n_steps,), bool
        Rows of the line that may change.
    arcs : Arcs
        The automaton, over n_steps steps; it accepts the line as it stands.
    """

    v: int
    free: Bools
    arcs: Arcs


@shared
def gather_site(grid, site, layout, rows, weights, own, values, place):  # type: ignore[no-untyped-def]
    """Write H of (2) for the symbols [low, high) of a site into `values`.

    `own` are field and steps of the target; `place` is room.
    """
    field, steps = own
    _, _, t, v, low, high = site
    for a in range(np.uintp(low), np.uintp(high)):
        values[a] = field[t, v, a]
    visit_site(grid, site, layout, rows, weights, values, place, False)
    if steps.table.shape[0] > 0:
        for w in range(layout.n_lines):
            number = steps.of[t, v, w]
            if number >= 0:
                row = steps.table[number, grid[t, w]]
                for a in range(np.uintp(low), np.uintp(high)):
                    values[a] += row[a]


def mark_free(piece: Piece, sites: Ints, n_lines: int) -> Bools:
    """Mark the sites that may be redrawn, by row of the piece."""
    free = np.zeros((piece.last - piece.first, n_lines), np.bool_)
    free[sites[:, 0] - piece.first, sites[:, 1]] = True
    return free


@inline
def choose_length(grid, free, site, u, run_share):  # type: ignore[no-untyped-def]
    """Choose how many rows a move from a site takes: 1, or 2 or 4 of a run; 0 where none is."""
    if u >= run_share:
        return 1
    first, last, t, v, _, _ = site
    length = 2 if u < SHORT_RUNS * run_share else 4
    for i in range(1, length):
        if t + i >= last or not free[t + i - first, v] or grid[t + i, v] != grid[t, v]:
            return 0
    return length


@spliced
def _gather_run(grid, site, length, target, values, single, place):  # type: ignore[no-untyped-def]
    """Make H of a site that of the run of equal symbols that begins at it.

    Where a row forbids a symbol, there is nothing more to score.
    """
    layout, rows, weights, field, steps = target
    first, last, t, v, low, high = site
    current = grid[t, v]
    start = values[current]
    for a in range(low, high):
        if a == current or values[a] < BARRED:
            continue
        values[a] -= start
        for i in range(1, length):
            if field[t + i, v, a] < BARRED:
                values[a] = field[t + i, v, a]
                break
            grid[t + i - 1, v] = a
            for b in (a, current):
                one = Site(first, last, t + i, v, b, b + 1)
                gather_site(grid, one, layout, rows, weights, (field, steps), single, place)
            values[a] += single[a] - single[current]  # (3)
        for i in range(length):
            grid[t + i, v] = current
    values[current] = 0


class SiteRoom(NamedTuple):
    """Room for the moves of single sites, each array as wide as the alphabets.

    `bits` and `floats` are two views of one buffer. `scores` is of shape (n_sites, width), or
    (0, width) where nobody asks for them.
    """

    values: Float32s
    single: Float32s
    place: UInt32s
    bits: Int32s
    floats: Float32s
    scores: Float32s


def _site_room(width: int, n_scores: int) -> SiteRoom:
    values, single, floats = np.zeros((3, width), np.float32)
    scores = np.full((n_scores, width), FORBIDDEN, np.float32)
    place = np.zeros(2 * width, np.uint32)
    return SiteRoom(values, single, place, floats.view(np.int32), floats, scores)


def sweep_sites(
    piece: Piece, sites: Ints, target: Target, inverse_temperature: Float32s, run_share: float,
    u: Floats,
) -> int:  # fmt: skip
    """Redraw randomly chosen sites of one piece, in place.

    Parameters
    ----------
    piece : Piece
        Its grid, int64 of shape (n_rows, n_voices), is overwritten in its rows.
    sites : ndarray of shape (n_sites, 2), int64
        Rows and voices that may be redrawn.
    target : Target
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
    room = _site_room(target.layout.width, 0)
    free = mark_free(piece, sites, target.layout.n_lines)
    return draw_sites(
        piece, np.ascontiguousarray(sites), free, target, inverse_temperature, run_share, u, room
    )


def score_sites(piece: Piece, sites: Ints, target: Target) -> Float32s:
    """Return H of (2) for all symbols at some sites of one piece, all others as they are.

    Parameters
    ----------
    piece : Piece
    sites : ndarray of shape (n_sites, 2), int64
    target : Target

    Returns
    -------
    ndarray of shape (n_sites, width), float32
        Up to a constant of each site; `FORBIDDEN` for symbols that a line does not have.
    """
    room = _site_room(target.layout.width, len(sites))
    free = mark_free(piece, sites, target.layout.n_lines)
    nothing, u = np.ones(0, np.float32), np.zeros((0, 0, 3))
    draw_sites(piece, np.ascontiguousarray(sites), free, target, nothing, 0.0, u, room)
    return room.scores


@jit(fastmath=True)  # the row sums vectorize; nothing here is infinite but forbidden fields
def draw_sites(
    piece: Piece, sites: Ints, free: Bools, target: Target, inverse_temperature: Float32s,
    run_share: float, u: Floats, room: SiteRoom,
) -> int:  # fmt: skip
    """Redraw sites, then score them where there is room: compiled once for both."""
    grid, first, last = piece
    layout, rows, weights, field, steps = target
    values, single, place, bits, floats, scores = room
    n_sites, n_changed = sites.shape[0], 0
    for sweep in range(u.shape[0]):
        scale = inverse_temperature[sweep]
        for i in range(u.shape[1]):
            number = int(u[sweep, i, 0] * n_sites)
            t, v = sites[number, 0], sites[number, 1]
            n, current = padded_symbols(layout, v), grid[t, v]
            site = Site(first, last, t, v, LOWEST, n)
            length = choose_length(grid, free, site, u[sweep, i, 1], run_share)
            if length == 0:
                continue
            gather_site(grid, site, layout, rows, weights, (field, steps), values, place)
            if length > 1:
                _gather_run(grid, site, length, target, values, single, place)
            _, total = exp_row(values, n, scale, bits, floats)
            chosen = draw_row(values, n, np.float32(u[sweep, i, 2]) * total, current)  # (2)
            if chosen != current:
                n_changed += length
                for j in range(length):
                    grid[t + j, v] = chosen
    for i in range(scores.shape[0]):
        t, v = sites[i, 0], sites[i, 1]
        site = Site(first, last, t, v, LOWEST, padded_symbols(layout, v))
        gather_site(grid, site, layout, rows, weights, (field, steps), scores[i], place)
    return n_changed


# ---- rows --------------------------------------------------------------------------------


class Room(NamedTuple):
    """Room for the moves of one row, each array as long as the line."""

    values: Float32s
    place: UInt32s
    unary: Floats
    nothing: Floats
    messages: Floats
    tail: Floats
    line: Ints
    drawn: Ints
    unused: Ints


@inline
def _make_room(layout, line, n_steps):  # type: ignore[no-untyped-def]
    n, n_states = layout.n_symbols[line.v], line.arcs.final.shape[0]
    return Room(
        np.zeros(layout.width, np.float32),
        make_places(layout.width),
        np.empty((n_steps, n), np.float64),
        np.zeros((n_steps, n), np.float64),
        np.empty((n_steps + 1, n_states), np.float64),
        np.empty(n_states, np.float64),
        np.empty(n_steps, np.int64),
        np.empty(n_steps, np.int64),
        np.empty(n_steps, np.int64),
    )


@inline
def _stretch(n_steps, longest, u_place, u_length):  # type: ignore[no-untyped-def]
    """Choose a stretch of a line by two uniforms: all places alike, or the whole line."""
    if u_place < WHOLE_LINE:
        return 0, n_steps
    length = 1 + int(u_length * longest)
    place = (u_place - WHOLE_LINE) / (1 - WHOLE_LINE)
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
def _propose(piece, line, begin, target, scale, unary, room):  # type: ignore[no-untyped-def]
    """Write the unary log-weights of (4) of the steps from `begin` on."""
    grid, first, last = piece
    layout, rows, weights, field, steps = target
    v, free, values, place = line.v, line.free, room.values, room.place
    n = layout.n_symbols[v]
    for i in range(unary.shape[0]):
        t = first + begin + i
        if not free[begin + i]:
            unary[i, :] = -np.inf
            unary[i, grid[t, v]] = 0.0
            continue
        site = Site(first, last, t, v, LOWEST, n)
        gather_site(grid, site, layout, rows, weights, (field, steps), values, place)
        for a in range(n):
            unary[i, a] = scale * values[a] if field[t, v, a] > BARRED else -np.inf  # (4)


@inline
def _write_line(piece, v, begin, new, target, room):  # type: ignore[no-untyped-def]
    """Write new symbols into a line and return by how much model and steps change."""
    grid, first, last = piece
    layout, rows, weights, field, steps = target
    change, values = 0.0, room.values
    for i in range(new.shape[0]):
        t = first + begin + i
        old = grid[t, v]
        if new[i] != old:
            # Each site is scored with those before it changed.
            for b in (old, new[i]):
                site = Site(first, last, t, v, b, b + 1)
                gather_site(grid, site, layout, rows, weights, (field, steps), values, room.place)
            change += values[new[i]] - values[old]
            grid[t, v] = new[i]
    return change


@inline
def _move_stretch(piece, line, target, scale, begin, end, u, room):  # type: ignore[no-untyped-def]
    """Redraw the steps [begin, end) of a line; return 1 if that is accepted, else 0."""
    n_drawn = end - begin
    old, new = room.line[begin:end], room.drawn[:n_drawn]
    unary, messages = room.unary[:n_drawn], room.messages[: n_drawn + 1]
    nothing, u_steps = room.nothing[:n_drawn], u[3 : 3 + n_drawn]
    window = _window(line.arcs, room.line, begin, end, room.tail)
    _propose(piece, line, begin, target, scale, unary, room)
    forth, _ = redraw_path(window, unary, old, u_steps, messages, new)
    if forth == -np.inf:
        return 0
    change = _write_line(piece, line.v, begin, new, target, room)
    _propose(piece, line, begin, target, scale, unary, room)
    _, back = redraw_path(window, unary, old, u_steps, messages, room.unused[:n_drawn])
    read = weigh_path(window, nothing, new)
    read -= weigh_path(window, nothing, old)
    if np.log(u[2]) < scale * change + read + back - forth:  # (5)
        return 1
    for i in range(n_drawn):
        piece.grid[piece.first + begin + i, line.v] = old[i]
    return 0


@jit()
def sweep_row(
    piece: Piece,
    line: RuledLine,
    target: Target,
    inverse_temperature: float,
    longest: int,
    u: Floats,
) -> int:
    """Redraw stretches of one line under its automaton, in place.

    Parameters
    ----------
    piece : Piece
        Its grid is overwritten in the line.
    line : RuledLine
    target : Target
    inverse_temperature : float
    longest : int
        Rows of the longest stretch; one in 32 is the whole line.
    u : ndarray of shape (n_moves, n_steps + 3), in [0, 1)
        Which place, which length, whether to accept, and the steps' draws.

    Returns
    -------
    int
        Number of moves accepted.
    """
    n_steps = piece.last - piece.first
    room = _make_room(target.layout, line, n_steps)
    n_accepted = 0
    for move in range(u.shape[0]):
        begin, end = _stretch(n_steps, longest, u[move, 0], u[move, 1])
        for t in range(n_steps):
            room.line[t] = piece.grid[piece.first + t, line.v]
        n_accepted += _move_stretch(
            piece, line, target, inverse_temperature, begin, end, u[move], room
        )
    return n_accepted


def no_steps(layout: Layout) -> Steps:
    """Return the pairwise log-weights of a sampler that has none."""
    table = np.zeros((0, layout.width, layout.width), np.float32)
    return Steps(table, np.zeros((0, layout.n_lines, layout.n_lines), np.int64))
