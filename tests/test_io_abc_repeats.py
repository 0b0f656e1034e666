"""ABC's repeats, endings, parts and jumps, as they are heard."""

import pytest

from stats_composer.io.abc import read_abc
from stats_composer.io.report import Report
from stats_composer.score import unfold

LETTERS = {60: "C", 62: "D", 64: "E", 65: "F", 67: "G", 69: "A", 71: "B", 72: "c", 74: "d"}


def tune(body, head=""):
    (score,) = read_abc(f"X:1\n{head}M:2/4\nL:1/4\nK:C\n{body}\n".encode(), Report())
    return score


def heard(body, head=""):
    """Write the notes as played by their letters."""
    return "".join(LETTERS[pitch] for pitch in unfold(tune(body, head)).notes["pitch"].tolist())


@pytest.mark.parametrize(
    ("body", "order"),
    [
        ("|:CD:|EF|", "CDCDEF"),
        ("CD:|EF|", "CDCDEF"),
        ("CD|EF::GA:|B2|", "CDEFCDEFGAGAB"),
        ("CD:||:EF:||GA|", "CDCDEFEFGA"),
        ("CD:|:EF:|GA|", "CDCDEFEFGA"),
        ("CD[|:EF:|]GA|", "CDEFEFGA"),
        ("CD[|EF[|]GA[]B2|", "CDEFGAB"),
        ("CD:|GA:|", "CDCDGAGA"),
        # A repeat without its start begins at the double bar, once there was a repeat.
        ("CD||EF:|", "CDEFCDEF"),
        ("|:CD:|EF||GA:|", "CDCDEFGAGA"),
        ("CD:|EF|GA|]Bc:|", "CDCDEFGABcBc"),
        # As often as colons say, and once more.
        ("|::CD::|EF|", "CDCDCDEF"),
        ("|:::CD:|EF|", "CDCDCDCDEF"),
        ("CD::|:EF:|", "CDCDCDEFEF"),
        # Endings by numbers, lists and ranges.
        ("|:CD|1EF:|2GA|]", "CDEFCDGA"),
        ("|:CD|[1EF:|[2GA||Bc|", "CDEFCDGABc"),
        ("|:CD | 1 EF :| 2 GA |]", "CDEFCDGA"),
        ("|:CD|1. EF:|2. GA|]", "CDEFCDGA"),
        ('|:CD["1."EF:|["2."GA|]', "CDEFCDGA"),
        ("|:CD|1,3EF:|2GA:|4B2|]", "CDEFCDGACDEFCDB"),
        ("|:CD|1-2EF:|3c2|]", "CDEFCDEFCDc"),
        ("|:CD|1-3,5EF:|4,6GA:|", "CDEFCDEFCDEFCDGACDEFCDGA"),
        ("|:CD|1EF:|2GA||Bc:|", "CDEFCDGABcBc"),
        ("CD|1EF:|2GA|]", "CDEFCDGA"),
        ("|:C[1D|EF:|[2G|AB|]", "CDEFCGAB"),
    ],
)
def test_repeats_and_endings(body, order):
    assert heard(body) == order


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("AB", "CDEF"), ("ABBA", "CDEFEFCD"), ("A2B", "CDCDEF"), ("A.(AB)2", "CDCDEFCDEF"),
        ("((A2B)2)B", "CDCDEFCDCDEFEF"), ("AAC", "CDCD"), ("B", "EF"),
    ],
)  # fmt: skip
def test_the_order_of_parts(order, expected):
    assert heard("P:A\nCD|\nP:B\nEF|", f"P:{order}\n") == expected


def test_parts_have_their_own_repeats_and_what_stands_before_them_is_heard_once():
    assert heard("G2|\nP:A\n|:CD:|\nP:B\nE2|1F2:|2A2|\n", "P:BA\n") == "GEFEACDCD"
    score = tune("P:A\nCD|\nP:B\nEF|", "P:AAB\n")
    assert score.order == ("A", "A", "B")
    assert score.jumps[["onset", "kind", "label"]].tolist() == [
        (0, "section", "A"),
        (20160, "section", "B"),
    ]


def test_an_order_of_a_million_parts_is_left_out():
    report = Report()
    body = "X:1\nP:((((A9)9)9)9)9\nL:1/4\nK:C\nP:A\nC|\n"
    (score,) = read_abc(body.encode(), report)
    assert score.order == () and "parts in `P:`" in str(report)


@pytest.mark.parametrize(
    ("body", "order"),
    [
        ("CD !fine!|EF|GA !D.C.!|]", "CDEFGACD"),
        ("CD|!segno!EF|GA|Bc !D.S.!|]", "CDEFGABcEFGABc"),
        ("CD !coda!|EF !D.C.alcoda!|!coda!GA|]", "CDEFCDGA"),
        ("CD !dacoda!|EF !dacapo!|OGA|]", "CDEFCDGA"),
        ("CD|SEF|GA !D.C.!|]", "CDEFGACDEFGA"),
    ],
)
def test_jumps(body, order):
    assert heard(body) == order


def test_a_tie_leads_into_every_ending():
    score = tune("|:C2-|1CD:|2CE|]")
    flat = unfold(score)
    struck = flat.notes[~flat.notes["tied"]]
    assert [LETTERS[pitch] for pitch in struck["pitch"].tolist()] == ["C", "D", "C", "E"]


def test_rests_of_bars_are_bars():
    score = tune("CD|Z4|EF|")
    assert score.n_bars == 6 and score.end == 12 * 10080
    with_repeats = tune("|:Z3:|C2|")
    assert with_repeats.bars["repeat"].tolist() == [1, 0, 2, 0]
