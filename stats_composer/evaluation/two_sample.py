"""The classifier two-sample test: can pieces be told from a corpus, and by what.

A linear discriminant with a quadratic penalty learns on some pieces which side they come from, and
is asked about the others. Settings of one tune never stand on both sides of a fold.
The AUC is the probability that a piece of the corpus, with the score S, looks more like one than a
piece that is judged, with the score s: .5 where nothing tells them apart, 1 where everything does.

    AUC = P(S > s) + P(S = s) / 2                                                             (1)

References
----------
D. Lopez-Paz, M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.evaluation.features import Feature, Table

__all__ = ["Telling", "TwoSample", "auc", "two_sample_test"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

N_FOLDS = 5
PENALTY = 1.0
"""On the squares of weights, by a hundredth of the sum of the squares of what is regressed on."""
N_TELLING = 12


class Telling(NamedTuple):
    """A feature that gives pieces away, with its mean on both sides."""

    feature: Feature
    weight: float
    judged: float
    corpus: float


class TwoSample(NamedTuple):
    """What the test found.

    Attributes
    ----------
    auc : float
        Mean over the seeds, each over all folds.
    spread : float
        Standard deviation over the seeds.
    by_kind : dict of str to float
        The AUC by the features of one kind alone.
    telling : list of Telling
        The features of largest weight, each beside its means.
    n_features, n_folds : int
    """

    auc: float
    spread: float
    by_kind: dict[str, float]
    telling: list[Telling]
    n_features: int
    n_folds: int


def auc(scores: Floats, label: Ints) -> float:
    """Return the probability that a score of label 1 lies above one of label 0, ties halved.

    Examples
    --------
    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0, 0, 1, 1]))
    0.875
    """
    high, low = np.sort(scores[label == 1]), np.sort(scores[label == 0])
    below = np.searchsorted(low, high, side="left") + np.searchsorted(low, high, side="right")
    return float(below.sum() / 2 / (len(high) * len(low)))  # (1)


def two_sample_test(
    table: Table, label: Ints, groups: Ints, *, n_seeds: int = 3, kinds: bool = True,
    random_state: int = 0,
) -> TwoSample:  # fmt: skip
    """Ask a classifier to tell pieces from a corpus.

    Parameters
    ----------
    table : Table
        Both together, as `feature_table` gives it.
    label : ndarray of shape (n_pieces,), int64
        1 for pieces of the corpus, 0 for those that are judged.
    groups : ndarray of shape (n_pieces,), int64
        The tune of each piece, as `score.tune_groups` numbers them; two or more on each side.
    n_seeds : int
        Divisions into folds.
    kinds : bool
        Whether each kind of feature is asked alone as well.
    random_state : int

    Raises
    ------
    ValueError
        If a side has fewer than two tunes.
    """
    n_folds = min(N_FOLDS, *(len(np.unique(groups[label == side])) for side in (0, 1)))
    if n_folds < 2:
        raise ValueError("a two-sample test: expected pieces of two tunes or more on each side")
    seeds = range(random_state, random_state + n_seeds)
    runs = [_judge(table.values, label, groups, n_folds, seed) for seed in seeds]
    values = np.array([auc(scores, label) for scores, _ in runs])
    by_kind = {}
    for kind in table.kinds() if kinds else ():
        own = table.of_kind(kind).values
        alone = [auc(_judge(own, label, groups, n_folds, seed)[0], label) for seed in seeds]
        by_kind[kind] = float(np.mean(alone))
    weight = np.mean([weights for _, weights in runs], axis=0)
    telling = _telling(table, label, weight)
    mean, spread = float(values.mean()), float(values.std())
    return TwoSample(mean, spread, by_kind, telling, len(table.features), n_folds)


def _judge(
    values: Floats, label: Ints, groups: Ints, n_folds: int, seed: int
) -> tuple[Floats, Floats]:
    """Score each piece by a classifier that has not seen its tune; return its weights too."""
    scores, weights = np.zeros(len(label)), np.zeros(values.shape[1])
    fold = _folds(label, groups, n_folds, np.random.default_rng(seed))
    for number in range(n_folds):
        train, test = fold != number, fold == number
        mean, scale = _centre(values[train])
        shown, asked = (np.nan_to_num((values[rows] - mean) / scale) for rows in (train, test))
        weight = _discriminant(shown, label[train])
        scores[test] = asked @ weight
        weights += weight / n_folds
    return scores, weights


def _folds(label: Ints, groups: Ints, n_folds: int, rng: np.random.Generator) -> Ints:
    """Deal tunes out to folds at random, those of each side, and of both, by themselves."""
    n_groups = int(groups.max()) + 1
    sides = [np.bincount(groups[label == side], minlength=n_groups) > 0 for side in (0, 1)]
    dealt = np.zeros(n_groups, np.int64)
    order = np.argsort(2 * sides[0] + sides[1] + rng.random(n_groups) / 2)
    dealt[order] = np.arange(n_groups) % n_folds
    return dealt[groups]


def _discriminant(values: Floats, label: Ints) -> Floats:
    """Regress the sides, 1 and -1 with equal weight each, on features under a penalty."""
    n_one = max(int(label.sum()), 1)
    share = np.where(label == 1, n_one, max(len(label) - n_one, 1)) * 2 / len(label)
    root = 1 / np.sqrt(share)
    rows = values * root[:, None]
    penalty = PENALTY * values.size / 100 * np.eye(len(rows))
    weight: Floats = rows.T @ np.linalg.solve(rows @ rows.T + penalty, root * (2 * label - 1))
    return weight


def _centre(values: Floats) -> tuple[Floats, Floats]:
    """Return mean and spread of columns, what is missing left aside."""
    told = ~np.isnan(values)
    n = np.maximum(told.sum(axis=0), 1)
    mean = np.where(told, values, 0.0).sum(axis=0) / n
    spread = np.sqrt(np.where(told, (values - mean) ** 2, 0.0).sum(axis=0) / n)
    return mean, np.where(spread > 1e-9, spread, 1.0)


def _telling(table: Table, label: Ints, weight: Floats) -> list[Telling]:
    found = []
    for column in np.argsort(-np.abs(weight))[:N_TELLING].tolist():
        sides = [table.values[label == side, column] for side in (0, 1)]
        means = [float(np.nanmean(own)) if (~np.isnan(own)).any() else np.nan for own in sides]
        found.append(Telling(table.features[column], float(weight[column]), *means))
    return found
