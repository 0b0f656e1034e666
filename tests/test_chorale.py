"""The chorale composer: what is given comes back, what is asked is kept, for any melody."""

import subprocess
import sys
import time

import numpy as np
import pytest

from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.composers.chorale.page import VOICES
from stats_composer.composers.chorale.task import melody_key, melody_keys
from stats_composer.constraints import (
    Cadence,
    ChordAt,
    Contains,
    Density,
    InKey,
    NoCrossing,
    NoParallels,
    NoRepeat,
    Pin,
    Range,
    Rhythm,
)
from stats_composer.errors import ConstraintError, EncodingError, ScoreWarning
from stats_composer.io import read, write
from stats_composer.score import (
    BAR_DTYPE,
    CHORD_DTYPE,
    FERMATA_DTYPE,
    KEY_SIGNATURE_DTYPE,
    LYRIC_DTYPE,
    NOTE_DTYPE,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    bar_onsets,
    make_notes,
    make_table,
)
from stats_composer.theory import TICKS_PER_QUARTER, Metre

QUARTER = TICKS_PER_QUARTER
TUNE = [67, 69, 71, 72, 74, 72, 71, 69, 71, 67, 69, 66, 67]


@pytest.fixture(scope="module")
def composer():
    return ChoraleComposer.bundled()


def melody(metre=(4, 4), pickup=0, shift=0, durations=None, bars=4, fifths=1):
    """Write a tune in G with odd velocities, spellings and words."""
    full = Metre(*metre).bar
    end = pickup * QUARTER // 2 + bars * full
    durations = durations or [full // 4 if metre[1] < 8 else 5040]
    rows, at = [], 0
    while at < end:
        i = len(rows)
        duration = min(int(durations[i % len(durations)]), end - at)
        pitch = TUNE[i % len(TUNE)] + shift if end - at > duration else 67 + shift
        rows.append((at, duration, pitch, [1, 3, 5, 0][i % 4], 0, 0, 64 + i % 30, False))
        at += duration
    notes = make_table(NOTE_DTYPE, rows)
    notes["fifths"] = 7 * (notes["pitch"].astype(int) % 12) % 12  # sharps, however strange
    metres = make_table(TIME_SIGNATURE_DTYPE, [(0, *metre)])
    onsets = bar_onsets(metres, end, pickup * QUARTER // 2 or None)
    return Score(
        notes,
        bars=make_table(BAR_DTYPE, onset=onsets),
        time_signatures=metres,
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(0, fifths, 0)]),
        tempos=make_table(TEMPO_DTYPE, [(0, 90.0)]),
        lyrics=make_table(LYRIC_DTYPE, [(0, 0, 0, 1, "single", "Lobt")]),
        parts=(Part("Tune"),),
        title="Tune",
        end=end,
    )


def part(score, line):
    """Take the notes of a part, its number left out."""
    names = [name for name in NOTE_DTYPE.names if name not in ("part", "voice")]
    return score.notes[score.notes["part"] == line][names]


def check(composer, score, tune, line=0):
    """Check what holds of every harmonization."""
    np.testing.assert_array_equal(part(score, line), part(tune, 0))
    assert [row.tolist()[3:] for row in score.lyrics] == [r.tolist()[3:] for r in tune.lyrics]
    for name in ("bars", "time_signatures", "tempos", "key_signatures"):
        np.testing.assert_array_equal(getattr(score, name), getattr(tune, name))
    assert (score.title, score.end) == (tune.title, tune.end)
    assert [p.name for p in score.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    given = part(tune, 0)
    for other in set(range(4)) - {line}:
        notes = part(score, other)
        low, high = composer.ranges_[other]
        assert low <= notes["pitch"].min() and notes["pitch"].max() <= high
        # Everybody sings from the first note to the last, without a rest.
        ends = notes["onset"] + notes["duration"]
        assert notes["onset"][0] == given["onset"][0]
        np.testing.assert_array_equal(notes["onset"][1:], ends[:-1])
        assert ends[-1] == (given["onset"] + given["duration"]).max()
    # No fermata that the melody has not.
    assert not len(score.fermatas)


@pytest.mark.parametrize(
    ("line", "shift"), [("soprano", 0), ("alto", -5), ("tenor", -12), ("bass", -17)]
)
def test_the_melody_comes_back_in_any_voice(composer, line, shift):
    tune = melody(shift=shift)
    check(composer, composer.harmonize(tune, voice=line, random_state=1), tune, VOICES.index(line))


@pytest.mark.parametrize(
    "options",
    [
        {"metre": (3, 4)},
        {"metre": (3, 4), "pickup": 2},
        {"metre": (6, 8), "pickup": 1, "durations": [10080, 5040]},
        {"metre": (2, 2)},
        {"metre": (9, 8), "durations": [5040]},
        {"metre": (5, 4)},
        {"pickup": 2},
        {"durations": [3360]},
        {"durations": [1260, 1260, 2520, 5040, 10080]},
        {"durations": [7560, 2520]},
        {"bars": 1, "durations": [40320]},
        {"shift": 24},
        {"shift": -30},
    ],
    ids=str,
)
def test_the_melody_comes_back_in_any_metre_and_rhythm(composer, options):
    tune = melody(**options)
    check(composer, composer.harmonize(tune, random_state=2), tune)


def test_a_melody_of_one_note(composer):
    tune = Score(make_notes(onset=[0], pitch=[67]), end=QUARTER)
    score = composer.harmonize(tune, random_state=0)
    assert [len(part(score, line)) for line in range(4)] == [1, 1, 1, 1]


def test_rests_before_the_melody_are_everyones(composer):
    tune = Score(make_notes(onset=np.arange(4, 8) * QUARTER, pitch=[67, 69, 66, 67]))
    score = composer.harmonize(tune, random_state=0)
    assert score.notes["onset"].min() == 4 * QUARTER


@pytest.mark.parametrize(
    ("tune", "options", "match"),
    [
        (Score(make_notes(onset=[], pitch=[], duration=[]), end=QUARTER), {}, "without notes"),
        (melody(), {"voice": "descant"}, "voice 'descant': expected one of soprano"),
        (Score(make_notes(onset=[0, 0], pitch=[60, 64], part=[0, 1])), {}, "of 2 voices"),
    ],
)
def test_what_is_no_melody_is_refused_in_one_line(composer, tune, options, match):
    with pytest.raises(EncodingError, match=match) as error:
        composer.harmonize(tune, **options)
    assert "\n" not in str(error.value)


def test_a_melody_of_many_windows_comes_back(composer):
    tune = melody(bars=300)
    score = composer.harmonize(tune, random_state=0)
    np.testing.assert_array_equal(part(score, 0), part(tune, 0))


@pytest.mark.parametrize("metre", ["4/4", "3/4", "6/8", "2/2"])
def test_a_free_piece_ends_on_its_tonic_and_holds_its_last_chord(composer, metre):
    scores = composer.compose(bars=4, key="D", time_signature=metre, random_state=3, n=4)
    roots = []
    for score in scores:
        assert score.n_bars == 4 and len(score.voices) == 4
        last = score.fermatas["onset"].max()
        for line in range(4):
            notes = part(score, line)
            ends = notes["onset"] + notes["duration"]
            assert notes["onset"][0] == 0 and ends[-1] == score.end
            np.testing.assert_array_equal(notes["onset"][1:], ends[:-1])
            assert notes["onset"][-1] <= last
        roots.append(part(score, 3)["pitch"][-1] % 12 == 2)
    assert np.mean(roots) >= 0.75


def test_files_read_back_the_same(composer, tmp_path):
    score = composer.harmonize(melody((3, 4), 2), random_state=4)
    write(score, tmp_path / "chorale.musicxml")
    assert read(tmp_path / "chorale.musicxml") == score
    import music21
    import verovio

    parsed = music21.converter.parse(tmp_path / "chorale.musicxml", forceSource=True)
    for line, stream in enumerate(parsed.parts):
        found = [
            (round(float(n.getOffsetInHierarchy(stream)) * QUARTER), n.pitch.midi)
            for n in stream.recurse().notes
            if n.tie is None or n.tie.type == "start"
        ]
        assert found == part(score, line)[["onset", "pitch"]].tolist()
    toolkit = verovio.toolkit()
    assert toolkit.loadFile(str(tmp_path / "chorale.musicxml"))
    heard = {e["tstamp"] for e in toolkit.renderToTimemap() if e.get("on")}
    assert len(heard) == len(np.unique(score.notes["onset"]))


def test_what_lies_outside_the_region_stays(composer):
    score = composer.harmonize(melody(bars=6), random_state=5)
    start, stop = score.bars["onset"][2], score.bars["onset"][4]
    for voices in (VOICES, ("alto", "bass")):
        other = composer.resample(score, bars=(3, 4), voices=voices, random_state=7)
        assert other != score
        for line, name in enumerate(VOICES):
            old, new = part(score, line), part(other, line)
            if name not in voices:
                np.testing.assert_array_equal(new, old)
                continue
            for notes in (old, new):
                end = notes["onset"] + notes["duration"]
                outside = notes[(notes["onset"] < start) | (end > stop)]
                assert np.isin(outside, old).all() and np.isin(outside, new).all()
        assert other.fermatas.tolist() == score.fermatas.tolist()
    with pytest.raises(EncodingError, match="bar 9: the piece has the bars 1 to 6"):
        composer.resample(score, bars=(3, 9))


def random_constraints(rng):
    """Draw a few constraints that can hold together in G."""
    pool = [
        Range("bass", 43, 60),
        Range("alto", 57, 71, bars=(2, 3)),
        Pin("bass", 2, 1, 43 + 12 * int(rng.integers(2))),
        ChordAt(3, 1, ["G:maj", "E:min", "D:maj"][rng.integers(3)]),
        Cadence(),
        Contains("tenor", intervals=[2, -2]),
        Density("alto", minimum=4, maximum=6, bars=(1, 3)),
        NoCrossing(),
        NoParallels(),
        NoRepeat("bass", 3),
        Rhythm("tenor", durations=[1, 1, 1, 1], bars=(2, 2)),
        InKey(voices=["bass", "tenor"]),
    ]
    return [pool[i] for i in rng.choice(len(pool), 3, replace=False)]


@pytest.mark.parametrize("seed", range(6))
def test_constraints_are_kept(composer, seed):
    asked = random_constraints(np.random.default_rng(seed))
    score = composer.compose(bars=4, key="G", constraints=asked, random_state=seed)
    assert [text for constraint in asked for text in constraint.violations(score)] == []


def test_what_conflicts_is_named_and_nothing_else(composer):
    low, high = Range("bass", 40, 50), Pin("bass", 2, 1, 55)
    asked = [NoCrossing(), low, Cadence(), high, Density("alto", maximum=8, bars=(1, 2))]
    start = time.process_time()
    with pytest.raises(ConstraintError) as error:
        composer.compose(bars=4, key="G", constraints=asked, random_state=0)
    assert time.process_time() - start < 5
    assert error.value.conflict == (str(low), str(high))


SCRIPT = """
import sys
from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.io import write
scores = ChoraleComposer.bundled().compose(bars=2, random_state=7, n=2, n_jobs=int(sys.argv[1]))
for i, score in enumerate(scores):
    write(score, f"{sys.argv[2]}/{i}.musicxml")
    write(score, f"{sys.argv[2]}/{i}.mid")
heavy = {"sklearn", "scipy.stats", "scipy.sparse", "scipy.optimize", "music21", "matplotlib"}
print(sorted(set(sys.modules) & heavy))
"""


def test_the_same_seed_gives_the_same_bytes_in_any_process(composer, tmp_path):
    files = {}
    for n_jobs in (1, 2):
        folder = tmp_path / str(n_jobs)
        folder.mkdir()
        command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(n_jobs), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert done.stdout == "[]\n"  # numba looks for BLAS in scipy.linalg
        files[n_jobs] = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(files[1]) == 4 and files[1] == files[2]
    here = composer.compose(bars=2, random_state=7, n=2)
    assert [read(tmp_path / f"1/{i}.musicxml") for i in range(2)] == here


def test_the_key_of_a_melody_by_its_last_note_and_signature():
    tune = melody()
    assert melody_key(tune) == (1, 0)
    # G minor with one flat, as Bach's time wrote it.
    pitches = [67, 69, 70, 72, 74, 70, 69, 67, 66, 67]
    notes = make_notes(onset=np.arange(10) * QUARTER, pitch=pitches)
    old = make_table(KEY_SIGNATURE_DTYPE, [(0, -1, 1)])
    assert melody_key(Score(notes, key_signatures=old)) == (1, 1)


def test_a_signature_that_lacks_the_notes_is_not_believed():
    # E major under the signature of C, as MIDI files have it by default; and a plain C major.
    pitches = np.array([64, 66, 68, 64, 69, 71, 73, 71, 69, 68, 66, 63, 64])
    marked = make_table(KEY_SIGNATURE_DTYPE, [(0, 0, 0)])
    notes = make_notes(onset=np.arange(13) * QUARTER, pitch=pitches)
    assert melody_key(Score(notes, key_signatures=marked)) == (4, 0)
    notes = make_notes(onset=np.arange(13) * QUARTER, pitch=pitches - 4)
    assert melody_key(Score(notes, key_signatures=marked)) == (0, 0)


def test_fermatas_are_printed_where_the_melody_has_them_or_where_asked(composer):
    tune = melody()
    (last,) = np.flatnonzero(tune.notes["onset"] == tune.notes["onset"].max())
    marked = tune.replace(
        fermatas=make_table(FERMATA_DTYPE, [(int(tune.notes["onset"][last]), 0, 0)])
    )
    for score in (
        composer.harmonize(marked, random_state=1),
        composer.harmonize(tune, fermatas=True, random_state=1),
    ):
        assert set(score.fermatas["part"]) == {0, 1, 2, 3}


def test_chord_symbols_above_a_melody_are_followed(composer):
    # A tune that fits C major throughout, under other chords: E minor and A minor.
    onset = np.arange(16) * QUARTER
    tune = Score(make_notes(onset=onset, pitch=[67, 64, 67, 71, 72, 69, 72, 64] * 2))
    symbols = [(0, "Em"), (4, "Am"), (8, "Em"), (12, "Am")]
    chords = make_table(CHORD_DTYPE, [(beat * QUARTER, symbol) for beat, symbol in symbols])
    asked = {0: {4, 7, 11}, 1: {9, 0, 4}}

    def followed(melody):
        """Return the share of the lower voices' beats that lie in the chords, and a setting."""
        scores = [composer.harmonize(melody, key="C", random_state=seed) for seed in (1, 2, 3)]
        inside = [
            note["pitch"] % 12 in asked[int(note["onset"]) // (4 * QUARTER) % 2]
            for score in scores
            for note in score.notes
            if note["part"] > 0 and note["onset"] % QUARTER == 0
        ]
        return np.mean(inside), scores[0]

    share, score = followed(tune.replace(chords=chords))
    assert share > 0.8 > followed(tune)[0] + 0.1
    assert score.chords["symbol"].tolist() == [symbol for _, symbol in symbols]


def test_a_symbol_that_is_none_is_told_by_its_place(composer):
    tune = melody()
    chords = make_table(CHORD_DTYPE, [(0, "G"), (4 * QUARTER, "Hm?"), (8 * QUARTER, "C")])
    with pytest.warns(ScoreWarning, match="bar 2 beat 1: not followed: "):
        composer.harmonize(tune.replace(chords=chords), random_state=3)


def test_a_change_of_key_is_followed(composer):
    # Four bars in C, and the same four a minor third higher, in Eb.
    pitches = [64, 62, 60, 62, 64, 65, 67, 67, 69, 67, 65, 64, 62, 62, 60, 60]
    notes = make_notes(onset=np.arange(32) * QUARTER, pitch=pitches + [p + 3 for p in pitches])
    signatures = make_table(KEY_SIGNATURE_DTYPE, [(0, 0, 0), (16 * QUARTER, -3, 0)])
    tune = Score(notes, key_signatures=signatures)
    assert melody_keys(tune) == [(0, (0, 0)), (16 * QUARTER, (-3, 0))]
    assert composer.heard_key(tune) == "C major, from bar 5 beat 1 Eb major"
    scores = composer.harmonize(tune, random_state=1, n=4)
    for start, scale in ((0, {0, 2, 4, 5, 7, 9, 11}), (16, {3, 5, 7, 8, 10, 0, 2})):
        notes = np.concatenate([score.notes[score.notes["part"] > 0] for score in scores])
        onset = notes["onset"] - start * QUARTER
        sung = notes[(onset >= 0) & (onset < 16 * QUARTER)]
        right = np.isin(sung["pitch"] % 12, list(scale))
        assert sung["duration"][right].sum() > 0.85 * sung["duration"].sum()
    score = scores[0]
    np.testing.assert_array_equal(part(score, 0), part(tune, 0))
    assert score.notes["pitch"][(score.notes["part"] == 3)][-1] % 12 == 3
