"""The contexts of an n-gram model that a voice can pass through, as an automaton."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import ConstraintError
from stats_composer.factors import Automaton
from stats_composer.kernels.ngram import Tables, fill_rows
from stats_composer.ngrams import END, FIRST_SYMBOL, ContextTree

__all__ = ["MAX_ARCS", "Reach"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_ARCS = 20_000_000
_BLOCK = 1 << 20


class Reach:
    """Contexts with what can follow them, found from a first one step by step.

    Parameters
    ----------
    tree : ContextTree
    tables : Tables
    start : int
        The first context.
    allowed : ndarray of shape (n_symbols,), bool
        Symbols that ever come.
    support : int, optional
        As of `NGram.automaton`.

    Attributes
    ----------
    state : ndarray of shape (n_states,), int64
        The contexts as nodes of the tree; a state is an index into them.
    """

    def __init__(
        self, tree: ContextTree, tables: Tables, start: int, allowed: Bools, support: int | None
    ) -> None:
        self.tree, self.tables, self.support = tree, tables, support
        self.allowed = np.concatenate([np.zeros(FIRST_SYMBOL, bool), allowed])
        self.state = np.array([start])
        self.number = np.full(len(tree.code), -1)
        self.number[start] = 0
        none = np.zeros(0, np.int64)
        self.arcs: tuple[Ints, Ints, Ints, Floats] = (none, none, none, np.zeros(0))
        self.end = np.zeros(0)
        self.known: dict[tuple[bytes, bytes], Ints] = {}

    def follow(self, reached: Ints, allowed: Bools) -> Ints:
        """Return the states that follow some states through allowed symbols.

        Raises
        ------
        ConstraintError
            Where there are more than `MAX_ARCS` ways on from all states.
        """
        step = reached.tobytes(), allowed.tobytes()
        if step not in self.known:
            self._expand()
            source, symbol, target, _ = self.arcs
            now = np.zeros(len(self.state), bool)
            now[reached] = True
            nodes = np.unique(target[now[source] & allowed[symbol]])
            new = nodes[self.number[nodes] < 0]
            self.number[new] = len(self.state) + np.arange(len(new))
            self.state = np.concatenate([self.state, new])
            self.known[step] = np.sort(self.number[nodes])
        return self.known[step]

    def _expand(self) -> None:
        """Find the arcs of the states that have none yet; their targets are nodes."""
        parts = [self.arcs]
        ends = [self.end]
        begin = len(self.end)
        while begin < len(self.state):
            stop = begin + max(_BLOCK // len(self.allowed), 1)
            arcs, end = self._rows(begin, self.state[begin:stop])
            parts.append(arcs)
            ends.append(end)
            begin += len(end)
            if sum(len(part[0]) for part in parts) > MAX_ARCS:
                raise ConstraintError(
                    f"the n-gram model has more than {MAX_ARCS} ways to go on: lower its n or "
                    "its support, or allow fewer symbols"
                )
        if len(parts) > 1:
            source, symbol, target, weight = zip(*parts, strict=True)
            joined = (np.concatenate(source), np.concatenate(symbol), np.concatenate(target))
            self.arcs = (*joined, np.concatenate(weight))
            self.end = np.concatenate(ends)

    def _rows(self, first: int, nodes: Ints) -> tuple[tuple[Ints, Ints, Ints, Floats], Floats]:
        """Return the arcs of some contexts, numbered from `first`, and the weights of ending."""
        prob = np.empty((len(nodes), len(self.allowed)))
        target = np.empty(prob.shape, np.int64)
        fill_rows(self.tables, nodes, prob, target)
        if self.support is not None:
            prob[~self._seen(self.tree.shorten(nodes, self.support))] = 0.0
        row, code = np.nonzero(self.allowed & (prob > 0.0))
        with np.errstate(divide="ignore"):  # An end that cannot come has a weight of -inf.
            end = np.log(prob[:, END])
        arcs = first + row, code - FIRST_SYMBOL, target[row, code], np.log(prob[row, code])
        return arcs, end

    def _seen(self, contexts: Ints) -> Bools:
        """Return which codes were seen after each context."""
        first = self.tree.first[contexts]
        count = self.tree.first[contexts + 1] - first
        row = np.repeat(np.arange(len(contexts)), count)
        child = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[row]
        seen = np.zeros((len(contexts), len(self.allowed)), bool)
        seen[row, self.tree.code[child]] = True
        return seen

    def automaton(self, n_steps: int, end: bool) -> Automaton:
        """Return the automaton of the states, with the arcs between them.

        Parameters
        ----------
        n_steps : int
        end : bool
            Whether ending weighs as much as the end of a piece.
        """
        self._expand()
        source, symbol, target, log_weight = self.arcs
        target = self.number[target]
        kept = target >= 0
        first = np.cumsum(np.bincount(source[kept] + 1, minlength=len(self.state) + 1))
        return Automaton(
            first[None],
            symbol[kept],
            target[kept],
            log_weight[kept],
            np.zeros(n_steps, np.int64),
            self.end if end else np.zeros(len(self.state)),
        )
