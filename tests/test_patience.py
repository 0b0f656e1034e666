"""Work that is waited for: callbacks, time limits, and what stops it."""

import threading
import time

import numpy as np
import pytest

from stats_composer.composers.many import write_many
from stats_composer.errors import ConstraintError, SamplingError
from stats_composer.factors.breath import breathe
from stats_composer.score import Score, make_notes


def a_score(rng):
    return Score(make_notes(onset=[0], pitch=[int(rng.integers(60, 72))]))


def endless(rng):
    while True:
        time.sleep(0.001)
        breathe()


def workers():
    return [t for t in threading.enumerate() if t.name.startswith("ThreadPoolExecutor")]


def test_a_callback_hears_of_every_score_and_changes_none():
    heard = []
    scores = write_many(a_score, 3, 4, n_jobs=2, callback=lambda done, n: heard.append((done, n)))
    assert heard[-1] == (4, 4) and heard == sorted(heard)
    assert scores == write_many(a_score, 3, 4)


def test_of_several_the_first_with_the_fewest_faults_is_kept():
    # Two voices a sixth apart, or an octave or a fifth: two steps of the latter are two faults.
    def two_voices(rng):
        distance = int(rng.choice([9, 12, 7]))
        upper = [72, 74, 76]
        pitch, part = [*upper, *(p - distance for p in upper)], [0] * 3 + [1] * 3
        return Score(make_notes(onset=[0, 10080, 20160] * 2, pitch=pitch, part=part))

    every = write_many(two_voices, 11, 8)
    distances = [score.notes["pitch"][-1] for score in every]
    assert distances == [69, 64, 67, 69, 69, 69, 69, 67]  # under 76: a fifth, an octave, a sixth
    kept = write_many(two_voices, 11, 2, best_of=4, n_jobs=2)
    assert kept == [every[2], every[7]]
    assert write_many(two_voices, 11, None, best_of=4) == kept[0]
    with pytest.raises(ConstraintError, match="best_of 0: expected a whole number"):
        write_many(two_voices, 11, None, best_of=0)


def test_time_that_is_over_is_an_error_and_ends_the_threads():
    with pytest.raises(SamplingError, match=r"0 of 2 written in 0.05 s: given up"):
        write_many(endless, 1, 2, n_jobs=2, timeout=0.05)
    for thread in workers():
        thread.join(10)
    assert not workers()


def test_what_a_callback_raises_stops_the_work():
    def enough(done, n):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_many(endless, 1, None, callback=enough)
    for thread in workers():
        thread.join(10)
    assert not workers()


@pytest.mark.parametrize("timeout", [0, -1, np.nan, "5", True])
def test_a_timeout_is_a_number_of_seconds(timeout):
    with pytest.raises(ConstraintError, match=r"timeout .*: expected seconds, above 0"):
        write_many(a_score, 1, None, timeout=timeout)
