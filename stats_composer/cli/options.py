"""Options that several verbs share, and their checks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stats_composer.theory import parse_mode

if TYPE_CHECKING:
    from stats_composer.constraints import Constraint

__all__ = [
    "Chords",
    "ConstraintFile",
    "Count",
    "Jobs",
    "Json",
    "Key",
    "ModelFile",
    "Outputs",
    "Pins",
    "Ranges",
    "Seed",
    "Tempo",
    "TimeSignature",
    "gather_constraints",
]


def _check_key(text: str | None) -> str | None:
    if text is not None:
        try:
            parse_mode(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return text


def _check_time_signature(text: str | None) -> str | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,3})/(1|2|4|8|16|32|64|128)", text)
    if not match or not 1 <= int(match[1]) <= 128:
        raise typer.BadParameter(f"{text!r}: expected a metre, such as 3/4")
    return text


def _check_tempo(value: float | None) -> float | None:
    if value is not None and not 5 <= value <= 1000:
        raise typer.BadParameter(f"{value:g}: expected 5 to 1000 quarters a minute")
    return value


Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to write; .musicxml, .mxl, .mid, .abc, .svg, .png or .wav says as what. May be "
        "repeated; '-' is MusicXML on standard output.",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        help="Such as G, 'Bb major', 'f# minor'; a small letter alone is minor. Folk tunes know "
        "'A dorian' and 'D mixolydian' too.",
        callback=_check_key,
    ),
]
TimeSignature = Annotated[
    str | None, typer.Option(help="The metre.", callback=_check_time_signature)
]
Tempo = Annotated[float | None, typer.Option(help="Quarters a minute.", callback=_check_tempo)]
Seed = Annotated[
    int | None,
    typer.Option(min=0, help="The same seed gives the same notes; by default a new one."),
]
Count = Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many.")]
Jobs = Annotated[int, typer.Option(min=1, help="Processes for several; the notes are the same.")]
Json = Annotated[bool, typer.Option("--json", help="Print facts as JSON on standard output.")]
ModelFile = Annotated[
    str | None,
    typer.Option("--model", metavar="FILE", help="A trained model; by default the bundled one."),
]
ConstraintFile = Annotated[
    Path | None, typer.Option("--constraints", metavar="FILE", help="Wishes as JSON.")
]
Pins = Annotated[
    list[str] | None,
    typer.Option("--pin", metavar="VOICE:BAR:BEAT:PITCH", help="A note, such as soprano:3:1:G4."),
]
Chords = Annotated[
    list[str] | None,
    typer.Option("--chord", metavar="BAR:BEAT:CHORD", help="A chord, such as 4:1:D7."),
]
Ranges = Annotated[
    list[str] | None,
    typer.Option("--range", metavar="VOICE:LOW-HIGH", help="Such as tenor:C3-G4."),
]


def gather_constraints(
    file: Path | None,
    pins: list[str] | None,
    chords: list[str] | None,
    ranges: list[str] | None,
) -> list[Constraint]:
    """Read the constraints of a file and of the short flags, in that order.

    Raises
    ------
    ConstraintError
        Naming the file or the flag, and what is wrong with it.
    """
    if not (file or pins or chords or ranges):
        return []
    from stats_composer.constraints import (
        load_constraints,
        parse_chord_flag,
        parse_pin_flag,
        parse_range_flag,
    )

    found: list[Constraint] = list(load_constraints(file)) if file else []
    found += [parse_pin_flag(text) for text in pins or ()]
    found += [parse_chord_flag(text) for text in chords or ()]
    found += [parse_range_flag(text) for text in ranges or ()]
    return found
