"""ABC out: what it can hold comes back, what it cannot is named, and other programs read it."""

import io
import shutil
import subprocess
import warnings

import numpy as np
import pytest
from hypothesis import given, settings

from stats_composer.errors import ScoreWarning
from stats_composer.io import read, read_all, write
from stats_composer.io.abc import read_abc
from stats_composer.io.abc_writer import encode_abc
from stats_composer.io.corpus import find_files
from stats_composer.io.report import Report
from stats_composer.score import (
    BAR_DTYPE,
    KEY_SIGNATURE_DTYPE,
    NOTE_DTYPE,
    Part,
    Score,
    make_notes,
    make_table,
)
from tests.strategies import marked_scores, scores

QUARTER = 10080
seeded = settings(max_examples=60, derandomize=True, database=None, deadline=None)


def round_trip(score):
    report = Report()
    data = encode_abc(score, report)
    return read_abc(data, Report())[0], str(report), data.decode()


@seeded
@given(scores())
def test_voices_of_single_notes_come_back(score):
    again, note, _ = round_trip(score)
    assert score.differences(again) == [] and note == ""


def unsigned(score):
    return score.replace(key_signatures=np.zeros(0, KEY_SIGNATURE_DTYPE))


@seeded
@given(marked_scores(odd=False, overlaps=False))
def test_any_score_is_written_and_what_is_lost_is_said(score):
    again, note, _ = round_trip(score)
    again = again if len(score.key_signatures) else unsigned(again)
    assert bool(note) == bool(score.differences(again))
    pitches = np.sort(score.notes[["onset", "pitch"]])
    assert np.array_equal(pitches, np.sort(again.notes[["onset", "pitch"]]))
    if len(score.bars) > 1:
        assert np.array_equal(score.bars, again.bars)


def test_a_tune_as_a_fiddler_writes_it():
    body = (
        "X:1\nT:The Round Trip\nC:Trad.\nM:6/8\nL:1/8\nQ:3/8=110\nK:Ador\n"
        'E |: "Am"ABc ^GAB | (3ABc d/e/ =g2a- | a2c "G"!fermata!B3 |1 A3 A2E :|2 A3- A3 ||\n'
        "|: c'ba ^f=fg | [Ac]3 z3 :|\n"
    )
    score = read_abc(body.encode(), Report())[0]
    again, note, text = round_trip(score)
    assert score.differences(again) == [] and note == ""
    assert text.splitlines()[:7] == body.splitlines()[:7]
    assert text.splitlines()[7:] == [
        'E |: "Am"ABc ^GAB | (3ABcd/e/ g2 a- | a2 c "G"!fermata!B3 |',
        "[1 A3 A2 E :| [2 A6 |: c'ba f=fg | [Ac]3 z3 :|",
    ]


def test_several_voices_lyrics_and_changes():
    body = (
        'X:1\nT:Two\nM:4/4\nL:1/8\nK:G\nV:1 name="Air"\n'
        "G2 A2 B2 c2 | d4 [K:D] c4 | [M:3/4] d6 |]\nw:sing a-long to-day* my love*\n"
        'V:2 name="Bass line"\n%%MIDI program 32\nG,8 | D,4 A,,4 | D,6 |]\n'
    )
    score = read_abc(body.encode(), Report())[0]
    again, note, _ = round_trip(score)
    assert score.differences(again) == [] and note == ""


@pytest.mark.parametrize(
    ("mode", "last", "name"),
    [(0, "D4", "D"), (1, "B4", "Bm"), (-1, "A4", "Amix"), (-1, "E4", "Edor"), (-1, "D4", "Amix")],
)
def test_keys_without_a_mode_are_named_after_the_last_note(mode, last, name):
    pitch = {"D4": 62, "B4": 71, "A4": 69, "E4": 64}[last]
    keys = make_table(KEY_SIGNATURE_DTYPE, [(0, 2, mode)])
    score = Score(make_notes(onset=[0], pitch=[pitch], duration=4 * QUARTER), key_signatures=keys)
    again, note, text = round_trip(score)
    assert f"K:{name}\n" in text and again == score and note == ""


def test_accidentals_hold_for_readers_of_both_rules():
    pitches = [66, 78, 65, 77, 66]
    score = Score(make_notes(onset=QUARTER * np.arange(5), pitch=pitches))
    _, _, text = round_trip(score)
    assert "^F2 ^f2 =F2 =f2 | ^F2" in text


def test_tuplets_that_abc_has_no_sign_for_are_fractions():
    fifteenth = 2 * QUARTER // 15
    score = Score(make_notes(onset=fifteenth * np.arange(15), pitch=60, duration=fifteenth))
    again, note, text = round_trip(score)
    assert unsigned(again) == score and note == "" and "C4/15" in text


def test_what_abc_cannot_hold_is_named(tmp_path):
    notes = make_table(
        NOTE_DTYPE,
        [(0, QUARTER, 60, 0, 0, 0, 64, False), (0, 4 * QUARTER, 48, 0, 0, 1, 80, False)],
    )
    score = Score(notes, parts=(Part("Drum", 3, True),))
    with pytest.warns(ScoreWarning, match="ABC has no place for velocities: left out"):
        write(score, tmp_path / "x.abc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)
        assert len(read(tmp_path / "x.abc").notes) == 2


def test_repeats_and_endings_of_every_kind():
    rows = [(8 * QUARTER * i, repeat, ending) for i, (repeat, ending) in enumerate(
        [(1, 0), (0, 1), (2, 1), (0, 2), (1, 0), (2, 0), (3, 0), (0, 0), (2, 1), (0, 2)]
    )]  # fmt: skip
    notes = make_notes(onset=8 * QUARTER * np.arange(10), pitch=60, duration=8 * QUARTER)
    score = Score(notes, bars=make_table(BAR_DTYPE, rows))
    again, note, text = round_trip(score)
    assert again.bars[["onset", "repeat", "ending"]].tolist() == rows and note == ""
    assert "| [1 C16 | C16 :| [2 C16 |: C16" in text.replace("\n", " ") and "::" in text


@pytest.fixture(scope="module")
def real_pieces():
    files = [*find_files("music21:airdsAirs")[:1], *find_files("music21:bach")[:3]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)
        return [score for _, path in files for score in read_all(path)[:4]]


def test_music21_reads_the_same_notes(real_pieces):
    from music21 import converter

    for score in real_pieces:
        data = encode_abc(score, Report()).decode()
        stream = converter.parseData(data, format="abc").stripTies()
        found = sorted(
            (round(float(n.getOffsetInHierarchy(stream)) * QUARTER), pitch.midi)
            for n in stream.recurse().notes
            if "ChordSymbol" not in n.classes
            for pitch in n.pitches
        )
        rows = score.notes[~score.notes["tied"]]
        assert found == sorted(zip(rows["onset"].tolist(), rows["pitch"].tolist(), strict=True))


@pytest.mark.skipif(shutil.which("abc2midi") is None, reason="abc2midi is not installed")
def test_abc2midi_plays_the_same_notes(real_pieces, tmp_path):
    for number, score in enumerate(real_pieces):
        plain = score.replace(bars=make_table(BAR_DTYPE, [
            (row["onset"], 0, 0) for row in score.bars
        ]))  # fmt: skip
        path = tmp_path / f"{number}.abc"
        path.write_bytes(encode_abc(plain, Report()))
        made = tmp_path / f"{number}.mid"
        run = subprocess.run(
            ["abc2midi", path, "-o", made], capture_output=True, text=True, check=True
        )
        assert "Error" not in run.stdout, run.stdout
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ScoreWarning)
            again = read(made)
        assert sorted(again.notes["pitch"].tolist()) == sorted(score.notes["pitch"].tolist())


def test_a_stream_takes_abc():
    stream = io.BytesIO()
    write(Score(make_notes(onset=[0], pitch=[60])), stream, format="abc")
    assert stream.getvalue().startswith(b"X:1\n")


@pytest.mark.parametrize(
    ("metre", "notes"),
    [
        ("4/4", "ABcd efga | A2 Bc de f/e/d | AB/c/ dc B/A/G AB | A2 (3ABc ABcd"),
        ("2/2", "AB | cdef gabc' | z A Bc de f2"),
        ("3/4", "AB cd ef | A3 B cd"),
        ("2/4", "AB cd | A/B/c/d/ e2"),
        ("6/8", "ABc def | A2 B cde"),
    ],
)
def test_eighths_are_beamed_by_half_bars_of_four_quarters_and_else_by_beats(metre, notes):
    text = f"X:1\nT:\nM:{metre}\nL:1/8\nK:C\n{notes} |]\n"
    (score,) = read_abc(text.replace(" ", "").encode(), Report())
    assert notes in encode_abc(score, Report()).decode().replace("\n", " ")
