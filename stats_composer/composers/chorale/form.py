"""The form of a free chorale: its upbeat, its phrases, and the sections that return.

A form is a word of letters, one a section of one or more phrases: in a bar form, `AAB`, the second
section has the soprano of the first, and other voices. What is not asked for is drawn as often as
Bach's chorales have it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.asked import asked_bars
from stats_composer.composers.chorale.page import bars_a_phrase
from stats_composer.errors import ConstraintError
from stats_composer.score import NOTE_DTYPE, Score
from stats_composer.theory import Metre

__all__ = ["AskedForm", "Form", "asked_form", "repeated_phrases", "returned_melody"]

# Shares of the chorales whose upbeat has so many beats, and of those in which a phrase comes back.
UPBEATS = {0: 0.27, 1: 0.6, 2: 0.13}
RETURNS = 0.35
BARS = 8
MAX_PHRASES = 500


class Form(NamedTuple):
    """A form: bars, beats of the upbeat, letters, and what of it was asked for.

    Attributes
    ----------
    bars, upbeat : int
    letters : str
    is_regular, is_lettered : bool
        Whether its phrases are all as long as usual, and whether its letters were asked for.
    """

    bars: int
    upbeat: int
    letters: str
    is_regular: bool = False
    is_lettered: bool = False


class AskedForm(NamedTuple):
    """What is asked of a form; None and no letters are drawn.

    Its phrases are regular where their number or their letters are asked for.
    """

    bars: int
    upbeat: int | None
    letters: str
    is_regular: bool = False

    def drawn(self, metre: Metre, may_return: bool, rng: np.random.Generator) -> Form:
        """Draw what is not asked for."""
        letters, upbeat = self.letters, self.upbeat
        if upbeat is None:
            shares = {n: p for n, p in UPBEATS.items() if n < max(metre.n_beats - 1, 1)}
            total = sum(shares.values())
            upbeat = int(rng.choice(list(shares), p=[p / total for p in shares.values()]))
        if not letters:
            returns = may_return and self.bars >= 3 * bars_a_phrase(metre)
            letters = "AAB" if returns and rng.random() < RETURNS else "A"
        return Form(self.bars, upbeat, letters, self.is_regular, bool(self.letters))


def asked_form(bars: Any, letters: Any, phrases: Any, upbeat: Any, metre: Metre) -> AskedForm:
    """Check a form: its bars, letters, number of phrases and beats of its upbeat.

    A number of bars that is asked for is one of full bars: without an upbeat that is not.
    """
    upbeat = 0 if bars is not None and upbeat is None else upbeat
    bars = asked_bars(BARS if bars is None else bars)
    if letters is not None and not (isinstance(letters, str) and letters.isalpha()):
        raise ConstraintError(f"form {letters!r}: expected letters, such as AAB")
    if phrases is not None:
        if isinstance(phrases, bool) or not isinstance(phrases, int | np.integer):
            raise ConstraintError(f"phrases {phrases!r}: expected a whole number")
        if not 1 <= phrases <= MAX_PHRASES:
            raise ConstraintError(f"{phrases} phrases: expected 1 to {MAX_PHRASES}")
        bars = int(phrases) * bars_a_phrase(metre)
    if upbeat is not None:
        whole = isinstance(upbeat, int | np.integer) and not isinstance(upbeat, bool)
        if not whole or not 0 <= upbeat < metre.n_beats:
            raise ConstraintError(
                f"upbeat {upbeat!r}: expected beats, from 0 to {metre.n_beats - 1}"
            )
    is_regular = phrases is not None or bool(letters)
    return AskedForm(bars, upbeat, (letters or "").upper(), is_regular)


def returned_melody(score: Score, letters: str, ends: list[int]) -> NDArray[np.void] | None:
    """Return the soprano with its sections as the letters say; None where none comes back.

    Parameters
    ----------
    score : Score
        Whose first part is the soprano.
    letters : str
    ends : list of int
        Ticks at which the phrases end.

    Raises
    ------
    ConstraintError
        If the phrases cannot be shared out to the letters.
    """
    repeats = repeated_phrases(letters, ends)
    if len(set(letters)) == len(letters):
        return None
    soprano = score.notes[score.notes["part"] == 0]
    starts = [0, *ends[:-1]]
    lines = []
    for i, j in enumerate(repeats):
        line = soprano[(soprano["onset"] >= starts[j]) & (soprano["onset"] < ends[j])].copy()
        line["duration"] = np.minimum(line["duration"], ends[j] - line["onset"])
        line["onset"] += starts[i] - starts[j]
        lines.append(line)
    melody: NDArray[np.void] = np.concatenate(lines).astype(NOTE_DTYPE)
    return melody


def repeated_phrases(letters: str, ends: list[int]) -> tuple[int, ...]:
    """Return for each phrase the first one that the letters want the same, or itself.

    Raises
    ------
    ConstraintError
        If the phrases cannot be shared out to the letters.

    Examples
    --------
    >>> repeated_phrases("AAB", [8, 16, 24, 32, 40, 48, 56])
    (0, 1, 0, 1, 4, 5, 6)
    """
    lengths = np.diff([0, *ends]).tolist()
    first: dict[str, slice] = {}
    repeats: list[int] = []
    for letter, section in zip(letters, _sections(letters, len(ends)), strict=True):
        model = first.setdefault(letter, section)
        if lengths[model] != lengths[section]:
            raise ConstraintError(f"form {letters}: sections {letter} differ in length")
        repeats += range(model.start, model.stop)
    return tuple(repeats)


def _sections(letters: str, n_phrases: int) -> list[slice]:
    """Share phrases out: as many for each letter, and those left over for the last of all."""
    n_each = n_phrases // len(letters)
    if not n_each:
        raise ConstraintError(
            f"form {letters}: {len(letters)} sections in {n_phrases} phrases: expected no more"
        )
    starts = [n_each * i for i in range(len(letters))]
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], n_phrases], strict=True)]
