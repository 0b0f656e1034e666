"""From the codes of a tune to its page: bars with repeats and endings, ornaments, lilt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.folk.tune import HOLD, Kind
from stats_composer.score import (
    BAR_DTYPE,
    KEY_SIGNATURE_DTYPE,
    NOTE_DTYPE,
    REPEAT_END,
    REPEAT_START,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    make_table,
    natural_fifths,
)
from stats_composer.theory import MAJOR, MINOR, MODES, TICKS_PER_QUARTER, UNKNOWN_MODE, fifths_name

__all__ = ["FIDDLE", "Bar", "blank_tune", "notes_table", "written_bars", "written_notes"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FIDDLE = Part("Melody", 40)
VELOCITY = 80


@dataclass(frozen=True, eq=False)
class Bar:
    """A written bar: its codes, repeat signs and the number of its ending."""

    codes: Ints
    repeat: int = 0
    ending: int = 0


def written_bars(parts: Sequence[Ints], endings: Sequence[Ints | None]) -> list[Bar]:
    """List the bars of parts that are each played twice.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n_bars, n_steps), codes
        As played the second time.
    endings : sequence of ndarray of shape (n_steps,) or None
        The last bar of each as played the first time, where it is another.
    """
    bars = []
    for part, ending in zip(parts, endings, strict=True):
        flags = [0] * len(part)
        flags[0] |= REPEAT_START
        if ending is None:
            flags[-1] |= REPEAT_END
            bars += [Bar(*row) for row in zip(part, flags, strict=True)]
            continue
        bars += [Bar(*row) for row in zip(part[:-1], flags[:-1], strict=True)]
        bars.append(Bar(ending, flags[-1] & REPEAT_START | REPEAT_END, 1))
        bars.append(Bar(part[-1], 0, 2))
    return bars


def blank_tune(
    kind: Kind, key: tuple[int, str], pickup: int, bars: Sequence[Bar], tempo: float
) -> Score:
    """Prepare the page of a tune.

    Parameters
    ----------
    kind : Kind
    key : (tonic fifths, mode of `MODES`)
    pickup : int
        Steps of the upbeat.
    bars : sequence of Bar
    tempo : float
        Quarters a minute.
    """
    tonic, mode = key
    known = {"major": MAJOR, "minor": MINOR}.get(mode, UNKNOWN_MODE)
    start, full = pickup * kind.step, kind.n_steps * kind.step
    rows = [(start + i * full, bar.repeat, bar.ending) for i, bar in enumerate(bars)]
    rows = [(0, 0, 0), *rows] if pickup else rows
    named = fifths_name(tonic) + (f" {mode}" if mode != "major" else "")
    return Score(
        np.zeros(0, NOTE_DTYPE),
        bars=make_table(BAR_DTYPE, rows),
        time_signatures=make_table(TIME_SIGNATURE_DTYPE, [(0, *kind.metre)]),
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(0, tonic - MODES[mode], known)]),
        tempos=make_table(TEMPO_DTYPE, [(0, tempo)]),
        parts=(FIDDLE,),
        title=f"{kind.name.capitalize()} in {named}",
        composer="stats_composer",
        rhythm=kind.name,
        end=start + len(bars) * full,
    )


def written_notes(
    kind: Kind, line: Ints, pickup: int, turns: Sequence[Ints], pitch: Callable[[int], int]
) -> list[tuple[int, int, int]]:
    """List the notes of a line of steps, with ornaments and lilt.

    Parameters
    ----------
    kind : Kind
        Whose pairs of steps are written long-short if it is swung and they have no ornament.
    line : ndarray of shape (n_steps,), int64
        Codes, the upbeat first.
    pickup : int
    turns : sequence of ndarray
        For each step the codes that follow its own within an ornament, or nothing.
    pitch : callable (code) -> MIDI pitch

    Returns
    -------
    list of (onset, duration, pitch), ticks
    """
    at = np.flatnonzero(line != HOLD)
    begins: list[tuple[int, int]] = []
    struck = set(at.tolist())
    for here, after in zip(at.tolist(), [*at[1:].tolist(), len(line)], strict=True):
        more = turns[here] if len(turns) else ()
        length = 2 * kind.step if len(more) == 2 else kind.step
        second = kind.swung and here - 1 in struck and (here - pickup) % 2 == 1
        late = second and not any(map(len, turns[here - 1 : here + 1]))
        onset = here * kind.step + (TICKS_PER_QUARTER // 4 if late else 0)
        begins.append((onset, int(line[here])))
        if after - here < length // kind.step:
            continue
        for i, code in enumerate(more, 1):
            begins.append((onset + i * length // (len(more) + 1), int(code)))
    ends = [onset for onset, _ in begins[1:]] + [len(line) * kind.step]
    return [(o, end - o, pitch(code)) for (o, code), end in zip(begins, ends, strict=True)]


def notes_table(rows: Sequence[tuple[int, int, int]], page: Score) -> NDArray[np.void]:
    """Build the notes of a melody, spelled near the page's key."""
    table = make_table(NOTE_DTYPE, [(*row, 0, 0, 0, VELOCITY, False) for row in rows])
    table["fifths"] = natural_fifths(table["pitch"], int(page.key_signatures["fifths"][0]))
    return table
