"""The maximum-entropy model of fields and pairs alone, by what changes instead of by what is.

`kernels/maxent.py` serves every model. Where pairs are all that a model has beside its
fields, the log-weights of a site are a sum of rows of one table, a row a neighbour,

    H(t, v)[a] = field(t, v)[a] + sum over neighbours (u, w) of J[x(u, w), a],       (1)

and both kernels save by leaving alone what stays the same: the gradient
(`kernels/pair_gradient.py`) from row to row, the chain (`kernels/pair_fields.py`) from sweep
to sweep. This module compiles them, for each width of a table.

Conventions
-----------
Arrays are flat and float32; `width`, a multiple of 8, is the length of a row. It is a constant
of the compiled kernel, because loops of a known length become a few vector instructions: there
is a set of kernels for each width (`pair_kernels`). Rows of J are read as in the general
kernel: table `pair` has the symbol of the later site first and serves the earlier one,
`pair_back` the other way round.

References
----------
J. Besag (1975), Statistical analysis of non-lattice data.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from stats_composer.kernels._jit import jit
from stats_composer.kernels.arrays import Bools, Float32s, Floats, Ints
from stats_composer.kernels.gibbs import Target, mark_free
from stats_composer.kernels.gibbs import sweep_sites as sweep_sites_of_all_terms
from stats_composer.kernels.layout import Features, Grids, Piece
from stats_composer.kernels.pair_fields import fill_fields, redraw_sites
from stats_composer.kernels.pair_gradient import ByKind, add_gradient

__all__ = ["PairKernels", "has_pairs_alone", "pair_kernels", "site_sweeper", "sweep_sites"]


class PairKernels(NamedTuple):
    """The kernels of one width.

    Attributes
    ----------
    value_and_gradient : of grids, features, weights, kind, field, backward, gradient, residual
        What `add_gradient` does; `kind`, `field` and `residual` are those of `ByKind`.
    local_fields : of piece, target, local
        What `fill_fields` does.
    sweep_fields : of piece, sites, free, target, local, inverse_temperature, run_share, u
        What `redraw_sites` does.
    """

    value_and_gradient: Callable[..., float]
    local_fields: Callable[..., None]
    sweep_fields: Callable[..., int]


def has_pairs_alone(features: Features) -> bool:
    """Tell whether a model has no primitive but pairs beside its fields."""
    others = features.progression, features.rhythm
    return not features.template.size and not any(others)


def sweep_sites(
    piece: Piece,
    sites: Ints,
    target: Target,
    inverse_temperature: Float32s,
    run_share: float,
    u: Floats,
) -> int:
    """Do what `kernels.gibbs.sweep_sites` does, for a model of pairs alone."""
    features = target.features
    kernels = pair_kernels(features.width)
    local = np.empty((piece.last - piece.first) * features.n_lines * features.width, np.float32)
    kernels.local_fields(piece, target, local)
    return kernels.sweep_fields(
        piece, np.ascontiguousarray(sites), mark_free(piece, sites, features.n_lines), target,
        local, inverse_temperature, run_share, u,
    )  # fmt: skip


def site_sweeper(features: Features) -> Callable[..., int]:
    """Return the kernel that redraws the sites of a model; all take the same arguments."""
    return sweep_sites if has_pairs_alone(features) else sweep_sites_of_all_terms


@cache
def pair_kernels(width: int) -> PairKernels:
    """Return the kernels for tables of a width, `Features.width`."""

    @jit(fastmath=True)  # sums over symbols vectorize: half the time; nothing is infinite
    def value_and_gradient(
        grids: Grids, features: Features, weights: Float32s, kind: Ints, field: Float32s,
        backward: bool, gradient: Float32s, residual: Float32s,
    ) -> float:  # fmt: skip
        fields = ByKind(kind, field.reshape(-1), residual.reshape(-1))
        value: float = add_gradient(grids, features, weights, fields, backward, gradient, width)
        return value

    @jit(fastmath=True)  # as above
    def local_fields(piece: Piece, target: Target, local: Float32s) -> None:
        fill_fields(piece, target, local, width)

    @jit(fastmath=True)  # as above
    def sweep_fields(
        piece: Piece, sites: Ints, free: Bools, target: Target, local: Float32s,
        inverse_temperature: Float32s, run_share: float, u: Floats,
    ) -> int:  # fmt: skip
        schedule = inverse_temperature, run_share, u
        n_changed: int = redraw_sites(piece, sites, free, target, local, schedule, width)
        return n_changed

    return PairKernels(value_and_gradient, local_fields, sweep_fields)
