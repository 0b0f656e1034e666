"""Reading Humdrum kern, with music21's spine parser.

Conventions
-----------
* The parser is called on its own, not through music21's `converter`: that one keeps pickles in
  the shared temporary folder and loads whatever lies there under a name it can guess.
* A spine is a part, from the lowest voice of the system up in the file and so from the last
  spine down here; where a spine divides, each branch is a voice.
* Bars are those of the first part. Lyrics and dynamics, which are spines of their own, are
  not attached by music21; that they are left out is said.

References
----------
D. Huron, The Humdrum Toolkit Reference Manual, CCARH 1994, "kern".
"""

from __future__ import annotations

import math
import re
import warnings
from fractions import Fraction
from typing import Any

from stats_composer.errors import ScoreFileError
from stats_composer.io.limits import MAX_BARS, MAX_NOTES, MAX_PARTS, MAX_QUARTERS, check_limit
from stats_composer.io.report import Report
from stats_composer.io.timeline import Piece, merge_ties, round_ticks
from stats_composer.score import (
    BAR_DTYPE,
    FERMATA_DTYPE,
    KEY_SIGNATURE_DTYPE,
    NOTE_DTYPE,
    REPEAT_END,
    REPEAT_START,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    make_table,
)
from stats_composer.theory import (
    MAJOR,
    MINOR,
    TICKS_PER_QUARTER,
    UNKNOWN_MODE,
    Metre,
    name_fifths,
)

__all__ = ["read_kern"]

_VELOCITY = 80


def read_kern(data: bytes, report: Report) -> Score:
    """Read the bytes of a Humdrum file with `**kern` spines.

    Parameters
    ----------
    data : bytes
        UTF-8 or Latin-1.
    report : Report
        Told what could not be kept.

    Returns
    -------
    Score

    Raises
    ------
    ScoreFileError
        If there is no `**kern` spine, music21 cannot parse it, or it exceeds the limits.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    spines = re.findall(r"\*\*\w+", text)
    if "**kern" not in spines:
        raise ScoreFileError("a Humdrum file without a **kern spine")
    check_limit(spines.count("**kern"), MAX_PARTS, "parts")
    check_limit(len(re.findall(r"^=", text, re.MULTILINE)), MAX_BARS, "bars")
    others = sorted(set(spines) - {"**kern"})
    if others:
        report.add(f"spines other than **kern left out ({', '.join(others)[:60]})")
    stream = _parse(text)
    reader = _StreamReader(report)
    parts = list(stream.parts)
    if not parts:
        raise ScoreFileError("a score of 0 parts: expected at least one")
    reader.read_bars(parts[0])
    for index, part in enumerate(parts):
        reader.read_part(part, index)
    return reader.score(_reference(text, "OTL"), _reference(text, "COM"))


def _parse(text: str) -> Any:
    from music21.exceptions21 import Music21Exception
    from music21.humdrum import spineParser

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            humdrum = spineParser.HumdrumDataCollection(text)
            humdrum.parse()
            return humdrum.stream
    except (Music21Exception, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise ScoreFileError(f"music21 cannot parse it: {str(error)[:120]}") from error


def _reference(text: str, key: str) -> str:
    """Read a reference record, such as `!!!OTL: title`."""
    found = re.search(rf"^!!!{key}[^:\n]*:[ \t]*(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


class _StreamReader:
    """Gathers the tables from music21's parts."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.onsets: list[int] = [0]
        self.flags: list[int] = [0]
        self.end = 0
        self.n_rounded = 0
        self.notes: list[tuple[Any, ...]] = []
        self.fermatas: set[tuple[int, int, int]] = set()
        self.metres: dict[int, tuple[int, int]] = {}
        self.keys: dict[int, tuple[int, int]] = {}
        self.tempos: dict[int, float] = {}
        self.parts: list[Part] = []

    def tick(self, quarters: Any) -> int:
        exact = Fraction(quarters) * TICKS_PER_QUARTER
        if exact.denominator != 1:
            close = exact.limit_denominator(1000)
            self.n_rounded += close.denominator != 1
            exact = close
        return round_ticks(exact)

    def read_bars(self, part: Any) -> None:
        """Place the bars: a barline without music before it ends nothing."""
        from music21 import bar as barlines

        onsets: dict[int, int] = {}
        start = 0
        for measure in part.getElementsByClass("Measure"):
            start = self.tick(part.elementOffset(measure))
            left, right = measure.leftBarline, measure.rightBarline
            flag = REPEAT_START * (isinstance(left, barlines.Repeat) and left.direction == "start")
            flag |= REPEAT_END * (isinstance(right, barlines.Repeat) and right.direction == "end")
            onsets[start] = onsets.get(start, 0) | flag
        onsets.setdefault(0, 0)
        self.onsets = sorted(onsets)
        self.flags = [onsets[onset] for onset in self.onsets]

    def read_part(self, part: Any, index: int) -> None:
        pieces: list[Piece] = []
        name = (part.partName or "").strip()
        for measure in part.getElementsByClass("Measure"):
            at = part.elementOffset(measure)
            voices = list(measure.voices)
            self._read(measure, at, index, 0, pieces)
            for voice, branch in enumerate(voices):
                self._read(branch, at + measure.elementOffset(branch), index, voice, pieces)
        for tandem in part.recurse().getElementsByClass("MiscTandem"):
            told = re.match(r'(?:\*I)?[:"]\[?([^\]]*)', tandem.tandem)
            name = name or (told[1].strip() if told else "")
        check_limit(len(self.notes) + len(pieces), MAX_NOTES, "notes")
        self.notes += [(o, d, p, f, index, v, *more) for o, d, p, f, v, *more in merge_ties(pieces)]
        self.parts.append(Part(name))

    def _read(self, container: Any, at: Any, part: int, voice: int, pieces: list[Piece]) -> None:
        """Read what lies directly in a bar or in a voice of it."""
        for element in container:
            onset = self.tick(at + container.elementOffset(element))
            kinds = element.classSet
            if "NotRest" in kinds and "ChordSymbol" not in kinds:
                self._note(element, onset, voice, pieces)
            if "GeneralNote" in kinds:
                self.end = max(self.end, onset + self.tick(element.duration.quarterLength))
                if any("Fermata" in item.classSet for item in element.expressions):
                    self.fermatas.add((onset, part, voice))
            elif "TimeSignature" in kinds:
                self.metres.setdefault(onset, (element.numerator, element.denominator))
            elif "KeySignature" in kinds:
                mode = {"major": MAJOR, "minor": MINOR}.get(getattr(element, "mode", ""))
                if mode is not None or onset not in self.keys:
                    mode = UNKNOWN_MODE if mode is None else mode
                    self.keys[onset] = (element.sharps, mode)
            elif "MetronomeMark" in kinds and element.getQuarterBPM():
                self.tempos[onset] = float(element.getQuarterBPM())

    def _note(self, note: Any, onset: int, voice: int, pieces: list[Piece]) -> None:
        if note.duration.isGrace:
            self.report.add("grace notes left out", f"quarter {onset / TICKS_PER_QUARTER:g}")
            return
        quarters = note.duration.quarterLength
        if quarters < 0:
            raise ScoreFileError(f"duration {quarters} at quarter {onset / TICKS_PER_QUARTER:g}")
        stop = self.tick(Fraction(onset, TICKS_PER_QUARTER) + Fraction(quarters))
        check_limit(stop // TICKS_PER_QUARTER, MAX_QUARTERS, "quarter notes of time")
        if stop <= onset:
            self.report.add("notes without duration left out")
            return
        for head in note.notes if note.isChord else [note]:
            pitch = head.pitch
            tie = (head.tie or note.tie).type if head.tie or note.tie else ""
            fifths = name_fifths(pitch.step) + 7 * math.floor(pitch.alter)
            starts, stops = tie in ("start", "continue"), tie in ("stop", "continue")
            piece = Piece(onset, stop - onset, int(pitch.ps), fifths, voice, _VELOCITY)
            piece.starts, piece.stops, piece.lane = starts, stops, str(voice)
            pieces.append(piece)

    def score(self, title: str, composer: str) -> Score:
        if self.n_rounded:
            self.report.add(f"{self.n_rounded} times off the grid of 1/10080 of a quarter rounded")
        metres = self.metres if 0 in self.metres else {0: (4, 4), **self.metres}
        full = Metre(*metres[max(metres)]).bar
        onsets = [onset for onset in self.onsets if onset < max(self.end, 1)]
        end = self.end or full

        def rows(marks: dict[int, Any]) -> list[tuple[Any, ...]]:
            return [
                (at, *value) if isinstance(value, tuple) else (at, value)
                for at, value in sorted(marks.items())
                if at < end
            ]

        return Score(
            make_table(NOTE_DTYPE, self.notes),
            bars=make_table(BAR_DTYPE, onset=onsets, repeat=self.flags[: len(onsets)]),
            time_signatures=make_table(TIME_SIGNATURE_DTYPE, rows(metres)),
            key_signatures=make_table(KEY_SIGNATURE_DTYPE, rows(self.keys)),
            tempos=make_table(TEMPO_DTYPE, rows(self.tempos)),
            fermatas=make_table(FERMATA_DTYPE, sorted(self.fermatas)),
            parts=tuple(self.parts),
            title=title,
            composer=composer,
            end=end,
        )
