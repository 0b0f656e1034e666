"""The marks of a part on the page: which sign bears which, and how spans are numbered."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from stats_composer.io.notation import Note, Sign, SpanEnd, mark_beams, plain_value
from stats_composer.score import HELD_SPANS, Score
from stats_composer.theory import TICKS_PER_QUARTER

__all__ = ["Direction", "PartMarks"]

WEDGES = ("crescendo", "diminuendo")

Place = tuple[int, int]  # voice and onset


class Direction(NamedTuple):
    """What stands between notes: `end` is set where it is the end of a span.

    `anchor` is the tick before which it is written; an end that may be the bar's own lies on
    the tick before it.
    """

    anchor: int
    tick: int
    kind: str
    text: str
    end: SpanEnd | None = None


class PartMarks:
    """The grace notes, marks, spans and directions of one part.

    Attributes
    ----------
    places : set of (voice, onset)
        Where a sign has to start.
    voices : set of int
    marked_bars : set of (voice, bar)
        Bars in which a voice has directions.
    directions : dict of voice to list of Direction, rising
    ticks : dict of voice to set of int
        Where its directions stand, and where what they hold begins and ends.
    """

    def __init__(self, score: Score, part: int) -> None:
        self._onsets: list[int] = score.bars["onset"].tolist()
        self._graces: dict[Place, dict[int, list[Note]]] = defaultdict(dict)
        self._slashed: set[tuple[int, int, int]] = set()
        for onset, owner, voice, number, pitch, fifths, written, slash in score.graces.tolist():
            if owner == part:
                note = Note(onset, written, pitch, fifths, voice, 0, False)
                self._graces[voice, onset].setdefault(number, []).append(note)
                self._slashed |= {(voice, onset, number)} if slash else set()
        self._marks: dict[tuple[int, int, int], list[tuple[str, str]]] = defaultdict(list)
        for onset, owner, voice, number, *mark in score.note_marks.tolist():
            if owner == part:
                self._marks[voice, onset, number].append((mark[0], mark[1]))
        self._spans = [row for row in score.spans.tolist() if row[1] == part]
        self._ties = {(row[2], row[0], row[3]) for row in self._spans if row[7] == "tie"}
        self._ends: dict[tuple[int, int, int], list[SpanEnd]] = defaultdict(list)
        self.directions: dict[int, list[Direction]] = defaultdict(list)
        for onset, owner, voice, kind, text in score.directions.tolist():
            if owner == part:
                self.directions[voice].append(Direction(onset, onset, kind, text))
        noted = [row for row in self._spans if row[7] not in HELD_SPANS]
        self.places = {(voice, onset) for voice, onset, _ in self._marks} | set(self._graces)
        self.places |= {(row[2], row[0]) for row in noted} | {(row[5], row[4]) for row in noted}
        self.ticks: dict[int, set[int]] = defaultdict(set)
        for voice, rows in self.directions.items():
            self.ticks[voice] = {row.tick for row in rows}
        for row in self._spans:
            self.ticks[row[2]] |= {row[0], row[4]} if row[7] in HELD_SPANS else set()
        held = {row[2] for row in self._spans if row[7] in HELD_SPANS}
        self.voices = held | set(self.directions)
        self.marked_bars: set[tuple[int, int]] = set()

    def number(self, homes: Mapping[Place, int], order: Mapping[tuple[int, int], int]) -> None:
        """Give the spans numbers, so that no two of a kind that are open together share a number.

        They are open from the one end to the other as they are written, bar by bar and line by
        line; `homes` tells the lane of a place, `order` the line of a voice's lane.
        """
        taken: dict[str, list[tuple[int, ...]]] = defaultdict(list)
        written = sorted((*self._reach(row, homes, order), row) for row in self._spans)
        for first, last, row in written:
            onset, _, voice, grace, stop, stop_voice, stop_grace, kind, text = row
            if kind == "tie":
                continue
            ends = taken["wedge" if kind in WEDGES else kind]
            index = next((i for i, end in enumerate(ends) if end < first), len(ends))
            ends[index : index + 1] = [last]
            way = [SpanEnd(way, kind, text, index + 1) for way in ("start", "stop")]
            if kind in HELD_SPANS:
                self.directions[voice].append(Direction(onset, onset, kind, text, way[0]))
                self.directions[voice].append(Direction(stop - 1, stop, kind, text, way[1]))
            else:
                self._ends[voice, onset, grace].append(way[0])
                self._ends[stop_voice, stop, stop_grace].append(way[1])
        for voice, rows in self.directions.items():
            rows.sort(key=lambda row: row.anchor)
            self.marked_bars |= {(voice, self._bar(row.anchor)) for row in rows}

    def _bar(self, tick: int) -> int:
        return bisect.bisect_right(self._onsets, tick) - 1

    def _reach(
        self,
        row: tuple[Any, ...],
        homes: Mapping[Place, int],
        order: Mapping[tuple[int, int], int],
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """First and last place of a span in the order of writing."""
        onset, _, voice, grace, stop, stop_voice, stop_grace, kind, *_ = row
        held = kind in HELD_SPANS
        ends = ((onset, voice, grace), (stop - held, stop_voice, stop_grace))
        found = [
            (self._bar(tick), order.get((of, 0 if held else homes.get((of, tick), 0)), 0), tick, n)
            for tick, of, n in ends
        ]
        return min(found), max(found)

    def put(self, signs: list[Sign], index: int, voice: int) -> None:
        """Give a sign its marks and its grace notes; those after it go to its last piece."""
        sign = signs[index]
        place = (voice, sign.start)
        sign.marks = tuple(self._marks.get((*place, 0), ()))
        sign.ends = self._ordered((*place, 0))
        graces = {n: self._grace(place, n) for n in sorted(self._graces.get(place, ()))}
        sign.before = tuple(grace for number, grace in graces.items() if number < 0)
        after = tuple(grace for number, grace in graces.items() if number > 0)
        for group in (sign.before, after):
            mark_beams(group, sign.start, TICKS_PER_QUARTER, TICKS_PER_QUARTER)
        for number, grace in graces.items():
            if (*place, number) in self._ties:
                shared = {note.pitch for note in grace.notes} & {note.pitch for note in sign.notes}
                grace.tied_graces = frozenset(shared)
                sign.tied_graces |= shared
        while index + 1 < len(signs) and signs[index + 1].notes is sign.notes:
            index += 1
        signs[index].after += after

    def _ordered(self, place: tuple[int, int, int]) -> tuple[SpanEnd, ...]:
        """List stops of what began elsewhere, starts, and stops of what began here."""
        ends = self._ends.get(place, [])
        begun = {(end.kind, end.number) for end in ends if end.way == "start"}
        late = [end for end in ends if end.way == "stop" and (end.kind, end.number) in begun]
        early = [end for end in ends if end.way == "stop" and end not in late]
        return (*early, *(end for end in ends if end.way == "start"), *late)

    def _grace(self, place: Place, number: int) -> Sign:
        notes = tuple(self._graces[place][number])
        key = (*place, number)
        sign = Sign(place[1], place[1], notes, plain_value(notes[0].duration))
        sign.slash = key in self._slashed
        sign.marks = tuple(self._marks.get(key, ()))
        sign.ends = self._ordered(key)
        return sign
