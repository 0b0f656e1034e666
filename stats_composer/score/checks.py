"""Scores that a caller gives, checked: one, or some."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stats_composer.errors import ScoreError
from stats_composer.score.score import Score

__all__ = ["check_score", "check_scores"]


def check_score(score: Any, what: str = "score") -> Score:
    """Return what is a score, and refuse what is none, such as the name of a file.

    Raises
    ------
    ScoreError

    Examples
    --------
    >>> check_score("a.mid", "melody")
    Traceback (most recent call last):
    ...
    stats_composer.errors.ScoreError: melody 'a.mid': expected a Score: read it first
    """
    if not isinstance(score, Score):
        hint = ": read it first" if isinstance(score, str) else ""
        raise ScoreError(f"{what} {score!r:.60}: expected a Score{hint}")
    return score


def check_scores(scores: Any) -> list[Score]:
    """Return some scores as a list.

    Parameters
    ----------
    scores : iterable of Score

    Raises
    ------
    ScoreError
        If they are none at all, a single one, or one of them is none.

    Examples
    --------
    >>> check_scores([])
    Traceback (most recent call last):
        ...
    stats_composer.errors.ScoreError: no scores: expected at least one
    """
    if isinstance(scores, Score):
        raise ScoreError("a single Score: expected a list of scores: wrap it in a list")
    if isinstance(scores, str) or not isinstance(scores, Iterable):
        raise ScoreError(f"scores {scores!r:.60}: expected a list of scores")
    found = [check_score(score, f"score {i}") for i, score in enumerate(scores, 1)]
    if not found:
        raise ScoreError("no scores: expected at least one")
    return found
