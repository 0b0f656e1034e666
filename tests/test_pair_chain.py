"""The structured machine of pairs: decoders against enumeration, learning, turning."""

import numpy as np
import pytest

from stats_composer.errors import NotFittedError
from stats_composer.kernels.pair_chain import Tables, best_path, choose_near, pair_marginals
from stats_composer.models.pair_chain import PairChain, Seen
from tests import naive_pair_chain as naive

GROUP = np.array([0, 1, 0])


def tables(rng):
    return Tables(
        rng.normal(size=4), rng.normal(size=(2, 24, 24)), rng.normal(size=(2, 2, 12)),
        rng.normal(size=4), rng.normal(size=1),
    )  # fmt: skip


def told(labels):
    row, own = np.divmod(labels, len(GROUP))
    return np.stack([labels, row, GROUP[own]], axis=-1)


def drawn(rng, n, width, top):
    """Draw distinct candidates a step."""
    return np.array([rng.permutation(top)[:width] for _ in range(n)])


@pytest.mark.parametrize("seed", range(6))
def test_decoders_are_enumeration(seed):
    rng = np.random.default_rng(seed)
    n, n_labels, n_homes = 4, 3, 2
    homes, labels = drawn(rng, n, n_homes, 3), drawn(rng, n, n_labels, 5)
    unary, gate, weights = (
        rng.normal(size=(n, n_labels, n_homes)),
        rng.integers(0, 4, n),
        tables(rng),
    )
    given = homes, told(labels), gate, weights
    pairs = np.tile(homes, (1, n_labels)), np.repeat(labels, n_homes, axis=1)
    flat = unary.reshape(n, -1)
    path = np.empty(n, np.int64)
    best_path(unary, *given, path)
    assert tuple(path) == naive.best_path(flat, *pairs, gate, weights, GROUP)
    marginal = np.empty_like(unary)
    log_normaliser = pair_marginals(unary, *given, marginal)
    expected, total = naive.pair_marginals(flat, *pairs, gate, weights, GROUP)
    np.testing.assert_allclose(marginal.reshape(n, -1), expected, atol=1e-12)
    assert log_normaliser == pytest.approx(total)


@pytest.mark.parametrize(("near", "n_chosen"), [(0, 1), (2, 4), (9, 7)])
def test_candidates_are_likely_at_or_near_their_step(near, n_chosen):
    log_prob = np.random.default_rng(near).normal(size=(6, 7))
    chosen = np.empty((6, n_chosen), np.int64)
    choose_near(log_prob, near, 0.3, chosen)
    assert chosen.tolist() == naive.choose_near(log_prob.tolist(), near, 0.3, n_chosen)


@pytest.mark.parametrize("seed", range(3))
def test_a_paths_features_weigh_what_the_path_does(seed):
    rng = np.random.default_rng(seed)
    model = PairChain(GROUP, n_gates=4)
    weights = rng.normal(size=sum(int(np.prod(shape)) for shape in model._shapes().values()))
    parts, n = model._parts(weights), 9
    homes, labels, gate = rng.integers(0, 4, n), rng.integers(0, 5, n), rng.integers(0, 4, n)
    given = Seen(rng.normal(size=(n, 36)), rng.normal(size=(n, 24)), gate)
    expected = 0.0
    for t in range(n):
        row, own = divmod(labels[t], len(GROUP))
        expected += parts["own"] @ [given.labels[t, labels[t]], given.homes[t, homes[t]]]
        expected += parts["sit"][homes[t] % 2, (row - homes[t] // 2) % 12, own]
        if t:
            step = homes[t - 1], labels[t - 1], homes[t], labels[t], gate[t]
            expected += naive.step_weight(*step, model._tables(parts), GROUP)
    assert weights @ model._features(given, homes, labels) == pytest.approx(expected)


def seen(labels, homes, sure=2.0):
    """Log-probabilities that lean to what is given, step by step."""
    n = len(labels)
    by_label, by_home = np.zeros((n, 36)), np.zeros((n, 24))
    by_label[np.arange(n), labels] = sure
    by_home[np.arange(n), homes] = sure
    return Seen(by_label, by_home, np.arange(n) % 2)


def test_it_learns_that_chords_change_on_the_beat():
    right = np.repeat([0, 15, 21, 0], 4)
    homes = np.zeros(16, np.int64)
    noisy = right.copy()
    noisy[[5, 11]] = 30, 3  # off the beat, and alone
    model = PairChain(GROUP, n_gates=2, n_labels=4, n_homes=2)
    with pytest.raises(NotFittedError):
        model.predict(seen(right, homes))
    model.fit([seen(noisy, homes)] * 3, [homes] * 3, [right] * 3)
    found_homes, found = model.predict(seen(noisy, homes))
    np.testing.assert_array_equal(found, right)
    np.testing.assert_array_equal(found_homes, homes)
    by_home, by_label = model.marginals(seen(noisy, homes))
    np.testing.assert_allclose(by_home.sum(axis=1), 1)
    np.testing.assert_allclose(by_label.sum(axis=1), 1)


def test_answers_turn_with_what_is_seen():
    rng = np.random.default_rng(4)
    right, homes = rng.integers(0, 36, 12), np.zeros(12, np.int64)
    model = PairChain(GROUP, n_gates=2).fit([seen(right, homes)], [homes], [right])
    given = Seen(rng.normal(size=(12, 36)), rng.normal(size=(12, 24)), np.arange(12) % 2)
    moved = Seen(np.roll(given.labels, 15, axis=1), np.roll(given.homes, 10, axis=1), given.gate)
    for one, other, by in zip(model.predict(given), model.predict(moved), (10, 15), strict=True):
        np.testing.assert_array_equal((one + by) % (24 if by == 10 else 36), other)


def test_what_is_decoded_together_is_what_each_finds():
    rng = np.random.default_rng(0)
    given = Seen(rng.normal(size=(12, 36)), rng.normal(size=(12, 24)), rng.integers(0, 2, 12))
    model = PairChain(GROUP, n_gates=2, temperature=0.5)
    model.weights_ = rng.normal(size=sum(int(np.prod(s)) for s in model._shapes().values()))
    apart = *model.predict(given), *model.marginals(given)
    for one, other in zip(model.decode(given), apart, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose([p.sum(axis=1) for p in apart[2:]], 1.0)


def test_steps_of_which_nothing_is_known_are_let_go():
    right, homes = np.array([0, 0, 0, 15]), np.zeros(4, np.int64)
    unknown = np.array([-1, 0, -1, 15])
    pieces = [seen(right, homes)] * 5
    model = PairChain(GROUP, n_gates=2).fit(pieces, [homes] * 5, [unknown] * 5)
    np.testing.assert_array_equal(model.predict(seen(right, homes))[1], right)
    with pytest.raises(ValueError, match="nothing to learn from"):
        PairChain(GROUP, n_gates=2).fit([seen(right, homes)], [homes], [np.full(4, -1)])
