"""The pseudo-log-likelihood of pieces, and its gradient by weight.

They are (1) and (3) of `kernels/maxent.py`.

Gradients are summed over a fixed number of shares of the pieces in a fixed order, so that
they do not depend on the number of threads.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from stats_composer.kernels.arrays import Float32s, Ints
from stats_composer.kernels.layout import Layout
from stats_composer.kernels.maxent import value_and_gradient
from stats_composer.kernels.pairs import has_pairs_alone, pair_kernels
from stats_composer.models.maxent.pieces import Pieces
from stats_composer.models.maxent.weights import Weights

N_SHARES = 4


def pseudo_gradient(
    weights: Weights, pieces: Pieces, chosen: Ints, threshold: float
) -> tuple[float, Float32s, int]:
    """Return the pseudo-log-likelihood of some pieces, its gradient by weight, and their sites."""
    field, seen = site_fields(weights, pieces)
    shares = [part for part in np.array_split(chosen, N_SHARES) if len(part)]
    with ThreadPoolExecutor(n_threads()) as pool:
        results = list(pool.map(lambda s: sum_sites(weights, pieces, s, threshold, field), shares))
    total = sum(result[0] for result in results)
    gradient = np.sum([result[1] for result in results], axis=0)
    residual = np.sum([result[2] for result in results], axis=0)
    n_sites = int(sum(pieces.modelled[pieces.start[p] : pieces.stop[p]].sum() for p in chosen))
    return total, weights.unfold(gradient, residual, seen), n_sites


def pseudo_likelihood(weights: Weights, pieces: Pieces) -> float:
    """Return the summed pseudo-log-likelihood of all pieces, in nats."""
    field, _ = site_fields(weights, pieces)
    return sum_sites(weights, pieces, np.arange(len(pieces.start)), -1.0, field)[0]


def _by_changes(layout: Layout) -> bool:
    """Tell whether the kernels for pairs alone serve; under gates, that of all terms does."""
    return has_pairs_alone(layout.features) and layout.n_gates == 1


def site_fields(weights: Weights, pieces: Pieces) -> tuple[Float32s, Ints]:
    """Return the fields of each row, or of each kind of row, and the grid's rows that show them."""
    seen = pieces.grid[pieces.kinds[0]] if _by_changes(weights.layout) else pieces.grid
    return weights.field(seen), seen


def sum_sites(
    weights: Weights, pieces: Pieces, part: Ints, threshold: float, field: Float32s
) -> tuple[float, Float32s, Float32s]:
    """Return value and gradients (by primitive, by field) of a part; below 0, the value alone."""
    layout, folded = weights.layout, weights.folded
    gradient, residual = np.zeros_like(folded), np.zeros_like(field)
    grids = pieces.grids._replace(start=pieces.start[part], stop=pieces.stop[part])
    if _by_changes(layout):
        total = pair_kernels(layout.width).value_and_gradient(
            grids,
            layout.features,
            folded,
            pieces.kinds[1],
            field,
            threshold >= 0,
            gradient,
            residual,
        )
    else:
        total = value_and_gradient(
            grids, layout.features, pieces.rows, folded, field, threshold, gradient, residual
        )
    return total, gradient, residual


def n_threads() -> int:
    """Threads for the kernels, which hold no lock."""
    return min(N_SHARES, os.cpu_count() or 1)
