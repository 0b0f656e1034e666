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
from numpy.typing import NDArray

from stats_composer.errors import ConstraintError

__all__ = ["Automaton", "Factors"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Automaton:
    """A weighted deterministic automaton that reads one voice from the first step to the last.

    Attributes
    ----------
    transition : ndarray of shape (n_kinds, n_states, n_symbols), int64
        The next state, or -1 where the symbol is refused.
    kind : ndarray of shape (n_steps,), int64, in [0, n_kinds)
        Which of the transition tables a step uses, so that a region or the metre can matter.
    log_weight : ndarray of shape (n_kinds, n_states, n_symbols), float64
        Added when the symbol is read in the state.
    initial : int
    final : ndarray of shape (n_states,), float64
        Log-weight of ending in a state: -inf where the reading is refused.
    """

    transition: NDArray[np.int64]
    kind: NDArray[np.int64]
    log_weight: Floats
    final: Floats
    initial: int = 0

    @property
    def n_states(self) -> int:
        """Number of states."""
        return int(self.transition.shape[1])


@dataclass(frozen=True, eq=False)
class Factors:
    """Everything asked of a grid of a given shape.

    Attributes
    ----------
    unary : ndarray of shape (n_steps, n_voices, n_symbols), float64
    automata : mapping of voice to tuple of Automaton
        Each must accept the voice's symbols, read in time.
    pairwise : mapping of (voice, other voice) to ndarray (n_steps, n_symbols, n_symbols)
        Log-weights of two symbols of one step; the first voice is the smaller index.
    terms : tuple
        Further factors of the kinds that the maximum-entropy model knows, which Gibbs
        sampling alone honours; the model that gets them says which it takes.
    """

    unary: Floats
    automata: Mapping[int, tuple[Automaton, ...]] = field(default_factory=dict)
    pairwise: Mapping[tuple[int, int], Floats] = field(default_factory=dict)
    terms: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the arrays and mappings."""
        if self.unary.ndim != 3:
            raise ConstraintError(f"unary of {self.unary.ndim} axes: expected step, voice, symbol")
        for array in (self.unary, *self.pairwise.values()):
            array.setflags(write=False)
        object.__setattr__(self, "automata", MappingProxyType(dict(self.automata)))
        object.__setattr__(self, "pairwise", MappingProxyType(dict(self.pairwise)))

    @classmethod
    def free(cls, n_steps: int, n_symbols: NDArray[np.int64]) -> Factors:
        """Return factors that forbid nothing but the padding.

        Parameters
        ----------
        n_steps : int
        n_symbols : ndarray of shape (n_voices,), int64
        """
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
        pairwise = {
            pair: sum(
                (f.pairwise[pair] for f in (self, other) if pair in f.pairwise),
                start=np.zeros(1),
            )
            for pair in sorted({*self.pairwise, *other.pairwise})
        }
        return Factors(self.unary + other.unary, automata, pairwise, self.terms + other.terms)

    @property
    def n_steps(self) -> int:
        """Number of steps."""
        return int(self.unary.shape[0])

    @property
    def n_voices(self) -> int:
        """Number of voices."""
        return int(self.unary.shape[1])

    def log_weight(self, grid: NDArray[np.int64]) -> float:
        """Sum the unary, pairwise and automaton log-weights of a grid; terms are left out."""
        steps = np.arange(self.n_steps)
        total = float(sum(self.unary[steps, v, grid[:, v]].sum() for v in range(self.n_voices)))
        for (v, w), table in self.pairwise.items():
            total += float(table[steps, grid[:, v], grid[:, w]].sum())
        for voice, automata in self.automata.items():
            total += sum(_read(automaton, grid[:, voice]) for automaton in automata)
        return total


def _read(automaton: Automaton, symbols: NDArray[np.int64]) -> float:
    state, total = automaton.initial, 0.0
    for kind, symbol in zip(automaton.kind, symbols, strict=True):
        total += float(automaton.log_weight[kind, state, symbol])
        state = int(automaton.transition[kind, state, symbol])
        if state < 0:
            return -np.inf
    return total + float(automaton.final[state])
