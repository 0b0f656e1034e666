"""Calibration: what it learns and recalls, and that calibrated probabilities stay."""

import numpy as np

from stats_composer.models.calibration import VectorScaling


def draws(probs, rng):
    return np.array([rng.choice(len(row), p=row) for row in probs])


def test_calibrated_probabilities_stay():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(6), 4000)
    scaling = VectorScaling.fit([probs], [draws(probs, rng)], 3)
    assert abs(scaling.scale - 1) < 0.1
    assert np.abs(scaling(probs) - probs).mean() < 0.01


def test_too_sure_probabilities_are_tempered_and_rare_classes_raised():
    rng = np.random.default_rng(1)
    right = rng.dirichlet(np.ones(6), 6000)
    bias = np.tile([0.0, 1.0, -1.0], 2)
    said = right**2 * np.exp(bias)
    said /= said.sum(axis=1, keepdims=True)
    scaling = VectorScaling.fit(np.array_split(said, 5), np.array_split(draws(right, rng), 5), 3,
                                l2=0.1)  # fmt: skip
    assert abs(scaling.scale - 0.5) < 0.05
    np.testing.assert_allclose(scaling.bias - scaling.bias[0], [0, -0.5, 0.5], atol=0.12)
    np.testing.assert_allclose(scaling(said).sum(axis=1), 1.0)


def test_what_was_thought_impossible_is_never_nan():
    probs = np.array([[1.0, 0.0], [0.0, 1.0]])
    scaling = VectorScaling.fit([probs], [np.array([1, 0])], 2)
    assert np.isfinite(scaling.bias).all() and np.isfinite(scaling(probs)).all()


def test_rows_met_elsewhere_are_recalled():
    rng = np.random.default_rng(2)
    pieces, truth = [], []
    for _ in range(60):
        # a piece lives on two rows of four; what is said of a step knows little of them
        rows = rng.choice(4, 2, replace=False)
        labels = 2 * rng.choice(rows, 40) + rng.integers(2, size=40)
        said = rng.dirichlet(np.ones(8), 40)
        said[np.arange(40), labels] += 0.25
        pieces.append(said / said.sum(axis=1, keepdims=True))
        truth.append(labels)
    scaling = VectorScaling.fit(pieces[:40], truth[:40], 2)
    plain = VectorScaling(scaling.scale, scaling.bias)
    assert scaling.recall > 0.1
    better, worse = (
        np.mean(
            [
                np.log(c(p)[np.arange(40), y]).mean()
                for p, y in zip(pieces[40:], truth[40:], strict=True)
            ]
        )
        for c in (scaling, plain)
    )
    assert better > worse + 0.01
