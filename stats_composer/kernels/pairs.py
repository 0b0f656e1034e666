"""The maximum-entropy model of fields and pairs alone, by what changes instead of by what is.

`kernels/maxent.py` serves every model. Where pairs are all that a model has beside its
fields, the log-weights of a site are a sum of rows of one table, a row a neighbour,

    H(t, v)[a] = field(t, v)[a] + sum over neighbours (u, w) of J[x(u, w), a],       (1)

and both kernels here save by leaving alone what stays the same:

* `value_and_gradient` goes through a piece line by line. Notes last: most neighbours have the
  symbol that they had a row before. So it writes the differences J[new] - J[old] where a
  neighbour changes, and (1) is their running sum over the rows. The gradient of a row of J is
  the sum of the residuals of all sites at which it stands in (1); those are intervals, so that
  each takes two rows of the residuals' own running sum.
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
from stats_composer.kernels.gibbs import Steps
from stats_composer.kernels.gibbs import sweep_sites as sweep_sites_of_all_terms
from stats_composer.kernels.sites import Floats, Ints, Layout, Rows

__all__ = ["PairKernels", "has_pairs_alone", "pair_kernels", "site_sweeper", "sweep_sites"]

BLOCK = 256  # rows: two blocks of 32 symbols fit the second cache, and one restart is 1 % of it


class PairKernels(NamedTuple):
    """The kernels of one width."""

    value_and_gradient: Callable[..., float]
    local_fields: Callable[..., None]
    sweep_fields: Callable[..., int]


def has_pairs_alone(layout: Layout) -> bool:
    """Tell whether a model has no primitive but pairs beside its fields."""
    others = ("motion", "sonority", "progression", "melody", "onset", "rhythm")
    return not any(getattr(layout, name) for name in others)


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
    """Do what `kernels.gibbs.sweep_sites` does, for a model of pairs alone."""
    kernels = pair_kernels(layout.width)
    local = np.empty((last - first) * layout.n_lines * layout.width, np.float32)
    kernels.local_fields(grid, first, last, layout, rows, field, weights, local)
    return kernels.sweep_fields(
        grid, first, last, sites, layout, rows, weights, local, steps, inverse_temperature,
        run_share, u,
    )  # fmt: skip


def site_sweeper(layout: Layout) -> Callable[..., int]:
    """Return the kernel that redraws the sites of a model; all take the same arguments."""
    return sweep_sites if has_pairs_alone(layout) else sweep_sites_of_all_terms


@inline
def _list_changes(grid, first, last, w, changes):  # type: ignore[no-untyped-def]
    """Write the rows at which a line has not the symbol that it had before; return how many."""
    n = 0
    for t in range(first + 1, last):
        if grid[t, w] != grid[t - 1, w]:
            changes[w, n] = t
            n += 1
    return n


@inline
def _first_after(changes, w, n, row):  # type: ignore[no-untyped-def]
    """Return the number of the first change later than a row."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if changes[w, middle] <= row:
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
        grid: Ints,
        start: Ints,
        stop: Ints,
        modelled: NDArray[np.bool_],
        layout: Layout,
        kind: Ints,
        field: Floats,
        weights: Floats,
        backward: bool,
        gradient: Floats,
        residual: Floats,
    ) -> float:
        """Sum the log-probabilities of all sites given the others, with their exact gradient.

        Parameters
        ----------
        modelled : ndarray of shape (n_rows, n_lines), bool
            The sites that count.
        layout : Layout
            With one gate.
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
        unary, by_field = field.reshape(-1), residual.reshape(-1)
        longest = 1
        for p in range(start.shape[0]):
            longest = max(longest, stop[p] - start[p])
        changes = np.empty((n_lines, longest), np.int64)
        n_changes = np.empty(n_lines, np.int64)
        step = np.empty(BLOCK * width, np.float32)  # differences of (1) from row to row
        summed = np.zeros((BLOCK + 1) * width, np.float32)  # residuals of the rows before
        scores, values = np.empty(width, np.float32), np.empty(width, np.float32)
        zero, w_ = np.uintp(0), np.uintp(width)
        total = 0.0
        for p in range(start.shape[0]):
            first, last = start[p], stop[p]
            for w in range(n_lines):
                n_changes[w] = _list_changes(grid, first, last, w, changes)
            for begin in range(first, last, BLOCK):
                end = min(begin + BLOCK, last)
                for v in range(n_lines):
                    for a in range(np.uintp((end - begin) * width)):
                        step[a] = 0
                    for j in range(layout.n_neighbours[v]):
                        w, lag = layout.neighbours[v, j, 2], layout.neighbours[v, j, 3]
                        low, high = max(begin, first - lag), min(end, last - lag)
                        if low >= high:
                            continue
                        table = _table(layout, v, j, 0, width)
                        old = table + np.uintp(grid[low + lag, w]) * w_
                        add_row(step, np.uintp(low - begin) * w_, weights, old, width)
                        for i in range(
                            _first_after(changes, w, n_changes[w], low + lag), n_changes[w]
                        ):
                            t = changes[w, i] - lag
                            if t >= high:
                                break
                            new = table + np.uintp(grid[t + lag, w]) * w_
                            replace_row(step, np.uintp(t - begin) * w_, weights, old, new, width)
                            old = new
                        if high < end:
                            subtract_row(step, np.uintp(high - begin) * w_, weights, old, width)
                    for a in range(w_):
                        scores[a] = 0
                    for t in range(begin, end):
                        o = np.uintp(t - begin) * w_
                        f = np.uintp(kind[t] * n_lines + v) * w_
                        add_row(scores, zero, step, o, width)
                        copy_row(values, zero, scores, zero, width)
                        add_row(values, zero, unary, f, width)
                        copy_row(summed, o + w_, summed, o, width)
                        if not modelled[t, v]:
                            continue
                        symbol = np.uintp(grid[t, v])
                        score = values[symbol]
                        largest, normaliser = exp_lanes(values, width, np.float32(1))
                        total += score - largest - np.log(normaliser)
                        if backward:
                            scale_row(values, width, np.float32(-1) / normaliser)
                            values[symbol] += np.float32(1)
                            add_row(summed, o + w_, values, zero, width)
                            add_row(by_field, f, values, zero, width)
                    if not backward:
                        continue
                    for j in range(layout.n_neighbours[v]):
                        w, lag = layout.neighbours[v, j, 2], layout.neighbours[v, j, 3]
                        low, high = max(begin, first - lag), min(end, last - lag)
                        if low >= high:
                            continue
                        table = _table(layout, v, j, 0, width)
                        old = table + np.uintp(grid[low + lag, w]) * w_
                        subtract_row(gradient, old, summed, np.uintp(low - begin) * w_, width)
                        for i in range(
                            _first_after(changes, w, n_changes[w], low + lag), n_changes[w]
                        ):
                            t = changes[w, i] - lag
                            if t >= high:
                                break
                            new = table + np.uintp(grid[t + lag, w]) * w_
                            o = np.uintp(t - begin) * w_
                            add_row(gradient, old, summed, o, width)
                            subtract_row(gradient, new, summed, o, width)
                            old = new
                        add_row(gradient, old, summed, np.uintp(high - begin) * w_, width)
        return total

    @jit(fastmath=True)  # as above
    def local_fields(
        grid: Ints,
        first: int,
        last: int,
        layout: Layout,
        rows: Rows,
        field: Floats,
        weights: Floats,
        local: Floats,
    ) -> None:
        """Write (1) for every site of the piece in the rows [first, last).

        Parameters
        ----------
        field : ndarray of shape (n_rows, n_lines, width), float32
        local : ndarray of shape ((last - first) * n_lines * width,), float32, overwritten
        """
        n_lines, w_ = layout.n_lines, np.uintp(width)
        unary = field.reshape(-1)
        for t in range(first, last):
            for v in range(n_lines):
                o = np.uintp((t - first) * n_lines + v) * w_
                f = np.uintp(t * n_lines + v) * w_
                copy_row(local, o, unary, f, width)
                for j in range(layout.n_neighbours[v]):
                    u = t + layout.neighbours[v, j, 3]
                    if first <= u < last:
                        table = _table(layout, v, j, _own_gate(layout, rows, v, j, t), width)
                        row = table + np.uintp(grid[u, layout.neighbours[v, j, 2]]) * w_
                        add_row(local, o, weights, row, width)

    @jit(fastmath=True)  # as above
    def sweep_fields(
        grid: Ints,
        first: int,
        last: int,
        sites: Ints,
        layout: Layout,
        rows: Rows,
        weights: Floats,
        local: Floats,
        steps: Steps,
        inverse_temperature: Floats,
        run_share: float,
        u: NDArray[np.float64],
    ) -> int:
        """Redraw randomly chosen sites of one piece and keep (1) true, both in place.

        Parameters
        ----------
        local : ndarray, as `local_fields` leaves it
        grid, first, last, sites, layout, rows, weights, steps, inverse_temperature, run_share, u
            As of `kernels.gibbs.sweep_sites`.

        Returns
        -------
        int
            Number of symbols changed.
        """
        n_lines, w_ = layout.n_lines, np.uintp(width)
        values = np.empty(width, np.float32)
        # How many sites away a neighbour is, and its table: the pair's other copy.
        away = np.empty(layout.neighbours.shape[:2], np.int64)
        told = np.empty(layout.neighbours.shape[:2], np.uintp)
        for v in range(n_lines):
            for j in range(layout.n_neighbours[v]):
                side, other = layout.neighbours[v, j, 1], layout.neighbours[v, j, 2]
                lag = layout.neighbours[v, j, 3]
                away[v, j] = lag * n_lines + other - v
                back = layout.pair_back - layout.pair
                table = np.int64(_table(layout, v, j, 0, width))
                told[v, j] = table + back if side == 0 else table - back
        n_sites, n_changed = sites.shape[0], 0
        free = np.zeros((last - first, n_lines), np.bool_)
        for i in range(n_sites):
            free[sites[i, 0] - first, sites[i, 1]] = True
        for sweep in range(u.shape[0]):
            scale = inverse_temperature[sweep]
            for i in range(u.shape[1]):
                site = np.uintp(u[sweep, i, 0] * n_sites)
                t, v = sites[site, 0], sites[site, 1]
                current = grid[t, v]
                length = 1
                if u[sweep, i, 1] < run_share:
                    length = 2 if u[sweep, i, 1] < 0.6 * run_share else 4
                    for k in range(1, length):
                        if t + k >= last or not free[t + k - first, v] or grid[t + k, v] != current:
                            length = 0
                            break
                    if length == 0:
                        continue
                o = np.uintp((t - first) * n_lines + v) * w_
                copy_row(values, np.uintp(0), local, o, width)
                if length > 1:
                    _add_run(values, local, t, v, length, first, current, layout, rows, weights,
                             width)  # fmt: skip
                if steps.table.shape[0] > 0:
                    _add_steps(values, grid, t, v, length, steps, n_lines, width)
                _, total = exp_lanes(values, width, scale)
                chosen = draw_row(values, width, np.float32(u[sweep, i, 2]) * total, current)
                if chosen == current:
                    continue
                n_changed += length
                for k in range(length):
                    grid[t + k, v] = chosen
                    place = (t + k - first) * n_lines + v
                    for j in range(layout.n_neighbours[v]):
                        n = t + k + layout.neighbours[v, j, 3]
                        if first <= n < last:
                            table = told[v, j]
                            if layout.n_gates > 1:
                                table += np.uintp(_own_gate(layout, rows, v, j, t + k)) * w_ * w_
                            replace_row(
                                local, np.uintp(place + away[v, j]) * w_, weights,
                                table + np.uintp(current) * w_, table + np.uintp(chosen) * w_,
                                width,
                            )  # fmt: skip
        return n_changed

    return PairKernels(value_and_gradient, local_fields, sweep_fields)


@inline
def _add_run(  # type: ignore[no-untyped-def]
    values, local, t, v, length, first, current, layout, rows, weights, width
):
    """Make the log-weights of a site those of a run of equal symbols that begins at it.

    Those of the run's other sites are added. Each row of (1) takes the run's own other sites
    for what they are: that comes off, and what the run's sites are to each other comes on.
    """
    n_lines, w_ = layout.n_lines, np.uintp(width)
    for k in range(1, length):
        add_row(values, np.uintp(0), local, np.uintp((t + k - first) * n_lines + v) * w_, width)
    for j in range(layout.n_neighbours[v]):
        lag = layout.neighbours[v, j, 3]
        if layout.neighbours[v, j, 2] != v or layout.neighbours[v, j, 1] != 0:
            continue
        for k in range(length - lag):
            forth = _table(layout, v, j, _own_gate(layout, rows, v, j, t + k), width)
            back = forth + np.uintp(layout.pair_back - layout.pair)
            subtract_row(values, np.uintp(0), weights, forth + np.uintp(current) * w_, width)
            subtract_row(values, np.uintp(0), weights, back + np.uintp(current) * w_, width)
            for a in range(w_):
                values[a] += weights[forth + a * w_ + a]


@inline
def _add_steps(values, grid, t, v, length, steps, n_lines, width):  # type: ignore[no-untyped-def]
    """Add the log-weights of same-step pairs of the factors.

    They may forbid, and -1e30 cannot be taken off a sum again: so they stay out of (1).
    """
    for k in range(length):
        for w in range(n_lines):
            number = steps.of[t + k, v, w]
            if number >= 0:
                row = steps.table[number, grid[t + k, w]]
                for a in range(np.uintp(width)):
                    values[a] += row[a]
