"""Where the beat is in a performance, and where the bar.

Beats are the most probable path of a chain over periods and phases (`pulse.py`), moved to the
onsets near them. What is heard in a frame weighs for a beat or against it: a function of how loud,
how low, how thick and how separate its onsets are, and of how harmony changes there, learned by
logistic regression. How long beats are is learned too. Where no tempo is told, beats are sought at
several, and the likeliest is taken (`tempo.py`).

Downbeats are told by a second chain, over beats (`bars.py`): what is heard at a beat, with the
change of harmony since the one before, weighs for a downbeat or against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import EncodingError
from stats_composer.listening.bars import bars_of, count_bars
from stats_composer.listening.onsets import FRAME, Onsets, hear_bars, hear_frames
from stats_composer.listening.pulse import PERIODS, follow, toward
from stats_composer.listening.stored import StoredWeights, learn_odds
from stats_composer.listening.tempo import describe_pulse, learn_choice, rivals

__all__ = ["BeatModel", "Beats"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Weight of what is heard in a frame, beside what is expected of periods.
KEEN = 2.0


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


class BeatModel(StoredWeights):
    """The chains of the module's docstring.

    Attributes
    ----------
    beat_, bar_ : ndarray
        Weights of what is heard, the bias last: for a beat, and for a downbeat.
    law_ : ndarray of shape (n_lengths + 1, n_lengths)
        Of the lengths of bars, `bars.count_bars`.
    period_ : ndarray of shape (2,)
        Mean and standard deviation of the logarithm of a piece's median period in seconds.
    tempo_ : ndarray
        Weights of what tells the right tempo, `tempo.describe_pulse`.
    manifest_ : dict

    Examples
    --------
    >>> model = BeatModel.bundled()
    >>> model.beat_.ndim, model.bar_.ndim
    (1, 1)
    """

    _bundled = "beats.npz"
    _weights = ("beat", "bar", "law", "period", "tempo")

    def fit(
        self, pieces: Sequence[Onsets], beats: Sequence[Floats], bars: Sequence[Floats]
    ) -> Self:
        """Learn from performances, `pieces`, and the seconds of their `beats` and `bars`.

        Raises
        ------
        EncodingError
            If there is no piece.
        """
        if not pieces:
            raise EncodingError("no performances: expected at least one")
        period = np.array([np.median(np.diff(beat)) for beat in beats])
        self.period_ = np.array([np.log(period).mean(), np.log(period).std()])
        frames = [_frames(*piece) for piece in zip(pieces, beats, strict=True)]
        self.beat_ = learn_odds(*zip(*frames, strict=True))
        first = [np.isin(*piece) for piece in zip(beats, bars, strict=True)]
        self.bar_ = learn_odds(list(map(hear_bars, pieces, beats)), first)
        self.law_ = count_bars(np.diff(np.flatnonzero(row)) for row in first)
        self.tempo_ = learn_choice(list(map(self._rivals, pieces)), np.log(period))
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
        odds = hear_bars(onsets, times) @ self.bar_[:-1] + self.bar_[-1]
        return Beats(times, *bars_of(odds, self.law_))

    def _weigh(self, onsets: Onsets) -> Floats:
        """Return the log-odds of a beat in each frame."""
        n_frames = int((onsets.time[-1] + PERIODS[-1] * FRAME) / FRAME) + 1
        frames = FRAME * np.arange(n_frames, dtype=np.float64)
        weight: Floats = hear_frames(onsets, frames) @ self.beat_[:-1] + self.beat_[-1]
        return KEEN * weight

    def _usual(self) -> Floats:
        far: Floats = (np.log(PERIODS * FRAME) - self.period_[0]) / self.period_[1]
        return -0.5 * far**2

    def _times(self, onsets: Onsets, tempo: float | None) -> Floats:
        prior = self._usual()
        if tempo is not None:
            prior += toward(PERIODS, 60 / tempo)
        else:
            rows, periods = self._rivals(onsets)
            if len(rows):
                prior += toward(PERIODS, periods[np.argmax(rows @ self.tempo_)])
        return _to_onsets(follow(self._weigh(onsets), PERIODS, prior), onsets)

    def _rivals(self, onsets: Onsets) -> tuple[Floats, Floats]:
        """Describe the beats that may be, and return the seconds of each too."""
        weight = self._weigh(onsets)
        first = follow(weight, PERIODS, self._usual())
        found = rivals(weight, first)
        rows = [describe_pulse(onsets, weight, times, self.period_) for times in found]
        return np.array(rows), np.array([np.median(np.diff(times)) for times in found])


def _frames(onsets: Onsets, beats: Floats) -> tuple[Floats, Bools]:
    """Return what is heard in frames, a seventh of those without a beat, and which have one."""
    times = np.arange(0, beats[-1], FRAME)
    is_beat = np.zeros(len(times), bool)
    is_beat[np.minimum(np.round(beats / FRAME).astype(int), len(times) - 1)] = True
    kept = is_beat | (np.arange(len(times)) % 7 == 0)
    return hear_frames(onsets, times[kept]), is_beat[kept]


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
