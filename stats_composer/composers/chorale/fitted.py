"""What a chorale composer learns, and keeps in its file: its models, edges and phrasing.

The composer's verbs are in composers/chorale/composer.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.chords import ChordRecognizer
from stats_composer.composers.asked import asked_constraints
from stats_composer.composers.base import Arrays, Composer, named
from stats_composer.composers.chorale.balance import correct
from stats_composer.composers.chorale.chord_voice import ChordVoice, chord_path
from stats_composer.composers.chorale.copies import corpus_arrays, corpus_of, restored_corpus
from stats_composer.composers.chorale.edges import Beginnings, Endings
from stats_composer.composers.chorale.models import (
    MANY,
    MATCHED,
    PASSAGES,
    balanced_terms,
    charted_model,
    finish_for,
    passing_model,
    skeleton_model,
    striking_grid,
    striking_model,
)
from stats_composer.composers.chorale.page import PARTS, common_parts, voice_names
from stats_composer.composers.chorale.phrasing import Phrasing
from stats_composer.composers.chorale.roads import ROADS, Road, drafting_model
from stats_composer.composers.chorale.soprano import FEWEST, Soprano
from stats_composer.composers.chorale.task import Task, melody_task, phrase_starts
from stats_composer.composers.chorale.writer import Setup, Writer
from stats_composer.constraints import Constraint, with_corpus
from stats_composer.encoding import GridEncoder
from stats_composer.errors import NotFittedError
from stats_composer.models.base import Callback
from stats_composer.models.directed import DirectedModel
from stats_composer.models.maxent import MaxEnt, Writing
from stats_composer.models.parameters import Parameters, Whole
from stats_composer.ngrams import Repertoire
from stats_composer.score import Part, Score, check_scores

__all__ = ["FittedChorales"]

Ints = NDArray[np.int64]

MODELS = ("skeleton_", "passing_", "striking_", "endings_", "beginnings_", "phrasing_")
QUANTILE = 0.002


class FittedChorales(Composer):
    """The fit and the file of a composer of chorales; its parameters are told there."""

    parts_: tuple[Part, ...]
    skeleton_: MaxEnt
    passing_: MaxEnt
    striking_: MaxEnt
    directed_: DirectedModel | None
    phrasing_: Phrasing
    soprano_: Soprano | None
    corpus_: Repertoire | None
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
        """Learn the style of scores.

        Parameters
        ----------
        scores : iterable of Score
            Each with as many voices, two to six, top to bottom.
        y : ignored
        callback : callable, optional
            Called as callback(stage, done, total).
        """
        self._check_params()
        scores = check_scores(scores)
        self.parts_ = common_parts(scores)
        coarse, fine = _encoders(self.parts_)
        self.encoder_, self.fine_encoder_ = coarse.fit(scores), fine.fit(scores)
        self.manifest_, self.corpus_ = {}, corpus_of(scores)
        self.keys_ = np.array([GridEncoder.key(score) for score in scores], np.int64)
        pitches = [
            np.concatenate([score.select(*score.voices[v]).notes["pitch"] for score in scores])
            for v in range(len(self.parts_))
        ]
        quantiles = (QUANTILE, 1 - QUANTILE)
        self.ranges_ = np.array([np.quantile(p, quantiles).round() for p in pitches], np.int64)
        encoded = [self.encoder_.encode(score) for score in scores]
        grids = [grid for grid, _ in encoded]
        self._build(len(scores))
        self.endings_.fit(grids)
        self.beginnings_.fit(grids)
        self.phrasing_.fit(scores)
        tunes = Soprano.tunes_of(scores)
        if len(tunes) >= FEWEST:
            self.soprano_ = Soprano().fit(tunes, self.ranges_[0], self.random_state)
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
        n_lines = len(self.parts_)
        onsets = [striking_grid(self.encoder_, grid, grid[:, -n_lines:] > 0) for grid in grids]
        self.striking_.fit(onsets, callback=callback)
        self.match(scores, callback=callback)
        self.correct(scores, callback=callback)
        return self

    def match(self, scores: Sequence[Score], *, callback: Callback = None) -> Self:
        """Match what is written between the steps, over the scores' own lines at the steps."""
        writer, writings = self._writer(), []
        for score in scores:
            (grid, frame), (fine, _) = self.encoder_.encode(score), self.fine_encoder_.encode(score)
            setup = writer.prepare(self._own_task(score, frame.key))
            if setup.symbols.shape == grid.shape:
                writings.append(Writing.of(fine, *writer.passages(setup, grid)))
        rng = np.random.default_rng(self.random_state)
        matched = [term for term in self.passing_.terms if isinstance(term, MATCHED)]
        if writings:
            PASSAGES.match(self.passing_, matched, writings, rng, callback)
        return self

    def correct(self, scores: Sequence[Score], *, callback: Callback = None) -> Self:
        """Correct the models by what each writes in the place of the scores' own."""
        coarse, fine, n_lines = self.encoder_, self.fine_encoder_, len(self.parts_)
        writer, pages = self._writer(), self._pages(scores)

        def lines(model: MaxEnt, piece: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
            setup, grid, _ = pages[piece]
            return replace(writer, skeleton=model).lines(setup, rng), grid

        def between(model: MaxEnt, piece: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
            setup, grid, finer = pages[piece]
            return replace(writer, passing=model).between(setup, grid, rng), finer

        def struck(model: MaxEnt, piece: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
            setup, grid, _ = pages[piece]
            own = grid[:, -n_lines:] > 0
            onset = replace(writer, striking=model).strike(setup, grid, np.zeros_like(own), rng)
            # At the start of a phrase all notes are struck, whatever the model says.
            start = [tick // setup.frame.step for tick in phrase_starts(setup.task)]
            onset[start] = own[start]
            return striking_grid(coarse, grid, onset), striking_grid(coarse, grid, own)

        fitted = len(self.skeleton_.weights_.vector)
        self.skeleton_ = self.skeleton_.extended(balanced_terms())
        n, seed = len(pages), self.random_state
        correct(self.passing_, n, between, fine.column("end"), seed, callback)
        correct(self.striking_, n, struck, n_lines + 1, seed, callback)
        balanced = slice(fitted, None)
        correct(self.skeleton_, n, lines, coarse.column("end"), seed, callback, balanced)
        return self

    def _pages(self, scores: Sequence[Score]) -> list[tuple[Setup, Ints, Ints]]:
        """Prepare to set the melodies of scores, each with its own grids.

        The finer one has what may stand between the steps, and is held where nothing may.
        """
        writer, pages, lines = self._writer(), [], slice(len(self.parts_))
        for score in scores:
            grid, frame = self.encoder_.encode(score)
            finer, _ = self.fine_encoder_.encode(score)
            setup = writer.prepare(self._own_task(score, frame.key))
            if setup.symbols.shape == grid.shape:
                held, free, _ = writer.passages(setup, grid)
                finer[:, lines] = np.where(free, finer[:, lines], held[:, lines])
                pages.append((setup, grid, finer))
        return pages

    def _own_task(self, score: Score, key: tuple[int, int]) -> Task:
        """Return the task to set a score's own melody."""
        melody = score.select(*score.voices[0])
        return melody_task(melody, None, key, (), self.phrasing_, parts=self.parts_)

    def _build(self, n_pieces: int = MANY) -> None:
        seed, finish = self.random_state, finish_for(n_pieces)
        self.skeleton_ = skeleton_model(self.encoder_, finish=finish, random_state=seed)
        self.passing_ = passing_model(self.fine_encoder_, random_state=seed)
        self.striking_ = striking_model(self.encoder_, random_state=seed)
        self.endings_, self.beginnings_ = Endings(self.encoder_), Beginnings(self.encoder_)
        self.phrasing_, self.soprano_ = Phrasing(), None
        self.chords_: ChordVoice | None = None
        self.charted_: MaxEnt | None = None
        self.directed_ = drafting_model(self.encoder_) if self.directed else None

    def _build_charted(self, chords: ChordVoice) -> None:
        self.chords_ = chords
        self.charted_ = charted_model(self.encoder_, chords.field(), random_state=self.random_state)

    # ---- files --------------------------------------------------------------------------

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        sizes: dict[str, Any] = {"parts": [[part.name, part.program] for part in self.parts_]}
        arrays: dict[str, NDArray[Any]] = {"ranges": self.ranges_, "keys": self.keys_}
        if self.corpus_ is not None:
            arrays |= {f"corpus_{key}": array for key, array in corpus_arrays(self.corpus_).items()}
        for name in ("encoder_", "fine_encoder_"):
            for v, alphabet in enumerate(getattr(self, name).alphabets_[: len(self.parts_)]):
                arrays[f"{name}{v}"] = alphabet.entries
        for name in self._names():
            sizes[name], learned = getattr(self, name).state()
            arrays |= {f"{name}{key}": array for key, array in learned.items()}
        return sizes, arrays

    def _restore(self, sizes: Mapping[str, Any], arrays: Arrays) -> None:
        self.ranges_, self.keys_ = arrays["ranges"], arrays["keys"]
        corpus = named(arrays, "corpus_")
        self.corpus_ = restored_corpus(corpus) if corpus else None
        self.parts_ = tuple(Part(*row) for row in sizes["parts"]) if "parts" in sizes else PARTS
        self.encoder_, self.fine_encoder_ = _encoders(self.parts_)
        for name in ("encoder_", "fine_encoder_"):
            entries = [arrays[f"{name}{v}"] for v in range(len(self.parts_))]
            getattr(self, name).set_entries(entries)
        self.directed, self.chord_voice = "directed_" in sizes, "chords_" in sizes
        self._build()
        self.skeleton_.set_params(terms=[*self.skeleton_.terms, *balanced_terms()])
        if self.chord_voice:
            chords = ChordVoice(self.encoder_)
            self._build_charted(chords.restore(sizes["chords_"], named(arrays, "chords_")))
        self.soprano_ = Soprano() if "soprano_" in sizes else None
        for name in self._names():
            getattr(self, name).restore(sizes[name], named(arrays, name))

    def _names(self) -> tuple[str, ...]:
        """Return the names of the models that there are."""
        pairs = (("chords_", "charted_"), ("directed_",), ("soprano_",))
        return MODELS + sum((p for p in pairs if getattr(self, p[0]) is not None), ())

    def _wishes(self, constraints: Sequence[Constraint]) -> tuple[Constraint, ...]:
        """Check constraints, and tell them what was learned from."""
        wishes = asked_constraints(constraints)
        return wishes if self.corpus_ is None else tuple(with_corpus(wishes, self.corpus_))

    def _check_ready(self) -> None:
        if not hasattr(self, "striking_"):
            raise NotFittedError("ChoraleComposer has no models: call fit, load or bundled first")

    def _writer(self, road: Road = ROADS["gibbs"]) -> Writer:
        return Writer(
            self.encoder_, self.fine_encoder_, self.skeleton_, self.passing_, self.striking_,
            self.endings_, self.beginnings_, self.ranges_, self.charted_, self.chords_,
            self.directed_, road,
        )  # fmt: skip


def _encoders(parts: Sequence[Part]) -> tuple[GridEncoder, GridEncoder]:
    """Return the encoders at two and at four steps a beat."""
    n_lines, names = len(parts), voice_names(parts)
    coarse = GridEncoder(n_lines, steps_per_beat=2, names=names)
    contexts = (*coarse.contexts, "given")
    return coarse, GridEncoder(n_lines, steps_per_beat=4, contexts=contexts, names=names)
