"""Chords under a solo: when an accompanist strikes them, and how the hands lie.

The bars of accompanists are patterns, the halves of beats at which chords are struck. K-means puts
them in clusters; a plan is drawn from an n-gram over these, exactly, and each bar's pattern is one
of its cluster's, as often as it was played. Chords are voiced without their root, all inversions
within a compass, each drawn given the one before: the fewer semitones the hands move, the better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stats_composer.composers.jazz.chart import Chart
from stats_composer.factors import Automaton
from stats_composer.models.ngram import NGram
from stats_composer.models.texture import KMeans
from stats_composer.sampling.chain import Chain

__all__ = ["HALVES", "CompingModel", "draw_voicings"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HALVES = 8
"""Halves of beats of a bar."""
N_CLUSTERS, PLAN_N = 12, 3
# Under a soloist an accompanist leaves room: nats against each chord of a bar.
SPARE = -0.15
LENGTHS = (1, 2, 3)

VOICINGS = (
    (), (4, 7, 9, 2), (4, 9, 10, 2), (3, 7, 10, 2), (3, 6, 10, 0), (3, 6, 9, 0), (5, 7, 10, 2),
    (4, 8, 10, 2),
)  # fmt: skip
"""Tones of the hands by quality, in semitones above the root."""
COMPING_COMPASS = (50, 74)
STIFFNESS = 0.5


class CompingModel:
    """The law of the module's docstring.

    Attributes
    ----------
    plan_ : NGram
        Over clusters of bars.
    patterns_ : ndarray of shape (n_patterns, HALVES), bool
    counts_ : ndarray of shape (n_clusters, n_patterns)
        How often each pattern was played; each is in one cluster.
    """

    def fit(self, pieces: Sequence[Bools], *, random_state: int = 0) -> Self:
        """Count patterns: of each piece an array of shape (n_bars, HALVES), no bar empty."""
        bars = np.concatenate(pieces)
        self.patterns_, pattern = np.unique(bars, axis=0, return_inverse=True)
        clusters = KMeans(N_CLUSTERS, n_init=4, random_state=random_state).fit(bars)
        n = len(clusters.cluster_centers_)
        labels = np.split(clusters.labels_, np.cumsum([*map(len, pieces)])[:-1])
        self.plan_ = NGram(PLAN_N, n_symbols=n).fit(labels)
        self.counts_ = np.zeros((n, len(self.patterns_)))
        np.add.at(self.counts_, (clusters.labels_, pattern.ravel()), 1)
        return self

    def draw(self, n_bars: int, rng: Generator) -> Bools:
        """Draw the patterns of bars: (n_bars, HALVES)."""
        weight = self.counts_ * np.exp(SPARE * self.patterns_.sum(axis=1))
        room = np.log(weight.sum(axis=1) / self.counts_.sum(axis=1))
        unary = np.tile(room, (n_bars, 1))
        plan = Chain(unary, [self.plan_.automaton(n_bars, unary > -np.inf)])
        labels = plan.sample(1, random_state=rng)[0]
        share = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)[labels]
        drawn: Bools = self.patterns_[(share < rng.random((n_bars, 1))).sum(axis=1)]
        return drawn

    def chords(self, chart: Chart, rng: Generator) -> list[tuple[int, int, tuple[int, ...]]]:
        """Draw the chords over a chart: (onset and length in half beats, pitches).

        A chord on the second half of a beat before a change is already the next one.
        """
        voiced = draw_voicings(chart, rng)
        starts = np.flatnonzero(np.diff(chart.bar, prepend=-1)).tolist()
        struck: list[int] = []
        for bar, beat, stop in zip(
            self.draw(len(starts), rng), starts, [*starts[1:], chart.n_beats], strict=True
        ):
            halves = np.flatnonzero(bar)
            struck += (2 * beat + halves[halves < 2 * (stop - beat)]).tolist()
        found = []
        for at, after in zip(struck, [*struck, 2 * chart.n_beats][1:], strict=True):
            beat = min((at + 1) // 2, chart.n_beats - 1)
            if voiced[beat]:
                found.append((at, min(after - at, int(rng.choice(LENGTHS))), voiced[beat]))
        return found

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned: sizes as JSON can hold them, and arrays."""
        sizes, plan = self.plan_.state()
        arrays = {f"plan.{name}": array for name, array in plan.items()}
        arrays |= {"patterns": self.patterns_, "counts": self.counts_.astype(np.int32)}
        return sizes, arrays

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        self.patterns_ = arrays["patterns"].astype(bool)
        self.counts_ = arrays["counts"].astype(np.float64)
        plan = {k.removeprefix("plan."): a for k, a in arrays.items() if k.startswith("plan.")}
        self.plan_ = NGram(PLAN_N, n_symbols=len(self.counts_)).restore(sizes, plan)
        return self


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
