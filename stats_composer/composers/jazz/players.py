"""Who plays: parts over the changes of a page, each drawn from its law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stats_composer.composers.jazz.band import BASS_PITCHES, BassModel
from stats_composer.composers.jazz.comping import CompingModel
from stats_composer.composers.jazz.model import SoloModel
from stats_composer.composers.jazz.page import beats_of, part_rows
from stats_composer.composers.jazz.writer import SoloTask, SoloWriter
from stats_composer.constraints import check_feasible
from stats_composer.encoding import Alphabet, GridFrame
from stats_composer.errors import ConstraintError, SamplingError
from stats_composer.factors import Automaton, Factors
from stats_composer.sampling.chain import Chain
from stats_composer.score import Part
from stats_composer.views import HOLD, REST

__all__ = ["PARTS", "Player", "bass_player", "piano_player", "solo_player"]

Player = Callable[[Generator], tuple[Part, NDArray[Any]]]
"""Draws a part and its notes."""

PARTS = ("solo", "bass", "chords")
SAXOPHONE, PIANO, BASS = 65, 0, 32
COMPING_VELOCITY, BASS_VELOCITY = 62, 76


def solo_player(task: SoloTask, model: SoloModel) -> Player:
    """Return the player of a solo."""
    writer = SoloWriter(task, model)
    return lambda rng: (Part("Solo", SAXOPHONE), writer.notes(writer.write(rng)))


def bass_player(task: SoloTask, model: BassModel) -> Player:
    """Return the player of a bass line, which is drawn exactly under the wishes of the task."""
    page, beat = task.page, task.beat
    unary, moves = (weight / task.manner.temperature for weight in model.weights(task.chart))
    frame = GridFrame(page, beat, (Alphabet(np.array([HOLD, REST, *BASS_PITCHES]), "bass"),), 1)
    kept = check_feasible(task.constraints, frame, Factors(unary[:, None]))
    law = Automaton.first_order(moves, len(unary))
    chain = Chain(kept.unary[:, 0], [law, *kept.automata.get(0, ())])
    if chain.log_normaliser == -np.inf:
        raise SamplingError("no bass line keeps the constraints")
    ticks = beats_of(page).tolist()

    def play(rng: Generator) -> tuple[Part, NDArray[Any]]:
        line = chain.sample(1, random_state=rng)[0].tolist()
        rows = [
            (tick, beat, int(BASS_PITCHES[symbol - 2]))
            for tick, symbol in zip(ticks, line, strict=True)
            if symbol > 1
        ]
        return Part("Bass", BASS), part_rows(page, rows, BASS_VELOCITY)

    return play


def piano_player(task: SoloTask, model: CompingModel) -> Player:
    """Return the player of chords."""
    if task.constraints:
        raise ConstraintError("constraints for chords: expected for the solo or the bass")
    half = task.beat // 2

    def play(rng: Generator) -> tuple[Part, NDArray[Any]]:
        struck = [
            (at * half, length * half, pitch)
            for at, length, voicing in model.chords(task.chart, rng)
            for pitch in voicing
        ]
        return Part("Piano", PIANO), part_rows(task.page, struck, COMPING_VELOCITY)

    return play
