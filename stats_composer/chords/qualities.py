"""The chords of harmony in keys: eighteen qualities on twelve roots, twenty-four homes.

Conventions
-----------
A label is root * N_KINDS + kind, a home is tonic * 2 + mode, roots and tonics pitch classes. The
augmented sixths are counted from the raised fourth degree, as Roman numerals count them: `Ger`
on F sharp holds F sharp, A flat, C and E flat, and is printed as the seventh chord on A flat.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from stats_composer.theory import QUALITIES, Chord

__all__ = ["GROUP", "KINDS", "N_GROUPS", "N_HOMES", "N_KINDS", "TRIAD", "kind_chord", "nearest"]

KINDS: dict[str, tuple[int, ...]] = {
    **{name: QUALITIES[name] for name in ("maj", "min", "dim", "aug", "7", "maj7", "min7")},
    **{name: QUALITIES[name] for name in ("hdim7", "dim7", "minmaj7")},
    "It": (0, 2, 6),
    "Ger": (0, 2, 6, 9),
    "Fr": (0, 4, 6, 10),
    **{name: QUALITIES[name] for name in ("sus2", "sus4", "7sus4", "maj6", "min6")},
}
N_KINDS = len(KINDS)
N_HOMES = 24

_TRIADS = (
    ("maj", "7", "maj7", "maj6"), ("min", "min7", "minmaj7", "min6"), ("dim", "hdim7", "dim7"),
    ("aug",), ("It", "Ger", "Fr"), ("sus2", "sus4", "7sus4"),
)  # fmt: skip
_GROUPS = (
    ("maj", "maj6", "maj7"), ("min", "min7", "min6", "minmaj7"), ("7", "aug", "7sus4"),
    ("dim", "hdim7", "dim7", "It", "Ger", "Fr"), ("sus2", "sus4"),
)  # fmt: skip
N_GROUPS = len(_GROUPS)


def _number(groups: tuple[tuple[str, ...], ...]) -> NDArray[np.int64]:
    return np.array([[name in group for group in groups].index(True) for name in KINDS], np.int64)


TRIAD = _number(_TRIADS)
"""The triad each kind is built on: major, minor, diminished, augmented, augmented sixth, none."""
GROUP = _number(_GROUPS)
"""The group each kind is told in to its neighbours: stable, minor, dominant, leading, open."""


def nearest(root: int, pitch_classes: Iterable[int]) -> int:
    """Return the kind whose tones above a root are most like some pitch classes.

    Examples
    --------
    A ninth chord is a seventh chord:

    >>> list(KINDS)[nearest(7, [7, 11, 2, 5, 9])]
    '7'
    """
    tones = {(pitch - root) % 12 for pitch in pitch_classes}

    def merit(kind: int) -> tuple[int, int]:
        own = set(list(KINDS.values())[kind])
        return 2 * len(tones & own) - len(tones | own), -kind

    return max(range(N_KINDS), key=merit)


def kind_chord(kind: int, root_fifths: int, bass_fifths: int | None = None) -> Chord:
    """Make the chord that a lead sheet prints for a kind.

    Parameters
    ----------
    kind : int
    root_fifths : int
    bass_fifths : int, optional
        Where it is not the root.

    Examples
    --------
    >>> from stats_composer.theory.chord_names import lead_sheet_symbol
    >>> lead_sheet_symbol(kind_chord(list(KINDS).index("Ger"), 6))
    'Ab7'
    """
    name = list(KINDS)[kind]
    if name in ("It", "Ger"):
        lowered = root_fifths - 10  # a diminished third above the raised fourth
        return Chord(lowered, QUALITIES["7"], None if bass_fifths == lowered else bass_fifths)
    return Chord(root_fifths, KINDS[name], None if bass_fifths == root_fifths else bass_fifths)
