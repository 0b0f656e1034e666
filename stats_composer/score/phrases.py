"""Phrases of a melody: where they end.

A phrase ends in its final note: the one under a fermata, or else the last before a rest or
a long note where a breath is due.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.score.score import Score
from stats_composer.score.tables import metre_of

__all__ = [
    "phrase_spans",
]

Ints = NDArray[np.int64]

MIN_PHRASE_BEATS = 4


def phrase_spans(score: Score) -> list[tuple[int, int]]:
    """Find the final note of each phrase of a `score`, as (onset, end) in ticks, rising.

    Fermatas over the first voice decide where there are any. Else a phrase ends with a note before
    a rest, or with one at least as long as two beats and twice the median, once it lasted four
    beats. The last note always ends one.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> length = np.array([1, 1, 1, 1, 4, 1, 1, 2]) * 10080
    >>> onset, pitch = np.cumsum(length) - length, 60 + np.arange(8)
    >>> tune = make_notes(onset=onset, duration=length, pitch=pitch)
    >>> phrase_spans(Score(tune))
    [(40320, 80640), (100800, 120960)]
    """
    notes = score.notes
    if not len(notes):
        return []
    first_part, first_voice = int(notes["part"].min()), 0
    line = notes[notes["part"] == first_part]
    first_voice = int(line["voice"].min())
    line = line[line["voice"] == first_voice]
    end = line["onset"] + line["duration"]
    final = _under_fermatas(score, line) if len(score.fermatas) else _before_breaths(score, line)
    final[-1] = True
    return [(int(a), int(b)) for a, b in zip(line["onset"][final], end[final], strict=True)]


def _under_fermatas(score: Score, line: NDArray[np.void]) -> NDArray[np.bool_]:
    final = np.zeros(len(line), np.bool_)
    for onset in np.unique(score.fermatas["onset"]):
        final |= (line["onset"] <= onset) & (onset < line["onset"] + line["duration"])
    return final


def _before_breaths(score: Score, line: NDArray[np.void]) -> NDArray[np.bool_]:
    beat = metre_of(score.time_signatures[0]).beat
    end = line["onset"] + line["duration"]
    rest_after = np.append(line["onset"][1:] - end[:-1], 0) > 0
    long = line["duration"] >= 2 * max(beat, float(np.median(line["duration"])))
    final = np.zeros(len(line), np.bool_)
    start = int(line["onset"][0])
    for i in np.flatnonzero(rest_after | long):
        if end[i] - start >= MIN_PHRASE_BEATS * beat:
            final[i] = True
            start = int(end[i])
    return final
