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
    """Base of all errors of the package.

    Examples
    --------
    >>> try:
    ...     raise ScoreError("pitch 130 at bar 3 beat 2 (alto): expected 0 to 127")
    ... except StatsComposerError as error:  # whatever goes wrong in the package
    ...     print(error)
    pitch 130 at bar 3 beat 2 (alto): expected 0 to 127
    """


class ScoreError(StatsComposerError, ValueError):
    """A score that breaks its own rules: out of range, overlapping, unordered.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> Score(make_notes(onset=[0], pitch=[130]))
    Traceback (most recent call last):
        ...
    stats_composer.errors.ScoreError: pitch 130 at bar 1 beat 1 (part 1): expected 0 to 127
    """


class ScoreFileError(StatsComposerError, ValueError):
    """A score file that cannot be read or written; the message starts with its name.

    Examples
    --------
    >>> from stats_composer import read
    >>> read("nowhere.mid")
    Traceback (most recent call last):
        ...
    stats_composer.errors.ScoreFileError: nowhere.mid: No such file or directory
    """


class EncodingError(StatsComposerError, ValueError):
    """A score that an encoder cannot express: a pitch outside an alphabet, too few voices.

    Examples
    --------
    >>> from stats_composer.encoding import Alphabet
    >>> import numpy as np
    >>> Alphabet.of([60, 64, 67], "alto").encode(np.array([59]))
    Traceback (most recent call last):
        ...
    stats_composer.errors.EncodingError: alto: 59 at step 0 is not among the 3 entries from 60 to 67
    """


class ConstraintError(StatsComposerError, ValueError):
    """Constraints that are malformed or cannot all hold.

    Attributes
    ----------
    conflict : tuple of str
        The text form of a minimal set of constraints that conflict: without any one of
        them the others could hold. Empty where the error is about one malformed constraint.

    Examples
    --------
    >>> from stats_composer.constraints import parse_pin_flag
    >>> try:
    ...     parse_pin_flag("soprano:1:1")
    ... except ConstraintError as error:
    ...     print(error, error.conflict)
    pin 'soprano:1:1': expected voice:bar:beat:pitch[:quarters], such as soprano:3:1:G4 ()
    """

    def __init__(self, message: str, conflict: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.conflict = tuple(conflict)


class SamplingError(StatsComposerError, RuntimeError):
    """A search that found nothing that satisfies the constraints within its limits.

    Examples
    --------
    >>> issubclass(SamplingError, RuntimeError), issubclass(SamplingError, StatsComposerError)
    (True, True)
    """


class ModelFileError(StatsComposerError, ValueError):
    """A model file that is damaged, foreign, or of another version.

    Examples
    --------
    >>> from stats_composer.modelfile import read_header
    >>> read_header("nowhere.npz")
    Traceback (most recent call last):
        ...
    stats_composer.errors.ModelFileError: nowhere.npz: No such file or directory
    """


class NotFittedError(StatsComposerError, ValueError, AttributeError):
    """A model that was asked to work before `fit`.

    Where scikit-learn's exceptions are loaded it is scikit-learn's error of this name as well,
    so that code written for its estimators catches it; nothing is imported for that.

    Examples
    --------
    >>> from stats_composer import NGram
    >>> NGram(n=2).score([])
    Traceback (most recent call last):
        ...
    stats_composer.errors.NotFittedError: NGram has no tree_: call fit first
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
    """Something of a score that the format, view or encoder asked for cannot hold.

    Examples
    --------
    >>> import warnings
    >>> from stats_composer.score import Score, make_notes
    >>> from stats_composer.views import grid
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     _ = grid(Score(make_notes(onset=[0, 10081], pitch=[60, 62])), 10080)
    >>> str(told[0].message).partition(":")[0]
    '1 notes do not lie on the grid of 10080 ticks, first at bar 1 beat 2.0001 (part 1)'
    """
