"""Tunes: how one begins, and which scores share one.

Two settings of one melody are the same tune in any key and with any rhythm below the beat: where
scores are split, to learn from some and to judge by others, they belong on one side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.score.score import Score

__all__ = ["opening", "same_tune", "tune_groups"]

OPENING_BEATS = 12
LIKE = 10

Ints = NDArray[np.int64]


def opening(score: Score) -> Ints:
    """Return the pitches of the top line on its first beats, relative to the first.

    Parameters
    ----------
    score : Score
        With notes.

    Returns
    -------
    ndarray of shape (12,), int64

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> tune = [60, 60, 67, 67, 69, 69, 67, 67, 65, 65, 64, 64, 62, 62, 60]
    >>> opening(Score(make_notes(onset=10080 * np.arange(15), pitch=tune))).tolist()
    [0, 0, 7, 7, 9, 9, 7, 7, 5, 5, 4, 4]
    """
    part, voice = score.voices[0]
    line = score.notes[(score.notes["part"] == part) & (score.notes["voice"] == voice)]
    ticks = int(line["onset"][0]) + score.metre_at(0).beat * np.arange(OPENING_BEATS)
    row = np.searchsorted(line["onset"], ticks, side="right") - 1
    pitch = line["pitch"][row].astype(np.int64)
    relative: Ints = pitch - pitch[0]
    return relative


def same_tune(one: Ints, other: Ints) -> bool:
    """Tell whether two openings are of one tune: the same on nearly all beats.

    Parameters
    ----------
    one, other : ndarray of shape (12,), int64
        As of `opening`.

    Examples
    --------
    >>> same_tune(np.arange(12), np.arange(12)), same_tune(np.arange(12), -np.arange(12))
    (True, False)
    """
    return int((one == other).sum()) >= LIKE


def tune_groups(scores: Sequence[Score]) -> Ints:
    """Sort scores by their tune: what begins alike, directly or by way of others, is one.

    Parameters
    ----------
    scores : sequence of Score
        Each with notes.

    Returns
    -------
    ndarray of shape (n_scores,), int64
        From 0, in the order of the first of each.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> tune = [60, 62, 64, 65, 67, 65, 64, 62, 60, 62, 64, 60]
    >>> pages = [make_notes(onset=10080 * np.arange(12), pitch=np.add(tune, up)) for up in (0, 5)]
    >>> other = make_notes(onset=10080 * np.arange(12), pitch=60 + 5 * np.arange(12) % 12)
    >>> tune_groups([Score(notes) for notes in (pages[0], other, pages[1])]).tolist()
    [0, 1, 0]
    """
    openings = np.array([opening(score) for score in scores]).reshape(-1, OPENING_BEATS)
    group = np.arange(len(openings))
    for i, row in enumerate(openings):
        alike = np.flatnonzero((openings[:i] == row).sum(axis=1) >= LIKE)
        for joined in np.unique(group[alike]):
            group[group == joined] = group[i] = min(int(joined), int(group[i]))
    kinds: Ints = np.unique(group, return_inverse=True)[1].astype(np.int64)
    return kinds
