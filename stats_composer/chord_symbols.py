"""Chord symbols: their vocabulary, and reading them.

Conventions
-----------
Two notations are read. Harte's (`C:maj/3`, `A:min7`, `F#:hdim7`, `D:7(b9)`, `G:(1,4,5)`) has a
colon after the root; its bass is a degree of the root's major scale. The lead sheet's (`C`,
`Am7/G`, `Bbmaj7`, `F#m7b5`, `G7#9`) has none; its bass is a note name. A symbol that is read
in different ways by different people is refused, with the two readings: `C-7`, `Calt`.

References
----------
C. Harte, M. Sandler, S. Abdallah, E. Gomez, "Symbolic representation of musical chords: a
proposed syntax for text annotations", ISMIR 2005, tables 1 and 2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stats_composer.theory import name_fifths

__all__ = ["QUALITIES", "Chord", "parse_chord"]

QUALITIES: dict[str, tuple[int, ...]] = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "5": (0, 7),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "maj6": (0, 4, 7, 9),
    "min6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "minmaj7": (0, 3, 7, 11),
    "dim7": (0, 3, 6, 9),
    "hdim7": (0, 3, 6, 10),
    "7sus4": (0, 5, 7, 10),
    "aug7": (0, 4, 8, 10),
    "9": (0, 2, 4, 7, 10),
    "maj9": (0, 2, 4, 7, 11),
    "min9": (0, 2, 3, 7, 10),
    "9sus4": (0, 2, 5, 7, 10),
    "maj69": (0, 2, 4, 7, 9),
    "min69": (0, 2, 3, 7, 9),
    "11": (0, 2, 4, 5, 7, 10),
    "maj11": (0, 2, 4, 5, 7, 11),
    "min11": (0, 2, 3, 5, 7, 10),
    "13": (0, 2, 4, 5, 7, 9, 10),
    "maj13": (0, 2, 4, 5, 7, 9, 11),
    "min13": (0, 2, 3, 5, 7, 9, 10),
}
"""Semitones above the root by quality, under Harte's names where he has one."""

_LEAD_SHEET = {
    "": "maj",
    **dict.fromkeys(["M", "maj", "Maj", "ma", "major"], "maj"),
    **dict.fromkeys(["m", "min", "mi", "minor"], "min"),
    **dict.fromkeys(["dim", "°", "o"], "dim"),
    **dict.fromkeys(["aug", "+"], "aug"),
    **dict.fromkeys(["sus", "sus4"], "sus4"),
    **dict.fromkeys(["6", "maj6", "M6"], "maj6"),
    **dict.fromkeys(["m6", "min6", "mi6"], "min6"),
    **dict.fromkeys(["7", "dom7"], "7"),
    **dict.fromkeys(["maj7", "Maj7", "M7", "ma7", "Δ", "△", "Δ7", "△7"], "maj7"),
    **dict.fromkeys(["m7", "min7", "mi7"], "min7"),
    **dict.fromkeys(["mM7", "mMaj7", "mmaj7", "m(maj7)", "minmaj7", "mΔ7"], "minmaj7"),
    **dict.fromkeys(["dim7", "°7", "o7"], "dim7"),
    **dict.fromkeys(["ø", "ø7", "hdim7"], "hdim7"),
    **dict.fromkeys(["aug7", "+7"], "aug7"),
    **dict.fromkeys(["7sus4", "7sus"], "7sus4"),
    **dict.fromkeys(["9sus4", "9sus"], "9sus4"),
    **dict.fromkeys(["maj9", "Maj9", "M9", "ma9", "Δ9"], "maj9"),
    **dict.fromkeys(["m9", "min9", "mi9"], "min9"),
    **dict.fromkeys(["69", "6/9"], "maj69"),
    **dict.fromkeys(["m69", "m6/9"], "min69"),
    **dict.fromkeys(["maj11", "M11"], "maj11"),
    **dict.fromkeys(["m11", "min11", "mi11"], "min11"),
    **dict.fromkeys(["maj13", "M13"], "maj13"),
    **dict.fromkeys(["m13", "min13", "mi13"], "min13"),
    **{name: name for name in ("5", "sus2", "9", "11", "13")},
}
_AMBIGUOUS = {
    "-": "minor or a flat",
    "alt": "which tones are altered differs",
    "2": "sus2 or add9",
    "4": "sus4 or add11",
    "M-": "major or minor",
}
_ALTERATIONS = {
    "b5": (7, 6),
    "#5": (7, 8),
    "+5": (7, 8),
    "b9": (2, 1),
    "#9": (2, 3),
    "#11": (5, 6),
    "b13": (9, 8),
    "add9": (None, 2),
    "add2": (None, 2),
    "add4": (None, 5),
    "add11": (None, 5),
    "add13": (None, 9),
}
_DEGREE_FIFTHS = (0, 2, 4, -1, 1, 3, 5)


@dataclass(frozen=True)
class Chord:
    """A chord as a symbol says it.

    Attributes
    ----------
    root : int
        Place on the line of fifths.
    intervals : tuple of int, rising
        Semitones above the root, in [0, 11].
    bass : int or None
        Place on the line of fifths, where the symbol names a bass.
    """

    root: int
    intervals: tuple[int, ...]
    bass: int | None = None

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The pitch classes of its tones, a foreign bass included."""
        tones = {(7 * self.root + interval) % 12 for interval in self.intervals}
        return frozenset(tones if self.bass is None else tones | {7 * self.bass % 12})

    @property
    def bass_pitch_class(self) -> int | None:
        """The pitch class of the bass that the symbol names."""
        return None if self.bass is None else 7 * self.bass % 12


def parse_chord(symbol: str) -> Chord:
    """Read a chord symbol.

    Parameters
    ----------
    symbol : str
        Harte's notation or the lead sheet's.

    Raises
    ------
    ValueError
        If it is unknown or ambiguous; the message says which part.

    Examples
    --------
    >>> sorted(parse_chord("Am7/G").pitch_classes), parse_chord("Am7/G").bass_pitch_class
    ([0, 4, 7, 9], 7)
    >>> parse_chord("C:maj/3") == parse_chord("C/E")
    True
    """
    text = symbol.strip().replace("♭", "b").replace("♯", "#")
    match = re.fullmatch(r"([A-G](?:#+|b+)?)(.*)", text)
    if not match:
        raise ValueError(f"chord {symbol!r}: expected a root A to G, such as C:maj/3 or Am7/G")
    root, rest = name_fifths(match[1]), match[2]
    try:
        return _harte(root, rest) if rest.startswith(":") else _lead_sheet(root, rest)
    except ValueError as error:
        raise ValueError(f"chord {symbol!r}: {error}") from None


def _harte(root: int, rest: str) -> Chord:
    match = re.fullmatch(r":([a-z0-9]*)(?:\(([^()]*)\))?(?:/([b#]*\d+))?", rest)
    if not match:
        raise ValueError("expected root:quality(degrees)/degree")
    quality, degrees, bass = match.groups()
    if quality and quality not in QUALITIES:
        raise ValueError(f"unknown quality {quality!r}: expected one of {', '.join(QUALITIES)}")
    tones = set(QUALITIES[quality]) if quality else {0}
    if not quality and degrees is None:
        raise ValueError("expected a quality after the colon")
    for degree in (degrees or "").split(","):
        name = degree.strip()
        if name.startswith("*"):
            tones.discard(7 * _degree(name[1:]) % 12)
        elif name:
            tones.add(7 * _degree(name) % 12)
    return Chord(root, tuple(sorted(tones)), None if bass is None else root + _degree(bass))


def _degree(name: str) -> int:
    """Return the fifths from a root to a degree of its major scale, such as `b7`."""
    match = re.fullmatch(r"([b#]*)(\d+)", name)
    if not match or not 1 <= int(match[2]) <= 13:
        raise ValueError(f"degree {name!r}: expected 1 to 13, with b or # before it")
    shift = 7 * (match[1].count("#") - match[1].count("b"))
    return _DEGREE_FIFTHS[(int(match[2]) - 1) % 7] + shift


def _lead_sheet(root: int, rest: str) -> Chord:
    body, bass = rest, None
    slash = re.fullmatch(r"(.*)/([A-G](?:#+|b+)?|[b#]?[3-7])", rest)
    if slash:
        body = slash[1]
        is_note = slash[2][0] in "ABCDEFG"
        bass = name_fifths(slash[2]) if is_note else root + _degree(slash[2])
    plain = re.sub(r"[()\s,]", "", body) if body not in _LEAD_SHEET else body
    names = sorted((*_LEAD_SHEET, *QUALITIES), key=len, reverse=True)
    for name in names:
        changes = _alterations(plain[len(name) :]) if plain.startswith(name) else None
        if changes is not None:
            tones = set(QUALITIES[_LEAD_SHEET.get(name, name)])
            for replaced, tone in changes:
                tones.discard(-1 if replaced is None else replaced)
                tones.add(tone)
            if "b9" in plain and "#9" in plain:
                tones |= {1, 3}
            return Chord(root, tuple(sorted(tones)), bass)
    for sign, readings in _AMBIGUOUS.items():
        if sign in body:
            raise ValueError(f"{sign!r} is ambiguous ({readings}): write it out")
    raise ValueError(f"unknown quality {body!r}")


def _alterations(text: str) -> list[tuple[int | None, int]] | None:
    """Read what follows a quality, such as `b9#11`; None where it is something else."""
    names = "|".join(re.escape(name) for name in sorted(_ALTERATIONS, key=len, reverse=True))
    if not re.fullmatch(f"(?:{names})*", text):
        return None
    return [_ALTERATIONS[name] for name in re.findall(names, text)]
