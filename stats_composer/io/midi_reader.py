"""Reading Standard MIDI files: from their events to scores.

Conventions
-----------
* A part is one channel of one track; channel 10 is percussion. All its notes are voice 0.
* A file of type 2 holds a piece in each track.
* Of notes of one pitch that overlap, the one that started first ends first; a note that never
  ends does so with its track.
* Times are put on the grid that explains them (`midi_grid`), if there is one.
* A first bar shorter than the metre that follows it is taken for a pickup of that metre; the
  last bar is filled up, unless it and the pickup make one bar.
* Notes are spelled in the key of the file, or the one estimated where it tells none. A lone
  signature of C major in which few notes fit is what sequencers write of themselves: left out.
* In SMPTE time a quarter lasts as long as the first tempo says, or half a second.

References
----------
MIDI Manufacturers Association (1996), Standard MIDI Files 1.0, RP-001.
"""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import ScoreFileError
from stats_composer.io.limits import MAX_NOTES, MAX_PARTS, check_limit
from stats_composer.io.midi_events import (
    KEY_SIGNATURE,
    LYRIC,
    TEMPO,
    TIME_SIGNATURE,
    TRACK_NAME,
    MidiFile,
    Track,
    read_events,
)
from stats_composer.io.midi_grid import Grid, find_grid
from stats_composer.io.midi_marks import (
    bars_and_metres,
    decode_key,
    decode_tempo,
    decode_text,
    is_default_key,
    owner_of,
    syllables,
)
from stats_composer.io.report import Report
from stats_composer.score import (
    KEY_SIGNATURE_DTYPE,
    LYRIC_DTYPE,
    NOTE_DTYPE,
    TEMPO_DTYPE,
    TIMING_DTYPE,
    Part,
    Score,
    make_table,
)
from stats_composer.theory import MAJOR, MINOR, TICKS_PER_QUARTER, estimate_key, spell

__all__ = ["read_midi", "spelled"]

_SHORTEST = TICKS_PER_QUARTER // 32
_DRUMS = 9
_DRUM_PITCHES = (13, 91)  # of the drum maps of General MIDI, GS and XG together
_TEMPO = 500_000  # microseconds a quarter, where a file tells none
_DROP_FRAMES = 30_000 / 1001  # a second: 29 means those of television
_FLOAT = 1e-6
_DIVISION = 480  # ticks a quarter, where a file tells none
_MAX_PIECES = _MAX_KEYS = 1000
_NOTE_ON = 1 << 20  # the bit of a packed event that parts 0x90 from 0x80

_PLAYED_DTYPE = np.dtype(
    [(name, np.int64) for name in ("start", "stop", "pitch", "velocity", "channel", "part")]
)
"""Notes in ticks of the file; the stop of a note that never ends is -1."""


def read_midi(data: bytes, report: Report) -> list[Score]:
    """Read the pieces in the bytes of a MIDI file.

    Parameters
    ----------
    data : bytes
    report : Report
        Told what could not be kept, and where.

    Returns
    -------
    list of Score
        One, or for a file of type 2 one for each track that has notes.

    Raises
    ------
    ScoreFileError
        If it has no track, no whole note before it is broken off, or is larger than the limits.
    """
    file = read_events(data, report)
    groups = [[track] for track in file.tracks] if file.kind == 2 else [file.tracks]
    pieces = [_Piece(tracks, file, report) for tracks in groups]
    if file.damage and not any((piece.notes["stop"] >= 0).any() for piece in pieces):
        raise ScoreFileError(f"a damaged MIDI file without a whole note: {file.damage}")
    check_limit(sum(len(piece.notes) for piece in pieces), MAX_NOTES, "notes")
    played = [piece for piece in pieces if len(piece.notes)] or pieces[:1]
    check_limit(len(played), _MAX_PIECES, "pieces")
    return [piece.score() for piece in played]


def _paired(track: Track) -> NDArray[np.void]:
    """Find where each note of a track ends: the first to start is the first to end."""
    times, status, pitches, velocities = track.columns()
    is_note = status < 0xA0
    on = (status >= 0x90) & is_note & (velocities > 0)
    check_limit(int(np.count_nonzero(on)), MAX_NOTES, "notes")
    stops: list[int] = []
    sounding: dict[int, deque[int]] = defaultdict(deque)
    for event in itertools.compress(track.events, is_note.tolist()):
        waiting = sounding[event >> 8 & 0xFFF]
        if event & _NOTE_ON and event & 0xFF:
            waiting.append(len(stops))
            stops.append(-1)
        elif waiting:
            stops[waiting.popleft()] = event >> 24
    columns = times[on], stops, pitches[on], velocities[on], status[on] & 15, 0
    names = _PLAYED_DTYPE.names or ()
    return make_table(_PLAYED_DTYPE, **dict(zip(names, columns, strict=True)))


def _are_drums(pitches: NDArray[np.int64]) -> bool:
    """Whether half the notes of channel 10 or more have a place in a drum map."""
    low, high = _DRUM_PITCHES
    return int(np.count_nonzero((pitches < low) | (pitches > high))) * 2 <= len(pitches)


def _rounded(exact: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.floor(exact + 0.5).astype(np.int64)


def _ticks_per_quarter(division: int, tracks: Sequence[Track], report: Report) -> float:
    """Read the division of a file, in SMPTE time by its first tempo."""
    if not division:
        report.add(f"no ticks a quarter told: {_DIVISION} taken")
        return _DIVISION
    if division < 1 << 15:
        return division
    tempos = [
        (at, content) for track in tracks for at, kind, content in track.marks if kind == TEMPO
    ]
    told = int.from_bytes(min(tempos)[1], "big") if tempos else _TEMPO
    report.add(f"SMPTE time read as quarters of {told / 1e6:g} s")
    frames, parts = 256 - (division >> 8), division & 0xFF
    return (_DROP_FRAMES if frames == 29 else frames) * max(parts, 1) * told / 1e6


class _Piece:
    """The tracks of a piece, on their way to a score."""

    def __init__(self, tracks: Sequence[Track], file: MidiFile, report: Report) -> None:
        self.tracks, self.report = tracks, report
        self.per_quarter = _ticks_per_quarter(file.division, tracks, report)
        self.is_smpte = file.division >= 1 << 15
        self.grid: Grid | None = None
        self.parts: list[Part] = []
        self.home: list[int] = []  # the track of each part
        self.title = ""
        tables = []
        for index, track in enumerate(tracks):
            tables.append(_paired(track))
            name = next((decode_text(c).strip() for _, k, c in track.marks if k == TRACK_NAME), "")
            if index == 0 and (file.kind != 1 or not len(tables[0])):
                self.title, name = name, ""
            self._add_parts(index, name, tables[-1])
        check_limit(len(self.parts), MAX_PARTS, "parts")
        self.notes = np.concatenate(tables)
        high = self.notes["pitch"] > 127
        self._tell("notes of a pitch over 127 left out", self.notes["start"][high])
        self.notes = self.notes[~high]
        self._tell("velocities over 127 lowered", self.notes["start"][self.notes["velocity"] > 127])

    def _tell(self, what: str, times: NDArray[np.int64]) -> None:
        """Report what befalls at times of the file."""
        if len(times):
            place = f"quarter {int(times.min()) / self.per_quarter:.6g}"
            self.report.add(what, place, len(times))

    def _add_parts(self, index: int, name: str, notes: NDArray[np.void]) -> None:
        """Make each channel of a track that plays or has a program a part."""
        track = self.tracks[index]
        times, status, first, _ = track.columns()
        changes = status >= 0xC0
        told = [*notes["channel"].tolist(), *(status[changes] & 15).tolist()]
        for channel in sorted(set(told)):
            mine = notes["channel"] == channel
            change = changes & (status & 15 == channel)
            start = int(notes["start"][mine].min(initial=track.end))
            early = first[change & (times <= start)]
            program = int(early[-1]) & 0x7F if len(early) else 0
            later = change & (times > start) & (first != program)
            self._tell("changes of program within a part left out", times[later])
            notes["part"][mine] = len(self.parts)
            drums = channel == _DRUMS and _are_drums(notes["pitch"][mine])
            self.parts.append(Part(name, program, drums))
            self.home.append(index)

    def score(self) -> Score:
        onset, duration, late = self._times()
        tracks_end = max(self._ticks([track.end for track in self.tracks]))
        end = max(int(tracks_end), int((onset + duration).max(initial=0)))
        metres = {at: (content[0], 1 << content[1]) for at, content in self._marks(TIME_SIGNATURE)}
        time_signatures, bars, end = bars_and_metres(metres, end)
        tempos = {at: decode_tempo(int.from_bytes(c, "big")) for at, c in self._marks(TEMPO)}
        if self.is_smpte:  # the first has become the length of a quarter
            tempos = dict(sorted(tempos.items())[:1])
        notes = make_table(
            NOTE_DTYPE,
            onset=onset,
            duration=duration,
            pitch=self.notes["pitch"],
            fifths=7 * self.notes["pitch"] % 12,
            part=self.notes["part"],
            velocity=np.minimum(self.notes["velocity"], 127),
        )
        played = late.any(axis=0)
        columns = {name: notes[name][played] for name in ("onset", "part", "voice", "pitch")}
        score = Score(
            notes,
            bars=bars,
            time_signatures=time_signatures,
            key_signatures=make_table(KEY_SIGNATURE_DTYPE, self._keys(notes, end)),
            tempos=make_table(TEMPO_DTYPE, [row for row in sorted(tempos.items()) if row[0] < end]),
            lyrics=make_table(LYRIC_DTYPE, self._lyrics(onset, end)),
            timings=make_table(
                TIMING_DTYPE, **columns, late=late[0, played], late_end=late[1, played]
            ),
            parts=tuple(self.parts),
            title=self.title,
            end=end,
        )
        notes = score.notes.copy()
        notes["fifths"] = spelled(score)
        return score.replace(notes=notes)

    # ---- times ------------------------------------------------------------------------

    def _exact(self, times: Any) -> NDArray[np.float64]:
        return np.asarray(times, np.float64) * TICKS_PER_QUARTER / self.per_quarter

    def _ticks(self, times: Any) -> NDArray[np.int64]:
        """Place the times of marks."""
        exact = self._exact(times)
        return _rounded(self.grid.place(exact) if self.grid else exact)

    def _times(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Place the notes; return their onsets, durations, and how late they began and ended."""
        starts, stops = self.notes["start"], self.notes["stop"].copy()
        hanging = stops < 0
        self._tell("notes that never end, ended with their track", starts[hanging])
        ends = np.array([self.tracks[index].end for index in self.home], np.int64)
        stops[hanging] = ends[self.notes["part"][hanging]]
        exact = np.stack([self._exact(starts), self._exact(stops)])
        placed = self._on_grid(exact, ~hanging)
        off = (placed != np.rint(placed)).any(axis=0)
        self._tell("times off the grid of 1/10080 of a quarter rounded", starts[off])
        onset, stop = _rounded(placed)
        # A note shorter than the jitter keeps its length.
        duration = np.where(stop > onset, stop - onset, _rounded(exact[1] - exact[0]))
        self._tell("notes without duration made 128ths", starts[duration <= 0])
        duration = np.where(duration > 0, duration, _SHORTEST)
        order = np.lexsort((onset, self.notes["pitch"], self.notes["part"]))
        line = self.notes["part"][order] << 8 | self.notes["pitch"][order]
        runs_into = (onset + duration)[order][:-1] > onset[order][1:]
        overlaps = order[1:][(line[1:] == line[:-1]) & runs_into]
        self._tell("overlapping notes of one pitch", starts[overlaps])
        late = _rounded(exact) - np.stack([onset, onset + duration])
        late[np.abs(late) <= TICKS_PER_QUARTER / self.per_quarter / 2 + 1] = (
            0  # the file's rounding
        )
        return onset, duration, late if self.grid else np.zeros_like(late)

    def _on_grid(self, exact: NDArray[np.float64], ended: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Put starts and stops on the grid that explains them; ours needs none."""
        unit = TICKS_PER_QUARTER / self.per_quarter
        self.grid = find_grid(exact[0], unit) if unit != 1 else None
        if self.grid is None:
            return exact
        of_stops = find_grid(exact[1][ended], unit) or self.grid
        placed = np.stack([self.grid.place(exact[0]), of_stops.place(exact[1])])
        moved = np.abs(placed - exact).max(axis=0) / unit
        far = f"{moved.max(initial=0):.2g} ticks of the file"
        what = f"times up to {far} off the grid of {self.grid.n_steps} a quarter put on it"
        self._tell(what, self.notes["start"][moved > _FLOAT])
        return placed

    # ---- marks ------------------------------------------------------------------------

    def _marks(self, kind: int) -> Iterable[tuple[int, bytes]]:
        """List the meta events of a type with their ticks, track by track."""
        found = [(at, c) for track in self.tracks for at, k, c in track.marks if k == kind]
        return zip(
            self._ticks([at for at, _ in found]).tolist(), [c for _, c in found], strict=True
        )

    def _keys(self, notes: NDArray[np.void], end: int) -> list[tuple[int, int, int]]:
        found = {at: decode_key(content) for at, content in self._marks(KEY_SIGNATURE)}
        keys = [(at, *key) for at, key in sorted(found.items()) if at < end]
        check_limit(len(keys), _MAX_KEYS, "key signatures")
        drums = [part for part, told in enumerate(self.parts) if told.percussion]
        if keys == [(0, 0, MAJOR)] and is_default_key(notes[~np.isin(notes["part"], drums)]):
            self.report.add("a key signature of C major that the notes do not follow left out")
            return []
        return keys

    def _lyrics(self, onset: NDArray[np.int64], end: int) -> list[Any]:
        """Give the lyrics of each track to a part."""
        rows: list[Any] = []
        playing = np.unique(self.notes["part"]).tolist()
        starts = {part: np.unique(onset[self.notes["part"] == part]) for part in playing}
        for index, track in enumerate(self.tracks):
            lyrics = [(at, decode_text(c)) for at, kind, c in track.marks if kind == LYRIC]
            own = {part: found for part, found in starts.items() if self.home[part] == index}
            if lyrics and starts:
                part, ticks = owner_of(self._ticks([at for at, _ in lyrics]), own or starts)
                texts = [text for _, text in lyrics]
                rows += syllables(list(zip(ticks.tolist(), texts, strict=True)), part)
        return [row for row in rows if row[0] < end]


def spelled(score: Score) -> NDArray[np.int8]:
    """Spell the notes of a score anew, part by part, in its keys.

    Parameters
    ----------
    score : Score

    Returns
    -------
    ndarray of shape (n_notes,), int8
    """
    notes, keys = score.notes, score.key_signatures
    pitched = notes[~np.isin(notes["part"], [i for i, p in enumerate(score.parts) if p.percussion])]
    estimate = estimate_key(*(pitched[name] for name in ("pitch", "duration", "onset")))
    tonics = [estimate]
    for fifths, mode in keys[["fifths", "mode"]].tolist():
        tonics.append((fifths + 3 * (mode == MINOR), MINOR if mode == MINOR else MAJOR))
    span = np.searchsorted(keys["onset"], notes["onset"], side="right")
    group = span * score.n_parts + notes["part"]
    order = np.argsort(group, kind="stable")
    found = np.zeros(len(notes), np.int8)
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if len(rows):
            found[rows] = spell(notes["pitch"][rows], *tonics[span[rows[0]]])
    return found
