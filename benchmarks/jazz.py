"""Measure improvising and listening: `python -m benchmarks.jazz --data DIR [ROW ...]`.

Rows: likelihood, distances, clusters (Weimar solos, folds by tune); roles, beats (POP909, folds by
song); speed. All by default; `--folds N` does the first N of five folds, `--songs N` takes N songs.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.pop909 import read_pop909, variants
from benchmarks.weimar import read_weimar
from stats_composer.composers.jazz import JazzComposer, Manner
from stats_composer.composers.jazz.model import SoloModel
from stats_composer.composers.jazz.page import lead_page
from stats_composer.composers.jazz.solo import (
    LONGEST,
    STEPS,
    bar_features,
    beat_table,
    known_cells,
    note_table,
    snap,
)
from stats_composer.composers.jazz.viewpoints import pitch_model, rhythm_model
from stats_composer.composers.jazz.writer import SoloTask, SoloWriter
from stats_composer.listening import BeatModel, RoleModel
from stats_composer.listening.beats import onsets_of_score
from stats_composer.models.ngram import KneserNey, NGram
from stats_composer.theory import TICKS_PER_QUARTER

N_FOLDS = 5
TOLERANCE = 0.07
BLUES = "F7 | Bb7 | F7 | Cm7 F7 | Bb7 | Bdim7 | F7 | Am7b5 D7 | Gm7 | C7 | F7 D7 | Gm7 C7"


def folds(names):
    """Deal pieces into folds, those of one name into one."""
    number = {name: i % N_FOLDS for i, name in enumerate(sorted(set(names)))}
    return np.array([number[name] for name in names])


# ---- solos -----------------------------------------------------------------------------------


def kneser_ney(train, test):
    """Return bits a note of 5-grams: of pairs (pitch, time to the next), and of each alone."""

    def code(solo):
        gap = np.minimum(solo.gaps, LONGEST)
        return np.stack([solo.pitch, gap, solo.pitch * (LONGEST + 1) + gap])

    coded = [[code(solo) for solo in solos] for solos in (train, test)]
    n_notes = sum(rows.shape[1] for rows in coded[1])
    bits = []
    for column in range(3):
        known, every = np.unique(
            np.concatenate([rows[column] for solos in coded for rows in solos]), return_inverse=True
        )
        bounds = np.cumsum([rows.shape[1] for solos in coded for rows in solos])[:-1]
        pieces = np.split(every, bounds)
        model = NGram(5, smoothing=KneserNey(), n_symbols=len(known)).fit(pieces[: len(train)])
        bits.append(-model.score_samples(pieces[len(train) :]).sum() / n_notes / np.log(2))
    return {"pairs": bits[2], "pitch": bits[0], "time": bits[1]}


def likelihood(found, fold, options):
    """Print bits a note of unseen solos, of the model and of its parts left out."""
    for number in range(options.folds):
        train = [one.solo for one, f in zip(found, fold, strict=True) if f != number]
        test = [one.solo for one, f in zip(found, fold, strict=True) if f == number]
        model = SoloModel().fit(train)
        known = model.known_
        bits = model.bits(test)
        total = sum(bits.values())
        peer = kneser_ney([snap(s, known) for s in train], [snap(s, known) for s in test])
        apart = peer["pitch"] + peer["time"]
        n_notes = sum(len(solo.onset) for solo in test)
        print(f"fold {number + 1}: {len(test)} solos, {n_notes} notes, bits a note")
        print("  model " + ", ".join(f"{k} {v:.3f}" for k, v in bits.items()), f"sum {total:.3f}")
        print(
            f"  Kneser-Ney 5-gram of pairs {peer['pairs']:.3f} ({total / peer['pairs'] - 1:+.1%}), "
            f"pitch {peer['pitch']:.3f} + time {peer['time']:.3f} = {apart:.3f} "
            f"({total / apart - 1:+.1%}); pitch perplexity {2 ** bits['pitch']:.2f}"
        )
        if options.ablate:
            _ablations(model, train, test, n_notes)


def _ablations(model, train, test, n_notes):
    """Print what parts are worth: pitch and rhythm fitted without them."""
    rows = {}
    for name, solos in (("train", train), ("test", test)):
        kept = [snap(solo, model.known_) for solo in solos]
        labels = [model.clusters_.predict(bar_features(solo)) for solo in kept]
        rows[name] = (
            [note_table(s, b) for s, b in zip(kept, labels, strict=True)],
            [beat_table(s, model.known_, b) for s, b in zip(kept, labels, strict=True)],
        )
    options = {"penalty": 300.0, "least": 5, "max_events": 6_000}
    cases = {
        "without plan": (("cluster",), True),
        "without short-term": ((), False),
        "without chords": (("tone", "next", "quality", "ahead"), True),
    }
    for name, (without, short) in cases.items():
        for what, make, column in (("pitch", pitch_model, 0), ("rhythm", rhythm_model, 1)):
            extra = {} if column == 0 else {"margin": 0}
            one = make(*without, short=short, **options, **extra).fit(rows["train"][column])
            nats = -one.score_samples(rows["test"][column]).sum()
            print(f"  {what} {name}: {nats / n_notes / np.log(2):.3f}")


def clusters(found, fold, options):
    """Print inertia and held-out bits by number of clusters, and the time beside scikit-learn's."""
    from sklearn.cluster import KMeans as Peer

    from stats_composer.models.texture import KMeans

    train = [one.solo for one, f in zip(found, fold, strict=True) if f != 0]
    test = [one.solo for one, f in zip(found, fold, strict=True) if f == 0]
    known = known_cells(train, 96)
    rows = np.concatenate([bar_features(snap(solo, known)) for solo in train])
    for k in (8, 16, 32):
        start = time.process_time()
        own = KMeans(k, n_init=4, random_state=0).fit(rows)
        middle = time.process_time()
        peer = Peer(k, n_init=4, random_state=0).fit(rows)
        end = time.process_time()
        print(
            f"k = {k}: inertia {own.inertia_:.0f}, scikit-learn {peer.inertia_:.0f}, time ratio "
            f"{(end - middle) / (middle - start):.1f} ({len(rows)} bars)"
        )
    for k in (1, 4, 8, 12, 16):
        bits = SoloModel(n_clusters=k).fit(train[::3]).bits(test[::3])
        print(f"k = {k}: " + ", ".join(f"{n} {b:.3f}" for n, b in bits.items()), end="")
        print(f", sum {sum(bits.values()):.3f} bits a note")


def histograms(solos):
    """Count what solos do: tones of the chord by level, moves, times, phrases, their ends."""
    rows = {name: np.zeros(size) for name, size in SIZES.items()}
    for solo in solos:
        table = note_table(solo, np.zeros(int(solo.chart.bar[-1]) + 1, np.int64))
        beat = np.minimum(solo.onset // STEPS, solo.chart.n_beats - 1)
        on = solo.chart.tones()[beat, solo.pitch % 12]
        np.add.at(rows["chord tones"], 2 * table["level"] + on, 1)
        np.add.at(rows["moves"], np.clip(np.diff(solo.pitch), -12, 12) + 12, 1)
        np.add.at(rows["times"], table["length"], 1)
        end = np.flatnonzero(table["final"])
        lengths = np.diff(end, prepend=-1)
        np.add.at(rows["phrases"], np.minimum(np.log2(lengths).astype(int), 7), 1)
        tone = (solo.pitch - solo.chart.root[beat]) % 12
        np.add.at(rows["last tones"], tone[end], 1)
        np.add.at(rows["first tones"], tone[np.append(0, end[:-1] + 1)], 1)
        bars = bar_features(solo)
        np.add.at(rows["density"], np.minimum(np.round(bars[:, 8] * 8), 15).astype(int), 1)
        np.add.at(rows["register"], np.clip(np.round(bars[:, 9] * 4), -5, 5).astype(int) + 5, 1)
    return {name: row / row.sum() for name, row in rows.items()}


SIZES = {
    "chord tones": 10, "moves": 25, "times": 13, "phrases": 8, "last tones": 12, "first tones": 12,
    "density": 16, "register": 11,
}  # fmt: skip


def divergence(one, other):
    """Return the Jensen-Shannon divergence of two histograms, in bits."""
    middle = (one + other) / 2
    parts = [np.where(h > 0, h * np.log2((h + 1e-12) / (middle + 1e-12)), 0) for h in (one, other)]
    return float((parts[0].sum() + parts[1].sum()) / 2)


def distances(found, fold, options):
    """Print how far new solos on unseen charts lie from unseen solos, and halves of these."""
    train = [one.solo for one, f in zip(found, fold, strict=True) if f != 0][:: options.every]
    unseen = [one.solo for one, f in zip(found, fold, strict=True) if f == 0]
    model = SoloModel().fit(train)
    unseen = [snap(solo, model.known_) for solo in unseen]
    made = []
    for number, solo in enumerate(unseen[::2]):
        n_beats = min(solo.chart.n_beats, 128)
        chart = replace(
            solo.chart, root=solo.chart.root[:n_beats], quality=solo.chart.quality[:n_beats],
            place=solo.chart.place[:n_beats],
        )  # fmt: skip
        compass = (int(solo.pitch.min()), int(solo.pitch.max()))
        manner = Manner(compass=compass)
        task = SoloTask(lead_page("C"), chart, TICKS_PER_QUARTER, solo.tempo, manner)
        made.append(SoloWriter(task, model).write(np.random.default_rng(number)))
    new, first, second = map(histograms, (made, unseen[::2], unseen[1::2]))
    ratios = []
    for name in SIZES:
        halves = divergence(first[name], second[name])
        away = (divergence(new[name], first[name]) + divergence(new[name], second[name])) / 2
        ratios.append((away, halves))
        print(f"  {name}: {away:.4f} from unseen solos, {halves:.4f} between their halves")
    away, halves = np.mean(ratios, axis=0)
    print(f"distances: {away:.4f} to {halves:.4f}, {away / halves:.2f} times")


# ---- listening -------------------------------------------------------------------------------


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
            row.append(f_measure(midi.estimate_beats(), song.beats))
            rows.append(row)
    names = (
        *("beats", "downbeats", "beats, no tempo told", "downbeats, no tempo told"),
        *("the file's tempo from 0", "pretty_midi estimate_beats"),
    )
    for name, values in zip(names, np.array(rows).T, strict=True):
        print(f"{name}: F {values.mean():.3f} over {len(values)} songs")


def speed():
    """Print the process time of 32 bars, warm."""
    composer = JazzComposer.bundled()
    page = lead_page("Dm7 | G7 | C^7 | % | Em7b5 | A7 | Dm7 | G7 | " * 3 + BLUES[:30])
    composer.improvise(page, random_state=0)
    taken = []
    for seed in range(5):
        start = time.perf_counter()
        composer.improvise(page, random_state=seed)
        taken.append(time.perf_counter() - start)
    print(f"{page.n_bars} bars, warm: {np.median(taken):.3f} s (median of 5)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=N_FOLDS)
    parser.add_argument("--songs", type=int)
    parser.add_argument("--every", type=int, default=1, help="fit distances to each so-manieth")
    parser.add_argument("--ablate", action="store_true", help="fit the parts left out too")
    parser.add_argument("rows", nargs="*", metavar="ROW")
    options = parser.parse_args()
    wanted = options.rows or ["likelihood", "distances", "clusters", "roles", "beats", "speed"]
    if {"likelihood", "distances", "clusters"} & {*wanted}:
        found = read_weimar(options.data / "jazz")
        fold = folds([one.tune for one in found])
        for row in (likelihood, distances, clusters):
            if row.__name__ in wanted:
                row(found, fold, options)
    if {"roles", "beats"} & {*wanted}:
        songs = read_pop909(options.data / "pop909", options.songs)
        fold = folds([song.name for song in songs])
        for row in (roles, beats):
            if row.__name__ in wanted:
                row(songs, fold, options)
    if "speed" in wanted:
        speed()


if __name__ == "__main__":
    main()
