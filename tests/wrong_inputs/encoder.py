"""Of the encoder, what it learns from, and grids on their way back to scores."""

from functools import partial

import numpy as np

from stats_composer.encoding import GridEncoder
from stats_composer.score import Score, make_notes

SCORE = Score(make_notes(onset=[0, 10080], pitch=[60, 62]))
DUO = Score(make_notes(onset=[0, 0], pitch=[60, 48], part=[0, 1]))
ONE = {"n_lines": 1, "contexts": (), "hold": "symbol"}


def fitted():
    """Return an encoder of one line."""
    return GridEncoder(**ONE).fit([SCORE])


def rows():
    """Give a name, a call that has to raise, and what its message says."""
    for name, value, pattern in (
        ("n_lines", 0, "n_lines=0: expected an int from 1"),
        ("n_lines", "a", "n_lines='a'"),
        ("steps_per_beat", 0, "steps_per_beat=0"),
        ("steps_per_beat", True, "steps_per_beat=True"),
        ("hold", "tie", "hold='tie': expected 'symbol' or 'onset'"),
        ("contexts", "place", "contexts='place': expected some of"),
        ("contexts", ("beat",), r"contexts=\('beat',\)"),
    ):
        encoder = GridEncoder(**{**ONE, name: value})
        yield f"fit-{name}={value!r}", partial(encoder.fit, [SCORE]), pattern
    for what, scores, pattern in (
        ("none", [], "no scores: expected at least one"),
        ("a score", SCORE, "a single Score: expected a list of scores"),
        ("a name", "a.mid", "scores 'a.mid': expected a list of scores"),
        ("a grid", np.zeros((4, 1), int), "score 1 .*: expected a Score"),
        ("two lines", [DUO], "2 voices, expected 1"),
    ):
        yield f"fit {what}", partial(GridEncoder(**ONE).fit, scores), pattern
        yield f"transform {what}", partial(fitted().transform, scores), pattern
    yield "not fitted", partial(GridEncoder(**ONE).transform, [SCORE]), "call fit first"
    for what, grid, pattern in (
        ("too high", [[0], [9]], "grid 0, row 1, column 0: symbol 9, expected 0 to 3"),
        ("huge", [[2**40]], "grid 0, row 0, column 0: symbol 1099511627776"),
        ("negative", [[-1]], "grid 0, row 0, column 0: symbol -1"),
        ("wide", [[0, 0]], r"grid 0 of shape \(1, 2\): expected"),
        ("flat", [0, 1], r"grid 0 of shape \(2,\)"),
        ("empty", np.zeros((0, 1), int), r"grid 0 of shape \(0, 1\)"),
        ("float", [[0.5]], "grid 0 of float64"),
    ):
        yield f"back {what}", partial(fitted().inverse_transform, [grid]), pattern
    yield "frames", partial(fitted().inverse_transform, [[[0]]], []), "0 frames: expected one"
