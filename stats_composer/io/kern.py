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
from collections import Counter
from collections.abc import Sequence

from stats_composer.errors import ScoreError, ScoreFileError
from stats_composer.io.kern_bars import BarLines
from stats_composer.io.kern_part import KernPart, common_marks
from stats_composer.io.kern_spines import Path, Row, Track, read_rows, split_scores
from stats_composer.io.kern_tokens import (
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
    GRACE_DTYPE,
    KEY_SIGNATURE_DTYPE,
    LYRIC_DTYPE,
    NOTE_DTYPE,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    make_table,
)
from stats_composer.theory import TICKS_PER_QUARTER, Metre

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


class _Reader:
    """Reads one score; times are in ticks.

    Marks and bar lines wait until it is known when the next row sounds, in groups that rows
    of null tokens divide.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.parts: dict[Track, KernPart] = {}
        self.order: list[Track] = []
        self.voices: list[tuple[int, Path, KernPart, int]] = []
        self.verses: list[tuple[int, KernPart, int]] = []
        self.others: dict[str, None] = {}
        self.sounds: dict[str, Sound] = {}
        self.graces: dict[Path, list[tuple[int, Sound]]] = {}
        self.last: dict[Path, tuple[int, int, KernPart]] = {}
        self.waiting: list[list[tuple[int, KernPart, str]]] = [[]]
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
        if not self.parts:
            return None
        if self.others:
            named = ", ".join(f"**{kind}" for kind in self.others)
            self.report.add(f"spines other than **kern left out ({named[:60]})")
        self._place(self.end)
        for path in list(self.graces):
            self._end_graces(path)
        for part in self.parts.values():
            part.tell_open_ties(self.report)
        return self._score(lines)

    # ---- rows -------------------------------------------------------------------------

    def _lay_out(self, paths: Sequence[Path]) -> None:
        """Tell which path is which voice of which part, and which spine has its syllables."""
        self.voices, self.verses = [], []
        for path in [path for path in self.graces if path not in paths]:
            self._end_graces(path)
        counts: Counter[Track] = Counter()
        owner: Track | None = None
        n_verses = 0
        for index, path in enumerate(paths):
            track = path.track
            if track.kind == "kern":
                if track not in self.parts:
                    self.order.insert(self.order.index(owner) + 1 if owner else 0, track)
                    check_limit(len(self.order), MAX_PARTS, "parts")
                part = self.parts.setdefault(track, KernPart())
                self.voices.append((index, path, part, counts[track]))
                owner, n_verses = track, 0
            elif track.kind in ("text", "silbe") and owner and not counts[track]:
                n_verses += 1
                self.verses.append((index, self.parts[owner], n_verses))
            elif track.kind:
                self.others[track.kind] = None
            counts[track] += 1

    def _row(self, row: Row) -> None:
        kinds = {token[0] for token in row.tokens if token != "."}
        kind = kinds.pop() if len(kinds) == 1 else "."
        if kind == "*":
            self.waiting[-1] += [
                (row.line, part, row.tokens[index])
                for index, _, part, _ in self.voices
                if len(row.tokens[index]) > 1
            ]
        elif kind == "=":
            signs = [(row.line, part, row.tokens[index]) for index, _, part, _ in self.voices]
            self.waiting[-1] += [sign for sign in signs if sign[2] != "."][-1:]
            for path in [path for path in self.graces if path in self.last]:
                self._end_graces(path)
        elif kind != "!":
            self._sound(row)

    def _sound(self, row: Row) -> None:
        """Place the notes of a row, or learn that nothing begins in it."""
        found = []
        graced = False
        for index, path, part, voice in self.voices:
            token = row.tokens[index]
            if token != ".":
                sound = self.sounds.get(token)
                if sound is None:
                    sound = self.sounds[token] = read_sound(token)
                if sound.fault:
                    self.report.add(sound.fault, f"line {row.line}")
                if sound.duration:
                    found.append((path, part, voice, sound))
                elif sound.heads:
                    self.graces.setdefault(path, []).append((row.line, sound))
                    self.n_notes += len(sound.heads)
                    graced = True
        if found:
            self.now = self._time([path for path, *_ in found], row.line)
            self._place(self.now)
            for path, part, voice, sound in found:
                self._keep(path, part, voice, sound, row.line)
        elif not graced and any(token.startswith("=") for _, _, token in self.waiting[-1]):
            self.waiting.append([])
        voices = {id(part): voice for _, part, voice, sound in reversed(found) if sound.heads}
        self._syllables(row, voices)

    def _time(self, paths: Sequence[Path], line: int) -> Ticks:
        """Tell when a row sounds in which these paths have something new."""
        at = max(self.now, *(path.ends[0] for path in paths))
        if at == self.now and self.end > at:
            ends = [end for _, path, _, _ in self.voices for end in path.ends]
            at = min((end for end in ends if end > at), default=at)
        holes = sum(0 <= path.ends[-1] < at for path in paths)
        self.report.add("holes in a spine taken as rests", f"line {line}", holes)
        check_limit(int(at) // TICKS_PER_QUARTER, MAX_QUARTERS, "quarter notes of time")
        return at.numerator if at.denominator == 1 else at

    def _keep(self, path: Path, part: KernPart, voice: int, sound: Sound, line: int) -> None:
        """Keep what a path has new, and the grace notes before it."""
        onset = round_ticks(self.now)
        path.ends = (self.now + sound.duration,)
        self.end = max(self.end, *path.ends)
        if sound.fermata:
            part.fermatas.add((onset, voice))
        for head in sound.heads:
            stop = self.now + head.duration
            if self.now.denominator * stop.denominator != 1:
                told = "times off the grid of 1/10080 of a quarter rounded"
                self.report.add(told, f"line {line}")
            length = max(round_ticks(stop) - onset, 1)
            piece = Piece(onset, length, head.pitch, head.fifths, voice, _VELOCITY)
            piece.starts, piece.stops, piece.lane = head.starts, head.stops, str(voice)
            others = (other for other in self.parts.values() if other is not part)
            part.add(head.name, piece, others, self.report, line)
        self.n_notes += len(sound.heads)
        check_limit(self.n_notes, MAX_NOTES, "notes")
        if sound.heads:
            before = [grace for _, grace in self.graces.pop(path, ())]
            part.add_graces(onset, voice, -len(before), before)
            self.last[path] = onset, voice, part
        elif path in self.graces:
            self._end_graces(path)

    def _end_graces(self, path: Path) -> None:
        """Give grace notes that no note follows to the one before them."""
        after = self.graces.pop(path)
        if path in self.last:
            onset, voice, part = self.last.pop(path)
            part.add_graces(onset, voice, 1, [grace for _, grace in after])
        else:
            for line, _ in after:
                self.report.add("grace notes at no note left out", f"line {line}")

    def _syllables(self, row: Row, voices: dict[int, int]) -> None:
        """Keep the syllables of a row, each under the first voice of its part that sounds."""
        for index, part, verse in self.verses:
            syllable = read_syllable(row.tokens[index]) if row.tokens[index] != "." else None
            if syllable is None:
                continue
            if id(part) not in voices:
                self.report.add("syllables under no note left out", f"line {row.line}")
                continue
            syllabic, text = syllable
            at = round_ticks(self.now)
            part.syllables.append((at, (voices[id(part)], verse, syllabic, text[:64])))

    # ---- marks ------------------------------------------------------------------------

    def _place(self, at: Ticks) -> None:
        """Place what waits, now that it is known when the next row sounds."""
        *held, last = self.waiting
        self.waiting = [[]]
        for group in held:
            between = min(self.bar + self.metre, int(at))
            for line, part, token in group:
                self._mark(between, part, token, line)
        for line, part, token in last:
            self._mark(round_ticks(at), part, token, line)

    def _mark(self, at: int, part: KernPart, token: str, line: int) -> None:
        """Keep a bar line or a plain interpretation."""
        if token.startswith("="):
            self.bar = at
            self.bars.add(at, token)
        elif token.startswith("*>"):
            self.bars.add(at, token)
        elif token.startswith("*k["):
            fifths = read_signature(token)
            if fifths is not None:
                part.set_signature(at, fifths)
            else:
                self.report.add("key signatures that are none left out", f"line {line}")
        elif token.startswith("*MM"):
            tempo = read_tempo(token)
            if tempo is not None:
                self.tempos.setdefault(at, tempo)
        elif re.match(r"\*M[0-9]", token):
            metre = read_metre(token)
            if metre is not None:
                part.metres[at] = metre
                self.metre = Metre(*metre).bar
            else:
                self.report.add("metres that a score cannot hold left out", f"line {line}")
        elif token.startswith("*I"):
            part.set_name(token)
        else:
            key = read_designation(token)
            if key is not None:
                part.set_key(at, *key)

    # ---- the score --------------------------------------------------------------------

    def _score(self, lines: Sequence[str]) -> Score:
        parts = [self.parts[track] for track in reversed(self.order)]
        metres = common_marks([part.metres for part in parts], "metres", 2, self.report)
        metres = metres if 0 in metres else {0: (4, 4), **metres}
        keys = common_marks([part.keys for part in parts], "key signatures", 1, self.report)
        end = round_ticks(self.end) or Metre(*metres[0]).bar
        notes: list[tuple[int, ...]] = []
        fermatas: list[tuple[int, int, int]] = []
        lyrics: list[tuple[int, int, int, int, str, str]] = []
        graces: list[tuple[int, int, int, int, int, int, int, bool]] = []
        for index, part in enumerate(parts):
            rows = merge_ties(part.pieces)
            notes += [(at, d, p, f, index, v, *more) for at, d, p, f, v, *more in rows]
            fermatas += [(at, index, voice) for at, voice in part.fermatas]
            lyrics += [(at, index, *told) for at, told in part.syllables]
            graces += [(at, index, *told) for at, told in part.graces]
        score = Score(
            make_table(NOTE_DTYPE, notes),
            bars=self.bars.table(end),
            time_signatures=make_table(TIME_SIGNATURE_DTYPE, _rows(metres, end)),
            key_signatures=make_table(KEY_SIGNATURE_DTYPE, _rows(keys, end)),
            tempos=make_table(TEMPO_DTYPE, [pair for pair in self.tempos.items() if pair[0] < end]),
            fermatas=make_table(FERMATA_DTYPE, fermatas),
            lyrics=make_table(LYRIC_DTYPE, lyrics),
            graces=make_table(GRACE_DTYPE, graces),
            parts=tuple(Part(part.name, part.program or 0) for part in parts),
            title=_record(lines, "OTL"),
            composer=_record(lines, "COM"),
            end=end,
        )
        return self.bars.complete(score, self.report)


def _rows(marks: dict[int, tuple[int, int]], end: int) -> list[tuple[int, int, int]]:
    return [(at, *value) for at, value in sorted(marks.items()) if at < end]


def _record(lines: Sequence[str], key: str) -> str:
    """Read a reference record, such as `!!!OTL: title` or `!!!OTL@@DE: Titel`."""
    told = (re.match(rf"!!!{key}[^:]*:(.*)", line) for line in lines if line.startswith("!!!"))
    return next((html.unescape(found[1]).strip() for found in told if found), "")
