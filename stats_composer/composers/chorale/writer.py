"""How a chorale is written on its page: skeleton, passing notes, struck notes.

1. Gibbs sampling with annealing writes the lines at two steps a beat, from a start that keeps
   every hard constraint. A chart of chords pins the chord voice of the model that has one;
   where it names none, chords are drawn in turn with the lines. Before it has cooled, the
   chords of the final notes are held: all voices stay on the chord of a phrase's final note for
   a beat, on the last one to its end.
2. A second pass puts the notes between the steps, where they lie close to their neighbours.
3. A third decides which notes that stay are struck again.

The result is checked against the constraints, and written anew if it breaks one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.chorale.chord_voice import ChordVoice, pinned_labels
from stats_composer.composers.chorale.copies import without_copies
from stats_composer.composers.chorale.edges import Beginnings, Endings, completed
from stats_composer.composers.chorale.figures import FIGURES, Figures, between_steps
from stats_composer.composers.chorale.mending import Judge, mend
from stats_composer.composers.chorale.models import striking_grid
from stats_composer.composers.chorale.page import add_fermatas
from stats_composer.composers.chorale.roads import ROADS, Road, draft
from stats_composer.composers.chorale.task import (
    Task,
    clashing,
    given_onsets,
    given_symbols,
    informed,
    kept_notes,
    phrase_starts,
    silent_steps,
    without_overlap,
)
from stats_composer.constraints import (
    MaxCopy,
    check_feasible,
    compile_constraints,
    onsets_asked,
)
from stats_composer.encoding import GridEncoder, GridFrame
from stats_composer.errors import SamplingError
from stats_composer.factors import Crossing, Factors, ParallelMotion, find_grid
from stats_composer.models.directed import DirectedModel
from stats_composer.models.maxent import MaxEnt
from stats_composer.sampling.context import ContextLaw
from stats_composer.sampling.gibbs import GibbsSampler, annealing
from stats_composer.score import Score
from stats_composer.views import FINAL, LAST

__all__ = ["ATTEMPTS", "CROSSINGS", "HOT_CROSSINGS", "PARALLELS", "Setup", "Writer", "marked"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

ATTEMPTS = 8
# Site updates that a piece may take; longer ones get fewer sweeps.
MAX_UPDATES = 800_000
# Nats against each voice of the last chord, or of the first of a free piece, that is not in the
# tonic's triad in root position.
LAST_CHORD = -7.0
FIRST_CHORD = -2.0
TRIADS = ((0, 4, 7), (0, 3, 4, 7))
# Annealing sharpens what the model favours, and not what it avoids: so parallels and crossings
# are told twice. Voices that crossed while hot seldom find back, so they are kept in order then.
PARALLELS = ParallelMotion(log_weight=-1.5)
HOT_CROSSINGS, CROSSINGS = Crossing(log_weight=-4.0), Crossing(log_weight=-0.5)
# Share of the steps whose chords are named from which on the model that knows chords writes: it
# follows a chart more closely, but left alone changes its chords less often than the style.
CHARTED = 0.5
# How a phrase is drawn anew.
REDRAWING = Road(sweeps=(40, 60, 60))
# Temperatures of the notes between the steps.
PASSING = np.ones(12)


class Setup(NamedTuple):
    """What is known of a piece before the first draw, at two steps a beat.

    Attributes
    ----------
    task : Task
    frame : GridFrame
    symbols : ndarray of shape (n_steps, n_voices), int64
        Context voices filled in, and given notes.
    free : ndarray of shape (n_steps, n_lines), bool
        What is to be written.
    factors : Factors
        Constraints and what holds in any case.
    """

    task: Task
    frame: GridFrame
    symbols: Ints
    free: Bools
    factors: Factors


@dataclass(frozen=True)
class Writer:
    """The models of a fitted composer at work.

    Attributes
    ----------
    encoder, fine_encoder : GridEncoder
        At two and at four steps a beat.
    skeleton, passing, striking : MaxEnt
    endings, beginnings : Endings and Beginnings
    ranges : ndarray of shape (n_lines, 2), int64
        Lowest and highest pitch of each voice.
    charted : MaxEnt or None
        The skeleton's model given chords.
    chords : ChordVoice or None
        As `charted` knows it.
    directed : DirectedModel or None
        Of the lower voices given the soprano.
    road : Road
        How the skeleton is written; others than the first need `directed`.
    """

    encoder: GridEncoder
    fine_encoder: GridEncoder
    skeleton: MaxEnt
    passing: MaxEnt
    striking: MaxEnt
    endings: Endings
    beginnings: Beginnings
    ranges: Ints
    charted: MaxEnt | None = None
    chords: ChordVoice | None = None
    directed: DirectedModel | None = None
    road: Road = ROADS["gibbs"]

    @property
    def n_lines(self) -> int:
        """How many lines it writes."""
        return self.encoder.n_lines

    def prepare(self, task: Task) -> Setup:
        """Compile what is asked and given.

        Raises
        ------
        ConstraintError
            If the constraints do not fit the page, or cannot all hold.
        """
        task = informed(task)
        frame = self.encoder.frame(task.page, task.key)
        symbols = self._blank(self.encoder, frame, task)
        given = given_symbols(frame, task)
        symbols[:, : self.n_lines] = np.maximum(given, 0)
        free = np.array(task.free) & (given < 0)
        factors = self._base(frame, task, given, symbols)
        if task.constraints:
            factors = check_feasible(task.constraints, frame, factors)
        return Setup(task, frame, symbols, free, factors)

    def write(self, setup: Setup, rng: np.random.Generator) -> Score:
        """Write until no hard constraint is broken.

        Raises
        ------
        SamplingError
            If nothing that keeps them was found.
        """
        broken: list[str] = []
        for _ in range(ATTEMPTS):
            planned = self.planned(setup, rng)
            symbols, held = self._mended(planned, *self._skeleton(planned, rng), rng)
            onset = self.strike(planned, symbols, held, rng)
            score = self._finish(planned, symbols, onset, rng)
            wishes = [c for c in setup.task.constraints if not isinstance(c, MaxCopy)]
            broken = [text for c in wishes for text in c.violations(score)]
            if not broken:
                again = lambda task: self.write(self.prepare(task), rng)  # noqa: E731
                return without_copies(setup.task, score, again)
        raise SamplingError(f"nothing found in {ATTEMPTS} attempts; the last one broke {broken[0]}")

    def lines(self, setup: Setup, rng: np.random.Generator) -> Ints:
        """Write the lines at two steps a beat: a grid of the encoder, without onsets."""
        return self._skeleton(self.planned(setup, rng), rng)[0]

    def planned(self, setup: Setup, rng: np.random.Generator) -> Setup:
        """Draw how the phrases end and begin."""
        frame, factors = setup.frame, setup.factors
        known, beat = ~setup.free, setup.task.page.metre_at(0).beat // frame.step
        finals = [(s.start, min(s.stop, frame.n_steps)) for s in self._finals(setup)]
        ends = [(*final, final == finals[-1]) for final in finals]
        starts = [onset // frame.step for onset in phrase_starts(setup.task)]
        begins = [(row, row + 1, row == starts[0]) for row in starts]
        for edges, places in ((self.endings, ends), (self.beginnings, begins)):
            factors = edges.plan(setup.symbols, known, factors, places, beat, rng)
        return setup._replace(factors=factors)

    @staticmethod
    def _finals(setup: Setup) -> list[slice]:
        """Return the steps that the chord of each phrase's final note is held for."""
        spans, beat = setup.task.spans, setup.task.page.metre_at(0).beat
        lasting = [min(beat, end - onset) for onset, end in spans[:-1]]
        lasting += [end - onset for onset, end in spans[-1:]]
        return [setup.frame.steps(onset, n) for (onset, _), n in zip(spans, lasting, strict=True)]

    @staticmethod
    def _blank(encoder: GridEncoder, frame: GridFrame, task: Task) -> Ints:
        """Return a grid with the context voices filled in."""
        symbols = np.zeros((frame.n_steps, len(frame.alphabets)), np.int64)
        context = encoder.context(frame, task.spans)
        symbols[:, frame.n_lines : frame.n_lines + context.shape[1]] = context
        return symbols

    def _base(self, frame: GridFrame, task: Task, given: Ints, symbols: Ints) -> Factors:
        """Return what always holds: given notes, ranges, rests where nothing is sung."""
        unary = Factors.free(frame.n_steps, frame.n_symbols).unary + clashing(frame, task)
        silent = silent_steps(frame, task)[:, None]
        last = (symbols[:, self.encoder.column("end")] == LAST)[:, None]
        last = last & self._can_end(frame, task, given, last)
        for v in range(self.n_lines):
            entries = frame.alphabets[v].entries
            row = unary[:, v, : len(entries)]
            sounding, pitch = entries >= 0, entries + frame.shift
            low, high = self.ranges[v]
            row[:, sounding & ((pitch < low) | (pitch > high))] = -np.inf
            if not sounding.all():
                row[np.where(silent, sounding, ~sounding)] = -np.inf
            strange = ~np.isin(entries % 12, TRIADS[task.key[1]] if v < self.n_lines - 1 else 0)
            row[last & strange & sounding] += LAST_CHORD
            if task.given is None:
                row[0, strange & sounding] += FIRST_CHORD
            fixed = given[:, v] >= 0
            row[fixed] = -np.inf
            row[fixed, given[fixed, v]] = 0.0
        columns = np.arange(unary.shape[2]) == symbols[:, self.n_lines :, None]
        unary[:, self.n_lines :] = np.where(columns, 0.0, -np.inf)
        return Factors(unary)

    @staticmethod
    def _can_end(frame: GridFrame, task: Task, given: Ints, last: Bools) -> bool:
        """Tell whether what is given of the last chord belongs to the tonic's triad."""
        for v in range(frame.n_lines):
            symbols = given[:, v][last[:, 0] & (given[:, v] >= 0)]
            entries = frame.alphabets[v].entries[symbols]
            if not np.isin(entries[entries >= 0] % 12, TRIADS[task.key[1]]).all():
                return False
        return True

    def schedule(self, n_free: int) -> tuple[NDArray[np.float32], int, int]:
        """Return the temperatures of so many free sites, and the sweeps of heating and cooling."""
        sweeps = self.road.sweeps
        share = min(1.0, MAX_UPDATES / max(sum(sweeps) * n_free, 1))
        heating, level, cooling = (max(min(n, 3), int(n * share)) for n in sweeps)
        temperatures = annealing(self.road.hot, heating=heating, level=level, cooling=cooling)
        return temperatures, heating, cooling

    def _skeleton(self, setup: Setup, rng: np.random.Generator) -> tuple[Ints, Bools]:
        """Draw the lines at two steps a beat; return them and where final chords are held."""
        symbols = setup.symbols.copy()
        lines = slice(self.n_lines)
        start = self._start(setup, rng)
        symbols[:, lines] = np.where(setup.free, start[:, lines], symbols[:, lines])
        schedule, heating, cooling = self.schedule(int(setup.free.sum()))
        model, context = self._chart(setup)
        if context is not None:
            symbols = np.column_stack([symbols, context.unary.argmax(axis=1)])

        def run(
            symbols: Ints, free: Bools, temperatures: NDArray[np.float32], crossings: Crossing
        ) -> Ints:
            if not len(temperatures):
                return symbols
            factors = replace(setup.factors, terms=(*setup.factors.terms, PARALLELS, crossings))
            expert = None
            if self.road.expert_weight and self.directed is not None and not factors.automata:
                expert = self.directed, self.road.expert_weight
            return GibbsSampler(
                model, symbols, factors, free=free, context=context, expert=expert,
                random_state=rng,
            ).run(temperatures)  # fmt: skip

        before = len(schedule) - cooling // 3
        symbols = run(symbols, setup.free, schedule[:heating], HOT_CROSSINGS)
        symbols = run(symbols, setup.free, schedule[heating:before], CROSSINGS)
        held = self._hold(setup, symbols)
        settled = held.copy()
        settled[:-1] |= held[1:] & setup.free[:-1]
        symbols = run(symbols, setup.free & ~settled, schedule[before:], CROSSINGS)
        return symbols[:, : setup.symbols.shape[1]], held

    def _mended(
        self, setup: Setup, symbols: Ints, held: Bools, rng: np.random.Generator
    ) -> tuple[Ints, Bools]:
        """Draw phrases with faults anew, as far as the road says."""
        if setup.factors.automata:
            return symbols, held
        task, again = setup.task, replace(self, road=REDRAWING)
        ends = [-(-end // setup.frame.step) for _, end in task.spans]
        phrase = np.searchsorted(ends, np.arange(len(symbols)), side="right")
        beat = task.page.metre_at(0).beat // setup.frame.step
        judge = Judge(self.encoder.labels, phrase, beat, task.key[1])

        def redraw(symbols: Ints, free: Bools) -> tuple[Ints, Bools]:
            return again._skeleton(setup._replace(symbols=symbols, free=free), rng)

        return mend(judge, redraw, symbols, held, setup.free, self.road.mending)

    def _chart(self, setup: Setup) -> tuple[MaxEnt, ContextLaw | None]:
        """Choose the model: the one that knows chords where enough of them are named."""
        if self.charted is None or self.chords is None:
            return self.skeleton, None
        pinned = pinned_labels(setup.task.constraints, setup.frame)
        written = setup.free.any(axis=1)
        if not written.any() or pinned[written].any(axis=1).mean() < CHARTED:
            return self.skeleton, None
        return self.charted, self.chords.law(setup.symbols, pinned)

    def _start(self, setup: Setup, rng: np.random.Generator) -> Ints:
        factors = setup.factors
        if self.road.drafted and self.directed is not None:
            found = draft(self.directed, setup.symbols, factors, rng)
        elif not factors.automata and not factors.pairwise:
            noise = rng.gumbel(size=factors.unary.shape)
            start: Ints = (factors.unary + noise).argmax(axis=2)
            return start
        else:
            found = find_grid(factors, rng)
        if found is None:
            raise SamplingError("no start that keeps the constraints was found")
        return found

    def _hold(self, setup: Setup, symbols: Ints) -> Bools:
        """Hold the chords of final notes, in place, where no constraint forbids it."""
        held = np.zeros(setup.free.shape, np.bool_)
        gain = self.gain(setup, symbols)
        fixed = [v in setup.factors.automata for v in range(self.n_lines)]
        lines = slice(self.n_lines)
        for steps in self._finals(setup):
            if 0 < steps.start < len(symbols):
                self.complete(setup, symbols, gain, steps.start)
            rows = np.arange(max(steps.start, 0) + 1, min(steps.stop, len(symbols)))
            if not len(rows):
                continue
            may = setup.free[rows] & ~np.array(fixed)
            before = symbols[rows, lines]
            chord = np.broadcast_to(symbols[rows[0] - 1, lines], before.shape)
            symbols[rows, lines] = np.where(may, chord, before)
            if _is_broken(setup.factors, symbols, rows):
                symbols[rows, lines] = before
                continue
            held[rows] = may
        return held

    def gain(self, setup: Setup, symbols: Ints) -> NDArray[np.float64]:
        """Return the log-weight of each symbol at each step and line, the others as they are."""
        scores = self.skeleton.site_scores(symbols[:, : setup.symbols.shape[1]]).astype(np.float64)
        n_symbols = self.encoder.labels.shape[1]
        unary = setup.factors.unary[:, : self.n_lines, :n_symbols]
        gain: NDArray[np.float64] = scores[..., :n_symbols] + unary
        return gain

    def complete(self, setup: Setup, symbols: Ints, gain: NDArray[np.float64], row: int) -> None:
        """Make the final chord of a phrase one, in place, where no constraint forbids it."""
        lines = slice(self.n_lines)
        before = symbols[row, lines].copy()
        fixed = [v in setup.factors.automata for v in range(self.n_lines)]
        free = setup.free[row] & ~np.array(fixed)
        symbols[row, lines] = completed(before, self.encoder.labels, gain[row], free)
        if _is_broken(setup.factors, symbols, np.array([row])):
            symbols[row, lines] = before

    def strike(self, setup: Setup, symbols: Ints, held: Bools, rng: np.random.Generator) -> Bools:
        """Decide which notes start, of those that do not change their pitch."""
        free, task = setup.free, setup.task
        onset = np.zeros(free.shape, np.bool_)
        if task.given is not None:
            onset = given_onsets(setup.frame, task.given)
        grid = striking_grid(self.encoder, symbols, onset)
        n_lines = self.n_lines
        settled = (grid[:, -1, None] >> np.arange(n_lines) & 1) > 0
        asked = onsets_asked(task.constraints, setup.frame)
        unsettled = free & ~settled & (~held | asked.must)
        grid[:, :n_lines] = np.where(free, settled, onset)
        grid[:, :n_lines] |= unsettled & asked.must
        # Everybody takes a breath between phrases.
        fresh = np.array([tick // setup.frame.step for tick in phrase_starts(task)])
        grid[fresh, :n_lines] |= (unsettled & ~asked.never & ~asked.changes)[fresh]
        unsettled[fresh] = False
        unary = np.zeros((len(grid), n_lines, 2))
        unary[..., 0][asked.must] = -np.inf
        unary[..., 1][(asked.never | asked.changes) & ~asked.must] = -np.inf
        sampler = GibbsSampler(
            self.striking, grid, Factors(unary), free=unsettled, run_share=0.0, random_state=rng
        )
        return sampler.run(np.ones(30))[:, :n_lines] > 0

    def _finish(self, setup: Setup, symbols: Ints, onset: Bools, rng: np.random.Generator) -> Score:
        """Put the notes between the steps, and join what was written with what was given."""
        encoder, task, n_lines = self.fine_encoder, setup.task, self.n_lines
        fine = encoder.frame(task.page, task.key)
        lines = self.between(setup, symbols, rng, Figures.drawn(rng))
        fine_onset = np.zeros((fine.n_steps, n_lines), np.bool_)
        fine_onset[::2] = onset[: len(fine_onset[::2])]
        entries = np.stack([fine.alphabets[v].entries[lines[:, v]] for v in range(n_lines)], axis=1)
        pitch = np.where(entries >= 0, entries + fine.shift, -1)
        asked = onsets_asked(task.constraints, fine)
        lines[:, -n_lines:] = asked.settle(pitch, fine_onset)
        return self._join(task, encoder.decode(lines, fine))

    def between(
        self, setup: Setup, symbols: Ints, rng: np.random.Generator, figures: Figures = FIGURES
    ) -> Ints:
        """Write the notes between the steps: a grid at four steps a beat."""
        lines, free, factors = self.passages(setup, symbols, figures)
        if not free.any():
            return lines
        sampler = GibbsSampler(
            self.passing, lines, factors, free=free, run_share=0.0, random_state=rng
        )
        return sampler.run(PASSING)

    def passages(
        self, setup: Setup, symbols: Ints, figures: Figures = FIGURES
    ) -> tuple[Ints, Bools, Factors]:
        """Return the lines at four steps a beat, with nothing written between the steps yet.

        Returns
        -------
        (grid, free, factors)
            With the sites that lie open, and what holds for them.
        """
        encoder, task, n_lines = self.fine_encoder, setup.task, self.n_lines
        frame = encoder.frame(task.page, task.key)
        rows = np.minimum(np.arange(frame.n_steps) // 2, len(symbols) - 1)
        lines = self._blank(encoder, frame, task)
        for v in range(n_lines):
            entries = setup.frame.alphabets[v].entries[symbols[rows, v]]
            lines[:, v] = frame.alphabets[v].encode(entries)
        given = given_symbols(frame, task)
        lines[:, :n_lines] = np.where(given >= 0, given, lines[:, :n_lines])
        asked = onsets_asked(task.constraints, frame)
        wished = compile_constraints(task.constraints, frame)
        free = setup.free[rows] & (given < 0) & (np.arange(frame.n_steps) % 2 == 1)[:, None]
        free &= ~asked.never & ~asked.changes & (not _is_compound(task.page))
        free &= ~np.isin(lines[:, encoder.column("end")], (FINAL, LAST))[:, None]
        free[:, [v for v in wished.automata if v < n_lines]] = False
        base = self._base(frame, task, np.where(free, -1, lines[:, :n_lines]), lines)
        unary = base.unary + wished.unary + between_steps(frame, lines, free, figures)
        free &= (unary[:, :n_lines] > -np.inf).any(axis=2)
        terms = (*wished.terms, PARALLELS)
        return lines, free, Factors(unary, {}, wished.pairwise, terms)

    @staticmethod
    def _join(task: Task, written: Score) -> Score:
        """Keep the given notes as they were, and give the result its marks."""
        notes = written.notes
        if task.given is not None:
            kept = kept_notes(task)
            start, stop = task.region or (0, task.page.end)
            fresh = np.array(task.free)[notes["part"]]
            fresh &= (notes["onset"] < stop) & (notes["onset"] + notes["duration"] > start)
            notes = np.concatenate([without_overlap(notes[fresh], kept, start, stop), kept])
        return marked(task, written.replace(notes=notes))


def marked(task: Task, score: Score) -> Score:
    """Return a score with the fermatas that its task asks for."""
    return add_fermatas(score, task.spans) if task.fermatas else score


def _is_compound(page: Score) -> bool:
    """Tell whether a beat has three parts, and a step no half that the style would fill."""
    return page.metre_at(0).is_compound


def _is_broken(factors: Factors, symbols: Ints, rows: Ints) -> bool:
    """Tell whether unary or pairwise factors forbid some rows."""
    lines = range(factors.unary.shape[1])
    worst = min(float(factors.unary[rows, v, symbols[rows, v]].min()) for v in lines)
    for (v, w), table in factors.pairwise.items():
        worst = min(worst, float(table[rows, symbols[rows, v], symbols[rows, w]].min()))
    return worst == -np.inf
