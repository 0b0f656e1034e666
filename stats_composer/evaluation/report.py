"""A teacher's report: the key, the cadences, and each fault with its bar, beat and voices."""

from __future__ import annotations

from typing import NamedTuple

from stats_composer.evaluation.cadences import formula_at
from stats_composer.evaluation.measures import Hit, Measure
from stats_composer.evaluation.rates import MEASURES
from stats_composer.evaluation.reading import Heard, Phrase, Reading
from stats_composer.score import Place
from stats_composer.theory import QUALITIES, Chord, key_name, roman_numeral

__all__ = ["Ending", "Fault", "Report", "report"]

FORMULAS = {
    "authentic": "authentic cadence",
    "dominant": "authentic cadence, inverted",
    "half": "half cadence",
    "plagal": "plagal cadence",
    "deceptive": "deceptive cadence",
    "": "no cadence",
}
FLATTEST = -5
"""Fifths from the tonic to the root that is spelled with most flats: the flat second."""


class Fault(NamedTuple):
    """A fault: its `place`, its voices, what it is in `words`, and the measure that counts it.

    Examples
    --------
    >>> from fractions import Fraction
    >>> Fault(Place(3, Fraction(2)), ("alto", "bass"), "parallel fifths", "parallels").words
    'parallel fifths'
    """

    place: Place
    voices: tuple[str, ...]
    words: str
    measure: str

    def __str__(self) -> str:
        """Return it as a line of a report."""
        voices = " and ".join(self.voices)
        return f"{self.place}: {self.words}{f' ({voices})' if voices else ''}"


class Ending(NamedTuple):
    """The end of a phrase: where, its formula in words, and its chords as numerals."""

    place: Place
    words: str
    numerals: str

    def __str__(self) -> str:
        """Return it as a line of a report."""
        return f"{self.place}: {self.words}{f' ({self.numerals})' if self.numerals else ''}"


class Report(NamedTuple):
    """What a teacher writes under a piece.

    Attributes
    ----------
    key : str
    marked : bool
        Whether fermatas say where phrases end; otherwise long notes and rests do.
    endings : tuple of Ending
        Empty for one line or two.
    faults : tuple of Fault
        In the order of time.

    Examples
    --------
    >>> from stats_composer.evaluation import report
    >>> from stats_composer.score import Score, make_notes
    >>> voices = make_notes(onset=[0, 0, 10080, 10080], pitch=[67, 60, 69, 62], part=[0, 1, 0, 1])
    >>> [fault.words for fault in report(Reading(Score(voices))).faults]
    ['parallel fifths']
    """

    key: str
    marked: bool
    endings: tuple[Ending, ...]
    faults: tuple[Fault, ...]


def report(reading: Reading) -> Report:
    """Write a report on a piece.

    Parameters
    ----------
    reading : Reading

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> notes = make_notes(onset=[0, 10080] * 2, pitch=[67, 69, 60, 62], part=[0, 0, 1, 1])
    >>> print(*report(Reading(Score(notes))).faults)
    bar 1 beat 2: parallel fifths (voice 1 and voice 2)
    """
    endings = [_ending(reading, phrase) for phrase in reading.phrases]
    found: dict[tuple[int, tuple[str, ...], str], Fault] = {}
    for measure in MEASURES:
        for hit in measure.find(reading).hits if measure.fault else ():
            fault = _fault(reading, measure, hit)
            found.setdefault((hit.tick, fault.voices, fault.words), fault)
    return Report(
        key_name(*reading.key),
        len(reading.score.fermatas) > 0,
        tuple(endings if len(reading.lines) > 2 else ()),
        tuple(fault for _, fault in sorted(found.items(), key=lambda item: item[0][0])),
    )


def _fault(reading: Reading, measure: Measure, hit: Hit) -> Fault:
    voices = tuple(reading.names[line] for line in hit.lines)
    return Fault(reading.score.where(hit.tick), voices, hit.words or measure.fault, measure.name)


def _ending(reading: Reading, phrase: Phrase) -> Ending:
    place = reading.score.where(phrase.onset)
    name = formula_at(reading, phrase)
    last = reading.chord_between(phrase.onset, phrase.end)
    if name is None or last is None:
        return Ending(place, "no chord", "")
    before = reading.before(phrase.onset, last.root)
    # The two chords of a plagal cadence in major are a half cadence's too, but for the key.
    if name == "half" and before and before[1].root == (last.root + 5) % 12:
        name = "plagal" if last.root == reading.tonic else "half"
    chords = [_spelled(chord, reading.key[0]) for chord in (before and before[1], last) if chord]
    numerals = " ".join(roman_numeral(chord, *reading.key) for chord in chords)
    return Ending(place, FORMULAS[name], numerals)


def _spelled(chord: Heard, tonic_fifths: int) -> Chord:
    lowest = tonic_fifths + FLATTEST
    root = (7 * chord.root - lowest) % 12 + lowest
    bass = root + 7 * chord.bass % 12 if chord.bass else None
    return Chord(root, QUALITIES[chord.quality], bass)
