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

from stats_composer.errors import ConstraintError
from stats_composer.factors import Automaton
from stats_composer.kernels import chain as kernels
from stats_composer.kernels.arrays import Float32s, Floats, Ints
from stats_composer.sampling.chain import flatten
from stats_composer.sampling.moves import Moved, State

__all__ = ["ContextLaw", "ContextMove", "ContextVoice"]


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

    Examples
    --------
    >>> stay = np.log([[[0.9, 0.1], [0.1, 0.9]]])
    >>> law = ContextLaw(1, np.zeros((3, 2)), stay, kind=np.zeros(3, np.int64))
    >>> law.every
    8
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
    ValueError
        If the law's arrays are not of each other's shape or the table's.

    Examples
    --------
    >>> stay = np.log([[[0.9, 0.1], [0.1, 0.9]]])
    >>> law = ContextLaw(1, np.zeros((3, 2)), stay, kind=np.zeros(3, np.int64))
    >>> voice = ContextVoice(law, np.zeros((1, 2, 4), np.float32))
    >>> voice.values.tolist(), round(voice.log_weight(np.array([0, 0, 1])), 3)
    ([0, 1], -2.408)
    """

    def __init__(self, law: ContextLaw, table: Float32s) -> None:
        self.law, self.table = law, table
        _check_law(law, table.shape[1])
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
        """Return the chain given the lines, its log-weights times `scale`, 1 / temperature."""
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
        if kernels.backward_messages(arcs, unary, self._messages, 0, -1) == -np.inf:
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


def _check_law(law: ContextLaw, n_values: int) -> None:
    """Refuse a law whose arrays do not fit."""
    shapes = law.unary.shape, law.transition.shape[1:], law.kind.shape
    expected = (len(law.kind), n_values), (n_values, n_values), (len(law.kind),)
    if shapes != expected:
        raise ValueError(f"context voice {law.column}, arrays of {shapes}: expected {expected}")
    wrong = (law.kind < 0) | (law.kind >= len(law.transition))
    if wrong[1:].any():
        raise ValueError(f"context voice {law.column}: a kind without a transition")
    if law.every < 1:
        raise ValueError(f"context voice {law.column}, every={law.every}: expected 1 or more")


@dataclass(frozen=True, eq=False)
class ContextMove:
    """Redraws the whole path of a context voice, given the lines.

    Attributes
    ----------
    voice : ContextVoice

    Examples
    --------
    >>> stay = np.log([[[0.9, 0.1], [0.1, 0.9]]])
    >>> law = ContextLaw(1, np.zeros((3, 2)), stay, kind=np.zeros(3, np.int64))
    >>> move = ContextMove.of(law, np.zeros((1, 2, 4), np.float32), np.zeros((3, 2), np.int64))
    >>> move.name, move.stride
    ('context voice 1', 8)
    """

    voice: ContextVoice

    @classmethod
    def of(cls, law: ContextLaw, table: Float32s, grid: Ints) -> ContextMove:
        """Return the move for a law over a grid; `table` has the fields F of the lines.

        Raises
        ------
        ValueError
            If they are of different lengths.
        """
        if len(law.kind) != len(grid):
            raise ValueError(f"context law of {len(law.kind)} steps: expected {len(grid)}")
        return cls(ContextVoice(law, table))

    @property
    def name(self) -> str:
        """The voice's."""
        return f"context voice {self.voice.law.column}"

    @property
    def stride(self) -> int:
        """Sweeps of the lines for each draw of the path."""
        return self.voice.law.every

    def __call__(
        self, state: State, inverse_temperature: Float32s, rng: np.random.Generator
    ) -> Moved:
        """Draw a path; what changed is counted in steps."""
        lines = state.grid[:, : state.target.features.n_lines]
        scale, u = float(inverse_temperature[0]), rng.random(len(state.grid))
        path = self.voice.draw(lines, scale, u)
        return Moved(len(path), self.write(state, path))

    def write(self, state: State, path: Ints) -> int:
        """Write a path to a `state`, renew its fields, and return how many steps changed."""
        table, column = self.voice.table, state.grid[:, self.voice.law.column]
        changed = np.flatnonzero(path != column)
        new, old = table[:, path[changed]], table[:, column[changed]]
        state.target.field[changed] += (new - old).transpose(1, 0, 2)
        column[:] = path
        return len(changed)

    def log_weight(self, state: State) -> float:
        """Return the law's own log-weight of the path that a `state` has."""
        return self.voice.log_weight(state.grid[:, self.voice.law.column])
