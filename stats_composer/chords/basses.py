"""The bass of each chord, beat by beat: which of its tones lies lowest, as a musician hears it.

The lowest note may rest, or be broken off before the chord ends. So in each beat of a chord its
tones compete, by a conditional logit (`models.choices`): with features x of a tone,

    P(tone) = exp(w . x(tone)) / sum over the chord's tones of exp(w . x)                     (1)

x asks whether the tone is the lowest where the beat begins, in the half bar, the bar, where the
chord begins, in all of the chord and in the chord so far; the share of the chord in which it is
the lowest; how low it sounds; and whether it is a third, a fifth or another tone.

References
----------
D. McFadden, "Conditional logit analysis of qualitative choice behavior", Frontiers in
Econometrics, 1974, equation 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stats_composer.chords.qualities import KINDS, N_KINDS
from stats_composer.chords.steps import SILENT, Runs, Steps
from stats_composer.models.choices import Valued, learn_choices

if TYPE_CHECKING:
    from stats_composer.chords.harmony import LabelledSteps

__all__ = ["N_BASS_FEATURES", "choose_basses", "fit_basses"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

N_BASS_FEATURES = 11
PENALTY = 1e-3
"""Half the inverse variance of a weight's prior, a step."""
_HOLDS = np.array([[(i in tones) for i in range(12)] for tones in KINDS.values()])
_TONE = np.array([0, 3, 3, 1, 1, 3, 2, 2, 2, 3, 3, 3])
"""Root, third, fifth or another tone, by semitones above the root."""


def _marked(pitch: Ints) -> Floats:
    marked = np.zeros((len(pitch), 12))
    heard = np.flatnonzero(pitch < SILENT)
    marked[heard, pitch[heard] % 12] = 1.0
    return marked


def _so_far(lowest: Ints, begins: Ints) -> Ints:
    """Return the running minimum, begun anew at some rows."""
    # every segment is moved below the one before, so that one pass serves all
    down = np.cumsum(np.bincount(begins, minlength=len(lowest))) * (SILENT + 1)
    found: Ints = np.minimum.accumulate(lowest - down) + down
    return found


def _features(steps: Steps, labels: Ints, unit: Runs) -> tuple[Floats, Bools, Runs]:
    """Describe each pitch class in each run of a unit and a chord.

    Returns
    -------
    features : ndarray of shape (n_runs, 12, N_BASS_FEATURES)
    allowed : ndarray of shape (n_runs, 12)
        The tones of the chord.
    runs : Runs
    """
    marks = np.diff(labels, prepend=-1) != 0
    chords = Runs.where(marks)
    marks[unit.first[:-1]] = True
    runs = Runs.where(marks)
    start, length = runs.first[:-1], np.diff(runs.first)
    own = np.minimum.reduceat(steps.bass, start)
    chord = chords.of[start]
    first = np.flatnonzero(np.diff(chord, prepend=-1))
    share = np.add.reduceat(_marked(own) * length[:, None], first, axis=0)
    root, kind = np.divmod(labels[start], N_KINDS)
    above = (np.arange(12) - root[:, None]) % 12

    def least(whole: Runs) -> Floats:
        return _marked(np.minimum.reduceat(steps.bass, whole.first[:-1])[whole.of[start]])

    found = [
        _marked(steps.bass[start]),
        least(steps.halves),
        least(steps.bars),
        _marked(steps.bass[chords.first[:-1]])[chord],
        least(chords),
        _marked(_so_far(own, first)),
        (share / np.maximum(share.sum(axis=1, keepdims=True), 1.0))[chord],
        np.add.reduceat(steps.weights["low"], start, axis=0) / length[:, None],
        *((_TONE[above] == tone).astype(np.float64) for tone in (1, 2, 3)),
    ]
    return np.stack(found, axis=2), _HOLDS[kind[:, None], above], runs


def choose_basses(steps: Steps, labels: Ints, weights: Floats, unit: Runs | None = None) -> Ints:
    """Choose the likeliest bass of each chord, by step: pitch classes.

    Parameters
    ----------
    steps : Steps
    labels : ndarray of shape (n_steps,), int64
        Chords, as `chords.qualities` numbers them.
    weights : ndarray of shape (N_BASS_FEATURES,)
    unit : Runs, optional
        Within which the bass stays; by default the beats.
    """
    features, allowed, runs = _features(steps, labels, steps.beats if unit is None else unit)
    found: Ints = Valued(features, allowed).scores(weights).argmax(axis=1)[runs.of]
    return found


def fit_basses(pieces: Sequence[LabelledSteps]) -> Floats:
    """Learn the weights of (1), each beat counted by its steps."""
    rows = []
    for piece in pieces:
        known = piece.labels >= 0
        features, allowed, runs = _features(
            piece.steps, np.where(known, piece.labels, 0), piece.steps.beats
        )
        start = runs.first[:-1]
        right = piece.basses[start]
        chosen = known[start] & allowed[np.arange(len(start)), right]
        rows.append(tuple(x[chosen] for x in (features, allowed, right, np.diff(runs.first))))
    seen, allowed, right, count = (np.concatenate(column) for column in zip(*rows, strict=True))
    penalty = 2 * PENALTY * count.sum()
    return learn_choices(Valued(seen, allowed), right, penalty, count.astype(np.float64))
