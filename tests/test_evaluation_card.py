"""Features, distances, the classifier's test, cards and reports, by values worked out by hand."""

import json
import math
from collections import Counter

import numpy as np
import pytest
from pages import page
from test_cli import one_line, run

from stats_composer.errors import ScoreError
from stats_composer.evaluation import Reading, report, score_card
from stats_composer.evaluation.distances import (
    bootstrap,
    divergences,
    interval,
    likelihoods,
    spread,
)
from stats_composer.evaluation.features import feature_table, piece_counts
from stats_composer.evaluation.two_sample import auc, two_sample_test
from stats_composer.io import write
from stats_composer.models.ngram import NGram
from stats_composer.score import tune_groups
from stats_composer.theory import pitch_name

CADENCE = page(
    "C5 D5/ C5/ B4 C5! A4 B4 B4 C5*2!",
    "G4 A4 G4 G4 F4 F4 F4 E4*2",
    "E4 F4 D4 E4 C4 D4 D4 C4*2",
    "C3 F3 G3 C3 F3 G3/ F3/ G3 C3*2",
)


def tunes(n, rng, steps):
    """Write tunes of 24 quarters that go by some steps, none like another."""
    found = []
    for _ in range(n):
        pitch = 67 + np.cumsum(rng.choice(steps, 24))
        pitch = 60 + (pitch - 60) % 24
        found.append(page(" ".join(pitch_name(int(p)) for p in pitch)))
    return found


# ---- features -------------------------------------------------------------------------------


def test_counts_of_a_page_by_hand():
    counts = piece_counts(Reading(CADENCE))
    assert counts["cadences", "inner formula"] == {"authentic": 1}
    assert counts["cadences", "last degree"] == {"0": 1}
    assert counts["bass", "interval"] == {"+5": 2, "+2": 3, "-7": 2, "-2": 1}
    assert counts["openings", "chord after an end"] == {"maj 0": 1}
    assert counts["rhythm", "cell of bass"] == {"1": 7, "1 3": 1, "held": 1}
    # F G C between the ends: of the outer voices A B over F G is parallel thirds.
    assert counts["motion on beats", "outer voices"]["similar to 4"] >= 1


def test_no_feature_sees_the_key():
    plain, moved = (piece_counts(Reading(s)) for s in (CADENCE, CADENCE.transpose(3)))
    assert plain == moved


def test_a_table_has_a_column_a_label_and_no_empty_one():
    readings = [Reading(CADENCE), Reading(CADENCE.transpose(2))]
    table = feature_table(readings)
    assert len(table.features) == len(set(table.features)) == table.values.shape[1] > 100
    np.testing.assert_array_equal(table.values[0], table.values[1])
    by_name = dict(zip(map(str, table.features), table.values[0], strict=True))
    assert by_name["interval: +5"] == pytest.approx(2 / 8)
    own = table.of_kind("cadences")
    assert {feature.kind for feature in own.features} == {"cadences"}


# ---- distances ------------------------------------------------------------------------------


def test_divergences_and_intervals_by_hand():
    one, other = ({("a", "b"): Counter(labels)} for labels in ("xxx", "y"))
    ones = np.ones((1, 1))
    assert divergences([one], [other], ones, ones)["a"][0] == pytest.approx(1)
    assert divergences([one], [one], ones, ones)["a"][0] == 0
    half = divergences([one, other], [one], np.array([[1.0, 3.0]]), ones)["a"][0]
    # Shares 1/2 and 1/2 against 1: H(3/4, 1/4) - H(1/2, 1/2) / 2
    entropy = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert half == pytest.approx(entropy - 0.5)
    around = interval(0.5, np.arange(1001) / 1000)
    assert (around.low, around.high) == pytest.approx((0.025, 0.975))
    assert spread(0.5, np.array([0.0, 0.2, np.nan])) == pytest.approx((0.5, 0.304, 0.696))
    assert spread(0.1, np.array([0.0, 0.2])).low == 0
    draws = bootstrap(5, 20, np.random.default_rng(0))
    assert draws.shape == (20, 5) and (draws.sum(axis=1) == 5).all()


def test_a_likelihood_is_of_a_model_that_did_not_see_the_tune():
    rng = np.random.default_rng(0)
    corpus = tunes(12, rng, [-2, -1, 1, 2])
    judged = [corpus[0].transpose(2)]
    groups = tune_groups([*judged, *corpus])
    assert groups[0] == groups[1] == 0 and groups.max() == 11
    sides = likelihoods([Reading(s) for s in judged], [Reading(s) for s in corpus], groups)
    own, others = sides["intervals of the tune"]
    lines = [12 + np.diff(s.notes["pitch"].astype(int)).clip(-12, 12) for s in corpus]
    unseen = [line for line, group in zip(lines, groups[1:], strict=True) if group % 5]
    model = NGram(n=4, n_symbols=32).fit(unseen)
    assert own[0] == others[0] == pytest.approx(-model.score([lines[0]]))
    assert "roots and thirds of the chords" not in sides


# ---- the classifier ---------------------------------------------------------------------------


def test_auc_by_hand():
    assert auc(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 1, 1])) == 1
    assert auc(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 0, 1, 0])) == 0.25
    assert auc(np.ones(6), np.array([0, 1, 0, 1, 0, 1])) == 0.5


def test_two_settings_of_a_tune_do_not_help_and_a_planted_habit_does():
    rng = np.random.default_rng(1)
    plain = tunes(20, rng, [-2, -1, 1, 2])
    twice = [*plain, *(s.transpose(1) for s in plain)]
    table = feature_table([Reading(s) for s in twice])
    label = np.tile(np.arange(20) % 2, 2)
    blind = two_sample_test(table, label, tune_groups(twice), n_seeds=2)
    leak = two_sample_test(table, label, np.arange(40), n_seeds=2)
    assert blind.auc < 0.75 < leak.auc
    leaping = tunes(20, rng, [-2, -1, 1, 2, 7])
    both = [*leaping, *plain]
    told = two_sample_test(
        feature_table([Reading(s) for s in both]), np.repeat([0, 1], 20), tune_groups(both)
    )
    assert told.auc > 0.9 and told.by_kind["tune"] > 0.9
    assert any(t.feature.label == "+7" and t.judged > t.corpus for t in told.telling)
    with pytest.raises(ValueError, match="two tunes or more on each side"):
        two_sample_test(table, (np.arange(40) > 0).astype(int), np.arange(40))


def test_a_card_marks_what_stands_out():
    rng = np.random.default_rng(2)
    corpus, judged = tunes(24, rng, [-2, -1, 1, 2]), tunes(8, rng, [-2, -1, 1, 2, 12])
    card = score_card(judged, corpus, n_seeds=1)
    rates = {row.name: row for row in card.rates}
    assert rates["sevenths_and_more"].stands_out and not rates["upbeat"].stands_out
    assert rates["sevenths_and_more"].judged.low > 0
    assert "inner_authentic" not in rates
    distances = {row.name: row for row in card.distances}
    assert distances["tune"].stands_out
    (nats,) = [row for row in card.likelihoods if row.name == "rhythm of the tune"]
    assert not nats.stands_out
    assert card.test.auc > 0.9 and (card.n_judged, card.n_corpus) == (8, 24)
    with pytest.raises(ScoreError, match="two tunes"):
        score_card(judged[:1], corpus)


# ---- reports and the shell ------------------------------------------------------------------


FAULTY = page("G4 A4 B4 C5!", "E4 F4 G4 E4", "C3 D3 G2 C3")


def test_a_report_tells_bar_beat_and_voices():
    told = report(Reading(FAULTY))
    assert told.key == "C major" and told.marked
    assert [str(end) for end in told.endings] == ["bar 1 beat 4: authentic cadence (V I)"]
    faults = [str(fault) for fault in told.faults]
    assert faults == ["bar 1 beat 2: parallel fifths (soprano and tenor)"]
    clean = report(Reading(CADENCE))
    assert str(clean.endings[1]) == "bar 2 beat 4: authentic cadence (V7 I)"
    assert not report(Reading(page("C5 D5 E5 C5"))).endings


def test_the_key_tells_a_plagal_cadence_from_a_half_cadence():
    chords = page("G4 G4 G4 A4 G4!", "E4 D4 E4 F4 E4", "C4 B3 C4 C4 C4", "C3 G3 C3 F3 C3")
    assert str(report(Reading(chords)).endings[0]).endswith("plagal cadence (IV I)")
    chords = page("C5 C5 C5 B4! C5 B4 C5!", "G4 A4 G4 G4 G4 G4 G4", "E4 F4 E4 D4 E4 D4 E4",
                  "C3 F3 C3 G2 C3 G2 C3")  # fmt: skip
    assert str(report(Reading(chords)).endings[0]).endswith("half cadence (I V)")


def test_evaluate_reports_one_score(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(FAULTY, "page.musicxml")
    run("evaluate", "page.musicxml")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "page.musicxml: C major; phrases end at fermatas"
    assert lines[2:] == ["1 fault:", "  bar 1 beat 2: parallel fifths (soprano and tenor)"]
    run("evaluate", "page.musicxml", "--json")
    facts = json.loads(capsys.readouterr().out)
    assert facts["faults"][0]["voices"] == ["soprano", "tenor"]
    assert (facts["rates"]["parallels"]["hits"], facts["rates"]["parallels"]["places"]) == (1, 12)


def test_evaluate_beside_a_corpus(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    for name, n, steps in (("mine", 6, [-2, 2, 12]), ("corpus", 12, [-2, -1, 1, 2])):
        (tmp_path / name).mkdir()
        for number, score in enumerate(tunes(n, rng, steps)):
            write(score, f"{name}/{number}.musicxml")
    write(FAULTY, "corpus/chords.musicxml")
    run("evaluate", "mine", "--against", "corpus", "-o", "card.png")
    told = capsys.readouterr()
    assert "corpus: 12 of 13 are in 1 voice; left aside: chords.musicxml" in told.err
    assert told.out.startswith("6 scores beside 12 of the corpus")
    lines = [line for line in told.out.splitlines() if "of a seventh and more" in line]
    assert lines[0].startswith("* ")
    assert (tmp_path / "card.png").read_bytes().startswith(b"\x89PNG")
    run("evaluate", "mine", "--against", "corpus", "--json")
    facts = json.loads(capsys.readouterr().out)
    assert facts["n_judged"] == 6 and facts["test"]["auc"] > 0.9
    assert {row["name"] for row in facts["distances"]} >= {"tune", "rhythm"}


def test_evaluate_refuses_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(page("C5 D5"), "tune.musicxml")
    write(FAULTY, "page.musicxml")
    run("evaluate", "none.mid", status=1)
    assert "none.mid" in one_line(capsys.readouterr().err)
    run("evaluate", "tune.musicxml", "-o", "card.png", status=2)
    assert "--against" in one_line(capsys.readouterr().err)
    run("evaluate", "tune.musicxml", "--against", "page.musicxml", status=1)
    assert "corpus: none is in 1 voice" in one_line(capsys.readouterr().err)
    run("evaluate", "tune.musicxml", "--against", "tune.musicxml", status=1)
    assert "two tunes" in one_line(capsys.readouterr().err)
