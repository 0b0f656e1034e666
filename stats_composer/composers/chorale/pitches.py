"""The pitches of a tune whose outline is known: a law of each given the two before.

    P(x | y before it, z before that) ~ exp( a[mode, kind, x] + b[mode, kind, degree of x]
                + c[mode, y, x] + d[kind, x - y] + e[y - z, x - y] ),                          (1)

where the kind of a note is what the outline tells of it: its weight in the bar, and whether it
begins a phrase, leads to its end, or is that. It is a conditional logit (`models/choices.py`), so
normalised note by note.

Conventions
-----------
Pitches are those of the common tonic C, as an encoder's alphabets have them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stats_composer.composers.chorale.outline import BEAT, Outline
from stats_composer.encoding import GridEncoder, shift_of
from stats_composer.models.choices import Marked, learn_choices
from stats_composer.score import Score

__all__ = ["PitchLaw", "Tune", "kinds_of"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

(
    OFF_BEAT, SHORT, STRONG, WEAK, NEARING, LEADING, CLOSING, ANTICIPATING, FIRST, FINAL, LAST,
    OPENING,
) = range(N_KINDS := 12)  # fmt: skip
N_MODES, OCTAVE = 2, 12
N_INTERVALS = 2 * OCTAVE + 2  # from an octave down to one up, and none
L2 = 1.0
RARE, SHUNNED = 5e-4, 4.0  # intervals of so small a share within phrases, and nats against them


class Tune(NamedTuple):
    """A tune: its outline, mode, pitches, and what it sounds above them."""

    outline: Outline
    mode: int
    pitch: Ints
    shift: int = 0

    @classmethod
    def of(cls, score: Score) -> Self:
        """Read the top line of a score."""
        melody, key = score.select(*score.voices[0]), GridEncoder.key(score)
        pitch = melody.notes["pitch"].astype(np.int64) - shift_of(key)
        return cls(Outline.of(melody), key[1], pitch, shift_of(key))


def kinds_of(outline: Outline) -> Ints:
    """Return the kind of each note of an outline."""
    onsets, first = outline.onsets, outline.first
    place = (outline.phrases[0].place + onsets[:-1]) % outline.bar
    strong = place % (2 * BEAT) == 0 if outline.bar == 4 * BEAT else place == 0
    kinds = np.where(np.diff(onsets) < BEAT, SHORT, np.where(strong, STRONG, WEAK))
    kinds[place % BEAT > 0] = OFF_BEAT
    for start, stop in pairwise(first.tolist()):
        # The end is led to by the last note on a beat; what follows that only anticipates it.
        late = int(place[stop - 2] % BEAT > 0)
        kinds[stop - 2] = ANTICIPATING
        led = [(stop - 2 - late, LEADING), (stop - 3 - late, NEARING)]
        for note, kind in led:
            if note > start and place[note] % BEAT == 0:
                kinds[note] = kind
    if kinds[-2 - late] == LEADING:
        kinds[-2 - late] = CLOSING
    kinds[first[:-1]] = FIRST
    kinds[first[1:] - 1] = FINAL
    kinds[-1], kinds[0] = LAST, OPENING
    return kinds


class PitchLaw:
    """The law (1).

    Attributes
    ----------
    low_, n_symbols_ : int
        Pitches from `low_` to `low_ + n_symbols_ - 1`.
    weights_ : ndarray of float64
    """

    def fit(self, tunes: Sequence[Tune]) -> Self:
        """Learn from tunes."""
        every = np.concatenate([tune.pitch for tune in tunes])
        self.low_, self.n_symbols_ = int(every.min()), int(np.ptp(every)) + 1
        start, rows = self.n_symbols_, []
        for tune in tunes:
            line = np.concatenate([[start, start], tune.pitch - self.low_])
            mode = np.full(len(tune.pitch), tune.mode)
            rows.append(np.stack([mode, kinds_of(tune.outline), line[:-2], line[1:-1], line[2:]]))
        mode, kind, second, before, chosen = np.concatenate(rows, axis=1)
        marked = self._marked(mode, kind, second, before, np.arange(self.n_symbols_))
        self.weights_ = learn_choices(marked, chosen, L2)
        self._shun(kind, chosen - before)
        return self

    def _shun(self, kind: Ints, interval: Ints) -> None:
        """Lower the weights d of intervals that are too rare within phrases to be told apart."""
        within = ~np.isin(np.arange(N_KINDS), (FIRST, OPENING))
        inside = within[kind]
        seen = np.bincount(_clipped(interval[inside]), minlength=N_INTERVALS - 1)
        first = N_MODES * (self.n_symbols_ * (N_KINDS + self.n_symbols_ + 1) + N_KINDS * OCTAVE)
        table = self.weights_[first : first + N_KINDS * N_INTERVALS].reshape(N_KINDS, N_INTERVALS)
        rare = np.append(seen < RARE * inside.sum(), False)
        table[np.ix_(within, rare)] -= SHUNNED

    def _marked(self, mode: Ints, kind: Ints, second: Ints, before: Ints, symbol: Ints) -> Marked:
        """Return the features of some next symbols in contexts: (5, n_contexts, n_following)."""
        n = self.n_symbols_
        mode, kind, second, before = (column[:, None] for column in (mode, kind, second, before))
        spot = N_KINDS * mode + kind
        interval = np.where(before < n, _clipped(symbol - before), N_INTERVALS - 1)
        earlier = np.where((before < n) & (second < n), _clipped(before - second), N_INTERVALS - 1)
        parts = (
            (spot * n + symbol, N_MODES * N_KINDS * n),
            (spot * OCTAVE + (symbol + self.low_) % OCTAVE, N_MODES * N_KINDS * OCTAVE),
            ((mode * (n + 1) + before) * n + symbol, N_MODES * (n + 1) * n),
            (kind * N_INTERVALS + interval, N_KINDS * N_INTERVALS),
            (earlier * N_INTERVALS + interval, N_INTERVALS**2),
        )
        size = np.array([width for _, width in parts])
        codes = np.stack([np.broadcast_to(c, (len(mode), len(symbol))) for c, _ in parts])
        return Marked(codes + (np.cumsum(size) - size)[:, None, None], int(size.sum()))

    def log_prob(
        self, mode: int, kind: int, second: Ints, before: Ints, symbols: Ints
    ) -> Floats:  # fmt: skip
        """Return the log-probability of each of some symbols after two others.

        Parameters
        ----------
        mode, kind : int
        second, before : ndarray of shape (n,), int64
            The symbols last but one, and last; `n_symbols_` for none.
        symbols : ndarray of shape (n_symbols,), int64
            The only ones that there are.

        Returns
        -------
        ndarray of shape (n, n_symbols), float64
        """
        n = len(before)
        marked = self._marked(np.full(n, mode), np.full(n, kind), second, before, symbols)
        score = marked.scores(self.weights_)
        return np.asarray(score - np.logaddexp.reduce(score, axis=1, keepdims=True))

    def draw(self, mode: int, outline: Outline, symbols: Ints, n: int, rng: Generator) -> Ints:
        """Draw lines of some symbols for an outline, note by note.

        Returns
        -------
        ndarray of shape (n, n_notes), int64
        """
        kinds = kinds_of(outline)
        lines = np.full((n, len(kinds) + 2), self.n_symbols_)
        for i, kind in enumerate(kinds.tolist()):
            prob = np.exp(self.log_prob(mode, kind, lines[:, i], lines[:, i + 1], symbols))
            passed = prob.cumsum(axis=1)
            u = rng.random((n, 1)) * passed[:, -1:]
            lines[:, i + 2] = symbols[(passed <= u).sum(axis=1)]
        return lines[:, 2:]

    # ---- files --------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned: sizes, and arrays."""
        sizes = {"low": self.low_, "n_symbols": self.n_symbols_}
        return sizes, {"weights": self.weights_.astype(np.float32)}

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        self.low_, self.n_symbols_ = int(sizes["low"]), int(sizes["n_symbols"])
        self.weights_ = arrays["weights"].astype(np.float64)
        return self


def _clipped(interval: Ints) -> Ints:
    """Return intervals as indices, those over an octave as an octave."""
    return np.clip(interval, -OCTAVE, OCTAVE) + OCTAVE
