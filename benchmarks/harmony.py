"""Chords and keys of piano pieces, songs and quartets, against musicians' analyses.

`python -m benchmarks.harmony --data DIR [--cache DIR]` measures by folds on `when_in_rome` and
`pop909`; `--folds 1` stops after the first fold, `--machine SVM` leaves the log-linear machine
out, with `--unseen` a fold is a kind of texture, of which nothing was learned. `--train FILE`
makes the bundled model instead, from what may ship: the OpenScore pieces of `when_in_rome/train`
and every fourth song of `pop909`, and measures it on the pieces that it has not seen.

Figures are shares of the half quarters that have a chord in the musician's analysis: root; local
key; label (root and quality); numeral (key, root, triad, inversion). Songs are measured by
mir_eval, weighted by duration. Needs music21, and mir_eval for songs.
"""

import argparse
import hashlib
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.analyses import song, when_in_rome
from stats_composer.chords.basses import choose_basses
from stats_composer.chords.harmonies import N_EPOCHS, STYLES, HarmonyModels
from stats_composer.chords.harmony import HarmonyModel
from stats_composer.chords.profiles import chord_profiles
from stats_composer.chords.qualities import KINDS, N_KINDS, TRIAD
from stats_composer.chords.steps import silences
from stats_composer.errors import StatsComposerError

ATTRIBUTION = (
    "Weights learned from the OpenScore Lieder of When in Rome (M. Gotham et al., analyses "
    "CC BY-SA 4.0, scores CC0) and from POP909 (Z. Wang et al., Music X Lab, MIT)"
)
LICENCE = "CC BY-SA 4.0"
LOSSES = {"SVM": "hinge", "log-linear": "log"}
KINDS_OF_TEXTURE = {
    "OpenScore": "lieder", "Quartets": "quartets", "Piano": "sonatas", "Keyboard": "preludes",
}  # fmt: skip


# ---- measures --------------------------------------------------------------------------------


def agreement(piece, homes, labels, basses):
    """Count the steps in which root, key, label and numeral agree with the musician's."""
    truth = piece.labelled
    known = truth.labels >= 0
    root, true_root = labels // N_KINDS, truth.labels // N_KINDS
    roots, keys = root == true_root, homes == truth.homes
    triads = TRIAD[labels % N_KINDS] == TRIAD[truth.labels % N_KINDS]
    inversion = (basses - root - truth.basses + true_root) % 12 == 0
    right = (roots, keys, labels == truth.labels, roots & keys & triads & inversion)
    return np.array([known.sum(), *(row[known].sum() for row in right)])


def report(name, rows, sure=(), hit=()):
    total = np.sum(rows, axis=0)
    shares = " ".join(f"{share:8.4f}" for share in total[1:] / max(total[0], 1))
    line = f"{name:64} {len(rows):4} {shares}"
    if len(sure):
        line += f" {calibration_error(np.concatenate(sure), np.concatenate(hit)):8.3f}"
    print(line, flush=True)


def calibration_error(sure, hit):
    """Return the expected calibration error, in ten bins."""
    bins = np.minimum((sure * 10).astype(int), 9)
    return sum(
        (bins == b).mean() * abs(sure[bins == b].mean() - hit[bins == b].mean())
        for b in np.unique(bins)
    )


def mir_eval_scores(piece, heard):
    """Return root, majmin and sevenths of a song, by mir_eval, and the seconds of each."""
    from mir_eval import chord as judge

    names = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
    written = {"It": "7", "Ger": "7", "Fr": "7", "7sus4": "sus4(b7)"}
    shown = np.where(silences(piece.steps), -1, heard.labels)
    first = np.flatnonzero(np.diff(shown, prepend=-2))
    labels = []
    for label in shown[first]:
        root, kind = divmod(int(label), N_KINDS)
        kind = list(KINDS)[kind]
        labels.append(f"{names[root]}:{written.get(kind, kind)}" if label >= 0 else "N")
    starts = piece.seconds[first]
    told = np.array([start for start, _, _ in piece.chords])
    edges = np.unique(np.concatenate([starts, told, [stop for _, stop, _ in piece.chords]]))
    edges = edges[(edges >= told[0]) & (edges <= piece.chords[-1][1])]
    middle, weight = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    right = [piece.chords[i][2] for i in np.searchsorted(told, middle) - 1]
    found = [labels[i] for i in np.maximum(np.searchsorted(starts, middle) - 1, 0)]
    comparisons = (judge.root, judge.majmin, judge.sevenths)
    return [judge.weighted_accuracy(compare(right, found), weight) for compare in comparisons]


def measure(title, pieces, heard):
    """Print the figures of pieces that a model has not seen."""
    groups = {"all": pieces}
    for kind in sorted({kind_of(piece) for piece in pieces}):
        groups[kind] = [piece for piece in pieces if kind_of(piece) == kind]
    for group in sorted({piece.group for piece in pieces}):
        beside = [piece for piece in pieces if piece.group == group and piece.other]
        groups[f"{group}, where AugmentedNet's stand"] = beside
    for name, chosen in groups.items():
        if not chosen:
            continue
        rows, sure, hit = [], [], []
        for piece in chosen:
            found = heard[piece.labelled.name]
            basses = choose_basses(piece.steps, found.labels, found.bass_weights)
            rows.append(agreement(piece, found.homes, found.labels, basses))
            known = piece.labelled.labels >= 0
            root = found.labels // N_KINDS
            by_root = found.label_probs.reshape(-1, 12, N_KINDS).sum(axis=2)
            sure.append(by_root[np.arange(len(root)), root][known])
            hit.append((root == piece.labelled.labels // N_KINDS)[known])
        report(f"{title}: {name}", rows, sure, hit)
        if all(piece.other for piece in chosen):
            others = [(piece, piece.other) for piece in chosen]
            report("  AugmentedNet on those",
                   [agreement(p, o.homes, o.labels, o.basses) for p, o in others])  # fmt: skip
    songs = [piece for piece in pieces if piece.chords]
    if songs:
        scores = [mir_eval_scores(piece, heard[piece.labelled.name]) for piece in songs]
        print("  mir_eval: root {:.4f}, majmin {:.4f}, sevenths {:.4f}".format(
            *np.mean(scores, axis=0)))  # fmt: skip


HEADINGS = f"{'':64} {'n':>4} {'root':>8} {'key':>8} {'label':>8} {'numeral':>8} {'ECE':>8}"


def kind_of(piece):
    """Return the kind of texture of a piece, by the collection that it is from."""
    return KINDS_OF_TEXTURE.get(piece.labelled.name.split("_")[0], "other")


def unchained(said, heard):
    """Return what is heard without the chain."""
    chords, keys = said["chord"], said["key again"]
    return replace(
        heard,
        homes=keys.argmax(axis=1),
        labels=chords.argmax(axis=1),
        home_probs=keys,
        label_probs=chords,
    )


def cross_validate(title, style, pieces, n_folds, losses, *, unseen=False):
    """Print figures by folds: each kind of machine alone, with its chain, and both together."""
    fold = np.random.default_rng(0).permutation(len(pieces)) % 5
    if unseen:  # a fold is a kind of texture
        kinds = sorted({kind_of(piece) for piece in pieces})
        fold = np.array([kinds.index(kind_of(piece)) for piece in pieces])
        n_folds = len(kinds)
    rows, seen = defaultdict(dict), []
    for number in range(n_folds):
        learned = [p.labelled for p, f in zip(pieces, fold, strict=True) if f != number]
        aside = [p for p, f in zip(pieces, fold, strict=True) if f == number]
        start = time.process_time()
        models = {
            name: HarmonyModel(loss=loss, n_epochs=N_EPOCHS[style]).fit(learned)
            for name, loss in losses.items()
        }
        print(f"{title}: fold {number + 1}: {time.process_time() - start:.0f} s of CPU")
        for piece in aside:
            name, said = piece.labelled.name, {}
            for machine, model in models.items():
                said[machine] = model.opinions(piece.steps)
                rows[machine, "chain"][name] = model.hear(piece.steps)
                rows[machine, "alone"][name] = unchained(
                    said[machine], rows[machine, "chain"][name]
                )
            if len(models) > 1:
                both = {k: np.sqrt(v * said["log-linear"][k]) for k, v in said["SVM"].items()}
                rows["both", "chain"][name] = models["SVM"].hear(piece.steps, both)
        seen += aside
    for (machine, way), heard in rows.items():
        measure(f"{title}, {machine}, {way}", seen, heard)


def manifest(names, data):
    """Say what the bundled model was trained on: every file and its sha256."""
    files = {
        "classical": [data / "when_in_rome" / "train" / name / "score.mxl" for name in names[0]],
        "songs": [data / "pop909" / name / f"{name}.mid" for name in names[1]],
    }
    return {
        "source": "When in Rome (OpenScore Lieder), POP909",
        "files": {
            str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest()
            for own in files.values()
            for path in own
        },
        "licence": LICENCE,
        "attribution": ATTRIBUTION,
        "command": "python -m benchmarks.harmony --data DIR --train harmony.npz",
    }


def train(path, pieces, songs, data):
    """Make the bundled model, and measure it on the pieces that it has not seen."""
    shipped = [p for p in pieces if p.group == "train" and p.labelled.name.startswith("OpenScore")]
    own = {"classical": shipped, "songs": songs[::4]}
    told = manifest([[p.labelled.name for p in chosen] for chosen in own.values()], data)
    start = time.process_time()
    models = HarmonyModels.train(
        {style: [p.labelled for p in chosen] for style, chosen in own.items()}, manifest=told
    )
    models.save(path)
    print(f"trained in {time.process_time() - start:.0f} s of CPU: {path}")
    models = HarmonyModels.load(path)
    for style, rest in (
        ("classical", [p for p in pieces if p not in shipped]),
        ("songs", [p for i, p in enumerate(songs) if i % 4]),
    ):
        sung = [models.style(chord_profiles(p.steps)) == "songs" for p in rest]
        right = np.array(sung) == (style == "songs")
        print(f"{style}: {np.mean(right):.3f} of {len(rest)} other pieces are told as such")
        heard = {p.labelled.name: models.models[style].hear(p.steps) for p in rest}
        measure(f"bundled, {style}", rest, heard)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("harmony-cache"))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--only", choices=STYLES)
    parser.add_argument("--machine", choices=list(LOSSES))
    parser.add_argument("--train", type=Path)
    options = parser.parse_args(arguments)
    pieces, songs = [], []
    try:
        if options.only != "songs":
            pieces = when_in_rome(options.data / "when_in_rome", options.cache)
        if options.only != "classical":
            songs = [song(f) for f in sorted((options.data / "pop909").iterdir()) if f.is_dir()]
    except StatsComposerError as error:
        raise SystemExit(f"harmony: {error}") from error
    print(HEADINGS)
    if options.train:
        train(options.train, pieces, songs, options.data)
        return
    for title, style, own in zip(("When in Rome", "POP909"), STYLES, (pieces, songs), strict=True):
        if own:
            losses = {k: v for k, v in LOSSES.items() if options.machine in (None, k)}
            cross_validate(title, style, own, options.folds, losses, unseen=options.unseen)


if __name__ == "__main__":
    main()
