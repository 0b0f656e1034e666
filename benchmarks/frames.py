"""Likelihood of polyphonic frames: `python -m benchmarks.frames --data DIR [--split valid]`.

Boulanger-Lewandowski, Bengio and Vincent's protocol (2012): piano rolls of 88 keys, the mean over
all frames of a split of -log P(frame | frames before it in the piece), nats, exactly normalised.
Reads `DIR/*.npz` or `DIR/polyphonic/*.npz`, trains on train, and prints for each other split that
is there (or for the one asked) a line a set and row: the model with its parameters fixed after
training; `without memory`, where no expert looks back further than some frames; `adapting`, where
weights go on learning within each piece, in time's order; and `note 1-gram`, independent keys,
which checks the loader against the table of that paper.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

from stats_composer.models.frames import FrameModel

# Chosen on valid: two orders, each with an outer voice first, but for folk tunes, where one does.
OUTER = ("top-up", "bottom-down")
PARAMETERS = {
    "JSB_Chorales": {"orders": OUTER, "rates": (0.02, 0.01)},
    "Nottingham": {"log2_slots": 26},
    "MuseData": {"orders": OUTER, "log2_slots": 27},
    "Piano_midi": {"orders": OUTER, "log2_slots": 26},
}


def load_rolls(path, split):
    """Return the rolls of a split; none where the file does not have it."""
    with np.load(path, allow_pickle=False) as file:
        if f"{split}_rolls" not in file:
            return []
        rolls = np.unpackbits(file[f"{split}_rolls"], axis=1)[:, :88].astype(bool)
        lengths = file[f"{split}_lengths"]
    return np.split(rolls, np.cumsum(lengths)[:-1])


def independent_keys(train, rolls):
    """Return the loss of the model in which each key sounds as often as in training."""
    frames = np.concatenate(train)
    p = np.clip(frames.mean(axis=0), 1e-6, 1 - 1e-6)
    rows = np.concatenate(rolls)
    return -(rows @ np.log(p) + ~rows @ np.log1p(-p)).mean()


def rows(name, train, seconds):
    """Yield each row's name and its model's loss function."""
    yield "note 1-gram", lambda rolls: independent_keys(train, rolls)
    for row, memory in (("", True), ("without memory", False)):
        start = time.time()
        settings = {"n_jobs": os.cpu_count(), **PARAMETERS.get(name, {})}
        model = FrameModel(memory=memory, **settings).fit(train)
        seconds[row] = time.time() - start
        yield row, lambda rolls, model=model: -model.score(rolls)
        if memory:
            model.set_params(adapt=True)
            yield "adapting", lambda rolls, model=model: -model.score(rolls)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--split", help="report this split alone")
    parser.add_argument("--set", dest="sets", action="append", help="these sets alone")
    given = parser.parse_args()
    paths = sorted(given.data.glob("*.npz")) or sorted(given.data.glob("polyphonic/*.npz"))
    if not paths:
        sys.exit(f"benchmarks.frames: no *.npz in {given.data}")
    for path in paths:
        if given.sets and path.stem not in given.sets:
            continue
        train = load_rolls(path, "train")
        splits = [given.split] if given.split else ["valid", "test"]
        parts = {split: load_rolls(path, split) for split in splits}
        seconds = {}
        for row, loss in rows(path.stem, train, seconds):
            for split, rolls in parts.items():
                if rolls:
                    label = " ".join(filter(None, [path.stem, split, row]))
                    print(f"{label} {loss(rolls):.3f}", flush=True)
        spent = ", ".join(f"{row or 'full'} {s:.0f} s" for row, s in seconds.items())
        print(f"# {path.stem}: training {spent}", flush=True)


if __name__ == "__main__":
    main()
