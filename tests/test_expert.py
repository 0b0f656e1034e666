"""A directed model as an expert beside the sampler: its moves, their law, what it keeps."""

import numpy as np
import pytest
from directed_case import (
    GRIDS,
    LABELS,
    LOWER,
    N_STEPS,
    N_SYMBOLS,
    fitted_model,
    log_likelihoods,
    pieces,
)
from enumerate import chi_square_p, law

from stats_composer.factors import Factors
from stats_composer.kernels.expert import sweep_judged
from stats_composer.models.maxent import Field, MaxEnt, Motion, Pair
from stats_composer.sampling.gibbs import GibbsSampler

WEIGHT, TEMPERATURE = 0.6, 1.5


@pytest.fixture(scope="module")
def model():
    return fitted_model()


@pytest.fixture(scope="module")
def maxent():
    rng = np.random.default_rng(1)
    maxent = MaxEnt(
        [Field(), Pair(max_lag=2, max_diagonal=1), Motion()],
        n_lines=3, labels=np.where(LABELS < 0, -1, LABELS), n_symbols=N_SYMBOLS, gate=3,
        sonority_context=4, place=4,
    )  # fmt: skip
    maxent._set_up(pieces())
    maxent.weights_.vector[:] = rng.normal(0, 0.5, len(maxent.weights_.vector))
    maxent.weights_.fold()
    return maxent


FREE = np.array([[False, True, True]] * N_STEPS)


def factors():
    unary = Factors.free(N_STEPS, np.array([*N_SYMBOLS, 2, 2])).unary.copy()
    unary[1, 1, 0] = -np.inf
    unary[:, 2, 1] += 0.4
    return Factors(unary)


def sampler_of(model, maxent, grid=GRIDS[20], seed=0):
    return GibbsSampler(
        maxent, grid, factors(), expert=(model, WEIGHT), free=FREE, random_state=seed
    )


def product(model, maxent):
    """Return the log-weights of all grids: of the maximum-entropy side, and of the expert."""
    one = np.array([maxent.log_weight(grid) + factors().log_weight(grid) for grid in GRIDS])
    return one, log_likelihoods(model)


def transitions(model, maxent, planted=0.0):
    """Return the kernel of one move by the definitions, (n, n); `planted` spoils (2)."""
    one, other = product(model, maxent)
    n, kernel = len(GRIDS), np.zeros((len(GRIDS), len(GRIDS)))
    place = {lower.tobytes(): i for i, lower in enumerate(LOWER)}
    sites = [(t, v) for t in range(N_STEPS) for v in range(2)]
    for x in range(n):
        for t, v in sites:
            found = []
            for a in range(N_SYMBOLS[1 + v]):
                lower = LOWER[x].copy()
                lower[t, v] = a
                found.append(place[lower.tobytes()])
            proposal = law(one[found] / TEMPERATURE)[0]
            for y, q in zip(found, proposal, strict=True):
                ratio = (WEIGHT + planted) * (other[y] - other[x]) / TEMPERATURE
                move = q * min(1.0, np.exp(ratio))
                kernel[x, y] += move / len(sites)
                kernel[x, x] += (q - move) / len(sites)
    return kernel


def test_the_kernel_of_the_product_is_in_detailed_balance(model, maxent):
    one, other = product(model, maxent)
    pi = law((one + WEIGHT * other) / TEMPERATURE)[0]
    flow = pi[:, None] * transitions(model, maxent)
    assert np.abs(flow - flow.T).max() < 1e-12
    assert np.abs(flow.sum(axis=0) - pi).max() < 1e-12
    spoiled = pi[:, None] * transitions(model, maxent, planted=0.1)
    assert np.abs(spoiled - spoiled.T).max() > 1e-5


def compiled_row(sampler, x):
    """Return the law of one compiled move from a state, by where it steps with its uniforms."""
    place = {lower.tobytes(): i for i, lower in enumerate(LOWER)}
    row, scale, n_sites = np.zeros(len(GRIDS)), np.array([1 / TEMPERATURE], np.float32), 6
    sampler.grid[:] = GRIDS[x]
    fresh = fitted_model().judged(sampler.grid, WEIGHT)

    def move(site, u, accept):
        sampler.grid[:] = GRIDS[x]
        sampler.moves[0].judged.log_prob[:], sampler.moves[0].judged.atoms[:] = (
            fresh.log_prob,
            fresh.atoms,
        )
        sweep(sampler, scale, np.array([[[(site + 0.5) / n_sites, u, accept]]]))
        return place[np.ascontiguousarray(sampler.grid[:, 1:3]).tobytes()]

    def step(outcome, low):
        """Return where from `low` on the outcome is another one."""
        here, high = outcome(low), 1.0
        if outcome(1 - 1e-9) == here:
            return 1.0
        for _ in range(24):
            middle = (low + high) / 2
            low, high = (middle, high) if outcome(middle) == here else (low, middle)
        return high

    for site in range(n_sites):
        low = 0.0
        while low < 1.0:
            high = step(lambda u, site=site: move(site, u, 0.0), low)
            y, inside = move(site, low, 0.0), (low + high) / 2
            share = step(lambda a, site=site, u=inside: move(site, u, a), 0.0)
            row[y] += (high - low) * share / n_sites
            row[x] += (high - low) * (1 - share) / n_sites
            low = high
    return row


def sweep(sampler, scale, u):
    (moves,) = sampler.moves
    return sweep_judged(
        sampler.state.piece, moves.sites, sampler.state.target, moves.judged, scale, u
    )


def test_the_compiled_move_is_that_of_the_definitions(model, maxent):
    ref = transitions(model, maxent)
    for x in (20, 100, 213):
        np.testing.assert_allclose(compiled_row(sampler_of(model, maxent), x), ref[x], atol=1e-6)


def test_what_the_expert_says_is_kept_up_to_date(model, maxent):
    long = pieces(1, 24, seed=5)[0]
    free = np.array([[False, True, True]] * len(long))
    sampler = GibbsSampler(maxent, long, expert=(model, WEIGHT), free=free, random_state=0)
    before = sampler.grid.copy()
    sampler.run(np.ones(5))
    assert (before[:, 1:3] != sampler.grid[:, 1:3]).any()
    fresh = model.judged(sampler.grid, WEIGHT)
    np.testing.assert_allclose(sampler.moves[0].judged.log_prob, fresh.log_prob, atol=1e-12)
    np.testing.assert_array_equal(sampler.moves[0].judged.atoms, fresh.atoms)
    np.testing.assert_array_equal(before[:, 0], sampler.grid[:, 0])


def test_draws_of_the_product_follow_its_law(model, maxent):
    one, other = product(model, maxent)
    pi = law((one + WEIGHT * other) / TEMPERATURE)[0]
    sampler = sampler_of(model, maxent)
    draws = []
    for _ in range(3_000):
        draws.append(sampler.run(np.full(6, TEMPERATURE)))
    assert chi_square_p(draws, GRIDS, pi) > 1e-3
    spoiled = law((one + (WEIGHT + 0.25) * other) / TEMPERATURE)[0]
    assert chi_square_p(draws, GRIDS, spoiled) < 1e-3


def test_a_line_that_the_expert_is_given_cannot_be_free(model, maxent):
    with pytest.raises(ValueError, match="line 0 is free"):
        GibbsSampler(maxent, GRIDS[0], expert=(model, 1.0))
