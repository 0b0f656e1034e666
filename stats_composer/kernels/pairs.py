"""The maximum-entropy model of fields and pairs alone, by what changes instead of by what is.

`kernels/maxent.py` serves every model. Where pairs are all that a model has beside its
fields, the log-weights of a site are a sum of rows of one table, a row a neighbour,

    H(t, v)[a] = field(t, v)[a] + sum over neighbours (u, w) of J[x(u, w), a],       (1)

and both kernels here save by leaving alone what stays the same:

* `value_and_gradient` goes through a piece line by line. Notes last: most neighbours have the
  symbol that they had a row before. So it writes the differences

      D(t, v) = H(t, v) - H(t - 1, v), fields apart: J[new] - J[old] where a neighbour changes, (2)

  and (1) is their running sum over the rows. The gradient of a row of J is the sum of the
  residuals r of all sites at which it stands in (1), those of a neighbour's stay [s, e); with
  the running sum R(t) of the residuals of the rows before t, each takes two rows of it:

      dL / dJ[c] = sum over the stays on c of R(e) - R(s).                                  (3)

* `sweep_fields` keeps (1) for all sites at once. A chain that has settled changes few symbols,
  and only a change has to be told to the neighbours' rows.

Conventions
-----------
Arrays are flat and float32; `width`, a multiple of 8, is the length of a row. It is a constant
of the compiled kernel, because loops of a known length become a few vector instructions: there
is a set of kernels for each width (`pair_kernels`). Rows of J are read as in the general
kernel: table `pair` has the symbol of the later site first and serves the earlier one,
`pair_back` the other way round.

Running sums are begun anew every `BLOCK` rows, and H every call, so that rounding cannot add
up: 2 ** -24 a step, some 1e-5 nats in all.

References
----------
J. Besag (1975), Statistical analysis of non-lattice data.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, jit
from stats_composer.kernels._lanes import (
    add_row,
    copy_row,
    exp_lanes,
    replace_row,
    scale_row,
    subtract_row,
)
from stats_composer.kernels._softmax import draw_row
from stats_composer.kernels.arrays import Float32s, Floats, Ints
from stats_composer.kernels.gibbs import Target, choose_length, mark_free
from stats_composer.kernels.gibbs import sweep_sites as sweep_sites_of_all_terms
from stats_composer.kernels.sites import LOWEST, Grids, Layout, Piece, Site

__all__ = ["PairKernels", "has_pairs_alone", "pair_kernels", "site_sweeper", "sweep_sites"]

BLOCK = 256  # rows: two blocks of 32 symbols fit the second cache, and one restart is 1 % of it


class PairKernels(NamedTuple):
    """The kernels of one width."""

    value_and_gradient: Callable[..., float]
    local_fields: Callable[..., None]
    sweep_fields: Callable[..., int]


def has_pairs_alone(layout: Layout) -> bool:
    """Tell whether a model has no primitive but pairs beside its fields."""
    others = ("motion", "sonority", "progression", "melody", "onset", "rhythm", "beats", "passage")
    return not any(getattr(layout, name) for name in others)


def sweep_sites(
    piece: Piece,
    sites: Ints,
    target: Target,
    inverse_temperature: Float32s,
    run_share: float,
    u: Floats,
) -> int:
    """Do what `kernels.gibbs.sweep_sites` does, for a model of pairs alone."""
    layout = target.layout
    kernels = pair_kernels(layout.width)
    local = np.empty((piece.last - piece.first) * layout.n_lines * layout.width, np.float32)
    kernels.local_fields(piece, target, local)
    return kernels.sweep_fields(piece, sites, target, local, inverse_temperature, run_share, u)


def site_sweeper(layout: Layout) -> Callable[..., int]:
    """Return the kernel that redraws the sites of a model; all take the same arguments."""
    return sweep_sites if has_pairs_alone(layout) else sweep_sites_of_all_terms


# ---- where neighbours change -------------------------------------------------------------


class Changes(NamedTuple):
    """The rows at which each line of a piece has not the symbol that it had before."""

    grid: Ints
    row: Ints  # (n_lines, longest)
    n: Ints  # (n_lines,)


class Block(NamedTuple):
    """The rows [begin, end) of the piece [first, last), worked out together."""

    first: int
    last: int
    begin: int
    end: int


@inline
def _list_changes(changes, first, last):  # type: ignore[no-untyped-def]
    """List where the lines of a piece change."""
    grid = changes.grid
    for w in range(changes.n.shape[0]):
        n = 0
        for t in range(first + 1, last):
            if grid[t, w] != grid[t - 1, w]:
                changes.row[w, n] = t
                n += 1
        changes.n[w] = n


@inline
def _first_after(change, w, n, row):  # type: ignore[no-untyped-def]
    """Return the number of the first of a line's n changes that is later than a row."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if change[w, middle] <= row:
            low = middle + 1
        else:
            high = middle
    return low


@inline
def _table(layout, v, j, gate, width):  # type: ignore[no-untyped-def]
    """Place of the table that a site of line v reads for its neighbour j."""
    side = layout.neighbours[v, j, 1]
    start = layout.pair if side == 0 else layout.pair_back
    number = layout.neighbours[v, j, 0] * layout.n_gates + gate
    return np.uintp(start + number * width * width)


@inline
def _own_gate(layout, rows, v, j, t):  # type: ignore[no-untyped-def]
    """Gate of the pair of a site in row t with its neighbour j: that of the earlier row."""
    if layout.n_gates == 1:
        return 0
    earlier = t if layout.neighbours[v, j, 1] == 0 else t + layout.neighbours[v, j, 3]
    return rows.gate[earlier]


# ---- value and gradient, (2) and (3) ------------------------------------------------------


class ByKind(NamedTuple):
    """The fields of each kind of row, flat, and the sums of the residuals by them."""

    kind: Ints
    unary: Float32s
    residual: Float32s


class Sums(NamedTuple):
    """Room for a block: differences (2) from row to row, residuals of the rows before, a site."""

    step: Float32s
    before: Float32s
    scores: Float32s
    values: Float32s


@inline
def _walk_changes(changes, layout, block, place, table, rows, back, width):  # type: ignore[no-untyped-def]
    """Go through the stays of a neighbour on its symbols, beside the sites of a line in a block.

    Forth, the differences (2) go from rows of the table to `rows`; back, the sums (3) go from
    `rows` to the table.
    """
    grid, change, n_changes = changes
    v, j = place
    w, lag = layout.neighbours[v, j, 2], layout.neighbours[v, j, 3]
    low, high = max(block.begin, block.first - lag), min(block.end, block.last - lag)
    if low >= high:
        return
    w_ = np.uintp(width)
    start = _table(layout, v, j, 0, width)
    old, o = start + np.uintp(grid[low + lag, w]) * w_, np.uintp(low - block.begin) * w_
    if back:
        subtract_row(table, old, rows, o, width)
    else:
        add_row(rows, o, table, old, width)
    for i in range(_first_after(change, w, n_changes[w], low + lag), n_changes[w]):
        t = change[w, i] - lag
        if t >= high:
            break
        new, o = start + np.uintp(grid[t + lag, w]) * w_, np.uintp(t - block.begin) * w_
        if back:
            add_row(table, old, rows, o, width)
            subtract_row(table, new, rows, o, width)
        else:
            replace_row(rows, o, table, old, new, width)
        old = new
    o = np.uintp(high - block.begin) * w_
    if back:
        add_row(table, old, rows, o, width)
    elif high < block.end:
        subtract_row(rows, o, table, old, width)


@inline
def _score_block(grids, block, v, fields, sums, backward, width):  # type: ignore[no-untyped-def]
    """Return the log-probabilities of a line's sites in a block, summed; sum their residuals."""
    grid, _, _, modelled = grids
    kind, unary, by_field = fields
    step, before, scores, values = sums
    n_lines, zero, w_ = modelled.shape[1], np.uintp(0), np.uintp(width)
    total = 0.0
    for a in range(w_):
        scores[a] = 0
    for t in range(block.begin, block.end):
        o = np.uintp(t - block.begin) * w_
        f = np.uintp(kind[t] * n_lines + v) * w_
        add_row(scores, zero, step, o, width)  # (2)
        copy_row(values, zero, scores, zero, width)
        add_row(values, zero, unary, f, width)  # (1)
        copy_row(before, o + w_, before, o, width)
        if not modelled[t, v]:
            continue
        symbol = np.uintp(grid[t, v])
        score = values[symbol]
        largest, normaliser = exp_lanes(values, width, np.float32(1))
        total += score - largest - np.log(normaliser)
        if backward:
            scale_row(values, width, np.float32(-1) / normaliser)
            values[symbol] += np.float32(1)
            add_row(before, o + w_, values, zero, width)
            add_row(by_field, f, values, zero, width)
    return total


# ---- chains ------------------------------------------------------------------------------


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
def _find_told(layout, local, width):  # type: ignore[no-untyped-def]
    """Find where the neighbours are, and what they read."""
    away = np.empty(layout.neighbours.shape[:2], np.int64)
    table = np.empty(layout.neighbours.shape[:2], np.uintp)
    back = layout.pair_back - layout.pair
    for v in range(layout.n_lines):
        for j in range(layout.n_neighbours[v]):
            side, other = layout.neighbours[v, j, 1], layout.neighbours[v, j, 2]
            away[v, j] = layout.neighbours[v, j, 3] * layout.n_lines + other - v
            own = np.int64(_table(layout, v, j, 0, width))
            table[v, j] = own + back if side == 0 else own - back
    return Told(local, away, table)


@inline
def _tell_neighbours(grid, site, current, layout, rows, weights, told, width):  # type: ignore[no-untyped-def]
    """Tell the neighbours' rows of (1) that a site has another symbol than `current`."""
    first, last, t, v, _, _ = site
    w_ = np.uintp(width)
    chosen = grid[t, v]
    place = (t - first) * layout.n_lines + v
    for j in range(layout.n_neighbours[v]):
        n = t + layout.neighbours[v, j, 3]
        if first <= n < last:
            table = told.table[v, j]
            if layout.n_gates > 1:
                table += np.uintp(_own_gate(layout, rows, v, j, t)) * w_ * w_
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
    layout, rows, weights, _, _ = target
    first, _, t, v, _, _ = site
    current, w_ = np.uintp(grid[t, v]), np.uintp(width)
    for k in range(1, length):
        o = np.uintp((t + k - first) * layout.n_lines + v) * w_
        add_row(values, np.uintp(0), local, o, width)
    for j in range(layout.n_neighbours[v]):
        lag = layout.neighbours[v, j, 3]
        if layout.neighbours[v, j, 2] != v or layout.neighbours[v, j, 1] != 0:
            continue
        for k in range(length - lag):
            forth = _table(layout, v, j, _own_gate(layout, rows, v, j, t + k), width)
            back = forth + np.uintp(layout.pair_back - layout.pair)
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


# ---- the kernels -------------------------------------------------------------------------


@cache
def pair_kernels(width: int) -> PairKernels:
    """Return the kernels for tables of a width.

    Parameters
    ----------
    width : int
        `Layout.width`.
    """

    @jit(fastmath=True)  # sums over symbols vectorize: half the time; nothing here is infinite
    def value_and_gradient(
        grids: Grids,
        layout: Layout,
        weights: Float32s,
        kind: Ints,
        field: Float32s,
        backward: bool,
        gradient: Float32s,
        residual: Float32s,
    ) -> float:
        """Sum the log-probabilities of all sites given the others, with their exact gradient.

        Parameters
        ----------
        grids : Grids
        layout : Layout
            With one gate.
        weights : ndarray of float32
        kind : ndarray of shape (n_rows,), int64
            Which fields a row has.
        field : ndarray of shape (n_kinds, n_lines, width), float32
        backward : bool
            Without it neither gradient nor residual is touched.
        gradient : ndarray of weights' shape, float32, added to
        residual : ndarray of field's shape, float32, added to
            Indicators of the symbols less their probabilities: the gradient by the fields.

        Returns
        -------
        float
            The pseudo-log-likelihood in nats, summed.
        """
        n_lines = layout.n_lines
        fields = ByKind(kind, field.reshape(-1), residual.reshape(-1))
        longest = 1
        for p in range(grids.start.shape[0]):
            longest = max(longest, grids.stop[p] - grids.start[p])
        row = np.empty((n_lines, longest), np.int64)
        changes = Changes(grids.grid, row, np.empty(n_lines, np.int64))
        step, before = (
            np.empty(BLOCK * width, np.float32),
            np.zeros((BLOCK + 1) * width, np.float32),
        )
        sums = Sums(step, before, np.empty(width, np.float32), np.empty(width, np.float32))
        total = 0.0
        for p in range(grids.start.shape[0]):
            first, last = grids.start[p], grids.stop[p]
            _list_changes(changes, first, last)
            for begin in range(first, last, BLOCK):
                block = Block(first, last, begin, min(begin + BLOCK, last))
                for v in range(n_lines):
                    for a in range(np.uintp((block.end - begin) * width)):
                        step[a] = 0
                    for j in range(layout.n_neighbours[v]):
                        _walk_changes(changes, layout, block, (v, j), weights, step, False, width)
                    total += _score_block(grids, block, v, fields, sums, backward, width)
                    if not backward:
                        continue
                    for j in range(layout.n_neighbours[v]):
                        _walk_changes(changes, layout, block, (v, j), gradient, before, True, width)
        return total

    @jit(fastmath=True)  # as above
    def local_fields(piece: Piece, target: Target, local: Float32s) -> None:
        """Write (1) for every site of a piece.

        Parameters
        ----------
        piece : Piece
        target : Target
        local : ndarray of shape ((last - first) * n_lines * width,), float32, overwritten
        """
        grid, first, last = piece
        layout, rows, weights, field, _ = target
        w_, unary = np.uintp(width), field.reshape(-1)
        for t in range(first, last):
            for v in range(layout.n_lines):
                o = np.uintp((t - first) * layout.n_lines + v) * w_
                f = np.uintp(t * layout.n_lines + v) * w_
                copy_row(local, o, unary, f, width)
                for j in range(layout.n_neighbours[v]):
                    u = t + layout.neighbours[v, j, 3]
                    if first <= u < last:
                        table = _table(layout, v, j, _own_gate(layout, rows, v, j, t), width)
                        row = table + np.uintp(grid[u, layout.neighbours[v, j, 2]]) * w_
                        add_row(local, o, weights, row, width)  # (1)

    @jit(fastmath=True)  # as above
    def sweep_fields(
        piece: Piece,
        sites: Ints,
        target: Target,
        local: Float32s,
        inverse_temperature: Float32s,
        run_share: float,
        u: Floats,
    ) -> int:
        """Redraw randomly chosen sites of one piece and keep (1) true, both in place.

        Parameters
        ----------
        local : ndarray, as `local_fields` leaves it
        piece, sites, target, inverse_temperature, run_share, u
            As of `kernels.gibbs.sweep_sites`.

        Returns
        -------
        int
            Number of symbols changed.
        """
        grid, first, last = piece
        layout, rows, weights, _, steps = target
        values, w_ = np.empty(width, np.float32), np.uintp(width)
        told = _find_told(layout, local, width)
        n_sites, n_changed = sites.shape[0], 0
        free = mark_free(piece, sites, layout.n_lines)
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
                o = np.uintp((t - first) * layout.n_lines + v) * w_
                copy_row(values, np.uintp(0), local, o, width)
                if length > 1:
                    _add_run(values, local, grid, site, length, target, width)
                if steps.table.shape[0] > 0:
                    _add_steps(values, grid, site, length, steps, layout.n_lines, width)
                _, total = exp_lanes(values, width, scale)
                chosen = draw_row(values, width, np.float32(u[sweep, i, 2]) * total, current)
                if chosen == current:
                    continue
                n_changed += length
                for k in range(length):
                    grid[t + k, v] = chosen
                    other = Site(first, last, t + k, v, LOWEST, LOWEST)
                    _tell_neighbours(grid, other, current, layout, rows, weights, told, width)
        return n_changed

    return PairKernels(value_and_gradient, local_fields, sweep_fields)
