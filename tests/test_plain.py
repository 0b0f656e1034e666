"""Plain settings: when chords begin, that all voices move together, and what is asked of them."""

import numpy as np
import pytest
from test_cli import run

from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.composers.chorale.plain import chord_ticks
from stats_composer.constraints import ChordAt, Density, Pin
from stats_composer.errors import ConstraintError
from stats_composer.io.abc import read_abc
from stats_composer.io.report import Report
from stats_composer.theory import TICKS_PER_QUARTER

EIGHTH = TICKS_PER_QUARTER // 2
HYMN = "X:1\nM:4/4\nL:1/4\nK:G\nG A B c | d2 B2 | c3/2 B/ A z | G A B A/F/ | G4 |\n"
JIG = "X:1\nM:6/8\nL:1/8\nK:Em\nE | G2 A B>^cB | A2 F D>EF | G>FE ^D>^C^D | E3 E2 |\n"
SWING = "X:1\nM:4/4\nL:1/8\nK:C\nC D2 E F4 |\n"


def tune(abc):
    """Read one tune."""
    [score] = read_abc(abc.encode(), Report())
    return score


@pytest.fixture(scope="module")
def composer():
    return ChoraleComposer.bundled()


@pytest.mark.parametrize(
    ("abc", "eighths"),
    [
        (HYMN, [0, 2, 4, 6, 8, 12, 16, 20, 24, 26, 28, 30, 32]),
        (JIG, [0, 1, 4, 7, 10, 13, 16, 19]),  # the last E is struck again under its chord
        (SWING, [0, 1, 4]),
    ],
)
def test_chords_begin_with_notes_on_beats_and_long_ones(abc, eighths):
    assert chord_ticks(tune(abc)) == [EIGHTH * n for n in eighths]


@pytest.mark.parametrize("abc", [HYMN, JIG])
def test_all_voices_move_together(composer, abc):
    melody = tune(abc)
    score = composer.harmonize(melody, road="plain", random_state=1)
    lines = [score.notes[score.notes["part"] == v] for v in range(4)]
    np.testing.assert_array_equal(lines[0]["onset"], melody.notes["onset"])
    np.testing.assert_array_equal(lines[0]["pitch"], melody.notes["pitch"])
    ends = lines[0]["onset"] + lines[0]["duration"]
    for line in lines[1:]:
        assert line["onset"].tolist() == chord_ticks(melody)
        assert set((line["onset"] + line["duration"]).tolist()) <= set(ends.tolist())
        assert (line["pitch"][1:] != line["pitch"][:-1]).any()


def test_wishes_hold_in_plain_settings(composer):
    wishes = [Pin("bass", 1, 3, "G2"), ChordAt(2, 3, "G")]
    melody = tune(HYMN)
    score = composer.harmonize(melody, road="plain", constraints=wishes, random_state=1)
    assert [text for wish in wishes for text in wish.violations(score)] == []
    with pytest.raises(ConstraintError, match="takes no wishes of rhythm, number or order"):
        composer.harmonize(melody, road="plain", constraints=[Density("alto", 1, 2)])


def test_a_compound_metre_is_set_plainly_where_nobody_says(composer, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    jig = tune(JIG)
    usual, plain = (composer.harmonize(jig, road=r, random_state=1) for r in (None, "plain"))
    assert usual == plain
    assert composer.usual_road(jig, wished=True) == "gibbs"
    (tmp_path / "jig.abc").write_text(JIG)
    run("harmonize", "jig.abc", "--seed", 1, "-o", "jig.musicxml")
    assert "a compound metre, set plainly; --road gibbs writes freely" in capsys.readouterr().err
