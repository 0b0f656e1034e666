"""What a composer knows of a page beyond its marks: phrases, keys, and what is given.

Wishes that name a phrase, a Roman numeral or no key mean those of the music at hand. A composer
tells them before they are compiled (`with_known`); without it a page's own marks count.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

from stats_composer.errors import ConstraintError
from stats_composer.score import Score, phrase_spans

__all__ = ["Known", "phrase_place", "with_known"]

Wish = TypeVar("Wish")


class Known(NamedTuple):
    """What is known.

    Attributes
    ----------
    spans : sequence of (onset, end)
        The final notes of the phrases, in ticks.
    keys : sequence of (tick, (tonic fifths, mode))
        From when on each key holds.
    given : Score or None
        Notes that stay as they are, of all parts.
    lines : frozenset of int
        Lines of which nothing is to be written.
    """

    spans: tuple[tuple[int, int], ...] = ()
    keys: tuple[tuple[int, tuple[int, int]], ...] = ()
    given: Score | None = None
    lines: frozenset[int] = frozenset()

    def key_at(self, tick: int) -> tuple[int, int] | None:
        """Return the key that holds at a tick; None where none is known."""
        return next((key for start, key in reversed(self.keys) if start <= tick), None)


def with_known(constraints: Iterable[Wish], known: Known) -> tuple[Wish, ...]:
    """Tell constraints what is known; others than those that were given come back."""

    def told(constraint: Wish) -> Wish:
        bound: Any = copy.copy(constraint)
        object.__setattr__(bound, "known", known)
        return bound  # type: ignore[no-any-return]

    return tuple(told(constraint) for constraint in constraints)


def phrase_place(page: Score, known: Known | None, phrase: int) -> tuple[int, int, int]:
    """Return the ticks at which a phrase starts, its final note starts, and it ends.

    Parameters
    ----------
    page : Score
    known : Known or None
        Without it phrases are those of the page's own notes and fermatas.
    phrase : int
        From 1; -1 is the last.

    Raises
    ------
    ConstraintError
        If there is no such phrase.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> page = Score(make_notes(onset=[0, 10080], pitch=[60, 62]))
    >>> phrase_place(page, Known(((10080, 20160),)), 1)
    (0, 10080, 20160)
    """
    spans = phrase_spans(page) if known is None or not known.spans else known.spans
    index = phrase - 1 if phrase > 0 else len(spans) + phrase
    if phrase == 0 or not 0 <= index < len(spans):
        many = f"1 to {len(spans)}" if len(spans) else "a page whose phrases are known"
        raise ConstraintError(f"phrase {phrase}: expected {many}")
    return (spans[index - 1][1] if index else 0, *spans[index])
