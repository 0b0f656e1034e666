"""Value and gradient of the pairwise model by differences from row to row.

A piece is gone through line by line. Notes last: most neighbours have the symbol that they had
a row before. So of the log-weights H of (1) in `kernels/pairs.py` the differences are written,

    D(t, v) = H(t, v) - H(t - 1, v), fields apart: J[new] - J[old] where a neighbour changes, (2)

and H is their running sum over the rows. The gradient of a row of J is the sum of the
residuals r of all sites at which it stands in H, those of a neighbour's stay [s, e); with
the running sum R(t) of the residuals of the rows before t, each takes two rows of it:

    dL / dJ[c] = sum over the stays on c of R(e) - R(s).                                  (3)

The conventions are those of `kernels/pairs.py`. Running sums are begun anew every `BLOCK`
rows, so that rounding cannot add up: 2 ** -24 a step, some 1e-5 nats in all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stats_composer.kernels._jit import inline
from stats_composer.kernels._lanes import (
    add_row,
    copy_row,
    exp_lanes,
    replace_row,
    scale_row,
    subtract_row,
)
from stats_composer.kernels.arrays import Float32s, Ints
from stats_composer.kernels.pair_fields import table_of

__all__ = ["BLOCK", "ByKind", "add_gradient"]

BLOCK = 256  # rows: two blocks of 32 symbols fit the second cache, and one restart is 1 % of it


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
def _walk_changes(changes, features, block, place, table, rows, back, width):  # type: ignore[no-untyped-def]
    """Go through the stays of a neighbour on its symbols, beside the sites of a line in a block.

    Forth, the differences (2) go from rows of the table to `rows`; back, the sums (3) go from
    `rows` to the table.
    """
    grid, change, n_changes = changes
    v, j = place
    w, lag = features.neighbours[v, j, 2], features.neighbours[v, j, 3]
    low, high = max(block.begin, block.first - lag), min(block.end, block.last - lag)
    if low >= high:
        return
    w_ = np.uintp(width)
    start = table_of(features, v, j, 0, width)
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


@inline
def _make_room(grids, n_lines, width):  # type: ignore[no-untyped-def]
    """Return the room for the changes of the longest piece, and for a block."""
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
    return changes, sums


@inline
def add_gradient(grids, features, weights, fields, backward, gradient, width):  # type: ignore[no-untyped-def]
    """Sum the log-probabilities of all sites given the others, with their exact gradient.

    Parameters
    ----------
    grids, features : Grids, Features of one gate
    weights : ndarray of float32
    fields : ByKind
        To its residuals are added the gradient by the fields: indicators less probabilities.
    backward : bool
        Without it neither gradient nor residual is touched.
    gradient : ndarray of weights' shape, float32, added to

    Returns
    -------
    float
        The pseudo-log-likelihood in nats, summed.
    """
    n_lines = features.n_lines
    changes, sums = _make_room(grids, n_lines, width)
    step, before = sums.step, sums.before
    total = 0.0
    for p in range(grids.start.shape[0]):
        first, last = grids.start[p], grids.stop[p]
        _list_changes(changes, first, last)
        for begin in range(first, last, BLOCK):
            block = Block(first, last, begin, min(begin + BLOCK, last))
            for v in range(n_lines):
                for a in range(np.uintp((block.end - begin) * width)):
                    step[a] = 0
                for j in range(features.neighbours.shape[1]):
                    _walk_changes(changes, features, block, (v, j), weights, step, False, width)
                total += _score_block(grids, block, v, fields, sums, backward, width)
                if not backward:
                    continue
                for j in range(features.neighbours.shape[1]):
                    _walk_changes(changes, features, block, (v, j), gradient, before, True, width)
    return total
