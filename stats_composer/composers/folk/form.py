"""The form of a tune: parts, bars that come back, and the texture of those that do not.

Conventions
-----------
A plan has one token a bar. A bar that repeats an earlier one, as a whole or in its first half,
has the number of that relation in `RELATIONS`; any other bar has `len(RELATIONS)` plus the
label of its cluster. Bars are counted within their part, the first part from 0 and all later
ones from `PART_BARS`, so that a model of plans can tell them apart.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.folk.tune import HOLD, PART_BARS, Kind

__all__ = [
    "LAST",
    "N_PLACES",
    "RELATIONS",
    "Relation",
    "bar_vectors",
    "copies",
    "part_lengths",
    "places",
    "relate",
    "split_at",
    "spots",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

N_PLACES = 2 * PART_BARS
LAST = PART_BARS
"""The spot of a tune's last bar."""


class Relation(NamedTuple):
    """How a bar repeats an earlier one: bars back, and whether as a whole."""

    back: int
    whole: bool


RELATIONS = tuple(Relation(back, whole) for whole in (True, False) for back in (4, 8, 2, 1))


def part_lengths(bars: int) -> list[int]:
    """Divide bars into parts of eight; what is left makes the last part shorter.

    Examples
    --------
    >>> part_lengths(16), part_lengths(20), part_lengths(6)
    ([8, 8], [8, 8, 4], [6])
    """
    whole, rest = divmod(bars, PART_BARS)
    return [PART_BARS] * whole + ([rest] if rest else [])


def places(lengths: list[int]) -> Ints:
    """Return the place of each bar in the form; a short part has the last places.

    Examples
    --------
    >>> places([8, 2]).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 14, 15]
    """
    return np.concatenate(
        [
            np.arange(PART_BARS - n, PART_BARS) + (PART_BARS if i else 0)
            for i, n in enumerate(lengths)
        ]
    )


def spots(lengths: list[int]) -> Ints:
    """Return the place of each bar in its part, but `LAST` for the last of the tune.

    Examples
    --------
    >>> spots([8, 2]).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 6, 8]
    """
    spot = places(lengths) % PART_BARS
    spot[-1] = LAST
    return spot


def split_at(kind: Kind) -> int:
    """Return the step at which the first half of a bar ends."""
    beats = kind.n_steps // kind.group
    return kind.n_steps if beats == 1 else (beats + 1) // 2 * kind.group


def copies(place: Ints, bar: int, relation: Relation) -> int:
    """Return the bar that a relation points at, or -1 where there is none.

    Bars are looked for in the same part, and eight bars back in the part before.
    """
    source = bar - relation.back
    if relation.back == PART_BARS:
        same = source >= 0 and place[source] % PART_BARS == place[bar] % PART_BARS
        return source if same else -1
    return source if place[bar] % PART_BARS >= relation.back and source >= 0 else -1


def relate(bars: Ints, place: Ints, kind: Kind) -> Ints:
    """Find for each bar the first relation that holds, or -1.

    Parameters
    ----------
    bars : ndarray of shape (n_bars, n_steps), int64, codes
    place : ndarray of shape (n_bars,), int64
    kind : Kind
    """
    cut = split_at(kind)
    found = np.full(len(bars), -1)
    for bar in range(len(bars)):
        for number, relation in enumerate(RELATIONS):
            source = copies(place, bar, relation)
            width = kind.n_steps if relation.whole else cut
            if source >= 0 and (bars[source, :width] == bars[bar, :width]).all():
                found[bar] = number
                break
    return found


def bar_vectors(bars: Ints, kind: Kind) -> Floats:
    """Describe bars by rhythm, contour, density and register.

    Parameters
    ----------
    bars : ndarray of shape (n_bars, n_steps), int64, codes
    kind : Kind

    Returns
    -------
    ndarray of shape (n_bars, n_features), float64
        Onsets by step; scale degrees on the beats less their mean, and their mean, both in
        octaves; the number of onsets by that of steps.
    """
    struck = bars != HOLD
    at = np.maximum.accumulate(np.where(struck, np.arange(bars.shape[1]), -1), axis=1)
    first = np.argmax(struck, axis=1)
    at = np.where(at < 0, first[:, None], at)
    degree = np.where(struck.any(axis=1)[:, None], np.take_along_axis(bars, at, axis=1), 0) / 14
    mean = degree.mean(axis=1)
    contour = degree[:, :: kind.group] - mean[:, None]
    density = struck.mean(axis=1)
    return np.column_stack([struck / 2, 2 * contour, 2 * mean, density]).round(6)
