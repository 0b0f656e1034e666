"""The weights of a maximum-entropy model: terms' tables, and the primitives they fold into.

Terms of a sampler's factors, such as no parallels, are folded in beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from stats_composer.errors import ConstraintError
from stats_composer.factors import Crossing, ParallelMotion
from stats_composer.kernels.arrays import Float32s, Floats, Ints
from stats_composer.kernels.gibbs import Target
from stats_composer.kernels.layout import FORBIDDEN, Grids, Layout
from stats_composer.kernels.maxent import add_counts
from stats_composer.models.maxent.pair_terms import Pair
from stats_composer.models.maxent.pieces import Pieces
from stats_composer.models.maxent.sizes import MAX_WEIGHTS
from stats_composer.models.maxent.terms import FieldTerm, Term

__all__ = ["FORBIDDEN", "HARD_TERM", "Weights", "fold_in"]

# A hard term must outweigh all others, yet leave their differences visible in float32.
HARD_TERM = -200.0


def term_name(term: Term) -> str:
    """Name a term's table: its class, and the parameters that tell it from its like."""
    told = [f"{k}={v}" for k, v in vars(term).items() if k not in ("l2", "table") and v is not None]
    return f"{type(term).__name__}({', '.join(told)})"


class Part(NamedTuple):
    """A term's place in the vector of weights.

    Attributes
    ----------
    term : Term
    where : slice
    shape : tuple of int
    n_values : int
        Values of the context voice of a field.
    index : ndarray of int32, optional
        Cell of the table for each cell of the primitive; None for a field.
    """

    term: Term
    where: slice
    shape: tuple[int, ...]
    n_values: int
    index: Any


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

    Raises
    ------
    ValueError
        If two terms are the same, there are too many weights, or known ones do not fit.

    Examples
    --------
    >>> from stats_composer.models.maxent import Field, MaxEnt
    >>> model = MaxEnt([Field()]).fit([np.array([[0], [1], [0]])] * 4)
    >>> model.weights_.vector.shape, model.weights_.tables["Field()"].shape
    ((8,), (1, 1, 8))
    """

    def __init__(
        self, terms: Sequence[Term], layout: Layout, context_values: dict[int, int]
    ) -> None:
        self.terms, self.layout, self.context_values = tuple(terms), layout, context_values
        self.parts = self._place()
        self.vector = np.zeros(self.parts[-1].where.stop if self.parts else 0, np.float32)
        self.l2 = np.zeros_like(self.vector)
        self.tables: dict[str, Float32s] = {}
        for term, where, shape, *_ in self.parts:
            name = term_name(term)
            if name in self.tables:
                raise ValueError(f"terms: {name} is there twice")
            self.l2[where] = term.l2
            self.tables[name] = self.vector[where].reshape(shape)
            if term.known is not None:
                if term.known.shape != shape:
                    raise ValueError(f"{name}: table of {term.known.shape}, expected {shape}")
                self.l2[where] = 0
                self.vector[where] = np.ravel(term.known)
        lengths = [
            getattr(layout, part.term.primitive) + len(part.index)
            for part in self.parts
            if part.index is not None
        ]
        if layout.pair:
            lengths.append(layout.pair_back + layout.pair_back - layout.pair)
        self.folded = np.zeros(max([8, *lengths]), np.float32)

    def _place(self) -> list[Part]:
        """Put the terms' tables one after the other."""
        parts: list[Part] = []
        end = 0
        for term in self.terms:
            is_field = isinstance(term, FieldTerm)
            n_values = self.context_values.get(term.context, 1) if is_field else 1  # type: ignore[attr-defined]
            shape = term.shape(self.layout, n_values)
            start, end = end, end + int(np.prod(shape))
            if end > MAX_WEIGHTS:
                name = term_name(term)
                raise ValueError(f"{name}: {end} weights, expected at most {MAX_WEIGHTS}")
            index = None if is_field else term.index(self.layout).astype(np.int32)
            parts.append(Part(term, slice(start, end), shape, n_values, index))
        return parts

    @property
    def fields(self) -> list[tuple[FieldTerm, Part]]:
        """The terms that are fields, with their places."""
        return [(part.term, part) for part in self.parts if isinstance(part.term, FieldTerm)]

    def fold(self) -> None:
        """Renew the primitives from the tables."""
        self.folded[:] = 0
        layout = self.layout
        for term, where, _, _, index in self.parts:
            if index is not None:
                start = getattr(layout, term.primitive)
                values = np.append(self.vector[where], np.float32(0))  # index -1: no weight
                self.folded[start : start + len(index)] += values[index]
        if layout.pair:
            q = layout.width
            # The kernel reads [pair, gate, other's symbol, own symbol] from either side.
            forth = self.folded[layout.pair : layout.pair_back].reshape(-1, q, q)
            back = self.folded[layout.pair_back : 2 * layout.pair_back - layout.pair]
            back.reshape(-1, q, q)[:] = forth
            forth[:] = forth.transpose(0, 2, 1).copy()

    def unfold(self, folded: Float32s, residual: Float32s, grid: Ints) -> Float32s:
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
        for term, where, _, n_values, index in self.parts:
            if term.known is not None:
                gradient[where] = 0
            elif isinstance(term, FieldTerm):
                gradient[where] = term.gradient(residual, grid, layout, n_values).ravel()
            else:
                start = getattr(layout, term.primitive)
                values = pair if term.primitive == "pair" else folded[start : start + len(index)]
                seen = np.flatnonzero(values)  # few of them, in counts of a phrase
                size = where.stop - where.start + 1
                gradient[where] = np.bincount(index[seen] + 1, values[seen], size)[1:]
        return gradient

    def count(self, pieces: Pieces) -> Floats:
        """Count how often the feature of each weight occurs in pieces."""
        layout, counts = self.layout, np.zeros_like(self.folded)
        add_counts(pieces.grids, layout.features, pieces.rows, counts)
        lines = pieces.grid[:, : layout.n_lines, None]
        shown = (lines == np.arange(layout.width)).astype(np.float32)
        counts /= self.multiplicity
        return self.unfold(counts, shown, pieces.grid).astype(np.float64)

    def compare(self, one: Pieces, other: Pieces) -> tuple[Ints, Floats]:
        """Return the places of weights whose counts differ, and by how much `one` exceeds `other`.

        It looks only there: where little differs, that takes a fraction of `count`.
        """
        layout, counts = self.layout, np.zeros_like(self.folded)
        add_counts(other.grids, layout.features, other.rows, counts)
        np.negative(counts, out=counts)
        add_counts(one.grids, layout.features, one.rows, counts)
        seen = np.flatnonzero(counts != 0)
        excess = counts[seen] / self.multiplicity[seen]
        places, values = [np.zeros(0, np.int64)], [np.zeros(0)]
        for part in self.parts:
            if part.index is None:
                found = self._shown(part, one) - self._shown(part, other)
                cell, value = np.arange(len(found)), found
            else:
                # The two copies of a pair are alike, each counted from one of its sides.
                is_pair = part.term.primitive == "pair"
                start = layout.pair_back if is_pair else getattr(layout, part.term.primitive)
                own = slice(*np.searchsorted(seen, (start, start + len(part.index))))
                cell, value = part.index[seen[own] - start], excess[own] * (1 + is_pair)
            told = (cell >= 0) & (value != 0)
            places.append(cell[told] + part.where.start)
            values.append(value[told])
        place, inverse = np.unique(np.concatenate(places), return_inverse=True)
        total = np.bincount(inverse, np.concatenate(values), minlength=len(place))
        return place[total != 0], total[total != 0]

    def _shown(self, part: Part, pieces: Pieces) -> Float32s:
        """Count the symbols of a field in pieces."""
        lines = pieces.grid[:, : self.layout.n_lines, None]
        shown = (lines == np.arange(self.layout.width)).astype(np.float32)
        term: FieldTerm = part.term  # type: ignore[assignment]
        return term.gradient(shown, pieces.grid, self.layout, part.n_values).ravel()

    def field(self, grid: Ints) -> Float32s:
        """Unary log-weights of every symbol at every row of a `grid`, by its context voices."""
        layout = self.layout
        field = np.zeros((len(grid), layout.n_lines, layout.width), np.float32)
        for term, part in self.fields:
            term.add(field, self.vector[part.where].reshape(part.shape), grid, layout)
        padding = np.arange(layout.width) >= layout.n_symbols[:, None]
        field[:, padding] = FORBIDDEN
        return field

    def field_table(self, context: int) -> Float32s:
        """Sum the fields that depend on a context voice: [line, value, symbol].

        Raises
        ------
        ValueError
            If none does.
        """
        layout, n_values = self.layout, self.context_values.get(context, 0)
        chosen = [(term, part) for term, part in self.fields if term.context == context]
        if not chosen:
            raise ValueError(f"context voice {context}: no field depends on it")
        # A grid that shows each value once.
        values = np.repeat(np.arange(n_values)[:, None], context + 1, axis=1)
        field = np.zeros((n_values, layout.n_lines, layout.width), np.float32)
        for term, part in chosen:
            term.add(field, self.vector[part.where].reshape(part.shape), values, layout)
        return np.ascontiguousarray(field.transpose(1, 0, 2))

    @cached_property
    def multiplicity(self) -> Float32s:
        """Sites that a feature of each primitive contains, by cell of the folded table."""
        layout = self.layout
        n = layout.n_lines
        sites = {
            "pair": 1, "pair_back": 1, "motion": 4, "sonority": n, "progression": 2 * n,
            "melody": 3, "onset": 2 * n, "rhythm": 9, "beats": 4, "passage": 4,
            "relation": 2,
        }  # fmt: skip
        out = np.ones_like(self.folded)
        starts = sorted((getattr(layout, name), name) for name in sites if getattr(layout, name))
        for start, name in starts:
            out[start:] = sites[name]
        if layout.pair:
            out[layout.pair_back : 2 * layout.pair_back - layout.pair] = 2
            out[layout.pair : layout.pair_back] = 2
        return out

    def weigh(self, grid: Ints, target: Target) -> float:
        """Return the log-weight of a grid under a target's weights and fields, in nats."""
        n_lines, counts = self.layout.n_lines, np.zeros_like(target.weights)
        ends = np.array([0]), np.array([len(grid)])
        whole = Grids(grid, *ends, np.ones((len(grid), n_lines), np.bool_))
        add_counts(whole, target.features, target.rows, counts)
        total = (counts / self.multiplicity * target.weights).sum(dtype=np.float64)
        own = np.take_along_axis(target.field, grid[:, :n_lines, None], axis=2)
        return float(total + own.sum(dtype=np.float64))  # (1) of `sites`

    def couplings(self) -> Float32s:
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


def fold_in(weights: Weights, folded: Float32s, term: object) -> Float32s:
    """Return folded weights with a term of the factors added.

    Raises
    ------
    ConstraintError
        If the model has no primitive that could carry it.

    Examples
    --------
    >>> from stats_composer.factors import Crossing
    >>> from stats_composer.models.maxent import Field, MaxEnt
    >>> model = MaxEnt([Field()]).fit([np.array([[0], [1], [0]])] * 4)
    >>> fold_in(model.weights_, model.weights_.folded, Crossing())
    Traceback (most recent call last):
        ...
    stats_composer.errors.ConstraintError: Crossing: the model has no pair term to carry it
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


def _add_parallels(weights: Weights, folded: Float32s, term: ParallelMotion) -> None:
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


def _add_crossings(weights: Weights, folded: Float32s, term: Crossing) -> None:
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
