"""Measure improvising and listening: `python -m benchmarks.jazz --data DIR [ROW ...]`.

Rows: likelihood, likeness, kmeans, clusters (Weimar solos, folds by tune); roles, lines, beats
(POP909, folds by song); speed. All by default; `--folds N` does the first N of five folds,
`--songs N` takes N songs.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.hearing import beats, lines, roles
from benchmarks.pop909 import read_pop909
from benchmarks.solos import clusters, folds, kmeans, likelihood, likeness
from benchmarks.weimar import read_weimar
from stats_composer.composers.jazz import JazzComposer, lead_page

N_FOLDS = 5
EIGHT = "F7 | Bb7 | F7 | Cm7 F7 | Bb7 | Bdim7 | F7 | Am7b5 D7"


def speed():
    """Print the process time of 32 bars, warm."""
    composer = JazzComposer.bundled()
    page = lead_page("Dm7 | G7 | C^7 | % | Em7b5 | A7 | Dm7 | G7 | " * 3 + EIGHT)
    composer.improvise(page, random_state=0)
    taken = []
    for seed in 5 * [*range(5)]:
        start = time.process_time()
        composer.improvise(page, random_state=seed)
        taken.append(time.process_time() - start)
    best = np.reshape(taken, (5, 5)).min(axis=0)
    print(f"{page.n_bars} bars, warm: {best.mean():.3f} s of one core (five seeds, best of five)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=N_FOLDS)
    parser.add_argument("--songs", type=int)
    parser.add_argument("--every", type=int, default=1, help="fit distances to each so-manieth")
    parser.add_argument("--clusters", type=int, default=10, help="of the plan of `likeness`")
    parser.add_argument("--ablate", action="store_true", help="fit the parts left out too")
    parser.add_argument("rows", nargs="*", metavar="ROW")
    options = parser.parse_args()
    of_solos = {row.__name__: row for row in (likelihood, likeness, kmeans, clusters)}
    of_songs = {row.__name__: row for row in (roles, lines, beats)}
    wanted = options.rows or [*of_solos, *of_songs, "speed"]
    if of_solos.keys() & wanted:
        found = read_weimar(options.data / "jazz")
        fold = folds([one.tune for one in found], N_FOLDS)
    if of_songs.keys() & wanted:
        songs = read_pop909(options.data / "pop909", options.songs)
        song_fold = folds([song.name for song in songs], N_FOLDS)
    for name in wanted:
        if name == "speed":
            speed()
        elif name in of_solos:
            of_solos[name](found, fold, options)
        else:
            of_songs[name](songs, song_fold, options)


if __name__ == "__main__":
    main()
