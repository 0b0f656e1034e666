"""A score card as one page: values with their intervals beside the corpus's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CardPanels", "draw_card"]

Value = tuple[float, float, float]
"""A value and the ends of its interval."""


class CardPanels(NamedTuple):
    """What a card shows.

    Attributes
    ----------
    title : str
    beside : mapping of str to sequence of (words, judged, corpus)
        Panels by title; each row has two values with the ends of their intervals.
    by_kind : sequence of (str, float)
        The classifier's AUC by each kind of feature alone.

    Examples
    --------
    >>> rows = [("leaps in 100 moves", (9, 8, 10), (5, 4, 6))]
    >>> CardPanels("Two tunes", {"Rates": rows}, by_kind=[("melody", 0.7)]).title
    'Two tunes'
    """

    title: str
    beside: Mapping[str, Sequence[tuple[str, Value, Value]]]
    by_kind: Sequence[tuple[str, float]]


def draw_card(panels: CardPanels) -> Figure:
    """Draw a card on one page.

    Parameters
    ----------
    panels : CardPanels

    Returns
    -------
    matplotlib.figure.Figure
        On the left the first panel, on the right the others; a row's values are scaled to the
        larger end of its intervals, so that what is compared is its two marks.

    Examples
    --------
    >>> rows = [("leaps in 100 moves", (9.0, 8.0, 10.0), (5.0, 4.0, 6.0))]
    >>> figure = draw_card(CardPanels("Two tunes", {"Rates": rows}, [("melody", 0.7)]))
    >>> len(figure.axes)
    2
    """
    from matplotlib.figure import Figure

    (title, rows), *others = panels.beside.items()
    figure = Figure(figsize=(11.7, 8.3), layout="constrained")
    figure.suptitle(panels.title)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.15, 1))[0]
    _draw_rows(left.subplots(), title, rows)
    heights = [len(more) for _, more in others] + [len(panels.by_kind)]
    axes = right.subplots(len(heights), 1, height_ratios=[n + 2 for n in heights], squeeze=False)
    for axis, (name, more) in zip(axes[:, 0], others, strict=False):
        _draw_rows(axis, name, more)
    _draw_kinds(axes[-1, 0], panels.by_kind)
    return figure


def _draw_rows(axes: Axes, title: str, rows: Sequence[tuple[str, Value, Value]]) -> None:
    for place, (_, judged, corpus) in enumerate(reversed(rows)):
        scale = max(np.nanmax([*judged, *corpus]), 1e-12)
        for value, colour, shift in ((corpus, "0.55", -0.17), (judged, "C0", 0.17)):
            middle, low, high = np.array(value) / scale
            axes.plot([low, high], [place + shift] * 2, color=colour, linewidth=2)
            axes.plot([middle], [place + shift], "o", color=colour, markersize=3.5)
    names = [f"{words}  {judged[0]:.3g} | {corpus[0]:.3g}" for words, judged, corpus in rows]
    axes.set_yticks(range(len(rows)), reversed(names), fontsize=6)
    axes.set(xlim=(-0.03, 1.05), ylim=(-0.7, len(rows) - 0.3), xticks=[])
    axes.set_title(f"{title}: judged (blue) | corpus (grey)", fontsize=8)


def _draw_kinds(axes: Axes, kinds: Sequence[tuple[str, float]]) -> None:
    axes.barh(range(len(kinds)), [value for _, value in kinds], color="C0", height=0.6)
    axes.axvline(0.5, color="0.3", linewidth=0.8)
    names = [f"{kind}  {value:.2f}" for kind, value in kinds]
    axes.set_yticks(range(len(kinds)), names, fontsize=6)
    axes.set(xlim=(0, 1))
    axes.tick_params(axis="x", labelsize=6)
    axes.set_title("AUC of a classifier by one kind of feature", fontsize=8)
