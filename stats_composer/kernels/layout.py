"""What the kernels of a maximum-entropy model are told: pieces, sites, where weights lie.

What a feature is, and the conventions of tables and rows, stand in `kernels/sites.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from stats_composer.kernels.arrays import Bools, Ints

__all__ = ["FORBIDDEN", "LOWEST", "NEAR", "Grids", "Layout", "Piece", "Rows", "Site"]

FORBIDDEN = -1e30
"""The log-weight of what is forbidden: its exponential is 0, and sums of some stay finite."""
NEAR = 3
"""Steps of a passage are clipped to it: on a scale of twelve, what is larger is a leap."""


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
    =============  ======================================================================
    """

    n_lines: int
    n_gates: int
    n_places: int
    width: int
    modulus: int
    clip: int
    n_symbols: Ints
    pitch: Ints  # (n_lines, width), negative: no pitch
    residue: Ints  # (n_lines, width), -1: no pitch
    neighbours: Ints  # (n_lines, n_neighbours, 4): pair, side, other voice, row difference
    n_neighbours: Ints
    voice_pair: Ints  # (n_lines, n_lines)
    set_class: Ints  # (2 ** modulus,): class of a set of residues
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


class Rows(NamedTuple):
    """What the features read of the context voices, by row."""

    gate: Ints
    sonority: Ints
    place: Ints


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
