"""The density ratio: what is learned from windows is how much likelier the corpus makes them."""

import numpy as np
import pytest

from stats_composer.composers.chorale.balance import correct, n_rounds
from stats_composer.models.maxent import DensityRatio, Difference, Field, MaxEnt, Pair
from stats_composer.sampling.gibbs import GibbsSampler

EXACT = DensityRatio(base=1e-6, slope=0, n_steps=400)
END, LAST = 1, 13


def logit(p):
    return np.log(p / (1 - p))


def test_ratio_of_two_coins():
    # Corpus 1 with .8, model with .3: of 100 pairs of independent draws, .8 * .7 have the excess
    # 1, .2 * .3 have -1; log(.56 / .06) = logit(.8) - logit(.3), the ratio of the laws' odds.
    excess = np.repeat([1.0, 0.0, -1.0], [56, 38, 6])
    differences = [
        Difference(np.flatnonzero([d]), np.array([d])[np.flatnonzero([d])]) for d in excess
    ]
    assert EXACT.learn(differences, 1)[0] == pytest.approx(logit(0.8) - logit(0.3), abs=1e-3)


def test_features_of_one_event_share_what_it_tells():
    # Alone each would have log 3; two that always come together have it in sum.
    both = [Difference(np.array([0, 2]), np.array([d, d])) for d in (1.0, 1.0, 1.0, -1.0)]
    found = EXACT.learn(both, 3)
    assert found[[0, 2]] == pytest.approx(np.log(3) / 2, abs=1e-3)
    assert found[1] == 0


def test_penalty_holds_weights_where_the_gradient_vanishes():
    # Four windows: 4 / (1 + exp(w)) = l2 w; w = 1 for l2 = 4 / (1 + e). Half of it is that of each
    # weight, half comes with the deviation, the root of 4.
    l2 = 4 / (1 + np.e)
    ratio = DensityRatio(base=l2 / 2, slope=l2 / 4)
    four = [Difference(np.array([0]), np.array([1.0]))] * 4
    assert ratio.learn(four, 1)[0] == pytest.approx(1, abs=1e-3)


def test_what_a_model_knew_already_is_told_once():
    # Corpus .8, model .3, and later, by a weight of 1, .3 e / (.7 + .3 e) = .538: 54 windows of
    # 100 then have .8 * .462 = .37 of excess, .2 * .538 = .11 of lack.
    late = np.exp(1) * 0.3 / (0.7 + np.exp(1) * 0.3)
    shares = [(0.8 * (1 - p), 0.2 * p) for p in (0.3, late)]
    excess = [np.repeat([1.0, -1.0], np.round(np.array(s) * 1000).astype(int)) for s in shares]
    windows = [Difference(np.array([0]), np.array([d])) for d in np.concatenate(excess)]
    known = np.concatenate([0 * excess[0], excess[1]])
    found = EXACT.learn(windows, 1, known)[0]
    assert found == pytest.approx(logit(0.8) - logit(0.3), abs=0.02)
    assert EXACT.learn(windows, 1)[0] < found - 0.3


def test_differences_are_counts_of_features():
    model = MaxEnt([Field(), Pair(max_lag=1)], n_lines=1, n_symbols=[2])
    one, other = np.array([[0], [1], [1]]), np.array([[0], [0], [1]])
    model.fit([one, other])
    found = Difference.of(model, one, other)
    excess = np.zeros(len(model.weights_.vector))
    excess[found.feature] = found.excess
    field = model.weights_.parts[0].where
    assert excess[field].ravel()[:2].tolist() == [-1, 1]
    assert excess.sum() == 0


def test_what_is_cooled_is_written_as_in_the_corpus_once_corrected():
    rng = np.random.default_rng(0)
    share = 0.8
    corpus = [
        np.column_stack([rng.random(60) < share, np.r_[np.full(59, 11), LAST]]).astype(np.int64)
        for _ in range(150)
    ]
    model = MaxEnt([Field()], n_lines=1, n_symbols=[2, 14]).fit(corpus)

    def write(model, piece, rng):
        sampler = GibbsSampler(model, corpus[piece], run_share=0.0, random_state=rng)
        return sampler.run(np.full(3, 0.7)), corpus[piece]

    def written():
        return np.mean([write(model, i, np.random.default_rng(i))[0][:, 0] for i in range(100)])

    # Cooled to .7 by itself it writes 1 with the logit of .8 over .7: nearly .88.
    assert written() == pytest.approx(1 / (1 + np.exp(-logit(share) / 0.7)), abs=0.015)
    told = []
    correct(model, len(corpus), write, END, 0, lambda *stage: told.append(stage))
    total = n_rounds(len(corpus))
    assert told == [("correction", n + 1, total) for n in range(total)]
    assert written() == pytest.approx(share, abs=0.03)
