"""Humdrum kern; the right values were worked out by hand from the tokens."""

import re
from fractions import Fraction

import numpy as np
import pytest

from stats_composer.errors import ScoreFileError
from stats_composer.io import read_corpus
from stats_composer.io.kern import read_kern
from stats_composer.io.kern_tokens import (
    read_designation,
    read_metre,
    read_signature,
    read_sound,
    read_syllable,
    read_tempo,
)
from stats_composer.io.report import Report
from stats_composer.score import playing_order
from stats_composer.theory import MAJOR, MINOR, UNKNOWN_MODE

QUARTER = 10080
TUNE = """!!!COM: Bach, Johann Sebastian
!!!OTL@@DE: A T&uuml;ne
**kern\t**kern
*I"Bass\t*I"Soprano
*k[f#]\t*k[f#]
*G:\t*G:
*M3/4\t*M3/4
4r\t4d
=1\t=1
2G\t4g
.\t8f#
.\t8g
4G;\t[4a;
=2\t=2
2.D\t4a]
.\t4f# 4a
.\t4d
=:|!\t=:|!
*-\t*-
"""


def parsed(text):
    """Read a file of one score, and what is said of it."""
    report = Report()
    (score,) = read_kern(text.encode(), report)
    return score, str(report)


def kern(*rows):
    """Write a file: a row is an argument, a token a word; `+` stands for a chord's space."""
    return "".join(re.sub(r"(?<!\*)\+", " ", "\t".join(row.split())) + "\n" for row in rows)


def spine(*tokens):
    """Write a file of one spine."""
    return "".join(f"{token}\n" for token in ("**kern", *tokens, "*-"))


def sounding(score, part=None):
    """Give onset and duration in quarters, and pitch."""
    notes = score.notes if part is None else score.notes[score.notes["part"] == part]
    rows = notes[["onset", "duration", "pitch"]].tolist()
    return [(onset / QUARTER, duration / QUARTER, pitch) for onset, duration, pitch in rows]


def bars(score):
    return (score.bars["onset"] / QUARTER).tolist()


def test_a_score_of_two_spines():
    score, told = parsed(TUNE)
    assert told == ""
    assert (score.title, score.composer) == ("A Tüne", "Bach, Johann Sebastian")
    assert [part.name for part in score.parts] == ["Soprano", "Bass"]
    assert score.pickup == QUARTER
    assert score.bars[["onset", "repeat"]].tolist() == [(0, 0), (QUARTER, 0), (4 * QUARTER, 2)]
    assert score.key_signatures.tolist() == [(0, 1, 0)]
    assert score.time_signatures.tolist() == [(0, 3, 4)]
    assert score.fermatas.tolist() == [(3 * QUARTER, 0, 0), (3 * QUARTER, 1, 0)]
    tied = score.notes[(score.notes["onset"] == 3 * QUARTER) & (score.notes["part"] == 0)]
    assert tied[["duration", "pitch"]].tolist() == [(2 * QUARTER, 69)]
    chord = score.notes[score.notes["onset"] == 5 * QUARTER]
    assert chord[["pitch", "fifths"]].tolist() == [(66, 6), (69, 3)]


# ---- spines ---------------------------------------------------------------------------


def test_spines_divide_within_divided_spines():
    text = kern(
        "**kern **kern", "*M2/4 *M2/4", "=1 =1", "* *^", "4C 4e 4c", "4G 4g 4e", "* *v *v",
        "=2 =2", "* *^", "* *^ *", "4F 4a 4f 4c", "4G 4b 4g 4d", "* *v *v *v", "=3 =3",
        "2C 2cc", "*- *-",
    )  # fmt: skip
    score, told = parsed(text)
    assert told == ""
    assert bars(score) == [0, 2, 4]
    assert sounding(score, 1) == [(0, 1, 48), (1, 1, 55), (2, 1, 53), (3, 1, 55), (4, 2, 48)]
    upper = score.notes[score.notes["part"] == 0]
    assert upper[["onset", "voice", "pitch"]].tolist() == [
        (0, 0, 64), (0, 1, 60), (QUARTER, 0, 67), (QUARTER, 1, 64),
        (2 * QUARTER, 0, 69), (2 * QUARTER, 1, 65), (2 * QUARTER, 2, 60),
        (3 * QUARTER, 0, 71), (3 * QUARTER, 1, 67), (3 * QUARTER, 2, 62), (4 * QUARTER, 0, 72),
    ]  # fmt: skip


def test_spines_join_and_divide_in_one_bar():
    text = kern(
        "**kern", "*M4/4", "=1", "*^", "4e 4c", "4f 4d", "*v *v", "*^", "4e 4c", "4f 4d",
        "*v *v", "=2", "4c", "4d", "4e", "4f", "==", "*-",
    )  # fmt: skip
    score, told = parsed(text)
    assert (told, bars(score), len(score.notes), score.end) == ("", [0, 4], 12, 8 * QUARTER)
    assert sounding(score)[4:8] == [(2, 1, 64), (2, 1, 60), (3, 1, 65), (3, 1, 62)]


def test_neighbours_that_join_stay_in_their_parts():
    text = kern("**kern **kern", "*^ *^", "2c 2d 2e 2f", "*v *v *v *v", "2c 2d", "*- *-")
    score, told = parsed(text)
    assert told == ""
    assert (sounding(score, 1), sounding(score, 0)) == (
        [(0, 2, 60), (0, 2, 62), (2, 2, 60)],
        [(0, 2, 64), (0, 2, 65), (2, 2, 62)],
    )


def test_a_path_that_joins_while_another_sounds():
    text = kern("**kern **kern", "* *^", "4C 8cc 4b-", "* *v *v", ". 8dd", "4C 4ee", "*- *-")
    score, _ = parsed(text)
    assert sounding(score, 0) == [(0, 0.5, 72), (0, 1, 70), (0.5, 0.5, 74), (1, 1, 76)]


def test_spines_are_exchanged_added_and_ended():
    text = kern(
        "**kern **kern", "2C 2c", "*x *x", "2d 2D", "*- *", "*+", "* **kern", "2E 2e", "*- *-",
    )  # fmt: skip
    score, told = parsed(text)
    assert told == ""
    assert [sounding(score, part) for part in range(3)] == [
        [(0, 2, 60), (2, 2, 62)],
        [(4, 2, 64)],
        [(0, 2, 48), (2, 2, 50), (4, 2, 52)],
    ]


def test_other_spines_are_said():
    text = kern("**kern **harm", "*M4/4 *M4/4", "=1 =1", "2c I", "2d .", "== ==", "*- *-")
    score, told = parsed(text)
    assert sounding(score) == [(0, 2, 60), (2, 2, 62)]
    assert told == "spines other than **kern left out (**harm)"


def test_two_scores_in_a_file():
    one = "!!!OTL: One\n" + spine("1c") + "\n!!!OTL: Two\n" + spine("1d", "1e")
    scores = read_kern(one.encode(), Report())
    assert [(score.title, sounding(score)) for score in scores] == [
        ("One", [(0, 4, 60)]),
        ("Two", [(0, 4, 62), (4, 4, 64)]),
    ]


def test_a_damaged_score_costs_itself_alone():
    report = Report()
    text = kern("**kern **kern", "1c", "*- *-") + spine("1d")
    (score,) = read_kern(text.encode(), report)
    assert sounding(score) == [(0, 4, 62)]
    assert str(report) == "score 1 left out (line 2: 1 tokens in 2 spines)"


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_and_latin_1(end):
    text = "!!!OTL: Mährisch\n" + spine("4c", "4d")
    (score,) = read_kern(text.replace("\n", end).encode("latin-1"), Report())
    assert (score.title, len(score.notes)) == ("Mährisch", 2)


# ---- time -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "quarters"),
    [
        ("4c", 1), ("0c", 8), ("00c", 16), ("1c", 4), ("16c", Fraction(1, 4)),
        ("4.c", Fraction(3, 2)), ("4..c", Fraction(7, 4)), ("12c", Fraction(1, 3)),
        ("3%2c", Fraction(8, 3)), ("3%2.c", 4), ("8%9r", Fraction(9, 2)),
        ("[8.cc#/L", Fraction(3, 4)), ("00000000c", 1024),
        ("11c", Fraction(4, 11)), ("8Pd", Fraction(1, 2)), ("8pc", Fraction(1, 2)),
        ("8qd", 0), ("16qqd", 0), ("qc", 0),
    ],
)  # fmt: skip
def test_durations(token, quarters):
    assert Fraction(read_sound(token).duration) == quarters * QUARTER


@pytest.mark.parametrize(
    ("token", "pitch", "fifths"),
    [
        ("4c", 60, 0), ("4cc", 72, 0), ("4C", 48, 0), ("4CC", 36, 0), ("4f#", 66, 6),
        ("4b-", 70, -2), ("4f##", 67, 13), ("4b--", 69, -9), ("4cnX", 60, 0), ("(4g#'/LL", 68, 8),
        ("c4", 60, 0), ("&(4ddd-yy~", 85, -5),
    ],
)  # fmt: skip
def test_pitches(token, pitch, fifths):
    (head,) = read_sound(token).heads
    assert (head.pitch, head.fifths) == (pitch, fifths)


def test_a_chord_has_the_length_of_its_first_note_where_none_is_told():
    score, _ = parsed(kern("**kern", "2c+e+4g", "2d", "*-"))
    assert sounding(score) == [(0, 2, 60), (0, 2, 64), (0, 1, 67), (2, 2, 62)]


@pytest.mark.parametrize("token", ["4", "zz", "4ce", "4####", "4c####", "=1", "4....." + "." * 9])
def test_what_is_no_note_is_left_out(token):
    score, told = parsed(kern("**kern **kern", f"{token} 4e", "4c 4f", "*- *-"))
    assert told.startswith("tokens that are no notes left out: 1 (first in line 2)")
    assert sounding(score) == [(0, 1, 64), (1, 1, 65), (1, 1, 60)]


def test_notes_without_a_duration_are_quarters():
    score, told = parsed(spine("c", "2d"))
    assert sounding(score) == [(0, 1, 60), (1, 2, 62)]
    assert told == "notes without a duration taken as quarters: 1 (first in line 2)"


def test_a_hole_in_a_spine_is_a_rest():
    text = kern("**kern **kern", "=1 =1", "4C 8e", "4D 4f", "4E 4g", "4F 4a", "== ==", "*- *-")
    score, told = parsed(text)
    assert told == "holes in a spine taken as rests: 1 (first in line 4)"
    assert sounding(score, 0) == [(0, 0.5, 64), (1, 1, 65), (2, 1, 67), (3, 1, 69)]
    assert sounding(score, 1) == [(0, 1, 48), (1, 1, 50), (2, 1, 52), (3, 1, 53)]


def test_a_row_never_sounds_with_the_one_before():
    score, told = parsed(kern("**kern **kern", "4C .", ". 8e", "4D .", "*- *-"))
    assert sounding(score) == [(0, 1, 48), (1, 0.5, 64), (1.5, 1, 50)]
    assert told == "holes in a spine taken as rests: 1 (first in line 4)"


def test_bar_lines_within_long_notes():
    text = kern(
        "**kern **kern", "*M2/4 *M2/4", "=1 =1", "1C 2e", "=2 =2", ". 2f", "=3 =3", "2D 2g",
        "*- *-",
    )  # fmt: skip
    score, told = parsed(text)
    assert (told, bars(score)) == ("", [0, 2, 4])
    assert sounding(score, 1) == [(0, 4, 48), (4, 2, 50)]


def test_bar_lines_that_no_note_divides_lie_by_the_metre():
    text = spine("*M4/4", "=1", "2c", "0d", "=2", ".", "=3", ".", "2e", "=4", "1f", "==")
    score, _ = parsed(text)
    assert bars(score) == [0, 4, 8, 12]
    assert sounding(score) == [(0, 2, 60), (2, 8, 62), (10, 2, 64), (12, 4, 65)]


def test_bar_lines_without_music_between_are_one():
    score, _ = parsed(spine("=1-", "2c", "=:|!", "=2!|:", "2d", "==:|!"))
    assert score.bars[["onset", "repeat"]].tolist() == [(0, 2), (2 * QUARTER, 3)]


def test_times_off_the_grid_are_rounded_and_said():
    score, told = parsed(spine(*["44c"] * 11, "4d"))
    assert told.startswith("times off the grid of 1/10080 of a quarter rounded: ")
    assert score.notes["onset"][-1] == QUARTER


# ---- grace notes ----------------------------------------------------------------------


def graces(score):
    return score.graces[["onset", "part", "voice", "grace", "pitch", "written", "slash"]].tolist()


def test_grace_notes_take_no_time_wherever_they_stand():
    text = kern("**kern **kern", "4r .", "=1 =1", "8qf 8qd", "2c 4e", "8qf .", ". 4g", "*- *-")
    score, told = parsed(text)
    assert (bars(score), sounding(score)) == ([0, 1], [(1, 1, 64), (1, 2, 60), (2, 1, 67)])
    assert told == ""
    assert graces(score) == [
        (QUARTER, 0, 0, -1, 62, QUARTER // 2, True),
        (QUARTER, 1, 0, -1, 65, QUARTER // 2, True),
        (QUARTER, 1, 0, 1, 65, QUARTER // 2, True),
    ]


def test_grace_notes_stand_before_a_note_or_after_the_last_of_a_bar():
    text = kern("**kern", "16qqd", "16qqe+16qqg", "4c", "qf", "=2", "4d", "qa", "4r", "*-")
    score, told = parsed(text)
    assert told == ""
    assert graces(score) == [
        (0, 0, 0, -2, 62, QUARTER // 4, False),
        (0, 0, 0, -1, 64, QUARTER // 4, False), (0, 0, 0, -1, 67, QUARTER // 4, False),
        (0, 0, 0, 1, 65, 0, True), (QUARTER, 0, 0, 1, 69, 0, True),
    ]  # fmt: skip


def test_grace_notes_of_a_path_stay_in_its_voice():
    text = kern("**kern", "*^", "4e 4c", "8qf .", "4d 4B", "*v *v", "*-")
    score, _ = parsed(text)
    assert graces(score) == [(QUARTER, 0, 0, -1, 65, QUARTER // 2, True)]


def test_grace_notes_at_no_note_are_said():
    score, told = parsed(spine("8qd", "4r"))
    assert (told, len(score.graces)) == ("grace notes at no note left out: 1 (first in line 2)", 0)


# ---- ties -----------------------------------------------------------------------------


def test_one_note_of_a_chord_is_tied():
    score, told = parsed(kern("**kern", "[2c+2e", "2c]+2f", "2c", "*-"))
    assert told == ""
    assert sounding(score) == [(0, 4, 60), (0, 2, 64), (2, 2, 65), (4, 2, 60)]


def test_ties_go_from_path_to_path_and_through_notes():
    score, told = parsed(kern("**kern", "*^", "2e [2c", "*v *v", "2c_", "2c]", "*-"))
    assert (told, sounding(score)) == ("", [(0, 2, 64), (0, 6, 60)])


def test_a_tie_into_another_part_strikes_no_new_note():
    score, told = parsed(kern("**kern **kern", "2r [2c", "2c] 2r", "*- *-"))
    assert told == ""
    assert score.notes[["onset", "part", "tied"]].tolist() == [
        (0, 0, False),
        (2 * QUARTER, 1, True),
    ]


def test_loose_ties_are_said():
    _, told = parsed(spine("2c]", "[2d", "2e"))
    assert told == (
        "ties without a beginning: 1 (first in line 2); ties without an end: 1 (first in line 3)"
    )


def test_ties_go_over_a_change_of_name():
    score, told = parsed(spine("[2c#", "2d-]"))
    assert (told, sounding(score)) == ("", [(0, 4, 61)])


def test_a_tie_keeps_its_accidental():
    score, told = parsed(spine("[2e-", "2e]"))
    assert sounding(score) == [(0, 4, 63)]
    assert told == "tied notes of unlike accidentals taken as the first: 1 (first in line 3)"


# ---- marks ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "fifths"),
    [
        ("*k[]", 0), ("*k[f#c#]", 2), ("*k[b-e-a-]", -3), ("*k[f#c#g#d#a#e#b#]", 7),
        ("*k[bnf#]", 1), ("*k[f##]", None), ("*k[e-]", None), ("*k[f#b-]", None),
        ("*k[" + "f#" * 500 + "]", None),
    ],
)  # fmt: skip
def test_key_signatures(token, fifths):
    assert read_signature(token) == fifths


@pytest.mark.parametrize(
    ("token", "key"),
    [
        ("*C:", (0, MAJOR)), ("*f#:", (3, MINOR)), ("*B-:", (-2, MAJOR)),
        ("*D:dor", (0, UNKNOWN_MODE)), ("*g:dor", (-1, UNKNOWN_MODE)), ("*F:ion", (-1, MAJOR)),
        ("*A:aeo", (0, MINOR)), ("*E:phr", (0, UNKNOWN_MODE)),
        ("*?:", None), ("*X:", None), ("*clefG2", None),
    ],
)  # fmt: skip
def test_keys(token, key):
    assert read_designation(token) == key


@pytest.mark.parametrize(
    ("token", "metre"),
    [
        ("*M3/4", (3, 4)), ("*M12/16", (12, 16)), ("*M3/0", (6, 1)), ("*M3+2/8", (5, 8)),
        ("*M4/4:2/2", (4, 4)), ("*M3/5", None), ("*M3/3%2", None), ("*M0/4", None),
        ("*M999/4", None), ("*MX", None), ("*M?/4", None),
    ],
)  # fmt: skip
def test_metres(token, metre):
    assert read_metre(token) == metre


def test_tempos_and_syllables():
    assert [read_tempo(token) for token in ("*MM96", "*MM72.5", "*MM[Adagio]", "*MM0")] == [
        96, 72.5, None, None,
    ]  # fmt: skip
    assert [read_syllable(token) for token in ("Ky-", "-ri-", "-e", "la", "|", "_", "o_")] == [
        ("begin", "Ky"), ("middle", "ri"), ("end", "e"), ("single", "la"), None, None,
        ("single", "o"),
    ]  # fmt: skip


def test_marks_change_where_the_next_row_sounds():
    text = spine(
        "*k[]", "*a:", "*M2/4", "*MM60", "=1", "2c", "=2", "*k[b-]", "*M3/4", "*MM90", "2.d"
    )
    score, _ = parsed(text)
    at = 2 * QUARTER
    assert score.key_signatures.tolist() == [(0, 0, MINOR), (at, -1, UNKNOWN_MODE)]
    assert score.time_signatures.tolist() == [(0, 2, 4), (at, 3, 4)]
    assert score.tempos.tolist() == [(0, 60.0), (at, 90.0)]


@pytest.mark.parametrize(
    ("tokens", "keys"),
    [
        (["*k[]", "*d:", "1c"], [(0, 0, UNKNOWN_MODE)]),  # a minor key without its flat
        (["*d:", "1c"], [(0, -1, MINOR)]),
        (["*k[b-]", "*F:", "1c", "*d:", "1c"], [(0, -1, MAJOR), (4 * QUARTER, -1, MINOR)]),
        (["*k[b-]", "*F:", "1c", "*C:", "1c"], [(0, -1, MAJOR)]),  # a modulation
    ],
)
def test_a_key_tells_the_mode_of_its_signature(tokens, keys):
    score, _ = parsed(spine(*tokens))
    assert score.key_signatures.tolist() == keys


def test_marks_unlike_the_first_parts_are_said():
    text = kern("**kern **kern", "*k[b-] *k[]", "*M3/4 *M6/8", "2.c 2.d", "*- *-")
    score, told = parsed(text)
    assert (score.key_signatures.tolist(), score.time_signatures.tolist()) == (
        [(0, 0, UNKNOWN_MODE)],
        [(0, 6, 8)],
    )
    assert told == (
        "metres unlike the first part's left out: 1 (first in quarter 0); "
        "key signatures unlike the first part's left out: 1 (first in quarter 0)"
    )


def test_what_no_score_can_hold_is_said():
    _, told = parsed(spine("*k[f##]", "*M3/5", "1c"))
    assert told == (
        "key signatures that are none left out: 1 (first in line 2); "
        "metres that a score cannot hold left out: 1 (first in line 3)"
    )


def test_names_and_instruments():
    text = kern(
        "**kern **kern **kern", "*Icello *Ivioln *Ivioln", '*I:[BASSO] *I"Violino *', "1C 1c 1g",
        "*- *- *-",
    )  # fmt: skip
    score, _ = parsed(text)
    assert [(part.name, part.program) for part in score.parts] == [
        ("", 40), ("Violino", 40), ("BASSO", 42),
    ]  # fmt: skip


def test_a_transposing_instrument_is_written_as_it_sounds():
    score, _ = parsed(spine("*ITrd1c2", "*clefGv2", "1c"))
    assert sounding(score) == [(0, 4, 60)]


def test_syllables_under_the_part_at_their_left():
    text = kern(
        "**kern **text **text **kern **dynam", "4c Ky- Lord, 4e p", "4d -ri- | 8f .",
        ". a . 8g .", "2c -e have 2g .", "*- *- *- *- *-",
    )  # fmt: skip
    score, told = parsed(text)
    assert [tuple(row) for row in score.lyrics[["onset", "part", "verse", "syllabic", "text"]]] == [
        (0, 1, 1, "begin", "Ky"), (0, 1, 2, "single", "Lord,"), (QUARTER, 1, 1, "middle", "ri"),
        (2 * QUARTER, 1, 1, "end", "e"), (2 * QUARTER, 1, 2, "single", "have"),
    ]  # fmt: skip
    assert told.startswith("syllables under no note left out: 1 (first in line 4)")


def test_fermatas_of_notes_and_rests():
    text = kern("**kern", "*^", "2e; 2c", "*v *v", "2r;", "*-")
    score, _ = parsed(text)
    assert score.fermatas.tolist() == [(0, 0, 0), (2 * QUARTER, 0, 0)]


# ---- bars and sections ----------------------------------------------------------------


def test_bars_have_the_numbers_that_the_file_prints():
    text = spine("*M2/4", "4r", "=8", "2c", "=9", "4d", "=:|!", "4e", "=12", "2f", "==")
    score, _ = parsed(text)
    assert score.bars["number"].tolist() == ["", "8", "", "", "12"]
    assert score.bar_numbers == (0, 8, 9, "X1", 12)


def test_the_first_bar_of_a_file_is_no_pickup_where_it_is_numbered():
    score, _ = parsed(spine("*M3/4", "=1-", "4c", "=2", "2.d"))
    assert score.bar_numbers == (1, 2)


def sections(expansion, *items):
    """Write a bar a token, and the labels of sections, which begin with a capital."""
    tokens = [f"*>[{expansion}]", "*>norep[A]", "*M4/4"]
    for index, item in enumerate(items):
        tokens += [f"*>{item}"] if item[0] in "ABCDI" else [f"={index}", item]
    return parsed(spine(*tokens, "=="))


@pytest.mark.parametrize(
    ("expansion", "items", "order"),
    [
        ("A,A,B", ["A", "1c", "1d", "B", "1e", "1f"], [0, 1, 0, 1, 2, 3]),
        ("A,A,B,B", ["A", "1c", "B", "1e"], [0, 0, 1, 1]),
        ("A,B", ["A", "1c", "B", "1e"], [0, 1]),
        ("A,B,A", ["A", "1c", "B", "1e"], [0, 1, 0]),
        ("A,A1,A,A2", ["A", "1c", "A1", "1d", "A2", "1e"], [0, 1, 0, 2]),
        ("I,A,A1,A,A2", ["I", "1b", "A", "1c", "A1", "1d", "A2", "1e"], [0, 1, 2, 1, 3]),
        ("B,B", ["1c", "B", "1d"], [0, 1, 1]),
        # The signs play what the list says, with endings after the labels.
        ("A,A,B", ["A", "1c", "1d", "=:|!", "B", "1e"], [0, 1, 0, 1, 2]),
        ("A,A1,A,A2", ["A", "1c", "A1", "1d", "=:|!", "A2", "1e"], [0, 1, 0, 2]),
        # A minuet: after its trio it is played again without repeats.
        ("A,A,B,B,C,C,A,B", ["A", "1c", "=:|!", "B", "1d", "=:|!", "C", "1e", "=:|!"],
         [0, 0, 1, 1, 2, 2, 0, 1]),
        # A list that the signs contradict.
        ("B,A", ["A", "1c", "=:|!", "B", "1d"], [1, 0]),
    ],
)  # fmt: skip
def test_expansion_lists_are_played(expansion, items, order):
    score, told = sections(expansion, *items)
    assert told == ""
    assert playing_order(score) == order


def test_an_order_of_sections_that_are_not_there_is_said():
    score, told = sections("A,C", "A", "1c", "B", "1d")
    assert told == "order of sections [A,C] not followed"
    assert playing_order(score) == [0, 1]


def test_a_section_that_begins_within_a_bar_is_said():
    _, told = parsed(spine("*>[A,B]", "*>A", "*M4/4", "=1", "2c", "*>B", "2d", "=="))
    assert told == "order of sections [A,B] not followed"


# ---- faults ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("**text\nla\n*-\n", r"a Humdrum file without a \*\*kern spine that holds anything"),
        ("**kern\t**kern\n4c\n*-\n", "line 2: 1 tokens in 2 spines"),
        ("**kern\n4c\t4d\n*-\n", "line 2: 2 tokens in 1 spines"),
        ("**kern\t**kern\n*^\n4c\t4e\t4g\n", "line 2: 1 tokens in 2 spines"),
        ("**kern\t**kern\n*x\t*\n*-\t*-\n", r"line 2: \*x without a neighbour"),
        ("**kern **kern\n4c 4d\n*- *-\n", "line 1: spines divided by spaces: expected tabs"),
        ("**kern\n4ccccccccc\n*-\n", "line 2: pitch 156 of '4ccccccccc': expected 0 to 127"),
        ("**kern\n" + "00000000c\n" * 100 + "*-\n", "line 100: 100,352 quarter notes of time"),
        (
            "\t".join(["**kern"] * 129) + "\n" + "\t".join("*" * 129),
            "129 parts: at most 128 are read",
        ),
        ("**kern\n4c\n" + "=\n" * 20001, "20,001 bars: at most 20,000 are read"),
    ],
)
def test_refusals_are_one_line(text, reason):
    with pytest.raises(ScoreFileError, match=f"^{reason}"):
        read_kern(text.encode(), Report())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("**kern\t**kern\n4c\t4e\n=2\n4d\t4f\n*-\t*-\n", "rows with too few tokens filled up: 1"),
        ("**kern\t**kern\n*M2/4\n4c\t4e\n4d\t4f\n*-\t*-\n", "rows with too few tokens filled up"),
        ("**kern\t\t**kern\n4c\t\t4e\n4d\t4f\n*-\t*-\n", ""),
        ("**kern\t**kern\n4c\t4e\n\x1e\t4f\n*-\t*-\n", "tokens that are no notes left out: 1"),
        ("**kern\t**kern\n2c\t4e\n\t4f\n*-\t*-\n", "empty tokens taken as null tokens: 1"),
        ("**kern\t**kern\n4c\t4e\n4d\t4f\n", r"spines that the file does not end (*-)"),
        ("4c\n**kern\t**kern\n4c\t4e\n4d\t4f\n*-\t*-\n4g\n", "lines outside of all spines left"),
    ],
)  # fmt: skip
def test_what_can_be_saved_is_read(text, told):
    score, said = parsed(text)
    assert said.startswith(told) and bool(said) == bool(told)
    assert sounding(score, 0) == [(0, 1, 64), (1, 1, 65)]


def test_a_spine_is_not_divided_without_end():
    rows = ["\t".join(["*^"] * 2**i) for i in range(12)]
    with pytest.raises(ScoreFileError, match="2,048 spines: at most 1,024 are read"):
        read_kern("\n".join(["**kern", *rows, "4c", ""]).encode(), Report())


def test_pieces_of_the_corpus():
    corpus = read_corpus(
        ["music21:bach/bwv281.krn", "music21:mazurka06-2", "music21:palestrina/Agnus_I_18"],
        n_jobs=1,
    )
    assert not corpus.refused
    sizes = {
        name: (score.n_parts, score.n_bars, len(score.notes))
        for name, score in zip(corpus.names, corpus, strict=True)
    }
    assert sizes == {
        "bach/bwv281.krn": (4, 9, 125),
        "chopin/mazurka06-2.krn": (2, 75, 787),
        "palestrina/Agnus_I_18.krn": (5, 41, 479),
    }
    lengths = np.diff(corpus[0].bars["onset"]) / QUARTER
    assert set(lengths.tolist()[1:]) == {4.0}
