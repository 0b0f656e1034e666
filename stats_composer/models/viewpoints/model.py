"""Viewpoints: many views of one sequence, each an expert that counts, and their mixture.

A viewpoint maps the events so far and a candidate for the next symbol to a small integer: an
interval, a scale degree, a contour. Each predicts its own next value in contexts of growing
length, from what the corpus did (long-term) and what this piece did so far (short-term), and
all that they say is mixed log-linearly and normalised over the candidates:
`kernels/viewpoints.py` has the formulas, `language.py` the language.

The weights are those that predict the training pieces best when each is left out of the
counts, under a Gaussian prior: `mixture.py`.

References
----------
D. Conklin, I. Witten (1995), Multiple viewpoint systems for music prediction, J. New Music
Research 24(1).
M. Pearce (2005), The construction and evaluation of statistical models of melodic structure in
music perception and composition, PhD thesis, City University, chapters 6 and 7.
G. Hinton (2002), Training products of experts by minimizing contrastive divergence, Neural
Computation 14(8), section 1: products of experts; here normalised exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stats_composer.models.base import History, RandomState, check_size, generator
from stats_composer.models.mixture import choose_penalty, learn_weights
from stats_composer.models.parameters import Each, OneOf, Parameters, Real, Whole
from stats_composer.models.viewpoints.drawing import Drawing, Learned
from stats_composer.models.viewpoints.experts import N_MOST, System
from stats_composer.models.viewpoints.knowledge import Knowledge, check_tables

__all__ = ["ViewpointModel"]

Floats = NDArray[np.float64]

TEXT = OneOf((str,), "a text")


class ViewpointModel(Knowledge):
    """A mixture of viewpoint experts over the next symbol of a sequence.

    Parameters
    ----------
    viewpoints : sequence of str
        Such as `"interval = pitch - pitch@1"`.
    chains : sequence of str
        What is predicted from what, counted over the corpus: `"interval: degree@1 | interval@1"`.
    short : sequence of str
        Chains counted over the piece so far.
    symbol : str
        The column that is predicted.
    penalty : float or sequence of float
        Inverse variance of the weights around their expert's mean (`mixture.py`). Of several
        the one is taken with which the weights that were learned on four pieces in five predict
        the fifth best.
    smoothing : (discount, strength)
        How an expert leans on its parent: d in [0, 1) and s > 0 of the kernels' (1).
    margin : int
        Symbols below the lowest and above the highest of the corpus that may come too.
    max_events : int
        Weights are learned from evenly chosen pieces of about so many events in all; counts
        are of all.
    least : int
        Contexts that come less often in the corpus are left out, which keeps a model small.

    Attributes
    ----------
    low_, n_symbols_ : int
        Candidates are the symbols from `low_` to `low_ + n_symbols_ - 1`.
    columns_ : tuple of str
    counts_ : ndarray of int32
    weights_ : ndarray of shape (n_experts, N_BUCKETS)
    penalty_ : float
    correction_ : Correction or None
        Part of the law, where `begin_correction` was called.
    expert_names_ : list of str
    n_features_in_ : int
        Number of columns.
    history_ : list of dict
        Of each penalty that was tried (stage "penalty") the log-likelihood of the pieces held
        out, and of each iteration of the last weights (stage "weights") the penalized
        log-likelihood, as `objective`, in nats.

    Examples
    --------
    A scale up and down; after two whole tones a half tone is likeliest, wherever they start.

    >>> scale = np.zeros(15, [("pitch", np.int64)])
    >>> scale["pitch"] = [60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62, 60]
    >>> model = ViewpointModel(
    ...     ["interval = pitch - pitch@1", "contour = sign pitch - pitch@1"],
    ...     ["contour: contour@1", "interval: interval@1 | interval@2"],
    ...     penalty=1.0,
    ... )
    >>> start = scale[:4].copy()
    >>> start["pitch"] = [66, 68, 70, 72]
    >>> row = np.exp(model.fit([scale, scale]).predict_log_proba([start])[0][3])
    >>> bool(abs(row.sum() - 1) < 1e-12), int(row.argmax()) + model.low_
    (True, 71)
    """

    _parameters: ClassVar[Parameters] = {
        "viewpoints": (Each((TEXT,), least=1),),
        "chains": (Each((TEXT,)),),
        "short": (Each((TEXT,)),),
        "symbol": (TEXT,),
        "penalty": (Real(open=True), Each((Real(open=True),), least=1)),
        "smoothing": (Each((Real(),), least=2),),
        "margin": (Whole(),),
        "max_events": (Whole(1),),
        "least": (Whole(1),),
    }

    def __init__(
        self,
        viewpoints: Sequence[str],
        chains: Sequence[str],
        *,
        short: Sequence[str] = (),
        symbol: str = "pitch",
        penalty: float | Sequence[float] = 100.0,
        smoothing: tuple[float, float] = (0.5, 0.5),
        margin: int = 4,
        max_events: int = 20_000,
        least: int = 1,
    ) -> None:
        self.viewpoints = viewpoints
        self.chains = chains
        self.short = short
        self.symbol = symbol
        self.penalty = penalty
        self.smoothing = smoothing
        self.margin = margin
        self.max_events = max_events
        self.least = least

    # ---- learning ------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> Self:
        """Count the pieces, and learn the weights with each left out of the counts.

        Parameters
        ----------
        X : list of structured ndarray
            A table a piece with an integer field a column, the symbol's among them. Symbols
            are from 0 to 127; a piece may be of one event.
        y : ignored

        Raises
        ------
        ValueError
            Where there is no piece, one is empty or has other columns, a column is not of
            integers, a viewpoint or a chain cannot be read or names an unknown column.
        """
        self._check_parameters()
        system = System(self.symbol, self.viewpoints, self.chains, self.short)
        pieces = check_tables(X)
        self.columns_ = tuple(pieces[0].dtype.names or ())
        if self.symbol not in self.columns_:
            raise ValueError(f"piece 0: expected a column {self.symbol!r} of integers")
        self.n_features_in_ = len(self.columns_)
        table = self._table(pieces, range(N_MOST + 1))
        self.low_ = max(int(table.symbol.min()) - self.margin, 0)
        self.n_symbols_ = min(int(table.symbol.max()) + self.margin, N_MOST) + 1 - self.low_
        self.keys_, _ = system.number(table, self.least)
        self.seen_ = system.values_seen(table)
        self._keep(system)
        self.counts_ = self._count(self._events(table))
        every = -(-len(table.symbol) // self.max_events)
        events = self._events(self._table(pieces[::every], range(N_MOST + 1)))
        evidence = self._gather(events, counted=True)
        self.history_: History = []
        penalties = np.atleast_1d(self.penalty).tolist()
        self.penalty_ = choose_penalty(evidence, events, penalties, history=self.history_)
        self.weights_ = learn_weights(evidence, events, self.penalty_, history=self.history_)
        return self

    # ---- scoring -------------------------------------------------------------------------

    def predict_log_proba(self, X: Any) -> list[Floats]:
        """Return the log-probabilities of all candidates before each event, in nats.

        What a symbol's probability depends on are the events before it and those columns of its
        own event that an atom at lag 0 or a viewpoint names. A context that the corpus never
        showed leaves all to the shorter ones; an expert that nothing is known for says nothing.

        Parameters
        ----------
        X : list of structured ndarray

        Returns
        -------
        list of ndarray of shape (n_events, n_symbols_), float64
            Candidate k is the symbol `low_ + k`.

        Raises
        ------
        ValueError
            Where a symbol is no candidate, a piece is empty or lacks a column.
        """
        self._check_fitted("weights_")
        rows = []
        for i, piece in enumerate(check_tables(X)):
            events = self._events(self._table([piece], self._candidates(), i))
            rows.append(self._mix(self._gather(events), events))
        return rows

    def log_probs(self, piece: Any) -> Floats:
        """Return the log-probability of each event given those before it, in nats.

        Parameters
        ----------
        piece : structured ndarray

        Returns
        -------
        ndarray of shape (n_events,), float64
        """
        (row,) = self.predict_log_proba([piece])
        chosen: Floats = row[np.arange(len(row)), piece[self.symbol].astype(np.int64) - self.low_]
        return chosen

    def score_samples(self, X: Any) -> Floats:
        """Return the log-likelihood of each piece, in nats.

        Parameters
        ----------
        X : list of structured ndarray

        Returns
        -------
        ndarray of shape (n_pieces,), float64
        """
        return np.array([row.sum() for row in self._rows(X)])

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of `X` per event, in nats; `y` is not read."""
        return float(np.concatenate(self._rows(X)).mean())

    def _rows(self, X: Any) -> list[Floats]:
        self._check_fitted("weights_")
        pieces = check_tables(X)
        self._table(pieces, self._candidates())  # It names a piece by its own number.
        return [self.log_probs(piece) for piece in pieces]

    # ---- sampling ------------------------------------------------------------------------

    def sample(
        self, n_samples: int = 1, *, n_steps: int | None = None,
        given: NDArray[np.void] | None = None, n_given: int = 0,
        allowed: NDArray[np.bool_] | None = None, random_state: RandomState = None,
    ) -> list[NDArray[np.void]]:  # fmt: skip
        """Draw the symbols of pieces whose other columns are given.

        Parameters
        ----------
        n_samples, n_steps : int
            Pieces, and the events of each: by default those of what is given.
        given : structured ndarray of shape (n_steps,), optional
            Copies of it are returned, other forms of the symbol, such as degrees, as they were.
        n_given : int
            The symbols of so many of its first events are kept.
        allowed : ndarray of shape (n_symbols_,), bool, optional
            Candidates that may come. What does not fit raises a ValueError.
        random_state : int, Generator or None
        """
        self._check_fitted("weights_")
        check_size("n_samples", n_samples, 1)
        free = np.ones(self.n_symbols_, bool) if allowed is None else np.asarray(allowed, bool)
        if free.shape != (self.n_symbols_,) or not free.any():
            raise ValueError(f"allowed: expected {self.n_symbols_} flags, one at least True")
        page = self._page(n_steps, given)
        if not Whole(0, len(page)).allows(n_given):
            raise ValueError(f"n_given={n_given!r}: expected {Whole(0, len(page))}")
        known = page.copy()
        if self.symbol in (known.dtype.names or ()):  # what is drawn may be anything before
            known[self.symbol][n_given:] = self.low_
        self._table([known], self._candidates())
        rng = generator(random_state)
        return [self._draw(page, n_given, free, rng) for _ in range(n_samples)]

    def _page(self, n_steps: int | None, given: Any) -> NDArray[np.void]:
        """Return the table to fill."""
        if given is None:
            if self.columns_ != (self.symbol,):
                raise ValueError(
                    f"given=None: expected a table of columns {', '.join(self.columns_)}"
                )
            n_events = check_size("n_steps", n_steps, 1)
            return np.full(n_events, self.low_, [(self.symbol, np.int64)])
        (page,) = check_tables([given])
        if n_steps is not None and n_steps != len(page):
            raise ValueError(f"n_steps={n_steps!r}: expected {len(page)}, as given has")
        return page

    def begin(self, page: NDArray[np.void], *, memory: float = 1.0) -> Drawing:
        """Return a piece to write: its columns but the symbol's, which `Drawing.put` writes.

        Parameters
        ----------
        page : structured ndarray of shape (n_steps,)
        memory : float
            Weight of the experts that count the piece so far: 1 is the model's own law.
        """
        self._check_fitted("weights_")
        if self._learned is None:
            experts = self._experts(self._first)
            known = self.counts_, self.weights_, self.low_, self.n_symbols_, self.correction_
            self._learned = Learned(self._system, self.keys_, experts, *known)
        columns = {name: page[name] for name in self.columns_ if name != self.symbol}
        return Drawing(self._learned, columns, len(page), memory)

    def _draw(
        self, page: NDArray[np.void], n_given: int, free: NDArray[np.bool_], rng: Generator
    ) -> NDArray[np.void]:
        piece = page.copy()
        drawing = self.begin(piece)
        for symbol in piece[self.symbol][:n_given].tolist():
            drawing.put(symbol)
        for t in range(n_given, len(piece)):
            row = np.exp(drawing.log_probs()) * free
            k = np.searchsorted(np.cumsum(row), rng.random() * row.sum(), side="right")
            piece[self.symbol][t] = self.low_ + min(int(k), int(np.flatnonzero(row)[-1]))
            drawing.put(int(piece[self.symbol][t]))
        return piece
