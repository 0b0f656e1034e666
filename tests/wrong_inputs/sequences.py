"""Of every estimator of pieces, by its own list of what it must refuse; and of their tools."""

from functools import cache, partial

import numpy as np
from contract_cases import CASES, changed, lines, tables

from stats_composer.models.calibration import VectorScaling
from stats_composer.models.frames import FrameModel, Template
from stats_composer.models.ngram import NGram
from stats_composer.models.texture import KMeans
from stats_composer.ngrams import CopyMachine, Repertoire, count_levels

ASKED = ("score_samples", "predict", "predict_proba", "predict_log_proba", "decision_function",
         "marginals", "decode", "unary")  # fmt: skip
ALONE = ("log_probs", "surprise", "log_weight")
NOT_SIZES = (-1, 0, 1.5, None, "2", 1e9)
ROWS = np.arange(12.0).reshape(6, 2)


@cache
def fitted(name):
    """Return a fitted model."""
    return CASES[name].fit()


def ask(name, method, *args, **options):
    """Call a method of a fitted model."""
    return getattr(fitted(name), method)(*args, **options)


def restored(name, key, change):
    """Restore a model from sizes and arrays of which one was changed."""
    sizes, arrays = fitted(name).state()
    state = {**sizes, **arrays}
    state[key] = change(state[key])
    return CASES[name].make().restore({k: state[k] for k in sizes}, {k: state[k] for k in arrays})


def of_fits():
    """Yield rows of parameters and of pieces, for all estimators alike."""
    for name, case in CASES.items():
        own = [] if case.y is None else [case.y[:2]]
        for parameter, value in case.bad.items():
            call = partial(case.fit, **{parameter: value})
            yield f"{name}, {parameter}={value!r}", call, parameter
        for what, (piece, pattern) in case.wrong.items():
            X = [case.X[0], piece]
            yield f"{name}.score, {what}", partial(ask, name, "score", X, *own), pattern
            for method in ASKED:
                if hasattr(case.make(), method):
                    yield f"{name}.{method}, {what}", partial(ask, name, method, X), pattern
            for method in ALONE:
                if hasattr(case.make(), method):
                    yield f"{name}.{method}, {what}", partial(ask, name, method, piece), pattern
        for X in ([], None, 7, "abc"):
            for method in ("score", "score_samples", "predict"):
                if hasattr(case.make(), method):
                    args = (X, *own) if method == "score" else (X,)
                    yield f"{name}.{method}({X!r})", partial(ask, name, method, *args), "pieces"


def of_draws():
    """Yield rows of how many are asked for."""
    for name, case in CASES.items():
        if case.sample is None:
            continue
        sizes = {"n_samples": NOT_SIZES}
        if "n_steps" in case.sample:
            sizes["n_steps"] = (-1, 1.5, None, "2")
        for size, values in sizes.items():
            for n in values:
                call = partial(ask, name, "sample", **{**case.sample, size: n})
                yield f"{name}.sample, {size}={n!r}", call, f"{size}="


def of_beginnings():
    """Yield rows of what a piece began with."""
    for given, pattern in (
        ([4], "symbol 4, expected 0 to 3"),
        ([-1], "symbol -1"),
        ([10**9], "symbol 1000000000"),
        ([0.5], "float64"),
        ([[0, 1]], "shape"),
    ):
        call = partial(ask, "NGram", "sample", n_steps=3, given=given)
        yield f"NGram.sample, given={given}", call, pattern
    for given, pattern in (
        (np.zeros((2, 5), bool), r"given of shape \(2, 5\)"),
        (np.full((2, 6), 3), "given, frame 0, key 0: 3"),
        (np.zeros(6, bool), "given of shape"),
    ):
        call = partial(ask, "FrameModel", "sample", n_steps=3, given=given)
        yield f"FrameModel.sample, given of {given.shape}", call, pattern
    table = tables()[0]
    for options, pattern in (
        ({"given": changed(table, "place", 2**40)}, "less than 2.29"),
        ({"given": table[["pitch"]]}, "column 'place'"),
        ({"given": table, "n_given": 99}, "n_given=99"),
        ({"given": table, "n_given": -1}, "n_given=-1"),
        ({"given": table, "n_steps": 3}, "n_steps=3"),
        ({"given": table, "allowed": np.ones(2, bool)}, "allowed: expected"),
        ({"given": changed(table, "pitch", 99), "n_given": 1}, "pitch 99"),
        ({}, "given=None"),
    ):
        call = partial(ask, "ViewpointModel", "sample", **options)
        yield f"ViewpointModel.sample, {pattern}", call, pattern


def of_ngrams():
    """Yield rows of what only n-grams can do."""
    for shape in ((3, 4), (5, 5)):
        call = partial(ask, "NGram", "automaton", 5, np.ones(shape, bool))
        yield f"NGram.automaton, {shape}", call, rf"allowed of shape \({shape[0]}, {shape[1]}\)"
    for support in (-1, 1.5, "2"):
        call = partial(ask, "NGram", "automaton", 5, support=support)
        yield f"NGram.automaton, support={support!r}", call, "support"
    yield "NGram.forget, all", lambda: NGram(2).fit(lines()).forget(lines()), "nothing would be"
    yield "NGram.forget, others", lambda: NGram(2).fit(lines(2)).forget([[2, 0]]), "not among"
    for n in (0, -3):
        yield f"count_levels, n={n}", partial(count_levels, lines(), n), f"n={n}"
    for piece, pattern in (
        (np.array([0, -1]), "symbol -1"),
        (np.array([0, 2**40]), f"symbol {2**40}"),
        (np.zeros((2, 2), int), "2 axes"),
        (np.zeros(2), "float64"),
    ):
        call = partial(count_levels, [piece], 2, limit=2**62)
        yield f"count_levels of {piece.tolist()}", call, pattern


def of_files():
    """Yield rows of arrays that no model wrote."""
    for name, key, change, pattern in (
        ("NGram", "code", lambda a: a + 1, "."),
        ("NGram", "children", lambda a: a + 1, "not a context tree"),
        ("NGram", "level", lambda v: [*v[:-1], v[-1] + 5], "not a context tree"),
        ("NGram", "n_symbols", lambda v: 1, "n_symbols 1: expected from 4"),
        ("FrameModel", "0.reach", lambda a: a + 99, "of another frame model"),
        ("FrameModel", "0.slot", lambda a: a - 10**6, "slots of counts"),
        ("FrameModel", "0.bucket", lambda a: a[:1], "bucket of shape"),
        ("FrameModel", "n_keys", lambda v: 10**6, "1000000 keys"),
        ("FrameModel", "weights", lambda v: [1.0], "1 weights"),
        ("ViewpointModel", "low", lambda v: -5, "of another viewpoint model"),
        ("ViewpointModel", "n_symbols", lambda v: 999, "of another viewpoint model"),
        ("ViewpointModel", "skip", lambda a: a + np.int64(10**6), "of another viewpoint model"),
        ("ViewpointModel", "skip", lambda a: a - np.int64(10**6), "of another viewpoint model"),
        ("ViewpointModel", "weights", lambda a: a[:1], "of another viewpoint model"),
    ):
        yield f"{name}.restore, {key}, {pattern}", partial(restored, name, key, change), pattern


def of_rows():
    """Yield rows of K-means."""
    for X, pattern in (
        ([], "Expected 2D array"),
        (np.zeros((0, 2)), "0 sample"),
        (np.zeros((2, 0)), "0 feature"),
        (ROWS[0], "Reshape your data"),
        (np.full((2, 2), np.nan), "NaN or inf"),
        (ROWS * 1j, "Complex data"),
        (ROWS[None], "Expected 2D array"),
    ):
        yield f"KMeans.fit of {np.shape(X)}, {pattern}", partial(KMeans(2).fit, X), pattern
    for weight in (np.ones(5), -np.ones(6), np.zeros(6), np.full(6, np.nan)):
        call = partial(KMeans(2).fit, ROWS, sample_weight=weight)
        yield f"KMeans.fit, weight {weight}", call, "sample_weight"
    for method in ("predict", "transform", "score"):
        call = getattr(KMeans(2).fit(ROWS), method)
        yield f"KMeans.{method}, columns", partial(call, ROWS[:, :1]), "X has 1 features"
        yield f"KMeans.{method}, fresh", partial(getattr(KMeans(2), method), ROWS), "call fit first"
    for name, value in (
        ("n_clusters", 0), ("n_clusters", 2.5), ("n_init", 0), ("max_iter", 0),
        ("random_state", -1), ("init", "random"), ("init", np.zeros((3, 2))),
        ("init", np.zeros((2, 3))), ("init", np.full((2, 2), np.inf)),
    ):  # fmt: skip
        pattern = "init|NaN" if name == "init" else f"{name}="
        call = partial(KMeans(**{"n_clusters": 2, name: value}).fit, ROWS)
        yield f"KMeans, {name}={np.asarray(value).tolist()}", call, pattern


def of_tools():
    """Yield rows of copies, templates and calibration."""
    for piece, pattern in (
        (([60, 62], [0]), "piece 0: 2 labels, 1 times"),
        (([60.5, 62], [0, 1]), "piece 0: expected labels and times, integers"),
        (([[60], [62]], [[0], [1]]), "piece 0: expected labels and times"),
    ):
        yield f"Repertoire of {piece}", partial(Repertoire, [piece]), pattern
    corpus = Repertoire([([60, 62, 64], [0, 1, 2])])
    yield "first_copy, n=0", partial(corpus.first_copy, 0, [60, 62], [0, 1]), "n=0"
    yield "first_copy, times", partial(corpus.first_copy, 1, [60, 62], [0]), "2 labels, 1 times"
    label, length = np.array([-1, 60]), np.ones(2, np.int64)
    yield "CopyMachine, n=0", partial(CopyMachine, corpus, 0, label, length, 3), "at least 1"
    yield "CopyMachine, lengths", partial(CopyMachine, corpus, 2, label, length[:1], 3), "as many"
    yield "CopyMachine, time back", partial(CopyMachine, corpus, 2, label, -length, 3), "from 0"
    for gaps, pattern in (({"a": Template("nothing")}, "atom 'nothing'"), ({"a": 3}, "'a'")):
        model = FrameModel(log2_slots=8, gap_templates=gaps)
        yield f"FrameModel, templates {gaps}", partial(model.fit, CASES["FrameModel"].X), pattern
    probs = np.full((3, 4), 0.25)
    for labels, pattern in (
        (np.array([0, 1, 4]), "label 4"),
        (np.array([0, 1, -1]), "label -1"),
        (np.array([0, 1]), "2 labels"),
    ):
        call = partial(VectorScaling.fit, [probs], [labels], 2)
        yield f"VectorScaling, labels {labels}", call, pattern
    call = partial(VectorScaling.fit, [probs], [np.zeros(3, int)], 3)
    yield "VectorScaling, classes", call, "n_classes=3"


def rows():
    """Yield the rows."""
    yield from of_fits()
    yield from of_draws()
    yield from of_beginnings()
    yield from of_ngrams()
    yield from of_files()
    yield from of_rows()
    yield from of_tools()
