"""Training of a chorale composer from files, and the record of what went into it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from stats_composer.composers.chorale.composer import ChoraleComposer
from stats_composer.composers.sources import describe, read_sources
from stats_composer.errors import ScoreFileError, ScoreWarning
from stats_composer.score import Score, opening, same_tune

__all__ = ["objection", "train"]

LICENCE = "music in the public domain"
ATTRIBUTION = "J. S. Bach; encodings from the corpus of music21 (music21.org)"


def train(
    source: str | os.PathLike[str] | Sequence[str],
    *,
    exclude: Iterable[str] = (),
    chord_voice: bool = False,
    directed: bool = False,
    random_state: int = 0,
    n_jobs: int = 1,
    progress: bool = False,
    callback: Callable[[str, int, int], Any] | None = None,
) -> ChoraleComposer:
    """Train a composer on the four-part scores among some files.

    Parameters
    ----------
    source : str, path or sequence of str
        Files, folders, patterns, or a name in music21's corpus such as `music21:bach`.
    exclude : iterable of str
        Names of files to leave out. Other settings of their tunes are left out too.
    chord_voice : bool
        Learn to follow charts too.
    directed : bool
        Learn to set sopranos in one pass too.
    random_state : int
    n_jobs : int
        Processes that read files.
    progress : bool
    callback : callable, optional
        Called as callback(stage, done, total).

    Returns
    -------
    ChoraleComposer
        With `manifest_`: what was used, what was left out and why.

    Raises
    ------
    ScoreFileError
        If no four-part score is among the files.
    """
    sources, named, files, refused = read_sources(source, n_jobs=n_jobs, progress=progress)
    used = _chosen(named, exclude, refused)
    if not used:
        raise ScoreFileError(f"{', '.join(map(str, sources))}: no score in four parts")
    composer = ChoraleComposer(
        chord_voice=chord_voice, directed=directed, random_state=random_state
    )
    with warnings.catch_warnings():
        # Ornaments finer than the grid are expected, and left out of what is learned.
        warnings.simplefilter("ignore", ScoreWarning)
        composer.fit(used.values(), callback=callback)
    bundled = sources == ["music21:bach"]
    composer.manifest_ = describe(
        "bach-chorale" if bundled else "chorales", sources, used, files, refused
    )
    composer.manifest_["licence"] = LICENCE if bundled else ""
    composer.manifest_["attribution"] = ATTRIBUTION if bundled else ""
    return composer


def _chosen(
    named: Sequence[tuple[str, Score]], exclude: Iterable[str], refused: dict[str, str]
) -> dict[str, Score]:
    """Return the scores to learn from by name; the reasons of the others go to `refused`."""
    unwanted = {os.path.basename(name) for name in exclude}
    held_out = [s for name, s in named if os.path.basename(name) in unwanted and s.voices]
    openings = [opening(score) for score in held_out]
    used: dict[str, Score] = {}
    for name, score in named:
        reason = objection(score)
        if os.path.basename(name) in unwanted:
            reason = "held out"
        elif not reason and any(same_tune(opening(score), other) for other in openings):
            reason = "the tune of a score that is held out"
        if reason:
            refused[name] = reason
        else:
            used[name] = score
    return used


def objection(score: Score) -> str:
    """Say why a score is no chorale in four parts, or nothing."""
    if len(score.voices) != 4:
        return f"{len(score.voices)} voices"
    notes = score.notes
    for part, voice in score.voices:
        line = notes[(notes["part"] == part) & (notes["voice"] == voice)]
        if (line["onset"][1:] < (line["onset"] + line["duration"])[:-1]).any():
            return f"chords within part {part + 1}"
    return ""
