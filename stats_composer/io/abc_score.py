"""The score of an ABC tune whose voices were read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats_composer.io.abc_voice import AbcBar, Voice
from stats_composer.io.report import Report
from stats_composer.io.timeline import merge_ties, round_ticks
from stats_composer.score import (
    BAR_DTYPE,
    CHORD_DTYPE,
    FERMATA_DTYPE,
    JUMP_DTYPE,
    KEY_SIGNATURE_DTYPE,
    LYRIC_DTYPE,
    MARKS,
    NOTE_DTYPE,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    make_table,
)
from stats_composer.theory import Metre

__all__ = ["TuneFacts", "build_score"]


@dataclass
class TuneFacts:
    """What a tune has beside its voices.

    Attributes
    ----------
    tempos : dict of int to float
        Quarters a minute by tick.
    chords : list of (tick, symbol)
    lyrics : list of (voice, verse, onset, syllabic, text)
    sections : list of (tick, label)
    order : tuple of str
    """

    title: str = ""
    composer: str = ""
    rhythm: str = ""
    tempos: dict[int, float] = field(default_factory=dict)
    chords: list[tuple[int, str]] = field(default_factory=list)
    lyrics: list[tuple[Voice, int, Fraction, str, str]] = field(default_factory=list)
    sections: list[tuple[int, str]] = field(default_factory=list)
    order: tuple[str, ...] = ()


def build_score(
    facts: TuneFacts, voices: Sequence[Voice], report: Report, place: str, *, barred: bool
) -> Score:
    """Make the score of a tune.

    Parameters
    ----------
    facts : TuneFacts
    voices : sequence of Voice
        In the order of their parts; those without music are left out, unless all are.
    report : Report
    place : str
        How a message calls the tune.
    barred : bool
        Whether it has bar lines; without, its bars follow from its metres.

    Returns
    -------
    Score
    """
    kept = [voice for voice in voices if voice.cursor > 0] or list(voices[:1])
    lead = kept[0]
    end = max(voice.tick for voice in kept)
    metres = {0: (4, 4), **lead.metres}
    end = end or Metre(*metres[0]).bar
    notes = [row for part, voice in enumerate(kept) for row in _notes(voice, part, report, place)]
    bars = _bars(kept) if barred or facts.sections or lead.marks.jumps else []
    number = {id(voice): part for part, voice in enumerate(kept)}
    fermatas = {
        (tick, part, layer)
        for part, voice in enumerate(kept)
        for tick, layer in voice.marks.fermatas
    }
    lyrics = {
        (round_ticks(onset), number[id(voice)], 0, verse, syllabic, word[:64])
        for voice, verse, onset, syllabic, word in facts.lyrics
        if id(voice) in number
    }
    jumps = _jumps(facts, lead, bars) if bars else []
    return Score(
        make_table(NOTE_DTYPE, notes),
        bars=make_table(BAR_DTYPE, [(bar.onset, bar.repeat, bar.ending) for bar in bars]),
        time_signatures=make_table(TIME_SIGNATURE_DTYPE, _changes(metres, end)),
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, _changes(lead.keys, end)),
        tempos=make_table(TEMPO_DTYPE, _within(facts.tempos.items(), end)),
        chords=make_table(CHORD_DTYPE, _within(set(facts.chords), end)),
        fermatas=make_table(FERMATA_DTYPE, _within(fermatas, end)),
        lyrics=make_table(LYRIC_DTYPE, _within(lyrics, end)),
        jumps=make_table(JUMP_DTYPE, _within(jumps, end)),
        **_marks(kept, end),
        parts=tuple(_part(voice) for voice in kept),
        title=facts.title,
        composer=facts.composer,
        rhythm=facts.rhythm,
        end=end,
        order=facts.order if jumps else (),
    )


def _marks(voices: Sequence[Voice], end: int) -> dict[str, NDArray[np.void]]:
    """Make the tables of grace notes, marks, spans and directions."""
    rows: dict[str, list[tuple[Any, ...]]] = {
        name: [] for name in ("graces", "note_marks", "spans", "directions")
    }
    for part, voice in enumerate(voices):
        marks = voice.marks
        rows["graces"] += [
            (tick, part, layer, number, *note[1:]) for tick, layer, number, note in marks.graces
        ]
        rows["note_marks"] += [
            (tick, part, layer, 0, *mark) for tick, layer, *mark in dict.fromkeys(marks.note_marks)
        ]
        rows["spans"] += [
            (tick, part, layer, 0, stop, stop_layer, 0, kind, "")
            for tick, layer, stop, stop_layer, kind in dict.fromkeys(marks.spans)
        ]
        rows["directions"] += [(tick, part, *more) for tick, *more in marks.directions]
    return {name: make_table(MARKS[name], _within(found, end)) for name, found in rows.items()}


def _part(voice: Voice) -> Part:
    return Part(voice.name, voice.setting.program, voice.setting.percussion)


def _notes(voice: Voice, part: int, report: Report, place: str) -> Iterator[tuple[int, ...]]:
    """Round the times of a voice's noteheads and join the tied ones."""
    n_rounded = 0
    for piece, (onset, length) in zip(voice.pieces, voice.times, strict=True):
        stop = onset + length
        n_rounded += onset.denominator * stop.denominator != 1
        piece.onset = round_ticks(onset)
        piece.duration = max(round_ticks(stop) - piece.onset, 1)
    report.add("times off the grid of 1/10080 of a quarter rounded", place, n_rounded)
    for onset_tick, duration, pitch, fifths, layer, velocity, tied in merge_ties(voice.pieces):
        yield (onset_tick, duration, pitch, fifths, part, layer, velocity, tied)


def _bars(voices: Sequence[Voice]) -> list[AbcBar]:
    """Take the bars of the first voice, and past its end those of the ones that go on."""
    bars: list[AbcBar] = []
    reached = 0
    for voice in voices:
        bars += [bar for bar in voice.bars if reached <= bar.onset < voice.tick]
        reached = max(reached, voice.tick)
    return bars or [AbcBar(0)]


def _jumps(
    facts: TuneFacts, lead: Voice, bars: Sequence[AbcBar]
) -> list[tuple[int, str, str, int]]:
    """List the jumps of a tune; at coda signs before the last one the bar before is left."""
    rows = [(bar.onset, "times", "", bar.times) for bar in bars if bar.times]
    onsets = [bar.onset for bar in bars]
    for tick, label in dict.fromkeys(facts.sections):
        onset = max((onset for onset in onsets if onset <= tick), default=0)
        rows.append((onset, "section", label, 0))
    marks = sorted({(min(bar, len(lead.bars) - 1), kind) for bar, kind in lead.marks.jumps})
    last = max((bar for bar, kind in marks if kind == "coda"), default=0)
    for bar, kind in marks:
        if kind == "coda" and bar != last:
            bar, kind = max(bar - 1, 0), "to coda"
        rows.append((lead.bars[bar].onset, kind, "", 0))
    return rows


def _changes(marks: dict[int, tuple[int, int]], end: int) -> list[tuple[int, int, int]]:
    """List what was told, in the order of time."""
    return [(tick, *value) for tick, value in sorted(marks.items()) if tick < end]


def _within(rows: Iterable[tuple[Any, ...]], end: int) -> list[tuple[Any, ...]]:
    """Sort rows by their ticks; leave those out that stand at the end."""
    return sorted(row for row in rows if row[0] < end)
