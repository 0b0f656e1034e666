"""`chords`: the harmony of a score, as a table, as data, or written above its staff."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stats_composer.cli.options import Force, Json, ModelFile, Outputs, Parts, ScoreFile
from stats_composer.cli.output import STANDARD, check_outputs, listing, read_input, save
from stats_composer.cli.speech import print_json, say
from stats_composer.errors import EncodingError, ScoreFileError
from stats_composer.files import write_whole
from stats_composer.theory import TICKS_PER_QUARTER, nashville_number, parse_chord, parse_key

if TYPE_CHECKING:
    from stats_composer.chords import ChordRecognizer, ChordSpan
    from stats_composer.score import Score

__all__ = ["chords"]

ROMAN_TEXT = (".rntxt", ".rntext")


@dataclass(frozen=True)
class Hearing:
    """How chords are heard."""

    grid: Annotated[
        str, typer.Option(help="A chord as long as it lasts, or one a beat or bar: event|beat|bar.")
    ] = "event"
    style: Annotated[
        str | None,
        typer.Option(help="chorale, classical or songs; by default what it sounds like."),
    ] = None
    heard: Annotated[
        bool, typer.Option("--heard", help="Hear the notes, even where chords are written.")
    ] = False


@dataclass(frozen=True)
class Shown:
    """How chords are shown."""

    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print the table as comma-separated values.")
    ] = False
    nashville: Annotated[
        bool, typer.Option("--nashville", help="Nashville numbers in place of Roman numerals.")
    ] = False
    figures: Annotated[
        bool, typer.Option("--figures", help="Figured bass in place of Roman numerals.")
    ] = False


def chords(
    file: ScoreFile,
    hearing: Hearing,
    shown: Shown,
    output: Outputs = None,
    part: Parts = None,
    model: ModelFile = None,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Name the chords of a score, bar by bar, with their keys and Roman numerals.

    Symbols that a score has are read, not guessed anew. With a name to write to, the symbols go
    above the staff of the score: as MusicXML, or as an engraved picture; with a name that ends in
    .rntxt, the numerals are written as RomanText.
    """
    if as_json and shown.as_csv:
        raise typer.BadParameter("--json and --csv: expected one of them")
    if shown.nashville and shown.figures:
        raise typer.BadParameter("--nashville and --figures: expected one of them")
    if (as_json or shown.as_csv) and STANDARD in (output or ()):
        raise typer.BadParameter("'-o -' and --json or --csv: both are standard output")
    _check_choices(hearing.grid, hearing.style, model)
    texts = [name for name in output or () if Path(name).suffix.lower() in ROMAN_TEXT]
    scores = [name for name in output or () if name not in texts]
    check_outputs(scores, force=force)
    check_outputs(texts, suffixes=ROMAN_TEXT, force=force)
    from stats_composer.chords import ChordRecognizer
    from stats_composer.chords.romantext import roman_text

    recognizer = ChordRecognizer.bundled() if model is None else ChordRecognizer.load(model)
    score = _on_beats(read_input(file, part))
    spans = recognizer.recognize(score, **vars(hearing))
    _tell_how(score, recognizer, heard=hearing.heard, style=hearing.style)
    data = STANDARD in (output or ())
    told = [_numbered(span, shown) for span in spans]
    if as_json:
        print_json([_facts(span) for span in told])
    elif shown.as_csv:
        say(_comma_separated(told))
    else:
        say(_table(told), aside=data)
    for name in texts:
        _write_text(name, roman_text(score, spans))
    annotated = recognizer.annotate(score, spans) if scores else score
    for name in scores:
        save(annotated, name)
    _tell(output or (), aside=as_json or shown.as_csv or data)


def _on_beats(score: Score) -> Score:
    """Return a performance as a score whose bars were found; a score as it is."""
    from stats_composer.listening import quantize

    try:
        found = quantize(score)
    except EncodingError:  # Too few notes for a beat.
        return score
    if found.timing is not None:
        say("A performance: its beat was found, its notes put on a grid.", aside=True)
    return found.score


def _check_choices(grid: str, style: str | None, model: str | None) -> None:
    if grid not in ("event", "beat", "bar"):
        raise typer.BadParameter(f"--grid {grid}: expected event, beat or bar")
    if style not in (None, "chorale", "classical", "songs"):
        raise typer.BadParameter(f"--style {style}: expected chorale, classical or songs")
    if model is not None and (grid != "event" or style is not None):
        raise typer.BadParameter("--model: a model of one's own hears events, in one style")


def _tell_how(score: Score, recognizer: ChordRecognizer, *, heard: bool, style: str | None) -> None:
    """Say aside whether symbols were read or notes heard, and as what."""
    from stats_composer.chords.spans import is_readable

    if len(score.chords) and not heard:
        if is_readable(score):
            say("Its chord symbols are read: --heard hears the notes.", aside=True)
            return
        first = str(score.chords["symbol"][0])
        say(f"No chord symbol can be read ({first!r} is the first): notes are heard.", aside=True)
    told = recognizer.style(score) if style is None else ""
    if told:
        say(f"Heard as {told} (--style).", aside=True)


def _write_text(name: str, text: str) -> None:
    try:
        write_whole(name, text.encode())
    except OSError as error:
        raise ScoreFileError(f"{name}: {error.strerror or error}") from error


def _tell(outputs: Sequence[str], *, aside: bool) -> None:
    """Say what was written, and what to do next."""
    files = [name for name in outputs if name != STANDARD]
    if files:
        say(f"Wrote {listing(files)}.", aside=aside)
    readable = [name for name in files if Path(name).suffix in (".musicxml", ".mxl")]
    if readable:
        say(f"Next: stats-composer show {readable[0]}", aside=aside)


def _numbered(span: ChordSpan, shown: Shown) -> ChordSpan:
    """Put what is asked for in place of its numeral."""
    if not span.numeral or not (shown.nashville or shown.figures):
        return span
    from stats_composer.chords.figures import figured_bass

    write = nashville_number if shown.nashville else figured_bass
    return replace(span, numeral=write(parse_chord(span.symbol), *parse_key(span.key)))


def _facts(span: ChordSpan) -> dict[str, Any]:
    return {
        "bar": span.bar,
        "beat": span.beat,
        "onset": span.onset / TICKS_PER_QUARTER,
        "quarters": span.duration / TICKS_PER_QUARTER,
        "symbol": span.symbol,
        "harte": span.harte,
        "numeral": span.numeral,
        "key": span.key,
        "confidence": span.confidence,
        "others": [{"symbol": symbol, "confidence": share} for symbol, share in span.others],
        "reason": span.reason,
    }


def _comma_separated(spans: Sequence[ChordSpan]) -> str:
    text = io.StringIO()
    rows = [_facts(span) for span in spans]
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        row["others"] = " ".join(f"{o['symbol']}={o['confidence']}" for o in row["others"])
        writer.writerow(row)
    return text.getvalue().rstrip("\n")


def _table(spans: Sequence[ChordSpan]) -> str:
    rows = [("bar", "beat", "chord", "numeral", "key", "sure", "or")]
    bar, key = None, ""
    for span in spans:
        others = " ".join(f"{symbol} {share:.0%}" for symbol, share in span.others if share >= 0.05)
        rows.append(
            (
                str(span.bar) if span.bar != bar else "",
                f"{span.beat:g}",
                span.symbol,
                span.numeral,
                span.key if span.key != key else "",
                "" if span.reason else f"{span.confidence:.0%}",
                span.reason or others,
            )
        )
        bar, key = span.bar, span.key or key
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)
