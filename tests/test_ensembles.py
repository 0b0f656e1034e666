"""Other ensembles than four parts: what is learned from, under which names, and what it writes."""

import numpy as np
import pytest

from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.composers.chorale.models import finish_for
from stats_composer.composers.chorale.page import PARTS, common_parts
from stats_composer.composers.chorale.training import _chosen, in_voices, objection
from stats_composer.errors import EncodingError, ScoreError
from stats_composer.io import read, write
from stats_composer.score import Part, Score, make_notes
from stats_composer.score.staves import closed_score
from stats_composer.theory import TICKS_PER_QUARTER

QUARTER = TICKS_PER_QUARTER
CHORDS = [
    (67, 64, 60), (69, 65, 60), (67, 64, 60), (65, 62, 59),
    (64, 60, 55), (65, 62, 57), (62, 59, 55), (60, 60, 52),
]  # fmt: skip


def piece(chords, names, up=0):
    """Write chords of quarters, a part a voice."""
    n = len(chords[0])
    onset = np.repeat(np.arange(len(chords)) * QUARTER, n)
    part = np.tile(np.arange(n), len(chords))
    notes = make_notes(onset=onset, pitch=np.ravel(chords) + up, part=part, duration=QUARTER)
    return Score(notes, parts=tuple(Part(name, 52) for name in names))


def staff(*columns):
    """Write quarters on a staff, some of several notes."""
    rows = [(i * QUARTER, pitch) for i, column in enumerate(columns) for pitch in column]
    onset, pitch = zip(*rows, strict=True)
    return onset, pitch


def on_two_staves(upper, lower):
    notes = [staff(*upper), staff(*lower)]
    onset, pitch = (np.concatenate([np.array(n[k]) for n in notes]) for k in (0, 1))
    part = np.repeat([0, 1], [len(n[0]) for n in notes])
    return Score(
        make_notes(onset=onset, pitch=pitch, part=part, duration=QUARTER),
        parts=(Part("Piano"), Part("Piano")),
    )


def test_chords_of_two_on_two_staves_are_four_voices():
    score = in_voices(on_two_staves([(64, 67), (65,)], [(48, 55), (50, 57)]))
    pitch = [score.select(*pair).notes["pitch"].tolist() for pair in score.voices]
    assert pitch == [[67, 65], [64, 65], [55, 57], [48, 50]]  # F is sung by both
    assert objection(score) == ""
    assert common_parts([score]) == PARTS


@pytest.mark.parametrize(
    ("upper", "lower"),
    [([(60, 64, 67)], [(48, 55)]), ([(64,), (65,)], [(48, 55), (50, 57)])],
    ids=["three notes", "one voice above"],
)
def test_other_chords_are_left_as_they_are(upper, lower):
    score = on_two_staves(upper, lower)
    assert in_voices(score) is score
    assert objection(score).startswith("chords within part")


def test_those_of_as_many_voices_as_most_are_learned_from():
    three = [piece(CHORDS[::-1] * 2, "ABC"), piece(CHORDS * 2, "ABC", 1)]
    two = piece([chord[:2] for chord in CHORDS], "AB")
    one = piece([chord[:1] for chord in CHORDS], "A")
    refused: dict[str, str] = {}
    named = [("a", three[0]), ("b", two), ("c", three[1]), ("d", one), ("e", three[1])]
    assert list(_chosen(named, ["e"], refused)) == ["a"]
    assert refused == {
        "b": "2 voices, and most have 3",
        "c": "the tune of a score that is held out",
        "d": "1 voices",
        "e": "held out",
    }


def test_parts_are_named_as_most_are():
    quartets = [
        piece([(76, 72, 67, 48)], ["Violin", "Violin", "Viola", "Cello"]),
        piece([(76, 72, 67, 48)], ["Violin", "Violin", "Viola", "Bass"]),
        piece([(76, 72, 67, 48)], ["Violin", "Violin", "Viola", "Cello"]),
    ]
    assert [p.name for p in common_parts(quartets)] == ["Violin 1", "Violin 2", "Viola", "Cello"]
    assert common_parts([piece(CHORDS, ["", "Alto", ""])])[0].name == "Voice 1"
    with pytest.raises(EncodingError, match="scores of 3 and 4 voices: expected as many in each"):
        common_parts([*quartets, piece(CHORDS, ["", "Alto", ""])])


def test_few_pieces_have_a_shorter_end_of_the_fit():
    assert finish_for(1000) == finish_for(100)
    assert finish_for(4)[1].n_steps < finish_for(60)[1].n_steps < finish_for(100)[1].n_steps


def test_closed_score_reads_back_as_the_same_voices(tmp_path):
    choir = piece([(72, 67, 64, 48), (71, 67, 62, 55)], ["Soprano", "Alto", "Tenor", "Bass"])
    closed = closed_score(choir)
    assert [part.name for part in closed.parts] == ["Soprano Alto", "Tenor Bass"]
    write(closed, tmp_path / "closed.musicxml")
    again = read(tmp_path / "closed.musicxml")
    assert (again.n_parts, objection(again)) == (2, "")
    pitch = [again.select(*pair).notes["pitch"].tolist() for pair in again.voices]
    assert pitch == [[72, 71], [67, 67], [64, 62], [48, 55]]
    with pytest.raises(ScoreError, match="each of one voice"):
        closed_score(closed)


@pytest.fixture(scope="module")
def trio(tmp_path_factory):
    """Train a composer of three voices on two pieces in 4/4 and major; take it from its file."""
    names = ["Soprano", "Soprano", "Alto"]
    scores = [piece(CHORDS * 2, names, up) for up in (0, 2)]
    path = tmp_path_factory.mktemp("models") / "trio.npz"
    ChoraleComposer().fit(scores).save(path)
    return ChoraleComposer.load(path)


@pytest.mark.parametrize("options", [{"key": "D"}, {"key": "d", "time_signature": "3/4"}], ids=str)
def test_it_composes_in_keys_and_metres_that_it_never_saw(trio, options):
    score = trio.compose(bars=3, random_state=1, **options)
    assert [part.name for part in score.parts] == ["Soprano 1", "Soprano 2", "Alto"]
    assert len(score.voices) == 3
    assert score.n_bars == 3


def test_it_sets_a_melody_in_any_of_its_voices(trio):
    melody = piece([chord[1:2] for chord in CHORDS], ["Tune"])
    score = trio.harmonize(melody, voice="soprano 2", random_state=1)
    assert score.select(1).notes["pitch"].tolist() == [chord[1] for chord in CHORDS]
    again = trio.resample(score, bars=(1, 1), voices=["alto"], random_state=2)
    assert again.select(0).notes["pitch"].tolist() == score.select(0).notes["pitch"].tolist()
    with pytest.raises(EncodingError, match="expected one of soprano 1, soprano 2, alto"):
        trio.harmonize(melody, voice="tenor")
