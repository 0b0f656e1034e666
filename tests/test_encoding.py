"""Encoders: exact inverses, alphabets, keys and contexts, on hand-worked examples too."""

import doctest

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stats_composer import encoding
from stats_composer.encoding import CONTEXTS, Alphabet, GridEncoder, shift_of
from stats_composer.errors import EncodingError, NotFittedError, ScoreError
from stats_composer.score import (
    BAR_DTYPE,
    KEY_SIGNATURE_DTYPE,
    NOTE_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    bar_onsets,
    make_notes,
    make_table,
    respell,
)
from stats_composer.theory import TICKS_PER_QUARTER, Metre
from stats_composer.views import HOLD, REST

QUARTER = TICKS_PER_QUARTER
METRES = [(4, 4), (3, 4), (2, 2), (6, 8), (9, 8), (5, 4), (3, 8)]


@st.composite
def choirs(draw, steps_per_beat, n_lines=2):
    """Draw scores that lie on the encoder's own grid, pickups and rests included."""
    metre = draw(st.sampled_from(METRES))
    page = Score(
        np.zeros(0, NOTE_DTYPE), time_signatures=make_table(TIME_SIGNATURE_DTYPE, [(0, *metre)])
    )
    step = GridEncoder(n_lines, steps_per_beat=steps_per_beat).step(page)
    full = Metre(*metre).bar
    pickup = draw(st.integers(0, full // step - 1)) * step
    end = pickup + draw(st.integers(1, 3)) * full
    fifths = draw(st.integers(-5, 5))
    rows = []
    for part in range(n_lines):
        at = 0
        rows_before = len(rows)
        while at < end:
            duration = min(draw(st.integers(1, 6)) * step, end - at)
            if draw(st.integers(0, 4)) or (at + duration == end and len(rows) == rows_before):
                rows.append((at, duration, draw(st.integers(50, 70)), 0, part, 0, 80, False))
            at += duration
    notes = make_table(NOTE_DTYPE, rows)
    notes["fifths"] = 7 * notes["pitch"] % 12
    score = Score(
        notes,
        bars=make_table(BAR_DTYPE, onset=bar_onsets(page.time_signatures, end, pickup or None)),
        time_signatures=page.time_signatures,
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(0, fifths, 0)]),
        parts=tuple(Part(f"part {part + 1}") for part in range(n_lines)),
        end=end,
    )
    return respell(score)


@pytest.mark.parametrize("hold", ["onset", "symbol"])
@pytest.mark.parametrize("steps_per_beat", [2, 4])
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_decode_is_the_inverse_of_encode(hold, steps_per_beat, data):
    score = data.draw(choirs(steps_per_beat))
    encoder = GridEncoder(2, steps_per_beat=steps_per_beat, hold=hold).fit([score])
    symbols, frame = encoder.encode(score)
    assert symbols.shape == (frame.n_steps, len(encoder.alphabets_))
    assert (symbols < frame.n_symbols).all() and (symbols >= 0).all()
    assert encoder.decode(symbols, frame) == score


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_transposing_a_piece_moves_the_shift_alone(data):
    score = data.draw(choirs(2))
    encoder = wide(2, contexts=("place", "end", "mode"))
    fifths = data.draw(st.sampled_from([0, 1, 2, -2]))  # not where the shift wraps
    moved, frame = encoder.encode(score.transpose(2), (fifths + 2, 0))
    symbols, _ = encoder.encode(score, (fifths, 0))
    np.testing.assert_array_equal(moved, symbols)
    assert encoder.decode(moved, frame).notes["pitch"].tolist() == (
        score.transpose(2).notes["pitch"].tolist()
    )


def wide(n_lines, **options):
    """Prepare an encoder of every pitch."""
    entries = np.array([HOLD, REST, *range(128)])
    return GridEncoder(n_lines, **options).set_entries([entries] * n_lines)


def line(pitches, durations, **marks):
    """Write one line of notes; a pitch of None is a rest."""
    onsets = np.concatenate([[0], np.cumsum(durations)[:-1]])
    rows = [
        (o * QUARTER, d * QUARTER, p, 7 * p % 12, 0, 0, 80, False)
        for p, o, d in zip(pitches, onsets, durations, strict=True)
        if p is not None
    ]
    notes = make_table(NOTE_DTYPE, rows)
    return Score(notes, parts=(Part("Tune"),), end=int(sum(durations) * QUARTER), **marks)


def test_held_and_repeated_notes_on_paper():
    score = line([60, 60, None, 62], [1, 0.5, 0.5, 1])
    one = wide(1, contexts=(), hold="onset")
    grid, _ = one.encode(score, (0, 0))
    entries = one.alphabets_[0].entries
    assert entries[grid[:, 0]].tolist() == [60, 60, 60, REST, 62, 62]
    assert grid[:, 1].tolist() == [1, 0, 1, 0, 1, 0]
    other = wide(1, contexts=(), hold="symbol")
    grid, _ = other.encode(score, (0, 0))
    assert other.alphabets_[0].entries[grid[:, 0]].tolist() == [60, HOLD, 60, REST, 62, HOLD]


def test_contexts_on_paper():
    metres = make_table(TIME_SIGNATURE_DTYPE, [(0, 3, 4)])
    bars = make_table(BAR_DTYPE, onset=[0, QUARTER])
    score = line([60, 62, 64, 65], [1, 1, 1, 1], time_signatures=metres, bars=bars)
    encoder = wide(1, contexts=CONTEXTS)
    grid, _ = encoder.encode(score, (2, 1))  # D minor: tonic 2 above the common C
    column = {name: grid[:, encoder.column(name)].tolist() for name in CONTEXTS}
    # A pickup of one beat is the third of its bar; bars of three use the places from 8 on.
    assert column["place"] == [12, 13, 8, 9, 10, 11, 12, 13]
    assert column["half"] == [0, 1] * 4
    # Half beats to the last note at step 6, and the last note itself.
    assert column["end"] == [6, 5, 4, 3, 2, 1, 13, 13]
    assert column["mode"] == [1] * 8
    assert column["shift"] == [2 + 6] * 8
    assert column["cadence"] == [3] * 6 + [5, 5]
    assert column["given"] == [1, 0] * 4


@pytest.mark.parametrize(
    ("metre", "step"), [((4, 4), 2), ((2, 2), 1), ((6, 8), 2), ((3, 8), 4), ((3, 2), 1)]
)
def test_steps_follow_the_beat(metre, step):
    score = line([60], [6], time_signatures=make_table(TIME_SIGNATURE_DTYPE, [(0, *metre)]))
    assert GridEncoder(1).step(score) == QUARTER // step


def test_a_pitch_outside_the_alphabet_is_named():
    encoder = GridEncoder(1).fit([line([60, 64], [1, 1])])
    with pytest.raises(EncodingError, match="soprano: 99 at step 2 is not among the 2 entries"):
        encoder.encode(line([60, 99], [1, 1]), (0, 0))


def test_what_does_not_fit_is_refused_in_one_line():
    score = line([60], [1])
    with pytest.raises(EncodingError, match="1 voices, expected 4"):
        GridEncoder(4).fit([score])
    with pytest.raises(ScoreError, match="no scores: expected at least one"):
        GridEncoder(4).fit([])
    with pytest.raises(NotFittedError, match="call fit first"):
        GridEncoder(1).encode(score)


def test_alphabets_are_sorted_and_tell_what_has_no_pitch():
    alphabet = Alphabet.of([64, REST, 60, 64, HOLD], "alto")
    assert alphabet.entries.tolist() == [HOLD, REST, 60, 64]
    assert alphabet.pitch_class.tolist() == [-1, -1, 0, 4]
    assert [alphabet.symbol(x) for x in (60, 61, 99)] == [2, -1, -1]
    with pytest.raises(ValueError, match="read-only"):
        alphabet.entries[0] = 1


def test_the_common_tonic_is_within_a_tritone():
    assert [shift_of((fifths, 0)) for fifths in range(-6, 7)] == [
        -6, 1, -4, 3, -2, 5, 0, -5, 2, -3, 4, -1, -6,
    ]  # fmt: skip


def test_the_notes_of_an_example_come_back():
    score = Score(make_notes(onset=[0, QUARTER], pitch=[60, 67]), end=2 * QUARTER)
    encoder = GridEncoder(1, contexts=()).fit([score])
    assert encoder.decode(*encoder.encode(score)).notes.tolist() == score.notes.tolist()


def test_docstrings():
    assert doctest.testmod(encoding).failed == 0
