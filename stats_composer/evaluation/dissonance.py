"""Measures of dissonance: suspensions, notes off the beat, sevenths.

Conventions
-----------
* A note is dissonant against a lower or upper line at a second, a seventh or a tritone, and
  against the lowest at a fourth too, compound intervals included.
* A suspension is a note that sounds on a beat, had its pitch before it (held over, or struck
  again), and is dissonant there against a line that was just struck, where no chord sounds.
* A note is left by the next note of its line; a rest between breaks the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from stats_composer.evaluation.measures import Found, Hit, Measure, measure
from stats_composer.evaluation.reading import Reading

__all__ = ["BEAT_LEVEL", "DISSONANCE", "STEP", "Turn", "dissonant_against", "suspensions", "turns"]

DISSONANCE: list[Measure] = []

CLASHES = frozenset((1, 2, 6, 10, 11))
FOURTH = 5
STEP = 2
BEAT_LEVEL = 3


class Turn(NamedTuple):
    """A note, and the ways into it and out of it.

    Attributes
    ----------
    row, column : int
        The sonority at which it starts, and its line.
    into, out : int or None
        Semitones from the note before and to the one after; None where the line is broken.
    """

    row: int
    column: int
    into: int | None
    out: int | None


def turns(reading: Reading) -> Iterator[Turn]:
    """Run through the notes of all lines, each where it starts; a repeat is a way of 0."""
    for column, notes in enumerate(reading.lines):
        onset, end = notes["onset"].tolist(), (notes["onset"] + notes["duration"]).tolist()
        pitch = notes["pitch"].tolist()
        for i, start in enumerate(onset):
            into = pitch[i] - pitch[i - 1] if i and end[i - 1] == start else None
            follows = i + 1 < len(onset) and onset[i + 1] == end[i]
            out = pitch[i + 1] - pitch[i] if follows else None
            yield Turn(reading.row_at(start), column, into, out)


def dissonant_against(reading: Reading, row: int, column: int) -> list[int]:
    """Lines that a note is dissonant against."""
    pitches = reading.pitch[row].tolist()
    own = pitches[column]
    lowest = min((p for p in pitches if p >= 0), default=own)
    found = []
    for other, pitch in enumerate(pitches):
        if pitch < 0 or other == column:
            continue
        interval = abs(own - pitch) % 12
        if interval in CLASHES or (interval == FOURTH and lowest in (own, pitch)):
            found.append(other)
    return found


def _struck(reading: Reading, row: int, column: int) -> bool:
    """Whether a line starts a note at a sonority."""
    note = int(reading.note[row, column])
    return note >= 0 and int(reading.lines[column]["onset"][note]) == int(reading.onset[row])


def _way_out(reading: Reading, column: int, note: int) -> int | None:
    """Semitones from a note to the next other pitch of its line, None where it breaks first."""
    line = reading.lines[column]
    for i in range(note, len(line) - 1):
        if line["onset"][i + 1] != line["onset"][i] + line["duration"][i]:
            return None
        if line["pitch"][i + 1] != line["pitch"][i]:
            return int(line["pitch"][i + 1]) - int(line["pitch"][i])
    return None


def suspensions(reading: Reading) -> list[tuple[Hit, int | None, bool]]:
    """List the suspensions of a piece: place, semitones of the way out, whether held over."""
    found = []
    for row in sorted(set(reading.beat_rows.tolist())):
        if row == 0 or reading.levels[row] < BEAT_LEVEL or reading.chords[row]:
            continue
        for column in range(len(reading.lines)):
            pitch = int(reading.pitch[row, column])
            if pitch < 0 or pitch != reading.pitch[row - 1, column]:
                continue
            against = dissonant_against(reading, row, column)
            if any(
                _struck(reading, row, w) and reading.pitch[row - 1, w] != reading.pitch[row, w]
                for w in against
            ):
                out = _way_out(reading, column, int(reading.note[row, column]))
                held = not _struck(reading, row, column)
                found.append((Hit(int(reading.onset[row]), (column,)), out, held))
    return found


@measure(DISSONANCE, "non-chord notes", "suspensions resolved down by step")
def _suspensions_resolved(reading: Reading) -> Found:
    every = suspensions(reading)
    return Found(len(every), [hit for hit, out, _ in every if out in (-1, -2)])


@measure(
    DISSONANCE,
    "non-chord notes",
    "suspensions left by leap or not at all",
    fault="the suspension does not resolve by step",
)
def _suspensions_unresolved(reading: Reading) -> Found:
    every = suspensions(reading)
    hits = [hit for hit, out, _ in every if out is None or abs(out) > STEP]
    return Found(len(every), hits)


@measure(DISSONANCE, "non-chord notes", "suspensions held over, not struck again")
def _suspensions_tied(reading: Reading) -> Found:
    every = suspensions(reading)
    return Found(len(every), [hit for hit, _, held in every if held])


@measure(
    DISSONANCE,
    "non-chord notes",
    "dissonances off the beat, in by step, out by leap",
    fault="a dissonance is left by leap",
)
def _left_by_leap(reading: Reading) -> Found:
    n, hits = 0, []
    for turn in turns(reading):
        if reading.levels[turn.row] >= BEAT_LEVEL or turn.into is None or turn.out is None:
            continue
        if not 0 < abs(turn.into) <= STEP or not dissonant_against(reading, *turn[:2]):
            continue
        n += 1
        if abs(turn.out) > STEP:
            hits.append(Hit(int(reading.onset[turn.row]), (turn.column,)))
    return Found(n, hits)


@measure(
    DISSONANCE,
    "non-chord notes",
    "dissonances off the beat, in by leap",
    fault="a dissonance is come to by leap",
)
def _come_to_by_leap(reading: Reading) -> Found:
    n, hits = 0, []
    for turn in turns(reading):
        if reading.levels[turn.row] >= BEAT_LEVEL or not turn.into or reading.chords[turn.row]:
            continue
        if dissonant_against(reading, turn.row, turn.column):
            n += 1
            if abs(turn.into) > STEP:
                hits.append(Hit(int(reading.onset[turn.row]), (turn.column,)))
    return Found(n, hits)


def _sevenths(reading: Reading) -> Iterator[tuple[Hit, int | None]]:
    """Run through the sevenths of dominant seventh chords, each note once, with its way out."""
    seen: set[tuple[int, int]] = set()
    for row, chord in enumerate(reading.chords):
        if chord is None or chord.quality != "7":
            continue
        for column, pitch in enumerate(reading.pitch[row].tolist()):
            note = int(reading.note[row, column])
            if pitch % 12 == (chord.root + 10) % 12 and pitch >= 0 and (column, note) not in seen:
                seen.add((column, note))
                yield Hit(int(reading.onset[row]), (column,)), _way_out(reading, column, note)


@measure(DISSONANCE, "non-chord notes", "sevenths of V7 down by step")
def _seventh_down(reading: Reading) -> Found:
    every = list(_sevenths(reading))
    return Found(len(every), [hit for hit, out in every if out in (-1, -2)])


@measure(
    DISSONANCE,
    "non-chord notes",
    "sevenths of V7 left by leap",
    fault="the seventh is left by leap",
)
def _seventh_left_by_leap(reading: Reading) -> Found:
    every = list(_sevenths(reading))
    return Found(len(every), [hit for hit, out in every if out is not None and abs(out) > STEP])
