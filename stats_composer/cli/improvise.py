"""`improvise`: a solo over a tune, or over a chart that is typed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stats_composer.cli.compose import named_after
from stats_composer.cli.facts import score_facts
from stats_composer.cli.options import Key, Tempo, TimeSignature, Wishes, refuse
from stats_composer.cli.output import Delivery, part_index, read_input, stem_of
from stats_composer.cli.speech import patience, say

if TYPE_CHECKING:
    from stats_composer.composers.jazz import JazzComposer, Manner
    from stats_composer.score import Score

__all__ = ["improvise"]

Tune = Annotated[
    str | None, typer.Argument(metavar="[TUNE]", help="A score; '-' is standard input.")
]
ChangesText = Annotated[
    str | None,
    typer.Option("--changes", metavar="CHART", help="Such as 'Dm7 | G7 | C^7 | %'; no file."),
]
Melody = Annotated[
    str | None,
    typer.Option(metavar="PART", help="The part that is the melody, by its name or number."),
]
Chorus = Annotated[int, typer.Option(min=1, max=50, help="How often the form is played.")]
Head = Annotated[bool, typer.Option("--head", help="The tune before and after the solo.")]
Density = Annotated[
    float, typer.Option(min=-2, max=2, help="1 is about twice as many notes, -1 half as many.")
]
Temperature = Annotated[
    float, typer.Option(min=0.1, max=3, help="Below 1 more usual, above 1 bolder.")
]
StyleText = Annotated[
    str,
    typer.Option(
        "--style",
        metavar="jazz|own|FILE",
        help="jazz; own, learned from the tune's melody alone; own:0.5, half of each; or a model "
        "that was trained.",
    ),
]


class PartOf(StrEnum):
    """What is written."""

    SOLO = "solo"
    BASS = "bass"
    CHORDS = "chords"


NewPart = Annotated[PartOf, typer.Option("--part", help="What is written anew.")]


@dataclass(frozen=True)
class Chart:
    """A chart that is typed, and how it is played."""

    changes: ChangesText = None
    key: Key = None
    time_signature: TimeSignature = None
    tempo: Tempo = None

    def page(self) -> Score:
        """Return the page of the chart, and tell what was assumed."""
        from stats_composer.composers.jazz import lead_page

        page = lead_page(
            str(self.changes), key=self.key, time_signature=self.time_signature, tempo=self.tempo
        )
        facts = score_facts(page)
        _tell(
            f"Assumed: {facts['time_signature']}, {facts['key']}, "
            f"{facts['tempo']:g} quarters a minute."
        )
        return page


@dataclass(frozen=True)
class Playing:
    """How a part is to be played."""

    chorus: Chorus = 1
    density: Density = 0.0
    temperature: Temperature = 1.0
    head: Head = False


def improvise(
    chart: Chart,
    playing: Playing,
    wishes: Wishes,
    delivery: Delivery,
    tune: Tune = None,
    melody: Melody = None,
    style: StyleText = "jazz",
    part: NewPart = PartOf.SOLO,
) -> None:
    """Improvise a jazz solo over a tune, or over changes that you type.

    The tune's own chords, bass and drums accompany; a bass and a piano join where it has none.
    Wishes name the voice `solo`, or the part asked for. What was taken for what is told on standard
    error. Without a name it is written as MusicXML and MIDI beside you, under a name that is free.
    """
    if (tune is None) == (chart.changes is None):
        raise typer.BadParameter("expected a tune or --changes, one of them")
    if part != PartOf.SOLO:
        refuse("--head, --density: they are of a solo", playing.head, playing.density)
    model, share = _read_style(style)
    from stats_composer.composers.jazz import Manner

    manner = Manner(playing.chorus, playing.temperature, playing.density)
    asked: dict[str, Any] = {"part": part.value, "constraints": wishes.gather()}
    asked |= delivery.draws
    if tune is None:
        refuse("--head and --melody: a typed chart has no melody", playing.head, melody)
        refuse("--style own: a typed chart has no melody to learn from", share)
        page, composer = chart.page(), _composer(model)
        with patience():
            scores = composer.improvise(page, manner=manner, **asked)
        delivery.deliver(scores, part.value)
        return
    refuse("--key, --time-signature: the tune has its own", chart.key, chart.time_signature)
    given = read_input(tune)
    lead = None if melody is None else part_index(given, melody, tune)
    with named_after(tune), patience():
        scores = _over_tune(_composer(model), given, lead, share, playing.head, manner, asked)
    delivery.deliver(scores, f"{stem_of(tune, 'tune')}-{part.value}")


def _composer(model: str | None) -> JazzComposer:
    from stats_composer.composers.jazz import JazzComposer

    return JazzComposer.bundled() if model is None else JazzComposer.load(model)


def _over_tune(
    composer: JazzComposer,
    given: Score,
    lead: int | None,
    share: float,
    head: bool,
    manner: Manner,
    asked: dict[str, Any],
) -> list[Score]:
    """Improvise over a tune, and tell what was taken for what."""
    from stats_composer.composers.jazz import framed, hear_tune

    heard = hear_tune(given, composer.solos_, lead)
    for line in heard.account:
        _tell(line)
    if share:
        composer = composer.leaning(heard.solo(), share)
    page, manner = heard.under(asked["part"]), replace(manner, swing=heard.swings)
    scores: list[Score] = composer.improvise(page, band=heard.missing, manner=manner, **asked)
    return [framed(heard, score) for score in scores] if head else scores


def _read_style(text: str) -> tuple[str | None, float]:
    """Read a style: the model's file, None for the bundled one, and the tune's own share."""
    name, _, weight = text.partition(":")
    if name == "own":
        try:
            share = float(weight or 1)
        except ValueError:
            share = 0.0
        if not 0 < share <= 1:
            raise typer.BadParameter(f"--style {text}: expected own, or own:0.5 and the like")
        return None, share
    if text == "jazz" or text.endswith(".npz"):
        return (None if text == "jazz" else text), 0.0
    raise typer.BadParameter(f"--style {text}: expected jazz, own, own:0.5 or a model's .npz file")


def _tell(line: str) -> None:
    say(line, aside=True)
