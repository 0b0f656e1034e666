"""The maximum-entropy model of a grid: P(x) proportional to the exponential of a sum of terms.

    log P(x) = sum over features f that occur in x of weight[f]  -  log Z

The normaliser Z cannot be computed, so that `score` is the pseudo-log-likelihood: the mean
over sites of log P(symbol | everything else), which needs no Z (Besag 1975). Fitting by it
alone finds weights whose own samples freeze: single conditionals are right while the joint
law has modes far from the data. A finish by contrastive divergence (Hinton 2002) cures that:
chains started at the data run a few sweeps, and the weights move until the chains stay.

`MaxEnt(terms=[...])` is the general model; `PairwiseMaxEnt` (`models/maxent/pairwise.py`) the
published one of fields and pair couplings only. The terms are in `models/maxent/terms.py` and
its neighbours, the engine under them in `kernels/maxent.py`, what fits them in
`models/maxent/solvers.py`, what draws from them in `sampling/gibbs.py`.

Conventions
-----------
The first `n_lines` voices of a grid are modelled, those after them are context. A line's symbols
are those of the fit, and so are the values of a context voice that gates, tells a place, or that
a field or the sonority depends on: a table has no weight for others, and a grid that has them is
refused.

References
----------
J. Besag (1975), Statistical analysis of non-lattice data. G. Hinton (2002), Training products
of experts by minimizing contrastive divergence. G. Hadjeres, J. Sakellariou, F. Pachet (2016),
Style imitation and chord invention in polyphonic music with exponential families.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.factors import Factors
from stats_composer.factors.seeds import RandomState, generator
from stats_composer.kernels.arrays import Bools, Float32s, Floats, Ints
from stats_composer.kernels.gibbs import Target, no_steps, score_sites
from stats_composer.kernels.layout import Piece
from stats_composer.models.base import Estimator, check_pieces, check_size
from stats_composer.models.maxent.divergence import ContrastiveDivergence
from stats_composer.models.maxent.pieces import Columns, Pieces
from stats_composer.models.maxent.pseudo import pseudo_likelihood
from stats_composer.models.maxent.row_terms import Progression, Sonority
from stats_composer.models.maxent.sizes import (
    MAX_SYMBOLS,
    Sizes,
    count_contexts,
    count_symbols,
    make_layout,
)
from stats_composer.models.maxent.solvers import History, Solver, StochasticGradient
from stats_composer.models.maxent.terms import Term
from stats_composer.models.maxent.weights import Weights, fold_in
from stats_composer.models.parameters import SEED, Choice, Each, Has, Parameters, Whole
from stats_composer.sampling.draws import Draws, draw_grids, random_start
from stats_composer.sampling.gibbs import GibbsSampler

__all__ = ["MaxEnt"]

ANY = 1 << 40  # values of a context voice that no table is as long as


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
        Symbols of each line, and after them, as far as told, the values of each context voice: a
        value that no piece has gets no weight. By default read off the pieces or the labels.
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
    random_state : int, Generator or None
        Order of the pieces and the chains of the fit.

    Attributes
    ----------
    layout_ : Layout
    weights_ : Weights
        Every table by name (`weights_.tables`), and what the kernels read (`weights_.folded`).
    n_features_in_ : int
        Columns of the grids.
    n_values_ : ndarray of shape (n,), int64
        How many symbols each line has, and how many values each context voice that tables are
        as long as; very many for those that none is.
    history_ : list of dict
        A record of each step of the fit: `stage`, `step`, and its `objective` (nats a site) or
        its `distance` between the corpus's counts and the chains'.

    Examples
    --------
    >>> from stats_composer.models.maxent import Field, Pair
    >>> pieces = [np.array([[0], [1], [0], [1], [0]])] * 3
    >>> model = MaxEnt([Field(), Pair(max_lag=1)]).fit(pieces)
    >>> bool(model.score(pieces) > np.log(0.5))
    True
    """

    _parameters: ClassVar[Parameters] = {
        "terms": (Each((Term,)),),
        "n_lines": (None, Whole(1)),
        "n_symbols": (None, Each((Whole(1, MAX_SYMBOLS),), 1)),
        **dict.fromkeys(("gate", "sonority_context", "place", "given"), (None, Whole())),
        "modulus": (Whole(1, 24),),
        "clip": (Whole(0, 127),),
        "solver": (None, Has(("fit",), "a Solver")),
        "finish": (None, ContrastiveDivergence, Each((ContrastiveDivergence,))),
        "random_state": SEED,
    }

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
        random_state: RandomState = None,
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
        contexts = {c for t in self._terms() if (c := getattr(t, "context", None)) is not None}
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
        y : not read

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a parameter that cannot be, or a grid that is none: each named.
        """
        grids = check_pieces(X)
        self._check_params(**self._closer(grids[0].shape[1]))
        self._set_up(grids)
        pieces = self.pack(grids)
        rng = generator(self.random_state)
        solver = self.solver or StochasticGradient()
        history: History = list(solver.fit(self.weights_, pieces, rng, callback) or ())
        finishes = self.finish or ()
        for finish in [finishes] if isinstance(finishes, ContrastiveDivergence) else finishes:
            history += finish.fit(self.weights_, pieces, rng, callback)
        # What is used is what a file can hold in half the bytes.
        self.weights_.vector[:] = self.weights_.vector.astype(np.float16)
        self.weights_.fold()
        self.history_ = history
        return self

    def _closer(self, n_columns: int) -> dict[str, tuple[Choice, ...]]:
        """Return what parameters may be, given the columns of the grids."""
        column: tuple[Choice, ...] = (None,)
        if Whole(1, n_columns - 1).allows(self.n_lines):
            column = (None, Whole(self.n_lines or 0, n_columns - 1))
        names = ("gate", "sonority_context", "place", "given")
        return {"n_lines": (None, Whole(1, n_columns)), **dict.fromkeys(names, column)}

    def _set_up(self, grids: list[Ints]) -> None:
        """Learn the layout and start at weights of zero."""
        terms = self._terms()
        n_lines = grids[0].shape[1] if self.n_lines is None else self.n_lines
        values = np.max([grid.max(axis=0) for grid in grids], axis=0) + 1
        told = np.asarray(self.n_symbols or (), np.int64)[n_lines : len(values)]
        contexts = slice(n_lines, n_lines + len(told))
        values[contexts] = np.maximum(values[contexts], told)
        context_values = count_contexts(terms, n_lines, values)
        n_symbols = count_symbols(values[:n_lines], self.n_symbols, self.labels)
        check_pieces(grids, len(values), n_symbols)
        sizes = Sizes(
            n_lines,
            n_symbols,
            1 if self.gate is None else int(values[self.gate]),
            1 if self.place is None else int(values[self.place]),
            self.modulus,
            self.clip,
        )
        counted = grids if any(isinstance(t, Progression) for t in terms) else ()
        self.layout_ = make_layout(terms, sizes, self.labels, grids=counted)
        self.weights_ = Weights(terms, self.layout_, context_values)
        self.n_features_in_ = len(values)
        self.n_values_ = self._count_values(len(values))
        check_pieces(grids, len(values), self.n_values_)

    def _count_values(self, n_columns: int) -> Ints:
        """Return how many symbols or values of each column the tables have room for."""
        layout = self.layout_
        n_values = np.full(n_columns, ANY)
        for column, n in self.weights_.context_values.items():
            n_values[column] = n
        n_contexts = [t.n_contexts for t in self._terms() if isinstance(t, Sonority)]
        if n_contexts and self.sonority_context is not None:
            column = self.sonority_context
            n_values[column] = min(n_values[column], max(n_contexts))
        for place, n in ((self.gate, layout.n_gates), (self.place, layout.n_places)):
            if place is not None:
                n_values[place] = min(n_values[place], n)
        if self.given is not None:
            n_values[self.given] = min(n_values[self.given], 1 << layout.n_lines)
        n_values[: layout.n_lines] = layout.n_symbols
        return n_values

    def _check(self, X: Any) -> list[Ints]:
        """Check grids against what was fitted."""
        self._check_fitted("weights_")
        # A file of before does not tell how many columns its model saw, only which it reads.
        grids = check_pieces(X, getattr(self, "n_features_in_", None), self.n_values_)
        if grids[0].shape[1] < len(self.n_values_):
            raise ValueError(
                f"grids of {grids[0].shape[1]} columns: expected {len(self.n_values_)}"
            )
        return grids

    def extended(self, terms: Sequence[Term]) -> Self:
        """Return the model with further terms, all of whose weights are 0."""
        sizes, arrays = self.state()
        longer = type(self)(**{**self.get_params(deep=False), "terms": [*self._terms(), *terms]})
        shape = self._sizes(self.layout_.n_gates, self.layout_.n_places)
        added = Weights(terms, make_layout(longer._terms(), shape, self.labels), {}).vector
        told = self.weights_.vector.astype(np.float16) != 0
        arrays["told"] = np.packbits(np.append(told, np.zeros(len(added), np.bool_)))
        return longer.restore(sizes, arrays)

    def count_features(self, grids: Sequence[Ints]) -> Floats:
        """Count how often the feature of each weight occurs in grids.

        Returns
        -------
        ndarray of the shape of `weights_.vector`, float64
        """
        return self.weights_.count(self.pack(self._check(grids)))

    # ---- files --------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned: sizes as JSON can hold them, and arrays.

        Weights are given as float16, in which `fit` leaves them, those that are not 0 alone:
        `told` has a bit for each weight.
        """
        self._check_fitted("weights_")
        sizes: dict[str, Any] = {
            "n_gates": self.layout_.n_gates,
            "n_places": self.layout_.n_places,
            "context_values": {str(k): v for k, v in self.weights_.context_values.items()},
        }
        if hasattr(self, "n_features_in_"):
            sizes["n_features_in"] = self.n_features_in_
        weights = self.weights_.vector.astype(np.float16)
        arrays = {
            "weights": weights[weights != 0],
            "told": np.packbits(weights != 0),
            "set_class": self.layout_.set_class.astype(np.int16),
        }
        return sizes, arrays

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back the sizes and `arrays` that `state` gave, for a model of the same parameters.

        Raises
        ------
        ValueError
            If the sizes do not fit the terms.
        """
        terms = self._terms()
        if self.n_lines is None or self.n_symbols is None:
            raise ValueError("restore: expected a model with n_lines and n_symbols")
        shape = self._sizes(int(sizes["n_gates"]), int(sizes["n_places"]))
        set_class = arrays["set_class"].astype(np.int64)
        self.layout_ = make_layout(terms, shape, self.labels, set_class=set_class)
        values = {int(k): int(v) for k, v in sizes["context_values"].items()}
        self.weights_ = Weights(terms, self.layout_, values)
        n = len(self.weights_.vector)
        told = np.unpackbits(arrays["told"], count=n) > 0 if "told" in arrays else np.ones(n) > 0
        if arrays["weights"].shape != (told.sum(),):
            raise ValueError(f"{arrays['weights'].size} weights: expected {told.sum()}")
        self.weights_.vector[told] = arrays["weights"]
        self.weights_.fold()
        read = (self.gate, self.sonority_context, self.place, self.given, *values)
        least = 1 + max(self.n_lines - 1, *(c for c in read if c is not None), 0)
        if "n_features_in" in sizes:
            self.n_features_in_ = int(sizes["n_features_in"])
            least = max(least, self.n_features_in_)
        self.n_values_ = self._count_values(least)
        return self

    def _sizes(self, n_gates: int, n_places: int) -> Sizes:
        """Return what the layout of a model of known lines is made for."""
        n_symbols = np.asarray(self.n_symbols, np.int64)[: self.n_lines]
        return Sizes(self.n_lines or 0, n_symbols, n_gates, n_places, self.modulus, self.clip)

    # ---- scores -------------------------------------------------------------------------

    def site_scores(self, grid: Ints) -> Float32s:
        """Log-weight of every symbol at every site, all other sites as they are.

        Parameters
        ----------
        grid : ndarray of shape (n_steps, n_voices), int64

        Returns
        -------
        ndarray of shape (n_steps, n_lines, width), float32
            Not normalised; -1e30 for symbols that a line does not have.
        """
        (checked,) = self._check([grid])
        pieces = self.pack([checked])
        features, field = self.layout_.features, self.weights_.field(pieces.grid)
        target = Target(features, pieces.rows, self.weights_.folded, field, no_steps(features))
        sites = np.indices(field.shape[:2]).reshape(2, -1).T
        scores = score_sites(Piece(pieces.grid, 0, len(pieces.grid)), sites, target)
        return scores.reshape(field.shape)

    def log_probs(self, grid: Ints) -> Floats:
        """Return the log-probability of each symbol given all others, in nats.

        Parameters
        ----------
        grid : ndarray of shape (n_steps, n_voices), int64

        Returns
        -------
        ndarray of shape (n_steps, n_lines), float64
            Of given sites too, as if they were modelled.
        """
        scores = self.site_scores(grid).astype(np.float64)
        largest = scores.max(axis=2)
        normaliser = largest + np.log(np.exp(scores - largest[:, :, None]).sum(axis=2))
        symbols = np.asarray(grid)[:, : self.layout_.n_lines, None]
        own: Floats = np.take_along_axis(scores, symbols, axis=2)[:, :, 0] - normaliser
        return own

    def score_samples(self, X: Any) -> Floats:
        """Return the pseudo-log-likelihood of each piece of `X`, over modelled sites, in nats.

        Returns
        -------
        ndarray of shape (n_pieces,), float64
        """
        grids = self._check(X)
        return np.array([pseudo_likelihood(self.weights_, self.pack([grid])) for grid in grids])

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean pseudo-log-likelihood of `X`, nats a site; `y` is not read."""
        pieces = self.pack(self._check(X))
        return pseudo_likelihood(self.weights_, pieces) / max(int(pieces.modelled.sum()), 1)

    def log_weight(self, grid: Ints) -> float:
        """Sum of the weights of all features of a grid: log P up to the normaliser, in nats."""
        target = self.target(grid)
        return self.weigh(np.asarray(grid, np.int64), target)

    # ---- sampling -----------------------------------------------------------------------

    def target(self, grid: Any, terms: Sequence[Any] = ()) -> Target:
        """Check a grid; return what a sampler reads the log-weights of its sites from.

        Parameters
        ----------
        grid : ndarray of shape (n_steps, n_voices), int64
        terms : sequence
            Terms of factors, such as `ParallelMotion`, that the weights are to carry.

        Raises
        ------
        ConstraintError
            If the model has no primitive that could carry a term.
        """
        pieces = self.pack(self._check([grid]))
        weights = self.weights_.folded
        for term in terms:
            weights = fold_in(self.weights_, weights, term)
        field = self.weights_.field(pieces.grid)
        features = self.layout_.features
        return Target(features, pieces.rows, weights, field, no_steps(features))

    def weigh(self, grid: Ints, target: Target) -> float:
        """Return the log-weight of a grid under a target's weights and fields, in nats."""
        return self.weights_.weigh(grid, target)

    def field_table(self, context: int) -> Float32s:
        """Return the fields that depend on a context voice, summed: [line, value, symbol]."""
        self._check_fitted("weights_")
        return self.weights_.field_table(context)

    def sample(
        self, n_samples: int = 1, *, n_steps: int | None = None, start: Ints | None = None,
        free: Bools | None = None, factors: Factors | None = None, n_chains: int = 4,
        burn_in: int = 200, thin: int = 10, random_state: RandomState = None,
    ) -> Draws:  # fmt: skip
        """Draw grids by Gibbs sampling, several chains from random starts.

        Parameters
        ----------
        n_samples : int
        n_steps : int, optional
            Rows of the grids; or give `start`.
        start : ndarray of shape (n_steps, n_voices), int64, optional
            A grid with the context voices, and the symbols of sites that are not free.
        free : ndarray of shape (n_steps, n_lines), bool, optional
            The sites that are drawn, all by default; others need `start`.
        factors : Factors, optional
        n_chains : int
        burn_in : int
            Sweeps of each chain before its first draw.
        thin : int
            Sweeps between two of its draws.
        random_state : int, Generator or None

        Returns
        -------
        Draws
            A list of ndarray of shape (n_steps, n_voices), int64, with the `diagnosis` of the
            chains (R-hat, effective sample size), their `energies`, and how the moves went.

        Raises
        ------
        ValueError
            If the model has context voices and no `start` has them.
        ConstraintError
            If nothing keeps the factors.

        Examples
        --------
        Two symbols that like to alternate:

        >>> from stats_composer.models.maxent import Field, Pair
        >>> pieces = [np.array([[0], [1]] * 8)] * 4
        >>> model = MaxEnt([Field(), Pair(max_lag=1)]).fit(pieces)
        >>> draws = model.sample(3, n_steps=6, random_state=0)
        >>> len(draws), draws[0].shape
        (3, (6, 1))
        >>> draws.diagnosis.n_chains
        4
        """
        self._check_fitted("weights_")
        for name, value in (("n_samples", n_samples), ("n_chains", n_chains), ("thin", thin)):
            check_size(name, value, 1)
        check_size("burn_in", burn_in)
        grid = self._blank(n_steps, free) if start is None else self._check([start])[0]
        if free is None:
            free = np.ones((len(grid), self.layout_.n_lines), np.bool_)
        if factors is None:
            factors = Factors.free(len(grid), self.layout_.n_symbols)
        samplers = []
        for rng in generator(random_state).spawn(n_chains):
            # Whatever does not fit is told before a start is looked for.
            GibbsSampler(self, grid, replace(factors, automata={}), free=free)
            first = random_start(grid, free, factors, rng)
            samplers.append(GibbsSampler(self, first, factors, free=free, random_state=rng))
        return draw_grids(samplers, n_samples, burn_in=burn_in, thin=thin)

    def _blank(self, n_steps: int | None, free: Bools | None) -> Ints:
        """Return a grid of the lines alone, all of which are to be drawn."""
        if not Whole(1).allows(n_steps) or n_steps is None:
            raise ValueError(f"n_steps={n_steps!r}: expected an int from 1, or a start")
        n_columns, n_lines = len(self.n_values_), self.layout_.n_lines
        if n_columns > n_lines or free is not None:
            what = f"{n_columns - n_lines} context voices" if free is None else "free sites"
            raise ValueError(f"{what}: expected a start that has the symbols to keep")
        return np.zeros((n_steps, n_lines), np.int64)

    # ---- tables -------------------------------------------------------------------------

    @property
    def fields_(self) -> Mapping[str, Float32s]:
        """The field tables by name, [line, value of the context, symbol]."""
        self._check_fitted("weights_")
        return {
            k: v for k, v in self.weights_.tables.items() if k.startswith(("Field", "ShiftedField"))
        }

    @property
    def couplings_(self) -> Float32s:
        """All pair terms summed: [pair, gate, symbol of a, symbol of b]; see `pairs_`."""
        self._check_fitted("weights_")
        return self.weights_.couplings()

    @property
    def pairs_(self) -> list[tuple[int, int, int]]:
        """The (line a, line b, lag) of each row of `couplings_`."""
        self._check_fitted("weights_")
        return self.weights_.pairs

    def coupling(self, line: int, other: int, lag: int) -> Float32s:
        """Return J between a line and another `lag` steps later: [gate, symbol, other symbol].

        Raise ValueError where the model has none.
        """
        pairs = self.pairs_
        if (line, other, lag) not in pairs:
            raise ValueError(f"no coupling of lines {line} and {other} at lag {lag}: see pairs_")
        table: Float32s = self.couplings_[pairs.index((line, other, lag))]
        return table
