"""The chord voice: a chord at each step, a context of the notes that is itself sampled.

A chord is a label of `chords.labels`, its root counted from the tonic. Its law given the notes
is a linear-chain conditional random field on what each line sounds above the root, the degree
of the root by mode and place in the phrase, and the step from chord to chord by place in the
bar. It is fitted first, to the chords that the recognizer of chorales finds in the pieces (that
of other music hears no more of their roots); its weights of the notes are then a field of the
notes' own model, all other terms of which are fitted around it. So the two are the conditionals
of one joint law, and Gibbs sampling of notes and chords in turn draws from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.chords import ChordRecognizer
from stats_composer.chords.events import chord_events
from stats_composer.chords.features import observe
from stats_composer.chords.labels import N_LABELS, N_QUALITIES, READINGS
from stats_composer.constraints import Changes, ChordAt, Constraint
from stats_composer.encoding import GridEncoder, GridFrame
from stats_composer.models.crf import ChainCRF, Observed
from stats_composer.models.maxent import Field
from stats_composer.sampling.context import ContextLaw
from stats_composer.score import Score
from stats_composer.theory import Chord

__all__ = ["ChordVoice", "chord_path", "pinned_labels"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

N_STATES = 6  # values of the context `cadence`: mode and state of the phrase
KINDS = 3  # off the beat, on the first of a bar, on another


class ChordVoice:
    """The law of the chords of a grid given its notes.

    Parameters
    ----------
    encoder : GridEncoder
        With the contexts `place`, `half` and `cadence`.
    l2, l2_transition : float
        As of `ChainCRF`.

    Attributes
    ----------
    crf_ : ChainCRF
    seen_ : ndarray of shape (n_seen,), int64
        Labels that occurred; free steps take one of them.
    """

    def __init__(
        self, encoder: GridEncoder, *, l2: float = 16.0, l2_transition: float = 1.0
    ) -> None:
        self.encoder = encoder
        self.n_lines = encoder.n_lines
        self.crf_ = ChainCRF(n_gates=KINDS, l2=l2, l2_transition=l2_transition, max_iter=25)

    @property
    def column(self) -> int:
        """Column of the chords: after all that the encoder writes."""
        return len(self.encoder.alphabets_)

    def fit(self, grids: Sequence[Ints], labels: Sequence[Ints]) -> Self:
        """Learn the law from grids of the encoder, and the chord at each of their steps."""
        self.seen_ = np.unique(np.concatenate(labels))
        self.crf_.fit([self._observe(grid) for grid in grids], labels)
        return self

    def _observe(self, grid: Ints) -> Observed:
        """See each line's pitch class above each root, and the root's degree in its state."""
        labels = self.encoder.labels
        root = np.arange(12)
        codes = np.full((len(grid), 12, self.n_lines + 1), -1, np.int32)
        for v in range(self.n_lines):
            pitch = labels[v][grid[:, v], None]
            codes[:, :, v] = np.where(pitch >= 0, 12 * v + (pitch - root) % 12, -1)
        state = grid[:, self.encoder.column("cadence"), None]
        codes[:, :, -1] = 12 * (self.n_lines + state) + root
        return Observed(codes, self._kind(grid))

    def _kind(self, grid: Ints) -> Ints:
        half = grid[:, self.encoder.column("half")]
        place = grid[:, self.encoder.column("place")]
        first = (place == 0) | (place == 4 * self.encoder.steps_per_beat)
        kind: Ints = np.where(half > 0, 0, np.where(first, 1, 2))
        return kind

    def _weights(self) -> NDArray[np.float64]:
        """Weights of all codes, those that were too rare included: (n_codes / 12, 12, class)."""
        table = np.zeros((12 * (self.n_lines + N_STATES), N_QUALITIES))
        table[self.crf_.codes_] = self.crf_.weights_
        return table.reshape(-1, 12, N_QUALITIES)

    def field(self) -> Field:
        """Return the field of the notes by chord, [line, label, symbol]."""
        weights = self._weights()[: self.n_lines]
        # As wide as the kernels' rows, which come in eights.
        width = -(-self.encoder.labels.shape[1] // 8) * 8
        out = np.zeros((self.n_lines, 12, N_QUALITIES, width), np.float32)
        root = np.arange(12)[:, None]
        for v, pitch in enumerate(self.encoder.labels):
            above = weights[v][(pitch - root) % 12]  # (root, symbol, quality)
            above = np.where((pitch >= 0)[:, None], above, 0.0)
            out[v, :, :, : len(pitch)] = above.transpose(0, 2, 1)
        table = out.reshape(self.n_lines, N_LABELS, width)
        return Field(context=self.column, table=table)

    def law(self, grid: Ints, pinned: Bools) -> ContextLaw:
        """Return the law of the chords of a grid.

        Parameters
        ----------
        grid : ndarray of shape (n_steps, n_voices), int64
            Its contexts are read, and not its lines.
        pinned : ndarray of shape (n_steps, N_LABELS), bool
            Labels that a step may take; a row of none is free.
        """
        allowed = np.zeros((len(grid), N_LABELS), np.bool_)
        allowed[:, self.seen_] = True
        asked = pinned.any(axis=1)
        allowed[asked] = pinned[asked]
        degrees = self._weights()[self.n_lines :].reshape(N_STATES, N_LABELS)
        state = grid[:, self.encoder.column("cadence")]
        unary = np.where(allowed, degrees[state], -np.inf)
        return ContextLaw(self.column, unary, self.crf_.transition(), self._kind(grid))

    # ---- files --------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned: no sizes, and arrays."""
        crf = self.crf_
        learned = {
            "weights": crf.weights_, "progression": crf.progression_, "change": crf.change_
        }  # fmt: skip
        arrays: dict[str, NDArray[Any]] = {k: a.astype(np.float32) for k, a in learned.items()}
        return {}, arrays | {
            "codes": crf.codes_.astype(np.int32),
            "seen": self.seen_.astype(np.int16),
        }

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        for name in ("weights", "progression", "change"):
            setattr(self.crf_, f"{name}_", arrays[name].astype(np.float64))
        self.crf_.codes_ = arrays["codes"].astype(np.int64)
        self.seen_ = arrays["seen"].astype(np.int64)
        return self


def chord_path(score: Score, frame: GridFrame, recognizer: ChordRecognizer) -> Ints:
    """Return the chord at each step of a frame, as the recognizer hears it.

    A silence keeps the chord before it.
    """
    events = chord_events(score)
    if not len(events):
        return np.zeros(frame.n_steps, np.int64)
    (labels,) = recognizer.model.predict([observe(events)])
    ticks = np.arange(frame.n_steps) * frame.step
    row = np.searchsorted(events["onset"], ticks, side="right") - 1
    root, quality = np.divmod(labels[np.maximum(row, 0)], N_QUALITIES)
    path: Ints = (root - 7 * frame.key[0]) % 12 * N_QUALITIES + quality
    return path


def pinned_labels(constraints: Iterable[Constraint], frame: GridFrame) -> Bools:
    """Mark the labels nearest to the chords that constraints name; none where they name none.

    Returns
    -------
    ndarray of shape (n_steps, N_LABELS), bool
    """
    pinned = np.zeros((frame.n_steps, N_LABELS), np.bool_)
    for constraint in constraints:
        if isinstance(constraint, ChordAt | Changes):
            for start, stop, chord in constraint.chords(frame.page):
                steps = frame.steps(start, stop - start)
                pinned[steps] = _nearest(chord, 7 * frame.key[0])
    return pinned


def _nearest(chord: Chord, tonic: int) -> Bools:
    """Mark the qualities whose tones agree best with a chord's, on its root."""
    tones = {tone % 12 for tone in chord.intervals}
    likeness = np.array(
        [
            max(len(tones & set(reading)) / len(tones | set(reading)) for reading in readings)
            for readings in READINGS
        ]
    )
    root = (7 * chord.root - tonic) % 12
    marked = np.zeros((12, N_QUALITIES), np.bool_)
    marked[root] = likeness == likeness.max()
    return marked.ravel()
