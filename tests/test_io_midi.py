"""MIDI: what it can hold comes back, what it cannot is named."""

import io

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from strategies import marked_scores, scores

from stats_composer.io import read_corpus
from stats_composer.io.midi_reader import read_midi, spelled
from stats_composer.io.midi_writer import encode_midi
from stats_composer.io.report import Report
from stats_composer.score import (
    BAR_DTYPE,
    FERMATA_DTYPE,
    KEY_SIGNATURE_DTYPE,
    LYRIC_DTYPE,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    make_notes,
    make_table,
)

QUARTER = 10080


def round_trip(score):
    report = Report()
    data = encode_midi(score, report)
    return read_midi(data, Report()), str(report)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(scores())
def test_plain_scores_come_back(score):
    again, told = round_trip(score)
    differences = score.differences(again)
    assert "notes" not in differences or "spelling" in told
    assert not set(differences) - {"notes", "bars", "end", "time_signatures"}, differences
    if {"bars", "end", "time_signatures"} & set(differences):
        assert "last bar" in told or "metre" in told or len(score.time_signatures) > 1
    fields = ["onset", "duration", "pitch", "part", "voice", "velocity"]
    assert score.notes[fields].tolist() == again.notes[fields].tolist()


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(marked_scores())
def test_any_score_is_written_and_read(score):
    again, _ = round_trip(score)
    assert again.n_parts == score.n_parts
    assert [part.program for part in again.parts] == [part.program for part in score.parts]
    assert (again.notes["pitch"].tolist() != []) == (score.notes["pitch"].tolist() != [])


def test_a_chorale_loses_its_fermatas_alone_and_says_so():
    (score,) = read_corpus("music21:bwv66.6")
    again, told = round_trip(score)
    assert score.differences(again) == ["fermatas"]
    assert told == "MIDI does not hold fermatas"
    assert again.pickup == QUARTER


def test_names_programs_lyrics_tempo_and_keys_come_back():
    score = Score(
        make_notes(onset=np.arange(4) * QUARTER, pitch=[62, 66, 69, 74], velocity=[1, 64, 90, 127]),
        time_signatures=make_table(TIME_SIGNATURE_DTYPE, [(0, 4, 4)]),
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(0, 2, 0)]),
        tempos=make_table(TEMPO_DTYPE, [(0, 97.0), (2 * QUARTER, 133.5)]),
        lyrics=make_table(
            LYRIC_DTYPE,
            [
                (0, 0, 0, 1, "begin", "Glo"),
                (QUARTER, 0, 0, 1, "middle", "ri"),
                (2 * QUARTER, 0, 0, 1, "end", "a"),
                (3 * QUARTER, 0, 0, 1, "single", "Äh!"),
            ],
        ),
        parts=(Part("Flöte", 73),),
        title="Ein Lied",
    )
    again, told = round_trip(score)
    assert score.differences(again) == [] and told == ""


def test_losses_are_named():
    score = Score(
        make_notes(
            onset=[0, 0, QUARTER, 2 * QUARTER],
            pitch=[60, 64, 67, 66],
            voice=[0, 1, 0, 0],
            fifths=[0, 4, 1, -6],
            velocity=[80, 80, 0, 80],
        ),
        bars=make_table(BAR_DTYPE, [(0, 1, 0)]),
        fermatas=make_table(FERMATA_DTYPE, [(0, 0, 0)]),
        composer="Somebody",
        end=4 * QUARTER,
    )
    _, told = round_trip(score)
    assert told.split("; ") == [
        "velocities of 0 raised to 1",
        "MIDI does not hold the composer's name, fermatas, repeats and endings, "
        "voices within a part, the spelling of some notes",
    ]


def test_a_bar_divided_by_a_repeat_is_joined():
    bars = make_table(BAR_DTYPE, [(0, 0, 0), (40320, 2, 0), (70560, 0, 0), (80640, 0, 0)])
    score = Score(make_notes(onset=[0], duration=3 * 40320, pitch=60), bars=bars)
    again, told = round_trip(score)
    assert again.bars["onset"].tolist() == [0, 40320, 80640]
    assert "bars divided by a repeat joined: 1 (first in bar 2)" in told


# ---- what others write ----------------------------------------------------------------


def parsed(*tracks, ticks_per_beat=96, kind=1):
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks_per_beat)
    file.tracks += [mido.MidiTrack(track) for track in tracks]
    stream = io.BytesIO()
    file.save(file=stream)
    report = Report()
    return read_midi(stream.getvalue(), report), str(report)


def message(kind, note=60, time=0, channel=0, velocity=64):
    return mido.Message(kind, note=note, time=time, channel=channel, velocity=velocity)


def test_channels_of_one_track_are_parts_and_the_tenth_is_drums():
    track = [message("note_on"), message("note_on", 36, channel=9)]
    track += [message("note_off", time=96), message("note_off", 36, channel=9)]
    score, told = parsed(track, kind=0)
    assert score.notes[["pitch", "part", "duration"]].tolist() == [(60, 0, 10080), (36, 1, 10080)]
    assert [part.percussion for part in score.parts] == [False, True] and told == ""


def test_a_note_on_without_velocity_ends_a_note():
    score, _ = parsed([message("note_on"), message("note_on", time=48, velocity=0)])
    assert score.notes["duration"].tolist() == [QUARTER // 2]


def test_overlaps_hanging_notes_and_notes_without_length_are_said():
    track = [message("note_on"), message("note_on", time=48), message("note_off", time=48)]
    track += [message("note_on", 62), message("note_off", 62)]
    score, told = parsed(track)
    assert told.split("; ") == [
        "overlapping notes of one pitch: 1 (first in quarter 0.5)",
        "notes without duration made 128ths: 1 (first in quarter 1)",
        "notes that never end, ended with their track: 1 (first in quarter 0.5)",
    ]
    assert sorted(score.notes[["onset", "duration", "pitch"]].tolist()) == [
        (0, 10080, 60),
        (5040, 5040, 60),
        (10080, 315, 62),
    ]


def test_times_off_the_grid_are_rounded_and_said():
    notes = [message("note_on", time=1), message("note_off", time=31)]
    score, told = parsed(notes, ticks_per_beat=11)
    assert score.notes[["onset", "duration"]].tolist() == [(916, 28408)]
    assert "times off the grid of 1/10080 of a quarter rounded" in told


def test_a_short_first_metre_is_a_pickup():
    marks = [
        mido.MetaMessage("time_signature", numerator=1, denominator=4),
        mido.MetaMessage("time_signature", numerator=3, denominator=4, time=96),
    ]
    score, _ = parsed(marks, [message("note_on"), message("note_off", time=96 * 7)])
    assert score.pickup == QUARTER
    assert score.time_signatures.tolist() == [(0, 3, 4)]
    assert score.bars["onset"].tolist() == [0, QUARTER, 4 * QUARTER]


def test_notes_are_spelled_in_their_key():
    key = mido.MetaMessage("key_signature", key="Db")
    track = [key, message("note_on", 61), message("note_off", 61, time=96)]
    score, _ = parsed(track)
    assert score.notes["fifths"].tolist() == [-5] == spelled(score).tolist()


@pytest.mark.parametrize("n_parts", [15, 16, 40])
def test_more_parts_than_channels(n_parts):
    notes = make_notes(onset=0, pitch=60 + np.arange(n_parts) % 12, part=np.arange(n_parts))
    again, told = round_trip(Score(notes))
    assert again.notes["pitch"].tolist() == notes["pitch"].tolist()
    assert ("share MIDI channels" in told) == (n_parts > 15)
