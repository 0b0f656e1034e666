"""`models` and `train`: what is there to compose with, and how to make one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from stats_composer.cli.options import Force, Jobs, Json, Style, refuse
from stats_composer.cli.output import check_outputs
from stats_composer.cli.speech import print_json, progress, say
from stats_composer.errors import ScoreFileError
from stats_composer.files import packaged, packaged_names

__all__ = ["models", "train"]

SHOWN = 3
"""Names that are told of those left out for one reason."""


def models(
    file: Annotated[
        str | None, typer.Argument(help="A model file; by default the bundled ones.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell what the bundled models, or one of your own, were made from."""
    found = [_described(Path(file))] if file is not None else []
    for bundled in packaged_names("pretrained", ".npz") if file is None else []:
        with packaged(f"pretrained/{bundled}") as path:
            found.append(_described(path, bundled.removesuffix(".npz")))
    if as_json:
        print_json(found)
        return
    for model in found:
        say(_summary(model))


def _described(path: Path, name: str = "") -> dict[str, Any]:
    from stats_composer.modelfile import read_header

    return {"name": name or path.stem, "file": str(path), **read_header(path)}


def _summary(model: dict[str, Any]) -> str:
    """Describe a model in a few lines: its name, then what its header says in words."""
    lines = [f"{model['name']}  ({model['file']})"]
    for name, value in model.items():
        if name not in ("name", "file", "schema", "sha256") and isinstance(
            value, str | int | float
        ):
            lines.append(f"  {name.replace('_', ' ')}: {value}")
    return "\n".join(lines)


Sources = Annotated[
    list[str],
    typer.Argument(help="Scores: files, folders, patterns, or music21:bach and the like."),
]
NewModel = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="The model, a .npz file.")
]
Exclude = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Names of files to leave out, one a line.")
]
Kind = Annotated[
    Style,
    typer.Option(
        help="chorale: scores in four parts; folk: dance tunes in one; jazz: tunes or solos with "
        "their band, of any layout."
    ),
]
Licence = Annotated[
    str, typer.Option(help="Of the tunes, for the model's record.", show_default=False)
]
Attribution = Annotated[
    str, typer.Option(help="Whose they are, for the record.", show_default=False)
]
ChordVoice = Annotated[
    bool, typer.Option("--chord-voice", help="Learn to follow charts of chords too.")
]
Directed = Annotated[
    bool, typer.Option("--directed", help="Learn to set sopranos in one pass too.")
]
FileSeed = Annotated[int, typer.Option(min=0, help="The same seed gives the same file.")]


@dataclass(frozen=True)
class ChoraleTraining:
    """What a style of chorales learns beyond its notes."""

    chord_voice: ChordVoice = False
    directed: Directed = False


@dataclass(frozen=True)
class TuneTraining:
    """What the record of a style of tunes says."""

    licence: Licence = ""
    attribution: Attribution = ""


@dataclass(frozen=True)
class Work:
    """How a model's file is made."""

    seed: FileSeed = 0
    jobs: Jobs = 1
    force: Force = False


def train(
    source: Sources,
    output: NewModel,
    chorales: ChoraleTraining,
    tunes: TuneTraining,
    work: Work,
    exclude: Exclude = None,
    style: Kind = Style.CHORALE,
) -> None:
    """Learn a style of four-part writing, of folk tunes or of solos from scores."""
    check_outputs([output], suffixes=(".npz",), force=work.force)
    names = [] if exclude is None else read_names(exclude)
    options: dict[str, Any] = {"exclude": names, "random_state": work.seed, "n_jobs": work.jobs}
    train_style: Any
    if style == Style.CHORALE:
        refuse("--licence and --attribution: they are of tunes", *vars(tunes).values())
        from stats_composer.composers.chorale.training import train as train_style

        options |= vars(chorales)
    else:
        refuse("--chord-voice and --directed: they are of chorales", *vars(chorales).values())
        options |= vars(tunes)
    if style == Style.FOLK:
        from stats_composer.composers.folk.training import train_tunes as train_style
    elif style == Style.JAZZ:
        from stats_composer.composers.jazz.training import train_solos as train_style
    with progress() as callback:
        composer = train_style(source, progress=sys.stderr.isatty(), callback=callback, **options)
    composer.save(output)
    say(f"Wrote {output}.")
    for line in _account(composer.manifest_):
        say(line)
    verb = "improvise TUNE --style" if style == Style.JAZZ else "compose --model"
    say(f"Next: stats-composer {verb} {output}")


def _account(manifest: dict[str, Any]) -> list[str]:
    """Say how many scores were used, and which were left out for what reason."""
    left_out: dict[str, list[str]] = {}
    for name, reason in manifest["left_out"].items():
        left_out.setdefault(reason, []).append(name)
    n_used, n_left = len(manifest["files"]), len(manifest["left_out"])
    lines = [f"Learned from {n_used} of {n_used + n_left} scores."]
    for reason, names in sorted(left_out.items(), key=lambda item: -len(item[1])):
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        lines.append(f"Left out, {reason}: {', '.join(names[:SHOWN])}{more}")
    return lines


def read_names(path: Path) -> list[str]:
    """Read names of files, one a line; lines that start with # are remarks."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise ScoreFileError(f"{path}: {error.strerror or error}") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
