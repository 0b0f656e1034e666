"""Writing ABC, so that reading it gives the same score where ABC can hold it.

Conventions
-----------
* The unit length is an eighth. A line has four bars; notes of one beam stand together.
* An accidental is written wherever one of the three rules that readers follow (it holds for its
  note, for its octave in the bar, or for all octaves in the bar) would give another pitch.
* Each lane of notes (see `stats_composer.io.page`) is a voice `V:`, one after the other; tempos and
  chord symbols are in the first.
* A signature without a mode is named after the last note where that makes it a mode:
  `Ador`, `Dmix`.
* What was written is read again, and what did not come back is reported.

References
----------
The ABC music standard 2.1 (2011), https://abcnotation.com/wiki/abc:standard:v2.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from stats_composer.errors import ScoreFileError
from stats_composer.io.abc import is_chord_symbol, read_abc
from stats_composer.io.abc_fields import Key, read_key
from stats_composer.io.layout import Page
from stats_composer.io.limits import MAX_PARTS
from stats_composer.io.notation import Note, Sign, shown_tempo, written_pitch
from stats_composer.io.report import Report
from stats_composer.score import REPEAT_END, REPEAT_START, Score, natural_fifths
from stats_composer.theory import MAJOR, MINOR, TICKS_PER_QUARTER, fifths_name

__all__ = ["encode_abc"]

UNIT = TICKS_PER_QUARTER // 2
BARS_A_LINE = 4
_MODE_NAMES = {1: "mix", 2: "dor", 4: "phr", 5: "loc", -1: "lyd"}
_RATIOS = ((3, 2), (5, 4), (7, 4), (9, 8))
_ACCIDENTALS = {-2: "__", -1: "_", 0: "=", 1: "^", 2: "^^"}
_COLUMNS = {
    "velocity": "velocities",
    "part": "which voices share a part",
    "voice": "which voices share a part",
    "fifths": "spellings",
    "tied": "ties from no note",
    "onset": "times",
    "duration": "times",
    "pitch": "pitches",
}
_TABLES = {
    "parts": "names or kinds of parts",
    "key_signatures": "key signatures",
    "time_signatures": "metres within bars",
    "chords": "chord symbols",
    "lyrics": "lyrics",
    "tempos": "tempos",
    "fermatas": "fermatas",
    "bars": "bar lines",
    "graces": "grace notes",
    "note_marks": "marks at notes",
    "spans": "slurs and hairpins",
    "directions": "dynamics and words",
    "title": "letters of the title",
    "composer": "letters of the composer's name",
}


def encode_abc(score: Score, report: Report) -> bytes:
    """Write a score as an ABC tune.

    Parameters
    ----------
    score : Score
    report : Report
        Told what could not be kept.

    Returns
    -------
    bytes, UTF-8

    Raises
    ------
    ScoreFileError
        If the score has no part or more voices than the limit.
    """
    if not 0 < score.n_parts <= MAX_PARTS:
        raise ScoreFileError(f"a score of {score.n_parts} parts: expected 1 to {MAX_PARTS}")
    voices = [voice for part in range(score.n_parts) for voice in _lanes(score, part)]
    if len(voices) > MAX_PARTS:
        raise ScoreFileError(f"a score of {len(voices)} voices: expected 1 to {MAX_PARTS}")
    lines = [*_header(score)]
    named = len(voices) > 1 or bool(score.parts[0].name)
    for number, (part, bars) in enumerate(voices):
        if named:
            name = _text(score.parts[part].name).replace('"', "'")
            lines.append(f"V:{number + 1}" + (f' name="{name}"' if name else ""))
        if score.parts[part].program or number:
            lines.append(f"%%MIDI program {score.parts[part].program}")
        lines += _Voice(score, is_first=number == 0).lines(bars)
    data = ("\n".join(lines) + "\n").encode()
    lost = list(dict.fromkeys(_lost(score, read_abc(data, Report())[0])))
    report.add(f"ABC has no place for {', '.join(lost)}: left out", count=bool(lost))
    return data


def _lanes(score: Score, part: int) -> Iterator[tuple[int, list[list[Sign] | None]]]:
    """List the lanes of a part, each with its signs bar by bar, or None where it is silent."""
    cuts = (*score.chords["onset"].tolist(), *score.tempos["onset"].tolist()) if part == 0 else ()
    bars = Page(score, part, cuts=cuts).bars()
    keys = sorted({(line.voice, line.lane) for lines in bars for line in lines})
    for key in keys:
        yield (
            part,
            [
                next((line.signs for line in lines if (line.voice, line.lane) == key), None)
                for lines in bars
            ],
        )


def _header(score: Score) -> Iterator[str]:
    yield "X:1"
    yield f"T:{_text(score.title)}"
    if score.composer:
        yield f"C:{_text(score.composer)}"
    yield f"M:{_metre(score, 0)}"
    yield "L:1/8"
    if len(score.tempos) and score.tempos["onset"][0] == 0:
        yield f"Q:{_tempo(score, 0)}"
    yield f"K:{_key(score, 0)}"


def _text(text: str) -> str:
    return " ".join(text.replace("%", "\\%").split())


def _metre(score: Score, tick: int) -> str:
    row = score.mark_at("time_signatures", tick)
    return f"{row['numerator']}/{row['denominator']}"


def _tempo(score: Score, tick: int) -> str:
    tempo = float(score.mark_at("tempos", tick)["quarters_per_minute"])
    dotted, number = shown_tempo(score, tick, tempo)
    return f"{'3/8' if dotted else '1/4'}={number}"


def _key(score: Score, tick: int) -> str:
    """Write a key; see the module's conventions for signatures without a mode."""
    row = score.mark_at("key_signatures", tick)
    if row is None:
        return "none"
    fifths, mode = int(row["fifths"]), int(row["mode"])
    if mode in (MAJOR, MINOR):
        return fifths_name(fifths + 3 * (mode == MINOR)) + ("m" if mode == MINOR else "")
    onsets = score.notes["onset"]
    tonic = int(score.notes["fifths"][onsets == onsets[-1]][0]) if len(onsets) else fifths
    if tonic - fifths in _MODE_NAMES:
        return fifths_name(tonic) + _MODE_NAMES[tonic - fifths]
    return f"{fifths_name(fifths + 1)}mix" if fifths else "none"


class _Voice:
    """Writes the bars of one lane."""

    def __init__(self, score: Score, *, is_first: bool) -> None:
        self.score, self.is_first = score, is_first
        self.chords = dict(score.chords.tolist()) if is_first else {}
        self.changes = {
            name: set(getattr(score, name)["onset"].tolist()) - {0}
            for name in ("time_signatures", "key_signatures", "tempos")
        }
        self.key = Key(0, MAJOR, {})

    def lines(self, bars: Sequence[list[Sign] | None]) -> Iterator[str]:
        """Write all bars, and the lyrics under each line."""
        onsets = [*self.score.bars["onset"].tolist(), self.score.end]
        self.key = read_key(_key(self.score, 0), self.key)
        changes = not self.is_first and self.changes["key_signatures"]
        text = f"[K:{_key(self.score, 0)}]" if changes else ""
        text += "".join(self._between(-1))
        signs: list[Sign] = []
        for bar, found in enumerate(bars):
            rest = Sign(onsets[bar], onsets[bar + 1], (), None, hidden=True)
            signs += found or [rest]
            line, ending = self._between(bar)
            text += self._bar(found or [rest]) + line
            done = len(onsets) - 2 == bar
            if done or ((bar + 1) % BARS_A_LINE == 0 and not _within_word(signs)):
                yield text.strip()
                yield from _lyrics(signs)
                text, signs = "", []
            text += ending

    def _between(self, bar: int) -> tuple[str, str]:
        """Write the bar line after a bar, and the ending that begins; -1 is before the first."""
        table = self.score.bars
        last = bar == len(table) - 1
        ends = bar >= 0 and bool(table["repeat"][bar] & REPEAT_END)
        starts = not last and bool(table["repeat"][bar + 1] & REPEAT_START)
        before = int(table["ending"][bar]) if bar >= 0 else 0
        after = 0 if last else int(table["ending"][bar + 1])
        if ends or starts:
            line = "::" if ends and starts else ":|" if ends else "|:"
        elif last:
            line = "|]"
        else:
            line = "||" if before and not after else "|"
        line = "" if bar < 0 and not starts else f" {line} "
        opens = after and (after != before or ends or starts)
        return line, f"[{after} " if opens else ""

    def _bar(self, signs: Iterable[Sign]) -> str:
        text = ""
        states: dict[str, dict[int, int]] = {}
        in_tuplet = 0
        ratio = Fraction(1)
        group = list(signs)
        for index, sign in enumerate(group):
            beamed = bool(sign.beams) and sign.beams[0] in ("continue", "end")
            text += "" if beamed or not text else " "
            text += self._marks(sign.start, states)
            if not in_tuplet:
                in_tuplet, ratio, opening = _tuplet(group, index)
                text += opening
            in_tuplet = max(in_tuplet - 1, 0)
            text += '"' + self.chords[sign.start] + '"' if self._has_chord(sign.start) else ""
            text += "!fermata!" if sign.fermata else ""
            length = Fraction(sign.stop - sign.start, UNIT) * ratio
            ratio = ratio if in_tuplet else Fraction(1)
            text += self._sound(sign, _length(length), states)
        return text

    def _has_chord(self, tick: int) -> bool:
        return tick in self.chords and is_chord_symbol(self.chords[tick])

    def _marks(self, tick: int, states: dict[str, dict[int, int]]) -> str:
        """Write the changes of metre, key and tempo at a tick."""
        text = ""
        if self.is_first and tick in self.changes["time_signatures"]:
            text += f"[M:{_metre(self.score, tick)}]"
        if tick in self.changes["key_signatures"]:
            text += f"[K:{_key(self.score, tick)}]"
            self.key = read_key(_key(self.score, tick), self.key)
            states.clear()
        if self.is_first and tick in self.changes["tempos"]:
            text += f"[Q:{_tempo(self.score, tick)}]"
        return text

    def _sound(self, sign: Sign, length: str, states: dict[str, dict[int, int]]) -> str:
        if not sign.notes:
            return ("x" if sign.hidden else "z") + length
        tie = "-" if sign.tie_start else ""
        letters = [written_pitch(note.pitch, note.fifths)[::2] for note in sign.notes]
        twice = len(set(letters)) < len(letters)
        heads = [self._head(note, states, twice) for note in sign.notes]
        return (heads[0] if len(heads) == 1 else f"[{''.join(heads)}]") + length + tie

    def _head(self, note: Note, states: dict[str, dict[int, int]], must: bool) -> str:
        fifths = note.fifths
        if not -15 <= fifths <= 19:
            fifths = int(natural_fifths(np.array(note.pitch)))
        step, alter, octave = written_pitch(note.pitch, fifths)
        known = states.setdefault(step, {})
        told = {self.key.alter(step), *known.values()}
        known[octave] = alter
        letter = step + "," * (4 - octave) if octave < 5 else step.lower() + "'" * (octave - 5)
        return (_ACCIDENTALS[alter] if must or told != {alter} else "") + letter


def _tuplet(signs: Sequence[Sign], index: int) -> tuple[int, Fraction, str]:
    """Tell how many signs a tuplet that starts here has, its ratio, and its opening."""
    value = signs[index].value
    if value is None or (value.actual, value.normal) not in _RATIOS:
        return 0, Fraction(1), ""
    if "start" not in signs[index].tuplet:
        return 0, Fraction(1), ""
    count = 1
    while "stop" not in signs[index + count - 1].tuplet:
        count += 1
    opening = f"({value.actual}:{value.normal}:{count}"
    if (value.actual, value.normal, count) == (3, 2, 3):
        opening = "(3"
    return count, Fraction(value.actual, value.normal), opening


def _length(length: Fraction) -> str:
    above = "" if length.numerator == 1 else str(length.numerator)
    below = "" if length.denominator == 1 else f"/{length.denominator}"
    return above + ("/" if below == "/2" else below)


def _within_word(signs: Sequence[Sign]) -> bool:
    sung = [lyric for sign in signs for lyric in sign.lyrics]
    last = {verse: syllabic for verse, syllabic, _ in sung}
    return any(syllabic in ("begin", "middle") for syllabic in last.values())


def _lyrics(signs: Sequence[Sign]) -> Iterator[str]:
    """Write a line of lyrics for each verse under a line of music."""
    sounding = [sign for sign in signs if sign.notes]
    verses = max((verse for sign in sounding for verse, _, _ in sign.lyrics), default=0)
    for verse in range(1, verses + 1):
        line = ""
        for sign in sounding:
            found = [lyric[1:] for lyric in sign.lyrics if lyric[0] == verse]
            if not found:
                line += "* "
                continue
            syllabic, text = found[0]
            joint = "-" if syllabic in ("begin", "middle") else " "
            line += _text(text).replace("-", "\\-").replace(" ", "~") + joint
        yield f"w:{line.rstrip()}"


def _lost(score: Score, again: Score) -> Iterator[str]:
    """Name what of a score another one does not have."""
    if not len(score.key_signatures):
        again = again.replace(key_signatures=score.key_signatures)  # K:none
    for name in score.differences(again):
        if name != "notes":
            yield _TABLES.get(name, name)
        elif len(score.notes) != len(again.notes):
            yield "notes"
        else:
            columns = [c for c in _COLUMNS if (score.notes[c] != again.notes[c]).any()]
            moved = {"part", "voice"} & set(columns)
            if moved:
                columns = sorted(moved)[:1]
            yield from (_COLUMNS[column] for column in columns)
