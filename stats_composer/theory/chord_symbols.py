"""Chord symbols: their vocabulary, and reading them.

Conventions
-----------
Two notations are read. Harte's (`C:maj/3`, `A:min7`, `F#:hdim7`, `D:7(b9)`, `G:(1,4,5)`) has a
colon after the root; its bass is a degree of the root's major scale. The lead sheet's (`C`,
`Am7/G`, `Bbmaj7`, `F#m7b5`, `G7#9`, `CΔ`, `C^7`, `Bø`, `B%7`) has none; its bass is a note name.
`N`, `N.C.` and their like say that there is no chord (`is_no_chord`).

A symbol that different people read in different ways is refused, with the readings: `E-7` is E
minor seventh on a jazz chart and E flat seventh to some programs (`Bb-7`, whose root has its
accidental, can only be minor), `C2` is sus2 or add9, `Calt` alters what its reader likes. `7alt`
is the seventh chord with every alteration: third, minor seventh, b9, #9, #11, b13 and no fifth.

References
----------
C. Harte, M. Sandler, S. Abdallah, E. Gomez, "Symbolic representation of musical chords: a
proposed syntax for text annotations", ISMIR 2005, tables 1 and 2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stats_composer.theory.pitch import fifths_name, name_fifths
from stats_composer.theory.qualities import QUALITIES, QUALITY_TABLE

__all__ = [
    "NO_CHORD",
    "Chord",
    "is_no_chord",
    "parse_chord",
    "transpose_symbol",
]

NO_CHORD = "N"
"""Harte's symbol where nothing sounds that has a name."""

_READ: dict[str, tuple[int, ...]] = {
    name: row.tones
    for row in QUALITY_TABLE
    for name in (row.printed, *filter(None, [row.harte]), *row.spellings.split())
}
_LONGEST_FIRST = sorted(_READ, key=len, reverse=True)
_SPELLINGS = (
    (r"♭", "b"), (r"♯", "#"), (r"𝄫", "bb"), (r"𝄪", "##"), (r"[△▵∆^]", "Δ"), (r"[ØΦφ%⌀]", "ø"),
    (r"[º˚]", "°"), (r"[−–—]", "-"),
)  # fmt: skip
_AMBIGUOUS = {
    "alt": "which tones are altered differs: write 7alt or the tones",
    "2": "sus2 or add9",
    "4": "sus4 or add11",
    "/9": "add9 or a ninth in the bass",
}
_ALTERATIONS: dict[str, tuple[int | None, int | None]] = {
    "b5": (7, 6),
    "#5": (7, 8),
    "+5": (7, 8),
    "-5": (7, 6),
    "b9": (2, 1),
    "#9": (2, 3),
    "-9": (2, 1),
    "+9": (2, 3),
    "#11": (5, 6),
    "+11": (5, 6),
    "b13": (9, 8),
    "b6": (None, 8),
    "add2": (None, 2),
    "add4": (None, 5),
    "add6": (None, 9),
    "add9": (None, 2),
    "add11": (None, 5),
    "add#11": (None, 6),
    "add13": (None, 9),
    "addb9": (None, 1),
    "no3": (4, None),
    "no5": (7, None),
    "omit3": (4, None),
    "omit5": (7, None),
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

    Examples
    --------
    >>> chord = parse_chord("A7/C#")
    >>> chord, sorted(chord.pitch_classes), chord.bass_pitch_class
    (Chord(root=3, intervals=(0, 4, 7, 10), bass=7), [1, 4, 7, 9], 1)
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


def is_no_chord(symbol: str) -> bool:
    """Tell whether a symbol says that there is no chord: `N`, `N.C.`, `NC`, `n.c.`, `X`.

    Examples
    --------
    >>> is_no_chord("N.C."), is_no_chord("C")
    (True, False)
    """
    return symbol.strip().replace(".", "").replace(" ", "").upper() in ("N", "NC", "X")


def parse_chord(symbol: str, *, minus: str = "refuse") -> Chord:
    """Read a chord symbol.

    Parameters
    ----------
    symbol : str
        Harte's notation or the lead sheet's.
    minus : {"refuse", "minor", "flat"}
        What `-` after a letter means: on a jazz chart `E-7` is E minor seventh, to music21 and
        Humdrum E flat seventh. Not knowing where a symbol comes from, it is refused.

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
    >>> parse_chord("E-7", minus="minor") == parse_chord("Em7")
    True
    """
    text = symbol.strip()
    for pattern, plain in _SPELLINGS:
        text = re.sub(pattern, plain, text)
    if minus == "flat":
        text = re.sub(r"(^|/)([A-G])(-+)", lambda m: m[1] + m[2] + "b" * len(m[3]), text)
    try:
        return _parse(text, minus)
    except ValueError as error:
        raise ValueError(f"chord {symbol!r}: {error}") from None


def _parse(text: str, minus: str) -> Chord:
    match = re.fullmatch(r"([A-G](?:#+|b+)?)(.*)", text)
    if not match:
        raise ValueError("expected a root A to G, such as C:maj/3 or Am7/G")
    root, rest = name_fifths(match[1]), match[2]
    if rest.startswith("-") and not re.match(r"-[59](?![#b\d])", rest):
        if minus != "minor" and len(match[1]) == 1:
            readings = f"{match[1]}m{rest[1:]} or {match[1]}b{rest[1:]}"
            raise ValueError(f"'-' is ambiguous (minor or a flat): {readings}")
        rest = "m" + rest[1:]
    return _harte(root, rest) if rest.startswith(":") else _lead_sheet(root, rest)


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
    if body in _AMBIGUOUS:
        raise ValueError(f"{body!r} is ambiguous ({_AMBIGUOUS[body]})")
    tones = _tones(re.sub(r"[()\[\]\s,]", "", body) if body not in _READ else body)
    if tones is None:
        for sign in ("2", "4"):
            if re.fullmatch(rf"(m|min|maj|M|7){sign}", body):
                raise ValueError(f"{body!r} is ambiguous ({_AMBIGUOUS[sign]}): write it out")
        raise ValueError(f"unknown quality {body!r}")
    return Chord(root, tones, bass)


def _tones(text: str) -> tuple[int, ...] | None:
    """Read a quality and what alters it; None where it is something else."""
    text = re.sub(r"(?i:maj)|MA(?=\d|$)|Ma(?=\d|$)", "maj", text)
    text = re.sub(r"MIN|Min|MI(?=\d|$)|Mi(?=\d|$)", "min", text)
    for name in _LONGEST_FIRST:
        changes = _alterations(text[len(name) :]) if text.startswith(name) else None
        if changes is None:
            continue
        tones = set(_READ[name])
        minor = 4 not in tones
        for replaced, _ in changes:
            tones.discard(-1 if replaced is None else 3 if replaced == 4 and minor else replaced)
        tones |= {tone for _, tone in changes if tone is not None}
        return tuple(sorted(tones))
    return None


def _alterations(text: str) -> list[tuple[int | None, int | None]] | None:
    """Read what follows a quality, such as `b9#11`; None where it is something else."""
    names = "|".join(re.escape(name) for name in sorted(_ALTERATIONS, key=len, reverse=True))
    if not re.fullmatch(f"(?:{names})*", text):
        return None
    return [_ALTERATIONS[name] for name in re.findall(names, text)]


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
