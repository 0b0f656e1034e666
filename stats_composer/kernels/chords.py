"""Kernels of chord features: events seen from roots, as numbers; and sums over windows.

Conventions
-----------
`present[t, p]` tells whether pitch class p sounds in event t. Seen from root r, pitch class p
is degree (p - r) mod 12 and a set of pitch classes is twelve bits, bit 0 the root. A question
takes the next `n_answers` numbers (`_ask`), whether it applies or not; a family of twelve, one
a degree, takes 12 * n_answers. Slots whose question does not apply hold -1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, jit

__all__ = ["NEIGHBOURS", "N_ACCENTS", "N_SLOTS", "sum_windows", "write_codes"]

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

N_ACCENTS = 6
NEIGHBOURS = (-2, -1, 1, 2, 3)
N_SLOTS = (13, 41, 165)
"""Slots with one, two and three families of questions."""

_OWN = 24 + 4096
_BASS = 12 + 4096 * 12 + 12 * N_ACCENTS + N_ACCENTS + 12 * N_ACCENTS + 12 * 12
_ADJACENT = 12 * N_ACCENTS**2 + 4096 + 144 + N_ACCENTS**2 + 48


@inline
def _turned(present: Flags, t: int, root: int) -> int:
    """Return the set that sounds in an event, as bits above a root."""
    bits = 0
    for degree in range(12):
        if present[t, (root + degree) % 12]:
            bits |= 1 << degree
    return bits


@inline
def _write_own(own: int, row: Codes) -> None:
    for d in range(12):
        row[d] = 2 * d + (own >> d & 1)
    row[12] = 24 + own


@inline
def _write_bass(own: int, degree: int, level: int, row: Codes) -> None:
    """Ask of the bass and the accent: 28 slots."""
    code = _OWN
    row[0] = code + degree
    row[1] = code + 12 + own * 12 + degree
    code += 12 + 4096 * 12
    row[2] = code + degree * N_ACCENTS + level
    code += 12 * N_ACCENTS
    row[3] = code + level
    code += N_ACCENTS
    for d in range(12):
        sounds = own >> d & 1
        row[4 + d] = code + d * N_ACCENTS + level if sounds else -1
        row[16 + d] = code + 12 * N_ACCENTS + d * 12 + degree if sounds else -1


@inline
def _write_there(other: int, degree: int, code: int, row: Codes) -> None:
    """Ask of another event: 14 slots."""
    row[0] = code + 1
    for d in range(12):
        row[1 + d] = code + 2 + d if other >> d & 1 else -1
    row[13] = code + 14 + degree


@inline
def _write_adjacent(
    own: int, other: int, degrees: int, accents: int, code: int, row: Codes
) -> None:
    """Ask of the event before or after, and of both together: 27 slots."""
    for d in range(12):
        row[d] = code + d * N_ACCENTS**2 + accents if other >> d & 1 else -1
    code += 12 * N_ACCENTS**2
    row[12] = code + other
    row[13] = code + 4096 + degrees
    row[14] = code + 4096 + 144 + accents
    code += 4096 + 144 + N_ACCENTS**2
    for d in range(12):
        row[15 + d] = code + 4 * d + (own >> d & 1) * 2 + (other >> d & 1)


@jit()
def write_codes(
    present: Flags, bass: Ints, accent: Ints, roots: Ints, n_families: int, out: Codes
) -> None:
    """Write the codes of every event, seen from its roots.

    Parameters
    ----------
    present : (n_events, 12) bool                                                    # IN
    bass, accent : (n_events,) int64, in [0, 12) and [0, N_ACCENTS)                  # IN
    roots : (n_events, n_roots) int64                                                # IN
    n_families : int, 1 to 3
        Pitch classes; bass and metre; neighbours.
    out : (n_events, n_roots, N_SLOTS[n_families - 1]) int32                         # OUT
    """
    for t in range(len(roots)):
        for k in range(roots.shape[1]):
            root, row = roots[t, k], out[t, k]
            own, degree = _turned(present, t, root), (bass[t] - root) % 12
            _write_own(own, row)
            if n_families > 1:
                _write_bass(own, degree, accent[t], row[N_SLOTS[0] :])
            if n_families < 3:
                continue
            code, slot = _OWN + _BASS, N_SLOTS[1]
            for shift in NEIGHBOURS:
                there, adjacent = t + shift, abs(shift) == 1
                stop = slot + 14 + 27 * adjacent
                row[slot:stop] = -1
                row[slot] = code
                if 0 <= there < len(roots):
                    other, far = _turned(present, there, root), (bass[there] - root) % 12
                    _write_there(other, far, code, row[slot:stop])
                    if adjacent:
                        accents = accent[t] * N_ACCENTS + accent[there]
                        beside = row[slot + 14 : stop]
                        _write_adjacent(own, other, far * 12 + degree, accents, code + 26, beside)
                slot, code = stop, code + 26 + _ADJACENT * adjacent


@jit()
def sum_windows(total: Floats, low: Ints, high: Ints, out: Singles) -> None:
    """Sum columns over windows of rows, from their running totals.

    Parameters
    ----------
    total : (n_rows + 1, n_columns) float64, the first row 0                         # IN
    low, high : (n_windows, n_rows) int64, in [0, n_rows]                            # IN
        The first row of each row's windows, and the first past their last.
    out : (n_rows, n_windows, n_columns) float32                                     # OUT
    """
    for t in range(low.shape[1]):
        for w in range(low.shape[0]):
            first, stop = low[w, t], high[w, t]
            for k in range(total.shape[1]):
                out[t, w, k] = total[stop, k] - total[first, k]
