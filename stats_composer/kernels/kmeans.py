"""K-means over weighted rows: grouping of equal rows, seeding, and Lloyd's iteration.

With rows x_i of weight w_i and centers c_j, the inertia is

    sum over i of w_i min over j of |x_i - c_j|^2.                                          (1)

Lloyd's iteration lowers it by turns: each row goes to the center that is nearest, each center
to the mean of its rows,

    label_i = argmin over j of |x_i - c_j|^2,                                               (2)
    c_j = sum over i with label j of w_i x_i / sum over i with label j of w_i.              (3)

It begins with rows drawn one by one, row i with probability proportional to

    w_i min over the centers so far of |x_i - c|^2.                                         (4)

References
----------
S. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28 (1982).
D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, jit

__all__ = ["group_rows", "iterate_lloyd", "seed_centers"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@inline
def _are_equal(rows, i, j):  # type: ignore[no-untyped-def]
    same = True
    for f in range(rows.shape[1]):
        same = same and rows[i, f] == rows[j, f]
    return same


@jit()
def group_rows(rows: Ints, table: Ints, group: Ints, first: Ints) -> int:
    """Give each distinct row a number, in the order in which they first come.

    Parameters
    ----------
    rows : int64 array of shape (n, d)
        The bits of the rows.
    table : int64 array of a power of two of entries, more than n, filled with -1
        Scratch: an open hash table of group numbers.
    group : int64 array of shape (n,)
        Out: the number of each row's group.
    first : int64 array of shape (n,)
        Out: the first row of each group.

    Returns
    -------
    int
        Number of groups.
    """
    n, d = rows.shape
    mask = len(table) - 1
    n_groups = 0
    for i in range(n):
        key = np.uint64(0)
        for f in range(d):
            key = (key ^ np.uint64(rows[i, f])) * np.uint64(0x9E3779B97F4A7C15)
            key ^= key >> np.uint64(29)
        slot = np.int64(key) & mask
        while table[slot] >= 0:
            if _are_equal(rows, i, first[table[slot]]):
                break
            slot = (slot + 1) & mask
        if table[slot] < 0:
            table[slot] = n_groups
            first[n_groups] = i
            n_groups += 1
        group[i] = table[slot]
    return n_groups


@jit()
def seed_centers(rows: Floats, weight: Floats, u: Floats, centers: Floats) -> None:
    """Choose rows as centers by greedy k-means++.

    Each next center is, of some rows drawn with probability proportional to weight times
    squared distance to the centers so far, the one that lowers the inertia most.

    Parameters
    ----------
    rows : float64 array of shape (n, d)
    weight : float64 array of shape (n,), positive
    u : float64 array of shape (k, n_trials), in [0, 1)
    centers : float64 array of shape (k, d)
        Out.
    """
    n, d = rows.shape
    k, n_trials = u.shape
    nearest = np.full(n, np.inf)
    cumulative = np.empty(n)
    trial, best = np.empty(n), np.empty(n)
    for j in range(k):
        total = 0.0
        for i in range(n):
            total += weight[i] * (nearest[i] if j else 1.0)  # (4)
            cumulative[i] = total
        least, chosen = np.inf, 0
        for t in range(n_trials if j else 1):
            i = min(np.searchsorted(cumulative, u[j, t] * total, side="right"), n - 1)
            inertia = 0.0
            for r in range(n):
                distance = 0.0
                for f in range(d):
                    step = rows[r, f] - rows[i, f]
                    distance += step * step
                trial[r] = min(distance, nearest[r])
                inertia += weight[r] * trial[r]  # (1)
            if inertia < least:
                least, chosen = inertia, i
                trial, best = best, trial
        nearest, best = best, nearest
        centers[j] = rows[chosen]


@inline
def _assign(rows, columns, distance, label, nearest):  # type: ignore[no-untyped-def]
    """Label each row with its nearest center, the first of several; say whether one changed."""
    n, d = rows.shape
    k = columns.shape[1]
    changed = False
    for i in range(n):
        for j in range(k):
            distance[j] = 0.0
        for f in range(d):
            x = rows[i, f]
            for j in range(k):
                step = x - columns[f, j]
                distance[j] += step * step
        best = 0
        for j in range(1, k):
            if distance[j] < distance[best]:
                best = j
        if label[i] != best:
            changed = True
            label[i] = best
        nearest[i] = distance[best]  # (2)
    return changed


@inline
def _move_centers(rows, weight, label, nearest, centers, total):  # type: ignore[no-untyped-def]
    """Move each center to the mean of its rows, or to the farthest row."""
    d = rows.shape[1]
    centers[:] = 0.0
    total[:] = 0.0
    for i in range(rows.shape[0]):
        total[label[i]] += weight[i]
        for f in range(d):
            centers[label[i], f] += weight[i] * rows[i, f]
    for j in range(total.size):
        if total[j] > 0.0:
            for f in range(d):
                centers[j, f] /= total[j]  # (3)
        else:
            farthest = np.argmax(nearest)
            centers[j] = rows[farthest]
            nearest[farthest] = 0.0


@jit()
def iterate_lloyd(
    rows: Floats, weight: Floats, max_iter: int, centers: Floats, label: Ints, nearest: Floats,
    inertia: Floats,
) -> int:  # fmt: skip
    """Move centers to the means of their rows until no row changes its center.

    Parameters
    ----------
    rows : float64 array of shape (n, d)
    weight : float64 array of shape (n,), positive
    max_iter : int
        0 only labels the rows.
    centers : float64 array of shape (k, d)
        In and out. A center that no row is nearest to moves to the row farthest from its own.
    label : int64 array of shape (n,), filled with -1
        Out.
    nearest : float64 array of shape (n,)
        Out: squared distance of each row to its center.
    inertia : float64 array of shape (max_iter + 1,)
        Out: (1) as each iteration found it, and after the last.

    Returns
    -------
    int
        Number of iterations.
    """
    n, d = rows.shape
    k = len(centers)
    columns, distance, total = np.empty((d, k)), np.empty(k), np.empty(k)
    for iteration in range(max_iter + 1):
        for j in range(k):
            for f in range(d):
                columns[f, j] = centers[j, f]
        changed = _assign(rows, columns, distance, label, nearest)
        inertia[iteration] = 0.0
        for i in range(n):
            inertia[iteration] += weight[i] * nearest[i]  # (1)
        if not changed or iteration == max_iter:
            return iteration
        _move_centers(rows, weight, label, nearest, centers, total)
    return max_iter
