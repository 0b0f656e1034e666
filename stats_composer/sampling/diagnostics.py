"""Whether chains have mixed: effective sample size, split R-hat, traces of the energy.

A trace is one number a draw, such as the energy; several chains from different starts give
several traces of it, of shape (n_chains, n_draws). Each is split in half, so that a chain that
still drifts disagrees with itself, and

    R-hat = sqrt(((n - 1) / n W + B / n) / W)                                                 (1)

compares the variance between the 2m halves, B / n, with the mean variance within them, W. It
is taken of the draws' normal scores and of those of their distance to the median, and the
larger one counts: the first sees chains that differ in place, the second in spread. The
effective sample size is

    S = m n / (-1 + 2 (P_0 + P_1 + ...)),  P_k = rho_2k + rho_2k+1                            (2)

with the autocorrelations rho of all chains together, the pairs P summed while they are
positive and made to fall (Geyer's initial monotone sequence).

Traces that have not mixed have no effective sample size worth a number: `diagnose` says what
is wrong instead, and says so of a single chain, which cannot know what it never visited.

References
----------
A. Vehtari, A. Gelman, D. Simpson, B. Carpenter, P.-C. Buerkner (2021), Rank-normalization,
folding, and localization: an improved R-hat for assessing convergence of MCMC, Bayesian
Analysis 16(2), sections 3 and 4. C. J. Geyer (1992), Practical Markov chain Monte Carlo,
Statistical Science 7(4), section 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from stats_composer.kernels.arrays import Floats
from stats_composer.sampling.gibbs import GibbsSampler

__all__ = ["Diagnosis", "diagnose", "effective_sample_size", "energy_traces", "split_r_hat"]

MAX_R_HAT = 1.01
MIN_ESS_A_CHAIN = 100
MIN_DRAWS = 8


@dataclass(frozen=True)
class Diagnosis:
    """What traces say of their chains.

    Attributes
    ----------
    n_chains, n_draws : int
    r_hat : float
        Split R-hat; infinite where chains stand still in different places.
    ess : float
        Effective sample size of all chains together; not a number where they have not mixed.
    reasons : tuple of str
        Why the chains cannot be called mixed; empty where they can.

    Examples
    --------
    >>> still = diagnose(np.zeros((4, 100)) + [[0], [0], [0], [1]])
    >>> still.mixed, still.r_hat, still.reasons[0]
    (False, inf, 'the chains stand still')
    """

    n_chains: int
    n_draws: int
    r_hat: float
    ess: float
    reasons: tuple[str, ...]

    @property
    def mixed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons

    def __str__(self) -> str:
        """Say in one line what was found."""
        if not self.mixed:
            return f"not mixed: {'; '.join(self.reasons)}"
        return (
            f"mixed: {self.n_chains} chains of {self.n_draws} draws, R-hat {self.r_hat:.3f}, "
            f"effective sample size {self.ess:.0f}"
        )


def diagnose(traces: Any) -> Diagnosis:
    """Judge chains by traces of one number.

    Parameters
    ----------
    traces : array_like of shape (n_chains, n_draws), float
        After the burn-in.

    Returns
    -------
    Diagnosis
        Mixed only where there are two chains or more, R-hat is at most 1.01 and the effective
        sample size at least 100 a chain.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> print(diagnose(rng.normal(size=(4, 1000)) + [[0], [0], [0], [3]]))
    not mixed: R-hat 1.48, expected at most 1.01
    """
    traces = _check(traces)
    n_chains, n_draws = traces.shape
    r_hat = split_r_hat(traces)
    ess = effective_sample_size(traces) if np.isfinite(r_hat) else np.nan
    reasons = []
    if n_chains < 2:
        reasons.append("one chain, expected two or more from different starts")
    if np.isinf(r_hat):
        reasons.append("the chains stand still")
    elif not r_hat <= MAX_R_HAT:
        reasons.append(f"R-hat {r_hat:.2f}, expected at most {MAX_R_HAT}")
    elif not ess >= MIN_ESS_A_CHAIN * n_chains:
        least = MIN_ESS_A_CHAIN * n_chains
        reasons.append(f"effective sample size {ess:.0f}, expected at least {least}")
    return Diagnosis(n_chains, n_draws, r_hat, np.nan if reasons else ess, tuple(reasons))


def split_r_hat(traces: Any) -> float:
    """Return the split R-hat of normal scores, of the draws or of their spread.

    Parameters
    ----------
    traces : array_like of shape (n_chains, n_draws), float

    Returns
    -------
    float
        1 for chains that agree; infinite where a chain stands still.

    References
    ----------
    Vehtari et al. (2021), equations 1 to 4 and 14, section 4.2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> round(split_r_hat(rng.normal(size=(4, 1000))), 2)
    1.0
    """
    halves = _halves(_check(traces))
    if (np.ptp(halves, axis=1) == 0).any():
        return np.inf
    folded = np.abs(halves - np.median(halves))
    return max(_r_hat(_normal_scores(halves)), _r_hat(_normal_scores(folded)))  # (1) of both


def effective_sample_size(traces: Any) -> float:
    """Return how many independent draws would tell the mean as well.

    Parameters
    ----------
    traces : array_like of shape (n_chains, n_draws), float

    Returns
    -------
    float
        Not a number where a chain stands still. Chains that do not agree have a small one, yet
        not small enough: see `diagnose`.

    References
    ----------
    Vehtari et al. (2021), equations 10 to 13; Geyer (1992), section 3.3.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> bool(3000 < effective_sample_size(rng.normal(size=(4, 1000))) < 5000)
    True
    """
    halves = _halves(_check(traces))
    n_chains, n_draws = halves.shape
    if (np.ptp(halves, axis=1) == 0).any():
        return np.nan
    covariance = np.mean([_autocovariance(half) for half in halves], axis=0)
    within = covariance[0] * n_draws / (n_draws - 1)
    total = covariance[0] + halves.mean(axis=1).var(ddof=1)
    rho = 1 - (within - covariance * n_draws / (n_draws - 1)) / total
    rho[0] = 1.0
    pairs = rho[: n_draws // 2 * 2].reshape(-1, 2).sum(axis=1)
    n_positive = int(np.argmax(pairs <= 0)) if (pairs <= 0).any() else len(pairs)
    monotone = np.minimum.accumulate(pairs[:n_positive])
    time = -1 + 2 * float(monotone.sum())  # (2)
    n_all = n_chains * n_draws
    # Antithetic chains can do better than independent draws, within reason (section 3.2).
    return float(n_all / max(time, 1 / np.log10(n_all)))


def energy_traces(
    samplers: Sequence[GibbsSampler],
    n_draws: int,
    *,
    sweeps: int = 1,
    burn_in: int = 0,
    temperature: float = 1.0,
) -> Floats:
    """Run chains and note their energies, (n_chains, n_draws), in nats, up to a constant.

    Parameters
    ----------
    samplers : sequence of GibbsSampler
        One a chain, from different starts; their states move on.
    n_draws : int
        Energies noted of each chain.
    sweeps, burn_in : int
        Sweeps between two of them, and before the first.
    temperature : float

    Examples
    --------
    >>> from stats_composer.sampling.gibbs import GibbsSampler
    >>> from stats_composer.models.maxent import Field, MaxEnt, Pair
    >>> pieces = [np.array([[0], [1]] * 4)] * 4
    >>> model = MaxEnt([Field(), Pair(max_lag=1)]).fit(pieces)
    >>> chains = [GibbsSampler(model, pieces[0], random_state=seed) for seed in (0, 1)]
    >>> energy_traces(chains, n_draws=5).shape
    (2, 5)
    """
    traces = np.empty((len(samplers), n_draws))
    for chain, sampler in enumerate(samplers):
        sampler.run(np.full(burn_in, temperature))
        for draw in range(n_draws):
            sampler.run(np.full(sweeps, temperature))
            traces[chain, draw] = sampler.energy()
    return traces


def _check(traces: Any) -> Floats:
    table = np.asarray(traces, np.float64)
    if table.ndim != 2 or not len(table) or table.shape[1] < MIN_DRAWS:
        raise ValueError(
            f"traces of shape {table.shape}: expected (n_chains, n_draws), "
            f"with {MIN_DRAWS} draws or more"
        )
    if not np.isfinite(table).all():
        raise ValueError("traces with values that are not finite")
    return table


def _halves(traces: Floats) -> Floats:
    """Split each chain in two, the middle draw of an odd number left out."""
    half = traces.shape[1] // 2
    return np.concatenate([traces[:, :half], traces[:, -half:]])


def _normal_scores(values: Floats) -> Floats:
    """Replace values by the normal quantiles of their ranks, ties sharing the mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2
    inverse = NormalDist().inv_cdf
    scores = np.array([inverse((r - 3 / 8) / (values.size + 1 / 4)) for r in rank])
    return scores[place].reshape(values.shape)


def _r_hat(values: Floats) -> float:
    n_draws = values.shape[1]
    within = values.var(axis=1, ddof=1).mean()
    between = values.mean(axis=1).var(ddof=1)
    if within == 0:
        return np.inf if between > 0 else 1.0
    return float(np.sqrt((n_draws - 1) / n_draws + between / within))  # (1)


def _autocovariance(values: Floats) -> Floats:
    """Return the autocovariance at every lag, by the Fourier transform, divided by n."""
    n = len(values)
    spectrum = np.fft.rfft(values - values.mean(), 2 * n)
    products: Floats = np.fft.irfft(spectrum * spectrum.conj(), 2 * n)[:n]
    return products / n
