"""What is remembered of a piece: its frames as bits, its voices, how its keys were used.

Four voices are read off every frame, lowest first: of more notes the two outermost on either
side, of fewer some doubled, so that the voices move as little as they can. Where it went as it
goes now is found by `kernels/recall.py`.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, shared
from stats_composer.kernels.mixer import fold

__all__ = [
    "AGE",
    "BAR",
    "BEAT",
    "CHANGES",
    "FAR",
    "FIRST_BEAT",
    "LAST_AGE",
    "MAX_LAG",
    "MISSES",
    "MOVED",
    "N_CHANGES",
    "N_PACES",
    "N_VOICES",
    "PERIOD",
    "PERIODS",
    "SHIFT",
    "WORD",
    "WORD_MASK",
    "Past",
    "count_bits",
    "log_size",
    "remember_frame",
    "unlike",
]

N_VOICES = 4
MAX_LAG = 96  # frames: sixteen bars of six, or six of sixteen
PERIODS = (8, 6, 4, 12, 9, 16)  # frames a bar may have; of equals the first
FIRST_BEAT = (0, *itertools.accumulate(PERIODS))  # number of the first beat of each
PERIOD, BEAT, BAR, AGE, LAST_AGE, N_CHANGES = range(6)  # columns of `Past.bar`
WORD = 60  # keys a 64-bit word: a shift by one stays clear of the sign
WORD_MASK = (1 << WORD) - 1
FADE, TEMPO = 0.94, 0.95  # what is left of keys and of the pace a frame later: half in 11, in 14
MISSES, CHANGES, N_PACES = range(3)  # columns of `Past.pace`, and how many they are
MOVED, SHIFT, FAR = range(3)  # columns of `Past.moved`


class Past(NamedTuple):
    """What is known of a piece before a frame, and of a frame before a key.

    Attributes
    ----------
    words : ndarray of shape (n_frames, 4), int64
        The keys of each frame as bits; and with the keys beside them.
    hashes, classes, n_notes, begun : ndarray of shape (n_frames,), int64
        A hash of each frame, its pitch classes as bits, its number of notes and of new ones.
    voices : ndarray of shape (n_frames, 4), int64
    history, run, duration : ndarray of shape (n_keys,), int64
        Of each key: its states as bits, the last one lowest; for how long it has had this one;
        how long it last sounded.
    used, vote : ndarray of shape (n_keys,), float64
        In how many frames each key sounded; how likely earlier places make it now.
    used_class : ndarray of shape (12,), float64
    fresh, fresh_class : ndarray of shape (n_keys,) and (12,), float64
        The same of keys and of classes, fading.
    heard : ndarray of shape (12,), int64
        The frame after the last one in which each class sounded.
    pace : ndarray of shape (2,), float64
        In how many keys the last frames differed from the nearest place; from those before them.
    distance : ndarray of shape (n_frames + 1,), float64
    length : ndarray of shape (n_frames + 1,), int64
        How unlike, and for how many frames equal, the frames before each earlier place are.
    lag_error : ndarray of shape (MAX_LAG + 1,), float64
    lines : ndarray of shape (4, 2, n_frames + 1), int64
        For how many frames each voice before each earlier place, and its steps, are equal.
    line_place : ndarray of shape (4, 4), int64
        The places that continue the longest of those (-1: none), and how long they are.
    line_hash : ndarray of shape (4, 3), int64
        Of each voice: its last six notes; its last four steps, and six.
    moved_distance : ndarray of shape (n_frames + 1,), float64
    moved_shift : ndarray of shape (n_frames + 1,), int64
        How unlike the frames before each earlier place are, moved by the shift of the top voice.
    moved : ndarray of shape (3,), int64
        The nearest of those, its shift, and how near it is, in steps.
    moved_vote : ndarray of shape (n_keys + 2,), float64
        How likely such places make each key now; from 1.
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
    begun: NDArray[np.int64]
    voices: NDArray[np.int64]
    history: NDArray[np.int64]
    run: NDArray[np.int64]
    duration: NDArray[np.int64]
    used: NDArray[np.float64]
    vote: NDArray[np.float64]
    used_class: NDArray[np.float64]
    fresh: NDArray[np.float64]
    fresh_class: NDArray[np.float64]
    heard: NDArray[np.int64]
    pace: NDArray[np.float64]
    distance: NDArray[np.float64]
    length: NDArray[np.int64]
    lag_error: NDArray[np.float64]
    lines: NDArray[np.int64]
    line_place: NDArray[np.int64]
    line_hash: NDArray[np.int64]
    moved_distance: NDArray[np.float64]
    moved_shift: NDArray[np.int64]
    moved: NDArray[np.int64]
    moved_vote: NDArray[np.float64]
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
        voices[t, v] = voices[t - 1, v] if t > 0 else n_keys * (9 + 2 * v) // 25  # about the middle
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


@inline
def unlike(past, t, s):  # type: ignore[no-untyped-def]
    """Return in how many keys two frames differ."""
    return count_bits(past.words[t, 0] ^ past.words[s, 0]) + count_bits(
        past.words[t, 1] ^ past.words[s, 1]
    )


@shared
def remember_frame(past, roll, t):  # type: ignore[no-untyped-def]
    """Add frame t to what is known."""
    n_keys = roll.shape[1]
    for w in range(past.words.shape[1]):
        past.words[t, w] = 0
    past.classes[t] = past.n_notes[t] = past.begun[t] = 0
    for c in range(12):
        past.fresh_class[c] *= FADE
    for k in range(n_keys):
        on = 1 if roll[t, k] else 0
        past.fresh[k] = FADE * past.fresh[k] + on
        if on:
            past.words[t, k // WORD] |= 1 << (k % WORD)
            past.classes[t] |= 1 << (k % 12)
            past.n_notes[t] += 1
            past.used[k] += 1
            past.begun[t] += 1 - (past.history[k] & 1)
            past.used_class[k % 12] += 1
            past.fresh_class[k % 12] += 1
            past.heard[k % 12] = t + 1
        if on == past.history[k] & 1:
            past.run[k] += 1
        else:
            if past.history[k] & 1:
                past.duration[k] = log_size(past.run[k])
            past.run[k] = 1
        past.history[k] = (past.history[k] << 1) | on
    a, b = past.words[t, 0], past.words[t, 1]
    past.words[t, 2] = (a | a << 1 | a >> 1 | b << (WORD - 1)) & WORD_MASK
    past.words[t, 3] = (b | b << 1 | b >> 1 | a >> (WORD - 1)) & WORD_MASK
    past.hashes[t] = fold(fold(7, a), b)
    assign_voices(roll, t, past.voices, past.notes)
    if past.place[1] >= 0:
        past.pace[MISSES] = TEMPO * past.pace[MISSES] + unlike(past, t, past.place[1])
        past.pace[CHANGES] = TEMPO * past.pace[CHANGES] + unlike(past, t, t - 1)
