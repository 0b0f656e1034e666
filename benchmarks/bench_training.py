"""Time and peak memory of training the bundled model from the cached corpus.

`python -m benchmarks.bench_training [--keep FILE]`: reads music21's chorales once to fill the
cache, then trains in a new process as `stats-composer train` does, and says what that took and
whether the file is the bundled one to the byte. The first training on a machine compiles the
kernels; it is not counted.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import stats_composer
from stats_composer.io import read_corpus

PRETRAINED = Path(stats_composer.__file__).parent / "pretrained"
HELD_OUT = PRETRAINED / "bach-chorale.held-out.txt"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="not needed")
    parser.add_argument("--keep", metavar="FILE", help="write the model here")
    keep = parser.parse_args().keep
    read_corpus("music21:bach", n_jobs=2)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "chorale.npz")
        command = [sys.executable, "-m", "stats_composer", "train", "music21:bach"]
        command += ["--exclude", str(HELD_OUT), "--jobs", "2", "-o", path]
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        model = Path(path).read_bytes()
    if keep:
        Path(keep).write_bytes(model)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{os.cpu_count()} cores: {seconds:.0f} s, {usage.ru_utime + usage.ru_stime:.0f} s of CPU"
    )
    size = len(model) / 1e6
    print(f"peak memory of a process {usage.ru_maxrss / 1e6:.2f} GB, file {size:.2f} MB")
    same = model == (PRETRAINED / "bach-chorale.npz").read_bytes()
    print(f"the bundled file to the byte: {'yes' if same else 'no'}")


if __name__ == "__main__":
    main()
