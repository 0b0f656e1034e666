"""Reading one part of a MusicXML file, measure by measure.

Times are still counted from the start of their bar: where the bars lie is known when all
parts have been read (`musicxml_reader`). What makes no sense is left out and counted, the time
that it takes kept where it tells one.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from stats_composer.errors import ScoreFileError
from stats_composer.io.musicxml_harmony import harmony_symbol
from stats_composer.io.musicxml_marks import MarkReader
from stats_composer.io.musicxml_values import (
    ACCIDENTALS,
    PITCH_CLASSES,
    Head,
    Tick,
    instrument_of,
    key_of,
    metre_of,
    number_of,
    pitch_of,
    transposition_of,
    value_ticks,
    velocity_of,
    whole_of,
)
from stats_composer.io.report import Report
from stats_composer.score import natural_fifths
from stats_composer.theory import TICKS_PER_QUARTER

__all__ = ["DEFAULT_VELOCITY", "LANE_STRIDE", "PartReader"]

DEFAULT_VELOCITY = 80
LANE_STRIDE = 1000
"""Our writer puts notes of voice v that overlap into the voices v + 1000, v + 2000, ..."""


@dataclass
class PartReader:
    """Reads the measures of one part, one after the other."""

    listed: ET.Element | None
    report: Report
    has_ties: bool
    scale: Tick = TICKS_PER_QUARTER
    pieces: list[Head] = field(default_factory=list)
    graces: list[Head] = field(default_factory=list)
    times: list[tuple[int, Tick, tuple[int, int]]] = field(default_factory=list)
    keys: list[tuple[int, Tick, str, tuple[int, int]]] = field(default_factory=list)
    chords: list[tuple[int, Tick, str]] = field(default_factory=list)
    lengths: list[Tick] = field(default_factory=list)
    filled: list[Tick] = field(default_factory=list)  # up to where notes and rests go
    sounding: list[Tick] = field(default_factory=list)  # up to where notes go
    ends: list[set[Tick]] = field(default_factory=list)  # where lines of the bar end
    numbers: list[str] = field(default_factory=list)
    implicit: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start at the first bar, in the written pitch."""
        self.shift = (0, 0)  # semitones and fifths from the written to the sounding pitch
        self.cursor: Tick = 0
        self.chord_onset: Tick = 0
        self.place = self.fault = ""
        self.part, self.unpitched = instrument_of(self.listed)
        self.n_drums = 0
        self.has_drum_clef = False
        self.has_head = False  # whether attributes stand before the first notes
        self.marks = MarkReader(self.report)
        self.pairs: dict[tuple[str, str], bool] = {}  # voices and staves, and whether they sound
        self._pending: dict[str, list[Head]] = {}
        self._ties: dict[str, list[Head]] = {}
        self._last: dict[str, tuple[Head, bool, Head]] = {}
        self._readers: dict[str, Callable[[ET.Element], None]] = {
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
        self.numbers.append(measure.get("number", ""))
        self.implicit.append(measure.get("implicit") == "yes")
        self.place = self.marks.place = f"bar {self.numbers[-1] or len(self.numbers)}"
        self.cursor = 0
        self.lengths.append(0)
        self.filled.append(0)
        self.sounding.append(0)
        self.ends.append(set())
        for element in measure:
            read = self._readers.get(element.tag)
            if read is None:
                continue
            try:
                read(element)
            except ScoreFileError as error:
                what = f"<{element.tag}> elements that make no sense left out"
                self.report.add(what, f"{self.place}: {error}")
                self.fault = self.fault or f"{self.place}: {error}"
            if self.cursor > self.lengths[-1]:
                self.lengths[-1] = self.cursor
        self._end_line()
        self.marks.end_bar(self.bar)

    def finish(self) -> None:
        """Settle what only the whole part tells: voices of marks, and whether it is percussion."""
        self.marks.finish(self.pairs, self.numbers)
        is_percussion = 2 * self.n_drums >= max(len(self.pieces), 1)
        if self.part.percussion and not self.n_drums:
            is_percussion = self.has_drum_clef or not self.pieces
        self.part = replace(self.part, percussion=is_percussion)
        for rows in (self.times, self.keys) if not self.has_head else ():
            if rows and rows[0][0] == 0:  # told after the first notes
                rows[0] = (0, 0, *rows[0][2:])

    # ---- time -------------------------------------------------------------------------

    def _duration(self, element: ET.Element | None) -> Tick:
        text = (element.text if element is not None else "") or ""
        if text.isdecimal() and len(text) < 12 and isinstance(self.scale, int):
            return int(text) * self.scale
        value = number_of(text, "duration")
        if value < 0:
            raise ScoreFileError(f"duration {value}: expected 0 or more")
        ticks = Fraction(value * self.scale)
        return ticks.numerator if ticks.denominator == 1 else ticks

    def _backup(self, element: ET.Element) -> None:
        self._end_line()
        self.cursor -= self._duration(element.find("duration"))
        if self.cursor < 0:
            self.report.add("backups to before their bar end at its start", self.place)
            self.cursor = 0

    def _forward(self, element: ET.Element) -> None:
        self.cursor += self._duration(element.find("duration"))

    def _at(self, element: ET.Element) -> Tick:
        """Where a mark stands that may have an offset."""
        offset = element.findtext("offset")
        if offset is None:
            return self.cursor
        ticks = max(Fraction(self.cursor + number_of(offset, "offset") * self.scale), Fraction(0))
        return ticks.numerator if ticks.denominator == 1 else ticks

    # ---- notes ------------------------------------------------------------------------

    def _note(self, note: ET.Element) -> None:
        found = {child.tag: child for child in note}
        if "pitch" in found:
            found.pop("rest", None)  # a note that says both sounds
        lane, staff = (
            (found[tag].text or "").strip() or "1" if tag in found else "1"
            for tag in ("voice", "staff")
        )
        if "grace" in found:
            self._grace(note, found, Head(self.bar, self.cursor, lane, staff))
            return
        if "cue" in found:
            self._cue(found)
            return
        duration = self._duration(found.get("duration"))
        follows = "chord" not in found
        if follows:
            self.chord_onset = self.cursor
            self.cursor += duration
        head = Head(self.bar, self.chord_onset, lane, staff, duration)
        sounds, fault = "rest" not in found and duration > 0, None
        try:
            if sounds:
                self._pitch(found, head)
        except ScoreFileError as error:
            sounds, fault = False, error
        self.marks.read_note(note, found, head, self.has_ties)
        if follows:
            self._follow(head, sounds)
        if "rest" not in found or found["rest"].get("measure") != "yes":
            self.filled[-1] = max(self.filled[-1], head.offset + duration)
        if sounds:
            self._tie_grace(head)
            self.pieces.append(head)
            self.sounding[-1] = max(self.sounding[-1], head.offset + duration)
            head.velocity = self._velocity(note)
        elif fault is not None:
            raise fault
        elif "rest" not in found:
            self.report.add("notes without duration left out", self.place)

    def _cue(self, found: dict[str, ET.Element]) -> None:
        self.report.add("cue notes left out", self.place)
        if "chord" not in found and "duration" in found:
            self.cursor += self._duration(found["duration"])

    def _velocity(self, note: ET.Element) -> int:
        percent = note.get("dynamics")
        value = number_of(percent, "dynamics") if percent is not None else -1
        return velocity_of(value) if value >= 0 else -1

    def _pitch(self, found: dict[str, ET.Element], head: Head) -> None:
        if "pitch" in found:
            if found["pitch"].find("alter") is None and "accidental" in found:
                self._alter(found["pitch"], (found["accidental"].text or "").strip())
            head.pitch, head.fifths, is_exact = pitch_of(found["pitch"], self.shift)
            self.report.add("microtones rounded to semitones", self.place, not is_exact)
        else:
            head.pitch = self._drum(found)
            head.fifths = int(natural_fifths(np.array(head.pitch)))
            self.n_drums += "grace" not in found

    def _alter(self, pitch: ET.Element, accidental: str) -> None:
        """Take the alteration of a pitch that tells none from its printed accidental."""
        alter = ACCIDENTALS.get(accidental, 0)
        self.report.add("alterations told by the accidental alone", self.place, alter != 0)
        ET.SubElement(pitch, "alter").text = str(alter)

    def _drum(self, found: dict[str, ET.Element]) -> int:
        """Read a drum's General MIDI key, or else its place on the staff."""
        instrument = found["instrument"].get("id", "") if "instrument" in found else ""
        if not instrument and len(self.unpitched) == 1:
            instrument = next(iter(self.unpitched))
        if instrument in self.unpitched:
            return self.unpitched[instrument]
        self.report.add("drums without a MIDI key: read by their place on the staff", self.place)
        display = found.get("unpitched")
        step = (display.findtext("display-step") if display is not None else None) or "B"
        octave = (display.findtext("display-octave") if display is not None else None) or "4"
        lowest = 12 * (whole_of(octave, "octave", -1, 9) + 1)
        return min(lowest + PITCH_CLASSES.get(step.strip(), 11), 127)

    # ---- grace notes ------------------------------------------------------------------

    def _grace(self, note: ET.Element, found: dict[str, ET.Element], head: Head) -> None:
        """Keep a grace note until the note that it belongs to is known."""
        if "rest" in found:
            self.report.add("grace rests left out", self.place)
            return
        waiting = self._pending.setdefault(head.lane, [])
        before = waiting[-1].grace if waiting else 0
        head.grace = before if before and "chord" in found else before + 1
        self._pitch(found, head)
        kind = found["type"].text if "type" in found else None
        head.written = value_ticks(kind or "", sum(child.tag == "dot" for child in note))
        head.slash = found["grace"].get("slash") == "yes"
        if head.grace == before:  # one chord has one value
            head.written, head.slash = waiting[-1].written, waiting[-1].slash
        self.marks.read_note(note, found, head, self.has_ties)
        waiting.append(head)
        self.graces.append(head)

    def _follow(self, head: Head, sounds: bool) -> None:
        """Take a voice's next chord or rest; graces before a rest belong to the note before."""
        lane = head.lane
        pair = (lane, head.staff)
        self.pairs[pair] = self.pairs.get(pair, False) or sounds
        self.marks.meet(head)
        last, last_sounds, tail = self._last.get(lane, (head, False, head))
        waiting = self._pending.pop(lane, [])
        if not sounds and last_sounds:
            _place(waiting, last, after=True)
        else:
            _place(waiting, head)
        self._ties[lane] = [grace for grace in waiting if grace.starts and sounds]
        goes_on = head.stops and tail.starts and not waiting
        if lane not in self._last or (sounds and not goes_on):
            self._last[lane] = (head, sounds, head)
        elif sounds:
            self._last[lane] = (last, True, head)

    def _end_line(self) -> None:
        """Give grace notes that nothing follows to the last note of their voice in the bar."""
        self.ends[-1].add(self.cursor)
        for lane, waiting in self._pending.items():
            if lane in self._last:
                _place(waiting, self._last[lane][0], after=True)
            else:
                _place(waiting, waiting[0])
        self._pending, self._last = {}, {}
        self.marks.end_line()

    def _tie_grace(self, head: Head) -> None:
        """Keep a grace note's tie to its note as a span, which takes no time."""
        for grace in self._ties.get(head.lane, ()):
            if grace.pitch == head.pitch and grace.offset == head.offset:
                head.stops = False
                self.marks.spans.append((grace, head, "tie", ""))

    # ---- marks ------------------------------------------------------------------------

    def _attributes(self, element: ET.Element) -> None:
        self.has_head |= self.bar == 0 and self.cursor == 0
        divisions = element.findtext("divisions")
        if divisions is not None:
            self.scale = scale_of(divisions)
        transpose = element.find("transpose")
        if transpose is not None:
            self.shift = transposition_of(transpose)
        for key in element.iterfind("key"):
            if key.find("fifths") is None:
                self.report.add("key signatures of free accidentals left out", self.place)
            else:
                told = key_of(key, self.shift[1])
                self.keys.append((self.bar, self.cursor, key.get("number", ""), told))
        time = element.find("time")
        if time is not None:
            metre = metre_of(time)
            if metre is not None:
                self.times.append((self.bar, self.cursor, metre))
            else:
                self.report.add("bars without metre: the metre before is kept", self.place)
        for clef in element.iterfind("clef"):
            self.has_drum_clef |= clef.findtext("sign") == "percussion"
        if element.find("measure-style/measure-repeat") is not None:
            self.report.add("bars written as repeat signs left empty", self.place)

    def _direction(self, element: ET.Element) -> None:
        self.marks.read_direction(element, self.bar, self._at(element))

    def _sound(self, element: ET.Element) -> None:
        self.marks.read_sound(element, Head(self.bar, self._at(element)))

    def _harmony(self, element: ET.Element) -> None:
        symbol = harmony_symbol(element, self.shift[1])
        self.report.add("chord symbols of more than 32 letters cut", self.place, len(symbol) > 32)
        self.chords.append((self.bar, self._at(element), symbol[:32]))

    def _barline(self, element: ET.Element) -> None:
        self.marks.read_barline(element, self.bar)


def scale_of(divisions: str) -> Tick:
    """Ticks of one division."""
    value = number_of(divisions, "divisions")
    if value <= 0:
        raise ScoreFileError(f"divisions {value}: expected more than 0")
    scale = Fraction(TICKS_PER_QUARTER) / value
    return scale.numerator if scale.denominator == 1 else scale


def _place(graces: list[Head], head: Head, after: bool = False) -> None:
    """Put grace notes, numbered from 1, before a note, or after it."""
    size = graces[-1].grace if graces else 0
    for grace in graces:
        grace.bar, grace.offset, grace.staff = head.bar, head.offset, head.staff
        grace.grace += head.n_after if after else -size - 1
    head.n_after += size if after else 0
