"""K-means: its kernels against plain twins, its answers against scikit-learn's."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.estimator_checks import parametrize_with_checks

from stats_composer.kernels import kmeans as kernels
from stats_composer.models.texture import KMeans
from tests import naive_kmeans as naive


def bars(n=400, d=6, seed=0):
    """Rows of few distinct values, as bars are."""
    rng = np.random.default_rng(seed)
    return rng.choice(rng.integers(0, 4, (n // 8, d)) / 2.0, n)


def test_grouping_equals_its_twin():
    rows = bars().view(np.int64)
    ref, comp = np.full((2, len(rows)), -1), np.full((2, len(rows)), -1)
    n_ref = naive.group_rows(rows, None, *ref)
    n_comp = kernels.group_rows(rows, np.full(1024, -1), *comp)
    assert n_ref == n_comp == len(np.unique(rows, axis=0))
    assert_array_equal(ref[:, :n_ref], comp[:, :n_ref])
    assert_array_equal(ref[0], comp[0])


def test_seeding_equals_its_twin():
    rows = np.unique(bars(), axis=0)
    rng = np.random.default_rng(1)
    weight, u = rng.integers(1, 9, len(rows)).astype(float), rng.random((7, 3))
    ref, comp = np.empty((2, 7, rows.shape[1]))
    naive.seed_centers(rows, weight, u, ref)
    kernels.seed_centers(rows, weight, u, comp)
    assert_array_equal(ref, comp)


@pytest.mark.parametrize(("n", "lost"), [(400, False), (400, True), (2400, False)])
def test_iteration_equals_its_twin(n, lost):
    rows = np.unique(bars(n), axis=0)
    weight = np.random.default_rng(2).integers(1, 9, len(rows)).astype(float)
    start = rows[:5].copy()
    if lost:
        start[3] = 1e3
    answers = []
    for module in (naive, kernels):
        centers, label, nearest = start.copy(), np.full(len(rows), -1), np.empty(len(rows))
        inertia = np.zeros(51)
        steps = module.iterate_lloyd(rows, weight, 50, centers, label, nearest, inertia)
        answers.append((steps, centers, label, nearest, inertia))
    ref, comp = answers
    assert ref[0] == comp[0]
    assert_array_equal(ref[2], comp[2])
    assert_allclose(ref[1], comp[1])
    assert_allclose(ref[3], comp[3], atol=1e-12)
    assert_allclose(ref[4], comp[4])
    assert (np.bincount(comp[2], minlength=5) > 0).all()


def test_from_the_same_centers_it_ends_where_scikit_learn_does():
    from sklearn.cluster import KMeans as Oracle

    rows = np.random.default_rng(3).normal(size=(300, 4)).round(1)
    rows = np.concatenate([rows, rows[:100]])
    init = rows[:6]
    oracle = Oracle(6, init=init, n_init=1, tol=0.0, algorithm="lloyd").fit(rows)
    model = KMeans(6, init=init).fit(rows)
    assert_allclose(model.inertia_, oracle.inertia_)
    pairs = set(zip(model.labels_.tolist(), oracle.labels_.tolist(), strict=True))
    assert len(pairs) == 6


def test_from_its_own_seeds_it_is_as_good_as_scikit_learn():
    from sklearn.cluster import KMeans as Oracle

    rows = bars(2000, 8, seed=4)
    ours = [KMeans(10, random_state=seed).fit(rows).inertia_ for seed in range(10)]
    theirs = [Oracle(10, n_init=1, random_state=seed).fit(rows).inertia_ for seed in range(10)]
    assert np.median(ours) < 1.05 * np.median(theirs)


def test_labels_do_not_depend_on_the_order_of_rows_and_predict_gives_them():
    rows = bars()
    model = KMeans(5, n_init=3, random_state=7).fit(rows)
    order = np.random.default_rng(0).permutation(len(rows))
    again = KMeans(5, n_init=3, random_state=7).fit(rows[order])
    assert_array_equal(model.labels_[order], again.labels_)
    assert_array_equal(model.predict(rows), model.labels_)
    sizes = np.bincount(model.labels_)
    assert (np.diff(sizes) <= 0).all()


def test_few_rows_and_bad_ones():
    model = KMeans(9).fit([[1.0, 0.0], [1.0, -0.0]])
    assert model.labels_.tolist() == [0, 0] and model.inertia_ == 0.0 and model.n_distinct_ == 1
    for rows, message in [
        ([], "Expected 2D array, got 1D"),
        ([[np.nan]], "NaN or inf"),
        ([1.0], "Reshape your data"),
        (np.zeros((0, 3)), r"0 sample\(s\)"),
        (np.zeros((3, 0)), r"0 feature\(s\)"),
        ([[1j]], "Complex data"),
    ]:
        with pytest.raises(ValueError, match=message):
            KMeans().fit(rows)
    with pytest.raises(ValueError, match="X has 3 features, but KMeans is expecting 2 features"):
        model.predict([[0.0, 0.0, 0.0]])


def test_many_rows_are_sampled_and_yet_clustered_as_a_whole():
    rng = np.random.default_rng(5)
    centers = np.array([[0, 0], [9, 0], [0, 9], [9, 9], [30, 4], [30, 13]], float)
    blob = np.repeat(np.arange(6), [300, 400, 500, 600, 700, 800])
    rows = centers[blob] + rng.uniform(-1, 1, (len(blob), 2))
    own = [rows[blob == j] for j in range(6)]
    model = KMeans(6, n_init=4).fit(rows)
    assert model.n_distinct_ == 3300
    assert_allclose(model.inertia_, sum(((x - x.mean(axis=0)) ** 2).sum() for x in own))
    assert_allclose(model.cluster_centers_, [x.mean(axis=0) for x in own[::-1]])
    assert_array_equal(model.labels_, 5 - blob)
    assert {row["stage"] for row in model.history_} == {"run 1"}
    turned = KMeans(6, n_init=4).fit(rows[::-1])
    assert_array_equal(turned.cluster_centers_, model.cluster_centers_)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_clusters": 0}, "n_clusters=0: expected an int from 1"),
        ({"n_init": 0}, "n_init=0: expected an int from 1"),
        ({"max_iter": 0}, "max_iter=0: expected an int from 1"),
        ({"random_state": "x"}, "random_state='x': expected"),
        ({"init": np.zeros((3, 1))}, r"init of shape \(3, 1\): expected \(2, 1\)"),
        ({"init": "k-means++"}, "init='k-means[+]+': expected None or an array of centers"),
    ],
)
def test_parameters_that_mean_nothing_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        KMeans(**{"n_clusters": 2, **change}).fit([[0.0], [1.0]])


def test_weights_worked_on_paper():
    # 0 twice and 3 once: mean 1, inertia 2 * 1 + 4 = 6. The row of weight 0 is not seen.
    model = KMeans(1).fit([[0.0], [3.0], [50.0]], sample_weight=[2.0, 1.0, 0.0])
    assert model.cluster_centers_.tolist() == [[1.0]] and model.inertia_ == 6.0
    assert model.labels_.tolist() == [0, 0, 0] and model.n_distinct_ == 2
    assert model.transform([[4.0], [-1.0]]).tolist() == [[3.0], [2.0]]
    assert model.score([[4.0], [-1.0]]) == -13.0
    assert model.score([[4.0], [-1.0]], sample_weight=[1.0, 0.5]) == -11.0
    # Centers 0 and 1: row 4 goes to 1, whose mean is 2.5 and then nearest to 1 still.
    # Inertia 0 + 0 + 9, then 0 + 1.5 ** 2 * 2.
    model = KMeans(2, init=np.array([[0.0], [1.0]])).fit([[0.0], [1.0], [4.0]])
    told = [(row["stage"], row["step"], row["objective"]) for row in model.history_]
    # 1 is then nearer to 0 than to 2.5: mean .5, inertia .25 + .25 + 2.25; at last .5 and 4.
    assert told == [("run 1", 1, -9.0), ("run 1", 2, -3.25), ("run 1", 3, -0.5)]
    assert model.n_iter_ == 2 and model.inertia_ == 0.5
    for weight, message in (([1.0], "shape"), ([-1.0, 1.0], "from 0"), ([0.0, 0.0], "not all")):
        with pytest.raises(ValueError, match=message):
            KMeans(1).fit([[0.0], [1.0]], sample_weight=weight)


def test_a_run_of_several_is_kept_for_its_inertia():
    model = KMeans(4, n_init=5, random_state=2).fit(bars(seed=5))
    last = {row["stage"]: row["objective"] for row in model.history_}
    assert len(last) == 5 and model.inertia_ == pytest.approx(-max(last.values()))
    assert all(name in ("kmeans0", "kmeans3") for name in model.get_feature_names_out()[[0, 3]])


with warnings.catch_warnings():
    # That it is no BaseEstimator is meant: `models/base.py` says why.
    warnings.simplefilter("ignore", UserWarning)
    checks = parametrize_with_checks([KMeans()])


@checks
def test_scikit_learn_checks_it(estimator, check):
    check(estimator)
