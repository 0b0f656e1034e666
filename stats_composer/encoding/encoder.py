"""The encoder: scores of a fixed number of lines as grids, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.encoding.alphabet import Alphabet, GridFrame
from stats_composer.errors import EncodingError, NotFittedError
from stats_composer.factors.grids import check_grid
from stats_composer.score import (
    NOTE_DTYPE,
    Part,
    Score,
    check_score,
    check_scores,
    phrase_spans,
)
from stats_composer.theory import estimate_key
from stats_composer.views import END_VALUES, HOLD, REST, end_context, from_grid, grid, place_context

__all__ = ["CONTEXTS", "GridEncoder", "shift_of"]

Ints = NDArray[np.int64]


CONTEXTS = ("place", "half", "end", "mode", "shift", "cadence", "given")
MIDDLE_SHIFT = 6
_PARAMETERS = ("n_lines", "steps_per_beat", "hold", "contexts", "names")


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

    Examples
    --------
    A transformer of scikit-learn's kind: a Pipeline of it and a model learns from scores.

    >>> from stats_composer.score import make_notes
    >>> scores = [Score(make_notes(onset=[0, 10080], pitch=[60, 62]), end=20160)]
    >>> encoder = GridEncoder(1, contexts=(), hold="symbol")
    >>> encoder.fit_transform(scores)[0][:, 0].tolist(), encoder.get_feature_names_out().tolist()
    ([1, 0, 2, 0], ['soprano'])
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

    # ---- scikit-learn's protocol --------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters by name; none has its own, `deep` or not."""
        return {name: getattr(self, name) for name in _PARAMETERS}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name: `params` are some of the constructor's.

        Raises
        ------
        ValueError
            If a name is not a parameter.
        """
        for name, value in params.items():
            if name not in _PARAMETERS:
                raise ValueError(f"parameter {name!r}: expected one of {', '.join(_PARAMETERS)}")
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        """Describe the encoder to scikit-learn: X is a list of scores."""
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=[]),
            input_tags=InputTags(two_d_array=False),
        )

    def __repr__(self) -> str:
        """Return the constructor call."""
        shown = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"GridEncoder({shown})"

    def fit(self, X: Iterable[Score], y: object = None) -> Self:
        """Collect the alphabets of the lines.

        Parameters
        ----------
        X : iterable of Score
        y : ignored

        Raises
        ------
        ValueError
            If a parameter is wrong, or X no list of scores with as many voices as lines.
        """
        self._check_params()
        lines = [self._lines(score, self.key(score))[0] for score in check_scores(X)]
        return self.set_entries(
            [np.unique(np.concatenate(lines)[:, v]) for v in range(self.n_lines)]
        )

    def transform(self, X: Iterable[Score]) -> list[Ints]:
        """Write scores as grids, each in the key that it is heard in.

        Parameters
        ----------
        X : iterable of Score

        Returns
        -------
        list of ndarray of shape (n_steps, n_voices), int64
        """
        self._check_fitted()
        return [self.encode(score)[0] for score in check_scores(X)]

    def fit_transform(self, X: Iterable[Score], y: object = None) -> list[Ints]:
        """Collect the alphabets of scores `X` and write these as grids; `y` is not read."""
        scores = check_scores(X)
        return self.fit(scores).transform(scores)

    def inverse_transform(
        self, X: Iterable[Ints], frames: Iterable[GridFrame] | None = None
    ) -> list[Score]:
        """Write grids as scores.

        Parameters
        ----------
        X : iterable of ndarray of shape (n_steps, n_voices), int64
        frames : iterable of GridFrame, optional
            What they are written on, as `encode` gives it; by default pages in 4/4 and C.

        Raises
        ------
        ValueError
            If a grid is none of its own, or frames and grids differ in number.
        """
        self._check_fitted()
        sizes = [len(alphabet) for alphabet in self.alphabets_]
        grids = [check_grid(g, len(sizes), sizes, name=f"grid {i}") for i, g in enumerate(X)]
        pages = [self._plain(len(grid)) for grid in grids] if frames is None else list(frames)
        if len(pages) != len(grids):
            raise ValueError(f"{len(pages)} frames: expected one for each of {len(grids)} grids")
        return [self.decode(grid, frame) for grid, frame in zip(grids, pages, strict=True)]

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the names of the columns of a grid; `input_features` are not read."""
        self._check_fitted()
        return np.array([alphabet.name for alphabet in self.alphabets_], object)

    def _plain(self, n_steps: int) -> GridFrame:
        """Return an empty page of some steps in 4/4, in C major."""
        parts = tuple(Part(alphabet.name) for alphabet in self.alphabets_[: self.n_lines])
        page = Score(np.zeros(0, NOTE_DTYPE), parts=parts)
        return self.frame(page.replace(end=n_steps * self.step(page), bars=page.bars[:0]), (0, 0))

    def _check_params(self) -> None:
        for name in ("n_lines", "steps_per_beat"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{name}={value!r}: expected an int from 1")
        if self.hold not in ("symbol", "onset"):
            raise ValueError(f"hold={self.hold!r}: expected 'symbol' or 'onset'")
        unknown = [name for name in self.contexts if name not in CONTEXTS]
        if isinstance(self.contexts, str) or unknown:
            raise ValueError(f"contexts={self.contexts!r}: expected some of {', '.join(CONTEXTS)}")

    def _check_fitted(self) -> None:
        if not hasattr(self, "alphabets_"):
            raise NotFittedError("GridEncoder has no alphabets_: call fit first")

    # ---- alphabets ----------------------------------------------------------------------

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
        metre = score.metre_at(0)
        parts = self.steps_per_beat // 2 if metre.is_compound else self.steps_per_beat
        return metre.unit // max(parts, 1)

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

    def frame(self, page: Score, key: tuple[int, int]) -> GridFrame:
        """Prepare the empty page of a score in a key (tonic fifths, mode)."""
        self._check_fitted()
        empty = page.replace(notes=np.zeros(0, NOTE_DTYPE))
        return GridFrame(empty, self.step(page), self.alphabets_, self.n_lines, shift_of(key), key)

    def context(self, frame: GridFrame, spans: list[tuple[int, int]]) -> Ints:
        """Values of the context voices on a page, given the final notes of its phrases.

        Parameters
        ----------
        frame : GridFrame
        spans : list of (onset, end), ticks
            As `phrases.phrase_spans` finds them.

        Returns
        -------
        ndarray of shape (n_steps, n_contexts), int64
        """
        page, step = frame.page, frame.step
        beat = page.metre_at(0).beat
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

    def encode(self, score: Score, key: tuple[int, int] | None = None) -> tuple[Ints, GridFrame]:
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
        frame : GridFrame

        Raises
        ------
        EncodingError
            Where a pitch is outside the alphabet of its line.
        """
        key = self.key(check_score(score)) if key is None else key
        frame = self.frame(score, key)
        pitch, onset, _ = self._lines(score, key)
        lines = [self.alphabets_[v].encode(pitch[:, v]) for v in range(self.n_lines)]
        columns = [np.stack(lines, axis=1), self.context(frame, phrase_spans(score))]
        if self.hold == "onset":
            columns.append(onset.astype(np.int64))
        return np.concatenate(columns, axis=1), frame

    def decode(self, symbols: Ints, frame: GridFrame) -> Score:
        """Write a grid on its page: the inverse of `encode` where the grid could hold the score.

        Parameters
        ----------
        symbols : ndarray of shape (n_steps, n_voices), int64
        frame : GridFrame
        """
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
    """Semitones from the common tonic C to a key's, -6 to 5.

    Parameters
    ----------
    key : (tonic fifths, mode)

    Examples
    --------
    >>> shift_of((1, 0)), shift_of((3, 1))  # G major and A minor
    (-5, -3)
    """
    return (7 * key[0] + MIDDLE_SHIFT) % 12 - MIDDLE_SHIFT
