"""Exact sampling of one voice under unary log-weights and automata.

Backward messages give the normaliser, and forward draws independent paths of the very law:
nothing is approximate, and a path that a hard constraint forbids never comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from numbers import Integral

import numpy as np

from stats_composer.errors import ConstraintError
from stats_composer.factors import MAX_STATES, Automaton, Machine, live_states, multiply_all
from stats_composer.factors.grids import check_grid
from stats_composer.factors.seeds import RandomState, generator
from stats_composer.kernels import chain as kernels
from stats_composer.kernels.arrays import Bools, Floats, Ints

__all__ = ["Chain", "Walk", "flatten"]


def flatten(automaton: Automaton, allowed: Bools) -> kernels.Arcs:
    """Lay an automaton out for the kernels, with the states that are worth a message.

    Parameters
    ----------
    automaton : Automaton
    allowed : ndarray of shape (n_steps, n_symbols), bool
        The symbols that may ever come; the unary log-weights that the kernels get later may
        forbid more, not less.

    Examples
    --------
    >>> alternate = Automaton.first_order(np.array([[-np.inf, 0.0], [0.0, -np.inf]]), 3)
    >>> arcs = flatten(alternate, np.ones((3, 2), bool))
    >>> arcs.initial
    2
    """
    live, _ = live_states(automaton, allowed)
    spans = [slice(row[0], row[-1]) for row in automaton.first]
    peak = np.array([automaton.log_weight[s].max(initial=-np.inf) for s in spans])
    peak[peak == -np.inf] = 0.0
    weight = np.zeros(len(automaton.symbol))
    for span, largest in zip(spans, peak, strict=True):
        weight[span] = np.exp(automaton.log_weight[span] - largest)
    return kernels.Arcs(
        first=automaton.first,
        twin=_twins(automaton),
        symbol=automaton.symbol.astype(np.uint32),
        target=automaton.target.astype(np.uint32),
        log_weight=automaton.log_weight,
        weight=weight,
        peak=peak,
        kind=automaton.kind,
        final=automaton.final,
        initial=automaton.initial,
        live=np.nonzero(live)[1],
        live_start=np.concatenate([[0], np.cumsum(live.sum(axis=1))]),
    )


def _twins(automaton: Automaton) -> Ints:
    """Return, by kind and state, the first state with the same arcs."""
    columns = (automaton.symbol, automaton.target, automaton.log_weight)
    empty = np.diff(automaton.first, axis=1) == 0
    twin = np.broadcast_to(empty.argmax(axis=1)[:, None], empty.shape).copy()
    for kind, bounds in enumerate(automaton.first):
        states = np.flatnonzero(~empty[kind])
        twin[kind, states] = states
        # Only states with equal sums can be the same: most are told apart at once.
        weights = automaton.log_weight[: bounds[-1]]
        sums = np.add.reduceat(weights, bounds[states]) if len(states) else weights[:0]
        _, group, size = np.unique(sums, return_inverse=True, return_counts=True)
        known: dict[tuple[bytes, ...], int] = {}
        for state in states[size[group] > 1].tolist():
            row = tuple(column[bounds[state] : bounds[state + 1]].tobytes() for column in columns)
            twin[kind, state] = known.setdefault(row, state)
    return twin


class Chain:
    """The exact law of one voice.

    Parameters
    ----------
    unary : ndarray of shape (n_steps, n_symbols), float64
        Log-weights of symbols at steps; -inf forbids.
    automata : iterable of Automaton or Machine
        All of them read the voice; their log-weights add up.
    max_states : int
        Largest product of the automata that is built.

    Raises
    ------
    ConstraintError
        Where the automata together need more states than `max_states`.

    Notes
    -----
    P(x) = exp(sum of all log-weights of x) / Z; see `stats_composer.kernels.chain`.

    Examples
    --------
    Three steps of two symbols, never twice the same: two paths, of equal weight.

    >>> alternate = Automaton.first_order(np.array([[-np.inf, 0.0], [0.0, -np.inf]]), 3)
    >>> chain = Chain(np.zeros((3, 2)), [alternate])
    >>> round(float(np.exp(chain.log_normaliser)), 9)
    2.0
    >>> sorted({tuple(path) for path in chain.sample(20, random_state=0).tolist()})
    [(0, 1, 0), (1, 0, 1)]
    >>> chain.best().tolist()
    [0, 1, 0]
    """

    def __init__(
        self,
        unary: Floats,
        automata: Iterable[Automaton | Machine] = (),
        *,
        max_states: int = MAX_STATES,
    ) -> None:
        self.unary = np.ascontiguousarray(unary, np.float64)
        if (
            self.unary.ndim != 2
            or not self.unary.shape[1]
            or np.isnan(self.unary).any()
            or (self.unary == np.inf).any()
        ):
            raise ConstraintError(
                f"unary of shape {self.unary.shape}: expected (n_steps, n_symbols), below inf"
            )
        allowed, automata = self.unary > -np.inf, list(automata)
        self._check_automata(automata)
        self.automaton = multiply_all(automata, allowed, max_states=max_states)
        self.arcs = flatten(self.automaton, allowed)

    def _check_automata(self, automata: Sequence[Automaton | Machine]) -> None:
        """Refuse automata of other steps or symbols."""
        n_steps, n_symbols = self.unary.shape
        for automaton in automata:
            if len(automaton.kind) != n_steps:
                raise ConstraintError(
                    f"automaton of {len(automaton.kind)} steps: expected {n_steps}"
                )
            if isinstance(automaton, Automaton) and automaton.symbol.max(initial=0) >= n_symbols:
                most = automaton.symbol.max()
                raise ConstraintError(
                    f"an automaton reads symbol {most}: expected below {n_symbols}"
                )

    def under(self, unary: Floats) -> Chain:
        """Return the law under other log-weights, its automaton shared with this one.

        Parameters
        ----------
        unary : ndarray of shape (n_steps, n_symbols), float64
            It may forbid more than this chain's own, not less.

        Examples
        --------
        >>> chain = Chain(np.zeros((2, 2)))
        >>> chain.under(np.array([[0.0, -np.inf], [-np.inf, 0.0]])).best().tolist()
        [0, 1]
        """
        unary = np.asarray(unary)
        if (
            np.isnan(unary).any()
            or unary.shape != self.unary.shape
            or ((self.unary == -np.inf) & (unary > -np.inf)).any()
        ):
            raise ConstraintError("unary: expected one of the same shape, that allows no more")
        other: Chain = object.__new__(type(self))
        other.unary = np.ascontiguousarray(unary, np.float64)
        other.automaton, other.arcs = self.automaton, self.arcs
        return other

    def after(self, begun: Ints) -> Chain:
        """Return the law of the steps that are left, given those that a path began with.

        Parameters
        ----------
        begun : ndarray of shape (n,), int64, n below n_steps

        Raises
        ------
        ConstraintError
            If the automaton refuses it.

        Examples
        --------
        >>> alternate = Automaton.first_order(np.array([[-np.inf, 0.0], [0.0, -np.inf]]), 3)
        >>> Chain(np.zeros((3, 2)), [alternate]).after(np.array([1])).best().tolist()
        [0, 1]
        """
        begun = np.asarray(begun)
        if begun.ndim != 1 or len(begun) > self.n_steps:
            raise ConstraintError(f"begun with {len(begun)} of {self.n_steps} steps")
        if len(begun):
            begun = check_grid(begun[:, None], 1, [self.unary.shape[1]], name="begun")[:, 0]
        return self.rest(len(begun), self.state_after(begun, 0, self.arcs.initial))

    def state_after(self, symbols: Ints, first: int, state: int) -> int:
        """Return the state of the automaton after some steps from `first` on.

        Parameters
        ----------
        symbols : ndarray of shape (n,), int64
        first, state : int
            The first of the steps, and the state before it.

        Raises
        ------
        ConstraintError
            If the automaton forbids one of them.
        """
        arcs = self.arcs
        kinds = arcs.kind[first : first + len(symbols)]
        for kind, symbol in zip(kinds.tolist(), symbols.tolist(), strict=True):
            low, high = arcs.first[kind, state : state + 2].tolist()
            place = low + int(np.searchsorted(arcs.symbol[low:high], symbol))
            if place == high or arcs.symbol[place] != symbol:
                raise ConstraintError("no path of this voice begins so")
            state = int(arcs.target[place])
        return state

    def rest(self, n: int, state: int) -> Chain:
        """Return the law of the steps from `n` on, the automaton in a state there.

        Parameters
        ----------
        n, state : int
        """
        arcs, first = self.arcs, self.arcs.live_start[n]
        other: Chain = object.__new__(type(self))
        other.unary, other.automaton = self.unary[n:], self.automaton
        other.arcs = arcs._replace(
            kind=arcs.kind[n:],
            initial=state,
            live=arcs.live[first:],
            live_start=arcs.live_start[n:] - first,
        )
        return other

    @property
    def n_steps(self) -> int:
        """Number of steps."""
        return len(self.unary)

    @cached_property
    def _backward(self) -> tuple[Floats, float]:
        messages = np.empty((self.n_steps + 1, self.automaton.n_states))
        log_normaliser = kernels.backward_messages(self.arcs, self.unary, messages, 0, -1)
        return messages, float(log_normaliser)

    @property
    def log_normaliser(self) -> float:
        """Log of the summed weight of all paths; -inf where none is allowed."""
        return self._backward[1]

    def _feasible_messages(self) -> Floats:
        messages, log_normaliser = self._backward
        if log_normaliser == -np.inf:
            raise ConstraintError("no path of this voice satisfies its constraints")
        return messages

    def sample(self, n: int, *, random_state: RandomState = None) -> Ints:
        """Draw independent paths.

        Parameters
        ----------
        n : int
        random_state : int, Generator or None

        Returns
        -------
        paths : ndarray of shape (n, n_steps), int64

        Raises
        ------
        ConstraintError
            Where no path is allowed.
        """
        if not isinstance(n, Integral) or n < 0:
            raise ValueError(f"n={n!r}: expected an int from 0")
        rng = generator(random_state)
        messages = self._feasible_messages()
        u = rng.random((n, self.n_steps))
        paths = np.empty((n, self.n_steps), np.int64)
        kernels.draw_paths(self.arcs, self.unary, messages, u, paths)
        return paths

    def walk(self) -> Walk:
        """Return a path to go step by step, by another's choice of what is allowed.

        Raises
        ------
        ConstraintError
            Where no path is allowed.
        """
        return Walk(self.arcs, self.unary, self._feasible_messages())

    def best(self) -> Ints:
        """Return a most probable path; of several the first in the order of symbols.

        Returns
        -------
        path : ndarray of shape (n_steps,), int64
        """
        path = np.empty(self.n_steps, np.int64)
        messages = np.empty((self.n_steps + 1, self.automaton.n_states))
        if kernels.best_path(self.arcs, self.unary, messages, path) == -np.inf:
            raise ConstraintError("no path of this voice satisfies its constraints")
        return path

    def log_prob(self, paths: Ints) -> Floats:
        """Return the normalised log-probability of paths.

        Parameters
        ----------
        paths : ndarray of shape (n, n_steps), int64

        Returns
        -------
        log_prob : ndarray of shape (n,), float64
        """
        n_values = [self.unary.shape[1]] * self.n_steps
        checked = check_grid(paths, self.n_steps, n_values, name="paths")
        log_normaliser = self.log_normaliser
        weights = [kernels.weigh_path(self.arcs, self.unary, path) for path in checked]
        if log_normaliser == -np.inf:
            return np.full(len(weights), -np.inf)
        return np.array(weights, np.float64) - log_normaliser

    def marginals(self) -> Floats:
        """Return the probability of each symbol at each step.

        Returns
        -------
        marginals : ndarray of shape (n_steps, n_symbols), rows summing to 1
        """
        marginals = np.zeros(self.unary.shape)
        messages = self._feasible_messages()
        kernels.add_marginals(self.arcs, self.unary, messages, marginals)
        return marginals


class Walk:
    """A path that is chosen step by step by somebody else, who is told what lies ahead.

    Parameters
    ----------
    arcs : Arcs
        Of the product of the automata.
    unary : ndarray of shape (n_steps, n_symbols)
    messages : ndarray of shape (n_steps + 1, n_states)
        What lies ahead of each state, as `backward_messages` writes it.

    Attributes
    ----------
    n_taken : int
        Steps so far.

    Examples
    --------
    >>> alternate = Automaton.first_order(np.array([[-np.inf, 0.0], [0.0, -np.inf]]), 2)
    >>> walk = Chain(np.zeros((2, 2)), [alternate]).walk()
    >>> walk.take(1)
    >>> walk.ahead().tolist()
    [0.0, -inf]
    """

    def __init__(self, arcs: kernels.Arcs, unary: Floats, messages: Floats) -> None:
        self._arcs, self._unary, self._messages = arcs, unary, messages
        self._state, self.n_taken = arcs.initial, 0

    def ahead(self) -> Floats:
        """Return the log-weight of all ways to go on after each symbol of the next step.

        The weights of the step itself are left out, except that what it forbids is -inf.
        """
        symbol, target = self._next()
        weight = np.full(self._unary.shape[1], -np.inf)
        weight[symbol] = self._messages[self.n_taken + 1, target]
        weight[self._unary[self.n_taken] == -np.inf] = -np.inf
        return weight

    def take(self, symbol: int) -> None:
        """Go on through a symbol that is allowed.

        Raises
        ------
        ConstraintError
            If it is not.
        """
        symbols, target = self._next()
        place = int(np.searchsorted(symbols, symbol))
        if place == len(symbols) or symbols[place] != symbol:
            raise ConstraintError(f"step {self.n_taken}: symbol {symbol} is not allowed")
        self._state, self.n_taken = int(target[place]), self.n_taken + 1

    def _next(self) -> tuple[Ints, Ints]:
        """Return the symbols that the automaton allows next, and the states they lead to."""
        kind = self._arcs.kind[self.n_taken]
        arcs = slice(*self._arcs.first[kind, self._state : self._state + 2])
        return self._arcs.symbol[arcs].astype(np.int64), self._arcs.target[arcs].astype(np.int64)
