"""A directed model of lines, given some of them to the end: the law of a site, and draws.

    log P(lines | given) = sum over t, i of log P(x[t, v_i] | sites before it, given lines)   (1)

with the modelled lines v_1, v_2 ... of a row in a fixed order. Each factor is the mixture (2) of
`kernels/viewpoints.py` over experts that count symbols under contexts, plus rules of part-writing
(`kernels/directed_sites.py`),

    P(k) ~ exp(sum_e w_e log r_e(k) + sum_f w_f r_f(k)),                              (2)

so that (1) is normalised exactly, and what is to come of a modelled line has no part in it.

Conventions
-----------
A context is its atoms in mixed radix, one integer, found in the sorted integers of its expert. The
cells of a target are a row for each symbol r of its reference and each candidate k: place
r * n + k.

References
----------
M. Allan, C. Williams (2005), Harmonising chorales by probabilistic inference, NIPS 17: directed
models of the lower voices given the soprano.
D. Conklin, I. Witten (1995), Multiple viewpoint systems for music prediction, J. New Music
Research 24(1).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stats_composer.kernels._jit import inline, jit, shared
from stats_composer.kernels.arrays import Floats, Int32s, Ints
from stats_composer.kernels.directed_sites import (
    N_RULES,
    NONE,
    Lines,
    judge,
    read_references,
    read_site,
    symbol_at,
)
from stats_composer.kernels.draw import draw_index
from stats_composer.kernels.viewpoints import Experts, look

__all__ = ["Tables", "make_scratch", "run_rows", "weigh_site"]


class Tables(NamedTuple):
    """What was counted and learned.

    Attributes
    ----------
    experts : Experts
        Of all modelled lines, one after the other; their counts begin at 0: see `entry_first`.
    expert_first : ndarray of shape (n_modelled + 1,), int64
    template : ndarray of shape (n_experts, n_most), int64
        The atoms of its context, -1 past the last.
    key : ndarray of shape (n_contexts,), int64
        The contexts of each expert, rising.
    key_first : ndarray of shape (n_experts + 1,), int64
    entry_first : ndarray of shape (n_contexts + 1,), int64
    entry_cell, entry_count : ndarray of shape (n_entries,), int32
    weights : ndarray of shape (period, n_experts, N_BUCKETS), float64
    rule_weights : ndarray of shape (period, n_modelled, N_RULES), float64
    """

    experts: Experts
    expert_first: Ints
    template: Ints
    key: Ints
    key_first: Ints
    entry_first: Ints
    entry_cell: Int32s
    entry_count: Int32s
    weights: Floats
    rule_weights: Floats


class Scratch(NamedTuple):
    """Rows that a site is worked out in."""

    atoms: Ints
    reference: Ints
    context: Ints
    row: Int32s
    prob: Floats
    mass: Floats
    log_ratio: Floats
    rules: Floats


# ---- the law of a site -------------------------------------------------------------------


@inline
def find_context(tables, e, atoms, size):  # type: ignore[no-untyped-def]
    """Return the number of an expert's context, -1 where it was never met."""
    key = 0
    for j in range(tables.template.shape[1]):
        a = tables.template[e, j]
        if a < 0:
            break
        key = key * size[a] + atoms[a]
    low, high = tables.key_first[e], tables.key_first[e + 1]
    stop = high
    while low < high:
        middle = (low + high) // 2
        if tables.key[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < stop and tables.key[low] == key else -1


@inline
def make_scratch(lines, tables):  # type: ignore[no-untyped-def]
    """Return room for one site."""
    n_experts, width = tables.template.shape[0], lines.labels.shape[1]
    n_cells = tables.experts.n_cells.max()
    return Scratch(
        np.zeros(lines.atoms.size.size, np.int64),
        np.zeros(lines.place.shape[0], np.int64),
        np.zeros(n_experts, np.int64),
        np.zeros(n_cells, np.int32),
        np.zeros((n_experts + 1) * width),
        np.zeros(n_cells),
        np.zeros(width),
        np.zeros((N_RULES, width)),
    )


@inline
def _read_shifts(grid, lines, i, t, n, middle, shift):  # type: ignore[no-untyped-def]
    """Write how far the cells of a line's targets are moved by the symbols they refer to."""
    read_references(grid, lines, i, t, shift)
    for j in range(lines.target_first[i], lines.target_first[i + 1]):
        shift[j] = middle - shift[j] * n if shift[j] >= 0 else NONE


@shared
def weigh_site(grid, lines, tables, i, t, scratch, row):  # type: ignore[no-untyped-def]
    """Write log P of (2) for the candidates of a site."""
    v, phase = lines.order[i], grid[t, lines.phase]
    n, n_experts = lines.n_symbols[v], tables.template.shape[0]
    prob = scratch.prob[: (n_experts + 1) * n].reshape((n_experts + 1, n))
    prob[n_experts] = 1.0 / n
    log_ratio, middle = scratch.log_ratio[:n], tables.experts.cell.shape[1] // 2
    read_site(grid, lines, i, t, scratch.atoms)
    _read_shifts(grid, lines, i, t, n, middle, scratch.reference)
    row[:n] = 0.0
    for e in range(tables.expert_first[i], tables.expert_first[i + 1]):
        context, target, parent = -1, tables.experts.target[e], tables.experts.parent[e]
        # What the corpus never showed, it never showed with more atoms.
        unseen = parent >= 0 and scratch.context[parent] < 0
        unseen = unseen and tables.experts.target[parent] == target
        if scratch.reference[target] != NONE and not unseen:
            context = find_context(tables, e, scratch.atoms, lines.atoms.size)
        scratch.context[e] = context
        first, last = 0, 0
        if context >= 0:
            first, last = tables.entry_first[context], tables.entry_first[context + 1]
        for m in range(first, last):
            scratch.row[tables.entry_cell[m]] = tables.entry_count[m]
        bucket = look(
            tables.experts, e, min(context, 0), scratch.reference, scratch.row, prob,
            scratch.mass, log_ratio,
        )  # fmt: skip
        for m in range(first, last):
            scratch.row[tables.entry_cell[m]] = 0
        if bucket > 0:
            weight = tables.weights[phase, e, bucket]
            for k in range(n):
                row[k] += weight * log_ratio[k]
    judge(grid, lines, i, t, scratch.rules)
    for f in range(N_RULES):
        weight = tables.rule_weights[phase, i, f]
        for k in range(n):
            row[k] += weight * scratch.rules[f, k]
    subtract_log_sum(row, n)


@inline
def subtract_log_sum(row, n):  # type: ignore[no-untyped-def]
    """Normalise log-weights."""
    most = row[0]
    for k in range(n):
        most = max(most, row[k])
    total = 0.0
    for k in range(n):
        total += np.exp(row[k] - most)
    log_total = most + np.log(total)
    for k in range(n):
        row[k] -= log_total


# ---- drawing -----------------------------------------------------------------------------


@inline
def draw_site(row, n, held, settings, u, weight):  # type: ignore[no-untyped-def]
    """Draw a symbol: first whether it stays `held`, then, if not, which other one.

    Parameters
    ----------
    row : (n,) normalised log-weights, -inf where forbidden
    held : int, -1 for none
    settings : (3,), temperatures of the two choices, and min-p of the second: others less
        likely than this share of the likeliest are left out
    u : (2,) uniforms
    weight : (n,) scratch
    """
    most = -np.inf
    for k in range(n):
        if k != held:
            most = max(most, row[k])
    if most == -np.inf:
        return held
    if held >= 0 and row[held] > -np.inf:
        others = 0.0
        for k in range(n):
            if k != held:
                others += np.exp(row[k] - most)
        odds = np.exp((most + np.log(others) - row[held]) / settings[0])
        if u[0] * (1.0 + odds) < 1.0:
            return held
    total, least = 0.0, most + np.log(settings[2])
    for k in range(n):
        weight[k] = 0.0
        if k != held and row[k] > -np.inf and row[k] >= least:
            weight[k] = np.exp((row[k] - most) / settings[1])
            total += weight[k]
    return draw_index(weight, n, total, u[1])


@jit(fastmath={"contract", "reassoc"})  # sums over symbols vectorize; -inf stays what it is
def run_rows(
    grid: Ints,
    lines: Lines,
    tables: Tables,
    unary: Floats,
    settings: Floats,
    u: Floats,
    log_prob: Floats,
) -> None:
    """Go through the rows of a piece: tell the law of each site and, given uniforms, draw it.

    Parameters
    ----------
    grid : ndarray of shape (n_steps, n_voices), int64, overwritten where symbols are drawn
    lines : Lines
    tables : Tables
    unary : ndarray of shape (n_steps, n_lines, width), float64
        Log-weights beside the model's, -inf forbids; a site that forbids all is drawn freely.
    settings : ndarray of shape (3,), float64
        See `draw_site`.
    u : ndarray of shape (n_steps, n_modelled, 2), in [0, 1), or (0, n_modelled, 2) to draw nothing
    log_prob : ndarray of shape (n_steps, n_modelled, width), float64, written
        log P of (2), without the unary log-weights; (1) sums those of the grid's own symbols.
    """
    scratch = make_scratch(lines, tables)
    weight, row = np.zeros(lines.labels.shape[1]), np.zeros(lines.labels.shape[1])
    for t in range(grid.shape[0]):
        for i in range(lines.order.size):
            v = lines.order[i]
            n = lines.n_symbols[v]
            weigh_site(grid, lines, tables, i, t, scratch, log_prob[t, i])
            if u.shape[0] == 0:
                continue
            most = unary[t, v, :n].max()
            for k in range(n):
                row[k] = log_prob[t, i, k] + (unary[t, v, k] if most > -np.inf else 0.0)
            subtract_log_sum(row, n)
            held = symbol_at(grid, t - 1, v)
            grid[t, v] = draw_site(row, n, held, settings, u[t, i], weight)
