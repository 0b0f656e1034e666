"""Rules in words: what pieces do that chance does not, each given the rules before it.

A rule is the distribution of one *view* of two successive beats: an interval, a chord, a motion.
Chance is each line by itself: beats whose lines were shuffled one by one. The rule farthest from
what is expected comes first; what is expected is then reweighted until it keeps that rule as well
(iterative proportional fitting, which gives the law of largest entropy that does), and the next
rule is the farthest from that.

References
----------
H. Yu, L. Varshney, "Towards deep interpretability (MUS-ROVER II): learning hierarchical
representations of tonal music", ICLR 2017: rules ranked by what those before leave unexplained.
W. Deming, F. Stephan, "On a least squares adjustment of a sampled frequency table when the
expected marginal totals are known", Annals of Mathematical Statistics 11(4), 1940.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.evaluation.reading import CHORD_QUALITIES, Reading, name_chord

__all__ = ["Rule", "learned_rules"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OCTAVE = 12
N_CHANCE = 60_000
N_ROUNDS = 5
N_TOLD = 2
FLOOR = 1e-4


class View(NamedTuple):
    """A view of two beats: its name, its value for each pair of beats, and the values' names.

    Attributes
    ----------
    name : str
    see : callable
        Of beats (n, 2, n_lines), pitches relative to the tonic, to values (n,).
    names : tuple of str
    """

    name: str
    see: Callable[[Ints], Ints]
    names: tuple[str, ...]


class Rule(NamedTuple):
    """A rule.

    Attributes
    ----------
    view : str
    gain_bits : float
        How far the pieces are from what the rules before expect: Kullback and Leibler's bits.
    words : tuple of (str, float, float)
        The values that say most: name, share in the pieces, share expected.
    """

    view: str
    gain_bits: float
    words: tuple[tuple[str, float, float], ...]

    def __str__(self) -> str:
        """Return it in words."""
        told = "; ".join(
            f"{name} {100 * share:.1f} %, expected {100 * expected:.1f}"
            for name, share, expected in self.words
        )
        return f"{self.view}: {told} ({self.gain_bits:.2f} bits)"


def learned_rules(
    readings: Sequence[Reading], n_rules: int = 12, *, random_state: int = 0
) -> list[Rule]:
    """Find the rules of pieces in one number of voices, two or more.

    Parameters
    ----------
    readings : sequence of Reading
    n_rules : int
    random_state : int

    Returns
    -------
    list of Rule
        The farthest from what those before expect comes first.
    """
    beats = np.concatenate([_beats(reading) for reading in readings])
    rng = np.random.default_rng(random_state)
    flat = beats.reshape(len(beats), -1)
    rows = rng.integers(0, len(flat), (N_CHANCE, flat.shape[1]))
    chance = np.take_along_axis(flat, rows, axis=0).reshape(N_CHANCE, *beats.shape[1:])
    sights = [_Sight.of(view, beats, chance) for view in _views(readings[0].names)]
    weight = np.full(N_CHANCE, 1 / N_CHANCE)
    rules: list[Rule] = []
    kept: list[_Sight] = []
    while sights and len(rules) < n_rules:
        best = max(sights, key=lambda sight: sight.gain(weight))
        sights.remove(best)
        kept.append(best)
        rules.append(best.rule(weight))
        for _ in range(N_ROUNDS):
            for sight in kept:
                weight = sight.fitted(weight)
    return rules


def _beats(reading: Reading) -> Ints:
    """Return pitches above the tonic on pairs of beats in a row at which all lines sound."""
    pitch = reading.pitch[reading.beat_rows]
    pairs = np.stack([pitch[:-1], pitch[1:]], axis=1)
    whole: Ints = pairs[(pairs >= 0).all(axis=(1, 2))] - reading.tonic
    return whole


class _Sight:
    """A view of pieces and of chance.

    Parameters
    ----------
    view : View
    share : ndarray of shape (n_values,), float64
        Of each value in the pieces.
    values : ndarray of shape (n_chance,), int64
    """

    def __init__(self, view: View, share: Floats, values: Ints) -> None:
        self.view, self.share, self.values = view, share, values

    @classmethod
    def of(cls, view: View, beats: Ints, chance: Ints) -> Self:
        """Look at both."""
        counts = np.bincount(view.see(beats), minlength=len(view.names))
        return cls(view, counts / counts.sum(), view.see(chance))

    def expected(self, weight: Floats) -> Floats:
        """Return the share of each value where chance is weighted."""
        return np.bincount(self.values, weight, len(self.share)).astype(np.float64)

    def gain(self, weight: Floats) -> float:
        """Return how far the pieces are from weighted chance, bits."""
        return float(self._terms(weight).sum())

    def _terms(self, weight: Floats) -> Floats:
        expected = np.maximum(self.expected(weight), FLOOR)
        safe = np.where(self.share > 0, self.share, 1.0)
        terms: Floats = self.share * np.log2(safe / expected)
        return terms

    def rule(self, weight: Floats) -> Rule:
        """Say what the pieces do that weighted chance does not."""
        expected = self.expected(weight)
        apart = np.abs(self.share - expected)
        told = np.argsort(-apart, kind="stable")[:N_TOLD].tolist()
        words = [(self.view.names[i], float(self.share[i]), float(expected[i])) for i in told]
        return Rule(self.view.name, self.gain(weight), tuple(words))

    def fitted(self, weight: Floats) -> Floats:
        """Reweight chance so that it has the shares of the pieces."""
        expected = self.expected(weight)
        ratio = np.where(expected > 0, self.share / np.where(expected > 0, expected, 1.0), 0.0)
        new = weight * ratio[self.values]
        return new / new.sum() if new.sum() > 0 else weight


def _views(lines: Sequence[str]) -> list[View]:
    """List all views of some lines."""
    views = [
        View("the chord", _chord, _CHORDS),
        View("the step from root to root", _root_motion, _ROOTS),
        View("the order of the voices", _order, ("kept", "crossed")),
    ]
    for v, name in enumerate(lines):
        views.append(View(f"the degree of the {name}", partial(_degree, v), _DEGREES))
        views.append(View(f"the step of the {name}", partial(_step, v), _STEPS))
    for v, w in combinations(range(len(lines)), 2):
        pair = f"{lines[v]} and {lines[w]}"
        views.append(View(f"the interval of {pair}", partial(_interval, v, w), _INTERVALS))
        views.append(View(f"the motion of {pair}", partial(_motion, v, w), _MOTIONS))
    return views


def _degree(v: int, beats: Ints) -> Ints:
    degree: Ints = beats[:, 1, v] % OCTAVE
    return degree


def _step(v: int, beats: Ints) -> Ints:
    steps: Ints = np.clip(beats[:, 1, v] - beats[:, 0, v], -OCTAVE, OCTAVE) + OCTAVE
    return steps


def _interval(v: int, w: int, beats: Ints) -> Ints:
    interval: Ints = np.mod(beats[:, 1, v] - beats[:, 1, w], OCTAVE)
    return interval


def _motion(v: int, w: int, beats: Ints) -> Ints:
    """Return 12 times the kind of motion plus the interval that it leads to."""
    one, other = (np.sign(beats[:, 1, x] - beats[:, 0, x]) for x in (v, w))
    kind = np.where(one * other > 0, 2, np.where(one * other < 0, 3, one != other))
    motion: Ints = kind * OCTAVE + _interval(v, w, beats)
    return motion


def _order(beats: Ints) -> Ints:
    crossed = np.diff(beats[:, 1], axis=1) > 0
    return np.asarray(crossed.any(axis=1), np.int64)


def _chord(beats: Ints) -> Ints:
    """Return 12 times the quality plus the bass above the root, the last value for no chord."""
    none = len(_CHORDS) - 1
    heard = [name_chord(row) for row in beats[:, 1].tolist()]
    codes = [
        none if c is None else CHORD_QUALITIES.index(c.quality) * OCTAVE + c.bass for c in heard
    ]
    return np.array(codes, np.int64)


def _root_motion(beats: Ints) -> Ints:
    """Return the semitones from root to root, 12 where a beat has no chord."""
    pairs = [(name_chord(one), name_chord(other)) for one, other in beats.tolist()]
    steps = [OCTAVE if a is None or b is None else (b.root - a.root) % OCTAVE for a, b in pairs]
    return np.array(steps, np.int64)


_NAMES = (
    "unison", "minor second", "second", "minor third", "third", "fourth", "tritone", "fifth",
    "minor sixth", "sixth", "minor seventh", "major seventh",
)  # fmt: skip
_INTERVALS = tuple(f"a {name} or compound" for name in _NAMES)
_DEGREES = tuple(f"a {name} above the tonic" for name in _NAMES)
_STEPS = tuple(
    f"{step:+d} semitone{'s' * (abs(step) > 1)}" if step else "none"
    for step in range(-OCTAVE, OCTAVE + 1)
)
_KINDS = "held", "oblique", "similar", "contrary"
_MOTIONS = tuple(f"{kind} to a {name}" for kind in _KINDS for name in _NAMES)
_ROOTS = ("none", *(f"up a {name}" for name in _NAMES[1:]), "no chord")
_BASSES = ("root", *_NAMES[1:])
_CHORDS = (*(f"{q} over its {n}" for q in CHORD_QUALITIES for n in _BASSES), "no chord")
