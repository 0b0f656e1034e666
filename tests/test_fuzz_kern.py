"""Random Humdrum: what is read is what was written, as verovio has it too; damage is one line.

A score is drawn as parts that divide and join, written down row by row, and read again. The
long searches are left out unless asked for: `pytest -m fuzz tests/test_fuzz_kern.py`.
"""

import base64
import io
import re
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

import mido
import pytest
import verovio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stats_composer.errors import ScoreError, ScoreFileError
from stats_composer.io.kern import read_kern
from stats_composer.io.report import Report

QUARTER = 10080
SHORT = settings(max_examples=25, suppress_health_check=list(HealthCheck))
LONG = settings(max_examples=2000, suppress_health_check=list(HealthCheck))

QUARTERS = {
    "1": Fraction(4), "2..": Fraction(7, 2), "2.": Fraction(3), "2": Fraction(2),
    "4.": Fraction(3, 2), "4": Fraction(1), "8..": Fraction(7, 8), "8.": Fraction(3, 4),
    "8": Fraction(1, 2), "16": Fraction(1, 4), "32": Fraction(1, 8), "3%2": Fraction(8, 3),
    "3": Fraction(4, 3), "6": Fraction(2, 3), "12": Fraction(1, 3), "20": Fraction(1, 5),
}  # fmt: skip
CELLS = {
    1: ["4", "8 8", "8. 16", "12 12 12", "16 16 16 16", "8.. 32", "20 20 20 20 20"],
    2: ["2", "4. 8", "6 6 6"],
    3: ["2.", "4. 4."],
    4: ["1", "2.. 8", "3%2 3", "3 3 3"],
}
METRES = {2: "2/4", 3: "3/4", 4: "4/4"}
NAMES = {
    0: ("c", "b#"), 1: ("c#", "d-"), 2: ("d", "dn"), 3: ("d#", "e-"), 4: ("e", "f-"),
    5: ("f", "e#"),
    6: ("f#", "g-"), 7: ("g", "f##"), 8: ("g#", "a-"), 9: ("a", "b--"), 10: ("a#", "b-"),
    11: ("b", "c-"),
}  # fmt: skip
SHIFTS = {"b#": -12, "c-": 12}


@dataclass
class Part:
    """A part as it is drawn; of its first path, the pitch that a tie brings on."""

    paths: int = 1
    tied: int | None = None
    notes: list = field(default_factory=list)


@dataclass
class Document:
    """A file, and what it says: notes a part from the top, bars, the key's fifths."""

    text: str
    notes: list
    bars: list
    fifths: int


def name(pitch, choice):
    """Write a pitch: the letter's case and repeats are its octave."""
    told = NAMES[pitch % 12][choice % 2]
    octave = (pitch + SHIFTS.get(told, 0)) // 12 - 1
    letter, accidental = told[0], told[1:]
    return (letter * (octave - 3) if octave >= 4 else letter.upper() * (4 - octave)) + accidental


@st.composite
def documents(draw, graces=False):
    """Draw a file of one to three parts, with rows that sound nothing between."""
    integer = st.integers(0, 9)
    parts = [Part() for _ in range(draw(st.integers(1, 3)))]
    length = draw(st.sampled_from(sorted(METRES)))
    fifths = draw(st.integers(-7, 7))
    signature = [f"{letter}#" for letter in "fcgdaeb"][: max(fifths, 0)]
    signature += [f"{letter}-" for letter in "beadgcf"][: max(-fifths, 0)]
    rows = [["**kern"] * len(parts), [f"*k[{''.join(signature)}]"] * len(parts)]
    rows.append([f"*M{METRES[length]}"] * len(parts))
    bars = draw(st.integers(1, 4))
    clock = 0
    for bar in range(bars):
        rows.append([f"={bar + 1}"] * sum(part.paths for part in parts))
        cut = draw(st.integers(1, length)) if draw(integer) < 3 else length
        for span in (cut, length - cut) if cut < length else (length,):
            _draw_span(draw, parts, rows, Fraction(clock), span, graces)
            clock += span
    rows.append([f"={bars + 1}"] * len(parts))
    rows.append([_close(part, Fraction(clock), length) for part in parts])
    rows += [["=="] * len(parts), ["*-"] * len(parts)]
    lines = ["\t".join(row) for row in rows]
    if draw(st.booleans()):
        lines.insert(draw(st.integers(1, len(lines) - 1)), "!! a comment")
    notes = [sorted(_joined(part.notes)) for part in reversed(parts)]
    return Document("\n".join(lines) + "\n", notes, [length * n for n in range(bars + 1)], fifths)


def _close(part, at, length):
    """Write the last bar: a rest, or the end of the tie that is open."""
    recip = {2: "2", 3: "2.", 4: "1"}[length]
    if part.tied is None:
        return f"{recip}r"
    part.notes.append((at, Fraction(length), part.tied, True))
    return f"{recip}{name(part.tied, 0)}]"


def _draw_span(draw, parts, rows, start, span, graces):
    """Divide some parts, write the rows of a stretch of time, and join them again."""
    for index in range(len(parts)):
        for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
            at = sum(part.paths for part in parts[:index]) + draw(
                st.integers(0, parts[index].paths - 1)
            )
            rows.append(["*"] * sum(part.paths for part in parts))
            rows[-1][at] = "*^"
            parts[index].paths += 1
    columns = []
    for index, part in enumerate(parts):
        low = 36 + 24 * index
        for path in range(part.paths):
            columns.append(_draw_path(draw, part, path, low + 7 * path, start, span))
    for at in sorted({at for column in columns for at in column}):
        if graces and draw(st.integers(0, 9)) == 0:
            rows.append(["."] * len(columns))
            begun = [index for index, column in enumerate(columns) if at in column]
            rows[-1][draw(st.sampled_from(begun))] = "16qqcc 16qqee"
        rows.append([column.get(at, ".") for column in columns])
    for index, part in enumerate(parts):
        if part.paths > 1:
            before = sum(other.paths for other in parts[:index])
            after = sum(other.paths for other in parts[index + 1 :])
            rows.append(["*"] * before + ["*v"] * part.paths + ["*"] * after)
            part.paths = 1


def _draw_path(draw, part, path, low, start, span):
    """Fill a path with cells; return its tokens by their onsets."""
    tokens, at = {}, start
    while at < start + span:
        longest = [size for size in CELLS if size <= start + span - at]
        cell = draw(st.sampled_from(CELLS[draw(st.sampled_from(longest))]))
        for recip in cell.split():
            tokens[at] = _draw_event(draw, part, path, low, at, recip)
            at += QUARTERS[recip]
    return tokens


def _draw_event(draw, part, path, low, at, recip):
    """Write a rest, a note or a chord; in the first path, ties of its lowest note."""
    pitches = draw(st.lists(st.integers(low, low + 6), max_size=2, unique=True))
    tied = part.tied if path == 0 else None
    if tied is not None:
        pitches = [tied, *(pitch for pitch in pitches if pitch != tied)]
    if not pitches:
        return f"{recip}r"
    goes_on = path == 0 and draw(st.integers(0, 4)) == 0
    written = []
    for pitch in pitches:
        first = pitch == pitches[0]
        stops, starts = first and tied is not None, first and goes_on
        sign = "_" if stops and starts else "]" if stops else ""
        mark = draw(st.sampled_from(["", "/", "'", ";"]))
        token = recip + name(pitch, 0 if starts or stops else draw(st.integers(0, 1)))
        written.append(("[" if starts and not stops else "") + token + mark + sign)
        part.notes.append((at, QUARTERS[recip], pitch, stops))
    if path == 0:
        part.tied = pitches[0] if goes_on else None
    return " ".join(written)


def _joined(notes):
    """Join a note that a tie reaches to the one before it of its pitch."""
    found, last = [], {}
    for at, length, pitch, stops in notes:
        if stops:
            last[pitch][1] += length
        else:
            found.append([at, length, pitch])
            last[pitch] = found[-1]
    return [tuple(note) for note in found]


# ---- agreement ------------------------------------------------------------------------


def as_read(text):
    """Read the one score of a file, as a document's fields, and what is said of it."""
    report = Report()
    (score,) = read_kern(text.encode(), report)
    quarters = [Fraction(int(tick), QUARTER) for tick in score.bars["onset"]]
    notes = [
        [
            (Fraction(onset, QUARTER), Fraction(duration, QUARTER), pitch)
            for onset, duration, pitch, owner in score.notes[
                ["onset", "duration", "pitch", "part"]
            ].tolist()
            if owner == part
        ]
        for part in range(score.n_parts)
    ]
    return notes, quarters, score.key_signatures["fifths"].tolist(), str(report)


def _by_pitch(note):
    return note[2], note[0]


def by_verovio(text):
    """Read notes, bars and the key as verovio does: the notes through its MIDI of 120 ticks."""
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions({"inputFrom": "humdrum", "breaks": "none"})
    assert toolkit.loadData(text)
    midi = mido.MidiFile(file=io.BytesIO(base64.b64decode(toolkit.renderToMIDI())))
    notes, quarter = [], midi.ticks_per_beat
    for track in midi.tracks:
        clock, begun = 0, defaultdict(list)
        for message in track:
            clock += message.time
            if message.type == "note_on" and message.velocity:
                begun[message.note].append(clock)
            elif message.type in ("note_on", "note_off"):
                at = begun[message.note].pop(0)
                notes.append((Fraction(at, quarter), Fraction(clock - at, quarter), message.note))
    stamps = toolkit.renderToTimemap({"includeMeasures": True})
    bars = [Fraction(stamp["qstamp"]) for stamp in stamps if "measureOn" in stamp]
    signature = re.search(r"<keySig[^>]*sig=\"(\d)([sf]?)\"", toolkit.getMEI({}))
    return (
        sorted(notes, key=_by_pitch),
        bars,
        int(signature[1]) * (-1 if signature[2] == "f" else 1),
    )


def check_agreement(document):
    """Compare with what was drawn, and with verovio."""
    notes, bars, fifths, told = as_read(document.text)
    assert told == ""
    assert [sorted(part) for part in notes] == document.notes
    assert bars == document.bars
    assert fifths == [document.fifths]
    peer_notes, peer_bars, peer_fifths = by_verovio(document.text)
    written = sorted((note for part in document.notes for note in part), key=_by_pitch)
    assert [note[2] for note in peer_notes] == [note[2] for note in written]
    for peer, note in zip(peer_notes, written, strict=True):
        assert max(abs(peer[0] - note[0]), abs(peer[1] - note[1])) <= Fraction(1, 60)
    length = document.bars[1]
    sounding = {bar for bar in document.bars for at, _, _ in written if bar <= at < bar + length}
    assert sounding <= {*peer_bars} <= {*document.bars}  # it makes one of bars of rests
    assert peer_fifths == document.fifths


@SHORT
@given(documents())
def test_what_is_read_is_what_was_written(document):
    check_agreement(document)


@pytest.mark.fuzz
@LONG
@given(documents())
def test_what_is_read_is_what_was_written_at_length(document):
    check_agreement(document)


@SHORT
@given(documents(graces=True))
def test_grace_notes_move_nothing(document):
    notes, bars, _, told = as_read(document.text)
    assert ([sorted(part) for part in notes], bars) == (document.notes, document.bars)
    (score,) = read_kern(document.text.encode(), Report())
    left_out = int((re.findall(r"no note left out: (\d+)", told) or ["0"])[0])
    assert len(score.graces) + 2 * left_out == document.text.count("qq")


# ---- damage ---------------------------------------------------------------------------


@st.composite
def damaged(draw):
    """Draw a file with tokens, tabs and lines lost, doubled, exchanged or made up."""
    text = draw(documents(graces=True)).text
    pieces = re.split(r"([\t\n ])", text)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(pieces) - 1))
        made = st.sampled_from(
            ["", ".", "\t", "\n", "*v", "*^", "*x", "*+", "*-", "**kern", "**text", "=", "=:|!",
             "*>[A,A,B]", "*>A", "*M3/4", "*k[b-]", "4", "c", "[4c", "4c]", "4%0c", "00c", "8qd",
             "\r", "!!", "!!!OTL: x", "\x00", "\u202e", "99999999c"]
        )  # fmt: skip
        pieces[at] = draw(st.one_of(made, st.just(pieces[at] * 2), st.text(max_size=3)))
    return "".join(pieces)


def check_damage(text):
    """Read a damaged file: scores, or one line."""
    report = Report()
    try:
        scores = read_kern(text.encode("utf-8", "surrogatepass"), report)
    except (ScoreError, ScoreFileError) as error:
        assert str(error) and len(str(error).splitlines()) == 1
    else:
        assert scores and all((score.notes["duration"] > 0).all() for score in scores)


@settings(SHORT, max_examples=50)
@given(damaged())
def test_damage_is_read_or_told_in_one_line(text):
    check_damage(text)


@pytest.mark.fuzz
@settings(LONG, max_examples=5000)
@given(damaged())
def test_damage_is_read_or_told_in_one_line_at_length(text):
    check_damage(text)
