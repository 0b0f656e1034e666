"""A bass line under a solo, sampled from the changes.

The bass plays a note a beat. Its law is a chain of the first order, drawn exactly, under wishes
too:

    P(line) = exp(sum over beats of c log tone[role, quality, pitch - root] + log move[step]) / Z,

a tone's role being the first of its chord, the last before the next chord (where its distance to
the next root counts too), or another; c is larger for the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.jazz.chart import QUALITY_NAMES, Chart

__all__ = ["BASS_PITCHES", "BassModel"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FIRST, LAST, OTHER = range(3)
N_QUALITIES = len(QUALITY_NAMES)
BASS_PITCHES = np.arange(31, 56)
WIDEST = 12
SHARPER, FIRM = 2.5, 4.0
# Of repeated notes of the corpus so many are struck again; the others are held from beat to beat.
STRUCK = 0.1


def _roles(chart: Chart) -> Ints:
    change = chart.change
    begins = np.append(True, np.diff(change) != 0)
    ends = change == np.arange(chart.n_beats) + 1
    return np.where(begins, FIRST, np.where(ends, LAST, OTHER))


def _next_roots(chart: Chart) -> Ints:
    return chart.root[np.minimum(chart.change, chart.n_beats - 1)]


class BassModel:
    """The law of the module's docstring.

    Attributes
    ----------
    tone_ : ndarray of shape (3, n_qualities, 12)
        Counts of tones over the root by role.
    approach_ : ndarray of shape (12,)
        Counts of tones over the next root before a change.
    move_ : ndarray of shape (2 * WIDEST + 1,)
        Counts of intervals from beat to beat.
    """

    def fit(self, lines: Iterable[tuple[Ints, Chart]]) -> Self:
        """Count lines: a MIDI pitch a beat, 0 where none is known."""
        self.tone_ = np.ones((3, N_QUALITIES, 12))
        self.approach_ = np.ones(12)
        self.move_ = np.ones(2 * WIDEST + 1)
        for pitch, chart in lines:
            role = _roles(chart)
            known = (pitch > 0) & (chart.root >= 0)
            tone = (pitch - chart.root) % 12
            np.add.at(self.tone_, (role[known], chart.quality[known], tone[known]), 1)
            last = known & (role == LAST)
            np.add.at(self.approach_, ((pitch - _next_roots(chart)) % 12)[last], 1)
            pairs = known[1:] & known[:-1]
            move = np.diff(pitch)[pairs]
            move = move[np.abs(move) <= WIDEST]
            self.move_ += np.bincount(move + WIDEST, minlength=len(self.move_))
        return self

    def weights(self, chart: Chart) -> tuple[Floats, Floats]:
        """Return the law of a line over a chart: log-weights of symbols and of moves between them.

        Symbols are HOLD, REST and the pitches of `BASS_PITCHES`, one a beat: HOLD never comes,
        REST where there is no chord and only there.

        Returns
        -------
        ndarray of shape (n_beats, n_symbols), ndarray of shape (n_symbols, n_symbols)
        """
        role, pitches = _roles(chart), BASS_PITCHES
        tone = (pitches - chart.root[:, None]) % 12
        share = _cleared(self.tone_)
        played = np.log(share[role[:, None], chart.quality[:, None], tone])
        played *= np.where(role == FIRST, FIRM, SHARPER)[:, None]
        toward = SHARPER * np.log(_cleared(self.approach_))
        last = role == LAST
        played[last] += toward[(pitches - _next_roots(chart)[:, None]) % 12][last]
        unary = np.full((chart.n_beats, len(pitches) + 2), -np.inf)
        unary[chart.root < 0, 1] = 0.0
        unary[chart.root >= 0, 2:] = played[chart.root >= 0]
        step = np.log(self.move_ / self.move_.sum())
        step[WIDEST] += np.log(STRUCK)
        distance = pitches - pitches[:, None]
        moves = np.zeros((len(pitches) + 2, len(pitches) + 2))
        moves[2:, 2:] = np.where(
            np.abs(distance) > WIDEST, -np.inf, step[np.clip(distance, -WIDEST, WIDEST) + WIDEST]
        )
        return unary, moves

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what was counted."""
        return {name: getattr(self, f"{name}_").astype(np.int32) for name in self._names}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        for name in self._names:
            setattr(self, f"{name}_", arrays[name].astype(np.float64))
        return self

    _names = ("tone", "approach", "move")


def _cleared(counts: Floats) -> Floats:
    """Return shares of tones without what is as often for all: errors of the transcription."""
    clear = counts - counts.min(axis=-1, keepdims=True)
    clear += 0.01 * clear.sum(axis=-1, keepdims=True) + 1e-3
    share: Floats = clear / clear.sum(axis=-1, keepdims=True)
    return share
