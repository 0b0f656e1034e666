"""Piano rolls: a score drawn as bars of pitch over time, by matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import ScoreError
from stats_composer.render.figure import new_figure
from stats_composer.score import Score
from stats_composer.theory import TICKS_PER_QUARTER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["piano_roll"]

_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
_BLACK = (1, 3, 6, 8, 10)


def piano_roll(score: Score) -> Figure:
    """Draw the notes of a score over its bars, one colour a part.

    Parameters
    ----------
    score : Score

    Returns
    -------
    matplotlib.figure.Figure
        It belongs to no window and no global state: `figure.savefig(path)` writes it.

    Raises
    ------
    ScoreError
        If the score has no notes.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> figure = piano_roll(Score(make_notes(onset=[0, 10080], pitch=[60, 64])))
    >>> len(figure.axes[0].collections)
    1
    """
    from matplotlib import colormaps

    notes = score.notes
    if not len(notes):
        raise ScoreError("piano roll: the score has no notes")
    n_quarters = score.end / TICKS_PER_QUARTER
    low, high = int(notes["pitch"].min()) - 1, int(notes["pitch"].max()) + 1
    width, height = min(max(6.0, n_quarters / 5), 40.0), min(max(3.0, (high - low) / 8), 14.0)
    figure = new_figure(width, height)
    axes = figure.add_subplot()
    for pitch in range(low, high + 1):
        if pitch % 12 in _BLACK:
            axes.axhspan(pitch - 0.5, pitch + 0.5, color="0.95", zorder=0)
    colours = colormaps["tab10"]
    for part in range(score.n_parts):
        chosen = notes[notes["part"] == part]
        if not len(chosen):
            continue
        spans = np.stack([chosen["onset"], chosen["duration"]], axis=1) / TICKS_PER_QUARTER
        _draw_notes(axes, spans, chosen["pitch"], colours(part % 10), score.parts[part].name)
    bars = score.bars["onset"] / TICKS_PER_QUARTER
    for onset in bars:
        axes.axvline(onset, color="0.75", linewidth=0.6, zorder=1)
    every = max(1, len(bars) // 16)
    numbers = [str(score.bar_number(bar)) for bar in range(len(bars))]
    axes.set_xticks(bars[::every], numbers[::every])
    octaves = [pitch for pitch in range(low, high + 1) if pitch % 12 in (0, 4, 7)]
    axes.set_yticks(octaves, [f"{_NAMES[pitch % 12]}{pitch // 12 - 1}" for pitch in octaves])
    axes.set(xlim=(0, n_quarters), ylim=(low - 0.5, high + 0.5), xlabel="bar", title=score.title)
    if any(part.name for part in score.parts):
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure


def _draw_notes(
    axes: Axes,
    spans: NDArray[np.float64],
    pitches: NDArray[np.int16],
    colour: tuple[float, float, float, float],
    name: str,
) -> None:
    """Add one part's notes as a single collection of rectangles."""
    from matplotlib.collections import PolyCollection

    left, right = spans[:, 0], spans[:, 0] + spans[:, 1] - 0.04
    low, high = pitches - 0.42, pitches + 0.42
    corners = np.stack([left, low, left, high, right, high, right, low], axis=1)
    axes.add_collection(
        PolyCollection(
            list(corners.reshape(-1, 4, 2)), facecolor=colour, label=name or None, zorder=2
        )
    )
