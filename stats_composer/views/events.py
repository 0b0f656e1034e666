"""Events: a row a note, voice by voice, with the time since the note before; and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.score import NOTE_DTYPE, Score, make_table

__all__ = [
    "EVENT_DTYPE",
    "events",
    "from_events",
]

Ints = NDArray[np.int64]


EVENT_DTYPE = np.dtype(
    [
        ("part", np.int16),
        ("voice", np.int16),
        ("onset", np.int64),
        ("shift", np.int64),
        ("duration", np.int64),
        ("pitch", np.int16),
        ("fifths", np.int8),
        ("velocity", np.uint8),
        ("tied", np.bool_),
    ]
)


def events(score: Score) -> NDArray[np.void]:
    """List the notes voice by voice, each with the time since the one before.

    Parameters
    ----------
    score : Score

    Returns
    -------
    ndarray of EVENT_DTYPE
        Sorted by part, voice, onset and pitch. `shift` is the ticks from the onset before in
        the same voice, from tick 0 for its first note, and 0 within a chord.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080, 30240], pitch=[60, 62, 64]))
    >>> events(score)["shift"].tolist()
    [0, 10080, 20160]
    """
    notes = score.notes[np.lexsort([score.notes[k] for k in ("pitch", "onset", "voice", "part")])]
    names = [name for name in EVENT_DTYPE.names or () if name != "shift"]
    table = make_table(EVENT_DTYPE, **{name: notes[name] for name in names})
    shift = np.diff(notes["onset"], prepend=0)
    first = np.ones(len(notes), np.bool_)
    first[1:] = (notes["part"][1:] != notes["part"][:-1]) | (
        notes["voice"][1:] != notes["voice"][:-1]
    )
    table["shift"] = np.where(first, notes["onset"], shift)
    return table


def from_events(table: NDArray[np.void], page: Score) -> Score:
    """Write events on a page: the inverse of `events`.

    Parameters
    ----------
    table : ndarray of EVENT_DTYPE
        In the order of `events`; onsets are taken from `shift`, so that a sequence of shifts
        and durations is enough.
    page : Score
        What stays of it are its marks, parts, texts and end; its notes are replaced.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080, 20160], pitch=[60, 62, 64]))
    >>> from_events(events(score), score) == score
    True
    """
    names = [name for name in NOTE_DTYPE.names or () if name != "onset"]
    notes = make_table(NOTE_DTYPE, **{name: table[name] for name in names})
    for part, voice in np.unique(table[["part", "voice"]]):
        chosen = (table["part"] == part) & (table["voice"] == voice)
        notes["onset"][chosen] = np.cumsum(table["shift"][chosen])
    return page.replace(notes=notes)
