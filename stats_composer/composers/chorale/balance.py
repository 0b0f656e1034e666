"""Balance: the model of the lines corrected by what is written with it.

A model is fitted to its corpus, and then sampled in ways that its fit has not seen: cooled below
its own temperature, under a plan, with passing notes put in afterwards. So features that the fit
does not know, or that the cooling brings out, come too often or too seldom. Balancing lets the
composer set melodies of its corpus, and moves the weight of each feature f of some further terms
by how often it comes in the settings and in the corpus,

    w[f] <- w[f] + RATE * log((count in the corpus + SHRINK) / (count in settings + SHRINK)),   (1)

some rounds long. It is iterative scaling (Darroch, Ratcliff 1972) with counts of the law that is
really drawn from; what seldom comes stays nearly as it is.

References
----------
J. Darroch, D. Ratcliff (1972), Generalized iterative scaling for log-linear models, Annals of
Mathematical Statistics 43(5). S. Della Pietra, V. Della Pietra, J. Lafferty (1997), Inducing
features of random fields, IEEE PAMI 19(4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.models.base import Callback
from stats_composer.models.maxent import MaxEnt, Term

__all__ = ["N_PIECES", "N_ROUNDS", "balance"]

Ints = NDArray[np.int64]

RATE = 0.5
SHRINK = 6.0
N_ROUNDS, N_PIECES = 5, 48


def balance(
    model: MaxEnt,
    terms: Sequence[Term],
    n_pieces: int,
    write: Callable[[MaxEnt, int, int], tuple[Ints, Ints]],
    rng: np.random.Generator,
    callback: Callback = None,
) -> MaxEnt:
    """Return a model with further terms, balanced.

    Parameters
    ----------
    model : MaxEnt, fitted
    terms : sequence of Term
    n_pieces : int
        Of the corpus.
    write : callable
        `write(model, piece, seed)` sets the melody of a piece by a model; it returns the grid of
        the setting and that of the piece.
    rng : Generator
    callback : callable, optional
    """
    balanced = model.extended(terms)
    weights = balanced.weights_
    first = len(model.weights_.vector)
    for stage in range(N_ROUNDS):
        chosen = rng.choice(n_pieces, min(N_PIECES, n_pieces), replace=False)
        pairs = [write(balanced, int(i), int(rng.integers(2**31))) for i in chosen]
        written, corpus = (balanced.count_features([p[k] for p in pairs])[first:] for k in (0, 1))
        step = RATE * np.log((corpus + SHRINK) / (written + SHRINK))  # (1)
        weights.vector[first:] = (weights.vector[first:] + step).astype(np.float16)
        weights.fold()
        if callback:
            callback("balance", stage + 1, N_ROUNDS)
    return balanced
