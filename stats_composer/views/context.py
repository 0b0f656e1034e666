"""Metre and phrases as context: what a composer knows of a step before it chooses notes.

Conventions
-----------
* A beat is the metre's (`theory.Metre`), a dotted one in compound metres. Beats fall
  into groups of four and of three, since a chorale's weak beats differ in the two.
* The end context counts down to the final note of a phrase (`score.phrase_spans`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.score import Score, bar_positions, metre_of

__all__ = [
    "END_VALUES",
    "FAR",
    "FINAL",
    "LAST",
    "end_context",
    "place_context",
]

Ints = NDArray[np.int64]


FAR, FINAL, LAST = 11, 12, 13


END_VALUES = LAST + 1


def place_context(page: Score, step: int, steps_per_beat: int) -> Ints:
    """Place of each step in a bar of four or of three beats.

    Parameters
    ----------
    page : Score
    step : int
        Ticks a row.
    steps_per_beat : int
        Places that a beat has: 2 tells the beat from what follows it.

    Returns
    -------
    ndarray of shape (n_steps,), int64, in [0, 7 * steps_per_beat)
        Bars of four beats use the first 4 * steps_per_beat values (those of two the first
        half of them; a compound bar of two beats its first and third beat), bars of three
        the others; longer bars go on in fours.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> page = Score(make_notes(onset=[0], duration=[40320], pitch=[60]))  # a bar of 4/4
    >>> place_context(page, step=5040, steps_per_beat=2).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    ticks = np.arange(-(-page.end // step)) * step
    position = bar_positions(page, ticks)
    place = np.zeros(len(ticks), np.int64)
    metres = page.time_signatures
    row = np.searchsorted(metres["onset"], ticks, side="right") - 1
    for i, mark in enumerate(metres):
        inside, metre = row == i, metre_of(mark)
        beat, rest = np.divmod(position[inside], metre.beat)
        if metre.n_beats == 2 and metre.is_compound:
            beat = beat * 2
        part = np.where(rest > 0, np.maximum(rest * steps_per_beat // metre.beat, 1), 0)
        group = 3 if metre.n_beats == 3 else 4
        offset = 4 * steps_per_beat if group == 3 else 0
        place[inside] = offset + (beat % group) * steps_per_beat + part
    return place


def end_context(spans: list[tuple[int, int]], n_steps: int, step: int, unit: int) -> Ints:
    """Tell each step how far the phrase's final note is.

    Parameters
    ----------
    spans : list of (onset, end), ticks
    n_steps : int
    step : int
        Ticks a row.
    unit : int
        Ticks in which the distance counts.

    Returns
    -------
    ndarray of shape (n_steps,), int64, in [0, END_VALUES)
        0: no end ahead; 1 to 11: units to it, 11 and more; 12: in a final note; 13: in the last.

    Examples
    --------
    >>> end_context([(5, 6), (11, 12)], n_steps=12, step=1, unit=1).tolist()
    [5, 4, 3, 2, 1, 12, 5, 4, 3, 2, 1, 13]
    """
    ticks = np.arange(n_steps) * step
    context = np.zeros(n_steps, np.int64)
    for i, (onset, end) in enumerate(spans):
        since = spans[i - 1][1] if i else 0
        before = (ticks >= since) & (ticks < onset)
        context[before] = np.minimum(-(-(onset - ticks[before]) // unit), FAR)
        inside = (ticks >= onset) & (ticks < max(end, onset + step))
        context[inside] = LAST if i == len(spans) - 1 else FINAL
    return context
