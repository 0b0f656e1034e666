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
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stats_composer.errors import ConstraintError
from stats_composer.factors import MAX_STATES, Automaton
from stats_composer.factors.grids import check_grid
from stats_composer.kernels import ngram as kernels
from stats_composer.models.base import (
    Estimator,
    RandomState,
    check_lines,
    check_size,
    generator,
)
from stats_composer.models.ngram.reach import Reach
from stats_composer.models.ngram.smoothing import KneserNey, Smoothing
from stats_composer.models.parameters import Has, Parameters, Whole
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
    n_features_in_ : int
        1: a piece is one voice.

    Notes
    -----
    A symbol of the alphabet that was never counted has a probability above 0, down to the
    uniform law; one outside the alphabet is an error. Where pieces that are held out may have
    symbols that the others lack, as in a cross-validation, say `n_symbols`.

    Examples
    --------
    >>> model = NGram(n=2, end=True).fit([[0, 1, 0, 1, 2]])
    >>> [round(float(p), 4) for p in np.exp(model.log_probs([0, 1]))]
    [0.6625, 0.6125, 0.1125]
    """

    _parameters: ClassVar[Parameters] = {
        "n": (Whole(1),),
        "smoothing": (None, Has(("tables",), "a smoothing, such as KneserNey()")),
        "n_symbols": (None, Whole(1, MAX_SYMBOLS)),
        "end": (bool,),
    }

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
        y : not read

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
        """Count more pieces `X`; the same as having counted all at once. `y` is not read."""
        counted = self._count(X)
        return self._keep(self.tree_.plus(counted) if hasattr(self, "tree_") else counted)

    def forget(self, X: Any) -> Self:
        """Take the counts of pieces `X` away again; the same as never having counted them.

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
        self._check_params()
        levels = count_levels(_check(X), self.n, end=self.end, limit=self.n_symbols or MAX_SYMBOLS)
        return ContextTree.from_levels(levels)

    def _keep(self, tree: ContextTree) -> Self:
        self.tree_, self.n_features_in_ = tree, 1
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
        """Take back the `sizes` and arrays that `state` gave, with the same parameters.

        Raises
        ------
        ValueError
            If the arrays are not a context tree of n levels.
        """
        self._check_params()
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

    def log_probs(self, piece: Any) -> Floats:
        """Return the log-probability of every symbol, and of the end where it is modelled.

        Parameters
        ----------
        piece : ndarray of shape (n_steps,) or (n_steps, 1), int, in [0, n_symbols_)

        Returns
        -------
        ndarray of shape (n_steps,) or, with an end, (n_steps + 1,), float64, nats
        """
        (found,) = self._scores([piece])
        return found[0]

    def score_samples(self, X: Any) -> Floats:
        """Return the log-likelihood of each piece, its end's too where it is modelled.

        Parameters
        ----------
        X : list of ndarray of shape (n_steps,) or (n_steps, 1), int, in [0, n_symbols_)

        Returns
        -------
        ndarray of shape (n_pieces,), float64, nats
        """
        sums = [np.add.reduceat(log_prob, first[:-1]) for log_prob, first, _ in self._scores(X)]
        return np.concatenate(sums)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of `X`, nats a symbol, its end's too; `y` is not read."""
        parts = [(total, len(log_prob)) for log_prob, _, total in self._scores(X)]
        return float(sum(total for total, _ in parts) / sum(n for _, n in parts))

    def _scores(self, X: Any) -> Iterator[tuple[Floats, Ints, float]]:
        """Score some pieces at a time, which stay in the cache from being joined on.

        Yields
        ------
        log_prob : ndarray of shape (n_symbols,) or, with an end, (n_symbols + n_pieces,)
        first : ndarray of shape (n_pieces + 1,)
            Where each piece begins there.
        total : float
        """
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
        if not np.size(given):
            return start
        line = np.asarray(given)
        columns = line[:, None] if line.ndim == 1 else line
        symbols = check_grid(columns, 1, [self.n_symbols_], name="given")[:, 0]
        bounds, scratch = np.array([0, len(symbols)]), np.empty(len(symbols))
        shape = FIRST_SYMBOL, -1, self.n_symbols_
        return kernels.score_codes(tables, start, symbols, bounds, shape, scratch)[0]

    def sample(
        self,
        n_samples: int = 1,
        *,
        n_steps: int,
        given: ArrayLike = (),
        random_state: RandomState = None,
    ) -> list[Ints]:
        """Draw pieces from the start, or continuations of a given beginning.

        Parameters
        ----------
        n_samples : int
        n_steps : int
            Length of each; what is given does not count, and is not returned.
        given : array_like of int
            What the piece began with.
        random_state : int, Generator or None

        Returns
        -------
        list of ndarray of shape (n_steps,), int64
            Shorter where the end of a piece was drawn before, if it is modelled.
        """
        tables, start = self.tables_, self._start(given)
        check_size("n_samples", n_samples, 1)
        check_size("n_steps", n_steps)
        u = generator(random_state).random((n_samples, n_steps))
        codes = np.empty(u.shape, np.int64)
        kernels.draw_codes(tables, start, self.n_symbols_ + FIRST_SYMBOL, u, codes)
        if not self.end:
            return list(codes - FIRST_SYMBOL)
        length = np.cumprod(codes != END, axis=1).sum(axis=1)
        return [row[:n] - FIRST_SYMBOL for row, n in zip(codes, length.tolist(), strict=True)]

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
        self._check_fitted("tree_")
        if support is not None and not Whole().allows(support):
            raise ConstraintError(f"support {support!r}: expected None or an int from 0")
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
    """Return pieces as arrays of one axis; their symbols are checked where they are joined."""
    if isinstance(X, list | tuple):
        pieces = [p if type(p) is np.ndarray else np.asarray(p) for p in X]
        if pieces and all(p.ndim == 1 and len(p) and p.dtype.kind in "iu" for p in pieces):
            return pieces
    return check_lines(X)
