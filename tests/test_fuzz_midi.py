"""MIDI files drawn from their grammar, whole and damaged: they agree with mido, and none crashes.

`pytest -m fuzz tests/test_fuzz_midi.py` draws many more, new ones each time.
"""

import io
import struct
import time

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats_composer.errors import ScoreError, ScoreFileError
from stats_composer.io.limits import MAX_SECONDS
from stats_composer.io.midi_reader import read_midi
from stats_composer.io.report import Report

OURS = 10080  # ticks a quarter: with as many of the file's, no time is rounded or moved
DATA = st.integers(0, 127)


def quantity(value):
    found = [value & 0x7F]
    while value := value >> 7:
        found.append(value & 0x7F | 0x80)
    return bytes(reversed(found))


@st.composite
def events(draw):
    """Draw the bytes of one event, a channel message with or without its status byte."""
    kind = draw(st.sampled_from(["note", "note", "note", "other", "meta", "system"]))
    if kind == "note":
        status = draw(st.sampled_from([0x80, 0x90])) | draw(st.sampled_from([0, 0, 1, 9]))
        return status, bytes([draw(st.integers(58, 62)), draw(st.sampled_from([0, 1, 64, 127]))])
    if kind == "other":
        status = draw(st.sampled_from([0xA0, 0xB0, 0xC0, 0xD0, 0xE0]))
        return status, bytes(draw(DATA) for _ in range(1 if 0xC0 <= status < 0xE0 else 2))
    content = draw(st.binary(max_size=6))
    if kind == "system":
        return 0xF0, quantity(len(content) + 1) + bytes(b & 0x7F for b in content) + b"\xf7"
    number, content = draw(
        st.sampled_from(
            [
                (0x03, content),
                (0x05, content + b"-"),
                (0x06, content),
                (0x21, b"\0"),
                (0x51, b"\7\xa1\x20"),
                (0x58, b"\3\2\x18\x08"),
                (0x59, b"\xfd\1"),
                (0x7F, content),
            ]
        )
    )
    return 0xFF, bytes([number]) + quantity(len(content)) + content


@st.composite
def files(draw):
    """Draw a whole file of type 0 or 1."""
    chunks = []
    for _ in range(draw(st.integers(1, 3))):
        content, running = b"", -1
        for status, data in draw(st.lists(events(), max_size=12)):
            content += quantity(draw(st.sampled_from([0, 0, 1, 127, 128, OURS])))
            content += data if status == running and draw(st.booleans()) else bytes([status]) + data
            running = status if status < 0xF0 else -1
        content += b"\0\xff\x2f\0"
        chunks.append(b"MTrk" + struct.pack(">I", len(content)) + content)
    kind = 1 if len(chunks) > 1 else draw(st.integers(0, 1))
    return b"MThd" + struct.pack(">IHHH", 6, kind, len(chunks), OURS) + b"".join(chunks)


@st.composite
def damaged_files(draw):
    """Draw a file with some of its bytes changed, cut out, put in or cut off."""
    data = bytearray(draw(files()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        size = draw(st.sampled_from([1, 1, 2, 4]))
        kind = draw(st.sampled_from(["change", "change", "cut out", "put in", "cut off"]))
        if kind == "cut off":
            del data[at:]
        else:
            content = b"" if kind == "cut out" else draw(st.binary(min_size=size, max_size=size))
            data[at : at if kind == "put in" else at + size] = content
    return bytes(data)


def read_by_mido(data):
    """List what starts a note: (time, pitch, velocity)."""
    rows = []
    for track in mido.MidiFile(file=io.BytesIO(data), clip=True).tracks:
        at = 0
        for message in track:
            at += message.time
            if message.type == "note_on" and message.velocity:
                rows.append((at, message.note, message.velocity))
    return sorted(rows)


def agree(data):
    (score,) = read_midi(data, Report())
    assert sorted(score.notes[["onset", "pitch", "velocity"]].tolist()) == read_by_mido(data)


def survive(data):
    """Read a damaged file, or refuse it in one line, well inside the limit of time."""
    report, start = Report(), time.process_time()
    try:
        scores = read_midi(data, report)
    except (ScoreFileError, ScoreError) as error:
        assert str(error) and "\n" not in str(error)
        scores = []
    assert time.process_time() - start < MAX_SECONDS
    assert "\n" not in str(report)
    try:
        expected = read_by_mido(data)
    except Exception:
        return
    # What mido reads whole, and we read without a word, is the same.
    if scores and not report:
        notes = [row for s in scores for row in s.notes[["onset", "pitch", "velocity"]].tolist()]
        assert len(notes) == len(expected)


@given(files())
def test_whole_files_agree_with_mido(data):
    agree(data)


@given(damaged_files())
def test_damaged_files_are_read_or_refused(data):
    survive(data)


@pytest.mark.fuzz
@settings(max_examples=4000, derandomize=False)
@given(files())
def test_many_whole_files_agree_with_mido(data):
    agree(data)


@pytest.mark.fuzz
@settings(max_examples=4000, derandomize=False)
@given(damaged_files())
def test_many_damaged_files_are_read_or_refused(data):
    survive(data)
