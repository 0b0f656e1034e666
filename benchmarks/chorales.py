"""Chorales for the benchmarks of the chorale models, and settings of unseen ones beside Bach's.

With `--data DIR` (a folder that has `jsb_chorales/`) the pieces are those of the split of
Boulanger-Lewandowski et al. (2012), train and valid; without it, those of music21's corpus in
four parts, every sixth of which is kept from the training, and with it other settings of its
tune.

`python -m benchmarks.chorales [--data DIR] [--composer FILE]` fits a composer on the train part (or
reads one that was; `--keep FILE` writes it), sets the sopranos of the others (`--road`, as of
`harmonize`), and prints each rate of `evaluation` beside that of Bach's own settings of the same
melodies, and the AUC of the classifier that tells them: by the features of `evaluation`, and by
words that no term of the models is made of, three intervals in a row, the rhythms of two beats and
two chords. With `--draws N` all is done N times: the AUC of one draw is told by 63 pieces a side,
and those of six draws of one model went from .83 to .91.
"""

import argparse
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np

from stats_composer.composers.chorale import ChoraleComposer, training
from stats_composer.composers.chorale.models import FINISH, SOLVER, skeleton_terms
from stats_composer.composers.chorale.page import VOICES
from stats_composer.encoding import GridEncoder
from stats_composer.evaluation import MEASURES, Reading, rates
from stats_composer.evaluation.features import feature_table
from stats_composer.evaluation.two_sample import two_sample_test
from stats_composer.io import read_corpus
from stats_composer.models.maxent import MaxEnt
from stats_composer.score import opening, same_tune, tune_groups

COLUMNS = {"place": 4, "half": 5, "end": 6, "cadence": 7, "shift": 8}
STEPS_A_BAR = 8
END_VALUES = 17


def arguments(description, **options):
    """Parse `--data DIR` and further options, each given by its default."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the data sets")
    for name, default in options.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    return parser.parse_known_args()[0]


def jsb_eighths(folder):
    """Load the JSB chorales on the plain eighth grid: a held note is a repeated pitch.

    Each piece is moved to the tonic of its last bass note. Context voices: place in a bar of
    4/4 counted from the end, half of the beat, distance to the end, mode, transposition.

    Returns
    -------
    grids : dict of str to list of ndarray of shape (n_steps, 9), int64
    labels : ndarray of shape (4, n_symbols)
    n_symbols : list of int
    """
    splits = json.loads((folder / "jsb_chorales" / "separated_16th.json").read_text())
    pitches = {split: [_at_tonic(np.array(p)) for p in splits[split]] for split in splits}
    train = [pitch for pitch, _ in pitches["train"]]
    alphabets = [np.unique(np.concatenate([p[:, v] for p in train])) for v in range(4)]
    labels = np.full((4, max(map(len, alphabets))), -1)
    for v, alphabet in enumerate(alphabets):
        labels[v, : len(alphabet)] = alphabet
    grids = {
        split: [_with_context(*pair, alphabets) for pair in pairs]
        for split, pairs in pitches.items()
    }
    return grids, labels, [len(alphabet) for alphabet in alphabets]


def _at_tonic(piece):
    tonic = int(piece[piece[:, 3] >= 0, 3][-1]) % 12
    up = -tonic if tonic <= 6 else 12 - tonic
    return np.where(piece >= 0, piece + up, -1)[::2], up


def _with_context(pitch, up, alphabets):
    left = len(pitch) - 1 - np.arange(len(pitch))
    sounding = pitch[pitch >= 0] % 12
    minor = int((sounding == 3).sum() > (sounding == 4).sum())
    lines = []
    for alphabet, line in zip(alphabets, pitch.T, strict=True):
        known = np.where(alphabet < 0, -100, alphabet)
        lines.append(np.abs(known - np.where(line < 0, -100, line)[:, None]).argmin(axis=1))
    context = [
        (left + 1) % STEPS_A_BAR,
        np.arange(len(pitch)) % 2,
        np.minimum(left, END_VALUES - 1),
        np.full(len(pitch), minor),
        np.full(len(pitch), 12 - up),
    ]
    return np.stack([*lines, *context], axis=1).astype(np.int64)


def jsb_model(labels, n_symbols, *, finish=FINISH):
    """Build the chorale composer's first model for the grids of `jsb_eighths`."""
    return MaxEnt(
        skeleton_terms(COLUMNS.__getitem__, n_contexts=2),
        n_lines=4,
        labels=labels,
        n_symbols=n_symbols,
        gate=COLUMNS["half"],
        sonority_context=COLUMNS["cadence"],
        place=COLUMNS["place"],
        solver=SOLVER,
        finish=finish,
        random_state=0,
    )


def split_scores(folder):
    """Return the scores to train on and those kept from it."""
    corpus = read_corpus("music21:bach", n_jobs=2, progress=True)
    named = [
        (Path(name).name, score)
        for name, score in zip(corpus.names, corpus.scores, strict=True)
        if not training.objection(score) and len(score.voices) == len(VOICES)
    ]
    if folder is None:
        valid = {name for name, _ in named[::6]}
        unseen = valid
    else:
        valid = _names(folder / "jsb_chorales" / "valid_bwv.txt")
        unseen = valid | _names(folder / "jsb_chorales" / "heldout_bwv.txt")
    openings = [opening(score) for name, score in named if name in unseen]
    train = [
        score
        for name, score in named
        if name not in unseen and not any(same_tune(opening(score), other) for other in openings)
    ]
    return train, [score for name, score in named if name in valid]


def _names(path):
    return {Path(line.strip()).name for line in path.read_text().splitlines() if line.strip()}


def encode_all(encoder: GridEncoder, scores):
    """Write scores as grids; a pitch outside the alphabets costs its score."""
    return [grid for _, grid, _ in encode_each(encoder, scores)]


def encode_each(encoder: GridEncoder, scores):
    """List scores with their grids and frames, without those outside the alphabets."""
    import warnings

    from stats_composer.errors import EncodingError, ScoreWarning

    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)
        for score in scores:
            try:
                found.append((score, *encoder.encode(score)))
            except EncodingError as error:
                print(f"  left out: {error}")
    return found


def fit_composer(scores, *, chord_voice=False):
    """Fit a composer without a word about notes that no grid holds."""
    import warnings

    from stats_composer.errors import ScoreWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)
        return ChoraleComposer(chord_voice=chord_voice, random_state=0).fit(scores)


def compare(settings, own):
    """Print the rates of settings beside Bach's of the same melodies, and what tells them apart."""
    both = [[Reading(score) for score in scores] for scores in (settings, own)]
    ours, his = (rates(readings) for readings in both)
    for measure in MEASURES:
        name = measure.name
        print(f"{measure.words:64} {ours[name].value:8.2f} {his[name].value:8.2f}")
    label = np.repeat([0, 1], len(own))
    found = two_sample_test(feature_table(both[0] + both[1]), label, np.tile(tune_groups(own), 2))
    kinds = "  ".join(f"{kind} {area:.2f}" for kind, area in found.by_kind.items())
    print(f"AUC {found.auc:.2f} by {found.n_features} features  {kinds}")
    words = feature_table(both[0] + both[1], [words_of(reading) for reading in both[0] + both[1]])
    blind = two_sample_test(words.of_kind("words"), label, np.tile(tune_groups(own), 2))
    print(f"AUC {blind.auc:.2f} by {blind.n_features} words")


def words_of(reading):
    """Count words of a piece: what follows what in its lines, rhythms and chords."""
    counts = {}

    def add(group, words):
        counts.setdefault(("words", group), Counter()).update(map(str, words))

    for column, notes in enumerate(reading.lines[1:], 1):
        role = "bass" if column == len(reading.lines) - 1 else "inner voices"
        steps = np.diff(notes["pitch"].astype(int)).clip(-12, 12).tolist()
        add(f"intervals of {role}", zip(steps, steps[1:], steps[2:], strict=False))
        cells = [cell for _, cell in reading.cells[column]]
        add(f"rhythms of {role}", pairwise(cells))
    chords = [
        ((chord.root - reading.tonic) % 12, chord.quality, chord.bass)
        for _, chord in reading.progression
    ]
    add("chords", pairwise(chords))
    return counts


def main():
    """Set the sopranos of unseen chorales and compare with Bach's settings."""
    options = arguments(__doc__, composer="", keep="", road="", seed=0, draws=1)
    train, valid = split_scores(options.data)
    composer = ChoraleComposer.load(options.composer) if options.composer else fit_composer(train)
    if options.keep:
        composer.save(options.keep)
    for draw in range(options.draws):
        settings = [
            composer.harmonize(
                score.select(*score.voices[0]),
                road=options.road or None,
                random_state=options.seed + 1000 * draw + number,
            )
            for number, score in enumerate(valid)
        ]
        compare(settings, valid)


if __name__ == "__main__":
    main()
