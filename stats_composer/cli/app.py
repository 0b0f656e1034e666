"""The verbs under one name."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import TyperException as UsageError

from stats_composer._version import __version__
from stats_composer.cli.chords import chords
from stats_composer.cli.compose import compose, continue_, harmonize
from stats_composer.cli.convert import convert, play
from stats_composer.cli.evaluate import evaluate
from stats_composer.cli.explain import explain
from stats_composer.cli.improvise import improvise
from stats_composer.cli.models import models, train
from stats_composer.cli.options import spread
from stats_composer.cli.originality import originality
from stats_composer.cli.quantize import quantize
from stats_composer.cli.rewrite import resample, vary
from stats_composer.cli.show import inspect, show

__all__ = ["UsageError", "app"]

app = typer.Typer(
    name="stats-composer",
    help="Compose, harmonize and look at scores, by statistics alone.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_VERBS = (
    compose, harmonize, continue_, improvise, resample, vary, chords, show, play, inspect, convert,
    quantize, train, models, evaluate, originality, explain,
)  # fmt: skip
for _verb in _VERBS:
    app.command(_verb.__name__.rstrip("_"))(spread(_verb))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stats-composer {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    pass
