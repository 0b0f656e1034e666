"""The atoms of a key: its history, what sounds near it, what earlier places say of it."""

from __future__ import annotations

import math

from stats_composer.kernels._jit import inline, shared
from stats_composer.kernels.atoms import (
    AHEAD,
    ALIGNED,
    ALIGNED_MISS,
    AT_LAGS,
    BEHIND,
    CLASS_AGE,
    COUNT,
    DEGREE,
    DURATION,
    FRESH,
    FRESH_CLASS,
    FROM_LAST,
    FROM_LAST2,
    FROM_OWN,
    KEY,
    LAG_MISS,
    LAGGED,
    LAST,
    LAST2,
    LAST_MOVE,
    LEFT,
    MATCH_MISS,
    MATCHED,
    MOVED_KEY,
    MOVED_SIDE,
    NEAR2,
    NEAR3,
    NEAR3_2,
    NEAR3_3,
    NEAR5,
    NEAR5_2,
    NEAR12,
    OCTAVES,
    ON1,
    OWN1,
    PARALLEL,
    PAST2,
    PAST4,
    PAST8,
    PAST16,
    PITCH,
    RUN,
    SEEN,
    SET1,
    SET2,
    SET8,
    SET_BELOW,
    SET_RECENT,
    SOFAR_CLASSES,
    STEPS_EXPECTED,
    TONIC,
    TUNE_EXPECTED,
    TUNE_MATCHED,
    USED,
    USED_CLASS,
    VOTE,
)
from stats_composer.kernels.past import log_size

__all__ = ["fill_key"]

# Sizes are coarse: contexts are products of atoms, and one with many values is seldom met twice.
REACH, NONE_NEAR = 24, 30  # two octaves are looked at; a value past them says that nothing is there
FARTHEST, FARTHEST2 = 31, 40  # distances from the last note and the one before it are cut here
UNHEARD = 20.0  # silent frames that every share starts with, so that a first note is not all
SHARES, CLASS_SHARES = 200.0, 100.0  # shares of 1 / 200 and 1 / 100 are where the scale bends
BEND = 2.5  # steps that a share rises by where it grows e times
LIKELY = 0.3  # a vote that counts: of three places or so that were nearest, one
BEFORE = (4, 6, 8, 12, 16, 24, 32, 48, 64)  # lags of beats and bars, in two and in three


@inline
def clip(x, low, high):  # type: ignore[no-untyped-def]
    """Return x, or the bound that it is beyond."""
    return min(max(x, low), high)


@inline
def rotate(classes, pitch_class):  # type: ignore[no-untyped-def]
    """Return a set of pitch classes as seen from one of them."""
    return ((classes >> pitch_class) | (classes << (12 - pitch_class))) & 4095


@inline
def window(roll, t, k, radius):  # type: ignore[no-untyped-def]
    """Return the keys of frame t within a radius of k as bits; nothing before the first frame."""
    bits = 0
    if t >= 0:
        for other in range(k - radius, k + radius + 1):
            bits <<= 1
            if 0 <= other < roll.shape[1] and roll[t, other]:
                bits |= 1
    return bits


@inline
def share_step(share):  # type: ignore[no-untyped-def]
    """Return a coarse size of a share: 0, or 12 below 3 in a hundred, or from 1 its tenths."""
    return 0 if share < 0.001 else 12 if share < 0.03 else 1 + int(share * 9.99)


@inline
def sounds(roll, t, k):  # type: ignore[no-untyped-def]
    """Return 1 if key k sounds in frame t, where there are such, else 0."""
    return 1 if t >= 0 and 0 <= k < roll.shape[1] and roll[t, k] else 0


@shared
def fill_key(past, roll, t, k, descending, atoms):  # type: ignore[no-untyped-def]
    """Write the atoms of key k."""
    found = past.found
    history = past.history[k]
    on1 = history & 1
    c = k % 12
    atoms[PITCH] = k
    atoms[DEGREE] = (c - atoms[TONIC]) % 12 if atoms[KEY] < 24 else 12
    atoms[ON1] = on1
    atoms[RUN] = log_size(past.run[k]) + 16 * on1
    atoms[PAST2], atoms[PAST4] = history & 3, history & 15
    atoms[PAST8], atoms[PAST16] = history & 255, history & 65535
    atoms[SEEN] = min(found[1], 3) + 4 * min(found[2], 3) + 16 * min(found[3], 3)
    atoms[COUNT] = min(found[0], 9)
    atoms[LEFT] = clip((past.n_notes[t - 1] if t > 0 else 0) - found[1] - found[2], 0, 7)
    fill_distances(roll, t, k, descending, atoms)
    atoms[FROM_LAST] = min(k - atoms[LAST], FARTHEST) if atoms[LAST] >= 0 else 0
    atoms[FROM_LAST2] = min(k - atoms[LAST2], FARTHEST2) if atoms[LAST2] >= 0 else 0
    atoms[FROM_OWN] = clip(k - atoms[OWN1] + 16, 0, 31)
    fill_windows(roll, t, k, atoms)
    atoms[SET_BELOW] = rotate(atoms[SOFAR_CLASSES], c)
    atoms[SET1] = rotate(past.classes[t - 1], c) if t > 0 else 0
    atoms[SET2] = rotate(past.classes[t - 2], c) if t > 1 else 0
    fill_recent(past, t, c, atoms)
    fill_doubling(roll, t, k, descending, atoms)
    fill_memory(past, roll, t, k, atoms)


@inline
def fill_distances(roll, t, k, descending, atoms):  # type: ignore[no-untyped-def]
    """Write how far the nearest keys of the frame before are, to come and passed."""
    ahead, behind = NONE_NEAR, NONE_NEAR
    step = -1 if descending else 1
    if t > 0:
        for d in range(1, REACH + 1):
            other = k + d * step
            if ahead == NONE_NEAR and 0 <= other < roll.shape[1] and roll[t - 1, other]:
                ahead = d
            other = k - d * step
            if behind == NONE_NEAR and 0 <= other < roll.shape[1] and roll[t - 1, other]:
                behind = d
    atoms[AHEAD], atoms[BEHIND] = ahead, behind


@inline
def fill_windows(roll, t, k, atoms):  # type: ignore[no-untyped-def]
    """Write the keys about key k in the last frames: a tone, a third, a fourth, an octave."""
    atoms[NEAR2] = window(roll, t - 1, k, 2)
    atoms[NEAR3] = window(roll, t - 1, k, 3)
    atoms[NEAR5] = window(roll, t - 1, k, 5)
    atoms[NEAR12] = window(roll, t - 1, k, 12)
    atoms[NEAR3_2] = window(roll, t - 2, k, 3)
    atoms[NEAR5_2] = window(roll, t - 2, k, 5)
    atoms[NEAR3_3] = window(roll, t - 3, k, 3)


@inline
def fill_recent(past, t, c, atoms):  # type: ignore[no-untyped-def]
    """Write the pitch classes of the last four and eight frames, as seen from class c."""
    recent = 0
    for d in range(1, min(t, 8) + 1):
        recent |= past.classes[t - d]
        if d == 4:
            atoms[SET_RECENT] = rotate(recent, c)
    if t < 4:
        atoms[SET_RECENT] = rotate(recent, c)
    atoms[SET8] = rotate(recent, c)


@inline
def fill_doubling(roll, t, k, descending, atoms):  # type: ignore[no-untyped-def]
    """Write what sounds in octaves of key k, and whether it would move as the note below did."""
    octaves = 0
    for d in (12, 24):
        now = 0 if descending else sounds(roll, t, k - d)
        octaves = 4 * octaves + 2 * now + sounds(roll, t - 1, k - d)
    atoms[OCTAVES] = 2 * octaves + sounds(roll, t - 1, k + 12)
    move = atoms[LAST_MOVE]
    atoms[PARALLEL] = 2 if move in (0, -99) else sounds(roll, t - 1, k - move)


@inline
def fill_memory(past, roll, t, k, atoms):  # type: ignore[no-untyped-def]
    """Write those atoms of key k that remember the piece.

    What fades, `fresh`, is at most 1 / (1 - 0.94), 17 frames: in steps from a quarter of one.
    """
    found = past.found
    match, near, lagged = past.place[0], past.place[1], past.place[2]
    atoms[MATCHED] = 2 if match < 0 else 1 if roll[match, k] else 0
    atoms[ALIGNED] = past.place[3] + 16 * (2 if near < 0 else 1 if roll[near, k] else 0)
    atoms[LAGGED] = past.place[4] + 12 * (2 if lagged < 0 else 1 if roll[lagged, k] else 0)
    atoms[MATCH_MISS], atoms[ALIGNED_MISS] = min(found[5], 3), min(found[6], 3)
    atoms[LAG_MISS] = min(found[7], 3)
    atoms[VOTE] = share_step(past.vote[k])
    lags = 0
    for d in BEFORE:
        lags <<= 1
        if t >= d and roll[t - d, k]:
            lags |= 1
    atoms[AT_LAGS] = lags
    share = past.used[k] / (t + UNHEARD)
    atoms[USED] = int(min(15.0, BEND * math.log(1.0 + SHARES * share)))
    share = past.used_class[k % 12] / (t + UNHEARD)
    atoms[USED_CLASS] = int(min(15.0, BEND * math.log(1.0 + CLASS_SHARES * share)))
    atoms[DURATION] = past.duration[k]
    atoms[CLASS_AGE] = log_size(t - past.heard[k % 12])
    atoms[FRESH] = int(min(9.0, BEND * math.log(1.0 + 4.0 * past.fresh[k])))
    atoms[FRESH_CLASS] = int(min(9.0, BEND * math.log(1.0 + 2.0 * past.fresh_class[k % 12])))
    atoms[MOVED_KEY] = share_step(past.moved_vote[k + 1])
    atoms[MOVED_SIDE] = (1 if past.moved_vote[k] > LIKELY else 0) + (
        2 if past.moved_vote[k + 2] > LIKELY else 0
    )
    a, b = atoms[TUNE_EXPECTED], atoms[STEPS_EXPECTED]
    atoms[TUNE_MATCHED] = 4 if a < 0 and b < 0 else (1 if a == k else 0) + (2 if b == k else 0)
