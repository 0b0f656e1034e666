"""Encoders: scores as integer grids, and back.

Conventions
-----------
A grid has shape (n_steps, n_voices). Each voice has its own `Alphabet`, sorted; a symbol is
an index into it. In a voice of notes the alphabet's entries are MIDI pitches after `REST` and,
where the encoder uses it, `HOLD`. Pieces are moved to a common tonic on the way in: the pitch
that sounds is the alphabet's entry plus the frame's `shift`.

The voices of notes come first, top to bottom, then the context voices (`CONTEXTS`), then,
where held and repeated notes are told apart by them, one onset voice a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import EncodingError, NotFittedError
from stats_composer.score import NOTE_DTYPE, Score, phrase_spans
from stats_composer.theory import TICKS_PER_QUARTER, beat_ticks, estimate_key
from stats_composer.views import END_VALUES, HOLD, REST, end_context, from_grid, grid, place_context

__all__ = ["CONTEXTS", "HOLD", "REST", "Alphabet", "Frame", "GridEncoder"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Alphabet:
    """The sorted entries of one voice; a symbol is an index into them.

    Attributes
    ----------
    entries : ndarray of shape (n_symbols,), int64, rising
        MIDI pitches with `REST` and `HOLD` before them, or the values of a context.
    name : str
        The voice's name: `soprano`, `place`.
    """

    entries: Ints
    name: str = ""

    @classmethod
    def of(cls, values: Iterable[int] | Ints, name: str = "") -> Alphabet:
        """Collect the distinct values of a voice."""
        entries = np.unique(np.asarray(list(values), np.int64))
        entries.setflags(write=False)
        return cls(entries, name)

    def __len__(self) -> int:
        """Return the number of symbols."""
        return len(self.entries)

    @property
    def pitch(self) -> Ints:
        """Label table: the pitch of each symbol, negative where it has none."""
        return self.entries

    @property
    def pitch_class(self) -> Ints:
        """Label table: the pitch class of each symbol, -1 where it has none."""
        return np.where(self.entries >= 0, self.entries % 12, -1)

    def symbol(self, entry: int) -> int:
        """Index of an entry, or -1."""
        index = int(np.searchsorted(self.entries, entry))
        found = index < len(self.entries) and self.entries[index] == entry
        return index if found else -1

    def encode(self, values: Ints) -> Ints:
        """Replace entries by symbols.

        Raises
        ------
        EncodingError
            Naming the first value that is not in the alphabet.
        """
        index = np.minimum(np.searchsorted(self.entries, values), len(self.entries) - 1)
        wrong = self.entries[index] != values
        if wrong.any():
            step = int(np.argmax(wrong))
            raise EncodingError(
                f"{self.name or 'voice'}: {values[step]} at step {step} is not among the "
                f"{len(self)} entries from {self.entries.min()} to {self.entries.max()}"
            )
        return index.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Frame:
    """The empty page that a grid is written on: its steps, bars, key and voices.

    Attributes
    ----------
    page : Score
        A score without notes: metres, keys, bars, tempos, parts, and its end.
    step : int
        Ticks of a row of the grid.
    alphabets : tuple of Alphabet
        One a voice; the first `n_lines` are the voices of notes, top to bottom, the others
        context voices.
    n_lines : int
    shift : int
        Semitones from an alphabet's pitch to the one that sounds.
    key : (tonic fifths, mode)
    """

    page: Score
    step: int
    alphabets: tuple[Alphabet, ...]
    n_lines: int
    shift: int = 0
    key: tuple[int, int] = (0, 0)

    @property
    def n_steps(self) -> int:
        """Rows of the grid."""
        return -(-self.page.end // self.step)

    @property
    def n_symbols(self) -> Ints:
        """Symbols of each voice, context voices included."""
        return np.array([len(a) for a in self.alphabets], np.int64)

    @property
    def bar(self) -> Ints:
        """Index of the bar of each step, int64 of shape (n_steps,)."""
        ticks = np.arange(self.n_steps) * self.step
        return np.searchsorted(self.page.bars["onset"], ticks, side="right").astype(np.int64) - 1

    def steps(self, onset: int, duration: int) -> slice:
        """Return the steps that a span of ticks covers, partly covered ones included."""
        return slice(onset // self.step, -(-(onset + duration) // self.step))


CONTEXTS = ("place", "half", "end", "mode", "shift", "cadence", "given")
MIDDLE_SHIFT = 6


class GridEncoder:
    """Scores of a fixed number of lines as grids, and grids as scores.

    Parameters
    ----------
    n_lines : int
    steps_per_beat : int
        Rows of a beat: of the metre's unit, so that 4/4 and 2/2 look alike; in compound
        metres the unit itself is a beat's third and has half as many rows (at least one).
    hold : {"symbol", "onset"}
        How a held note is told from a repeated one: by the symbol `HOLD` in its line, or by
        an onset voice beside the sounding pitch of every step.
    contexts : sequence of str
        Which of `CONTEXTS` come after the lines: `place` in the bar; `half` (0 on the beat, 1
        off it); `end`, the way to the phrase's final note; `mode`; `shift`, the transposition
        (0 to 11, 6 for none); `cadence`, mode and state of the phrase in one; `given`, bits of
        the lines that are not to be modelled: all of them in every other row.
    names : sequence of str
        Of the lines.

    Attributes
    ----------
    alphabets_ : tuple of Alphabet
        One a voice, contexts and onsets included.
    """

    def __init__(
        self,
        n_lines: int = 4,
        *,
        steps_per_beat: int = 2,
        hold: str = "onset",
        contexts: Sequence[str] = CONTEXTS[:-1],
        names: Sequence[str] = ("soprano", "alto", "tenor", "bass"),
    ) -> None:
        self.n_lines = n_lines
        self.steps_per_beat = steps_per_beat
        self.hold = hold
        self.contexts = contexts
        self.names = names

    # ---- learning -----------------------------------------------------------------------

    def fit(self, scores: Iterable[Score]) -> Self:
        """Collect the alphabets of the lines."""
        lines = [self._lines(score, self.key(score))[0] for score in scores]
        if not lines:
            raise EncodingError("no scores: expected at least one")
        return self.set_entries(
            [np.unique(np.concatenate(lines)[:, v]) for v in range(self.n_lines)]
        )

    def set_entries(self, entries: Sequence[Ints]) -> Self:
        """Set the entries of the lines, as a model file holds them."""
        names = [
            self.names[v] if v < len(self.names) else f"voice {v + 1}" for v in range(self.n_lines)
        ]
        lines = [Alphabet.of(values, name) for values, name in zip(entries, names, strict=True)]
        sizes = {
            "place": 7 * self.steps_per_beat, "half": 2, "end": END_VALUES, "mode": 2,
            "shift": 12, "cadence": 6, "given": 1 << self.n_lines,
        }  # fmt: skip
        contexts = [Alphabet.of(range(sizes[name]), name) for name in self.contexts]
        onsets = [Alphabet.of(range(2), f"{name} onset") for name in names]
        self.alphabets_ = (*lines, *contexts, *(onsets if self.hold == "onset" else ()))
        return self

    def column(self, context: str) -> int:
        """Column of a context voice in the grid."""
        return self.n_lines + list(self.contexts).index(context)

    @property
    def labels(self) -> Ints:
        """Pitch of each symbol of each line, padded with -1: (n_lines, n_symbols)."""
        lines = self.alphabets_[: self.n_lines]
        table = np.full((self.n_lines, max(map(len, lines))), -1, np.int64)
        for v, alphabet in enumerate(lines):
            table[v, : len(alphabet)] = np.where(alphabet.entries >= 0, alphabet.entries, -1)
        return table

    # ---- encoding -----------------------------------------------------------------------

    @staticmethod
    def key(score: Score) -> tuple[int, int]:
        """Tonic (fifths) and mode that a score is heard in as a whole."""
        notes = score.notes
        return estimate_key(notes["pitch"], notes["duration"], notes["onset"])

    def step(self, score: Score) -> int:
        """Ticks of a row for a score, by its first metre."""
        metre = score.time_signatures[0]
        numerator, denominator = int(metre["numerator"]), int(metre["denominator"])
        unit = 4 * TICKS_PER_QUARTER // denominator
        compound = beat_ticks(numerator, denominator) != unit
        return unit // max(self.steps_per_beat // 2 if compound else self.steps_per_beat, 1)

    def _lines(self, score: Score, key: tuple[int, int]) -> tuple[Ints, NDArray[np.bool_], int]:
        """Return the pitches at the common tonic (HOLD included), the onsets and the shift."""
        voices = score.voices
        if len(voices) != self.n_lines:
            raise EncodingError(
                f"{score.title or 'score'}: {len(voices)} voices, expected {self.n_lines}"
            )
        pitch, onset = grid(score, self.step(score), voices)
        shift = shift_of(key)
        pitch = np.where(pitch >= 0, pitch - shift, pitch)
        if self.hold == "symbol":
            held = ~onset & (pitch >= 0)
            held[0] = False
            pitch = np.where(held, HOLD, pitch)
        return pitch, onset, shift

    def frame(self, page: Score, key: tuple[int, int]) -> Frame:
        """Prepare the empty page of a score in a key (tonic fifths, mode)."""
        if not hasattr(self, "alphabets_"):
            raise NotFittedError("GridEncoder has no alphabets_: call fit first")
        empty = page.replace(notes=np.zeros(0, NOTE_DTYPE))
        return Frame(empty, self.step(page), self.alphabets_, self.n_lines, shift_of(key), key)

    def context(self, frame: Frame, spans: list[tuple[int, int]]) -> Ints:
        """Values of the context voices on a page, given the final notes of its phrases.

        Parameters
        ----------
        frame : Frame
        spans : list of (onset, end), ticks
            As `phrases.phrase_spans` finds them.

        Returns
        -------
        ndarray of shape (n_steps, n_contexts), int64
        """
        page, step = frame.page, frame.step
        metre = page.time_signatures[0]
        beat = beat_ticks(int(metre["numerator"]), int(metre["denominator"]))
        place = place_context(page, step, self.steps_per_beat)
        end = end_context(spans, frame.n_steps, step, max(beat // 2, step))
        mode = np.full(frame.n_steps, frame.key[1], np.int64)
        columns = {
            "place": place,
            "half": (place % self.steps_per_beat > 0).astype(np.int64),
            "end": end,
            "mode": mode,
            "shift": np.full(frame.n_steps, frame.shift + MIDDLE_SHIFT, np.int64),
            "cadence": 3 * mode + np.clip(end - 11, 0, 2),
            "given": np.where(np.arange(frame.n_steps) % 2, 0, (1 << self.n_lines) - 1),
        }
        chosen = [columns[name] for name in self.contexts]
        return np.array(chosen, np.int64).reshape(-1, frame.n_steps).T

    def encode(self, score: Score, key: tuple[int, int] | None = None) -> tuple[Ints, Frame]:
        """Write a score as a grid.

        Parameters
        ----------
        score : Score
            With as many voices as the encoder has lines.
        key : (tonic fifths, mode), optional
            By default estimated from the notes.

        Returns
        -------
        grid : ndarray of shape (n_steps, n_voices), int64
        frame : Frame

        Raises
        ------
        EncodingError
            Where a pitch is outside the alphabet of its line.
        """
        key = self.key(score) if key is None else key
        frame = self.frame(score, key)
        pitch, onset, _ = self._lines(score, key)
        lines = [self.alphabets_[v].encode(pitch[:, v]) for v in range(self.n_lines)]
        columns = [np.stack(lines, axis=1), self.context(frame, phrase_spans(score))]
        if self.hold == "onset":
            columns.append(onset.astype(np.int64))
        return np.concatenate(columns, axis=1), frame

    def decode(self, symbols: Ints, frame: Frame) -> Score:
        """Write a grid on its page: the inverse of `encode` where the grid could hold the score."""
        entries = [frame.alphabets[v].entries[symbols[:, v]] for v in range(self.n_lines)]
        pitch = np.stack(entries, axis=1)
        if self.hold == "onset":
            onset = symbols[:, -self.n_lines :] > 0
        else:
            onset = pitch >= 0
            for t in range(1, len(pitch)):
                pitch[t] = np.where(pitch[t] == HOLD, pitch[t - 1], pitch[t])
            pitch = np.where(pitch == HOLD, REST, pitch)
        sounding = np.where(pitch >= 0, pitch + frame.shift, REST)
        return from_grid(sounding, onset, frame.page, frame.step)


def shift_of(key: tuple[int, int]) -> int:
    """Semitones from the common tonic C to a key's, -6 to 5."""
    return (7 * key[0] + MIDDLE_SHIFT) % 12 - MIDDLE_SHIFT
