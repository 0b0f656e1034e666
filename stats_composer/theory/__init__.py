"""Music theory as tables and pure functions: pitch, keys, metre, chord symbols and names."""

from stats_composer.theory.chord_names import (
    harte_symbol,
    lead_sheet_symbol,
    nashville_number,
    normalise_symbol,
    roman_numeral,
)
from stats_composer.theory.chord_symbols import (
    NO_CHORD,
    Chord,
    is_no_chord,
    parse_chord,
    transpose_symbol,
)
from stats_composer.theory.keys import (
    MAJOR,
    MINOR,
    MODES,
    SCALES,
    UNKNOWN_MODE,
    estimate_key,
    hear_tonic,
    key_name,
    key_signature,
    parse_key,
    parse_mode,
    scale_pitch_classes,
    spell,
)
from stats_composer.theory.metre import TICKS_PER_QUARTER, Metre, parse_time_signature
from stats_composer.theory.numerals import parse_numeral
from stats_composer.theory.pitch import fifths_name, name_fifths, parse_pitch, pitch_name
from stats_composer.theory.qualities import QUALITIES, QUALITY_TABLE, Quality

__all__ = [
    "MAJOR",
    "MINOR",
    "MODES",
    "NO_CHORD",
    "QUALITIES",
    "QUALITY_TABLE",
    "SCALES",
    "TICKS_PER_QUARTER",
    "UNKNOWN_MODE",
    "Chord",
    "Metre",
    "Quality",
    "estimate_key",
    "fifths_name",
    "harte_symbol",
    "hear_tonic",
    "is_no_chord",
    "key_name",
    "key_signature",
    "lead_sheet_symbol",
    "name_fifths",
    "nashville_number",
    "normalise_symbol",
    "parse_chord",
    "parse_key",
    "parse_mode",
    "parse_numeral",
    "parse_pitch",
    "parse_time_signature",
    "pitch_name",
    "roman_numeral",
    "scale_pitch_classes",
    "spell",
    "transpose_symbol",
]
