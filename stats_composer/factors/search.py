"""Whether a grid exists that breaks no hard factor, and one of them: where sampling starts.

A log-weight of -inf forbids; finite ones only decide what is tried first. The search

1. removes the symbols that no solution can use: along each voice those on no accepted path
   of its automata (exact for one voice), between two voices of a step those without a
   partner, until nothing changes. An empty set of symbols proves that there is no grid;
2. splits the voices into groups that no pairwise factor connects;
3. walks each group from the first step to the last, choosing the symbols of a step together,
   and remembers the states of the automata from which it came to no end, so that no state
   is entered twice.

What is decided exactly: a single voice under any automata never meets a dead end in 3, nor
does a group without automata, whose steps are independent. In between, voices with automata
that are tied to each other by pairwise factors, the walk is complete but may take a time
that grows with the number of joint states; it is stopped at a limit, and then says that it
does not know. None is returned only where there is a proof, and a grid only where it has been
found.

References
----------
A. K. Mackworth, "Consistency in networks of relations", Artificial Intelligence 8 (1977).
C.-G. Quimper, T. Walsh, "Global grammar constraints", CP 2006: automata as constraints.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from stats_composer.errors import SamplingError
from stats_composer.factors.automata import Automaton, live_states
from stats_composer.factors.factors import Factors
from stats_composer.factors.products import multiply_all
from stats_composer.factors.seeds import RandomState, generator
from stats_composer.kernels.arrays import Bools, Ints

__all__ = ["find_grid", "is_refuted"]

Pair = tuple[int, int]


def find_grid(
    factors: Factors, random_state: RandomState = None, *, seconds: float = 2.0
) -> Ints | None:
    """Find a grid that no hard factor forbids, or prove that there is none.

    Parameters
    ----------
    factors : Factors, whose `terms` are not looked at
    random_state : int, Generator or None
        Of the order in which symbols are tried, by their unary log-weights.
    seconds : float
        Limit of the search: near it come voices with automata that pairwise factors tie.

    Returns
    -------
    ndarray of shape (n_steps, n_voices), int64, or None where it is proved that there is none

    Raises
    ------
    SamplingError
        Where the limit came first.

    Examples
    --------
    >>> find_grid(Factors.free(2, np.array([1, 1]))).tolist()
    [[0, 0], [0, 0]]
    """
    rng, deadline = generator(random_state), time.thread_time() + seconds
    domains = _Domains(factors)
    if not domains.propagate():
        return None
    noisy = np.where(domains.allowed, factors.unary, -np.inf) + rng.gumbel(size=factors.unary.shape)
    order = np.argsort(-noisy, axis=2).tolist()
    grid = np.empty((factors.n_steps, factors.n_voices), np.int64)
    for voices in domains.groups():
        columns = _Walk(domains, voices, order, deadline).run()
        if columns is None:
            return None
        grid[:, voices] = columns
    return grid


def is_refuted(factors: Factors, *, with_automata: bool) -> bool:
    """Tell whether a cheap look proves that no grid exists.

    Parameters
    ----------
    factors : Factors
    with_automata : bool
        Look at each automaton alone too, not only at unary and pairwise factors.

    Returns
    -------
    bool
        False says nothing: `find_grid` decides.

    Examples
    --------
    >>> free = Factors.free(2, np.array([2]))
    >>> never = Factors(np.full((2, 1, 2), -np.inf))
    >>> is_refuted(free, with_automata=True), is_refuted(never, with_automata=False)
    (False, True)
    """
    return _Domains(factors).narrow(with_automata=with_automata)


class _Domains:
    """The symbols that each voice can still take at each step, and the automata's states."""

    def __init__(self, factors: Factors) -> None:
        self.factors = factors
        self.allowed: Bools = factors.unary > -np.inf
        self.automata: dict[int, Automaton] = {}
        self.live: dict[int, Bools] = {}
        self.pairs = {pair: table > -np.inf for pair, table in factors.pairwise.items()}
        self.pairs = {pair: table for pair, table in self.pairs.items() if not table.all()}

    def propagate(self) -> bool:
        """Remove what no solution can use; return False where nothing is left somewhere."""
        if self.narrow(with_automata=False) or self.narrow(with_automata=True):
            return False
        for voice, automata in self.factors.automata.items():
            self.automata[voice] = multiply_all(automata, self.allowed[:, voice])
        before = -1
        while before != (left := int(self.allowed.sum())):
            before = left
            for voice, automaton in self.automata.items():
                self.live[voice], passed = live_states(automaton, self.allowed[:, voice])
                self.allowed[:, voice] &= passed
            self._narrow_pairs()
        return bool(self.allowed.any(axis=2).all())

    def narrow(self, *, with_automata: bool) -> bool:
        """Remove what a pair of voices or one automaton alone rules out; tell of a proof."""
        self._narrow_pairs()
        if with_automata:
            for voice, automata in self.factors.automata.items():
                for automaton in automata:
                    self.allowed[:, voice] &= live_states(automaton, self.allowed[:, voice])[1]
            self._narrow_pairs()
        return not self.allowed.any(axis=2).all()

    def _narrow_pairs(self) -> None:
        before = -1
        while self.pairs and before != (left := int(self.allowed.sum())):
            before = left
            for (v, w), table in self.pairs.items():
                self.allowed[:, v] &= (table & self.allowed[:, None, w]).any(axis=2)
                self.allowed[:, w] &= (table & self.allowed[:, v, :, None]).any(axis=1)

    def groups(self) -> list[list[int]]:
        """Split the voices where no pairwise factor connects them; those with automata first."""
        label = list(range(self.factors.n_voices))
        for v, w in self.pairs:
            label = [label[v] if other == label[w] else other for other in label]
        groups = {
            name: [v for v, other in enumerate(label) if other == name] for name in sorted({*label})
        }
        return [sorted(voices, key=lambda v: v not in self.automata) for voices in groups.values()]


class _Walk:
    """The search over the steps of one group of voices; sets of symbols are bits of integers."""

    def __init__(
        self, domains: _Domains, voices: list[int], order: list[Any], deadline: float
    ) -> None:
        self.voices, self.order, self.deadline = voices, order, deadline
        self.automata = [domains.automata[v] for v in voices if v in domains.automata]
        self.live = [domains.live[v] for v in voices if v in domains.automata]
        self.allowed = domains.allowed
        self.masks = [_bits(domains.allowed[:, v]) for v in voices]
        self.n_steps = domains.factors.n_steps
        self.partners = self._partners(domains.pairs)
        self.known: dict[tuple[int, int, int], tuple[int, dict[int, int]]] = {}
        self.n_tried = 0

    def _partners(self, pairs: dict[Pair, Bools]) -> list[list[tuple[int, list[list[int]]]]]:
        """List, for each place in the group, later places and their partners by step and symbol."""
        result: list[list[tuple[int, list[list[int]]]]] = [[] for _ in self.voices]
        for (v, w), table in pairs.items():
            if v not in self.voices:
                continue
            i, j = self.voices.index(v), self.voices.index(w)
            if i > j:
                i, j, table = j, i, table.transpose(0, 2, 1)
            known: dict[bytes, list[int]] = {}
            packed = np.packbits(table, axis=2)
            rows = []
            for t in range(self.n_steps):
                key = packed[t].tobytes()
                if key not in known:
                    known[key] = _bits(table[t])
                rows.append(known[key])
            result[i].append((j, rows))
        return result

    def run(self) -> Ints | None:
        """Return the columns of the group, or None where all ways have been tried."""
        states = tuple(automaton.initial for automaton in self.automata)
        failed: set[tuple[int, tuple[int, ...]]] = set()
        path: list[tuple[list[int], tuple[int, ...]]] = []
        stack = [self._choices(0, states, failed)]
        while len(path) < self.n_steps:
            chosen = next(stack[-1], None)
            if chosen is not None:
                path.append(chosen)
                stack.append(self._choices(len(path), chosen[1], failed))
                continue
            stack.pop()
            if not path:
                return None
            failed.add((len(path), path.pop()[1]))
        return np.array([symbols for symbols, _ in path], np.int64).reshape(self.n_steps, -1)

    def _choices(
        self, t: int, states: tuple[int, ...], failed: set[tuple[int, tuple[int, ...]]]
    ) -> Iterator[tuple[list[int], tuple[int, ...]]]:
        """Yield the symbols of a step and the states after it, no states twice."""
        if t == self.n_steps:
            return
        masks = [mask[t] for mask in self.masks]
        ways = [self._ways(i, t, s) for i, s in enumerate(states)]
        for i, (mask, _) in enumerate(ways):
            masks[i] &= mask
        for symbols, left in self._extend(t, 0, len(states), masks):
            after = tuple(ways[i][1][a] for i, a in enumerate(symbols))
            if (t + 1, after) in failed:
                continue
            rest = next(self._extend(t, len(states), len(self.voices), left), None)
            if rest is not None:
                yield symbols + rest[0], after

    def _extend(
        self, t: int, i: int, stop: int, masks: list[int]
    ) -> Iterator[tuple[list[int], list[int]]]:
        """Choose symbols for the places i to stop - 1; yield them and what is left after them."""
        self._watch_the_clock()
        if i == stop:
            yield [], masks
            return
        for a in self.order[t][self.voices[i]]:
            if not masks[i] >> a & 1:
                continue
            left = masks.copy()
            for j, rows in self.partners[i]:
                left[j] &= rows[t][a]
            if all(left[i + 1 :]):
                for symbols, rest in self._extend(t, i + 1, stop, left):
                    yield [a, *symbols], rest

    def _ways(self, i: int, t: int, state: int) -> tuple[int, dict[int, int]]:
        """Return the symbols that lead on from a state, as bits, and the states they lead to."""
        key = (i, t, state)
        if key not in self.known:
            automaton = self.automata[i]
            low, high = automaton.first[automaton.kind[t], state : state + 2]
            symbol, target = automaton.symbol[low:high], automaton.target[low:high]
            open_ = self.live[i][t + 1, target]
            leads = dict(zip(symbol[open_].tolist(), target[open_].tolist(), strict=True))
            self.known[key] = (sum(1 << a for a in leads), leads)
        return self.known[key]

    def _watch_the_clock(self) -> None:
        self.n_tried += 1
        if self.n_tried % 256 == 0 and time.thread_time() > self.deadline:
            raise SamplingError(
                "the search for a start that satisfies all constraints came to no end in its time"
            )


def _bits(rows: Bools) -> list[int]:
    """Return the set bits of boolean rows as integers."""
    packed = np.packbits(rows, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]
