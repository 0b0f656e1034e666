"""Whether free chains of the chorale model stay at the style or freeze.

Chains start at pieces kept from the training and run at temperature 1, nothing given. After
50, 300, 1,500 and 5,000 sweeps the frequencies of all pairs of the model (by half of the beat)
are correlated with those of the training pieces, and the share of the steps at which a voice
stays is compared; then the same with the soprano given. `python -m benchmarks.bench_freezing
--data DIR --plot freezing.png`; `--pieces 20` runs fewer chains. The last lines say what the
same numbers are right after the fit by pseudo-likelihood.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.chorales import (
    arguments,
    encode_all,
    jsb_eighths,
    jsb_model,
    split_scores,
)
from stats_composer.composers.chorale.models import skeleton_model
from stats_composer.encoding import GridEncoder
from stats_composer.evaluation.pairs import pair_correlation, pair_frequencies, repeat_rates
from stats_composer.sampling.gibbs import GibbsSampler

MARKS = (50, 300, 1500, 5000)


def prepare(folder):
    """Return train and valid grids, and a function from a finish to a model not yet fitted."""
    if folder is not None:
        grids, labels, n_symbols = jsb_eighths(folder)
        return grids["train"], grids["valid"], lambda **k: jsb_model(labels, n_symbols, **k)
    train, valid = split_scores(None)
    encoder = GridEncoder(4, steps_per_beat=2).fit(train)
    grids = encode_all(encoder, train), encode_all(encoder, valid)
    return *grids, lambda **k: skeleton_model(encoder, random_state=0, **k)


def run_chains(model, starts, *, marks=MARKS, given=()):
    """Yield (sweeps, states) at each mark."""
    samplers = []
    for number, grid in enumerate(starts):
        free = np.ones((len(grid), 4), bool)
        free[:, list(given)] = False
        samplers.append(GibbsSampler(model, grid, free=free, random_state=number))
    done = 0
    for mark in marks:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda s, n=mark - done: s.run(np.ones(n)), samplers))
        done = mark
        yield mark, [sampler.grid.copy() for sampler in samplers]


def compare(model, train, grids):
    """Correlation of pair frequencies, and the difference of each voice's repeat rate."""
    settings = {"n_symbols": model.layout_.width, "gate": model.gate, "n_gates": 2}
    one, other = (pair_frequencies(g, model.pairs_, **settings) for g in (train, grids))
    return pair_correlation(one, other), repeat_rates(grids, 4) - repeat_rates(train, 4)


def show(name, values):
    correlation, difference = values
    text = "  ".join(f"{d:+.3f}" for d in difference)
    print(f"{name:34} correlation {correlation:.3f}   repeats - corpus's: {text}", flush=True)


def plot(path, curves, real):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, points in curves.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=name)
    axes.axhline(real, color="gray", linestyle="--", label="pieces kept from the training")
    axes.set(xscale="log", xlabel="sweeps", ylabel="correlation of pair frequencies with Bach's")
    axes.legend()
    figure.savefig(path)


def main():
    options = arguments(__doc__, plot="", pieces=0)
    train, valid, build = prepare(options.data)
    starts = valid[:: max(len(valid) // options.pieces, 1)] if options.pieces else valid
    start, cpu = time.perf_counter(), time.process_time()
    model = build().fit(train)
    seconds = time.perf_counter() - start, time.process_time() - cpu
    print(f"{len(train)} pieces, {len(starts)} chains; fitted in {seconds[0]:.0f} s"
          f" ({seconds[1]:.0f} s of CPU)")  # fmt: skip
    real = compare(model, train, valid)
    show("pieces kept from the training", real)
    curves = {}
    for name, chosen, given in (
        ("free chains", model, ()),
        ("soprano given", model, (0,)),
        ("free, pseudo-likelihood alone", build(finish=()).fit(train), ()),
    ):
        curves[name] = []
        for n_sweeps, grids in run_chains(chosen, starts, given=given):
            values = compare(model, train, grids)
            curves[name].append((n_sweeps, values[0]))
            show(f"{name}, {n_sweeps} sweeps", values)
    if options.plot:
        plot(options.plot, curves, real[0])


if __name__ == "__main__":
    main()
