"""Of the exact chain and of factors."""

import numpy as np

from stats_composer.factors import Automaton, Factors, find_grid
from stats_composer.sampling.chain import Chain
from stats_composer.sampling.diagnostics import diagnose

UNARY = np.zeros((4, 3))
FREE = Factors.free(4, np.array([3, 2]))
AUTOMATON = Automaton.first_order(np.zeros((3, 3)), 4)
PATHS = {
    "a symbol too high": ([[0, 1, 2, 3]], "row 0, column 3: symbol 3, expected 0 to 2"),
    "a huge symbol": ([[0, 1, 2, 10**9]], "symbol 1000000000, expected 0 to 2"),
    "a negative symbol": ([[0, 1, -1, 0]], "symbol -1"),
    "floats": ([[0.0] * 4], "of float64"),
    "another length": ([[0, 1, 2]], r"of shape \(1, 3\)"),
    "one path alone": ([0, 1, 2, 0], r"of shape \(4,\)"),
}
BEGUN = {
    "a symbol too high": ([5], "symbol 5, expected 0 to 2"),
    "a negative symbol": ([-1], "symbol -1"),
    "a longer path": ([0] * 5, "begun with 5 of 4 steps"),
    "floats": ([0.5], "of float64"),
}
GRIDS = {
    "a symbol too high": (np.full((4, 2), 3), "column 0: symbol 3, expected 0 to 2"),
    "a negative symbol": (np.full((4, 2), -1), "symbol -1"),
    "fewer steps": (np.zeros((3, 2), int), "grid of 3 steps"),
    "fewer voices": (np.zeros((4, 1), int), r"of shape \(4, 1\)"),
    "floats": (np.zeros((4, 2)), "of float64"),
}


def rows():
    """Yield the rows."""
    chain = Chain(UNARY)
    for name, unary in (
        ("one axis", np.zeros(3)),
        ("no symbols", np.zeros((3, 0))),
        ("nan", np.full((4, 3), np.nan)),
        ("inf", np.full((4, 3), np.inf)),
    ):
        yield f"Chain, unary of {name}", lambda u=unary: Chain(u), "unary"
    wide = Automaton.first_order(np.zeros((5, 5)), 4)
    for name, automaton, pattern in (
        ("fewer steps", Automaton.first_order(np.zeros((3, 3)), 3), "automaton of 3 steps"),
        ("more symbols", wide, "an automaton reads symbol 4"),
    ):
        yield f"Chain, automaton of {name}", lambda a=automaton: Chain(UNARY, [a]), pattern
    for name, (paths, pattern) in PATHS.items():
        yield f"log_prob, {name}", lambda p=paths: chain.log_prob(np.array(p)), pattern
    for name, (begun, pattern) in BEGUN.items():
        yield f"after, {name}", lambda b=begun: chain.after(np.array(b)), pattern
    for n in (-1, 1.5, None):
        yield f"sample({n})", lambda n=n: chain.sample(n), f"n={n}"
    yield "sample, seed", lambda: chain.sample(1, random_state="x"), "random_state='x'"
    yield "under, another shape", lambda: chain.under(np.zeros((4, 2))), "of the same shape"
    yield "no path", lambda: Chain(np.full((2, 2), -np.inf)).sample(1), "no path"
    for name, (grid, pattern) in GRIDS.items():
        yield f"Factors.log_weight, {name}", lambda g=grid: FREE.log_weight(g), pattern
    yield from factors()
    for traces in ([1.0], [[1.0] * 7], [[np.nan] * 9], np.zeros((0, 9))):
        yield f"diagnose({np.shape(traces)})", lambda t=traces: diagnose(t), "traces"


def factors():
    """Yield factors and automata that cannot be."""
    narrow = Factors.free(4, np.array([3]))
    yield "&, another grid", lambda: FREE & narrow, "expected one grid"
    for name, settings in (
        ("a unary of two axes", {"unary": UNARY}),
        ("a unary that is nan", {"unary": np.full((4, 2, 3), np.nan)}),
        ("a unary of infinity", {"unary": np.full((4, 2, 3), np.inf)}),
        ("an automaton of another voice", {"automata": {2: (AUTOMATON,)}}),
        ("a pair of another grid", {"pairwise": {(0, 1): np.zeros((4, 2, 2))}}),
        ("a pair of voices turned", {"pairwise": {(1, 0): np.zeros((4, 3, 3))}}),
        ("a pair that is nan", {"pairwise": {(0, 1): np.full((4, 3, 3), np.nan)}}),
    ):
        call = lambda s=settings: Factors(**{"unary": FREE.unary, **s})  # noqa: E731
        yield name, call, "unary|automaton|pairwise"
    yield "Factors.free, no steps", lambda: Factors.free(0, np.array([3])), "n_steps=0"
    yield "Factors.free, no symbols", lambda: Factors.free(3, np.array([0])), "n_symbols"
    table = np.zeros((1, 2, 3), int)
    for name, settings in (
        ("a kind too high", {"kind": [0, 1]}),
        ("an initial state too high", {"kind": [0], "initial": 2}),
        ("a target too high", {"target": table + 5, "kind": [0]}),
        ("a weight that is nan", {"kind": [0], "log_weight": np.nan}),
    ):
        call = lambda s=settings: Automaton.from_table(**{"target": table, **s})  # noqa: E731
        yield f"Automaton, {name}", call, "automaton"
    path = np.array([0, 1])
    yield "log_weight_of, another length", lambda: AUTOMATON.log_weight_of(path), "2 symbols"
    yield "find_grid, seed", lambda: find_grid(FREE, "x"), "random_state='x'"
