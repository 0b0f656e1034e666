"""One voice of an ABC tune, read token by token: where it is, and what it has so far.

Conventions
-----------
* An accidental holds for its letter in every octave to the end of the bar, and over a tie,
  unless `I:propagate-accidentals` says otherwise.
* A tie goes to the next note or chord of its layer, and only to the heads it stands at; one
  that leads into an ending leads into the endings after it, too.
* Times are exact fractions of ticks until the score is made.
* Layers are the overlays (`&`) of a voice; layer 0 is the voice itself.

References
----------
The ABC music standard 2.1 (2011), sections 4 and 7: https://abcnotation.com/wiki/abc:standard:v2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stats_composer.io.abc_fields import Key, read_passes
from stats_composer.io.abc_marks import GraceNote, VoiceMarks
from stats_composer.io.abc_setting import Setting
from stats_composer.io.abc_tokens import ABC_LETTERS, Grace, Head, Sound, Tuplet
from stats_composer.io.limits import MAX_BARS, MAX_NOTES, MAX_QUARTERS, check_limit
from stats_composer.io.report import Report
from stats_composer.io.timeline import Piece, round_ticks
from stats_composer.score import (
    REPEAT_END,
    REPEAT_START,
    TICKS_PER_QUARTER,
    natural_fifths,
)
from stats_composer.theory import Metre

__all__ = ["AbcBar", "Voice"]

VELOCITY = 80
MAX_TIMES = 31
_WHOLE = 4 * TICKS_PER_QUARTER
GRACE_UNIT = TICKS_PER_QUARTER // 2
_TIMES = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}

Place = tuple[str, int]
"""A letter and its octave."""


@dataclass
class AbcBar:
    """A bar: its repeat signs, the passes of its ending, and how often it is played."""

    onset: int
    repeat: int = 0
    ending: int = 0
    times: int = 0


class Voice:
    """A voice that is being read.

    Attributes
    ----------
    pieces, times : list
        Noteheads, and for each its exact onset and duration in ticks.
    bars : list of AbcBar
    keys, metres : dict
        By tick: what was told from there on.
    line : list of (onset, bar)
        The notes that the next words are for.
    """

    def __init__(self, setting: Setting, report: Report, place: str) -> None:
        self.setting, self.report, self._tune = setting, report, place
        self.name = ""
        self.cursor = Fraction(0)
        self.pieces: list[Piece] = []
        self.times: list[tuple[Fraction, Fraction]] = []
        self.bars = [AbcBar(0)]
        self.keys: dict[int, tuple[int, int]] = {}
        self.metres: dict[int, tuple[int, int]] = {}
        self.marks = VoiceMarks(report)
        self.line: list[tuple[Fraction, int]] = []
        self.verses = 0
        self.layer = 0
        self._begin = self._main_end = Fraction(0)
        self._region: Fraction | None = None
        self._altered: dict[str | Place, int] = {}
        self._tied: dict[int, dict[Place, int]] = {}
        self._into_endings: dict[Place, int] = {}
        self._tuplet, self._left = Fraction(1), 0
        self._next = Fraction(1)
        self._last: tuple[int, Fraction, Fraction] | None = None
        self._heads: tuple[tuple[Head, int], ...] = ()
        self._ending = self._passes = 0
        self._open = self._repeated = False
        self._double: int | None = None
        self._natural = 0

    @property
    def tick(self) -> int:
        """Where the voice is."""
        return round_ticks(self.cursor)

    @property
    def place(self) -> str:
        """How a message calls the place where the voice is."""
        return f"{self._tune} bar {len(self.bars)}"

    # ---- notes and rests ---------------------------------------------------------------

    def sound(self, token: Sound) -> None:
        """Place a note, a chord or a rest."""
        written = token.length
        if written == 0:
            self.report.add("notes of length 0 given the unit length", self.place)
            written = Fraction(1)
        ticks = written * self.setting.unit * _WHOLE * self._next
        if self._left:
            ticks *= self._tuplet
            self._left -= 1
        self._next = Fraction(1)
        check_limit(len(self.pieces), MAX_NOTES, "notes")
        check_limit(int(self.cursor + ticks) // TICKS_PER_QUARTER, MAX_QUARTERS, "quarter notes")
        self._last = (len(self.pieces), self.cursor, ticks)
        self._mark(bool(token.heads))
        tied = self._tied.pop(self.layer, {})
        self._heads = tuple((head, self._head(head, tied, ticks)) for head in token.heads)
        ties = {(head.letter, head.octave): alter for head, alter in self._heads if head.tie}
        if ties:
            self._tied[self.layer] = ties
        self.cursor += ticks

    def _mark(self, is_note: bool) -> None:
        """Give a sound the marks that were waiting for it, and words a note."""
        bar = len(self.bars) - 1
        first = self.cursor == self._begin
        spot = self.tick, self.layer
        self.marks.at_sound(spot, bar, self.place, is_note=is_note, is_first=first)
        if is_note and self.layer == 0:
            if self.verses:
                self.line, self.verses = [], 0
            self.line.append((self.cursor, bar + 1))

    def _head(self, head: Head, tied: dict[Place, int], ticks: Fraction) -> int:
        """Place a notehead; return its sharps."""
        place = (head.letter, head.octave)
        alter = self._alter(head, tied.get(place))
        pitch, fifths = self._pitch(head, alter)
        if 0 <= pitch <= 127:
            piece = Piece(0, 0, pitch, fifths, self.layer, VELOCITY, lane=str(self.layer))
            piece.starts, piece.stops = head.tie, place in tied
            self.pieces.append(piece)
            self.times.append((self.cursor, ticks))
        return alter

    def _pitch(self, head: Head, alter: int) -> tuple[int, int]:
        """Find the sounding pitch and its spelling; say where it is none."""
        pitch_class, fifths = ABC_LETTERS[head.letter]
        pitch = 12 * (head.octave + 1) + pitch_class + alter
        fifths += 7 * alter + self.setting.moved
        self.report.add("microtones rounded to semitones", self.place, int(head.micro))
        if self.setting.percussion:
            pitch = self.setting.drums.get((head.letter, head.octave, alter), pitch)
            fifths = int(natural_fifths(np.array(pitch)))
        pitch += self.setting.shift
        wrong = not 0 <= pitch <= 127
        self.report.add("notes outside the MIDI pitches 0 to 127 left out", self.place, wrong)
        return pitch, fifths

    def _alter(self, head: Head, tied: int | None = None) -> int:
        """Sharps of a head by its accidental, its tie, the bar or the key, in this order."""
        holds = self.setting.propagate
        where = head.letter if holds == "pitch" else (head.letter, head.octave)
        if head.alter is not None:
            if holds != "not" and not head.micro:
                self._altered[where] = head.alter
            return head.alter
        if tied is not None:
            return tied
        return self._altered.get(where, self.setting.key.alter(head.letter))

    def grace(self, token: Grace) -> None:
        """Keep grace notes; their accidentals hold. A length of 1 tells no value."""
        found = []
        for chord, sound in enumerate(token.sounds):
            for head in sound.heads:
                pitch, fifths = self._pitch(head, self._alter(head))
                written = 0 if sound.length == 1 else int(sound.length * GRACE_UNIT)
                if 0 <= pitch <= 127:
                    found.append(GraceNote(chord, pitch, fifths, written, token.slash))
        self.marks.grace(found)

    def tie(self) -> None:
        """Tie the note or chord before to what follows."""
        if self._last is None or not self._heads:
            return
        for piece in self.pieces[self._last[0] :]:
            piece.starts = True
        ties = {(head.letter, head.octave): alter for head, alter in self._heads}
        self._tied[self.layer] = ties

    def rest_bars(self, count: int) -> None:
        """Rest for whole bars."""
        full = Metre(*(self.setting.metre or (4, 4))).bar
        check_limit(len(self.bars) + count, MAX_BARS, "bars")
        for number in range(count):
            if number and self.layer == 0:
                self._new_bar()
            self.cursor += full
        check_limit(int(self.cursor) // TICKS_PER_QUARTER, MAX_QUARTERS, "quarter notes")
        self._tied.pop(self.layer, None)
        self._last, self._heads = None, ()

    def broken(self, sign: str) -> None:
        """Lengthen the sound before and shorten the next, or the other way round."""
        if self._last is None:
            return
        short = Fraction(1, 2 ** min(len(sign), 4))
        before, after = (2 - short, short) if sign[0] == ">" else (short, 2 - short)
        first, start, length = self._last
        self.times[first:] = [(start, length * before)] * (len(self.times) - first)
        bar_moves = self.bars[-1].onset == self.tick > 0
        self.cursor = start + length * before
        if bar_moves:
            self.bars[-1].onset, self._begin = self.tick, self.cursor
        self._next = after
        self._last = None

    def tuplet(self, token: Tuplet) -> None:
        """Begin a tuplet."""
        compound = Metre(*(self.setting.metre or (4, 4))).is_compound
        into = token.into or _TIMES.get(token.n_notes, 3 if compound else 2)
        if token.n_notes:
            self._tuplet = Fraction(into, token.n_notes)
            self._left = token.over or token.n_notes

    # ---- bars --------------------------------------------------------------------------

    def bar(self, sign: str, ending: str) -> None:
        """Draw a bar line, with an ending that begins at it."""
        self._altered = {}
        if self._region is not None and self.layer:
            return
        if self._region is None:
            self._leave()
        before, after = len(sign) - len(sign.lstrip(":")), len(sign) - len(sign.rstrip(":"))
        if before == len(sign):
            before = after = max(len(sign) // 2, 1)
        if self.tick > self.bars[-1].onset:
            self._new_bar()
        self.marks.at_bar(self.tick, len(self.bars) - 1, self.place)
        if before:
            self._end_repeat(before)
        if after:
            self.bars[-1].repeat |= REPEAT_START
            self._open, self._double, self._passes = True, None, after + 1
        closing = len(sign.strip(":")) > 1 and sign != "[]"
        if closing and not (before or after) and self._repeated:
            self._double = len(self.bars) - 1
        if before or after or closing:
            if self._ending:
                self._natural = len(self.bars) - 1
            self._ending = 0
        if ending:
            self.ending(ending)

    def _new_bar(self) -> None:
        check_limit(len(self.bars), MAX_BARS, "bars")
        self.bars[-1].ending = self._ending
        self.bars.append(AbcBar(self.tick))
        self._begin = self.cursor

    def _end_repeat(self, colons: int) -> None:
        """End a repeat with the bar before; it begins at a double bar where nothing says more.

        As abc2midi has it, a double bar counts from the first repeat of the tune on.
        """
        if len(self.bars) < 2:
            return
        ended = self.bars[-2]
        ended.repeat |= REPEAT_END
        times = min(max(colons + 1, self._passes if self._open else 0), MAX_TIMES)
        if times > 2 and not ended.ending:
            ended.times = times
        # Where the repeat starts of itself, no sign is needed.
        if not self._open and self._double is not None and self._double > self._natural:
            self.bars[self._double].repeat |= REPEAT_START
        if not ended.ending:
            self._natural = len(self.bars) - 1
        self._open, self._double, self._repeated = False, None, True

    def ending(self, passes: str) -> None:
        """Begin an ending, in a bar of its own."""
        if self.tick > self.bars[-1].onset:
            self._new_bar()
        # An ending that does not follow another is the first: what is tied into it goes on in all.
        follows = self.bars[-2].ending if len(self.bars) > 1 else 0
        if follows and self.layer == 0:
            self._tied[0] = self._into_endings | self._tied.get(0, {})
        else:
            self._into_endings = self._tied.get(0, {})
        self._ending = read_passes(passes)
        if not self._ending:
            self.report.add("endings for no pass from 1 to 31 left out", self.place)

    def section(self) -> int:
        """Begin a section; return its tick."""
        if self.tick > self.bars[-1].onset:
            self._new_bar()
        return self.tick

    # ---- overlays ----------------------------------------------------------------------

    def overlay(self, sign: str) -> None:
        """Go back to the bar's start, or to `(&`, with a layer of its own."""
        if sign == "(&":
            self._region = self.cursor
            return
        if sign == "&)":
            self._leave()
            return
        if self.layer == 0:
            self._main_end = self.cursor
        self.layer += 1
        self.cursor = self._begin if self._region is None else self._region
        self._last, self._heads, self._altered = None, (), {}
        self._left, self._next = 0, Fraction(1)

    def _leave(self) -> None:
        """Go on with the voice itself, where it was."""
        self._region = None
        if self.layer:
            self.layer, self.cursor = 0, self._main_end
            self._last, self._heads = None, ()

    # ---- fields and the end ------------------------------------------------------------

    def set_key(self, key: Key) -> None:
        """Change the key from here on."""
        self.setting.key = key
        self._altered = {}
        self.keys[self.tick] = self._sounding_key()

    def move_key(self) -> None:
        """Note the signature where what moves the pitch has changed it."""
        key = self._sounding_key()
        if key != next(reversed(self.keys.values()), None):
            self.keys[self.tick] = key

    def _sounding_key(self) -> tuple[int, int]:
        key = self.setting.key
        return key.fifths + self.setting.moved, key.mode

    def set_metre(self, metre: tuple[int, int] | None) -> None:
        """Change the metre from here on."""
        self.setting.metre = metre
        if metre is not None:
            self.metres[self.tick] = metre

    def finish(self) -> None:
        """Close what is open."""
        self._leave()
        self.bars[-1].ending = self._ending
        begun = self.tick > self.bars[-1].onset
        self.marks.finish(self.tick, len(self.bars) - 1 + begun, self.place)
