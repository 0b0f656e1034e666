"""What one token of a `**kern` spine says: a note, a chord, a rest, a key, a metre, a tempo.

Conventions
-----------
* A duration is a part of a whole note: `4` a quarter, `0` a breve, `00` a long, `3%2` two
  thirds of a whole; each dot adds half of what the one before added.
* Pitches sound as written: `c` is middle C, `cc` the one above, `C` below, `CC` below that.
  That a staff is transposed (`*ITr`), or its clef (`*clefGv2`), changes nothing.
* `q` marks a grace note with a slash, `qq` one without. Appoggiaturas (`P`, `p`) and groupettos
  (`Q`) have their own time.
* What is not about pitch or time (beams, stems, slurs, ornaments) is passed over.

References
----------
D. Huron, The Humdrum Toolkit Reference Manual, CCARH 1994, "kern".
"""

from __future__ import annotations

import html
import re
from fractions import Fraction
from typing import NamedTuple

from stats_composer.errors import ScoreFileError
from stats_composer.theory import MAJOR, MINOR, TICKS_PER_QUARTER, UNKNOWN_MODE, name_fifths

__all__ = [
    "PROGRAMS",
    "Head",
    "Sound",
    "Ticks",
    "read_designation",
    "read_metre",
    "read_signature",
    "read_sound",
    "read_syllable",
    "read_tempo",
]

Ticks = int | Fraction

_WHOLE = 4 * TICKS_PER_QUARTER
_MAX_DOTS = 8
_NO_NOTES = "tokens that are no notes left out"
_DURATION = re.compile(
    r"(?<![0-9])(?P<recip>0{1,8}|[0-9]{1,5})(?![0-9])(?:%(?P<over>[0-9]{1,5})(?![0-9]))?"
)
_PITCH = re.compile(
    r"[^a-gA-G#]*(?P<name>(?P<letter>[a-gA-G])(?P=letter)*)(?P<alter>#{0,3}|-{0,3}|n)[^a-gA-G#-]*"
)
_SHARPS = "fcgdaeb"
_PITCH_CLASSES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
# Of the tonic's major signature, how many fifths further the mode's is, and which mode it is.
_MODES = {
    "ion": (0, MAJOR),
    "lyd": (1, UNKNOWN_MODE),
    "mix": (-1, UNKNOWN_MODE),
    "dor": (-2, UNKNOWN_MODE),
    "aeo": (-3, MINOR),
    "phr": (-4, UNKNOWN_MODE),
    "loc": (-5, UNKNOWN_MODE),
}

# General MIDI programs of the instrument codes of the manual, such as *Ivioln.
PROGRAMS = {
    **dict.fromkeys(("piano", "forte"), 0),
    **dict.fromkeys(("cemba", "clavi"), 6),
    "clest": 8,
    "organ": 19,
    "accor": 21,
    **dict.fromkeys(("guitr", "liuto", "mando", "tiorb"), 24),
    **dict.fromkeys(("violn", "viols", "violp"), 40),
    **dict.fromkeys(("viola", "viold"), 41),
    **dict.fromkeys(("cello", "violt"), 42),
    **dict.fromkeys(("cbass", "violb"), 43),
    "arpa": 46,
    "timpa": 47,
    **dict.fromkeys(("soprn", "cant", "mezzo", "calto", "alto", "castr"), 52),
    **dict.fromkeys(("tenor", "barit", "bass", "vox", "coro"), 52),
    **dict.fromkeys(("tromp", "cornt"), 56),
    **dict.fromkeys(("tromb", "tromt"), 57),
    "tuba": 58,
    "cor": 60,
    "oboe": 68,
    "cangl": 69,
    **dict.fromkeys(("fagot", "fag_c"), 70),
    **dict.fromkeys(("clars", "clara", "clarb", "clarp"), 71),
    "picco": 72,
    **dict.fromkeys(("flt", "flt_a", "flt_b"), 73),
    **dict.fromkeys(("fltds", "fltda", "fltdt", "fltdb"), 74),
}


class Head(NamedTuple):
    """One note of a chord; `starts` and `stops` tell whether a tie leaves and reaches it."""

    name: str
    duration: Ticks
    pitch: int
    fifths: int
    starts: bool
    stops: bool


class Sound(NamedTuple):
    """What a token says; of a rest there are no heads.

    Attributes
    ----------
    duration : int or Fraction
        Ticks until the spine's next token; 0 for grace notes, whose heads have the written one.
    heads : tuple of Head
    fermata : bool
    slash : bool
        Whether a grace note is struck through.
    fault : str
        What could not be read, or nothing.
    """

    duration: Ticks
    heads: tuple[Head, ...]
    fermata: bool = False
    slash: bool = False
    fault: str = ""


def read_sound(token: str) -> Sound:
    """Read a note, a chord (its notes divided by spaces) or a rest.

    Parameters
    ----------
    token : str
        Not a null token.

    Raises
    ------
    ScoreFileError
        Where a pitch is out of range.

    Examples
    --------
    >>> sound = read_sound("[8.ff#/L 8.aa")
    >>> sound.duration, [(head.pitch, head.starts) for head in sound.heads]
    (7560, [(78, True), (81, False)])
    """
    notes = [note for note in token.split(" ") if note]
    duration, fault = _read_duration(notes[0]), ""
    if token[0] in "=*!" or (duration is None and re.search("[0-9]", notes[0])):
        return Sound(0, (), fault=_NO_NOTES)
    pitched = [note for note in notes if "r" not in note]
    found = [(note, match) for note in pitched if (match := _PITCH.fullmatch(note))]
    if len(found) < len(pitched):
        fault = _NO_NOTES
    grace = "q" in token
    if duration is None and found and not grace:
        duration, fault = TICKS_PER_QUARTER, "notes without a duration taken as quarters"
    whole = duration or 0
    heads = tuple(_read_head(note, match, whole) for note, match in found)
    return Sound(0 if grace else whole, heads, ";" in token, "qq" not in token, fault)


def _read_duration(note: str) -> Ticks | None:
    """Read ticks, an int wherever that is exact; None where there are none or no such ones."""
    found = _DURATION.search(note)
    dots = note.count(".")
    if found is None or dots > _MAX_DOTS:
        return None
    recip, over = found["recip"], int(found["over"] or 1)
    if not recip.strip("0"):
        if found["over"]:
            return None
        recip, over = "1", 1 << len(recip)
    if not over:
        return None
    ticks = Fraction(_WHOLE * over * ((2 << dots) - 1), int(recip) << dots)
    return ticks.numerator if ticks.denominator == 1 else ticks


def _read_head(note: str, found: re.Match[str], whole: Ticks) -> Head:
    letter, alter = found["letter"], found["alter"]
    above = len(found["name"])
    octave = 4 + above if letter.islower() else 5 - above
    sharps = alter.count("#") - alter.count("-")
    pitch = 12 * octave + _PITCH_CLASSES[letter.lower()] + sharps
    if not 0 <= pitch <= 127:
        raise ScoreFileError(f"pitch {pitch} of {note[:20]!r}: expected 0 to 127")
    fifths = name_fifths(letter.upper()) + 7 * sharps
    goes_on = "_" in note
    starts, stops = goes_on or "[" in note, goes_on or "]" in note
    return Head(found["name"], _read_duration(note) or whole, pitch, fifths, starts, stops)


def read_signature(token: str) -> int | None:
    """Read fifths of a key signature, such as `*k[f#c#]`; None where it is none in use."""
    sharps = re.sub("[a-g]n", "", token[3:].rstrip("]").lower())
    count = len(sharps) // 2
    told = set(re.findall("..?", sharps))
    if told == {f"{letter}#" for letter in _SHARPS[:count]}:
        return count
    return -count if told == {f"{letter}-" for letter in _SHARPS[7 - count :]} else None


def read_designation(token: str) -> tuple[int, int] | None:
    """Read the signature's fifths and the mode of a key, such as `*f#:` or `*D:dor`."""
    found = re.fullmatch(r"\*([A-Ga-g])(#{0,2}|-{0,2}):([a-z]{0,3})[a-z]*", token)
    if found is None or (found[3] and found[3] not in _MODES):
        return None
    more, mode = _MODES[found[3] or ("ion" if found[1].isupper() else "aeo")]
    fifths = name_fifths(found[1].upper()) + 7 * (found[2].count("#") - found[2].count("-"))
    return fifths + more, mode


def read_metre(token: str) -> tuple[int, int] | None:
    """Read a time signature, such as `*M6/8`, `*M3+2/8` or `*M3/0` (three breves).

    Returns None for one that a score cannot hold.
    """
    found = re.fullmatch(r"\*M([0-9]{1,3}(?:\+[0-9]{1,3})*)/([0-9]{1,3})(?::.*)?", token)
    if found is None:
        return None
    numerator, denominator = sum(map(int, found[1].split("+"))), int(found[2])
    if not denominator:
        numerator, denominator = numerator << len(found[2]), 1
    fits = 1 <= numerator <= 128 and denominator in (1, 2, 4, 8, 16, 32, 64, 128)
    return (numerator, denominator) if fits else None


def read_tempo(token: str) -> float | None:
    """Read quarters a minute, such as `*MM96`."""
    found = re.fullmatch(r"\*MM([0-9]{1,4}(?:\.[0-9]{1,4})?)", token)
    return float(found[1]) or None if found else None


def read_syllable(token: str) -> tuple[str, str] | None:
    """Read how a syllable is joined to its neighbours, and its text; None where there is none.

    Examples
    --------
    >>> read_syllable("-ri-"), read_syllable("_"), read_syllable("&auml;h")
    (('middle', 'ri'), None, ('single', 'äh'))
    """
    text = html.unescape(token)
    word = text.strip("-_|")
    if not word:
        return None
    joined, after = text.startswith("-"), text.endswith("-")
    return ("middle" if joined else "begin") if after else "end" if joined else "single", word
