"""What things mean, worked out on paper: no value here comes from the code that it tests."""

import io

import mido
import numpy as np
import pytest
from test_constraints import choir, make_page

from stats_composer.constraints import Cadence, ChordAt, InKey, Pin, check_feasible
from stats_composer.errors import ConstraintError
from stats_composer.io import write
from stats_composer.models.maxent import LBFGS, Field, MaxEnt
from stats_composer.sampling.diagnostics import effective_sample_size
from stats_composer.score import TEMPO_DTYPE, Part, Score, make_notes, make_table
from stats_composer.theory import MAJOR, MINOR, TICKS_PER_QUARTER, parse_chord, parse_pitch

QUARTER = TICKS_PER_QUARTER
BAR = 4 * QUARTER
CHOIR = ("Soprano", "Alto", "Tenor", "Bass")


def chords(*columns, key):
    """Write half notes in four parts, a column a chord from the top down; `-` is a rest."""
    rows = [
        (column * 2 * QUARTER, parse_pitch(name), part)
        for column, names in enumerate(columns)
        for part, name in enumerate(names.split())
        if name != "-"
    ]
    onset, pitch, part = zip(*rows, strict=True)
    page = make_page(n_bars=1, metre=(4, 4), key=key, names=CHOIR)
    notes = make_notes(onset=onset, pitch=pitch, part=part, duration=2 * QUARTER)
    return page.replace(notes=notes, end=2 * QUARTER * len(columns))


C_MAJOR, C_MINOR, A_MINOR = (0, MAJOR), (-3, MINOR), (0, MINOR)


@pytest.mark.parametrize(
    ("kind", "before", "arrival", "key"),
    [
        ("authentic", "D5 B4 G4 G3", "C5 C5 G4 C3", C_MAJOR),
        ("authentic", "D5 B4 F4 G3", "C5 C5 Eb4 C3", C_MINOR),
        ("perfect", "B4 F4 D4 G3", "C5 E4 C4 C3", C_MAJOR),
        ("picardy", "B4 F4 D4 G3", "C5 E4 C4 C3", C_MINOR),
        ("plagal", "A4 F4 C4 F3", "G4 E4 C4 C3", C_MAJOR),
        ("plagal", "Ab4 F4 C4 F3", "G4 Eb4 C4 C3", C_MINOR),
        ("half", "E4 C4 G3 C3", "D4 B3 G3 G2", C_MAJOR),
        ("half", "C5 G4 Eb4 C3", "B4 G4 D4 G2", C_MINOR),
        ("deceptive", "B4 F4 D4 G3", "C5 E4 C4 A3", C_MAJOR),
        ("deceptive", "B4 F4 D4 G3", "C5 Eb4 C4 Ab3", C_MINOR),
        ("deceptive", "G#4 E4 B3 E3", "A4 A4 C4 F3", A_MINOR),
    ],
)
def test_cadences_of_every_kind(kind, before, arrival, key):
    wish = Cadence(bar=1, beat=3, kind=kind)
    assert wish.violations(chords(before, arrival, key=key)) == []


@pytest.mark.parametrize(
    ("kind", "before", "arrival", "key", "broken"),
    [
        ("deceptive", "B4 F4 D4 G3", "C5 E4 C4 A3", C_MINOR, "A3"),  # the major sixth degree
        ("deceptive", "B4 F4 D4 G3", "C5 E4 C4 C3", C_MAJOR, "C3"),
        ("authentic", "D5 Bb4 G4 G3", "C5 C5 Eb4 C3", C_MINOR, "Bb4"),  # no leading tone
        ("authentic", "D5 B4 G4 B3", "C5 C5 G4 C3", C_MAJOR, "B3"),  # first inversion
        ("perfect", "B4 F4 D4 G3", "E5 G4 C4 C3", C_MAJOR, "E5"),
        ("picardy", "B4 F4 D4 G3", "C5 Eb4 C4 C3", C_MINOR, "Eb4"),
        ("plagal", "A4 F4 C4 F3", "G4 E4 C4 C3", C_MINOR, "A4"),
        ("half", "E4 C4 G3 C3", "D4 Bb3 G3 G2", C_MINOR, "Bb3"),
    ],
)
def test_cadences_that_are_none(kind, before, arrival, key, broken):
    told = Cadence(bar=1, beat=3, kind=kind).violations(chords(before, arrival, key=key))
    assert any(broken.replace("b", "") in line or broken in line for line in told), told


def is_possible(frame, *wishes):
    """Tell whether wishes can hold together, by the search that knows their factors alone."""
    try:
        check_feasible(wishes, frame)
    except ConstraintError:
        return False
    return True


@pytest.mark.parametrize(
    ("key", "bass", "possible"),
    [
        (C_MAJOR, "A2", True),
        (C_MAJOR, "Ab2", False),
        (C_MINOR, "Ab2", True),
        (C_MINOR, "A2", False),
    ],
)
def test_factors_of_a_deceptive_cadence_ask_for_the_sixth_degree_of_the_mode(key, bass, possible):
    frame = choir(key=key, n_bars=2)
    wishes = Cadence(bar=2, beat=3, kind="deceptive"), Pin("bass", 2, 3, bass)
    assert is_possible(frame, *wishes) == possible


@pytest.mark.parametrize(
    ("voice", "may_rest"), [("soprano", True), ("alto", True), ("tenor", True), ("bass", False)]
)
def test_upper_voices_may_rest_in_a_chord_and_the_lowest_may_not(voice, may_rest):
    names = ["C5", "G4", "E4", "C3"]
    names[("soprano", "alto", "tenor", "bass").index(voice)] = "-"
    score = chords(" ".join(names), "C5 G4 E4 C3", key=C_MAJOR)
    wish = ChordAt(1, 1, "C", duration=2)
    assert (wish.violations(score) == []) == may_rest
    assert is_possible(choir(), wish, Pin(voice, 1, 1, "rest")) == may_rest


@pytest.mark.parametrize(
    ("signature", "mode", "inside", "outside"),
    [
        (0, MINOR, "A4 B4 C5 D5 E5 F5 F#5 G5 G#5", "C#5 D#5 A#4"),  # A minor
        (-3, MINOR, "C5 D5 Eb5 F5 G5 Ab5 A5 Bb5 B5", "C#5 E5 F#5"),  # C minor
        (2, MAJOR, "D5 E5 F#5 G5 A5 B5 C#5", "C5 F5 Bb4"),  # D major
    ],
)
def test_the_key_in_force_is_that_of_signature_and_mode(signature, mode, inside, outside):
    page = make_page(n_bars=8, key=(signature, mode))
    for names, fine in ((inside.split(), True), (outside.split(), False)):
        for name in names:
            score = page.replace(notes=make_notes(onset=[0], pitch=[parse_pitch(name)]))
            assert (InKey().violations(score) == []) == fine, name


def test_a_note_struck_again_at_once_ends_before_it_begins_in_midi():
    onset = QUARTER * np.arange(3)
    score = Score(make_notes(onset=onset, pitch=60, duration=QUARTER), parts=(Part("Line"),))
    out = io.BytesIO()
    write(score, out, format="midi")
    clock, sounding, told = 0, 0, []
    for track in mido.MidiFile(file=io.BytesIO(out.getvalue())).tracks:
        clock = 0
        for message in track:
            clock += message.time
            if message.type in ("note_on", "note_off"):
                starts = message.type == "note_on" and message.velocity > 0
                sounding += 1 if starts else -1
                told.append((clock, starts))
                assert sounding in (0, 1)
    quarter = told[1][0]
    assert told == [
        (0, True), (quarter, False), (quarter, True), (2 * quarter, False), (2 * quarter, True),
        (3 * quarter, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("symbol", "pitch_classes", "bass"),
    [
        ("Cdim7", {0, 3, 6, 9}, None),  # C Eb Gb Bbb
        ("B:dim7", {11, 2, 5, 8}, None),  # B D F Ab
        ("F#m7b5", {6, 9, 0, 4}, None),  # F# A C E
        ("C:maj/3", {0, 4, 7}, 4),
        ("G:maj/3", {7, 11, 2}, 11),  # B, and not E
        ("A:min/b3", {9, 0, 4}, 0),
        ("Eb:7/b7", {3, 7, 10, 1}, 1),
        ("D:min7/5", {2, 5, 9, 0}, 9),
    ],
)
def test_chords_have_their_tones_and_bass(symbol, pitch_classes, bass):
    chord = parse_chord(symbol)
    assert (set(chord.pitch_classes), chord.bass_pitch_class) == (pitch_classes, bass)


def test_bars_cut_from_a_score_keep_the_tempo_in_force():
    tempos = make_table(TEMPO_DTYPE, [(0, 60.0), (BAR, 90.0), (3 * BAR, 120.0)])
    notes = make_notes(onset=BAR * np.arange(4), pitch=60, duration=BAR)
    score = Score(notes, tempos=tempos)
    assert score[2:3].tempos.tolist() == [(0, 90.0)]
    assert score[2:].tempos.tolist() == [(0, 90.0), (BAR, 120.0)]
    assert score[1:2].tempos.tolist() == [(0, 90.0)]


def naive_effective_sample_size(traces):
    """Follow Vehtari et al. (2021), equations 10 to 13, with Geyer's monotone sequence."""
    chains = [
        row[half]
        for row in traces
        for half in (slice(0, len(row) // 2), slice(-(len(row) // 2), None))
    ]
    m, n = len(chains), len(chains[0])
    means = [sum(chain) / n for chain in chains]
    variances = [
        sum((x - mean) ** 2 for x in chain) / (n - 1)
        for chain, mean in zip(chains, means, strict=True)
    ]
    grand = sum(means) / m
    between = n * sum((mean - grand) ** 2 for mean in means) / (m - 1)
    within = sum(variances) / m
    total = (n - 1) / n * within + between / n  # (3)

    def rho(t):
        mean = 0.0
        for chain, average in zip(chains, means, strict=True):
            mean += (
                sum((chain[i] - average) * (chain[i + t] - average) for i in range(n - t)) / n / m
            )
        return 1 - (within - mean * n / (n - 1)) / total  # (10)

    paired, least, t = 0.0, np.inf, 0
    while t + 1 < n:
        pair = (1.0 if t == 0 else rho(t)) + rho(t + 1)
        if pair <= 0:
            break
        least = min(least, pair)
        paired += least
        t += 2
    return m * n / max(-1 + 2 * paired, 1 / np.log10(m * n))  # (11)


def test_effective_sample_size_sums_a_sequence_that_never_rises():
    rng = np.random.default_rng(5)
    # A slow wave beside noise: sums of pairs of autocorrelations fall, rise and fall again.
    time = np.arange(240)
    traces = np.sin(time / 2.5) + rng.normal(0, 1.5, (3, 240)) + 0.02 * time
    expected = naive_effective_sample_size(traces)
    assert effective_sample_size(traces) == pytest.approx(expected, rel=1e-9)


def test_fields_of_two_symbols_balance_data_and_penalty():
    # Three ones in four: the slope of log P less l2 w^2 / 2 is 0 at (p - s(2 w)) = l2 w.
    penalty, share = 0.2, 0.75
    low, high = 0.0, 5.0
    for _ in range(60):
        middle = (low + high) / 2
        slope = share - 1 / (1 + np.exp(-2 * middle)) - penalty * middle
        low, high = (middle, high) if slope > 0 else (low, middle)
    pieces = [np.array([[1], [1], [1], [0]])] * 4
    model = MaxEnt([Field(l2=penalty)], solver=LBFGS(n_iterations=200, tolerance=1e-9)).fit(pieces)
    (table,) = model.fields_.values()
    assert table[0, 0, :2].tolist() == pytest.approx([-low, low], abs=2e-3)
