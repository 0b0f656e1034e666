"""Gibbs sampling of a maximum-entropy model under factors.

The law is P(x) proportional to exp(model's log-weight + factors' log-weight). Unary and
same-step pairwise factors enter every site move; a line with automata is redrawn by row moves
through the chain engine, so that a hard automaton is never broken on the way: single sites
alone cannot go from one legal line to every other.

Annealing divides all log-weights but the automata's by a temperature that changes from sweep
to sweep; what comes out at the end is then no draw of the law, but a likely piece.

A context voice that is not known is drawn in turn with the lines (sampling/context.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.factors import Factors, multiply_all
from stats_composer.kernels.chain import Arcs, weigh_path
from stats_composer.kernels.gibbs import Steps, no_steps, sweep_row
from stats_composer.kernels.pairs import site_sweeper
from stats_composer.models.base import generator
from stats_composer.models.maxent import MaxEnt
from stats_composer.models.maxent.weights import FORBIDDEN, fold_in
from stats_composer.sampling.chain import flatten
from stats_composer.sampling.context import ContextLaw, ContextVoice

__all__ = ["GibbsSampler", "annealing"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SWEEPS_A_CALL = 32


def annealing(
    hot: float = 2.0, cold: float = 0.8, *, heating: int = 80, level: int = 100, cooling: int = 60
) -> Floats:
    """Return temperatures: from `hot` to 1, a level at 1, and down to `cold`.

    Parameters
    ----------
    hot, cold : float
    heating, level, cooling : int
        Sweeps of each stage.

    Returns
    -------
    ndarray of shape (heating + level + cooling,), float32
    """
    stages = (np.linspace(hot, 1, heating), np.ones(level), np.linspace(1, cold, cooling))
    return np.concatenate(stages).astype(np.float32)


class GibbsSampler:
    """A chain over the grids of one piece.

    Parameters
    ----------
    model : MaxEnt, fitted
    grid : ndarray of shape (n_steps, n_voices), int64
        The start, context voices included; it must break no hard factor.
    factors : Factors, optional
        Of the same shape, or of the model's lines alone.
    free : ndarray of shape (n_steps, n_lines), bool, optional
        The sites that may change: all by default.
    run_share : float
        Share of run moves among the moves of lines without automata.
    context : ContextLaw, optional
        Of a context voice that is drawn in turn with the lines.
    random_state : int, Generator or None

    Attributes
    ----------
    grid : ndarray of shape (n_steps, n_voices), int64
        The present state.

    Raises
    ------
    ConstraintError
        If the factors have a term that the model has no primitive for.
    """

    def __init__(
        self,
        model: MaxEnt,
        grid: Ints,
        factors: Factors | None = None,
        *,
        free: Bools | None = None,
        run_share: float = 0.02,
        context: ContextLaw | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        model._check_fitted("weights_")
        self.model = model
        self.run_share = run_share
        self.rng = generator(random_state)
        layout = model.layout_
        self._pieces = model.pack([np.array(grid, np.int64)])
        self.grid = self._pieces.grid
        self.free = np.ones((len(grid), layout.n_lines), np.bool_) if free is None else free
        self._field = model.weights_.field(self.grid)
        self._weights = model.weights_.folded
        self._steps = no_steps(layout)
        self._arcs: dict[int, Arcs] = {}
        self._context = None
        if context is not None:
            self._context = ContextVoice(context, model.weights_.field_table(context.column))
        if factors is not None:
            self._honour(factors)
        rowwise = np.isin(np.arange(layout.n_lines), list(self._arcs))
        self._sites = np.argwhere(self.free & ~rowwise)

    def _honour(self, factors: Factors) -> None:
        layout = self.model.layout_
        unary = factors.unary[:, : layout.n_lines, : layout.width]
        n = unary.shape[2]
        self._field[:, :, :n] += np.maximum(unary, FORBIDDEN).astype(np.float32)
        np.maximum(self._field, np.float32(FORBIDDEN), out=self._field)
        tables: list[Floats] = []
        of = np.full((len(self.grid), layout.n_lines, layout.n_lines), -1, np.int64)
        known: dict[bytes, int] = {}
        for (v, w), table in factors.pairwise.items():
            if w >= layout.n_lines:
                continue
            for t, plane in enumerate(table[:, : layout.width, : layout.width]):
                if not plane.any():
                    continue
                for own, other, oriented in ((v, w, plane.T), (w, v, plane)):
                    padded = np.zeros((layout.width, layout.width), np.float32)
                    padded[:n, :n] = np.maximum(oriented, FORBIDDEN)
                    number = known.setdefault(padded.tobytes(), len(tables))
                    if number == len(tables):
                        tables.append(padded)
                    of[t, own, other] = number
        if tables:
            self._steps = Steps(np.stack(tables), of)
        for term in factors.terms:
            self._weights = fold_in(self.model.weights_, self._weights, term)
        for v, automata in factors.automata.items():
            if v < layout.n_lines:
                allowed = unary[:, v, : layout.n_symbols[v]] > -np.inf
                allowed &= self.free[:, v, None] | (
                    np.arange(layout.n_symbols[v]) == self.grid[:, v, None]
                )
                self._arcs[v] = flatten(multiply_all(automata, allowed), allowed)

    def energy(self) -> float:
        """Minus the log-weight of the state, in nats: of the model and of the factors."""
        counts, symbols = self.model.weights_.counts(self._pieces)
        total = float((counts * self._weights).sum(dtype=np.float64))
        total += float((self._field * symbols).sum(dtype=np.float64))
        steps = self._steps.of
        for t, own, other in np.argwhere(steps >= 0):
            if own < other:
                table = self._steps.table[steps[t, own, other]]
                total += float(table[self.grid[t, other], self.grid[t, own]])
        for v, arcs in self._arcs.items():
            nothing = np.zeros((len(self.grid), int(self.model.layout_.n_symbols[v])))
            total += weigh_path(arcs, nothing, np.ascontiguousarray(self.grid[:, v]))
        if self._context is not None:
            total += self._context.log_weight(self.grid[:, self._context.law.column])
        return -total

    def run(self, temperatures: Sequence[float] | NDArray[np.floating]) -> Ints:
        """Make one sweep a temperature and return the state.

        Parameters
        ----------
        temperatures : sequence of float
            1 is the law itself.

        Returns
        -------
        ndarray of shape (n_steps, n_voices), int64
            A copy of `grid`.
        """
        inverse = np.float32(1) / np.asarray(temperatures, np.float32)
        every = SWEEPS_A_CALL if self._context is None else self._context.law.every
        size = 1 if self._arcs else every
        for begin in range(0, len(inverse), size):
            part = inverse[begin : begin + size]
            if self._context is not None and begin % every == 0:
                self._draw_context(self._context, float(part[0]))
            if len(self._sites):
                self._sweep_sites(part, self.rng.random((len(part), len(self._sites), 3)))
            for v, arcs in self._arcs.items():
                n_moves = max(4, int(self.free[:, v].sum()) // 8)
                sweep_row(
                    self.grid, 0, len(self.grid), v, np.ascontiguousarray(self.free[:, v]), arcs,
                    self.model.layout_, self._pieces.rows, self._field, self._weights,
                    self._steps, float(part[0]), 8,
                    self.rng.random((n_moves, len(self.grid) + 3)),
                )  # fmt: skip
        return self.grid.copy()

    def _sweep_sites(self, inverse: Floats, u: NDArray[np.float64]) -> None:
        """Make the site moves of some sweeps."""
        site_sweeper(self.model.layout_)(
            self.grid, 0, len(self.grid), self._sites, self.model.layout_, self._pieces.rows,
            self._field, self._weights, self._steps, inverse, self.run_share, u,
        )  # fmt: skip

    def _draw_context(self, context: ContextVoice, scale: float) -> None:
        """Redraw the path of the context voice."""
        lines = self.grid[:, : self.model.layout_.n_lines]
        self._set_context(context, context.draw(lines, scale, self.rng.random(len(self.grid))))

    def _set_context(self, context: ContextVoice, path: Ints) -> None:
        """Write a path of the context voice, and renew the fields that know it."""
        column = self.grid[:, context.law.column]
        changed = np.flatnonzero(path != column)
        new, old = context.table[:, path[changed]], context.table[:, column[changed]]
        self._field[changed] += (new - old).transpose(1, 0, 2)
        column[:] = path
