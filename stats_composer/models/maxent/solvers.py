"""Solvers: what climbs the pseudo-likelihood of a maximum-entropy model.

The objective, per modelled site, is

    mean log P(symbol | rest)  -  sum over weights of  l2 w^2 / 2 + l1 |w|

climbed either by `StochasticGradient` (mini-batches of pieces, AdaGrad) or by `LBFGS` (all
pieces at once). The L1 penalty has a kink at 0 that plain quasi-Newton steps cannot see; the
weights are split into positive and negative parts, w = p - n with p, n >= 0, where the penalty
is linear and L-BFGS-B's bounds do the rest (Schmidt, Fung, Rosales 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stats_composer.models.base import Callback
from stats_composer.models.maxent.pieces import Pieces
from stats_composer.models.maxent.pseudo import pseudo_gradient
from stats_composer.models.maxent.weights import Weights

__all__ = ["LBFGS", "Solver", "StochasticGradient"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Solver(Protocol):
    """What maximizes the pseudo-likelihood of pieces."""

    def fit(
        self, weights: Weights, pieces: Pieces, rng: np.random.Generator, callback: Callback
    ) -> None:
        """Move the weights."""


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
        self, weights: Weights, pieces: Pieces, rng: np.random.Generator, callback: Callback = None
    ) -> None:
        """Move the weights."""
        squares = np.full_like(weights.vector, 1e-8)
        n_pieces = len(pieces.start)
        n_batches = -(-n_pieces // self.batch_size)
        n_total = self.n_epochs * n_batches
        done = 0
        for _ in range(self.n_epochs):
            for batch in np.array_split(rng.permutation(n_pieces), n_batches):
                part = pieces.take(batch)
                _, gradient, n_sites = pseudo_gradient(
                    weights, part, np.arange(len(batch)), self.threshold
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
        self, weights: Weights, pieces: Pieces, rng: np.random.Generator, callback: Callback = None
    ) -> None:
        """Move the weights."""
        from scipy.optimize import minimize

        n = len(weights.vector)
        everything = np.arange(len(pieces.start))
        split = self.l1 > 0

        def objective(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            w = x[:n] - x[n:] if split else x
            weights.vector[:] = w
            weights.fold()
            total, gradient, n_sites = pseudo_gradient(weights, pieces, everything, 0.0)
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
