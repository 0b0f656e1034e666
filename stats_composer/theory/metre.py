"""Metre: beats, bars and the strength of their places.

Conventions
-----------
Time is in ticks, `TICKS_PER_QUARTER` to a quarter note: 10080 holds 128ths, triplets,
quintuplets and septuplets exactly. The unit of a metre is its denominator's note. A metre is
compound, its beats of three units, where the numerator is a multiple of three above three:
6/8, 9/8, 12/8, and 6/4 and 9/16 as well; 3/8 is simple.

References
----------
Lerdahl and Jackendoff (1983), A Generative Theory of Tonal Music, MIT Press, chapter 4: the
metrical grid. Aldwell and Schachter (2010), Harmony and Voice Leading, 4th ed., unit 3: simple
and compound metres.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["TICKS_PER_QUARTER", "Metre", "parse_time_signature"]

TICKS_PER_QUARTER = 10080


class Metre(NamedTuple):
    """A time signature, and what follows from it.

    Attributes
    ----------
    numerator, denominator : int

    Examples
    --------
    >>> Metre(6, 8).is_compound, Metre(6, 8).n_beats, Metre(6, 8).beat
    (True, 2, 15120)
    """

    numerator: int
    denominator: int

    @property
    def unit(self) -> int:
        """Ticks of the denominator's note, in which places of a bar are counted."""
        return 4 * TICKS_PER_QUARTER // self.denominator

    @property
    def is_compound(self) -> bool:
        """Whether three units make a beat."""
        return self.numerator > 3 and self.numerator % 3 == 0

    @property
    def beat(self) -> int:
        """Ticks of a beat."""
        return 3 * self.unit if self.is_compound else self.unit

    @property
    def n_beats(self) -> int:
        """Beats of a bar."""
        return self.numerator // 3 if self.is_compound else self.numerator

    @property
    def bar(self) -> int:
        """Ticks of a full bar."""
        return self.numerator * self.unit

    @property
    def beam(self) -> int:
        """Ticks that are beamed together: a quarter, or three units where those are short."""
        threes = self.numerator % 3 == 0 and self.denominator >= 8
        return 3 * self.unit if threes else TICKS_PER_QUARTER

    @property
    def wide_beam(self) -> int:
        """Ticks in which eighths alone are beamed together: half a bar of four quarters."""
        whole = 4 * TICKS_PER_QUARTER
        return whole // 2 if self.bar == whole and self.denominator < 8 else self.beam

    def strength(self, position: ArrayLike) -> NDArray[np.int8]:
        """Weigh the places of a bar as a metrical grid does.

        Parameters
        ----------
        position : array_like of int
            Ticks since the start of the bar.

        Returns
        -------
        ndarray of int8, of position's shape
            5 the downbeat, 4 the middle of a bar of an even number of beats over two, 3 the
            other beats, 2 the parts of a beat (halves, or thirds of a dotted one), 1 their
            halves, 0 the rest.

        Examples
        --------
        >>> Metre(4, 4).strength(np.arange(8) * TICKS_PER_QUARTER // 2).tolist()
        [5, 2, 3, 2, 4, 2, 3, 2]
        """
        position = np.asarray(position, np.int64)
        part = self.unit if self.is_compound else self.unit // 2
        strength = np.zeros(position.shape, np.int8)
        spans = [part // 2, part, self.beat, self.bar]
        for level, span in zip((1, 2, 3, 5), spans, strict=True):
            strength[position % max(span, 1) == 0] = level
        if self.n_beats > 2 and self.n_beats % 2 == 0:
            strength[position % self.bar == self.bar // 2] = 4
        return strength


def parse_time_signature(text: str) -> Metre:
    """Read a metre to compose in: 1 to 32 over 1, 2, 4, 8, 16 or 32, `C` or `C|`.

    Parameters
    ----------
    text : str

    Raises
    ------
    ValueError
        If it is no such metre.

    Examples
    --------
    >>> parse_time_signature("6/8"), parse_time_signature("C|")
    (Metre(numerator=6, denominator=8), Metre(numerator=2, denominator=2))
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
    return Metre(int(match[1]), int(match[2]))
