"""Spans of a score and their chords: names, keys, places, and why there may be none.

A span is named in the key of its place on the path of keys. Where what sounds is no chord (a
single line, a cluster, silence, percussion), the symbol is `N` and the span says why. A single
line under written symbols, a lead sheet, has the chords that its symbols say.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stats_composer.chords.keys import key_path
from stats_composer.chords.labels import N_QUALITIES, coverage, label_chord, label_tones
from stats_composer.score import Score, bar_positions
from stats_composer.score import keys as score_keys
from stats_composer.score.tables import metre_of
from stats_composer.theory import (
    NO_CHORD,
    TICKS_PER_QUARTER,
    Chord,
    estimate_key,
    harte_symbol,
    is_no_chord,
    key_name,
    lead_sheet_symbol,
    parse_chord,
    roman_numeral,
)

__all__ = [
    "EXPLAINED",
    "N_BEST",
    "ONE_LINE",
    "ONE_TONE",
    "ChordSpan",
    "Found",
    "describe",
    "home_of",
    "is_readable",
    "no_chord",
    "no_harmony",
    "place_of",
    "places_of",
    "spellings",
    "written",
]

EXPLAINED = 0.45
"""Share of what sounds that a chord's tones must be; below it the span is a cluster. A run of
four notes of a scale has two of them."""
N_BEST = 3
ONE_TONE = "a single pitch class"
ONE_LINE = "a single line"


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

    Examples
    --------
    >>> span = ChordSpan(0, 40320, bar=1, beat=1.0, symbol="D7", harte="D:7", numeral="V7")
    >>> span.numeral, span.duration // 10080
    ('V7', 4)
    """

    onset: int
    duration: int
    bar: int | str
    beat: float
    symbol: str
    harte: str
    numeral: str = ""
    key: str = ""
    confidence: float = 0.0
    others: tuple[tuple[str, float], ...] = ()
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Found:
    """A span before it has its names: its label, what sounds, and the mean posteriors.

    `written` is how pitch classes are spelled, by their fifths.
    """

    onset: int
    end: int
    label: int
    bass: int
    weight: NDArray[np.float64]
    probs: NDArray[np.float64]
    written: Mapping[int, int]

    def chord(self, key: tuple[int, int], label: int | None = None) -> Chord:
        """Return the chord of its own or of another label, spelled in a key."""
        own = self.label if label is None else label
        return label_chord(own, self.weight, self.bass, key[0], self.written)

    @functools.cached_property
    def reason(self) -> str:
        """Why it is no chord; empty where it is one."""
        root = self.label // N_QUALITIES
        tones = label_tones(self.label, self.weight)
        if (self.weight > 0).sum() < 2:
            return ONE_TONE
        if coverage(tones, root, self.weight) < EXPLAINED:
            return "a cluster: no chord explains what sounds"
        return ""


def home_of(score: Score) -> tuple[int, int]:
    """Return the key of a score's first signature, or the one that its notes suggest."""
    notes = score.notes
    if len(score.key_signatures):
        _, tonic, mode = score_keys(score)[0]
        return tonic, mode
    return estimate_key(notes["pitch"], notes["duration"], notes["onset"])


def spellings(score: Score, onsets: Sequence[int], ends: Sequence[int]) -> list[dict[int, int]]:
    """Return how the pitch classes that begin in each stretch are written, the longest wins."""
    notes = score.notes
    rows = notes[["pitch", "fifths", "duration"]].tolist()
    first, stop = (np.searchsorted(notes["onset"], ticks).tolist() for ticks in (onsets, ends))
    found = []
    for i, j in zip(first, stop, strict=True):
        length: dict[tuple[int, int], int] = {}
        for pitch, fifths, ticks in rows[i:j]:
            place = pitch % 12, fifths
            length[place] = length.get(place, 0) + ticks
        rising = sorted(length.items(), key=lambda item: item[1])
        found.append({pitch: fifths for (pitch, fifths), _ in rising})
    return found


def no_harmony(score: Score) -> str:
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
    return "" if together.any() else ONE_LINE


def describe(
    score: Score, found: Sequence[Found], heard: Callable[[int], tuple[int, int]] | None = None
) -> list[ChordSpan]:
    """Give the spans their keys and names, and fill the silences between them.

    The keys are those heard at their onsets, or by default a path that suits the chords.
    """
    home = home_of(score)
    found = _joined(score, found)
    sure = [span for span in found if not span.reason]
    lengths = [(span.end - span.onset) / TICKS_PER_QUARTER for span in sure]
    chords = [span.chord(home) for span in sure]
    path = key_path(chords, lengths, home) if heard is None else [heard(s.onset) for s in sure]
    keys = iter(path)
    following = iter([*chords[1:], None])
    spans: list[ChordSpan] = []
    reached = 0
    for row, span in enumerate(found):
        if span.onset > reached and (
            span.onset - reached >= score.metre_at(reached).beat or not spans
        ):
            spans.append(no_chord(score, reached, span.onset, "silence"))
        stop = span.end
        if row + 1 < len(found):
            gap = found[row + 1].onset - stop
            stop += gap if gap and gap < score.metre_at(stop).beat else 0
        if span.reason:
            spans.append(no_chord(score, span.onset, stop, span.reason))
        else:
            spans.append(_named(score, span, stop, next(keys), next(following)))
        reached = stop
    if reached < score.end:
        spans.append(no_chord(score, reached, score.end, "silence"))
    return spans


def _joined(score: Score, found: Sequence[Found]) -> list[Found]:
    """Let a chord go on over a moment in which only one of its tones sounds."""
    joined: list[Found] = []
    for span in found:
        last = joined[-1] if joined else None
        if (
            last is not None
            and span.reason == ONE_TONE
            and not last.reason
            and span.onset - last.end < score.metre_at(last.end).beat
            and span.end - span.onset <= 2 * score.metre_at(span.onset).beat
            and span.weight.argmax() in last.chord((0, 0)).pitch_classes
        ):
            joined[-1] = replace(last, end=span.end)
        else:
            joined.append(span)
    return joined


def _named(
    score: Score, span: Found, stop: int, key: tuple[int, int], following: Chord | None
) -> ChordSpan:
    chord = span.chord(key)
    symbol = lead_sheet_symbol(chord)
    # several labels may have one symbol: a triad with its seventh, and the seventh chord
    shares: dict[str, float] = {}
    for label in np.argsort(-span.probs, kind="stable")[: N_BEST + 1]:
        name = lead_sheet_symbol(span.chord(key, int(label)))
        shares[name] = shares.get(name, 0.0) + float(span.probs[label])
    sure = shares.pop(symbol, float(span.probs[span.label]))
    others = sorted(shares.items(), key=lambda item: -item[1])[: N_BEST - 1]
    bar, beat = place_of(score, span.onset)
    return ChordSpan(
        onset=span.onset,
        duration=stop - span.onset,
        bar=bar,
        beat=beat,
        symbol=symbol,
        harte=harte_symbol(chord),
        numeral=roman_numeral(chord, *key, following),
        key=key_name(*key),
        confidence=round(min(sure, 1.0), 4),
        others=tuple((name, round(share, 4)) for name, share in others),
    )


def no_chord(score: Score, onset: int, stop: int, reason: str) -> ChordSpan:
    """Return a span without a chord."""
    bar, beat = place_of(score, onset)
    return ChordSpan(onset, stop - onset, bar, beat, "N.C.", NO_CHORD, reason=reason)


def place_of(score: Score, tick: int) -> tuple[int | str, float]:
    """Return the printed number of a tick's bar, and the beat, from 1 in the metre's beats."""
    return places_of(score, [tick])[0]


def places_of(score: Score, ticks: Sequence[int]) -> list[tuple[int | str, float]]:
    """Return what `place_of` does, of many ticks at once."""
    units = np.array([metre_of(mark).unit for mark in score.time_signatures])
    row = np.searchsorted(score.time_signatures["onset"], ticks, side="right") - 1
    bars = np.searchsorted(score.bars["onset"], ticks, side="right") - 1
    beats = np.round(1 + bar_positions(score, np.array(ticks)) / units[row], 3)
    numbers = [score.bar_numbers[bar] for bar in bars.tolist()]
    return list(zip(numbers, beats.tolist(), strict=True))


def is_readable(score: Score) -> bool:
    """Tell whether any chord symbol of a score can be read: numerals among them cannot."""
    for symbol in dict.fromkeys(score.chords["symbol"].tolist()):
        try:
            if is_no_chord(symbol) or parse_chord(symbol):
                return True
        except ValueError:
            continue
    return False


def written(score: Score) -> list[ChordSpan]:
    """Read the chords that a score's symbols say; one that cannot be read gives its reason."""
    home = home_of(score)
    onsets = [int(onset) for onset in score.chords["onset"]]
    stops = [*onsets[1:], score.end]
    spans = [no_chord(score, 0, onsets[0], "no symbol")] if onsets[0] else []
    read: list[tuple[int, int, Chord]] = []
    for onset, stop, symbol in zip(onsets, stops, score.chords["symbol"].tolist(), strict=True):
        if stop == onset:
            continue
        try:
            if is_no_chord(symbol):
                spans.append(no_chord(score, onset, stop, "no chord, as written"))
            else:
                read.append((onset, stop, parse_chord(symbol)))
        except ValueError as error:
            spans.append(no_chord(score, onset, stop, str(error)))
    lengths = [(stop - onset) / TICKS_PER_QUARTER for onset, stop, _ in read]
    path = key_path([chord for _, _, chord in read], lengths, home)
    following = [*(chord for _, _, chord in read[1:]), None][: len(read)]
    for (onset, stop, chord), key, after in zip(read, path, following, strict=True):
        bar, beat = place_of(score, onset)
        spans.append(
            ChordSpan(
                onset=onset,
                duration=stop - onset,
                bar=bar,
                beat=beat,
                symbol=lead_sheet_symbol(chord),
                harte=harte_symbol(chord),
                numeral=roman_numeral(chord, *key, after),
                key=key_name(*key),
                confidence=1.0,
            )
        )
    return sorted(spans, key=lambda span: span.onset)
