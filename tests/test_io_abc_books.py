"""ABC files: tunes and the text around them, letters, line ends, and what is refused."""

import pytest

from stats_composer.errors import ScoreFileError, ScoreWarning
from stats_composer.io import read, read_all
from stats_composer.io.abc import read_abc
from stats_composer.io.report import Report

ONE = "X:1\nT:One\nM:4/4\nL:1/4\nK:C\nCDEF|\n"


def book(text):
    """Give the pitches of each tune, and what was said."""
    report = Report()
    data = text if isinstance(text, bytes) else text.encode()
    return [score.notes["pitch"].tolist() for score in read_abc(data, report)], str(report)


@pytest.mark.parametrize(
    ("text", "tunes"),
    [
        (ONE + "\nA bad cafe.\n", [[60, 62, 64, 65]]),
        (ONE + "  \t\nA bad cafe.\n", [[60, 62, 64, 65]]),
        (ONE + "%\n%%text a cab\nG|\n", [[60, 62, 64, 65, 67]]),
        (ONE + "%%beginps\nabc\n\ndef\n%%endps\nG|\n", [[60, 62, 64, 65, 67]]),
        (ONE + "%%begintext\nabc never ended\nX:2\nL:1/4\nK:D\nF|\n", [[60, 62, 64, 65], [66]]),
        (ONE + "\nPlayed every Friday.\n\nX:2\nK:D\nF|\n", [[60, 62, 64, 65], [66]]),
        ("% a comment\n%%pagewidth 21cm\n%%MIDI transpose 2\n" + ONE, [[62, 64, 66, 67]]),
        ("%abc-2.1\nL:1/4\n\n" + ONE, [[60, 62, 64, 65]]),
        ("M:4/4\nK:G\nFG|\n", [[66, 67]]),
        ("X:1\nT:Two\n\nL:1/4\nK:D\nF|\n", [[66]]),
        (ONE.replace("\n", "\r"), [[60, 62, 64, 65]]),
        (ONE.replace("\n", "\r\n"), [[60, 62, 64, 65]]),
        (b"\xef\xbb\xbf" + ONE.encode(), [[60, 62, 64, 65]]),
        (ONE.encode("utf-16"), [[60, 62, 64, 65]]),
        ("X:1\nH:A long story\nabc of it\nL:1/4\nK:C\nC|\n", [[60]]),
    ],
)
def test_what_is_music_and_what_is_not(text, tunes):
    assert book(text) == (tunes, "")


def test_music_after_the_end_of_its_tune_is_said():
    _, told = book(ONE + "\nGABc|c4|\nV:2\nC4|\n")
    assert told == "music after the end of its tune left out: 2 (first in tune 1)"


def test_a_tune_that_cannot_be_read_is_named_and_left_out():
    tunes, told = book(ONE + "\nX:2\nT:Two\nCDEF|\n\nX:3\nL:1/4\nK:C\nG|\n")
    assert tunes == [[60, 62, 64, 65], [67]]
    assert told == "tunes left out: 1 (tune 2: no key field K:)"


def test_a_book_says_of_many_tunes_how_many_it_leaves_out():
    _, told = book(ONE + "".join(f"\nX:{i}\nCDEF|\n" for i in range(2, 14)))
    assert told.startswith("tunes left out: 12 (tune 2: no key field K:; tune 3:")
    assert told.endswith(" and 4 more)")


def test_one_bad_note_or_field_costs_no_tune():
    tunes, told = book("X:1\nL:1/0\nM:4/5\nQ:x\nK:H\nC/0 C''''''''''D|\n")
    assert tunes == [[60, 62]]
    assert told == (
        "left out: unit length '1/0': 1 (first in tune 1 bar 1); "
        "left out: metre '4/5': 1 (first in tune 1 bar 1); "
        "tempos without a number left out: 1 (first in tune 1); "
        "left out: key 'H': 1 (first in tune 1 bar 1); "
        "notes of length 0 given the unit length: 1 (first in tune 1 bar 1); "
        "notes outside the MIDI pitches 0 to 127 left out: 1 (first in tune 1 bar 1)"
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("letter.abc", "Dear friend,\ncabbages are ripe.\n", "not ABC: it starts with 'Dear fr"),
        ("letter.abc", "X:1\nK:C\nDear friend, your\nhouse looks wonderful. It's truly so.\n",
         "tune 1: .* signs that are no ABC beside .* notes: text rather than music"),
        ("keyless.abc", "X:1\nT:Tune\nCDEF|\n", "tune 1: no key field K:"),
        ("titles.abc", "X:1\nT:Only a title\n", "no tune: expected X: and K:, and notes"),
        ("long.abc", "X:1\nK:C\nZ99999|\n", "bars: at most"),
        ("long.abc", "X:1\nK:C\nC999999|\n", "quarter notes: at most"),
        ("macro.abc", "X:1\n" + "m:a=aaaaaaaaaa\n" * 9 + "K:C\na|\n", "letters of a line"),
    ],
)  # fmt: skip
def test_refusals_say_where_and_why(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ScoreFileError, match=f"{name}: .*{message}"):
        read(path)


def test_a_tune_without_a_note_is_read_as_empty():
    tunes, told = book("X:1\nT:Empty\nM:3/4\nK:C\n")
    assert tunes == [[]] and told == ""


def test_a_book_warns_in_one_line(tmp_path):
    path = tmp_path / "book.abc"
    path.write_text(ONE + "\nX:2\nT:Two\nCDEF|\n")
    with pytest.warns(ScoreWarning, match=r"book.abc: tunes left out: 1 \(tune 2: no key"):
        assert len(read_all(path)) == 1
