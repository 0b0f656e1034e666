"""Chords of scores: what was written, or what a model of the score's kind of music hears.

Chorales are read by the chain model over their events, all else by the harmony models over steps
(`chords.harmonies`), which hear keys and chords together. Of the chain model the labels are the
most probable path through the piece, which changes where a chord does more often than the most
probable label of each event would; events in a row with one label are a span. The posterior of its
label is the confidence that is reported.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer import modelfile
from stats_composer._version import __version__
from stats_composer.chords.events import LabelledPiece, chord_events
from stats_composer.chords.features import N_GATES, observe
from stats_composer.chords.harmonies import STYLES, HarmonyModels
from stats_composer.chords.labels import N_LABELS, N_QUALITIES, QUALITY_CODES
from stats_composer.chords.profiles import chord_profiles
from stats_composer.chords.reading import GRIDS
from stats_composer.chords.spans import (
    ONE_LINE,
    ChordSpan,
    Found,
    describe,
    is_readable,
    no_chord,
    no_harmony,
    spellings,
    written,
)
from stats_composer.chords.steps import cut_steps
from stats_composer.chords.styles import is_broken_line, is_chorale
from stats_composer.files import packaged
from stats_composer.models.calibration import VectorScaling
from stats_composer.models.crf import ChainCRF, Observed
from stats_composer.score import CHORD_DTYPE, Score, check_score, make_table

__all__ = ["ChordRecognizer", "calibrate"]

N_FOLDS = 3
CHORALE = "chorale"
"""The style that the chain model over events hears."""

_BUNDLED = "pretrained/bach-chords.npz"


class ChordRecognizer:
    """A fitted chord model, and what it does to scores.

    Parameters
    ----------
    model : ChainCRF
    calibration : VectorScaling, optional
        Of the model's posteriors; by default they are left as they are.
    manifest : mapping
        What it was trained on.
    harmony : HarmonyModels, optional
        What hears scores that are no chorales; by default the chain model does.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> notes = make_notes(onset=[0, 0, 0, 0, 20160, 20160, 20160, 20160], duration=20160,
    ...                    pitch=[48, 64, 67, 72, 55, 62, 65, 71], voice=[0, 1, 2, 3] * 2)
    >>> [span.symbol for span in ChordRecognizer.bundled().recognize(Score(notes))]
    ['C', 'G7']
    """

    def __init__(
        self,
        model: ChainCRF,
        *,
        calibration: VectorScaling | None = None,
        manifest: Mapping[str, Any] | None = None,
        harmony: HarmonyModels | None = None,
    ) -> None:
        self.model = model
        self.harmony = harmony
        self.calibration = calibration or VectorScaling(1.0, np.zeros(model.n_classes))
        self.manifest = dict(manifest or {})

    # ---- training and files -------------------------------------------------------------

    @classmethod
    def train(
        cls,
        pieces: Sequence[LabelledPiece],
        *,
        manifest: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Self:
        """Learn from labelled events, and calibrate by cross-validation.

        Parameters
        ----------
        pieces : sequence of LabelledPiece, `N_FOLDS` or more
        manifest : mapping, optional
            Kept in the model file.
        **options
            Of `ChainCRF`.
        """
        model = ChainCRF(n_rows=12, n_classes=N_QUALITIES, n_gates=N_GATES, **options)
        seen, labels = [observe(piece.events) for piece in pieces], [p.labels for p in pieces]
        calibration = calibrate(model, seen, labels)[0]
        return cls(model.fit(seen, labels), calibration=calibration, manifest=manifest)

    @classmethod
    def bundled(cls) -> Self:
        """Return the models that come with the package: of chorales, pieces and songs."""
        with packaged(_BUNDLED) as path:
            found = cls.load(path)
        found.harmony = HarmonyModels.bundled()
        return found

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read the model file at a `path`.

        Raises
        ------
        ModelFileError
            If it is damaged, or holds another kind of model.
        """
        header, arrays = modelfile.load_as(cls.__name__, path, qualities=list(QUALITY_CODES))
        with modelfile.restoring(path):
            model = ChainCRF(**header["parameters"])
            if (model.n_rows, model.n_classes, model.n_gates) != (12, N_QUALITIES, N_GATES):
                raise ValueError(f"{model}: expected 12 roots of {N_QUALITIES} qualities")
            if (np.diff(arrays["codes"], prepend=-1) <= 0).any():
                raise ValueError("codes: expected rising ones from 0")
            shapes = {
                "weights": (len(arrays["codes"]), N_QUALITIES),
                "progression": (N_QUALITIES, N_QUALITIES, 12),
                "change": (N_GATES, 3),
            }
            for name, shape in shapes.items():
                if arrays[name].shape != shape:
                    raise ValueError(f"{name} of shape {arrays[name].shape}: expected {shape}")
                setattr(model, f"{name}_", arrays[name].astype(np.float64))
            model.codes_ = arrays["codes"].astype(np.int64)
            scale, recall, *bias = header["calibration"]
            calibration = VectorScaling(scale, np.array(bias), recall)
            return cls(model, calibration=calibration, manifest=header["manifest"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a model file to a `path`: single precision is enough."""
        known = self.calibration
        header = {
            "model": type(self).__name__,
            "qualities": list(QUALITY_CODES),
            "parameters": self.model.get_params(),
            "calibration": [known.scale, known.recall, *known.bias.tolist()],
            "manifest": self.manifest,
            "version": __version__,
            **{k: v for k, v in self.manifest.items() if k in ("licence", "attribution")},
        }
        arrays = {
            "codes": self.model.codes_.astype(np.int32),
            "weights": self.model.weights_.astype(np.float32),
            "progression": self.model.progression_.astype(np.float32),
            "change": self.model.change_.astype(np.float32),
        }
        modelfile.save(path, header, arrays)

    # ---- use ----------------------------------------------------------------------------

    def posteriors(self, score: Score) -> tuple[NDArray[np.void], NDArray[np.float64]]:
        """Return the chord events of a score, and how probable each label is at each.

        Returns
        -------
        events : ndarray of `chords.events.CHORD_EVENT_DTYPE`
        probs : ndarray of shape (n_events, N_LABELS)
        """
        events = chord_events(score)
        if not len(events):
            return events, np.zeros((0, N_LABELS))
        seen = observe(events)
        return events, self.calibration(self.model.marginals([seen])[0])

    def recognize(
        self, score: Score, *, grid: str = "event", heard: bool = False, style: str | None = None
    ) -> list[ChordSpan]:
        """Name the chords of a score.

        Parameters
        ----------
        score : Score, of any metre and texture
        grid : {"event", "beat", "bar"}
            What a span is: a chord as long as it lasts, or the likeliest one of each beat or bar.
        heard : bool
            Whether to hear a score anew that has chord symbols, instead of reading those; a score
            of whose symbols none can be read is heard.
        style : {"chorale", "classical", "songs"}, optional
            How its chords are written; by default what `style` says.

        Returns
        -------
        list of ChordSpan in the order of time, which together cover the score

        Raises
        ------
        ValueError
            If the grid or the style is another, or there are no models to hear it so.
        """
        check_score(score)
        if style not in (None, CHORALE, *(STYLES if self.harmony else ())):
            raise ValueError(f"style {style!r}: expected one of {CHORALE}, {', '.join(STYLES)}")
        if grid not in GRIDS or (grid != "event" and self.harmony is None):
            raise ValueError(f"grid {grid!r}: expected one of {', '.join(GRIDS)}")
        if is_readable(score) and not heard:
            return written(score)
        why = self._unheard(score)
        if why:
            return [no_chord(score, 0, score.end, why)]
        style = style or self._evident(score)
        if self.harmony and (grid != "event" or style != CHORALE):
            style = STYLES[0] if style == CHORALE else style
            return self.harmony.recognize(score, grid=grid, style=style)
        return self._chorale(score)

    def _evident(self, score: Score) -> str | None:
        """Tell the style where it needs no listening."""
        if self.harmony is None or is_chorale(score):
            return CHORALE
        return STYLES[0] if no_harmony(score) == ONE_LINE else None  # a song is accompanied

    def _unheard(self, score: Score) -> str:
        """Say why a score has no chords to hear; empty where it has: broken chords are some."""
        why = no_harmony(score)
        return "" if self.harmony and why == ONE_LINE and is_broken_line(score) else why

    def style(self, score: Score) -> str:
        """Tell how the chords of a score are written, by what it sounds like.

        Returns
        -------
        {"chorale", "classical", "songs", ""}
            Empty where it has no chords to hear.
        """
        if self._unheard(check_score(score)):
            return ""
        evident = self._evident(score)
        if evident or self.harmony is None:
            return evident or CHORALE
        return self.harmony.style(chord_profiles(cut_steps(score)))

    def _chorale(self, score: Score) -> list[ChordSpan]:
        events = chord_events(score)
        (labels,), (probs,) = self.model.decode([observe(events)])
        probs = self.calibration(probs)
        first = np.flatnonzero(np.diff(labels, prepend=-1))
        weighted = events["weight"] * events["duration"][:, None]
        length = np.add.reduceat(events["duration"], first)
        share = np.add.reduceat(weighted, first, axis=0) / length[:, None]
        mean = np.add.reduceat(probs, first, axis=0) / np.diff(first, append=len(events))[:, None]
        last = np.append(first[1:], len(events)) - 1
        onsets = events["onset"][first].tolist()
        ends = (events["onset"][last] + events["duration"][last]).tolist()
        columns = (
            onsets, ends, labels[first].tolist(), events["bass"][first].tolist(), share, mean,
            spellings(score, onsets, ends),
        )  # fmt: skip
        found = [Found(*row) for row in zip(*columns, strict=True)]
        return describe(score, found, self.harmony.keys(score) if self.harmony else None)

    def annotate(self, score: Score, spans: Sequence[ChordSpan] | None = None) -> Score:
        """Return the score with the symbols of its chords, in place of those it had.

        Rests get no symbol. A score with symbols, such as a lead sheet, is returned as it is
        unless it was heard anew.

        Parameters
        ----------
        score : Score
        spans : sequence of ChordSpan, optional
            By default what `recognize` finds.
        """
        if spans is None and is_readable(check_score(score)):
            return score
        spans = self.recognize(score) if spans is None else spans
        spans = [span for span in spans if span.reason != "silence"]
        rows = [
            (span.onset, span.symbol)
            for row, span in enumerate(spans)
            if (span.symbol != spans[row - 1].symbol if row else not span.reason)
        ]
        return score.replace(chords=make_table(CHORD_DTYPE, rows))


def calibrate(
    model: ChainCRF,
    seen: Sequence[Observed],
    labels: Sequence[NDArray[np.int64]],
    groups: NDArray[np.int64] | None = None,
) -> tuple[VectorScaling, float]:
    """Learn a calibration from what a model says of pieces that it was not fitted to.

    Parameters
    ----------
    model : ChainCRF
        Fitted anew to all folds but one, in turn; the last fit stays in it.
    seen : sequence of Observed
    labels : sequence of ndarray of shape (n_steps,), int64
    groups : ndarray of shape (n_pieces,), int64, optional
        Pieces of one group share a fold; by default each is its own.

    Returns
    -------
    calibration : VectorScaling
    log_likelihood : float
        Of the labels, in nats an event, before calibration: tells penalties apart.
    """
    probs: list[NDArray[np.float64]] = []
    truth: list[NDArray[np.int64]] = []
    fold = (np.arange(len(seen)) if groups is None else groups) % N_FOLDS
    for number in range(N_FOLDS):
        kept = np.flatnonzero(fold != number).tolist()
        aside = np.flatnonzero(fold == number).tolist()
        model.fit([seen[i] for i in kept], [labels[i] for i in kept])
        probs += model.marginals([seen[i] for i in aside])
        truth += [labels[i] for i in aside]
    right = [p[np.arange(len(y)), y] for p, y in zip(probs, truth, strict=True)]
    calibration = VectorScaling.fit(probs, truth, model.n_classes)
    return calibration, float(np.log(np.concatenate(right) + 1e-12).mean())
