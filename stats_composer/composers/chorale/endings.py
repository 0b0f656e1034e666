"""How phrases end: drawn before any line is written, from the ends of the phrases of a corpus.

What makes a cadence is who sings what on the last two beats, all voices together and in their
place before the phrase's end: a plan, where a model of neighbouring notes knows none. So each
end of a phrase of the corpus is kept, as the residues that its lines sound on the last rows.
The end of a new phrase follows one of them, drawn by how alike the given lines go:

    P(ending i) ~ exp(REACHING * run_i) * MODE^[another mode] * PLACE^[another place]        (1)

where run_i is the number of rows, backwards from the final note, on which the given lines sound
as in ending i, and its place is last or not. It is a variable-order context model of the kind of
prediction by partial matching (Cleary, Witten 1984) whose alphabet is whole cadences. An ending
that the constraints forbid has no weight, so that the law is exact under them.

Conventions
-----------
Rows are two a beat and count backwards: row 0 is where the final note starts. Residues are
those of the labels modulo 12, from the tonic; -1 for none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.encoding import GridEncoder
from stats_composer.factors import Factors
from stats_composer.views import FINAL, LAST

__all__ = ["Endings", "rows_before"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

REACH = 9  # rows of an ending
REACHING = 0.6  # nats of a row that the given lines share
MODE, PLACE = 0.3, 0.05  # for an ending in another mode, or of another place
# Nats against what is not the drawn ending's, on its last three rows: in the lowest line a
# residue of another, in the others a residue that no line of the ending has. Suspensions and
# passing notes come before the chord that closes.
LOWEST = (-12.0, -8.0, -2.5)
UPPER = (-8.0, -4.0, -1.0)
CHORDS = ((0, 4, 7), (0, 3, 7), (0, 4), (0, 3))


def rows_before(final: int, steps_per_beat: int) -> Ints:
    """Return the rows of an ending, the final note's first: the beat and its last part each.

    Examples
    --------
    >>> rows_before(12, 2)[:4].tolist(), rows_before(12, 3)[:4].tolist()
    ([12, 11, 10, 9], [12, 11, 9, 8])
    """
    back = np.arange(REACH)
    rows: Ints = final - steps_per_beat * (back // 2) - back % 2
    return rows


class Endings:
    """The ends of the phrases of a corpus.

    Parameters
    ----------
    encoder : GridEncoder
        With the contexts `end` and `mode`.

    Attributes
    ----------
    residues_ : ndarray of shape (n_endings, REACH, n_lines), int8
    kinds_ : ndarray of shape (n_endings, 2), int8
        Mode, and whether it is a piece's last.
    """

    def __init__(self, encoder: GridEncoder) -> None:
        self.encoder = encoder

    def fit(self, grids: Sequence[Ints]) -> Self:
        """Collect the ends of the phrases of grids of the encoder that close on a triad."""
        found = [ending for grid in grids for ending in self._endings(grid)]
        n_lines = self.encoder.n_lines
        self.residues_ = np.array([e for e, _ in found], np.int8).reshape(-1, REACH, n_lines)
        self.kinds_ = np.array([kind for _, kind in found], np.int8).reshape(-1, 2)
        return self

    def _endings(self, grid: Ints) -> list[tuple[Ints, tuple[int, int]]]:
        residues = self._residues(grid)
        end = grid[:, self.encoder.column("end")]
        inside = np.isin(end, (FINAL, LAST))
        mode = int(grid[0, self.encoder.column("mode")])
        found = []
        for final in np.flatnonzero(inside & ~np.append(False, inside[:-1])).tolist():
            rows = rows_before(final, self.encoder.steps_per_beat)
            ending: Ints = residues[np.maximum(rows, 0)]
            # A suspension over the final bass is resolved beforehand: the chord is what ends.
            later = residues[final + 1] if final + 1 < len(residues) else ending[0]
            ending[0] = ending[0] if _is_triad(ending[0]) else later
            if rows[-1] >= 0 and _is_triad(ending[0]):
                found.append((ending, (mode, int(end[final] == LAST))))
        return found

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
        finals: Sequence[tuple[int, int]],
        steps_per_beat: int,
        rng: np.random.Generator,
    ) -> Factors:
        """Draw an ending for each phrase, and return factors with log-weights that favour them.

        Parameters
        ----------
        symbols : ndarray of shape (n_steps, n_voices), int64
        known : ndarray of shape (n_steps, n_lines), bool
            Sites whose symbol is given.
        factors : Factors
        finals : sequence of (row, row after)
            Where a phrase's final chord stands.
        steps_per_beat : int
            Of the page.
        rng : Generator
        """
        residues = np.where(known, self._residues(symbols), -1)
        unary = factors.unary.copy()
        for number, (start, stop) in enumerate(finals):
            rows = rows_before(start, steps_per_beat)
            if rows[2] < 0 or known[rows[:3]].all():
                continue
            kind = int(symbols[start, self.encoder.column("mode")]), number == len(finals) - 1
            shown = np.where((rows >= 0)[:, None], residues[np.maximum(rows, 0)], -1)
            weight = self._weights(shown, kind) * self._allowed(factors, rows)
            if weight.sum():
                ending = self.residues_[rng.choice(len(weight), p=weight / weight.sum())]
                self._favour(unary, ending, (range(start, stop), rows[1:2], rows[2:3]))
        return Factors(unary, factors.automata, factors.pairwise, factors.terms)

    def _weights(self, shown: Ints, kind: tuple[int, bool]) -> NDArray[np.float64]:
        """Weigh the endings by what the given lines sing."""
        differs = ((shown != self.residues_) & (shown >= 0)).any(axis=2)
        ahead = (shown >= 0).any(axis=1)
        run = (np.cumsum(differs, axis=1) == 0) @ ahead.astype(np.float64)
        others = self.kinds_ != np.array(kind, np.int8)
        by_kind = MODE ** others[:, 0] * PLACE ** others[:, 1]
        weights: NDArray[np.float64] = np.exp(REACHING * run) * by_kind  # (1)
        return weights

    def _allowed(self, factors: Factors, rows: Ints) -> Bools:
        """Mark the endings of whose last two chords every line may sing a tone."""
        allowed = np.ones(len(self.residues_), np.bool_)
        for back in range(2):
            chord = self.residues_[:, back]
            for v, alphabet in enumerate(self.encoder.alphabets_[: self.encoder.n_lines]):
                may = factors.unary[rows[back], v, : len(alphabet)] > -np.inf
                tones = np.isin(np.arange(12), alphabet.entries[may & (alphabet.entries >= 0)] % 12)
                wanted = chord if v < self.encoder.n_lines - 1 else chord[:, -1:]
                allowed &= (tones[wanted] & (wanted >= 0)).any(axis=1)
        return allowed

    def _favour(
        self, unary: NDArray[np.float64], ending: Ints, places: tuple[Sequence[int] | Ints, ...]
    ) -> None:
        n_lines = self.encoder.n_lines
        for back, where in enumerate(places):
            for v, alphabet in enumerate(self.encoder.alphabets_[:n_lines]):
                weight = (UPPER if v < n_lines - 1 else LOWEST)[back]
                wanted = ending[back] if v < n_lines - 1 else ending[back, -1:]
                strange = (alphabet.entries >= 0) & ~np.isin(alphabet.entries % 12, wanted)
                unary[np.asarray(where)[:, None], v, np.flatnonzero(strange)] += weight

    # ---- files --------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned: no sizes, and arrays."""
        return {}, {"residues": self.residues_, "kinds": self.kinds_}

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        self.residues_, self.kinds_ = arrays["residues"], arrays["kinds"]
        return self


def _is_triad(residues: Ints) -> bool:
    """Tell whether the lines sound a major or minor triad, the lowest its root or its third."""
    if (residues < 0).any():
        return False
    for root in {int(r) for r in residues}:
        if tuple(sorted({(int(r) - root) % 12 for r in residues})) in CHORDS:
            return (int(residues[-1]) - root) % 12 in (0, 3, 4)
    return False
