"""ABC: tunes as musicians write them, and the figures that music21 reads too."""

import warnings
from collections import Counter

import numpy as np
import pytest

from stats_composer.io import find_files, read_corpus
from stats_composer.io.abc import read_abc
from stats_composer.io.report import Report

QUARTER = 10080


def parsed(body, head="L:1/4\nK:C\n"):
    report = Report()
    scores = read_abc(f"X:1\nT:Tune\n{head}{body}\n".encode(), report)
    assert len(scores) == 1
    return scores[0], str(report)


def heads(body, head="L:1/4\nK:C\n"):
    score, _ = parsed(body, head)
    notes = score.notes
    quarters = (notes["onset"] / QUARTER).tolist(), (notes["duration"] / QUARTER).tolist()
    return list(zip(*quarters, notes["pitch"].tolist(), strict=True))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("C,Cc c'|", [(0, 1, 48), (1, 1, 60), (2, 1, 72), (3, 1, 84)]),
        ("C2 D/ E// F3/2|", [(0, 2, 60), (2, 0.5, 62), (2.5, 0.25, 64), (2.75, 1.5, 65)]),
        ("C>D E<F|", [(0, 1.5, 60), (1.5, 0.5, 62), (2, 0.5, 64), (2.5, 1.5, 65)]),
        ("(3CDE F|", [(0, 2 / 3, 60), (2 / 3, 2 / 3, 62), (4 / 3, 2 / 3, 64), (2, 1, 65)]),
        ("(3:2:2C2D E|", [(0, 4 / 3, 60), (4 / 3, 2 / 3, 62), (2, 1, 64)]),
        ("[CEG]2 z2|", [(0, 2, 60), (0, 2, 64), (0, 2, 67)]),
        ("C4-|C2 D2|", [(0, 6, 60), (6, 2, 62)]),
        ("^C C =C c|C4|", [(0, 1, 61), (1, 1, 61), (2, 1, 60), (3, 1, 72), (4, 4, 60)]),
        ("^C4-|C2 C2|", [(0, 6, 61), (6, 2, 60)]),
        ("C4|Z2|D4|", [(0, 4, 60), (12, 4, 62)]),
        ("C2 & E2 | D4|", [(0, 2, 60), (2, 4, 62)]),
    ],
)
def test_notes(body, expected):
    assert heads(body) == [pytest.approx(row, abs=1e-9) for row in expected]


@pytest.mark.parametrize(
    ("key", "fifths", "mode"),
    [
        ("G", 1, 0),
        ("Am", 0, 1),
        ("D dorian", 0, -1),
        ("Bbmaj", -2, 0),
        ("F#m", 3, 1),
        ("Amix", 2, -1),
        ("HP", 2, -1),
        ("none", 0, -1),
        ("Dphr clef=bass", -2, -1),
        ("Cmin", -3, 1),
    ],
)
def test_keys(key, fifths, mode):
    score, _ = parsed("C4|D4|", f"K:{key}\n")
    assert score.key_signatures.tolist() == [(0, fifths, mode)]


def test_key_signatures_sharpen_their_notes():
    assert [pitch for *_, pitch in heads("FcBe|F4|", "L:1/4\nK:D\n")] == [66, 73, 71, 76, 66]
    assert [pitch for *_, pitch in heads("FcBe|F4|", "L:1/4\nK:D exp _b\n")][2] == 70


def test_the_unit_follows_from_the_metre():
    assert heads("C|D|E|", "M:6/8\nK:C\n")[0][1] == 0.5
    assert heads("C|D|E|", "M:2/4\nK:C\n")[0][1] == 0.25


def test_bars_repeats_and_endings():
    score, _ = parsed("|:C4|D4|1E4:|2F4|]\nG4|:A4:|")
    rows = score.bars[["onset", "repeat", "ending"]].tolist()
    assert [(onset // (4 * QUARTER), *more) for onset, *more in rows] == [
        (0, 1, 0),
        (1, 0, 0),
        (2, 2, 1),
        (3, 0, 2),
        (4, 0, 0),
        (5, 3, 0),
    ]


def test_a_pickup():
    score, _ = parsed("G|C4|D3|]", "M:4/4\nL:1/4\nK:C\n")
    assert (score.pickup, score.n_bars, score.end) == (QUARTER, 3, 8 * QUARTER)


def test_chord_symbols_stay_as_written_and_annotations_are_counted():
    score, told = parsed('"Am7/G"C2 "^slowly"D2|"Bb7#9"E2 "N.C."F2|')
    assert score.chords.tolist() == [(0, "Am7/G"), (4 * QUARTER, "Bb7#9"), (6 * QUARTER, "N.C.")]
    assert told == "annotations left out: 1 (first in tune 1)"


def test_lyrics():
    score, _ = parsed("C D E F|G2 A2|\nw: Glo-ri-a_ | in~ex * \nw: zwei-te")
    rows = [(int(row[0]) // QUARTER, *row[3:]) for row in score.lyrics.tolist()]
    assert rows == [
        (0, 1, "begin", "Glo"),
        (0, 2, "begin", "zwei"),
        (1, 1, "middle", "ri"),
        (1, 2, "end", "te"),
        (2, 1, "end", "a"),
        (4, 1, "single", "in ex"),
    ]


def test_fermatas_grace_notes_tempo_and_names():
    body = "{cd}C2 !fermata!D2|HE4|"
    score, told = parsed(body, "C:Trad.\nQ:3/8=80\nL:1/4\nK:C\n%%MIDI program 73\n")
    assert [onset // QUARTER for onset, *_ in score.fermatas.tolist()] == [2, 4]
    assert score.tempos.tolist() == [(0, 120.0)]
    assert (score.title, score.composer) == ("Tune", "Trad.")
    assert score.parts[0].program == 73
    assert told == "grace notes left out: 2 (first in tune 1)"


def test_voices_are_parts():
    head = 'L:1/4\nV:1 name="Melody"\nV:2 name="Bass" clef=bass octave=-1\nK:C\n'
    score, _ = parsed("V:1\nCDEF|G4|\nV:2\n[K:C]C4|C4|\nV:1\nC4|\n[V:2] C4|", head)
    assert [part.name for part in score.parts] == ["Melody", "Bass"]
    pitches = [score.notes["pitch"][score.notes["part"] == part].tolist() for part in (0, 1)]
    assert pitches == [[60, 62, 64, 65, 67, 60], [48, 48, 48]]
    assert score.n_bars == 3


def test_changes_within_a_tune():
    score, _ = parsed("C4|[M:3/4][K:G]F3|\nM:2/4\nF2|")
    assert score.time_signatures.tolist() == [
        (0, 4, 4),
        (4 * QUARTER, 3, 4),
        (7 * QUARTER, 2, 4),
    ]
    assert score.notes["pitch"].tolist() == [60, 66, 66]


def test_a_file_head_holds_for_every_tune_and_latin_1_is_read():
    data = "M:3/4\nL:1/4\n\nX:1\nT:Grüße\nK:C\nCDE|\n\nX:2\nT:Zwei\nK:G\nGAB|\n".encode("latin-1")
    scores = read_abc(data, Report())
    assert [score.title for score in scores] == ["Grüße", "Zwei"]
    assert all(score.time_signatures.tolist() == [(0, 3, 4)] for score in scores)
    assert scores[1].notes["duration"].tolist() == [QUARTER] * 3


def test_tune_books_are_read_and_their_bars_are_full():
    corpus = read_corpus(
        [
            f"music21:{name}"
            for name in ("book4", "nottingham-dataset/reelsa-c", "oneills1850/0001-0050")
        ],
        n_jobs=2,
    )
    assert not corpus.refused and len(corpus) > 200
    full = total = 0
    for score in corpus:
        lengths = np.diff([*score.bars["onset"].tolist(), score.end])
        total += len(lengths)
        full += int((lengths == np.bincount(lengths).argmax()).sum())
    assert full > 0.8 * total


def music21_notes(text):
    from music21 import abcFormat, harmony

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        handler = abcFormat.ABCHandler()
        handler.process(text)
        stream = abcFormat.translate.abcToStreamScore(handler)
    found = Counter()
    for part in stream.parts:
        for note in part.stripTies().flatten().notes:
            if isinstance(note, harmony.Harmony) or note.duration.isGrace:
                continue
            times = [round(time * QUARTER) for time in (note.offset, note.duration.quarterLength)]
            found[(*times, note.pitch.midi)] += 1
    return found


def test_music21_reads_the_same_notes():
    """Where the two differ it is music21 that misses accidentals and broken rhythms."""
    path = find_files("music21:airdsAirs/book4")[0][1]
    tunes = ["X:" + tune for tune in path.read_text(encoding="latin-1").split("X:")[1:31]]
    same = 0
    for tune in tunes:
        if "[" not in tune:
            (score,) = read_abc(tune.encode(), Report())
            notes = score.notes[["onset", "duration", "pitch"]].tolist()
            same += Counter(notes) == music21_notes(tune)
    assert same >= 20
