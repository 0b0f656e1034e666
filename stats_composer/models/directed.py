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

from stats_composer.kernels.directed import (
    LONGEST,
    N_RULES,
    OPS,
    Atoms,
    Lines,
    Tables,
    read_sites,
    run_rows,
)
from stats_composer.kernels.expert import Judged
from stats_composer.kernels.viewpoints import (
    N_BUCKETS,
    Events,
    Evidence,
    Experts,
    gather_evidence,
)
from stats_composer.models.base import Estimator, check_pieces, generator
from stats_composer.models.directed_atoms import (
    Compiled,
    Names,
    compile_atoms,
    compile_chains,
    parse_target,
    tell_values,
)
from stats_composer.models.mixture import learn_weights

__all__ = ["DirectedModel", "Drawing"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Rules say 0 or 1, experts some nats, and rules mostly forbid: so the weights of both are alike.
RULE_SCALE = -10.0
MAX_ITER = 60


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
        learned = [self._fit_line(i, grids) for i in range(len(self.lines_.order))]
        self.tables_ = _join(learned, self.lines_)
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
            places.append([parse_target(text, here) for text in compiled.targets])
        self._is_class = [is_class for found in places for is_class, _ in found]
        self.lines_ = Lines(
            np.array(order, np.int64),
            known,
            n_values[:n_lines].copy(),
            np.ascontiguousarray(self.labels, np.int64),
            int(self.columns[self.phase]),
            self.period,
            Atoms(np.concatenate([a.code for a in atoms]), np.concatenate([a.size for a in atoms])),
            np.cumsum([0, *(len(a.size) for a in atoms)]),
            np.array([place for found in places for _, place in found], np.int64).reshape(-1, 3),
            np.cumsum([0, *map(len, places)]),
        )
        self.expert_names_ = [
            f"{name} {expert}"
            for name, compiled in zip(self.chains, self._compiled, strict=True)
            for expert in compiled.names
        ]

    def _read(self, i: int, grids: Sequence[Ints]) -> tuple[Ints, Ints, Floats]:
        """Read atoms, references and rules of the i-th line at all rows."""
        lines = self.lines_
        length, width = sum(map(len, grids)), lines.labels.shape[1]
        atoms = np.zeros((length, len(lines.atoms.size)), np.int64)
        reference = np.zeros((length, len(lines.place)), np.int64)
        rules = np.zeros((length, N_RULES, width))
        first = 0
        for grid in grids:
            last = first + len(grid)
            read_sites(grid, lines, i, atoms[first:last], reference[first:last], rules[first:last])
            first = last
        own = slice(*lines.atom_first[i : i + 2]), slice(*lines.target_first[i : i + 2])
        return (
            atoms[:, own[0]],
            reference[:, own[1]],
            rules[:, :, : lines.n_symbols[lines.order[i]]],
        )

    def _cells(self, i: int, symbol: Ints, reference: Ints) -> tuple[Ints, Ints]:
        """Give numbers to the values of each target that came true, -1 to the others."""
        lines, own = self.lines_, int(self.lines_.order[i])
        n = int(lines.n_symbols[own])
        widest = int(lines.n_symbols.max())
        cell = np.full((reference.shape[1], widest * widest), -1, np.int64)
        n_cells = np.ones(len(cell), np.int64)
        for j, row in enumerate(cell):
            of = lines.target_first[i] + j
            line = int(lines.place[of, 0])
            other = None if line < 0 else lines.labels[line, : lines.n_symbols[line]]
            value = tell_values(self._is_class[of], lines.labels[own, :n], other)
            known = reference[:, j] >= 0
            seen = np.unique(value[reference[known, j], symbol[known]])
            if len(seen):
                place = np.minimum(np.searchsorted(seen, value), len(seen) - 1)
                row[: value.size] = np.where(seen[place] == value, place, -1).ravel()
                n_cells[j] = len(seen)
        return cell, n_cells

    def _fit_line(self, i: int, grids: Sequence[Ints]) -> Tables:
        """Count and weigh the experts of the i-th line."""
        lines, compiled = self.lines_, self._compiled[i]
        own = int(lines.order[i])
        n, n_experts = int(lines.n_symbols[own]), len(compiled.names)
        symbol = np.concatenate([grid[:, own] for grid in grids])
        phase = np.concatenate([grid[:, lines.phase] for grid in grids])
        atoms, reference, rules = self._read(i, grids)
        cell, n_cells = self._cells(i, symbol, reference)
        size = lines.atoms.size[slice(*lines.atom_first[i : i + 2])]
        keys, context = [], np.empty((len(symbol), n_experts), np.int64)
        for e, template in enumerate(compiled.template):
            defined = reference[:, compiled.target[e]] >= 0
            key = pack(atoms, size, template, compiled.names[e])
            found, number = np.unique(key[defined], return_inverse=True)
            keys.append(found)
            context[:, e] = -1
            context[defined, e] = number
        target = np.array(compiled.target, np.int64)
        dense = np.array([len(key) for key in keys]) * n_cells[target]
        experts = Experts(
            np.array(compiled.parent, np.int64),
            np.zeros(n_experts, np.int64),
            target,
            np.cumsum(dense) - dense,
            cell,
            n_cells,
            np.array(self.smoothing, np.float64),
        )
        middle = cell.shape[1] // 2
        bounds = np.cumsum([0, *map(len, grids)])
        events = Events(symbol, middle - reference * n, context, bounds)
        counts = _count(experts, events, int(dense.sum()))
        rows = _every(bounds, self.max_rows)
        weights, rule_weights = self._weigh(experts, events, counts, rules, rows, phase)
        return _compress(compiled, experts, keys, counts, weights, rule_weights)

    def _weigh(
        self,
        experts: Experts,
        events: Events,
        counts: NDArray[np.int32],
        rules: Floats,
        rows: NDArray[np.bool_],
        phase: Ints,
    ) -> tuple[Floats, Floats]:
        """Learn the weights of the experts and of the rules, for each place in the beat."""
        length = np.diff(events.bounds)
        kept = np.array([rows[first] for first in events.bounds[:-1]])
        events = Events(
            events.symbol[rows],
            events.reference[rows],
            events.context[rows],
            np.append(0, np.cumsum(length[kept])),
        )
        shape = (*events.context.shape, rules.shape[2])
        evidence = Evidence(np.zeros(shape, np.float32), np.zeros(shape[:2], np.int8))
        none = np.zeros(1, np.int32)
        gather_evidence(experts, events, counts, none, 1, 0, evidence)
        n_experts = shape[1]
        weights = np.zeros((self.period, n_experts, N_BUCKETS))
        rule_weights = np.zeros((self.period, N_RULES))
        for p in range(self.period):
            here = phase[rows] == p
            if not here.any():
                continue
            said = RULE_SCALE * rules[rows][here].astype(np.float32)
            both = Evidence(
                np.concatenate([evidence.log_ratio[here], said], axis=1),
                np.pad(evidence.bucket[here], ((0, 0), (0, N_RULES)), constant_values=1),
            )
            # The likelihood reads the symbols of the events alone.
            some = events._replace(symbol=events.symbol[here])
            learned = learn_weights(both, some, self.penalty, max_iter=MAX_ITER)
            weights[p] = learned[:n_experts]
            rule_weights[p] = RULE_SCALE * learned[n_experts:, 1]
        return weights, rule_weights

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
            atoms[:, own] = self._read(i, [grid])[0]
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


def pack(atoms: Ints, size: Ints, template: Sequence[int], name: str) -> Ints:
    """Return contexts in mixed radix.

    Raises
    ------
    ValueError
        If they do not fit into 62 bits.
    """
    if np.log2(size[list(template)].astype(float)).sum() > 62:
        raise ValueError(f"chain {name!r}: too many atoms for one context")
    key = np.zeros(len(atoms), np.int64)
    for a in template:
        key = key * size[a] + atoms[:, a]
    return key


def _every(bounds: Ints, max_rows: int) -> NDArray[np.bool_]:
    """Choose pieces evenly, and mark their rows."""
    n_pieces = len(bounds) - 1
    every = -(-int(bounds[-1]) // max_rows)
    return np.repeat(np.arange(n_pieces) % every == 0, np.diff(bounds))


def _count(experts: Experts, events: Events, n_counts: int) -> NDArray[np.int32]:
    """Count what came true in each context of each expert."""
    counts = np.zeros(n_counts, np.int32)
    middle = experts.cell.shape[1] // 2
    for e, target in enumerate(experts.target):
        context = events.context[:, e]
        known = context >= 0
        place = events.symbol - events.reference[:, target] + middle
        cell = experts.cell[target, np.where(known, place, 0)]
        slot = experts.first[e] + context[known] * experts.n_cells[target] + cell[known]
        np.add.at(counts, slot, 1)
    return counts


def _compress(
    compiled: Compiled,
    experts: Experts,
    keys: Sequence[Ints],
    counts: NDArray[np.int32],
    weights: Floats,
    rule_weights: Floats,
) -> Tables:
    """Keep the counts that are not 0."""
    n_most = max(1, *map(len, compiled.template))
    template = np.full((len(keys), n_most), -1, np.int64)
    for e, atoms in enumerate(compiled.template):
        template[e, : len(atoms)] = atoms
    n_cells = experts.n_cells[experts.target]
    n_contexts = np.array([len(key) for key in keys])
    slot = np.flatnonzero(counts)
    expert = np.searchsorted(experts.first, slot, side="right") - 1
    context, cell = np.divmod(slot - experts.first[expert], n_cells[expert])
    key_first = np.append(0, np.cumsum(n_contexts))
    n_entries = np.bincount(key_first[expert] + context, minlength=int(key_first[-1]))
    return Tables(
        experts._replace(first=np.zeros_like(experts.first)),
        np.array([0, len(keys)]),
        template,
        np.concatenate(keys),
        key_first,
        np.append(0, np.cumsum(n_entries)),
        cell.astype(np.int32),
        counts[slot],
        weights,
        rule_weights[:, None],
    )


def _join(tables: Sequence[Tables], lines: Lines) -> Tables:
    """Put the tables of the lines one after the other."""
    experts = [table.experts for table in tables]
    expert_first = _ends([len(one.parent) for one in experts])
    n_most = max(table.template.shape[1] for table in tables)
    parents, templates = [], []
    for table, one, first, atom in zip(
        tables, experts, expert_first[:-1], lines.atom_first[:-1], strict=True
    ):
        parents.append(np.where(one.parent < 0, -1, one.parent + first))
        wide = ((0, 0), (0, n_most - table.template.shape[1]))
        template = np.pad(table.template, wide, constant_values=-1)
        templates.append(np.where(template < 0, -1, template + atom))
    contexts = _ends([len(table.key) for table in tables])
    entries = _ends([len(table.entry_cell) for table in tables])
    joined = Experts(
        np.concatenate(parents),
        np.concatenate([one.short for one in experts]),
        np.concatenate(
            [one.target + j for one, j in zip(experts, lines.target_first, strict=False)]
        ),
        np.concatenate([one.first for one in experts]),
        np.concatenate([one.cell for one in experts]),
        np.concatenate([one.n_cells for one in experts]),
        experts[0].smoothing,
    )
    return Tables(
        joined,
        expert_first,
        np.concatenate(templates),
        np.concatenate([table.key for table in tables]),
        _shift([table.key_first for table in tables], contexts),
        _shift([table.entry_first for table in tables], entries),
        np.concatenate([table.entry_cell for table in tables]),
        np.concatenate([table.entry_count for table in tables]),
        np.concatenate([table.weights for table in tables], axis=1),
        np.concatenate([table.rule_weights for table in tables], axis=1),
    )


def _ends(lengths: Sequence[int]) -> Ints:
    """Return where parts put end to end begin, and where the last one ends."""
    return np.append(0, np.cumsum(lengths)).astype(np.int64)


def _shift(firsts: Sequence[Ints], ends: Ints) -> Ints:
    """Join bounds of parts whose contents are put end to end."""
    inner = [first[:-1] + end for first, end in zip(firsts, ends[:-1], strict=True)]
    return np.append(np.concatenate(inner), ends[-1])
