"""The labels of chords: twelve roots by eleven qualities, and the symbols they become.

Conventions
-----------
A label is root * N_QUALITIES + quality. A quality is a triad, perhaps with one added tone, as
Radicioni and Esposito write it: `M7` is a major triad with either seventh, `d7` a diminished
triad with either. Which one, and whether a fourth is added or suspended, is told by the tones
that sound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stats_composer.theory import QUALITIES, Chord

__all__ = [
    "N_LABELS",
    "N_QUALITIES",
    "QUALITY_CODES",
    "coverage",
    "fifths_above",
    "label_chord",
    "label_tones",
    "root_fifths",
    "spelled_root",
]

QUALITY_CODES = ("M", "M4", "M6", "M7", "d", "d6", "d7", "m", "m4", "m6", "m7")
N_QUALITIES = len(QUALITY_CODES)
N_LABELS = 12 * N_QUALITIES

READINGS: tuple[tuple[tuple[int, ...], ...], ...] = (
    (QUALITIES["maj"],),
    ((0, 4, 5, 7), QUALITIES["sus4"]),
    (QUALITIES["maj6"],),
    (QUALITIES["7"], QUALITIES["maj7"]),
    (QUALITIES["dim"],),
    (QUALITIES["dim7"],),
    (QUALITIES["hdim7"], QUALITIES["dim7"]),
    (QUALITIES["min"],),
    ((0, 3, 5, 7), QUALITIES["sus4"]),
    (QUALITIES["min6"],),
    (QUALITIES["min7"], QUALITIES["minmaj7"]),
)
"""The tones each quality may mean, the likeliest first."""
_TRIADS = {QUALITY_CODES.index("M"): (10, 11), QUALITY_CODES.index("m"): (10,)}
TONE_FIFTHS = (0, -5, 2, -3, 4, -1, -6, 1, 8, 3, -2, 5)
"""Places of the tones above a root on the line of fifths, by semitones."""
SEVENTH_HEARD = 0.6
"""A triad is named with its seventh where that sounds for more than this share of it: analysts
of chorales often pass over sevenths, whoever plays from a symbol should not."""


def label_tones(label: int, weight: NDArray[np.float64]) -> tuple[int, ...]:
    """Choose, of the readings of a label, the one whose tones sound longest.

    Parameters
    ----------
    label : int
    weight : ndarray of shape (12,)
        Share of the time that each pitch class sounds.

    Returns
    -------
    tuple of int
        Semitones above the root.

    Examples
    --------
    >>> sounding = np.zeros(12)
    >>> sounding[[0, 4, 7, 11]] = 1.0
    >>> label_tones(3, sounding)
    (0, 4, 7, 11)
    """
    root, quality = divmod(label, N_QUALITIES)
    readings = READINGS[quality]
    heard: list[float] = weight.tolist()
    if quality in _TRIADS:
        sevenths = [t for t in _TRIADS[quality] if heard[(root + t) % 12] > SEVENTH_HEARD]
        return (*readings[0], sevenths[0]) if len(sevenths) == 1 else readings[0]
    if len(readings) == 1:
        return readings[0]

    def merit(tones: tuple[int, ...]) -> float:
        # Of a suspension and an added tone, the one that does not miss its third.
        return sum(heard[(root + tone) % 12] for tone in tones) / len(tones)

    return max(readings, key=merit)


def coverage(tones: tuple[int, ...], root: int, weight: NDArray[np.float64]) -> float:
    """Return the share of what sounds that is tones of a chord."""
    heard: list[float] = weight.tolist()
    # exact sums: their order, which a transposition turns, must not decide a tie
    return math.fsum(heard[(root + tone) % 12] for tone in tones) / (math.fsum(heard) or 1.0)


def root_fifths(pitch_class: int, tonic_fifths: int) -> int:
    """Spell a root in a key: from the flat second to the sharp fourth above its tonic."""
    lowest = tonic_fifths - 5
    return (7 * pitch_class - lowest) % 12 + lowest


def label_chord(
    label: int,
    weight: NDArray[np.float64],
    bass: int,
    tonic_fifths: int,
    written: Mapping[int, int] | None = None,
) -> Chord:
    """Make a chord of a label.

    Parameters
    ----------
    label : int
    weight : ndarray of shape (12,)
    bass : int
        Pitch class; named in the chord where it is one of its tones and not the root.
    tonic_fifths : int
        Of the key that decides the spelling where notes do not.
    written : mapping of int to int, optional
        How the pitch classes are spelled that are: the root is spelled as most of its tones
        ask for.
    """
    root = label // N_QUALITIES
    tones = label_tones(label, weight)
    fifths = spelled_root(root, tones, tonic_fifths, written)
    above = (bass - root) % 12
    if above == 0 or above not in tones:
        return Chord(fifths, tones)
    return Chord(fifths, tones, fifths + fifths_above(above, tones))


def spelled_root(
    root: int, tones: tuple[int, ...], tonic_fifths: int, written: Mapping[int, int] | None
) -> int:
    """Spell a root as most of its tones ask for that are written, else as its key does.

    Parameters
    ----------
    root : int
        Pitch class.
    tones : tuple of int
        Semitones above it.
    tonic_fifths : int
    written : mapping of int to int, optional
        How pitch classes are spelled, by their fifths.
    """
    home = root_fifths(root, tonic_fifths)
    asked = [
        written[(root + tone) % 12] - fifths_above(tone, tones)
        for tone in tones
        if written and (root + tone) % 12 in written
    ]
    return max((home, home - 12, home + 12), key=asked.count)


def fifths_above(semitones: int, tones: tuple[int, ...]) -> int:
    """Return the place of a chord tone on the line of fifths above its root."""
    if semitones == 9 and 6 in tones and 3 in tones:
        return -9
    return TONE_FIFTHS[semitones]
