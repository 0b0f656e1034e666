"""Structureness of the benchmark of solos, by cases worked out by hand."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

FILE = Path(__file__).parent.parent / "benchmarks/structure.py"


@pytest.fixture(scope="module")
def structure():
    spec = importlib.util.spec_from_file_location("structure", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.best_family = module.best_family.py_func  # not worth compiling here
    return module


def alike(text):
    """Return which beats are alike: those of one letter."""
    letters = np.array(list(text))
    return np.where(letters[:, None] == letters, 1.0, -2.0)


@pytest.mark.parametrize(
    ("text", "first", "length", "family", "expected"),
    [
        # Twice four beats: a score of 8 from 8 cells over 8 beats, (8 - 4) / 8 both times.
        ("abcdabcd", 0, 4, (8, 8, 8), 0.5),
        # It never returns.
        ("abcdefgh", 2, 4, (4, 4, 4), 0.0),
        # Three times with others between: score (12 - 4) / 12, cover (12 - 4) / 16.
        ("abcdxabcdyabcdzw", 0, 4, (12, 12, 12), 2 * (8 / 12) * (8 / 16) / (8 / 12 + 8 / 16)),
        # The second time b is left out: a path steps by (1, 2), 3 cells over 3 beats.
        ("abcdacd", 0, 4, (7, 7, 7), 2 * (3 / 7) * (3 / 7) / (6 / 7)),
    ],
)
def test_fitness_of_a_passage(structure, text, first, length, family, expected):
    found = structure.best_family(alike(text), first, length)
    assert found.tolist() == list(family)
    assert structure.fitness(alike(text), first, length) == pytest.approx(expected)
