"""Piano rolls: velocities by time and pitch; and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.score import Score, make_notes, respell

__all__ = [
    "from_pianoroll",
    "pianoroll",
]

Ints = NDArray[np.int64]


def pianoroll(score: Score, step: int, part: int | None = None) -> NDArray[np.uint8]:
    """Draw a score as the time by pitch array of velocities of pypianoroll.

    Parameters
    ----------
    score : Score
    step : int
        Ticks a row: `TICKS_PER_QUARTER // resolution`.
    part : int, optional
        One part alone; by default all of them, the louder note where two meet.

    Returns
    -------
    ndarray of shape (n_steps, 128), uint8, in [0, 127]
        0 is silence. Before a pitch that is struck again at once, the last row of the note
        before is silent, unless that is all it has.

    References
    ----------
    Dong, Hsiao, Yang (2018), "Pypianoroll", ISMIR late-breaking demos.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> roll = pianoroll(Score(make_notes(onset=[0, 10080], pitch=[60, 64])), 10080)
    >>> roll.shape, np.argwhere(roll).tolist()
    ((4, 128), [[0, 60], [1, 64]])
    """
    notes = score.notes if part is None else score.notes[score.notes["part"] == part]
    roll = np.zeros((-(-score.end // step), 128), np.uint8)
    first = np.minimum(np.rint(notes["onset"] / step).astype(np.int64), len(roll) - 1)
    last = np.maximum((notes["onset"] + notes["duration"]) // step, first + 1)
    for start, stop, note in zip(first, last, notes, strict=True):
        rows = roll[start:stop, note["pitch"]]
        np.maximum(rows, max(int(note["velocity"]), 1), out=rows)
    struck = np.zeros(roll.shape, np.bool_)
    struck[first, notes["pitch"]] = ~notes["tied"]
    roll[1:-1][(roll[1:-1] > 0) & ~struck[1:-1] & struck[2:]] = 0
    return roll


def from_pianoroll(roll: NDArray[np.integer], page: Score, step: int, part: int = 0) -> Score:
    """Write a piano roll on a page: every run of one pitch becomes a note.

    Parameters
    ----------
    roll : ndarray of shape (n_steps, 128), int, in [0, 127]
    page : Score
    step : int
        Ticks a row.
    part : int
        Where the notes go; all to voice 0. The velocity is that of the first row.

    Returns
    -------
    Score
        Spelled in the key in force.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080, 20160], pitch=[60, 62, 64]))
    >>> from_pianoroll(pianoroll(score, step=5040), score, step=5040).notes["pitch"].tolist()
    [60, 62, 64]
    """
    padded = np.pad(np.asarray(roll) > 0, ((1, 1), (0, 0))).astype(np.int8)
    pitch, first = np.nonzero(np.diff(padded, axis=0).T > 0)
    last = np.nonzero(np.diff(padded, axis=0).T < 0)[1]
    notes = make_notes(
        onset=first * step,
        duration=np.minimum(last * step, max(page.end, 1)) - first * step,
        pitch=pitch,
        part=part,
        velocity=np.asarray(roll)[first, pitch],
    )
    return respell(page.replace(notes=notes))
