"""What every estimator shares: parameters by name, scikit-learn's protocol without its cost.

scikit-learn's `clone`, `cross_val_score` and `GridSearchCV` ask an estimator for `get_params`,
`set_params` and `__sklearn_tags__`. Deriving from its `BaseEstimator` would give these, and
add two seconds to every start: so they stand here, and the tags import it when it asks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import NotFittedError

__all__ = ["Callback", "Estimator", "check_pieces", "generator"]

Ints = NDArray[np.int64]
Callback = Callable[[str, int, int], Any] | None
"""Told of progress as (stage, done, total)."""


def generator(random_state: int | np.random.Generator | None) -> np.random.Generator:
    """Return a random generator from a seed, a generator, or fresh entropy for None."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    return np.random.default_rng(random_state)


def check_pieces(pieces: Any, n_voices: int | None = None) -> list[Ints]:
    """Check a list of grids: int64 of shape (n_steps, n_voices), no negative symbol.

    Raises
    ------
    ValueError
        Naming the first piece that is not one, or an empty list.
    """
    grids = [np.atleast_2d(np.asarray(piece)) for piece in pieces]
    if not grids:
        raise ValueError("no pieces: expected a list of integer grids")
    n_voices = n_voices or grids[0].shape[1]
    for i, grid in enumerate(grids):
        if grid.ndim != 2 or grid.shape[1] != n_voices or not len(grid):
            raise ValueError(f"piece {i} of shape {grid.shape}: expected (n_steps, {n_voices})")
        if not np.issubdtype(grid.dtype, np.integer) or (grid < 0).any():
            raise ValueError(f"piece {i}: expected symbols, integers from 0")
    return [np.ascontiguousarray(grid, np.int64) for grid in grids]


class Estimator:
    """Base of the models: constructors store, `fit` learns names that end in `_`."""

    @classmethod
    def _parameter_names(cls) -> list[str]:
        parameters = inspect.signature(cls.__init__).parameters.values()
        return [p.name for p in parameters if p.name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters by name."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name.

        Raises
        ------
        ValueError
            If a name is not a parameter.
        """
        known = self._parameter_names()
        for name, value in params.items():
            if name not in known:
                raise ValueError(f"parameter {name!r}: expected one of {', '.join(known)}")
            setattr(self, name, value)
        return self

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
            for name, value in self.get_params().items()
            if not np.array_equal(value, defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _check_fitted(self, name: str) -> None:
        if not hasattr(self, name):
            raise NotFittedError(f"{type(self).__name__} has no {name}: call fit first")
