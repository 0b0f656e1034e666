"""A line of ABC music as tokens: what stands there, without what it means in its place.

References
----------
The ABC music standard 2.1 (2011), section 4: https://abcnotation.com/wiki/abc:standard:v2.1.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

__all__ = [
    "ABC_LETTERS",
    "Bar",
    "BarsRest",
    "Broken",
    "Decoration",
    "Ending",
    "Field",
    "Grace",
    "Head",
    "Odd",
    "Overlay",
    "Quoted",
    "Slur",
    "Sound",
    "Tie",
    "Token",
    "Tuplet",
    "read_length",
    "tokens",
]

ABC_LETTERS = {
    "C": (0, 0), "D": (2, 2), "E": (4, 4), "F": (5, -1), "G": (7, 1), "A": (9, 3), "B": (11, 5),
}  # fmt: skip
"""Pitch class and place on the line of fifths."""

# What could run on to the line's end is bounded, so that a line of openings takes linear time.
_LENGTH = r"[0-9]{0,6}/*[0-9]{0,6}"
_HEAD = rf"""(?P<accidental>(?:\^\^|__|[\^_=])?)(?P<micro>(?<=[\^_])[0-9]{{0,2}}(?:/[0-9]{{0,2}})?|)
    (?P<letter>[A-Ga-g])(?P<octave>[,']*)(?P<length>{_LENGTH})"""
_TOKEN = re.compile(
    rf"""
    (?P<sound>{_HEAD})
    | (?P<bar>\.?(?P<line>:*(?:\[?\|+\]?)+:*|::+|\[\])[ \t]*(?P<times>\[?[0-9][-0-9,.]*)?)
    | (?P<quote>"(?P<quoted>[^"]*)"?)
    | (?P<field>\[(?P<field_letter>[A-Za-z]):(?P<field_text>[^\[\]]{{0,2000}})\])
    | (?P<ending>\[(?:(?P<number>[0-9][-0-9,.]*)|"(?P<named>[0-9][^"]{{0,40}})"
        (?=[^\[\]|]{{0,2000}}\|)))
    | (?P<chord>\[(?P<inside>(?:"[^"]{{0,200}}"|![^!\s]{{0,40}}!|[^\[\]|"]){{0,400}})\]
        (?P<chord_length>{_LENGTH}))
    | (?P<rest>[zx](?P<rest_length>{_LENGTH}))
    | (?P<bars_rest>[ZX](?P<n_bars>[0-9]{{0,5}}))
    | (?P<spacer>y[0-9]*)
    | (?P<tie>\.?-)
    | (?P<broken>>+|<+)
    | (?P<overlay>\(&|&\)|&)
    | (?P<tuplet>\((?P<count>[0-9]{{1,2}})(?::(?P<into>[0-9]{{0,2}}))?(?::(?P<over>[0-9]{{0,3}}))?)
    | (?P<slur>[()])
    | (?P<grace>\{{(?P<graces>[^}}]*)\}}?)
    | (?P<decoration>!(?P<name>[^!\s|"\[\]{{}}]{{1,40}})!)
    | (?P<plus>\+(?P<plus_name>[^+\s|"\[\]{{}}]{{1,40}})\+)
    | (?P<short>[.~H-Wh-w])
    | (?P<sign>\S)
    """,
    re.VERBOSE,
)
_SILENT = set("`\\$*;#@?!")
_ALTER = {"": None, "^": 1, "^^": 2, "=": 0, "_": -1, "__": -2}


class Head(NamedTuple):
    """A note: `alter` is None without an accidental; `micro` marks one that is no semitone."""

    letter: str
    octave: int
    alter: int | None
    length: Fraction
    micro: bool = False
    tie: bool = False


class Sound(NamedTuple):
    """A note, a chord, or (without heads) a rest; `length` counts unit lengths."""

    heads: tuple[Head, ...]
    length: Fraction


class BarsRest(NamedTuple):
    """A rest of whole bars."""

    n_bars: int


class Bar(NamedTuple):
    """A bar line, and the passes of an ending that begins at it."""

    sign: str
    ending: str


class Ending(NamedTuple):
    """The passes of an ending, without a bar line."""

    passes: str


class Tuplet(NamedTuple):
    """`n_notes` in the time of `into`, for the next `over`; 0 where it is not told."""

    n_notes: int
    into: int
    over: int


class Broken(NamedTuple):
    """`>`, `<` or several of them."""

    sign: str


class Tie(NamedTuple):
    """A tie from the note or chord before."""


class Slur(NamedTuple):
    """`(` or `)`."""

    sign: str


class Quoted(NamedTuple):
    """A chord symbol or an annotation."""

    text: str


class Decoration(NamedTuple):
    """The name of a decoration."""

    name: str


class Grace(NamedTuple):
    """Grace notes, struck through or not."""

    sounds: tuple[Sound, ...]
    slash: bool


class Field(NamedTuple):
    """A field within a line of music."""

    letter: str
    text: str


class Overlay(NamedTuple):
    """`&`, `(&` or `&)`."""

    sign: str


class Odd(NamedTuple):
    """A sign that is no ABC."""

    sign: str


Token = (
    Sound | BarsRest | Bar | Ending | Tuplet | Broken | Tie | Slur | Quoted | Decoration | Grace
    | Field | Overlay | Odd
)  # fmt: skip


@functools.lru_cache(maxsize=1024)
def read_length(text: str) -> Fraction:
    """Read a length: a number, halvings, or a fraction; 0 for one that is divided by 0.

    Examples
    --------
    >>> [str(read_length(text)) for text in ("", "3", "/", "3/2", "//", "/4", "0")]
    ['1', '3', '1/2', '3/2', '1/4', '1/4', '0']
    """
    above, _, below = text.partition("/")
    strokes = text.count("/")
    below = below.strip("/")
    divisor = int(below) if below else 1 << min(strokes, 12)
    return Fraction(int(above or 1), divisor) if divisor else Fraction(0)


def tokens(text: str, symbols: Mapping[str, str]) -> Iterator[Token]:
    """Divide a line of music into tokens.

    Parameters
    ----------
    text : str
    symbols : mapping of str to str
        What single letters stand for: names of decorations, or quoted texts.

    Yields
    ------
    Token

    Examples
    --------
    >>> [type(token).__name__ for token in tokens('"Am"(3a-b>c [CE]2|', {})]
    ['Quoted', 'Tuplet', 'Sound', 'Tie', 'Sound', 'Broken', 'Sound', 'Sound', 'Bar']
    """
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "sound":
            head = _head(match)
            yield Sound((head,), head.length)
        elif kind == "bar":
            yield Bar(match["line"], (match["times"] or "").lstrip("["))
        elif kind == "rest":
            yield Sound((), read_length(match["rest_length"]))
        elif kind == "chord":
            yield from _chord(match, symbols)
        elif kind in ("short", "decoration", "plus"):
            yield from _decoration(match, symbols)
        elif kind != "spacer":
            yield from _other(match)


def _other(match: re.Match[str]) -> Iterator[Token]:
    """Make the token of a match that needs no more than its parts."""
    kind = match.lastgroup
    if kind == "tie":
        yield Tie()
    elif kind == "broken":
        yield Broken(match["broken"])
    elif kind == "tuplet":
        count, into, over = (int(match[name] or 0) for name in ("count", "into", "over"))
        yield Tuplet(count, into, over)
    elif kind == "quote":
        yield Quoted(match["quoted"])
    elif kind == "field":
        yield Field(match["field_letter"], match["field_text"].strip())
    elif kind == "ending":
        yield Ending(match["number"] or match["named"])
    elif kind == "bars_rest":
        yield BarsRest(int(match["n_bars"] or 1))
    elif kind == "grace":
        inside = tokens(match["graces"].lstrip(" /"), {})
        sounds = tuple(token for token in inside if isinstance(token, Sound) and token.heads)
        yield Grace(sounds, match["graces"].lstrip().startswith("/"))
    elif kind == "overlay":
        yield Overlay(match["overlay"])
    elif kind == "slur":
        yield Slur(match["slur"])
    elif match[0] not in _SILENT:
        yield Odd(match[0])


def _head(match: re.Match[str], tie: bool = False) -> Head:
    letter, marks = match["letter"], match["octave"]
    octave = 4 + letter.islower() + marks.count("'") - marks.count(",")
    alter, micro = _ALTER[match["accidental"]], match["micro"]
    if micro:
        # The whole semitones of it: a part of one has no place in a pitch.
        size = int(read_length(micro)) + len(match["accidental"]) - 1
        alter = size if "^" in match["accidental"] else -size
    length = read_length(match["length"])
    return Head(letter.upper(), octave, alter, length, bool(micro), tie)


def _chord(match: re.Match[str], symbols: Mapping[str, str]) -> Iterator[Token]:
    """Give what decorates a chord, then the chord: its length is that of its first note."""
    heads: list[Head] = []
    length: Fraction | None = None
    for token in tokens(match["inside"], symbols):
        if isinstance(token, Sound):
            length = token.length if length is None else length
            heads += token.heads
        elif isinstance(token, Tie):
            heads[-1:] = [head._replace(tie=True) for head in heads[-1:]]
        else:
            yield token
    if length is not None:
        yield Sound(tuple(heads), length * read_length(match["chord_length"]))


def _decoration(match: re.Match[str], symbols: Mapping[str, str]) -> Iterator[Token]:
    """Give a decoration, a letter's meaning, or a chord between plus signs, as it once was."""
    name = match["name"] or match["plus_name"] or symbols.get(match[0], "")
    if match["plus"]:
        inside = list(tokens(name, {}))
        if len(inside) > 1 and all(isinstance(token, Sound) and token.heads for token in inside):
            heads = [head for token in inside if isinstance(token, Sound) for head in token.heads]
            yield Sound(tuple(heads), heads[0].length)
            return
    if name.startswith('"'):
        yield Quoted(name.strip('"'))
    elif name:
        yield Decoration(name)
    elif match[0] not in symbols:
        yield Odd(match[0])
