"""Kernels of a chain whose states are pairs (home, label), a few candidates a step.

Conventions
-----------
A home is row * 2 + mode, a label row * n_classes + class, rows 0 to 11: a label is seen from a
home as its degree, (row of the label - row of the home) mod 12, and the group of its class.
Candidate i of step t is states[t, i] = (home, label, row and group of the label), with log-weight
unary[t, i]; a step from one candidate to the next weighs, where anything changes,

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
    """Log-weights of changes (or their exponentials), as the module's docstring names them."""

    change: Floats  # (n_gates,)
    follow: Floats  # (2, 12 * n_groups, 12 * n_groups)
    leave: Floats  # (2, 2, 12)
    move: Floats  # (n_gates,)
    alone: Floats  # (1,)


@inline
def _places(states: Ints, t: int, i: int, j: int, n_groups: int) -> tuple[int, int]:
    """Return how two labels sit in the second one's home."""
    tonic = states[t, j, 0] >> 1
    before, after = states[t - 1, i, 2] - tonic, states[t, j, 2] - tonic
    before += 12 if before < 0 else 0
    after += 12 if after < 0 else 0
    return before * n_groups + states[t - 1, i, 3], after * n_groups + states[t, j, 3]


@inline
def _log_weight(states: Ints, t: int, i: int, j: int, gate: int, tables: Tables) -> float:
    weight = 0.0
    home, home2 = states[t - 1, i, 0], states[t, j, 0]
    changes = states[t - 1, i, 1] != states[t, j, 1]
    if changes:
        before, after = _places(states, t, i, j, tables.follow.shape[1] // 12)
        weight += tables.change[gate] + tables.follow[home2 & 1, before, after]
    if home != home2:
        degree = (home2 >> 1) - (home >> 1)
        degree += 12 if degree < 0 else 0
        weight += tables.leave[home & 1, home2 & 1, degree] + tables.move[gate]
        if not changes:
            weight += tables.alone[0]
    return weight


@inline
def _factor(states: Ints, t: int, i: int, j: int, gate: int, tables: Tables) -> float:
    """Return what `_log_weight` is the logarithm of, from tables of exponentials."""
    factor = 1.0
    home, home2 = states[t - 1, i, 0], states[t, j, 0]
    changes = states[t - 1, i, 1] != states[t, j, 1]
    if changes:
        before, after = _places(states, t, i, j, tables.follow.shape[1] // 12)
        factor *= tables.change[gate] * tables.follow[home2 & 1, before, after]
    if home != home2:
        degree = (home2 >> 1) - (home >> 1)
        degree += 12 if degree < 0 else 0
        factor *= tables.leave[home & 1, home2 & 1, degree] * tables.move[gate]
        if not changes:
            factor *= tables.alone[0]
    return factor


@jit()
def best_path(unary: Floats, states: Ints, gate: Ints, tables: Tables, path: Ints) -> None:
    """Find the candidates of the path with the largest weight, the first of equals.

    Parameters
    ----------
    unary : (n_steps, n_candidates) float64, finite or -inf                          # IN
    states : (n_steps, n_candidates, 4) int64                                        # IN
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
                weight = best[i] + _log_weight(states, t, i, j, gate[t], tables)
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
    unary: Floats, states: Ints, gate: Ints, factors: Tables, marginal: Floats
) -> float:
    """Find how probable each candidate is; returns the log-normaliser.

    Parameters
    ----------
    unary, states, gate : as of `best_path`                                          # IN
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
                    reached += forward[t - 1, i] * _factor(states, t, i, j, gate[t], factors)
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
                    backward[i] += ahead[j] * _factor(states, t, i, j, gate[t], factors)
            marginal[t - 1, i] = forward[t - 1, i] * backward[i]
    return log_normaliser


@jit()
def count_changes(states: Ints, gate: Ints, counts: Tables) -> None:
    """Count the changes along a path: the derivative of its weight by the tables.

    Parameters
    ----------
    states : (n_steps, 1, 4) int64                                                   # IN
    gate : (n_steps,) int64                                                          # IN
    counts : Tables, added to                                                        # OUT
    """
    for t in range(1, len(states)):
        home, home2 = states[t - 1, 0, 0], states[t, 0, 0]
        changes = states[t - 1, 0, 1] != states[t, 0, 1]
        if changes:
            before, after = _places(states, t, 0, 0, counts.follow.shape[1] // 12)
            counts.change[gate[t]] += 1.0
            counts.follow[home2 & 1, before, after] += 1.0
        if home != home2:
            counts.leave[home & 1, home2 & 1, ((home2 >> 1) - (home >> 1)) % 12] += 1.0
            counts.move[gate[t]] += 1.0
            if not changes:
                counts.alone[0] += 1.0
