"""Grids below each other, as the kernels of the maximum-entropy model read them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from stats_composer.kernels.arrays import Ints
from stats_composer.kernels.layout import Grids, Layout

__all__ = ["Columns", "Pieces"]


class Columns(NamedTuple):
    """Which voices of a grid are context, by column; None where a model has none such.

    Attributes
    ----------
    gate, sonority_context, place, given : int, optional
        As of `MaxEnt`.
    fields : tuple of int
        What fields depend on, rising.
    """

    gate: int | None = None
    sonority_context: int | None = None
    place: int | None = None
    given: int | None = None
    fields: tuple[int, ...] = ()


class Pieces:
    """Grids below each other, with what the kernels read of their context voices.

    Parameters
    ----------
    grids : sequence of ndarray of shape (n_steps, n_voices), int64
    layout : Layout
    columns : Columns

    Attributes
    ----------
    grid : ndarray of shape (n_rows, n_voices), int64
    start, stop : ndarray of shape (n_pieces,), int64
    rows : ndarray of shape (3, n_rows), int64
        By `Context`.
    modelled : ndarray of shape (n_rows, n_lines), bool

    Examples
    --------
    >>> from stats_composer.models.maxent import Field, MaxEnt
    >>> model = MaxEnt([Field()]).fit([np.array([[0], [1], [0]])] * 4)
    >>> model.pack([np.array([[0], [1]]), np.array([[1], [1]])]).start.tolist()
    [0, 2]
    """

    def __init__(self, grids: Sequence[Ints], layout: Layout, columns: Columns) -> None:
        self.layout, self.columns = layout, columns
        length = np.array([len(grid) for grid in grids], np.int64)
        self.grid = np.ascontiguousarray(np.concatenate(grids))
        self.stop = np.cumsum(length)
        self.start = self.stop - length
        zero = np.zeros(len(self.grid), np.int64)
        self.rows = np.stack([zero if c is None else self.grid[:, c] for c in columns[:3]])
        n_lines = layout.n_lines
        self.modelled = np.ones((len(self.grid), n_lines), np.bool_)
        if columns.given is not None:
            given = self.grid[:, columns.given, None] >> np.arange(n_lines)
            self.modelled[given & 1 > 0] = False

    @property
    def grids(self) -> Grids:
        """The pieces as kernels read them."""
        return Grids(self.grid, self.start, self.stop, self.modelled)

    @cached_property
    def kinds(self) -> tuple[Ints, Ints]:
        """Rows that show all contexts the fields know, one of each kind, and each row's kind."""
        code = np.zeros(len(self.grid), np.int64)
        if not self.columns.fields:
            return code[:1], code
        for column in self.columns.fields:
            values = self.grid[:, column]
            code = np.unique(code * (values.max() + 1) + values, return_inverse=True)[1]
        _, shown = np.unique(code, return_index=True)
        return shown, code

    def take(self, chosen: Ints) -> Pieces:
        """Return the `chosen` ones of the pieces, packed."""
        return self.pack([self.grid[self.start[p] : self.stop[p]] for p in chosen])

    def pack(self, grids: Sequence[Ints]) -> Pieces:
        """Return other grids, read in the same way."""
        return Pieces(grids, self.layout, self.columns)
