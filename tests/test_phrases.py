"""Phrases and places in the bar, worked by hand."""

import numpy as np
import pytest
from test_encoding import line

from stats_composer.score import (
    BAR_DTYPE,
    FERMATA_DTYPE,
    NOTE_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Score,
    make_table,
    phrase_spans,
)
from stats_composer.theory import TICKS_PER_QUARTER, Metre
from stats_composer.views import END_VALUES, end_context, place_context

QUARTER = TICKS_PER_QUARTER


def page(metre, bars=1, pickup=0):
    full = Metre(*metre).bar
    onsets = [0] * (pickup > 0) + [pickup + i * full for i in range(bars)]
    return Score(
        np.zeros(0, NOTE_DTYPE),
        bars=make_table(BAR_DTYPE, onset=onsets),
        time_signatures=make_table(TIME_SIGNATURE_DTYPE, [(0, *metre)]),
        end=pickup + bars * full,
    )


def spans(score):
    return [(start / QUARTER, end / QUARTER) for start, end in phrase_spans(score)]


def test_fermatas_end_phrases():
    fermatas = make_table(FERMATA_DTYPE, [(QUARTER, 0, 0)])
    score = line([60, 62, 64, 65, 67], [1, 2, 1, 1, 1], fermatas=fermatas)
    assert spans(score) == [(1, 3), (5, 6)]


def test_rests_and_long_notes_end_phrases_after_four_beats():
    pitches = [60, 62, None, 64, 65, 67, None, 69, 71, 72]
    score = line(pitches, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    # The first rest comes too early; the second after six beats.
    assert spans(score) == [(5, 6), (9, 10)]
    score = line([60, 62, 64, 65, 67, 69], [1, 1, 2, 1, 1, 1])
    assert spans(score) == [(2, 4), (6, 7)]


def test_the_last_note_always_ends_a_phrase():
    assert spans(line([60], [1])) == [(0, 1)]
    assert phrase_spans(line([None], [4])) == []


def test_the_way_to_the_end():
    context = end_context([(4, 6), (14, 16)], 17, 1, 2)
    assert context.tolist() == [2, 2, 1, 1, 12, 12, 4, 4, 3, 3, 2, 2, 1, 1, 13, 13, 0]
    far = end_context([(40, 41)], 41, 1, 1)
    assert far[:30].tolist() == [11] * 30 and far.max() < END_VALUES


def test_a_final_note_shorter_than_a_step_has_its_step():
    assert end_context([(2, 2)], 4, 2, 2).tolist() == [1, 13, 0, 0]


@pytest.mark.parametrize(
    ("metre", "step", "expected"),
    [
        ((4, 4), QUARTER // 2, [0, 1, 2, 3, 4, 5, 6, 7]),
        ((2, 4), QUARTER // 2, [0, 1, 2, 3]),
        ((3, 4), QUARTER // 2, [8, 9, 10, 11, 12, 13]),
        ((2, 2), QUARTER, [0, 1, 2, 3]),
        ((6, 8), QUARTER // 2, [0, 1, 1, 4, 5, 5]),
        ((9, 8), QUARTER // 2, [8, 9, 9, 10, 11, 11, 12, 13, 13]),
        ((5, 4), QUARTER, [0, 2, 4, 6, 0]),
    ],
)
def test_places_in_the_bar(metre, step, expected):
    assert place_context(page(metre), step, 2).tolist() == expected
    assert place_context(page(metre, 2), step, 2).tolist() == expected * 2


def test_a_pickup_is_the_end_of_its_bar():
    assert place_context(page((4, 4), 1, QUARTER), QUARTER, 2).tolist() == [6, 0, 2, 4, 6]
