"""What every estimator of pieces has to do: the twin, for lists, of scikit-learn's own checks.

An estimator whose data are rows of numbers, `KMeans`, goes through scikit-learn's checks itself
(`test_texture.py`).
"""

import copy
import importlib
import pkgutil

import numpy as np
import pytest
from contract_cases import CASES, lines, steps
from sklearn.base import clone
from sklearn.exceptions import NotFittedError as TheirNotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline

import stats_composer.chords
import stats_composer.models
from stats_composer.encoding import GridEncoder
from stats_composer.errors import NotFittedError, StatsComposerError
from stats_composer.models.base import Estimator
from stats_composer.models.crf import Observed
from stats_composer.models.maxent import Field, MaxEnt, Pair
from stats_composer.models.ngram import KneserNey, Lidstone, NGram
from stats_composer.score import Score, make_notes

ELSEWHERE = {
    "KMeans": "rows of numbers: scikit-learn's checks, in test_texture.py",
    "TurningClassifier": "steps without pieces: test_turning.py",
    "PairChain": "two rows of labels a piece: test_pair_chain.py",
}

EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
LIKELIHOODS = pytest.mark.parametrize(
    "case", [c for c in CASES.values() if c.n_terms], ids=[n for n, c in CASES.items() if c.n_terms]
)
SAMPLERS = pytest.mark.parametrize(
    "case", [c for c in CASES.values() if c.sample], ids=[n for n, c in CASES.items() if c.sample]
)


def same(a, b):
    """Tell whether two values, arrays within them, are equal."""
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Observed):
        return same(a.codes, b.codes) and same(a.gate, b.gate)
    return a == b or repr(a) == repr(b)


def test_no_estimator_is_left_out():
    for package in (stats_composer.models, stats_composer.chords):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    waiting, found = [Estimator], set()
    while waiting:
        kinds = waiting.pop().__subclasses__()
        waiting += kinds
        kinds = [k for k in kinds if hasattr(k, "fit")]  # a part of one has none
        found |= {
            k.__name__ for k in kinds if ".models." in k.__module__ or ".chords." in k.__module__
        }
    assert found == {type(case.make()).__name__ for case in CASES.values()} | set(ELSEWHERE)


# ---- parameters ------------------------------------------------------------------------------


@EVERY
def test_parameters_come_back_and_go_with_a_clone(case):
    model = case.make()
    params = model.get_params(deep=False)
    assert model.set_params(**params) is model
    for name, value in clone(model).get_params(deep=False).items():
        assert same(value, params[name])
    assert set(params) <= set(model.get_params())
    assert repr(model).startswith(f"{type(model).__name__}(")
    with pytest.raises(ValueError, match="parameter 'nothing': expected one of"):
        model.set_params(nothing=1)
    with pytest.raises(ValueError, match=r"parameter nothing|parameter 'nothing'"):
        model.set_params(nothing__more=1)


@EVERY
def test_fit_names_a_parameter_that_means_nothing(case):
    for name, value in case.bad.items():
        with pytest.raises(ValueError, match=name):
            case.fit(**{name: value})


# ---- fit -------------------------------------------------------------------------------------


@EVERY
def test_fit_returns_the_model_and_changes_neither_data_nor_parameters(case):
    X, y = copy.deepcopy(case.X), copy.deepcopy(case.y)
    model = case.make()
    params = dict(vars(model))
    own = [] if y is None else [y]
    assert model.fit(X, *own) is model
    assert same(X, case.X) and (y is None or same(y, case.y))
    for name, value in params.items():
        assert getattr(model, name) is value
    learned = set(vars(model)) - set(params)
    assert learned and all(name.startswith("_") or name.endswith("_") for name in learned)


@EVERY
def test_a_fit_forgets_the_one_before(case):
    model = case.fit()
    model.fit(case.X[:3], *([] if case.y is None else [case.y[:3]]))
    fresh = case.fit(case.X[:3])
    assert case.score(model, case.X[:2]) == case.score(fresh, case.X[:2])
    assert same(getattr(model, "history_", None), getattr(fresh, "history_", None))


@EVERY
def test_what_is_learned_hangs_on_the_seed_alone(case):
    assert case.score(case.fit()) == case.score(clone(case.fit()).fit(case.X, case.y))


@EVERY
def test_history_is_a_table_of_steps(case):
    model = case.fit()
    assert hasattr(model, "history_") == case.iterates
    if case.iterates:
        assert model.history_
        for row in model.history_:
            assert isinstance(row["stage"], str) and isinstance(row["step"], int)
            assert np.isfinite(row["objective"])


@EVERY
def test_one_piece_is_enough_to_learn_from(case):
    assert np.isfinite(case.score(case.fit(case.X[:1]), case.X[:1]))


# ---- what is refused -------------------------------------------------------------------------


@EVERY
def test_a_model_that_is_not_fitted_says_so(case):
    piece = case.X[0]
    y = [] if case.y is None else [case.y]
    calls = {
        "score": lambda model: model.score(case.X, *y),
        "score_samples": lambda model: model.score_samples(case.X),
        "log_probs": lambda model: model.log_probs(piece),
        "log_weight": lambda model: model.log_weight(piece),
        "predict": lambda model: model.predict(case.X),
        "predict_proba": lambda model: model.predict_proba(case.X),
        "predict_log_proba": lambda model: model.predict_log_proba(case.X),
        "decision_function": lambda model: model.decision_function(case.X),
        "marginals": lambda model: model.marginals(case.X),
        "sample": lambda model: model.sample(**(case.sample or {})),
        "state": lambda model: model.state(),
    }
    for name, call in calls.items():
        if hasattr(case.make(), name):
            for error in (NotFittedError, TheirNotFittedError, StatsComposerError):
                with pytest.raises(error, match="call fit first"):
                    call(case.make())


@EVERY
def test_what_is_no_list_of_pieces_is_refused(case):
    model = case.fit()
    for X, message in (
        ([], "no pieces"),
        (None, "expected a list of pieces"),
        (3, "list of pieces"),
    ):
        with pytest.raises(ValueError, match=message):
            case.make().fit(X, *([] if case.y is None else [case.y]))
        with pytest.raises(ValueError, match=message):
            model.score(X, *([] if case.y is None else [case.y]))
    if isinstance(case.X[0], np.ndarray):
        for call in (case.make().fit, model.score):
            with pytest.raises(ValueError, match="wrap it in a list"):
                call(case.X[0], *([] if case.y is None else [case.y[0]]))


@EVERY
def test_a_piece_that_is_none_is_named(case):
    model = case.fit()
    for name, (piece, message) in case.wrong.items():
        X = [case.X[0], piece]
        own = [] if case.y is None else [[case.y[0], np.zeros(5, int)]]
        with pytest.raises(ValueError, match=message) as told:
            model.score(X, *own)
        assert "piece 1" in str(told.value) or "pieces of" in str(told.value), (name, told.value)
        assert "\n" not in str(told.value)


@EVERY
def test_labels_that_do_not_go_with_the_pieces_are_refused(case):
    if case.y is None:
        assert np.isfinite(case.score(case.make().fit(case.X, "not looked at")))
        return
    model = case.fit()
    for y in (
        None, case.y[:-1], [own[:-1] for own in case.y], [own - 1 for own in case.y],
        [own + 10**6 for own in case.y], [own * 1.0 for own in case.y],
    ):  # fmt: skip
        for call in (case.make().fit, model.score):
            with pytest.raises(ValueError, match="expected"):
                call(case.X, y)


# ---- scores ----------------------------------------------------------------------------------


@LIKELIHOODS
def test_score_is_the_mean_of_what_score_samples_adds_up(case):
    model = case.fit()
    total = model.score_samples(case.X)
    assert total.shape == (len(case.X),) and total.dtype == np.float64
    assert np.isfinite(total).all() and (total <= 0).all()
    n_terms = sum(case.n_terms(model, piece) for piece in case.X)
    assert case.score(model) == pytest.approx(total.sum() / n_terms, rel=1e-5)
    for piece, found in zip(case.X, total, strict=True):
        log_prob = model.log_probs(piece)
        assert log_prob.size == case.n_terms(model, piece)
        assert log_prob.sum() == pytest.approx(found, rel=1e-5)


@SAMPLERS
def test_draws_are_pieces_of_the_model_and_repeat_with_their_seed(case):
    model = case.fit()
    draws = model.sample(3, random_state=4, **case.sample)
    assert isinstance(draws, list) and len(draws) == 3
    for draw in draws:
        assert draw.ndim == case.X[0].ndim and draw.dtype == case.X[0].dtype
        assert len(draw) == case.sample.get("n_steps", len(draw)) or getattr(model, "end", False)
        assert not len(draw) or np.isfinite(case.score(model, [draw]))
    assert same(list(draws), list(model.sample(3, random_state=4, **case.sample)))
    rng = np.random.default_rng(4)
    assert same(list(draws), list(model.sample(3, random_state=rng, **case.sample)))
    assert len(model.sample(**case.sample)) == 1
    for wrong in ({"random_state": -1}, {"random_state": "x"}, {"n_samples": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            model.sample(**{**case.sample, **wrong})


# ---- scikit-learn's tools --------------------------------------------------------------------


@EVERY
def test_scores_are_cross_validated(case):
    # The alphabet is known to the model beforehand where a fold may lack a symbol.
    model = case.make()
    if isinstance(model, NGram):
        model.set_params(n_symbols=4)
    scores = cross_val_score(model, case.X, case.y, cv=2, error_score="raise")
    assert scores.shape == (2,) and np.isfinite(scores).all()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_over_the_parameter_of_a_smoothing(n_jobs):
    model = NGram(2, smoothing=Lidstone(), n_symbols=4)
    gammas = [0.01, 0.5, 50.0]
    search = GridSearchCV(model, {"smoothing__gamma": gammas}, cv=2, n_jobs=n_jobs)
    search.fit(lines(), None)
    by_hand = [
        np.mean(cross_val_score(NGram(2, smoothing=Lidstone(g), n_symbols=4), lines(), cv=2))
        for g in gammas
    ]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], by_hand, rtol=1e-12)
    assert search.best_params_ == {"smoothing__gamma": gammas[int(np.argmax(by_hand))]}
    assert search.best_estimator_.smoothing == Lidstone(gamma=gammas[int(np.argmax(by_hand))])


def test_a_search_tells_which_values_do_not_fit():
    model = NGram(2, smoothing=KneserNey(), n_symbols=4)
    search = GridSearchCV(model, {"smoothing__discount": [2.0]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match=r"smoothing__discount=2.0: expected None or a number"):
        search.fit(lines(), None)


def tunes():
    return [
        Score(
            make_notes(onset=10080 * np.arange(8), duration=10080, pitch=60 + 2 * line[:8]),
            end=80640,
        )
        for line in lines()
    ]


@pytest.mark.parametrize(
    "model",
    [NGram(2), MaxEnt([Field(), Pair(max_lag=2)], solver=steps(), random_state=0)],
    ids=["NGram", "MaxEnt"],
)
def test_a_pipeline_leads_from_scores_to_a_model(model):
    encoder = GridEncoder(1, hold="symbol", contexts=(), names=("tune",))
    pipeline = Pipeline([("encode", encoder), ("model", model)]).fit(tunes())
    encoded = clone(encoder).fit(tunes()).transform(tunes())
    alone = clone(model).fit(encoded)
    assert pipeline.score(tunes()) == alone.score(encoded)
    np.testing.assert_array_equal(pipeline.score_samples(tunes()), alone.score_samples(encoded))
    grid = {"encode__steps_per_beat": [1, 2]}
    search = GridSearchCV(pipeline, grid, cv=[(range(6), range(2))], error_score="raise")
    assert search.fit(tunes(), None).best_params_["encode__steps_per_beat"] in (1, 2)
