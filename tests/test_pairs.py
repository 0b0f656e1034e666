"""The kernels for pairs alone: against naive twins, the kernels for all terms, enumeration."""

import naive
import numpy as np
import pytest
from enumerate import all_grids, chi_square_p, law

from stats_composer.factors import Factors
from stats_composer.kernels._jit import jit
from stats_composer.kernels._lanes import exp_lanes
from stats_composer.kernels.gibbs import Target, no_steps
from stats_composer.kernels.gibbs import sweep_sites as sweep_sites_of_all_terms
from stats_composer.kernels.layout import Piece
from stats_composer.kernels.maxent import value_and_gradient
from stats_composer.kernels.pair_gradient import BLOCK
from stats_composer.kernels.pairs import has_pairs_alone, pair_kernels, sweep_sites
from stats_composer.models.maxent import Field, MaxEnt, Melody, Pair, PairDifference, pseudo
from stats_composer.models.maxent.pseudo import pseudo_gradient, pseudo_likelihood
from stats_composer.sampling.gibbs import GibbsSampler

N_SYMBOLS = (4, 3, 5)
GATE, PLACE, GIVEN = 3, 4, 5


def random_grid(rng, n_steps, n_symbols=N_SYMBOLS, held=0.7):
    """Draw lines that hold their notes, with a gate, a place and what is given beside them."""
    lines = np.stack([rng.integers(0, n, n_steps) for n in n_symbols], axis=1)
    for t in range(1, n_steps):
        stay = rng.random(len(n_symbols)) < held
        lines[t, stay] = lines[t - 1, stay]
    t = np.arange(n_steps)
    given = rng.integers(0, 2, n_steps) * rng.integers(0, 8, n_steps)
    return np.column_stack([lines, t % 2, t % 3, given]).astype(np.int64)


def random_model(rng, n_symbols=N_SYMBOLS, max_lag=3, gate=None, given=GIVEN, scale=0.5):
    """Give every weight of a model of fields and pairs a random value."""
    pair = Pair(max_lag=max_lag), PairDifference(max_lag=max_lag)
    model = MaxEnt(
        [Field(), Field(context=PLACE), *pair],
        n_lines=3, n_symbols=n_symbols, gate=gate, given=given,
    )  # fmt: skip
    model._set_up([random_grid(rng, 40, n_symbols) for _ in range(3)])
    model.weights_.vector[:] = rng.normal(0, scale, len(model.weights_.vector))
    model.weights_.fold()
    return model


def named_couplings(model):
    """Return the couplings as the naive twins take them, of a model with one gate."""
    tables = model.couplings_[:, 0].tolist()
    return dict(zip(model.pairs_, tables, strict=True))


def test_pairs_alone_are_told_from_other_terms():
    rng = np.random.default_rng(0)
    assert has_pairs_alone(random_model(rng).layout_.features)
    model = MaxEnt([Pair(), Melody()])
    model._set_up([random_grid(rng, 9)[:, :3]])
    assert not has_pairs_alone(model.layout_.features)


@pytest.mark.parametrize("n", [8, 24])
def test_exponentials_in_lanes(n):
    @jit(cache=False)
    def call(row, scale):
        return exp_lanes(row, n, scale)

    row = np.random.default_rng(1).normal(0, 30, n).astype(np.float32)
    row[3] = -1e30
    expected = np.exp(0.7 * (row.astype(float) - row.max()))
    largest, total = call(found := row.copy(), np.float32(0.7))
    assert largest == row.max()
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-37)
    assert total == pytest.approx(expected.sum(), rel=1e-5)
    assert found[3] == 0


@pytest.mark.parametrize("n_steps", [1, 2, 30])
def test_value_and_gradient_equal_their_naive_twin(n_steps):
    rng = np.random.default_rng(2)
    model = random_model(rng)
    grid = random_grid(rng, n_steps)
    pieces = model.pack([grid])
    total, gradient, _ = pseudo_gradient(model.weights_, pieces, np.arange(1), 0.0)
    field = model.weights_.field(grid)
    ref_total, slope, by_field = naive.pairs_value_and_gradient(
        grid.tolist(), pieces.modelled.tolist(), field.tolist(), named_couplings(model)
    )
    assert total == pytest.approx(ref_total, rel=1e-5, abs=1e-4)
    assert pseudo_likelihood(model.weights_, pieces) == total
    pair, by_field = np.array([slope[pair] for pair in model.pairs_]), np.array(by_field)
    tables = iter(np.split(gradient, [part.where.stop for part in model.weights_.parts]))
    width = model.layout_.width
    np.testing.assert_allclose(next(tables), by_field.sum(axis=0).ravel(), atol=2e-4)
    by_place = np.stack([by_field[grid[:, PLACE] == place].sum(axis=0) for place in range(3)], 1)
    np.testing.assert_allclose(next(tables), by_place.ravel(), atol=2e-4)
    np.testing.assert_allclose(next(tables).reshape(-1, width, width), pair, atol=2e-4)


@pytest.mark.parametrize("n_symbols", [(4, 3, 5), (9, 17, 24)])
def test_gradient_equals_that_of_the_kernel_for_all_terms(n_symbols, monkeypatch):
    # Pieces shorter than the longest lag, and longer than the block in which sums begin anew.
    rng = np.random.default_rng(3)
    model = random_model(rng, n_symbols, max_lag=5)
    grids = [random_grid(rng, n, n_symbols) for n in (1, 3, 2 * BLOCK + 7, 60, 256)]
    pieces = model.pack(grids)
    chosen = np.array([0, 1, 2, 4])
    found = pseudo_gradient(model.weights_, pieces, chosen, 0.0)
    monkeypatch.setattr(pseudo, "has_pairs_alone", lambda layout: False)
    expected = pseudo_gradient(model.weights_, pieces, chosen, 0.0)
    assert found[0] == pytest.approx(expected[0], rel=1e-6)
    assert found[2] == expected[2]
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4, atol=2e-3)


def test_gated_pairs_are_fitted_by_the_kernel_for_all_terms():
    rng = np.random.default_rng(4)
    model = random_model(rng, gate=GATE)
    pieces = model.pack([random_grid(rng, 40)])
    field, residual = model.weights_.field(pieces.grid), np.zeros((40, 3, 8), np.float32)
    gradient = np.zeros_like(model.weights_.folded)
    weights = model.weights_.folded
    expected = value_and_gradient(
        pieces.grids, model.layout_.features, pieces.rows, weights, field, 0.0, gradient, residual
    )
    assert pseudo_likelihood(model.weights_, pieces) == pytest.approx(expected)


def target_of(model, pieces, field):
    """Return what the kernels read."""
    features = model.layout_.features
    return Target(features, pieces.rows, model.weights_.folded, field, no_steps(features))


def local_fields(model, pieces, field):
    """Return the local fields of all sites, by the kernel."""
    local = np.empty(field.size, np.float32)
    piece = Piece(pieces.grid, 0, len(pieces.grid))
    kernels = pair_kernels(model.layout_.width)
    kernels.local_fields(piece, target_of(model, pieces, field), local)
    return local


@pytest.mark.parametrize("gate", [None, GATE])
def test_local_fields_stay_true_through_many_updates(gate):
    rng = np.random.default_rng(5)
    model = random_model(rng, gate=gate, given=None)
    pieces = model.pack([random_grid(rng, 50)])
    field = model.weights_.field(pieces.grid)
    local = local_fields(model, pieces, field)
    np.testing.assert_allclose(
        local.reshape(field.shape)[:, 0, :4], model.site_scores(pieces.grid)[:, 0, :4], atol=1e-5
    )
    sites = np.argwhere(pieces.modelled)
    sweeps = np.ones(400, np.float32)
    n_changed = pair_kernels(model.layout_.width).sweep_fields(
        Piece(pieces.grid, 0, 50), np.ascontiguousarray(sites), pieces.modelled,
        target_of(model, pieces, field), local, sweeps, 0.2, rng.random((400, 150, 3)),
    )  # fmt: skip
    assert n_changed > 5_000
    allowed = field > -1e29
    error = local.reshape(field.shape) - local_fields(model, pieces, field).reshape(field.shape)
    assert np.abs(error[allowed]).max() < 1e-3


def test_local_fields_equal_their_naive_twin():
    rng = np.random.default_rng(6)
    model = random_model(rng)
    pieces = model.pack([random_grid(rng, 12)])
    field = model.weights_.field(pieces.grid)
    local = local_fields(model, pieces, field).reshape(field.shape)
    for t in range(12):
        for v, n in enumerate(N_SYMBOLS):
            ref = naive.pairs_local_field(
                pieces.grid.tolist(), t, v, field.tolist(), named_couplings(model)
            )
            np.testing.assert_allclose(local[t, v, :n], ref[:n], atol=1e-5)


def factors_of(grid, rng):
    """Draw unary and pairwise factors, some symbols and pairs of symbols forbidden."""
    free = Factors.free(len(grid), grid.max(axis=0) + 1)
    unary = free.unary + np.where(np.isfinite(free.unary), rng.normal(size=free.unary.shape), 0)
    unary[2, 0, 0] = -np.inf
    n = unary.shape[2]
    table = np.where(np.isfinite(unary[:, :1, :, None]), rng.normal(size=(len(grid), 1, n, n)), 0)
    table = table[:, 0]
    table[:, 1, 1] = -np.inf
    return Factors(unary, {}, {(0, 1): table})


@pytest.mark.parametrize("gate", [None, GATE])
@pytest.mark.parametrize("factored", [False, True])
def test_chains_equal_those_of_the_kernel_for_all_terms(gate, factored, monkeypatch):
    rng = np.random.default_rng(7)
    model = random_model(rng, gate=gate, given=None)
    start = random_grid(rng, 30)
    start[2, 0], start[:, 0], start[:, 1] = 2, np.maximum(start[:, 0], 2), start[:, 1] % 3
    factors = factors_of(start, rng) if factored else None
    free = rng.random((30, 3)) < 0.8
    temperatures = np.linspace(2, 0.7, 50)
    settings = {"free": free, "run_share": 0.4, "random_state": 1}
    found = GibbsSampler(model, start, factors, **settings).run(temperatures)
    used = []

    def sweep(*arguments):
        used.append(True)
        return sweep_sites_of_all_terms(*arguments)

    monkeypatch.setattr("stats_composer.sampling.moves.site_sweeper", lambda layout: sweep)
    expected = GibbsSampler(model, start, factors, **settings).run(temperatures)
    assert used
    np.testing.assert_array_equal(found, expected)
    assert (found[:, :3] != start[:, :3])[free].mean() > 0.3
    np.testing.assert_array_equal(found[:, :3][~free], start[:, :3][~free])


TINY = np.array([[0, 1], [1, 0], [0, 0]])


@pytest.mark.parametrize("temperature", [1.0, 1.6])
@pytest.mark.parametrize("world", ["free", "pinned", "factors", "runs"])
def test_draws_follow_the_law(world, temperature):
    rng = np.random.default_rng(8)
    model = MaxEnt([Field(), Pair(max_lag=2, max_diagonal=1)], n_symbols=(3, 2))
    model._set_up([TINY])
    model.weights_.vector[:] = rng.normal(0, 0.7, len(model.weights_.vector))
    model.weights_.fold()
    grids = all_grids(3, (3, 2))
    factors, free = None, np.ones((3, 2), np.bool_)
    total = np.array([model.log_weight(grid) for grid in grids])
    if world == "pinned":
        free[1] = False
        total[(grids[:, 1] != TINY[1]).any(axis=1)] = -np.inf
    elif world == "factors":
        unary, table = rng.normal(size=(3, 2, 3)), rng.normal(size=(3, 3, 3))
        unary[:, 1, 2] = unary[2, 0, 2] = table[0, 1, 1] = -np.inf
        table[:, :, 2] = 0
        factors = Factors(unary, {}, {(0, 1): table})
        steps = np.arange(3)
        total += sum(unary[steps, v, grids[:, :, v]].sum(axis=1) for v in range(2))
        total += table[steps, grids[:, :, 0], grids[:, :, 1]].sum(axis=1)
    sampler = GibbsSampler(
        model, TINY, factors, free=free, run_share=0.5 * (world == "runs"), random_state=2
    )
    sampler.run(np.full(20, temperature))
    probs, _ = law(total / temperature)
    draws = [sampler.run(np.full(6, temperature)) for _ in range(4000)]
    assert chi_square_p(draws, grids, probs) > 1e-3
    hotter, _ = law(total / (1.5 * temperature))
    assert chi_square_p(draws, grids, hotter) < 1e-3


def test_sweeps_take_what_the_kernel_for_all_terms_takes():
    rng = np.random.default_rng(9)
    model = random_model(rng, given=None)
    pieces = model.pack([random_grid(rng, 20), random_grid(rng, 30)])
    target = target_of(model, pieces, model.weights_.field(pieces.grid))
    sites = np.argwhere(pieces.modelled[20:]) + np.array([20, 0])
    u, ones = rng.random((30, 60, 3)), np.ones(30, np.float32)
    grids, counts = [], []
    for sweep in (sweep_sites, sweep_sites_of_all_terms):
        grid = pieces.grid.copy()
        counts.append(sweep(Piece(grid, 20, 50), sites, target, ones, 0.3, u))
        grids.append(grid)
    np.testing.assert_array_equal(*grids)
    assert counts[0] == counts[1] > 300
    np.testing.assert_array_equal(grids[0][:20], pieces.grid[:20])
