"""Harmony in keys: steps, profiles, what is read off a path, RomanText, the bundled models."""

from importlib.resources import files

import numpy as np
import pytest

from stats_composer import modelfile
from stats_composer.chords import ChordRecognizer
from stats_composer.chords.basses import N_BASS_FEATURES, choose_basses, fit_basses
from stats_composer.chords.harmonies import HarmonyModels
from stats_composer.chords.harmony import Heard, LabelledSteps
from stats_composer.chords.profiles import (
    BASS,
    FRAMED,
    N_CHORD,
    N_KEY,
    chord_profiles,
    key_profiles,
    n_opinions,
    opinion_profiles,
)
from stats_composer.chords.qualities import KINDS, N_HOMES, N_KINDS, kind_chord, nearest
from stats_composer.chords.reading import read_harmony
from stats_composer.chords.romantext import roman_text
from stats_composer.chords.steps import SILENT, STEP, Runs, cut_steps, silences
from stats_composer.chords.styles import is_broken_line, is_chorale
from stats_composer.errors import ModelFileError
from stats_composer.files import packaged
from stats_composer.io import read
from stats_composer.kernels.chords import sum_windows
from stats_composer.score import (
    BAR_DTYPE,
    KEY_SIGNATURE_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    make_notes,
    make_table,
)
from stats_composer.theory import TICKS_PER_QUARTER, lead_sheet_symbol, parse_chord, roman_numeral

QUARTER = TICKS_PER_QUARTER


@pytest.fixture(scope="module")
def recognizer():
    return ChordRecognizer.bundled()


def piano(bars, right=()):
    """Write broken chords in eighths, a list of four pitches each half bar, and a melody."""
    left = [pitch for chord in bars for pitch in chord]
    notes = make_notes(onset=np.arange(len(left)) * STEP, duration=STEP, pitch=left, part=1)
    above = make_notes(onset=np.arange(len(right)) * 2 * QUARTER, duration=2 * QUARTER,
                       pitch=list(right), part=0)  # fmt: skip
    return Score(np.concatenate([above, notes]) if len(right) else notes)


# ---- steps and profiles ----------------------------------------------------------------------


def test_steps_by_hand():
    notes = make_notes(onset=[0, QUARTER, QUARTER], duration=[2 * QUARTER, STEP, STEP // 2],
                       pitch=[48, 64, 66], voice=[0, 1, 2])  # fmt: skip
    steps = cut_steps(Score(notes))
    assert steps.onset.tolist() == [
        0,
        STEP,
        2 * STEP,
        3 * STEP,
        4 * STEP,
        5 * STEP,
        6 * STEP,
        7 * STEP,
    ]
    assert steps.bass.tolist() == [48, 48, 48, 48, SILENT, SILENT, SILENT, SILENT]
    assert steps.weights["sounding"][2].tolist() == [1, 0, 0, 0, 1, 0, 0.5, 0, 0, 0, 0, 0]
    assert steps.weights["struck"].sum(axis=1).tolist() == [1, 0, 2, 0, 0, 0, 0, 0]
    assert steps.beats.of.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert steps.halves.first.tolist() == [0, 4, 8] and steps.bars.first.tolist() == [0, 8]


def test_steps_of_a_pickup_end_with_it():
    metre = make_table(TIME_SIGNATURE_DTYPE, [(0, 3, 4)])
    bars = make_table(BAR_DTYPE, onset=[0, QUARTER // 4 * 3])
    notes = make_notes(onset=[0, QUARTER // 4 * 3], duration=[QUARTER // 4 * 3, QUARTER], pitch=60)
    steps = cut_steps(Score(notes, time_signatures=metre, bars=bars))
    assert steps.onset[:3].tolist() == [0, QUARTER // 4, QUARTER // 4 * 3]


def test_passing_notes_are_told_from_chord_notes():
    notes = make_notes(onset=np.arange(5) * STEP, duration=STEP, pitch=[60, 62, 64, 67, 65])
    chordal = cut_steps(Score(notes)).weights["chordal"]
    assert [chordal[t, p % 12] for t, p in enumerate([60, 62, 64, 67, 65])] == [0.5, 0, 1, 0.5, 1]


def test_windows_of_runs():
    runs = Runs.where(np.array([True, False, True, True, False]))
    low, high = runs.window(1)
    assert low.tolist() == [2, 2, 3, 3, 3] and high.tolist() == [3, 3, 5, 3, 3]


def test_windows_sum_what_is_in_them():
    values = np.array([[1.0, 0.0], [2.0, 0.5], [4.0, 0.0]])
    total = np.concatenate([np.zeros((1, 2)), np.cumsum(values, axis=0)])
    found = np.empty((3, 2, 2), np.float32)
    sum_windows(total, np.array([[0, 0, 1], [1, 2, 3]]), np.array([[1, 2, 3], [3, 3, 3]]), found)
    assert found[:, 0].tolist() == [[1, 0], [3, 0.5], [6, 0.5]]
    assert found[:, 1].tolist() == [[6, 0.5], [4, 0], [0, 0]]


@pytest.mark.parametrize(("semitones", "fifths"), [(2, 2), (-1, 5), (5, -1)])
def test_profiles_turn_with_the_score(semitones, fifths):
    rng = np.random.default_rng(fifths + 9)
    notes = make_notes(onset=np.sort(rng.integers(0, 40, 60)) * STEP,
                       duration=rng.integers(1, 5, 60) * STEP, pitch=rng.integers(40, 80, 60),
                       part=rng.integers(0, 2, 60))  # fmt: skip
    keys = make_table(KEY_SIGNATURE_DTYPE, [(0, 1, 0)])
    score = Score(notes, key_signatures=keys)
    steps, moved = (cut_steps(s) for s in (score, score.transpose(semitones, fifths)))
    chords, turned = chord_profiles(steps), chord_profiles(moved)
    np.testing.assert_allclose(np.roll(chords, semitones, axis=2), turned, atol=1e-5)
    one, other = key_profiles(steps, chords), key_profiles(moved, turned)
    np.testing.assert_allclose(np.roll(one, semitones, axis=2), other, atol=1e-5)


def test_the_marked_profiles_are_what_their_names_say():
    chords = chord_profiles(cut_steps(piano([[48, 55, 64, 55], [53, 60, 69, 60]])))
    assert chords[:, BASS].argmax(axis=1).tolist() == [0, 0, 7, 7, 5, 5, 0, 0]
    assert FRAMED.max() < chords.shape[1]


def test_what_sounds_together_is_told_by_its_interval():
    notes = make_notes(onset=0, duration=8 * STEP, pitch=[48, 55], part=[0, 1])
    together = chord_profiles(cut_steps(Score(notes)))[4, -66:-12].reshape(9, 6, 12)
    expected = np.zeros((9, 6, 12))
    expected[:, 5 - 1, 7] = np.sqrt(0.5)  # G, half of what sounds, and the C a fourth above
    np.testing.assert_allclose(together, expected, atol=1e-6)


@pytest.mark.parametrize("keyed", [False, True])
def test_profiles_are_as_many_as_is_said(keyed):
    steps = cut_steps(piano([[48, 55, 64, 55]]))
    chords = chord_profiles(steps)
    shapes = (len(steps), 12 * N_KINDS), (len(steps), N_HOMES)
    around = opinion_profiles(steps, np.ones(shapes[0]), np.ones(shapes[1]) if keyed else None)
    assert (chords.shape[1], key_profiles(steps, chords).shape[1]) == (N_CHORD, N_KEY)
    assert around.shape[1] == n_opinions(keyed=keyed)


def test_an_accompaniment_has_the_chords_of_its_song_where_it_does_not_rest():
    song = cut_steps(piano([[48, 55, 64, 55]] * 4))
    beneath = cut_steps(Score(make_notes(onset=0, pitch=48, duration=QUARTER), end=song.end))
    labels = np.arange(16)
    alone = LabelledSteps("song", song, labels, labels, labels, beneath).alone()
    assert alone.steps is beneath and alone.beneath is None and alone.alone() is None
    assert alone.labels.tolist() == [*range(8), *[-1] * 8] and alone.homes is labels


# ---- basses ----------------------------------------------------------------------------------


def labelled(score, labels, basses):
    steps = cut_steps(score)
    return LabelledSteps(
        "", steps, np.zeros(len(steps), np.int64), np.array(labels), np.array(basses)
    )


def test_the_bass_of_a_broken_chord_lasts():
    # what is learned of one chord in first inversion, a G under it left aside, holds in others
    taught = labelled(piano([[47, 55, 62, 55], [52, 60, 67, 60]]),
                      [7 * N_KINDS] * 4 + [0] * 4, [11] * 4 + [4] * 4)  # fmt: skip
    weights = fit_basses([taught])
    steps = cut_steps(piano([[54, 62, 69, 62], [50, 57, 66, 57]]))
    assert choose_basses(steps, np.full(8, 2 * N_KINDS), weights).tolist() == [6] * 4 + [2] * 4


def test_the_bass_is_a_tone_of_its_chord():
    # what is lowest as each beat begins: C, E, and a D that C major does not hold
    lowest_here = np.eye(N_BASS_FEATURES)[0]
    steps = cut_steps(piano([[48, 55, 64, 55], [50, 55, 64, 55]]))
    assert choose_basses(steps, np.zeros(8, np.int64), lowest_here).tolist() == [
        0, 0, 4, 4, 0, 0, 4, 4,
    ]  # fmt: skip
    by_bar = choose_basses(steps, np.zeros(8, np.int64), lowest_here, steps.bars)
    assert by_bar.tolist() == [0] * 8


# ---- vocabulary ------------------------------------------------------------------------------


def test_kinds_of_pitch_classes():
    names = list(KINDS)
    assert names[nearest(2, [2, 6, 9, 0])] == "7"
    assert names[nearest(6, [6, 8, 0, 3])] == "Ger" and names[nearest(6, [6, 8, 0])] == "It"
    assert names[nearest(0, [0, 4, 7, 2])] == "maj"
    french = kind_chord(names.index("Fr"), 2)
    assert lead_sheet_symbol(french) == "D7b5"


# ---- what is read off a path -----------------------------------------------------------------


def told(rows, n):
    """Make what a model would have heard of (steps, home, root, kind, bass)."""
    homes, labels = np.zeros(n, np.int64), np.zeros(n, np.int64)
    start = 0
    for length, home, root, kind, _ in rows:
        span = slice(start, start + length)
        homes[span], labels[span] = home, root * N_KINDS + list(KINDS).index(kind)
        start += length
    step = np.arange(n)
    by_home, by_label = np.full((n, N_HOMES), 1e-3), np.full((n, 12 * N_KINDS), 1e-3)
    by_home[step, homes] = by_label[step, labels] = 0.8
    return Heard(homes, labels, by_home, by_label, np.eye(N_BASS_FEATURES)[0])


def reading(rows, pitches, home=(0, 0), **options):
    n = sum(row[0] for row in rows)
    onset = np.arange(0, n, 4) * STEP
    notes = [make_notes(onset=o, duration=4 * STEP, pitch=p, part=np.arange(len(p)))
             for o, p in zip(onset, pitches, strict=True)]  # fmt: skip
    score = Score(np.concatenate(notes))
    steps = cut_steps(score)
    length, *last = rows[-1]
    rows = [*rows[:-1], (length + len(steps) - n, *last)]
    return score, read_harmony(score, steps, told(rows, len(steps)), home, **options)


CADENCE = (
    [(4, 1, 0, "min", 0), (4, 1, 6, "Ger", 8), (4, 1, 0, "min", 7), (4, 1, 7, "7", 5)],
    [(48, 63, 67), (44, 60, 63, 66), (43, 60, 63), (41, 59, 62, 67)],
)


def test_augmented_sixths_and_inversions():
    _, spans = reading(*CADENCE, home=(0, 1))
    assert [span.numeral for span in spans] == ["i", "Ger65", "i64", "V42"]
    assert [span.symbol for span in spans] == ["Cm", "Ab7", "Cm/G", "G7/F"]
    assert {span.key for span in spans} == {"C minor"}


def test_an_italian_sixth_needs_a_key_and_has_one():
    rows = [(4, 0, 6, "It", 8), (4, 0, 7, "maj", 7)]
    _, spans = reading(rows, [(44, 60, 66), (43, 59, 62)])
    assert [span.numeral for span in spans] == ["It6", "V"]


def test_dominants_of_degrees():
    rows = [(4, 0, 4, "maj", 4), (4, 0, 9, "min", 9), (4, 0, 2, "7", 6), (4, 0, 7, "7", 2)]
    _, spans = reading(rows, [(52, 59, 68), (57, 60, 64), (54, 60, 62, 69), (50, 59, 65, 67)])
    assert [span.numeral for span in spans] == ["V/vi", "vi", "V65/V", "V43"]


def test_what_no_chord_explains():
    rows = [(4, 0, 0, "maj", 0), (4, 0, 2, "maj", 2), (8, 0, 7, "maj", 7), (4, 0, 7, "maj", 7)]
    score, spans = reading(rows, [(48, 64, 67), (49, 51, 53, 58), (), (), (55, 67)])
    assert [span.symbol for span in spans] == ["C", "N.C.", "N.C.", "N.C."]
    reasons = [span.reason.partition(":")[0] for span in spans]
    assert reasons == ["", "a cluster", "silence", "a single pitch class"]
    assert sum(span.duration for span in spans) == score.end


def test_what_is_no_chord_for_one_reason_is_one_span():
    rows = [(4, 0, 0, "maj", 0), (4, 0, 7, "maj", 7), (4, 0, 0, "maj", 0)]
    _, spans = reading(rows, [(48, 64, 67), (55,), (55,)])
    assert [(span.symbol, span.duration // STEP) for span in spans] == [("C", 4), ("N.C.", 12)]
    assert spans[1].reason == "a single pitch class"


def test_a_silence_is_as_long_as_its_bar_or_comes_first():
    # bars of eight steps: three steps of rest, a note, seven of rest; a note, and a bar of rest
    notes = make_notes(onset=np.array([3, 11, 20]) * STEP, duration=STEP, pitch=60)
    silent = silences(cut_steps(Score(notes)))
    assert np.flatnonzero(silent).tolist() == [0, 1, 2, *range(12, 20)]


def test_grids():
    rows = [(4, 0, 0, "maj", 0), (2, 0, 5, "maj", 5), (2, 0, 7, "maj", 7)]
    for grid, expected in (("bar", ["C"]), ("beat", ["C", "C", "F", "G"])):
        _, spans = reading(rows, [(48, 64, 67), (53, 60, 69)], grid=grid)
        assert [span.symbol.partition("/")[0] for span in spans] == expected


@pytest.mark.parametrize(
    ("chord", "key", "numeral"),
    [
        ("Ab", (0, 1), "VI"), ("A", (0, 1), "#VI"), ("Bb", (0, 0), "bVII"),
        ("B#dim", (7, 0), "vii°"), ("Fb", (-4, 0), "bVI"), ("Db/F", (0, 1), "bII6"),
        ("G7/D", (0, 0), "V43"),
    ],
)  # fmt: skip
def test_numerals_of_reported_cases(chord, key, numeral):
    assert roman_numeral(parse_chord(chord), *key) == numeral


# ---- RomanText -------------------------------------------------------------------------------


def test_roman_text_reads_back_equal():
    from music21.romanText.translate import romanTextToStreamScore

    rows = [
        (4, 0, 0, "maj", 0), (4, 0, 11, "hdim7", 2), (4, 0, 10, "maj", 10), (4, 0, 2, "7", 6),
        *((length, home, root, kind, bass) for length, home, root, kind, bass in CADENCE[0]),
    ]  # fmt: skip
    pitches = [(48, 64, 67), (50, 57, 59, 65), (46, 62, 65), (54, 60, 62, 69), *CADENCE[1]]
    score, spans = reading(rows, pitches)
    text = roman_text(score, spans)
    assert "m1 C: I b3 vii/o65" in text and "c: i b3 Ger65" in text
    found = list(romanTextToStreamScore(text).recurse().getElementsByClass("RomanNumeral"))
    assert len(found) == len(spans)
    for (_, home, root, kind, bass), numeral in zip(rows, found, strict=True):
        tones = {(root + tone) % 12 for tone in KINDS[kind]}
        assert {p.pitchClass for p in numeral.pitches} == tones
        assert numeral.bass().pitchClass == bass
        assert numeral.key.tonic.pitchClass == home // 2
    assert [float(n.getOffsetInHierarchy(n.activeSite.activeSite)) for n in found[:2]] == [0, 2]


def test_a_chord_is_as_sure_as_its_steps_are_in_the_mean():
    score = Score(make_notes(onset=0, duration=8 * STEP, pitch=[48, 64, 67], part=[0, 1, 1]))
    steps = cut_steps(score)
    heard = told([(len(steps), 0, 0, "maj", 0)], len(steps))
    heard.label_probs[heard.label_probs > 0.5] = np.repeat([0.9, 0.3], len(steps) // 2)
    (span,) = read_harmony(score, steps, heard, (0, 0))
    assert (span.symbol, span.confidence) == ("C", pytest.approx(0.6, abs=1e-3))


def test_a_dyad_has_one_root_however_it_is_spelled():
    # G sharp under E flat is the fifth that G sharp under D sharp is
    rows = [(4, 8, 8, "maj", 8), (4, 8, 3, "maj", 3)]
    for fifths in (-3, 9):
        score = Score(np.concatenate([
            make_notes(onset=0, duration=4 * STEP, pitch=[44, 51], fifths=[8, fifths], part=[0, 1]),
            make_notes(onset=4 * STEP, duration=4 * STEP, pitch=[51, 55, 58], part=[0, 1, 1]),
        ]))  # fmt: skip
        steps = cut_steps(score)
        spans = read_harmony(score, steps, told([*rows[:1], (len(steps) - 4, *rows[1][1:])],
                                                len(steps)), (-4, 0))  # fmt: skip
        assert parse_chord(spans[0].symbol).root * 7 % 12 == 8


# ---- kinds of music --------------------------------------------------------------------------


def test_kinds_of_texture():
    chorale = make_notes(onset=np.repeat(np.arange(8), 4) * QUARTER, duration=QUARTER,
                         pitch=[48, 55, 64, 72] * 8, part=[3, 2, 1, 0] * 8)  # fmt: skip
    assert is_chorale(Score(chorale))
    assert not is_chorale(piano([[48, 55, 64, 55]] * 4, [72, 74]))
    assert is_broken_line(piano([[48, 55, 64, 55]] * 2))
    scale = make_notes(onset=np.arange(8) * QUARTER, pitch=[60, 62, 64, 65, 67, 69, 71, 72])
    assert not is_broken_line(Score(scale))


@pytest.mark.parametrize("style", ["classical", "songs"])
def test_what_is_heard_turns_with_the_score(recognizer, style):
    rng = np.random.default_rng(3)
    onset = np.arange(64) * STEP
    notes = make_notes(onset=np.tile(onset, 2), duration=STEP, part=np.repeat([0, 1], 64),
                       pitch=np.concatenate([rng.integers(60, 80, 64), rng.integers(40, 60, 64)]),
                       )  # fmt: skip
    score = Score(notes, key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(0, 1, 0)]))
    model = recognizer.harmony.models[style]
    one = model.hear(cut_steps(score))
    for semitones in range(1, 12):
        other = model.hear(cut_steps(score.transpose(semitones, (7 * semitones + 5) % 12 - 5)))
        np.testing.assert_array_equal((one.homes + 2 * semitones) % N_HOMES, other.homes)
        moved = (one.labels + semitones * N_KINDS) % (12 * N_KINDS)
        np.testing.assert_array_equal(moved, other.labels)
        turned = np.roll(one.label_probs, semitones * N_KINDS, axis=1)
        np.testing.assert_allclose(turned, other.label_probs, atol=1e-3)


def test_how_sure_it_is_of_roots_is_how_often_they_are_right(recognizer):
    """Chorales are a texture that the classical model never saw; music21 reads their analyses."""
    from importlib.util import find_spec
    from pathlib import Path

    from music21.romanText.translate import romanTextToStreamScore

    bach = Path(find_spec("music21").submodule_search_locations[0]) / "corpus" / "bach"
    sure, hit = [], []
    for number, work in ((1, "269"), (2, "347"), (3, "153.1"), (4, "86.6"), (6, "281")):
        analysis = bach / "choraleAnalyses" / f"riemenschneider{number:03d}.rntxt"
        part = romanTextToStreamScore(analysis.read_text()).parts[0]
        numerals = list(part.recurse().getElementsByClass("RomanNumeral"))
        begins = [float(n.getOffsetInHierarchy(part)) for n in numerals]
        steps = cut_steps(read(bach / f"bwv{work}.mxl"))
        heard = recognizer.harmony.models["classical"].hear(steps)
        row = np.searchsorted(begins, steps.onset / QUARTER, side="right") - 1
        root = heard.labels // N_KINDS
        hit.append(root == np.array([numerals[max(i, 0)].root().pitchClass for i in row]))
        by_root = heard.label_probs.reshape(-1, 12, N_KINDS).sum(axis=2)
        sure.append(by_root[np.arange(len(root)), root])
    sure, hit = np.concatenate(sure), np.concatenate(hit)
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [(bins == b).mean() * abs(sure[bins == b].mean() - hit[bins == b].mean())
            for b in np.unique(bins)]  # fmt: skip
    assert sum(gaps) < 0.05 and hit.mean() > 0.88


def test_a_song_is_what_the_model_of_songs_is_surer_of():
    class Sure:
        def __init__(self, log_prob):
            self.log_prob = log_prob

        def sureness(self, notes):
            return self.log_prob

    notes = np.zeros((1000, 1, 12), np.float32)
    for songs, style in ((-0.4, "songs"), (-0.5, "classical"), (-0.6, "classical")):
        models = HarmonyModels({"classical": Sure(-0.5), "songs": Sure(songs)})
        assert models.style(notes) == style


def test_another_kind_of_model_is_refused():
    from stats_composer.chords import recognizer

    with pytest.raises(ModelFileError, match="expected HarmonyModels"):
        HarmonyModels.load(files("stats_composer") / recognizer._BUNDLED)


def test_percussion_is_no_harmony(recognizer):
    notes = piano([[48, 55, 64, 55]] * 4, [72, 76]).notes
    drums = make_notes(onset=np.arange(16) * STEP, duration=STEP, pitch=38, part=2)
    score = Score(np.concatenate([notes, drums]), parts=(Part(), Part(), Part(percussion=True)))
    spans = recognizer.recognize(score)
    assert {span.symbol for span in spans} == {"C"}


@pytest.mark.parametrize(
    "name", ["songs chord weights_", "classical key again bias_", "songs chain"]
)
def test_an_array_of_another_shape_is_named(name, tmp_path):
    with packaged("pretrained/harmony.npz") as path:
        header, arrays = modelfile.load(path)
    modelfile.save(tmp_path / "cut.npz", header, {**arrays, name: arrays[name][:-1]})
    with pytest.raises(ModelFileError, match=f"{name.split(' ', 1)[1]} of shape .*: expected"):
        HarmonyModels.load(tmp_path / "cut.npz")
