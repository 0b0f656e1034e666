"""Reading one part of a MusicXML file, measure by measure.

Times are still counted from the start of their bar: where the bars lie is known when all
parts have been read (`musicxml_reader`).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from stats_composer.errors import ScoreFileError
from stats_composer.io.musicxml_harmony import harmony_symbol
from stats_composer.io.report import Report
from stats_composer.score import (
    REPEAT_END,
    REPEAT_START,
    Part,
    ending_bits,
    natural_fifths,
)
from stats_composer.theory import MAJOR, MINOR, TICKS_PER_QUARTER, UNKNOWN_MODE

__all__ = ["DEFAULT_VELOCITY", "LANE_STRIDE", "Head", "PartReader", "Tick"]

DEFAULT_VELOCITY = 80
LANE_STRIDE = 1000
"""Our writer puts notes of voice v that overlap into the voices v + 1000, v + 2000, ..."""

_STEPS = {"C": 0, "D": 2, "E": 4, "F": -1, "G": 1, "A": 3, "B": 5}  # on the line of fifths
_PITCH_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MODES = {"major": MAJOR, "ionian": MAJOR, "minor": MINOR, "aeolian": MINOR}
_BEAT_UNITS = {"whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25}
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,15}(\.[0-9]{1,15})?\s*")

Tick = int | Fraction


@dataclass(slots=True)
class Head:
    """A notehead or a mark, still counted from the start of its bar."""

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


@dataclass
class PartReader:
    """Reads the measures of one part, one after the other."""

    listed: ET.Element | None
    report: Report
    has_ties: bool
    pieces: list[Head] = field(default_factory=list)
    fermatas: list[Head] = field(default_factory=list)
    lyrics: list[tuple[Head, int, str, str]] = field(default_factory=list)
    times: list[tuple[int, Tick, tuple[int, int]]] = field(default_factory=list)
    keys: list[tuple[int, Tick, tuple[int, int]]] = field(default_factory=list)
    tempos: list[tuple[int, Tick, float]] = field(default_factory=list)
    chords: list[tuple[int, Tick, str]] = field(default_factory=list)
    dynamics: list[tuple[int, Tick, int]] = field(default_factory=list)
    lengths: list[Tick] = field(default_factory=list)
    repeats: dict[int, int] = field(default_factory=dict)
    endings: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start at the first bar, in the written pitch."""
        self.scale: Tick = TICKS_PER_QUARTER
        self.shift = (0, 0)  # semitones and fifths from the written to the sounding pitch
        self.cursor: Tick = 0
        self.chord_onset: Tick = 0
        self.place = ""
        self.ending = self.ending_start = 0
        self.part, self.unpitched = _instrument(self.listed)
        self.readers: dict[str, Callable[[ET.Element], None]] = {
            "note": self._note,
            "attributes": self._attributes,
            "backup": self._backup,
            "forward": self._forward,
            "direction": self._direction,
            "sound": self._sound,
            "harmony": self._harmony,
            "barline": self._barline,
        }

    @property
    def bar(self) -> int:
        """Index of the bar that is read."""
        return len(self.lengths) - 1

    def read_measure(self, measure: ET.Element) -> None:
        """Read the next bar."""
        self.place = f"bar {measure.get('number', len(self.lengths) + 1)}"
        self.cursor = 0
        self.lengths.append(0)
        for element in measure:
            read = self.readers.get(element.tag)
            if read is not None:
                read(element)
                if self.cursor > self.lengths[-1]:
                    self.lengths[-1] = self.cursor
        if self.ending:
            self.endings[self.bar] = self.ending

    def finish(self) -> None:
        """Make an ending that is never closed one bar long."""
        if self.ending:
            for bar in range(self.ending_start + 1, len(self.lengths)):
                self.endings.pop(bar, None)

    def _number(self, text: str | None, what: str) -> Tick:
        """Read a decimal exactly."""
        text = text or ""
        if text.isdecimal() and len(text) < 12:
            return int(text)
        if not _NUMBER.fullmatch(text):
            raise ScoreFileError(f"{self.place}: {what} {text.strip()[:20]!r}: expected a number")
        value = Fraction(text.strip())
        return value.numerator if value.denominator == 1 else value

    def _whole(self, text: str | None, what: str, low: int, high: int) -> int:
        value = int(self._number(text, what))
        if not low <= value <= high:
            raise ScoreFileError(f"{self.place}: {what} {value}: expected {low} to {high}")
        return value

    def _duration(self, element: ET.Element) -> Tick:
        text = element.findtext("duration") or ""
        if text.isdecimal() and len(text) < 12 and isinstance(self.scale, int):
            return int(text) * self.scale
        value = self._number(text, "duration")
        if value < 0:
            raise ScoreFileError(f"{self.place}: duration {value}: expected 0 or more")
        ticks = Fraction(value * self.scale)
        return ticks.numerator if ticks.denominator == 1 else ticks

    def _backup(self, element: ET.Element) -> None:
        self.cursor -= self._duration(element)
        if self.cursor < 0:
            raise ScoreFileError(f"{self.place}: a backup to before the bar's start")

    def _forward(self, element: ET.Element) -> None:
        self.cursor += self._duration(element)

    # ---- notes ------------------------------------------------------------------------

    def _note(self, note: ET.Element) -> None:
        for tag in ("grace", "cue"):
            if note.find(tag) is not None:
                self.report.add(f"{tag} notes left out", self.place)
                if (
                    tag == "cue"
                    and note.find("chord") is None
                    and note.find("duration") is not None
                ):
                    self.cursor += self._duration(note)
                return
        duration = self._duration(note)
        if note.find("chord") is not None:
            onset = self.chord_onset
        else:
            onset = self.chord_onset = self.cursor
            self.cursor += duration
        head = Head(
            self.bar,
            onset,
            (note.findtext("voice") or "1").strip(),
            (note.findtext("staff") or "1").strip(),
            duration,
        )
        self._notations(note, head)
        if note.find("rest") is not None:
            return
        pitch = note.find("pitch")
        if pitch is not None:
            head.pitch, head.fifths = self._pitch(pitch)
        else:
            head.pitch, head.fifths = self._unpitched(note)
        if duration == 0:
            self.report.add("notes without duration left out", self.place)
            return
        dynamics = note.get("dynamics")
        if dynamics is not None:
            percent = self._number(dynamics, "dynamics")
            head.velocity = _velocity(percent) if percent >= 0 else -1
        self.pieces.append(head)

    def _notations(self, note: ET.Element, head: Head) -> None:
        tags = {child.tag for child in note}
        ties = {tie.get("type") for tie in note.iterfind("tie")} if "tie" in tags else set()
        for notations in note.iterfind("notations") if "notations" in tags else ():
            if not self.has_ties:
                ties |= {tie.get("type") for tie in notations.iterfind("tied")}
            if notations.find("fermata") is not None:
                self.fermatas.append(head)
        head.starts, head.stops = "start" in ties, "stop" in ties
        for index, lyric in enumerate(note.iterfind("lyric") if "lyric" in tags else (), 1):
            text = "".join(
                item.text or " " if item.tag == "elision" else item.text or ""
                for item in lyric
                if item.tag in ("text", "elision")
            )
            if text:
                number = re.search(r"[0-9]{1,4}", lyric.get("number", ""))
                syllabic = (lyric.findtext("syllabic") or "").strip()
                verse = int(number[0]) if number else index
                self.lyrics.append((head, verse, syllabic, text))

    def _pitch(self, element: ET.Element) -> tuple[int, int]:
        step = (element.findtext("step") or "").strip()
        if step not in _STEPS:
            raise ScoreFileError(f"{self.place}: step {step[:20]!r}: expected A to G")
        octave = self._whole(element.findtext("octave"), "octave", -10, 20)
        written = element.findtext("alter")
        alter = 0
        if written is not None:
            exact = self._number(written, "alter")
            alter = round(exact)
            if alter != exact:
                self.report.add("microtones rounded to semitones", self.place)
        pitch = 12 * (octave + 1) + _PITCH_CLASSES[step] + alter + self.shift[0]
        fifths = _STEPS[step] + 7 * alter + self.shift[1]
        if not 0 <= pitch <= 127 or not -128 <= fifths <= 127:
            raise ScoreFileError(f"{self.place}: pitch {pitch}: expected 0 to 127")
        return pitch, fifths

    def _unpitched(self, note: ET.Element) -> tuple[int, int]:
        """Read a drum: its General MIDI key, or else its place on the staff."""
        instrument = note.find("instrument")
        identifier = instrument.get("id", "") if instrument is not None else ""
        pitch = self.unpitched.get(identifier)
        if pitch is None:
            display = note.find("unpitched")
            self.report.add(
                "drums without a MIDI key: read by their place on the staff", self.place
            )
            step = display.findtext("display-step") if display is not None else None
            octave = display.findtext("display-octave") if display is not None else None
            pitch = 12 * (self._whole(octave or "4", "octave", -1, 9) + 1)
            pitch = min(pitch + _PITCH_CLASSES.get((step or "B").strip(), 11), 127)
            self.part = Part(self.part.name, self.part.program, True)
        return pitch, int(natural_fifths(np.array(pitch)))

    # ---- marks ------------------------------------------------------------------------

    def _attributes(self, element: ET.Element) -> None:
        divisions = element.findtext("divisions")
        if divisions is not None:
            value = self._number(divisions, "divisions")
            if value <= 0:
                raise ScoreFileError(f"{self.place}: divisions {value}: expected more than 0")
            scale = Fraction(TICKS_PER_QUARTER) / value
            self.scale = scale.numerator if scale.denominator == 1 else scale
        transpose = element.find("transpose")
        if transpose is not None:
            self.shift = self._transposition(transpose)
        key = element.find("key")
        if key is not None and key.find("fifths") is not None:
            fifths = self._whole(key.findtext("fifths"), "fifths", -30, 30) + self.shift[1]
            mode = _MODES.get((key.findtext("mode") or "").strip(), UNKNOWN_MODE)
            self.keys.append((self.bar, self.cursor, (fifths, mode)))
        elif key is not None:
            self.report.add("key signatures of free accidentals left out", self.place)
        time = element.find("time")
        if time is not None:
            metre = self._metre(time)
            if metre is not None:
                self.times.append((self.bar, self.cursor, metre))
        if element.find("measure-style/measure-repeat") is not None:
            self.report.add("bars written as repeat signs left empty", self.place)

    def _transposition(self, element: ET.Element) -> tuple[int, int]:
        chromatic = self._whole(element.findtext("chromatic"), "chromatic", -60, 60)
        octaves = self._whole(element.findtext("octave-change") or "0", "octave-change", -9, 9)
        if element.find("diatonic") is None:
            fifths = (7 * chromatic + 6) % 12 - 6
        else:
            diatonic = self._whole(element.findtext("diatonic"), "diatonic", -40, 40)
            fifths = 7 * chromatic - 12 * diatonic
        if abs(fifths) > 30:
            fifths = (7 * chromatic + 6) % 12 - 6
        return chromatic + 12 * octaves, fifths

    def _metre(self, time: ET.Element) -> tuple[int, int] | None:
        beats = [item.text or "" for item in time.iterfind("beats")]
        types = [item.text or "" for item in time.iterfind("beat-type")]
        if not beats or len(beats) != len(types):
            self.report.add("bars without metre: the metre before is kept", self.place)
            return None
        denominators = [self._whole(text, "beat-type", 1, 128) for text in types]
        denominator = max(denominators)
        numerator = 0
        for text, below in zip(beats, denominators, strict=True):
            count = sum(self._whole(item, "beats", 1, 128) for item in text.split("+"))
            numerator += count * denominator // below
        return numerator, denominator

    def _at(self, element: ET.Element) -> Tick:
        offset = element.findtext("offset")
        if offset is None:
            return self.cursor
        ticks = Fraction(self.cursor + self._number(offset, "offset") * self.scale)
        ticks = max(ticks, Fraction(0))
        return ticks.numerator if ticks.denominator == 1 else ticks

    def _direction(self, element: ET.Element) -> None:
        at = self._at(element)
        sound = element.find("sound")
        if sound is not None:
            self._sound(sound, at)
        if sound is None or sound.get("tempo") is None:
            metronome = element.find("direction-type/metronome")
            if metronome is not None:
                self._metronome(metronome, at)

    def _sound(self, element: ET.Element, at: Tick | None = None) -> None:
        at = self._at(element) if at is None else at
        tempo, dynamics = element.get("tempo"), element.get("dynamics")
        if tempo is not None:
            self._tempo(tempo, at)
        if dynamics is not None:
            percent = self._number(dynamics, "dynamics")
            if percent > 0:  # some programs write -1.11 for "as before"
                self.dynamics.append((self.bar, at, _velocity(percent)))

    def _tempo(self, text: str, at: Tick, quarters: float = 1.0) -> None:
        try:
            tempo = float(text) * quarters
        except ValueError:
            tempo = 0.0
        if 0 < tempo < 1e5:
            self.tempos.append((self.bar, at, tempo))
        else:
            self.report.add("tempos that are no number left out", self.place)

    def _metronome(self, element: ET.Element, at: Tick) -> None:
        unit = _BEAT_UNITS.get((element.findtext("beat-unit") or "").strip())
        number = re.search(r"[0-9]+(\.[0-9]+)?", element.findtext("per-minute") or "")
        if unit is None or number is None:
            self.report.add("metronome marks without a number left out", self.place)
            return
        dots = len(element.findall("beat-unit-dot"))
        self._tempo(number[0], at, unit * (2 - 0.5**dots))

    def _harmony(self, element: ET.Element) -> None:
        symbol = harmony_symbol(element, self.shift[1])
        if len(symbol) > 32:
            self.report.add("chord symbols of more than 32 letters cut", self.place)
        self.chords.append((self.bar, self._at(element), symbol[:32]))

    def _barline(self, element: ET.Element) -> None:
        repeat = element.find("repeat")
        if repeat is not None:
            start = repeat.get("direction") == "forward"
            flag = REPEAT_START if start else REPEAT_END
            self.repeats[self.bar] = self.repeats.get(self.bar, 0) | flag
        if element.find("fermata") is not None:
            self.report.add("fermatas on bar lines left out", self.place)
        ending = element.find("ending")
        if ending is not None:
            self._ending(ending)

    def _ending(self, element: ET.Element) -> None:
        numbers = re.findall(r"[0-9]{1,2}", element.get("number", ""))
        if element.get("type") == "start":
            self.ending = ending_bits(map(int, numbers)) or 1
            self.ending_start = self.bar
        elif self.ending:
            self.endings[self.bar] = self.ending
            self.ending = 0


def _velocity(percent: Tick) -> int:
    """From MusicXML's percentage of a forte, which is 90."""
    return min(max(round(Fraction(percent) * 9 / 10), 0), 127)


def _instrument(listed: ET.Element | None) -> tuple[Part, dict[str, int]]:
    """Read name, program and drum keys of a `<score-part>`."""
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
