"""Constraints on the harmony: chords, charts, cadences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from stats_composer.constraints.base import Constraint, Onsets, sounding
from stats_composer.constraints.fields import (
    BAR,
    BEAT,
    CHORD,
    DURATION,
    KEY,
    asks,
    numbered,
    one_of,
    optional,
    whole,
)
from stats_composer.constraints.known import Known, phrase_place
from stats_composer.constraints.pitches import key_at
from stats_composer.constraints.values import ChordText, as_bar, as_number, pitch_text
from stats_composer.constraints.where import (
    bar_span,
    chosen_lines,
    cut_notes,
    place,
    score_lines,
    tick_at,
    ticks_of,
)
from stats_composer.encoding import GridFrame
from stats_composer.errors import ConstraintError
from stats_composer.factors import Factors
from stats_composer.score import Score
from stats_composer.theory import MAJOR, MINOR, QUALITIES, UNKNOWN_MODE, Chord

__all__ = [
    "CADENCES",
    "Cadence",
    "Change",
    "Changes",
    "ChordAt",
]


class _Span(NamedTuple):
    """Ticks in which all voices sound tones of a set, and some voices one pitch class.

    `grounded` says that the lowest of several voices must not rest.
    """

    start: int
    stop: int
    tones: frozenset[int]
    bass: int | None = None
    top: int | None = None
    grounded: bool = True


class Change(NamedTuple):
    """A chord of a chart and where it begins: a printed `bar`, and a `beat` from 1.

    Examples
    --------
    >>> from stats_composer.constraints import Changes
    >>> chart = Changes([(1, 1, "C"), (2, "3/2", "G7")])
    >>> [(change.bar, str(change.beat), str(change.chord)) for change in chart.changes]
    [(1, '1', 'C'), (2, '3/2', 'G7')]
    """

    bar: int
    beat: Fraction
    chord: ChordText


@dataclass(frozen=True)
class _Harmony(Constraint):
    """Spans of ticks with the tones that may sound in them."""

    def _harmony(self, page: Score) -> list[_Span]:
        raise NotImplementedError

    def _chord(self, page: Score, tick: int, text: ChordText) -> Chord | None:
        """Return what a symbol, or a numeral in the key in force, means at a tick."""
        key = key_at(page, tick, None, self.known) if text.counted else (0, MAJOR)
        return text.chord(key)

    def _contradicted(self, known: Known) -> str:
        """Say which given note is not of its chords."""
        strange = [] if known.given is None else self._strange(known.given)
        told = "is given, outside the chord; with a weight, such as -4, it gives way there"
        return f"{strange[0]} {told}" if strange else ""

    def factors(self, frame: GridFrame, onsets: Onsets) -> Factors:
        """Return what it asks of the symbols."""
        spans = self._harmony(frame.page)
        total = Factors.free(frame.n_steps, frame.n_symbols)
        for line in chosen_lines(frame):
            log_weight = np.zeros((frame.n_steps, len(line.pitch)))
            for span in spans:
                tones, silence = _tones_of_line(span, line.index, frame.n_lines)
                wrong = ~np.isin(line.pitch % 12, sorted(tones))
                broken = np.where(line.pitch >= 0, wrong, not silence)
                steps = frame.steps(span.start, span.stop - span.start)
                log_weight[steps] += np.where(broken, self.weight, 0.0)
            total &= sounding(frame, line, log_weight)
        return total

    def _broken(self, score: Score) -> list[str]:
        return self._strange(score, silences=True)

    def _strange(self, score: Score, silences: bool = False) -> list[str]:
        """List the notes outside the chords, and the silences where none may be."""
        found = []
        lines, spans = score_lines(score), self._harmony(score)
        for i, (name, notes) in enumerate(lines):
            for span in spans:
                tones, silence = _tones_of_line(span, i, len(lines))
                inside = cut_notes(notes, span.start, span.stop)
                told = name or f"voice {i}"
                found += [
                    f"{pitch_text(n.pitch)} at {place(score, n.onset, told)}"
                    for n in inside
                    if n.pitch % 12 not in tones
                ]
                sounds = sum(n.stop - n.onset for n in inside)
                if silences and not silence and sounds < span.stop - span.start:
                    found.append(f"silence at {place(score, span.start, told)}")
        return found


def _tones_of_line(span: _Span, index: int, n_lines: int) -> tuple[frozenset[int], bool]:
    """Return the pitch classes that a voice may sound in a span, and whether it may rest."""
    if index == 0 and span.top is not None:
        return frozenset([span.top]), False
    if index == n_lines - 1 and n_lines > 1:
        tones = span.tones if span.bass is None else frozenset([span.bass])
        return tones, not span.grounded
    return span.tones, True


def _change(i: int, item: Any) -> Change:
    try:
        bar, beat, chord = (item[k] for k in Change._fields) if isinstance(item, Mapping) else item
        return Change(as_bar(bar), as_number(beat, "beat"), ChordText.read(chord, none=True))
    except (TypeError, ValueError, KeyError) as error:
        said = isinstance(error, ConstraintError)
        message = str(error) if said else "expected bar, beat and chord"
        raise ConstraintError(f"change {i}: {message}") from None


def _plain_change(change: Change) -> dict[str, Any]:
    return {"bar": change.bar, "beat": BEAT.plain(change.beat), "chord": str(change.chord)}


_CHANGE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["bar", "beat", "chord"],
    "properties": {
        "bar": BAR.schema,
        "beat": BEAT.schema,
        "chord": {"anyOf": [CHORD.schema, {"const": "N"}]},
    },
}
CHANGES = numbered("changes", _change, _plain_change, _CHANGE, least=1)


@dataclass(frozen=True)
class ChordAt(_Harmony):
    """All voices sound tones of a chord; the bass is the one that the symbol names.

    Parameters
    ----------
    bar : int
    beat : number or str, or None for the whole bar
    chord : str
        Harte's notation (`C:maj/3`), the lead sheet's (`Am7/G`) or a Roman numeral of the key
        in force (`V65/V`). The lowest of several voices sounds throughout, on the bass where
        the symbol names one (`C/C` and `I53` ask for the root); the others may rest.
    duration : number or str, optional
        In quarters; one beat by default, or the rest of the bar.
    weight : float
        Log-weight of each step and voice outside.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 0], pitch=[76, 48], part=[0, 1]))
    >>> ChordAt(1, 1, "C").violations(score)
    []
    >>> ChordAt(1, 1, "C/E").violations(score)
    ['ChordAt(bar=1, beat=1, chord=C/E): C3 at bar 1 beat 1 (voice 1)']
    """

    bar: int = field(metadata=asks(BAR))
    beat: Any = field(metadata=asks(optional(BEAT)))
    chord: Any = field(metadata=asks(CHORD))
    duration: Any = field(default=None, metadata=asks(DURATION))

    def chords(self, page: Score) -> list[tuple[int, int, Chord]]:
        """Return what it names on a page: (start, stop, chord), in ticks."""
        start, stop = bar_span(page, self.bar)
        if self.beat is not None:
            start = tick_at(page, self.bar, self.beat)
            stop = start + page.metre_at(start).unit
        if self.duration is not None:
            stop = start + ticks_of(self.duration)
        chord = self._chord(page, start, self.chord)
        return [] if chord is None else [(start, min(stop, page.end), chord)]

    def _harmony(self, page: Score) -> list[_Span]:
        return [
            _Span(start, stop, chord.pitch_classes, chord.bass_pitch_class)
            for start, stop, chord in self.chords(page)
        ]


@dataclass(frozen=True)
class Changes(_Harmony):
    """A chart: chords, each lasting until the next and the last to the end.

    What sounds are tones of the chord; any voice may rest, but for the lowest where the symbol
    names a bass. A composer that knows a chord voice (`ChoraleComposer.chords_`) has it pinned, so
    that a weight of 0 still asks for the chords, and leaves passing notes to the style.

    Parameters
    ----------
    changes : sequence of Change, tuples (bar, beat, chord) or mappings
        In the order of time; `N` is no chord, where everything is free.
    weight : float
        Log-weight of each step and voice outside.

    Examples
    --------
    >>> print(Changes([(1, 1, "C"), (1, 3, "G7"), (2, 1, "C")]))
    Changes(C at 1:1, G7 at 1:3, C at 2:1)
    """

    changes: Any = field(metadata=asks(CHANGES))

    def _check(self, given: Mapping[str, Any]) -> None:
        if not self.changes:
            raise ConstraintError("changes: expected at least one chord")

    def _words(self) -> list[str]:
        words = [f"{c.chord} at {c.bar}:{float(c.beat):g}" for c in self.changes]
        return words + [w for w in super()._words() if w.startswith("weight=")]

    def chords(self, page: Score) -> list[tuple[int, int, Chord]]:
        """Return what it names on a page: (start, stop, chord), in ticks.

        Raises
        ------
        ConstraintError
            Where the changes do not rise, or lie outside the page.
        """
        ticks = [tick_at(page, c.bar, c.beat) for c in self.changes]
        for before, after, change in zip(ticks, ticks[1:], self.changes[1:], strict=False):
            if after <= before:
                raise ConstraintError(f"{change.chord} at bar {change.bar}: not in order of time")
        stops = [*ticks[1:], page.end]
        chords = [
            self._chord(page, tick, change.chord)
            for tick, change in zip(ticks, self.changes, strict=True)
        ]
        told = zip(ticks, stops, chords, strict=True)
        return [(start, stop, chord) for start, stop, chord in told if chord is not None]

    def _harmony(self, page: Score) -> list[_Span]:
        spans = []
        for start, stop, chord in self.chords(page):
            tones, bass = chord.pitch_classes, chord.bass_pitch_class
            spans.append(_Span(start, stop, tones, bass, None, chord.bass is not None))
        return spans


# Each chord: semitones of its root above the tonic, its quality in major and in minor, and
# the bass; the first sounds on the beat before, the second arrives.
_TONIC = (0, "maj", "min")
CADENCES: dict[str, tuple[tuple[int, str, str] | None, tuple[int, str, str]]] = {
    "authentic": ((7, "7", "7"), _TONIC),
    "perfect": ((7, "7", "7"), _TONIC),
    "picardy": ((7, "7", "7"), (0, "maj", "maj")),
    "plagal": ((5, "maj", "min"), _TONIC),
    "half": (None, (7, "maj", "maj")),
    "deceptive": ((7, "7", "7"), (9, "min", "maj")),
}
"""The chord before and the chord of arrival by kind; the deceptive one's root is 8 in minor."""


@dataclass(frozen=True)
class Cadence(_Harmony):
    """A cadence at the end of a phrase, or in a bar, both chords in root position.

    Parameters
    ----------
    bar : int, optional
        Of the arrival; by default it is the final note of the phrase.
    kind : str
        `authentic` (V or V7, then I), `perfect` (the same, with the tonic on top),
        `picardy` (with the major chord in minor), `plagal` (IV, I), `half` (anything, V) or
        `deceptive` (V or V7, then VI).
    beat : number or str, optional
        Of the arrival in the bar, by default the first; the chord before has the beat before. In
        the last bar the arrival lasts to the end, elsewhere one beat.
    key : str, optional
        A name, or a Roman numeral such as `V`; the key in force by default.
    phrase : int, optional
        From 1, the last by default. The chord before has half a beat, or an eighth of a
        compound beat: the one before the arrival, or where a given voice anticipates it the one
        before that. On an empty page the last ends on the first beat of the last bar.
    weight : float
        Log-weight of each step and voice outside.

    Examples
    --------
    >>> print(Cadence(kind="half", phrase=2))
    Cadence(kind=half, phrase=2)
    """

    bar: int | None = field(default=None, metadata=asks(optional(BAR)))
    kind: str = field(default="authentic", metadata=asks(one_of("kind", CADENCES)))
    beat: Any = field(default=None, metadata=asks(optional(BEAT)))
    key: Any = field(default=None, metadata=asks(KEY))
    phrase: int | None = field(default=None, metadata=asks(optional(whole("phrase"))))

    def _check(self, given: Mapping[str, Any]) -> None:
        if self.phrase is not None and (self.bar, self.beat) != (None, None):
            raise ConstraintError("expected either a bar and beat or a phrase")

    def _places(self, page: Score) -> tuple[tuple[int, int], list[tuple[int, int]]]:
        """Return the span of the arrival, and those that the chord before may have."""
        told = self.known is not None and len(self.known.spans) > 0
        by_phrase = self.phrase is not None or told or len(page.notes) > 0
        if by_phrase and (self.bar, self.beat) == (None, None):
            phrase = self.phrase or -1
            _, start, stop = phrase_place(page, self.known, phrase)
            metre = page.metre_at(max(start - 1, 0))
            part = metre.unit if metre.is_compound else metre.beat // 2
            is_last = stop == phrase_place(page, self.known, -1)[2]
            stop = stop if is_last else min(stop, start + metre.beat)
            return (start, stop), [(start - k * part, start - k * part + part) for k in (1, 2)]
        bar = -1 if self.bar is None else self.bar
        start = tick_at(page, bar, Fraction(1) if self.beat is None else self.beat)
        is_last = bar_span(page, bar)[1] == page.end
        stop = page.end if is_last else start + page.metre_at(start).unit
        return (start, stop), [(start - page.metre_at(max(start - 1, 0)).unit, start)]

    def _harmony(self, page: Score) -> list[_Span]:
        (start, stop), earlier = self._places(page)
        fifths, mode = key_at(page, start, self.key, self.known)
        if mode == UNKNOWN_MODE:
            raise ConstraintError(f"the mode is unknown at {place(page, start)}: name the key")
        before, arrival = CADENCES[self.kind]
        tonic = 7 * fifths % 12
        top = tonic if self.kind == "perfect" else None
        found = _root_position((start, stop), tonic, mode, arrival, top)
        if before is None:
            return [found]
        if earlier[0][0] < 0:
            raise ConstraintError(f"no beat before {place(page, start)}")
        spans = [_root_position(span, tonic, mode, before, None) for span in earlier]
        fitting = [span for span in spans if span.start >= 0 and self._fits(span)]
        return [found, (fitting or spans)[0]]

    def _fits(self, span: _Span) -> bool:
        """Tell whether the given notes are of a chord."""
        given = self.known.given if self.known is not None else None
        lines = [] if given is None else score_lines(given)
        return all(
            note.pitch % 12 in _tones_of_line(span, i, len(lines))[0]
            for i, (_, notes) in enumerate(lines)
            for note in cut_notes(notes, span.start, span.stop)
        )


def _root_position(
    span: tuple[int, int], tonic: int, mode: int, chord: tuple[int, str, str], top: int | None
) -> _Span:
    above, major, minor = chord
    if above == 9 and mode == MINOR:
        above = 8
    root = (tonic + above) % 12
    quality = minor if mode == MINOR else major
    tones = frozenset((root + interval) % 12 for interval in QUALITIES[quality])
    return _Span(*span, tones, root, top)
