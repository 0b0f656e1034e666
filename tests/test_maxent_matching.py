"""Matching: what is written has the corpus' features, however it is cooled, held or bound."""

import numpy as np
import pytest

from stats_composer.factors import Factors
from stats_composer.models.maxent import BeatParallels, Field, Matching, MaxEnt, Writing
from stats_composer.sampling.gibbs import GibbsSampler

GATE, ROWS, COLD = 2, 40, 0.8
LABELS = np.array([[67, 69, 71], [60, 62, 64]])  # thirds of the first are fifths of the second


def parallels(grid):
    """Count steps from beat to beat in which both lines move up or down to the same interval."""
    pitch = np.stack([LABELS[v][grid[::2, v]] for v in range(2)], axis=1)
    step = np.diff(pitch, axis=0)
    interval = pitch[:, 0] - pitch[:, 1]
    return int(((step[:, 0] * step[:, 1] > 0) & (interval[1:] == interval[:-1])).sum())


def random_grid(rng):
    """Draw two lines, the second line's middle tone more often, and the half of the beat."""
    lines = rng.integers(0, 3, ROWS), rng.choice(3, ROWS, p=(0.25, 0.5, 0.25))
    return np.column_stack([*lines, np.arange(ROWS) % 2])


def write(model, rng, piece):
    """Write a second line to the first of a piece, cold."""
    free = np.ones((ROWS, 2), np.bool_)
    free[:, 0] = False
    sampler = GibbsSampler(model, random_grid(rng), run_share=0.0, free=free, random_state=rng)
    sampler.grid[:, 0] = piece[:, 0]
    return sampler.run(np.full(20, COLD)), free


@pytest.fixture
def matched():
    """Return a corpus, its model, and the same matched."""
    rng = np.random.default_rng(0)
    corpus = sorted((random_grid(rng) for _ in range(400)), key=parallels)[:60]
    model = MaxEnt([Field()], n_lines=2, n_symbols=[3, 3], labels=LABELS, gate=GATE)
    model.fit(corpus)
    longer = model.extended([BeatParallels()])
    factors = Factors.free(ROWS, [3, 3])
    writings = [Writing.of(piece, *write(longer, rng, piece), factors) for piece in corpus]
    told = []
    settings = Matching(n_steps=40, temperature=COLD, rate=0.5)
    distances = settings.match(
        longer, longer.terms, writings, rng, lambda *stage: told.append(stage)
    )
    assert told == [("matching", n + 1, 40) for n in range(40)]
    assert len(distances) == 40
    return corpus, model, longer


def test_what_comes_too_often_is_written_as_often_as_in_the_corpus(matched):
    corpus, model, longer = matched
    wanted = np.mean([parallels(piece) for piece in corpus])
    rng = np.random.default_rng(1)
    pieces = [corpus[i % len(corpus)] for i in range(240)]
    before, after = (
        np.mean([parallels(write(m, rng, piece)[0]) for piece in pieces]) for m in (model, longer)
    )
    assert before - wanted > 1.0
    assert abs(after - wanted) < 0.25 * (before - wanted)


def test_what_cooling_sharpens_is_as_flat_as_in_the_corpus(matched):
    corpus, model, longer = matched
    wanted = np.mean([(piece[:, 1] == 1).mean() for piece in corpus])
    rng = np.random.default_rng(2)
    pieces = [corpus[i % len(corpus)] for i in range(240)]
    before, after = (
        np.mean([(write(m, rng, piece)[0][:, 1] == 1).mean() for piece in pieces])
        for m in (model, longer)
    )
    assert before - wanted > 0.03
    assert abs(after - wanted) < 0.01


def test_one_step_by_hand():
    piece = np.zeros((ROWS, 3), np.int64)
    grid = piece.copy()
    piece[:, 1] = 1
    model = MaxEnt([Field()], n_lines=2, n_symbols=[3, 3]).fit([piece])
    before = model.weights_.tables["Field()"][:, 0, :3].copy()
    held = np.zeros((ROWS, 2), np.bool_)
    writing = Writing.of(piece, grid, held, Factors.free(ROWS, [3, 3]))
    settings, rng = Matching(n_steps=1, rate=0.5), np.random.default_rng(0)
    assert settings.match(model, [], [writing], rng) == [0.0]
    assert (model.weights_.tables["Field()"][:, 0, :3] == before).all()
    (distance,) = settings.match(model, model.terms, [writing], rng)
    # 40 of the one symbol and none of the other, each made 6 more.
    gain = np.log((40 + 6) / 6)
    after = model.weights_.tables["Field()"][:, 0, :3]
    assert after - before == pytest.approx(np.outer([0, 1], [-gain / 2, gain / 2, 0]), abs=2e-3)
    # Of the three features seen, two are not as often in the writing.
    assert distance == pytest.approx(gain * np.sqrt(2 / 3))
