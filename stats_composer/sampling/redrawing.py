"""Draws of the rest of one path under weights that change, at the cost of what has changed."""

from __future__ import annotations

import numpy as np

from stats_composer.factors.seeds import RandomState, generator
from stats_composer.kernels import chain as kernels
from stats_composer.kernels.arrays import Floats, Ints
from stats_composer.sampling.chain import Chain

__all__ = ["Redrawing"]


class Redrawing:
    """Draws of the rest of a path, again and again, while the log-weights ahead change.

    A message (2) of `stats_composer.kernels.chain` depends on the steps after its own alone: so
    those of the steps beyond the last change are kept, and a draw costs what has changed.

    Parameters
    ----------
    chain : Chain
        Whose automaton all draws obey.

    Examples
    --------
    >>> from stats_composer.factors import Automaton
    >>> alternate = Automaton.first_order(np.array([[-np.inf, 0.0], [0.0, -np.inf]]), 3)
    >>> redrawing = Redrawing(Chain(np.zeros((3, 2)), [alternate]))
    >>> redrawing.draw(np.zeros((3, 2)), np.array([1]), random_state=0).tolist()
    [0, 1]
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._unary = chain.unary
        self._messages = np.empty((chain.n_steps + 1, chain.automaton.n_states))
        self._from = chain.n_steps + 1  # the step from which on the messages are right
        self._begun, self._state = np.zeros(0, np.int64), chain.arcs.initial

    def draw(self, unary: Floats, begun: Ints, *, random_state: RandomState) -> Ints | None:
        """Draw the steps after those that a path began with; None where there is no way on.

        Parameters
        ----------
        unary : ndarray of shape (n_steps, n_symbols), float64
            As `Chain.under` takes it.
        begun : ndarray of shape (n,), int64
        random_state : int, Generator or None

        Returns
        -------
        ndarray of shape (n_steps - n,), int64, or None
        """
        rest = self.chain.under(unary).rest(len(begun), self._read(begun))
        n, n_steps = len(begun), self.chain.n_steps
        changed = np.flatnonzero((unary != self._unary).any(axis=1))
        right = max(self._from, int(changed[-1]) + 1 if len(changed) else 0)
        arcs = self.chain.arcs._replace(initial=rest.arcs.initial)
        end = right if right <= n_steps else -1
        total = kernels.backward_messages(arcs, unary, self._messages, n, end)
        dead = (self._messages[n:right] == -np.inf).all(axis=1) if total == -np.inf else []
        at = np.flatnonzero(dead)  # Where all is forbidden, what lies before was not filled.
        self._unary, self._from = unary, n + int(at[-1]) + 1 if len(at) else min(n, right)
        if total == -np.inf:
            return None
        path = np.empty((1, n_steps - n), np.int64)
        u = generator(random_state).random(path.shape)
        kernels.draw_paths(rest.arcs, rest.unary, self._messages[n:], u, path)
        drawn: Ints = path[0]
        return drawn

    def _read(self, begun: Ints) -> int:
        """Return the state after some steps; what was read before is not read again."""
        known = len(self._begun)
        if known > len(begun) or (begun[:known] != self._begun).any():
            known, self._state = 0, self.chain.arcs.initial
        self._state = self.chain.state_after(begun[known:], known, self._state)
        self._begun = begun.copy()
        return self._state
