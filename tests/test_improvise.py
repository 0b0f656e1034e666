"""The verb `improvise`, and the roles that it tells."""

import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from stats_composer.cli.run import main
from stats_composer.composers.jazz import JazzComposer, Manner, hear_tune, lead_page
from stats_composer.composers.jazz.tune import _steadied
from stats_composer.errors import ConstraintError, EncodingError
from stats_composer.io import read, read_all, write
from stats_composer.listening import RoleModel
from stats_composer.listening.roles import _tops
from stats_composer.score import (
    TEMPO_DTYPE,
    Part,
    Score,
    make_notes,
    make_table,
    merge_parts,
    respell,
)

BEAT = 10080


def run(capsys, *arguments):
    """Run the command; return its status, and what it said on both streams."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return stop.value.code or 0, said.out, said.err


def band(drums=False):
    """Eight bars: a tune on top, held chords, and roots below."""
    rng = np.random.default_rng(0)
    lead = [(i * BEAT, BEAT, 72 + int(p)) for i, p in enumerate(rng.integers(-4, 5, 32))]
    chords = [
        (bar * 4 * BEAT, 4 * BEAT, pitch)
        for bar in range(8)
        for pitch in ((60, 64, 67), (57, 60, 65))[bar % 2]
    ]
    bass = [(i * BEAT, BEAT, (36, 41)[i // 4 % 2]) for i in range(32)]
    parts = [lead, bass, chords]
    rows = [(*row, part) for part, notes in enumerate(parts) for row in notes]
    onset, duration, pitch, part = np.array(rows).T
    kinds = [Part("a"), Part("b"), Part("c")]
    if drums:
        kinds[0] = kinds[1] = kinds[2] = Part("kit", percussion=True)
    notes = make_notes(onset=onset, duration=duration, pitch=pitch, part=part)
    return respell(Score(notes, parts=tuple(kinds)))


def test_the_line_of_a_part_is_its_highest_note_at_each_time():
    onset, pitch = np.array([0, 40, 10080, 10080, 20160]), np.array([60.0, 72, 64, 55, 62])
    assert _tops(onset, pitch).tolist() == [1, 2, 4]


def test_roles_are_told_with_reasons():
    roles = RoleModel.bundled().roles(band())
    assert [role.role for role in roles] == ["melody", "bass", "chords"]
    assert roles[0].reason == "highest, one note at a time, fills 100% of the time"
    assert roles[2].reason.startswith("in the middle, 100% of its notes sound together")


OTHERS = (
    *("bach/bwv10.7.mxl", "bach/bwv66.6.mxl", "joplin/maple_leaf_rag.mxl"),
    *("leadSheet/berlinAlexandersRagtime.mxl", "leadSheet/fosterBrownHair.mxl"),
    *("essenFolksong/altdeu10.abc", "ryansMammoth/AdmiralsHornpipe.abc", "airdsAirs/book1.abc"),
    *("corelli/opus3no1/1grave.xml", "palestrina/Agnus_00.krn", "verdi/laDonnaEMobile.mxl"),
    *("trecento/Fava_Dicant_nunc_iudei.xml", "schumann_robert/opus48no2.mxl"),
    *("beach/prayer_of_a_tired_child.musicxml", "chopin/mazurka06-2.krn"),
    *("haydn/opus74no1/movement3.mxl", "mozart/k80/movement1.mxl"),
    *("nottingham-dataset/reelsa-c.abc", "schubert/Lindenbaum.xml"),
    "mozart/k458/movement3.mxl",
)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.fuzz if i else ()) for i, name in enumerate(OTHERS)],
)
@pytest.mark.filterwarnings("ignore::stats_composer.errors.ScoreWarning")
def test_a_solo_comes_over_any_score(name):
    """In all of them the melody stands first; here the parts are nameless and the first is last."""
    corpus = Path(find_spec("music21").submodule_search_locations[0]) / "corpus"
    score = read_all(corpus / name)[0]
    nameless = [replace(score.select(i), parts=(Part(),)) for i in range(score.n_parts)]
    composer = JazzComposer.bundled()
    heard = hear_tune(merge_parts(nameless[::-1]), composer.solos_)
    assert heard.melody == score.n_parts - 1
    assert heard.account[0].startswith(f"Melody: part {score.n_parts}: ")
    assert re.search(r"one note at a time|of its notes sound together", heard.account[0])
    made = composer.improvise(heard.page, band=heard.missing, random_state=1)
    assert made.parts[0].name == "Solo" and (made.notes["part"] == 0).sum() > made.n_bars


def test_a_typed_chart_gives_a_solo(tmp_path, capsys):
    files = [tmp_path / "solo.mid", tmp_path / "solo.musicxml"]
    status, out, err = run(
        capsys, "improvise", "--changes", "Dm7 | G7 | C^7 | %", "--seed", 1,
        "-o", files[0], "-o", files[1],
    )  # fmt: skip
    assert status == 0 and "3 parts, 4 bars in C major, seed 1" in out
    assert "Assumed: 4/4, C major, 140 quarters a minute." in err
    page = read(files[1])
    assert page.chords["symbol"].tolist() == ["Dm7", "G7", "Cmaj7", "Cmaj7"]
    assert page.directions["text"].tolist() == ["Swing"]


def test_a_tune_keeps_its_band(tmp_path, capsys):
    write(band(), tmp_path / "tune.musicxml")
    status, _, err = run(
        capsys, "improvise", tmp_path / "tune.musicxml", "--head", "--chorus", 2, "--seed", 1,
        "-o", tmp_path / "solo.musicxml",
    )  # fmt: skip
    assert status == 0
    assert "Melody: part 1 (a): highest, one note at a time" in err
    score = read(tmp_path / "solo.musicxml")
    assert [part.name for part in score.parts] == ["Solo", "b", "c"] and score.n_bars == 32
    own = band()
    head = score.notes[(score.notes["part"] == 0) & (score.notes["onset"] < 8 * 4 * BEAT)]
    assert head["pitch"].tolist() == own.notes[own.notes["part"] == 0]["pitch"].tolist()


def test_a_bare_melody_gets_changes(tmp_path, capsys):
    write(band().select(0), tmp_path / "tune.musicxml")
    status, _, err = run(
        capsys, "improvise", tmp_path / "tune.musicxml", "-o", tmp_path / "solo.musicxml"
    )
    assert status == 0 and "were put to the melody" in err
    assert [p.name for p in read(tmp_path / "solo.musicxml").parts] == ["Solo", "Bass", "Piano"]


def test_a_style_is_learned_and_played(tmp_path, capsys):
    tune, model = tmp_path / "tune.musicxml", tmp_path / "own.npz"
    write(band(), tune)
    status, out, _ = run(capsys, "train", tune, "--style", "jazz", "-o", model)
    assert status == 0 and "Learned from 1 of 1 scores." in out and "improvise TUNE --style" in out
    for style in (model, "own:0.5"):
        solo = tmp_path / "solo.musicxml"
        status, _, _ = run(
            capsys, "improvise", tune, "--style", style, "--seed", 1, "-o", solo, "--force"
        )
        assert status == 0 and read(solo).n_parts == 3
    status, out, _ = run(
        capsys, "compose", "--model", model, "--bars", 4, "-o", tmp_path / "new.musicxml"
    )
    assert status == 0 and "3 parts, 4 bars" in out


def test_a_bass_is_written_under_the_tune(tmp_path, capsys):
    write(band(), tmp_path / "tune.musicxml")
    status, _, _ = run(
        capsys, "improvise", tmp_path / "tune.musicxml", "--part", "bass", "--seed", 1,
        "-o", tmp_path / "new.musicxml",
    )  # fmt: skip
    assert status == 0
    score = read(tmp_path / "new.musicxml")
    assert [part.name for part in score.parts] == ["Bass", "a", "c"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--changes", "C", "--style", "own"), 2, "a typed chart has no melody to learn from"),
        (("x.mid", "--style", "own:2"), 2, "--style own:2: expected own, or own:0.5 and the like"),
        (("x.mid", "--style", "bebop"), 2, "--style bebop: expected jazz, own, own:0.5 or"),
        (("--changes", "C", "--part", "bass", "--density", "1"), 2, "they are of a solo"),
        (("--changes", "Dm7 | G#4x"), 1, "changes, bar 2: chord 'G#4x': unknown quality '4x'"),
        ((), 2, "expected a tune or --changes, one of them"),
        (("--changes", "C", "--head"), 2, "--head and --melody: a typed chart has no melody"),
        (("--changes", "C", "--time-signature", "0/4"), 2, "time signature '0/4'"),
    ],
)
def test_wrong_usage_is_one_line(capsys, arguments, status, message):
    found, _, err = run(capsys, "improvise", *arguments)
    (line,) = err.strip().splitlines()
    assert found == status and message in line


def test_what_is_too_long_is_told():
    composer = JazzComposer.bundled()
    tune = Score(make_notes(onset=[0, 4 * BEAT * 2000], pitch=60))
    with pytest.raises(EncodingError, match="2,001 bars: expected at most 2,000"):
        hear_tune(tune, composer.solos_)
    with pytest.raises(ConstraintError, match="3000 bars: expected 1 to 2000"):
        composer.improvise(lead_page("C | C | C"), manner=Manner(chorus=1000))


def test_drums_alone_are_told(tmp_path, capsys):
    write(band(drums=True), tmp_path / "kit.musicxml")
    status, _, err = run(capsys, "improvise", tmp_path / "kit.musicxml")
    assert status == 1 and "kit.musicxml: no notes of a pitch: expected a tune" in err


def test_a_band_reads_few_of_a_performance_s_tempos():
    # Uneven beats at 150, one far too slow, then twice as fast. Before the first mark of 145 there
    # are none, so that it is the median of nine; of those around the first of 300 five are fast.
    values = [145, 155, 150, 90, 148, 152] * 2 + [300] * 8
    curve = make_table(TEMPO_DTYPE, [(i * BEAT, float(v)) for i, v in enumerate(values)])
    kept = _steadied(curve)
    assert kept["onset"].tolist() == [0, 12 * BEAT]
    assert kept["quarters_per_minute"].tolist() == [145.0, 300.0]
