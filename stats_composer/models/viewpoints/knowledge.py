"""What a mixture of viewpoints knows: counts of the corpus, weights of the experts, a correction.

Pieces come before the experts as one table. What is known goes to a model file as sizes and
names, which a header holds, and as arrays (`packing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.viewpoints import (
    N_BUCKETS,
    Events,
    Evidence,
    Experts,
    gather_evidence,
    mix_evidence,
)
from stats_composer.models.base import Estimator, check_list
from stats_composer.models.viewpoints.correction import Correction
from stats_composer.models.viewpoints.drawing import Learned
from stats_composer.models.viewpoints.experts import N_MOST, System
from stats_composer.models.viewpoints.language import Table
from stats_composer.models.viewpoints.packing import (
    pack_counts,
    pack_keys,
    unpack_counts,
    unpack_keys,
)

__all__ = ["Knowledge", "check_tables"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LARGEST = 1 << 29  # so that values, their differences and ABSENT stay apart in 32 bits


class Knowledge(Estimator):
    """The part of `ViewpointModel` that counts, corrects, and is kept in files."""

    symbol: str
    viewpoints: Sequence[str]
    chains: Sequence[str]
    short: Sequence[str]
    smoothing: tuple[float, float]
    low_: int
    n_symbols_: int
    n_features_in_: int
    columns_: tuple[str, ...]
    keys_: list[Ints]
    seen_: list[Ints]
    counts_: NDArray[np.int32]
    weights_: Floats
    penalty_: float

    def _check_parameters(self) -> None:
        self._check_params()
        if len(self.smoothing) != 2 or self.smoothing[0] >= 1 or self.smoothing[1] <= 0:
            raise ValueError(f"smoothing={self.smoothing!r}: expected d in [0, 1) and s above 0")

    def _candidates(self) -> range:
        return range(self.low_, self.low_ + self.n_symbols_)

    def _table(self, X: Any, candidates: range, first: int = 0) -> Table:
        """Put checked pieces end to end; `first` is the number of the first in messages."""
        for i, piece in enumerate(X, first):
            if not len(piece):
                raise ValueError(f"piece {i}: no events")
            for name in self.columns_:
                if name not in (piece.dtype.names or ()) or piece[name].dtype.kind not in "iub":
                    raise ValueError(f"piece {i}: expected a column {name!r} of integers")
                if ((piece[name] > LARGEST) | (piece[name] < -LARGEST)).any():
                    raise ValueError(f"column {name!r} of piece {i}: expected less than 2^29")
            symbol = piece[self.symbol]
            wrong = (symbol < candidates[0]) | (symbol > candidates[-1])
            if wrong.any():
                at = int(np.argmax(wrong))
                raise ValueError(
                    f"{self.symbol} {symbol[at]} of piece {i}, event {at}: "
                    f"expected {candidates[0]} to {candidates[-1]}"
                )
        columns = {
            name: np.concatenate([piece[name].astype(np.int64) for piece in X])
            for name in self.columns_
        }
        return Table(columns, self.symbol, np.cumsum([0, *map(len, X)]))

    def _keep(self, system: System) -> None:
        """Lay out the counts: those of each long expert, context by context."""
        self._system = system
        self._learned: Learned | None = None
        self.correction_: Correction | None = None
        self.expert_names_ = [expert.name for expert in system.experts]
        n_contexts = [1 if e.kind < 0 else len(self.keys_[e.kind]) for e in system.experts]
        self._first, self._n_counts = system.lay_out(n_contexts, self.seen_, short=False)

    def _count(self, events: Events) -> NDArray[np.int32]:
        experts = self._experts(self._first)
        counts = np.zeros(self._n_counts, np.int32)
        for e, target in enumerate(experts.target):
            context = events.context[:, e]
            cell = experts.cell[target, events.symbol - events.reference[:, target] + N_MOST]
            counted = (context >= 0) & (cell >= 0) & (experts.short[e] == 0)
            slot = experts.first[e] + context[counted] * experts.n_cells[target] + cell[counted]
            counts += np.bincount(slot, minlength=len(counts)).astype(np.int32)
        return counts

    def _experts(self, first: Ints) -> Experts:
        return self._system.compile(self.seen_, first, self.smoothing)

    def _events(self, table: Table) -> Events:
        return self._system.events(table, self.keys_, self.low_, self.n_symbols_)

    def _gather(self, events: Events, counted: bool = False, skip: int = 0) -> Evidence:
        """Let the experts look; `counted` leaves each piece out of the counts."""
        short, n_counts = self._system.lay_out(
            events.context.max(axis=0) + 1, self.seen_, short=True
        )
        n_events, n_experts = events.context.shape
        evidence = Evidence(
            np.zeros((n_events, n_experts, self.n_symbols_), np.float32),
            np.zeros((n_events, n_experts), np.int8),
        )
        gather_evidence(
            self._experts(self._first + short),
            events,
            self.counts_,
            np.zeros(n_counts, np.int32),
            int(counted),
            skip,
            evidence,
        )
        return evidence

    def _mix(self, evidence: Evidence, events: Events) -> Floats:
        log_prob = np.empty((len(events.symbol), self.n_symbols_))
        mix_evidence(evidence, events, self.weights_, log_prob, np.zeros_like(self.weights_))
        return log_prob if self.correction_ is None else self.correction_.applied(log_prob, events)

    def recounted(self, X: Any) -> Self:
        """Return a model that knows other pieces instead, and trusts experts as this one does.

        Parameters
        ----------
        X : list of structured ndarray
            As of `fit`; their symbols are candidates of this model. What it never saw, such as
            an interval, is not counted.
        """
        self._check_fitted("weights_")
        table = self._table(check_tables(X), self._candidates())
        other = copy(self)
        other.keys_, _ = self._system.number(table, 1)
        other._keep(self._system)
        other.counts_ = other._count(other._events(table))
        return other

    # ---- correction ----------------------------------------------------------------------

    def begin_correction(self, names: Sequence[str]) -> Correction:
        """Give the law log-weights of some experts' cells, all 0; those it had are forgotten.

        Parameters
        ----------
        names : sequence of str
            Of `expert_names_`; not of short ones.

        Raises
        ------
        ValueError
            If there is no such expert.
        """
        self._check_fitted("weights_")
        for name in names:
            if name not in self.expert_names_ or name.startswith("short "):
                raise ValueError(f"expert {name!r}: expected one of expert_names_, no short one")
        chosen = [self.expert_names_.index(name) for name in names]
        kinds = [self._system.experts[e].kind for e in chosen]
        n_contexts = [1 if kind < 0 else len(self.keys_[kind]) for kind in kinds]
        self.correction_ = Correction(self._experts(self._first), chosen, n_contexts)
        self._learned = None
        return self.correction_

    def correct(self, corpus: Any, drawn: Any, rate: float) -> None:
        """Let the correction follow what the corpus has more or less of than what was drawn.

        Parameters
        ----------
        corpus, drawn : list of structured ndarray
            As of `fit`.
        rate : float
            Of (2) of `correction.py`.

        Raises
        ------
        ValueError
            Before `begin_correction`, or where `fit` refuses pieces.
        """
        self._check_fitted("weights_")
        if self.correction_ is None:
            raise ValueError("no correction: call begin_correction first")
        own, new = (
            self._events(self._table(check_tables(X), self._candidates())) for X in (corpus, drawn)
        )
        self.correction_.follow(own, new, rate)

    # ---- model files ---------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what `restore` needs: sizes and names for a header, and arrays.

        They are packed as `packing.py` says.
        """
        self._check_fitted("weights_")
        sizes: dict[str, Any] = {
            "low": self.low_,
            "n_symbols": self.n_symbols_,
            "penalty": self.penalty_,
            "columns": list(self.columns_),
        }
        arrays: dict[str, NDArray[Any]] = {
            "weights": self.weights_,
            **pack_counts(self.counts_),
            **pack_keys(self.keys_),
            **{f"seen_{i}": seen for i, seen in enumerate(self.seen_)},
        }
        if self.correction_ is not None:
            sizes["corrected"] = [self.expert_names_[e] for e in self.correction_.chosen]
            arrays["correction"] = self.correction_.weight
        return sizes, arrays

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take the `sizes` and arrays that `state` returned, with the same parameters.

        Raises
        ------
        ValueError
            If the arrays do not belong to these parameters.
        """
        self._check_parameters()
        system = System(self.symbol, self.viewpoints, self.chains, self.short)
        low, n_symbols = int(sizes["low"]), int(sizes["n_symbols"])
        if not (low >= 0 and 0 < n_symbols <= N_MOST + 1 - low):
            raise ValueError(f"{n_symbols} symbols from {low}: of another viewpoint model")
        try:
            self.low_, self.n_symbols_ = low, n_symbols
            self.penalty_, self.columns_ = float(sizes["penalty"]), tuple(sizes["columns"])
            self.n_features_in_ = len(self.columns_)
            self.keys_ = unpack_keys(arrays)
            if len(self.keys_) != len(system.tree.atoms):
                raise ValueError(f"{len(self.keys_)} kinds of contexts: of another viewpoint model")
            self.seen_ = [arrays[f"seen_{i}"] for i in range(len(system.targets))]
            self._keep(system)
            self.weights_ = np.asarray(arrays["weights"], np.float64)
            self.counts_ = unpack_counts(arrays, self._n_counts)
            if "corrected" in sizes:
                self.begin_correction(sizes["corrected"]).weight[:] = arrays["correction"]
        except (KeyError, IndexError) as error:
            raise ValueError(f"these arrays are of another viewpoint model: {error}") from error
        if self.weights_.shape != (len(system.experts), N_BUCKETS):
            raise ValueError(f"weights of shape {self.weights_.shape}: of another viewpoint model")
        return self


def check_tables(X: Any) -> list[NDArray[np.void]]:
    """Return pieces as tables: structured arrays of one axis."""
    tables = [np.asarray(piece) for piece in check_list(X)]
    for i, table in enumerate(tables):
        if table.dtype.names is None or table.ndim != 1:
            raise ValueError(f"piece {i}: expected a table, an array with named columns")
    return tables
