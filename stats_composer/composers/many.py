"""Several scores at a time, each of a seed of its own, that can be waited for or stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypedDict

import numpy as np

from stats_composer.composers.asked import (
    Seed,
    asked_count,
    asked_jobs,
    asked_seconds,
    asked_seeds,
)
from stats_composer.errors import SamplingError
from stats_composer.factors.breath import listening
from stats_composer.score import Score

__all__ = ["Choosing", "Drawn", "Patience", "n_faults", "write_many"]

TELL = 0.1  # seconds from one call of a callback to the next


class Patience(TypedDict, total=False):
    """How a verb works at its scores, how long it may take, and who hears of it.

    Attributes
    ----------
    n_jobs : int
        Threads that write them, 1 by default; -1 is one a core. The scores are the same.
    timeout : float, optional
        Seconds for all scores together; a `SamplingError` when they are over.
    callback : callable, optional
        Called as callback(n_done, n), ten times a second; what it raises stops the work.
    """

    n_jobs: int
    timeout: float | None
    callback: Callable[[int, int], object] | None


class Choosing(Patience, total=False):
    """The same, and which scores are kept.

    Attributes
    ----------
    best_of : int
        So many are written, of seeds that follow each other, and the one with the fewest faults,
        as `evaluation.report` counts them, is kept: the first of several. 1 by default. A callback
        hears of all that are written.
    """

    best_of: int


class Drawn(Patience, total=False):
    """What every verb that draws may be told.

    Attributes
    ----------
    random_state : int, Generator or None
    """

    random_state: Seed


def write_many(
    write: Callable[[np.random.Generator], Score],
    random_state: Seed,
    n: int | None,
    *,
    n_jobs: int = 1,
    timeout: float | None = None,
    callback: Callable[[int, int], object] | None = None,
    best_of: int = 1,
) -> Score | list[Score]:
    """Write one score, or a list of n, each from seeds of its own (`asked_seeds`).

    Whatever ends the waiting stops all threads at their next breath: Ctrl-C, the time, an error
    of one score or of the callback.

    Parameters
    ----------
    write : callable
        Of the generator of one score.
    random_state : int, Generator or None
    n : int, optional
    n_jobs, timeout, callback, best_of
        As of `Choosing`.

    Raises
    ------
    SamplingError
        When the time is over.
    """
    each, n_kept = asked_count(best_of, "best_of"), 1 if n is None else asked_count(n, "n")
    seeds = [
        np.random.SeedSequence(seed).spawn(1)[0]
        for seed in asked_seeds(random_state, each * n_kept)
    ]
    seconds = asked_seconds(timeout)
    stopped = threading.Event()

    def ask() -> None:
        if stopped.is_set():
            raise SamplingError("stopped")

    def work(seed: np.random.SeedSequence) -> tuple[int, Score]:
        with listening(ask):
            score = write(np.random.default_rng(seed))
        return n_faults(score) if each > 1 else 0, score

    pool = ThreadPoolExecutor(min(asked_jobs(n_jobs), len(seeds)))
    futures = [pool.submit(work, seed) for seed in seeds]
    try:
        _wait(futures, seconds, callback)
    except BaseException:
        stopped.set()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    judged = [future.result() for future in futures]
    groups = [judged[i : i + each] for i in range(0, len(judged), each)]
    scores = [min(group, key=lambda one: one[0])[1] for group in groups]
    return scores[0] if n is None else scores


def n_faults(score: Score) -> int:
    """Return how many faults a teacher finds in a score.

    Examples
    --------
    Parallel fifths, and their voices alone:

    >>> from stats_composer.score import make_notes
    >>> notes = make_notes(onset=[0, 10080] * 2, pitch=[67, 69, 60, 62], part=[0, 0, 1, 1])
    >>> n_faults(Score(notes)), n_faults(Score(notes).select(0))
    (1, 0)
    """
    from stats_composer.evaluation import Reading, report  # loaded only where a choice is asked for

    return len(report(Reading(score)).faults)


def _wait(
    futures: Sequence[Future[tuple[int, Score]]],
    seconds: float | None,
    callback: Callable[[int, int], object] | None,
) -> None:
    """Wait until all are done, one has failed, the time is over or the callback says no."""
    until = None if seconds is None else time.monotonic() + seconds
    left = set(futures)
    while left:
        patience = TELL if callback else None
        if until is not None:
            patience = max(min(until - time.monotonic(), patience or np.inf), 0.0)
        done, left = wait(left, patience, FIRST_COMPLETED)
        for future in done:
            future.result()
        n_done = len(futures) - len(left)
        if callback is not None:
            callback(n_done, len(futures))
        if left and until is not None and time.monotonic() >= until:
            raise SamplingError(f"{n_done} of {len(futures)} written in {seconds:g} s: given up")
