"""Free chorales in metres that chorales do not have: counted in four or three, and sung."""

import numpy as np
import pytest

from stats_composer import ChoraleComposer
from stats_composer.composers.chorale.counted import CountedBar, counted_page, sung_on
from stats_composer.composers.chorale.page import blank_page, upbeat_of
from stats_composer.constraints import Cadence, InKey, Pin, Range
from stats_composer.score import FERMATA_DTYPE, make_notes, make_table
from stats_composer.theory import TICKS_PER_QUARTER, Metre

QUARTER, EIGHTH = TICKS_PER_QUARTER, TICKS_PER_QUARTER // 2
C = (0, 0)


def test_beats_are_counted_in_four_or_three():
    # Four beats of three eighths: quarters of a beat on the first eighth, the second, the third
    # and its half.
    beat = [0, 1, 2, 2.5]
    expected = [3 * b + t for b in range(4) for t in beat] + [12]
    for metre in (Metre(6, 8), Metre(12, 8)):
        np.testing.assert_array_equal(CountedBar.of(metre).ticks / EIGHTH, expected)
    assert CountedBar.of(Metre(9, 8)).length == 12
    for numerator, beats in ((1, [1, 1, 1, 1]), (5, [2, 1, 1, 1]), (7, [2, 2, 2, 1])):
        starts = CountedBar.of(Metre(numerator, 4)).ticks[::4]
        assert (np.diff(starts) / QUARTER).tolist() == beats


def test_a_page_is_counted_where_chorales_have_no_such_metre():
    for metre in ((4, 4), (3, 4), (3, 8), (4, 2)):
        assert counted_page(blank_page(4, C, metre)) is None
    # An upbeat of three beats of 5/4 is one of three; of four beats it splits the first one.
    page = counted_page(blank_page(4, C, (5, 4), upbeat=3))
    assert page is not None and page.metre_at(0) == (4, 4)
    assert (upbeat_of(page), page.end) == (3 * QUARTER, 16 * QUARTER)
    assert counted_page(blank_page(4, C, (5, 4), upbeat=4)) is None
    # Seven bars of 6/8 are three bars of 4/4 and a half.
    page = counted_page(blank_page(7, C, (6, 8), upbeat=1))
    assert page is not None and page.end == 14 * QUARTER
    assert (page.bars["onset"] / QUARTER).tolist() == [0, 1, 5, 9, 13]


def test_notes_are_sung_where_their_beats_fall():
    page = blank_page(2, C, (6, 8), upbeat=1)
    counted = counted_page(page)
    assert counted is not None
    # An upbeat of two eighths, a quarter, an eighth over the beat, an eighth, a quarter.
    onset, duration = [0, 0.5, 1, 1.5, 2.5, 3], [0.5, 0.5, 0.5, 1, 0.5, 1]
    notes = make_notes(
        onset=np.array(onset) * QUARTER, duration=np.array(duration) * QUARTER, pitch=[60] * 6
    )
    marks = make_table(FERMATA_DTYPE, [(3 * QUARTER, 0, 0)])
    score = sung_on(page, counted.replace(notes=notes, fermatas=marks))
    assert (score.notes["onset"] / EIGHTH).tolist() == [0, 2, 3, 5, 8, 9]
    assert (score.notes["duration"] / EIGHTH).tolist() == [2, 1, 2, 3, 1, 3]
    assert score.fermatas["onset"].tolist() == [9 * EIGHTH]
    assert score.metre_at(0) == (6, 8) and score.end == 12 * EIGHTH


def test_wishes_hold_in_the_metre_that_is_sung():
    wishes = [Cadence(phrase=1, kind="half"), InKey(key="C"), Range("bass", "G2", "C4")]
    composer = ChoraleComposer.bundled()
    asked = {"time_signature": "6/8", "key": "C", "random_state": 2}
    score = composer.compose(bars=8, constraints=wishes, **asked)
    assert not [text for wish in wishes for text in wish.violations(score)]
    # At the last strong beat of the first phrase, the start of bar 4, the bass has the dominant.
    bass = score.notes[score.notes["part"] == 3]
    final = 3 * 6 * EIGHTH
    sounding = (bass["onset"] <= final) & (bass["onset"] + bass["duration"] > final)
    assert bass["pitch"][sounding] % 12 == 7
    # A wish that names a bar is one of the bars that are printed, of two beats each.
    pin = Pin("soprano", bar=3, beat=4, pitch="G4")
    score = composer.compose(bars=4, constraints=[pin], **asked)
    assert not pin.violations(score)


@pytest.mark.parametrize("time_signature, upbeat", [("6/8", 1), ("5/4", 2), ("2/4", 0), ("1/4", 0)])
def test_a_chorale_fills_its_page_and_ends_as_one(time_signature, upbeat):
    composer = ChoraleComposer.bundled()
    score = composer.compose(
        bars=7, time_signature=time_signature, upbeat=upbeat, key="G", random_state=3
    )
    metre = score.metre_at(0)
    assert upbeat_of(score) == upbeat * metre.beat and score.end == 7 * metre.bar
    ends = score.notes["onset"] + score.notes["duration"]
    for part in range(4):
        own = score.notes["part"] == part
        starts = np.sort(score.notes["onset"][own])
        assert starts[0] == 0 and (np.sort(ends[own])[:-1] == starts[1:]).all()
    last = score.notes["pitch"][ends == score.end]
    assert last.min() % 12 == 7 and set(last % 12) <= {7, 11, 2}
