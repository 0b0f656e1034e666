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

__all__ = ["Tables", "best_path", "choose_near", "pair_marginals"]

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
def _joined(a: float, b: float, product: bool) -> float:
    return a * b if product else a + b


@inline
def _weigh_step(
    homes: Ints, labels: Ints, t: int, gate: int, tables: Tables, by: tuple[Floats, Floats],
    product: bool,
) -> None:  # fmt: skip
    """Weigh all steps from t - 1 to t, by the sums of log-weights or by the products of factors.

    Parameters
    ----------
    by : (2, n_labels, n_homes, n_labels): whether homes differ, to label and home, from
        (n_homes, n_homes): to, from                                                 # OUT, both
    """
    n_groups, none = tables.follow.shape[1] // 12, 1.0 if product else 0.0
    by_label, by_home = by
    for h in range(homes.shape[1]):
        tonic, mode = homes[t, h] >> 1, homes[t, h] & 1
        for i in range(homes.shape[1]):
            by_home[h, i] = none
            if homes[t - 1, i] != homes[t, h]:
                degree = (tonic - (homes[t - 1, i] >> 1)) % 12
                leave = tables.leave[homes[t - 1, i] & 1, mode, degree]
                by_home[h, i] = _joined(leave, tables.move[gate], product)
        for j in range(labels.shape[1]):
            after = (labels[t, j, 1] - tonic) % 12 * n_groups + labels[t, j, 2]
            for i in range(labels.shape[1]):
                by_label[0, j, h, i], by_label[1, j, h, i] = none, tables.alone[0]
                if labels[t - 1, i, 0] != labels[t, j, 0]:
                    before = (labels[t - 1, i, 1] - tonic) % 12 * n_groups + labels[t - 1, i, 2]
                    follow = tables.follow[mode, before, after]
                    weight = _joined(tables.change[gate], follow, product)
                    by_label[0, j, h, i] = by_label[1, j, h, i] = weight


@jit()
def choose_near(log_prob: Floats, near: int, fade: float, chosen: Ints) -> None:
    """Choose the likeliest columns at or near each step, the likeliest first.

    Parameters
    ----------
    log_prob : (n_steps, n_columns) float64, finite                                   # IN
    near : int
        Steps to either side that count too, `fade` less with each.
    fade : float
    chosen : (n_steps, n_chosen) int64                                               # OUT
    """
    n, n_columns = log_prob.shape
    raised, held = np.empty(n_columns), np.empty(chosen.shape[1])
    for t in range(n):
        raised[:] = log_prob[t]
        for u in range(max(t - near, 0), min(t + near + 1, n)):
            away = fade * abs(u - t)
            for k in range(n_columns):
                raised[k] = max(raised[k], log_prob[u, k] - away)
        held[:] = -np.inf
        chosen[t] = 0
        for k in range(n_columns):
            place = len(held)
            while place and raised[k] > held[place - 1]:
                place -= 1
            for j in range(len(held) - 1, place, -1):
                held[j], chosen[t, j] = held[j - 1], chosen[t, j - 1]
            if place < len(held):
                held[place], chosen[t, place] = raised[k], k


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
        _weigh_step(homes, labels, t, gate[t], tables, (by_label, by_home), False)
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
    part = np.empty((2, n_labels))
    factors = Tables(
        np.exp(tables.change), np.exp(tables.follow), np.exp(tables.leave), np.exp(tables.move),
        np.exp(tables.alone),
    )  # fmt: skip
    log_normaliser = 0.0
    for t in range(n):
        top = unary[t].max()
        own[t] = np.exp(unary[t] - top)
        forward[t] = own[t]
        if t:
            _weigh_step(homes, labels, t, gate[t], factors, (by_label[t], by_home[t]), True)
            for h in range(n_homes):
                part[:] = 0.0  # by whether the home before differs
                for g in range(n_homes):
                    differ = 1 if homes[t - 1, g] != homes[t, h] else 0
                    for i in range(n_labels):
                        part[differ, i] += by_home[t, h, g] * forward[t - 1, i, g]
                for j in range(n_labels):
                    reached = 0.0
                    for i in range(n_labels):
                        reached += part[0, i] * by_label[t, 0, j, h, i]
                        reached += part[1, i] * by_label[t, 1, j, h, i]
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
        for h in range(n_homes):
            part[:] = 0.0
            for j in range(n_labels):
                for i in range(n_labels):
                    part[0, i] += ahead[j, h] * by_label[t, 0, j, h, i]
                    part[1, i] += ahead[j, h] * by_label[t, 1, j, h, i]
            for g in range(n_homes):
                differ = 1 if homes[t - 1, g] != homes[t, h] else 0
                for i in range(n_labels):
                    backward[i, g] += by_home[t, h, g] * part[differ, i]
        marginal[t - 1] = forward[t - 1] * backward
    return log_normaliser
