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
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.directed import run_rows
from stats_composer.kernels.directed_sites import LONGEST, OPS, Atoms, Lines
from stats_composer.kernels.expert import Judged
from stats_composer.models.base import Estimator, check_pieces, generator
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

__all__ = ["DirectedModel", "Drawing"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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
    """

    staying: float = 1.0
    moving: float = 1.0
    min_p: float = 0.0


class DirectedModel(Estimator):
    """Lines that go with given ones, drawn forwards.

    Parameters
    ----------
    chains : mapping of str to sequence of str
        For each line that is modelled, in their order within a row, its name and what is
        predicted from what: see `directed_atoms.py`. The other lines are given.
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
    >>> model.sample([grid], random_state=0)[0][:, 1].tolist()
    [0, 1, 2, 1, 0, 1, 0, 0]
    >>> round(float(np.exp(model.score([grid]))), 3)
    0.999
    """

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
            Where X is no list of grids, or a chain cannot be read.
        """
        grids = check_pieces(X)
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

    def _set_up(self, n_values: Ints) -> None:
        """Compile the chains, given the number of values of each voice."""
        names = list(self.names)
        order = [names.index(name) for name in self.chains]
        n_lines = len(names)
        given = [v for v in range(n_lines) if v not in order]
        n_values = np.array([*self.n_symbols, *n_values[n_lines:]], np.int64)
        self.n_values_ = n_values
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
        weight : float
            Power of the law in the product.
        """
        n_atoms = len(self.lines_.atoms.size)
        atoms = np.zeros((len(grid), n_atoms), np.int64)
        for i in range(len(self.lines_.order)):
            own = slice(*self.lines_.atom_first[i : i + 2])
            atoms[:, own] = read_line(self.lines_, i, [grid])[0]
        symbols = grid[:, self.lines_.order]
        log_prob = np.take_along_axis(self.log_probs(grid), symbols[:, :, None], axis=2)[:, :, 0]
        return Judged(self.lines_, self.tables_, float(weight), self.reach, log_prob, atoms)

    # ---- scoring -------------------------------------------------------------------------

    def log_probs(self, grid: Ints) -> Floats:
        """Return the law of each site given all before it and the given lines, in nats.

        Parameters
        ----------
        grid : ndarray of shape (n_steps, n_voices), int64

        Returns
        -------
        ndarray of shape (n_steps, n_modelled, width), float64
            -inf past a line's symbols.
        """
        return self._run(grid.copy(), None, Drawing(), None)

    def score_samples(self, X: Any) -> list[Floats]:
        """Return the log-probability of each site, in nats.

        Returns
        -------
        list of ndarray of shape (n_steps, n_modelled), float64
            The modelled lines in their order.
        """
        scores = []
        for grid in check_pieces(X, len(self.n_values_)):
            symbols = grid[:, self.lines_.order]
            rows = self.log_probs(grid)
            scores.append(np.take_along_axis(rows, symbols[:, :, None], axis=2)[:, :, 0])
        return scores

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of a row of all modelled lines, in nats."""
        return float(np.concatenate(self.score_samples(X)).sum(axis=1).mean())

    # ---- sampling ------------------------------------------------------------------------

    def sample(
        self,
        X: Any,
        *,
        unary: Floats | None = None,
        drawing: Drawing | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> list[Ints]:
        """Draw the modelled lines of pieces whose given lines and columns are filled in.

        Parameters
        ----------
        X : list of ndarray of shape (n_steps, n_voices), int64
        unary : ndarray of shape (n_steps, n_lines, at least width), float64, optional
            Log-weights added to those of the law, for all pieces: -inf forbids. A site that
            forbids every symbol is drawn freely.
        drawing : Drawing, optional
            By default the draws are of the law itself.
        random_state : int or Generator, optional

        Returns
        -------
        list of ndarray
            Copies with the modelled lines drawn.
        """
        self._check_fitted("tables_")
        rng = generator(random_state)
        drawn = []
        for given in check_pieces(X, len(self.n_values_)):
            grid = given.copy()
            self._run(grid, unary, drawing or Drawing(), rng)
            drawn.append(grid)
        return drawn

    # ---- model files ---------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what `restore` needs: an empty header, and arrays."""
        self._check_fitted("tables_")
        weights = {
            name: self.learned_[name].astype(np.float32) for name in ("weights", "rule_weights")
        }
        return {}, {**self.learned_, **weights, "symbols": self.n_values_}

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take what `state` returned; the constructor's parameters are to be the same.

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
        self._check_fitted("tables_")
        lines = self.lines_
        n_lines, width = lines.labels.shape
        n_modelled = len(lines.order)
        log_prob = np.full((len(grid), n_modelled, width), -np.inf)
        nothing = np.zeros((len(grid), n_lines, width))
        own = nothing if unary is None else np.ascontiguousarray(unary[:, :n_lines, :width])
        u = np.zeros((0, n_modelled, 2)) if rng is None else rng.random((len(grid), n_modelled, 2))
        run_rows(grid, lines, self.tables_, own, np.array(drawing, np.float64), u, log_prob)
        return log_prob
