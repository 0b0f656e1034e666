"""Which weights of a maximum-entropy model with terms a site touches.

The log-weight of a grid x is a sum over features, each an index f into a flat table w:

    model(x) = sum of field[t, v, x(t, v)] over sites (t, v)  +  sum of w[f] over features   (1)

A feature f contains some sites. Given all sites but (t, v), only those that contain it differ
from symbol a to symbol b, so that a site's log-weights, up to what all symbols share, are

    H(t, v)[a] = field[t, v, a] + sum of w[f(a)] over features that contain (t, v),          (2)

f(a) the place of the feature with a at the site. One function, `visit_site`, finds these
places. In one direction it adds w[f(a)] to the candidates' log-weights, (2); in the other it
adds a number for each candidate (a residual, or one) to the same places of another table:

    g[f(a)] += r[a] for features that contain (t, v).                                        (3)

So the sampler, the gradient and the counts cannot disagree about what a feature is.

What a feature is, with p the pitch of a symbol, r its residue, c(.) clipping to [-clip, clip],
and gate, place and context those of a row:

    pair         the symbols of two lines so many rows apart                                 (4)
    motion       r(v) - r(w), c(step of v), c(step of w): two lines from a row to the next,
                 and as `beats` from one row of gate 0 to the next but one of gate 0         (5)
    sonority     the residues of all lines in a row, by the row's context                    (6)
    progression  the classes of the sets of residues of two rows, one or two apart, by gate  (7)
    melody       c(step), c(next step) of a line, in steps of one row or of two              (8)
    onset        which lines change into a row, by its place                                 (9)
    rhythm       into which of eight rows a line changes, by the place of the first         (10)
    passage      n(step of v), r(v) - r(w), n(next step of v) about a middle row, with n(.)
                 clipping to [-`NEAR`, `NEAR`]: how v comes to what it sounds with w, and
                 leaves it, by the gate of the row before                                   (11)

Conventions
-----------
* `grid` is int64 of shape (n_rows, n_voices): pieces below each other. Only its first
  `layout.n_lines` voices are modelled.
* A table of weights is flat float32. Cell 0 is always 0 and stands for "no such feature", as
  where a symbol has no pitch.
* Loops over candidates count in unsigned integers: Numba lets signed ones index from the end,
  and the test for it keeps LLVM from vectorizing.
* A gate is a small integer by row (the half of the beat, say); a feature that spans several
  rows takes the gate of its first row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stats_composer.kernels._jit import inline, spliced
from stats_composer.kernels.layout import NEAR

__all__ = ["make_places", "padded_symbols", "visit_site"]


@inline
def make_places(width):  # type: ignore[no-untyped-def]
    """Return room for the candidates' places, and behind them for their classes."""
    return np.zeros(2 * width, np.uint32)


@inline
def padded_symbols(layout, v):  # type: ignore[no-untyped-def]
    """Round the symbols of a line up to whole vectors of eight: what is added is forbidden."""
    return (layout.n_symbols[v] + 7) & ~7


@inline
def _apply(site, weights, values, place, scatter):  # type: ignore[no-untyped-def]
    if scatter:
        for a in range(np.uintp(site.low), np.uintp(site.high)):
            weights[place[a]] += values[a]  # (3)
    else:
        for a in range(np.uintp(site.low), np.uintp(site.high)):
            values[a] += weights[place[a]]  # (2)


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
def _visit_pairs(grid, site, layout, rows, weights, values, scatter):  # type: ignore[no-untyped-def]
    first, last, t, v, low, high = site
    width = layout.width
    for j in range(layout.n_neighbours[v]):
        u = t + layout.neighbours[v, j, 3]
        if u < first or u >= last:
            continue
        pair, side = layout.neighbours[v, j, 0], layout.neighbours[v, j, 1]
        start = layout.pair if side == 0 else layout.pair_back
        gate = rows.gate[t] if side == 0 else rows.gate[u]
        other = grid[u, layout.neighbours[v, j, 2]]
        base = start + ((pair * layout.n_gates + gate) * width + other) * width  # (4)
        row = weights[base : base + width]
        if scatter:
            for a in range(np.uintp(low), np.uintp(high)):
                row[a] += values[a]
        else:
            for a in range(np.uintp(low), np.uintp(high)):
                values[a] += row[a]


@inline
def _visit_motion(grid, site, lag, layout, rows, weights, values, place, scatter):  # type: ignore[no-untyped-def]
    """Visit motion over one row, or from beat to beat over two."""
    first, last, t, v, low, high = site
    modulus, clip = layout.modulus, layout.clip
    k = 2 * clip + 1
    pitch, residue = layout.pitch, layout.residue
    for w in range(layout.n_lines):
        if w == v:
            continue
        pair = layout.voice_pair[v, w]
        for side in range(2):
            t0 = t - side * lag
            t1 = t0 + lag
            if t0 < first or t1 >= last:
                continue
            if lag > 1 and (rows.gate[t0] != 0 or rows.gate[t1] != 0):
                continue
            own = grid[t1 if side == 0 else t0, v]
            q0, q1 = grid[t0, w], grid[t1, w]
            if pitch[v, own] < 0 or pitch[w, q0] < 0 or pitch[w, q1] < 0:
                continue
            other_step = _clipped(pitch[w, q1] - pitch[w, q0], clip)
            base = pair * layout.n_gates + rows.gate[t0] if lag == 1 else pair
            base = (layout.motion if lag == 1 else layout.beats) + base * modulus * k * k
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
                cell = base + interval * k * k + _clipped(step, clip) * own_stride  # (5)
                place[a] = cell if p >= 0 else 0
            _apply(site, weights, values, place, scatter)


@inline
def _visit_sonority(grid, site, layout, rows, weights, values, place, scatter):  # type: ignore[no-untyped-def]
    _, _, t, v, low, high = site
    base, stride, size = 0, 1, 1
    for w in range(layout.n_lines - 1, -1, -1):
        if w == v:
            stride = size
        else:
            r = layout.residue[w, grid[t, w]]
            if r < 0:
                return
            base += r * size
        size *= layout.modulus
    base += layout.sonority + rows.sonority[t] * size
    for a in range(np.uintp(low), np.uintp(high)):
        r = layout.residue[v, a]
        place[a] = base + r * stride if r >= 0 else 0  # (6)
    _apply(site, weights, values, place, scatter)


@inline
def _visit_progression(grid, site, layout, rows, weights, values, place, scatter):  # type: ignore[no-untyped-def]
    first, last, t, v, low, high = site
    n, classes = layout.n_classes, np.uintp(layout.width)
    bits, complete = _residue_set(grid, t, layout, v)
    for a in range(np.uintp(low), np.uintp(high)):
        r = layout.residue[v, a]
        place[classes + a] = layout.set_class[bits | (1 << r)] if complete and r >= 0 else n - 1
    for shift in range(4):
        lag = 1 + shift // 2
        u = t + lag if shift % 2 else t - lag
        if u < first or u >= last:
            continue
        bits, complete = _residue_set(grid, u, layout, -1)
        other = layout.set_class[bits] if complete else n - 1
        gate = rows.gate[min(t, u)]
        base = layout.progression + ((lag - 1) * layout.n_gates + gate) * n * n
        for a in range(np.uintp(low), np.uintp(high)):
            own = np.int64(place[classes + a])
            earlier, later = (own, other) if u > t else (other, own)
            place[a] = base + earlier * n + later  # (7)
        _apply(site, weights, values, place, scatter)


@inline
def _visit_melody(grid, site, layout, rows, weights, values, place, scatter):  # type: ignore[no-untyped-def]
    first, last, t, v, low, high = site
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
                cell = base + _clipped(step0, clip) * k + _clipped(step1, clip)  # (8)
                place[a] = cell if p >= 0 else 0
            _apply(site, weights, values, place, scatter)


@inline
def _visit_passing(grid, site, layout, rows, weights, values, place, scatter):  # type: ignore[no-untyped-def]
    """Visit the passages of a line: the site before, at or after the middle row."""
    first, last, t, v, low, high = site
    n, modulus = layout.n_lines, layout.modulus
    n_near = 2 * NEAR + 1
    pitch, residue = layout.pitch, layout.residue
    for role in range(3):
        t0 = t - role
        if t0 < first or t0 + 2 >= last:
            continue
        x0, x1, x2 = pitch[v, grid[t0, v]], pitch[v, grid[t0 + 1, v]], pitch[v, grid[t0 + 2, v]]
        if (role != 0 and x0 < 0) or (role != 1 and x1 < 0) or (role != 2 and x2 < 0):
            continue
        r_own = residue[v, grid[t0 + 1, v]]
        for w in range(n):
            r_other = residue[w, grid[t0 + 1, w]]
            if w == v or r_other < 0:
                continue
            base = ((v * n + w) * layout.n_gates + rows.gate[t0]) * n_near * modulus * n_near
            base += layout.passage
            for a in range(np.uintp(low), np.uintp(high)):
                p = pitch[v, a]
                if role == 0:
                    step, following, r = x1 - p, x2 - x1, r_own
                elif role == 1:
                    step, following, r = p - x0, x2 - p, residue[v, a]
                else:
                    step, following, r = x1 - x0, p - x1, r_own
                interval = r - r_other + (modulus if r < r_other else 0)
                cell = (_clipped(step, NEAR) * modulus + interval) * n_near
                cell += base + _clipped(following, NEAR)  # (11)
                place[a] = cell if p >= 0 else 0
            _apply(site, weights, values, place, scatter)


@inline
def _visit_passed(grid, site, layout, rows, weights, values, place, scatter):  # type: ignore[no-untyped-def]
    """Visit the passages of the other lines through the site's row."""
    first, last, t, v, low, high = site
    n, modulus = layout.n_lines, layout.modulus
    n_near = 2 * NEAR + 1
    pitch, residue = layout.pitch, layout.residue
    if t - 1 < first or t + 1 >= last:
        return
    for w in range(n):
        x0, x1, x2 = pitch[w, grid[t - 1, w]], pitch[w, grid[t, w]], pitch[w, grid[t + 1, w]]
        if w == v or x0 < 0 or x1 < 0 or x2 < 0:
            continue
        base = ((w * n + v) * layout.n_gates + rows.gate[t - 1]) * n_near + _clipped(x1 - x0, NEAR)
        base = layout.passage + base * modulus * n_near + _clipped(x2 - x1, NEAR)
        r_other = residue[w, grid[t, w]]
        for a in range(np.uintp(low), np.uintp(high)):
            r = residue[v, a]
            interval = r_other - r + (modulus if r_other < r else 0)
            place[a] = base + interval * n_near if r >= 0 else 0  # (11)
        _apply(site, weights, values, place, scatter)


class Change(NamedTuple):
    """A feature that asks of a candidate only whether it equals its two neighbours in time.

    Attributes
    ----------
    before, after : int
        The symbols of the rows before and after, -1 for none.
    cell, still, calm, both : int
        Places for a candidate unlike both, like the one before, like the one after, like both.
    """

    before: int
    after: int
    cell: int
    still: int
    calm: int
    both: int


@inline
def _apply_change(site, change, weights, values, scatter):  # type: ignore[no-untyped-def]
    """Apply such a feature.

    Log-weights are gathered relative to `cell`: what all candidates share does not matter.
    """
    low, high = site.low, site.high
    before, after, cell, still, calm, both = change
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
def _visit_onset(grid, site, layout, rows, weights, values, scatter):  # type: ignore[no-untyped-def]
    first, last, t, v, _, _ = site
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
        stays = layout.onset + rows.place[u] * n_sets + bits  # (9)
        change = Change(same, -1, stays + (1 << v), stays, 0, 0)
        _apply_change(site, change, weights, values, scatter)


@inline
def _visit_rhythm(grid, site, layout, rows, weights, values, scatter):  # type: ignore[no-untyped-def]
    first, last, t, v, _, _ = site
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
        bits += layout.rhythm + (v * layout.n_places + rows.place[u]) * 256  # (10)
        change = Change(before, after, bits + into + out, bits + out, bits + into, bits)
        _apply_change(site, change, weights, values, scatter)


@spliced
def visit_site(grid, site, layout, rows, weights, values, place, scatter):  # type: ignore[no-untyped-def]
    """Gather the candidates' weights into `values[low:high]`, or scatter them the other way.

    `place` is room, of `make_places`.
    """
    if layout.pair > 0:
        _visit_pairs(grid, site, layout, rows, weights, values, scatter)
    for lag in range(1, 3):
        if (layout.motion if lag == 1 else layout.beats) > 0:
            _visit_motion(grid, site, lag, layout, rows, weights, values, place, scatter)
    if layout.sonority > 0:
        _visit_sonority(grid, site, layout, rows, weights, values, place, scatter)
    if layout.progression > 0:
        _visit_progression(grid, site, layout, rows, weights, values, place, scatter)
    if layout.melody > 0:
        _visit_melody(grid, site, layout, rows, weights, values, place, scatter)
    if layout.onset > 0:
        _visit_onset(grid, site, layout, rows, weights, values, scatter)
    if layout.rhythm > 0:
        _visit_rhythm(grid, site, layout, rows, weights, values, scatter)
    if layout.passage > 0:
        _visit_passing(grid, site, layout, rows, weights, values, place, scatter)
        _visit_passed(grid, site, layout, rows, weights, values, place, scatter)
