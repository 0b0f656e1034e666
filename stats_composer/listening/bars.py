"""Bars over known beats: a chain whose states are places in bars of two to six beats.

After the last place of a bar comes the first of the next, whose length hangs on the one before,
as was counted: performers lengthen and shorten single bars by half far more often than they change
the metre. What is heard at a beat weighs for a downbeat or against it; the bars are those of the
most probable path.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from stats_composer.factors import Automaton
from stats_composer.sampling.chain import Chain

__all__ = ["bars_of", "count_bars"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LENGTHS = np.arange(2, 7)
STEADY = 30
"""Counts of bars of two, and of three, that follow their like, beside those of the corpus."""


def count_bars(pieces: Iterable[Ints]) -> Floats:
    """Learn how the lengths of bars follow each other.

    Parameters
    ----------
    pieces : iterable of ndarray of int64
        Beats of each bar, bar by bar; of other lengths than `LENGTHS` nothing is learned.

    Returns
    -------
    ndarray of shape (n_lengths + 1, n_lengths)
        Log-probabilities of a bar after each length; the last row is that of a first bar.
    """
    n = len(LENGTHS)
    counts = np.full((n, n), 0.1)
    counts[[0, 1], [0, 1]] += STEADY
    for lengths in pieces:
        kind = lengths - LENGTHS[0]
        known = (kind >= 0) & (kind < n)
        both = known[:-1] & known[1:]
        np.add.at(counts, (kind[:-1][both], kind[1:][both]), 1)
    counts = np.concatenate([counts, counts.sum(axis=0, keepdims=True)])
    law: Floats = np.log(counts / counts.sum(axis=1, keepdims=True))
    return law


def bars_of(weight: Floats, law: Floats) -> tuple[Ints, Ints]:
    """Place beats in bars.

    Parameters
    ----------
    weight : ndarray of shape (n_beats,)
        Log-odds of a downbeat.
    law : ndarray of shape (n_lengths + 1, n_lengths)
        Of `count_bars`.

    Returns
    -------
    place, length : ndarray of shape (n_beats,), int64
        Beat of the bar, from 0, and beats of the bar.

    Examples
    --------
    >>> law = count_bars([np.full(100, 4)])
    >>> heard = np.tile([-1.0, -1.0, 2.0, -1.0], 3)
    >>> bars_of(heard, law)[0].tolist()
    [2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    """
    length = np.repeat(LENGTHS, LENGTHS)
    first = np.cumsum(LENGTHS) - LENGTHS
    place = np.arange(len(length)) - np.repeat(first, LENGTHS)
    unary = np.where(place == 0, weight[:, None], 0.0)
    unary[0] += np.repeat(law[-1] - np.log(LENGTHS), LENGTHS)
    moves = np.full((len(length), len(length)), -np.inf)
    inner = np.flatnonzero(place < length - 1)
    moves[inner, inner + 1] = 0.0
    moves[np.ix_(first + LENGTHS - 1, first)] = law[:-1]
    path = Chain(unary, [Automaton.first_order(moves, len(weight))]).best()
    return place[path], length[path]
