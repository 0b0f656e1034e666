"""`compose`, `harmonize` and `continue`: new scores."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from stats_composer.cli.options import (
    Form,
    Key,
    ModelFile,
    Page,
    Parts,
    Phrases,
    ScoreFile,
    Style,
    Upbeat,
    Wishes,
    checked,
    choir,
    refuse,
)
from stats_composer.cli.output import (
    DEFAULT_SUFFIXES,
    ChoosingDelivery,
    Delivery,
    read_input,
    stem_of,
)
from stats_composer.cli.speech import patience, say
from stats_composer.cli.styles import load_composer
from stats_composer.errors import EncodingError, ScoreError

__all__ = ["compose", "continue_", "harmonize", "named_after"]

TUNE_SUFFIXES = (*DEFAULT_SUFFIXES, ".abc")


class WayOfWriting(StrEnum):
    """How `harmonize` writes."""

    GIBBS = "gibbs"
    MENDED = "mended"
    DIRECTED = "directed"
    BOTH = "both"


class OwnOrStyle(StrEnum):
    """The styles that `continue` knows."""

    OWN = "own"
    CHORALE = "chorale"
    FOLK = "folk"
    JAZZ = "jazz"


def _dances(incomplete: str) -> list[str]:
    """Complete the names of dances."""
    from stats_composer.composers.folk.tune import KINDS

    return [name for name in KINDS if name.startswith(incomplete)]


StyleOf = Annotated[
    Style | None,
    typer.Option(
        "--style",
        help="A chorale in four parts, by default, a folk tune to dance to, or jazz: a solo over "
        "changes, with a band.",
    ),
]
Dance = Annotated[
    str | None,
    typer.Option(help="Of a folk tune: reel, jig, hornpipe, polka, ...", autocompletion=_dances),
]
Road = Annotated[
    WayOfWriting | None,
    typer.Option(
        help="How it is written: gibbs; mended, with faulty phrases drawn anew; directed, in one "
        "pass, or both, by a model trained with --directed. By default gibbs, but plainly in "
        "compound metres."
    ),
]


@dataclass(frozen=True)
class Plan:
    """How a chorale goes."""

    form: Form = None
    phrases: Phrases = None
    upbeat: Upbeat = None


@dataclass(frozen=True)
class Setting:
    """How a melody is set."""

    voice: Annotated[
        str | None,
        typer.Option(help="Whose the melody is; by default the first's.", autocompletion=choir),
    ] = None
    key: Key = None
    road: Road = None
    plain: Annotated[
        bool,
        typer.Option(
            "--plain",
            help="A chord a beat or longer note of the melody, in all voices at once, and no "
            "notes between.",
        ),
    ] = False
    fermatas: Annotated[bool, typer.Option("--fermatas", help="Print them at all phrase ends.")] = (
        False
    )


def compose(
    page: Page,
    plan: Plan,
    wishes: Wishes,
    delivery: ChoosingDelivery,
    style: StyleOf = None,
    dance: Dance = None,
    model: ModelFile = None,
) -> None:
    """Compose a four-part chorale, or with `--style` a dance tune or a jazz solo.

    Without a name it is written as MusicXML and MIDI (a tune as ABC too) beside you, under a
    name that is free.
    """
    asked: dict[str, Any] = {**vars(page), "constraints": wishes.gather()}
    found, composer = load_composer(style, model, verb="compose")
    if found == Style.CHORALE:
        asked |= vars(plan)
    else:
        refuse("--form, --phrases and --upbeat: they are of chorales", *vars(plan).values())
        refuse("--best: faults of voice leading are counted in chorales", delivery.best > 1)
    if found == Style.FOLK:
        asked["dance"] = dance
    else:
        refuse("--dance: only folk tunes are dances", dance)
        checked("asked_key")(page.key)
    asked = {name: value for name, value in asked.items() if value is not None}
    with patience():
        scores = composer.compose(**asked, **delivery.draws)
    if found == Style.FOLK:
        delivery.deliver(scores, "tune", suffixes=TUNE_SUFFIXES)
    else:
        delivery.deliver(scores, "chorale" if found == Style.CHORALE else "solo")


def harmonize(
    melody: ScoreFile,
    setting: Setting,
    wishes: Wishes,
    delivery: ChoosingDelivery,
    part: Parts = None,
    model: ModelFile = None,
) -> None:
    """Set your melody for four parts, or those of your model; its own notes stay as they are.

    Without a name it is written as MusicXML and MIDI beside you, under a name that is free.
    """
    checked("asked_key")(setting.key)
    if setting.plain:
        refuse("--plain and --road: a plain setting has its own", setting.road)
    constraints = wishes.gather()
    _, composer = load_composer(None, model, verb="harmonize", only=Style.CHORALE)
    given = read_input(melody, part)
    with named_after(melody), patience():
        scores = composer.harmonize(
            given,
            voice=setting.voice,
            key=setting.key,
            road="plain" if setting.plain else setting.road and setting.road.value,
            fermatas=setting.fermatas,
            constraints=constraints,
            **delivery.draws,
        )
    if not (setting.plain or setting.road or constraints) and given.metre_at(0).is_compound:
        say(f"{melody}: a compound metre, set plainly; --road gibbs writes freely", aside=True)
    if setting.key is None:
        say(f"{melody}: heard in {composer.heard_key(given)}; --key says another", aside=True)
    delivery.deliver(scores, f"{stem_of(melody, 'melody')}-harmonized")


def continue_(
    phrase: ScoreFile,
    delivery: Delivery,
    bars: Annotated[int, typer.Option(help="How many more.", callback=checked("asked_bars"))] = 8,
    style: Annotated[
        OwnOrStyle | None,
        typer.Option(help="Its own, learned from the phrase alone, by default; or a bundled one."),
    ] = None,
    part: Parts = None,
    model: ModelFile = None,
) -> None:
    """Go on from a phrase, in its own style or a bundled one; the phrase stays as it is.

    Without a name it is written as MusicXML and MIDI beside you, under a name that is free.
    """
    from stats_composer.composers.continuing import continue_phrase

    write: Any = continue_phrase
    if model or style not in (None, OwnOrStyle.OWN):
        refuse("--style and --model: a model has its own style; give one of them", model and style)
        asked = None if model else Style(str(style))
        found, composer = load_composer(asked, model, verb="continue")
        chorale = found == Style.CHORALE
        write = composer.continue_chorale if chorale else composer.continue_tune
    given = read_input(phrase, part)
    with named_after(phrase), patience():
        scores = write(given, bars=bars, **delivery.draws)
    delivery.deliver(scores, f"{stem_of(phrase, 'phrase')}-continued")


@contextlib.contextmanager
def named_after(name: str) -> Iterator[None]:
    """Put the name of an input before what is wrong with it."""
    try:
        yield
    except (ScoreError, EncodingError) as error:
        raise ScoreError(f"{name}: {error}") from error
