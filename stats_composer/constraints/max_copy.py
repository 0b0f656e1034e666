"""The constraint that no more than so many notes in a row are those of the corpus."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from stats_composer.constraints.base import Constraint, Onsets, with_automaton
from stats_composer.constraints.fields import VOICE, asks, optional, whole
from stats_composer.constraints.known import Known
from stats_composer.constraints.values import Voice
from stats_composer.constraints.where import HeardNote, line_of, notes_of, score_lines
from stats_composer.encoding import GridFrame
from stats_composer.errors import ConstraintError
from stats_composer.factors import Factors, multiply_all
from stats_composer.ngrams import CopyMachine, Repertoire
from stats_composer.score import Score

__all__ = ["MaxCopy", "with_corpus"]

_MAX_STATES = 20_000


@dataclass(frozen=True)
class MaxCopy(Constraint):
    """At most n notes in a row that stand in the corpus, transposed or not.

    Notes stand in it where a piece has the same intervals in semitones and the same times
    from note to note; how long the last note is and where rests are does not matter.

    Parameters
    ----------
    n : int
        Longest run that may be copied, in notes.
    voice : str or int, or None for all that are written
    weight : float
        Log-weight of each run of n + 1 notes.

    Attributes
    ----------
    corpus : Repertoire or None
        What was learned from, as `with_corpus` gives it; no part of the text.

    Notes
    -----
    In a voice with HOLD symbols it compiles to the exact automaton where that has no more than
    20,000 states: a short corpus or a small n. Elsewhere nothing is forbidden in advance, and
    whoever composes draws again what `violations` names.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080, 20160], pitch=[60, 62, 64]))
    >>> [wish] = with_corpus([MaxCopy(2)], Repertoire([([50, 52, 54], [0, 10080, 20160])]))
    >>> wish.violations(score)
    ['MaxCopy(n=2): 3 notes from bar 1 beat 1 stand in the corpus']
    """

    n: int = field(metadata=asks(whole("n", 1)))
    voice: Voice | None = field(default=0, metadata=asks(optional(VOICE)))
    corpus: ClassVar[Repertoire | None] = None

    def _known(self) -> Repertoire:
        if self.corpus is None:
            raise ConstraintError("this style does not keep what it was learned from")
        return self.corpus

    def factors(self, frame: GridFrame, onsets: Onsets) -> Factors:
        """Return what it asks of the symbols."""
        corpus, free = self._known(), Factors.free(frame.n_steps, frame.n_symbols)
        voices = range(frame.n_lines) if self.voice is None else [self.voice]
        lines = [line_of(frame, voice) for voice in voices]
        line = lines[0]
        if line.hold < 0 or len(lines) > 1:  # Or what is held and struck again is not told apart.
            return free
        length = np.full(len(line.pitch), frame.step)
        machine = CopyMachine(
            corpus, self.n, line.pitch, length, frame.n_steps, log_weight=self.weight
        )
        allowed = np.ones((frame.n_steps, len(line.pitch)), bool)
        try:
            automaton = multiply_all([machine], allowed, max_states=_MAX_STATES)
        except ConstraintError:
            return free
        return with_automaton(frame, line, automaton)

    def copied(self, score: Score) -> tuple[int, int] | None:
        """Return where the first run of n + 1 copied notes starts and stops, in ticks, or None.

        Parameters
        ----------
        score : Score
        """
        runs = []
        for _, notes in self._lines(score):
            last = self._known().first_copy(
                self.n, [note.pitch for note in notes], [note.onset for note in notes]
            )
            if last >= 0:
                runs.append((notes[last - self.n].onset, notes[last].stop))
        return min(runs, default=None)

    def _lines(self, score: Score) -> list[tuple[str, list[HeardNote]]]:
        """List its voices: one, or all that are not wholly given."""
        if self.voice is not None:
            return [notes_of(score, self.voice)]
        given = frozenset[int]() if self.known is None else self.known.lines
        return [line for v, line in enumerate(score_lines(score)) if v not in given]

    def _contradicted(self, known: Known) -> str:
        """Say that what is given is copied."""
        if self.voice is None or known.given is None:
            return ""
        found = self._broken(known.given)
        return f"{found[0]}, and are given" if found else ""

    def _broken(self, score: Score) -> list[str]:
        found = self.copied(score)
        if found is None:
            return []
        return [f"{self.n + 1} notes from {score.where(found[0])} stand in the corpus"]


def with_corpus(constraints: Iterable[Constraint], corpus: Repertoire) -> list[Constraint]:
    """Tell those that ask for it what was learned from.

    Parameters
    ----------
    constraints : iterable of Constraint
    corpus : Repertoire
        Labels are MIDI pitches, times ticks.

    Examples
    --------
    >>> from stats_composer.constraints import Range
    >>> print(*with_corpus([MaxCopy(8), Range(0, 60, 72)], Repertoire([([60, 62], [0, 10080])])))
    MaxCopy(n=8) Range(voice=0, low=C4, high=C5)
    """

    def told(constraint: Constraint) -> Constraint:
        if not isinstance(constraint, MaxCopy):
            return constraint
        bound = replace(constraint)
        object.__setattr__(bound, "corpus", corpus)
        return bound

    return [told(constraint) for constraint in constraints]
