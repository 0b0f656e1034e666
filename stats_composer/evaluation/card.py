"""A card of part-writing: what a teacher counts in a four-part setting.

Conventions
-----------
* Parallels, as `evaluation.leading` finds them, are counted at a step of the grid (an eighth by
  default), per 100 notes.
* A crossing is a step at which a voice sounds above one that lies above it in the score.
* The final chord is the one that sounds at the end of the last note.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import ScoreWarning
from stats_composer.evaluation.leading import find_parallels
from stats_composer.score import Score
from stats_composer.theory import TICKS_PER_QUARTER, estimate_key
from stats_composer.views import grid

__all__ = ["Card", "card", "count_parallels"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Card:
    """Shares over a set of scores.

    Attributes
    ----------
    n_scores, n_notes : int
    parallels : float
        Parallel fifths, octaves and unisons per 100 notes.
    crossings : float
        Per cent of the steps at which all voices sound.
    final_tonic : float
        Per cent of scores that end on the tonic triad in root position.
    rests : float
        Per cent of the (step, voice) sites between a voice's first and last note at which it
        is silent.
    leaps : float
        Per cent of the melodic intervals that are larger than a whole tone.
    repeats : float
        Per cent of the notes that repeat the pitch before them.
    sixteenths : float
        Per cent of the notes shorter than an eighth.
    """

    n_scores: int
    n_notes: int
    parallels: float
    crossings: float
    final_tonic: float
    rests: float
    leaps: float
    repeats: float
    sixteenths: float

    def __str__(self) -> str:
        """Return one line of names and rounded values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return "  ".join(
            f"{k} {v}" if isinstance(v, int) else f"{k} {v:.2f}" for k, v in values.items()
        )


def count_parallels(pitch: Ints) -> int:
    """Count the parallels between all pairs of voices.

    Parameters
    ----------
    pitch : ndarray of shape (n_steps, n_voices), int64, negative for a rest

    Examples
    --------
    >>> count_parallels(np.array([[67, 60], [69, 62], [69, 60]]))
    1
    """
    return len(find_parallels(pitch))


def card(scores: Sequence[Score], *, step: int = TICKS_PER_QUARTER // 2) -> Card:
    """Count what a teacher counts.

    Parameters
    ----------
    scores : sequence of Score
        Each of several voices, top to bottom.
    step : int
        Ticks of the grid on which voices are compared.
    """
    counts = {name: np.zeros(2) for name in ("parallels", "crossings", "rests", "leaps")}
    counts |= {name: np.zeros(2) for name in ("repeats", "sixteenths", "final_tonic")}
    n_notes = 0
    for score in scores:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ScoreWarning)
            pitch, _ = grid(score, step)
        notes = len(score.notes)
        n_notes += notes
        counts["parallels"] += count_parallels(pitch), notes
        full = (pitch >= 0).all(axis=1)
        crossed = (np.diff(pitch[full], axis=1) > 0).any(axis=1)
        counts["crossings"] += crossed.sum(), full.sum()
        counts["final_tonic"] += _ends_on_tonic(score), 1
        for column in pitch.T:
            inside = column[slice(*_span(column))]
            counts["rests"] += (inside < 0).sum(), len(inside)
        for part, voice in score.voices:
            line = score.notes[(score.notes["part"] == part) & (score.notes["voice"] == voice)]
            moves = np.abs(np.diff(line["pitch"]))
            counts["leaps"] += (moves > 2).sum(), (moves > 0).sum()
            counts["repeats"] += (moves == 0).sum(), len(moves)
        short = score.notes["duration"] < TICKS_PER_QUARTER // 2
        counts["sixteenths"] += short.sum(), notes
    shares = {k: float(100 * part / max(whole, 1)) for k, (part, whole) in counts.items()}
    return Card(len(scores), n_notes, **shares)


def _span(column: Ints) -> tuple[int, int]:
    """Rows from the first to after the last that sounds."""
    rows = np.flatnonzero(column >= 0)
    return (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)


def _ends_on_tonic(score: Score) -> bool:
    """Whether the last chord is the tonic's triad in root position."""
    notes = score.notes
    if not len(notes):
        return False
    end = notes["onset"] + notes["duration"]
    last = notes["pitch"][end == end.max()]
    tonic = 7 * estimate_key(notes["pitch"], notes["duration"], notes["onset"], ending=0.0)[0] % 12
    above = set(((last - tonic) % 12).tolist())
    return int(last.min()) % 12 == tonic and above <= {0, 3, 4, 7}
