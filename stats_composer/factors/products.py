"""Products of automata: what reads a voice as all of some automata do, adding their log-weights.

States are pairs, made only where they can be reached through the symbols allowed. The second
factor may be a `Machine`, which has more states than could be listed.

References
----------
M. Mohri, "Weighted automata algorithms", Handbook of Weighted Automata, 2009, section 5.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from stats_composer.errors import ConstraintError
from stats_composer.factors.automata import Automaton
from stats_composer.kernels.arrays import Bools, Floats, Ints

__all__ = ["MAX_STATES", "Machine", "multiply", "multiply_all"]


MAX_STATES = 100_000


class Machine(Protocol):
    """What a product asks of its second factor, which may compute its states as they come.

    Attributes
    ----------
    kind, initial : as of an `Automaton`
    n_states : int
        States are numbers below this; it may be large, for only those reached are looked at.

    Examples
    --------
    >>> from stats_composer.ngrams import CopyMachine
    >>> all(hasattr(CopyMachine, name) for name in ("kind", "n_states", "initial", "follow", "end"))
    False
    """

    @property
    def kind(self) -> Ints: ...  # noqa: D102

    @property
    def n_states(self) -> int: ...  # noqa: D102

    @property
    def initial(self) -> int: ...  # noqa: D102

    def follow(self, kind: int, states: Ints, symbols: Ints) -> tuple[Ints, Floats]:
        """Return where states go through symbols, -1 where they are refused, and log-weights."""
        ...

    def end(self, states: Ints) -> Floats:
        """Return the log-weights of ending in states."""
        ...


def multiply_all(
    automata: Iterable[Automaton | Machine], allowed: Bools, *, max_states: int = MAX_STATES
) -> Automaton:
    """Build the automaton that reads as all of some automata do, adding their log-weights.

    Parameters
    ----------
    automata : iterable of Automaton or Machine, of the same number of steps
        Of none the product is an automaton of one state that accepts everything.
    allowed : ndarray of shape (n_steps, n_symbols), bool
        Only states that can be reached through these symbols are built.
    max_states : int

    Raises
    ------
    ConstraintError
        Where the product has more than `max_states` states.

    Examples
    --------
    >>> free = multiply_all([], allowed=np.ones((3, 2), bool))
    >>> free.n_states, free.log_weight_of(np.array([0, 1, 1]))
    (1, 0.0)
    """
    automata = list(automata)
    tables = [part for part in automata if isinstance(part, Automaton)]
    machines = [part for part in automata if not isinstance(part, Automaton)]
    if tables:
        result, *tables = tables
    else:
        n_steps, n_symbols = allowed.shape
        result = Automaton.from_table(np.zeros((1, 1, n_symbols)), np.zeros(n_steps, np.int64))
    for part in (*tables, *machines):
        result = multiply(result, part, allowed, max_states)
    return result


def multiply(
    left: Automaton, right: Automaton | Machine, allowed: Bools, max_states: int = MAX_STATES
) -> Automaton:
    """Build the product of two automata, its states only where they can be reached.

    Parameters
    ----------
    left : Automaton
    right : Automaton or Machine
    allowed, max_states
        As of `multiply_all`, whose errors are raised.

    Examples
    --------
    >>> allowed = np.ones((3, 2), bool)
    >>> alternate = Automaton.first_order(np.array([[-np.inf, 0.0], [0.0, -np.inf]]), 3)
    >>> multiply(alternate, alternate, allowed).log_weight_of(np.array([0, 1, 0]))
    0.0
    """
    pairs, kind = np.unique(np.stack([left.kind, right.kind], axis=1), axis=0, return_inverse=True)
    kind = kind.ravel()
    _, rows = np.unique(allowed, axis=0, return_inverse=True)
    product = _Product(left, right, pairs)
    reached = np.zeros(1, np.int64)
    known: dict[tuple[int, int, bytes], Ints] = {}
    for t, key in enumerate(zip(kind.tolist(), rows.ravel().tolist(), strict=True)):
        step = (*key, reached.tobytes())
        if step not in known:
            known[step] = product.follow(key[0], reached, allowed[t])
            if product.n_reached > max_states:
                raise ConstraintError(
                    f"the constraints of a voice need more than {max_states} states together: "
                    "ask for less at once, or in fewer bars"
                )
        reached = known[step]
    return product.collect(kind)


class _Product:
    """A product that grows as its states are reached; states are numbered as they are met."""

    def __init__(self, left: Automaton, right: Automaton | Machine, pairs: Ints) -> None:
        self.left, self.right, self.pairs = left, right, pairs
        start = left.initial * right.n_states + right.initial
        self.number = {start: 0}
        self.is_reached = np.ones(1, bool)
        self.expanded = [np.zeros(1, bool) for _ in pairs]
        none = (*(np.zeros(0, np.int64) for _ in range(3)), np.zeros(0))
        self.tables: list[tuple[Any, ...]] = [none for _ in pairs]

    @property
    def n_reached(self) -> int:
        """Number of states found so far."""
        return int(self.is_reached.sum())

    def follow(self, k: int, reached: Ints, allowed: Bools) -> Ints:
        """Return the states that follow some states in a step of joint kind k."""
        new = reached[~self.expanded[k][reached]]
        if len(new):
            arcs = self._arcs(k, new)
            self.tables[k] = tuple(
                np.concatenate(columns) for columns in zip(self.tables[k], arcs, strict=True)
            )
            self.expanded[k][new] = True
        now, after = np.zeros((2, len(self.number)), bool)
        now[reached] = True
        source, symbol, target, _ = self.tables[k]
        after[target[now[source] & allowed[symbol]]] = True
        self.is_reached |= after
        return np.flatnonzero(after)

    def _arcs(self, k: int, states: Ints) -> tuple[Ints, Ints, Ints, Floats]:
        """Find the arcs of some states: those of the left factor that the right one has too."""
        left, right = self.left, self.right
        codes = np.fromiter(self.number, np.int64)[states]
        s_left, s_right = np.divmod(codes, right.n_states)
        first = left.first[self.pairs[k, 0]]
        begin, count = first[s_left], first[s_left + 1] - first[s_left]
        row = np.repeat(np.arange(len(states)), count)
        i = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + begin[row]
        target, log_weight = right.follow(int(self.pairs[k, 1]), s_right[row], left.symbol[i])
        found = target >= 0
        i, row, target = i[found], row[found], target[found]
        targets = self._numbers(left.target[i] * right.n_states + target)
        return states[row], left.symbol[i], targets, left.log_weight[i] + log_weight[found]

    def _numbers(self, codes: Ints) -> Ints:
        """Return the numbers of states, new ones for those not met before."""
        distinct, place = np.unique(codes, return_inverse=True)
        numbers = [self.number.setdefault(c, len(self.number)) for c in distinct.tolist()]
        n_new = len(self.number) - len(self.is_reached)
        self.is_reached = np.append(self.is_reached, np.zeros(n_new, bool))
        self.expanded = [np.append(flags, np.zeros(n_new, bool)) for flags in self.expanded]
        return np.array(numbers, np.int64)[place.ravel()]

    def collect(self, kind: Ints) -> Automaton:
        """Return the automaton of the states that are reached, its arcs laid out flat."""
        kept = np.flatnonzero(self.is_reached)
        renumber = np.cumsum(self.is_reached) - 1
        parts, first, begin = [], [], 0
        for columns in self.tables:
            known = self.is_reached[columns[2]]
            source, symbol, target, log_weight = (column[known] for column in columns)
            order = np.lexsort([symbol, source])
            count = np.bincount(renumber[source], minlength=len(kept))
            first.append(begin + np.r_[0, np.cumsum(count)])
            begin += len(source)
            parts.append((symbol[order], renumber[target[order]], log_weight[order]))
        symbol, target, log_weight = (np.concatenate(c) for c in zip(*parts, strict=True))
        codes = np.fromiter(self.number, np.int64)[kept]
        s_left, s_right = np.divmod(codes, self.right.n_states)
        final = self.left.final[s_left] + self.right.end(s_right)
        return Automaton(np.array(first), symbol, target, log_weight, kind, final)
