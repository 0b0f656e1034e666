"""A melody among chords in one part, and tunes of odd layouts."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from stats_composer.composers.jazz import JazzComposer
from stats_composer.composers.jazz.page import beat_of, beats_of
from stats_composer.composers.jazz.tune import hear_tune
from stats_composer.errors import EncodingError
from stats_composer.io import read
from stats_composer.listening import LineModel
from stats_composer.listening.lines import _beside
from stats_composer.score import (
    BAR_DTYPE,
    CHORD_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Score,
    make_notes,
    make_table,
)

QUARTER = 10080


@pytest.fixture(scope="module")
def composer():
    return JazzComposer.bundled()


def together(n_bars=8):
    """Write a tune over held triads in one part; return it, and which notes are the tune."""
    rng = np.random.default_rng(1)
    rows = []
    for bar in range(n_bars):
        start = bar * 4 * QUARTER
        chord = ((48, 52, 55), (45, 48, 53))[bar % 2]
        rows += [(start, 4 * QUARTER, pitch, 60, False) for pitch in chord]
        for beat, pitch in enumerate(rng.integers(70, 79, 4).tolist()):
            rows.append((start + beat * QUARTER, QUARTER, pitch, 100, True))
    onset, duration, pitch, velocity, is_tune = np.array(rows).T
    score = Score(make_notes(onset=onset, duration=duration, pitch=pitch, velocity=velocity))
    highest = score.notes["pitch"] >= 70
    assert highest.sum() == is_tune.sum()
    return score, highest


def test_a_melody_is_found_among_chords():
    score, tune = together()
    assert (LineModel.bundled().melody(score.notes) == tune).mean() > 0.9


def test_notes_are_described_beside_the_nearest_of_their_register():
    onset = QUARTER * np.array([0, 0, 1, 2])
    notes = make_notes(
        onset=onset, duration=QUARTER * np.array([2, 1, 1, 1]), pitch=[60, 76, 74, 62],
        velocity=[80, 96, 80, 80],
    )  # fmt: skip
    rows = _beside(notes, np.array([0, 0, 1, 2]))
    before, after = rows[:, :4], rows[:, 4:8]
    # Nothing before the first; D5 follows E5 a quarter later, softer by 16, where it ends.
    assert before[0].tolist() == [4, 0, 0, 0]
    assert after[1].tolist() == [1, 1, 2 / 7, 0] and before[2].tolist() == [1, 1, 2 / 7, 0]
    # D4 is struck as C4 ends, two quarters on; the lower of two has nothing below, C4 under E5.
    assert after[0].tolist() == [2, 0, 2 / 7, 0]
    assert rows[:, 8].tolist() == [1, 16 / 12, 1, 1]
    assert rows[:, 10].tolist() == [1, 1, 1, 1]


def test_a_part_is_taken_apart(composer):
    heard = hear_tune(together()[0], composer.solos_)
    assert heard.tune.n_parts == 2 and "taken apart" in heard.account[1]
    assert (heard.page.notes["pitch"] < 60).mean() > 0.85
    assert heard.missing == ("bass",)


@pytest.mark.parametrize(
    ("metres", "beat"),
    [
        ([(0, 4, 4)], QUARTER),
        ([(0, 6, 8)], 3 * QUARTER // 2),
        ([(0, 7, 8)], QUARTER // 2),
        ([(0, 2, 2)], 2 * QUARTER),
        ([(0, 4, 4), (4 * QUARTER, 3, 4)], QUARTER),
        ([(0, 4, 4), (4 * QUARTER, 6, 8)], QUARTER // 2),
    ],
)
def test_every_metre_has_a_beat(composer, metres, beat):
    page = Score(
        make_notes(onset=[0], pitch=[60]),
        time_signatures=make_table(TIME_SIGNATURE_DTYPE, metres),
        chords=make_table(CHORD_DTYPE, [(0, "C")]),
        end=7 * QUARTER if len(metres) > 1 else 0,
    )
    assert beat_of(page) == beat and len(beats_of(page)) == page.end // beat
    solo = composer.improvise(page.replace(notes=page.notes[:0]), band=(), random_state=1)
    assert len(solo.notes) and (solo.notes["part"] == 0).all()


def test_a_bar_of_no_whole_eighths_is_told():
    bars = make_table(BAR_DTYPE, onset=np.array([0, 4 * QUARTER, 7 * QUARTER + 1260]))
    page = Score(make_notes(onset=[0], pitch=[60]), bars=bars)
    with pytest.raises(EncodingError, match="bar 2: expected a bar of whole eighths"):
        beat_of(page)


@pytest.mark.parametrize("pitch", [[60], [60, 64, 67]])
def test_one_note_or_chord_is_a_tune(composer, pitch):
    score = Score(make_notes(onset=[0] * len(pitch), duration=4 * QUARTER, pitch=pitch))
    heard = hear_tune(score, composer.solos_)
    assert len(heard.tune.chords) and "No tempo: 120 quarters a minute." in heard.account
    assert composer.improvise(heard.page, band=heard.missing, random_state=0).n_bars == 1


CORPUS = (
    ("bach/bwv1.6", 1), ("bach/bwv10.7", 0), ("joplin/maple_leaf_rag", 0),
    ("leadSheet/fosterBrownHair", 0), ("leadSheet/berlinAlexandersRagtime", 0),
    ("liliuokalani/aloha_oe", 0), ("haydn/opus1no1/movement1", 0), ("mozart/k155/movement1", 0),
    ("corelli/opus3no1/1grave", 0), ("schoenberg/opus19/movement2", 0),
    ("beethoven/opus18no1/movement3", 0), ("palestrina/Agnus_00", 0),
    ("monteverdi/madrigal.3.1", 1), ("trecento/Fava_Dicant_nunc_iudei", 0),
    ("verdi/laDonnaEMobile", 0),
)  # fmt: skip
"""Scores of music21's corpus, and the part that a listener would call the melody."""


@pytest.mark.fuzz
@pytest.mark.parametrize(("name", "part"), CORPUS)
def test_any_score_gives_a_solo(composer, name, part):
    from music21 import corpus

    path = min(p for p in corpus.getPaths() if str(p.with_suffix("")).endswith(f"corpus/{name}"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score = read(path)
    score = score.replace(parts=tuple(replace(p, name="") for p in score.parts))
    heard = hear_tune(score, composer.solos_)
    solo = composer.improvise(heard.page, band=heard.missing, random_state=1)
    assert heard.melody == part and (solo.notes["part"] == 0).sum() > 20
