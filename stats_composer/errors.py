"""The errors a user can meet, each with one line that says what, where and what was expected.

Every error of the package derives from `StatsComposerError`, so that a program embedding it
needs one `except`, and the shell can print one line and exit with status 1.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, Self

__all__ = [
    "ConstraintError",
    "EncodingError",
    "ModelFileError",
    "NotFittedError",
    "SamplingError",
    "ScoreError",
    "ScoreFileError",
    "ScoreWarning",
    "StatsComposerError",
]


class StatsComposerError(Exception):
    """Base of all errors of the package."""


class ScoreError(StatsComposerError, ValueError):
    """A score that breaks its own rules: out of range, overlapping, unordered."""


class ScoreFileError(StatsComposerError, ValueError):
    """A score file that cannot be read or written; the message starts with its name."""


class EncodingError(StatsComposerError, ValueError):
    """A score that an encoder cannot express: a pitch outside an alphabet, too few voices."""


class ConstraintError(StatsComposerError, ValueError):
    """Constraints that are malformed or cannot all hold.

    Attributes
    ----------
    conflict : tuple of str
        The text form of a minimal set of constraints that conflict: without any one of
        them the others could hold. Empty where the error is about one malformed constraint.
    """

    def __init__(self, message: str, conflict: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.conflict = tuple(conflict)


class SamplingError(StatsComposerError, RuntimeError):
    """A search that found nothing that satisfies the constraints within its limits."""


class ModelFileError(StatsComposerError, ValueError):
    """A model file that is damaged, foreign, or of another version."""


class NotFittedError(StatsComposerError, ValueError, AttributeError):
    """A model that was asked to work before `fit`.

    Where scikit-learn's exceptions are loaded it is scikit-learn's error of this name as well,
    so that code written for its estimators catches it; nothing is imported for that.
    """

    def __new__(cls, *args: Any) -> Self:
        """Make one, of the joined class where scikit-learn is there to know it."""
        theirs = sys.modules.get("sklearn.exceptions")
        joined = (
            cls if theirs is None or cls is not NotFittedError else _joined(theirs.NotFittedError)
        )
        return super().__new__(joined, *args)

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process as what it is without scikit-learn."""
        return NotFittedError, self.args


@cache
def _joined(theirs: type[Exception]) -> type[Any]:
    """Return the class of errors that are scikit-learn's as well."""
    return type("NotFittedError", (NotFittedError, theirs), {})


class ScoreWarning(UserWarning):
    """Something of a score that the format, view or encoder asked for cannot hold."""
