"""Melodies as tables: columns worked out by hand, and the way back."""

import numpy as np
from hypothesis import given, settings
from strategies import scores

from stats_composer.score import FERMATA_DTYPE, KEY_SIGNATURE_DTYPE, Score, make_notes, make_table
from stats_composer.theory import TICKS_PER_QUARTER
from stats_composer.views import MELODY_DTYPE, melody_table, write_melody

Q = TICKS_PER_QUARTER


def test_columns_of_a_phrase_by_hand():
    score = Score(
        make_notes(
            onset=[0, Q, 3 * Q, 4 * Q, 0],
            duration=[Q, Q, Q, 4 * Q, 2 * Q],
            pitch=[66, 69, 69, 62, 50],
            part=[0, 0, 0, 0, 1],
        ),
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(0, 2, 1)]),
        fermatas=make_table(FERMATA_DTYPE, [(Q, 0, 0)]),
    )
    table = melody_table(score)
    assert table["pitch"].tolist() == [66, 69, 69, 62]
    assert table["tonic"].tolist() == [11] * 4  # two sharps, minor: B
    assert table["degree"].tolist() == [7, 10, 10, 3]
    assert table["rest"].tolist() == [0, 0, Q, 0]
    assert table["final"].tolist() == [0, 1, 0, 1]
    assert table["since"].tolist() == [0, 1, 0, 1]
    assert table["bass"].tolist() == [50, 50, -1, -1]
    assert table["position"].tolist() == [0, Q, 3 * Q, 0]


def test_a_note_cut_in_two_is_one_row():
    score = Score(make_notes(onset=[0, Q], pitch=[60, 60], tied=[False, True]))
    assert melody_table(score)["duration"].tolist() == [2 * Q]


def test_a_silent_voice_has_no_rows():
    table = melody_table(Score(make_notes(onset=[0], pitch=[60])), part=3)
    assert table.dtype == MELODY_DTYPE and len(table) == 0


@settings(derandomize=True, database=None, deadline=None, max_examples=40)
@given(scores(max_parts=1))
def test_what_is_written_reads_the_same(score):
    table = melody_table(score)
    again = melody_table(write_melody(table, score))
    np.testing.assert_array_equal(again, table)
