"""A piece written event by event, each symbol from its law given all that came before.

What `Table` and `System.events` find for whole pieces is kept up here as events come, so that
the cost of an event does not grow with the piece, but for the search of repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.viewpoints import (
    Events,
    Evidence,
    Experts,
    gather_evidence,
    mix_evidence,
)
from stats_composer.models.viewpoints.correction import Correction
from stats_composer.models.viewpoints.experts import N_MOST, System, Tree
from stats_composer.models.viewpoints.language import ABSENT, Repeats, Viewpoint

__all__ = ["Drawing", "Learned"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HALF = 1 << 31  # as `experts._pack` shifts values


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
    correction : Correction, optional
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
        correction: Correction | None = None,
    ) -> None:
        self.system, self.experts = system, experts
        self.counts, self.weights, self.low, self.n_symbols = counts, weights, low, n_symbols
        self.correction = correction
        self.contexts = [dict(zip(k.tolist(), range(len(k)), strict=True)) for k in keys]
        self.long, self.own = _Kinds(system.tree), _Kinds(system.short_tree)
        self.short = np.flatnonzero(experts.short)
        self.short_target = experts.target[self.short]
        views = system.viewpoints
        self.targets = np.array([[*views].index(target.name) for target in system.targets])
        kinds = zip(experts.short.tolist(), system.experts, strict=True)
        n_long = len(system.tree.atoms) + 1
        # Where an expert's context stands among those of all kinds.
        self.place = np.array([1 + e.kind + n_long * s for s, e in kinds])


class _Kinds:
    """The kinds of a tree: the atoms that they are made of, and of each its parent and atom."""

    def __init__(self, tree: Tree) -> None:
        self.atoms = list(dict.fromkeys(atom for _, atom in tree.atoms))
        self.kinds = [(parent, self.atoms.index(atom)) for parent, atom in tree.atoms]


class Drawing:
    """A piece that is being written.

    Parameters
    ----------
    learned : Learned
    columns : mapping of str to ndarray of shape (n_events,)
        All but the symbol's.
    n_events : int
    memory : float
        Weight of the experts that count the piece so far.
    """

    def __init__(
        self, learned: Learned, columns: Mapping[str, Ints], n_events: int, memory: float = 1.0
    ) -> None:
        self.learned = learned
        experts = learned.experts
        self._weights = learned.weights * np.where(experts.short == 1, memory, 1.0)[:, None]
        size = np.where(experts.short == 1, n_events * experts.n_cells[experts.target], 0)
        self._experts = experts._replace(first=experts.first + np.cumsum(size) - size)
        self._first = self._experts.first[learned.short]
        self._counts = np.zeros(int(size.sum()), np.int32)
        self._slope = np.zeros_like(self._weights)  # the kernel adds to it; nobody asks
        self._numbers: list[dict[int, int]] = [{} for _ in learned.own.kinds]
        self._repeats = Repeats(n_events)
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        given = [dict(zip(columns, row, strict=True)) for row in rows] or [{}] * n_events
        self._rows: list[dict[str, int]] = [{**row} for row in given]
        self._rows[0].update(self._repeats.now)
        self._ready = False

    @property
    def symbols(self) -> list[int]:
        """The symbols so far."""
        return self._repeats.symbols

    def _reference(self, viewpoint: Viewpoint) -> int:
        """Return what is subtracted from the next symbol, or ABSENT."""
        t = len(self.symbols)
        if viewpoint.back:
            back = viewpoint.back
            lag = int(back) if back.isdigit() else self._rows[t][back]
            return self.symbols[t - lag] if 0 < lag <= t else ABSENT
        if viewpoint.column:
            value = self._rows[t][viewpoint.column]
            return ABSENT if value < 0 else value
        return 0

    def _contexts(self, kinds: _Kinds, known: Sequence[dict[int, int]], new: bool) -> list[int]:
        """Find the contexts of the next event: the empty one, then by kind, -1 for none."""
        t = len(self.symbols)
        values = [
            HALF + (self._rows[t - lag][name] if lag <= t else ABSENT) for name, lag in kinds.atoms
        ]
        found = [0]
        for (parent, atom), numbers in zip(kinds.kinds, known, strict=True):
            above = found[parent + 1]
            if above < 0:
                found.append(-1)
            elif new:
                found.append(numbers.setdefault((above << 32) + values[atom], len(numbers)))
            else:
                found.append(numbers.get((above << 32) + values[atom], -1))
        return found

    def _look(self) -> Events:
        """Return what the experts see of the next event."""
        learned, system = self.learned, self.learned.system
        long = self._contexts(learned.long, learned.contexts, False)
        short = self._contexts(learned.own, self._numbers, True)
        numbers = np.array(long + short)[learned.place]
        self._references = list(map(self._reference, system.viewpoints.values()))
        reference = np.array(self._references)[learned.targets]
        defined = reference != ABSENT
        reference -= learned.low
        defined &= (reference <= N_MOST) & (reference >= learned.n_symbols - 1 - N_MOST)
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
        shape = len(learned.place), learned.n_symbols
        evidence = Evidence(np.zeros((1, *shape), np.float32), np.zeros((1, shape[0]), np.int8))
        counts = learned.counts, self._counts
        gather_evidence(self._experts, self._seen, *counts, 0, 0, evidence)
        row = np.empty((1, learned.n_symbols))
        mix_evidence(evidence, self._seen, self._weights, row, self._slope)
        self._ready = True
        if learned.correction is not None:
            row = learned.correction.applied(row, self._seen)
        log_probs: Floats = row[0]
        return log_probs

    def put(self, symbol: int) -> None:
        """Write the next symbol."""
        seen = self._seen if self._ready else self._look()
        self._ready = False
        learned, experts = self.learned, self._experts
        target, context = learned.short_target, seen.context[0, learned.short]
        difference = symbol - learned.low - seen.reference[0, target]
        cell = experts.cell[target, difference + N_MOST]
        slot = self._first + context * experts.n_cells[target] + cell
        self._counts[slot[(context >= 0) & (cell >= 0)]] += 1
        row = self._rows[len(self.symbols)]
        views = learned.system.viewpoints.items()
        for (name, viewpoint), base in zip(views, self._references, strict=True):
            row[name] = ABSENT if base == ABSENT else viewpoint.reduced(symbol - base)
        self._repeats.add(symbol)
        if len(self.symbols) < len(self._rows):
            self._rows[len(self.symbols)].update(self._repeats.now)
