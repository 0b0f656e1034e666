"""From a performance to a score: beats become quarters, notes go to a grid, what they were is kept.

The ticks of a performance need not be beats. Found beats (`beats.py`) are laid on quarters, bars on
downbeats, and the time between beats is stretched evenly. In each beat notes go to its sixteenths
or its triplets, whichever lie nearer. How far each note was from its place is kept in the
performance's own ticks, so that it can be played again as it was, to the tick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import EncodingError
from stats_composer.listening.beats import BeatModel, Beats
from stats_composer.listening.onsets import onsets_of_score
from stats_composer.score import (
    KEY_SIGNATURE_DTYPE,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Score,
    make_table,
    seconds,
)
from stats_composer.theory import TICKS_PER_QUARTER

__all__ = ["Quantized", "Timing", "is_on_grid", "quantize"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ON_GRID, STRUCK = 0.9, 0.1
GRIDS, FINE = (4, 3), (8, 6, 5)
TRIPLETS_COST = 0.03
STEADY = 0.01
FILE_DEFAULT = 120.0
COVERED = 0.5
"""Of the time from the first note to the last, the share that beats are to reach over."""


@dataclass(frozen=True, eq=False)
class Timing:
    """How a performance lies on its score.

    Attributes
    ----------
    beat : ndarray of shape (n_beats + 1,), int64, rising
        Ticks of the performance at which the quarters of the score are, from the first.
    onset, end : ndarray of shape (n_notes,), int64
        Ticks that each note of the score begins and ends late.
    tempos : ndarray of TEMPO_DTYPE
        Of the performance.

    Examples
    --------
    >>> from stats_composer.score import TEMPO_DTYPE
    >>> late = np.zeros(2, np.int64)
    >>> timing = Timing(np.array([100, 10400, 20000]), late, late, np.zeros(0, TEMPO_DTYPE))
    >>> timing.ticks(np.array([0, 5040, 10080])).tolist()
    [100, 5250, 10400]
    """

    beat: Ints
    onset: Ints
    end: Ints
    tempos: NDArray[np.void]

    def ticks(self, positions: Ints) -> Ints:
        """Return where `positions`, ticks of the score, lie in the performance."""
        quarter, rest = np.divmod(positions, TICKS_PER_QUARTER)
        quarter = np.minimum(quarter, len(self.beat) - 2)
        rest = positions - quarter * TICKS_PER_QUARTER
        span = self.beat[quarter + 1] - self.beat[quarter]
        moved: Ints = self.beat[quarter] + rest * span // TICKS_PER_QUARTER
        return moved

    def play(self, score: Score) -> Score:
        """Return the notes of the score as they were performed.

        Raises
        ------
        EncodingError
            If the score has another number of notes.
        """
        if len(score.notes) != len(self.onset):
            raise EncodingError(f"timing of {len(self.onset)} notes: the score has another number")
        notes = score.notes.copy()
        onset = self.ticks(notes["onset"]) + self.onset
        end = self.ticks(notes["onset"] + notes["duration"]) + self.end
        notes["onset"], notes["duration"] = onset, end - onset
        last = int(max(self.beat[-1], 1 + self.tempos["onset"].max(initial=0)))
        return Score(notes, tempos=self.tempos, parts=score.parts, title=score.title, end=last)


@dataclass(frozen=True, eq=False)
class Quantized:
    """A score made of a performance.

    Attributes
    ----------
    score : Score
    timing : Timing or None
        None where the performance was on its grid already.
    swing : float or None
        How long the first of two eighths was to the second; None where there are few.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> score = Score(make_notes(onset=10080 * np.arange(8), pitch=60 + np.arange(8)))
    >>> quantize(score).timing is None  # it was on its grid
    True
    """

    score: Score
    timing: Timing | None
    swing: float | None


def is_on_grid(score: Score) -> bool:
    """Tell whether notes begin on thirds and quarters of quarters, or finer while beats are struck.

    Finer are eighths, fifths and sixths; a performance may lie on them by a tempo that fits, but
    beside the beat.
    """
    place = score.notes["onset"] % TICKS_PER_QUARTER
    coarse, fine = (_share_on(place, grids) for grids in (GRIDS, FINE))
    return coarse >= ON_GRID or (fine >= ON_GRID and _share_on(place, (1,)) >= STRUCK)


def _share_on(place: Ints, grids: Sequence[int]) -> float:
    """Return the share of places in a quarter that are on one of some grids; 1 of none."""
    on = [place % (TICKS_PER_QUARTER // grid) == 0 for grid in grids]
    return float(np.any(on, axis=0).mean()) if len(place) else 1.0


def quantize(score: Score, model: BeatModel | None = None) -> Quantized:
    """Read the performance that a `score` is by a `model`, the bundled one by default.

    A score that is on its grid comes back as it is, less its `timings`.

    Raises
    ------
    EncodingError
        If there are too few notes for a beat, or none is found.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> score = Score(make_notes(onset=10080 * np.arange(8), pitch=60 + np.arange(8)))
    >>> quantize(score).score == score  # it was on its grid
    True
    """
    if len(score.timings):
        score = score.replace(timings=score.timings[:0])
    if is_on_grid(score):
        return Quantized(score, None, _swing(score.notes["onset"] / TICKS_PER_QUARTER))
    onsets = onsets_of_score(score)
    if len(np.unique(onsets.time)) < 8:
        raise EncodingError(f"{len(onsets.time)} notes: too few for a beat to be found")
    told = float(score.tempos["quarters_per_minute"][0]) if len(score.tempos) else FILE_DEFAULT
    beats = (model or BeatModel.bundled()).find(onsets, None if told == FILE_DEFAULT else told)
    if len(beats.time) < 2 or np.ptp(beats.time) < COVERED * np.ptp(onsets.time):
        raise EncodingError(f"{len(onsets.time)} notes: no beat is found in them")
    beat, before = _whole(score, beats)
    notes = score.notes.copy()
    start, stop = notes["onset"].copy(), notes["onset"] + notes["duration"]
    exact = [_positions(ticks, beat) for ticks in (start, stop)]
    onset, end = (_to_grid(position, exact[0]) for position in exact)
    end = np.maximum(end, onset + TICKS_PER_QUARTER // 12)
    notes["onset"], notes["duration"] = onset, end - onset
    order = np.lexsort([notes[k] for k in ("pitch", "voice", "part", "onset")])
    bare = Timing(beat, np.zeros(0, np.int64), np.zeros(0, np.int64), score.tempos)
    late = [(was - bare.ticks(now))[order] for was, now in ((start, onset), (stop, end))]
    timing = Timing(beat, late[0], late[1], score.tempos)
    chords = score.chords.copy()
    place = np.round(_positions(chords["onset"], beat)).astype(np.int64)
    chords["onset"] = place * TICKS_PER_QUARTER
    page = _page(score, beat, _bars(beats, before)).replace(notes=notes[order], chords=chords)
    return Quantized(page, timing, _swing(exact[0]))


def _whole(score: Score, beats: Beats) -> tuple[Ints, int]:
    """Return the ticks of beats from a downbeat before the first note to after the last one.

    And how many were put before those that were found.
    """
    start = int(score.notes["onset"].min())
    stop = int((score.notes["onset"] + score.notes["duration"]).max())
    knots = np.unique(np.concatenate([[0, 4 * stop], score.tempos["onset"]]))
    ticks = np.interp(beats.time, seconds(score, knots), knots).astype(np.int64)
    ticks = ticks[np.append(True, np.diff(ticks) > 0)]
    first, last = int(ticks[1] - ticks[0]), int(ticks[-1] - ticks[-2])
    before = max(-(-(int(ticks[0]) - start) // first), 0)
    before += (int(beats.place[0]) - before) % int(beats.metre[0])
    after = max(-(-(stop - int(ticks[-1])) // last), 0) + 1
    lead = ticks[0] - first * np.arange(before, 0, -1)
    return np.concatenate([lead, ticks, ticks[-1] + last * np.arange(1, after + 1)]), before


def _bars(beats: Beats, before: int) -> list[tuple[int, int]]:
    """Return at which beat bars of a new length begin, and of how many beats they are."""
    first = beats.place == 0
    starts = np.append(0, before + np.flatnonzero(first))
    lengths = np.append(beats.metre[0], beats.metre[first])
    new = np.append(True, np.diff(lengths) != 0)
    return list(zip(starts[new].tolist(), lengths[new].tolist(), strict=True))


def _positions(ticks: Ints, beat: Ints) -> Floats:
    """Return where ticks lie, in quarters of the score."""
    return np.interp(ticks, beat, np.arange(len(beat), dtype=np.float64))


def _to_grid(position: Floats, onsets: Floats) -> Ints:
    """Put positions on the grid of their beat: sixteenths, or triplets where they lie nearer."""
    number = np.floor(onsets + 1 / 8).astype(np.int64)
    error = np.zeros((len(GRIDS), int(number.max(initial=0)) + 2))
    for row, grid in zip(error, GRIDS, strict=True):
        off = np.abs(onsets * grid - np.round(onsets * grid)) / grid
        row += np.bincount(number, off, len(row))
    error[1] += TRIPLETS_COST * np.bincount(number, minlength=error.shape[1])
    best = np.array(GRIDS)[error.argmin(axis=0)]
    mine = np.minimum(np.floor(position + 1 / 8).astype(np.int64), len(best) - 1)
    grid = best[mine]
    ticks: Ints = np.round(position * grid).astype(np.int64) * (TICKS_PER_QUARTER // grid)
    return ticks


def _page(score: Score, beat: Ints, bars: list[tuple[int, int]]) -> Score:
    """Return the empty page: metre, tempo curve, and the performance's key and names."""
    tempo = 60 / np.diff(_seconds_at(score, beat))
    curve, now = [], 0.0
    for quarter, value in enumerate(tempo.tolist()):
        if abs(value - now) > STEADY * value:
            now = value
            curve.append((quarter * TICKS_PER_QUARTER, round(now, 2)))
    start, length = bars[-1]
    n_beats = start - (start - len(beat) + 1) // length * length
    keys = score.key_signatures[:1].copy()
    if len(keys):
        keys["onset"] = 0
    return Score(
        score.notes[:0],
        time_signatures=make_table(
            TIME_SIGNATURE_DTYPE, [(TICKS_PER_QUARTER * first, n, 4) for first, n in bars]
        ),
        key_signatures=keys if len(keys) else make_table(KEY_SIGNATURE_DTYPE, []),
        tempos=make_table(TEMPO_DTYPE, curve),
        parts=score.parts,
        title=score.title,
        composer=score.composer,
        rhythm=score.rhythm,
        end=n_beats * TICKS_PER_QUARTER,
    )


def _seconds_at(score: Score, ticks: Ints) -> Floats:
    """Return when ticks are heard, those before the first too."""
    early = np.minimum(ticks, 0)
    rate = seconds(score, np.array([TICKS_PER_QUARTER]))[0] / TICKS_PER_QUARTER
    when: Floats = seconds(score, np.maximum(ticks, 0)) + early * rate
    return when


def _swing(onsets: Floats) -> float | None:
    """Return the length of the first eighth over that of the second, in beats of two notes."""
    place = onsets - np.floor(onsets)
    number = np.floor(onsets).astype(np.int64)
    inner = (place > 0.1) & (place < 0.9)
    single = np.bincount(number[inner], minlength=int(number.max(initial=0)) + 1)[number] == 1
    late = place[inner & single]
    late = late[(late > 0.45) & (late < 0.8)]
    return float(np.median(late / (1 - late))) if len(late) >= 16 else None
