"""The language in which a directed model says what its contexts look at.

An *atom* is a small integer read off the grid around the site (step, line) that is predicted;
a *context* is a list of atoms; a *chain* `target: atoms | atoms ...` says what is predicted from
what, each level of it adding atoms to those before (as in `models/viewpoints/language.py`).

Conventions
-----------
A place is `line@lag`: the line's name, or `own` for the line that is predicted; so many rows
before the site, after it where the lag is negative. `line@1b` is the row of the beat before:
rows that begin a beat look one whole beat back, others to the beginning of their own.

=================  =======================================================================
`half`             value of a context column, by its name
`A@0`              symbol; 0 outside the piece
`class:A@0`        residue of its label; rests and what lies outside have values of their own
`A@0-own@1`        difference of two labels
`moved:A@0`        whether the symbol differs from that of the row before
`run:own@1`        how many rows up to this one have its symbol, at most `LONGEST`
`before:own@1`     the symbol before that run
`turn:own@1`       difference between the two
`ahead:S@0`        how many rows from this one on have its symbol (lines that are given)
`next:S@0`         the symbol after those; `nextclass:S@0` its residue
`set@1`            set of the residues that sound in a row; in the site's own, of the lines known
`set@1/B@0`        the same counted from the residue at a place
=================  =======================================================================

Targets are `symbol`, `class`, and both relative to a place: `symbol-own@1`, `class-B@0`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from stats_composer.kernels.arrays import Ints
from stats_composer.kernels.directed_sites import LARGEST_STEP, LONGEST, MODULUS, OPS, Atoms

__all__ = [
    "BackOffChain",
    "Compiled",
    "Names",
    "compile_atoms",
    "compile_chains",
    "parse_chain",
    "parse_place",
    "parse_target",
    "tell_values",
]

_PLACE = re.compile(r"(\w+)@(-?\d+)(b?)")
_ONE_PLACE = re.compile(r"(?:(\w+):)?(\w+@-?\d+b?)")
_SET = re.compile(r"set@(-?\d+b?)(?:/(\w+@-?\d+b?))?")


class Names(NamedTuple):
    """What the names of the language stand for, to a line that is predicted.

    Attributes
    ----------
    names : sequence of str
    own : int
        The line that is predicted.
    known : sequence of int
        Lines of which the symbol at the site's own row is known.
    given : sequence of int
        Lines that are known to the end.
    columns : mapping of str to int
        Context columns by name.
    n_values : ndarray of shape (n_voices,), int64
        Symbols of each line, values of each column.
    """

    names: Sequence[str]
    own: int
    known: Sequence[int]
    given: Sequence[int]
    columns: Mapping[str, int]
    n_values: Ints


class BackOffChain(NamedTuple):
    """What is predicted and from which atoms, level by level, each given in full."""

    target: str
    levels: tuple[tuple[str, ...], ...]


def parse_chain(text: str) -> BackOffChain:
    """Read `target: atoms | atoms ...`.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> parse_chain("symbol-own@1: run:own@1 | class:own@1").levels
    (('run:own@1',), ('run:own@1', 'class:own@1'))
    """
    target, _, rest = text.partition(": ")
    levels: list[tuple[str, ...]] = []
    path: tuple[str, ...] = ()
    for level in rest.split("|") if rest.strip() else ():
        path += tuple(level.split())
        levels.append(path)
    return BackOffChain(target.strip().removesuffix(":"), tuple(levels))


def parse_place(text: str, lines: Names) -> tuple[int, int, int]:
    """Read a place: its line, its rows and its beats back.

    Raises
    ------
    ValueError
        If it is none, or not known when the site is predicted.
    """
    found = _PLACE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r}: expected a place such as 'own@1'")
    name, lag = found[1], int(found[2])
    line = lines.own if name == "own" else list(lines.names).index(name)
    here = lag == 0 and line not in lines.known
    if here or (lag < 0 and line not in lines.given):
        raise ValueError(f"{text!r}: not known when {lines.names[lines.own]!r} is predicted")
    return (line, 0, lag) if found[3] else (line, lag, 0)


def compile_atoms(texts: Sequence[str], lines: Names) -> Atoms:
    """Return atoms as the kernels read them.

    Raises
    ------
    ValueError
        Naming an atom that cannot be read.
    """
    code = np.zeros((len(texts), 8), np.int64)
    size = np.zeros(len(texts), np.int64)
    for i, text in enumerate(texts):
        try:
            row, size[i] = _atom(text, lines)
        except ValueError as error:
            raise ValueError(f"atom {text!r}: {error}") from error
        code[i, : len(row)] = row
    return Atoms(code, size)


def _atom(text: str, lines: Names) -> tuple[tuple[int, ...], int]:
    """Return the operation with its places, and the number of values."""
    if text in lines.columns:
        column = lines.columns[text]
        return (OPS.index("column"), column), int(lines.n_values[column]) + 1
    if found := _SET.fullmatch(text):
        lag = found[1].removesuffix("b")
        rows, beats = (0, int(lag)) if found[1].endswith("b") else (int(lag), 0)
        if rows < 0 or beats < 0:
            raise ValueError("a set of a row to come is not known")
        place = parse_place(found[2], lines) if found[2] else (-1, 0, 0)
        return (OPS.index("set"), 0, rows, beats, *place), 2**MODULUS
    if "-" in text and not re.fullmatch(r"[^-]*@-\d+b?", text):
        first, _, second = text.rpartition("-")
        places = (*parse_place(first, lines), *parse_place(second, lines))
        return (OPS.index("difference"), *places), 2 * LARGEST_STEP + 2
    found = _ONE_PLACE.fullmatch(text)
    if found is None:
        raise ValueError("expected a column's name or an operation on a place")
    name = found[1] or "symbol"
    place = parse_place(found[2], lines)
    if name in ("ahead", "next", "nextclass") and place[0] not in lines.given:
        raise ValueError("what comes is known of given lines alone")
    sizes = {
        "symbol": int(lines.n_values[place[0]]) + 1,
        "before": int(lines.n_values[place[0]]) + 1,
        "next": int(lines.n_values[place[0]]) + 1,
        "class": MODULUS + 2,
        "nextclass": MODULUS + 2,
        "moved": 2,
        "run": LONGEST + 1,
        "ahead": LONGEST + 1,
        "turn": 2 * LARGEST_STEP + 2,
    }
    if name not in sizes:
        raise ValueError(f"operation {name!r}: expected one of {', '.join(sizes)}")
    return (OPS.index(name), *place), sizes[name]


class Compiled(NamedTuple):
    """The chains of one line as experts; an expert is refined by those whose parent it is.

    Attributes
    ----------
    names : list of str
    parent, target : list of int
    template : list of tuple of int
        Atoms by number.
    atoms : list of str
    targets : list of str
    """

    names: list[str]
    parent: list[int]
    target: list[int]
    template: list[tuple[int, ...]]
    atoms: list[str]
    targets: list[str]


def compile_chains(texts: Sequence[str]) -> Compiled:
    """List the experts that chains ask for, each level a refinement of the one before it.

    The first expert predicts the target of the first chain without context, and the first
    level of every other chain refines it.

    Parameters
    ----------
    texts : sequence of str
        As of `parse_chain`.

    Examples
    --------
    >>> experts = compile_chains(["symbol: half | own@1", "class: half"])
    >>> experts.names
    ['symbol', 'symbol: half', 'symbol: half own@1', 'class', 'class: half']
    >>> experts.parent
    [-1, 0, 1, 0, 3]
    """
    found = Compiled([], [], [], [], [], [])
    for chain in map(parse_chain, texts):
        parent = 0 if found.names else -1
        if chain.target not in found.targets:
            found.targets.append(chain.target)
        for level in ((), *chain.levels):
            name = f"{chain.target}: {' '.join(level)}".rstrip(": ")
            if name not in found.names:
                found.atoms.extend(atom for atom in level if atom not in found.atoms)
                found.names.append(name)
                found.parent.append(parent)
                found.target.append(found.targets.index(chain.target))
                found.template.append(tuple(found.atoms.index(atom) for atom in level))
            parent = found.names.index(name)
    return found


def parse_target(text: str, lines: Names) -> tuple[int, int, int]:
    """Read what a target is relative to: a place, its line -1 for nothing.

    Raises
    ------
    ValueError
        If it is no target.
    """
    kind, _, place = text.partition("-")
    if kind not in ("symbol", "class"):
        raise ValueError(f"target {text!r}: expected 'symbol' or 'class'")
    return parse_place(place, lines) if place else (-1, 0, 0)


def tell_values(is_class: bool, own: Ints, other: Ints | None) -> Ints:
    """Return the value of a target for each symbol of its reference and each candidate.

    Parameters
    ----------
    is_class : bool
    own, other : ndarray of labels
        Of the candidates, and of the reference's symbols or None.

    Returns
    -------
    ndarray of shape (n_references, n_candidates), int64
        A rest has a value of its own.
    """
    value = own[None] - (np.zeros(1, np.int64) if other is None else other)[:, None]
    return np.where(own < 0, REST_VALUE, value % MODULUS if is_class else value)


REST_VALUE = 1 << 20
