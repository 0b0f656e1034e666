"""Gibbs sampling of a maximum-entropy model under factors.

The law is P(x) proportional to exp(model's log-weight + factors' log-weight). Unary and
same-step pairwise factors enter every site move; a line with automata is redrawn by row moves
through the chain engine, so that a hard automaton is never broken on the way: single sites
alone cannot go from one legal line to every other. Beside a directed model as an expert, the law
is exp(model + factors + w log D(lines | given lines)), and the expert judges each site move.

Annealing divides all log-weights but the automata's by a temperature that changes from sweep
to sweep; what comes out at the end is then no draw of the law, but a likely piece.

A context voice that is not known is drawn in turn with the lines (sampling/context.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import ConstraintError
from stats_composer.factors import Factors, multiply_all
from stats_composer.factors.breath import breathe
from stats_composer.factors.seeds import RandomState, generator
from stats_composer.kernels.arrays import Bools, Float32s, Ints
from stats_composer.kernels.gibbs import Steps, Target
from stats_composer.kernels.layout import FORBIDDEN, Features
from stats_composer.sampling.chain import flatten
from stats_composer.sampling.context import ContextLaw, ContextMove
from stats_composer.sampling.moves import (
    Expert,
    JudgedMoves,
    Law,
    Move,
    Moved,
    RowMoves,
    SiteMoves,
    State,
)

__all__ = ["GibbsSampler", "annealing"]

# Enough that a call costs nothing beside them; uniforms for more would fill the caches.
SWEEPS_A_CALL = 32
# A part of a second of a kernel's work: between calls it may be stopped.
SITES_A_CALL = 60_000


def annealing(
    hot: float = 2.0, cold: float = 0.8, *, heating: int = 80, level: int = 100, cooling: int = 60
) -> Float32s:
    """Return temperatures: from `hot` to 1, a level at 1, and down to `cold`.

    Parameters
    ----------
    hot, cold : float
    heating, level, cooling : int
        Sweeps of each stage.

    Returns
    -------
    ndarray of shape (heating + level + cooling,), float32

    Examples
    --------
    >>> annealing(2.0, 0.5, heating=2, level=1, cooling=2).tolist()
    [2.0, 1.0, 1.0, 1.0, 0.5]
    """
    stages = (np.linspace(hot, 1, heating), np.ones(level), np.linspace(1, cold, cooling))
    return np.concatenate(stages).astype(np.float32)


class GibbsSampler:
    """A chain over the grids of one piece.

    Parameters
    ----------
    model : MaxEnt, fitted
        Or another `Law`.
    grid : ndarray of shape (n_steps, n_voices), int64
        The start, context voices included; it must break no hard automaton.
    factors : Factors, optional
        Of the same shape, or of the model's lines alone.
    free : ndarray of shape (n_steps, n_lines), bool, optional
        The sites that may change: all by default.
    run_share : float
        Share of run moves among the moves of lines without automata.
    context : ContextLaw, optional
        Of a context voice that is drawn in turn with the lines.
    expert : (DirectedModel, float), optional
        A model that judges every symbol, with its weight w; lines with automata cannot be free
        beside it, nor those that it is given, and there are no run moves.
    moves : sequence of Move, optional
        Instead of those that redraw sites and lines one by one.
    random_state : int, Generator or None

    Attributes
    ----------
    grid : ndarray of shape (n_steps, n_voices), int64
        The present state.
    moves : tuple of Move
        In the order in which a sweep makes them.
    moved : dict of str to Moved
        How many tries each of them made since the start, and how many changed something.

    Raises
    ------
    ValueError
        If the grid, the free sites, the context or the expert are not of this model.
    ConstraintError
        If the factors are not of this grid, have a term that the model has no primitive for, or
        an automaton that refuses the start.

    Examples
    --------
    >>> from stats_composer.models.maxent import Field, MaxEnt, Pair
    >>> pieces = [np.array([[0], [1]] * 4)] * 4
    >>> model = MaxEnt([Field(), Pair(max_lag=1)]).fit(pieces)
    >>> sampler = GibbsSampler(model, pieces[0], random_state=0)
    >>> _ = sampler.run(np.ones(10))
    >>> sampler.grid.shape, [move.name for move in sampler.moves]
    ((8, 1), ['sites'])
    """

    def __init__(
        self,
        model: Law,
        grid: Any,
        factors: Factors | None = None,
        *,
        free: Bools | None = None,
        run_share: float = 0.02,
        context: ContextLaw | None = None,
        expert: tuple[Expert, float] | None = None,
        moves: Sequence[Move] | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.rng = generator(random_state)
        self.model = model
        target = model.target(grid, () if factors is None else factors.terms)
        self.grid: Ints = np.array(grid, np.int64)
        features = target.features
        self.free = _check_free(free, (len(self.grid), features.n_lines))
        if not 0 <= run_share <= 1:
            raise ValueError(f"run_share={run_share}: expected a share from 0 to 1")
        rows: list[RowMoves] = []
        if factors is not None:
            _check_factors(factors, len(self.grid), features)
            target = _add_factors(target, factors)
            rows = self._rule_lines(factors, features)
        self.state = State(self.grid, target)
        before: list[Move] = []
        if context is not None:
            before = [ContextMove.of(context, model.field_table(context.column), self.grid)]
        sites = self._site_moves(rows, run_share, expert)
        self.moves: tuple[Move, ...] = (*before, *sites, *rows) if moves is None else (*moves,)
        self.moved = {move.name: Moved() for move in self.moves}
        for move in rows:
            if move.log_weight(self.state) == -np.inf:
                raise ConstraintError(f"{move.name}: the start breaks an automaton")

    def _rule_lines(self, factors: Factors, features: Features) -> list[RowMoves]:
        """Return the moves of the lines that have automata."""
        moves = []
        for v, automata in factors.automata.items():
            if v < features.n_lines:
                n = int(features.n_symbols[v])
                allowed = factors.unary[:, v, :n] > -np.inf
                allowed &= self.free[:, v, None] | (np.arange(n) == self.grid[:, v, None])
                arcs = flatten(multiply_all(automata, allowed), allowed)
                moves.append(RowMoves(v, np.ascontiguousarray(self.free[:, v]), arcs))
        return moves

    def _site_moves(
        self, rows: Sequence[RowMoves], run_share: float, expert: tuple[Expert, float] | None
    ) -> list[Move]:
        """Return the moves of the lines that have none."""
        ruled = [move.line for move in rows]
        sites = np.argwhere(self.free & ~np.isin(np.arange(self.free.shape[1]), ruled))
        if expert is None:
            return [SiteMoves(sites, run_share)] if len(sites) else []
        model, weight = expert
        judged = model.judged(self.grid, weight)
        for v in np.flatnonzero(self.free.any(axis=0)).tolist():
            if v not in judged.lines.order or v in ruled:
                raise ValueError(f"line {v} is free: expected one that the expert models")
        return [JudgedMoves(sites, judged)]

    def energy(self) -> float:
        """Minus the log-weight of the state, in nats: of models and factors."""
        total = self.model.weigh(self.grid, self.state.target)
        total += _weigh_steps(self.grid, self.state.target.steps)
        return -total - sum(move.log_weight(self.state) for move in self.moves)

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

        Raises
        ------
        ValueError
            For a temperature that is not above 0.
        """
        inverse = np.float32(1) / _check_temperatures(temperatures)
        strides = [move.stride for move in self.moves if move.stride is not None]
        fewest = max(1, SITES_A_CALL // max(self.free.size, 1))
        size = min(strides, default=min(SWEEPS_A_CALL, fewest))
        for begin in range(0, len(inverse), size):
            breathe()
            for move in self.moves:
                if move.stride is None or begin % move.stride == 0:
                    told = move(self.state, inverse[begin : begin + size], self.rng)
                    before = self.moved[move.name]
                    self.moved[move.name] = Moved(
                        before.n_tried + told.n_tried, before.n_changed + told.n_changed
                    )
        return self.grid.copy()


def _check_temperatures(temperatures: Any) -> Float32s:
    """Return temperatures as float32."""
    array = np.asarray(temperatures, np.float32)
    if array.ndim != 1 or not (np.isfinite(array) & (array > 0)).all():
        wrong = array if array.ndim != 1 else array[~(np.isfinite(array) & (array > 0))]
        raise ValueError(f"temperature {wrong.ravel()[:1]}: expected one a sweep, each above 0")
    return array


def _check_free(free: Any, shape: tuple[int, int]) -> Bools:
    """Return which sites are free, all by default."""
    if free is None:
        return np.ones(shape, np.bool_)
    array = np.asarray(free)
    if array.shape != shape or array.dtype != np.bool_:
        raise ValueError(f"free, {array.dtype} of shape {array.shape}: expected bool of {shape}")
    return array


def _check_factors(factors: Factors, n_steps: int, features: Features) -> None:
    """Refuse factors of another grid."""
    if factors.n_steps != n_steps or factors.n_voices < features.n_lines:
        raise ConstraintError(
            f"factors of {factors.n_steps} steps and {factors.n_voices} voices: expected "
            f"{n_steps} steps and at least {features.n_lines} voices"
        )
    most = int(features.n_symbols.max())
    if factors.n_symbols < most:
        raise ConstraintError(f"factors of {factors.n_symbols} symbols: expected at least {most}")


def _add_factors(target: Target, factors: Factors) -> Target:
    """Return a target with unary and pairwise factors."""
    features, field = target.features, target.field
    unary = factors.unary[:, : features.n_lines, : features.width]
    field[:, :, : unary.shape[2]] += np.maximum(unary, FORBIDDEN).astype(np.float32)
    np.maximum(field, np.float32(FORBIDDEN), out=field)
    tables: list[Float32s] = []
    of = np.full((factors.n_steps, features.n_lines, features.n_lines), -1, np.int64)
    known: dict[bytes, int] = {}
    for (v, w), table in factors.pairwise.items():
        if w >= features.n_lines:
            continue
        for t, plane in enumerate(table[:, : features.width, : features.width]):
            if not plane.any():
                continue
            for own, other, oriented in ((v, w, plane.T), (w, v, plane)):
                padded = np.zeros((features.width, features.width), np.float32)
                padded[: len(plane), : len(plane)] = np.maximum(oriented, FORBIDDEN)
                number = known.setdefault(padded.tobytes(), len(tables))
                if number == len(tables):
                    tables.append(padded)
                of[t, own, other] = number
    return target._replace(steps=Steps(np.stack(tables), of)) if tables else target


def _weigh_steps(grid: Ints, steps: Steps) -> float:
    """Return the log-weight of the pairwise factors, in nats."""
    t, own, other = np.nonzero(np.triu(steps.of + 1))
    numbers = steps.of[t, own, other]
    return float(steps.table[numbers, grid[t, other], grid[t, own]].sum(dtype=np.float64))
