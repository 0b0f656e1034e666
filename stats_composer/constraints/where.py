"""Bars, beats, voices and pitches as a musician writes them, looked up on a page.

Conventions
-----------
Bars count as printed: 1 is the first full bar, 0 a pickup, -1 the last. Beats count from 1 in
units of the metre's denominator; a fraction is a number (2.5) or a text ("7/3"). In a pickup
the beats are those of the full bar that it ends. A run of bars is a pair of its first and
last, both included, or one bar, or None for all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.constraints.fields import Bars, Voice
from stats_composer.encoding import GridFrame
from stats_composer.errors import ConstraintError
from stats_composer.score import Score, bar_positions
from stats_composer.theory import TICKS_PER_QUARTER, pitch_name
from stats_composer.views import HOLD, REST

__all__ = [
    "HeardNote",
    "VoiceSymbols",
    "bar_and_beat",
    "bar_places",
    "bar_span",
    "beat_unit",
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


def bar_places(page: Score, bars: Bars) -> range:
    """Return the indices of printed bars."""
    if bars is None:
        return range(page.n_bars)
    first, last = bars if isinstance(bars, tuple) else (bars, bars)
    return range(_bar_index(page, first), _bar_index(page, last) + 1)


def _bar_index(page: Score, bar: int) -> int:
    index = bar + page.n_bars if bar < 0 else bar if page.pickup else bar - 1
    if not 0 <= index < page.n_bars:
        numbers = f"{page.bar_number(0)} to {page.bar_number(page.n_bars - 1)}"
        raise ConstraintError(f"bar {bar}: the piece has the bars {numbers}")
    return index


def bar_span(page: Score, bars: Bars) -> tuple[int, int]:
    """Return the ticks at which a run of bars starts and stops."""
    places = bar_places(page, bars)
    if not places:
        raise ConstraintError(f"bars {bars}: the last is before the first")
    stop = places[-1] + 1
    onsets = page.bars["onset"]
    return int(onsets[places[0]]), int(onsets[stop]) if stop < page.n_bars else page.end


def ticks_of(quarters: Fraction) -> int:
    """Return a duration in ticks."""
    ticks = quarters * TICKS_PER_QUARTER
    if ticks.denominator != 1:
        raise ConstraintError(f"{quarters} quarters: finer than 1/{TICKS_PER_QUARTER} of a quarter")
    return int(ticks)


def beat_unit(page: Score, tick: int) -> int:
    """Return the ticks of the metre's denominator at a place."""
    metre = page.mark_at("time_signatures", tick)
    return 4 * TICKS_PER_QUARTER // int(metre["denominator"])


def tick_at(page: Score, bar: int, beat: Fraction) -> int:
    """Return the tick of a beat of a printed bar."""
    start, stop = bar_span(page, bar)
    unit = beat_unit(page, start)
    empty = int(bar_positions(page, np.array([start]))[0])
    tick = start + (beat - 1) * unit - empty
    if not start <= tick < stop:
        first, last = 1 + Fraction(empty, unit), 1 + Fraction(empty + stop - start, unit)
        raise ConstraintError(
            f"beat {beat} of bar {bar}: expected {first} or more and less than {last}"
        )
    return ticks_of(Fraction(tick, TICKS_PER_QUARTER))


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
    bar = page.bar_at(tick)
    unit = beat_unit(page, tick)
    beat = 1 + int(bar_positions(page, np.array([tick]))[0]) / unit
    return f"bar {page.bar_number(bar)} beat {beat:g}" + (f" ({name})" if name else "")


def bar_and_beat(score: Score, tick: int) -> tuple[int, Fraction]:
    """Return the printed bar and the beat of a tick."""
    index = score.bar_at(tick)
    bar = score.bar_number(index)
    unit = beat_unit(score, tick)
    return bar, 1 + Fraction(int(bar_positions(score, np.array([tick]))[0]), unit)


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
