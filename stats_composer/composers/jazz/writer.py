"""How a solo is written: plan, rhythm, wishes, pitches.

1. Labels of bars are drawn from the plan, then cells of beats and the ends of notes. The beat in
   which the last note of all begins is drawn beforehand: it has a note, and none comes after.
2. Where something is wished for, the rhythm gives way to it: on the grid of steps, over pitches,
   holding and silence, a chain of the first order knows how solos move and what lies on a chord
   (`crude_law`); a path of it under all wishes, which leans to the rhythm that was drawn, is
   drawn exactly. Its notes' times are kept.
3. Pitches are drawn note by note from the mixture of viewpoints, times the backward messages
   of that chain given the times: what could not be finished under the wishes has weight 0, and
   what leads there easily is preferred. A note that would end a copy is never drawn.

So a hard wish always holds; the law of a solo under wishes is the mixture's, tilted at each note
by what the chain expects to come. Without wishes it is the mixture's own, but that the solo's past
counts less (`MEMORY`), that its last note leans to the chord (`HOME`), and that beats of a slow
tune lean to what is read at sight (`INTRICATE`).

References
----------
N. Whiteley, A. Lee, "Twisted particle filters", Annals of Statistics 42(1), 2014: drawing
forwards with an approximation of the messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stats_composer.composers.jazz.chart import Chart
from stats_composer.composers.jazz.model import SoloModel
from stats_composer.composers.jazz.page import part_rows
from stats_composer.composers.jazz.solo import (
    BAR_FEATURES,
    STEPS,
    Solo,
    bar_features,
    beat_page,
    cells_of,
    is_plain,
    note_table,
    onsets_of,
    snap,
)
from stats_composer.constraints import Constraint, MaxCopy, check_feasible
from stats_composer.encoding import Alphabet, GridFrame
from stats_composer.errors import ConstraintError, SamplingError
from stats_composer.factors import Automaton, Factors
from stats_composer.ngrams import Repertoire
from stats_composer.sampling.chain import Chain, Walk
from stats_composer.score import Score
from stats_composer.views import HOLD, REST

__all__ = ["Manner", "SoloTask", "SoloWriter"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ATTEMPTS = 20
VELOCITY = 90
# Nats against each step at which a wish makes the rhythm another than was drawn.
AGAINST = -4.0
DENSER = 4.0
# What a solo itself did so far counts less than in solos that were given: it would run away
# with its own chance moves.
MEMORY = 0.25
# Nats against beats that are hard to read, and up to which tempo solos have such.
INTRICATE, SLOW = -4.0, 110
# Nats for a tone of the chord as the last note of all.
HOME = 2.0


@dataclass(frozen=True)
class Manner:
    """How a part is to be played.

    Attributes
    ----------
    chorus : int
        How often the page is played.
    temperature : float
        Below 1 more usual, above 1 bolder.
    density : float
        How much busier a solo is than the style's: 1 doubles its notes, -1 halves them, about.
    compass : (int, int)
        Lowest and highest pitch of a solo.
    swing : bool
        Whether a mark says that eighths are swung.
    """

    chorus: int = 1
    temperature: float = 1.0
    density: float = 0.0
    compass: tuple[int, int] = (52, 84)
    swing: bool = True


@dataclass(frozen=True)
class SoloTask:
    """What is to be written.

    Attributes
    ----------
    page : Score
        Bars, metre, key and chords, without notes.
    chart : Chart
        Of the page's beats.
    beat : int
        Ticks.
    tempo : float
        Beats a minute.
    manner : Manner
    max_copy : int
        Longest run of notes that a solo of the corpus may have too.
    constraints : tuple of Constraint
    given : Solo, optional
        How it begins, up to a bar line; under constraints nothing is given.
    closes : bool
        Whether it ends in its last bar as solos end, and does not break off.
    plain : bool
        Whether beats of a slow tune lean to cells that are read at sight.
    """

    page: Score
    chart: Chart
    beat: int
    tempo: float
    manner: Manner = Manner()
    max_copy: int = 10
    constraints: tuple[Constraint, ...] = field(default=())
    given: Solo | None = None
    closes: bool = True
    plain: bool = True


class SoloWriter:
    """Writes solos for one task; `write` may be called by several threads."""

    def __init__(self, task: SoloTask, model: SoloModel) -> None:
        self.task, self.model = task, model
        low, high = task.manner.compass
        first = model.pitch_.low_
        candidates = np.arange(first, first + model.pitch_.n_symbols_)
        self.usable = (candidates >= low) & (candidates <= high)
        if not self.usable.any():
            raise ConstraintError(f"a compass of {low} to {high}: this style has no such note")
        self.pitches = candidates[self.usable]
        self._tones, self._classes = task.chart.tones(), candidates % 12
        copies = [w.n for w in task.constraints if isinstance(w, MaxCopy) and w.hard]
        self.max_copy = min([task.max_copy, *copies])
        self.given = None if task.given is None else snap(task.given, model.known_)
        self.wished = bool(task.constraints)
        if self.wished:
            self.hard = self._compile()
            automata = [self._crude_law(), *self.hard.automata.get(0, ())]
            self.chain = Chain(self.hard.unary[:, 0], automata)

    # ---- wishes -------------------------------------------------------------------------

    @property
    def n_steps(self) -> int:
        """Steps of the page."""
        return self.task.chart.n_beats * STEPS

    def _compile(self) -> Factors:
        """Compile the wishes over HOLD, silence and the pitches."""
        alphabet = Alphabet(np.array([HOLD, REST, *self.pitches]), "solo")
        frame = GridFrame(self.task.page, self.task.beat // STEPS, (alphabet,), 1)
        unary = np.zeros((frame.n_steps, 1, len(alphabet)))
        return check_feasible(self.task.constraints, frame, Factors(unary))

    def _crude_law(self) -> Automaton:
        """Return the chain of the first order of the module's docstring."""
        chart, pitches = self.task.chart, self.pitches
        chords, kind = np.unique(
            np.stack([chart.root, chart.quality], axis=1), axis=0, return_inverse=True
        )
        n = len(pitches)
        weight = np.zeros((len(chords), n + 1, n + 2))
        target = np.broadcast_to(
            np.concatenate(
                [np.tile(np.arange(n + 1)[:, None], 2), np.tile(np.arange(n), (n + 1, 1))], axis=1
            ),
            weight.shape,
        )
        for row, (root, quality) in zip(weight, chords.tolist(), strict=True):
            row[:, 2:] = self.model.crude_law(pitches, root, quality)
        steps = np.repeat(kind.ravel(), STEPS)
        return Automaton.from_table(target, steps, log_weight=weight, initial=n)

    def _yield_to_wishes(self, solo: Solo, rng: Generator) -> Solo:
        """Return a solo of nearly this rhythm that can keep the wishes."""
        here = np.zeros(self.n_steps, np.int64)  # 0: hold, 1: silence, 2: a note
        here[np.minimum(solo.onset + solo.length, self.n_steps - 1)] = 1
        here[: solo.onset[0]] = 0
        here[0] = 1
        here[solo.onset] = 2
        lean = np.full((self.n_steps, 3), AGAINST)
        lean[np.arange(self.n_steps), here] = 0.0
        unary = self.chain.unary + lean[:, np.r_[0, 1, np.full(len(self.pitches), 2)]]
        chain = self.chain.under(unary)
        if chain.log_normaliser == -np.inf:
            raise SamplingError("no solo keeps the constraints")
        path = chain.sample(1, random_state=rng)[0]
        onset = np.flatnonzero(path > 1)
        if not len(onset):
            raise SamplingError("a solo without notes")
        bounds = np.append(onset[1:], self.n_steps)
        silence = np.append(np.flatnonzero(path == 1), self.n_steps)
        ends = np.minimum(silence[np.searchsorted(silence, onset)], bounds)
        return replace(solo, onset=onset, length=ends - onset, pitch=self.pitches[path[onset] - 2])

    def _walk(self, solo: Solo) -> Walk:
        """Return the chain given the times of a solo's notes."""
        unary = self.chain.unary.copy()
        free = np.zeros(unary.shape, bool)
        free[:, 0] = True
        ends = solo.onset + solo.length
        free[ends[ends < self.n_steps]] = False
        free[ends[ends < self.n_steps], 1] = True
        if solo.onset[0] > 0:
            free[0] = False
            free[0, 1] = True
        free[solo.onset, :2] = False
        free[solo.onset, 2:] = True
        unary[~free] = -np.inf
        return self.chain.under(unary).walk()

    # ---- drawing ------------------------------------------------------------------------

    def write(self, rng: Generator) -> Solo:
        """Write a solo.

        Raises
        ------
        SamplingError
            If none was found that keeps the wishes.
        """
        reason = ""
        for _ in range(ATTEMPTS):
            try:
                cluster = self._plan(rng)
                solo = self._rhythm(cluster, rng)
                if self.wished:
                    solo = self._yield_to_wishes(solo, rng)
                solo = self._pitches(solo, cluster, rng)
            except SamplingError as error:
                reason = str(error)
                continue
            score = self.score(solo)
            broken = [line for wish in self.task.constraints for line in wish.violations(score)]
            if not broken:
                return self._new(solo)
            reason = broken[0]
        raise SamplingError(f"no solo found in {ATTEMPTS} attempts: {reason}")

    def _plan(self, rng: Generator) -> Ints:
        """Draw the label of each bar; a wish for density tilts them."""
        model = self.model
        n_bars = int(self.task.chart.bar[-1]) + 1
        dense = model.clusters_.cluster_centers_[:, BAR_FEATURES.index("density")]
        unary = np.zeros((n_bars, model.n_clusters))
        unary[:, len(dense) :] = -np.inf
        unary[:, : len(dense)] = DENSER * self.task.manner.density * (dense - dense.mean())
        if self.given is not None:
            heard = model.clusters_.predict(bar_features(self.given))
            unary[: len(heard)] = -np.inf
            unary[np.arange(len(heard)), heard] = 0.0
        automaton = model.plan_.automaton(n_bars, unary > -np.inf)
        labels: Ints = Chain(unary, [automaton]).sample(1, random_state=rng)[0]
        return labels

    def _rhythm(self, cluster: Ints, rng: Generator) -> Solo:
        """Draw cells and the ends of notes."""
        model, task, given = self.model, self.task, self.given
        drawing = model.rhythm_.begin(beat_page(task.chart, task.tempo, cluster))
        n_given = 0 if given is None else given.chart.n_beats
        for cell in [] if given is None else cells_of(given.onset, n_given).tolist():
            drawing.put(int(np.searchsorted(model.known_, cell)))
        low = model.rhythm_.low_
        cells = model.known_[low : low + model.rhythm_.n_symbols_]
        silent = cells == 0
        eased = task.plain and task.tempo <= SLOW
        reading = np.where(is_plain(cells), 0.0, INTRICATE * eased)
        stop = self._stop(rng) if task.closes and silent.any() else task.chart.n_beats
        for beat in range(n_given, task.chart.n_beats):
            weight = drawing.log_probs() + reading
            if beat >= stop:
                weight[silent == (beat == stop)] = -np.inf
            drawing.put(self._choose(weight, rng) + low)
        onset = onsets_of(model.known_[drawing.symbols])
        if not len(onset):
            raise SamplingError("a solo without notes")
        solo = Solo(onset, np.ones_like(onset), np.full_like(onset, 60), task.chart, task.tempo)
        length = model.lengths(onset, solo.gaps, rng)
        if given is not None:
            length[: len(given.onset)] = np.minimum(given.length, solo.gaps[: len(given.onset)])
        return replace(solo, length=length)

    def _stop(self, rng: Generator) -> int:
        """Draw the beat that the last note begins in, one of the last bar."""
        chart = self.task.chart
        last = int(np.searchsorted(chart.bar, chart.bar[-1]))
        return last + self.model.stop(chart.place[last:], rng)

    def _pitches(self, solo: Solo, cluster: Ints, rng: Generator) -> Solo:
        """Draw the pitches of a solo whose rhythm stands."""
        drawing = self.model.pitch_.begin(note_table(solo, cluster), memory=MEMORY)
        copies = CopyWatch(self.model.corpus_, self.max_copy)
        walk = self._walk(solo) if self.wished else None
        low = self.model.pitch_.low_
        given = [] if self.given is None else self.given.pitch.tolist()
        for onset, pitch in zip(solo.onset.tolist(), given, strict=False):
            drawing.put(pitch)
            copies.put(pitch, onset)
        for onset in solo.onset[len(given) :].tolist():
            weight = drawing.log_probs() + np.where(self.usable, 0.0, -np.inf)
            if walk is not None:
                while walk.n_taken < onset:
                    walk.take(int(np.argmax(walk.ahead()[:2])))
                ahead = walk.ahead()[2:]
                weight[self.usable] += ahead - ahead[ahead > -np.inf].max(initial=0.0)
            if onset == solo.onset[-1]:
                weight = weight + HOME * self._tones[onset // STEPS, self._classes]
            weight[copies.refused(self.pitches, onset) + self.pitches[0] - low] = -np.inf
            chosen = self._choose(weight, rng)
            drawing.put(chosen + low)
            copies.put(chosen + low, onset)
            if walk is not None:
                walk.take(chosen + low - int(self.pitches[0]) + 2)
        return replace(solo, pitch=np.array(drawing.symbols))

    def _new(self, solo: Solo) -> Solo:
        """Return what was not given of a solo."""
        n = 0 if self.given is None else len(self.given.onset)
        return replace(solo, onset=solo.onset[n:], length=solo.length[n:], pitch=solo.pitch[n:])

    def _choose(self, log_weight: Floats, rng: Generator) -> int:
        """Draw an index at the task's temperature."""
        top = log_weight.max()
        if top == -np.inf:
            raise SamplingError("every next note is forbidden")
        total = np.cumsum(np.exp((log_weight - top) / self.task.manner.temperature))
        drawn = total.searchsorted(rng.random() * total[-1], side="right")
        return min(int(drawn), int(total.searchsorted(total[-1])))

    def notes(self, solo: Solo) -> NDArray[np.void]:
        """Return a solo's notes as a table of a score."""
        step = self.task.beat // STEPS
        rows = zip(solo.onset * step, solo.length * step, solo.pitch, strict=True)
        return part_rows(self.task.page, [(int(o), int(d), int(p)) for o, d, p in rows], VELOCITY)

    def score(self, solo: Solo) -> Score:
        """Return the page with a solo's notes."""
        return self.task.page.replace(notes=self.notes(solo))


class CopyWatch:
    """Follows a line through the corpus, and tells which next notes would copy too much.

    Parameters
    ----------
    corpus : Repertoire
    n : int
        Longest run of notes that may be copied.
    """

    def __init__(self, corpus: Repertoire, n: int) -> None:
        self.corpus, self.tree = corpus, corpus.tree(n)
        self.node = np.zeros(1, np.int64)
        self.last: tuple[int, int] | None = None

    def _after(self, pitches: Ints, onset: int) -> Ints:
        """Return where the tree is left by each of some next pitches."""
        if self.last is None:
            return np.zeros(len(pitches), np.int64)
        moves = np.stack(
            [pitches - self.last[0], np.full(len(pitches), onset - self.last[1])], axis=1
        )
        nodes = np.repeat(self.node, len(pitches))
        return self.tree.step(nodes, self.corpus.codes(moves))

    def refused(self, pitches: Ints, onset: int) -> Ints:
        """Return the indices of the pitches that would end a copy of n + 1 notes."""
        if self.node[0] < self.tree.level[-3]:  # The run before is too short.
            return np.zeros(0, np.int64)
        return np.flatnonzero(self._after(pitches, onset) >= self.tree.level[-2])

    def put(self, pitch: int, onset: int) -> None:
        """Go on with a note."""
        self.node = self._after(np.array([pitch]), onset)
        self.last = pitch, onset
