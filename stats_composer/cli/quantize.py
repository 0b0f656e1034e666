"""`quantize`: a performance as a score, and that score as it was performed."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stats_composer.cli.compose import named_after
from stats_composer.cli.options import Force, Outputs, ScoreFile, refuse
from stats_composer.cli.output import check_outputs, free_names, listing, read_input, save, stem_of
from stats_composer.cli.speech import say
from stats_composer.errors import ScoreFileError
from stats_composer.files import write_whole

if TYPE_CHECKING:
    from stats_composer.listening import Timing

__all__ = ["quantize"]

TimingFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write here, as CSV, how each note was played."),
]
AsFile = Annotated[
    Path | None,
    typer.Option("--as", metavar="FILE", help="Play the score as such a CSV says instead."),
]


def quantize(
    performance: ScoreFile,
    output: Outputs = None,
    timing: TimingFile = None,
    played: AsFile = None,
    force: Force = False,
) -> None:
    """Find the beat of a performance, and write it as a score: bars, tempo curve, notes on a grid.

    A score that is on its grid comes back unchanged. With `--timing` what the grid took away is
    kept, and `--as` gives it back. Without a name it is written as MusicXML beside you.
    """
    refuse("--timing and --as: expected one of them", timing and played)
    names = output or free_names(f"{stem_of(performance, 'score')}-quantized", (".musicxml",))
    check_outputs(names, force=force)
    check_outputs([str(timing)] if timing else [], suffixes=(".csv",), force=force)
    from stats_composer.listening import quantize as quantized

    given = read_input(performance)
    with named_after(performance):
        if played is not None:
            score = _read(played).play(given)
        else:
            found = quantized(given)
            score = found.score
            if found.timing is None:
                say("On its grid already: unchanged.", aside=True)
            elif timing is not None:
                write_whole(timing, _table(found.timing).encode())
            if found.swing is not None:
                say(f"Eighths: {found.swing:.2f} to 1.", aside=True)
    for name in names:
        save(score, name)
    say(f"Wrote {listing(names)}.", aside="-" in names)


def _table(timing: Timing) -> str:
    """Return the rows of a timing: beats, tempos, and each note's lateness at both ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("kind", "first", "second"))
    writer.writerows(("beat", tick, "") for tick in timing.beat.tolist())
    writer.writerows(("tempo", *row) for row in timing.tempos.tolist())
    late = zip(timing.onset.tolist(), timing.end.tolist(), strict=True)
    writer.writerows(("note", *row) for row in late)
    return text.getvalue()


def _read(path: Path) -> Timing:
    """Read what `_table` wrote.

    Raises
    ------
    ScoreFileError
        Naming the file and the line.
    """
    import numpy as np

    from stats_composer.listening import Timing
    from stats_composer.score import TEMPO_DTYPE, make_table

    beat: list[int] = []
    tempos: list[tuple[int, float]] = []
    late: list[tuple[int, int]] = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ScoreFileError(f"{path}: {error}") from error
    for number, line in enumerate(lines[1:], 2):
        try:
            kind, first, second = line.split(",")
            if kind == "beat":
                beat.append(int(first))
            elif kind == "tempo":
                tempos.append((int(first), float(second)))
            else:
                late.append((int(first), int(second)))
        except ValueError:
            raise ScoreFileError(
                f"{path}: line {number}: expected a beat, a tempo or a note"
            ) from None
    if len(beat) < 2:
        raise ScoreFileError(f"{path}: {len(beat)} beats: expected two or more")
    onset, end = np.array(late, np.int64).reshape(-1, 2).T
    return Timing(np.array(beat), onset, end, make_table(TEMPO_DTYPE, tempos))
