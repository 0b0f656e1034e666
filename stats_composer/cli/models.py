"""`models` and `train`: what is there to compose with, and how to make one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from stats_composer.cli.options import Jobs, Json
from stats_composer.cli.output import print_json, say
from stats_composer.errors import ScoreFileError
from stats_composer.files import packaged, packaged_names

__all__ = ["models", "train"]


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


def train(
    source: Annotated[
        list[str],
        typer.Argument(help="Scores: files, folders, patterns, or music21:bach and the like."),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="The model, a .npz file.")
    ],
    exclude: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Names of files to leave out, one a line."),
    ] = None,
    style: Annotated[
        str, typer.Option(help="chorale: scores in four parts; folk: dance tunes in one.")
    ] = "chorale",
    licence: Annotated[
        str, typer.Option(help="Of the tunes, for the model's record.", show_default=False)
    ] = "",
    attribution: Annotated[
        str, typer.Option(help="Whose they are, for the record.", show_default=False)
    ] = "",
    chord_voice: Annotated[
        bool, typer.Option("--chord-voice", help="Learn to follow charts of chords too.")
    ] = False,
    directed: Annotated[
        bool, typer.Option("--directed", help="Learn to set sopranos in one pass too.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same file.")] = 0,
    jobs: Jobs = 1,
) -> None:
    """Learn a style of four-part writing, or of folk tunes, from scores."""
    if Path(output).suffix != ".npz" or not Path(output).parent.is_dir():
        raise ScoreFileError(f"{output}: expected a name that ends in .npz, in a folder that is")
    names = [] if exclude is None else read_names(exclude)
    options: dict[str, Any] = {
        "exclude": names,
        "random_state": seed,
        "n_jobs": jobs,
        "progress": sys.stderr.isatty(),
    }
    composer: Any
    if style == "folk":
        from stats_composer.composers.folk.training import train_tunes

        composer = train_tunes(source, licence=licence, attribution=attribution, **options)
    elif style == "chorale":
        from stats_composer.composers.chorale.training import train as train_chorales

        composer = train_chorales(source, chord_voice=chord_voice, directed=directed, **options)
    else:
        raise ScoreFileError(f"style {style!r}: expected chorale or folk")
    composer.save(output)
    say(f"Wrote {output}.")
    say(f"Next: stats-composer compose --model {output}")


def read_names(path: Path) -> list[str]:
    """Read names of files, one a line; lines that start with # are remarks."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise ScoreFileError(f"{path}: {error.strerror or error}") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
