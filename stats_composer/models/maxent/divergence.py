"""Contrastive divergence: the corpus's statistics against those of chains of the model.

The gradient of the log-likelihood by a weight is the mean count of its feature in the corpus
less that in the model's law. The law's is taken from chains that k sweeps have led away from
the corpus (Hinton 2002): by row,

    g[f] = (count of f in the corpus's stretches - count of f in the chains) / rows.         (1)

A kernel counts a feature once for each site that it contains, so that counts are divided by
that number, the feature's multiplicity. The weights follow (1) by Adam (Kingma, Ba 2015), which
divides a running mean of the gradient by the root of that of its square:

    m <- b1 m + (1 - b1) g,  m_0 = 0                                                         (2)
    s <- b2 s + (1 - b2) g^2,  s_0 = `FIRST_SQUARE`                                          (3)
    w <- w + rate m / (sqrt(s) + epsilon)                                                    (4)

with b1 = .9 as published, and b2 = .99 in place of .999, because a finish takes some 50 to 250
steps. Means are not corrected for their start at 0: early steps, at which chains have told
little, are to be short.

References
----------
G. Hinton (2002), Training products of experts by minimizing contrastive divergence, Neural
Computation 14(8). D. Kingma, J. Ba (2015), Adam: a method for stochastic optimization, ICLR.
L. Younes (1989), Parametric inference for imperfectly observed Gibbsian fields, Probability
Theory and Related Fields 82. T. Tieleman (2008), Training restricted Boltzmann machines using
approximations to the likelihood gradient, ICML. B. Polyak, A. Juditsky (1992), Acceleration of
stochastic approximation by averaging, SIAM J. Control and Optimization 30(4).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stats_composer.kernels.arrays import Bools, Float32s, Ints
from stats_composer.kernels.gibbs import Target, no_steps
from stats_composer.kernels.layout import Piece
from stats_composer.kernels.maxent import add_counts
from stats_composer.kernels.pairs import site_sweeper
from stats_composer.models.base import Callback
from stats_composer.models.maxent.pieces import Pieces
from stats_composer.models.maxent.pseudo import n_threads
from stats_composer.models.maxent.solvers import History
from stats_composer.models.maxent.weights import Weights
from stats_composer.models.parameters import Parameters, Real, Strategy, Whole

__all__ = ["Chains", "ContrastiveDivergence"]

STAGE = "contrastive divergence"
B1, B2 = np.float32(0.9), np.float32(0.99)
FIRST_SQUARE = 1e-8


@dataclass(frozen=True)
class ContrastiveDivergence(Strategy):
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

    Examples
    --------
    >>> from stats_composer.models.maxent import Field, MaxEnt
    >>> model = MaxEnt([Field()], finish=ContrastiveDivergence(n_steps=4), random_state=0)
    >>> model.fit([np.array([[0], [1], [0]])] * 4).weights_.tables["Field()"].shape
    (1, 1, 8)
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
    _parameters: ClassVar[Parameters] = {
        "n_sweeps": (Whole(1),),
        "n_steps": (Whole(1),),
        "n_chains": (Whole(1),),
        "window": (None, Whole(1)),
        "learning_rate": (Real(open=True),),
        **dict.fromkeys(("restart", "clamped", "scrambled", "run_share"), (Real(0, 1),)),
        "burn_in": (Whole(),),
        "epsilon": (Real(),),
        "average": (Real(0, 1),),
    }

    def fit(
        self, weights: Weights, pieces: Pieces, rng: np.random.Generator, callback: Callback = None
    ) -> History:
        """Move the weights, by draws of `rng`; `callback` is that of `MaxEnt.fit`.

        Records have the `distance`, the root mean square of (1).
        """
        history: History = []
        mean, square = np.zeros_like(weights.vector), np.full_like(weights.vector, FIRST_SQUARE)
        chains = Chains(weights, pieces, self, rng)
        total, n_averaged = np.zeros(len(weights.vector), np.float64), 0
        for step in range(self.n_steps):
            if step:
                chains.start(np.flatnonzero(rng.random(self.n_chains) < self.restart))
            difference = chains.advance()
            mean = B1 * mean + np.float32(0.1) * difference  # (2)
            square = B2 * square + np.float32(0.01) * difference * difference  # (3)
            rate = np.float32(self.learning_rate * (1 - step / self.n_steps))
            weights.vector += rate * mean / (np.sqrt(square) + np.float32(self.epsilon))  # (4)
            weights.fold()
            distance = float(np.sqrt(np.mean(np.square(difference)))) if len(difference) else 0.0
            history.append({"stage": STAGE, "step": step, "distance": distance})
            if step >= (1 - self.average) * self.n_steps:
                total += weights.vector
                n_averaged += 1
            if callback:
                callback(STAGE, step + 1, self.n_steps)
        if n_averaged:
            weights.vector[:] = total / n_averaged
            weights.fold()
        return history


class Chains:
    """Gibbs chains of a model that is being fitted, each with the piece that it started from."""

    def __init__(
        self,
        weights: Weights,
        pieces: Pieces,
        settings: ContrastiveDivergence,
        rng: np.random.Generator,
    ) -> None:
        self.weights, self.pieces, self.settings, self.rng = weights, pieces, settings, rng
        self.multiplicity = weights.multiplicity
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

    def _scramble(self, grid: Ints, modelled: Bools) -> Ints:
        """Draw the lines below the first anew, all symbols alike."""
        layout = self.weights.layout
        grid = grid.copy()
        for v in range(1, layout.n_lines):
            noise = self.rng.integers(layout.n_symbols[v], size=len(grid))
            grid[:, v] = np.where(modelled[:, v], noise, grid[:, v])
        return grid

    def advance(self) -> Float32s:
        """Sweep all chains; return the corpus's counts less theirs, a row, by weight."""
        weights, features = self.weights, self.weights.layout.features
        data = self.pieces.pack(self.data)
        now = self.pieces.pack(self.grids)
        field = weights.field(now.grid)
        target = Target(features, now.rows, weights.folded, field, no_steps(features))
        seeds = self.rng.integers(0, 2**63, len(self.grids))
        n_sweeps, run_share = self.settings.n_sweeps, self.settings.run_share
        ones = np.ones(n_sweeps, np.float32)
        sweep = site_sweeper(features)

        def run(i: int) -> None:
            first, last = now.start[i], now.stop[i]
            rows = np.argwhere(now.modelled[first:last]) + np.array([first, 0])
            sites = rows[rows[:, 1] > 0] if self.clamp[i] else rows
            u = np.random.default_rng(seeds[i]).random((n_sweeps, len(sites), 3))
            sweep(Piece(now.grid, int(first), int(last)), sites, target, ones, run_share, u)
            self.grids[i] = now.grid[first:last]

        longest_first = np.argsort(now.start - now.stop, kind="stable")
        with ThreadPoolExecutor(n_threads()) as pool:
            list(pool.map(run, longest_first))
        return self._difference(data, now)

    def _difference(self, data: Pieces, now: Pieces) -> Float32s:
        """Return counts of the corpus's stretches less those of chains that are counted yet."""
        weights, layout = self.weights, self.weights.layout
        counted = self.uncounted == 0
        self.uncounted = np.maximum(self.uncounted - 1, 0)
        rows = np.repeat(counted, now.stop - now.start)
        counts, expected = np.zeros_like(weights.folded), np.zeros_like(weights.folded)
        for pieces, total in ((data, expected), (now, counts)):
            start, stop = pieces.start[counted], pieces.stop[counted]
            grids = pieces.grids._replace(start=start, stop=stop)
            add_counts(grids, layout.features, pieces.rows, total)
        lines = slice(0, layout.n_lines)
        symbols = np.arange(layout.width)
        residual = (data.grid[:, lines, None] == symbols).astype(np.float32)
        residual -= now.grid[:, lines, None] == symbols
        residual[~rows] = 0
        folded = np.asarray((expected - counts) / self.multiplicity, np.float32)
        by_weight = weights.unfold(folded, residual, now.grid)
        return by_weight / np.float32(max(rows.sum(), 1))  # (1)
