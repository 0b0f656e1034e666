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

Places of (5), (6), (8), (9), (11) and (12) are sums of coordinates, such as a clipped step, each
told by two symbols; `models/maxent/templates.py` says which, and one loop visits them all.

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

from typing import Any

import numpy as np

from stats_composer.kernels._jit import inline, spliced
from stats_composer.kernels.layout import HEAD, Context

__all__ = ["GATE", "GATHER", "SCATTER", "make_places", "padded", "visit_site"]

GATE, PLACE = int(Context.GATE), int(Context.PLACE)
NOWHERE = np.int32(0)
OWN_ROW_FIRST = (0, -2, -1, 1, 2)
# In which direction a site is visited: of a branch on `None` Numba compiles nothing.
GATHER, SCATTER = None, True
# Of the type of a line: a literal -1 would be one more type to compile for.
NO_LINE: Any = np.int64(-1)
NO_SYMBOL: Any = np.int64(-1)


@inline
def make_places(width):  # type: ignore[no-untyped-def]
    """Return room for the candidates' places, and behind them for their classes."""
    return np.zeros(2 * width, np.int32)


@inline
def padded(n_symbols):  # type: ignore[no-untyped-def]
    """Round the symbols of a line up to whole vectors of eight: what is added is forbidden."""
    return (n_symbols + 7) & ~7


@inline
def _apply(site, weights, values, place, how):  # type: ignore[no-untyped-def]
    if how is not None:
        for a in range(np.uintp(site.low), np.uintp(site.high)):
            weights[np.uint32(max(place[a], NOWHERE))] += values[a]  # (3)
    else:
        for a in range(np.uintp(site.low), np.uintp(site.high)):
            values[a] += weights[np.uint32(max(place[a], NOWHERE))]  # (2)


@inline
def _residue_set(grid, row, features, skip):  # type: ignore[no-untyped-def]
    """Return the set of residues of a row as bits; -1 where a line has none."""
    bits = 0
    for w in range(features.n_lines):
        r = features.residue[w, grid[row, w]]
        if w != skip:
            bits = bits | 1 << r if r >= 0 and bits >= 0 else -1
    return bits


@inline
def _visit_pairs(grid, site, features, rows, weights, values, how):  # type: ignore[no-untyped-def]
    first, last, t, v, low, high = site
    width = features.width
    for j in range(features.neighbours.shape[1]):
        u = t + features.neighbours[v, j, 3]
        if u < first or u >= last:
            continue
        pair, side = features.neighbours[v, j, 0], features.neighbours[v, j, 1]
        start = features.pair if side == 0 else features.pair_back
        gate = rows[GATE, t if side == 0 else u]
        other = grid[u, features.neighbours[v, j, 2]]
        base = start + ((pair * features.n_gates + gate) * width + other) * width  # (4)
        row = weights[base : base + width]
        if how is not None:
            for a in range(np.uintp(low), np.uintp(high)):
                row[a] += values[a]
        else:
            for a in range(np.uintp(low), np.uintp(high)):
                values[a] += row[a]


@inline
def _visit_templates(grid, site, features, rows, weights, values, place, how):  # type: ignore[no-untyped-def]
    """Visit the features whose places are sums of tabled coordinates."""
    first, last, t, v, low, high = site
    table = features.table
    for i in range(features.template.shape[1]):
        template = features.template[v, i]
        begin, end = t + template[0], t + template[1]
        if begin < first or end >= last:
            continue
        if template[6] != 0 and (rows[GATE, begin] != 0 or rows[GATE, end] != 0):
            continue
        base = template[2] + rows[template[3], t + template[4]] * template[5]
        drawn, stop = HEAD + 5 * template[7], HEAD + 5 * template[8]
        for j in range(HEAD, drawn, 5):
            one = grid[t + template[j + 1], template[j + 2]]
            base += table[template[j], one, grid[t + template[j + 3], template[j + 4]]]
        if base < 0:
            continue
        for j in range(drawn, stop, 5):
            row = table[template[j], grid[t + template[j + 1], template[j + 2]]]
            for a in range(np.uintp(low), np.uintp(high)):
                place[a] = row[a] + (base if j == drawn else np.int64(place[a]))
        _apply(site, weights, values, place, how)


@inline
def _visit_progression(grid, site, features, rows, weights, values, place, how):  # type: ignore[no-untyped-def]
    first, last, t, v, low, high = site
    n, classes = features.n_classes, np.uintp(features.width)
    for lag in OWN_ROW_FIRST:
        u = t + lag
        if u < first or u >= last:
            continue
        bits = _residue_set(grid, u, features, v if lag == 0 else NO_LINE)
        if lag == 0:
            for a in range(np.uintp(low), np.uintp(high)):
                r = features.residue[v, a]
                known = bits >= 0 and r >= 0
                place[classes + a] = features.set_class[bits | (1 << r)] if known else n - 1
            continue
        other = features.set_class[bits] if bits >= 0 else n - 1
        gate = rows[GATE, min(t, u)]
        base = features.progression + ((abs(lag) - 1) * features.n_gates + gate) * n * n
        for a in range(np.uintp(low), np.uintp(high)):
            own = np.int64(place[classes + a])
            earlier, later = (own, other) if lag > 0 else (other, own)
            place[a] = base + earlier * n + later  # (7)
        _apply(site, weights, values, place, how)


@inline
def _visit_rhythm(grid, site, features, rows, weights, values, place, how):  # type: ignore[no-untyped-def]
    first, last, t, v, low, high = site
    before = grid[t - 1, v] if t > first else NO_SYMBOL
    after = grid[t + 1, v] if t + 1 < last else NO_SYMBOL
    begin, end = max(t - 7, first + 1), min(t + 2, last - 7)
    # Bit i of `moves`: the line moves into row begin + i, rows t and t + 1 left open.
    moves = 0
    for u in range(begin, end + 7):
        if u != t and u != t + 1 and grid[u, v] != grid[u - 1, v]:
            moves |= 1 << (u - begin)
    for u in range(begin, end):
        into, out = (1 << (t - u + 1)) >> 1, (1 << (t + 2 - u)) >> 1
        base = features.rhythm + (v * features.n_places + rows[PLACE, u]) * 256  # (10)
        base += (moves >> (u - begin)) & 255
        for a in range(np.uintp(low), np.uintp(high)):
            place[a] = base + (into & 255 if a != before else 0) + (out & 255 if a != after else 0)
        _apply(site, weights, values, place, how)


@spliced
def visit_site(grid, site, features, rows, weights, values, place, how):  # type: ignore[no-untyped-def]
    """Gather the candidates' weights into `values[low:high]`, or scatter them the other way.

    `place` is room, of `make_places`; `how` is GATHER or SCATTER.
    """
    if features.pair > 0:
        _visit_pairs(grid, site, features, rows, weights, values, how)
    _visit_templates(grid, site, features, rows, weights, values, place, how)
    if features.rhythm > 0:
        _visit_rhythm(grid, site, features, rows, weights, values, place, how)
    if features.progression > 0:
        _visit_progression(grid, site, features, rows, weights, values, place, how)
