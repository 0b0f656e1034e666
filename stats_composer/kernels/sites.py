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
    relation     r(v) in a row of gate 0, r(w) in the next but one of gate 0                (12)

Places of (5), (6), (8), (11) and (12) are sums of coordinates, such as a clipped step, each told by
two symbols; `models/maxent/templates.py` says which, and one loop visits them all.

Conventions
-----------
* `grid` is int64 of shape (n_rows, n_voices): pieces below each other. Only its first
  `features.n_lines` voices are modelled.
* A table of weights is flat float32. Cell 0 is always 0 and stands for "no such feature", as
  where a symbol has no pitch.
* Loops over candidates count in unsigned integers: Numba lets signed ones index from the end,
  and the test for it keeps LLVM from vectorizing.
* A gate is a small integer by row (the half of the beat, say); a feature that spans several
  rows takes the gate of its first row.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from stats_composer.kernels._jit import inline, spliced
from stats_composer.kernels.layout import HEAD, Asked

__all__ = ["make_places", "padded_symbols", "visit_site"]

SONORITY, BEATS = int(Asked.SONORITY), int(Asked.BEATS)
NOWHERE = np.int32(0)
# Of the type of a line: a literal -1 would be one more type to compile for.
NO_LINE: Any = np.int64(-1)


@inline
def make_places(width):  # type: ignore[no-untyped-def]
    """Return room for the candidates' places, and behind them for their classes."""
    return np.zeros(2 * width, np.int32)


@inline
def padded_symbols(features, v):  # type: ignore[no-untyped-def]
    """Round the symbols of a line up to whole vectors of eight: what is added is forbidden."""
    return (features.n_symbols[v] + 7) & ~7


@inline
def _apply(site, weights, values, place, scatter):  # type: ignore[no-untyped-def]
    if scatter:
        for a in range(np.uintp(site.low), np.uintp(site.high)):
            weights[np.uint32(max(place[a], NOWHERE))] += values[a]  # (3)
    else:
        for a in range(np.uintp(site.low), np.uintp(site.high)):
            values[a] += weights[np.uint32(max(place[a], NOWHERE))]  # (2)


@inline
def _residue_set(grid, row, features, skip):  # type: ignore[no-untyped-def]
    """Return the set of residues of a row as bits, and whether every line has one."""
    bits, complete = 0, True
    for w in range(features.n_lines):
        if w != skip:
            r = features.residue[w, grid[row, w]]
            if r < 0:
                complete = False
            else:
                bits |= 1 << r
    return bits, complete


@inline
def _visit_pairs(grid, site, features, rows, weights, values, scatter):  # type: ignore[no-untyped-def]
    first, last, t, v, low, high = site
    width = features.width
    for j in range(features.neighbours.shape[1]):
        u = t + features.neighbours[v, j, 3]
        if u < first or u >= last:
            continue
        pair, side = features.neighbours[v, j, 0], features.neighbours[v, j, 1]
        start = features.pair if side == 0 else features.pair_back
        gate = rows.gate[t] if side == 0 else rows.gate[u]
        other = grid[u, features.neighbours[v, j, 2]]
        base = start + ((pair * features.n_gates + gate) * width + other) * width  # (4)
        row = weights[base : base + width]
        if scatter:
            for a in range(np.uintp(low), np.uintp(high)):
                row[a] += values[a]
        else:
            for a in range(np.uintp(low), np.uintp(high)):
                values[a] += row[a]


@inline
def _visit_templates(grid, site, features, rows, weights, values, place, scatter):  # type: ignore[no-untyped-def]
    """Visit the features whose places are sums of tabled coordinates, (5), (6), (8), (11), (12)."""
    first, last, t, v, low, high = site
    table = features.table
    for i in range(features.template.shape[1]):
        template = features.template[v, i]
        begin, end = t + template[0], t + template[1]
        if begin < first or end >= last:
            continue
        context = rows.sonority[begin] if template[3] == SONORITY else rows.gate[begin]
        if template[3] == BEATS and (context != 0 or rows.gate[end] != 0):
            continue
        base = template[2] + context * template[4]
        n_known, n = template[5], template[6]
        for j in range(HEAD, HEAD + 5 * n_known, 5):
            one = grid[t + template[j + 1], template[j + 2]]
            base += table[template[j], one, grid[t + template[j + 3], template[j + 4]]]
        if base < 0:
            continue
        for a in range(np.uintp(low), np.uintp(high)):
            place[a] = base
        for j in range(HEAD + 5 * n_known, HEAD + 5 * n, 5):
            row = table[template[j], grid[t + template[j + 1], template[j + 2]]]
            for a in range(np.uintp(low), np.uintp(high)):
                place[a] += row[a]
        _apply(site, weights, values, place, scatter)


@inline
def _visit_progression(grid, site, features, rows, weights, values, place, scatter):  # type: ignore[no-untyped-def]
    first, last, t, v, low, high = site
    n, classes = features.n_classes, np.uintp(features.width)
    bits, complete = _residue_set(grid, t, features, v)
    for a in range(np.uintp(low), np.uintp(high)):
        r = features.residue[v, a]
        place[classes + a] = features.set_class[bits | (1 << r)] if complete and r >= 0 else n - 1
    for u in range(max(t - 2, first), min(t + 3, last)):
        if u == t:
            continue
        bits, complete = _residue_set(grid, u, features, NO_LINE)
        other = features.set_class[bits] if complete else n - 1
        gate = rows.gate[min(t, u)]
        base = features.progression + ((abs(u - t) - 1) * features.n_gates + gate) * n * n
        for a in range(np.uintp(low), np.uintp(high)):
            own = np.int64(place[classes + a])
            earlier, later = (own, other) if u > t else (other, own)
            place[a] = base + earlier * n + later  # (7)
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
def _visit_onset(grid, site, features, rows, weights, values, scatter):  # type: ignore[no-untyped-def]
    first, last, t, v, _, _ = site
    n_sets = 1 << features.n_lines
    for u in range(max(t, first + 1), min(t + 2, last)):
        bits = 0
        for w in range(features.n_lines):
            if w != v and grid[u, w] != grid[u - 1, w]:
                bits |= 1 << w
        same = grid[t - 1, v] if u == t else grid[t + 1, v]
        stays = features.onset + rows.place[u] * n_sets + bits  # (9)
        change = Change(same, -1, stays + (1 << v), stays, 0, 0)
        _apply_change(site, change, weights, values, scatter)


@inline
def _visit_rhythm(grid, site, features, rows, weights, values, scatter):  # type: ignore[no-untyped-def]
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
        bits += features.rhythm + (v * features.n_places + rows.place[u]) * 256  # (10)
        change = Change(before, after, bits + into + out, bits + out, bits + into, bits)
        _apply_change(site, change, weights, values, scatter)


@spliced
def visit_site(grid, site, features, rows, weights, values, place, scatter):  # type: ignore[no-untyped-def]
    """Gather the candidates' weights into `values[low:high]`, or scatter them the other way.

    `place` is room, of `make_places`.
    """
    if features.pair > 0:
        _visit_pairs(grid, site, features, rows, weights, values, scatter)
    _visit_templates(grid, site, features, rows, weights, values, place, scatter)
    if features.progression > 0:
        _visit_progression(grid, site, features, rows, weights, values, place, scatter)
    if features.onset > 0:
        _visit_onset(grid, site, features, rows, weights, values, scatter)
    if features.rhythm > 0:
        _visit_rhythm(grid, site, features, rows, weights, values, scatter)
