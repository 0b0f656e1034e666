"""Constraints on how voices go together: crossings, parallels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from stats_composer.constraints.base import Constraint, Onsets
from stats_composer.constraints.values import pitch_text
from stats_composer.constraints.where import HeardNote, chosen_lines, place, score_lines
from stats_composer.encoding import GridFrame
from stats_composer.errors import ConstraintError
from stats_composer.factors import Factors, ParallelMotion
from stats_composer.score import Score

__all__ = ["NoCrossing", "NoParallels"]


@dataclass(frozen=True)
class NoCrossing(Constraint):
    """No voice sounds below a lower one; unisons are free.

    Parameters
    ----------
    weight : float
        Log-weight of each step and pair of voices that cross.

    Notes
    -----
    It needs a grid of sounding pitches: where a HOLD symbol hides them, it is refused.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 0], pitch=[60, 62], part=[0, 1]))
    >>> NoCrossing().violations(score)
    ['NoCrossing(): C4 under D4 at bar 1 beat 1 (voice 0 and voice 1)']
    """

    def factors(self, frame: GridFrame, onsets: Onsets) -> Factors:
        """Return what it asks of the symbols; raise ConstraintError where they may be HOLD."""
        width = int(frame.n_symbols.max())
        lines = chosen_lines(frame)
        pairwise = {}
        for upper, lower in combinations(lines, 2):
            if upper.hold >= 0 or lower.hold >= 0:
                raise ConstraintError("it needs a grid of sounding pitches, without HOLD symbols")
            above, below = upper.pitch[:, None], lower.pitch[None, :]
            crossed = (above >= 0) & (below >= 0) & (above < below)
            table = np.zeros((frame.n_steps, width, width))
            table[:, : len(upper.pitch), : len(lower.pitch)] = np.where(crossed, self.weight, 0.0)
            pairwise[upper.index, lower.index] = table
        free = Factors.free(frame.n_steps, frame.n_symbols)
        return Factors(free.unary, {}, pairwise)

    def _broken(self, score: Score) -> list[str]:
        found = []
        for (i, (_, above)), (j, (_, below)) in combinations(enumerate(score_lines(score)), 2):
            for n, m in _together(above, below):
                if n.pitch < m.pitch:
                    where = place(score, max(n.onset, m.onset), f"voice {i} and voice {j}")
                    found.append(f"{pitch_text(n.pitch)} under {pitch_text(m.pitch)} at {where}")
        return found


def _together(
    above: list[HeardNote], below: list[HeardNote]
) -> Iterable[tuple[HeardNote, HeardNote]]:
    for n in above:
        for m in below:
            if n.onset < m.stop and m.onset < n.stop:
                yield n, m


@dataclass(frozen=True)
class NoParallels(Constraint):
    """No two voices move the same way from one perfect fifth, octave or unison to another.

    Compound intervals count as simple ones. It compiles to a `ParallelMotion` among the terms
    of the factors, which a model has to honour; the chain sampler does not see it.

    Parameters
    ----------
    weight : float
        Log-weight of each parallel.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080] * 2, pitch=[67, 69, 60, 62], part=[0, 0, 1, 1]))
    >>> NoParallels().violations(score)
    ['NoParallels(): parallel fifths at bar 1 beat 2 (voice 0 and voice 1)']
    """

    def factors(self, frame: GridFrame, onsets: Onsets) -> Factors:
        """Return the term that a model has to honour."""
        free = Factors.free(frame.n_steps, frame.n_symbols)
        return Factors(free.unary, terms=(ParallelMotion((0, 7), self.weight),))

    def _broken(self, score: Score) -> list[str]:
        found = []
        for (i, (_, above)), (j, (_, below)) in combinations(enumerate(score_lines(score)), 2):
            ends = {n.stop: n.pitch for n in below}
            starts = {n.onset: n.pitch for n in below}
            for before, after in pairwise(above):
                tick = after.onset
                if before.stop != tick or tick not in ends or tick not in starts:
                    continue
                step, other = after.pitch - before.pitch, starts[tick] - ends[tick]
                first = (before.pitch - ends[tick]) % 12
                second = (after.pitch - starts[tick]) % 12
                if step * other > 0 and first == second and first in (0, 7):
                    kind = "fifths" if first == 7 else "octaves or unisons"
                    where = place(score, tick, f"voice {i} and voice {j}")
                    found.append(f"parallel {kind} at {where}")
        return found
