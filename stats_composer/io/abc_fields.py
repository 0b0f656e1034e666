"""The fields of ABC tunes: keys, metres, tempos, lengths and lyrics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from stats_composer.errors import ScoreFileError
from stats_composer.theory import MAJOR, MINOR, UNKNOWN_MODE, name_fifths

__all__ = [
    "ABC_LETTERS",
    "Key",
    "read_key",
    "read_length",
    "read_metre",
    "read_syllables",
    "read_tempo",
]

ABC_LETTERS = {
    "C": (0, 0), "D": (2, 2), "E": (4, 4), "F": (5, -1), "G": (7, 1), "A": (9, 3), "B": (11, 5),
}  # fmt: skip
"""Pitch class and place on the line of fifths."""

_MODES = {"ion": 0, "maj": 0, "mix": 1, "dor": 2, "aeo": 3, "min": 3, "m": 3, "phr": 4, "loc": 5}
_MODES["lyd"] = -1


@dataclass(frozen=True)
class Key:
    """A key field: signature, mode, and accidentals of its own."""

    fifths: int
    mode: int
    own: dict[str, int]

    def alter(self, letter: str) -> int:
        """Sharps, or flats as a negative number, that the signature gives a letter."""
        if letter in self.own:
            return self.own[letter]
        return (self.fifths - "FCGDAEB".index(letter) + 6) // 7


def read_key(text: str, before: Key) -> Key:
    """Read what follows `K:`; a field of clefs alone leaves the key as it was.

    Examples
    --------
    >>> read_key("Ador", Key(0, 0, {})).fifths, read_key("Bb", Key(0, 0, {})).fifths
    (1, -2)
    """
    text = text.strip()
    if re.match(r"H[pP]", text):
        return Key(2, UNKNOWN_MODE, {})
    if not text or text.lower().startswith("none"):
        return Key(0, UNKNOWN_MODE, {})
    found = re.match(r"([A-G])([#b♯♭]?)\s*(?!\w*=)([A-Za-z]*)", text)
    if not found or re.match(r"(clef|treble|bass|alto|tenor|perc|octave|transpose|middle)", text):
        return before
    tonic = name_fifths(found[1] + found[2])
    word = found[3].lower()
    word = "m" if word == "m" else word[:3]
    steps = _MODES.get(word, 0)
    mode = {0: MAJOR, 3: MINOR}.get(steps, UNKNOWN_MODE)
    own = {
        letter.upper(): signs.count("^") - signs.count("_")
        for signs, letter in re.findall(r"(?<=\s)([_^=]{1,2})([A-Ga-g])", text[found.end(2) :])
    }
    fifths = 0 if word == "exp" else tonic - steps
    if abs(fifths) > 14:
        raise ScoreFileError(f"key {text[:20]!r}: more accidentals than any key has")
    return Key(fifths, mode, own)


def read_metre(text: str) -> tuple[int, int] | None:
    """Read what follows `M:`; None for free metre.

    Examples
    --------
    >>> read_metre("C|"), read_metre("6/8"), read_metre("(2+3)/8"), read_metre("none")
    ((2, 2), (6, 8), (5, 8), None)
    """
    text = text.strip()
    if text.startswith("C"):
        return (2, 2) if text.startswith("C|") else (4, 4)
    found = re.match(r"\(?([0-9]{1,3}(?:\s*\+\s*[0-9]{1,3})*)\)?\s*/\s*([0-9]{1,3})", text)
    if not found:
        return None
    return sum(int(number) for number in found[1].split("+")), int(found[2])


def read_length(text: str, default: Fraction = Fraction(1)) -> Fraction:
    """Read a length: a number, halvings, or a fraction.

    Examples
    --------
    >>> [str(read_length(text)) for text in ("", "3", "/", "3/2", "//", "/4")]
    ['1', '3', '1/2', '3/2', '1/4', '1/4']
    """
    found = re.fullmatch(r"\s*([0-9]*)(/*)([0-9]*)\s*", text)
    if not found or not text.strip():
        return default
    above, strokes, below = found.groups()
    halves = 2 ** min(len(strokes), 12) if not below else int(below)
    if halves == 0:
        raise ScoreFileError(f"length {text!r}: divided by 0")
    return Fraction(int(above or 1), halves)


def read_tempo(text: str) -> float | None:
    """Read what follows `Q:` as quarters a minute, or None where it has no number.

    Examples
    --------
    >>> read_tempo("3/8=80"), read_tempo('"Allegro" 1/4=120'), read_tempo("100")
    (120.0, 120.0, 100.0)
    """
    text = re.sub(r'"[^"]*"', "", text).strip()
    found = re.search(r"([0-9/ ]*?)\s*=\s*([0-9]{1,4}(?:\.[0-9]+)?)", text)
    if found:
        units = re.findall(r"([0-9]{1,3})/([1-9][0-9]{0,2})", found[1])
        quarters = 4 * sum((Fraction(int(a), int(b)) for a, b in units), Fraction(0))
        tempo = float(found[2]) * float(quarters or 1)
    else:
        number = re.fullmatch(r"[0-9]{1,4}", text)
        tempo = float(number[0]) if number else 0.0
    return tempo or None


def read_syllables(
    text: str, notes: Sequence[tuple[Fraction, int]]
) -> Iterator[tuple[Fraction, str, str]]:
    """Deal the syllables of a `w:` line out to the notes of the line above.

    Parameters
    ----------
    text : str
    notes : sequence of (onset, bar)

    Yields
    ------
    onset, syllabic, text
    """
    place, joined = 0, False
    for token in re.finditer(r"(?P<word>(?:\\-|[^\s\-_*|])+)(?P<joint>-?)|(?P<sign>[-_*|])", text):
        if place >= len(notes):
            return
        if token["sign"] == "|":
            bar = notes[place - 1][1] if place else notes[0][1] - 1
            while place < len(notes) and notes[place][1] <= bar:
                place += 1
            continue
        if token["word"]:
            after = bool(token["joint"])
            syllabic = ("middle" if joined else "begin") if after else "end" if joined else "single"
            word = token["word"].replace("\\-", "-").replace("~", " ")
            yield notes[place][0], syllabic, word
            joined = after
        place += 1
