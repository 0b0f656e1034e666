"""Constraints on the compass and the key of voices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats_composer.constraints.base import Constraint, Onsets, sounding
from stats_composer.constraints.fields import BARS, KEY, PITCH, VOICE, VOICES, asks, optional, whole
from stats_composer.constraints.known import Known, phrase_place
from stats_composer.constraints.values import Bars, KeyText, Voice, pitch_text
from stats_composer.constraints.where import (
    VoiceSymbols,
    bar_span,
    chosen_lines,
    cut_notes,
    line_of,
    notes_of,
    place,
    score_lines,
)
from stats_composer.encoding import GridFrame
from stats_composer.errors import ConstraintError
from stats_composer.factors import Factors
from stats_composer.score import Score
from stats_composer.theory import MAJOR, MINOR, SCALES, UNKNOWN_MODE

__all__ = ["InKey", "Range", "key_at", "key_tones"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Range(Constraint):
    """The lowest and highest pitch of a voice; rests are free.

    Parameters
    ----------
    voice : str or int
    low, high : str or int
        Names or MIDI numbers, both included.
    bars : int, pair of int, or None
    weight : float
        Log-weight of each step outside.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080], pitch=[60, 59]))
    >>> Range(0, "C4", "A5").violations(score)
    ['Range(voice=0, low=C4, high=A5): B3 at bar 1 beat 2 (voice 0)']
    """

    voice: Voice = field(metadata=asks(VOICE))
    low: Any = field(metadata=asks(PITCH))
    high: Any = field(metadata=asks(PITCH))
    bars: Any = field(default=None, metadata=asks(BARS))

    def _check(self, given: Mapping[str, Any]) -> None:
        if self.low > self.high:
            raise ConstraintError(f"low {given['low']} is above high {given['high']}")

    def factors(self, frame: GridFrame, onsets: Onsets) -> Factors:
        """Return what it asks of the symbols."""
        line = line_of(frame, self.voice)
        outside = (line.pitch >= 0) & ((line.pitch < self.low) | (line.pitch > self.high))
        return _in_bars(frame, line, self.bars, np.where(outside, self.weight, 0.0))

    def _contradicted(self, known: Known) -> str:
        """Say which given note is outside."""
        found = [] if known.given is None else self._broken(known.given)
        return f"{found[0]} is given" if found else ""

    def _broken(self, score: Score) -> list[str]:
        name, notes = notes_of(score, self.voice)
        inside = cut_notes(notes, *bar_span(score, self.bars))
        return [
            f"{pitch_text(n.pitch)} at {place(score, n.onset, name)}"
            for n in inside
            if not self.low <= n.pitch <= self.high
        ]


@dataclass(frozen=True)
class InKey(Constraint):
    """Only tones of the key; in minor both the raised and the plain sixth and seventh.

    Parameters
    ----------
    bars : int, pair of int, or None
    voices : sequence of str or int, or None for all
    key : str, optional
        Such as `G major`, or a Roman numeral; the key in force on the page by default.
    phrase : int, optional
        From 1, instead of bars; -1 is the last.
    weight : float
        Log-weight of each step and voice outside.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080], pitch=[60, 61]))
    >>> InKey(key="C major").violations(score)
    ['InKey(key=C major): C#4 at bar 1 beat 2 (voice 0)']
    """

    bars: Any = field(default=None, metadata=asks(BARS))
    voices: Any = field(default=None, metadata=asks(VOICES))
    key: Any = field(default=None, metadata=asks(KEY))
    phrase: int | None = field(default=None, metadata=asks(optional(whole("phrase"))))

    def _check(self, given: Mapping[str, Any]) -> None:
        if self.phrase is not None and self.bars is not None:
            raise ConstraintError("expected either bars or phrase")

    def _span(self, page: Score) -> tuple[int, int]:
        if self.phrase is None:
            return bar_span(page, self.bars)
        start, _, stop = phrase_place(page, self.known, self.phrase)
        return start, stop

    def _tones(self, page: Score, tick: int) -> NDArray[np.bool_]:
        return key_tones(*key_at(page, tick, self.key, self.known))

    def factors(self, frame: GridFrame, onsets: Onsets) -> Factors:
        """Return what it asks of the symbols."""
        total = Factors.free(frame.n_steps, frame.n_symbols)
        start, stop = self._span(frame.page)
        region = frame.steps(start, stop - start)
        ticks = [max(start, t * frame.step) for t in range(region.start, region.stop)]
        tones = np.array([self._tones(frame.page, tick) for tick in ticks])
        for line in chosen_lines(frame, self.voices):
            log_weight = np.zeros((frame.n_steps, len(line.pitch)))
            outside = (line.pitch >= 0) & ~tones[:, line.pitch % 12]
            log_weight[region] = np.where(outside, self.weight, 0.0)
            total &= sounding(frame, line, log_weight)
        return total

    def _contradicted(self, known: Known) -> str:
        """Say which given note is outside."""
        found = [] if known.given is None else self._broken(known.given)
        return f"{found[0]} is given" if found else ""

    def _broken(self, score: Score) -> list[str]:
        span = self._span(score)
        lines = score_lines(score)
        if self.voices is not None:
            lines = [notes_of(score, voice) for voice in self.voices]
        changes = score.key_signatures["onset"].tolist()
        changes = changes if self.known is None else [tick for tick, _ in self.known.keys]
        changes = changes if self.key is None or self.key.counted else []
        cuts = sorted({span[0], *(tick for tick in changes if span[0] < tick < span[1]), span[1]})
        found = []
        for i, (name, notes) in enumerate(lines):
            for start, stop in pairwise(cuts):
                tones = self._tones(score, start)
                for n in cut_notes(notes, start, stop):
                    if not tones[n.pitch % 12]:
                        where = place(score, n.onset, name or f"voice {i}")
                        found.append(f"{pitch_text(n.pitch)} at {where}")
        return found


# ---- keys ---------------------------------------------------------------------------------


def key_at(
    page: Score, tick: int, key: KeyText | None = None, known: Known | None = None
) -> tuple[int, int]:
    """Return the tonic's fifths and the mode of a named key, or of the one in force."""
    if key is not None and not key.counted:
        return key.key((0, MAJOR))
    home = known.key_at(tick) if known is not None else None
    if home is None:
        mark = page.mark_at("key_signatures", tick)
        if mark is None:
            raise ConstraintError(f"no key is set at {place(page, tick)}: name it with key")
        mode = int(mark["mode"])
        home = int(mark["fifths"]) + (3 if mode == MINOR else 0), mode
    return home if key is None else key.key(home)


def key_tones(tonic_fifths: int, mode: int) -> NDArray[np.bool_]:
    """Mark the pitch classes of a key, in minor with both sixths and sevenths.

    Of an unknown mode those of the major key of the signature and of its relative minor.
    """
    scale = {*SCALES["major"]}
    if mode == MINOR:
        scale = {*SCALES["minor"], *SCALES["melodic minor"]}
    elif mode == UNKNOWN_MODE:
        scale |= {(9 + interval) % 12 for interval in SCALES["melodic minor"]}
    tones = np.zeros(12, bool)
    tones[[(7 * tonic_fifths + interval) % 12 for interval in scale]] = True
    return tones


def _in_bars(frame: GridFrame, line: VoiceSymbols, bars: Bars, log_weight: Floats) -> Factors:
    """Weigh the symbols of a voice in some bars."""
    start, stop = bar_span(frame.page, bars)
    table = np.zeros((frame.n_steps, len(line.pitch)))
    table[frame.steps(start, stop - start)] = log_weight
    return sounding(frame, line, table)
