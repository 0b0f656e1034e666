"""Charts: the chords of a tune beat by beat, and their text.

Conventions
-----------
A chart's text has a bar between two `|`; the chords of a bar are divided by spaces and share
its beats as evenly as they can, the first ones longer. `%` is the bar before again, or within a
bar the chord before; `N.C.` is no chord. A beat has the chord that sounds when it begins.

A *quality* is one of few: what an improviser hears of a symbol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import ConstraintError, EncodingError
from stats_composer.score import Score, natural_fifths
from stats_composer.theory import Chord, is_no_chord, normalise_symbol, parse_chord

__all__ = [
    "NONE",
    "QUALITY_NAMES",
    "TONES",
    "Chart",
    "chart_of",
    "quality_of",
    "read_changes",
    "spell_over",
]

Ints = NDArray[np.int64]

QUALITY_NAMES = (
    *("none", "major", "dominant", "minor"),
    *("half-diminished", "diminished", "suspended", "augmented"),
)
NONE, MAJOR, DOMINANT, MINOR, HALF_DIMINISHED, DIMINISHED, SUSPENDED, AUGMENTED = range(8)
TONES = (
    (), (0, 4, 7, 9, 11), (0, 4, 7, 10), (0, 3, 7, 10), (0, 3, 6, 10), (0, 3, 6, 9),
    (0, 5, 7, 10), (0, 4, 8, 10),
)  # fmt: skip
"""What counts as a tone of the chord, by quality, in semitones above the root."""


def quality_of(intervals: Sequence[int]) -> int:
    """Return the quality of a chord of these tones.

    Examples
    --------
    >>> [QUALITY_NAMES[quality_of(parse_chord(name).intervals)] for name in ("Dm7", "G7", "Bm7b5")]
    ['minor', 'dominant', 'half-diminished']
    """
    tones = set(intervals)
    if 4 in tones:
        if 8 in tones and 7 not in tones:
            return AUGMENTED
        return DOMINANT if 10 in tones else MAJOR
    if 3 in tones:
        if 6 in tones and 7 not in tones:
            return HALF_DIMINISHED if 10 in tones else DIMINISHED
        return MINOR
    return SUSPENDED if tones & {2, 5} else MAJOR


@dataclass(frozen=True, eq=False)
class Chart:
    """The chords and the metre of a tune, beat by beat.

    Attributes
    ----------
    root : ndarray of shape (n_beats,), int64
        Pitch class; -1 where there is no chord.
    quality : ndarray of shape (n_beats,), int64
        Of `QUALITY_NAMES`.
    place : ndarray of shape (n_beats,), int64
        Beat of the bar, from 0.
    tonic : int
        Pitch class.
    """

    root: Ints
    quality: Ints
    place: Ints
    tonic: int

    @property
    def n_beats(self) -> int:
        """Beats of the chart."""
        return len(self.root)

    @property
    def bar(self) -> Ints:
        """The number of the bar of each beat, from 0."""
        starts = self.place == 0
        starts[:1] = True
        bars: Ints = np.cumsum(starts) - 1
        return bars

    @property
    def change(self) -> Ints:
        """The beat at which the next chord begins, for each beat; n_beats after the last."""
        code = self.root * len(QUALITY_NAMES) + self.quality
        starts = np.append(np.flatnonzero(np.diff(code)) + 1, self.n_beats)
        return starts[np.searchsorted(starts, np.arange(self.n_beats), side="right")]

    def tones(self) -> NDArray[np.bool_]:
        """Tell the pitch classes that are tones of each beat's chord, (n_beats, 12)."""
        known = np.zeros((len(TONES), 12), bool)
        for quality, tones in enumerate(TONES):
            known[quality, list(tones)] = True
        row = (np.arange(12) - np.maximum(self.root, 0)[:, None]) % 12
        return known[self.quality[:, None], row] & (self.root >= 0)[:, None]


def chart_of(page: Score, beats: Ints, tonic: int) -> Chart:
    """Return the chart of a score's chord symbols.

    Parameters
    ----------
    page : Score
    beats : ndarray of shape (n_beats,), int64, rising
        Ticks.
    tonic : int
        Pitch class.

    Raises
    ------
    EncodingError
        If a symbol cannot be read; the message names its bar.
    """
    chords = [_chord_at(page, onset, text) for onset, text in page.chords[["onset", "symbol"]]]
    row = np.searchsorted(page.chords["onset"], beats, side="right") - 1
    root = np.array([-1 if chord is None else 7 * chord.root % 12 for chord in chords] + [-1])
    quality = [NONE if chord is None else quality_of(chord.intervals) for chord in chords]
    bar = np.searchsorted(page.bars["onset"], beats, side="right") - 1
    place = beats - page.bars["onset"][bar] + page.bar_offsets[bar]
    unit = int(beats[1] - beats[0]) if len(beats) > 1 else page.metre_at(0).beat
    return Chart(root[row], np.array([*quality, NONE])[row], place // unit, tonic)


def _chord_at(page: Score, onset: int, text: str) -> Chord | None:
    try:
        return _chord(str(text))
    except ValueError as error:
        raise EncodingError(f"bar {page.where(int(onset)).bar}: {error}") from None


@lru_cache(maxsize=4096)
def _chord(text: str) -> Chord | None:
    return None if is_no_chord(text) else parse_chord(text, minus="minor")


# Places on the line of fifths from a chord's root, by semitones above it: flat second and
# third, sharp fourth, flat sixth and seventh.
OVER_ROOT = np.array([0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5])
DIMINISHED_FIFTH, AUGMENTED_FIFTH = -6, 8
FLATTEST, SHARPEST = -8, 12


def spell_over(page: Score, notes: NDArray[np.void]) -> NDArray[np.void]:
    """Return notes spelled as tones over the roots of a page's chords, in single sharps or flats.

    Before the first chord and where there is none they are spelled near the page's key.
    """
    spelled = notes.copy()
    spelled["fifths"] = natural_fifths(notes["pitch"], page.signature_at(0))
    row = np.searchsorted(page.chords["onset"], notes["onset"], side="right") - 1
    for index in np.unique(row[row >= 0]).tolist():
        onset, text = page.chords[["onset", "symbol"]][index]
        chord, here = _chord_at(page, onset, text), row == index
        if chord is not None:
            places = OVER_ROOT.copy()
            if 7 not in chord.intervals:
                places[6] = DIMINISHED_FIFTH if 6 in chord.intervals else places[6]
                places[8] = AUGMENTED_FIFTH if 8 in chord.intervals else places[8]
            fifths = chord.root + places[(notes["pitch"][here] - 7 * chord.root) % 12]
            fifths += 12 * ((fifths < FLATTEST).astype(int) - (fifths > SHARPEST))
            spelled["fifths"][here] = fifths
    return spelled


def read_changes(text: str, n_beats: int) -> tuple[list[tuple[int, str]], int]:
    """Read a chart's text.

    Parameters
    ----------
    text : str
    n_beats : int, of a bar

    Returns
    -------
    changes : list of (beat from 0, symbol)
    n_bars : int

    Raises
    ------
    ConstraintError
        If a symbol cannot be read or a bar has too many; the message names the bar.

    Examples
    --------
    >>> read_changes("Dm7 G7 | C^7 | %", 4)
    ([(0, 'Dm7'), (2, 'G7'), (4, 'Cmaj7'), (8, 'Cmaj7')], 3)
    """
    bars = [bar.split() for bar in text.strip().strip("|").split("|")]
    rows: list[tuple[int, str]] = []
    for number, bar in enumerate(bars, 1):
        written = bars[number - 2] if bar == ["%"] and number > 1 else bar
        bars[number - 1] = written
        if not 1 <= len(written) <= n_beats:
            found = f"{len(written)} chords" if written else "no chord"
            raise ConstraintError(f"changes, bar {number}: {found}: expected 1 to {n_beats}")
        for i, symbol in enumerate(written):
            if symbol == "%" and rows:
                continue
            try:
                name = normalise_symbol(symbol, style="lead sheet", minus="minor")
            except ValueError as error:
                raise ConstraintError(f"changes, bar {number}: {error}") from None
            rows.append(((number - 1) * n_beats + -(-i * n_beats // len(written)), name))
    return rows, len(bars)
