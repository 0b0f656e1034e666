"""Reading ABC tunes.

Conventions
-----------
* Standard 2.1: an accidental holds for its letter in every octave to the end of the bar, and
  over a tie (in a tune without bars, for its note); the unit length follows from the metre
  where no `L:` tells it; so does the time of 5, 7 or 9 notes in tuplets.
* Each `V:` is a part. Bars, repeats, endings, metres and keys are those of the first voice.
* A quoted text is a chord symbol, kept as it is written, where it can be one; annotations and
  overlays (`&`) are counted in a warning.

Our own parser rather than music21's: that one has no lyrics and no fermatas, respells chord
symbols or drops them, drops notes after `H` or under some annotations, takes `a-b` for one
note, and takes 17 times as long (`python benchmarks/bench_io.py`).

References
----------
The ABC music standard 2.1 (2011), https://abcnotation.com/wiki/abc:standard:v2.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from stats_composer.errors import ScoreError, ScoreFileError
from stats_composer.io.abc_fields import (
    ABC_LETTERS,
    Key,
    read_key,
    read_length,
    read_metre,
    read_syllables,
    read_tempo,
)
from stats_composer.io.limits import MAX_BARS, MAX_NOTES, MAX_PARTS, MAX_QUARTERS, check_limit
from stats_composer.io.report import Report
from stats_composer.io.timeline import Piece, merge_ties, round_ticks
from stats_composer.score import (
    BAR_DTYPE,
    CHORD_DTYPE,
    FERMATA_DTYPE,
    KEY_SIGNATURE_DTYPE,
    LYRIC_DTYPE,
    NOTE_DTYPE,
    REPEAT_END,
    REPEAT_START,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    make_table,
)
from stats_composer.theory import TICKS_PER_QUARTER, Metre

__all__ = ["is_chord_symbol", "read_abc"]

_VELOCITY = 80
_WHOLE = 4 * TICKS_PER_QUARTER
_LENGTH = r"[0-9]{0,6}/*[0-9]{0,6}"
_NOTE = rf"(?P<accidental>[_^=]{{0,2}})(?P<letter>[A-Ga-g])(?P<octave>[,']*)(?P<length>{_LENGTH})"
_TOKEN = re.compile(
    rf"""
    "(?P<quoted>[^"]*)"
    | [!+](?P<decoration>[a-zA-Z0-9()<>.]+)[!+]
    | \{{(?P<grace>[^}}]*)\}}
    | \[(?P<inline>[A-Za-z]:[^\]]*)\]
    | (?P<bar>\[\|\]?|:*\|+[\]|:]*|::+)(?P<times>\[?[0-9][0-9,-]*)?
    | \[(?P<ending>[0-9][0-9,-]*)
    | \((?P<tuplet>[2-9])(?::(?P<into>[0-9]?))?(?::(?P<over>[0-9]{{0,3}}))?
    | {_NOTE}(?P<tie>[ ]?-)?
    | \[(?P<chord>[^\]|]*)\](?P<chord_length>{_LENGTH})(?P<chord_tie>[ ]?-)?
    | (?P<rest>[zx])(?P<rest_length>{_LENGTH})
    | (?P<bars_rest>[ZX])(?P<n_bars>[0-9]{{0,5}})
    | (?P<broken>>+|<+)
    | (?P<sign>\S)
    """,
    re.VERBOSE,
)
_PASSED_OVER = set("()~.uvTMPSLOyJR`\\*$-;#@")
_CHORD = re.compile(
    r"[A-G][#b♯♭]?"
    r"(maj|min|mi|ma|m|M|dim|aug|sus|add|alt|no|dom|[0-9()+°oøΔ^#b♯♭,\-/ ]|/[A-G][#b]?)*"
)
_BODY_FIELDS = "IKLMmNPQRrsTUVWw+"
_TIMES = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}


def is_chord_symbol(text: str) -> bool:
    """Tell whether a quoted text is a chord symbol, and no annotation."""
    chord = _CHORD.fullmatch(text) or text.upper().replace(".", "") in ("NC", "N")
    return text[:1] not in "^_<>@" and bool(chord)


def read_abc(data: bytes, report: Report) -> list[Score]:
    """Read the tunes of an ABC file.

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
        If no tune has a key field, or one is damaged or larger than the limits; the message
        names the tune.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    start, *rest = re.split(r"^[ \t]*(?=X:)", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    common = "" if re.search(r"^[ \t]*K:", start, re.MULTILINE) else start
    texts = rest if common or not start.strip() else [start, *rest]
    scores = []
    n_notes = 0
    for number, body in enumerate(texts, 1):
        if not re.search(r"^[ \t]*K:", body, re.MULTILINE):
            if re.search(
                r"^[ \t]*[A-Za-z|\[(\"]", re.sub(r"^\s*\w:.*$", "", body, flags=re.M), re.M
            ):
                raise ScoreFileError(f"tune {number}: no key field K:")
            continue
        try:
            tune = _Tune(report, f"tune {number}")
            tune.read(common + body)
            scores.append(tune.score())
        except (ScoreError, ScoreFileError) as error:
            raise ScoreFileError(f"tune {number}: {error}") from error
        n_notes += len(scores[-1].notes)
        check_limit(n_notes, MAX_NOTES, "notes")
    if not scores:
        raise ScoreFileError("no tune: expected fields X: and K:, and notes")
    return scores


@dataclass
class _Voice:
    """One voice of a tune: where it is, and what it has so far. Times are in ticks."""

    name: str = ""
    program: int = 0
    cursor: Fraction = Fraction(0)
    pieces: list[Piece] = field(default_factory=list)
    exact: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    bars: list[list[int]] = field(default_factory=lambda: [[0, 0, 0]])  # onset, repeat, ending
    ending: int = 0
    altered: dict[str, int] = field(default_factory=dict)
    tied: dict[tuple[str, int], int] = field(default_factory=dict)
    tuplet: tuple[Fraction, int] = (Fraction(1), 0)
    next_factor: Fraction = Fraction(1)
    last: tuple[int, Fraction, Fraction] | None = None  # first piece, start, length
    line: list[tuple[Fraction, int]] = field(default_factory=list)
    verses: int = 0
    fermata: bool = False
    shift: int = 0
    skipping: bool = False


class _Tune:
    def __init__(self, report: Report, place: str) -> None:
        self.report, self.place = report, place
        self.title = self.composer = ""
        self.metre: tuple[int, int] = (4, 4)
        self.unit: Fraction | None = None
        self.key = Key(0, -1, {})
        self.voices: dict[str, _Voice] = {}
        self.voice = _Voice()
        self.in_body = self.barred = False
        self.metres: dict[int, tuple[int, int]] = {}
        self.keys: dict[int, tuple[int, int]] = {}
        self.tempos: dict[int, float] = {}
        self.chords: list[tuple[int, str]] = []
        self.fermatas: list[tuple[int, int]] = []
        self.lyrics: list[tuple[Fraction, int, int, str, str]] = []

    # ---- lines ------------------------------------------------------------------------

    def read(self, text: str) -> None:
        music = re.sub(r"^\s*(\w:|%).*$", "", text, flags=re.MULTILINE)
        self.barred = re.search(r"\|(?!\])|::", music) is not None
        for raw in text.split("\n"):
            midi = re.match(r"%%MIDI\s+(program|transpose)\s+(?:[0-9]+\s+)?(-?[0-9]{1,3})", raw)
            if midi and midi[1] == "program":
                self.voice.program = min(abs(int(midi[2])), 127)
            elif midi:
                self.voice.shift = int(midi[2])
            line = re.sub(r"(?<!\\)%.*", "", raw).strip()
            found = re.match(r"([A-Za-z+]):", line)
            if found and (not self.in_body or (found[1] in _BODY_FIELDS and line[2:3] != "|")):
                self._field(found[1], line[2:].strip())
            elif self.in_body and line:
                self.voice.line, self.voice.verses = [], 0
                for token in _TOKEN.finditer(line):
                    self._token(token)

    def _field(self, letter: str, text: str) -> None:
        at = self.tick()
        if letter == "T":
            self.title = self.title or text
        elif letter == "C":
            self.composer = self.composer or text
        elif letter == "M":
            metre = read_metre(text)
            if metre is not None:
                self.metre = self.metres[at] = metre
        elif letter == "L":
            self.unit = read_length(text, Fraction(1, 8))
        elif letter == "Q":
            tempo = read_tempo(text)
            if tempo is not None:
                self.tempos.setdefault(at, tempo)
        elif letter == "K":
            self._set_key(text, at)
        elif letter == "V":
            self._set_voice(text)
        elif letter == "w":
            self._set_lyrics(text)
        elif letter == "W":
            self.report.add("verses below the tune left out", self.place)

    def _set_key(self, text: str, at: int) -> None:
        self.key = read_key(text, self.key)
        self.in_body = True
        self.voice.altered = {}
        if "=" in text or "8" in text:
            self._shift(text)
        if self.voice is next(iter(self.voices.values()), self.voice):
            self.keys[at] = (self.key.fifths, self.key.mode)

    def _set_voice(self, text: str) -> None:
        name = text.split()[0] if text else "1"
        if not self.voices and not self.voice.pieces and self.voice.cursor == 0:
            self.voices[name] = self.voice
        self.voice = self.voices.setdefault(name, _Voice(program=self.voice.program))
        check_limit(len(self.voices), MAX_PARTS, "parts")
        told = re.search(r'(?:name|nm)\s*=\s*(?:"([^"]*)"|(\S+))', text)
        if told:
            self.voice.name = (told[1] or told[2] or "").strip()
        self._shift(text)

    def _shift(self, text: str) -> None:
        """Read what moves the sounding pitch: octave=, transpose=, and clefs an octave away."""
        shift = 0
        for name, size in (("octave", 12), ("transpose", 1)):
            told = re.search(rf"{name}\s*=\s*(-?[0-9]{{1,2}})", text)
            shift += size * int(told[1]) if told else 0
        shift += 12 * (len(re.findall(r"[a-z]\+8", text)) - len(re.findall(r"[a-z][1-5]?-8", text)))
        self.voice.shift = shift if shift else self.voice.shift

    def _set_lyrics(self, text: str) -> None:
        voice = self.voice
        voice.verses += 1
        owner = self._owner()
        for onset, syllabic, word in read_syllables(text, voice.line):
            self.lyrics.append((onset, owner, voice.verses, syllabic, word))

    def _owner(self) -> int:
        return list(self.voices.values()).index(self.voice) if self.voices else 0

    def tick(self) -> int:
        return round_ticks(self.voice.cursor)

    # ---- music ------------------------------------------------------------------------

    def _token(self, token: re.Match[str]) -> None:
        kind = token.lastgroup or ""
        voice = self.voice
        if token["bar"] is not None:
            self._bar(token["bar"], token["times"])
        elif token["inline"] is not None:
            self._field(token["inline"][0], token["inline"][2:].strip())
        elif voice.skipping:
            return
        elif token["quoted"] is not None:
            self._quoted(token["quoted"].strip())
        elif token["decoration"] is not None:
            voice.fermata |= token["decoration"] in ("fermata", "invertedfermata")
        elif token["grace"] is not None:
            count = len(re.findall("[A-Ga-g]", token["grace"]))
            self.report.add("grace notes left out", self.place, count)
        elif token["ending"] is not None:
            self._ending(token["ending"])
        elif token["tuplet"] is not None:
            self._tuplet(token)
        elif token["letter"] is not None:
            self._sound([token], token["length"], bool(token["tie"]))
        elif token["chord"] is not None:
            heads = list(re.finditer(_NOTE, token["chord"]))
            if heads:
                length = (
                    Fraction(1)
                    * read_length(heads[0]["length"])
                    * read_length(token["chord_length"])
                )
                tie = bool(token["chord_tie"]) or "-" in token["chord"]
                self._sound(heads, str(length), tie)
        elif token["rest"] is not None:
            self._sound([], token["rest_length"], False)
        elif token["bars_rest"] is not None:
            voice.cursor += int(token["n_bars"] or 1) * Metre(*self.metre).bar
            check_limit(int(voice.cursor) // TICKS_PER_QUARTER, MAX_QUARTERS, "quarter notes")
        elif token["broken"] is not None:
            self._broken(token["broken"])
        elif kind == "sign":
            self._sign(token["sign"])

    def _sign(self, sign: str) -> None:
        if sign == "H":
            self.voice.fermata = True
        elif sign == "&":
            self.report.add("overlays (&) left out", self.place)
            self.voice.skipping = True
        elif sign not in _PASSED_OVER:
            self.report.add("signs that are no ABC left out", self.place)

    def _quoted(self, text: str) -> None:
        if not is_chord_symbol(text):
            if text:
                self.report.add("annotations left out", self.place)
            return
        self.chords.append((self.tick(), text[:32]))

    def _tuplet(self, token: re.Match[str]) -> None:
        count = int(token["tuplet"])
        compound = self.metre[0] % 3 == 0 and self.metre[0] > 3
        into = int(token["into"] or 0) or _TIMES.get(count, 3 if compound else 2)
        self.voice.tuplet = (Fraction(into, count), int(token["over"] or 0) or count)

    def _broken(self, sign: str) -> None:
        """Lengthen the note before and shorten the next, or the other way round."""
        voice = self.voice
        if voice.last is None:
            return
        short = Fraction(1, 2 ** min(len(sign), 4))
        before, after = (2 - short, short) if sign[0] == ">" else (short, 2 - short)
        first, start, length = voice.last
        for index in range(first, len(voice.exact)):
            voice.exact[index] = (start, length * before)
        voice.cursor = start + length * before
        voice.next_factor = after
        voice.last = None

    def _sound(self, heads: list[re.Match[str]], length: str, tie: bool) -> None:
        """Place a note, a chord, or (without heads) a rest."""
        voice = self.voice
        factor, left = voice.tuplet
        unit = self.unit or Fraction(1, 16 if self.metre[0] * 4 < self.metre[1] * 3 else 8)
        ticks = read_length(length) * unit * _WHOLE * voice.next_factor * (factor if left else 1)
        voice.tuplet = (factor, max(left - 1, 0))
        voice.next_factor = Fraction(1)
        if ticks <= 0:
            raise ScoreFileError(f"bar {len(voice.bars)}: a note of length {length!r}")
        check_limit(len(voice.exact), MAX_NOTES, "notes")
        check_limit(int(voice.cursor + ticks) // TICKS_PER_QUARTER, MAX_QUARTERS, "quarter notes")
        onset = voice.cursor
        voice.last = (len(voice.exact), onset, ticks)
        tied: dict[tuple[str, int], int] = {}
        for head in heads:
            piece = self._pitch(head, tied)
            piece.starts = tie
            voice.pieces.append(piece)
            voice.exact.append((onset, ticks))
        voice.tied = tied if tie else {}
        if voice.fermata:
            self.fermatas.append((self.tick(), self._owner()))
            voice.fermata = False
        if heads:
            voice.line.append((onset, len(voice.bars)))
        voice.cursor += ticks

    def _pitch(self, head: re.Match[str], tied: dict[tuple[str, int], int]) -> Piece:
        voice = self.voice
        letter = head["letter"].upper()
        octave = (
            4 + head["letter"].islower() + head["octave"].count("'") - head["octave"].count(",")
        )
        written = head["accidental"]
        place = (letter, octave)
        if written:
            alter = written.count("^") - written.count("_")
            if self.barred:
                voice.altered[letter] = alter
        else:
            alter = voice.tied.get(place, voice.altered.get(letter, self.key.alter(letter)))
        tied[place] = alter
        pitch_class, fifths = ABC_LETTERS[letter]
        pitch = 12 * (octave + 1) + pitch_class + alter + voice.shift
        if not 0 <= pitch <= 127:
            raise ScoreFileError(f"bar {len(voice.bars)}: pitch {pitch}: expected 0 to 127")
        moved = (7 * voice.shift + 6) % 12 - 6
        piece = Piece(0, 0, pitch, fifths + 7 * alter + moved, 0, _VELOCITY)
        piece.stops = place in voice.tied
        return piece

    def _bar(self, sign: str, times: str | None) -> None:
        voice = self.voice
        at = self.tick()
        voice.altered, voice.skipping, voice.last = {}, False, None
        if at > voice.bars[-1][0]:
            if sign.startswith(":"):
                voice.bars[-1][1] |= REPEAT_END
            voice.bars[-1][2] = voice.ending
            voice.bars.append([at, 0, 0])
        elif sign.startswith(":") and len(voice.bars) > 1:
            voice.bars[-2][1] |= REPEAT_END
        check_limit(len(voice.bars), MAX_BARS, "bars")
        if sign.endswith(":"):
            voice.bars[-1][1] |= REPEAT_START
        if ":" in sign or "]" in sign or "||" in sign:
            voice.ending = 0
        if times:
            self._ending(times.lstrip("["))

    def _ending(self, times: str) -> None:
        numbers = re.findall("[0-9]{1,2}", times)
        if len(numbers) > 1 or "-" in times:
            self.report.add("endings for several times kept for the first", self.place)
        self.voice.ending = int(numbers[0])

    # ---- the score --------------------------------------------------------------------

    def score(self) -> Score:
        voices = list(self.voices.values()) or [self.voice]
        end = max(round_ticks(voice.cursor) for voice in voices)
        notes = [row for part, voice in enumerate(voices) for row in self._notes(voice, part)]
        bars = self._bars(voices[0], end) if self.barred else []
        metres = {at: metre for at, metre in self.metres.items() if at < max(end, 1)}
        metres = metres if 0 in metres else {0: (4, 4), **metres}
        end = end or Metre(*metres[0]).bar
        fermatas = {(at, owner, 0) for at, owner in self.fermatas if at < end}
        return Score(
            make_table(NOTE_DTYPE, notes),
            bars=make_table(BAR_DTYPE, bars),
            time_signatures=make_table(TIME_SIGNATURE_DTYPE, _rows(metres, end)),
            key_signatures=make_table(KEY_SIGNATURE_DTYPE, _rows(self.keys, end)),
            tempos=make_table(TEMPO_DTYPE, [pair for pair in self.tempos.items() if pair[0] < end]),
            chords=make_table(CHORD_DTYPE, [pair for pair in self.chords if pair[0] < end]),
            fermatas=make_table(FERMATA_DTYPE, sorted(fermatas)),
            lyrics=make_table(LYRIC_DTYPE, self._lyric_rows(end)),
            parts=tuple(Part(voice.name, voice.program) for voice in voices),
            title=self.title,
            composer=self.composer,
            end=end,
        )

    def _notes(self, voice: _Voice, part: int) -> Iterator[tuple[int, ...]]:
        for piece, (onset, length) in zip(voice.pieces, voice.exact, strict=True):
            stop = onset + length
            if onset.denominator * stop.denominator != 1:
                self.report.add("times off the grid of 1/10080 of a quarter rounded", self.place)
            piece.onset = round_ticks(onset)
            piece.duration = max(round_ticks(stop) - piece.onset, 1)
        for onset_tick, duration, pitch, fifths, number, velocity, tied in merge_ties(voice.pieces):
            yield (onset_tick, duration, pitch, fifths, part, number, velocity, tied)

    def _bars(self, voice: _Voice, end: int) -> list[tuple[int, int, int]]:
        voice.bars[-1][2] = voice.ending
        kept = [bar for bar in voice.bars if bar[0] < max(end, 1)]
        return [(onset, repeat, ending) for onset, repeat, ending in kept]

    def _lyric_rows(self, end: int) -> list[tuple[int, int, int, int, str, str]]:
        return [
            (round_ticks(onset), owner, 0, verse, syllabic, word[:64])
            for onset, owner, verse, syllabic, word in self.lyrics
            if round_ticks(onset) < end
        ]


def _rows(marks: dict[int, tuple[int, int]], end: int) -> list[tuple[int, int, int]]:
    return [(at, *value) for at, value in sorted(marks.items()) if at < end]
