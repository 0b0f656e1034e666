"""Moves of the maximum-entropy model with terms: sites, and runs of equal symbols.

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

Lines under an automaton are moved by `kernels/row_moves.py` as well.

References
----------
S. Geman, D. Geman (1984), Stochastic relaxation, Gibbs distributions, and the Bayesian
restoration of images, IEEE PAMI 6(6).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stats_composer.kernels._jit import inline, jit, spliced
from stats_composer.kernels._softmax import draw_row, exp_row
from stats_composer.kernels.arrays import Bools, Float32s, Floats, Int32s, Ints
from stats_composer.kernels.layout import FORBIDDEN, LOWEST, Features, Piece, Site
from stats_composer.kernels.sites import GATHER, padded, visit_site

__all__ = [
    "BARRED",
    "Steps",
    "Target",
    "choose_length",
    "draw_sites",
    "gather_site",
    "mark_free",
    "no_steps",
    "score_sites",
    "sweep_sites",
]


# Log-weights below this forbid: no model's own come near, and added to FORBIDDEN they are lost.
BARRED = np.float32(-1e29)
# Of the run moves, those of two rows; the others are of four.
SHORT_RUNS = 0.6


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
    features : Features
    rows : ndarray of shape (3, n_rows), int64
        By `Context`.
    weights : ndarray of float32
        Of the features, as `features` places them.
    field : ndarray of shape (n_rows, n_lines, width), float32
        Unary log-weights, those of factors included; `FORBIDDEN` forbids.
    steps : Steps
    """

    features: Features
    rows: Ints
    weights: Float32s
    field: Float32s
    steps: Steps


@spliced
def gather_site(grid, site, features, rows, weights, own, values, place):  # type: ignore[no-untyped-def]
    """Write H of (2) for the symbols [low, high) of a site into `values`.

    `own` are field and steps of the target; `place` is room.
    """
    field, steps = own
    _, _, t, v, low, high = site
    for a in range(np.uintp(low), np.uintp(high)):
        values[a] = field[t, v, a]
    visit_site(grid, site, features, rows, weights, values, place, GATHER)
    if steps.table.shape[0] > 0:
        for w in range(features.n_lines):
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
def _gather_move(grid, site, length, target, values, single, place):  # type: ignore[no-untyped-def]
    """Write H of a site, or of the run of `length` equal symbols from it on, into `values`.

    The one call of `gather_site` here first looks at all symbols of the site, then, row by row
    of the run, at the new and the old symbol: each call is compiled with all that is in it.
    """
    features, rows, weights, field, steps = target
    first, last, t, v, low, high = site
    current = grid[t, v]
    for i in range(length):
        for a in range(low, high if i > 0 else low + 1):
            if i > 0:
                if a == current or values[a] < BARRED:
                    continue
                if field[t + i, v, a] < BARRED:
                    values[a] = field[t + i, v, a]
                    continue
                grid[t : t + i, v] = a
            for b in range(1 if i == 0 else 2):
                symbol = a if b == 0 else current
                one = site if i == 0 else Site(first, last, t + i, v, symbol, symbol + 1)
                out = values if i == 0 else single
                gather_site(grid, one, features, rows, weights, (field, steps), out, place)
            if i > 0:
                values[a] += single[a] - single[current]  # (3)
                grid[t : t + i, v] = current
        if i == 0 and length > 1:
            start = values[current]
            for a in range(low, high):
                if values[a] >= BARRED:
                    values[a] -= start


class SiteRoom(NamedTuple):
    """Room for the moves of single sites, each array as wide as the alphabets.

    `bits` and `floats` are two views of one buffer. `scores` is of shape (n_sites, width), or
    (0, width) where nobody asks for them.
    """

    values: Float32s
    single: Float32s
    place: Int32s
    bits: Int32s
    floats: Float32s
    scores: Float32s


def _site_room(width: int, n_scores: int) -> SiteRoom:
    values, single, floats = np.zeros((3, width), np.float32)
    scores = np.full((n_scores, width), FORBIDDEN, np.float32)
    place = np.zeros(2 * width, np.int32)
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
    room = _site_room(target.features.width, 0)
    free = mark_free(piece, sites, target.features.n_lines)
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
    room = _site_room(target.features.width, len(sites))
    free = mark_free(piece, sites, target.features.n_lines)
    nothing, u = np.ones(0, np.float32), np.zeros((0, 0, 3))
    draw_sites(piece, np.ascontiguousarray(sites), free, target, nothing, 0.0, u, room)
    return room.scores


# The row sums vectorize; nothing here is infinite but forbidden fields, and no array is made.
@jit(fastmath=True, _nrt=False)
def draw_sites(
    piece: Piece, sites: Ints, free: Bools, target: Target, inverse_temperature: Float32s,
    run_share: float, u: Floats, room: SiteRoom,
) -> int:  # fmt: skip
    """Redraw sites, then score them where there is room: compiled once for both."""
    grid, first, last = piece
    values, single, place, bits, floats, scores = room
    n_sites, n_changed, n_updates = sites.shape[0], 0, u.shape[1]
    n_moves = u.shape[0] * n_updates
    for move in range(n_moves + scores.shape[0]):
        drawn = move < n_moves
        sweep, i = (move // n_updates, move % n_updates) if drawn else (0, 0)
        number = int(u[sweep, i, 0] * n_sites) if drawn else move - n_moves
        t, v = sites[number, 0], sites[number, 1]
        n, current = padded(target.features.n_symbols[v]), grid[t, v]
        site = Site(first, last, t, v, LOWEST, n)
        length = choose_length(grid, free, site, u[sweep, i, 1], run_share) if drawn else 1
        if length == 0:
            continue
        out = values if drawn else scores[number]
        _gather_move(grid, site, length, target, out, single, place)
        if drawn:
            _, total = exp_row(values, n, inverse_temperature[sweep], bits, floats)
            chosen = draw_row(values, n, np.float32(u[sweep, i, 2]) * total, current)  # (2)
            if chosen != current:
                n_changed += length
                grid[t : t + length, v] = chosen
    return n_changed


def no_steps(features: Features) -> Steps:
    """Return the pairwise log-weights of a sampler that has none."""
    table = np.zeros((0, features.width, features.width), np.float32)
    return Steps(table, np.zeros((0, features.n_lines, features.n_lines), np.int64))
