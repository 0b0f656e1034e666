"""The score card: pieces beside a corpus, by rates, distances, likelihoods and a classifier.

Each value stands beside that of the corpus itself: as many of its pieces, of tunes drawn at
random, against the rest of it. What lies outside the corpus's own 95 % is marked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import ScoreError
from stats_composer.evaluation.distances import (
    Interval,
    bootstrap,
    divergences,
    interval,
    likelihoods,
    spread,
)
from stats_composer.evaluation.features import Counts, Table, feature_table, piece_counts
from stats_composer.evaluation.measures import Measure
from stats_composer.evaluation.rates import MEASURES
from stats_composer.evaluation.reading import Reading
from stats_composer.evaluation.two_sample import TwoSample, two_sample_test
from stats_composer.score import Score, check_scores, tune_groups

__all__ = ["Beside", "ScoreCard", "score_card"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

N_DRAWS = 200
N_OWN_TESTS = 5


class Beside(NamedTuple):
    """A value of the judged pieces beside the corpus's own.

    Attributes
    ----------
    name, words, kind : str
    judged : Interval
        By bootstrap over the pieces.
    corpus : Interval
        Over draws of as many pieces of the corpus.

    Examples
    --------
    >>> from stats_composer.evaluation.distances import Interval
    >>> judged, corpus = Interval(9, 8, 10), Interval(5, 4, 6)
    >>> Beside("leaps", "leaps in 100 moves", "melody", judged, corpus).stands_out
    True
    """

    name: str
    words: str
    kind: str
    judged: Interval
    corpus: Interval

    @property
    def stands_out(self) -> bool:
        """Whether the value lies outside the corpus's own 95 %."""
        return not self.corpus.low <= self.judged.value <= self.corpus.high


class ScoreCard(NamedTuple):
    """What was found.

    Attributes
    ----------
    n_judged, n_corpus : int
    rates, distances, likelihoods : tuple of Beside
        Rates by `Measure.per` places, bits, nats of surprise a symbol.
    test : TwoSample
    own_auc : float
        Of the same test between as many pieces of the corpus and the rest of it, in the mean over
        five draws.

    Examples
    --------
    >>> ScoreCard._fields
    ('n_judged', 'n_corpus', 'rates', 'distances', 'likelihoods', 'test', 'own_auc')
    """

    n_judged: int
    n_corpus: int
    rates: tuple[Beside, ...]
    distances: tuple[Beside, ...]
    likelihoods: tuple[Beside, ...]
    test: TwoSample
    own_auc: float


def _own_auc(own: Table, groups: Ints, draws: Ints) -> float:
    """Return how well a classifier tells draws of the corpus from the rest of it."""
    tests = (two_sample_test(own, 1 - draw, groups, n_seeds=1, kinds=False) for draw in draws)
    return float(np.mean([test.auc for test in tests]))


def score_card(
    scores: Sequence[Score], corpus: Sequence[Score], *, n_seeds: int = 3, random_state: int = 0
) -> ScoreCard:
    """Judge pieces by a corpus; ScoreError is raised if a side has too few tunes.

    Parameters
    ----------
    scores, corpus : sequence of Score, each with notes, of two tunes or more
    n_seeds : int, divisions into folds of the classifier's test
    random_state : int

    Examples
    --------
    >>> score_card([], [])
    Traceback (most recent call last):
    stats_composer.errors.ScoreError: no scores: expected at least one
    """
    judged, known = ([Reading(s) for s in check_scores(side)] for side in (scores, corpus))
    rng = np.random.default_rng(random_state)
    groups = tune_groups([*scores, *corpus])
    draws = _own_draws(groups[len(judged) :], len(judged), rng)
    weights = bootstrap(len(judged), N_DRAWS, rng)
    counts = [piece_counts(reading) for reading in (*judged, *known)]
    table = feature_table([*judged, *known], counts)
    label = np.repeat([0, 1], [len(judged), len(known)])
    try:
        test = two_sample_test(table, label, groups, n_seeds=n_seeds, random_state=random_state)
        own = Table(table.features, table.values[label == 1])
        own_auc = _own_auc(own, groups[label == 1], draws[:N_OWN_TESTS])
    except ValueError as error:
        raise ScoreError(str(error)) from None
    rates = _rates(judged, known, weights, draws)
    distances = _distances(counts[: len(judged)], counts[len(judged) :], weights, draws)
    likelihoods = _likelihoods(judged, known, groups, weights, draws)
    return ScoreCard(len(judged), len(known), rates, distances, likelihoods, test, own_auc)


def _own_draws(groups: Ints, n: int, rng: np.random.Generator) -> Ints:
    """Draw some n pieces of a corpus, tune by tune, at most half of it, `N_DRAWS` times."""
    wanted = min(n, len(groups) // 2)
    draws = np.zeros((N_DRAWS, len(groups)), np.int64)
    for draw in draws:
        for tune in rng.permutation(groups.max() + 1):
            if draw.sum() >= wanted:
                break
            draw[groups == tune] = 1
    return draws


def _rates(
    judged: Sequence[Reading], corpus: Sequence[Reading], weights: Ints, draws: Ints
) -> tuple[Beside, ...]:
    rows = []
    for measure in MEASURES:
        values = [
            _drawn(measure, readings, sides)
            for readings, sides in ((judged, weights), (corpus, draws))
        ]
        if not any(np.isnan(value.value) for value in values):
            rows.append(Beside(measure.name, measure.words, measure.kind, *values))
    return tuple(rows)


def _drawn(measure: Measure, readings: Sequence[Reading], weights: Ints) -> Interval:
    """Return a rate over all pieces, and its interval over weighted ones."""
    counts = [measure.find(reading) for reading in readings]
    hits, places = np.array([(len(count.hits), count.n) for count in counts]).T
    with np.errstate(invalid="ignore"):
        draws = measure.per * (weights @ hits) / (weights @ places)
        value = measure.per * hits.sum() / places.sum()
    return interval(float(value), draws)


def _distances(
    counts: Sequence[Counts], known: Sequence[Counts], weights: Ints, draws: Ints
) -> tuple[Beside, ...]:
    ones, others = np.ones((1, len(counts))), np.ones((len(weights), len(known)))
    plain = divergences(counts, known, ones, others[:1])
    drawn = divergences(counts, known, weights.astype(np.float64), others)
    own = divergences(known, known, draws.astype(np.float64), (1 - draws).astype(np.float64))
    rows = []
    for kind, value in plain.items():
        if not np.isnan(value[0]):
            around = spread(float(value[0]), drawn[kind])
            rows.append(
                Beside(kind, kind, kind, around, interval(float(np.nanmean(own[kind])), own[kind]))
            )
    return tuple(rows)


def _likelihoods(
    judged: Sequence[Reading], corpus: Sequence[Reading], groups: Ints, weights: Ints, draws: Ints
) -> tuple[Beside, ...]:
    rows = []
    for name, sides in likelihoods(judged, corpus, groups).items():
        if all((~np.isnan(values)).any() for values in sides):
            one, other = (
                interval(float(np.nanmean(values)), _means(values, weight))
                for values, weight in zip(sides, (weights, draws), strict=True)
            )
            rows.append(Beside(name, name, "likelihood", one, other))
    return tuple(rows)


def _means(values: Floats, weights: Ints) -> Floats:
    told = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        means: Floats = weights[:, told] @ values[told] / weights[:, told].sum(axis=1)
    return means
