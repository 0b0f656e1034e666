"""Steps: a score cut into half quarters, bar by bar, and what sounds in each.

Conventions
-----------
Steps begin anew at each bar line; a pickup's are counted back from its end. A beat, a half bar
and a bar are runs of steps: `Runs` says which run a step is in and where each begins. Pitch
classes are weighed by the part of a step for which they sound, in steps.

References
----------
D. Temperley, "The Cognition of Basic Musical Structures", 2001, chapters 4 and 6: chords on a
grid of beats, the line of fifths as evidence.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stats_composer.score import Score, bar_positions, beat_levels
from stats_composer.score.tables import metre_of
from stats_composer.theory import TICKS_PER_QUARTER

__all__ = ["STEP", "Runs", "Steps", "cut_steps", "pitched_notes", "silences"]

STEP = TICKS_PER_QUARTER // 2
"""Ticks of a step."""
SILENT = 200
"""The bass of a step in which nothing sounds."""
AROUND = 32
"""Steps to either side that the spelling of a note is compared with."""
FAR = 3.2
"""Fifths from the mean of those at which a note is raised or lowered."""
OUTER, PASSING = 1.0, 0.0
APPROACHED = 0.5

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of steps: `of[t]` is the run of step t, `first[r]` its first step, one past the last."""

    of: Ints
    first: Ints

    @classmethod
    def where(cls, begins: NDArray[np.bool_]) -> Runs:
        """Begin a run at every step that is marked."""
        return cls(np.cumsum(begins) - 1, np.append(np.flatnonzero(begins), len(begins)))

    def window(self, shift: int) -> tuple[Ints, Ints]:
        """Return the first and the past-the-last step of the run `shift` runs on, of each step."""
        run = self.of + shift
        inside = (run >= 0) & (run < len(self.first) - 1)
        run = np.minimum(np.maximum(run, 0), len(self.first) - 2)
        low = self.first[run]
        return low, np.where(inside, self.first[run + 1], low)


@dataclass(frozen=True, eq=False)
class Steps:
    """What a score is on its grid.

    Attributes
    ----------
    onset : ndarray of shape (n_steps,), int64
        Ticks; `end` is that of the score.
    level : ndarray of shape (n_steps,), int64
        Metrical strength.
    beats, halves, bars : Runs
    weights : dict of str to ndarray of shape (n_steps, 12)
        `sounding`, `chordal` (without passing and neighbour notes), `low` (near the beat's
        lowest note), `struck`, `top`, `raised` and `lowered` (far on the line of fifths).
    bass : ndarray of shape (n_steps,), int64
        Lowest pitch, or `SILENT`.
    signature : ndarray of shape (n_steps,), int64
        Pitch class of the major key of the signature in force, -1 where there is none.
    """

    onset: Ints
    end: int
    level: Ints
    beats: Runs
    halves: Runs
    bars: Runs
    weights: dict[str, Floats]
    bass: Ints
    signature: Ints

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.onset)

    @functools.cached_property
    def windows(self) -> dict[tuple[tuple[str, int], ...], tuple[Ints, Ints]]:
        """The bounds of windows that have been asked for (`chords.profiles`)."""
        return {}


def pitched_notes(score: Score) -> NDArray[np.void]:
    """Return the notes that are not percussion."""
    struck = np.array([part.percussion for part in score.parts], np.bool_)
    notes: NDArray[np.void] = score.notes
    return notes[~struck[notes["part"]]] if struck.any() else notes


def cut_steps(score: Score) -> Steps:
    """Cut a score into steps.

    Parameters
    ----------
    score : Score
        With at least one note that is not percussion.
    """
    onset = _onsets(score)
    beats, halves, bars = _runs(score, onset)
    notes = pitched_notes(score)
    row, note, share = _overlaps(notes, np.append(onset, score.end))
    pitch = notes["pitch"].astype(np.int64)
    n = len(onset)
    bass, top = np.full(n, SILENT, np.int64), np.full(n, -1, np.int64)
    np.minimum.at(bass, row, pitch[note])
    np.maximum.at(top, row, pitch[note])

    place = row * 12 + pitch[note] % 12

    def gather(weight: Floats, place: Ints = place) -> Floats:
        summed: Floats = np.bincount(place, weight, n * 12).astype(np.float64)
        return summed.reshape(n, 12)

    lowest = np.minimum.reduceat(bass, beats.first[:-1])[beats.of]
    apart = _apart(notes["fifths"].astype(np.float64)[note], row, share, n)
    weights = {
        "sounding": gather(share),
        "chordal": gather(share * _chordal(notes)[note]),
        "low": gather(share * np.exp((lowest[row] - pitch[note]) / 7.0)),
        "top": gather(share * (pitch[note] == top[row])),
        "raised": gather(share * (apart > FAR)),
        "lowered": gather(share * (apart < -FAR)),
    }
    start = np.clip(np.searchsorted(onset, notes["onset"], side="right") - 1, 0, n - 1)
    weights["struck"] = gather(np.ones(len(notes)), start * 12 + pitch % 12)
    level = beat_levels(score, onset).astype(np.int64)
    return Steps(
        onset, score.end, level, beats, halves, bars, weights, bass, _signature(score, onset)
    )


def silences(steps: Steps) -> NDArray[np.bool_]:
    """Mark the steps before the first note, and those of silences as long as their bar."""
    silent: NDArray[np.bool_] = steps.bass == SILENT
    runs = Runs.where(np.diff(silent, prepend=~silent[0]) != 0)
    bar = steps.bars.of[runs.first[:-1]]
    long = np.diff(runs.first) >= np.diff(steps.bars.first)[bar]
    long[0] = True
    return silent & long[runs.of]


def _onsets(score: Score) -> Ints:
    bars = score.bars["onset"].astype(np.int64)
    stops = np.append(bars[1:], score.end)
    rows = []
    for start, stop in zip(bars, stops, strict=True):
        short = -int(bar_positions(score, np.array([start]))[0]) % STEP if start == 0 else 0
        first = [start] if short else []
        rows.append(np.concatenate([first, np.arange(start + short, stop, STEP)]))
    return np.concatenate(rows).astype(np.int64)


def _runs(score: Score, onset: Ints) -> tuple[Runs, Runs, Runs]:
    """Find the beats, half bars and bars of steps."""
    bar = np.searchsorted(score.bars["onset"], onset, side="right") - 1
    position = bar_positions(score, onset)
    metres = score.time_signatures
    row = np.maximum(np.searchsorted(metres["onset"], onset, side="right") - 1, 0)
    sizes = [metre_of(mark) for mark in metres]
    beat = np.array([metre.beat for metre in sizes])[row]
    half = np.array([metre.bar // (1 + (metre.n_beats % 2 == 0)) for metre in sizes])[row]
    turns = np.diff(bar, prepend=-1) != 0
    beats = turns | (np.diff(position // beat, prepend=-1) != 0)
    halves = turns | (np.diff(position // half, prepend=-1) != 0)
    return Runs.where(beats), Runs.where(halves), Runs.where(turns)


def _overlaps(notes: NDArray[np.void], edges: Ints) -> tuple[Ints, Ints, Floats]:
    """List the steps that each note sounds in, and for which part of a step."""
    stop = notes["onset"] + notes["duration"]
    first = np.searchsorted(edges, notes["onset"], side="right") - 1
    count = np.maximum(np.searchsorted(edges, stop, side="left") - first, 1)
    note = np.repeat(np.arange(len(notes)), count)
    row = np.arange(count.sum()) + np.repeat(first - (np.cumsum(count) - count), count)
    inside = np.minimum(stop[note], edges[row + 1]) - np.maximum(notes["onset"][note], edges[row])
    return row.astype(np.int64), note, inside / STEP


def _chordal(notes: NDArray[np.void]) -> Floats:
    """Weigh notes by whether they are left and approached by step, as ornaments are."""
    order = np.lexsort((notes["pitch"], notes["onset"], notes["voice"], notes["part"]))
    line = notes["part"].astype(np.int64)[order] << 16 | notes["voice"].astype(np.int64)[order]
    onset, pitch = notes["onset"][order], notes["pitch"].astype(np.int64)[order]
    begins = (np.diff(line, prepend=-1) != 0) | (np.diff(onset, prepend=-1) != 0)
    chord = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(notes)) - 1

    def by_step(shift: int) -> NDArray[np.bool_]:
        other = np.clip(chord + shift, 0, len(first) - 1)
        near = np.minimum(abs(pitch[first[other]] - pitch), abs(pitch[last[other]] - pitch))
        same = (other == chord + shift) & (line[first[other]] == line)
        stepwise: NDArray[np.bool_] = same & (near >= 1) & (near <= 2)
        return stepwise

    left, reached = by_step(1), by_step(-1)
    weight = np.empty(len(notes))
    weight[order] = np.where(left & reached, PASSING, np.where(left, APPROACHED, OUTER))
    return weight


def _apart(fifths: Floats, row: Ints, share: Floats, n: int) -> Floats:
    """Return how far each note lies from the mean of its surroundings on the line of fifths."""
    step = np.arange(n)
    low, high = np.maximum(step - AROUND, 0), np.minimum(step + AROUND + 1, n)
    total = np.concatenate([[0.0], np.cumsum(np.bincount(row, share * fifths, n))])
    length = np.concatenate([[0.0], np.cumsum(np.bincount(row, share, n))])
    mean = (total[high] - total[low]) / np.maximum(length[high] - length[low], 1e-9)
    apart: Floats = fifths - mean[row]
    return apart


def _signature(score: Score, onset: Ints) -> Ints:
    found = np.full(len(onset), -1, np.int64)
    table = score.key_signatures
    if len(table):
        row = np.searchsorted(table["onset"], onset, side="right") - 1
        fifths = 7 * table["fifths"].astype(np.int64)[np.maximum(row, 0)] % 12
        found = np.where(row >= 0, fifths, -1)
    return found
