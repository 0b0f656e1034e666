"""The constraint language: musical wishes, what they compile to, and their text."""

from stats_composer.constraints.base import (
    Constraint,
    Onsets,
    compile_constraints,
    onsets_asked,
)
from stats_composer.constraints.feasible import check_feasible
from stats_composer.constraints.given import GivenNote, Pin, PinVoice, Similar
from stats_composer.constraints.harmony import (
    Cadence,
    Change,
    Changes,
    ChordAt,
)
from stats_composer.constraints.leading import NoCrossing, NoParallels
from stats_composer.constraints.max_copy import MaxCopy, with_corpus
from stats_composer.constraints.motif import Contains
from stats_composer.constraints.motion import Density, NoRepeat, Rhythm
from stats_composer.constraints.pitches import InKey, Range
from stats_composer.constraints.text import (
    dump_constraints,
    from_json,
    json_schema,
    load_constraints,
    parse_cadence_flag,
    parse_chord_flag,
    parse_constraints,
    parse_pin_flag,
    parse_range_flag,
    schema_path,
    to_json,
)

__all__ = [
    "Cadence",
    "Change",
    "Changes",
    "ChordAt",
    "Constraint",
    "Contains",
    "Density",
    "GivenNote",
    "InKey",
    "MaxCopy",
    "NoCrossing",
    "NoParallels",
    "NoRepeat",
    "Onsets",
    "Pin",
    "PinVoice",
    "Range",
    "Rhythm",
    "Similar",
    "check_feasible",
    "compile_constraints",
    "dump_constraints",
    "from_json",
    "json_schema",
    "load_constraints",
    "onsets_asked",
    "parse_cadence_flag",
    "parse_chord_flag",
    "parse_constraints",
    "parse_pin_flag",
    "parse_range_flag",
    "schema_path",
    "to_json",
    "with_corpus",
]
