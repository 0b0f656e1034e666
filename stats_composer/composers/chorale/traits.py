"""Traits of a whole tune that a law of its notes one by one does not know.

Counts of motifs that come back, of phrases that begin or end alike, of their range, contour and
degrees, of leaps and chromatic notes and what follows them. They are what a tune is weighed by
beside such a law (composers/chorale/soprano.py).

Conventions
-----------
Pitches are those of the common tonic C. Many tunes of one outline are looked at together:
(n_tunes, n_notes). What is within a phrase begins and ends there.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.chorale.outline import Outline

__all__ = ["LOWEST_FIFTHS", "traits"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

MOTIFS = (3, 5)
"""Notes of the motifs that are looked for."""
OCTAVE, N_MODES = 12, 2
MOVES = (-4, -2, 0, 1, 3, 5)
LEAPS = (1, 3, 5, 7, 8, 10, 13)
RANGES, PHRASE_RANGES = (6, 8, 10, 11, 13, 15, 17), (3, 5, 6, 8, 10, 13)
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10, 11))
HEIGHTS = (62, 64, 65, 67, 69, 71, 72, 74, 76, 77, 79)
TRITONE = 6
FIFTH, LOWER, LEADING = 7, 8, 11
SAME_LETTER = 7  # places on the line of fifths
LOWEST_FIFTHS = (-3, -5)
"""Of the twelve likeliest places, by mode."""


def traits(pitch: Ints, outline: Outline, mode: int, shift: int = 0) -> Floats:
    """Count the traits of tunes.

    Parameters
    ----------
    pitch : ndarray of shape (n_tunes, n_notes), int64
    outline : Outline
    mode, shift : int
        Of their key: `shift` is what they sound above the common tonic's pitches.

    Returns
    -------
    ndarray of shape (n_tunes, n_traits), float64
    """
    columns = [*_motifs(pitch), *_steps(pitch, outline), *_degrees(pitch, outline, mode)]
    columns += [*_phrases(pitch, outline), *_heights(pitch + shift)]
    return np.concatenate([np.reshape(c, (len(pitch), -1)) for c in columns], axis=1, dtype=float)


def _binned(values: Ints, bounds: tuple[int, ...]) -> Ints:
    """Count the values of each row by the bounds that they reach: (n_rows, n_bounds)."""
    spread: Ints = (values[..., None] >= np.array(bounds)).sum(axis=1)
    return spread


def _motifs(pitch: Ints) -> Iterator[Ints]:
    """Count the motifs, as intervals, that were heard before."""
    steps = np.diff(pitch, axis=1)
    for size in MOTIFS:
        seen = np.zeros((len(pitch), max(steps.shape[1] - size + 2, 0)), np.int64)
        for j in range(size - 1):
            seen = 64 * seen + steps[:, j : j + seen.shape[1]] + 32
        ordered = np.sort(seen, axis=1)
        yield (ordered[:, 1:] == ordered[:, :-1]).sum(axis=1)


def _steps(pitch: Ints, outline: Outline) -> Iterator[Ints]:
    """Count repeats, leaps and turns within phrases, and steps from one to the next."""
    step = np.diff(pitch, axis=1)
    seam = np.zeros(step.shape[1], np.bool_)
    seam[outline.first[1:-1] - 1] = True
    inside, size = step[:, ~seam], np.abs(step)
    yield _binned(size[:, ~seam], LEAPS)
    yield _binned(size[:, seam], LEAPS)
    for note in (outline.first[1:-1] - 2, [-1], outline.first[:-1]):
        yield _binned(step[:, note], MOVES)
    yield (inside > 2).sum(axis=1)
    yield (size[:, ~seam] == TRITONE).sum(axis=1)
    both = ~seam[1:] & ~seam[:-1]
    one, two = step[:, :-1][:, both], step[:, 1:][:, both]
    yield ((one == 0) & (two == 0)).sum(axis=1)
    yield (one * two < 0).sum(axis=1)
    yield ((np.abs(one) > 2) & (one * two > 0)).sum(axis=1)
    yield ((np.abs(one) > 4) & (one * two >= 0)).sum(axis=1)
    yield ((np.abs(one) > 2) & (np.abs(two) > 2)).sum(axis=1)
    yield ((one == -two) & (one != 0)).sum(axis=1)
    yield (pitch[:, 2:] == pitch[:, :-2])[:, both].sum(axis=1)


def _heights(sounding: Ints) -> Iterator[Ints]:
    """Count notes by the height at which they sound, and the highest and the lowest."""
    yield _binned(sounding, HEIGHTS)
    yield _binned(sounding.max(axis=1, keepdims=True), HEIGHTS)
    yield _binned(sounding.min(axis=1, keepdims=True), HEIGHTS)


def _degrees(pitch: Ints, outline: Outline, mode: int) -> Iterator[Ints]:
    """Count degrees by mode: of all notes, at ends and at starts of phrases; and strange ones."""
    degree, first = pitch % OCTAVE, outline.first
    scale = np.isin(np.arange(OCTAVE), SCALES[mode])
    for notes in (
        degree,
        degree[:, first[1:-1] - 1],
        degree[:, -1:],
        degree[:, first[1:-1]],
        degree[:, :1],
    ):
        counts = (notes[..., None] == np.arange(OCTAVE)).sum(axis=1)
        yield np.concatenate([counts * (mode == m) for m in range(N_MODES)], axis=1)
    strange = ~scale[degree]
    yield np.any(strange, axis=1)
    held = [strange[:, a:b].any(axis=1) for a, b in pairwise(first.tolist())]
    yield np.sum(held, axis=0)
    one, two = degree[:, :-1], degree[:, 1:]
    up = pitch[:, 1:] - pitch[:, :-1]
    yield (strange[:, 1:] & strange[:, :-1]).sum(axis=1)
    yield (strange[:, :-1] & (np.abs(up) > 2)).sum(axis=1)
    yield ((one == LEADING) & (up != 1)).sum(axis=1)
    fifths = FIFTH * pitch - LOWEST_FIFTHS[mode]
    yield ((np.abs(np.diff(fifths % OCTAVE, axis=1)) == SAME_LETTER) & (up != 0)).sum(axis=1)
    yield (((one == LOWER) & (two == LEADING)) | ((one == LEADING) & (two == LOWER))).sum(axis=1)


def _phrases(pitch: Ints, outline: Outline) -> Iterator[Ints]:
    """Compare phrases: range and contour of each, and what they have in common."""
    first = outline.first.tolist()
    lines = [pitch[:, a:b] for a, b in pairwise(first)]
    yield _binned(np.ptp(pitch, axis=1)[:, None], RANGES)
    yield _binned(np.stack([np.ptp(line, axis=1) for line in lines], axis=1), PHRASE_RANGES)
    yield (pitch == pitch.max(axis=1, keepdims=True)).sum(axis=1)
    yield np.sum([(line == line.max(axis=1, keepdims=True)).sum(axis=1) for line in lines], axis=0)
    rise = np.stack([line[:, -1] - line[:, 0] for line in lines], axis=1)
    for sign in (-1, 1):
        yield (np.sign(rise) == sign).sum(axis=1)
        yield (sign * rise > 5).sum(axis=1)
    top = np.stack([line.argmax(axis=1) / line.shape[1] for line in lines], axis=1)
    for low in (0.2, 0.4, 0.6, 0.8):
        yield (top >= low).sum(axis=1)
    mean = np.stack([line.mean(axis=1) for line in lines], axis=1)
    yield np.abs(np.diff(mean, axis=1)).sum(axis=1)
    yield np.ptp(mean, axis=1)
    alike = np.zeros((5, len(pitch)), np.int64)
    for one, two in pairwise(lines):
        n = min(3, one.shape[1], two.shape[1])
        pairs = (
            (one[:, :1], two[:, :1]),
            (one[:, -1:], two[:, -1:]),
            (one[:, -1:], two[:, :1]),
            (one[:, :n], two[:, :n]),
            (one[:, -n:], two[:, -n:]),
        )
        alike += np.array([(a == b).all(axis=1) for a, b in pairs])
    yield alike.T
