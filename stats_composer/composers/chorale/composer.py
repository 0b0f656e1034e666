"""Chorales: four voices composed freely, or set to a given melody, under constraints.

Three maximum-entropy models over one representation (`models.py` beside this), run one after
the other: Gibbs sampling with annealing writes the lines at two steps a beat, a second pass puts
the notes between them, a third decides which notes are struck again. What is given (a melody,
all that lies outside a region) is pinned and comes back as it was, to the tick. A
fourth model writes the lines where a chart names their chords (composers/chorale/chord_voice.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Required, Self, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from stats_composer.chords import ChordRecognizer
from stats_composer.composers.asked import (
    Seed,
    asked_bars,
    asked_constraints,
    asked_key,
    asked_metre,
    asked_run,
    asked_tempo,
)
from stats_composer.composers.base import Arrays, Composer, Writing, extended, named
from stats_composer.composers.chorale.chord_voice import ChordVoice, chord_path
from stats_composer.composers.chorale.endings import Endings
from stats_composer.composers.chorale.models import (
    charted_model,
    passing_model,
    skeleton_model,
    striking_grid,
    striking_model,
)
from stats_composer.composers.chorale.page import blank_page, planned_spans
from stats_composer.composers.chorale.phrasing import Phrasing
from stats_composer.composers.chorale.roads import ROADS, Road, drafting_model
from stats_composer.composers.chorale.task import (
    VOICES,
    Task,
    melody_key,
    melody_task,
    region_task,
)
from stats_composer.composers.chorale.writer import Writer
from stats_composer.composers.many import Patience, write_many
from stats_composer.constraints import Constraint
from stats_composer.encoding import GridEncoder
from stats_composer.errors import EncodingError, NotFittedError
from stats_composer.models.base import Callback
from stats_composer.models.maxent import MaxEnt
from stats_composer.models.parameters import Parameters, Whole
from stats_composer.score import Score, check_score, check_scores
from stats_composer.theory import key_name

__all__ = ["VOICES", "ChoraleComposer"]


MODELS = ("skeleton_", "passing_", "striking_", "endings_", "phrasing_")
QUANTILE = 0.002


class _Compose(Writing, total=False):
    bars: int
    key: str | None
    time_signature: str
    tempo: float | None


class _Harmonize(Writing, total=False):
    voice: str
    key: str | None
    road: str | Road
    fermatas: bool


class _Continue(Writing, total=False):
    bars: int


class _Resample(Writing, total=False):
    bars: Required[tuple[int | str, int | str]]
    voices: Sequence[str]


class ChoraleComposer(Composer):
    """Composer of four-part chorales.

    Parameters
    ----------
    chord_voice : bool
        Whether to learn the lines given their chords too, as the bundled recognizer hears them.
    directed : bool
        Whether to learn the lower voices given the soprano too, for other roads of `harmonize`.
    random_state : int
        Of the fit.

    Attributes
    ----------
    encoder_, fine_encoder_ : GridEncoder
        At two and at four steps a beat.
    skeleton_, passing_, striking_ : MaxEnt
    endings_ : Endings
    phrasing_ : Phrasing
    chords_, charted_ : ChordVoice and MaxEnt, or None
        The chords, and the lines at two steps a beat given them.
    directed_ : DirectedModel or None
    ranges_ : ndarray of shape (4, 2), int64
        Lowest and highest pitch of each voice.
    keys_ : ndarray of shape (n_pieces, 2), int64
        Tonic (fifths) and mode of the pieces it learned from.

    Examples
    --------
    >>> composer = ChoraleComposer.bundled()  # doctest: +SKIP
    >>> score = composer.compose(bars=8, key="G", random_state=1)  # doctest: +SKIP
    """

    _bundled = "bach-chorale.npz"
    _parameters: ClassVar[Parameters] = {
        "chord_voice": (bool,),
        "directed": (bool,),
        "random_state": (Whole(),),
    }

    def __init__(
        self, *, chord_voice: bool = False, directed: bool = False, random_state: int = 0
    ) -> None:
        self.chord_voice = chord_voice
        self.directed = directed
        self.random_state = random_state

    # ---- learning -----------------------------------------------------------------------

    def fit(self, scores: Iterable[Score], y: object = None, *, callback: Callback = None) -> Self:
        """Learn the style of four-part scores.

        Parameters
        ----------
        scores : iterable of Score
            Each with four voices, top to bottom.
        y : ignored
        callback : callable, optional
            Called as callback(stage, done, total).
        """
        self._check_params()
        scores = check_scores(scores)
        coarse, fine = _encoders()
        self.encoder_, self.fine_encoder_ = coarse.fit(scores), fine.fit(scores)
        self.manifest_ = {}
        self.keys_ = np.array([GridEncoder.key(score) for score in scores], np.int64)
        pitches = [
            np.concatenate([s.notes["pitch"][s.notes["part"] == s.voices[v][0]] for s in scores])
            for v in range(4)
        ]
        quantiles = (QUANTILE, 1 - QUANTILE)
        self.ranges_ = np.array([np.quantile(p, quantiles).round() for p in pitches], np.int64)
        encoded = [self.encoder_.encode(score) for score in scores]
        grids = [grid for grid, _ in encoded]
        self._build()
        self.endings_.fit(grids)
        self.phrasing_.fit(scores)
        self.skeleton_.fit(grids, callback=callback)
        if self.chord_voice:
            recognizer = ChordRecognizer.bundled()
            pairs = zip(scores, encoded, strict=True)
            paths = [chord_path(score, frame, recognizer) for score, (_, frame) in pairs]
            self._build_charted(ChordVoice(self.encoder_).fit(grids, paths))
            lines = [np.column_stack(pair) for pair in zip(grids, paths, strict=True)]
            self.charted_.fit(lines, callback=callback)  # type: ignore[union-attr]
        if self.directed_ is not None:
            self.directed_.fit(grids)
        fine_grids = [self.fine_encoder_.encode(score)[0] for score in scores]
        self.passing_.fit(fine_grids, callback=callback)
        onsets = [striking_grid(self.encoder_, symbols, symbols[:, -4:] > 0) for symbols in grids]
        self.striking_.fit(onsets, callback=callback)
        return self

    def _build(self) -> None:
        seed = self.random_state
        self.skeleton_ = skeleton_model(self.encoder_, random_state=seed)
        self.passing_ = passing_model(self.fine_encoder_, random_state=seed)
        self.striking_ = striking_model(self.encoder_, random_state=seed)
        self.endings_, self.phrasing_ = Endings(self.encoder_), Phrasing()
        self.chords_: ChordVoice | None = None
        self.charted_: MaxEnt | None = None
        self.directed_ = drafting_model(self.encoder_) if self.directed else None

    def _build_charted(self, chords: ChordVoice) -> None:
        self.chords_ = chords
        self.charted_ = charted_model(self.encoder_, chords.field(), random_state=self.random_state)

    # ---- files --------------------------------------------------------------------------

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        sizes: dict[str, Any] = {}
        arrays: dict[str, NDArray[Any]] = {"ranges": self.ranges_, "keys": self.keys_}
        for name in ("encoder_", "fine_encoder_"):
            for v, alphabet in enumerate(getattr(self, name).alphabets_[:4]):
                arrays[f"{name}{v}"] = alphabet.entries
        for name in self._names():
            sizes[name], learned = getattr(self, name).state()
            arrays |= {f"{name}{key}": array for key, array in learned.items()}
        return sizes, arrays

    def _restore(self, sizes: Mapping[str, Any], arrays: Arrays) -> None:
        self.ranges_, self.keys_ = arrays["ranges"], arrays["keys"]
        self.encoder_, self.fine_encoder_ = _encoders()
        for name in ("encoder_", "fine_encoder_"):
            getattr(self, name).set_entries([arrays[f"{name}{v}"] for v in range(4)])
        self.directed, self.chord_voice = "directed_" in sizes, "chords_" in sizes
        self._build()
        if self.chord_voice:
            chords = ChordVoice(self.encoder_)
            self._build_charted(chords.restore(sizes["chords_"], named(arrays, "chords_")))
        for name in self._names():
            getattr(self, name).restore(sizes[name], named(arrays, name))

    def _names(self) -> tuple[str, ...]:
        """Return the names of the models that there are."""
        charted = () if self.charted_ is None else ("chords_", "charted_")
        return (*MODELS, *charted, *(() if self.directed_ is None else ("directed_",)))

    def _check_ready(self) -> None:
        if not hasattr(self, "striking_"):
            raise NotFittedError("ChoraleComposer has no models: call fit, load or bundled first")

    # ---- what a user asks for -----------------------------------------------------------

    @overload
    def compose(self, *, n: None = None, **asked: Unpack[_Compose]) -> Score: ...

    @overload
    def compose(self, *, n: int, **asked: Unpack[_Compose]) -> list[Score]: ...

    def compose(
        self,
        *,
        bars: int = 8,
        key: str | None = None,
        time_signature: str = "4/4",
        tempo: float | None = None,
        constraints: Sequence[Constraint] = (),
        random_state: Seed = None,
        n: int | None = None,
        n_jobs: int = 1,
        **patience: Unpack[Patience],
    ) -> Score | list[Score]:
        """Compose chorales.

        Parameters
        ----------
        bars : int
        key : str, optional
            Such as `G`, `e minor`, `Bb`; by default one as common as in the style.
        time_signature : str
        tempo : float, optional
            Quarters a minute.
        constraints : sequence of Constraint
        random_state : int, Generator or None
            The same seed gives the same scores for any `n_jobs`. Score i of several is that of
            the seed `random_state + i` alone.
        n : int, optional
            Number of scores.
        n_jobs : int
            Threads that write them; -1 is one a core.
        **patience
            A `timeout` in seconds and a `callback(n_done, n)`: see `Patience`.

        Returns
        -------
        Score, or a list of n of them where `n` is given

        Raises
        ------
        ConstraintError
            If the constraints do not fit the piece, or cannot all hold.
        SamplingError
            If nothing that keeps them was found.
        """
        self._check_ready()
        bars, given_key, speed = asked_bars(bars), asked_key(key), asked_tempo(tempo)
        metre, wishes = asked_metre(time_signature) or (4, 4), asked_constraints(constraints)
        writer = self._writer()

        def write(rng: np.random.Generator) -> Score:
            fifths, mode = given_key or rng.choice(self.keys_).tolist()
            page = blank_page(bars, (fifths, mode), metre, tempo=speed, title="Chorale")
            task = Task(page, (fifths, mode), planned_spans(page), wishes)
            return writer.write(writer.prepare(task), rng)

        return write_many(write, random_state, n, n_jobs, **patience)

    @overload
    def harmonize(self, melody: Score, *, n: None = None, **asked: Unpack[_Harmonize]) -> Score: ...

    @overload
    def harmonize(self, melody: Score, *, n: int, **asked: Unpack[_Harmonize]) -> list[Score]: ...

    def harmonize(
        self,
        melody: Score,
        *,
        voice: str = "soprano",
        key: str | None = None,
        road: str | Road = "gibbs",
        fermatas: bool = False,
        constraints: Sequence[Constraint] = (),
        random_state: Seed = None,
        n: int | None = None,
        n_jobs: int = 1,
        **patience: Unpack[Patience],
    ) -> Score | list[Score]:
        """Set a melody for four voices.

        Parameters
        ----------
        melody : Score
            Of one line; its notes, spelling, lyrics and marks come back unchanged. Its phrases
            end at its fermatas; where it has none, at the likeliest places.
        voice : {"soprano", "alto", "tenor", "bass"}
            Which of the four it is.
        key : str, optional
            By default as its signature and notes tell.
        road : {"gibbs", "directed", "both"} or Road
            How the lines are written: by Gibbs sampling; by one pass of the directed model,
            which sets sopranos; or by sampling that starts from there.
        fermatas : bool
            Print them where the phrases end, though the melody has none.
        constraints, random_state, n, n_jobs, **patience
            As of `compose`.

        Returns
        -------
        Score, or a list of n of them where `n` is given
        """
        self._check_ready()
        wishes = asked_constraints(constraints)
        melody = check_score(melody, "melody")
        task = melody_task(melody, voice, asked_key(key), wishes, self.phrasing_, fermatas)
        writer = self._writer(self._road(road, voice))
        setup = writer.prepare(task)
        return write_many(lambda rng: writer.write(setup, rng), random_state, n, n_jobs, **patience)

    @staticmethod
    def heard_key(melody: Score) -> str:
        """Name the key that a melody is set in where none is asked for.

        Examples
        --------
        >>> from stats_composer.score import make_notes
        >>> tune = Score(make_notes(onset=range(5), pitch=[67, 69, 71, 66, 67]))
        >>> ChoraleComposer.heard_key(tune)
        'G major'
        """
        return key_name(*melody_key(check_score(melody, "melody")))

    @overload
    def continue_chorale(
        self, phrase: Score, *, n: None = None, **asked: Unpack[_Continue]
    ) -> Score: ...

    @overload
    def continue_chorale(
        self, phrase: Score, *, n: int, **asked: Unpack[_Continue]
    ) -> list[Score]: ...

    def continue_chorale(
        self,
        phrase: Score,
        *,
        bars: int = 8,
        constraints: Sequence[Constraint] = (),
        random_state: Seed = None,
        n: int | None = None,
        n_jobs: int = 1,
        **patience: Unpack[Patience],
    ) -> Score | list[Score]:
        """Go on from the beginning of a chorale.

        Parameters
        ----------
        phrase : Score
            Of four voices, top to bottom; it comes back unchanged, with `bars` more bars. Where
            its last bar is not full, that is filled first.
        bars : int
        constraints, random_state, n, n_jobs, **patience
            As of `compose`.

        Returns
        -------
        Score, or a list of n of them where `n` is given
        """
        page = extended(check_score(phrase, "phrase"), bars)
        longer = page.replace(notes=phrase.notes)
        whole = page.n_bars - bars
        first = whole if int(page.bars["onset"][whole]) == phrase.end else whole - 1
        region = longer.bar_number(first), longer.bar_number(longer.n_bars - 1)
        return self.resample(
            longer, bars=region, constraints=constraints, random_state=random_state, n=n,
            n_jobs=n_jobs,
            **patience,
        )  # fmt: skip

    @overload
    def resample(self, score: Score, *, n: None = None, **asked: Unpack[_Resample]) -> Score: ...

    @overload
    def resample(self, score: Score, *, n: int, **asked: Unpack[_Resample]) -> list[Score]: ...

    def resample(
        self,
        score: Score,
        *,
        bars: tuple[int | str, int | str],
        voices: Sequence[str] = VOICES,
        constraints: Sequence[Constraint] = (),
        random_state: Seed = None,
        n: int | None = None,
        n_jobs: int = 1,
        **patience: Unpack[Patience],
    ) -> Score | list[Score]:
        """Write a region of a four-part score anew and keep everything else.

        Parameters
        ----------
        score : Score
            Of four voices, top to bottom.
        bars : (first, last)
            Printed numbers of the first and the last bar of the region.
        voices : sequence of str
            Lines that are written anew there.
        constraints, random_state, n, n_jobs, **patience
            As of `compose`.

        Returns
        -------
        Score, or a list of n of them where `n` is given
            Notes that begin before the region, or end after it, stay.
        """
        self._check_ready()
        wishes = asked_constraints(constraints)
        task = region_task(
            self.phrasing_, check_score(score, "score"), asked_run(bars), voices, wishes
        )
        writer = self._writer()
        setup = writer.prepare(task)
        return write_many(lambda rng: writer.write(setup, rng), random_state, n, n_jobs, **patience)

    def _road(self, road: str | Road, voice: str) -> Road:
        if not isinstance(road, Road):
            if not isinstance(road, str) or road not in ROADS:
                raise EncodingError(f"road {road!r}: expected one of {', '.join(ROADS)}")
            road = ROADS[road]
        if road.drafted or road.expert_weight:
            if voice != VOICES[0]:
                raise EncodingError(f"a given {voice}: the directed model sets sopranos alone")
            if self.directed_ is None:
                raise NotFittedError("no directed model: train one with directed=True (--directed)")
        return road

    def _writer(self, road: Road = ROADS["gibbs"]) -> Writer:
        return Writer(
            self.encoder_, self.fine_encoder_, self.skeleton_, self.passing_, self.striking_,
            self.endings_, self.ranges_, self.charted_, self.chords_, self.directed_, road,
        )  # fmt: skip


def _encoders() -> tuple[GridEncoder, GridEncoder]:
    """Return the encoders at two and at four steps a beat."""
    coarse = GridEncoder(4, steps_per_beat=2)
    return coarse, GridEncoder(4, steps_per_beat=4, contexts=(*coarse.contexts, "given"))
