"""Of the maximum-entropy models and their sampler."""

from functools import cache, partial

import numpy as np

from stats_composer.factors import Automaton, Crossing, Factors
from stats_composer.models.maxent import (
    LBFGS,
    ContrastiveDivergence,
    Field,
    MaxEnt,
    Melody,
    Pair,
    PairDifference,
    PairwiseMaxEnt,
    Progression,
    ShiftedField,
    Sonority,
    StochasticGradient,
)
from stats_composer.sampling.context import ContextLaw
from stats_composer.sampling.gibbs import GibbsSampler, annealing

SOLVER = StochasticGradient(n_epochs=1)
T = np.arange(12)
GRID = np.column_stack([T % 3, T % 2, T % 2, T // 6])  # two lines, a gate, a place
LINES = GRID[:, :2].copy()
NOT_GRIDS = {
    "a bare grid": (LINES, "expected a list of pieces: wrap it in a list"),
    "no pieces": ([], "no pieces"),
    "an empty piece": ([LINES[:0]], r"piece 0 of shape \(0, 2\)"),
    "one axis": ([LINES[:, 0]], r"piece 0 of shape \(12,\)"),
    "three axes": ([LINES[None]], r"piece 0 of shape \(1, 12, 2\)"),
    "floats": ([LINES * 1.0], "piece 0 of float64"),
    "not numbers": ([LINES * np.nan], "piece 0 of float64"),
    "text": ([LINES.astype(str)], "piece 0 of <U"),
    "objects": ([[["a", None]]], "piece 0 of object"),
    "ragged rows": ([[[0, 1], [0]]], "rows of equal length"),
    "a negative symbol": ([LINES, LINES - 1], "piece 1, row 0, column 0: symbol -1"),
    "None": ([None], r"piece 0 of shape \(\)"),
}
NOT_OF_THE_FIT = {
    "fewer columns": ([LINES[:, :1]], r"piece 0 of shape \(12, 1\): expected \(n_steps, 2\)"),
    "more columns": ([GRID], r"piece 0 of shape \(12, 4\)"),
    "a symbol too high": (
        [LINES + np.array([1, 0])],
        "piece 0, row 2, column 0: symbol 3, expected 0 to 2",
    ),
    "a huge symbol": ([LINES + 10**6], "symbol 1000000, expected 0 to 2"),
    "a symbol past 63 bits": ([LINES.astype(np.uint64) + np.uint64(2**63)], "piece 0, row 0"),
}
PARAMETERS = {
    "terms": [(Field(), "terms=.*expected a sequence"), (["field"], "terms="), (None, "terms=")],
    "n_lines": [
        (0, "n_lines=0"),
        (5, r"n_lines=5: expected None or an int in \[1, 4\]"),
        (1.0, "n_lines"),
    ],
    "labels": [([[60]], r"labels, .* of shape \(1, 1\)"), (np.ones((2, 3)), "labels, float64")],
    "n_symbols": [
        ([3], "n_symbols"),
        ([2, 2], "symbol 2, expected 0 to 1"),
        ([3, 0], "n_symbols"),
        (3, "n_symbols=3"),
        ([3, 10**6], "n_symbols"),
    ],
    "gate": [
        (9, r"gate=9: expected None or an int in \[2, 3\]"),
        (-1, "gate=-1"),
        (0, "gate=0"),
        ("half", "gate='half'"),
    ],
    "place": [(4, "place=4"), (True, "place=True")],
    "sonority_context": [(4, "sonority_context=4")],
    "given": [(-2, "given=-2")],
    "modulus": [(0, "modulus=0"), (1.5, "modulus=1.5"), (10**6, "modulus=1000000")],
    "clip": [(-1, "clip=-1"), (10**4, "clip=10000")],
    "solver": [
        ("lbfgs", "solver='lbfgs': expected None or a Solver"),
        (LBFGS, "solver="),
        (LBFGS(l1=-1.0), "solver__l1=-1.0"),
        (LBFGS(0), "solver__n_iterations=0"),
        (StochasticGradient(batch_size=0), "solver__batch_size=0"),
        (StochasticGradient(float("inf")), "solver__learning_rate=inf"),
    ],
    "finish": [
        ("cd", "finish='cd'"),
        ([LBFGS()], "finish="),
        (ContrastiveDivergence(n_chains=0), "finish__n_chains=0"),
        ([ContrastiveDivergence(window=0)], r"finish\[0\]__window=0"),
        (ContrastiveDivergence(restart=2.0), "finish__restart=2.0"),
    ],
    "random_state": [(-1, "random_state=-1"), ("seed", "random_state='seed'")],
}
TERMS = {
    "l2=-1": ([Field(-1.0)], r"terms\[0\]__l2=-1.0: expected a number from 0"),
    "a field of a column that is not there": ([Field(context=7)], "context of the columns past"),
    "a field of a line": ([Field(context=0)], "context of the columns past"),
    "a shifted field of no column": ([ShiftedField(context=-1)], "context=-1"),
    "a known field of another shape": ([Field(context=2, table=np.zeros((1, 1, 1)))], "table of"),
    "a term twice": ([Field(), Field()], "there twice"),
    "pairs of two reaches": ([Pair(max_lag=2), PairDifference(max_lag=1)], "same max_lag"),
    "a negative lag": ([Pair(max_lag=-1)], "max_lag=-1"),
    "a kind of sonority": ([Sonority(kind="sets")], "kind='sets': expected 'relative'"),
    "no context of sonority": ([Sonority(n_contexts=0)], "n_contexts=0"),
    "no class": ([Progression(n_classes=0)], "n_classes=0"),
}
PAIRWISE = {
    "max_lag": [(-1, "max_lag=-1"), (1.5, "max_lag=1.5")],
    "max_diagonal": [(None, "max_diagonal=None")],
    "context": [(9, "context of the columns past"), (-1, "context=-1")],
    "shared": [("yes", "shared='yes'")],
    "l2": [(-1, "l2=-1: expected a number from 0"), (float("nan"), "l2=nan")],
}
FITTED_CALLS = ("score", "score_samples")
ONE_GRID_CALLS = ("log_weight", "log_probs", "site_scores", "target")


@cache
def pairwise():
    """Fit a model of pairs to lines of three and two symbols."""
    return PairwiseMaxEnt(1, 1, solver=SOLVER).fit([LINES] * 3)


@cache
def gated():
    """Fit a model with a gate, a place and a field of a context."""
    terms = [Field(context=3), Pair(max_lag=1), Melody()]
    return MaxEnt(terms, n_lines=2, gate=2, place=3, solver=SOLVER).fit([GRID] * 3)


def fit_with(name, value):
    """Fit a model with one parameter that cannot be."""
    settings = {"terms": [Field(), Pair()], "n_lines": 2, "solver": SOLVER, name: value}
    return MaxEnt(**settings).fit([GRID])


def rows():
    """Yield the rows."""
    for name, (pieces, pattern) in NOT_GRIDS.items():
        yield f"fit, {name}", partial(PairwiseMaxEnt(1).fit, pieces), pattern
        for call in FITTED_CALLS:
            yield f"{call}, {name}", lambda c=call, p=pieces: getattr(pairwise(), c)(p), pattern
    for name, (pieces, pattern) in NOT_OF_THE_FIT.items():
        for call in FITTED_CALLS:
            yield f"{call}, {name}", lambda c=call, p=pieces: getattr(pairwise(), c)(p), pattern
        for call in ONE_GRID_CALLS:
            yield f"{call}, {name}", lambda c=call, p=pieces: getattr(pairwise(), c)(p[0]), pattern
        yield f"GibbsSampler, {name}", lambda p=pieces: GibbsSampler(pairwise(), p[0]), pattern
        yield f"sample, {name}", lambda p=pieces: pairwise().sample(start=p[0]), pattern
    yield (
        "fit, a symbol past all tables",
        lambda: PairwiseMaxEnt(1).fit([LINES + 10**6]),
        "n_symbols",
    )
    for name, value in (("a gate", [0, 0, 5, 0]), ("a place", [0, 0, 0, 9])):
        row = np.array([value])
        yield f"score, {name} never met", lambda r=row: gated().score([GRID, r]), "piece 1, row 0"
        yield f"GibbsSampler, {name} never met", lambda r=row: GibbsSampler(gated(), r), "row 0"
    for name, values in PARAMETERS.items():
        for value, pattern in values:
            yield f"{name}={value!r}", partial(fit_with, name, value), pattern
    for name, (terms, pattern) in TERMS.items():
        yield f"terms: {name}", partial(fit_with, "terms", terms), pattern
    for name, values in PAIRWISE.items():
        for value, pattern in values:
            model = PairwiseMaxEnt(solver=SOLVER).set_params(**{name: value})
            yield f"PairwiseMaxEnt, {name}={value!r}", partial(model.fit, [LINES]), pattern
    yield from unfitted()
    yield from sampling()


def unfitted():
    """Yield what a model cannot do before its fit."""
    model, pattern = MaxEnt([Field()]), "call fit first"
    for call in FITTED_CALLS:
        yield f"{call} before fit", lambda c=call: getattr(model, c)([LINES]), pattern
    for call in ONE_GRID_CALLS:
        yield f"{call} before fit", lambda c=call: getattr(model, c)(LINES), pattern
    yield "sample before fit", lambda: model.sample(n_steps=3), pattern
    yield "state before fit", model.state, pattern
    yield "GibbsSampler before fit", lambda: GibbsSampler(model, LINES), pattern
    yield "set_params", lambda: model.set_params(gates=1), "parameter 'gates': expected one of"
    yield "set_params, nested", lambda: model.set_params(solver__rate=1), "solver=None has none"


def sampler(**settings):
    """Build a sampler with one setting that cannot be."""
    return GibbsSampler(pairwise(), LINES, random_state=0, **settings)


def free_factors(n_steps=12, n_symbols=(3, 2)):
    """Return factors that forbid nothing."""
    return Factors.free(n_steps, np.array(n_symbols))


def sampling():
    """Yield what samplers refuse."""
    for name, free, pattern in (
        ("another shape", np.ones((11, 2), bool), "expected bool of"),
        ("one column", np.ones((12, 1), bool), "expected bool of"),
        ("numbers", np.ones((12, 2)), "free, float64"),
    ):
        yield f"free of {name}", lambda f=free: sampler(free=f), pattern
        yield (
            f"sample, free of {name}",
            lambda f=free: pairwise().sample(start=LINES, free=f),
            pattern,
        )
    never = Automaton.first_order(np.full((3, 3), -np.inf), 12)
    ruled = Factors(free_factors().unary, {0: (never,)})
    for name, factors, pattern in (
        ("fewer steps", free_factors(11), "factors of 11 steps"),
        ("one step", free_factors(1), "factors of 1 steps"),
        ("fewer voices", free_factors(12, (3,)), "and 1 voices"),
        ("fewer symbols", free_factors(12, (2, 2)), "factors of 2 symbols"),
        ("a strange term", Factors(free_factors().unary, terms=("fugue",)), "does not know"),
    ):
        yield f"factors of {name}", lambda f=factors: sampler(factors=f), pattern
        yield (
            f"sample, factors of {name}",
            lambda f=factors: pairwise().sample(n_steps=12, factors=f),
            pattern,
        )
    yield "factors that refuse the start", lambda: sampler(factors=ruled), "breaks an automaton"
    yield (
        "sample, factors that refuse all",
        lambda: pairwise().sample(n_steps=12, factors=ruled),
        "no start",
    )
    yield "run_share=2", lambda: sampler(run_share=2.0), "run_share=2.0"
    yield (
        "a seed of text",
        lambda: GibbsSampler(pairwise(), LINES, random_state="x"),
        "random_state='x'",
    )
    for temperatures in ([0.0], [-1.0], [np.nan], [[1.0]], 1.0):
        yield (
            f"run({temperatures})",
            lambda t=temperatures: sampler().run(t),
            "expected one a sweep",
        )
    for name, value in (
        ("n_samples", 0),
        ("n_samples", 1.5),
        ("n_chains", 0),
        ("thin", 0),
        ("burn_in", -1),
        ("n_steps", 0),
        ("n_steps", None),
        ("n_steps", 2.0),
    ):
        settings = {"n_steps": 3, name: value}
        yield f"sample, {name}={value!r}", lambda s=settings: pairwise().sample(**s), f"{name}="
    yield "sample without context", lambda: gated().sample(n_steps=4), "expected a start"
    yield (
        "sample, pinned without start",
        lambda: pairwise().sample(n_steps=4, free=np.ones((4, 2), bool)),
        "expected a start",
    )
    yield "coupling", lambda: pairwise().coupling(0, 1, 9), "no coupling of lines 0 and 1 at lag 9"
    yield "field_table", lambda: pairwise().field_table(3), "no field depends on it"
    yield from contexts()
    yield "annealing to 0", lambda: sampler().run(annealing(cold=0.0)), "above 0"
    yield (
        "crossing without pairs",
        lambda: GibbsSampler(unpaired(), LINES, Factors(free_factors().unary, terms=(Crossing(),))),
        "no pair term",
    )


@cache
def unpaired():
    """Fit a model of fields alone."""
    return MaxEnt([Field()], solver=SOLVER).fit([LINES])


def contexts():
    """Yield laws of a context voice that do not fit."""
    steps, kind = np.zeros((1, 2, 2)), np.zeros(12, np.int64)
    for name, law, pattern in (
        ("no field", ContextLaw(2, np.zeros((12, 2)), steps, kind), "no field depends"),
        ("other values", ContextLaw(3, np.zeros((12, 5)), steps, kind), "context voice 3, arrays"),
        ("another length", ContextLaw(3, np.zeros((9, 2)), steps, kind[:9]), "of 9 steps"),
        ("a strange kind", ContextLaw(3, np.zeros((12, 2)), steps, kind + 4), "a kind without"),
        ("every=0", ContextLaw(3, np.zeros((12, 2)), steps, kind, every=0), "every=0"),
        ("no value", ContextLaw(3, np.full((12, 2), -np.inf), steps, kind), "without a value"),
    ):
        yield f"context with {name}", lambda c=law: GibbsSampler(gated(), GRID, context=c), pattern
