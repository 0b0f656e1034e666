"""Matching: the weights of a model moved until what is written by it has the corpus' features.

A model is fitted to its corpus, and then sampled in ways that its fit has not seen: cooled below
its own temperature, some lines given, others held, under factors. So features come too often or
too seldom, those most of which the fit does not know. Matching keeps one such writing a piece of
the corpus, in which all that was given stands as in the piece, and lets it go on by Gibbs sampling
under its factors. The weight of each feature f of some terms follows how often it comes in the
pieces and in their writings,

    w[f] <- w[f] + rate * log((n[f] in the pieces + SHRINK) / (n[f] in the writings + SHRINK)), (1)

until both have it equally often; what seldom comes stays nearly as it is. It is iterative scaling
(Darroch, Ratcliff 1972) with counts of the law that is really drawn from. One event has many
features, and they all move: with too high a rate, or too many terms at once, they overshoot.

References
----------
J. Darroch, D. Ratcliff (1972), Generalized iterative scaling for log-linear models, Annals of
Mathematical Statistics 43(5). S. Della Pietra, V. Della Pietra, J. Lafferty (1997), Inducing
features of random fields, IEEE PAMI 19(4). L. Younes (1989), Parametric inference for
imperfectly observed Gibbsian fields, Probability Theory and Related Fields 82.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np

from stats_composer.factors import Factors
from stats_composer.kernels.arrays import Bools, Float32s, Floats, Ints
from stats_composer.kernels.gibbs import Target, no_steps
from stats_composer.kernels.layout import FORBIDDEN, Piece
from stats_composer.kernels.pairs import site_sweeper
from stats_composer.models.base import Callback
from stats_composer.models.maxent.model import MaxEnt
from stats_composer.models.maxent.pieces import Pieces
from stats_composer.models.maxent.pseudo import n_threads
from stats_composer.models.maxent.terms import Term
from stats_composer.models.maxent.weights import fold_in
from stats_composer.models.parameters import Parameters, Real, Strategy, Whole

__all__ = ["Matching", "Writing"]

STAGE = "matching"
SHRINK = 6.0


class Writing(NamedTuple):
    """A piece, and what the model has made of what was given of it.

    Attributes
    ----------
    piece, grid : ndarray of shape (n_rows, n_voices), int64
    free : ndarray of shape (n_rows, n_lines), bool
        The sites of the grid that go on changing.
    unary : ndarray of shape (n_rows, n_lines, n_symbols), float64
        Log-weights of factors; -inf forbids.
    terms : tuple
        Of the factors, such as `ParallelMotion`; all writings have the same.

    Examples
    --------
    >>> grid, free = np.zeros((4, 1), np.int64), np.ones((4, 1), np.bool_)
    >>> Writing.of(grid + 1, grid, free, Factors.free(4, np.array([2]))).unary.shape
    (4, 1, 2)
    """

    piece: Ints
    grid: Ints
    free: Bools
    unary: Floats
    terms: tuple[object, ...] = ()

    @classmethod
    def of(cls, piece: Ints, grid: Ints, free: Bools, factors: Factors) -> Self:
        """Return the writing of a piece under factors."""
        return cls(piece, grid, free, factors.unary[:, : free.shape[1]], factors.terms)


@dataclass(frozen=True)
class Matching(Strategy):
    """How the weights are moved.

    Attributes
    ----------
    n_steps : int
    n_writings : int
        Looked at in one step, drawn by chance.
    n_sweeps : int
        Of each of them before it is counted.
    temperature : float
    rate : float
        Of the first step; it falls to 0 along a line.
    run_share : float
        Share of run moves.

    Examples
    --------
    What was written without a single 1 learns that there are some:

    >>> from stats_composer.models.maxent import Field
    >>> piece = np.array([[0], [1], [1], [1]])
    >>> model = MaxEnt([Field()], n_lines=1, n_symbols=[2]).fit([piece])
    >>> nothing = Writing.of(piece, 0 * piece, piece > 1, Factors.free(4, np.array([2])))
    >>> before = model.weights_.vector[1]
    >>> _ = Matching(n_steps=1).match(model, model.terms, [nothing], np.random.default_rng(0))
    >>> bool(model.weights_.vector[1] > before)
    True
    """

    n_steps: int = 40
    n_writings: int = 64
    n_sweeps: int = 6
    temperature: float = 1.0
    rate: float = 0.3
    run_share: float = 0.02
    _parameters: ClassVar[Parameters] = {
        "n_steps": (Whole(1),),
        "n_writings": (Whole(1),),
        "n_sweeps": (Whole(1),),
        "temperature": (Real(open=True),),
        "rate": (Real(open=True),),
        "run_share": (Real(0, 1),),
    }

    def match(
        self,
        model: MaxEnt,
        terms: Sequence[Term],
        writings: Sequence[Writing],
        rng: np.random.Generator,
        callback: Callback = None,
    ) -> list[float]:
        """Move the weights of some terms of a fitted model, in place.

        Parameters
        ----------
        model : MaxEnt
        terms : sequence of Term
            Of the model's, those whose weights move.
        writings : sequence of Writing
            Their grids are where the chains start.
        rng : Generator
        callback : callable, optional

        Returns
        -------
        list of float
            The root mean square of the logarithm in (1) over the features seen, by step.
        """
        weights, distances = model.weights_, []
        moved = np.zeros(len(weights.vector), np.bool_)
        for part in weights.parts:
            moved[part.where] = part.term in terms
        now = list(writings)
        for step in range(self.n_steps):
            chosen = rng.choice(len(now), min(self.n_writings, len(now)), replace=False)
            self._go_on(model, now, chosen, rng)
            corpus = model.count_features([now[i].piece for i in chosen])[moved]
            written = model.count_features([now[i].grid for i in chosen])[moved]
            ratio = np.log((corpus + SHRINK) / (written + SHRINK))
            rate = self.rate * (1 - step / self.n_steps)
            weights.vector[moved] += (rate * ratio).astype(np.float32)  # (1)
            weights.fold()
            seen = ratio[(corpus > 0) | (written > 0)]
            distances.append(float(np.sqrt(np.mean(np.square(seen)))) if len(seen) else 0.0)
            if callback:
                callback(STAGE, step + 1, self.n_steps)
        weights.vector[:] = weights.vector.astype(np.float16)
        weights.fold()
        return distances

    def _go_on(
        self, model: MaxEnt, writings: list[Writing], chosen: Ints, rng: np.random.Generator
    ) -> None:
        """Let some writings go on; the list has their new grids."""
        weights, some = model.weights_, [writings[i] for i in chosen]
        now = model.pack([writing.grid for writing in some])
        factors = np.concatenate([_field(writing.unary, weights.layout.width) for writing in some])
        field = np.maximum(weights.field(now.grid) + factors, np.float32(FORBIDDEN))
        folded = weights.folded
        for term in some[0].terms:
            folded = fold_in(weights, folded, term)
        features = weights.layout.features
        target = Target(features, now.rows, folded, field, no_steps(features))
        self._sweep(now, [writing.free for writing in some], target, rng)
        for i, first, last in zip(chosen, now.start, now.stop, strict=True):
            writings[i] = writings[i]._replace(grid=now.grid[first:last])

    def _sweep(
        self, now: Pieces, free: Sequence[Bools], target: Target, rng: np.random.Generator
    ) -> None:
        """Let some writings go on, in place."""
        seeds = rng.integers(0, 2**63, len(free))
        inverse = np.full(self.n_sweeps, 1 / self.temperature, np.float32)
        sweep = site_sweeper(target.features)

        def run(i: int) -> None:
            first, last = int(now.start[i]), int(now.stop[i])
            sites = np.argwhere(free[i]) + np.array([first, 0])
            if len(sites):
                u = np.random.default_rng(seeds[i]).random((self.n_sweeps, len(sites), 3))
                sweep(Piece(now.grid, first, last), sites, target, inverse, self.run_share, u)

        with ThreadPoolExecutor(n_threads()) as pool:
            list(pool.map(run, range(len(free))))


def _field(unary: Floats, width: int) -> Float32s:
    """Return the log-weights of factors as wide as the rows of kernels."""
    field = np.full((*unary.shape[:2], width), FORBIDDEN, np.float32)
    n = min(width, unary.shape[2])
    field[..., :n] = np.maximum(unary[..., :n], FORBIDDEN)
    return field
