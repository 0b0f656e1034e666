"""Originality: what of a piece stands in a corpus, where, and whether that is more than usual.

Conventions
-----------
* A run of n notes is n - 1 *moves* (semitones, ticks from onset to onset), as in
  `ngrams.Repertoire`: the same moves are a copy, `exact` at the same pitches, else `transposed`.
  In twice the time or in half of it a copy is `augmented` or `diminished`, at any pitch.
* Runs are found line by line: each place of the corpus that shares four moves with the piece is
  followed for as long as the two agree.
* Chords are those on beats, pitch by pitch and voice by voice at the common tonic
  (`evaluation.invention`).
* What is usual is what pieces of the corpus have in common with the rest of it, other settings of
  their tunes left aside.

References
----------
Z. Yin, F. Reuben, S. Stepney, T. Collins, "Measuring when a music generation algorithm copies too
much", SN Computer Science 3, 2022: a corpus against itself as the measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.encoding import shift_of
from stats_composer.evaluation.distances import Interval, interval
from stats_composer.evaluation.invention import Chord, Shares, chords_of, shares
from stats_composer.evaluation.reading import Reading
from stats_composer.score import Place, tune_groups

__all__ = ["KINDS", "Copy", "Library", "Originality", "Spot", "Usual", "beat_chords"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

GRAM = 4
"""Moves from which a run counts."""
KINDS = ("exact", "transposed", "augmented", "diminished")
_FACTORS = {"transposed": (1, 1), "augmented": (1, 2), "diminished": (2, 1)}
"""What the piece's times are multiplied and divided by, to be those of the corpus."""
_STEP_BITS = 9


class Spot(NamedTuple):
    """Where a run begins: its voice, and the place of its first note."""

    voice: str
    place: Place

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.place} ({self.voice})"


class Copy(NamedTuple):
    """A run that stands in the corpus.

    Attributes
    ----------
    n_notes : int
    kind : str
        One of `KINDS`.
    here : Spot
    piece : int
        Row in the corpus.
    there : Spot

    Examples
    --------
    >>> Copy._fields
    ('n_notes', 'kind', 'here', 'piece', 'there')
    """

    n_notes: int
    kind: str
    here: Spot
    piece: int
    there: Spot


class Originality(NamedTuple):
    """What of a piece stands in a corpus.

    Attributes
    ----------
    longest : dict of str to int
        Notes of the longest run of each kind, 0 where none has four moves; a run is of one kind.
    copies : list of Copy
        The longest run with each piece of the corpus, the longest first.
    chords : Shares or None
        None for a single line.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> notes = make_notes(onset=10080 * np.arange(8), pitch=[60, 62, 64, 65, 67, 65, 64, 62])
    >>> tune = Reading(Score(notes))
    >>> Library([tune]).judge(tune).longest
    {'exact': 8, 'transposed': 0, 'augmented': 0, 'diminished': 0}
    """

    longest: dict[str, int]
    copies: list[Copy]
    chords: Shares | None


class Usual(NamedTuple):
    """The median and the middle 95 % of the same of the corpus's own pieces.

    Attributes
    ----------
    longest : dict of str to Interval
    cited : Interval or None
    n_pieces : int

    Examples
    --------
    >>> from stats_composer.evaluation.distances import Interval
    >>> Usual({"melody": Interval(9.0, 6.0, 14.0)}, cited=None, n_pieces=100).longest["melody"]
    Interval(value=9.0, low=6.0, high=14.0)
    """

    longest: dict[str, Interval]
    cited: Interval | None
    n_pieces: int


class _Text(NamedTuple):
    """Lines of pieces one after the other: a row a note, the last of a line without a move.

    Attributes
    ----------
    pitch, onset, step, time, piece, column : ndarray of shape (n_notes,), int64
        `step` and `time` lead to the next note; `time` is -1 at the end of a line.
    """

    pitch: Ints
    onset: Ints
    step: Ints
    time: Ints
    piece: Ints
    column: Ints


class _Runs(NamedTuple):
    """Runs: the notes of the piece and of the corpus they begin with, their moves and kinds."""

    here: Ints
    there: Ints
    n_moves: Ints
    kind: Ints


class Library:
    """A corpus, ready to be searched.

    Parameters
    ----------
    corpus : sequence of Reading
    unseen : sequence of Reading
        Pieces that a model did not learn from: chords that only they have are re-discovered.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> times = 10080 * np.arange(6)
    >>> tune = Score(make_notes(onset=times, pitch=[60, 62, 64, 65, 67, 60]))
    >>> other = Score(make_notes(onset=times, pitch=[62, 64, 66, 67, 69, 69]))
    >>> copy = Library([Reading(tune)]).judge(Reading(other)).copies[0]
    >>> copy.n_notes, copy.kind, str(copy.there)
    (5, 'transposed', 'bar 1 beat 1 (voice 1)')
    """

    def __init__(self, corpus: Sequence[Reading], unseen: Sequence[Reading] = ()) -> None:
        self.corpus = list(corpus)
        self.groups = tune_groups([reading.score for reading in self.corpus])
        self._text = _text(self.corpus)
        self._moves, self._codes = np.unique(_packed(self._text), return_inverse=True)
        self._codes[self._text.time < 0] = -1
        grams = _grams(self._codes, len(self._moves))
        self._order = np.argsort(grams, kind="stable")
        self._sorted = grams[self._order]
        self._chords = [beat_chords(reading) for reading in self.corpus]
        self._unseen = {chord for reading in unseen for chord in beat_chords(reading)}

    def judge(self, reading: Reading, leaving: Iterable[int] = ()) -> Originality:
        """Find what of a piece stands in the corpus.

        Parameters
        ----------
        reading : Reading
        leaving : iterable of int
            Tunes, numbers in `groups`, whose pieces are left aside.

        Returns
        -------
        Originality
        """
        kept = ~np.isin(self.groups, list(leaving))
        own = _text([reading])
        runs = self._runs(own, kept)
        longest = {
            name: int(runs.n_moves[runs.kind == kind].max(initial=-1)) + 1
            for kind, name in enumerate(KINDS)
        }
        order = np.lexsort([runs.kind, -runs.n_moves])
        _, first = np.unique(self._text.piece[runs.there[order]], return_index=True)
        copies = [
            self._copy(reading, own, *(int(column[row]) for column in runs))
            for row in order[np.sort(first)]
        ]
        several = len(reading.lines) > 1
        chords = shares(beat_chords(reading), self._known(kept), self._unseen) if several else None
        return Originality(longest, copies, chords)

    def usual(self, n_pieces: int = 100, random_state: int = 0) -> Usual:
        """Judge pieces of the corpus by the rest of it.

        Parameters
        ----------
        n_pieces : int
            At most so many are drawn.
        random_state : int
        """
        rng = np.random.default_rng(random_state)
        rows = rng.permutation(len(self.corpus))[:n_pieces].tolist()
        found = [self.judge(self.corpus[row], [self.groups[row]]) for row in rows]
        cited = [one.chords.cited for one in found if one.chords]
        return Usual(
            {kind: _middle([one.longest[kind] for one in found]) for kind in KINDS},
            _middle(cited) if cited else None,
            len(rows),
        )

    def _known(self, kept: Bools) -> set[Chord]:
        return {
            chord
            for chords, there in zip(self._chords, kept, strict=True)
            if there
            for chord in chords
        }

    def _runs(self, own: _Text, kept: Bools) -> _Runs:
        """Find all runs of four moves and more, to where each ends."""
        found = []
        for name, (up, down) in _FACTORS.items():
            codes = self._coded(own, up, down)
            here, there = self._meeting(codes)
            chosen = kept[self._text.piece[there]]
            here, there = here[chosen], there[chosen]
            exact = (up == down) & (own.pitch[here] == self._text.pitch[there])
            kind = np.where(exact, 0, KINDS.index(name))
            found.append(_Runs(here, there, _agreeing(codes, self._codes, here, there), kind))
        return _Runs(*(np.concatenate(columns) for columns in zip(*found, strict=True)))

    def _coded(self, own: _Text, up: int, down: int) -> Ints:
        """Give a piece's moves the corpus's numbers, -2 where it has none such."""
        packed = _packed(own._replace(time=own.time * up // down))
        place = np.minimum(np.searchsorted(self._moves, packed), len(self._moves) - 1)
        known = (self._moves[place] == packed) & (own.time >= 0) & (own.time * up % down == 0)
        return np.where(known, place, -2)

    def _meeting(self, codes: Ints) -> tuple[Ints, Ints]:
        """Pair the notes of a piece and of the corpus from which the same four moves lead."""
        grams = _grams(codes, len(self._moves))
        first, last = (np.searchsorted(self._sorted, grams, side=s) for s in ("left", "right"))
        n = np.where(grams >= 0, last - first, 0)
        here = np.repeat(np.arange(len(grams)), n)
        offset = np.arange(len(here)) - np.repeat(np.cumsum(n) - n, n)
        return here, self._order[np.repeat(first, n) + offset]

    def _copy(
        self, reading: Reading, own: _Text, here: int, there: int, n_moves: int, kind: int
    ) -> Copy:
        piece = int(self._text.piece[there])
        spots = _spot(reading, own, here), _spot(self.corpus[piece], self._text, there)
        return Copy(n_moves + 1, KINDS[kind], spots[0], piece, spots[1])


def beat_chords(reading: Reading) -> list[Chord]:
    """Return the chords on the beats of a piece, moved to the common tonic."""
    pitch = reading.pitch[reading.beat_rows]
    return chords_of(np.where(pitch >= 0, pitch - shift_of(reading.key), pitch))


def _text(pieces: Sequence[Reading]) -> _Text:
    tables = []
    for row, reading in enumerate(pieces):
        for column, notes in enumerate(reading.lines):
            pitch, onset = notes["pitch"].astype(np.int64), notes["onset"]
            step, time = np.diff(pitch, append=0), np.diff(onset, append=0)
            time[-1:] = -1
            place = np.full(len(notes), row), np.full(len(notes), column)
            tables.append(np.stack([pitch, onset, step, time, *place]))
    return _Text(*np.concatenate([np.zeros((6, 0), np.int64), *tables], axis=1))


def _packed(text: _Text) -> Ints:
    """Return each move as one number."""
    packed: Ints = (text.time << _STEP_BITS) + text.step + (1 << _STEP_BITS - 1)
    return packed


def _grams(codes: Ints, n_codes: int) -> Ints:
    """Return the four moves from each note on as one number, -1 where they are fewer."""
    grams = np.full(len(codes), -1, np.int64)
    if len(codes) >= GRAM:
        windows = np.lib.stride_tricks.sliding_window_view(codes, GRAM)
        whole = (windows >= 0).all(axis=1)
        grams[: len(windows)][whole] = windows[whole] @ (n_codes ** np.arange(GRAM))
    return grams


def _agreeing(codes: Ints, others: Ints, here: Ints, there: Ints) -> Ints:
    """Count the moves for which two texts agree from pairs of notes on, the first four told."""
    n_moves = np.full(len(here), GRAM)
    alive = np.arange(len(here))
    while len(alive):
        i, j = here[alive] + n_moves[alive], there[alive] + n_moves[alive]
        inside = (i < len(codes)) & (j < len(others))
        alive, i, j = alive[inside], i[inside], j[inside]
        alive = alive[codes[i] == others[j]]
        n_moves[alive] += 1
    return n_moves


def _spot(reading: Reading, text: _Text, row: int) -> Spot:
    return Spot(reading.names[int(text.column[row])], reading.score.where(int(text.onset[row])))


def _middle(values: Sequence[float]) -> Interval:
    drawn = np.array(values, np.float64)
    return interval(float(np.median(drawn)), drawn)
