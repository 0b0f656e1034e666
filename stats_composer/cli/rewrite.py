"""`resample` and `vary`: what is there, written anew in places."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from stats_composer.cli.compose import named_after
from stats_composer.cli.options import (
    Choir,
    Chords,
    ConstraintFile,
    Count,
    Force,
    Jobs,
    Json,
    ModelFile,
    Outputs,
    Parts,
    Pins,
    Ranges,
    ScoreFile,
    Seed,
    Style,
    gather_constraints,
    seed_or_new,
)
from stats_composer.cli.output import Delivery, read_input, stem_of
from stats_composer.cli.speech import patience
from stats_composer.cli.styles import load_composer

__all__ = ["resample", "vary"]


def read_bars(text: str) -> tuple[int, int]:
    """Read a run of printed bars, `5:8` or `5`.

    Examples
    --------
    >>> read_bars("5:8"), read_bars("5")
    ((5, 8), (5, 5))
    """
    match = re.fullmatch(r"(\d{1,6})(?::(\d{1,6}))?", text)
    if not match:
        raise typer.BadParameter(f"{text!r}: expected the first and the last bar, such as 5:8")
    return int(match[1]), int(match[2] or match[1])


def resample(
    score: ScoreFile,
    bars: Annotated[
        str, typer.Option(metavar="FIRST:LAST", help="Printed numbers of the bars to write anew.")
    ],
    output: Outputs = None,
    voice: Annotated[
        list[Choir] | None,
        typer.Option(help="To write anew there; may be repeated, and is all by default."),
    ] = None,
    part: Parts = None,
    pin: Pins = None,
    chord: Chords = None,
    ranges: Ranges = None,
    constraints: ConstraintFile = None,
    seed: Seed = None,
    count: Count = 1,
    jobs: Jobs = 1,
    model: ModelFile = None,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Write some bars, or voices in them, of a four-part score anew and keep everything else.

    Without a name it is written as MusicXML and MIDI beside you, under a name that is free.
    """
    delivery = Delivery(output or (), force, as_json, count)
    region = read_bars(bars)
    wishes = gather_constraints(constraints, pin, chord, ranges)
    _, composer = load_composer(None, model, verb="resample", only=Style.CHORALE)
    given = read_input(score, part)
    seed = seed_or_new(seed)
    with named_after(score), patience():
        scores = composer.resample(
            given,
            bars=region,
            voices=[line.value for line in voice or Choir],
            constraints=wishes,
            random_state=seed,
            n=count,
            n_jobs=jobs,
        )
    delivery.deliver(scores, f"{stem_of(score, 'score')}-resampled", first_seed=seed)


def vary(
    melody: ScoreFile,
    output: Outputs = None,
    part: Parts = None,
    seed: Seed = None,
    count: Count = 1,
    jobs: Jobs = 1,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Vary a melody: its strong beats and its last bar stay, the rest is written anew.

    Without a name it is written as MusicXML and MIDI beside you, under a name that is free.
    """
    from stats_composer.composers.continuing import vary_phrase

    delivery = Delivery(output or (), force, as_json, count)
    given = read_input(melody, part)
    seed = seed_or_new(seed)
    with named_after(melody), patience():
        scores = vary_phrase(given, random_state=seed, n=count, n_jobs=jobs)
    delivery.deliver(scores, f"{stem_of(melody, 'melody')}-varied", first_seed=seed)
