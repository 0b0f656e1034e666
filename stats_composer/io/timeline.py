"""From what a notation reader meets in the file's order to one table of notes.

Readers of notation (MusicXML, kern, ABC) meet pieces of notes: a note held over a bar line is
two of them, tied. `merge_ties` makes them one again; `place_bars` finds where the bars lie.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Piece", "merge_ties", "round_ticks"]


@dataclass(slots=True)
class Piece:
    """A notehead: a whole note or a piece of a tied one.

    Attributes
    ----------
    onset, duration : int
        Ticks.
    pitch, fifths : int
    voice : int
    velocity : int
    starts, stops : bool
        Whether a tie leaves it, and reaches it.
    lane : str
        What the file calls its voice: a tie looks there first for its other end.
    """

    onset: int
    duration: int
    pitch: int
    fifths: int
    voice: int
    velocity: int
    starts: bool = False
    stops: bool = False
    lane: str = ""


def merge_ties(pieces: Sequence[Piece]) -> list[tuple[int, int, int, int, int, int, bool]]:
    """Join the tied pieces of one part.

    A tie's other end is looked for in its own voice first, then in the part's others, and is
    at last taken to be the next note of its pitch in its voice. A piece that a tie should
    reach but that no tie leaves for stays a note of its own, `tied`.

    Parameters
    ----------
    pieces : sequence of Piece

    Returns
    -------
    list of (onset, duration, pitch, fifths, voice, velocity, tied)
    """
    before = _tie_partners(pieces)
    notes: list[list[int]] = []
    where: dict[int, int] = {}
    for index in sorted(range(len(pieces)), key=lambda index: pieces[index].onset):
        piece = pieces[index]
        if index in before:
            where[index] = where[before[index]]
            notes[where[index]][1] += piece.duration
            continue
        where[index] = len(notes)
        row = [piece.onset, piece.duration, piece.pitch, piece.fifths, piece.voice, piece.velocity]
        notes.append([*row, piece.stops])
    return [(o, d, p, f, v, velocity, bool(t)) for o, d, p, f, v, velocity, t in notes]


def _tie_partners(pieces: Sequence[Piece]) -> dict[int, int]:
    """For each piece that a tie reaches, the piece it comes from."""
    before: dict[int, int] = {}
    left: set[int] = set()
    for same_lane, stops in ((True, True), (False, True), (True, False)):
        open_ties: dict[tuple[int, int, str], list[int]] = defaultdict(list)
        for index, piece in enumerate(pieces):
            if piece.starts and index not in left:
                lane = piece.lane if same_lane else ""
                open_ties[piece.pitch, piece.onset + piece.duration, lane].append(index)
        for index, piece in enumerate(pieces) if open_ties else ():
            if piece.stops != stops or index in before:
                continue
            partners = open_ties.get((piece.pitch, piece.onset, piece.lane if same_lane else ""))
            if partners:
                before[index] = partners.pop(0)
                left.add(before[index])
    return before


def round_ticks(value: int | Fraction) -> int:
    """Nearest tick, halves upwards."""
    if isinstance(value, int):
        return value
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)
