"""Which kind of music a score is, by its texture: where analysts write chords in other ways.

Four voices that move together are a chorale, read as Bach's are. Of the rest a linear classifier
tells songs, whose beat is subdivided and anticipated and whose chords are held, from piano pieces,
lieder and quartets; what it asks is a few shares of the steps, the same in all keys and tempos.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.chords.steps import SILENT, Steps, pitched_notes
from stats_composer.score import Score

__all__ = ["N_FEATURES", "is_broken_line", "is_chorale", "texture"]

Floats = NDArray[np.float64]

FULL = 0.6
"""Share of its attacks that three voices or more of a chorale strike together."""
LEAP = 3
"""Semitones of the least leap; a single line that leaps more often than not is a broken chord."""
N_FEATURES = 8


def is_chorale(score: Score) -> bool:
    """Tell whether a score has up to four notes at a time that are mostly struck together."""
    notes = pitched_notes(score)
    onset, count = np.unique(notes["onset"], return_counts=True)
    stop = notes["onset"] + notes["duration"]
    edges = np.concatenate([notes["onset"], stop])
    change = np.concatenate([np.ones(len(notes)), -np.ones(len(notes))])
    order = np.lexsort((change, edges))
    sounding = np.cumsum(change[order])
    together = float((count >= 3).mean()) if len(onset) else 0.0
    return bool(len(notes)) and sounding.max() <= 4 and together >= FULL


def is_broken_line(score: Score) -> bool:
    """Tell whether a single line leaps more often than not."""
    notes = pitched_notes(score)
    pitch = notes["pitch"].astype(np.int64)[np.argsort(notes["onset"], kind="stable")]
    leaps = abs(np.diff(pitch)) >= LEAP
    return len(leaps) >= 3 and float(leaps.mean()) > 0.5


def texture(steps: Steps) -> Floats:
    """Describe a texture: (N_FEATURES,), shares of the steps."""
    struck = steps.weights["struck"].sum(axis=1)
    sounding = (steps.weights["sounding"] > 0.1).sum(axis=1)
    attacked = struck > 0
    strong = np.zeros(len(steps), np.bool_)
    strong[steps.beats.first[:-1]] = True
    after = np.append(attacked[1:], False)
    silent = steps.bass == SILENT
    weak = ~strong & attacked
    return np.array(
        [
            1.0,
            attacked[strong].mean(),
            attacked[~strong].mean() if (~strong).any() else 0.0,
            # an anticipation: struck off the beat, and not on the beat that follows
            (weak & ~after).mean(),
            struck.mean() / 4.0,
            sounding.mean() / 4.0,
            silent.mean(),
            (steps.weights["raised"].sum() + steps.weights["lowered"].sum())
            / max(steps.weights["sounding"].sum(), 1e-9),
        ]
    )
