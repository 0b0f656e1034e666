"""Training of a chorale composer from files, and the record of what went into it."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from stats_composer.composers.chorale.composer import ChoraleComposer
from stats_composer.composers.sources import describe, read_sources
from stats_composer.errors import ScoreFileError, ScoreWarning
from stats_composer.score import Part, Score, merge_parts, opening, same_tune

__all__ = ["objection", "train"]

STAVES, FOUR = 2, 4
SIZES = range(2, 7)
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
    """Train a composer on the scores in two to six parts among some files.

    It learns those of as many voices as most of them have. What has two voices on a staff, written
    as voices or as chords of two, is read as two.

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
        If no such score is among the files.
    """
    sources, named, files, refused = read_sources(source, n_jobs=n_jobs, progress=progress)
    used = _chosen(named, exclude, refused)
    if not used:
        raise ScoreFileError(f"{', '.join(map(str, sources))}: no score in two to six parts")
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
    named = [(name, in_voices(score)) for name, score in named]
    unwanted = {os.path.basename(name) for name in exclude}
    held_out = [s for name, s in named if os.path.basename(name) in unwanted and s.voices]
    openings = [opening(score) for score in held_out]
    sizes = Counter(len(score.voices) for _, score in named if not objection(score))
    n_voices = max(sizes, key=lambda n: (sizes[n], n == FOUR, n), default=FOUR)
    used: dict[str, Score] = {}
    for name, score in named:
        reason = objection(score, n_voices)
        if os.path.basename(name) in unwanted:
            reason = "held out"
        elif not reason and any(same_tune(opening(score), other) for other in openings):
            reason = "the tune of a score that is held out"
        if reason:
            refused[name] = reason
        else:
            used[name] = score
    return used


def in_voices(score: Score) -> Score:
    """Read two staves of a voice each as four voices, where notes sound together in pairs.

    A note alone is sung by both voices of its staff. Other scores come back as they are.
    """
    lines = [score.select(*pair) for pair in score.voices]
    if len(lines) != STAVES or not all(map(_has_chords, lines)):
        return score
    found: list[Score] = []
    for line in lines:
        _, group, many = np.unique(line.notes["onset"], return_inverse=True, return_counts=True)
        last = np.append(np.diff(group) > 0, True)  # the upper note, as they rise
        for chosen in (last, ~last | (many[group] == 1)):
            found.append(line.replace(notes=line.notes[chosen], parts=(Part(),)))
    return score if any(map(_has_chords, found)) else merge_parts(found)


def objection(score: Score, n_voices: int | None = None) -> str:
    """Say why a score is none in parts, of some number or of two to six, or nothing."""
    found = len(score.voices)
    if found not in SIZES:
        return f"{found} voices"
    for part, voice in score.voices:
        if _has_chords(score.select(part, voice)):
            return f"chords within part {part + 1}"
    return "" if n_voices in (None, found) else f"{found} voices, and most have {n_voices}"


def _has_chords(line: Score) -> bool:
    """Tell whether a line sounds two notes at once."""
    onset, duration = (line.notes[name] for name in ("onset", "duration"))
    return bool((onset[1:] < (onset + duration)[:-1]).any())
