"""A directed model of the lines that go with given ones, by back-off contexts and rules.

Where a maximum-entropy model weighs a whole grid, this one goes forwards: row by row, line by
line in a fixed order, each symbol by a normalised law given all before it and the given lines to
their end (`kernels/directed.py`). So its likelihood is exact, a draw takes one pass, and what it
says of a grid judges what other models wrote.

The experts are those of `kernels/viewpoints.py`; their weights, and those of the rules, are
learned by `mixture.py` on pieces left out of the counts, one set a line and place in the beat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.factors.grids import check_grid
from stats_composer.kernels.arrays import Floats, Ints
from stats_composer.kernels.directed import run_rows
from stats_composer.kernels.directed_sites import LONGEST, OPS, Atoms, Lines
from stats_composer.kernels.expert import Judged
from stats_composer.models.base import Estimator, RandomState, check_pieces, generator
from stats_composer.models.directed.fit import (
    Settings,
    fit_line,
    join_lines,
    make_tables,
    read_line,
)
from stats_composer.models.directed.language import (
    Compiled,
    Names,
    compile_atoms,
    compile_chains,
    parse_target,
)
from stats_composer.models.parameters import Each, Has, Parameters, Real, Whole

__all__ = ["DirectedModel", "Drawing"]


class Drawing(NamedTuple):
    """How symbols are drawn from their laws; as they are by default.

    Attributes
    ----------
    staying : float
        Temperature of the choice whether a line stays where it is.
    moving : float
        Temperature of the choice where it goes if not.
    min_p : float
        Symbols less likely than this share of the likeliest are left out of that choice.

    Examples
    --------
    >>> Drawing(moving=0.8)  # bolder lines where they move
    Drawing(staying=1.0, moving=0.8, min_p=0.0)
    """

    staying: float = 1.0
    moving: float = 1.0
    min_p: float = 0.0

    def check(self) -> None:
        """Raise ValueError for a drawing that cannot be."""
        above = Real(open=True)
        if not (above.allows(self.staying) and above.allows(self.moving)):
            raise ValueError(f"{self}: expected temperatures above 0")
        if not Real(0, 1).allows(self.min_p):
            raise ValueError(f"{self}: expected a share from 0 to 1")


class DirectedModel(Estimator):
    """Lines that go with given ones, drawn forwards.

    Parameters
    ----------
    chains : mapping of str to sequence of str
        For each line that is modelled, in their order within a row, its name and what is
        predicted from what: see `models/directed/language.py`. The other lines are given.
    names : sequence of str
        Of all lines, as the grid has them.
    labels : ndarray of shape (n_lines, width), int64
        A number for each symbol, below 0 for rests.
    n_symbols : sequence of int
    columns : mapping of str to int
        Context columns of the grid that chains name.
    phase : str
        The one of them that tells the place within a beat.
    period : int
        Rows of a beat.
    penalty : float
        Inverse variance of the weights (`mixture.py`).
    smoothing : (discount, strength)
        Of the experts.
    max_rows : int
        Weights are learned from evenly chosen pieces of about so many rows; counts are of all.

    Attributes
    ----------
    lines_ : Lines
    tables_ : Tables
    learned_ : dict of str to ndarray
        The same as a file holds it.
    expert_names_ : list of str
    n_features_in_ : int
        Columns of the grids.
    n_values_ : ndarray of shape (n_features_in_,), int64
        Symbols of each line, and values of each column that the pieces showed. A column may
        have others later, which all count as one more value; a line may not.

    Examples
    --------
    A lower line that follows the given one a third below, two rows a beat.

    >>> melody = np.array([2, 3, 4, 3, 2, 3, 2, 2])
    >>> grid = np.column_stack([melody, melody - 2, np.arange(8) % 2])
    >>> model = DirectedModel(
    ...     {"low": ["symbol-high@0: moved:high@0", "symbol: own@1"]},
    ...     names=["high", "low"],
    ...     labels=np.array([[60, 62, 64, 65, 67]] * 2),
    ...     n_symbols=[5, 5],
    ...     columns={"half": 2},
    ...     penalty=1.0,
    ... ).fit([grid] * 4)
    >>> model.sample(given=grid, random_state=0)[0][:, 1].tolist()
    [0, 1, 2, 1, 0, 1, 0, 0]
    >>> round(float(np.exp(model.score([grid]))), 3)
    0.999
    """

    _parameters: ClassVar[Parameters] = {
        "chains": (Has(("items", "values"), "a mapping of lines to chains"),),
        "names": (Each((str,), 1),),
        "n_symbols": (Each((Whole(1),), 1),),
        "columns": (Has(("items", "values"), "a mapping of names to columns"),),
        "phase": (str,),
        "period": (Whole(1),),
        "penalty": (Real(),),
        "smoothing": (Each((Real(0, 1),), 2),),
        "max_rows": (Whole(1),),
    }

    def __init__(
        self,
        chains: Mapping[str, Sequence[str]],
        *,
        names: Sequence[str],
        labels: Ints,
        n_symbols: Sequence[int],
        columns: Mapping[str, int],
        phase: str = "half",
        period: int = 2,
        penalty: float = 300.0,
        smoothing: tuple[float, float] = (0.5, 0.5),
        max_rows: int = 12_000,
    ) -> None:
        self.chains = chains
        self.names = names
        self.labels = labels
        self.n_symbols = n_symbols
        self.columns = columns
        self.phase = phase
        self.period = period
        self.penalty = penalty
        self.smoothing = smoothing
        self.max_rows = max_rows

    # ---- learning ------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> Self:
        """Count the pieces, and learn the weights with each left out of the counts.

        Parameters
        ----------
        X : list of ndarray of shape (n_steps, n_voices), int64
        y : ignored

        Raises
        ------
        ValueError
            Where X is no list of grids, or a parameter cannot be: each named.
        """
        grids = check_pieces(X)
        self._check_params()
        self._check_names(grids[0].shape[1])
        check_pieces(grids, None, self.n_symbols)
        self._check_phase(grids)
        self._set_up(np.max([grid.max(axis=0) for grid in grids], axis=0) + 1)
        settings = Settings(self.penalty, self.smoothing, self.max_rows)
        self.learned_ = join_lines(
            [
                fit_line(self.lines_, i, compiled, grids, settings)
                for i, compiled in enumerate(self._compiled)
            ]
        )
        self.tables_ = make_tables(self.lines_, self._compiled, self.learned_, self.smoothing)
        return self

    def _check_names(self, n_columns: int) -> None:
        """Check what parameters say of each other and of the grids."""
        names, n_lines = list(self.names), len(self.names)
        strange = [name for name in self.chains if name not in names]
        if strange or not self.chains:
            raise ValueError(f"chains of {strange or 'no line'}: expected some of {names}")
        if len(self.n_symbols) != n_lines or n_columns < n_lines:
            raise ValueError(
                f"{n_lines} names, n_symbols of {len(self.n_symbols)}, grids of {n_columns} "
                "columns: expected as many symbols as names, and a column for each"
            )
        labels = np.asarray(self.labels)
        expected = n_lines, max(self.n_symbols)
        is_whole = np.issubdtype(labels.dtype, np.integer) and labels.ndim == 2
        if not is_whole or len(labels) != n_lines or labels.shape[1] < expected[1]:
            raise ValueError(f"labels of shape {labels.shape}: expected integers of {expected}")
        for name, column in self.columns.items():
            if not Whole(n_lines, n_columns - 1).allows(column):
                raise ValueError(
                    f"columns: {name!r} at {column!r}, expected {Whole(n_lines, n_columns - 1)}"
                )
        if self.phase not in self.columns:
            raise ValueError(f"phase={self.phase!r}: expected one of {list(self.columns)}")

    def _check_phase(self, grids: Sequence[Ints]) -> None:
        """Refuse a place within the beat past its end."""
        n_values = np.full(grids[0].shape[1], np.iinfo(np.int64).max)
        n_values[self.columns[self.phase]] = self.period
        check_pieces(grids, None, n_values)

    def _check(self, X: Any) -> list[Ints]:
        """Check grids against what was fitted."""
        self._check_fitted("tables_")
        grids = check_pieces(X, self.n_features_in_, self.n_values_[: len(self.names)])
        self._check_phase(grids)
        return grids

    def _set_up(self, n_values: Ints) -> None:
        """Compile the chains, given the number of values of each voice."""
        names = list(self.names)
        order = [names.index(name) for name in self.chains]
        n_lines = len(names)
        given = [v for v in range(n_lines) if v not in order]
        n_values = np.array([*self.n_symbols, *n_values[n_lines:]], np.int64)
        self.n_values_, self.n_features_in_ = n_values, len(n_values)
        self._compiled: list[Compiled] = []
        atoms, places = [], []
        known = np.zeros((len(order), n_lines), np.bool_)
        for i, texts in enumerate(self.chains.values()):
            known[i, given + order[:i]] = True
            here = Names(names, order[i], given + order[:i], given, self.columns, n_values)
            compiled = compile_chains(texts)
            # What rules and targets look at further back: all that tells whether a law changed.
            for atom in ("turn:own@1", *(t.partition("-")[2] for t in compiled.targets)):
                if atom and atom not in compiled.atoms:
                    compiled.atoms.append(atom)
            self._compiled.append(compiled)
            atoms.append(compile_atoms(compiled.atoms, here))
            places += [parse_target(text, here) for text in compiled.targets]
        self.lines_ = Lines(
            np.array(order, np.int64),
            known,
            n_values[:n_lines].copy(),
            np.ascontiguousarray(self.labels, np.int64),
            int(self.columns[self.phase]),
            self.period,
            Atoms(np.concatenate([a.code for a in atoms]), np.concatenate([a.size for a in atoms])),
            np.cumsum([0, *(len(a.size) for a in atoms)]),
            np.array(places, np.int64).reshape(-1, 3),
            np.cumsum([0, *(len(compiled.targets) for compiled in self._compiled)]),
        )
        self.expert_names_ = [
            f"{name} {expert}"
            for name, compiled in zip(self.chains, self._compiled, strict=True)
            for expert in compiled.names
        ]

    @property
    def reach(self) -> int:
        """How many rows further on a modelled symbol is looked back to."""
        code, period = self.lines_.atoms.code, self.period
        looks_on = np.isin(code[:, 0], [OPS.index(name) for name in ("run", "before", "turn")])
        rows = np.maximum(code[:, 2], code[:, 3] * period) + np.where(looks_on, LONGEST, 1)
        other = np.maximum(code[:, 5], code[:, 6] * period)
        return int(max(rows.max(), other.max(), period))

    def judged(self, grid: Ints, weight: float) -> Judged:
        """Return the model beside a grid, as a sampler of another model takes it.

        Parameters
        ----------
        grid : ndarray of shape (n_steps, n_voices), int64
            Columns past the model's own are not looked at.
        weight : float
            Power of the law in the product.

        Raises
        ------
        ValueError
            If the weight is no number from 0.
        """
        self._check_fitted("tables_")
        (grid,) = self._check([check_grid(grid)[:, : self.n_features_in_]])
        if not Real().allows(weight):
            raise ValueError(f"weight={weight!r}: expected {Real()}")
        n_atoms = len(self.lines_.atoms.size)
        atoms = np.zeros((len(grid), n_atoms), np.int64)
        for i in range(len(self.lines_.order)):
            own = slice(*self.lines_.atom_first[i : i + 2])
            atoms[:, own] = read_line(self.lines_, i, [grid])[0]
        log_prob = self._pick(grid)
        return Judged(self.lines_, self.tables_, float(weight), self.reach, log_prob, atoms)

    # ---- scoring -------------------------------------------------------------------------

    def site_log_probs(self, grid: Ints) -> Floats:
        """Return the law of each site given all before it and the given lines, in nats.

        Parameters
        ----------
        grid : ndarray of shape (n_steps, n_voices), int64

        Returns
        -------
        ndarray of shape (n_steps, n_modelled, width), float64
            -inf past a line's symbols.
        """
        (checked,) = self._check([grid])
        return self._run(checked.copy(), None, Drawing(), None)

    def log_probs(self, grid: Ints) -> Floats:
        """Return the log-probability of each symbol given all before it, in nats.

        Parameters
        ----------
        grid : ndarray of shape (n_steps, n_voices), int64

        Returns
        -------
        ndarray of shape (n_steps, n_modelled), float64
            The modelled lines in their order.
        """
        return self._pick(self._check([grid])[0])

    def _pick(self, grid: Ints) -> Floats:
        """Take the grid's own symbols out of the laws of its sites."""
        symbols = grid[:, self.lines_.order, None]
        laws = self._run(grid.copy(), None, Drawing(), None)
        picked: Floats = np.take_along_axis(laws, symbols, axis=2)[:, :, 0]
        return picked

    def score_samples(self, X: Any) -> Floats:
        """Return the log-likelihood of the modelled lines of each piece of `X`, in nats.

        Returns
        -------
        ndarray of shape (n_pieces,), float64
        """
        return np.array([self._pick(grid).sum() for grid in self._check(X)])

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of `X`, nats a modelled symbol; `y` is not read."""
        grids = self._check(X)
        total = sum(float(self._pick(grid).sum()) for grid in grids)
        return total / (sum(map(len, grids)) * len(self.lines_.order))

    # ---- sampling ------------------------------------------------------------------------

    def sample(
        self, n_samples: int = 1, *, given: Ints, unary: Floats | None = None,
        drawing: Drawing | None = None, random_state: RandomState = None,
    ) -> list[Ints]:  # fmt: skip
        """Draw the modelled lines of a piece whose given lines and columns are filled in.

        Parameters
        ----------
        n_samples : int
        given : ndarray of shape (n_steps, n_voices), int64
            What it has of the modelled lines is not looked at, but for being symbols.
        unary : ndarray of shape (n_steps, at least n_lines, at least width), float64, optional
            Log-weights added to those of the law: -inf forbids. A site that forbids every symbol
            is drawn freely.
        drawing : Drawing, optional
            By default the draws are of the law itself.
        random_state : int, Generator or None

        Returns
        -------
        list of ndarray of shape (n_steps, n_voices), int64
            Copies with the modelled lines drawn.

        Raises
        ------
        ValueError
            For what is not of this model, or a drawing that cannot be.
        """
        (checked,) = self._check([given])
        if not Whole(1).allows(n_samples):
            raise ValueError(f"n_samples={n_samples!r}: expected {Whole(1)}")
        drawing = drawing or Drawing()
        drawing.check()
        if unary is not None:
            self._check_unary(unary, len(checked))
        rng = generator(random_state)
        drawn = [checked.copy() for _ in range(n_samples)]
        for grid in drawn:
            self._run(grid, unary, drawing, rng)
        return drawn

    def _check_unary(self, unary: Floats, n_steps: int) -> None:
        """Refuse log-weights of another grid."""
        expected = (n_steps, len(self.names), max(self.n_symbols))
        fits = np.ndim(unary) == 3 and np.shape(unary)[0] == n_steps
        fits = fits and all(a >= b for a, b in zip(np.shape(unary), expected, strict=True))
        if not fits or np.isnan(unary).any() or (unary == np.inf).any():
            raise ValueError(
                f"unary of shape {np.shape(unary)}: expected {expected} or wider, below inf"
            )

    # ---- model files ---------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what `restore` needs: an empty header, and arrays."""
        self._check_fitted("tables_")
        weights = {
            name: self.learned_[name].astype(np.float32) for name in ("weights", "rule_weights")
        }
        return {}, {**self.learned_, **weights, "symbols": self.n_values_}

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take the `sizes` and arrays that `state` returned, with the same parameters.

        Raises
        ------
        ValueError
            If the arrays do not belong to these parameters.
        """
        self._set_up(arrays["symbols"])
        self.learned_ = {name: array for name, array in arrays.items() if name != "symbols"}
        self.tables_ = make_tables(self.lines_, self._compiled, self.learned_, self.smoothing)
        return self

    def _run(
        self,
        grid: Ints,
        unary: Floats | None,
        drawing: Drawing,
        rng: np.random.Generator | None,
    ) -> Floats:
        lines = self.lines_
        n_lines, width = lines.labels.shape
        n_modelled = len(lines.order)
        log_prob = np.full((len(grid), n_modelled, width), -np.inf)
        nothing = np.zeros((len(grid), n_lines, width))
        own = nothing
        if unary is not None:
            own = np.ascontiguousarray(unary[:, :n_lines, :width], np.float64)
        u = np.zeros((0, n_modelled, 2)) if rng is None else rng.random((len(grid), n_modelled, 2))
        run_rows(grid, lines, self.tables_, own, np.array(drawing, np.float64), u, log_prob)
        return log_prob
