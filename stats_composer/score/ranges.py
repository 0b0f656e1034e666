"""What a score refuses: values out of range, marks without their note; each with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stats_composer.errors import ScoreError
from stats_composer.score.tables import HELD_SPANS, JUMP_KINDS, MARKS

if TYPE_CHECKING:
    from stats_composer.score.score import Score

__all__ = ["check_ranges"]


def check_ranges(score: Score) -> None:
    """Check every range of a score whose tables are sorted and whose bars are placed.

    Raises
    ------
    ScoreError
        The first fault, with its bar and beat.
    """
    if score.bars["onset"][0] != 0 or (np.diff(score.bars["onset"]) <= 0).any():
        raise ScoreError("bars: expected rising onsets that start at tick 0")
    _check_notes(score)
    for name in MARKS:
        _check_table(score, name)
    _check_graces(score)
    _check_spans(score)
    _check_grace_numbers(score)
    onsets = set(score.bars["onset"].tolist())
    for onset, kind, *_ in score.jumps.tolist():
        if kind not in JUMP_KINDS or onset not in onsets:
            expected = f"{', '.join(JUMP_KINDS)} at a bar's onset"
            raise ScoreError(f"jump {kind!r} at tick {onset}: expected {expected}")
    tempos = score.tempos["quarters_per_minute"]
    if not (np.isfinite(tempos) & (tempos > 0)).all():
        raise ScoreError(f"tempo {tempos.min()}: expected more than 0 quarters a minute")
    for part in score.parts:
        if not 0 <= part.program <= 127:
            raise ScoreError(f"program {part.program} of {part.name!r}: expected 0 to 127")


def _check_notes(score: Score) -> None:
    notes = score.notes
    misspelled = (notes["fifths"].astype(np.int64) * 7 - notes["pitch"]) % 12 != 0
    rules = (
        ("onset", notes["onset"] < 0, "0 or more ticks"),
        ("duration", notes["duration"] <= 0, "more than 0 ticks"),
        ("pitch", (notes["pitch"] < 0) | (notes["pitch"] > 127), "0 to 127"),
        ("part", notes["part"] < 0, "0 or more"),
        ("voice", notes["voice"] < 0, "0 or more"),
        ("velocity", notes["velocity"] > 127, "0 to 127"),
        ("fifths", misspelled, "a spelling of the pitch"),
    )
    for name, wrong, expected in rules:
        if wrong.any():
            row = notes[int(np.argmax(wrong))]
            raise ScoreError(f"{name} {row[name]} at {score.place(row)}: expected {expected}")


def _check_table(score: Score, name: str) -> None:
    table = getattr(score, name)
    wrong = (table["onset"] < 0) | (table["onset"] >= score.end)
    for column in ("part", "voice", "stop_voice", "verse", "repeat", "ending", "times"):
        if column in (table.dtype.names or ()):
            wrong |= table[column] < 0
    if wrong.any():
        row = table[int(np.argmax(wrong))]
        raise ScoreError(f"{name}: {row} lies outside the score of {score.end} ticks")


def _check_graces(score: Score) -> None:
    graces = score.graces
    wrong = (graces["pitch"] < 0) | (graces["pitch"] > 127) | (graces["written"] < 0)
    wrong |= (graces["fifths"].astype(np.int64) * 7 - graces["pitch"]) % 12 != 0
    wrong |= graces["grace"] == 0
    if wrong.any():
        row = graces[int(np.argmax(wrong))]
        raise ScoreError(f"grace note {row} at {score.place(row)}: out of range")


def _check_spans(score: Score) -> None:
    spans = score.spans
    wrong = (spans["stop"] < spans["onset"]) | (spans["stop"] > score.end)
    wrong |= (spans["stop"] == score.end) & ~np.isin(spans["kind"], HELD_SPANS)
    if wrong.any():
        row = spans[int(np.argmax(wrong))]
        raise ScoreError(f"{row['kind']} at {score.place(row)}: ends at tick {row['stop']}")


def _check_grace_numbers(score: Score) -> None:
    """Refuse marks of grace notes that are not there."""
    place = ["onset", "part", "voice", "grace"]
    known = set(score.graces[place].tolist())
    told = score.note_marks[place].tolist() + score.spans[place].tolist()
    told += score.spans[["stop", "part", "stop_voice", "stop_grace"]].tolist()
    for row in told:
        if row[3] and row not in known:
            raise ScoreError(f"a mark of grace note {row[3]} at tick {row[0]}: no such note")
