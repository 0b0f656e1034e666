"""The language in which viewpoints and their contexts are written, and what it compiles to.

A *viewpoint* maps the events so far and a candidate for the next symbol to a small integer. It
is written as a difference and its reduction:

    interval = pitch - pitch@1              from the symbol one event ago
    from_first = pitch - pitch@index        from the symbol `index` events ago
    degree = pitch - tonic mod 12           from a column, modulo 12
    contour = sign pitch - pitch@1          -1, 0 or 1

where `pitch` is the column that is predicted. It is undefined where what it is taken from is
before the piece or, in a column, negative.

A *chain* is a viewpoint to predict and contexts of growing length, each of which is an expert
whose parent is the one before:

    interval: degree@1 | interval@1 | interval@2 position@0

An atom `name@lag` is the value of a viewpoint or of a column `lag` events ago; several at one
level are a linked viewpoint, their product. At lag 0 only columns can be looked at, which then
have to be given. Four columns are made of the symbols so far: `index`, the events before;
`match`, how many of the last steps the longest repeat in this piece has in common (at most
`MAX_MATCH`); `expected`, the symbol that would go on with that repeat (-1 without one); and
`range`, the distance between the highest and lowest symbol so far.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ABSENT",
    "MAX_MATCH",
    "Repeats",
    "Table",
    "Viewpoint",
    "ViewpointChain",
    "parse_chain",
    "parse_viewpoint",
]

Ints = NDArray[np.int64]

ABSENT = -(1 << 30)
"""Value of an atom that looks beyond the start of a piece or at an undefined viewpoint."""
MAX_MATCH = 8
MADE = ("index", "match", "expected", "expected_step", "highest", "lowest")

_VIEWPOINT = re.compile(
    r"(?P<name>\w+) *= *(?P<sign>sign +)?(?P<symbol>\w+)"
    r"( *- *(?P<base>\w+)(?P<back>@\w+)?)?( +mod +(?P<modulus>[1-9]\d*))?"
)
_ATOM = re.compile(r"(\w+)@(\d+)")


@dataclass(frozen=True)
class Viewpoint:
    """A difference from the symbol, and its reduction.

    Attributes
    ----------
    name : str
    column : str
        What is subtracted; empty for nothing.
    back : str
        A number of events, or the column that tells it: then the symbol so many events ago is
        subtracted; empty for none.
    modulus : int
        0 for none.
    sign : bool
    """

    name: str
    column: str = ""
    back: str = ""
    modulus: int = 0
    sign: bool = False

    def reduce(self, difference: Ints) -> Ints:
        """Return the small integers that differences stand for."""
        if self.sign:
            difference = np.sign(difference)
        return difference % self.modulus if self.modulus else difference

    def reduced(self, difference: int) -> int:
        """Return the small integer that one difference stands for."""
        if self.sign:
            difference = (difference > 0) - (difference < 0)
        return difference % self.modulus if self.modulus else difference

    def reference(self, table: Table) -> Ints:
        """Return what is subtracted at each event, or ABSENT."""
        if self.back:
            back = int(self.back) if self.back.isdigit() else table.column(self.back)
            return table.ago(table.symbol, np.asarray(back))
        if self.column:
            column = table.column(self.column)
            return np.where(column < 0, ABSENT, column)
        return np.zeros(len(table.symbol), np.int64)

    def value(self, table: Table) -> Ints:
        """Return the value of each event, or ABSENT."""
        reference = self.reference(table)
        value = self.reduce(table.symbol - reference)
        return np.where(reference == ABSENT, ABSENT, value)


@dataclass(frozen=True)
class ViewpointChain:
    """A viewpoint to predict, and what each longer context adds: pairs of a name and a lag."""

    target: str
    levels: tuple[tuple[tuple[str, int], ...], ...]


def parse_viewpoint(text: str, symbol: str) -> Viewpoint:
    """Read `name = difference`.

    Raises
    ------
    ValueError
        If the text is no viewpoint of this symbol.

    Examples
    --------
    >>> parse_viewpoint("degree = pitch - tonic mod 12", "pitch")
    Viewpoint(name='degree', column='tonic', back='', modulus=12, sign=False)
    """
    found = _VIEWPOINT.fullmatch(" ".join(text.split()))
    if found is None or found["symbol"] != symbol or (found["back"] and found["base"] != symbol):
        raise ValueError(
            f"viewpoint {text!r}: expected 'name = {symbol}', then perhaps '- column' or "
            f"'- {symbol}@events', perhaps 'mod number'"
        )
    back = (found["back"] or "")[1:]
    if back == "0" or (found["base"] == symbol and not back):
        raise ValueError(f"viewpoint {text!r}: expected {symbol} of an event before")
    column = "" if back else found["base"] or ""
    return Viewpoint(
        found["name"], column, back, int(found["modulus"] or 0), found["sign"] is not None
    )


def parse_chain(text: str) -> ViewpointChain:
    """Read `target: atoms | atoms ...`.

    Parameters
    ----------
    text : str

    Raises
    ------
    ValueError
        If an atom is not `name@lag`.

    Examples
    --------
    >>> parse_chain("interval: degree@1 | interval@1").levels
    ((('degree', 1),), (('interval', 1),))
    """
    target, _, rest = text.partition(":")
    levels = []
    for level in rest.split("|") if rest.strip() else ():
        atoms = []
        for atom in level.split():
            found = _ATOM.fullmatch(atom)
            if found is None:
                raise ValueError(f"chain {text!r}: atom {atom!r}: expected name@lag")
            atoms.append((found[1], int(found[2])))
        levels.append(tuple(atoms))
    return ViewpointChain(target.strip(), tuple(levels))


class Table:
    """Pieces end to end, by column, with the columns that are made of the symbols so far.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (n_events,), int64
    symbol : str
        The column that is predicted.
    bounds : ndarray of shape (n_pieces + 1,), int64
        Where each piece begins.

    Examples
    --------
    >>> columns = {"pitch": np.array([60, 62, 64]), "bar": np.array([0, 0, 1])}
    >>> table = Table(columns, "pitch", bounds=np.array([0, 3]))
    >>> table.symbol.tolist(), table.ago(table.symbol, 1)[1:].tolist()
    ([60, 62, 64], [60, 62])
    """

    def __init__(self, columns: Mapping[str, Ints], symbol: str, bounds: Ints) -> None:
        self.columns = dict(columns)
        self.symbol = self.columns.pop(symbol)
        self.bounds = bounds
        self.piece = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
        self.index = np.arange(len(self.symbol)) - bounds[:-1][self.piece]

    def column(self, name: str) -> Ints:
        """Return a column, made when it is first asked for.

        Raises
        ------
        ValueError
            If there is none of this name.
        """
        if name not in self.columns:
            if name not in MADE:
                known = ", ".join(sorted({*self.columns, *MADE}))
                raise ValueError(f"column {name!r}: expected one of {known}")
            self._make()
        return self.columns[name]

    def ago(self, values: Ints, lag: Ints | int) -> Ints:
        """Return values `lag` events before each event, or ABSENT; never of the event itself."""
        known = (self.index >= lag) & (np.asarray(lag) > 0)
        return np.where(known, values[np.maximum(np.arange(len(values)) - lag, 0)], ABSENT)

    def _make(self) -> None:
        rows = []
        for first, last in zip(self.bounds[:-1], self.bounds[1:], strict=True):
            repeats = Repeats(int(last - first))
            for symbol in self.symbol[first:last].tolist():
                rows.append(tuple(repeats.now.values()))
                repeats.add(symbol)
        made = np.array(rows, np.int64).reshape(-1, len(MADE)).T
        self.columns.update(zip(MADE, made.copy(), strict=True))


class Repeats:
    """Finds as events come the longest repeat that a piece runs into, the latest of equals.

    Parameters
    ----------
    n_events : int
        How many will come at most.

    Attributes
    ----------
    symbols : list of int
        So far.
    now : dict of str to int
        The columns of `MADE` for the next event. `match` is in [0, MAX_MATCH]; `expected` is
        the last symbol plus the step that went on with the repeat, -1 without one.
    """

    def __init__(self, n_events: int) -> None:
        self.symbols: list[int] = []
        self._step = np.zeros(max(n_events, 1), np.int64)
        self._run = np.zeros(max(n_events, 1), np.int64)  # run[j]: steps up to j like the last
        self.now = dict(zip(MADE, (0, 0, -1, ABSENT, ABSENT, ABSENT), strict=True))

    def add(self, symbol: int) -> None:
        """Take the next symbol."""
        self.symbols.append(symbol)
        i, step, run = len(self.symbols), self._step, self._run
        match, expected = 0, -1
        if i > 1:
            now = i - 2
            step[now] = symbol - self.symbols[-2]
            run[1 : now + 1] = run[:now]
            run[0] = 0
            run[:now] = np.where(step[:now] == step[now], run[:now] + 1, 0)
            if now and run[:now].max() > 0:
                longest = np.minimum(run[:now], MAX_MATCH)
                j = now - 1 - int(np.argmax(longest[::-1]))
                match, expected = int(longest[j]), symbol + int(step[j + 1])
        highest = max(self.now["highest"], symbol)
        lowest = symbol if i == 1 else min(self.now["lowest"], symbol)
        ahead = ABSENT if expected < 0 else expected - symbol
        self.now = dict(zip(MADE, (i, match, expected, ahead, highest, lowest), strict=True))


def check_names(chains: Sequence[ViewpointChain], viewpoints: Mapping[str, Viewpoint]) -> None:
    """Refuse chains that predict no viewpoint, or look at one at lag 0.

    Raises
    ------
    ValueError
        Naming the chain's target or the atom.
    """
    for chain in chains:
        if chain.target not in viewpoints:
            known = ", ".join(viewpoints)
            raise ValueError(f"chain of {chain.target!r}: expected a viewpoint: {known}")
        for name, lag in (atom for level in chain.levels for atom in level):
            if name in viewpoints and lag == 0:
                raise ValueError(f"atom {name}@0: a viewpoint is known from lag 1 on")
