"""Training of a composer of folk tunes from files, and the record of what went into it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from stats_composer.composers.folk.composer import MelodyComposer
from stats_composer.composers.folk.tune import read_tune
from stats_composer.composers.sources import read_pieces
from stats_composer.models.base import Callback

__all__ = ["train_tunes"]


def train_tunes(
    source: str | os.PathLike[str] | Sequence[str],
    *,
    exclude: Iterable[str] = (),
    licence: str = "",
    attribution: str = "",
    random_state: int = 0,
    n_jobs: int = 1,
    progress: bool = False,
    callback: Callback = None,
) -> MelodyComposer:
    """Train a composer on the dance tunes among some files.

    Parameters
    ----------
    source : str, path or sequence of str, of files, folders or patterns
    exclude : iterable of str, names of files to leave out
    licence, attribution : str
        Of the files, for the model's record.
    random_state : int
    n_jobs : int, processes that read files
    progress : bool, for a bar while files are read
    callback : callable, optional
        Called as callback(stage, done, total).

    Returns
    -------
    MelodyComposer, its `manifest_` what was used, what was left out and why

    Raises
    ------
    ScoreFileError
        If no tune is among the files.
    """
    tunes, record = read_pieces(
        source, read_tune, name="folk", exclude=exclude, n_jobs=n_jobs, progress=progress
    )
    composer = MelodyComposer(random_state=random_state).fit_tunes(tunes, callback=callback)
    composer.manifest_ = {**record, "licence": licence, "attribution": attribution}
    return composer
