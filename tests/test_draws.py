"""What a maximum-entropy model says and draws of itself: laws by enumeration, counts by hand."""

import itertools

import numpy as np
import pytest
from enumerate import all_grids, chi_square_p, law

from stats_composer.errors import ConstraintError
from stats_composer.factors import Automaton, Factors
from stats_composer.models.maxent import (
    LBFGS,
    ContrastiveDivergence,
    Field,
    MaxEnt,
    Pair,
    PairwiseMaxEnt,
    ShiftedField,
    StochasticGradient,
)
from stats_composer.models.maxent.solvers import _Climb
from stats_composer.sampling.gibbs import GibbsSampler

N_STEPS, N_SYMBOLS = 3, (3, 2)
GRIDS = all_grids(N_STEPS, N_SYMBOLS)


def set_up(terms, grids, scale=0.6, **settings):
    """Give every weight of a model a random value."""
    model = MaxEnt(terms, **settings)
    model._set_up(grids)
    model.weights_.vector[:] = np.random.default_rng(1).normal(0, scale, len(model.weights_.vector))
    model.weights_.fold()
    return model


@pytest.fixture(scope="module")
def model():
    return set_up([Field(), Pair(max_lag=2)], list(GRIDS))


# ---- scores --------------------------------------------------------------------------------


def test_a_model_of_weights_zero_finds_all_symbols_alike():
    blank = set_up([Field(), Pair()], list(GRIDS), scale=0.0)
    each = -np.log(3) - np.log(2)  # nats of a row
    np.testing.assert_allclose(blank.score_samples([GRIDS[0], GRIDS[1][:1]]), [3 * each, each])
    assert blank.score([GRIDS[0], GRIDS[1][:1]]) == pytest.approx(each / 2)
    np.testing.assert_allclose(blank.log_probs(GRIDS[0]), [[-np.log(3), -np.log(2)]] * 3, rtol=1e-6)


def test_log_probs_are_those_of_each_symbol_given_all_others(model):
    grid = GRIDS[100]
    found = model.log_probs(grid)
    for t in range(N_STEPS):
        for v, n in enumerate(N_SYMBOLS):
            weights = []
            for a in range(n):
                other = grid.copy()
                other[t, v] = a
                weights.append(model.log_weight(other))
            probs, _ = law(np.array(weights))
            assert found[t, v] == pytest.approx(np.log(probs[grid[t, v]]), abs=1e-5)
    assert model.score_samples([grid])[0] == pytest.approx(found.sum(), abs=1e-4)
    assert model.score([grid]) == pytest.approx(found.mean(), abs=1e-5)


@pytest.mark.parametrize("term", [Field(), Field(context=2), ShiftedField(context=2)])
def test_a_field_gives_back_what_it_adds(term):
    # The gradient is the transpose of the sum: <add(w), r> = <w, gradient(r)>.
    rng = np.random.default_rng(4)
    grid = np.column_stack([rng.integers(0, 3, (9, 2)), np.arange(9) % 4])
    labels = np.array([[60, 62, -1], [190, 48, 50]])
    layout = set_up([Field()], [grid], n_lines=2, labels=labels).layout_
    n_values = 1 if isinstance(term, Field) and term.context is None else 4
    table = rng.normal(size=term.shape(layout, n_values)).astype(np.float32)
    residual = rng.normal(size=(9, 2, layout.width)).astype(np.float32)
    residual[:, :, 3:] = 0
    field = np.zeros_like(residual)
    term.add(field, table, grid, layout)
    expected = np.zeros_like(field)
    for t, (*_, value) in enumerate(grid):
        for v in range(2):
            for a in range(3):
                if isinstance(term, ShiftedField):
                    place = min(labels[v, a] + value, 191)
                    expected[t, v, a] = table[v, place] if labels[v, a] >= 0 else 0
                else:
                    expected[t, v, a] = table[v, 0 if term.context is None else value, a]
    np.testing.assert_array_equal(field[:, :, :3], expected[:, :, :3])
    back = term.gradient(residual, grid, layout, n_values)
    assert back.shape == table.shape
    assert (back * table).sum() == pytest.approx((field * residual).sum(), rel=1e-4)


# ---- what a fit tells ------------------------------------------------------------------------

COIN = [np.array([[0], [1], [1], [1]])]  # three of four symbols are ones


def test_the_value_that_lbfgs_climbs_is_that_of_the_formula():
    # One line, a field alone: P(1) = 1 / (1 + exp(w0 - w1)); half of l2 w^2, and l1 |w|.
    fitted = set_up([Field(l2=0.3)], COIN)
    weights, pieces = fitted.weights_, fitted.pack(COIN)
    w = np.zeros(len(weights.vector))
    w[:2] = -0.2, 0.5
    one = 1 / (1 + np.exp(-0.7))
    fit = 0.25 * np.log(1 - one) + 0.75 * np.log(one)
    value, slope = _Climb(LBFGS(), weights, pieces)(w)
    assert value == pytest.approx(-fit + 0.3 * (0.04 + 0.25) / 2, abs=1e-6)
    # d/dw0 = -(.25 - (1 - P(1))) + l2 w0, and the like for w1.
    expected = [-(0.25 - (1 - one)) + 0.3 * -0.2, -(0.75 - one) + 0.3 * 0.5]
    np.testing.assert_allclose(slope[:2], expected, atol=1e-6)
    parts = np.concatenate([np.maximum(w, 0), np.maximum(-w, 0)])
    value, slope = _Climb(LBFGS(l1=0.1), weights, pieces)(parts)
    assert value == pytest.approx(-fit + 0.3 * 0.29 / 2 + 0.1 * 0.7, abs=1e-6)
    assert len(slope) == 2 * len(w)


def test_a_field_alone_meets_the_optimum_of_its_penalty():
    # By symmetry w1 = -w0 = w, with .75 - 1 / (1 + exp(-2 w)) = l2 w.
    fitted = MaxEnt([Field(l2=0.2)], solver=LBFGS(200, tolerance=1e-9)).fit(COIN)
    w = fitted.weights_.vector[:2]
    np.testing.assert_allclose(w[0], -w[1], atol=1e-3)
    assert 0.75 - 1 / (1 + np.exp(-2 * w[1])) == pytest.approx(0.2 * w[1], abs=1e-3)


def test_the_history_tells_every_step():
    pieces = [GRIDS[i] for i in (3, 50, 90, 120, 200)]
    solver = StochasticGradient(n_epochs=3, batch_size=2)
    finish = ContrastiveDivergence(n_sweeps=1, n_steps=4, n_chains=3)
    fitted = PairwiseMaxEnt(1, solver=solver, finish=finish, random_state=0).fit(pieces)
    stages = [record["stage"] for record in fitted.history_]
    assert stages == ["pseudo-likelihood"] * 9 + ["contrastive divergence"] * 4
    assert [record["step"] for record in fitted.history_] == [*range(9), *range(4)]
    # Before the first step all symbols are alike.
    assert fitted.history_[0]["objective"] == pytest.approx(-np.log(6) / 2, abs=1e-6)
    assert all(record["distance"] > 0 for record in fitted.history_[9:])
    climbed = PairwiseMaxEnt(1, solver=LBFGS(50)).fit(pieces)
    assert climbed.history_[-1]["objective"] == pytest.approx(climbed.score(pieces), abs=1e-3)
    fitted.fit(pieces[:1])
    assert len(fitted.history_) == 3 + 4


def test_chains_that_cannot_move_are_at_no_distance():
    finish = ContrastiveDivergence(n_sweeps=1, n_steps=2, n_chains=2, clamped=1.0)
    fitted = MaxEnt([Field(), Pair()], finish=finish, random_state=0).fit(COIN)
    assert [r["distance"] for r in fitted.history_ if "distance" in r] == [0.0, 0.0]


# ---- draws -----------------------------------------------------------------------------------


def test_draws_follow_the_law_and_their_chains_have_mixed(model):
    draws = model.sample(6_000, n_steps=N_STEPS, thin=6, burn_in=50, random_state=3)
    pi, _ = law(np.array([model.log_weight(grid) for grid in GRIDS]))
    assert chi_square_p(list(draws), GRIDS, pi) > 1e-3
    assert (len(draws), draws.energies.shape) == (6_000, (4, 1_500))
    assert draws.diagnosis.mixed
    assert draws.energies[1, -1] == pytest.approx(-model.log_weight(draws[-3]), abs=1e-5)
    hotter, _ = law(np.array([model.log_weight(grid) / 1.3 for grid in GRIDS]))
    assert chi_square_p(list(draws), GRIDS, hotter) < 1e-3


def test_chains_that_stick_are_not_called_mixed():
    sticky = set_up([Field(), Pair(max_lag=1)], [np.arange(30)[:, None] % 2], scale=0.0)
    table = sticky.weights_.tables["Pair(max_lag=1, max_diagonal=1)"]
    table[0, 0, [0, 1], [0, 1]] = 9.0
    sticky.weights_.tables["Field()"][0, 0, 0] = 0.05
    sticky.weights_.fold()
    draws = sticky.sample(80, n_steps=30, burn_in=5, thin=2, random_state=1)
    assert not draws.diagnosis.mixed


def test_the_same_seed_gives_the_same_draws_and_few_are_told_of_as_well(model):
    one, other = (model.sample(2, n_steps=4, burn_in=3, random_state=5) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert len(one) == 2 and one.energies.shape == (4, 8)
    third = model.sample(2, n_steps=4, burn_in=3, random_state=6)
    assert (np.array(one) != np.array(third)).any()
    rng = np.random.default_rng(5)
    np.testing.assert_array_equal(one, model.sample(2, n_steps=4, burn_in=3, random_state=rng))


def test_draws_keep_factors_and_what_is_not_free(model):
    never_twice = np.where(np.eye(3) > 0, -np.inf, 0.0)
    factors = Factors.free(8, np.array(N_SYMBOLS))
    factors = Factors(factors.unary, {0: (Automaton.first_order(never_twice, 8),)})
    start = np.column_stack([np.arange(8) % 3, np.arange(8) % 2])
    free = np.ones((8, 2), np.bool_)
    free[2:4, 0] = free[5, 1] = False
    draws = model.sample(
        40, start=start, free=free, factors=factors, burn_in=4, thin=2, random_state=0
    )
    for grid in draws:
        assert (grid[1:, 0] != grid[:-1, 0]).all()
        np.testing.assert_array_equal(grid[~free], start[~free])
    assert len({grid.tobytes() for grid in draws}) > 20
    assert {name for moved in draws.moved for name in moved} == {"sites", "line 0"}
    with pytest.raises(ConstraintError, match="no start"):
        refused = Factors(np.full((8, 2, 3), -np.inf))
        model.sample(start=start, factors=refused)


# ---- what moves tell -------------------------------------------------------------------------


def test_a_sampler_tells_what_its_moves_came_to(model):
    free = np.zeros((N_STEPS, 2), np.bool_)
    free[1, 0] = True
    sampler = GibbsSampler(model, GRIDS[7], free=free, run_share=0.0, random_state=2)
    states = [GRIDS[7], *(sampler.run(np.ones(1)) for _ in range(70))]
    changes = sum((a != b).any() for a, b in itertools.pairwise(states))
    assert sampler.moved == {"sites": (70, changes)}
    assert 0 < changes < 70


def test_moves_of_rows_are_tried_once_for_eight_rows(model):
    automaton = Automaton.first_order(np.zeros((3, 3)), 40)
    factors = Factors(Factors.free(40, np.array(N_SYMBOLS)).unary, {0: (automaton,)})
    start = np.zeros((40, 2), np.int64)
    sampler = GibbsSampler(model, start, factors, random_state=0)
    sampler.run(np.ones(6))
    assert sampler.moved["line 0"].n_tried == 6 * 40 // 8
    assert 0 < sampler.moved["line 0"].n_changed <= 30
    assert sampler.moved["sites"].n_tried == 6 * 40


# ---- files -----------------------------------------------------------------------------------


def test_a_restored_model_knows_its_columns():
    grid = np.column_stack([GRIDS[9], np.arange(N_STEPS), np.zeros(N_STEPS, np.int64)])
    settings = {"n_lines": 2, "n_symbols": N_SYMBOLS}
    fitted = MaxEnt([Field(context=2), Pair()], **settings).fit([grid] * 2)
    sizes, arrays = fitted.state()
    again = MaxEnt([Field(context=2), Pair()], **settings).restore(sizes, arrays)
    assert again.n_features_in_ == 4
    assert again.score([grid]) == pytest.approx(fitted.score([grid]))
    with pytest.raises(ValueError, match=r"expected \(n_steps, 4\)"):
        again.score([grid[:, :3]])
    with pytest.raises(ValueError, match="column 2: symbol 3, expected 0 to 2"):
        again.score([grid + [0, 0, 1, 0]])  # noqa: RUF005
    del sizes["n_features_in"]  # as files of before have it
    before = MaxEnt([Field(context=2), Pair()], **settings).restore(sizes, arrays)
    assert before.score([grid[:, :3]]) == before.score([grid])
    with pytest.raises(ValueError, match="grids of 2 columns: expected 3"):
        before.score([grid[:, :2]])
