"""The form of free chorales: upbeats, phrases, sections that return."""

import numpy as np
import pytest

from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.composers.chorale.form import asked_form, returned_melody
from stats_composer.composers.chorale.page import blank_page, planned_spans, upbeat_of
from stats_composer.constraints import ChordAt, NoCrossing, Pin, Range
from stats_composer.errors import ConstraintError
from stats_composer.score import Score, make_notes
from stats_composer.theory import TICKS_PER_QUARTER, Metre

QUARTER = TICKS_PER_QUARTER


@pytest.mark.parametrize(
    ("metre", "upbeat", "bars", "expected"),
    [
        # (first beat of the final note, beats it lasts), counted from the beginning
        ((4, 4), 0, 4, [(6, 2), (14, 2)]),
        ((4, 4), 1, 4, [(7, 1), (15, 1)]),
        ((4, 4), 2, 4, [(6, 2), (14, 2)]),
        ((3, 4), 0, 8, [(9, 3), (21, 3)]),
        ((3, 4), 1, 8, [(10, 2), (22, 2)]),
        ((4, 4), 0, 5, [(6, 2), (18, 2)]),
    ],
)
def test_final_notes_stand_on_the_last_strong_beat_of_their_phrase(metre, upbeat, bars, expected):
    page = blank_page(bars, (0, 0), metre, upbeat=upbeat)
    assert page.end == bars * metre[0] * QUARTER and upbeat_of(page) == upbeat * QUARTER
    found = [(start // QUARTER, (end - start) // QUARTER) for start, end in planned_spans(page)]
    assert found == expected


def test_sections_of_one_letter_have_one_soprano():
    # Four phrases of two notes; the first two are A, or A and B.
    onset = np.tile(np.arange(8) * QUARTER, 2)
    pitch = [60, 62, 64, 65, 67, 69, 71, 72] + [48] * 8
    score = Score(make_notes(onset=onset, pitch=pitch, part=[0] * 8 + [1] * 8))
    ends = [2 * QUARTER, 4 * QUARTER, 6 * QUARTER, 8 * QUARTER]
    assert returned_melody(score, "AB", ends) is None
    melody = returned_melody(score, "AAB", ends)
    assert melody["pitch"].tolist() == [60, 62, 60, 62, 67, 69, 71, 72]
    assert melody["onset"].tolist() == (np.arange(8) * QUARTER).tolist()
    melody = returned_melody(score, "AA", ends)
    assert melody["pitch"].tolist() == [60, 62, 64, 65] * 2


def test_a_form_that_does_not_fit_is_told():
    score = Score(make_notes(onset=np.arange(6) * QUARTER, pitch=60))
    with pytest.raises(ConstraintError, match="3 sections in 2 phrases: expected no more"):
        returned_melody(score, "AAB", [3 * QUARTER, 6 * QUARTER])
    with pytest.raises(ConstraintError, match="form AA: sections A differ in length"):
        returned_melody(score, "AA", [2 * QUARTER, 6 * QUARTER])
    common = Metre(4, 4)
    for given, match in (
        ((None, "A-B", None, None), "form 'A-B': expected letters"),
        ((None, None, 0, None), "0 phrases: expected 1 to 500"),
        ((None, None, "two", None), "phrases 'two': expected a whole number"),
        ((None, None, None, 4), "upbeat 4: expected beats, from 0 to 3"),
    ):
        with pytest.raises(ConstraintError, match=match):
            asked_form(*given, common)
    assert asked_form(None, None, 6, None, common).bars == 12
    assert asked_form(8, None, None, None, common).upbeat == 0
    assert asked_form(None, None, 2, None, Metre(3, 4)).bars == 8


def test_what_is_not_asked_is_drawn_as_often_as_in_bach():
    rng, common = np.random.default_rng(0), Metre(4, 4)
    asked = asked_form(None, None, None, None, common)
    drawn = [asked.drawn(common, True, rng) for _ in range(2000)]
    upbeats = np.bincount([form.upbeat for form in drawn]) / 2000
    np.testing.assert_allclose(upbeats, [0.27, 0.6, 0.13], atol=0.04)
    assert abs(np.mean([form.letters == "AAB" for form in drawn]) - 0.35) < 0.04
    assert asked.drawn(common, False, rng).letters == "A"
    # A bar of two beats has room for one.
    assert {asked.drawn(Metre(2, 4), False, rng).upbeat for _ in range(50)} == {0}


def test_a_bar_form_is_sung_twice_to_other_voices():
    score = ChoraleComposer.bundled().compose(
        form="AAB", phrases=3, upbeat=1, key="G", random_state=4
    )
    assert upbeat_of(score) == QUARTER and score.end == 6 * 4 * QUARTER
    lines = [score.notes[score.notes["part"] == v][["onset", "pitch"]] for v in range(4)]
    length = 8 * QUARTER
    first, second = (
        [line[(line["onset"] >= begin) & (line["onset"] < begin + length)] for line in lines]
        for begin in (0, length)
    )
    assert first[0]["pitch"].tolist() == second[0]["pitch"].tolist()
    assert (first[0]["onset"] + length == second[0]["onset"]).all()
    assert any(
        a["pitch"].tolist() != b["pitch"].tolist()
        for a, b in zip(first[1:], second[1:], strict=True)
    )
    assert len(np.unique(score.fermatas["onset"])) == 3


def test_a_soprano_comes_first_where_wishes_leave_it_one(monkeypatch):
    composer, drawn = ChoraleComposer.bundled(), []
    draw = type(composer.soprano_).draw

    def listening(self, *args, **asked):
        drawn.append(draw(self, *args, **asked))
        return drawn[-1]

    def composed(*wishes):
        drawn.clear()
        score = composer.compose(bars=4, key="G", random_state=2, constraints=wishes)
        assert not [text for wish in wishes for text in wish.violations(score)]
        return score.notes[score.notes["part"] == 0][["onset", "pitch"]].tolist()

    monkeypatch.setattr(type(composer.soprano_), "draw", listening)
    sung = composed(Range("alto", "A3", "D5"), NoCrossing())
    assert sung == drawn[-1].melody.notes[["onset", "pitch"]].tolist()
    composed(Range("soprano", "F#4", "D5"))
    assert not drawn
    composed(ChordAt(1, 1, "Em"))
    assert not drawn
    # No soprano of this seed lies so high: all voices are written together.
    sung = composed(*(Pin("alto", bar, 1, "C5") for bar in (1, 2, 3)), NoCrossing())
    assert drawn and all(sung != tried.melody.notes[["onset", "pitch"]].tolist() for tried in drawn)
