"""What all composers share: a file that holds their models, and one that comes with the package."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from numpy.typing import NDArray

from stats_composer import modelfile
from stats_composer.errors import ModelFileError

__all__ = ["Arrays", "Composer", "named"]

Arrays = Mapping[str, NDArray[Any]]

PRETRAINED = Path(__file__).parent.parent / "pretrained"
OWN_KEYS = ("model", "random_state", "sizes", "schema", "arrays", "sha256")


class Composer:
    """A composer that is kept in a file.

    Attributes
    ----------
    random_state : int
        Of the fit.
    manifest_ : dict
        What it was made from, as its file tells.
    """

    random_state: int
    manifest_: dict[str, Any]
    _bundled: ClassVar[str]

    def save(self, path: str | os.PathLike[str], manifest: Mapping[str, Any] | None = None) -> None:
        """Write all that was learned to one file, with what it was learned from.

        Parameters
        ----------
        path : path, ending in `.npz`
        manifest : mapping, optional
            What JSON can hold; by default that of the training that made the composer.
        """
        self._check_fitted()
        sizes, arrays = self._state()
        header = dict(self.manifest_ if manifest is None else manifest)
        header |= {"model": type(self).__name__, "random_state": self.random_state, "sizes": sizes}
        modelfile.save(path, header, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a composer from a file that `save` wrote.

        Raises
        ------
        ModelFileError
            If it is damaged, or another composer's.
        """
        header, arrays = modelfile.load(path)
        if header.get("model") != cls.__name__:
            raise ModelFileError(f"{path}: a {header.get('model')}: expected a {cls.__name__}")
        composer = cls()
        try:
            composer.random_state = int(header["random_state"])
            composer._restore(header["sizes"], arrays)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ModelFileError(f"{path}: not as this version writes it: {error}") from error
        composer.manifest_ = {k: v for k, v in header.items() if k not in OWN_KEYS}
        return composer

    @classmethod
    def bundled(cls) -> Self:
        """Read the composer that comes with the package."""
        return cls.load(PRETRAINED / cls._bundled)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what was learned: sizes, as JSON can hold them, and arrays."""
        raise NotImplementedError

    def _restore(self, sizes: Mapping[str, Any], arrays: Arrays) -> None:
        """Take over what `_state` returned."""
        raise NotImplementedError

    def _check_fitted(self) -> None:
        raise NotImplementedError


def named(arrays: Arrays, name: str) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names begin so, without that beginning."""
    return {k.removeprefix(name): a for k, a in arrays.items() if k.startswith(name)}
