"""The events in the bytes of a Standard MIDI file, as far as they can be read.

Conventions
-----------
* An event that cannot be decoded is left out; where the bytes after it can no longer be told
  apart, the track is broken off there, and what came before is kept. Both are reported.
* A chunk of an unknown type is skipped. A chunk's length is believed where another chunk or
  the file's end follows it; a track ends with its end mark in any case.
* A file in a RIFF wrapping, or behind a MacBinary header, is read as if it were bare.

References
----------
MIDI Manufacturers Association (1996), Standard MIDI Files 1.0, RP-001.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import ScoreFileError
from stats_composer.io.limits import MAX_QUARTERS, check_limit
from stats_composer.io.report import Report

__all__ = [
    "END_OF_TRACK",
    "KEY_SIGNATURE",
    "LYRIC",
    "TEMPO",
    "TIME_SIGNATURE",
    "TRACK_NAME",
    "MidiFile",
    "Track",
    "find_header",
    "read_events",
]

TRACK_NAME, LYRIC, END_OF_TRACK = 0x03, 0x05, 0x2F
TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0x51, 0x58, 0x59
_SEQUENCE_NUMBER, _SMPTE_OFFSET = 0x00, 0x54
_KEPT = (TRACK_NAME, LYRIC, TEMPO, TIME_SIGNATURE, KEY_SIGNATURE)
_NAMES = {
    _SEQUENCE_NUMBER: "sequence numbers",
    TEMPO: "tempos",
    _SMPTE_OFFSET: "SMPTE offsets",
    TIME_SIGNATURE: "time signatures",
    KEY_SIGNATURE: "key signatures",
}
_SYSTEM_SIZES = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}
_NO_TRACK = "a MIDI file without a track"
_MAX_BYTES = 16 << 20  # as many notes as are read need some ten bytes each
_MAX_CHUNKS = 65_535
_MAX_QUANTITY = 1 << 28
_MAX_MARKS = 200_000
_NO_END_MARK = "no end mark"


@dataclass(slots=True)
class Track:
    """The events of one track; times are in ticks of the file.

    Attributes
    ----------
    number : int
        From 1.
    events : array of int
        Notes and programs in the file's order, each time << 24 | status << 16 | data.
    marks : list of (time, type, content)
        Meta events, checked.
    end : int
        When it ends.
    """

    number: int
    events: array[int] = field(default_factory=lambda: array("q"))
    marks: list[tuple[int, int, bytes]] = field(default_factory=list)
    end: int = 0

    def columns(self) -> tuple[NDArray[np.int64], ...]:
        """Return the events' times, status bytes, and first and second data bytes."""
        packed = np.frombuffer(self.events, np.int64) if self.events else np.zeros(0, np.int64)
        return packed >> 24, packed >> 16 & 0xFF, packed >> 8 & 0xFF, packed & 0xFF


@dataclass(frozen=True)
class MidiFile:
    """What a file holds.

    Attributes
    ----------
    kind : int, 0 to 2
    division : int
        Ticks of a quarter; or, with bit 15 set, SMPTE frames a second and ticks of a frame.
    tracks : list of Track
    damage : str
        Why and where the first broken track ends; empty for a whole file.
    """

    kind: int
    division: int
    tracks: list[Track]
    damage: str


def find_header(data: bytes) -> int:
    """Tell where the header chunk starts, or -1: at once, in a RIFF, or after a MacBinary."""
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        return data.find(b"MThd", 12, 4096)
    return next((at for at in (0, 128) if data[at : at + 4] == b"MThd"), -1)


def read_events(data: bytes, report: Report) -> MidiFile:
    """Read the events of a file.

    Parameters
    ----------
    data : bytes
    report : Report
        Told what is damaged, and where.

    Raises
    ------
    ScoreFileError
        If it has no header or no track, or is larger than the limits.
    """
    check_limit(len(data), _MAX_BYTES, "bytes of MIDI")
    start = find_header(data)
    head = data[start + 8 : start + 14]
    if start < 0 or len(head) < 6:
        raise ScoreFileError("a truncated MIDI file: it ends within its header")
    kind, n_tracks, division = (int.from_bytes(head[at : at + 2], "big") for at in (0, 2, 4))
    if kind > 2:
        report.add(f"a MIDI file of type {kind}, which there is not: read as type 1")
        kind = 1
    body = start + 8 + int.from_bytes(data[start + 4 : start + 8], "big")
    if not _is_chunk(data, body):
        body = data.find(b"MTrk", start + 8)
    if not 0 < body < len(data):
        raise ScoreFileError(_NO_TRACK)
    reader = _Reader(data, division & 0x7FFF or 1, report)
    reader.read_chunks(body)
    if not reader.tracks:
        raise ScoreFileError(_NO_TRACK)
    missing = n_tracks - len(reader.tracks)
    place = f"byte {start + 10}"
    report.add("tracks that the header counts and the file lacks", place, max(missing, 0))
    report.add("tracks past the header's count read as well", place, max(-missing, 0))
    return MidiFile(kind, division, reader.tracks, reader.damage)


class _BrokenError(Exception):
    """From here on the bytes of a track cannot be told apart."""


def _is_chunk(data: bytes, at: int) -> bool:
    """Whether a chunk starts at a place, or the file ends there."""
    name = data[at : at + 4]
    return at == len(data) or (at + 8 <= len(data) and all(31 < byte < 127 for byte in name))


def _quantity(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte, and tell where it ends."""
    value = 0
    while True:
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
        if value > _MAX_QUANTITY:
            raise _BrokenError("a number of too many bytes")


def _is_sound(kind: int, content: bytes) -> bool:
    """Whether the content of a meta event is what its type tells."""
    size = len(content)
    if kind == KEY_SIGNATURE:
        return size == 2 and (content[0] + 7) % 256 <= 14 and content[1] <= 1
    if kind == TIME_SIGNATURE:
        return size == 4 and 1 <= content[0] <= 128 and content[1] <= 7
    if kind == TEMPO:
        return size == 3 and any(content)
    if kind == _SEQUENCE_NUMBER:
        return size in (0, 2)
    if kind == _SMPTE_OFFSET:
        tops = (128, 60, 60, 30, 100)
        return size == 5 and all(byte < top for byte, top in zip(content, tops, strict=True))
    return True


class _Reader:
    """Walks the chunks of a file and the events of its tracks."""

    def __init__(self, data: bytes, quarter: int, report: Report) -> None:
        self.data, self.report = data, report
        self.latest = MAX_QUARTERS * quarter
        self.tracks: list[Track] = []
        self.damage = ""
        self.start = self.n_marks = 0

    def read_chunks(self, at: int) -> None:
        """Read tracks from the first chunk after the header on."""
        data, n_chunks = self.data, 0
        while 0 <= at <= len(data) - 8:
            n_chunks += 1
            check_limit(n_chunks, _MAX_CHUNKS, "chunks")
            name, self.start = data[at : at + 4], at + 8
            stop = self.start + int.from_bytes(data[at + 4 : at + 8], "big")
            sound = _is_chunk(data, stop)
            reached = self.start
            if name == b"MTrk":
                following = data.find(b"MTrk", reached)
                bound = following if following > 0 else len(data)
                reached = self._read_track(stop if sound else bound)
                if reached != stop and not self.damage:
                    self.report.add("tracks of another length than they tell", f"byte {at + 4}")
            elif name == b"MThd":
                self.report.add("a second MIDI file after the first left out", f"byte {at}")
                return
            else:
                self.report.add("chunks of unknown type left out", f"byte {at}")
            at = stop if sound else data.find(b"MTrk", reached)

    def _read_track(self, stop: int) -> int:
        """Read the events of a track, and tell where they end."""
        track = Track(len(self.tracks) + 1)
        self.tracks.append(track)
        length, reason = self._read_until(track, self.data[self.start : stop])
        place = self._place(length)
        if reason == _NO_END_MARK:
            self.report.add("tracks without an end mark", place)
        elif reason:
            self.report.add(f"tracks broken off by {reason}", place)
            self.damage = self.damage or f"{reason} in {place}"
        return self.start + length

    def _place(self, at: int) -> str:
        return f"track {len(self.tracks)} at byte {self.start + at}"

    def _read_until(self, track: Track, data: bytes) -> tuple[int, str]:
        """Read events up to the end mark; tell where that is, or what broke them off there."""
        keep = track.events.append
        time = running = at = event = 0
        try:
            while at < len(data):
                event = at
                delta = data[at]
                at += 1
                if delta > 127:
                    delta, at = _quantity(data, event)
                    if time + delta > self.latest:
                        raise _BrokenError(f"a time past {MAX_QUARTERS:,} quarter notes")
                status = data[at]
                time += delta
                if status > 0xEF:
                    track.end = time
                    at, ended = self._read_system(track, at, data)
                    if ended:
                        return at, ""
                    continue
                if status > 127:
                    running = status
                    at += 1
                elif not running:
                    raise _BrokenError("a data byte without a status byte")
                long = not 0xBF < running < 0xE0
                first, second = data[at], data[at + 1] if long else 0
                at += 1 + long
                if running < 0xA0 or 0xBF < running < 0xD0:
                    keep(time << 24 | running << 16 | first << 8 | second)
        except IndexError:
            at, reason = event, "the end of their bytes"
        except _BrokenError as error:
            at, reason = event, str(error)
        else:
            reason = _NO_END_MARK
        track.end = time
        return at, reason

    def _read_system(self, track: Track, at: int, data: bytes) -> tuple[int, bool]:
        """Read a meta event or skip a system message; tell where it ends, and if the track does."""
        self.n_marks += 1
        check_limit(self.n_marks, _MAX_MARKS, "meta events and system messages")
        status, start = data[at], at + 1
        if status in _SYSTEM_SIZES:
            self.report.add("system messages, which no file may hold, left out", self._place(at))
            return start + _SYSTEM_SIZES[status], False
        if status not in (0xF0, 0xF7, 0xFF):
            raise _BrokenError(f"an undefined status byte 0x{status:X}")
        kind = -1
        if status == 0xFF:
            kind, start = data[start], start + 1
        size, start = _quantity(data, start)
        content = data[start : start + size]
        if len(content) < size:
            raise IndexError
        if not _is_sound(kind, content):
            self.report.add(f"{_NAMES[kind]} that cannot be decoded left out", self._place(at))
        elif kind in _KEPT:
            track.marks.append((track.end, kind, content))
        return start + size, kind == END_OF_TRACK
