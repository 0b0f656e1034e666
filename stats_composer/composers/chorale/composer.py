"""Chorales: four voices composed freely, or set to a given melody, under constraints.

Three maximum-entropy models over one representation (`models.py` beside this), run one after
the other: Gibbs sampling with annealing writes the lines at two steps a beat, a second pass puts
the notes between them, a third decides which notes are struck again. What is given (a melody,
all that lies outside a region) is pinned and comes back as it was, to the tick. A
fourth model writes the lines where a chart names their chords (composers/chorale/chord_voice.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Required, Unpack, overload

import numpy as np

from stats_composer.composers.asked import (
    Seed,
    asked_key,
    asked_metre,
    asked_run,
    asked_tempo,
)
from stats_composer.composers.base import Writing, extended
from stats_composer.composers.chorale.fitted import FittedChorales
from stats_composer.composers.chorale.form import asked_form
from stats_composer.composers.chorale.free import write_free
from stats_composer.composers.chorale.page import VOICES, blank_page, planned_spans
from stats_composer.composers.chorale.plain import prepare_plain, write_plain
from stats_composer.composers.chorale.roads import ROADS, Road
from stats_composer.composers.chorale.task import (
    Task,
    in_keys,
    melody_keys,
    melody_task,
    region_task,
)
from stats_composer.composers.many import Choosing, write_many
from stats_composer.constraints import Constraint
from stats_composer.errors import EncodingError, NotFittedError
from stats_composer.score import Score, check_score
from stats_composer.theory import Metre, key_name

__all__ = ["VOICES", "ChoraleComposer"]


class _Compose(Writing, Choosing, total=False):
    bars: int | None
    key: str | None
    time_signature: str
    tempo: float | None
    form: str | None
    phrases: int | None
    upbeat: int | None


class _Harmonize(Writing, Choosing, total=False):
    voice: str | None
    key: str | None
    road: str | Road | None
    fermatas: bool


class _Continue(Writing, Choosing, total=False):
    bars: int


class _Resample(Writing, Choosing, total=False):
    bars: Required[tuple[int | str, int | str]]
    voices: Sequence[str] | None


class ChoraleComposer(FittedChorales):
    """Composer of chorales, of four parts or as many as it learned from.

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
    endings_, beginnings_ : Endings and Beginnings
    phrasing_ : Phrasing
    chords_, charted_ : ChordVoice and MaxEnt, or None
        The chords, and the lines at two steps a beat given them.
    directed_ : DirectedModel or None
    parts_ : tuple of Part
    ranges_ : ndarray of shape (n_parts, 2), int64
        Lowest and highest pitch of each voice.
    keys_ : ndarray of shape (n_pieces, 2), int64
        Tonic (fifths) and mode of the pieces it learned from.

    Examples
    --------
    >>> composer = ChoraleComposer.bundled()  # doctest: +SKIP
    >>> score = composer.compose(bars=8, key="G", random_state=1)  # doctest: +SKIP
    """

    _bundled = "bach-chorale.npz"

    @overload
    def compose(self, *, n: None = None, **asked: Unpack[_Compose]) -> Score: ...

    @overload
    def compose(self, *, n: int, **asked: Unpack[_Compose]) -> list[Score]: ...

    def compose(
        self,
        *,
        bars: int | None = None,
        key: str | None = None,
        time_signature: str = "4/4",
        tempo: float | None = None,
        form: str | None = None,
        phrases: int | None = None,
        upbeat: int | None = None,
        constraints: Sequence[Constraint] = (),
        random_state: Seed = None,
        n: int | None = None,
        **choosing: Unpack[Choosing],
    ) -> Score | list[Score]:
        """Compose chorales.

        Parameters
        ----------
        bars : int, optional
            Of full bars; by default 8, and an upbeat as often as in Bach's chorales.
        key : str, optional
            Such as `G`, `e minor`, `Bb`; by default one as common as in the style.
        time_signature : str
        tempo : float, optional
            Quarters a minute.
        form : str, optional
            A letter a section, such as `AAB`: sections of one letter have one soprano. As often
            as in Bach's chorales by default; without wishes alone.
        phrases : int, optional
            Of eight beats, or of twelve in metres of three: instead of `bars`.
        upbeat : int, optional
            Beats before the first full bar, which the last one lacks.
        constraints : sequence of Constraint
        random_state : int, Generator or None
            The same seed gives the same scores for any `n_jobs`. Score i of several is that of
            the seed `random_state + i` alone.
        n : int, optional
            Number of scores.
        **choosing
            `n_jobs` threads (-1 is one a core), a `timeout` in seconds, a `callback(n_done, n)`:
            see `Patience`. `best_of`: of so many the one with the fewest faults is kept.

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
        given_key, speed = asked_key(key), asked_tempo(tempo)
        metre, wishes = asked_metre(time_signature) or (4, 4), self._wishes(constraints)
        asked = asked_form(bars, form, phrases, upbeat, Metre(*metre))
        writer, n_voices = self._writer(ROADS["mended"]), len(self.parts_)

        def write(rng: np.random.Generator) -> Score:
            tonic, mode = given_key or rng.choice(self.keys_).tolist()
            drawn = asked.drawn(Metre(*metre), not wishes, rng)
            page = blank_page(
                drawn.bars, (tonic, mode), metre, tempo=speed, title="Chorale",
                upbeat=drawn.upbeat, parts=self.parts_,
            )  # fmt: skip
            task = Task(page, (tonic, mode), planned_spans(page), wishes, free=(True,) * n_voices)
            return write_free(writer, task, drawn, self.soprano_, rng)

        return write_many(write, random_state, n, **choosing)

    @overload
    def harmonize(self, melody: Score, *, n: None = None, **asked: Unpack[_Harmonize]) -> Score: ...

    @overload
    def harmonize(self, melody: Score, *, n: int, **asked: Unpack[_Harmonize]) -> list[Score]: ...

    def harmonize(
        self,
        melody: Score,
        *,
        voice: str | None = None,
        key: str | None = None,
        road: str | Road | None = None,
        fermatas: bool = False,
        constraints: Sequence[Constraint] = (),
        random_state: Seed = None,
        n: int | None = None,
        **choosing: Unpack[Choosing],
    ) -> Score | list[Score]:
        """Set a melody for all voices.

        Parameters
        ----------
        melody : Score
            Of one line; its notes, spelling, lyrics and marks come back unchanged. Its phrases
            end at its fermatas; where it has none, at the likeliest places.
        voice : str, optional
            Which of them it is, such as `alto`: the first by default.
        key : str, optional
            By default as its signatures and notes tell: where they change, so does the key,
            unless there are wishes.
        road : {"gibbs", "mended", "directed", "both", "plain"} or Road, optional
            How the lines are written: by Gibbs sampling; so, and phrases with faults anew, as
            free chorales are; by one pass of the directed model, which sets sopranos; by sampling
            that starts from there; or with a chord a beat or a longer note of the melody and no
            notes between. By default what `usual_road` says.
        fermatas : bool
            Print them where the phrases end, though the melody has none.
        constraints, random_state, n, **choosing
            As of `compose`.

        Returns
        -------
        Score, or a list of n of them where `n` is given
        """
        self._check_ready()
        wishes = self._wishes(constraints)
        melody, asked = check_score(melody, "melody"), asked_key(key)
        road = self.usual_road(melody, wished=bool(wishes)) if road is None else road
        writer = self._writer(self._road(road, voice))
        task = melody_task(
            melody, voice, asked, wishes, self.phrasing_, fermatas, parts=self.parts_
        )
        if writer.road.plain:
            setup = prepare_plain(writer, task)
            return write_many(
                lambda rng: write_plain(writer, task, setup, rng), random_state, n, **choosing
            )
        keys = melody_keys(melody) if asked is None and not wishes else []
        tasks = in_keys(task, keys) if len(keys) > 1 else [task]
        first = writer.prepare(tasks[0])

        def write(rng: np.random.Generator) -> Score:
            score = writer.write(first, rng)
            for task in tasks[1:]:
                score = writer.write(writer.prepare(replace(task, given=score)), rng)
            return score

        return write_many(write, random_state, n, **choosing)

    @staticmethod
    def usual_road(melody: Score, *, wished: bool = False) -> str:
        """Return how a melody is set where nobody says: in compound metres plainly.

        What a corpus in simple metres tells of halves of a beat does not hold for its thirds.

        Parameters
        ----------
        melody : Score
        wished : bool
            With wishes, which a plain setting may not keep, it is `gibbs` in all metres.

        Examples
        --------
        >>> from stats_composer.score import make_notes
        >>> ChoraleComposer.usual_road(Score(make_notes(onset=[0], pitch=[60])))
        'gibbs'
        """
        return "plain" if melody.metre_at(0).is_compound and not wished else "gibbs"

    @staticmethod
    def heard_key(melody: Score) -> str:
        """Name the keys that a melody is set in where none is asked for.

        Examples
        --------
        >>> from stats_composer.score import make_notes
        >>> tune = Score(make_notes(onset=range(5), pitch=[67, 69, 71, 66, 67]))
        >>> ChoraleComposer.heard_key(tune)
        'G major'
        """
        keys = melody_keys(check_score(melody, "melody"))
        named = [key_name(*key) for _, key in keys]
        changes = [
            f"from {melody.where(start)} {name}"
            for (start, _), name in zip(keys, named, strict=True)
        ]
        return ", ".join([named[0], *changes[1:]])

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
        **choosing: Unpack[Choosing],
    ) -> Score | list[Score]:
        """Go on from the beginning of a chorale.

        Parameters
        ----------
        phrase : Score
            Of all voices, top to bottom; it comes back unchanged, with `bars` more bars. Where
            its last bar is not full, that is filled first.
        bars : int
        constraints, random_state, n, **choosing
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
            **choosing,
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
        voices: Sequence[str] | None = None,
        constraints: Sequence[Constraint] = (),
        random_state: Seed = None,
        n: int | None = None,
        **choosing: Unpack[Choosing],
    ) -> Score | list[Score]:
        """Write a region of a score anew and keep everything else.

        Parameters
        ----------
        score : Score
            Of all voices, top to bottom.
        bars : (first, last)
            Printed numbers of the first and the last bar of the region.
        voices : sequence of str, optional
            Lines that are written anew there: all by default.
        constraints, random_state, n, **choosing
            As of `compose`.

        Returns
        -------
        Score, or a list of n of them where `n` is given
            Notes that begin before the region, or end after it, stay.
        """
        self._check_ready()
        wishes = self._wishes(constraints)
        score, run = check_score(score, "score"), asked_run(bars)
        task = region_task(self.phrasing_, score, run, voices, wishes, self.parts_)
        writer = self._writer()
        setup = writer.prepare(task)
        return write_many(lambda rng: writer.write(setup, rng), random_state, n, **choosing)

    def _road(self, road: str | Road, voice: str | None) -> Road:
        if not isinstance(road, Road):
            if not isinstance(road, str) or road not in ROADS:
                raise EncodingError(f"road {road!r}: expected one of {', '.join(ROADS)}")
            road = ROADS[road]
        if road.drafted or road.expert_weight:
            if voice not in (None, VOICES[0]):
                raise EncodingError(f"a given {voice}: the directed model sets sopranos alone")
            if self.directed_ is None:
                raise NotFittedError("no directed model: train one with directed=True (--directed)")
        return road
