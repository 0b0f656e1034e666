"""What users write in the fields of constraints, read: pitches, bars, voices, chords, keys.

A reader returns what a constraint keeps (numbers, and texts that know what they mean) and raises
`ConstraintError` where it cannot.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Self

import numpy as np

from stats_composer.errors import ConstraintError
from stats_composer.theory import (
    MAJOR,
    MINOR,
    Chord,
    parse_chord,
    parse_key,
    parse_numeral,
    parse_pitch,
    pitch_name,
)
from stats_composer.theory.numerals import NUMERAL
from stats_composer.views import REST

__all__ = [
    "Bars",
    "ChordText",
    "KeyText",
    "Number",
    "Voice",
    "as_bar",
    "as_bars",
    "as_count",
    "as_duration",
    "as_number",
    "as_pitch",
    "as_voice",
    "as_voices",
    "as_weight",
    "number_word",
    "pitch_text",
    "plain_number",
]

Bars = int | tuple[int, int] | None
Number = int | float | str | Fraction
Voice = str | int


def _is_numeral(text: Any) -> bool:
    return isinstance(text, str) and re.match(NUMERAL, text.strip()) is not None


class ChordText(str):
    """A chord symbol or a Roman numeral."""

    @property
    def counted(self) -> bool:
        """Whether it is a numeral."""
        return _is_numeral(self)

    def chord(self, key: tuple[int, int]) -> Chord | None:
        """Return the chord that it means in a key; None where it says that there is none."""
        return parse_numeral(self, *key) if self.counted else self._symbol

    @functools.cached_property
    def _symbol(self) -> Chord | None:
        return None if self == "N" else parse_chord(self)

    @classmethod
    def read(cls, symbol: Any, *, none: bool = False) -> Self:
        """Read a symbol or a numeral, or `N` where it may be one.

        Raises
        ------
        ConstraintError
        """
        text = cls(symbol)
        try:
            if text == "N" and not none:
                parse_chord(text)
            text.chord((0, MAJOR))
        except ValueError as error:
            raise ConstraintError(str(error)) from None
        return text


class KeyText(str):
    """The name of a key, or a Roman numeral: of the key of that degree."""

    @property
    def counted(self) -> bool:
        """Whether it is a numeral."""
        return _is_numeral(self)

    def key(self, home: tuple[int, int]) -> tuple[int, int]:
        """Return its tonic (fifths) and mode, where `home` is the key that numerals count from."""
        if not self.counted:
            return parse_key(self)
        chord = parse_numeral(self, *home)
        return chord.root, MAJOR if 4 in chord.intervals else MINOR

    @classmethod
    def read(cls, name: Any) -> Self | None:
        """Read a name, or None.

        Raises
        ------
        ConstraintError
        """
        if name is None:
            return None
        text = cls(name)
        try:
            text.key((0, MAJOR))
        except ValueError as error:
            raise ConstraintError(str(error)) from None
        return text


def _is_int(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def as_number(value: Number, what: str) -> Fraction:
    """Read a beat or a length.

    Examples
    --------
    >>> as_number(2.5, "beat"), as_number("7/3", "beat")
    (Fraction(5, 2), Fraction(7, 3))
    """
    try:
        if isinstance(value, bool):
            raise ValueError
        return Fraction(value).limit_denominator(1000)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        raise ConstraintError(
            f'{what} {value!r}: expected a number or a text such as "7/3"'
        ) from None


def as_duration(value: Number) -> Fraction:
    """Read a duration in quarters, more than 0."""
    number = as_number(value, "duration")
    if number <= 0:
        raise ConstraintError(f"duration {value}: expected more than 0 quarters")
    return number


def as_pitch(value: Any, *, rest: bool = False) -> int:
    """Read a pitch name or MIDI number, or `rest` where it may be one."""
    if rest and isinstance(value, str | int) and value in ("rest", REST):
        return REST
    try:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError(f"pitch {value!r}: expected a name such as F#4, or 0 to 127")
        return parse_pitch(str(value))
    except ValueError as error:
        raise ConstraintError(str(error)) from None


def pitch_text(pitch: int) -> str:
    """Name a pitch, or a rest."""
    return "rest" if pitch == REST else pitch_name(pitch)


def as_bar(bar: Any) -> int:
    """Check a printed bar."""
    if not _is_int(bar):
        raise ConstraintError(f"bar {bar!r}: expected a whole number")
    return int(bar)


def as_bars(value: Any) -> Bars:
    """Read a run of bars."""
    if value is None or _is_int(value):
        return value  # type: ignore[no-any-return]
    if isinstance(value, Sequence) and len(value) == 2 and all(map(_is_int, value)):
        first, last = value
        if (first < 0) == (last < 0) and last < first:
            raise ConstraintError(f"bars {first} to {last}: the last is before the first")
        return first, last
    raise ConstraintError(f"bars {value!r}: expected a bar, or a pair of the first and last bar")


def as_voice(value: Any) -> Voice:
    """Read a voice: a name, or an index from 0 at the top."""
    if isinstance(value, str) and value:
        return value.lower()
    if _is_int(value) and value >= 0:
        return int(value)
    raise ConstraintError(f"voice {value!r}: expected a name such as soprano, or 0 and up")


def as_voices(value: Any) -> tuple[Voice, ...] | None:
    """Read some voices; None is all."""
    if value is None:
        return None
    items = [value] if isinstance(value, str | int) else value
    if not isinstance(items, Iterable):
        raise ConstraintError(f"voices {value!r}: expected some voices")
    return tuple(as_voice(voice) for voice in items)


def as_count(value: Any, name: str, least: int | None = None) -> int:
    """Read a whole number, at least as large as a limit."""
    if not _is_int(value) or (least is not None and value < least):
        limit = "" if least is None else f", at least {least}"
        raise ConstraintError(f"{name} {value!r}: expected a whole number{limit}")
    return int(value)


def as_weight(value: Any) -> float:
    """Read the log-weight of breaking a constraint once: at most 0, -inf is hard."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConstraintError(f"weight {value!r}: expected a number, at most 0")
    if not value <= 0:
        raise ConstraintError(f"weight {value}: expected at most 0, -inf for hard")
    return float(value)


def plain_number(value: Fraction) -> str | int | float:
    """Return a number as JSON holds it exactly."""
    exact = value.denominator & (value.denominator - 1) == 0
    return str(value) if not exact else int(value) if value == int(value) else float(value)


def number_word(value: Fraction) -> str:
    """Return a number as it is said: in decimals where halves are enough."""
    return str(value) if value.denominator > 2 else f"{float(value):g}"
