"""The grid that explains the times of a MIDI file.

A sequencer's player starts a note some ticks early or late, and no file of 1,024 ticks holds a
triplet exactly. Such times are put where they were meant, if a grid explains them: if nearly
all of them lie within a few ticks of it, and times without a grid would do so less than once in
10,000 files. A performance that follows no grid keeps its times.

Conventions
-----------
* `exact` are times in ticks of a score, not yet rounded; `unit` is one tick of the file.
* A jitter is at most a 128th, and a quarter of the grid's spacing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stats_composer.theory import TICKS_PER_QUARTER

__all__ = ["Grid", "find_grid"]

_MAX_JITTER = TICKS_PER_QUARTER / 32
_JITTERS = (0.5, 1, 2, 4, 8, 16)  # ticks of the file; half of one is its own rounding
_DIVISIONS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 60, 84)
_MAX_PLAYED = 24  # of finer ones only a file's own rounding is told
_SHARE = 0.95
_CHANCE = math.log(1e-4)
_N_LOOKED_AT = 20_000
_FLOAT = 1e-6


@dataclass(frozen=True)
class Grid:
    """Points that divide a quarter, and how far from one a time may lie that means it.

    Attributes
    ----------
    n_steps : int
        To a quarter.
    jitter : float
        In ticks of a score.
    """

    n_steps: int
    jitter: float

    def place(self, exact: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move to the grid the times that mean a point of it, and leave the others."""
        spacing = TICKS_PER_QUARTER / self.n_steps
        nearest = np.rint(exact / spacing) * spacing
        return np.where(np.abs(exact - nearest) <= self.jitter + _FLOAT, nearest, exact)


def find_grid(exact: NDArray[np.float64], unit: float) -> Grid | None:
    """Find the grid with the least jitter, then the fewest points, that explains times.

    Parameters
    ----------
    exact : ndarray of shape (n_times,), float
        Ticks of a score.
    unit : float
        Ticks of a score in one tick of the file.

    Returns
    -------
    Grid, or None
        If there is none that does so.

    Examples
    --------
    >>> played = np.array([0, 7, 482, 955, 1200, 1437, 1925, 2403]) * 21.0
    >>> find_grid(played, 21.0)
    Grid(n_steps=2, jitter=168.0)
    """
    times = np.unique(exact)
    times = times[:: len(times) // _N_LOOKED_AT + 1]
    spacings = TICKS_PER_QUARTER / np.array(_DIVISIONS)
    away = [np.abs(times - np.rint(times / spacing) * spacing) for spacing in spacings]
    for n_ticks in _JITTERS:
        jitter = n_ticks * unit
        for n_steps, spacing, distance in zip(_DIVISIONS, spacings, away, strict=True):
            if jitter > min(_MAX_JITTER, spacing / 4) or (n_ticks > 0.5 and n_steps > _MAX_PLAYED):
                break
            n_near = np.count_nonzero(distance <= jitter + _FLOAT)
            chance = math.log((2 * n_ticks + 1) * unit / spacing)
            if n_near >= _SHARE * len(times) and n_near * chance < _CHANCE:
                return Grid(n_steps, jitter)
    return None
