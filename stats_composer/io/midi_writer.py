"""Writing Standard MIDI files of type 1: a track of marks, and a track for each part.

Conventions
-----------
* 480 ticks to a quarter where that is exact, else the score's own.
* Bars that are shorter or longer than their metre, a pickup first of all, get a metre of their
  own length, so that the bar lines of other programs fall where the score has them.
* What MIDI has no event for is reported: spelling that a reader would not find by itself,
  chord symbols, fermatas, repeats, voices, verses past the first, the composer.

References
----------
MIDI Manufacturers Association (1996), Standard MIDI Files 1.0, RP-001.
"""

from __future__ import annotations

import itertools
from math import gcd

import numpy as np

from stats_composer.errors import ScoreFileError
from stats_composer.io.limits import MAX_PARTS
from stats_composer.io.midi_events import (
    END_OF_TRACK,
    KEY_SIGNATURE,
    LYRIC,
    TEMPO,
    TIME_SIGNATURE,
    TRACK_NAME,
)
from stats_composer.io.midi_reader import spelled
from stats_composer.io.report import Report
from stats_composer.score import Score, metre_of
from stats_composer.theory import MINOR, TICKS_PER_QUARTER, UNKNOWN_MODE, Metre

__all__ = ["encode_midi"]

_TICKS = 480
_HIGHEST_TEMPO = 0xFFFFFF

Timed = list[tuple[int, int, bytes]]


def encode_midi(score: Score, report: Report) -> bytes:
    """Write a score as MIDI.

    Parameters
    ----------
    score : Score
    report : Report
        Told what could not be kept.

    Returns
    -------
    bytes

    Raises
    ------
    ScoreFileError
        If the score has no part or more than the limit.
    """
    if not 0 < score.n_parts <= MAX_PARTS:
        raise ScoreFileError(f"a score of {score.n_parts} parts: expected 1 to {MAX_PARTS}")
    divisor = _common_divisor(score)
    exact = TICKS_PER_QUARTER // _TICKS
    unit = exact if divisor % exact == 0 else 1
    tracks = [_track(_marks(score, report), score.title, score.end, unit)]
    channels = _channels(score, report)
    for part, channel in enumerate(channels):
        messages = _notes(score, part, channel, report) + _lyrics(score, part)
        messages.append((0, 0, bytes([0xC0 | channel, score.parts[part].program])))
        tracks.append(_track(messages, score.parts[part].name, score.end, unit))
    _report_losses(score, report)
    head = (1, len(tracks), TICKS_PER_QUARTER // unit)
    header = _chunk(b"MThd", b"".join(number.to_bytes(2, "big") for number in head))
    return b"".join([header, *tracks])


def _common_divisor(score: Score) -> int:
    divisor = gcd(TICKS_PER_QUARTER, score.end)
    for name in ("notes", "bars", "tempos", "lyrics", "key_signatures", "time_signatures"):
        divisor = gcd(divisor, int(np.gcd.reduce(getattr(score, name)["onset"])))
    for name in ("late", "late_end"):
        divisor = gcd(divisor, int(np.gcd.reduce(score.timings[name])))
    return gcd(divisor, int(np.gcd.reduce(score.notes["duration"])))


def _track(messages: Timed, name: str, end: int, unit: int) -> bytes:
    """Sort messages into a track: marks, then note ends, then note starts at each time."""
    rows = sorted(messages, key=lambda row: row[:2])
    rows.append((end, 3, _meta(END_OF_TRACK, b"")))
    if name:
        rows.insert(0, (0, 0, _meta(TRACK_NAME, _encoded(name))))
    before, content = 0, []
    for tick, _, message in rows:
        content += [_quantity((tick - before) // unit), message]
        before = tick
    return _chunk(b"MTrk", b"".join(content))


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "big") + content


def _meta(kind: int, content: bytes) -> bytes:
    return bytes([0xFF, kind]) + _quantity(len(content)) + content


def _quantity(value: int) -> bytes:
    """Write a number in bytes of seven bits, all but the last with the eighth set."""
    found = [value & 0x7F]
    while value := value >> 7:
        found.append(value & 0x7F | 0x80)
    return bytes(reversed(found))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _channels(score: Score, report: Report) -> list[int]:
    """Give each part a channel; past fifteen, parts share them."""
    free = [channel for channel in range(16) if channel != 9]
    pitched = [part for part in range(score.n_parts) if not score.parts[part].percussion]
    if len(pitched) > len(free):
        report.add("more than 15 parts share MIDI channels and their instruments")
    found = {part: free[index % len(free)] for index, part in enumerate(pitched)}
    return [found.get(part, 9) for part in range(score.n_parts)]


# ---- marks ----------------------------------------------------------------------------


def _marks(score: Score, report: Report) -> Timed:
    messages: Timed = []
    for onset, numerator, denominator in _metres(score, report):
        metre = bytes([numerator, denominator.bit_length() - 1, 24, 8])  # clocks, 32nds
        messages.append((onset, 0, _meta(TIME_SIGNATURE, metre)))
    for onset, fifths, mode in score.key_signatures.tolist():
        if abs(fifths) > 7:
            report.add("key signatures of more than seven accidentals left out")
            continue
        key = bytes([fifths % 256, mode == MINOR])
        messages.append((onset, 0, _meta(KEY_SIGNATURE, key)))
    for onset, tempo in score.tempos.tolist():
        microseconds = min(max(round(6e7 / tempo), 1), _HIGHEST_TEMPO)
        if abs(6e7 / microseconds / tempo - 1) > 1e-4:
            report.add("tempos slower than 3.6 or too fast moved to the nearest")
        messages.append((onset, 0, _meta(TEMPO, microseconds.to_bytes(3, "big"))))
    return messages


def _metres(score: Score, report: Report) -> list[tuple[int, int, int]]:
    """List the metres, with one more for each bar of another length."""
    changes = {row[0]: row[1:] for row in score.time_signatures.tolist()}
    onsets = _joined_bars(score, report)
    if set(changes) - set(onsets):
        report.add("metres that change within a bar left out")
    rows: list[tuple[int, int, int]] = []
    written = (0, 0)
    for onset, stop in itertools.pairwise(onsets):
        row = score.mark_at("time_signatures", onset)
        metre = (int(row["numerator"]), int(row["denominator"]))
        length, full = stop - onset, Metre(*metre).bar
        place = f"bar {score.bar_number(score.bar_at(onset))}"
        if stop == score.end and length < full:
            if score.pickup + length != full:
                report.add("a last bar shorter than its metre filled up")
        elif length != full:
            found = _metre_of(length)
            if found is None:
                report.add("bars whose length is no metre", place)
            elif onset or not score.pickup:
                report.add("bars of irregular length given a metre", place)
            metre = found or metre
        if metre != written or onset in changes:
            rows.append((onset, *metre))
            written = metre
    return rows


def _joined_bars(score: Score, report: Report) -> list[int]:
    """Place the bar lines, less those that divide a full bar in two, and the end."""
    onsets = [*score.bars["onset"].tolist(), score.end]
    kept, bar = [], 0
    while bar + 1 < len(onsets):
        kept.append(onsets[bar])
        row = score.mark_at("time_signatures", onsets[bar])
        full = metre_of(row).bar
        if bar and bar + 2 < len(onsets) and onsets[bar + 2] - onsets[bar] == full:
            report.add("bars divided by a repeat joined", f"bar {score.bar_number(bar)}")
            bar += 1
        bar += 1
    return [*kept, score.end]


def _metre_of(length: int) -> tuple[int, int] | None:
    for denominator in (4, 8, 16, 32, 64):
        numerator, rest = divmod(length * denominator, 4 * TICKS_PER_QUARTER)
        if rest == 0 and 1 <= numerator <= 128:
            return numerator, denominator
    return None


def _lyrics(score: Score, part: int) -> Timed:
    """Write the first verse; a hyphen follows a syllable whose word goes on."""
    messages: Timed = []
    for onset, owner, _, verse, syllabic, text in score.lyrics.tolist():
        if owner == part and verse <= 1:
            joint = "-" if syllabic in ("begin", "middle") else ""
            messages.append((onset, 0, _meta(LYRIC, _encoded(text + joint))))
    return messages


# ---- notes ----------------------------------------------------------------------------


def _notes(score: Score, part: int, channel: int, report: Report) -> Timed:
    """Write the notes of a part; on one channel a pitch can sound only once at a time."""
    rows = score.notes[score.notes["part"] == part]
    fields = zip(*(rows[name].tolist() for name in rows.dtype.names or ()), strict=True)
    played = {row[:4]: row[4:] for row in score.timings.tolist()}
    sounding: dict[int, list[int]] = {}
    spans: list[list[int]] = []
    for onset, duration, pitch, _, _, voice, velocity, tied in fields:
        stop = onset + duration
        late, late_end = played.get((onset, part, voice, pitch), (0, 0))
        last = sounding.get(pitch)
        if last and tied and last[1] == onset:
            report.add("tied notes joined", count=1)
            last[1], last[5] = stop, late_end
            continue
        if last and last[1] > onset:
            report.add("a pitch struck again while it sounds, cut short", score.place(rows[0]))
            if last[0] == onset:
                last[1] = max(last[1], stop)
                continue
            stop, last[1], last[5] = max(stop, last[1]), onset, late
        if tied:
            report.add("notes that continue earlier ones struck anew")
        if velocity == 0:
            report.add("velocities of 0 raised to 1")
        sounding[pitch] = [onset, stop, pitch, max(velocity, 1), late, late_end]
        spans.append(sounding[pitch])
    messages: Timed = []
    for onset, stop, pitch, velocity, late, late_end in spans:
        if 0 <= onset + late < stop + late_end:
            onset, stop = onset + late, stop + late_end
        messages.append((onset, 2, bytes([0x90 | channel, pitch, velocity])))
        messages.append((stop, 1, bytes([0x80 | channel, pitch, 64])))
    return messages


def _report_losses(score: Score, report: Report) -> None:
    """Name what of the score has no event."""
    voices = {(part, voice) for part, voice in score.voices if voice}
    ones = {lyric[3:4] for lyric in score.lyrics.tolist()}
    losses = {
        "the composer's name": bool(score.composer),
        "the rhythm's name": bool(score.rhythm),
        "chord symbols": len(score.chords) > 0,
        "fermatas": len(score.fermatas) > 0,
        "grace notes": len(score.graces) > 0,
        "marks at notes, slurs and hairpins": len(score.note_marks) + len(score.spans) > 0,
        "dynamics and words": len(score.directions) > 0,
        "repeats and endings": bool((score.bars["repeat"] | score.bars["ending"]).any())
        or len(score.jumps) > 0,
        "voices within a part": bool(voices),
        "verses past the first": any(verse > 1 for (verse,) in ones),
        "keys without a mode": bool((score.key_signatures["mode"] == UNKNOWN_MODE).any()),
        "the spelling of some notes": bool((spelled(score) != score.notes["fifths"]).any()),
    }
    lost = [name for name, is_lost in losses.items() if is_lost]
    if lost:
        report.add(f"MIDI does not hold {', '.join(lost)}")
