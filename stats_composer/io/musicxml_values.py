"""What MusicXML's small elements say: numbers, pitches, values, metres, instruments.

Pure functions of elements. One that finds no sense raises a `ScoreFileError` of a few words, to
which its caller adds the place.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from stats_composer.errors import ScoreFileError
from stats_composer.score import Part
from stats_composer.theory import MAJOR, MINOR, TICKS_PER_QUARTER, UNKNOWN_MODE

__all__ = [
    "ACCIDENTALS",
    "PITCH_CLASSES",
    "Head",
    "Tick",
    "instrument_of",
    "key_of",
    "metre_of",
    "number_of",
    "pitch_of",
    "transposition_of",
    "value_ticks",
    "velocity_of",
    "whole_of",
]

STEPS = {"C": 0, "D": 2, "E": 4, "F": -1, "G": 1, "A": 3, "B": 5}  # on the line of fifths
PITCH_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {"sharp": 1, "flat": -1, "flat-flat": -2} | dict.fromkeys(
    ("double-sharp", "sharp-sharp"), 2
)
_MODES = {"major": MAJOR, "ionian": MAJOR, "minor": MINOR, "aeolian": MINOR}
_VALUES = {"maxima": 32, "long": 16, "breve": 8, "whole": 4, "half": 2, "quarter": 1} | {
    name: Fraction(1, 2**power)
    for power, name in enumerate(("eighth", "16th", "32nd", "64th", "128th", "256th"), 1)
}
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,15}(\.[0-9]{0,15})?\s*")

Tick = int | Fraction


@dataclass(slots=True)
class Head:
    """A notehead or the place of a mark, still counted from the start of its bar."""

    bar: int
    offset: Tick
    lane: str = "1"
    staff: str = "1"
    duration: Tick = 0
    pitch: int = 0
    fifths: int = 0
    velocity: int = -1
    starts: bool = False
    stops: bool = False
    grace: int = 0
    written: int = 0
    slash: bool = False
    n_after: int = 0


@lru_cache(maxsize=1024)  # a file has few numbers, many times
def number_of(text: str | None, what: str) -> Tick:
    """Read a decimal exactly."""
    text = text or ""
    if text.isdecimal() and len(text) < 12:
        return int(text)
    if not _NUMBER.fullmatch(text):
        raise ScoreFileError(f"{what} {text.strip()[:20]!r}: expected a number")
    value = Fraction(text.strip().rstrip("."))
    return value.numerator if value.denominator == 1 else value


def whole_of(text: str | None, what: str, low: int, high: int) -> int:
    """Read a whole number within bounds."""
    value = int(number_of(text, what))
    if not low <= value <= high:
        raise ScoreFileError(f"{what} {value}: expected {low} to {high}")
    return value


def pitch_of(element: ET.Element, shift: tuple[int, int]) -> tuple[int, int, bool]:
    """Read a pitch.

    Parameters
    ----------
    element : Element
        `<pitch>`.
    shift : (int, int)
        Semitones and fifths from the written to the sounding pitch.

    Returns
    -------
    pitch, fifths : int
    is_exact : bool
        False where a microtone was rounded to a semitone.
    """
    step = (element.findtext("step") or "").strip()
    if step not in STEPS:
        raise ScoreFileError(f"step {step[:20]!r}: expected A to G")
    octave = whole_of(element.findtext("octave"), "octave", -10, 20)
    written = element.findtext("alter")
    exact = number_of(written, "alter") if written is not None and written.strip() else 0
    alter = round(exact)
    pitch = 12 * (octave + 1) + PITCH_CLASSES[step] + alter + shift[0]
    fifths = STEPS[step] + 7 * alter + shift[1]
    if not 0 <= pitch <= 127 or not -128 <= fifths <= 127:
        raise ScoreFileError(f"pitch {pitch}: expected 0 to 127")
    return pitch, fifths, alter == exact


def value_ticks(name: str, dots: int) -> int:
    """Ticks of a note value, 0 for a name that is none."""
    ticks = TICKS_PER_QUARTER * _VALUES.get(name.strip(), 0) * (2 - Fraction(1, 2 ** min(dots, 9)))
    return int(ticks)


@lru_cache(maxsize=256)
def velocity_of(percent: Tick) -> int:
    """From MusicXML's percentage of a forte, which is 90."""
    return min(max(round(Fraction(percent) * 9 / 10), 0), 127)


def key_of(element: ET.Element, fifths: int) -> tuple[int, int]:
    """Read the sounding fifths and the mode of a `<key>`."""
    told = whole_of(element.findtext("fifths"), "fifths", -30, 30) + fifths
    return told, _MODES.get((element.findtext("mode") or "").strip(), UNKNOWN_MODE)


def transposition_of(element: ET.Element) -> tuple[int, int]:
    """Read semitones and fifths from the written to the sounding pitch."""
    chromatic = whole_of(element.findtext("chromatic"), "chromatic", -60, 60)
    octaves = whole_of(element.findtext("octave-change") or "0", "octave-change", -9, 9)
    fifths = 99
    if element.find("diatonic") is not None:
        diatonic = whole_of(element.findtext("diatonic"), "diatonic", -40, 40)
        fifths = 7 * chromatic - 12 * diatonic
    if abs(fifths) > 30:
        fifths = (7 * chromatic + 6) % 12 - 6
    return chromatic + 12 * octaves, fifths


def metre_of(time: ET.Element) -> tuple[int, int] | None:
    """Read a metre, the sum of those that a `<time>` adds; None where it tells none."""
    beats = [item.text or "" for item in time.iterfind("beats")]
    types = [item.text or "" for item in time.iterfind("beat-type")]
    if not beats or len(beats) != len(types):
        return None
    denominators = [whole_of(text, "beat-type", 1, 128) for text in types]
    denominator = max(denominators)
    numerator = 0
    for text, below in zip(beats, denominators, strict=True):
        count = sum(whole_of(item.strip(), "beats", 1, 128) for item in text.split("+"))
        numerator += count * denominator // below
    if denominator & (denominator - 1) or numerator > 128:
        raise ScoreFileError(f"metre {numerator}/{denominator}: expected a power of two below")
    return numerator, denominator


def instrument_of(listed: ET.Element | None) -> tuple[Part, dict[str, int]]:
    """Read a `<score-part>`, percussion if on channel 10, and the MIDI keys of its drums."""
    if listed is None:
        return Part(), {}
    programs, unpitched, percussion = [], {}, False
    for instrument in listed.iterfind("midi-instrument"):
        text = {item.tag: (item.text or "").strip() for item in instrument}
        percussion |= text.get("midi-channel") == "10"
        if text.get("midi-program", "").isdecimal():
            programs.append(int(text["midi-program"]) - 1)
        if text.get("midi-unpitched", "").isdecimal():
            key = int(text["midi-unpitched"]) - 1
            unpitched[instrument.get("id", "")] = min(max(key, 0), 127)
    program = programs[0] if programs and 0 <= programs[0] <= 127 else 0
    return Part((listed.findtext("part-name") or "").strip(), program, percussion), unpitched
