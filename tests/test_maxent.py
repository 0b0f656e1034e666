"""The maximum-entropy model: its features, its gradient, its law, its fit."""

import itertools

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from stats_composer.errors import NotFittedError
from stats_composer.models.maxent import (
    LBFGS,
    BeatMotion,
    BeatParallels,
    ContrastiveDivergence,
    CrossRelation,
    Difference,
    Field,
    GatedProgression,
    MaxEnt,
    Melody,
    Motion,
    Onset,
    Pair,
    PairDifference,
    PairResidue,
    PairwiseMaxEnt,
    ParallelMotion,
    Passage,
    Progression,
    Resolution,
    Rhythm,
    ShiftedField,
    Sonority,
    StochasticGradient,
    templates,
)
from stats_composer.models.maxent.pseudo import pseudo_gradient
from tests import naive

N_LINES, GATE, SONORITY, PLACE, SHIFT = 3, 3, 4, 5, 6
LABELS = np.array([[-1, 60, 62, 67, -1], [55, 57, 60, -1, -1], [-1, 40, 48, 52, 65]])
N_SYMBOLS = [4, 3, 5]
N_CLASSES = 5
TERMS = [
    Field(),
    Field(context=PLACE),
    ShiftedField(context=SHIFT),
    Pair(max_lag=3, max_diagonal=1),
    PairDifference(max_lag=3, max_diagonal=1),
    Motion(),
    Motion(fine=True),
    ParallelMotion(),
    Sonority(kind="relative", n_contexts=2),
    Sonority(kind="set", n_contexts=2),
    Sonority(kind="full", n_contexts=2),
    Progression(n_classes=N_CLASSES),
    GatedProgression(n_classes=N_CLASSES),
    Melody(),
    Onset(),
    Rhythm(),
    BeatMotion(),
    BeatMotion(fine=True),
    BeatParallels(),
    Passage(),
    Passage(tied=True),
    PairResidue(max_lag=3, max_diagonal=1),
    CrossRelation(),
    Resolution(),
]


def random_grid(rng, n_steps=14):
    """Draw a grid whose lines hold their notes, with context voices beside them."""
    lines = np.stack([rng.integers(0, n, n_steps) for n in N_SYMBOLS], axis=1)
    for t in range(1, n_steps):
        held = rng.random(N_LINES) < 0.5
        lines[t, held] = lines[t - 1, held]
    t = np.arange(n_steps)
    context = [t % 2, rng.integers(0, 2, n_steps), t % 4, np.full(n_steps, rng.integers(0, 3))]
    return np.column_stack([lines, *context]).astype(np.int64)


def random_model(rng, terms=TERMS, scale=0.5):
    """Give every weight of a model a random value."""
    model = MaxEnt(
        terms, n_lines=N_LINES, labels=LABELS, n_symbols=N_SYMBOLS, gate=GATE,
        sonority_context=SONORITY, place=PLACE, clip=4,
    )  # fmt: skip
    # Rows that show every context value, so that the tables have their full size.
    shown = [random_grid(rng, 40) for _ in range(3)]
    shown[0][0, [SHIFT]] = 2
    model._set_up(shown)
    model.weights_.vector[:] = rng.normal(0, scale, len(model.weights_.vector))
    model.weights_.fold()
    return model


def naive_cells(model, grid):
    """Return (table, cells) of every term but the fields."""
    x = grid.tolist()
    world = {
        "n_lines": N_LINES, "pitch": LABELS.tolist(), "gate": grid[:, GATE].tolist(),
        "sonority": grid[:, SONORITY].tolist(), "place": grid[:, PLACE].tolist(),
        "modulus": 12, "clip": 4,
    }  # fmt: skip
    classes = model.layout_.set_class.tolist()
    cells = {
        "Pair": lambda t: naive.maxent_pair_cells(x, world, t.max_lag, t.max_diagonal, False),
        "PairDifference": lambda t: naive.maxent_pair_cells(
            x, world, t.max_lag, t.max_diagonal, True
        ),
        "Motion": lambda t: naive.maxent_motion_cells(x, world, "fine" if t.fine else "kind"),
        "ParallelMotion": lambda t: naive.maxent_motion_cells(x, world, "parallel"),
        "BeatMotion": lambda t: naive.maxent_motion_cells(
            x, world, "fine" if t.fine else "kind", 2
        ),
        "BeatParallels": lambda t: naive.maxent_motion_cells(x, world, "parallel", 2),
        "Passage": lambda t: [
            (int(w == N_LINES - 1), *rest) if t.tied else (v, w, *rest)
            for v, w, *rest in naive.maxent_passage_cells(x, world)
        ],
        "PairResidue": lambda t: naive.maxent_residue_pairs(x, world),
        "CrossRelation": lambda t: naive.maxent_relation_cells(x, world),
        "Resolution": lambda t: naive.maxent_resolution_cells(x, world),
        "Sonority": lambda t: naive.maxent_sonority_cells(x, world, t.kind),
        "Progression": lambda t: [
            (lag, earlier, later)
            for lag, _, earlier, later in naive.maxent_progression_cells(
                x, world, classes, N_CLASSES
            )
        ],
        "GatedProgression": lambda t: naive.maxent_progression_cells(x, world, classes, N_CLASSES),
        "Melody": lambda t: naive.maxent_melody_cells(x, world),
        "Onset": lambda t: naive.maxent_onset_cells(x, world),
        "Rhythm": lambda t: naive.maxent_rhythm_cells(x, world),
    }
    for term, table in zip(model.terms, model.weights_.tables.values(), strict=True):
        if type(term).__name__ in cells:
            yield table, cells[type(term).__name__](term)


def naive_log_weight(model, grid):
    """Sum the weights of all features, term by term, from the formulas."""
    tables = model.weights_.tables
    total = sum(float(table[cell]) for table, cells in naive_cells(model, grid) for cell in cells)
    for term, table in zip(model.terms, tables.values(), strict=True):
        for row in grid:
            for v in range(N_LINES):
                pitch = LABELS[v, row[v]]
                if isinstance(term, Field):
                    value = 0 if term.context is None else row[term.context]
                    total += float(table[v, value, row[v]])
                elif isinstance(term, ShiftedField) and pitch >= 0:
                    total += float(table[v, pitch + row[term.context]])
    return total


@pytest.mark.parametrize("terms", [TERMS, *[[term] for term in TERMS]], ids=str)
def test_log_weight_equals_its_naive_twin(terms):
    rng = np.random.default_rng(1)
    model = random_model(rng, terms)
    for _ in range(3):
        grid = random_grid(rng)
        assert model.log_weight(grid) == pytest.approx(naive_log_weight(model, grid), abs=2e-3)


def test_the_sampler_scores_as_the_log_weight_does():
    rng = np.random.default_rng(2)
    model = random_model(rng)
    grid = random_grid(rng)
    scores = model.site_scores(grid)
    for t in range(len(grid)):
        for v in range(N_LINES):
            changed = grid.copy()
            for symbol in range(N_SYMBOLS[v]):
                changed[t, v] = symbol
                expected = naive_log_weight(model, changed) - naive_log_weight(model, grid)
                found = scores[t, v, symbol] - scores[t, v, grid[t, v]]
                assert found == pytest.approx(expected, abs=2e-3)


def test_the_gradient_is_the_slope_of_the_pseudo_likelihood():
    rng = np.random.default_rng(3)
    model = random_model(rng)
    grids = [random_grid(rng) for _ in range(3)]
    pieces = model.pack(grids)
    _, gradient, n_sites = pseudo_gradient(model.weights_, pieces, np.arange(3), 0.0)
    assert n_sites == sum(len(grid) for grid in grids) * N_LINES
    direction = rng.normal(size=gradient.shape).astype(np.float32)
    direction /= np.linalg.norm(direction)
    start, values = model.weights_.vector.copy(), []
    for sign in (1, -1):
        model.weights_.vector[:] = start + np.float32(sign * 0.3) * direction
        model.weights_.fold()
        values.append(model.score(grids) * n_sites)
    assert (values[0] - values[1]) / 0.6 == pytest.approx(float(gradient @ direction), rel=0.02)


def test_features_are_counted_by_weight():
    rng = np.random.default_rng(4)
    model = random_model(rng)
    grids = [random_grid(rng) for _ in range(2)]
    counts = model.count_features(grids)
    expected = {name: np.zeros_like(table) for name, table in model.weights_.tables.items()}
    names = list(expected)
    for grid, v in itertools.product(grids, range(N_LINES)):
        for row in grid:
            expected[names[0]][v, 0, row[v]] += 1
            expected[names[1]][v, row[PLACE], row[v]] += 1
            if LABELS[v, row[v]] >= 0:
                expected[names[2]][v, LABELS[v, row[v]] + row[SHIFT]] += 1
    names = names[3:]
    for grid in grids:
        for name, (_, cells) in zip(names, naive_cells(model, grid), strict=True):
            for cell in cells:
                expected[name][cell] += 1
    np.testing.assert_allclose(
        counts, np.concatenate([t.ravel() for t in expected.values()]), atol=1e-3
    )


def test_grids_are_compared_by_the_counts_that_differ():
    rng = np.random.default_rng(4)
    model = random_model(rng)
    one, other = (random_grid(rng) for _ in range(2))
    expected = model.count_features([one]) - model.count_features([other])
    places, excess = Difference.of(model, one, other)
    assert places.tolist() == np.flatnonzero(np.abs(expected) > 1e-3).tolist()
    np.testing.assert_allclose(excess, expected[places], atol=1e-3)


def test_a_model_with_further_terms_is_as_before_until_they_have_weights():
    rng = np.random.default_rng(5)
    model = random_model(rng, TERMS[:10])
    model.weights_.vector[:] = model.weights_.vector.astype(np.float16)
    model.weights_.fold()
    longer = model.extended([BeatMotion(), Passage(tied=True)])
    grid = random_grid(rng)
    assert longer.log_weight(grid) == pytest.approx(model.log_weight(grid), abs=1e-3)
    longer.weights_.vector[-1] = 1.0
    assert [str(t) for t in longer.terms] == [
        str(t) for t in [*TERMS[:10], BeatMotion(), Passage(tied=True)]
    ]
    assert len(longer.weights_.vector) > len(model.weights_.vector)


def test_a_worked_example_on_paper():
    # One line of two symbols, one coupling J for equal neighbours: each inner site of
    # 0 0 1 sees two neighbours. P(0 | 0, 1) = e^J / (e^J + e^J) = 1/2, the ends e^J / (e^J + 1)
    # and 1 / (1 + e^J).
    model = MaxEnt([Pair(max_lag=1, max_diagonal=0)])
    grid = np.array([[0], [0], [1]])
    model._set_up([grid])
    coupling = 0.7
    next(iter(model.weights_.tables.values()))[0, 0, [0, 1], [0, 1]] = coupling
    model.weights_.fold()
    like = np.exp(coupling) / (np.exp(coupling) + 1)
    expected = (np.log(like) + np.log(0.5) + np.log(1 - like)) / 3
    assert model.score([grid]) == pytest.approx(expected, abs=1e-6)
    assert model.log_weight(grid) == pytest.approx(coupling, abs=1e-6)


def markov_pieces(rng, n_pieces=40, n_steps=30):
    """Draw pieces of two voices of a sticky chain."""
    pieces = []
    for _ in range(n_pieces):
        x = rng.integers(0, 3, (n_steps, 2))
        for t in range(1, n_steps):
            stay = rng.random(2) < 0.7
            x[t, stay] = x[t - 1, stay]
        pieces.append(x)
    return pieces


@pytest.mark.parametrize("solver", [StochasticGradient(0.2, 60), LBFGS(60)], ids=str)
def test_both_solvers_find_the_same_fit(solver):
    pieces = markov_pieces(np.random.default_rng(4))
    model = PairwiseMaxEnt(1, 1, l2=1e-3, solver=solver, random_state=0).fit(pieces)
    best = PairwiseMaxEnt(1, 1, l2=1e-3, solver=LBFGS(200)).fit(pieces)
    assert model.score(pieces) == pytest.approx(best.score(pieces), abs=4e-3)


def test_l1_meets_its_optimality_conditions():
    pieces = markov_pieces(np.random.default_rng(5), 10)
    l1 = 0.01
    model = PairwiseMaxEnt(2, 1, l2=0.0, solver=LBFGS(500, l1=l1, tolerance=1e-7)).fit(pieces)
    weights = model.weights_.vector
    packed = model.pack(pieces)
    _, gradient, n_sites = pseudo_gradient(model.weights_, packed, np.arange(len(pieces)), 0.0)
    gradient = gradient / n_sites
    active = np.abs(weights) > 1e-5
    assert 0 < active.sum() < 0.5 * len(weights)
    np.testing.assert_allclose(gradient[active], l1 * np.sign(weights[active]), atol=5e-4)
    assert (np.abs(gradient[~active]) <= l1 + 5e-4).all()


def test_pseudo_likelihood_never_falls_under_more_iterations():
    pieces = markov_pieces(np.random.default_rng(6), 8)
    scores = [
        PairwiseMaxEnt(2, 1, solver=LBFGS(n), l2=0.0).fit(pieces).score(pieces)
        for n in (1, 3, 10, 30)
    ]
    assert (np.diff(scores) >= -1e-6).all()


def test_contrastive_divergence_makes_the_samples_like_the_pieces():
    from stats_composer.sampling.gibbs import GibbsSampler

    pieces = markov_pieces(np.random.default_rng(7))
    finish = ContrastiveDivergence(5, 40, n_chains=20, clamped=0.0)
    model = PairwiseMaxEnt(1, 1, solver=LBFGS(), finish=finish, random_state=0).fit(pieces)
    rng = np.random.default_rng(8)
    drawn = [GibbsSampler(model, p, random_state=rng).run(np.ones(60)) for p in pieces]

    def stays(grids):
        return np.mean([np.mean(x[1:] == x[:-1]) for x in grids])

    assert stays(drawn) == pytest.approx(stays(pieces), abs=0.04)


def test_same_seed_same_weights():
    pieces = markov_pieces(np.random.default_rng(9), 10)
    finish = ContrastiveDivergence(2, 5, n_chains=5)
    fits = [
        PairwiseMaxEnt(1, 1, finish=finish, random_state=3).fit(pieces).weights_.vector
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*fits)


def test_chains_from_noise_are_counted_once_they_have_left_it():
    pieces = markov_pieces(np.random.default_rng(12), 10)

    def weights(*finish):
        model = PairwiseMaxEnt(1, 1, solver=LBFGS(), finish=finish, random_state=3)
        return model.fit(pieces).weights_.vector

    def noisy(burn_in):
        settings = {"n_chains": 5, "clamped": 1.0, "scrambled": 1.0, "restart": 0.0}
        return ContrastiveDivergence(1, 4, burn_in=burn_in, **settings)

    fitted = weights()
    np.testing.assert_array_equal(weights(noisy(4)), fitted)
    moved = [np.abs(weights(noisy(burn_in)) - fitted).max() for burn_in in (0, 3)]
    assert moved[0] > moved[1] > 0


def test_given_rows_are_left_out_of_the_fit():
    rng = np.random.default_rng(10)
    grid = np.column_stack([rng.integers(0, 3, 20), np.arange(20) % 2])
    model = MaxEnt([Field()], n_lines=1, given=1)
    model._set_up([grid])
    assert model.pack([grid]).modelled[:, 0].tolist() == [True, False] * 10


def test_scikit_learn_takes_it_for_an_estimator():
    pieces = markov_pieces(np.random.default_rng(11), 12)
    model = PairwiseMaxEnt(1, 1, solver=StochasticGradient(n_epochs=2))
    assert clone(model).get_params() == model.get_params()
    assert cross_val_score(model, pieces, cv=3).shape == (3,)
    search = GridSearchCV(model, {"max_lag": [1, 2]}, cv=2).fit(pieces)
    assert search.best_params_["max_lag"] in (1, 2)


def test_tables_read_by_line_lag_and_symbol():
    pieces = markov_pieces(np.random.default_rng(12))
    model = PairwiseMaxEnt(2, 1).fit(pieces)
    table = model.coupling(0, 0, 1)
    assert table.shape == (1, model.layout_.width, model.layout_.width)
    stay, leave = table[0, [0, 1, 2], [0, 1, 2]].mean(), table[0, 0, 1]
    assert stay > leave + 0.5
    assert "Field()" in model.fields_


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([], "no pieces"),
        ([np.zeros((0, 2), int)], "piece 0"),
        ([np.array([[0.5]])], "expected symbols"),
        ([np.array([[-1]])], "symbol -1, expected an integer from 0"),
        ([np.zeros((3, 2), int), np.zeros((3, 1), int)], "piece 1"),
    ],
)
def test_bad_pieces_are_named(pieces, message):
    with pytest.raises(ValueError, match=message):
        PairwiseMaxEnt().fit(pieces)


def test_an_unfitted_model_says_so():
    with pytest.raises(NotFittedError, match="call fit first"):
        PairwiseMaxEnt().score([np.zeros((3, 1), int)])


def test_tables_of_coordinates_have_a_limit(monkeypatch):
    monkeypatch.setattr(templates, "MAX_CELLS", 8 * 8)
    message = "lines of 8 symbols: expected fewer"
    with pytest.raises(ValueError, match=message):
        MaxEnt([Melody()]).fit([np.array([[0], [7], [2], [0]])] * 2)
