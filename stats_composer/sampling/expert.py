"""Gibbs sampling of a maximum-entropy model with a directed model as an expert beside it.

The law is P(x) proportional to exp(model + factors + w log D(lines | given lines)): see
`kernels/expert.py`. At w = 0 it is that of `sampling/gibbs.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.factors import Factors
from stats_composer.kernels.expert import sweep_judged
from stats_composer.models.directed import DirectedModel
from stats_composer.models.maxent import MaxEnt
from stats_composer.sampling.context import ContextLaw
from stats_composer.sampling.gibbs import GibbsSampler

__all__ = ["ExpertSampler"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class ExpertSampler(GibbsSampler):
    """A chain over the grids of one piece, under the product of two models.

    Parameters
    ----------
    model, grid, factors, free, context, random_state
        As of `GibbsSampler`; lines with automata cannot be free, nor those that the expert is
        given.
    expert : (DirectedModel, float)
        With its weight.

    Raises
    ------
    ValueError
        If a line is free that the expert does not model, or that has automata.
    """

    def __init__(
        self,
        model: MaxEnt,
        grid: Ints,
        factors: Factors | None = None,
        *,
        expert: tuple[DirectedModel, float],
        free: Bools | None = None,
        context: ContextLaw | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        super().__init__(
            model, grid, factors, free=free, context=context, random_state=random_state
        )
        directed, weight = expert
        directed._check_fitted("tables_")
        for v in np.flatnonzero(self.free.any(axis=0)):
            if v not in directed.lines_.order or int(v) in self._arcs:
                raise ValueError(f"line {v} is free: expected one that the expert models")
        self.expert = directed
        self._judged = directed.judged(self.grid, weight)

    def energy(self) -> float:
        """Minus the log-weight of the state, in nats: of models and factors."""
        return super().energy() - self._judged.weight * float(self._judged.log_prob.sum())

    def _sweep_sites(self, inverse: NDArray[np.float32], u: NDArray[np.float64]) -> None:
        sweep_judged(
            self.grid, self._sites, self.model.layout_, self._pieces.rows, self._field,
            self._weights, self._steps, self._judged, inverse, u,
        )  # fmt: skip
