"""Reading MusicXML and MXL.

Conventions
-----------
* Pitches are sounding ones: a transposing part is moved, its key signature with it.
* The voice is MusicXML's own number less 1. Where one number stands for lines on two staves
  that sound together, the lower staff's becomes a voice of its own.
* A bar is as long as its longest part; a bar without content as long as its metre.
* Keys and metres that differ between parts: the commonest at each place is kept, and said.
* What a `Score` has no place for by design (slurs, articulations, dynamics as words, layout)
  is passed over; notes that cannot be held (grace and cue notes) are counted in a warning.

Our own parser over the standard library's rather than music21's: written and read back,
music21 loses the text of chord symbols, velocities and voice numbers, and takes 10 times as
long (`python benchmarks/bench_io.py`).

References
----------
W3C Music Notation Community Group, MusicXML 4.0, https://www.w3.org/2021/06/musicxml40/.
"""

from __future__ import annotations

import bisect
import io
import re
import xml.etree.ElementTree as ET
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar
from xml.parsers import expat

import numpy as np

from stats_composer.errors import ScoreFileError
from stats_composer.io.harmony import harmony_symbol
from stats_composer.io.limits import (
    MAX_BARS,
    MAX_NOTES,
    MAX_PARTS,
    MAX_QUARTERS,
    MAX_UNZIPPED_BYTES,
    MAX_UNZIPPED_RATIO,
    check_limit,
)
from stats_composer.io.report import Report
from stats_composer.io.timeline import Piece, merge_ties, round_ticks
from stats_composer.score import (
    BAR_DTYPE,
    CHORD_DTYPE,
    FERMATA_DTYPE,
    KEY_SIGNATURE_DTYPE,
    LYRIC_DTYPE,
    NOTE_DTYPE,
    REPEAT_END,
    REPEAT_START,
    TEMPO_DTYPE,
    TICKS_PER_QUARTER,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    bar_duration,
    make_table,
    natural_fifths,
)
from stats_composer.theory import MAJOR, MINOR, UNKNOWN_MODE

__all__ = ["DEFAULT_VELOCITY", "LANE_STRIDE", "read_musicxml", "unzip_musicxml"]

DEFAULT_VELOCITY = 80
LANE_STRIDE = 1000
"""Our writer puts notes of voice v that overlap into the voices v + 1000, v + 2000, ..."""

_STEPS = {"C": 0, "D": 2, "E": 4, "F": -1, "G": 1, "A": 3, "B": 5}  # on the line of fifths
_PITCH_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MODES = {"major": MAJOR, "ionian": MAJOR, "minor": MINOR, "aeolian": MINOR}
_BEAT_UNITS = {"whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25}
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,15}(\.[0-9]{1,15})?\s*")

Tick = int | Fraction
T = TypeVar("T")


def read_musicxml(data: bytes, report: Report) -> Score:
    """Read the bytes of a MusicXML file.

    Parameters
    ----------
    data : bytes
        Of a partwise or timewise file, not zipped.
    report : Report
        Told what could not be kept.

    Returns
    -------
    Score

    Raises
    ------
    ScoreFileError
        If it is no MusicXML, or larger than the limits; the message names the place.
    """
    _refuse_entities(data)
    try:
        root = ET.fromstring(data)
    except ET.ParseError as error:
        raise ScoreFileError(f"not well-formed XML: {error}") from error
    if root.tag not in ("score-partwise", "score-timewise"):
        raise ScoreFileError(f"an XML file of <{root.tag}>: expected a MusicXML score")
    sections = _sections(root)
    check_limit(len(sections), MAX_PARTS, "parts")
    if not sections:
        raise ScoreFileError("a score of 0 parts: expected at least one")
    has_ties = root.find(".//tie") is not None
    listed = {item.get("id", ""): item for item in root.iterfind("part-list/score-part")}
    parts = []
    n_notes = 0
    for identifier, measures in sections:
        check_limit(len(measures), MAX_BARS, "bars")
        reader = _PartReader(listed.get(identifier), report, has_ties)
        for measure in measures:
            reader.read_measure(measure)
        n_notes += len(reader.pieces)
        check_limit(n_notes, MAX_NOTES, "notes")
        parts.append(reader)
    return _assemble(parts, report, *_texts(root))


def unzip_musicxml(data: bytes) -> bytes:
    """Take the score out of an MXL file: the first root file that `container.xml` names.

    Raises
    ------
    ScoreFileError
        If the archive is damaged, holds no score, or unpacks to more than the limits.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            member = archive.getinfo(_root_file(archive))
            return _unzip(archive, member)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise ScoreFileError(f"a damaged MXL archive: {error}") from error
    except KeyError as error:
        raise ScoreFileError(f"an MXL archive without its score: {error.args[0]}") from error
    except Exception as error:  # zlib.error has no public base
        raise (
            error
            if isinstance(error, ScoreFileError)
            else ScoreFileError(f"a damaged MXL archive: {error}")
        ) from error


def _unzip(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    limit = min(MAX_UNZIPPED_BYTES, max(member.compress_size, 5000) * MAX_UNZIPPED_RATIO)
    with archive.open(member) as stream:
        content = stream.read(limit + 1)  # the sizes an archive claims need not be true
    if len(content) > limit:
        raise ScoreFileError(
            f"a zip bomb: {member.filename} unpacks to more than "
            f"{MAX_UNZIPPED_RATIO} times its size or {MAX_UNZIPPED_BYTES >> 20} MB"
        )
    return content


def _root_file(archive: zipfile.ZipFile) -> str:
    names = [info.filename for info in archive.infolist()]
    if "META-INF/container.xml" in names:
        container = _unzip(archive, archive.getinfo("META-INF/container.xml"))
        _refuse_entities(container)
        try:
            files = ET.fromstring(container).iter()
        except ET.ParseError as error:
            raise ScoreFileError(f"META-INF/container.xml: not well-formed: {error}") from error
        for item in files:
            kind = item.get("media-type", "application/vnd.recordare.musicxml+xml")
            if item.tag.endswith("rootfile") and "musicxml" in kind:
                return item.get("full-path", "")
    scores = [
        n for n in names if not n.startswith("META-INF") and n.endswith((".xml", ".musicxml"))
    ]
    if not scores:
        raise ScoreFileError("an MXL archive without a score")
    return scores[0]


class _PrologRead(Exception):
    pass


def _refuse_entities(data: bytes) -> None:
    """Read the prolog alone; entities are the one part of XML that can multiply."""

    def entity(name: str, *_: object) -> None:
        raise ScoreFileError(f"an XML file that declares the entity {name!r}: refused")

    def root(*_: object) -> None:
        raise _PrologRead

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = entity
    parser.StartElementHandler = root
    try:
        parser.Parse(data, True)
    except _PrologRead:
        return
    except expat.ExpatError as error:
        raise ScoreFileError(f"not well-formed XML: {error}") from error


def _sections(root: ET.Element) -> list[tuple[str, list[ET.Element]]]:
    """Collect the measures of each part, whichever way round the file has them."""
    if root.tag == "score-partwise":
        return [(part.get("id", ""), part.findall("measure")) for part in root.iterfind("part")]
    parts: dict[str, list[ET.Element]] = {}
    for index, measure in enumerate(root.iterfind("measure")):
        for part in measure.iterfind("part"):
            measures = parts.setdefault(part.get("id", ""), [])
            measures += [ET.Element("measure") for _ in range(index - len(measures))]
            part.set("number", measure.get("number", str(index + 1)))
            measures.append(part)
    return list(parts.items())


def _texts(root: ET.Element) -> tuple[str, str]:
    title = (root.findtext("movement-title") or root.findtext("work/work-title") or "").strip()
    creators = root.findall("identification/creator")
    composers = [c for c in creators if c.get("type", "composer") == "composer"]
    return title, (composers[0].text or "").strip() if composers else ""


@dataclass(slots=True)
class _Head:
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
class _PartReader:
    """Reads the measures of one part, one after the other."""

    listed: ET.Element | None
    report: Report
    has_ties: bool
    pieces: list[_Head] = field(default_factory=list)
    fermatas: list[_Head] = field(default_factory=list)
    lyrics: list[tuple[_Head, int, str, str]] = field(default_factory=list)
    times: list[tuple[int, Tick, tuple[int, int]]] = field(default_factory=list)
    keys: list[tuple[int, Tick, tuple[int, int]]] = field(default_factory=list)
    tempos: list[tuple[int, Tick, float]] = field(default_factory=list)
    chords: list[tuple[int, Tick, str]] = field(default_factory=list)
    dynamics: list[tuple[int, Tick, int]] = field(default_factory=list)
    lengths: list[Tick] = field(default_factory=list)
    repeats: dict[int, int] = field(default_factory=dict)
    endings: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scale: Tick = TICKS_PER_QUARTER
        self.shift = (0, 0)  # semitones and fifths from the written to the sounding pitch
        self.cursor: Tick = 0
        self.chord_onset: Tick = 0
        self.place = ""
        self.ending = 0
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
        return len(self.lengths) - 1

    def read_measure(self, measure: ET.Element) -> None:
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

    def _number(self, text: str | None, what: str) -> Tick:
        """Read a decimal exactly."""
        text = text or ""
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
        head = _Head(
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
            head.velocity = _velocity(self._number(dynamics, "dynamics"))
        self.pieces.append(head)

    def _notations(self, note: ET.Element, head: _Head) -> None:
        ties = {tie.get("type") for tie in note.iterfind("tie")}
        for notations in note.iterfind("notations"):
            if not self.has_ties:
                ties |= {tie.get("type") for tie in notations.iterfind("tied")}
            if notations.find("fermata") is not None:
                self.fermatas.append(head)
        head.starts, head.stops = "start" in ties, "stop" in ties
        for index, lyric in enumerate(note.iterfind("lyric"), 1):
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
            velocity = _velocity(self._number(dynamics, "dynamics"))
            self.dynamics.append((self.bar, at, velocity))

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
        if len(numbers) > 1:
            self.report.add("endings for several times kept for the first", self.place)
        if element.get("type") == "start":
            self.ending = int(numbers[0]) if numbers else 1
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


def _assemble(parts: list[_PartReader], report: Report, title: str, composer: str) -> Score:
    lines = _BarLines(parts)
    notes, fermatas, lyrics = [], [], []
    for index, part in enumerate(parts):
        voices = _voices(part)
        changes = [(lines.tick(bar, at), velocity) for bar, at, velocity in part.dynamics]
        pieces = [lines.piece(head, voices, changes) for head in part.pieces]
        notes += [(o, d, p, f, index, v, *more) for o, d, p, f, v, *more in merge_ties(pieces)]
        for head in part.fermatas:
            voice = voices[head.lane, head.staff]
            fermatas.append((lines.tick(head.bar, head.offset), index, voice))
        for head, verse, syllabic, text in part.lyrics:
            if len(text) > 64:
                report.add("syllables of more than 64 letters cut", f"bar {head.bar + 1}")
            place = (lines.tick(head.bar, head.offset), index, voices[head.lane, head.staff])
            lyrics.append((*place, verse, syllabic[:6], text[:64]))
    if lines.n_rounded:
        report.add(f"{lines.n_rounded} times off the grid of 1/10080 of a quarter rounded")
    metres = _commonest("time signatures", [part.times for part in parts], lines, report)
    if metres and metres[0][0] > 0:
        metres.insert(0, (0, (4, 4)))
    keys = _commonest("key signatures", [part.keys for part in parts], lines, report)
    tempos = _first_told([part.tempos for part in parts], lines)
    chords = _first_told([part.chords for part in parts], lines)
    return Score(
        make_table(NOTE_DTYPE, notes),
        bars=lines.table(),
        time_signatures=make_table(TIME_SIGNATURE_DTYPE, [(at, *metre) for at, metre in metres]),
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(at, *key) for at, key in keys]),
        tempos=make_table(TEMPO_DTYPE, tempos),
        chords=make_table(CHORD_DTYPE, chords),
        fermatas=make_table(FERMATA_DTYPE, sorted(set(fermatas))),
        lyrics=make_table(LYRIC_DTYPE, lyrics),
        parts=tuple(part.part for part in parts),
        title=title,
        composer=composer,
        end=lines.end,
    )


class _BarLines:
    """Where the bars of all parts lie, and what has a place in them."""

    def __init__(self, parts: list[_PartReader]) -> None:
        self.parts = parts
        self.n_rounded = 0
        metres = {bar: metre for part in reversed(parts) for bar, _, metre in part.times}
        full: Tick = bar_duration(4, 4)
        onset: Tick = 0
        self.onsets: list[Tick] = []
        for bar in range(max(len(part.lengths) for part in parts)):
            if bar in metres:
                full = bar_duration(*metres[bar])
            self.onsets.append(onset)
            onset += max((p.lengths[bar] for p in parts if bar < len(p.lengths)), default=0) or full
        if not self.onsets:
            raise ScoreFileError("a score of 0 bars")
        self.end = self.round(onset)
        check_limit(self.end // TICKS_PER_QUARTER, MAX_QUARTERS, "quarter notes of time")

    def round(self, value: Tick) -> int:
        self.n_rounded += not isinstance(value, int) and value.denominator != 1
        return round_ticks(value)

    def tick(self, bar: int, offset: Tick) -> int:
        return self.round(self.onsets[bar] + offset)

    def piece(
        self, head: _Head, voices: dict[tuple[str, str], int], changes: list[tuple[int, int]]
    ) -> Piece:
        onset = self.tick(head.bar, head.offset)
        stop = self.tick(head.bar, head.offset + head.duration)
        velocity = head.velocity
        if velocity < 0:
            row = bisect.bisect_right(changes, (onset, 128)) - 1
            velocity = changes[row][1] if row >= 0 else DEFAULT_VELOCITY
        voice = voices[head.lane, head.staff]
        return Piece(
            onset,
            max(stop - onset, 1),
            head.pitch,
            head.fifths,
            voice,
            velocity,
            head.starts,
            head.stops,
            head.lane,
        )

    def table(self) -> np.ndarray:
        bars = make_table(BAR_DTYPE, onset=[self.round(onset) for onset in self.onsets])
        for part in self.parts:
            for bar, flags in part.repeats.items():
                bars["repeat"][bar] |= flags
            for bar, number in part.endings.items():
                bars["ending"][bar] = number
        return bars


def _voices(part: _PartReader) -> dict[tuple[str, str], int]:
    """Give each voice of a part its number; split those that sound on two staves at once."""
    heads = [*part.pieces, *part.fermatas, *(row[0] for row in part.lyrics)]
    staves: dict[str, list[str]] = {}
    for head in heads:
        names = staves.setdefault(head.lane, [])
        if head.staff not in names:
            names.append(head.staff)
    voices: dict[tuple[str, str], int] = {}
    others: list[tuple[str, str]] = []
    for lane in sorted(staves, key=lambda lane: (len(lane), lane)):
        first, *rest = sorted(staves[lane])
        number = (int(lane) - 1) % LANE_STRIDE if lane.isdecimal() and len(lane) < 6 else -1
        if number < 0 or (int(lane) <= LANE_STRIDE and number in voices.values()):
            others.append((lane, first))
        else:
            voices[lane, first] = number
        crossing = bool(rest) and not _overlap(part.pieces, lane)
        for staff in rest:
            if crossing and (lane, first) in voices:
                voices[lane, staff] = voices[lane, first]
            else:
                others.append((lane, staff))
    for pair in others:
        taken = set(voices.values())
        voices[pair] = next(n for n in range(len(taken) + 1) if n not in taken)
    return voices


def _overlap(pieces: list[_Head], lane: str) -> bool:
    """Whether one voice number sounds on two staves at the same time."""
    ends: dict[str, tuple[int, Tick]] = {}
    ordered = sorted((p for p in pieces if p.lane == lane), key=lambda p: (p.bar, p.offset))
    for piece in ordered:
        for staff, end in ends.items():
            if staff != piece.staff and end > (piece.bar, piece.offset):
                return True
        reach = (piece.bar, piece.offset + piece.duration)
        ends[piece.staff] = max(reach, ends.get(piece.staff, reach))
    return False


def _commonest(
    what: str,
    rows_of_parts: list[list[tuple[int, Tick, tuple[int, int]]]],
    lines: _BarLines,
    report: Report,
) -> list[tuple[int, tuple[int, int]]]:
    """Keep the commonest value at each place, the earliest part's among equals.

    Key signatures of equal fifths are one; the mode is of the first part that tells it.
    """
    found: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
    for index, rows in enumerate(rows_of_parts):
        for bar, offset, value in rows:
            found[lines.tick(bar, offset)][index] = value
    kept = []
    for tick in sorted(found):
        values = sorted(found[tick].values(), key=lambda value: value[1] == UNKNOWN_MODE)
        first = {value[0]: value for value in reversed(values)} if "key" in what else {}
        told = [first.get(value[0], value) for value in found[tick].values()]
        (value, _), *others = Counter(told).most_common()
        if others:
            report.add(f"{what} that differ between parts: the commonest kept")
        kept.append((tick, value))
    return kept


def _first_told(
    rows_of_parts: Iterable[list[tuple[int, Tick, T]]], lines: _BarLines
) -> Iterator[tuple[int, T]]:
    """Keep a mark of the first part that has one at its place."""
    told: set[int] = set()
    for rows in rows_of_parts:
        marks = [(lines.tick(bar, offset), value) for bar, offset, value in rows]
        yield from (mark for mark in marks if mark[0] not in told)
        told.update(tick for tick, _ in marks)
