"""Where the phrases of a melody end, if no mark says it: learned from melodies with fermatas.

A phrasing cuts a melody of notes 1 to n into phrases; its log-weight is

    sum over last notes i < n of w . x_i  +  LENGTH * sum over phrases of log P(their length),   (1)

where w . x_i are the log-odds that a note ends a phrase, by logistic regression on its duration,
place, degree and neighbours, and on whether what follows begins as the melody or has its rhythm.
The best phrasing is found by dynamic programming over last notes: a semi-Markov chain (Sarawagi,
Cohen 2004) of one label.

Conventions
-----------
Lengths are in half beats, from a phrase's first onset to the end of its last note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.score import Score, bar_positions, phrase_spans
from stats_composer.theory import estimate_key

__all__ = ["Phrasing"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LENGTH = 1.0
LONGEST = 80  # half beats; what is longer shares the last length
RARE = 0.1  # phrases' worth of every length, and less by a fifth a half beat above sixteen beats
L2 = 1.0
REST = 3.0  # log-odds of a rest after the note; chorales have too few to learn from
MOTIF = 5
N_CODES = 90
DURATIONS = (0.49, 0.99, 1.01, 1.51, 2.01, 3.01)
RATIOS = (0.6, 1.1, 1.6, 2.1, 3.1)
INTERVALS = (-4.5, -2.5, -0.5, 0.5, 2.5, 4.5)


class Phrasing:
    """The law of the phrases of a melody.

    Attributes
    ----------
    weights_ : ndarray of shape (n_codes,), float64
        Log-odds by value of each feature; none if no melody had marks to learn from.
    lengths_ : ndarray of shape (2, LONGEST), float64
        Log-probabilities, in other metres and in those of three beats.
    """

    def fit(self, scores: Sequence[Score]) -> Self:
        """Learn from the top lines of scores, of those that have fermatas."""
        melodies = [s.select(*s.voices[0]) for s in scores if len(s.fermatas)]
        rare = RARE * 0.8 ** np.maximum(np.arange(LONGEST) - 32, 0)
        counts = np.stack([rare, rare])
        seen, final = [], []
        for melody in melodies:
            spans = phrase_spans(melody)
            last = np.isin(melody.notes["onset"], [onset for onset, _ in spans])
            starts = melody.notes["onset"][np.append(True, last[:-1])]
            for start, (_, end) in zip(starts.tolist(), spans, strict=True):
                counts[_threes(melody), _length(melody, start, end)] += 1
            seen.append(_codes(melody)[:-1])
            final.append(last[:-1])
        self.lengths_ = np.log(counts / counts.sum(axis=1, keepdims=True))
        self.weights_ = _regress(np.concatenate(seen), np.concatenate(final)) if seen else _NONE
        return self

    def spans(self, melody: Score) -> list[tuple[int, int]]:
        """Find the final note of each phrase of one line, as `score.phrase_spans` gives them."""
        if len(melody.fermatas) or not len(melody.notes) or not len(self.weights_):
            return phrase_spans(melody)
        onset = melody.notes["onset"].astype(np.int64)
        end = onset + melody.notes["duration"]
        odds = self.weights_[_codes(melody)].sum(axis=1)
        odds[:-1] += REST * (onset[1:] > end[:-1])
        odds[-1] = 0.0
        lengths = self.lengths_[_threes(melody)]
        best, before = np.full(len(onset) + 1, -np.inf), np.zeros(len(onset) + 1, np.int64)
        best[0] = 0.0
        reach = onset + LONGEST // 2 * melody.metre_at(0).beat
        for note in range(len(onset)):
            first = min(int(np.searchsorted(reach, end[note])), note)
            length = _length(melody, onset[first : note + 1], end[note])
            merit = best[first : note + 1] + LENGTH * lengths[length]  # (1)
            before[note + 1] = first + merit.argmax()
            best[note + 1] = merit.max() + odds[note]
        cuts = [len(onset)]
        while before[cuts[-1]] > 0:
            cuts.append(int(before[cuts[-1]]))
        return [(int(onset[cut - 1]), int(end[cut - 1])) for cut in reversed(cuts)]

    # ---- files --------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned: no sizes, and arrays."""
        return {}, {"weights": self.weights_, "lengths": self.lengths_}

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        self.weights_, self.lengths_ = arrays["weights"], arrays["lengths"]
        return self


_NONE = np.zeros(0)


def _threes(melody: Score) -> int:
    return int(melody.metre_at(0).n_beats == 3)


def _length(melody: Score, start: Any, end: int) -> Any:
    """Return the length of a phrase, as far as lengths are told apart."""
    halves = np.rint(2 * (end - start) / melody.metre_at(0).beat).astype(np.int64)
    return np.minimum(halves, LONGEST - 1)


def _codes(melody: Score) -> Ints:
    """Describe each note by the value of each feature, numbered through: (n_notes, n_features)."""
    notes, metre = melody.notes, melody.metre_at(0)
    onset, pitch = notes["onset"].astype(np.int64), notes["pitch"].astype(np.int64)
    duration = notes["duration"] / metre.beat
    after, ahead = np.append(duration[1:], 1.0), np.append(duration[:1], duration[:-1])
    place = bar_positions(melody, onset)
    following = np.append(place[1:], place[0])
    beat = np.where(place % metre.beat, 8, place // metre.beat % 4 + 4 * (metre.n_beats == 3))
    step = np.diff(pitch, prepend=pitch[0])
    tonic, mode = estimate_key(pitch, notes["duration"], onset)
    columns = (
        (np.zeros(len(pitch), np.int64), 1),
        (np.digitize(duration, DURATIONS), 7),
        (np.digitize(duration / np.median(duration), (0.9, 1.1, 1.9, 2.9)), 5),
        (np.digitize(ahead, DURATIONS[:4]), 5),
        (np.digitize(after, DURATIONS[:4]), 5),
        (np.digitize(duration / after, RATIOS), 6),
        (beat, 9),
        (following == place[0], 2),
        (following % metre.beat > 0, 2),
        (np.digitize(step, INTERVALS), 7),
        (np.digitize(np.append(step[1:], 0), INTERVALS), 7),
        (np.digitize(step + np.append(0, step[:-1]), INTERVALS), 7),
        ((pitch - 7 * tonic) % 12 + 12 * mode, 24),
        (_returns(step, duration), 3),
    )
    sizes = np.array([size for _, size in columns])
    codes: Ints = np.stack([column for column, _ in columns], axis=1) + np.cumsum(sizes) - sizes
    return codes


def _returns(step: Ints, duration: Floats) -> Ints:
    """Mark the notes after which the rhythm of the first notes returns (1), or their motif (2)."""
    n = len(step) - MOTIF
    found = np.zeros(len(step), np.int64)
    if n <= 0:
        return found
    rhythm = np.lib.stride_tricks.sliding_window_view(duration[1:], MOTIF - 1)[:n]
    steps = np.lib.stride_tricks.sliding_window_view(step[2:], MOTIF - 1)[:n]
    same = (rhythm == duration[: MOTIF - 1]).all(axis=1)
    motif = (steps[: len(same)] == step[1:MOTIF]).all(axis=1)
    uneven = (rhythm != rhythm[:, :1]).any(axis=1)
    found[: len(motif)] = np.where(same[: len(motif)], np.where(motif, 2, uneven[: len(motif)]), 0)
    return found


def _regress(codes: Ints, final: NDArray[np.bool_]) -> Floats:
    """Fit log-odds by Newton's method, with a quadratic penalty."""
    n_codes = N_CODES
    seen = np.zeros((len(codes), n_codes))
    np.put_along_axis(seen, codes, 1.0, axis=1)
    weights = np.zeros(n_codes)
    for _ in range(15):
        share = 1 / (1 + np.exp(-seen @ weights))
        slope = seen.T @ (final - share) - L2 * weights
        curve = (seen.T * (share * (1 - share))) @ seen + L2 * np.eye(n_codes)
        weights += np.linalg.solve(curve, slope)
    return weights
