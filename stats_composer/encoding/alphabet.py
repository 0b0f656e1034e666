"""What a grid is written in and on: the alphabets of its voices, and the empty page.

Conventions are those of `encoding`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import EncodingError
from stats_composer.score import Score

__all__ = ["Alphabet", "GridFrame"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Alphabet:
    """The sorted entries of one voice; a symbol is an index into them.

    Attributes
    ----------
    entries : ndarray of shape (n_symbols,), int64, rising
        MIDI pitches with `REST` and `HOLD` before them, or the values of a context.
    name : str
        The voice's name: `soprano`, `place`.

    Examples
    --------
    >>> alto = Alphabet.of([64, 60, 67], "alto")
    >>> alto.entries.tolist(), alto.symbol(64), alto.encode(np.array([60, 67])).tolist()
    ([60, 64, 67], 1, [0, 2])
    """

    entries: Ints
    name: str = ""

    @classmethod
    def of(cls, values: Iterable[int] | Ints, name: str = "") -> Alphabet:
        """Collect the distinct values of a voice."""
        entries = np.unique(np.asarray(list(values), np.int64))
        entries.setflags(write=False)
        return cls(entries, name)

    def __len__(self) -> int:
        """Return the number of symbols."""
        return len(self.entries)

    @property
    def pitch(self) -> Ints:
        """Label table: the pitch of each symbol, negative where it has none."""
        return self.entries

    @property
    def pitch_class(self) -> Ints:
        """Label table: the pitch class of each symbol, -1 where it has none."""
        return np.where(self.entries >= 0, self.entries % 12, -1)

    def symbol(self, entry: int) -> int:
        """Index of an entry, or -1."""
        index = int(np.searchsorted(self.entries, entry))
        found = index < len(self.entries) and self.entries[index] == entry
        return index if found else -1

    def encode(self, values: Ints) -> Ints:
        """Replace entries by symbols.

        Raises
        ------
        EncodingError
            Naming the first value that is not in the alphabet.
        """
        index = np.minimum(np.searchsorted(self.entries, values), len(self.entries) - 1)
        wrong = self.entries[index] != values
        if wrong.any():
            step = int(np.argmax(wrong))
            raise EncodingError(
                f"{self.name or 'voice'}: {values[step]} at step {step} is not among the "
                f"{len(self)} entries from {self.entries.min()} to {self.entries.max()}"
            )
        return index.astype(np.int64)


@dataclass(frozen=True, eq=False)
class GridFrame:
    """The empty page that a grid is written on: its steps, bars, key and voices.

    Attributes
    ----------
    page : Score
        A score without notes: metres, keys, bars, tempos, parts, and its end.
    step : int
        Ticks of a row of the grid.
    alphabets : tuple of Alphabet
        One a voice; the first `n_lines` are the voices of notes, top to bottom, the others
        context voices.
    n_lines : int
    shift : int
        Semitones from an alphabet's pitch to the one that sounds.
    key : (tonic fifths, mode)

    Examples
    --------
    >>> from stats_composer.encoding import GridEncoder
    >>> from stats_composer.score import make_notes
    >>> line = Score(make_notes(onset=10080 * np.arange(6), pitch=[60, 62, 64, 65, 67, 72]))
    >>> frame = GridEncoder(1, contexts=()).fit([line]).encode(line)[1]
    >>> frame.n_steps, frame.step, frame.bar.tolist(), frame.steps(40320, 10080)
    (16, 5040, [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], slice(8, 10, None))
    """

    page: Score
    step: int
    alphabets: tuple[Alphabet, ...]
    n_lines: int
    shift: int = 0
    key: tuple[int, int] = (0, 0)

    @property
    def n_steps(self) -> int:
        """Rows of the grid."""
        return -(-self.page.end // self.step)

    @property
    def n_symbols(self) -> Ints:
        """Symbols of each voice, context voices included."""
        return np.array([len(a) for a in self.alphabets], np.int64)

    @property
    def bar(self) -> Ints:
        """Index of the bar of each step, int64 of shape (n_steps,)."""
        ticks = np.arange(self.n_steps) * self.step
        return np.searchsorted(self.page.bars["onset"], ticks, side="right").astype(np.int64) - 1

    def steps(self, onset: int, duration: int) -> slice:
        """Return the steps that a `duration` from an `onset`, in ticks, covers or touches."""
        return slice(onset // self.step, -(-(onset + duration) // self.step))
