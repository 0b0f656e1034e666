"""Pitches and their names: MIDI numbers, letters, and places on the line of fifths.

Conventions
-----------
A pitch is a MIDI number, C4 = 60; a pitch class an integer, C = 0. A place on the line of
fifths ("fifths") is an integer, C = 0, G = 1, F = -1; pitch class = 7 * fifths mod 12.
"""

from __future__ import annotations

import re

__all__ = [
    "fifths_name",
    "name_fifths",
    "parse_pitch",
    "pitch_name",
]


_LETTERS = "FCGDAEB"


def fifths_name(fifths: int, flat: str = "b") -> str:
    """Name a place on the line of fifths.

    Parameters
    ----------
    fifths : int
        From C as 0: F is -1, G is 1.
    flat : str
        What stands for a flat.

    Examples
    --------
    >>> fifths_name(6), fifths_name(-2)
    ('F#', 'Bb')
    """
    accidental, letter = divmod(fifths + 1, 7)
    return _LETTERS[letter] + ("#" * accidental if accidental > 0 else flat * -accidental)


def name_fifths(name: str) -> int:
    """Read a note name without octave: a letter and any number of `#`, `b` or `-`.

    Raises
    ------
    ValueError
        If it is no note name.

    Examples
    --------
    >>> name_fifths("Bb"), name_fifths("F##")
    (-2, 13)
    """
    match = re.fullmatch(r"([A-Ga-g])(#*|[b\-♭]*|♯*)", name)
    if not match:
        raise ValueError(f"note name {name!r}: expected a letter A to G with # or b")
    letter, accidental = match.groups()
    sign = 1 if accidental[:1] in ("#", "♯") else -1
    return _LETTERS.index(letter.upper()) - 1 + 7 * sign * len(accidental)


def parse_pitch(name: str) -> int:
    """Read a pitch: a note name and an octave (C4 is middle C), or a MIDI number.

    Raises
    ------
    ValueError
        If it is no pitch from 0 to 127.

    Examples
    --------
    >>> parse_pitch("C4"), parse_pitch("Bb3"), parse_pitch("67")
    (60, 58, 67)
    """
    match = re.fullmatch(r"([A-Ga-g](?:#+|♯+|b+|♭+)?)(-1|\d)", name.strip())
    if match:
        # The octave is the letter's, also where the accidental crosses its border (B#3 is C4).
        natural = name_fifths(match[1][0])
        accidental = (name_fifths(match[1]) - natural) // 7
        pitch = 12 * (int(match[2]) + 1) + 7 * natural % 12 + accidental
    else:
        pitch = int(name) if re.fullmatch(r"\d{1,3}", name.strip()) else -1
    if not 0 <= pitch <= 127:
        raise ValueError(f"pitch {name!r}: expected a name such as F#4 or Bb3, or 0 to 127")
    return pitch


def pitch_name(pitch: int) -> str:
    """Name a pitch as it is mostly spelled near C major.

    Examples
    --------
    >>> pitch_name(60), pitch_name(58), pitch_name(66)
    ('C4', 'Bb3', 'F#4')
    """
    name = fifths_name((pitch * 7 + 3) % 12 - 3)
    return f"{name}{pitch // 12 - 1}"
