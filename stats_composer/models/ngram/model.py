"""N-grams of variable order: the law of a symbol given up to n - 1 before it.

    P(x_1 ... x_T) = product over t of P(x_t | x_{t-n+1} ... x_{t-1})

What a context has not seen is left to shorter ones, down to the uniform law over the alphabet,
as a smoothing strategy says (`models/ngram/smoothing.py`); no symbol of the alphabet is impossible.
A model sees a voice of any integers: pitches, intervals, chords, bars of a plan.

Conventions
-----------
A piece is an array of symbols from 0. What comes first in a piece has a context of its own, the
start. With `end=True` the end of a piece is predicted too, as one more value.

References
----------
S. F. Chen, J. Goodman, "An empirical study of smoothing techniques for language modeling",
Harvard TR-10-98 (1998). F. Pachet, P. Roy, G. Barbieri, "Finite-length Markov processes with
constraints", IJCAI 2011.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stats_composer.errors import ConstraintError
from stats_composer.factors import MAX_STATES, Automaton
from stats_composer.kernels import ngram as kernels
from stats_composer.models.base import Estimator, check_pieces, generator
from stats_composer.models.ngram.reach import Reach
from stats_composer.models.ngram.smoothing import KneserNey, Smoothing
from stats_composer.ngrams import (
    END,
    FIRST_SYMBOL,
    MAX_SYMBOLS,
    START,
    ContextTree,
    count_levels,
    join_pieces,
)

__all__ = ["NGram"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BLOCK = 1 << 18


class NGram(Estimator):
    """N-gram model of variable order.

    Parameters
    ----------
    n : int
        Length of the longest n-grams: a symbol is predicted from at most n - 1 before it.
    smoothing : KneserNey, WittenBell, Lidstone or PPM
        Default: `KneserNey()`.
    n_symbols : int, optional
        Size of the alphabet. By default one more than the largest symbol counted.
    end : bool
        Whether the end of a piece is predicted too.

    Attributes
    ----------
    tree_ : ContextTree
        The counts of all n-grams.
    n_symbols_ : int

    Examples
    --------
    >>> model = NGram(n=2, end=True).fit([[0, 1, 0, 1, 2]])
    >>> [round(float(p), 4) for p in np.exp(model.score_samples([[0, 1]])[0])]
    [0.6625, 0.6125, 0.1125]
    """

    def __init__(
        self,
        n: int = 3,
        *,
        smoothing: Smoothing | None = None,
        n_symbols: int | None = None,
        end: bool = False,
    ) -> None:
        self.n = n
        self.smoothing = smoothing
        self.n_symbols = n_symbols
        self.end = end

    # ---- counts -------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> Self:
        """Count pieces.

        Parameters
        ----------
        X : list of ndarray of shape (n_steps,) or (n_steps, 1), int, in [0, n_symbols)

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For an empty list, an empty piece, or what is not a symbol.
        """
        return self._keep(self._count(X))

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Count more pieces; the same as having counted all at once."""
        counted = self._count(X)
        return self._keep(self.tree_.plus(counted) if hasattr(self, "tree_") else counted)

    def forget(self, X: Any) -> Self:
        """Take the counts of pieces away again; the same as never having counted them.

        Raises
        ------
        ValueError
            If they were not among the pieces counted, or are all of them.
        """
        self._check_fitted("tree_")
        tree = self.tree_.plus(self._count(X), -1)
        if not tree.count[0]:
            raise ValueError("forget: nothing would be left to predict from")
        return self._keep(tree)

    def _count(self, X: Any) -> ContextTree:
        if not (self.n_symbols is None or 0 < self.n_symbols <= MAX_SYMBOLS):
            raise ValueError(f"n_symbols {self.n_symbols}: expected from 1 to {MAX_SYMBOLS}")
        if isinstance(self.n, bool) or not isinstance(self.n, int) or self.n < 1:
            raise ValueError(f"n {self.n!r}: expected an integer from 1")
        levels = count_levels(_check(X), self.n, end=self.end, limit=self.n_symbols or MAX_SYMBOLS)
        return ContextTree.from_levels(levels)

    def _keep(self, tree: ContextTree) -> Self:
        self.tree_ = tree
        self.n_symbols_ = max(tree.n_symbols, 1) if self.n_symbols is None else self.n_symbols
        self._tables: kernels.Tables | None = None
        return self

    @property
    def tables_(self) -> kernels.Tables:
        """The smoothed tree, as the kernels read it."""
        self._check_fitted("tree_")
        if self._tables is None:
            smoothing = self.smoothing or KneserNey()
            values = range(END if self.end else FIRST_SYMBOL, FIRST_SYMBOL + self.n_symbols_)
            self._tables = smoothing.tables(self.tree_, values)
        return self._tables

    # ---- files --------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned: sizes as JSON can hold them, and arrays."""
        self._check_fitted("tree_")
        tree = self.tree_
        arrays = {"code": tree.code, "count": tree.count, "children": np.diff(tree.first)}
        sizes = {"n_symbols": self.n_symbols_, "level": tree.level.tolist()}
        return sizes, {k: v.astype(np.min_scalar_type(v.max(initial=0))) for k, v in arrays.items()}

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave, for a model of the same parameters.

        Raises
        ------
        ValueError
            If the arrays are not a context tree of n levels.
        """
        level = np.array(sizes["level"], np.int64)
        code, count, children = (arrays[k].astype(np.int64) for k in ("code", "count", "children"))
        tree = ContextTree(level, code, count, 1 + np.cumsum(np.r_[0, children]))
        tree.check(self.n)
        if not tree.n_symbols <= sizes["n_symbols"] <= MAX_SYMBOLS:
            raise ValueError(f"n_symbols {sizes['n_symbols']}: expected from {tree.n_symbols}")
        self._keep(tree)
        self.n_symbols_ = int(sizes["n_symbols"])
        return self

    # ---- scores -------------------------------------------------------------------------

    def score_samples(self, X: Any) -> list[Floats]:
        """Return the log-probability of every symbol, and of the end where it is modelled.

        Parameters
        ----------
        X : list of ndarray of shape (n_steps,) or (n_steps, 1), int, in [0, n_symbols_)

        Returns
        -------
        list of ndarray of shape (n_steps,) or, with an end, (n_steps + 1,), float64, nats
        """
        return [
            log_prob[a:b]
            for log_prob, first, _ in self._scores(X)
            for a, b in pairwise(first.tolist())
        ]

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood, nats a symbol (the end counts as one)."""
        parts = [(total, len(log_prob)) for log_prob, _, total in self._scores(X)]
        return float(sum(total for total, _ in parts) / sum(n for _, n in parts))

    def _scores(self, X: Any) -> Iterator[tuple[Floats, Ints, float]]:
        """Score some pieces at a time, which stay in the cache from being joined on."""
        tables, start, pieces = self.tables_, self._start(), _check(X)
        shape = FIRST_SYMBOL, END if self.end else -1, self.n_symbols_
        for symbols, bounds in join_pieces(pieces, None, _BLOCK):
            first = bounds + self.end * np.arange(len(bounds))
            log_prob = np.empty(first[-1])
            last, total = kernels.score_codes(tables, start, symbols, bounds, shape, log_prob)
            if last < 0:
                list(join_pieces(pieces, self.n_symbols_, MAX_SYMBOLS))  # It names the symbol.
            yield log_prob, first, total

    # ---- the next symbol ----------------------------------------------------------------

    def _start(self, given: ArrayLike = ()) -> int:
        """Return the context after the start of a piece and some symbols."""
        tree, tables = self.tree_, self.tables_
        start = int(tables.state[1]) if tree.code[1] == START else 0
        symbols = np.asarray(given, np.int64).reshape(-1)
        if not len(symbols):
            return start
        if symbols.min() < 0 or symbols.max() >= self.n_symbols_:
            raise ValueError(f"given: expected symbols from 0 to {self.n_symbols_ - 1}")
        bounds, scratch = np.array([0, len(symbols)]), np.empty(len(symbols))
        shape = FIRST_SYMBOL, -1, self.n_symbols_
        return kernels.score_codes(tables, start, symbols, bounds, shape, scratch)[0]

    def sample(
        self,
        n: int,
        n_steps: int,
        *,
        given: ArrayLike = (),
        random_state: int | np.random.Generator | None = None,
    ) -> Ints:
        """Draw pieces from the start, or continuations of a given beginning.

        Parameters
        ----------
        n : int
        n_steps : int
            Length of each; what is given does not count.
        given : array_like of int
            What the piece began with.
        random_state : int, Generator or None

        Returns
        -------
        paths : ndarray of shape (n, n_steps), int64
            -1 from the end of a piece on, where the end is modelled.
        """
        u = generator(random_state).random((n, n_steps))
        codes = np.empty((n, n_steps), np.int64)
        kernels.draw_codes(
            self.tables_, self._start(given), self.n_symbols_ + FIRST_SYMBOL, u, codes
        )
        if self.end:
            codes[np.cumsum(codes == END, axis=1) > 0] = FIRST_SYMBOL - 1
        codes -= FIRST_SYMBOL
        return codes

    def automaton(
        self,
        n_steps: int,
        allowed: NDArray[np.bool_] | None = None,
        *,
        given: ArrayLike = (),
        support: int | None = None,
        max_states: int = MAX_STATES,
    ) -> Automaton:
        """Return the model's law as an automaton for `sampling.chain.Chain`.

        Its states are the contexts that can be reached, each shortened to the longest that
        something was seen after; the log-weights are the log-probabilities. With an end
        modelled, ending in a state weighs as much as the end there.

        Parameters
        ----------
        n_steps : int
        allowed : ndarray of shape (n_steps, n_symbols_), bool, optional
            Only contexts that can be reached through these symbols are built.
        given : array_like of int
            What the piece began with.
        support : int, optional
            Allow only what was seen in the corpus after the last `support` symbols (or after
            the context, where that is shorter): the law is then the model's own, given that
            every symbol is such a one. By default every symbol of the alphabet may come.
        max_states : int

        Raises
        ------
        ConstraintError
            Where more than `max_states` contexts can be reached, or more than
            `models.reach.MAX_ARCS` symbols can follow them together.

        Examples
        --------
        >>> from stats_composer.sampling.chain import Chain
        >>> model = NGram(n=3).fit([[0, 1, 2, 0, 1, 2, 0, 1, 0]])
        >>> unary = np.zeros((4, 3))
        >>> unary[3, :2] = -np.inf
        >>> Chain(unary, [model.automaton(4, unary == 0)]).best().tolist()
        [2, 0, 1, 2]
        """
        if support is not None and support < 0:
            raise ConstraintError(f"support {support}: expected at least 0")
        if allowed is None:
            allowed = np.ones((n_steps, self.n_symbols_), bool)
        if allowed.shape != (n_steps, self.n_symbols_):
            expected = (n_steps, self.n_symbols_)
            raise ConstraintError(f"allowed of shape {allowed.shape}: expected {expected}")
        ever: NDArray[np.bool_] = np.logical_or.reduce(allowed, axis=0)
        reach = Reach(self.tree_, self.tables_, self._start(given), ever, support)
        reached = np.zeros(1, np.int64)
        for t in range(n_steps):
            reached = reach.follow(reached, allowed[t])
            if len(reach.state) > max_states:
                raise ConstraintError(
                    f"the n-gram model reaches more than {max_states} contexts: lower its n or "
                    "allow fewer symbols"
                )
        return reach.automaton(n_steps, self.end)


def _check(X: Any) -> list[Ints]:
    """Return pieces as arrays of one axis."""
    pieces = [p if type(p) is np.ndarray and p.ndim == 1 else _line(p) for p in X]
    if not pieces or not all(map(len, pieces)):
        check_pieces([piece[:, None] for piece in pieces], 1)
    return pieces


def _line(piece: Any) -> Ints:
    """Return a piece of one column, or a list, as an array of one axis."""
    line = np.asarray(piece)
    return line if line.ndim == 1 else check_pieces([line], 1)[0][:, 0]
