"""By what the notes of an ABC voice are read, and the fields and directives that change it.

References
----------
The ABC music standard 2.1 (2011), sections 4.6, 7.1 and 11, and abc2midi's guide for `%%MIDI`:
https://abcnotation.com/wiki/abc:standard:v2.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction

from stats_composer.io.abc_fields import Key, read_clef, read_properties
from stats_composer.io.abc_tokens import ABC_LETTERS, Head, Sound, tokens

__all__ = ["Setting", "follow_directive", "place_pitch"]


@dataclass
class Setting:
    """By what a voice's notes are read.

    Attributes
    ----------
    key : Key
    metre : (int, int) or None
        None is free.
    unit : Fraction
        Of a whole note.
    clef, octave : int
        Octaves from written to sounding that the clef and `octave=` tell: the clef prevails,
        and a new one ends what `octave=` told before it, as abc2midi has it.
    transpose, midi : int
        Semitones, by `transpose=` (and its like) and `%%MIDI transpose`.
    propagate : str
        How far accidentals hold: `pitch`, `octave` or `not`.
    drums : dict
        MIDI keys of the written notes of percussion.
    """

    key: Key
    metre: tuple[int, int] | None = (4, 4)
    unit: Fraction = Fraction(1, 8)
    clef: int = 0
    octave: int = 0
    transpose: int = 0
    midi: int = 0
    program: int = 0
    percussion: bool = False
    propagate: str = "pitch"
    drums: dict[tuple[str, int, int], int] = field(default_factory=dict)

    def copy(self) -> Setting:
        """Return a setting that can be changed alone."""
        return replace(self, drums=self.drums.copy())

    @property
    def shift(self) -> int:
        """Semitones from written to sounding."""
        if self.percussion:
            return 0
        return 12 * (self.clef or self.octave) + self.transpose + self.midi

    @property
    def moved(self) -> int:
        """The same on the line of fifths, so that the signature has fewest accidentals."""
        fifths = (7 * self.shift + 6) % 12 - 6
        near = (fifths, fifths - 12, fifths + 12) if fifths else (0,)
        return min(near, key=lambda moved: (abs(self.key.fifths + moved), abs(moved)))


def place_pitch(setting: Setting, text: str) -> None:
    """Read what moves the sounding pitch: clefs an octave away, `octave=`, `transpose=`.

    Parameters
    ----------
    setting : Setting
        Changed in place; what is not told stays.
    text : str
        What follows `K:`, or a voice's name.
    """
    clef = read_clef(text)
    if clef is not None:
        setting.clef, setting.octave = clef[1], 0
        setting.percussion = clef[0] == "perc"
    told = read_properties(text)
    for name in ("octave", "transpose", "t"):
        number = re.fullmatch(r"[+-]?[0-9]{1,2}", told.get(name, ""))
        if number and name == "octave":
            setting.octave = int(number[0])
        elif number:
            setting.transpose = int(number[0])
    for name in ("sound", "shift"):
        if name in told:
            setting.transpose = _interval(told[name])


def follow_directive(setting: Setting, text: str) -> None:
    """Follow a directive, `%%` or `I:`, where it changes how notes are read."""
    name, *words = re.split(r"[\s=]+", text.strip())
    if name.lower() == "midi" and words:
        _set_midi(setting, words[0].lower(), words[1:])
    elif name in ("octave", "transpose") and words:
        place_pitch(setting, f"{name}={words[0]}")
    elif name == "propagate-accidentals" and words:
        setting.propagate = words[0]
    elif name == "percmap" and len(words) > 1:
        _set_midi(setting, "drummap", words)


def _interval(text: str) -> int:
    """Semitones between two notes, or from c to one."""
    found = [token for token in tokens(text, {}) if isinstance(token, Sound) and token.heads]
    steps = [_semitones(sound.heads[0]) for sound in found[:2]]
    if not steps:
        return 0
    return steps[1] - steps[0] if len(steps) > 1 else (steps[0] + 6) % 12 - 6


def _semitones(head: Head) -> int:
    return 12 * head.octave + ABC_LETTERS[head.letter][0] + (head.alter or 0)


def _set_midi(setting: Setting, name: str, words: list[str]) -> None:
    """Follow a `%%MIDI` directive."""
    numbers = [int(word) for word in words if re.fullmatch(r"[+-]?[0-9]{1,3}", word)]
    if name == "drummap" and numbers:
        for token in tokens(words[0], {}):
            if isinstance(token, Sound) and token.heads:
                head = token.heads[0]
                place = (head.letter, head.octave, head.alter or 0)
                setting.drums[place] = min(max(numbers[-1], 0), 127)
    elif name in ("barlines", "nobarlines"):  # music without bars: an accidental is its note's
        setting.propagate = "not" if name == "nobarlines" else "pitch"
    elif not numbers:
        return
    elif name == "program":
        setting.program = min(max(numbers[min(len(numbers), 2) - 1], 0), 127)
    elif name == "transpose":
        setting.midi = numbers[0]
    elif name == "rtranspose":
        setting.midi += numbers[0]
    elif name == "channel":
        setting.percussion = numbers[0] == 10
