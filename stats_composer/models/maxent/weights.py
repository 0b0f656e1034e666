"""The weights of a maximum-entropy model: terms' tables, and the primitives they fold into.

Terms of a sampler's factors, such as no parallels, are folded in beside them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import ConstraintError
from stats_composer.factors import Crossing, ParallelMotion
from stats_composer.kernels.maxent import add_counts
from stats_composer.kernels.sites import Layout
from stats_composer.models.maxent.pieces import Pieces
from stats_composer.models.maxent.terms import (
    Field,
    Pair,
    Progression,
    ShiftedField,
    Sonority,
    Term,
)

__all__ = ["FORBIDDEN", "HARD_TERM", "Weights", "fold_in", "make_layout"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

FORBIDDEN = -1e30
N_SHIFTED = 192
# A hard term must outweigh all others, yet leave their differences visible in float32.
HARD_TERM = -200.0


def make_layout(
    terms: Sequence[Term],
    *,
    n_lines: int,
    n_symbols: Ints,
    labels: Any,
    n_gates: int,
    n_places: int,
    modulus: int,
    clip: int,
    grids: Sequence[Ints] = (),
    set_class: Ints | None = None,
) -> Layout:
    """Place the primitives that the terms need in one flat table, cell 0 left empty."""
    width = int(-(-int(n_symbols.max()) // 8) * 8)
    pitch = np.full((n_lines, width), -1, np.int64)
    for v in range(n_lines):
        n = int(n_symbols[v])
        pitch[v, :n] = np.arange(n) if labels is None else np.asarray(labels)[v, :n]
    residue = np.where(pitch >= 0, pitch % modulus, -1)
    pair_terms = [t for t in terms if isinstance(t, Pair)]
    pairs = pair_terms[0].pairs(n_lines) if pair_terms else []
    if any(t.pairs(n_lines) != pairs for t in pair_terms):
        raise ValueError("pair terms of one model: expected the same max_lag and max_diagonal")
    neighbours, n_neighbours = _neighbours(pairs, n_lines)
    n_classes = max((t.n_classes for t in terms if isinstance(t, Progression)), default=1)
    if set_class is None:
        set_class = _set_classes(grids, residue, n_lines, modulus, n_classes)
    sizes = {
        "pair": len(pairs) * n_gates * width * width,
        "pair_back": len(pairs) * n_gates * width * width,
        "motion": n_lines * (n_lines - 1) // 2 * n_gates * modulus * (2 * clip + 1) ** 2,
        "sonority": max((t.n_contexts for t in terms if isinstance(t, Sonority)), default=0)
        * modulus**n_lines,
        "progression": 2 * n_classes * n_classes,
        "melody": 2 * n_lines * n_gates * (2 * clip + 1) ** 2,
        "onset": n_places << n_lines,
        "rhythm": n_lines * n_places * 256,
    }
    present = {t.primitive for t in terms}
    if "pair" in present:
        present.add("pair_back")
    offsets, end = {}, 8
    for name, size in sizes.items():
        offsets[name] = end if name in present else 0
        end += size if name in present else 0
    voice_pair = np.full((n_lines, n_lines), -1, np.int64)
    for number, (v, w) in enumerate(itertools.combinations(range(n_lines), 2)):
        voice_pair[v, w] = voice_pair[w, v] = number
    return Layout(
        n_lines, n_gates, n_places, width, modulus, clip, np.asarray(n_symbols, np.int64), pitch,
        residue, neighbours, n_neighbours, voice_pair, set_class, n_classes, **offsets,
    )  # fmt: skip


def _neighbours(pairs: list[tuple[int, int, int]], n_lines: int) -> tuple[Ints, Ints]:
    lists: list[list[tuple[int, int, int, int]]] = [[] for _ in range(n_lines)]
    for i, (a, b, lag) in enumerate(pairs):
        lists[a].append((i, 0, b, lag))
        lists[b].append((i, 1, a, -lag))
    table = np.zeros((n_lines, max(1, *map(len, lists)), 4), np.int64)
    for v, rows in enumerate(lists):
        table[v, : len(rows)] = np.array(rows, np.int64).reshape(-1, 4)
    return table, np.array([len(rows) for rows in lists], np.int64)


def _set_classes(
    grids: Sequence[Ints], residue: Ints, n_lines: int, modulus: int, n_classes: int
) -> Ints:
    """Give the commonest sets of residues a class each, all others the last."""
    if not grids:
        return np.zeros(1, np.int64)
    lines = np.concatenate(grids)[:, :n_lines]
    residues = np.stack([residue[v][lines[:, v]] for v in range(n_lines)], axis=1)
    residues = residues[(residues >= 0).all(axis=1)]
    counts = np.bincount(np.bitwise_or.reduce(1 << residues, axis=1), minlength=1 << modulus)
    common = np.argsort(-counts, kind="stable")[: n_classes - 1]
    classes = np.full(1 << modulus, n_classes - 1, np.int64)
    classes[common] = np.arange(len(common))
    return classes


def term_name(term: Term) -> str:
    """Name a term's table: its class, and the parameters that tell it from its like."""
    told = [f"{k}={v}" for k, v in vars(term).items() if k not in ("l2", "table") and v is not None]
    return f"{type(term).__name__}({', '.join(told)})"


def _is_known(term: Term) -> bool:
    """Tell whether the weights of a term are given, and not fitted."""
    return getattr(term, "table", None) is not None


class Weights:
    """All tables of a model in one flat vector, and their folding into the primitives.

    Parameters
    ----------
    terms : sequence of Term
    layout : Layout
    context_values : dict of int to int
        Number of values of each context column that a field depends on.

    Attributes
    ----------
    vector : ndarray of float32
        Every weight.
    l2 : ndarray of float32
        The penalty of each.
    tables : dict of str to ndarray
        Views of `vector`, a table a term.
    folded : ndarray of float32
        The primitives, as the kernels read them; `fold` renews it.
    """

    def __init__(
        self, terms: Sequence[Term], layout: Layout, context_values: dict[int, int]
    ) -> None:
        self.terms, self.layout, self.context_values = tuple(terms), layout, context_values
        shapes = [self._shape(term) for term in terms]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        self.slices = [
            slice(int(e) - int(np.prod(s)), int(e)) for e, s in zip(ends, shapes, strict=True)
        ]
        self.vector = np.zeros(int(ends[-1]) if len(ends) else 0, np.float32)
        self.l2 = np.zeros_like(self.vector)
        self.tables: dict[str, Floats] = {}
        for term, part, shape in zip(terms, self.slices, shapes, strict=True):
            self.l2[part] = term.l2
            self.tables[term_name(term)] = self.vector[part].reshape(shape)
            if _is_known(term):
                self.l2[part] = 0
                self.vector[part] = np.ravel(term.table)  # type: ignore[attr-defined]
        self.index = [
            None if term.primitive == "field" else term.index(layout).astype(np.int32)
            for term in terms
        ]
        lengths = [
            getattr(layout, term.primitive) + len(index)
            for term, index in zip(terms, self.index, strict=True)
            if index is not None
        ]
        if layout.pair:
            lengths.append(layout.pair_back + layout.pair_back - layout.pair)
        self.folded = np.zeros(max([8, *lengths]), np.float32)

    def _shape(self, term: Term) -> tuple[int, ...]:
        layout = self.layout
        if isinstance(term, Field):
            values = 1 if term.context is None else self.context_values[term.context]
            return layout.n_lines, values, layout.width
        if isinstance(term, ShiftedField):
            return layout.n_lines, N_SHIFTED
        return term.shape(layout)

    def fold(self) -> None:
        """Renew the primitives from the tables."""
        self.folded[:] = 0
        layout = self.layout
        for term, part, index in zip(self.terms, self.slices, self.index, strict=True):
            if index is not None:
                start = getattr(layout, term.primitive)
                values = np.append(self.vector[part], np.float32(0))  # index -1: no weight
                self.folded[start : start + len(index)] += values[index]
        if layout.pair:
            q = layout.width
            # The kernel reads [pair, gate, other's symbol, own symbol] from either side.
            forth = self.folded[layout.pair : layout.pair_back].reshape(-1, q, q)
            back = self.folded[layout.pair_back : 2 * layout.pair_back - layout.pair]
            back.reshape(-1, q, q)[:] = forth
            forth[:] = forth.transpose(0, 2, 1).copy()

    def unfold(self, folded: Floats, residual: Floats, grid: Ints) -> Floats:
        """Bring a gradient (or counts) by primitive and by field back to the tables.

        Parameters
        ----------
        folded : ndarray of the folded weights' shape
        residual : ndarray of shape (n_rows, n_lines, width)
        grid : ndarray of shape (n_rows, n_voices)

        Returns
        -------
        ndarray of the vector's shape, float32
        """
        layout, q = self.layout, self.layout.width
        gradient = np.empty_like(self.vector)
        if layout.pair:
            forth = folded[layout.pair : layout.pair_back].reshape(-1, q, q)
            back = folded[layout.pair_back : 2 * layout.pair_back - layout.pair]
            pair = (forth.transpose(0, 2, 1) + back.reshape(-1, q, q)).ravel()
        for term, part, index in zip(self.terms, self.slices, self.index, strict=True):
            if _is_known(term):
                gradient[part] = 0
                continue
            if index is None:
                gradient[part] = self._field_gradient(term, residual, grid).ravel()
                continue
            start = getattr(layout, term.primitive)
            values = pair if term.primitive == "pair" else folded[start : start + len(index)]
            size = part.stop - part.start
            gradient[part] = np.bincount(index + 1, values, size + 1)[1:]
        return gradient

    def _field_gradient(self, term: Term, residual: Floats, grid: Ints) -> Floats:
        layout = self.layout
        if isinstance(term, ShiftedField):
            out = np.zeros((layout.n_lines, N_SHIFTED), np.float32)
            for v in range(layout.n_lines):
                place = self._shifted(grid[:, term.context], v)
                values = np.where(place >= 0, residual[:, v], 0)
                out[v] = np.bincount(np.maximum(place, 0).ravel(), values.ravel(), N_SHIFTED)
            return out
        if not isinstance(term, Field) or term.context is None:
            total: Floats = residual.sum(axis=0)[:, None]
            return total
        column = grid[:, term.context]
        n_values = self.context_values[term.context]
        one_hot = (column[:, None] == np.arange(n_values)).astype(np.float32)
        summed: Floats = one_hot.T @ residual.reshape(len(residual), -1)
        return summed.reshape(n_values, layout.n_lines, layout.width).transpose(1, 0, 2)

    def _shifted(self, shift: Ints, v: int) -> Ints:
        pitch = self.layout.pitch[v]
        place = np.clip(pitch + shift[:, None], 0, N_SHIFTED - 1)
        return np.where(pitch >= 0, place, -1)

    def field(self, grid: Ints) -> Floats:
        """Unary log-weights of every symbol at every row, by its context voices."""
        layout = self.layout
        field = np.zeros((len(grid), layout.n_lines, layout.width), np.float32)
        for term, part in zip(self.terms, self.slices, strict=True):
            table = self.vector[part].reshape(self._shape(term))
            if isinstance(term, ShiftedField):
                for v in range(layout.n_lines):
                    place = self._shifted(grid[:, term.context], v)
                    field[:, v] += np.where(place >= 0, table[v][place], 0)
            elif isinstance(term, Field):
                column = 0 if term.context is None else grid[:, term.context]
                field += table.transpose(1, 0, 2)[column]
        padding = np.arange(layout.width) >= layout.n_symbols[:, None]
        field[:, padding] = FORBIDDEN
        return field

    def field_table(self, context: int) -> Floats:
        """Sum the fields that depend on a context voice: [line, value, symbol]."""
        fields = [
            self.vector[part].reshape(self._shape(term))
            for term, part in zip(self.terms, self.slices, strict=True)
            if isinstance(term, Field) and term.context == context
        ]
        if not fields:
            raise ValueError(f"context voice {context}: no field depends on it")
        table: Floats = np.sum(fields, axis=0)
        return table

    def multiplicity(self) -> Floats:
        """Sites that a feature of each primitive contains, by cell of the folded table."""
        layout = self.layout
        n = layout.n_lines
        sites = {
            "pair": 1, "pair_back": 1, "motion": 4, "sonority": n, "progression": 2 * n,
            "melody": 3, "onset": 2 * n, "rhythm": 9,
        }  # fmt: skip
        out = np.ones_like(self.folded)
        starts = sorted((getattr(layout, name), name) for name in sites if getattr(layout, name))
        for start, name in starts:
            out[start:] = sites[name]
        if layout.pair:
            out[layout.pair_back : 2 * layout.pair_back - layout.pair] = 2
            out[layout.pair : layout.pair_back] = 2
        return out

    def counts(self, pieces: Pieces) -> tuple[Floats, Floats]:
        """Count every feature of some grids once, by primitive, and every symbol by row."""
        counts = np.zeros_like(self.folded)
        add_counts(pieces.grid, pieces.start, pieces.stop, self.layout, pieces.rows, counts)
        lines = pieces.grid[:, : self.layout.n_lines]
        one_hot = (lines[:, :, None] == np.arange(self.layout.width)).astype(np.float32)
        counts /= self.multiplicity()
        return counts, one_hot

    def couplings(self) -> Floats:
        """Sum the pair terms: [pair, gate, symbol of a, symbol of b]."""
        layout, q = self.layout, self.layout.width
        if not layout.pair:
            return np.zeros((0, layout.n_gates, q, q), np.float32)
        back = self.folded[layout.pair_back : 2 * layout.pair_back - layout.pair]
        return back.reshape(-1, layout.n_gates, q, q)

    @property
    def pairs(self) -> list[tuple[int, int, int]]:
        """The (line a, line b, lag) of each row of `couplings`."""
        first = next((t for t in self.terms if isinstance(t, Pair)), None)
        return [] if first is None else first.pairs(self.layout.n_lines)


def fold_in(weights: Weights, folded: Floats, term: object) -> Floats:
    """Return folded weights with a term of the factors added.

    Raises
    ------
    ConstraintError
        If the model has no primitive that could carry it.
    """
    layout = weights.layout
    adders: dict[type, tuple[int, str, Callable[..., None]]] = {
        ParallelMotion: (layout.motion, "motion", _add_parallels),
        Crossing: (layout.pair, "pair", _add_crossings),
    }
    name = type(term).__name__
    if type(term) not in adders:
        raise ConstraintError(f"{name}: a term that the model does not know")
    offset, carrier, add = adders[type(term)]
    if not offset:
        raise ConstraintError(f"{name}: the model has no {carrier} term to carry it")
    added = folded.copy()
    add(weights, added, term)
    return added


def _add_parallels(weights: Weights, folded: Floats, term: ParallelMotion) -> None:
    layout = weights.layout
    step = np.arange(-layout.clip, layout.clip + 1)
    first, second = step[:, None], step
    interval = np.arange(layout.modulus)[:, None, None]
    same = (first * second > 0) & ((interval + first - second) % layout.modulus == interval)
    same &= np.isin(interval, [r % layout.modulus for r in term.residues])
    cells = np.where(same, max(term.log_weight, HARD_TERM), 0).astype(np.float32).ravel()
    n_pairs = layout.n_lines * (layout.n_lines - 1) // 2
    stop = layout.motion + n_pairs * layout.n_gates * len(cells)
    folded[layout.motion : stop] += np.tile(cells, n_pairs * layout.n_gates)


def _add_crossings(weights: Weights, folded: Floats, term: Crossing) -> None:
    layout, pairs = weights.layout, weights.pairs
    q = layout.width
    size = len(pairs) * layout.n_gates * q * q
    # The kernel reads [pair, gate, other's symbol, own symbol] from either side.
    shape = len(pairs), layout.n_gates, q, q
    forth = folded[layout.pair : layout.pair + size].reshape(shape)
    back = folded[layout.pair_back : layout.pair_back + size].reshape(shape)
    for number, (a, b, lag) in enumerate(pairs):
        if lag == 0:
            upper, lower = layout.pitch[min(a, b)][:, None], layout.pitch[max(a, b)]
            crossed = (upper >= 0) & (lower >= 0) & (upper < lower)
            cells = np.float32(max(term.log_weight, HARD_TERM)) * crossed
            back[number] += cells if a < b else cells.T
            forth[number] += cells.T if a < b else cells
