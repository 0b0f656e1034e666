"""A context voice that is not known: drawn, given the lines, from a first-order chain.

A model may have fields that depend on a context voice c, by a table F. Where c is unknown, it
gets a law of its own, and the joint one is

    P(x, c)  ~  exp(model(x) + sum_t sum_v F[v, c_t, x_tv] + sum_t U[t, c_t]
                    + sum_t T[kind_t, c_(t-1), c_t])

Given the lines x, the path of c is a first-order chain: backward messages and a forward draw
give it at once, independent of the path before. That, in turn with moves of the lines given c,
is a Gibbs sampler of the joint law (block Gibbs; Jensen, Kong, Kjærulff 1995).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import ConstraintError
from stats_composer.factors import Automaton
from stats_composer.kernels import chain as kernels
from stats_composer.sampling.chain import flatten

__all__ = ["ContextLaw", "ContextVoice"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ContextLaw:
    """What a context voice obeys beside the lines.

    Attributes
    ----------
    column : int
        Of the grid.
    unary : ndarray of shape (n_steps, n_values)
        U; -inf forbids a value.
    transition : ndarray of shape (n_kinds, n_values, n_values)
        T; the kind of the first step is not used.
    kind : ndarray of shape (n_steps,), int64, in [0, n_kinds)
    every : int
        Sweeps of the lines for each draw of the path.
    """

    column: int
    unary: Floats
    transition: Floats
    kind: Ints
    every: int = 8


class ContextVoice:
    """The sampler's side of a law: draws paths, and tells the log-weight of one.

    Parameters
    ----------
    law : ContextLaw
    table : ndarray of shape (n_lines, n_values, width)
        F.

    Raises
    ------
    ConstraintError
        Where a step has no value left.
    """

    def __init__(self, law: ContextLaw, table: NDArray[np.float32]) -> None:
        self.law, self.table = law, table
        allowed = law.unary > -np.inf
        if not allowed.any(axis=1).all():
            raise ConstraintError(f"context voice {law.column}: a step without a value")
        # Values that no step may take cost time, and no more.
        self.values = np.flatnonzero(allowed.any(axis=0))
        self._unary = np.ascontiguousarray(law.unary[:, self.values], np.float64)
        n = len(self.values)
        steps = law.transition[:, self.values[:, None], self.values]
        after = np.concatenate([steps, np.zeros((len(steps), 1, n))], axis=1)
        target = np.broadcast_to(np.arange(n), after.shape)
        automaton = Automaton.from_table(target, law.kind, log_weight=after, initial=n)
        self._arcs = flatten(automaton, allowed[:, self.values])
        self._messages = np.empty((len(law.kind) + 1, n + 1))

    def at(self, lines: Ints, scale: float) -> tuple[kernels.Arcs, Floats]:
        """Return the chain given the lines, its log-weights times an inverse temperature."""
        unary = self._unary.copy()
        for v, table in enumerate(self.table):
            unary += table[self.values][:, lines[:, v]].T
        arcs = self._arcs
        if scale == 1:
            return arcs, unary
        weight, log_weight = arcs.weight**scale, arcs.log_weight * scale
        arcs = arcs._replace(log_weight=log_weight, weight=weight, peak=arcs.peak * scale)
        return arcs, unary * scale

    def draw(self, lines: Ints, scale: float, u: Floats) -> Ints:
        """Draw a path given the lines.

        Parameters
        ----------
        lines : ndarray of shape (n_steps, n_lines), int64
        scale : float
            Inverse temperature.
        u : ndarray of shape (n_steps,), in [0, 1)
        """
        arcs, unary = self.at(lines, scale)
        if kernels.backward_messages(arcs, unary, self._messages) == -np.inf:
            raise ConstraintError("no path of the context voice is allowed")
        path = np.empty((1, len(unary)), np.int64)
        kernels.draw_paths(arcs, unary, self._messages, u[None], path)
        drawn: Ints = self.values[path[0]]
        return drawn

    def log_weight(self, path: Ints) -> float:
        """Sum U and T of a path, in nats."""
        law = self.law
        own = law.unary[np.arange(len(path)), path].sum()
        return float(own + law.transition[law.kind[1:], path[:-1], path[1:]].sum())
