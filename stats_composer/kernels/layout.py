"""What the kernels of a maximum-entropy model are told: pieces, sites, where weights lie.

What a feature is, and the conventions of tables and rows, stand in `kernels/sites.py`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from stats_composer.kernels.arrays import Bools, Int32s, Ints

__all__ = [
    "FORBIDDEN",
    "HEAD",
    "LOWEST",
    "NEAR",
    "NO_COORDINATE",
    "Context",
    "Features",
    "Grids",
    "Layout",
    "Piece",
    "Site",
]

FORBIDDEN = -1e30
"""The log-weight of what is forbidden: its exponential is 0, and sums of some stay finite."""
NEAR = 3
"""Steps of a passage are clipped to it: on a scale of twelve, what is larger is a leap."""
NO_COORDINATE = -(1 << 29)
"""A coordinate of a symbol without a pitch: no sum of three that holds it is a place."""
HEAD = 9
"""Numbers of a template before its coordinates."""


class Context(IntEnum):
    """What features read of the context voices: the rows of an array, one column a row."""

    GATE = 0
    SONORITY = 1
    PLACE = 2


class Features(NamedTuple):
    """What kernels read of a `Layout`; each array and number more is one more to compile for.

    A template tells of a feature that contains a site: the first and the last of its rows, from
    the site's; where its weights begin; its `Context`, the row that this is read in, from the
    site's, and its stride; whether the gates of the first and the last row must be 0; how many of
    its coordinates are known without the site's symbol, and how many there are; and for each,
    known ones first, a table, and row and line of the two symbols that it tells of.
    """

    n_lines: int
    n_gates: int
    n_places: int
    width: int
    n_classes: int
    pair: int
    pair_back: int
    progression: int
    rhythm: int
    n_symbols: Ints
    residue: Ints  # (n_lines, width), -1: no pitch
    neighbours: Ints  # (n_lines, n_neighbours, 4): pair, side, other voice, row difference
    template: Ints  # (n_lines, n_templates, HEAD + 5 n): see `models.maxent.templates`
    table: Int32s  # (n_tables, width, width): coordinates times their strides
    set_class: Ints  # (2 ** modulus,): class of a set of residues


class Layout(NamedTuple):
    """Where each primitive's weights lie; an offset of 0 says that it is absent.

    With Q the padded number of symbols, G the number of gates, R the modulus, K = 2 clip + 1:

    =============  ======================================================================
    pair           two copies of [pair, gate, Q, Q], the site's own symbol last
    motion         [voice pair, gate, R, K, K]: residue of the interval, the two steps
    beats          [voice pair, R, K, K]: the same from beat to beat
    sonority       [sonority context, R, ..., R]: the residues of all lines
    progression    [lag - 1, gate, class, class] of the sets of residues, lags 1 and 2
    melody         [lag - 1, voice, gate, K, K]: two successive steps, lags 1 and 2
    onset          [place, 2 ** n_lines]: which lines move into the row
    rhythm         [voice, place, 256]: which of 8 rows a line moves into
    passage        [voice, other voice, gate, step, R, next step]: the steps clipped to `NEAR`
    relation       [R, R]: the residues of two lines, from a beat to the next
    =============  ======================================================================

    All but pair, progression and rhythm are told by templates. Arrays are as in
    `Features`.
    """

    n_lines: int
    n_gates: int
    n_places: int
    width: int
    modulus: int
    clip: int
    n_symbols: Ints
    pitch: Ints  # (n_lines, width), negative: no pitch
    residue: Ints
    neighbours: Ints
    template: Ints
    table: Int32s
    set_class: Ints
    n_classes: int
    pair: int
    pair_back: int
    motion: int
    sonority: int
    progression: int
    melody: int
    onset: int
    rhythm: int
    beats: int
    passage: int
    relation: int

    @property
    def features(self) -> Features:
        """What kernels read of it."""
        return Features(*(getattr(self, name) for name in Features._fields))


class Grids(NamedTuple):
    """Pieces below each other.

    Attributes
    ----------
    grid : ndarray of shape (n_rows, n_voices), int64
    start, stop : ndarray of shape (n_pieces,), int64
        Piece p has the rows [start[p], stop[p]).
    modelled : ndarray of shape (n_rows, n_lines), bool
        The sites that count.
    """

    grid: Ints
    start: Ints
    stop: Ints
    modelled: Bools


class Piece(NamedTuple):
    """The rows [first, last) of a grid; nothing is read beyond them."""

    grid: Ints
    first: int
    last: int


class Site(NamedTuple):
    """A site in the rows [first, last) of its piece, and the candidates [low, high) looked at.

    Nothing is read beyond the piece.
    """

    first: int
    last: int
    t: int
    v: int
    low: int
    high: int


# Of the type of every other bound: a literal 0 would be one more type to compile for.
LOWEST: Any = np.int64(0)
