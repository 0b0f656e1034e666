"""The chord voice of chorales: its law, what pins it, and the charts that it follows."""

import warnings

import numpy as np
import pytest

from stats_composer.chords import ChordRecognizer
from stats_composer.chords.labels import N_LABELS, N_QUALITIES, QUALITY_CODES
from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.composers.chorale.chord_voice import ChordVoice, chord_path, pinned_labels
from stats_composer.composers.chorale.page import blank_page
from stats_composer.constraints import Changes, ChordAt, InKey
from stats_composer.encoding import GridEncoder
from stats_composer.errors import ScoreWarning
from stats_composer.models.maxent import StochasticGradient

CHART = [(1, 1, "G"), (1, 3, "C"), (2, 1, "D7"), (2, 3, "G"), (3, 1, "Em"), (3, 3, "Am"),
         (4, 1, "D"), (4, 3, "G")]  # fmt: skip
RECOGNIZER = ChordRecognizer.bundled()


@pytest.fixture(scope="module")
def plain():
    return ChoraleComposer.bundled()


@pytest.fixture(scope="module")
def pieces(plain):
    """Grids of composed pieces, and their chords."""
    scores = plain.compose(bars=8, n=16, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)
        encoded = [plain.encoder_.encode(score) for score in scores]
    paths = [chord_path(s, f, RECOGNIZER) for s, (_, f) in zip(scores, encoded, strict=True)]
    return [grid for grid, _ in encoded], paths


@pytest.fixture(scope="module")
def voice(plain, pieces):
    return ChordVoice(plain.encoder_, l2=2.0).fit(*pieces)


@pytest.fixture(scope="module")
def charted(plain, pieces, voice):
    """Teach a composer to follow charts, in haste."""
    composer = ChoraleComposer.bundled()
    composer._build_charted(voice)
    composer.charted_.solver, composer.charted_.finish = StochasticGradient(n_epochs=12), ()
    composer.charted_.fit([np.column_stack(pair) for pair in zip(*pieces, strict=True)])
    return composer


def label(root, quality):
    return root * N_QUALITIES + QUALITY_CODES.index(quality)


@pytest.mark.parametrize(
    ("symbol", "key", "expected"),
    [
        ("C", (0, 0), (0, "M")),
        ("G7", (0, 0), (7, "M7")),
        ("Gmaj7", (0, 0), (7, "M7")),
        ("F#m7b5", (1, 0), (11, "d7")),
        ("Bb/D", (-2, 0), (0, "M")),
        ("C9", (0, 1), (0, "M7")),
    ],
)
def test_a_symbol_pins_the_label_nearest_to_it(symbol, key, expected):
    encoder = GridEncoder(4).set_entries([np.arange(48, 72)] * 4)
    frame = encoder.frame(blank_page(2, key, (4, 4)), key)
    pinned = pinned_labels([InKey(), ChordAt(2, 3, symbol)], frame)
    steps, labels = np.nonzero(pinned)
    assert steps.tolist() == [12, 13]
    assert set(labels) == {label(*expected)}


def test_no_chord_pins_nothing():
    encoder = GridEncoder(4).set_entries([np.arange(48, 72)] * 4)
    frame = encoder.frame(blank_page(2, (0, 0), (4, 4)), (0, 0))
    pinned = pinned_labels([Changes([(1, 1, "C"), (1, 3, "N"), (2, 1, "F")])], frame)
    assert pinned.any(axis=1).tolist() == [True] * 4 + [False] * 4 + [True] * 8


def test_field_and_law_are_the_random_field_they_come_from(voice, pieces):
    grid = pieces[0][0]
    law = voice.law(grid, np.zeros((len(grid), N_LABELS), np.bool_))
    table = voice.field().table
    unary = law.unary + sum(table[v][:, grid[:, v]].T for v in range(4))
    (expected,) = voice.crf_.unary([voice._observe(grid)])
    seen = unary > -np.inf
    assert set(np.flatnonzero(seen.any(axis=0))) == set(voice.seen_)
    np.testing.assert_allclose(unary[seen], expected[seen], atol=1e-5)
    np.testing.assert_array_equal(law.transition, voice.crf_.transition())


def test_chords_are_told_from_the_notes(voice, pieces):
    grids, paths = pieces
    found = voice.crf_.predict([voice._observe(grid) for grid in grids])
    assert np.mean(np.concatenate(found) == np.concatenate(paths)) > 0.85


def as_charted(score, frame, chart):
    """Share of the steps whose chord is recognized as the one named."""
    pinned = pinned_labels([Changes(chart)], frame)
    path = chord_path(score, frame, RECOGNIZER)
    return pinned[np.arange(len(path)), path].mean()


def test_a_chart_that_forbids_nothing_is_followed(plain, charted):
    shares = []
    for composer in (plain, charted):
        scores = composer.compose(
            bars=4, key="G", constraints=[Changes(CHART, weight=0)], n=6, random_state=1
        )
        frame = composer.encoder_.frame(scores[0], (1, 0))
        shares.append(np.mean([as_charted(score, frame, CHART) for score in scores]))
    assert shares[0] < 0.4
    assert shares[1] > shares[0] + 0.3


def test_a_hard_chart_is_kept(charted):
    wish = Changes(CHART)
    for score in charted.compose(bars=4, key="G", constraints=[wish], n=4, random_state=2):
        assert wish.violations(score) == []


def test_where_no_chord_is_named_nothing_changes(plain, charted):
    few = [ChordAt(2, 1, "D7")]
    for constraints in ([], few):
        one, other = (
            composer.compose(bars=4, key="G", constraints=constraints, random_state=3)
            for composer in (plain, charted)
        )
        assert one == other


def test_a_file_holds_the_chord_voice(charted, plain, tmp_path):
    charted.save(tmp_path / "charted.npz")
    again = ChoraleComposer.load(tmp_path / "charted.npz")
    assert again.chord_voice and not plain.chord_voice
    options = {"bars": 4, "key": "G", "constraints": [Changes(CHART, weight=0)], "random_state": 4}
    assert again.compose(**options) == charted.compose(**options)
    again.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "charted.npz").read_bytes()
