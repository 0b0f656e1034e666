"""Views and places: every inverse, every stated loss, and pypianoroll as the oracle."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import scores

from stats_composer.errors import ScoreError, ScoreWarning
from stats_composer.score import (
    KEY_SIGNATURE_DTYPE,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    bar_onsets,
    bar_positions,
    beat_levels,
    keys,
    make_notes,
    make_table,
    respell,
    seconds,
)
from stats_composer.theory import MAJOR, MINOR, TICKS_PER_QUARTER, UNKNOWN_MODE, key_name
from stats_composer.views import (
    REST,
    events,
    from_events,
    from_grid,
    from_pianoroll,
    grid,
    pianoroll,
    slices,
)

QUARTER = TICKS_PER_QUARTER
SIXTEENTH = QUARTER // 4


@settings(max_examples=60)
@given(scores())
def test_grid_and_back_is_the_same_score(score):
    voices = [(part, 0) for part in range(score.n_parts)]
    pitch, onset = grid(score, SIXTEENTH, voices)
    back = from_grid(pitch, onset, score, SIXTEENTH, voices=voices)
    assert back.differences(respell(score)) == []


@settings(max_examples=60)
@given(st.data())
def test_a_score_and_back_is_the_same_grid(data):
    n_steps, n_voices = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    pitch = rng.integers(59, 64, (n_steps, n_voices))
    pitch[pitch == 59] = REST
    onset = (rng.random(pitch.shape) < 0.4) & (pitch != REST)
    onset[1:] |= (pitch[1:] != pitch[:-1]) & (pitch[1:] != REST)
    page = Score(make_notes(onset=[], pitch=[]), parts=(Part(),) * 4, end=n_steps * SIXTEENTH)
    score = from_grid(pitch, onset, page, SIXTEENTH)
    voices = [(voice, 0) for voice in range(n_voices)]
    for found, given_ in zip(grid(score, SIXTEENTH, voices), (pitch, onset), strict=True):
        np.testing.assert_array_equal(found, given_)


def test_grid_tells_a_held_note_from_a_repeated_one():
    held = Score(make_notes(onset=[0], duration=2 * QUARTER, pitch=[60]))
    repeated = Score(make_notes(onset=[0, QUARTER], pitch=[60, 60]))
    np.testing.assert_array_equal(grid(held, QUARTER)[0][:2], grid(repeated, QUARTER)[0][:2])
    assert grid(held, QUARTER)[1][:2, 0].tolist() == [True, False]
    assert grid(repeated, QUARTER)[1][:2, 0].tolist() == [True, True]


def test_a_tied_first_note_has_no_onset():
    score = Score(make_notes(onset=[0], pitch=[60], tied=True))
    pitch, onset = grid(score, QUARTER)
    assert not onset.any()
    assert from_grid(pitch, onset, score, QUARTER) == score


def test_a_pitch_that_changes_without_an_onset_is_a_note_of_its_own():
    page = Score(make_notes(onset=[0], pitch=[60], duration=[2 * QUARTER]))
    onset = np.array([[True], [False]])
    notes = from_grid(np.array([[60], [62]]), onset, page, QUARTER).notes
    assert notes[["onset", "pitch", "tied"]].tolist() == [(0, 60, False), (QUARTER, 62, False)]


def test_a_tied_note_sounds_and_is_not_struck():
    notes = make_notes(onset=[0, QUARTER], pitch=[60, 60], tied=[False, True])
    table = slices(Score(notes))[:2]
    assert table["sounding"][:, 60].tolist() == [True, True]
    assert table["struck"][:, 60].tolist() == [True, False]


def test_grid_names_what_it_loses():
    ornament = Score(
        make_notes(onset=[0, 2600, 2800], duration=[2600, 200, 7280], pitch=[60, 62, 60])
    )
    with pytest.warns(ScoreWarning, match=r"3 notes do not lie on the grid .* 1 left out"):
        pitch, _ = grid(ornament, 1260)
    assert 62 not in pitch
    with pytest.warns(ScoreWarning, match=r"1 notes under the top of a chord .* bar 1 beat 1"):
        pitch, _ = grid(Score(make_notes(onset=[0, 0], pitch=[60, 64])), QUARTER)
    assert pitch[0, 0] == 64
    overlap = Score(make_notes(onset=[0, QUARTER], duration=2 * QUARTER, pitch=[60, 64]))
    with pytest.warns(ScoreWarning, match="1 notes are cut where the next one starts"):
        assert grid(overlap, QUARTER)[0][:4, 0].tolist() == [60, 64, 64, REST]


def test_grid_of_no_notes_and_of_a_wrong_step():
    empty = Score(make_notes(onset=[], pitch=[]))
    assert grid(empty, QUARTER)[0].shape == (4, 0)
    with pytest.raises(ScoreError, match="step 0: expected 1 or more"):
        grid(empty, 0)


def test_from_grid_spells_in_the_key_in_force():
    marks = make_table(KEY_SIGNATURE_DTYPE, [(0, -3, MINOR), (4 * QUARTER, 3, MINOR)])
    page = Score(make_notes(onset=[], pitch=[]), key_signatures=marks, end=8 * QUARTER)
    pitch = np.array([60, 59, 60, 63, 66, 68, 69, 66])[:, None]
    score = from_grid(pitch, np.ones_like(pitch, bool), page, QUARTER)
    #                                          C B C Eb  F# G# A F#
    assert score.notes["fifths"].tolist() == [0, 5, 0, -3, 6, 8, 3, 6]


@settings(max_examples=40)
@given(scores(step=TICKS_PER_QUARTER // 3))
def test_events_and_back_is_the_same_score(score):
    assert from_events(events(score), score) == score


def test_events_count_shifts_within_a_voice():
    score = Score(make_notes(onset=[0, 0, QUARTER], pitch=[72, 48, 74], part=[0, 1, 0]))
    table = events(score)
    assert table["pitch"].tolist() == [72, 74, 48]
    assert table["shift"].tolist() == [0, QUARTER, 0]


@settings(max_examples=20)
@given(scores(step=TICKS_PER_QUARTER // 2, max_parts=1))
def test_pianoroll_agrees_with_pypianoroll(score):
    pretty_midi = pytest.importorskip("pretty_midi")
    pypianoroll = pytest.importorskip("pypianoroll")
    # with less than two beats of notes pypianoroll stops with an IndexError
    assume((score.notes["onset"] + score.notes["duration"]).max(initial=0) > 2 * QUARTER)
    midi = pretty_midi.PrettyMIDI(initial_tempo=120)
    instrument = pretty_midi.Instrument(0)
    for note in score.notes:
        start, stop = note["onset"] / QUARTER / 2, (note["onset"] + note["duration"]) / QUARTER / 2
        # pypianoroll truncates ends: keep rounding errors away from the step's edge
        instrument.notes.append(pretty_midi.Note(80, int(note["pitch"]), start, stop + 1e-6))
    midi.instruments.append(instrument)
    theirs = pypianoroll.from_pretty_midi(midi, resolution=8, algorithm="custom", first_beat_time=0)
    theirs = theirs.tracks[0].pianoroll
    ours = pianoroll(score, QUARTER // 8)
    n_steps = min(len(ours), len(theirs))
    np.testing.assert_array_equal(ours[:n_steps], theirs[:n_steps])
    assert not ours[n_steps:].any() and not theirs[n_steps:].any()


def test_pianoroll_and_back():
    onset = np.array([0, 2, 4]) * QUARTER
    score = Score(
        make_notes(onset=onset, duration=QUARTER, pitch=[60, 64, 67], velocity=[1, 64, 127])
    )
    roll = pianoroll(score, SIXTEENTH)
    assert roll.dtype == np.uint8 and roll.shape == (32, 128)
    assert from_pianoroll(roll, score, SIXTEENTH) == score


def test_pianoroll_of_one_part_and_of_short_repeats():
    score = Score(make_notes(onset=[0, SIXTEENTH], duration=SIXTEENTH, pitch=60, part=[0, 1]))
    assert pianoroll(score, SIXTEENTH, part=1)[:, 60].nonzero()[0].tolist() == [1]
    repeats = Score(make_notes(onset=[0, SIXTEENTH], duration=SIXTEENTH, pitch=60))
    assert pianoroll(repeats, SIXTEENTH)[:, 60].nonzero()[0].tolist() == [0, 1]


@settings(max_examples=40)
@given(scores())
def test_slices_cover_the_score_and_agree_with_its_grid(score):
    table = slices(score)
    assert table["onset"][0] == 0
    assert (table["onset"][1:] == (table["onset"] + table["duration"])[:-1]).all()
    assert table["duration"].sum() == score.end
    pitch, _ = grid(score, SIXTEENTH)
    row = np.searchsorted(table["onset"], np.arange(len(pitch)) * SIXTEENTH, side="right") - 1
    for voices, sounding in zip(pitch, table["sounding"][row], strict=True):
        assert set(voices[voices >= 0].tolist()) == set(np.flatnonzero(sounding).tolist())


def test_slices_tell_bass_and_beat():
    score = Score(make_notes(onset=[0, QUARTER], duration=[2 * QUARTER, QUARTER], pitch=[60, 52]))
    table = slices(score)
    assert table["bass"].tolist() == [60, 52, REST]
    assert table["level"].tolist() == [5, 3, 4]
    assert table["struck"].sum(axis=1).tolist() == [1, 1, 0]


# ---- places ---------------------------------------------------------------------------------


def test_positions_know_pickups_and_divided_bars():
    metre = make_table(TIME_SIGNATURE_DTYPE, [(0, 3, 4)])
    onsets = np.array([0, 1, 4, 6, 7]) * QUARTER  # a pickup; the third bar divided by a repeat
    bars = make_table([("onset", "i8"), ("repeat", "i1"), ("ending", "i1")], onset=onsets)
    notes = make_notes(onset=[0], pitch=[60])
    score = Score(notes, bars=bars, time_signatures=metre, end=10 * QUARTER)
    position = bar_positions(score, np.arange(10) * QUARTER) // QUARTER
    assert position.tolist() == [2, 0, 1, 2, 0, 1, 2, 0, 1, 2]
    assert beat_levels(score, np.arange(4) * QUARTER).tolist() == [3, 5, 3, 3]


def test_levels_follow_a_change_of_metre():
    metres = make_table(TIME_SIGNATURE_DTYPE, [(0, 2, 4), (2 * QUARTER, 6, 8)])
    notes = make_notes(onset=[0], pitch=[60])
    score = Score(notes, time_signatures=metres, end=5 * QUARTER)
    eighths = np.arange(10) * QUARTER // 2
    assert beat_levels(score, eighths).tolist() == [5, 2, 3, 2, 5, 2, 2, 3, 2, 2]


def test_keys_are_read_or_estimated():
    a_minor = [57, 64, 60, 59, 57, 56, 57, 57]
    notes = make_notes(onset=np.arange(8) * QUARTER, pitch=a_minor)
    assert [key_name(*key[1:]) for key in keys(Score(notes))] == ["A minor"]
    unknown = make_table(KEY_SIGNATURE_DTYPE, [(0, 0, UNKNOWN_MODE)])
    assert keys(Score(notes, key_signatures=unknown)) == [(0, 3, MINOR)]
    named = make_table(KEY_SIGNATURE_DTYPE, [(0, 0, MAJOR), (4 * QUARTER, 1, MINOR)])
    assert keys(Score(notes, key_signatures=named)) == [(0, 0, MAJOR), (4 * QUARTER, 4, MINOR)]


def test_seconds_without_a_tempo_are_midis():
    score = Score(make_notes(onset=[0], pitch=[60]))
    assert seconds(score, [QUARTER]).tolist() == [0.5]
    late = score.replace(tempos=make_table(TEMPO_DTYPE, [(QUARTER, 60.0)]))
    assert seconds(late, [QUARTER]).tolist() == [1.0]


def test_bar_onsets_reach_the_end():
    metre = make_table(TIME_SIGNATURE_DTYPE, [(0, 3, 4)])
    onsets = bar_onsets(metre, 7 * QUARTER, pickup=QUARTER)
    assert (onsets // QUARTER).tolist() == [0, 1, 4]
