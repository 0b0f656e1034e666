"""Chords of Bach's chorales, cross-validated by chorale over the published folds.

`python -m benchmarks.chords --data DIR`, where DIR or DIR/bach_choral_harmony holds
`events.csv` and `folds.json` (Bach Choral Harmony, Radicioni and Esposito): the folds found
there are used, eight or all ten. Penalty, temperature and the weight of transitions are chosen
inside each fold, on one fold kept aside from its training part.

Rows: what each family of features adds to a log-linear model that sees events one by one, then
the chain over them; and the support vector machine, alone and under Viterbi's algorithm. Then
times: of fitting, beside scikit-learn's LinearSVC on the same matrix, and of 100 bars of piano
in one thread.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from stats_composer.chords import ChordClassifier, read_choral_harmony
from stats_composer.chords.features import FAMILIES, N_GATES, observe
from stats_composer.chords.labels import N_QUALITIES
from stats_composer.chords.recognizer import calibrate
from stats_composer.kernels.crf import best_paths
from stats_composer.models.crf import ChainCRF, Observed

PENALTIES = (16.0, 28.0)
MARGIN_TEMPERATURES = (0.2, 0.3, 0.45)
TRANSITION_WEIGHTS = (0.0, 0.1, 0.2, 0.4)
PUBLISHED = "published: HMPerceptron .772; semi-CRF .832 to .836, root .889, segment F .775"


# ---- measures --------------------------------------------------------------------------------


def segments(labels):
    """Set of (first, last, label) runs of one piece."""
    first = np.flatnonzero(np.diff(labels, prepend=-1))
    stop = np.append(first[1:], len(labels))
    return {(int(a), int(b), int(labels[a])) for a, b in zip(first, stop, strict=True)}


def segment_f(truth, found):
    pairs = [(segments(a), segments(b)) for a, b in zip(truth, found, strict=True)]
    both = sum(len(a & b) for a, b in pairs)
    return 2 * both / sum(len(a) + len(b) for a, b in pairs)


def calibration_error(right, confidence, n_bins=15):
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [
        abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean()
        for b in range(n_bins)
        if (bins == b).any()
    ]
    return sum(gaps)


def report(name, truth, probs, paths=None):
    """Print a row; labels are the most probable ones unless paths are given."""
    found = [p.argmax(axis=1) for p in probs] if paths is None else paths
    y, label, p = map(np.concatenate, (truth, found, probs))
    top = (np.argsort(-p, axis=1, kind="stable")[:, :3] == y[:, None]).any(axis=1).mean()
    error = calibration_error(p.argmax(axis=1) == y, p.max(axis=1))
    root = (label // N_QUALITIES == y // N_QUALITIES).mean()
    print(
        f"{name:44} {np.mean(label == y):7.2%} {root:7.2%} {segment_f(truth, found):8.2%} "
        f"{100 * error:6.1f} {top:7.2%}",
        flush=True,
    )


def log_loss(truth, probs):
    return -np.mean(
        [np.log(p[np.arange(len(y)), y] + 1e-12).sum() for y, p in zip(truth, probs, strict=True)]
    )


# ---- models ----------------------------------------------------------------------------------


class LogLinear:
    """The chain model, or the same model of single events."""

    def __init__(self, families, chain):
        self.families, self.chain = families, chain

    def see(self, pieces):
        """Return what is seen of pieces."""
        return [observe(piece.events, self.families) for piece in pieces]

    def cut(self, seen, labels):
        """Make every event a piece where there is no chain."""
        if self.chain:
            return seen, labels
        singles = [single for piece in seen for single in split(piece)]
        return singles, [label for own in labels for label in np.split(own, len(own))]

    def fit(self, pieces, l2):
        """Fit with one penalty."""
        self.model = ChainCRF(n_classes=N_QUALITIES, n_gates=N_GATES, l2=l2)
        self.model.fit(*self.cut(self.see(pieces), [piece.labels for piece in pieces]))
        return self

    def probs(self, pieces):
        """Return the calibrated probabilities of labels."""
        seen = self.see(pieces)
        if self.chain:
            raw = self.model.marginals(seen)
        else:
            raw = [softmax(score) for score in self.model.unary(seen)]
        return [self.calibration(p) for p in raw]

    def choose(self, train, aside):
        """Fit with the penalty and calibration that cross-validation of the pieces finds."""
        pieces = [*train, *aside]
        seen, labels = self.see(pieces), [piece.labels for piece in pieces]
        groups = np.arange(len(pieces))
        if not self.chain:
            groups = np.repeat(groups, [len(own) for own in labels])
        tried = []
        for l2 in PENALTIES:
            model = ChainCRF(n_classes=N_QUALITIES, n_gates=N_GATES, l2=l2)
            calibration, score = calibrate(model, *self.cut(seen, labels), groups)
            tried.append((score, l2, calibration))
        _, l2, self.calibration = max(tried, key=lambda row: row[0])
        return self.fit(pieces, l2)


def split(piece):
    codes = np.split(piece.codes, len(piece.codes))
    return [Observed(code, np.zeros(1, np.int64)) for code in codes]


def softmax(score):
    share = np.exp(score - score.max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True)


class Margins:
    """The support vector machine, and transitions counted from the same chorales."""

    def fit(self, pieces, penalty):
        """Fit with one penalty."""
        events, labels = [p.events for p in pieces], [p.labels for p in pieces]
        self.model = ChordClassifier(C=penalty).fit(events, labels)
        return self

    def fit_transitions(self, pieces):
        """Learn how labels follow each other, apart from what is seen."""
        bare = [
            Observed(np.full((len(p.events), 12, 1), -1, np.int32), observe(p.events).gate)
            for p in pieces
        ]
        self.chain = ChainCRF(n_classes=N_QUALITIES, n_gates=N_GATES)
        self.chain.fit(bare, [p.labels for p in pieces])
        self.log_weight = self.chain.transition()

    def probs(self, pieces):
        """Return the probabilities of labels."""
        return self.model.set_params(temperature=self.temperature).predict_proba(
            [p.events for p in pieces]
        )

    def paths(self, pieces, weight):
        """Return the best paths under weighted transitions."""
        found = []
        for piece, prob in zip(pieces, self.probs(pieces), strict=True):
            path = np.empty(len(prob), np.int64)
            start = np.array([0, len(prob)])
            gate = observe(piece.events).gate.astype(np.int64)
            best_paths(start, np.log(prob + 1e-9), gate, weight * self.log_weight, path)
            found.append(path)
        return found

    def choose(self, train, aside):
        """Fit with the penalty, temperature and weight that suit what is kept aside."""
        truth = [piece.labels for piece in aside]
        tried = []
        for penalty in (0.01, 0.03):
            self.fit(train, penalty)
            for self.temperature in MARGIN_TEMPERATURES:
                tried.append((log_loss(truth, self.probs(aside)), penalty, self.temperature))
        _, penalty, self.temperature = min(tried)
        self.fit(train, penalty).fit_transitions(train)
        self.weight = max(
            TRANSITION_WEIGHTS,
            key=lambda w: sum(
                (a == b).sum() for a, b in zip(self.paths(aside, w), truth, strict=True)
            ),
        )
        self.fit([*train, *aside], penalty).fit_transitions([*train, *aside])
        return self


# ---- cross-validation ------------------------------------------------------------------------


def cross_validate(pieces, folds, make):
    """Fit one model a fold; yields it with the pieces it has not seen."""
    names = sorted(folds, key=int)
    for number, name in enumerate(names):
        inner = names[(number + 1) % len(names)]
        test = [p for p in pieces if p.name in folds[name]]
        aside = [p for p in pieces if p.name in folds[inner]]
        train = [p for p in pieces if p.name not in folds[name] and p.name not in folds[inner]]
        yield make().choose(train, aside), test


def measure(pieces, folds):
    print(f"{'':44} {'events':>7} {'root':>7} {'segments':>8} {'ECE':>6} {'top 3':>7}")
    n = len(FAMILIES)
    rows = [("+ " * (k > 1) + FAMILIES[k - 1], FAMILIES[:k], False) for k in range(1, n + 1)]
    for name, families, chain in [*rows, ("+ decoding: chain model (bundled)", FAMILIES, True)]:
        truth, probs, paths, chosen = [], [], [], []
        fitted = cross_validate(pieces, folds, lambda f=families, c=chain: LogLinear(f, c))
        for model, test in fitted:
            truth += [p.labels for p in test]
            probs += model.probs(test)
            chosen.append((model.model.l2, model.calibration.scale))
            if chain:
                paths += model.model.predict(model.see(test))
        report(name, truth, probs)
        if chain:
            report("  the same, best path", truth, probs, paths)
            print("  chosen (l2, scale):", *(f"{a:g},{b:.2f}" for a, b in chosen))
    truth, probs, paths = [], [], []
    for model, test in cross_validate(pieces, folds, Margins):
        truth += [p.labels for p in test]
        probs += model.probs(test)
        paths += model.paths(test, model.weight)
    report("support vector machine", truth, probs)
    report("support vector machine + Viterbi", truth, probs, paths)
    print(PUBLISHED)


# ---- times -----------------------------------------------------------------------------------


def cpu(work, n=3):
    best = np.inf
    for _ in range(n):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def measure_fit(pieces):
    from sklearn.svm import LinearSVC

    events, labels = [p.events for p in pieces], [p.labels for p in pieces]
    model = ChordClassifier()
    matrix, target = model.design(events, labels)
    peer = LinearSVC(C=model.C, dual=True, random_state=0, max_iter=3000)
    alone = cpu(lambda: peer.fit(matrix, target))
    ours = cpu(lambda: model.fit(events, labels))
    chain = LogLinear(FAMILIES, True)
    whole = cpu(lambda: chain.fit(pieces, 28.0), n=1)
    print(f"fit, {matrix.shape[0]} events, {matrix.shape[1]} features, CPU seconds:")
    print(f"  LinearSVC on the ready matrix {alone:.2f}; ChordClassifier {ours:.2f}", end="")
    print(f" ({ours / alone:.2f} times); chain model {whole:.1f}", flush=True)


SPEED = """
import sys, time
import numpy as np
from stats_composer.chords import ChordRecognizer
from stats_composer.score import Score, make_notes
rng = np.random.default_rng(0)
root = np.repeat(rng.choice([0, 5, 7, 9, 2], 200), 4)
step = np.arange(800)
broken = np.tile([0, 7, 4, 7], 200)
left = make_notes(onset=step * 5040, duration=5040, pitch=48 + (root + broken) % 12, part=1)
right = make_notes(onset=step[::2] * 5040, duration=10080, pitch=(72 + (root + 4) % 12)[::2])
score = Score(np.concatenate([right, left]))
start = time.perf_counter()
recognizer = ChordRecognizer.bundled()
loaded = time.perf_counter() - start
recognizer.recognize(score[:2])
times = []
for _ in range(9):
    start, begun = time.perf_counter(), time.process_time()
    spans = recognizer.recognize(score)
    times.append((time.process_time() - begun, time.perf_counter() - start))
took, wall = np.median(times, axis=0)
heavy = sorted({"sklearn", "music21", "matplotlib"} & set(sys.modules))
print(f"recognize: {score.n_bars} bars of piano, {len(score.notes)} notes, {len(spans)} spans, "
      f"medians: {1000 * took:.0f} ms of CPU, {1000 * wall:.0f} ms "
      f"({1000 * loaded:.0f} ms to load); imported of scikit-learn, music21, matplotlib: "
      f"{', '.join(heavy) or 'none'}")
"""


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("STATS_COMPOSER_DATA"))
    parser.add_argument("--only", choices=["accuracy", "times"])
    options = parser.parse_args(arguments)
    if options.only != "accuracy":
        alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        subprocess.run([sys.executable, "-c", SPEED], check=True, env=alone)
    if not options.data:
        print("accuracy is measured with --data DIR: events.csv and folds.json")
        return
    folder = Path(options.data)
    if (folder / "bach_choral_harmony").is_dir():
        folder /= "bach_choral_harmony"
    pieces = read_choral_harmony(folder / "events.csv")
    folds = json.loads((folder / "folds.json").read_text())
    n_events = sum(len(p.events) for p in pieces)
    print(f"{len(pieces)} chorales, {n_events} events, {len(folds)} folds")
    if options.only != "accuracy":
        measure_fit(pieces)
    if options.only != "times":
        measure(pieces, folds)


if __name__ == "__main__":
    main()
