"""Measures: what is counted in a piece, where, and of how many.

A measure looks at the places of a piece where something could be, and finds those where it is.
Over several pieces the places are put together: a rate is hits by places, not a mean of rates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from stats_composer.evaluation.reading import Reading
from stats_composer.score import Score

__all__ = ["Count", "Found", "Hit", "Measure", "Rate", "measure", "rates_of"]


class Hit(NamedTuple):
    """A place at which something was found.

    Attributes
    ----------
    tick : int
    lines : tuple of int
        The lines it concerns, from the top; empty for all.
    words : str
        What it is, where that is more than its measure says.
    """

    tick: int
    lines: tuple[int, ...] = ()
    words: str = ""


class Found(NamedTuple):
    """Hits, and at how many places they could have been."""

    n: int
    hits: list[Hit]


Count = Callable[[Reading], Found]


@dataclass(frozen=True)
class Measure:
    """What is counted.

    Attributes
    ----------
    name : str
        For data: letters and underscores.
    kind : str
        The group it belongs to, such as `cadences`.
    words : str
        For people: what is found, and of what.
    count : callable
        Of a `Reading`, to `Found`.
    per : int
        The rate is hits by `per` places.
    fault : str
        What a teacher writes at each hit; empty where a hit is no fault.

    Examples
    --------
    >>> from stats_composer.evaluation import MEASURES
    >>> MEASURES[0].name, MEASURES[0].words
    ('inner_authentic', 'inner phrase ends authentic, in root position')
    """

    name: str
    kind: str
    words: str
    count: Count
    per: int = 100
    fault: str = ""

    def find(self, reading: Reading) -> Found:
        """Count in a piece, once for each reading of it."""
        if self.name not in reading.found:
            reading.found[self.name] = self.count(reading)
        found: Found = reading.found[self.name]
        return found


def measure(
    table: list[Measure], kind: str, words: str, *, per: int = 100, fault: str = ""
) -> Callable[[Count], Measure]:
    """Decorate a function that counts: its measure, named as it is, goes to the end of a table.

    Parameters
    ----------
    table : list of Measure
    kind, words, per, fault
        As of `Measure`.
    """

    def enter(count: Count) -> Measure:
        table.append(Measure(count.__name__.strip("_"), kind, words, count, per, fault))
        return table[-1]

    return enter


class Rate(NamedTuple):
    """What a measure gives for some pieces.

    Attributes
    ----------
    value : float
        Hits by `per` places; nan where there was no place.
    hits, places : int

    Examples
    --------
    >>> Rate(value=12.5, hits=1, places=8)
    Rate(value=12.5, hits=1, places=8)
    """

    value: float
    hits: int
    places: int


def rates_of(
    measures: Iterable[Measure], scores: Score | Reading | Sequence[Score | Reading]
) -> dict[str, Rate]:
    """Measure pieces, all their places together.

    Parameters
    ----------
    measures : iterable of Measure
    scores : Score, Reading, or a sequence of them

    Returns
    -------
    dict of str to Rate
        By the names of the measures.
    """
    several = [scores] if isinstance(scores, Score | Reading) else scores
    readings = [s if isinstance(s, Reading) else Reading(s) for s in several]
    found = {}
    for measure in measures:
        counts = [measure.find(reading) for reading in readings]
        hits, places = sum(len(c.hits) for c in counts), sum(c.n for c in counts)
        value = measure.per * hits / places if places else float("nan")
        found[measure.name] = Rate(value, hits, places)
    return found
