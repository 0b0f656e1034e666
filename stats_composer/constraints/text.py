"""The text of constraints: JSON files, and short flags for the shell.

A file is an object `{"constraints": [...]}`. Each constraint is an object whose `type` is its
name and whose other members are its fields; a `weight` is a number of at most 0, or `"hard"`,
which it is by default (but for `Similar`). The JSON Schema `constraints.schema.json` is
shipped with the package.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from stats_composer.constraints.base import Constraint
from stats_composer.constraints.fields import (
    BAR,
    BARS,
    BEAT,
    CHORD,
    KEY,
    PITCH,
    VOICE,
    WEIGHT,
    either,
    kind_of,
)
from stats_composer.constraints.given import Pin
from stats_composer.constraints.harmony import Cadence, ChordAt
from stats_composer.constraints.pitches import InKey, Range
from stats_composer.errors import ConstraintError

__all__ = [
    "TYPES",
    "dump_constraints",
    "from_json",
    "json_schema",
    "load_constraints",
    "parse_cadence_flag",
    "parse_chord_flag",
    "parse_constraints",
    "parse_pin_flag",
    "parse_range_flag",
    "schema_path",
    "to_json",
]

TYPES = Constraint.types
Flagged = TypeVar("Flagged")
# Nats a step and voice outside the key that a phrase is asked to be in.
KEY_WEIGHT = -1.0
MAX_BYTES = 16 * 2**20


def schema_path() -> Traversable:
    """Return the place of the JSON Schema: a path, or a member of the zip of the package.

    Examples
    --------
    >>> json.loads(schema_path().read_text())["$schema"]
    'https://json-schema.org/draft/2020-12/schema'
    """
    return resources.files("stats_composer") / "constraints.schema.json"


def json_schema() -> dict[str, Any]:
    """Build the JSON Schema of files of constraints from the fields of all kinds.

    Examples
    --------
    >>> sorted(json_schema()["$defs"]["Range"]["properties"])
    ['bars', 'high', 'low', 'type', 'voice', 'weight']
    """
    kinds = [BAR, BARS, BEAT, CHORD, KEY, PITCH, VOICE, WEIGHT]
    shared = {kind.schema["$ref"].split("/")[-1]: kind.definition for kind in kinds}
    own = {name: _schema(kind) for name, kind in sorted(TYPES.items())}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Constraints of stats-composer",
        "type": "object",
        "additionalProperties": False,
        "required": ["constraints"],
        "properties": {
            "$schema": {"type": "string"},
            "constraints": {
                "type": "array",
                "items": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in own]},
            },
        },
        "$defs": shared | own,
    }


def _schema(kind: type[Constraint]) -> dict[str, Any]:
    """Return the schema of one kind of constraint."""
    known = sorted(fields(kind), key=lambda field: field.name == "weight")
    required = [field.name for field in known if field.default is MISSING]
    properties = {field.name: kind_of(field.metadata).schema for field in known}
    return {
        "description": (kind.__doc__ or "").splitlines()[0],
        "type": "object",
        "additionalProperties": False,
        "required": ["type", *required],
        "properties": {"type": {"const": kind.__name__}, **properties},
        **(either(*kind.alternatives) if kind.alternatives else {}),
    }


# ---- JSON ---------------------------------------------------------------------------------


def to_json(constraint: Constraint) -> dict[str, Any]:
    """Return a constraint as JSON values, fields that are as by default left out.

    Examples
    --------
    >>> to_json(Range("soprano", 60, 81, bars=(1, 4)))
    {'type': 'Range', 'voice': 'soprano', 'low': 'C4', 'high': 'A5', 'bars': [1, 4]}
    """
    result: dict[str, Any] = {"type": type(constraint).__name__}
    for field in sorted(fields(constraint), key=lambda field: field.name == "weight"):
        value = getattr(constraint, field.name)
        if value != field.default:
            result[field.name] = kind_of(field.metadata).plain(value)
    return result


def from_json(data: Any) -> Constraint:
    """Read a constraint from JSON values.

    Parameters
    ----------
    data : dict
        As `json.loads` gives it: the `type`, and its fields by name.

    Raises
    ------
    ConstraintError
        Where the type or a field is unknown, missing or out of its domain.

    Examples
    --------
    >>> print(from_json({"type": "Pin", "voice": 0, "bar": 3, "beat": "4/3", "pitch": "G4"}))
    Pin(voice=0, bar=3, beat=4/3, pitch=G4)
    """
    if not isinstance(data, Mapping) or data.get("type") not in TYPES:
        given = data.get("type") if isinstance(data, Mapping) else data
        raise ConstraintError(f"type {given!r}: expected one of {', '.join(sorted(TYPES))}")
    kind = TYPES[data["type"]]
    values = {name: value for name, value in data.items() if name != "type"}
    known = [field.name for field in fields(kind)]
    for name in values:
        if name not in known:
            raise ConstraintError(f"field {name!r}: expected one of {', '.join(known)}")
    if isinstance(values.get("weight"), str):
        if values["weight"] != "hard":
            raise ConstraintError(f"weight {values['weight']!r}: expected a number or 'hard'")
        values["weight"] = -math.inf
    try:
        return kind(**values)
    except TypeError as error:
        missing = re.search(r"missing .*?: (.*)", str(error))
        what = f"without {missing[1]}" if missing else "a field of the wrong type"
        raise ConstraintError(what) from None


def parse_constraints(text: str, name: str = "constraints") -> list[Constraint]:
    """Read a JSON text of constraints.

    Parameters
    ----------
    text : str
    name : str
        What errors call it: the name of its file.

    Raises
    ------
    ConstraintError
        Naming the file, the constraint by its place from 1, and what is wrong.

    Examples
    --------
    >>> parse_constraints('{"constraints": [{"type": "Range", "voice": 0, "low": 60}]}')
    Traceback (most recent call last):
        ...
    stats_composer.errors.ConstraintError: constraints: constraint 1 (Range): without 'high'
    """
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        where = f"line {error.lineno}: " if isinstance(error, json.JSONDecodeError) else ""
        what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise ConstraintError(f"{name}: {where}not JSON: {what}") from None
    items = data.get("constraints") if isinstance(data, Mapping) else None
    unknown = sorted(set(data) - {"constraints", "$schema"}) if isinstance(data, Mapping) else []
    if not isinstance(items, list) or unknown:
        raise ConstraintError(f'{name}: expected an object {{"constraints": [...]}}')
    constraints = []
    for i, item in enumerate(items, 1):
        kind = item.get("type") if isinstance(item, Mapping) else None
        label = f" ({kind})" if kind in TYPES else ""
        try:
            constraints.append(from_json(item))
        except ConstraintError as error:
            raise ConstraintError(f"{name}: constraint {i}{label}: {error}") from None
    return constraints


def load_constraints(path: str | os.PathLike[str]) -> list[Constraint]:
    """Read a file of constraints.

    Parameters
    ----------
    path : path-like

    Raises
    ------
    ConstraintError
        Such as `wishes.json: constraint 3 (Range): low 90 is above high 60`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "wishes.json"
    ...     _ = path.write_text('{"constraints": [{"type": "NoRepeat", "voice": "alto", "n": 3}]}')
    ...     print(*load_constraints(path))
    NoRepeat(voice=alto, n=3)
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConstraintError(f"{path.name}: more than {MAX_BYTES // 2**20} MB")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConstraintError(f"{path.name}: {reason}") from None
    return parse_constraints(text, path.name)


def dump_constraints(constraints: Iterable[Constraint]) -> str:
    """Return the JSON text of constraints, one a line.

    Examples
    --------
    >>> from stats_composer.constraints import Density, NoCrossing
    >>> print(dump_constraints([NoCrossing(), Density("alto", 1, 4)]))
    {"constraints": [
      {"type": "NoCrossing"},
      {"type": "Density", "voice": "alto", "minimum": 1, "maximum": 4}
    ]}
    """
    rows = [json.dumps(to_json(constraint), ensure_ascii=False) for constraint in constraints]
    return '{"constraints": [\n  ' + ",\n  ".join(rows) + "\n]}" if rows else '{"constraints": []}'


# ---- flags of the shell -------------------------------------------------------------------


def _voice(text: str) -> str | int:
    return int(text) if text.isdigit() else text


def _number(text: str, name: str) -> int:
    if not re.fullmatch(r"-?\d+", text):
        raise ConstraintError(f"{name} {text!r}: expected a whole number")
    return int(text)


def parse_range_flag(text: str) -> Range:
    """Read `voice:low-high`.

    Parameters
    ----------
    text : str

    Raises
    ------
    ConstraintError
        If the text has not this form, or its pitch is none.

    Examples
    --------
    >>> print(parse_range_flag("soprano:C4-A5"))
    Range(voice=soprano, low=C4, high=A5)
    """
    match = re.fullmatch(r"([^:]+):([^:]+?[0-9])-([^:]+)", text)
    if not match:
        raise ConstraintError(f"range {text!r}: expected voice:low-high, such as soprano:C4-A5")
    return _flag("range", text, lambda: Range(_voice(match[1]), match[2], match[3]))


def parse_pin_flag(text: str) -> Pin:
    """Read `voice:bar:beat:pitch` or `voice:bar:beat:pitch:quarters`.

    Parameters
    ----------
    text : str

    Raises
    ------
    ConstraintError
        If the text has not this form, or its pitch is none.

    Examples
    --------
    >>> print(parse_pin_flag("soprano:3:1:G4:0.5"))
    Pin(voice=soprano, bar=3, beat=1, pitch=G4, duration=0.5)
    """
    parts = text.split(":")
    if len(parts) not in (4, 5):
        raise ConstraintError(
            f"pin {text!r}: expected voice:bar:beat:pitch[:quarters], such as soprano:3:1:G4"
        )
    voice, bar, beat, pitch, *duration = parts
    return _flag(
        "pin", text, lambda: Pin(_voice(voice), _number(bar, "bar"), beat, pitch, *duration)
    )


def parse_chord_flag(text: str, *, weight: float = -math.inf) -> ChordAt:
    """Read `bar:beat:chord`, or `bar:chord` for the whole bar.

    Parameters
    ----------
    text : str
    weight : float
        Of the constraint.

    Raises
    ------
    ConstraintError
        If the text has not this form, or its chord is none.

    Examples
    --------
    >>> print(parse_chord_flag("3:1:C:maj/3"))
    ChordAt(bar=3, beat=1, chord=C:maj/3)
    >>> print(parse_chord_flag("3:V7"))
    ChordAt(bar=3, beat=None, chord=V7)
    """
    match = re.fullmatch(r"([^:]+):(?:([\d./]+):)?([^\d].*)", text)
    if not match:
        raise ConstraintError(f"chord {text!r}: expected bar:beat:chord, such as 3:1:G7, or 3:V7")
    bar, beat, chord = match.groups()
    return _flag("chord", text, lambda: ChordAt(_number(bar, "bar"), beat, chord, weight=weight))


def parse_cadence_flag(text: str, *, weight: float = -math.inf) -> list[Constraint]:
    """Read `phrase:kind:key`; without a phrase it is the last, without a key the one in force.

    A key is that of the whole phrase, as a preference.

    Parameters
    ----------
    text : str
    weight : float
        Of the cadence.

    Raises
    ------
    ConstraintError
        If it is of another form, or has no such kind or key.

    Examples
    --------
    >>> print(*parse_cadence_flag("2:half"), *parse_cadence_flag("plagal"))
    Cadence(kind=half, phrase=2) Cadence(kind=plagal, phrase=-1)
    >>> print(*parse_cadence_flag("2:authentic:V"))
    Cadence(key=V, phrase=2) InKey(key=V, phrase=2, weight=-1.0)
    """
    match = re.fullmatch(r"(?:(-?\d+):)?([a-z]+)(?::(.+))?", text)
    if not match:
        raise ConstraintError(
            f"cadence {text!r}: expected phrase:kind:key, such as 2:half or 2:authentic:V"
        )
    phrase, (kind, key) = int(match[1] or -1), match.group(2, 3)

    def build() -> list[Constraint]:
        cadence = Cadence(kind=kind, phrase=phrase, key=key, weight=weight)
        return [cadence, *([InKey(key=key, phrase=phrase, weight=KEY_WEIGHT)] if key else [])]

    return _flag("cadence", text, build)


def _flag(name: str, text: str, build: Callable[[], Flagged]) -> Flagged:
    try:
        return build()
    except ConstraintError as error:
        raise ConstraintError(f"{name} {text!r}: {error}") from None
