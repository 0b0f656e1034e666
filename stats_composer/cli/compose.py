"""`compose`, `harmonize` and `continue`: new scores."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from stats_composer.cli.facts import score_facts
from stats_composer.cli.options import (
    Chords,
    ConstraintFile,
    Count,
    Jobs,
    Json,
    Key,
    ModelFile,
    Outputs,
    Pins,
    Ranges,
    Seed,
    Tempo,
    TimeSignature,
    gather_constraints,
)
from stats_composer.cli.output import (
    STANDARD,
    check_outputs,
    free_names,
    listing,
    numbered,
    patience,
    print_json,
    read_input,
    save,
    say,
)
from stats_composer.errors import EncodingError, ModelFileError, ScoreError, ScoreWarning
from stats_composer.score import Score

__all__ = ["compose", "continue_", "deliver", "harmonize", "style_composer"]

DEFAULT_SUFFIXES = (".musicxml", ".mid")
TUNE_SUFFIXES = (*DEFAULT_SUFFIXES, ".abc")


def compose(
    output: Outputs = None,
    style: Annotated[
        str, typer.Option(help="bach-chorale, in four parts, or folk, a dance tune.")
    ] = "bach-chorale",
    dance: Annotated[
        str | None, typer.Option(help="Of a folk tune: reel, jig, hornpipe, polka, ...")
    ] = None,
    bars: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help="Length; by default 8, of a folk tune 16."),
    ] = None,
    key: Key = None,
    time_signature: TimeSignature = None,
    tempo: Tempo = None,
    pin: Pins = None,
    chord: Chords = None,
    ranges: Ranges = None,
    constraints: ConstraintFile = None,
    seed: Seed = None,
    count: Count = 1,
    jobs: Jobs = 1,
    model: ModelFile = None,
    as_json: Json = False,
) -> None:
    """Compose a four-part chorale, or with `--style folk` a dance tune.

    Without a name it is written as MusicXML and MIDI (a tune as ABC too) beside you, under a
    name that is free.
    """
    check_outputs(output or ())
    wishes = gather_constraints(constraints, pin, chord, ranges)
    seed = secrets.randbelow(2**32) if seed is None else seed
    composer = style_composer(style, model)
    folk = not hasattr(composer, "harmonize")
    options: dict[str, Any] = {"dance": dance} if folk else {}
    if dance is not None and not folk:
        raise typer.BadParameter("only folk tunes are dances", param_hint="--dance")
    if not folk and key is not None:
        _check_plain_key(key)
    with patience():
        scores = composer.compose(
            bars=bars or (16 if folk else 8),
            key=key,
            time_signature=time_signature or (None if folk else "4/4"),
            tempo=tempo,
            constraints=wishes,
            random_state=seed,
            n=count,
            n_jobs=jobs,
            **options,
        )
    suffixes = TUNE_SUFFIXES if folk else DEFAULT_SUFFIXES
    deliver(scores, output, "tune" if folk else "chorale", seed, as_json, suffixes=suffixes)


def harmonize(
    melody: Annotated[str, typer.Argument(help="A score; '-' is standard input.")],
    output: Outputs = None,
    voice: Annotated[
        str, typer.Option(help="Whose the melody is: soprano, alto, tenor or bass.")
    ] = "soprano",
    road: Annotated[
        str,
        typer.Option(
            help="How it is written: gibbs; directed, in one pass, or both, by a model trained "
            "with --directed."
        ),
    ] = "gibbs",
    pin: Pins = None,
    chord: Chords = None,
    ranges: Ranges = None,
    constraints: ConstraintFile = None,
    seed: Seed = None,
    count: Count = 1,
    model: ModelFile = None,
    as_json: Json = False,
) -> None:
    """Set your melody for four parts; its own notes stay as they are.

    Without a name it is written as MusicXML and MIDI beside you, under a name that is free.
    """
    check_outputs(output or ())
    wishes = gather_constraints(constraints, pin, chord, ranges)
    given = read_input(melody)
    seed = secrets.randbelow(2**32) if seed is None else seed
    try:
        with patience():
            scores = style_composer("bach-chorale", model).harmonize(
                given, voice=voice, road=road, constraints=wishes, random_state=seed, n=count
            )
    except (ScoreError, EncodingError) as error:
        raise ScoreError(f"{melody}: {error}") from error
    stem = "melody" if melody == STANDARD else Path(melody).stem
    deliver(scores, output, f"{stem}-harmonized", seed, as_json)


def continue_(
    phrase: Annotated[str, typer.Argument(help="A score; '-' is standard input.")],
    output: Outputs = None,
    bars: Annotated[int, typer.Option(min=1, max=1000, help="How many more.")] = 8,
    style: Annotated[
        str,
        typer.Option(help="own, learned from the phrase alone; folk; or bach-chorale."),
    ] = "own",
    seed: Seed = None,
    count: Count = 1,
    model: ModelFile = None,
    as_json: Json = False,
) -> None:
    """Go on from a phrase, in its own style or a bundled one; the phrase stays as it is.

    Without a name it is written as MusicXML and MIDI beside you, under a name that is free.
    """
    check_outputs(output or ())
    composer = None if style == "own" and model is None else style_composer(style, model)
    given = read_input(phrase)
    seed = secrets.randbelow(2**32) if seed is None else seed
    options: dict[str, Any] = {"bars": bars, "random_state": seed, "n": count}
    try:
        with patience():
            if composer is None:
                from stats_composer.composers.continuing import continue_phrase

                scores = continue_phrase(given, **options)
            elif hasattr(composer, "continue_tune"):
                scores = composer.continue_tune(given, **options)
            else:
                scores = composer.continue_chorale(given, **options)
    except (ScoreError, EncodingError) as error:
        raise ScoreError(f"{phrase}: {error}") from error
    stem = "phrase" if phrase == STANDARD else Path(phrase).stem
    deliver(scores, output, f"{stem}-continued", seed, as_json)


def _check_plain_key(key: str) -> None:
    """Refuse the modes that only folk tunes know."""
    from stats_composer.theory import parse_key

    try:
        parse_key(key)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--key") from None


def style_composer(style: str, model: str | None) -> Any:
    """Read the composer of a bundled style, or of a model file.

    Raises
    ------
    ModelFileError
        If there is no such style, or the file is damaged.
    """
    from stats_composer.composers.chorale import ChoraleComposer
    from stats_composer.composers.folk import MelodyComposer

    known: dict[str, Any] = {"bach-chorale": ChoraleComposer, "folk": MelodyComposer}
    if model is None:
        if style not in known:
            raise ModelFileError(f"style {style!r}: expected {' or '.join(known)}")
        return known[style].bundled()
    from stats_composer.modelfile import read_header

    name = read_header(model).get("model")
    return (MelodyComposer if name == "MelodyComposer" else ChoraleComposer).load(model)


def deliver(
    scores: Score | Sequence[Score],
    output: list[str] | None,
    stem: str,
    seed: int,
    as_json: bool,
    *,
    suffixes: tuple[str, ...] = DEFAULT_SUFFIXES,
) -> None:
    """Write the scores, and say what was written and what to do next."""
    scores = [scores] if isinstance(scores, Score) else scores
    aside = as_json or STANDARD in (output or ())
    reports = []
    for number, score in enumerate(scores, 1):
        if output:
            names = [numbered(name, number, len(scores)) for name in output]
        else:
            names = free_names(stem, suffixes)
        _save_all(score, names)
        facts = score_facts(score)
        files = [name for name in names if name != STANDARD]
        reports.append({"files": files, "seed": seed, **facts})
        bars = "1 bar" if facts["bars"] == 1 else f"{facts['bars']} bars"
        if files:
            parts = "1 part" if facts["parts"] == 1 else f"{facts['parts']} parts"
            say(
                f"Wrote {listing(files)}: {parts}, {bars} in {facts['key']}, seed {seed}.",
                aside=aside,
            )
    shown = [name for report in reports for name in report["files"]]
    readable = [name for name in shown if Path(name).suffix not in (".svg", ".png", ".wav")]
    if readable:
        say(f"Next: stats-composer show {readable[0]}", aside=aside)
    if as_json:
        print_json(reports[0] if len(reports) == 1 else reports)


def _save_all(score: Score, names: Sequence[str]) -> None:
    """Write a score under all names; what one cannot hold matters only if none can."""
    whole = any(name == STANDARD or Path(name).suffix in (".musicxml", ".mxl") for name in names)
    with warnings.catch_warnings():
        if whole:
            warnings.simplefilter("ignore", ScoreWarning)
        for name in names:
            save(score, name)
