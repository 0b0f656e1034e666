"""Solvers: what climbs the pseudo-likelihood of a maximum-entropy model.

The objective, per modelled site, is

    F(w) = mean log P(symbol | rest)  -  sum over weights of  l2 w^2 / 2 + l1 |w|,           (1)

climbed either by `StochasticGradient` (mini-batches of pieces, AdaGrad) or by `LBFGS` (all
pieces at once). AdaGrad gives each weight a rate of its own, by the squares of the gradients
g_k of the batches that it has seen:

    g_k = gradient of the batch's mean log P  -  l2 w                                        (2)
    s_k = s_(k-1) + g_k^2,  s_0 = `FIRST_SQUARE`                                             (3)
    w  <- w + rate_k g_k / sqrt(s_k),  rate_k = learning_rate (1 + cos(pi k / K)) / 2        (4)

so that the first step of a weight is as long as the rate, whatever its gradient; weights of
features that are rarely met keep long steps for the batches that have them.

The L1 penalty has a kink at 0 that plain quasi-Newton steps cannot see; the weights are split
into positive and negative parts, w = p - n with p, n >= 0, where the penalty is linear,

    l1 |w| = l1 (p + n),                                                                     (5)

and L-BFGS-B's bounds do the rest.

References
----------
J. Duchi, E. Hazan, Y. Singer (2011), Adaptive subgradient methods for online learning and
stochastic optimization, JMLR 12. R. Byrd, P. Lu, J. Nocedal, C. Zhu (1995), A limited memory
algorithm for bound constrained optimization, SIAM J. Sci. Comput. 16(5). M. Schmidt, G. Fung,
R. Rosales (2007), Fast optimization methods for L1 regularization, ECML.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from stats_composer.kernels.arrays import Floats
from stats_composer.models.base import Callback
from stats_composer.models.maxent.pieces import Pieces
from stats_composer.models.maxent.pseudo import pseudo_gradient
from stats_composer.models.maxent.weights import Weights
from stats_composer.models.parameters import Parameters, Real, Strategy, Whole

__all__ = ["LBFGS", "History", "Solver", "StochasticGradient"]

History = list[dict[str, Any]]
"""What a fit saw, a record a step: its `stage`, its `step`, and numbers by name."""

STAGE = "pseudo-likelihood"
# Above 0, so that a weight without a gradient stays; too small to shorten any step.
FIRST_SQUARE = 1e-8


class Solver(Protocol):
    """What maximizes the pseudo-likelihood of pieces.

    Examples
    --------
    >>> [hasattr(solver, "fit") for solver in (LBFGS, StochasticGradient)]
    [True, True]
    """

    def fit(
        self, weights: Weights, pieces: Pieces, rng: np.random.Generator, callback: Callback
    ) -> History:
        """Move the weights, by draws of `rng`, and return what was seen on the way.

        `callback` is that of `MaxEnt.fit`.
        """


@dataclass(frozen=True)
class StochasticGradient(Strategy):
    """AdaGrad on mini-batches of pieces.

    Attributes
    ----------
    learning_rate : float
        Falls to 0 along a half cosine.
    n_epochs, batch_size : int
    threshold : float
        Residuals below it are not scattered, which saves most of the time.

    Examples
    --------
    >>> from stats_composer.models.maxent import Field, MaxEnt
    >>> model = MaxEnt([Field()], solver=StochasticGradient(n_epochs=4), random_state=0)
    >>> model.fit([np.array([[0], [1], [0]])] * 4).weights_.tables["Field()"].shape
    (1, 1, 8)
    """

    learning_rate: float = 0.1
    n_epochs: int = 8
    batch_size: int = 8
    threshold: float = 1e-3
    _parameters: ClassVar[Parameters] = {
        "learning_rate": (Real(open=True),),
        "n_epochs": (Whole(1),),
        "batch_size": (Whole(1),),
        "threshold": (Real(),),
    }

    def fit(
        self, weights: Weights, pieces: Pieces, rng: np.random.Generator, callback: Callback = None
    ) -> History:
        """Move the weights, by draws of `rng`; `callback` is that of `MaxEnt.fit`.

        The records have the `objective` before each step, without penalty.
        """
        history: History = []
        squares = np.full_like(weights.vector, FIRST_SQUARE)
        n_pieces = len(pieces.start)
        n_batches = -(-n_pieces // self.batch_size)
        n_total = self.n_epochs * n_batches
        done = 0
        for _ in range(self.n_epochs):
            for batch in np.array_split(rng.permutation(n_pieces), n_batches):
                part = pieces.take(batch)
                total, gradient, n_sites = pseudo_gradient(
                    weights, part, np.arange(len(batch)), self.threshold
                )
                n_sites = max(n_sites, 1)
                gradient = gradient / np.float32(n_sites) - weights.l2 * weights.vector  # (2)
                squares += gradient * gradient  # (3)
                rate = self.learning_rate * 0.5 * (1 + np.cos(np.pi * done / n_total))
                weights.vector += np.float32(rate) * gradient / np.sqrt(squares)  # (4)
                weights.fold()
                history.append({"stage": STAGE, "step": done, "objective": total / n_sites})
                done += 1
                if callback:
                    callback(STAGE, done, n_total)
        return history


@dataclass(frozen=True)
class LBFGS(Strategy):
    """L-BFGS-B on all pieces, with an optional L1 penalty handled by its bounds.

    Attributes
    ----------
    n_iterations : int
    l1 : float
        Nats a site and unit of weight.
    tolerance : float
        On the largest component of the projected gradient.

    Examples
    --------
    >>> from stats_composer.models.maxent import Field, MaxEnt
    >>> model = MaxEnt([Field()], solver=LBFGS(n_iterations=20), random_state=0)
    >>> model.fit([np.array([[0], [1], [0]])] * 4).weights_.tables["Field()"].shape
    (1, 1, 8)
    """

    n_iterations: int = 100
    l1: float = 0.0
    tolerance: float = 1e-6
    _parameters: ClassVar[Parameters] = {
        "n_iterations": (Whole(1),),
        "l1": (Real(),),
        "tolerance": (Real(),),
    }

    def fit(
        self, weights: Weights, pieces: Pieces, rng: np.random.Generator, callback: Callback = None
    ) -> History:
        """Move the weights, by no draws of `rng`; `callback` is that of `MaxEnt.fit`.

        The records have the `objective` before each step, without penalty.
        """
        from scipy.optimize import minimize

        climb = _Climb(self, weights, pieces)
        history: History = []

        def tell(x: Floats) -> None:
            history.append({"stage": STAGE, "step": len(history), "objective": climb.objective})
            if callback:
                callback(STAGE, len(history), self.n_iterations)

        start = weights.vector.astype(np.float64)
        if climb.split:
            start = np.concatenate([np.maximum(start, 0), np.maximum(-start, 0)])
        result = minimize(
            climb,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0, None)] * len(start) if climb.split else None,
            callback=tell,
            options={"maxiter": self.n_iterations, "gtol": self.tolerance, "maxcor": 10},
        )
        climb.take(result.x)
        return history


class _Climb:
    """Minus the objective (1) and its gradient, by all weights or by their two parts (5)."""

    def __init__(self, solver: LBFGS, weights: Weights, pieces: Pieces) -> None:
        self.l1, self.weights, self.pieces = solver.l1, weights, pieces
        self.split = solver.l1 > 0
        self.objective = 0.0

    def take(self, x: Floats) -> Floats:
        """Make the weights those that a point stands for, and return them."""
        n = len(self.weights.vector)
        w: Floats = x[:n] - x[n:] if self.split else x  # (5)
        self.weights.vector[:] = w
        self.weights.fold()
        return w

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """Return value and gradient at a point."""
        w, weights = self.take(x), self.weights
        everything = np.arange(len(self.pieces.start))
        total, gradient, n_sites = pseudo_gradient(weights, self.pieces, everything, 0.0)
        self.objective = total / n_sites
        value = total / n_sites - 0.5 * float(weights.l2 @ (w * w))  # (1)
        slope = gradient.astype(np.float64) / n_sites - weights.l2 * w  # (2)
        if not self.split:
            return -value, -slope
        penalty = self.l1 * float(x.sum())
        return penalty - value, np.concatenate([self.l1 - slope, self.l1 + slope])
