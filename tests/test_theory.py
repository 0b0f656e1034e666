"""Keys, spelling, scales and beats, by hand and over music21's Bach chorales."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_composer.theory import (
    MAJOR,
    MINOR,
    SCALES,
    TICKS_PER_QUARTER,
    Metre,
    estimate_key,
    fifths_name,
    key_name,
    key_signature,
    name_fifths,
    parse_key,
    scale_pitch_classes,
    spell,
    transpose_symbol,
)


@given(st.integers(-15, 19))
def test_names_and_fifths_are_inverse(fifths):
    assert name_fifths(fifths_name(fifths)) == fifths


@pytest.mark.parametrize("name", ["H", "C#b", "", "c##-", "Cis"])
def test_no_note_name(name):
    with pytest.raises(ValueError, match="expected a letter A to G"):
        name_fifths(name)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("G", (1, MAJOR)),
        ("g", (1, MINOR)),
        ("Bb major", (-2, MAJOR)),
        ("F# minor", (6, MINOR)),
        ("C#m", (7, MINOR)),
        ("e♭ min", (-3, MINOR)),
        ("a major", (3, MAJOR)),
    ],
)
def test_parse_key(name, key):
    assert parse_key(name) == key
    assert parse_key(key_name(*key)) == key


@pytest.mark.parametrize("name", ["", "H", "G dorian", "G# major", "db minor x", "Fb"])
def test_parse_key_refuses(name):
    with pytest.raises(ValueError, match="expected"):
        parse_key(name)


@given(st.integers(-7, 7), st.sampled_from([MAJOR, MINOR]))
def test_a_scale_in_its_key_has_its_signature(signature, mode):
    tonic = signature + 3 * mode
    assert key_signature(tonic, mode) == signature
    scale = scale_pitch_classes(tonic, "minor" if mode else "major")
    fifths = np.arange(signature - 1, signature + 6)
    assert sorted(fifths * 7 % 12) == np.flatnonzero(scale).tolist()


def test_scales_start_on_the_tonic_and_rise():
    for name, degrees in SCALES.items():
        assert degrees[0] == 0 and list(degrees) == sorted(set(degrees)), name
        assert max(degrees) < 12, name
    with pytest.raises(ValueError, match="'majorish': expected one of major"):
        scale_pitch_classes(0, "majorish")


@given(st.integers(-5, 6), st.integers(0, 11))
def test_the_estimated_key_moves_with_the_notes(tonic, semitones):
    tune = np.array([0, 2, 4, 5, 7, 9, 7, 5, 4, 2, 0, -1, 0]) + 60 + tonic * 7 % 12
    duration = np.ones(len(tune))
    fifths, mode = estimate_key(tune, duration)
    assert (fifths * 7 - tonic * 7) % 12 == 0 and mode == MAJOR
    moved, _ = estimate_key(tune + semitones, duration)
    assert (moved * 7 - fifths * 7 - semitones) % 12 == 0


def test_the_key_of_little():
    assert estimate_key([], []) == (0, MAJOR)
    # One flat: what dwells on D and ends there is in D minor, what does on F in F major.
    assert estimate_key([62, 69, 61, 62], [2, 1, 1, 4], signature=-1) == (2, MINOR)
    assert estimate_key([65, 72, 64, 65], [2, 1, 1, 4], signature=-1) == (-1, MAJOR)
    assert estimate_key([62], [1])[0] == 2


@given(st.lists(st.integers(0, 127), max_size=60), st.integers(-7, 10), st.booleans())
def test_a_spelling_is_of_its_pitch(pitch, tonic, minor):
    fifths = spell(pitch, tonic, MINOR if minor else MAJOR).astype(int)
    assert ((fifths * 7 - np.array(pitch, int)) % 12 == 0).all()
    assert (abs(fifths - tonic) < 20).all()


@given(st.integers(-6, 8), st.integers(-6, 8), st.sampled_from([MAJOR, MINOR]))
def test_a_spelling_moves_with_its_key(tonic, other, mode):
    pitch = np.array([60, 62, 63, 64, 66, 67, 68, 70, 71, 72]) + tonic * 7 % 12
    moved = pitch + (other - tonic) * 7 % 12
    np.testing.assert_array_equal(
        spell(pitch, tonic, mode) - tonic, spell(moved, other, mode) - other
    )


def test_leading_notes_are_raised_and_flat_keys_flat():
    harmonic = spell([62, 64, 65, 67, 69, 70, 73, 74], 2, MINOR)
    assert [fifths_name(f) for f in harmonic] == ["D", "E", "F", "G", "A", "Bb", "C#", "D"]
    assert [fifths_name(f) for f in spell([63, 68, 70], -3, MAJOR)] == ["Eb", "Ab", "Bb"]


@pytest.mark.parametrize(
    ("metre", "eighths"),
    [
        ((4, 4), [5, 2, 3, 2, 4, 2, 3, 2]),
        ((3, 4), [5, 2, 3, 2, 3, 2]),
        ((2, 4), [5, 2, 3, 2]),
        ((2, 2), [5, 1, 2, 1, 3, 1, 2, 1]),
        ((6, 8), [5, 2, 2, 3, 2, 2]),
        ((12, 8), [5, 2, 2, 3, 2, 2, 4, 2, 2, 3, 2, 2]),
        ((3, 8), [5, 3, 3]),
        ((5, 4), [5, 2, 3, 2, 3, 2, 3, 2, 3, 2]),
    ],
)
def test_beats_have_their_strength(metre, eighths):
    ticks = np.arange(2 * len(eighths)) * TICKS_PER_QUARTER // 2
    assert Metre(*metre).strength(ticks).tolist() == eighths * 2


@pytest.mark.parametrize(
    ("metre", "compound", "n_beats", "beat", "beam"),
    [
        # the last two in eighths
        ((4, 4), False, 4, 2, 2),
        ((2, 2), False, 2, 4, 2),
        ((3, 2), False, 3, 4, 2),
        ((3, 4), False, 3, 2, 2),
        ((3, 8), False, 3, 1, 3),
        ((5, 8), False, 5, 1, 2),
        ((6, 8), True, 2, 3, 3),
        ((9, 8), True, 3, 3, 3),
        ((12, 8), True, 4, 3, 3),
        ((6, 4), True, 2, 6, 2),
        ((9, 16), True, 3, 1.5, 1.5),
    ],
)
def test_metres_are_simple_or_compound(metre, compound, n_beats, beat, beam):
    metre = Metre(*metre)
    assert (metre.is_compound, metre.n_beats) == (compound, n_beats)
    assert (metre.beat, metre.beam) == (beat * 5040, beam * 5040)
    assert metre.bar == metre.n_beats * metre.beat


def test_nothing_between_the_finest_levels_is_strong():
    assert Metre(4, 4).strength([1, TICKS_PER_QUARTER // 8, TICKS_PER_QUARTER // 3]).tolist() == [
        0,
        0,
        0,
    ]


def test_symbols_move_on_the_line_of_fifths():
    assert transpose_symbol("Bbmaj7/D", 2) == "Cmaj7/E"
    assert transpose_symbol("N", 5) == "N"
