"""Terms of a maximum-entropy model over two sites: couplings of their symbols.

References
----------
Hadjeres, Sakellariou, Pachet (2016), Style imitation and chord invention in polyphonic music
with exponential families.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stats_composer.kernels.arrays import Ints
from stats_composer.kernels.layout import Layout
from stats_composer.models.maxent.terms import L2, Term
from stats_composer.models.parameters import Parameters, Whole

__all__ = ["CrossRelation", "Pair", "PairDifference", "PairResidue"]


@dataclass(frozen=True)
class Pair(Term):
    """Couplings J of two symbols: [pair, gate, symbol of a, symbol of b].

    Every two lines at one step, each line with itself up to `max_lag` steps later, and with
    every other line up to `max_diagonal` steps later.

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([Pair(max_lag=1)]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'Pair(max_lag=1, max_diagonal=1)': (5, 1, 16, 16)}
    """

    max_lag: int = 4
    max_diagonal: int = 1
    primitive: ClassVar[str] = "pair"
    _parameters: ClassVar[Parameters] = {**L2, "max_lag": (Whole(),), "max_diagonal": (Whole(),)}

    def pairs(self, n_lines: int) -> list[tuple[int, int, int]]:
        """List the pairs of `n_lines` lines as (line a, line b, steps from a to b)."""
        lines = range(n_lines)
        vertical = [(a, b, 0) for a in lines for b in lines if a < b]
        horizontal = [(a, a, k) for a in lines for k in range(1, self.max_lag + 1)]
        diagonal = [
            (a, b, k)
            for a in lines
            for b in lines
            for k in range(1, self.max_diagonal + 1)
            if a != b
        ]
        return vertical + horizontal + diagonal

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        n_pairs = len(self.pairs(layout.n_lines))
        return n_pairs, layout.n_gates, layout.width, layout.width


@dataclass(frozen=True)
class PairDifference(Pair):
    """The same couplings as a function of label b less label a: [pair, gate, difference].

    The transposition-invariant part of `Pair`; its pairs must be those of the `Pair` beside it.

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([PairDifference(max_lag=1)]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'PairDifference(max_lag=1, max_diagonal=1)': (5, 1, 257)}
    """

    n_differences: ClassVar[int] = 257

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        return len(self.pairs(layout.n_lines)), layout.n_gates, self.n_differences

    def index(self, layout: Layout) -> Ints:
        """Cell of the table for each cell of the primitive, flat."""
        pairs = np.array(self.pairs(layout.n_lines))
        pitch_a, pitch_b = layout.pitch[pairs[:, 0]], layout.pitch[pairs[:, 1]]
        silent = (pitch_a < 0)[:, :, None] | (pitch_b < 0)[:, None, :]
        middle = self.n_differences // 2
        difference = pitch_b[:, None, :] - pitch_a[:, :, None] + middle
        difference = np.where(silent, -1, np.clip(difference, 0, self.n_differences - 1))
        row = np.arange(len(pairs) * layout.n_gates).reshape(len(pairs), layout.n_gates, 1, 1)
        cell = row * self.n_differences + difference[:, None]
        return np.where(difference[:, None] < 0, -1, cell).ravel()


@dataclass(frozen=True)
class PairResidue(Pair):
    """Couplings of the residues of two different lines, tied: [steps between, gate, a, b].

    At one step and from one to the next; its pairs must be those of the `Pair` beside it.

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([PairResidue(max_lag=1)]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'PairResidue(max_lag=1, max_diagonal=1)': (2, 1, 12, 12)}
    """

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        return 2, layout.n_gates, layout.modulus, layout.modulus

    def index(self, layout: Layout) -> Ints:
        """Cell of the table for each cell of the primitive, flat."""
        shape, n_gates = self.shape(layout), layout.n_gates
        cells = np.full((len(self.pairs(layout.n_lines)), n_gates, *2 * (layout.width,)), -1)
        for number, (a, b, lag) in enumerate(self.pairs(layout.n_lines)):
            if a != b and lag < shape[0]:
                one, other = layout.residue[a][:, None], layout.residue[b]
                cell = (lag * n_gates + np.arange(n_gates)[:, None, None]) * layout.modulus**2
                cell = cell + one * layout.modulus + other
                cells[number] = np.where((one >= 0) & (other >= 0), cell, -1)
        return cells.ravel()


@dataclass(frozen=True)
class CrossRelation(Term):
    """Residues of two different lines, one apart over the steps of `BeatMotion`: [earlier, way].

    The later one is one below or one above: B flat in the alto, then B in the bass.

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([CrossRelation()]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'CrossRelation()': (12, 2)}
    """

    primitive: ClassVar[str] = "relation"

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        return layout.modulus, 2

    def index(self, layout: Layout) -> Ints:
        """Cell of the table for each cell of the primitive, flat."""
        earlier, later = np.indices((layout.modulus, layout.modulus))
        step = (later - earlier + 1) % layout.modulus - 1
        return np.where(np.abs(step) == 1, 2 * earlier + (step > 0), -1).ravel()
