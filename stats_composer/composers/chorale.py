"""Chorales: four voices composed freely, or set to a given melody, under constraints.

Three maximum-entropy models over one representation (composers/voicing.py), run one after the
other: Gibbs sampling with annealing writes the lines at two steps a beat, a second pass puts
the notes between them, a third decides which notes are struck again. What is given (a melody,
all that lies outside a region) is pinned and comes back as it was, to the tick.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer import modelfile
from stats_composer.composers.page import (
    PARTS,
    add_fermatas,
    blank_page,
    parse_time_signature,
    planned_spans,
)
from stats_composer.composers.voicing import (
    passing_model,
    skeleton_model,
    striking_grid,
    striking_model,
)
from stats_composer.constraints import (
    Constraint,
    check_feasible,
    compile_constraints,
    onsets_asked,
)
from stats_composer.encoding import Frame, GridEncoder
from stats_composer.errors import (
    EncodingError,
    ModelFileError,
    NotFittedError,
    SamplingError,
)
from stats_composer.factors import Factors
from stats_composer.phrases import phrase_spans
from stats_composer.places import keys
from stats_composer.sampling.gibbs import GibbsSampler, annealing
from stats_composer.score import NOTE_DTYPE, Score, make_table
from stats_composer.search import find_grid
from stats_composer.theory import estimate_key, key_signature, parse_key
from stats_composer.views import grid as view_grid

__all__ = ["VOICES", "ChoraleComposer"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Callback = Callable[[str, int, int], Any] | None

VOICES = ("soprano", "alto", "tenor", "bass")
MODELS = ("skeleton_", "passing_", "striking_")
OWN_KEYS = ("model", "random_state", "sizes", "schema", "arrays", "sha256")
ATTEMPTS = 8
MAX_UPDATES = 4_000_000
QUANTILE = 0.002


@dataclass(frozen=True)
class Task:
    """What is to be written, and what of it is given.

    Attributes
    ----------
    page : Score
        Without notes.
    key : (tonic fifths, mode)
    spans : list of (onset, end)
        The final notes of the phrases.
    given : Score or None
        Four parts; notes that are kept.
    free : ndarray of shape (n_lines,), bool
        Lines without given notes.
    region : (start tick, end tick) or None
        Where something may be written; None is everywhere.
    """

    page: Score
    key: tuple[int, int]
    spans: list[tuple[int, int]]
    constraints: tuple[Constraint, ...] = ()
    given: Score | None = None
    free: tuple[bool, ...] = (True, True, True, True)
    region: tuple[int, int] | None = None


class ChoraleComposer:
    """Composer of four-part chorales.

    Parameters
    ----------
    random_state : int
        Of the fit.

    Attributes
    ----------
    encoder_, fine_encoder_ : GridEncoder
        At two and at four steps a beat.
    skeleton_, passing_, striking_ : MaxEnt
    ranges_ : ndarray of shape (4, 2), int64
        Lowest and highest pitch of each voice.
    keys_ : ndarray of shape (n_pieces, 2), int64
        Tonic (fifths) and mode of the pieces it learned from.

    Examples
    --------
    >>> composer = ChoraleComposer.bundled()  # doctest: +SKIP
    >>> score = composer.compose(bars=8, key="G", random_state=1)  # doctest: +SKIP
    """

    def __init__(self, *, random_state: int = 0) -> None:
        self.random_state = random_state

    # ---- learning -----------------------------------------------------------------------

    def fit(self, scores: Iterable[Score], *, callback: Callback = None) -> Self:
        """Learn the style of four-part scores.

        Parameters
        ----------
        scores : iterable of Score
            Each with four voices, top to bottom.
        callback : callable, optional
            Called as callback(stage, done, total).
        """
        scores = list(scores)
        coarse, fine = _encoders()
        self.encoder_, self.fine_encoder_ = coarse.fit(scores), fine.fit(scores)
        self.manifest_: dict[str, Any] = {}
        self.keys_ = np.array([GridEncoder.key(score) for score in scores], np.int64)
        pitches = [
            np.concatenate([s.notes["pitch"][s.notes["part"] == s.voices[v][0]] for s in scores])
            for v in range(4)
        ]
        quantiles = (QUANTILE, 1 - QUANTILE)
        self.ranges_ = np.array([np.quantile(p, quantiles).round() for p in pitches], np.int64)
        self._build()
        grids = [self.encoder_.encode(score)[0] for score in scores]
        self.skeleton_.fit(grids, callback=callback)
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

    # ---- files --------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str], manifest: Mapping[str, Any] | None = None) -> None:
        """Write all models to one file, with what they were made from.

        Parameters
        ----------
        path : path, ending in `.npz`
        manifest : mapping, optional
            What JSON can hold; by default that of `train`, if it made the composer.
        """
        self._check_fitted()
        header: dict[str, Any] = dict(self.manifest_ if manifest is None else manifest)
        header |= {"model": "ChoraleComposer", "random_state": self.random_state, "sizes": {}}
        arrays: dict[str, NDArray[Any]] = {"ranges": self.ranges_, "keys": self.keys_}
        for name in ("encoder_", "fine_encoder_"):
            for v, alphabet in enumerate(getattr(self, name).alphabets_[:4]):
                arrays[f"{name}{v}"] = alphabet.entries
        for name in MODELS:
            header["sizes"][name], learned = getattr(self, name).state()
            arrays |= {f"{name}{key}": array for key, array in learned.items()}
        modelfile.save(path, header, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a composer from a file that `save` wrote.

        Raises
        ------
        ModelFileError
            If it is damaged, or not a chorale composer's.
        """
        header, arrays = modelfile.load(path)
        if header.get("model") != "ChoraleComposer":
            raise ModelFileError(f"{path}: a {header.get('model')}: expected a ChoraleComposer")
        try:
            composer = cls(random_state=int(header["random_state"]))
            composer.ranges_, composer.keys_ = arrays["ranges"], arrays["keys"]
            coarse, fine = _encoders()
            for name, encoder in (("encoder_", coarse), ("fine_encoder_", fine)):
                encoder.set_entries([arrays[f"{name}{v}"] for v in range(4)])
                setattr(composer, name, encoder)
            composer._build()
            for name in MODELS:
                learned = {k.removeprefix(name): a for k, a in arrays.items() if k.startswith(name)}
                getattr(composer, name).restore(header["sizes"][name], learned)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ModelFileError(f"{path}: not as this version writes it: {error}") from error
        composer.manifest_ = {k: v for k, v in header.items() if k not in OWN_KEYS}
        return composer

    @classmethod
    def bundled(cls) -> Self:
        """Read the composer that comes with the package, `bach-chorale`."""
        return cls.load(Path(__file__).parent.parent / "pretrained" / "bach-chorale.npz")

    def _check_fitted(self) -> None:
        if not hasattr(self, "striking_"):
            raise NotFittedError("ChoraleComposer has no models: call fit, load or bundled first")

    # ---- what a user asks for -----------------------------------------------------------

    def compose(
        self,
        *,
        bars: int = 8,
        key: str | None = None,
        time_signature: str = "4/4",
        tempo: float | None = None,
        constraints: Sequence[Constraint] = (),
        random_state: int | None = None,
        n: int | None = None,
        n_jobs: int = 1,
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
        random_state : int, optional
            The same seed gives the same scores for any `n_jobs`.
        n : int, optional
            Number of scores.
        n_jobs : int
            Threads that write them.

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
        self._check_fitted()
        metre = parse_time_signature(time_signature)
        given_key = None if key is None else parse_key(key)

        def write(rng: np.random.Generator) -> Score:
            tonic = given_key or tuple(int(x) for x in rng.choice(self.keys_))
            page = blank_page(bars, tonic, metre, tempo=tempo, title="Chorale")  # type: ignore[arg-type]
            task = Task(page, tonic, planned_spans(page), tuple(constraints))  # type: ignore[arg-type]
            return self._write(task, rng)

        return self._many(write, random_state, n, n_jobs)

    def harmonize(
        self,
        melody: Score,
        *,
        voice: str = "soprano",
        key: str | None = None,
        constraints: Sequence[Constraint] = (),
        random_state: int | None = None,
        n: int | None = None,
        n_jobs: int = 1,
    ) -> Score | list[Score]:
        """Set a melody for four voices.

        Parameters
        ----------
        melody : Score
            Of one line; its notes, spelling, lyrics and marks come back unchanged.
        voice : {"soprano", "alto", "tenor", "bass"}
            Which of the four it is.
        key : str, optional
            By default as its signature and notes tell.
        constraints, random_state, n, n_jobs
            As of `compose`.

        Returns
        -------
        Score, or a list of n of them where `n` is given
        """
        self._check_fitted()
        if voice not in VOICES:
            raise EncodingError(f"voice {voice!r}: expected one of {', '.join(VOICES)}")
        if len(melody.voices) != 1:
            found = len(melody.voices)
            raise EncodingError(
                f"a melody of {found} voices: expected one line; choose it with Score.select"
                if found
                else "a melody without notes: expected at least one"
            )
        line = VOICES.index(voice)
        tonic = parse_key(key) if key is not None else melody_key(melody)
        given = _as_part(melody.select(*melody.voices[0]), line)
        page = given.replace(notes=np.zeros(0, NOTE_DTYPE))
        if not len(page.key_signatures):
            row = (0, key_signature(*tonic), tonic[1])
            page = page.replace(key_signatures=make_table(page.key_signatures.dtype, [row]))
        if not len(page.tempos):
            page = page.replace(tempos=blank_page(1, tonic, (4, 4)).tempos)
        free = tuple(v != line for v in range(4))
        task = Task(page, tonic, phrase_spans(melody), tuple(constraints), given, free)
        return self._many(lambda rng: self._write(task, rng), random_state, n, n_jobs)

    def resample(
        self,
        score: Score,
        *,
        bars: tuple[int, int],
        voices: Sequence[str] = VOICES,
        constraints: Sequence[Constraint] = (),
        random_state: int | None = None,
        n: int | None = None,
        n_jobs: int = 1,
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
        constraints, random_state, n, n_jobs
            As of `compose`.

        Returns
        -------
        Score, or a list of n of them where `n` is given
            Notes that begin before the region, or end after it, stay.
        """
        self._check_fitted()
        if len(score.voices) != 4:
            raise EncodingError(f"a score of {len(score.voices)} voices: expected four")
        unknown = [voice for voice in voices if voice not in VOICES]
        if unknown:
            raise EncodingError(f"voice {unknown[0]!r}: expected one of {', '.join(VOICES)}")
        numbers = [score.bar_number(bar) for bar in range(score.n_bars)]
        if bars[0] not in numbers or bars[1] not in numbers or bars[0] > bars[1]:
            raise EncodingError(f"bars {bars[0]} to {bars[1]}: expected within 1 to {numbers[-1]}")
        onsets = [*score.bars["onset"].tolist(), score.end]
        region = onsets[numbers.index(bars[0])], onsets[numbers.index(bars[1]) + 1]
        given = _as_lines(score)
        page = given.replace(notes=np.zeros(0, NOTE_DTYPE))
        free = tuple(name in voices for name in VOICES)
        task = Task(
            page, melody_key(score), phrase_spans(score), tuple(constraints), given, free, region
        )
        return self._many(lambda rng: self._write(task, rng), random_state, n, n_jobs)

    @staticmethod
    def _many(
        write: Callable[[np.random.Generator], Score],
        random_state: int | None,
        n: int | None,
        n_jobs: int,
    ) -> Score | list[Score]:
        seeds = np.random.SeedSequence(random_state).spawn(1 if n is None else n)
        with ThreadPoolExecutor(max(1, min(n_jobs, len(seeds)))) as pool:
            scores = list(pool.map(lambda seed: write(np.random.default_rng(seed)), seeds))
        return scores[0] if n is None else scores

    # ---- how it is written --------------------------------------------------------------

    def _write(self, task: Task, rng: np.random.Generator) -> Score:
        """Write until no hard constraint is broken."""
        broken: list[str] = []
        for _ in range(ATTEMPTS):
            score = self._attempt(task, rng)
            broken = [text for c in task.constraints for text in c.violations(score)]
            if not broken:
                return score
        raise SamplingError(f"nothing found in {ATTEMPTS} attempts; the last one broke {broken[0]}")

    def _attempt(self, task: Task, rng: np.random.Generator) -> Score:
        frame = self.encoder_.frame(task.page, task.key)
        symbols, free, factors = self._prepare(self.encoder_, frame, task, rng)
        n_updates = max(int(free.sum()), 1)
        share = min(1.0, MAX_UPDATES / (240 * n_updates))
        schedule = annealing(
            heating=max(2, int(80 * share)),
            level=max(2, int(100 * share)),
            cooling=max(2, int(60 * share)),
        )
        sampler = GibbsSampler(self.skeleton_, symbols, factors, free=free, random_state=rng)
        symbols[:, :4] = sampler.run(schedule)[:, :4]
        onset = self._strike(frame, symbols, free, task, rng)
        return self._finish(task, frame, symbols, onset, free, rng)

    def _prepare(
        self, encoder: GridEncoder, frame: Frame, task: Task, rng: np.random.Generator
    ) -> tuple[Ints, Bools, Factors]:
        """Return a legal start, the sites that may change, and the factors of a frame."""
        context = encoder.context(frame, task.spans)
        n_steps = frame.n_steps
        symbols = np.zeros((n_steps, len(frame.alphabets)), np.int64)
        symbols[:, 4 : 4 + context.shape[1]] = context
        free = np.repeat(np.array(task.free)[None], n_steps, axis=0)
        given = given_symbols(frame, task)
        free &= given < 0
        base = self._base(frame, task, given, symbols)
        factors = check_feasible(task.constraints, frame, base)
        start = find_grid(factors, rng)
        if start is None:
            raise SamplingError("no start that keeps the constraints was found")
        symbols[:, :4] = np.where(given >= 0, given, start[:, :4])
        return symbols, free, factors

    def _base(self, frame: Frame, task: Task, given: Ints, symbols: Ints) -> Factors:
        """Return what always holds: given notes, ranges, and rests where nothing is sung."""
        factors = Factors.free(frame.n_steps, frame.n_symbols)
        unary = factors.unary.copy()
        silent = silent_steps(frame, task)
        for v in range(4):
            alphabet = frame.alphabets[v]
            pitch = alphabet.entries + frame.shift
            sounding = alphabet.entries >= 0
            low, high = self.ranges_[v]
            outside = sounding & ((pitch < low) | (pitch > high))
            n = len(alphabet)
            unary[:, v, :n] = np.where(outside, -np.inf, unary[:, v, :n])
            resting = np.where(silent[:, None], sounding, ~sounding)
            if (alphabet.entries < 0).any():
                unary[:, v, :n] = np.where(resting, -np.inf, unary[:, v, :n])
            fixed = given[:, v] >= 0
            unary[fixed, v, :] = -np.inf
            unary[fixed, v, given[fixed, v]] = 0.0
        for column in range(4, unary.shape[1]):
            unary[:, column, :] = np.where(
                np.arange(unary.shape[2]) == symbols[:, column, None], 0.0, unary[:, column, :]
            )
        return Factors(unary)

    def _strike(
        self, frame: Frame, symbols: Ints, free: Bools, task: Task, rng: np.random.Generator
    ) -> Bools:
        """Decide which notes start, of those that do not change their pitch."""
        onset = np.zeros(free.shape, np.bool_)
        if task.given is not None:
            onset = given_onsets(frame, task.given)
        grid = striking_grid(self.encoder_, symbols, onset)
        bits = grid[:, -1, None] >> np.arange(4) & 1
        settled = bits > 0
        unsettled = free & ~settled
        grid[:, :4] = np.where(settled & free, 1, np.where(unsettled, 0, onset))
        asked = onsets_asked(task.constraints, frame)
        unary = np.zeros((len(grid), 4, 2))
        unary[..., 0][asked.must] = -np.inf
        unary[..., 1][(asked.never | asked.changes) & ~asked.must] = -np.inf
        both = np.isinf(unary).all(axis=2)
        unary[both] = 0.0
        grid[:, :4] = np.where(unsettled & asked.must, 1, grid[:, :4])
        sampler = GibbsSampler(
            self.striking_, grid, Factors(unary), free=unsettled, run_share=0.0, random_state=rng
        )
        return sampler.run(np.ones(30))[:, :4] > 0

    def _finish(
        self,
        task: Task,
        frame: Frame,
        symbols: Ints,
        onset: Bools,
        free: Bools,
        rng: np.random.Generator,
    ) -> Score:
        """Put the notes between the steps, and join what was written with what was given."""
        encoder = self.fine_encoder_
        fine = encoder.frame(task.page, task.key)
        n_steps = fine.n_steps
        rows = np.minimum(np.arange(n_steps) // 2, len(symbols) - 1)
        lines = np.zeros((n_steps, len(fine.alphabets)), np.int64)
        context = encoder.context(fine, task.spans)
        lines[:, 4 : 4 + context.shape[1]] = context
        for v in range(4):
            entries = frame.alphabets[v].entries[symbols[rows, v]]
            lines[:, v] = fine.alphabets[v].encode(entries)
        given = given_symbols(fine, task)
        lines[:, :4] = np.where(given >= 0, given, lines[:, :4])
        between = free[rows] & (given < 0) & (np.arange(n_steps) % 2 == 1)[:, None]
        fine_onset = np.zeros((n_steps, 4), np.bool_)
        fine_onset[::2] = onset[: len(fine_onset[::2])]
        asked = onsets_asked(task.constraints, fine)
        factors = compile_constraints(task.constraints, fine)
        between &= ~asked.never & ~asked.changes
        between[:, list(factors.automata)] = False
        between &= ~np.isin(lines[:, encoder.column("end")], (12, 13))[:, None]
        base = self._base(fine, task, np.where(between, -1, lines[:, :4]), lines)
        plain = Factors(base.unary + factors.unary, {}, factors.pairwise, factors.terms)
        sampler = GibbsSampler(
            self.passing_, lines, plain, free=between, run_share=0.0, random_state=rng
        )
        lines = sampler.run(np.linspace(1.0, 0.7, 12))
        entries = np.stack([fine.alphabets[v].entries[lines[:, v]] for v in range(4)], axis=1)
        fine_onset = asked.settle(np.where(entries >= 0, entries + fine.shift, -1), fine_onset)
        lines[:, -4:] = fine_onset
        return self._join(task, encoder.decode(lines, fine), fine)

    def _join(self, task: Task, written: Score, frame: Frame) -> Score:
        """Keep the given notes as they were, and give the result its marks."""
        notes = written.notes
        if task.given is not None:
            kept = kept_notes(task)
            start, stop = task.region or (0, task.page.end)
            fresh = np.array(task.free)[notes["part"]]
            fresh &= (notes["onset"] < stop) & (notes["onset"] + notes["duration"] > start)
            notes = _without_overlap(notes[fresh], kept, start, stop)
            notes = np.concatenate([notes, kept])
        score = written.replace(notes=notes)
        if task.region is not None:
            return score
        return add_fermatas(score, task.spans)


def _encoders() -> tuple[GridEncoder, GridEncoder]:
    """Return the encoders at two and at four steps a beat."""
    coarse = GridEncoder(4, steps_per_beat=2)
    return coarse, GridEncoder(4, steps_per_beat=4, contexts=(*coarse.contexts, "given"))


def melody_key(melody: Score) -> tuple[int, int]:
    """Tell the key of a melody from its notes, and from its signature where the two disagree."""
    notes = melody.notes
    tonic, mode = estimate_key(notes["pitch"], notes["duration"], notes["onset"])
    if len(melody.key_signatures):
        signature = int(melody.key_signatures["fifths"][0])
        if signature != key_signature(tonic, mode):
            _, tonic, mode = keys(melody)[0]
    return tonic, mode


def _as_part(melody: Score, line: int) -> Score:
    """Move a score of one part to a part of the choir."""
    tables = {}
    for name in ("notes", "fermatas", "lyrics"):
        table = getattr(melody, name).copy()
        table["part"], table["voice"] = line, 0
        tables[name] = table
    return melody.replace(parts=PARTS, **tables)


def _as_lines(score: Score) -> Score:
    """Move four voices, wherever they stand, to four parts."""
    tables = {}
    for name in ("notes", "fermatas", "lyrics"):
        table = getattr(score, name).copy()
        for line, (part, voice) in enumerate(score.voices):
            inside = (getattr(score, name)["part"] == part) & (
                getattr(score, name)["voice"] == voice
            )
            table["part"][inside], table["voice"][inside] = line, 0
        tables[name] = table
    parts = score.parts if len(score.parts) == 4 else PARTS
    return score.replace(parts=parts, **tables)


def kept_notes(task: Task) -> NDArray[np.void]:
    """Given notes that stay: of pinned lines, and those not wholly inside the region."""
    assert task.given is not None
    notes = task.given.notes
    kept = ~np.array(task.free)[notes["part"]]
    if task.region is not None:
        start, stop = task.region
        kept |= (notes["onset"] < start) | (notes["onset"] + notes["duration"] > stop)
    kept_table: NDArray[np.void] = notes[kept]
    return kept_table


def given_symbols(frame: Frame, task: Task) -> Ints:
    """Symbols of the given notes at each step and line; -1 where something may be written.

    A pitch outside the alphabet of its line is told to the model at the nearest octave.
    """
    symbols = np.full((frame.n_steps, 4), -1, np.int64)
    if task.given is None:
        return symbols
    kept = task.given.replace(notes=kept_notes(task))
    pitch, _ = _quiet_grid(kept, frame.step)
    start, stop = task.region or (0, task.page.end)
    inside = np.zeros(frame.n_steps, np.bool_)
    inside[frame.steps(start, stop - start)] = True
    for v in range(4):
        entries = frame.alphabets[v].entries
        sounding = pitch[:, v] >= 0
        wanted = pitch[:, v] - frame.shift
        distance = np.abs(entries - wanted[:, None]) + 100 * ((entries - wanted[:, None]) % 12 != 0)
        distance = distance + 10_000 * (entries < 0)
        nearest = distance.argmin(axis=1)
        rest = int(np.argmax(entries < 0)) if (entries < 0).any() else -1
        silent_value = rest if not task.free[v] else -1
        column = np.where(sounding, nearest, silent_value)
        outside = np.where(sounding, nearest, rest if rest >= 0 else nearest)
        symbols[:, v] = np.where(inside, column, outside)
    return symbols


def given_onsets(frame: Frame, given: Score) -> Bools:
    """Onsets of the given notes at each step and line."""
    return _quiet_grid(given, frame.step)[1]


def _quiet_grid(score: Score, step: int) -> tuple[Ints, Bools]:
    """View four parts as a grid; what it cannot hold is kept elsewhere, so nothing is said."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return view_grid(score, step, [(v, 0) for v in range(4)])


def silent_steps(frame: Frame, task: Task) -> Bools:
    """Mark the steps before the first given note and after the last, where nobody sings."""
    silent = np.zeros(frame.n_steps, np.bool_)
    if task.given is not None and len(task.given.notes):
        notes = task.given.notes
        first = int(notes["onset"].min()) // frame.step
        last = -(-int((notes["onset"] + notes["duration"]).max()) // frame.step)
        silent[:first] = True
        silent[last:] = True
    return silent


def _without_overlap(
    notes: NDArray[np.void], kept: NDArray[np.void], start: int, stop: int
) -> NDArray[np.void]:
    """Cut new notes where kept ones of their line, or the region's ends, begin."""
    pieces = []
    for note in notes:
        begin, end = int(note["onset"]), int(note["onset"] + note["duration"])
        begin, end = max(begin, start), min(end, stop)
        line = kept[kept["part"] == note["part"]]
        for other in line:
            o_begin, o_end = int(other["onset"]), int(other["onset"] + other["duration"])
            if o_begin <= begin < o_end:
                begin = o_end
            elif begin < o_begin < end:
                end = o_begin
        if begin < end:
            piece = note.copy()
            piece["onset"], piece["duration"] = begin, end - begin
            pieces.append(piece)
    return np.array(pieces, NOTE_DTYPE) if pieces else np.zeros(0, NOTE_DTYPE)
