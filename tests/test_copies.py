"""Copies: what stands in the corpus, the exact law without it, and files."""

import naive_ngram as naive
import numpy as np
import pytest
from enumerate import all_paths, chi_square_p, law, path_log_weights
from hypothesis import given, settings
from hypothesis import strategies as st

from stats_composer import modelfile
from stats_composer.constraints import MaxCopy, from_json, to_json, with_corpus
from stats_composer.encoding import GridEncoder
from stats_composer.errors import ConstraintError
from stats_composer.factors import multiply_all
from stats_composer.models.ngram import NGram
from stats_composer.ngrams import CopyMachine, Repertoire
from stats_composer.sampling.chain import Chain
from stats_composer.score import TIME_SIGNATURE_DTYPE, Part, Score, make_notes, make_table
from stats_composer.theory import TICKS_PER_QUARTER
from stats_composer.views import HOLD as HELD
from stats_composer.views import REST as SILENT

HOLD, REST, *PITCHES = range(5)
LABEL = np.array([-1, -1, 60, 62, 65])
ONE = np.ones(5, np.int64)
PROPERTIES = settings(derandomize=True, database=None, deadline=None, max_examples=60)
lines = st.lists(st.integers(0, 4), min_size=1, max_size=14)


def events(line):
    """Return labels and times of the notes of a line, as the corpus takes them."""
    at = [t for t, x in enumerate(line) if LABEL[x] >= 0]
    return [int(LABEL[line[t]]) for t in at], at


def free_chain(corpus, n, n_steps, **options):
    machine = CopyMachine(corpus, n, LABEL, ONE, n_steps, **options)
    return Chain(np.zeros((n_steps, 5)), [machine])


# ---- what a copy is -------------------------------------------------------------------------


@PROPERTIES
@given(st.lists(lines, min_size=1, max_size=3), lines, st.integers(1, 4))
def test_copies_are_found_as_by_the_naive_twin(pieces, line, n):
    corpus = Repertoire([events(piece) for piece in pieces])
    ref = naive.copied_runs([events(piece) for piece in pieces], events(line), n + 1)
    assert corpus.first_copy(n, *events(line)) == (ref[0] if ref else -1)
    machine = CopyMachine(corpus, n, LABEL, ONE, len(line), log_weight=-1.0)
    automaton = multiply_all([machine], np.ones((len(line), 5), bool))
    assert automaton.log_weight_of(np.array(line)) == -len(ref)


def test_a_run_is_known_by_its_intervals_and_times_wherever_it_is():
    corpus = Repertoire([([60, 62, 64, 60], [0, 2, 3, 4])])
    assert corpus.first_copy(2, [70, 48, 50, 52], [0, 1, 3, 4]) == 3
    assert corpus.first_copy(2, [48, 50, 52], [0, 1, 2]) == -1  # another rhythm
    assert corpus.first_copy(2, [48, 50, 53], [0, 2, 3]) == -1  # another interval
    assert corpus.first_copy(3, [48, 50], [0, 2]) == -1  # shorter than a copy


def test_nothing_is_forbidden_by_an_empty_corpus():
    assert Repertoire([]).first_copy(1, [1, 2], [0, 1]) == -1
    assert free_chain(Repertoire([([1], [0])]), 1, 3).log_normaliser == pytest.approx(3 * np.log(5))
    with pytest.raises(ValueError, match="copies of 0 events"):
        free_chain(Repertoire([]), 0, 3)


def test_pieces_do_not_run_into_each_other():
    corpus = Repertoire([([60, 62], [0, 1]), ([62, 65], [0, 1])])
    assert corpus.first_copy(1, [60, 62, 65], [0, 1, 2]) == 1
    assert corpus.first_copy(2, [60, 62, 65], [0, 1, 2]) == -1


# ---- the law --------------------------------------------------------------------------------

N_STEPS = 5
TUNES = [[2, 0, 3, 4, 2, 3, 0, 2, 2, 3], [3, 4, 1, 2, 3, 2, 0, 0, 4, 3, 3]]
CORPUS = Repertoire([events(tune) for tune in TUNES])


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("log_weight", [-np.inf, -0.7])
def test_the_law_with_an_ngram_is_exact(n, log_weight):
    unary = np.random.default_rng(0).normal(size=(N_STEPS, 5))
    unary[1, 3] = unary[4, 0] = -np.inf
    automaton = NGram(3).fit(TUNES).automaton(N_STEPS)
    paths = all_paths(N_STEPS, 5)
    copies = [len(naive.copied_runs(map(events, TUNES), events(p), n + 1)) for p in paths.tolist()]
    broken = np.where(copies, log_weight * np.maximum(copies, 1), 0)
    probs, log_normaliser = law(path_log_weights(paths, unary, [automaton]) + broken)
    machine = CopyMachine(CORPUS, n, LABEL, ONE, N_STEPS, log_weight=log_weight)
    chain = Chain(unary, [automaton, machine])
    assert chain.log_normaliser == pytest.approx(log_normaliser, abs=1e-10)
    assert chain.best().tolist() == paths[np.argmax(probs)].tolist()
    assert chi_square_p(chain.sample(5000, random_state=1), paths, probs) > 1e-3


def test_ten_thousand_draws_copy_no_more_than_they_may_after_save_and_load_too(tmp_path):
    n, n_steps = 3, 12
    sizes, arrays = NGram(4, n_symbols=5).fit(TUNES).state()
    modelfile.save(tmp_path / "m.npz", {"sizes": sizes}, {**arrays, **CORPUS.state()})
    header, arrays = modelfile.load(tmp_path / "m.npz")
    model = NGram(4, n_symbols=5).restore(header["sizes"], arrays)
    runs = naive.known_runs(map(events, TUNES), n + 1)
    free = Chain(np.zeros((n_steps, 5)), [model.automaton(n_steps)]).sample(500, random_state=2)
    assert sum(naive.has_run(events(line), runs, n + 1) for line in free.tolist()) > 300
    machine = CopyMachine(Repertoire.restore(arrays), n, LABEL, ONE, n_steps)
    draws = Chain(np.zeros((n_steps, 5)), [model.automaton(n_steps), machine]).sample(
        10_000, random_state=2
    )
    assert not any(naive.has_run(events(line), runs, n + 1) for line in draws.tolist())


def test_a_product_of_too_many_states_is_an_error():
    machine = CopyMachine(CORPUS, 3, LABEL, ONE, 12)
    with pytest.raises(ConstraintError, match="more than 50 states"):
        Chain(np.zeros((12, 5)), [machine], max_states=50)


def test_foreign_arrays_are_refused():
    arrays = CORPUS.state()
    with pytest.raises(ValueError, match="not the moves"):
        Repertoire.restore({**arrays, "length": arrays["length"][1:]})


# ---- the constraint -------------------------------------------------------------------------

EIGHTH = TICKS_PER_QUARTER // 2


ENCODER = GridEncoder(1, hold="symbol", contexts=(), names=("melody",)).set_entries(
    [np.array([HELD, SILENT, 60, 62, 65])]
)


def melody_frame():
    page = Score(
        make_notes(onset=[], pitch=[]),
        parts=(Part("Melody"),),
        time_signatures=make_table(TIME_SIGNATURE_DTYPE, [(0, 3, 4)]),
        end=N_STEPS * EIGHTH,
    )
    return ENCODER.frame(page, (2, 0))


def corpus_in_ticks():
    pieces = [events(tune) for tune in TUNES]
    return Repertoire([(labels, np.array(times) * EIGHTH) for labels, times in pieces])


def test_the_constraint_forbids_exactly_what_it_names():
    frame = melody_frame()
    [wish] = with_corpus([MaxCopy(2, "melody")], corpus_in_ticks())
    [automaton] = wish.compile(frame).automata[0]
    for line in np.random.default_rng(0).integers(0, 5, (300, N_STEPS)):
        score = ENCODER.decode(line[:, None], frame)
        assert bool(wish.violations(score)) == (automaton.log_weight_of(line) == -np.inf)


def test_a_corpus_too_large_to_compile_is_left_to_the_check(monkeypatch):
    monkeypatch.setattr("stats_composer.constraints.max_copy._MAX_STATES", 5)
    [wish] = with_corpus([MaxCopy(2)], corpus_in_ticks())
    assert not wish.compile(melody_frame()).automata


def test_it_needs_a_corpus_and_has_a_text_without_one():
    [wish] = with_corpus([MaxCopy(4, weight=-2)], CORPUS)
    assert to_json(wish) == {"type": "MaxCopy", "n": 4, "weight": -2.0}
    assert from_json(to_json(wish)) == wish and wish.corpus is CORPUS
    with pytest.raises(ConstraintError, match="does not keep what it was learned from"):
        MaxCopy(4).compile(melody_frame())
    with pytest.raises(ConstraintError, match="n 0: expected"):
        MaxCopy(0)
