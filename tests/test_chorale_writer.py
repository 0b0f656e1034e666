"""What the notes between the steps may be."""

import numpy as np
import pytest

from stats_composer.composers.chorale.figures import Figures, between_steps
from stats_composer.composers.chorale.models import dissonant, striking_grid
from stats_composer.composers.chorale.page import blank_page
from stats_composer.encoding import GridEncoder


def test_the_last_sixteenth_after_a_dotted_eighth_is_rare_and_leaps_are_none():
    pitches = np.array([60, 62, 64, 67])
    encoder = GridEncoder(4, steps_per_beat=4).set_entries([pitches] * 4)
    frame = encoder.frame(blank_page(1, (0, 0), (4, 4)), (0, 0))
    lines = np.zeros((frame.n_steps, len(frame.alphabets)), np.int64)
    lines[4:, 0] = 2  # the soprano: a quarter C, then E
    lines[6, 0] = 1  # with D on the second half of its second beat
    between = np.zeros((frame.n_steps, 4), np.bool_)
    between[1::2] = True
    weight = between_steps(frame, lines, between, Figures(dotted=-2.0))[:, 0, :4]
    # Within the C: D passes freely, but for the last sixteenth, before E.
    assert weight[1].tolist() == [0, 0, -np.inf, -np.inf]
    assert weight[3].tolist() == [0, -2, -2, -np.inf]
    # Between E and D, and D and E, what lies near both.
    assert weight[5].tolist() == [0, 0, 0, -np.inf]
    assert weight[7].tolist() == [0, 0, 0, -np.inf]


def test_a_third_by_which_a_dissonance_is_left_is_filled():
    encoder = GridEncoder(2, steps_per_beat=4).set_entries([np.array([60, 62, 64, 65, 67])] * 2)
    frame = encoder.frame(blank_page(1, (0, 0), (4, 4)), (0, 0))
    lines = np.zeros((frame.n_steps, len(frame.alphabets)), np.int64)
    # Eighths over C: E, D, then F, F, then D, D, then G, D. D clashes with C, and so does F, a
    # fourth above the lowest line.
    for beat, symbols in enumerate([(2, 1), (3, 3), (1, 1), (4, 1)]):
        lines[4 * beat : 4 * beat + 2, 0], lines[4 * beat + 2 : 4 * beat + 4, 0] = symbols
    between = np.zeros((frame.n_steps, 2), np.bool_)
    between[3::4, 0] = True
    found = between_steps(frame, lines, between, Figures(filled=3.0))[3::4, 0, :5]
    # The first D leads to F by E; what stays, or comes before its time, is as it was.
    assert found[0].tolist() == [-np.inf, 0, 3, 0, -np.inf]
    # F was there on the beat, D goes to G by a fourth, the last D is come to by leap.
    assert (found[1:] <= 0).all()


def test_notes_are_dissonant_against_those_that_clash_and_fourths_above_the_last():
    # D over C; G and C over G, a fourth between upper lines, above E; with a rest there is none.
    pitch = np.array([[67, 62, 60], [72, 67, 52], [72, 67, 55], [62, -1, 52]])
    assert dissonant(pitch).tolist() == [
        [False, True, True],
        [False, False, False],
        [True, False, True],
        [True, False, True],
    ]


def test_dotted_eighths_stand_in_as_many_pieces_as_in_the_corpus():
    rng = np.random.default_rng(0)
    drawn = [Figures.drawn(rng) for _ in range(2000)]
    assert np.mean([f.dotted > -2 for f in drawn]) == pytest.approx(0.29, abs=0.03)
    # Over all pieces there are as many as one weight for all of them would give.
    assert np.mean(np.exp([f.dotted for f in drawn])) == pytest.approx(np.exp(-2.0), abs=0.02)


def test_a_suspension_is_told_to_the_model_of_struck_notes():
    encoder = GridEncoder(4, steps_per_beat=2).set_entries([np.arange(40, 80)] * 4)
    grid = np.zeros((4, len(encoder.alphabets_)), np.int64)
    # C E G C; on the next beat the tenor's C stays over D, with G and B; and goes to B.
    sung = [[79, 67, 60, 48], [79, 67, 60, 48], [79, 67, 60, 50], [79, 67, 59, 50]]
    grid[:, :4] = np.array(sung) - 40
    grid[:, encoder.column("half")] = [0, 1, 0, 1]
    clash = striking_grid(encoder, grid, np.zeros((4, 4), np.bool_))[:, -2]
    tenor, soprano_and_alto = 4, 1 + 2
    # G is a fourth over D in the bass: dissonant too; nothing is where nothing moves against it.
    assert clash.tolist() == [0, 1, 2 * (tenor + soprano_and_alto), 1]
