"""The music of an ABC voice as text: bars, notes and the words under them.

Conventions
-----------
* The unit length is an eighth. A line has four bars; notes of one beam stand together.
* An accidental is written wherever one of the three rules that readers follow (it holds for its
  note, for its octave in the bar, or for all octaves in the bar) would give another pitch.
* Layers are the voices of a part: all past the first are overlays, `&`, in the bars where they
  sound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from stats_composer.io.abc_fields import Key, read_key
from stats_composer.io.abc_text import abc_text
from stats_composer.io.abc_tune import is_chord_symbol
from stats_composer.io.notation import Note, Sign, shown_tempo, written_pitch
from stats_composer.score import (
    REPEAT_END,
    REPEAT_START,
    Score,
    ending_passes,
    natural_fifths,
)
from stats_composer.theory import MAJOR, MINOR, TICKS_PER_QUARTER, fifths_name

__all__ = ["Layers", "MusicWriter", "key_text", "metre_text", "tempo_text"]

UNIT = TICKS_PER_QUARTER // 2
BARS_A_LINE = 4
_MODE_NAMES = {1: "mix", 2: "dor", 4: "phr", 5: "loc", -1: "lyd"}
_RATIOS = ((3, 2), (5, 4), (7, 4), (9, 8))
_ACCIDENTALS = {-2: "__", -1: "_", 0: "=", 1: "^", 2: "^^"}
_OPENING = {"segno": "!segno!", "coda": "!coda!"}
_CLOSING = {"fine": "!fine!", "to coda": "!dacoda!", "D.C.": "!D.C.!", "D.S.": "!D.S.!"}

Layers = Sequence[Sequence[list[Sign] | None]]
"""For each layer its signs bar by bar, None where it is silent."""


def metre_text(score: Score, tick: int) -> str:
    """Write the metre at a tick."""
    row = score.mark_at("time_signatures", tick)
    return f"{row['numerator']}/{row['denominator']}"


def tempo_text(score: Score, tick: int) -> str:
    """Write the tempo at a tick."""
    tempo = float(score.mark_at("tempos", tick)["quarters_per_minute"])
    dotted, number = shown_tempo(score, tick, tempo)
    return f"{'3/8' if dotted else '1/4'}={number}"


def key_text(score: Score, tick: int) -> str:
    """Write the key at a tick; one without a mode is named after the last note if it can be."""
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


class MusicWriter:
    """Writes the bars of one voice `V:`."""

    def __init__(self, score: Score, *, is_first: bool) -> None:
        self.score, self.is_first = score, is_first
        self.chords = dict(score.chords.tolist()) if is_first else {}
        self.changes = {
            name: set(getattr(score, name)["onset"].tolist()) - {0}
            for name in ("time_signatures", "key_signatures", "tempos")
        }
        self.jumps: dict[int, list[tuple[str, str, int]]] = {}
        for onset, *jump in score.jumps.tolist():
            self.jumps.setdefault(score.bar_at(onset), []).append(tuple(jump))
        self.key = read_key(key_text(score, 0)) or Key(0, MAJOR, {})

    def lines(self, layers: Layers) -> Iterator[str]:
        """Write all bars, and the words under each line."""
        sings = any(sign.lyrics for signs in layers[0] for sign in signs or ())
        text, sung = "".join(self._between(-1)), list[Sign]()
        for bar in range(self.score.n_bars):
            signs = layers[0][bar] or [self._rest(bar)]
            sung += signs
            line, ending = self._between(bar)
            text += self._bar(bar, [signs, *(layer[bar] for layer in layers[1:])]) + line
            done = self.score.n_bars - 1 == bar
            if done or ((bar + 1) % BARS_A_LINE == 0 and not _within_word(sung)):
                yield text.strip()
                yield from _lyrics(sung, at_least=int(sings))
                text, sung = "", []
            text += ending

    def _rest(self, bar: int) -> Sign:
        onsets = [*self.score.bars["onset"][bar : bar + 2].tolist(), self.score.end]
        return Sign(onsets[0], onsets[1], (), None, hidden=True)

    def _bar(self, bar: int, layers: Sequence[list[Sign] | None]) -> str:
        """Write the layers of a bar, and the jumps that open and close it."""
        states: dict[str, dict[int, int]] = {}
        n_layers = max(i + 1 for i, signs in enumerate(layers) if signs)
        texts = [
            self._signs(signs or [self._rest(bar)], states, is_lead=i == 0)
            for i, signs in enumerate(layers[:n_layers])
        ]
        jumps = self.jumps.get(bar, ()) if self.is_first else ()
        opening = closing = ""
        for kind, label, _ in jumps:
            if kind == "section" and not re.search(r"[\]%\\]", label):
                opening += f"[P:{label}]"
            opening += _OPENING.get(kind, "")
            closing += f" {_CLOSING[kind]}" if kind in _CLOSING else ""
        return opening + " & ".join(texts) + closing

    def _between(self, bar: int) -> tuple[str, str]:
        """Write the bar line after a bar, and the ending that begins; -1 is before the first."""
        table = self.score.bars
        last = bar == len(table) - 1
        ends = bar >= 0 and bool(table["repeat"][bar] & REPEAT_END)
        starts = not last and bool(table["repeat"][bar + 1] & REPEAT_START)
        before = int(table["ending"][bar]) if bar >= 0 else 0
        after = 0 if last else int(table["ending"][bar + 1])
        if ends or starts:
            times = next((n for kind, _, n in self.jumps.get(bar, ()) if kind == "times"), 2)
            colons = ":" * max(times - 1, 1)
            line = "::" if ends and starts else f"{colons}|" if ends else "|:"
            line = f"{colons}|:" if ends and starts and times > 2 else line
        elif last:
            line = "|]"
        else:
            line = "||" if before and not after else "|"
        line = "" if bar < 0 and not starts else f" {line} "
        opens = after and (after != before or ends or starts)
        return line, f"[{','.join(map(str, ending_passes(after)))} " if opens else ""

    def _signs(
        self, signs: Sequence[Sign], states: dict[str, dict[int, int]], *, is_lead: bool
    ) -> str:
        """Write the signs of a layer in a bar; the marks stand in the first."""
        text = ""
        in_tuplet = 0
        ratio = Fraction(1)
        for index, sign in enumerate(signs):
            beamed = bool(sign.beams) and sign.beams[0] in ("continue", "end")
            text += "" if beamed or not text else " "
            text += self._marks(sign.start, states) if is_lead else ""
            if not in_tuplet:
                in_tuplet, ratio, opening = _tuplet(signs, index)
                text += opening
            in_tuplet = max(in_tuplet - 1, 0)
            chord = self.chords.get(sign.start, "") if is_lead else ""
            text += f'"{chord}"' if is_chord_symbol(chord) else ""
            text += "!fermata!" if sign.fermata else ""
            length = Fraction(sign.stop - sign.start, UNIT) * ratio
            ratio = ratio if in_tuplet else Fraction(1)
            text += self._sound(sign, _length(length), states)
        return text

    def _marks(self, tick: int, states: dict[str, dict[int, int]]) -> str:
        """Write the changes of metre, key and tempo at a tick."""
        text = ""
        if tick in self.changes["time_signatures"]:
            text += f"[M:{metre_text(self.score, tick)}]"
        if tick in self.changes["key_signatures"]:
            text += f"[K:{key_text(self.score, tick)}]"
            self.key = read_key(key_text(self.score, tick)) or self.key
            states.clear()
        if self.is_first and tick in self.changes["tempos"]:
            text += f"[Q:{tempo_text(self.score, tick)}]"
        return text

    def _sound(self, sign: Sign, length: str, states: dict[str, dict[int, int]]) -> str:
        if not sign.notes:
            return ("x" if sign.hidden else "z") + length
        letters = [written_pitch(note.pitch, note.fifths)[::2] for note in sign.notes]
        twice = len(set(letters)) < len(letters)
        heads = [self._head(note, states, twice) for note in sign.notes]
        goes_on = [note.onset + note.duration > sign.stop for note in sign.notes]
        if not all(goes_on):
            heads = [head + "-" * tied for head, tied in zip(heads, goes_on, strict=True)]
        tie = "-" * all(goes_on)
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


def _lyrics(signs: Sequence[Sign], *, at_least: int) -> Iterator[str]:
    """Write a line of words for each verse under a line of music.

    An empty one keeps the words of the next line from the notes of this one.
    """
    sounding = [sign for sign in signs if sign.notes]
    verses = max((verse for sign in sounding for verse, _, _ in sign.lyrics), default=0)
    for verse in range(1, max(verses, at_least) + 1):
        line = ""
        for sign in sounding:
            found = [lyric[1:] for lyric in sign.lyrics if lyric[0] == verse]
            if not found:
                line += "* "
                continue
            syllabic, text = found[0]
            joint = "-" if syllabic in ("begin", "middle") else " "
            line += _word_text(text) + joint
        yield f"w:{line.rstrip(' *')}"


def _word_text(text: str) -> str:
    """Write a syllable, and what has a meaning in a line of words by its number."""
    text = re.sub(r"[~_*|]", lambda match: f"\\u{ord(match[0]):04x}", abc_text(text))
    return text.replace("-", "\\-").replace(" ", "~")
