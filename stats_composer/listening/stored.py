"""What the models of this room share: weights in a model file, and one that comes with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from stats_composer import modelfile
from stats_composer.files import packaged

__all__ = ["StoredWeights"]


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
