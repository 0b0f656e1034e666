"""What the fields of constraints may be: how each is read, written as JSON, and said.

A field of a constraint names its kind: `beat: Any = field(metadata=BEAT)`. From the kinds come
the checks, the values that a constraint keeps, as `constraints/values.py` reads them, its text, its
JSON and the JSON Schema.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stats_composer.constraints.values import (
    ChordText,
    KeyText,
    as_bar,
    as_bars,
    as_count,
    as_duration,
    as_number,
    as_pitch,
    as_voice,
    as_voices,
    as_weight,
    number_word,
    pitch_text,
    plain_number,
)
from stats_composer.errors import ConstraintError

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
    "Kind",
    "Metadata",
    "asks",
    "either",
    "kind_of",
    "listed",
    "numbered",
    "one_of",
    "optional",
    "whole",
]

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
    plain_number,
    number_word,
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
