"""Features of chord events, seen from each of the twelve roots.

Conventions
-----------
Everything is relative to a root r: pitch class p becomes (p - r) mod 12. A feature is a
question with its answer, such as "which set sounds: root, third and seventh", and has a code
(`kernels.chords`). The same events, moved by a semitone, have the same codes one root further:
so weights are shared over the twelve transpositions, and labels move with the music.

References
----------
K. Masada, R. Bunescu, "Chord recognition in symbolic music: a segmental CRF model", TISMIR
2(1), 2019, section 4: relative features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels import chords as kernels
from stats_composer.models.crf import Observed

__all__ = ["FAMILIES", "N_GATES", "event_codes", "observe", "relative_codes"]

FAMILIES = ("pitch classes", "bass and metre", "neighbours")
"""Questions, from what sounds to what surrounds it; each builds on those before."""

N_GATES = 6

Codes = NDArray[np.int32]
Ints = NDArray[np.int64]


def relative_codes(
    events: NDArray[np.void], roots: Ints, families: Sequence[str] = FAMILIES
) -> Codes:
    """Give the codes of events as seen from roots.

    Parameters
    ----------
    events : ndarray of CHORD_EVENT_DTYPE
        Of one piece, in the order of time.
    roots : ndarray of shape (n_events, n_roots), int64, in [0, 12)
    families : sequence of str
        The first one, two or all of `FAMILIES`.

    Returns
    -------
    ndarray of shape (n_events, n_roots, n_slots), int32
        -1 where a question does not apply.

    Raises
    ------
    ValueError
        If the families are others.
    """
    n_families = len(families)
    if not n_families or tuple(families) != FAMILIES[:n_families]:
        raise ValueError(f"families {tuple(families)}: expected the first of {FAMILIES}")
    codes = np.empty((*roots.shape, kernels.N_SLOTS[n_families - 1]), np.int32)
    kernels.write_codes(
        np.ascontiguousarray(events["weight"] > 0),
        events["bass"].astype(np.int64),
        events["accent"].astype(np.int64),
        np.ascontiguousarray(roots, np.int64),
        n_families,
        codes,
    )
    return codes


def event_codes(events: NDArray[np.void], families: Sequence[str] = FAMILIES) -> Codes:
    """Give the codes of events as seen from all twelve roots.

    Returns
    -------
    ndarray of shape (n_events, 12, n_slots), int32
    """
    return relative_codes(events, np.tile(np.arange(12), (len(events), 1)), families)


def observe(events: NDArray[np.void], families: Sequence[str] = FAMILIES) -> Observed:
    """Make of events what the chain model sees of a piece.

    The gate of an event is its accent (weak, beat, strong) and whether its bass has moved:
    chords change on strong beats and with the bass.
    """
    accent = events["accent"]
    strength = np.where(accent >= 4, 2, np.where(accent == 3, 1, 0))
    moved = np.diff(events["bass"].astype(np.int64), prepend=-1) != 0
    return Observed(event_codes(events, families), strength * 2 + moved)
