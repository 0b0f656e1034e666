"""Experts that count, and a gated logistic mixture of them.

An expert looks one binary event up under one hashed context: n times was it met, n1 times it
came true. Its estimate is smoothed towards that of a more general expert, its parent,

    p = (n1 + s p_parent) / (n + s),       d = logit p - logit p_parent,            (1)

so that a context never met says nothing (d = 0). The mixture adds what the experts say,

    logit P = sum over e of w_e d_e,
    w_e = bucket[e, kind of counts] + sum over g of gate[g, i_g, e],                (2)

where i_g is what gate g shows. Its weights follow the gradient of -log P(event) with the step
sizes of AdaGrad: with v the sum of a weight's squared slopes so far, from `caution` on,

    slope = (P - event) d_e,    v <- v + slope^2,    w <- w - rate slope / sqrt(v),        (3)

and for the weights of gates, which are drawn to zero as well,

    w <- w - rate (slope + decay w) / sqrt(v).                                              (4)

Conventions
-----------
Counts are kept in one flat table of 64-bit slots: the upper 35 bits check the hash, the lower
28 hold the count. The symbols of a context lie side by side, which is what makes asking for one
after another quick. Hashes are signed 64-bit integers; products wrap around. A table that is full
where a symbol would go forgets it: it then counts as not met.

References
----------
M. Mahoney (2005), Adaptive weighing of context models for lossless data compression.
J. Duchi, E. Hazan, Y. Singer (2011), Adaptive subgradient methods, section 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline

__all__ = [
    "N_BUCKETS",
    "Mixer",
    "add_count",
    "bucket_of",
    "first_slot",
    "fold",
    "get_count",
    "learn",
    "mix",
]

N_BUCKETS = 24  # eight sizes of counts, and three ways that they came out
COUNT_BITS = 28  # 268 million events; with the check's 35 bits a slot is never negative
COUNT_MASK = (1 << COUNT_BITS) - 1
CHECK_MASK = (1 << 35) - 1
N_PROBES = 12  # 96 bytes: two lines of the cache
FACTOR = -7046029254386353131  # 2^64 / golden ratio, odd: neighbours come to lie far apart
SPREAD = -49064778989728563  # another odd number of mixed bits, so that two rounds are not one
MAX_LOGIT = 14.0  # a chance of 1e-6: no mixture is surer, so that a surprise costs at most 14 nats


class Mixer(NamedTuple):
    """The weights of (2) and their sums of squared gradients, float32.

    Attributes
    ----------
    bucket, bucket_square : ndarray of shape (n_experts, N_BUCKETS)
    gate, gate_square : ndarray of shape (n_gates, n_shown, n_experts)
    """

    bucket: NDArray[np.float32]
    bucket_square: NDArray[np.float32]
    gate: NDArray[np.float32]
    gate_square: NDArray[np.float32]


@inline
def fold(h, value):  # type: ignore[no-untyped-def]
    """Return the hash of what h stands for followed by a value."""
    x = (h ^ (value * FACTOR)) * SPREAD
    return (x ^ ((x >> 29) & CHECK_MASK)) * FACTOR


@inline
def first_slot(h, symbol):  # type: ignore[no-untyped-def]
    """Return where the search for a context's symbol begins, up to the table's size."""
    return (h ^ (h >> 32)) + symbol  # the upper bits of a product are the well mixed ones


@inline
def find_slot(table, h, symbol, insert):  # type: ignore[no-untyped-def]
    """Return the slot of a context's symbol, or -1: it has none, or cannot get one."""
    check = (((h >> 29) + symbol * SPREAD) & CHECK_MASK) | 1
    mask = table.shape[0] - 1
    first = first_slot(h, symbol)
    for i in range(N_PROBES):
        slot = (first + i) & mask
        value = table[slot]
        if value >> COUNT_BITS == check:
            return slot
        if value == 0:
            if insert:
                table[slot] = check << COUNT_BITS
                return slot
            return -1
    return -1


@inline
def get_count(table, h, symbol):  # type: ignore[no-untyped-def]
    """Return how often a symbol was counted under a context."""
    slot = find_slot(table, h, symbol, False)
    return table[slot] & COUNT_MASK if slot >= 0 else 0


@inline
def add_count(table, h, symbol, amount):  # type: ignore[no-untyped-def]
    """Count a symbol under a context; a negative amount takes back what was counted."""
    slot = find_slot(table, h, symbol, amount > 0)
    if slot >= 0 and (table[slot] & COUNT_MASK) + amount >= 0:
        table[slot] += amount


@inline
def bucket_of(n, n1):  # type: ignore[no-untyped-def]
    """Return the kind of counts: eight sizes of n, for never, always and sometimes true."""
    size = 0
    if n >= 1000:
        size = 7
    elif n >= 100:
        size = 6
    elif n >= 30:
        size = 5
    elif n >= 10:
        size = 4
    elif n >= 5:
        size = 3
    elif n >= 3:
        size = 2
    elif n >= 2:
        size = 1
    return size * 3 + (0 if n1 == 0 else 1 if n1 == n else 2)


@inline
def mix(mixer, said, bucket, shown, weight):  # type: ignore[no-untyped-def]
    """Return logit P of (2).

    Parameters
    ----------
    mixer : Mixer
    said : (n_experts,) float32, d of each expert
    bucket : (n_experts,) int64
    shown : (n_gates,) int64
    weight : (n_experts,) float32, written: the weights that were used
    """
    n_experts = said.shape[0]
    for e in range(n_experts):
        weight[e] = mixer.bucket[e, bucket[e]]
    for g in range(shown.shape[0]):
        row = mixer.gate[g, shown[g]]
        for e in range(n_experts):
            weight[e] += row[e]
    total = 0.0
    for e in range(n_experts):
        total += weight[e] * said[e]  # (2)
    return min(max(total, -MAX_LOGIT), MAX_LOGIT)


@inline
def learn(mixer, said, bucket, shown, error, rate, decay):  # type: ignore[no-untyped-def]
    """Move the weights against the gradient: error = P - event, times what each expert said.

    Those of the gates are drawn to zero as well, `decay` times their size.
    """
    rate, error, decay = np.float32(rate), np.float32(error), np.float32(decay)
    for e in range(said.shape[0]):
        b = bucket[e]
        slope = error * said[e]
        mixer.bucket_square[e, b] += slope * slope
        mixer.bucket[e, b] -= rate * slope / math.sqrt(mixer.bucket_square[e, b])  # (3)
    for g in range(shown.shape[0]):
        row, square = mixer.gate[g, shown[g]], mixer.gate_square[g, shown[g]]
        for e in range(said.shape[0]):
            slope = error * said[e]
            square[e] += slope * slope
            row[e] -= rate * (slope + decay * row[e]) / np.sqrt(square[e])  # (4)
