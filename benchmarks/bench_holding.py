"""How a held note is told from a repeated one: a HOLD symbol, or the pitch at every step.

The published pairwise model, fitted the same way on both grids at eighths and at sixteenths,
harmonizes the sopranos of the valid split by annealed Gibbs sampling. On the grid of sounding
pitches notes are struck where the pitch changes, and where the composer's model of struck notes
says so. `python -m benchmarks.bench_holding --data DIR --pieces 30`.
"""

import time

import numpy as np

from benchmarks.bench_invention import chords
from benchmarks.chorales import arguments, encode_all, encode_each, split_scores
from stats_composer.composers.chorale.models import striking_grid, striking_model
from stats_composer.encoding import GridEncoder
from stats_composer.evaluation.card import card
from stats_composer.evaluation.invention import shares
from stats_composer.models.maxent import ContrastiveDivergence, PairwiseMaxEnt, StochasticGradient
from stats_composer.sampling.gibbs import GibbsSampler, annealing

CONTEXTS = ("place", "half", "end", "cadence", "given")


def fit_pairs(encoder, grids, steps_per_beat):
    model = PairwiseMaxEnt(
        max_lag=4 * steps_per_beat,
        max_diagonal=steps_per_beat // 2,
        context=encoder.column("place"),
        shared=True,
        l2=1e-4,
        n_lines=4,
        labels=encoder.labels,
        n_symbols=[len(alphabet) for alphabet in encoder.alphabets_[:4]],
        gate=encoder.column("half"),
        solver=StochasticGradient(learning_rate=0.1, n_epochs=5),
        finish=ContrastiveDivergence(n_steps=60),
        random_state=0,
    )
    return model.fit([grid[:, : 4 + len(CONTEXTS)] for grid in grids])


def fit_striking(encoder, grids):
    prepared = [striking_grid(encoder, grid, grid[:, -4:] > 0) for grid in grids]
    return striking_model(encoder, random_state=0).fit(prepared)


def harmonize(encoder, model, striking, grid, frame, seed):
    free = np.ones((len(grid), 4), bool)
    free[:, 0] = False
    rng = np.random.default_rng(seed)
    start = grid.copy()
    for v in range(1, 4):
        start[:, v] = rng.choice(grid[:, v])
    own = start[:, : 4 + len(CONTEXTS)]
    start[:, :4] = GibbsSampler(model, own, free=free, random_state=seed).run(annealing())[:, :4]
    if striking is not None:
        onset = np.zeros((len(grid), 4), bool)
        onset[0] = True
        onset[1:] = start[1:, :4] != start[:-1, :4]
        onset[:, 0] = grid[:, -4] > 0
        sites = striking_grid(encoder, start, onset)
        asked = (sites[:, -1:] >> np.arange(4) & 1) == 0
        asked[:, 0] = False
        start[:, -4:] = GibbsSampler(striking, sites, free=asked, random_state=seed).run(
            np.ones(8)
        )[:, :4]
    return encoder.decode(start, frame)


def main():
    options = arguments(__doc__, pieces=30)
    train, valid = split_scores(options.data)
    known = {chord for score in train for chord in chords(score)}
    kept = [chord for score in valid for chord in chords(score)]
    print("Bach", card(valid))
    print("    ", shares(kept, known, kept))
    for steps in (2, 4):
        for hold in ("symbol", "onset"):
            encoder = GridEncoder(4, steps_per_beat=steps, hold=hold, contexts=CONTEXTS).fit(train)
            grids = encode_all(encoder, train)
            begin = time.process_time()
            model = fit_pairs(encoder, grids, steps)
            striking = fit_striking(encoder, grids) if hold == "onset" else None
            seconds = time.process_time() - begin
            given = encode_each(encoder, valid[: options.pieces])
            written = [
                harmonize(encoder, model, striking, grid, frame, number)
                for number, (_, grid, frame) in enumerate(given)
            ]
            made = [c for s, (b, *_) in zip(written, given, strict=True)
                    for c in chords(s, GridEncoder.key(b))]  # fmt: skip
            print(f"{hold}, {steps} steps a beat: fitted in {seconds:.0f} s of CPU", card(written))
            print("    ", shares(made, known, kept), flush=True)


if __name__ == "__main__":
    main()
