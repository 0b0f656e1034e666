"""The tables of a score: a row a note or a mark, their types, and how they are made.

`score.py` tells the conventions of their fields and has all names that a user needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from stats_composer.errors import ScoreError
from stats_composer.theory import TICKS_PER_QUARTER, Metre

__all__ = [
    "BAR_DTYPE",
    "CHORD_DTYPE",
    "DIRECTION_DTYPE",
    "FERMATA_DTYPE",
    "GRACE_DTYPE",
    "HELD_SPANS",
    "JUMP_DTYPE",
    "JUMP_KINDS",
    "KEY_SIGNATURE_DTYPE",
    "LYRIC_DTYPE",
    "MARKS",
    "MAX_PASSES",
    "NOTE_DTYPE",
    "NOTE_MARK_DTYPE",
    "PART_TABLES",
    "REPEAT_END",
    "REPEAT_START",
    "SPAN_DTYPE",
    "TEMPO_DTYPE",
    "TIME_SIGNATURE_DTYPE",
    "TIMING_DTYPE",
    "VOICE_COLUMNS",
    "bar_onsets",
    "check_time_signatures",
    "cut_notes",
    "cut_spans",
    "ending_bits",
    "ending_passes",
    "frozen",
    "make_notes",
    "make_table",
    "metre_of",
    "natural_fifths",
    "sorted_table",
]

REPEAT_START, REPEAT_END = 1, 2

NOTE_DTYPE = np.dtype(
    [
        ("onset", np.int64),
        ("duration", np.int64),
        ("pitch", np.int16),
        ("fifths", np.int8),
        ("part", np.int16),
        ("voice", np.int16),
        ("velocity", np.uint8),
        ("tied", np.bool_),
    ]
)
BAR_DTYPE = np.dtype(
    [("onset", np.int64), ("repeat", np.int8), ("ending", np.int32), ("number", "U8")]
)
JUMP_DTYPE = np.dtype([("onset", np.int64), ("kind", "U8"), ("label", "U32"), ("times", np.int16)])
JUMP_KINDS = ("times", "section", "segno", "coda", "fine", "to coda", "D.C.", "D.S.")
"""What a jump can be; `Score` says what each means."""

MAX_PASSES = 31
TIME_SIGNATURE_DTYPE = np.dtype(
    [("onset", np.int64), ("numerator", np.int16), ("denominator", np.int16)]
)
KEY_SIGNATURE_DTYPE = np.dtype([("onset", np.int64), ("fifths", np.int8), ("mode", np.int8)])
TEMPO_DTYPE = np.dtype([("onset", np.int64), ("quarters_per_minute", np.float64)])
CHORD_DTYPE = np.dtype([("onset", np.int64), ("symbol", "U32")])
FERMATA_DTYPE = np.dtype([("onset", np.int64), ("part", np.int16), ("voice", np.int16)])
LYRIC_DTYPE = np.dtype(
    [
        ("onset", np.int64),
        ("part", np.int16),
        ("voice", np.int16),
        ("verse", np.int16),
        ("syllabic", "U6"),
        ("text", "U64"),
    ]
)
_PLACE = [("onset", np.int64), ("part", np.int16), ("voice", np.int16), ("grace", np.int16)]
GRACE_DTYPE = np.dtype(
    [
        *_PLACE,
        ("pitch", np.int16),
        ("fifths", np.int8),
        ("written", np.int32),
        ("slash", np.bool_),
    ]
)
NOTE_MARK_DTYPE = np.dtype([*_PLACE, ("kind", "U24"), ("text", "U32")])
SPAN_DTYPE = np.dtype(
    [
        *_PLACE,
        ("stop", np.int64),
        ("stop_voice", np.int16),
        ("stop_grace", np.int16),
        ("kind", "U16"),
        ("text", "U32"),
    ]
)
DIRECTION_DTYPE = np.dtype([*_PLACE[:3], ("kind", "U16"), ("text", "U128")])
TIMING_DTYPE = np.dtype(
    [*_PLACE[:3], ("pitch", np.int16), ("late", np.int32), ("late_end", np.int32)]
)
HELD_SPANS = ("crescendo", "diminuendo", "octave-shift", "pedal", "dashes", "bracket")
"""Spans that end at a time, which may be the score's end; the others end on a note or rest."""

MARKS: Mapping[str, np.dtype[Any]] = {
    "bars": BAR_DTYPE,
    "jumps": JUMP_DTYPE,
    "time_signatures": TIME_SIGNATURE_DTYPE,
    "key_signatures": KEY_SIGNATURE_DTYPE,
    "tempos": TEMPO_DTYPE,
    "chords": CHORD_DTYPE,
    "fermatas": FERMATA_DTYPE,
    "lyrics": LYRIC_DTYPE,
    "graces": GRACE_DTYPE,
    "note_marks": NOTE_MARK_DTYPE,
    "spans": SPAN_DTYPE,
    "directions": DIRECTION_DTYPE,
    "timings": TIMING_DTYPE,
}
PART_TABLES = ("notes", *(name for name, dtype in MARKS.items() if "part" in (dtype.names or ())))
"""The tables whose rows belong to a part and a voice."""

VOICE_COLUMNS = frozenset(("voice", "stop_voice"))

_SORT_KEYS = (
    *("onset", "kind", "label", "part", "voice", "verse", "grace"),
    *("pitch", "stop", "stop_voice", "stop_grace"),
)


def make_table(dtype: DTypeLike, rows: Any = (), **columns: Any) -> NDArray[np.void]:
    """Build a table of a dtype from rows (tuples in field order) or from named columns.

    Parameters
    ----------
    dtype : structured dtype, such as `NOTE_DTYPE`
    rows : iterable of tuples, optional
        Fields that a short tuple leaves out are 0 or empty.
    **columns : array_like
        Field names and values; scalars are repeated, missing fields are 0 or empty.

    Returns
    -------
    ndarray of shape (n_rows,)

    Examples
    --------
    >>> make_table(TEMPO_DTYPE, onset=[0], quarters_per_minute=96.0)["onset"].tolist()
    [0]
    """
    if columns:
        shape = np.broadcast_shapes(*(np.shape(column) for column in columns.values()))
        table = np.zeros(shape or 1, dtype)
        for name, column in columns.items():
            table[name] = column
        return table
    empty = np.zeros((), dtype).item()
    return np.array([(*row, *empty[len(row) :]) for row in map(tuple, rows)], dtype)


def make_notes(**columns: Any) -> NDArray[np.void]:
    """Build a table of notes from named columns, spelled near C major where not told.

    Parameters
    ----------
    **columns : array_like
        Fields of `NOTE_DTYPE`; `velocity` is 80 and `duration` a quarter unless given.

    Returns
    -------
    ndarray of NOTE_DTYPE

    Examples
    --------
    >>> make_notes(onset=[0, 10080], pitch=[60, 66])["fifths"].tolist()
    [0, 6]
    """
    columns = {"velocity": 80, "duration": TICKS_PER_QUARTER, **columns}
    notes = make_table(NOTE_DTYPE, **columns)
    if "fifths" not in columns:
        notes["fifths"] = natural_fifths(notes["pitch"])
    return notes


def natural_fifths(pitch: NDArray[Any], tonic_fifths: int = 0) -> NDArray[np.int8]:
    """Spell pitches by the twelve places of the line of fifths nearest to a key.

    Parameters
    ----------
    pitch : ndarray of int, MIDI pitch
    tonic_fifths : int
        The key signature's fifths: 0 spells between E flat (-3) and G sharp (8).

    Returns
    -------
    ndarray of int8, of pitch's shape
        In [tonic_fifths - 3, tonic_fifths + 8].

    Examples
    --------
    >>> natural_fifths(np.array([60, 62, 66])).tolist()  # C, D, F sharp
    [0, 2, 6]
    """
    lowest = tonic_fifths - 3
    return ((np.asarray(pitch, np.int64) * 7 - lowest) % 12 + lowest).astype(np.int8)


def bar_onsets(
    time_signatures: NDArray[np.void], end: int, pickup: int | None = None
) -> NDArray[np.int64]:
    """Place regular bars from tick 0 to `end`.

    Parameters
    ----------
    time_signatures : ndarray of TIME_SIGNATURE_DTYPE, the first at onset 0
    end : int
        Ticks; the last bar is the one that reaches it.
    pickup : int, optional
        Ticks of a first bar shorter than its metre.

    Returns
    -------
    ndarray of shape (n_bars,), int64, at least one bar

    Examples
    --------
    >>> waltz = make_table(TIME_SIGNATURE_DTYPE, [(0, 3, 4)])
    >>> bar_onsets(waltz, 4 * 30240, pickup=10080).tolist()
    [0, 10080, 40320, 70560, 100800]
    """
    onsets = [0]
    length = pickup or metre_of(time_signatures[0]).bar
    while onsets[-1] + length < end:
        onsets.append(onsets[-1] + length)
        row = np.searchsorted(time_signatures["onset"], onsets[-1], side="right") - 1
        length = metre_of(time_signatures[row]).bar
    return np.array(onsets, np.int64)


def metre_of(row: Any) -> Metre:
    """Return the metre that a row of time signatures says.

    Parameters
    ----------
    row : record of TIME_SIGNATURE_DTYPE

    Examples
    --------
    >>> metre_of(make_table(TIME_SIGNATURE_DTYPE, [(0, 6, 8)])[0]).n_beats
    2
    """
    return Metre(int(row["numerator"]), int(row["denominator"]))


def ending_bits(passes: Iterable[int]) -> int:
    """Write the passes of an ending as bits: the first pass is 1, the second 2, the third 4.

    Parameters
    ----------
    passes : iterable of int
        Passes outside 1 to 31 are left out.

    Examples
    --------
    >>> ending_bits([1, 3]), ending_passes(5)
    (5, [1, 3])
    """
    return sum(1 << number - 1 for number in {*passes} if 0 < number <= MAX_PASSES)


def ending_passes(bits: int) -> list[int]:
    """List the passes that an ending is for, rising.

    Parameters
    ----------
    bits : int
        One bit a pass, as `ending_bits` makes them.

    Examples
    --------
    >>> ending_passes(0b101)
    [1, 3]
    """
    return [number for number in range(1, MAX_PASSES + 1) if bits >> number - 1 & 1]


def frozen(table: NDArray[np.void]) -> NDArray[np.void]:
    """Make a table read-only."""
    table.setflags(write=False)
    return table


def sorted_table(table: NDArray[np.void], dtype: np.dtype[Any]) -> NDArray[np.void]:
    """Return a table of a dtype in the order of time, read-only; missing fields are empty."""
    names = table.dtype.names or ()
    if not names or not {*names} <= {*(dtype.names or ())}:
        raise ScoreError(
            f"a table of the fields {', '.join(names)}: expected some of {dtype.names}"
        )
    told = {name: table[name] for name in names}
    table = make_table(dtype, **told) if len(table) else np.zeros(0, dtype)
    keys = [table[name] for name in reversed(_SORT_KEYS) if name in (dtype.names or ())]
    return frozen(table[np.lexsort(keys)])


def cut_notes(notes: NDArray[np.void], start: int, stop: int) -> NDArray[np.void]:
    """Return what sounds of the notes between two ticks, from the first of them on."""
    note_end = notes["onset"] + notes["duration"]
    inside = (note_end > start) & (notes["onset"] < stop)
    cut: NDArray[np.void] = notes[inside].copy()
    cut["tied"] |= cut["onset"] < start
    cut["duration"] = np.minimum(note_end[inside], stop) - np.maximum(cut["onset"], start)
    cut["onset"] = np.maximum(cut["onset"], start) - start
    return cut


def cut_spans(
    spans: NDArray[np.void], notes: NDArray[np.void], start: int, stop: int
) -> NDArray[np.void]:
    """Return what lies of the spans between two ticks, from the first of them on.

    One that is held is cut; one between notes ends on the first or last note left of its voice.

    Parameters
    ----------
    spans : ndarray of SPAN_DTYPE
    notes : ndarray of NOTE_DTYPE
        What `cut_notes` leaves between the two ticks.
    start, stop : int
    """
    held = np.isin(spans["kind"], HELD_SPANS)
    chosen = (spans["onset"] < stop) & (spans["stop"] >= start + held)
    cut: NDArray[np.void] = spans[chosen].copy()
    cut["onset"] -= start
    cut["stop"] -= start
    last_tick = stop - start - ~held[chosen]
    kept = (cut["onset"] >= 0) & (cut["stop"] <= last_tick)
    for index in np.flatnonzero(~kept):
        row, is_held = cut[index], held[chosen][index]
        if row["onset"] < 0:
            onsets = notes["onset"][_of_voice(notes, row["part"], row["voice"])]
            row["onset"] = 0 if is_held else onsets.min(initial=row["stop"])
            row["grace"] = 0
        if row["stop"] > last_tick[index]:
            onsets = notes["onset"][_of_voice(notes, row["part"], row["stop_voice"])]
            row["stop"] = stop - start if is_held else onsets.max(initial=row["onset"])
            row["stop_grace"] = 0
        kept[index] = row["onset"] < row["stop"]
    return cut[kept]


def _of_voice(notes: NDArray[np.void], part: int, voice: int) -> NDArray[np.bool_]:
    chosen: NDArray[np.bool_] = (notes["part"] == part) & (notes["voice"] == voice)
    return chosen


def check_time_signatures(table: NDArray[np.void]) -> None:
    """Refuse metres that are none, and a score that begins without one."""
    for row in table:
        numerator, denominator = int(row["numerator"]), int(row["denominator"])
        power_of_two = denominator > 0 and denominator & (denominator - 1) == 0
        if not 1 <= numerator <= 128 or not power_of_two or denominator > 128:
            raise ScoreError(
                f"time signature {numerator}/{denominator}: expected 1 to 128 over a power of two"
            )
    if table["onset"][0] != 0:
        raise ScoreError("time signatures: expected the first at tick 0")
