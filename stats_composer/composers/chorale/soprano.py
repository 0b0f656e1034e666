"""The soprano of a free chorale, drawn before the other voices: outline, pitches, choice.

The outline is drawn first (composers/chorale/outline.py). Then `N_DRAWN` lines of pitches are
drawn by the law p of each given the two before (composers/chorale/pitches.py), and one of them
is kept with a probability proportional to

    r(x) = exp(w f(x)),                                                                        (1)

f the traits of a whole tune (composers/chorale/traits.py): sampling importance resampling, whose
law is p(x) r(x) up to a constant as the number of lines grows. The weights w tell the tunes of
the corpus from lines drawn for their outlines (`models/choices.py`): so p r is a whole-sentence
maximum-entropy model with p as its base. Phrases that come back are copied before the choice.

References
----------
D. Rubin (1987), The calculation of posterior distributions by data augmentation: comment, JASA
82: sampling importance resampling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stats_composer.composers.base import named
from stats_composer.composers.chorale.outline import BEAT, Outline, OutlineLaw
from stats_composer.composers.chorale.page import upbeat_of
from stats_composer.composers.chorale.pitches import PitchLaw, Tune
from stats_composer.composers.chorale.traits import traits
from stats_composer.encoding import shift_of
from stats_composer.models.choices import Valued, learn_choices
from stats_composer.score import Score, make_notes, respell

__all__ = ["Soprano", "Sung"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

N_DRAWN = 256
N_RIVALS = 64  # lines that a tune of the corpus is told from
FEWEST = 10  # tunes to learn from
SPREAD = 0.3  # a trait's standard deviation beside that among the lines
L2 = 3.0
TRIADS = ((0, 4, 7), (0, 3, 7))


class Sung(NamedTuple):
    """A soprano on its page, and the final notes of its phrases: (onset, end)."""

    melody: Score
    spans: list[tuple[int, int]]


class Soprano:
    """The law of sopranos.

    Attributes
    ----------
    outlines_ : OutlineLaw
    pitches_ : PitchLaw
    weights_ : ndarray of shape (n_traits,), float64
        w of (1).
    """

    @staticmethod
    def tunes_of(scores: Sequence[Score]) -> list[Tune]:
        """Return the tunes that can be learned from: in simple metres, their phrases marked.

        Those with notes shorter than a quarter of a beat are left out.
        """
        marked = [s for s in scores if len(s.fermatas) and not s.metre_at(0).is_compound]
        tunes = [Tune.of(score) for score in marked]
        return [tune for tune in tunes if np.diff(tune.outline.onsets).all()]

    def fit(
        self, tunes: Sequence[Tune], range_: Sequence[int] | Ints, random_state: int = 0
    ) -> Self:
        """Learn from tunes.

        Parameters
        ----------
        tunes : sequence of Tune
        range_ : (lowest, highest)
            Within which lines are drawn.
        random_state : int
        """
        self.outlines_ = OutlineLaw().fit([tune.outline for tune in tunes])
        self.pitches_ = PitchLaw().fit(tunes)
        rng = np.random.default_rng(random_state)
        values = np.stack([self._rivals(tune, range_, rng) for tune in tunes])
        scale = values[:, 1:].std(axis=(0, 1)) + SPREAD
        first = np.zeros(len(tunes), np.int64)
        self.weights_ = learn_choices(Valued(values / scale), first, L2) / scale
        return self

    def _rivals(self, tune: Tune, range_: Sequence[int] | Ints, rng: Generator) -> Floats:
        """Return the traits of a tune and those of lines drawn for its outline."""
        outline, mode, pitch, shift = tune
        drawn = self._drawn(outline, (mode, shift), range_, N_RIVALS, rng)
        return traits(np.concatenate([pitch[None], drawn]), outline, mode, shift)

    def _drawn(
        self,
        outline: Outline,
        key: tuple[int, int],
        range_: Sequence[int] | Ints,
        n: int,
        rng: Generator,
    ) -> Ints:
        """Draw lines for an outline in a mode, within a range a shift higher: (n, n_notes)."""
        law, (mode, shift) = self.pitches_, key
        pitch = law.low_ + np.arange(law.n_symbols_)
        inside = np.flatnonzero((pitch + shift >= range_[0]) & (pitch + shift <= range_[1]))
        return pitch[law.draw(mode, outline, inside, n, rng)][:, outline.sources]

    def draw(
        self,
        page: Score,
        key: tuple[int, int],
        range_: Sequence[int] | Ints,
        rng: Generator,
        *,
        ends: Sequence[int] | None = None,
        repeats: tuple[int, ...] = (),
    ) -> Sung | None:
        """Draw a soprano on a page; None where the corpus has no phrases of its metre and bars.

        Parameters
        ----------
        page : Score
        key : (tonic fifths, mode)
        range_ : (lowest, highest)
        rng : Generator
        ends : sequence of int, optional
            Ticks at which the phrases end, and the tune does; drawn by default.
        repeats : tuple of int
            As of `Outline`; drawn by default.
        """
        metre, shift = page.metre_at(0), shift_of(key)
        if metre.is_compound:
            return None
        unit = metre.beat // BEAT
        ticks = page.end if ends is None else np.diff([0, *ends]).tolist()
        lengths = ticks // unit if isinstance(ticks, int) else [n // unit for n in ticks]
        place = (metre.bar - upbeat_of(page)) % metre.bar // unit
        outline = self.outlines_.draw(metre.bar // unit, place, lengths, rng, repeats)
        if outline is None:
            return None
        pitch = self.sing(outline, (key[1], shift), range_, rng) + shift
        onset = unit * outline.onsets
        notes = make_notes(onset=onset[:-1], duration=np.diff(onset), pitch=pitch)
        final = outline.first[1:] - 1
        spans = list(zip(onset[final].tolist(), onset[final + 1].tolist(), strict=True))
        return Sung(respell(page.replace(notes=notes)), spans)

    def sing(
        self,
        outline: Outline,
        key: tuple[int, int],
        range_: Sequence[int] | Ints,
        rng: Generator,
    ) -> Ints:
        """Draw the pitches of an outline by (1), of lines that end in the tonic's triad if any do.

        Parameters
        ----------
        outline : Outline
        key : (mode, shift)
        range_ : (lowest, highest)
        rng : Generator
        """
        lines = self._drawn(outline, key, range_, N_DRAWN, rng)
        log_ratio = traits(lines, outline, *key) @ self.weights_  # (1)
        closed = np.isin(lines[:, -1] % 12, TRIADS[key[0]])
        log_ratio[~closed & closed.any()] = -np.inf
        ratio = np.exp(log_ratio - log_ratio.max())
        kept: Ints = lines[rng.choice(len(lines), p=ratio / ratio.sum())]
        return kept

    # ---- files --------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned: sizes, and arrays."""
        sizes: dict[str, Any] = {}
        arrays: dict[str, NDArray[Any]] = {"weights": self.weights_.astype(np.float32)}
        for name in ("outlines_", "pitches_"):
            sizes[name], learned = getattr(self, name).state()
            arrays |= {f"{name}{key}": array for key, array in learned.items()}
        return sizes, arrays

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        self.weights_ = arrays["weights"].astype(np.float64)
        self.outlines_ = OutlineLaw().restore(sizes["outlines_"], named(arrays, "outlines_"))
        self.pitches_ = PitchLaw().restore(sizes["pitches_"], named(arrays, "pitches_"))
        return self
