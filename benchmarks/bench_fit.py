"""How well the maximum-entropy models predict Bach: pseudo-log-likelihood, nats a site.

Fitted on the train split, scored on the valid one, on the plain eighth grid of the JSB
chorales (a held note is a repeated pitch), so that it can be compared; then the models of the
composer, fitted on music21's chorales of the same split on the composer's own grids, each by
its own definition. A pseudo-likelihood predicts a site from all others: no likelihood of
pieces. `python -m benchmarks.bench_fit --data DIR`; without it the composer's alone.
"""

import time

from benchmarks.chorales import (
    COLUMNS,
    arguments,
    encode_all,
    fit_composer,
    jsb_eighths,
    jsb_model,
    split_scores,
)
from stats_composer.composers.chorale.models import striking_grid
from stats_composer.models.maxent import PairwiseMaxEnt, StochasticGradient


def report(name, model, valid, start):
    print(f"{name:52} {-model.score(valid):.3f}   {time.perf_counter() - start:4.0f} s", flush=True)


def fit_jsb(folder):
    grids, labels, n_symbols = jsb_eighths(folder)
    shared = {"n_lines": 4, "labels": labels, "n_symbols": n_symbols, "gate": COLUMNS["half"]}
    start = time.perf_counter()
    pairwise = PairwiseMaxEnt(
        8,
        2,
        context=COLUMNS["place"],
        shared=True,
        l2=5e-5,
        solver=StochasticGradient(learning_rate=0.2, n_epochs=8, batch_size=4),
        random_state=0,
        **shared,
    ).fit(grids["train"])
    report("PairwiseMaxEnt(8, 2)", pairwise, grids["valid"], start)
    start = time.perf_counter()
    model = jsb_model(labels, n_symbols, finish=()).fit(grids["train"])
    report("all terms, pseudo-likelihood alone", model, grids["valid"], start)
    start = time.perf_counter()
    model = jsb_model(labels, n_symbols).fit(grids["train"])
    report("all terms, with the finish", model, grids["valid"], start)


def main():
    folder = arguments(__doc__).data
    print(f"{'valid pseudo-NLL, nats a site':52} value   fit")
    if folder is not None:
        fit_jsb(folder)
    train, valid = split_scores(folder)
    start = time.perf_counter()
    composer = fit_composer(train)
    coarse = encode_all(composer.encoder_, valid)
    fine = encode_all(composer.fine_encoder_, valid)
    struck = [striking_grid(composer.encoder_, grid, grid[:, -4:] > 0) for grid in coarse]
    report("composer: lines at eighths", composer.skeleton_, coarse, start)
    report("composer: sixteenths between given eighths", composer.passing_, fine, start)
    report("composer: which unmoved notes are struck", composer.striking_, struck, start)


if __name__ == "__main__":
    main()
