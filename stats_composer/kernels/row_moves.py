"""Moves of a whole line of the maximum-entropy model with terms, under its automaton.

The target is (1) of `kernels/gibbs.py`, its sites' log-weights H (2) of `kernels/sites.py`. A row
move redraws a stretch of one line by the chain engine. Its proposal takes the sites of the stretch
for independent given the grid x as it stands,

    q(y | x) = exp(s sum over t of H(t, v)[y_t] in x + A(y)) / Z(x),                          (1)

and Hastings' rule (1970) makes up for what that leaves out: y is accepted with probability

    min(1, exp(s (model(y) - model(x)) + A(y) - A(x)) q(x | y) / q(y | x)).                   (2)

References
----------
W. Hastings (1970), Monte Carlo sampling methods using Markov chains and their applications,
Biometrika 57.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stats_composer.kernels._jit import inline, jit, shared
from stats_composer.kernels.arrays import Bools, Float32s, Floats, Int32s, Ints
from stats_composer.kernels.chain import Arcs, find_arc, redraw_path, weigh_path
from stats_composer.kernels.gibbs import BARRED, Target, gather_site
from stats_composer.kernels.layout import LOWEST, Piece, Site
from stats_composer.kernels.sites import make_places

__all__ = ["RuledLine", "sweep_row"]

# Stretches that are the whole line, one in 32: what a short one cannot leave, it can.
WHOLE_LINE = 0.03125


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


class Room(NamedTuple):
    """Room for the moves of one row, each array as long as the line."""

    values: Float32s
    place: Int32s
    unary: Floats
    nothing: Floats
    messages: Floats
    step: Floats
    tail: Floats
    line: Ints
    drawn: Ints
    unused: Ints


@inline
def _make_room(features, line, n_steps):  # type: ignore[no-untyped-def]
    n, n_states = features.n_symbols[line.v], line.arcs.final.shape[0]
    return Room(
        np.zeros(features.width, np.float32),
        make_places(features.width),
        np.empty((n_steps, n), np.float64),
        np.zeros((n_steps, n), np.float64),
        np.empty((n_steps + 1, n_states), np.float64),
        np.zeros((4, max(n, n_states)), np.float64),
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


@shared
def _gather(grid, site, target, values, place):  # type: ignore[no-untyped-def]
    features, rows, weights, field, steps = target
    gather_site(grid, site, features, rows, weights, (field, steps), values, place)


@inline
def _propose(piece, line, begin, target, scale, unary, room):  # type: ignore[no-untyped-def]
    """Write the unary log-weights of (1) of the steps from `begin` on."""
    grid, first, last = piece
    v, free, values, place = line.v, line.free, room.values, room.place
    n = target.features.n_symbols[v]
    for i in range(unary.shape[0]):
        t = first + begin + i
        if not free[begin + i]:
            unary[i, :] = -np.inf
            unary[i, grid[t, v]] = 0.0
            continue
        site = Site(first, last, t, v, LOWEST, n)
        _gather(grid, site, target, values, place)
        for a in range(n):
            unary[i, a] = scale * values[a] if target.field[t, v, a] > BARRED else -np.inf  # (1)


@inline
def _write_line(piece, v, begin, new, target, room):  # type: ignore[no-untyped-def]
    """Write new symbols into a line and return by how much model and steps change."""
    grid, first, last = piece
    change, values = 0.0, room.values
    for i in range(new.shape[0]):
        t = first + begin + i
        old = grid[t, v]
        if new[i] != old:
            # Each site is scored with those before it changed.
            for b in (old, new[i]):
                site = Site(first, last, t, v, b, b + 1)
                _gather(grid, site, target, values, room.place)
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
    forth, _ = redraw_path(window, unary, old, u_steps, messages, new, room.step)
    if forth == -np.inf:
        return 0
    change = _write_line(piece, line.v, begin, new, target, room)
    _propose(piece, line, begin, target, scale, unary, room)
    unused = room.unused[:n_drawn]
    _, back = redraw_path(window, unary, old, u_steps, messages, unused, room.step)
    read = weigh_path(window, nothing, new)
    read -= weigh_path(window, nothing, old)
    if np.log(u[2]) < scale * change + read + back - forth:  # (2)
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
    room = _make_room(target.features, line, n_steps)
    n_accepted = 0
    for move in range(u.shape[0]):
        begin, end = _stretch(n_steps, longest, u[move, 0], u[move, 1])
        for t in range(n_steps):
            room.line[t] = piece.grid[piece.first + t, line.v]
        n_accepted += _move_stretch(
            piece, line, target, inverse_temperature, begin, end, u[move], room
        )
    return n_accepted
