"""Humdrum kern, read through music21's spine parser."""

from collections import Counter

import pytest

from stats_composer.errors import ScoreFileError
from stats_composer.io import read_corpus
from stats_composer.io.kern import read_kern
from stats_composer.io.report import Report

QUARTER = 10080
TUNE = """!!!COM: Bach, Johann Sebastian
!!!OTL: A Tune
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
    report = Report()
    return read_kern(text.encode(), report), str(report)


def test_a_score_of_two_spines():
    score, told = parsed(TUNE)
    assert told == ""
    assert (score.title, score.composer) == ("A Tune", "Bach, Johann Sebastian")
    assert [part.name for part in score.parts] == ["Soprano", "Bass"]
    assert score.pickup == QUARTER
    assert score.bars["onset"].tolist() == [0, QUARTER, 4 * QUARTER]
    assert score.key_signatures.tolist() == [(0, 1, 0)]
    assert score.time_signatures.tolist() == [(0, 3, 4)]
    assert score.fermatas.tolist() == [(3 * QUARTER, 0, 0), (3 * QUARTER, 1, 0)]
    tied = score.notes[(score.notes["onset"] == 3 * QUARTER) & (score.notes["part"] == 0)]
    assert tied[["duration", "pitch"]].tolist() == [(2 * QUARTER, 69)]
    chord = score.notes[score.notes["onset"] == 5 * QUARTER]
    assert chord[["pitch", "fifths"]].tolist() == [(66, 6), (69, 3)]


def test_other_spines_and_grace_notes_are_said():
    text = "**kern\t**text\n*M4/4\t*M4/4\n=1\t=1\n8qd\t.\n1c\tla\n==\t==\n*-\t*-\n"
    _, told = parsed(text)
    assert told == (
        "spines other than **kern left out (**text); grace notes left out: 1 (first in quarter 0)"
    )


def test_a_divided_spine_is_two_voices():
    text = "**kern\n*M4/4\n=1\n*^\n2c\t4e\n.\t4f\n2c\t2g\n*v\t*v\n==\n*-\n"
    score, _ = parsed(text)
    assert len(score.voices) == 2
    assert Counter(score.notes["pitch"].tolist()) == {60: 2, 64: 1, 65: 1, 67: 1}


@pytest.mark.parametrize("text", ["**kern\n4x\n*-\n", "**kern\t**kern\n4c\n*-\n"])
def test_broken_files_are_one_line(text):
    try:
        score, _ = parsed(text)
    except ScoreFileError as error:
        assert "\n" not in str(error)
    else:
        assert len(score.notes) <= 1


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
