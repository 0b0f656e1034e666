"""`resample` and `vary`: what is there, written anew in places."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from stats_composer.cli.compose import named_after
from stats_composer.cli.options import ModelFile, Parts, ScoreFile, Style, Wishes, choir
from stats_composer.cli.output import ChoosingDelivery, Delivery, read_input, stem_of
from stats_composer.cli.speech import patience
from stats_composer.cli.styles import load_composer

__all__ = ["resample", "vary"]


def read_bars(text: str) -> tuple[int, int]:
    """Read a run of printed bars: `5:8`, `5-8` or `5`.

    Examples
    --------
    >>> read_bars("5:8"), read_bars("5-8"), read_bars("5")
    ((5, 8), (5, 8), (5, 5))
    """
    match = re.fullmatch(r"(\d{1,6})(?:[:-](\d{1,6}))?", text)
    if not match:
        raise typer.BadParameter(f"{text!r}: expected the first and the last bar, such as 5:8")
    return int(match[1]), int(match[2] or match[1])


def resample(
    score: ScoreFile,
    bars: Annotated[
        str, typer.Option(metavar="FIRST:LAST", help="Printed numbers of the bars to write anew.")
    ],
    wishes: Wishes,
    delivery: ChoosingDelivery,
    voice: Annotated[
        list[str] | None,
        typer.Option(
            help="To write anew there; may be repeated, and is all by default.",
            autocompletion=choir,
        ),
    ] = None,
    part: Parts = None,
    model: ModelFile = None,
) -> None:
    """Write some bars, or voices in them, of a score in parts anew and keep everything else.

    Without a name it is written as MusicXML and MIDI beside you, under a name that is free.
    """
    region = read_bars(bars)
    constraints = wishes.gather()
    _, composer = load_composer(None, model, verb="resample", only=Style.CHORALE)
    given = read_input(score, part)
    with named_after(score), patience():
        scores = composer.resample(
            given,
            bars=region,
            voices=voice or None,
            constraints=constraints,
            **delivery.draws,
        )
    delivery.deliver(scores, f"{stem_of(score, 'score')}-resampled")


def vary(
    melody: ScoreFile,
    delivery: Delivery,
    part: Parts = None,
) -> None:
    """Vary a melody: its strong beats and its last bar stay, the rest is written anew.

    Without a name it is written as MusicXML and MIDI beside you, under a name that is free.
    """
    from stats_composer.composers.continuing import vary_phrase

    given = read_input(melody, part)
    with named_after(melody), patience():
        scores = vary_phrase(given, **delivery.draws)
    delivery.deliver(scores, f"{stem_of(melody, 'melody')}-varied")
