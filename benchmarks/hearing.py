"""Measure who plays what and where the beat is: rows of `benchmarks.jazz`."""

from __future__ import annotations

import numpy as np

from benchmarks.pop909 import merged, variants
from stats_composer.listening import BeatModel, LineModel, RoleModel
from stats_composer.listening.onsets import onsets_of_score

TOLERANCE = 0.07
BEATS = (
    *("beats", "downbeats", "beats, no tempo told", "downbeats, no tempo told"),
    *("the file's tempo from 0", "pretty_midi's estimates of tempo and start"),
)


def f_measure(found, true):
    """Return the F measure of times within 70 ms, each matched once."""
    used, hits = set(), 0
    for one in found:
        near = np.flatnonzero(np.abs(true - one) <= TOLERANCE)
        near = [k for k in near.tolist() if k not in used]
        if near:
            used.add(min(near, key=lambda k: abs(true[k] - one)))
            hits += 1
    return 2 * hits / max(len(found) + len(true), 1)


def roles(songs, fold, options):
    """Print how often the melody's track is found, names removed."""
    right = []
    for number in range(options.folds):
        taught = [v for s, f in zip(songs, fold, strict=True) if f != number for v in variants(s)]
        model = RoleModel().fit([one.score for one in taught], [one.roles for one in taught])
        for song, f in zip(songs, fold, strict=True):
            if f == number:
                told = model.roles(song.score)
                right.append(told[song.roles.index("melody")].role == "melody")
    print(f"roles: the melody's track in {np.mean(right):.1%} of {len(right)} songs")


def beats(songs, fold, options):
    """Print F of beats and downbeats: found with and without the file's tempo, and of peers."""
    import pretty_midi

    rows = []
    for number in range(options.folds):
        taught = [s for s, f in zip(songs, fold, strict=True) if f != number]
        model = BeatModel().fit(
            [onsets_of_score(s.score) for s in taught],
            [s.beats for s in taught],
            [s.downbeats for s in taught],
        )
        for song in [s for s, f in zip(songs, fold, strict=True) if f == number]:
            tempo = float(song.score.tempos["quarters_per_minute"][0])
            onsets = onsets_of_score(song.score)
            row = []
            for told in (tempo, None):
                found = model.find(onsets, told)
                row.append(f_measure(found.time, song.beats))
                row.append(f_measure(found.time[found.place == 0], song.downbeats))
            period = 60 / tempo
            row.append(f_measure(np.arange(0, song.beats[-1], period), song.beats))
            midi = pretty_midi.PrettyMIDI(str(options.data / f"pop909/{song.name}/{song.name}.mid"))
            peer = np.arange(midi.estimate_beat_start(), song.beats[-1], 60 / midi.estimate_tempo())
            row.append(f_measure(peer, song.beats))
            rows.append(row)
        print(f"{number + 1} of {options.folds} folds, F over {len(rows)} songs")
        for name, value in zip(BEATS, np.mean(rows, axis=0), strict=True):
            print(f"  {name}: {value:.3f}", flush=True)


def lines(songs, fold, options):
    """Print how well the melody is found in one part with the accompaniment; the skyline beside."""
    counts = np.zeros((2, 3))
    for number in range(options.folds):
        taught = [merged(s) for s, f in zip(songs, fold, strict=True) if f != number]
        model = LineModel().fit(*zip(*taught, strict=True))
        for song in [s for s, f in zip(songs, fold, strict=True) if f == number]:
            notes, melody = merged(song)
            start = notes["onset"] // 840
            order = np.lexsort([-notes["pitch"].astype(int), start])
            top = np.zeros(len(notes), bool)
            top[order[np.append(True, np.diff(start[order]) > 0)]] = True
            for row, found in zip(counts, (model.melody(notes), top), strict=True):
                row += (found & melody).sum(), found.sum(), melody.sum()
    scores = 2 * counts[:, 0] / counts[:, 1:].sum(axis=1)
    print(f"lines: F {scores[0]:.3f} of the melody's notes, the skyline {scores[1]:.3f}")
