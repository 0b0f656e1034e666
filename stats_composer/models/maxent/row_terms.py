"""Terms of a maximum-entropy model over all lines of a row, or one line over some rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stats_composer.kernels.arrays import Ints
from stats_composer.kernels.layout import NEAR, Layout
from stats_composer.models.maxent.terms import L2, Term
from stats_composer.models.parameters import Each, Parameters, Whole

__all__ = [
    "GatedProgression",
    "Melody",
    "Onset",
    "Passage",
    "Progression",
    "Resolution",
    "Rhythm",
    "Sonority",
]


@dataclass(frozen=True)
class Sonority(Term):
    """The residues of all lines of a step, by the sonority context.

    Attributes
    ----------
    kind : {"relative", "set", "full"}
        Residues above the last line's: [context, (n_lines - 1) residues]; the set of residues
        with the last line's own: [context, residue, set]; or every line's residue.

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([Sonority(kind="full")]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'Sonority(kind=full, n_contexts=1)': (1, 12, 12)}
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

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([Progression(n_classes=8)]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'Progression(n_classes=8)': (2, 8, 8)}
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

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> pieces = [np.array([[7, 0], [9, 5], [12, 0]])] * 2
    >>> model = MaxEnt([GatedProgression(n_classes=8)]).fit(pieces)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'GatedProgression(n_classes=8)': (2, 1, 8, 8)}
    """

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        return 2, layout.n_gates, layout.n_classes, layout.n_classes

    def index(self, layout: Layout) -> Ints:
        """Cell of the table for each cell of the primitive, flat."""
        return Term.index(self, layout)


@dataclass(frozen=True)
class Melody(Term):
    """Two successive steps of one line, at lags 1 and 2: [lag, line, gate, step, next step].

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([Melody()]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'Melody()': (2, 2, 1, 25, 25)}
    """

    primitive: ClassVar[str] = "melody"

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        k = 2 * layout.clip + 1
        return 2, layout.n_lines, layout.n_gates, k, k


@dataclass(frozen=True)
class Onset(Term):
    """Which lines move into a step, by its place: [place, set of lines].

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([Onset()]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'Onset()': (1, 4)}
    """

    primitive: ClassVar[str] = "onset"

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        return layout.n_places, 1 << layout.n_lines


@dataclass(frozen=True)
class Rhythm(Term):
    """Into which of eight successive steps a line moves: [line, place of the first, pattern].

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([Rhythm()]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'Rhythm()': (2, 1, 256)}
    """

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

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([Passage()]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> {name: table.shape for name, table in model.weights_.tables.items()}
    {'Passage(tied=False)': (2, 2, 1, 7, 12, 7)}
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
class Resolution(Term):
    """How a line comes to an interval that clashes, and leaves it: [lines, gate, way in, way out].

    The rows and the gate are those of `Passage`. The lines are two above the last, one over the
    last, the last below one; the ways are leap down, step down, stay, step up, leap up.

    Attributes
    ----------
    clashes, over_last : tuple of int
        Residues of intervals that clash: either way up, and over the last line.

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> model = MaxEnt([Resolution()]).fit([np.array([[7, 0], [9, 5], [12, 0]])] * 2)
    >>> [table.shape for table in model.weights_.tables.values()]
    [(3, 1, 5, 5)]
    """

    clashes: tuple[int, ...] = (1, 2, 6)
    over_last: tuple[int, ...] = (5,)
    primitive: ClassVar[str] = "passage"
    _parameters: ClassVar[Parameters] = {
        **L2,
        **dict.fromkeys(("clashes", "over_last"), (Each((Whole(),)),)),
    }

    def shape(self, layout: Layout, n_values: int = 1) -> tuple[int, ...]:
        """Shape of the term's table."""
        return 3, layout.n_gates, 5, 5

    def index(self, layout: Layout) -> Ints:
        """Cell of the table for each cell of the primitive, flat."""
        n, m, n_near = layout.n_lines, layout.modulus, 2 * NEAR + 1
        line, other, gate, into, up, out = np.ogrid[:n, :n, : layout.n_gates, :n_near, :m, :n_near]
        down = -up % m
        clash = np.isin(np.minimum(up, down), self.clashes)
        clash = clash | ((other == n - 1) & np.isin(up, self.over_last))
        clash = clash | ((line == n - 1) & np.isin(down, self.over_last))
        lines = np.where(line == n - 1, 2, other == n - 1)
        ways = [np.sign(s - NEAR) * (1 + (np.abs(s - NEAR) == NEAR)) + 2 for s in (into, out)]
        cell = np.ravel_multi_index(np.broadcast_arrays(lines, gate, *ways), self.shape(layout))
        return np.where(clash, cell, -1).ravel()
