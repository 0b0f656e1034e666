"""Views: a score as arrays, and arrays as a score.

Conventions
-----------
A view is a pure function. A grid has one row a step of `step` ticks and one column a voice,
top to bottom in the order of parts; it holds the pitch that sounds when the step begins, or
`REST`, and beside it whether that note was struck since the step before. What a view cannot
hold is named in a `ScoreWarning`, never dropped in silence.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import ScoreError, ScoreWarning
from stats_composer.score import NOTE_DTYPE, Score, make_table, natural_fifths, respell

__all__ = [
    "HOLD",
    "REST",
    "from_grid",
    "grid",
    "line",
]

REST = -1
HOLD = -2


Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Voices = Sequence[tuple[int, int]]


def line(score: Score, part: int, voice: int) -> NDArray[np.void]:
    """Take the notes of one voice, one at a time: the top note of each chord.

    Parameters
    ----------
    score : Score
    part, voice : int

    Returns
    -------
    ndarray of NOTE_DTYPE
        With rising onsets; a note that still sounds when the next one starts ends there.

    Warns
    -----
    ScoreWarning
        With the number and the first place of notes left out or cut short.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> tune = Score(make_notes(onset=[0, 10080], pitch=[60, 64]))
    >>> line(tune, 0, 0)["pitch"].tolist()
    [60, 64]
    """
    chords = score.notes[(score.notes["part"] == part) & (score.notes["voice"] == voice)]
    onset = chords["onset"]
    top = np.append(onset[1:] != onset[:-1], True)[: len(chords)]
    if not top.all():
        place = score.place(chords[np.argmin(top)])
        _warn(f"{np.sum(~top)} notes under the top of a chord are left out, first at {place}")
    notes: NDArray[np.void] = chords[top].copy()
    room = np.diff(notes["onset"])
    over = notes["duration"][:-1] > room
    if over.any():
        place = score.place(notes[np.argmax(over)])
        _warn(f"{np.sum(over)} notes are cut where the next one starts, first at {place}")
        notes["duration"][:-1] = np.minimum(notes["duration"][:-1], room)
    return notes


def grid(score: Score, step: int, voices: Voices | None = None) -> tuple[Ints, Flags]:
    """Sample the pitch that sounds in each voice at the start of every step.

    Parameters
    ----------
    score : Score
    step : int
        Ticks a row, such as `TICKS_PER_QUARTER // 4` for sixteenths.
    voices : sequence of (part, voice), optional
        The columns; by default all voices of the score, top to bottom in the order of parts.

    Returns
    -------
    pitch : ndarray of shape (n_steps, n_voices), int64, in [0, 127] or REST
    onset : ndarray of shape (n_steps, n_voices), bool
        True where the note that sounds was struck after the step before began.

    Raises
    ------
    ScoreError
        If a step is shorter than a tick.

    Warns
    -----
    ScoreWarning
        Where chords within a voice, or notes off the grid, are not held as written.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080, 20160], pitch=[60, 60, 64]), end=40320)
    >>> pitch, onset = grid(score, 10080)
    >>> pitch[:, 0].tolist(), onset[:, 0].tolist()
    ([60, 60, 64, -1], [True, True, True, False])
    """
    if step < 1:
        raise ScoreError(f"step {step}: expected 1 or more ticks")
    voices = score.voices if voices is None else voices
    n_steps = -(-score.end // step)
    pitch = np.full((n_steps, len(voices)), REST, np.int64)
    onset = np.zeros((n_steps, len(voices)), np.bool_)
    n_moved, n_lost = 0, 0
    place = ""
    for column, (part, voice) in enumerate(voices):
        notes = line(score, part, voice)
        end = notes["onset"] + notes["duration"]
        moved = (notes["onset"] % step != 0) | ((end % step != 0) & (end != score.end))
        first, last = -(-notes["onset"] // step), -(-end // step)
        kept = last > first
        if moved.any():
            place = place or score.place(notes[np.argmax(moved)])
            n_moved, n_lost = n_moved + int(moved.sum()), n_lost + int((~kept).sum())
        notes, first, length = notes[kept], first[kept], (last - first)[kept]
        rows = np.arange(length.sum()) + np.repeat(first - np.cumsum(length) + length, length)
        pitch[rows, column] = np.repeat(notes["pitch"], length)
        onset[first, column] = ~notes["tied"]
    if n_moved:
        _warn(
            f"{n_moved} notes do not lie on the grid of {step} ticks, first at {place}: "
            f"{n_lost} left out, the others moved to it"
        )
    return pitch, onset


def from_grid(
    pitch: Ints,
    onset: Flags,
    page: Score,
    step: int,
    *,
    voices: Voices | None = None,
    spelling: NDArray[np.integer] | None = None,
    velocity: int = 80,
) -> Score:
    """Write the notes of a grid on a page: the inverse of `grid`.

    Parameters
    ----------
    pitch : ndarray of shape (n_steps, n_voices), int, in [0, 127] or negative for a rest
    onset : ndarray of shape (n_steps, n_voices), bool
        A note starts where it is True, and wherever the pitch changes. One that sounds at
        step 0 without an onset is `tied`.
    page : Score
        What stays of it are its marks, parts, texts and end; its notes are replaced.
    step : int
        Ticks a row.
    voices : sequence of (part, voice), optional
        Where each column goes; by default each to voice 0 of a part of its own.
    spelling : ndarray of shape (n_steps, n_voices), int, optional
        Fifths of each pitch; by default the notes are spelled in the key in force.
    velocity : int

    Returns
    -------
    Score

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> page = Score(make_notes(onset=[0], duration=[20160], pitch=[60]))
    >>> pitch, onset = grid(page, 10080)
    >>> from_grid(pitch, onset, page, 10080) == page
    True
    """
    pitch = np.asarray(pitch, np.int64)
    if voices is None:
        voices = [(column, 0) for column in range(pitch.shape[1])]
    given = spelling is not None
    spelling = spelling if spelling is not None else natural_fifths(pitch)
    change = np.ones(pitch.shape, np.bool_)
    change[1:] = pitch[1:] != pitch[:-1]
    tables = []
    for column, (part, voice) in enumerate(voices):
        sounding = pitch[:, column] >= 0
        struck = np.asarray(onset)[:, column] & sounding
        starts = np.flatnonzero(change[:, column] | struck)
        stops = np.minimum(np.append(starts[1:], len(pitch)) * step, page.end)
        starts, stops = starts[sounding[starts]], stops[sounding[starts]]
        columns = {
            "onset": starts * step,
            "duration": stops - starts * step,
            "pitch": pitch[starts, column],
            "fifths": spelling[starts, column],
            "tied": (starts == 0) & ~struck[starts],
        }
        voiced = {"part": part, "voice": voice, "velocity": velocity}
        tables.append(make_table(NOTE_DTYPE, **columns, **voiced))
    notes = np.concatenate([np.zeros(0, NOTE_DTYPE), *tables])
    score = page.replace(notes=notes)
    return score if given else respell(score)


def _warn(message: str) -> None:
    warnings.warn(message, ScoreWarning, stacklevel=3)
