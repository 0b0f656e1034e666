"""Balance: what a model writes too often comes as often as in its corpus."""

import numpy as np

from stats_composer.composers.chorale.balance import correct, n_rounds
from stats_composer.models.maxent import BeatParallels, Field, MaxEnt
from stats_composer.sampling.gibbs import GibbsSampler

GATE, END, LAST, ROWS = 2, 3, 13, 40
LABELS = np.array([[67, 69, 71], [60, 62, 64]])  # thirds of the first are fifths of the second


def parallels(grid):
    """Count steps from beat to beat in which both lines move up or down to the same interval."""
    pitch = np.stack([LABELS[v][grid[::2, v]] for v in range(2)], axis=1)
    step = np.diff(pitch, axis=0)
    interval = pitch[:, 0] - pitch[:, 1]
    return int(((step[:, 0] * step[:, 1] > 0) & (interval[1:] == interval[:-1])).sum())


def random_grid(rng):
    """Draw two lines, beside the half of the beat and the end of the phrase."""
    end = np.where(np.arange(ROWS) < ROWS - 1, LAST - 2, LAST)
    return np.column_stack([rng.integers(0, 3, (ROWS, 2)), np.arange(ROWS) % 2, end])


def test_what_comes_too_often_is_written_less():
    rng = np.random.default_rng(0)
    corpus = sorted((random_grid(rng) for _ in range(400)), key=parallels)[:40]
    wanted = np.mean([parallels(grid) for grid in corpus])
    model = MaxEnt([Field()], n_lines=2, n_symbols=[3, 3], labels=LABELS, gate=GATE)
    model.fit(corpus)

    def write(model, piece, rng):
        sampler = GibbsSampler(model, random_grid(rng), run_share=0.0, random_state=rng)
        return sampler.run(np.ones(20)), corpus[piece]

    told = []
    balanced = model.extended([BeatParallels()])
    fitted = len(model.weights_.vector)
    tell = lambda *stage: told.append(stage)  # noqa: E731
    correct(balanced, 40, write, END, 0, tell, balanced=slice(fitted, None))
    assert told == [("correction", n + 1, n_rounds(40)) for n in range(n_rounds(40))]
    before, after = (
        np.mean([parallels(write(m, 0, np.random.default_rng(seed))[0]) for seed in range(150)])
        for m in (model, balanced)
    )
    assert before - wanted > 1.0
    assert abs(after - wanted) < 0.35 * (before - wanted)
