"""Gibbs sampling of the pairwise model: ns a site update, beside peers.

`python -m benchmarks.bench_gibbs --data DIR` (see workload.py): a chain of 16 bars of four lines
at temperature 1, settled, with the draw of its uniforms. The peers are a plain NumPy sweep and
this package's kernel for all terms, which scores a site anew at each update.
"""

import time

import numpy as np

from benchmarks.bench_maxent import neighbours_of
from benchmarks.workload import (
    MAX_DIAGONAL,
    MAX_LAG,
    data_folder,
    load_grids,
    median_time,
    report,
)
from stats_composer.kernels.gibbs import sweep_sites
from stats_composer.models.maxent import PairwiseMaxEnt, StochasticGradient
from stats_composer.sampling import moves
from stats_composer.sampling.gibbs import GibbsSampler

N_ROWS, N_SWEEPS, N_NUMPY = 256, 32, 1500


def numpy_sweep(grid, model, rng):
    """Update randomly chosen sites by whole-row operations, the borders passed over."""
    couplings, fields = model.couplings_[:, 0], next(iter(model.fields_.values()))[:, 0]
    lines = []
    for v, n in enumerate(model.layout_.n_symbols):
        places = neighbours_of(model.pairs_, v)
        forth = [couplings[i].T for i, (a, _, _) in enumerate(model.pairs_) if a == v]
        back = [couplings[i] for i, (_, b, _) in enumerate(model.pairs_) if b == v]
        other, lag = np.array(places).T
        lines.append((np.stack(forth + back)[:, :, :n], other, lag, np.arange(len(places))))
    start = time.thread_time()
    for _ in range(N_NUMPY):
        t, v = rng.integers(MAX_LAG, len(grid) - MAX_LAG), rng.integers(4)
        tables, other, lag, number = lines[v]
        scores = fields[v, : tables.shape[2]] + tables[number, grid[t + lag, other]].sum(axis=0)
        probs = np.exp(scores - scores.max())
        cumulative = probs.cumsum()
        grid[t, v] = np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")
    return (time.thread_time() - start) / N_NUMPY


def main():
    grids, n_symbols = load_grids(data_folder(__doc__))
    solver = StochasticGradient(n_epochs=4)
    model = PairwiseMaxEnt(MAX_LAG, MAX_DIAGONAL, n_symbols=n_symbols, solver=solver).fit(grids)
    sampler = GibbsSampler(model, np.concatenate(grids)[:N_ROWS], random_state=0)
    sampler.run(np.ones(200))
    changed = []
    for _ in range(20):
        before = sampler.grid.copy()
        changed.append((sampler.run(np.ones(1)) != before).mean())
    print(f"{N_ROWS} rows of 4 lines, {np.mean(changed):.1%} of the symbols change in a sweep")
    n_updates = N_SWEEPS * sampler.grid.size
    ones, rows = np.ones(N_SWEEPS), []
    rows.append(("GibbsSampler.run", median_time(lambda: sampler.run(ones)) / n_updates * 1e9))
    few = np.ones(2)
    chosen, moves.site_sweeper = moves.site_sweeper, lambda layout: sweep_sites
    seconds = median_time(lambda: sampler.run(few), 5) / (2 * sampler.grid.size)
    moves.site_sweeper = chosen
    rows.append(("kernel for all terms", seconds * 1e9))
    seconds = numpy_sweep(sampler.grid.copy(), model, np.random.default_rng(1))
    rows.append(("plain NumPy", seconds * 1e9))
    report(rows, "GibbsSampler.run")


if __name__ == "__main__":
    main()
