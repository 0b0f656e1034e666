"""Which weights of a maximum-entropy model with terms a site touches.

One function, `visit_site`, says which weights a site touches: for every feature that
contains the site it computes the place in the flat weight table of each candidate symbol. In
one direction it adds those weights to the candidates' scores; in the other it adds the
candidates' values (residuals, or ones) to a table of the same layout. So the sampler, the
gradient and the counts cannot disagree about what a feature is.

Conventions
-----------
* `grid` is int64 of shape (n_rows, n_voices): pieces below each other, piece p in the rows
  [start[p], stop[p]). Only its first `layout.n_lines` voices are modelled.
* `weights` is flat float32. Cell 0 is always 0 and stands for "no such feature", as where a
  symbol has no pitch.
* Loops over candidates count in unsigned integers: Numba lets signed ones index from the end,
  and the test for it keeps LLVM from vectorizing.
* A gate is a small integer by row (the half of the beat, say); a feature that spans several
  rows takes the gate of its first row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline

__all__ = ["LOWEST", "Layout", "Rows", "padded_symbols", "visit_site"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Layout(NamedTuple):
    """Where each primitive's weights lie; an offset of 0 says that it is absent.

    With Q the padded number of symbols, G the number of gates, R the modulus, K = 2 clip + 1:

    =============  ======================================================================
    pair           two copies of [pair, gate, Q, Q], the site's own symbol last
    motion         [voice pair, gate, R, K, K]: residue of the interval, the two steps
    sonority       [sonority context, R, ..., R]: the residues of all lines
    progression    [lag - 1, class, class] of the sets of residues, lags 1 and 2
    melody         [lag - 1, voice, gate, K, K]: two successive steps, lags 1 and 2
    onset          [place, 2 ** n_lines]: which lines move into the row
    rhythm         [voice, place, 256]: which of 8 rows a line moves into
    =============  ======================================================================
    """

    n_lines: int
    n_gates: int
    n_places: int
    width: int
    modulus: int
    clip: int
    n_symbols: Ints
    pitch: Ints  # (n_lines, width), negative: no pitch
    residue: Ints  # (n_lines, width), -1: no pitch
    neighbours: Ints  # (n_lines, n_neighbours, 4): pair, side, other voice, row difference
    n_neighbours: Ints
    voice_pair: Ints  # (n_lines, n_lines)
    set_class: Ints  # (2 ** modulus,): class of a set of residues
    n_classes: int
    pair: int
    pair_back: int
    motion: int
    sonority: int
    progression: int
    melody: int
    onset: int
    rhythm: int


class Rows(NamedTuple):
    """What the features read of the context voices, by row."""

    gate: Ints
    sonority: Ints
    place: Ints


# Of the type of every other bound: a literal 0 would be one more type to compile for.
LOWEST = np.int64(0)


@inline
def padded_symbols(layout, v):  # type: ignore[no-untyped-def]
    """Round the symbols of a line up to whole vectors of eight: what is added is forbidden."""
    return (layout.n_symbols[v] + 7) & ~7


@inline
def _apply(weights, values, index, low, high, scatter):  # type: ignore[no-untyped-def]
    if scatter:
        for a in range(np.uintp(low), np.uintp(high)):
            weights[index[a]] += values[a]
    else:
        for a in range(np.uintp(low), np.uintp(high)):
            values[a] += weights[index[a]]


@inline
def _clipped(step, clip):  # type: ignore[no-untyped-def]
    return min(max(step, -clip), clip) + clip


@inline
def _residue_set(grid, row, layout, skip):  # type: ignore[no-untyped-def]
    """Return the set of residues of a row as bits, and whether every line has one."""
    bits, complete = 0, True
    for w in range(layout.n_lines):
        if w != skip:
            r = layout.residue[w, grid[row, w]]
            if r < 0:
                complete = False
            else:
                bits |= 1 << r
    return bits, complete


@inline
def _visit_pairs(  # type: ignore[no-untyped-def]
    grid, first, last, t, v, low, high, layout, rows, weights, values, scatter
):
    width = layout.width
    for j in range(layout.n_neighbours[v]):
        u = t + layout.neighbours[v, j, 3]
        if u < first or u >= last:
            continue
        pair, side = layout.neighbours[v, j, 0], layout.neighbours[v, j, 1]
        other = grid[u, layout.neighbours[v, j, 2]]
        if side == 0:
            base = layout.pair + ((pair * layout.n_gates + rows.gate[t]) * width + other) * width
        else:
            base = (
                layout.pair_back + ((pair * layout.n_gates + rows.gate[u]) * width + other) * width
            )
        row = weights[base : base + width]
        if scatter:
            for a in range(np.uintp(low), np.uintp(high)):
                row[a] += values[a]
        else:
            for a in range(np.uintp(low), np.uintp(high)):
                values[a] += row[a]


@inline
def _visit_motion(  # type: ignore[no-untyped-def]
    grid, first, last, t, v, low, high, layout, rows, weights, values, index, scatter
):
    modulus, clip = layout.modulus, layout.clip
    k = 2 * clip + 1
    pitch, residue = layout.pitch, layout.residue
    for w in range(layout.n_lines):
        if w == v:
            continue
        pair = layout.voice_pair[v, w]
        for side in range(2):
            t0 = t - side
            if t0 < first or t0 + 1 >= last:
                continue
            own = grid[t + 1 - 2 * side, v]
            q0, q1 = grid[t0, w], grid[t0 + 1, w]
            if pitch[v, own] < 0 or pitch[w, q0] < 0 or pitch[w, q1] < 0:
                continue
            other_step = _clipped(pitch[w, q1] - pitch[w, q0], clip)
            base = layout.motion + (pair * layout.n_gates + rows.gate[t0]) * modulus * k * k
            # The interval runs from the lower-numbered voice's pitch down to the other's.
            own_stride, other_stride = (k, 1) if v < w else (1, k)
            base += other_step * other_stride
            p_own, r_own, r_other = pitch[v, own], residue[v, own], residue[w, q0]
            for a in range(np.uintp(low), np.uintp(high)):
                p = pitch[v, a]
                r = residue[v, a] if side == 0 else r_own
                step = p_own - p if side == 0 else p - p_own
                interval = r - r_other if v < w else r_other - r
                interval += modulus if interval < 0 else 0
                place = base + interval * k * k + _clipped(step, clip) * own_stride
                index[a] = place if p >= 0 else 0
            _apply(weights, values, index, low, high, scatter)


@inline
def _visit_sonority(  # type: ignore[no-untyped-def]
    grid, t, v, low, high, layout, rows, weights, values, index, scatter
):
    base, stride, place = 0, 1, 1
    for w in range(layout.n_lines - 1, -1, -1):
        if w == v:
            stride = place
        else:
            r = layout.residue[w, grid[t, w]]
            if r < 0:
                return
            base += r * place
        place *= layout.modulus
    base += layout.sonority + rows.sonority[t] * place
    for a in range(np.uintp(low), np.uintp(high)):
        r = layout.residue[v, a]
        index[a] = base + r * stride if r >= 0 else 0
    _apply(weights, values, index, low, high, scatter)


@inline
def _visit_progression(  # type: ignore[no-untyped-def]
    grid, first, last, t, v, low, high, layout, weights, values, index, own_class, scatter
):
    n = layout.n_classes
    bits, complete = _residue_set(grid, t, layout, v)
    for a in range(np.uintp(low), np.uintp(high)):
        r = layout.residue[v, a]
        own_class[a] = layout.set_class[bits | (1 << r)] if complete and r >= 0 else n - 1
    for shift in range(4):
        lag = 1 + shift // 2
        u = t + lag if shift % 2 else t - lag
        if u < first or u >= last:
            continue
        bits, complete = _residue_set(grid, u, layout, -1)
        other = layout.set_class[bits] if complete else n - 1
        base = layout.progression + (lag - 1) * n * n
        for a in range(np.uintp(low), np.uintp(high)):
            earlier, later = (own_class[a], other) if u > t else (other, own_class[a])
            index[a] = base + earlier * n + later
        _apply(weights, values, index, low, high, scatter)


@inline
def _visit_melody(  # type: ignore[no-untyped-def]
    grid, first, last, t, v, low, high, layout, rows, weights, values, index, scatter
):
    clip = layout.clip
    k = 2 * clip + 1
    pitch = layout.pitch
    for lag in range(1, 3):
        for role in range(3):
            t0 = t - role * lag
            if t0 < first or t0 + 2 * lag >= last:
                continue
            x0 = pitch[v, grid[t0, v]]
            x1 = pitch[v, grid[t0 + lag, v]]
            x2 = pitch[v, grid[t0 + 2 * lag, v]]
            if (role != 0 and x0 < 0) or (role != 1 and x1 < 0) or (role != 2 and x2 < 0):
                continue
            base = layout.melody + (
                (((lag - 1) * layout.n_lines + v) * layout.n_gates + rows.gate[t0]) * k * k
            )
            for a in range(np.uintp(low), np.uintp(high)):
                p = pitch[v, a]
                if role == 0:
                    step0, step1 = x1 - p, x2 - x1
                elif role == 1:
                    step0, step1 = p - x0, x2 - p
                else:
                    step0, step1 = x1 - x0, p - x1
                place = base + _clipped(step0, clip) * k + _clipped(step1, clip)
                index[a] = place if p >= 0 else 0
            _apply(weights, values, index, low, high, scatter)


@inline
def _apply_changes(  # type: ignore[no-untyped-def]
    weights, values, low, high, cell, before, still, after, calm, both, scatter
):
    """Apply a feature that asks of a candidate only whether it equals its two neighbours.

    `cell` serves a candidate unlike both, `still` one like the symbol before, `calm` like the
    one after, `both` like both. Scores are gathered relative to `cell`: what all candidates
    share does not matter to them.
    """
    if scatter:
        for a in range(np.uintp(low), np.uintp(high)):
            if a == before:
                weights[both if a == after else still] += values[a]
            elif a == after:
                weights[calm] += values[a]
            else:
                weights[cell] += values[a]
    elif before == after:
        if low <= before < high:
            values[before] += weights[both] - weights[cell]
    else:
        if low <= before < high:
            values[before] += weights[still] - weights[cell]
        if low <= after < high:
            values[after] += weights[calm] - weights[cell]


@inline
def _visit_onset(  # type: ignore[no-untyped-def]
    grid, first, last, t, v, low, high, layout, rows, weights, values, scatter
):
    n_sets = 1 << layout.n_lines
    for later in range(2):
        u = t + later
        if u - 1 < first or u >= last:
            continue
        bits = 0
        for w in range(layout.n_lines):
            if w != v and grid[u, w] != grid[u - 1, w]:
                bits |= 1 << w
        same = grid[t - 1, v] if later == 0 else grid[t + 1, v]
        stays = layout.onset + rows.place[u] * n_sets + bits
        _apply_changes(weights, values, low, high, stays + (1 << v), same, stays, -1, 0, 0, scatter)


@inline
def _visit_rhythm(  # type: ignore[no-untyped-def]
    grid, first, last, t, v, low, high, layout, rows, weights, values, scatter
):
    before = grid[t - 1, v] if t > first else -1
    after = grid[t + 1, v] if t + 1 < last else -1
    begin, end = max(t - 7, first + 1), min(t + 2, last - 7)
    # Bit i of `moves`: the line moves into row begin + i, row t and the next left open.
    moves = 0
    for row in range(begin, min(t + 9, last)):
        if row != t and row != t + 1 and grid[row, v] != grid[row - 1, v]:
            moves |= 1 << (row - begin)
    for u in range(begin, end):
        bits = (moves >> (u - begin)) & 255
        into = 1 << (t - u) if 0 <= t - u < 8 else 0
        out = 1 << (t + 1 - u) if 0 <= t + 1 - u < 8 else 0
        bits += layout.rhythm + (v * layout.n_places + rows.place[u]) * 256
        _apply_changes(
            weights, values, low, high,
            bits + into + out, before, bits + out, after, bits + into, bits, scatter,
        )  # fmt: skip


@inline
def visit_site(  # type: ignore[no-untyped-def]
    grid, first, last, t, v, low, high, layout, rows, weights, values, index, scratch, scatter
):
    """Gather the candidates' weights into `values[low:high]`, or scatter them the other way."""
    if layout.pair > 0:
        _visit_pairs(grid, first, last, t, v, low, high, layout, rows, weights, values, scatter)
    if layout.motion > 0:
        _visit_motion(
            grid, first, last, t, v, low, high, layout, rows, weights, values, index, scatter
        )
    if layout.sonority > 0:
        _visit_sonority(grid, t, v, low, high, layout, rows, weights, values, index, scatter)
    if layout.progression > 0:
        _visit_progression(
            grid, first, last, t, v, low, high, layout, weights, values, index, scratch, scatter
        )
    if layout.melody > 0:
        _visit_melody(
            grid, first, last, t, v, low, high, layout, rows, weights, values, index, scatter
        )
    if layout.onset > 0:
        _visit_onset(grid, first, last, t, v, low, high, layout, rows, weights, values, scatter)
    if layout.rhythm > 0:
        _visit_rhythm(grid, first, last, t, v, low, high, layout, rows, weights, values, scatter)
