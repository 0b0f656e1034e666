"""Chords of scores: transposition, textures, bad input, files, the shell."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats_composer.chords import (
    ChordClassifier,
    ChordRecognizer,
    chord_events,
    read_choral_harmony,
)
from stats_composer.chords.events import CHORD_EVENT_DTYPE
from stats_composer.chords.features import FAMILIES, relative_codes
from stats_composer.chords.figures import figured_bass
from stats_composer.chords.keys import key_path
from stats_composer.chords.labels import N_LABELS, N_QUALITIES
from stats_composer.cli import main
from stats_composer.errors import ModelFileError, ScoreFileError
from stats_composer.files import packaged
from stats_composer.io import read, write
from stats_composer.modelfile import read_header
from stats_composer.models.base import Estimator
from stats_composer.score import (
    CHORD_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    make_notes,
    make_table,
)
from stats_composer.theory import TICKS_PER_QUARTER, parse_chord, parse_key

QUARTER = TICKS_PER_QUARTER
HEADINGS = (
    "Choral_ID,Event_number," + ",".join(f"PC{k}" for k in range(1, 13)) + ",Bass,Meter,Chord"
)


@pytest.fixture(scope="module")
def recognizer():
    return ChordRecognizer.bundled()


def block(chords, duration=2 * QUARTER, **marks):
    """Write chords of four voices, each a list of pitches from the bass up."""
    onset = np.repeat(np.arange(len(chords)) * duration, 4)
    pitch = np.concatenate(chords)
    notes = make_notes(onset=onset, duration=duration, pitch=pitch, part=[3, 2, 1, 0] * len(chords))
    return Score(notes, **marks)


TUNE = [[48, 64, 67, 72], [53, 60, 69, 72], [55, 62, 65, 71], [57, 60, 64, 72],
        [53, 62, 69, 74], [55, 62, 67, 71], [48, 64, 67, 72], [48, 64, 67, 72]]  # fmt: skip


def test_roots_are_spelled_as_the_notes_are(recognizer):
    fifths = {0: 0, 2: 2, 4: 4, 5: -1, 7: 1, 9: 3, 10: -2, 11: 5}
    for sharp, name in ((6, "F#dim/A"), (-6, "Gbdim/Bbb")):
        chords = [[48, 64, 67, 72], [57, 66, 69, 72], [55, 67, 70, 74], [53, 65, 69, 72]]
        score = block(chords)
        notes = score.notes.copy()
        notes["fifths"] = [
            {**fifths, 6: sharp, 9: 3 if sharp > 0 else -9}[p % 12] for p in notes["pitch"]
        ]
        symbols = [span.symbol for span in recognizer.recognize(Score(notes))]
        assert name in symbols


def test_triads_that_fall_a_fifth_are_dominants(recognizer):
    chords = [TUNE[0], [50, 62, 66, 69], [55, 62, 67, 71], TUNE[0]]
    assert [span.numeral for span in recognizer.recognize(block(chords))] == ["I", "V/V", "V", "I"]


def symbols(spans):
    return [span.symbol for span in spans]


# ---- what is recognized ----------------------------------------------------------------------


def test_a_phrase_in_c(recognizer):
    spans = recognizer.recognize(block(TUNE))
    assert symbols(spans) == ["C", "F", "G7", "Am", "Dm/F", "G", "C"]
    assert [span.numeral for span in spans] == ["I", "IV", "V7", "vi", "ii6", "V", "I"]
    assert {span.key for span in spans} == {"C major"}
    assert [(span.bar, span.beat) for span in spans[:3]] == [(1, 1), (1, 3), (2, 1)]
    assert sum(span.duration for span in spans) == 16 * QUARTER
    assert all(0 < span.confidence <= 1 and len(span.others) == 2 for span in spans)


def broken(pattern):
    chords = [(48, 55, 64), (50, 57, 65), (47, 55, 62), (48, 55, 64)]
    pitch = [chord[k] for chord in chords for k in pattern]
    onset = np.arange(len(pitch)) * 4 * QUARTER // len(pattern)
    return make_notes(onset=onset, duration=4 * QUARTER // len(pattern), pitch=pitch)


def test_broken_chords_are_gathered(recognizer):
    left = broken([0, 2, 1, 2, 0, 2, 1, 2])
    right = make_notes(onset=np.arange(4) * 4 * QUARTER, duration=4 * QUARTER,
                       pitch=[76, 74, 74, 72], part=1)  # fmt: skip
    spans = recognizer.recognize(Score(np.concatenate([left, right])))
    assert symbols(spans) == ["C", "Dm", "G/B", "C"]


@pytest.mark.parametrize(("numerator", "denominator"), [(3, 4), (6, 8), (5, 4), (2, 2), (7, 8)])
def test_any_metre(recognizer, numerator, denominator):
    metre = make_table(TIME_SIGNATURE_DTYPE, [(0, numerator, denominator)])
    bar = numerator * 4 * QUARTER // denominator
    spans = recognizer.recognize(block(TUNE, bar, time_signatures=metre))
    assert symbols(spans)[0] == "C" and symbols(spans)[-1] == "C"
    assert all(span.beat == 1 for span in spans)


@settings(max_examples=15)
@given(st.integers(-6, 6), st.integers(0, 2**32 - 1))
def test_transposing_the_score_transposes_every_label(interval, seed):
    recognizer = ChordRecognizer.bundled()
    rng = np.random.default_rng(seed)
    columns = {
        "onset": np.sort(rng.integers(0, 24, 40)) * (QUARTER // 2),
        "duration": rng.integers(1, 5, 40) * (QUARTER // 2),
        "pitch": rng.choice([48, 50, 52, 53, 55, 57, 59, 60, 61, 64, 65, 66, 67, 70, 72], 40),
        "part": rng.integers(0, 4, 40),
    }
    score = Score(make_notes(**columns))
    moved = score.transpose(interval)
    events, probs = recognizer.posteriors(score)
    again, turned = recognizer.posteriors(moved)
    np.testing.assert_array_equal((events["bass"] + interval) % 12, again["bass"])
    expected = np.roll(probs.reshape(-1, 12, N_QUALITIES), interval, axis=1)
    np.testing.assert_allclose(turned.reshape(expected.shape), expected, atol=1e-9)
    for one, other in zip(recognizer.recognize(score), recognizer.recognize(moved), strict=True):
        assert one.reason == other.reason
        if not one.reason:
            a, b = parse_chord(one.harte), parse_chord(other.harte)
            assert {(p + interval) % 12 for p in a.pitch_classes} == b.pitch_classes
            assert (7 * a.root + interval - 7 * b.root) % 12 == 0


def test_modulation_is_heard():
    names = ["C", "F", "G7", "C", "D7", "G", "C", "D7", "G", "D7", "G", "Am", "D7", "G"]
    path = key_path([parse_chord(name) for name in names], [2.0] * len(names), (0, 0))
    assert path[:3] == [(0, 0)] * 3 and path[-6:] == [(1, 0)] * 6
    assert key_path([], [], (0, 0)) == []


# ---- what is no chord ------------------------------------------------------------------------

LINE = make_notes(onset=np.arange(8) * QUARTER, pitch=[60, 62, 64, 65, 67, 69, 71, 72])
CLUSTER = make_notes(onset=0, duration=4 * QUARTER, pitch=np.arange(60, 68), voice=np.arange(8))
BAD = {
    "a single line": Score(LINE),
    "silence": Score(LINE[:0], end=8 * QUARTER),
    "percussion": Score(LINE, parts=(Part("Drums", percussion=True),)),
    "a cluster": Score(CLUSTER),
    "a single pitch class": Score(make_notes(onset=[0, 0], pitch=[48, 60], part=[0, 1])),
}


@pytest.mark.parametrize("reason", BAD)
def test_no_chord_comes_with_its_reason(recognizer, reason):
    score = BAD[reason]
    spans = recognizer.recognize(score)
    assert spans[0].harte == "N" and spans[0].symbol == "N.C."
    assert spans[0].reason.startswith(reason)
    assert len(recognizer.annotate(score).chords) == 0
    assert sum(span.duration for span in spans) == score.end


def test_silence_within_a_score_is_no_chord(recognizer):
    notes = block([TUNE[0], TUNE[2]]).notes.copy()
    notes["onset"] += 4 * QUARTER * (1 + (notes["onset"] > 0))
    spans = recognizer.recognize(Score(notes))
    assert [(span.symbol, span.reason) for span in spans][:3] == [
        ("N.C.", "silence"), ("C", ""), ("N.C.", "silence")]  # fmt: skip


def test_a_lead_sheet_has_the_chords_that_it_says(recognizer):
    rows = [(0, "CΔ"), (2 * QUARTER, "E-7"), (4 * QUARTER, "N.C."), (5 * QUARTER, "Bb-7/Db")]
    sheet = Score(LINE, chords=make_table(CHORD_DTYPE, rows))
    spans = recognizer.recognize(sheet)
    assert symbols(spans) == ["Cmaj7", "N.C.", "N.C.", "Bbm7/Db"]
    assert "Em7 or Eb7" in spans[1].reason and spans[2].reason == "no chord, as written"
    assert sum(span.duration for span in spans) == sheet.end
    assert recognizer.annotate(sheet) == sheet


def test_drums_beside_music_are_passed_over(recognizer):
    score = block(TUNE)
    drums = make_notes(onset=np.arange(32) * QUARTER // 2, pitch=42, part=4, duration=QUARTER // 2)
    parts = (*score.parts, Part("Drums", percussion=True))
    both = Score(np.concatenate([score.notes, drums]), parts=parts)
    assert symbols(recognizer.recognize(both)) == symbols(recognizer.recognize(score))


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 5 * QUARTER), st.integers(1, 3 * QUARTER), st.integers(0, 127),
            st.integers(0, 3),
        ),
        max_size=25,
    )
)  # fmt: skip
def test_any_notes_are_covered(rows):
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    notes = make_notes(**dict(zip(("onset", "duration", "pitch", "part"), columns, strict=True)))
    score = Score(notes)
    spans = ChordRecognizer.bundled().recognize(score)
    assert spans[0].onset == 0
    assert sum(span.duration for span in spans) == score.end
    assert all(span.duration > 0 for span in spans)


# ---- data, classifier, files -----------------------------------------------------------------


def row(name, number, tones, bass, accent, chord):
    flags = ["YES" if k in tones else "NO" for k in range(12)]
    return ",".join([name, str(number), *flags, bass, str(accent), chord])


@pytest.fixture
def events_file(tmp_path):
    lines = [HEADINGS]
    for piece in range(3):
        for number in range(12):
            name, root = (("C_M", 0), ("F_M", 5), ("G_M7", 7))[number % 3]
            tones = {(root + t) % 12 for t in ((0, 4, 7, 10) if name.endswith("7") else (0, 4, 7))}
            lines.append(row(f"p{piece}", number + 1, tones, name[0], 3 + 2 * (number % 2), name))
    path = tmp_path / "events.csv"
    path.write_text("\n".join(lines))
    return path


def test_the_data_set_is_read(events_file):
    pieces = read_choral_harmony(events_file)
    assert [piece.name for piece in pieces] == ["p0", "p1", "p2"]
    assert pieces[0].labels[:3].tolist() == [0, 5 * N_QUALITIES, 7 * N_QUALITIES + 3]
    assert pieces[0].events["bass"][:3].tolist() == [0, 5, 7]


@pytest.mark.parametrize(
    "line",
    [
        "a,1,YES",
        row("a", 1, {0}, "C", "x", "C_M"),
        row("a", 1, {0}, "H", 3, "C_M"),
        row("a", 1, {0}, "C", 3, "C_x"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line):
    path = tmp_path / "events.csv"
    path.write_text(f"{HEADINGS}\n{line}\n")
    with pytest.raises(ScoreFileError, match="line 2"):
        read_choral_harmony(path)
    with pytest.raises(ScoreFileError, match="missing"):
        read_choral_harmony(tmp_path / "missing.csv")


def test_classifier_learns_and_knows_transposition(events_file):
    pieces = read_choral_harmony(events_file)
    events, labels = [p.events for p in pieces], [p.labels for p in pieces]
    model = ChordClassifier(C=1.0, families=FAMILIES[:2]).fit(events, labels)
    assert isinstance(model, Estimator) and model.get_params()["C"] == 1.0
    np.testing.assert_array_equal(model.predict(events)[0], labels[0])
    wrong = [own.copy() for own in labels]
    wrong[0][0] = (wrong[0][0] + 1) % N_LABELS
    n_events = sum(map(len, labels))
    assert model.score(events, labels) == 1.0
    assert model.score(events, wrong) == pytest.approx(1 - 1 / n_events)
    moved = events[0].copy()
    moved["weight"] = np.roll(moved["weight"], 3, axis=1)
    moved["bass"] = (moved["bass"] + 3) % 12
    expected = (labels[0] + 3 * N_QUALITIES) % N_LABELS
    np.testing.assert_array_equal(model.predict([moved])[0], expected)
    probs = model.predict_proba(events)[0]
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    with pytest.raises(ValueError, match="expected the first of"):
        relative_codes(events[0], np.zeros((12, 1), np.int64), ("neighbours",))


def test_a_recognizer_of_ones_own(events_file, tmp_path):
    pieces = read_choral_harmony(events_file)
    own = ChordRecognizer.train(pieces, manifest={"licence": "mine"}, max_iter=10)
    own.save(tmp_path / "own.npz")
    again = ChordRecognizer.load(tmp_path / "own.npz")
    score = block(TUNE)
    assert symbols(again.recognize(score)) == symbols(own.recognize(score))
    assert again.manifest == {"licence": "mine"}


def test_another_kind_of_model_is_refused():
    chorale = packaged("pretrained/bach-chorale.npz")
    with chorale as path, pytest.raises(ModelFileError, match="expected ChordRecognizer"):
        ChordRecognizer.load(path)


def test_the_bundled_model_names_its_source():
    with packaged("pretrained/bach-chords.npz") as path:
        header = read_header(path)
        assert path.stat().st_size < 200_000
    assert header["licence"] == "CC BY 4.0"
    assert "Radicioni" in header["attribution"] and "Esposito" in header["attribution"]


def test_events_of_a_held_bass():
    notes = make_notes(onset=[0, 0, 0, QUARTER], duration=[2 * QUARTER, QUARTER, QUARTER, QUARTER],
                       pitch=[48, 64, 67, 65], voice=[0, 1, 2, 3])  # fmt: skip
    events = chord_events(Score(notes))
    assert events.dtype == CHORD_EVENT_DTYPE
    assert events["bass"].tolist() == [0] * len(events)
    assert chord_events(BAD["silence"]).shape == (0,)


def test_predicting_imports_no_scikit_learn():
    program = (
        "import sys\n"
        "from stats_composer.chords import ChordRecognizer\n"
        "from stats_composer.score import Score, make_notes\n"
        "score = Score(make_notes(onset=0, pitch=[48, 64, 67], part=[2, 1, 0]))\n"
        "assert ChordRecognizer.bundled().recognize(score)[0].symbol == 'C'\n"
        "heavy = {'sklearn', 'music21', 'matplotlib', 'verovio'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


# ---- the shell -------------------------------------------------------------------------------


@pytest.fixture
def tune(tmp_path):
    path = tmp_path / "tune.musicxml"
    write(block(TUNE), path)
    return path


def run(*arguments, status=0):
    with pytest.raises(SystemExit) as stop:
        main(["chords", *map(str, arguments)])
    assert stop.value.code == status


def test_shell_prints_a_table(tune, capsys):
    run(tune)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["bar", "beat", "chord", "numeral", "key", "sure", "or"]
    assert lines[1].split()[:6] == ["1", "1", "C", "I", "C", "major"]
    assert len(lines) == 8


def test_shell_prints_data(tune, capsys):
    run(tune, "--json")
    rows = json.loads(capsys.readouterr().out)
    run(tune, "--csv")
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [r["harte"] for r in rows] == [r["harte"] for r in table]
    assert rows[2]["harte"] == "G:7" and rows[2]["quarters"] == 2
    run(tune, "--json", "--csv", status=2)


def test_shell_prints_nashville_numbers(tune, tmp_path, capsys):
    run(tune, "--csv", "--nashville", "-o", tmp_path / "analysis.rntxt")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["numeral"] for row in rows] == ["1", "4", "5⁷", "6-", "2-/4", "5", "1"]
    assert "m1 C: I b3 IV" in (tmp_path / "analysis.rntxt").read_text()


def test_shell_prints_figured_bass(tune, capsys):
    run(tune, "--csv", "--figures")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["numeral"] for row in rows] == ["", "", "7", "", "6", "", ""]
    run(tune, "--nashville", "--figures", status=2)


@pytest.mark.parametrize(
    ("key", "symbols", "figures"),
    [
        ("C", "C/E C/G G7 G7/B G7/D G7/F Gsus4", "6 6/4 7 6/5 4/3 4/2 5/4"),
        ("c", "G G7 G7/B G7/D Fm/Ab Db/F D7/F#", "♮ 7/♮ 6/5 ♮6/4/3 6 b6 6/5/♮"),
        ("A", "E7/D F#7 Adim Em", "4/2 7/# b5/♮ ♮"),
    ],
)
def test_figures_are_counted_from_the_bass(key, symbols, figures):
    found = [figured_bass(parse_chord(name), *parse_key(key)) for name in symbols.split()]
    assert found == figures.split()


def test_shell_writes_the_symbols(tune, tmp_path, capsys):
    run(tune, "-o", tmp_path / "out.musicxml", "-o", tmp_path / "out.svg")
    written = read(tmp_path / "out.musicxml")
    assert written.chords["symbol"].tolist() == ["C", "F", "G7", "Am", "Dm/F", "G", "C"]
    assert "harm" in (tmp_path / "out.svg").read_text()
    run(tmp_path / "none.mid", status=1)
    run(tune, "-o", tmp_path / "out.doc", status=1)


def test_shell_writes_roman_text(tune, tmp_path, capsys):
    run(tune, "-o", tmp_path / "analysis.rntxt")
    lines = (tmp_path / "analysis.rntxt").read_text().splitlines()
    assert lines[2:6] == ["Analyst: stats_composer", "", "Time Signature: 4/4", lines[5]]
    assert lines[5:] == ["m1 C: I b3 IV", "m2 V7 b3 vi", "m3 ii6 b3 V", "m4 I"]
    assert "Wrote" in capsys.readouterr().out
    run(tune, "-o", tmp_path / "none" / "analysis.rntxt", status=1)
    run(tune, "--grid", "phrase", status=2)


def test_written_symbols_win_unless_asked(tmp_path, capsys):
    rows = [(bar * 4 * QUARTER, "Am") for bar in range(4)]
    sheet = tmp_path / "sheet.musicxml"
    write(block(TUNE).replace(chords=make_table(CHORD_DTYPE, rows)), sheet)
    run(sheet, "--csv")
    assert [row.split(",")[4] for row in capsys.readouterr().out.splitlines()[1:]] == ["Am"] * 4
    run(sheet, "--csv", "--heard")
    assert capsys.readouterr().out.splitlines()[1].split(",")[4] == "C"


def test_symbols_that_are_none_are_no_reason_not_to_hear(tmp_path, capsys):
    sheet = tmp_path / "numerals.musicxml"
    rows = [(0, "I"), (8 * QUARTER, "V7/IV")]
    write(block(TUNE).replace(chords=make_table(CHORD_DTYPE, rows)), sheet)
    run(sheet, "--csv")
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1].split(",")[4] == "C"
    assert "No chord symbol can be read ('I' is the first): notes are heard." in printed.err
    assert "Heard as chorale (--style)." in printed.err


def test_an_analysis_is_not_written_over(tune, tmp_path, capsys):
    kept = tmp_path / "analysis.rntxt"
    kept.write_text("mine")
    run(tune, "-o", kept, status=1)
    assert "--force" in capsys.readouterr().err and kept.read_text() == "mine"
    run(tune, "-o", kept, "--force")
    assert "m1 C: I" in kept.read_text()


def test_a_line_of_broken_chords_has_chords(recognizer):
    chords = [(57, 64, 60), (50, 57, 53), (55, 62, 59, 65), (48, 55, 52)]
    line = [c[k % len(c)] for c in chords for k in (0, 1, 2, -1, 0, 1, 2, -1)]
    spans = recognizer.recognize(Score(make_notes(
        onset=np.arange(32) * QUARTER // 2, duration=QUARTER // 2, pitch=line)))  # fmt: skip
    assert symbols(spans) == ["Am", "Dm", "G7", "C"]


def test_keys_of_a_rag_and_of_a_sonata(recognizer):
    """Maple Leaf Rag is in A flat, its flat sixth no other degree; K. 545 has G7/D in bar 2."""
    from importlib.util import find_spec
    from pathlib import Path

    corpus = Path(find_spec("music21").submodule_search_locations[0]) / "corpus"
    rag = recognizer.recognize(read(corpus / "joplin" / "maple_leaf_rag.mxl"))
    opening = [span for span in rag if 1 <= span.bar <= 16 and span.key]
    assert {span.key for span in opening} == {"Ab major"}
    assert ("Fb", "bVI") in {(span.symbol, span.numeral) for span in opening}
    assert "bIV" not in {span.numeral for span in rag}
    sonata = recognizer.recognize(read(corpus / "mozart" / "k545" / "movement1_exposition.mxl"))
    assert next(span.symbol for span in sonata if span.bar == 2) == "G7/D"


def test_a_chorale_begins_in_its_relative_major(recognizer):
    from importlib.util import find_spec
    from pathlib import Path

    corpus = Path(find_spec("music21").submodule_search_locations[0]) / "corpus"
    keys = [span.key for span in recognizer.recognize(read(corpus / "bach" / "bwv66.6.mxl"))]
    assert keys[0] == "A major" and "F# minor" in keys
