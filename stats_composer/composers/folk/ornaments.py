"""Ornaments of a tune: triplets for notes of two steps, halves for one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.folk.plan import TuneTask
from stats_composer.composers.folk.tune import HOLD

__all__ = ["Turner", "draw_turns"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def draw_turns(
    task: TuneTask, codes: Ints, fits: Callable[[Ints], bool], rng: np.random.Generator
) -> list[Ints]:
    """Draw the ornaments of a written line: none in what is given, in equal bars the same.

    Parameters
    ----------
    task : TuneTask
    codes : ndarray of shape (n_steps,), int64
    fits : callable (codes) -> bool
        Whether the mode has them.
    rng : Generator

    Returns
    -------
    list of ndarray
        As of `Turner.draw`.
    """
    n = task.style.kind.n_steps
    u = rng.random((len(codes), 2))
    seen: dict[bytes, int] = {}
    for start in range(task.pickup, len(codes), n):
        first = seen.setdefault(codes[start : start + n].tobytes(), start)
        u[start : start + n] = u[first : first + n]
    u[: len(task.given), 0] = 1.0
    turner = Turner(task.style.turns_, task.style.lines_)
    return turner.draw(codes, task.pickup, fits, u)


class Turner:
    """Draws the ornaments of a style: triplets for notes of two steps, halves for one.

    Parameters
    ----------
    turns : ndarray of shape (n, 5), int64
        As of `Tune.turns`.
    lines : ndarray of int64
        All steps of the style's tunes, to count what had no ornament.
    """

    def __init__(self, turns: Ints, lines: Ints) -> None:
        at = np.flatnonzero(lines != HOLD)
        length = np.diff(at)
        here, after = lines[at[:-1]], lines[at[1:]]
        real = (here > HOLD) & (after > HOLD)
        self.chance: dict[tuple[int, int], float] = {}
        self.figures: dict[tuple[int, int], Ints] = {}
        for size in (1, 2):
            moves = (after - here)[real & (length == size)]
            mine = turns[turns[:, 0] == size]
            ahead = mine[:, 4] - mine[:, 1]
            for move in np.unique(ahead).tolist():
                chosen = mine[ahead == move]
                n = int((moves == move).sum())
                if len(chosen) >= 2:
                    self.chance[size, move] = min(len(chosen) / max(n, 1), 0.5)
                    self.figures[size, move] = chosen[:, 2:4] - chosen[:, 1:2]

    def draw(self, line: Ints, pickup: int, fits: Callable[[Ints], bool], u: Floats) -> list[Ints]:
        """Draw the ornaments of a line.

        Parameters
        ----------
        line : ndarray of shape (n_steps,), int64, codes
        pickup : int
        fits : callable (codes) -> bool
            Whether the mode has them.
        u : ndarray of shape (n_steps, 2), float64, in [0, 1)

        Returns
        -------
        list of ndarray
            For each step the codes that follow its own before the next step.
        """
        none = np.zeros(0, np.int64)
        found = [none] * len(line)
        at = np.flatnonzero(line != HOLD)
        for here, after in zip(at[:-1].tolist(), at[1:].tolist(), strict=True):
            size, move = after - here, int(line[after] - line[here])
            on_beat = size == 1 or (here - pickup) % 2 == 0
            if not (on_beat and u[here, 0] < self.chance.get((size, move), 0.0)):
                continue
            figures = self.figures[size, move]
            codes = line[here] + figures[int(u[here, 1] * len(figures)), :size]
            if fits(codes):
                found[here] = codes
        return found
