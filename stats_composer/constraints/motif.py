"""The constraint that a motif is sung."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stats_composer.constraints.base import Constraint, Onsets, with_automaton
from stats_composer.constraints.fields import BARS, PITCH, VOICE, asks, listed, whole
from stats_composer.constraints.values import Voice, pitch_text
from stats_composer.constraints.where import (
    HeardNote,
    VoiceSymbols,
    bar_span,
    cut_notes,
    line_of,
    notes_of,
)
from stats_composer.encoding import GridFrame
from stats_composer.errors import ConstraintError
from stats_composer.factors import Automaton, Factors
from stats_composer.score import Score

__all__ = ["Contains"]

_SILENT = -1


_PITCHES = listed(PITCH, "pitches", least=1, none=True)
_INTERVALS = listed(whole("interval"), "intervals", least=1, none=True)


@dataclass(frozen=True)
class Contains(Constraint):
    """A motif that the voice must sing somewhere.

    Repetitions of a pitch are not counted: a motif says how the line moves. A rest breaks it.

    Parameters
    ----------
    voice : str or int
    pitches : sequence of str or int, optional
        Names or MIDI numbers.
    intervals : sequence of int, optional
        Semitones from each pitch to the next, from any pitch. Either `pitches` or `intervals`
        is given.
    bars : int, pair of int, or None
        Where it must begin and end.
    weight : float
        Log-weight of not singing it.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080, 20160], pitch=[60, 62, 64]))
    >>> Contains(0, ["D4", "E4"]).violations(score)
    []
    >>> Contains(0, intervals=[-2]).violations(score)
    ['Contains(voice=0, intervals=[-2]): not in voice 0']
    """

    voice: Voice = field(metadata=asks(VOICE))
    pitches: Any = field(default=None, metadata=asks(_PITCHES))
    intervals: Any = field(default=None, metadata=asks(_INTERVALS))
    bars: Any = field(default=None, metadata=asks(BARS))

    alternatives = ("pitches", "intervals")

    def _check(self, given: Mapping[str, Any]) -> None:
        moves = np.array(self.intervals) if self.pitches is None else np.diff(self.pitches)
        if not self._motif or (moves == 0).any():
            raise ConstraintError("motif: expected at least one, and no pitch twice in a row")

    def factors(self, frame: GridFrame, onsets: Onsets) -> Factors:
        """Return what it asks of the symbols."""
        line = line_of(frame, self.voice)
        start, stop = bar_span(frame.page, self.bars)
        kind = np.zeros(frame.n_steps, np.int64)
        kind[frame.steps(start, stop - start)] = 1
        sung = (_SILENT, len(self._motif))

        def rule(k: int, state: tuple[int, int], symbol: int) -> tuple[tuple[int, int], float]:
            if state == sung:
                return sung, 0.0
            last, matched = state
            pitch = last if symbol == line.hold else int(line.pitch[symbol])
            if not k:  # Outside only a pitch that may be held into the bars matters.
                return (pitch if line.hold >= 0 else _SILENT, -1), 0.0
            after = self._read((_SILENT, 0) if matched < 0 else state, pitch)
            return (sung if after[1] == sung[1] else after), 0.0

        def final(state: tuple[int, int]) -> float:
            return 0.0 if state == sung else self.weight

        automaton = Automaton.from_rule(rule, kind, len(line.pitch), (_SILENT, -1), final)
        if self.pitches is not None:
            self._check_pitches(line)
        return with_automaton(frame, line, automaton)

    @property
    def _motif(self) -> tuple[int, ...]:
        motif: tuple[int, ...] = self.intervals if self.pitches is None else self.pitches
        return motif

    def _read(self, state: tuple[int, int], pitch: int) -> tuple[int, int]:
        """Return the last pitch and how much of the motif ends there, after one more step."""
        last, matched = state
        if pitch < 0:
            return _SILENT, 0
        if pitch == last:
            return state
        if self.pitches is not None:
            matched = _advance(self.pitches, matched, pitch)
            return (pitch, matched) if matched else (_SILENT, 0)
        if last == _SILENT:
            return pitch, 0
        return pitch, _advance(self.intervals, matched, pitch - last)

    def _check_pitches(self, line: VoiceSymbols) -> None:
        for pitch in self.pitches:
            if pitch not in line.pitch:
                raise ConstraintError(
                    f"{line.name} has no {pitch_text(pitch)}: its range is {line.compass}"
                )

    def _broken(self, score: Score) -> list[str]:
        name, notes = notes_of(score, self.voice)
        inside = cut_notes(notes, *bar_span(score, self.bars))
        motif = list(self._motif)
        for run in _unbroken(inside):
            items = run if self.pitches is not None else np.diff(run).tolist()
            if any(items[i : i + len(motif)] == motif for i in range(len(items))):
                return []
        return [f"not in {name}"]


def _advance(motif: tuple[int, ...], matched: int, item: int) -> int:
    """Return how long a beginning of the motif ends with one more item."""
    read = (*motif[:matched], item)
    return next(n for n in range(len(read), -1, -1) if read[len(read) - n :] == motif[:n])


def _unbroken(notes: list[HeardNote]) -> list[list[int]]:
    """Return the pitches of runs of notes without a rest, repetitions left out."""
    runs: list[list[int]] = []
    stop = -1
    for note in notes:
        if note.onset != stop:
            runs.append([])
        if not runs[-1] or runs[-1][-1] != note.pitch:
            runs[-1].append(note.pitch)
        stop = note.stop
    return runs
