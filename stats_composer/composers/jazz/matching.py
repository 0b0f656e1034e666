"""A model of solos corrected until what it writes by itself has the habits of its corpus.

Solos are written over the charts of the corpus, without wishes, round after round; rhythm and
pitches get the log-weights of `models/viewpoints/correction.py`, whose rates fall, so that the
noise of the last rounds is little.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from stats_composer.composers.jazz.model import SoloModel
from stats_composer.composers.jazz.page import lead_page
from stats_composer.composers.jazz.solo import STEPS, Solo, snap
from stats_composer.composers.jazz.viewpoints import PITCH_CORRECTED, RHYTHM_CORRECTED
from stats_composer.composers.jazz.writer import Manner, SoloTask, SoloWriter
from stats_composer.errors import SamplingError
from stats_composer.theory import TICKS_PER_QUARTER

__all__ = ["match", "opening", "written_anew"]

N_ROUNDS, RATE = 10, 0.5
N_BEATS = 128
"""Longer solos are written as far as this: they repeat their chart."""
N_SOLOS = 64


def opening(solo: Solo, n_beats: int = N_BEATS) -> Solo:
    """Return the first beats of a solo."""
    chart = solo.chart
    if chart.n_beats <= n_beats:
        return solo
    columns = {name: getattr(chart, name)[:n_beats] for name in ("root", "quality", "place")}
    n = max(int(np.searchsorted(solo.onset, n_beats * STEPS)), 1)
    notes = {name: getattr(solo, name)[:n] for name in ("onset", "length", "pitch")}
    return replace(solo, **notes, chart=replace(chart, **columns))


def written_anew(model: SoloModel, solos: Sequence[Solo], *seed: int) -> list[Solo]:
    """Write a solo in the place of each: over its chart, in its tempo and compass.

    Parameters
    ----------
    model : SoloModel
    solos : sequence of Solo
    *seed : int
    """
    return [_anew(model, solo, (*seed, number)) for number, solo in enumerate(solos)]


def _anew(model: SoloModel, solo: Solo, seed: Sequence[int]) -> Solo:
    manner = Manner(compass=(int(solo.pitch.min()), int(solo.pitch.max())))
    page = lead_page("C")
    tempo, chart = solo.tempo, solo.chart
    task = SoloTask(page, chart, TICKS_PER_QUARTER, tempo, manner, closes=False, plain=False)
    return SoloWriter(task, model).write(np.random.default_rng(seed))


def match(model: SoloModel, solos: Sequence[Solo], random_state: int = 0) -> SoloModel:
    """Correct a fitted model by what it writes, and return it.

    Parameters
    ----------
    model : SoloModel
    solos : sequence of Solo
        What it was fitted to. Those that cannot be written anew, such as one long note, say
        nothing.
    random_state : int
    """
    corpus = [opening(snap(solo, model.known_)) for solo in solos]
    models = {model.rhythm_: RHYTHM_CORRECTED, model.pitch_: PITCH_CORRECTED}
    for part, names in models.items():
        part.begin_correction(names)
    n_parts = -(-len(corpus) // N_SOLOS)
    for number in range(N_ROUNDS):
        own, made = [], []
        for i, solo in enumerate(corpus[number % n_parts :: n_parts]):
            with suppress(SamplingError):
                made.append(_anew(model, solo, (random_state, number, i)))
                own.append(solo)
        if not made:
            break
        rate = RATE * (1 - number / N_ROUNDS)
        tables = zip(models, model.tables(own), model.tables(made), strict=True)
        for part, theirs, mine in tables:
            part.correct(theirs, mine, rate)
    return model
