"""The qualities of chords, in one table: tones, names, and the spellings that are read.

Conventions
-----------
Tones are semitones above the root, in [0, 11], rising. Harte's name is the one of his shorthand
where he has one; `printed` is how a lead sheet writes the quality after the root; `spellings` are
the other ways in which lead sheets write it; `kind` is MusicXML's value.

References
----------
C. Harte, M. Sandler, S. Abdallah, E. Gomez, "Symbolic representation of musical chords: a
proposed syntax for text annotations", ISMIR 2005, table 1.
MusicXML 4.0, the type `kind-value`.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["QUALITIES", "QUALITY_TABLE", "Quality"]

Tones = tuple[int, ...]


class Quality(NamedTuple):
    """A quality: tones above the root, and what it is called.

    Attributes
    ----------
    harte : str
        Empty where Harte's vocabulary has no name.
    tones : tuple of int
    printed : str
    spellings : str
        Divided by spaces.
    kind : str
        Empty where MusicXML has no value.

    Examples
    --------
    >>> QUALITY_TABLE[1]
    Quality(harte='min', tones=(0, 3, 7), printed='m', spellings='min mi minor', kind='minor')
    """

    harte: str
    tones: Tones
    printed: str
    spellings: str = ""
    kind: str = ""


QUALITY_TABLE = (
    Quality("maj", (0, 4, 7), "", "M maj ma major", "major"),
    Quality("min", (0, 3, 7), "m", "min mi minor", "minor"),
    Quality("dim", (0, 3, 6), "dim", "° o", "diminished"),
    Quality("aug", (0, 4, 8), "aug", "+", "augmented"),
    Quality("5", (0, 7), "5", "", "power"),
    Quality("sus2", (0, 2, 7), "sus2", "", "suspended-second"),
    Quality("sus4", (0, 5, 7), "sus4", "sus", "suspended-fourth"),
    Quality("maj6", (0, 4, 7, 9), "6", "maj6 M6", "major-sixth"),
    Quality("min6", (0, 3, 7, 9), "m6", "min6 mi6", "minor-sixth"),
    Quality("7", (0, 4, 7, 10), "7", "dom7 dom", "dominant"),
    Quality("maj7", (0, 4, 7, 11), "maj7", "M7 ma7 major7 Δ Δ7", "major-seventh"),
    Quality("min7", (0, 3, 7, 10), "m7", "min7 mi7 minor7", "minor-seventh"),
    Quality(
        "minmaj7", (0, 3, 7, 11), "mMaj7", "mM7 mmaj7 m/maj7 minmaj7 mΔ7 mΔ minM7", "major-minor"
    ),
    Quality("dim7", (0, 3, 6, 9), "dim7", "°7 o7", "diminished-seventh"),
    Quality("hdim7", (0, 3, 6, 10), "m7b5", "ø ø7 hdim7 hdim", "half-diminished"),
    Quality("7sus4", (0, 5, 7, 10), "7sus4", "7sus"),
    Quality("aug7", (0, 4, 8, 10), "aug7", "+7 7+", "augmented-seventh"),
    Quality("9", (0, 2, 4, 7, 10), "9", "", "dominant-ninth"),
    Quality("maj9", (0, 2, 4, 7, 11), "maj9", "M9 ma9 Δ9", "major-ninth"),
    Quality("min9", (0, 2, 3, 7, 10), "m9", "min9 mi9", "minor-ninth"),
    Quality("9sus4", (0, 2, 5, 7, 10), "9sus4", "9sus"),
    Quality("maj69", (0, 2, 4, 7, 9), "6/9", "69"),
    Quality("min69", (0, 2, 3, 7, 9), "m6/9", "m69 min69 min6/9 mi69"),
    Quality("11", (0, 2, 4, 5, 7, 10), "11", "", "dominant-11th"),
    Quality("maj11", (0, 2, 4, 5, 7, 11), "maj11", "M11 ma11", "major-11th"),
    Quality("min11", (0, 2, 3, 5, 7, 10), "m11", "min11 mi11", "minor-11th"),
    Quality("13", (0, 2, 4, 5, 7, 9, 10), "13", "", "dominant-13th"),
    Quality("maj13", (0, 2, 4, 5, 7, 9, 11), "maj13", "M13 ma13 Δ13", "major-13th"),
    Quality("min13", (0, 2, 3, 5, 7, 9, 10), "m13", "min13 mi13", "minor-13th"),
    # What the lead sheet writes and Harte's vocabulary has no name for.
    Quality("", (0, 1, 3, 4, 6, 8, 10), "7alt"),
    Quality("", (0, 4, 8, 11), "+M7", "+maj7 augmaj7 +Δ7 +Δ +ma7"),
    Quality("", (0, 2, 4, 8, 10), "+9", "aug9 9+"),
    Quality("", (0, 2, 3, 7, 11), "mM9", "mmaj9 minmaj9 mΔ9"),
    Quality("", (0, 2, 3, 6, 10), "ø9"),
    Quality("", (0, 2, 3, 5, 6, 10), "ø11"),
    Quality("", (0, 3, 6, 11), "°M7", "dimM7 dimmaj7 oM7 °maj7 °Δ7"),
    Quality("", (0, 2, 5, 7, 9, 10), "13sus4", "13sus"),
    Quality("", (0, 5, 7, 11), "maj7sus4", "M7sus4 maj7sus"),
    Quality("", (0, 2, 5, 7), "sus2sus4", "sus24"),
    Quality("", (0, 1, 5, 7, 10), "7b9sus4", "7b9sus 7susb9"),
)  # fmt: skip
QUALITIES: dict[str, Tones] = {row.harte: row.tones for row in QUALITY_TABLE if row.harte}
"""Semitones above the root by quality, under Harte's names where he has one."""
