"""Explanations: the terms of a note sum to its log-odds, and what is named holds the pattern."""

import json

import numpy as np
import pytest
from pages import page
from test_cli import one_line, run
from test_maxent import N_SYMBOLS, naive_log_weight, random_grid, random_model

from stats_composer.evaluation import Reading
from stats_composer.evaluation.explain import find_pattern, note_terms
from stats_composer.evaluation.rules import learned_rules
from stats_composer.io import write

NAMES = "high", "middle", "low", "half", "cadence", "place", "shift"


@pytest.mark.parametrize(
    ("rows", "line"), [(range(1), 0), (range(5, 7), 1), (range(13, 14), 2), (range(6, 10), 0)]
)
def test_terms_sum_to_the_log_odds_of_a_note(rows, line):
    rng = np.random.default_rng(len(rows))
    model, grid = random_model(rng), random_grid(rng)
    grid[rows.start : rows.stop, line] = 2
    terms = note_terms(model, grid, rows, line, NAMES)
    weight = []
    for symbol in range(N_SYMBOLS[line]):
        changed = grid.copy()
        changed[rows.start : rows.stop, line] = symbol
        weight.append(naive_log_weight(model, changed))
    assert terms.symbol == 2
    log_probs = np.array(weight) - np.logaddexp.reduce(weight)
    np.testing.assert_allclose(terms.log_probs, log_probs, atol=1e-9, rtol=0)
    for other in range(N_SYMBOLS[line]):
        total = sum(share.value for share in terms.against(other))
        assert total == pytest.approx(weight[terms.symbol] - weight[other], abs=1e-9)
    values = [abs(share.value) for share in terms.against(0)]
    assert values == sorted(values, reverse=True)


def test_each_share_names_its_term_and_its_lines():
    rng = np.random.default_rng(3)
    model, grid = random_model(rng), random_grid(rng)
    shares = [s for own in note_terms(model, grid, range(6, 7), 1, NAMES).shares for s in own]
    assert {share.term for share in shares} <= set(model.weights_.tables)
    details = {
        kind: {s.detail for s in shares if s.kind == kind} for kind in {s.kind for s in shares}
    }
    assert details["vertical"] == {"with the high", "with the low"}
    assert details["horizontal"] == {"1 step apart", "2 steps apart", "3 steps apart"}
    assert details["motion"] <= {"with the high", "with the low"}
    assert details["field"] == {"", "by place", "by shift"}


def test_a_pattern_is_found_where_it_stands():
    rng = np.random.default_rng(4)
    model = random_model(rng)
    grid = random_grid(rng, 12)
    row, line = 6, 0
    grid[:, line] = [1, 1, 2, 2, 1, 1, 3, 1, 1, 2, 2, 1]  # D natural, then up a fourth, once
    terms = note_terms(model, grid, range(row, row + 1), line)
    for share in terms.shares[terms.symbol]:
        if share.cell < 0:
            continue
        first, stop = find_pattern(model, grid, share.cell)
        window = grid[first:stop]
        assert find_pattern(model, window, share.cell) == (0, stop - first)
        for smaller in (window[1:], window[:-1]):
            assert not len(smaller) or find_pattern(model, smaller, share.cell) is None
        if share.kind == "melody":
            lag = int(share.detail.split()[1])
            assert stop - first == 2 * lag + 1 and grid[first:stop:lag, line].max() == 3
    other = grid.copy()
    other[:, line] = 1
    melodies = [s.cell for s in terms.shares[terms.symbol] if s.kind == "melody"]
    assert melodies and all(find_pattern(model, other, cell) is None for cell in melodies)


def test_rules_are_what_chance_and_those_before_leave_open():
    rng = np.random.default_rng(5)
    names = ["C5", "D5", "E5", "F5", "G5", "A5", "B5"]
    top = rng.permuted(np.tile(np.arange(7), 30))
    # The lower line is a sixth under the upper, or any note: half of the time each.
    under = np.where(rng.random(210) < 0.5, top - 5, rng.permutation(top) - 5)
    lower = [names[i % 7][0] + str(5 + i // 7) for i in under.tolist()]
    reading = Reading(page(" ".join(names[i] for i in top), " ".join(lower)))
    first, *others = learned_rules([reading], 9)
    # Motion tells the interval that it leads to as well, so that nothing is left to say of it.
    assert first.view == "the motion of soprano and alto"
    name, share, expected = first.words[0]
    assert name.endswith("sixth") and share > 1.8 * expected
    assert str(first).startswith(f"the motion of soprano and alto: {name} {100 * share:.1f} %")
    gains = {rule.view: rule.gain_bits for rule in others}
    assert len(gains) == 8 and max(gains.values()) < first.gain_bits
    assert gains["the interval of soprano and alto"] < 0.05 < first.gain_bits


def test_a_line_by_itself_has_no_rule_beyond_chance():
    rng = np.random.default_rng(6)
    lines = (" ".join(rng.choice(["C4", "E4", "G4"], 900)) for _ in range(2))
    rules = learned_rules([Reading(page(*lines))], 4)
    assert max(rule.gain_bits for rule in rules) < 0.05


SETTING = page(
    "C5 D5 E5 C5! C5 B4 B4 C5!",
    "G4 A4 G4 G4  A4 F4 F4 E4",
    "E4 F4 C4 E4  E4 D4 D4 C4",
    "C3 D3 C3 C3  A2 G3 G2 C3",
)


def test_the_shell_explains_a_note(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(SETTING, "page.musicxml")
    (tmp_path / "corpus").mkdir()
    write(SETTING, "corpus/same.musicxml")
    note = "explain", "page.musicxml", "--bar", 2, "--beat", 2, "--voice", "alto"
    run(*note, "--pitch", "G4", "--against", "corpus", "--json")
    facts = json.loads(capsys.readouterr().out)
    assert (facts["pitch"], facts["against"], facts["bar"], facts["beat"]) == ("F4", "G4", 2, 2)
    assert sum(t["value"] for t in facts["terms"]) == pytest.approx(facts["log_odds"], abs=1e-9)
    assert facts["surprise_bits"] == pytest.approx(-np.log2(facts["probability"]))
    for pattern in facts["patterns"]:
        assert [p["piece"] for p in pattern["places"]] == ["same.musicxml"]
    run(*note)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("bar 2 beat 2 (alto): F4, probability")
    assert lines[-1].endswith("log-odds")
    for wrong, status, told in (
        (note[:4], 2, "--bar, --beat and --voice"),
        ((*note[:5], "1.75", *note[6:]), 1, "between the steps"),
        ((*note[:5], "x", *note[6:]), 2, "expected a number"),
        ((*note, "--pitch", "C9"), 1, "does not sing it"),
        ((*note, "-o", "x.png"), 2, "--output"),
    ):
        run(*wrong, status=status)
        assert told in one_line(capsys.readouterr().err)
