"""A rhythm section: a bass line and chords under a solo, sampled from the changes.

The bass plays a note a beat. Its law is a chain of the first order, drawn exactly, under wishes
too:

    P(line) = exp(sum over beats of c log tone[role, quality, pitch - root] + log move[step]) / Z,

a tone's role being the first of its chord, the last before the next chord (where its distance to
the next root counts too), or another; c is larger for the first. Chords are voiced without their
root, all inversions within a compass, each drawn given the one before: the fewer semitones the
hands move, the better.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stats_composer.composers.jazz.chart import QUALITY_NAMES, Chart
from stats_composer.factors import Automaton
from stats_composer.sampling.chain import Chain

__all__ = ["BassModel", "draw_comping", "draw_voicings"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FIRST, LAST, OTHER = range(3)
N_QUALITIES = len(QUALITY_NAMES)
BASS_PITCHES = np.arange(31, 56)
WIDEST = 12
SHARPER, FIRM = 1.5, 3.0
# Of repeated notes of the corpus so many are struck again; the others are held from beat to beat.
STRUCK = 0.2

VOICINGS = (
    (), (4, 7, 9, 2), (4, 9, 10, 2), (3, 7, 10, 2), (3, 6, 10, 0), (3, 6, 9, 0), (5, 7, 10, 2),
    (4, 8, 10, 2),
)  # fmt: skip
"""Tones of the hands by quality, in semitones above the root."""
COMPING_COMPASS = (50, 74)
STIFFNESS = 0.5
# Halves of beats at which a bar of four beats is struck, and how often, as an accompanist would.
RHYTHMS = (
    ((0, 3), 5), ((0, 5), 2), ((3,), 2), ((3, 7), 2), ((0,), 2), ((2, 6), 2), ((0, 3, 6), 2),
    ((1, 4), 1), ((7,), 1), ((2, 5), 1),
)  # fmt: skip


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


def _inversions(root: int, quality: int) -> list[tuple[int, ...]]:
    """List the close voicings of a chord in the compass of the hands."""
    classes = sorted({(root + tone) % 12 for tone in VOICINGS[quality]})
    low, high = COMPING_COMPASS
    found = []
    for lowest in range(low, high - 11):
        if lowest % 12 in classes:
            row = sorted(lowest + (pc - lowest) % 12 for pc in classes)
            found.append(tuple(row))
    return found


def draw_voicings(chart: Chart, rng: Generator) -> list[tuple[int, ...]]:
    """Draw the voicing of each beat's chord, each near the one before; () without a chord.

    Parameters
    ----------
    chart : Chart
    rng : Generator
    """
    starts = np.flatnonzero(np.diff(chart.change, prepend=-1))
    starts = starts[chart.root[starts] >= 0]
    voiced: list[tuple[int, ...]] = [()] * chart.n_beats
    if not len(starts):
        return voiced
    known = [_inversions(int(chart.root[b]), int(chart.quality[b])) for b in starts]
    every = sorted({voicing for row in known for voicing in row})
    notes = np.array(every)
    unary = np.full((len(starts), len(every)), -np.inf)
    for t, row in enumerate(known):
        unary[t, [every.index(voicing) for voicing in row]] = 0.0
    moved = np.abs(notes[:, None] - notes[None]).sum(axis=2)
    chain = Chain(unary, [Automaton.first_order(-STIFFNESS * moved, len(starts))])
    for beat, k in zip(starts.tolist(), chain.sample(1, random_state=rng)[0].tolist(), strict=True):
        for at in range(beat, int(chart.change[beat])):
            voiced[at] = every[k]
    return voiced


def draw_comping(chart: Chart, rng: Generator) -> list[tuple[int, int, tuple[int, ...]]]:
    """Draw the chords of an accompanist: (onset and length in half beats, pitches).

    A chord on the second half of a beat before a change is already the next one.
    """
    voiced = draw_voicings(chart, rng)
    share = np.array([weight for _, weight in RHYTHMS], np.float64)
    bar_starts = np.flatnonzero(chart.place == 0)
    struck: list[int] = []
    for start, stop in zip(bar_starts, [*bar_starts[1:], chart.n_beats], strict=True):
        pattern = RHYTHMS[int(rng.choice(len(RHYTHMS), p=share / share.sum()))][0]
        struck += [2 * int(start) + half for half in pattern if half < 2 * (stop - start)]
    found = []
    for at, after in zip(struck, [*struck[1:], 2 * chart.n_beats], strict=True):
        beat = min((at + 1) // 2, chart.n_beats - 1)
        length = min(after - at, int(rng.choice([1, 2, 3])))
        if voiced[beat]:
            found.append((at, length, voiced[beat]))
    return found
