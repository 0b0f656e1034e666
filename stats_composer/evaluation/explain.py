"""Why a note: what each term of a maximum-entropy model says for it, and where it learned that.

Given all other notes, what may stand in a line at some rows, one symbol throughout, has log-weights
that are sums over the features that contain these sites (`kernels/sites.py`, (1)), so that the
log-odds of two symbols a and b are

    log P(a | rest) - log P(b | rest) = sum over terms of (w[f(a)] - w[f(b)]),               (1)

in double precision here. Features are found by counting: those of the rows around with each symbol
in turn, less those that all symbols share.

Conventions
-----------
Log-odds are in nats, surprise in bits. A *cell* is a feature's place in the model's folded table;
fields have none, -1. Rows are the model's steps.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.layout import NEAR, Grids
from stats_composer.kernels.maxent import add_counts
from stats_composer.models.maxent import MaxEnt

__all__ = ["NoteTerms", "Share", "find_pattern", "note_terms"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REACH = 9
"""Rows on either side of a site within which every feature lies that contains it."""
PRIMITIVES = (
    *("pair_back", "motion", "sonority", "progression", "melody", "onset", "rhythm", "beats"),
    *("passage", "relation"),
)


class Share(NamedTuple):
    """What one feature of one term says of a symbol.

    Attributes
    ----------
    term : str
        As in `Weights.tables`.
    kind, detail : str
        In words, such as `vertical`, `with the bass`.
    cell : int
    value : float
        Nats.
    """

    term: str
    kind: str
    detail: str
    cell: int
    value: float


class NoteTerms(NamedTuple):
    """What the terms say of every symbol at a site.

    Attributes
    ----------
    symbol : int
        The one that stands there.
    shares : list of list of Share
        By symbol.
    log_probs : ndarray of shape (n_symbols,), float64
        Given all other sites.
    """

    symbol: int
    shares: list[list[Share]]
    log_probs: Floats

    def against(self, other: int, symbol: int | None = None) -> list[Share]:
        """Return what speaks for a symbol (by default its own) and not another, (1).

        Parameters
        ----------
        other : int
        symbol : int, optional

        Returns
        -------
        list of Share
            Their values sum to the log-odds; what speaks loudest either way comes first.
        """
        own = self.shares[self.symbol if symbol is None else symbol]
        signed = [*own, *(share._replace(value=-share.value) for share in self.shares[other])]
        return sorted(signed, key=lambda share: -abs(share.value))


def note_terms(
    model: MaxEnt, grid: Ints, rows: range, line: int, names: Sequence[str] = ()
) -> NoteTerms:
    """Take the log-weights of a note apart.

    Parameters
    ----------
    model : MaxEnt
        Fitted.
    grid : ndarray of shape (n_steps, n_voices), int64
    rows : range
        Those that the note lasts, one or more.
    line : int
    names : sequence of str, optional
        Of the columns of the grid.

    Returns
    -------
    NoteTerms
    """
    names = list(names) or [f"voice {column + 1}" for column in range(grid.shape[1])]
    features = _features(model, grid, rows, line)
    fields = _fields(model, grid[rows.start : rows.stop], line, names)
    shares = [
        [
            *own,
            *(
                share
                for cell, n in cells.items()
                for share in _of_cell(model, line, names, cell, n)
            ),
        ]
        for own, cells in zip(fields, features, strict=True)
    ]
    total = np.array([sum(share.value for share in own) for own in shares])
    largest = total.max()
    log_probs = total - largest - np.log(np.exp(total - largest).sum())
    return NoteTerms(int(grid[rows.start, line]), shares, log_probs)


def _features(model: MaxEnt, grid: Ints, rows: range, line: int) -> list[dict[int, int]]:
    """Count, by symbol, the features that contain a note, those that all share left aside."""
    first = max(rows.start - REACH, 0)
    pieces = model.pack([np.asarray(grid, np.int64)[first : rows.stop + REACH].copy()])
    n_symbols = int(model.layout_.n_symbols[line])
    found = []
    for symbol in range(n_symbols):
        pieces.grid[rows.start - first : rows.stop - first, line] = symbol
        found.append(_counted(model, pieces.grids, pieces.rows))
    shared = {cell: min(own.get(cell, 0) for own in found) for cell in found[0]}
    return [
        {cell: n - shared.get(cell, 0) for cell, n in own.items() if n > shared.get(cell, 0)}
        for own in found
    ]


def _counted(model: MaxEnt, grids: Grids, rows: Ints) -> dict[int, int]:
    """Count the features of a grid by cell; a pair has the cell of its later copy."""
    layout, weights = model.layout_, model.weights_
    counts = np.zeros_like(weights.folded)
    add_counts(grids, layout.features, rows, counts)
    if layout.pair:
        counts[layout.pair : layout.pair_back] = 0
        counts[layout.pair_back : 2 * layout.pair_back - layout.pair] *= 2
    counts[0] = 0
    cells = np.flatnonzero(counts)
    n = np.rint(counts[cells] / weights.multiplicity[cells]).astype(int)
    return dict(zip(cells.tolist(), n.tolist(), strict=True))


def _fields(model: MaxEnt, grid: Ints, line: int, names: Sequence[str]) -> list[list[Share]]:
    """Return what the fields say of each symbol in all rows of a grid."""
    weights, layout = model.weights_, model.layout_
    shares: list[list[Share]] = [[] for _ in range(int(layout.n_symbols[line]))]
    for (term, part), name in zip(weights.fields, _names_of(model, "field"), strict=True):
        field = np.zeros((len(grid), layout.n_lines, layout.width), np.float32)
        table = weights.vector[part.where].reshape(part.shape)
        term.add(field, table, grid, layout)
        detail = "" if term.context is None else f"by {names[term.context]}"
        for symbol, own in enumerate(shares):
            value = float(field[:, line, symbol].sum(dtype=np.float64))
            own.append(Share(name, "field", detail, -1, value))
    return shares


def _names_of(model: MaxEnt, primitive: str) -> list[str]:
    """Name the terms of a primitive as the tables are named, in order."""
    pairs = zip(model.weights_.tables, model.weights_.parts, strict=True)
    return [name for name, part in pairs if part.term.primitive == primitive]


def _of_cell(model: MaxEnt, line: int, names: Sequence[str], cell: int, n: int) -> Iterator[Share]:
    """Run through what the terms of a feature's primitive say."""
    layout, weights = model.layout_, model.weights_
    present = [(getattr(layout, name), name) for name in PRIMITIVES if getattr(layout, name)]
    start, primitive = max(pair for pair in present if pair[0] <= cell)
    kind, detail = _in_words(model, line, names, primitive, cell - start)
    for name, part in zip(weights.tables, weights.parts, strict=True):
        if part.index is not None and part.term.primitive == primitive.removesuffix("_back"):
            place = int(part.index[cell - start])
            if place >= 0:
                value = n * float(weights.vector[part.where][place])
                yield Share(name, kind, detail, cell, value)


def _in_words(
    model: MaxEnt, line: int, names: Sequence[str], primitive: str, place: int
) -> tuple[str, str]:
    """Say what kind of feature a place of a primitive is, and of which lines or steps."""
    layout = model.layout_
    k, n_lines = 2 * layout.clip + 1, layout.n_lines
    if primitive == "pair_back":
        a, b, lag = model.pairs_[place // (layout.n_gates * layout.width**2)]
        other = names[b if a == line else a]
        steps = f"{lag} step{'s' * (lag != 1)} apart"
        if a == b:
            return "horizontal", steps
        return ("vertical", f"with the {other}") if lag == 0 else ("diagonal", f"{other}, {steps}")
    if primitive in ("motion", "beats"):
        gates = layout.n_gates if primitive == "motion" else 1
        pair = list(combinations(range(n_lines), 2))[place // (gates * layout.modulus * k * k)]
        other = names[pair[pair[0] == line]]
        return ("motion", "beat motion")[primitive == "beats"], f"with the {other}"
    if primitive == "passage":
        voices = divmod(place // (layout.n_gates * layout.modulus * (2 * NEAR + 1) ** 2), n_lines)
        return "passage", f"of the {names[voices[0]]} over the {names[voices[1]]}"
    if primitive == "progression":
        return "progression", f"lag {1 + place // (layout.n_gates * layout.n_classes**2)}"
    if primitive == "melody":
        return "melody", f"lag {1 + place // (n_lines * layout.n_gates * k * k)}"
    return {"sonority": "chord", "relation": "from beat to beat"}.get(primitive, primitive), ""


def find_pattern(model: MaxEnt, grid: Ints, cell: int) -> tuple[int, int] | None:
    """Find the first place of a grid that has a feature.

    Parameters
    ----------
    model : MaxEnt
    grid : ndarray of shape (n_steps, n_voices), int64
    cell : int
        Of a `Share`, not -1.

    Returns
    -------
    (first, stop) or None
        The fewest rows that hold it.
    """

    def holds(first: int, stop: int) -> bool:
        if stop <= first:
            return False
        pieces = model.pack([grid[first:stop]])
        counts = np.zeros_like(model.weights_.folded)
        add_counts(pieces.grids, model.layout_.features, pieces.rows, counts)
        return bool(counts[cell])

    if not holds(0, len(grid)):
        return None
    stop = bisect_left(range(len(grid) + 1), True, key=lambda n: holds(0, n))
    first = bisect_left(range(stop + 1), True, key=lambda n: not holds(n, stop)) - 1
    return first, stop
