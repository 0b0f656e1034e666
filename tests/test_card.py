"""The card of part-writing, counted by hand on a few chords."""

import itertools

import numpy as np
import pytest

from stats_composer.evaluation.card import card
from stats_composer.evaluation.invention import chord_chain, chords_of, independent_voices, shares
from stats_composer.evaluation.pairs import pair_correlation, pair_frequencies, repeat_rates
from stats_composer.score import NOTE_DTYPE, Part, Score, make_table
from stats_composer.theory import TICKS_PER_QUARTER, spell


def score_of(lines):
    """Write lines of (quarters, pitch), pitch None for a rest, a part each."""
    rows = []
    for part, line in enumerate(lines):
        onset = 0
        for quarters, pitch in line:
            ticks = int(quarters * TICKS_PER_QUARTER)
            if pitch is not None:
                fifths = int(spell(np.array([pitch]), 0, 0)[0])
                rows.append((onset, ticks, pitch, fifths, part, 0, 64, False))
            onset += ticks
    notes = make_table(NOTE_DTYPE, rows)
    return Score(notes, parts=tuple(Part(f"part {v}") for v in range(len(lines))))


CHORDS = [(72, 67, 64, 48), (71, 67, 62, 55), (72, 67, 64, 48)]


def setting(chords=CHORDS):
    return score_of([[(1, chord[v]) for chord in chords] for v in range(4)])


def test_a_plain_setting_has_no_fault():
    result = card([setting()])
    assert (result.n_scores, result.n_notes) == (1, 12)
    assert result.parallels == result.crossings == result.rests == result.sixteenths == 0
    assert result.final_tonic == 100
    # The alto's two moves repeat its G; the bass leaps twice, of six moves in all.
    assert result.repeats == pytest.approx(100 * 2 / 8)
    assert result.leaps == pytest.approx(100 * 2 / 6)


def test_faults_are_found():
    crossed = [CHORDS[0], (67, 71, 62, 55), CHORDS[2]]
    assert card([setting(crossed)]).crossings == pytest.approx(100 / 3)
    inverted = [*CHORDS[:2], (72, 67, 60, 52)]
    assert card([setting(inverted)]).final_tonic == 0
    assert card([setting(), setting(inverted)]).final_tonic == 50
    octaves = [(72, 67, 64, 48), (74, 67, 65, 50), (72, 67, 64, 48)]
    assert card([setting(octaves)]).parallels == pytest.approx(100 * 2 / 12)


def test_rests_within_a_line_and_short_notes_are_counted():
    lines = [
        [(1, 72), (1, None), (0.25, 71), (0.75, 72)],
        [(3, 67)],
        [(3, 64)],
        [(1, None), (2, 48)],
    ]
    result = card([score_of(lines)])
    assert result.rests == pytest.approx(100 * 2 / 22)  # a rest before the first note is none
    assert result.sixteenths == pytest.approx(100 / 6)
    assert str(result).startswith("n_scores 1  n_notes 6  parallels 0.00")


def test_chords_are_sorted_by_where_they_are_found():
    pitch = np.array([[60, 48], [61, 48], [62, -1], [61, 48], [64, 48], [65, 48]])
    assert chords_of(pitch, 2) == [(60, 48), (64, 48)]
    found = shares([(60, 48), (60, 48), (64, 48), (1, 2)], [(60, 48)], [(60, 48), (64, 48)])
    assert tuple(found) == (0.5, 0.25, 0.25)
    assert sum(found) == 1


def test_a_chord_chain_cites_and_independent_voices_keep_their_symbols():
    rng = np.random.default_rng(0)
    pieces = [[(60, 48), (64, 48), (60, 48)], [(62, 50), (65, 50)]]
    everything = [chord for piece in pieces for chord in piece]
    drawn = chord_chain(pieces, 200, rng)
    assert shares(drawn, everything, []).cited == 1
    steps = {(a, b) for piece in pieces for a, b in itertools.pairwise(piece)}
    starts = {piece[0] for piece in pieces}
    assert all(s in steps or s[1] in starts for s in itertools.pairwise(drawn))
    apart = independent_voices(everything, 500, rng)
    assert {chord[0] for chord in apart} == {60, 62, 64, 65}
    assert 0 < shares(apart, everything, []).invented < 1


def test_pair_frequencies_by_gate_sum_to_one():
    rng = np.random.default_rng(1)
    grids = [np.column_stack([rng.integers(0, 3, (50, 2)), np.arange(50) % 2]) for _ in range(3)]
    pairs = [(0, 1, 0), (0, 0, 1), (1, 0, 2)]
    table = pair_frequencies(grids, pairs, n_symbols=3, gate=2, n_gates=2)
    np.testing.assert_allclose(table.sum(axis=(2, 3)), 1)
    direct = np.zeros((3, 3))
    for grid in grids:
        for t in range(48):
            if grid[t, 2] == 1:
                direct[grid[t, 1], grid[t + 2, 0]] += 1
    np.testing.assert_allclose(table[2, 1], direct / direct.sum())
    assert pair_correlation(table, table) == pytest.approx(1)


def test_repeat_rates_are_by_line():
    grid = np.array([[0, 0], [0, 1], [0, 1], [1, 0]])
    np.testing.assert_allclose(repeat_rates([grid], 2), [2 / 3, 1 / 3])
