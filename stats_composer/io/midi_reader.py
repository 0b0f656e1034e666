"""Reading Standard MIDI files.

Conventions
-----------
* A part is one channel of one track; channel 10 is percussion. All its notes are voice 0.
* A first bar shorter than the metre that follows it is taken for a pickup of that metre; the
  last bar is filled up, unless it and the pickup make one bar.
* Notes are spelled in the key of the file, or the one estimated where it tells none.
* Syllables joined by hyphens (`Glo-`, `-ri-`, `a`) are the parts of one word.

References
----------
MIDI Manufacturers Association (1996), Standard MIDI Files 1.0, RP-001.
"""

from __future__ import annotations

import io
import itertools
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

import mido
import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import ScoreFileError
from stats_composer.io.limits import MAX_BARS, MAX_NOTES, MAX_PARTS, MAX_QUARTERS, check_limit
from stats_composer.io.report import Report
from stats_composer.io.timeline import round_ticks
from stats_composer.score import (
    BAR_DTYPE,
    KEY_SIGNATURE_DTYPE,
    LYRIC_DTYPE,
    NOTE_DTYPE,
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
    Metre,
    estimate_key,
    name_fifths,
    spell,
)

__all__ = ["read_midi", "spelled"]

_SHORTEST = TICKS_PER_QUARTER // 32


def read_midi(data: bytes, report: Report) -> Score:
    """Read the bytes of a MIDI file.

    Parameters
    ----------
    data : bytes
    report : Report
        Told what could not be kept.

    Returns
    -------
    Score

    Raises
    ------
    ScoreFileError
        If it is damaged, of type 2, in SMPTE time, or larger than the limits.
    """
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except EOFError as error:
        raise ScoreFileError("a truncated MIDI file: it ends within a track") from error
    except (OSError, ValueError, IndexError, KeyError, LookupError) as error:
        raise ScoreFileError(f"a damaged MIDI file: {error}") from error
    if file.type == 2:
        raise ScoreFileError("a MIDI file of type 2, whose tracks are pieces of their own")
    if file.ticks_per_beat <= 0:
        raise ScoreFileError("a MIDI file in SMPTE time or without ticks: expected quarter notes")
    return _Reader(file, report).score()


@dataclass
class _Line:
    """What one channel of one track holds."""

    channel: int
    name: str = ""
    program: int = 0
    notes: list[tuple[int, int, int, int]] = field(default_factory=list)
    sounding: dict[int, deque[tuple[int, int]]] = field(default_factory=lambda: defaultdict(deque))


class _Reader:
    def __init__(self, file: mido.MidiFile, report: Report) -> None:
        self.file, self.report = file, report
        self.scale = Fraction(TICKS_PER_QUARTER, file.ticks_per_beat)
        self.lines: list[_Line] = []
        self.metres: dict[int, tuple[int, int]] = {}
        self.keys: dict[int, tuple[int, int]] = {}
        self.tempos: dict[int, float] = {}
        self.lyrics: list[tuple[int, int, str]] = []
        self.title = ""
        self.end = 0
        self.n_rounded = 0
        self.n_notes = 0

    def tick(self, time: int) -> int:
        exact = time * self.scale
        self.n_rounded += exact.denominator != 1
        return round_ticks(exact)

    def score(self) -> Score:
        for index, track in enumerate(self.file.tracks):
            self._read_track(track, index)
        check_limit(len(self.lines), MAX_PARTS, "parts")
        if self.n_rounded:
            self.report.add(f"{self.n_rounded} times off the grid of 1/10080 of a quarter rounded")
        metres, bars, end = self._bars()
        rows = [
            (onset, duration, pitch, 0, part, 0, velocity, False)
            for part, line in enumerate(self.lines)
            for onset, duration, pitch, velocity in line.notes
        ]
        keys = make_table(KEY_SIGNATURE_DTYPE, self._before(end, self.keys))
        score = Score(
            make_table(NOTE_DTYPE, [(o, d, p, 7 * p % 12, *more) for o, d, p, _, *more in rows]),
            bars=bars,
            time_signatures=metres,
            key_signatures=keys,
            tempos=make_table(
                TEMPO_DTYPE, [(at, tempo) for at, tempo in sorted(self.tempos.items()) if at < end]
            ),
            lyrics=make_table(LYRIC_DTYPE, self._syllables(end)),
            parts=tuple(Part(line.name, line.program, line.channel == 9) for line in self.lines),
            title=self.title,
            end=end,
        )
        notes = score.notes.copy()
        notes["fifths"] = spelled(score)
        return score.replace(notes=notes)

    # ---- tracks -----------------------------------------------------------------------

    def _read_track(self, track: Iterable[mido.Message], index: int) -> None:
        lines: dict[int, _Line] = {}
        name, time, first_lyric = "", 0, len(self.lyrics)
        for message in track:
            time += message.time
            check_limit(time // self.file.ticks_per_beat, MAX_QUARTERS, "quarter notes of time")
            if message.is_meta:
                if message.type == "track_name" and not name:
                    name = _text(message.name).strip()
                self._meta(message, time)
            elif message.type in ("note_on", "note_off", "program_change"):
                line = lines.setdefault(message.channel, _Line(message.channel))
                self._play(line, message, time)
        end = self.tick(time)
        self.end = max(self.end, end)
        for line in lines.values():
            for pitch, started in line.sounding.items():
                for onset, velocity in started:
                    place = f"quarter {_quarter(onset)}"
                    self.report.add("notes that never end, ended with their track", place)
                    self._add(line, onset, end, pitch, velocity)
            line.name = name
        if index == 0 and (self.file.type == 0 or not any(line.notes for line in lines.values())):
            self.title = name
            for line in lines.values():
                line.name = ""
        owner = len(self.lines)
        self.lines += [lines[channel] for channel in sorted(lines)]
        self.lyrics[first_lyric:] = [
            (onset, owner, text) for onset, _, text in self.lyrics[first_lyric:]
        ]

    def _play(self, line: _Line, message: mido.Message, time: int) -> None:
        if message.type == "program_change":
            if not line.notes:
                line.program = message.program
            elif message.program != line.program:
                self.report.add("changes of program within a part left out")
            return
        tick, pitch = self.tick(time), message.note
        started = line.sounding[pitch]
        if message.type == "note_on" and message.velocity:
            if started:
                self.report.add("overlapping notes of one pitch", f"quarter {_quarter(tick)}")
            started.append((tick, message.velocity))
        elif started:
            onset, velocity = started.popleft()
            self._add(line, onset, tick, pitch, velocity)

    def _add(self, line: _Line, onset: int, stop: int, pitch: int, velocity: int) -> None:
        self.n_notes += 1
        check_limit(self.n_notes, MAX_NOTES, "notes")
        if stop <= onset:
            self.report.add("notes without duration made 128ths", f"quarter {_quarter(onset)}")
            stop = onset + _SHORTEST
        line.notes.append((onset, stop - onset, pitch, velocity))
        self.end = max(self.end, stop)

    def _meta(self, message: mido.MetaMessage, time: int) -> None:
        tick = self.tick(time)
        if message.type == "time_signature":
            self.metres[tick] = (message.numerator, message.denominator)
        elif message.type == "key_signature":
            minor = message.key.endswith("m")
            tonic = name_fifths(message.key.removesuffix("m"))
            self.keys[tick] = (tonic - 3 * minor, MINOR if minor else MAJOR)
        elif message.type == "set_tempo" and message.tempo > 0:
            self.tempos[tick] = _tempo(message.tempo)
        elif message.type == "lyrics":
            self.lyrics.append((tick, 0, _text(message.text)))

    # ---- marks ------------------------------------------------------------------------

    def _before(self, end: int, marks: dict[int, tuple[int, int]]) -> list[tuple[int, int, int]]:
        return [(at, *value) for at, value in sorted(marks.items()) if at < end]

    def _syllables(self, end: int) -> list[tuple[int, int, int, int, str, str]]:
        """Read hyphens as the joints of words."""
        rows = []
        joined: dict[int, bool] = {}
        for onset, part, written in self.lyrics:
            text = written.strip()
            if not text.strip("-") or onset >= end or part >= len(self.lines):
                continue
            before = joined.get(part, False) or text.startswith("-")
            after = text.endswith("-")
            joined[part] = after
            syllabic = ("middle" if before else "begin") if after else "end" if before else "single"
            rows.append((onset, part, 0, 1, syllabic, text.strip("-")[:64]))
        return rows

    def _bars(self) -> tuple[NDArray[np.void], NDArray[np.void], int]:
        """Place the metres and bars; fill up the last bar."""
        metres = {at: metre for at, metre in sorted(self.metres.items()) if at < max(self.end, 1)}
        if 0 not in metres:
            metres = {0: (4, 4), **metres}
        for numerator, denominator in metres.values():
            if not 1 <= numerator <= 128 or not 1 <= denominator <= 128:
                raise ScoreFileError(f"time signature {numerator}/{denominator}: not in 1 to 128")
        onsets, pickup = _place(metres, self.end)
        if pickup:
            metres = {0: metres[pickup], **{at: m for at, m in metres.items() if at > pickup}}
        last = onsets[-1]
        row = max(at for at in metres if at <= last)
        full = Metre(*metres[row]).bar
        complete = pickup and self.end - last + pickup == full
        end = self.end if complete and self.end > last else last + full
        table = make_table(TIME_SIGNATURE_DTYPE, [(at, *metre) for at, metre in metres.items()])
        return table, make_table(BAR_DTYPE, onset=onsets), end


def _place(metres: dict[int, tuple[int, int]], end: int) -> tuple[list[int], int]:
    """Place bars from each metre on; tell the ticks of a pickup, or 0."""
    starts = [*metres, max(end, 1)]
    onsets: list[int] = []
    for start, stop in itertools.pairwise(starts):
        full = Metre(*metres[start]).bar
        check_limit(len(onsets) + (stop - start) // full, MAX_BARS, "bars")
        onsets += range(start, stop, full)
    if len(starts) > 2:
        first, second = starts[:2]
        if second == Metre(*metres[first]).bar < Metre(*metres[second]).bar:
            return onsets, second
    return onsets, 0


def _text(text: str) -> str:
    """Undo mido's Latin-1 where the bytes are UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8").replace("\0", "")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return text.replace("\0", "")


def _tempo(microseconds: int) -> float:
    """Quarters a minute: the roundest number that a file would write so."""
    exact = 6e7 / microseconds
    for digits in range(6):
        if round(exact, digits) > 0 and round(6e7 / round(exact, digits)) == microseconds:
            return round(exact, digits)
    return exact


def _quarter(tick: int) -> str:
    return f"{tick / TICKS_PER_QUARTER:g}"


def spelled(score: Score) -> NDArray[np.int8]:
    """Spell the notes of a score anew, part by part, in its keys.

    Parameters
    ----------
    score : Score

    Returns
    -------
    ndarray of shape (n_notes,), int8
    """
    notes = score.notes
    fifths = np.zeros(len(notes), np.int8)
    keys = score.key_signatures
    pitched = ~np.isin(notes["part"], [i for i, p in enumerate(score.parts) if p.percussion])
    estimate = estimate_key(*(notes[name][pitched] for name in ("pitch", "duration", "onset")))
    edges = [*keys["onset"].tolist(), score.end]
    spans = [(-1, edges[0], estimate)] if edges[0] > 0 else []
    for row, stop in zip(keys, edges[1:], strict=True):
        mode = int(row["mode"]) if row["mode"] in (MAJOR, MINOR) else MAJOR
        spans.append((int(row["onset"]), stop, (int(row["fifths"]) + 3 * (mode == MINOR), mode)))
    for start, stop, key in spans:
        inside = (notes["onset"] >= start) & (notes["onset"] < stop)
        for part in range(score.n_parts):
            chosen = inside & (notes["part"] == part)
            fifths[chosen] = spell(notes["pitch"][chosen], *key)
    return fifths
