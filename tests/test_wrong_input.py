"""Wrong inputs of every public estimator and sampler: one clear line each, never a crash.

The rows of an area run in a child process, so that a signal is seen, and which row it was. To add
some, write a module in tests/wrong_inputs with a function `rows` that yields (name, call, pattern):
the call has to raise a ValueError of one line in which the pattern, a regular expression, is found.
"""

import importlib
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
AREAS = sorted(p.stem for p in (TESTS / "wrong_inputs").glob("*.py") if p.stem[0] != "_")
ROWS = [
    pytest.param(area, number, pattern, id=f"{area}-{name}")
    for area in AREAS
    for number, (name, _, pattern) in enumerate(
        importlib.import_module(f"wrong_inputs.{area}").rows()
    )
]


@cache
def outcomes(area):
    """Run the rows of an area; return what each came to, and how the process ended."""
    child = subprocess.run(
        [sys.executable, "-m", "wrong_inputs", area],
        cwd=TESTS.parent,
        env={**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}"},
        capture_output=True,
        text=True,
    )
    lines = [json.loads(line) for line in child.stdout.splitlines()]
    return lines[1::2], f"exit status {child.returncode} {child.stderr[-2000:]}"


@pytest.mark.parametrize(("area", "number", "pattern"), ROWS)
def test_a_wrong_input_is_told_in_one_line(area, number, pattern):
    found, end = outcomes(area)
    assert len(found) >= number, f"the process ended at an earlier row: {end}"
    assert len(found) > number, f"the process ended here: {end}"
    kinds, message = found[number]["kinds"], found[number]["message"]
    assert "ValueError" in kinds, f"{kinds[:1]} {message}"
    assert message and "\n" not in message
    assert re.search(pattern, message), message


@pytest.mark.parametrize("area", AREAS)
def test_the_child_ends_well(area):
    assert outcomes(area)[1].startswith("exit status 0 ")
