"""What the fields of constraints may be: how each is read, written as JSON, and said.

A field of a constraint names its kind: `beat: Any = field(metadata=BEAT)`. From the kinds come
the checks, the values that a constraint keeps (numbers, and texts that know what they mean),
its text, its JSON and the JSON Schema.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
    "BAR",
    "BARS",
    "BEAT",
    "CHORD",
    "DURATION",
    "KEY",
    "LENGTH",
    "PITCH",
    "PITCH_OR_REST",
    "VOICE",
    "VOICES",
    "WEIGHT",
    "Bars",
    "ChordText",
    "KeyText",
    "Kind",
    "Metadata",
    "Voice",
    "as_bar",
    "as_count",
    "as_duration",
    "as_number",
    "as_pitch",
    "asks",
    "either",
    "kind_of",
    "listed",
    "numbered",
    "one_of",
    "optional",
    "pitch_text",
    "whole",
]

Bars = int | tuple[int, int] | None
Number = int | float | str | Fraction
Voice = str | int
Schema = Mapping[str, Any]
Metadata = Mapping[str, "Kind"]


def _same(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    return str(value)


@dataclass(frozen=True)
class Kind:
    """What a field may be.

    Attributes
    ----------
    schema : mapping
        In JSON Schema; `{"$ref": "#/$defs/NAME"}` where it has a definition.
    read : callable
        From what a user wrote to what is kept; raises ConstraintError.
    plain : callable
        From what is kept to JSON.
    word : callable
        From what is kept to text.
    definition : mapping or None
        What the reference stands for.
    """

    schema: Schema
    read: Callable[[Any], Any]
    plain: Callable[[Any], Any] = _same
    word: Callable[[Any], str] = _text
    definition: Schema | None = None


def asks(kind: Kind) -> Metadata:
    """Return the metadata of a field of a kind."""
    return {"kind": kind}


def kind_of(metadata: Mapping[Any, Any]) -> Kind:
    """Return the kind of a field."""
    kind: Kind = metadata["kind"]
    return kind


def _defined(
    name: str,
    description: str,
    schema: Schema,
    read: Callable[[Any], Any],
    plain: Callable[[Any], Any] = _same,
    word: Callable[[Any], str] = _text,
) -> Kind:
    """Return a kind with a definition of its own in the schema."""
    definition = {"description": description, **schema}
    return Kind({"$ref": f"#/$defs/{name}"}, read, plain, word, definition)


# ---- reading ------------------------------------------------------------------------------


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


def _plain_number(value: Fraction) -> str | int | float:
    exact = value.denominator & (value.denominator - 1) == 0
    return str(value) if not exact else int(value) if value == int(value) else float(value)


def _number_word(value: Fraction) -> str:
    return str(value) if value.denominator > 2 else f"{float(value):g}"


# ---- kinds --------------------------------------------------------------------------------


VOICE = _defined(
    "voice",
    "A voice's name, or its index from 0 at the top.",
    {"oneOf": [{"type": "string", "minLength": 1}, {"type": "integer", "minimum": 0}]},
    as_voice,
)
PITCH = _defined(
    "pitch",
    "A name with its octave (C4 is middle C), or a MIDI number.",
    {
        "oneOf": [
            {"type": "string", "pattern": "^[A-Ga-g](#+|♯+|b+|♭+)?(-1|[0-9])$|^[0-9]{1,3}$"},
            {"type": "integer", "minimum": 0, "maximum": 127},
        ]
    },
    as_pitch,
    pitch_text,
    pitch_text,
)
PITCH_OR_REST = Kind(
    {"anyOf": [PITCH.schema, {"const": "rest"}]},
    functools.partial(as_pitch, rest=True),
    pitch_text,
    pitch_text,
)
BEAT = _defined(
    "number",
    'A number, or a fraction as text such as "7/3".',
    {
        "oneOf": [
            {"type": "number"},
            {"type": "string", "pattern": r"^-?[0-9]+(/[0-9]+|\.[0-9]+)?$"},
        ]
    },
    functools.partial(as_number, what="beat"),
    _plain_number,
    _number_word,
)
LENGTH = Kind(BEAT.schema, functools.partial(as_number, what="duration"), BEAT.plain, BEAT.word)
BAR = _defined(
    "bar",
    "As printed: 1 is the first full bar, 0 a pickup, -1 the last.",
    {"type": "integer"},
    as_bar,
)
BARS = _defined(
    "bars",
    "One bar, or the first and the last; null is all.",
    {
        "oneOf": [
            {"type": "null"},
            BAR.schema,
            {"type": "array", "items": BAR.schema, "minItems": 2, "maxItems": 2},
        ]
    },
    as_bars,
    lambda bars: list(bars) if isinstance(bars, tuple) else bars,
)
KEY = _defined(
    "key",
    "A tonic and a mode, major or minor, or a Roman numeral such as V, which counts from the key "
    "in force; null is that key.",
    {"oneOf": [{"type": "null"}, {"type": "string", "pattern": r"^\s*([A-Ga-g]|[b#]*[IViv])"}]},
    KeyText.read,
)
CHORD = _defined(
    "chord",
    "In Harte's notation (C:maj/3) or the lead sheet's (Am7/G), or a Roman numeral (V65/V).",
    {"type": "string", "pattern": "^([A-G]|[b#]*[IViv])"},
    ChordText.read,
)
WEIGHT = _defined(
    "weight",
    "Log-weight of breaking it once, or hard.",
    {"oneOf": [{"const": "hard"}, {"type": "number", "maximum": 0}]},
    as_weight,
    lambda weight: "hard" if weight == -np.inf else weight,
)


def optional(kind: Kind) -> Kind:
    """Return a kind that may be None too."""
    return Kind(
        {"oneOf": [{"type": "null"}, kind.schema]},
        lambda value: None if value is None else kind.read(value),
        lambda value: None if value is None else kind.plain(value),
        lambda value: str(value) if value is None else kind.word(value),
    )


def listed(kind: Kind, name: str, *, least: int = 0, none: bool = False) -> Kind:
    """Return a kind of several values, or None where that may stand for them."""

    def read(values: Any) -> Any:
        if none and values is None:
            return None
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise ConstraintError(f"{name}: a field of the wrong type: expected a list")
        return tuple(kind.read(value) for value in values)

    return Kind(
        {"type": "array", "items": kind.schema, "minItems": least},
        read,
        lambda values: None if values is None else [kind.plain(value) for value in values],
        lambda values: f"[{', '.join(map(kind.word, values or ()))}]",
    )


def numbered(
    name: str,
    read: Callable[[int, Any], Any],
    plain: Callable[[Any], Any],
    schema: Schema,
    least: int = 0,
) -> Kind:
    """Return a kind of several records; `read` gets the place of each, from 1, for its errors."""

    def read_all(values: Any) -> Any:
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise ConstraintError(f"{name}: a field of the wrong type: expected a list")
        return tuple(read(i, value) for i, value in enumerate(values, 1))

    return Kind(
        {"type": "array", "items": schema, "minItems": least},
        read_all,
        lambda values: [plain(value) for value in values],
    )


def whole(name: str, least: int | None = None) -> Kind:
    """Return a kind of whole numbers."""
    limit = {} if least is None else {"minimum": least}
    return Kind({"type": "integer", **limit}, functools.partial(as_count, name=name, least=least))


def one_of(name: str, values: Iterable[str]) -> Kind:
    """Return a kind of some words."""
    known = list(values)

    def read(value: Any) -> Any:
        if not isinstance(value, str) or value not in known:
            raise ConstraintError(f"{name} {value!r}: expected one of {', '.join(known)}")
        return value

    return Kind({"enum": known}, read)


VOICES = Kind(
    {"oneOf": [{"type": "null"}, {"type": "array", "items": VOICE.schema, "minItems": 0}]},
    as_voices,
    lambda voices: None if voices is None else list(voices),
)
DURATION = optional(Kind(BEAT.schema, as_duration, BEAT.plain, BEAT.word))


def either(*names: str) -> Schema:
    """Return the part of a schema that asks for exactly one of some fields."""
    return {"oneOf": [{"required": [name]} for name in names]}
