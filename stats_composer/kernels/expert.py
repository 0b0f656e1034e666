"""Site moves of a maximum-entropy model with a directed model as an expert beside it.

The target is the product of both, at a temperature,

    P(x) ~ exp((model(x) + factors(x) + w log D(x)) / temperature),                   (1)

with D of `kernels/directed.py` and a weight w. A site's symbol is proposed by the exact
conditional law of the first two, as `sweep_sites` draws it, and accepted by Metropolis and
Hastings' rule, in which all but D cancels:

    min(1, (D(new) / D(old)) ^ (w / temperature)).                                    (2)

What a site tells D are its own factor, those of later lines of its row, and those of the rows
that look back to it; a factor whose atoms stay as they were need not be worked out again.

References
----------
G. Hinton (2002), Training products of experts by minimizing contrastive divergence, Neural
Computation 14(8). W. Hastings (1970), Monte Carlo sampling methods using Markov chains and
their applications, Biometrika 57.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stats_composer.kernels._jit import inline, jit
from stats_composer.kernels._softmax import draw_row, exp_row
from stats_composer.kernels.arrays import Float32s, Floats, Ints
from stats_composer.kernels.directed import Tables, make_scratch, weigh_site
from stats_composer.kernels.directed_sites import Lines, read_site
from stats_composer.kernels.gibbs import Target, gather_site
from stats_composer.kernels.layout import LOWEST, Piece, Site
from stats_composer.kernels.sites import make_places, padded

__all__ = ["Judged", "sweep_judged"]


class Judged(NamedTuple):
    """The directed model beside the grid, and what it says of it.

    Attributes
    ----------
    lines : Lines
    tables : Tables
    weight : float
        w of (1).
    reach : int
        How many rows further on a site is looked back to.
    log_prob : ndarray of shape (n_steps, n_modelled), float64, overwritten
        log D by site.
    atoms : ndarray of shape (n_steps, n_atoms), int64, overwritten
    """

    lines: Lines
    tables: Tables
    weight: float
    reach: int
    log_prob: Floats
    atoms: Ints


@inline
def is_as_before(before, atoms, first, last):  # type: ignore[no-untyped-def]
    """Tell whether a site's atoms are what they were."""
    same = True
    for a in range(first, last):
        same &= before[a] == atoms[a]
    return same


@inline
def judge_change(grid, judged, t, v, scratch, row, fresh):  # type: ignore[no-untyped-def]
    """Return by how much log D changed with site (t, v), and write the new factors."""
    lines, change, begun = judged.lines, 0.0, False
    for s in range(t, min(t + judged.reach + 1, grid.shape[0])):
        for i in range(lines.order.size):
            fresh[s - t, i] = judged.log_prob[s, i]
            own = s == t and lines.order[i] == v
            if s == t and not (begun or own):
                continue
            begun = True
            first, last = lines.atom_first[i], lines.atom_first[i + 1]
            read_site(grid, lines, i, s, scratch.atoms)
            if s > t + lines.period and is_as_before(judged.atoms[s], scratch.atoms, first, last):
                continue
            weigh_site(grid, lines, judged.tables, i, s, scratch, row)
            fresh[s - t, i] = row[grid[s, lines.order[i]]]
            change += fresh[s - t, i] - judged.log_prob[s, i]
    return change


@inline
def keep_change(grid, judged, t, fresh):  # type: ignore[no-untyped-def]
    """Take the new factors over, and the atoms with them."""
    for s in range(t, min(t + judged.reach + 1, grid.shape[0])):
        for i in range(judged.lines.order.size):
            judged.log_prob[s, i] = fresh[s - t, i]
            read_site(grid, judged.lines, i, s, judged.atoms[s])


@jit(fastmath={"contract", "reassoc", "nsz", "arcp"})  # as `sweep_sites`, but -inf stays
def sweep_judged(
    piece: Piece, sites: Ints, target: Target, judged: Judged, inverse_temperature: Float32s,
    u: Floats,
) -> int:  # fmt: skip
    """Propose symbols at randomly chosen sites of one piece, in place.

    Parameters
    ----------
    piece, sites, target, inverse_temperature
        As of `sweep_sites`, of the whole grid and of modelled lines alone.
    judged : Judged
        Its factors and atoms are those of the grid.
    u : ndarray of shape (n_sweeps, n_updates, 3), in [0, 1)
        Which site, which symbol, whether to accept.

    Returns
    -------
    int
        Number of symbols changed.
    """
    grid, first, last = piece
    features, rows, weights, field, steps = target
    values, place = np.zeros(features.width, np.float32), make_places(features.width)
    bits = np.zeros(features.width, np.int32)
    floats = bits.view(np.float32)
    room = make_scratch(judged.lines, judged.tables)
    row = np.zeros(judged.lines.labels.shape[1])
    fresh = np.zeros((judged.reach + 1, judged.lines.order.size))
    n_changed = 0
    for sweep in range(u.shape[0]):
        scale = inverse_temperature[sweep]
        for j in range(u.shape[1]):
            number = int(u[sweep, j, 0] * sites.shape[0])
            t, v = sites[number, 0], sites[number, 1]
            n, old = padded(features.n_symbols[v]), grid[t, v]
            site = Site(first, last, t, v, LOWEST, n)
            gather_site(grid, site, features, rows, weights, (field, steps), values, place)
            _, total = exp_row(values, n, scale, bits, floats)
            new = draw_row(values, n, np.float32(u[sweep, j, 1]) * total, old)
            if new == old:
                continue
            grid[t, v] = new
            change = judge_change(grid, judged, t, v, room, row, fresh)
            if np.log(u[sweep, j, 2]) < judged.weight * scale * change:  # (2)
                keep_change(grid, judged, t, fresh)
                n_changed += 1
            else:
                grid[t, v] = old
    return n_changed
