"""The moves of a Gibbs sampler, each a small object that leaves the law of the grid as it is.

A move is called with a state, the inverse temperatures of the sweeps that it is to make, and a
generator; it changes the state in place and returns how many of its tries changed something. What
its own law adds to that of the target, `log_weight` tells. The formulas are in the kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from stats_composer.kernels.arrays import Bools, Float32s, Ints
from stats_composer.kernels.chain import Arcs, weigh_path
from stats_composer.kernels.expert import Judged, sweep_judged
from stats_composer.kernels.gibbs import Target
from stats_composer.kernels.layout import Piece
from stats_composer.kernels.pairs import site_sweeper
from stats_composer.kernels.row_moves import RuledLine, sweep_row

__all__ = [
    "Expert",
    "JudgedMoves",
    "Law",
    "Move",
    "Moved",
    "RowMoves",
    "SiteMoves",
    "State",
    "TiedMoves",
]

# Rows of the longest stretch of a line that is redrawn, but for the one in 32 that is all of it.
LONGEST_STRETCH = 8


class Law(Protocol):
    """What a sampler asks of a model: a law of grids whose sites can be redrawn one by one.

    Examples
    --------
    >>> from stats_composer.models.maxent import MaxEnt
    >>> all(hasattr(MaxEnt, name) for name in ("target", "weigh", "field_table"))
    True
    """

    def target(self, grid: Any, terms: Sequence[Any] = ()) -> Target:
        """Check a grid; return what its sites' log-weights are read from.

        Parameters
        ----------
        grid : ndarray of shape (n_steps, n_voices), int64
            Its context voices are read, and its lines checked.
        terms : sequence
            Terms of the factors that the model's weights are to carry.
        """

    def weigh(self, grid: Ints, target: Target) -> float:
        """Return the log-weight of a grid under a target's weights and fields, in nats."""

    def field_table(self, context: int) -> Float32s:
        """Return the fields that depend on a context voice: [line, value, symbol]."""


class Expert(Protocol):
    """What a sampler asks of a model that judges what another one proposes.

    Examples
    --------
    >>> from stats_composer.models.directed import DirectedModel
    >>> hasattr(DirectedModel, "judged")
    True
    """

    def judged(self, grid: Ints, weight: float) -> Judged:
        """Return the model beside a grid, its law to the power of `weight`."""


class State(NamedTuple):
    """A `grid`, and the `target` its sites' log-weights are read from; moves change both in place.

    Examples
    --------
    >>> from stats_composer.models.maxent import Field, MaxEnt
    >>> grid = np.array([[0], [1], [0]])
    >>> State(grid, MaxEnt([Field()]).fit([grid]).target(grid)).piece.grid.shape
    (3, 1)
    """

    grid: Ints
    target: Target

    @property
    def piece(self) -> Piece:
        """The whole grid as a kernel takes it."""
        return Piece(self.grid, 0, len(self.grid))


class Moved(NamedTuple):
    """How many tries a move made, `n_tried`, and how many changed something, `n_changed`.

    Examples
    --------
    >>> Moved(n_tried=100, n_changed=37)
    Moved(n_tried=100, n_changed=37)
    """

    n_tried: int = 0
    n_changed: int = 0


class Move(Protocol):
    """One kind of move.

    Attributes
    ----------
    name : str
    stride : int or None
        The move is called once for so many sweeps; None: it makes as many as it is told.

    Examples
    --------
    >>> all(hasattr(RowMoves, name) for name in ("name", "log_weight"))
    True
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def stride(self) -> int | None: ...  # noqa: D102

    def __call__(
        self, state: State, inverse_temperature: Float32s, rng: np.random.Generator
    ) -> Moved:
        """Move a state, in place."""
        ...

    def log_weight(self, state: State) -> float:
        """Return what the move's own law adds to the log-weight of a `state`."""
        ...


@dataclass(frozen=True, eq=False)
class SiteMoves:
    """Redraws single symbols, and runs of equal ones, by (2) and (3) of `kernels/gibbs.py`.

    Attributes
    ----------
    sites : ndarray of shape (n_sites, 2), int64
        Rows and lines; each sweep tries as many as there are.
    run_share : float
        Share of the moves that try a run.
    name : str
    stride : None
        As of `Move`.

    Examples
    --------
    >>> SiteMoves(np.argwhere(np.ones((4, 1), bool))).sites.tolist()
    [[0, 0], [1, 0], [2, 0], [3, 0]]
    """

    sites: Ints
    run_share: float = 0.02
    name: str = "sites"
    stride: int | None = None

    def __call__(
        self, state: State, inverse_temperature: Float32s, rng: np.random.Generator
    ) -> Moved:
        """Make the sweeps; what changed is counted in symbols."""
        u = rng.random((len(inverse_temperature), len(self.sites), 3))
        sweep = site_sweeper(state.target.features)
        n_changed = sweep(
            state.piece, self.sites, state.target, inverse_temperature, self.run_share, u
        )
        return Moved(u.shape[0] * u.shape[1], n_changed)

    def log_weight(self, state: State) -> float:
        """Add nothing, whatever the `state`."""
        return 0.0


@dataclass(frozen=True, eq=False)
class TiedMoves:
    """Redraws the two rows of a beat together, which are equal at the start, by the run moves.

    Attributes
    ----------
    sites : ndarray of shape (n_sites, 2), int64
        Both rows of each pair, the first of them even.
    name : str
    stride : None
        As of `Move`.

    Examples
    --------
    >>> TiedMoves(np.argwhere(np.ones((4, 1), bool))).name
    'tied rows'
    """

    sites: Ints
    name: str = "tied rows"
    stride: int | None = None

    def __call__(
        self, state: State, inverse_temperature: Float32s, rng: np.random.Generator
    ) -> Moved:
        """Make the sweeps; what changed is counted in symbols."""
        sites = self.sites[np.argsort(self.sites[:, 0] % 2, kind="stable")]
        u = rng.random((len(inverse_temperature), len(sites) // 2, 3))
        u[..., 0] /= 2  # only first rows are chosen,
        u[..., 1] = 0  # and each with the row after it
        sweep = site_sweeper(state.target.features)
        n_changed = sweep(state.piece, sites, state.target, inverse_temperature, 1.0, u)
        return Moved(u.shape[0] * u.shape[1], n_changed)

    def log_weight(self, state: State) -> float:
        """Add nothing, whatever the `state`."""
        return 0.0


@dataclass(frozen=True, eq=False)
class JudgedMoves:
    """Redraws single symbols that an expert may refuse, by (2) of `kernels/expert.py`.

    Attributes
    ----------
    sites : ndarray of shape (n_sites, 2), int64
    judged : Judged
        The expert beside the grid; it is kept up to date.
    name : str
    stride : None
        As of `Move`.

    Examples
    --------
    >>> from stats_composer.sampling.moves import Move
    >>> [hasattr(JudgedMoves, name) for name in ("log_weight", "sites")]
    [True, False]
    """

    sites: Ints
    judged: Judged
    name: str = "judged sites"
    stride: int | None = None

    def __call__(
        self, state: State, inverse_temperature: Float32s, rng: np.random.Generator
    ) -> Moved:
        """Make the sweeps."""
        u = rng.random((len(inverse_temperature), len(self.sites), 3))
        n_changed = sweep_judged(
            state.piece, self.sites, state.target, self.judged, inverse_temperature, u
        )
        return Moved(u.shape[0] * u.shape[1], n_changed)

    def log_weight(self, state: State) -> float:
        """Return the expert's log-probability in a `state`, times its weight."""
        return self.judged.weight * float(self.judged.log_prob.sum())


@dataclass(frozen=True, eq=False)
class RowMoves:
    """Redraws stretches of a line under its automaton, by (4) and (5) of `kernels/gibbs.py`.

    Attributes
    ----------
    line : int
    free : ndarray of shape (n_steps,), bool
        Rows of the line that may change.
    arcs : Arcs
        Its automaton, which accepts the line as it stands.
    stride : int
        As of `Move`.

    Examples
    --------
    >>> from stats_composer.factors import Automaton
    >>> from stats_composer.sampling.chain import flatten
    >>> alternate = Automaton.first_order(np.array([[-np.inf, 0.0], [0.0, -np.inf]]), 3)
    >>> RowMoves(0, np.ones(3, bool), flatten(alternate, np.ones((3, 2), bool))).name
    'line 0'
    """

    line: int
    free: Bools
    arcs: Arcs
    stride: int | None = 1

    @property
    def name(self) -> str:
        """The line's."""
        return f"line {self.line}"

    def __call__(
        self, state: State, inverse_temperature: Float32s, rng: np.random.Generator
    ) -> Moved:
        """Make one sweep: stretches of eight rows cover the line about once, and some more."""
        n_moves = max(4, int(self.free.sum()) // LONGEST_STRETCH)
        u = rng.random((n_moves, len(state.grid) + 3))
        ruled = RuledLine(self.line, self.free, self.arcs)
        scale = float(inverse_temperature[0])
        return Moved(
            n_moves, sweep_row(state.piece, ruled, state.target, scale, LONGEST_STRETCH, u)
        )

    def log_weight(self, state: State) -> float:
        """Return the log-weight of the automaton's reading of the line of a `state`."""
        n_symbols = int(state.target.features.n_symbols[self.line])
        nothing = np.zeros((len(state.grid), n_symbols))
        return float(weigh_path(self.arcs, nothing, np.ascontiguousarray(state.grid[:, self.line])))
