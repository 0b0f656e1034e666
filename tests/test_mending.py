"""Phrases with faults are drawn anew, and the better drawing is kept."""

import numpy as np
import pytest

from stats_composer.composers.chorale.mending import Judge, fault_rows, mend

MAJOR, MINOR = 0, 1


def rows(*chords):
    return np.array(chords, np.int64)


@pytest.mark.parametrize(
    ("pitch", "mode", "expected"),
    [
        # Fifths from row to row, and by that from beat to beat only where the beats have them.
        (rows((67, 60), (69, 62), (69, 62)), MAJOR, [0, 1, 1]),
        # An eighth between hides them from rows, not from beats.
        (rows((67, 60), (67, 59), (69, 62)), MAJOR, [0, 0, 1]),
        # Contrary motion, or one voice alone, is none.
        (rows((67, 60), (67, 60), (62, 67)), MAJOR, [0, 0, 0]),
        # C natural, then C sharp in another voice; in its own voice it is none.
        (rows((72, 64), (72, 64), (69, 61)), MAJOR, [0, 0, 1]),
        (rows((72, 64), (72, 64), (73, 64)), MAJOR, [0, 0, 0]),
        # E flat and E; in a minor key the black key above C is its flat second, D's letter.
        (rows((75, 67), (75, 67), (67, 64)), MAJOR, [0, 0, 1]),
        (rows((72, 65), (72, 65), (65, 61)), MINOR, [0, 0, 0]),
        # D over C off the beat: come to by leap; by step and left by leap; by step and left so.
        (rows((67, 60), (62, 60), (64, 60)), MAJOR, [0, 0, 1]),
        (rows((64, 60), (62, 60), (67, 60)), MAJOR, [0, 0, 1]),
        (rows((64, 60), (62, 60), (60, 60)), MAJOR, [0, 0, 0]),
        # A fourth is dissonant above the lowest voice, and not between upper ones.
        (rows((69, 60), (65, 60), (69, 60)), MAJOR, [0, 0, 1]),
        (rows((72, 60, 57), (65, 60, 57), (65, 60, 57)), MAJOR, [0, 0, 0]),
        # C and C sharp at once; in a minor key C sharp is D flat, and no letter has two.
        (rows((62, 60), (61, 60), (60, 60)), MAJOR, [0, 1, 0]),
        (rows((62, 60), (61, 60), (60, 60)), MINOR, [0, 0, 0]),
        # Where a voice rests there is none of them.
        (rows((67, -1), (69, -1), (69, 62)), MAJOR, [0, 0, 0]),
    ],
)
def test_faults_are_those_that_a_teacher_strikes_out(pitch, mode, expected):
    assert fault_rows(pitch, 2, mode).tolist() == expected


def test_a_phrase_is_the_first_of_its_draws_with_the_fewest_faults():
    # A phrase of two voices on one row has a fault if both move from C G in parallel.
    labels = np.array([[67, 69, 71], [60, 62, 64]])
    judge = Judge(labels, np.array([0, 0, 1]), 1, MAJOR)
    start = np.array([[0, 0], [1, 1], [1, 1]])
    free = np.array([[True, True], [True, True], [False, False]])
    rng, asked = np.random.default_rng(0), []

    def redraw(symbols, free):
        asked.append(free.copy())
        drawn = symbols.copy()
        drawn[1] = rng.integers(0, 3, 2)
        return drawn, free

    n, good = 2000, 0
    # Both rows of beats and rows as such count them: faults come in twos. Of nine pairs of
    # symbols two have them, (1, 1) and (2, 2), and (0, 0) has one to the next phrase.
    assert judge.faults(start).tolist() == [2, 0]
    for _ in range(n):
        symbols, held = mend(judge, redraw, start, np.zeros_like(free), free, 2)
        better = judge.faults(symbols)[0] == 0
        good += better
        assert symbols[2].tolist() == [1, 1] and (held == (free & better)).all()
    assert good / n == pytest.approx(1 - (3 / 9) ** 2, abs=0.02)
    assert all((mask == free).all() for mask in asked)
    # What has no fault, or may not be drawn, stays.
    fine = np.array([[0, 0], [0, 0], [1, 0]])
    assert mend(judge, redraw, fine, free, free, 2)[0] is fine
    shut = np.zeros_like(free)
    assert mend(judge, redraw, start, shut, shut, 2)[0] is start
