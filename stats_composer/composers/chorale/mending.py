"""Phrases with faults are written again, and the better writing is kept.

What a teacher strikes out is rare in any one place, so that a piece of many phrases has some, and
a phrase often none: parallels from row to row and from beat to beat, cross relations, one letter
with two accidentals at once, dissonances off the beat that a voice leaps to or from. A phrase that
has any is drawn anew, all else as it is, some times at most, and the new one stays if there are
fewer in it and where the next one begins. So it is, of a few draws of the law that it has given
the others, the first with the fewest faults: with many draws it would have that law given that no
fault is in it. The phrases of even number are drawn together, each beside neighbours that stand,
and then those of odd number.

Conventions
-----------
Pitches are those of the common tonic C, below 0 for rests; a fault stands on its last row.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.chorale.models import dissonant
from stats_composer.composers.chorale.traits import LOWEST_FIFTHS

__all__ = ["Judge", "fault_rows", "mend"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Redraw = Callable[[Ints, Bools], tuple[Ints, Bools]]

PERFECT = np.isin(np.arange(12), (0, 7))
STEP = 2
SAME_LETTER, NOWHERE = 7, -99  # places on the line of fifths


class Judge(NamedTuple):
    """Who counts the faults of phrases.

    Attributes
    ----------
    labels : ndarray of shape (n_lines, n_symbols), int64
    phrase : ndarray of shape (n_rows,), int64
        Number of each row's phrase.
    steps_per_beat, mode : int
    """

    labels: Ints
    phrase: Ints
    steps_per_beat: int
    mode: int

    def faults(self, symbols: Ints) -> Ints:
        """Count the faults of each phrase of a grid: (n_phrases,)."""
        lines = symbols[:, : len(self.labels)].T
        pitch = np.take_along_axis(self.labels, lines, axis=1).T
        found = fault_rows(pitch, self.steps_per_beat, self.mode)
        return np.bincount(self.phrase, found).astype(np.int64)


def mend(
    judge: Judge, redraw: Redraw, symbols: Ints, held: Bools, free: Bools, rounds: int
) -> tuple[Ints, Bools]:
    """Draw phrases with faults anew, and keep what has fewer.

    Parameters
    ----------
    judge : Judge
    redraw : callable (symbols, free) -> (symbols, held)
        Who draws the sites that are free, given the others.
    symbols : ndarray of shape (n_rows, n_voices), int64
    held, free : ndarray of shape (n_rows, n_lines), bool
        Where final chords are held, and what may be written.
    rounds : int
    """
    n_lines, even = free.shape[1], judge.phrase[:, None] % 2 == 0
    for turn in range(2 * rounds):
        faults = judge.faults(symbols)
        faulty = free & (faults > 0)[judge.phrase, None] & (even == (turn % 2 == 0))
        if not faulty.any():
            continue
        drawn, held_there = redraw(symbols, faulty)
        fewer = _with_next(judge.faults(drawn)) < _with_next(faults)
        better = faulty & fewer[judge.phrase, None]
        symbols = symbols.copy()
        symbols[:, :n_lines] = np.where(better, drawn[:, :n_lines], symbols[:, :n_lines])
        held = np.where(better, held_there, held)
    return symbols, held


def _with_next(faults: Ints) -> Ints:
    """Add to the faults of each phrase those of the next, which change with it."""
    total: Ints = faults + np.append(faults[1:], 0)
    return total


def fault_rows(pitch: Ints, steps_per_beat: int, mode: int) -> Ints:
    """Count the faults at each row.

    Parameters
    ----------
    pitch : ndarray of shape (n_rows, n_lines), int64
    steps_per_beat : int
    mode : int

    Returns
    -------
    ndarray of shape (n_rows,), int64
    """
    found = np.zeros(len(pitch), np.int64)
    beats = np.arange(0, len(pitch), steps_per_beat)
    for rows in (np.arange(len(pitch)), beats):
        found[rows[1:]] += _parallels(pitch[rows])
    found[beats[1:]] += _cross_relations(pitch[beats], mode)
    found += _two_accidentals(pitch, mode)
    off = np.flatnonzero(np.arange(len(pitch) - 1) % steps_per_beat)
    found[off + 1] += _leaping_dissonances(pitch, off)
    return found


def _parallels(pitch: Ints) -> Ints:
    """Count, from each row to the next, fifths and octaves that move to the same."""
    count = np.zeros(len(pitch) - 1, np.int64)
    move, there = np.diff(pitch, axis=0), (pitch[1:] >= 0) & (pitch[:-1] >= 0)
    for v, w in combinations(range(pitch.shape[1]), 2):
        interval = (pitch[:, v] - pitch[:, w]) % 12
        same = (interval[1:] == interval[:-1]) & PERFECT[interval[1:]]
        count += same & (move[:, v] * move[:, w] > 0) & there[:, v] & there[:, w]
    return count


def _cross_relations(pitch: Ints, mode: int) -> Ints:
    """Mark the rows that have a letter which another voice had with another accidental before."""
    lowest = LOWEST_FIFTHS[mode]
    fifths = (7 * pitch - lowest) % 12 + lowest
    before, after = fifths[:-1], fifths[1:]
    there = (pitch[1:] >= 0) & (pitch[:-1] >= 0)
    changed = there & (before != after) & ((before - after) % 7 == 0)
    found = np.zeros(len(before), np.bool_)
    for v, w in permutations(range(pitch.shape[1]), 2):
        old, new = before[:, v], after[:, w]
        other = there[:, v] & there[:, w] & (old != new) & ((old - new) % 7 == 0)
        moved = (changed & (before == old[:, None]) & (after == new[:, None])).any(axis=1)
        found |= other & ~moved & ~(before == new[:, None]).any(axis=1)
    return found.astype(np.int64)


def _leaping_dissonances(pitch: Ints, rows: Ints) -> Ints:
    """Count, at rows off the beat, dissonances come to by leap, or by step and left by leap."""
    into = np.abs(pitch[rows] - pitch[rows - 1])
    out = np.abs(pitch[rows + 1] - pitch[rows])
    leapt = (into > STEP) | ((into > 0) & (out > STEP))
    count: Ints = (dissonant(pitch[rows]) & leapt).sum(axis=1)
    return count


def _two_accidentals(pitch: Ints, mode: int) -> Ints:
    """Mark the rows at which one letter sounds with two accidentals."""
    lowest = LOWEST_FIFTHS[mode]
    fifths = np.where(pitch >= 0, (7 * pitch - lowest) % 12, NOWHERE)
    apart = np.abs(fifths[:, :, None] - fifths[:, None]) == SAME_LETTER
    found: Ints = apart.any(axis=(1, 2)).astype(np.int64)
    return found
