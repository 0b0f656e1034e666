"""Weighted deterministic automata over the symbols of one voice.

An automaton reads a voice from the first step to the last. In a step of kind k and a state s
the symbol x costs the log-weight w_k(s, x) and leads to one state, or is refused. It says
everything that is horizontal and regular: a motif that must come, a rhythm, a count in every
bar, a Markov or n-gram law whose states are the contexts.

Conventions
-----------
Arcs are flat arrays: those of state s in a step of kind k are `first[k, s]` to
`first[k, s + 1]`, in rising order of their symbols, at most one a symbol. What is not there
is refused.

References
----------
M. Mohri, "Weighted automata algorithms", Handbook of Weighted Automata, 2009, section 5.
G. Pesant, "A regular language membership constraint for finite sequences of variables",
CP 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from stats_composer.errors import ConstraintError
from stats_composer.kernels.arrays import Bools, Floats, Ints

Arcs = tuple[Ints, Ints, Ints, Floats]
Rule = Callable[[int, Any, int], tuple[Any, float] | None]

__all__ = [
    "Automaton",
    "live_states",
    "phased",
]


@dataclass(frozen=True, eq=False)
class Automaton:
    """A weighted deterministic automaton of one voice.

    Attributes
    ----------
    first : ndarray of shape (n_kinds, n_states + 1), int64
        Where the arcs of each kind and state begin and end.
    symbol, target : ndarray of shape (n_arcs,), int64
    log_weight : ndarray of shape (n_arcs,), float64, above -inf
    kind : ndarray of shape (n_steps,), int64, in [0, n_kinds)
        Which arcs a step uses, so that a region or the metre can matter.
    final : ndarray of shape (n_states,), float64
        Log-weight of ending in a state; -inf where the reading is refused.
    initial : int
        The state before the first step.

    Examples
    --------
    No symbol twice in a row, over 3 steps of 2 symbols:

    >>> alternate = Automaton.first_order(np.array([[-np.inf, 0.0], [0.0, -np.inf]]), 3)
    >>> alternate.log_weight_of(np.array([0, 1, 0])), alternate.log_weight_of(np.array([0, 0, 1]))
    (0.0, -inf)
    """

    first: Ints
    symbol: Ints
    target: Ints
    log_weight: Floats
    kind: Ints
    final: Floats
    initial: int = 0

    def __post_init__(self) -> None:
        """Freeze the arrays, and check that they name states and weights that there are."""
        for name in ("first", "symbol", "target", "log_weight", "kind", "final"):
            dtype = np.float64 if name in ("log_weight", "final") else np.int64
            array = np.ascontiguousarray(getattr(self, name), dtype)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        kinds, states = np.arange(len(self.first)), np.arange(len(self.final))
        for name, known in (("kind", kinds), ("target", states)):
            values = getattr(self, name)
            if len(values) and not 0 <= values.min() <= values.max() < len(known):
                raise ConstraintError(
                    f"automaton, {name} {values.max()}: expected below {len(known)}"
                )
        if not 0 <= self.initial < len(states):
            raise ConstraintError(
                f"automaton, initial {self.initial}: expected below {len(states)}"
            )
        for weights in (self.log_weight, self.final):
            if np.isnan(weights).any() or (weights == np.inf).any():
                raise ConstraintError("automaton: a log-weight that is no number below inf")

    @classmethod
    def from_table(
        cls, target: Any, kind: Any, *, log_weight: Any = 0.0, final: Any = 0.0, initial: int = 0
    ) -> Automaton:
        """Build an automaton from dense tables.

        Parameters
        ----------
        target : array_like of shape (n_kinds, n_states, n_symbols), int
            The next state, or -1 where the symbol is refused.
        kind : array_like of shape (n_steps,), int
        log_weight : array_like that broadcasts to the shape of `target`
            -inf refuses too.
        final : array_like that broadcasts to (n_states,)
        initial : int

        Raises
        ------
        ConstraintError
            Where a log-weight is NaN.
        """
        target = np.asarray(target, np.int64)
        if np.isnan(log_weight).any():
            raise ConstraintError("automaton: a log-weight that is no number below inf")
        n_kinds, n_states, _ = target.shape
        weights = np.broadcast_to(np.asarray(log_weight, np.float64), target.shape)
        kept = (target >= 0) & (weights > -np.inf)
        ends = np.cumsum(kept.sum(axis=2).ravel()).reshape(n_kinds, n_states)
        first = np.concatenate([np.r_[0, ends[:-1, -1]][:, None], ends], axis=1)
        finals = np.broadcast_to(np.asarray(final, np.float64), n_states)
        symbol = np.nonzero(kept)[2]
        return cls(first, symbol, target[kept], weights[kept], np.asarray(kind), finals, initial)

    @classmethod
    def from_rule(
        cls, rule: Rule, kind: Ints, n_symbols: int, initial: Hashable,
        final: Callable[[Any], float] = lambda state: 0.0,
    ) -> Automaton:  # fmt: skip
        """Build an automaton from a rule, its states found from the initial one.

        Parameters
        ----------
        rule : callable (kind, state, symbol) -> (next state, log-weight), or None to refuse
        kind : ndarray of shape (n_steps,), int64
        n_symbols : int
        initial : hashable, as any state
        final : callable (state) -> log-weight

        Examples
        --------
        >>> def count(kind, ones, symbol):
        ...     return (ones + symbol, 0.0) if ones + symbol < 2 else None
        >>> once = Automaton.from_rule(count, np.zeros(3, np.int64), 2, 0)
        >>> once.n_states, once.log_weight_of(np.array([0, 1, 1]))
        (2, -inf)
        """
        kinds, kind = np.unique(kind, return_inverse=True)
        states: dict[Any, int] = {initial: 0}
        rows: list[list[list[tuple[int, int, float]]]] = [[] for _ in range(len(kinds))]
        for state in (queue := [initial]):
            for i, k in enumerate(kinds.tolist()):
                answers = [(x, rule(k, state, x)) for x in range(n_symbols)]
                row = [(x, *answer) for x, answer in answers if answer and answer[1] > -np.inf]
                for _, target, _ in row:
                    if target not in states:
                        states[target] = len(states)
                        queue.append(target)
                rows[i].append([(x, states[target], weight) for x, target, weight in row])
        arcs = [arc for table in rows for row in table for arc in row]
        count = np.array([[len(row) for row in table] for table in rows]).ravel()
        ends = np.cumsum(count).reshape(len(rows), len(states))
        first = np.concatenate([np.r_[0, ends[:-1, -1]][:, None], ends], axis=1)
        symbol, target, log_weight = (np.array([a[i] for a in arcs]) for i in range(3))
        return cls(first, symbol, target, log_weight, kind, np.array([final(s) for s in states]))

    @classmethod
    def first_order(
        cls, log_weight: Floats, n_steps: int, *, initial: Floats | None = None
    ) -> Automaton:
        """Build the automaton of a first-order Markov chain: its state is the last symbol.

        Parameters
        ----------
        log_weight : ndarray of shape (n_symbols, n_symbols)
            Of each symbol (column) after each (row).
        n_steps : int
        initial : ndarray of shape (n_symbols,), optional
            Log-weight of the first symbol; 0 by default.
        """
        n_symbols = len(log_weight)
        start = np.zeros(n_symbols) if initial is None else initial
        weights = np.concatenate([log_weight, start[None]])[None]
        target = np.broadcast_to(np.arange(n_symbols), weights.shape)
        kind = np.zeros(n_steps, np.int64)
        return cls.from_table(target, kind, log_weight=weights, initial=n_symbols)

    @property
    def n_states(self) -> int:
        """Number of states."""
        return len(self.final)

    @property
    def n_kinds(self) -> int:
        """Number of kinds of step."""
        return len(self.first)

    @property
    def n_steps(self) -> int:
        """Number of steps that it reads."""
        return len(self.kind)

    def arcs(self, kind: int) -> Arcs:
        """Return source, symbol, target and log-weight of the arcs of one kind of step."""
        bounds = self.first[kind]
        span = slice(bounds[0], bounds[-1])
        source = np.repeat(np.arange(self.n_states), np.diff(bounds))
        return source, self.symbol[span], self.target[span], self.log_weight[span]

    def follow(self, kind: int, states: Ints, symbols: Ints) -> tuple[Ints, Floats]:
        """Return where states go through symbols, -1 where they are refused, and log-weights."""
        source, symbol, target, log_weight = self.arcs(kind)
        width = 1 + max(symbol.max(initial=0), symbols.max(initial=0))
        keys = np.append(source * width + symbol, -1)
        wanted = states * width + symbols
        j = np.searchsorted(keys[:-1], wanted)
        found = keys[j] == wanted
        j[~found] = 0
        if not len(target):
            return np.full(len(j), -1), np.zeros(len(j))
        return np.where(found, target[j], -1), log_weight[j]

    def end(self, states: Ints) -> Floats:
        """Return the log-weights of ending in states."""
        return self.final[states]

    def log_weight_of(self, symbols: Ints) -> float:
        """Read a path and return the sum of its log-weights, -inf where it is refused.

        Raises
        ------
        ValueError
            Unless there is a symbol for each step.
        """
        if len(symbols) != self.n_steps:
            raise ValueError(
                f"{len(symbols)} symbols: expected one for each of {self.n_steps} steps"
            )
        state, total = self.initial, 0.0
        for kind, symbol in zip(self.kind, symbols, strict=True):
            low, high = self.first[kind, state : state + 2]
            j = low + int(np.searchsorted(self.symbol[low:high], symbol))
            if j == high or self.symbol[j] != symbol:
                return -np.inf
            total += float(self.log_weight[j])
            state = int(self.target[j])
        return total + float(self.final[state])


def live_states(automaton: Automaton, allowed: Bools) -> tuple[Bools, Bools]:
    """Find the states and symbols that some allowed and accepted path passes through.

    Parameters
    ----------
    automaton : Automaton
    allowed : ndarray of shape (n_steps, n_symbols), bool

    Returns
    -------
    live : ndarray of shape (n_steps + 1, n_states), bool
        All false where no path is accepted.
    passed : ndarray of shape (n_steps, n_symbols), bool

    Examples
    --------
    >>> alternate = Automaton.first_order(np.array([[-np.inf, 0.0], [0.0, -np.inf]]), 3)
    >>> live, passed = live_states(alternate, np.array([[True, False], [True, True], [True, True]]))
    >>> passed.astype(int).tolist()
    [[1, 0], [0, 1], [1, 0]]
    """
    arcs = [automaton.arcs(kind) for kind in range(automaton.n_kinds)]
    live, usable = _reach(automaton, arcs, allowed)
    live[-1] &= automaton.final > -np.inf
    passed = np.zeros(allowed.shape, bool)
    before: dict[tuple[int, int, bytes], tuple[Bools, Bools]] = {}
    for t in range(automaton.n_steps - 1, -1, -1):
        kind = int(automaton.kind[t])
        source, symbol, target, _ = arcs[kind]
        back = kind, id(usable[t]), live[t + 1].tobytes()
        if back not in before:
            through = usable[t] & live[t + 1, target]
            live[t] = False
            live[t, source[through]] = True
            passed[t, symbol[through]] = True
            before[back] = live[t].copy(), passed[t]
        else:
            live[t], passed[t] = before[back]
    return live, passed


def _reach(automaton: Automaton, arcs: Sequence[Arcs], allowed: Bools) -> tuple[Bools, list[Bools]]:
    """Find the states that allowed symbols reach, and the arcs that each step may use.

    Steps of one kind soon reach the same states: what was found for one serves the others.
    """
    live = np.zeros((automaton.n_steps + 1, automaton.n_states), bool)
    live[0, automaton.initial] = True
    usable: list[Bools] = []
    after: dict[tuple[int, bytes, bytes], tuple[Bools, Bools]] = {}
    for t, kind in enumerate(automaton.kind.tolist()):
        source, symbol, target, _ = arcs[kind]
        step = kind, allowed[t].tobytes(), live[t].tobytes()
        if step not in after:
            usable.append(live[t, source] & allowed[t, symbol])
            live[t + 1, target[usable[t]]] = True
            after[step] = usable[t], live[t + 1].copy()
        else:
            usable.append(after[step][0])
            live[t + 1] = after[step][1]
    return live, usable


def phased(automaton: Automaton, n_symbols: int, kind: Ints) -> Automaton:
    """Turn an automaton over (phase, symbol) pairs into one over symbols.

    Parameters
    ----------
    automaton : Automaton
        Of one kind of step, over the codes phase * n_symbols + symbol.
    n_symbols : int
    kind : ndarray of shape (n_steps,), int64
        The phase of each step.

    Examples
    --------
    >>> by_phase = Automaton.first_order(np.zeros((4, 4)), 3)  # two phases of two symbols
    >>> phased(by_phase, 2, np.array([0, 1, 0])).log_weight_of(np.array([0, 1, 1]))
    0.0
    """
    source, symbol, target, log_weight = automaton.arcs(0)
    phase = symbol // n_symbols
    n_phases = int(kind.max()) + 1
    order = np.lexsort([symbol, source, phase])
    bounds = np.searchsorted(phase[order], np.arange(n_phases + 1))
    spans = [order[low:high] for low, high in pairwise(bounds)]
    reached = _reached(automaton, spans, kind)
    spans = [span[reached[k, source[span]]] for k, span in enumerate(spans)]
    count = [np.bincount(source[span], minlength=automaton.n_states) for span in spans]
    first = np.cumsum([0, *map(len, spans[:-1])])[:, None] + np.cumsum(
        [np.r_[0, n] for n in count], axis=1
    )
    kept = np.concatenate(spans)
    arcs = symbol[kept] % n_symbols, target[kept], log_weight[kept]
    return Automaton(first, *arcs, kind, automaton.final, automaton.initial)


def _reached(automaton: Automaton, spans: list[Ints], kind: Ints) -> Bools:
    """Tell of each phase, with its arcs, which states a path may be in: (n_phases, n_states)."""
    source, _, target, _ = automaton.arcs(0)
    reached = np.zeros((len(spans), automaton.n_states), bool)
    reached[kind[0], automaton.initial] = True
    follows = np.unique(np.stack([kind[:-1], kind[1:]], axis=1), axis=0).tolist()
    n_before = 0
    while (n_reached := int(reached.sum())) > n_before:
        n_before = n_reached
        for here, after in follows:
            arcs = spans[here]
            reached[after, target[arcs[reached[here, source[arcs]]]]] = True
    return reached
