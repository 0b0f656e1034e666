"""The public edge in Python: what is no wish, score or file is one clear line; types; clones."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from stats_composer import ChoraleComposer, ChordRecognizer, MelodyComposer, NGram, read, write
from stats_composer.composers.asked import asked_metre, asked_seeds, asked_tempo
from stats_composer.constraints import Pin
from stats_composer.encoding import GridEncoder
from stats_composer.errors import ConstraintError, NotFittedError, StatsComposerError
from stats_composer.models.maxent import PairwiseMaxEnt
from stats_composer.score import Score, make_notes

QUARTER = 10080
PIN = Pin("soprano", 1, 1, "C5")


@pytest.fixture(scope="module")
def chorales():
    return ChoraleComposer.bundled()


@pytest.fixture(scope="module")
def tunes():
    return MelodyComposer.bundled()


def line(n=8):
    pitch = [60 + 2 * (i % 5) for i in range(n)]
    return Score(make_notes(onset=np.arange(n) * QUARTER, pitch=pitch), title="line")


WRONG = [
    ("compose", {"key": 5}, "key 5: expected a tonic and a mode"),
    ("compose", {"key": "H"}, "key 'H': expected a tonic and a mode"),
    ("compose", {"time_signature": (3, 4)}, "time signature (3, 4): expected a metre such as"),
    ("compose", {"time_signature": "4/64"}, "time signature '4/64'"),
    ("compose", {"bars": "8"}, "bars '8': expected a whole number"),
    ("compose", {"bars": 2.5}, "bars 2.5: expected a whole number"),
    ("compose", {"bars": 0}, "0 bars: expected 1 to 2000"),
    ("compose", {"tempo": 1001}, "tempo 1001: expected 5 to 1000 quarters a minute"),
    ("compose", {"tempo": "fast"}, "tempo 'fast': expected 5 to 1000"),
    (
        "compose",
        {"constraints": PIN},
        "Pin(voice=soprano, bar=1, beat=1, pitch=C5): expected a list",
    ),
    ("compose", {"constraints": "Pin"}, "constraints 'Pin': expected a list"),
    ("compose", {"constraints": None}, "constraints None: expected a list"),
    ("compose", {"constraints": [5]}, "constraint 5: expected a Constraint"),
    ("compose", {"n": 0}, "n 0: expected a whole number of pieces"),
    ("compose", {"n": "2"}, "n '2': expected a whole number of pieces"),
    ("compose", {"n_jobs": 0}, "n_jobs 0: expected 1 or more, or -1"),
    ("compose", {"random_state": -1}, "random_state -1: expected a whole number from 0"),
    ("compose", {"random_state": "a"}, "random_state 'a': expected a whole number from 0"),
]


@pytest.mark.parametrize(("verb", "options", "message"), WRONG)
def test_what_is_asked_is_checked_alike_by_both_composers(verb, options, message, chorales, tunes):
    for composer in (chorales, tunes):
        with pytest.raises(StatsComposerError) as caught:
            getattr(composer, verb)(**options)
        assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c, t: c.harmonize("x.mid"), "melody 'x.mid': expected a Score: read it first"),
        (lambda c, t: c.harmonize(line(), voice=5), "voice 5: expected one of soprano"),
        (lambda c, t: c.harmonize(line(), road=5), "road 5: expected one of gibbs"),
        (lambda c, t: c.harmonize(line(), key=5), "key 5: expected"),
        (lambda c, t: c.continue_chorale(None), "phrase None: expected a Score"),
        (
            lambda c, t: c.resample(line(), bars="1"),
            "bars '1': expected the first and the last bar",
        ),
        (lambda c, t: c.resample(None, bars=(1, 2)), "score None: expected a Score"),
        (lambda c, t: t.continue_tune("x"), "phrase 'x': expected a Score"),
        (lambda c, t: t.compose(dance=["jig"]), "dance ['jig']: expected one of reel"),
        (lambda c, t: c.save(5), "5: expected the name of a file"),
        (lambda c, t: c.load(5), "5: expected the name of a file"),
        (lambda c, t: ChordRecognizer.load(None), "None: expected the name of a file"),
        (lambda c, t: ChordRecognizer.bundled().recognize("x"), "score 'x': expected a Score"),
        (lambda c, t: ChordRecognizer.bundled().annotate(None), "score None: expected a Score"),
        (lambda c, t: write(None, "a.mid"), "a.mid: score None: expected a Score"),
        (lambda c, t: write(line(), None), "None: expected a path or a binary stream"),
        (lambda c, t: read(None), "None: expected a path or a binary stream"),
        (lambda c, t: ChoraleComposer().fit("a.mid"), "scores 'a.mid': expected a list of scores"),
        (lambda c, t: MelodyComposer().fit(line()), "a single Score: expected a list of scores"),
        (lambda c, t: MelodyComposer().fit(["x"]), "score 1 'x': expected a Score"),
        (lambda c, t: GridEncoder(1).fit([]), "no scores: expected at least one"),
    ],
)
def test_wrong_calls_are_one_line(call, message, chorales, tunes):
    with pytest.raises(StatsComposerError) as caught:
        call(chorales, tunes)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_the_limits_are_told_once():
    assert asked_tempo(5) == 5 and asked_tempo(1000) == 1000
    assert asked_metre("32/32") == (32, 32) and asked_metre("C|") == (2, 2)
    with pytest.raises(ConstraintError):
        asked_metre("33/32")


def test_a_piece_of_several_is_that_of_its_own_seed(tunes):
    several = tunes.compose(bars=8, random_state=7, n=2, n_jobs=-1)
    assert several[1] == tunes.compose(bars=8, random_state=8)
    rng = np.random.default_rng(0)
    one, two = asked_seeds(rng, 1), asked_seeds(rng, 1)
    assert one != two and asked_seeds(np.random.default_rng(0), 2) == one + two


# ---- estimators -----------------------------------------------------------------------------


def test_composers_are_cloned_and_set(chorales, tunes):
    assert clone(chorales).get_params() == {
        "chord_voice": False, "directed": False, "random_state": 0,
    }  # fmt: skip
    copy = clone(tunes).set_params(max_copy=9)
    assert repr(copy) == "MelodyComposer(max_copy=9)" and not hasattr(copy, "styles_")
    with pytest.raises(NotFittedError):
        copy.compose()
    with pytest.raises(ValueError, match="max_copy=0: expected an int from 1"):
        MelodyComposer(max_copy=0).fit_tunes([])


def test_an_encoder_is_a_transformer():
    scores = [line(8), line(5)]
    encoder = clone(GridEncoder(1, contexts=("place",), hold="symbol"))
    assert encoder.set_params(steps_per_beat=1).get_params()["steps_per_beat"] == 1
    grids = encoder.fit_transform(scores)
    assert [grid.shape for grid in grids] == [(8, 2), (8, 2)]  # the second to its bar's end
    assert encoder.get_feature_names_out().tolist() == ["soprano", "place"]
    frames = [encoder.encode(score)[1] for score in scores]
    back = encoder.inverse_transform(grids, frames)
    assert [score.notes["pitch"].tolist() for score in back] == [
        score.notes["pitch"].tolist() for score in scores
    ]
    plain = encoder.inverse_transform(grids)
    shift = scores[0].notes["pitch"][0] - plain[0].notes["pitch"][0]
    assert (plain[0].notes["pitch"] + shift == scores[0].notes["pitch"]).all()
    with pytest.raises(ValueError, match="grid 0, row 0, column 0: symbol 99"):
        encoder.inverse_transform([np.full((2, 2), 99)])
    with pytest.raises(NotFittedError):
        clone(encoder).transform(scores)


def test_a_pipeline_learns_from_scores():
    scores = [line(n) for n in (8, 12, 16)]
    encode = GridEncoder(1, contexts=(), hold="symbol", steps_per_beat=1)
    chain = Pipeline([("encode", encode), ("model", NGram(n=2))]).fit(scores)
    assert np.isfinite(chain.score(scores))
    chain.set_params(model__n=3, encode__steps_per_beat=2).fit(scores)
    assert chain.named_steps["model"].n == 3
    pairs = Pipeline(
        [
            ("encode", GridEncoder(1, contexts=(), hold="onset")),
            ("model", PairwiseMaxEnt(max_lag=1)),
        ]
    )
    assert np.isfinite(pairs.fit(scores).score(scores))


# ---- types ----------------------------------------------------------------------------------

SNIPPET = """
from stats_composer import ChoraleComposer, MelodyComposer, Score
from stats_composer.composers.continuing import continue_phrase

def ask(chorales: ChoraleComposer, tunes: MelodyComposer, melody: Score) -> None:
    one: Score = chorales.compose(bars=4, n=None)
    some: list[Score] = chorales.compose(key="G", n=3)
    one = chorales.harmonize(melody, voice="alto")
    some = chorales.resample(melody, bars=(1, 2), n=2)
    one = tunes.compose(dance="jig")
    some = tunes.continue_tune(melody, bars=4, n=2)
    some = continue_phrase(melody, n=2)
    chorales.compose(bars="8")  # type: ignore[call-overload]
    wrong: Score = tunes.compose(n=2)  # type: ignore[assignment]
"""


def test_a_type_checker_tells_one_score_from_several(tmp_path):
    path = tmp_path / "snippet.py"
    path.write_text(SNIPPET)
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
