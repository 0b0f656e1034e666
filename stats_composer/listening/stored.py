"""What the models of this room share: weights in a model file, and one that comes with it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer import modelfile
from stats_composer.files import packaged

__all__ = ["StoredWeights", "learn_odds", "logistic"]

Floats = NDArray[np.float64]


class StoredWeights:
    """Fitted weights, arrays all, that are kept in a model file.

    Attributes
    ----------
    manifest_ : dict
        What they were learned from, as the file tells.
    """

    manifest_: dict[str, Any]
    _bundled: ClassVar[str]
    _weights: ClassVar[tuple[str, ...]]
    _features: ClassVar[tuple[str, ...]] = ()

    def save(self, path: str | os.PathLike[str], manifest: Mapping[str, Any]) -> None:
        """Write the weights to a model file, with what they were learned from."""
        header = {**manifest, "model": type(self).__name__}
        if self._features:
            header["features"] = list(self._features)
        modelfile.save(path, header, {name: getattr(self, f"{name}_") for name in self._weights})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model file.

        Raises
        ------
        ModelFileError
            If it is damaged, or holds another kind of model.
        """
        told = {"features": list(cls._features)} if cls._features else {}
        header, arrays = modelfile.load_as(cls.__name__, path, **told)
        model = cls()
        with modelfile.restoring(path):
            for name in cls._weights:
                setattr(model, f"{name}_", arrays[name])
        model.manifest_ = header
        return model

    @classmethod
    def bundled(cls) -> Self:
        """Read the model that comes with the package."""
        with packaged(f"pretrained/{cls._bundled}") as path:
            return cls.load(path)


def logistic(**options: Any) -> Any:
    """Return a logistic regression of scikit-learn that ends at its optimum to many digits.

    Rounded to the digits of a model file, its weights are the same on any number of threads.
    """
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(solver="newton-cholesky", tol=1e-9, max_iter=200, **options)


def learn_odds(rows: Sequence[Floats], labels: Sequence[NDArray[np.bool_]]) -> Floats:
    """Learn log-odds of a label beyond its share, as weights of a description and a bias."""
    x, y = np.concatenate(rows), np.concatenate(labels)
    model = logistic(C=1.0).fit(x, y)
    bias = model.intercept_[0] - np.log(y.mean() / (1 - y.mean()))
    return np.append(model.coef_[0], bias).astype(np.float32)
