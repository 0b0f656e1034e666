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
from stats_composer.score import NOTE_DTYPE, Score, beat_levels, make_table, respell
from stats_composer.theory import MAJOR, spell

__all__ = [
    "EVENT_DTYPE",
    "HOLD",
    "REST",
    "SLICE_DTYPE",
    "events",
    "from_events",
    "from_grid",
    "from_pianoroll",
    "grid",
    "line",
    "pianoroll",
    "slices",
]

REST = -1
HOLD = -2

EVENT_DTYPE = np.dtype(
    [
        ("part", np.int16),
        ("voice", np.int16),
        ("onset", np.int64),
        ("shift", np.int64),
        ("duration", np.int64),
        ("pitch", np.int16),
        ("fifths", np.int8),
        ("velocity", np.uint8),
        ("tied", np.bool_),
    ]
)
SLICE_DTYPE = np.dtype(
    [
        ("onset", np.int64),
        ("duration", np.int64),
        ("bass", np.int16),
        ("level", np.int8),
        ("sounding", np.bool_, 128),
        ("struck", np.bool_, 128),
    ]
)

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
    """
    pitch = np.asarray(pitch, np.int64)
    if voices is None:
        voices = [(column, 0) for column in range(pitch.shape[1])]
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
            "fifths": 0 if spelling is None else spelling[starts, column],
            "tied": (starts == 0) & ~struck[starts],
        }
        voiced = {"part": part, "voice": voice, "velocity": velocity}
        tables.append(make_table(NOTE_DTYPE, **columns, **voiced))
    notes = np.concatenate([np.zeros(0, NOTE_DTYPE), *tables])
    score = page.replace(notes=_spelled_as_is(notes) if spelling is None else notes)
    return respell(score) if spelling is None else score


def events(score: Score) -> NDArray[np.void]:
    """List the notes voice by voice, each with the time since the one before.

    Parameters
    ----------
    score : Score

    Returns
    -------
    ndarray of EVENT_DTYPE
        Sorted by part, voice, onset and pitch. `shift` is the ticks from the onset before in
        the same voice, from tick 0 for its first note, and 0 within a chord.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080, 30240], pitch=[60, 62, 64]))
    >>> events(score)["shift"].tolist()
    [0, 10080, 20160]
    """
    notes = score.notes[np.lexsort([score.notes[k] for k in ("pitch", "onset", "voice", "part")])]
    names = [name for name in EVENT_DTYPE.names or () if name != "shift"]
    table = make_table(EVENT_DTYPE, **{name: notes[name] for name in names})
    shift = np.diff(notes["onset"], prepend=0)
    first = np.ones(len(notes), np.bool_)
    first[1:] = (notes["part"][1:] != notes["part"][:-1]) | (
        notes["voice"][1:] != notes["voice"][:-1]
    )
    table["shift"] = np.where(first, notes["onset"], shift)
    return table


def from_events(table: NDArray[np.void], page: Score) -> Score:
    """Write events on a page: the inverse of `events`.

    Parameters
    ----------
    table : ndarray of EVENT_DTYPE
        In the order of `events`; onsets are taken from `shift`, so that a sequence of shifts
        and durations is enough.
    page : Score
        What stays of it are its marks, parts, texts and end; its notes are replaced.
    """
    names = [name for name in NOTE_DTYPE.names or () if name != "onset"]
    notes = make_table(NOTE_DTYPE, **{name: table[name] for name in names})
    for part, voice in np.unique(table[["part", "voice"]]):
        chosen = (table["part"] == part) & (table["voice"] == voice)
        notes["onset"][chosen] = np.cumsum(table["shift"][chosen])
    return page.replace(notes=notes)


def pianoroll(score: Score, step: int, part: int | None = None) -> NDArray[np.uint8]:
    """Draw a score as the time by pitch array of velocities of pypianoroll.

    Parameters
    ----------
    score : Score
    step : int
        Ticks a row: `TICKS_PER_QUARTER // resolution`.
    part : int, optional
        One part alone; by default all of them, the louder note where two meet.

    Returns
    -------
    ndarray of shape (n_steps, 128), uint8, in [0, 127]
        0 is silence. Before a pitch that is struck again at once, the last row of the note
        before is silent, unless that is all it has.

    References
    ----------
    Dong, Hsiao, Yang (2018), "Pypianoroll: open source Python package for handling multitrack
    pianorolls", ISMIR late-breaking demos.
    """
    notes = score.notes if part is None else score.notes[score.notes["part"] == part]
    roll = np.zeros((-(-score.end // step), 128), np.uint8)
    first = np.minimum(np.rint(notes["onset"] / step).astype(np.int64), len(roll) - 1)
    last = np.maximum((notes["onset"] + notes["duration"]) // step, first + 1)
    for start, stop, note in zip(first, last, notes, strict=True):
        rows = roll[start:stop, note["pitch"]]
        np.maximum(rows, max(int(note["velocity"]), 1), out=rows)
    struck = np.zeros(roll.shape, np.bool_)
    struck[first, notes["pitch"]] = ~notes["tied"]
    held = np.zeros(roll.shape, np.bool_)
    held[1:-1] = (roll[1:-1] > 0) & ~struck[1:-1] & struck[2:]
    roll[held] = 0
    return roll


def from_pianoroll(roll: NDArray[np.integer], page: Score, step: int, part: int = 0) -> Score:
    """Write a piano roll on a page: every run of one pitch becomes a note.

    Parameters
    ----------
    roll : ndarray of shape (n_steps, 128), int, in [0, 127]
    page : Score
    step : int
        Ticks a row.
    part : int
        Where the notes go; all to voice 0. The velocity is that of the first row.

    Returns
    -------
    Score
        Spelled in the key in force.
    """
    padded = np.pad(np.asarray(roll) > 0, ((1, 1), (0, 0))).astype(np.int8)
    pitch, first = np.nonzero(np.diff(padded, axis=0).T > 0)
    last = np.nonzero(np.diff(padded, axis=0).T < 0)[1]
    notes = make_table(
        NOTE_DTYPE,
        onset=first * step,
        duration=np.minimum(last * step, max(page.end, 1)) - first * step,
        pitch=pitch,
        part=part,
        velocity=np.asarray(roll)[first, pitch],
    )
    return respell(page.replace(notes=_spelled_as_is(notes)))


def slices(score: Score) -> NDArray[np.void]:
    """Cut a score where anything starts or stops: spans in which the sounding set is constant.

    Parameters
    ----------
    score : Score

    Returns
    -------
    ndarray of SLICE_DTYPE
        From tick 0 to the end, silences included. `bass` is the lowest pitch or REST, `level`
        the metrical strength of the onset (`theory.beat_strength`), `sounding` and `struck`
        mark MIDI pitches.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080], duration=[20160, 10080], pitch=[60, 64]))
    >>> [(int(s["onset"]), np.flatnonzero(s["sounding"]).tolist()) for s in slices(score)]
    [(0, [60]), (10080, [60, 64]), (20160, [])]
    """
    notes = score.notes
    stop = notes["onset"] + notes["duration"]
    cuts = np.unique(np.concatenate([[0, score.end], notes["onset"], stop]))
    table = make_table(SLICE_DTYPE, onset=cuts[:-1], duration=np.diff(cuts), bass=REST)
    first, last = np.searchsorted(cuts, notes["onset"]), np.searchsorted(cuts, stop)
    change = np.zeros((len(cuts), 128), np.int64)
    np.add.at(change, (first, notes["pitch"]), 1)
    np.add.at(change, (last, notes["pitch"]), -1)
    table["sounding"] = np.cumsum(change[:-1], axis=0) > 0
    table["struck"][first[~notes["tied"]], notes["pitch"][~notes["tied"]]] = True
    heard = table["sounding"].any(axis=1)
    table["bass"][heard] = table["sounding"][heard].argmax(axis=1)
    table["level"] = beat_levels(score, table["onset"])
    return table


def _spelled_as_is(notes: NDArray[np.void]) -> NDArray[np.void]:
    notes["fifths"] = spell(notes["pitch"], 0, MAJOR)
    return notes


def _warn(message: str) -> None:
    warnings.warn(message, ScoreWarning, stacklevel=3)
