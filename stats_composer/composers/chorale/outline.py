"""The outline of a tune: its phrases and the rhythm of each, before any pitch.

An outline is a chain of whole phrases. Where one begins in its bar says how long it is and what
rhythm it has, as in the corpus, whose phrases are counted whole:

    P(outline) ~ product over phrases of P(length | place, is last) P(rhythm | all these),     (1)

given that the lengths fill the tune. Each earlier phrase of its place and length may give a phrase
its rhythm instead, as often as two such phrases of one piece agree more than those of two pieces.
Which phrases come back as a whole, pitches and all, is what some piece of the corpus does.

Conventions
-----------
Times are in quarters of a beat. A phrase lasts from its first note to that of the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stats_composer.score import Score, bar_positions, phrase_spans

__all__ = ["BEAT", "Outline", "OutlineLaw", "Phrase"]

Ints = NDArray[np.int64]
Slot = tuple[int, bool, int, int]

BEAT = 4
MOST = 16  # phrases of a pattern
LONGEST = 14 * BEAT  # what is longer is two phrases whose first has no mark


class Phrase(NamedTuple):
    """The rhythm of a phrase.

    Attributes
    ----------
    place : int
        Of its first note in the bar.
    length : int
    onsets : tuple of int
        From its first note on.
    """

    place: int
    length: int
    onsets: tuple[int, ...]


class Outline(NamedTuple):
    """The phrases of a tune.

    Attributes
    ----------
    bar : int
        Length of a bar.
    phrases : tuple of Phrase
    repeats : tuple of int
        For each phrase the first one that is the same notes: an earlier one, or itself.
    """

    bar: int
    phrases: tuple[Phrase, ...]
    repeats: tuple[int, ...]

    @classmethod
    def of(cls, melody: Score) -> Self:
        """Read the outline of one line."""
        metre, notes = melody.metre_at(0), melody.notes
        finals = [onset for onset, _ in phrase_spans(melody)]
        time = np.append(notes["onset"], notes["onset"][-1] + notes["duration"][-1])
        time = np.rint(BEAT * time.astype(np.int64) / metre.beat).astype(np.int64)
        place = bar_positions(melody, notes["onset"]) * BEAT // metre.beat
        first = [0, *(np.searchsorted(notes["onset"], finals) + 1).tolist()]
        phrases, tunes = [], []
        for start, stop in pairwise(first):
            own = time[start:stop] - time[start]
            length = int(time[stop] - time[start])
            phrases.append(Phrase(int(place[start]), length, tuple(own.tolist())))
            tunes.append((phrases[-1].onsets, notes["pitch"][start:stop].tolist()))
        repeats = tuple(tunes.index(tune) for tune in tunes)
        return cls(metre.bar * BEAT // metre.beat, tuple(phrases), repeats)

    @property
    def onsets(self) -> Ints:
        """Onsets of all notes from the first on, and the end: (n_notes + 1,)."""
        starts = np.cumsum([0, *(phrase.length for phrase in self.phrases)]).tolist()
        parts = zip(starts, self.phrases, strict=False)
        return np.array([start + t for start, p in parts for t in p.onsets] + starts[-1:])

    @property
    def first(self) -> Ints:
        """Number of the first note of each phrase, and of all notes: (n_phrases + 1,)."""
        return np.cumsum([0, *(len(phrase.onsets) for phrase in self.phrases)])

    @property
    def sources(self) -> Ints:
        """For each note the one that it repeats as its phrase does, or itself."""
        first = self.first
        return np.concatenate([np.arange(first[j], first[j + 1]) for j in self.repeats])


class OutlineLaw:
    """The law of outlines.

    Attributes
    ----------
    rhythms_ : dict of (bar, is last, place, length) to Counter of onsets
    patterns_ : list of tuple of int
        The `repeats` of the tunes it learned from.
    returns_ : float
        Share of them in which a phrase comes back.
    copies_ : float
        How often an earlier phrase gives its rhythm to one that has its place and length.
    """

    def fit(self, outlines: Sequence[Outline]) -> Self:
        """Count the phrases of tunes."""
        self.rhythms_: dict[Slot, Counter[tuple[int, ...]]] = {}
        for outline in outlines:
            for i, (place, length, onsets) in enumerate(outline.phrases):
                slot = outline.bar, i == len(outline.phrases) - 1, place, length
                if length <= LONGEST:
                    self.rhythms_.setdefault(slot, Counter())[onsets] += 1
        self.patterns_ = [outline.repeats[:MOST] for outline in outlines]
        self.returns_ = float(np.mean([_returns(pattern) for pattern in self.patterns_]))
        self.copies_ = self._agreement(outlines)
        return self

    def _agreement(self, outlines: Sequence[Outline]) -> float:
        """Return by how much phrases of one piece agree more in rhythm than those of two."""
        pairs = []
        for outline in outlines:
            different = [outline.phrases[i] for i in sorted(set(outline.repeats))[:-1]]
            for a, b in combinations(different, 2):
                if a[:2] == b[:2] and a.length <= LONGEST:
                    counts = self.rhythms_[outline.bar, False, *a[:2]]
                    chance = sum(n * n for n in counts.values()) / counts.total() ** 2
                    pairs.append((a.onsets == b.onsets, chance))
        same, chance = np.mean(pairs, axis=0).tolist() if pairs else (0.0, 0.0)
        return max(0.0, (same - chance) / (1 - chance)) if chance < 1 else 0.0

    # ---- drawing ------------------------------------------------------------------------

    def draw(
        self,
        bar: int,
        place: int,
        lengths: Sequence[int] | int,
        rng: Generator,
        repeats: tuple[int, ...] = (),
    ) -> Outline | None:
        """Draw an outline; None where the corpus has no such phrases.

        Parameters
        ----------
        bar, place : int
            Length of a bar, and where the first note stands.
        lengths : sequence of int, or int
            Of the phrases; or of the tune, and theirs are drawn.
        rng : Generator
        repeats : tuple of int
            As of `Outline`; drawn by default.
        """
        if isinstance(lengths, int):
            lengths = self._lengths(bar, place, lengths, rng)
        phrases: list[Phrase] = []
        for i, length in enumerate(lengths):
            table = self.rhythms_.get((bar, i == len(lengths) - 1, place, length))
            table = table or self.rhythms_.get((bar, False, place, length))
            if not table:
                return None
            alike = [p.onsets for p in phrases if p[:2] == (place, length)]
            copied = rng.random() < 1 - (1 - self.copies_) ** len(alike)
            onsets = alike[rng.integers(len(alike))] if copied else _drawn(table, rng)
            phrases.append(Phrase(place, length, onsets))
            place = (place + length) % bar
        repeats = repeats or self._pattern(phrases, rng)
        if len(repeats) != len(phrases) or not phrases or not _fits(repeats, phrases):
            return None
        phrases = [
            phrases[j]._replace(place=p.place) for j, p in zip(repeats, phrases, strict=True)
        ]
        return Outline(bar, tuple(phrases), repeats)

    def _lengths(self, bar: int, place: int, total: int, rng: Generator) -> list[int]:
        """Draw lengths of phrases that fill a tune, by (1); none where there are none."""
        laws = [self._length_law(bar, last) for last in (False, True)]
        log_ways = np.full(total + 1, -np.inf)
        log_ways[total] = 0.0

        def steps(t: int) -> list[tuple[int, float]]:
            here = (place + t) % bar
            inner = [(n, p + log_ways[t + n]) for n, p in laws[0].get(here, ()) if t + n < total]
            return inner + [(n, p) for n, p in laws[1].get(here, ()) if t + n == total]

        for t in range(total - 1, -1, -1):
            log_ways[t] = np.logaddexp.reduce([w for _, w in steps(t)], initial=-np.inf)
        t, lengths = 0, []
        while t < total and log_ways[0] > -np.inf:
            moves = steps(t)
            lengths.append(moves[_index(np.exp([w - log_ways[t] for _, w in moves]), rng)][0])
            t += lengths[-1]
        return lengths

    def _length_law(self, bar: int, last: bool) -> dict[int, list[tuple[int, float]]]:
        """Return by place the lengths of phrases and the logarithms of their shares."""
        law: dict[int, list[tuple[int, float]]] = {}
        totals: Counter[int] = Counter()
        for (_, _, place, length), counts in self._slots(bar, last):
            totals[place] += counts.total()
            law.setdefault(place, []).append((length, counts.total()))
        return {
            place: [(n, float(np.log(count / totals[place]))) for n, count in rows]
            for place, rows in law.items()
        }

    def _slots(self, bar: int, last: bool) -> list[tuple[Slot, Counter[tuple[int, ...]]]]:
        return [(slot, counts) for slot, counts in self.rhythms_.items() if slot[:2] == (bar, last)]

    def _pattern(self, phrases: Sequence[Phrase], rng: Generator) -> tuple[int, ...]:
        """Draw which phrases come back: as in a piece of the corpus where some do."""
        n, new = len(phrases), tuple(range(len(phrases)))
        begun = [(*pattern[:n], *new[len(pattern) :]) for pattern in self.patterns_]
        fitting = [pattern for pattern in begun if _returns(pattern) and _fits(pattern, phrases)]
        if not fitting or rng.random() >= self.returns_:
            return new
        return fitting[rng.integers(len(fitting))]

    # ---- files --------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned: sizes, and arrays."""
        rows = [
            (*slot, count, len(onsets))
            for slot, counts in self.rhythms_.items()
            for onsets, count in counts.items()
        ]
        onsets = [t for counts in self.rhythms_.values() for key in counts for t in key]
        patterns = [np.array(pattern, np.int8) for pattern in self.patterns_]
        return {"returns": self.returns_, "copies": self.copies_}, {
            "rhythms": np.array(rows, np.int32).reshape(-1, 6),
            "onsets": np.array(onsets, np.int16),
            "patterns": np.concatenate([*patterns, np.zeros(0, np.int8)]),
            "n_phrases": np.array([len(p) for p in patterns], np.int8),
        }

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        self.returns_, self.copies_ = float(sizes["returns"]), float(sizes["copies"])
        self.rhythms_, onsets = {}, arrays["onsets"].tolist()
        for bar, last, place, length, count, n in arrays["rhythms"].tolist():
            counts = self.rhythms_.setdefault((bar, bool(last), place, length), Counter())
            counts[tuple(onsets[:n])] = count
            onsets = onsets[n:]
        ends = np.cumsum(arrays["n_phrases"], dtype=np.int64)
        parts = np.split(arrays["patterns"], ends[:-1]) if len(ends) else []
        self.patterns_ = [tuple(part.tolist()) for part in parts]
        return self


def _returns(pattern: tuple[int, ...]) -> bool:
    return len(set(pattern)) < len(pattern)


def _fits(pattern: tuple[int, ...], phrases: Sequence[Phrase]) -> bool:
    """Tell whether phrases that are to be the same are as long."""
    return all(phrases[i].length == phrases[j].length for i, j in enumerate(pattern))


def _drawn(counts: Counter[tuple[int, ...]], rng: Generator) -> tuple[int, ...]:
    return [*counts][_index(list(counts.values()), rng)]


def _index(weights: Any, rng: Generator) -> int:
    share = np.asarray(weights, np.float64)
    return int(rng.choice(len(share), p=share / share.sum()))
