"""The Gibbs sampler against enumeration: its transition kernel, its draws, planted bugs."""

import copy
import functools

import naive
import numpy as np
import pytest
from enumerate import all_grids, chi_square_p, law

from stats_composer.errors import ConstraintError
from stats_composer.factors import Automaton, Crossing, Factors, ParallelMotion
from stats_composer.kernels.gibbs import sweep_sites
from stats_composer.kernels.layout import Piece
from stats_composer.kernels.row_moves import RuledLine, sweep_row
from stats_composer.models.maxent import (
    Field,
    MaxEnt,
    Melody,
    Motion,
    Onset,
    Pair,
    PairDifference,
    Progression,
    Sonority,
)
from stats_composer.models.maxent import ParallelMotion as ParallelTerm
from stats_composer.models.maxent.weights import HARD_TERM
from stats_composer.sampling.gibbs import GibbsSampler, annealing
from stats_composer.sampling.moves import RowMoves, SiteMoves, TiedMoves

N_STEPS, N_SYMBOLS = 3, (3, 2)
LABELS = np.array([[-1, 60, 67], [48, 55, -1]])
CONTEXT = np.array([[0], [1], [0]])
GRIDS = np.array([np.hstack([grid, CONTEXT]) for grid in all_grids(N_STEPS, N_SYMBOLS)])
RADIX = np.cumprod([1, 2, 3, 2, 3, 2])[::-1]
TERMS = [
    Field(),
    Field(context=2),
    Pair(max_lag=2, max_diagonal=1),
    PairDifference(max_lag=2, max_diagonal=1),
    Motion(),
    Motion(fine=True),
    ParallelTerm(),
    Sonority(kind="full", n_contexts=2),
    Progression(n_classes=4),
    Melody(),
    Onset(),
]


def random_model(terms=TERMS, scale=0.8):
    """Give every weight of a model of two lines a random value."""
    rng = np.random.default_rng(1)
    model = MaxEnt(
        terms, n_lines=2, labels=LABELS, n_symbols=N_SYMBOLS, gate=2, sonority_context=2, place=2
    )
    model._set_up(list(GRIDS[::5]))
    model.weights_.vector[:] = rng.normal(0, scale, len(model.weights_.vector))
    model.weights_.fold()
    return model


MODEL = random_model()
MODEL_LOG_WEIGHTS = np.array([MODEL.log_weight(grid) for grid in GRIDS])


def unary_factors(rng, hole=True):
    """Draw unary log-weights, one symbol forbidden."""
    unary = Factors.free(N_STEPS, np.array([*N_SYMBOLS, 2])).unary.copy()
    unary[:, :2] += rng.normal(0, 0.5, (N_STEPS, 2, 3))
    if hole:
        unary[1, 0, 2] = -np.inf
    return Factors(unary)


def step_factors(rng):
    """Draw log-weights of the two lines at each step, one pair of symbols forbidden."""
    table = rng.normal(0, 1, (N_STEPS, 3, 3))
    table[:, 2, 0] = -np.inf
    table[:, :, 2] = 0.0
    free = Factors.free(N_STEPS, np.array([*N_SYMBOLS, 2]))
    return Factors(free.unary, {}, {(0, 1): table})


def automata(rng):
    """Draw an automaton of four states for one line; the other cannot do without its symbol 1."""
    target = rng.integers(4, size=(1, 4, 3))
    target[0, 1, 2] = -1
    kind = np.zeros(N_STEPS, np.int64)
    first = Automaton.from_table(target, kind, log_weight=rng.normal(size=(1, 4, 3)))
    seen = np.array([[[0, 1], [1, 1]]])
    second = Automaton.from_table(seen, kind, final=np.array([-np.inf, 0.0]))
    free = Factors.free(N_STEPS, np.array([*N_SYMBOLS, 2]))
    return Factors(free.unary, {0: (first,), 1: (second,)})


def motion_term():
    """Weigh parallel fifths and octaves by a finite number."""
    free = Factors.free(N_STEPS, np.array([*N_SYMBOLS, 2]))
    return Factors(free.unary, terms=(ParallelMotion((0, 7), -1.5),))


def parallels(grid):
    """Count the parallel fifths and octaves of a grid."""
    found = 0
    for t in range(N_STEPS - 1):
        p = [LABELS[v, grid[t + s, v]] for s in (0, 1) for v in (0, 1)]
        moved = (p[2] - p[0]) * (p[3] - p[1]) > 0
        now, later = (p[0] - p[1]) % 12, (p[2] - p[3]) % 12
        found += min(p) >= 0 and moved and now == later and now in (0, 7)
    return found


PINS = np.array([[True, False], [True, True], [False, True]])
SEED = np.random.default_rng(4)
WORLDS = {
    "free": {},
    "unary": {"factors": unary_factors(SEED)},
    "steps": {"factors": step_factors(SEED)},
    "automata": {"factors": automata(SEED)},
    "automata and steps": {"factors": automata(SEED) & step_factors(SEED) & unary_factors(SEED)},
    "one automaton": {
        "factors": Factors(
            unary_factors(SEED).unary, {0: automata(SEED).automata[0]}, step_factors(SEED).pairwise
        )
    },
    "motion term": {"factors": motion_term()},
    "pinned": {"free": PINS},
    "pinned automata": {"free": PINS, "factors": automata(SEED)},
    "runs": {"run_share": 0.5, "factors": unary_factors(SEED)},
    "pinned runs": {"run_share": 0.5, "free": PINS},
    "hot": {"temperature": 2.0, "factors": unary_factors(SEED) & step_factors(SEED)},
    "hot automata": {"temperature": 2.0, "factors": automata(SEED)},
}


def target(factors=None, free=None, temperature=1.0, run_share=0.0):
    """Return the law of a world over all grids, by enumeration."""
    total = MODEL_LOG_WEIGHTS.copy()
    reading = np.zeros(len(GRIDS))
    if factors is not None:
        plain = Factors(factors.unary, {}, factors.pairwise)
        total += [plain.log_weight(grid) for grid in GRIDS]
        for term in factors.terms:
            total += [term.log_weight * parallels(grid) for grid in GRIDS]
        for v, chain in factors.automata.items():
            reading += [sum(a.log_weight_of(grid[:, v]) for a in chain) for grid in GRIDS]
    if free is not None:
        kept = (GRIDS[:, :, :2] == start_of(factors)[:, :2])[:, ~free].all(axis=1)
        reading[~kept] = -np.inf
    return law(total / temperature + reading)[0]


def start_of(factors):
    """Return the first grid that no hard factor forbids, after some that are passed over."""
    for grid in GRIDS[30:]:
        if factors is None or factors.log_weight(grid) > -np.inf:
            return grid.copy()
    raise AssertionError


def sampler_of(factors=None, free=None, temperature=1.0, run_share=0.0, model=MODEL, seed=0):
    """Build the sampler of a world."""
    return GibbsSampler(
        model, start_of(factors), factors, free=free, run_share=run_share, random_state=seed
    )


def site_moves_of(sampler):
    """Return the site moves of a sampler."""
    return next(move for move in sampler.moves if isinstance(move, SiteMoves))


def draw(sampler, world, temperature=1.0):
    """Draw starts of the law itself and run each a little: the law must stay.

    So the draws are independent, however slowly the chain may mix.
    """
    n_draws, n_sweeps = (
        (12_000, 3) if any(isinstance(m, RowMoves) for m in sampler.moves) else (15_000, 8)
    )
    schedule = np.full(n_sweeps, temperature, np.float32)
    starts = np.random.default_rng(6).choice(len(GRIDS), n_draws, p=target(**world))
    draws = np.empty((n_draws, *GRIDS[0].shape), np.int64)
    for i, start in enumerate(starts):
        sampler.grid[:] = GRIDS[start]
        draws[i] = sampler.run(schedule)
    return draws


# ---- the law ------------------------------------------------------------------------------


def state_number(grids):
    """Return the places of grids among all."""
    return grids[..., :2].reshape(*grids.shape[:-2], -1) @ RADIX


def site_moves(sampler, temperature, u_move, n_bisections=21):
    """Return the kernel of one site move that the compiled code makes, of shape (n, n).

    A move is a step function of its last uniform: bisection finds where it steps.
    """
    scale = np.array([1 / temperature], np.float32)
    moves, n = site_moves_of(sampler), len(GRIDS)
    sites, target = moves.sites, sampler.state.target
    kernel = np.zeros((n, n))

    def move(start, site, u):
        grid = start.copy()
        uniforms = np.array([[[(site + 0.5) / len(sites), u_move, u]]])
        sweep_sites(Piece(grid, 0, N_STEPS), sites, target, scale, moves.run_share, uniforms)
        return int(state_number(grid))

    for x in state_number(sampler.reachable):
        for site in range(len(sites)):
            low, here, last = 0.0, move(GRIDS[x], site, 0.0), move(GRIDS[x], site, 1 - 1e-9)
            while here != last:
                left, right = low, 1.0
                for _ in range(n_bisections):
                    middle = (left + right) / 2
                    stays = move(GRIDS[x], site, middle) == here
                    left, right = (middle, right) if stays else (left, middle)
                kernel[x, here] += left - low
                low, here = left, move(GRIDS[x], site, right)
            kernel[x, here] += 1.0 - low
    return kernel / len(sites)


def site_kernel(sampler, temperature=1.0):
    """Mix the kernels of site and run moves as the sampler does."""
    share = site_moves_of(sampler).run_share
    kinds = [(1.0 - share, 0.999)]
    if share:
        kinds += [(0.6 * share, 0.3 * share), (0.4 * share, 0.8 * share)]
    return sum(weight * site_moves(sampler, temperature, u) for weight, u in kinds)


def drift(world, sampler):
    """Return max |pi P - pi| for the exact kernel of site moves, on states of positive mass."""
    pi = target(**world)
    sampler.reachable = GRIDS[pi > 0]
    kernel = site_kernel(sampler, world.get("temperature", 1.0))
    return np.abs(pi @ kernel - pi).max()


SITE_WORLDS = [name for name in WORLDS if "automat" not in name]


@pytest.mark.parametrize("name", SITE_WORLDS)
def test_the_kernel_of_site_moves_leaves_the_law(name):
    world = WORLDS[name]
    assert drift(world, sampler_of(**world)) < 1e-6


@pytest.mark.parametrize("name", WORLDS)
def test_draws_follow_the_law(name):
    world = WORLDS[name]
    draws = draw(sampler_of(**world), world, world.get("temperature", 1.0))
    assert chi_square_p(draws, GRIDS, target(**world)) > 1e-3


@pytest.mark.parametrize("name", WORLDS)
def test_from_any_start_all_that_is_likely_is_reached(name):
    world = WORLDS[name]
    sampler, pi = sampler_of(**world), target(**world)
    schedule = np.full(2, world.get("temperature", 1.0), np.float32)
    visits = np.bincount([state_number(sampler.run(schedule)) for _ in range(1500)])
    assert visits[np.flatnonzero(pi[: len(visits)] > 0.02)].all()
    assert (pi[len(visits) :] < 0.02).all()


# ---- planted bugs ---------------------------------------------------------------------------


def faulty_sampler(bug, world):
    """Return the sampler of a world with a bug, and the temperature it runs at."""
    world, temperature = dict(world), world.get("temperature", 1.0)
    if bug == "temperature off by 5 %":
        return sampler_of(**world), 1.05 * temperature
    if bug == "off-by-one neighbour":
        layout = MODEL.layout_
        shifted = layout.neighbours.copy()
        shifted[..., 3] += 1
        model = copy.copy(MODEL)
        model.layout_ = layout._replace(neighbours=shifted)
        return sampler_of(**world, model=model), temperature
    if bug == "forgotten pin":
        return sampler_of(**world | {"free": None}), temperature
    if bug == "swapped step table":
        sampler = sampler_of(**world)
        target = sampler.state.target
        turned = target.steps._replace(table=target.steps.table.transpose(0, 2, 1).copy())
        sampler.state = sampler.state._replace(target=target._replace(steps=turned))
        return sampler, temperature
    sampler = sampler_of(**world)
    width, layout = MODEL.layout_.width, MODEL.layout_
    target = sampler.state.target
    tables = target.weights.copy()
    n = (layout.pair_back - layout.pair) // width**2
    pairs = tables[layout.pair : layout.pair_back].reshape(n, width, width)
    pairs[:] = pairs.transpose(0, 2, 1).copy()
    sampler.state = sampler.state._replace(target=target._replace(weights=tables))
    return sampler, temperature


BUGS = [
    ("temperature off by 5 %", "free"),
    ("temperature off by 5 %", "hot automata"),
    ("off-by-one neighbour", "free"),
    ("off-by-one neighbour", "automata"),
    ("forgotten pin", "pinned"),
    ("forgotten pin", "pinned automata"),
    ("swapped step table", "steps"),
    ("swapped pair table", "free"),
    ("swapped pair table", "automata"),
]


@pytest.mark.parametrize(("bug", "name"), BUGS)
def test_a_planted_bug_is_caught_by_its_draws(bug, name):
    world = WORLDS[name]
    sampler, temperature = faulty_sampler(bug, world)
    draws = draw(sampler, world, temperature)
    assert chi_square_p(draws, GRIDS, target(**world)) < 1e-3


@pytest.mark.parametrize(("bug", "name"), [bug for bug in BUGS if "automat" not in bug[1]])
def test_a_planted_bug_is_caught_by_its_kernel(bug, name):
    world = WORLDS[name]
    sampler, temperature = faulty_sampler(bug, world)
    pi = target(**world)
    sampler.reachable = GRIDS[pi > 0]
    assert np.abs(pi @ site_kernel(sampler, temperature) - pi).max() > 1e-5


# ---- twins, seeds, refusals ---------------------------------------------------------------


@pytest.mark.parametrize("run_share", [0.0, 0.5])
def test_sweep_sites_equals_its_naive_twin(run_share):
    rng = np.random.default_rng(5)
    factors = unary_factors(rng) & step_factors(rng)
    sampler = sampler_of(factors=factors, run_share=run_share)
    total = MODEL_LOG_WEIGHTS + [factors.log_weight(grid) for grid in GRIDS]
    u = rng.random((40, 6, 3))
    inverse = np.linspace(0.5, 1.5, 40).astype(np.float32)
    ref = sampler.grid.tolist()
    ref_changed = naive.gibbs_sweep_sites(
        ref, site_moves_of(sampler).sites.tolist(), N_SYMBOLS,
        lambda grid: total[state_number(np.array(grid))], inverse.tolist(), run_share, u.tolist(),
    )  # fmt: skip
    comp_changed = sweep_sites(
        sampler.state.piece, site_moves_of(sampler).sites, sampler.state.target, inverse,
        run_share, u,
    )  # fmt: skip
    np.testing.assert_array_equal(sampler.grid, ref)
    assert comp_changed == ref_changed


ROW_WORLDS = [name for name in WORLDS if "automat" in name]


def row_rules(name):
    """Return what the naive row move of a world's line 0 needs, after the grid and the line."""
    world = WORLDS[name]
    factors = world["factors"]
    plain = Factors(factors.unary, {}, factors.pairwise)
    total = MODEL_LOG_WEIGHTS + [plain.log_weight(grid) for grid in GRIDS]
    known = {str(grid.tolist()): weight for grid, weight in zip(GRIDS, total, strict=True)}
    free = np.ones(N_STEPS, bool) if "free" not in world else world["free"][:, 0]

    def read(line):
        return sum(a.log_weight_of(np.array(line)) for a in factors.automata[0])

    scale = 1 / world.get("temperature", 1.0)
    return N_SYMBOLS[0], free.tolist(), lambda grid: known[str(grid)], functools.cache(read), scale


@pytest.mark.parametrize("name", ROW_WORLDS)
def test_the_kernel_of_row_moves_leaves_the_law(name):
    pi, rules = target(**WORLDS[name]), row_rules(name)
    kernel = np.zeros((len(GRIDS), len(GRIDS)))
    for x in np.flatnonzero(pi > 0):
        grid = GRIDS[x].tolist()
        for begin, end, share in naive.gibbs_row_stretches(N_STEPS, 2):
            law = naive.gibbs_row_proposal(grid, 0, (begin, end), *rules)
            for new, prob in law.items():
                ratio = naive.gibbs_row_acceptance(grid, 0, new, (begin, end), *rules)
                other = state_number(np.array(naive.set_line(grid, 0, new)))
                kernel[x, other] += share * prob * min(1.0, ratio)
                kernel[x, x] += share * prob * (1.0 - min(1.0, ratio))
    np.testing.assert_allclose(kernel[pi > 0].sum(axis=1), 1.0, atol=1e-12)
    assert np.abs(pi @ kernel - pi).max() < 1e-12


@pytest.mark.parametrize("name", ROW_WORLDS)
def test_sweep_row_equals_its_naive_twin(name):
    sampler, rules = sampler_of(**WORLDS[name]), row_rules(name)
    u = np.random.default_rng(8).random((60, N_STEPS + 3))
    u[::5, 0] *= 1 / 32
    ref, ref_accepted = naive.gibbs_sweep_row(sampler.grid.tolist(), 0, *rules, 2, u.tolist())
    moves = next(m for m in sampler.moves if isinstance(m, RowMoves) and m.line == 0)
    line = RuledLine(0, moves.free, moves.arcs)
    comp_accepted = sweep_row(sampler.state.piece, line, sampler.state.target, rules[-1], 2, u)
    np.testing.assert_array_equal(sampler.grid, ref)
    assert comp_accepted == ref_accepted


def test_the_same_seed_gives_the_same_chain_however_it_is_cut():
    world = WORLDS["unary"]
    one, other = sampler_of(**world, seed=7), sampler_of(**world, seed=7)
    one.run(np.ones(64))
    for _ in range(2):
        other.run(np.ones(32))
    np.testing.assert_array_equal(one.grid, other.grid)


def test_a_hard_factor_is_never_broken_on_the_way():
    world = WORLDS["automata and steps"]
    sampler = sampler_of(**world)
    for _ in range(500):
        assert world["factors"].log_weight(sampler.run([3.0])) > -np.inf


def test_the_start_is_not_written_into():
    start = start_of(None)
    before = start.copy()
    GibbsSampler(MODEL, start, random_state=0).run(np.ones(5))
    np.testing.assert_array_equal(start, before)


def test_crossings_weigh_the_same_from_either_voice():
    labels = np.array([[-1, 60, 67], [48, 64, -1]])
    model = MaxEnt(
        [Field(), Pair(max_lag=1)], n_lines=2, labels=labels, n_symbols=N_SYMBOLS, gate=2
    )
    model._set_up(list(GRIDS[::5]))
    term = Factors(motion_term().unary, terms=(Crossing(-1.5),))
    sampler = GibbsSampler(model, GRIDS[0], term, random_state=0)
    crossings = ((GRIDS[:, :, 0] == 1) & (GRIDS[:, :, 1] == 1)).sum(axis=1)
    for number, grid in enumerate(GRIDS):
        sampler.grid[:] = grid
        assert sampler.energy() == pytest.approx(1.5 * crossings[number], abs=1e-5)
    draws = np.array([sampler.run(np.ones(2)).copy() for _ in range(20_000)])
    assert chi_square_p(draws, GRIDS, law(-1.5 * crossings)[0]) > 1e-3


def test_a_term_that_the_model_cannot_carry_is_refused():
    model = random_model([Field(), Pair(max_lag=1)])
    with pytest.raises(ConstraintError, match="no motion term"):
        sampler_of(factors=motion_term(), model=model)
    crossing = Factors(motion_term().unary, terms=(Crossing(),))
    with pytest.raises(ConstraintError, match="no pair term"):
        sampler_of(factors=crossing, model=random_model([Field(), Motion()]))
    strange = Factors(motion_term().unary, terms=("fugue",))
    with pytest.raises(ConstraintError, match="str: a term that the model does not know"):
        sampler_of(factors=strange)


def test_tied_rows_are_drawn_from_the_law_given_that_they_are_equal():
    """Rows 0 and 1 are one; row 2 is given."""
    last = GRIDS[7][2]
    tied = (GRIDS[:, 0, :2] == GRIDS[:, 1, :2]).all(axis=1) & (GRIDS[:, 2] == last).all(axis=1)
    probs, _ = law(MODEL_LOG_WEIGHTS[tied])
    free = np.array([[True, True], [True, True], [False, False]])
    sampler = GibbsSampler(
        MODEL, GRIDS[tied][0], free=free, moves=[TiedMoves(np.argwhere(free))], random_state=3
    )
    draws = [sampler.run(np.ones(4)) for _ in range(4000)]
    assert chi_square_p(draws, GRIDS[tied], probs) > 0.001


def test_annealing_heats_levels_and_cools():
    schedule = annealing(2.0, 0.5, heating=3, level=2, cooling=3)
    np.testing.assert_allclose(schedule, [2, 1.5, 1, 1, 1, 1, 0.75, 0.5])
    assert HARD_TERM < -100
