"""Textures that are read in ways of their own: four voices that move together, a broken line."""

from __future__ import annotations

import numpy as np

from stats_composer.chords.steps import pitched_notes
from stats_composer.score import Score

__all__ = ["is_broken_line", "is_chorale"]

FULL = 0.6
"""Share of its attacks that three voices or more of a chorale strike together."""
LEAP = 3
"""Semitones of the least leap; a single line that leaps more often than not is a broken chord."""


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
