"""Texture: bars of music as vectors, clustered by K-means.

Rows that are equal count once, with a weight: a corpus has far fewer distinct bars than bars.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stats_composer.kernels import kmeans as kernels
from stats_composer.models.base import Estimator, generator

__all__ = ["KMeans"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class KMeans(Estimator):
    """K-means clustering of rows, equal rows taken together.

    Parameters
    ----------
    n_clusters : int
    n_init : int
        Runs from other seeds, of which the one of least inertia is kept.
    max_iter : int
        Of Lloyd's iteration.
    random_state : int

    Attributes
    ----------
    centers_ : ndarray of shape (n_clusters, n_features), float64
        By falling weight of their rows, so that labels mean the same in every run that finds
        the same clusters; fewer than `n_clusters` where there are fewer distinct rows.
    labels_ : ndarray of shape (n_rows,), int64
    inertia_ : float
        Sum of squared distances of all rows to their centers.
    n_distinct_ : int

    References
    ----------
    D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.

    Examples
    --------
    >>> model = KMeans(2, random_state=0).fit([[0.0], [0.0], [1.0], [9.0]])
    >>> model.labels_.tolist(), model.centers_.round(3).tolist(), round(model.inertia_, 3)
    ([0, 0, 0, 1], [[0.333], [9.0]], 0.667)
    """

    def __init__(
        self, n_clusters: int = 8, *, n_init: int = 1, max_iter: int = 300, random_state: int = 0
    ) -> None:
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None, *, init: Floats | None = None) -> Self:
        """Cluster rows.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features), finite
        init : ndarray of shape (n_clusters, n_features), optional
            Centers to start from, in place of k-means++.

        Raises
        ------
        ValueError
            For no rows, what is not finite, or less than one cluster.
        """
        rows = _check(X)
        if self.n_clusters < 1 or self.n_init < 1:
            raise ValueError(f"{self}: expected at least one cluster and one run")
        distinct, group, weight = _distinct(rows)
        rng = generator(self.random_state)
        k = min(self.n_clusters, len(distinct))
        n_trials = 2 + int(np.log(k))
        self.inertia_ = np.inf
        for _ in range(1 if init is not None else self.n_init):
            centers = np.empty((k, rows.shape[1])) if init is None else _check(init).copy()
            if init is None:
                kernels.seed_centers(distinct, weight, rng.random((k, n_trials)), centers)
            label, nearest = np.full(len(distinct), -1), np.empty(len(distinct))
            kernels.iterate_lloyd(distinct, weight, self.max_iter, centers, label, nearest)
            inertia = float(weight @ nearest)
            if inertia < self.inertia_:
                self.inertia_, best, labels = inertia, centers, label
        size = np.bincount(labels, weight, len(best))
        order = np.lexsort([*best.T[::-1], -size])
        self.centers_, self.n_distinct_ = best[order], len(distinct)
        self.labels_: Ints = np.argsort(order)[labels][group]
        return self

    def predict(self, X: ArrayLike) -> Ints:
        """Return the label of the nearest center of each row, int64 of shape (n_rows,)."""
        self._check_fitted("centers_")
        rows = _check(X)
        if rows.shape[1] != self.centers_.shape[1]:
            raise ValueError(f"{rows.shape[1]} features: expected {self.centers_.shape[1]}")
        label, nearest = np.full(len(rows), -1), np.empty(len(rows))
        kernels.iterate_lloyd(rows, np.ones(len(rows)), 0, self.centers_.copy(), label, nearest)
        return label


def _check(X: ArrayLike) -> Floats:
    rows = np.ascontiguousarray(X, np.float64) + 0.0  # so that -0.0 is 0.0
    if rows.ndim != 2 or not len(rows):
        raise ValueError(f"X of shape {rows.shape}: expected (n_rows, n_features)")
    if not np.isfinite(rows).all():
        raise ValueError("X: expected finite numbers")
    return rows


def _distinct(rows: Floats) -> tuple[Floats, Ints, Floats]:
    """Return the distinct rows in rising order, the number of each row's, and their weights."""
    n = len(rows)
    table = np.full(1 << (2 * n).bit_length(), -1)
    group, first = np.empty(n, np.int64), np.empty(n, np.int64)
    count = kernels.group_rows(rows.view(np.int64), table, group, first)
    distinct = rows[first[:count]]
    order = np.lexsort(distinct.T[::-1])
    group = np.argsort(order)[group]
    return distinct[order], group, np.bincount(group, minlength=count).astype(np.float64)
