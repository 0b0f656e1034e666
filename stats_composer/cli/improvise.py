"""`improvise`: a solo over a tune, or over a chart that is typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stats_composer.cli.compose import named_after
from stats_composer.cli.facts import score_facts
from stats_composer.cli.options import Key, ModelFile, Tempo, TimeSignature, Wishes, refuse
from stats_composer.cli.output import Delivery, part_index, read_input, stem_of
from stats_composer.cli.speech import patience, say

if TYPE_CHECKING:
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


@dataclass(frozen=True)
class Chart:
    """A chart that is typed, and how it is played."""

    changes: ChangesText = None
    key: Key = None
    time_signature: TimeSignature = None
    tempo: Tempo = None

    def page(self) -> Score:
        """Return the page of the chart, and tell what was assumed."""
        from stats_composer.composers.jazz.page import lead_page

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
class Manner:
    """How a solo is to be."""

    chorus: Chorus = 1
    density: Density = 0.0
    temperature: Temperature = 1.0


def improvise(
    chart: Chart,
    manner: Manner,
    wishes: Wishes,
    delivery: Delivery,
    tune: Tune = None,
    head: Head = False,
    melody: Melody = None,
    model: ModelFile = None,
) -> None:
    """Improvise a jazz solo over a tune, or over changes that you type.

    The tune's own chords, bass and drums accompany; a bass and a piano join where it has none.
    Wishes name the voice `solo`. What was taken for what is told on standard error. Without a
    name it is written as MusicXML and MIDI beside you, under a name that is free.
    """
    if (tune is None) == (chart.changes is None):
        raise typer.BadParameter("expected a tune or --changes, one of them")
    from stats_composer.composers.jazz import JazzComposer
    from stats_composer.composers.jazz.tune import framed, hear_tune

    asked: dict[str, Any] = {**vars(manner), "constraints": wishes.gather(), **delivery.draws}
    if tune is None:
        refuse("--head and --melody: a typed chart has no melody", head, melody)
        page = chart.page()
    composer = JazzComposer.bundled() if model is None else JazzComposer.load(model)
    if tune is None:
        with patience():
            scores = composer.improvise(page, **asked)
        delivery.deliver(scores, "solo")
        return
    refuse("--key, --time-signature: the tune has its own", chart.key, chart.time_signature)
    given = read_input(tune)
    lead = None if melody is None else part_index(given, melody, tune)
    with named_after(tune), patience():
        heard = hear_tune(given, composer.solos_, lead)
        for line in heard.account:
            _tell(line)
        scores = composer.improvise(heard.page, band=heard.missing, swing=heard.swings, **asked)
        if head:
            scores = [framed(heard, score) for score in scores]
    delivery.deliver(scores, f"{stem_of(tune, 'tune')}-solo")


def _tell(line: str) -> None:
    say(line, aside=True)
