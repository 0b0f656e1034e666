"""Diagnostics on chains whose mixing is known."""

import naive
import numpy as np
import pytest

from stats_composer.models.maxent import Field, MaxEnt, Pair
from stats_composer.sampling.diagnostics import (
    diagnose,
    effective_sample_size,
    energy_traces,
    split_r_hat,
)
from stats_composer.sampling.gibbs import GibbsSampler


def autoregressive(rng, phi, n_chains=4, n_draws=5000):
    """Draw stationary chains x' = phi x + noise of variance 1."""
    noise = rng.normal(0, np.sqrt(1 - phi**2), (n_chains, n_draws))
    x = np.empty((n_chains, n_draws))
    x[:, 0] = rng.normal(size=n_chains)
    for t in range(1, n_draws):
        x[:, t] = phi * x[:, t - 1] + noise[:, t]
    return x


@pytest.mark.parametrize("phi", [-0.3, 0.0, 0.5, 0.9])
def test_effective_sample_size_of_an_autoregression(phi):
    # Its autocorrelation is phi^k, so that S = m n (1 - phi) / (1 + phi).
    rng = np.random.default_rng(1)
    known = 20_000 * (1 - phi) / (1 + phi)
    found = [effective_sample_size(autoregressive(rng, phi)) for _ in range(5)]
    assert np.mean(found) == pytest.approx(known, rel=0.12)


def test_effective_sample_size_equals_its_naive_twin():
    # A wave on a slope makes the sums of pairs fall and rise again: they may not rise.
    t = np.arange(60)
    noise = np.random.default_rng(6).normal(0, 0.3, (2, 60))
    traces = np.stack([np.sin(t * np.pi / 5), np.cos(t * np.pi / 5)]) + np.abs(t - 30) / 10 + noise
    ref = naive.effective_sample_size(traces.tolist())
    assert effective_sample_size(traces) == pytest.approx(ref, rel=1e-9)
    risen = naive.effective_sample_size(traces.tolist(), monotone=False)
    assert risen < 0.8 * ref


def test_r_hat_on_paper():
    # Four halves, each 0 1 2 3 in some order: equal means, W = 5 / 3 before the ranks; the
    # normal scores keep the halves alike, so that B = 0 and R-hat = sqrt((n - 1) / n).
    traces = [[0, 1, 2, 3, 3, 2, 1, 0], [1, 0, 3, 2, 2, 3, 0, 1]]
    assert split_r_hat(traces) == pytest.approx(np.sqrt(3 / 4))


def test_chains_that_agree_are_mixed():
    found = diagnose(autoregressive(np.random.default_rng(2), 0.5))
    assert found.mixed and found.r_hat < 1.01 and found.ess > 4000
    assert str(found).startswith("mixed: 4 chains of 5000 draws, R-hat 1.00")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda x: x + np.array([[0], [0], [0], [2]]), "R-hat"),
        (lambda x: x * [[1], [1], [1], [4]], "R-hat"),
        (lambda x: x + np.linspace(0, 2, 5000), "R-hat"),
        (lambda x: x[:1], "one chain"),
        (lambda x: x[:, :40], "expected at"),
        (lambda x: np.repeat([[1.0], [2.0]], 100, axis=1), "the chains stand still"),
        (lambda x: np.ones((2, 100)), "the chains stand still"),
        (lambda x: np.vstack([x[:2], np.zeros((1, 5000))]), "the chains stand still"),
    ],
)
def test_what_has_not_mixed_is_not_called_good(spoil, reason):
    traces = spoil(autoregressive(np.random.default_rng(3), 0.5))
    found = diagnose(traces)
    assert not found.mixed and np.isnan(found.ess)
    assert reason in str(found) and str(found).startswith("not mixed: ")


@pytest.mark.parametrize("traces", [np.zeros(100), np.zeros((0, 100)), np.zeros((2, 4))])
def test_traces_of_another_shape_are_refused(traces):
    with pytest.raises(ValueError, match="expected \\(n_chains, n_draws\\)"):
        diagnose(traces)


def test_traces_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        diagnose(np.full((2, 100), np.inf))


def sticky_chains(coupling, n_steps=6):
    """Prepare two chains of one line, from opposite ends, that like to stay in their symbol."""
    model = MaxEnt([Field(), Pair(max_lag=1, max_diagonal=0)])
    model._set_up([np.arange(n_steps)[:, None] % 2])
    table = model.weights_.tables["Pair(max_lag=1, max_diagonal=0)"]
    table[0, 0, [0, 1], [0, 1]] = coupling
    model.weights_.tables["Field()"][0, 0, 0] = 1e-3  # so that the two ends differ in energy
    model.weights_.fold()
    return [
        GibbsSampler(model, np.full((n_steps, 1), symbol), random_state=symbol, run_share=0.0)
        for symbol in (0, 1)
    ]


def test_a_gibbs_sampler_that_mixes_and_one_that_is_stuck():
    mixing = energy_traces(sticky_chains(0.5), 1000, sweeps=2, burn_in=20)
    assert mixing.shape == (2, 1000)
    assert diagnose(mixing).mixed
    stuck = energy_traces(sticky_chains(12.0), 1000, sweeps=2, burn_in=20)
    assert not diagnose(stuck).mixed


def test_the_energy_is_the_negative_log_weight():
    (sampler, _) = sticky_chains(0.5)
    sampler.run(np.ones(3))
    assert sampler.energy() == pytest.approx(-sampler.model.log_weight(sampler.grid), abs=1e-5)
