"""Terms of a maximum-entropy model over two lines that go from a step to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stats_composer.kernels.arrays import Ints
from stats_composer.kernels.layout import Layout
from stats_composer.models.maxent.terms import L2, Term
from stats_composer.models.parameters import Parameters

__all__ = ["BeatMotion", "BeatParallels", "Motion", "ParallelMotion"]


def _motion_axes(layout: Layout) -> tuple[Ints, Ints, Ints]:
    """Return interval, and the steps of both voices, as broadcastable arrays."""
    k = 2 * layout.clip + 1
    step = np.arange(k) - layout.clip
    return np.arange(layout.modulus)[:, None, None], step[:, None], step


def _motion_kind(first: Ints, second: Ints) -> Ints:
    """0 both stay, 1 the first moves, 2 the second, 3 both the same way, 4 against each other."""
    both = np.where(np.sign(first) == np.sign(second), 3, 4)
    kind = np.where(second == 0, np.where(first == 0, 0, 1), np.where(first == 0, 2, both))
    return kind.astype(np.int64)


@dataclass(frozen=True)
class Motion(Term):
    """Two lines over one step: [pair, gate, interval, ...].

    Attributes
    ----------
    fine : bool
        With the two steps, clipped; else with the second interval and the kind of motion.

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([Motion()]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'Motion(fine=False)': (1, 1, 12, 12, 5)}
    """

    fine: bool = False
    primitive: ClassVar[str] = "motion"
    _parameters: ClassVar[Parameters] = {**L2, "fine": (bool,)}

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        n_pairs = layout.n_lines * (layout.n_lines - 1) // 2
        k = 2 * layout.clip + 1
        tail = (k, k) if self.fine else (layout.modulus, 5)
        return n_pairs, self._n_gates(layout), layout.modulus, *tail

    def _n_gates(self, layout: Layout) -> int:
        return layout.n_gates

    def index(self, layout: Layout) -> Ints:
        """Cell of the table for each cell of the primitive, flat."""
        if self.fine:
            return super().index(layout)
        interval, first, second = _motion_axes(layout)
        later = (interval + first - second) % layout.modulus
        cell = (interval * layout.modulus + later) * 5 + _motion_kind(first, second)
        outer = np.arange(np.prod(self.shape(layout)[:2]))[:, None, None, None]
        return (outer * layout.modulus * layout.modulus * 5 + cell).ravel()


@dataclass(frozen=True)
class ParallelMotion(Term):
    """Motion tied over all pairs of lines: [gate, kind of motion, second interval, same as first].

    Parallel fifths and octaves are a four-body event that few data show: so they are tied.

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([ParallelMotion()]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'ParallelMotion()': (1, 5, 12, 2)}
    """

    primitive: ClassVar[str] = "motion"

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        return self._n_gates(layout), 5, layout.modulus, 2

    def _n_gates(self, layout: Layout) -> int:
        return layout.n_gates

    def index(self, layout: Layout) -> Ints:
        """Cell of the table for each cell of the primitive, flat."""
        interval, first, second = _motion_axes(layout)
        later = (interval + first - second) % layout.modulus
        kind = _motion_kind(first, second)
        cell = (kind * layout.modulus + later) * 2 + (later == interval)
        gates = np.arange(self._n_gates(layout))[:, None, None, None] * 5 * layout.modulus * 2
        n_pairs = layout.n_lines * (layout.n_lines - 1) // 2
        return np.tile((gates + cell).ravel(), n_pairs)


@dataclass(frozen=True)
class BeatMotion(Motion):
    """Two lines from a step of gate 0 to the next but one, if of gate 0 as well: one gate.

    With the half of the beat as the gate, it is motion from beat to beat.

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([BeatMotion()]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'BeatMotion(fine=False)': (1, 1, 12, 12, 5)}
    """

    primitive: ClassVar[str] = "beats"

    def _n_gates(self, layout: Layout) -> int:
        return 1


@dataclass(frozen=True)
class BeatParallels(ParallelMotion):
    """`ParallelMotion` over the steps of `BeatMotion`.

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([BeatParallels()]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'BeatParallels()': (1, 5, 12, 2)}
    """

    primitive: ClassVar[str] = "beats"

    def _n_gates(self, layout: Layout) -> int:
        return 1
