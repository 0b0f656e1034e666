"""Texture: bars of music as vectors, clustered by K-means.

Rows that are equal count once, with a weight: a corpus has far fewer distinct bars than bars. Where
many distinct ones are left, runs from several seeds begin on a sample of them; a third begins anew
on all, and the best of these is run to its end.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stats_composer.kernels import kmeans as kernels
from stats_composer.models.base import Estimator, History, RandomState, generator
from stats_composer.models.parameters import SEED, OneOf, Parameters, Whole

__all__ = ["KMeans"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SAMPLE, SAMPLE_EACH = 2_000, 50
"""Distinct rows that several runs begin on, and at least so many of them for each cluster."""
BEGUN = 20
"""Iterations after which runs are compared."""
ALIKE = 1e-4
"""How near inertias are, as a share of them, that are taken to be of the same clusters."""


class KMeans(Estimator):
    """K-means clustering of rows, equal rows taken together.

    Parameters
    ----------
    n_clusters : int
    init : ndarray of shape (n_clusters, n_features), optional
        Centers to start from, in place of k-means++.
    n_init : int
        Runs from other seeds, of which the one of least inertia is kept. Where there are many
        distinct rows, that is judged before the end, and first on a sample.
    max_iter : int
        Of Lloyd's iteration.
    random_state : int, Generator or None

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features), float64
        By falling weight of their rows, so that labels mean the same in every run that finds
        the same clusters; fewer than `n_clusters` where there are fewer distinct rows.
    labels_ : ndarray of shape (n_rows,), int64
    inertia_ : float
        Sum of squared distances of all rows to their centers, times their weights.
    n_iter_ : int
        Of the run that was kept.
    n_distinct_ : int
    n_features_in_ : int
    history_ : list of dict
        Of each iteration of each run, `stage` the run: minus the inertia, as `objective`.

    References
    ----------
    D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.

    Examples
    --------
    >>> model = KMeans(2, random_state=0).fit([[0.0], [0.0], [1.0], [9.0]])
    >>> model.labels_.tolist(), model.cluster_centers_.round(3).tolist(), round(model.inertia_, 3)
    ([0, 0, 0, 1], [[0.333], [9.0]], 0.667)
    """

    _parameters: ClassVar[Parameters] = {
        "n_clusters": (Whole(1),),
        "init": (None, OneOf((np.ndarray,), "an array of centers")),
        "n_init": (Whole(1),),
        "max_iter": (Whole(1),),
        "random_state": SEED,
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Floats | None = None,
        n_init: int = 1,
        max_iter: int = 300,
        random_state: RandomState = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.random_state = random_state

    # ---- learning -----------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Cluster rows.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features), finite
        y : ignored
        sample_weight : array_like of shape (n_rows,), optional
            From 0, one above; a row of weight 0 is labelled, and has no part in the centers.

        Raises
        ------
        ValueError
            For no rows, what is not finite, or parameters that mean nothing.
        """
        self._check_params()
        rows = _check(X)
        weight = _check_weight(sample_weight, len(rows))
        self.n_features_in_ = rows.shape[1]
        distinct, group, mass = _distinct(rows, weight)
        counted = mass > 0
        seen = distinct[counted]
        self.n_distinct_ = len(seen)
        self.inertia_, self.history_ = np.inf, History()
        for run, centers in enumerate(self._starts(seen, mass[counted]), 1):
            labels = self._run(run, seen, mass[counted], centers)
            if labels is not None:
                best = labels
        self.labels_: Ints = (best if counted.all() else self.predict(distinct))[group]
        return self

    def _starts(self, rows: Floats, mass: Floats) -> list[Floats]:
        """Return the centers that each run begins with."""
        k, n_features = min(self.n_clusters, len(rows)), rows.shape[1]
        if self.init is not None:
            start = _check(self.init)
            if start.shape != (self.n_clusters, n_features):
                expected = (self.n_clusters, n_features)
                raise ValueError(f"init of shape {start.shape}: expected {expected}")
            return [start.copy()]
        rng = generator(self.random_state)
        size = max(SAMPLE, SAMPLE_EACH * k)
        sampled = self.n_init > 1 and len(rows) > size
        some = rng.permutation(len(rows))[:size] if sampled else slice(None)
        n_trials = 2 + int(np.log(k))  # as Arthur and Vassilvitskii's greedy variant
        starts = np.empty((self.n_init, k, n_features))
        for centers in starts:
            kernels.seed_centers(rows[some], mass[some], rng.random((k, n_trials)), centers)
        if sampled:
            n_iter = min(BEGUN, self.max_iter)
            third = _begun(rows[some], mass[some], n_iter, starts)[: -(-self.n_init // 3)]
            starts = _begun(rows, mass, n_iter, third)[:1]
        return list(starts)

    def _run(self, run: int, rows: Floats, mass: Floats, centers: Floats) -> Ints | None:
        """Iterate; keep what is found, and return its labels, if nothing before was as good."""
        label, nearest, inertia = _iterate(rows, mass, self.max_iter, centers)
        self.history_ += [
            {"stage": f"run {run}", "step": step, "objective": -value}
            for step, value in enumerate(inertia.tolist(), 1)
        ]
        found = float(mass @ nearest)
        if found >= self.inertia_:
            return None
        size = np.bincount(label, mass, len(centers))
        order = np.lexsort([*centers.T[::-1], -size])
        self.inertia_, self.n_iter_ = found, len(inertia) - 1
        self.cluster_centers_: Floats = centers[order]
        renumbered: Ints = np.argsort(order)[label]
        return renumbered

    def fit_predict(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Ints:
        """Cluster rows and return their labels; `X`, `y` and `sample_weight` are those of `fit`."""
        return self.fit(X, sample_weight=sample_weight).labels_

    def fit_transform(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Floats:
        """Return the distances of the rows of `X` to the centers fitted to them.

        `y` and `sample_weight` are those of `fit`.
        """
        return self.fit(X, sample_weight=sample_weight).transform(X)

    # ---- use ----------------------------------------------------------------------------

    def predict(self, X: ArrayLike) -> Ints:
        """Return the label of the nearest center of each row of `X`, int64 of shape (n_rows,)."""
        return self._nearest(X)[0]

    def transform(self, X: ArrayLike) -> Floats:
        """Return the distance of each row of `X` to each center, (n_rows, n_clusters)."""
        rows = self._rows(X)
        away = [np.sqrt(((rows - center) ** 2).sum(axis=1)) for center in self.cluster_centers_]
        return np.stack(away, axis=1)

    def score(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Return minus the inertia of `X`, by `sample_weight`; `y` is not read."""
        nearest = self._nearest(X)[1]
        return -float(_check_weight(sample_weight, len(nearest)) @ nearest)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns of `transform`; `input_features` are not read."""
        self._check_fitted("cluster_centers_")
        return np.array([f"kmeans{i}" for i in range(len(self.cluster_centers_))], object)

    def _rows(self, X: ArrayLike) -> Floats:
        self._check_fitted("cluster_centers_")
        rows, n_features = _check(X), self.cluster_centers_.shape[1]
        if rows.shape[1] != n_features:
            raise ValueError(
                f"X has {rows.shape[1]} features, but {type(self).__name__} is expecting "
                f"{n_features} features as input"
            )
        return rows

    def _nearest(self, X: ArrayLike) -> tuple[Ints, Floats]:
        """Return the labels of rows, and their squared distances."""
        rows = self._rows(X)
        return _iterate(rows, np.ones(len(rows)), 0, self.cluster_centers_.copy())[:2]

    def __sklearn_tags__(self) -> Any:
        """Describe the estimator to scikit-learn: a clusterer and transformer of rows."""
        from sklearn.utils import InputTags, TransformerTags

        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.transformer_tags = "clusterer", TransformerTags()
        tags.input_tags = InputTags(two_d_array=True)
        return tags


def _iterate(
    rows: Floats, mass: Floats, max_iter: int, centers: Floats
) -> tuple[Ints, Floats, Floats]:
    """Move `centers`; return the labels of rows, their squared distances, and inertias so far."""
    label, nearest = np.full(len(rows), -1), np.empty(len(rows))
    inertia = np.empty(max_iter + 1)
    n_iter = kernels.iterate_lloyd(rows, mass, max_iter, centers, label, nearest, inertia)
    return label, nearest, inertia[: n_iter + 1]


def _begun(rows: Floats, mass: Floats, n_iter: int, starts: Floats) -> Floats:
    """Iterate starts for a while; return them, the best first, and one of each alike."""
    inertia = np.array([_iterate(rows, mass, n_iter, centers)[2][-1] for centers in starts])
    order = np.argsort(inertia, kind="stable")
    apart = np.diff(inertia[order], prepend=-np.inf) > ALIKE * inertia[order]
    begun: Floats = starts[order[apart]]
    return begun


def _check(X: Any) -> Floats:
    """Return rows of finite numbers; errors are worded as scikit-learn's checks expect."""
    if hasattr(X, "toarray"):
        raise TypeError("X is a sparse matrix: expected an array; X.toarray() makes it one")
    array = np.asarray(X)
    if np.iscomplexobj(array):
        raise ValueError(f"Complex data not supported: X is of {array.dtype}")
    if array.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {array.ndim}D array instead: X of shape {array.shape}. "
            "Reshape your data to (n_rows, n_features)"
        )
    for axis, name in enumerate(("sample(s)", "feature(s)")):
        if not array.shape[axis]:
            raise ValueError(
                f"Found array with 0 {name} (shape={array.shape}) while a minimum of 1 is required."
            )
    rows = np.ascontiguousarray(array, np.float64) + 0.0  # so that -0.0 is 0.0
    if not np.isfinite(rows).all():
        raise ValueError("X contains NaN or inf: expected finite numbers")
    return rows


def _check_weight(sample_weight: Any, n_rows: int) -> Floats:
    if sample_weight is None:
        return np.ones(n_rows)
    weight = np.asarray(sample_weight, np.float64)
    if weight.shape != (n_rows,):
        raise ValueError(f"sample_weight of shape {weight.shape}: expected ({n_rows},)")
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
        raise ValueError("sample_weight: expected numbers from 0, one above; not all zero")
    return weight


def _distinct(rows: Floats, weight: Floats) -> tuple[Floats, Ints, Floats]:
    """Return the distinct rows, the number of each row's, and their weights.

    Their order is that of their shadows on one line, and hangs on no order of the rows.
    """
    n = len(rows)
    table = np.full(1 << (2 * n).bit_length(), -1)
    group, first = np.empty(n, np.int64), np.empty(n, np.int64)
    count = kernels.group_rows(rows.view(np.int64), table, group, first)
    distinct = rows[first[:count]]
    shadow = (distinct * np.cos(np.arange(distinct.shape[1]))).sum(axis=1)
    order = np.argsort(shadow)
    same = np.append(np.diff(shadow[order]) == 0, False)
    tied = same | np.roll(same, 1)
    few = order[tied]
    order[tied] = few[np.lexsort([*distinct[few].T, shadow[few]])]
    group = np.argsort(order)[group]
    return distinct[order], group, np.bincount(group, weight, count).astype(np.float64)
