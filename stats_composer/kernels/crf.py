"""Kernels of a linear-chain conditional random field whose weights are shared by rows.

Conventions
-----------
A step has `n_rows` rows of `n_classes` labels; label = row * n_classes + class. What is seen
at a step is, for every row, a list of features: `feature[step, row]`, filled up with -1. All rows
share one table of weights, so that the score of a label is

    unary[t, row * n_classes + c] = sum over k of weights[feature[t, row, k], c]

and P(y) is proportional to exp(sum_t unary[t, y_t] + sum_t transition[gate_t, y_(t-1), y_t]).
`start` holds the first step of each piece and, after the last, the number of steps; the gate
of a piece's first step is not used. `potential` is exp(transition) and `turned` the same with
its last two axes exchanged, so that both passes run along rows of memory.

Formulas
--------
With u_t the unary scores of a step less their largest, l_t, and M the potential of its gate,

    c_t message_t(j) = exp(u_t(j)) sum_i message_(t-1)(i) M(i, j),                          (1)
    log Z = sum_t (log c_t + l_t),                                                          (2)
    later_(t-1)(i) = sum_j M(i, j) exp(u_t(j)) later_t(j) / c_t,   later_last = 1,          (3)
    P(y_t = j) = message_t(j) later_t(j),                                                   (4)
    P(y_(t-1) = i, y_t = j) = message_(t-1)(i) M(i, j) exp(u_t(j)) later_t(j) / c_t,        (5)

where c_t makes a message sum to 1 and the sum over i is 1 at a piece's first step. The slope of
the log-likelihood by a weight is what was observed less what is expected,

    sum over t, row where k is a feature of ([y_t = (row, c)] - P(y_t = (row, c))),         (6)

and the best path follows the larger of

    best_t(j) = unary_t(j) + max_i (best_(t-1)(i) + transition(i, j)).                      (7)

References
----------
J. Lafferty, A. McCallum, F. Pereira, "Conditional random fields", ICML 2001, section 3.
L. Rabiner, "A tutorial on hidden Markov models", Proc. IEEE 77(2), 1989, sections III.B: the
best path; V.A: scaling.
C. Sutton, A. McCallum, "An introduction to conditional random fields", Foundations and Trends
in Machine Learning 4(4), 2012, equation 4.6: the slope.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, jit

__all__ = [
    "add_features",
    "best_paths",
    "forward_backward",
    "gather_scores",
    "number_features",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Features = NDArray[np.int32]
Origins = NDArray[np.int32]

# A label whose normalised message is below this is passed over: most are, once a model has
# learned, and what is lost is a relative 1e-8 of the sums at most.
NOTHING = 1e-10
# What rounding may take from a difference of scores, of which some are hundreds of nats.
SLACK = 1e-9


@jit()
def number_features(codes: Features, number: Features, out: Features) -> int:
    """Replace codes by features, those that are used moved to the front of their row.

    Parameters
    ----------
    codes : (n_steps, n_rows, n_slots) int32                                         # IN
    number : (n_codes,) int32
        The feature of each code, or -1; codes beyond have none.                     # IN
    out : (n_steps, n_rows, n_slots) int32
        Filled up with -1.                                                           # OUT

    Returns
    -------
    int
        The most features that a row has.
    """
    n_steps, n_rows, n_slots = codes.shape
    widest = 0
    for t in range(n_steps):
        for row in range(n_rows):
            used = 0
            for k in range(n_slots):
                code = codes[t, row, k]
                if 0 <= code < len(number) and number[code] >= 0:
                    out[t, row, used] = number[code]
                    used += 1
            widest = max(widest, used)
            for k in range(used, n_slots):
                out[t, row, k] = -1
    return widest


@jit()
def gather_scores(feature: Features, weights: Floats, out: Floats) -> None:
    """Add up the weights of the features of every step and row.

    Parameters
    ----------
    feature : (n_steps, n_rows, n_slots) int32                                       # IN
    weights : (n_features, n_classes) float64                                        # IN
    out : (n_steps, n_rows * n_classes) float64                                      # OUT
    """
    n_steps, n_rows, n_slots = feature.shape
    n_classes = weights.shape[1]
    for t in range(n_steps):
        for j in range(n_rows * n_classes):
            out[t, j] = 0.0
        for row in range(n_rows):
            for k in range(n_slots):
                index = feature[t, row, k]
                if index < 0:
                    break
                for c in range(n_classes):
                    out[t, row * n_classes + c] += weights[index, c]


@jit()
def add_features(feature: Features, residual: Floats, out: Floats) -> None:
    """Add what each step's labels ask for to the features that they have: the transpose.

    Parameters
    ----------
    feature : (n_steps, n_rows, n_slots) int32                                       # IN
    residual : (n_steps, n_rows * n_classes) float64                                 # IN
    out : (n_features, n_classes) float64                                            # IN, OUT
    """
    n_steps, n_rows, n_slots = feature.shape
    n_classes = out.shape[1]
    for t in range(n_steps):
        for row in range(n_rows):
            total = 0.0
            for c in range(n_classes):
                total += abs(residual[t, row * n_classes + c])
            if total < NOTHING:
                continue
            for k in range(n_slots):
                index = feature[t, row, k]
                if index < 0:
                    break
                for c in range(n_classes):
                    out[index, c] += residual[t, row * n_classes + c]  # (6)


@inline
def _lift(unary: Floats, t: int, out: Floats) -> float:
    """Write exp(unary - its largest) of a step, and return the largest."""
    largest: float = unary[t, 0]
    for j in range(unary.shape[1]):
        largest = max(largest, unary[t, j])
    for j in range(unary.shape[1]):
        out[j] = np.exp(unary[t, j] - largest)
    return largest


class _Messages(NamedTuple):
    """Scratch of one piece: exp(u_t), the messages and c_t of its steps; two rows of (3)."""

    lifted: Floats
    message: Floats
    scale: Floats
    later: Floats
    coming: Floats


@inline
def _forward(unary: Floats, gate: Ints, potential: Floats, rows: _Messages, total: float) -> float:
    """Write the messages of a piece, and return its log-normaliser added to a total."""
    lifted, message, scale = rows.lifted, rows.message, rows.scale
    n, n_labels = unary.shape
    for t in range(n):
        total += _lift(unary, t, lifted[t])
        if t == 0:
            for j in range(n_labels):
                message[0, j] = 1.0
        else:
            g = gate[t]
            for j in range(n_labels):
                message[t, j] = 0.0
            for i in range(n_labels):
                weight = message[t - 1, i]
                if weight > NOTHING:
                    for j in range(n_labels):
                        message[t, j] += weight * potential[g, i, j]  # (1)
        norm = 0.0
        for j in range(n_labels):
            message[t, j] *= lifted[t, j]  # (1)
            norm += message[t, j]
        for j in range(n_labels):
            message[t, j] /= norm
        scale[t] = norm
        total += np.log(norm)  # (2)
    return total


@inline
def _backward(
    gate: Ints, turned: Floats, rows: _Messages, marginal: Floats, paired: Floats
) -> None:
    """Write how probable the labels of a piece are, and add what its pairs weigh."""
    lifted, message, scale, later, coming = rows
    n, n_labels = marginal.shape
    for j in range(n_labels):
        later[j] = 1.0
    for t in range(n - 1, -1, -1):
        for j in range(n_labels):
            marginal[t, j] = message[t, j] * later[j]  # (4)
        if t == 0:
            break
        g = gate[t]
        for j in range(n_labels):
            coming[j] = lifted[t, j] * later[j] / scale[t]
            later[j] = 0.0
        for j in range(n_labels):
            weight = coming[j]
            if weight > NOTHING:
                for i in range(n_labels):
                    later[i] += weight * turned[g, j, i]  # (3)
        if len(paired):
            for i in range(n_labels):
                weight = message[t - 1, i]
                if weight > NOTHING:
                    for j in range(n_labels):
                        paired[g, i, j] += weight * coming[j]  # (5), but for M


@jit()
def forward_backward(
    start: Ints, unary: Floats, gate: Ints, potential: Floats, turned: Floats, marginal: Floats,
    paired: Floats,
) -> float:  # fmt: skip
    """Compute the log-normaliser of all pieces, and how probable labels and pairs are.

    Parameters
    ----------
    start : (n_pieces + 1,) int64                                                    # IN
    unary : (n_steps, n_labels) float64                                              # IN
    gate : (n_steps,) int64                                                          # IN
    potential, turned : (n_gates, n_labels, n_labels) float64                        # IN
    marginal : (n_steps, n_labels) float64                                           # OUT
    paired : (n_gates, n_labels, n_labels) float64, or empty to skip them            # IN, OUT
        What is added here has to be multiplied by `potential` to be the expected count.

    Returns
    -------
    float
        The sum over pieces of log Z.
    """
    n_labels = unary.shape[1]
    longest = 0
    for p in range(len(start) - 1):
        longest = max(longest, start[p + 1] - start[p])
    rows = _Messages(
        np.empty((longest, n_labels)),
        np.empty((longest, n_labels)),
        np.empty(longest),
        np.empty(n_labels),
        np.empty(n_labels),
    )
    total = 0.0
    for p in range(len(start) - 1):
        first, stop = start[p], start[p + 1]
        total = _forward(unary[first:stop], gate[first:stop], potential, rows, total)
        _backward(gate[first:stop], turned, rows, marginal[first:stop], paired)
    return total


@inline
def _step(score: Floats, transition: Floats, least: float, best: Floats, origin: Origins) -> None:
    """Find the best way into each label from those whose score is not below the least."""
    for j in range(best.size):
        best[j] = -np.inf
        origin[j] = 0
    for i in range(best.size):
        if score[i] < least:
            continue
        for j in range(best.size):
            value = score[i] + transition[i, j]  # (7)
            if value > best[j]:
                best[j] = value
                origin[j] = i


@inline
def _trace_back(score, origin, path, first):  # type: ignore[no-untyped-def]
    """Write the path to the best last label, and return its score."""
    label = 0
    for j in range(score.size):
        if score[j] > score[label]:
            label = j
    best = score[label]
    for t in range(path.size - 1, 0, -1):
        path[t] = label
        label = origin[first + t, label]
    path[0] = label
    return best


@jit()
def best_paths(start: Ints, unary: Floats, gate: Ints, transition: Floats, path: Ints) -> float:
    """Find the most probable labels of every piece.

    Parameters
    ----------
    start, unary, gate : as of `forward_backward`                                    # IN
    transition : (n_gates, n_labels, n_labels) float64                               # IN
    path : (n_steps,) int64                                                          # OUT

    Returns
    -------
    float
        The sum of the paths' scores, not normalised.
    """
    n_steps, n_labels = unary.shape
    origin = np.empty((n_steps, n_labels), np.int32)
    score = np.empty(n_labels)
    best = np.empty(n_labels)
    spread = np.empty(len(transition))
    for g in range(len(transition)):
        spread[g] = transition[g].max() - transition[g].min()
    total = 0.0
    for p in range(len(start) - 1):
        first, last = start[p], start[p + 1] - 1
        if last < first:
            continue
        for j in range(n_labels):
            score[j] = unary[first, j]
        for t in range(first + 1, last + 1):
            g = gate[t]
            # a label that the best one beats by more than transitions can differ is out
            least = score.max() - spread[g] - SLACK
            _step(score, transition[g], least, best, origin[t])
            for j in range(n_labels):
                score[j] = best[j] + unary[t, j]  # (7)
        total += _trace_back(score, origin, path[first : last + 1], first)
    return total
