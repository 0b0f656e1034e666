"""A context voice drawn in turn with the lines, against enumeration of the joint law."""

import numpy as np
import pytest
from enumerate import all_grids, chi_square_p, law

from stats_composer.errors import ConstraintError
from stats_composer.kernels.chain import weigh_path
from stats_composer.kernels.gibbs import sweep_sites
from stats_composer.kernels.layout import Piece
from stats_composer.models.maxent import (
    LBFGS,
    ContrastiveDivergence,
    Field,
    MaxEnt,
    Pair,
    StochasticGradient,
)
from stats_composer.sampling.context import ContextLaw, ContextMove, ContextVoice
from stats_composer.sampling.gibbs import GibbsSampler

N_STEPS, COLUMN, N_VALUES = 3, 2, 2
STATES = all_grids(N_STEPS, (2, 2, N_VALUES))
RADIX = np.cumprod([1, *[N_VALUES, 2, 2] * N_STEPS])[-2::-1]
SEED = np.random.default_rng(3)
UNARY = SEED.normal(0, 0.7, (N_STEPS, N_VALUES))
UNARY[2, 0] = -np.inf
LAW = ContextLaw(
    COLUMN, UNARY, SEED.normal(0, 1, (2, N_VALUES, N_VALUES)), np.array([0, 1, 0]), every=1
)


def random_model():
    """Give every weight of a model of two lines and a context a random value."""
    model = MaxEnt([Field(), Field(context=COLUMN), Pair(2, 1)], n_lines=2, n_symbols=[2, 2])
    model._set_up(list(STATES[::7]))
    model.weights_.vector[:] = np.random.default_rng(2).normal(0, 1, len(model.weights_.vector))
    model.weights_.fold()
    return model


MODEL = random_model()


def path_weight(path, chain=LAW):
    """Weigh a path by the law's own tables."""
    steps = range(1, N_STEPS)
    own = sum(chain.unary[t, path[t]] for t in range(N_STEPS))
    return own + sum(chain.transition[chain.kind[t], path[t - 1], path[t]] for t in steps)


def joint(temperature=1.0):
    """Return the joint law of lines and context over all states."""
    weights = [MODEL.log_weight(state) + path_weight(state[:, COLUMN]) for state in STATES]
    return law(np.array(weights) / temperature)[0]


PI = joint()
START = STATES[np.flatnonzero(PI > 0)[20]]


def number(state):
    """Return the place of a state among all."""
    return int(state.ravel() @ RADIX)


def sampler_of(context=LAW, model=MODEL, seed=0):
    """Build the sampler of the joint law."""
    return GibbsSampler(model, START, context=context, run_share=0.0, random_state=seed)


# ---- the law --------------------------------------------------------------------------------


def context_kernel(context=LAW, temperature=1.0):
    """Return the kernel of the draw of the context, from the chain that it draws from."""
    voice = ContextVoice(context, MODEL.weights_.field_table(COLUMN))
    kernel = np.zeros((len(STATES), len(STATES)))
    paths = all_grids(N_STEPS, (N_VALUES,))[..., 0]
    for x in np.flatnonzero(PI > 0):
        arcs, unary = voice.at(STATES[x][:, :2], 1 / temperature)
        probs, _ = law([weigh_path(arcs, unary, path) for path in paths])
        for path, prob in zip(paths, probs, strict=True):
            kernel[x, number(np.column_stack([STATES[x][:, :2], path]))] = prob
    return kernel


def site_kernel(sampler):
    """Return the kernel of one site move; two symbols have one threshold, found by bisection."""
    kernel = np.zeros((len(STATES), len(STATES)))
    sites, one = sampler.moves[1].sites, np.ones(1, np.float32)

    def move(state, site, u):
        grid = state.copy()
        uniforms = np.array([[[(site + 0.5) / len(sites), 0.9, u]]])
        sweep_sites(Piece(grid, 0, N_STEPS), sites, sampler.state.target, one, 0.0, uniforms)
        return number(grid)

    for x in np.flatnonzero(PI > 0):
        sampler.moves[0].write(sampler.state, STATES[x][:, COLUMN])
        for site in range(len(sites)):
            first, last = move(STATES[x], site, 0.0), move(STATES[x], site, 1 - 1e-9)
            low, high = 0.0, 1.0
            for _ in range(24 if first != last else 0):
                middle = (low + high) / 2
                stays = move(STATES[x], site, middle) == first
                low, high = (middle, high) if stays else (low, middle)
            kernel[x, first] += high
            kernel[x, last] += 1 - high
    return kernel / len(sites)


def drift(kernel, pi=PI):
    """Return by how much a kernel moves the law."""
    return np.abs(pi @ kernel - pi).max()


def run_from_the_law(sampler, n_draws=4000):
    """Draw starts of the law and run each a little: the law must stay."""
    starts = np.random.default_rng(5).choice(len(STATES), n_draws, p=PI)
    draws = np.empty((n_draws, *START.shape), np.int64)
    for i, start in enumerate(starts):
        sampler.moves[0].write(sampler.state, STATES[start][:, COLUMN])
        sampler.grid[:] = STATES[start]
        draws[i] = sampler.run(np.ones(2))
    return draws


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_kernel_of_the_context_leaves_the_joint_law(temperature):
    assert drift(context_kernel(temperature=temperature), joint(temperature)) < 1e-6


def test_the_kernel_of_the_lines_leaves_the_joint_law():
    assert drift(site_kernel(sampler_of())) < 1e-6


def test_draws_in_turn_follow_the_joint_law():
    assert chi_square_p(run_from_the_law(sampler_of()), STATES, PI) > 1e-3


def test_paths_follow_their_law_given_the_lines():
    voice = ContextVoice(LAW, MODEL.weights_.field_table(COLUMN))
    lines = START[:, :2]
    draws = [voice.draw(lines, 1.0, u) for u in np.random.default_rng(0).random((4000, N_STEPS))]
    paths = all_grids(N_STEPS, (N_VALUES,))[..., 0]
    states = [np.column_stack([lines, path]) for path in paths]
    given = PI[[number(state) for state in states]]
    assert chi_square_p(draws, paths, given / given.sum()) > 1e-3


def test_energy_is_that_of_the_joint_law():
    sampler = sampler_of()
    state = sampler.run(np.ones(4))
    expected = -MODEL.log_weight(state) - path_weight(state[:, COLUMN])
    assert sampler.energy() == pytest.approx(expected, abs=1e-4)


# ---- planted bugs ---------------------------------------------------------------------------


def faulty(bug):
    """Return a law with a bug."""
    changed = {"transition": LAW.transition, "kind": LAW.kind}
    if bug == "steps turned":
        changed["transition"] = LAW.transition.transpose(0, 2, 1)
    else:
        changed["kind"] = np.roll(LAW.kind, 1)
    return ContextLaw(COLUMN, UNARY, every=1, **changed)


@pytest.mark.parametrize("bug", ["steps turned", "kinds a step late"])
def test_a_planted_bug_is_caught(bug):
    assert drift(context_kernel(faulty(bug))) > 1e-3
    assert chi_square_p(run_from_the_law(sampler_of(faulty(bug))), STATES, PI) < 1e-3


def test_fields_that_are_not_renewed_are_caught(monkeypatch):
    sampler = sampler_of()

    def forget(move, state, path):
        state.grid[:, COLUMN] = path
        return len(path)

    monkeypatch.setattr(ContextMove, "write", forget)
    assert chi_square_p(run_from_the_law(sampler), STATES, PI) < 1e-3
    assert drift(site_kernel(sampler)) > 1e-3


# ---- fields that are known ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("solver", "finish"),
    [
        (StochasticGradient(n_epochs=1), ContrastiveDivergence(n_sweeps=1, n_steps=2)),
        (LBFGS(3), ()),
    ],
)
def test_a_known_field_stays_as_it_is_while_others_are_fitted(solver, finish):
    table = np.random.default_rng(1).normal(size=(2, 5, 8)).astype(np.float16).astype(np.float32)
    terms = [Field(), Field(context=COLUMN, table=table), Pair(1, 0)]
    model = MaxEnt(terms, n_lines=2, solver=solver, finish=finish, random_state=0)
    model.fit(list(STATES[::50]))
    np.testing.assert_array_equal(model.weights_.field_table(COLUMN), table)
    assert model.weights_.tables["Field()"].any()


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="no field depends"):
        MODEL.weights_.field_table(1)
    unary = np.full((N_STEPS, N_VALUES), -np.inf)
    with pytest.raises(ConstraintError, match="without a value"):
        sampler_of(ContextLaw(COLUMN, unary, LAW.transition, LAW.kind))
