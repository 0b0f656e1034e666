"""Plain twins of the K-means kernels."""

import numpy as np


def group_rows(rows, table, group, first):
    seen = {}
    for i, row in enumerate(rows.tolist()):
        if tuple(row) not in seen:
            first[len(seen)] = i
            seen[tuple(row)] = len(seen)
        group[i] = seen[tuple(row)]
    return len(seen)


def seed_centers(rows, weight, u, centers):
    nearest = None
    for j in range(len(centers)):
        mass = weight * (np.ones(len(rows)) if nearest is None else nearest)
        cumulative = np.cumsum(mass)
        found = []
        for t in range(u.shape[1] if j else 1):
            i = min(np.searchsorted(cumulative, u[j, t] * cumulative[-1], "right"), len(rows) - 1)
            distance = ((rows - rows[i]) ** 2).sum(axis=1)
            distance = distance if nearest is None else np.minimum(distance, nearest)
            found.append((weight @ distance, t, i, distance))
        _, _, i, nearest = min(found, key=lambda row: row[:2])
        centers[j] = rows[i]


def iterate_lloyd(rows, weight, max_iter, centers, label, nearest, inertia):
    for iteration in range(max_iter + 1):
        distance = ((rows[:, None] - centers[None]) ** 2).sum(axis=2)
        new = distance.argmin(axis=1)
        nearest[:] = distance.min(axis=1)
        inertia[iteration] = (weight * nearest).sum()
        same = (new == label).all()
        label[:] = new
        if same or iteration == max_iter:
            return iteration
        for j in range(len(centers)):
            mine = label == j
            if mine.any():
                centers[j] = weight[mine] @ rows[mine] / weight[mine].sum()
            else:
                centers[j] = rows[nearest.argmax()]
                nearest[nearest.argmax()] = 0.0
    return max_iter
