"""Reading Humdrum kern.

Conventions
-----------
* A `**kern` spine is a part, from the lowest part of the system up in the file and so from the
  last spine down here; where it divides, each path is a voice, from the left.
* What stands in a row sounds together. Where a spine's notes do not fill the time to its next
  token, there is a rest; a bar line lies where the next row begins, so that notes sound over
  it; bar lines that no row divides lie a bar's length apart.
* Key signature and metre are those of the first part that tells any.
* Syllables (`**text`, `**silbe`) belong to the part at their left; a second such spine there
  is the second verse.

Our own parser rather than music21's or verovio's: music21's loses and moves notes where a
spine divides in three, and takes 50 times as long; verovio's ends its process on files with
missing tokens, and reads the first score of a file alone (`python benchmarks/bench_io.py`).

References
----------
D. Huron, The Humdrum Toolkit Reference Manual, CCARH 1994, "kern".
"""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from stats_composer.errors import ScoreError, ScoreFileError
from stats_composer.io.kern_bars import BarLines
from stats_composer.io.kern_spines import Path, Row, Track, read_rows, split_scores
from stats_composer.io.kern_tokens import (
    PROGRAMS,
    Sound,
    Ticks,
    read_designation,
    read_metre,
    read_signature,
    read_sound,
    read_syllable,
    read_tempo,
)
from stats_composer.io.limits import MAX_NOTES, MAX_PARTS, MAX_QUARTERS, check_limit
from stats_composer.io.report import Report
from stats_composer.io.timeline import Piece, merge_ties, round_ticks
from stats_composer.score import (
    FERMATA_DTYPE,
    KEY_SIGNATURE_DTYPE,
    LYRIC_DTYPE,
    NOTE_DTYPE,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    make_table,
)
from stats_composer.theory import TICKS_PER_QUARTER, UNKNOWN_MODE, Metre

__all__ = ["read_kern"]

_VELOCITY = 80


def read_kern(data: bytes, report: Report) -> list[Score]:
    """Read the scores of a Humdrum file that have `**kern` spines.

    Parameters
    ----------
    data : bytes
        UTF-8 or Latin-1.
    report : Report
        Told what could not be kept.

    Returns
    -------
    list of Score, at least one

    Raises
    ------
    ScoreFileError
        If there is no `**kern` spine, or the only score is damaged or larger than the limits;
        of several scores a damaged one is left out. The message names the line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    found = split_scores(re.split(r"\r\n?|\n", text))
    scores: list[Score] = []
    fault: Exception | None = None
    for number, (first, lines) in enumerate(found, 1):
        try:
            score = _Reader(report).read(first, lines)
        except (ScoreError, ScoreFileError) as error:
            fault = fault or error
            report.add(f"score {number} left out ({error})")
            continue
        scores += [score] if score else []
        check_limit(sum(len(score.notes) for score in scores), MAX_NOTES, "notes")
    if not scores:
        raise fault or ScoreFileError("a Humdrum file without a **kern spine that holds anything")
    return scores


@dataclass(eq=False)
class _Line:
    """What a part has so far, by ticks."""

    name: str = ""
    program: int | None = None
    pieces: list[Piece] = field(default_factory=list)
    fermatas: set[tuple[int, int]] = field(default_factory=set)
    keys: dict[int, tuple[int, int]] = field(default_factory=dict)
    metres: dict[int, tuple[int, int]] = field(default_factory=dict)
    syllables: list[tuple[int, tuple[int, int, str, str]]] = field(default_factory=list)
    ties: defaultdict[int, list[tuple[str, Piece, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def set_signature(self, at: int, fifths: int) -> None:
        """Begin a key signature; a key that stands beside it keeps its mode if it has it."""
        before = self.keys.get(at)
        self.keys[at] = before if before and before[0] == fifths else (fifths, UNKNOWN_MODE)

    def set_key(self, at: int, fifths: int, mode: int) -> None:
        """Tell the mode of a signature; a key of another one is an analysis, and no mark."""
        if not self.keys or self.keys[max(self.keys)][0] == fifths:
            self.keys[at] = (fifths, mode)


class _Reader:
    """Reads one score; times are in ticks.

    Marks and bar lines wait until it is known when the next row sounds, in groups that rows
    of null tokens divide.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.lines: dict[Track, _Line] = {}
        self.order: list[Track] = []
        self.voices: list[tuple[int, Path, _Line, int]] = []
        self.verses: list[tuple[int, _Line, int]] = []
        self.others: dict[str, None] = {}
        self.sounds: dict[str, Sound] = {}
        self.waiting: list[list[tuple[int, _Line, str]]] = [[]]
        self.bars = BarLines()
        self.bar = 0
        self.metre = Metre(4, 4).bar
        self.tempos: dict[int, float] = {}
        self.now: Ticks = 0
        self.end: Ticks = 0
        self.n_notes = 0

    def read(self, first: int, lines: Sequence[str]) -> Score | None:
        """Read a score; None where no spine of it is of notes."""
        paths: Sequence[Path] = ()
        for row in read_rows(first, lines, self.report):
            if row.paths is not paths:
                paths = row.paths
                self._lay_out(paths)
            try:
                self._row(row)
            except ScoreFileError as error:
                raise ScoreFileError(f"line {row.line}: {error}") from None
        if not self.lines:
            return None
        if self.others:
            named = ", ".join(f"**{kind}" for kind in self.others)
            self.report.add(f"spines other than **kern left out ({named[:60]})")
        self._place(self.end)
        for line in self.lines.values():
            for *_, number in (tie for ties in line.ties.values() for tie in ties):
                self.report.add("ties without an end", f"line {number}")
        return self._score(lines)

    # ---- rows -------------------------------------------------------------------------

    def _lay_out(self, paths: Sequence[Path]) -> None:
        """Tell which path is which voice of which part, and which spine has its syllables."""
        self.voices, self.verses = [], []
        counts: Counter[Track] = Counter()
        owner: Track | None = None
        n_verses = 0
        for index, path in enumerate(paths):
            track = path.track
            if track.kind == "kern":
                if track not in self.lines:
                    self.order.insert(self.order.index(owner) + 1 if owner else 0, track)
                    check_limit(len(self.order), MAX_PARTS, "parts")
                line = self.lines.setdefault(track, _Line())
                self.voices.append((index, path, line, counts[track]))
                owner, n_verses = track, 0
            elif track.kind in ("text", "silbe") and owner and not counts[track]:
                n_verses += 1
                self.verses.append((index, self.lines[owner], n_verses))
            elif track.kind:
                self.others[track.kind] = None
            counts[track] += 1

    def _row(self, row: Row) -> None:
        kinds = {token[0] for token in row.tokens if token != "."}
        kind = kinds.pop() if len(kinds) == 1 else "."
        if kind == "*":
            self.waiting[-1] += [
                (row.line, line, row.tokens[index])
                for index, _, line, _ in self.voices
                if len(row.tokens[index]) > 1
            ]
        elif kind == "=":
            signs = [(row.line, line, row.tokens[index]) for index, _, line, _ in self.voices]
            self.waiting[-1] += [sign for sign in signs if sign[2] != "."][-1:]
        elif kind != "!":
            self._sound(row)

    def _sound(self, row: Row) -> None:
        """Place the notes of a row, or learn that nothing begins in it."""
        found = []
        n_graces = 0
        for index, path, line, voice in self.voices:
            token = row.tokens[index]
            if token != ".":
                sound = self.sounds.get(token)
                if sound is None:
                    sound = self.sounds[token] = read_sound(token)
                if sound.fault:
                    self.report.add(sound.fault, f"line {row.line}")
                if sound.duration:
                    found.append((path, line, voice, sound))
                n_graces += sound.n_graces
        self.report.add("grace notes left out", f"line {row.line}", n_graces)
        if found:
            self.now = self._time([path for path, *_ in found], row.line)
            self._place(self.now)
            for path, line, voice, sound in found:
                path.ends = (self.now + sound.duration,)
                self.end = max(self.end, *path.ends)
                self._keep(line, voice, sound, row.line)
        elif not n_graces and any(token.startswith("=") for _, _, token in self.waiting[-1]):
            self.waiting.append([])
        self._syllables(row, {id(line): voice for _, line, voice, _ in reversed(found)})

    def _time(self, paths: Sequence[Path], number: int) -> Ticks:
        """Tell when a row sounds in which these paths have something new."""
        at = max(self.now, *(path.ends[0] for path in paths))
        if at == self.now and self.end > at:
            ends = [end for _, path, _, _ in self.voices for end in path.ends]
            at = min((end for end in ends if end > at), default=at)
        holes = sum(0 <= path.ends[-1] < at for path in paths)
        self.report.add("holes in a spine taken as rests", f"line {number}", holes)
        check_limit(int(at) // TICKS_PER_QUARTER, MAX_QUARTERS, "quarter notes of time")
        return at.numerator if at.denominator == 1 else at

    def _keep(self, line: _Line, voice: int, sound: Sound, number: int) -> None:
        onset = round_ticks(self.now)
        if sound.fermata:
            line.fermatas.add((onset, voice))
        for head in sound.heads:
            stop = self.now + head.duration
            if self.now.denominator * stop.denominator != 1:
                told = "times off the grid of 1/10080 of a quarter rounded"
                self.report.add(told, f"line {number}")
            length = max(round_ticks(stop) - onset, 1)
            piece = Piece(onset, length, head.pitch, head.fifths, voice, _VELOCITY)
            piece.starts, piece.stops, piece.lane = head.starts, head.stops, str(voice)
            self._tie(line, head.name, piece, number)
            line.pieces.append(piece)
        self.n_notes += len(sound.heads)
        check_limit(self.n_notes, MAX_NOTES, "notes")

    def _tie(self, line: _Line, name: str, piece: Piece, number: int) -> None:
        """Give the end of a tie the pitch of its beginning, and keep account of loose ends."""
        if piece.stops:
            begun = self._open_tie(line, name, piece)
            if begun is None:
                self.report.add("ties without a beginning", f"line {number}")
            elif begun.pitch != piece.pitch:
                told = "tied notes of unlike accidentals taken as the first"
                self.report.add(told, f"line {number}")
                piece.pitch, piece.fifths = begun.pitch, begun.fifths
        if piece.starts:
            line.ties[piece.onset + piece.duration].append((name, piece, number))

    def _open_tie(self, line: _Line, name: str, piece: Piece) -> Piece | None:
        """Close the tie that a note ends: one of its pitch, else of its name in the part."""
        others = [other for other in self.lines.values() if other is not line]
        for owner in (line, *others):
            ties = owner.ties.get(piece.onset, [])
            near = [tie for tie in ties if tie[1].pitch == piece.pitch]
            near += [tie for tie in ties if tie[0] == name and owner is line]
            if near:
                ties.remove(near[0])
                return near[0][1]
        return None

    def _syllables(self, row: Row, voices: dict[int, int]) -> None:
        for index, line, verse in self.verses:
            syllable = read_syllable(row.tokens[index]) if row.tokens[index] != "." else None
            if syllable is None:
                continue
            if id(line) not in voices:
                self.report.add("syllables under no note left out", f"line {row.line}")
                continue
            syllabic, text = syllable
            at = round_ticks(self.now)
            line.syllables.append((at, (voices[id(line)], verse, syllabic, text[:64])))

    # ---- marks ------------------------------------------------------------------------

    def _place(self, at: Ticks) -> None:
        """Place what waits, now that it is known when the next row sounds."""
        *held, last = self.waiting
        self.waiting = [[]]
        for group in held:
            between = min(self.bar + self.metre, int(at))
            for number, line, token in group:
                self._mark(between, line, token, number)
        for number, line, token in last:
            self._mark(round_ticks(at), line, token, number)

    def _mark(self, at: int, line: _Line, token: str, number: int) -> None:
        """Keep a bar line or a plain interpretation."""
        if token.startswith("="):
            self.bar = at
            self.bars.add(at, token)
        elif token.startswith("*>"):
            self.bars.add(at, token)
        elif token.startswith("*k["):
            fifths = read_signature(token)
            if fifths is not None:
                line.set_signature(at, fifths)
            else:
                self.report.add("key signatures that are none left out", f"line {number}")
        elif token.startswith("*MM"):
            tempo = read_tempo(token)
            if tempo is not None:
                self.tempos.setdefault(at, tempo)
        elif re.match(r"\*M[0-9]", token):
            metre = read_metre(token)
            if metre is not None:
                line.metres[at] = metre
                self.metre = Metre(*metre).bar
            else:
                self.report.add("metres that a score cannot hold left out", f"line {number}")
        elif token.startswith("*I"):
            self._name(line, token)
        else:
            key = read_designation(token)
            if key is not None:
                line.set_key(at, *key)

    def _name(self, line: _Line, token: str) -> None:
        told = re.match(r'\*I[:"]\[?([^\]]*)', token)
        if told:
            line.name = line.name or html.unescape(told[1]).strip()
        elif line.program is None:
            line.program = PROGRAMS.get(token[2:])

    # ---- the score --------------------------------------------------------------------

    def _score(self, lines: Sequence[str]) -> Score:
        parts = [self.lines[track] for track in reversed(self.order)]
        metres = self._common([line.metres for line in parts], "metres", slice(None))
        metres = metres if 0 in metres else {0: (4, 4), **metres}
        keys = self._common([line.keys for line in parts], "key signatures", slice(1))
        end = round_ticks(self.end) or Metre(*metres[0]).bar
        notes: list[tuple[int, ...]] = []
        fermatas: list[tuple[int, int, int]] = []
        lyrics: list[tuple[int, int, int, int, str, str]] = []
        for part, line in enumerate(parts):
            rows = merge_ties(line.pieces)
            notes += [(at, d, p, f, part, v, *more) for at, d, p, f, v, *more in rows]
            fermatas += [(at, part, voice) for at, voice in line.fermatas]
            lyrics += [(at, part, *told) for at, told in line.syllables]
        score = Score(
            make_table(NOTE_DTYPE, notes),
            bars=self.bars.table(end),
            time_signatures=make_table(TIME_SIGNATURE_DTYPE, _rows(metres, end)),
            key_signatures=make_table(KEY_SIGNATURE_DTYPE, _rows(keys, end)),
            tempos=make_table(TEMPO_DTYPE, [pair for pair in self.tempos.items() if pair[0] < end]),
            fermatas=make_table(FERMATA_DTYPE, fermatas),
            lyrics=make_table(LYRIC_DTYPE, lyrics),
            parts=tuple(Part(line.name, line.program or 0) for line in parts),
            title=_record(lines, "OTL"),
            composer=_record(lines, "COM"),
            end=end,
        )
        return self.bars.ordered(score, self.report)

    def _common(
        self, told: Sequence[dict[int, tuple[int, int]]], what: str, same: slice
    ) -> dict[int, tuple[int, int]]:
        """Take the marks of the first part that has any; count where others differ."""
        first = next((marks for marks in told if marks), {})
        for marks in told:
            for at, value in marks.items():
                here = first[max((tick for tick in first if tick <= at), default=min(first))]
                if here[same] != value[same]:
                    place = f"quarter {at / TICKS_PER_QUARTER:g}"
                    self.report.add(f"{what} unlike the first part's left out", place)
        return first


def _rows(marks: dict[int, tuple[int, int]], end: int) -> list[tuple[int, int, int]]:
    return [(at, *value) for at, value in sorted(marks.items()) if at < end]


def _record(lines: Sequence[str], key: str) -> str:
    """Read a reference record, such as `!!!OTL: title` or `!!!OTL@@DE: Titel`."""
    told = (re.match(rf"!!!{key}[^:]*:(.*)", line) for line in lines if line.startswith("!!!"))
    return next((html.unescape(found[1]).strip() for found in told if found), "")
