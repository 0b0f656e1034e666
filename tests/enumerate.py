"""Small laws by listing everything that can come, and the statistics that compare draws to them."""

import itertools

import numpy as np
from scipy import stats


def all_paths(n_steps, n_symbols):
    """Return every path, in the order of its symbols, as an array (n_paths, n_steps)."""
    return np.array(list(itertools.product(range(n_symbols), repeat=n_steps)), np.int64)


def all_grids(n_steps, n_symbols):
    """Return every grid of voices of some alphabet sizes, (n_grids, n_steps, n_voices)."""
    rows = list(itertools.product(*(range(n) for n in n_symbols)))
    return np.array(list(itertools.product(rows, repeat=n_steps)), np.int64)


def law(log_weights):
    """Normalise log-weights; return probabilities and the log-normaliser."""
    log_weights = np.asarray(log_weights, float)
    largest = log_weights.max()
    if largest == -np.inf:
        return np.zeros(len(log_weights)), -np.inf
    weights = np.exp(log_weights - largest)
    return weights / weights.sum(), float(largest + np.log(weights.sum()))


def path_log_weights(paths, unary, automata=()):
    """Weigh paths by unary log-weights and the reading of automata."""
    total = unary[np.arange(unary.shape[0]), paths].sum(axis=1)
    for automaton in automata:
        total = total + np.array([automaton.log_weight_of(path) for path in paths])
    return total


def chi_square_p(draws, outcomes, probs):
    """Return the p-value of draws under a law; 0 where something impossible was drawn.

    Outcomes expected fewer than 5 times are pooled.
    """
    place = {tuple(np.ravel(outcome)): i for i, outcome in enumerate(outcomes)}
    index = np.array([place[tuple(np.ravel(draw))] for draw in draws])
    observed = np.bincount(index, minlength=len(probs))
    if observed[probs == 0].any():
        return 0.0
    expected = probs * len(draws)
    rare = expected < 5
    if expected[rare].sum() > 0:
        observed = np.append(observed[~rare], observed[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
    else:
        observed, expected = observed[~rare], expected[~rare]
    if len(expected) < 2:
        return 1.0
    statistic = ((observed - expected) ** 2 / expected).sum()
    return float(stats.chi2.sf(statistic, len(expected) - 1))
