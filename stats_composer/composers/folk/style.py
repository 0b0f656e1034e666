"""What is learned of one dance: its form, its notes, its endings and its ornaments.

The law of a tune's notes is a product of experts over the codes x_t of its steps:

    log P = sum over t of  log P(x_t | x_{t-4} ... x_{t-1}, place in the beat cycle)
                           + sum over facets f of weight_f log( P(x_t | f) / P(x_t) ) + const,

where the facets are the mode, the height of the tonic, the cluster of the bar and the bar's
place in its part. The first term is an n-gram over (place, code) pairs. A plan has the same
shape: an n-gram over (bar, token) pairs and the height of the tonic. How often such a product
holds a note instead of striking one is mended afterwards (composers/folk/balance.py).

References
----------
G. E. Hinton, "Training products of experts by minimizing contrastive divergence", Neural
Computation 14 (2002), section 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.folk.form import (
    LAST,
    N_PLACES,
    RELATIONS,
    bar_vectors,
    places,
    relate,
    spots,
)
from stats_composer.composers.folk.tune import GRAIN, HOLD, Kind, Tune, code_pitch, melodies
from stats_composer.models.ngram import NGram
from stats_composer.models.texture import KMeans
from stats_composer.theory import MODES

__all__ = ["CODES", "Style", "is_high", "symbols_of"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

N, PLAN_N = 5, 4
N_CLUSTERS = 16
LOWEST, HIGHEST = -14, 42
CODES = np.array([HOLD, *range(LOWEST, HIGHEST + 1)])
HIGH_TONIC = 65
# How many bars' worth of the general law each facet's counts are mixed with.
PRIOR = 20.0
RARE = 0.005


def is_high(height: int) -> int:
    """Tell whether a tonic lies in the upper half of the octave from C4."""
    return int(height >= HIGH_TONIC)


class Style:
    """What is learned of one dance.

    Parameters
    ----------
    kind : Kind
    random_state : int
        Of the clustering.

    Attributes
    ----------
    notes_ : NGram
        Over phase * n_codes + code, `CODES` the codes.
    plan_ : NGram
        Over place in the form * n_tokens + token.
    clusters_ : KMeans
        Of bars.
    facets_ : mapping of str to ndarray
        Log-ratios of codes: `height` (2, n_codes); by step of the bar, `mode` (4, n_steps,
        n_codes), `cluster` (n_clusters, n_steps, n_codes), `place` (9, n_steps, n_codes), the
        last row of which is that of a tune's last bar; and `tokens` (2, n_tokens), of tokens by
        height.
    known_ : ndarray of shape (4, n_codes), bool
        Codes that are no rarity in their mode.
    tempo_ : float
        Quarters a minute: the median of the tunes, in whole beats.
    keys_, pickups_, doubled_, finals_, turns_, lines_, moves_, counts_ : ndarray
        Of the tunes: (tonic, mode); steps of the upbeat; whether parts are played twice; the
        step of the last note where that is the tonic; rows of `Tune.turns`; all steps, one tune
        after the other, each with a last HOLD - 1; intervals and ticks from note to note of
        `Tune.heard`, each tune's first from its first pitch and bar; and how many they are.
    """

    def __init__(self, kind: Kind, *, random_state: int = 0) -> None:
        self.kind = kind
        self.random_state = random_state

    @property
    def n_codes(self) -> int:
        """Codes of a step, HOLD included."""
        return len(CODES)

    @property
    def cycle(self) -> int:
        """Steps after which the places of the notes' n-gram come again."""
        return 3 if self.kind.group == 3 else 4 if self.kind.n_steps % 4 == 0 else 2

    @property
    def n_tokens(self) -> int:
        """Tokens of a bar in a plan."""
        return len(RELATIONS) + N_CLUSTERS

    # ---- learning -----------------------------------------------------------------------

    def fit(self, tunes: Sequence[Tune]) -> Self:
        """Learn from tunes of this kind."""
        lines = [symbols_of(tune.line) for tune in tunes]
        phases = [
            (np.arange(len(line)) - len(tune.pickup)) % self.cycle
            for line, tune in zip(lines, tunes, strict=True)
        ]
        coded = [p * self.n_codes + line for p, line in zip(phases, lines, strict=True)]
        self.notes_ = self._notes().fit(coded)
        self.keys_ = np.array([(t.tonic, list(MODES).index(t.mode)) for t in tunes])
        self.pickups_ = np.array([len(tune.pickup) for tune in tunes])
        self.doubled_ = np.array([tune.doubled for tune in tunes], np.int64)
        self.turns_ = np.concatenate([tune.turns for tune in tunes])
        after = [np.r_[tune.line, HOLD - 1] for tune in tunes]
        self.lines_ = np.concatenate(after)
        moves = [np.diff(t.heard, axis=0, prepend=[[t.heard[0, 0], 0]]) for t in tunes]
        self.moves_, self.counts_ = np.concatenate(moves), np.array([*map(len, moves)])
        tempos = [tune.tempo for tune in tunes if tune.tempo]
        beat = 1.5 if self.kind.group == 3 else 1.0
        self.tempo_ = beat * round(float(np.median(tempos)) / beat) if tempos else 180.0
        self.second_ = self._count_endings(tunes)
        self.finals_ = self._find_finals(tunes)
        self._fit_facets(tunes)
        return self

    def _notes(self) -> NGram:
        return NGram(N, n_symbols=self.cycle * self.n_codes)

    def _plan(self) -> NGram:
        return NGram(PLAN_N, n_symbols=N_PLACES * self.n_tokens)

    @staticmethod
    def _count_endings(tunes: Sequence[Tune]) -> Floats:
        """Return how many doubled parts have a first ending, without and with upbeats."""
        rate = np.zeros(2)
        for upbeat in (False, True):
            mine = [t for t in tunes if t.doubled and bool(len(t.pickup)) == upbeat]
            own = [ending is not None for tune in mine for ending in tune.endings]
            rate[int(upbeat)] = (sum(own) + 0.5) / (len(own) + 1)
        return rate

    @staticmethod
    def _find_finals(tunes: Sequence[Tune]) -> Ints:
        """Return the steps at which last notes start that are the tonic, of a beat or more."""
        found = []
        for tune in tunes:
            at = np.flatnonzero(tune.bars[-1] != HOLD)
            long = len(at) and at[-1] <= tune.kind.n_steps - min(tune.kind.group, 3)
            if long and tune.bars[-1][at[-1]] % 14 == 0:
                found.append(int(at[-1]))
        return np.array(found or [0])

    def _fit_facets(self, tunes: Sequence[Tune]) -> None:
        kind = self.kind
        bars = np.concatenate([tune.bars for tune in tunes])
        symbols = symbols_of(bars)
        place = [places([len(part) for part in tune.parts]) for tune in tunes]
        mode = np.repeat(self.keys_[:, 1], [len(p) for p in place])
        high = np.repeat([is_high(tune.height) for tune in tunes], [len(p) for p in place])
        spot = np.concatenate([spots([len(part) for part in tune.parts]) for tune in tunes])
        self.clusters_ = KMeans(N_CLUSTERS, n_init=4, random_state=self.random_state)
        cluster = self.clusters_.fit(bar_vectors(bars, kind)).labels_
        general = _count(np.zeros(len(bars), np.int64), symbols, 1)
        by_mode = _count(mode, symbols, len(MODES))
        self.facets_ = {
            "mode": _ratio(by_mode, general),
            "height": _ratio(_count(high, symbols, 2), general, flat=True),
            "cluster": _ratio(_count(cluster, symbols, N_CLUSTERS), general),
            "place": _ratio(_count(spot, symbols, LAST + 1), general),
        }
        in_mode = by_mode.sum(axis=1)
        self.known_ = in_mode >= RARE * np.maximum(in_mode[:, 1:].sum(axis=1, keepdims=True), 1)
        self.known_[:, 0] = True
        self._fit_plans(tunes, place, cluster, high)

    def _fit_plans(
        self, tunes: Sequence[Tune], place: Sequence[Ints], cluster: Ints, high: Ints
    ) -> None:
        tokens: list[Ints] = []
        n_done = 0
        for tune, at in zip(tunes, place, strict=True):
            found = relate(tune.bars, at, self.kind)
            new = len(RELATIONS) + cluster[n_done : n_done + len(at)]
            n_done += len(at)
            tokens.append(np.where(found >= 0, found, new))
        self.plan_ = self._plan().fit(
            [at * self.n_tokens + token for at, token in zip(place, tokens, strict=True)]
        )
        table = np.zeros((2, 1, self.n_tokens))
        np.add.at(table, (high, np.zeros_like(high), np.concatenate(tokens)), 1)
        general = table.sum(axis=0, keepdims=True)
        self.facets_["tokens"] = _ratio(table, general, flat=True)

    # ---- what a writer asks -------------------------------------------------------------

    def pitches(self, mode: str, height: int) -> Ints:
        """Return the MIDI pitch of every code in a key; -1 for HOLD and what the mode lacks."""
        return np.array([-1, *(code_pitch(int(code), mode, height) for code in CODES[1:])])

    def melodies(self) -> Iterator[tuple[Ints, Ints]]:
        """List what the tunes sound like, with and without ornaments: pitches and ticks.

        Pitches count from the first of each tune.
        """
        for moves in np.split(self.moves_, np.cumsum(self.counts_)[:-1]):
            yield from melodies(np.cumsum(moves, axis=0), self.kind)

    # ---- files --------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned: sizes as JSON can hold them, and arrays."""
        sizes: dict[str, Any] = {"tempo": self.tempo_, "second": self.second_.tolist()}
        arrays: dict[str, NDArray[Any]] = {"centers": self.clusters_.cluster_centers_}
        for name, model in (("notes", self.notes_), ("plan", self.plan_)):
            sizes[name], learned = model.state()
            arrays |= {f"{name}.{key}": value for key, value in learned.items()}
        arrays |= {f"facet.{k}": v.astype(np.float32) for k, v in self.facets_.items()}
        for name in ("keys", "pickups", "doubled", "finals", "turns"):
            arrays[name] = getattr(self, f"{name}_").astype(np.int8)
        arrays["lines"] = self.lines_.astype(np.int16)
        arrays["moves"] = np.clip(self.moves_ // [1, GRAIN], -(2**15), 2**15 - 1).astype(np.int16)
        arrays["counts"] = self.counts_.astype(np.int32)
        arrays["known"] = self.known_
        return sizes, arrays

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        self.tempo_, self.second_ = float(sizes["tempo"]), np.array(sizes["second"], np.float64)
        for name, model in (("notes", self._notes()), ("plan", self._plan())):
            learned = {
                k.removeprefix(f"{name}."): a for k, a in arrays.items() if k.startswith(f"{name}.")
            }
            setattr(self, f"{name}_", model.restore(sizes[name], learned))
        self.facets_ = {
            key.removeprefix("facet."): array.astype(np.float64)
            for key, array in arrays.items()
            if key.startswith("facet.")
        }
        for name in ("keys", "pickups", "doubled", "finals", "turns", "lines", "counts"):
            setattr(self, f"{name}_", arrays[name].astype(np.int64))
        self.moves_ = arrays["moves"].astype(np.int64) * [1, GRAIN]
        self.known_ = arrays["known"]
        self.clusters_ = KMeans(N_CLUSTERS)
        self.clusters_.cluster_centers_ = arrays["centers"]
        return self


def symbols_of(codes: Ints) -> Ints:
    """Return the places of codes in `CODES`; those outside the compass an octave nearer."""
    codes = np.where(codes > HIGHEST, codes - 14, codes)
    codes = np.where((codes < LOWEST) & (codes != HOLD), codes + 14, codes)
    return np.where(codes == HOLD, 0, codes - LOWEST + 1)


def _count(facet: Ints, symbols: Ints, n_facets: int) -> Floats:
    """Count codes by facet and step."""
    table = np.zeros((n_facets, symbols.shape[1], len(CODES)))
    np.add.at(table, (facet[:, None], np.arange(symbols.shape[1])[None], symbols), 1)
    return table


def _ratio(counts: Floats, general: Floats, *, flat: bool = False) -> Floats:
    """Return log P(code | facet) / P(code), by step or (flat) over all steps."""
    if flat:
        counts, general = counts.sum(axis=1, keepdims=True), general.sum(axis=1, keepdims=True)
    prior = (general + 0.01) / (general + 0.01).sum(axis=2, keepdims=True)
    share = (counts + PRIOR * prior) / (counts.sum(axis=2, keepdims=True) + PRIOR)
    ratio: Floats = np.log(share / prior)
    return ratio[:, 0] if flat else ratio
