"""Copies: runs of events that stand in a corpus, shifted or not.

An event has a label (a pitch) and a time. Two runs are the same where the differences of
their successive labels and times are: transposed, and wherever they begin. So a run of n + 1
events is n *moves*, and a context tree of the corpus's moves tells which runs stand in it.

References
----------
A. Papadopoulos, P. Roy, F. Pachet, "Avoiding plagiarism in Markov sequence generation",
AAAI 2014.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stats_composer.ngrams.count import FIRST_SYMBOL, count_levels
from stats_composer.ngrams.tree import ContextTree

__all__ = ["CopyMachine", "Repertoire"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Repertoire:
    """What is not to be copied, as moves from event to event.

    Parameters
    ----------
    pieces : iterable of (labels, times)
        Of the events of each piece in order, array_like of int, of equal length.

    Attributes
    ----------
    moves : ndarray of shape (n_moves, 2), int64
        Differences of label and of time, one piece after the other.
    length : ndarray of shape (n_pieces,), int64
        Moves of each piece.

    Examples
    --------
    >>> corpus = Repertoire([([60, 62, 64, 65, 67], [0, 1, 2, 3, 4])])
    >>> corpus.first_copy(2, [50, 52, 54, 60], [0, 1, 2, 3])
    2
    >>> corpus.first_copy(3, [50, 52, 54, 60], [0, 1, 2, 3])
    -1
    """

    def __init__(self, pieces: Iterable[tuple[ArrayLike, ArrayLike]]) -> None:
        steps = [_moves(labels, times, f"piece {i}: ") for i, (labels, times) in enumerate(pieces)]
        self._keep(
            np.concatenate([np.zeros((0, 2), np.int64), *steps]), np.array([*map(len, steps)])
        )

    def _keep(self, moves: Ints, length: Ints) -> None:
        self.moves, self.length = moves, length
        self._kinds, code = np.unique(moves, axis=0, return_inverse=True)
        self._codes = np.split(code.ravel(), np.cumsum(length)[:-1])
        self._trees: dict[int, ContextTree] = {}

    def state(self) -> dict[str, Ints]:
        """Return the arrays that `restore` takes, for a model file."""
        return {"moves": self.moves, "length": self.length}

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave.

        Raises
        ------
        ValueError
            If the arrays are not those of a corpus.
        """
        moves, length = (np.asarray(arrays[name], np.int64) for name in ("moves", "length"))
        if moves.ndim != 2 or moves.shape[1] != 2 or length.ndim != 1 or length.sum() != len(moves):
            raise ValueError("not the moves of a corpus")
        corpus = cls([])
        corpus._keep(moves, length)
        return corpus

    def tree(self, n: int) -> ContextTree:
        """Return the tree of all runs of up to n moves."""
        if n not in self._trees:
            self._trees[n] = ContextTree.from_levels(count_levels(self._codes, n))
        return self._trees[n]

    def codes(self, moves: Ints) -> Ints:
        """Return the code of each of some moves (n, 2) in the trees, -1 where it has none."""
        known, low, width = self._packed
        time = moves[:, 1] - low
        place = known.searchsorted(moves[:, 0] * width + time)
        found = (time >= 0) & (time < width) & (known[place] == moves[:, 0] * width + time)
        return np.where(found, place + FIRST_SYMBOL, -1)

    @cached_property
    def _packed(self) -> tuple[Ints, int, int]:
        """The kinds of moves as one number each, rising, and one beyond; least time; times."""
        label, time = self._kinds.T
        low = int(time.min(initial=0))
        width = int(time.max(initial=0)) - low + 1
        return np.append(label * width + time - low, np.iinfo(np.int64).max), low, width

    def first_copy(self, n: int, labels: ArrayLike, times: ArrayLike) -> int:
        """Return the index of the first event that ends a run of n + 1 that stands in the corpus.

        Parameters
        ----------
        n : int
            At least 1.
        labels, times : array_like of shape (n_events,), int

        Returns
        -------
        int
            -1 where there is no such run.

        Raises
        ------
        ValueError
            If n is below 1, or labels and times differ in number.
        """
        if n < 1:
            raise ValueError(f"n={n!r}: expected an int from 1")
        moves = _moves(labels, times)
        if len(moves) < n:
            return -1
        codes, tree = self.codes(moves), self.tree(n)
        nodes = np.zeros(len(codes) - n + 1, np.int64)
        for k in range(n):
            nodes = np.where(nodes < 0, -1, tree.children(nodes, codes[k : k + len(nodes)]))
        found = np.flatnonzero(nodes > 0)
        return int(found[0]) + n if len(found) else -1


def _moves(labels: ArrayLike, times: ArrayLike, where: str = "") -> Ints:
    """Return the moves of a piece, of shape (n_events - 1, 2)."""
    rows = [np.asarray(row) for row in (labels, times)]
    rows = [row.astype(np.int64) if not row.size else row for row in rows]
    if any(row.ndim != 1 or row.dtype.kind not in "iu" for row in rows):
        raise ValueError(f"{where}expected labels and times, integers in a row each")
    if len(rows[0]) != len(rows[1]):
        raise ValueError(f"{where}{len(rows[0])} labels, {len(rows[1])} times: expected as many")
    return np.stack([np.diff(row.astype(np.int64)) for row in rows], axis=1)


class CopyMachine:
    """Reads a voice and refuses a run of more than n events that stands in a corpus.

    A second factor of a product, `stats_composer.factors.multiply`: its states, the longest
    run read, the last label and the time since, are made only where they are reached.

    Parameters
    ----------
    corpus : Repertoire
    n : int
        Longest run that may be copied, in events.
    label : ndarray of shape (n_symbols,), int64
        Of the event that each symbol is; negative for symbols that are none, such as a rest.
    length : ndarray of shape (n_symbols,), int64
        The time that each symbol takes.
    n_steps : int
    log_weight : float
        Of each run of n + 1 events that stands in the corpus; -inf refuses.

    Examples
    --------
    >>> from stats_composer.sampling.chain import Chain
    >>> label, length = np.array([-1, 60, 62, 64]), np.ones(4, np.int64)
    >>> corpus = Repertoire([([60, 62, 64, 62], [0, 1, 2, 3])])
    >>> machine = CopyMachine(corpus, 2, label, length, 3)
    >>> round(float(np.exp(Chain(np.zeros((3, 4)), [machine]).log_normaliser)))
    61
    """

    def __init__(
        self,
        corpus: Repertoire,
        n: int,
        label: Ints,
        length: Ints,
        n_steps: int,
        *,
        log_weight: float = -np.inf,
    ) -> None:
        if n < 1:
            raise ValueError(f"copies of {n} events: expected at least 1")
        if label.shape != length.shape or label.ndim != 1 or (length < 0).any() or n_steps < 0:
            raise ValueError(
                f"labels {label.shape}, lengths {length.shape} of {n_steps} steps: "
                "expected as many, lengths from 0"
            )
        self.tree = corpus.tree(n)
        self.kind, self.initial = np.zeros(n_steps, np.int64), 0
        self.log_weight = log_weight
        labels, place = np.unique(label, return_inverse=True)
        none = int((labels < 0).sum())
        self.place = np.maximum(place.ravel() - none + 1, 0)
        self.unit = max(int(np.gcd.reduce(length)), 1)
        self.length = length // self.unit
        longest = int(corpus.moves[:, 1].max(initial=0)) // self.unit
        events = labels[none:]
        self.shape = len(self.tree.code), len(events) + 1, longest + 1
        self.code = self._codes(corpus, events, longest)

    def _codes(self, corpus: Repertoire, events: Ints, longest: int) -> Ints:
        """Return the code of each move, by label before, label after, and time between."""
        label = np.append(events[:1], events)
        step = label[None, :, None] - label[:, None, None] + np.zeros(longest + 1, np.int64)
        time = np.broadcast_to(np.arange(longest + 1) * self.unit, step.shape)
        codes = corpus.codes(np.stack([step.ravel(), time.ravel()], axis=1)).reshape(step.shape)
        codes[0] = -1
        return codes

    @property
    def n_states(self) -> int:
        """Number of states that can be thought of."""
        return int(np.prod([*map(int, self.shape)], dtype=object))

    def follow(self, kind: int, states: Ints, symbols: Ints) -> tuple[Ints, Floats]:
        """Return where states go, -1 where refused, and log-weights, at a `kind` of step."""
        node, label, time = np.unravel_index(states, self.shape)
        place = self.place[symbols]
        event = place > 0
        after = np.where(event, self.tree.step(node, self.code[label, place, time]), node)
        copied = event & (after >= self.tree.level[-2])
        after[copied] = self.tree.suffix[after[copied]]
        label = np.where(event, place, label)
        time = np.where(event, 0, time) + self.length[symbols]
        lost = time >= self.shape[2]  # No run of the corpus waits so long.
        target = np.ravel_multi_index(
            [np.where(lost, 0, x) for x in (after, label, time)], self.shape
        )
        if self.log_weight == -np.inf:
            target[copied] = -1
        return target, np.where(copied, self.log_weight, 0.0)

    def end(self, states: Ints) -> Floats:
        """Return the log-weights of ending in states: all may end."""
        return np.zeros(len(states))
