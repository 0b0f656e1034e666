"""From the parts of a MusicXML file, each counted from its bars, to one score in ticks."""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from stats_composer.errors import ScoreFileError
from stats_composer.io.limits import MAX_QUARTERS, check_limit
from stats_composer.io.musicxml_part import DEFAULT_VELOCITY, LANE_STRIDE, PartReader
from stats_composer.io.musicxml_values import Head, Tick
from stats_composer.io.report import Report
from stats_composer.io.timeline import Piece, merge_ties, round_ticks
from stats_composer.score import BAR_DTYPE, HELD_SPANS, MARKS, NOTE_DTYPE, Score, make_table
from stats_composer.theory import TICKS_PER_QUARTER, UNKNOWN_MODE, Metre

__all__ = ["assemble"]

T = TypeVar("T")
Rows = dict[str, list[tuple[Any, ...]]]


def assemble(parts: list[PartReader], report: Report, texts: Mapping[str, Any]) -> Score:
    """Lay the parts side by side on their common bar lines; `texts` are further fields."""
    lines = _BarLines(parts, report)
    rows: Rows = defaultdict(list)
    for index, part in enumerate(parts):
        _Part(lines, part, index).add(rows)
    if lines.rounded:
        what = "times off the grid of 1/10080 of a quarter rounded"
        report.add(what, lines.name(lines.rounded[0]), len(lines.rounded))
    metres = _commonest("time signatures", [_staffless(part.times) for part in parts], lines)
    if metres and metres[0][0] > 0:
        metres.insert(0, (0, (4, 4)))
    keys = _commonest("key signatures", [part.keys for part in parts], lines)
    rows["time_signatures"] = [(at, *metre) for at, metre in metres]
    rows["key_signatures"] = [(at, *key) for at, key in keys]
    rows["tempos"] = _first_told("tempos", [part.marks.tempos for part in parts], lines)
    rows["chords"] = _first_told("chord symbols", [part.chords for part in parts], lines)
    rows["fermatas"] = sorted(set(rows["fermatas"]))
    rows["jumps"] = lines.jumps()
    tables: dict[str, Any] = {name: make_table(dtype, rows[name]) for name, dtype in MARKS.items()}
    tables["bars"] = lines.table()
    score = Score(
        make_table(NOTE_DTYPE, rows["notes"]),
        parts=tuple(part.part for part in parts),
        end=lines.end,
        **texts,
        **tables,
    )
    tables["bars"]["number"] = _numbers(score, lines)
    return score.replace(bars=tables["bars"])


def _numbers(score: Score, lines: _BarLines) -> list[str]:
    """Keep the file's number of each bar where it is not the usual one."""
    following, n_parts = 0 if score.pickup else 1, 0
    kept = []
    for bar, offset in enumerate(score.bar_offsets.tolist()):
        label = lines.labels[bar].strip() if bar < len(lines.labels) else ""
        label = str(int(label)) if label.isdecimal() and len(label) < 9 else label[:8]
        goes_on = bool(offset and bar)
        usual = f"X{n_parts + 1}" if goes_on else str(following)
        kept.append("" if label == usual else label)
        if kept[-1].isdecimal():
            following = int(label) + 1
        elif not kept[-1]:
            n_parts += goes_on
            following += not goes_on
    return kept


class _BarLines:
    """Where the bars of all parts lie, and what has a place in them."""

    def __init__(self, parts: list[PartReader], report: Report) -> None:
        self.parts = parts
        self.report = report
        self.rounded: list[int] = []
        self.labels = [label for part in parts[:1] for label in part.numbers]
        self.onsets: list[Tick] = []
        onset: Tick = 0
        metres = self._metres()
        full: Tick = 0
        for bar in range(max(len(part.lengths) for part in parts)):
            full = Metre(*metres[bar]).bar if bar in metres else full
            self.onsets.append(onset)
            onset += self._length(bar, full)
        if not self.onsets:
            raise ScoreFileError("a score of 0 bars")
        self.end = round_ticks(onset)
        check_limit(self.end // TICKS_PER_QUARTER, MAX_QUARTERS, "quarter notes of time")

    def _metres(self) -> dict[int, tuple[int, int]]:
        """Metres by the bars that they are the first to fill; a late one fills the next."""
        return {
            bar if offset == 0 else bar + 1: metre
            for part in reversed(self.parts)
            for bar, offset, metre in part.times
        }

    def _length(self, bar: int, full: Tick) -> Tick:
        """Ticks of a bar: of its longest part.

        Past the end of its metre, and in a bar said to be irregular, nothing but notes and rests
        count; past the end of its metre notes alone where a voice or part ends there.
        """
        inside = [part for part in self.parts if bar < len(part.lengths)]
        length, filled, sounding = (
            max((reach[bar] for part in inside for reach in [getattr(part, name)]), default=0)
            for name in ("lengths", "filled", "sounding")
        )
        if filled and any(part.implicit[bar] for part in inside):
            length = filled
        if full and length > full:
            is_told = any(full in part.ends[bar] for part in inside)
            kept = max(full, sounding if is_told else filled)
            what = "rests past the end of their bar left out"
            self.report.add(what, self.name(bar), kept < length)
            return kept
        return length or full or Metre(4, 4).bar

    def name(self, bar: int) -> str:
        """Name a bar as the file does."""
        label = self.labels[bar] if bar < len(self.labels) else ""
        return f"bar {label or bar + 1}"

    def tick(self, bar: int, offset: Tick) -> int:
        return round_ticks(self.onsets[bar] + offset)

    def inside(self, head: Head, at_end: bool = False) -> int:
        """Tick of a mark, which does not leave its bar."""
        following = self.onsets[head.bar + 1] if head.bar + 1 < len(self.onsets) else self.end
        return min(self.tick(head.bar, head.offset), round_ticks(following) - (not at_end))

    def exactly(self, bar: int, offset: Tick) -> int:
        """Tick of a note's end, counted where it lies off the grid."""
        time = self.onsets[bar] + offset
        if not isinstance(time, int) and time.denominator != 1:
            self.rounded.append(bar)
        return round_ticks(time)

    def jumps(self) -> list[tuple[int, str, str, int]]:
        """List jumps at their bars; a place told at a bar's end is the next bar's."""
        found: dict[tuple[int, str], tuple[str, int]] = {}
        for part in self.parts:
            for head, kind, label, times in part.marks.jumps:
                bar = head.bar
                length = part.lengths[bar] if bar < len(part.lengths) else 0
                if kind in ("segno", "coda", "section") and 0 < length <= head.offset:
                    bar += 1
                if bar < len(self.onsets):
                    known = found.get((bar, kind), ("", 0))
                    found[bar, kind] = (known[0] or label, known[1] or times)
                else:
                    self.report.add(f"{kind} after the last bar left out", self.name(bar - 1))
        return [(self.tick(bar, 0), kind, *more) for (bar, kind), more in found.items()]

    def table(self) -> np.ndarray:
        bars = make_table(BAR_DTYPE, onset=[round_ticks(onset) for onset in self.onsets])
        for part in self.parts:
            for bar, flags in part.marks.repeats.items():
                bars["repeat"][bar] |= flags
            for bar, number in part.marks.endings.items():
                bars["ending"][bar] = number
        return bars


class _Part:
    """One part's rows of all tables."""

    def __init__(self, lines: _BarLines, part: PartReader, index: int) -> None:
        self.lines, self.part, self.index = lines, part, index
        self.voices = _voices(part)
        self.loudness = [(lines.tick(bar, at), v) for bar, at, v in part.marks.dynamics]

    def add(self, rows: Rows) -> None:
        """Add all rows."""
        index, marks = self.index, self.part.marks
        pieces = [self._piece(head) for head in self.part.pieces]
        rows["notes"] += [(o, d, p, f, index, v, *m) for o, d, p, f, v, *m in merge_ties(pieces)]
        rows["fermatas"] += [self._place(head)[:3] for head in marks.fermatas]
        rows["lyrics"] += [(*self._place(head)[:3], *lyric) for head, *lyric in marks.lyrics]
        rows["graces"] += [
            (*self._place(head), head.pitch, head.fifths, head.written, head.slash)
            for head in self.part.graces
        ]
        rows["note_marks"] += [(*self._place(head), *mark) for head, *mark in marks.note_marks]
        rows["directions"] += [(*self._place(head)[:3], *mark) for head, *mark in marks.directions]
        for start, stop, kind, text in marks.spans:
            self._span(rows, start, stop, kind, text)

    def _place(self, head: Head) -> tuple[int, int, int, int]:
        voice = self.voices[head.lane, head.staff]
        return self.lines.inside(head), self.index, voice, head.grace

    def _span(self, rows: Rows, start: Head, stop: Head, kind: str, text: str) -> None:
        place = self._place(start)
        if kind in HELD_SPANS:
            end = (self.lines.inside(stop, at_end=True), place[2], 0)
            well = end[0] > place[0]
        else:
            at, _, voice, grace = self._place(stop)
            end = (at, voice, grace)
            well = (at, grace) > (place[0], place[3]) or kind == "wavy-line"
        if well:
            rows["spans"].append((*place, *end, kind, text))
        else:
            what = f"{kind}s that end where they begin or before left out"
            self.lines.report.add(what, self.lines.name(start.bar))

    def _piece(self, head: Head) -> Piece:
        onset = self.lines.tick(head.bar, head.offset)
        stop = self.lines.exactly(head.bar, head.offset + head.duration)
        velocity = head.velocity
        if velocity < 0:
            row = bisect.bisect_right(self.loudness, (onset, 128)) - 1
            velocity = self.loudness[row][1] if row >= 0 else DEFAULT_VELOCITY
        return Piece(
            onset,
            max(stop - onset, 1),
            head.pitch,
            head.fifths,
            self.voices[head.lane, head.staff],
            velocity,
            head.starts,
            head.stops,
            head.lane,
        )


def _voices(part: PartReader) -> dict[tuple[str, str], int]:
    """Give each voice of a part its number; split those that sound on two staves at once."""
    marks = part.marks
    tables = (marks.lyrics, marks.note_marks, marks.spans, marks.directions)
    heads = [*part.pieces, *part.graces, *marks.fermatas]
    heads += [row[0] for table in tables for row in table]
    heads += [stop for _, stop, _, _ in marks.spans]
    staves: dict[str, list[str]] = {}
    for lane, staff in dict.fromkeys((head.lane, head.staff) for head in heads):
        staves.setdefault(lane, []).append(staff)
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
    rows_of_parts: list[list[tuple[int, Tick, str, tuple[int, int]]]],
    lines: _BarLines,
) -> list[tuple[int, tuple[int, int]]]:
    """Keep the commonest value at each place, the earliest part's among equals.

    Key signatures of equal fifths are one; the mode is of the first part that tells it.
    """
    found: dict[int, dict[tuple[int, str], tuple[int, int]]] = defaultdict(dict)
    bars: dict[int, int] = {}
    for index, rows in enumerate(rows_of_parts):
        for bar, offset, staff, value in rows:
            tick = lines.tick(bar, offset)
            found[tick][index, staff] = value
            bars.setdefault(tick, bar)
    kept = []
    for tick in sorted(found):
        values = sorted(found[tick].values(), key=lambda value: value[1] == UNKNOWN_MODE)
        first = {value[0]: value for value in reversed(values)} if "key" in what else {}
        told = [first.get(value[0], value) for value in found[tick].values()]
        (value, _), *others = Counter(told).most_common()
        if tick >= lines.end:
            lines.report.add(f"{what} after the last note left out", lines.name(bars[tick]))
            continue
        if others:
            differ = f"{what} that differ between parts or staves: the commonest kept"
            lines.report.add(differ, lines.name(bars[tick]))
        kept.append((tick, value))
    return kept


def _staffless(rows: Iterable[tuple[int, Tick, T]]) -> list[tuple[int, Tick, str, T]]:
    return [(bar, offset, "", value) for bar, offset, value in rows]


def _first_told(
    what: str, rows_of_parts: Iterable[list[tuple[int, Tick, T]]], lines: _BarLines
) -> list[tuple[Any, ...]]:
    """Keep a mark of the first part that has one at its place."""
    told: set[int] = set()
    kept: list[tuple[Any, ...]] = []
    for rows in rows_of_parts:
        marks = [(lines.tick(bar, offset), value, bar) for bar, offset, value in rows]
        for tick, value, bar in marks:
            if tick >= lines.end:
                lines.report.add(f"{what} after the last note left out", lines.name(bar))
            elif tick not in told:
                kept.append((tick, value))
        told.update(tick for tick, *_ in marks)
    return kept
