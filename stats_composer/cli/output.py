"""Where scores and messages go: files by suffix, standard streams, names that are free."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from stats_composer.errors import ScoreFileError
from stats_composer.files import unused_path, write_whole
from stats_composer.score import Score

__all__ = [
    "STANDARD",
    "check_outputs",
    "free_names",
    "listing",
    "numbered",
    "patience",
    "print_json",
    "read_input",
    "save",
    "say",
]

STANDARD = "-"
_SCORES = (".musicxml", ".xml", ".mxl", ".mid", ".midi", ".abc")
_PICTURES = (".svg", ".png")
_SUFFIXES = (*_SCORES, *_PICTURES, ".wav")


def check_outputs(outputs: Sequence[str]) -> None:
    """Refuse a name that could not be written, before any work is done.

    Raises
    ------
    ScoreFileError
    """
    for name in outputs:
        path = Path(name)
        if name == STANDARD:
            continue
        if path.suffix.lower() not in _SUFFIXES:
            raise ScoreFileError(f"{name}: expected a name that ends in {', '.join(_SUFFIXES)}")
        if not path.parent.is_dir():
            raise ScoreFileError(f"{name}: there is no folder {path.parent}")


def free_names(stem: str, suffixes: tuple[str, ...]) -> list[str]:
    """Name files in the current folder that do not exist yet."""
    path = unused_path(stem, suffixes)
    return [f"{path}{suffix}" for suffix in suffixes]


def numbered(name: str, number: int, n: int) -> str:
    """Insert a number before the suffix where there are several scores."""
    path = Path(name)
    alone = n == 1 or name == STANDARD
    return name if alone else str(path.with_stem(f"{path.stem}-{number}"))


def save(score: Score, name: str) -> None:
    """Write a score where a name says and as its suffix says; what is for the ear with repeats.

    Raises
    ------
    ScoreFileError
        Naming the file and what is wrong.
    """
    from stats_composer.io import write
    from stats_composer.score import unfold

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
            write_whole(name, wav_bytes(score))
        except OSError as error:
            raise ScoreFileError(f"{name}: {error.strerror or error}") from error
    else:
        write(unfold(score) if suffix in (".mid", ".midi") else score, name)


def read_input(name: str) -> Score:
    """Read a score from a file, or from standard input for `-`."""
    from stats_composer.io import read

    score: Score = read(sys.stdin.buffer if name == STANDARD else name)
    return score


def say(message: str, *, aside: bool = False) -> None:
    """Tell the user: on standard error where standard output carries data."""
    if aside:
        print(message, file=sys.stderr)
    else:
        _print(message)


@contextlib.contextmanager
def patience(seconds: float = 4.0) -> Iterator[None]:
    """Tell somebody at a terminal why it takes long: the first run compiles."""
    text = "Working. The first run compiles its kernels, up to a minute; later ones take seconds."
    timer = threading.Timer(seconds, say, [text], {"aside": True})
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def print_json(facts: Any) -> None:
    """Print facts as JSON on standard output."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    _print(json.dumps(facts, indent=2, ensure_ascii=not unicode))


def _print(text: str) -> None:
    """Print on standard output, and name it where that fails."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ScoreFileError(f"standard output: {error.strerror}") from error


def listing(names: Iterable[str]) -> str:
    """Join names as a sentence does: `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
