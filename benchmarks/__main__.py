"""Run benchmarks one after another: `python -m benchmarks [NAME ...]`.

Without a name all are run. Each is a process of its own, so that none warms another's caches;
`NAME` is that of a file `benchmarks/bench_NAME.py`.
"""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main(names):
    known = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"benchmarks: no {', '.join(unknown)}: expected some of {', '.join(known)}")
    failed = []
    for name in names or known:
        print(f"== {name} ({os.cpu_count()} cores)", flush=True)
        if subprocess.run([sys.executable, FOLDER / f"bench_{name}.py"], check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"benchmarks: failed: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
