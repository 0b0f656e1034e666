"""Pieces and songs with musicians' analyses of their harmony: *When in Rome* and POP909.

Analyses are RomanText, read by music21 and kept in a cache; songs are performances, put on the
beats that were annotated. Both become `chords.harmony.LabelledSteps`.
"""

import itertools
import json
from dataclasses import dataclass, replace

import mido
import numpy as np

from stats_composer.chords.harmony import LabelledSteps
from stats_composer.chords.qualities import KINDS, N_KINDS, nearest
from stats_composer.chords.steps import cut_steps
from stats_composer.io import read
from stats_composer.score import (
    BAR_DTYPE,
    TICKS_PER_QUARTER,
    TIME_SIGNATURE_DTYPE,
    Score,
    make_notes,
    make_table,
)
from stats_composer.theory import name_fifths

ANALYSES = ("analysis.txt", "analysis_automatic.rntxt")
JUMP = 1.5
"""Measures whose chords hold nothing that sounds, as bad as going on at another bar."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece with its analyses: that of a musician, and where there is one AugmentedNet's."""

    labelled: LabelledSteps
    other: LabelledSteps | None = None
    group: str = ""
    seconds: np.ndarray | None = None
    chords: tuple = ()

    @property
    def steps(self):
        """Its steps."""
        return self.labelled.steps


# ---- When in Rome ----------------------------------------------------------------------------


def analysis(path, cache):
    """Read an analysis as measures and rows, by music21; None where it cannot read it."""
    kept = cache / f"{path.parent.parent.name}__{path.parent.name}__{path.name}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    from music21.romanText import translate

    try:
        part = translate.romanTextToStreamScore(path.read_text("utf-8")).parts[0]
        measures, rows = [], []
        for m in part.getElementsByClass("Measure"):
            measures.append((m.number, m.numberSuffix or "", float(m.offset)))
            for numeral in m.recurse().getElementsByClass("RomanNumeral"):
                pitches = [p.pitchClass for p in numeral.pitches]
                rows.append(
                    {
                        "off": float(numeral.getOffsetInHierarchy(part)),
                        "moff": float(m.offset),
                        "ton": numeral.key.tonic.pitchClass,
                        "mode": numeral.key.mode,
                        "root": numeral.root().pitchClass if pitches else -1,
                        "bass": numeral.bass().pitchClass if pitches else -1,
                        "pcs": pitches,
                    }
                )
    except Exception as error:  # music21 raises what it likes
        print(f"{path}: left out: {type(error).__name__}")
        return None
    found = {"measures": measures, "rows": rows}
    cache.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(found))
    return found


def placed(found, score, steps):
    """Find the bars of an analysis's measures, where its chords hold what sounds.

    Measures are numbered in other ways than bars are: pickups, endings and verses are counted or
    left out. So their path through the bars is found by dynamic programming: a measure goes on at
    the next bar or where the last one ends, or anywhere else at the price of `JUMP` measures.
    """
    rows = sorted(found["rows"], key=lambda row: row["off"])
    at = np.array([row["off"] for row in rows])
    starts = np.array([measure[2] for measure in found["measures"]])
    lengths = np.diff(starts, append=max(at[-1], starts[-1]) + 1)
    first = steps.bars.first[:-1]
    size = 2 * int(np.diff(steps.bars.first).max())
    sounding = np.concatenate([steps.weights["sounding"], np.zeros((size, 12))])
    heard = sounding[first[:, None] + np.arange(size)]
    tones, inside = np.zeros((len(starts), size, 12)), np.zeros((len(starts), size))
    for i, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        for t in range(min(int(2 * length), size)):
            row = int(np.searchsorted(at, start + t / 2 + 1e-6, side="right")) - 1
            inside[i, t] = 1
            if row >= 0:
                tones[i, t, rows[row]["pcs"]] = 1
    share = np.einsum("itp,jtp->ij", tones, heard, optimize=True)
    share /= np.maximum(inside @ heard.sum(axis=2).T, 1e-9)
    bars = np.round(score.bars["onset"] / TICKS_PER_QUARTER, 3)
    best, back = share[0] - JUMP * np.arange(len(bars)) / 3, []
    for i in range(1, len(starts)):
        after = np.searchsorted(bars, np.round(bars + lengths[i - 1], 3))
        reached, source = np.full(len(bars), best.max() - JUMP), np.full(len(bars), best.argmax())
        for j, k in itertools.chain(enumerate(after), enumerate(range(1, len(bars)))):
            if k < len(bars) and best[j] > reached[k]:
                reached[k], source[k] = best[j], j
        back.append(source)
        best = reached + share[i]
    path = [int(best.argmax())]
    for source in reversed(back):
        path.append(int(source[path[-1]]))
    return bars[path[::-1]]


def labelled(name, steps, found, score):
    """Put an analysis on steps; of a bar that is analysed twice, what is said first."""
    where = dict(zip((m[2] for m in found["measures"]), placed(found, score, steps), strict=True))
    first = {bar: offset for offset, bar in reversed(where.items())}
    rows = [row for row in found["rows"] if first[where[row["moff"]]] == row["moff"]]
    ticks = np.array([where[row["moff"]] + row["off"] - row["moff"] for row in rows])
    ticks = np.round(ticks * TICKS_PER_QUARTER).astype(np.int64)
    table = np.full((len(rows) + 1, 3), -1, np.int64)
    for i, row in enumerate(rows):
        table[i, 0] = 2 * row["ton"] + (row["mode"] == "minor")
        if row["pcs"]:
            kind = nearest(row["root"], row["pcs"])
            table[i, 1:] = row["root"] * N_KINDS + kind, row["bass"]
    order = np.argsort(ticks, kind="stable")
    row = np.searchsorted(ticks[order], steps.onset, side="right") - 1
    return LabelledSteps(name, steps, *table[np.where(row < 0, -1, order[row])].T)


def beneath(score):
    """Return the steps of the piano alone where it accompanies; else None."""
    last = len(score.parts) - 1
    if not last or "iano" not in score.parts[last].name:
        return None
    notes = score.notes[score.notes["part"] == last]
    return cut_steps(score.replace(notes=notes))


def when_in_rome(folder, cache):
    """Read the pieces of both parts."""
    pieces = []
    for path in sorted(folder.glob("*/*/score.mxl")):
        truth, other = (
            analysis(path.parent / name, cache) if (path.parent / name).exists() else None
            for name in ANALYSES
        )
        if truth is None:
            continue
        score, name = read(path), path.parent.name
        steps = cut_steps(score)
        own = replace(labelled(name, steps, truth, score), beneath=beneath(score))
        beside = other and labelled(name, steps, other, score)
        pieces.append(Piece(own, beside, path.parent.parent.name))
    return pieces


# ---- POP909 ----------------------------------------------------------------------------------

_POP = {
    "maj6": "maj6", "min6": "min6", "sus4(b7)": "7sus4", **{name: name for name in KINDS},
}  # fmt: skip
_BASS = {"3": 4, "b3": 3, "5": 7, "b5": 6, "#5": 8, "7": 11, "b7": 10, "2": 2, "4": 5, "6": 9}


def performed(path):
    """Read a performance: onset, stop (seconds), pitch, part."""
    midi = mido.MidiFile(path)
    tempos, notes = {0: 500000}, []
    for part, track in enumerate(midi.tracks):
        now, begun = 0, {}
        for message in track:
            now += message.time
            if message.type == "set_tempo":
                tempos[now] = message.tempo
            elif message.type in ("note_on", "note_off"):
                start = begun.pop(message.note, None)
                if start is not None:
                    notes.append((start, now, message.note, part))
                if message.type == "note_on" and message.velocity:
                    begun[message.note] = now
    ticks = np.array(sorted(tempos))
    pace = np.array([tempos[t] for t in ticks]) / 1e6 / midi.ticks_per_beat
    reached = np.concatenate([[0.0], np.cumsum(np.diff(ticks) * pace[:-1])])
    table = np.array(notes)
    for column in (0, 1):
        row = np.searchsorted(ticks, table[:, column], side="right") - 1
        seconds = reached[row] + (table[:, column] - ticks[row]) * pace[row]
        table = table.astype(np.float64)
        table[:, column] = seconds
    return table


def on_beats(folder):
    """Put a performance on its beats, as quarters; returns the score and the beats' seconds."""
    notes = performed(folder / f"{folder.name}.mid")
    marks = np.loadtxt(folder / "beat_midi.txt")
    first, last = marks[1, 0] - marks[0, 0], marks[-1, 0] - marks[-2, 0]
    down = np.flatnonzero(marks[:, 2])
    if np.median(np.diff(down)) == 6:
        down = np.flatnonzero(marks[:, 1])
    period = int(np.median(np.diff(down)))
    before = int(np.ceil(marks[0, 0] / first)) + 1
    before += -(before + int(down[0])) % period
    after = int(np.ceil(max(notes[:, 1].max() - marks[-1, 0], 0) / last)) + 2
    beats = np.concatenate(
        [
            marks[0, 0] - first * np.arange(before, 0, -1),
            marks[:, 0],
            marks[-1, 0] + last * np.arange(1, after + 1),
        ]
    )
    place = np.round(np.interp(notes[:, :2], beats, np.arange(len(beats))) * 4).astype(np.int64)
    quarter = TICKS_PER_QUARTER
    onset, stop = (place * (quarter // 4)).T
    table = make_notes(
        onset=onset,
        duration=np.maximum(stop - onset, quarter // 4),
        pitch=notes[:, 2].astype(np.int64),
        part=notes[:, 3].astype(np.int64) - 1,
    )
    bars = [*range(0, before + int(down[0]), period), *(before + down).tolist()]
    bars += list(range(bars[-1] + period, len(beats) - 1, period))
    sizes = [*np.diff(bars).tolist(), period]
    metres = [
        (bar * quarter, size, 4)
        for i, (bar, size) in enumerate(zip(bars, sizes, strict=True))
        if not i or size != sizes[i - 1]
    ]
    score = Score(
        table,
        bars=make_table(BAR_DTYPE, onset=np.array(bars) * quarter),
        time_signatures=make_table(TIME_SIGNATURE_DTYPE, metres),
        end=len(beats) * quarter,
    )
    return score, beats


def song(folder):
    """Read a song."""
    score, beats = on_beats(folder)
    steps = cut_steps(score)
    edges = np.append(steps.onset, steps.end) / TICKS_PER_QUARTER
    seconds = np.interp(edges, np.arange(len(beats)), beats)
    middle = (seconds[1:] + seconds[:-1]) / 2
    rows = [line.split() for line in (folder / "chord_midi.txt").read_text().splitlines() if line]
    chords = [(float(a), float(b), name) for a, b, name in rows]
    table = np.full((len(steps), 3), -1, np.int64)
    row = np.searchsorted([start for start, _, _ in chords], middle, side="right") - 1
    for t in range(len(steps)):
        if row[t] >= 0 and middle[t] < chords[row[t]][1] and chords[row[t]][2] != "N":
            root, _, rest = chords[row[t]][2].partition(":")
            kind, _, degree = rest.partition("/")
            pitch = 7 * name_fifths(root) % 12
            table[t, 1] = pitch * N_KINDS + list(KINDS).index(_POP[kind])
            table[t, 2] = (pitch + _BASS.get(degree, 0)) % 12
    for line in (folder / "key_audio.txt").read_text().splitlines():
        start, _, key = line.split()
        tonic, _, mode = key.partition(":")
        at = slice(None) if (table[:, 0] < 0).all() else middle >= float(start)
        table[at, 0] = 2 * (7 * name_fifths(tonic) % 12) + mode.startswith("min")
    own = LabelledSteps(folder.name, steps, *table.T)
    return Piece(own, None, "songs", seconds, tuple(chords))
