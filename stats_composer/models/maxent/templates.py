"""Which features contain a site, as templates: rows apart, and tabled coordinates to add up.

The features of motion, beats, sonority, melody, onset, passage and relation lie in boxes: the
place of one is an offset and a sum of coordinates, each of them told by the symbols of two sites,

    f = offset + context + sum over j of c_j(x_j, y_j),                                       (1)

as a step from x to y, clipped, times its stride. A template is (1) as seen from one of the sites
that a feature contains: coordinates of other sites alone are known, and those in which the site
takes part are rows of a table, an entry for each candidate. So one kernel visits them all,
`kernels/sites.py`, and a new term of this form is a few lines here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from stats_composer.kernels.arrays import Bools, Int32s, Ints
from stats_composer.kernels.layout import NEAR, NO_COORDINATE, Context

__all__ = ["Shape", "make_templates"]

Place = tuple[int, int]  # row of a feature, line
# Cells that the tables of one model may have together: a gigabyte.
MAX_CELLS = 1 << 28


class Shape(NamedTuple):
    """What coordinates are made of.

    Attributes
    ----------
    pitch, residue : ndarray of shape (n_lines, width), int64
    modulus, clip, n_gates : int
    offset : dict of str to int
        Where each primitive lies; 0 for none.
    """

    pitch: Ints
    residue: Ints
    modulus: int
    clip: int
    n_gates: int
    offset: dict[str, int]


class Coordinate(NamedTuple):
    """A summand of (1), `cells[symbol of one, symbol of other]`."""

    cells: Int32s
    one: Place
    other: Place


class Feature(NamedTuple):
    """Features alike but for the row they begin in: they contain the sites of their coordinates.

    Attributes
    ----------
    offset, stride : int
        Where the weights lie, and how many there are of each value of the context.
    coordinates : tuple of Coordinate
    context : Context
    row : int
        Where the context is read.
    on_beats : bool
        Whether the gates of the first and the last row must be 0.
    """

    offset: int
    stride: int
    coordinates: tuple[Coordinate, ...]
    context: Context = Context.GATE
    row: int = 0
    on_beats: bool = False


def _told(cells: Ints, known: Bools, stride: int) -> Int32s:
    return np.where(known, cells * stride, NO_COORDINATE).astype(np.int32)


def _step(shape: Shape, clip: int, v: int, rows: tuple[int, int], stride: int) -> Coordinate:
    """Return the step of a line from one row to another."""
    pitch = shape.pitch[v]
    step = np.clip(pitch - pitch[:, None], -clip, clip) + clip
    known = (pitch[:, None] >= 0) & (pitch >= 0)
    return Coordinate(_told(step, known, stride), (rows[0], v), (rows[1], v))


def _interval(shape: Shape, v: int, w: int, row: int, stride: int) -> Coordinate:
    """Return the residue of line v less that of line w in a row."""
    high, low = shape.residue[v][:, None], shape.residue[w]
    known = (high >= 0) & (low >= 0)
    return Coordinate(_told((high - low) % shape.modulus, known, stride), (row, v), (row, w))


def _residue(shape: Shape, v: int, row: int, stride: int) -> Coordinate:
    residue = np.tile(shape.residue[v], (len(shape.residue[v]), 1))
    return Coordinate(_told(residue, residue >= 0, stride), (row, v), (row, v))


def _motion(shape: Shape, lag: int) -> Iterator[Feature]:
    # (5) of `kernels/sites.py`
    k, modulus = 2 * shape.clip + 1, shape.modulus
    offset, n_gates = (
        (shape.offset["motion"], shape.n_gates) if lag == 1 else (shape.offset["beats"], 1)
    )
    for number, (v, w) in enumerate(itertools.combinations(range(len(shape.pitch)), 2)):
        coordinates = (
            _interval(shape, v, w, 0, k * k),
            _step(shape, shape.clip, v, (0, lag), k),
            _step(shape, shape.clip, w, (0, lag), 1),
        )
        size = modulus * k * k
        yield Feature(offset + number * n_gates * size, size, coordinates, on_beats=lag == 2)


def _sonority(shape: Shape) -> Iterator[Feature]:
    # (6) of `kernels/sites.py`
    n = len(shape.pitch)
    coordinates = (_residue(shape, v, 0, shape.modulus ** (n - 1 - v)) for v in range(n))
    yield Feature(shape.offset["sonority"], shape.modulus**n, tuple(coordinates), Context.SONORITY)


def _melody(shape: Shape) -> Iterator[Feature]:
    # (8) of `kernels/sites.py`
    k, n = 2 * shape.clip + 1, len(shape.pitch)
    for lag, v in itertools.product((1, 2), range(n)):
        coordinates = (
            _step(shape, shape.clip, v, (0, lag), k),
            _step(shape, shape.clip, v, (lag, 2 * lag), 1),
        )
        place = ((lag - 1) * n + v) * shape.n_gates * k * k
        yield Feature(shape.offset["melody"] + place, k * k, coordinates)


def _passage(shape: Shape) -> Iterator[Feature]:
    # (11) of `kernels/sites.py`
    k, n = 2 * NEAR + 1, len(shape.pitch)
    size = k * shape.modulus * k
    for v, w in itertools.permutations(range(n), 2):
        coordinates = (
            _step(shape, NEAR, v, (0, 1), shape.modulus * k),
            _interval(shape, v, w, 1, k),
            _step(shape, NEAR, v, (1, 2), 1),
        )
        place = (v * n + w) * shape.n_gates * size
        yield Feature(shape.offset["passage"] + place, size, coordinates)


def _relation(shape: Shape) -> Iterator[Feature]:
    # (12) of `kernels/sites.py`
    for v, w in itertools.permutations(range(len(shape.pitch)), 2):
        coordinates = _residue(shape, v, 0, shape.modulus), _residue(shape, w, 2, 1)
        yield Feature(shape.offset["relation"], 0, coordinates, on_beats=True)


def _move(shape: Shape, v: int, row: int, stride: int) -> Coordinate:
    """Return whether a line moves from a row into the next."""
    moves = 1 - np.eye(shape.pitch.shape[1], dtype=np.int64)
    return Coordinate(_told(moves, moves >= 0, stride), (row, v), (row + 1, v))


def _onset(shape: Shape) -> Iterator[Feature]:
    # (9) of `kernels/sites.py`
    n = len(shape.pitch)
    coordinates = (_move(shape, v, 0, 1 << v) for v in range(n))
    yield Feature(shape.offset["onset"], 1 << n, tuple(coordinates), Context.PLACE, row=1)


def _features(shape: Shape) -> Iterator[Feature]:
    made = {
        "motion": _motion(shape, 1),
        "beats": _motion(shape, 2),
        "sonority": _sonority(shape),
        "melody": _melody(shape),
        "passage": _passage(shape),
        "relation": _relation(shape),
        "onset": _onset(shape),
    }
    for primitive, features in made.items():
        if shape.offset[primitive]:
            yield from features


class _Tables:
    """Tables of cells, each once."""

    def __init__(self) -> None:
        self.number: dict[bytes, int] = {}
        self.cells: list[Int32s] = []

    def place(self, cells: Int32s) -> int:
        """Return the number of a table."""
        cells = np.ascontiguousarray(cells)
        number = self.number.setdefault(cells.tobytes(), len(self.cells))
        if number == len(self.cells):
            self.cells.append(cells)
            if len(self.cells) * cells.size > MAX_CELLS:
                raise ValueError(
                    f"terms of steps and intervals over lines of {len(cells)} symbols: expected "
                    "fewer of either"
                )
        return number


def _seen_from(feature: Feature, site: Place, tables: _Tables) -> list[int]:
    """Return a template: its head, and the coordinates, known ones first."""
    places = [place for c in feature.coordinates for place in (c.one, c.other)]
    rows = [row for row, _ in places]
    known: list[list[int]] = []
    drawn: list[list[int]] = []
    for cells, one, other in feature.coordinates:
        if site == one:  # the site's own symbol comes last
            cells, one, other = (cells if one == other else cells.T), other, one
        ends = [one[0] - site[0], one[1], other[0] - site[0], other[1]]
        (drawn if site == other else known).append([tables.place(cells), *ends])
    head = [min(rows) - site[0], max(rows) - site[0], feature.offset, feature.context]
    head += [feature.row - site[0], feature.stride, feature.on_beats, len(known), len(places) // 2]
    return [*head, *itertools.chain(*known, *drawn)]


def make_templates(shape: Shape) -> tuple[Ints, Int32s]:
    """Return the templates of each line, and the tables of their coordinates.

    Returns
    -------
    templates : ndarray of shape (n_lines, n_templates, size), int64
        As `kernels/layout.py` says.
    tables : ndarray of shape (n_tables, width, width), int32

    Raises
    ------
    ValueError
        If the tables would be too large.
    """
    n_lines, width = shape.pitch.shape
    tables = _Tables()
    found: list[list[list[int]]] = [[] for _ in range(n_lines)]
    for feature in _features(shape):
        sites = dict.fromkeys(place for c in feature.coordinates for place in (c.one, c.other))
        for site in sites:
            found[site[1]].append(_seen_from(feature, site, tables))
    longest = max((len(template) for line in found for template in line), default=0)
    templates = np.zeros((n_lines, len(found[0]), longest), np.int64)
    for v, i in np.ndindex(templates.shape[:2]):
        templates[v, i, : len(found[v][i])] = found[v][i]
    cells = np.array(tables.cells, np.int32).reshape(-1, width, width)
    return templates, cells
