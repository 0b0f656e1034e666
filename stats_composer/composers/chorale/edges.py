"""How phrases begin and end: drawn before any line is written, from the phrases of a corpus.

What makes a cadence is who sings what on the last two beats, all voices together and in their
place before the phrase's end: a plan, where a model of neighbouring notes knows none. So each
end of a phrase of the corpus is kept, as the residues that its lines sound on the last rows, and
so is each beginning. The edge of a new phrase follows one of them, drawn by how alike the given
lines go and by what the constraints think of its chords:

    P(edge i) ~ exp(REACHING * run_i + merit_i) * MODE^[another mode] * PLACE^[another place]  (1)

where run_i is the number of rows, from the edge inwards, on which the given lines sound as in
edge i, merit_i is the greatest log-weight that the factors leave to lines that sing tones of its
first two chords, and its place is an outer edge of its piece or not. It is a variable-order
context model of the kind of prediction by partial matching (Cleary, Witten 1984) whose alphabet is
whole cadences, and exact under constraints: an edge that they forbid has no weight.

Conventions
-----------
Rows are two a beat and count inwards: row 0 is where the final note, or the phrase, starts.
Residues are those of the labels modulo 12, from the tonic; -1 for none.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.encoding import GridEncoder
from stats_composer.factors import Factors
from stats_composer.views import FINAL, LAST

__all__ = ["Beginnings", "Edges", "Endings", "completed"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

REACH = 9  # rows of an edge
REACHING = 0.6  # nats of a row that the given lines share
MODE, PLACE = 0.3, 0.05  # for an edge in another mode, or of another place
CLOSE = 5  # semitones
SILENT = 12  # in place of a residue
CHORDS = ((0, 4, 7), (0, 3, 7), (0, 4), (0, 3))


class Edges:
    """The edges of the phrases of a corpus, of one side.

    Parameters
    ----------
    encoder : GridEncoder
        With the contexts `end` and `mode`.

    Attributes
    ----------
    residues_ : ndarray of shape (n_edges, REACH, n_lines), int8
    kinds_ : ndarray of shape (n_edges, 2), int8
        Mode, and whether it is an outer edge of its piece.
    inwards, lowest, upper : ClassVar
        Direction of the rows; nats against what is not the drawn edge's on its first three
        rows: in the lowest line a residue of another, in the others a residue of no line.
    """

    inwards: ClassVar[int]
    lowest: ClassVar[tuple[float, float, float]]
    upper: ClassVar[tuple[float, float, float]]

    def __init__(self, encoder: GridEncoder) -> None:
        self.encoder = encoder

    def fit(self, grids: Sequence[Ints]) -> Self:
        """Collect the edges of the phrases of grids of the encoder that stand on a triad."""
        found = [edge for grid in grids for edge in self._edges(grid)]
        n_lines = self.encoder.n_lines
        self.residues_ = np.array([e for e, _ in found], np.int8).reshape(-1, REACH, n_lines)
        self.kinds_ = np.array([kind for _, kind in found], np.int8).reshape(-1, 2)
        return self

    def _edges(self, grid: Ints) -> list[tuple[Ints, tuple[int, int]]]:
        residues, found = self._residues(grid), []
        mode = int(grid[0, self.encoder.column("mode")])
        for row, is_outer in self._find(grid[:, self.encoder.column("end")]):
            rows = self.rows(row, self.encoder.steps_per_beat)
            if rows.min() < 0 or rows.max() >= len(grid):
                continue
            edge: Ints = residues[rows]
            # A suspension over the edge's bass is told by what comes before: its chord is meant.
            if not _is_triad(edge[0]) and row + 1 < len(grid):
                edge[0] = residues[row + 1]
            if _is_triad(edge[0]):
                found.append((edge, (mode, int(is_outer))))
        return found

    def _find(self, end: Ints) -> list[tuple[int, bool]]:
        """List the rows of the edges of a piece, by its context `end`, and which are outer."""
        raise NotImplementedError

    def rows(self, edge: int, steps_per_beat: int) -> Ints:
        """Return the rows from an edge inwards: each beat and its last part.

        Examples
        --------
        >>> ends, begins = Endings(GridEncoder()), Beginnings(GridEncoder())
        >>> ends.rows(12, 2)[:4].tolist(), ends.rows(12, 3)[:4].tolist()
        ([12, 11, 10, 9], [12, 11, 9, 8])
        >>> begins.rows(12, 3)[:4].tolist()
        [12, 14, 15, 17]
        """
        inside = np.arange(REACH)
        last = inside % 2 if self.inwards < 0 else inside % 2 * (steps_per_beat - 1)
        return edge + self.inwards * (steps_per_beat * (inside // 2) + last)

    def _residues(self, grid: Ints) -> Ints:
        """Return the residues of the lines, -1 for none."""
        lines = grid[:, : self.encoder.n_lines]
        labels = np.take_along_axis(self.encoder.labels, lines.T, axis=1).T
        residues: Ints = np.where(labels >= 0, labels % 12, -1)
        return residues

    def plan(
        self,
        symbols: Ints,
        known: Bools,
        factors: Factors,
        places: Sequence[tuple[int, int, bool]],
        steps_per_beat: int,
        rng: np.random.Generator,
    ) -> Factors:
        """Draw an edge for each phrase, and return factors with log-weights that favour them.

        Parameters
        ----------
        symbols : ndarray of shape (n_steps, n_voices), int64
        known : ndarray of shape (n_steps, n_lines), bool
            Sites whose symbol is given.
        factors : Factors
        places : sequence of (row, row after, is_outer)
            Where the chord at the edge stands.
        steps_per_beat : int
            Of the page.
        rng : Generator
        """
        residues = np.where(known, self._residues(symbols), -1)
        unary = factors.unary.copy()
        for start, stop, is_outer in places:
            rows = self.rows(start, steps_per_beat)
            inside = (rows >= 0) & (rows < len(symbols))
            if not inside[:3].all() or known[rows[:3]].all():
                continue
            kind = int(symbols[start, self.encoder.column("mode")]), is_outer
            shown = np.where(inside[:, None], residues[rows * inside], -1)
            log_weight = self._likeness(shown, kind) + self._merit(factors, rows)
            best = log_weight.max(initial=-np.inf)
            if best > -np.inf:
                weight = np.exp(log_weight - best)
                edge = self.residues_[rng.choice(len(weight), p=weight / weight.sum())]
                self._favour(unary, edge, (range(start, stop), rows[1:2], rows[2:3]))
        return Factors(unary, factors.automata, factors.pairwise, factors.terms)

    def _likeness(self, shown: Ints, kind: tuple[int, bool]) -> Floats:
        """Weigh the edges by what the given lines sing."""
        differs = ((shown != self.residues_) & (shown >= 0)).any(axis=2)
        ahead = (shown >= 0).any(axis=1)
        run = (np.cumsum(differs, axis=1) == 0) @ ahead.astype(np.float64)
        others = self.kinds_ != np.array(kind, np.int8)
        likeness: Floats = REACHING * run + others @ np.log([MODE, PLACE])
        return likeness

    def _symbol_residues(self) -> list[Ints]:
        """Return the residue of each symbol of each line, `SILENT` for rests."""
        lines = self.encoder.alphabets_[: self.encoder.n_lines]
        return [np.where(line.entries >= 0, line.entries % 12, SILENT) for line in lines]

    def _merit(self, factors: Factors, rows: Ints) -> Floats:
        """Return what the factors leave to lines that sing tones of the first two chords."""
        merit = np.zeros(len(self.residues_))
        n_lines = self.encoder.n_lines
        for row, chord in zip(rows[:2], self.residues_.transpose(1, 2, 0)[:2], strict=True):
            for v, residue in enumerate(self._symbol_residues()):
                best = np.full(SILENT + 1, -np.inf)  # the last for no residue
                np.maximum.at(best, residue, factors.unary[row, v, : len(residue)])
                best[SILENT] = -np.inf
                merit += best[chord if v < n_lines - 1 else chord[-1:]].max(axis=0)  # (1)
        return merit

    def _favour(self, unary: Floats, edge: Ints, places: tuple[Sequence[int] | Ints, ...]) -> None:
        n_lines = self.encoder.n_lines
        for v, residue in enumerate(self._symbol_residues()):
            for inside, where in enumerate(places):
                weight = (self.upper if v < n_lines - 1 else self.lowest)[inside]
                strange = np.ones(SILENT + 1, np.bool_)
                strange[edge[inside] if v < n_lines - 1 else edge[inside, -1:]] = False
                strange[SILENT] = False
                unary[np.asarray(where), v, : len(residue)] += weight * strange[residue]

    # ---- files --------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned: no sizes, and arrays."""
        return {}, {"residues": self.residues_, "kinds": self.kinds_}

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        self.residues_, self.kinds_ = arrays["residues"], arrays["kinds"]
        return self


class Endings(Edges):
    """How phrases end: suspensions and passing notes come before the chord that closes."""

    inwards = -1
    lowest = (-12.0, -8.0, -2.5)
    upper = (-12.0, -4.0, -1.0)

    def _find(self, end: Ints) -> list[tuple[int, bool]]:
        inside = np.isin(end, (FINAL, LAST))
        finals = np.flatnonzero(inside & ~np.append(False, inside[:-1])).tolist()
        return [(row, bool(end[row] == LAST)) for row in finals]


class Beginnings(Edges):
    """How phrases begin: with a chord, and what its first beat leads to."""

    inwards = 1
    lowest = (-5.0, -2.5, -1.5)
    upper = (-4.0, -1.5, -0.7)

    def _find(self, end: Ints) -> list[tuple[int, bool]]:
        inside = np.isin(end, (FINAL, LAST))
        starts = np.flatnonzero(~inside & np.append(True, inside[:-1])).tolist()
        return [(row, number == 0) for number, row in enumerate(starts)]


def completed(row: Ints, labels: Ints, gain: Floats, free: Bools) -> Ints:
    """Return the symbols of a row with as few of them changed as make it a triad.

    Parameters
    ----------
    row : ndarray of shape (n_lines,), int64
    labels : ndarray of shape (n_lines, n_symbols), int64
    gain : ndarray of shape (n_lines, n_symbols), float64
        Log-weight of each symbol, the others as they are: of one or two changes, the pair with
        the greatest sum is made. Lines stay in order, and move by at most `CLOSE`.
    free : ndarray of shape (n_lines,), bool
        Lines that may change.
    """
    lines = np.arange(len(row))
    now = labels[lines, row]
    if (now < 0).any() or _is_triad(now % 12):
        return row
    near = (np.abs(labels - now[:, None]) <= CLOSE) & (labels >= 0) & free[:, None]
    moves = [(v, a) for v, a in np.argwhere(near & (gain > -np.inf)).tolist() if a != row[v]]
    best, found = -np.inf, row
    for size in (1, 2):
        for chosen in itertools.combinations(moves, size):
            changed = row.copy()
            for v, a in chosen:
                changed[v] = a
            pitch = labels[lines, changed]
            worth = sum(gain[v, a] - gain[v, row[v]] for v, a in chosen)
            in_order = (np.diff(pitch) <= 0).all()
            if worth > best and in_order and _is_triad(pitch % 12):
                best, found = worth, changed
        if best > -np.inf:
            break
    return found


def _is_triad(residues: Ints) -> bool:
    """Tell whether the lines sound a major or minor triad, the lowest its root or its third."""
    if (residues < 0).any():
        return False
    for root in {int(r) for r in residues}:
        if tuple(sorted({(int(r) - root) % 12 for r in residues})) in CHORDS:
            return (int(residues[-1]) - root) % 12 in (0, 3, 4)
    return False
