"""Log-weights that correct a mixture where its own draws count otherwise than the corpus.

A mixture is fitted to tell the next symbol of pieces that others wrote. Drawing from it, it follows
itself, and so strays: some cells come too often, some too seldom. Each cell of each context of some
of its experts gets a log-weight b,

    P'(k | past) = P(k | past) exp(sum_e b_e(context, cell of k)) / Z(past),                (1)

which follows how often the cell comes true, context by context, in the corpus and in what was
drawn, n events of each:

    b <- b + rate * log((n in the corpus + SHRINK) / (n drawn + SHRINK)).                    (2)

It is iterative scaling with counts of what is really drawn; what seldom comes stays as it is.

References
----------
J. Darroch, D. Ratcliff (1972), Generalized iterative scaling for log-linear models, Annals of
Mathematical Statistics 43(5). H. Robbins, S. Monro (1951), A stochastic approximation method,
Annals of Mathematical Statistics 22(3): falling rates take the noise of drawing out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.viewpoints import Events, Experts
from stats_composer.models.viewpoints.experts import N_MOST

__all__ = ["Correction"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHRINK = 5.0
MOST = 1.0
"""The farthest that a log-weight goes at once, before the rate."""


class Correction:
    """The log-weights of (1).

    Parameters
    ----------
    experts : Experts
    chosen : sequence of int
        Which of them; of the long ones.
    n_contexts : sequence of int
        Of each chosen expert.

    Attributes
    ----------
    weight : ndarray of float32
        By chosen expert, context and cell; all 0 at first. The last is that of no cell, 0.
    """

    def __init__(self, experts: Experts, chosen: Sequence[int], n_contexts: Sequence[int]) -> None:
        self.chosen = np.array(chosen, np.int64)
        self._target = experts.target[self.chosen]
        self._cell = experts.cell[self._target]
        self._n_cells = experts.n_cells[self._target]
        size = np.array(n_contexts, np.int64) * self._n_cells
        self._first = np.cumsum(size) - size
        self.weight = np.zeros(int(size.sum()) + 1, np.float32)

    def _slots(self, events: Events, symbol: Ints) -> Ints:
        """Return the places of symbols' cells, a row an expert: events, then symbols of each."""
        context = events.context[:, self.chosen].T[:, :, None]
        reference = events.reference[:, self._target].T[:, :, None]
        expert = np.arange(len(self.chosen))[:, None, None]
        cell = self._cell[expert, symbol - reference + N_MOST]
        start = (self._first[:, None, None]) + context * self._n_cells[:, None, None]
        slots: Ints = np.where((context >= 0) & (cell >= 0), start + cell, len(self.weight) - 1)
        return slots

    def applied(self, log_prob: Floats, events: Events) -> Floats:
        """Return the log-probabilities of (1) for those of the mixture.

        Parameters
        ----------
        log_prob : ndarray of shape (n_events, n_symbols)
        events : Events
        """
        slots = self._slots(events, np.arange(log_prob.shape[1]))
        row = log_prob + self.weight[slots].sum(axis=0)
        top = row.max(axis=1, keepdims=True)
        corrected: Floats = row - top - np.log(np.exp(row - top).sum(axis=1, keepdims=True))
        return corrected

    def count(self, events: Events) -> Floats:
        """Return how often each cell comes true, as `weight` is laid out."""
        slots = self._slots(events, events.symbol[:, None])
        counts = np.bincount(slots.ravel(), minlength=len(self.weight)).astype(np.float64)
        counts[-1] = 0.0
        return counts

    def follow(self, corpus: Events, drawn: Events, rate: float) -> None:
        """Move the weights by (2); what was drawn counts as if it were as much as the corpus."""
        own, new = self.count(corpus), self.count(drawn)
        new *= len(corpus.symbol) / len(drawn.symbol)
        step = np.log((own + SHRINK) / (new + SHRINK))  # (2)
        self.weight += (rate * np.clip(step, -MOST, MOST)).astype(np.float32)
