"""What the notes between the steps may be."""

import numpy as np

from stats_composer.composers.chorale.models import striking_grid
from stats_composer.composers.chorale.page import blank_page
from stats_composer.composers.chorale.writer import DOTTED, _near
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
    weight = _near(frame, lines, between)[:, 0, :4]
    # Within the C: D passes freely, but for the last sixteenth, before E.
    assert weight[1].tolist() == [0, 0, -np.inf, -np.inf]
    assert weight[3].tolist() == [0, DOTTED, DOTTED, -np.inf]
    # Between E and D, and D and E, what lies near both.
    assert weight[5].tolist() == [0, 0, 0, -np.inf]
    assert weight[7].tolist() == [0, 0, 0, -np.inf]


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
