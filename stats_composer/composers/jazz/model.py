"""What is learned of solos: a plan of bars, the rhythm of beats, pitches, and where notes end.

The law of a solo over a chart is

    P(plan) P(cells | plan) P(lengths | cells) P(pitches | cells, plan, chart),

the plan an n-gram over K-means labels of bars, cells and pitches each a log-linear mixture of
viewpoints (models/viewpoints) that counts the corpus and the solo so far. That of the solo alone is
the sum over plans, taken exactly by a chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.jazz.chart import QUALITY_NAMES
from stats_composer.composers.jazz.harmony import count_moves
from stats_composer.composers.jazz.solo import (
    LONGEST,
    STEPS,
    Solo,
    bar_features,
    beat_table,
    known_cells,
    note_table,
    snap,
)
from stats_composer.composers.jazz.viewpoints import pitch_model, rhythm_model
from stats_composer.models.ngram import NGram
from stats_composer.models.texture import KMeans
from stats_composer.models.viewpoints import Blend
from stats_composer.ngrams import Repertoire
from stats_composer.sampling.chain import Chain

__all__ = ["SoloModel"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Table = NDArray[np.void]

N_CELLS, N_CLUSTERS, PLAN_N = 96, 10, 3
PITCH_PENALTY, RHYTHM_PENALTY = 300.0, 300.0
LONGEST_WAIT = 255
LEAST, MAX_EVENTS = 5, 6_000
ENDS = np.array([3, 6, 12, 24])
N_GAPS = LONGEST + 1
WIDEST = 24
N_PLACES = 8
HALF = STEPS // 2


class SoloModel:
    """The model of the module's docstring.

    Parameters
    ----------
    n_clusters : int
    random_state : int
        Of the clustering.

    Attributes
    ----------
    known_ : ndarray of int64, rising
        Cells.
    clusters_ : KMeans
        Of rows of `solo.bar_features`.
    plan_ : NGram
    rhythm_, pitch_ : ViewpointModel
        Each a `Blend` where the model leans to other solos.
    ends_ : ndarray of shape (N_GAPS + 1, len(ENDS) + 1)
        Counts of how long notes are, by the steps to the next; the last column lasts until then,
        and the last row is the last note's.
    moves_, tones_ : ndarray of shape (2 * WIDEST + 1,), (n_qualities, 12)
        Counts of intervals, and of tones over the root by quality.
    stops_ : ndarray of shape (N_PLACES,)
        Counts of the beat of the bar at which the last note of all begins.
    changes_ : ndarray of shape (n_qualities, 12, n_qualities)
        Counts of changes of chords, `harmony.count_moves`.
    corpus_ : Repertoire
        What must not be copied: pitches and steps.
    """

    def __init__(self, *, n_clusters: int = N_CLUSTERS, random_state: int = 0) -> None:
        self.n_clusters = n_clusters
        self.random_state = random_state
        options: dict[str, Any] = {"least": LEAST, "max_events": MAX_EVENTS}
        self.rhythm_ = rhythm_model(penalty=RHYTHM_PENALTY, margin=0, **options)
        self.pitch_ = pitch_model(penalty=PITCH_PENALTY, **options)

    def fit(self, solos: Sequence[Solo]) -> Self:
        """Learn from solos."""
        self.known_ = known_cells(solos, N_CELLS)
        kept = [snap(solo, self.known_) for solo in solos]
        rows = np.concatenate([bar_features(solo) for solo in kept])
        n = min(self.n_clusters, len(np.unique(rows, axis=0)))
        self.clusters_ = KMeans(n, n_init=4, random_state=self.random_state).fit(rows)
        beats, notes = self._counted(kept)
        self.rhythm_.fit(beats)
        self.pitch_.fit(notes)
        self.corpus_ = Repertoire((solo.pitch, _hurried(solo.onset)) for solo in kept)
        return self

    def _counted(self, solos: Sequence[Solo]) -> tuple[list[Table], list[Table]]:
        """Count all but rhythm and pitches of solos, and return tables of these."""
        self.plan_ = self._plan().fit(list(map(self._labels, solos)))
        self.changes_ = count_moves(solo.chart for solo in solos)
        self.ends_ = np.zeros((N_GAPS + 1, len(ENDS) + 1))
        self.moves_ = np.ones(2 * WIDEST + 1)
        self.tones_ = np.ones((len(QUALITY_NAMES), 12))
        self.stops_ = np.ones(N_PLACES)
        for solo in solos:
            gap = np.append(np.minimum(solo.gaps[:-1], LONGEST), N_GAPS)
            end = np.where(solo.length < solo.gaps, np.searchsorted(ENDS, solo.length), len(ENDS))
            np.add.at(self.ends_, (gap, np.minimum(end, len(ENDS))), 1)
            move = np.clip(np.diff(solo.pitch), -WIDEST, WIDEST)
            self.moves_ += np.bincount(move + WIDEST, minlength=2 * WIDEST + 1)
            beat = np.minimum(solo.onset // STEPS, solo.chart.n_beats - 1)
            tone = (solo.pitch - solo.chart.root[beat]) % 12
            np.add.at(self.tones_, (solo.chart.quality[beat], tone), 1)
            self.stops_[min(solo.chart.place[beat[-1]], N_PLACES - 1)] += 1
        return self.tables(solos)

    def _labels(self, solo: Solo) -> Ints:
        return self.clusters_.predict(bar_features(solo))

    def tables(self, solos: Sequence[Solo]) -> tuple[list[Table], list[Table]]:
        """Return the tables of beats and of notes of solos whose cells are known."""
        pairs = [(solo, self._labels(solo)) for solo in solos]
        beats = [beat_table(solo, self.known_, labels) for solo, labels in pairs]
        return beats, [note_table(solo, labels) for solo, labels in pairs]

    def leaning(self, solos: Sequence[Solo], share: float) -> Self:
        """Return a model that leans to some solos, however few.

        What is counted of them is trusted as the same counts of this model's are. Cells are this
        model's; what must not be copied too, so that they may be.

        Parameters
        ----------
        solos : sequence of Solo
        share : float
            In (0, 1]: weight of the solos in the mixture; 1 leaves nothing of what was known but
            how far counts are to be trusted.
        """
        other = copy(self)
        beats, notes = other._counted([snap(solo, self.known_) for solo in solos])
        for name, rows in (("rhythm_", beats), ("pitch_", notes)):
            known = getattr(self, name)
            setattr(other, name, Blend([(known.recounted(rows), share), (known, 1 - share)]))
        if share < 1:
            other.plan_ = self.plan_
        for name in ("changes_", "ends_", "moves_", "stops_", "tones_"):
            own, known = getattr(other, name), getattr(self, name)
            setattr(other, name, share * own * known.sum() / own.sum() + (1 - share) * known)
        return other

    def crude_law(self, pitches: Ints, root: int, quality: int) -> Floats:
        """Return a first-order law of pitches on a chord: what a look ahead is taken with.

        Parameters
        ----------
        pitches : ndarray of shape (n,), int64
        root, quality : int
            As of a `Chart`.

        Returns
        -------
        ndarray of shape (n + 1, n)
            Log-probabilities of each pitch after each; the last row is that of a first note.
        """
        move = np.clip(pitches - pitches[:, None], -WIDEST, WIDEST)
        on_chord = np.log(self.tones_[quality, (pitches - root) % 12])
        weight = np.log(self.moves_[move + WIDEST]) + on_chord
        weight = np.concatenate([weight, on_chord[None]])
        law: Floats = weight - np.log(np.exp(weight).sum(axis=1, keepdims=True))
        return law

    def _plan(self) -> NGram:
        return NGram(PLAN_N, n_symbols=self.n_clusters)

    def log_likelihood(self, solo: Solo) -> float:
        """Return the log-probability of a solo's cells and pitches, in nats, over all plans.

        A beat and a note see the label of their own bar alone, so that the sum over plans is that
        of a chain, and exact.

        Parameters
        ----------
        solo : Solo
            Its cells are taken as the nearest known ones.
        """
        solo = snap(solo, self.known_)
        bar, beat = solo.chart.bar, np.minimum(solo.onset // STEPS, solo.chart.n_beats - 1)
        n_bars, n = int(bar[-1]) + 1, len(self.clusters_.cluster_centers_)
        played = np.full((n_bars, self.n_clusters), -np.inf)
        for label in range(n):
            labels = np.full(n_bars, label)
            cells = self.rhythm_.log_probs(beat_table(solo, self.known_, labels))
            notes = self.pitch_.log_probs(note_table(solo, labels))
            played[:, label] = np.bincount(bar, cells, n_bars)
            played[:, label] += np.bincount(bar[beat], notes, n_bars)
        plan = self.plan_.automaton(n_bars, played > -np.inf)
        return float(Chain(played, [plan]).log_normaliser)

    def bits(self, solos: Sequence[Solo]) -> dict[str, float]:
        """Return the bits a note of the plan, the rhythm and the pitches of solos.

        Each is given the plan that K-means reads from the solo itself: together they bound the
        bits of `log_likelihood` from above.
        """
        kept = [snap(solo, self.known_) for solo in solos]
        beats, notes = self.tables(kept)
        known = {
            "plan": self.plan_.score_samples(list(map(self._labels, kept))),
            "rhythm": self.rhythm_.score_samples(beats),
            "pitch": self.pitch_.score_samples(notes),
        }
        n_notes = sum(len(solo.onset) for solo in kept)
        return {k: -float(v.sum()) / n_notes / np.log(2) for k, v in known.items()}

    def lengths(self, onset: Ints, gaps: Ints, rng: np.random.Generator) -> Ints:
        """Draw how long notes are, given the steps from each to the next.

        A note that ends before the next ends at a half of a beat.
        """
        counts = self.ends_[np.append(np.minimum(gaps[:-1], LONGEST), N_GAPS)]
        counts[:, -1] += 1e-3
        share = np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True)
        drawn = (share < rng.random(len(gaps))[:, None]).sum(axis=1)
        end = onset + np.append(ENDS, LONGEST)[drawn]
        end = -(-end // HALF) * HALF
        return np.where(drawn < len(ENDS), np.minimum(end - onset, gaps), gaps)

    def stop(self, place: Ints, rng: np.random.Generator) -> int:
        """Draw which beat of a last bar the last note begins in, of beats of some places."""
        share = np.cumsum(self.stops_[np.minimum(place, N_PLACES - 1)])
        return int(np.searchsorted(share, rng.random() * share[-1], side="right"))

    # ---- files --------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned: sizes as JSON can hold them, and arrays."""
        sizes: dict[str, Any] = {"n_clusters": self.n_clusters}
        arrays: dict[str, NDArray[Any]] = {
            "known": self.known_.astype(np.int16),
            "centers": self.clusters_.cluster_centers_,
            "ends": self.ends_.astype(np.int32),
            "intervals": self.moves_.astype(np.int32),
            "tones": self.tones_.astype(np.int32),
            "stops": self.stops_.astype(np.int32),
            "changes": self.changes_.astype(np.float32),
            "leaps": self.corpus_.moves[:, 0].astype(np.int8),
            "waits": self.corpus_.moves[:, 1].astype(np.uint8),
            "length": self.corpus_.length.astype(np.int32),
        }
        for name in ("plan", "rhythm", "pitch"):
            sizes[name], learned = getattr(self, f"{name}_").state()
            arrays |= {f"{name}.{key}": array for key, array in learned.items()}
        return sizes, arrays

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        self.n_clusters = int(sizes["n_clusters"])
        self.known_ = arrays["known"].astype(np.int64)
        self.clusters_ = KMeans(self.n_clusters)
        self.clusters_.cluster_centers_ = arrays["centers"]
        self.ends_ = arrays["ends"].astype(np.float64)
        self.moves_, self.tones_, self.stops_ = (
            arrays[name].astype(np.float64) for name in ("intervals", "tones", "stops")
        )
        self.changes_ = arrays["changes"].astype(np.float64)
        moves = np.stack([arrays["leaps"], arrays["waits"]], axis=1, dtype=np.int64)
        self.corpus_ = Repertoire.restore({"moves": moves, "length": arrays["length"]})
        self.plan_ = self._plan()
        for name in ("plan", "rhythm", "pitch"):
            learned = {
                key.removeprefix(f"{name}."): array
                for key, array in arrays.items()
                if key.startswith(f"{name}.")
            }
            getattr(self, f"{name}_").restore(sizes[name], learned)
        return self


def _hurried(onset: Ints) -> Ints:
    """Shorten waits to `LONGEST_WAIT`, so that they fit in a byte."""
    waits = np.minimum(np.diff(onset, prepend=onset[:1]), LONGEST_WAIT)
    hurried: Ints = np.cumsum(waits)
    return hurried
