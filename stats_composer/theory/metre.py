"""Metre: beats, bars and the strength of their places.

Conventions
-----------
Time is in ticks, `TICKS_PER_QUARTER` to a quarter note: 10080 holds 128ths, triplets,
quintuplets and septuplets exactly.

References
----------
Lerdahl and Jackendoff (1983), A Generative Theory of Tonal Music, MIT Press, chapter 4: the
metrical grid.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "TICKS_PER_QUARTER",
    "bar_duration",
    "beat_of",
    "beat_strength",
    "beat_ticks",
    "parse_time_signature",
]


TICKS_PER_QUARTER = 10080


def beat_strength(position: ArrayLike, numerator: int, denominator: int) -> NDArray[Any]:
    """Weigh the places of a bar as a metrical grid does.

    Parameters
    ----------
    position : array_like of int
        Ticks since the start of the bar.
    numerator, denominator : int
        The time signature; 6, 9, 12 over anything have dotted beats.

    Returns
    -------
    ndarray of int8, of position's shape
        5 the downbeat, 4 the middle of a bar of an even number of beats over two, 3 the other
        beats, 2 the parts of a beat (halves, or thirds of a dotted one), 1 their halves, 0 the
        rest.

    Examples
    --------
    >>> beat_strength(np.arange(8) * TICKS_PER_QUARTER // 2, 4, 4).tolist()
    [5, 2, 3, 2, 4, 2, 3, 2]
    """
    position = np.asarray(position, np.int64)
    unit = 4 * TICKS_PER_QUARTER // denominator
    compound = numerator > 3 and numerator % 3 == 0
    beat = 3 * unit if compound else unit
    n_beats = numerator // 3 if compound else numerator
    part = unit if compound else unit // 2
    strength = np.zeros(position.shape, np.int8)
    spans = [part // 2, part, beat, n_beats * beat]
    for level, span in zip((1, 2, 3, 5), spans, strict=True):
        strength[position % max(span, 1) == 0] = level
    if n_beats > 2 and n_beats % 2 == 0:
        strength[position % (n_beats * beat) == n_beats * beat // 2] = 4
    return strength


def beat_ticks(numerator: int, denominator: int) -> int:
    """Ticks of a beat: of the metre's unit, or of three units in compound metres.

    Examples
    --------
    >>> beat_ticks(4, 4), beat_ticks(6, 8), beat_ticks(3, 8)
    (10080, 15120, 5040)
    """
    unit = 4 * TICKS_PER_QUARTER // denominator
    compound = denominator >= 8 and numerator % 3 == 0 and numerator > 3
    return 3 * unit if compound else unit


def bar_duration(numerator: int, denominator: int) -> int:
    """Ticks of a full bar."""
    return int(numerator) * 4 * TICKS_PER_QUARTER // int(denominator)


def beat_of(numerator: int, denominator: int) -> int:
    """Ticks that are beamed together: a quarter, or three units of 3/8, 6/8, 9/8 and 12/8."""
    if numerator % 3 == 0 and denominator >= 8:
        return 12 * TICKS_PER_QUARTER // denominator
    return TICKS_PER_QUARTER


def parse_time_signature(text: str) -> tuple[int, int]:
    """Read a metre to compose in: 1 to 32 over 1, 2, 4, 8, 16 or 32, `C` or `C|`.

    Raises
    ------
    ValueError
        If it is no such metre.

    Examples
    --------
    >>> parse_time_signature("6/8"), parse_time_signature("C|")
    ((6, 8), (2, 2))
    """
    signs = {"C": "4/4", "C|": "2/2", "¢": "2/2"}
    match = re.fullmatch(
        r"(\d{1,2})\s*/\s*(1|2|4|8|16|32)",
        signs.get(text.strip(), text.strip()) if isinstance(text, str) else "",
        re.ASCII,
    )
    if not match or not 1 <= int(match[1]) <= 32:
        raise ValueError(
            f"time signature {text!r}: expected a metre such as '3/4', 1 to 32 over 1, 2, 4 to 32"
        )
    return int(match[1]), int(match[2])
