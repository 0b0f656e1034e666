"""The terms of a maximum-entropy model: tables of weights, tied over the kernel's primitives.

The log-weight of a grid is a sum over features. Each kind of feature that the kernel knows is
a *primitive*, a table with one cell for every way the feature can look (kernels/sites.py
lists them). A *term* is a smaller table and an index, primitive cell to term cell: the same
weight serves every cell that points to it. Terms of one primitive add up, the coarse ones
speaking where data are few and the fine ones correcting them:

    primitive = sum over terms of table[index]        (fold)
    d / d table = sum of d / d primitive by index     (unfold)

Terms of one primitive, `field`, are not tied over a table of the kernel: a field is a log-weight
of every symbol at every row of a grid, which a `FieldTerm` adds to and gets its gradient back
from.

A term knows labels of symbols ("pitch"), their differences, residues and clipping, and no
music. Where a symbol has no label, features that need it are silent.

Here are what a term is, and the fields; `pair_terms` has those of two sites, `motion_terms` those
of two lines over a step, `row_terms` those of a whole row or of one line over some rows.

References
----------
Hadjeres, Sakellariou, Pachet (2016), Style imitation and chord invention in polyphonic music
with exponential families. Sakellariou, Tria, Loreto, Pachet (2017), Maximum entropy models
capture melodic styles, Scientific Reports 7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from stats_composer.kernels.arrays import Float32s, Ints
from stats_composer.kernels.layout import Layout
from stats_composer.models.parameters import Parameters, Real, Strategy, Whole

__all__ = ["L2", "Field", "FieldTerm", "ShiftedField", "Term"]

L2 = {"l2": (Real(),)}
# Labels plus the value of a context: MIDI pitches, and what a transposition may make of them.
N_SHIFTED = 192


@dataclass(frozen=True)
class Term(Strategy):
    """A table of weights tied over a primitive.

    Attributes
    ----------
    l2 : float
        Strength of the quadratic penalty, nats a site and squared unit of weight.

    Examples
    --------
    >>> from stats_composer.models.maxent import Motion, Pair
    >>> [term.primitive for term in (Pair(max_lag=2), Motion())]
    ['pair', 'motion']
    """

    l2: float = 1e-5
    primitive: ClassVar[str] = ""
    _parameters: ClassVar[Parameters] = L2

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the table in a `layout`; fields ask for `n_values`, of their context.

        Raises
        ------
        TypeError
            If it is a base of terms.
        """
        raise TypeError(f"{type(self).__name__} is not a term by itself")

    @property
    def known(self) -> Float32s | None:
        """Weights that are given, and not fitted."""
        return None

    def index(self, layout: Layout) -> Ints:
        """Cell of the table for each cell of the primitive in a `layout`, flat."""
        return np.arange(int(np.prod(self.shape(layout))))


@dataclass(frozen=True)
class FieldTerm(Term):
    """A log-weight of a symbol at a site, by the value of a context voice at its row.

    Attributes
    ----------
    context : int or None
        Column of the context voice; None for a field that depends on nothing.
    """

    context: int | None = None
    primitive: ClassVar[str] = "field"
    _parameters: ClassVar[Parameters] = {**L2, "context": (None, Whole())}

    def add(self, field: Float32s, table: Float32s, grid: Ints, layout: Layout) -> None:
        """Add the log-weights of a table to those of every symbol at every row.

        Parameters
        ----------
        field : ndarray of shape (n_rows, n_lines, width), float32, added to
        table : ndarray of the term's shape, float32
        grid : ndarray of shape (n_rows, n_voices), int64
        layout : Layout
        """
        raise TypeError(f"{type(self).__name__} is not a term by itself")

    def gradient(
        self, residual: Float32s, grid: Ints, layout: Layout, n_values: int = 1
    ) -> Float32s:
        """Bring each `residual` by row, line and symbol back to the table.

        `grid` and `layout` are those of `add`, `n_values` that of `shape`.
        """
        raise TypeError(f"{type(self).__name__} is not a term by itself")


@dataclass(frozen=True)
class Field(FieldTerm):
    """Weight of a symbol of a voice, by the value of a context voice: [line, value, symbol].

    Attributes
    ----------
    context : int or None
        Column of the context voice; None for a field that depends on nothing.
    table : ndarray of shape (n_lines, n_values, width), optional
        Weights that are known beforehand, and stay as they are while the others are fitted.

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> pieces = [np.array([[7, 0, 0], [9, 5, 1], [12, 0, 0]])] * 2
    >>> model = MaxEnt([Field(context=2)], n_lines=2).fit(pieces)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'Field(context=2)': (2, 2, 16)}
    """

    table: Float32s | None = field(default=None, repr=False, compare=False)
    _parameters: ClassVar[Parameters] = {
        **L2,
        "context": (None, Whole()),
        "table": (None, np.ndarray),
    }

    @property
    def known(self) -> Float32s | None:
        """Weights that are given, and not fitted."""
        return self.table

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        return layout.n_lines, n_values, layout.width

    def add(self, field: Float32s, table: Float32s, grid: Ints, layout: Layout) -> None:
        """Add the log-weights of a table to those of every symbol at every row."""
        column = 0 if self.context is None else grid[:, self.context]
        field += table.transpose(1, 0, 2)[column]

    def gradient(
        self, residual: Float32s, grid: Ints, layout: Layout, n_values: int = 1
    ) -> Float32s:
        """Bring residuals by row, line and symbol back to the table."""
        if self.context is None:
            total: Float32s = residual.sum(axis=0)[:, None]
            return total
        one_hot = (grid[:, self.context, None] == np.arange(n_values)).astype(np.float32)
        summed: Float32s = one_hot.T @ residual.reshape(len(residual), -1)
        return summed.reshape(n_values, layout.n_lines, layout.width).transpose(1, 0, 2)


@dataclass(frozen=True)
class ShiftedField(FieldTerm):
    """Weight of a label plus the value of a context voice: [line, label + value].

    With the transposition of the piece as the context, it is a weight of the pitch that
    sounds: the register of a voice.

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> pieces = [np.array([[7, 0, 0], [9, 5, 1], [12, 0, 0]])] * 2
    >>> model = MaxEnt([ShiftedField(context=2)], n_lines=2).fit(pieces)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'ShiftedField(context=2)': (2, 192)}
    """

    context: int = 0
    _parameters: ClassVar[Parameters] = {**L2, "context": (Whole(),)}

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        return layout.n_lines, N_SHIFTED

    def _places(self, grid: Ints, layout: Layout, v: int) -> Ints:
        """Return the cell of each symbol of a line at each row, -1 where it has no label."""
        place = np.clip(layout.pitch[v] + grid[:, self.context, None], 0, N_SHIFTED - 1)
        return np.where(layout.pitch[v] >= 0, place, -1)

    def add(self, field: Float32s, table: Float32s, grid: Ints, layout: Layout) -> None:
        """Add the log-weights of a table to those of every symbol at every row."""
        for v in range(layout.n_lines):
            place = self._places(grid, layout, v)
            field[:, v] += np.where(place >= 0, table[v][place], 0)

    def gradient(
        self, residual: Float32s, grid: Ints, layout: Layout, n_values: int = 1
    ) -> Float32s:
        """Bring residuals by row, line and symbol back to the table."""
        out = np.zeros(self.shape(layout), np.float32)
        for v in range(layout.n_lines):
            place = self._places(grid, layout, v)
            values = np.where(place >= 0, residual[:, v], 0)
            out[v] = np.bincount(np.maximum(place, 0).ravel(), values.ravel(), N_SHIFTED)
        return out
