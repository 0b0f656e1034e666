"""`show` and `inspect`: a score as pictures, and what it holds."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from stats_composer.cli.facts import score_facts
from stats_composer.cli.options import Force, Json, Parts, ScoreFile
from stats_composer.cli.output import (
    STANDARD,
    check_outputs,
    choose_parts,
    free_names,
    listing,
    read_input,
    stem_of,
)
from stats_composer.cli.speech import print_json, say
from stats_composer.errors import ScoreError

__all__ = ["inspect", "show"]

_PICTURES = (".svg", ".png")


def show(
    file: ScoreFile,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="The engraved score: .svg or .png."),
    ] = None,
    roll: Annotated[
        str | None, typer.Option(metavar="FILE", help="The piano roll: .svg or .png.")
    ] = None,
    part: Parts = None,
    force: Force = False,
) -> None:
    """Draw a score: engraved, and as a piano roll.

    Without a name both are written as PNG beside you, under names that are free.
    """
    from stats_composer.render import save_engraving, save_piano_roll

    asked = [name for name in (output, roll) if name is not None]
    check_outputs(asked, suffixes=_PICTURES, force=force)
    score = read_input(file, part)
    if not asked:
        stem = stem_of(file, "score")
        output = free_names(stem, (".png",))[0]
        roll = free_names(f"{stem}-roll", (".png",))[0]
    try:
        paths = save_engraving(score, output) if output else []
        if roll:
            paths.append(save_piano_roll(score, roll))
    except ScoreError as error:
        raise ScoreError(f"{file}: {error}") from error
    say(f"Wrote {listing(str(path) for path in paths)}.")


def inspect(file: ScoreFile, part: Parts = None, as_json: Json = False) -> None:
    """Tell what a score holds: notes, parts and their roles, pitches, bars, key, metre.

    Of a file of several pieces the first is measured, and `tunes` counts them.
    """
    from stats_composer.io import read_all
    from stats_composer.listening import RoleModel

    scores = read_all(sys.stdin.buffer if file == STANDARD else file)
    score = choose_parts(scores[0], part, file)
    facts = score_facts(score)
    roles = RoleModel.bundled().roles(score)
    if len(scores) > 1:
        facts["tunes"] = len(scores)
    if as_json:
        print_json({**facts, "roles": [vars(role) for role in roles]})
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        if value not in (None, "", []):
            shown = ", ".join(filter(None, value)) if isinstance(value, list) else value
            say(f"{name.replace('_', ' '):{width}}  {shown}")
    for number, role in enumerate(roles if len(score.notes) else [], 1):
        say(f"{f'part {number}':{width}}  {role.role}: {role.reason} ({role.confidence:.0%} sure)")
