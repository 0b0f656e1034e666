"""Features of chord events, seen from each of the twelve roots.

Conventions
-----------
Everything is relative to a root r: pitch class p becomes (p - r) mod 12. A feature is a
question with its answer, such as "which set sounds: root, third and seventh", numbered
from 0; the numbers of all questions follow one another in one range. The same events, moved
by a semitone, give the same features one root further: so weights are shared over the twelve
transpositions, and labels move with the music.

References
----------
K. Masada, R. Bunescu, "Chord recognition in symbolic music: a segmental CRF model", TISMIR
2(1), 2019, section 4: relative features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.models.crf import Observed

__all__ = ["FAMILIES", "N_GATES", "event_codes", "observe", "relative_codes"]

FAMILIES = ("pitch classes", "bass and metre", "neighbours")
"""Questions, from what sounds to what surrounds it; each builds on those before."""

N_ACCENTS = 6
N_GATES = 6
NEIGHBOURS = (-2, -1, 1, 2, 3)
ADJACENT = (-1, 1)

Codes = NDArray[np.int32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_BITS = 1 << np.arange(12)


class _Questions:
    """Collects answers of shape (n_events, n_roots, n_questions), each question in a range."""

    def __init__(self, n_events: int, n_roots: int) -> None:
        self.shape = (n_events, n_roots)
        self.columns: list[Codes] = []
        self.size = 0

    def ask(self, answer: Ints, n_answers: int, where: Flags | None = None) -> None:
        """Add one question; where it does not apply there is no feature."""
        self._add(answer[:, :, None], n_answers, where)

    def ask_each(self, answer: Ints, n_answers: int, where: Flags | None = None) -> None:
        """Add one question for each of the twelve pitch classes."""
        self._add(np.arange(12) * n_answers + answer, 12 * n_answers, where)

    def _add(self, answer: Ints, n_answers: int, where: Flags | None) -> None:
        code = answer + self.size
        if where is not None:
            code = np.where(where if where.ndim == 3 else where[:, :, None], code, -1)
        self.columns.append(np.broadcast_to(code, (*self.shape, code.shape[2])).astype(np.int32))
        self.size += n_answers


def relative_codes(
    events: NDArray[np.void], roots: Ints, families: Sequence[str] = FAMILIES
) -> Codes:
    """Number the features of events as seen from roots.

    Parameters
    ----------
    events : ndarray of CHORD_EVENT_DTYPE
        Of one piece, in the order of time.
    roots : ndarray of shape (n_events, n_roots), int64, in [0, 12)
    families : sequence of str
        Some of `FAMILIES`.

    Returns
    -------
    ndarray of shape (n_events, n_roots, n_slots), int32
        -1 where a question does not apply.
    """
    questions = _Questions(*roots.shape)
    present = events["weight"] > 0
    bass, accent = events["bass"].astype(np.int64), events["accent"].astype(np.int64)
    turn = (roots[:, :, None] + np.arange(12)) % 12
    own = np.take_along_axis(present[:, None, :], turn, axis=2).astype(np.int64)
    degree, level = (bass[:, None] - roots) % 12, accent[:, None] + 0 * roots
    questions.ask_each(own, 2)
    questions.ask(own @ _BITS, 4096)
    if "bass and metre" in families:
        _ask_bass_and_metre(questions, own, degree, level)
    if "neighbours" in families:
        for shift in NEIGHBOURS:
            there = np.arange(len(events)) + shift
            exists = (there >= 0) & (there < len(events))
            there = np.where(exists, there, 0)
            other = np.take_along_axis(present[there][:, None, :], turn, axis=2).astype(np.int64)
            there_degree = (bass[there][:, None] - roots) % 12
            there_level = accent[there][:, None] + 0 * roots
            _ask_neighbour(
                questions,
                (own, degree, level),
                (other, there_degree, there_level),
                np.broadcast_to(exists[:, None], roots.shape),
                shift in ADJACENT,
            )
    return np.concatenate(questions.columns, axis=2)


def _ask_bass_and_metre(questions: _Questions, own: Ints, degree: Ints, level: Ints) -> None:
    questions.ask(degree, 12)
    questions.ask((own @ _BITS) * 12 + degree, 4096 * 12)
    questions.ask(degree * N_ACCENTS + level, 12 * N_ACCENTS)
    questions.ask(level, N_ACCENTS)
    questions.ask_each(level[:, :, None] + 0 * own, N_ACCENTS, own > 0)
    questions.ask_each(degree[:, :, None] + 0 * own, 12, own > 0)


def _ask_neighbour(
    questions: _Questions,
    here: tuple[Ints, Ints, Ints],
    there: tuple[Ints, Ints, Ints],
    exists: Flags,
    adjacent: bool,
) -> None:
    own, degree, level = here
    other, other_degree, other_level = there
    sounding = (other > 0) & exists[:, :, None]
    questions.ask(exists.astype(np.int64), 2)
    questions.ask_each(0 * other, 1, sounding)
    questions.ask(other_degree, 12, exists)
    if adjacent:
        accents = level * N_ACCENTS + other_level
        questions.ask_each(accents[:, :, None] + 0 * other, N_ACCENTS**2, sounding)
        questions.ask(other @ _BITS, 4096, exists)
        questions.ask(other_degree * 12 + degree, 144, exists)
        questions.ask(accents, N_ACCENTS**2, exists)
        questions.ask_each(own * 2 + other, 4, np.broadcast_to(exists[:, :, None], own.shape))


def event_codes(events: NDArray[np.void], families: Sequence[str] = FAMILIES) -> Codes:
    """Number the features of events as seen from all twelve roots.

    Returns
    -------
    ndarray of shape (n_events, 12, n_slots), int32
    """
    roots = np.broadcast_to(np.arange(12), (len(events), 12))
    return relative_codes(events, roots, families)


def observe(events: NDArray[np.void], families: Sequence[str] = FAMILIES) -> Observed:
    """Make of events what the chain model sees of a piece.

    The gate of an event is its accent (weak, beat, strong) and whether its bass has moved:
    chords change on strong beats and with the bass.
    """
    accent = events["accent"]
    strength = np.where(accent >= 4, 2, np.where(accent == 3, 1, 0))
    moved = np.diff(events["bass"].astype(np.int64), prepend=-1) != 0
    return Observed(event_codes(events, families), strength * 2 + moved)
