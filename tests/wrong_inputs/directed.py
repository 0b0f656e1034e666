"""Of the directed model, alone and as an expert beside a sampler."""

from functools import partial

import numpy as np
from directed_case import CHAINS, COLUMNS, GRIDS, LABELS, N_SYMBOLS, NAMES, fitted_model, pieces

from stats_composer.models.directed import DirectedModel, Drawing
from stats_composer.models.maxent import Field, MaxEnt, StochasticGradient
from stats_composer.sampling.gibbs import GibbsSampler

GRID = GRIDS[0]


def raised(column, by):
    """Return the grid with a column raised."""
    grid = GRID.copy()
    grid[:, column] += by
    return grid


SETTINGS = {
    "chains": CHAINS,
    "names": NAMES,
    "labels": LABELS,
    "n_symbols": N_SYMBOLS,
    "columns": COLUMNS,
}
PARAMETERS = {
    "chains": [
        ({}, "chains of no line"),
        ({"X": ["symbol"]}, r"chains of \['X'\]: expected some of"),
        ({"B": ["symbol: nothing@0"]}, "atom 'nothing@0'"),
        ({"B": ["pitch"]}, "target 'pitch'"),
        (["symbol"], "chains=.*expected a mapping"),
    ],
    "names": [((), r"names=\(\)"), (("S", "T"), "chains of .* expected some of"), (3, "names=3")],
    "labels": [
        (LABELS[:2], r"labels of shape \(2, 3\)"),
        (LABELS[:, :2], r"labels of shape \(3, 2\)"),
        (LABELS * 1.0, "expected integers of"),
    ],
    "n_symbols": [
        ((3, 3), "n_symbols of 2"),
        ((3, 3, 1), "symbol 1, expected 0 to 0"),
        ((3, 3, 0), r"n_symbols=\(3, 3, 0\)"),
    ],
    "columns": [
        ({"half": 3, "place": 5}, "'place' at 5"),
        ({"half": 3, "place": 0}, "'place' at 0"),
        ({"place": 4}, "phase='half'"),
        (None, "columns=None"),
    ],
    "phase": [("beat", "phase='beat': expected one of"), (3, "phase=3")],
    "period": [(0, "period=0"), (1, "column 3: symbol 1, expected 0 to 0")],
    "penalty": [(-1.0, "penalty=-1.0"), (float("nan"), "penalty=nan")],
    "smoothing": [((0.5,), "smoothing="), ((2.0, 0.5), "smoothing="), (0.5, "smoothing=0.5")],
    "max_rows": [(0, "max_rows=0")],
}
NOT_OF_THE_FIT = {
    "fewer columns": (GRID[:, :4], r"of shape \(3, 4\): expected \(n_steps, 5\)"),
    "more columns": (np.hstack([GRID, GRID]), r"of shape \(3, 10\)"),
    "one axis": (GRID[0], r"of shape \(5,\)"),
    "no rows": (GRID[:0], r"of shape \(0, 5\)"),
    "floats": (GRID * 1.0, "of float64: expected symbols"),
    "a symbol too high": (raised(2, 2), "row 0, column 2: symbol"),
    "a huge symbol": (raised(0, 10**9), "row 0, column 0: symbol 100000000"),
    "a negative symbol": (raised(4, -2), "column 4: symbol -"),
    "a phase past the beat": (raised(3, 2), "column 3: symbol 2, expected 0 to 1"),
}
DRAWINGS = [Drawing(staying=0.0), Drawing(moving=-1.0), Drawing(min_p=1.5), Drawing(min_p=np.nan)]


def model():
    """Return the fitted model."""
    return fitted_model()


def fit_with(name, value):
    """Fit a model with one parameter that cannot be."""
    return DirectedModel(**{**SETTINGS, name: value}).fit(pieces(2))


def rows():
    """Yield the rows."""
    for name, values in PARAMETERS.items():
        for value, pattern in values:
            yield f"{name}={value!r}", partial(fit_with, name, value), pattern
    yield "fit, a bare grid", partial(DirectedModel(**SETTINGS).fit, GRID), "wrap it in a list"
    yield "fit, no columns", partial(DirectedModel(**SETTINGS).fit, [GRID[:, :2]]), "3 names"
    yield "score, a bare grid", lambda: model().score(GRID), "wrap it in a list"
    for name, (grid, pattern) in NOT_OF_THE_FIT.items():
        yield f"score, {name}", lambda g=grid: model().score([g]), pattern
        yield f"score_samples, {name}", lambda g=grid: model().score_samples([GRID, g]), pattern
        yield f"log_probs, {name}", lambda g=grid: model().log_probs(g), pattern
        yield f"site_log_probs, {name}", lambda g=grid: model().site_log_probs(g), pattern
        yield f"sample, {name}", lambda g=grid: model().sample(given=g), pattern
        if name != "more columns":
            yield f"judged, {name}", lambda g=grid: model().judged(g, 1.0), pattern.split(":")[0]
    for drawing in DRAWINGS:
        yield (
            f"sample, {drawing}",
            lambda d=drawing: model().sample(given=GRID, drawing=d),
            "Drawing",
        )
    for n in (0, -1, 1.5):
        yield f"sample, n_samples={n}", lambda n=n: model().sample(n, given=GRID), "n_samples="
    for name, unary in (
        ("fewer steps", np.zeros((2, 3, 3))),
        ("fewer lines", np.zeros((3, 2, 3))),
        ("fewer symbols", np.zeros((3, 3, 2))),
        ("two axes", np.zeros((3, 3))),
        ("what is no number", np.full((3, 3, 3), np.nan)),
        ("infinity", np.full((3, 3, 3), np.inf)),
    ):
        yield (
            f"sample, unary of {name}",
            lambda u=unary: model().sample(given=GRID, unary=u),
            "unary",
        )
    fresh = DirectedModel(**SETTINGS)
    yield "score before fit", lambda: fresh.score([GRID]), "call fit first"
    yield "log_probs before fit", lambda: fresh.log_probs(GRID), "call fit first"
    yield "sample before fit", lambda: fresh.sample(given=GRID), "call fit first"
    yield "judged before fit", lambda: fresh.judged(GRID, 1.0), "call fit first"
    yield "state before fit", fresh.state, "call fit first"
    yield "a negative expert", lambda: model().judged(GRID, -1.0), "weight=-1.0"
    maxent = MaxEnt(
        [Field()], n_lines=3, n_symbols=N_SYMBOLS, solver=StochasticGradient(n_epochs=1)
    )
    yield "an expert's given line free", lambda: beside(maxent), "line 0 is free"


def beside(maxent):
    """Set the model beside another, all lines free."""
    return GibbsSampler(maxent.fit(pieces(2)), GRID, expert=(model(), 1.0))
