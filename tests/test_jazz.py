"""Jazz: charts, cells, the look ahead under wishes, copies, and what the shell does with it."""

import itertools
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import chisquare

from stats_composer.composers.jazz import JazzComposer, Manner
from stats_composer.composers.jazz.band import BassModel
from stats_composer.composers.jazz.chart import chart_of, read_changes, spell_over
from stats_composer.composers.jazz.comping import CompingModel
from stats_composer.composers.jazz.harmony import harmonized
from stats_composer.composers.jazz.matching import match, opening, written_anew
from stats_composer.composers.jazz.model import SoloModel
from stats_composer.composers.jazz.page import chained, chart_on, lead_page, repeated, solo_on
from stats_composer.composers.jazz.players import bass_player
from stats_composer.composers.jazz.solo import (
    STEPS,
    Solo,
    bar_features,
    beat_table,
    cells_of,
    is_plain,
    known_cells,
    note_table,
    onsets_of,
    snap,
)
from stats_composer.composers.jazz.writer import CopyWatch, SoloTask, SoloWriter
from stats_composer.constraints import Changes, Contains, Density, InKey, Pin, Range
from stats_composer.errors import ConstraintError, EncodingError, SamplingError
from stats_composer.ngrams import Repertoire
from stats_composer.score import Score, make_notes, mark_swing, swung
from stats_composer.theory import TICKS_PER_QUARTER, parse_chord

BLUES = "F7 | Bb7 | F7 | Cm7 F7 | Bb7 | Bdim7 | F7 | Am7b5 D7 | Gm7 | C7 | F7 D7 | Gm7 C7"


@pytest.fixture(scope="module")
def composer():
    return JazzComposer.bundled()


@pytest.fixture(scope="module")
def chart():
    return chart_on(lead_page("Dm7 G7 | C^7"))


# ---- charts ----------------------------------------------------------------------------------


def test_a_chart_is_read_beat_by_beat(chart):
    assert chart.root.tolist() == [2, 2, 7, 7, 0, 0, 0, 0]
    assert chart.quality.tolist() == [3, 3, 2, 2, 1, 1, 1, 1]
    assert chart.change.tolist() == [2, 2, 4, 4, 8, 8, 8, 8]
    assert chart.place.tolist() == [0, 1, 2, 3] * 2 and chart.bar.tolist() == [0] * 4 + [1] * 4
    assert np.flatnonzero(chart.tones()[2]).tolist() == [2, 5, 7, 11]


def test_percent_repeats_and_three_chords_share_four_beats():
    rows, n_bars = read_changes("C Am7 G7 | % | N.C.", 4)
    assert n_bars == 3
    assert rows[:3] == [(0, "C"), (2, "Am7"), (3, "G7")]
    assert [at for at, _ in rows[3:6]] == [4, 6, 7] and rows[6] == (8, "N.C.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Dm7 | G#4x", "changes, bar 2: chord 'G#4x': unknown quality '4x'"),
        ("Dm7 | | G7", "changes, bar 2: no chord: expected 1 to 4"),
        ("C D E F G", "changes, bar 1: 5 chords: expected 1 to 4"),
        ("H7", "changes, bar 1: chord 'H7': expected a root A to G"),
    ],
)
def test_a_wrong_chart_is_told_by_its_bar(text, message):
    with pytest.raises(ConstraintError, match=message):
        lead_page(text)


@pytest.mark.parametrize(
    ("changes", "fifths"),
    [
        (BLUES, -1),
        ("Dm7 | G7 | C^7", 0),
        ("Cm7 | Fm7 | Dm7b5 | G7", -3),
        ("N.C.", 0),
        ("Dm7 | G7 | C^7 | Cm7 | F7 | Bb^7 | Bbm7 | Eb7 | Ab^7 | A7 | Dm7 | G7 | C^7 | %", 0),
        ("Abm7 | Db7 | Gm7b5 | C7b9 | Fm6", -4),
        ("Dm7 | G7 | C^7 | % | Dm7 | G7", 0),
    ],
)
def test_the_key_of_a_chart(changes, fifths):
    assert lead_page(changes).signature_at(0) == fifths


def test_a_symbol_of_a_score_is_told_by_its_bar():
    page = lead_page("C | C")
    chords = page.chords.copy()
    chords["symbol"][1] = "Q9"
    with pytest.raises(EncodingError, match="bar 2: chord 'Q9'"):
        chart_of(page.replace(chords=chords), np.arange(8) * 10080, 0)


# ---- solos -----------------------------------------------------------------------------------


def test_notes_are_spelled_over_their_chords():
    page = lead_page("A7 | Bm7b5 | Caug | Gb7 | N.C.", key="C")
    bar = 40320
    pitch = [61, 70, 62, 65, 68, 64, 60, 70, 61]  # over each chord, and two over none
    onset = [0, 1, bar, bar + 1, 2 * bar, 3 * bar, 3 * bar + 1, 4 * bar, 4 * bar + 1]
    notes = spell_over(page, make_notes(onset=onset, pitch=pitch))
    # C sharp and B flat; D and F, of B half-diminished; G sharp, the fifth of C augmented; F flat
    # and not a doubly flat E; C for the raised fourth of G flat; near C major, B flat and C sharp.
    assert notes["fifths"].tolist() == [7, -2, 2, -1, 8, -8, 0, -2, 7]


def test_cells_and_onsets_are_one_another():
    onset = np.array([0, 3, 6, 12 + 8, 36])
    cells = cells_of(onset, 4)
    assert cells.tolist() == [0b1001001, 1 << 8, 0, 1]
    assert_array_equal(onsets_of(cells), onset)


def test_an_unknown_cell_becomes_the_nearest_known_one(chart):
    solo = Solo(np.array([0, 7, 12]), np.array([7, 5, 12]), np.array([60, 62, 64]), chart, 120.0)
    known = known_cells([Solo(np.array([0, 6, 12]), solo.length, solo.pitch, chart, 120.0)], 8)
    assert snap(solo, known).onset.tolist() == [0, 6, 12]


def test_a_note_sees_its_chord_and_the_next(chart):
    solo = Solo(np.array([0, 18, 48]), np.array([18, 6, 12]), np.array([62, 65, 64]), chart, 120.0)
    rows = note_table(solo, np.zeros(2, np.int64))
    assert rows["root"].tolist() == [2, 2, 0] and rows["next_root"].tolist() == [7, 7, 0]
    assert rows["ahead"].tolist() == [1, 0, 3]
    assert rows["final"].tolist() == [0, 1, 1] and rows["since"].tolist() == [0, 1, 0]
    assert rows["spot"].tolist() == [0, 18, 0] and rows["level"].tolist() == [4, 2, 4]


def test_bars_are_described_by_hand(chart):
    solo = Solo(np.array([0, 6]), np.array([6, 6]), np.array([62, 74]), chart, 120.0)
    first, second = bar_features(solo)
    assert first[:3].tolist() == [0.25, 0.25, 0] and first[8] == 0.25
    assert first[10] == 1.0 and first[11] == 1.0 and first[12] == 0.75
    assert second.tolist() == [0] * 12 + [1]


def test_what_cannot_be_written_anew_corrects_nothing():
    # One pitch, a note a beat: to go on would be to copy.
    chart = chart_on(lead_page(BLUES))
    onset = np.arange(0, 12 * chart.n_beats, 12)
    row = Solo(onset, np.full_like(onset, 12), np.full_like(onset, 60), chart, 120.0)
    model = SoloModel(n_clusters=1).fit([row])
    with pytest.raises(SamplingError, match="every next note is forbidden"):
        written_anew(model, [row])
    match(model, [row])
    assert not model.pitch_.correction_.weight.any()


def test_an_opening_keeps_its_chart_and_its_notes(chart):
    solo = Solo(np.array([0, 6, 30]), np.array([6, 6, 6]), np.array([60, 62, 64]), chart, 120.0)
    first = opening(solo, 2)
    assert first.chart.n_beats == 2
    assert first.pitch.tolist() == [60, 62]
    assert first.chart.root.tolist() == chart.root[:2].tolist()
    assert opening(solo, 1000) is solo


def test_a_copy_is_refused_at_its_last_note():
    watch = CopyWatch(Repertoire([([60, 62, 64, 65], [0, 6, 12, 18])]), 3)
    for pitch, onset in ((50, 0), (52, 6), (54, 12)):
        watch.put(pitch, onset)
    assert watch.refused(np.array([54, 55, 56]), 18).tolist() == [1]
    assert watch.refused(np.array([54, 55, 56]), 24).tolist() == []


def test_a_solo_is_as_likely_as_over_all_its_plans():
    rng = np.random.default_rng(0)
    page = chart_on(lead_page("Dm7 | G7 | C^7"))

    def played(n):
        onset = np.sort(rng.choice(np.arange(0, 3 * 48, 6), n, replace=False))
        return Solo(onset, np.full(n, 6), rng.integers(60, 72, n), page, 140.0)

    model = SoloModel(n_clusters=2).fit([played(n) for n in (4, 5, 6, 15, 16, 17)])
    solo = played(9)
    total = 0.0
    for plan in itertools.product((0, 1), repeat=3):
        labels = np.array(plan)
        cells, notes = beat_table(solo, model.known_, labels), note_table(solo, labels)
        total += np.exp(
            model.plan_.score_samples([labels])[0]
            + model.rhythm_.score_samples([cells])[0]
            + model.pitch_.score_samples([notes])[0]
        )
    assert model.log_likelihood(solo) == pytest.approx(np.log(total), abs=1e-9)
    assert -model.log_likelihood(solo) / 9 / np.log(2) < sum(model.bits([solo]).values())


def test_a_model_that_knows_nothing_is_corrected_by_what_it_writes():
    # Quarters on most beats, eighths on few; pitches go up by whole tones and start again.
    rng = np.random.default_rng(0)
    page = chart_on(lead_page("Dm7 | G7 | C^7 | % | Dm7 | G7 | C^7 | %"))
    solos = []
    for _ in range(4):
        struck = np.flatnonzero(rng.random(32) < 0.9) * 12
        onset = np.sort(np.append(struck, struck[::8] + 6))
        pitch = 60 + 2 * (np.arange(len(onset)) % 6)
        solos.append(Solo(onset, np.full_like(onset, 6), pitch, page, 140.0))
    model = SoloModel(n_clusters=2).fit(solos)
    model.rhythm_.weights_[:] = 0
    model.pitch_.weights_[:] = 0

    def habits(played):
        cells = np.concatenate([cells_of(solo.onset, 32) for solo in played])
        moves = np.concatenate([np.diff(solo.pitch) for solo in played])
        return np.mean(cells == 1), np.mean(cells == 65), np.mean(moves == 2)

    own, before = habits(solos), habits(written_anew(model, solos, 1))
    match(model, solos)
    after = habits(written_anew(model, solos, 1))
    assert before[0] < own[0] - 0.3
    assert before[2] < 0.2 < own[2]
    assert after[:2] == pytest.approx(own[:2], abs=0.15)
    assert after[2] > own[2] - 0.25


# ---- the band --------------------------------------------------------------------------------


def test_chords_are_voiced_by_their_own_tones(composer, chart):
    tones = {name: parse_chord(name).pitch_classes for name in ("Dm9", "G13", "Cmaj9")}
    for seed in range(5):
        for at, _, pitches in composer.comping_.chords(chart, np.random.default_rng(seed)):
            beat = min((at + 1) // 2, 7)
            name = "Dm9" if beat < 2 else "G13" if beat < 4 else "Cmaj9"
            assert {p % 12 for p in pitches} <= tones[name] | {9}


def test_rhythms_of_chords_follow_their_counts():
    charleston, held = np.zeros((2, 8), bool)
    charleston[[0, 3]] = held[0] = True
    model = CompingModel().fit([np.array([charleston, charleston, held, charleston] * 25)])
    bars = model.draw(4000, np.random.default_rng(0))
    alike = (bars == charleston).all(axis=1)
    assert (alike | (bars == held).all(axis=1)).all()
    # Of three bars of the one and one of the other, each chord more at exp(-.15).
    expected = 3 * np.exp(-0.15) / (3 * np.exp(-0.15) + 1)
    assert abs(alike.mean() - expected) < 0.1
    assert not (~alike[1:] & ~alike[:-1]).mean() > 0.02


def test_a_bass_line_of_roots_is_learned(chart):
    roots = 36 + chart.root
    task = SoloTask(lead_page("Dm7 G7 | C^7"), chart, 10080, 120.0)
    play = bass_player(task, BassModel().fit([(roots, chart)] * 200))
    line = play(np.random.default_rng(0))[1]["pitch"]
    assert (line % 12 == chart.root).mean() > 0.8


# ---- pages -----------------------------------------------------------------------------------


def test_choruses_follow_one_another():
    page = lead_page("Dm7 | G7", key="C", tempo=200)
    twice = repeated(page, 2)
    assert twice.n_bars == 4 and twice.chords["onset"].tolist() == [0, 40320, 80640, 120960]
    assert len(twice.tempos) == len(twice.time_signatures) == len(twice.key_signatures) == 1
    faster = page.replace(tempos=lead_page("C", tempo=100).tempos)
    assert chained(page, faster).tempos["quarters_per_minute"].tolist() == [200, 100]


def test_swing_is_for_the_ear():
    notes = make_notes(
        onset=[0, 5040, 10080, 13440, 16800], duration=[5040, 5040, 3360, 3360, 3360], pitch=60
    )
    tune = Score(notes, end=40320)
    assert swung(tune) is tune
    heard = swung(mark_swing(tune)).notes
    assert heard["onset"].tolist() == [0, 6720, 10080, 13440, 16800]
    assert heard["duration"].tolist() == [6720, 3360, 3360, 3360, 3360]


# ---- improvising -----------------------------------------------------------------------------


def test_a_solo_comes_with_its_band(composer):
    score = composer.improvise(lead_page(BLUES), manner=Manner(chorus=2), random_state=1)
    assert [part.name for part in score.parts] == ["Solo", "Bass", "Piano"]
    assert score.n_bars == 24
    solo = score.notes[score.notes["part"] == 0]
    assert len(solo) > 40 and (solo["onset"][1:] >= solo["onset"][:-1] + 1).all()
    ends = solo["onset"] + solo["duration"]
    assert (ends[:-1] <= solo["onset"][1:]).all()


def test_the_beat_of_the_last_note_has_the_law_of_the_corpus(chart):
    def played(*onset):
        return Solo(np.array(onset), np.full(len(onset), 6), np.full(len(onset), 60), chart, 120.0)

    solos = [played(0, 12, 48), played(0, 24, 54), played(6, 60), played(0, 36, 84)]
    model = SoloModel(n_clusters=1).fit(solos)
    assert model.stops_[:4].tolist() == [3, 2, 1, 2]
    rng = np.random.default_rng(0)
    drawn = np.bincount([model.stop(np.arange(4), rng) for _ in range(4000)], minlength=4)
    assert chisquare(drawn, 4000 * np.array([3, 2, 1, 2]) / 8).pvalue > 0.001
    assert {model.stop(np.arange(2, 4), rng) for _ in range(40)} == {0, 1}


def test_the_last_note_is_as_long_as_last_notes_are(chart):
    # Other notes last until the next, also where it comes as late as the end does.
    solos = [
        Solo(np.array([0, 48]), np.array([48, 12]), np.array([60, 62]), chart, 120.0),
        Solo(np.array([0, 48]), np.array([48, 24]), np.array([60, 62]), chart, 120.0),
    ]
    model = SoloModel(n_clusters=1).fit(solos)
    rng = np.random.default_rng(0)
    drawn = [model.lengths(np.array([0, 48]), np.array([48, 48]), rng) for _ in range(60)]
    assert {tuple(row.tolist()) for row in drawn} == {(48, 12), (48, 24)}


@pytest.mark.parametrize("place", [0, 2])
def test_a_solo_ends_in_its_last_bar_at_the_beat_that_was_drawn(composer, chart, place):
    model = copy(composer.solos_)
    model.stops_ = (np.arange(8) == place).astype(float)
    task = SoloTask(lead_page("C"), chart, TICKS_PER_QUARTER, 140.0)
    for seed in range(6):
        solo = SoloWriter(task, model).write(np.random.default_rng(seed))
        assert solo.onset[-1] // STEPS == 4 + place


def test_a_solo_over_half_a_bar_ends_there(composer, chart):
    half = {name: getattr(chart, name)[2:4] for name in ("root", "quality", "place")}
    task = SoloTask(lead_page("C"), replace(chart, **half), TICKS_PER_QUARTER, 140.0)
    solo = SoloWriter(task, composer.solos_).write(np.random.default_rng(0))
    assert 0 <= solo.onset[-1] < 2 * STEPS


def test_plain_cells_by_hand():
    steps = {
        (): True, (0, 6): True, (3, 9): True, (0, 3, 6, 8, 10): True, (0, 4, 8): True, (4, 8): True,
        (0, 8): True, (2, 4): False, (0, 1): False, (0, 4, 6): False, (0, 2, 4, 8): False,
    }  # fmt: skip
    cells = np.array([sum(1 << step for step in struck) for struck in steps])
    assert is_plain(cells).tolist() == list(steps.values())


def test_a_ballad_is_read_at_sight(composer):
    shares = []
    for tempo in (70, 140):
        page = lead_page("Cm7 | F7 | Bb^7 | Eb^7 | " * 4, tempo=tempo)
        solos = composer.improvise(page, band=(), random_state=0, n=4)
        cells = [cells_of(solo.notes["onset"] * STEPS // 10080, 64) for solo in solos]
        shares.append(is_plain(np.concatenate(cells)).mean())
    assert shares[0] > 0.95 > shares[1]


def test_the_same_seed_gives_the_same_notes_for_any_jobs(composer):
    page = lead_page("Dm7 | G7 | C^7 | %")
    one = composer.improvise(page, random_state=4, n=3, n_jobs=1)
    two = composer.improvise(page, random_state=4, n=3, n_jobs=2)
    assert all((a.notes == b.notes).all() for a, b in zip(one, two, strict=True))
    alone = composer.improvise(page, random_state=5)
    assert (one[1].notes == alone.notes).all()


def wishes(rng):
    """Draw wishes that can all hold in four bars of C."""
    asked = [Range("solo", int(rng.integers(50, 58)), int(rng.integers(74, 86)))]
    if rng.random() < 0.5:
        asked.append(Density("solo", int(rng.integers(0, 4)), int(rng.integers(6, 12))))
    if rng.random() < 0.5:
        asked.append(Pin("solo", 1, 1, int(rng.integers(60, 72)), 1))
    if rng.random() < 0.5:
        asked.append(Pin("solo", 4, 3, "C5", 2))
    if rng.random() < 0.4:
        asked.append(Contains("solo", intervals=[2, 2, 1]))
    if rng.random() < 0.3:
        asked.append(InKey(key="C", bars=(2, 3)))
    return asked


@pytest.mark.parametrize(("n", "each"), [(5, 2), pytest.param(500, 20, marks=pytest.mark.fuzz)])
def test_no_wish_is_broken(composer, n, each):
    rng = np.random.default_rng(0)
    page = lead_page("Dm7 | G7 | C^7 | %")
    for seed in range(n):
        asked = wishes(rng)
        solos = composer.improvise(page, band=(), constraints=asked, random_state=seed, n=each)
        broken = [line for s in solos for wish in asked for line in wish.violations(s)]
        assert len(solos) == each and not broken


@pytest.mark.parametrize("seed", range(3))
def test_a_bass_keeps_wishes(composer, seed):
    asked = [Range("bass", "C2", "C3"), Pin("bass", 2, 3, "B2", 1)]
    score = composer.improvise(
        lead_page("Dm7 | G7 | N.C. | C^7"), part="bass", band=(), constraints=asked,
        random_state=seed,
    )  # fmt: skip
    assert [part.name for part in score.parts] == ["Bass"]
    assert score.notes["onset"].tolist() == [10080 * beat for beat in range(16) if beat // 4 != 2]
    assert score.notes["pitch"].min() >= 36 and score.notes["pitch"].max() <= 48
    assert score.notes["pitch"][6] == 47


def test_a_part_that_nobody_plays_is_told(composer):
    page = lead_page("C")
    with pytest.raises(ConstraintError, match="part 'drums': expected one of solo, bass, chords"):
        composer.improvise(page, part="drums")
    with pytest.raises(ConstraintError, match="constraints for chords"):
        composer.improvise(page, part="chords", constraints=[Range("chords", 50, 70)])


# ---- composing, continuing, a tune's own style -----------------------------------------------


def test_thirty_two_bars_have_the_form_aaba(composer):
    score = composer.compose(key="Bb", random_state=3)
    at = np.searchsorted(score.bars["onset"], score.chords["onset"])
    named = dict(zip(at.tolist(), score.chords["symbol"].tolist(), strict=True))
    sounding = [named[max(bar for bar in named if bar <= at)] for at in range(32)]
    assert sounding[:8] == sounding[8:16] and sounding[:7] == sounding[24:31]
    assert score.n_bars == 32 and score.signature_at(0) == -2 and sounding[31] == "Bbmaj7"
    assert [part.name for part in score.parts] == ["Solo", "Bass", "Piano"]


def test_a_chart_that_is_wished_for_is_the_changes(composer):
    asked = Changes([(1, 1, "Em7"), (2, 1, "A7"), (2, 3, "N"), (3, 1, "D")], weight=0)
    score = composer.compose(bars=4, constraints=[asked], random_state=1)
    assert score.chords["symbol"].tolist() == ["Em7", "A7", "N.C.", "D"]


def test_a_phrase_goes_on_as_it_was(composer):
    phrase = lead_page("Dm7 | G7", key="C").replace(
        notes=make_notes(onset=10080 * np.arange(8), pitch=[62, 65, 69, 65, 67, 71, 74, 71])
    )
    score = composer.continue_tune(phrase, bars=4, random_state=2)
    assert score.n_bars == 6 and (score.notes[:8] == phrase.notes).all()
    assert score.notes["onset"][8:].min() >= phrase.end
    assert score.chords["symbol"][:2].tolist() == ["Dm7", "G7"] and len(score.chords) > 2
    assert score.chords["onset"][2] >= phrase.end
    bare = phrase.replace(chords=phrase.chords[:0])
    assert len(composer.continue_tune(bare, bars=1, random_state=0).chords)


def test_a_tune_can_be_its_own_style(composer):
    pitch = np.tile([60, 62, 64, 62], 16)
    page = lead_page(" | ".join(["C"] * 16))
    tune = solo_on(page, make_notes(onset=10080 * np.arange(64), pitch=pitch))
    for share in (1.0, 0.5):
        score = composer.leaning(tune, share).improvise(page, band=(), random_state=1)
        steps = (score.notes["pitch"] >= 60) & (score.notes["pitch"] <= 64)
        on_beats = score.notes["onset"] % 10080 == 0
        assert steps.mean() > share - 0.2 and on_beats.mean() > share - 0.2
    with pytest.raises(ConstraintError, match="share 0: expected above 0"):
        composer.leaning(tune, 0)


def test_a_bare_melody_in_minor_gets_its_changes(composer):
    page = lead_page("N.C. | N.C.", key="a").replace(
        notes=make_notes(onset=10080 * np.arange(8), pitch=[69, 72, 76, 72, 71, 68, 71, 69])
    )
    model = composer.solos_
    found = harmonized(page.replace(chords=page.chords[:0]), model.changes_, model.tones_)
    assert found.chords["symbol"][-1] == "Am7"


def test_a_contradiction_is_named(composer):
    with pytest.raises(ConstraintError, match=r"Range.*Pin|Pin.*Range"):
        composer.improvise(
            lead_page("C | C"), constraints=[Range("solo", "C5", "C6"), Pin("solo", 1, 1, "G4", 1)]
        )


def test_no_chords_are_told(composer):
    with pytest.raises(EncodingError, match="no chords: expected symbols to improvise on"):
        composer.improvise(lead_page("N.C. | N.C."))


def test_steps_of_a_beat_hold_thirds_and_quarters():
    assert STEPS % 3 == STEPS % 4 == 0
