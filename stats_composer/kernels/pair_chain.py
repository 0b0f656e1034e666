"""Kernels of a chain whose states are pairs (home, label), a few candidates a step.

Conventions
-----------
A home is row * 2 + mode, a label row * n_classes + class, rows 0 to 11: a label is seen from a
home as its degree, (row of the label - row of the home) mod 12, and the group of its class.
Candidate i of step t is homes[t, i], labels[t, i], with log-weight unary[t, i]; a step from one
candidate to the next weighs, where anything changes,

    change[gate] + follow[mode', degree and group of label, of label' in home']   if the label does
    + leave[mode, mode', row' - row] + move[gate] (+ alone if the label stays)    if the home does

and 0 where nothing does; `Tables` holds these, or their exponentials.

References
----------
L. Rabiner, "A tutorial on hidden Markov models", Proc. IEEE 77(2), 1989, sections III.B, V.A.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, jit

__all__ = ["Tables", "best_path", "count_changes", "pair_marginals"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FAINT = 1e-9
"""Normalised messages below this are passed over."""


class Tables(NamedTuple):
    """Log-weights of changes (or their exponentials), as the module's docstring names them.

    `group` gives the group of each class, in [0, n_groups).
    """

    change: Floats  # (n_gates,)
    follow: Floats  # (2, 12 * n_groups, 12 * n_groups)
    leave: Floats  # (2, 2, 12)
    move: Floats  # (n_gates,)
    alone: Floats  # (1,)
    group: Ints  # (n_classes,)


@inline
def _place(label: int, home: int, group: Ints, n_groups: int) -> int:
    row, own = label // len(group), label % len(group)
    return (row - home // 2) % 12 * n_groups + group[own]


@inline
def _log_weight(home: int, label: int, home2: int, label2: int, gate: int, tables: Tables) -> float:
    weight = 0.0
    if label != label2:
        n_groups = tables.follow.shape[1] // 12
        before = _place(label, home2, tables.group, n_groups)
        after = _place(label2, home2, tables.group, n_groups)
        weight += tables.change[gate] + tables.follow[home2 % 2, before, after]
    if home != home2:
        weight += tables.leave[home % 2, home2 % 2, (home2 // 2 - home // 2) % 12]
        weight += tables.move[gate]
        if label == label2:
            weight += tables.alone[0]
    return weight


@inline
def _factor(home: int, label: int, home2: int, label2: int, gate: int, tables: Tables) -> float:
    """Return what `_log_weight` is the logarithm of, from tables of exponentials."""
    factor = 1.0
    if label != label2:
        n_groups = tables.follow.shape[1] // 12
        before = _place(label, home2, tables.group, n_groups)
        after = _place(label2, home2, tables.group, n_groups)
        factor *= tables.change[gate] * tables.follow[home2 % 2, before, after]
    if home != home2:
        factor *= tables.leave[home % 2, home2 % 2, (home2 // 2 - home // 2) % 12]
        factor *= tables.move[gate]
        if label == label2:
            factor *= tables.alone[0]
    return factor


@jit()
def best_path(
    unary: Floats, homes: Ints, labels: Ints, gate: Ints, tables: Tables, path: Ints
) -> None:
    """Find the candidates of the path with the largest weight, the first of equals.

    Parameters
    ----------
    unary : (n_steps, n_candidates) float64, finite or -inf                          # IN
    homes, labels : (n_steps, n_candidates) int64                                    # IN
    gate : (n_steps,) int64                                                          # IN
    tables : Tables of log-weights                                                   # IN
    path : (n_steps,) int64                                                          # OUT
    """
    n, width = unary.shape
    back = np.zeros((n, width), np.int16)
    best, fresh = unary[0].copy(), np.empty(width)
    for t in range(1, n):
        for j in range(width):
            top, source = -np.inf, 0
            for i in range(width):
                weight = best[i] + _log_weight(
                    homes[t - 1, i], labels[t - 1, i], homes[t, j], labels[t, j], gate[t], tables
                )
                if weight > top:
                    top, source = weight, i
            fresh[j] = top + unary[t, j]
            back[t, j] = source
        best[:] = fresh
    state = np.argmax(best)
    for t in range(n - 1, -1, -1):
        path[t] = state
        state = back[t, state]


@jit()
def pair_marginals(
    unary: Floats, homes: Ints, labels: Ints, gate: Ints, factors: Tables, marginal: Floats
) -> float:
    """Find how probable each candidate is; returns the log-normaliser.

    Parameters
    ----------
    unary, homes, labels, gate : as of `best_path`                                   # IN
    factors : Tables of exponentials of log-weights                                  # IN
    marginal : (n_steps, n_candidates) float64                                       # OUT
    """
    n, width = unary.shape
    forward, own, scale = np.zeros((n, width)), np.empty((n, width)), np.empty(n)
    log_normaliser = 0.0
    for t in range(n):
        top = unary[t].max()
        log_normaliser += top
        total = 0.0
        for j in range(width):
            own[t, j] = np.exp(unary[t, j] - top)
            reached = 1.0 if t == 0 else 0.0
            for i in range(width if t else 0):
                if forward[t - 1, i] > FAINT:
                    reached += forward[t - 1, i] * _factor(
                        homes[t - 1, i], labels[t - 1, i], homes[t, j], labels[t, j],
                        gate[t], factors,
                    )  # fmt: skip
            forward[t, j] = reached * own[t, j]
            total += forward[t, j]
        scale[t] = total
        log_normaliser += np.log(total)
        for j in range(width):
            forward[t, j] /= total
    backward, ahead = np.ones(width), np.empty(width)
    marginal[n - 1] = forward[n - 1]
    for t in range(n - 1, 0, -1):
        for j in range(width):
            ahead[j] = backward[j] * own[t, j] / scale[t]
        for i in range(width):
            backward[i] = 0.0
            if forward[t - 1, i] > FAINT:
                for j in range(width):
                    backward[i] += ahead[j] * _factor(
                        homes[t - 1, i], labels[t - 1, i], homes[t, j], labels[t, j],
                        gate[t], factors,
                    )  # fmt: skip
            marginal[t - 1, i] = forward[t - 1, i] * backward[i]
    return log_normaliser


@jit()
def count_changes(homes: Ints, labels: Ints, gate: Ints, counts: Tables) -> None:
    """Count the changes along a path: the derivative of its weight by the tables.

    Parameters
    ----------
    homes, labels, gate : (n_steps,) int64                                           # IN
    counts : Tables, added to                                                        # OUT
    """
    n_groups = counts.follow.shape[1] // 12
    for t in range(1, len(homes)):
        home, home2 = homes[t - 1], homes[t]
        changes = labels[t - 1] != labels[t]
        if changes:
            before = _place(labels[t - 1], home2, counts.group, n_groups)
            after = _place(labels[t], home2, counts.group, n_groups)
            counts.change[gate[t]] += 1.0
            counts.follow[home2 % 2, before, after] += 1.0
        if home != home2:
            counts.leave[home % 2, home2 % 2, (home2 // 2 - home // 2) % 12] += 1.0
            counts.move[gate[t]] += 1.0
            if not changes:
                counts.alone[0] += 1.0
