"""Training of a composer of folk tunes from files, and the record of what went into it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence

from stats_composer.composers.folk.composer import MelodyComposer
from stats_composer.composers.folk.tune import Tune, read_tune
from stats_composer.composers.sources import describe, read_sources
from stats_composer.errors import EncodingError, ScoreFileError, ScoreWarning
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
    source : str, path or sequence of str
        Files, folders or patterns.
    exclude : iterable of str
        Names of files to leave out.
    licence, attribution : str
        Of the files, for the model's record.
    random_state : int
    n_jobs : int
        Processes that read files.
    progress : bool
        Show a bar while files are read.
    callback : callable, optional
        Called as callback(stage, done, total).

    Returns
    -------
    MelodyComposer
        With `manifest_`: what was used, what was left out and why.

    Raises
    ------
    ScoreFileError
        If no tune is among the files.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)
        sources, named, files, refused = read_sources(source, n_jobs=n_jobs, progress=progress)
    unwanted = {os.path.basename(name) for name in exclude}
    tunes: dict[str, Tune] = {}
    for name, score in named:
        if os.path.basename(name) in unwanted:
            refused[name] = "held out"
            continue
        try:
            tunes[name] = read_tune(score)
        except EncodingError as error:
            refused[name] = str(error)
    if not tunes:
        raise ScoreFileError(f"{', '.join(sources)}: no dance tune in one voice")
    composer = MelodyComposer(random_state=random_state)
    composer.fit_tunes(list(tunes.values()), callback=callback)
    names = [os.path.basename(os.path.normpath(one)) for one in sources]
    composer.manifest_ = describe("folk", names, tunes, files, refused)
    composer.manifest_ |= {"licence": licence, "attribution": attribution}
    return composer
