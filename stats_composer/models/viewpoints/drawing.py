"""A piece written event by event, each symbol from its law given all that came before.

What `Table` and `System.events` find for whole pieces is kept up here as events come, so that
the cost of an event does not grow with the piece, but for the search of repeats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.viewpoints import (
    Events,
    Evidence,
    Experts,
    gather_evidence,
    mix_evidence,
)
from stats_composer.models.viewpoints.experts import N_MOST, Atom, System, Tree
from stats_composer.models.viewpoints.language import ABSENT, Repeats, Viewpoint

__all__ = ["Drawing", "Learned"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Learned:
    """What a fitted model knows, as a drawing reads it.

    Parameters
    ----------
    system : System
    keys : sequence of ndarray
        Of `System.number`.
    experts : Experts
        With the places of the long counts alone.
    counts : ndarray of int32
    weights : ndarray of shape (n_experts, N_BUCKETS)
    low, n_symbols : int
    """

    def __init__(
        self,
        system: System,
        keys: Sequence[Ints],
        experts: Experts,
        counts: NDArray[np.int32],
        weights: Floats,
        low: int,
        n_symbols: int,
    ) -> None:
        self.system, self.experts = system, experts
        self.counts, self.weights, self.low, self.n_symbols = counts, weights, low, n_symbols
        self.contexts = [dict(zip(k.tolist(), range(len(k)), strict=True)) for k in keys]
        self.short = np.flatnonzero(experts.short)
        self.kinds = [expert.kind for expert in system.experts]


class Drawing:
    """A piece that is being written.

    Parameters
    ----------
    learned : Learned
    columns : mapping of str to ndarray of shape (n_events,)
        All but the symbol's; each is read when its event comes, and may be filled until then.
    n_events : int
    """

    def __init__(self, learned: Learned, columns: Mapping[str, Ints], n_events: int) -> None:
        self.learned, self.columns = learned, columns
        experts = learned.experts
        size = np.where(experts.short == 1, n_events * experts.n_cells[experts.target], 0)
        self._experts = experts._replace(first=experts.first + np.cumsum(size) - size)
        self._counts = np.zeros(int(size.sum()), np.int32)
        self._numbers: list[dict[int, int]] = [{} for _ in learned.system.short_tree.atoms]
        self._repeats = Repeats(n_events)
        self._values: list[dict[str, int]] = []
        self._ready = False

    @property
    def symbols(self) -> list[int]:
        """The symbols so far."""
        return self._repeats.symbols

    def _column(self, name: str, t: int) -> int:
        made = self._repeats.now.get(name) if t == len(self.symbols) else None
        if made is not None:
            return made
        if name in self.columns:
            return int(self.columns[name][t])
        return self._values[t][name]

    def _reference(self, viewpoint: Viewpoint) -> int:
        """Return what is subtracted from the next symbol, or ABSENT."""
        t = len(self.symbols)
        if viewpoint.back:
            back = viewpoint.back
            lag = int(back) if back.isdigit() else self._column(back, t)
            return self.symbols[t - lag] if 0 < lag <= t else ABSENT
        if viewpoint.column:
            value = self._column(viewpoint.column, t)
            return ABSENT if value < 0 else value
        return 0

    def _atom(self, name: str, lag: int) -> int:
        t = len(self.symbols) - lag
        if t < 0:
            return ABSENT
        return (
            self._values[t][name]
            if name in self.learned.system.viewpoints
            else (self._column(name, t))
        )

    def _contexts(self, tree: Tree, known: Sequence[dict[int, int]], new: bool) -> Iterator[int]:
        """Find the contexts of the next event, kind by kind; -1 where there is none."""
        values: dict[Atom, int] = {}
        found: list[int] = []
        for (parent, atom), numbers in zip(tree.atoms, known, strict=True):
            if atom not in values:
                values[atom] = self._atom(*atom)
            above = 0 if parent < 0 else found[parent]
            packed = (above << 32) + values[atom] + (1 << 31)
            if above < 0:
                found.append(-1)
            elif new:
                found.append(numbers.setdefault(packed, len(numbers)))
            else:
                found.append(numbers.get(packed, -1))
            yield found[-1]

    def _look(self) -> Events:
        """Return what the experts see of the next event."""
        learned, system = self.learned, self.learned.system
        long = [*self._contexts(system.tree, learned.contexts, False), 0]
        short = [*self._contexts(system.short_tree, self._numbers, True), 0]
        reference = np.array([self._reference(target) for target in system.targets])
        defined = reference != ABSENT
        reference -= learned.low
        defined &= (reference <= N_MOST) & (reference >= learned.n_symbols - 1 - N_MOST)
        kinds = zip(learned.kinds, self._experts.short.tolist(), strict=True)
        numbers = np.array([(short if is_short else long)[kind] for kind, is_short in kinds])
        context = np.where(defined[self._experts.target], numbers, -1)
        return Events(
            np.zeros(1, np.int64),
            np.where(defined, reference, 0)[None],
            context[None],
            np.array([0, 1]),
        )

    def log_probs(self) -> Floats:
        """Return the log-probabilities of all candidates for the next symbol, in nats."""
        learned = self.learned
        self._seen = self._look()
        shape = len(learned.kinds), learned.n_symbols
        evidence = Evidence(np.zeros((1, *shape), np.float32), np.zeros((1, shape[0]), np.int8))
        counts = learned.counts, self._counts
        gather_evidence(self._experts, self._seen, *counts, 0, 0, evidence)
        row = np.empty((1, learned.n_symbols))
        mix_evidence(evidence, self._seen, learned.weights, row, np.zeros_like(learned.weights))
        self._ready = True
        log_probs: Floats = row[0]
        return log_probs

    def put(self, symbol: int) -> None:
        """Write the next symbol."""
        seen = self._seen if self._ready else self._look()
        self._ready = False
        short, experts = self.learned.short, self._experts
        target, context = experts.target[short], seen.context[0, short]
        difference = symbol - self.learned.low - seen.reference[0, target]
        cell = experts.cell[target, difference + N_MOST]
        slot = experts.first[short] + context * experts.n_cells[target] + cell
        self._counts[slot[(context >= 0) & (cell >= 0)]] += 1
        viewpoints = self.learned.system.viewpoints
        values = dict(self._repeats.now)
        for name, viewpoint in viewpoints.items():
            base = self._reference(viewpoint)
            (value,) = viewpoint.reduce(np.array([symbol - base])).tolist()
            values[name] = ABSENT if base == ABSENT else value
        self._values.append(values)
        self._repeats.add(symbol)
