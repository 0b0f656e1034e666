"""Kernels of chord features: events seen from roots, as numbers.

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

__all__ = ["NEIGHBOURS", "N_ACCENTS", "N_SLOTS", "write_codes"]

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]

N_ACCENTS = 6
NEIGHBOURS = (-2, -1, 1, 2, 3)
N_SLOTS = (13, 41, 165)
"""Slots with one, two and three families of questions."""

_OWN = 24 + 4096
_BASS = 12 + 4096 * 12 + 12 * N_ACCENTS + N_ACCENTS + 12 * N_ACCENTS + 12 * 12


@inline
def _turned(present: Flags, t: int, root: int) -> int:
    """Return the set that sounds in an event, as bits above a root."""
    bits = 0
    for degree in range(12):
        if present[t, (root + degree) % 12]:
            bits |= 1 << degree
    return bits


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
    n_events, n_roots = roots.shape
    for t in range(n_events):
        for k in range(n_roots):
            root = roots[t, k]
            row = out[t, k]
            own = _turned(present, t, root)
            degree = (bass[t] - root) % 12
            level = accent[t]
            for d in range(12):
                row[d] = 2 * d + (own >> d & 1)
            row[12] = 24 + own
            if n_families < 2:
                continue
            code = _OWN
            row[13] = code + degree
            row[14] = code + 12 + own * 12 + degree
            code += 12 + 4096 * 12
            row[15] = code + degree * N_ACCENTS + level
            code += 12 * N_ACCENTS
            row[16] = code + level
            code += N_ACCENTS
            for d in range(12):
                sounds = own >> d & 1
                row[17 + d] = code + d * N_ACCENTS + level if sounds else -1
                row[29 + d] = code + 12 * N_ACCENTS + d * 12 + degree if sounds else -1
            if n_families < 3:
                continue
            code = _OWN + _BASS
            slot = 41
            for shift in NEIGHBOURS:
                there = t + shift
                exists = 0 <= there < n_events
                adjacent = shift == 1 or shift == -1
                width = 14 + 27 * adjacent
                for j in range(slot, slot + width):
                    row[j] = -1
                row[slot] = code + exists
                if exists:
                    other = _turned(present, there, root)
                    other_degree = (bass[there] - root) % 12
                    accents = level * N_ACCENTS + accent[there]
                    for d in range(12):
                        if other >> d & 1:
                            row[slot + 1 + d] = code + 2 + d
                    row[slot + 13] = code + 14 + other_degree
                    if adjacent:
                        base = code + 26
                        for d in range(12):
                            if other >> d & 1:
                                row[slot + 14 + d] = base + d * N_ACCENTS**2 + accents
                        base += 12 * N_ACCENTS**2
                        row[slot + 26] = base + other
                        base += 4096
                        row[slot + 27] = base + other_degree * 12 + degree
                        base += 144
                        row[slot + 28] = base + accents
                        base += N_ACCENTS**2
                        for d in range(12):
                            both = (own >> d & 1) * 2 + (other >> d & 1)
                            row[slot + 29 + d] = base + 4 * d + both
                code += 26
                if adjacent:
                    code += 12 * N_ACCENTS**2 + 4096 + 144 + N_ACCENTS**2 + 48
                slot += width
