"""Counting of n-grams whose codes fit one 64-bit number together.

A window is the n codes that end at a place, b bits each, the last one lowest; before a piece
begins all codes are 0. Windows are counted in a hash table small enough for the cache. When it
is half full it is written out and emptied; where that happens so soon that most windows are
new, the table is left out and every window is written. What was written is radix-sorted, and
equal windows become one. The n-grams of level k are the windows' last k codes, counted again.

References
----------
D. E. Knuth, The Art of Computer Programming 3, sections 5.2.5 (radix sort) and 6.4 (hashing
by multiplication, linear probing).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, jit

__all__ = ["Counted", "count_children", "count_windows", "sort_counts"]

Codes = NDArray[np.uint64]
Counts = NDArray[np.uint32]
Ints = NDArray[np.int64]

# 2^64 over the golden ratio, odd: its products spread neighbours over the upper bits.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
# Bits that one pass of the radix sort looks at: its 2048 counters stay in the first cache.
_DIGIT = 11


class Counted(NamedTuple):
    """Windows, and how often each was met."""

    keys: Codes
    counts: Counts


@jit()
def count_windows(
    symbols: Ints, bounds: Ints, shape: tuple[int, int, int, int], place: Codes,
    table: Counted, windows: Counted, written: int,
) -> int:  # fmt: skip
    """Write the windows of pieces with counts, in no order, some more than once.

    It pauses where there may be no room left: called again, it goes on.

    Parameters
    ----------
    symbols : ndarray of shape (n_symbols,)
    bounds : ndarray of shape (n_pieces + 1,)
        Where each piece begins in `symbols`.
    shape : (n, n_bits, offset, end)
        Codes of a window, bits of a code, the code of symbol 0, and the code that ends each
        piece, or -1 for none.
    place : ndarray of shape (3,)
        Piece, symbol and window to go on with, zeros at first; at the end the piece is n_pieces.
    table : Counted of 2 ** k slots, zeros at first
    windows : Counted, longer than the table
    written : int
        How many windows stand in front already.

    Returns
    -------
    int
        How many windows stand there now.
    """
    n, n_bits, offset, end = shape
    keys, tally = table
    shift = np.uint64(n_bits)
    keep = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - n * n_bits)
    last, slide = np.uint64(keys.size - 1), np.uint64(64)
    while (1 << (64 - np.int64(slide))) < keys.size:
        slide -= np.uint64(1)
    room = windows.keys.size - keys.size
    used, read, direct = 0, 0, False
    going_on, window = np.int64(place[1]), place[2]
    for piece in range(np.int64(place[0]), bounds.size - 1):
        stop = bounds[piece + 1]
        for i in range(max(going_on, bounds[piece]), stop + (end >= 0)):
            if written > room:
                place[0], place[1], place[2] = piece, i, window
                return _empty(table, windows, written)
            code = np.uint64(symbols[i] + offset) if i < stop else np.uint64(end)
            window = ((window << shift) | code) & keep
            if direct:
                windows.keys[written], windows.counts[written] = window, 1
                written += 1
                continue
            slot = (window * _GOLDEN) >> slide
            while keys[slot] != window and keys[slot] != np.uint64(0):
                slot = (slot + np.uint64(1)) & last
            if keys[slot] == np.uint64(0):
                keys[slot] = window
                used += 1
            tally[slot] += np.uint32(1)
            read += 1
            if 2 * used >= keys.size:
                written = _empty(table, windows, written)
                direct = 2 * used > read
                used, read = 0, 0
        window = np.uint64(0)
    place[0] = bounds.size - 1
    return _empty(table, windows, written)


@jit()
def _empty(table: Counted, windows: Counted, written: int) -> int:
    """Move the table's windows to the end of what was written."""
    keys, tally = table
    for slot in range(keys.size):
        if keys[slot] != np.uint64(0):
            windows.keys[written], windows.counts[written] = keys[slot], tally[slot]
            written += 1
            keys[slot], tally[slot] = np.uint64(0), np.uint32(0)
    return written


@inline
def _merge_equal(found, merged):  # type: ignore[no-untyped-def]
    """Make equal keys one, which may be in place, and return how many are left."""
    keys, counts = merged
    left = -1
    for i in range(keys.size):
        key, count = found[0][i], found[1][i]
        if left < 0 or keys[left] != key:
            left += 1
            keys[left], counts[left] = key, count
        else:
            counts[left] += count
    return left + 1


@jit()
def sort_counts(
    keys: Codes, counts: Counts, more_keys: Codes, more_counts: Counts, n_bits: int
) -> int:
    """Sort keys with their counts, and make equal keys one.

    Parameters
    ----------
    keys, counts : ndarray of shape (n,), overwritten
    more_keys, more_counts : ndarray of shape (n,), scratch
    n_bits : int
        Keys are below 2 ** n_bits.

    Returns
    -------
    int
        How many different keys are left, in front.
    """
    n = keys.size
    n_passes = (n_bits + _DIGIT - 1) // _DIGIT
    mask = np.uint64((1 << _DIGIT) - 1)
    start = np.zeros((n_passes, 1 << _DIGIT), np.int64)
    for i in range(n):
        for k in range(n_passes):
            start[k, (keys[i] >> np.uint64(k * _DIGIT)) & mask] += 1
    here, there = (keys, counts), (more_keys, more_counts)
    for k in range(n_passes):
        total, alone = 0, False
        for digit in range(start.shape[1]):
            alone = alone or start[k, digit] == n
            start[k, digit], total = total, total + start[k, digit]
        if alone:
            continue
        for i in range(n):
            digit = (here[0][i] >> np.uint64(k * _DIGIT)) & mask
            place = start[k, digit]
            start[k, digit] = place + 1
            there[0][place], there[1][place] = here[0][i], here[1][i]
        here, there = there, here
    left: int = _merge_equal(here, (keys, counts))
    return left


@jit()
def count_children(parents: Codes, keys: Codes, n_bits: int, children: Ints) -> None:
    """Count the keys that begin with each parent.

    Parameters
    ----------
    parents : ndarray, sorted, all different
    keys : ndarray, sorted
        Each a parent and one more code of n_bits.
    n_bits : int
    children : ndarray of the shape of parents, zeros
    """
    place = 0
    for i in range(keys.size):
        while parents[place] != keys[i] >> np.uint64(n_bits):
            place += 1
        children[place] += 1
