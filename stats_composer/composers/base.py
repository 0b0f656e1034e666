"""What all composers share: a file that holds their models, and one that comes with the package."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer import modelfile
from stats_composer.composers.asked import asked_bars
from stats_composer.composers.many import Drawn
from stats_composer.constraints import Constraint
from stats_composer.files import packaged
from stats_composer.models.base import Estimator
from stats_composer.score import BAR_DTYPE, NOTE_DTYPE, Score, bar_positions, make_table, metre_of

__all__ = [
    "Arrays",
    "Composer",
    "Writing",
    "extended",
    "join",
    "named",
]

Arrays = Mapping[str, NDArray[Any]]

OWN_KEYS = ("model", "random_state", "sizes", "schema", "arrays", "sha256")


class Writing(Drawn, total=False):
    """What every verb of a composer may be told beside its own parameters."""

    constraints: Sequence[Constraint]


class Composer(Estimator):
    """A composer that is kept in a file; scikit-learn's `clone` makes one that is not fitted.

    Attributes
    ----------
    random_state : int
        Of the fit.
    manifest_ : dict
        What it was made from, as its file tells.
    """

    random_state: int
    manifest_: dict[str, Any]
    compose: Any  # of each style its own
    _bundled: ClassVar[str]

    def save(self, path: str | os.PathLike[str], manifest: Mapping[str, Any] | None = None) -> None:
        """Write all that was learned to one file, with what it was learned from.

        Parameters
        ----------
        path : path, ending in `.npz`
        manifest : mapping, optional
            What JSON can hold; by default that of the training that made the composer.
        """
        self._check_ready()
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
        header, arrays = modelfile.load_as(cls.__name__, path)
        composer = cls()
        with modelfile.restoring(path):
            composer.random_state = int(header["random_state"])
            composer._restore(header["sizes"], arrays)
        composer.manifest_ = {k: v for k, v in header.items() if k not in OWN_KEYS}
        return composer

    @classmethod
    def bundled(cls) -> Self:
        """Read the composer that comes with the package."""
        with packaged(f"pretrained/{cls._bundled}") as path:
            return cls.load(path)

    def warm_up(self) -> Self:
        """Write a piece that nobody sees, so that later calls wait for no compiling or loading.

        Examples
        --------
        >>> from stats_composer import ChoraleComposer
        >>> composer = ChoraleComposer.bundled().warm_up()
        """
        self.compose(random_state=0)
        return self

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what was learned: sizes, as JSON can hold them, and arrays."""
        raise NotImplementedError

    def _restore(self, sizes: Mapping[str, Any], arrays: Arrays) -> None:
        """Take over what `_state` returned."""
        raise NotImplementedError

    def _check_ready(self) -> None:
        """Refuse to work before there are models."""
        raise NotImplementedError


def named(arrays: Arrays, name: str) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names begin so, without that beginning."""
    return {k.removeprefix(name): a for k, a in arrays.items() if k.startswith(name)}


def extended(score: Score, bars: int) -> Score:
    """Return the page of a score, its last bar filled and more bars after it.

    Parameters
    ----------
    score : Score
    bars : int

    Raises
    ------
    ConstraintError
        If there would be more than `MAX_BARS`, or less than one new bar.
    """
    bars = asked_bars(bars)
    metre = score.mark_at("time_signatures", score.end)
    full = metre_of(metre).bar
    end = int(bar_positions(score, np.array([score.end - 1]))[0]) + 1
    whole = score.end + max(full - end, 0)
    if score.pickup and score.n_bars == 1:
        whole = score.end
    rows = [(whole + i * full, 0, 0) for i in range(bars)]
    bars_table = np.concatenate([score.bars, make_table(BAR_DTYPE, rows)])
    return score.replace(notes=np.zeros(0, NOTE_DTYPE), bars=bars_table, end=whole + bars * full)


def join(phrase: Score, page: Score, rows: Iterable[tuple[int, ...]]) -> Score:
    """Put a phrase and what follows it on a page."""
    table = make_table(NOTE_DTYPE, [row for row in rows if row[0] >= phrase.end])
    return page.replace(notes=np.concatenate([phrase.notes, table]))
