"""Distances between pieces and a corpus: of distributions, and under models of the corpus.

Conventions
-----------
* A distance is the Jensen-Shannon divergence in bits between the label shares of two sets of
  pieces, in the mean over the groups of a kind: 0 where they agree, 1 where they share nothing.
* A likelihood is told as surprise, its negative logarithm in nats a symbol, under an n-gram model
  that did not see a setting of the tune: intervals of the top line, its rhythm beat by beat, roots
  of the chords.
* Intervals of 95 % come from drawing pieces with replacement (bootstrap). The corpus's own
  value is that of as many of its pieces against the rest of it.

References
----------
J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information
Theory 37(1), 1991. B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.evaluation.features import Counts
from stats_composer.evaluation.reading import Reading
from stats_composer.models.ngram import NGram

__all__ = [
    "LIKELIHOODS",
    "Interval",
    "bootstrap",
    "divergences",
    "interval",
    "likelihoods",
    "spread",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

N_MODEL_FOLDS = 5
OCTAVE = 12
ALPHABET = 32


class Interval(NamedTuple):
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return it as `.21 [.18, .25]`."""
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def interval(value: float, draws: Floats) -> Interval:
    """Put a value beside the middle 95 % of some draws; nan among them is left aside."""
    told = draws[~np.isnan(draws)]
    low, high = np.quantile(told, [0.025, 0.975]) if len(told) else (np.nan, np.nan)
    return Interval(value, float(low), float(high))


def spread(value: float, draws: Floats) -> Interval:
    """Put a value beside 1.96 standard deviations of some draws, from 0 on.

    Draws with replacement lie farther apart than the pieces themselves, so that the middle of
    their distances is too large; how they vary is not.
    """
    far = 1.96 * float(np.nanstd(draws))
    return Interval(value, max(value - far, 0.0), value + far)


def bootstrap(n: int, n_draws: int, rng: np.random.Generator) -> Ints:
    """Draw pieces with replacement.

    Returns
    -------
    ndarray of shape (n_draws, n), int64
        How often each piece is in each draw.
    """
    return rng.multinomial(n, np.full(n, 1 / n), size=n_draws)


def divergences(
    judged: Sequence[Counts], corpus: Sequence[Counts], weights: Floats, others: Floats
) -> dict[str, Floats]:
    """Compare label shares of weighted pieces, kind by kind.

    Parameters
    ----------
    judged, corpus : sequence of Counts
    weights : ndarray of shape (n_draws, n_judged)
        Of the judged pieces in each draw.
    others : ndarray of shape (n_draws, n_corpus)

    Returns
    -------
    dict of str to ndarray of shape (n_draws,)
        Bits, by kind; nan where a side has none of it.

    Examples
    --------
    >>> one, other = ({("tune", "interval"): Counter(labels)} for labels in ("aab", "aac"))
    >>> values = divergences([one], [other], np.ones((1, 1)), np.ones((1, 1)))
    >>> round(float(values["tune"][0]), 3)
    0.333
    """
    sums: dict[str, list[Floats]] = {}
    for key in sorted({key for counts in (*judged, *corpus) for key in counts}):
        labels = sorted({label for counts in (*judged, *corpus) for label in counts.get(key, ())})
        one, other = (
            side @ _matrix(pieces, key, labels)
            for side, pieces in ((weights, judged), (others, corpus))
        )
        sums.setdefault(key[0], []).append(_jensen_shannon(one, other))
    return {kind: np.mean(values, axis=0) for kind, values in sums.items()}


def _matrix(pieces: Sequence[Counts], key: tuple[str, str], labels: Sequence[str]) -> Floats:
    empty: Counter[str] = Counter()
    return np.array([[p.get(key, empty)[label] for label in labels] for p in pieces], np.float64)


def _jensen_shannon(one: Floats, other: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        p, q = (x / x.sum(axis=1, keepdims=True) for x in (one, other))
        middle = (p + q) / 2
        terms = [np.where(x > 0, x * np.log2(x / middle), 0.0).sum(axis=1) for x in (p, q)]
    empty = (one.sum(axis=1) == 0) | (other.sum(axis=1) == 0)
    divergence: Floats = np.where(empty, np.nan, (terms[0] + terms[1]) / 2)
    return divergence


# ---- likelihoods ------------------------------------------------------------------------


def _intervals(reading: Reading) -> list[int]:
    pitch = reading.lines[0]["pitch"].tolist() if reading.lines else []
    return [min(max(b - a, -OCTAVE), OCTAVE) + OCTAVE for a, b in pairwise(pitch)]


def _rhythm(reading: Reading) -> list[int]:
    return [cell for _, cell in reading.cells[0]] if reading.lines else []


def _roots(reading: Reading) -> list[int]:
    chords = [chord for _, chord in reading.progression] if len(reading.lines) > 2 else []
    return [(b.root - a.root) % OCTAVE + OCTAVE * b.is_major for a, b in pairwise(chords)]


LIKELIHOODS: dict[str, Callable[[Reading], list[int]]] = {
    "intervals of the tune": _intervals,
    "rhythm of the tune": _rhythm,
    "roots and thirds of the chords": _roots,
}
"""The symbols that each likelihood is of, in [0, 32)."""


def likelihoods(
    judged: Sequence[Reading], corpus: Sequence[Reading], groups: Ints
) -> dict[str, tuple[Floats, Floats]]:
    """Score pieces by n-gram models of the corpus that did not see their tunes.

    Parameters
    ----------
    judged, corpus : sequence of Reading
    groups : ndarray of shape (n_judged + n_corpus,), int64
        The tune of each.

    Returns
    -------
    dict of str to (judged, corpus)
        Nats of surprise a symbol, by piece; nan for a piece without any.
    """
    pieces = [*judged, *corpus]
    fold = groups % N_MODEL_FOLDS
    learned = np.arange(len(pieces)) >= len(judged)
    found = {}
    for name, symbols in LIKELIHOODS.items():
        lines = [np.array(symbols(piece), np.int64) for piece in pieces]
        some = np.array([len(x) > 1 for x in lines])
        values = np.full(len(pieces), np.nan)
        for number in range(N_MODEL_FOLDS):
            train = [lines[i] for i in np.flatnonzero(learned & some & (fold != number))]
            asked = np.flatnonzero(some & (fold == number))
            if train and len(asked):
                model = NGram(n=4, n_symbols=ALPHABET).fit(train)
                values[asked] = [-model.score([lines[i]]) for i in asked]
        if some.any():
            found[name] = values[: len(judged)], values[len(judged) :]
    return found
