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
from stats_composer.kernels.sites import NEAR, Layout
from stats_composer.models.parameters import Parameters, Real, Strategy, Whole

__all__ = [
    "BeatMotion",
    "BeatParallels",
    "Field",
    "FieldTerm",
    "GatedProgression",
    "Melody",
    "Motion",
    "Onset",
    "Pair",
    "PairDifference",
    "PairResidue",
    "ParallelMotion",
    "Passage",
    "Progression",
    "Rhythm",
    "ShiftedField",
    "Sonority",
    "Term",
]

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
    """

    l2: float = 1e-5
    primitive: ClassVar[str] = ""
    _parameters: ClassVar[Parameters] = L2

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table; fields ask for the number of values of their context."""
        raise TypeError(f"{type(self).__name__} is not a term by itself")

    @property
    def known(self) -> Float32s | None:
        """Weights that are given, and not fitted."""
        return None

    def index(self, layout: Layout) -> Ints:
        """Cell of the table for each cell of the primitive, flat."""
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
        """Bring residuals by row, line and symbol back to the table."""
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


@dataclass(frozen=True)
class Pair(Term):
    """Couplings J of two symbols: [pair, gate, symbol of a, symbol of b].

    Every two lines at one step, each line with itself up to `max_lag` steps later, and with
    every other line up to `max_diagonal` steps later.
    """

    max_lag: int = 4
    max_diagonal: int = 1
    primitive: ClassVar[str] = "pair"
    _parameters: ClassVar[Parameters] = {**L2, "max_lag": (Whole(),), "max_diagonal": (Whole(),)}

    def pairs(self, n_lines: int) -> list[tuple[int, int, int]]:
        """List the pairs as (line a, line b, steps from a to b)."""
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
    """

    primitive: ClassVar[str] = "beats"

    def _n_gates(self, layout: Layout) -> int:
        return 1


@dataclass(frozen=True)
class BeatParallels(ParallelMotion):
    """`ParallelMotion` over the steps of `BeatMotion`."""

    primitive: ClassVar[str] = "beats"

    def _n_gates(self, layout: Layout) -> int:
        return 1


@dataclass(frozen=True)
class Sonority(Term):
    """The residues of all lines of a step, by the sonority context.

    Attributes
    ----------
    kind : {"relative", "set", "full"}
        Residues above the last line's: [context, (n_lines - 1) residues]; the set of residues
        with the last line's own: [context, residue, set]; or every line's residue.
    """

    kind: str = "full"
    n_contexts: int = 1
    primitive: ClassVar[str] = "sonority"
    _parameters: ClassVar[Parameters] = {
        **L2,
        "kind": ("relative", "set", "full"),
        "n_contexts": (Whole(1),),
    }

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        m = layout.modulus
        tail = {
            "relative": (m,) * (layout.n_lines - 1),
            "set": (m, 1 << m),
            "full": (m,) * layout.n_lines,
        }[self.kind]
        return self.n_contexts, *tail

    def index(self, layout: Layout) -> Ints:
        """Cell of the table for each cell of the primitive, flat."""
        if self.kind == "full":
            return super().index(layout)
        m, n_lines = layout.modulus, layout.n_lines
        residues = np.indices((m,) * n_lines).reshape(n_lines, -1)
        if self.kind == "set":
            bits = np.bitwise_or.reduce(1 << residues, axis=0)
            cell = residues[-1] * (1 << m) + bits
        else:
            above = (residues[:-1] - residues[-1]) % m
            cell = np.ravel_multi_index(tuple(above), (m,) * (n_lines - 1))
        size = int(np.prod(self.shape(layout)[1:]))
        cells: Ints = (np.arange(self.n_contexts)[:, None] * size + cell).ravel()
        return cells


@dataclass(frozen=True)
class Progression(Term):
    """Classes of the sets of residues of two steps, at lags 1 and 2: [lag, earlier, later].

    The `n_classes - 1` commonest sets of the training pieces have a class each, all others
    share the last.
    """

    n_classes: int = 64
    primitive: ClassVar[str] = "progression"
    _parameters: ClassVar[Parameters] = {**L2, "n_classes": (Whole(1, 4096),)}

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        return 2, layout.n_classes, layout.n_classes

    def index(self, layout: Layout) -> Ints:
        """Cell of the table for each cell of the primitive, flat."""
        cell = np.arange(2 * layout.n_classes**2).reshape(2, 1, -1)
        return np.repeat(cell, layout.n_gates, axis=1).ravel()


@dataclass(frozen=True)
class GatedProgression(Progression):
    """`Progression` by the gate of the earlier step: [lag, gate, earlier, later].

    Its classes must be those of the `Progression` beside it.
    """

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        return 2, layout.n_gates, layout.n_classes, layout.n_classes

    def index(self, layout: Layout) -> Ints:
        """Cell of the table for each cell of the primitive, flat."""
        return Term.index(self, layout)


@dataclass(frozen=True)
class Melody(Term):
    """Two successive steps of one line, at lags 1 and 2: [lag, line, gate, step, next step]."""

    primitive: ClassVar[str] = "melody"

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        k = 2 * layout.clip + 1
        return 2, layout.n_lines, layout.n_gates, k, k


@dataclass(frozen=True)
class Onset(Term):
    """Which lines move into a step, by its place: [place, set of lines]."""

    primitive: ClassVar[str] = "onset"

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        return layout.n_places, 1 << layout.n_lines


@dataclass(frozen=True)
class Rhythm(Term):
    """Into which of eight successive steps a line moves: [line, place of the first, pattern]."""

    primitive: ClassVar[str] = "rhythm"

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        return layout.n_lines, layout.n_places, 256


@dataclass(frozen=True)
class Passage(Term):
    """How a line comes to what it sounds with another, and leaves it.

    [line, other line, gate, step into the middle, residue of the interval there, step out of it];
    the steps are clipped to three: stay, small, large or leap. A dissonance is prepared and
    resolved in it.

    Attributes
    ----------
    tied : bool
        Whether it tells of the lines only if the other is the last: [last, gate, ...].
    """

    tied: bool = False
    primitive: ClassVar[str] = "passage"
    _parameters: ClassVar[Parameters] = {**L2, "tied": (bool,)}

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        n_near = 2 * NEAR + 1
        lines = (2,) if self.tied else (layout.n_lines, layout.n_lines)
        return (*lines, layout.n_gates, n_near, layout.modulus, n_near)

    def index(self, layout: Layout) -> Ints:
        """Cell of the table for each cell of the primitive, flat."""
        if not self.tied:
            return super().index(layout)
        size = int(np.prod(self.shape(layout)[1:]))
        is_last = np.arange(layout.n_lines) == layout.n_lines - 1
        cell = is_last[:, None] * size + np.arange(size)
        return np.tile(cell.ravel(), layout.n_lines)


@dataclass(frozen=True)
class PairResidue(Pair):
    """Couplings of the residues of two different lines, tied: [steps between, gate, a, b].

    At one step and from one to the next; its pairs must be those of the `Pair` beside it.
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
