"""Start-up: what an import and a verb cost, beside numpy alone.

Each line is the fastest of several new processes, by the wall: `python benchmarks/bench_start.py`.
"""

import subprocess
import sys
import tempfile
import time

N_RUNS = 9
CASES = {
    "python alone": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import stats_composer": ["-c", "import stats_composer"],
    "import stats_composer; Score": ["-c", "import stats_composer; stats_composer.Score"],
    "stats-composer --version": ["-m", "stats_composer", "--version"],
    "stats-composer compose": ["-m", "stats_composer", "compose", "--seed", "1"],
}


def fastest(arguments, folder):
    seconds = []
    for _ in range(N_RUNS):
        start = time.perf_counter()
        command = [sys.executable, *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main():
    with tempfile.TemporaryDirectory() as folder:
        seconds = {name: fastest(arguments, folder) for name, arguments in CASES.items()}
    for name, value in seconds.items():
        print(f"{name:30} {value:6.3f} s  {value / seconds['import numpy']:5.2f} of import numpy")


if __name__ == "__main__":
    main()
