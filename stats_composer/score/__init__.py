"""The score: an immutable table of notes and marks, and pure questions about it."""

from stats_composer.score.checks import check_score, check_scores
from stats_composer.score.phrases import phrase_spans
from stats_composer.score.places import bar_positions, beat_levels, keys, respell, seconds
from stats_composer.score.repeats import played, playing_order, unfold
from stats_composer.score.score import Part, Score, merge_parts
from stats_composer.score.tables import (
    BAR_DTYPE,
    CHORD_DTYPE,
    FERMATA_DTYPE,
    JUMP_DTYPE,
    JUMP_KINDS,
    KEY_SIGNATURE_DTYPE,
    LYRIC_DTYPE,
    MARKS,
    NOTE_DTYPE,
    REPEAT_END,
    REPEAT_START,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    bar_onsets,
    ending_bits,
    ending_passes,
    make_notes,
    make_table,
    natural_fifths,
)
from stats_composer.theory import TICKS_PER_QUARTER, bar_duration

__all__ = [
    "BAR_DTYPE",
    "CHORD_DTYPE",
    "FERMATA_DTYPE",
    "JUMP_DTYPE",
    "JUMP_KINDS",
    "KEY_SIGNATURE_DTYPE",
    "LYRIC_DTYPE",
    "MARKS",
    "NOTE_DTYPE",
    "REPEAT_END",
    "REPEAT_START",
    "TEMPO_DTYPE",
    "TICKS_PER_QUARTER",
    "TIME_SIGNATURE_DTYPE",
    "Part",
    "Score",
    "bar_duration",
    "bar_onsets",
    "bar_positions",
    "beat_levels",
    "check_score",
    "check_scores",
    "ending_bits",
    "ending_passes",
    "keys",
    "make_notes",
    "make_table",
    "merge_parts",
    "natural_fifths",
    "phrase_spans",
    "played",
    "playing_order",
    "respell",
    "seconds",
    "unfold",
]
