"""Where phrases end that no mark ends: the law by enumeration, and what decides."""

import itertools

import numpy as np
import pytest

from stats_composer.composers.chorale.phrasing import LENGTH, LONGEST, Phrasing, _codes, _returns
from stats_composer.score import FERMATA_DTYPE, Score, make_notes, make_table, phrase_spans
from stats_composer.theory import TICKS_PER_QUARTER

QUARTER = TICKS_PER_QUARTER


def tune(*durations, final=()):
    """Write a line of notes of so many quarters, fermatas on some of them."""
    duration = np.array(durations) * QUARTER
    onset = np.cumsum(duration) - duration
    rows = [(int(onset[i]), 0, 0) for i in final]
    pitch = 67 + np.arange(len(duration)) * 5 % 7
    notes = make_notes(onset=onset, pitch=pitch, duration=duration)
    return Score(notes, fermatas=make_table(FERMATA_DTYPE, rows))


@pytest.fixture(scope="module")
def taught():
    """Phrases of eight beats that end in a long note."""
    lines = [tune(*[1, 1, 1, 1, 1, 1, 2] * 4, final=(6, 13, 20, 27)) for _ in range(3)]
    return Phrasing().fit(lines)


def test_what_was_learned_is_found(taught):
    line = tune(*[1, 1, 1, 1, 1, 1, 2] * 3)
    ends = [6, 13, 20]
    onset = line.notes["onset"]
    assert taught.spans(line) == [(onset[i], onset[i] + 2 * QUARTER) for i in ends]


def test_the_best_phrasing_is_the_best_of_all():
    rng = np.random.default_rng(0)
    phrasing = Phrasing()
    phrasing.weights_ = rng.normal(size=90)
    phrasing.lengths_ = rng.normal(size=(2, LONGEST))
    line = tune(*rng.integers(1, 4, 9))
    onset, end = line.notes["onset"], line.notes["onset"] + line.notes["duration"]
    odds = phrasing.weights_[_codes(line)].sum(axis=1)
    merits = {}
    for inner in itertools.product((False, True), repeat=8):
        last = np.flatnonzero([*inner, True])
        starts = onset[np.append(0, last[:-1] + 1)]
        halves = 2 * (end[last] - starts) // QUARTER
        merit = odds[last[:-1]].sum() + LENGTH * phrasing.lengths_[0, halves].sum()
        merits[tuple(last.tolist())] = merit
    best = max(merits, key=merits.__getitem__)
    assert [start for start, _ in phrasing.spans(line)] == onset[list(best)].tolist()


def test_fermatas_decide_where_there_are_some(taught):
    line = tune(*[1] * 16, final=(4, 15))
    assert taught.spans(line) == phrase_spans(line)


def test_a_rest_ends_a_phrase():
    phrasing = Phrasing()
    phrasing.weights_, phrasing.lengths_ = np.zeros(90), np.zeros((2, LONGEST))
    phrasing.weights_[0] = -2.0  # a last note is rare
    onset = np.array([0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13]) * QUARTER
    line = Score(make_notes(onset=onset, pitch=[67, 69, 71, 72, 71, 69] * 2, duration=QUARTER))
    assert phrasing.spans(line) == [
        (5 * QUARTER, 6 * QUARTER), (13 * QUARTER, 14 * QUARTER)
    ]  # fmt: skip


def test_no_marks_to_learn_from_leave_it_to_long_notes():
    phrasing = Phrasing().fit([tune(1, 1, 1, 1)])
    line = tune(1, 1, 1, 1, 2, 1, 1, 1, 1, 2)
    assert phrasing.spans(line) == phrase_spans(line)
    one = tune(4)
    assert phrasing.spans(one) == [(0, 4 * QUARTER)]


def test_long_phrases_are_rarer_the_longer_they_are(taught):
    assert (np.diff(taught.lengths_[:, 32:], axis=1) < 0).all()


def test_where_the_first_rhythm_and_the_first_motif_return():
    """Five notes, a long one, the same five, and their rhythm on other steps, by hand."""
    rhythm = [1.0, 0.5, 0.5, 1.0, 2.0]
    duration = np.array([*rhythm, 4.0, *rhythm, 4.0, *rhythm])
    step = np.array([0, 2, 2, 1, 2, -7, 0, 2, 2, 1, 2, -7, 0, -2, -2, -1, -2])
    found = _returns(step, duration)
    assert found[5] == 2 and found[11] == 1 and np.count_nonzero(found) == 2
