"""What is given to a chorale: a melody, or all that lies outside a region, and its key.

Given notes are pinned while the others are written, and join them afterwards as they were:
what a grid cannot hold of them (triplets, short notes, lyrics, spelling) is never asked of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.asked import asked_voice
from stats_composer.composers.chorale.page import PARTS, blank_page, voice_names
from stats_composer.composers.chorale.phrasing import Phrasing
from stats_composer.constraints import (
    Change,
    Changes,
    ChordAt,
    Constraint,
)
from stats_composer.constraints.base import check_given
from stats_composer.constraints.known import Known, with_known
from stats_composer.constraints.values import ChordText, as_bar
from stats_composer.encoding import GridFrame
from stats_composer.errors import ConstraintError, EncodingError, ScoreError, ScoreWarning
from stats_composer.score import (
    NOTE_DTYPE,
    PART_TABLES,
    VOICE_COLUMNS,
    Part,
    Score,
    keys,
    make_table,
    merge_parts,
)
from stats_composer.theory import estimate_key, key_signature
from stats_composer.views import grid as view_grid

__all__ = [
    "Task",
    "clashing",
    "given_onsets",
    "given_symbols",
    "in_keys",
    "informed",
    "kept_notes",
    "melody_key",
    "melody_keys",
    "melody_task",
    "phrase_starts",
    "region_task",
    "silent_steps",
    "without_overlap",
]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Nats against a tone outside the chord written above a melody, a step and voice.
CHART = -4.0
# Nats a step against one letter with two accidentals, of names so many fifths about the dominant.
CLASH, KEYS_REACH = -8.0, 6
# Share of a melody that a signature's scale may miss, beyond the estimated key's, and be believed.
STRANGE = 0.02


@dataclass(frozen=True)
class Task:
    """What is to be written, and what of it is given.

    Attributes
    ----------
    page : Score
        Without notes; with a part for each line.
    key : (tonic fifths, mode)
    spans : list of (onset, end)
        The final notes of the phrases.
    given : Score or None
        Of the same parts; notes that are kept.
    free : ndarray of shape (n_lines,), bool
        Lines without given notes.
    region : (start tick, end tick) or None
        Where something may be written; None is everywhere.
    fermatas : bool
        Whether they are put on the final notes.
    keys : tuple of (tick, key)
        From when on each key holds, where there are several.
    """

    page: Score
    key: tuple[int, int]
    spans: list[tuple[int, int]]
    constraints: tuple[Constraint, ...] = ()
    given: Score | None = None
    free: tuple[bool, ...] = (True,) * len(PARTS)
    region: tuple[int, int] | None = None
    fermatas: bool = True
    keys: tuple[tuple[int, tuple[int, int]], ...] = ()


def melody_task(
    melody: Score,
    voice: str | None,
    key: tuple[int, int] | None,
    constraints: Sequence[Constraint],
    phrasing: Phrasing,
    fermatas: bool = False,
    parts: tuple[Part, ...] = PARTS,
) -> Task:
    """Give a melody to one voice, by default the first; the others are to be written.

    Its chord symbols are a soft wish where no other tells the chords. Fermatas are put where it
    has some, or where they are asked for.

    Raises
    ------
    EncodingError
        If there is no such voice, or the melody is not of one line.
    """
    names = voice_names(parts)
    line = 0 if voice is None else names.index(asked_voice(voice, names))
    if len(melody.voices) != 1:
        found = len(melody.voices)
        raise EncodingError(
            f"a melody of {found} voices: expected one line; choose it with Score.select"
            if found
            else "a melody without notes: expected at least one"
        )
    tonic = melody_key(melody) if key is None else key
    given = _as_part(melody.select(*melody.voices[0]), line, parts)
    page = given.replace(notes=np.zeros(0, NOTE_DTYPE))
    if not len(page.key_signatures):
        row = (0, key_signature(*tonic), tonic[1])
        page = page.replace(key_signatures=make_table(page.key_signatures.dtype, [row]))
    if not len(page.tempos):
        page = page.replace(tempos=blank_page(1, tonic, (4, 4)).tempos)
    free = tuple(v != line for v in range(len(parts)))
    if not any(isinstance(wish, ChordAt | Changes) for wish in constraints):
        constraints = (*constraints, *chart_of(melody))
    return Task(
        page, tonic, phrasing.spans(melody), tuple(constraints), given, free,
        fermatas=fermatas or len(melody.fermatas) > 0,
        keys=tuple(melody_keys(melody)) if key is None else (),
    )  # fmt: skip


def chart_of(melody: Score) -> list[Changes]:
    """Read the chord symbols above a melody as a wish; none where it has none."""
    changes = []
    for onset, symbol in melody.chords.tolist():
        place = melody.where(onset)
        try:
            changes.append(Change(as_bar(place.bar), place.beat, ChordText.read(symbol, none=True)))
        except ConstraintError as error:
            warnings.warn(ScoreWarning(f"{place}: not followed: {error}"), stacklevel=4)
    return [Changes(changes, weight=CHART)] if changes else []


def region_task(
    phrasing: Phrasing,
    score: Score,
    bars: tuple[int | str, int | str],
    voices: Sequence[str] | None,
    constraints: Iterable[Constraint],
    parts: tuple[Part, ...] = PARTS,
) -> Task:
    """Give all of a score but some voices, by default all, in some bars, by printed numbers.

    Raises
    ------
    EncodingError
        If the score has not a voice for each part, or not such voices or bars.
    """
    if len(score.voices) != len(parts):
        raise EncodingError(f"a score of {len(score.voices)} voices: expected {len(parts)}")
    names = voice_names(parts)
    asked = names if voices is None else [voices] if isinstance(voices, str) else voices
    chosen = [asked_voice(voice, names) for voice in asked]
    try:
        region = score.bar_span(bars[0])[0], score.bar_span(bars[1])[1]
    except ScoreError as error:
        raise EncodingError(str(error)) from None
    if region[0] >= region[1]:
        raise EncodingError(f"bars {bars[0]} to {bars[1]}: the last is before the first")
    given = _as_lines(score, parts)
    page = given.replace(notes=np.zeros(0, NOTE_DTYPE))
    free = tuple(name in chosen for name in names)
    key, spans = melody_key(score), phrasing.spans(score.select(*score.voices[0]))
    return Task(page, key, spans, tuple(constraints), given, free, region, fermatas=False)


def melody_key(melody: Score) -> tuple[int, int]:
    """Tell the key of a melody from its notes, and from its signature where the two disagree.

    A signature one fifth away belongs to an old mode (G minor written with one flat): the
    notes are right if they end on their tonic. So they are where the signature's scale has
    not their pitches: as in a MIDI file that is marked C whatever it plays.
    """
    notes = melody.notes
    estimate = estimate_key(notes["pitch"], notes["duration"], notes["onset"])
    if not len(melody.key_signatures):
        return estimate
    signature = int(melody.key_signatures["fifths"][0])
    distance = abs(signature - key_signature(*estimate))
    ends_on_tonic = int(notes["pitch"][-1]) % 12 == 7 * estimate[0] % 12
    if distance == 0 or (distance == 1 and ends_on_tonic):
        return estimate
    missed = _outside(notes, signature) - _outside(notes, key_signature(*estimate))
    if missed > STRANGE:
        return estimate
    _, tonic, mode = keys(melody)[0]
    return tonic, mode


def melody_keys(melody: Score) -> list[tuple[int, tuple[int, int]]]:
    """Tell the keys of a melody whose key signature changes: (tick from which on, key)."""
    found: list[tuple[int, tuple[int, int]]] = []
    rows = melody.key_signatures
    stops = [*rows["onset"][1:].tolist(), melody.end + 1]
    onset = melody.notes["onset"]
    for i, stop in enumerate(stops if len(rows) else ()):
        start = int(rows["onset"][i])
        notes = melody.notes[(onset >= (start if found else 0)) & (onset < stop)]
        if len(notes):
            key = melody_key(melody.replace(notes=notes, key_signatures=rows[i : i + 1]))
            if not found or found[-1][1] != key:
                found.append((start if found else 0, key))
    return found if len(found) > 1 else [(0, melody_key(melody))]


def in_keys(task: Task, keys: Sequence[tuple[int, tuple[int, int]]]) -> list[Task]:
    """Part a task by its keys: each a region, to be written one after the other."""
    stops = [*(start for start, _ in keys[1:]), task.page.end]
    return [
        replace(task, key=key, region=(start, stop))
        for (start, key), stop in zip(keys, stops, strict=True)
    ]


def _outside(notes: NDArray[np.void], signature: int) -> float:
    """Return the share of the time at which notes sound that are not of a signature's scale."""
    strange = (7 * notes["pitch"].astype(np.int64) - signature + 1) % 12 > 6
    return float(notes["duration"][strange].sum() / notes["duration"].sum())


def _as_part(melody: Score, line: int, parts: tuple[Part, ...]) -> Score:
    """Move a score of one part to one of some parts."""
    tables = {}
    for name in PART_TABLES:
        table = getattr(melody, name).copy()
        table["part"] = line
        for column in VOICE_COLUMNS.intersection(table.dtype.names or ()):
            table[column] = 0
        tables[name] = table
    return melody.replace(parts=parts, **tables)


def _as_lines(score: Score, parts: tuple[Part, ...]) -> Score:
    """Move voices, wherever they stand, to a part each."""
    parts = score.parts if len(score.parts) == len(parts) else parts
    lines = [score.select(part, voice) for part, voice in score.voices]
    return merge_parts(lines).replace(parts=parts)


def informed(task: Task) -> Task:
    """Tell the wishes of a task what is known of it.

    Raises
    ------
    ConstraintError
        If what is given contradicts one of them.
    """
    given = None if task.given is None else task.given.replace(notes=kept_notes(task))
    lines = frozenset(v for v, free in enumerate(task.free) if not free)
    known = Known(tuple(task.spans), task.keys or ((0, task.key),), given, lines)
    wishes = with_known(task.constraints, known)
    check_given(wishes, known)
    return replace(task, constraints=wishes)


def kept_notes(task: Task) -> NDArray[np.void]:
    """Given notes that stay: of pinned lines, and those not wholly inside the region."""
    assert task.given is not None
    notes = task.given.notes
    kept = ~np.array(task.free)[notes["part"]]
    if task.region is not None:
        start, stop = task.region
        kept |= (notes["onset"] < start) | (notes["onset"] + notes["duration"] > stop)
    kept_table: NDArray[np.void] = notes[kept]
    return kept_table


def given_symbols(frame: GridFrame, task: Task) -> Ints:
    """Symbols of the given notes at each step and line; -1 where something may be written.

    A pitch outside the alphabet of its line is told to the model at the nearest octave.
    """
    symbols = np.full((frame.n_steps, frame.n_lines), -1, np.int64)
    if task.given is None:
        return symbols
    kept = task.given.replace(notes=kept_notes(task))
    pitch, _ = _quiet_grid(kept, frame)
    start, stop = task.region or (0, task.page.end)
    inside = np.zeros(frame.n_steps, np.bool_)
    inside[frame.steps(start, stop - start)] = True
    for v in range(frame.n_lines):
        entries = frame.alphabets[v].entries
        sounding = pitch[:, v] >= 0
        wanted = pitch[:, v] - frame.shift
        distance = np.abs(entries - wanted[:, None]) + 100 * ((entries - wanted[:, None]) % 12 != 0)
        distance = distance + 10_000 * (entries < 0)
        nearest = distance.argmin(axis=1)
        rest = int(np.argmax(entries < 0)) if (entries < 0).any() else -1
        silent_value = rest if not task.free[v] else -1
        column = np.where(sounding, nearest, silent_value)
        outside = np.where(sounding, nearest, rest if rest >= 0 else nearest)
        symbols[:, v] = np.where(inside, column, outside)
    return symbols


def given_onsets(frame: GridFrame, given: Score) -> Bools:
    """Onsets of the given notes at each step and line."""
    return _quiet_grid(given, frame)[1]


def clashing(frame: GridFrame, task: Task) -> NDArray[np.float64]:
    """Weigh what shares a letter, and not its accidental, with a given note that sounds there.

    Returns
    -------
    ndarray of shape (n_steps, n_voices, n_symbols), float64
    """
    shape = frame.n_steps, len(frame.alphabets), int(frame.n_symbols.max())
    unary = np.zeros(shape)
    notes = np.zeros(0, NOTE_DTYPE) if task.given is None else kept_notes(task)
    for onset, length, fifths in notes[["onset", "duration", "fifths"]].tolist():
        rows = frame.steps(onset, length)
        for other in (fifths - 7, fifths + 7):
            # Names that the key would give are those about its dominant.
            if abs(other - task.key[0] - 1) <= KEYS_REACH:
                for v in range(frame.n_lines):
                    entries = frame.alphabets[v].entries
                    same = (entries >= 0) & ((entries + frame.shift - 7 * other) % 12 == 0)
                    unary[rows, v, : len(entries)] += np.where(same, CLASH, 0.0)
    return unary


def _quiet_grid(score: Score, frame: GridFrame) -> tuple[Ints, Bools]:
    """View its parts as a grid; what it cannot hold is kept elsewhere, so nothing is said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return view_grid(score, frame.step, [(v, 0) for v in range(frame.n_lines)])


def phrase_starts(task: Task) -> list[int]:
    """Return the onset of the first note of each phrase: the first given one after each end."""
    ends = [0, *(end for _, end in task.spans[:-1])]
    if task.given is None:
        return ends
    onset = np.unique(task.given.notes["onset"])
    first = np.searchsorted(onset, ends)
    return [int(tick) for tick in onset[first[first < len(onset)]]]


def silent_steps(frame: GridFrame, task: Task) -> Bools:
    """Mark the steps before the first given note and after the last, where nobody sings."""
    silent = np.zeros(frame.n_steps, np.bool_)
    if task.given is not None and len(task.given.notes):
        notes = task.given.notes
        first = int(notes["onset"].min()) // frame.step
        last = -(-int((notes["onset"] + notes["duration"]).max()) // frame.step)
        silent[:first] = True
        silent[last:] = True
    return silent


def without_overlap(
    notes: NDArray[np.void], kept: NDArray[np.void], start: int, stop: int
) -> NDArray[np.void]:
    """Cut new notes where kept ones of their line, or the region's ends, begin."""
    pieces = []
    for note in notes:
        begin, end = int(note["onset"]), int(note["onset"] + note["duration"])
        begin, end = max(begin, start), min(end, stop)
        line = kept[kept["part"] == note["part"]]
        for other in line:
            o_begin, o_end = int(other["onset"]), int(other["onset"] + other["duration"])
            if o_begin <= begin < o_end:
                begin = o_end
            elif begin < o_begin < end:
                end = o_begin
        if begin < end:
            piece = note.copy()
            piece["onset"], piece["duration"] = begin, end - begin
            pieces.append(piece)
    return np.array(pieces, NOTE_DTYPE) if pieces else np.zeros(0, NOTE_DTYPE)
