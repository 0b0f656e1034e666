"""Pseudo-likelihood of the pairwise model, value and gradient: ns a site, beside peers.

`python -m benchmarks.bench_maxent --data DIR` (see workload.py). The peers are a plain NumPy
gradient, scikit-learn's LogisticRegression of each line on the sparse one-hot symbols of its
neighbours (time of an evaluation of loss and gradient in its fit), and this package's kernel
for all terms, which takes what is and not what changes.
"""

import statistics
import time
import warnings

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model._linear_loss import LinearModelLoss

from benchmarks.workload import (
    MAX_DIAGONAL,
    MAX_LAG,
    data_folder,
    load_grids,
    median_time,
    report,
)
from stats_composer.kernels.maxent import value_and_gradient
from stats_composer.models.maxent import PairwiseMaxEnt, StochasticGradient
from stats_composer.models.maxent.pseudo import pseudo_gradient, site_fields, sum_sites

N_PEER_PIECES = 24


def neighbours_of(pairs, v):
    """Return the (line, steps) that the sites of a line are coupled to."""
    forth = [(b, lag) for a, b, lag in pairs if a == v]
    return forth + [(a, -lag) for a, b, lag in pairs if b == v]


def stack_neighbours(grids, pairs, v, border):
    """Return the symbols of all neighbours of a line's sites, `border` outside the piece."""
    columns = []
    for w, lag in neighbours_of(pairs, v):
        parts = []
        for grid in grids:
            padded = np.full(len(grid) + 2 * MAX_LAG, border)
            padded[MAX_LAG : MAX_LAG + len(grid)] = grid[:, w]
            parts.append(padded[MAX_LAG + lag : MAX_LAG + lag + len(grid)])
        columns.append(np.concatenate(parts))
    return np.stack(columns, axis=1)


def numpy_gradient(symbols, neighbours, width):
    """Value and gradient of one line by whole-array operations, at some random weights."""
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 0.1, (neighbours.shape[1], width + 1, width)).astype(np.float32)
    weights[:, width] = 0
    scores = np.zeros((len(symbols), width), np.float32)
    for j in range(neighbours.shape[1]):
        scores += weights[j, neighbours[:, j]]
    scores -= scores.max(axis=1, keepdims=True)
    probs = np.exp(scores)
    probs /= probs.sum(axis=1, keepdims=True)
    sites = np.arange(len(symbols))
    value = np.log(probs[sites, symbols]).sum()
    residual = -probs
    residual[sites, symbols] += 1
    gradient = np.zeros_like(weights)
    for j in range(neighbours.shape[1]):
        np.add.at(gradient[j], neighbours[:, j], residual)
    return value, gradient


def scikit_learn(symbols, neighbours, width):
    """Seconds of an evaluation of loss and gradient while a line is fitted."""
    n, k = neighbours.shape
    columns = (neighbours + np.arange(k) * (width + 1)).ravel()
    one_hot = sparse.csr_matrix(
        (np.ones(n * k), columns, np.arange(0, n * k + 1, k)), shape=(n, k * (width + 1))
    )
    seconds = []
    plain = LinearModelLoss.loss_gradient

    def timed(self, *args, **kwargs):
        start = time.process_time()
        result = plain(self, *args, **kwargs)
        seconds.append(time.process_time() - start)
        return result

    LinearModelLoss.loss_gradient = timed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is not meant to converge
            LogisticRegression(max_iter=6).fit(one_hot, symbols)
    finally:
        LinearModelLoss.loss_gradient = plain
    return statistics.median(seconds)


def main():
    grids, n_symbols = load_grids(data_folder(__doc__))
    solver = StochasticGradient(n_epochs=2)
    model = PairwiseMaxEnt(MAX_LAG, MAX_DIAGONAL, n_symbols=n_symbols, solver=solver).fit(grids)
    pieces, every = model.pack(grids), np.arange(len(grids))
    n_sites, width = int(pieces.modelled.sum()), model.layout_.width
    print(f"{n_sites} sites, {model.layout_.n_neighbours[0]} neighbours, alphabets {n_symbols}")
    field, _ = site_fields(model.weights_, pieces)
    rows = []

    def record(name, function, sites=n_sites, clock=time.thread_time, n_runs=7):
        rows.append((name, median_time(function, n_runs, clock) / sites * 1e9))

    record(
        "kernel, value and gradient", lambda: sum_sites(model.weights_, pieces, every, 0.0, field)
    )
    record("kernel, value alone", lambda: sum_sites(model.weights_, pieces, every, -1.0, field))
    record(
        "pseudo_gradient, all that a solver waits for",
        lambda: pseudo_gradient(model.weights_, pieces, every, 0.0),
        clock=time.process_time,
    )
    full = model.weights_.field(pieces.grid)
    part = every[:N_PEER_PIECES]
    few = int(sum(len(grids[p]) for p in part)) * 4
    residual, gradient = np.zeros_like(full), np.zeros_like(model.weights_.folded)
    record(
        "kernel for all terms",
        lambda: value_and_gradient(
            pieces.grids._replace(start=pieces.start[part], stop=pieces.stop[part]),
            model.layout_.features, pieces.rows, model.weights_.folded, full, 0.0, gradient,
            residual,
        ),
        few, n_runs=3,
    )  # fmt: skip

    def lines_of(chosen):
        return [
            (
                np.concatenate([grid[:, v] for grid in chosen]),
                stack_neighbours(chosen, model.pairs_, v, width),
            )
            for v in range(4)
        ]

    lines = lines_of([grids[p] for p in part])
    record(
        "plain NumPy",
        lambda: [numpy_gradient(*line, width) for line in lines],
        few, time.process_time, 3,
    )  # fmt: skip
    seconds = sum(scikit_learn(*line, width) for line in lines_of(grids))
    rows.append(("scikit-learn LogisticRegression, an evaluation", seconds / n_sites * 1e9))
    report(rows, "kernel, value and gradient")


if __name__ == "__main__":
    main()
