"""The context tree: how often each sequence of up to n symbols stands in a corpus.

The n-gram w_1 ... w_k is a node of level k, the child of its context w_1 ... w_{k-1}. Its
count says how often it ends somewhere in the corpus. Dropping the first symbol leads to its
*suffix*, a node of the level above: contexts are shortened along these links.

Conventions
-----------
* Codes and pieces are those of `stats_composer.ngrams.count`.
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

from stats_composer.ngrams.count import FIRST_SYMBOL, START, Levels

__all__ = ["ContextTree"]

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

    Examples
    --------
    >>> from stats_composer.ngrams import count_levels
    >>> tree = ContextTree.from_levels(count_levels([np.array([0, 1, 0, 1])], 2))
    >>> tree.n, tree.n_contexts, tree.count[:3].tolist()
    (2, 4, [4, 1, 2])
    """

    level: Ints
    code: Ints
    count: Ints
    first: Ints

    @classmethod
    def from_levels(cls, levels: Levels) -> ContextTree:
        """Build a tree from the n-grams of its levels."""
        children, codes, counts = levels
        predicted = counts[0].sum() - counts[0][codes[0] == START].sum()
        return cls(
            np.cumsum([0, 1, *map(len, codes)]),
            np.concatenate([[0], *codes]),
            np.concatenate([[predicted], *counts]),
            1 + np.cumsum(np.concatenate([[0], *children])),
        )

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
        """Return the child of each node for a code of `codes`, -1 where there is none."""
        known = (codes >= 0) & (codes < self._width)
        wanted = np.where(known, nodes * self._width + codes, -1)
        place = np.minimum(np.searchsorted(self._key, wanted), len(self._key) - 1)
        return np.where(self._key[place] == wanted, place + 1, -1)

    def step(self, nodes: Ints, codes: Ints) -> Ints:
        """Return the longest n-grams that end with some nodes and one of `codes` after each.

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
            Where a count would fall below 0: those pieces were not counted; or where the other
            tree has n-grams of another length.
        """
        if other.n != self.n:
            raise ValueError(f"n-grams of up to {other.n}: expected up to {self.n}, as counted")
        width = max(int(self.code.max()), int(other.code.max())) + 1
        above = [np.zeros(1, np.int64), np.zeros(1, np.int64)]
        found = Levels([], [], [])
        n_above = 1
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
            found.children.append(np.bincount(key[kept] // width, minlength=n_above))
            found.codes.append(key[kept] % width)
            found.counts.append(count[kept])
            n_above = len(found.counts[-1])
        return self.from_levels(found)

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
