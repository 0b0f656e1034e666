"""N-grams: counts, scores and draws against naive twins, and the exact law under constraints."""

from collections import Counter

import naive_ngram as naive
import numpy as np
import pytest
from enumerate import all_paths, chi_square_p, law, path_log_weights
from hypothesis import given, settings
from hypothesis import strategies as st

from stats_composer import modelfile
from stats_composer.errors import ConstraintError, NotFittedError
from stats_composer.factors import Automaton
from stats_composer.kernels import counting
from stats_composer.kernels.ngram import fill_rows
from stats_composer.models.ngram import (
    PPM,
    KneserNey,
    Lidstone,
    NGram,
    WittenBell,
    reach,
    smoothing,
)
from stats_composer.ngrams import END, FIRST_SYMBOL, START
from stats_composer.ngrams import count as windows
from stats_composer.sampling.chain import Chain

SMOOTHINGS = {
    "KneserNey": (KneserNey(), naive.kneser_ney, ()),
    "KneserNey of one discount": (KneserNey(0.7), naive.kneser_ney, (0.7,)),
    "WittenBell": (WittenBell(), naive.witten_bell, ()),
    "Lidstone": (Lidstone(0.3), naive.lidstone, (0.3,)),
    "PPM A": (PPM("A"), naive.ppm, ("A",)),
    "PPM C": (PPM(), naive.ppm, ("C",)),
    "PPM D": (PPM("D"), naive.ppm, ("D",)),
}
CORPUS = [[0, 1, 0, 1, 2], [1], [2, 2, 0, 1, 0, 2, 1, 0, 1, 2, 2], [0, 1, 2, 0, 1, 1, 0, 0, 1, 2]]
PROPERTIES = settings(derandomize=True, database=None, deadline=None, max_examples=60)
corpora = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=9), min_size=1, max_size=5)


def as_dict(tree):
    """Return the counts of a tree as the twin has them."""
    names = {START: "^", END: "$"}
    grams = [()]
    for node in range(1, len(tree.code)):
        code = int(tree.code[node])
        grams.append((*grams[tree.parent[node]], names.get(code, code - FIRST_SYMBOL)))
    for node, gram in enumerate(grams[1:], 1):
        assert grams[tree.suffix[node]] == gram[1:]
    return {gram: int(count) for gram, count in zip(grams[1:], tree.count[1:], strict=True)}


def twin(name, n, end, pieces=CORPUS, n_symbols=4):
    strategy, function, options = SMOOTHINGS[name]
    model = NGram(n, smoothing=strategy, end=end, n_symbols=n_symbols).fit(pieces)
    counts = naive.count_ngrams(pieces, n, end)
    values = [*(["$"] if end else []), *range(n_symbols)]
    return model, function(counts, n, values, *options), counts, values


def assert_same_counts(model, other):
    for name in ("level", "code", "count", "first"):
        np.testing.assert_array_equal(getattr(model.tree_, name), getattr(other.tree_, name))


# ---- counts ---------------------------------------------------------------------------------


@PROPERTIES
@given(corpora, st.integers(1, 6), st.booleans())
def test_counts_equal_their_naive_twin(pieces, n, end):
    model = NGram(n, end=end).fit(pieces)
    assert as_dict(model.tree_) == naive.count_ngrams(pieces, n, end)
    assert model.tree_.count[0] == sum(map(len, pieces)) + end * len(pieces)


@PROPERTIES
@given(corpora, st.integers(1, 6), st.booleans(), st.integers(3, 7), st.integers(1, 40))
def test_counts_do_not_depend_on_how_they_are_taken(pieces, n, end, log_table, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "_TABLE", 1 << log_table)
        patch.setattr(windows, "_JOINED", block)
        patch.setattr(windows, "_WRITTEN", block)
        tight = NGram(n, end=end).fit(pieces)
    assert_same_counts(tight, NGram(n, end=end).fit(pieces))
    wide = NGram(n, end=end).fit([np.array(piece) << 28 for piece in pieces]).tree_
    for name in ("level", "count", "first"):
        np.testing.assert_array_equal(getattr(wide, name), getattr(tight.tree_, name))


@PROPERTIES
@given(corpora, st.integers(1, 5), st.sampled_from([-1, 1]), st.integers(2, 6), st.integers(0, 9))
def test_counting_kernels_equal_their_naive_twins(pieces, n, end, log_table, room):
    n_bits, table = 3, 1 << log_table
    symbols, bounds = np.concatenate(pieces), np.cumsum([0, *map(len, pieces)])
    full = counting.Counted(np.zeros(table, np.uint64), np.zeros(table, np.uint32))
    size = table + room
    keys, counts = found = counting.Counted(np.empty(size, np.uint64), np.empty(size, np.uint32))
    place, comp = np.zeros(3, np.uint64), Counter()
    shape = n, n_bits, FIRST_SYMBOL, end
    while place[0] < len(pieces):
        written = counting.count_windows(symbols, bounds, shape, place, full, found, 0)
        for key, count in zip(keys[:written].tolist(), counts[:written].tolist(), strict=True):
            comp[key] += count
    ref = naive.count_windows(pieces, n, n_bits, FIRST_SYMBOL, end)
    assert comp == ref
    keys, counts = np.array([*ref, *ref], np.uint64), np.array([*ref.values()] * 2, np.uint32)
    left = counting.sort_counts(keys, counts, keys.copy(), counts.copy(), n * n_bits)
    assert keys[:left].tolist() == sorted(ref)
    assert counts[:left].tolist() == [2 * ref[key] for key in sorted(ref)]
    parents = np.unique(keys[:left] >> np.uint64(n_bits))
    children = np.zeros(len(parents), np.int64)
    counting.count_children(parents, keys[:left], n_bits, children)
    assert children.tolist() == naive.count_children(parents.tolist(), sorted(ref), n_bits)


@PROPERTIES
@given(corpora, corpora, st.integers(1, 5), st.booleans())
def test_counts_are_merged_and_forgotten_exactly(first, second, n, end):
    model = NGram(n, end=end).fit(first).partial_fit(second)
    assert_same_counts(model, NGram(n, end=end).fit(first + second))
    assert_same_counts(model.forget(second), NGram(n, end=end).fit(first))
    assert model.n_symbols_ == NGram(n).fit(first).n_symbols_


def test_forgetting_what_was_not_counted_is_an_error():
    model = NGram(2).fit([[0, 1]])
    with pytest.raises(ValueError, match="not among those"):
        model.forget([[1]])
    with pytest.raises(ValueError, match="nothing would be left"):
        model.forget([[0, 1]])
    assert_same_counts(model, NGram(2).fit([[0, 1]]))


# ---- scores ---------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("name", SMOOTHINGS)
def test_scores_and_draws_equal_their_naive_twins(name, n, end):
    model, prob, counts, values = twin(name, n, end)
    pieces = [[0, 1, 2, 0, 1, 0, 2], [3, 3, 0, 1], [1], [2, 1, 2, 0, 3, 0, 1, 2, 0]]
    refs = [naive.score(prob, counts, n, piece, end) for piece in pieces]
    for ref, piece in zip(refs, pieces, strict=True):
        np.testing.assert_allclose(model.log_probs(piece), ref, rtol=1e-12)
    np.testing.assert_allclose(model.score_samples(pieces), [sum(r) for r in refs], rtol=1e-12)
    u = np.random.default_rng(0).random((10, 8))
    comp = model.sample(10, n_steps=8, random_state=np.random.default_rng(0))
    for row, uniforms in zip(comp, u, strict=True):
        ref = naive.draw(prob, counts, n, values, uniforms, flat=name == "Lidstone")
        ref = ref[: ref.index("$")] if "$" in ref else ref
        assert row.tolist() == ref


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3, 6])
@pytest.mark.parametrize("n_symbols", [3, 4, 9])
@pytest.mark.parametrize("name", SMOOTHINGS)
def test_the_next_symbol_has_probability_one_after_every_context(name, n_symbols, n, end):
    model = twin(name, n, end, n_symbols=n_symbols)[0]
    states = np.flatnonzero(np.diff(model.tree_.first))
    prob = np.empty((len(states), n_symbols + FIRST_SYMBOL))
    fill_rows(model.tables_, states, prob, np.empty(prob.shape, np.int64))
    np.testing.assert_allclose(prob.sum(axis=1), 1, rtol=1e-12)
    assert (prob[:, FIRST_SYMBOL:] > 0).all()


@PROPERTIES
@given(corpora, st.integers(1, 6), st.booleans(), st.sampled_from(list(SMOOTHINGS)))
def test_every_symbol_of_the_alphabet_has_a_finite_score(pieces, n, end, name):
    model = NGram(n, smoothing=SMOOTHINGS[name][0], n_symbols=6, end=end).fit(pieces)
    for piece in ([5, 0, 5], [4, 3, 2, 1, 0], [5]):
        log_prob = model.log_probs(piece)
        assert np.isfinite(log_prob).all() and (log_prob <= 0).all()


def test_kneser_ney_worked_on_paper():
    # One piece, 0 1 0 1 2, its end modelled: four values. Bigrams: ^0 1, 01 2, 10 1, 12 1, 2$ 1.
    # Different symbols before 0, 1, 2, $: 2, 1, 1, 1, of 5. With D = 1/2,
    # P(0) = 1.5/5 + (2/5)(1/4) = .4 and P(1) = P(2) = P($) = .5/5 + .1 = .2;
    # P(0 | ^) = .5 + .5 P(0) = .7;  P(1 | 0) = 1.5/2 + (.5/2) P(1) = .8;
    # P($ | 1) = (1/2) P($) = .1, for two symbols were seen after 1, each once.
    model = NGram(2, smoothing=KneserNey(0.5), end=True).fit([[0, 1, 0, 1, 2]])
    np.testing.assert_allclose(np.exp(model.log_probs([0, 1])), [0.7, 0.8, 0.1])


def test_ppm_worked_on_paper():
    # 0 1 0 2 of an alphabet of 4, without end. After 0: 1 and 2, once each; e = 2 of 4.
    # 0 after 0: excluded are 1 and 2, left is 0, twice, of 2 + 1: (2/4)(2/3).
    # 3 after 0: (2/4)(1/3).
    model = NGram(2, smoothing=PPM("C"), n_symbols=4).fit([[0, 1, 0, 2]])
    scores = np.exp([model.log_probs(piece)[1] for piece in ([0, 1], [0, 0], [0, 3])])
    np.testing.assert_allclose(scores, [1 / 4, 1 / 3, 1 / 6])


def test_scores_do_not_depend_on_the_pieces_beside(monkeypatch):
    model = NGram(3, end=True).fit(CORPUS)
    alone = [model.log_probs(piece).sum() for piece in CORPUS]
    monkeypatch.setattr("stats_composer.models.ngram.model._BLOCK", 6)
    np.testing.assert_allclose(model.score_samples(CORPUS), alone, rtol=1e-14)
    with pytest.raises(ValueError, match="piece 3: symbol 3"):
        model.score_samples([*CORPUS[:3], [0, 3]])


@pytest.mark.parametrize("name", SMOOTHINGS)
def test_rows_by_code_change_nothing(name, monkeypatch):
    ref = twin(name, 3, True)[0]
    assert len(ref.tables_.child) == 1
    monkeypatch.setattr(smoothing, "_FEW", 0)
    monkeypatch.setattr(smoothing, "_ROOM", 2)
    comp = twin(name, 3, True)[0]
    assert len(comp.tables_.child) > 3
    pieces = [[0, 1, 2, 0, 1, 0, 2], [3, 3, 0, 1], [2, 1, 2, 0, 3, 0, 1, 2, 0]]
    for piece in pieces:
        np.testing.assert_array_equal(ref.log_probs(piece), comp.log_probs(piece))
    for a, b in zip(*(m.sample(50, n_steps=9, random_state=0) for m in (ref, comp)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_score_is_the_mean_of_all_symbols():
    model = NGram(3, end=True).fit(CORPUS)
    together = np.concatenate([model.log_probs(piece) for piece in CORPUS])
    assert len(together) == sum(len(piece) + 1 for piece in CORPUS)
    assert model.score(CORPUS) == pytest.approx(together.mean())


# ---- draws ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMOOTHINGS)
@pytest.mark.parametrize("given_", [[], [0, 1], [3]])
def test_draws_follow_the_law(name, given_):
    model = twin(name, 3, False)[0]
    paths = all_paths(3, 4)
    log_prob = [sum(model.log_probs([*given_, *path])[len(given_) :]) for path in paths]
    probs, log_total = law(log_prob)
    assert log_total == pytest.approx(0, abs=1e-12)
    draws = model.sample(20_000, n_steps=3, given=given_, random_state=1)
    assert chi_square_p(np.array(draws), paths, probs) > 1e-3


def test_pieces_end_as_often_as_the_model_says():
    # An end comes in the first two steps with P($ | ^) + sum over x of P(x | ^) P($ | x).
    model = NGram(3, end=True).fit(CORPUS)
    draws = model.sample(20_000, n_steps=2, random_state=0)
    alone = [np.exp(model.log_probs([x])) for x in range(model.n_symbols_)]
    p = np.array([1 - sum(a[0] for a in alone), sum(a[0] * a[1] for a in alone)])
    assert all((draw >= 0).all() for draw in draws)
    counts = np.bincount([len(draw) for draw in draws], minlength=3)
    law_ = np.array([*p, 1 - p.sum()])
    assert np.abs(counts / 20_000 - law_).max() < 4 * np.sqrt(0.25 / 20_000)


def test_the_same_seed_gives_the_same_draws():
    model = NGram(3).fit(CORPUS)
    np.testing.assert_array_equal(*(model.sample(5, n_steps=9, random_state=4) for _ in range(2)))


# ---- the exact law under constraints --------------------------------------------------------

N_STEPS, N_SYMBOLS, N_DRAWS = 5, 3, 10_000
AT_MOST_TWO = Automaton.from_rule(
    lambda kind, count, x: (count + (x == 1), -0.3 * x) if count + (x == 1) < 3 else None,
    np.zeros(N_STEPS, np.int64),
    N_SYMBOLS,
    0,
    final=lambda count: 0.4 * count,
)


def mask():
    unary = np.random.default_rng(3).normal(size=(N_STEPS, N_SYMBOLS))
    unary[2, 1] = unary[4, 0] = -np.inf
    return unary


def paths_and_law(model, given_=()):
    """List all paths and weigh them by the model's own scores, the mask and the counter."""
    paths = all_paths(N_STEPS, N_SYMBOLS)
    scores = [model.log_probs([*given_, *path]) for path in paths]
    weights = np.array([score[len(given_) :].sum() for score in scores])
    weights = weights + path_log_weights(paths, mask(), [AT_MOST_TWO])
    return paths, weights


def chain_of(model, **options):
    unary = mask()
    automaton = model.automaton(N_STEPS, unary > -np.inf, **options)
    return Chain(unary, [automaton, AT_MOST_TWO])


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("name", SMOOTHINGS)
def test_the_law_under_mask_and_automaton_is_exact(name, n, end):
    model = twin(name, n, end, n_symbols=N_SYMBOLS)[0]
    paths, weights = paths_and_law(model)
    probs, log_normaliser = law(weights)
    chain = chain_of(model)
    assert chain.log_normaliser == pytest.approx(log_normaliser, abs=1e-10)
    np.testing.assert_allclose(np.exp(chain.log_prob(paths)), probs, atol=1e-12)
    assert chain.best().tolist() == paths[np.argmax(probs)].tolist()
    assert chi_square_p(chain.sample(N_DRAWS, random_state=6), paths, probs) > 1e-3


def test_a_given_beginning_is_the_context_of_the_law():
    model = twin("KneserNey", 4, True, n_symbols=N_SYMBOLS)[0]
    _, weights = paths_and_law(model, [1, 0])
    chain = chain_of(model, given=[1, 0])
    assert chain.log_normaliser == pytest.approx(law(weights)[1], abs=1e-10)


@pytest.mark.parametrize("support", [0, 1, 2, 3])
def test_support_gives_the_law_of_paths_seen_step_by_step(support):
    model, _, counts, _ = twin("KneserNey", 4, False, n_symbols=N_SYMBOLS)
    paths, weights = paths_and_law(model)
    for i, path in enumerate(paths.tolist()):
        for t, x in enumerate(path):
            context = naive.longest_context(counts, ["^", *path[:t]], 4)
            if x not in naive.followers(counts, context[max(len(context) - support, 0) :]):
                weights[i] = -np.inf
    chain = chain_of(model, support=support)
    assert np.isfinite(weights).sum() > 1
    assert chain.log_normaliser == pytest.approx(law(weights)[1], abs=1e-10)


@pytest.mark.parametrize("bug", ["one symbol less", "forgotten start", "other smoothing"])
def test_a_planted_bug_is_caught(bug):
    model = twin("KneserNey", 3, True, n_symbols=N_SYMBOLS)[0]
    paths, weights = paths_and_law(model)
    probs, log_normaliser = law(weights)
    options = {}
    if bug == "one symbol less":
        model = twin("KneserNey", 2, True, n_symbols=N_SYMBOLS)[0]
    elif bug == "forgotten start":
        options["given"] = [1]
    else:
        model = twin("WittenBell", 3, True, n_symbols=N_SYMBOLS)[0]
    chain = chain_of(model, **options)
    assert abs(chain.log_normaliser - log_normaliser) > 1e-3
    assert chi_square_p(chain.sample(40_000, random_state=5), paths, probs) < 1e-6


def test_only_contexts_that_can_be_reached_are_built():
    model = NGram(4).fit([[0, 1, 2, 3] * 5, [3, 2, 1, 0] * 5])
    allowed = np.ones((6, 4), bool)
    everything = model.automaton(6, allowed).n_states
    allowed[:, 2:] = False
    assert model.automaton(6, allowed).n_states < everything
    with pytest.raises(ConstraintError, match="more than 3 contexts"):
        model.automaton(6, max_states=3)
    with pytest.raises(ConstraintError, match="support -1"):
        model.automaton(6, support=-1)
    with pytest.raises(ConstraintError, match=r"allowed of shape \(5, 4\)"):
        model.automaton(6, allowed[:5])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reach, "_BLOCK", 8)
        assert model.automaton(6, allowed).log_weight_of(np.array([0, 1, 0, 1, 0, 0])) < 0
        patch.setattr(reach, "MAX_ARCS", 30)
        with pytest.raises(ConstraintError, match="more than 30 ways"):
            model.automaton(6)


# ---- files and bad input --------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 3])
def test_a_model_comes_back_from_a_file(tmp_path, n):
    model = NGram(n, n_symbols=7, end=True).fit(CORPUS)
    sizes, arrays = model.state()
    modelfile.save(tmp_path / "m.npz", {"sizes": sizes}, arrays)
    header, arrays = modelfile.load(tmp_path / "m.npz")
    again = NGram(n, n_symbols=7, end=True).restore(header["sizes"], arrays)
    assert_same_counts(model, again)
    np.testing.assert_array_equal(again.score(CORPUS), model.score(CORPUS))


@pytest.mark.parametrize("damage", ["code", "children", "level"])
def test_a_damaged_file_is_refused(damage):
    sizes, arrays = NGram(3).fit(CORPUS).state()
    if damage == "level":
        sizes["level"][1] += 1
    else:
        arrays[damage] = arrays[damage][::-1].copy()
    with pytest.raises(ValueError, match="not a context tree"):
        NGram(3).restore(sizes, arrays)


def test_a_file_of_too_small_an_alphabet_is_refused():
    sizes, arrays = NGram(3).fit(CORPUS).state()
    with pytest.raises(ValueError, match="n_symbols 2: expected from 3"):
        NGram(3).restore({**sizes, "n_symbols": 2}, arrays)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="no pieces"):
        NGram().fit([])
    with pytest.raises(ValueError, match="piece 1 of shape"):
        NGram().fit([[1, 2], []])
    with pytest.raises(ValueError, match="piece 0: symbol -2: expected from 0"):
        NGram().fit([[1, -2]])
    with pytest.raises(ValueError, match="n=0: expected an int from 1"):
        NGram(0).fit([[1]])
    with pytest.raises(ValueError, match="piece 1: symbol 4294967296: expected from 0, below"):
        NGram().fit([[1], [1 << 32]])
    with pytest.raises(ValueError, match="n_symbols=0: expected None or an int in"):
        NGram(n_symbols=0).fit([[0]])
    with pytest.raises(ValueError, match="piece 1: symbol 5: expected from 0, below 4"):
        NGram(n_symbols=4).fit([[1], [0, 5]])
    with pytest.raises(ValueError, match="piece 0: symbol 3: expected from 0, below 2"):
        NGram().fit([[1]]).log_probs([3])
    for stranger in (-1, -2, -(1 << 63)):  # The code of -1 would be the end's.
        with pytest.raises(ValueError, match=f"piece 1: symbol {stranger}: expected from 0"):
            NGram(2, end=True).fit([[0]] * 3).score([[0], [0, stranger]])
    with pytest.raises(ValueError, match="given, row 0, column 0: symbol 2, expected 0 to 1"):
        NGram().fit([[1]]).sample(n_steps=2, given=[2])
    with pytest.raises(NotFittedError):
        NGram().score([[1]])
    for strategy, value, message in (
        (KneserNey, 1.0, r"smoothing__discount=1.0: expected None or a number in \(0, 1\)"),
        (Lidstone, 0.0, "smoothing__gamma=0.0: expected a number above 0"),
        (PPM, "X", "smoothing__method='X': expected 'A', 'C' or 'D'"),
    ):
        with pytest.raises(ValueError, match=message):
            NGram(smoothing=strategy(value)).fit([[1]])
    with pytest.raises(ValueError, match="smoothing='KneserNey': expected None or a smoothing"):
        NGram(smoothing="KneserNey").fit([[1]])
    with pytest.raises(ValueError, match="n-grams of up to 4: expected up to 3, as counted"):
        NGram(3).fit([[1]]).set_params(n=4).partial_fit([[1]])


def test_one_note_and_contexts_longer_than_the_piece_are_enough_to_learn_from():
    for n in (1, 2, 9):
        model = NGram(n).fit([[0]])
        assert model.score([[0, 0, 0]]) == pytest.approx(0)
        assert model.sample(n_steps=4, random_state=0)[0].tolist() == [0, 0, 0, 0]
        assert model.automaton(4).log_weight_of(np.zeros(4, np.int64)) == pytest.approx(0)


def test_columns_and_rows_are_the_same_pieces():
    column = NGram(3).fit([np.array(piece)[:, None] for piece in CORPUS])
    assert_same_counts(column, NGram(3).fit(CORPUS))


def test_it_works_with_scikit_learn():
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(
        NGram(n_symbols=3), {"n": [1, 3], "smoothing": [KneserNey(), PPM()]}, cv=2
    )
    search.fit(CORPUS)
    assert clone(search.best_estimator_).n == search.best_params_["n"]
