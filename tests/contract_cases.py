"""Each estimator of pieces with what it learns from and what it must refuse."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from directed_case import CHAINS, COLUMNS, LABELS, N_SYMBOLS, NAMES
from directed_case import pieces as directed_pieces

from stats_composer.chords import ChordClassifier
from stats_composer.chords.events import CHORD_EVENT_DTYPE
from stats_composer.chords.labels import N_QUALITIES
from stats_composer.models.crf import ChainCRF, Observed
from stats_composer.models.directed import DirectedModel
from stats_composer.models.frames import FrameModel
from stats_composer.models.maxent import Field, MaxEnt, Pair, PairwiseMaxEnt, StochasticGradient
from stats_composer.models.ngram import PPM, NGram
from stats_composer.models.viewpoints import ViewpointModel


@dataclass
class Case:
    """An estimator, what it learns from, and what it must refuse."""

    make: Any
    X: list
    y: list | None = None
    wrong: dict = field(default_factory=dict)  # pieces that do not go with X, and the message
    bad: dict = field(default_factory=dict)  # values that parameters cannot have
    sample: dict | None = None  # what `sample` is asked, where there is one
    n_terms: Any = None  # of how many terms `score` is the mean, for a piece
    iterates: bool = True

    def fit(self, X=None, **params):
        """Return it fitted."""
        X = self.X if X is None else X
        own = [] if self.y is None else [self.y[: len(X)]]
        return self.make().set_params(**params).fit(X, *own)

    def score(self, model, X=None):
        """Return the score of some of the first pieces."""
        X = self.X if X is None else X
        return model.score(X, *([] if self.y is None else [self.y[: len(X)]]))


def lines(n=6, length=12, n_symbols=4):
    rng = np.random.default_rng(1)
    return [np.cumsum(rng.integers(-1, 2, length + i)) % n_symbols for i in range(n)]


def grids(n=6, length=10):
    rng = np.random.default_rng(2)
    return [rng.integers(0, [3, 2], (length + i, 2)) for i in range(n)]


def rolls(n=5, length=8, n_keys=6):
    rng = np.random.default_rng(3)
    return [rng.random((length + i, n_keys)) < 0.3 for i in range(n)]


def tables(n=6):
    found = []
    for i, line in enumerate(lines(n, n_symbols=6)):
        table = np.zeros(len(line), [("pitch", np.int64), ("place", np.int64)])
        table["pitch"], table["place"] = 60 + line, (np.arange(len(line)) + i) % 4
        found.append(table)
    return found


def observed(n=5, n_rows=2):
    rng = np.random.default_rng(4)
    return [
        Observed(
            rng.integers(-1, 5, (5 + i, n_rows, 3)).astype(np.int32), rng.integers(0, 2, 5 + i)
        )
        for i in range(n)
    ]


def events(n=4):
    rng = np.random.default_rng(5)
    found = []
    for i in range(n):
        piece = np.zeros(6 + i, CHORD_EVENT_DTYPE)
        piece["onset"], piece["duration"] = np.arange(6 + i), 1
        piece["weight"] = rng.random((6 + i, 12)) < 0.4
        piece["bass"], piece["accent"] = rng.integers(0, 12, 6 + i), rng.integers(0, 6, 6 + i)
        found.append(piece)
    return found


def changed(piece, name, value):
    piece = piece.copy()
    piece[name][0] = value
    return piece


def steps(**options):
    return StochasticGradient(n_epochs=2, **options)


def of_lines(make):
    return Case(
        make,
        lines(),
        wrong={
            "floats": (np.array([0.5, 1.0]), "float64"),
            "negative": (np.array([0, -1]), "symbol -1"),
            "two voices": (np.zeros((3, 2), int), r"shape \(3, 2\)"),
            "unseen": (np.array([0, 4]), "symbol 4"),
            "huge": (np.array([0, 10**9]), "symbol 1000000000"),
            "empty": (np.zeros(0, int), "shape"),
            "text": ("abc", "piece|shape"),
        },
        bad={"n": 0, "n_symbols": 0, "end": 3, "smoothing": "KneserNey"},
        sample={"n_steps": 7},
        n_terms=lambda model, piece: len(piece) + model.end,
        iterates=False,
    )


def of_grids(make, **bad):
    return Case(
        make,
        grids(),
        wrong={
            "floats": (np.zeros((3, 2)), "float64"),
            "negative": (np.array([[0, -1]]), "symbol -1"),
            "fewer voices": (np.zeros((3, 1), int), r"shape \(3, 1\)"),
            "one axis": (np.zeros(3, int), r"shape \(3,\)"),
            "unseen": (np.array([[0, 2]]), "symbol 2"),
            "huge": (np.array([[10**6, 0]]), "symbol 1000000"),
            "empty": (np.zeros((0, 2), int), r"shape \(0, 2\)"),
        },
        bad=bad,
        sample={"n_steps": 5, "burn_in": 5, "thin": 1},
        n_terms=lambda model, piece: piece.size,
    )


def directed():
    found = directed_pieces(5, 8)
    grid = found[0]
    return Case(
        lambda: DirectedModel(
            CHAINS, names=NAMES, labels=LABELS, n_symbols=N_SYMBOLS, columns=COLUMNS, penalty=5.0
        ),
        found,
        wrong={
            "floats": (grid * 1.0, "float64"),
            "negative": (grid - 5, "symbol -"),
            "fewer voices": (grid[:, :3], r"shape \(8, 3\)"),
            "unseen": (grid + np.array([3, 0, 0, 0, 0]), "symbol"),
            "empty": (grid[:0], r"shape \(0, 5\)"),
        },
        bad={"penalty": -1.0, "period": 0, "smoothing": 3},
        sample={"given": grid},
        n_terms=lambda model, piece: len(piece) * len(CHAINS),
        iterates=False,
    )


CASES = {
    "NGram": of_lines(lambda: NGram(3)),
    "NGram with an end": of_lines(lambda: NGram(3, smoothing=PPM(), end=True)),
    "MaxEnt": of_grids(
        lambda: MaxEnt([Field(), Pair(max_lag=1)], solver=steps(), random_state=0),
        terms=("Field",), n_lines=0, modulus=0, solver="lbfgs", random_state=-1, gate=-1,
    ),
    "PairwiseMaxEnt": of_grids(
        lambda: PairwiseMaxEnt(2, 1, solver=steps(), random_state=0),
        max_lag=-1, shared=1, l2=-1.0, gate=-1,
    ),
    "DirectedModel": directed(),
    "FrameModel": Case(
        lambda: FrameModel(("up", "bottom-down"), log2_slots=10),
        rolls(),
        wrong={
            "floats": (np.zeros((3, 6)), "float64"),
            "two": (np.full((3, 6), 2), "frame 0, key 0: 2"),
            "negative": (np.full((3, 6), -1), "frame 0, key 0: -1"),
            "fewer keys": (np.zeros((3, 5), bool), r"shape \(3, 5\)"),
            "one axis": (np.zeros(6, bool), r"shape \(6,\)"),
            "empty": (np.zeros((0, 6), bool), r"shape \(0, 6\)"),
        },
        bad={
            "orders": "up", "rates": (), "frames_a_pass": 0, "caution": 0.0, "decay": -1.0,
            "smoothing": (1.0,), "log2_slots": 99, "gates": "run", "memory": 1, "n_jobs": 0,
            "key_templates": 3, "random_state": "x", "adapt": "yes",
        },
        sample={"n_steps": 4},
        n_terms=lambda model, piece: len(piece),
    ),
    "ViewpointModel": Case(
        lambda: ViewpointModel(
            ["pitch = pitch", "step = pitch - pitch@1"],
            ["pitch: place@0 | pitch@1", "step: step@1"],
            short=["pitch: pitch@1"],
        ),
        tables(),
        wrong={
            "no table": (np.zeros(4, int), "expected a table"),
            "no symbol": (tables()[0][["place"]], "column 'pitch'"),
            "no column": (tables()[0][["pitch"]], "column 'place'"),
            "floats": (np.zeros(3, [("pitch", float), ("place", int)]), "'pitch' of integers"),
            "unseen": (changed(tables()[0], "pitch", 120), "pitch 120 of piece"),
            "negative": (changed(tables()[0], "pitch", -1), "pitch -1 of piece"),
            "huge": (changed(tables()[0], "place", 2**40), "less than 2.29"),
            "empty": (tables()[0][:0], "no events"),
        },
        bad={
            "viewpoints": (), "chains": "pitch", "short": 3, "symbol": None, "penalty": -1.0,
            "smoothing": (2.0, 1.0), "margin": -1, "max_events": 0,
        },
        sample={"given": tables()[0], "n_given": 2},
        n_terms=lambda model, piece: len(piece),
    ),
    "ChainCRF": Case(
        lambda: ChainCRF(n_rows=2, n_classes=2, n_gates=2, min_count=1),
        observed(),
        [np.arange(5 + i) % 4 for i in range(5)],
        wrong={
            "no codes": (np.zeros((3, 2), int), "expected an Observed"),
            "more rows": (observed(1, 3)[0], "codes of shape"),
            "a gate": (Observed(observed()[0].codes, np.full(5, 2)), "gate 2, expected 0 to 1"),
            "a gate below": (Observed(observed()[0].codes, np.full(5, -1)), "gate -1"),
            "a short gate": (Observed(observed()[0].codes, np.zeros(4, int)), "gate of shape"),
            "empty": (Observed(observed()[0].codes[:0], np.zeros(0, int)), "codes of shape"),
        },
        bad={"n_rows": 0, "n_classes": 0, "n_gates": 0, "l2": -1, "min_count": -1, "max_iter": 0},
    ),
    "ChordClassifier": Case(
        lambda: ChordClassifier(C=1.0, min_count=1),
        events(),
        [piece["bass"].astype(int) * N_QUALITIES + np.arange(len(piece)) % 2 for piece in events()],
        wrong={
            "no events": (np.zeros((3, 2), int), "expected chord events"),
            "a bass": (changed(events()[0], "bass", 12), "expected basses 0 to 11"),
            "an accent": (changed(events()[0], "accent", -1), "accents 0 to 5"),
            "empty": (events()[0][:0], "expected chord events"),
        },
        bad={"C": 0.0, "families": ("roots",), "min_count": -1, "temperature": 0.0},
        iterates=False,
    ),
}  # fmt: skip
