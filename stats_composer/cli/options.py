"""Options that several verbs share, and their checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from stats_composer.constraints import Constraint

__all__ = [
    "Bars",
    "Cadences",
    "Choir",
    "Chords",
    "ConstraintFile",
    "Count",
    "Force",
    "Jobs",
    "Json",
    "Key",
    "ModelFile",
    "Outputs",
    "Page",
    "Parts",
    "Pins",
    "Ranges",
    "ScoreFile",
    "Seed",
    "Staves",
    "Style",
    "Tempo",
    "TimeSignature",
    "Wishes",
    "checked",
    "choir",
    "refuse",
    "spread",
]


HARD, SOFT = float("-inf"), -4.0
"""Log-weights of a wish of the flags, a step and voice outside."""


class Style(StrEnum):
    """What a composer writes; the same names in every verb."""

    CHORALE = "chorale"
    FOLK = "folk"
    JAZZ = "jazz"


class Choir(StrEnum):
    """The voices of a chorale."""

    SOPRANO = "soprano"
    ALTO = "alto"
    TENOR = "tenor"
    BASS = "bass"


def choir(incomplete: str) -> list[str]:
    """Complete the names of a choir's voices; a model may have others."""
    return [voice.value for voice in Choir if voice.value.startswith(incomplete)]


def checked(name: str) -> Callable[[Any], Any]:
    """Return the callback of an option whose values a function of `composers.asked` checks."""

    def check(value: Any) -> Any:
        from stats_composer.composers import asked
        from stats_composer.errors import StatsComposerError

        try:
            getattr(asked, name)(value)
        except StatsComposerError as error:
            raise typer.BadParameter(str(error)) from None
        return value

    return check


def refuse(reason: str, *given: object) -> None:
    """Refuse options that do not apply, if one of them is given.

    Raises
    ------
    typer.BadParameter
        With the reason.
    """
    if any(value not in (None, False, "", []) for value in given):
        raise typer.BadParameter(reason)


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
Force = Annotated[bool, typer.Option("--force", help="Write over files that are there.")]
Staves = Annotated[
    int | None,
    typer.Option(
        "--staves", min=2, max=2, help="2 is closed score: all voices on two staves, as in hymnals."
    ),
]
ScoreFile = Annotated[str, typer.Argument(metavar="SCORE", help="A score; '-' is standard input.")]
Parts = Annotated[
    list[str] | None,
    typer.Option(
        "--part",
        metavar="NAME",
        help="A part to read alone, by its name or its number from 1; may be repeated.",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        help="Such as G, 'Bb major', 'f# minor'; a small letter alone is minor. Folk tunes know "
        "'A dorian' and 'D mixolydian' too.",
        callback=checked("asked_mode"),
    ),
]
Bars = Annotated[
    int | None,
    typer.Option(
        help="Length; by default 8, of a folk tune 16, of jazz 32.",
        callback=lambda bars: bars if bars is None else checked("asked_bars")(bars),
    ),
]
TimeSignature = Annotated[
    str | None,
    typer.Option(
        "--time-signature",
        "--metre",
        "--meter",
        help="Such as 3/4, or C.",
        callback=checked("asked_metre"),
    ),
]
Form = Annotated[
    str | None,
    typer.Option(help="Of a chorale: a letter a section, such as AAB; A comes back."),
]
Phrases = Annotated[
    int | None, typer.Option(help="Of a chorale: how many, two bars of 4/4 each; sets its bars.")
]
Upbeat = Annotated[int | None, typer.Option(help="Of a chorale: beats before its first full bar.")]
Tempo = Annotated[
    float | None, typer.Option(help="Quarters a minute.", callback=checked("asked_tempo"))
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, help="The same seed gives the same notes; by default a new one."),
]
Count = Annotated[
    int,
    typer.Option("--count", "-n", min=1, max=1000, help="How many; each says its own seed."),
]
Best = Annotated[
    int,
    typer.Option(
        "--best",
        min=1,
        max=1000,
        metavar="N",
        help="Write so many, and keep the one with the fewest faults, as evaluate counts them.",
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        help="How many are worked at a time; -1 is one a core. The result is the same.",
        callback=checked("asked_jobs"),
    ),
]
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
    typer.Option(
        "--chord",
        metavar="BAR:BEAT:CHORD",
        help="A chord, such as 4:1:D7, 4:1:V65/V, or 4:V7 for a whole bar.",
    ),
]
Cadences = Annotated[
    list[str] | None,
    typer.Option(
        "--cadence",
        metavar="PHRASE:KIND:KEY",
        help="How a phrase ends, such as 2:half, 2:authentic:V or plagal, that of the last: "
        "authentic, perfect, picardy, plagal, half or deceptive.",
    ),
]
MaxCopies = Annotated[
    int | None,
    typer.Option(
        "--max-copy", min=1, metavar="NOTES", help="No more in a row from what was learned from."
    ),
]
Soft = Annotated[
    bool, typer.Option("--soft", help="Chords and cadences give way where a melody needs it.")
]
Ranges = Annotated[
    list[str] | None,
    typer.Option("--range", metavar="VOICE:LOW-HIGH", help="Such as tenor:C3-G4."),
]


@dataclass(frozen=True)
class Page:
    """What a new piece is like."""

    bars: Bars = None
    key: Key = None
    time_signature: TimeSignature = None
    tempo: Tempo = None


@dataclass(frozen=True)
class Wishes:
    """What the result must hold, in a file and by the short flags."""

    pin: Pins = None
    chord: Chords = None
    ranges: Ranges = None
    cadence: Cadences = None
    soft: Soft = False
    max_copy: MaxCopies = None
    constraints: ConstraintFile = None

    def gather(self) -> list[Constraint]:
        """Read the constraints of the file, then those of the flags.

        Raises
        ------
        ConstraintError
            Naming the file or the flag, and what is wrong with it.
        """
        if not any(vars(self).values()):
            return []
        from stats_composer.constraints import (
            MaxCopy,
            load_constraints,
            parse_cadence_flag,
            parse_chord_flag,
            parse_pin_flag,
            parse_range_flag,
        )

        found: list[Constraint] = (
            list(load_constraints(self.constraints)) if self.constraints else []
        )
        found += [parse_pin_flag(text) for text in self.pin or ()]
        weight = SOFT if self.soft else HARD
        found += [parse_chord_flag(text, weight=weight) for text in self.chord or ()]
        for text in self.cadence or ():
            found += parse_cadence_flag(text, weight=weight)
        found += [parse_range_flag(text) for text in self.ranges or ()]
        found += [MaxCopy(self.max_copy, voice=None)] if self.max_copy else []
        return found


def spread(verb: Callable[..., None]) -> Callable[..., None]:
    """Let the shell see the fields of a verb's dataclasses as options, after the verb's own.

    Options that go together are declared once, and reach the verb as one argument.
    """
    own: list[Parameter] = []
    spread_out: list[Parameter] = []
    groups: dict[str, Any] = {}
    for name, parameter in signature(verb, eval_str=True).parameters.items():
        group: Any = parameter.annotation
        if not is_dataclass(group):
            own.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))
            continue
        groups[name] = group
        hints = get_type_hints(group, include_extras=True)
        spread_out += [
            Parameter(f.name, Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name])
            for f in fields(group)
        ]

    @wraps(verb)
    def flat(**given: Any) -> None:
        gathered = {
            name: group(**{f.name: given.pop(f.name) for f in fields(group)})
            for name, group in groups.items()
        }
        verb(**given, **gathered)

    flat.__signature__ = Signature([*own, *spread_out])  # type: ignore[attr-defined]
    flat.__annotations__ = {p.name: p.annotation for p in (*own, *spread_out)}
    return flat
