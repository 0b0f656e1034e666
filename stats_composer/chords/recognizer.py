"""Chords of scores: events, the chain model over them, and what it says in symbols.

The label of an event is the one with the largest posterior, given the whole piece; events in
a row with one label are a span. The posterior is the confidence that is reported. Where what
sounds is no chord (a single line, a cluster, silence, percussion), the symbol is `N` and the
span says why.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer import modelfile
from stats_composer._version import __version__
from stats_composer.chord_names import harte_symbol, lead_sheet_symbol, roman_numeral
from stats_composer.chord_symbols import NO_CHORD, Chord
from stats_composer.chords.events import LabelledPiece, chord_events
from stats_composer.chords.features import N_GATES, observe
from stats_composer.chords.keys import key_path
from stats_composer.chords.labels import (
    N_LABELS,
    N_QUALITIES,
    QUALITY_CODES,
    coverage,
    label_chord,
    label_tones,
)
from stats_composer.errors import ModelFileError
from stats_composer.models.crf import ChainCRF
from stats_composer.phrases import beat_ticks
from stats_composer.places import keys as score_keys
from stats_composer.score import CHORD_DTYPE, TICKS_PER_QUARTER, Score, make_table
from stats_composer.theory import estimate_key, key_name

__all__ = ["ChordRecognizer", "ChordSpan"]

_BUNDLED = Path(__file__).parent.parent / "pretrained" / "bach-chords.npz"

EXPLAINED = 0.55
"""Share of what sounds that a chord's tones must be; below it the span is a cluster."""
N_BEST = 3


@dataclass(frozen=True)
class ChordSpan:
    """A stretch of a score and its chord.

    Attributes
    ----------
    onset, duration : int
        Ticks.
    bar : int
        Its printed number; `beat` counts from 1 in the metre's beats.
    beat : float
    symbol : str
        As a lead sheet writes it, or `N.C.`.
    harte : str
        In Harte's syntax, or `N`.
    numeral : str
        Roman, in `key`; empty where there is no chord.
    key : str
        Such as `G major`.
    confidence : float
        Posterior of the label, in the mean over the span's events.
    others : tuple of (str, float)
        The next likeliest symbols.
    reason : str
        Why there is no chord; empty where there is one.
    """

    onset: int
    duration: int
    bar: int
    beat: float
    symbol: str
    harte: str
    numeral: str = ""
    key: str = ""
    confidence: float = 0.0
    others: tuple[tuple[str, float], ...] = ()
    reason: str = ""


class ChordRecognizer:
    """A fitted chord model, and what it does to scores.

    Parameters
    ----------
    model : ChainCRF
    temperature : float
        All log-weights of the model are divided by it.
    manifest : mapping
        What it was trained on.

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
        temperature: float = 1.0,
        manifest: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.temperature = temperature
        self.manifest = dict(manifest or {})

    # ---- training and files -------------------------------------------------------------

    @classmethod
    def train(
        cls,
        pieces: Sequence[LabelledPiece],
        *,
        temperature: float = 1.0,
        manifest: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Self:
        """Learn from labelled events.

        Parameters
        ----------
        pieces : sequence of LabelledPiece
        temperature : float
        manifest : mapping, optional
            Kept in the model file.
        **options
            Of `ChainCRF`.
        """
        model = ChainCRF(n_rows=12, n_classes=N_QUALITIES, n_gates=N_GATES, **options)
        model.fit([observe(piece.events) for piece in pieces], [piece.labels for piece in pieces])
        return cls(model, temperature=temperature, manifest=manifest)

    @classmethod
    def bundled(cls) -> Self:
        """Return the model that comes with the package, trained on Bach's chorales."""
        return cls.load(_BUNDLED)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model file.

        Raises
        ------
        ModelFileError
            If it is damaged, or holds another kind of model.
        """
        header, arrays = modelfile.load(path)
        if header.get("model") != cls.__name__ or header.get("qualities") != list(QUALITY_CODES):
            raise ModelFileError(f"{path}: holds {header.get('model')}: expected {cls.__name__}")
        model = ChainCRF(**header["parameters"])
        for name in ("weights", "progression", "change"):
            setattr(model, f"{name}_", arrays[name].astype(np.float64))
        model.codes_ = arrays["codes"].astype(np.int64)
        return cls(model, temperature=header["temperature"], manifest=header["manifest"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a model file: single precision is enough."""
        header = {
            "model": type(self).__name__,
            "qualities": list(QUALITY_CODES),
            "parameters": self.model.get_params(),
            "temperature": self.temperature,
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
        return events, self.model.marginals([seen], temperature=self.temperature)[0]

    def recognize(self, score: Score) -> list[ChordSpan]:
        """Name the chords of a score.

        Parameters
        ----------
        score : Score
            Of any metre and texture.

        Returns
        -------
        list of ChordSpan
            In the order of time; together they cover the score.
        """
        why = _no_harmony(score)
        if why:
            return [_no_chord(score, 0, score.end, why)]
        events, probs = self.posteriors(score)
        labels = probs.argmax(axis=1)
        first = np.flatnonzero(np.diff(labels, prepend=-1))
        weighted = events["weight"] * events["duration"][:, None]
        length = np.add.reduceat(events["duration"], first)
        share = np.add.reduceat(weighted, first, axis=0) / length[:, None]
        mean = np.add.reduceat(probs, first, axis=0) / np.diff(first, append=len(events))[:, None]
        home = _home(score)
        spans = []
        for row, event in enumerate(first):
            last = first[row + 1] - 1 if row + 1 < len(first) else len(events) - 1
            spans.append(
                _Found(
                    int(events["onset"][event]),
                    int(events["onset"][last] + events["duration"][last]),
                    int(labels[event]),
                    int(events["bass"][event]),
                    share[row],
                    mean[row],
                )
            )
        return _describe(score, spans, home)

    def annotate(self, score: Score, spans: Sequence[ChordSpan] | None = None) -> Score:
        """Return the score with the symbols of its chords, in place of those it had.

        Parameters
        ----------
        score : Score
        spans : sequence of ChordSpan, optional
            By default what `recognize` finds.
        """
        spans = self.recognize(score) if spans is None else spans
        rows = [
            (span.onset, span.symbol)
            for row, span in enumerate(spans)
            if (span.symbol != spans[row - 1].symbol if row else not span.reason)
        ]
        return score.replace(chords=make_table(CHORD_DTYPE, rows))


@dataclass(frozen=True, eq=False)
class _Found:
    """A span before it has its names."""

    onset: int
    end: int
    label: int
    bass: int
    weight: NDArray[np.float64]
    probs: NDArray[np.float64]

    def chord(self, key: tuple[int, int], label: int | None = None) -> Chord:
        own = self.label if label is None else label
        return label_chord(own, self.weight, self.bass, key[0])

    @functools.cached_property
    def reason(self) -> str:
        root = self.label // N_QUALITIES
        tones = label_tones(self.label, self.weight)
        if (self.weight > 0).sum() < 2:
            return "a single pitch class"
        if coverage(tones, root, self.weight) < EXPLAINED:
            return "a cluster: no chord explains what sounds"
        return ""


def _home(score: Score) -> tuple[int, int]:
    notes = score.notes
    if len(score.key_signatures):
        _, tonic, mode = score_keys(score)[0]
        return tonic, mode
    return estimate_key(notes["pitch"], notes["duration"], notes["onset"])


def _no_harmony(score: Score) -> str:
    """Say why a whole score has no chords; empty where it may have some."""
    percussion = np.array([part.percussion for part in score.parts], np.bool_)
    if not len(score.notes):
        return "silence"
    pitched = score.notes[~percussion[score.notes["part"]]]
    if not len(pitched):
        return "percussion"
    stop = pitched["onset"] + pitched["duration"]
    order = np.argsort(pitched["onset"], kind="stable")
    reached = np.maximum.accumulate(stop[order])
    together = pitched["onset"][order][1:] < reached[:-1]
    return "" if together.any() else "a single line"


def _describe(score: Score, found: Sequence[_Found], home: tuple[int, int]) -> list[ChordSpan]:
    """Give the spans their keys and names, and fill the silences between them."""
    sure = [span for span in found if not span.reason]
    lengths = [(span.end - span.onset) / TICKS_PER_QUARTER for span in sure]
    keys = iter(key_path([span.chord(home) for span in sure], lengths, home))
    spans: list[ChordSpan] = []
    reached = 0
    for row, span in enumerate(found):
        if span.onset > reached and (span.onset - reached >= _beat(score, reached) or not spans):
            spans.append(_no_chord(score, reached, span.onset, "silence"))
        stop = span.end
        if row + 1 < len(found):
            gap = found[row + 1].onset - stop
            stop += gap if gap < _beat(score, stop) else 0
        if span.reason:
            spans.append(_no_chord(score, span.onset, stop, span.reason))
        else:
            spans.append(_named(score, span, stop, next(keys)))
        reached = stop
    if reached < score.end:
        spans.append(_no_chord(score, reached, score.end, "silence"))
    return spans


def _named(score: Score, span: _Found, stop: int, key: tuple[int, int]) -> ChordSpan:
    chord = span.chord(key)
    best = np.argsort(-span.probs, kind="stable")[: N_BEST + 1]
    others = [
        (lead_sheet_symbol(span.chord(key, int(label))), round(float(span.probs[label]), 4))
        for label in best
        if label != span.label
    ]
    bar, beat = _place(score, span.onset)
    return ChordSpan(
        onset=span.onset,
        duration=stop - span.onset,
        bar=bar,
        beat=beat,
        symbol=lead_sheet_symbol(chord),
        harte=harte_symbol(chord),
        numeral=roman_numeral(chord, *key),
        key=key_name(*key),
        confidence=round(float(span.probs[span.label]), 4),
        others=tuple(others[: N_BEST - 1]),
    )


def _no_chord(score: Score, onset: int, stop: int, reason: str) -> ChordSpan:
    bar, beat = _place(score, onset)
    return ChordSpan(onset, stop - onset, bar, beat, "N.C.", NO_CHORD, reason=reason)


def _beat(score: Score, tick: int) -> int:
    metre = score.mark_at("time_signatures", tick)
    return beat_ticks(int(metre["numerator"]), int(metre["denominator"]))


def _place(score: Score, tick: int) -> tuple[int, float]:
    bar = score.bar_at(tick)
    metre = score.mark_at("time_signatures", tick)
    start = int(score.bars["onset"][bar])
    if bar == 0 and score.pickup:
        full = int(metre["numerator"]) * 4 * TICKS_PER_QUARTER // int(metre["denominator"])
        start -= full - score.pickup
    beat = 1 + (tick - start) * int(metre["denominator"]) / (4 * TICKS_PER_QUARTER)
    return score.bar_number(bar), round(beat, 3)
