"""Closed score: a choir on two staves, its upper voices on one and its lower on the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stats_composer.errors import ScoreError
from stats_composer.score.score import Part, Score
from stats_composer.score.tables import PART_TABLES, VOICE_COLUMNS

__all__ = ["closed_score"]


def closed_score(score: Score) -> Score:
    """Return a score of parts of one voice each on two staves, each a part.

    Raises
    ------
    ScoreError
        If a part has several voices, or there is one part alone.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> notes = make_notes(onset=[0] * 3, pitch=[72, 64, 48], part=[0, 1, 2])
    >>> closed = closed_score(Score(notes, parts=(Part("Soprano"), Part("Alto"), Part("Bass"))))
    >>> [part.name for part in closed.parts], closed.voices
    (['Soprano Alto', 'Bass'], [(0, 0), (0, 1), (1, 0)])
    """
    n_parts = score.n_parts
    if n_parts < 2 or len(score.voices) != n_parts:
        raise ScoreError("two staves: expected several parts, each of one voice")
    n_upper = -(-n_parts // 2)
    tables: dict[str, Any] = {}
    for name in PART_TABLES:
        table = getattr(score, name).copy()
        lower = table["part"] >= n_upper
        for column in VOICE_COLUMNS.intersection(table.dtype.names):
            table[column] = table["part"] - n_upper * lower
        table["part"] = lower
        tables[name] = table
    staves = score.parts[:n_upper], score.parts[n_upper:]
    named = (Part(" ".join(p.name for p in parts), parts[0].program) for parts in staves)
    return replace(score, parts=tuple(named), **tables)
