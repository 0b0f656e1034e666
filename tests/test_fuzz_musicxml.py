"""Random MusicXML: each bar of the grammar is read as it was meant; damage is one line.

The generator keeps its own account of what sounds, in quarters; nothing of it comes from the code
under test. Files have voices with `<backup>` and `<forward>`, chords, rests, ties, graces, odd
divisions, and the faults that other programs write.
"""

import io
import random
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stats_composer.errors import ScoreError, ScoreFileError
from stats_composer.io.musicxml_reader import read_musicxml
from stats_composer.io.musicxml_writer import encode_musicxml
from stats_composer.io.report import Report

QUARTER = 10080
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
NOTATIONS = [
    "<articulations><staccato/></articulations>",
    "<ornaments><trill-mark/><accidental-mark>sharp</accidental-mark></ornaments>",
    "<technical><fingering>2</fingering></technical>",
    "<dynamics><mf/></dynamics>",
    "<fermata/>",
    '<arpeggiate direction="up"/>',
    '<slur type="start" number="1"/>',
    '<slur type="stop" number="1"/>',
]
DIRECTIONS = [
    "<dynamics><p/></dynamics>",
    "<words>dolce</words>",
    '<wedge type="crescendo"/>',
    '<wedge type="stop"/>',
    "<rehearsal>A</rehearsal>",
    "<segno/>",
    '<pedal type="change"/>',
]


def pitch_element(step, alter, octave):
    altered = f"<alter>{alter}</alter>" if alter else ""
    return f"<pitch><step>{step}</step>{altered}<octave>{octave}</octave></pitch>"


def midi_pitch(pitch):
    step, alter, octave = pitch
    return 12 * (octave + 1) + STEPS[step] + alter


class Writer:
    """One part: its text, and what sounds as (onset, duration, pitch) in quarters."""

    def __init__(self, draw, divisions, beats):
        self.draw, self.divisions, self.beats = draw, divisions, beats
        self.text, self.sounding, self.start = "", [], 0

    def bar(self, number):
        length = self.beats * self.divisions
        self.text += f'<measure number="{number}">'
        if number == 1:
            self.text += f"<attributes><divisions>{self.divisions}</divisions><time><beats>"
            self.text += f"{self.beats}</beats><beat-type>4</beat-type></time></attributes>"
        for voice in range(self.draw(st.integers(1, 3))):
            if voice:
                back = length + self.draw(st.sampled_from([0, 0, 0, 1]))  # too long now and then
                self.text += f"<backup><duration>{back}</duration></backup>"
            self.line(voice + 1, length)
        self.text += "</measure>"
        self.start += self.beats

    def line(self, voice, length):
        at = 0
        while at < length:
            duration = min(self.draw(st.integers(1, 2 * self.divisions)), length - at)
            kind = self.draw(st.sampled_from(["note", "note", "note", "chord", "rest", "forward"]))
            if self.draw(st.integers(0, 5)) == 0:
                self.grace(voice)
            if self.draw(st.integers(0, 5)) == 0:
                kinds = self.draw(st.sampled_from(DIRECTIONS))
                direction = f"<direction-type>{kinds}</direction-type>"
                self.text += f"<direction>{direction}</direction>"
            if kind == "forward" and at + duration < length:
                self.text += f"<forward><duration>{duration}</duration></forward>"
            else:
                self.notes(kind, voice, at, duration)
            at += duration

    def grace(self, voice):
        pitch = self.draw(self.pitch())
        slur = self.draw(st.sampled_from(["", f"<notations>{NOTATIONS[6]}</notations>"]))
        self.text += f"<note><grace/>{pitch_element(*pitch)}<voice>{voice}</voice>{slur}</note>"

    def pitch(self):
        octaves = st.integers(3, 5)
        return st.tuples(st.sampled_from(sorted(STEPS)), st.sampled_from([-1, 0, 1]), octaves)

    def notes(self, kind, voice, at, duration):
        end = f"<duration>{duration}</duration><voice>{voice}</voice>"
        size = {"rest": 0, "chord": 3}.get(kind, 1)
        marks = "".join(self.draw(st.lists(st.sampled_from(NOTATIONS), max_size=2)))
        marks = f"<notations>{marks}</notations>" if marks else ""
        pitches = st.lists(self.pitch(), min_size=size, max_size=size, unique_by=midi_pitch)
        if kind in ("rest", "forward"):
            self.text += f"<note><rest/>{end}</note>"
            return
        for index, pitch in enumerate(self.draw(pitches)):
            chord = "<chord/>" if index else ""
            self.text += f"<note>{chord}{pitch_element(*pitch)}{end}{marks}</note>"
            onset = self.start + Fraction(at, self.divisions)
            self.sounding.append((onset, Fraction(duration, self.divisions), midi_pitch(pitch)))


@st.composite
def files(draw):
    """Draw a file, and what sounds in each of its parts."""
    beats, n_bars = draw(st.integers(2, 4)), draw(st.integers(1, 4))
    parts = []
    for _ in range(draw(st.integers(1, 2))):
        writer = Writer(draw, draw(st.sampled_from([1, 2, 3, 4, 6, 12])), beats)
        for number in range(1, n_bars + 1):
            writer.bar(number)
        parts.append(writer)
    text = "".join(f'<part id="P{i}">{part.text}</part>' for i, part in enumerate(parts))
    return (
        f"<score-partwise>{text}</score-partwise>",
        [part.sounding for part in parts],
        beats * n_bars,
    )


def rows(score, part):
    notes = score.notes[score.notes["part"] == part]
    found = notes[["onset", "duration", "pitch"]].tolist()
    return sorted((Fraction(o, QUARTER), Fraction(d, QUARTER), p) for o, d, p in found)


def check(drawn):
    text, sounding, quarters = drawn
    score = read_musicxml(text.encode(), Report())
    for part, expected in enumerate(sounding):
        assert rows(score, part) == sorted(expected)
    assert score.end == quarters * QUARTER
    assert score.differences(read_musicxml(encode_musicxml(score, Report()), Report())) == []


QUICK = {"suppress_health_check": list(HealthCheck), "deadline": None}
DRAWN = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(max_examples=40, phases=DRAWN, **QUICK)
@given(files())
def test_what_the_grammar_says_is_read_and_comes_back(drawn):
    check(drawn)


@pytest.mark.fuzz
@settings(max_examples=5000, **QUICK)
@given(files())
def test_long_what_the_grammar_says_is_read_and_comes_back(drawn):
    check(drawn)


def damaged(text, seed):
    """Change, drop, double or move a few pieces between the signs of a file."""
    rng = random.Random(seed)
    pieces = text.replace("<", "\0<").replace(">", ">\0").split("\0")
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(pieces))
        pieces[at] = rng.choice(
            ["", pieces[at] * 2, pieces[rng.randrange(len(pieces))], "-1", "x", "9" * 30, "<rest/>"]
        )
    return "".join(pieces).encode()


def read_or_refuse(data):
    try:
        score = read_musicxml(data, Report())
    except (ScoreFileError, ScoreError) as error:
        assert "\n" not in str(error).strip()
        return None
    return score


@settings(max_examples=60, phases=DRAWN, **QUICK)
@given(files(), st.integers(0, 2**32))
def test_a_damaged_file_is_read_or_refused_in_one_line(drawn, seed):
    score = read_or_refuse(damaged(drawn[0], seed))
    if score is not None:
        assert score.end > 0


@pytest.mark.fuzz
@settings(max_examples=20000, **QUICK)
@given(files(), st.integers(0, 2**32))
def test_long_a_damaged_file_is_read_or_refused_and_comes_back(drawn, seed):
    score = read_or_refuse(damaged(drawn[0], seed))
    if score is not None:
        again = io.BytesIO(encode_musicxml(score, Report())).getvalue()
        assert score.differences(read_musicxml(again, Report())) == []
