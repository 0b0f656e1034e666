"""From viewpoints and chains to experts, and from pieces to what the kernels read of them.

The contexts of the long experts are numbered when the corpus is learned, in the order of a tree:
a context is that of one atom less and the atom's value, packed in 64 bits and looked up in a
sorted array, so that equal contexts never come from unequal events. Those of the short experts
are numbered anew in each piece.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.viewpoints import Events, Experts
from stats_composer.models.viewpoints.language import (
    ABSENT,
    Table,
    Viewpoint,
    ViewpointChain,
    check_names,
    parse_chain,
    parse_viewpoint,
)

__all__ = ["N_MOST", "Expert", "System", "Tree"]

Ints = NDArray[np.int64]
Atom = tuple[str, int]

N_MOST = 127
"""Largest difference between a candidate and what it is taken from; experts know no larger."""


class Tree:
    """Kinds of contexts, each one atom longer than the kind that it grows from.

    Attributes
    ----------
    atoms : list of (parent kind, atom)
        Parent -1 is the empty context.
    """

    def __init__(self) -> None:
        self.atoms: list[tuple[int, Atom]] = []

    def kind(self, path: Sequence[Atom]) -> int:
        """Return the kind of a path of atoms, -1 for none; a new one is added."""
        kind = -1
        for atom in path:
            if (kind, atom) not in self.atoms:
                self.atoms.append((kind, atom))
            kind = self.atoms.index((kind, atom))
        return kind

    def number(
        self, values: Mapping[Atom, Ints], root: Ints, least: int = 1
    ) -> tuple[list[Ints], list[Ints]]:
        """Give numbers to the contexts of all kinds that come `least` times or more.

        Returns
        -------
        keys : list of ndarray
            Of each kind, the packed pairs of parent context and value, rising.
        context : list of ndarray
            Of each kind, the number of each event's context: its key's index, -1 for none.
        """
        keys: list[Ints] = []
        context: list[Ints] = []
        for parent, atom in self.atoms:
            above = root if parent < 0 else context[parent]
            packed = np.where(above < 0, -1, _pack(above, values[atom]))
            known, index, n = np.unique(packed, return_inverse=True, return_counts=True)
            kept = (n >= least) & (known >= 0)
            keys.append(known[kept])
            context.append(np.where(kept, np.cumsum(kept) - 1, -1)[index])
        return keys, context

    def find(self, keys: Sequence[Ints], values: Mapping[Atom, Ints], root: Ints) -> list[Ints]:
        """Return the number of each event's context of each kind, -1 where it has none."""
        context: list[Ints] = []
        for known, (parent, atom) in zip(keys, self.atoms, strict=True):
            above = root if parent < 0 else context[parent]
            packed = _pack(above, values[atom])
            if not len(known):
                context.append(np.full(len(packed), -1))
                continue
            index = np.minimum(np.searchsorted(known, packed), len(known) - 1)
            context.append(np.where((above >= 0) & (known[index] == packed), index, -1))
        return context


def _pack(context: Ints, value: Ints) -> Ints:
    return (context << 32) + value + (1 << 31)


class Expert(NamedTuple):
    """One expert: whose evidence it refines, what it predicts, in which kind of context."""

    parent: int
    short: bool
    target: int
    kind: int
    name: str


class System:
    """Viewpoints, chains, and the experts that they ask for.

    The first expert predicts the target of the first chain without any context; other chains
    grow from it. A short expert refines the long one of the same chain and context where there
    is one, else the context before.

    Parameters
    ----------
    symbol : str
    viewpoints, chains, short : sequence of str

    Attributes
    ----------
    experts : list of Expert
    targets : list of Viewpoint
    tree, short_tree : Tree
    """

    def __init__(
        self, symbol: str, viewpoints: Sequence[str], chains: Sequence[str], short: Sequence[str]
    ) -> None:
        found = [parse_viewpoint(text, symbol) for text in viewpoints]
        self.viewpoints = {viewpoint.name: viewpoint for viewpoint in found}
        long_chains, short_chains = map(parse_chain, chains), map(parse_chain, short)
        parsed = [*((chain, False) for chain in long_chains), *((c, True) for c in short_chains)]
        if not parsed:
            raise ValueError("no chains: expected one such as 'interval: interval@1'")
        check_names([chain for chain, _ in parsed], self.viewpoints)
        self.targets: list[Viewpoint] = []
        self.tree, self.short_tree = Tree(), Tree()
        self.experts: list[Expert] = []
        self._known: dict[tuple[str, tuple[Atom, ...], bool], int] = {}
        for chain, is_short in parsed:
            self._add_chain(chain, is_short)

    def _add_chain(self, chain: ViewpointChain, short: bool) -> None:
        target = self.viewpoints[chain.target]
        if target not in self.targets:
            self.targets.append(target)
        parent = 0 if self.experts else -1
        path: tuple[Atom, ...] = ()
        for level in ((), *chain.levels):
            path += level
            long = self._known.get((chain.target, path, False))
            if short and long is not None:
                parent = long
            if (chain.target, path, short) not in self._known:
                kind = (self.short_tree if short else self.tree).kind(path)
                atoms = " ".join(f"{name}@{lag}" for name, lag in path)
                name = f"{'short ' if short else ''}{chain.target}: {atoms}".rstrip(": ")
                place = self.targets.index(target)
                self._known[chain.target, path, short] = len(self.experts)
                self.experts.append(Expert(parent, short, place, kind, name))
            if not short or long is None:
                parent = self._known[chain.target, path, short]

    # ---- cells ---------------------------------------------------------------------------

    def values_seen(self, table: Table) -> list[Ints]:
        """Return of each target the values that come true, rising: one cell each."""
        seen = [np.unique(target.value(table)) for target in self.targets]
        return [values[values != ABSENT] for values in seen]

    def compile(self, seen: Sequence[Ints], first: Ints, smoothing: Sequence[float]) -> Experts:
        """Return the experts as the kernels read them."""
        differences = np.arange(-N_MOST, N_MOST + 1)
        cell = np.full((len(seen), len(differences)), -1)
        for row, values, target in zip(cell, seen, self.targets, strict=True):
            if len(values):
                value = target.reduce(differences)
                index = np.minimum(np.searchsorted(values, value), len(values) - 1)
                row[:] = np.where(values[index] == value, index, -1)
        parent, short, place = (np.array([e[i] for e in self.experts], np.int64) for i in range(3))
        n_cells = np.array([max(len(values), 1) for values in seen], np.int64)
        return Experts(parent, short, place, first, cell, n_cells, np.array(smoothing, np.float64))

    def lay_out(
        self, n_contexts: Sequence[int] | Ints, seen: Sequence[Ints], *, short: bool
    ) -> tuple[Ints, int]:
        """Return where the counts of each long or short expert begin, and how many there are."""
        n_cells = np.array([max(len(seen[e.target]), 1) for e in self.experts], np.int64)
        counts = np.array([e.short == short for e in self.experts])
        size = np.asarray(n_contexts, np.int64) * n_cells * counts
        return np.where(counts, np.cumsum(size) - size, 0), int(size.sum())

    # ---- events --------------------------------------------------------------------------

    def number(self, table: Table, least: int) -> tuple[list[Ints], list[Ints]]:
        """Give numbers to the contexts of the long experts, see `Tree.number`."""
        return self.tree.number(self._values(table, self.tree), np.zeros_like(table.index), least)

    def events(self, table: Table, keys: Sequence[Ints], low: int, n_symbols: int) -> Events:
        """Return what the kernels read of pieces.

        Parameters
        ----------
        table : Table
        keys : list of ndarray
            Of `number`.
        low : int
            What the symbol 0 of the kernels stands for.
        n_symbols : int
        """
        zeros = np.zeros_like(table.index)
        long = self.tree.find(keys, self._values(table, self.tree), zeros)
        _, short = self.short_tree.number(self._values(table, self.short_tree), table.piece)
        lowest = [np.minimum.reduceat(c, table.bounds[:-1])[table.piece] for c in short]
        short = [c - least for c, least in zip(short, lowest, strict=True)]
        reference = np.stack([target.reference(table) for target in self.targets], axis=1)
        defined = reference != ABSENT
        reference -= low
        defined &= (reference <= N_MOST) & (reference >= n_symbols - 1 - N_MOST)
        context = np.empty((len(zeros), len(self.experts)), np.int64)
        for e, expert in enumerate(self.experts):
            contexts = short if expert.short else long
            numbers = contexts[expert.kind] if expert.kind >= 0 else zeros
            context[:, e] = np.where(defined[:, expert.target], numbers, -1)
        return Events(table.symbol - low, np.where(defined, reference, 0), context, table.bounds)

    def _values(self, table: Table, tree: Tree) -> dict[Atom, Ints]:
        values: dict[Atom, Ints] = {}
        for _, (name, lag) in tree.atoms:
            if (name, lag) not in values:
                viewpoint = self.viewpoints.get(name)
                now = table.column(name) if viewpoint is None else viewpoint.value(table)
                values[name, lag] = table.ago(now, lag) if lag else now
        return values
