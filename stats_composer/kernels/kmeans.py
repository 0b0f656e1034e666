"""K-means over weighted rows: grouping of equal rows, seeding, and Lloyd's iteration.

With rows x_i of weight w_i and centers c_j, the inertia is

    sum over i of w_i min over j of |x_i - c_j|^2.                                          (1)

Lloyd's iteration lowers it by turns: each row goes to the center that is nearest, each center
to the mean of its rows,

    label_i = argmin over j of |x_i - c_j|^2,                                               (2)
    c_j = sum over i with label j of w_i x_i / sum over i with label j of w_i.              (3)

Most rows are known not to change their center without measuring: it lies nearer than any other
can by now, by how far they all moved, or nearer than half the way to the next center. The others
are measured by blocks, a vector of rows at a time.

It begins with rows drawn one by one, row i with probability proportional to

    w_i min over the centers so far of |x_i - c|^2.                                         (4)

References
----------
S. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28 (1982).
G. Hamerly, "Making k-means even faster", SDM 2010, section 3: the bounds.
D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, jit

__all__ = ["group_rows", "iterate_lloyd", "seed_centers"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK = 64
SLACK = 1e-9
"""By how much of themselves bounds are wider than they were computed, for what is rounded."""


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


@inline
def _measure(columns, start, center, square):  # type: ignore[no-untyped-def]
    """Fill the squared distances of successive rows, given by column, to a center."""
    square[:] = 0.0
    for f in range(len(center)):
        at, column = center[f], columns[f, start : start + len(square)]
        for r in range(len(column)):
            step = column[r] - at
            square[r] += step * step


@jit()
def seed_centers(rows: Floats, weight: Floats, u: Floats, centers: Floats) -> None:
    """Choose rows as centers by greedy k-means++.

    Each next center is, of some rows drawn by (4), the one that lowers the inertia most.

    Parameters
    ----------
    rows : float64 array of shape (n, d)
    weight : float64 array of shape (n,), positive
    u : float64 array of shape (k, n_trials), in [0, 1)
    centers : float64 array of shape (k, d)
        Out.
    """
    n = len(rows)
    k, n_trials = u.shape
    columns = np.ascontiguousarray(rows.T)
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
            for start in range(0, n, BLOCK):
                square, known = trial[start : start + BLOCK], nearest[start : start + BLOCK]
                _measure(columns, start, rows[i], square)
                for r in range(len(square)):
                    square[r] = min(square[r], known[r])
            for r in range(n):
                inertia += weight[r] * trial[r]  # (1)
            if inertia < least:
                least, chosen = inertia, i
                trial, best = best, trial
        nearest, best = best, nearest
        centers[j] = rows[chosen]


class Bounds(NamedTuple):
    """What is known of distances, so that few are measured: no square of them.

    For each row at most how far its center is, and at least how far any other; for each center
    half the way to the nearest other, how far it just moved, and how far the others did at most.
    """

    upper: Floats
    lower: Floats
    gap: Floats
    moved: Floats
    others: Floats


class Block(NamedTuple):
    """Rows to be measured; `BLOCK` of them at a time, by column, and what is found."""

    doubtful: Ints
    columns: Floats
    square: Floats
    least: Floats
    second: Floats
    best: Ints


class Tally(NamedTuple):
    """What is summed of the rows of each center: how many, their weights, and weighted values."""

    size: Ints
    total: Floats
    sums: Floats


@inline
def _square(rows, i, centers, j):  # type: ignore[no-untyped-def]
    square = 0.0
    for f in range(rows.shape[1]):
        step = rows[i, f] - centers[j, f]
        square += step * step
    return square


@inline
def _two_nearest(columns, centers, square, least, second, best):  # type: ignore[no-untyped-def]
    """Find the nearest center of each row of a block, the first of several, and two squares."""
    least[:], second[:], best[:] = np.inf, np.inf, 0
    for j in range(len(centers)):
        _measure(columns, 0, centers[j], square)
        for r in range(len(square)):
            second[r] = min(second[r], max(square[r], least[r]))
            best[r] = j if square[r] < least[r] else best[r]
            least[r] = min(square[r], least[r])


@inline
def _count_row(rows, i, weight, tally, j, sign):  # type: ignore[no-untyped-def]
    tally.size[j] += sign
    tally.total[j] += sign * weight[i]
    for f in range(rows.shape[1]):
        tally.sums[j, f] += sign * weight[i] * rows[i, f]


@inline
def _find_doubtful(rows, centers, label, bounds, doubtful):  # type: ignore[no-untyped-def]
    """List the rows that another center than their own may be nearest to, and return how many."""
    n = 0
    for i in range(len(rows)):
        j = label[i]
        if j >= 0:
            upper = bounds.upper[i] + bounds.moved[j]
            lower = bounds.lower[i] - bounds.others[j]
            bounds.upper[i], bounds.lower[i] = upper, lower
            clear = max(lower, bounds.gap[j])
            if upper < clear:
                continue
            upper = np.sqrt(_square(rows, i, centers, j)) * (1.0 + SLACK)
            bounds.upper[i] = upper
            if upper < clear:
                continue
        doubtful[n] = i
        n += 1
    return n


@inline
def _assign(rows, weight, centers, label, block, bounds, tally):  # type: ignore[no-untyped-def]
    """Label each row with its nearest center, the first of several; say whether one changed."""
    changed = False
    n_doubtful = _find_doubtful(rows, centers, label, bounds, block.doubtful)
    for start in range(0, n_doubtful, BLOCK):
        chosen = block.doubtful[start : min(start + BLOCK, n_doubtful)]
        n = len(chosen)
        for r in range(n):
            for f in range(rows.shape[1]):
                block.columns[f, r] = rows[chosen[r], f]
        least, second, best = block.least[:n], block.second[:n], block.best[:n]
        _two_nearest(block.columns, centers, block.square[:n], least, second, best)  # (2)
        for r in range(n):
            i = chosen[r]
            bounds.upper[i] = np.sqrt(least[r]) * (1.0 + SLACK)
            bounds.lower[i] = np.sqrt(second[r]) * (1.0 - SLACK)
            if best[r] != label[i]:
                changed = True
                _count_row(rows, i, weight, tally, best[r], 1)
                if label[i] >= 0:
                    _count_row(rows, i, weight, tally, label[i], -1)
                label[i] = best[r]
    return changed


@inline
def _move_centers(rows, label, nearest, centers, bounds, tally):  # type: ignore[no-untyped-def]
    """Move each center to the mean of its rows, or to the farthest row; bound what that does."""
    if (tally.size == 0).any():
        for i in range(len(rows)):
            nearest[i] = _square(rows, i, centers, label[i])
    before = centers.copy()
    for j in range(len(centers)):
        if tally.size[j] > 0:
            centers[j] = tally.sums[j] / tally.total[j]  # (3)
        else:
            farthest = np.argmax(nearest)
            centers[j] = rows[farthest]
            nearest[farthest] = 0.0
            tally.total[j] = 0.0
            tally.sums[j] = 0.0
        bounds.moved[j] = np.sqrt(_square(before, j, centers, j)) * (1.0 + SLACK)
    farthest = np.argmax(bounds.moved)
    bounds.others[:] = bounds.moved[farthest]
    bounds.moved[farthest], far = 0.0, bounds.moved[farthest]
    bounds.others[farthest] = bounds.moved.max()
    bounds.moved[farthest] = far
    bounds.gap[:] = np.inf
    for j in range(len(centers)):
        for other in range(j):
            half = 0.5 * np.sqrt(_square(centers, j, centers, other)) * (1.0 - SLACK)
            bounds.gap[j] = min(bounds.gap[j], half)
            bounds.gap[other] = min(bounds.gap[other], half)


@inline
def _average(rows, weight, label, centers, tally):  # type: ignore[no-untyped-def]
    """Put centers on the means of their rows once more, free of what was rounded on the way."""
    tally.total[:] = 0.0
    tally.sums[:] = 0.0
    tally.size[:] = 0
    for i in range(len(rows)):
        _count_row(rows, i, weight, tally, label[i], 1)
    for j in range(len(centers)):
        if tally.size[j] > 0:
            centers[j] = tally.sums[j] / tally.total[j]  # (3)


@inline
def _begin(rows, k):  # type: ignore[no-untyped-def]
    """Return room for bounds, for rows to be measured, and for sums, of which there are none."""
    n, d = rows.shape
    block = Block(
        np.empty(n, np.int64), np.empty((d, BLOCK)), np.empty(BLOCK), np.empty(BLOCK),
        np.empty(BLOCK), np.empty(BLOCK, np.int64),
    )  # fmt: skip
    bounds = Bounds(np.empty(n), np.empty(n), np.empty(k), np.empty(k), np.empty(k))
    return bounds, block, Tally(np.zeros(k, np.int64), np.zeros(k), np.zeros((k, d)))


@inline
def _inertia_by_sums(norm, centers, tally):  # type: ignore[no-untyped-def]
    """Return (1) of rows whose weighted squares sum to `norm`, each at the center it counts for."""
    inertia = norm
    for j in range(len(centers)):
        inertia += tally.total[j] * (centers[j] ** 2).sum()
        inertia -= 2.0 * (tally.sums[j] * centers[j]).sum()
    return inertia


@jit()
def iterate_lloyd(
    rows: Floats, weight: Floats, max_iter: int, centers: Floats, label: Ints, nearest: Floats,
    inertia: Floats,
) -> int:  # fmt: skip
    """Move centers to the means of their rows until no row changes its center.

    Parameters
    ----------
    rows, weight : float64 arrays of shape (n, d) and (n,), weights positive
    max_iter : int
        0 only labels the rows.
    centers : float64 array of shape (k, d)
        In and out. A center that no row is nearest to moves to the row farthest from its own.
    label, nearest : arrays of shape (n,), int64 filled with -1, float64
        Out: the center of each row, and its squared distance.
    inertia : float64 array of shape (max_iter + 1,)
        Out: (1) as each iteration found it, and after the last.

    Returns
    -------
    int
        Number of iterations.
    """
    bounds, block, tally = _begin(rows, len(centers))
    norm = 0.0
    for i in range(len(rows)):
        norm += weight[i] * (rows[i] ** 2).sum()
    for iteration in range(max_iter + 1):
        changed = _assign(rows, weight, centers, label, block, bounds, tally)
        if not changed or iteration == max_iter:
            break
        inertia[iteration] = _inertia_by_sums(norm, centers, tally)
        _move_centers(rows, label, nearest, centers, bounds, tally)
    if not changed:
        _average(rows, weight, label, centers, tally)
    inertia[iteration] = 0.0
    for i in range(len(rows)):
        nearest[i] = _square(rows, i, centers, label[i])
        inertia[iteration] += weight[i] * nearest[i]  # (1)
    return iteration
