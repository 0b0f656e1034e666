"""The workload of the kernels' benchmarks, and how its time is taken.

Bach's chorales of the Boulanger-Lewandowski split (`DIR/jsb_chorales/separated_16th.json`: train
and valid, each piece a list of [S, A, T, B] MIDI pitches a sixteenth, -1 a rest), in their own
keys: four lines, 220,912 sites in train, alphabets of 23 to 31 symbols. Times are of the CPU,
of one thread, medians of several runs.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np

MAX_LAG, MAX_DIAGONAL = 16, 1


def data_folder(description):
    """Return the folder that `--data` names; without it, say so and end."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the data sets")
    arguments, _ = parser.parse_known_args()
    if arguments.data is None:
        print("skipped: it needs the data sets, --data DIR")
        sys.exit(0)
    return arguments.data


def load_pitches(folder, split="train"):
    """Return the pieces as arrays of pitches, (n_steps, 4)."""
    path = folder / "jsb_chorales" / "separated_16th.json"
    return [np.array(piece) for piece in json.loads(path.read_text())[split]]


def load_grids(folder):
    """Return the train pieces as symbols of each voice's own alphabet, and the alphabets' sizes."""
    pieces = load_pitches(folder)
    alphabets = [np.unique(np.concatenate([p[:, v] for p in pieces])) for v in range(4)]
    grids = [
        np.stack([np.searchsorted(alphabets[v], p[:, v]) for v in range(4)], axis=1) for p in pieces
    ]
    return [grid.astype(np.int64) for grid in grids], [len(a) for a in alphabets]


def median_time(function, n_runs=7, clock=time.thread_time):
    """Seconds of one call, the median of several after one to warm up."""
    return median_times([function], n_runs, clock)[0]


def median_times(functions, n_runs=7, clock=time.thread_time):
    """Seconds of one call of each, in rounds, so that what else the machine does falls on all."""
    seconds = []
    for _ in range(n_runs + 1):
        seconds.append([])
        for function in functions:
            start = clock()
            function()
            seconds[-1].append(clock() - start)
    return [statistics.median(column) for column in zip(*seconds[1:], strict=True)]


def report(rows, best):
    """Print (name, nanoseconds) and each as a multiple of the one named."""
    print(f"{os.cpu_count()} cores, one thread, medians of CPU time")
    reference = dict(rows)[best]
    for name, value in rows:
        print(f"  {name:58} {value:10,.0f} ns {value / reference:8.2f} x")
