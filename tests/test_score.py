"""The score: its checks, its places, and the scores made from it."""

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import scores

from stats_composer.errors import ScoreError
from stats_composer.score import (
    BAR_DTYPE,
    CHORD_DTYPE,
    FERMATA_DTYPE,
    JUMP_DTYPE,
    KEY_SIGNATURE_DTYPE,
    REPEAT_END,
    REPEAT_START,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    make_notes,
    make_table,
    merge_parts,
    natural_fifths,
    played,
    playing_order,
    unfold,
)
from stats_composer.theory import MAJOR, TICKS_PER_QUARTER

QUARTER = TICKS_PER_QUARTER


def tune(**columns):
    return make_notes(onset=np.arange(8) * QUARTER, pitch=np.arange(60, 68), **columns)


def test_tables_are_sorted_and_read_only():
    score = Score(make_notes(onset=[QUARTER, 0, 0], pitch=[60, 64, 62]))
    assert score.notes["pitch"].tolist() == [62, 64, 60]
    with pytest.raises(ValueError, match="read-only"):
        score.notes["pitch"] = 0


def test_a_caller_keeps_its_own_table():
    notes = tune()
    score = Score(notes)
    notes["pitch"] = 0
    assert score.notes["pitch"][0] == 60


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"pitch": 130, "fifths": 4}, r"pitch 130 at bar 2 beat 2 \(alto\): expected 0 to 127"),
        ({"duration": 0}, r"duration 0 at bar 2 beat 2 \(alto\): expected more than 0 ticks"),
        ({"fifths": 1}, r"fifths 1 at bar 2 beat 2 \(alto\): expected a spelling of the pitch"),
        ({"velocity": 200}, "velocity 200 .* expected 0 to 127"),
        ({"voice": -1}, "voice -1 .* expected 0 or more"),
        ({"onset": -1}, r"onset -1 at bar 1 beat 1 \(alto\): expected 0 or more ticks"),
    ],
)
def test_a_wrong_note_is_named_with_its_place(columns, message):
    notes = make_notes(**{"onset": 5 * QUARTER, "pitch": 60, "part": 1, **columns})
    with pytest.raises(ScoreError, match=message):
        Score(notes, parts=(Part("soprano"), Part("alto")))


@pytest.mark.parametrize("metre", [(0, 4), (4, 3), (200, 4), (4, 0), (4, 256)])
def test_a_wrong_metre_is_refused(metre):
    with pytest.raises(ScoreError, match=r"expected 1 to 128 over a power of two"):
        Score(tune(), time_signatures=make_table(TIME_SIGNATURE_DTYPE, [(0, *metre)]))


START, END = REPEAT_START, REPEAT_END


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([(0, 0), (0, 0)], [0, 1]),
        ([(0, 0), (END, 0), (0, 0)], [0, 1, 0, 1, 2]),
        ([(0, 0), (START, 0), (END, 1), (0, 2)], [0, 1, 2, 1, 3]),
        ([(START, 0), (END, 1), (END, 2), (0, 4), (0, 0)], [0, 1, 0, 2, 0, 3, 4]),
        ([(START, 0), (END, 5), (END, 2), (0, 8)], [0, 1, 0, 2, 0, 1, 0, 3]),
        ([(START, 0), (END, 3), (0, 4), (0, 0)], [0, 1, 0, 1, 0, 2, 3]),
        ([(START, 0), (END, 1), (0, 2), (START, 0), (END, 1), (0, 2)], [0, 1, 0, 2, 3, 4, 3, 5]),
        ([(START, 0), (END, 1), (END, 2), (END, 0)], [0, 1, 0, 2, 3, 3]),
        ([(START, 0), (0, 1), (END, 1), (0, 2), (0, 2)], [0, 1, 2, 0, 3, 4]),
        ([(START | END, 0), (START | END, 0)], [0, 0, 1, 1]),
        ([(0, 0), (END, 1), (0, 4)], [0, 1, 0, 2]),  # The first is that of the second time, too.
        ([(0, 0), (END, 1), (0, 1)], [0, 1, 2]),
    ],
)
def test_bars_are_played_as_repeats_and_endings_say(bars, order):
    rows = [(QUARTER * i, *bar) for i, bar in enumerate(bars)]
    notes = make_notes(onset=QUARTER * np.arange(len(bars)), pitch=60 + np.arange(len(bars)))
    score = Score(notes, bars=make_table(BAR_DTYPE, rows), end=QUARTER * len(bars))
    assert playing_order(score) == order
    index, onset = played(score)
    assert index.tolist() == order
    assert onset.tolist() == [QUARTER * i for i in range(len(order))]


@pytest.mark.parametrize(
    ("jumps", "order", "heard"),
    [
        ([(1, "times", "", 3)], (), [0, 1, 0, 1, 0, 1, 2, 3, 4]),
        ([(0, "fine", "", 0), (4, "D.C.", "", 0)], (), [0, 1, 0, 1, 2, 3, 4, 0]),
        ([(2, "segno", "", 0), (4, "D.S.", "", 0)], (), [0, 1, 0, 1, 2, 3, 4, 2, 3, 4]),
        (
            [(0, "to coda", "", 0), (3, "D.C.", "", 0), (4, "coda", "", 0)],
            (),
            [0, 1, 0, 1, 2, 3, 0, 4],
        ),
        ([(4, "D.S.", "x", 0)], (), [0, 1, 0, 1, 2, 3, 4]),
        ([(0, "section", "A", 0), (2, "section", "B", 0)], "BAB", [2, 3, 4, 0, 1, 0, 1, 2, 3, 4]),
        ([(2, "section", "A", 0), (3, "section", "B", 0)], "AA", [0, 1, 0, 1, 2, 2]),
        ([(2, "section", "A", 0)], "C", [0, 1, 0, 1, 2, 3, 4]),
    ],
)
def test_bars_are_played_as_jumps_and_sections_say(jumps, order, heard):
    bars = [(QUARTER * i, END if i == 1 else 0, 0) for i in range(5)]
    notes = make_notes(onset=QUARTER * np.arange(5), pitch=60 + np.arange(5))
    rows = [(QUARTER * bar, *more) for bar, *more in jumps]
    score = Score(
        notes,
        bars=make_table(BAR_DTYPE, bars),
        jumps=make_table(JUMP_DTYPE, rows),
        end=5 * QUARTER,
        order=tuple(order),
    )
    assert playing_order(score) == heard
    flat = unfold(score)
    assert flat.notes["pitch"].tolist() == [60 + bar for bar in heard]
    assert not len(flat.jumps) and flat.order == () and unfold(flat) == flat


def test_a_jump_of_no_kind_or_within_a_bar_is_refused():
    with pytest.raises(ScoreError, match="jump 'leap' at tick 0: expected times"):
        Score(tune(), jumps=make_table(JUMP_DTYPE, [(0, "leap", "", 0)]))
    with pytest.raises(ScoreError, match="at a bar's onset"):
        Score(tune(), jumps=make_table(JUMP_DTYPE, [(1, "fine", "", 0)]))


@settings(max_examples=60, deadline=None)
@given(scores())
def test_what_is_played_has_no_repeats_left(score):
    heard = unfold(score)
    lengths = np.diff(np.append(score.bars["onset"], score.end))
    order = playing_order(score)
    assert set(order) == set(range(score.n_bars))
    assert np.diff(np.append(heard.bars["onset"], heard.end)).tolist() == lengths[order].tolist()
    index, onset = played(score)
    struck = heard.notes[~heard.notes["tied"]]
    kept = ~score.notes["tied"][index]
    assert sorted(struck["onset"]) == sorted(onset[kept])
    assert unfold(heard) == heard


def test_a_mark_holds_again_where_a_part_is_played_again():
    notes = make_notes(onset=QUARTER * np.arange(8), pitch=[60] * 8)
    bars = make_table(BAR_DTYPE, [(0, 0, 0), (4 * QUARTER, END, 0)])
    tempos = make_table(TEMPO_DTYPE, [(0, 90.0), (4 * QUARTER, 60.0)])
    keys = make_table(KEY_SIGNATURE_DTYPE, [(0, 2, MAJOR)])
    heard = unfold(Score(notes, bars=bars, tempos=tempos, key_signatures=keys))
    told = [(tick // QUARTER, tempo) for tick, tempo in heard.tempos.tolist()]
    assert told == [(0, 90.0), (4, 60.0), (8, 90.0), (12, 60.0)]
    assert heard.key_signatures.tolist() == [(0, 2, MAJOR)]
    assert len(heard.notes) == 16 and not heard.bars["repeat"].any()


def test_places_with_and_without_a_pickup():
    metre = make_table(TIME_SIGNATURE_DTYPE, [(0, 3, 4)])
    bars = make_table([("onset", "i8"), ("repeat", "i1"), ("ending", "i1")], onset=[0, QUARTER])
    score = Score(tune()[:4], bars=bars, time_signatures=metre)
    assert score.pickup == QUARTER
    assert score.place(score.notes[0]) == "bar 0 beat 3 (part 1)"
    assert score.place(score.notes[1]) == "bar 1 beat 1 (part 1)"
    assert Score(tune()).pickup == 0
    assert Score(tune()).place(tune()[4]) == "bar 2 beat 1 (part 1)"


def split_bar_score(**columns):
    """Make a pickup of a quarter, a bar, a bar of 3 + 1 divided by a repeat, and two bars."""
    onset = np.array([0, 1, 5, 8, 9, 13]) * QUARTER
    bars = make_table(BAR_DTYPE, onset=onset, repeat=[0, 0, REPEAT_END, 0, 0, 0], **columns)
    return Score(make_notes(onset=onset, pitch=60), bars=bars, end=17 * QUARTER)


def test_a_divided_bar_is_one_to_who_counts():
    score = split_bar_score()
    assert score.bar_numbers == (0, 1, 2, "X1", 3, 4)
    places = [(0, 4), (1, 1), (2, 1), ("X1", 4), (3, 1), (4, 1)]
    ticks = score.notes["onset"].tolist()
    assert [score.where(tick) for tick in ticks] == places
    assert [score.tick(bar, beat) for bar, beat in places] == ticks
    assert score.tick(2, 4) == score.tick("X1", 4) == 8 * QUARTER
    assert score.tick(-1, Fraction(5, 2)) == 13 * QUARTER + 15120
    assert score.bar_span(2) == (5 * QUARTER, 9 * QUARTER)
    assert score.bar_span("X1") == (8 * QUARTER, 9 * QUARTER)
    assert score.place(score.notes[3]) == "bar X1 beat 4 (part 1)"


@pytest.mark.parametrize(
    ("bar", "beat", "message"),
    [
        (5, 1, "bar 5: the piece has the bars 0 to 4"),
        ("X2", 1, "bar X2: the piece has the bars 0 to 4"),
        (-7, 1, "bar -7: the piece has the bars 0 to 4"),
        (0, 1, "beat 1 of bar 0: expected 4 or more and less than 5"),
        ("X1", 3, "beat 3 of bar X1: expected 4 or more and less than 5"),
        (3, 5, "beat 5 of bar 3: expected 1 or more and less than 5"),
        (3, Fraction(15, 11), "beat 15/11 of bar 3: finer than a tick, 1/10080 of a beat"),
    ],
)
def test_a_place_that_is_none_is_named(bar, beat, message):
    with pytest.raises(ScoreError, match=re.escape(message)):
        split_bar_score().tick(bar, beat)


def test_bars_keep_the_numbers_of_their_file():
    score = split_bar_score(number=["44", "45", "", "", "", "60a"])
    assert score.bar_numbers == (44, 45, 46, "X1", 47, "60a")
    assert score.where(9 * QUARTER) == (47, 1)
    assert score.tick("60a", 2) == 14 * QUARTER


def test_short_bars_are_not_parts_of_one():
    # two endings of two quarters each would fill a bar; 3 + 3 quarters would overflow it
    onset = np.array([0, 4, 6, 8, 11, 14]) * QUARTER
    bars = make_table(BAR_DTYPE, onset=onset, ending=[0, 1, 2, 0, 0, 0])
    score = Score(make_notes(onset=onset, pitch=60), bars=bars, end=18 * QUARTER)
    assert score.bar_numbers == (1, 2, 3, 4, 5, 6)
    assert not score.bar_offsets.any()


@settings(max_examples=40)
@given(scores(), st.integers(-12, 12))
def test_transposing_back_is_the_same_score(score, semitones):
    interval = int(natural_fifths(np.array([semitones]))[0])
    back = score.transpose(semitones, interval).transpose(-semitones, -interval)
    assert back == score


def test_transposing_moves_keys_and_chord_symbols():
    score = Score(
        tune(),
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(0, 0, MAJOR)]),
        chords=make_table(CHORD_DTYPE, [(0, "Am7/G")]),
    )
    moved = score.transpose(-2)
    assert moved.key_signatures["fifths"].tolist() == [-2]
    assert moved.chords["symbol"].tolist() == ["Gm7/F"]
    with pytest.raises(ScoreError, match="2 semitones and 3 fifths are different intervals"):
        score.transpose(2, 3)
    with pytest.raises(ScoreError, match=r"pitch 128 .* expected 0 to 127"):
        score.transpose(68)


@settings(max_examples=40)
@given(scores(), st.data())
def test_cutting_keeps_every_sounding_tick(score, data):
    cut = data.draw(st.integers(0, score.n_bars - 1))
    halves = [score[:cut], score[cut:]] if cut else [score]
    assert sum(half.end for half in halves) == score.end
    assert sum(half.notes["duration"].sum() for half in halves) == score.notes["duration"].sum()
    assert score[:] == score


def test_a_cut_repeats_the_marks_in_force_and_ties_what_it_cuts():
    score = Score(
        make_notes(onset=[2 * QUARTER], duration=4 * QUARTER, pitch=[60]),
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(0, 2, MAJOR)]),
        fermatas=make_table(FERMATA_DTYPE, [(2 * QUARTER, 0, 0)]),
    )
    second = score[1:]
    assert second.notes[["onset", "duration", "tied"]].tolist() == [(0, 2 * QUARTER, True)]
    assert second.key_signatures["fifths"].tolist() == [2]
    assert len(second.fermatas) == 0 and len(score[:1].fermatas) == 1
    with pytest.raises(ScoreError, match="no bar of 2"):
        score[2:]
    with pytest.raises(ScoreError, match="expected a slice of bars"):
        score[0]


def test_one_part_of_several():
    score = Score(tune(part=[0, 1] * 4), parts=(Part("oboe"), Part("viola")))
    viola = score.select(1)
    assert viola.parts == (Part("viola"),) and viola.n_parts == 1
    assert viola.notes["pitch"].tolist() == [61, 63, 65, 67]
    assert merge_parts([score.select(0), viola]) == score


def test_equality_names_the_differences():
    score = Score(tune())
    assert score == Score(tune()) and score != score.replace(title="x")
    assert score.differences(score.transpose(12)) == ["notes"]
    assert score != 3


def test_a_line_for_the_shell():
    assert repr(Score(tune(), title="Air")) == "<Score 'Air', 1 parts, 2 bars, 8 notes>"


def test_an_empty_score_has_a_bar():
    score = Score(make_notes(onset=[], pitch=[]))
    assert (score.n_bars, score.n_parts, score.end) == (1, 0, 4 * QUARTER)
