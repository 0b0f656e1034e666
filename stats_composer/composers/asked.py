"""What is asked of a composer, checked once, before any work is done.

Each function takes what a caller wrote and returns what it means, or says in one line what
was given and what was expected. The shell checks its options by the same functions.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterable
from typing import Any

import numpy as np

from stats_composer.constraints import Constraint
from stats_composer.errors import ConstraintError, EncodingError
from stats_composer.theory import parse_key, parse_mode, parse_time_signature

__all__ = [
    "MAX_BARS",
    "Seed",
    "asked_bars",
    "asked_constraints",
    "asked_count",
    "asked_jobs",
    "asked_key",
    "asked_metre",
    "asked_mode",
    "asked_run",
    "asked_seconds",
    "asked_seeds",
    "asked_tempo",
    "asked_voice",
]

MAX_BARS = 2000
SLOWEST, FASTEST = 5, 1000

Seed = int | np.random.Generator | None


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def asked_bars(bars: Any) -> int:
    """Check a number of bars, 1 to `MAX_BARS`."""
    if not _whole(bars):
        raise ConstraintError(f"bars {bars!r}: expected a whole number")
    if not 1 <= bars <= MAX_BARS:
        raise ConstraintError(f"{bars} bars: expected 1 to {MAX_BARS}")
    return int(bars)


def _is_bar(bar: Any) -> bool:
    return _whole(bar) or (isinstance(bar, str) and bar != "")


def asked_run(bars: Any) -> tuple[int | str, int | str]:
    """Check the first and the last bar of a region, by printed numbers; one bar may stand alone."""
    pair = (bars, bars) if _whole(bars) else bars
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(map(_is_bar, pair)):
        raise ConstraintError(f"bars {bars!r}: expected the first and the last bar, such as (5, 8)")
    first, last = (int(bar) if _whole(bar) else bar for bar in pair)
    return first, last


def asked_key(key: str | None) -> tuple[int, int] | None:
    """Read a key in major or minor: tonic (fifths) and mode."""
    try:
        return None if key is None else parse_key(key)
    except ValueError as error:
        raise ConstraintError(str(error)) from None


def asked_mode(key: str | None) -> tuple[int, str] | None:
    """Read a key in one of the modes of folk tunes: tonic (fifths) and the mode's name."""
    try:
        return None if key is None else parse_mode(key)
    except ValueError as error:
        raise ConstraintError(str(error)) from None


def asked_metre(time_signature: str | None) -> tuple[int, int] | None:
    """Read a time signature: numerator and denominator."""
    try:
        return None if time_signature is None else parse_time_signature(time_signature)
    except ValueError as error:
        raise ConstraintError(str(error)) from None


def asked_tempo(tempo: Any) -> float | None:
    """Check a tempo in quarters a minute."""
    if tempo is None:
        return None
    number = isinstance(tempo, int | float | np.number) and not isinstance(tempo, bool)
    if not number or not SLOWEST <= tempo <= FASTEST:
        shown = f"{tempo:g}" if number else repr(tempo)
        raise ConstraintError(f"tempo {shown}: expected {SLOWEST} to {FASTEST} quarters a minute")
    return float(tempo)


def asked_constraints(constraints: Any) -> tuple[Constraint, ...]:
    """Check that constraints are some, and each one."""
    if isinstance(constraints, Constraint):
        raise ConstraintError(f"{constraints}: expected a list of constraints: wrap it in a list")
    if isinstance(constraints, str) or not isinstance(constraints, Iterable):
        raise ConstraintError(f"constraints {constraints!r}: expected a list of constraints")
    found = tuple(constraints)
    for item in found:
        if not isinstance(item, Constraint):
            raise ConstraintError(f"constraint {item!r:.60}: expected a Constraint, such as a Pin")
    return found


def asked_voice(voice: Any, known: tuple[str, ...]) -> str:
    """Check the name of a voice."""
    if not isinstance(voice, str) or voice not in known:
        raise EncodingError(f"voice {voice!r}: expected one of {', '.join(known)}")
    return voice


def asked_jobs(n_jobs: Any) -> int:
    """Return how many pieces are worked at a time; -1 is one a core.

    Examples
    --------
    >>> asked_jobs(2), asked_jobs(-1) >= 1
    (2, True)
    """
    if not _whole(n_jobs) or (n_jobs < 1 and n_jobs != -1):
        raise ConstraintError(f"n_jobs {n_jobs!r}: expected 1 or more, or -1 for one a core")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return int(n_jobs) if n_jobs > 0 else cores or 1


def asked_count(n: Any, name: str) -> int:
    """Check how many pieces are asked for."""
    if not _whole(n) or n < 1:
        raise ConstraintError(f"{name} {n!r}: expected a whole number of pieces, at least 1")
    return int(n)


def asked_seeds(random_state: Seed, n: int) -> list[int]:
    """Return the seed of each of some pieces, which alone writes that piece again.

    Those of an integer are it and the ones after it; a generator draws them.

    Examples
    --------
    >>> asked_seeds(5, 1), asked_seeds(5, 3)
    ([5], [5, 6, 7])
    """
    if isinstance(random_state, np.random.Generator):
        return [int(seed) for seed in random_state.integers(2**32, size=n)]
    first = secrets.randbelow(2**32) if random_state is None else random_state
    if not _whole(first) or first < 0:
        raise ConstraintError(
            f"random_state {random_state!r}: expected a whole number from 0, a Generator or None"
        )
    return [int(first) + i for i in range(n)]


def asked_seconds(timeout: Any) -> float | None:
    """Check how many seconds work may take; None is as many as it takes."""
    if timeout is None:
        return None
    number = isinstance(timeout, int | float | np.number) and not isinstance(timeout, bool)
    if not number or not 0 < timeout <= threading.TIMEOUT_MAX:
        raise ConstraintError(f"timeout {timeout!r}: expected seconds, above 0")
    return float(timeout)
