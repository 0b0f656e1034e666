"""The chain model: kernels against twins and enumeration, gradient, law, contract."""

import itertools

import numpy as np
import pytest
from naive_crf import (
    add_features,
    best_path,
    forward_backward,
    gather_scores,
    number_features,
    write_codes,
)

from stats_composer.factors import Automaton
from stats_composer.kernels import chords as chord_kernels
from stats_composer.kernels import crf as kernels
from stats_composer.models.crf import ChainCRF, Observed, _Objective
from stats_composer.sampling.chain import Chain

N_ROWS, N_CLASSES, N_GATES = 2, 2, 2
N_LABELS = N_ROWS * N_CLASSES


def seen(rng, n, n_codes=9, n_slots=5):
    codes = rng.integers(-1, n_codes, (n, N_ROWS, n_slots)).astype(np.int32)
    return Observed(codes, rng.integers(0, N_GATES, n))


def model(**options):
    shape = {"n_rows": N_ROWS, "n_classes": N_CLASSES, "n_gates": N_GATES, "min_count": 1}
    return ChainCRF(**{**shape, **options})


@pytest.fixture(scope="module")
def trained():
    rng = np.random.default_rng(3)
    pieces = [seen(rng, n) for n in (6, 1, 4, 9)]
    labels = [rng.integers(0, N_LABELS, len(piece.codes)) for piece in pieces]
    return model(l2=0.5).fit(pieces, labels), pieces, labels


def packed(rng, n):
    codes = seen(rng, n).codes
    number = np.array([3, -1, 0, 1, 2, -1], np.int32)
    out = np.empty_like(codes)
    width = kernels.number_features(codes, number, out)
    return codes, number, out[:, :, :width]


def test_features_are_numbered_and_packed():
    codes, number, found = packed(np.random.default_rng(0), 7)
    expected = number_features(codes.tolist(), number.tolist())
    assert [[[k for k in row if k >= 0] for row in step] for step in found.tolist()] == expected
    assert max(len(row) for step in expected for row in step) == found.shape[2]
    assert all(sorted(row, key=lambda k: k < 0) == row for step in found.tolist() for row in step)


def test_scores_and_their_transpose():
    rng = np.random.default_rng(1)
    codes, number, feature = packed(rng, 7)
    lists = number_features(codes.tolist(), number.tolist())
    weights = rng.normal(size=(4, N_CLASSES))
    score, residual = np.empty((7, N_LABELS)), rng.normal(size=(7, N_LABELS))
    kernels.gather_scores(np.ascontiguousarray(feature), weights, score)
    np.testing.assert_allclose(score, gather_scores(lists, weights.tolist(), N_CLASSES))
    total = np.zeros((4, N_CLASSES))
    kernels.add_features(np.ascontiguousarray(feature), residual, total)
    np.testing.assert_allclose(total, add_features(lists, residual.tolist(), 4, N_CLASSES))


@pytest.mark.parametrize("seed", range(4))
def test_messages_agree_with_enumeration(seed):
    rng = np.random.default_rng(seed)
    lengths = [4, 1, 3]
    start = np.concatenate([[0], np.cumsum(lengths)])
    unary = 2 * rng.normal(size=(start[-1], N_LABELS))
    gate = rng.integers(0, N_GATES, start[-1])
    transition = rng.normal(size=(N_GATES, N_LABELS, N_LABELS))
    potential = np.exp(transition)
    turned = np.ascontiguousarray(potential.transpose(0, 2, 1))
    marginal, paired = np.empty_like(unary), np.zeros_like(potential)
    total = kernels.forward_backward(start, unary, gate, potential, turned, marginal, paired)
    path = np.empty(start[-1], np.int64)
    kernels.best_paths(start, unary, gate, transition, path)
    expected, log_z = np.zeros_like(paired), 0.0
    for a, b in itertools.pairwise(start):
        piece = unary[a:b].tolist(), gate[a:b].tolist(), transition.tolist()
        own, probs, pairs = forward_backward(*piece)
        log_z, expected = log_z + own, expected + np.array(pairs)
        np.testing.assert_allclose(marginal[a:b], probs, atol=1e-8)
        assert tuple(path[a:b]) == best_path(*piece)
    assert total == pytest.approx(log_z)
    np.testing.assert_allclose(paired * potential, expected, atol=1e-8)


def test_gradient_agrees_with_differences(trained):
    fitted, pieces, labels = trained
    objective = _Objective(fitted, fitted._batch(pieces), np.concatenate(labels))
    point = np.random.default_rng(0).normal(size=objective.n_parameters)
    _, gradient = objective(point)
    for k in range(0, objective.n_parameters, 3):
        step = np.zeros_like(point)
        step[k] = 1e-5
        slope = (objective(point + step)[0] - objective(point - step)[0]) / 2e-5
        assert gradient[k] == pytest.approx(slope, abs=1e-5)


def test_it_is_the_law_of_the_chain_engine(trained):
    fitted, pieces, _ = trained
    still = Observed(pieces[3].codes, np.ones_like(pieces[3].gate))
    (unary,) = fitted.unary([still])
    chain = Chain(unary, [Automaton.first_order(fitted.transition()[1], len(unary))])
    np.testing.assert_allclose(fitted.marginals([still])[0], chain.marginals(), atol=1e-8)
    np.testing.assert_array_equal(fitted.predict([still])[0], chain.best())


def test_turning_what_is_seen_turns_what_is_found(trained):
    fitted, pieces, _ = trained
    probs = fitted.marginals([pieces[0]])[0].reshape(-1, N_ROWS, N_CLASSES)
    turned = Observed(pieces[0].codes[:, ::-1].copy(), pieces[0].gate)
    again = fitted.marginals([turned])[0].reshape(-1, N_ROWS, N_CLASSES)
    np.testing.assert_allclose(again, probs[:, ::-1], atol=1e-12)


def test_training_raises_the_likelihood(trained):
    fitted, pieces, labels = trained
    chance = -np.log(N_LABELS)
    assert fitted.score(pieces, labels) > chance
    assert fitted.n_iter_ > 1
    assert repr(fitted).startswith("ChainCRF(")


def test_labels_that_do_not_go_with_the_pieces_are_refused():
    piece = seen(np.random.default_rng(0), 4)
    for labels in ([], [np.zeros(3, np.int64)], [np.full(4, N_LABELS)], [np.full(4, -1)]):
        with pytest.raises(ValueError, match="expected"):
            model().fit([piece], labels)
    with pytest.raises(ValueError, match="call fit first"):
        model().predict([piece])


def test_what_the_kernels_could_not_read_is_named(trained):
    fitted, pieces, labels = trained
    codes, gate = pieces[0].codes, pieces[0].gate
    for X, message in (
        ([], "no pieces"),
        (pieces[0], "wrap it in a list"),
        ([codes], "piece 0 of ndarray: expected an Observed"),
        ([pieces[1], Observed(codes, gate + 2)], "piece 1, step 0: gate [23], expected 0 to 1"),
        ([Observed(codes, gate - 2)], "gate -[12], expected 0 to 1"),
        ([Observed(codes, gate[1:])], r"gate of shape \(5,\): expected \(6,\)"),
        ([Observed(codes[:, :1], gate)], "codes of shape"),
        ([Observed(codes[:0], gate[:0])], "codes of shape"),
        ([Observed(codes.astype(float), gate)], "expected integers"),
        ([pieces[1], Observed(codes[..., :2], gate)], "piece 1: codes of shape"),
    ):
        for call in (fitted.predict, fitted.marginals, fitted.decode, fitted.unary):
            with pytest.raises(ValueError, match=message):
                call(X)
    with pytest.raises(ValueError, match="fit again"):
        model(l2=0.5).fit(pieces, labels).set_params(n_rows=5).predict(pieces)
    with pytest.raises(ValueError, match="l2=-1: expected a number from 0"):
        model(l2=-1).fit(pieces, labels)
    unknown = Observed(np.full_like(codes, 2**30), gate)
    none = Observed(np.full_like(codes, -1), gate)
    np.testing.assert_array_equal(fitted.unary([unknown])[0], fitted.unary([none])[0])


def test_history_climbs_to_the_score(trained):
    fitted, pieces, labels = trained
    climbed = [row["objective"] for row in fitted.history_]
    assert len(climbed) == fitted.n_iter_ and np.diff(climbed).min() > -1e-9
    weights = (fitted.weights_, fitted.l2), (fitted.progression_, 1.0), (fitted.change_, 1.0)
    penalty = sum(0.5 * l2 * (w**2).sum() for w, l2 in weights)
    n_labels = sum(map(len, labels))
    assert climbed[-1] == pytest.approx(fitted.score(pieces, labels) - penalty / n_labels)


@pytest.mark.parametrize("n_families", [1, 2, 3])
def test_chord_codes_agree_with_their_twin(n_families):
    rng = np.random.default_rng(n_families)
    present = rng.random((6, 12)) < 0.3
    bass, accent = rng.integers(0, 12, 6), rng.integers(0, 6, 6)
    roots = np.tile(np.arange(12), (6, 1))
    out = np.empty((6, 12, chord_kernels.N_SLOTS[n_families - 1]), np.int32)
    chord_kernels.write_codes(present, bass, accent, roots, n_families, out)
    for t in range(6):
        for root in range(12):
            lists = present.tolist(), bass.tolist(), accent.tolist()
            assert out[t, root].tolist() == write_codes(*lists, root, t, n_families)
