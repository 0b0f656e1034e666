"""Pair frequencies of grids: whether a sampler's pieces have the statistics of a corpus.

The frequency of a pair is the share of the rows of one gate value at which line a has a symbol
and line b, some steps later, another. Frequencies of all pairs, gate values and symbols beside
each other make one long vector; two sets of pieces are compared by the correlation of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["pair_correlation", "pair_frequencies", "repeat_rates"]

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]


def pair_frequencies(
    grids: Sequence[Ints], pairs: Sequence[tuple[int, int, int]], *, n_symbols: int,
    gate: int | None = None, n_gates: int = 1,
) -> Reals:  # fmt: skip
    """Count how often two symbols meet.

    Parameters
    ----------
    grids : sequence of ndarray of shape (n_steps, n_voices), int64
    pairs : sequence of (line a, line b, steps from a to b)
    n_symbols : int
        Above every symbol of these lines.
    gate : int, optional
        Column of a context voice; rows of each of its values are counted by themselves.
    n_gates : int

    Returns
    -------
    ndarray of shape (n_pairs, n_gates, n_symbols, n_symbols)
        Each pair and gate value sums to 1, or to 0 where it has no rows.

    Examples
    --------
    >>> pair_frequencies([np.array([[0], [1], [0], [1]])], [(0, 0, 1)], n_symbols=2)[0, 0]
    array([[0.        , 0.66666667],
           [0.33333333, 0.        ]])
    """
    counts = np.zeros((len(pairs), n_gates, n_symbols * n_symbols))
    for number, (a, b, lag) in enumerate(pairs):
        for grid in grids:
            n = max(len(grid) - lag, 0)
            cell = grid[:n, a] * n_symbols + grid[lag:, b]
            value = np.zeros(n, np.int64) if gate is None else grid[:n, gate]
            for g in range(n_gates):
                counts[number, g] += np.bincount(cell[value == g], minlength=n_symbols**2)
    total = counts.sum(axis=2, keepdims=True)
    shape = len(pairs), n_gates, n_symbols, n_symbols
    frequencies: Reals = (counts / np.maximum(total, 1)).reshape(shape)
    return frequencies


def pair_correlation(one: Reals, other: Reals) -> float:
    """Correlate two sets of pair frequencies, all of their cells together."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def repeat_rates(grids: Sequence[Ints], n_lines: int) -> Reals:
    """Share of the steps at which each line stays where it was.

    Parameters
    ----------
    grids : sequence of ndarray of shape (n_steps, n_voices), int64
    n_lines : int

    Returns
    -------
    ndarray of shape (n_lines,)
    """
    stays = [grid[1:, :n_lines] == grid[:-1, :n_lines] for grid in grids]
    rates: Reals = np.concatenate(stays).mean(axis=0)
    return rates
