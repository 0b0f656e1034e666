"""Tunes as a folk musician hears them: kind, mode, upbeat, parts of eight bars, ornaments.

Conventions
-----------
* A *kind* is a dance: it follows from the metre, and for hornpipes from their lilt (pairs of
  notes long and short, written as even ones here). Its *step* is the value that the dance
  runs in: an eighth, in 2/4 a sixteenth.
* A bar is a row of steps. Each holds a *code* or `HOLD`: twice the scale degree above the
  tonic (7 is its octave), one more for the semitone between two degrees. So tunes in all keys
  and modes speak of the same things.
* Notes between the steps are ornaments, and left to them (`Tune.turns`).
* A part is eight bars. A part that comes again with another last bar is kept once; upbeats
  to what follows stand at the end of a part's last bar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import EncodingError
from stats_composer.score import Score, played
from stats_composer.theory import SCALES, TICKS_PER_QUARTER, Metre, hear_tonic

__all__ = [
    "GRAIN",
    "HOLD",
    "KINDS",
    "PART_BARS",
    "Kind",
    "Tune",
    "code_pitch",
    "melodies",
    "read_phrase",
    "read_tune",
    "tonic_height",
]

Ints = NDArray[np.int64]

HOLD = -1000
PART_BARS = 8
MIN_NOTES = 8
GRAIN = TICKS_PER_QUARTER // 24


class Kind(NamedTuple):
    """A dance: its name, metre, ticks of a step, and whether pairs of steps are long-short."""

    name: str
    metre: tuple[int, int]
    step: int
    swung: bool = False

    @property
    def n_steps(self) -> int:
        """Steps of a bar."""
        return Metre(*self.metre).bar // self.step

    @property
    def group(self) -> int:
        """Steps of a beat."""
        return 3 if self.metre[1] == 8 else 2 if self.metre[0] > 2 else 4


EIGHTH = TICKS_PER_QUARTER // 2
KINDS = {
    kind.name: kind
    for kind in (
        Kind("reel", (4, 4), EIGHTH),
        Kind("hornpipe", (4, 4), EIGHTH, True),
        Kind("jig", (6, 8), EIGHTH),
        Kind("slip jig", (9, 8), EIGHTH),
        Kind("slide", (12, 8), EIGHTH),
        Kind("polka", (2, 4), EIGHTH // 2),
        Kind("waltz", (3, 4), EIGHTH),
    )
}


@dataclass(frozen=True, eq=False)
class Tune:
    """A tune, its repeats folded.

    Attributes
    ----------
    kind : Kind
    tonic : int
        Fifths.
    mode : str, one of `MODES`
    height : int
        MIDI pitch of code 0.
    pickup : ndarray of shape (n,), int64
        Codes of the upbeat's steps.
    parts : tuple of ndarray of shape (n_bars, n_steps), int64
        As played the last time.
    doubled : bool
        Whether the parts are played twice: most of them.
    endings : tuple of ndarray of shape (n_steps,) or None
        For each part the last bar as played the first time, where it is another.
    turns : ndarray of shape (n, 5), int64
        Ornaments: the steps that they take (2 for a triplet, 1 for halves), their first code,
        the two codes that follow (the second of halves is that of the next step), and the
        code after them.
    tempo : float
        Quarters a minute; 0 where none is told.
    heard : ndarray of shape (n_notes, 2), int64
        MIDI pitch and tick of all notes as played, ornaments and repeats included; the pairs
        of a lilt are even.
    """

    kind: Kind
    tonic: int
    mode: str
    height: int
    pickup: Ints
    parts: tuple[Ints, ...]
    doubled: bool
    endings: tuple[Ints | None, ...]
    turns: Ints
    tempo: float
    heard: Ints

    @property
    def bars(self) -> Ints:
        """All bars of the parts."""
        return np.concatenate(self.parts)

    @property
    def line(self) -> Ints:
        """The steps from the upbeat to the end."""
        return np.concatenate([self.pickup, self.bars.ravel()])


def code_pitch(code: int, mode: str, height: int) -> int:
    """Return the MIDI pitch of a code, or -1 where the mode has nothing between two degrees.

    Examples
    --------
    >>> code_pitch(4, "dorian", 62), code_pitch(5, "dorian", 62), code_pitch(3, "dorian", 62)
    (65, 66, -1)
    """
    scale = SCALES[mode]
    octave, degree = divmod(code // 2, 7)
    low = scale[degree]
    high = scale[degree + 1] if degree < 6 else 12
    if code % 2 and high - low < 2:
        return -1
    return height + 12 * octave + low + code % 2


def read_tune(score: Score) -> Tune:
    """Read a tune from a score of one line.

    Parameters
    ----------
    score : Score
        The first part is read. Where its bars have no upbeat, accents (the loudest notes)
        tell where the bars begin.

    Raises
    ------
    EncodingError
        Saying why it is no tune: chords, a metre that changes, bars that are not full.
    """
    first = score.select(int(score.notes["part"].min(initial=0)))
    index, clock = played(first)
    score = _without_first_endings(score)
    notes, metre = _line(score)
    if len(notes) < MIN_NOTES:
        raise EncodingError(f"{len(notes)} notes: expected a tune")
    onset = _rounded(notes["onset"])
    full = Metre(*metre).bar
    start = score.pickup or _phase(onset, notes["velocity"], full)
    kind = _kind(metre, onset - start, score.rhythm)
    n_bars = (int(onset[-1] + notes["duration"][-1]) - start + full // 2) // full
    tonic, mode = hear_tonic(score.signature_at(0), notes["pitch"], onset - start, full)
    height = tonic_height(tonic)
    code = _codes(notes["pitch"], mode, height)
    step_onset = _even(onset - start, kind)
    pickup = -int((step_onset // kind.step).min(initial=0))
    line = _steps(step_onset, code, kind, pickup, n_bars * kind.n_steps)
    turns = _turns(step_onset, code, kind)
    parts, doubled, endings = _fold(line[pickup:].reshape(n_bars, kind.n_steps))
    tempo = float(score.tempos["quarters_per_minute"][0]) if len(score.tempos) else 0.0
    pitch = first.notes["pitch"][index].astype(np.int64)
    heard = np.stack([pitch, _even(_rounded(clock) - start, kind)], axis=1)
    told = kind, tonic, mode, height, line[:pickup]
    return Tune(*told, parts, doubled, endings, turns, tempo, heard)


def melodies(heard: Ints, kind: Kind) -> list[tuple[Ints, Ints]]:
    """Return the pitches and ticks of notes as of `Tune.heard`, with and without ornaments."""
    plain = heard[heard[:, 1] % kind.step == 0]
    return [(notes[:, 0], notes[:, 1]) for notes in (heard, plain)]


def read_phrase(score: Score) -> tuple[Kind, tuple[int, str], int, Ints]:
    """Read the beginning of a tune as it is printed.

    Parameters
    ----------
    score : Score
        Of one line.

    Returns
    -------
    kind : Kind
    key : (tonic fifths, mode)
    pickup : int
        Steps of the upbeat.
    line : ndarray of shape (n_steps,), int64
        Codes from the upbeat to the end of the last bar.

    Raises
    ------
    EncodingError
        As of `read_tune`, but for the number of notes and bars.
    """
    if len(score.voices) != 1:
        found = f"{len(score.voices)} voices" if len(score.voices) else "no notes"
        raise EncodingError(f"{found}: expected a phrase of one line")
    notes, metre = _line(score)
    start = score.pickup
    onset = notes["onset"] - start
    kind = _kind(metre, onset, score.rhythm)
    even = _even(onset, kind)
    if (even % kind.step == 0).mean() < 0.5:
        raise EncodingError(
            f"the notes are in no metre: most start between the steps of a {kind.name}"
        )
    key = hear_tonic(score.signature_at(0), notes["pitch"], onset, Metre(*metre).bar)
    code = _codes(notes["pitch"], key[1], tonic_height(key[0]))
    pickup = -(-start // kind.step)
    n_steps = -(-(score.end - start) // kind.step)
    return kind, key, pickup, _steps(even, code, kind, pickup, n_steps)


def _line(score: Score) -> tuple[NDArray[np.void], tuple[int, int]]:
    """Return the notes of the first part, and the metre."""
    notes = score.notes[score.notes["part"] == score.notes["part"].min(initial=0)]
    if len(score.time_signatures) > 1:
        raise EncodingError("a metre that changes: expected a tune of one metre")
    if (notes["onset"][1:] < (notes["onset"] + notes["duration"])[:-1]).any():
        raise EncodingError("notes that sound together: expected a tune of one line")
    _, numerator, denominator = score.time_signatures[0].tolist()
    metre = (int(numerator), int(denominator))
    return notes, (4, 4) if metre == (2, 2) else metre


def _rounded(onset: Ints) -> Ints:
    return (onset + GRAIN // 2) // GRAIN * GRAIN


def _without_first_endings(score: Score) -> Score:
    """Leave out the bars that are played the first time alone."""
    first = np.flatnonzero(score.bars["ending"] == 1)
    bounds = np.append(score.bars["onset"], score.end)
    notes = score.notes.copy()
    for bar in first[::-1]:
        start, stop = bounds[bar], bounds[bar + 1]
        notes = notes[(notes["onset"] < start) | (notes["onset"] >= stop)]
        notes["onset"] -= np.where(notes["onset"] >= stop, stop - start, 0)
    return score.replace(notes=notes) if len(first) else score


def _steps(onset: Ints, code: Ints, kind: Kind, pickup: int, n_steps: int) -> Ints:
    """Return the codes of the steps from the upbeat on; onsets count from the first bar."""
    line = np.full(pickup + n_steps, HOLD)
    at, off = np.divmod(onset, kind.step)
    inside = (off == 0) & (at >= -pickup) & (at < n_steps)
    line[pickup + at[inside]] = code[inside]
    return line


def _phase(onset: Ints, velocity: NDArray[np.uint8], full: int) -> int:
    """Return where the first full bar begins, by the accents."""
    accents = onset[velocity == velocity.max()] % full
    if len(accents) == len(onset):
        return 0
    places, counts = np.unique(accents, return_counts=True)
    best = int(np.argmax(counts))
    if counts[best] < 0.9 * counts.sum() - 1:
        raise EncodingError("bars that are not full")
    return int(places[best])


def _kind(metre: tuple[int, int], onset: Ints, told: str) -> Kind:
    """Name the dance of a metre, as told; else long-short pairs of eighths make a hornpipe."""
    found = [kind for kind in KINDS.values() if kind.metre == metre]
    found = [kind for kind in found if kind.name == told.strip().lower()] or found
    if not found:
        raise EncodingError(f"a metre of {metre[0]}/{metre[1]}: expected that of a dance")
    if len(found) > 1:
        place = onset % TICKS_PER_QUARTER
        even = int((place == TICKS_PER_QUARTER // 2).sum())
        lilt = int(np.isin(place, (TICKS_PER_QUARTER * 2 // 3, TICKS_PER_QUARTER * 3 // 4)).sum())
        middle = int((place == TICKS_PER_QUARTER // 3).sum())
        return found[int(lilt - middle > even)]
    return found[0]


def _even(onset: Ints, kind: Kind) -> Ints:
    """Write long-short pairs as even ones; a beat with a note at its third or half is none."""
    if not kind.swung:
        return onset
    beat, place = np.divmod(onset, TICKS_PER_QUARTER)
    late = np.isin(place, (TICKS_PER_QUARTER * 2 // 3, TICKS_PER_QUARTER * 3 // 4))
    even = np.isin(place, (TICKS_PER_QUARTER // 3, TICKS_PER_QUARTER // 2))
    paired = late & ~np.isin(beat, beat[even])
    return np.where(paired, beat * TICKS_PER_QUARTER + kind.step, onset)


def tonic_height(tonic: int) -> int:
    """Return the MIDI pitch of code 0: the tonic from C4 to B4."""
    return 60 + 7 * tonic % 12


def _codes(pitch: Ints, mode: str, height: int) -> Ints:
    scale = np.array(SCALES[mode])
    octave, tone = np.divmod(pitch.astype(np.int64) - height, 12)
    degree = np.searchsorted(scale, tone, side="right") - 1
    code: Ints = 2 * (7 * octave + degree) + (scale[degree] != tone)
    return code


def _turns(onset: Ints, code: Ints, kind: Kind) -> Ints:
    """Collect the notes between the steps, as rows of `Tune.turns`."""
    rows = []
    step = kind.step
    for i in range(len(onset) - 3):
        here, place = onset[i : i + 4] - onset[i], onset[i] % step
        if place == 0 and here[1] * 3 == 2 * step and here[3] == 2 * step:
            rows.append((2, code[i], code[i + 1], code[i + 2], code[i + 3]))
        elif place == 0 and here[1] * 2 == step and here[2] == step:
            rows.append((1, code[i], code[i + 1], code[i + 2], code[i + 2]))
    return np.array(rows, np.int64).reshape(-1, 5)


def _fold(bars: Ints) -> tuple[tuple[Ints, ...], bool, tuple[Ints | None, ...]]:
    """Divide bars into parts, keep those that come twice once, and tell whether most do."""
    parts: list[Ints] = []
    endings: list[Ints | None] = []
    for first in range(0, len(bars) - PART_BARS + 1, PART_BARS):
        part = bars[first : first + PART_BARS]
        if parts and _alike(part, parts[-1]) >= PART_BARS - 2:
            other = parts[-1][-1]
            endings[-1] = other if (other != part[-1]).any() else endings[-1]
            parts[-1] = part
        else:
            parts.append(part)
            endings.append(None)
    if not parts:
        raise EncodingError(f"{len(bars)} bars: expected {PART_BARS} or more")
    doubled = len(bars) // PART_BARS >= 1.5 * len(parts)
    return tuple(parts), doubled, tuple(endings)


def _alike(one: Ints, other: Ints) -> int:
    """Count the bars of two parts that agree in most of their steps."""
    return int(((one == other).mean(axis=1) > 0.6).sum())
