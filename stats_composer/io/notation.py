"""From notes to noteheads: how a length is written with note values, dots, ties and tuplets.

Conventions
-----------
* A lane is a line of chords that do not overlap: a voice has one, or more where its notes
  sound together without beginning and ending together.
* A sign is one notehead, chord or rest of a lane within a bar; a note takes one or more,
  tied. Any length of whole ticks can be written: where no value with up to two dots and no
  tuplet of 3, 5, 7, 9 or 15 fits, a tuplet of the very ratio does.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import NamedTuple

from stats_composer.score import Score
from stats_composer.theory import TICKS_PER_QUARTER

__all__ = [
    "Event",
    "Note",
    "Sign",
    "SpanEnd",
    "Value",
    "group_tuplets",
    "lanes",
    "mark_accidentals",
    "mark_beams",
    "one_lane",
    "plain_value",
    "shown_tempo",
    "split",
    "written_pitch",
]

_TYPES = (
    ("long", 161280),
    ("breve", 80640),
    ("whole", 40320),
    ("half", 20160),
    ("quarter", 10080),
    ("eighth", 5040),
    ("16th", 2520),
    ("32nd", 1260),
    ("64th", 630),
    ("128th", 315),
)
_BASE = dict(_TYPES)
_BEAMS = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4, "128th": 5}
_LETTERS = "FCGDAEB"
_PITCH_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_RATIOS = ((3, 2), (5, 4), (7, 4), (9, 8), (15, 8))


class Value(NamedTuple):
    """A note value: its name, its dots, and `actual` notes in the time of `normal`."""

    type: str
    dots: int = 0
    actual: int = 1
    normal: int = 1


class Note(NamedTuple):
    """A row of the table of notes, without its part."""

    onset: int
    duration: int
    pitch: int
    fifths: int
    voice: int
    velocity: int
    tied: bool


class Event(NamedTuple):
    """A chord of a lane: notes of one onset and one duration."""

    start: int
    stop: int
    notes: tuple[Note, ...]


class SpanEnd(NamedTuple):
    """The start or stop of a span; `number` tells it from others that are open with it."""

    way: str
    kind: str
    text: str
    number: int


@dataclass(slots=True)
class Sign:
    """A notehead, chord or rest within one bar; `notes` is empty for a rest.

    `before` and `after` are its grace notes, signs without time; `tied_graces` are the pitches
    that a tie holds from a grace note to its note, on both of them.
    """

    start: int
    stop: int
    notes: tuple[Note, ...]
    value: Value | None
    tie_stop: bool = False
    tie_start: bool = False
    hidden: bool = False
    fermata: bool = False
    lyrics: tuple[tuple[int, str, str], ...] = ()
    tuplet: tuple[str, ...] = ()
    beams: tuple[str, ...] = ()
    accidentals: tuple[str, ...] = ()
    marks: tuple[tuple[str, str], ...] = ()
    ends: tuple[SpanEnd, ...] = ()
    before: tuple[Sign, ...] = ()
    after: tuple[Sign, ...] = ()
    slash: bool = False
    tied_graces: frozenset[int] = frozenset()


def _plain_values() -> dict[int, Value]:
    values: dict[int, Value] = {}
    for dots, (above, below) in enumerate(((1, 1), (3, 2), (7, 4))):
        for name, ticks in _TYPES:
            if ticks * above % below == 0:
                values.setdefault(ticks * above // below, Value(name, dots))
    return values


_PLAIN = _plain_values()
_PLAIN_TICKS = sorted(_PLAIN)


@functools.lru_cache(maxsize=4096)
def _value(ticks: int) -> Value | None:
    """Find the note value of a length, plain or in a common tuplet."""
    if ticks in _PLAIN:
        return _PLAIN[ticks]
    for actual, normal in _RATIOS:
        whole, rest = divmod(ticks * actual, normal)
        if rest == 0 and whole in _PLAIN and _PLAIN[whole].dots < 2:
            return _PLAIN[whole]._replace(actual=actual, normal=normal)
    return None


def _any_value(ticks: int) -> Value:
    """Write a length that has no name as a tuplet of its own ratio."""
    name, base = min((pair for pair in _TYPES if pair[1] >= ticks), key=lambda pair: pair[1])
    divisor = gcd(base, ticks)
    return Value(name, 0, base // divisor, ticks // divisor)


def split(start: int, stop: int, beat: int) -> list[tuple[int, int, Value]]:
    """Divide a stretch of time within a bar into note values.

    Parameters
    ----------
    start, stop : int
        Ticks since a beat.
    beat : int
        Ticks; a stretch without a value of its own is divided where beats begin.

    Examples
    --------
    >>> split(0, 12600, 10080)
    [(0, 10080, Value(type='quarter', dots=0, actual=1, normal=1)), \
(10080, 12600, Value(type='16th', dots=0, actual=1, normal=1))]
    """
    done = []
    while start < stop:
        value = _value(stop - start)
        cut = stop
        if value is None:
            first, last = -(-start // beat) * beat, stop // beat * beat
            if start < first < stop:
                cut = first
            elif start < last < stop:
                cut = last
            else:
                longest = [ticks for ticks in _PLAIN_TICKS if ticks < stop - start]
                cut = start + longest[-1] if longest else stop
            value = _value(cut - start)
            if value is None and cut < stop:
                done += split(start, cut, beat)
                start = cut
                continue
        done.append((start, cut, value or _any_value(cut - start)))
        start = cut
    return done


def shown_tempo(score: Score, tick: int, tempo: float) -> tuple[bool, str]:
    """Return quarters a minute as they are printed: whether dotted ones are counted, and how many.

    It counts the beats of its metre where they are dotted quarters of a whole number a minute.
    """
    beats = tempo / 1.5
    dotted = score.metre_at(tick).beam == 3 * TICKS_PER_QUARTER // 2
    if dotted and beats.is_integer():
        return True, f"{beats:.0f}"
    return False, f"{tempo:.10f}".rstrip("0").rstrip(".")


def lanes(notes: Iterable[Note]) -> list[list[Event]]:
    """Divide the notes of a voice into lines of chords that do not overlap."""
    chords: dict[tuple[int, int], list[Note]] = {}
    for note in notes:
        chords.setdefault((note.onset, note.onset + note.duration), []).append(note)
    found: list[list[Event]] = []
    for (start, stop), members in sorted(chords.items()):
        lane = next((lane for lane in found if lane[-1].stop <= start), None)
        if lane is None:
            lane = []
            found.append(lane)
        lane.append(Event(start, stop, tuple(members)))
    return found


def one_lane(notes: Sequence[Note]) -> list[Event] | None:
    """Lay the notes of a voice in one line of chords, cut wherever a note begins or ends.

    A note that goes on is in the next chord, too. None if notes of one pitch overlap without
    being alike: a chord could not tell which of them goes on.
    """
    edges = sorted({edge for note in notes for edge in (note.onset, note.onset + note.duration)})
    place = {edge: index for index, edge in enumerate(edges)}
    chords: list[list[Note]] = [[] for _ in edges]
    for note in notes:
        for index in range(place[note.onset], place[note.onset + note.duration]):
            chords[index].append(note)
    for chord in chords:
        kinds = {(note.pitch, note.onset, note.duration) for note in chord}
        if len({pitch for pitch, *_ in kinds}) < len(kinds):
            return None
    return [
        Event(start, stop, tuple(chord))
        for (start, stop), chord in zip(pairwise(edges), chords, strict=False)
        if chord
    ]


def group_tuplets(signs: Sequence[Sign]) -> None:
    """Mark where tuplets start and stop in a lane of a bar."""
    first = 0
    while first < len(signs):
        value = signs[first].value
        if value is None or value.actual == value.normal:
            first += 1
            continue
        last, total, smallest = first, 0, _BASE[value.type]
        while True:
            sign = signs[last]
            assert sign.value is not None
            total += sign.stop - sign.start
            smallest = min(smallest, _BASE[sign.value.type])
            following = signs[last + 1].value if last + 1 < len(signs) else None
            whole = total % (value.normal * smallest) == 0
            if whole or following is None or following[2:] != value[2:]:
                break
            last += 1
        signs[first].tuplet += ("start",)
        signs[last].tuplet += ("stop",)
        first = last + 1


def plain_value(ticks: int) -> Value | None:
    """Name a length by a value with up to two dots, if it has one."""
    return _PLAIN.get(ticks)


def mark_beams(signs: Sequence[Sign], origin: int, beat: int, wide: int) -> None:
    """Beam the short notes of each beat in a lane of a bar; pairs of eighths in `wide` ticks."""
    groups: list[list[Sign]] = []
    place = None
    for sign in signs:
        here = (sign.start - origin) // beat
        if not sign.notes or sign.value is None or sign.value.type not in _BEAMS:
            place = None
        elif place == here:
            groups[-1].append(sign)
        else:
            groups.append([sign])
            place = here
    for group in _widened(groups, origin, wide):
        if len(group) > 1:
            depths = [_BEAMS[sign.value.type] for sign in group if sign.value]
            for index, sign in enumerate(group):
                sign.beams = tuple(
                    _beam(depths, index, level) for level in range(1, depths[index] + 1)
                )


def _widened(groups: list[list[Sign]], origin: int, wide: int) -> list[list[Sign]]:
    """Join neighbours that are two eighths each."""
    joined: list[list[Sign]] = []
    for group in groups:
        if joined and _is_pair(group) and _is_pair(joined[-1]):
            first, here = joined[-1][0].start - origin, group[0].start - origin
            if here - first == TICKS_PER_QUARTER and first // wide == here // wide:
                joined[-1] = joined[-1] + group
                continue
        joined.append(group)
    return joined


def _is_pair(group: list[Sign]) -> bool:
    plain = all(sign.stop - sign.start == TICKS_PER_QUARTER // 2 for sign in group)
    return plain and len(group) == 2


def _beam(depths: list[int], index: int, level: int) -> str:
    before = index > 0 and depths[index - 1] >= level
    after = index + 1 < len(depths) and depths[index + 1] >= level
    if before:
        return "continue" if after else "end"
    if after:
        return "begin"
    return "forward hook" if index == 0 else "backward hook"


def written_pitch(pitch: int, fifths: int) -> tuple[str, int, int]:
    """Spell a pitch.

    Returns
    -------
    step : str
    alter : int
    octave : int
        Of the step: the pitch 60 as B sharp is in octave 3.

    Examples
    --------
    >>> written_pitch(66, 6), written_pitch(60, 12)
    (('F', 1, 4), ('B', 1, 3))
    """
    alter, letter = divmod(fifths + 1, 7)
    step = _LETTERS[letter]
    return step, alter, (pitch - alter - _PITCH_CLASSES[step]) // 12 - 1


def mark_accidentals(signs: Iterable[Sign], key: int) -> None:
    """Print the accidentals of one staff in one bar.

    Parameters
    ----------
    signs : iterable of Sign
    key : int
        Fifths of the key signature.
    """
    printed: dict[tuple[str, int], int] = {}
    ordered = sorted(signs, key=lambda sign: sign.start)
    for sign in (each for main in ordered for each in (*main.before, main, *main.after)):
        if sign.tie_stop:
            sign.accidentals = ("",) * len(sign.notes)
            continue
        names = []
        for note in sign.notes:
            step, alter, octave = written_pitch(note.pitch, note.fifths)
            signature = (key - _LETTERS.index(step) + 6) // 7
            shown = printed.get((step, octave), signature) != alter
            printed[step, octave] = alter
            names.append(_ACCIDENTALS.get(alter, "") if shown else "")
        sign.accidentals = tuple(names)
