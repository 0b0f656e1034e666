"""Reading and writing files: suffixes, streams, bad input, limits, and no half-written file."""

import contextlib
import io
import os
import re
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import mido
import numpy as np
import pytest

from stats_composer.errors import ScoreError, ScoreFileError, ScoreWarning
from stats_composer.io import files as files_module
from stats_composer.io import find_files, guard, load_arrays, read, read_all, save_arrays, write
from stats_composer.io.guard import GuardedReader, unpack_answer
from stats_composer.io.limits import MAX_SECONDS
from stats_composer.io.musicxml_writer import encode_musicxml
from stats_composer.io.report import Report
from stats_composer.score import KEY_SIGNATURE_DTYPE, Score, make_notes, make_table

QUARTER = 10080
KEYS = make_table(KEY_SIGNATURE_DTYPE, [(0, 0, 0)])
TUNE = Score(
    make_notes(onset=np.arange(8) * QUARTER, pitch=[60, 62, 64, 65, 67, 69, 71, 72]),
    key_signatures=KEYS,
    title="Scale",
)
XML = encode_musicxml(TUNE, Report())
NOTE = b"<note><pitch><step>C</step><octave>4</octave></pitch><duration>1</duration></note>"


def musicxml(measure, divisions=1):
    attributes = f"<attributes><divisions>{divisions}</divisions></attributes>".encode()
    part = b'<part id="P1"><measure number="1">' + attributes + measure + b"</measure></part>"
    return b"<score-partwise><part-list/>" + part + b"</score-partwise>"


def midi(*messages, ticks_per_beat=480, kind=1):
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks_per_beat)
    file.tracks.append(mido.MidiTrack(messages))
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


def smf_of(track):
    head = struct.pack(">IHHH", 6, 1, 1, 480)
    return b"MThd" + head + b"MTrk" + struct.pack(">I", len(track)) + track


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return stream.getvalue()


def longest_delta():
    """Make a MIDI file of 49 bytes whose one note lasts as long as a delta time can."""
    track = b"\x00\x90\x3c\x50" + b"\xff\xff\xff\x7f\x80\x3c\x00" + b"\x00\xff\x2f\x00"
    track += b"\x00" * (49 - 22 - len(track))
    return (
        b"MThd" + struct.pack(">IHHH", 6, 0, 1, 1) + b"MTrk" + struct.pack(">I", len(track)) + track
    )


BOMB = b"<?xml version='1.0'?><!DOCTYPE score-partwise [<!ENTITY a 'aaaa'>]><score-partwise/>"
# An entity that any machine could read: this file.
OUTSIDE = b"<!DOCTYPE score-partwise [<!ENTITY a SYSTEM '%s'>]><score-partwise/>" % (
    Path(__file__).resolve().as_uri().encode()
)
PARTS = b"".join(b'<part id="P%d"><measure/></part>' % number for number in range(200))
HIGH = b"<note><pitch><step>G</step><octave>15</octave></pitch><duration>1</duration></note>"
BAD = [
    ("empty.mid", b"", "the file is empty"),
    ("empty.musicxml", b"", "the file is empty"),
    ("tune.mid", XML, r"the suffix '.mid' says MIDI, the content is MusicXML"),
    ("tune.xml", midi(), "says MusicXML, the content is MIDI"),
    ("tune.mp3", b"ID3", r"suffix '.mp3': expected one of .musicxml"),
    ("noise.mid", b"\x00\x93\x12" * 100, r"not MIDI: it starts with"),
    ("noise.krn", b"\xfe\x00\x93\x12" * 100, r"not Humdrum kern: it starts with"),
    ("page.xml", b"<html><body/></html>", "<html>: expected a MusicXML score"),
    ("cut.musicxml", XML[: len(XML) // 2], "not well-formed XML"),
    ("cut.mid", midi(mido.Message("note_on", note=60))[:-3], "damaged MIDI file without a whole"),
    ("head.mid", midi()[:12], "truncated MIDI file: it ends within its header"),
    ("none.mid", midi()[:14], "a MIDI file without a track"),
    ("long.mid", longest_delta(), "a time past 100,000 quarter notes in track 1 at byte 26"),
    ("cut.mxl", zipped(score_xml=XML)[:200], "damaged MXL archive"),
    ("bomb.mxl", zipped(score_xml=b" " * 20_000_000), "a zip bomb: score.xml"),
    ("none.mxl", zipped(readme_txt="nothing"), "without a score"),
    ("entities.xml", BOMB, "declares the entity 'a': refused"),
    ("outside.xml", OUTSIDE, "declares the entity 'a': refused"),
    ("none.xml", b"<score-partwise></score-partwise>", "a score of 0 parts"),
    ("many.xml", b"<score-partwise>" + PARTS + b"</score-partwise>", "200 parts: at most 128"),
    ("high.xml", musicxml(HIGH), "bar 1: pitch 199: expected 0 to 127"),
    ("negative.xml", musicxml(NOTE.replace(b">1<", b">-1<")), "bar 1: duration -1: expected 0"),
    ("word.xml", musicxml(NOTE.replace(b">1<", b">x<")), "bar 1: duration 'x': expected a number"),
    ("zero.xml", musicxml(NOTE, divisions=0), "divisions 0: expected more than 0"),
    ("step.xml", musicxml(NOTE.replace(b">C<", b">H<")), "step 'H': expected A to G"),
    ("long.xml", musicxml(NOTE.replace(b">1<", b">99999999999<")), "at most 100,000"),
    ("empty.abc", b"X:1\nT:Nothing\n", "no tune"),
    ("words.krn", b"**text\nla\n*-\n", r"without a \*\*kern spine"),
]


@pytest.mark.parametrize(("name", "data", "message"), BAD, ids=[row[0] for row in BAD])
def test_bad_input_is_one_line(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ScoreFileError, match=message) as caught:
        read(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and "\n" not in text


def test_a_long_delta_time_is_49_bytes():
    assert len(longest_delta()) == 49


@pytest.mark.parametrize("depth", [1000, 300_000])
def test_deep_nesting_ends(depth):
    data = b"<score-partwise>" + b"<a>" * depth + b"</a>" * depth + b"</score-partwise>"
    with pytest.raises(ScoreFileError, match=r"0 parts|reader died|nested"):
        read(io.BytesIO(data))


def test_a_folder_a_missing_file_and_an_unreadable_one(tmp_path, monkeypatch):
    with pytest.raises(ScoreFileError, match=r"a folder: expected a score"):
        read(tmp_path)
    with pytest.raises(ScoreFileError, match=r"gone\.mid: No such file or directory"):
        read(tmp_path / "gone.mid")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "locked.mid").write_bytes(midi())
    monkeypatch.setattr(files_module, "open", refuse, raising=False)
    with pytest.raises(ScoreFileError, match=r"locked\.mid: Permission denied"):
        read(tmp_path / "locked.mid")


def test_a_file_over_the_limit_is_not_read(tmp_path):
    path = tmp_path / "large.mid"
    with path.open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    with pytest.raises(ScoreFileError, match="larger than 64 MB"):
        read(path)


def test_all_rests_are_a_score():
    rest = b"<note><rest/><duration>4</duration></note>"
    score = read(io.BytesIO(musicxml(rest)))
    assert (len(score.notes), score.n_bars, score.end) == (0, 1, 4 * QUARTER)


# ---- the guard ------------------------------------------------------------------------


def test_a_reader_that_hangs_is_killed():
    measure = NOTE * 400_000
    with GuardedReader(max_seconds=0.6) as reader:
        with pytest.raises(ScoreFileError, match=r"took more than 0\.6 s"):
            reader.read(musicxml(measure), "musicxml")
        reader.max_seconds = 18
        (score,), _ = reader.read(XML, "musicxml")
    assert score == TUNE


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be stopped here")
def test_a_reader_that_waits_for_a_busy_machine_is_not_killed():
    with GuardedReader(max_seconds=1) as reader:
        reader.read(XML, "musicxml")
        child = reader._child.pid
        os.kill(child, signal.SIGSTOP)
        threading.Timer(1.5, os.kill, (child, signal.SIGCONT)).start()
        (score,), _ = reader.read(XML, "musicxml")
        assert reader._child.pid == child
    assert score == TUNE


LARGE = musicxml(NOTE * 4000)


@pytest.fixture
def pool():
    """Empty the pool before and after."""
    guard._POOL.close()
    yield guard._POOL
    guard._POOL.close()


def test_one_child_reads_file_after_file(pool):
    read(io.BytesIO(LARGE))
    (reader,) = pool.idle
    child = reader._child.pid
    assert len(read(io.BytesIO(LARGE)).notes) == 4000
    with pytest.raises(ScoreFileError, match="not well-formed"):
        read(io.BytesIO(LARGE[:-9]))
    assert [reader._child.pid for reader in pool.idle] == [child]
    pool.close()
    assert reader._child is None


def test_small_files_and_trusted_ones_need_no_child(pool, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    assert read(io.BytesIO(XML)) == TUNE
    assert read(io.BytesIO(zipped(score_xml=XML))) == TUNE
    assert len(read(io.BytesIO(LARGE), trusted=True).notes) == 4000
    assert len(read_all(io.BytesIO(LARGE), trusted=True)) == 1
    with pytest.raises(TypeError):  # the child that there is not
        read(io.BytesIO(LARGE))
    # Few bytes that unpack to many are no small file.
    with pytest.raises(TypeError):
        read(io.BytesIO(zipped(score_xml=LARGE)))


HOSTILE = {
    "abc": [
        b"X:1\nK:C\n" + b"[" * 8000,
        b"X:1\nK:C\nC\n\n" * 600,
        b"X:1\nK:C\n" + b"C-" * 4000,
        *(b"X:1\nK:C\n" + opening * 2000 for opening in (b"[CE", b"[K:", b"[C2-", b'["')),
    ],
    "kern": [b"**kern\n4c\n*-\n" * 500, b"**kern\n" + b"*^\n" * 2000, b"**kern\n4" + b"c " * 4000],
    "midi": [smf_of(b"\0\x90\x3c\x50" * 16_000), smf_of(b"\1\xff\x58\4\1\2\1\1" * 8000)],
    "musicxml": [musicxml(b"<a>" * 80_000), musicxml(NOTE * 3000), musicxml(b"<backup/>" * 20_000)],
}


@pytest.mark.fuzz
@pytest.mark.parametrize("format", HOSTILE)
def test_small_files_cost_little(format):
    for data in HOSTILE[format]:
        start = time.process_time()
        with contextlib.suppress(ScoreFileError):
            guard.read_here(data, format)
        assert guard._is_small(data, format) and time.process_time() - start < MAX_SECONDS


@pytest.mark.parametrize("how", ["frozen", "a name that is no Python", "no name"])
def test_an_application_never_starts_itself(pool, monkeypatch, how):
    monkeypatch.setattr(subprocess, "Popen", None)
    if how == "frozen":
        monkeypatch.setattr(sys, "frozen", True, raising=False)
    else:
        monkeypatch.setattr(sys, "executable", "/opt/tunes" if how[0] == "a" else None)
    assert len(read(io.BytesIO(LARGE)).notes) == 4000
    with pytest.raises(ScoreFileError, match="not well-formed"):
        read(io.BytesIO(LARGE[:-9]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can fork here")
def test_a_process_that_forks_leaves_the_child_to_the_first(pool):
    read(io.BytesIO(LARGE))
    process = os.fork()
    if process == 0:
        os._exit(len(pool.idle))
    assert os.waitpid(process, 0)[1] == 0
    child = pool.idle[0]._child.pid
    assert len(read(io.BytesIO(LARGE)).notes) == 4000 and pool.idle[0]._child.pid == child


def test_the_package_works_from_a_zip(tmp_path):
    package = Path(files_module.__file__).parents[1]
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        for path in package.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(package.parent))
    (tmp_path / "large.musicxml").write_bytes(LARGE)
    code = (
        "import stats_composer; from stats_composer import ChoraleComposer, read;"
        "from stats_composer.constraints import schema_path;"
        "assert 'app.zip' in stats_composer.__file__;"
        "ChoraleComposer.bundled();"
        "print(len(read('large.musicxml').notes), schema_path().read_text()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "app.zip")},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("4000 {\n", "")


def test_a_reader_that_wants_too_much_memory_is_refused():
    data = b"<score-partwise>" + b"<a b=''/>" * 600_000 + b"</score-partwise>"
    with (
        GuardedReader(max_memory_bytes=300_000_000) as reader,
        pytest.raises(ScoreFileError, match=r"more memory than is allowed|reader died"),
    ):
        reader.read(data, "musicxml")


def test_an_answer_that_is_no_score_is_refused():
    good = save_arrays(TUNE)
    for damaged in (good[:-50], b"PK", b""):
        with pytest.raises((ScoreFileError, ScoreError)):
            load_arrays(damaged)
    with pytest.raises(ScoreFileError, match="damaged"):
        unpack_answer(b"\0" * 20)
    assert load_arrays(good) == TUNE


def test_the_child_imports_nothing_from_the_working_folder(tmp_path):
    (tmp_path / "numpy.py").write_text("open('planted', 'w')")
    (tmp_path / "tune.musicxml").write_bytes(XML)
    code = (
        "import sys; sys.path = [p for p in sys.path if p]; import numpy;"
        "from stats_composer.io import read; print(len(read('tune.musicxml').notes))"
    )
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
        check=True,
    )
    assert done.stdout.strip() == "8"
    assert not (tmp_path / "planted").exists()


def test_music21s_converter_is_never_called():
    package = Path(files_module.__file__).parents[1]
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"converter\.\w*parse\w*\(|corpus\.parse\(|freezeThaw|thaw\(", text), (
            path
        )


# ---- writing --------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".musicxml", ".xml", ".mxl"])
def test_files_and_streams_hold_the_same_score(tmp_path, suffix):
    path = tmp_path / f"tune{suffix}"
    write(TUNE, path)
    assert read(path) == TUNE
    with path.open("rb") as stream:
        assert read(stream) == TUNE
    assert read_all(path) == [TUNE]


def test_midi_holds_a_plain_tune(tmp_path):
    write(TUNE, tmp_path / "tune.mid")
    assert read(tmp_path / "tune.mid") == TUNE
    stream = io.BytesIO()
    write(TUNE, stream, format="midi")
    assert stream.getvalue() == (tmp_path / "tune.mid").read_bytes()


def test_the_same_score_is_written_as_the_same_bytes(tmp_path):
    for name in ("a.mxl", "b.mxl"):
        write(TUNE, tmp_path / name)
    assert (tmp_path / "a.mxl").read_bytes() == (tmp_path / "b.mxl").read_bytes()


def test_an_mxl_is_read_by_its_container(tmp_path):
    container = '<container><rootfiles><rootfile full-path="music/b.xml"/></rootfiles></container>'
    path = tmp_path / "two.mxl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.xml", encode_musicxml(TUNE.replace(title="other"), Report()))
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("music/b.xml", XML)
    assert read(path).title == "Scale"


@pytest.mark.parametrize("name", ["tune.krn", "tune.pdf", "tune"])
def test_a_format_that_is_not_written(tmp_path, name):
    with pytest.raises(ScoreFileError, match=r"written are \.musicxml"):
        write(TUNE, tmp_path / name)


def test_a_score_without_parts_is_not_written(tmp_path):
    for name in ("none.musicxml", "none.mid"):
        with pytest.raises(ScoreFileError, match="a score of 0 parts"):
            write(Score(make_notes(onset=[])), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_nothing_is_half_written(tmp_path, monkeypatch, step, error):
    path = tmp_path / "tune.mid"
    path.write_bytes(b"before")

    def fail(*args):
        raise error

    monkeypatch.setattr(os, step, fail)
    expected = ScoreFileError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected, match="No space left" if isinstance(error, OSError) else None):
        write(TUNE, path)
    assert path.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["tune.mid"]


def test_a_replaced_file_keeps_its_rights(tmp_path):
    path = tmp_path / "tune.musicxml"
    write(TUNE, path)
    path.chmod(0o640)
    write(TUNE, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_folder_that_is_missing_or_a_target_that_is_a_folder(tmp_path):
    with pytest.raises(ScoreFileError, match="No such file or directory"):
        write(TUNE, tmp_path / "gone" / "tune.mid")
    (tmp_path / "folder.mid").mkdir()
    with pytest.raises(ScoreFileError, match="not a regular file"):
        write(TUNE, tmp_path / "folder.mid")


def test_several_pieces_are_said(tmp_path):
    path = tmp_path / "book.abc"
    path.write_text("X:1\nT:One\nK:C\nCDEF|\n\nX:2\nT:Two\nK:G\nGABc|\n")
    assert [score.title for score in read_all(path)] == ["One", "Two"]
    with pytest.warns(ScoreWarning, match="2 pieces: the first is read"):
        assert read(path).title == "One"


def test_pieces_of_the_corpus_are_found_without_music21():
    code = (
        "import sys; from stats_composer.io import find_files;"
        "print(find_files('music21:bwv66.6')[0][0], 'music21' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stdout.split() == ["bach/bwv66.6.mxl", "False"]
    assert find_files("music21:bach/bwv66.6")[0][0] == "bach/bwv66.6.mxl"


def test_a_report_of_very_many_kinds_is_one_short_line():
    report = Report()
    for i in range(1020):
        report.add(f"{i} parts left out", f"bar {i}")
    assert str(report).startswith("0 parts left out: 1 (first in bar 0); 1 parts left out: 1")
    assert str(report).endswith("(first in bar 19); and 1,000 kinds more")
