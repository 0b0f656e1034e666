"""Whether a tune copies: runs of notes that stand in the corpus, transposed or not.

Two runs are the same where their intervals in semitones and the steps from note to note are.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["CopyGuard"]

Ints = NDArray[np.int64]

BASE = np.uint64(0x9E3779B97F4A7C15)


class CopyGuard:
    """Finds runs of more than n notes that a corpus has.

    Parameters
    ----------
    tunes : iterable of (pitches, steps)
        Pitch and onset of the notes of each tune, int64 of equal length.
    n : int
        Longest run that may be copied, in notes.

    Examples
    --------
    >>> corpus = [(np.array([60, 62, 64, 65, 67]), np.arange(5))]
    >>> guard = CopyGuard(corpus, 3)
    >>> guard.first(np.array([62, 64, 66, 60, 67]), np.arange(5))
    -1
    >>> guard.first(np.array([50, 62, 64, 66, 67]), np.arange(5))
    4
    """

    def __init__(self, tunes: Iterable[tuple[Ints, Ints]], n: int) -> None:
        if n < 1:
            raise ValueError(f"a copy of {n} notes: expected 1 or more")
        self.n = n
        hashes = [self._hashes(pitch, step) for pitch, step in tunes]
        self.known = np.unique(np.concatenate([np.zeros(0, np.uint64), *hashes]))

    def _hashes(self, pitch: Ints, step: Ints) -> NDArray[np.uint64]:
        """Hash every run of n + 1 notes by its moves."""
        moves = (np.diff(pitch) * 1024 + np.diff(step)).astype(np.uint64)
        moves = (moves + np.uint64(1)) * BASE
        moves ^= moves >> np.uint64(31)
        count = max(0, len(moves) - self.n + 1)
        total = np.zeros(count, np.uint64)
        for i in range(self.n):
            total = total * BASE + moves[i : i + count]
        return total

    def first(self, pitch: Ints, step: Ints) -> int:
        """Return the index of the first note that ends a run of n + 1 copied notes, or -1."""
        found = np.flatnonzero(np.isin(self._hashes(pitch, step), self.known))
        return int(found[0]) + self.n if len(found) else -1
