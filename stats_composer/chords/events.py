"""Chord events: spans of a score, and which pitch classes sound in them.

Conventions
-----------
An event is a span that is given one chord. `weight[p]` is the share of it in which pitch class
p sounds, `bass` the pitch class of its lowest pitch, `accent` the metrical strength of its
onset (`theory.Metre.strength`). In a chorale an event is a slice between two attacks; where
fewer notes sound together, as in broken chords, spans are widened to beats, half bars or bars
until most hold the tones of a triad.

References
----------
D. Radicioni, R. Esposito, "BREVE: an HMPerceptron-based chord recognition system", Advances
in Music Information Retrieval, 2010, section 3: events, bass and accent.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stats_composer.chords.labels import N_QUALITIES, QUALITY_CODES
from stats_composer.errors import ScoreFileError
from stats_composer.score import Score, beat_levels
from stats_composer.theory import name_fifths
from stats_composer.views import slices

__all__ = ["CHORD_EVENT_DTYPE", "LabelledPiece", "chord_events", "read_choral_harmony"]

CHORD_EVENT_DTYPE = np.dtype(
    [
        ("onset", np.int64),
        ("duration", np.int64),
        ("weight", np.float64, 12),
        ("bass", np.int8),
        ("accent", np.int8),
    ]
)

TRIAD = 2.6
"""Pitch classes that an event should hold in the mean for its span to be wide enough."""
HEARD = 0.12
"""Share of an event below which a pitch class is passed over as an ornament."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LabelledPiece:
    """Events of a piece, with the chords that an analyst gave them.

    Attributes
    ----------
    name : str
    events : ndarray of CHORD_EVENT_DTYPE
    labels : ndarray of shape (n_events,), int64
        root * N_QUALITIES + quality, as `chords.labels` numbers them.
    """

    name: str
    events: NDArray[np.void]
    labels: Ints


def chord_events(score: Score) -> NDArray[np.void]:
    """Cut a score into events; silences and percussion belong to none.

    Parameters
    ----------
    score : Score

    Returns
    -------
    ndarray of CHORD_EVENT_DTYPE

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> notes = make_notes(onset=[0, 0, 0, 10080], duration=[20160, 20160, 10080, 10080],
    ...                    pitch=[48, 64, 67, 69])
    >>> events = chord_events(Score(notes))
    >>> [(int(e["onset"]), int(e["bass"]), np.flatnonzero(e["weight"]).tolist()) for e in events]
    [(0, 0, [0, 4, 7]), (10080, 0, [0, 4, 9])]
    """
    struck = np.array([part.percussion for part in score.parts], np.bool_)
    pitched = score.notes[~struck[score.notes["part"]]] if struck.any() else score.notes
    if not len(pitched):
        return np.zeros(0, CHORD_EVENT_DTYPE)
    cut = slices(score.replace(notes=pitched) if struck.any() else score)
    # Where notes only stop, what still sounds goes on being heard with what was struck.
    heard, fresh = _any(cut["sounding"]), _any(cut["struck"])
    begins = heard & (fresh | ~np.concatenate([[False], heard[:-1]]))
    narrow = _merge(cut, np.cumsum(begins), heard)
    if _fullness(narrow) >= TRIAD or len(narrow) < 2:
        return narrow
    wider = narrow
    for ticks in _widths(score):
        cut = _divide(cut, ticks)
        group = np.searchsorted(ticks, cut["onset"], side="right").astype(np.int64)
        wider = _merge(cut, group, _any(cut["sounding"]))
        wider["accent"] = beat_levels(score, wider["onset"])
        if _fullness(wider) >= TRIAD:
            break
    return wider


def _widths(score: Score) -> list[Ints]:
    """List the onsets of all beats, of all half bars, of all bars."""
    beats, halves = [], []
    bars = score.bars["onset"]
    for start, stop in zip(bars, [*bars[1:], score.end], strict=True):
        metre = score.metre_at(start)
        beat, full = metre.beat, metre.bar
        short = (full - (stop - start)) % beat if stop - start < full and start == 0 else 0
        beats.append(np.arange(start - short, stop, beat))
        even = full // beat % 2 == 0 and stop - start == full
        halves.append(np.arange(start, stop, full // 2 if even else full))
    joined = [np.maximum(np.concatenate(rows), 0) for rows in (beats, halves)]
    return [np.unique(joined[0]), np.unique(joined[1]), bars.astype(np.int64)]


def _divide(cut: NDArray[np.void], ticks: Ints) -> NDArray[np.void]:
    """Cut slices also at ticks."""
    onsets = np.union1d(cut["onset"], ticks[ticks < cut["onset"][-1] + cut["duration"][-1]])
    row = np.searchsorted(cut["onset"], onsets, side="right") - 1
    divided: NDArray[np.void] = cut[row].copy()
    divided["onset"] = onsets
    divided["duration"] = np.diff(onsets, append=cut["onset"][-1] + cut["duration"][-1])
    return divided


def _any(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(flags.any(axis=1), np.bool_)


def _merge(cut: NDArray[np.void], group: Ints, heard: NDArray[np.bool_]) -> NDArray[np.void]:
    """Join the slices of each group that are heard into one event."""
    cut, group = cut[heard], group[heard]
    first = np.flatnonzero(np.diff(group, prepend=-1))
    folded = np.zeros((len(cut), 132), np.bool_)
    folded[:, :128] = cut["sounding"]
    present = folded.reshape(len(cut), 11, 12).any(axis=1)
    span = np.add.reduceat(cut["duration"], first)
    weight = np.add.reduceat(present * cut["duration"][:, None], first, axis=0) / span[:, None]
    weight[weight < HEARD] = 0.0
    events = np.zeros(len(first), CHORD_EVENT_DTYPE)
    events["onset"], events["duration"] = cut["onset"][first], span
    events["weight"] = weight
    events["bass"] = np.minimum.reduceat(cut["bass"], first) % 12
    events["accent"] = cut["level"][first]
    return events


def _fullness(events: NDArray[np.void]) -> float:
    """Mean number of pitch classes of an event, by duration."""
    if not len(events):
        return 0.0
    return float(np.average((events["weight"] > 0).sum(axis=1), weights=events["duration"]))


def read_choral_harmony(path: str | os.PathLike[str]) -> list[LabelledPiece]:
    """Read the events and labels of the Bach Choral Harmony data set.

    Parameters
    ----------
    path : path
        A file of comma-separated rows: chorale, number, twelve flags YES or NO, bass, accent,
        chord; with or without a line of headings.

    Raises
    ------
    ScoreFileError
        Naming the file and the line that is not one.

    Examples
    --------
    >>> import tempfile
    >>> row = "000106b_,1,YES,NO,NO,NO,NO,YES,NO,NO,NO,YES,NO,NO,F,3,F_M"
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     _ = file.write(row), file.flush()
    ...     len(read_choral_harmony(file.name))
    1
    """
    try:
        rows = list(csv.reader(Path(path).read_text("utf-8").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise ScoreFileError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    pieces: dict[str, list[tuple[int, list[str]]]] = {}
    for line, row in enumerate(rows, 1):
        if row and row[0].strip() != "Choral_ID":
            pieces.setdefault(row[0].strip(), []).append((line, row))
    return [_labelled(path, name, own) for name, own in pieces.items()]


def _labelled(
    path: str | os.PathLike[str], name: str, rows: Iterable[tuple[int, list[str]]]
) -> LabelledPiece:
    rows = list(rows)
    events = np.zeros(len(rows), CHORD_EVENT_DTYPE)
    labels = np.zeros(len(rows), np.int64)
    for event, (line, row) in enumerate(rows):
        try:
            events["weight"][event] = [{"YES": 1.0, "NO": 0.0}[flag.strip()] for flag in row[2:14]]
            events["bass"][event] = 7 * name_fifths(row[14].strip()) % 12
            events["accent"][event] = int(row[15])
            root, quality = row[16].strip()[:2].strip("_"), row[16].strip()[2:]
            labels[event] = 7 * name_fifths(root) % 12 * N_QUALITIES + QUALITY_CODES.index(quality)
        except (ValueError, KeyError, IndexError) as error:
            raise ScoreFileError(f"{path}: line {line}: not an event of 17 columns") from error
    events["onset"] = np.arange(len(rows))
    events["duration"] = 1
    return LabelledPiece(name, events, labels)
