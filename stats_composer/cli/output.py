"""Where scores and messages go: files by suffix, standard streams, names that are free."""

from __future__ import annotations

import secrets
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import typer

from stats_composer.cli.facts import score_facts
from stats_composer.cli.options import Best, Count, Force, Jobs, Json, Outputs, Seed, Staves
from stats_composer.cli.speech import print_json, say
from stats_composer.errors import ScoreFileError, ScoreWarning
from stats_composer.files import unused_path, write_whole
from stats_composer.score import Score, merge_parts
from stats_composer.score.staves import closed_score

__all__ = [
    "STANDARD",
    "ChoosingDelivery",
    "Delivery",
    "check_outputs",
    "choose_parts",
    "free_names",
    "listing",
    "numbered",
    "part_index",
    "read_input",
    "save",
    "stem_of",
]

STANDARD = "-"
_SCORES = (".musicxml", ".xml", ".mxl", ".mid", ".midi", ".abc")
_PICTURES = (".svg", ".png")
_SUFFIXES = (*_SCORES, *_PICTURES, ".wav")
DEFAULT_SUFFIXES = (".musicxml", ".mid")


def check_outputs(
    outputs: Sequence[str], *, suffixes: Sequence[str] = _SUFFIXES, force: bool = False
) -> None:
    """Refuse a name that could not be written, or is taken, before any work is done.

    Raises
    ------
    ScoreFileError
    """
    for i, name in enumerate(outputs):
        path = Path(name)
        if name in outputs[:i]:
            raise ScoreFileError(f"{name}: named twice")
        if name == STANDARD:
            continue
        if path.suffix.lower() not in suffixes:
            expected = listing(suffixes, "or")
            raise ScoreFileError(f"{name}: expected a name that ends in {expected}")
        if not path.parent.is_dir():
            raise ScoreFileError(f"{name}: there is no folder {path.parent}")
        if path.exists() and not force:
            raise ScoreFileError(f"{name}: is there already: --force writes over it")


def free_names(stem: str, suffixes: tuple[str, ...]) -> list[str]:
    """Name files in the current folder that do not exist yet."""
    path = unused_path(stem, suffixes)
    return [f"{path}{suffix}" for suffix in suffixes]


def stem_of(name: str, otherwise: str) -> str:
    """Return the name of an input without its suffix."""
    return otherwise if name == STANDARD else Path(name).stem


def numbered(name: str, number: int, n: int) -> str:
    """Insert a number before the suffix where there are several scores."""
    path = Path(name)
    alone = n == 1 or name == STANDARD
    return name if alone else str(path.with_stem(f"{path.stem}-{number}"))


def save(score: Score, name: str) -> None:
    """Write a score where a name says and as its suffix says.

    What is for the ear has its repeats written out, and swings where it says so.

    Raises
    ------
    ScoreFileError
        Naming the file and what is wrong.
    """
    from stats_composer.io import write
    from stats_composer.score import swung, unfold

    suffix = Path(name).suffix.lower()
    if name == STANDARD:
        write(score, sys.stdout.buffer, format="musicxml")
        sys.stdout.buffer.flush()
    elif suffix in _PICTURES:
        from stats_composer.render import save_engraving

        save_engraving(score, name)
    elif suffix == ".wav":
        from stats_composer.render import wav_bytes

        try:
            write_whole(name, wav_bytes(swung(unfold(score))))
        except OSError as error:
            raise ScoreFileError(f"{name}: {error.strerror or error}") from error
    else:
        write(swung(unfold(score)) if suffix in (".mid", ".midi") else score, name)


def read_input(name: str, parts: Sequence[str] | None = None) -> Score:
    """Read a score from a file, or from standard input for `-`; of it some parts alone.

    Raises
    ------
    ScoreFileError
        If it cannot be read, or has no such part.
    """
    from stats_composer.io import read

    return choose_parts(read(sys.stdin.buffer if name == STANDARD else name), parts, name)


def choose_parts(score: Score, parts: Sequence[str] | None, file: str) -> Score:
    """Return some parts of a score, by name or by number from 1, in the order asked for.

    Raises
    ------
    ScoreFileError
        If one is not there, or its name is that of several.
    """
    if not parts:
        return score
    chosen = [part_index(score, asked, file) for asked in parts]
    return merge_parts([score.select(part) for part in chosen])


def part_index(score: Score, asked: str, file: str) -> int:
    """Return which part is meant by a name or a number from 1.

    Raises
    ------
    ScoreFileError
        If it is not there, or its name is that of several.
    """
    names = [part.name.lower() for part in score.parts]
    found = [i for i, name in enumerate(names) if name == asked.strip().lower()]
    if not found and asked.isdecimal() and 1 <= int(asked) <= len(names):
        found = [int(asked) - 1]
    if len(found) != 1:
        known = ", ".join(part.name for part in score.parts if part.name)
        numbers = f"1 to {len(names)}"
        expected = f"one of {known}, or {numbers}" if known and not found else numbers
        raise ScoreFileError(f"{file}: part {asked!r}: expected {expected}")
    return found[0]


def listing(names: Iterable[str], word: str = "and") -> str:
    """Join names as a sentence does: `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last


class Draws(TypedDict):
    """What a composer is told: the first seed, how many results, how many at a time."""

    random_state: int
    n: int
    n_jobs: int


class ChoosingDraws(Draws):
    """The same, and of how many each is the best."""

    best_of: int


@dataclass
class Delivery:
    """How many results of a verb, of which seeds, where they go, and what is said of them."""

    output: Outputs = None
    seed: Seed = None
    count: Count = 1
    jobs: Jobs = 1
    as_json: Json = False
    force: Force = False
    staves: Staves = None
    best = 1  # of how many each is: an option of some verbs alone

    def __post_init__(self) -> None:
        """Refuse what could not be written, before any work is done; take a new seed."""
        self.names = tuple(self.output or ())
        self.first_seed = secrets.randbelow(2**32) if self.seed is None else self.seed
        if STANDARD in self.names:
            if self.as_json:
                raise typer.BadParameter("--json and '-o -': both are standard output")
            if self.count > 1:
                raise typer.BadParameter(f"-n {self.count} and '-o -': one score a stream")
        for number in range(1, self.count + 1):
            names = [numbered(name, number, self.count) for name in self.names]
            check_outputs(names, force=self.force)

    @property
    def draws(self) -> Draws:
        """What a composer is told of the results."""
        return {"random_state": self.first_seed, "n": self.count, "n_jobs": self.jobs}

    def deliver(
        self,
        scores: Sequence[Score],
        stem: str,
        *,
        suffixes: tuple[str, ...] = DEFAULT_SUFFIXES,
    ) -> None:
        """Write scores, and say what was written, of which seed, and what to do next."""
        aside = self.as_json or STANDARD in self.names
        reports: list[dict[str, Any]] = []
        for i, score in enumerate(scores):
            names = [numbered(name, i + 1, self.count) for name in self.names]
            names = names or free_names(stem, suffixes)
            save_all(score if self.staves is None else closed_score(score), names)
            files = [name for name in names if name != STANDARD]
            told = {"files": files, "seed": self.first_seed + i * self.best}
            told |= {"best_of": self.best} if self.best > 1 else {}
            reports.append({**told, **score_facts(score)})
            if files:
                say(_sentence(reports[-1]), aside=aside)
        shown = [name for report in reports for name in report["files"]]
        readable = [name for name in shown if Path(name).suffix in _SCORES]
        if readable:
            say(f"Next: stats-composer show {readable[0]}", aside=aside)
        if self.as_json:
            print_json(reports[0] if len(reports) == 1 else reports)


@dataclass
class ChoosingDelivery(Delivery):
    """The same, where the best of several is kept."""

    best: Best = 1

    @property
    def draws(self) -> ChoosingDraws:
        """What a composer is told of the results, and of the choice."""
        return {**super().draws, "best_of": self.best}


def _sentence(report: dict[str, Any]) -> str:
    """Say what was written: the files, their size, key and seed."""
    sizes = [
        f"1 {what}" if report[f"{what}s"] == 1 else f"{report[f'{what}s']} {what}s"
        for what in ("part", "bar")
    ]
    key = f" in {report['key']}" if report["key"] else ""
    best = f", the best of {report['best_of']}" if "best_of" in report else ""
    files = listing(report["files"])
    return f"Wrote {files}: {', '.join(sizes)}{key}, seed {report['seed']}{best}."


def save_all(score: Score, names: Sequence[str]) -> None:
    """Write a score under all names; what one cannot hold matters only if none can."""
    whole = any(name == STANDARD or Path(name).suffix in (".musicxml", ".mxl") for name in names)
    with warnings.catch_warnings():
        if whole:
            warnings.simplefilter("ignore", ScoreWarning)
        for name in names:
            save(score, name)
