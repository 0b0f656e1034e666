"""The chain engine against enumeration, naive twins and planted bugs."""

import doctest

import naive
import numpy as np
import pytest
from enumerate import all_paths, chi_square_p, law, path_log_weights

from stats_composer.errors import ConstraintError
from stats_composer.factors import Automaton, live_states, multiply_all
from stats_composer.factors import automata as automata_module
from stats_composer.kernels import chain as kernels
from stats_composer.sampling import chain as chain_module
from stats_composer.sampling.chain import Chain
from stats_composer.sampling.redrawing import Redrawing

N_STEPS, N_SYMBOLS, N_DRAWS = 5, 3, 20_000
STAY = np.array([[0.0, -np.inf], [-np.inf, 0.0]])


def random_tables(
    rng, n_kinds=2, n_states=4, n_steps=N_STEPS, n_symbols=N_SYMBOLS, hole=0.25, refused=0.25
):
    """Draw an automaton with refusals, both as dense lists and as arcs."""
    shape = (n_kinds, n_states, n_symbols)
    target = rng.integers(n_states, size=shape)
    target[rng.random(shape) < hole] = -1
    log_weight = rng.normal(size=shape)
    kind = rng.integers(n_kinds, size=n_steps)
    final = np.where(rng.random(n_states) < refused, -np.inf, rng.normal(size=n_states))
    tables = (target.tolist(), log_weight.tolist(), kind.tolist(), final.tolist(), 0)
    return tables, Automaton.from_table(target, kind, log_weight=log_weight, final=final)


def worlds():
    """Yield unary log-weights and automata of several kinds."""
    rng = np.random.default_rng(1)
    unary = rng.normal(size=(N_STEPS, N_SYMBOLS))
    banned = unary.copy()
    banned[2, 1] = banned[4, 0] = -np.inf
    markov = Automaton.first_order(rng.normal(size=(N_SYMBOLS, N_SYMBOLS)), N_STEPS)
    counted = random_tables(rng, hole=0.1, refused=0.0)[1]
    other = random_tables(rng, n_states=3, hole=0.1, refused=0.0)[1]
    yield "unary", unary, []
    yield "forbidden", banned, []
    yield "markov", banned, [markov]
    yield "automaton", unary, [counted]
    yield "product", banned, [markov, counted, other]


WORLDS = {name: (unary, automata) for name, unary, automata in worlds()}


@pytest.mark.parametrize("name", WORLDS)
def test_the_law_of_the_rest_is_that_given_the_beginning(name):
    chain = Chain(*WORLDS[name])
    begun = chain.sample(1, random_state=3)[0, :2]
    rest = all_paths(N_STEPS - 2, N_SYMBOLS)
    whole = np.column_stack([np.tile(begun, (len(rest), 1)), rest])
    expected = chain.log_prob(whole)
    expected -= np.logaddexp.reduce(expected)
    after = chain.after(begun)
    np.testing.assert_allclose(after.log_prob(rest), expected, atol=1e-12)
    assert (after.best() == rest[expected.argmax()]).all()
    drawn = after.sample(200, random_state=0)
    assert (after.log_prob(drawn) > -np.inf).all()


def test_what_no_path_begins_with_is_refused():
    chain = Chain(np.zeros((3, 2)), [Automaton.first_order(STAY, 3)])
    with pytest.raises(ConstraintError, match="no path of this voice begins so"):
        chain.after(np.array([0, 1]))


@pytest.mark.parametrize("name", WORLDS)
def test_normaliser_draws_and_marginals_follow_the_law(name):
    unary, automata = WORLDS[name]
    paths = all_paths(N_STEPS, N_SYMBOLS)
    probs, log_normaliser = law(path_log_weights(paths, unary, automata))
    chain = Chain(unary, automata)
    assert chain.log_normaliser == pytest.approx(log_normaliser, abs=1e-10)
    np.testing.assert_allclose(np.exp(chain.log_prob(paths)), probs, atol=1e-12)
    marginals = np.stack([(probs[:, None] * (paths == x)).sum(axis=0) for x in range(N_SYMBOLS)])
    np.testing.assert_allclose(chain.marginals(), marginals.T, atol=1e-12)
    assert paths[np.argmax(probs)].tolist() == chain.best().tolist()
    draws = chain.sample(N_DRAWS, random_state=2)
    assert chi_square_p(draws, paths, probs) > 1e-3


@pytest.mark.parametrize(
    "bug", ["temperature", "off by one step", "forgotten pin", "swapped table"]
)
def test_a_planted_bug_is_caught(bug):
    unary, automata = WORLDS["product"]
    paths = all_paths(N_STEPS, N_SYMBOLS)
    probs, _ = law(path_log_weights(paths, unary, automata))
    wrong = unary.copy()
    if bug == "temperature":
        wrong, automata = wrong / 1.05, [scaled(automaton, 1 / 1.05) for automaton in automata]
    elif bug == "off by one step":
        wrong = np.roll(wrong, 1, axis=0)
    elif bug == "forgotten pin":
        wrong[2, 1] = 0.0
    else:
        automata = [swapped(automata[0]), *automata[1:]]
    draws = Chain(wrong, automata).sample(10 * N_DRAWS, random_state=2)
    assert chi_square_p(draws, paths, probs) < 1e-6


def scaled(automaton, factor):
    return Automaton(
        automaton.first,
        automaton.symbol,
        automaton.target,
        automaton.log_weight * factor,
        automaton.kind,
        automaton.final * factor,
        automaton.initial,
    )


def swapped(automaton):
    log_weight = automaton.log_weight.copy()
    log_weight[[0, 1]] = log_weight[[1, 0]]
    return Automaton(
        automaton.first,
        automaton.symbol,
        automaton.target,
        log_weight,
        automaton.kind,
        automaton.final,
        automaton.initial,
    )


@pytest.mark.parametrize("seed", range(20))
def test_kernels_equal_their_naive_twins(seed):
    rng = np.random.default_rng(seed)
    tables, automaton = random_tables(rng)
    unary = rng.normal(size=(N_STEPS, N_SYMBOLS))
    unary[rng.random(unary.shape) < 0.1] = -np.inf
    arcs = chain_module.flatten(automaton, unary > -np.inf)
    messages = np.empty((N_STEPS + 1, automaton.n_states))
    comp = kernels.backward_messages(arcs, unary, messages, 0, -1)
    ref = naive.chain_backward_messages(tables, unary.tolist())
    assert comp == pytest.approx(ref[0][0], abs=1e-12)
    live, _ = live_states(automaton, unary > -np.inf)
    np.testing.assert_allclose(messages[live], np.array(ref)[live], atol=1e-12)
    assert (messages[~live] == -np.inf).all()
    if comp == -np.inf:
        return
    u, path, path_comp = rng.random((4, N_STEPS)), *np.empty((2, N_STEPS), np.int64)
    paths = np.empty((4, N_STEPS), np.int64)
    kernels.draw_paths(arcs, unary, messages, u, paths)
    assert paths.tolist() == [naive.chain_draw_path(tables, unary.tolist(), row) for row in u]
    log_weight = naive.chain_weigh_path(tables, unary.tolist(), paths[0].tolist())
    assert kernels.weigh_path(arcs, unary, paths[0]) == pytest.approx(log_weight, abs=1e-12)
    scratch = np.empty_like(messages)
    room = kernels.chain_room(automaton.n_states, N_SYMBOLS)
    new, old = kernels.redraw_path(arcs, unary, paths[1], u[0], scratch, path, room)
    assert path.tolist() == paths[0].tolist()
    assert new == pytest.approx(log_weight - comp, abs=1e-12)
    assert old == pytest.approx(kernels.weigh_path(arcs, unary, paths[1]) - comp, abs=1e-12)
    kernels.best_path(arcs, unary, scratch, path_comp)
    assert path_comp.tolist() == naive.chain_best_path(tables, unary.tolist())


def test_a_worked_example():
    # Two steps, two symbols, weights 1 and 2 of the symbols, 3 of a change:
    # 00: 1, 01: 6, 10: 6, 11: 4; Z = 17.
    change = np.log([[1.0, 3.0], [3.0, 1.0]])
    chain = Chain(np.log([[1.0, 2.0], [1.0, 2.0]]), [Automaton.first_order(change, 2)])
    assert np.exp(chain.log_normaliser) == pytest.approx(17)
    assert np.exp(chain.log_prob([[1, 1]])) == pytest.approx([4 / 17])
    np.testing.assert_allclose(chain.marginals()[0], [7 / 17, 10 / 17])
    assert chain.best().tolist() == [0, 1]


def test_no_weight_is_lost_however_small():
    # Only the path through symbol 1 is accepted, at a log-weight of -9000.
    unary = np.tile([0.0, -3000.0], (3, 1))
    stay = Automaton.first_order(
        np.log(np.eye(2), where=np.eye(2) > 0, out=np.full((2, 2), -np.inf)), 3
    )
    last = np.zeros((3, 2))
    last[0, 0] = -np.inf
    chain = Chain(unary + last, [stay])
    assert chain.log_normaliser == pytest.approx(-9000)
    assert chain.sample(1, random_state=0).tolist() == [[1, 1, 1]]
    # Both ways are open, one of them e^-3000 as likely at each step: both messages stay exact.
    both = Chain(unary, [stay])
    assert both.log_prob([[1, 1, 1]]) == pytest.approx([-9000])
    assert both.log_prob([[0, 1, 1]]).tolist() == [-np.inf]


def test_large_log_weights_do_not_overflow():
    heavy = Automaton.first_order(np.array([[900.0, 0.0], [0.0, 900.0]]), 4)
    assert Chain(np.zeros((4, 2)), [heavy]).log_normaliser == pytest.approx(2700 + np.log(2))


def test_infeasible_and_oversized_are_said():
    none = Chain(STAY, [Automaton.first_order(STAY, 2)])
    assert none.log_normaliser == -np.inf
    assert none.log_prob([[0, 0]]).tolist() == [-np.inf]
    for call in (none.best, none.marginals, lambda: none.sample(1)):
        with pytest.raises(ConstraintError, match="no path"):
            call()
    with pytest.raises(ConstraintError, match="more than 3 states"):
        Chain(np.zeros((9, 5)), [Automaton.first_order(np.zeros((5, 5)), 9)] * 2, max_states=3)
    with pytest.raises(ConstraintError, match="below inf"):
        Chain(np.full((2, 2), np.nan))


def test_ties_are_broken_by_the_order_of_symbols():
    assert Chain(np.zeros((4, 3))).best().tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_a_product_reads_as_its_factors(seed):
    rng = np.random.default_rng(seed)
    automata = [random_tables(rng, n_kinds=k, hole=0.1)[1] for k in (1, 2, 3)]
    allowed = rng.random((N_STEPS, N_SYMBOLS)) < 0.8
    paths = all_paths(N_STEPS, N_SYMBOLS)
    product = multiply_all(automata, allowed)
    separate = path_log_weights(paths, np.where(allowed, 0.0, -np.inf), automata)
    together = path_log_weights(paths, np.where(allowed, 0.0, -np.inf), [product])
    np.testing.assert_allclose(together, separate)
    _, passed = live_states(product, allowed)
    used = np.zeros_like(passed)
    for path in paths[separate > -np.inf]:
        used[np.arange(N_STEPS), path] = True
    np.testing.assert_array_equal(passed, used)


def test_the_same_seed_gives_the_same_paths():
    unary, automata = WORLDS["product"]
    a, b = (Chain(unary, automata).sample(5, random_state=7) for _ in range(2))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("module", [automata_module, chain_module])
def test_examples(module):
    assert doctest.testmod(module).failed == 0


def test_redrawing_draws_as_a_new_chain_does():
    # Log-weights change ahead and back again, and what a path began with grows and shrinks.
    rng = np.random.default_rng(5)
    n_steps, n_symbols = 9, 3
    table = rng.normal(size=(n_symbols, n_symbols))
    table[1, 2] = -np.inf
    chain = Chain(np.zeros((n_steps, n_symbols)), [Automaton.first_order(table, n_steps)])
    redrawing, unary = Redrawing(chain), np.zeros((n_steps, n_symbols))
    path = chain.sample(1, random_state=0)[0]
    for i, n in enumerate([0, 2, 5, 3, 8, 0, 4, 9]):
        unary = unary.copy()
        unary[rng.integers(0, n_steps, 2)] = rng.normal(size=n_symbols)
        drawn = redrawing.draw(unary, path[:n], random_state=i)
        expected = chain.under(unary).after(path[:n]).sample(1, random_state=i)[0]
        assert drawn.tolist() == expected.tolist()


def test_redrawing_says_where_there_is_no_way_on_and_goes_on_after_it():
    redrawing = Redrawing(Chain(np.zeros((4, 2))))
    closed = np.zeros((4, 2))
    closed[2] = -np.inf
    assert redrawing.draw(closed, np.array([1]), random_state=0) is None
    only = np.array([[0.0, -np.inf], [-np.inf, 0.0], [0.0, -np.inf], [-np.inf, 0.0]])
    assert redrawing.draw(only, np.array([0]), random_state=0).tolist() == [1, 0, 1]


def test_redrawing_keeps_what_is_right_where_there_was_no_way_on():
    rng = np.random.default_rng(6)
    table = rng.normal(size=(3, 3))
    table[1, 2] = table[2, 0] = -np.inf
    chain = Chain(np.zeros((9, 3)), [Automaton.first_order(table, 9)])
    redrawing, n_closed, unary = Redrawing(chain), 0, np.zeros((9, 3))
    for i in range(90):
        n = rng.integers(1, 10)  # Rows that change: those after them stay as they are.
        weight = np.where(rng.random((n, 3)) < 0.4, -np.inf, rng.normal(size=(n, 3)))
        unary = np.concatenate([weight, unary[n:]])
        begun = np.zeros(rng.integers(0, 4), np.int64)
        law = chain.under(unary).after(begun)
        drawn = redrawing.draw(unary, begun, random_state=i)
        n_closed += drawn is None
        assert (drawn is None) == (law.log_normaliser == -np.inf)
        assert drawn is None or drawn.tolist() == law.sample(1, random_state=i)[0].tolist()
    assert 15 < n_closed < 75
