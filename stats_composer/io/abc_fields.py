"""The fields of ABC tunes: keys, clefs, metres, tempos, orders of parts, macros.

References
----------
The ABC music standard 2.1 (2011), sections 3, 4.6 and 9: its examples are those below.
https://abcnotation.com/wiki/abc:standard:v2.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from stats_composer.errors import ScoreFileError
from stats_composer.io.limits import check_limit
from stats_composer.score import ending_bits
from stats_composer.theory import MAJOR, MINOR, UNKNOWN_MODE, name_fifths

__all__ = [
    "Key",
    "expand_macros",
    "read_clef",
    "read_key",
    "read_metre",
    "read_order",
    "read_passes",
    "read_properties",
    "read_tempo",
    "read_unit",
]

MAX_ORDER = 1000
MAX_LINE = 100_000
_MODES = {"ion": 0, "maj": 0, "mix": 1, "dor": 2, "aeo": 3, "min": 3, "m": 3, "phr": 4, "loc": 5}
_MODES["lyd"] = -1
_KEY = re.compile(
    r"([A-Ga-g])([#b♯♭]?)(?:\s*((?:maj|min|mix|dor|phr|lyd|loc|aeo|ion|exp)[a-z]*|m))?(?![\w'])",
    re.IGNORECASE,
)
_PROPERTY = re.compile(r'(\w+)\s*=\s*(?:"((?:\\.|[^"])*)"|(\S*))')
_CLEF = re.compile(
    r"(?:^|\s)(treble|bass|alto|tenor|baritone|soprano|mezzosoprano|mezzo|perc|[GFC](?=[1-5]))"
    r"[1-5]?[,']*([+-](?:8|15))?(?:va|vb)?(?=\s|$)"
)


@dataclass(frozen=True)
class Key:
    """A key field: signature, mode, and accidentals that no signature has."""

    fifths: int
    mode: int
    own: Mapping[str, int]

    def alter(self, letter: str) -> int:
        """Sharps, or flats as a negative number, that the signature gives a letter."""
        if letter in self.own:
            return self.own[letter]
        return _signature(self.fifths, letter)


def _signature(fifths: int, letter: str) -> int:
    return (fifths - "FCGDAEB".index(letter) + 6) // 7


def read_key(text: str) -> Key | None:
    """Read what follows `K:`; None where it has no key, but a clef or nothing that is one.

    Examples
    --------
    >>> [key and key.fifths for key in map(read_key, ("Ador", "Bb", "D exp _b_e", "clef=bass"))]
    [1, -2, -2, None]
    """
    rest = _PROPERTY.sub("", text) if not _KEY.match(text) else text
    if re.match(r"H[pP]\b", rest):
        return Key(2, UNKNOWN_MODE, {})
    found = _KEY.match(rest)
    rest = _PROPERTY.sub("", rest[found.end() :] if found else rest)
    own = {
        letter.upper(): signs.count("^") - signs.count("_")
        for signs, letter in re.findall(r"(\^\^|__|[\^_=])([A-Ga-g])", rest)
    }
    if not found:
        bare = not rest.strip() or re.match(r"\s*(none|exp)\b", rest, re.IGNORECASE) is not None
        clef = "=" in text or read_clef(text) is not None
        return _with_own(Key(0, UNKNOWN_MODE, {}), own) if own or (bare and not clef) else None
    word = (found[3] or "").lower()[:3]
    steps = _MODES.get(word, 0)
    mode = {0: MAJOR, 3: MINOR}.get(steps, UNKNOWN_MODE)
    if word == "exp":
        return _with_own(Key(0, UNKNOWN_MODE, {}), own)
    fifths = name_fifths(found[1].upper() + found[2].replace("♯", "#").replace("♭", "b")) - steps
    return _with_own(Key(fifths, mode, {}), own)


def _with_own(key: Key, own: dict[str, int]) -> Key:
    """Add accidentals to a key: the result is a signature where one has them all."""
    if not own:
        return key
    mixed = {letter: own.get(letter, key.alter(letter)) for letter in "FCGDAEB"}
    for fifths in range(-7, 8):
        if all(_signature(fifths, letter) == alter for letter, alter in mixed.items()):
            return Key(fifths, key.mode if fifths == key.fifths else UNKNOWN_MODE, {})
    return Key(key.fifths, UNKNOWN_MODE, own)


def read_properties(text: str) -> dict[str, str]:
    """Read the properties of a voice or a key.

    Examples
    --------
    >>> read_properties('T clef=treble-8 name="Tenor"')
    {'clef': 'treble-8', 'name': 'Tenor'}
    """
    return {name.lower(): quoted or plain for name, quoted, plain in _PROPERTY.findall(text)}


def read_clef(text: str) -> tuple[str, int] | None:
    """Read a clef, as `clef=` or alone: its name, and the octaves from written to sounding.

    Examples
    --------
    >>> read_clef("T clef=treble-8"), read_clef("bass"), read_clef("C octave=1")
    (('treble', -1), ('bass', 0), None)
    """
    told = read_properties(text).get("clef")
    found = _CLEF.search(_PROPERTY.sub("", text) if told is None else told)
    if not found:
        return None if told is None else (told, 0)
    away = int(found[2] or 0)
    return found[1], (abs(away) // 7) * (1 if away > 0 else -1)


def read_metre(text: str) -> tuple[int, int] | None:
    """Read what follows `M:`; None for free metre.

    Raises
    ------
    ScoreFileError
        If it is no metre.

    Examples
    --------
    >>> [read_metre(text) for text in ("C|", "6/8", "(2+3)/8", "3/4+2/4", "none")]
    [(2, 2), (6, 8), (5, 8), (5, 4), None]
    """
    if not text or text.lower().startswith("none"):
        return None
    if text.startswith("C"):
        return (2, 2) if text.startswith("C|") else (4, 4)
    terms = re.findall(r"\(?\s*([0-9]{1,3}(?:\s*\+\s*[0-9]{1,3})*)\s*\)?\s*/\s*([0-9]{1,3})", text)
    summed = [(sum(map(int, above.split("+"))), int(below)) for above, below in terms]
    below = max((denominator for _, denominator in summed), default=0)
    if not 0 < below <= 128 or any(d & (d - 1) or not d for _, d in summed):
        raise ScoreFileError(f"metre {text[:20]!r}")
    joined = summed if "+" in re.sub(r"\([^)]*\)", "", text) else summed[:1]
    above = sum(numerator * below // denominator for numerator, denominator in joined)
    if not 0 < above <= 128:
        raise ScoreFileError(f"metre {text[:20]!r}")
    return (above, below) if len(joined) > 1 else joined[0]


def read_unit(text: str) -> Fraction:
    """Read what follows `L:`.

    Raises
    ------
    ScoreFileError
        If it is no length from 1/512 to 1.
    """
    found = re.match(r"([0-9]{1,3})(?:\s*/\s*([0-9]{1,3}))?\s*(?![0-9/])", text)
    unit = Fraction(int(found[1]), int(found[2] or 1) or 1000) if found else Fraction(0)
    if not Fraction(1, 512) <= unit <= 1:
        raise ScoreFileError(f"unit length {text[:20]!r}")
    return unit


def read_tempo(text: str, unit: Fraction) -> float | None:
    """Read what follows `Q:` as quarters a minute; None where there is no number.

    Parameters
    ----------
    text : str
    unit : Fraction
        The unit length, which `C=100` counts.

    Examples
    --------
    >>> read_tempo('"Allegro" 3/8=80', Fraction(1, 8)), read_tempo("1/4 1/8=40", Fraction(1, 8))
    (120.0, 60.0)
    """
    text = re.sub(r'"[^"]*"?', "", text)
    found = re.search(r"(.*?)=\s*([0-9]{1,4}(?:\.[0-9]{1,12})?)", text)
    if found:
        beats = re.findall(r"([0-9]{1,3})\s*/\s*([1-9][0-9]{0,2})", found[1])
        whole = sum((Fraction(int(above), int(below)) for above, below in beats), Fraction(0))
        units = re.match(r"\s*C([0-9]{0,2})", found[1])
        whole = unit * (int(units[1] or 1)) if units and not beats else whole or Fraction(1, 4)
        tempo = float(found[2]) * float(4 * whole)
    else:
        number = re.match(r"\s*([0-9]{1,4})\b(?!\s*/)", text)
        tempo = float(number[1]) if number else 0.0
    return tempo or None


def read_order(text: str) -> list[str]:
    """Read the order of parts that follows `P:` in a head.

    Raises
    ------
    ScoreFileError
        If it is longer than 1,000 parts, or no order.

    Examples
    --------
    >>> "".join(read_order("A2.(BC)2A"))
    'AABCBCA'
    """
    stack: list[list[str]] = [[]]
    last: list[str] = []
    for token in re.findall(r"[A-Za-z]|[0-9]{1,3}|[()]|[^\s.,]", text):
        if token.isalpha():
            last = [token]
            stack[-1] += last
        elif token.isdecimal() and last:
            check_limit(len(last) * int(token), MAX_ORDER, "parts in `P:`")
            stack[-1][len(stack[-1]) - len(last) :] = last * int(token)
            last = []
        elif token == "(":
            stack.append([])
        elif token == ")" and len(stack) > 1:
            last = stack.pop()
            stack[-1] += last
        else:
            raise ScoreFileError(f"order of parts {text[:20]!r}")
        check_limit(len(stack[-1]), MAX_ORDER, "parts in `P:`")
    return [name for names in stack for name in names]


def read_passes(text: str) -> int:
    """Read the passes of an ending, such as `1,3` or `1-3`, as bits.

    Examples
    --------
    >>> read_passes("2"), read_passes("1,3"), read_passes("1-2.")
    (2, 5, 3)
    """
    passes: list[int] = []
    for first, last in re.findall(r"([0-9]{1,3})\.?(?:\s*-\s*([0-9]{1,3}))?", text):
        passes += range(int(first), int(last or first) + 1)
    return ending_bits(passes)


def expand_macros(text: str, macros: Iterable[tuple[str, str]]) -> str:
    """Write out the macros in a line of music.

    Parameters
    ----------
    text : str
    macros : iterable of (target, replacement)
        `n` in a target stands for any note; letters from h to z in its replacement for
        notes as far from that note as they are from n.

    Examples
    --------
    >>> expand_macros("~G2 ~c3", [("~G2", "{A}G{F}G"), ("~n3", "n{o}n{m}n")])
    '{A}G{F}G c{d}c{B}c'
    """
    for target, replacement in macros:
        check_limit(len(text), MAX_LINE, "letters of a line with its macros")
        if "n" not in target:
            text = text.replace(target, replacement) if target else text
            continue
        before, after = map(re.escape, target.split("n", 1))
        pattern = re.compile(rf"{before}([A-Ga-g][,']*){after}(?![0-9/])")
        text = pattern.sub(lambda match, new=replacement: _moved(new, match[1]), text)  # type: ignore[misc]
    return text


def _moved(replacement: str, note: str) -> str:
    """Write a macro's replacement at a note."""
    octave = (note[0].islower()) + note.count("'") - note.count(",")
    place = 7 * octave + "CDEFGAB".index(note[0].upper())

    def name(match: re.Match[str]) -> str:
        octave, step = divmod(place + ord(match[0]) - ord("n"), 7)
        letter = "CDEFGAB"[step]
        return letter.lower() + "'" * (octave - 1) if octave > 0 else letter + "," * -octave

    return re.sub(r"[h-z]", name, replacement)
