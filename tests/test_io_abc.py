"""ABC: notes, keys, lengths and marks, and the figures that music21 reads too."""

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
        ("C2 & E2 | D4|", [(0, 2, 60), (0, 2, 64), (2, 4, 62)]),
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


def test_chord_symbols_stay_as_written_and_other_texts_are_words():
    score, told = parsed('"Am7/G"C2 "^slowly"D2|"Bb7#9"E2 "N.C."F2|')
    assert score.chords.tolist() == [(0, "Am7/G"), (4 * QUARTER, "Bb7#9"), (6 * QUARTER, "N.C.")]
    assert score.directions.tolist() == [(2 * QUARTER, 0, 0, "words", "slowly")] and told == ""


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
    assert score.graces[["onset", "grace", "pitch"]].tolist() == [(0, -2, 72), (0, -1, 74)]
    assert told == ""


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


def line(body, head="M:4/4\nL:1/4\nK:C\n"):
    """Write the notes one after the other as pitch:quarters, a rest between as z."""
    text, clock = [], 0
    for onset, duration, pitch in sorted(heads(body, head)):
        text += [f"z:{onset - clock:g}"] if onset > clock else []
        text.append(f"{pitch}:{round(duration, 3):g}")
        clock = onset + duration
    return " ".join(text)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # The unit length is that of the head, whatever M: says later.
        ("CD|[M:2/4]C|\nM:3/8\nD", "60:1 62:1 60:1 62:1"),
        ("CD[L:1/8]CD", "60:1 62:1 60:0.5 62:0.5"),
        # Broken rhythm goes over spaces, bar lines, grace notes, symbols and ends of lines.
        ("C > D|C>\nD", "60:1.5 62:0.5 60:1.5 62:0.5"),
        ('C>|D C|<D C>"Am"D C{e}<D', "60:1.5 62:0.5 60:0.5 62:1.5 60:1.5 62:0.5 60:0.5 62:1.5"),
        ("C>>D C<<<D", "60:1.75 62:0.25 60:0.125 62:1.875"),
        ("C->C D", "60:2 62:1"),
        ("(3C>DE F", "60:1 62:0.333 64:0.667 65:1"),
        ("(3:2:4CDEF G", "60:0.667 62:0.667 64:0.667 65:0.667 67:1"),
        ("(3::2CD (3CDE", "60:0.667 62:0.667 60:0.667 62:0.667 64:0.667"),
        ("(5CDEFG (4CDEF (2CD", "60:0.4 62:0.4 64:0.4 65:0.4 67:0.4 60:0.75 62:0.75 64:0.75 "
         "65:0.75 60:1.5 62:1.5"),
        # Ties: one head, dotted, after a slur, at the end of a line; not over a rest.
        ("C2 D2.-|D4", "60:2 62:6"),
        ("C- \n|C D (E-E)-|E", "60:2 62:1 64:3"),
        ("C-z C", "60:1 z:1 60:1"),
        ("^C-|C C", "61:2 60:1"),
        # Accidentals hold to the bar's end in all octaves, those of grace notes too.
        ("^CC c|C", "61:1 61:1 73:1 60:1"),
        ("{^c}c C|c", "73:1 61:1 72:1"),
        ("__B^^F=B", "69:1 67:1 71:1"),
        ("[I:propagate-accidentals octave]^Cc|C", "61:1 72:1 60:1"),
        ("[I:propagate-accidentals not]^CC", "61:1 60:1"),
        ("^CC\n%%MIDI nobarlines\n^CC|\n%%MIDI barlines\n^CC", "61:1 61:1 61:1 60:1 61:1 61:1"),
        # Rests and spaces: of bars, invisible, without time.
        ("C4|Z2|x2y3D2|X|E4", "60:4 z:10 62:2 z:4 64:4"),
        # Decorations with any sign, old line breaks, letters, signs to pass over.
        ("!^!CDE!^!F", "60:1 62:1 64:1 65:1"),
        ("C!ped-up!D!<(!E!+!F", "60:1 62:1 64:1 65:1"),
        ("CDE!\nF!G A", "60:1 62:1 64:1 65:1 67:1 69:1"),
        (".C~DuEvF MC`D*E\\\nF", "60:1 62:1 64:1 65:1 60:1 62:1 64:1 65:1"),
        ('"Am"C"^abc|"D"cab', "60:1 62:1"),
        # Fields and directives among the music, none of which is a note.
        ("CD|\nN:a bad cafe\nZ:abc\nr:dab\nB:A bag\nE[r:cab]F[N:bed]", "60:1 62:1 64:1 65:1"),
        ("CD|\n%%text a cab\n%%begintext\na cafe\n%%endtext\n% fade\nEF", "60:1 62:1 64:1 65:1"),
        ("A:|\nA::B:|", "69:1 69:1 71:1"),
        ("C% D\nE", "60:1 64:1"),
        # Chords: their length is that of the first note; the older way between plus signs.
        ("C D+E+F", "60:1 62:1 65:1"),
        # A length of 0 is one unit, as abc2midi has it.
        ("C B0 D/0", "60:1 71:1 62:1"),
        ("^/C _/D", "60:1 62:1"),
    ],
)  # fmt: skip
def test_lines_of_music(body, expected):
    assert line(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("[CE-G]2[CEG]2", [(0, 2, 60), (0, 4, 64), (0, 2, 67), (2, 2, 60), (2, 2, 67)]),
        ("[C-EG]2[CEG]2", [(0, 4, 60), (0, 2, 64), (0, 2, 67), (2, 2, 64), (2, 2, 67)]),
        ("[C2E]D", [(0, 2, 60), (0, 2, 64), (2, 1, 62)]),
        ('["Am"C!3!Eu G]D', [(0, 1, 60), (0, 1, 64), (0, 1, 67), (1, 1, 62)]),
        ("+CEG+D", [(0, 1, 60), (0, 1, 64), (0, 1, 67), (1, 1, 62)]),
        ("[CE]>D", [(0, 1.5, 60), (0, 1.5, 64), (1.5, 0.5, 62)]),
        ("^C2&C2|C2", [(0, 2, 60), (0, 2, 61), (2, 2, 60)]),
        ("(&C2|D2&E2|F2&)G2", [(0, 2, 60), (0, 2, 64), (2, 2, 62), (2, 2, 65), (4, 2, 67)]),
    ],
)
def test_chords_and_overlays(body, expected):
    assert sorted(heads(body)) == sorted(expected)


@pytest.mark.parametrize(
    ("key", "pitches"),
    [
        ("D ^g^a", [61, 62, 64, 66, 68, 70, 71]),
        ("D exp _b_e", [60, 62, 63, 65, 67, 69, 70]),
        ("Dmix ^c", [61, 62, 64, 66, 67, 69, 71]),
        ("^f", [60, 62, 64, 66, 67, 69, 71]),
        ("D =f", [61, 62, 64, 65, 67, 69, 71]),
        ("G lydian clef=bass", [61, 62, 64, 66, 67, 69, 71]),
        ("Aeo", [60, 62, 64, 65, 67, 69, 71]),
        ("Hp", [61, 62, 64, 66, 67, 69, 71]),
        ("bass", [60, 62, 64, 65, 67, 69, 71]),
        ("C treble-8", [48, 50, 52, 53, 55, 57, 59]),
        ("C clef=treble+8", [72, 74, 76, 77, 79, 81, 83]),
        ("C treble^8 octave=-1", [48, 50, 52, 53, 55, 57, 59]),
        ("D transpose=-2", [59, 60, 62, 64, 65, 67, 69]),
        ("C sound=B", [59, 61, 63, 64, 66, 68, 70]),
        ("C middle=d", [60, 62, 64, 65, 67, 69, 71]),
    ],
)
def test_what_a_key_field_does_to_pitches(key, pitches):
    assert [pitch for *_, pitch in heads("CDEFGAB|", f"L:1/4\nK:{key}\n")] == pitches


def test_an_octave_clef_and_a_transposition_can_be_ended():
    body = "C[K:C clef=treble-8]C[K:C octave=1]C[K:C clef=treble]C[K:C octave=1]C[K:C octave=0]C"
    assert [pitch for *_, pitch in heads(body)] == [60, 48, 48, 60, 72, 60]
    body = (
        "C[K:C transpose=-2]C[K:G]F[K:C transpose=0]C\n%%MIDI transpose 3\nC[I:MIDI=rtranspose -3]C"
    )
    assert [pitch for *_, pitch in heads(body)] == [60, 58, 64, 60, 63, 60]


def test_a_signature_is_that_of_the_sounding_key():
    score, _ = parsed('"Am"F2[K:F]"F"B2|', "L:1/4\nK:G transpose=-2\n")
    assert score.key_signatures.tolist() == [(0, -1, 0), (2 * QUARTER, -3, 0)]
    assert score.chords["symbol"].tolist() == ["Gm", "Eb"]
    assert score.notes[["pitch", "fifths"]].tolist() == [(64, 4), (68, -4)]


@pytest.mark.parametrize(
    ("tempo", "quarters"),
    [
        ("1/8=100", 50), ('"Allegro" 3/8=80', 120), ("1/4 3/8 1/4=40", 140), ("120", 120),
        ("C=100", 50), ("C3=40", 60), ("1/4 = 90.5", 90.5), ('"Adagio"', None), ("", None),
    ],
)  # fmt: skip
def test_tempos(tempo, quarters):
    score, told = parsed("C4|", f"L:1/8\nQ:{tempo}\nK:C\n")
    assert [row[1] for row in score.tempos.tolist()] == ([quarters] if quarters else [])
    assert ("tempos without a number" in told) == (tempo == '"Adagio"')


@pytest.mark.parametrize(
    ("metre", "shown", "eighths_of_a_bar"),
    [("C|", (2, 2), 8), ("(2+3)/8", (5, 8), 5), ("2+3/8", (5, 8), 5), ("3/4+2/4", (5, 4), 10),
     ("none", (4, 4), 8), ("3/5", (4, 4), 8), ("C", (4, 4), 8)],
)  # fmt: skip
def test_metres(metre, shown, eighths_of_a_bar):
    score, told = parsed("C|Z|", f"M:{metre}\nL:1/8\nK:C\n")
    assert score.time_signatures.tolist() == [(0, *shown)]
    assert score.end == (1 + eighths_of_a_bar) * QUARTER // 2
    assert bool(told) == (metre in ("none", "3/5"))


def test_alternative_chords_are_left_out_and_said():
    score, told = parsed('"Dm(Gm)"DFA|"C;Am"EGc|"F (Dm)"FAc|"A7sus4"E2 A|"C(add9)"C3|')
    assert score.chords["symbol"].tolist() == ["Dm", "C", "F", "A7sus4", "C(add9)"]
    assert told == "alternative chord symbols left out: 3 (first in tune 1 bar 1)"


def test_chords_that_cannot_be_read_are_counted_and_placed():
    score, told = parsed('"Dm7"DFA|"G#4x"GBd|"Fine"C3|"A1"ACE|"A-7"ACE|"D.C."D3|"N.C."E3|')
    assert score.chords["symbol"].tolist() == ["Dm7", "A1", "A-7", "N.C."]
    assert told == (
        "texts that are no chord symbols kept as words: 1 (first in tune 1 bar 2); "
        "chord symbols that cannot be read: 1 (first in tune 1 bar 4)"
    )


def test_decorations_slurs_and_words_are_kept():
    body = "!p!(C.D !trill!E)|(F(G)A) !3!B|!<(!CD!<)!E {/d}!odd!F{ga}|!fine!|"
    score, told = parsed(body)
    assert score.note_marks[["onset", "kind", "text"]].tolist() == [
        (QUARTER, "staccato", ""), (2 * QUARTER, "trill-mark", ""),
        (6 * QUARTER, "fingering", "3"), (10 * QUARTER, "odd", ""),
    ]  # fmt: skip
    assert score.spans[["onset", "stop", "kind"]].tolist() == [
        (0, 2 * QUARTER, "slur"), (3 * QUARTER, 4 * QUARTER, "slur"),
        (4 * QUARTER, 5 * QUARTER, "slur"), (7 * QUARTER, 9 * QUARTER, "crescendo"),
    ]  # fmt: skip
    assert score.graces[["onset", "grace", "pitch", "slash"]].tolist() == [
        (10 * QUARTER, -1, 74, True), (10 * QUARTER, 1, 79, False), (10 * QUARTER, 2, 81, False)
    ]  # fmt: skip
    assert score.jumps[["onset", "kind"]].tolist() == [(7 * QUARTER, "fine")]
    assert score.directions["text"].tolist() == ["p"] and told == ""


def test_user_symbols_and_macros():
    head = 'U:W=!fermata!\nU: n = "^slow"\nm:~G2={A}G{F}G\nm:~n3=n{o}n{m}n\nL:1/4\nK:C\n'
    score, told = parsed("WC nD|~G2 ~c3|", head)
    assert score.fermatas["onset"].tolist() == [0]
    assert score.directions["text"].tolist() == ["slow"]
    assert score.notes["pitch"].tolist() == [60, 62, 67, 67, 72, 72, 72]
    assert score.graces["pitch"].tolist() == [69, 65, 74, 71] and told == ""


def test_percussion_has_its_map():
    head = "L:1/4\nK:C clef=perc\n%%MIDI drummap C 36\n%%percmap ^c 44\n"
    score, _ = parsed("C^cE|", head)
    assert score.parts[0].percussion and score.notes["pitch"].tolist() == [36, 44, 64]
    assert parsed("%%MIDI channel 10\nC|")[0].parts[0].percussion


def test_what_cannot_be_kept_is_said_with_its_place():
    _, told = parsed("C4|^/D4 ¿¿|\nW:verse\nw:too ma-ny words\n", "M:4/4\nL:1/4\nK:C\n")
    assert told == (
        "microtones rounded to semitones: 1 (first in tune 1 bar 2); "
        "signs that are no ABC left out: 2 (first in tune 1 bar 2); "
        "verses below the tune left out: 1 (first in tune 1); "
        "syllables without a note left out: 2 (first in tune 1 bar 3)"
    )


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
