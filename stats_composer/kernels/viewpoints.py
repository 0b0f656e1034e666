"""Evidence of many experts about the next symbol, and their log-linear mixture.

An expert e looks at an event through its viewpoint: it puts the candidates k into cells and
counts which cell came true in the context at hand. With n counts in T cells, of which c(k) in
the cell of k, its estimate leans on that of its parent expert, Q,

    P_e(k) = Q(k) [max(c(k) - d, 0) / Q(cell of k) + s + d T] / (n + s)              (1)

with a discount d and a strength s: absolute discounting, and inside a cell what the parent
says. The bracket over n + s is the ratio r_e(k) = P_e(k) / Q(k); in a context never met it is
1. The mixture adds what the experts say,

    P(k) = exp(sum_e w_e log r_e(k)) / sum_j exp(sum_e w_e log r_e(j)),              (2)

with a weight w_e for each bucket of counts: how many they are, and whether all fell in one
cell. The slope of the log-likelihood by the weight of an expert in a bucket is

    sum over events i with that bucket of sum_k ([k = symbol_i] - P_i(k)) log r_e(k).       (3)

Conventions
-----------
Events of all pieces stand end to end; `bounds` says where pieces begin. Experts come after
their parents; parent -1 is the uniform law. An expert is `short` when it counts this piece so
far, else it counts the corpus. Cell and context are -1 where there is none: the candidate then
was never counted, the expert then says nothing.

References
----------
D. Conklin, I. Witten (1995), Multiple viewpoint systems for music prediction, J. New Music
Research 24(1), sections 3 and 4: viewpoints, long- and short-term models.
M. Pearce, D. Conklin, G. Wiggins (2005), Methods for combining statistical models of music,
CMMR 2004, LNCS 3310, section 3: the logarithmic combination (2), there with fixed weights.
H. Ney, U. Essen, R. Kneser (1994), On structuring probabilistic dependences in stochastic
language modelling, Computer Speech and Language 8, section 4: absolute discounting.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, jit, shared

__all__ = [
    "N_BUCKETS",
    "Events",
    "Evidence",
    "Experts",
    "gather_evidence",
    "mix_evidence",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Counts = NDArray[np.int32]

N_BUCKETS = 15
"""No count; then seven sizes of n for one cell alone, and seven for several."""


class Experts(NamedTuple):
    """Who looks at what.

    Attributes
    ----------
    parent : ndarray of shape (n_experts,), int64
    short : ndarray of shape (n_experts,), int64, 0 or 1
    target : ndarray of shape (n_experts,), int64, in [0, n_targets)
    first : ndarray of shape (n_experts,), int64
        Where its counts begin: those of context 0, one a cell, then those of context 1 ...
    cell : ndarray of shape (n_targets, 2 * n_most + 1), int64
        Cell of each difference from -n_most to n_most between a candidate and the reference.
    n_cells : ndarray of shape (n_targets,), int64
    smoothing : ndarray of shape (2,), float64
        The discount d and the strength s.
    """

    parent: Ints
    short: Ints
    target: Ints
    first: Ints
    cell: Ints
    n_cells: Ints
    smoothing: Floats


class Events(NamedTuple):
    """What is known of each event.

    Attributes
    ----------
    symbol : ndarray of shape (n_events,), int64, in [0, n_symbols)
    reference : ndarray of shape (n_events, n_targets), int64
        What the differences of a target are taken from.
    context : ndarray of shape (n_events, n_experts), int64
    bounds : ndarray of shape (n_pieces + 1,), int64
    """

    symbol: Ints
    reference: Ints
    context: Ints
    bounds: Ints


class Evidence(NamedTuple):
    """What the experts say.

    Attributes
    ----------
    log_ratio : ndarray of shape (n_events, n_experts, n_symbols), float32
    bucket : ndarray of shape (n_events, n_experts), int8, in [0, N_BUCKETS)
    """

    log_ratio: NDArray[np.float32]
    bucket: NDArray[np.int8]


@inline
def bucket_of(n, n_seen):  # type: ignore[no-untyped-def]
    """Return the bucket of n counts in n_seen cells."""
    size = 1
    if n >= 100:
        size = 7
    elif n >= 30:
        size = 6
    elif n >= 10:
        size = 5
    elif n >= 5:
        size = 4
    elif n >= 3:
        size = 3
    elif n >= 2:
        size = 2
    return size if n_seen == 1 else size + 7


@inline
def count_event(experts, e, events, i, counts, amount):  # type: ignore[no-untyped-def]
    """Count the cell that came true at event i for one expert."""
    context, target = events.context[i, e], experts.target[e]
    if context >= 0:
        difference = events.symbol[i] - events.reference[i, target]
        cell = experts.cell[target, difference + experts.cell.shape[1] // 2]
        if cell >= 0:
            counts[experts.first[e] + context * experts.n_cells[target] + cell] += amount


@inline
def _weigh_cells(cells, counts, prob, mass):  # type: ignore[no-untyped-def]
    """Sum the probabilities of each cell's symbols; return what was counted, and in how many."""
    n, n_seen = 0, 0
    mass[:] = 0.0
    for k in range(cells.size):
        cell = cells[k]
        if cell >= 0:
            if mass[cell] == 0.0 and counts[cell] > 0:
                n += counts[cell]
                n_seen += 1
            mass[cell] += prob[k]
    return n, n_seen


@inline
def look(experts, e, context, reference, counts, prob, mass, log_ratio):  # type: ignore[no-untyped-def]
    """Fill prob[e] and log_ratio by (1), and return the bucket of the counts.

    Parameters
    ----------
    prob : (n_experts + 1, n_symbols); the last row is the uniform law, which parent -1 reads
    mass : (at least n_cells,), scratch
    log_ratio : (n_symbols,), written
    """
    n_symbols = prob.shape[1]
    target, parent = experts.target[e], experts.parent[e]
    n_cells = experts.n_cells[target]
    shift = experts.cell.shape[1] // 2 - reference[target]
    row = experts.first[e] + context * n_cells
    n, n_seen = 0, 0
    if context >= 0:
        cells = experts.cell[target, shift : shift + n_symbols]
        n, n_seen = _weigh_cells(cells, counts[row : row + n_cells], prob[parent], mass[:n_cells])
    if n == 0:
        prob[e] = prob[parent]
        log_ratio[:] = 0.0
        return 0
    discount, strength = experts.smoothing[0], experts.smoothing[1]
    spared = strength + discount * n_seen
    log_spared = np.log(spared / (n + strength))
    for k in range(n_symbols):
        cell = experts.cell[target, k + shift]
        if cell >= 0 and counts[row + cell] > 0:
            ratio = ((counts[row + cell] - discount) / mass[cell] + spared) / (n + strength)  # (1)
            prob[e, k] = prob[parent, k] * ratio
            log_ratio[k] = np.log(ratio)
        else:
            prob[e, k] = prob[parent, k] * spared / (n + strength)  # (1)
            log_ratio[k] = log_spared
    return bucket_of(n, n_seen)


@inline
def count_piece(experts, events, piece, counts, short, amount):  # type: ignore[no-untyped-def]
    """Count all events of a piece for the short experts, or for the others."""
    for i in range(events.bounds[piece], events.bounds[piece + 1]):
        for e in range(experts.parent.size):
            if experts.short[e] == short:
                count_event(experts, e, events, i, counts, amount)


@jit()
def gather_evidence(
    experts: Experts, events: Events, long: Counts, short: Counts, counted: int, skip: int,
    evidence: Evidence,
) -> None:  # fmt: skip
    """Let every expert look at every event, knowing what came before it in its piece.

    Parameters
    ----------
    experts : Experts
    events : Events
    long, short : counts of the corpus and, all zero, of a piece; both left as they were
    counted : 1 where the corpus holds these pieces: each is taken out while it is looked at
    skip : events at the start of each piece that are counted but not looked at
    evidence : Evidence, written
    """
    n_experts, n_symbols = evidence.log_ratio.shape[1], evidence.log_ratio.shape[2]
    prob = np.full((n_experts + 1, n_symbols), 1.0 / n_symbols)
    mass = np.zeros(experts.n_cells.max())
    for piece in range(events.bounds.size - 1):
        if counted:
            count_piece(experts, events, piece, long, 0, -1)
        for i in range(events.bounds[piece], events.bounds[piece + 1]):
            looks = i >= events.bounds[piece] + skip
            for e in range(n_experts):
                if looks:
                    counts = short if experts.short[e] else long
                    evidence.bucket[i, e] = look(
                        experts, e, events.context[i, e], events.reference[i], counts, prob, mass,
                        evidence.log_ratio[i, e],
                    )  # fmt: skip
            for e in range(n_experts):
                if experts.short[e]:
                    count_event(experts, e, events, i, short, 1)
        count_piece(experts, events, piece, short, 1, -1)
        if counted:
            count_piece(experts, events, piece, long, 0, 1)


@shared
def _log_sum(row):  # type: ignore[no-untyped-def]
    most, z = row.max(), 0.0
    for k in range(row.size):
        z += np.exp(np.float64(row[k]) - most)
    return most + np.log(z)


@jit(fastmath=True)  # sums over symbols vectorize
def mix_evidence(
    evidence: Evidence, events: Events, weights: Floats, log_prob: Floats, slope: Floats
) -> float:
    """Fill log P of (2), add up its slopes, and return the log-likelihood of the symbols.

    Parameters
    ----------
    evidence : Evidence
    events : Events
        Its symbols are read.
    weights : ndarray of shape (n_experts, N_BUCKETS)
    log_prob : ndarray of shape (n_events, n_symbols), written
    slope : ndarray of shape (n_experts, N_BUCKETS), added to
    """
    n_events, n_experts, n_symbols = evidence.log_ratio.shape
    error, row = np.zeros(n_symbols, np.float32), np.zeros(n_symbols, np.float32)
    total = 0.0
    for i in range(n_events):
        row[:] = np.float32(0.0)
        for e in range(n_experts):
            b = evidence.bucket[i, e]
            if b > 0:
                weight = np.float32(weights[e, b])
                for k in range(n_symbols):
                    row[k] += weight * evidence.log_ratio[i, e, k]
        log_z = _log_sum(row)
        for k in range(n_symbols):
            log_prob[i, k] = row[k] - log_z  # (2)
            error[k] = -np.exp(log_prob[i, k])
        error[events.symbol[i]] += np.float32(1.0)
        total += log_prob[i, events.symbol[i]]
        for e in range(n_experts):
            b = evidence.bucket[i, e]
            if b > 0:
                change = np.float32(0.0)
                for k in range(n_symbols):
                    change += error[k] * evidence.log_ratio[i, e, k]  # (3)
                slope[e, b] += change
    return total
