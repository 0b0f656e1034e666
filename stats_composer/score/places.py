"""Places of a score: where in its bar, on how strong a beat and in which key a tick stands.

Conventions
-----------
Ticks count from the start of the score; a position counts from the start of the full bar,
also where a pickup leaves the start of the first bar empty. Levels are those of
`theory.Metre.strength`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stats_composer.score.score import Score
from stats_composer.score.tables import metre_of
from stats_composer.theory import (
    MINOR,
    TICKS_PER_QUARTER,
    UNKNOWN_MODE,
    estimate_key,
    spell,
)

__all__ = ["bar_positions", "beat_levels", "keys", "respell", "seconds"]

Ints = NDArray[np.int64]

DEFAULT_TEMPO = 120.0
"""Quarters a minute of a score that names no tempo: MIDI's default."""


def bar_positions(score: Score, ticks: NDArray[np.integer]) -> Ints:
    """Return the ticks since the start of the full bar that holds each tick.

    A pickup stands at the end of its bar; a bar divided by a repeat sign runs on.

    Parameters
    ----------
    score : Score
    ticks : ndarray of int

    Returns
    -------
    ndarray of ticks's shape, int64

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0], duration=[80640], pitch=[60]))
    >>> bar_positions(score, np.array([0, 10080, 40320])).tolist()
    [0, 10080, 0]
    """
    onsets = score.bars["onset"]
    bar = np.maximum(np.searchsorted(onsets, ticks, side="right") - 1, 0)
    position: Ints = np.asarray(ticks, np.int64) - onsets[bar] + score.bar_offsets[bar]
    return position


def beat_levels(score: Score, ticks: NDArray[np.integer]) -> NDArray[np.int8]:
    """Weigh ticks by their place in the bar, as `theory.Metre.strength` does.

    Returns
    -------
    ndarray of ticks's shape, int8, in [0, 5]

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080, 20160], pitch=[60, 62, 64]))
    >>> beat_levels(score, np.array([0, 10080, 20160])).tolist()
    [5, 3, 4]
    """
    ticks = np.asarray(ticks, np.int64)
    levels = np.zeros(ticks.shape, np.int8)
    position = bar_positions(score, ticks)
    metres = score.time_signatures
    row = np.searchsorted(metres["onset"], ticks, side="right") - 1
    for index in np.unique(row):
        chosen = row == index
        levels[chosen] = metre_of(metres[index]).strength(position[chosen])
    return levels


def seconds(score: Score, ticks: ArrayLike) -> NDArray[np.float64]:
    """Tell when ticks are heard, following the score's tempos.

    Parameters
    ----------
    score : Score
        Before its first tempo the first one holds; without any, `DEFAULT_TEMPO`.
    ticks : array_like of int

    Returns
    -------
    ndarray of float64, seconds

    Examples
    --------
    >>> from stats_composer.score import TEMPO_DTYPE, Score, make_notes, make_table
    >>> tempos = make_table(TEMPO_DTYPE, [(0, 60.0), (20160, 120.0)])
    >>> score = Score(make_notes(onset=[0], pitch=[60]), tempos=tempos)
    >>> seconds(score, [0, 10080, 40320]).tolist()
    [0.0, 1.0, 3.0]
    """
    onset = score.tempos["onset"] if len(score.tempos) else np.zeros(1, np.int64)
    tempo = score.tempos["quarters_per_minute"] if len(score.tempos) else np.array([DEFAULT_TEMPO])
    onset = np.concatenate([[0], onset[1:]])
    tick_seconds = 60.0 / (tempo * TICKS_PER_QUARTER)
    reached = np.concatenate([[0.0], np.cumsum(np.diff(onset) * tick_seconds[:-1])])
    ticks = np.asarray(ticks, np.int64)
    row = np.searchsorted(onset, ticks, side="right") - 1
    heard: NDArray[np.float64] = reached[row] + (ticks - onset[row]) * tick_seconds[row]
    return heard


def keys(score: Score) -> list[tuple[int, int, int]]:
    """List the keys of a score: (onset, tonic fifths, mode).

    What the key signatures leave open is estimated from the notes under them: the mode
    where it is unknown, and the key where there is no signature.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> keys(Score(make_notes(onset=[0, 10080, 20160, 30240], pitch=[67, 71, 74, 67])))
    [(0, 1, 0)]
    """
    notes = score.notes
    signatures = score.key_signatures
    onsets = [0] if not len(signatures) else [int(onset) for onset in signatures["onset"]]
    if onsets[0] > 0:
        onsets = [0, *onsets]
    found = []
    for start, stop in zip(onsets, [*onsets[1:], score.end + 1], strict=True):
        under = notes[(notes["onset"] >= start) & (notes["onset"] < stop)]
        mark = score.mark_at("key_signatures", start)
        if mark is not None and mark["mode"] != UNKNOWN_MODE:
            tonic, mode = int(mark["fifths"]) + 3 * int(mark["mode"] == MINOR), int(mark["mode"])
        else:
            fifths = None if mark is None else int(mark["fifths"])
            tonic, mode = estimate_key(
                under["pitch"], under["duration"], under["onset"], signature=fifths
            )
        found.append((start, tonic, mode))
    return found


def respell(score: Score) -> Score:
    """Spell every note anew in the key in force at its onset, by `theory.spell`.

    Parameters
    ----------
    score : Score

    Examples
    --------
    >>> from stats_composer.score import KEY_SIGNATURE_DTYPE, make_notes, make_table
    >>> flats = make_table(KEY_SIGNATURE_DTYPE, [(0, -4, 0)])
    >>> score = Score(make_notes(onset=[0], pitch=[68]), key_signatures=flats)
    >>> respell(score).notes["fifths"].tolist()  # A flat
    [-4]
    """
    notes = score.notes.copy()
    spans = keys(score)
    starts = np.array([start for start, _, _ in spans])
    row = np.searchsorted(starts, notes["onset"], side="right") - 1
    for index, (_, tonic, mode) in enumerate(spans):
        chosen = row == index
        notes["fifths"][chosen] = spell(notes["pitch"][chosen], tonic, mode)
    return score.replace(notes=notes)
