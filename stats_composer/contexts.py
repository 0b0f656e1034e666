"""The context tree: how often each sequence of up to n symbols stands in a corpus.

The n-gram w_1 ... w_k is a node of level k, the child of its context w_1 ... w_{k-1}. Its
count says how often it ends somewhere in the corpus. Dropping the first symbol leads to its
*suffix*, a node of the level above: contexts are shortened along these links.

Conventions
-----------
* A piece is read as START, its symbols, and END where the end is modelled. An n-gram holds
  START at most once, in front: what comes first in a piece has the context START alone.
* A code is a symbol plus `FIRST_SYMBOL`; START and END come before them.
* Nodes are numbered level by level from the root, 0, and within a level by parent and code:
  children of a node are neighbours, those of node i from `first[i]` to `first[i + 1]`.

References
----------
A. Pauls, D. Klein, "Faster and smaller n-gram language models", ACL 2011, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels import counting

__all__ = ["END", "FIRST_SYMBOL", "START", "ContextTree"]

START, END, FIRST_SYMBOL = 0, 1, 2
# Slots of the table that n-grams are counted in: 12 bytes each, to stay in the cache.
_TABLE = 1 << 17
# Windows that are written before equal ones become one; more where more are different.
_BLOCK = 1 << 23

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ContextTree:
    """Counts of all n-grams of up to n symbols.

    Attributes
    ----------
    level : ndarray of shape (n + 2,), int64
        Where each level begins; the last entry is the number of nodes.
    code : ndarray of shape (n_nodes,), int64
        The last code of each n-gram; 0 at the root.
    count : ndarray of shape (n_nodes,), int64
        At the root the number of symbols predicted, at START the number of pieces.
    first : ndarray of shape (n_contexts + 1,), int64
        Where the children of each node above the last level begin.
    """

    level: Ints
    code: Ints
    count: Ints
    first: Ints

    @classmethod
    def from_levels(
        cls, children: list[Ints], codes: list[Ints], counts: list[Ints]
    ) -> ContextTree:
        """Build a tree from its levels.

        Parameters
        ----------
        children : list of ndarray
            How many the nodes of levels 0 to n - 1 have.
        codes, counts : lists of ndarray
            Of the nodes of levels 1 to n.
        """
        predicted = counts[0].sum() - counts[0][codes[0] == START].sum()
        return cls(
            np.cumsum([0, 1, *map(len, codes)]),
            np.concatenate([[0], *codes]),
            np.concatenate([[predicted], *counts]),
            1 + np.cumsum(np.concatenate([[0], *children])),
        )

    @classmethod
    def count_pieces(cls, symbols: Ints, bounds: Ints, n: int, *, end: bool = False) -> ContextTree:
        """Count the n-grams of pieces.

        Parameters
        ----------
        symbols : ndarray of shape (n_symbols,), int64
            The pieces one after the other.
        bounds : ndarray of shape (n_pieces + 1,), int64
            Where each piece begins in `symbols`.
        n : int
        end : bool
            Whether pieces end in END.
        """
        n_bits = int(symbols.max(initial=0) + FIRST_SYMBOL).bit_length()
        if n * n_bits > 64:
            return _count_wide(symbols, bounds, n, end)
        return _count_packed(symbols, bounds, n, n_bits, end)

    @property
    def n(self) -> int:
        """Length of the longest n-grams."""
        return len(self.level) - 2

    @property
    def n_contexts(self) -> int:
        """Number of nodes above the last level."""
        return len(self.first) - 1

    @property
    def n_symbols(self) -> int:
        """One more than the largest symbol seen."""
        return max(int(self.code[1 : self.level[2]].max(initial=0)) + 1 - FIRST_SYMBOL, 0)

    @cached_property
    def parent(self) -> Ints:
        """The context of each node; -1 at the root."""
        children: Ints = np.diff(self.first)
        return np.concatenate([[-1], np.repeat(np.arange(self.n_contexts), children)])

    @cached_property
    def suffix(self) -> Ints:
        """The node without the first symbol of each; -1 at the root."""
        suffix = np.full(len(self.code), -1)
        suffix[1 : self.level[2]] = 0
        for k in range(2, self.n + 1):
            here = slice(self.level[k], self.level[k + 1])
            suffix[here] = self.children(suffix[self.parent[here]], self.code[here])
        return suffix

    @cached_property
    def begins(self) -> NDArray[np.bool_]:
        """Whether each n-gram begins with START."""
        begins = np.zeros(len(self.code), bool)
        begins[1 : self.level[2]] = self.code[1 : self.level[2]] == START
        for k in range(2, self.n + 1):
            here = slice(self.level[k], self.level[k + 1])
            begins[here] = begins[self.parent[here]]
        return begins

    @cached_property
    def _key(self) -> Ints:
        """Parent and code of each node but the root, in one number; rising."""
        key: Ints = self.parent[1:] * self._width + self.code[1:]
        return key

    @cached_property
    def _width(self) -> int:
        return int(self.code.max()) + 1

    def children(self, nodes: Ints, codes: Ints) -> Ints:
        """Return the child of each node for a code, -1 where there is none."""
        known = (codes >= 0) & (codes < self._width)
        wanted = np.where(known, nodes * self._width + codes, -1)
        place = np.minimum(np.searchsorted(self._key, wanted), len(self._key) - 1)
        return np.where(self._key[place] == wanted, place + 1, -1)

    def step(self, nodes: Ints, codes: Ints) -> Ints:
        """Return the longest n-grams that end with some nodes and a code after each.

        The root where not even the code is there; a node of the last level is not cut first.
        """
        after = np.zeros(len(nodes), np.int64)
        left = np.flatnonzero(codes >= 0)
        nodes = nodes.copy()
        while len(left):
            child = self.children(nodes[left], codes[left])
            after[left] = np.maximum(child, 0)
            left = left[(child < 0) & (nodes[left] > 0)]
            nodes[left] = self.suffix[nodes[left]]
        return after

    def sum_children(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum a value of each node over the children of each context."""
        return np.bincount(self.parent[1:], value[1:], self.n_contexts).astype(np.float64)

    def shorten(self, nodes: Ints, length: int) -> Ints:
        """Cut nodes to their last codes, at most `length` of them."""
        level = np.repeat(np.arange(self.n + 1), np.diff(self.level))
        for _ in range(self.n):
            nodes = np.where(level[nodes] > length, self.suffix[nodes], nodes)
        return nodes

    def plus(self, other: ContextTree, sign: int = 1) -> ContextTree:
        """Add the counts of another tree, or take them away again with a sign of -1.

        Raises
        ------
        ValueError
            Where a count would fall below 0: those pieces were not counted.
        """
        width = max(int(self.code.max()), int(other.code.max())) + 1
        above = [np.zeros(1, np.int64), np.zeros(1, np.int64)]
        children: list[Ints] = []
        codes: list[Ints] = []
        counts: list[Ints] = []
        for k in range(1, self.n + 1):
            keys = [t._keys(k, place, width) for t, place in zip((self, other), above, strict=True)]
            key = np.union1d(*keys)
            count = np.zeros(len(key), np.int64)
            above = [np.searchsorted(key, own) for own in keys]
            count[above[0]] = self.count[self.level[k] : self.level[k + 1]]
            count[above[1]] += sign * other.count[other.level[k] : other.level[k + 1]]
            if (count < 0).any():
                raise ValueError("pieces to forget: not among those that were counted")
            kept = count > 0
            place = np.cumsum(kept) - 1
            above = [np.where(kept[own], place[own], -1) for own in above]
            n_above = len(codes[-1]) if codes else 1
            children.append(np.bincount(key[kept] // width, minlength=n_above))
            codes.append(key[kept] % width)
            counts.append(count[kept])
        return self.from_levels(children, codes, counts)

    def _keys(self, k: int, above: Ints, width: int) -> Ints:
        """Parent and code in one number of the nodes of a level, the parents renumbered."""
        here = slice(self.level[k], self.level[k + 1])
        parent: Ints = above[self.parent[here] - self.level[k - 1]]
        return parent * width + self.code[here]

    def check(self, n: int) -> None:
        """Check that arrays from outside are a tree of n levels.

        Raises
        ------
        ValueError
            If they are not.
        """
        level, size = self.level, len(self.code)
        sound = (
            len(level) == n + 2
            and level[0] == 0
            and (np.diff(level) >= 0).all()
            and level[-1] == size == len(self.count)
            and self.n_contexts == level[n]
            and np.array_equal(self.first[level[:-1]], level[1:])
            and (self.code >= 0).all()
            and (self.count >= 0).all()
        )
        if sound:
            rising = np.diff(self.code[1:], prepend=-1) > 0
            rising[self.first[:-1][self.first[:-1] < size] - 1] = True
            inner = slice(level[2], None) if n > 1 else slice(0, 0)
            above = self.suffix[inner]
            sound = rising.all() and (above >= 0).all()
        if not sound:
            raise ValueError(f"not a context tree of {n} levels")


def _count_packed(symbols: Ints, bounds: Ints, n: int, n_bits: int, end: bool) -> ContextTree:
    """Count n-grams of n codes of n_bits as numbers of 64 bits."""
    n_pieces = len(bounds) - 1
    n_windows = len(symbols) + end * n_pieces
    table = min(_TABLE, 1 << (2 * n_windows).bit_length())
    store = _Windows(min(n_windows, _BLOCK) + 2 * table, table)
    store.fill(symbols, bounds, (n, n_bits, FIRST_SYMBOL, END if end else -1))
    children: list[Ints] = []
    codes: list[Ints] = []
    counts: list[Ints] = []
    below = np.zeros(0, np.uint64)
    for k in range(n, 0, -1):
        keys, count = store.cut(k * n_bits)
        # Left out are those that begin with more than one START: they come first.
        low = np.searchsorted(keys, np.uint64(1 << max(k - 2, 0) * n_bits))
        here, number = keys[low:].copy(), count[low:].astype(np.int64)
        if k == 1:
            here, number = np.append(np.uint64(START), here), np.append(n_pieces, number)
        if k < n:
            children.append(np.zeros(len(here), np.int64))
            counting.count_children(here, below, n_bits, children[-1])
        codes.append((here & np.uint64((1 << n_bits) - 1)).astype(np.int64))
        counts.append(number)
        below = here
    children.append(np.array([len(below)]))
    return ContextTree.from_levels(children[::-1], codes[::-1], counts[::-1])


class _Windows:
    """Windows with their counts, in front of arrays that grow as they must."""

    def __init__(self, size: int, table: int) -> None:
        self.left, self.table = 0, table
        self.keys, self.more_keys = np.empty((2, size), np.uint64)
        self.count, self.more_count = np.empty((2, size), np.uint32)

    def fill(self, symbols: Ints, bounds: Ints, shape: tuple[int, int, int, int]) -> None:
        """Count all windows, making equal ones one where the room runs out."""
        place = np.zeros(3, np.uint64)
        table, tally = np.zeros(self.table, np.uint64), np.zeros(self.table, np.uint32)
        while True:
            self.left = counting.count_windows(
                symbols, bounds, shape, place, table, tally, self.keys, self.count, self.left
            )
            if place[0] == len(bounds) - 1:
                return
            self.cut(shape[0] * shape[1])
            if 2 * self.left > len(self.keys):
                grown = _Windows(2 * len(self.keys), self.table)
                grown.keys[: self.left] = self.keys[: self.left]
                grown.count[: self.left] = self.count[: self.left]
                grown.left = self.left
                self.__dict__.update(grown.__dict__)

    def cut(self, n_bits: int) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        """Leave the last bits of all windows; return the sorted different ones, and counts."""
        keys, count = self.keys[: self.left], self.count[: self.left]
        keys &= np.uint64((1 << n_bits) - 1)
        self.left = counting.sort_counts(
            keys, count, self.more_keys[: self.left], self.more_count[: self.left], n_bits
        )
        return self.keys[: self.left], self.count[: self.left]


def _count_wide(symbols: Ints, bounds: Ints, n: int, end: bool) -> ContextTree:
    """Count n-grams of any codes: those of a level are numbered, and stand for their prefixes."""
    after = [END] if end else []
    pieces = np.split(symbols + FIRST_SYMBOL, bounds[1:-1])
    codes = np.concatenate([np.r_[START, piece, after].astype(np.int64) for piece in pieces])
    length = np.diff(bounds) + 1 + len(after)
    place = np.arange(len(codes)) - np.repeat(np.cumsum(length) - length, length)
    width, node = int(codes.max()) + 1, np.zeros(len(codes), np.int64)
    children: list[Ints] = []
    last: list[Ints] = []
    counts: list[Ints] = []
    for k in range(n):
        there = np.flatnonzero(place >= k)
        context = node[there - 1] if k else node
        key, index, count = np.unique(
            context * width + codes[there], return_inverse=True, return_counts=True
        )
        node[there] = index
        children.append(np.bincount(key // width, minlength=len(counts[-1]) if counts else 1))
        last.append(key % width)
        counts.append(count)
    return ContextTree.from_levels(children, last, counts)
