"""Wishes by phrase, by numeral, and beside what is given: their meaning worked out by hand."""

import numpy as np
import pytest
from test_constraints import choir, make_page

from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.constraints import (
    Cadence,
    Changes,
    ChordAt,
    InKey,
    MaxCopy,
    Pin,
    Range,
    compile_constraints,
    parse_cadence_flag,
    parse_chord_flag,
)
from stats_composer.constraints.base import check_given
from stats_composer.constraints.known import Known, with_known
from stats_composer.errors import ConstraintError
from stats_composer.score import Part, Score, make_notes
from stats_composer.theory import MAJOR, MINOR, TICKS_PER_QUARTER, parse_chord, parse_numeral

QUARTER = TICKS_PER_QUARTER
CHOIR = ("Soprano", "Alto", "Tenor", "Bass")
C_MAJOR, G_MAJOR, A_MINOR = (0, MAJOR), (1, MAJOR), (3, MINOR)


@pytest.mark.parametrize(
    ("key", "numerals", "symbols"),
    [
        (C_MAJOR, "I ii6 iii IV V7 vi vii°6 viiø7", "C Dm/F Em F G7 Am Bdim/D Bm7b5"),
        (C_MAJOR, "I64 V65 V4/3 V2 I53 IV7 ii7", "C/G G7/B G7/D G7/F C/C Fmaj7 Dm7"),
        (C_MAJOR, "V/V V65/V V7/vi vii°7/ii V6/5/IV", "D D7/F# E7 C#dim7 C7/E"),
        (C_MAJOR, "bII6 bVII iv bVI #iv°7 III+", "Db/F Bb Fm Ab F#dim7 Eaug"),
        (A_MINOR, "i V7 VI7 III iiø65 iv6 VII", "Am E7 Fmaj7 C Bm7b5/D Dm/F G"),
        (A_MINOR, "vii°7 #vii°7 viio6 vii/o7 V42/iv V/III", "G#dim7 G#dim7 G#dim/B G#m7b5 A7/G G"),
    ],
)
def test_numerals_are_chords_of_their_key(key, numerals, symbols):
    found = [parse_numeral(numeral, *key) for numeral in numerals.split()]
    assert found == [parse_chord(symbol) for symbol in symbols.split()]


@pytest.mark.parametrize("text", ["VIII", "iV", "V9", "V7/", "V/x", "IIII", ""])
def test_no_numeral(text):
    with pytest.raises(ValueError, match="expected one such as ii6, V7 or V65/V"):
        parse_numeral(text, 0, MAJOR)


def lines(*rows, n_bars=2, key=G_MAJOR):
    """Write (voice, onset in quarters, quarters, pitch) in four parts."""
    voice, onset, length, pitch = zip(*rows, strict=True)
    notes = make_notes(
        onset=(np.array(onset) * QUARTER).astype(int),
        duration=(np.array(length) * QUARTER).astype(int),
        pitch=pitch,
        part=voice,
    )
    page = make_page(n_bars=n_bars, metre=(4, 4), key=key, names=CHOIR)
    return page.replace(notes=notes)


# Two phrases, which end on the third beat of the first bar and at the end.
SPANS = ((2 * QUARTER, 4 * QUARTER), (6 * QUARTER, 8 * QUARTER))


def allowed(wish, known, voice, quarter, n_bars=2):
    """Return the pitches that a wish leaves to a voice at a place."""
    frame = choir(key=G_MAJOR, n_bars=n_bars)
    factors = compile_constraints(with_known([wish], known), frame)
    row = int(quarter * QUARTER) // frame.step
    line = frame.alphabets[voice].entries + frame.shift
    weights = factors.unary[row, voice, : len(line)]
    sounding = frame.alphabets[voice].entries >= 0
    return set((line[(weights > -np.inf) & sounding] % 12).tolist())


def test_a_cadence_stands_at_its_phrases_own_end():
    known = Known(SPANS, ((0, G_MAJOR),))
    bass = 3
    half = Cadence(kind="half", phrase=1)
    assert allowed(half, known, bass, 2) == {2}  # D
    assert allowed(half, known, 0, 2) == {2, 6, 9}
    assert len(allowed(half, known, 0, 3)) == 12  # the chord of a phrase within has one beat
    last = Cadence()
    assert [allowed(last, known, bass, q) for q in (5.5, 6, 7.5)] == [{2}, {7}, {7}]
    assert len(allowed(last, known, bass, 5)) == 12
    assert allowed(Cadence(phrase=-2, key="V"), known, bass, 2) == {2}
    assert allowed(Cadence(phrase=1, key="V"), known, bass, 1.5) == {9}  # A, the dominant of D
    assert allowed(Cadence(phrase=1, key="vi"), known, 0, 2) == {4, 7, 11}


def test_a_key_of_a_phrase_ends_with_it():
    known = Known(SPANS, ((0, G_MAJOR),))
    d_major = {2, 4, 6, 7, 9, 11, 1}
    wish = InKey(phrase=1, key="V")
    assert [allowed(wish, known, 1, q) for q in (0, 3.5)] == [d_major, d_major]
    assert len(allowed(wish, known, 1, 4)) == 12


def test_the_key_that_is_heard_prevails_over_the_signature():
    assert allowed(InKey(), Known(keys=((0, C_MAJOR),)), 0, 0) == {0, 2, 4, 5, 7, 9, 11}
    changing = Known(keys=((0, C_MAJOR), (4 * QUARTER, A_MINOR)))
    assert allowed(ChordAt(1, 1, "V"), changing, 0, 0) == {7, 11, 2}
    assert allowed(ChordAt(2, 1, "V"), changing, 0, 4) == {4, 8, 11}


def test_a_dominant_goes_before_an_anticipation():
    """The soprano has the tonic an eighth early: the chord before is asked for before that."""
    soprano = lines((0, 5, 0.5, 69), (0, 5.5, 0.5, 67), (0, 6, 2, 67))
    known = Known(SPANS, ((0, G_MAJOR),), soprano, frozenset([0]))
    assert allowed(Cadence(), known, 3, 5) == {2}
    assert len(allowed(Cadence(), known, 3, 5.5)) == 12
    check_given(with_known([Cadence()], known), known)


def test_a_chord_without_a_beat_has_the_whole_bar():
    score = lines((0, 0, 8, 74), (1, 0, 8, 69), (2, 0, 8, 66), (3, 0, 7, 50), (3, 7, 1, 52))
    assert ChordAt(1, None, "V").violations(score) == []
    told = ChordAt(2, None, "V7").violations(score)
    assert told == ["ChordAt(bar=2, beat=None, chord=V7): E3 at bar 2 beat 4 (bass)"]


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (Pin("soprano", 1, 3, "D5"), "the soprano is given, and has B4 from bar 1 beat 3"),
        (Pin("soprano", 1, 3, "B4", 1), "the soprano is given, and has B4 for 2 quarters"),
        (Pin("soprano", 1, 1, "G4"), "the soprano is given, and rests there"),
        (ChordAt(1, 3, "Am"), "B4 at bar 1 beat 3 (soprano) is given, outside the chord; with"),
        (Changes([(1, 1, "D"), (2, 1, "G")]), "B4 at bar 1 beat 3 (soprano) is given, outside"),
        (Cadence(kind="half"), "G4 at bar 2 beat 3 (soprano) is given, outside the chord"),
        (InKey(key="F major"), "B4 at bar 1 beat 3 (soprano) is given"),
        (Range("soprano", "C4", "A4"), "B4 at bar 1 beat 3 (soprano) is given"),
        (Cadence(phrase=3), "phrase 3: expected 1 to 2"),
    ],
    ids=str,
)
def test_what_is_given_is_said_to_contradict(wish, told):
    soprano = lines((0, 1, 1, 69), (0, 2, 2, 71), (0, 4, 2, 69), (0, 6, 2, 67))
    known = Known(SPANS, ((0, G_MAJOR),), soprano, frozenset([0]))
    with pytest.raises(ConstraintError) as caught:
        check_given(with_known([wish], known), known)
    assert str(caught.value).startswith(f"{wish}: {told}")


def test_what_is_given_contradicts_nothing_else():
    soprano = lines((0, 1, 1, 69), (0, 2, 2, 71))
    known = Known(SPANS, ((0, G_MAJOR),), soprano, frozenset([0]))
    wishes = [
        Pin("soprano", 1, 3, "B4", 2), Pin("alto", 1, 1, "D4"), Pin("soprano", 1, 1, "rest"),
        ChordAt(1, 3, "I"), ChordAt(1, 3, "C", weight=-4), Range("soprano", "A4", "B4"),
    ]  # fmt: skip
    check_given(with_known(wishes, known), known)


def test_flags_of_the_shell():
    assert parse_chord_flag("3:V7") == ChordAt(3, None, "V7")
    assert parse_chord_flag("2:1:ii6") == ChordAt(2, 1, "ii6")
    assert parse_chord_flag("2:2.5:C:maj/3", weight=-4) == ChordAt(2, 2.5, "C:maj/3", weight=-4)
    assert parse_chord_flag("2:bVII") == ChordAt(2, None, "bVII")
    assert parse_cadence_flag("half") == [Cadence(kind="half", phrase=-1)]
    assert parse_cadence_flag("2:half:V", weight=-4) == [
        Cadence(kind="half", phrase=2, key="V", weight=-4),
        InKey(phrase=2, key="V", weight=-1.0),
    ]
    for text, message in [
        ("2:amen", "kind 'amen': expected one of authentic"),
        ("half:2", "key '2': expected a tonic and a mode"),
        ("2", "expected phrase:kind:key, such as 2:half"),
    ]:
        with pytest.raises(ConstraintError, match=message):
            parse_cadence_flag(text)


def test_a_melody_is_set_with_the_cadences_that_were_asked_for():
    """A first phrase that ends on the second degree, over the dominant."""
    pitch = [67, 69, 71, 72, 74, 69, 71, 72, 71, 69, 67]
    onset = np.array([0, 1, 2, 3, 4, 6, 8, 9, 10, 11, 12])
    notes = make_notes(
        onset=onset * QUARTER, pitch=pitch, duration=np.diff(onset, append=16) * QUARTER
    )
    melody = Score(notes, parts=(Part("Tune"),))
    wishes = [*parse_cadence_flag("1:half"), ChordAt(3, 1, "I6")]
    score = ChoraleComposer.bundled().harmonize(melody, constraints=wishes, random_state=2)
    end = score.notes["onset"] + score.notes["duration"]
    for quarter, bass, chord in ((6, 2, {2, 6, 9}), (8, 11, {7, 11, 2})):
        tick = quarter * QUARTER
        sounds = score.notes[(score.notes["onset"] <= tick) & (end > tick)]
        assert sounds[sounds["part"] == 3]["pitch"] % 12 == [bass]
        assert {int(pitch) % 12 for pitch in sounds["pitch"]} <= chord


def copied(corpus, line, n):
    """Tell whether n + 1 notes of a line stand in a corpus, by looking at every place."""
    moves = np.stack([np.diff(line["pitch"].astype(int)), np.diff(line["onset"])], axis=1)
    runs = {moves[i : i + n].tobytes() for i in range(len(moves) - n + 1)}
    stops = np.cumsum(corpus.length)
    return any(
        corpus.moves[i : i + n].tobytes() in runs
        for start, stop in zip(stops - corpus.length, stops, strict=True)
        for i in range(start, stop - n + 1)
    )


def test_no_more_notes_in_a_row_are_bachs_than_asked_for():
    composer = ChoraleComposer.bundled()
    plain = composer.compose(bars=4, key="G", random_state=6)
    free = composer.compose(bars=4, key="G", random_state=6, constraints=[MaxCopy(5, None)])
    melody = plain.select(*plain.voices[0])
    wishes = [MaxCopy(5, None), Pin("bass", 1, 1, "G3")]
    setting = composer.harmonize(melody, constraints=wishes, random_state=6)
    lines = [[s.notes[s.notes["part"] == v] for v in range(4)] for s in (plain, free, setting)]
    found = [[copied(composer.corpus_, line, 5) for line in score] for score in lines]
    assert any(found[0])
    assert not any(found[1] + found[2][1:])
    with pytest.raises(ConstraintError, match="stand in the corpus, and are given"):
        composer.harmonize(melody, constraints=[MaxCopy(5)])


def test_a_finished_score_is_asked_for_the_cadence_of_its_own_last_note():
    """A dominant on the second beat's half, and the tonic in the middle of the bar."""
    rows = [(v, 5, 1, pitch) for v, pitch in enumerate((69, 66, 62, 50))]
    rows += [(v, 6, 2, pitch) for v, pitch in enumerate((67, 67, 62, 55))]
    assert Cadence().violations(lines(*rows)) == []
    assert Cadence(bar=2).violations(lines(*rows)) != []
