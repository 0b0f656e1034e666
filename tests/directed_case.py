"""A tiny directed model, and all grids that it and its expert are judged on."""

from functools import cache

import numpy as np
from enumerate import all_grids

from stats_composer.models.directed import DirectedModel

NAMES = ("S", "T", "B")
LABELS = np.array([[60, 64, 67], [-1, 55, 60], [43, 48, -9]])
N_SYMBOLS = (3, 3, 2)
COLUMNS = {"half": 3, "place": 4}
CHAINS = {
    "B": (
        "symbol: half place | own@1 | before:own@1 run:own@1",
        "symbol: S@0 | S@-1 | ahead:S@0 next:S@0",
        "symbol-own@1: half | moved:S@0 | class:S@-1b",
        "class-S@0: set@1 | set@1b/S@0",
    ),
    "T": (
        "symbol: half | S@0 B@0 | own@1 own@2 | S@1b B@2b",
        "symbol-B@0: S@0-B@0 | S@1-own@1 class:B@0",
        "class: set@0/B@0 | nextclass:S@0 | turn:own@1 | S@0-own@1 B@0-B@1",
    ),
}
N_STEPS = 3


def pieces(n=10, length=14, seed=0):
    """Draw grids in which lines like to stay and to move together."""
    rng = np.random.default_rng(seed)
    grids = []
    for _ in range(n):
        lines = rng.integers(0, N_SYMBOLS, (length, 3))
        stays = rng.random((length, 3)) < 0.5
        for t in range(1, length):
            lines[t] = np.where(stays[t], lines[t - 1], lines[t])
        beats = np.arange(length)
        grids.append(np.column_stack([lines, beats % 2, beats // 2 % 2]))
    return grids


@cache
def fitted_model():
    """Fit a model to the pieces."""
    return DirectedModel(
        CHAINS, names=NAMES, labels=LABELS, n_symbols=N_SYMBOLS, columns=COLUMNS, penalty=5.0
    ).fit(pieces())


GIVEN = np.array([0, 1, 1])
LOWER = all_grids(N_STEPS, N_SYMBOLS[1:])
CONTEXT = np.array([[0, 0], [1, 0], [0, 1]])
GRIDS = np.array([np.hstack([GIVEN[:, None], lower, CONTEXT]) for lower in LOWER])


def log_likelihoods(model):
    """Return the log-likelihood of each of them."""
    return model.score_samples(list(GRIDS))
