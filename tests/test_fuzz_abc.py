"""ABC made by its grammar: read as abc2midi plays it, written and read again, and damaged."""

import shutil
import subprocess
import warnings
from fractions import Fraction
from itertools import pairwise

import mido
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stats_composer.errors import StatsComposerError
from stats_composer.io.abc import read_abc
from stats_composer.io.abc_writer import encode_abc
from stats_composer.io.report import Report
from stats_composer.score import unfold

QUARTER = 10080
short = settings(max_examples=50, derandomize=True, database=None, deadline=None)
long = settings(max_examples=3000, database=None, deadline=None)
needs_abc2midi = pytest.mark.skipif(
    shutil.which("abc2midi") is None, reason="abc2midi is not installed"
)

KEYS = ["C", "G", "Bb", "F#m", "Ddor", "Emix", "Ab lydian", "HP", "none", "A _b"]
FIRST_KEYS = [*KEYS, "D exp _b^f"]
"""abc2midi keeps sharps of the key before where `exp` stands in the body."""
METRES = {"4/4": 8, "3/4": 6, "6/8": 6, "C|": 8, "2/4": 4, "5/4": 10, "(2+3)/8": 5}
"""Metres, and how many eighths a bar of them has."""
SIGNS = "ABCabcdzZxX[](){}|:!\"'-<>^_=/,.0123456789&~%\\\nKMLVPQwWs+ HTuv*$`@#;éÿ\r\0"


@st.composite
def heads(draw, length=""):
    """Draw a note."""
    sign = draw(st.sampled_from(["", "", "", "", "^", "_", "=", "^^", "__"]))
    letter = draw(st.sampled_from("CDEFGABcdefgab"))
    marks = draw(st.sampled_from(["", "", "'"] if letter.islower() else ["", "", ","]))
    return sign + letter + marks + length


@st.composite
def sounds(draw, length=""):
    """Draw a note, a chord or a rest, with what stands before it."""
    before = draw(
        st.sampled_from(["", "", "", "", '"Am7"', '"^dolce"', "!fermata!", "u", "y", "`", "("])
    )
    after = ")" if before == "(" else ""
    kind = draw(st.sampled_from(["note", "note", "note", "chord", "rest"]))
    if kind == "rest":
        return draw(st.sampled_from("zx")) + length
    if kind == "note":
        return before + draw(heads(length)) + after
    letters = draw(st.lists(st.sampled_from("CEGBdf"), min_size=2, max_size=4, unique=True))
    return before + "[" + "".join(letters) + "]" + length + after


@st.composite
def elements(draw, room):
    """Draw something that takes at most so many eighths: its text, and how many it takes."""
    kinds = ["sound", "sound", "sound", "halves"]
    kinds += ["triplet", "broken", "tied", "tied chord", "key"] if room >= 2 else []
    kind = draw(st.sampled_from(kinds))
    if kind == "sound":
        size = draw(st.integers(1, min(room, 4)))
        return draw(sounds(str(size) if size > 1 else "")), size
    if kind == "halves":
        return draw(sounds("/")) + draw(sounds("/2")), 1
    if kind == "triplet":
        opening = draw(st.sampled_from(["(3", "(3:2", "(3::", "(3:2:3", "(3 "]))
        return opening + "".join(draw(sounds()) for _ in range(3)), 2
    if kind == "broken":
        sign = draw(st.sampled_from([">", "<", ">>", "<<", " > "]))
        return draw(heads()) + sign + draw(heads()), 2
    if kind == "key":
        return f"[K:{draw(st.sampled_from(KEYS))}]{draw(sounds())}", 1
    first = draw(heads())
    if kind == "tied":
        return f"{first}-{first.lstrip('^_=')}", 2
    low, high = draw(st.sampled_from([("C", "e"), ("F", "A"), ("G,", "c")]))
    dash = draw(st.sampled_from([(low + "-", high, ""), (low, high + "-", ""), (low, high, "-")]))
    return f"[{dash[0]}{dash[1]}]{dash[2]}[{low}{high}]", 2


@st.composite
def bars(draw, room, overlays):
    """Draw a bar of so many eighths, perhaps with an overlay."""
    if draw(st.integers(0, 11)) == 0:
        return "Z"
    layers = []
    for _ in range(draw(st.sampled_from([1, 1, 2] if overlays else [1]))):
        text, left = [], room
        while left:
            part, taken = draw(elements(left))
            text.append(part)
            left -= taken
        layers.append(draw(st.sampled_from(["", " "])).join(text))
    return " & ".join(layers)


@st.composite
def tunes(draw):
    """Draw a tune: voices that share their bars, with repeats, endings, changes and parts."""
    metre = draw(st.sampled_from(sorted(METRES)))
    kinds = draw(
        st.lists(st.sampled_from(["plain", "repeat", "endings", "passes"]), min_size=1, max_size=3)
    )
    shape = [
        (kind, draw(st.integers(1, 2)), draw(st.sampled_from(sorted(METRES)))) for kind in kinds
    ]
    n_voices = draw(st.sampled_from([1, 1, 2]))
    # abc2midi loses count of endings for several passes where an order plays them twice.
    plain = n_voices == 1 and "passes" not in kinds
    labels = "ABC"[: len(shape)] if plain and draw(st.booleans()) else ""
    lines = ["X:1", "T:Fuzz", f"M:{metre}", "L:1/8", "Q:1/4=120"]
    if labels:
        order = draw(st.lists(st.sampled_from(labels), min_size=1, max_size=4))
        lines.append("P:" + "".join(order) + draw(st.sampled_from(["", "2"])))
    lines += [f"K:{draw(st.sampled_from(FIRST_KEYS))}", "%%MIDI chordattack 0", "%%MIDI ratio 3 1"]
    for voice in range(n_voices):
        lines += [f"V:{voice + 1}"] if n_voices > 1 else []
        for number, (kind, size, change) in enumerate(shape):
            lines += [f"P:{labels[number]}"] if labels else []
            lines += [f"M:{change}"] if number else []
            room = METRES[change if number else metre]
            # abc2midi loses the place of overlays where something is repeated.
            overlays = n_voices == 1 and {*kinds} == {"plain"} and not labels
            lines += draw(sections(kind, size, room, overlays))
    return "\n".join(lines) + "\n"


@st.composite
def sections(draw, kind, size, room, overlays):
    """Draw the lines of a section."""
    runs = ["|".join(draw(bars(room, overlays)) for _ in range(size)) for _ in range(4)]
    if kind == "plain":
        return [f"{runs[0]}||"]
    if kind == "repeat":
        return [f"|:{runs[0]}:|"]
    if kind == "endings":
        return [f"|:{runs[0]}|1 {runs[1]}:|2 {runs[2]}||"]
    return [f"|:{runs[0]}|1,3 {runs[1]}:|[2 {runs[2]}:|[4{runs[3]}||"]


def played(score):
    """List the notes as (onset, pitch, duration) in quarters."""
    notes = unfold(score).notes
    notes = notes[~notes["tied"]]
    times = ((notes[name] / QUARTER).tolist() for name in ("onset", "duration"))
    return sorted(zip(*times, notes["pitch"].tolist(), strict=True))


def heard(path, folder):
    """List the notes of abc2midi's file: it starts them a tick late and ends them on time."""
    target = folder / "heard.mid"
    target.unlink(missing_ok=True)
    flags = ["-NGRA", "-NGUI", "-NFER", "-NFNP", "-quiet"]
    run = subprocess.run(
        ["abc2midi", path, *flags, "-o", target], capture_output=True, text=True, check=False
    )
    notes = []
    if not target.exists():
        return notes, run.stdout
    song = mido.MidiFile(target, clip=True)
    for track in song.tracks:
        clock, sounding = 0, {}
        for message in track:
            clock += message.time
            if message.type == "note_on" and message.velocity:
                sounding.setdefault((message.channel, message.note), []).append(clock)
            elif message.type in ("note_on", "note_off"):
                starts = sounding.get((message.channel, message.note))
                if starts:
                    start = starts.pop(0) - 1
                    quarter = song.ticks_per_beat
                    row = (Fraction(start, quarter), Fraction(clock - start, quarter), message.note)
                    notes.append(tuple(map(float, row)))
    return sorted(notes), run.stdout


def check_agreement(text, folder):
    path = folder / "fuzz.abc"
    path.write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (score,) = read_abc(text.encode(), Report())
    theirs, said = heard(path, folder)
    ours = played(score)

    def order(row):
        return round(row[0] * 48), row[2], row[1]

    pairs = zip(sorted(ours, key=order), sorted(theirs, key=order), strict=False)
    for mine, its in pairs:
        near = abs(mine[0] - its[0]) < 0.02 and abs(mine[1] - its[1]) < 0.02
        assert near and mine[2] == its[2], f"{text}\n{said}\nread {mine}, heard {its}"
    assert len(ours) == len(theirs), f"{text}\n{said}"


def doubled(notes):
    """Whether a voice has two notes of one pitch at once that begin or end apart."""
    rows = set(notes[["part", "voice", "pitch", "onset", "duration"]].tolist())
    rows = sorted(rows)
    return any(one[:3] == other[:3] and one[3] + one[4] > other[3] for one, other in pairwise(rows))


def check_round_trip(text):
    (score,) = read_abc(text.encode(), Report())
    assume(not doubled(score.notes))
    report = Report()
    written = encode_abc(score, report)
    (again,) = read_abc(written, Report())
    assert score.differences(again) == [] and str(report) == "", written.decode()


@st.composite
def damaged(draw):
    """Draw a tune with letters changed, lost, put in or repeated."""
    text = draw(tunes())
    for _ in range(draw(st.integers(1, 12))):
        at = draw(st.integers(0, len(text)))
        more = draw(st.text(SIGNS, max_size=4))
        kind = draw(st.sampled_from(["insert", "replace", "delete", "double"]))
        size = draw(st.integers(1, 20))
        if kind == "insert":
            text = text[:at] + more + text[at:]
        elif kind == "replace":
            text = text[:at] + more + text[at + len(more) :]
        elif kind == "delete":
            text = text[:at] + text[at + size :]
        else:
            text = text[:at] + text[at : at + size] + text[at:]
    return text


def check_damage(text):
    try:
        scores = read_abc(text.encode("utf-8", "replace"), Report())
    except StatsComposerError as error:
        assert "\n" not in str(error) and str(error)
        return
    for score in scores:
        read_abc(encode_abc(score, Report()), Report())


@needs_abc2midi
def test_abc2midi_plays_what_is_read(tmp_path_factory):
    folder = tmp_path_factory.mktemp("abc")
    short(given(text=tunes())(lambda text: check_agreement(text, folder)))()


@short
@given(tunes())
def test_what_is_read_is_written_and_read_again(text):
    check_round_trip(text)


@short
@given(damaged())
def test_damage_is_read_or_refused_in_one_line(text):
    check_damage(text)


@pytest.mark.fuzz
@needs_abc2midi
def test_abc2midi_plays_what_is_read_at_length(tmp_path_factory):
    folder = tmp_path_factory.mktemp("abc")
    long(given(text=tunes())(lambda text: check_agreement(text, folder)))()


@pytest.mark.fuzz
@long
@given(tunes())
def test_what_is_read_is_written_and_read_again_at_length(text):
    check_round_trip(text)


@pytest.mark.fuzz
@long
@given(damaged())
def test_damage_is_read_or_refused_at_length(text):
    check_damage(text)
