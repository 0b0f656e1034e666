"""Swing: straight eighths on the page, long and short ones to the ear."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.score.score import Score
from stats_composer.score.tables import DIRECTION_DTYPE, make_table, metre_of
from stats_composer.theory import TICKS_PER_QUARTER

__all__ = ["mark_swing", "swung"]

Ints = NDArray[np.int64]

SWING, STRAIGHT = "Swing", "Straight"
RATIO = 2 / 3
BEAT = TICKS_PER_QUARTER


def mark_swing(score: Score) -> Score:
    """Return a score that says above its first part that its eighths swing.

    Parameters
    ----------
    score : Score

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> mark_swing(Score(make_notes(onset=[0], pitch=[60]))).directions["text"].tolist()
    ['Swing']
    """
    mark = make_table(DIRECTION_DTYPE, [(0, 0, 0, "words", SWING)])
    return score.replace(directions=np.concatenate([mark, score.directions]))


def swung(score: Score, *, ratio: float = RATIO) -> Score:
    """Return a score as it is heard: where the word `Swing` stands, eighths are long and short.

    Parameters
    ----------
    score : Score
        What its directions say holds for all parts, up to the word `Straight`.
    ratio : float
        Where the second half of a beat is played, of the beat.

    Returns
    -------
    Score
        Beats are quarters; in compound metres, and in beats of a part that are divided in
        three, nothing moves. Without the word the score itself.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> tune = mark_swing(Score(make_notes(onset=[0, 5040], duration=5040, pitch=[60, 62])))
    >>> swung(tune).notes[["onset", "duration"]].tolist()
    [(0, 6720), (6720, 3360)]
    """
    words = score.directions[np.isin(score.directions["text"], (SWING, STRAIGHT))]
    if not (words["text"] == SWING).any():
        return score
    notes = score.notes.copy()
    onset, end = notes["onset"].copy(), notes["onset"] + notes["duration"]
    said = np.append(False, words["text"] == SWING)
    simple = np.array([not metre_of(row).is_compound for row in score.time_signatures])
    row = np.searchsorted(score.time_signatures["onset"], onset, side="right") - 1
    swings = said[np.searchsorted(words["onset"], onset, side="right")] & simple[row]
    for part in range(score.n_parts):
        mine = swings & (notes["part"] == part)
        place = onset[mine] % BEAT
        thirds = np.unique(onset[mine][(place > 0) & (place * 3 % BEAT == 0)] // BEAT)
        onset[mine], end[mine] = (_late(ticks[mine], ratio, thirds) for ticks in (onset, end))
    notes["onset"], notes["duration"] = onset, np.maximum(end - onset, 1)
    return score.replace(notes=notes)


def _late(ticks: Ints, ratio: float, thirds: Ints) -> Ints:
    """Map the halves of beats to long and short ones, but for beats that are divided in three."""
    number, place = np.divmod(ticks, BEAT)
    half, late = BEAT / 2, ratio * BEAT
    bent = np.where(
        place <= half, place * late / half, late + (place - half) * (BEAT - late) / half
    )
    moved: Ints = np.where(np.isin(number, thirds), place, np.round(bent).astype(np.int64))
    return number * BEAT + moved
