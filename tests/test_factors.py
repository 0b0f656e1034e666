"""Factors against enumeration, and the search for a grid that satisfies them."""

import doctest
import time

import numpy as np
import pytest
from enumerate import all_grids, chi_square_p, law
from test_chain import random_tables

from stats_composer.errors import ConstraintError, SamplingError
from stats_composer.factors import Automaton, Factors, ParallelMotion, find_grid
from stats_composer.factors import factors as factors_module
from stats_composer.factors import search as search_module
from stats_composer.sampling.chain import Chain

N_STEPS, N_SYMBOLS = 3, np.array([3, 2, 3])


def random_factors(rng, hole=0.3):
    """Draw factors of all kinds over a tiny grid."""
    free = Factors.free(N_STEPS, N_SYMBOLS)
    unary = np.where(rng.random(free.unary.shape) < hole / 2, -np.inf, rng.normal(size=(3, 3, 3)))
    pairwise = {}
    for pair in ((0, 1), (1, 2)):
        table = rng.normal(size=(N_STEPS, 3, 3))
        table[rng.random(table.shape) < hole] = -np.inf
        pairwise[pair] = table
    automata = {v: (random_tables(rng, n_steps=N_STEPS, n_symbols=3, hole=0.2)[1],) for v in (0, 2)}
    return free & Factors(unary, automata, pairwise)


def slow_log_weight(factors, grid):
    total = 0.0
    for t in range(N_STEPS):
        for v in range(3):
            total += factors.unary[t, v, grid[t, v]]
        for (v, w), table in factors.pairwise.items():
            total += table[t, grid[t, v], grid[t, w]]
    for v, automata in factors.automata.items():
        for automaton in automata:
            total += automaton.log_weight_of(grid[:, v])
    return total


@pytest.mark.parametrize("seed", range(60))
def test_a_grid_is_found_exactly_where_one_exists(seed):
    rng = np.random.default_rng(seed)
    factors = random_factors(rng, hole=rng.uniform(0.2, 0.6))
    grids = all_grids(N_STEPS, N_SYMBOLS)
    alive = np.ones(len(grids), bool)
    steps = np.arange(N_STEPS)
    for v in range(3):
        alive &= (factors.unary[steps, v, grids[:, :, v]] > -np.inf).all(axis=1)
    for (v, w), table in factors.pairwise.items():
        alive &= (table[steps, grids[:, :, v], grids[:, :, w]] > -np.inf).all(axis=1)
    exists = any(factors.log_weight(grid) > -np.inf for grid in grids[alive])
    found = find_grid(factors, seed)
    assert (found is not None) == exists
    if found is not None:
        assert factors.log_weight(found) > -np.inf
        assert factors.log_weight(found) == pytest.approx(slow_log_weight(factors, found))


def test_combination_adds_everything():
    rng = np.random.default_rng(3)
    a, b = random_factors(rng, hole=0), random_factors(rng, hole=0)
    grid = np.array([[0, 1, 2], [1, 0, 0], [2, 1, 1]])
    both = (a & b).log_weight(grid)
    assert both == pytest.approx(a.log_weight(grid) + b.log_weight(grid))
    motion = Factors(np.zeros(a.unary.shape), terms=(ParallelMotion(),))
    assert (a & motion & motion).terms == (ParallelMotion(), ParallelMotion())


def test_the_starts_vary_and_cover_the_legal_grids():
    unary = np.zeros((1, 2, 3))
    differ = np.where(np.eye(3, dtype=bool), -np.inf, 0.0)[None]
    factors = Factors(unary, pairwise={(0, 1): differ})
    starts = {tuple(find_grid(factors, seed).ravel().tolist()) for seed in range(200)}
    assert starts == {(a, b) for a in range(3) for b in range(3) if a != b}


def test_without_pairs_and_automata_the_start_follows_the_unary_law():
    unary = np.log([[[0.6, 0.3, 0.1]]])
    draws = [find_grid(Factors(unary), seed)[:, 0] for seed in range(2000)]
    assert chi_square_p(draws, [[0], [1], [2]], np.array([0.6, 0.3, 0.1])) > 1e-3


def crossing_factors(n_steps=128, n_voices=4, n_symbols=30):
    free = Factors.free(n_steps, np.full(n_voices, n_symbols))
    above = np.where(np.tri(n_symbols) > 0, 0.0, -np.inf)
    tables = {
        (v, w): np.tile(above, (n_steps, 1, 1))
        for v in range(n_voices)
        for w in range(v + 1, n_voices)
    }
    return free & Factors(np.zeros(free.unary.shape), {}, tables)


def test_a_start_comes_fast():
    factors = crossing_factors()
    find_grid(factors, 0)
    times = []
    for seed in range(5):
        start = time.process_time()
        grid = find_grid(factors, seed)
        times.append(time.process_time() - start)
    assert (np.diff(grid, axis=1) <= 0).all()
    assert min(times) < 0.05


def test_rhythms_tied_by_pairs_are_searched_to_the_end():
    # Four voices held over pairs of steps, none above the next; a pin at each end of a chain.
    factors = crossing_factors(n_steps=16, n_symbols=6)
    held = np.where(np.eye(6, dtype=bool), 0.0, -np.inf)
    table = np.broadcast_to(np.arange(6), (2, 7, 6))
    weights = np.zeros((2, 7, 6))
    weights[1, :6] = held
    rhythms = [
        Automaton.from_table(table, (np.arange(16) + v) % 2, log_weight=weights, initial=6)
        for v in range(4)
    ]
    unary = np.zeros(factors.unary.shape)
    held_factors = factors & Factors(unary, {v: (rhythm,) for v, rhythm in enumerate(rhythms)})
    assert held_factors.log_weight(find_grid(held_factors, 1)) == 0
    low, high = unary.copy(), unary.copy()
    low[4, 0, 3:] = -np.inf
    high[5, 3, :3] = -np.inf
    assert find_grid(held_factors & Factors(low), 1) is not None
    # The soprano is low at step 4; with the bass held high from step 4 on they would cross.
    high[4, 3, :3] = -np.inf
    assert find_grid(held_factors & Factors(low) & Factors(high), 1) is None


def test_an_unfinished_search_says_so():
    # A pigeonhole: nine voices of one step, all different, of six symbols.
    differ = np.where(np.eye(6, dtype=bool), -np.inf, 0.0)[None]
    pairs = {(v, w): differ for v in range(9) for w in range(v + 1, 9)}
    factors = Factors(np.zeros((1, 9, 8))[:, :, :6], pairwise=pairs)
    with pytest.raises(SamplingError, match="came to no end"):
        find_grid(factors, 0, seconds=0.001)


def test_what_does_not_fit_is_refused():
    free = Factors.free(2, np.array([2, 2]))
    with pytest.raises(ConstraintError, match="expected one grid"):
        free & Factors.free(3, np.array([2, 2]))
    with pytest.raises(ConstraintError, match="expected step, voice, symbol"):
        Factors(np.zeros((2, 2)))
    with pytest.raises(ConstraintError, match="not of this grid"):
        Factors(free.unary, pairwise={(1, 0): np.zeros((2, 2, 2))})
    with pytest.raises(ConstraintError, match="not of this grid"):
        Factors(free.unary, {0: (Automaton.first_order(np.zeros((2, 2)), 3),)})


def test_the_law_of_two_independent_voices():
    rng = np.random.default_rng(5)
    automaton = random_tables(rng, n_steps=N_STEPS, n_symbols=2, hole=0.0, refused=0.0)[1]
    unary = rng.normal(size=(N_STEPS, 2, 2))
    factors = Factors(unary, {1: (automaton,)})
    grids = all_grids(N_STEPS, [2, 2])
    probs, log_normaliser = law([factors.log_weight(grid) for grid in grids])
    chains = [Chain(unary[:, v], factors.automata.get(v, ())) for v in range(2)]
    assert sum(chain.log_normaliser for chain in chains) == pytest.approx(log_normaliser)
    draws = np.stack([chain.sample(20_000, random_state=v) for v, chain in enumerate(chains)], 2)
    assert chi_square_p(draws, grids, probs) > 1e-3


@pytest.mark.parametrize("module", [factors_module, search_module])
def test_examples(module):
    assert doctest.testmod(module).failed == 0
