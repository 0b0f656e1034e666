"""Fitting of the maximum-entropy model: pseudo-likelihood, then contrastive divergence.

The objective of the first stage, per modelled site, is

    mean log P(symbol | rest)  -  sum over weights of  l2 w^2 / 2 + l1 |w|

climbed either by `StochasticGradient` (mini-batches of pieces, AdaGrad) or by `LBFGS` (all
pieces at once). The L1 penalty has a kink at 0 that plain quasi-Newton steps cannot see; the
weights are split into positive and negative parts, w = p - n with p, n >= 0, where the penalty
is linear and L-BFGS-B's bounds do the rest (Schmidt, Fung, Rosales 2007).

Gradients are summed over a fixed number of shares of the pieces in a fixed order, so that
they do not depend on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.gibbs import Steps
from stats_composer.kernels.maxent import Layout, add_counts, value_and_gradient
from stats_composer.kernels.pairs import has_pairs_alone, pair_kernels, site_sweeper

if TYPE_CHECKING:
    from stats_composer.models.maxent import MaxEnt, Pieces

__all__ = ["LBFGS", "ContrastiveDivergence", "Solver", "StochasticGradient"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Callback = Callable[[str, int, int], Any] | None

N_SHARES = 4


class Solver(Protocol):
    """What maximizes the pseudo-likelihood of a model."""

    def fit(
        self, model: MaxEnt, pieces: Pieces, rng: np.random.Generator, callback: Callback
    ) -> None:
        """Move the model's weights."""


def pseudo_gradient(
    model: MaxEnt, pieces: Pieces, chosen: Ints, threshold: float
) -> tuple[float, Floats, int]:
    """Return the pseudo-log-likelihood of some pieces, its gradient by weight, and their sites."""
    weights = model.weights_
    field, seen = site_fields(model, pieces)
    shares = [part for part in np.array_split(chosen, N_SHARES) if len(part)]
    with ThreadPoolExecutor(n_threads()) as pool:
        results = list(pool.map(lambda s: sum_sites(model, pieces, s, threshold, field), shares))
    total = sum(result[0] for result in results)
    gradient = np.sum([result[1] for result in results], axis=0)
    residual = np.sum([result[2] for result in results], axis=0)
    n_sites = int(sum(pieces.modelled[pieces.start[p] : pieces.stop[p]].sum() for p in chosen))
    return total, weights.unfold(gradient, residual, seen), n_sites


def pseudo_likelihood(model: MaxEnt, pieces: Pieces) -> float:
    """Return the summed pseudo-log-likelihood of all pieces, in nats."""
    field, _ = site_fields(model, pieces)
    return sum_sites(model, pieces, np.arange(len(pieces.start)), -1.0, field)[0]


def _by_changes(layout: Layout) -> bool:
    """Tell whether the kernels for pairs alone serve; under gates, that of all terms does."""
    return has_pairs_alone(layout) and layout.n_gates == 1


def site_fields(model: MaxEnt, pieces: Pieces) -> tuple[Floats, Ints]:
    """Return the fields of each row, or of each kind of row, and the grid's rows that show them."""
    seen = pieces.grid[pieces.kinds[0]] if _by_changes(model.layout_) else pieces.grid
    return model.weights_.field(seen), seen


def sum_sites(
    model: MaxEnt, pieces: Pieces, part: Ints, threshold: float, field: Floats
) -> tuple[float, Floats, Floats]:
    """Return value and gradients (by primitive, by field) of a part; below 0, the value alone."""
    layout, weights = model.layout_, model.weights_.folded
    gradient, residual = np.zeros_like(weights), np.zeros_like(field)
    places = pieces.grid, pieces.start[part], pieces.stop[part], pieces.modelled, layout
    if _by_changes(layout):
        total = pair_kernels(layout.width).value_and_gradient(
            *places, pieces.kinds[1], field, weights, threshold >= 0, gradient, residual
        )
    else:
        total = value_and_gradient(
            *places, pieces.rows, field, weights, threshold, gradient, residual
        )
    return total, gradient, residual


def n_threads() -> int:
    """Threads for the kernels, which hold no lock."""
    return min(N_SHARES, os.cpu_count() or 1)


def take(model: MaxEnt, pieces: Pieces, chosen: Ints) -> Pieces:
    """Return some of the pieces, packed."""
    from stats_composer.models.maxent import Pieces

    return Pieces([pieces.grid[pieces.start[p] : pieces.stop[p]] for p in chosen], model)


@dataclass(frozen=True)
class StochasticGradient:
    """AdaGrad on mini-batches of pieces.

    Attributes
    ----------
    learning_rate : float
        Falls to 0 along a half cosine.
    n_epochs, batch_size : int
    threshold : float
        Residuals below it are not scattered, which saves most of the time.
    """

    learning_rate: float = 0.1
    n_epochs: int = 8
    batch_size: int = 8
    threshold: float = 1e-3

    def fit(
        self, model: MaxEnt, pieces: Pieces, rng: np.random.Generator, callback: Callback = None
    ) -> None:
        """Move the model's weights."""
        weights = model.weights_
        squares = np.full_like(weights.vector, 1e-8)
        n_pieces = len(pieces.start)
        n_batches = -(-n_pieces // self.batch_size)
        n_total = self.n_epochs * n_batches
        done = 0
        for _ in range(self.n_epochs):
            for batch in np.array_split(rng.permutation(n_pieces), n_batches):
                part = take(model, pieces, batch)
                _, gradient, n_sites = pseudo_gradient(
                    model, part, np.arange(len(batch)), self.threshold
                )
                gradient = gradient / np.float32(max(n_sites, 1)) - weights.l2 * weights.vector
                squares += gradient * gradient
                rate = self.learning_rate * 0.5 * (1 + np.cos(np.pi * done / n_total))
                weights.vector += np.float32(rate) * gradient / np.sqrt(squares)
                weights.fold()
                done += 1
                if callback:
                    callback("pseudo-likelihood", done, n_total)


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS-B on all pieces, with an optional L1 penalty handled by its bounds.

    Attributes
    ----------
    n_iterations : int
    l1 : float
        Nats a site and unit of weight.
    tolerance : float
        On the largest component of the projected gradient.
    """

    n_iterations: int = 100
    l1: float = 0.0
    tolerance: float = 1e-6

    def fit(
        self, model: MaxEnt, pieces: Pieces, rng: np.random.Generator, callback: Callback = None
    ) -> None:
        """Move the model's weights."""
        from scipy.optimize import minimize

        weights = model.weights_
        n = len(weights.vector)
        everything = np.arange(len(pieces.start))
        split = self.l1 > 0

        def objective(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            w = x[:n] - x[n:] if split else x
            weights.vector[:] = w
            weights.fold()
            total, gradient, n_sites = pseudo_gradient(model, pieces, everything, 0.0)
            value = total / n_sites - 0.5 * float(weights.l2 @ (w * w))
            slope = gradient.astype(np.float64) / n_sites - weights.l2 * w
            if not split:
                return -value, -slope
            penalty = self.l1 * float(x.sum())
            return penalty - value, np.concatenate([self.l1 - slope, self.l1 + slope])

        start = weights.vector.astype(np.float64)
        if split:
            start = np.concatenate([np.maximum(start, 0), np.maximum(-start, 0)])
        steps = iter(range(1, self.n_iterations + 1))
        result = minimize(
            objective,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0, None)] * (2 * n) if split else None,
            callback=lambda x: (
                callback("pseudo-likelihood", next(steps, 0), self.n_iterations)
                if callback
                else None
            ),
            options={"maxiter": self.n_iterations, "gtol": self.tolerance, "maxcor": 10},
        )
        weights.vector[:] = result.x[:n] - result.x[n:] if split else result.x
        weights.fold()


@dataclass(frozen=True)
class ContrastiveDivergence:
    """CD-k on whole pieces, the corpus's own statistics of the same pieces against the chains'.

    Attributes
    ----------
    n_sweeps : int
        Sweeps k of a chain before it is counted.
    n_steps, batch_size : int
    learning_rate : float
        Of Adam, falling to 0 along a line.
    persistent : float
        Share of the chains that go on from where the piece's last chain ended.
    clamped : float
        Share of the steps in which the first line stays as it is, as in harmonizing.
    run_share : float
        Share of run moves.
    pool : int, optional
        Draw the pieces of all steps from so many, so that persistent chains grow old.
    epsilon : float
        Added to Adam's root mean square: counts of features that differ by less than this
        share of the rows move their weights less.
    decay : float
        Pull of the weights to 0.
    """

    n_sweeps: int = 10
    n_steps: int = 80
    batch_size: int = 30
    learning_rate: float = 0.01
    persistent: float = 0.0
    clamped: float = 0.3
    run_share: float = 0.02
    pool: int | None = None
    epsilon: float = 1e-4
    decay: float = 0.0

    def fit(
        self, model: MaxEnt, pieces: Pieces, rng: np.random.Generator, callback: Callback = None
    ) -> None:
        """Move the model's weights."""
        weights = model.weights_
        mean, square = np.zeros_like(weights.vector), np.full_like(weights.vector, 1e-8)
        pool = rng.permutation(len(pieces.start))[: self.pool]
        state = pieces.grid.copy()
        multiplicity = weights.multiplicity()
        for step in range(self.n_steps):
            chosen = np.sort(rng.choice(pool, min(self.batch_size, len(pool)), replace=False))
            clamp = rng.random() < self.clamped
            seeds = rng.integers(0, 2**63, len(chosen))
            persist = rng.random(len(chosen)) < self.persistent
            difference = self._difference(
                model, pieces, state, chosen, clamp, persist & (not clamp), seeds, multiplicity
            )
            difference -= np.float32(self.decay) * weights.vector
            mean = np.float32(0.9) * mean + np.float32(0.1) * difference
            square = np.float32(0.99) * square + np.float32(0.01) * difference * difference
            rate = np.float32(self.learning_rate * (1 - step / self.n_steps))
            weights.vector += rate * mean / (np.sqrt(square) + np.float32(self.epsilon))
            weights.fold()
            if callback:
                callback("contrastive divergence", step + 1, self.n_steps)

    def _difference(
        self,
        model: MaxEnt,
        pieces: Pieces,
        state: Ints,
        chosen: Ints,
        clamp: bool,
        persist: NDArray[np.bool_],
        seeds: Ints,
        multiplicity: Floats,
    ) -> Floats:
        """Corpus counts less the chains', a row, by weight."""
        weights, layout = model.weights_, model.layout_
        ones = np.ones(self.n_sweeps, np.float32)
        none = no_steps(layout)

        def run(share: Ints) -> tuple[Floats, Floats, Ints]:
            counts = np.zeros_like(weights.folded)
            part = take(model, pieces, chosen[share])
            data = part.grid.copy()
            field = weights.field(part.grid)
            for i, j in enumerate(share):
                first, last, piece = part.start[i], part.stop[i], chosen[j]
                if persist[j]:
                    part.grid[first:last] = state[pieces.start[piece] : pieces.stop[piece]]
                rows = np.argwhere(part.modelled[first:last]) + np.array([first, 0])
                sites = rows[rows[:, 1] > 0] if clamp else rows
                u = np.random.default_rng(seeds[j]).random((self.n_sweeps, len(rows), 3))
                site_sweeper(layout)(
                    part.grid, first, last, sites, layout, part.rows, field, weights.folded,
                    none, ones, self.run_share, u,
                )  # fmt: skip
                if not clamp:
                    state[pieces.start[piece] : pieces.stop[piece]] = part.grid[first:last]
            add_counts(part.grid, part.start, part.stop, layout, part.rows, counts)
            negative = np.zeros_like(weights.folded)
            add_counts(data, part.start, part.stop, layout, part.rows, negative)
            lines = slice(0, layout.n_lines)
            symbols = np.arange(layout.width)
            residual = (data[:, lines, None] == symbols).astype(np.float32)
            residual -= part.grid[:, lines, None] == symbols
            return negative - counts, residual, part.grid

        shares = [s for s in np.array_split(np.arange(len(chosen)), N_SHARES) if len(s)]
        with ThreadPoolExecutor(n_threads()) as pool:
            results = list(pool.map(run, shares))
        folded = np.sum([r[0] for r in results], axis=0) / multiplicity
        residual = np.concatenate([r[1] for r in results])
        grid = np.concatenate([r[2] for r in results])
        return weights.unfold(folded, residual, grid) / np.float32(len(grid))


def no_steps(layout: Layout) -> Steps:
    """Return the pairwise log-weights of a sampler that has none."""
    table = np.zeros((0, layout.width, layout.width), np.float32)
    return Steps(table, np.zeros((0, layout.n_lines, layout.n_lines), np.int64))
