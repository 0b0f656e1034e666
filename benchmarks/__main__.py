"""Run benchmarks one after another: `python -m benchmarks [--data DIR] [NAME ...]`.

Without a name all are run. Each is a process of its own, so that none warms another's caches;
`NAME` is that of a file `benchmarks/bench_NAME.py`, and `DIR` a folder of data sets for those
that measure on some.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main():
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--data", metavar="DIR")
    given = parser.parse_args()
    known = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    unknown = [name for name in given.names if name not in known]
    if unknown:
        sys.exit(f"benchmarks: no {', '.join(unknown)}: expected some of {', '.join(known)}")
    data = ["--data", os.path.abspath(given.data)] if given.data else []
    failed = []
    for name in given.names or known:
        print(f"== {name} ({os.cpu_count()} cores)", flush=True)
        command = [sys.executable, "-m", f"benchmarks.bench_{name}", *data]
        if subprocess.run(command, check=False, cwd=FOLDER.parent).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"benchmarks: failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
