"""The signs of a part, bar by bar and lane by lane, before any format is thought of."""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from stats_composer.io.layout_marks import PartMarks
from stats_composer.io.notation import (
    Event,
    Note,
    Sign,
    group_tuplets,
    lanes,
    mark_accidentals,
    mark_beams,
    one_lane,
    split,
)
from stats_composer.score import Score

__all__ = ["Line", "Page"]


class Line(NamedTuple):
    """What one lane has in one bar; lane 0 is its voice's own."""

    voice: int
    lane: int
    staff: int
    signs: list[Sign]


class _Lane(NamedTuple):
    voice: int
    lane: int
    events: list[Event]
    cuts: list[int]


class Page:
    """One part of a score, laid out.

    Parameters
    ----------
    score : Score
    part : int
    cuts : iterable of int
        Ticks at which a sign of the first voice has to start.
    chorded : bool
        Whether each voice has one lane where it can, its notes cut as `one_lane` does, and at
        its directions.

    Attributes
    ----------
    n_staves : int
        Two for keyboards whose voices lie on both sides of middle C.
    glued : set of (voice, pitch, onset)
        The notes that are `tied` in the score.
    marks : PartMarks
        Its directions are for the writer to put among the signs.
    """

    def __init__(
        self, score: Score, part: int, *, cuts: Iterable[int] = (), chorded: bool = False
    ) -> None:
        self.score, self._chorded = score, chorded
        rows = score.notes[score.notes["part"] == part]
        names = Note._fields
        notes = [Note(*row) for row in zip(*(rows[name].tolist() for name in names), strict=True)]
        self.glued = {(note.voice, note.pitch, note.onset) for note in notes if note.tied}
        self._fermatas = _places(score.fermatas, part)
        self._lyrics: dict[tuple[int, int], list[tuple[int, str, str]]] = defaultdict(list)
        for onset, owner, voice, *lyric in score.lyrics.tolist():
            if owner == part:
                self._lyrics[voice, onset].append(tuple(lyric))
        self.marks = PartMarks(score, part)
        marks = self._fermatas | set(self._lyrics) | self.marks.places
        told = {voice for voice, _ in marks} | self.marks.voices
        self.voices = sorted({note.voice for note in notes} | told) or [0]
        self._mark_cuts = ({*self._changes(), *cuts}) - self._bar_set
        self._homes: dict[tuple[int, int], int] = {}
        self._lanes = [lane for voice in self.voices for lane in self._voice(voice, notes, marks)]
        order = {(lane.voice, lane.lane): index for index, lane in enumerate(self._lanes)}
        self.marks.number(self._homes, order)
        self.n_staves, self._staves = _staves(score.parts[part].program, self.voices, notes)

    @property
    def _bar_set(self) -> set[int]:
        return set(self.score.bars["onset"].tolist())

    def _changes(self) -> set[int]:
        """Onsets of metres and keys: where one falls within a bar, a sign has to start there."""
        tables = (self.score.time_signatures, self.score.key_signatures)
        return {onset for table in tables for onset in table["onset"].tolist()}

    def _voice(self, voice: int, notes: list[Note], marks: set[tuple[int, int]]) -> list[_Lane]:
        """Lay a voice's notes in lanes; give each of its marks a lane that has a sign for it."""
        own = [note for note in notes if note.voice == voice]
        chords = one_lane(own) if self._chorded else None
        found = (lanes(own) or [[]]) if chords is None else [chords]
        starts = [{event.start for event in events} for events in found]
        cuts: list[set[int]] = [set() for _ in found]
        for _, onset in sorted(mark for mark in marks if mark[0] == voice):
            home = next((i for i, onsets in enumerate(starts) if onset in onsets), 0)
            self._homes[voice, onset] = home
            cuts[home].add(onset)
        if voice == self.voices[0]:
            cuts[0] |= self._mark_cuts
        if self._chorded:
            cuts[0] |= self.marks.ticks[voice] - self._bar_set
        return [_Lane(voice, i, events, sorted(cuts[i])) for i, events in enumerate(found)]

    def bars(self) -> list[list[Line]]:
        """Lay out all bars: the first line of each fills its bar to the end."""
        onsets = [*self.score.bars["onset"].tolist(), self.score.end]
        pages: list[list[Line]] = [[] for _ in onsets[:-1]]
        for number, lane in enumerate(self._lanes):
            for bar, events in enumerate(_by_bar(lane.events, onsets)):
                cuts = lane.cuts[
                    bisect.bisect_left(lane.cuts, onsets[bar]) : bisect.bisect_left(
                        lane.cuts, onsets[bar + 1]
                    )
                ]
                marked = not lane.lane and (lane.voice, bar) in self.marks.marked_bars
                if number == 0 or events or cuts or marked:
                    signs = self._signs(lane, events, cuts, onsets[bar], onsets[bar + 1])
                    pages[bar].append(
                        Line(lane.voice, lane.lane, self._staves.get(lane.voice, 1), signs)
                    )
        for bar, lines in enumerate(pages):
            self._finish(lines, onsets[bar])
        return pages

    def _signs(
        self, lane: _Lane, events: list[Event], cuts: list[int], start: int, stop: int
    ) -> list[Sign]:
        """Write a lane's events in a bar, rests between them."""
        beat, origin = self._beat(start)
        signs: list[Sign] = []
        cursor = start
        for event in [*events, Event(stop, stop, ())]:
            first, last = max(event.start, start), min(event.stop, stop)
            for rest_start, rest_stop in _pieces(cursor, first, cuts):
                signs += self._rest(lane, rest_start, rest_stop, (start, stop), beat, origin)
            pieces = [
                (piece_start + origin, piece_stop + origin, value)
                for cut_start, cut_stop in _pieces(first, last, cuts)
                for piece_start, piece_stop, value in split(
                    cut_start - origin, cut_stop - origin, beat
                )
            ]
            for piece_start, piece_stop, value in pieces:
                sign = Sign(piece_start, piece_stop, event.notes, value)
                sign.tie_stop = piece_start > event.start
                sign.tie_start = piece_stop < event.stop
                signs.append(sign)
            cursor = last
        for index, sign in enumerate(signs):
            place = (lane.voice, sign.start)
            if self._homes.get(place) == lane.lane:
                sign.fermata = place in self._fermatas
                sign.lyrics = tuple(self._lyrics.get(place, ()))
                self.marks.put(signs, index, lane.voice)
        group_tuplets(signs)
        mark_beams(signs, origin, beat, self.score.metre_at(start).wide_beam)
        return signs

    def _rest(
        self, lane: _Lane, start: int, stop: int, bar: tuple[int, int], beat: int, origin: int
    ) -> list[Sign]:
        hidden = lane.lane > 0
        if (start, stop) == bar and stop - start == self.score.metre_at(start).bar:
            return [Sign(start, stop, (), None, hidden=hidden)]
        half = self.score.metre_at(start).wide_beam
        cuts = _rest_cuts(start - origin, stop - origin, beat, half)
        return [
            Sign(first + origin, last + origin, (), value, hidden=hidden)
            for piece in _pieces(start - origin, stop - origin, cuts)
            for first, last, value in split(*piece, beat)
        ]

    def _beat(self, start: int) -> tuple[int, int]:
        """Ticks of a beat at a bar, and where the beats are counted from."""
        score = self.score
        return score.metre_at(start).beam, start - int(score.bar_offsets[score.bar_at(start)])

    def _finish(self, lines: list[Line], onset: int) -> None:
        """Print accidentals, staff by staff."""
        key = self.score.mark_at("key_signatures", onset)
        for staff in range(1, self.n_staves + 1):
            signs = [sign for line in lines if line.staff == staff for sign in line.signs]
            mark_accidentals(signs, int(key["fifths"]) if key is not None else 0)

    def clef_of(self, staff: int) -> tuple[str, int]:
        """Sign and line of a staff's clef, by the middle of its pitches."""
        pitches = [
            note.pitch
            for lane in self._lanes
            if self._staves.get(lane.voice, 1) == staff
            for event in lane.events
            for note in event.notes
        ]
        middle = float(np.median(pitches)) if pitches else 71.0
        return ("G", 2) if middle >= 57 else ("F", 4)


def _rest_cuts(start: int, stop: int, beat: int, half: int) -> list[int]:
    """Return where a rest is divided: at the beats nearest its ends, and halfway in four beats."""
    edges = {-(-start // beat) * beat, stop // beat * beat}
    return sorted(edges.union(range(half, stop, half) if half > beat else ()))


def _places(table: np.ndarray, part: int) -> set[tuple[int, int]]:
    rows = table[table["part"] == part]
    return set(zip(rows["voice"].tolist(), rows["onset"].tolist(), strict=True))


def _pieces(start: int, stop: int, cuts: list[int]) -> list[tuple[int, int]]:
    """Divide a stretch at the cuts within it."""
    inside = [cut for cut in cuts if start < cut < stop]
    edges = [start, *inside, stop]
    return [pair for pair in itertools.pairwise(edges) if pair[0] < pair[1]]


def _by_bar(events: list[Event], onsets: list[int]) -> list[list[Event]]:
    """Deal a lane's events out to the bars they sound in."""
    dealt: list[list[Event]] = [[] for _ in onsets[:-1]]
    for event in events:
        bar = bisect.bisect_right(onsets, event.start) - 1
        while bar < len(dealt) and onsets[bar] < event.stop:
            dealt[bar].append(event)
            bar += 1
    return dealt


def _staves(program: int, voices: list[int], notes: list[Note]) -> tuple[int, dict[int, int]]:
    """Give keyboards (programs 0 to 23) with voices around middle C two staves."""
    pitches = {voice: [note.pitch for note in notes if note.voice == voice] for voice in voices}
    middles = {voice: float(np.median(found)) for voice, found in pitches.items() if found}
    low = [voice for voice, middle in middles.items() if middle < 57]
    if program > 23 or not low or len(low) == len(middles):
        return 1, {}
    return 2, {voice: 2 if voice in low else 1 for voice in voices}
