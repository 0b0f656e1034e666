"""The melody inside a part that has the accompaniment too: a chain over what begins together.

Notes that begin together are a group. Of each group one of its highest notes is the melody, or
none. How a note stands in its group, among the notes around and beside the nearest ones of its
register tells how likely it is a melody's, by logistic regression over these and their products;
how far the line moves from group to group, and how often it rests, is
counted; the melody is the most probable path of the chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import EncodingError
from stats_composer.factors import Automaton
from stats_composer.listening.stored import StoredWeights, logistic
from stats_composer.sampling.chain import Chain
from stats_composer.theory import TICKS_PER_QUARTER

__all__ = ["LineModel"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

TOGETHER = TICKS_PER_QUARTER // 12
MOST = 4
AROUND = 2 * TICKS_PER_QUARTER
LEAPS = np.array([3, 6, 10])
NONE = 0
REGISTER, REACH, FAR = 7, 14, 4.0
"""Semitones, notes and quarters within which a note's neighbours are looked for."""
MIDDLE = 60
LARGEST = 4.0
MAX_NOTES = 30_000
"""Notes that weights are learned from, evenly chosen."""


def _groups(notes: NDArray[np.void]) -> tuple[Ints, Ints]:
    """Return the group of each note, and its rank in it from 0, the highest."""
    onset = notes["onset"].astype(np.int64)
    group = np.cumsum(np.append(False, np.diff(onset) > TOGETHER))
    order = np.lexsort([-notes["pitch"].astype(np.int64), group])
    rank = np.empty(len(notes), np.int64)
    first = np.searchsorted(group[order], np.arange(int(group[-1]) + 1))
    rank[order] = np.arange(len(notes)) - first[group[order]]
    return group, rank


def _describe(notes: NDArray[np.void], group: Ints, rank: Ints) -> Floats:
    """Describe each note in its group and among those around it."""
    onset, pitch = notes["onset"].astype(np.int64), notes["pitch"].astype(np.float64)
    loud = notes["velocity"].astype(np.float64)
    size = np.bincount(group)[group]
    top = np.zeros(int(group[-1]) + 1)
    np.maximum.at(top, group, pitch)
    top_loud = np.zeros(len(top))
    np.maximum.at(top_loud, group, loud)
    near = [np.searchsorted(onset, onset + d) for d in (-AROUND, AROUND)]
    mean = [_window(x, near) for x in (pitch, loud, top[group])]
    highest = _sounding_above(notes)
    columns = [
        rank == 0, rank == 1, size == 1, np.log(size), (pitch - mean[0]) / 12,
        (pitch - mean[2]) / 12, (loud - mean[1]) / 16, (top[group] - pitch) / 12,
        np.log2(notes["duration"] / TICKS_PER_QUARTER), highest, (pitch - 66) / 12,
        (loud - loud.mean()) / (loud.std() + 1), (pitch - pitch.mean()) / (pitch.std() + 1),
        (loud - top_loud[group]) / 16,
    ]  # fmt: skip
    rows = np.stack([np.asarray(column, np.float64) for column in columns], axis=1)
    return np.hstack([rows, rows[:, 4:] * (rank == 0)[:, None], _beside(notes, group)])


def _beside(notes: NDArray[np.void], group: Ints) -> Floats:
    """Describe each note beside the nearest of its register, before and after, and the one below.

    Of each of both: quarters away, difference of velocity and of pitch, and how far the one lasts
    into the other.
    """
    onset, lasts = (notes[name] / TICKS_PER_QUARTER for name in ("onset", "duration"))
    pitch, loud = (notes[name].astype(np.float64) for name in ("pitch", "velocity"))
    columns = []
    for step in (-1, 1):
        away, softer, apart, held = np.full(len(notes), FAR), *np.zeros((3, len(notes)))
        for shift in range(1, REACH):
            at = np.arange(len(notes)) + step * shift
            other = np.clip(at, 0, len(notes) - 1)
            gap = np.abs(onset[other] - onset)
            near = (at == other) & (np.abs(pitch[other] - pitch) <= REGISTER) & (gap < away)
            near &= group[other] != group
            away[near] = gap[near]
            softer[near] = np.abs(loud[other] - loud)[near] / 16
            apart[near] = np.abs(pitch[other] - pitch)[near] / REGISTER
            first, second = (other, np.arange(len(notes)))[::-step]
            held[near] = (onset[first] + lasts[first] - onset[second])[near]
        columns += [away, softer, apart, np.clip(held, -2, 2)]
    order = np.lexsort([-pitch, group])
    below = np.full(len(notes), 12.0)
    below[order[:-1]] = np.where(np.diff(group[order]) == 0, -np.diff(pitch[order]), 12.0)
    around = np.clip(np.arange(len(notes)) + np.array([[-8], [9]]), 0, len(notes))
    usual = _window(lasts, [*around])
    columns += [np.minimum(below, 24) / 12, lasts / usual, pitch >= MIDDLE]
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def _with_products(rows: Floats) -> Floats:
    """Return a description and its products, none too large."""
    rows = np.clip(rows, -LARGEST, LARGEST)
    first, second = np.triu_indices(rows.shape[1])
    return np.hstack([rows, rows[:, first] * rows[:, second]])


def _window(values: Floats, near: Sequence[Ints]) -> Floats:
    total = np.append(0.0, np.cumsum(values))
    mean: Floats = (total[near[1]] - total[near[0]]) / np.maximum(near[1] - near[0], 1)
    return mean


def _sounding_above(notes: NDArray[np.void]) -> Bools:
    """Tell the notes that begin while a higher one sounds on."""
    onset = notes["onset"].astype(np.int64)
    end, pitch = onset + notes["duration"], notes["pitch"]
    above = np.zeros(len(notes), bool)
    held: list[int] = []
    for i in range(len(notes)):
        held = [j for j in held if end[j] > onset[i] + TOGETHER]
        above[i] = any(pitch[j] > pitch[i] for j in held)
        held.append(i)
    return above


class LineModel(StoredWeights):
    """The chain of the module's docstring.

    Attributes
    ----------
    note_ : ndarray
        Weights of a note's description, the bias last.
    move_ : ndarray of shape (len(LEAPS) + 1 + 3,)
        Log-weights of moves by size, then of a note after none, none after a note and after none.
    manifest_ : dict

    Examples
    --------
    >>> len(LineModel.bundled().move_)
    7
    """

    _bundled = "lines.npz"
    _weights = ("note", "move")

    def fit(self, parts: Sequence[NDArray[np.void]], melodies: Sequence[Bools]) -> Self:
        """Learn from parts, and which of their notes are melody, `melodies`.

        Raises
        ------
        EncodingError
            If there is no part.
        """
        if not parts:
            raise EncodingError("no parts: expected at least one")
        rows, labels = [], []
        seen = np.ones(len(LEAPS) + 4)
        for notes, is_melody in zip(parts, melodies, strict=True):
            group, rank = _groups(notes)
            rows.append(_describe(notes, group, rank))
            labels.append(is_melody)
            line = np.full(int(group[-1]) + 1, -1)
            line[group[is_melody]] = notes["pitch"][is_melody]
            seen += np.bincount(_kind(line[:-1], line[1:]), minlength=len(seen))
        x, y = np.concatenate(rows), np.concatenate(labels)
        every = -(-len(x) // MAX_NOTES)
        x, y = _with_products(x[::every]), y[::every]
        model = logistic(C=1.0).fit(x, y)
        self.note_ = np.append(model.coef_[0], model.intercept_[0]).astype(np.float32)
        moves, rests = seen[: len(LEAPS) + 1], seen[len(LEAPS) + 1 :]
        self.move_ = np.log(np.append(moves / moves.max(), rests / rests.max()))
        self.manifest_ = {}
        return self

    def melody(self, notes: NDArray[np.void]) -> Bools:
        """Tell which notes of a part are its melody.

        Parameters
        ----------
        notes : ndarray of NOTE_DTYPE, sorted by onset
        """
        group, rank = _groups(notes)
        seen = _with_products(_describe(notes, group, rank))
        odds = seen @ self.note_[:-1] + self.note_[-1]
        n_groups = int(group[-1]) + 1
        unary = np.full((n_groups, MOST + 1), -np.inf)
        unary[:, NONE] = 0.0
        pitch = np.full((n_groups, MOST + 1), -1)
        kept = rank < MOST
        unary[group[kept], rank[kept] + 1] = odds[kept]
        pitch[group[kept], rank[kept] + 1] = notes["pitch"][kept]
        before = np.concatenate([pitch[:1] * 0 - 1, pitch[:-1]])
        kind = _kind(
            np.broadcast_to(before[:, :, None], (n_groups, MOST + 1, MOST + 1)),
            np.broadcast_to(pitch[:, None, :], (n_groups, MOST + 1, MOST + 1)),
        )
        target = np.broadcast_to(np.arange(MOST + 1), kind.shape)
        automaton = Automaton.from_table(target, np.arange(n_groups), log_weight=self.move_[kind])
        path = Chain(unary, [automaton]).best()
        chosen: Bools = (rank + 1 == path[group]) & (path[group] != NONE)
        return chosen


def _kind(before: Ints, after: Ints) -> Ints:
    """Tell kinds of moves: by size, then a note after none, none after a note, after none."""
    size = np.searchsorted(LEAPS, np.abs(after - before), side="right")
    n = len(LEAPS) + 1
    kind: Ints = np.select(
        [(before < 0) & (after < 0), before < 0, after < 0], [n + 2, n, n + 1], size
    )
    return kind
