"""Viewpoints: language, kernels beside their twins, laws of the model, and its edges."""

import itertools
import json
from copy import copy

import naive_viewpoints as naive
import numpy as np
import pytest
from scipy.stats import chisquare

from stats_composer import modelfile
from stats_composer.kernels.viewpoints import N_BUCKETS, Events, Evidence, mix_evidence
from stats_composer.models.mixture import choose_penalty, learn_weights
from stats_composer.models.viewpoints import (
    ABSENT,
    Blend,
    Table,
    ViewpointModel,
    parse_chain,
    parse_viewpoint,
)

DTYPE = np.dtype([("pitch", np.int64), ("tonic", np.int64), ("place", np.int64)])
VIEWPOINTS = (
    "pitch = pitch",
    "interval = pitch - pitch@1",
    "degree = pitch - tonic mod 12",
    "contour = sign pitch - pitch@1",
    "first = pitch - pitch@index",
    "repeat = pitch - expected",
)
CHAINS = (
    "pitch: place@0 | pitch@1",
    "interval: degree@1 | interval@1 | interval@2",
    "degree: degree@1",
    "contour: contour@1 contour@2",
    "first",
    "repeat: match@0",
)
SHORT = ("pitch: pitch@1", "interval: interval@1 | interval@2", "degree")
CORRECTED = ("pitch", "degree: degree@1", "contour: contour@1 contour@2")
RELATIVE = ("interval: interval@1 | interval@2", "contour: contour@1", "first: index@0")


def tune(pitch, tonic=0):
    table = np.zeros(len(pitch), DTYPE)
    table["pitch"], table["tonic"] = pitch, tonic
    table["place"] = np.arange(len(pitch)) % 4
    return table


def tunes(n=12, length=18, low=60, high=68, seed=0):
    rng = np.random.default_rng(seed)
    steps = (rng.integers(-2, 3, length - 1) for _ in range(n))
    return [
        tune(np.clip(np.cumsum(np.append(64, s)), low, high), tonic=i % 3)
        for i, s in enumerate(steps)
    ]


@pytest.fixture(scope="module")
def fitted():
    return ViewpointModel(VIEWPOINTS, CHAINS, short=SHORT).fit(tunes())


@pytest.fixture(scope="module")
def corrected(fitted):
    model = copy(fitted)
    weight = model.begin_correction(CORRECTED).weight
    weight[:-1] = np.random.default_rng(1).normal(size=len(weight) - 1)
    return model


# ---- language --------------------------------------------------------------------------------


def test_viewpoints_of_a_phrase_by_hand():
    phrase = tune([60, 62, 64, 60, 62, 64, 67], tonic=2)
    table = Table({n: phrase[n] for n in DTYPE.names}, "pitch", np.array([0, 7]))

    def value(text):
        return parse_viewpoint(text, "pitch").value(table).tolist()

    assert value(VIEWPOINTS[1]) == [ABSENT, 2, 2, -4, 2, 2, 3]
    assert value(VIEWPOINTS[2]) == [10, 0, 2, 10, 0, 2, 5]
    assert value(VIEWPOINTS[3]) == [ABSENT, 1, 1, -1, 1, 1, 1]
    assert value(VIEWPOINTS[4]) == [ABSENT, 2, 4, 0, 2, 4, 7]
    assert table.column("match").tolist() == [0, 0, 0, 1, 0, 1, 2]
    assert table.column("expected").tolist() == [-1, -1, -1, 66, -1, 58, 60]
    assert value(VIEWPOINTS[5]) == [ABSENT, ABSENT, ABSENT, -6, ABSENT, 6, 7]
    assert table.column("highest").tolist() == [ABSENT, 60, 62, 64, 64, 64, 64]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("interval = pitch + 1", "expected 'name = pitch'"),
        ("interval = pitch - pitch", "of an event before"),
        ("interval = pitch - pitch@0", "of an event before"),
        ("x = duration", "expected 'name = pitch'"),
        ("x = pitch mod 0", "expected 'name = pitch'"),
    ],
)
def test_what_is_no_viewpoint_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_viewpoint(text, "pitch")


@pytest.mark.parametrize(
    ("chains", "message"),
    [
        (["interval: degree"], "expected name@lag"),
        (["melody: pitch@1"], "expected a viewpoint"),
        (["interval: interval@0"], "from lag 1 on"),
        (["interval: timbre@1"], "column 'timbre'"),
        ([], "no chains"),
    ],
)
def test_what_is_no_chain_is_refused(chains, message):
    with pytest.raises(ValueError, match=message):
        ViewpointModel(VIEWPOINTS, chains).fit(tunes(3))


def test_levels_of_a_chain():
    assert parse_chain("a: b@1 c@2 | d@0").levels == ((("b", 1), ("c", 2)), (("d", 0),))


# ---- kernels ---------------------------------------------------------------------------------


def look(model, pieces):
    """Events, evidence, and experts as the twin wants them."""
    events = model._events(model._table(pieces, range(128)))
    compiled = model._experts(model._first)
    experts = [
        {
            "parent": int(compiled.parent[e]),
            "short": bool(compiled.short[e]),
            "target": int(target),
            "cell": compiled.cell[target].tolist(),
            "smoothing": model.smoothing,
        }
        for e, target in enumerate(compiled.target)
    ]
    return events, model._gather(events, counted=True), experts


def test_evidence_and_mixture_are_their_twins():
    pieces = tunes(5, 9)
    model = ViewpointModel(VIEWPOINTS, CHAINS, short=SHORT, smoothing=(0.4, 0.7)).fit(pieces)
    events, evidence, experts = look(model, pieces)
    rows = [list(range(a, b)) for a, b in itertools.pairwise(events.bounds)]
    plain = {k: getattr(events, k).tolist() for k in ("symbol", "reference", "context")}
    weights = np.random.default_rng(1).normal(0.3, 0.2, (len(experts), N_BUCKETS))
    log_prob, slope = np.empty((len(events.symbol), model.n_symbols_)), np.zeros_like(weights)
    mix_evidence(evidence, events, weights, log_prob, slope)
    for piece in rows[:2]:
        log_ratio, bucket = naive.gather_evidence(experts, plain, rows, model.n_symbols_, piece)
        np.testing.assert_array_equal(evidence.bucket[piece], bucket)
        np.testing.assert_allclose(evidence.log_ratio[piece], log_ratio, atol=1e-5)
        for i, ratios, row in zip(piece, log_ratio, bucket, strict=True):
            ref = naive.mix_evidence(ratios, row, weights.tolist())
            np.testing.assert_allclose(log_prob[i], ref, atol=1e-4)


def test_slopes_are_those_of_the_likelihood(fitted):
    events, evidence, experts = look(fitted, tunes()[:4])
    rng = np.random.default_rng(2)
    weights = rng.normal(0.2, 0.1, (len(experts), N_BUCKETS))
    log_prob, slope = np.empty((len(events.symbol), fitted.n_symbols_)), np.zeros_like(weights)
    mix_evidence(evidence, events, weights, log_prob, slope)
    direction = rng.normal(size=weights.shape)
    step = 1e-2
    ends = [
        mix_evidence(evidence, events, weights + s * direction, log_prob, np.zeros_like(slope))
        for s in (step, -step)
    ]
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx((slope * direction).sum(), rel=1e-3)


def test_a_piece_left_out_is_a_piece_never_counted():
    pieces = tunes(6)
    whole = ViewpointModel(VIEWPOINTS, CHAINS, short=SHORT, margin=12).fit(pieces)
    before = whole.counts_.copy()
    _, evidence, _ = look(whole, pieces)
    np.testing.assert_array_equal(whole.counts_, before)
    held_out = pieces[2]
    part = ViewpointModel(VIEWPOINTS, CHAINS, short=SHORT, margin=12)
    part.fit([piece for piece in pieces if piece is not held_out])
    part.low_, part.n_symbols_ = whole.low_, whole.n_symbols_
    events = part._events(part._table([held_out], range(128)))
    ref = part._gather(events)
    rows = slice(2 * len(held_out), 3 * len(held_out))
    np.testing.assert_array_equal(evidence.bucket[rows], ref.bucket)
    np.testing.assert_array_equal(evidence.log_ratio[rows], ref.log_ratio)


def test_weights_climb_to_the_top(fitted):
    events, evidence, experts = look(fitted, tunes())
    best = learn_weights(evidence, events, 4.0)
    again = learn_weights(evidence, events, 4.0, best)
    np.testing.assert_allclose(again, best, atol=0.02)
    assert fitted.penalty_ == 100.0
    assert choose_penalty(evidence, events, [4.0, 64.0]) in (4.0, 64.0)
    assert best.shape == (len(experts), N_BUCKETS)


def test_an_expert_weighs_more_where_it_is_right():
    """Of two buckets it is right in the first and wrong in the second."""
    bucket = np.repeat([1, 2], 20)[:, None].astype(np.int8)
    evidence = Evidence(np.tile(np.log([[[0.9, 0.1]]]).astype(np.float32), (40, 1, 1)), bucket)
    zero = np.zeros((40, 1), np.int64)
    symbol = np.repeat([0, 1], 20)
    weights = learn_weights(evidence, Events(symbol, zero, zero, np.array([0, 40])), 1.0)
    assert weights[0, 1] > 0.5 and weights[0, 2] < 0.5 < weights[0, 1] - weights[0, 2]


# ---- laws ------------------------------------------------------------------------------------


def test_every_row_sums_to_one(fitted):
    for row in fitted.predict_log_proba(tunes(4, seed=5)):
        assert np.abs(np.exp(row).sum(axis=1) - 1).max() < 1e-12


def test_all_pieces_of_one_length_sum_to_one():
    model = ViewpointModel(VIEWPOINTS, CHAINS, short=SHORT, margin=0)
    model.fit(tunes(8, 10, low=62, high=66))
    pitches = range(model.low_, model.low_ + model.n_symbols_)
    every = [tune(p, tonic=1) for p in itertools.product(pitches, repeat=3)]
    assert np.exp(model.score_samples(every)).sum() == pytest.approx(1, abs=1e-10)


def test_the_future_does_not_change_the_past(fitted):
    piece = tunes(1, 16, seed=9)[0]
    other = piece.copy()
    other["pitch"][9:] = 68 - (other["pitch"][9:] - 60)
    a, b = fitted.predict_log_proba([piece, other])
    np.testing.assert_array_equal(a[:10], b[:10])
    assert (a[10:] != b[10:]).any()
    np.testing.assert_array_equal(fitted.predict_log_proba([piece[:10]])[0], a[:10])


def test_relative_viewpoints_do_not_know_the_register():
    viewpoints = VIEWPOINTS[1:]
    pieces = tunes(8, low=55, high=75)
    model = ViewpointModel(viewpoints, RELATIVE, short=["interval: interval@1"], margin=20)
    model.fit(pieces)
    piece = tunes(1, seed=4)[0]
    moved = piece.copy()
    moved["pitch"] += 5
    # Only what the ends of the alphabet cut off differs.
    a, b = (np.exp(row) for row in model.predict_log_proba([piece, moved]))
    np.testing.assert_allclose(a[1:, 20:-25], b[1:, 25:-20], rtol=2e-2)


@pytest.mark.parametrize("corrected", [(), CORRECTED])
def test_samples_follow_the_law(corrected):
    model = ViewpointModel(VIEWPOINTS, CHAINS, short=SHORT, margin=0)
    model.fit(tunes(6, 12, low=63, high=65))
    if corrected:
        weight = model.begin_correction(corrected).weight
        weight[:-1] = np.random.default_rng(1).normal(size=len(weight) - 1)
    assert model.n_symbols_ == 3
    start = tune([64, 63, 65, 64], tonic=1)
    drawn = model.sample(800, given=start, n_given=2, random_state=0)
    pairs = list(itertools.product([63, 64, 65], repeat=2))
    every = [tune([64, 63, *pair], tonic=1) for pair in pairs]
    law = np.exp([model.log_probs(piece)[2:].sum() for piece in every])
    found = [tuple(piece["pitch"][2:].tolist()) for piece in drawn]
    counts = [found.count(pair) for pair in pairs]
    assert law.sum() == pytest.approx(1)
    assert chisquare(counts, law * len(drawn)).pvalue > 0.001
    wrong = np.roll(law, 1) * len(drawn)
    assert chisquare(counts, wrong).pvalue < 1e-6


def test_a_model_of_symbols_alone_needs_no_table(fitted):
    model = ViewpointModel(["pitch = pitch"], ["pitch: pitch@1"])
    pieces = [np.array(row, [("pitch", np.int64)]) for row in ([60, 62, 60], [62, 60, 62, 60])]
    drawn = model.fit(pieces).sample(3, n_steps=7, random_state=1)
    assert [len(piece) for piece in drawn] == [7, 7, 7]
    assert np.isfinite(model.score(drawn))
    for call, message in (
        (lambda: model.sample(3), "n_steps=None: expected an int from 1"),
        (lambda: model.sample(n_steps=3, given=pieces[1]), "n_steps=3: expected 4"),
        (lambda: model.sample(given=pieces[0], n_given=9), "n_given=9: expected an int in .0, 3."),
        (lambda: fitted.sample(n_steps=3), "given=None: expected a table of columns"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_history_tells_how_the_weights_were_found():
    penalties = (100.0, 10.0)
    model = ViewpointModel(VIEWPOINTS, CHAINS, penalty=penalties).fit(tunes(10))
    tried = [row for row in model.history_ if row["stage"] == "penalty"]
    assert [row["penalty"] for row in tried] == [100.0, 10.0]
    assert model.penalty_ == max(tried, key=lambda row: row["objective"])["penalty"]
    climbed = [row["objective"] for row in model.history_ if row["stage"] == "weights"]
    assert len(climbed) > 2 and np.diff(climbed).min() > -1e-6


def test_samples_keep_to_what_is_allowed_and_to_the_seed(fitted):
    allowed = np.zeros(fitted.n_symbols_, bool)
    allowed[[60 - fitted.low_, 62 - fitted.low_]] = True
    table = tunes(1)[0]
    drawn = [fitted.sample(given=table, allowed=allowed, random_state=3)[0] for _ in range(2)]
    assert set(drawn[0]["pitch"]) <= {60, 62}
    np.testing.assert_array_equal(*drawn)
    with pytest.raises(ValueError, match="one at least True"):
        fitted.sample(given=table, allowed=np.zeros(fitted.n_symbols_, bool))


@pytest.mark.parametrize("name", ["fitted", "corrected"])
def test_a_drawing_looks_as_the_whole_piece_does(name, request):
    model, table = request.getfixturevalue(name), tunes(1, seed=7)[0]
    drawing = model.begin(table)
    (expected,) = model.predict_log_proba([table])
    for row, symbol in zip(expected, table["pitch"].tolist(), strict=True):
        np.testing.assert_allclose(drawing.log_probs(), row, atol=1e-6)
        drawing.put(symbol)
    assert drawing.symbols == table["pitch"].tolist()


# ---- edges -----------------------------------------------------------------------------------


@pytest.mark.parametrize("pitch", [[60], [60, 60], [60] * 20])
def test_one_short_piece_is_enough(pitch):
    model = ViewpointModel(VIEWPOINTS, CHAINS, short=SHORT).fit([tune(pitch)])
    row = model.predict_log_proba([tune([60, 61, 59, 64])])[0]
    assert np.isfinite(row).all()
    assert np.isfinite(model.score([tune([60])]))


def test_contexts_never_seen_leave_it_to_the_shorter(fitted):
    strange = tune([60, 72, 60, 72, 57], tonic=11)
    strange["place"] = 77
    assert np.isfinite(fitted.log_probs(strange)).all()


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([], "no pieces"),
        ([tune([])], "piece 0: no events"),
        ([tune([60]), tune([200])], "pitch 200 of piece 1, event 0: expected 0 to 127"),
        ([np.zeros(3, [("pitch", float)])], "column 'pitch' of integers"),
        ([np.zeros(3, int)], "piece 0: expected a table, an array with named columns"),
        (tune([60]), "wrap it in a list"),
        ([np.zeros(3, [("tonic", int)])], "piece 0: expected a column 'pitch' of integers"),
        ([tune([60]), np.zeros(3, [("pitch", int)])], "piece 1: expected a column 'tonic'"),
    ],
)
def test_bad_pieces_are_named(pieces, message):
    with pytest.raises(ValueError, match=message):
        ViewpointModel(VIEWPOINTS, CHAINS).fit(pieces)


def test_a_symbol_that_is_no_candidate_is_named(fitted):
    with pytest.raises(ValueError, match="pitch 90 of piece 1, event 1: expected 56 to 72"):
        fitted.score([tune([60]), tune([60, 90])])


@pytest.mark.parametrize(
    "change",
    [
        {"smoothing": (1.5, 1)},
        {"smoothing": (0.5, 0.5, 1)},
        {"smoothing": (0.5, 0)},
        {"penalty": 0.0},
        {"penalty": ()},
        {"margin": -1},
        {"max_events": 0},
        {"symbol": 3},
        {"short": "pitch: pitch@1"},
    ],
)
def test_bad_parameters_are_named(change):
    with pytest.raises(ValueError, match="expected"):
        ViewpointModel(VIEWPOINTS, CHAINS, **change).fit(tunes(2))


@pytest.mark.parametrize("name", ["fitted", "corrected"])
def test_a_model_file_keeps_every_probability(name, request, tmp_path):
    model = request.getfixturevalue(name)
    sizes, arrays = model.state()
    modelfile.save(tmp_path / "m.npz", json.loads(json.dumps(sizes)), arrays)
    header, found = modelfile.load(tmp_path / "m.npz")
    again = ViewpointModel(VIEWPOINTS, CHAINS, short=SHORT).restore(header, found)
    pieces = tunes(3, seed=8)
    for a, b in zip(model.predict_log_proba(pieces), again.predict_log_proba(pieces), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="another viewpoint model"):
        ViewpointModel(VIEWPOINTS, [*CHAINS, "pitch: pitch@2"]).restore(header, found)


def test_scikit_learn_takes_it():
    from sklearn.base import clone
    from sklearn.model_selection import cross_val_score

    model = clone(ViewpointModel(VIEWPOINTS, CHAINS))
    assert np.isfinite(cross_val_score(model, tunes(6), cv=2)).all()


def test_evidence_of_nothing_is_uniform(fitted):
    evidence = Evidence(np.zeros((1, 1, 4), np.float32), np.zeros((1, 1), np.int8))
    events = fitted._events(fitted._table([tune([fitted.low_])], range(128)))
    log_prob = np.empty((1, 4))
    weights = np.ones((1, N_BUCKETS))
    mix_evidence(evidence, events, weights, log_prob, np.zeros_like(weights))
    np.testing.assert_allclose(log_prob, np.log(0.25))


# ---- other counts, and blends ----------------------------------------------------------------


def test_a_model_recounted_on_its_own_pieces_is_itself(fitted):
    again = fitted.recounted(tunes())
    piece = tunes(seed=5)[:1]
    np.testing.assert_allclose(
        again.predict_log_proba(piece)[0], fitted.predict_log_proba(piece)[0], atol=1e-12
    )


def test_a_model_recounted_expects_what_it_was_shown(fitted):
    shown = tune([64, 62] * 9)
    row = fitted.recounted([shown]).predict_log_proba([shown[:6]])[0][5]
    assert int(row.argmax()) + fitted.low_ == 62


def test_a_blend_is_the_normalised_product_of_its_models(fitted):
    other = fitted.recounted([tune([64, 62] * 9)])
    piece = tunes(seed=5)[0]
    rows = [np.exp(model.predict_log_proba([piece])[0]) for model in (fitted, other)]
    drawing = Blend([(fitted, 0.25), (other, 0.75)]).begin(piece)
    for first, second, symbol in zip(*rows, piece["pitch"].tolist(), strict=True):
        product = first**0.25 * second**0.75
        np.testing.assert_allclose(np.exp(drawing.log_probs()), product / product.sum(), atol=1e-9)
        drawing.put(symbol)
    assert drawing.symbols == piece["pitch"].tolist()


def test_models_of_other_symbols_cannot_be_blended(fitted):
    wider = ViewpointModel(VIEWPOINTS, CHAINS, margin=9).fit(tunes())
    with pytest.raises(ValueError, match="expected the same candidates"):
        Blend([(fitted, 0.5), (wider, 0.5)])


# ---- corrections -----------------------------------------------------------------------------


def test_a_correction_follows_counts_in_their_context():
    # After a step up, the corpus goes up 3 times; what was drawn goes down 2 times.
    model = ViewpointModel(VIEWPOINTS[:4], ["contour: contour@1", "interval"], margin=0)
    model.fit(tunes())
    piece = tune([64, 66, 67])
    (before,) = model.predict_log_proba([piece])
    model.begin_correction(["contour: contour@1"])
    np.testing.assert_allclose(model.predict_log_proba([piece])[0], before, atol=1e-12)
    model.correct([tune([60, 62, 64, 66, 68])], [tune([60, 62, 60, 62, 60])], rate=1.0)
    (after,) = model.predict_log_proba([piece])
    np.testing.assert_allclose(np.exp(after).sum(axis=1), 1)
    moved = after[2] - before[2]
    same = 66 - model.low_
    np.testing.assert_allclose(moved[same + 1 :] - moved[same], np.log(8 / 5), rtol=1e-5)
    np.testing.assert_allclose(moved[:same] - moved[same], np.log(5 / 7), rtol=1e-5)


def test_what_was_drawn_counts_as_much_as_the_corpus():
    # 60 comes 5 times in 5, and 5 times in 10: log 10 / 7.5.
    model = ViewpointModel(VIEWPOINTS[:1], ["pitch"]).fit(tunes())
    correction = model.begin_correction(["pitch"])
    model.correct([tune([60] * 5)], [tune([60] * 5), tune([62] * 5)], rate=0.5)
    found = sorted(correction.weight[correction.weight != 0].tolist())
    np.testing.assert_allclose(found, [0.5 * np.log(5 / 7.5), 0.5 * np.log(10 / 7.5)], rtol=1e-6)


def test_what_is_drawn_comes_to_count_as_the_corpus_does():
    # The model knows scales up; its corpus here goes down at every third step.
    model = ViewpointModel(VIEWPOINTS[:4], ["contour: contour@1"], margin=6).fit(tunes())
    corpus = [tune(60 + np.cumsum([0, *([1, 1, -1] * 8)])) for _ in range(8)]
    correction = model.begin_correction(["contour"])

    def away(seed):
        drawn = model.sample(8, given=corpus[0], n_given=1, random_state=seed)
        ups = [np.mean(np.diff(piece["pitch"]) > 0) for piece in drawn]
        return drawn, abs(np.mean(ups) - 2 / 3)

    drawn, first = away(0)
    for seed in range(1, 9):
        model.correct(corpus, drawn, rate=0.5)
        drawn, last = away(seed)
    assert first > 0.15
    assert last < 0.06
    assert correction.weight[-1] == 0


@pytest.mark.parametrize("name", ["fifth", "short degree"])
def test_no_expert_to_correct_is_told(fitted, name):
    with pytest.raises(ValueError, match=f"expert '{name}': expected one of expert_names_"):
        copy(fitted).begin_correction([name])


def test_a_correction_is_begun_before_it_follows(fitted):
    with pytest.raises(ValueError, match="no correction: call begin_correction first"):
        copy(fitted).correct(tunes(1), tunes(1), rate=1.0)
