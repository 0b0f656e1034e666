"""What is heard of a performance: onsets, and what is struck and changes near some times."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.score import Score, seconds

__all__ = ["FRAME", "Onsets", "hear_bars", "hear_frames", "onsets_of_score"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FRAME = 0.025
LOW = 52
WINDOW = 0.06


class Onsets(NamedTuple):
    """What is struck when: seconds, rising; pitch, velocity and seconds that it lasts."""

    time: Floats
    pitch: Ints
    velocity: Floats
    length: Floats


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
