"""Measures of single lines: intervals, range, rhythm; and of the tune: phrases and motifs.

Conventions
-----------
* An interval stands between notes that follow each other without a rest.
* The tune is the top line. Phrases are compared by pitch and rhythm from their first note to
  their last, whose length does not matter; motifs are five notes in a row, by their intervals.
  Its leaps are those within phrases.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from stats_composer.evaluation.measures import Found, Hit, Measure, measure
from stats_composer.evaluation.reading import Reading

__all__ = ["LINES", "TUNES"]

LINES: list[Measure] = []
TUNES: list[Measure] = []

FIFTH, MINOR_SEVENTH, OCTAVE = 7, 10, 12
AUGMENTED_SECOND = 9
"""Places on the line of fifths."""
MOTIF = 5
SEVEN_BEATS = 7


def _intervals(reading: Reading, columns: list[int], test: Callable[[int, int], bool]) -> Found:
    """Count intervals (semitones, fifths) of some lines that pass a test, repeats left aside."""
    n, hits = 0, []
    for column in columns:
        notes = reading.lines[column]
        joined = notes["onset"][1:] == (notes["onset"] + notes["duration"])[:-1]
        steps = np.diff(notes["pitch"].astype(np.int64))
        fifths = np.diff(notes["fifths"].astype(np.int64))
        moved = joined & (steps != 0)
        n += int(moved.sum())
        for row in np.flatnonzero(moved).tolist():
            if test(int(steps[row]), int(fifths[row])):
                hits.append(Hit(int(notes["onset"][row + 1]), (column,)))
    return Found(n, hits)


def _every(reading: Reading) -> list[int]:
    return list(range(len(reading.lines)))


def _bass(reading: Reading) -> list[int]:
    return [len(reading.lines) - 1] if len(reading.lines) > 1 else []


def _tune_leaps(reading: Reading, least: int) -> Found:
    """Find intervals of the tune from so many semitones on, within phrases."""
    starts = {phrase.start for phrase in reading.phrases}
    tune = _every(reading)[:1]
    every = [
        hit for hit in _intervals(reading, tune, lambda *_: True).hits if hit.tick not in starts
    ]
    wide = _intervals(reading, tune, lambda step, _: abs(step) >= least).hits
    return Found(len(every), [hit for hit in wide if hit.tick not in starts])


@measure(TUNES, "tune", "intervals of the tune over a tone")
def _leaps(reading: Reading) -> Found:
    return _tune_leaps(reading, 3)


@measure(
    TUNES,
    "tune",
    "intervals of the tune of a seventh and more",
    fault="a leap of a seventh or more",
)
def _sevenths_and_more(reading: Reading) -> Found:
    return _tune_leaps(reading, MINOR_SEVENTH)


@measure(
    LINES,
    "intervals",
    "augmented seconds, by 1,000 intervals",
    per=1000,
    fault="an augmented second",
)
def _augmented_seconds(reading: Reading) -> Found:
    return _intervals(
        reading, _every(reading), lambda s, f: abs(s) == 3 and abs(f) == AUGMENTED_SECOND
    )


@measure(LINES, "intervals", "intervals of inner voices over a fifth")
def _inner_leaps(reading: Reading) -> Found:
    return _intervals(reading, _every(reading)[1:-1], lambda step, _: abs(step) > FIFTH)


@measure(LINES, "bass", "intervals of the bass: fourths and fifths")
def _bass_fourths_fifths(reading: Reading) -> Found:
    return _intervals(reading, _bass(reading), lambda step, _: abs(step) in (5, 7))


@measure(LINES, "bass", "intervals of the bass: octaves")
def _bass_octaves(reading: Reading) -> Found:
    return _intervals(reading, _bass(reading), lambda step, _: abs(step) == OCTAVE)


@measure(LINES, "rhythm", "notes that repeat the one before")
def _repeated_notes(reading: Reading) -> Found:
    n, hits = 0, []
    for column, notes in enumerate(reading.lines):
        joined = notes["onset"][1:] == (notes["onset"] + notes["duration"])[:-1]
        n += int(joined.sum())
        again = joined & (np.diff(notes["pitch"]) == 0)
        hits += [Hit(int(tick), (column,)) for tick in notes["onset"][1:][again]]
    return Found(n, hits)


# ---- rhythm -----------------------------------------------------------------------------


def _cells(reading: Reading, columns: list[int], chosen: Callable[[int], bool]) -> Found:
    n, hits = 0, []
    for column in columns:
        every = reading.cells[column]
        n += len(every)
        hits += [Hit(tick, (column,)) for tick, cell in every if chosen(cell)]
    return Found(n, hits)


@measure(LINES, "bass", "beats that the bass divides")
def _bass_divides(reading: Reading) -> Found:
    return _cells(reading, _bass(reading), lambda cell: cell & ~8 > 0)


@measure(LINES, "rhythm", "tied eighth and two sixteenths, by 100 beats of a voice")
def _tied_eighth_sixteenths(reading: Reading) -> Found:
    return _cells(reading, _every(reading), lambda cell: cell == 0b0011)


@measure(LINES, "rhythm", "dotted eighth and sixteenth, by 100 beats of a voice")
def _dotted_eighths(reading: Reading) -> Found:
    return _cells(reading, _every(reading), lambda cell: cell == 0b1001)


@measure(LINES, "rhythm", "sonorities at which a voice rests")
def _rests(reading: Reading) -> Found:
    n, hits = 0, []
    for column in range(len(reading.lines)):
        sounding = np.flatnonzero(reading.pitch[:, column] >= 0)
        inside = np.arange(sounding[0], sounding[-1] + 1)
        n += len(inside)
        silent = inside[reading.pitch[inside, column] < 0]
        hits += [Hit(int(tick), (column,)) for tick in reading.onset[silent]]
    return Found(n, hits)


# ---- the tune ---------------------------------------------------------------------------


@measure(TUNES, "form", "pieces with an upbeat")
def _upbeat(reading: Reading) -> Found:
    if not reading.lines:
        return Found(0, [])
    first = int(reading.onset[0])
    return Found(1, [Hit(first)] if reading.score.bar_offsets[0] or first else [])


@measure(TUNES, "form", "phrases of seven beats")
def _phrases_of_seven(reading: Reading) -> Found:
    hits = [
        Hit(phrase.start)
        for phrase in reading.phrases
        if phrase.end - phrase.start == SEVEN_BEATS * reading.score.metre_at(phrase.onset).beat
    ]
    return Found(len(reading.phrases), hits)


@measure(TUNES, "form", "phrase ends in 4/4 on beat 3")
def _end_on_third_beat(reading: Reading) -> Found:
    ends = [p.onset for p in reading.phrases if reading.score.metre_at(p.onset) == (4, 4)]
    return Found(len(ends), [Hit(tick) for tick in ends if reading.score.where(tick).beat == 3])


def _phrase_notes(reading: Reading) -> list[tuple[int, NDArray[np.void]]]:
    found = []
    for phrase in reading.phrases:
        onset = reading.lines[0]["onset"]
        inside = (onset >= phrase.start) & (onset <= phrase.onset)
        found.append((phrase.start, reading.lines[0][inside]))
    return found


@measure(TUNES, "form", "pieces in which a phrase comes back")
def _phrase_returns(reading: Reading) -> Found:
    seen, hits = set(), []
    for start, notes in _phrase_notes(reading):
        shape = tuple(notes["pitch"].tolist()), tuple((notes["onset"] - start).tolist())
        if shape in seen and len(notes) > 1:
            hits.append(Hit(start, (0,)))
        seen.add(shape)
    return Found(int(bool(reading.phrases)), hits[:1])


@measure(TUNES, "form", "pairs of phrases of one rhythm")
def _phrases_of_one_rhythm(reading: Reading) -> Found:
    shapes = [(start, (notes["onset"] - start).tolist()) for start, notes in _phrase_notes(reading)]
    pairs = list(combinations(shapes, 2))
    return Found(len(pairs), [Hit(b[0], (0,)) for a, b in pairs if a[1] == b[1]])


@measure(TUNES, "form", "motifs of five notes heard before")
def _motifs_return(reading: Reading) -> Found:
    if not reading.lines:
        return Found(0, [])
    line = reading.lines[0]
    moves = np.diff(line["pitch"].astype(np.int64)).tolist()
    seen: set[tuple[int, ...]] = set()
    hits = []
    for i in range(len(moves) - MOTIF + 2):
        motif = tuple(moves[i : i + MOTIF - 1])
        if motif in seen:
            hits.append(Hit(int(line["onset"][i]), (0,)))
        seen.add(motif)
    return Found(max(len(moves) - MOTIF + 2, 0), hits)


@measure(
    TUNES, "tune", "leaps over a fifth that go on the same way", fault="a leap goes on the same way"
)
def _leaps_unanswered(reading: Reading) -> Found:
    n, hits = 0, []
    for column in _every(reading)[:1]:
        notes = reading.lines[column]
        steps = np.diff(notes["pitch"].astype(np.int64)).tolist()
        for row, (leap, after) in enumerate(pairwise(steps)):
            if abs(leap) > FIFTH:
                n += 1
                if leap * after > 0 and abs(after) > 2:
                    hits.append(Hit(int(notes["onset"][row + 1]), (column,)))
    return Found(n, hits)
