"""Writing MusicXML 4.0 and MXL, so that reading it gives the same score.

Conventions
-----------
* `<divisions>` is `TICKS_PER_QUARTER`: durations are the score's own ticks.
* Marks for the whole score (tempos, chord symbols) are in the first part; keys and metres in
  every part. One that falls within a note has an `<offset>`.
* A note `tied` in the score has a `<tie type="stop">` that no `<tie type="start">` answers,
  which is what tells it from a piece of a note that the page divides; `<tied>`, the printed
  arc, has both ends.
* Notes of one voice that overlap go to the voices 1000 above it (see `LANE_STRIDE`).

References
----------
W3C Music Notation Community Group, MusicXML 4.0, https://www.w3.org/2021/06/musicxml40/.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import escape

import numpy as np

from stats_composer._version import __version__
from stats_composer.errors import ScoreFileError
from stats_composer.io.layout import Line, Page
from stats_composer.io.limits import MAX_PARTS
from stats_composer.io.musicxml_elements import (
    direction_element,
    jump_element,
    notations,
    tempo_element,
    value_elements,
)
from stats_composer.io.musicxml_harmony import harmony_element
from stats_composer.io.musicxml_marks import jump_of
from stats_composer.io.musicxml_part import DEFAULT_VELOCITY, LANE_STRIDE
from stats_composer.io.musicxml_reader import ORDER_FIELD, RHYTHM_FIELD
from stats_composer.io.notation import Note, Sign, shown_tempo, written_pitch
from stats_composer.io.report import Report
from stats_composer.score import (
    PART_TABLES,
    REPEAT_END,
    REPEAT_START,
    Score,
    ending_passes,
    natural_fifths,
)
from stats_composer.theory import MAJOR, MINOR, TICKS_PER_QUARTER

__all__ = ["encode_musicxml"]

_DRUM_PLACES = {35: "F4", 36: "F4", 37: "C5", 38: "C5", 40: "C5", 41: "A4", 42: "G5", 43: "A4"} | {
    44: "D4", 45: "B4", 46: "G5", 47: "D5", 48: "D5", 49: "A5", 50: "E5", 51: "F5", 53: "F5",
    57: "A5", 59: "F5",
}  # fmt: skip
_DOCTYPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def encode_musicxml(score: Score, report: Report) -> bytes:
    """Write a score as MusicXML.

    Parameters
    ----------
    score : Score
    report : Report
        Told what could not be kept: letters that XML has no place for.

    Returns
    -------
    bytes

    Raises
    ------
    ScoreFileError
        If the score has no part or more than the limit, or a voice numbered 1000 or more.
    """
    if not 0 < score.n_parts <= MAX_PARTS:
        raise ScoreFileError(f"a score of {score.n_parts} parts: expected 1 to {MAX_PARTS}")
    for name in PART_TABLES:
        highest = int(getattr(score, name)["voice"].max(initial=0))
        if highest >= LANE_STRIDE:
            raise ScoreFileError(f"voice {highest}: expected 0 to {LANE_STRIDE - 1}")
    lines = [_DOCTYPE, '<score-partwise version="4.0">', *_header(score, report)]
    for part in range(score.n_parts):
        lines.append(f'<part id="P{part + 1}">')
        lines += _PartWriter(score, part, report).measures()
        lines.append("</part>")
    lines.append("</score-partwise>\n")
    return "\n".join(lines).encode()


def _clean(text: str, report: Report) -> str:
    """Escape a text; replace what XML cannot say."""
    kept, n_replaced = _ILLEGAL.subn("\ufffd", text)
    report.add("control letters that XML cannot hold replaced", count=n_replaced)
    return escape(kept, quote=False).replace("\r", "&#13;")


def _header(score: Score, report: Report) -> Iterator[str]:
    if score.title:
        yield f"<work><work-title>{_clean(score.title, report)}</work-title></work>"
    yield "<identification>"
    if score.composer:
        yield f'<creator type="composer">{_clean(score.composer, report)}</creator>'
    yield f"<encoding><software>stats_composer {__version__}</software></encoding>"
    told = {RHYTHM_FIELD: score.rhythm, ORDER_FIELD: "\n".join(score.order)}
    fields = [
        f'<miscellaneous-field name="{name}">{_clean(text, report)}</miscellaneous-field>'
        for name, text in told.items()
        if text
    ]
    if fields:
        yield f"<miscellaneous>{''.join(fields)}</miscellaneous>"
    yield "</identification>"
    yield "<part-list>"
    pitched = (index for index in range(1, 1000) if index % 16 != 10)
    for index, part in enumerate(score.parts):
        channel = 10 if part.percussion else next(pitched) % 16 or 16
        yield f'<score-part id="P{index + 1}"><part-name>{_clean(part.name, report)}</part-name>'
        keys = _drum_keys(score, index)
        names = [f"P{index + 1}-I{key + 1}" for key in keys] or [f"P{index + 1}-I1"]
        for name in names:
            title = _clean(part.name, report)
            yield f'<score-instrument id="{name}"><instrument-name>{title}</instrument-name>'
            yield "</score-instrument>"
        for name, key in zip(names, keys or [-1], strict=True):
            unpitched = f"<midi-unpitched>{key + 1}</midi-unpitched>" if key >= 0 else ""
            yield f'<midi-instrument id="{name}"><midi-channel>{channel}</midi-channel>'
            yield f"<midi-program>{part.program + 1}</midi-program>{unpitched}</midi-instrument>"
        yield "</score-part>"
    yield "</part-list>"


def _drum_keys(score: Score, part: int) -> list[int]:
    """List the pitches of a percussion part that are written as unpitched."""
    if not score.parts[part].percussion:
        return []
    notes = score.notes[score.notes["part"] == part]
    natural = natural_fifths(notes["pitch"]) == notes["fifths"]
    return sorted(set(notes["pitch"][natural].tolist()))


class _PartWriter:
    """Writes the measures of one part."""

    def __init__(self, score: Score, part: int, report: Report) -> None:
        self.score, self.part, self.report = score, part, report
        self.page = Page(score, part)
        self.drums = set(_drum_keys(score, part))
        self.marks = _global_marks(score, report) if part == 0 else []
        self.next_mark = 0
        self.changes = _changes(score)
        self.jumps = _jumps(score) if part == 0 else {}
        self.passed: Counter[int] = Counter()  # directions that are written, by voice

    def measures(self) -> Iterator[str]:
        """Write all bars."""
        score = self.score
        onsets = [*score.bars["onset"].tolist(), score.end]
        for bar, lines in enumerate(self.page.bars()):
            implicit = ' implicit="yes"' if score.bar_offsets[bar] else ""
            number = self._text(str(score.bar_number(bar))).replace('"', "&quot;")
            yield f'<measure number="{number}"{implicit}>'
            yield from self._barline(bar, "left")
            if bar == 0:
                yield self._attributes(0, first=True)
            elif onsets[bar] in self.changes:
                yield self._attributes(onsets[bar])
            yield from self._jumps(onsets[bar], ("section", "segno", "coda"))
            yield from self._measure(lines, onsets[bar])
            yield from self._jumps(onsets[bar], ("to coda", "fine", "D.C.", "D.S."))
            yield from self._barline(bar, "right")
            yield "</measure>"

    def _measure(self, lines: list[Line], onset: int) -> Iterator[str]:
        for index, line in enumerate(lines):
            if index:
                length = lines[index - 1].signs[-1].stop - onset
                yield f"<backup><duration>{length}</duration></backup>"
            for sign in line.signs:
                if index == 0:
                    if sign.start > onset and sign.start in self.changes:
                        yield self._attributes(sign.start)
                    yield from self._marks_before(sign)
                if not line.lane:
                    yield from self._directions(sign, line)
                for each in (*sign.before, sign, *sign.after):
                    yield from self._sign(each, line)

    # ---- marks ------------------------------------------------------------------------

    def _attributes(self, onset: int, first: bool = False) -> str:
        key, metre = self.changes.get(onset, ("", ""))
        divisions = staves = clefs = ""
        if first:
            divisions = f"<divisions>{TICKS_PER_QUARTER}</divisions>"
            n_staves = self.page.n_staves
            staves = f"<staves>{n_staves}</staves>" if n_staves > 1 else ""
            for staff in range(1, n_staves + 1):
                sign, line = self.page.clef_of(staff)
                clef = f"<sign>{sign}</sign><line>{line}</line>"
                if sign == "G" and "tenor" in self.score.parts[self.part].name.lower():
                    clef += "<clef-octave-change>-1</clef-octave-change>"
                if self.score.parts[self.part].percussion:
                    clef = "<sign>percussion</sign>"
                clefs += (
                    f'<clef number="{staff}">{clef}</clef>' if staves else f"<clef>{clef}</clef>"
                )
        return f"<attributes>{divisions}{key}{metre}{staves}{clefs}</attributes>"

    def _marks_before(self, sign: Sign) -> Iterator[str]:
        """Write the score's tempos and chord symbols from this sign's start to its end."""
        while self.next_mark < len(self.marks) and self.marks[self.next_mark][0] < sign.stop:
            onset, kind, value = self.marks[self.next_mark]
            self.next_mark += 1
            if kind == "chord":
                yield harmony_element(value, onset - sign.start)
            else:
                shown = shown_tempo(self.score, onset, float(value))
                yield tempo_element(value, shown, onset - sign.start)

    def _directions(self, sign: Sign, line: Line) -> Iterator[str]:
        """Write what of the voice's directions is anchored before this sign's end."""
        rows = self.page.marks.directions.get(line.voice, [])
        while self.passed[line.voice] < len(rows):
            row = rows[self.passed[line.voice]]
            if row.anchor >= sign.stop:
                return
            self.passed[line.voice] += 1
            place = f"<voice>{line.voice + 1}</voice>{self._staff(line)}"
            yield direction_element(row, row.tick - sign.start, place, self._text)

    def _jumps(self, onset: int, kinds: tuple[str, ...]) -> Iterator[str]:
        """Write the jumps of a bar that stand at its start, or at its end."""
        rows = [row for row in self.jumps.get(onset, ()) if row[0] in kinds]
        every = {kind for found in self.jumps.values() for kind, *_ in found} if rows else ()
        tail = " al Coda" if "to coda" in every else " al Fine" if "fine" in every else ""
        words = self.score.directions[self.score.directions["kind"] == "words"]
        bar = self.score.bar_at(onset)
        for kind, label, _ in rows:
            said = [w["text"] for w in words if self.score.bar_at(int(w["onset"])) == bar]
            has_words = kind in {jump_of(str(text)) for text in said}
            yield jump_element(kind, label, tail, has_words, self._text)

    def _text(self, text: str) -> str:
        return _clean(text, self.report)

    def _staff(self, line: Line) -> str:
        return f"<staff>{line.staff}</staff>" if self.page.n_staves > 1 else ""

    def _barline(self, bar: int, side: str) -> Iterator[str]:
        bars = self.score.bars
        repeat, ending = int(bars["repeat"][bar]), int(bars["ending"][bar])
        left = side == "left"
        neighbour = bar - 1 if left else bar + 1
        inside = 0 <= neighbour < len(bars) and int(bars["ending"][neighbour]) == ending
        bracket = ""
        if ending and not inside:
            kind = "start" if left else "stop"
            numbers = ", ".join(map(str, ending_passes(ending)))
            bracket = f'<ending number="{numbers}" type="{kind}"/>'
        flag = REPEAT_START if left else REPEAT_END
        sign = style = ""
        if repeat & flag:
            rows = self.jumps.get(int(bars["onset"][bar]), ())
            count = [times for kind, _, times in rows if kind == "times" and not left]
            times = f' times="{count[0]}"' if count else ""
            sign = f'<repeat direction="{"forward" if left else "backward"}"{times}/>'
        if sign or (not left and bar + 1 == len(bars)):
            style = f"<bar-style>{'heavy-light' if left else 'light-heavy'}</bar-style>"
        if bracket or sign or style:
            yield f'<barline location="{side}">{style}{bracket}{sign}</barline>'

    # ---- notes ------------------------------------------------------------------------

    def _sign(self, sign: Sign, line: Line) -> Iterator[str]:
        voice = f"<voice>{line.voice + 1 + line.lane * LANE_STRIDE}</voice>"
        staff = self._staff(line)
        is_grace = sign.start == sign.stop
        slash = ' slash="yes"' if sign.slash else ""
        grace = f"<grace{slash}/>" if is_grace else ""
        duration = "" if is_grace else f"<duration>{sign.stop - sign.start}</duration>"
        value, ratio = value_elements(sign)
        if not sign.notes:
            hidden = ' print-object="no"' if sign.hidden else ""
            whole = ' measure="yes"' if sign.value is None else ""
            yield (
                f"<note{hidden}><rest{whole}/>{duration}{voice}{value}{ratio}{staff}"
                f"{notations(sign, 0, '', self._text)}{self._lyrics(sign)}</note>"
            )
        for index, note in enumerate(sign.notes):
            is_loud = note.velocity != DEFAULT_VELOCITY and not is_grace
            loud = f' dynamics="{note.velocity / 0.9:.2f}"' if is_loud else ""
            chord = "<chord/>" if index else ""
            accidental = sign.accidentals[index]
            shown = f"<accidental>{accidental}</accidental>" if accidental else ""
            tie, tied = self._ties(sign, note)
            beams = "".join(
                f'<beam number="{level}">{text}</beam>' for level, text in enumerate(sign.beams, 1)
            )
            pitch, instrument = self._pitch(note)
            yield (
                f"<note{loud}>{grace}{chord}{pitch}"
                f"{duration}{tie}{instrument}{voice}{value}{shown}{ratio}{staff}"
                f"{'' if index else beams}{notations(sign, index, tied, self._text)}"
                f"{'' if index else self._lyrics(sign)}</note>"
            )

    def _pitch(self, note: Note) -> tuple[str, str]:
        """Write a pitch; a drum by its place on the staff and its instrument."""
        if note.pitch in self.drums and note.fifths == int(natural_fifths(np.array(note.pitch))):
            where = _DRUM_PLACES.get(note.pitch, "C5")
            place = f"<display-step>{where[0]}</display-step>"
            place += f"<display-octave>{where[1]}</display-octave>"
            instrument = f'<instrument id="P{self.part + 1}-I{note.pitch + 1}"/>'
            return f"<unpitched>{place}</unpitched>", instrument
        step, alter, octave_number = written_pitch(note.pitch, note.fifths)
        altered = f"<alter>{alter}</alter>" if alter else ""
        return (
            f"<pitch><step>{step}</step>{altered}<octave>{octave_number}</octave></pitch>",
            "",
        )

    def _ties(self, sign: Sign, note: Note) -> tuple[str, str]:
        """Write the ties as played and as printed: see the module's conventions."""
        glued_before = note.tied and not sign.tie_stop
        glued_after = not sign.tie_start and (note.voice, note.pitch, sign.stop) in self.page.glued
        stop, start = sign.tie_stop or glued_before, sign.tie_start
        if note.pitch in sign.tied_graces:
            stop, start = stop or sign.stop > sign.start, start or sign.stop == sign.start
        tie = ('<tie type="stop"/>' if stop else "") + ('<tie type="start"/>' if start else "")
        tied = '<tied type="stop"/>' if stop else ""
        tied += '<tied type="start"/>' if start or glued_after else ""
        return tie, tied

    def _lyrics(self, sign: Sign) -> str:
        return "".join(
            f'<lyric number="{verse}">'
            + (f"<syllabic>{_clean(syllabic, self.report)}</syllabic>" if syllabic else "")
            + f"<text>{_clean(text, self.report)}</text></lyric>"
            for verse, syllabic, text in sign.lyrics
        )


def _global_marks(score: Score, report: Report) -> list[tuple[int, str, str]]:
    """Collect tempos and chord symbols in the order of time."""
    tempos = [(onset, "tempo", repr(tempo)) for onset, tempo in score.tempos.tolist()]
    chords = []
    for onset, symbol in score.chords.tolist():
        kept, n_replaced = _ILLEGAL.subn("\ufffd", symbol)
        report.add("control letters that XML cannot hold replaced", count=n_replaced)
        chords.append((onset, "chord", kept))
    return sorted(tempos + chords, key=lambda mark: mark[0])


def _jumps(score: Score) -> dict[int, list[tuple[str, str, int]]]:
    """Deal the jumps out to the onsets of their bars."""
    found: dict[int, list[tuple[str, str, int]]] = {}
    for onset, *row in score.jumps.tolist():
        found.setdefault(onset, []).append((row[0], row[1], row[2]))
    return found


def _changes(score: Score) -> dict[int, tuple[str, str]]:
    """Write the keys and metres by their onsets."""
    changes: dict[int, tuple[str, str]] = {}
    for onset, fifths, mode in score.key_signatures.tolist():
        named = {MAJOR: "<mode>major</mode>", MINOR: "<mode>minor</mode>"}.get(mode, "")
        changes[onset] = (f"<key><fifths>{fifths}</fifths>{named}</key>", "")
    for onset, numerator, denominator in score.time_signatures.tolist():
        metre = f"<beats>{numerator}</beats><beat-type>{denominator}</beat-type>"
        changes[onset] = (changes.get(onset, ("", ""))[0], f"<time>{metre}</time>")
    return changes
