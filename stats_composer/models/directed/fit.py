"""Counts and weights of a directed model: contexts numbered, experts counted, mixture learned.

Each line is counted and weighed alone, densely; what is kept are the counts that are not 0, of
all lines end to end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.arrays import Bools, Floats, Int32s, Ints
from stats_composer.kernels.directed import Tables
from stats_composer.kernels.directed_sites import N_RULES, Lines, read_sites
from stats_composer.kernels.viewpoints import (
    N_BUCKETS,
    Events,
    Evidence,
    Experts,
    gather_evidence,
)
from stats_composer.models.directed.language import Compiled, tell_values
from stats_composer.models.mixture import learn_weights

__all__ = ["Arrays", "Settings", "fit_line", "join_lines", "make_tables", "read_line"]

Arrays = dict[str, NDArray[Any]]

# Rules say 0 or 1, experts some nats, and rules mostly forbid: so the weights of both are alike.
RULE_SCALE = -10.0
MAX_ITER = 60


class Settings(NamedTuple):
    """Parameters of `DirectedModel` that the fit reads."""

    penalty: float
    smoothing: tuple[float, float]
    max_rows: int


def read_line(lines: Lines, i: int, grids: Sequence[Ints]) -> tuple[Ints, Ints, Floats]:
    """Read atoms, references and rules of the i-th modelled line at all rows of pieces."""
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
    n = lines.n_symbols[lines.order[i]]
    return atoms[:, own[0]], reference[:, own[1]], rules[:, :, :n]


def make_experts(
    lines: Lines, i: int, compiled: Compiled, seen: Sequence[Ints], smoothing: Sequence[float]
) -> Experts:
    """Return the experts of the i-th line, given the values of each target that came true."""
    n_targets = len(compiled.targets)
    widest = int(lines.n_symbols.max())
    cell = np.full((n_targets, widest * widest), -1, np.int64)
    for j, row in enumerate(cell):
        value = _values(lines, i, compiled, j)
        if len(seen[j]):
            place = np.minimum(np.searchsorted(seen[j], value), len(seen[j]) - 1)
            row[: value.size] = np.where(seen[j][place] == value, place, -1).ravel()
    n_experts = len(compiled.names)
    return Experts(
        np.array(compiled.parent, np.int64),
        np.zeros(n_experts, np.int64),
        np.array(compiled.target, np.int64),
        np.zeros(n_experts, np.int64),
        cell,
        np.array([max(len(values), 1) for values in seen], np.int64),
        np.array(smoothing, np.float64),
    )


def _values(lines: Lines, i: int, compiled: Compiled, j: int) -> Ints:
    """Return the values of the j-th target of a line, by reference and candidate."""
    own = int(lines.order[i])
    line = int(lines.place[lines.target_first[i] + j, 0])
    other = None if line < 0 else lines.labels[line, : lines.n_symbols[line]]
    is_class = compiled.targets[j].startswith("class")
    return tell_values(is_class, lines.labels[own, : lines.n_symbols[own]], other)


def fit_line(
    lines: Lines, i: int, compiled: Compiled, grids: Sequence[Ints], settings: Settings
) -> Arrays:
    """Count and weigh the experts of the i-th line.

    Returns
    -------
    dict of str to ndarray
        Contexts and counts, expert by expert; weights; the values of each target that came true.
    """
    own = int(lines.order[i])
    symbol = np.concatenate([grid[:, own] for grid in grids])
    phase = np.concatenate([grid[:, lines.phase] for grid in grids])
    atoms, reference, rules = read_line(lines, i, grids)
    seen = []
    for j, known in enumerate((reference >= 0).T):
        seen.append(np.unique(_values(lines, i, compiled, j)[reference[known, j], symbol[known]]))
    experts = make_experts(lines, i, compiled, seen, settings.smoothing)
    size = lines.atoms.size[slice(*lines.atom_first[i : i + 2])]
    keys, context = [], np.full((len(symbol), len(compiled.names)), -1, np.int64)
    for e, template in enumerate(compiled.template):
        defined = reference[:, compiled.target[e]] >= 0
        packed = _pack(atoms[defined], size, template, compiled.names[e])
        key, number = np.unique(packed, return_inverse=True)
        keys.append(key)
        context[defined, e] = number
    dense = np.array([len(key) for key in keys]) * experts.n_cells[experts.target]
    experts = experts._replace(first=np.cumsum(dense) - dense)
    middle = experts.cell.shape[1] // 2
    bounds = np.cumsum([0, *map(len, grids)])
    events = Events(symbol, middle - reference * lines.n_symbols[own], context, bounds)
    counts = _count(experts, events, int(dense.sum()))
    rows = _every(bounds, settings.max_rows)
    evidence, some = _leave_out(experts, events, counts, rows, rules.shape[2])
    learned = np.zeros((lines.period, len(keys) + N_RULES, N_BUCKETS))
    for p in range(lines.period):
        here = phase[rows] == p
        if here.any():
            learned[p] = _weigh(evidence, some, rules[rows], here, settings.penalty)
    return _compress(experts, keys, counts, learned, seen)


def _pack(atoms: Ints, size: Ints, template: Sequence[int], name: str) -> Ints:
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


def _every(bounds: Ints, max_rows: int) -> Bools:
    """Choose pieces evenly, and mark their rows."""
    n_pieces = len(bounds) - 1
    every = -(-int(bounds[-1]) // max_rows)
    return np.repeat(np.arange(n_pieces) % every == 0, np.diff(bounds))


def _count(experts: Experts, events: Events, n_counts: int) -> Int32s:
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


def _leave_out(
    experts: Experts,
    events: Events,
    counts: Int32s,
    rows: Bools,
    n_symbols: int,
) -> tuple[Evidence, Events]:
    """Let the experts look at the events of some pieces, each left out of the counts."""
    length = np.diff(events.bounds)
    bounds = np.append(0, np.cumsum(length[rows[events.bounds[:-1]]]))
    some = Events(events.symbol[rows], events.reference[rows], events.context[rows], bounds)
    shape = (*some.context.shape, n_symbols)
    evidence = Evidence(np.zeros(shape, np.float32), np.zeros(shape[:2], np.int8))
    gather_evidence(experts, some, counts, np.zeros(1, np.int32), 1, 0, evidence)
    return evidence, some


def _weigh(
    evidence: Evidence, events: Events, rules: Floats, here: Bools, penalty: float
) -> Floats:
    """Learn the weights of the experts, then of the rules, from some of the events."""
    said = RULE_SCALE * rules[here].astype(np.float32)
    both = Evidence(
        np.concatenate([evidence.log_ratio[here], said], axis=1),
        np.pad(evidence.bucket[here], ((0, 0), (0, N_RULES)), constant_values=1),
    )
    # The likelihood reads nothing of the events but their symbols.
    some = events._replace(symbol=events.symbol[here])
    return learn_weights(both, some, penalty, max_iter=MAX_ITER)


def _compress(
    experts: Experts,
    keys: Sequence[Ints],
    counts: Int32s,
    learned: Floats,
    seen: Sequence[Ints],
) -> Arrays:
    """Keep the counts that are not 0."""
    slot = np.flatnonzero(counts)
    expert = np.searchsorted(experts.first, slot, side="right") - 1
    context, cell = np.divmod(slot - experts.first[expert], experts.n_cells[experts.target[expert]])
    n_contexts = np.array([len(key) for key in keys])
    context += _ends(n_contexts)[expert]
    return {
        "key": np.concatenate(keys),
        "n_contexts": n_contexts,
        "n_entries": np.bincount(context, minlength=int(n_contexts.sum())).astype(np.uint16),
        "cell": cell.astype(np.uint16),
        "count": counts[slot].astype(np.min_scalar_type(counts.max(initial=0))),
        "weights": learned[:, : len(keys)],
        "rule_weights": RULE_SCALE * learned[:, None, len(keys) :, 1],
        "value": np.concatenate(seen),
        "n_values": np.array([len(values) for values in seen]),
    }


def join_lines(learned: Sequence[Arrays]) -> Arrays:
    """Put what was learned of the lines end to end."""
    by_phase = ("weights", "rule_weights")
    return {
        name: np.concatenate([arrays[name] for arrays in learned], axis=int(name in by_phase))
        for name in learned[0]
    }


def _check_arrays(lines: Lines, n_experts: int, n_lines: int, arrays: Arrays) -> None:
    """Raise ValueError where the arrays are not those of so many experts and lines."""
    n_keys, n_entries = arrays["n_contexts"].sum(), arrays["n_entries"].sum()
    fits = len(arrays["n_contexts"]) == n_experts == arrays["weights"].shape[1]
    fits &= len(arrays["n_values"]) == len(lines.place)
    fits &= len(arrays["key"]) == n_keys and len(arrays["n_entries"]) == n_keys
    fits &= len(arrays["cell"]) == n_entries and len(arrays["count"]) == n_entries
    shapes = (lines.period, n_experts, N_BUCKETS), (lines.period, n_lines, N_RULES)
    fits &= (arrays["weights"].shape, arrays["rule_weights"].shape) == shapes
    if not fits:
        raise ValueError("these arrays are of another directed model")


def make_tables(
    lines: Lines, compiled: Sequence[Compiled], arrays: Arrays, smoothing: Sequence[float]
) -> Tables:
    """Build what the kernels read from what was learned.

    Raises
    ------
    ValueError
        If the arrays do not belong to these lines and experts.
    """
    names = [name for one in compiled for name in one.names]
    n_experts = _ends([len(one.names) for one in compiled])
    key_first, entry_first = _ends(arrays["n_contexts"]), _ends(arrays["n_entries"])
    cell, count = arrays["cell"].astype(np.int32), arrays["count"].astype(np.int32)
    _check_arrays(lines, len(names), len(compiled), arrays)
    seen = np.split(arrays["value"], np.cumsum(arrays["n_values"])[:-1])
    n_most = max(1, *(len(atoms) for one in compiled for atoms in one.template))
    template = np.full((len(names), n_most), -1, np.int64)
    made: list[Experts] = []
    for i, one in enumerate(compiled):
        first, target = int(n_experts[i]), int(lines.target_first[i])
        own = make_experts(lines, i, one, seen[target : lines.target_first[i + 1]], smoothing)
        parent = np.where(own.parent < 0, -1, own.parent + first)
        made.append(own._replace(parent=parent, target=own.target + target))
        for e, atoms in enumerate(one.template, first):
            template[e, : len(atoms)] = np.array(atoms, np.int64) + lines.atom_first[i]
    joined = [np.concatenate(field) for field in list(zip(*made, strict=True))[:-1]]
    experts = Experts._make([*joined, made[0].smoothing])
    of_entry = np.repeat(np.repeat(experts.target, arrays["n_contexts"]), arrays["n_entries"])
    if (cell >= experts.n_cells[of_entry]).any():
        raise ValueError("these arrays are of another directed model")
    key = np.ascontiguousarray(arrays["key"], np.int64)
    weights = (np.ascontiguousarray(arrays[n], np.float64) for n in ("weights", "rule_weights"))
    return Tables(experts, n_experts, template, key, key_first, entry_first, cell, count, *weights)


def _ends(lengths: Sequence[int] | NDArray[np.integer]) -> Ints:
    """Return where parts put end to end begin, and where the last one ends."""
    return np.append(0, np.cumsum(lengths, dtype=np.int64)).astype(np.int64)
