"""What pages promise, done as they are written: the musician's page, the embedder's program.

The musician's page is read, its commands typed and run in a new environment, from the clone to the
melody harmonized: words count at 200 a minute, typed characters at 200 a minute, commands by the
wall. The embedder's program runs in a process of its own, by processor time, kernels and modules
compiled before, as where it is installed: `python -m benchmarks pages`.
"""

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
WORDS, CHARACTERS = 200, 200
AS_INSTALLED = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
N_RUNS = 7


def blocks(page):
    """Return the prose of a page, and its blocks of code."""
    text = re.sub(r"\A---\n.*?\n---\n", "", (DOCS / page).read_text(encoding="utf-8"), flags=re.S)
    code = re.findall(r"^```(?:sh|\{code-cell\})\n(.*?)^```", text, re.M | re.S)
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), code


def musician():
    """Print how long the page takes up to its first setting."""
    prose, code = blocks("start/musician.md")
    prose = prose.partition("In the terminal `stats-composer show")[0]
    install, *shell = (re.sub(r"^(?::tags:.*|%%bash)\n", "", block, flags=re.M) for block in code)
    shell = shell[:2]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            f"git archive HEAD | tar -x -C {folder}", shell=True, check=True, cwd=DOCS.parent
        )
        start = time.perf_counter()
        command = "\n".join(["set -e", install, *shell])
        subprocess.run(["bash", "-c", command], check=True, cwd=folder, stdout=subprocess.DEVNULL)
        ran = time.perf_counter() - start
    words, typed = len(prose.split()), sum(map(len, [install, *shell]))
    read, wrote = 60 * words / WORDS, 60 * typed / CHARACTERS
    print(f"read {words} words: {read:.0f} s; type {typed} characters: {wrote:.0f} s; "
          f"commands, the installation among them: {ran:.0f} s")  # fmt: skip
    print(f"from the clone to a melody harmonized: {read + wrote + ran:.0f} s")


def embedder():
    """Print the processor time of the page's program, and what it says."""
    program = next(block for block in blocks("how-to/embed.md")[1] if "%%writefile" in block)
    lines = program.partition("\n")[2]
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "service.py").write_text(lines, encoding="utf-8")
        path = os.pathsep.join([str(DOCS.parent), os.environ.get("PYTHONPATH", "")])
        for _ in range(N_RUNS + 1):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(
                [sys.executable, "service.py"], check=True, cwd=folder, capture_output=True,
                text=True, env={**AS_INSTALLED, "PYTHONPATH": path},
            )  # fmt: skip
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    print(done.stdout.strip())
    print(
        f"median of {N_RUNS} later runs: {statistics.median(seconds[1:]):.2f} s of processor time"
    )


if __name__ == "__main__":
    embedder()
    if "--embed" not in sys.argv:
        musician()
