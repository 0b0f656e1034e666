"""Beats of performances, and scores made of them."""

import numpy as np
import pytest

from stats_composer.cli.run import main
from stats_composer.errors import EncodingError
from stats_composer.io import read, write
from stats_composer.listening import BeatModel, quantize
from stats_composer.listening.bars import bars_of, count_bars
from stats_composer.listening.beats import Beats
from stats_composer.listening.onsets import Onsets, hear_frames, onsets_of_score
from stats_composer.listening.quantize import _bars as quantize_bars
from stats_composer.listening.quantize import is_on_grid
from stats_composer.listening.tempo import describe_pulse, learn_choice
from stats_composer.score import (
    CHORD_DTYPE,
    TEMPO_DTYPE,
    TIMING_DTYPE,
    Part,
    Score,
    make_notes,
    make_table,
    respell,
)

QUARTER = 10080


def performed(seed=0, bpm=93.0, n_bars=16, drift=0.0):
    """Play chords, a bass and a tune at a tempo, loosely, in a file that says 120.

    Returns the score and the seconds of its beats.
    """
    rng = np.random.default_rng(seed)
    period = 60 / bpm * (1 + drift * np.sin(np.arange(4 * n_bars + 1) / 9))
    beat = 0.7 + np.append(0.0, np.cumsum(period))
    rows = []
    for k in range(4 * n_bars):
        loud = 100 if k % 4 == 0 else 80
        rows.append((beat[k], period[k] * 0.9, 72 + int(rng.integers(0, 8)), 90))
        rows.append((beat[k] + period[k] / 2, period[k] * 0.4, 70 + int(rng.integers(0, 8)), 80))
        if k % 2 == 0:
            rows.append((beat[k], period[k] * 1.8, 36 + 5 * (k // 4 % 2), loud))
        if k % 4 == 0:
            root = 60 + 5 * (k // 4 % 2)
            rows += [(beat[k], period[k] * 3.8, root + tone, loud) for tone in (0, 4, 7)]
    start, length, pitch, velocity = np.array(rows).T
    start = start + rng.normal(0, 0.008, len(start))
    ticks = np.round(np.stack([start, length]) * 2 * QUARTER).astype(np.int64)
    notes = make_notes(
        onset=ticks[0], duration=ticks[1], pitch=pitch.astype(int), velocity=velocity.astype(int)
    )
    tempos = make_table(TEMPO_DTYPE, [(0, 120.0)])
    return Score(notes, tempos=tempos, parts=(Part("piano"),)), beat


def hits(found, beats):
    """Return the share of beats that have a found one within 70 ms."""
    return np.mean([np.abs(found - beat).min() < 0.07 for beat in beats])


@pytest.mark.parametrize(("bpm", "drift"), [(75.0, 0.0), (93.0, 0.04), (100.0, 0.0)])
def test_beats_are_found_where_they_were_played(bpm, drift):
    score, beat = performed(bpm=bpm, drift=drift)
    found = BeatModel.bundled().find(onsets_of_score(score))
    assert hits(found.time, beat[:-1]) > 0.95
    assert abs(len(found.time) - len(beat)) < 6
    assert hits(found.time[found.place == 0], beat[:-1:4]) > 0.9


def test_a_change_of_harmony_is_heard_where_it_is():
    time = np.repeat([0.0, 0.5, 1.0, 1.5, 2.0, 2.5], 3)
    pitch = np.repeat([[60, 64, 67], [61, 66, 70]], 3, axis=0).ravel()
    onsets = Onsets(time, pitch, np.full(18, 64.0), np.full(18, 0.5))
    # Before 0.5 and from it on C sounds; before 1.5 C, from it on F sharp; at 0.7 nothing begins.
    changes = hear_frames(onsets, np.array([0.5, 1.5, 0.7]))[:, -3]
    np.testing.assert_allclose(changes, [0, 1, 0], atol=1e-6)


def test_lengths_of_bars_are_counted():
    law = np.exp(count_bars([np.array([4, 4, 2, 4, 12, 4])]))
    # After four: four once, two once, a tenth for each of the five lengths.
    np.testing.assert_allclose(law[2], np.array([1.1, 0.1, 1.1, 0.1, 0.1]) / 2.5)
    # Thirty threes are taken as seen; bars of twelve beats are not known, nor what follows them.
    np.testing.assert_allclose(law[1], np.array([0.1, 30.1, 0.1, 0.1, 0.1]) / 30.5)
    np.testing.assert_allclose(law.sum(axis=1), 1)


@pytest.mark.parametrize(
    "lengths", [[4] * 8, [3] * 10, [4, 4, 4, 2, 4, 4, 4], [4, 4, 4, 6, 4, 4, 4]]
)
def test_bars_are_where_downbeats_are_heard(lengths):
    corpus = [np.array([4] * 40 + [2] + [4] * 40 + [6] + [4] * 40)]
    places = np.concatenate([np.arange(n) for n in lengths])
    place, length = bars_of(np.where(places == 0, 4.0, -2.0), count_bars(corpus))
    assert place.tolist() == places.tolist()
    assert length.tolist() == np.repeat(lengths, lengths).tolist()


def test_a_pulse_is_described_by_hand():
    time = np.array([0.0, 0.25, 0.5, 1.0, 1.5, 1.75, 2.0])
    pitch = np.array([40, 70, 40, 55, 40, 70, 55])
    onsets = Onsets(time, pitch, np.full(7, 64.0), np.full(7, 0.2))
    weight = np.full(90, -1.0)
    weight[[0, 40]] = 3.0  # at 0 and at 1 s
    row = describe_pulse(onsets, weight, np.arange(5) / 2, np.log([0.25, 2.0]))
    far = 1.0  # log(0.5 / 0.25) / log(2)
    heard = np.array([3, -1, 3, -1, -1])
    mean, odd = heard.mean(), heard[::2].mean()
    np.testing.assert_allclose(row[:4], [far, far**2, mean, heard.sum() / 2])
    np.testing.assert_allclose(row[4:9], -1)
    np.testing.assert_allclose(row[9:12], [odd - mean, 3 - mean, 3 - mean])
    profiles = np.zeros((3, 12))
    profiles[0, [0, 6]] = np.sqrt([5 / 7, 2 / 7])
    profiles[1, 0] = profiles[2, 6] = 1
    np.testing.assert_allclose(row[12:48], profiles.ravel())
    # The lowest of each beat, in octaves below middle C; every second beat from the second is low.
    low = np.array([20, 20, 5, 20, 5]) / 12
    np.testing.assert_allclose(row[48 + 1], low[1::2].mean() - low.mean())
    np.testing.assert_allclose(row[-6:-3], np.log(0.2 / 0.5))
    np.testing.assert_allclose(row[-3:], np.log(0.2 / 0.5) ** 2)


def test_the_tempo_that_is_like_right_ones_is_chosen():
    rows = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.1]])
    pieces = [(rows, np.array([0.5, 1.0, 2.0])), (rows[[1, 0]], np.array([0.9, 0.4]))]
    nowhere = (rows, np.array([0.1, 0.2, 0.3]))
    weights = learn_choice([*pieces, nowhere], np.log([1.0, 0.9, 4.0]))
    assert np.argmax(rows @ weights) == 1
    assert learn_choice(pieces, np.log([1.0, 0.9])).tolist() == weights.tolist()


def test_bars_of_another_length_have_their_own_metre():
    place = np.array([2, 3, 0, 1, 2, 3, 0, 1, 0, 1, 2, 3])
    metre = np.array([4] * 6 + [2] * 2 + [4] * 4)
    found = Beats(np.arange(12.0), place, metre)
    # Two beats were put before, so that the first bar is whole.
    assert quantize_bars(found, 2) == [(0, 4), (8, 2), (10, 4)]


def test_a_performance_is_played_again_to_the_tick():
    score, _ = performed(drift=0.04)
    made = quantize(score)
    assert not is_on_grid(score) and is_on_grid(made.score)
    again = made.timing.play(made.score)
    columns = ["onset", "duration", "pitch"]
    assert sorted(again.notes[columns].tolist()) == sorted(score.notes[columns].tolist())
    assert abs(np.median(made.score.tempos["quarters_per_minute"]) - 93) < 3
    assert made.swing == pytest.approx(1, abs=0.1)
    with pytest.raises(EncodingError, match="another number"):
        made.timing.play(made.score.replace(notes=made.score.notes[1:]))


def test_a_score_on_its_grid_comes_back():
    score = Score(make_notes(onset=[0, 3360, 6720, 10080, 15120], pitch=60))
    assert quantize(score).score is score
    late = make_table(TIMING_DTYPE, [(0, 0, 0, 60, 40, -40)])
    assert quantize(score.replace(timings=late)).score == score


def test_fast_notes_are_on_a_grid_where_beats_are_struck():
    fast = [QUARTER * i + QUARTER // n * np.arange(n) for i, n in enumerate((8, 6, 5))]
    assert is_on_grid(Score(make_notes(onset=np.concatenate(fast), pitch=60)))
    beside = QUARTER // 8 + QUARTER // 4 * np.arange(16)
    assert not is_on_grid(Score(make_notes(onset=beside, pitch=60)))


def test_a_performance_keeps_its_chord_symbols():
    score, beat = performed()
    ticks = np.round(beat[[0, 4]] * 2 * QUARTER).astype(int)
    made = quantize(
        score.replace(chords=make_table(CHORD_DTYPE, zip(ticks, ("C", "F"), strict=True)))
    )
    bars = made.score.bars["onset"]
    assert made.score.chords["symbol"].tolist() == ["C", "F"]
    assert np.isin(made.score.chords["onset"], bars).all()


def test_three_notes_have_no_beat():
    score = Score(make_notes(onset=[0, 1234, 4321], pitch=60))
    with pytest.raises(EncodingError, match="3 notes: too few for a beat"):
        quantize(score)


def test_notes_far_apart_and_loose_have_no_beat():
    late = np.random.default_rng(4).integers(0, 2600, 40)
    score = Score(make_notes(onset=4 * QUARTER * np.arange(40) + late, pitch=60))
    with pytest.raises(EncodingError, match="40 notes: no beat is found in them"):
        quantize(score)


def test_the_shell_keeps_the_timing(tmp_path, capsys):
    score, _ = performed()
    score = respell(score)
    write(score, tmp_path / "live.musicxml")
    played = read(tmp_path / "live.musicxml")
    names = [str(tmp_path / name) for name in ("live.musicxml", "page.musicxml", "t.csv")]
    with pytest.raises(SystemExit) as stop:
        main(["quantize", names[0], "-o", names[1], "--timing", names[2]])
    assert not stop.value.code
    again = str(tmp_path / "again.musicxml")
    with pytest.raises(SystemExit) as stop:
        main(["quantize", names[1], "--as", names[2], "-o", again])
    assert not stop.value.code
    columns = ["onset", "pitch"]
    found = sorted(read(again).notes[columns].tolist())
    assert found == sorted(played.notes[columns].tolist())
    (tmp_path / "t.csv").write_text("kind,first,second\nbeat,x,\n")
    with pytest.raises(SystemExit) as stop:
        main(["quantize", names[1], "--as", names[2], "-o", again, "--force"])
    assert stop.value.code == 1 and "t.csv: line 2: expected" in capsys.readouterr().err
