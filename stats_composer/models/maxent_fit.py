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
from stats_composer.kernels.maxent import add_counts, value_and_gradient
from stats_composer.kernels.pairs import has_pairs_alone, pair_kernels, site_sweeper
from stats_composer.kernels.sites import Layout

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
    """CD-k, the corpus's own statistics of some stretches of pieces against those of chains.

    A chain starts at a piece, or at a window of it. After every `n_sweeps` sweeps the chains are
    counted and the weights move; then a chain starts again at another piece with probability
    `restart`, and goes on otherwise. At 1 this is Hinton's CD; below it ages of chains are mixed,
    so that weights learn at once what keeps a chain at the data and what brings an old one back
    (persistent chains: Younes 1989, Tieleman 2008).

    Attributes
    ----------
    n_sweeps : int
        Sweeps k of the chains between two steps.
    n_steps : int
    n_chains : int
        As many pieces are looked at together, each once before any comes again.
    window : int, optional
        Rows of the stretch that a chain runs on, a piece's first or last; by default all.
        Many short chains tell more than a few long ones: what pieces differ in averages out.
    learning_rate : float
        Of Adam, falling to 0 along a line.
    restart : float
    clamped : float
        Share of the chains whose first line stays as it is, as in harmonizing.
    scrambled : float
        Share of such chains whose other lines start from noise. What chains that start at
        pieces never visit is not learned to be unlikely, and annealing may end there.
    burn_in : int
        Steps for which a chain from noise is not counted: what noise still is in it would
        sharpen the model beyond the corpus.
    run_share : float
        Share of run moves.
    epsilon : float
        Added to Adam's root mean square: features whose counts differ by less than this
        share of the rows move their weights less.
    average : float
        The weights returned are the mean over this share of the steps, the last ones
        (Polyak and Juditsky 1992).
    """

    n_sweeps: int = 10
    n_steps: int = 80
    n_chains: int = 30
    window: int | None = None
    learning_rate: float = 0.01
    restart: float = 1.0
    clamped: float = 0.3
    scrambled: float = 0.0
    burn_in: int = 0
    run_share: float = 0.02
    epsilon: float = 1e-4
    average: float = 0.0

    def fit(
        self, model: MaxEnt, pieces: Pieces, rng: np.random.Generator, callback: Callback = None
    ) -> None:
        """Move the model's weights."""
        weights = model.weights_
        mean, square = np.zeros_like(weights.vector), np.full_like(weights.vector, 1e-8)
        chains = Chains(model, pieces, self, rng)
        total, n_averaged = np.zeros(len(weights.vector), np.float64), 0
        for step in range(self.n_steps):
            if step:
                chains.start(np.flatnonzero(rng.random(self.n_chains) < self.restart))
            difference = chains.advance()
            mean = np.float32(0.9) * mean + np.float32(0.1) * difference
            square = np.float32(0.99) * square + np.float32(0.01) * difference * difference
            rate = np.float32(self.learning_rate * (1 - step / self.n_steps))
            weights.vector += rate * mean / (np.sqrt(square) + np.float32(self.epsilon))
            weights.fold()
            if step >= (1 - self.average) * self.n_steps:
                total += weights.vector
                n_averaged += 1
            if callback:
                callback("contrastive divergence", step + 1, self.n_steps)
        if n_averaged:
            weights.vector[:] = total / n_averaged
            weights.fold()


class Chains:
    """Gibbs chains of a model that is being fitted, each with the piece that it started from."""

    def __init__(
        self,
        model: MaxEnt,
        pieces: Pieces,
        settings: ContrastiveDivergence,
        rng: np.random.Generator,
    ) -> None:
        self.model, self.pieces, self.settings, self.rng = model, pieces, settings, rng
        self.multiplicity = model.weights_.multiplicity()
        self.data: list[Ints] = [np.zeros((0, 0), np.int64)] * settings.n_chains
        self.grids = list(self.data)
        self.clamp = np.zeros(settings.n_chains, np.bool_)
        self.uncounted = np.zeros(settings.n_chains, np.int64)
        self._queue: list[int] = []
        self.start(np.arange(settings.n_chains))

    def start(self, which: Ints) -> None:
        """Start some chains anew, at the next pieces of a random order."""
        settings = self.settings
        for i in which:
            if not self._queue:
                self._queue = self.rng.permutation(len(self.pieces.start)).tolist()
            piece = self._queue.pop()
            first, last = int(self.pieces.start[piece]), int(self.pieces.stop[piece])
            if settings.window is not None:
                # the opening or the close: borders inside a piece are not what a model must learn
                if self.rng.random() < 0.5:
                    first = max(last - settings.window, first)
                last = min(first + settings.window, last)
            self.data[i] = self.grids[i] = self.pieces.grid[first:last]
            self.clamp[i] = self.rng.random() < settings.clamped
            may = self.clamp[i] and settings.scrambled > 0
            noisy = may and self.rng.random() < settings.scrambled
            self.uncounted[i] = settings.burn_in if noisy else 0
            if noisy:
                self.grids[i] = self._scramble(self.data[i], self.pieces.modelled[first:last])

    def _scramble(self, grid: Ints, modelled: NDArray[np.bool_]) -> Ints:
        """Draw the lines below the first anew, all symbols alike."""
        layout = self.model.layout_
        grid = grid.copy()
        for v in range(1, layout.n_lines):
            noise = self.rng.integers(layout.n_symbols[v], size=len(grid))
            grid[:, v] = np.where(modelled[:, v], noise, grid[:, v])
        return grid

    def advance(self) -> Floats:
        """Sweep all chains; return the corpus's counts less theirs, a row, by weight."""
        from stats_composer.models.maxent import Pieces

        weights, layout = self.model.weights_, self.model.layout_
        data = Pieces(self.data, self.model)
        now = Pieces(self.grids, self.model)
        field = weights.field(now.grid)
        seeds = self.rng.integers(0, 2**63, len(self.grids))
        n_sweeps, run_share = self.settings.n_sweeps, self.settings.run_share
        ones = np.ones(n_sweeps, np.float32)
        none = no_steps(layout)
        sweep = site_sweeper(layout)

        def run(i: int) -> None:
            first, last = now.start[i], now.stop[i]
            rows = np.argwhere(now.modelled[first:last]) + np.array([first, 0])
            sites = rows[rows[:, 1] > 0] if self.clamp[i] else rows
            u = np.random.default_rng(seeds[i]).random((n_sweeps, len(sites), 3))
            sweep(
                now.grid, first, last, sites, layout, now.rows, field, weights.folded, none,
                ones, run_share, u,
            )  # fmt: skip
            self.grids[i] = now.grid[first:last]

        longest_first = np.argsort(now.start - now.stop, kind="stable")
        with ThreadPoolExecutor(n_threads()) as pool:
            list(pool.map(run, longest_first))
        return self._difference(data, now)

    def _difference(self, data: Pieces, now: Pieces) -> Floats:
        """Return counts of the corpus's stretches less those of chains that are counted yet."""
        weights, layout = self.model.weights_, self.model.layout_
        counted = self.uncounted == 0
        self.uncounted = np.maximum(self.uncounted - 1, 0)
        rows = np.repeat(counted, now.stop - now.start)
        counts, expected = np.zeros_like(weights.folded), np.zeros_like(weights.folded)
        for pieces, total in ((data, expected), (now, counts)):
            start, stop = pieces.start[counted], pieces.stop[counted]
            add_counts(pieces.grid, start, stop, layout, pieces.rows, total)
        lines = slice(0, layout.n_lines)
        symbols = np.arange(layout.width)
        residual = (data.grid[:, lines, None] == symbols).astype(np.float32)
        residual -= now.grid[:, lines, None] == symbols
        residual[~rows] = 0
        folded = np.asarray((expected - counts) / self.multiplicity, np.float32)
        return weights.unfold(folded, residual, now.grid) / np.float32(max(rows.sum(), 1))


def no_steps(layout: Layout) -> Steps:
    """Return the pairwise log-weights of a sampler that has none."""
    table = np.zeros((0, layout.width, layout.width), np.float32)
    return Steps(table, np.zeros((0, layout.n_lines, layout.n_lines), np.int64))
