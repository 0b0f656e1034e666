"""Kernels of a chain whose states are pairs (home, label), a few candidates of each a step.

Conventions
-----------
A home is row * 2 + mode, a label row * n_classes + class, rows 0 to 11: a label is seen from a
home as its degree, (row of the label - row of the home) mod 12, and the group of its class.
Candidate labels[t, l] = (label, row and group of the label) goes with any candidate homes[t, h],
with log-weight unary[t, l, h]; a step from one pair to the next weighs, where anything changes,

    change[gate] + follow[mode', degree and group of label, of label' in home']   if the label does
    + leave[mode, mode', row' - row] + move[gate] (+ alone if the label stays)    if the home does

and 0 where nothing does; `Tables` holds these. So a step's weight is a sum of a part by both
labels and the new home, and of one by both homes: they are found once a step.

References
----------
L. Rabiner, "A tutorial on hidden Markov models", Proc. IEEE 77(2), 1989, sections III.B, V.A.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, jit

__all__ = ["Tables", "best_path", "pair_marginals"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Tables(NamedTuple):
    """Log-weights of changes, as the module's docstring names them."""

    change: Floats  # (n_gates,)
    follow: Floats  # (2, 12 * n_groups, 12 * n_groups)
    leave: Floats  # (2, 2, 12)
    move: Floats  # (n_gates,)
    alone: Floats  # (1,)


@inline
def _weigh_step(
    homes: Ints, labels: Ints, t: int, gate: int, tables: Tables, by_label: Floats, by_home: Floats
) -> None:
    """Weigh all steps from t - 1 to t.

    Parameters
    ----------
    by_label : (2, n_labels, n_homes, n_labels): whether homes differ, to label and home, from
    by_home : (n_homes, n_homes): to, from                                           # OUT, both
    """
    n_groups = tables.follow.shape[1] // 12
    for h in range(homes.shape[1]):
        tonic, mode = homes[t, h] >> 1, homes[t, h] & 1
        for i in range(homes.shape[1]):
            by_home[h, i] = 0.0
            if homes[t - 1, i] != homes[t, h]:
                degree = (tonic - (homes[t - 1, i] >> 1)) % 12
                by_home[h, i] = tables.leave[homes[t - 1, i] & 1, mode, degree] + tables.move[gate]
        for j in range(labels.shape[1]):
            after = (labels[t, j, 1] - tonic) % 12 * n_groups + labels[t, j, 2]
            for i in range(labels.shape[1]):
                by_label[0, j, h, i], by_label[1, j, h, i] = 0.0, tables.alone[0]
                if labels[t - 1, i, 0] != labels[t, j, 0]:
                    before = (labels[t - 1, i, 1] - tonic) % 12 * n_groups + labels[t - 1, i, 2]
                    weight = tables.change[gate] + tables.follow[mode, before, after]
                    by_label[0, j, h, i] = by_label[1, j, h, i] = weight


@jit()
def best_path(
    unary: Floats, homes: Ints, labels: Ints, gate: Ints, tables: Tables, path: Ints
) -> None:
    """Find the candidates of the path with the largest weight, the first of equals.

    Parameters
    ----------
    unary : (n_steps, n_labels, n_homes) float64, finite or -inf                     # IN
    homes : (n_steps, n_homes) int64                                                 # IN
    labels : (n_steps, n_labels, 3) int64                                            # IN
    gate : (n_steps,) int64                                                          # IN
    tables : Tables                                                                  # IN
    path : (n_steps,) int64, candidate label * n_homes + candidate home              # OUT
    """
    n, n_labels, n_homes = unary.shape
    back = np.zeros((n, n_labels * n_homes), np.int16)
    by_label = np.empty((2, n_labels, n_homes, n_labels))
    by_home = np.empty((n_homes, n_homes))
    best, fresh = unary[0].copy(), np.empty((n_labels, n_homes))
    for t in range(1, n):
        _weigh_step(homes, labels, t, gate[t], tables, by_label, by_home)
        for j in range(n_labels):
            for h in range(n_homes):
                top, source = -np.inf, 0
                for i in range(n_labels):
                    for g in range(n_homes):
                        differ = 1 if homes[t - 1, g] != homes[t, h] else 0
                        weight = best[i, g] + by_home[h, g] + by_label[differ, j, h, i]
                        if weight > top:
                            top, source = weight, i * n_homes + g
                fresh[j, h] = top + unary[t, j, h]
                back[t, j * n_homes + h] = source
        best[:] = fresh
    state = np.argmax(best)
    for t in range(n - 1, -1, -1):
        path[t] = state
        state = back[t, state]


@jit()
def pair_marginals(
    unary: Floats, homes: Ints, labels: Ints, gate: Ints, tables: Tables, marginal: Floats
) -> float:
    """Find how probable each pair of candidates is; returns the log-normaliser.

    Parameters
    ----------
    unary, homes, labels, gate, tables : as of `best_path`                           # IN
    marginal : (n_steps, n_labels, n_homes) float64                                  # OUT
    """
    n, n_labels, n_homes = unary.shape
    by_label = np.empty((n, 2, n_labels, n_homes, n_labels))
    by_home = np.empty((n, n_homes, n_homes))
    forward, own = np.zeros((n, n_labels, n_homes)), np.empty((n, n_labels, n_homes))
    log_normaliser = 0.0
    for t in range(n):
        top = unary[t].max()
        own[t] = np.exp(unary[t] - top)
        forward[t] = own[t]
        if t:
            _weigh_step(homes, labels, t, gate[t], tables, by_label[t], by_home[t])
            by_label[t], by_home[t] = np.exp(by_label[t]), np.exp(by_home[t])
            for j in range(n_labels):
                for h in range(n_homes):
                    reached = 0.0
                    for i in range(n_labels):
                        for g in range(n_homes):
                            differ = 1 if homes[t - 1, g] != homes[t, h] else 0
                            factor = by_home[t, h, g] * by_label[t, differ, j, h, i]
                            reached += forward[t - 1, i, g] * factor
                    forward[t, j, h] *= reached
        total = forward[t].sum()
        log_normaliser += top + np.log(total)
        forward[t] /= total
        own[t] /= total
    backward, ahead = np.ones((n_labels, n_homes)), np.empty((n_labels, n_homes))
    marginal[n - 1] = forward[n - 1]
    for t in range(n - 1, 0, -1):
        ahead[:] = backward * own[t]
        backward[:] = 0.0
        for j in range(n_labels):
            for h in range(n_homes):
                for i in range(n_labels):
                    for g in range(n_homes):
                        differ = 1 if homes[t - 1, g] != homes[t, h] else 0
                        factor = by_home[t, h, g] * by_label[t, differ, j, h, i]
                        backward[i, g] += ahead[j, h] * factor
        marginal[t - 1] = forward[t - 1] * backward
    return log_normaliser
