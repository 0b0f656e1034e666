"""Where the beat is in a performance: a chain over periods and phases.

Time is cut into frames of `FRAME` seconds. A frame is a beat or none; between two beats lie about
as many frames as the period says, one more or less at a price, and from beat to beat the period
may move by one frame. What is heard in a frame weighs for a beat or against it: a function of how
loud, how low, how thick and how separate its onsets are, and of how harmony changes there, learned
by logistic regression. How long beats are is learned too. The beats are those of the most probable
path, moved to the onsets near them.

Downbeats are told by a second chain, over beats: its states are places in bars of two, three and
four beats, and what is heard at a beat, with the change of harmony since the one before, weighs for
a downbeat or against it.

References
----------
N. Whiteley, A. T. Cemgil, S. Godsill, "Bayesian modelling of temporal structure in musical audio",
ISMIR 2006: periods and phases as the states of one chain. F. Krebs, S. Boeck, G. Widmer, "An
efficient state-space model for joint tempo and meter tracking", ISMIR 2015: tempo changes at beats.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import EncodingError
from stats_composer.factors import Automaton
from stats_composer.listening.stored import StoredWeights
from stats_composer.sampling.chain import Chain
from stats_composer.score import Score, seconds

__all__ = ["BeatModel", "Beats", "Onsets", "onsets_of_score"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FRAME = 0.025
PERIODS = np.arange(12, 49)
# Weight of what is heard in a frame, beside what is expected of periods.
KEEN = 2.0
JITTER = (np.log(0.15), np.log(0.7), np.log(0.15))
DRIFT = np.log(0.02)
TOLD = 4.5
NEAR = 0.06
"""Nats at each beat for a period that the file's own tempo tells, and how near it is to be."""
LOW = 52
LONGEST = 12_000
METRES = (2, 3, 4)
METRE_SHARE = np.log([0.02, 0.08, 0.9])
CHANGE_OF_METRE = -9.0
WINDOW = 0.06


class Onsets(NamedTuple):
    """What is struck when: seconds, rising; pitch, velocity and seconds that it lasts."""

    time: Floats
    pitch: Ints
    velocity: Floats
    length: Floats


class Beats(NamedTuple):
    """Beats of a performance.

    Attributes
    ----------
    time : ndarray of shape (n_beats,), seconds
    place : ndarray of shape (n_beats,), int64
        Beat of the bar, from 0.
    metre : ndarray of shape (n_beats,), int64
        Beats of the bar that a beat is in.
    """

    time: Floats
    place: Ints
    metre: Ints


def onsets_of_score(score: Score) -> Onsets:
    """Return what is struck in a score, as it is heard."""
    notes = score.notes
    start = seconds(score, notes["onset"])
    stop = seconds(score, notes["onset"] + notes["duration"])
    return Onsets(
        start,
        notes["pitch"].astype(np.int64),
        notes["velocity"].astype(np.float64),
        stop - start,
    )


def hear(onsets: Onsets, times: Floats, width: float) -> Floats:
    """Describe what is struck near some times: (n_times, 5).

    Loudness, lowest pitch below C4 in octaves, how many notes, the longest of them, and loudness
    over that of the four seconds around.
    """
    first = np.searchsorted(onsets.time, times - width)
    last = np.searchsorted(onsets.time, times + width)
    loud = np.append(0.0, np.cumsum(onsets.velocity / 64))
    total = loud[last] - loud[first]
    wide = (
        loud[np.searchsorted(onsets.time, times + 2)]
        - loud[np.searchsorted(onsets.time, times - 2)]
    )
    low, long = np.zeros(len(times)), np.zeros(len(times))
    for i in np.flatnonzero(last > first).tolist():
        near = slice(first[i], last[i])
        low[i] = max(60 - onsets.pitch[near].min(), 0) / 12
        long[i] = min(onsets.length[near].max(), 2.0)
    count = np.log1p(last - first)
    return np.stack([np.log1p(total), low, count, long, total / (1 + wide)], axis=1)


SPANS = (0.6, 1.2, 2.4)
"""Seconds before and after a frame whose harmony is compared."""


def hear_frames(onsets: Onsets, times: Floats) -> Floats:
    """Describe what begins in frames: `hear`, its squares, and how harmony changes there."""
    here = hear(onsets, times, FRAME)
    struck = (here[:, :1] > 0).astype(np.float64)
    weight = np.minimum(onsets.length, 1.0) * np.where(onsets.pitch < LOW, 2.0, 1.0)
    profile = np.zeros((len(onsets.time) + 1, 12))
    profile[np.arange(len(onsets.time)) + 1, onsets.pitch % 12] = weight
    total = np.cumsum(profile, axis=0)
    now, *bounds = (
        total[np.searchsorted(onsets.time, times - 1.5 * FRAME + shift)]
        for shift in (0, *(-s for s in SPANS), *SPANS)
    )
    changes = [
        _unlike(now - before, after - now)
        for before, after in zip(bounds[: len(SPANS)], bounds[len(SPANS) :], strict=True)
    ]
    return np.hstack([here, here[:, :3] ** 2, struck, struck * np.stack(changes, axis=1)])


def _unlike(one: Floats, other: Floats) -> Floats:
    """Return 1 less the cosine of the angle between rows."""
    norm = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1) + 1e-9
    unlike: Floats = 1 - (one * other).sum(axis=1) / norm
    return unlike


class BeatModel(StoredWeights):
    """The chains of the module's docstring.

    Attributes
    ----------
    beat_, bar_ : ndarray
        Weights of what is heard, the bias last: for a beat, and for a downbeat.
    period_ : ndarray of shape (2,)
        Mean and standard deviation of the logarithm of a piece's median period in seconds.
    manifest_ : dict

    Examples
    --------
    >>> model = BeatModel.bundled()
    >>> model.beat_.ndim, model.bar_.ndim
    (1, 1)
    """

    _bundled = "beats.npz"
    _weights = ("beat", "bar", "period")

    def fit(
        self, pieces: Sequence[Onsets], beats: Sequence[Floats], bars: Sequence[Floats]
    ) -> Self:
        """Learn from performances, `pieces`, and the seconds of their `beats` and `bars`.

        Raises
        ------
        EncodingError
            If there is no piece.
        """
        rows: list[Floats] = []
        heard: list[Floats] = []
        labels: list[Bools] = []
        first: list[Bools] = []
        for onsets, beat, bar in zip(pieces, beats, bars, strict=True):
            times = np.arange(0, beat[-1], FRAME)
            row = hear_frames(onsets, times)
            is_beat = np.zeros(len(times), bool)
            is_beat[np.minimum(np.round(beat / FRAME).astype(int), len(times) - 1)] = True
            kept = is_beat | (np.arange(len(times)) % 7 == 0)
            rows.append(row[kept])
            labels.append(is_beat[kept])
            heard.append(hear_bars(onsets, beat))
            first.append(np.isin(beat, bar))
        if not rows:
            raise EncodingError("no performances: expected at least one")
        self.beat_, self.bar_ = _weights(rows, labels), _weights(heard, first)
        period = np.log([np.median(np.diff(beat)) for beat in beats])
        self.period_ = np.array([period.mean(), period.std()])
        self.manifest_ = {}
        return self

    # ---- beats --------------------------------------------------------------------------

    def find(self, onsets: Onsets, tempo: float | None = None) -> Beats:
        """Find the beats of a performance.

        Parameters
        ----------
        onsets : Onsets
            At least one.
        tempo : float, optional
            Beats a minute that the file tells, if it is not the default of its format.
        """
        times = self._times(onsets, tempo)
        if not len(times):
            return Beats(times, np.zeros(0, np.int64), np.zeros(0, np.int64))
        place, metre = self._bars(onsets, times)
        return Beats(times, place, metre)

    def _times(self, onsets: Onsets, tempo: float | None) -> Floats:
        n_frames = int((onsets.time[-1] + PERIODS[-1] * FRAME) / FRAME) + 1
        frames = FRAME * np.arange(n_frames, dtype=np.float64)
        weight = KEEN * (hear_frames(onsets, frames) @ self.beat_[:-1] + self.beat_[-1])
        law, found = _beat_law(tempo, self.period_), []
        for start in range(0, n_frames, LONGEST):
            part = weight[start : start + LONGEST]
            unary = np.zeros((len(part), N_SYMBOLS))
            unary[:, 1:] = part[:, None]
            automaton = Automaton.from_table(
                law[0][None], np.zeros(len(part), np.int64), log_weight=law[1][None],
                initial=len(law[0]) - 1,
            )  # fmt: skip
            path = Chain(unary, [automaton]).best()
            found.append(start + np.flatnonzero(path))
        times = FRAME * np.concatenate(found).astype(np.float64)
        return _to_onsets(times, onsets)

    def _bars(self, onsets: Onsets, times: Floats) -> tuple[Ints, Ints]:
        """Place beats in bars."""
        weight = hear_bars(onsets, times) @ self.bar_[:-1] + self.bar_[-1]
        states = [(metre, place) for metre in METRES for place in range(metre)]
        n = len(states)
        share = dict(zip(METRES, METRE_SHARE.tolist(), strict=True))
        unary = np.zeros((len(times), n))
        for j, (metre, place) in enumerate(states):
            if place == 0:
                unary[:, j] = weight + share[metre]
        law = np.full((n, n), -np.inf)
        for i, (metre, place) in enumerate(states):
            for j, (other, there) in enumerate(states):
                if metre == other and there == (place + 1) % metre:
                    law[i, j] = 0.0
                elif there == 0 and place == metre - 1:
                    law[i, j] = CHANGE_OF_METRE
                elif there == 0:
                    law[i, j] = 2 * CHANGE_OF_METRE
        path = Chain(unary, [Automaton.first_order(law, len(times))]).best()
        metre, place = np.array(states)[path].T
        return place, metre


def _weights(rows: Sequence[Floats], labels: Sequence[Bools]) -> Floats:
    """Learn log-odds of a label beyond its share, as weights and a bias."""
    from sklearn.linear_model import LogisticRegression

    x, y = np.concatenate(rows), np.concatenate(labels)
    model = LogisticRegression(C=1.0, max_iter=1000).fit(x, y)
    bias = model.intercept_[0] - np.log(y.mean() / (1 - y.mean()))
    return np.append(model.coef_[0], bias)


def hear_bars(onsets: Onsets, times: Floats) -> Floats:
    """Describe what is struck at beats, alone and beside those near, and how harmony changes."""
    here = hear(onsets, times, WINDOW)
    one, two = ((np.roll(here, k, axis=0) + np.roll(here, -k, axis=0)) / 2 for k in (1, 2))
    profile = np.zeros((len(times), 12))
    beat = np.clip(np.searchsorted(times, onsets.time + WINDOW, side="right") - 1, 0, None)
    np.add.at(profile, (beat, onsets.pitch % 12), np.minimum(onsets.length, 1.0))
    changes = []
    for width in (1, 2, 4):
        after = sum((np.roll(profile, -i, axis=0) for i in range(width)), np.zeros_like(profile))
        changes.append(_unlike(after, np.roll(after, width, axis=0)))
    return np.concatenate([here, here - one, here - two, np.stack(changes, axis=1)], axis=1)


N_SYMBOLS = 4 + len(PERIODS)
"""No beat; a beat, the period staying, growing, falling; a first beat of each period."""


def _beat_law(tempo: float | None, usual: Floats) -> tuple[Ints, Floats]:
    """Return the table of the chain: targets and log-weights by state and symbol."""
    first = np.cumsum(PERIODS + 1) - (PERIODS + 1)
    n = int((PERIODS + 1).sum())
    target = np.full((n + 1, N_SYMBOLS), -1)
    weight = np.zeros((n + 1, N_SYMBOLS))
    prior = -0.5 * ((np.log(PERIODS * FRAME) - usual[0]) / usual[1]) ** 2
    if tempo:
        prior += TOLD * (np.abs(np.log(PERIODS * FRAME * tempo / 60)) < NEAR)
    for i, period in enumerate(PERIODS.tolist()):
        phase = first[i] + np.arange(period + 1)
        target[phase[:-1], 0] = phase[1:]
        for j, at in enumerate((period - 2, period - 1, period)):
            for symbol, other in ((1, i), (2, i + 1), (3, i - 1)):
                if 0 <= other < len(PERIODS):
                    target[phase[at], symbol] = first[other]
                    drift = DRIFT if symbol > 1 else 0.0
                    weight[phase[at], symbol] = JITTER[j] + drift + prior[other]
    target[n, 0], target[n, 4:] = n, first
    weight[n, 4:] = prior
    weight[n, 0] = -0.01
    return target, weight


def _to_onsets(times: Floats, onsets: Onsets) -> Floats:
    """Move beats to the middle of the onsets that lie within a frame and a half."""
    width = 1.5 * FRAME
    first = np.searchsorted(onsets.time, times - width)
    last = np.searchsorted(onsets.time, times + width)
    total = np.append(0.0, np.cumsum(onsets.time))
    near = last - first
    mean = (total[last] - total[first]) / np.maximum(near, 1)
    moved: Floats = np.where(near > 0, mean, times)
    return moved
