"""ABC's voices, each with settings of its own, and the words under them."""

import pytest

from stats_composer.io.abc import read_abc
from stats_composer.io.report import Report

QUARTER = 10080


def tune(text):
    report = Report()
    (score,) = read_abc(f"X:1\n{text}\n".encode(), report)
    return score, str(report)


def voices(text):
    """Write the notes of each part as pitch:quarters, in their order."""
    score, _ = tune(text)
    parts = [[] for _ in score.parts]
    for row in score.notes:
        parts[row["part"]].append(f"{row['pitch']}:{row['duration'] / QUARTER:g}")
    return [" ".join(part) for part in parts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # What the head says holds for all, what the body says for its voice.
        ("L:1/4\nK:F\nV:1\nB|\nK:D\nf|\nV:2\nB|\nK:D\nf|", ["70:1 78:1", "70:1 78:1"]),
        ("L:1/4\nK:C\nV:1\nF|[K:D]F|\nV:2\nF|F|", ["65:1 66:1", "65:1 65:1"]),
        ("L:1/4\nK:C\n[V:1]F[K:D]F|\n[V:2]F|\n[V:1]F|", ["65:1 66:1 66:1", "65:1"]),
        ("L:1/8\nK:C\nV:1\nV:2\nL:1/4\nV:1\nC2|\nV:2\nC|", ["60:1", "60:1"]),
        ("M:4/4\nL:1/4\nK:C\nV:1\nC|[M:2/4]Z|D|\nV:2\nC|Z|D|", ["60:1 62:1", "60:1 62:1"]),
        ("L:1/4\nK:C\nV:1\n^C|\nV:2\nC|", ["61:1", "60:1"]),
        ("L:1/4\nK:C\nV:1\nC>\nV:2\nCD\nV:1\nD|", ["60:1.5 62:0.5", "60:1 62:1"]),
        # The key of the head holds for voices named before it.
        ("V:1\nV:2\nL:1/4\nK:Eb\n[V:1]E[V:2]A", ["63:1", "68:1"]),
        # Music before the first V: is the first voice's.
        ("L:1/4\nK:C\nCD|\nV:1\nEF|\nV:2\nC|", ["60:1 62:1 64:1 65:1", "60:1"]),
        ("L:1/4\nK:C\nCD|\nV:S\nEF|\nV:B\nC|", ["60:1 62:1 64:1 65:1", "60:1"]),
        ("L:1/4\nK:C\nCD|\nV:2\nEF|\nV:1\nC|", ["60:1 62:1 60:1", "64:1 65:1"]),
        # What moves the pitch: of all voices in the head, of one in the body and at its V:.
        ("L:1/4\n%%MIDI transpose -2\nK:C\nV:1\nC|\nV:2\nE|", ["58:1", "62:1"]),
        ("L:1/4\nK:C\nV:1\n%%MIDI transpose -2\nC|\nV:2\nE|", ["58:1", "64:1"]),
        ("L:1/4\nV:1 treble-8\nV:2 octave=1\nV:3 transpose=-3\nK:C\n[V:1]C[V:2]C[V:3]C",
         ["48:1", "72:1", "57:1"]),
        ("L:1/4\nK:C\nV:1\nC|\nV:2 clef=bass octave=-1\nC|\nV:1\nC|\nV:2\nC|",
         ["60:1 60:1", "48:1 48:1"]),
        # A voice without music is no part.
        ("L:1/4\nV:1\nV:2\nV:3\nK:C\n[V:2]C|", ["60:1"]),
    ],
)  # fmt: skip
def test_voices(text, expected):
    assert voices(text) == expected


def test_voices_have_names_and_instruments():
    score, _ = tune(
        'L:1/4\nV:1 name="Fl\\"ote" clef=treble\n%%MIDI program 73\nV:2 nm=Bass\n'
        "%%MIDI program 32\nK:C\n[V:1]C[V:2]C,\n"
    )
    assert [(part.name, part.program) for part in score.parts] == [("Flöte", 73), ("Bass", 32)]


def test_bars_go_on_where_the_first_voice_ends():
    score, _ = tune("M:2/4\nL:1/4\nK:C\nV:1\nCD|\nV:2\nCD|EF|GA|")
    assert score.bars["onset"].tolist() == [0, 2 * QUARTER, 4 * QUARTER]


def test_overlays_are_voices_of_a_part():
    score, _ = tune("M:2/4\nL:1/4\nK:C\nCD & E2 & G2-|EF & z2 & G2|")
    rows = score.notes[["onset", "duration", "pitch", "voice"]].tolist()
    assert [(on // QUARTER, length // QUARTER, *more) for on, length, *more in rows] == [
        (0, 1, 60, 0), (0, 2, 64, 1), (0, 4, 67, 2), (1, 1, 62, 0), (2, 1, 64, 0), (3, 1, 65, 0)
    ]  # fmt: skip


def sung(text):
    score, _ = tune(text)
    return [(row[0] // QUARTER, *row[3:]) for row in score.lyrics.tolist()]


def words(text):
    return " ".join(f"{onset}{word}" for onset, _, _, word in sung(text))


HEAD = "M:4/4\nL:1/4\nK:C\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CDEF|\nGABc|\nw: a b c d e f ge-h\ncBAG|\nw: down we\n+: go a-gain",
         "0a 1b 2c 3d 4e 5f 6ge 7h 8down 9we 10go 11a"),
        ("CDEF|\\\nGABc|\nw: a b c d e", "0a 1b 2c 3d 4e"),
        ("CDEF|\nw:\nGABc|\nw: e f", "4e 5f"),
        ("CDEF|\nw: a-a--a", "0a 1a 3a"),
        ("CDEF|\nw: time__ so", "0time 3so"),
        ("CDEF|\nw: a * of~the b", "0a 2of the 3b"),
        ("CDEF|GABc|\nw: a|b c|", "0a 4b 5c"),
        ("C z (3DEF {g}G|\nw: a b c d e", "0a 2b 2c 3d 4e"),
        ("C-C [EG]D & c4|\nw: a b c d", "0a 1b 2c 3d"),
        ("CDEF|\nw: a b\\\nw: c d", "0a 1b 2c 3d"),
        ("CDEF|\nw: 1.~Caf\\'e a\\-b \\u007e 50\\%", "0" "1. Café 1a-b 2~ 350%"),
    ],
)  # fmt: skip
def test_words_find_their_notes(text, expected):
    assert words(HEAD + text) == expected


def test_verses_and_voices_have_words_of_their_own():
    text = "V:1\nCD|\nw: one two\nw: three four\nV:2\nEF|\nw: five\nV:1\nG2|\nw: six\n"
    score, _ = tune(HEAD + text)
    rows = score.lyrics[["onset", "part", "verse", "text"]].tolist()
    assert [(row[0] // QUARTER, *row[1:]) for row in rows] == [
        (0, 0, 1, "one"), (0, 0, 2, "three"), (0, 1, 1, "five"), (1, 0, 1, "two"),
        (1, 0, 2, "four"), (2, 0, 1, "six"),
    ]  # fmt: skip


def test_symbol_lines_deal_out_chords_and_fermatas():
    score, _ = tune(HEAD + 'CDEF|GABc|\ns: "Am" * !fermata! | H "F"')
    assert score.chords.tolist() == [(0, "Am"), (5 * QUARTER, "F")]
    assert score.fermatas["onset"].tolist() == [2 * QUARTER, 4 * QUARTER]
