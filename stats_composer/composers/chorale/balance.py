"""Balance: the model of the lines corrected by what is written with it.

A model is fitted to its corpus, and then sampled in ways that its fit has not seen: cooled below
its own temperature, under a plan, with passing notes put in afterwards. So features that the fit
does not know, or that the cooling brings out, come too often or too seldom. Balancing lets the
composer set melodies of its corpus, and moves the weight of each feature f of some further terms
by how often it comes in the settings and in the corpus,

    w[f] <- w[f] + RATE * log((count in the corpus + SHRINK) / (count in settings + SHRINK)),   (1)

some rounds long. It is iterative scaling (Darroch, Ratcliff 1972) with counts of the law that is
really drawn from; what seldom comes stays nearly as it is.

What is still told apart is then *corrected*: a classifier learns from the features of all terms
which phrases are the corpus' and which were written in their place, and the weights by which it
knows become the model's too (models/maxent/ratio.py). They are learned together, so that features
which share their events do not all move for each other.

References
----------
J. Darroch, D. Ratcliff (1972), Generalized iterative scaling for log-linear models, Annals of
Mathematical Statistics 43(5). S. Della Pietra, V. Della Pietra, J. Lafferty (1997), Inducing
features of random fields, IEEE PAMI 19(4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.asked import asked_jobs
from stats_composer.models.base import Callback
from stats_composer.models.maxent import DensityRatio, Difference, MaxEnt, Term
from stats_composer.views import FINAL, LAST

__all__ = ["N_PIECES", "N_ROUNDS", "balance", "correct", "phrase_rows"]

Ints = NDArray[np.int64]

RATE = 0.5
SHRINK = 6.0
N_ROUNDS, N_PIECES = 5, 48
N_CORRECTIONS = 2
RATIO = DensityRatio()
SEAM = 2  # rows of the next phrase that belong to a phrase's window


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


def correct(
    model: MaxEnt,
    n_pieces: int,
    write: Callable[[MaxEnt, int, np.random.Generator], tuple[Ints, Ints]],
    end: int,
    random_state: int,
    callback: Callback = None,
) -> None:
    """Add to a model's weights those by which what it writes is told from the corpus.

    Parameters
    ----------
    model : MaxEnt, fitted
    n_pieces : int
    write : callable
        `write(model, piece, rng)`, called in threads, sets what is given of a piece by a model;
        it returns the grid of the setting and that of the piece.
    end : int
        Column of the context voice `end`, by which pieces are cut into phrases.
    random_state : int
    callback : callable, optional
    """
    weights = model.weights_
    for stage in range(N_CORRECTIONS):

        def compare(piece: int, stage: int = stage) -> list[Difference]:
            rng = np.random.default_rng((random_state, stage, piece))
            written, corpus = write(model, piece, rng)
            rows = phrase_rows(corpus[: len(written), end])
            return [Difference.of(model, corpus[r], written[r]) for r in rows]

        with ThreadPoolExecutor(asked_jobs(-1)) as pool:
            compared = list(pool.map(compare, range(n_pieces)))
        differences = [difference for found in compared for difference in found]
        ratio = RATIO.learn(differences, len(weights.vector))
        weights.vector[:] = (weights.vector + ratio).astype(np.float16)
        weights.fold()
        if callback:
            callback("correction", stage + 1, N_CORRECTIONS)


def phrase_rows(end: Ints) -> list[slice]:
    """Return the rows of each phrase, with the first ones of the next.

    Parameters
    ----------
    end : ndarray of shape (n_rows,), int64
        The context voice.

    Examples
    --------
    >>> phrase_rows(np.array([11, 11, FINAL, FINAL, 11, 11, 11, LAST]))
    [slice(0, 6, None), slice(4, 8, None)]
    """
    last = np.isin(end, (FINAL, LAST))
    starts = [0, *(np.flatnonzero(last[:-1] & ~last[1:]) + 1).tolist()]
    stops = [*(start + SEAM for start in starts[1:]), len(end)]
    return [slice(start, min(stop, len(end))) for start, stop in zip(starts, stops, strict=True)]
