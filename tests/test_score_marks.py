"""Grace notes, marks at notes, spans and directions: carried by all that makes scores of scores."""

import pytest

from stats_composer.errors import ScoreError
from stats_composer.score import (
    BAR_DTYPE,
    DIRECTION_DTYPE,
    GRACE_DTYPE,
    NOTE_MARK_DTYPE,
    REPEAT_END,
    SPAN_DTYPE,
    Score,
    make_notes,
    make_table,
    merge_parts,
    unfold,
)
from stats_composer.theory import TICKS_PER_QUARTER

QUARTER = TICKS_PER_QUARTER
BAR = 4 * QUARTER


def marked(**changes):
    """Eight quarters from C4 in two bars: a grace note, a slur over the bar line, a hairpin."""
    tables = {
        "graces": make_table(GRACE_DTYPE, [(BAR, 0, 0, -1, 66, 6, QUARTER // 2, True)]),
        "note_marks": make_table(NOTE_MARK_DTYPE, [(BAR, 0, 0, -1, "accent", "")]),
        "spans": make_table(
            SPAN_DTYPE,
            [
                (3 * QUARTER, 0, 0, 0, 5 * QUARTER, 0, 0, "slur", ""),
                (BAR, 0, 0, -1, BAR, 0, 0, "slur", ""),
                (0, 0, 0, 0, 2 * BAR, 0, 0, "crescendo", ""),
            ],
        ),
        "directions": make_table(DIRECTION_DTYPE, [(BAR, 0, 0, "dynamics", "mf")]),
    }
    notes = make_notes(onset=range(0, 2 * BAR, QUARTER), pitch=range(60, 68))
    return Score(notes, **{**tables, **changes})


def test_transposing_moves_grace_notes():
    assert marked().transpose(-2).graces[["pitch", "fifths"]].tolist() == [(64, 4)]


def test_a_slice_carries_marks_and_cuts_spans_at_its_ends():
    first, second = marked()[:1], marked()[1:]
    assert first.spans[["onset", "stop", "kind"]].tolist() == [(0, BAR, "crescendo")]
    assert len(first.graces) == len(first.directions) == len(first.note_marks) == 0
    assert second.spans[["onset", "grace", "stop", "kind"]].tolist() == [
        (0, 0, BAR, "crescendo"),
        (0, -1, 0, "slur"),
        (0, 0, QUARTER, "slur"),
    ]
    assert second.graces["onset"].tolist() == second.note_marks["onset"].tolist() == [0]
    assert second.directions["text"].tolist() == ["mf"]


def test_a_slur_into_what_follows_a_slice_ends_on_its_last_note():
    slur = make_table(SPAN_DTYPE, [(QUARTER, 0, 0, 0, 5 * QUARTER, 0, 0, "slur", "")])
    assert marked(spans=slur)[:1].spans[["onset", "stop"]].tolist() == [(QUARTER, 3 * QUARTER)]


def test_an_unfolded_repeat_has_its_marks_twice():
    bars = make_table(BAR_DTYPE, onset=[0, BAR], repeat=[0, REPEAT_END])
    played = unfold(marked(bars=bars))
    assert played.graces["onset"].tolist() == [BAR, 3 * BAR]
    assert played.directions["onset"].tolist() == [BAR, 3 * BAR]
    slurs = played.spans[played.spans["kind"] == "slur"]
    assert slurs[["onset", "stop"]].tolist() == [
        (3 * QUARTER, 5 * QUARTER),
        (BAR, BAR),
        (2 * BAR + 3 * QUARTER, 2 * BAR + 5 * QUARTER),
        (3 * BAR, 3 * BAR),
    ]


def test_parts_that_are_taken_apart_and_merged_keep_their_marks():
    score = merge_parts([marked(), marked().transpose(12)])
    assert score.graces[["part", "pitch"]].tolist() == [(0, 66), (1, 78)]
    assert score.select(1) == marked().transpose(12)
    assert merge_parts([score.select(0), score.select(1)]) == score


def test_a_voice_that_is_taken_out_has_only_the_slurs_within_it():
    spans = make_table(
        SPAN_DTYPE, [(0, 0, 0, 0, BAR, 1, 0, "slur", ""), (0, 0, 1, 0, BAR, 1, 0, "slur", "")]
    )
    notes = make_notes(onset=[0, 0, BAR, BAR], pitch=60, voice=[0, 1, 0, 1])
    alone = Score(notes, spans=spans).select(0, 1)
    assert alone.spans[["voice", "stop_voice"]].tolist() == [(0, 0)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"graces": make_table(GRACE_DTYPE, [(0, 0, 0, -1, 61, 0, 0, False)])}, "out of range"),
        ({"graces": make_table(GRACE_DTYPE, [(0, 0, 0, 0, 60, 0, 0, False)])}, "out of range"),
        ({"graces": make_table(GRACE_DTYPE, [])}, "a mark of grace note -1 at tick 40320"),
        (
            {"spans": make_table(SPAN_DTYPE, [(QUARTER, 0, 0, 0, 0, 0, 0, "slur", "")])},
            r"slur at bar 1 beat 2 \(part 1\): ends at tick 0",
        ),
    ],
)
def test_marks_that_are_none_are_refused(changes, message):
    with pytest.raises(ScoreError, match=message):
        marked(**changes)
