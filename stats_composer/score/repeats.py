"""How a score is played: repeats and endings in their order."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats_composer.score.score import Score
from stats_composer.score.tables import MARKS, REPEAT_END, REPEAT_START

__all__ = ["played", "playing_order", "unfold"]

Ints = NDArray[np.int64]

_LASTING = ("time_signatures", "key_signatures", "tempos", "chords")


def playing_order(bars: NDArray[np.void]) -> list[int]:
    """List the bars in the order in which repeats and endings are played.

    Signs by which a bar would never be heard are not followed.

    Parameters
    ----------
    bars : ndarray of BAR_DTYPE

    Examples
    --------
    >>> from stats_composer.score import BAR_DTYPE, make_table
    >>> rows = [(0, 0, 0), (4, REPEAT_END, 1), (8, 0, 2), (12, REPEAT_START | REPEAT_END, 0)]
    >>> playing_order(make_table(BAR_DTYPE, rows))
    [0, 1, 0, 2, 3, 3]
    """
    ending, repeat = bars["ending"].tolist(), bars["repeat"].tolist()
    order: list[int] = []
    bar = start = 0
    time = 1
    while bar < len(bars):
        after = ending[bar + 1] if bar + 1 < len(bars) else 0
        if repeat[bar] & REPEAT_START and bar != start:
            start, time = bar, 1
        if not ending[bar] or ending[bar] >= time:
            order.append(bar)
            if repeat[bar] & REPEAT_END and (time == 1 or 0 < ending[bar] < after):
                bar, time = start, time + 1
                continue
            if repeat[bar] & REPEAT_END or (ending[bar] and not after):
                start, time = bar + 1, 1
        bar += 1
    return order if len(set(order)) == len(bars) else list(range(len(bars)))


def played(score: Score) -> tuple[Ints, Ints]:
    """Tell which notes sound one after the other, repeats and endings included.

    Returns
    -------
    index : ndarray of shape (n_played,), int64
        Of notes of the score; one that is tied into a bar sounds once.
    onset : ndarray of shape (n_played,), int64
        Ticks from the start as played.
    """
    bounds = np.append(score.bars["onset"], score.end)
    place = np.searchsorted(score.notes["onset"], bounds)
    index, shift, clock = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], 0
    for bar in playing_order(score.bars):
        index.append(np.arange(place[bar], place[bar + 1]))
        shift.append(np.full(len(index[-1]), clock - bounds[bar]))
        clock += int(bounds[bar + 1] - bounds[bar])
    found = np.concatenate(index)
    return found, score.notes["onset"][found] + np.concatenate(shift)


def unfold(score: Score) -> Score:
    """Write a score as it is played: without repeat signs, their bars as often as they sound.

    Examples
    --------
    >>> from stats_composer.score import BAR_DTYPE, make_notes, make_table
    >>> bars = make_table(BAR_DTYPE, [(0, 0, 0), (40320, REPEAT_END, 0), (80640, 0, 0)])
    >>> score = Score(make_notes(onset=[0, 80640], pitch=[60, 64]), bars=bars, end=120960)
    >>> unfold(score).notes["onset"].tolist(), unfold(score).n_bars
    ([0, 80640, 161280], 5)
    """
    order = playing_order(score.bars)
    breaks = [i + 1 for i, (bar, after) in enumerate(pairwise(order)) if after != bar + 1]
    if not breaks and len(order) == score.n_bars and not score.bars["repeat"].any():
        return score
    tables: dict[str, list[NDArray[Any]]] = {name: [] for name in ("notes", *MARKS)}
    clock = 0
    for first, stop in pairwise([0, *breaks, len(order)]):
        piece = score[order[first] : order[stop - 1] + 1]
        for name, found in tables.items():
            table = getattr(piece, name).copy()
            table["onset"] += clock
            found.append(table)
        clock += piece.end
    joined = {name: np.concatenate(found) for name, found in tables.items()}
    joined["bars"]["repeat"] = joined["bars"]["ending"] = 0
    for name in _LASTING:
        told = joined[name][[field for field in MARKS[name].names or () if field != "onset"]]
        joined[name] = joined[name][np.r_[True, told[1:] != told[:-1]][: len(told)]]
    return score.replace(end=clock, **joined)
