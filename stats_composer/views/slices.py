"""Slices: spans in which the set of what sounds is constant."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.score import Score, beat_levels, make_table
from stats_composer.views.grid import REST

__all__ = [
    "SLICE_DTYPE",
    "slices",
]

Ints = NDArray[np.int64]


SLICE_DTYPE = np.dtype(
    [
        ("onset", np.int64),
        ("duration", np.int64),
        ("bass", np.int16),
        ("level", np.int8),
        ("sounding", np.bool_, 128),
        ("struck", np.bool_, 128),
    ]
)


def slices(score: Score) -> NDArray[np.void]:
    """Cut a score where anything starts or stops: spans in which the sounding set is constant.

    Parameters
    ----------
    score : Score

    Returns
    -------
    ndarray of SLICE_DTYPE
        From tick 0 to the end, silences included. `bass` is the lowest pitch or REST, `level`
        the metrical strength of the onset (`theory.Metre.strength`), `sounding` and `struck`
        mark MIDI pitches.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080], duration=[20160, 10080], pitch=[60, 64]))
    >>> [(int(s["onset"]), np.flatnonzero(s["sounding"]).tolist()) for s in slices(score)]
    [(0, [60]), (10080, [60, 64]), (20160, [])]
    """
    notes = score.notes
    stop = notes["onset"] + notes["duration"]
    cuts = np.unique(np.concatenate([[0, score.end], notes["onset"], stop]))
    table = make_table(SLICE_DTYPE, onset=cuts[:-1], duration=np.diff(cuts), bass=REST)
    first, last = np.searchsorted(cuts, notes["onset"]), np.searchsorted(cuts, stop)
    change = np.zeros((len(cuts), 128), np.int64)
    np.add.at(change, (first, notes["pitch"]), 1)
    np.add.at(change, (last, notes["pitch"]), -1)
    table["sounding"] = np.cumsum(change[:-1], axis=0) > 0
    table["struck"][first[~notes["tied"]], notes["pitch"][~notes["tied"]]] = True
    heard = table["sounding"].any(axis=1)
    table["bass"][heard] = table["sounding"][heard].argmax(axis=1)
    table["level"] = beat_levels(score, table["onset"])
    return table
