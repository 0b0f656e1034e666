"""How a tune is written: a plan of its form, then its bars, ornaments and endings.

1. A plan is drawn: for each bar how it repeats an earlier one, or its texture.
2. Bars that are new are drawn in order. Each is drawn from the exact law of the whole tune
   given all that stands already, and what repeats it is then given too: so a bar before one
   that comes back leads into it.
3. Where more than `max_copy` notes in a row stand in the corpus, the last of them is forbidden
   there and the tune drawn anew from the beginning of its bar.
4. First endings are drawn between the bar before them and the beginning that they lead to.

What a user asks for always holds; the form, the upbeats and the tonic at the end are given up
where they contradict it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.folk.form import RELATIONS, copies, places, split_at, spots
from stats_composer.composers.folk.ornaments import draw_turns
from stats_composer.composers.folk.page import (
    Bar,
    blank_tune,
    notes_table,
    written_bars,
    written_notes,
)
from stats_composer.composers.folk.plan import TuneTask, draw_plan
from stats_composer.composers.folk.style import CODES, is_high
from stats_composer.composers.folk.tune import code_pitch
from stats_composer.constraints import MaxCopy, check_feasible
from stats_composer.encoding import Alphabet, GridFrame
from stats_composer.errors import SamplingError
from stats_composer.factors import Automaton, Factors, phased
from stats_composer.factors.breath import breathe
from stats_composer.ngrams import Repertoire
from stats_composer.sampling.chain import Chain
from stats_composer.sampling.redrawing import Redrawing
from stats_composer.score import Score, played
from stats_composer.theory import MINOR, MODES
from stats_composer.views import HOLD as HOLD_ENTRY
from stats_composer.views import REST

__all__ = ["TuneWriter"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

WEIGHTS = {"mode": 1.0, "height": 0.5, "cluster": 0.7, "place": 0.7}
# Nats against a pitch that is rare in the style's mode or outside its compass, where a user's
# wishes may ask for it.
STRANGE = -6.0
COMPASS = (55, 88)
# Without wishes a step is only what was seen after this many before it.
SUPPORT = 2
ATTEMPTS, REDRAWS = 8, 200


class TuneWriter:
    """Writes tunes for one task.

    Parameters
    ----------
    task : TuneTask
    corpus : Repertoire
        What must not be copied.
    known : dict, optional
        Chains of former tasks without constraints, to be used again.
    """

    def __init__(
        self,
        task: TuneTask,
        corpus: Repertoire,
        known: dict[tuple[object, ...], Chain] | None = None,
    ) -> None:
        self.task, self.corpus = task, corpus
        asked = [wish.n for wish in task.constraints if isinstance(wish, MaxCopy) and wish.hard]
        self.max_copy = min([task.max_copy, *asked])
        self.known = {} if known is None else known
        style = task.style
        self.n_steps = task.pickup + task.n_bars * style.kind.n_steps
        pitch = style.pitches(task.key[1], task.height)
        self.pitch = np.where((pitch >= COMPASS[0]) & (pitch <= COMPASS[1]), pitch, -1)
        self.place = places(task.lengths)
        self.spot = spots(task.lengths)
        mode = _mode_index(task.key[1])
        self.usual = style.known_[mode] & ((self.pitch >= 0) | (np.arange(len(pitch)) == 0))
        self.wished = bool(task.constraints) or bool(len(task.given))
        self.usable = style.known_.any(axis=0)
        if self.wished:
            self.usable = self.usual | (self.pitch >= 0)
        self.page = blank_tune(
            style.kind,
            task.key,
            task.pickup,
            [Bar(np.zeros(0, np.int64))] * task.n_bars,
            task.tempo,
        )
        self.hard = self._compile()
        self.chain = self._chain()

    # ---- what holds ---------------------------------------------------------------------

    def _compile(self) -> Factors:
        """Compile what the user asks over HOLD, a rest that never comes, and the pitches."""
        pitches = self.pitch[self.usable][1:]
        alphabet = Alphabet(np.array([HOLD_ENTRY, REST, *pitches]), "melody")
        tonic, mode = self.task.key
        key = tonic, MINOR if mode in ("minor", "dorian") else 0
        frame = GridFrame(self.page, self.task.style.kind.step, (alphabet,), 1, 0, key)
        unary = np.zeros((self.n_steps, 1, len(alphabet)))
        unary[:, 0, 1] = -np.inf
        unary[0, 0, 0] = -np.inf
        index = np.cumsum(self.usable)
        index[0] = 0
        for step, symbol in enumerate(self.task.given[: self.n_steps].tolist()):
            if symbol >= 0:
                unary[step] = -np.inf
                unary[step, 0, index[symbol]] = 0.0
        base = Factors(unary)
        if not self.task.constraints:
            return base
        return check_feasible(self.task.constraints, frame, base)

    def _chain(self) -> Chain:
        """Return the law of the notes under what the user asks."""
        style, task = self.task.style, self.task
        key = style.kind.name, self.n_steps, task.pickup % style.cycle
        if not self.wished and key in self.known:
            return self.known[key]
        phase = (np.arange(self.n_steps) - task.pickup) % style.cycle
        allowed = np.zeros((self.n_steps, style.cycle, style.n_codes), bool)
        allowed[np.arange(self.n_steps), phase] = self.usable
        automaton = style.notes_.automaton(
            self.n_steps,
            allowed.reshape(self.n_steps, -1),
            support=None if self.wished else SUPPORT,
        )
        notes = phased(automaton, style.n_codes, phase)
        unary = np.full((self.n_steps, style.n_codes), -np.inf)
        unary[:, self.usable] = np.delete(self.hard.unary[:, 0], 1, axis=1)
        code = np.flatnonzero(self.usable)
        wishes = [_spread(wish, code) for wish in self.hard.automata.get(0, ())]
        chain = Chain(unary, [notes, *wishes])
        if not self.wished:
            self.known[key] = chain
        return chain

    # ---- what a style leans to -------------------------------------------------------------

    def leanings(self, cluster: Ints) -> Floats:
        """Return the log-weights of the facets of each bar.

        Parameters
        ----------
        cluster : ndarray of shape (n_bars,), int64
            Of each bar, negative where that is left open.

        Returns
        -------
        ndarray of shape (n_steps, n_codes)
            -inf for rarities of the mode and for bars that do not start with a note.
        """
        task, style, kind = self.task, self.task.style, self.task.style.kind
        mode = _mode_index(task.key[1])
        step = (np.arange(self.n_steps) - task.pickup) % kind.n_steps
        weight: Floats = WEIGHTS["mode"] * style.facets_["mode"][mode][step]
        weight += WEIGHTS["height"] * style.facets_["height"][is_high(task.height)]
        weight += np.where(self.usual, 0.0, STRANGE if self.wished else -np.inf)
        for bar, label in enumerate(cluster.tolist()):
            span = task.span(bar)
            weight[span] += WEIGHTS["place"] * style.facets_["place"][self.spot[bar]]
            if label >= 0:
                weight[span] += WEIGHTS["cluster"] * style.facets_["cluster"][label]
            weight[span.start, 0] = -np.inf
        return weight

    def _wishes_of_style(self, tokens: Ints, rng: np.random.Generator) -> Floats:
        """Return log-weights of the style: facets of each bar, and how a tune ends.

        Tokens of -1 leave open what a bar is.
        """
        task, style = self.task, self.task.style
        weight = self.leanings(tokens - len(RELATIONS))
        weight[min(len(task.given), self.n_steps - 1), 0] = -np.inf
        final = int(rng.choice(style.finals_[style.finals_ < style.kind.n_steps]))
        for bar in self._ends(tokens):
            span = task.span(bar)
            weight[span.start + final, CODES % 14 != 0] = -np.inf
            weight[span.start + final + 1 : span.stop, 1:] = -np.inf
        return weight

    def _ends(self, tokens: Ints) -> list[int]:
        """Return the last bar, and those that it repeats as a whole: they must end as it does."""
        ends = [self.task.n_bars - 1]
        while 0 <= (token := int(tokens[ends[-1]])) < len(RELATIONS) and RELATIONS[token].whole:
            ends.append(copies(self.place, ends[-1], RELATIONS[token]))
        return [bar for bar in ends if self.task.span(bar).start >= len(self.task.given)] or ends[
            :1
        ]

    # ---- the notes ----------------------------------------------------------------------

    def write(self, rng: np.random.Generator) -> Score:
        """Write a tune.

        Raises
        ------
        SamplingError
            If nothing was found that copies no more than it may.
        """
        spare = None
        for _ in range(ATTEMPTS):
            try:
                line = self._line(draw_plan(self.task, self.known, rng), rng)
            except SamplingError:  # A plan that leads nowhere.
                continue
            score = None if line is None else self._finish(line, rng)
            if line is None or score is None:
                continue
            if self.wished or CODES[line[line > 0][-1]] % 14 == 0:
                return score
            spare = score  # What would copy too much left it no end on the tonic.
        if spare is not None:
            return spare
        raise SamplingError(
            f"no tune found in {ATTEMPTS} attempts that keeps the constraints and copies no more "
            f"than {self.max_copy} notes in a row"
        )

    def _line(self, tokens: Ints, rng: np.random.Generator) -> Ints | None:
        """Draw the symbols of all steps, or None where every draw copied too much."""
        style = self._wishes_of_style(tokens, rng)
        task = self.task
        line = np.zeros(0, np.int64)
        redrawing = Redrawing(self.chain)
        for _ in range(REDRAWS):
            line = self._draw(tokens, style, line, redrawing, rng)
            step = self._copy_to_break(line)
            if step < 0:
                return line
            style[step, line[step]] = -np.inf
            bar = max(0, (step - task.pickup) // task.style.kind.n_steps)
            line = line[: task.span(bar).start if bar else 0]
        return None

    def _copy_to_break(self, line: Ints) -> int:
        """Return the step of a note without which the first too long a copy is none, or -1."""
        step = self._too_long_copy(line, len(self.task.given))
        bounds = self.task.pickup + self.task.style.kind.n_steps * np.cumsum(self.task.lengths)
        for first, stop in zip(np.r_[self.task.pickup, bounds], bounds, strict=False):
            if step < 0 and self.task.repeats and stop <= len(line):
                part = line[first:stop]
                if self._too_long_copy(np.concatenate([part, part])) >= 0:
                    step = int(first + np.flatnonzero(part)[-1])
        return step

    def _too_long_copy(self, line: Ints, given: int = 0) -> int:
        """Return the step of the first note that ends too long a copy, or -1.

        Runs that lie in the first `given` steps do not count.
        """
        at = np.flatnonzero(line > 0)
        at = at[max(0, int((at < given).sum()) - self.max_copy) :]
        ticks = at * self.task.style.kind.step
        note = self.corpus.first_copy(self.max_copy, self.pitch[line[at]], ticks)
        return -1 if note < 0 else int(at[note])

    def _draw(
        self,
        tokens: Ints,
        style: Floats,
        before: Ints,
        redrawing: Redrawing,
        rng: np.random.Generator,
    ) -> Ints:
        """Draw a line that begins with the bars that stand before; too long a copy ends it."""
        task = self.task
        half = split_at(task.style.kind)
        fixed = np.full(self.n_steps, -1)
        fixed[: len(before)] = before
        bars = [
            (copies(self.place, bar, RELATIONS[t]), bar, n)
            for n in (None, half)
            for bar, t in enumerate(tokens.tolist())
            if t < len(RELATIONS) and (n or RELATIONS[t].whole)
        ]
        ties = [
            (source, copy, task.span(source, n), task.span(copy, n)) for source, copy, n in bars
        ]
        path: Ints | None = None
        for bar in range(task.n_bars):
            span = task.span(bar)
            breathe()
            if path is None:
                path, kept = self._path(style, fixed, span.start, redrawing, rng)
                ties = ties if kept else [tie for tie in ties if tie[0] >= bar]
                fixed[span.start :] = np.where(kept, fixed[span.start :], -1)
            fixed[: span.stop] = path[: span.stop]
            if self._too_long_copy(fixed[: span.stop], max(span.start, len(task.given))) >= 0:
                return fixed[: span.stop]
            ties = [tie for tie in ties if tie[1] > bar]
            for _, _, source, there in ties:
                here = fixed[source]
                if here[0] < 0 or (here < 0).any() or (fixed[there] >= 0).all():
                    continue
                if (style[np.arange(there.start, there.stop), here] > -np.inf).all():
                    fixed[there], path = here, None
        return fixed

    def _path(
        self,
        style: Floats,
        fixed: Ints,
        start: int,
        redrawing: Redrawing,
        rng: np.random.Generator,
    ) -> tuple[Ints, bool]:
        """Draw a path through what is fixed, and say whether what is ahead could be kept.

        First what is fixed from `start` on gives way, then what the style forbids.
        """
        behind = fixed.copy()
        behind[start:] = -1
        begun = start if (fixed[:start] >= 0).all() else 0
        for wishes, pins in ((style, fixed), (style, behind), (_soft(style), behind)):
            unary = self.chain.unary + wishes
            rows = np.flatnonzero(pins >= 0)
            kept = self.chain.unary[rows, pins[rows]]
            unary[rows] = -np.inf
            unary[rows, pins[rows]] = kept
            rest = redrawing.draw(unary, fixed[:begun], random_state=rng)
            if rest is not None:
                return np.concatenate([fixed[:begun], rest]), pins is fixed
        raise SamplingError("no path through what is fixed")

    # ---- the page -----------------------------------------------------------------------

    def _finish(self, line: Ints, rng: np.random.Generator) -> Score | None:
        """Put a line on its page; ornaments and lilt only where the constraints allow them."""
        task, kind = self.task, self.task.style.kind
        bars = line[task.pickup :].reshape(task.n_bars, kind.n_steps)
        bounds = np.cumsum(task.lengths)[:-1]
        parts = [CODES[part] for part in np.split(bars, bounds)]
        endings: list[Ints | None] = [None] * len(parts)
        if task.repeats and not self.wished:
            endings = [self._ending(line, part, rng) for part in range(len(parts))]
        written = written_bars(parts, endings) if task.repeats else [Bar(b) for b in CODES[bars]]
        page = blank_tune(kind, task.key, task.pickup, written, task.tempo)
        codes = np.concatenate([CODES[line[: task.pickup]], *(bar.codes for bar in written)])
        turns = draw_turns(task, codes, self._fits, rng)
        if not self._break_copies(codes, turns, page):
            return None
        even = kind._replace(swung=False)
        for dance, ornaments in ((kind, turns), (kind, ()), (even, ())):
            rows = written_notes(dance, codes, task.pickup, ornaments, self._pitch_of)
            score = page.replace(notes=notes_table(rows, page))
            if not any(constraint.violations(score) for constraint in task.constraints):
                return score
        return None

    def _break_copies(self, codes: Ints, turns: list[Ints], page: Score) -> bool:
        """Leave out the ornaments of too long copies, and say whether that leaves none."""
        task, kind = self.task, self.task.style.kind._replace(swung=False)
        while True:
            rows = written_notes(kind, codes, task.pickup, turns, self._pitch_of)
            notes = np.array(rows, np.int64)
            index, clock = played(page.replace(notes=notes_table(rows, page)))
            given = int((notes[index, 0] < len(task.given) * kind.step).sum())
            index, clock = (x[max(0, given - self.max_copy) :] for x in (index, clock))
            last = self.corpus.first_copy(self.max_copy, notes[index, 2], clock)
            if last < 0:
                return True
            steps = np.unique(notes[index[last - self.max_copy : last + 1], 0] // kind.step)
            around = np.union1d(np.maximum(steps - 1, 0), steps).tolist()
            ornate = [step for step in around if len(turns[step])]
            if not ornate:
                return False
            for step in ornate:
                turns[step] = codes[:0]

    def _pitch_of(self, code: int) -> int:
        return code_pitch(code, self.task.key[1], self.task.height)

    def _fits(self, codes: Ints) -> bool:
        inside = (codes >= CODES[1]) & (codes <= CODES[-1])
        return bool(inside.all() and self.usual[codes - CODES[1] + 1].all())

    def _ending(self, line: Ints, part: int, rng: np.random.Generator) -> Ints | None:
        """Draw the last bar of a part as played the first time, or None for the same."""
        task, kind = self.task, self.task.style.kind
        has_upbeat = task.pickup > 0
        if rng.random() >= task.style.second_[int(has_upbeat)]:
            return None
        first = sum(task.lengths[:part])
        last = first + task.lengths[part] - 1
        slot = last if last + 1 < task.n_bars else task.lengths[0] - 1
        if slot + 1 >= task.n_bars or slot < 1 or last < 1:
            return None
        fixed = np.full(self.n_steps, -1)
        fixed[task.span(slot - 1)] = line[task.span(last - 1)]
        fixed[task.span(slot, split_at(kind))] = line[task.span(last, split_at(kind))]
        fixed[task.span(slot + 1)] = line[task.span(first)]
        tokens = np.full(task.n_bars, -1)
        path, kept = self._path(
            self._wishes_of_style(tokens, rng), fixed, 0, Redrawing(self.chain), rng
        )
        if not kept:
            return None
        ending = path[task.span(slot)]
        before = line[task.span(first).start : task.span(last).start]
        run = np.concatenate([before, ending, before])
        same = (ending == line[task.span(last)]).all() or ending[0] == 0
        if same or self._too_long_copy(run) >= 0:
            return None
        return CODES[ending]


def _mode_index(mode: str) -> int:
    return list(MODES).index(mode)


def _soft(style: Floats) -> Floats:
    """Make what a style forbids unlikely only."""
    return np.maximum(style, 4 * STRANGE)


def _spread(automaton: Automaton, code: Ints) -> Automaton:
    """Give an automaton over HOLD, rest and pitches the symbols of codes."""
    kept = automaton.symbol != 1
    return replace(
        automaton,
        first=np.r_[0, np.cumsum(kept)][automaton.first],
        symbol=np.r_[code[0], -1, code[1:]][automaton.symbol[kept]],
        target=automaton.target[kept],
        log_weight=automaton.log_weight[kept],
    )
