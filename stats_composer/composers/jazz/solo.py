"""Solos as the models of jazz see them: cells of beats, and notes over a chart.

Conventions
-----------
A beat has `STEPS` steps, so that eighths, triplets and sixteenths stand on them; a swung eighth
is written as a straight one. The *cell* of a beat is the set of its steps at which notes begin,
a number of `STEPS` bits. Notes follow one another: a note lasts until the next begins or ends
before, which leaves a rest.

Two tables tell a solo: a row a beat, whose symbol is the index of its cell among the known ones;
and a row a note, whose symbol is its pitch, given all cells and the chart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.jazz.chart import Chart

__all__ = [
    "BAR_FEATURES",
    "BEAT_DTYPE",
    "LONGEST",
    "NOTE_ROW_DTYPE",
    "STEPS",
    "Solo",
    "bar_features",
    "beat_table",
    "cells_of",
    "is_plain",
    "known_cells",
    "note_table",
    "onsets_of",
    "snap",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

STEPS = 12
LONGEST = 48
LENGTHS = np.array([1, 2, 3, 4, 6, 8, 9, 12, 18, 24, 36, LONGEST])
PACES = np.array([70, 110, 150, 210])
PHRASE_GAP = 18
CHANGES_AHEAD = 4

BEAT_DTYPE = np.dtype([(name, np.int64) for name in ("cell", "place", "hyper", "cluster", "pace")])
NOTE_ROW_DTYPE = np.dtype(
    [
        (name, np.int64)
        for name in (
            *("pitch", "root", "quality", "next_root", "next_quality", "ahead", "tonic"),
            *("length", "level", "spot", "since", "final", "cluster", "before"),
        )
    ]
)


@dataclass(frozen=True, eq=False)
class Solo:
    """A solo over a chart.

    Attributes
    ----------
    onset, length : ndarray of shape (n_notes,), int64
        Steps; no two notes at a time.
    pitch : ndarray of shape (n_notes,), int64
        MIDI.
    chart : Chart
    tempo : float
        Beats a minute.
    """

    onset: Ints
    length: Ints
    pitch: Ints
    chart: Chart
    tempo: float

    @property
    def gaps(self) -> Ints:
        """Steps from each onset to the next; from the last to the end."""
        end = max(self.chart.n_beats * STEPS, int(self.onset[-1]) + 1)
        gaps: Ints = np.diff(self.onset, append=end)
        return gaps


def cells_of(onset: Ints, n_beats: int) -> Ints:
    """Return the cell of each beat.

    Examples
    --------
    >>> cells_of(np.array([0, 6, 18]), 3).tolist() == [1 + 64, 64, 0]
    True
    """
    cells = np.zeros(n_beats, np.int64)
    np.bitwise_or.at(cells, onset // STEPS, 1 << onset % STEPS)
    return cells


def onsets_of(cells: Ints) -> Ints:
    """Return the steps at which notes begin: the inverse of `cells_of`."""
    bits = (cells[:, None] >> np.arange(STEPS)) & 1
    return np.flatnonzero(bits)


PLAIN_HALVES = np.array([0b0, 0b1, 0b1000, 0b1001, 0b10101])
PLAIN_BEATS = np.array([0b10001, 0b100000001, 0b100010000, 0b100010001])


def is_plain(cells: Ints) -> NDArray[np.bool_]:
    """Tell the cells that are read at sight: halves of sixteenths or a triplet, or a triplet.

    Examples
    --------
    >>> is_plain(cells_of(np.array([0, 3, 6, 8, 10, 12, 20, 24, 28, 30]), 3)).tolist()
    [True, True, False]
    """
    halves = np.stack([cells % (1 << STEPS // 2), cells >> STEPS // 2])
    plain: NDArray[np.bool_] = np.isin(cells, PLAIN_BEATS)
    plain |= np.isin(halves, PLAIN_HALVES).all(axis=0)
    return plain


def known_cells(solos: Sequence[Solo], n: int) -> Ints:
    """Return the n commonest cells, rising."""
    cells = np.concatenate([cells_of(solo.onset, solo.chart.n_beats) for solo in solos])
    values, counts = np.unique(cells, return_counts=True)
    return np.sort(values[np.argsort(-counts, kind="stable")[:n]])


def snap(solo: Solo, known: Ints) -> Solo:
    """Return a solo whose cells are known ones: notes move to the nearest steps of one, or fall.

    Of the known cells with as many notes, or else with fewer, the one is taken whose steps lie
    nearest.
    """
    cells = cells_of(solo.onset, solo.chart.n_beats)
    if np.isin(cells, known).all():
        return solo
    steps = [np.flatnonzero((cell >> np.arange(STEPS)) & 1) for cell in known.tolist()]
    onset, kept = solo.onset.copy(), np.ones(len(solo.onset), bool)
    for beat in np.flatnonzero(~np.isin(cells, known)).tolist():
        mine = np.flatnonzero(onset // STEPS == beat)
        own = onset[mine] - beat * STEPS
        n = max((len(s) for s in steps if len(s) <= len(own)), default=0)
        fitting = [s for s in steps if len(s) == n]
        best = min(fitting, key=lambda s: int(np.abs(s - own[:n]).sum()))
        onset[mine[:n]] = beat * STEPS + best
        kept[mine[n:]] = False
    return replace(
        solo, onset=onset[kept], length=np.maximum(solo.length[kept], 1), pitch=solo.pitch[kept]
    )


def beat_table(solo: Solo, known: Ints, cluster: Ints) -> NDArray[np.void]:
    """Return the table of a solo's beats.

    Parameters
    ----------
    solo : Solo
        Of known cells.
    known : ndarray of int64, rising
    cluster : ndarray of shape (n_bars,), int64
    """
    cells = cells_of(solo.onset, solo.chart.n_beats)
    table = beat_page(solo.chart, solo.tempo, cluster)
    table["cell"] = np.searchsorted(known, cells)
    return table


def beat_page(chart: Chart, tempo: float, cluster: Ints) -> NDArray[np.void]:
    """Return the table of beats with no cells in it yet."""
    table = np.zeros(chart.n_beats, BEAT_DTYPE)
    bar = chart.bar
    table["place"], table["hyper"] = chart.place, bar % 4
    table["cluster"] = cluster[bar]
    table["pace"] = np.searchsorted(PACES, tempo)
    return table


def note_table(solo: Solo, cluster: Ints) -> NDArray[np.void]:
    """Return the table of a solo's notes.

    `ahead` are beats until the chord changes, from the beat of the note; `length` a class of the
    time to the next note; `level` how strong its step is; `spot` its step of the bar; `since`
    notes since the phrase began; `final` tells the last note of a phrase, `before` the class of
    the time from the note before.
    """
    chart, onset = solo.chart, solo.onset
    table = np.zeros(len(onset), NOTE_ROW_DTYPE)
    beat = np.minimum(onset // STEPS, chart.n_beats - 1)
    change = chart.change[beat]
    after = np.minimum(change, chart.n_beats - 1)
    table["pitch"], table["tonic"] = solo.pitch, chart.tonic
    table["root"], table["quality"] = chart.root[beat], chart.quality[beat]
    table["next_root"], table["next_quality"] = chart.root[after], chart.quality[after]
    table["ahead"] = np.minimum(change - beat - 1, CHANGES_AHEAD)
    gaps = solo.gaps
    table["length"] = np.searchsorted(LENGTHS, np.minimum(gaps, LONGEST))
    table["before"] = np.append(len(LENGTHS), table["length"][:-1])
    table["level"] = _levels(onset, chart.place[beat])
    table["spot"] = chart.place[beat] * STEPS + onset % STEPS
    table["final"] = phrase_ends(gaps, solo.length)
    start = np.append(True, table["final"][:-1] > 0)
    first = np.maximum.accumulate(np.where(start, np.arange(len(onset)), 0))
    table["since"] = np.arange(len(onset)) - first
    table["cluster"] = cluster[chart.bar[beat]]
    return table


def phrase_ends(gaps: Ints, length: Ints) -> NDArray[np.bool_]:
    """Tell the notes after which a soloist breathes."""
    ends: NDArray[np.bool_] = (gaps >= 2 * STEPS) | ((gaps >= PHRASE_GAP) & (length < gaps))
    ends[-1:] = True
    return ends


def _levels(onset: Ints, place: Ints) -> Ints:
    """Weigh steps: 4 the strong beats, 3 the others, 2 halves, 1 thirds, 0 the rest."""
    step = onset % STEPS
    level: Ints = np.select([step == 0, step == 6, step % 4 == 0], [3, 2, 1], 0)
    level += (step == 0) & (place % 2 == 0)
    return level


SLOTS = 8
BAR_FEATURES = (
    *(f"onset {slot + 1}" for slot in range(SLOTS)),
    *("density", "register", "contour", "chord tones", "silence"),
)


def bar_features(solo: Solo) -> Floats:
    """Describe each bar of a solo: rows of `BAR_FEATURES`.

    Onsets by eighth of the bar, notes over 8, the mean pitch over the solo's median and the
    move from first to last note in octaves, the share of chord tones, and of silence.
    """
    chart = solo.chart
    bar_of_beat = chart.bar
    n_bars = int(bar_of_beat[-1]) + 1
    n_beats = np.bincount(bar_of_beat, minlength=n_bars)
    beat = np.minimum(solo.onset // STEPS, chart.n_beats - 1)
    bar = bar_of_beat[beat]
    first = np.searchsorted(bar_of_beat, np.arange(n_bars))
    step = solo.onset - STEPS * first[bar]
    slot = np.minimum(step * SLOTS // (STEPS * n_beats[bar]), SLOTS - 1)
    rows = np.zeros((n_bars, len(BAR_FEATURES)))
    np.add.at(rows, (bar, slot), 0.25)
    rows[:, :SLOTS] = np.minimum(rows[:, :SLOTS], 0.5)
    count = np.bincount(bar, minlength=n_bars)
    some = np.maximum(count, 1)
    rows[:, SLOTS] = count / 8
    octave = (solo.pitch - np.median(solo.pitch)) / 12
    rows[:, SLOTS + 1] = np.bincount(bar, octave, n_bars) / some
    starts, ends = (
        np.searchsorted(bar, np.arange(n_bars)),
        np.searchsorted(bar, np.arange(n_bars), side="right"),
    )
    sounding = count > 0
    last = np.minimum(np.maximum(ends - 1, 0), len(bar) - 1)
    starts = np.minimum(starts, len(bar) - 1)
    rows[sounding, SLOTS + 2] = (octave[last] - octave[starts])[sounding]
    tone = chart.tones()[beat, solo.pitch % 12]
    rows[:, SLOTS + 3] = np.bincount(bar, tone, n_bars) / some
    sounds = np.bincount(bar, np.minimum(solo.length, solo.gaps), n_bars)
    rows[:, SLOTS + 4] = 1 - np.minimum(sounds / (STEPS * n_beats), 1)
    return rows
