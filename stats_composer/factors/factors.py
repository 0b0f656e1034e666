"""Factors: what a sampler must respect, as arrays that know nothing of music.

Conventions
-----------
* A grid `x` has shape (n_steps, n_voices); voice v has the symbols 0 to `n_symbols[v]` - 1,
  and every table is padded to `n_symbols.max()` with -inf.
* A log-weight of 0 is free, -inf is forbidden, a finite number is a preference in nats.
  The law that a sampler draws from is proportional to the model's own times the exponential
  of the sum of all log-weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from stats_composer.errors import ConstraintError
from stats_composer.factors.automata import Automaton
from stats_composer.factors.grids import check_grid
from stats_composer.kernels.arrays import Floats, Ints

__all__ = ["Automaton", "Crossing", "Factors", "ParallelMotion"]


@dataclass(frozen=True)
class ParallelMotion:
    """A log-weight on two voices that move the same way from one residue to the same residue.

    Attributes
    ----------
    residues : tuple of int
        Of the difference of the two labels (pitches), modulo 12.
    log_weight : float
        Added for each pair of voices and of successive steps where both voices change, in the
        same direction, and the residue of their difference is the same member of `residues`
        before and after.

    Examples
    --------
    >>> ParallelMotion(residues=(0, 7), log_weight=-2.0)  # fifths and octaves, each at exp(-2)
    ParallelMotion(residues=(0, 7), log_weight=-2.0)
    """

    residues: tuple[int, ...] = (0, 7)
    log_weight: float = -np.inf


@dataclass(frozen=True)
class Crossing:
    """A log-weight on two voices of one step of which the first has the lower label.

    Attributes
    ----------
    log_weight : float
        Added for each pair of voices and each step at which they cross.

    Examples
    --------
    >>> Crossing(log_weight=-2.0)
    Crossing(log_weight=-2.0)
    """

    log_weight: float = -np.inf


@dataclass(frozen=True, eq=False)
class Factors:
    """Everything asked of a grid of a given shape.

    Attributes
    ----------
    unary : ndarray of shape (n_steps, n_voices, n_symbols), float64
    automata : mapping of voice to tuple of Automaton
        All of them read the voice; their log-weights add up.
    pairwise : mapping of (voice, other voice) to ndarray (n_steps, n_symbols, n_symbols)
        Log-weights of two symbols of one step; the first voice is the smaller index.
    terms : tuple
        Further factors, `ParallelMotion` and `Crossing`, that only the maximum-entropy model knows
        and Gibbs sampling honours; the model that gets them says which it takes.

    Examples
    --------
    >>> free = Factors.free(2, np.array([2, 3]))
    >>> free.unary[0].tolist()
    [[0.0, 0.0, -inf], [0.0, 0.0, 0.0]]
    >>> (free & free).log_weight(np.array([[0, 2], [1, 0]]))
    0.0
    """

    unary: Floats
    automata: Mapping[int, tuple[Automaton, ...]] = field(default_factory=dict)
    pairwise: Mapping[tuple[int, int], Floats] = field(default_factory=dict)
    terms: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the arrays and mappings, and check that they speak of one grid."""
        if self.unary.ndim != 3:
            raise ConstraintError(f"unary of {self.unary.ndim} axes: expected step, voice, symbol")
        for pair, table in self.pairwise.items():
            expected = (self.n_steps, self.n_symbols, self.n_symbols)
            if table.shape != expected or not 0 <= pair[0] < pair[1] < self.n_voices:
                raise ConstraintError(f"pairwise {pair} of shape {table.shape}: not of this grid")
        for voice, automata in self.automata.items():
            if any(a.n_steps != self.n_steps for a in automata) or not 0 <= voice < self.n_voices:
                raise ConstraintError(f"automaton of voice {voice}: not of this grid")
        for name, array in (("unary", self.unary), *self.pairwise.items()):
            # What is neither a number nor -inf makes the largest nan or inf.
            if array.size and not array.max() < np.inf:
                where = name if name == "unary" else f"pairwise {name}"
                raise ConstraintError(f"{where}: expected log-weights, numbers below inf")
            array.setflags(write=False)
        object.__setattr__(self, "automata", MappingProxyType(dict(self.automata)))
        object.__setattr__(self, "pairwise", MappingProxyType(dict(self.pairwise)))

    @classmethod
    def free(cls, n_steps: int, n_symbols: Ints) -> Factors:
        """Return factors that forbid nothing but the padding.

        Parameters
        ----------
        n_steps : int
        n_symbols : ndarray of shape (n_voices,), int64

        Raises
        ------
        ConstraintError
            If there is no step, no voice, or a voice without symbols.
        """
        n_symbols = np.asarray(n_symbols)
        if n_steps < 1 or n_symbols.ndim != 1 or not len(n_symbols) or (n_symbols < 1).any():
            raise ConstraintError(f"{n_steps=}, n_symbols={n_symbols.tolist()}: expected 1 or more")
        width = int(n_symbols.max())
        padding = np.arange(width)[None, :] >= np.asarray(n_symbols)[:, None]
        unary = np.where(padding, -np.inf, 0.0)
        return cls(np.repeat(unary[None], n_steps, axis=0))

    def __and__(self, other: Factors) -> Factors:
        """Return the factors that ask for both."""
        if self.unary.shape != other.unary.shape:
            raise ConstraintError(
                f"factors of shapes {self.unary.shape} and {other.unary.shape}: expected one grid"
            )
        automata = {
            voice: self.automata.get(voice, ()) + other.automata.get(voice, ())
            for voice in sorted({*self.automata, *other.automata})
        }
        pairwise = dict(self.pairwise)
        for pair, table in other.pairwise.items():
            pairwise[pair] = pairwise[pair] + table if pair in pairwise else table
        terms = self.terms + other.terms
        return Factors(self.unary + other.unary, automata, pairwise, terms)

    @property
    def n_steps(self) -> int:
        """Number of steps."""
        return int(self.unary.shape[0])

    @property
    def n_voices(self) -> int:
        """Number of voices."""
        return int(self.unary.shape[1])

    @property
    def n_symbols(self) -> int:
        """Symbols of the widest voice."""
        return int(self.unary.shape[2])

    def log_weight(self, grid: Ints) -> float:
        """Sum the unary, pairwise and automaton log-weights of a grid; terms are left out.

        Raises
        ------
        ValueError
            If it is no grid of these steps, voices and symbols.
        """
        grid = check_grid(grid, self.n_voices, [self.n_symbols] * self.n_voices)
        if len(grid) != self.n_steps:
            raise ValueError(f"grid of {len(grid)} steps: expected {self.n_steps}")
        steps = np.arange(self.n_steps)
        total = float(sum(self.unary[steps, v, grid[:, v]].sum() for v in range(self.n_voices)))
        for (v, w), table in self.pairwise.items():
            total += float(table[steps, grid[:, v], grid[:, w]].sum())
        for voice, automata in self.automata.items():
            total += sum(automaton.log_weight_of(grid[:, voice]) for automaton in automata)
        return total
