"""Bars, repeats, endings and the order of sections in a kern file.

Conventions
-----------
* A bar line repeats where a colon stands beside its strokes: `=:|!` what is before it,
  `=!|:` what is after.
* Sections are labelled (`*>A`) and put in order by an expansion list (`*>[A,A1,A,A2]`). A
  label that is another one and a number is an ending of it.
* Where the bar lines do not play the list, a da capo after them may; else the list is the
  score's order of sections, and as it has all repeats, signs that repeat are taken out.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stats_composer.io.limits import MAX_BARS, check_limit
from stats_composer.io.report import Report
from stats_composer.score import (
    BAR_DTYPE,
    JUMP_DTYPE,
    REPEAT_END,
    REPEAT_START,
    Score,
    ending_bits,
    make_table,
    playing_order,
)

__all__ = ["BarLines"]


@dataclass
class BarLines:
    """The bar lines and section labels of a score as they are met, in ticks."""

    signs: list[tuple[int, str]] = field(default_factory=list)
    labels: list[tuple[int, str]] = field(default_factory=list)
    expansion: tuple[str, ...] = ()

    def add(self, at: int, token: str) -> None:
        """Keep a bar line, a section label, or the first expansion list."""
        if token.startswith("="):
            self.signs.append((at, token))
            check_limit(len(self.signs), MAX_BARS, "bars")
        elif token.startswith("*>["):
            names = token[3:].rstrip("]").split(",")
            self.expansion = self.expansion or tuple(name.strip()[:32] for name in names)
        elif "[" not in token and self.labels[-1:] != [(at, token[2:34])]:
            self.labels.append((at, token[2:34]))

    def table(self, end: int) -> NDArray[np.void]:
        """Build the table of bars of a score that ends at a tick."""
        onsets = sorted({0, *(at for at, _ in self.signs if at < end)})
        bars = make_table(BAR_DTYPE, onset=onsets)
        for at, sign in self.signs:
            if re.search(r":[|!]", sign) and at > 0:
                bars["repeat"][bisect_left(onsets, at) - 1] |= REPEAT_END
            if re.search(r"[|!]:", sign) and at < end:
                bars["repeat"][bisect_right(onsets, at) - 1] |= REPEAT_START
        sections = self._sections(onsets, end)
        for name, where in sections.items():
            found = re.fullmatch(r"(.*[^0-9])([1-9])", name)
            if found and found[1] in sections:
                bars["ending"][list(where)] = ending_bits([int(found[2])])
        return bars

    def complete(self, score: Score, report: Report) -> Score:
        """Give the score that has these bars their printed numbers, and its sections' order."""
        bars = score.bars.copy()
        bars["number"] = list(self._numbers(score))
        score = score.replace(bars=bars)
        sections = self._sections(bars["onset"].tolist(), score.end)
        first = min((where.start for where in sections.values()), default=0)
        wanted = [*range(first)]
        wanted += [bar for name in self.expansion for bar in sections.get(name, ())]
        if not self.expansion or playing_order(score) == wanted:
            return score
        if not set(self.expansion) <= sections.keys():
            report.add(f"order of sections [{','.join(self.expansion)[:60]}] not followed")
            return score
        onsets = bars["onset"].tolist()
        da_capo = [(onsets[-1], "D.C."), (onsets[wanted[-1]], "fine")]
        again = score.replace(jumps=make_table(JUMP_DTYPE, da_capo))
        if bars["repeat"].any() and playing_order(again) == wanted:
            return again
        bars["repeat"] = bars["ending"] = 0
        jumps = [(onsets[where.start], "section", name) for name, where in sections.items()]
        return score.replace(bars=bars, jumps=make_table(JUMP_DTYPE, jumps), order=self.expansion)

    def _numbers(self, score: Score) -> Iterator[str]:
        """Tell the printed number of each bar, where it is not the usual one."""
        onsets = score.bars["onset"].tolist()
        told = ((at, re.match(r"=+([0-9]{1,7})", sign)) for at, sign in self.signs)
        printed = {at: int(found[1]) for at, found in told if found}
        following = 0 if score.pickup else 1
        for bar, (onset, offset) in enumerate(zip(onsets, score.bar_offsets, strict=True)):
            usual = None if offset and bar else following
            number = printed.get(onset, usual)
            yield "" if number == usual else str(number)
            following = following if number is None else number + 1

    def _sections(self, onsets: list[int], end: int) -> dict[str, range]:
        """Find the bars of each section; of labels within a bar, none at all."""
        labels = [(at, name) for at, name in self.labels if at < end]
        if not {at for at, _ in labels} <= {*onsets}:
            return {}
        starts = [bisect_left(onsets, at) for at, _ in labels]
        found: dict[str, range] = {}
        stops = [*starts[1:], len(onsets)]
        for (_, name), start, stop in zip(labels, starts, stops, strict=False):
            found.setdefault(name, range(start, stop))
        return found
