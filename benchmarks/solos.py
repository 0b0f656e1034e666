"""Measure solos beside those of the Weimar Jazz Database: rows of `benchmarks.jazz`."""

from __future__ import annotations

import itertools
import time

import numpy as np

from benchmarks.structure import SCALES, structureness
from stats_composer.composers.jazz.matching import match, opening, written_anew
from stats_composer.composers.jazz.model import SoloModel
from stats_composer.composers.jazz.solo import (
    LONGEST,
    STEPS,
    bar_features,
    cells_of,
    known_cells,
    note_table,
    snap,
)
from stats_composer.composers.jazz.viewpoints import pitch_model, rhythm_model
from stats_composer.evaluation.features import Feature, Table
from stats_composer.evaluation.two_sample import two_sample_test
from stats_composer.models.ngram import KneserNey, NGram

N_SEEDS = 6


def folds(names, n):
    """Deal pieces into n folds, those of one name into one."""
    number = {name: i % n for i, name in enumerate(sorted(set(names)))}
    return np.array([number[name] for name in names])


def split(found, fold, number):
    """Return the solos to learn from, and those of a fold."""
    pairs = list(zip(found, fold, strict=True))
    return [one.solo for one, f in pairs if f != number], [o.solo for o, f in pairs if f == number]


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
    """Print bits a note of unseen solos, of the model, of a peer and of parts left out."""
    total = np.zeros(6)
    for number in range(options.folds):
        train, test = split(found, fold, number)
        model = SoloModel().fit(train)
        test = [snap(solo, model.known_) for solo in test]
        n_notes = sum(len(solo.onset) for solo in test)
        bits = model.bits(test)
        exact = -sum(map(model.log_likelihood, test)) / n_notes / np.log(2)
        peer = kneser_ney([snap(solo, model.known_) for solo in train], test)
        apart = peer["pitch"] + peer["time"]
        if options.ablate:
            _ablations(model, train, test, bits)
        match(model, train)
        drawn = -sum(map(model.log_likelihood, test)) / n_notes / np.log(2)
        row = np.array([exact, sum(bits.values()), peer["pairs"], apart, bits["pitch"], drawn])
        total += n_notes * row
        print(
            f"fold {number + 1}: {len(test)} solos, {n_notes} notes, bits a note: exact {exact:.3f}"
        )
        print("  bound: " + ", ".join(f"{k} {v:.3f}" for k, v in bits.items()), f"sum {row[1]:.3f}")
        print(f"  Kneser-Ney 5-gram of pairs {row[2]:.3f}, pitch and time apart {apart:.3f}")
        print(f"  corrected, as it is drawn from: {drawn:.3f}")
        counted = sum(
            len(one.solo.onset) for one, f in zip(found, fold, strict=True) if f <= number
        )
        mean = total / counted
    print(
        f"likelihood: {mean[0]:.3f} bits a note ({mean[0] / mean[2] - 1:+.1%} of the 5-gram's "
        f"{mean[2]:.3f}, {mean[0] / mean[3] - 1:+.1%} of {mean[3]:.3f} for pitch and time apart); "
        f"bound {mean[1]:.3f}; pitch {mean[4]:.3f}, perplexity {2 ** mean[4]:.2f} (MINGUS 11.0); "
        f"corrected {mean[5]:.3f}"
    )


def _ablations(model, train, test, bits):
    """Print what parts are worth: pitch and rhythm fitted without them."""
    rows = [model.tables([snap(solo, model.known_) for solo in train]), model.tables(test)]
    n_notes = sum(len(solo.onset) for solo in test)
    options = {"penalty": 300.0, "least": 5, "max_events": 6_000}
    cases = {
        "plan": (("cluster",), True), "short-term": ((), False),
        "chords": (("tone", "next", "quality", "ahead"), True),
    }  # fmt: skip
    for name, (without, short) in cases.items():
        made = (
            rhythm_model(*without, short=short, margin=0, **options),
            pitch_model(*without, short=short, **options),
        )
        own = []
        for one, taught, asked in zip(made, *rows, strict=True):
            nats = -one.fit(taught).score_samples(asked).sum()
            own.append(nats / n_notes / np.log(2))
        plan = 0.0 if name == "plan" else bits["plan"]
        print(
            f"  without {name}: rhythm {own[0]:.3f}, pitch {own[1]:.3f}, sum {plan + sum(own):.3f}"
        )


def kmeans(found, fold, options):
    """Print inertia and speed of K-means on bars of solos, beside scikit-learn's."""
    from sklearn.cluster import KMeans as Peer

    from stats_composer.models.texture import KMeans

    train, _ = split(found, fold, 0)
    known = known_cells(train, 96)
    rows = np.concatenate([bar_features(snap(solo, known)) for solo in train])
    KMeans(2, n_init=2).fit(rows)
    for n_init, k in itertools.product((4, 10), (8, 10, 16, 32)):
        inertia, taken = np.zeros(2), np.zeros(2)
        for seed in range(N_SEEDS):
            for i, kind in enumerate((KMeans, Peer)):
                start = time.process_time()
                inertia[i] += kind(k, n_init=n_init, random_state=seed).fit(rows).inertia_
                taken[i] += time.process_time() - start
        print(
            f"k = {k}, best of {n_init}, {N_SEEDS} seeds: inertia {inertia[0] / inertia[1]:.4f} "
            f"of scikit-learn's, {taken[1] / taken[0]:.1f} times as fast ({len(rows)} bars)"
        )


def clusters(found, fold, options):
    """Print held-out bits by number of clusters."""
    taught = [one.solo for one, f in zip(found, fold, strict=True) if f > 1]
    asked = [one.solo for one, f in zip(found, fold, strict=True) if f == 1]
    for k in (1, 2, 4, 6, 8, 10, 12, 16):
        model = SoloModel(n_clusters=k).fit(taught)
        n_notes = sum(len(snap(solo, model.known_).onset) for solo in asked)
        bits = -sum(map(model.log_likelihood, asked)) / n_notes / np.log(2)
        print(f"k = {k}: {bits:.3f} bits a note of the second fold by the others, exact")


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
        number = np.round(bars[:, 8] * 8).astype(int)
        np.add.at(rows["density"], np.minimum(number, 15), 1)
        busy = np.searchsorted([1, 4, 7, 10], number, side="right")
        np.add.at(rows["bars in a row"], 5 * busy[:-1] + busy[1:], 1)
        bar = solo.chart.bar[beat]
        edges = np.flatnonzero(np.diff(bar, prepend=-1))
        spans = np.maximum.reduceat(solo.pitch, edges) - np.minimum.reduceat(solo.pitch, edges)
        np.add.at(rows["range"], np.minimum(spans // 2, 11), 1)
        np.add.at(rows["register"], np.clip(np.round(bars[:, 9] * 4), -5, 5).astype(int) + 5, 1)
    return {name: row / row.sum() for name, row in rows.items()}


SIZES = {
    "chord tones": 10, "moves": 25, "times": 13, "phrases": 8, "last tones": 12, "first tones": 12,
    "density": 16, "bars in a row": 25, "range": 12, "register": 11,
}  # fmt: skip


def divergence(one, other):
    """Return the Jensen-Shannon divergence of two histograms, in bits."""
    middle = (one + other) / 2
    parts = [np.where(h > 0, h * np.log2((h + 1e-12) / (middle + 1e-12)), 0) for h in (one, other)]
    return float((parts[0].sum() + parts[1].sum()) / 2)


def likeness(found, fold, options):
    """Print how new solos on unseen charts stand beside the unseen solos, by three measures."""
    train, unseen = split(found, fold, 0)
    taught = train[:: options.every]
    model = match(SoloModel(n_clusters=options.clusters).fit(taught), taught)
    unseen = [opening(snap(solo, model.known_)) for solo in unseen]
    made = written_anew(model, unseen, 0)
    _distances(made, unseen)
    _told(made, unseen)
    _measures(made, unseen)


def _distances(made, unseen):
    """Print divergences from unseen solos, and between halves of these."""
    new, first, second = map(histograms, (made[::2], unseen[::2], unseen[1::2]))
    ratios = []
    for name in SIZES:
        halves = divergence(first[name], second[name])
        away = (divergence(new[name], first[name]) + divergence(new[name], second[name])) / 2
        ratios.append((away, halves))
        print(f"  {name}: {away:.4f} from unseen solos, {halves:.4f} between their halves")
    away, halves = np.mean(ratios, axis=0)
    print(f"distances: {away:.4f} to {halves:.4f}, {away / halves:.2f} times")


def _told(made, unseen):
    """Print the AUC of a classifier that tells new solos from unseen ones, and by what."""
    columns = [Feature(name, name, str(i)) for name, size in SIZES.items() for i in range(size)]
    rows = [np.concatenate([*histograms([solo]).values()]) for solo in (*made, *unseen)]
    label = np.repeat([0, 1], len(made))
    groups = np.tile(np.arange(len(made)), 2)
    found = two_sample_test(Table(columns, np.array(rows)), label, groups)
    print(
        f"AUC {found.auc:.2f} ({found.spread:.2f}), {found.n_features} features; by kind: ", end=""
    )
    print(", ".join(f"{kind} {value:.2f}" for kind, value in found.by_kind.items()))
    for telling in found.telling[:6]:
        print(f"  {telling.feature}: new {telling.judged:.3f}, unseen {telling.corpus:.3f}")


MEASURES = (
    *("entropy of a bar", "entropy of four bars", "similarity of grooves"),
    *(f"structureness, {name}" for name in SCALES),
)


def musdr(solo):
    """Return entropy of pitch classes in one bar and in four, similarity of grooves, structureness.

    S.-L. Wu, Y.-H. Yang, "The Jazz Transformer on the front line", ISMIR 2020, section 4.
    """
    bar = solo.chart.bar[np.minimum(solo.onset // STEPS, solo.chart.n_beats - 1)]
    n_bars = int(solo.chart.bar[-1]) + 1
    counts = np.zeros((n_bars, 12))
    np.add.at(counts, (bar, solo.pitch % 12), 1)
    entropies = []
    for width in (1, 4):
        windows = np.array([counts[i : i + width].sum(axis=0) for i in range(n_bars - width + 1)])
        share = windows[windows.sum(axis=1) > 0]
        share = share / share.sum(axis=1, keepdims=True)
        bits = -(share * np.log2(np.where(share > 0, share, 1))).sum(axis=1)
        entropies.append(bits.mean())
    cells = cells_of(solo.onset, solo.chart.n_beats)
    struck = (cells[:, None] >> np.arange(STEPS)) & 1
    groove = struck[: 4 * (len(struck) // 4)].reshape(-1, 4 * STEPS)
    differ = (groove[:, None] != groove[None]).mean(axis=2)
    similar = 1 - differ[~np.eye(len(groove), dtype=bool)].mean()
    return [*entropies, similar, *structureness(solo)]


def _measures(made, unseen):
    """Print MusDr's measures of new solos beside the quartiles of unseen ones."""
    new, old = (np.array([musdr(solo) for solo in solos]) for solos in (made, unseen))
    for name, mine, theirs in zip(MEASURES, new.T, old.T, strict=True):
        low, high = np.percentile(theirs, [25, 75])
        print(f"{name}: median {np.median(mine):.3f}, quartiles of unseen {low:.3f} to {high:.3f}")
