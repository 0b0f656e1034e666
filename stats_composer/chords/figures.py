"""Figured bass: the tones of a chord, counted from its bass.

Conventions
-----------
Figures run from the highest down, `6/5`. They are left out as players leave them out: `5/3`
is nothing, `6/3` is `6`, `7/5/3` is `7`. A tone outside the signature has its accidental before
its figure, a third the accidental alone: `#`, `♮`, `b`.

References
----------
C. P. E. Bach, "Versuch über die wahre Art das Clavier zu spielen", part 2, 1762, chapter 1.
"""

from __future__ import annotations

from stats_composer.chords.labels import fifths_above
from stats_composer.theory import Chord, key_signature

__all__ = ["figured_bass"]

_SHOWN = {
    (5, 3): (), (6, 3): (6,), (7, 5, 3): (7,), (7, 3): (7,), (6, 5, 3): (6, 5), (6, 4, 3): (4, 3),
    (6, 4, 2): (4, 2),
}  # fmt: skip
_ACCIDENTALS = {-2: "bb", -1: "b", 0: "♮", 1: "#", 2: "x"}


def figured_bass(chord: Chord, tonic_fifths: int, mode: int) -> str:
    """Write the figures of a chord over its bass.

    Parameters
    ----------
    chord : Chord
    tonic_fifths, mode : int
        The key whose signature is in force, as `theory.parse_key` gives it.

    Examples
    --------
    >>> from stats_composer.theory import parse_chord, parse_key
    >>> names = ["Am", "E", "E7/G#", "Dm/F", "Bm7b5", "Am/E"]
    >>> [figured_bass(parse_chord(name), *parse_key("a")) for name in names]
    ['', '#', '6/5', '6', '7', '6/4']
    """
    bass = chord.root if chord.bass is None else chord.bass
    lowest = key_signature(tonic_fifths, mode) - 1
    figures: dict[int, str] = {}
    for tone in chord.intervals:
        fifths = chord.root + fifths_above(tone, chord.intervals)
        number = 4 * (fifths - bass) % 7 + 1
        inside = lowest <= fifths < lowest + 7
        if number > 1:
            figures[number] = "" if inside else _ACCIDENTALS.get((fifths + 1) // 7, "")
    numbers = tuple(sorted(figures, reverse=True))
    shown = [n for n in numbers if n in _SHOWN.get(numbers, numbers) or figures[n]]
    return "/".join(figures[n] if n == 3 and figures[n] else f"{figures[n]}{n}" for n in shown)
