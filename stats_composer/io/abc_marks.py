"""What stands at and between the notes of an ABC voice: decorations, slurs, words, grace notes.

Conventions
-----------
* What stands before a note or rest is its own; before a bar line, what ends there is the bar's
  (`!fine!`, `!<)!`), and words are the last note's.
* Decorations are kept by MusicXML's names where these have one, by their own where not.
* Grace notes before a bar line stand after the last note of their bar.
* `)` ends the latest slur that began at an earlier note.

References
----------
The ABC music standard 2.1 (2011), sections 4.11 to 4.19: https://abcnotation.com/wiki/abc:standard:v2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from stats_composer.io.report import Report

__all__ = ["DYNAMICS", "JUMPS", "MARK_KINDS", "WORDS", "GraceNote", "VoiceMarks"]

MARK_KINDS = {
    "staccato": "staccato", "accent": "accent", "tenuto": "tenuto", "trill": "trill-mark",
    "lowermordent": "mordent", "uppermordent": "inverted-mordent", "turn": "turn",
    "invertedturn": "inverted-turn", "upbow": "up-bow", "downbow": "down-bow",
    "open": "open-string", "thumb": "thumb-position", "snap": "snap-pizzicato",
    "plus": "stopped", "wedge": "staccatissimo", "breath": "breath-mark",
    "arpeggio": "arpeggiate", "marcato": "strong-accent",
}  # fmt: skip
"""MusicXML's names of decorations."""

_ALSO = {
    ">": "accent", "emphasis": "accent", "mordent": "mordent", "pralltriller": "inverted-mordent",
    "+": "stopped", "^": "strong-accent", "dot": "staccato",
}  # fmt: skip
DYNAMICS = frozenset(("pppp", "ppp", "pp", "p", "mp", "mf", "f", "ff", "fff", "ffff", "sfz"))
JUMPS = {
    "segno": "segno", "coda": "coda", "fine": "fine", "dacoda": "to coda", "tocoda": "to coda",
    "dacapo": "D.C.", "d.c.": "D.C.", "d.c.alfine": "D.C.", "d.c.alcoda": "D.C.",
    "d.s.": "D.S.", "d.s.alfine": "D.S.", "d.s.alcoda": "D.S.",
}  # fmt: skip
_BEGIN = {
    "<(": "crescendo", "crescendo(": "crescendo", ">(": "diminuendo", "diminuendo(": "diminuendo",
    "trill(": "wavy-line",
}  # fmt: skip
_END = {
    "<)": "crescendo", "crescendo)": "crescendo", ">)": "diminuendo", "diminuendo)": "diminuendo",
    "trill)": "wavy-line",
}  # fmt: skip
WORDS = '"'
"""What the name of a decoration begins with that is words."""

Spot = tuple[int, int]
"""A tick and a layer."""


class GraceNote(NamedTuple):
    """A grace note: `chord` counts the chords it stands among, `written` is its value in ticks."""

    chord: int
    pitch: int
    fifths: int
    written: int
    slash: bool


class VoiceMarks:
    """Collects the marks of a voice; each waits for its note or bar line.

    Attributes
    ----------
    fermatas : list of (tick, layer)
    jumps : list of (bar, kind)
    note_marks : list of (tick, layer, kind, text)
    spans : list of (tick, layer, stop, stop_layer, kind)
    directions : list of (tick, layer, kind, text)
    graces : list of (tick, layer, number, GraceNote)
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self.fermatas: list[Spot] = []
        self.jumps: list[tuple[int, str]] = []
        self.note_marks: list[tuple[int, int, str, str]] = []
        self.spans: list[tuple[int, int, int, int, str]] = []
        self.directions: list[tuple[int, int, str, str]] = []
        self.graces: list[tuple[int, int, int, GraceNote]] = []
        self._waiting: list[str] = []
        self._graces: list[GraceNote] = []
        self._slurs: list[Spot | None] = []
        self._begun: dict[str, Spot] = {}
        self._last: Spot | None = None
        self._noted: tuple[Spot, int] | None = None

    def decorate(self, name: str) -> None:
        """Keep a decoration, or words after `WORDS`, for what follows."""
        self._waiting.append(name)

    def grace(self, notes: Sequence[GraceNote]) -> None:
        """Keep grace notes for the note that follows."""
        first = self._graces[-1].chord + 1 if self._graces else 0
        self._graces += [note._replace(chord=first + note.chord) for note in notes]

    def slur(self, sign: str) -> None:
        """Begin a slur at the next note, or end one at the last."""
        if sign == "(":
            self._slurs.append(None)
            return
        for index in reversed(range(len(self._slurs))):
            start = self._slurs[index]
            if self._last is not None and start is not None and start[0] < self._last[0]:
                del self._slurs[index]
                self.spans.append((*start, *self._last, "slur"))
                return
        del self._slurs[-1:]

    def at_sound(self, spot: Spot, bar: int, place: str, *, is_note: bool, is_first: bool) -> None:
        """Give a note, chord or rest what waits; `is_first` if its bar begins with it."""
        for name in self._waiting:
            late_coda = JUMPS.get(name) == "coda" and not is_first
            self._put(name, spot, bar + late_coda)
        self._waiting.clear()
        self._slurs = [spot if start is None else start for start in self._slurs]
        self._last = spot
        if is_note:
            self._noted = spot, bar
            self._give_graces(spot, before=True)
        elif self._graces:
            self._give_late_graces(bar, place)

    def _put(self, name: str, spot: Spot, bar: int) -> None:
        low = name.lower()
        if name.startswith(WORDS):
            self.directions.append((*spot, "words", name[1:129]))
        elif name in ("fermata", "invertedfermata"):
            self.fermatas.append(spot)
        elif low in JUMPS:
            self.jumps.append((bar, JUMPS[low]))
        elif name in DYNAMICS:
            self.directions.append((*spot, "dynamics", name))
        elif name in _BEGIN:
            self._begun[_BEGIN[name]] = spot
        elif name in _END:
            self._end(_END[name], spot)
        elif len(name) == 1 and name.isdecimal():
            self.note_marks.append((*spot, "fingering", name))
        else:
            kind = MARK_KINDS.get(name) or _ALSO.get(name) or name
            self.note_marks.append((*spot, kind[:24], ""))

    def _end(self, kind: str, spot: Spot) -> None:
        start = self._begun.pop(kind, None)
        if start is not None and start[0] < spot[0]:
            self.spans.append((*start, *spot, kind))

    def at_bar(self, tick: int, bar: int, place: str, *, layer: int = 0) -> None:
        """Give a bar line what waits: `bar` is the one that begins there."""
        for name in self._waiting:
            jump = JUMPS.get(name.lower())
            if jump:
                here = bar if jump in ("segno", "coda") else max(bar - 1, 0)
                self.jumps.append((here, jump))
            elif name in _END and name != "trill)":
                self._end(_END[name], (tick, layer))
            elif name.startswith(WORDS) and self._last is not None:
                self.directions.append((*self._last, "words", name[1:129]))
            else:
                self._report.add("decorations of bar lines left out", place)
        self._waiting.clear()
        self._give_late_graces(bar - 1, place)

    def _give_late_graces(self, bar: int, place: str) -> None:
        """Put grace notes after the last note of a bar."""
        if self._noted is not None and self._noted[1] == bar:
            self._give_graces(self._noted[0], before=False)
        else:
            self._report.add("grace notes of no note left out", place, len(self._graces))
            self._graces = []

    def _give_graces(self, spot: Spot, *, before: bool) -> None:
        if not self._graces:
            return
        numbers = sorted({note.chord for note in self._graces})
        for note in self._graces:
            place = numbers.index(note.chord)
            number = place - len(numbers) if before else place + 1
            self.graces.append((*spot, number, note))
        self._graces = []

    def finish(self, tick: int, bar: int, place: str) -> None:
        """End with the voice."""
        self.at_bar(tick, bar, place)
        n_open = sum(start is not None for start in self._slurs) + len(self._begun)
        self._report.add("slurs and hairpins without an end left out", place, n_open)
