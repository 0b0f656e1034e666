"""Bars, repeats, endings and the order of sections in a kern file.

Conventions
-----------
* A bar line repeats where a colon stands beside its strokes: `=:|!` what is before it,
  `=!|:` what is after.
* Sections are labelled (`*>A`) and put in order by an expansion list (`*>[A,A1,A,A2]`). A
  label that is another one and a number is an ending of it. A list that the bar lines do not
  say becomes the score's order of sections.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
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
    expansion: str = ""

    def add(self, at: int, token: str) -> None:
        """Keep a bar line, a section label or the first expansion list."""
        if token.startswith("="):
            self.signs.append((at, token))
            check_limit(len(self.signs), MAX_BARS, "bars")
        elif token.startswith("*>["):
            self.expansion = self.expansion or token[3:].rstrip("]")
        elif "[" not in token and (at, token[2:]) not in self.labels:
            self.labels.append((at, token[2:]))

    def table(self, end: int) -> NDArray[np.void]:
        """Build the table of bars of a score that ends at a tick."""
        onsets = sorted({0, *(at for at, _ in self.signs if at < end)})
        bars = make_table(BAR_DTYPE, onset=onsets)
        for at, sign in self.signs:
            if re.search(r":[|!]", sign) and at > 0:
                bars["repeat"][bisect_left(onsets, at) - 1] |= REPEAT_END
            if re.search(r"[|!]:", sign) and at < end:
                bars["repeat"][bisect_right(onsets, at) - 1] |= REPEAT_START
        sections = self._sections(bars)
        for name, where in sections.items():
            found = re.fullmatch(r"(.*[^0-9])([1-9])", name)
            if found and found[1] in sections:
                bars["ending"][list(where)] = ending_bits([int(found[2])])
        return bars

    def ordered(self, score: Score, report: Report) -> Score:
        """Return a score with the order of the expansion list, where its signs do not say it."""
        names = [name.strip() for name in self.expansion.split(",") if name.strip()]
        sections = self._sections(score.bars)
        if not names or names == list(sections):
            return score
        if not sections.keys() >= {*names}:
            report.add(f"order of sections [{self.expansion[:60]}] not followed")
            return score
        intro = range(min(where.start for where in sections.values()))
        wanted = [*intro, *(bar for name in names for bar in sections[name])]
        if playing_order(score) == wanted:
            return score
        onsets = score.bars["onset"].tolist()
        rows = [(onsets[where.start], "section", name) for name, where in sections.items()]
        told = score.replace(jumps=make_table(JUMP_DTYPE, rows), order=tuple(names))
        if playing_order(told) == wanted:
            return told
        bars = told.bars.copy()  # the list has all repeats: signs would play them again
        bars["repeat"] = bars["ending"] = 0
        return told.replace(bars=bars)

    def _sections(self, bars: NDArray[np.void]) -> dict[str, range]:
        """Find the bars of each section; of labels within a bar, none at all."""
        onsets = bars["onset"].tolist()
        labels = [(at, name) for at, name in self.labels if at <= onsets[-1]]
        starts = [bisect_left(onsets, at) for at, _ in labels]
        if any(onsets[start] != at for start, (at, _) in zip(starts, labels, strict=True)):
            return {}
        stops = [*starts[1:], len(bars)]
        return {
            name: range(start, stop)
            for (_, name), start, stop in zip(labels, starts, stops, strict=False)
        }
