"""What every estimator shares: parameters by name, scikit-learn's protocol without its cost.

scikit-learn's `clone`, `cross_val_score` and `GridSearchCV` ask an estimator for `get_params`,
`set_params` and `__sklearn_tags__`. Deriving from its `BaseEstimator` would give these, and
add two seconds to every start: so they stand here, and the tags import it when it asks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import NotFittedError
from stats_composer.factors.grids import check_grid
from stats_composer.factors.seeds import RandomState, generator
from stats_composer.models.parameters import (
    Choice,
    Parameters,
    Whole,
    changed_params,
    check_parameters,
    nested_params,
)

__all__ = [
    "Callback",
    "Estimator",
    "History",
    "RandomState",
    "check_lines",
    "check_list",
    "check_pieces",
    "check_size",
    "generator",
]

Ints = NDArray[np.int64]
Callback = Callable[[str, int, int], Any] | None
"""Told of progress as (stage, done, total)."""
History = list[dict[str, Any]]
"""A row for each step of a fit: its `stage`, `step`, `objective`, and what else is known."""


def check_pieces(
    pieces: Any, n_voices: int | None = None, n_values: Sequence[int] | Ints | None = None
) -> list[Ints]:
    """Check a list of grids: int64 of shape (n_steps, n_voices), no negative symbol.

    Parameters
    ----------
    pieces : iterable of ndarray of shape (n_steps, n_voices), int
    n_voices : int, optional
        Columns that are expected; by default those of the first piece.
    n_values : sequence of int, optional
        How many symbols each of the first columns has.

    Raises
    ------
    ValueError
        Naming the piece, row, column and symbol; or an empty list, or one grid without a list.

    Examples
    --------
    >>> check_pieces([[[0, 1]], [[0, 7]]], n_values=[2, 2])
    Traceback (most recent call last):
    ...
    ValueError: piece 1, row 0, column 1: symbol 7, expected 0 to 1
    """
    grids: list[Ints] = []
    for i, piece in enumerate(check_list(pieces)):
        grids.append(check_grid(piece, n_voices, n_values, name=f"piece {i}"))
        n_voices = grids[0].shape[1]
    return grids


def check_lines(pieces: Any, n_symbols: int | None = None) -> list[Ints]:
    """Check a list of pieces of one voice: each (n_steps,) or (n_steps, 1), int.

    Parameters
    ----------
    pieces : iterable of array_like of int
    n_symbols : int, optional

    Returns
    -------
    list of ndarray of shape (n_steps,), int64

    Raises
    ------
    ValueError
        As `check_pieces`.

    Examples
    --------
    >>> check_lines([[0, 1], [[2]]])
    [array([0, 1]), array([2])]
    """
    columns = []
    for piece in check_list(pieces):
        line = np.asarray(piece)
        columns.append(line[:, None] if line.ndim == 1 else line)
    n_values = None if n_symbols is None else [n_symbols]
    return [grid[:, 0] for grid in check_pieces(columns, 1, n_values)]


def check_size(name: str, value: Any, low: int = 0) -> int:
    """Check how many are asked for: `value` under its `name`, from `low`.

    Raises
    ------
    ValueError
        As in `n_steps=-1: expected an int from 0`.

    Examples
    --------
    >>> check_size("n_steps", -1)
    Traceback (most recent call last):
        ...
    ValueError: n_steps=-1: expected an int from 0
    """
    whole = Whole(low)
    if not whole.allows(value):
        raise ValueError(f"{name}={value!r}: expected {whole}")
    return int(value)


def check_list(pieces: Any) -> list[Any]:
    """Return pieces as a list; refuse one that stands where a list of them is expected.

    Parameters
    ----------
    pieces : iterable of ndarray

    Raises
    ------
    ValueError
        For an array of two axes or fewer, what holds no pieces, or an empty list.

    Examples
    --------
    >>> check_list(iter([[0, 1], [2]]))
    [[0, 1], [2]]
    """
    if isinstance(pieces, np.ndarray) and pieces.dtype != object and pieces.ndim <= 2:
        raise ValueError(
            f"an array of shape {pieces.shape}: expected a list of pieces: wrap it in a list"
        )
    if isinstance(pieces, str) or not isinstance(pieces, Iterable):
        raise ValueError(f"{pieces!r}: expected a list of pieces")
    listed = list(pieces)
    if not listed:
        raise ValueError("no pieces: expected a list of them")
    return listed


class Estimator:
    """Base of the models: constructors store, `fit` learns names that end in `_`.

    Examples
    --------
    >>> from stats_composer import NGram
    >>> model = NGram(n=3)
    >>> isinstance(model, Estimator), model.set_params(n=2).get_params()["n"]
    (True, 2)
    """

    _parameters: ClassVar[Parameters] = {}
    """What each parameter may be: see `stats_composer.models.parameters`."""

    @classmethod
    def _parameter_names(cls) -> list[str]:
        parameters = inspect.signature(cls.__init__).parameters.values()
        return [p.name for p in parameters if p.name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters by name, and those of parameters that have some.

        Parameters
        ----------
        deep : bool
            With the nested ones, such as `smoothing__discount`.
        """
        own = {name: getattr(self, name) for name in self._parameter_names()}
        return nested_params(own) if deep else own

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name: `params`; nested ones make a new object of what they belong to.

        Raises
        ------
        ValueError
            If a name is not a parameter.
        """
        for name, value in changed_params(self, params).items():
            setattr(self, name, value)
        return self

    def _check_params(self, **closer: tuple[Choice, ...]) -> None:
        """Check the parameters, some by a closer rule than the class has.

        Raises
        ------
        ValueError
            As in `gate=9: expected None or an int in [0, 4]`.
        """
        check_parameters(self, {**self._parameters, **closer})

    def __sklearn_tags__(self) -> Any:
        """Describe the estimator to scikit-learn: unsupervised, X a list of grids."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            input_tags=InputTags(two_d_array=False),
        )

    def __repr__(self) -> str:
        """Return the constructor call, parameters at their defaults left out."""
        defaults = inspect.signature(type(self).__init__).parameters
        shown = [
            f"{name}={value!r}"
            for name, value in self.get_params(deep=False).items()
            if not np.array_equal(value, defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _check_fitted(self, name: str) -> None:
        if not hasattr(self, name):
            raise NotFittedError(f"{type(self).__name__} has no {name}: call fit first")
