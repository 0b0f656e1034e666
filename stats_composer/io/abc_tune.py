"""One ABC tune: its fields, directives and voices, and the score that they make.

Conventions
-----------
* Fields of the head hold for all voices, those of the body for the voice they stand in.
* Music before the first `V:` belongs to the first voice.
* Each `V:` is a part, its overlays are voices of it. Bars, repeats, endings, metres and keys
  are those of the first voice that has music.
* A quoted text is a chord symbol, kept as it is written, where it can be one; of
  `"Dm(Gm)"` and `"Dm;Gm"` the first is.
* Where no `L:` tells the unit length, the metre of the head does.

References
----------
The ABC music standard 2.1 (2011), sections 3, 7 and 11: https://abcnotation.com/wiki/abc:standard:v2.1.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from stats_composer.errors import ScoreFileError
from stats_composer.io.abc_fields import (
    Key,
    expand_macros,
    read_clef,
    read_key,
    read_metre,
    read_order,
    read_properties,
    read_tempo,
    read_unit,
)
from stats_composer.io.abc_marks import WORDS
from stats_composer.io.abc_score import TuneFacts, build_score
from stats_composer.io.abc_setting import Setting, follow_directive, place_pitch
from stats_composer.io.abc_text import DIRECTIVE, MUSIC, Line, TuneText, plain_text
from stats_composer.io.abc_tokens import (
    Bar,
    BarsRest,
    Broken,
    Decoration,
    Ending,
    Field,
    Grace,
    Odd,
    Overlay,
    Quoted,
    Slur,
    Sound,
    Tie,
    Token,
    Tuplet,
    tokens,
)
from stats_composer.io.abc_voice import Voice
from stats_composer.io.abc_words import deal_signs, deal_words
from stats_composer.io.limits import MAX_PARTS, check_limit
from stats_composer.io.report import Report
from stats_composer.score import Score
from stats_composer.theory import UNKNOWN_MODE, is_no_chord, parse_chord, transpose_symbol

__all__ = ["is_chord_symbol", "read_tune"]

_CHORD = re.compile(
    r"[A-G][#b♯♭]?"
    r"(maj|min|mi|ma|m|M|dim|aug|sus|add|alt|no|dom|[0-9()+°oøΔ^#b♯♭,\-/ ]|/[A-G][#b]?)*"
)
# No word such as Fine, and no D.C.
_LIKE_CHORD = re.compile(r"[A-H][#b♯♭]?(?![a-z]{2})[^\s.]*")
_SYMBOLS = {
    ".": "staccato", "~": "roll", "H": "fermata", "L": "accent", "M": "lowermordent",
    "O": "coda", "P": "uppermordent", "S": "segno", "T": "trill", "u": "upbow", "v": "downbow",
    "J": "slide", "R": "roll",
}  # fmt: skip
_ENCLOSED = re.compile(r"!([^!]+)!|\+([^+]+)\+|(\"[^\"]*\")")
_MAX_ODD = 10


def is_chord_symbol(text: str) -> bool:
    """Tell whether a quoted text is a chord symbol, and no annotation."""
    chord = _CHORD.fullmatch(text) or text.upper().replace(".", "") in ("NC", "N")
    return text[:1] not in "^_<>@" and bool(chord)


@lru_cache(maxsize=4096)
def _is_readable(symbol: str) -> bool:
    try:
        return is_no_chord(symbol) or bool(parse_chord(symbol, minus="minor"))
    except ValueError:
        return False


def read_tune(text: TuneText, report: Report) -> Score:
    """Read a tune.

    Parameters
    ----------
    text : TuneText
    report : Report
        Told what could not be kept.

    Returns
    -------
    Score

    Raises
    ------
    ScoreFileError
        If it has no key field, is larger than the limits, or is text rather than music.
    ScoreError
        If its notes make no score.
    """
    if not text.has_key:
        raise ScoreFileError("no key field K:")
    tune = _Tune(text, report)
    for line in text.lines:
        tune.line(line)
    return tune.score()


class _Tune:
    def __init__(self, text: TuneText, report: Report) -> None:
        self.report, self.place = report, text.place
        music = "\n".join(line.text for line in text.lines if line.kind == MUSIC)
        self.barred = re.search(r"\|(?!\])|::", music) is not None
        self.start = Setting(Key(0, UNKNOWN_MODE, {}))
        self.unit: Fraction | None = None
        self.facts = TuneFacts()
        self.in_body = False
        self.voices: dict[str, Voice] = {}
        self.late: list[tuple[str, Line]] = []
        self.told = ""
        self.voice = self._new_voice()
        self.symbols = dict(_SYMBOLS)
        self.macros: list[tuple[str, str]] = []
        self.odd = 0

    # ---- lines ---------------------------------------------------------------------------

    def line(self, line: Line) -> None:
        if line.kind == MUSIC:
            self._music(line.text)
        elif line.kind == DIRECTIVE:
            self._directive(line.text)
        else:
            self._field(line.kind, line.text)

    def _music(self, text: str) -> None:
        for token in tokens(expand_macros(text, self.macros), self.symbols):
            self._token(token)

    def _token(self, token: Token) -> None:
        voice = self.voice
        match token:
            case Sound():
                voice.sound(token)
            case Bar():
                voice.bar(token.sign, token.ending)
            case Tie():
                voice.tie()
            case Broken():
                voice.broken(token.sign)
            case Tuplet():
                voice.tuplet(token)
            case Quoted():
                self._quoted(token.text.strip(), voice.tick)
            case Decoration():
                voice.marks.decorate(token.name)
            case Field():
                self._field(token.letter, token.text)
            case BarsRest():
                voice.rest_bars(token.n_bars)
            case Ending():
                voice.ending(token.passes)
            case Grace():
                voice.grace(token)
            case Overlay():
                voice.overlay(token.sign)
            case Odd():
                self.odd += 1
                self.report.add("signs that are no ABC left out", voice.place)
            case Slur():
                voice.marks.slur(token.sign)

    def _quoted(self, text: str, tick: int) -> None:
        """Keep a chord symbol, without what is written as another in its place."""
        text = plain_text(text).replace("\\", "")
        first = re.split(r"[;\n]|(?<=[^(/])\((?=[A-G](?!dd))", text, maxsplit=1)[0].strip()
        if is_chord_symbol(first):
            moved = self.voice.setting.moved
            symbol = transpose_symbol(first, moved) if moved else first
            self.facts.chords.append((tick, symbol[:32]))
            if first != text:
                self.report.add("alternative chord symbols left out", self.voice.place)
            if not _is_readable(first):
                self.report.add("chord symbols that cannot be read", self.voice.place)
        elif text:
            if _LIKE_CHORD.fullmatch(text):
                self.report.add("texts that are no chord symbols kept as words", self.voice.place)
            words = re.sub(r"^(@[-0-9.,]*|[\^_<>])\s*", "", text)
            self.voice.marks.decorate(WORDS + words)

    # ---- fields --------------------------------------------------------------------------

    def _field(self, letter: str, text: str) -> None:
        try:
            if letter in "KMLVPQ":
                getattr(self, f"_field_{letter.lower()}")(text)
            elif letter in "TCRUmIws":
                self._other_field(letter, text)
            elif letter == "W":
                self.report.add("verses below the tune left out", self.place)
        except ScoreFileError as error:
            self.report.add(f"left out: {error}", self.voice.place)

    def _other_field(self, letter: str, text: str) -> None:
        facts = self.facts
        if letter == "T":
            facts.title = facts.title or plain_text(text)
        elif letter == "C":
            facts.composer = facts.composer or plain_text(text)
        elif letter == "R":
            facts.rhythm = facts.rhythm or plain_text(text)
        elif letter == "I":
            self._directive(text)
        elif letter == "w":
            self._words(text)
        elif letter == "s":
            self._signs(text)
        else:
            name, _, value = (part.strip() for part in text.partition("="))
            if letter == "m":
                self.macros.append((name, value))
            elif name:
                found = _ENCLOSED.match(value)
                meaning = next(filter(None, found.groups())) if found else value
                self.symbols[name[:1]] = "" if meaning in ("nil", "none") else meaning

    def _field_k(self, text: str) -> None:
        key = read_key(text)
        if not self.in_body:
            self.start.key = key or self.start.key
            place_pitch(self.start, text)
            self._begin()
        else:
            place_pitch(self.voice.setting, text)
            if key is not None:
                self.voice.set_key(key)
            self.voice.move_key()
        if key is None and read_clef(text) is None and not read_properties(text):
            raise ScoreFileError(f"key {text[:20]!r}")
        if key is not None and key.own:
            self.report.add("accidentals of a signature kept at the notes alone", self.place)

    def _field_m(self, text: str) -> None:
        metre = read_metre(text)
        if self.in_body:
            self.voice.set_metre(metre)
        else:
            self.start.metre = metre
        if metre is None:
            self.report.add("free metre has no place: the one before is kept", self.place)

    def _field_l(self, text: str) -> None:
        unit = read_unit(text)
        if self.in_body:
            self.voice.setting.unit = unit
        else:
            self.unit = unit

    def _field_q(self, text: str) -> None:
        unit = self.voice.setting.unit if self.in_body else self._unit()
        tempo = read_tempo(text, unit)
        if tempo is not None:
            self.facts.tempos.setdefault(self.voice.tick, tempo)
        elif text:
            self.report.add("tempos without a number left out", self.place)

    def _field_p(self, text: str) -> None:
        if not self.in_body:
            self.facts.order = tuple(read_order(text))
        elif text:
            self.facts.sections.append((self.voice.section(), text[:32]))

    def _field_v(self, text: str) -> None:
        name = text.split()[0] if text else "1"
        if not self.in_body:
            self.told = name
            self.late.append((name, Line("V", text)))
            return
        if name not in self.voices:
            self.voices[name] = self._voice_for(name)
            check_limit(len(self.voices), MAX_PARTS, "parts")
        self.voice = self.voices[name]
        told = read_properties(text)
        label = told.get("name", told.get("nm"))
        if label is not None:
            self.voice.name = plain_text(label).strip()
        place_pitch(self.voice.setting, text[len(name) :])
        self.voice.move_key()

    def _voice_for(self, name: str) -> Voice:
        """Find the voice of a name that is new: the one read so far, if it has none yet."""
        if self.voice in self.voices.values():
            return self._new_voice()
        if self.voice.cursor > 0 and name != "1" and name.isdecimal():
            self.voices["1"] = self.voice
            return self._new_voice()
        return self.voice

    def _new_voice(self) -> Voice:
        voice = Voice(self.start.copy(), self.report, self.place)
        voice.move_key()
        voice.set_metre(voice.setting.metre)
        return voice

    def _unit(self) -> Fraction:
        above, below = self.start.metre or (1, 1)
        return self.unit or Fraction(1, 16 if above * 4 < below * 3 else 8)

    def _begin(self) -> None:
        """Begin the body: the voices of the head come first, with what was told of them."""
        self.in_body = True
        self.start.unit = self._unit()
        self.voice = self._new_voice()
        for name, line in self.late:
            self._field_v(name) if line.kind == DIRECTIVE else None
            self.line(line)
        self.voice = next(iter(self.voices.values()), self.voice)

    # ---- words and directives ------------------------------------------------------------

    def _words(self, text: str) -> None:
        voice = self.voice
        voice.verses += 1
        dealt, lost = deal_words(text, voice.line)
        self.facts.lyrics += [(voice, voice.verses, *syllable) for syllable in dealt]
        self.report.add("syllables without a note left out", voice.place, lost)

    def _signs(self, text: str) -> None:
        for onset, sign in deal_signs(text, self.voice.line):
            tick = round(onset)
            found = _ENCLOSED.fullmatch(sign)
            name = next(filter(None, found.groups())) if found else self.symbols.get(sign, "")
            if name.startswith('"'):
                self._quoted(name.strip('"').strip(), tick)
            elif name in ("fermata", "invertedfermata"):
                self.voice.marks.fermatas.append((tick, 0))

    def _directive(self, text: str) -> None:
        if not self.in_body and self.told:
            self.late.append((self.told, Line(DIRECTIVE, text)))
            return
        follow_directive(self.voice.setting if self.in_body else self.start, text)
        if self.in_body:
            self.voice.move_key()

    def score(self) -> Score:
        """Make the score."""
        voices = list(self.voices.values()) or [self.voice]
        if self.voice not in voices:
            voices.insert(0, self.voice)
        for voice in voices:
            voice.finish()
        n_notes = sum(len(voice.pieces) for voice in voices)
        if self.odd > max(n_notes, _MAX_ODD):
            found = f"{self.odd} signs that are no ABC beside {n_notes} notes"
            raise ScoreFileError(f"{found}: text rather than music")
        return build_score(self.facts, voices, self.report, self.place, barred=self.barred)
