"""Measures of cadences and of the dominants within a phrase.

Conventions
-----------
A phrase ends on the first chord that sounds under its final note; the chord before it is the
last of another root in the three beats before. The two make a *formula*:

* `authentic`: a dominant, V or V7, to the chord a fifth lower, both in root position;
* `dominant`: any dominant, the diminished ones under the root too, in any inversions;
* `half`: to a major triad in root position from the fifth below it or from a tone below, or
  from the fifth above with a minor third;
* `plagal`: from the fifth below to a minor triad in root position;
* `deceptive`: from a major chord in root position up a step;

or none of them (`""`). All but the last phrase end are *inner*.
"""

from __future__ import annotations

from stats_composer.evaluation.measures import Found, Hit, Measure, measure
from stats_composer.evaluation.reading import Heard, Phrase, Reading
from stats_composer.theory import MINOR

__all__ = ["CADENCES", "formula", "formula_at"]

CADENCES: list[Measure] = []


def formula(before: Heard, last: Heard) -> str:
    """Name the formula of two chords.

    Examples
    --------
    >>> tonic = Heard(0, "maj", 0)
    >>> formula(Heard(7, "7", 0), tonic), formula(Heard(2, "min", 3), tonic)
    ('authentic', '')
    """
    step = (last.root - before.root) % 12
    if before.leads_to(last.root):
        plain = before.quality in ("maj", "7") and before.bass == last.bass == 0
        return "authentic" if plain else "dominant"
    if last.bass or not last.is_triad:
        return ""
    if last.quality == "maj" and (step in (7, 2) or (step == 5 and not before.is_major)):
        return "half"
    if step == 7:
        return "plagal"
    return "deceptive" if before.is_major and not before.bass and step in (1, 2) else ""


def formula_at(reading: Reading, phrase: Phrase) -> str | None:
    """Name the formula that ends a phrase, `""` for none of them, None where no chord sounds."""
    last = reading.chord_between(phrase.onset, phrase.end)
    if last is None:
        return None
    before = reading.before(phrase.onset, last.root)
    return formula(before[1], last) if before else ""


def _ends(reading: Reading, inner: bool = True) -> list[Phrase]:
    """List the phrase ends of a setting in three or more lines: the inner ones, or the last."""
    if len(reading.lines) < 3:
        return []
    return reading.phrases[:-1] if inner else reading.phrases[-1:]


def _places(phrases: list[Phrase], chosen: list[bool]) -> Found:
    hits = [Hit(phrase.onset) for phrase, hit in zip(phrases, chosen, strict=True) if hit]
    return Found(len(phrases), hits)


def _with_formula(reading: Reading, names: tuple[str, ...], inner: bool = True) -> Found:
    ends = _ends(reading, inner)
    return _places(ends, [formula_at(reading, phrase) in names for phrase in ends])


@measure(CADENCES, "cadences", "inner phrase ends authentic, in root position")
def _inner_authentic(reading: Reading) -> Found:
    return _with_formula(reading, ("authentic",))


@measure(CADENCES, "cadences", "inner phrase ends by any dominant")
def _inner_dominant(reading: Reading) -> Found:
    return _with_formula(reading, ("authentic", "dominant"))


@measure(
    CADENCES, "cadences", "inner phrase ends by no formula", fault="the phrase ends by no cadence"
)
def _inner_unnamed(reading: Reading) -> Found:
    ends = _ends(reading)
    return _places(ends, [not formula_at(reading, phrase) for phrase in ends])


@measure(
    CADENCES,
    "cadences",
    "phrase ends on what never becomes a chord",
    fault="the phrase ends on no chord",
)
def _end_without_chord(reading: Reading) -> Found:
    ends = _ends(reading) + _ends(reading, inner=False)
    return _places(ends, [formula_at(reading, phrase) is None for phrase in ends])


@measure(CADENCES, "cadences", "phrase ends on a triad in root position")
def _end_root_triad(reading: Reading) -> Found:
    ends = _ends(reading) + _ends(reading, inner=False)
    chords = [reading.chord_between(phrase.onset, phrase.end) for phrase in ends]
    return _places(ends, [bool(c and c.is_triad and not c.bass) for c in chords])


@measure(CADENCES, "cadences", "last cadences authentic, in root position")
def _last_authentic(reading: Reading) -> Found:
    return _with_formula(reading, ("authentic",), inner=False)


@measure(CADENCES, "cadences", "pieces that end on the tonic in root position")
def _last_on_tonic(reading: Reading) -> Found:
    ends = _ends(reading, inner=False)
    chords = [reading.chord_between(phrase.onset, phrase.end) for phrase in ends]
    return _places(
        ends, [bool(c and c.root == reading.tonic and c.is_triad and not c.bass) for c in chords]
    )


@measure(CADENCES, "cadences", "minor pieces that end by V")
def _minor_end_by_dominant(reading: Reading) -> Found:
    if reading.key[1] != MINOR:
        return Found(0, [])
    ends = _ends(reading, inner=False)
    fifth = (reading.tonic + 7) % 12
    before = [reading.before(phrase.onset, reading.tonic) for phrase in ends]
    return _places(
        ends, [bool(b and b[1].root == fifth and b[1].quality in ("maj", "7")) for b in before]
    )


@measure(
    CADENCES,
    "cadences",
    "dominants with the leading tone doubled",
    fault="the leading tone is doubled",
)
def _leading_tone_doubled(reading: Reading) -> Found:
    fifth, third = (reading.tonic + 7) % 12, (reading.tonic + 11) % 12
    n, hits = 0, []
    for tick, row, chord in zip(
        reading.beats.tolist(), reading.beat_rows.tolist(), reading.beat_chords, strict=True
    ):
        if chord and chord.root == fifth and chord.quality in ("maj", "7"):
            n += 1
            thirds = [c for c, p in enumerate(reading.pitch[row].tolist()) if p % 12 == third]
            if len(thirds) > 1:
                hits.append(Hit(tick, tuple(thirds)))
    return Found(n, hits)


@measure(CADENCES, "cadences", "authentic ends with an octave or a repeat in the bass")
def _bass_stays_before_end(reading: Reading) -> Found:
    n, hits = 0, []
    for phrase in _ends(reading) + _ends(reading, inner=False):
        if formula_at(reading, phrase) == "authentic":
            n += 1
            column = len(reading.lines) - 1
            pitch = reading.lines[-1]["pitch"][reading.lines[-1]["onset"] < phrase.onset]
            if len(pitch) > 1 and pitch[-1] % 12 == pitch[-2] % 12:
                hits.append(Hit(phrase.onset, (column,)))
    return Found(n, hits)
