"""Bars, beats, voices and pitches as a musician writes them, looked up on a page.

Conventions
-----------
Bars and beats are those of `Score.where`: bars count as printed, 1 is the first full bar, 0 a
pickup, -1 the last, and a divided bar is one; a beat's fraction is a number (2.5) or a text
("7/3"). A run of bars is a pair of its first and last, both included, or one bar, or None for
all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.constraints.values import Bars, Voice
from stats_composer.encoding import GridFrame
from stats_composer.errors import ConstraintError, ScoreError
from stats_composer.score import Score
from stats_composer.theory import TICKS_PER_QUARTER, pitch_name
from stats_composer.views import HOLD, REST

__all__ = [
    "HeardNote",
    "VoiceSymbols",
    "bar_places",
    "bar_span",
    "bar_spans",
    "chosen_lines",
    "cut_notes",
    "line_of",
    "notes_of",
    "place",
    "score_lines",
    "step_at",
    "tick_at",
    "ticks_of",
]

Ints = NDArray[np.int64]

_CHOIR = ("soprano", "alto", "tenor", "bass")


@dataclass(frozen=True, eq=False)
class VoiceSymbols:
    """A voice of notes in a frame; `pitch` is what sounds at each symbol, or REST or HOLD."""

    index: int
    name: str
    pitch: Ints

    @property
    def rest(self) -> int:
        """The symbol of a rest, or -1."""
        return _find(self.pitch, REST)

    @property
    def hold(self) -> int:
        """The symbol of a held note, or -1."""
        return _find(self.pitch, HOLD)

    @property
    def compass(self) -> str:
        """The alphabet's range in words."""
        pitches = self.pitch[self.pitch >= 0]
        return f"{pitch_name(int(pitches[0]))} to {pitch_name(int(pitches[-1]))}"


class HeardNote(NamedTuple):
    """A note of a finished score, in ticks; notes that a tie continues are one."""

    onset: int
    stop: int
    pitch: int


def _find(pitch: Ints, entry: int) -> int:
    found = np.flatnonzero(pitch == entry)
    return int(found[0]) if len(found) else -1


# ---- places -------------------------------------------------------------------------------


def bar_places(page: Score, bars: Bars) -> list[int]:
    """Return the indices of printed bars, each where it begins."""
    first, last = _outer(page, bars)
    begins = np.flatnonzero(page.bar_offsets[first : last + 1] == 0) + first
    return sorted({first, *begins.tolist()})


def bar_spans(page: Score, bars: Bars) -> list[tuple[int, int]]:
    """Return the ticks at which each of some printed bars starts and stops."""
    numbers = page.bar_numbers
    return [page.bar_span(numbers[index]) for index in bar_places(page, bars)]


def bar_span(page: Score, bars: Bars) -> tuple[int, int]:
    """Return the ticks at which a run of bars starts and stops."""
    if bars is None:
        return 0, page.end
    first, last = _outer(page, bars)
    if last < first:
        raise ConstraintError(f"bars {bars}: the last is before the first")
    numbers = page.bar_numbers
    return page.bar_span(numbers[first])[0], page.bar_span(numbers[last])[1]


def _outer(page: Score, bars: Bars) -> tuple[int, int]:
    """Return the indices of the first and the last of some printed bars."""
    if bars is None:
        return 0, page.n_bars - 1
    first, last = bars if isinstance(bars, tuple) else (bars, bars)
    try:
        return page.bar_index(first), page.bar_index(last)
    except ScoreError as error:
        raise ConstraintError(str(error)) from None


def ticks_of(quarters: Fraction) -> int:
    """Return a duration in ticks."""
    ticks = quarters * TICKS_PER_QUARTER
    if ticks.denominator != 1:
        raise ConstraintError(f"{quarters} quarters: finer than 1/{TICKS_PER_QUARTER} of a quarter")
    return int(ticks)


def tick_at(page: Score, bar: int | str, beat: Fraction) -> int:
    """Return the tick of a beat of a printed bar."""
    try:
        return page.tick(bar, beat)
    except ScoreError as error:
        raise ConstraintError(str(error)) from None


def step_at(frame: GridFrame, tick: int) -> int:
    """Return the step that starts at a tick.

    Raises
    ------
    ConstraintError
        Where it falls between two steps.
    """
    if tick % frame.step and tick != frame.page.end:
        quarters = Fraction(frame.step, TICKS_PER_QUARTER)
        raise ConstraintError(
            f"{place(frame.page, tick)} falls between the steps of {quarters} quarter notes"
        )
    return -(-tick // frame.step)


def place(page: Score, tick: int, name: str = "") -> str:
    """Say where a tick is, as `bar 3 beat 2 (alto)`."""
    return f"{page.where(tick)}" + (f" ({name})" if name else "")


# ---- voices -------------------------------------------------------------------------------


def line_of(frame: GridFrame, voice: Voice) -> VoiceSymbols:
    """Find a voice of notes in a frame, by its name or index."""
    names = [alphabet.name.lower() for alphabet in frame.alphabets[: frame.n_lines]]
    index = _index(names, voice)
    entries = frame.alphabets[index].entries
    pitch = np.where(entries >= 0, entries + frame.shift, entries)
    return VoiceSymbols(index, names[index] or f"voice {index}", pitch)


def chosen_lines(frame: GridFrame, voices: tuple[Voice, ...] | None = None) -> list[VoiceSymbols]:
    """Find some voices of notes; None is all."""
    return [line_of(frame, voice) for voice in (range(frame.n_lines) if voices is None else voices)]


def _index(names: list[str], voice: Voice) -> int:
    if isinstance(voice, int) and voice < len(names):
        return voice
    if isinstance(voice, str) and names.count(voice) == 1:
        return names.index(voice)
    known = [name for name in names if name]
    numbers = f"0 to {len(names) - 1}"
    expected = f"one of {', '.join(known)}, or {numbers}" if known else numbers
    raise ConstraintError(f"voice {voice!r}: expected {expected}")


def score_lines(score: Score) -> list[tuple[str, list[HeardNote]]]:
    """List the voices of a finished score, top to bottom, each with its notes.

    A part of one voice has the part's name; four voices without names are a choir.
    """
    lines = []
    for part in range(score.n_parts):
        table = score.notes[score.notes["part"] == part]
        voices = sorted({int(voice) for voice in table["voice"]}) or [0]
        name = score.parts[part].name.lower() if len(voices) == 1 else ""
        lines += [(name, _merge(table[table["voice"] == voice])) for voice in voices]
    if len(lines) == len(_CHOIR) and not {*_CHOIR} & {name for name, _ in lines}:
        lines = [(name, notes) for name, (_, notes) in zip(_CHOIR, lines, strict=True)]
    return lines


def _merge(table: NDArray[np.void]) -> list[HeardNote]:
    notes: list[HeardNote] = []
    columns = (table[name].tolist() for name in ("onset", "duration", "pitch", "tied"))
    for onset, duration, pitch, tied in zip(*columns, strict=True):
        stop = onset + duration
        before = notes[-1] if notes else None
        if tied and before and before.stop == onset and before.pitch == pitch:
            notes[-1] = HeardNote(before.onset, stop, pitch)
        else:
            notes.append(HeardNote(onset, stop, pitch))
    return notes


def notes_of(score: Score, voice: Voice) -> tuple[str, list[HeardNote]]:
    """Return the name and the notes of a voice of a finished score."""
    lines = score_lines(score)
    index = _index([name for name, _ in lines], voice)
    name, notes = lines[index]
    return name or f"voice {index}", notes


def cut_notes(notes: Iterable[HeardNote], start: int, stop: int) -> list[HeardNote]:
    """Return the notes that sound in a span of ticks, cut at its ends."""
    return [
        HeardNote(max(n.onset, start), min(n.stop, stop), n.pitch)
        for n in notes
        if n.onset < stop and n.stop > start
    ]
