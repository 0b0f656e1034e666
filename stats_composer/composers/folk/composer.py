"""Folk tunes: one line in parts that are played twice, composed anew or continued.

For each dance that its tunes know a composer has a style (composers/folk/style.py): a plan of the
form by K-means of bars and an n-gram over them, notes by an n-gram of variable order, both
drawn from their exact laws under what the user asks (composers/folk/writer.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.asked import (
    Seed,
    asked_bars,
    asked_constraints,
    asked_metre,
    asked_mode,
    asked_tempo,
)
from stats_composer.composers.base import (
    Arrays,
    Composer,
    Writing,
    extended,
    join,
    named,
)
from stats_composer.composers.folk.balance import balance
from stats_composer.composers.folk.form import part_lengths
from stats_composer.composers.folk.plan import TuneTask
from stats_composer.composers.folk.style import Style, symbols_of
from stats_composer.composers.folk.tune import KINDS, Tune, read_phrase, read_tune, tonic_height
from stats_composer.composers.folk.writer import TuneWriter
from stats_composer.composers.many import Patience, write_many
from stats_composer.constraints import Constraint, with_corpus
from stats_composer.errors import ConstraintError, EncodingError, NotFittedError
from stats_composer.models.base import Callback
from stats_composer.models.parameters import Parameters, Whole
from stats_composer.ngrams import Repertoire
from stats_composer.sampling.chain import Chain
from stats_composer.score import Score, check_score, check_scores
from stats_composer.theory import MODES

__all__ = ["MelodyComposer"]

MAX_COPY = 12


class _Compose(Writing, total=False):
    dance: str | None
    bars: int
    key: str | None
    time_signature: str | None
    tempo: float | None


class _Continue(Writing, total=False):
    bars: int


class MelodyComposer(Composer):
    """Composer of folk tunes.

    Parameters
    ----------
    max_copy : int
        Longest run of notes that a tune may share with one it was learned from, transposed or
        not.
    random_state : int
        Of the fit.

    Attributes
    ----------
    styles_ : dict of str to Style
        By the name of the dance.

    Examples
    --------
    >>> composer = MelodyComposer.bundled()  # doctest: +SKIP
    >>> tune = composer.compose(dance="jig", key="A dorian", random_state=1)  # doctest: +SKIP
    """

    _bundled = "folk.npz"
    _parameters: ClassVar[Parameters] = {"max_copy": (Whole(1),), "random_state": (Whole(),)}

    def __init__(self, *, max_copy: int = MAX_COPY, random_state: int = 0) -> None:
        self.max_copy = max_copy
        self.random_state = random_state

    # ---- learning -----------------------------------------------------------------------

    def fit(self, scores: Iterable[Score], y: object = None, *, callback: Callback = None) -> Self:
        """Learn from scores of one line each.

        Parameters
        ----------
        scores : iterable of Score
        y : ignored
        callback : callable, optional
            Called as callback(stage, done, total).

        Raises
        ------
        EncodingError
            If there is none, or one is no tune; `tunes.read_tune` says when.
        """
        tunes = [read_tune(score) for score in check_scores(scores)]
        return self.fit_tunes(tunes, callback=callback)

    def fit_tunes(self, tunes: Sequence[Tune], *, callback: Callback = None) -> Self:
        """Learn from tunes that were read already; `callback` is that of `fit`.

        Raises
        ------
        EncodingError
            If there is none.
        """
        self._check_params()
        if not tunes:
            raise EncodingError("no tunes: expected at least one")
        self.manifest_ = {}
        self.styles_ = {}
        for done, (name, kind) in enumerate(KINDS.items(), 1):
            mine = [tune for tune in tunes if tune.kind == kind]
            if mine:
                style = Style(kind, random_state=self.random_state).fit(mine)
                self.styles_[name] = balance(style, mine)
            if callback is not None:
                callback("dances", done, len(KINDS))
        return self._ready()

    def _ready(self) -> Self:
        self._chains: dict[tuple[object, ...], Chain] = {}
        self._corpus: Repertoire | None = None
        return self

    @property
    def corpus(self) -> Repertoire:
        """What must not be copied: the tunes' pitches, all on one tonic, and ticks."""
        if self._corpus is None:
            styles = self.styles_.values()
            self._corpus = Repertoire(tune for style in styles for tune in style.melodies())
        return self._corpus

    # ---- files --------------------------------------------------------------------------

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        sizes: dict[str, Any] = {}
        arrays: dict[str, NDArray[Any]] = {}
        for name, style in self.styles_.items():
            sizes[name], learned = style.state()
            arrays |= {f"{name}/{key}": array for key, array in learned.items()}
        return sizes, arrays

    def _restore(self, sizes: Mapping[str, Any], arrays: Arrays) -> None:
        self.styles_ = {
            name: Style(KINDS[name]).restore(sizes[name], named(arrays, f"{name}/"))
            for name in sorted(sizes, key=list(KINDS).index)
        }
        self._ready()

    def _check_ready(self) -> None:
        if not hasattr(self, "styles_"):
            raise NotFittedError("MelodyComposer has no styles: call fit, load or bundled first")

    # ---- what a user asks for -----------------------------------------------------------

    @overload
    def compose(self, *, n: None = None, **asked: Unpack[_Compose]) -> Score: ...

    @overload
    def compose(self, *, n: int, **asked: Unpack[_Compose]) -> list[Score]: ...

    def compose(
        self,
        *,
        dance: str | None = None,
        bars: int = 16,
        key: str | None = None,
        time_signature: str | None = None,
        tempo: float | None = None,
        constraints: Sequence[Constraint] = (),
        random_state: Seed = None,
        n: int | None = None,
        **patience: Unpack[Patience],
    ) -> Score | list[Score]:
        """Compose tunes.

        Parameters
        ----------
        dance : str, optional
            One of `styles_`, such as `jig`. By default the commonest of its metre.
        bars : int
            Of all parts, each counted once: parts have eight, a last one what is left. They
            are played twice as often as the style's are; a second ending is one more.
        key : str, optional
            Such as `G`, `e minor`, `A dorian`, `D mixolydian`; by default one as common as in
            the style.
        time_signature : str, optional
            By default that of the dance, which is a reel where neither is told.
        tempo : float, optional
            Quarters a minute; by default that of the style.
        constraints : sequence of Constraint
            The voice is called `melody`. Under constraints all bars are counted as printed:
            there are no second endings.
        random_state : int, Generator or None
            The same seed gives the same scores for any `n_jobs`. Score i of several is that of
            the seed `random_state + i` alone.
        n : int, optional
            Number of scores.
        **patience
            `n_jobs` threads (-1 is one a core), a `timeout` in seconds, a `callback(n_done, n)`:
            see `Patience`.

        Returns
        -------
        Score, or a list of n of them where `n` is given

        Raises
        ------
        ConstraintError
            If the style has no such dance or metre, or the constraints do not fit the tune or
            cannot all hold.
        SamplingError
            If nothing that keeps them was found.
        """
        self._check_ready()
        style = self._style(dance, time_signature)
        bars, asked, speed = asked_bars(bars), asked_mode(key), asked_tempo(tempo)
        wishes = tuple(with_corpus(asked_constraints(constraints), self.corpus))
        lengths, tempo = part_lengths(bars), style.tempo_ if speed is None else speed
        task = TuneTask(style, (0, "major"), 0, lengths, 0, tempo, wishes, self.max_copy)
        writers: dict[tuple[int, str, int, bool], TuneWriter] = {}

        def write(rng: np.random.Generator) -> Score:
            tonic, mode = asked or _drawn_key(style, rng)
            pickup = int(rng.choice(style.pickups_)) % style.kind.n_steps
            doubled = bool(rng.choice(style.doubled_))
            own = tonic, mode, pickup, doubled
            if own not in writers:
                drawn = replace(task, key=(tonic, mode), height=tonic_height(tonic))
                writers[own] = self._writer(replace(drawn, pickup=pickup, repeats=doubled))
            return writers[own].write(rng)

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
        constraints: Sequence[Constraint] = (),
        random_state: Seed = None,
        n: int | None = None,
        **patience: Unpack[Patience],
    ) -> Score | list[Score]:
        """Continue a phrase as a tune of its dance goes on.

        Parameters
        ----------
        phrase : Score
            Of one line; it comes back unchanged, with `bars` more bars. Where its last bar is
            not full, that is filled first.
        bars : int
        constraints, random_state, n, **patience
            As of `compose`.

        Returns
        -------
        Score, or a list of n of them where `n` is given

        Raises
        ------
        EncodingError
            If the phrase is no line in the metre of a dance that the style knows.
        """
        self._check_ready()
        kind, key, pickup, line = read_phrase(check_score(phrase, "phrase"))
        if kind.name not in self.styles_:
            raise EncodingError(
                f"its metre is that of a {kind.name}: this style knows {', '.join(self.styles_)}"
            )
        page = extended(phrase, bars)
        style = self.styles_[kind.name]
        start = pickup * kind.step
        task = TuneTask(
            style=style,
            key=key,
            height=tonic_height(key[0]),
            lengths=part_lengths((page.end - start) // (kind.n_steps * kind.step)),
            pickup=pickup,
            tempo=style.tempo_,
            constraints=tuple(with_corpus(asked_constraints(constraints), self.corpus)),
            max_copy=self.max_copy,
            given=symbols_of(line),
            repeats=False,
        )

        def write(rng: np.random.Generator) -> Score:
            tune = TuneWriter(task, self.corpus).write(rng)
            return join(phrase, page, tune.notes.tolist())

        return write_many(write, random_state, n, **patience)

    def _writer(self, task: TuneTask) -> TuneWriter:
        try:
            return TuneWriter(task, self.corpus, self._chains)
        except ConstraintError:
            # An upbeat is a bar too, and may be what contradicts a wish for all bars.
            return TuneWriter(replace(task, pickup=0), self.corpus, self._chains)

    def _style(self, kind: str | None, time_signature: str | None) -> Style:
        """Find the style of a dance or a metre."""
        known = ", ".join(self.styles_)
        if kind is not None and (not isinstance(kind, str) or kind not in self.styles_):
            raise ConstraintError(f"dance {kind!r}: expected one of {known}")
        metre = asked_metre(time_signature)
        if kind is None:
            fitting = [
                style for style in self.styles_.values() if metre in (None, style.kind.metre)
            ]
            if not fitting:
                metres = ", ".join(_metres(self.styles_.values()))
                raise ConstraintError(f"time signature {time_signature}: this style has {metres}")
            return max(fitting, key=lambda style: len(style.keys_))
        style = self.styles_[kind]
        if metre not in (None, style.kind.metre):
            n, d = style.kind.metre
            raise ConstraintError(f"time signature {time_signature}: a {kind} is in {n}/{d}")
        return style


def _metres(styles: Iterable[Style]) -> list[str]:
    return sorted({"{}/{}".format(*style.kind.metre) for style in styles})


def _drawn_key(style: Style, rng: np.random.Generator) -> tuple[int, str]:
    tonic, mode = style.keys_[int(rng.integers(len(style.keys_)))].tolist()
    return tonic, list(MODES)[mode]
