"""What is remembered of a piece: its frames as bits, its voices, and where it went like this.

Four voices are read off every frame, lowest first: of more notes the two outermost on either
side, of fewer some doubled, so that the voices move as little as they can. Three places earlier
in the piece are pointed at before each frame: the one after the longest equal stretch, the one
after the stretch that was nearest (differing keys, three quarters of their weight a frame), and
the one a lag ago whose differences fade most. Two more are where the top voice alone, or its
steps, went as now for longest.

The bar is felt, not given: of a few periods the one under which the changes of harmony so far
were predicted best, and of its frames the one with most of them for the first.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, shared
from stats_composer.kernels.mixer import fold

__all__ = [
    "AGE",
    "BAR",
    "BEAT",
    "FIRST_BEAT",
    "LAST_AGE",
    "MAX_LAG",
    "N_VOICES",
    "PERIOD",
    "PERIODS",
    "Past",
    "estimate_key",
    "find_bar",
    "find_places",
    "find_tune",
    "log_size",
    "remember_frame",
]

N_VOICES = 4
MAX_LAG = 96
PERIODS = (8, 6, 4, 12, 9, 16)  # frames a bar may have; of equals the first
FIRST_BEAT = (0, *itertools.accumulate(PERIODS))  # number of the first beat of each
PERIOD, BEAT, BAR, AGE, LAST_AGE, N_CHANGES = range(6)  # columns of `Past.bar`
WORD = 60  # keys a 64-bit word


class Past(NamedTuple):
    """What is known of a piece before a frame, and of a frame before a key.

    Attributes
    ----------
    words : ndarray of shape (n_frames, 2), int64
        The keys of each frame as bits.
    hashes, classes, n_notes : ndarray of shape (n_frames,), int64
        A hash of each frame, its pitch classes as bits, its number of notes.
    voices : ndarray of shape (n_frames, 4), int64
    history, run, duration : ndarray of shape (n_keys,), int64
        Of each key: its states as bits, the last one lowest; for how long it has had this one;
        how long it last sounded.
    used, vote : ndarray of shape (n_keys,), float64
        In how many frames each key sounded; how likely earlier places make it now.
    used_class : ndarray of shape (12,), float64
    distance : ndarray of shape (n_frames + 1,), float64
    length : ndarray of shape (n_frames + 1,), int64
        How unlike, and for how many frames equal, the frames before each earlier place are.
    lag_error : ndarray of shape (MAX_LAG + 1,), float64
    tune, steps : ndarray of shape (n_frames + 1,), int64
        For how many frames the top voice before each earlier place, and its steps, are equal.
    tune_place : ndarray of shape (4,), int64
        The places that continue the longest of those (-1: none), and how long they are.
    changes : ndarray of shape (n_periods, longest), float64
        How often the harmony changed in each frame of each period.
    fit : ndarray of shape (n_periods,), float64
        Log-likelihood of these changes, each as expected from those before it.
    bar : ndarray of shape (6,), int64
        The number of the period, the frame of it (-1: nothing changed yet), the bar modulo 4,
        for how many frames the harmony has lasted and the one before it did, and its changes.
    place : ndarray of shape (5,), int64
        The frame that continues the longest match, the nearest place, and the best lag ago (-1:
        none); how near the last two are, in steps.
    notes : ndarray of shape (n_keys + 2,), int64
        The notes of the frame so far, in the order they were found.
    found : ndarray of shape (8,), int64
        Counters of the frame so far: notes; held, released, begun; and misses of the three
        places.
    """

    words: NDArray[np.int64]
    hashes: NDArray[np.int64]
    classes: NDArray[np.int64]
    n_notes: NDArray[np.int64]
    voices: NDArray[np.int64]
    history: NDArray[np.int64]
    run: NDArray[np.int64]
    duration: NDArray[np.int64]
    used: NDArray[np.float64]
    vote: NDArray[np.float64]
    used_class: NDArray[np.float64]
    distance: NDArray[np.float64]
    length: NDArray[np.int64]
    lag_error: NDArray[np.float64]
    tune: NDArray[np.int64]
    steps: NDArray[np.int64]
    tune_place: NDArray[np.int64]
    changes: NDArray[np.float64]
    fit: NDArray[np.float64]
    bar: NDArray[np.int64]
    place: NDArray[np.int64]
    notes: NDArray[np.int64]
    found: NDArray[np.int64]


@inline
def log_size(n):  # type: ignore[no-untyped-def]
    """Return a coarse size, 0 to 11."""
    if n < 4:
        return n
    if n < 6:
        return 4
    if n < 8:
        return 5
    if n < 12:
        return 6
    if n < 16:
        return 7
    if n < 24:
        return 8
    if n < 32:
        return 9
    return 10 if n < 64 else 11


@inline
def count_bits(x):  # type: ignore[no-untyped-def]
    """Return how many bits of a word that is not negative are set."""
    x -= (x >> 1) & 0x5555555555555555
    x = (x & 0x3333333333333333) + ((x >> 2) & 0x3333333333333333)
    x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0F
    return ((x * 0x0101010101010101) >> 56) & 0xFF


@shared
def assign_voices(roll, t, voices, notes):  # type: ignore[no-untyped-def]
    """Write the four voices of frame t: those nearest to the voices before it."""
    n = 0
    for k in range(roll.shape[1]):
        if roll[t, k]:
            notes[n] = k
            n += 1
    n_keys = roll.shape[1]
    for v in range(N_VOICES):
        voices[t, v] = voices[t - 1, v] if t > 0 else n_keys * (9 + 2 * v) // 25
    if n == 0:
        return
    if n >= N_VOICES:
        voices[t, 0], voices[t, 1] = notes[0], notes[1]
        voices[t, 2], voices[t, 3] = notes[n - 2], notes[n - 1]
        return
    nearest = -1
    chosen = 0
    for ways in range(8):  # bit v: voice v + 1 has the next note, not the same one
        if count_bits(ways) != n - 1:
            continue
        at = 0
        far = abs(notes[0] - voices[t, 0])
        for v in range(1, N_VOICES):
            at += (ways >> (v - 1)) & 1
            far += abs(notes[at] - voices[t, v])
        if nearest < 0 or far < nearest:
            nearest, chosen = far, ways
    at = 0
    voices[t, 0] = notes[0]
    for v in range(1, N_VOICES):
        at += (chosen >> (v - 1)) & 1
        voices[t, v] = notes[at]


@shared
def remember_frame(past, roll, t):  # type: ignore[no-untyped-def]
    """Add frame t to what is known."""
    n_keys = roll.shape[1]
    past.words[t, 0] = past.words[t, 1] = past.classes[t] = past.n_notes[t] = 0
    for k in range(n_keys):
        on = 1 if roll[t, k] else 0
        if on:
            past.words[t, k // WORD] |= 1 << (k % WORD)
            past.classes[t] |= 1 << (k % 12)
            past.n_notes[t] += 1
            past.used[k] += 1
            past.used_class[k % 12] += 1
        if on == past.history[k] & 1:
            past.run[k] += 1
        else:
            if past.history[k] & 1:
                past.duration[k] = log_size(past.run[k])
            past.run[k] = 1
        past.history[k] = (past.history[k] << 1) | on
    past.hashes[t] = fold(fold(7, past.words[t, 0]), past.words[t, 1])
    assign_voices(roll, t, past.voices, past.notes)


@inline
def unlike(past, t, s):  # type: ignore[no-untyped-def]
    """Return in how many keys two frames differ."""
    return count_bits(past.words[t, 0] ^ past.words[s, 0]) + count_bits(
        past.words[t, 1] ^ past.words[s, 1]
    )


@shared
def find_places(past, roll, t):  # type: ignore[no-untyped-def]
    """Find where earlier in the piece things went as they go before frame t, and vote."""
    longest, match, nearest, near = 0, -1, 1e9, -1
    for j in range(t - 1, 0, -1):  # downwards: what is known of j - 1 is still of frame t - 1
        e = unlike(past, t - 1, j - 1)
        past.distance[j] = 0.75 * (past.distance[j - 1] if j > 1 else 4.0) + e
        past.length[j] = (past.length[j - 1] + 1 if j > 1 else 1) if e == 0 else 0
        if past.length[j] > longest:
            longest, match = past.length[j], j
        if past.distance[j] < nearest:
            nearest, near = past.distance[j], j
    past.vote[:] = 0.0
    total = 1e-9
    for j in range(1, t):
        if past.distance[j] < nearest + 6.0:
            share = math.exp(nearest - past.distance[j])
            total += share
            for k in range(roll.shape[1]):
                if roll[j, k]:
                    past.vote[k] += share
    for k in range(roll.shape[1]):
        past.vote[k] /= total
    least, lag = 1e9, 0
    for d in range(2, MAX_LAG + 1):
        if t > d:
            past.lag_error[d] = 0.93 * past.lag_error[d] + unlike(past, t - 1, t - 1 - d)
            if (d % 4 == 0 or d % 6 == 0) and past.lag_error[d] < least:
                least, lag = past.lag_error[d], d
        else:
            past.lag_error[d] = 30.0
    past.place[0] = match
    past.place[1] = near
    past.place[2] = t - lag if lag else -1
    past.place[3] = 15 if near < 0 else int(min(14.0, nearest * 1.2))
    past.place[4] = 0 if not lag else 1 + int(min(10.0, least / 3.0))
    return log_size(longest)


@shared
def estimate_key(used_class, profiles):  # type: ignore[no-untyped-def]
    """Return 12 mode + tonic of the profile nearest to the pitch classes so far; 24 if none."""
    best, chosen = 0.0, 24
    for mode in range(2):
        for tonic in range(12):
            score = 0.0
            for c in range(12):
                score += used_class[(tonic + c) % 12] * profiles[mode, c]
            if score > best:
                best, chosen = score, 12 * mode + tonic
    return chosen


@inline
def is_change(past, t):  # type: ignore[no-untyped-def]
    """Return whether the bass moves or two notes begin in frame t."""
    begun = 0
    for w in range(2):
        begun += count_bits(past.words[t, w] & ~past.words[t - 1, w])
    return begun >= 2 or past.voices[t, 0] != past.voices[t - 1, 0]


@shared
def find_bar(past, t):  # type: ignore[no-untyped-def]
    """Find where frame t lies in its bar, after frame t - 1 was heard."""
    bar = past.bar
    if t > 1:
        event = is_change(past, t - 1)
        mean = (bar[N_CHANGES] + 1.0) / (t + 5.0)
        for i in range(len(PERIODS)):
            r = (t - 1) % PERIODS[i]
            p = (past.changes[i, r] + mean) / ((t - 1) // PERIODS[i] + 1.0)
            past.fit[i] += math.log(p if event else 1.0 - p)
            past.changes[i, r] += event
        if event:
            bar[N_CHANGES] += 1
            bar[LAST_AGE], bar[AGE] = bar[AGE], 0
    if t > 0:
        bar[AGE] += 1
    bar[BEAT] = -1
    if bar[N_CHANGES] == 0:
        return
    chosen = 0
    for i in range(1, len(PERIODS)):
        if past.fit[i] > past.fit[chosen]:
            chosen = i
    first = 0
    for r in range(1, PERIODS[chosen]):
        if past.changes[chosen, r] > past.changes[chosen, first]:
            first = r
    bar[PERIOD] = chosen
    bar[BEAT] = (t - first) % PERIODS[chosen]
    bar[BAR] = (t - first) // PERIODS[chosen] % 4


@shared
def find_tune(past, t):  # type: ignore[no-untyped-def]
    """Find where earlier the top voice went as it goes before frame t."""
    voices, place = past.voices, past.tune_place
    place[0] = place[1] = -1
    place[2] = place[3] = 0
    step = voices[t - 1, 3] - voices[t - 2, 3] if t > 1 else 0
    for j in range(t - 1, 0, -1):
        same = voices[t - 1, 3] == voices[j - 1, 3]
        past.tune[j] = (past.tune[j - 1] + 1 if j > 1 else 1) if same else 0
        if past.tune[j] > place[2]:
            place[2], place[0] = past.tune[j], j
        same = j > 1 and step == voices[j - 1, 3] - voices[j - 2, 3]
        past.steps[j] = past.steps[j - 1] + 1 if same else 0
        if past.steps[j] > place[3]:
            place[3], place[1] = past.steps[j], j
