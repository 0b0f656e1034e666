"""Solos over changes: improvised on a tune or on a bare chart, with a band where there is none.

The solo is drawn from what was learned of improvisers (`model.py`), under the user's wishes
(`writer.py`); a bass line and chords from `band.py` join where the tune has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self, Unpack, overload

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stats_composer.composers.asked import Seed, asked_constraints
from stats_composer.composers.base import Arrays, Composer, Writing, named
from stats_composer.composers.jazz.band import BassModel, draw_comping
from stats_composer.composers.jazz.chart import Chart
from stats_composer.composers.jazz.model import SoloModel
from stats_composer.composers.jazz.page import (
    TEMPO,
    beat_of,
    beats_of,
    chart_on,
    part_rows,
    repeated,
    with_parts,
)
from stats_composer.composers.jazz.solo import STEPS, Solo
from stats_composer.composers.jazz.writer import SoloTask, SoloWriter
from stats_composer.composers.many import Patience, write_many
from stats_composer.constraints import with_corpus
from stats_composer.errors import EncodingError, NotFittedError
from stats_composer.models.parameters import Parameters, Whole
from stats_composer.ngrams import Repertoire
from stats_composer.score import Part, Score, check_score, mark_swing
from stats_composer.theory import TICKS_PER_QUARTER

__all__ = ["JazzComposer"]

MAX_COPY = 10
COMPASS = (52, 84)
SAXOPHONE, PIANO, BASS = 65, 0, 32
COMPING_VELOCITY, BASS_VELOCITY = 62, 76


class _Improvise(Writing, total=False):
    chorus: int
    temperature: float
    density: float
    compass: tuple[int, int]
    band: tuple[str, ...]
    swing: bool


class JazzComposer(Composer):
    """Composer of solos.

    Parameters
    ----------
    max_copy : int
        Longest run of notes that a solo may share with one it was learned from, transposed or
        not.
    random_state : int
        Of the fit.

    Attributes
    ----------
    solos_ : SoloModel
    bass_ : BassModel

    Examples
    --------
    >>> composer = JazzComposer.bundled()  # doctest: +SKIP
    >>> from stats_composer.composers.jazz.page import lead_page
    >>> page = lead_page("Dm7 | G7 | C^7 | %")
    >>> score = composer.improvise(page, chorus=2, random_state=1)  # doctest: +SKIP
    """

    _bundled = "jazz.npz"
    _parameters: ClassVar[Parameters] = {"max_copy": (Whole(1),), "random_state": (Whole(),)}

    def __init__(self, *, max_copy: int = MAX_COPY, random_state: int = 0) -> None:
        self.max_copy = max_copy
        self.random_state = random_state

    # ---- learning -----------------------------------------------------------------------

    def fit_solos(
        self, solos: Sequence[Solo], basses: Sequence[tuple[NDArray[np.int64], Chart]]
    ) -> Self:
        """Learn from solos, and from bass lines of a pitch a beat (0 where none is told).

        Raises
        ------
        EncodingError
            If there is no solo.
        """
        self._check_params()
        if not solos:
            raise EncodingError("no solos: expected at least one")
        self.manifest_ = {}
        self.solos_ = SoloModel(random_state=self.random_state).fit(solos)
        self.bass_ = BassModel().fit(basses)
        return self

    # ---- files --------------------------------------------------------------------------

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        sizes, arrays = self.solos_.state()
        arrays |= {f"bass/{name}": array for name, array in self.bass_.state().items()}
        return sizes, arrays

    def _restore(self, sizes: Mapping[str, Any], arrays: Arrays) -> None:
        self.solos_ = SoloModel().restore(sizes, arrays)
        self.bass_ = BassModel().restore(named(arrays, "bass/"))

    def _check_ready(self) -> None:
        if not hasattr(self, "solos_"):
            raise NotFittedError("JazzComposer knows no solos: call fit_solos, load or bundled")

    # ---- what a user asks for -----------------------------------------------------------

    @overload
    def improvise(self, page: Score, *, n: None = None, **asked: Unpack[_Improvise]) -> Score: ...

    @overload
    def improvise(self, page: Score, *, n: int, **asked: Unpack[_Improvise]) -> list[Score]: ...

    def improvise(
        self,
        page: Score,
        *,
        chorus: int = 1,
        temperature: float = 1.0,
        density: float = 0.0,
        compass: tuple[int, int] = COMPASS,
        band: tuple[str, ...] = ("bass", "chords"),
        swing: bool = True,
        constraints: Sequence[Any] = (),
        random_state: Seed = None,
        n: int | None = None,
        **patience: Unpack[Patience],
    ) -> Score | list[Score]:
        """Improvise over a page with chord symbols.

        Parameters
        ----------
        page : Score
            Its chord symbols are the changes; its notes, if any, accompany.
        chorus : int
            How often the page is played.
        temperature : float
            Below 1 more usual, above 1 bolder.
        density : float
            1 is about twice as many notes, -1 half as many.
        compass : (int, int)
            Lowest and highest pitch.
        band : tuple of str
            Parts to add: `bass`, `chords`.
        swing : bool
            Whether a mark says that eighths are swung.
        constraints : sequence of Constraint
            The voice is called `solo`; bars are those of all choruses in a row.
        random_state : int, Generator or None
            The same seed gives the same scores for any `n_jobs`.
        n, **patience
            As of `MelodyComposer.compose`.

        Returns
        -------
        Score, or a list of n of them where `n` is given
            Its first part is the solo, after it the band, after that the page's own.

        Raises
        ------
        EncodingError
            If there are no chords, or beats of several lengths.
        ConstraintError
            If wishes cannot all hold.
        SamplingError
            If nothing that keeps them was found.
        """
        self._check_ready()
        page = repeated(check_score(page, "page"), chorus)
        task = self._task(page, compass, asked_constraints(constraints))
        task = replace(task, temperature=temperature, density=density)
        writer = SoloWriter(task, self.solos_)

        def write(rng: Generator) -> Score:
            solo = writer.write(rng)
            parts = [(Part("Solo", SAXOPHONE), writer.notes(solo))]
            parts += [self._band(name, task, rng) for name in band]
            score = with_parts(page, parts)
            return mark_swing(score) if swing else score

        return write_many(write, random_state, n, **patience)

    def _task(self, page: Score, compass: tuple[int, int], wishes: tuple[Any, ...]) -> SoloTask:
        chart = chart_on(page)
        if (chart.root < 0).all():
            raise EncodingError("no chords: expected symbols to improvise on")
        bare = page.replace(notes=page.notes[:0], parts=(Part("solo"),), **_unmarked(page))
        beat = beat_of(page)
        if wishes:
            corpus = self.solos_.corpus_
            in_ticks = Repertoire.restore(
                {"moves": corpus.moves * [1, beat // STEPS], "length": corpus.length}
            )
            wishes = tuple(with_corpus(wishes, in_ticks))
        quarters = float(page.tempos["quarters_per_minute"][0]) if len(page.tempos) else TEMPO
        tempo = quarters * TICKS_PER_QUARTER / beat
        return SoloTask(bare, chart, beat, tempo, compass, self.max_copy, constraints=wishes)

    def _band(self, name: str, task: SoloTask, rng: Generator) -> tuple[Part, NDArray[np.void]]:
        """Draw a part of the band."""
        page, chart, beat = task.page, task.chart, task.beat
        ticks = beats_of(page)
        if name == "bass":
            line = self.bass_.draw(chart, rng)
            rows = [(int(t), beat, int(p)) for t, p in zip(ticks, line, strict=True) if p >= 0]
            return Part("Bass", BASS), part_rows(page, rows, BASS_VELOCITY)
        half = beat // 2
        struck = [
            (at * half, length * half, pitch)
            for at, length, voicing in draw_comping(chart, rng)
            for pitch in voicing
        ]
        return Part("Piano", PIANO), part_rows(page, struck, COMPING_VELOCITY)


def _unmarked(page: Score) -> dict[str, Any]:
    """Return a page's tables of what stands at notes, empty."""
    names = ("fermatas", "lyrics", "graces", "note_marks", "spans", "directions")
    return {name: getattr(page, name)[:0] for name in names}
