"""How a score is played: sections, repeats, endings and jumps in their order.

After D.C. or D.S. no repeat is taken and the last endings are played, as is the custom.
"""

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


def playing_order(score: Score) -> list[int]:
    """List the bars in the order in which sections, repeats, endings and jumps are played.

    Signs by which a bar would never be heard are not followed, unless an order of sections
    leaves it out. Music before the first section is played once, before all others.

    Parameters
    ----------
    score : Score

    Returns
    -------
    list of int

    Examples
    --------
    >>> from stats_composer.score import BAR_DTYPE, make_notes, make_table
    >>> rows = [(0, 0, 0), (4, REPEAT_END, 1), (8, 0, 2), (12, REPEAT_START | REPEAT_END, 0)]
    >>> playing_order(Score(make_notes(onset=[0]), bars=make_table(BAR_DTYPE, rows)))
    [0, 1, 0, 2, 3, 3]
    """
    jumps = _Jumps(score)
    n_bars = score.n_bars
    edges = [*(bar for bar, _ in jumps.sections), n_bars]
    spans: dict[str, tuple[int, int]] = {}
    for (_, label), span in zip(jumps.sections, pairwise(edges), strict=True):
        spans.setdefault(label, span)
    told = [spans[label] for label in score.order if label in spans]
    if told:
        return [bar for span in [(0, edges[0]), *told] for bar in _walk(score, jumps, *span)]
    order = _walk(score, jumps, 0, n_bars)
    return order if len(set(order)) == n_bars else list(range(n_bars))


class _Jumps:
    """The jumps of a score by the bars they stand in."""

    def __init__(self, score: Score) -> None:
        rows = [(score.bar_at(onset), *row) for onset, *row in score.jumps.tolist()]
        self.times = {bar: times for bar, kind, _, times in rows if kind == "times"}
        self.sections = [(bar, label) for bar, kind, label, _ in rows if kind == "section"]
        self.places = {(kind, label): bar for bar, kind, label, _ in reversed(rows)}
        self.kinds: dict[int, dict[str, str]] = {}
        for bar, kind, label, _ in rows:
            self.kinds.setdefault(bar, {})[kind] = label

    def back(self, bar: int) -> int | None:
        """Bar to which a jump back at the end of a bar leads, if there is one."""
        kinds = self.kinds.get(bar, {})
        return 0 if "D.C." in kinds else self._place("segno", kinds.get("D.S."))

    def coda(self, bar: int) -> int | None:
        """Bar to which `to coda` at the end of a bar leads, if it does."""
        return self._place("coda", self.kinds.get(bar, {}).get("to coda"))

    def _place(self, kind: str, label: str | None) -> int | None:
        """Find a place by its label, or whatever its label is where none bears it."""
        if label is None:
            return None
        others = (bar for (name, _), bar in self.places.items() if name == kind)
        return self.places.get((kind, label), next(others, None))


def _walk(score: Score, jumps: _Jumps, first: int, stop: int) -> list[int]:
    """Play the bars of a span: its repeats, and, where it is the whole score, its jumps."""
    repeat = score.bars["repeat"].tolist()
    ending = score.bars["ending"].tolist()
    last, closes = _ending_runs(repeat, ending)
    whole = (first, stop) == (0, score.n_bars)
    order: list[int] = []
    bar = start = first
    turn, leapt = 1, False
    while bar < stop:
        if repeat[bar] & REPEAT_START and bar != start:
            start, turn = bar, 1
        now = 1 << (last[bar] - 1 if leapt and last[bar] else turn - 1)
        # An ending that is reached before its pass is played: nothing led back.
        heard = not ending[bar] or ending[bar] & now or now < ending[bar] & -ending[bar]
        if heard:
            order.append(bar)
            if leapt and "fine" in jumps.kinds.get(bar, {}):
                break
            ends = repeat[bar] & REPEAT_END and not leapt
            if ends and turn < jumps.times.get(bar, max(last[bar], 2)):
                bar, turn = start, turn + 1
                continue
            target = jumps.coda(bar) if leapt else jumps.back(bar)
            if whole and target is not None and (target > bar or not leapt):
                bar = start = target
                turn, leapt = 1, True
                continue
        if closes[bar] or (repeat[bar] & REPEAT_END and not ending[bar]):
            start, turn = bar + 1, 1
        bar += 1
    return order


def _ending_runs(repeat: list[int], ending: list[int]) -> tuple[list[int], list[bool]]:
    """Find, for each bar with an ending, the last pass of its run, and whether it closes it."""
    n_bars = len(ending)
    closes = [
        bool(ending[bar])
        and (bar + 1 == n_bars or not ending[bar + 1] or bool(repeat[bar + 1] & REPEAT_START))
        for bar in range(n_bars)
    ]
    last = [bits.bit_length() for bits in ending]
    joined = [bool(last[bar] and last[bar + 1]) and not closes[bar] for bar in range(n_bars - 1)]
    for bar in range(n_bars - 1):
        last[bar + 1] = max(last[bar : bar + 2]) if joined[bar] else last[bar + 1]
    for bar in reversed(range(n_bars - 1)):
        last[bar] = max(last[bar : bar + 2]) if joined[bar] else last[bar]
    return last, closes


def played(score: Score) -> tuple[Ints, Ints]:
    """Tell which notes sound one after the other, repeats and endings included.

    Parameters
    ----------
    score : Score

    Returns
    -------
    index : ndarray of shape (n_played,), int64
        Of notes of the score; one that is tied into a bar sounds once.
    onset : ndarray of shape (n_played,), int64
        Ticks from the start as played.

    Examples
    --------
    >>> from stats_composer.score import BAR_DTYPE, REPEAT_END, make_notes, make_table
    >>> bars = make_table(BAR_DTYPE, [(0, REPEAT_END, 0), (40320, 0, 0)])
    >>> index, onset = played(Score(make_notes(onset=[0, 40320], pitch=[60, 64]), bars=bars))
    >>> index.tolist(), onset.tolist()
    ([0, 0, 1], [0, 40320, 80640])
    """
    bounds = np.append(score.bars["onset"], score.end)
    place = np.searchsorted(score.notes["onset"], bounds)
    index, shift, clock = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], 0
    for bar in playing_order(score):
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
    order = playing_order(score)
    breaks = [i + 1 for i, (bar, after) in enumerate(pairwise(order)) if after != bar + 1]
    signs = score.bars["repeat"].any() or len(score.jumps) or score.order
    if not breaks and order == list(range(score.n_bars)) and not signs:
        return score
    tables: dict[str, list[NDArray[Any]]] = {name: [] for name in ("notes", *MARKS)}
    clock = 0
    for first, stop in pairwise([0, *breaks, len(order)]):
        piece = score[order[first] : order[stop - 1] + 1]
        for name, found in tables.items():
            table = getattr(piece, name).copy()
            table["onset"] += clock
            if name == "spans":
                table["stop"] += clock
            found.append(table)
        clock += piece.end
    joined = {name: np.concatenate(found) for name, found in tables.items()}
    joined["bars"]["repeat"] = joined["bars"]["ending"] = 0
    for name in _LASTING:
        told = joined[name][[field for field in MARKS[name].names or () if field != "onset"]]
        joined[name] = joined[name][np.r_[True, told[1:] != told[:-1]][: len(told)]]
    joined["jumps"] = joined["jumps"][:0]
    return score.replace(end=clock, order=(), **joined)
