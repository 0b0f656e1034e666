"""The maximum-entropy model of a grid: P(x) proportional to the exponential of a sum of terms.

    log P(x) = sum over features f that occur in x of weight[f]  -  log Z

The normaliser Z cannot be computed, so that `score` is the pseudo-log-likelihood: the mean
over sites of log P(symbol | everything else), which needs no Z (Besag 1975). Fitting by it
alone finds weights whose own samples freeze: single conditionals are right while the joint
law has modes far from the data. A finish by contrastive divergence (Hinton 2002) cures that:
chains started at the data run a few sweeps, and the weights move until the chains stay.

`MaxEnt(terms=[...])` is the general model, `PairwiseMaxEnt` the published one of fields and
pair couplings only. The terms are in `models/maxent/terms.py`; the engine under them in
`kernels/maxent.py`; what fits them in `models/maxent/solvers.py`.

References
----------
J. Besag (1975), Statistical analysis of non-lattice data. G. Hinton (2002), Training products
of experts by minimizing contrastive divergence. G. Hadjeres, J. Sakellariou, F. Pachet (2016),
Style imitation and chord invention in polyphonic music with exponential families.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.maxent import score_sites
from stats_composer.models.base import Estimator, check_pieces
from stats_composer.models.maxent.divergence import ContrastiveDivergence
from stats_composer.models.maxent.pieces import Columns, Pieces
from stats_composer.models.maxent.pseudo import pseudo_likelihood
from stats_composer.models.maxent.solvers import Solver, StochasticGradient
from stats_composer.models.maxent.terms import Field, Pair, PairDifference, Progression, Term
from stats_composer.models.maxent.weights import Weights, make_layout

__all__ = [
    "MaxEnt",
    "PairwiseMaxEnt",
]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class MaxEnt(Estimator):
    """Maximum-entropy model with terms.

    Parameters
    ----------
    terms : sequence of Term
    n_lines : int, optional
        How many of the voices are modelled; those after them are context. Default: all.
    labels : ndarray of shape (n_lines, n_symbols), optional
        The label of each symbol (a pitch), negative where it has none. Default: the symbol.
    n_symbols : sequence of int, optional
        Symbols of each line; by default read off the training pieces or the labels.
    gate, sonority_context, place, given : int, optional
        Columns of context voices: what gates the couplings, what the sonority depends on, the
        place in the bar of onsets and rhythms, and which lines of a row are given and not
        modelled, as bits.
    modulus, clip : int
        Residues of labels are modulo the first (12: pitch classes); steps are clipped to the
        second.
    solver : StochasticGradient or LBFGS
    finish : ContrastiveDivergence or sequence of them, optional
        The finish that prevents the frozen phase.
    random_state : int, optional
        Order of the pieces and the chains of the fit.

    Attributes
    ----------
    layout_ : Layout
    weights_ : Weights
        Every table by name (`weights_.tables`), and what the kernels read (`weights_.folded`).

    Examples
    --------
    >>> pieces = [np.array([[0], [1], [0], [1], [0]])] * 3
    >>> model = MaxEnt([Field(), Pair(max_lag=1)]).fit(pieces)
    >>> bool(model.score(pieces) > np.log(0.5))
    True
    """

    def __init__(
        self,
        terms: Sequence[Term] = (),
        *,
        n_lines: int | None = None,
        labels: Any = None,
        n_symbols: Sequence[int] | None = None,
        gate: int | None = None,
        sonority_context: int | None = None,
        place: int | None = None,
        given: int | None = None,
        modulus: int = 12,
        clip: int = 12,
        solver: Solver | None = None,
        finish: ContrastiveDivergence | Sequence[ContrastiveDivergence] | None = None,
        random_state: int | None = None,
    ) -> None:
        self.terms = terms
        self.n_lines = n_lines
        self.labels = labels
        self.n_symbols = n_symbols
        self.gate = gate
        self.sonority_context = sonority_context
        self.place = place
        self.given = given
        self.modulus = modulus
        self.clip = clip
        self.solver = solver
        self.finish = finish
        self.random_state = random_state

    def _terms(self) -> tuple[Term, ...]:
        return tuple(self.terms)

    def pack(self, grids: Sequence[Ints]) -> Pieces:
        """Lay grids below each other, as kernels and samplers read them."""
        fields = (t for t in self._terms() if t.primitive == "field")
        contexts = {c for t in fields if (c := getattr(t, "context", None)) is not None}
        columns = Columns(
            self.gate, self.sonority_context, self.place, self.given, tuple(sorted(contexts))
        )
        return Pieces(grids, self.layout_, columns)

    def fit(self, X: Any, y: Any = None, *, callback: Any = None) -> Self:
        """Learn the weights of all terms.

        Parameters
        ----------
        X : list of ndarray of shape (n_steps, n_voices), int64
        callback : callable, optional
            Called as callback(stage, done, total) while fitting.

        Returns
        -------
        self
        """
        grids = check_pieces(X)
        self._set_up(grids)
        pieces = self.pack(grids)
        rng = np.random.default_rng(self.random_state)
        (self.solver or StochasticGradient()).fit(self.weights_, pieces, rng, callback)
        finishes = self.finish or ()
        for finish in [finishes] if isinstance(finishes, ContrastiveDivergence) else finishes:
            finish.fit(self.weights_, pieces, rng, callback)
        # What is used is what a file can hold in half the bytes.
        self.weights_.vector[:] = self.weights_.vector.astype(np.float16)
        self.weights_.fold()
        return self

    def _set_up(self, grids: list[Ints]) -> None:
        """Learn the layout and start at weights of zero."""
        terms = self._terms()
        stacked = np.concatenate(grids)
        n_lines = stacked.shape[1] if self.n_lines is None else self.n_lines
        values = stacked.max(axis=0) + 1
        columns = [getattr(term, "context", None) for term in terms]
        context_values = {c: int(values[c]) for c in columns if c is not None}
        for term in terms:
            table = getattr(term, "table", None)
            if table is not None:
                context_values[term.context] = table.shape[1]  # type: ignore[attr-defined]
        if self.n_symbols is not None:
            n_symbols = np.asarray(self.n_symbols, np.int64)[:n_lines]
        else:
            n_symbols = values[:n_lines]
        if (values[:n_lines] > n_symbols).any():
            raise ValueError(f"symbols up to {values[:n_lines] - 1}: expected below {n_symbols}")
        self.layout_ = make_layout(
            terms,
            n_lines=n_lines,
            n_symbols=n_symbols,
            labels=self.labels,
            n_gates=1 if self.gate is None else int(values[self.gate]),
            n_places=1 if self.place is None else int(values[self.place]),
            modulus=self.modulus,
            clip=self.clip,
            grids=grids if any(isinstance(t, Progression) for t in terms) else (),
        )
        self.weights_ = Weights(terms, self.layout_, context_values)

    # ---- files --------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned: sizes as JSON can hold them, and arrays.

        Weights are given as float16, in which `fit` leaves them.
        """
        self._check_fitted("weights_")
        sizes = {
            "n_gates": self.layout_.n_gates,
            "n_places": self.layout_.n_places,
            "context_values": {str(k): v for k, v in self.weights_.context_values.items()},
        }
        arrays = {
            "weights": self.weights_.vector.astype(np.float16),
            "set_class": self.layout_.set_class.astype(np.int16),
        }
        return sizes, arrays

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave, for a model of the same parameters.

        Raises
        ------
        ValueError
            If the sizes do not fit the terms.
        """
        terms = self._terms()
        if self.n_lines is None or self.n_symbols is None:
            raise ValueError("restore: expected a model with n_lines and n_symbols")
        self.layout_ = make_layout(
            terms,
            n_lines=self.n_lines,
            n_symbols=np.asarray(self.n_symbols, np.int64),
            labels=self.labels,
            n_gates=int(sizes["n_gates"]),
            n_places=int(sizes["n_places"]),
            modulus=self.modulus,
            clip=self.clip,
            set_class=arrays["set_class"].astype(np.int64),
        )
        values = {int(k): int(v) for k, v in sizes["context_values"].items()}
        self.weights_ = Weights(terms, self.layout_, values)
        if arrays["weights"].shape != self.weights_.vector.shape:
            raise ValueError(
                f"{arrays['weights'].size} weights: expected {self.weights_.vector.size}"
            )
        self.weights_.vector[:] = arrays["weights"]
        self.weights_.fold()
        return self

    # ---- scores -------------------------------------------------------------------------

    def site_scores(self, grid: Ints) -> Floats:
        """Log-weight of every symbol at every site, all other sites as they are.

        Parameters
        ----------
        grid : ndarray of shape (n_steps, n_voices), int64

        Returns
        -------
        ndarray of shape (n_steps, n_lines, width), float32
            Not normalised; -1e30 for symbols that a line does not have.
        """
        self._check_fitted("weights_")
        pieces = self.pack(check_pieces([grid]))
        scores = np.empty((len(grid), self.layout_.n_lines, self.layout_.width), np.float32)
        field = self.weights_.field(pieces.grid)
        score_sites(
            pieces.grid, pieces.start, pieces.stop, self.layout_, pieces.rows, field,
            self.weights_.folded, scores,
        )  # fmt: skip
        return scores

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Return the mean pseudo-log-likelihood of each piece, nats a modelled site."""
        self._check_fitted("weights_")
        return np.array([self._pseudo(self.pack([grid])) for grid in check_pieces(X)])

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean pseudo-log-likelihood, nats a modelled site: no likelihood, see above."""
        self._check_fitted("weights_")
        return self._pseudo(self.pack(check_pieces(X)))

    def _pseudo(self, pieces: Pieces) -> float:
        return pseudo_likelihood(self.weights_, pieces) / max(int(pieces.modelled.sum()), 1)

    def log_weight(self, grid: Ints) -> float:
        """Sum of the weights of all features of a grid: log P up to the normaliser, in nats."""
        self._check_fitted("weights_")
        pieces = self.pack(check_pieces([grid]))
        counts, field_counts = self.weights_.counts(pieces)
        field = self.weights_.field(pieces.grid)
        return float((counts * self.weights_.folded).sum() + (field * field_counts).sum())

    # ---- tables -------------------------------------------------------------------------

    @property
    def fields_(self) -> Mapping[str, Floats]:
        """The field tables by name, [line, value of the context, symbol]."""
        self._check_fitted("weights_")
        return {
            k: v for k, v in self.weights_.tables.items() if k.startswith(("Field", "ShiftedField"))
        }

    @property
    def couplings_(self) -> Floats:
        """All pair terms summed: [pair, gate, symbol of a, symbol of b]; see `pairs_`."""
        self._check_fitted("weights_")
        return self.weights_.couplings()

    @property
    def pairs_(self) -> list[tuple[int, int, int]]:
        """The (line a, line b, lag) of each row of `couplings_`."""
        self._check_fitted("weights_")
        return self.weights_.pairs

    def coupling(self, line: int, other: int, lag: int) -> Floats:
        """Return J between a line and another `lag` steps later: [gate, symbol, other symbol]."""
        table: Floats = self.couplings_[self.pairs_.index((line, other, lag))]
        return table


class PairwiseMaxEnt(MaxEnt):
    """The published model: fields and pair couplings.

    Parameters
    ----------
    max_lag : int
        Steps that the couplings of a line with itself reach.
    max_diagonal : int
        Steps that the couplings between different lines reach.
    context : int, optional
        Column of a context voice that the fields depend on.
    shared : bool
        Share strength over transpositions, by a table of label differences beside J.
    l2 : float
    n_lines, labels, n_symbols, gate, solver, finish, random_state
        As of `MaxEnt`.
    """

    def __init__(
        self,
        max_lag: int = 4,
        max_diagonal: int = 1,
        *,
        context: int | None = None,
        shared: bool = False,
        l2: float = 1e-5,
        n_lines: int | None = None,
        labels: Any = None,
        n_symbols: Sequence[int] | None = None,
        gate: int | None = None,
        solver: Solver | None = None,
        finish: ContrastiveDivergence | Sequence[ContrastiveDivergence] | None = None,
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            n_lines=n_lines,
            labels=labels,
            n_symbols=n_symbols,
            gate=gate,
            solver=solver,
            finish=finish,
            random_state=random_state,
        )
        self.max_lag = max_lag
        self.max_diagonal = max_diagonal
        self.context = context
        self.shared = shared
        self.l2 = l2

    def _terms(self) -> tuple[Term, ...]:
        reach = (self.l2, self.max_lag, self.max_diagonal)
        terms: list[Term] = [Field(self.l2), Pair(*reach)]
        if self.context is not None:
            terms.append(Field(self.l2, context=self.context))
        if self.shared:
            terms.append(PairDifference(*reach))
        return tuple(terms)
