"""What the shell says: lines and facts on standard output, messages aside, progress."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from stats_composer.errors import ScoreFileError

__all__ = ["patience", "print_json", "progress", "say"]

_COMPILING = "Working (the first run compiles its kernels, up to a minute; later ones take seconds)"


def say(message: str, *, aside: bool = False) -> None:
    """Tell the user: on standard error where standard output carries data."""
    if aside:
        print(message, file=sys.stderr)
    else:
        _print(message)


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


@contextlib.contextmanager
def patience() -> Iterator[None]:
    """Show somebody at a terminal that work goes on, how long it has, and why it may be long."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        shown.add_task(_COMPILING, total=None)
        yield


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """Give a callback(stage, done, total) that draws a bar a stage, on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        stages: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in stages:
                stages[stage] = shown.add_task(stage, total=total)
            shown.update(stages[stage], completed=done, total=total)

        yield tell
