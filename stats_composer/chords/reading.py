"""What was heard step by step, as spans with names: keys, symbols, numerals, inversions.

A span is a run of steps of one key, chord and bass; silence of a bar or more is a span of its
own, shorter silence belongs to the chord before it. On a grid of beats or bars a span is one of
those, and its chord the likeliest in it.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stats_composer.chords.basses import choose_basses
from stats_composer.chords.harmony import Heard
from stats_composer.chords.keys import key_near
from stats_composer.chords.labels import fifths_above, spelled_root
from stats_composer.chords.qualities import KINDS, N_KINDS, kind_chord
from stats_composer.chords.spans import (
    EXPLAINED,
    N_BEST,
    ONE_TONE,
    ChordSpan,
    no_chord,
    places_of,
    spellings,
)
from stats_composer.chords.steps import Runs, Steps, silences
from stats_composer.score import Score
from stats_composer.theory import (
    Chord,
    harte_symbol,
    key_name,
    lead_sheet_symbol,
    roman_numeral,
)

__all__ = ["GRIDS", "read_harmony"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GRIDS = ("event", "beat", "bar")
HARDLY = 0.005
"""Probability up to which another chord is not worth naming."""
_NAMES, _TONES = list(KINDS), list(KINDS.values())
_SIXTHS = {
    "It": {0: "7", 2: "6", 6: "64"},
    "Ger": {0: "7", 2: "65", 6: "43", 9: "42"},
    "Fr": {0: "7", 4: "65", 6: "43", 10: "42"},
}
"""Figures of augmented sixths by what lies in the bass, in semitones above their root."""
_DEGREES = {0: "I", 2: "ii", 3: "III", 4: "iii", 5: "IV", 7: "V", 8: "VI", 9: "vi"}


def read_harmony(
    score: Score, steps: Steps, heard: Heard, home: tuple[int, int], *, grid: str = "event"
) -> list[ChordSpan]:
    """Name what was heard.

    Parameters
    ----------
    score, steps, heard
        A score, its steps, and what was heard in them.
    home : (tonic fifths, mode)
        The key near which keys are spelled.
    grid : {"event", "beat", "bar"}
    """
    told = _tell(score, steps, heard, home, grid)
    following = [one.chord if isinstance(one, _Told) else None for one in told[1:]]
    return [
        _named(one, after) if isinstance(one, _Told) else one
        for one, after in zip(told, [*following, None], strict=True)
    ]


def _tell(
    score: Score, steps: Steps, heard: Heard, home: tuple[int, int], grid: str
) -> list[_Told | ChordSpan]:
    """Cut what was heard into chords that have no names yet, and spans without a chord."""
    homes, labels, basses, silent, first = _cut(steps, heard, grid)
    onsets = steps.onset[first].tolist()
    stops = [*onsets[1:], steps.end]
    written = spellings(score, onsets, stops)
    places = places_of(score, onsets)
    weights = np.add.reduceat(steps.weights["sounding"], first).tolist()
    probs = np.add.reduceat(heard.label_probs, first) / np.diff(first, append=len(steps))[:, None]
    likely = np.argpartition(probs, -N_BEST - 1)[:, -N_BEST - 1 :]
    told: list[_Told | ChordSpan] = []
    for row, i in enumerate(first.tolist()):
        span = (onsets[row] if row else 0, stops[row])
        why = "silence" if silent[i] else ""
        if not why and grid == "event":
            why = _reason(weights[row], int(labels[i]))
        last = told[-1] if told and grid == "event" else None
        if why and isinstance(last, ChordSpan) and last.reason == why:
            told[-1] = replace(last, duration=span[1] - last.onset)
        elif why:
            told.append(no_chord(score, *span, why))
        else:
            shares = {k: float(probs[row, k]) for k in (*likely[row].tolist(), int(labels[i]))}
            key = key_near(int(homes[i]), home)
            chord = int(labels[i]), int(basses[i])
            told.append(_Told(span, places[row], key, *chord, shares, written[row]))
    return told


def _cut(steps: Steps, heard: Heard, grid: str) -> tuple[Ints, Ints, Ints, NDArray[np.bool_], Ints]:
    """Return the home, label, bass and silence of each step, and where spans begin."""
    homes, labels = heard.homes, heard.labels
    unit = steps.bars if grid == "bar" else steps.beats
    if grid != "event":
        homes, labels = _likeliest(heard.home_probs, unit), _likeliest(heard.label_probs, unit)
    silent = silences(steps)
    basses = choose_basses(steps, labels, heard.bass_weights, unit)
    marks = np.stack([homes, labels, basses, silent], axis=1)
    marks[silent] = -1, -1, -1, 1
    begins = np.concatenate([[True], (marks[1:] != marks[:-1]).any(axis=1)])
    if grid != "event":
        begins[unit.first[:-1]] = True
    return homes, labels, basses, silent, np.flatnonzero(begins)


@dataclass(frozen=True, eq=False)
class _Told:
    """A chord before it has its names."""

    span: tuple[int, int]
    place: tuple[int | str, float]
    key: tuple[int, int]
    label: int
    bass: int
    shares: dict[int, float]
    written: dict[int, int]

    @functools.cached_property
    def chord(self) -> Chord:
        return self.spelled(self.label)

    def spelled(self, label: int) -> Chord:
        """Return the chord that a lead sheet prints for a label."""
        root, kind = divmod(label, N_KINDS)
        asked = tuple(self.written.get((root + tone) % 12) for tone in _TONES[kind])
        return _spelled(label, self.bass, self.key[0], asked)


@functools.lru_cache(maxsize=4096)
def _spelled(label: int, bass: int, tonic_fifths: int, asked: tuple[int | None, ...]) -> Chord:
    """Spell a chord whose tones are written as is asked for, where it is."""
    root, kind = divmod(label, N_KINDS)
    tones = _TONES[kind]
    written = {
        (root + tone) % 12: fifths
        for tone, fifths in zip(tones, asked, strict=True)
        if fifths is not None
    }
    own = spelled_root(root, tones, tonic_fifths, written)
    above = (bass - root) % 12
    if above == 0 or above not in tones:
        return kind_chord(kind, own)
    return kind_chord(kind, own, own + _above(above, _NAMES[kind]))


def _likeliest(probs: Floats, runs: Runs) -> Ints:
    """Choose in each run what is likeliest over its steps; returns it by step."""
    total = np.add.reduceat(probs, runs.first[:-1], axis=0)
    best: Ints = total.argmax(axis=1)[runs.of]
    return best


def _reason(heard: list[float], label: int) -> str:
    """Say why what sounds is no chord; empty where it is one."""
    root, kind = divmod(label, N_KINDS)
    if sum(length > 0 for length in heard) < 2:
        return "" if heard[root] > 0 and math.fsum(heard) < 1.0 else ONE_TONE
    explained = math.fsum(heard[(root + tone) % 12] for tone in _TONES[kind])
    if explained < EXPLAINED * math.fsum(heard):
        return "a cluster: no chord explains what sounds"
    return ""


def _above(semitones: int, name: str) -> int:
    """Return a tone's place above its root: augmented sixths hold a diminished third."""
    if name in ("It", "Ger"):
        return {2: -10, 6: -6, 9: -9}[semitones]
    return fifths_above(semitones, KINDS[name])


def _named(told: _Told, following: Chord | None) -> ChordSpan:
    chord = told.chord
    symbol = lead_sheet_symbol(chord)
    shares: dict[str, float] = {}
    for label, share in told.shares.items():
        if share > HARDLY or label == told.label:
            name = symbol if label == told.label else lead_sheet_symbol(told.spelled(label))
            shares[name] = shares.get(name, 0.0) + share
    sure = shares.pop(symbol)
    others = sorted(shares.items(), key=lambda item: -item[1])[: N_BEST - 1]
    onset, stop = told.span
    bar, beat = told.place
    return ChordSpan(
        onset=onset,
        duration=stop - onset,
        bar=bar,
        beat=beat,
        symbol=symbol,
        harte=harte_symbol(chord),
        numeral=_numeral(told, chord, following),
        key=key_name(*told.key),
        confidence=round(min(sure, 1.0), 4),
        others=tuple((name, round(share, 4)) for name, share in others),
    )


def _numeral(told: _Told, chord: Chord, following: Chord | None) -> str:
    root, kind = divmod(told.label, N_KINDS)
    name = _NAMES[kind]
    if name in _SIXTHS:
        # the root of a French sixth is the second degree, of the others the raised fourth
        goal = (root - 7 * told.key[0] - (2 if name == "Fr" else 6)) % 12
        figures = _SIXTHS[name].get((told.bass - root) % 12, "")
        if goal == 0:
            return f"{name}{figures}"
        if goal in _DEGREES:
            return f"{name}{figures}/{_DEGREES[goal]}"
    return roman_numeral(chord, *told.key, following)
