"""Constraints on how a voice moves: rhythm, density, repetitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from stats_composer.constraints.base import (
    Constraint,
    Onsets,
    hold_steps,
    on_line,
    sounding,
    weigh,
    with_automaton,
)
from stats_composer.constraints.fields import (
    BARS,
    BEAT,
    LENGTH,
    VOICE,
    asks,
    listed,
    optional,
    whole,
)
from stats_composer.constraints.values import Voice, pitch_text
from stats_composer.constraints.where import (
    bar_places,
    bar_span,
    bar_spans,
    line_of,
    notes_of,
    place,
    step_at,
    tick_at,
    ticks_of,
)
from stats_composer.encoding import GridFrame
from stats_composer.errors import ConstraintError
from stats_composer.factors import Automaton, Factors
from stats_composer.score import Score
from stats_composer.views import HOLD, REST

__all__ = ["Density", "NoRepeat", "Rhythm"]

_SILENT = -1


_ONSETS = listed(BEAT, "onsets", least=1, none=True)
_DURATIONS = listed(LENGTH, "durations", least=1, none=True)


@dataclass(frozen=True)
class Rhythm(Constraint):
    """Where notes start; between these places everything is held.

    Parameters
    ----------
    voice : str or int
    onsets : sequence of numbers or str, optional
        Beats, the same in each of the bars; the note before the first one sounds on until it.
    durations : sequence of numbers or str, optional
        In quarters, from the start of the bars and again and again to their end; a negative
        one is a rest. Either `onsets` or `durations` is given.
    bars : int, pair of int, or None
    weight : float
        Log-weight of each step that is not held though it should be, or the reverse.

    Notes
    -----
    In a grid of sounding pitches that a note is struck again on the same pitch is not seen in
    the symbols: `Onsets.must` says it to whoever decodes the grid.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080], pitch=[60, 62], duration=[10080, 30240]))
    >>> Rhythm(0, durations=[1, 3]).violations(score)
    []
    >>> Rhythm(0, durations=[4]).violations(score)[0]
    'Rhythm(voice=0, durations=[4]): a note too many at bar 1 beat 2 (voice 0)'
    """

    voice: Voice = field(metadata=asks(VOICE))
    onsets: Any = field(default=None, metadata=asks(_ONSETS))
    durations: Any = field(default=None, metadata=asks(_DURATIONS))
    bars: Any = field(default=None, metadata=asks(BARS))

    alternatives = ("onsets", "durations")

    def _check(self, given: Mapping[str, Any]) -> None:
        if self.durations is not None and (not self.durations or 0 in self.durations):
            raise ConstraintError("durations: expected at least one, and none of 0")
        beats = self.onsets
        if beats is not None and (not beats or list(beats) != sorted({*beats})):
            raise ConstraintError("onsets: expected at least one beat, in rising order")

    def _events(self, page: Score) -> list[tuple[int, bool]]:
        """List the ticks at which something starts, and whether it is a note."""
        start, stop = bar_span(page, self.bars)
        if self.onsets is not None:
            return [(tick, True) for tick in self._beats(page)]
        events: list[tuple[int, bool]] = []
        tick = start
        while tick < stop:
            length = self.durations[len(events) % len(self.durations)]
            events.append((tick, length > 0))
            tick += ticks_of(abs(length))
        return events

    def _beats(self, page: Score) -> Iterable[int]:
        for start, _ in bar_spans(page, self.bars):
            for beat in self.onsets:
                try:
                    yield tick_at(page, page.where(start).bar, beat)
                except ConstraintError:
                    if start > 0 or not page.pickup:
                        raise

    def _steps(self, frame: GridFrame) -> tuple[np.ndarray[Any, Any], ...]:
        """Mark the steps where notes start, where nothing starts, and where a rest is."""
        start, stop = bar_span(frame.page, self.bars)
        must, never, rests = np.zeros((3, frame.n_steps), bool)
        never[frame.steps(start, stop - start)] = True
        events = self._events(frame.page)
        for (tick, is_note), end in zip(events, [*(t for t, _ in events[1:]), stop], strict=True):
            first, last = step_at(frame, tick), step_at(frame, end)
            never[first] = False
            must[first] = is_note
            if not is_note:
                rests[first:last], never[first:last] = True, False
        return must, never, rests

    def ask_onsets(self, frame: GridFrame) -> Onsets:
        """Return where notes must start and where none may."""
        asked = Onsets.free(frame)
        line = line_of(frame, self.voice).index
        asked.must[:, line], asked.never[:, line], _ = self._steps(frame)
        stop = bar_span(frame.page, self.bars)[1]
        if self.durations is not None and stop < frame.page.end:
            asked.must[step_at(frame, stop), line] = True
        return asked

    def factors(self, frame: GridFrame, onsets: Onsets) -> Factors:
        """Return what it asks of the symbols."""
        line = line_of(frame, self.voice)
        must, never, rests = self._steps(frame)
        log_weight = weigh(must, line.pitch == REST, self.weight)
        log_weight += weigh(rests, line.pitch >= 0, self.weight)
        total = sounding(frame, line, log_weight)
        if not self.hard:
            total &= on_line(frame, line, weigh(must, line.pitch == HOLD, self.weight))
            total &= hold_steps(frame, line, never, self.weight)
        return total

    def _broken(self, score: Score) -> list[str]:
        start, stop = bar_span(score, self.bars)
        name, notes = notes_of(score, self.voice)
        events = self._events(score)
        wanted = {tick for tick, is_note in events if is_note}
        here = {note.onset for note in notes if start <= note.onset < stop}
        ends = {note.stop for note in notes if start < note.stop < stop}
        silences = {tick for tick, is_note in events if not is_note}
        held = {stop} if self.durations else set()
        wrong = [
            ("no note", wanted - here),
            ("a note too many", here - wanted),
            ("an end", ends - {tick for tick, _ in events}),
            ("no end", {t for t in held if any(n.onset < t < n.stop for n in notes)}),
            ("no rest", {t for t in silences if any(n.onset <= t < n.stop for n in notes)}),
        ]
        return [
            f"{what} at {place(score, tick, name)}" for what, at in wrong for tick in sorted(at)
        ]


@dataclass(frozen=True)
class Density(Constraint):
    """How many notes start in each bar.

    Parameters
    ----------
    voice : str or int
    minimum : int
    maximum : int, optional
    bars : int, pair of int, or None
    weight : float
        Log-weight of each bar with fewer or more.

    Notes
    -----
    In a grid of sounding pitches a note starts where the pitch changes, or where a hard
    constraint says so; in the bars of a hard `Density` nowhere else (`Onsets.changes`).

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080], pitch=[60, 62]))
    >>> Density(0, 1, 1).violations(score)
    ['Density(voice=0, minimum=1, maximum=1): 2 notes in bar 1 (voice 0)']
    """

    voice: Voice = field(metadata=asks(VOICE))
    minimum: int = field(default=0, metadata=asks(whole("minimum", 0)))
    maximum: int | None = field(default=None, metadata=asks(optional(whole("maximum", 0))))
    bars: Any = field(default=None, metadata=asks(BARS))

    def _check(self, given: Mapping[str, Any]) -> None:
        if self.maximum is not None and self.minimum > self.maximum:
            raise ConstraintError(f"minimum {self.minimum} is above maximum {self.maximum}")

    def _inside(self, frame: GridFrame) -> np.ndarray[Any, Any]:
        return np.isin(frame.bar, list(bar_places(frame.page, self.bars)))

    def ask_onsets(self, frame: GridFrame) -> Onsets:
        """Return where notes may only start with a change of pitch."""
        asked = Onsets.free(frame)
        asked.changes[self._inside(frame), line_of(frame, self.voice).index] = True
        return asked

    def reads_onsets(self, frame: GridFrame) -> int | None:
        """Return its voice, where repeated notes count only if they are asked for."""
        return line_of(frame, self.voice).index

    def factors(self, frame: GridFrame, onsets: Onsets) -> Factors:
        """Return what it asks of the symbols."""
        line = line_of(frame, self.voice)
        inside = self._inside(frame)
        closes = inside & np.append(np.diff(frame.bar) > 0, True)
        kind = inside + 2 * onsets.must[:, line.index] + 4 * closes
        most = self.minimum if self.maximum is None else self.maximum + 1
        hold, pitched = line.hold, line.pitch >= 0

        def rule(k: int, state: tuple[int, int], symbol: int) -> tuple[tuple[int, int], float]:
            before, n = state
            if hold >= 0:
                after, struck = _SILENT, pitched[symbol]
            else:
                after, struck = symbol, pitched[symbol] and (symbol != before or bool(k & 2))
            n = min(n + bool(k & 1 and struck), most)
            if self.maximum is not None and n > self.maximum and self.hard:
                return state, self.weight
            broken = n < self.minimum or (self.maximum is not None and n > self.maximum)
            if k & 4:
                return (after, 0), self.weight if broken else 0.0
            return (after, n), 0.0

        automaton = Automaton.from_rule(rule, kind, len(line.pitch), (_SILENT, 0))
        return with_automaton(frame, line, automaton)

    def _broken(self, score: Score) -> list[str]:
        name, notes = notes_of(score, self.voice)
        found = []
        for start, stop in bar_spans(score, self.bars):
            n = sum(start <= note.onset < stop for note in notes)
            if n < self.minimum or (self.maximum is not None and n > self.maximum):
                found.append(f"{n} notes in bar {score.where(start).bar} ({name})")
        return found


@dataclass(frozen=True)
class NoRepeat(Constraint):
    """At most n notes in a row on one pitch; a rest between them starts anew.

    Parameters
    ----------
    voice : str or int
    n : int
    weight : float
        Log-weight of each note too many.

    Notes
    -----
    In a grid of sounding pitches a note starts where the pitch changes, or where a hard
    constraint says so; under a hard `NoRepeat` nowhere else (`Onsets.changes`).

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080], pitch=[60, 60]))
    >>> NoRepeat(0).violations(score), NoRepeat(0, 2).violations(score)
    (['NoRepeat(voice=0): C4 again at bar 1 beat 2 (voice 0)'], [])
    """

    voice: Voice = field(metadata=asks(VOICE))
    n: int = field(default=1, metadata=asks(whole("n", 1)))

    def ask_onsets(self, frame: GridFrame) -> Onsets:
        """Return where notes may only start with a change of pitch."""
        asked = Onsets.free(frame)
        asked.changes[:, line_of(frame, self.voice).index] = True
        return asked

    def reads_onsets(self, frame: GridFrame) -> int | None:
        """Return its voice, where repeated notes count only if they are asked for."""
        return line_of(frame, self.voice).index

    def factors(self, frame: GridFrame, onsets: Onsets) -> Factors:
        """Return what it asks of the symbols."""
        line = line_of(frame, self.voice)
        must = onsets.must[:, line.index]
        hold, pitched = line.hold, line.pitch >= 0

        def rule(k: int, state: tuple[int, int], symbol: int) -> tuple[tuple[int, int], float]:
            before, n = state
            if symbol == hold:
                return state, 0.0
            if not pitched[symbol] or symbol != before:
                return (symbol, 1), 0.0
            if hold < 0 and not k:
                return state, 0.0
            return (symbol, min(n + 1, self.n)), 0.0 if n < self.n else self.weight

        if hold < 0 and not must.any():
            return Factors.free(frame.n_steps, frame.n_symbols)
        kind = must.astype(np.int64)
        automaton = Automaton.from_rule(rule, kind, len(line.pitch), (_SILENT, 0))
        return with_automaton(frame, line, automaton)

    def _broken(self, score: Score) -> list[str]:
        name, notes = notes_of(score, self.voice)
        found, n = [], 1
        for before, after in pairwise(notes):
            again = after.pitch == before.pitch and after.onset == before.stop
            n = n + 1 if again else 1
            if n > self.n:
                where = place(score, after.onset, name)
                found.append(f"{pitch_text(after.pitch)} again at {where}")
        return found
