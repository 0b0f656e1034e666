"""Chord symbols: two hundred of jazz and pop, their names, and what is refused."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_composer.theory import (
    QUALITIES,
    Chord,
    fifths_name,
    harte_symbol,
    is_no_chord,
    lead_sheet_symbol,
    nashville_number,
    normalise_symbol,
    parse_chord,
    parse_key,
    roman_numeral,
)

# Semitones above the root, as a pianist would play the symbol.
TONES = {
    "0 4 7": ["", "M", "maj", "ma", "Maj", "MAJ"],
    "0 3 7": ["m", "min", "mi", "Min", "MIN"],
    "0 3 6": ["dim", "°", "o", "mb5", "m(b5)"],
    "0 4 8": ["aug", "+", "(#5)"],
    "0 7": ["5", "no3"],
    "0 2 7": ["sus2"],
    "0 5 7": ["sus", "sus4"],
    "0 4 7 9": ["6", "M6", "maj6", "add6"],
    "0 3 7 9": ["m6", "min6", "mi6"],
    "0 4 7 10": ["7", "dom7"],
    "0 4 7 11": ["maj7", "Maj7", "MAJ7", "M7", "ma7", "Ma7", "Δ", "△", "Δ7", "△7", "^", "^7", "∆7"],
    "0 3 7 10": ["m7", "min7", "mi7", "Min7", "MI7"],
    "0 3 7 11": ["mM7", "m(maj7)", "mMaj7", "mmaj7", "mΔ7", "m^7", "minmaj7", "m/maj7"],
    "0 3 6 9": ["dim7", "°7", "o7", "º7"],
    "0 3 6 10": ["m7b5", "m7(b5)", "min7b5", "ø", "ø7", "Ø", "Ø7", "%", "%7", "m7-5", "m7♭5"],
    "0 5 7 10": ["7sus4", "7sus", "7(sus4)"],
    "0 4 8 10": ["7#5", "+7", "aug7", "7+5", "7(#5)", "7+", "7♯5"],
    "0 4 6 10": ["7b5", "7-5", "7(b5)"],
    "0 2 4 7 10": ["9", "7add9"],
    "0 2 4 7 11": ["maj9", "M9", "Δ9", "^9", "maj7add9"],
    "0 2 3 7 10": ["m9", "min9"],
    "0 2 3 7 11": ["mM9", "m(maj9)"],
    "0 2 4 7 9": ["6/9", "69", "6(add9)"],
    "0 2 3 7 9": ["m6/9", "m69"],
    "0 2 4 7": ["add9", "add2", "(add9)"],
    "0 2 3 7": ["madd9", "m(add9)", "min(add9)"],
    "0 2 5 7 10": ["9sus4", "9sus"],
    "0 1 5 7 10": ["7b9sus4", "7b9sus", "7sus4b9"],
    "0 1 4 7 10": ["7b9", "7(b9)", "7-9", "7♭9"],
    "0 3 4 7 10": ["7#9", "7(#9)", "7+9", "7♯9"],
    "0 1 3 4 7 10": ["7b9#9", "7(b9,#9)"],
    "0 4 6 7 10": ["7#11", "7(#11)", "7+11"],
    "0 4 7 8 10": ["7b13", "7(b13)"],
    "0 3 4 8 10": ["7#5#9", "7#9#5", "+7#9"],
    "0 1 4 8 10": ["7#5b9", "7b9#5"],
    "0 1 4 6 10": ["7b5b9", "7b9b5"],
    "0 3 4 6 10": ["7b5#9"],
    "0 1 4 6 7 10": ["7b9#11"],
    "0 1 4 7 8 10": ["7b9b13", "7(b9,b13)", "7(b9 b13)"],
    "0 1 3 4 6 8 10": ["7alt"],
    "0 2 4 8 10": ["9#5", "+9", "aug9"],
    "0 2 4 6 10": ["9b5"],
    "0 2 4 6 7 10": ["9#11", "9(#11)"],
    "0 4 6 7 11": ["maj7#11", "maj7(#11)", "M7#11", "△7#11"],
    "0 4 8 11": ["maj7#5", "+maj7", "M7#5", "+M7", "maj7+5"],
    "0 4 6 11": ["maj7b5"],
    "0 2 4 6 7 11": ["maj9#11"],
    "0 2 3 5 7 10": ["m11", "min11"],
    "0 2 3 6 10": ["m9b5", "ø9"],
    "0 2 3 5 6 10": ["m11b5", "ø11"],
    "0 2 4 5 7 10": ["11"],
    "0 2 4 5 7 9 10": ["13"],
    "0 1 4 5 7 9 10": ["13b9", "13(b9)"],
    "0 2 4 6 7 9 10": ["13#11"],
    "0 2 5 7 9 10": ["13sus4", "13sus"],
    "0 2 3 5 7 9 10": ["m13", "min13"],
    "0 2 4 5 7 9 11": ["maj13", "M13"],
    "0 2 4 6 7 9 11": ["maj13#11"],
    "0 4 10": ["7no5", "7omit5"],
    "0 3 10": ["m7no5"],
    "0 3 6 11": ["dimM7", "°M7", "dim(maj7)"],
    "0 4 5 7": ["add4", "add11"],
    "0 3 5 7 10": ["m7add11", "m7(add11)", "m7add4"],
    "0 3 7 8": ["mb6"],
    "0 5 7 11": ["maj7sus4"],
    "0 4 7 9 10": ["7add13", "7add6"],
    "0 2 4 6 7 9": ["6/9#11", "69#11"],
    "0 3 4 7 9 10": ["7#9add13"],
}
SYMBOLS = [(name, tuple(map(int, tones.split()))) for tones in TONES for name in TONES[tones]]
REFUSED = {
    "E-7": "Em7 or Eb7",
    "F-7": "Fm7 or Fb7",
    "C-": "minor or a flat",
    "Calt": "7alt",
    "C2": "sus2 or add9",
    "C4": "sus4 or add11",
    "Cm2": "sus2 or add9",
    "C/9": "a ninth in the bass",
    "H7": "root",
    "c7": "root",
    "": "root",
    "Cfoo": "unknown quality",
    "C/H": "unknown quality",
    "C7/": "unknown quality",
    "C|D": "unknown quality",
    "C:maj/99": "expected",
    "C:foo": "unknown quality",
    "C:": "expected a quality",
    "N": "root",
}


def test_there_are_two_hundred():
    assert len(SYMBOLS) + len(REFUSED) >= 200


@pytest.mark.parametrize(("name", "tones"), SYMBOLS, ids=lambda value: str(value))
def test_lead_sheet_symbols_have_the_right_pitch_classes(name, tones):
    for root, pitch_class in (("C", 0), ("Bb", 10), ("F#", 6), ("E♭", 3), ("D♯", 3)):
        chord = parse_chord(root + name)
        assert chord.pitch_classes == {(pitch_class + tone) % 12 for tone in tones}
        below = parse_chord(f"{root}{name}/F")
        assert (below.intervals, below.bass_pitch_class) == (tones, 5)


@pytest.mark.parametrize("symbol", REFUSED)
def test_what_is_ambiguous_or_unknown_is_refused_by_name(symbol):
    with pytest.raises(ValueError, match=REFUSED[symbol]) as error:
        parse_chord(symbol)
    assert repr(symbol) in str(error.value)


def test_minus_is_read_as_told():
    assert parse_chord("E-7", minus="minor") == parse_chord("Em7")
    assert parse_chord("E-7", minus="flat") == parse_chord("Eb7")
    assert parse_chord("B--7/A-", minus="flat") == parse_chord("Bbb7/Ab")
    assert parse_chord("Bb-7") == parse_chord("Bbm7")
    assert parse_chord("C7-5") == parse_chord("C7b5")


def test_no_chord_has_its_own_symbols():
    assert [normalise_symbol(s) for s in ("N.C.", "NC", "n.c.", "N")] == ["N"] * 4
    assert normalise_symbol("N", style="lead sheet") == "N.C."
    assert not is_no_chord("Cn")


@pytest.mark.parametrize(("name", "tones"), SYMBOLS, ids=lambda value: str(value))
def test_both_names_of_a_symbol_read_as_the_same_chord(name, tones):
    for symbol in (f"Ab{name}", f"C#{name}/E"):
        chord = parse_chord(symbol)
        assert parse_chord(harte_symbol(chord)) == chord
        assert parse_chord(lead_sheet_symbol(chord)) == chord


@given(
    st.integers(-8, 12), st.sampled_from(list(QUALITIES)), st.none() | st.integers(-6, 8),
    st.sampled_from(["harte", "lead sheet"]),
)  # fmt: skip
def test_names_round_trip(root, quality, bass, style):
    bass = None if bass is None else root + bass
    chord = Chord(root, QUALITIES[quality], bass)
    write = harte_symbol if style == "harte" else lead_sheet_symbol
    assert parse_chord(write(chord)) == chord


def test_every_symbol_of_the_jazz_standards_round_trips():
    folder = os.environ.get("STATS_COMPOSER_DATA")
    path = Path(folder or "missing") / "jazz" / "chord_progressions.json"
    if not path.is_file():
        pytest.skip("STATS_COMPOSER_DATA names no folder with jazz/chord_progressions.json")
    standards = json.loads(path.read_text())
    symbols = {symbol for standard in standards for symbol in standard["chords"]}
    for symbol in symbols:
        chord = parse_chord(symbol)
        for style in ("harte", "lead sheet"):
            assert parse_chord(normalise_symbol(symbol, style=style)) == chord


@pytest.mark.parametrize("quality", ["7", "m7", "^7", "6", "%7", "^", "m", "o7", "sus", "m6",
                                     "m^7", "+", ""])  # fmt: skip
def test_qualities_of_the_jazz_standards_round_trip(quality):
    for root in range(-6, 8):
        chord = parse_chord(fifths_name(root) + quality)
        assert parse_chord(harte_symbol(chord)) == chord
        assert parse_chord(lead_sheet_symbol(chord)) == chord


@pytest.mark.parametrize(
    ("key", "symbols", "numerals"),
    [
        ("C", "C F G7 Am Dm7/F Bdim/D G/B C/G Bb Fm", "I IV V7 vi ii65 vii°6 V6 I64 bVII iv"),
        ("Eb", "Eb Bb7/D F7 C7 Gdim Adim7", "I V65 V7/V V7/ii vii°/IV vii°7/V"),
        ("a", "Am E G#dim C F Bm7b5/D E7/G# B7 A", "i V #vii° III VI iiø65 V65 V7/V I"),
    ],
)
def test_roman_numerals(key, symbols, numerals):
    tonic, mode = parse_key(key)
    found = [roman_numeral(parse_chord(symbol), tonic, mode) for symbol in symbols.split()]
    assert found == numerals.split()


@pytest.mark.parametrize(
    ("key", "symbols", "numbers"),
    [
        (
            "G",
            "G D/F# Em7 Cmaj7 D7 Bb F#dim G6 Csus4 A7b9",
            "1 5/7 6-7 4maj7 5⁷ b3 7dim 1⁶ 4sus4 2⁷b9",
        ),
        ("a", "Am F C/E E7 G", "6- 4 1/3 3⁷ 5"),
    ],
)
def test_nashville_numbers(key, symbols, numbers):
    found = [nashville_number(parse_chord(name), *parse_key(key)) for name in symbols.split()]
    assert found == numbers.split()
