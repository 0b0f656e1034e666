"""Chains of pairs by enumeration: every path is weighed by the formula of the docstring."""

import itertools
import math

import numpy as np


def step_weight(home, label, home2, label2, gate, tables, group):
    n_classes = len(group)
    n_groups = tables.follow.shape[1] // 12

    def place(one):
        row, own = divmod(one, n_classes)
        return (row - home2 // 2) % 12 * n_groups + group[own]

    weight = 0.0
    if label != label2:
        weight += tables.change[gate] + tables.follow[home2 % 2, place(label), place(label2)]
    if home != home2:
        degree = (home2 // 2 - home // 2) % 12
        weight += tables.leave[home % 2, home2 % 2, degree] + tables.move[gate]
        weight += tables.alone[0] if label == label2 else 0.0
    return weight


def choose_near(log_prob, near, fade, n_chosen):
    """Sort the columns of each step by their best at or near it."""
    n = len(log_prob)
    return [
        sorted(
            range(len(log_prob[t])),
            key=lambda k: (
                -max(
                    log_prob[u][k] - fade * abs(u - t)
                    for u in range(max(t - near, 0), min(t + near + 1, n))
                )
            ),
        )[:n_chosen]
        for t in range(n)
    ]


def paths(unary, homes, labels, gate, tables, group):
    """List all paths with their weights."""
    n, width = unary.shape
    found = []
    for path in itertools.product(range(width), repeat=n):
        weight = sum(unary[t, i] for t, i in enumerate(path))
        for t in range(1, n):
            i, j = path[t - 1], path[t]
            weight += step_weight(
                homes[t - 1, i], labels[t - 1, i], homes[t, j], labels[t, j], gate[t], tables, group
            )
        found.append((weight, path))
    return found


def best_path(unary, homes, labels, gate, tables, group):
    return max(paths(unary, homes, labels, gate, tables, group))[1]


def pair_marginals(unary, homes, labels, gate, tables, group):
    marginal, total = np.zeros_like(unary), 0.0
    for weight, path in paths(unary, homes, labels, gate, tables, group):
        total += math.exp(weight)
        for t, i in enumerate(path):
            marginal[t, i] += math.exp(weight)
    return marginal / total, math.log(total)
