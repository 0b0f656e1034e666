"""Measures of how voices go together: parallels, crossings, spacing, spelling, cross relations.

Conventions
-----------
* Parallels: two lines both move, the same way, from a perfect fifth, octave or unison, compound
  ones included, to another of the same kind; compared from eighth to eighth (a third of a
  dotted beat) or from beat to beat, where what lies between may hide them.
* Lines cross where one sounds above its upper neighbour; they overlap where one moves beyond
  the pitch that its neighbour has just left.
* Two neighbours of the upper lines are too far apart above an octave.
* A cross relation: a letter has two accidentals in two lines on neighbouring beats, and no line
  makes the chromatic step itself.
"""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from stats_composer.evaluation.measures import Found, Hit, Measure, measure
from stats_composer.evaluation.reading import Reading

__all__ = ["LEADING", "find_parallels"]

LEADING: list[Measure] = []

Ints = NDArray[np.int64]
PERFECT = (0, 7)
OCTAVE = 12
RANGES = (57, 81), (53, 74), (48, 69), (36, 64)
"""Of soprano, alto, tenor and bass, MIDI pitches: what Bach's chorales ask of them."""


def find_parallels(pitch: Ints) -> list[tuple[int, int, int]]:
    """Find the parallels between all pairs of lines.

    Parameters
    ----------
    pitch : ndarray of shape (n_rows, n_lines), int64, negative for a rest

    Returns
    -------
    list of (row, line, line)
        The row at which the second interval sounds.

    Examples
    --------
    >>> find_parallels(np.array([[67, 60], [69, 62], [69, 60]]))
    [(1, 0, 1)]
    """
    found = []
    for v, w in combinations(range(pitch.shape[1]), 2):
        one, two = pitch[:, v], pitch[:, w]
        there = (one >= 0) & (two >= 0)
        similar = np.diff(one) * np.diff(two) > 0
        interval = (one - two) % 12
        same = (interval[:-1] == interval[1:]) & np.isin(interval[1:], PERFECT)
        rows = np.flatnonzero(there[:-1] & there[1:] & similar & same) + 1
        found += [(int(row), v, w) for row in rows]
    return sorted(found)


def _several(reading: Reading) -> bool:
    return len(reading.lines) > 1


def _moved_in_parallel(reading: Reading, ticks: Ints) -> list[Hit]:
    """Find the parallels from tick to tick."""
    rows = np.array([reading.row_at(tick) for tick in ticks.tolist()], np.int64)
    found = find_parallels(reading.pitch[rows])
    names = {0: "parallel octaves", 7: "parallel fifths"}
    pitch = reading.pitch[rows]
    return [
        Hit(int(ticks[row]), (v, w), names[int(pitch[row, v] - pitch[row, w]) % OCTAVE])
        for row, v, w in found
    ]


@measure(
    LEADING,
    "parallels",
    "parallel fifths and octaves, eighth to eighth, by 100 notes",
    fault="parallel fifths or octaves",
)
def _parallels(reading: Reading) -> Found:
    parts = []
    for tick, stop in reading.beat_spans:
        metre = reading.score.metre_at(tick)
        parts.append(np.arange(tick, stop, metre.beat // (3 if metre.is_compound else 2)))
    n = sum(len(notes) for notes in reading.lines) * _several(reading)
    return Found(n, _moved_in_parallel(reading, np.concatenate([np.zeros(0, np.int64), *parts])))


@measure(
    LEADING,
    "parallels",
    "parallel fifths and octaves, beat to beat, by 100 beats",
    fault="parallel fifths or octaves from beat to beat",
)
def _parallels_on_beats(reading: Reading) -> Found:
    hits = _moved_in_parallel(reading, reading.beats)
    return Found(len(reading.beats) * _several(reading), hits)


@measure(
    LEADING,
    "spacing",
    "crossings of neighbours, by 100 sonorities and pairs",
    fault="the voices cross",
)
def _crossings(reading: Reading) -> Found:
    n, hits = 0, []
    for v in range(len(reading.lines) - 1):
        upper, lower = reading.pitch[:, v], reading.pitch[:, v + 1]
        n += int(((upper >= 0) & (lower >= 0)).sum())
        crossed = (upper >= 0) & (lower > upper)
        begins = crossed & ~np.concatenate([[False], crossed[:-1]])
        hits += [Hit(int(tick), (v, v + 1)) for tick in reading.onset[begins]]
    return Found(n, hits)


@measure(
    LEADING,
    "spacing",
    "overlaps of neighbours, by 100 moves and pairs",
    fault="a voice moves beyond where its neighbour was",
)
def _overlaps(reading: Reading) -> Found:
    n, hits = 0, []
    pitch = reading.pitch
    for v in range(len(reading.lines) - 1):
        upper, lower = pitch[:, v], pitch[:, v + 1]
        there = (upper[:-1] >= 0) & (upper[1:] >= 0) & (lower[:-1] >= 0) & (lower[1:] >= 0)
        n += int(there.sum())
        crossed = (lower[1:] > upper[1:]) | (lower[:-1] > upper[:-1])
        over = there & ~crossed & ((lower[1:] > upper[:-1]) | (upper[1:] < lower[:-1]))
        hits += [Hit(int(tick), (v, v + 1)) for tick in reading.onset[1:][over]]
    return Found(n, hits)


@measure(
    LEADING,
    "spacing",
    "upper neighbours over an octave apart, by 100 sonorities",
    fault="more than an octave between the voices",
)
def _spacing(reading: Reading) -> Found:
    n, hits = 0, []
    for v in range(len(reading.lines) - 2):
        upper, lower = reading.pitch[:, v], reading.pitch[:, v + 1]
        there = (upper >= 0) & (lower >= 0)
        n += int(there.sum())
        wide = there & (upper - lower > OCTAVE)
        begins = wide & ~np.concatenate([[False], wide[:-1]])
        hits += [Hit(int(tick), (v, v + 1)) for tick in reading.onset[begins]]
    return Found(n, hits)


@measure(LEADING, "spacing", "notes of four voices out of range", fault="out of the singers' range")
def _out_of_range(reading: Reading) -> Found:
    n, hits = 0, []
    if len(reading.lines) == len(RANGES):
        for column, (notes, (low, high)) in enumerate(zip(reading.lines, RANGES, strict=True)):
            n += len(notes)
            far = (notes["pitch"] < low) | (notes["pitch"] > high)
            hits += [Hit(int(tick), (column,)) for tick in notes["onset"][far]]
    return Found(n, hits)


@measure(
    LEADING,
    "spelling",
    "one letter with two accidentals at once, by 100 beats",
    fault="one letter with two accidentals at once",
)
def _two_accidentals(reading: Reading) -> Found:
    hits: dict[int, Hit] = {}
    beat = np.searchsorted(reading.beats, reading.onset, side="right") - 1
    for row, (pitch, fifths) in enumerate(
        zip(reading.pitch.tolist(), reading.fifths.tolist(), strict=True)
    ):
        for v, w in combinations([c for c, p in enumerate(pitch) if p >= 0], 2):
            if fifths[v] != fifths[w] and (fifths[v] - fifths[w]) % 7 == 0:
                hits.setdefault(int(beat[row]), Hit(int(reading.onset[row]), (v, w)))
    return Found(len(reading.beats) * _several(reading), list(hits.values()))


@measure(LEADING, "spelling", "cross relations, by 100 beats", fault="a cross relation")
def _cross_relations(reading: Reading) -> Found:
    hits = []
    rows = reading.beat_rows.tolist()
    for before, row in pairwise(rows):
        pair = _contradiction(reading, before, row)
        if pair:
            hits.append(Hit(int(reading.onset[row]), pair))
    return Found(max(len(rows) - 1, 0) * _several(reading), hits)


def _contradiction(reading: Reading, before: int, row: int) -> tuple[int, int] | None:
    """Lines of a cross relation between two sonorities."""
    sounding = [(reading.pitch[r] >= 0).tolist() for r in (before, row)]
    first, second = reading.fifths[before].tolist(), reading.fifths[row].tolist()
    for w, new in enumerate(second):
        for v, old in enumerate(first):
            if not (sounding[0][v] and sounding[1][w]) or new == old or (new - old) % 7:
                continue
            steps = [x for x, there in zip(first, sounding[0], strict=True) if there]
            moved = any(a == old and b == new for a, b in zip(first, second, strict=True))
            if v != w and not moved and new not in steps:
                return min(v, w), max(v, w)
    return None
