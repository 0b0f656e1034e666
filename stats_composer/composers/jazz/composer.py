"""Solos over changes: improvised on a tune or on a bare chart, with a band where there is none.

The solo is drawn from what was learned of improvisers (`model.py`), under the user's wishes
(`writer.py`); a bass line and chords from `band.py` join where the tune has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, ClassVar, Self, Unpack, overload

import numpy as np
from numpy.random import Generator

from stats_composer.composers.asked import Seed, asked_bars, asked_constraints, asked_key
from stats_composer.composers.base import Arrays, Composer, Writing, extended, named
from stats_composer.composers.jazz.band import BassModel
from stats_composer.composers.jazz.comping import CompingModel
from stats_composer.composers.jazz.harmony import changes_drawn, chart_drawn, harmonized
from stats_composer.composers.jazz.matching import match
from stats_composer.composers.jazz.model import SoloModel
from stats_composer.composers.jazz.page import (
    beat_of,
    chart_on,
    lead_page,
    repeated,
    solo_on,
    tempo_of,
    with_parts,
)
from stats_composer.composers.jazz.players import (
    PARTS,
    Player,
    bass_player,
    piano_player,
    solo_player,
)
from stats_composer.composers.jazz.solo import STEPS, Solo
from stats_composer.composers.jazz.writer import Manner, SoloTask
from stats_composer.composers.many import Drawn, Patience, write_many
from stats_composer.constraints import Changes, Constraint, MaxCopy, with_corpus
from stats_composer.errors import ConstraintError, EncodingError, NotFittedError
from stats_composer.models.parameters import Parameters, Whole
from stats_composer.ngrams import Repertoire
from stats_composer.score import CHORD_DTYPE, Part, Score, check_score, make_table, mark_swing
from stats_composer.theory import normalise_symbol

__all__ = ["JazzComposer"]

MAX_COPY = 10
BAND = ("bass", "chords")
KEYS = ("C", "F", "Bb", "Eb", "Ab", "G", "c", "f", "g", "d")


class _Improvise(Writing, total=False):
    part: str
    band: tuple[str, ...]
    manner: Manner


class _Compose(Writing, total=False):
    bars: int
    key: str | None
    time_signature: str | None
    tempo: float | None


class _Continue(Drawn, total=False):
    bars: int


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
    comping_ : CompingModel

    Examples
    --------
    >>> from stats_composer.composers.jazz import Manner, lead_page
    >>> composer, page = JazzComposer.bundled(), lead_page("Dm7 | G7 | C^7 | %")
    >>> twice = composer.improvise(page, manner=Manner(chorus=2), random_state=1)
    >>> twice.n_bars, [part.name for part in twice.parts]
    (8, ['Solo', 'Bass', 'Piano'])
    """

    _bundled = "jazz.npz"
    _parameters: ClassVar[Parameters] = {"max_copy": (Whole(1),), "random_state": (Whole(),)}

    def __init__(self, *, max_copy: int = MAX_COPY, random_state: int = 0) -> None:
        self.max_copy = max_copy
        self.random_state = random_state

    # ---- learning -----------------------------------------------------------------------

    def fit_solos(self, solos: Sequence[Solo], bass: BassModel, comping: CompingModel) -> Self:
        """Learn from solos; the models of the band are fitted already.

        Raises
        ------
        EncodingError
            If there is no solo.
        """
        self._check_params()
        if not solos:
            raise EncodingError("no solos: expected at least one")
        self.manifest_ = {}
        fitted = SoloModel(random_state=self.random_state).fit(solos)
        self.solos_ = match(fitted, solos, self.random_state)
        self.bass_, self.comping_ = bass, comping
        return self

    def leaning(self, solo: Solo, share: float = 1.0) -> Self:
        """Return a composer whose solos lean to one: a tune's own melody, `Heard.solo`.

        Parameters
        ----------
        solo : Solo
        share : float
            In (0, 1]: its weight in the mixture with what this composer knows.
        """
        self._check_ready()
        if not 0 < share <= 1:
            raise ConstraintError(f"share {share:g}: expected above 0, and 1 at most")
        other = copy(self)
        other.solos_ = self.solos_.leaning([solo], share)
        return other

    # ---- files --------------------------------------------------------------------------

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        sizes, arrays = self.solos_.state()
        arrays |= {f"bass/{name}": array for name, array in self.bass_.state().items()}
        sizes["comping"], comping = self.comping_.state()
        return sizes, arrays | {f"comping/{name}": array for name, array in comping.items()}

    def _restore(self, sizes: Mapping[str, Any], arrays: Arrays) -> None:
        self.solos_ = SoloModel().restore(sizes, arrays)
        self.bass_ = BassModel().restore(named(arrays, "bass/"))
        self.comping_ = CompingModel().restore(sizes["comping"], named(arrays, "comping/"))

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
        part: str = "solo",
        band: tuple[str, ...] = BAND,
        manner: Manner = Manner(),  # noqa: B008
        constraints: Sequence[Any] = (),
        random_state: Seed = None,
        n: int | None = None,
        **patience: Unpack[Patience],
    ) -> Score | list[Score]:
        """Improvise a solo, or another part, over a page with chord symbols.

        Parameters
        ----------
        page : Score
            Its chord symbols are the changes; its notes, if any, accompany.
        part, band : str, tuple of str
            `solo`, `bass` or `chords`; what of these is added to it.
        manner : Manner
        constraints : sequence of Constraint
            Of the part, which is the voice; bars are those of all choruses in a row.
        random_state, n, **patience
            As of `MelodyComposer.compose`.

        Returns
        -------
        Score, or a list of n of them where `n` is given
            Its first part is the one asked for, after it the band, after that the page's own.

        Raises
        ------
        EncodingError, ConstraintError, SamplingError
            If there are no chords, wishes cannot all hold, or none that keeps them was found.
        """
        self._check_ready()
        asked_bars(check_score(page, "page").n_bars * manner.chorus)
        page = repeated(page, manner.chorus)
        play = self._players(page, part, band, manner, asked_constraints(constraints))
        return write_many(play, random_state, n, **patience)

    def _players(
        self,
        page: Score,
        part: str,
        band: Sequence[str],
        manner: Manner,
        wishes: tuple[Constraint, ...],
    ) -> Callable[[Generator], Score]:
        """Return what plays a page: a part under wishes, and a band."""
        task = self._task(page, part, manner, wishes)
        bare = replace(task, constraints=())
        players = [self._player(part, task)]
        players += [self._player(name, bare) for name in band if name != part]

        def play(rng: Generator) -> Score:
            score = with_parts(page, [player(rng) for player in players])
            return mark_swing(score) if manner.swing else score

        return play

    def _player(self, name: str, task: SoloTask) -> Player:
        if name == "solo":
            return solo_player(task, self.solos_)
        if name == "bass":
            return bass_player(task, self.bass_)
        if name == "chords":
            return piano_player(task, self.comping_)
        raise ConstraintError(f"part {name!r}: expected one of {', '.join(PARTS)}")

    def _task(
        self, page: Score, part: str, manner: Manner, wishes: tuple[Constraint, ...]
    ) -> SoloTask:
        chart = chart_on(page)
        if (chart.root < 0).all():
            raise EncodingError("no chords: expected symbols to improvise on")
        bare = page.replace(notes=page.notes[:0], parts=(Part(part),), **_unmarked(page))
        beat = beat_of(page)
        if any(isinstance(wish, MaxCopy) for wish in wishes):
            corpus = self.solos_.corpus_
            in_ticks = Repertoire.restore(
                {"moves": corpus.moves * [1, beat // STEPS], "length": corpus.length}
            )
            wishes = tuple(with_corpus(wishes, in_ticks))
        tempo = tempo_of(page)
        return SoloTask(bare, chart, beat, tempo, manner, self.max_copy, constraints=wishes)

    @overload
    def compose(self, *, n: None = None, **asked: Unpack[_Compose]) -> Score: ...

    @overload
    def compose(self, *, n: int, **asked: Unpack[_Compose]) -> list[Score]: ...

    def compose(
        self,
        *,
        bars: int = 32,
        key: str | None = None,
        time_signature: str | None = None,
        tempo: float | None = None,
        constraints: Sequence[Any] = (),
        random_state: Seed = None,
        n: int | None = None,
        **patience: Unpack[Patience],
    ) -> Score | list[Score]:
        """Compose changes, as charts move, and a solo over them with a band.

        Parameters
        ----------
        bars : int
            32 of them have the form AABA.
        key, time_signature, tempo
            As of `MelodyComposer.compose`.
        constraints : sequence of Constraint
            The voice is called `solo`. A chart (`Changes`) is kept as the changes.
        random_state, n, **patience
            As of `MelodyComposer.compose`.
        """
        self._check_ready()
        asked_key(key)
        wishes, bars = asked_constraints(constraints), asked_bars(bars)

        def write(rng: Generator) -> Score:
            tonic = key or KEYS[int(rng.integers(len(KEYS)))]
            silent = " | ".join(["N.C."] * bars)
            page = lead_page(silent, key=tonic, time_signature=time_signature, tempo=tempo)
            bare = page.replace(chords=page.chords[:0])
            page = _charted(page, wishes) or chart_drawn(bare, self.solos_.changes_, rng)
            return self._players(page, "solo", BAND, Manner(), wishes)(rng)

        return write_many(write, random_state, n, **patience)

    @overload
    def continue_tune(
        self, phrase: Score, *, n: None = None, **asked: Unpack[_Continue]
    ) -> Score: ...

    @overload
    def continue_tune(
        self, phrase: Score, *, n: int, **asked: Unpack[_Continue]
    ) -> list[Score]: ...

    def continue_tune(
        self,
        phrase: Score,
        *,
        bars: int = 8,
        random_state: Seed = None,
        n: int | None = None,
        **patience: Unpack[Patience],
    ) -> Score | list[Score]:
        """Continue a phrase as a solo goes on; its changes go on as charts do.

        Parameters
        ----------
        phrase : Score
            Of one line; it comes back unchanged, with `bars` more bars. Where it has no chord
            symbols, the likeliest are put to it.
        bars, random_state, n, **patience
            As of `MelodyComposer.continue_tune`.

        Returns
        -------
        Score, or a list of n of them where `n` is given

        """
        self._check_ready()
        model = self.solos_
        if not len(check_score(phrase, "phrase").notes):
            raise EncodingError("no notes: expected a phrase")
        known = phrase if len(phrase.chords) else harmonized(phrase, model.changes_, model.tones_)
        given = solo_on(known, known.notes)
        page = extended(known, bars)

        def write(rng: Generator) -> Score:
            whole = changes_drawn(page, model.changes_, rng, page.n_bars - bars)
            task = replace(self._task(whole, "solo", Manner(), ()), given=given)
            fresh = solo_player(task, model)(rng)[1]
            return whole.replace(notes=np.concatenate([phrase.notes, fresh]))

        return write_many(write, random_state, n, **patience)


def _charted(page: Score, wishes: Sequence[Constraint]) -> Score | None:
    """Return a page with the chords of a chart that is wished for, if there is one."""
    rows = [
        (page.tick(c.bar, c.beat), normalise_symbol(c.chord, style="lead sheet"))
        for wish in wishes
        if isinstance(wish, Changes)
        for c in wish.changes
    ]
    return page.replace(chords=make_table(CHORD_DTYPE, rows)) if rows else None


def _unmarked(page: Score) -> dict[str, Any]:
    """Return a page's tables of what stands at notes, empty."""
    names = ("fermatas", "lyrics", "graces", "note_marks", "spans", "directions")
    return {name: getattr(page, name)[:0] for name in names}
