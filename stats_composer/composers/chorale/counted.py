"""Metres that chorales do not have, counted as those that they have: four beats in a bar, or three.

A free chorale in such a metre is written on a counted page, where the style knows its beats, and
sung in the metre of the page that was asked for, all voices alike. Two bars of two beats are
counted as one of four. In bars of five beats and more the first ones last longer: 5/4 is counted
2 + 1 + 1 + 1. The halves of a beat of three units fall on its first and its third: two eighths
become a quarter and an eighth, as a tune in 3/4 is sung in 9/8.

Conventions
-----------
Places are counted in quarters of a beat, as in composers/chorale/outline.py, from the start of a
counted bar on; ticks likewise. An upbeat comes before a counted bar.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.chorale.outline import BEAT
from stats_composer.composers.chorale.page import upbeat_of
from stats_composer.constraints import (
    Cadence,
    Constraint,
    Contains,
    InKey,
    MaxCopy,
    NoCrossing,
    NoParallels,
    Range,
)
from stats_composer.score import (
    BAR_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Score,
    bar_onsets,
    make_table,
)
from stats_composer.theory import TICKS_PER_QUARTER, Metre

__all__ = ["CountedBar", "counted_page", "names_no_place", "sung_on"]

Ints = NDArray[np.int64]

THIRDS = np.array([0, 2, 4, 5]) / 6  # where quarters of a beat fall in a beat of three units
MOST = 4  # beats of a counted bar
PLACELESS = (Cadence, Contains, InKey, MaxCopy, NoCrossing, NoParallels, Range)
UNIT = TICKS_PER_QUARTER // BEAT  # ticks of a quarter of a beat on the counted page


class CountedBar(NamedTuple):
    """A counted bar.

    Attributes
    ----------
    ticks : ndarray of shape (n_quarters + 1,), int64
        Where its quarters of beats fall in the metre that is sung, and its end.
    """

    ticks: Ints

    @classmethod
    def of(cls, metre: Metre) -> Self:
        """Count a bar of a metre, or several.

        Examples
        --------
        Beats of a quarter, and the first of 5/4:

        >>> (CountedBar.of(Metre(2, 4)).ticks[::4] / 10080).tolist()
        [0.0, 1.0, 2.0, 3.0, 4.0]
        >>> (CountedBar.of(Metre(5, 4)).ticks[::2] / 10080).tolist()
        [0.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0]
        """
        n = metre.n_beats * (1 if metre.n_beats > 2 else MOST // metre.n_beats)
        least, more = divmod(n, MOST)
        lengths = np.ones(n) if n <= MOST else least + (np.arange(MOST) < more)
        parts = THIRDS if metre.is_compound else np.arange(BEAT) / BEAT
        starts = np.cumsum(lengths) - lengths
        quarters = (starts[:, None] + lengths[:, None] * parts).ravel()
        return cls(np.rint(np.append(quarters, n) * metre.beat).astype(np.int64))

    @property
    def length(self) -> int:
        """Quarters of beats of the counted bar."""
        return len(self.ticks) - 1

    def places(self, ticks: Ints) -> Ints | None:
        """Return the places of ticks, from any bar on; None where one is between two."""
        bars, ticks = np.divmod(ticks, self.ticks[-1])
        places: Ints = np.searchsorted(self.ticks, ticks)
        return bars * self.length + places if (self.ticks[places] == ticks).all() else None

    def sing(self, places: NDArray[np.float64]) -> Ints:
        """Return the ticks of places, from any bar on."""
        bars, places = np.divmod(places, self.length)
        within = np.interp(places, np.arange(len(self.ticks)), self.ticks)
        ticks: Ints = np.rint(bars * self.ticks[-1] + within).astype(np.int64)
        return ticks


def counted_page(page: Score) -> Score | None:
    """Return the page on which a free chorale is written that is to be sung on another one.

    None where that has a metre of chorales itself, or begins between two counted beats.

    Parameters
    ----------
    page : Score
        As `blank_page` makes it.
    """
    metre = page.metre_at(0)
    if not metre.is_compound and metre.n_beats in (3, MOST):
        return None
    bar = CountedBar.of(metre)
    places = bar.places(np.array([-upbeat_of(page), page.end - upbeat_of(page)]))
    if places is None or (places % BEAT).any():
        return None
    upbeat, end = UNIT * -int(places[0]), UNIT * int(places[1] - places[0])
    metres = make_table(TIME_SIGNATURE_DTYPE, [(0, bar.length // BEAT, 4)])
    bars = make_table(BAR_DTYPE, onset=bar_onsets(metres, end, upbeat or None))
    return page.replace(bars=bars, time_signatures=metres, end=end)


def names_no_place(wish: Constraint) -> bool:
    """Tell whether a wish asks the same on a counted page: of notes, and of no bar or beat.

    Examples
    --------
    >>> names_no_place(Cadence(phrase=1)), names_no_place(Range("alto", "C4", "C5", bars=2))
    (True, False)
    """
    places = (getattr(wish, name, None) for name in ("bar", "bars", "beat"))
    return isinstance(wish, PLACELESS) and all(place is None for place in places)


def sung_on(page: Score, score: Score) -> Score:
    """Return a chorale that was written on the counted page of another one as it is sung there."""
    bar, upbeat = CountedBar.of(page.metre_at(0)), upbeat_of(page)
    start = upbeat_of(score) / UNIT

    def sung(ticks: Ints) -> Ints:
        return bar.sing(ticks / UNIT - start) + upbeat

    notes, fermatas = score.notes.copy(), score.fermatas.copy()
    notes["onset"] = sung(score.notes["onset"])
    notes["duration"] = sung(score.notes["onset"] + score.notes["duration"]) - notes["onset"]
    fermatas["onset"] = sung(fermatas["onset"])
    return page.replace(notes=notes, fermatas=fermatas)
