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
from stats_composer.files import unused_path, write_whole
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
    return subprocess.run(command, capture_output=True, timeout=60, check=False, **options)


def one_line(text):
    """Check that an error is one line and no traceback, and return it."""
    assert text.startswith("stats-composer: ") and text.count("\n") == 1, text
    return text


# ---- usage ----------------------------------------------------------------------------------


def test_help_names_the_verbs(capsys):
    run()
    text = capsys.readouterr().out
    for verb in ("compose", "harmonize", "show", "inspect", "models", "train"):
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
        (["compose", "--time-signature", "4/3"], "'4/3': expected a metre, such as 3/4"),
        (["compose", "--tempo", "0"], "0: expected 5 to 1000 quarters a minute"),
        (["compose", "--seed", "-1"], "--seed"),
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
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_models_tell_what_they_were_made_from(capsys):
    run("models", "--json")
    found = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in found] == ["bach-chorale", "bach-chords", "folk"]
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
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 1
    message = one_line(done.stderr.decode())
    assert message == "stats-composer: standard output: No space left on device\n"


def test_a_closed_pipe_is_silent(folder, melody):
    write(melody, "tune.musicxml")
    command = f"{sys.executable} -m stats_composer inspect tune.musicxml | true"
    done = subprocess.run(command, shell=True, capture_output=True, timeout=60, check=False)
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
