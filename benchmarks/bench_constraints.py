"""Whether any piece of the chorale composer breaks a hard constraint that it was given.

Sets of one to four random constraints, in random keys and metres, a few pieces of each.
`python -m benchmarks.bench_constraints --draws 10000`; sets that contradict themselves are
counted with the time that it took to say so, and those that are given up after some attempts.
"""

import argparse
import collections
import time

import numpy as np

from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.constraints import (
    Cadence,
    ChordAt,
    Contains,
    Density,
    InKey,
    NoCrossing,
    NoParallels,
    NoRepeat,
    Pin,
    Range,
    Rhythm,
)
from stats_composer.errors import ConstraintError, SamplingError
from stats_composer.theory import parse_key

VOICES = ("soprano", "alto", "tenor", "bass")
KEYS = ("C", "G", "Bb", "E", "a minor", "d minor", "f# minor")
METRES = ("4/4", "3/4", "2/2", "6/8")
LOWEST = {"soprano": 60, "alto": 55, "tenor": 48, "bass": 40}
A_SET = 8


def random_constraints(rng, tonic, bars):
    """Draw one to four constraints over any voices and bars."""

    def voice():
        return VOICES[rng.integers(4)]

    def region():
        first = int(rng.integers(1, bars + 1))
        return (first, int(rng.integers(first, bars + 1)))

    def limits():
        name, low = voice(), int(rng.integers(0, 5))
        return Range(name, LOWEST[name] + low, LOWEST[name] + low + 14, bars=region())

    def pin():
        name = voice()
        return Pin(name, int(rng.integers(1, bars + 1)), 1, LOWEST[name] + int(rng.integers(3, 15)))

    def chord():
        degree, quality = ((0, "maj"), (7, "maj"), (9, "min"), (5, "maj"))[rng.integers(4)]
        root = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
        return ChordAt(
            int(rng.integers(1, bars + 1)), 1, f"{root[(tonic + degree) % 12]}:{quality}"
        )

    options = (
        limits,
        limits,
        pin,
        pin,
        chord,
        chord,
        Cadence,
        lambda: Contains(voice(), intervals=rng.choice([-4, -2, -1, 1, 2, 3], 2).tolist()),
        lambda: Density(voice(), int(rng.integers(0, 4)), int(rng.integers(4, 8)), bars=region()),
        NoCrossing,
        NoParallels,
        lambda: NoRepeat(voice(), int(rng.integers(2, 5))),
        lambda: Rhythm(voice(), onsets=[1, 2, 3][: int(rng.integers(1, 4))], bars=region()),
        lambda: InKey(voices=[voice(), voice()]),
    )
    return [options[i]() for i in rng.choice(len(options), rng.integers(1, 5), replace=False)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    composer = ChoraleComposer.bundled()
    n_drawn, n_sets, broken, slowest = 0, 0, [], 0.0
    refused, given_up = collections.Counter(), []
    start = time.process_time()
    while n_drawn < options.draws:
        key = KEYS[rng.integers(len(KEYS))]
        bars, seed = int(rng.integers(2, 5)), int(rng.integers(2**31))
        asked = random_constraints(rng, (7 * parse_key(key)[0]) % 12, bars)
        where = {"bars": bars, "key": key, "time_signature": METRES[rng.integers(len(METRES))]}
        began = time.process_time()
        try:
            scores = composer.compose(n=A_SET, constraints=asked, random_state=seed, **where)
        except ConstraintError as error:
            refused["named" if error.conflict else str(error)] += 1
            slowest = max(slowest, time.process_time() - began)
            continue
        except SamplingError as error:
            given_up.append((seed, str(error)))
            continue
        n_sets += 1
        n_drawn += len(scores)
        for score in scores:
            broken += [(seed, text) for one in asked for text in one.violations(score)]
    seconds = time.process_time() - start
    print(f"{n_drawn} pieces under {n_sets} sets, {seconds:.0f} s of CPU: {len(broken)} broken")
    for seed, text in broken[:10]:
        print(f"  seed {seed}: {text}")
    print(f"{len(given_up)} sets given up, of which nothing was found that keeps them")
    for seed, text in given_up[:10]:
        print(f"  seed {seed}: {text}")
    print(
        f"refused {sum(refused.values())} sets: {dict(refused)}; slowest in {slowest:.2f} s of CPU"
    )


if __name__ == "__main__":
    main()
