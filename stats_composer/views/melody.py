"""Melodies as tables of integer columns, one row a note: what viewpoints look at.

Conventions
-----------
A row says what is known of a note without any model; nothing in it depends on the pitch of
this note or a later one, except `pitch` and `degree` themselves. So a model may look at every
column of the rows before, and at those of the row itself that are given to it. Ticks count as
in `score`. Notes that are tied over are one row, and rests are no rows: they are told by the
note after them.

| column | of each note |
|---|---|
| `pitch` | MIDI, 0 to 127 |
| `duration` | ticks |
| `rest` | ticks of silence since the end of the note before, of the first since tick 0 |
| `position` | ticks since the start of the full bar (`places.bar_positions`) |
| `bar` | ticks that a full bar lasts in the metre in force |
| `level` | strength of the beat, 0 to 5 (`theory.Metre.strength`) |
| `final` | 1 where the note ends a phrase (`phrases.phrase_spans`), else 0 |
| `since` | notes since the phrase began, 0 for its first |
| `tonic` | pitch class of the tonic |
| `mode` | 0 major, 1 minor, -1 not told |
| `degree` | (pitch - tonic) mod 12 |
| `bass` | lowest pitch of the other voices that sounds with its onset, -1 where there is none |
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.score import (
    NOTE_DTYPE,
    Score,
    bar_positions,
    beat_levels,
    make_table,
    metre_of,
    natural_fifths,
    phrase_spans,
    respell,
)
from stats_composer.theory import MINOR, UNKNOWN_MODE
from stats_composer.views.grid import REST, line

__all__ = ["MELODY_DTYPE", "melody_table", "write_melody"]

MELODY_DTYPE = np.dtype(
    [
        (name, np.int64)
        for name in (
            "pitch",
            "duration",
            "rest",
            "position",
            "bar",
            "level",
            "final",
            "since",
            "tonic",
            "mode",
            "degree",
            "bass",
        )
    ]
)

Ints = NDArray[np.int64]


def _bar_lengths(score: Score, onset: Ints) -> Ints:
    """Return the ticks of a full bar in the metre of each onset."""
    metres = score.time_signatures
    row = np.maximum(np.searchsorted(metres["onset"], onset, side="right") - 1, 0)
    bars: Ints = np.array([metre_of(metre).bar for metre in metres], np.int64)[row]
    return bars


def melody_table(
    score: Score, part: int = 0, voice: int = 0, *, key: tuple[int, int] | None = None
) -> NDArray[np.void]:
    """List the notes of one voice as rows of `MELODY_DTYPE`.

    Parameters
    ----------
    score : Score
    part, voice : int
    key : (tonic fifths, mode), optional
        By default what the key signatures say, major where the mode is not told, and C without
        one. Nothing is estimated from the notes, which would tell the first ones of the last:
        for that pass `places.keys(score)[0][1:]`.

    Returns
    -------
    ndarray of shape (n_notes,), MELODY_DTYPE, of the top notes as `views.line` has them

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> table = melody_table(Score(make_notes(onset=[0, 10080, 30240], pitch=[67, 64, 60])))
    >>> table["degree"].tolist(), table["rest"].tolist(), table["position"].tolist()
    ([7, 4, 0], [0, 0, 10080], [0, 10080, 30240])
    """
    notes = _join_ties(line(score, part, voice))
    if not len(notes):
        return np.zeros(0, MELODY_DTYPE)
    onset, end = notes["onset"], notes["onset"] + notes["duration"]
    tonic, mode = _keys(score, onset) if key is None else key
    tonic = np.asarray(tonic) * 7 % 12
    final = np.isin(end, [stop for _, stop in phrase_spans(score.select(part, voice))])
    rest, degree = onset - np.append(0, end[:-1]), (notes["pitch"] - tonic) % 12
    return make_table(
        MELODY_DTYPE, pitch=notes["pitch"], duration=notes["duration"], rest=rest,
        position=bar_positions(score, onset), bar=_bar_lengths(score, onset),
        level=beat_levels(score, onset), final=final, since=_since(final), tonic=tonic,
        mode=mode, degree=degree, bass=_bass(score, part, voice, onset),
    )  # fmt: skip


def write_melody(table: NDArray[np.void], page: Score, part: int = 0, voice: int = 0) -> Score:
    """Write rows on a page as one voice: the inverse of `melody_table`.

    Parameters
    ----------
    table : ndarray of MELODY_DTYPE
        `pitch`, `duration` and `rest` are read.
    page : Score
        What stays of it are its marks, parts, texts and end; its notes are replaced.
    part, voice : int

    Returns
    -------
    Score
        Spelled in the key in force.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> score = Score(make_notes(onset=[0, 10080, 30240], pitch=[67, 64, 60]))
    >>> write_melody(melody_table(score), score) == score
    True
    """
    notes = make_table(
        NOTE_DTYPE,
        onset=np.cumsum(table["rest"] + table["duration"]) - table["duration"],
        duration=table["duration"],
        pitch=table["pitch"],
        fifths=natural_fifths(table["pitch"]),
        part=part,
        voice=voice,
        velocity=80,
    )
    return respell(page.replace(notes=notes))


def _join_ties(notes: NDArray[np.void]) -> NDArray[np.void]:
    """Lengthen a note by those that go on with it after a cut."""
    goes_on = notes["tied"].copy()
    if not goes_on.any():
        return notes
    end = notes["onset"] + notes["duration"]
    goes_on[0] = False
    goes_on[1:] &= (notes["pitch"][1:] == notes["pitch"][:-1]) & (notes["onset"][1:] == end[:-1])
    first = np.flatnonzero(~goes_on)
    joined: NDArray[np.void] = notes[first].copy()
    joined["duration"] = np.add.reduceat(notes["duration"], first)
    return joined


def _keys(score: Score, onset: Ints) -> tuple[Ints, Ints]:
    """Tonic on the line of fifths and mode at each onset, as the signatures tell them."""
    marks = score.key_signatures
    if not len(marks):
        return np.zeros(len(onset), np.int64), np.full(len(onset), UNKNOWN_MODE)
    mark = marks[np.maximum(np.searchsorted(marks["onset"], onset, side="right") - 1, 0)]
    tonic = mark["fifths"] + 3 * (mark["mode"] == MINOR)
    return tonic.astype(np.int64), mark["mode"].astype(np.int64)


def _since(final: NDArray[np.bool_]) -> Ints:
    starts = np.append(True, final[:-1])
    index = np.arange(len(final))
    since: Ints = index - np.maximum.accumulate(np.where(starts, index, 0))
    return since


def _bass(score: Score, part: int, voice: int, onset: Ints) -> Ints:
    notes = score.notes
    others = notes[(notes["part"] != part) | (notes["voice"] != voice)]
    bass = np.full(len(onset), 128, np.int64)
    first = np.searchsorted(onset, others["onset"])
    last = np.searchsorted(onset, others["onset"] + others["duration"])
    for start, stop, pitch in zip(first, last, others["pitch"], strict=True):
        bass[start:stop] = np.minimum(bass[start:stop], pitch)
    return np.where(bass == 128, REST, bass)
