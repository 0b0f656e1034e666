"""`compose` and `harmonize`: new scores."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from stats_composer.errors import EncodingError, ScoreError, ScoreWarning
from stats_composer.score import Score

if TYPE_CHECKING:
    from stats_composer.composers.chorale import ChoraleComposer

__all__ = ["compose", "harmonize"]

_DEFAULT_SUFFIXES = (".musicxml", ".mid")


def compose(
    output: Outputs = None,
    bars: Annotated[int, typer.Option(min=1, max=1000, help="Length.")] = 8,
    key: Key = None,
    time_signature: TimeSignature = "4/4",
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
    """Compose a four-part chorale.

    Without a name it is written as MusicXML and MIDI beside you, under a name that is free.
    """
    check_outputs(output or ())
    wishes = gather_constraints(constraints, pin, chord, ranges)
    seed = secrets.randbelow(2**32) if seed is None else seed
    with patience():
        scores = _composer(model).compose(
            bars=bars,
            key=key,
            time_signature=time_signature,
            tempo=tempo,
            constraints=wishes,
            random_state=seed,
            n=count,
            n_jobs=jobs,
        )
    _deliver(scores, output, "chorale", seed, as_json)


def harmonize(
    melody: Annotated[str, typer.Argument(help="A score; '-' is standard input.")],
    output: Outputs = None,
    voice: Annotated[
        str, typer.Option(help="Whose the melody is: soprano, alto, tenor or bass.")
    ] = "soprano",
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
            scores = _composer(model).harmonize(
                given, voice=voice, constraints=wishes, random_state=seed, n=count
            )
    except (ScoreError, EncodingError) as error:
        raise ScoreError(f"{melody}: {error}") from error
    stem = "melody" if melody == STANDARD else Path(melody).stem
    _deliver(scores, output, f"{stem}-harmonized", seed, as_json)


def _composer(model: str | None) -> ChoraleComposer:
    from stats_composer.composers.chorale import ChoraleComposer

    return ChoraleComposer.bundled() if model is None else ChoraleComposer.load(model)


def _deliver(
    scores: Score | Sequence[Score],
    output: list[str] | None,
    stem: str,
    seed: int,
    as_json: bool,
) -> None:
    """Write the scores, and say what was written and what to do next."""
    scores = [scores] if isinstance(scores, Score) else scores
    aside = as_json or STANDARD in (output or ())
    reports = []
    for number, score in enumerate(scores, 1):
        if output:
            names = [numbered(name, number, len(scores)) for name in output]
        else:
            names = free_names(stem, _DEFAULT_SUFFIXES)
        _save_all(score, names)
        facts = score_facts(score)
        files = [name for name in names if name != STANDARD]
        reports.append({"files": files, "seed": seed, **facts})
        bars = "1 bar" if facts["bars"] == 1 else f"{facts['bars']} bars"
        if files:
            say(
                f"Wrote {listing(files)}: {facts['parts']} parts, {bars} in "
                f"{facts['key']}, seed {seed}.",
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
