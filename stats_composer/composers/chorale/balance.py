"""Correction: the models of a chorale mended by what is written with them.

A model is fitted to its corpus, and then sampled in ways that its fit has not seen: cooled below
its own temperature, under a plan, with passing notes put in afterwards. So features that the fit
does not know, or that the cooling brings out, come too often or too seldom. To correct it, the
composer sets melodies of its corpus, some in each round, by the model as it stands then.

A classifier learns from the features of all terms which phrases are the corpus' and which were
written in their place; the weights by which it knows become the model's too
(models/maxent/ratio.py). They are learned together, so that features which share their events do
not all move for each other, and anew in each round, from the phrases of all rounds so far: each
tells what the model it was written by lacked.

Of many features that share an event each then moves little. So the weight of each feature f of
some coarse terms is *balanced* as well, by how often it comes in the settings and in the corpus:

    w[f] <- w[f] + rate * log((count in the corpus + SHRINK) / (count in settings + SHRINK)),   (1)

with a rate that falls from round to round. It is iterative scaling (Darroch, Ratcliff 1972) with
counts of the law that is really drawn from; what seldom comes stays nearly as it is.

References
----------
J. Darroch, D. Ratcliff (1972), Generalized iterative scaling for log-linear models, Annals of
Mathematical Statistics 43(5). S. Della Pietra, V. Della Pietra, J. Lafferty (1997), Inducing
features of random fields, IEEE PAMI 19(4). H. Robbins, S. Monro (1951), A stochastic
approximation method, Annals of Mathematical Statistics 22(3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.asked import asked_jobs
from stats_composer.models.base import Callback
from stats_composer.models.maxent import DensityRatio, Difference, MaxEnt
from stats_composer.views import FINAL, LAST

__all__ = ["correct", "n_rounds", "phrase_rows"]

Ints = NDArray[np.int64]

RATE, SLOWING = 0.5, 4
SHRINK = 6.0
PIECES = 44  # of a round
FEWEST, MOST = 5, 10  # rounds
RATIO = DensityRatio()
SEAM = 2  # rows of the next phrase that belong to a phrase's window
NOTHING = slice(0)
Write = Callable[[MaxEnt, int, np.random.Generator], tuple[Ints, Ints]]


class _Compared(NamedTuple):
    """A setting and the piece, with the differences of their phrases."""

    written: Ints
    corpus: Ints
    differences: list[Difference]


def n_rounds(n_pieces: int) -> int:
    """Return how many rounds a corpus is worth.

    Examples
    --------
    >>> [n_rounds(n) for n in (3, 66, 500)]
    [5, 8, 10]
    """
    return min(MOST, FEWEST + 2 * n_pieces // PIECES)


def correct(
    model: MaxEnt,
    n_pieces: int,
    write: Write,
    end: int,
    random_state: int,
    callback: Callback = None,
    balanced: slice = NOTHING,
) -> None:
    """Move a model's weights until what it writes is told less well from the corpus.

    `write(model, piece, rng)`, called in threads, sets what is given of a piece by a model and
    returns the grids of the setting and of the piece; `end` is the column of the context voice by
    which pieces are cut into phrases; `balanced` are the weights that (1) moves too.
    """
    weights = model.weights_
    first = weights.vector.astype(np.float64)
    learned, scaled = np.zeros_like(first), np.zeros_like(first)
    differences, told = list[Difference](), np.zeros(0)
    rounds = _rounds(n_pieces, np.random.default_rng(random_state))
    for stage, chosen in enumerate(rounds):

        def compare(piece: int, stage: int = stage) -> _Compared:
            rng = np.random.default_rng((random_state, stage, piece))
            written, corpus = write(model, piece, rng)
            rows = phrase_rows(corpus[: len(written), end])
            found = [Difference.of(model, corpus[r], written[r]) for r in rows]
            return _Compared(written, corpus, found)

        with ThreadPoolExecutor(asked_jobs(-1)) as pool:
            compared = list(pool.map(compare, chosen))
        new = [difference for pair in compared for difference in pair.differences]
        told = np.append(told, _told(new, learned + scaled))
        differences += new
        scaled[balanced] += RATE / (1 + stage / SLOWING) * _log_ratio(model, compared)[balanced]
        learned = RATIO.learn(differences, len(first), told - _told(differences, scaled), learned)
        weights.vector[:] = (first + learned + scaled).astype(np.float16)
        weights.fold()
        if callback:
            callback("correction", stage + 1, len(rounds))


def _rounds(n_pieces: int, rng: np.random.Generator) -> list[list[int]]:
    """Deal the pieces of a corpus out to rounds, all before any comes again."""
    total, size = n_rounds(n_pieces), min(PIECES, n_pieces)
    deals = [rng.permutation(n_pieces) for _ in range(-(-total * size // n_pieces))]
    dealt: list[list[int]] = np.concatenate(deals)[: total * size].reshape(total, size).tolist()
    return dealt


def _told(differences: Sequence[Difference], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what weights tell of windows."""
    return np.array([d.excess @ weights[d.feature] for d in differences])


def _log_ratio(model: MaxEnt, compared: Sequence[_Compared]) -> NDArray[np.float64]:
    """Return the logarithm in (1) of each weight."""
    corpus = model.count_features([pair.corpus[: len(pair.written)] for pair in compared])
    written = model.count_features([pair.written for pair in compared])
    ratio: NDArray[np.float64] = np.log((corpus + SHRINK) / (written + SHRINK))  # (1)
    return ratio


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
