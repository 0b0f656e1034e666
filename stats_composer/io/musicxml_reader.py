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

Our own parser over the standard library's rather than music21's, which respells or drops the
text of chord symbols, forgets velocities and voice numbers, lets the bars of parts drift apart
(mozart/k155/movement3 of its corpus), and takes 3 times as long
(`python benchmarks/bench_io.py`).

References
----------
W3C Music Notation Community Group, MusicXML 4.0, https://www.w3.org/2021/06/musicxml40/.
"""

from __future__ import annotations

import bisect
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np

from stats_composer.errors import ScoreFileError
from stats_composer.io.limits import (
    MAX_BARS,
    MAX_NOTES,
    MAX_PARTS,
    MAX_QUARTERS,
    check_limit,
)
from stats_composer.io.musicxml_part import (
    DEFAULT_VELOCITY,
    LANE_STRIDE,
    Head,
    PartReader,
    Tick,
)
from stats_composer.io.mxl import refuse_entities
from stats_composer.io.report import Report
from stats_composer.io.timeline import Piece, merge_ties, round_ticks
from stats_composer.score import (
    BAR_DTYPE,
    CHORD_DTYPE,
    FERMATA_DTYPE,
    KEY_SIGNATURE_DTYPE,
    LYRIC_DTYPE,
    NOTE_DTYPE,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Score,
    make_table,
)
from stats_composer.theory import TICKS_PER_QUARTER, UNKNOWN_MODE, Metre

__all__ = ["read_musicxml"]

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
    refuse_entities(data)
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
        reader = PartReader(listed.get(identifier), report, has_ties)
        for measure in measures:
            reader.read_measure(measure)
        reader.finish()
        n_notes += len(reader.pieces)
        check_limit(n_notes, MAX_NOTES, "notes")
        parts.append(reader)
    return _assemble(parts, report, *_texts(root))


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


def _assemble(parts: list[PartReader], report: Report, title: str, composer: str) -> Score:
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

    def __init__(self, parts: list[PartReader]) -> None:
        self.parts = parts
        self.n_rounded = 0
        metres = {bar: metre for part in reversed(parts) for bar, _, metre in part.times}
        full: Tick = Metre(4, 4).bar
        onset: Tick = 0
        self.onsets: list[Tick] = []
        for bar in range(max(len(part.lengths) for part in parts)):
            if bar in metres:
                full = Metre(*metres[bar]).bar
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
        self, head: Head, voices: dict[tuple[str, str], int], changes: list[tuple[int, int]]
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


def _voices(part: PartReader) -> dict[tuple[str, str], int]:
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


def _overlap(pieces: list[Head], lane: str) -> bool:
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
