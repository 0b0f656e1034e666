"""Training of a composer of solos from files: tunes of any layout, their melodies as solos."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.jazz.band import BassModel
from stats_composer.composers.jazz.chart import Chart
from stats_composer.composers.jazz.composer import JazzComposer
from stats_composer.composers.jazz.page import beats_of
from stats_composer.composers.jazz.solo import Solo
from stats_composer.composers.jazz.tune import Heard, hear_tune
from stats_composer.composers.sources import read_pieces
from stats_composer.models.base import Callback
from stats_composer.score import Score

__all__ = ["train_solos"]

Line = tuple[NDArray[np.int64], Chart]


def train_solos(
    source: str | os.PathLike[str] | Sequence[str],
    *,
    exclude: Iterable[str] = (),
    licence: str = "",
    attribution: str = "",
    random_state: int = 0,
    n_jobs: int = 1,
    progress: bool = False,
    callback: Callback = None,
) -> JazzComposer:
    """Train a composer on the melodies of some files, over their chords, and on their basses.

    Parameters
    ----------
    source, exclude, licence, attribution, random_state, n_jobs, progress, callback
        As of `train_tunes`.

    Its rhythms of chords are those of the bundled one, and where no file has a bass, its bass
    lines too.
    """
    known = JazzComposer.bundled()

    def read(score: Score) -> tuple[Solo, list[Line]]:
        heard = hear_tune(score, known.solos_)
        solo = heard.solo()
        return solo, _basses(heard, solo.chart)

    pieces, record = read_pieces(
        source, read, name="jazz", exclude=exclude, n_jobs=n_jobs, progress=progress
    )
    basses = [line for _, lines in pieces for line in lines]
    bass = BassModel().fit(basses) if basses else known.bass_
    composer = JazzComposer(random_state=random_state)
    composer.fit_solos([solo for solo, _ in pieces], bass, known.comping_)
    if callback is not None:
        callback("solos", len(pieces), len(pieces))
    composer.manifest_ = {**record, "licence": licence, "attribution": attribution}
    composer.manifest_["bass_lines"] = len(basses) or "those of the bundled model"
    return composer


def _basses(heard: Heard, chart: Chart) -> list[Line]:
    """Return the bass lines of a tune: what sounds at each beat, 0 where nothing does."""
    beats = beats_of(heard.tune)
    found = []
    for part, role in enumerate(heard.roles):
        if role.role == "bass" and part != heard.melody:
            notes = heard.tune.notes[heard.tune.notes["part"] == part]
            row = np.maximum(np.searchsorted(notes["onset"], beats, side="right") - 1, 0)
            last = notes[row]
            sounds = (last["onset"] <= beats) & (beats < last["onset"] + last["duration"])
            found.append((np.where(sounds, last["pitch"], 0).astype(np.int64), chart))
    return found
