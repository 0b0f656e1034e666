"""A score as its measures read it: lines, sonorities, beats and phrases.

Conventions
-----------
* A line is a voice, one note at a time; lines run from the top down, in the order of parts.
* A cell is what one line does in one beat: the quarters of the beat at which it starts a note.
* A sonority is a stretch in which nothing starts or stops. It is a *chord* where its pitch
  classes are those of a triad or seventh chord, whole or without the fifth. Of a diminished
  seventh and an augmented triad, whose tones are all alike, the bass is called the root.
* The chord of a beat is that of its first sonority that is one: a suspension on the beat does
  not hide the chord it resolves to.
* Phrases end where `score.phrase_spans` says: at fermatas, where there are any.

References
----------
Aldwell and Schachter (2010), Harmony and Voice Leading, 4th ed., units 4 and 5.
"""

from __future__ import annotations

import functools
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import ScoreWarning
from stats_composer.score import Score, beat_levels, phrase_spans
from stats_composer.theory import MINOR, QUALITIES, estimate_key
from stats_composer.views import REST, line

__all__ = ["CHORD_QUALITIES", "NO_ROOT", "Heard", "Phrase", "Reading", "name_chord"]

Ints = NDArray[np.int64]

CHORD_QUALITIES = (
    *("maj", "min", "dim", "aug"),
    *("7", "maj7", "min7", "hdim7", "dim7", "minmaj7"),
)
"""Harte's names of what is taken for a chord; the first four are triads."""
NO_ROOT = -1
FIFTH = 7
MAJOR_THIRD = frozenset(("maj", "aug", "7", "maj7"))


class Heard(NamedTuple):
    """A chord as it sounds.

    Attributes
    ----------
    root : int
        Pitch class.
    quality : str
        One of `CHORD_QUALITIES`.
    bass : int
        Semitones from the root up to the lowest tone, 0 to 11.
    """

    root: int
    quality: str
    bass: int

    @property
    def is_triad(self) -> bool:
        """Whether it has no seventh."""
        return self.quality in CHORD_QUALITIES[:4]

    @property
    def is_major(self) -> bool:
        """Whether its third is major."""
        return self.quality in MAJOR_THIRD

    def leads_to(self, root: int) -> bool:
        """Whether it is a dominant of a root: V or V7, or the diminished chord under it."""
        if self.quality == "dim7":
            return (root - self.root) % 3 == 1
        if self.quality in ("dim", "hdim7"):
            return (root - self.root) % 12 == 1
        return self.quality in ("maj", "7") and (root - self.root) % 12 == 5


class Phrase(NamedTuple):
    """A phrase in ticks: its start, and the onset and end of its final note."""

    start: int
    onset: int
    end: int


@functools.cache
def _chord_table() -> dict[frozenset[int], tuple[int, str]]:
    """Pitch classes of every chord, with its root and quality; whole chords come first."""
    table: dict[frozenset[int], tuple[int, str]] = {}
    for whole in (True, False):
        for quality in CHORD_QUALITIES:
            tones = [t for t in QUALITIES[quality] if whole or t != FIFTH]
            for root in range(12):
                table.setdefault(frozenset((root + t) % 12 for t in tones), (root, quality))
    return table


def name_chord(pitches: Sequence[int]) -> Heard | None:
    """Name the chord of some pitches, None where they are none.

    Examples
    --------
    >>> name_chord([52, 60, 67]), name_chord([60, 62])
    (Heard(root=0, quality='maj', bass=4), None)
    """
    root, quality = _chord_table().get(frozenset(p % 12 for p in pitches), (NO_ROOT, ""))
    if root == NO_ROOT:
        return None
    bass = min(pitches) % 12
    root = bass if quality in ("dim7", "aug") else root
    return Heard(root, quality, (bass - root) % 12)


class Reading:
    """A score, read once for all measures.

    Parameters
    ----------
    score : Score

    Attributes
    ----------
    score : Score
    key : tuple of int
        Tonic (fifths) and mode of the whole.
    tonic : int
        Its pitch class.
    lines : list of ndarray of NOTE_DTYPE
        From the top down.
    onset : ndarray of shape (n_sonorities,), int64
        Ticks; `stop` likewise.
    pitch : ndarray of shape (n_sonorities, n_lines), int64
        REST where a line is silent.
    fifths : ndarray of pitch's shape, int64
        How what sounds is spelled.
    note : ndarray of pitch's shape, int64
        Row in its line of the note that sounds, -1 for none.
    found : dict of str to Found
        What measures have counted so far, by their names (`Measure.find`).

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> notes = make_notes(onset=0, pitch=[76, 72, 67, 48], part=range(4))
    >>> Reading(Score(notes)).chords
    [Heard(root=0, quality='maj', bass=0)]
    """

    def __init__(self, score: Score) -> None:
        self.score = score
        self.found: dict[str, Any] = {}
        notes = score.notes
        self.key = estimate_key(notes["pitch"], notes["duration"], notes["onset"])
        self.tonic = 7 * self.key[0] % 12
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ScoreWarning)
            self.lines = [line(score, part, voice) for part, voice in score.voices]
        edges = [np.concatenate([n["onset"], n["onset"] + n["duration"]]) for n in self.lines]
        cuts = np.unique(np.concatenate([np.zeros(0, np.int64), *edges]))
        self.onset, self.stop = cuts[:-1], cuts[1:]
        self._onsets: list[int] = self.onset.tolist()
        shape = len(self.onset), len(self.lines)
        self.pitch = np.full(shape, REST, np.int64)
        self.fifths, self.note = np.zeros(shape, np.int64), np.full(shape, -1, np.int64)
        for column, notes in enumerate(self.lines):
            first = np.searchsorted(cuts, notes["onset"])
            last = np.searchsorted(cuts, notes["onset"] + notes["duration"])
            for row, (i, j) in enumerate(zip(first, last, strict=True)):
                self.pitch[i:j, column] = notes["pitch"][row]
                self.fifths[i:j, column] = notes["fifths"][row]
                self.note[i:j, column] = row

    @property
    def mode(self) -> str:
        """The mode of its key in words."""
        return "minor" if self.key[1] == MINOR else "major"

    # ---- where things are ---------------------------------------------------------------

    def row_at(self, tick: int) -> int:
        """Return the sonority that sounds at a tick; the last after the end."""
        return min(max(bisect_right(self._onsets, tick) - 1, 0), len(self._onsets) - 1)

    @functools.cached_property
    def names(self) -> list[str]:
        """The lines as their parts are named, or by their numbers from the top."""
        parts = [part for part, _ in self.score.voices]
        given = [self.score.parts[part].name.lower() for part in parts]
        shared = [parts.count(part) > 1 for part in parts]
        return [
            f"voice {column + 1}" if shared[column] or not name else name
            for column, name in enumerate(given)
        ]

    @functools.cached_property
    def beats(self) -> Ints:
        """Ticks at which a beat begins, from the first note's to the last that sounds."""
        found = []
        score, bars = self.score, self.score.bars["onset"].tolist()
        offsets = score.bar_offsets.tolist()
        for start, stop, offset in zip(bars, [*bars[1:], score.end], offsets, strict=True):
            beat = score.metre_at(start).beat
            found.append(np.arange(start + -offset % beat, stop, beat))
        ticks = np.concatenate(found)
        if not len(self.onset):
            return ticks[:0].astype(np.int64)
        inside: Ints = ticks[(ticks >= self.onset[0]) & (ticks < self.stop[-1])].astype(np.int64)
        return inside

    @functools.cached_property
    def beat_spans(self) -> list[tuple[int, int]]:
        """Start and stop of each beat."""
        return list(pairwise([*self.beats.tolist(), *self.stop[-1:].tolist()]))

    @functools.cached_property
    def beat_rows(self) -> Ints:
        """The sonority at each beat."""
        return np.array([self.row_at(tick) for tick in self.beats.tolist()], np.int64)

    @functools.cached_property
    def levels(self) -> NDArray[np.int8]:
        """Metrical strength at which each sonority begins (`theory.Metre.strength`)."""
        return beat_levels(self.score, self.onset)

    @functools.cached_property
    def phrases(self) -> list[Phrase]:
        """The phrases of the top line, in order."""
        found: list[Phrase] = []
        start = int(self.lines[0]["onset"][0]) if self.lines else 0
        for onset, end in phrase_spans(self.score):
            found.append(Phrase(start, onset, end))
            later = self.lines[0]["onset"][self.lines[0]["onset"] >= end]
            start = int(later[0]) if len(later) else end
        return found

    @functools.cached_property
    def cells(self) -> list[list[tuple[int, int]]]:
        """Each line's cells, with the tick of their beat; not where it is silent throughout.

        A cell is a number of four bits, 8 for a note that starts with the beat, 4, 2 and 1 for
        its later quarters; 16 is added where anything else starts, as in triplets.
        """
        found: list[list[tuple[int, int]]] = [[] for _ in self.lines]
        lengths = [self.score.metre_at(tick).beat for tick, _ in self.beat_spans]
        for column, notes in enumerate(self.lines):
            onsets = notes["onset"].tolist()
            for (tick, stop), beat, row in zip(
                self.beat_spans, lengths, self.beat_rows.tolist(), strict=True
            ):
                first, last = bisect_left(onsets, tick), bisect_left(onsets, stop)
                if first == last and self.pitch[row, column] < 0:
                    continue
                cell = 0
                for onset in onsets[first:last]:
                    quarter, rest = divmod(4 * (onset - tick), beat)
                    cell |= 16 if rest or quarter > 3 else 8 >> quarter
                found[column].append((tick, cell))
        return found

    # ---- what sounds --------------------------------------------------------------------

    @functools.cached_property
    def chords(self) -> list[Heard | None]:
        """The chord of each sonority, None for what is none."""
        rows = self.pitch.tolist()
        return [name_chord([pitch for pitch in row if pitch != REST]) for row in rows]

    def chord_between(self, start: int, stop: int) -> Heard | None:
        """Return the first chord that sounds from the tick `start` up to another."""
        for row in range(self.row_at(start), len(self.onset)):
            if self.onset[row] >= stop:
                break
            if self.chords[row]:
                return self.chords[row]
        return None

    @functools.cached_property
    def beat_chords(self) -> list[Heard | None]:
        """The chord of each beat."""
        return [self.chord_between(*span) for span in self.beat_spans]

    @functools.cached_property
    def progression(self) -> list[tuple[int, Heard]]:
        """The chords of the beats with their ticks, each once while its root and bass stay."""
        found: list[tuple[int, Heard]] = []
        for tick, chord in zip(self.beats.tolist(), self.beat_chords, strict=True):
            if chord and (not found or found[-1][1][::2] != chord[::2]):
                found.append((tick, chord))
        return found

    def before(self, tick: int, root: int, beats: int = 3) -> tuple[int, Heard] | None:
        """Return the last chord of another root, up to `beats` before a tick, and its sonority."""
        earliest = tick - beats * self.score.metre_at(tick).beat
        for row in range(self.row_at(tick) - 1, -1, -1):
            if self.stop[row] <= earliest:
                break
            chord = self.chords[row]
            if chord and chord.root != root:
                return row, chord
        return None
