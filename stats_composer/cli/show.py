"""`show`: a score as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stats_composer.cli.output import STANDARD, free_names, listing, read_input, say
from stats_composer.errors import ScoreError

__all__ = ["show"]


def show(
    file: Annotated[str, typer.Argument(help="A score; '-' is standard input.")],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="The engraved score: .svg or .png."),
    ] = None,
    roll: Annotated[
        str | None, typer.Option(metavar="FILE", help="The piano roll: .svg or .png.")
    ] = None,
) -> None:
    """Draw a score: engraved, and as a piano roll.

    Without a name both are written as PNG beside you, under names that are free.
    """
    from stats_composer.render import save_engraving, save_piano_roll

    score = read_input(file)
    if output is None and roll is None:
        stem = "score" if file == STANDARD else Path(file).stem
        output = free_names(stem, (".png",))[0]
        roll = free_names(f"{stem}-roll", (".png",))[0]
    try:
        paths = save_engraving(score, output) if output else []
        if roll:
            paths.append(save_piano_roll(score, roll))
    except ScoreError as error:
        raise ScoreError(f"{file}: {error}") from error
    say(f"Wrote {listing(str(path) for path in paths)}.")
