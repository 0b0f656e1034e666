"""Invention: how many of a composer's chords its corpus has, and how many nobody wrote there.

A chord here is what the voices sound on a beat, pitch by pitch and voice by voice, at the
common tonic. It is *cited* where the training pieces have it, *re-discovered* where only
pieces have it that were kept from the model, and *invented* where neither has it. Voices drawn
without regard to each other invent nearly everything, and a Markov chain over whole chords can
only cite (Hadjeres, Sakellariou, Pachet 2016, section 4.2).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Shares", "chord_chain", "chords_of", "independent_voices", "shares"]

Ints = NDArray[np.int64]
Chord = tuple[int, ...]


class Shares(NamedTuple):
    """Shares of chords, summing to 1."""

    cited: float
    rediscovered: float
    invented: float

    def __str__(self) -> str:
        """Return the three in per cent."""
        return "  ".join(f"{name} {100 * value:5.1f} %" for name, value in self._asdict().items())


def chords_of(pitch: Ints, steps_per_beat: int = 1) -> list[Chord]:
    """Return the chords on the beats of a piece.

    Parameters
    ----------
    pitch : ndarray of shape (n_steps, n_lines), int64
        Negative for a rest; beats at which a voice rests are left out.
    steps_per_beat : int
    """
    rows = pitch[::steps_per_beat]
    return [tuple(row) for row in rows[(rows >= 0).all(axis=1)].tolist()]


def shares(chords: Iterable[Chord], train: Iterable[Chord], valid: Iterable[Chord]) -> Shares:
    """Sort chords by where they are found.

    Parameters
    ----------
    chords : iterable of tuple
    train, valid : iterable of tuple
        Chords of the training pieces, and of pieces kept from the model.

    Examples
    --------
    >>> shares([(60, 48), (62, 50), (64, 47), (60, 48)], [(60, 48)], [(62, 50)])
    Shares(cited=0.5, rediscovered=0.25, invented=0.25)
    """
    known, kept = set(train), set(valid)
    chords = list(chords)
    cited = sum(chord in known for chord in chords)
    found = sum(chord in kept and chord not in known for chord in chords)
    n = max(len(chords), 1)
    return Shares(cited / n, found / n, (len(chords) - cited - found) / n)


def independent_voices(train: Sequence[Chord], n: int, rng: np.random.Generator) -> list[Chord]:
    """Draw chords whose voices know nothing of each other."""
    columns = np.array(train)
    drawn = [rng.choice(column, n) for column in columns.T]
    return [tuple(row) for row in np.stack(drawn, axis=1).tolist()]


def chord_chain(train: Sequence[Sequence[Chord]], n: int, rng: np.random.Generator) -> list[Chord]:
    """Draw chords by a Markov chain of first order over whole chords, started anew at ends.

    Parameters
    ----------
    train : sequence of sequence of tuple
        The chords of each piece.
    n : int
    """
    following: dict[Chord, list[Chord]] = defaultdict(list)
    for piece in train:
        for chord, later in itertools.pairwise(piece):
            following[chord].append(later)
    starts = [piece[0] for piece in train if piece]
    drawn = [starts[rng.integers(len(starts))]]
    while len(drawn) < n:
        choices = following.get(drawn[-1]) or starts
        drawn.append(choices[rng.integers(len(choices))])
    return drawn
