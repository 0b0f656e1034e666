"""The edges of phrases: which are kept, how they are drawn, and what is asked of the lines."""

import numpy as np
import pytest

from stats_composer.composers.chorale.edges import Beginnings, Endings, completed
from stats_composer.encoding import GridEncoder
from stats_composer.factors import Factors
from stats_composer.score import FERMATA_DTYPE, Score, make_notes, make_table
from stats_composer.theory import TICKS_PER_QUARTER

QUARTER = TICKS_PER_QUARTER
APPROACH = [(67, 64, 60, 48), (69, 65, 60, 53), (67, 64, 60, 48)]
OTHER = [(67, 64, 60, 48), (69, 65, 60, 53), (65, 62, 59, 50)]
AUTHENTIC = [(67, 62, 59, 55), (67, 64, 60, 48)]
HALF = [(72, 69, 65, 53), (71, 67, 62, 55)]
MEDIANT = [(67, 64, 59, 52), (67, 64, 60, 48)]


def setting(*phrases):
    """Write phrases of quarters in four voices, a fermata on the last of each."""
    chords = [chord for phrase in phrases for chord in phrase]
    onset = np.repeat(np.arange(len(chords)) * QUARTER, 4)
    part = np.tile(np.arange(4), len(chords))
    notes = make_notes(onset=onset, pitch=np.ravel(chords), part=part, duration=QUARTER)
    finals = (np.cumsum([len(phrase) for phrase in phrases]) - 1) * QUARTER
    rows = [(int(final), line, 0) for final in finals for line in range(4)]
    return Score(notes, fermatas=make_table(FERMATA_DTYPE, rows))


@pytest.fixture(scope="module")
def taught():
    """Three phrases in C, which end as they are called; the last two close their pieces."""
    scores = [
        setting(APPROACH + HALF, OTHER + AUTHENTIC),
        setting(APPROACH + MEDIANT),
    ]
    encoder = GridEncoder(4).fit(scores)
    grids = [encoder.encode(score, (0, 0))[0] for score in scores]
    return encoder, Endings(encoder).fit(grids), grids


def test_rows_of_a_beat_of_three_parts_are_its_first_and_its_last():
    assert Endings(GridEncoder()).rows(12, 3).tolist() == [12, 11, 9, 8, 6, 5, 3, 2, 0]
    assert Beginnings(GridEncoder()).rows(0, 3).tolist() == [0, 2, 3, 5, 6, 8, 9, 11, 12]


def test_ends_are_kept_with_their_place(taught):
    _, endings, _ = taught
    assert endings.kinds_.tolist() == [[0, 0], [0, 1], [0, 1]]
    bass = endings.residues_[:, :4, 3].tolist()
    assert bass == [[7, 5, 5, 0], [0, 7, 7, 2], [0, 4, 4, 0]]


def test_a_suspension_at_the_end_is_kept_as_the_chord_it_resolves_to():
    plain = setting(APPROACH + AUTHENTIC)
    rows = [tuple(row) for row in plain.notes[["onset", "pitch", "part", "duration"]].tolist()]
    rows.remove((4 * QUARTER, 64, 1, QUARTER))
    rows += [(4 * QUARTER, 65, 1, QUARTER // 2), (9 * QUARTER // 2, 64, 1, QUARTER // 2)]
    onset, pitch, part, duration = np.array(rows).T
    notes = make_notes(onset=onset, pitch=pitch, part=part, duration=duration)
    score = plain.replace(notes=notes)
    encoder = GridEncoder(4).fit([score])
    endings = Endings(encoder).fit([encoder.encode(score, (0, 0))[0]])
    assert endings.residues_[0, 0].tolist() == [7, 4, 0, 0]


def given_soprano(taught):
    """Give the last piece's soprano: G A G G G, in which the last phrase ends at row 8."""
    encoder, endings, grids = taught
    grid = grids[1]
    known = np.zeros((len(grid), 4), np.bool_)
    known[:, 0] = True
    factors = Factors.free(len(grid), np.array([len(a) for a in encoder.alphabets_]))
    unary = factors.unary.copy()
    unary[:, 0, : len(encoder.alphabets_[0])] = -np.inf
    unary[np.arange(len(grid)), 0, grid[:, 0]] = 0
    return encoder, endings, grid, known, unary


def basses_asked(encoder, factors, row):
    """List the residues of the bass that a row of factors favours."""
    entries = encoder.alphabets_[3].entries
    weight = factors.unary[row, 3, : len(entries)]
    return np.unique(entries[(weight == weight.max()) & (entries >= 0)] % 12)


def test_an_ending_is_drawn_by_its_law(taught):
    encoder, endings, grid, known, unary = given_soprano(taught)
    draws, rng = 2000, np.random.default_rng(0)
    found = np.zeros(12, np.int64)
    for _ in range(draws):
        planned = endings.plan(grid, known, Factors(unary), [(8, 10, True)], 2, rng)
        found[basses_asked(encoder, planned, 7)] += 1
    # The half cadence's F major has no G. The last piece's own ending shares all nine rows with
    # the soprano, the authentic one three, and both close a piece.
    shares = np.exp(0.6 * np.array([9, 3]))
    expected = draws * shares / shares.sum()
    assert found.sum() == found[[4, 7]].sum() == draws
    assert ((found[[4, 7]] - expected) ** 2 / expected).sum() < 10.8


def test_what_is_forbidden_is_not_drawn(taught):
    encoder, endings, grid, known, unary = given_soprano(taught)
    forbidden = unary.copy()
    basses = encoder.alphabets_[3].entries
    forbidden[7, 3, np.flatnonzero(basses % 12 == 4)] = -np.inf
    rng = np.random.default_rng(1)
    for _ in range(50):
        planned = endings.plan(grid, known, Factors(forbidden), [(8, 10, True)], 2, rng)
        assert basses_asked(encoder, planned, 7).tolist() == [7]


def test_no_end_that_the_melody_allows_asks_for_nothing(taught):
    _, endings, grid, known, unary = given_soprano(taught)
    strange = unary.copy()
    strange[7:9, 1:] = -np.inf
    planned = endings.plan(
        grid, known, Factors(strange), [(8, 10, True)], 2, np.random.default_rng(2)
    )
    np.testing.assert_array_equal(planned.unary, strange)


def test_a_wish_that_is_soft_weighs_as_much_as_it_says(taught):
    encoder, endings, grid, known, unary = given_soprano(taught)
    unary[7, 3, np.flatnonzero(encoder.alphabets_[3].entries % 12 == 4)] = -3.6
    draws, rng, found = 1000, np.random.default_rng(3), 0
    for _ in range(draws):
        planned = endings.plan(grid, known, Factors(unary), [(8, 10, True)], 2, rng).unary
        found += planned[7, 3, encoder.alphabets_[3].symbol(52)] == -3.6
    # Six rows more in common are 3.6 nats, which the wish takes away: one of two.
    assert abs(found / draws - 0.5) < 0.06


def test_beginnings_are_kept_with_their_place(taught):
    encoder, _, grids = taught
    beginnings = Beginnings(encoder).fit(grids)
    assert beginnings.kinds_.tolist() == [[0, 1], [0, 0], [0, 1]]
    bass = beginnings.residues_[:, :6, 3].tolist()
    assert bass == [[0, 0, 5, 5, 0, 0], [0, 0, 5, 5, 2, 2], [0, 0, 5, 5, 0, 0]]
    known = np.zeros((len(grids[1]), 4), np.bool_)
    free = Factors.free(len(grids[1]), np.array([len(a) for a in encoder.alphabets_]))
    planned = beginnings.plan(grids[1], known, free, [(0, 1, True)], 2, np.random.default_rng(4))
    assert basses_asked(encoder, planned, 0).tolist() == [0]
    assert basses_asked(encoder, planned, 2).tolist() == [5]


LABELS = np.array([[67, 69, 71, 72], [60, 64, 65, 67], [52, 55, 57, 60], [43, 45, 48, 50]])


def test_a_bare_fifth_gets_the_third_that_the_lines_like_most():
    row = np.array([0, 0, 1, 2])  # G C G C
    gain = np.zeros((4, 4))
    gain[1, 1] = 1.0  # E in the alto rather than in the tenor
    assert completed(row, LABELS, gain, np.ones(4, np.bool_)).tolist() == [0, 1, 1, 2]
    alto_given = np.array([False, False, True, False])
    assert completed(row, LABELS, gain, alto_given).tolist() == [0, 0, 0, 2]


def test_a_chord_stays_and_so_does_what_nothing_makes_one():
    chord = np.array([0, 1, 1, 2])
    np.testing.assert_array_equal(
        completed(chord, LABELS, np.zeros((4, 4)), np.ones(4, np.bool_)), chord
    )
    cluster = np.array([0, 2, 2, 3])
    np.testing.assert_array_equal(
        completed(cluster, LABELS, np.zeros((4, 4)), np.zeros(4, np.bool_)), cluster
    )
