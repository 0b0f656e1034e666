"""Constraints that give notes: one note, a line to keep, a line to be like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.constraints.base import Constraint, Onsets, sounding
from stats_composer.constraints.fields import (
    BAR,
    BARS,
    BEAT,
    DURATION,
    PITCH,
    PITCH_OR_REST,
    VOICE,
    WEIGHT,
    asks,
    numbered,
)
from stats_composer.constraints.known import Known
from stats_composer.constraints.values import (
    Bars,
    Voice,
    as_bar,
    as_duration,
    as_number,
    as_pitch,
    pitch_text,
)
from stats_composer.constraints.where import (
    HeardNote,
    VoiceSymbols,
    bar_span,
    cut_notes,
    line_of,
    notes_of,
    place,
    score_lines,
    step_at,
    tick_at,
    ticks_of,
)
from stats_composer.encoding import GridFrame
from stats_composer.errors import ConstraintError
from stats_composer.factors import Factors
from stats_composer.score import Score
from stats_composer.theory import TICKS_PER_QUARTER
from stats_composer.views import REST

__all__ = ["GivenNote", "Pin", "PinVoice", "Similar"]

Floats = NDArray[np.float64]


class GivenNote(NamedTuple):
    """A note of a given line.

    Attributes
    ----------
    bar : int
        As printed.
    beat : Fraction
    pitch : int
    duration : Fraction
        In quarters.
    tied : bool
        Held from before the place, without a new attack.

    Examples
    --------
    >>> GivenNote(bar=1, beat=Fraction(1), pitch=67, duration=Fraction(3, 2))
    GivenNote(bar=1, beat=Fraction(1, 1), pitch=67, duration=Fraction(3, 2), tied=False)
    """

    bar: int
    beat: Fraction
    pitch: int
    duration: Fraction
    tied: bool = False


def _given_note(i: int, note: Any) -> GivenNote:
    try:
        given = note if isinstance(note, Mapping) else dict(_pairs(note))
        bar, beat = as_bar(given["bar"]), as_number(given["beat"], "beat")
        pitch, duration = as_pitch(given["pitch"]), as_duration(given["duration"])
        return GivenNote(bar, beat, pitch, duration, bool(given.get("tied", False)))
    except KeyError as error:
        raise ConstraintError(f"note {i}: without {error.args[0]}") from None
    except TypeError:
        raise ConstraintError(f"note {i}: expected bar, beat, pitch and duration") from None
    except ConstraintError as error:
        raise ConstraintError(f"note {i}: {error}") from None


def _pairs(note: Sequence[Any]) -> Iterable[tuple[str, Any]]:
    return zip(GivenNote._fields, note, strict=False)


def _plain_note(note: GivenNote) -> dict[str, Any]:
    plain = {"bar": note.bar, "beat": BEAT.plain(note.beat), "pitch": PITCH.plain(note.pitch)}
    return plain | {"duration": BEAT.plain(note.duration)} | ({"tied": True} if note.tied else {})


_NOTE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["bar", "beat", "pitch", "duration"],
    "properties": {
        "bar": BAR.schema,
        "beat": BEAT.schema,
        "pitch": PITCH.schema,
        "duration": {"description": "In quarters.", **BEAT.schema},
        "tied": {"description": "Held from before, without a new attack.", "type": "boolean"},
    },
}
NOTES = numbered("notes", _given_note, _plain_note, _NOTE)


@dataclass(frozen=True)
class Pin(Constraint):
    """One note, or a rest, at a place.

    Parameters
    ----------
    voice : str or int
    bar : int
        As printed.
    beat : number or str
        From 1; fractions such as 2.5 or "7/3".
    pitch : str or int
        A name, a MIDI number, or `rest`.
    duration : number or str, optional
        In quarters: the note starts here and lasts exactly that; a rest lasts at least that.
        Without it the pitch sounds here, whenever it began.
    weight : float
        Log-weight of each step of the span where something else sounds.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0], pitch=[60]))
    >>> Pin(0, 1, 1, "C4").violations(score)
    []
    >>> Pin(0, 1, 1, "E4", 2).violations(score)
    ['Pin(voice=0, bar=1, beat=1, pitch=E4, duration=2): no such note at bar 1 beat 1 (voice 0)']
    """

    voice: Voice = field(metadata=asks(VOICE))
    bar: int = field(metadata=asks(BAR))
    beat: Any = field(metadata=asks(BEAT))
    pitch: Any = field(metadata=asks(PITCH_OR_REST))
    duration: Any = field(default=None, metadata=asks(DURATION))

    def _steps(self, frame: GridFrame) -> tuple[int, int]:
        start = tick_at(frame.page, self.bar, self.beat)
        if self.duration is None:
            first = step_at(frame, start)
            return first, first + 1
        stop = start + ticks_of(self.duration)
        if stop > frame.page.end:
            raise ConstraintError(f"it lasts beyond the end, {place(frame.page, frame.page.end)}")
        return step_at(frame, start), step_at(frame, stop)

    def ask_onsets(self, frame: GridFrame) -> Onsets:
        """Return where notes must start: at a note's beginning and end, nowhere between."""
        asked = Onsets.free(frame)
        first, last = self._steps(frame)
        if self.duration is not None and self.pitch != REST:
            _ask_note(asked, line_of(frame, self.voice).index, first, last)
        return asked

    def factors(self, frame: GridFrame, onsets: Onsets) -> Factors:
        """Return what it asks of the symbols."""
        line = line_of(frame, self.voice)
        first, last = self._steps(frame)
        log_weight = np.zeros((frame.n_steps, len(line.pitch)))
        log_weight[first:last] = _all_but(line, self.pitch, self.weight)
        return sounding(frame, line, log_weight)

    def _contradicted(self, known: Known) -> str:
        """Say what a given voice has there."""
        if known.given is None or not self._broken(known.given):
            return ""
        start = tick_at(known.given, self.bar, self.beat)
        name, notes = notes_of(known.given, self.voice)
        found = next((n for n in notes if n.onset <= start < n.stop), None)
        if found is None:
            names = [line for line, _ in score_lines(known.given)]
            rests = names.index(name) in known.lines if name in names else False
            return f"the {name} is given, and rests there" if rests else ""
        quarters = float(Fraction(found.stop - found.onset, TICKS_PER_QUARTER))
        length = f" for {quarters:g} quarters" if found.pitch == self.pitch else ""
        where = place(known.given, found.onset)
        return f"the {name} is given, and has {pitch_text(found.pitch)}{length} from {where}"

    def _broken(self, score: Score) -> list[str]:
        start = tick_at(score, self.bar, self.beat)
        name, notes = notes_of(score, self.voice)
        stop = start + (1 if self.duration is None else ticks_of(self.duration))
        meeting = [n for n in notes if n.onset < stop and n.stop > start]
        if self.pitch == REST:
            fine = not meeting
        elif self.duration is None:
            fine = [n.pitch for n in meeting] == [self.pitch]
        else:
            fine = meeting == [HeardNote(start, stop, self.pitch)]
        return [] if fine else [f"no such note at {place(score, start, name)}"]


@dataclass(frozen=True)
class _GivenLine(Constraint):
    """A given line of notes in some bars; what lies between them is silence."""

    voice: Voice = field(metadata=asks(VOICE))
    notes: Any = field(metadata=asks(NOTES))
    bars: Any = field(default=None, metadata=asks(BARS))

    @classmethod
    def of(cls, score: Score, line: Voice, *, bars: Bars = None, **changes: Any) -> Any:
        """Take the line from a voice of a score.

        Parameters
        ----------
        score : Score
        line : str or int
            The voice there; `voice=` names the one it is meant for, where it is another.
        bars : int, pair of int, or None
        **changes
            Further fields of the constraint.
        """
        start, stop = bar_span(score, bars)
        notes = []
        for note in notes_of(score, line)[1]:
            if note.onset < stop and note.stop > start:
                onset = max(note.onset, start)
                where = score.where(onset)
                length = Fraction(note.stop - onset, TICKS_PER_QUARTER)
                notes.append((*where, note.pitch, length, onset > note.onset))
        return cls(**{"voice": line, "notes": notes, "bars": bars, **changes})

    def _words(self) -> list[str]:
        words = [w for w in super()._words() if not w.startswith("notes=")]
        return [words[0], f"{len(self.notes)} notes", *words[1:]]

    def _spans(self, page: Score) -> list[tuple[int, int, GivenNote]]:
        """Return the ticks and the note of all that sounds in the bars."""
        start, stop = bar_span(page, self.bars)
        spans = []
        for note in self.notes:
            onset = tick_at(page, note.bar, note.beat)
            end = onset + ticks_of(note.duration)
            if onset < start:
                onset, note = start, note._replace(tied=True)
            if onset < min(end, stop):
                spans.append((onset, end, note))
        return spans

    def factors(self, frame: GridFrame, onsets: Onsets) -> Factors:
        """Return what it asks of the symbols."""
        line = line_of(frame, self.voice)
        start, stop = bar_span(frame.page, self.bars)
        region = frame.steps(start, stop - start)
        log_weight = np.zeros((frame.n_steps, len(line.pitch)))
        silence = np.where(line.pitch == REST, 0.0, self.weight)
        log_weight[region] = silence
        for onset, end, note in self._spans(frame.page):
            first, last = step_at(frame, onset), step_at(frame, min(end, stop))
            log_weight[first:last] = _all_but(line, note.pitch, self.weight)
        return sounding(frame, line, log_weight)

    def _broken(self, score: Score) -> list[str]:
        start, stop = bar_span(score, self.bars)
        name, notes = notes_of(score, self.voice)
        # A note is struck in the region, or sounds on from before it.
        sounds = {(n, n not in notes) for n in cut_notes(notes, start, stop)}
        spans = [(HeardNote(a, b, note.pitch), note.tied) for a, b, note in self._spans(score)]
        wanted = {(cut_notes([note], start, stop)[0], tied) for note, tied in spans}
        wrong = sorted(sounds ^ wanted)
        return [f"other notes at {place(score, wrong[0][0].onset, name)}"] if wrong else []


@dataclass(frozen=True)
class PinVoice(_GivenLine):
    """A given line: a whole voice, or a region of it, exactly as it is.

    Parameters
    ----------
    voice : str or int
    notes : sequence of GivenNote, tuples (bar, beat, pitch, duration) or mappings
        What lies between them is silence; a note that ends beyond the bars is held there.
    bars : int, pair of int, or None
        The region; None is the whole voice.
    weight : float
        Log-weight of each step where something else sounds.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> melody = Score(make_notes(onset=[0, 10080], pitch=[60, 64], duration=[10080, 30240]))
    >>> pin = PinVoice.of(melody, 0, voice="soprano")
    >>> print(pin)
    PinVoice(voice=soprano, 2 notes)
    >>> [str(beat) for _, beat, *_ in pin.notes]
    ['1', '2']
    """

    def ask_onsets(self, frame: GridFrame) -> Onsets:
        """Return where notes must start."""
        asked = Onsets.free(frame)
        line = line_of(frame, self.voice).index
        stop = bar_span(frame.page, self.bars)[1]
        for onset, end, note in self._spans(frame.page):
            first, last = step_at(frame, onset), step_at(frame, min(end, stop))
            _ask_note(asked, line, first, last, tied=note.tied, open_=end > stop)
        return asked


@dataclass(frozen=True)
class Similar(_GivenLine):
    """A line to be like: each step that sounds another pitch costs.

    Parameters
    ----------
    voice : str or int
    notes : sequence of GivenNote, tuples (bar, beat, pitch, duration) or mappings
    bars : int, pair of int, or None
    weight : float
        Log-weight of each step that differs, -1 by default.

    Examples
    --------
    >>> print(Similar("alto", [(1, 1, "A4", 4)], weight=-0.5))
    Similar(voice=alto, 1 notes, weight=-0.5)
    """

    weight: float = field(default=-1.0, kw_only=True, metadata=asks(WEIGHT))

    def _broken(self, score: Score) -> list[str]:
        start, stop = bar_span(score, self.bars)
        name, notes = notes_of(score, self.voice)
        wanted = [HeardNote(onset, end, note.pitch) for onset, end, note in self._spans(score)]
        here, there = (_pitch_changes(cut_notes(line, start, stop)) for line in (notes, wanted))
        wrong = sorted({*here} ^ {*there})
        return [f"another pitch at {place(score, wrong[0][0], name)}"] if wrong else []


# ---- pieces -------------------------------------------------------------------------------


def _all_but(line: VoiceSymbols, pitch: int, weight: float) -> Floats:
    """Weigh every symbol of a voice except the one of a pitch."""
    if pitch not in line.pitch:
        raise ConstraintError(
            f"{line.name} has no {pitch_text(pitch)}: its range is {line.compass}"
        )
    return np.where(line.pitch == pitch, 0.0, weight)


def _ask_note(
    asked: Onsets, line: int, first: int, last: int, *, tied: bool = False, open_: bool = False
) -> None:
    """Ask for a note from one step to another."""
    if first > 0 or not tied:
        (asked.never if tied else asked.must)[first : min(first + 1, last), line] = True
    asked.never[first + 1 : last, line] = True
    if not open_:
        asked.must[last : last + 1, line] = True


def _pitch_changes(notes: list[HeardNote]) -> list[tuple[int, int]]:
    """List the ticks at which what sounds changes, with what sounds then."""
    changes: list[tuple[int, int]] = []
    stop, before = 0, REST
    for note in notes:
        if note.onset > stop and before != REST:
            changes.append((stop, REST))
            before = REST
        if note.pitch != before:
            changes.append((note.onset, note.pitch))
        stop, before = note.stop, note.pitch
    return [*changes, (stop, REST)] if notes else []
