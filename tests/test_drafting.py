"""Other roads to a harmonization: what is given and asked is kept on each of them."""

import warnings

import numpy as np
import pytest

from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.composers.chorale.roads import ROADS, Road, draft, drafting_model
from stats_composer.constraints import Contains, NoCrossing
from stats_composer.errors import EncodingError, NotFittedError, ScoreWarning
from stats_composer.factors import Factors
from stats_composer.score import NOTE_DTYPE, Score

EXPERT = Road(drafted=True, hot=1.0, sweeps=(0, 2, 2), expert_weight=0.5)
NOTES = [name for name in NOTE_DTYPE.names if name not in ("part", "voice")]


def encoded(composer, score):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)  # sixteenths lie on no eighth
        return composer.encoder_.encode(score)[0]


@pytest.fixture(scope="module")
def composer():
    composer = ChoraleComposer.bundled()
    scores = composer.compose(bars=4, key="C", random_state=0, n=3)
    grids = [encoded(composer, score) for score in scores]
    composer.directed_ = drafting_model(composer.encoder_, penalty=30.0).fit(grids)
    return composer


@pytest.fixture(scope="module")
def tune(composer):
    page = composer.compose(bars=4, key="C", random_state=9)
    assert isinstance(page, Score)
    return page.select(*page.voices[0])


@pytest.mark.parametrize("road", [*ROADS, EXPERT])
def test_the_soprano_comes_back_by_any_road_and_the_same_seed_writes_the_same(composer, tune, road):
    setting = composer.harmonize(tune, road=road, random_state=3)
    soprano = setting.notes[setting.notes["part"] == 0]
    np.testing.assert_array_equal(soprano[NOTES], tune.notes[NOTES])
    for v, (low, high) in enumerate(composer.ranges_[1:], 1):
        pitch = setting.notes["pitch"][setting.notes["part"] == v]
        assert low <= pitch.min() and pitch.max() <= high
    assert composer.harmonize(tune, road=road, random_state=3) == setting


@pytest.mark.parametrize("road", ["directed", "both", EXPERT])
def test_constraints_are_kept_by_any_road(composer, tune, road):
    asked = [NoCrossing(), Contains("bass", intervals=(2, 2))]
    setting = composer.harmonize(tune, road=road, constraints=asked, random_state=1)
    assert not [text for constraint in asked for text in constraint.violations(setting)]


def test_a_draft_honours_masks(composer):
    rng = np.random.default_rng(0)
    grid = encoded(composer, composer.compose(bars=2, key="C", random_state=5))
    n_symbols = np.array([len(alphabet) for alphabet in composer.encoder_.alphabets_])
    unary = Factors.free(len(grid), n_symbols).unary.copy()
    pinned = rng.random((len(grid), 4)) < 0.4
    wanted = rng.integers(0, n_symbols[:4], (len(grid), 4))
    t, v = np.nonzero(pinned)
    unary[t, v] = -np.inf
    unary[t, v, wanted[t, v]] = 0.0
    drawn = draft(composer.directed_, grid, Factors(unary), rng)
    np.testing.assert_array_equal(drawn[:, 1:4][pinned[:, 1:]], wanted[:, 1:][pinned[:, 1:]])
    np.testing.assert_array_equal(drawn[:, 0], grid[:, 0])


def test_a_file_holds_the_directed_model(composer, tune, tmp_path):
    composer.save(tmp_path / "both.npz")
    again = ChoraleComposer.load(tmp_path / "both.npz")
    assert again.directed
    one, other = (c.harmonize(tune, road="directed", random_state=2) for c in (composer, again))
    assert one == other


def test_what_no_road_leads_to_is_refused(composer, tune):
    with pytest.raises(EncodingError, match="road 'up': expected one of gibbs"):
        composer.harmonize(tune, road="up")
    with pytest.raises(EncodingError, match="sets sopranos alone"):
        composer.harmonize(tune, voice="bass", road="both")
    with pytest.raises(NotFittedError, match="no directed model"):
        ChoraleComposer.bundled().harmonize(tune, road="both")
