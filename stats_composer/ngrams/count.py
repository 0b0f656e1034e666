"""Counting the n-grams of pieces: level by level, for any alphabet.

Where n codes fit 64 bits together they are counted as one number (`kernels/counting.py`);
otherwise the n-grams of each level are numbered, and stand for their prefixes in the next.

Conventions
-----------
A code is a symbol plus `FIRST_SYMBOL`; START and END come before them. A piece is read as
START, its symbols, and END where the end is counted. An n-gram holds START at most once, in
front.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels import counting

__all__ = ["END", "FIRST_SYMBOL", "MAX_SYMBOLS", "START", "Levels", "count_levels", "join_pieces"]

Ints = NDArray[np.int64]

START, END, FIRST_SYMBOL = 0, 1, 2
MAX_SYMBOLS = 1 << 31
# Slots of the table that n-grams are counted in: 12 bytes each, to stay in the cache.
_TABLE = 1 << 17
# Symbols of the pieces that are joined at once, and windows that are written at once.
_JOINED, _WRITTEN, _MUCH = 1 << 20, 1 << 22, 1 << 25


class Levels(NamedTuple):
    """The n-grams of each level, sorted by context and last code.

    `children` are the numbers of longer n-grams that the n-grams of levels 0 to n - 1 begin;
    `codes` and `counts` are the last codes and counts of those of levels 1 to n.

    Examples
    --------
    >>> count_levels([np.array([0, 1, 0, 1])], 2).counts[1].tolist()
    [1, 2, 1]
    """

    children: list[Ints]
    codes: list[Ints]
    counts: list[Ints]


def join_pieces(
    pieces: Sequence[NDArray[np.integer]], limit: int | None, size: int
) -> Iterator[tuple[Ints, Ints]]:
    """Put pieces one after the other, as many at a time as have about `size` symbols.

    Parameters
    ----------
    pieces : sequence of ndarray of shape (n_steps,), int
    limit, size : int
        Symbols are below the limit, unless it is None.

    Yields
    ------
    symbols, bounds : ndarray of shape (n_symbols,) and (n_pieces + 1,), int64
        Where each piece begins.

    Raises
    ------
    ValueError
        Naming the first symbol that is none, and its piece.

    Examples
    --------
    >>> symbols, bounds = next(join_pieces([np.array([0, 1]), np.array([2])], 3, 9))
    >>> symbols.tolist(), bounds.tolist()
    ([0, 1, 2], [0, 2, 3])
    """
    bounds = np.zeros(len(pieces) + 1, np.int64)
    np.cumsum([len(piece) for piece in pieces], out=bounds[1:])
    marks = np.searchsorted(bounds, np.arange(0, bounds[-1], size)).tolist()
    for i, j in pairwise(dict.fromkeys([0, *marks, len(pieces)])):
        symbols = np.concatenate(pieces[i:j])
        if symbols.dtype.kind not in "iu" or symbols.ndim != 1:
            raise ValueError(
                f"pieces of {symbols.dtype}, {symbols.ndim} axes: expected rows of integers from 0"
            )
        symbols = symbols.astype(np.int64, copy=False)
        if limit is not None:
            _check_symbols(symbols, bounds[i : j + 1] - bounds[i], i, limit)
        yield symbols, bounds[i : j + 1] - bounds[i]


def _check_symbols(symbols: Ints, bounds: Ints, first: int, limit: int) -> None:
    if symbols.view(np.uint64).max(initial=0) >= limit:  # What is negative is large there.
        place = int(np.argmax((symbols < 0) | (symbols >= limit)))
        piece = first + int(np.searchsorted(bounds, place, side="right")) - 1
        raise ValueError(f"piece {piece}: symbol {symbols[place]}: expected from 0, below {limit}")


def count_levels(
    pieces: Sequence[NDArray[np.integer]], n: int, *, end: bool = False, limit: int = MAX_SYMBOLS
) -> Levels:
    """Count the n-grams of pieces.

    Parameters
    ----------
    pieces : sequence of ndarray of shape (n_steps,), int
    n : int
    end : bool
        Whether pieces end in END.
    limit : int
        Symbols are below it; at most MAX_SYMBOLS.

    Raises
    ------
    ValueError
        As `join_pieces`; or for an n below 1.

    Examples
    --------
    >>> levels = count_levels([np.array([0, 1, 0, 1])], 2)
    >>> levels.codes[0].tolist(), levels.counts[0].tolist()  # of START, 0 and 1
    ([0, 2, 3], [1, 2, 2])
    """
    if n < 1:
        raise ValueError(f"n={n!r}: expected an int from 1")
    limit = min(limit, MAX_SYMBOLS)
    windows = _Windows(n, END if end else -1)
    for symbols, bounds in join_pieces(pieces, limit, _JOINED):
        n_bits = int(symbols.max(initial=0) + FIRST_SYMBOL).bit_length()
        if n * n_bits > 64:
            return _count_wide(*next(join_pieces(pieces, limit, MAX_SYMBOLS)), n, end)
        windows.count(symbols, bounds, n_bits)
    return windows.levels()


class _Windows:
    """The last n codes at each place as one number, with counts, in front of arrays that grow."""

    def __init__(self, n: int, end: int) -> None:
        self.n, self.end, self.n_bits, self.n_pieces = n, end, 1, 0
        self.left = 0
        self.keys, self.more_keys = np.empty((2, 0), np.uint64)
        self.tally, self.more_tally = np.empty((2, 0), np.uint32)
        self.table = counting.Counted(np.zeros(0, np.uint64), np.zeros(0, np.uint32))

    def _allocate(self, size: int) -> None:
        """Make the arrays larger, what stands in front kept."""
        keys, tally = self.keys[: self.left], self.tally[: self.left]
        self.keys, self.more_keys = np.empty((2, size), np.uint64)
        self.tally, self.more_tally = np.empty((2, size), np.uint32)
        self.keys[: self.left], self.tally[: self.left] = keys, tally

    def count(self, symbols: Ints, bounds: Ints, n_bits: int) -> None:
        """Count the windows of some pieces, whose codes need n_bits."""
        self._widen(n_bits)
        n_windows = len(symbols) + (self.end >= 0) * (len(bounds) - 1)
        size = min(_TABLE, 1 << (2 * n_windows).bit_length())
        if size > len(self.table.keys):
            self.table = counting.Counted(np.zeros(size, np.uint64), np.zeros(size, np.uint32))
        size = len(self.table.keys)
        if len(self.keys) - self.left < 2 * size:
            self._allocate(self.left + 2 * size + min(n_windows, _WRITTEN))
        shape = self.n, self.n_bits, FIRST_SYMBOL, self.end
        place = np.zeros(3, np.uint64)
        while True:
            windows = counting.Counted(self.keys, self.tally)
            self.left = counting.count_windows(
                symbols, bounds, shape, place, self.table, windows, self.left
            )
            if place[0] == len(bounds) - 1:
                break
            self._cut(self.n)
            few = 8 if len(self.keys) < _MUCH else 2  # What stands in front is sorted again.
            if few * self.left > len(self.keys) - size:
                self._allocate(2 * len(self.keys))
        self.n_pieces += len(bounds) - 1

    def _widen(self, n_bits: int) -> None:
        """Give each code of the windows more bits, where it needs them."""
        if n_bits <= self.n_bits:
            return
        keys, wide = self.keys[: self.left], np.zeros(self.left, np.uint64)
        mask = np.uint64((1 << self.n_bits) - 1)
        for k in range(self.n):
            code = keys >> np.uint64(k * self.n_bits) & mask
            wide |= code << np.uint64(k * n_bits)
        self.keys[: self.left] = wide
        self.n_bits = n_bits

    def _cut(self, k: int) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        """Leave the last k codes of all windows; return the sorted different ones, and counts."""
        keys, tally = self.keys[: self.left], self.tally[: self.left]
        keys &= np.uint64((1 << k * self.n_bits) - 1)
        scratch = self.more_keys[: self.left], self.more_tally[: self.left]
        self.left = counting.sort_counts(keys, tally, *scratch, k * self.n_bits)
        return self.keys[: self.left], self.tally[: self.left]

    def levels(self) -> Levels:
        """Return the n-grams of all levels; the windows are used up."""
        found = Levels([], [], [])
        below = np.zeros(0, np.uint64)
        for k in range(self.n, 0, -1):
            keys, tally = self._cut(k)
            # Left out are those that begin with more than one START: they come first.
            low = np.searchsorted(keys, np.uint64(1 << max(k - 2, 0) * self.n_bits))
            here, count = keys[low:].copy(), tally[low:].astype(np.int64)
            if k == 1:
                here, count = np.append(np.uint64(START), here), np.append(self.n_pieces, count)
            if k < self.n:
                found.children.append(np.zeros(len(here), np.int64))
                counting.count_children(here, below, self.n_bits, found.children[-1])
            found.codes.append((here & np.uint64((1 << self.n_bits) - 1)).astype(np.int64))
            found.counts.append(count)
            below = here
        found.children.append(np.array([len(below)]))
        return Levels(*(column[::-1] for column in found))


def _count_wide(symbols: Ints, bounds: Ints, n: int, end: bool) -> Levels:
    """Count n-grams of any codes: those of a level are numbered, and stand for their prefixes."""
    after = [END] if end else []
    pieces = np.split(symbols + FIRST_SYMBOL, bounds[1:-1])
    codes = np.concatenate([np.r_[START, piece, after].astype(np.int64) for piece in pieces])
    length = np.diff(bounds) + 1 + len(after)
    place = np.arange(len(codes)) - np.repeat(np.cumsum(length) - length, length)
    width, node = int(codes.max()) + 1, np.zeros(len(codes), np.int64)
    found = Levels([], [], [])
    n_above = 1
    for k in range(n):
        there = np.flatnonzero(place >= k)
        context = node[there - 1] if k else node
        key, index, count = np.unique(
            context * width + codes[there], return_inverse=True, return_counts=True
        )
        node[there] = index
        found.children.append(np.bincount(key // width, minlength=n_above))
        found.codes.append(key % width)
        found.counts.append(count)
        n_above = len(key)
    return found
