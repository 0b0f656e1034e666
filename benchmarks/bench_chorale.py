"""Time of the chorale composer: an update, a harmonization, the first and second command.

`python -m benchmarks.bench_chorale`: it needs no data. CPU time of one thread, medians of several
runs; for the commands the wall of new processes as well, the first with an empty cache of
compiled kernels.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np

from benchmarks.workload import median_time
from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.sampling.gibbs import GibbsSampler
from stats_composer.score import Score

N_BARS, N_SWEEPS = 16, 32


def command(arguments, folder, **environment):
    """Return wall and CPU seconds of a new process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        cwd=folder,
        capture_output=True,
        env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | environment,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def main():
    composer = ChoraleComposer.bundled()
    score = composer.compose(bars=N_BARS, key="C", random_state=1)
    melody = score.select(*score.voices[0])

    def long(n_times):
        notes = np.concatenate([melody.notes] * n_times)
        notes["onset"] += np.repeat(np.arange(n_times) * melody.end, len(melody.notes))
        return composer.harmonize(Score(notes, end=n_times * melody.end), random_state=1)

    seconds = median_time(lambda: composer.harmonize(melody, random_state=1), 7, time.process_time)
    print(f"harmonize {N_BARS} bars, warm:        {seconds:8.3f} s CPU")
    for n_times, n_runs in ((4, 5), (142, 1)):
        seconds = median_time(lambda n=n_times: long(n), n_runs, time.process_time)
        print(f"harmonize {n_times * N_BARS} bars, warm:      {seconds:8.3f} s CPU")
    best = {"random_state": 1, "best_of": 8, "n_jobs": 2}
    seconds = median_time(lambda: composer.harmonize(melody, **best), 5, time.perf_counter)
    print(f"the best of 8, two threads:    {seconds:8.3f} s wall")
    seconds = median_time(
        lambda: composer.compose(bars=N_BARS, key="C", random_state=1), 7, time.process_time
    )
    print(f"compose {N_BARS} bars, warm:          {seconds:8.3f} s CPU")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # passing notes lie between the steps
        grid, _ = composer.encoder_.encode(score)
    for run_share in (0.0, 0.02):
        sampler = GibbsSampler(composer.skeleton_, grid, run_share=run_share, random_state=0)
        n_updates = N_SWEEPS * int(sampler.free.sum())
        seconds = median_time(lambda s=sampler: s.run(np.ones(N_SWEEPS)), 9) / n_updates
        print(f"update, all terms, {run_share:4.0%} runs:  {seconds * 1e9:8.0f} ns")
    package = ["-m", "stats_composer", "compose", "--seed", "1"]
    with tempfile.TemporaryDirectory() as folder:
        cache = os.path.join(folder, "cache")
        for name in ("first", "second", "third"):
            wall, cpu = command(package, folder, NUMBA_CACHE_DIR=cache)
            print(f"stats-composer compose, {name:6}:   {wall:8.2f} s wall {cpu:6.2f} s CPU")
        imports = {}
        for name in ("numpy", "stats_composer"):
            imports[name] = np.median(
                [command(["-c", f"import {name}"], folder)[1] for _ in range(9)]
            )
    ratio = imports["stats_composer"] / imports["numpy"]
    print(f"import stats_composer by import numpy: {ratio:5.2f}")


if __name__ == "__main__":
    main()
