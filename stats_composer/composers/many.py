"""Several scores at a time, each of a seed of its own, that can be waited for or stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypedDict

import numpy as np

from stats_composer.composers.asked import Seed, asked_jobs, asked_seconds, asked_seeds
from stats_composer.errors import SamplingError
from stats_composer.factors.breath import listening
from stats_composer.score import Score

__all__ = ["Drawn", "Patience", "write_many"]

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
) -> Score | list[Score]:
    """Write one score, or a list of n, each from a seed of its own (`asked_seeds`).

    Whatever ends the waiting stops all threads at their next breath: Ctrl-C, the time, an error
    of one score or of the callback.

    Parameters
    ----------
    write : callable
        Of the generator of one score.
    random_state : int, Generator or None
    n : int, optional
    n_jobs, timeout, callback
        As of `Patience`.

    Raises
    ------
    SamplingError
        When the time is over.
    """
    seeds = [np.random.SeedSequence(seed).spawn(1)[0] for seed in asked_seeds(random_state, n)]
    seconds = asked_seconds(timeout)
    stopped = threading.Event()

    def ask() -> None:
        if stopped.is_set():
            raise SamplingError("stopped")

    def work(seed: np.random.SeedSequence) -> Score:
        with listening(ask):
            return write(np.random.default_rng(seed))

    pool = ThreadPoolExecutor(min(asked_jobs(n_jobs), len(seeds)))
    futures = [pool.submit(work, seed) for seed in seeds]
    try:
        _wait(futures, seconds, callback)
    except BaseException:
        stopped.set()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    scores = [future.result() for future in futures]
    return scores[0] if n is None else scores


def _wait(
    futures: Sequence[Future[Score]],
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
