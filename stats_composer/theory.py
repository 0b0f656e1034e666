"""Pitch, spelling, keys and chords as tables and pure functions.

Conventions
-----------
A pitch class is an integer, C = 0. A place on the line of fifths ("fifths") is an integer,
C = 0, G = 1, F = -1; pitch class = 7 * fifths mod 12. A key is its tonic's fifths and a mode,
`MAJOR` or `MINOR`; its signature is the tonic's fifths, less 3 in minor.
"""

from __future__ import annotations

import re

__all__ = ["fifths_name", "name_fifths", "transpose_symbol"]

_LETTERS = "FCGDAEB"


def fifths_name(fifths: int, flat: str = "b") -> str:
    """Name a place on the line of fifths.

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


def transpose_symbol(symbol: str, fifths: int) -> str:
    """Move the root and the bass of a chord symbol along the line of fifths.

    Examples
    --------
    >>> transpose_symbol("F#m7/C#", -1)
    'Bm7/F#'
    """

    def move(match: re.Match[str]) -> str:
        return match[1] + fifths_name(name_fifths(match[2]) + fifths)

    return re.sub(r"(^|/)([A-G](?:#+|b+)?)(?=$|[^A-Za-z#]|[a-z(]|[A-Z])", move, symbol)
