r"""Words and signs dealt out to the notes that they stand under.

Conventions
-----------
* Each written note takes a syllable, tied ones too; rests, grace notes and overlays take none.
* `-` ends a syllable of a word, `_` holds it for one more note, `*` leaves a note without,
  `|` goes on to the next bar, `~` is a space within a syllable; `\` before one writes it.

References
----------
The ABC music standard 2.1 (2011), sections 4.15 and 5: https://abcnotation.com/wiki/abc:standard:v2.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from stats_composer.io.abc_text import plain_text

__all__ = ["Syllable", "deal_signs", "deal_words"]

Notes = Sequence[tuple[Fraction, int]]
"""Onset and bar of each note that words can be for."""

_WORD = re.compile(r"(?P<word>(?:\\.|[^\s\-_*|])+)(?P<joint>-?)|(?P<sign>[-_*|])")
_SIGN = re.compile(r'(?P<sign>"[^"]*"|![^!\s]*!|[^\s*|])|(?P<skip>[*|])')


class Syllable(NamedTuple):
    """A syllable; `syllabic` is single, begin, middle or end."""

    onset: Fraction
    syllabic: str
    text: str


def deal_words(text: str, notes: Notes) -> tuple[list[Syllable], int]:
    r"""Deal the syllables of a `w:` line out to notes.

    Returns
    -------
    list of Syllable
    int
        How many found no note.

    Examples
    --------
    >>> notes = [(Fraction(i), i // 2) for i in range(4)]
    >>> [tuple(map(str, row)) for row in deal_words(r"A-men_ o\-ho la", notes)[0]]
    [('0', 'begin', 'A'), ('1', 'end', 'men'), ('3', 'single', 'o-ho')]
    """
    dealt: list[Syllable] = []
    place, lost, joined = 0, 0, False
    for token in _WORD.finditer(text):
        if token["sign"] == "|":
            place = _next_bar(place, notes)
            continue
        if token["word"]:
            after = bool(token["joint"])
            syllabic = ("middle" if joined else "begin") if after else "end" if joined else "single"
            word = plain_text(re.sub(r"(?<!\\)~", " ", token["word"]))
            if place < len(notes):
                dealt.append(Syllable(notes[place][0], syllabic, word))
            else:
                lost += 1
            joined = after
        place += 1
    return dealt, lost


def deal_signs(text: str, notes: Notes) -> Iterator[tuple[Fraction, str]]:
    """Deal the decorations and chord symbols of an `s:` line out to notes."""
    place = 0
    for token in _SIGN.finditer(text):
        if token["skip"] == "|":
            place = _next_bar(place, notes)
            continue
        if token["sign"] and place < len(notes):
            yield notes[place][0], token["sign"]
        place += 1


def _next_bar(place: int, notes: Notes) -> int:
    """First note after the bar of the note before a place."""
    if not notes:
        return place
    bar = notes[min(place, len(notes)) - 1][1] if place else notes[0][1] - 1
    while place < len(notes) and notes[place][1] <= bar:
        place += 1
    return place
