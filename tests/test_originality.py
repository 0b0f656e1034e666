"""Originality: copies planted by hand, found where they stand."""

import itertools
import json

import numpy as np
import pytest
from pages import page
from test_cli import one_line, run

from stats_composer.evaluation import Library, Reading
from stats_composer.evaluation.originality import KINDS, _grams
from stats_composer.io import write

TUNE = page("C5 D5 E5 F5/ G5/ A5 B5 C6*2 G5 E5 D5 C5")
OTHER = page("C5 G5 C5 G5 D5 A5 D5 A5 E5 B5 E5 B5")
SETTING = page(
    "G4*4 A4*4 B4*4 C5*4", "E4*4 F4*4 D4*4 E4*4", "C4*8 D4*4 C4*4", "C3*4 F3*4 G3*4 C3*4"
)


def judged(score, corpus=(TUNE, OTHER), **options):
    return Library([Reading(piece) for piece in corpus], **options).judge(Reading(score))


@pytest.mark.parametrize(
    ("line", "kind", "n_notes", "here"),
    [
        ("A4 E5 F5/ G5/ A5 B5 C6*3 B4", "exact", 6, "bar 1 beat 2"),
        ("E5 A4 B4 C#5 D5/ E5/ F#5 G#5 A5 A5", "transposed", 8, "bar 1 beat 2"),
        ("C5*2 D5*2 E5*2 F5 G5 A5*2 C5*2", "augmented", 6, "bar 1 beat 1"),
        ("C5 F4/ G4/ A4/ Bb4// C5// D5/ F5/", "diminished", 6, "bar 1 beat 2"),
    ],
)
def test_a_planted_copy_is_found_with_its_places(line, kind, n_notes, here):
    found = judged(page(line))
    assert found.longest == {name: n_notes * (name == kind) for name in KINDS}
    (copy,) = found.copies
    assert (copy.n_notes, copy.kind, copy.piece) == (n_notes, kind, 0)
    assert str(copy.here) == f"{here} (soprano)"
    there = "bar 1 beat 3" if kind == "exact" else "bar 1 beat 1"
    assert str(copy.there) == f"{there} (soprano)"


def test_four_notes_are_no_copy_and_a_tune_may_be_left_aside():
    assert not judged(page("C5 D5 E5 F5/ C5/")).copies
    library = Library([Reading(TUNE), Reading(OTHER)])
    assert library.judge(Reading(TUNE)).longest["exact"] == 12
    assert not library.judge(Reading(TUNE), leaving=[library.groups[0]]).copies


def test_runs_do_not_go_on_from_line_to_line_or_piece_to_piece():
    halves = page("C5 D5 E5 F5/"), page("G5/ A5 B5 C6*2 G5 E5 D5 C5")
    assert judged(TUNE, halves).longest["exact"] == 8
    longest = judged(TUNE, [page("C5 D5 E5 F5/ -/ -*8", "G4/ A4 B4 C5*2 G4 E4 D4 C4")]).longest
    assert (longest["exact"], longest["transposed"]) == (0, 8)


def test_grams_are_numbers_of_four_moves_and_none_where_a_line_ends():
    # In base 3, the first move counts ones: 1 + 2 * 3 + 0 * 9 + 1 * 27.
    assert _grams(np.array([1, 2, 0, 1, -1, 2]), 3).tolist() == [34, -1, -1, -1, -1, -1]


def test_the_longest_runs_are_those_of_a_plain_search():
    rng = np.random.default_rng(0)
    names = ["C4", "D4", "E4"]
    lines = [" ".join(rng.choice(names, 40)) for _ in range(5)]
    pieces = [page(line) for line in lines]
    found = judged(pieces[0], pieces[1:])
    steps = [np.diff([names.index(name) for name in line.split()]).tolist() for line in lines]
    for copy in found.copies:
        best = 0
        for i, j in itertools.product(range(39), range(39)):
            pairs = zip(steps[0][i:], steps[1 + copy.piece][j:], strict=False)
            same = itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)
            best = max(best, 1 + len(list(same)))
        assert copy.n_notes == best


def test_shares_of_chords():
    moved = SETTING.transpose(2)
    other = page(
        "G4*4 A4*4 D5*4 C5*4", "E4*4 F4*4 D4*4 E4*4", "C4*8 B3*4 C4*4", "C3*4 F3*4 G3*4 C3*4"
    )
    assert judged(moved, [SETTING]).chords == (1, 0, 0)
    assert judged(SETTING, [other]).chords == pytest.approx((3 / 4, 0, 1 / 4))
    kept = judged(SETTING, [other], unseen=[Reading(SETTING)])
    assert kept.chords == pytest.approx((3 / 4, 1 / 4, 0))
    assert judged(TUNE).chords is None


def test_what_is_usual_leaves_settings_of_a_tune_aside():
    usual = Library([Reading(s) for s in (TUNE, TUNE.transpose(2), OTHER)]).usual()
    assert usual.n_pieces == 3 and usual.cited is None
    assert all(usual.longest[kind] == (0, 0, 0) for kind in KINDS)
    same = Library([Reading(s) for s in (SETTING, SETTING.transpose(2))]).usual()
    assert same.cited == (0, 0, 0)


def test_the_shell_tells_runs_places_and_what_is_usual(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(page("A4 E5 F5/ G5/ A5 B5 C6*3 B4"), "mine.musicxml")
    (tmp_path / "corpus").mkdir()
    for name, score in (("a", TUNE), ("b", OTHER)):
        write(score, f"corpus/{name}.musicxml")
    run("originality", "mine.musicxml", "--against", "corpus")
    lines = capsys.readouterr().out.splitlines()
    assert "* exact          6   0 [0, 0]" in lines
    where = "bar 1 beat 2 (soprano) as a.musicxml bar 1 beat 3 (soprano)"
    assert lines[-1] == f"    6 notes, exact: {where}"
    run("originality", "mine.musicxml", "--against", "corpus", "--json")
    facts = json.loads(capsys.readouterr().out)
    assert facts["scores"][0]["copies"][0]["there"] == {"voice": "soprano", "bar": 1, "beat": 3.0}
    run("originality", "mine.musicxml", status=2)
    assert "--against" in capsys.readouterr().err
    run("originality", "mine.musicxml", "--against", "none", status=1)
    assert "none" in one_line(capsys.readouterr().err)
