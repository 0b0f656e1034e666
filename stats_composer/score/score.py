"""The score: one immutable table of notes, and small tables of the marks around them.

Conventions
-----------
* Time is in ticks, `TICKS_PER_QUARTER` to a quarter note: exact for 128ths, triplets,
  quintuplets and septuplets. The first bar starts at tick 0.
* A note that sounds over a bar line is one note; writers split it and tie the pieces.
  `tied` marks a note that continues, without a new attack, the note of the same pitch that
  ends at its onset (as after cutting a score between two bars).
* A pickup is a first bar that is shorter than its metre. Bars are a table of their own, so
  that a bar divided by a repeat sign keeps its place: its second part goes on counting beats.
* `number` of a bar is what its file prints, where that is not the usual: 0 for a pickup, 1 for
  the first full bar and so on, X1, X2 for second parts of divided bars.
* Beats count from 1 in units of the metre's denominator. In a pickup they are those of the
  full bar that it ends.
* `repeat` of a bar says whether a repeated stretch starts or ends with it, `ending` for which
  passes it is played, as bits (`ending_bits`; 0 is for all). Without endings a stretch is
  played twice, with them as often as the highest says.
* A jump stands at the onset of its bar. `times`: the repeat that ends with the bar is played
  so often. `section`: the section `label` begins. `segno` and `coda` are places; `fine`,
  `to coda`, `D.C.` and `D.S.` hold at the bar's end, the first two once a jump was taken.
* `order` is the order in which sections are played, where the score tells one.
* A grace note has no time: it stands at the `onset` of a note. `grace` counts from that note:
  -1 is right before it, -2 before that; 1 is the first after it, at the end of its bar. Those
  of one chord share a number. `written` is the printed value in ticks, 0 where none is told.
* `note_marks` are signs at a note, chord or rest (`grace` 0) or at a grace note. Their `kind` is
  MusicXML's name (`staccato`, `accent`, `trill-mark`, `fingering`, `up-bow`, `arpeggiate`).
* `spans` last: `slur`, `glissando`, `wavy-line` from note to note, `stop` being the onset of the
  last; those of `HELD_SPANS` (`crescendo`, `pedal`) up to the tick `stop`. A `tie` is a grace
  note's to the note that it shares a pitch with.
* `directions` stand at any tick: `dynamics` (`mf`), `words`, `other`.
* `timings` are of notes (by `onset`, `part`, `voice`, `pitch`) that were played beside the grid
  that they are written on: how many ticks `late` they began and, `late_end`, ended.
* Spelling is a position on the line of fifths: C is 0, G is 1, F is -1, F sharp is 6.
* A `part` is an instrument, a `voice` one line of notes within a part, counted from 0.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import ScoreError
from stats_composer.score.ranges import check_ranges
from stats_composer.score.tables import (
    BAR_DTYPE,
    MARKS,
    NOTE_DTYPE,
    PART_TABLES,
    TIME_SIGNATURE_DTYPE,
    VOICE_COLUMNS,
    bar_onsets,
    check_time_signatures,
    cut_notes,
    cut_spans,
    frozen,
    make_table,
    metre_of,
    sorted_table,
)
from stats_composer.theory import (
    Metre,
    transpose_symbol,
)

__all__ = [
    "Part",
    "Place",
    "Score",
    "merge_parts",
]


@dataclass(frozen=True)
class Part:
    """An instrument's line or lines.

    Attributes
    ----------
    name : str
    program : int
        General MIDI program, 0 to 127.
    percussion : bool

    Examples
    --------
    >>> Part("Flute", program=73)
    Part(name='Flute', program=73, percussion=False)
    """

    name: str = ""
    program: int = 0
    percussion: bool = False


class Place(NamedTuple):
    """A place of a score: a printed bar, and a beat from 1.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> Score(make_notes(onset=[0, 40320], pitch=[60, 64])).where(45360)
    Place(bar=2, beat=Fraction(3, 2))
    """

    bar: int | str
    beat: Fraction

    def __str__(self) -> str:
        """Say it as an error does: `bar 3 beat 2.5`."""
        return f"bar {self.bar} beat {float(self.beat):g}"


def _empty(name: str) -> Any:
    return field(default_factory=functools.partial(np.zeros, 0, MARKS[name]))


@dataclass(frozen=True, eq=False, repr=False)
class Score:
    """An immutable table of notes with its marks.

    Parameters
    ----------
    notes : ndarray of NOTE_DTYPE
        In any order; kept sorted by (onset, part, voice, pitch), read-only.
    bars, time_signatures, key_signatures, tempos, chords, fermatas, lyrics, jumps : ndarray
        Marks, each of its own dtype. Without time signatures the metre is 4/4; without bars
        they are placed regularly up to `end`.
    graces, note_marks, spans, directions, timings : ndarray
        What stands at notes, from note to note, and between them; how notes were played.
    parts : tuple of Part
        Parts named by the notes but not here are added without a name.
    title, composer : str
    rhythm : str
        The dance or form that it belongs to, such as `reel`; empty where none is told.
    end : int
        Ticks at which the last bar ends; at least the end of every note.
    order : tuple of str
        Labels of sections as they are played; empty where repeats and jumps tell.

    Raises
    ------
    ScoreError
        Where a value is out of range; the message names its bar and beat.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> score = Score(make_notes(onset=[0, 10080], pitch=[60, 64]))
    >>> score.n_bars, score.n_parts, score.transpose(2).notes["pitch"].tolist()
    (1, 1, [62, 66])
    """

    notes: NDArray[np.void]
    bars: NDArray[np.void] = _empty("bars")
    time_signatures: NDArray[np.void] = _empty("time_signatures")
    key_signatures: NDArray[np.void] = _empty("key_signatures")
    tempos: NDArray[np.void] = _empty("tempos")
    chords: NDArray[np.void] = _empty("chords")
    fermatas: NDArray[np.void] = _empty("fermatas")
    lyrics: NDArray[np.void] = _empty("lyrics")
    jumps: NDArray[np.void] = _empty("jumps")
    graces: NDArray[np.void] = _empty("graces")
    note_marks: NDArray[np.void] = _empty("note_marks")
    spans: NDArray[np.void] = _empty("spans")
    directions: NDArray[np.void] = _empty("directions")
    timings: NDArray[np.void] = _empty("timings")
    parts: tuple[Part, ...] = ()
    title: str = ""
    composer: str = ""
    rhythm: str = ""
    end: int = 0
    order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Sort and freeze the tables, place the bars, and check every range."""
        store = functools.partial(object.__setattr__, self)
        for name, dtype in {"notes": NOTE_DTYPE, **MARKS}.items():
            store(name, sorted_table(getattr(self, name), dtype))
        if not len(self.time_signatures):
            store("time_signatures", frozen(make_table(TIME_SIGNATURE_DTYPE, [(0, 4, 4)])))
        note_end = int((self.notes["onset"] + self.notes["duration"]).max(initial=0))
        end = max(int(self.end), note_end)
        check_time_signatures(self.time_signatures)
        regular = not len(self.bars)
        if regular:
            onsets = bar_onsets(self.time_signatures, end)
            store("bars", frozen(make_table(BAR_DTYPE, onset=onsets)))
        last = int(self.bars["onset"][-1])
        if (regular and not self.end) or end <= last:
            metre = self.mark_at("time_signatures", last)
            end = max(end, last + metre_of(metre).bar)
        store("end", end)
        told = [getattr(self, name)["part"] for name in PART_TABLES]
        n_parts = max(len(self.parts), *(int(part.max(initial=-1)) + 1 for part in told))
        store("parts", tuple(self.parts) + (Part(),) * (n_parts - len(self.parts)))
        check_ranges(self)

    # ---- places -----------------------------------------------------------------------

    @property
    def n_bars(self) -> int:
        """Number of bars, the pickup included."""
        return len(self.bars)

    @property
    def n_parts(self) -> int:
        """Number of parts."""
        return len(self.parts)

    @property
    def voices(self) -> list[tuple[int, int]]:
        """The (part, voice) pairs that have notes, in order."""
        pairs = np.unique(self.notes[["part", "voice"]])
        return [(int(part), int(voice)) for part, voice in pairs]

    @property
    def pickup(self) -> int:
        """Ticks of the first bar if it is shorter than its metre, else 0."""
        first = int(self.bars["onset"][1]) if self.n_bars > 1 else self.end
        return first if first < metre_of(self.time_signatures[0]).bar else 0

    def bar_at(self, tick: int) -> int:
        """Index of the bar that holds a tick."""
        return max(int(np.searchsorted(self.bars["onset"], tick, side="right")) - 1, 0)

    def mark_at(self, name: str, tick: int) -> Any:
        """Return the row of a table of marks in force at a tick, or None before the first."""
        table = getattr(self, name)
        row = int(np.searchsorted(table["onset"], tick, side="right")) - 1
        return table[row] if row >= 0 else None

    def signature_at(self, tick: int) -> int:
        """Return the fifths of the key signature in force at a tick, 0 before the first."""
        mark = self.mark_at("key_signatures", tick)
        return 0 if mark is None else int(mark["fifths"])

    def metre_at(self, tick: int) -> Metre:
        """Return the metre in force at a tick."""
        return metre_of(self.mark_at("time_signatures", tick))

    @functools.cached_property
    def bar_offsets(self) -> NDArray[np.int64]:
        """Ticks of the full bar that lie before each bar: of a pickup, or a divided bar's rest.

        A bar goes on with the one before where the two, of one metre and ending, are no longer
        than a full bar.
        """
        onsets, ending = self.bars["onset"].tolist(), self.bars["ending"].tolist()
        offsets = np.zeros(self.n_bars, np.int64)
        before, reached = None, 0
        for bar, (onset, stop) in enumerate(zip(onsets, [*onsets[1:], self.end], strict=True)):
            metre, length = self.metre_at(onset), stop - onset
            if bar == 0 and self.pickup:
                reached = metre.bar - length
            elif before != (metre, ending[bar]) or reached + length > metre.bar:
                reached = 0
            offsets[bar] = reached
            before = metre, ending[bar]
            reached = (reached + length) % metre.bar if reached + length <= metre.bar else 0
        return offsets

    @functools.cached_property
    def bar_numbers(self) -> tuple[int | str, ...]:
        """The printed number of each bar; text where it is no number, as X1."""
        numbers: list[int | str] = []
        following, n_parts = 0 if self.pickup else 1, 0
        told = zip(self.bars["number"].tolist(), self.bar_offsets.tolist(), strict=True)
        for number, offset in told:
            if number.isdecimal():
                following = int(number)
            elif number or (offset and numbers):
                n_parts += not number
                numbers.append(number or f"X{n_parts}")
                continue
            numbers.append(following)
            following += 1
        return tuple(numbers)

    def bar_number(self, bar: int) -> int | str:
        """Return the printed number of a bar: a pickup is 0, the first full bar 1."""
        return self.bar_numbers[bar]

    def bar_index(self, number: int | str) -> int:
        """Return the index of a printed bar; -1 is the last, -2 the one before.

        Parameters
        ----------
        number : int or str
            As printed.

        Raises
        ------
        ScoreError
            If the score has no such bar.
        """
        known = self.bar_numbers
        if isinstance(number, str) and number.isdecimal():
            number = int(number)
        if isinstance(number, int) and -self.n_bars <= number < 0:
            return number + self.n_bars
        if number not in known:
            raise ScoreError(f"bar {number}: the piece has the bars {known[0]} to {known[-1]}")
        return known.index(number)

    def bar_span(self, number: int | str) -> tuple[int, int]:
        """Return the ticks at which a printed bar starts and stops, the rest of a divided one too.

        Parameters
        ----------
        number : int or str
            As printed, or counted from the end: -1 is the last bar.

        Raises
        ------
        ScoreError
            If the score has no such bar.
        """
        first = self.bar_index(number)
        after = first + 1
        while after < self.n_bars and self.bar_offsets[after]:
            after += 1
        onsets = self.bars["onset"]
        return int(onsets[first]), int(onsets[after]) if after < self.n_bars else self.end

    def where(self, tick: int) -> Place:
        """Say in which printed bar and on which beat a tick stands.

        Examples
        --------
        >>> from stats_composer.score import make_notes
        >>> score = Score(make_notes(onset=[0, 40320], pitch=[60, 64]))
        >>> score.where(45360), score.tick(2, 1.5)
        (Place(bar=2, beat=Fraction(3, 2)), 45360)
        """
        bar = self.bar_at(tick)
        position = tick - int(self.bars["onset"][bar]) + int(self.bar_offsets[bar])
        return Place(self.bar_numbers[bar], 1 + Fraction(position, self.metre_at(tick).unit))

    def tick(self, bar: int | str, beat: Fraction | float = 1) -> int:
        """Return the tick of a beat of a printed bar: the inverse of `where`.

        Raises
        ------
        ScoreError
            If the score has no such bar, the bar no such beat, or time no such tick.
        """
        start, stop = self.bar_span(bar)
        unit, offset = self.metre_at(start).unit, int(self.bar_offsets[self.bar_index(bar)])
        tick = start + (Fraction(beat) - 1) * unit - offset
        if not start <= tick < stop:
            first, last = 1 + Fraction(offset, unit), 1 + Fraction(offset + stop - start, unit)
            raise ScoreError(
                f"beat {beat} of bar {bar}: expected {first} or more and less than {last}"
            )
        if tick.denominator != 1:
            raise ScoreError(f"beat {beat} of bar {bar}: finer than a tick, 1/{unit} of a beat")
        return int(tick)

    def place(self, row: Any) -> str:
        """Say where a note stands, a `row` of the notes, as errors do: `bar 3 beat 2 (alto)`."""
        part = int(row["part"])
        name = self.parts[part].name if 0 <= part < len(self.parts) else ""
        return f"{self.where(max(int(row['onset']), 0))} ({name or f'part {part + 1}'})"

    # ---- new scores from old ----------------------------------------------------------

    def replace(self, **changes: Any) -> Score:
        """Return a score with some fields exchanged: `changes` are its tables or texts."""
        return replace(self, **changes)

    def select(self, part: int, voice: int | None = None) -> Score:
        """Return one part, or one voice of it, as a score of a single part with all its marks."""
        tables: dict[str, Any] = {"parts": (self.parts[part],)}
        for name in PART_TABLES:
            table = getattr(self, name)
            columns = VOICE_COLUMNS.intersection(table.dtype.names) if voice is not None else ()
            chosen = table["part"] == part
            for column in columns:
                chosen &= table[column] == voice
            table = table[chosen].copy()
            table["part"] = 0
            for column in columns:
                table[column] = 0
            tables[name] = table
        return replace(self, **tables)

    def transpose(self, semitones: int, fifths: int | None = None) -> Score:
        """Move every note, key signature and chord symbol.

        Parameters
        ----------
        semitones : int
        fifths : int, optional
            The same interval on the line of fifths, which decides the spelling: a tone up
            is 2. By default the one that leaves the key signature with fewest accidentals.

        Raises
        ------
        ScoreError
            If a pitch leaves 0 to 127, or the two do not name one interval.
        """
        if fifths is None:
            signature = int(self.key_signatures["fifths"][0]) if len(self.key_signatures) else 0
            fifths = min(
                (f for f in range(-18, 19) if (7 * f - semitones) % 12 == 0),
                key=lambda f: (abs(signature + f), abs(f)),
            )
        if (7 * fifths - semitones) % 12:
            raise ScoreError(f"{semitones} semitones and {fifths} fifths are different intervals")
        names = ("notes", "graces", "timings", "key_signatures", "chords")
        notes, graces, timings, keys, chords = (getattr(self, name).copy() for name in names)
        for table in (notes, graces, timings):
            table["pitch"] += semitones
        for table in (notes, graces):
            table["fifths"] += fifths
        keys["fifths"] += fifths
        chords["symbol"] = [transpose_symbol(str(s), fifths) for s in chords["symbol"]]
        tables = (notes, graces, timings, keys, chords)
        return replace(self, **dict(zip(names, tables, strict=True)))

    def __getitem__(self, bars: slice) -> Score:
        """Return a run of bars as a score of its own, notes cut at its ends.

        The marks in force at its start are repeated there; a note that began before it
        starts at tick 0 with `tied` set.
        """
        if not isinstance(bars, slice) or bars.step not in (None, 1):
            raise ScoreError(f"score[{bars!r}]: expected a slice of bars, such as score[4:8]")
        first, last, _ = bars.indices(self.n_bars)
        if last <= first:
            raise ScoreError(f"score[{first}:{last}]: no bar of {self.n_bars}")
        start = int(self.bars["onset"][first])
        stop = int(self.bars["onset"][last]) if last < self.n_bars else self.end
        whole = (first, last) == (0, self.n_bars)
        changes: dict[str, Any] = {"notes": cut_notes(self.notes, start, stop)}
        changes["order"] = self.order if whole else ()
        for name in MARKS:
            table = getattr(self, name)
            lasting = name in ("time_signatures", "key_signatures", "tempos", "chords")
            inside = (table["onset"] >= start) & (table["onset"] < stop)
            if lasting and start not in table["onset"]:
                before = np.flatnonzero(table["onset"] < start)
                inside[before[-1:]] = True
            table = table[inside].copy()
            table["onset"] = np.maximum(table["onset"] - start, 0)
            changes[name] = table
        changes["spans"] = cut_spans(self.spans, changes["notes"], start, stop)
        return replace(self, end=stop - start, **changes)

    # ---- protocol ---------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        """Two scores are equal where every table and text is."""
        if not isinstance(other, Score):
            return NotImplemented
        return not self.differences(other)

    __hash__ = None  # type: ignore[assignment]

    def differences(self, other: Score) -> list[str]:
        """Name the fields in which an `other` score differs; an equal one gives an empty list."""
        return [
            item.name
            for item in fields(self)
            if not np.array_equal(getattr(self, item.name), getattr(other, item.name))
        ]

    def __repr__(self) -> str:
        """Return one line: title, parts, bars and notes."""
        title = f"{self.title!r}, " if self.title else ""
        sizes = f"{self.n_parts} parts, {self.n_bars} bars, {len(self.notes)} notes"
        return f"<Score {title}{sizes}>"

    def _repr_html_(self) -> str:
        from stats_composer.render import score_html

        return score_html(self)


def merge_parts(scores: Sequence[Score]) -> Score:
    """Stack the parts of scores that share their bars; marks come from the first.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> one, two = (Score(make_notes(onset=[0], pitch=[p])) for p in (72, 48))
    >>> merge_parts([one, two]).notes["part"].tolist()
    [0, 1]
    """
    first, offset = scores[0], 0
    tables: dict[str, list[NDArray[np.void]]] = {name: [] for name in PART_TABLES}
    for score in scores:
        for name, stack in tables.items():
            table = getattr(score, name).copy()
            table["part"] += offset
            stack.append(table)
        offset += score.n_parts
    changes: dict[str, Any] = {name: np.concatenate(stack) for name, stack in tables.items()}
    changes["parts"] = tuple(part for score in scores for part in score.parts)
    return replace(first, **changes)
