"""The shell: its files, facts, messages and statuses; never a traceback."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from termios import FIONREAD

import numpy as np
import pytest

from stats_composer.cli import main
from stats_composer.cli.facts import score_facts
from stats_composer.files import packaged, unused_path, write_whole
from stats_composer.io import read, write
from stats_composer.score import KEY_SIGNATURE_DTYPE, Part, Score, make_notes, make_table
from stats_composer.theory import MAJOR, TICKS_PER_QUARTER

QUARTER = TICKS_PER_QUARTER


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def melody():
    notes = make_notes(onset=np.arange(16) * QUARTER, pitch=[67, 69, 71, 72, 74, 72, 71, 69] * 2)
    keys = make_table(KEY_SIGNATURE_DTYPE, [(0, 1, MAJOR)])
    return Score(notes, key_signatures=keys, parts=(Part("Tune"),), title="Tune")


def run(*arguments, status=0):
    """Run the shell here; its outputs are read with capsys."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert stop.value.code == status


def shell(*arguments, **options):
    """Run the shell as a process of its own."""
    command = [sys.executable, "-m", "stats_composer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=300, check=False, **options)


def one_line(text):
    """Check that an error is one line and no traceback, and return it."""
    assert text.startswith("stats-composer: ") and text.count("\n") == 1, text
    return text


# ---- usage ----------------------------------------------------------------------------------


def test_help_names_the_verbs(capsys):
    run()
    text = capsys.readouterr().out
    for verb in ("compose", "harmonize", "show", "inspect", "models", "train", "convert", "vary"):
        assert verb in text


def test_the_version(capsys):
    from stats_composer import __version__

    run("--version")
    assert capsys.readouterr().out == f"stats-composer {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sing"], "No such command 'sing'"),
        (["inspect"], "Missing argument"),
        (["compose", "--loud"], "No such option: --loud"),
        (["compose", "--bars", "0"], "--bars"),
        (["compose", "--bars", "many"], "--bars"),
        (["compose", "--key", "H"], "key 'H': expected a tonic and a mode"),
        (
            ["compose", "--time-signature", "4/3"],
            "time signature '4/3': expected a metre such as '3/4'",
        ),
        (["compose", "--tempo", "0"], "tempo 0: expected 5 to 1000 quarters a minute"),
        (["compose", "--seed", "-1"], "--seed"),
        (["compose", "--bars", "2001"], "2001 bars: expected 1 to 2000"),
        (["compose", "--metre", "33/4"], "time signature '33/4'"),
        (["compose", "--meter", "4/64"], "time signature '4/64'"),
        (["compose", "--jobs", "0"], "n_jobs 0: expected 1 or more, or -1 for one a core"),
        (["train", "x", "-o", "m.npz", "--jobs", "0"], "n_jobs 0"),
        (["compose", "--key", "C dorian"], "key 'C dorian': expected a tonic and a mode"),
        (["compose", "--style", "rock"], "'rock' is not one of 'chorale', 'folk', 'jazz'"),
        (
            ["train", "x", "-o", "m.npz", "--style", "rock"],
            "is not one of 'chorale', 'folk', 'jazz'",
        ),
        (["continue", "x", "--style", "rock"], "is not one of 'own', 'chorale', 'folk', 'jazz'"),
        (
            ["harmonize", "x", "--road", "long"],
            "is not one of 'gibbs', 'mended', 'directed', 'both'",
        ),
        (["resample", "x"], "Missing option '--bars'"),
        (["resample", "x", "--bars", "2_3"], "'2_3': expected the first and the last bar"),
        # what does not apply is refused
        (["compose", "--dance", "jig"], "--dance: only folk tunes are dances"),
        (["compose", "--style", "folk", "--model", "m.npz"], "--style and --model"),
        (["continue", "x", "--style", "own", "--model", "m.npz"], "--style and --model"),
        (["train", "x", "-o", "m.npz", "--licence", "CC0"], "they are of tunes"),
        (["train", "x", "-o", "m.npz", "--attribution", "me"], "they are of tunes"),
        (["train", "x", "-o", "m.npz", "--style", "folk", "--chord-voice"], "of chorales"),
        (["train", "x", "-o", "m.npz", "--style", "folk", "--directed"], "of chorales"),
        (["chords", "x", "--json", "--csv"], "--json and --csv"),
        # one document a stream
        (["compose", "-n", "2", "-o", "-"], "-n 2 and '-o -': one score a stream"),
        (["compose", "--style", "folk", "--best", "2"], "--best: faults of voice leading"),
        (["compose", "--json", "-o", "-"], "--json and '-o -': both are standard output"),
        (["chords", "x", "--json", "-o", "-"], "both are standard output"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(arguments, message, capsys):
    run(*arguments, status=2)
    assert message in one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compose", "-o", "a.doc"], "a.doc: expected a name that ends in .musicxml"),
        (["compose", "-o", "nowhere/a.mid"], "nowhere/a.mid: there is no folder nowhere"),
        (["compose", "--pin", "soprano:3"], "pin 'soprano:3'"),
        (["compose", "--range", "soprano"], "range 'soprano'"),
        (["compose", "--chord", "1"], "chord '1'"),
        (["compose", "--cadence", "2:amen"], "cadence '2:amen': kind 'amen': expected one of"),
        (["compose", "--constraints", "no.json"], "no.json: No such file"),
        (["compose", "--model", "no.npz"], "no.npz: No such file"),
        (["harmonize", "no.mid"], "no.mid: No such file or directory"),
        (["inspect", "."], ".: a folder: expected a score"),
        (["show", "no.mid"], "no.mid: No such file or directory"),
        (["models", "no.npz"], "no.npz: No such file or directory"),
        (["train", "no", "-o", "m.txt"], "m.txt: expected a name that ends in .npz"),
        (["train", "no-such", "-o", "m.npz"], "no-such"),
    ],
)
def test_bad_input_is_one_line_and_status_1(arguments, message, folder, capsys):
    run(*arguments, status=1)
    assert message in one_line(capsys.readouterr().err)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("content", [b"", b"MThd", b"\x93NUMPY", b"<score", b"hello"])
def test_a_broken_file_is_named(content, folder, capsys):
    for name in ("a.mid", "a.musicxml", "a.mxl", "a.abc"):
        Path(name).write_bytes(content)
        run("inspect", name, status=1)
        assert name in one_line(capsys.readouterr().err)
    Path("a.npz").write_bytes(content)
    run("compose", "--model", "a.npz", status=1)
    assert "a.npz" in one_line(capsys.readouterr().err)


# ---- inspect and show -----------------------------------------------------------------------


def test_inspect_gives_facts_as_json(folder, melody, capsys):
    write(melody, "tune.musicxml")
    run("inspect", "tune.musicxml", "--json")
    facts = json.loads(capsys.readouterr().out)
    expected = {
        "notes": 16,
        "first": 67,
        "last": 69,
        "parts": 1,
        "min_pitch": 67,
        "max_pitch": 74,
        "min_onset": 0,
        "min_duration": 1,
        "quarters": 16,
        "bars": 4,
        "key": "G major",
        "time_signature": "4/4",
        "title": "Tune",
    }
    assert {name: facts[name] for name in expected} == expected
    (role,) = facts.pop("roles")
    assert role["role"] == "melody" and role["reason"].startswith("one note at a time")
    assert facts == score_facts(read("tune.musicxml"))


def test_inspect_counts_tunes(folder, capsys):
    tune = "X:{0}\nT:Air {0}\nM:3/4\nL:1/4\nK:D\nDFA|d3|]\n\n"
    Path("book.abc").write_text(tune.format(1) + tune.format(2), encoding="utf-8")
    run("inspect", "book.abc", "--json")
    facts = json.loads(capsys.readouterr().out)
    assert (facts["tunes"], facts["notes"], facts["key"]) == (2, 4, "D major")


def test_inspect_speaks_to_people(folder, melody, capsys):
    write(melody, "tune.mid")
    run("inspect", "tune.mid")
    lines = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    assert lines["notes"].strip() == "16"


def test_facts_of_nothing():
    facts = score_facts(Score(make_notes(onset=[], pitch=[])))
    assert facts["notes"] == 0 and facts["first"] is None and facts["min_duration"] is None


def test_show_draws_both_pictures_under_free_names(folder, melody, capsys):
    write(melody, "tune.musicxml")
    run("show", "tune.musicxml")
    assert capsys.readouterr().out == "Wrote tune.png and tune-roll.png.\n"
    run("show", "tune.musicxml", "-o", "a.svg")
    assert sorted(path.name for path in folder.iterdir()) == [
        "a.svg",
        "tune-roll.png",
        "tune.musicxml",
        "tune.png",
    ]


def test_show_refuses_other_pictures(folder, melody, capsys):
    write(melody, "tune.musicxml")
    run("show", "tune.musicxml", "-o", "a.gif", status=1)
    assert "a.gif: expected a name that ends in .svg or .png" in one_line(capsys.readouterr().err)


# ---- compose and harmonize ------------------------------------------------------------------


def test_compose_without_an_option_writes_two_new_files(folder, capsys):
    run("compose", "--seed", 1)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("Wrote chorale.musicxml and chorale.mid: 4 parts, 8 bars in ")
    assert said[1] == "Next: stats-composer show chorale.musicxml"
    before = Path("chorale.mid").read_bytes()
    run("compose", "--seed", 2)
    assert "chorale-2.musicxml" in capsys.readouterr().out
    assert Path("chorale.mid").read_bytes() == before
    for name in ("chorale.musicxml", "chorale.mid"):
        assert read(name).n_parts == 4


def test_compose_keeps_the_flags(folder, capsys):
    flags = ["--key", "f# minor", "--bars", 6, "--time-signature", "3/4", "--tempo", 72]
    run("compose", *flags, "--pin", "soprano:2:1:A4", "-o", "a.musicxml", "--json", "--seed", 3)
    facts = json.loads(capsys.readouterr().out)
    expected = {"key": "F# minor", "bars": 6, "time_signature": "3/4", "tempo": 72, "seed": 3}
    assert {name: facts[name] for name in expected} == expected
    assert facts["files"] == ["a.musicxml"]
    score = read("a.musicxml")
    second = score.bars["onset"][1]
    soprano = score.notes[score.notes["part"] == 0]
    assert soprano["pitch"][soprano["onset"] == second].tolist() == [69]


def test_the_same_seed_gives_the_same_bytes_for_any_jobs_and_process(folder):
    run("compose", "--seed", 5, "-n", 2, "-o", "a.musicxml", "-o", "a.mid")
    run("compose", "--seed", 5, "-n", 2, "-o", "b.musicxml", "-o", "b.mid", "--jobs", 2)
    done = shell("compose", "--seed", 5, "-n", 2, "-o", "c.musicxml", "-o", "c.mid")
    assert done.returncode == 0, done.stderr
    for name in ("-1.musicxml", "-2.musicxml", "-1.mid", "-2.mid"):
        first = Path("a" + name).read_bytes()
        assert Path("b" + name).read_bytes() == first
        assert Path("c" + name).read_bytes() == first


def test_each_result_says_a_seed_that_alone_gives_it_again(folder, capsys):
    run("compose", "--seed", 5, "-n", 2, "--bars", 2, "-o", "a.musicxml", "--json")
    seeds = [facts["seed"] for facts in json.loads(capsys.readouterr().out)]
    assert seeds == [5, 6]
    run("compose", "--seed", 6, "--bars", 2, "-o", "b.musicxml")
    assert "seed 6" in capsys.readouterr().out
    assert Path("b.musicxml").read_bytes() == Path("a-2.musicxml").read_bytes()
    asked = ("--best", 2, "--bars", 2, "--json")
    run("compose", "--seed", 3, *asked, "-n", 2, "-o", "c.musicxml")
    told = [(facts["seed"], facts["best_of"]) for facts in json.loads(capsys.readouterr().out)]
    assert told == [(3, 2), (5, 2)]
    run("compose", "--seed", 5, *asked, "-o", "d.musicxml")
    assert Path("d.musicxml").read_bytes() == Path("c-2.musicxml").read_bytes()


def test_what_is_there_is_not_written_over_without_force(folder, melody, capsys):
    write(melody, "tune.musicxml")
    Path("a-2.mid").write_text("mine")
    for arguments in (
        ("compose", "-n", 2, "-o", "a.mid"),
        ("harmonize", "tune.musicxml", "-o", "tune.musicxml"),
        ("show", "tune.musicxml", "-o", "a.svg", "--roll", "a.svg"),
        ("convert", "tune.musicxml", "a-2.mid"),
        ("train", ".", "-o", "m.npz"),
    ):
        Path("m.npz").touch()
        run(*arguments, status=1)
        error = one_line(capsys.readouterr().err)
        assert "is there already: --force writes over it" in error or "named twice" in error
    assert Path("a-2.mid").read_text() == "mine"
    run("convert", "tune.musicxml", "a-2.mid", "--force")
    assert read("a-2.mid").notes["pitch"].tolist() == melody.notes["pitch"].tolist()


def test_compose_to_standard_output_keeps_messages_apart(folder):
    done = shell("compose", "-o", "-", "--seed", 1, "--bars", 4)
    assert done.returncode == 0 and done.stdout.startswith(b"<?xml")
    Path("a.musicxml").write_bytes(done.stdout)
    assert read("a.musicxml").n_bars == 4


def test_harmonize_keeps_the_melody(folder, melody, capsys):
    write(melody, "tune.musicxml")
    run("harmonize", "tune.musicxml", "--seed", 1)
    assert "Wrote tune-harmonized.musicxml and tune-harmonized.mid" in capsys.readouterr().out
    score = read("tune-harmonized.musicxml")
    columns = ["onset", "duration", "pitch", "fifths"]
    soprano = score.notes[score.notes["part"] == 0]
    assert soprano[columns].tolist() == melody.notes[columns].tolist()


def test_wishes_that_conflict_are_named(folder, capsys):
    start = time.process_time()
    flags = ["--pin", "soprano:1:1:B4", "--range", "soprano:C4-A4", "--range", "bass:C2-C4"]
    run("compose", *flags, status=1)
    message = one_line(capsys.readouterr().err)
    assert "Pin(voice=soprano" in message and "Range(voice=soprano" in message
    assert "bass" not in message
    assert time.process_time() - start < 5 and not list(folder.iterdir())


def test_composing_imports_nothing_heavy(folder):
    code = (
        "import sys, stats_composer.cli as cli\n"
        "try: cli.main(['compose', '--seed', '1', '--bars', '2'])\n"
        "except SystemExit as stop: assert not stop.code\n"
        "heavy = {'sklearn', 'music21', 'matplotlib', 'verovio', 'pandas', 'joblib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr


def test_models_tell_what_they_were_made_from(capsys):
    run("models", "--json")
    found = json.loads(capsys.readouterr().out)
    bundled = ["bach-chorale", "bach-chords", "beats", "folk", "harmony", "jazz", "lines", "roles"]
    assert [model["name"] for model in found] == bundled
    assert all(model["sha256"] and model["attribution"] for model in found)
    run("models")
    assert capsys.readouterr().out.startswith("bach-chorale")


@pytest.mark.parametrize("verb", ["harmonize", "show"])
def test_a_score_without_notes_is_named(verb, folder, capsys):
    write(Score(make_notes(onset=[], pitch=[]), parts=(Part("rests"),)), "rests.musicxml")
    run(verb, "rests.musicxml", status=1)
    message = one_line(capsys.readouterr().err)
    assert message.startswith("stats-composer: rests.musicxml: ")
    assert len(list(folder.iterdir())) == 1


# ---- other verbs ----------------------------------------------------------------------------


def test_a_model_of_another_kind_is_refused_by_name(folder, melody, capsys):
    write(melody, "tune.musicxml")
    with packaged("pretrained/folk.npz") as folk:
        run("harmonize", "tune.musicxml", "--model", folk, status=1)
    error = one_line(capsys.readouterr().err)
    assert "folk.npz: holds MelodyComposer: harmonize needs a ChoraleComposer (chorale)" in error
    with packaged("pretrained/bach-chorale.npz") as chorale:
        run("chords", "tune.musicxml", "--model", chorale, status=1)
    assert "holds ChoraleComposer: expected ChordRecognizer" in one_line(capsys.readouterr().err)


@pytest.mark.parametrize("verb", ["chords", "compose"])
def test_a_model_made_by_hand_is_refused_in_one_line(verb, folder, melody, capsys):
    from stats_composer import modelfile
    from stats_composer.chords.labels import QUALITY_CODES

    write(melody, "tune.musicxml")
    kind = {"chords": "ChordRecognizer", "compose": "ChoraleComposer"}[verb]
    header = {"model": kind, "qualities": list(QUALITY_CODES), "random_state": 0, "sizes": {}}
    modelfile.save("hand.npz", header, {"weights": np.zeros((2, 2))})
    run(verb, *(["tune.musicxml"] if verb == "chords" else []), "--model", "hand.npz", status=1)
    assert "hand.npz: not as this version writes it" in one_line(capsys.readouterr().err)


def two_parts():
    notes = make_notes(onset=[0, QUARTER] * 2, pitch=[72, 74, 48, 50], part=[0, 0, 1, 1])
    return Score(notes, parts=(Part("Flute"), Part("Bass")))


def test_a_part_is_chosen_by_name_or_number(folder, capsys):
    write(two_parts(), "duo.musicxml")
    for part, first in (("flute", 72), ("2", 48)):
        run("inspect", "duo.musicxml", "--part", part, "--json")
        facts = json.loads(capsys.readouterr().out)
        assert (facts["parts"], facts["notes"], facts["first"]) == (1, 2, first)
    run("inspect", "duo.musicxml", "--part", "oboe", status=1)
    error = one_line(capsys.readouterr().err)
    assert "duo.musicxml: part 'oboe': expected one of Flute, Bass, or 1 to 2" in error


def test_convert_transposes_and_sets_the_tempo(folder, capsys):
    write(two_parts(), "duo.musicxml")
    run("convert", "duo.musicxml", "duo.mid", "--transpose", -2, "--tempo", 90, "--part", "Flute")
    assert capsys.readouterr().out == "Wrote duo.mid.\n"
    score = read("duo.mid")
    assert score.notes["pitch"].tolist() == [70, 72]
    assert score.tempos["quarters_per_minute"].tolist() == [90]
    run("convert", "duo.musicxml", "duo.doc", status=1)
    assert "duo.doc: expected a name that ends in" in one_line(capsys.readouterr().err)


def test_convert_writes_repeats_out(folder):
    Path("a.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\n|:CDEF:|\n", encoding="utf-8")
    run("convert", "a.abc", "folded.musicxml")
    run("convert", "a.abc", "unfolded.musicxml", "--unfold")
    assert len(read("folded.musicxml").notes) == 4
    assert len(read("unfolded.musicxml").notes) == 8


def test_play_takes_a_player_that_is_there(folder, melody, monkeypatch, capsys):
    write(melody, "tune.musicxml")
    (folder / "bin").mkdir()
    player = folder / "bin" / "aplay"
    player.write_text('#!/bin/sh\nhead -c 4 "$2" > heard\n')
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")
    run("play", "tune.musicxml")
    assert Path("heard").read_bytes() == b"RIFF"
    monkeypatch.setenv("PATH", str(folder))
    run("play", "tune.musicxml", status=1)
    assert "no player found, of afplay" in one_line(capsys.readouterr().err)
    run("play", "tune.musicxml", "-o", "tune.wav")
    assert Path("tune.wav").read_bytes()[:4] == b"RIFF"


def test_resample_keeps_what_is_outside(folder):
    run("compose", "--seed", 4, "--bars", 4, "-o", "a.musicxml")
    run(
        "resample",
        "a.musicxml",
        "--bars",
        "2:3",
        "--voice",
        "alto",
        "--seed",
        1,
        "-o",
        "b.musicxml",
    )
    one, two = read("a.musicxml").notes, read("b.musicxml").notes
    columns = ["onset", "duration", "pitch", "part"]
    others = [notes[notes["part"] != 1][columns].tolist() for notes in (one, two)]
    assert others[0] == others[1]
    bar = 4 * QUARTER
    early = [notes[(notes["onset"] < bar - QUARTER)][columns].tolist() for notes in (one, two)]
    assert early[0] == early[1]
    assert one[one["part"] == 1][columns].tolist() != two[two["part"] == 1][columns].tolist()


def test_vary_keeps_strong_beats_and_the_last_bar(folder, melody):
    write(melody, "tune.musicxml")
    run("vary", "tune.musicxml", "--seed", 3, "-n", 4, "-o", "varied.musicxml")
    before = melody.notes
    varied = [read(file).notes for file in sorted(folder.glob("varied*.musicxml"))]

    def sounding(notes, tick):
        row = (notes["onset"] <= tick) & (tick < notes["onset"] + notes["duration"])
        return notes["pitch"][row].tolist()

    strong = [*range(0, 16 * QUARTER, 2 * QUARTER), *range(12 * QUARTER, 16 * QUARTER, QUARTER)]
    for after in varied:
        assert all(sounding(after, tick) == sounding(before, tick) for tick in strong)
    assert len(varied) == 4
    assert any(before["pitch"].tolist() != after["pitch"].tolist() for after in varied)


def test_train_ends_by_saying_what_was_used(folder, capsys):
    bars = "GABc dBAG|cBAG ABcA|dcBA GABc|dBGB A2D2|"
    tune = f"X:1\nT:Reel\nM:4/4\nL:1/8\nK:G\n{bars}{bars.replace('A2D2', 'G4')}|\n"
    for i in range(3):
        Path(f"{i}.abc").write_text(tune.replace("Reel", f"Reel {i}"), encoding="utf-8")
    Path("short.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nCDEF|\n", encoding="utf-8")
    run("train", ".", "-o", "m.npz", "--style", "folk")
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["Wrote m.npz.", "Learned from 3 of 4 scores."]
    assert said[2].startswith("Left out, ") and said[2].endswith(": short.abc")


# ---- streams and signals --------------------------------------------------------------------


def test_standard_input(folder, melody):
    write(melody, "tune.musicxml")
    done = shell("inspect", "-", "--json", input=Path("tune.musicxml").read_bytes())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["notes"] == 16


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_is_one_line(folder, melody):
    write(melody, "tune.musicxml")
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "stats_composer", "inspect", "tune.musicxml", "--json"]
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, timeout=300, check=False
        )
    assert done.returncode == 1
    message = one_line(done.stderr.decode())
    assert message == "stats-composer: standard output: No space left on device\n"


def test_a_closed_pipe_is_silent(folder, melody):
    write(melody, "tune.musicxml")
    command = f"{sys.executable} -m stats_composer inspect tune.musicxml | true"
    done = subprocess.run(command, shell=True, capture_output=True, timeout=300, check=False)
    assert done.stderr == b""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_is_status_130(folder):
    command = [sys.executable, "-m", "stats_composer", "inspect", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(b"X")
        process.stdin.flush()
        while process.poll() is None and any(fcntl.ioctl(process.stdin, FIONREAD, bytes(4))):
            time.sleep(0.01)
        time.sleep(0.1)  # From its reading that to its waiting for more.
        process.send_signal(signal.SIGINT)
        process.wait(20)
        assert process.returncode == 130
        assert one_line(process.stderr.read().decode()) == "stats-composer: stopped\n"


# ---- files ----------------------------------------------------------------------------------


def test_a_file_is_replaced_whole(folder):
    path = Path("a.bin")
    write_whole(path, b"old")
    path.chmod(0o640)
    write_whole(path, b"new")
    assert path.read_bytes() == b"new" and path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(OSError, match="No such file"):
        write_whole(folder / "missing" / "a.bin", b"")
    assert [path.name for path in folder.iterdir()] == ["a.bin"]


def test_free_names_are_free_for_every_suffix(folder):
    Path("a.mid").touch()
    Path("a-2.xml").touch()
    assert unused_path("a", (".xml", ".mid")).name == "a-3"
    assert unused_path("b", (".xml", ".mid")).name == "b"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_console_of_few_letters_shows_what_it_can(tmp_path, encoding):
    title = "Česká – ピアノ ♭"
    write(Score(make_notes(onset=[0], pitch=60), title=title), tmp_path / "tune.musicxml")
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(Path(__file__).parents[1])}
    for flags in ([], ["--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "stats_composer", "inspect", "tune.musicxml", *flags],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            check=True,
        )
        text = done.stdout.decode(encoding)
        assert json.loads(text)["title"] == title if flags else "esk" in text
