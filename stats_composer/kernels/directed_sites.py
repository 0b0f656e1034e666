"""What is known at a site of a directed model: atoms, references, rules of part-writing.

An atom is a small integer that tells of the site's surroundings; contexts are made of atoms. A
reference is the symbol that a target is relative to. A rule is a number r_f(k) that a candidate k
has here and now. `kernels/directed.py` weighs all three.

Conventions
-----------
A grid has the symbols of all lines, then context columns. A label below 0 is a rest. Atoms are
those of `models/directed/language.py`. Lines are numbered from the top.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stats_composer.kernels._jit import inline, jit, shared
from stats_composer.kernels.arrays import Bools, Floats, Ints

__all__ = [
    "LARGEST_STEP",
    "LONGEST",
    "MODULUS",
    "NONE",
    "N_RULES",
    "OPS",
    "Atoms",
    "Lines",
    "judge",
    "read_references",
    "read_site",
    "read_sites",
    "symbol_at",
]


OPS = (
    "column", "symbol", "class", "difference", "moved", "run", "before", "turn", "ahead", "next",
    "nextclass", "set",
)  # fmt: skip
COLUMN, SYMBOL, CLASS, DIFFERENCE, MOVED, RUN, BEFORE, TURN, AHEAD, NEXT, NEXT_CLASS, SET = range(
    len(OPS)
)
LONGEST = 6
LARGEST_STEP = 47
MODULUS = 12
FIFTH = 7
NONE = -1000
N_RULES = 12
(
    OCTAVES, FIFTHS, DIRECT, ON_BEATS, CROSSED, UNISON, WIDE, OVERLAP, AWKWARD, LEAP, UNRESOLVED,
    REST,
) = range(N_RULES)  # fmt: skip
LARGE, OCTAVE = 4, 12


class Atoms(NamedTuple):
    """Atoms, one a row.

    Attributes
    ----------
    code : ndarray of shape (n_atoms, 8), int64
        The operation, its line, rows and beats back; the same of a second place.
    size : ndarray of shape (n_atoms,), int64
        How many values it has.
    """

    code: Ints
    size: Ints


class Lines(NamedTuple):
    """What is predicted in which order, and what is looked at.

    Attributes
    ----------
    order : ndarray of shape (n_modelled,), int64
        The lines that are predicted, in their order within a row.
    known : ndarray of shape (n_modelled, n_lines), bool
        Lines known at the row when each is predicted.
    n_symbols : ndarray of shape (n_lines,), int64
    labels : ndarray of shape (n_lines, width), int64
    phase, period : int
        The context column of the place within a beat, and the rows of a beat.
    atoms : Atoms
        Of all modelled lines, one after the other.
    atom_first : ndarray of shape (n_modelled + 1,), int64
    place : ndarray of shape (n_targets, 3), int64
        What a target is relative to; line -1: to nothing.
    target_first : ndarray of shape (n_modelled + 1,), int64
    """

    order: Ints
    known: Bools
    n_symbols: Ints
    labels: Ints
    phase: int
    period: int
    atoms: Atoms
    atom_first: Ints
    place: Ints
    target_first: Ints


# ---- reading -----------------------------------------------------------------------------


@inline
def rows_back(rows, beats, phase, period):  # type: ignore[no-untyped-def]
    """Return how many rows back a place is."""
    if beats > 0:
        return beats * period if phase == 0 else (beats - 1) * period + phase
    return beats * period + phase if beats < 0 else rows


@inline
def symbol_at(grid, row, line):  # type: ignore[no-untyped-def]
    """Return the symbol of a line at a row, -1 outside the piece."""
    return grid[row, line] if 0 <= row < grid.shape[0] else -1


@inline
def label_at(grid, labels, row, line):  # type: ignore[no-untyped-def]
    """Return the label of a line at a row, NONE for a rest and outside the piece."""
    symbol = symbol_at(grid, row, line)
    return labels[line, symbol] if symbol >= 0 and labels[line, symbol] >= 0 else NONE


@inline
def class_at(grid, labels, row, line):  # type: ignore[no-untyped-def]
    """Return 2 plus the residue of a label; 1 for a rest, 0 outside the piece."""
    symbol = symbol_at(grid, row, line)
    if symbol < 0:
        return 0
    return 2 + labels[line, symbol] % MODULUS if labels[line, symbol] >= 0 else 1


@inline
def difference(one, other):  # type: ignore[no-untyped-def]
    """Return a difference of labels as a value of an atom, 0 where there is none."""
    if one == NONE or other == NONE:
        return 0
    return min(max(one - other, -LARGEST_STEP), LARGEST_STEP) + LARGEST_STEP + 1


@inline
def run_length(grid, row, line, step):  # type: ignore[no-untyped-def]
    """Return how many rows from a row on have its symbol, going by `step`; at most LONGEST."""
    symbol, n = symbol_at(grid, row, line), 1
    while n < LONGEST and symbol_at(grid, row + n * step, line) == symbol:
        n += 1
    return n


@inline
def sounding_set(grid, labels, known, t, row, relative):  # type: ignore[no-untyped-def]
    """Return the residues of a row as bits, turned by the residue `relative`."""
    found = 0
    for w in range(labels.shape[0]):
        if row < t or known[w]:
            label = label_at(grid, labels, row, w)
            if label != NONE:
                found |= 1 << ((label - relative) % MODULUS)
    return found


@shared
def read_atom(grid, lines, i, t, phase, code):  # type: ignore[no-untyped-def]
    """Return the value of an atom at the site of the i-th modelled line at row t."""
    op, line = code[0], code[1]
    if op == COLUMN:
        return grid[t, line]
    labels = lines.labels
    row = t - rows_back(code[2], code[3], phase, lines.period)
    if op == SYMBOL:
        return symbol_at(grid, row, line) + 1
    if op == CLASS:
        return class_at(grid, labels, row, line)
    if op == MOVED:
        return np.int64(symbol_at(grid, row, line) != symbol_at(grid, row - 1, line))
    if op == RUN:
        return run_length(grid, row, line, -1)
    if op == AHEAD:
        return run_length(grid, row, line, 1)
    if op == BEFORE:
        return symbol_at(grid, row - run_length(grid, row, line, -1), line) + 1
    if op == NEXT:
        return symbol_at(grid, row + run_length(grid, row, line, 1), line) + 1
    if op == NEXT_CLASS:
        return class_at(grid, labels, row + run_length(grid, row, line, 1), line)
    if op == TURN:
        before = label_at(grid, labels, row - run_length(grid, row, line, -1), line)
        return difference(label_at(grid, labels, row, line), before)
    other = NONE
    if code[4] >= 0:
        other_row = t - rows_back(code[5], code[6], phase, lines.period)
        other = label_at(grid, labels, other_row, code[4])
    if op == DIFFERENCE:
        return difference(label_at(grid, labels, row, line), other)
    return sounding_set(grid, labels, lines.known[i], t, row, max(other, 0))


@inline
def read_site(grid, lines, i, t, atoms):  # type: ignore[no-untyped-def]
    """Write the atoms of a site, each kept below its size."""
    phase = grid[t, lines.phase]
    for a in range(lines.atom_first[i], lines.atom_first[i + 1]):
        value = read_atom(grid, lines, i, t, phase, lines.atoms.code[a])
        atoms[a] = min(value, lines.atoms.size[a] - 1)


@inline
def read_references(grid, lines, i, t, reference):  # type: ignore[no-untyped-def]
    """Write the symbol that each target of a line is relative to, -1 where there is none."""
    phase = grid[t, lines.phase]
    for j in range(lines.target_first[i], lines.target_first[i + 1]):
        line = lines.place[j, 0]
        reference[j] = 0
        if line >= 0:
            row = t - rows_back(lines.place[j, 1], lines.place[j, 2], phase, lines.period)
            symbol = symbol_at(grid, row, line)
            reference[j] = symbol if symbol >= 0 and lines.labels[line, symbol] >= 0 else -1


# ---- rules -------------------------------------------------------------------------------


@inline
def is_parallel(before, other_before, now, other, interval):  # type: ignore[no-untyped-def]
    """Tell whether two lines both move, the same way, from an interval to the same one."""
    if before == NONE or other_before == NONE:
        return False
    together = (now - before) * (other - other_before) > 0
    kept = abs(before - other_before) % MODULUS == interval
    return together and kept and abs(now - other) % MODULUS == interval


@shared
def judge_pair(grid, lines, v, w, t, phase, k, rules):  # type: ignore[no-untyped-def]
    """Add what rules say of candidate k of line v beside the known line w."""
    labels = lines.labels
    last = labels.shape[0] - 1
    now, other = labels[v, k], label_at(grid, labels, t, w)
    before, other_before = label_at(grid, labels, t - 1, v), label_at(grid, labels, t - 1, w)
    octave = is_parallel(before, other_before, now, other, 0)
    fifth = is_parallel(before, other_before, now, other, FIFTH)
    rules[OCTAVES, k] += octave
    rules[FIFTHS, k] += fifth
    interval = abs(now - other) % MODULUS
    perfect = interval == 0 or interval == FIFTH
    if perfect and before != NONE and other_before != NONE and v % last == 0 and w % last == 0:
        together = (now - before) * (other - other_before) > 0
        rules[DIRECT, k] += together and not octave and not fifth
    if phase == 0 and perfect:
        back = t - lines.period
        one, two = label_at(grid, labels, back, v), label_at(grid, labels, back, w)
        rules[ON_BEATS, k] += is_parallel(one, two, now, other, interval)
    crossed = now > other if w < v else now < other
    rules[CROSSED, k] += crossed
    rules[UNISON, k] += now == other
    if abs(w - v) == 1:
        rules[WIDE, k] += max(v, w) < last and abs(now - other) > OCTAVE
        if other_before != NONE:
            rules[OVERLAP, k] += now > other_before if w < v else now < other_before


@shared
def judge(grid, lines, i, t, rules):  # type: ignore[no-untyped-def]
    """Write what the rules say of each candidate of a site."""
    v, phase, labels = lines.order[i], grid[t, lines.phase], lines.labels
    before = label_at(grid, labels, t - 1, v)
    turn = 0
    if before != NONE:
        start = label_at(grid, labels, t - 1 - run_length(grid, t - 1, v, -1), v)
        turn = 0 if start == NONE else before - start
    rules[:, :] = 0.0
    for k in range(lines.n_symbols[v]):
        now = labels[v, k]
        if now < 0:
            rules[REST, k] = 1.0
            continue
        for w in range(labels.shape[0]):
            if lines.known[i, w] and label_at(grid, labels, t, w) != NONE:
                judge_pair(grid, lines, v, w, t, phase, k, rules)
        if before != NONE:
            step = now - before
            size = abs(step)
            rules[AWKWARD, k] = size == 6 or size == 10 or size == 11 or size > OCTAVE
            rules[LEAP, k] = size > LARGE
            stepwise = step * turn < 0 and size <= 2
            rules[UNRESOLVED, k] = abs(turn) > LARGE and size > 0 and not stepwise


@jit()
def read_sites(
    grid: Ints, lines: Lines, i: int, atoms: Ints, reference: Ints, rules: Floats
) -> None:
    """Write what the model looks at, at the sites of its i-th line.

    Parameters
    ----------
    grid : ndarray of shape (n_steps, n_voices), int64
    lines : Lines
    i : int
    atoms : ndarray of shape (n_steps, n_atoms), int64, written for line i
    reference : ndarray of shape (n_steps, n_targets), int64, written for line i
        The symbol, -1 where there is none.
    rules : ndarray of shape (n_steps, N_RULES, width), float64, written
    """
    for t in range(grid.shape[0]):
        read_site(grid, lines, i, t, atoms[t])
        read_references(grid, lines, i, t, reference[t])
        judge(grid, lines, i, t, rules[t])
