"""What is asked of a tune, and the plan that is drawn for it: a token for each bar."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stats_composer.composers.folk.form import (
    N_PLACES,
    RELATIONS,
    bar_vectors,
    copies,
    places,
    relate,
)
from stats_composer.composers.folk.style import CODES, Style, is_high
from stats_composer.composers.folk.tune import PART_BARS
from stats_composer.constraints import Constraint
from stats_composer.factors import phased
from stats_composer.sampling.chain import Chain

__all__ = ["TuneTask", "draw_plan"]

Ints = NDArray[np.int64]

TOKENS_WEIGHT = 1.0
# A bar of a plan is only what was seen after this many before it.
SUPPORT = 1


@dataclass(frozen=True)
class TuneTask:
    """What is to be written.

    Attributes
    ----------
    style : Style
    key : (tonic fifths, mode of `tunes.MODES`)
    height : int
        MIDI pitch of code 0.
    lengths : list of int
        Bars of the parts.
    pickup : int
        Steps of the upbeat.
    tempo : float
    constraints : tuple of Constraint
    max_copy : int
        Longest run of notes that the corpus may have too.
    given : ndarray of shape (n_steps,), int64
        Symbols that are fixed, -1 where free; may be shorter than the tune.
    repeats : bool
        Whether parts are played twice.
    """

    style: Style
    key: tuple[int, str]
    height: int
    lengths: list[int]
    pickup: int
    tempo: float
    constraints: tuple[Constraint, ...] = ()
    max_copy: int = 12
    given: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    repeats: bool = True

    @property
    def n_bars(self) -> int:
        """Bars of all parts."""
        return sum(self.lengths)

    def span(self, bar: int, width: int | None = None) -> slice:
        """Return the steps of a bar, or of its beginning."""
        n = self.style.kind.n_steps
        first = self.pickup + bar * n
        return slice(first, first + (n if width is None else width))


def draw_plan(task: TuneTask, known: dict[tuple[object, ...], Chain], rng: Generator) -> Ints:
    """Draw a token for each bar.

    Parameters
    ----------
    task : TuneTask
    known : dict
        Laws of plans of former tasks, to be used again.
    rng : Generator

    Returns
    -------
    ndarray of shape (n_bars,), int64
        As of `form`.
    """
    style, place = task.style, places(task.lengths)
    weight = np.tile(TOKENS_WEIGHT * style.facets_["tokens"][is_high(task.height)], (len(place), 1))
    for bar in range(len(place)):
        for number, relation in enumerate(RELATIONS):
            if copies(place, bar, relation) < 0:
                weight[bar, number] = -np.inf
    fixed = _given_tokens(task, place)
    rows = np.flatnonzero(fixed >= 0)
    given = weight.copy()
    given[rows] = -np.inf
    given[rows, fixed[rows]] = 0.0
    key = style.kind.name, tuple(task.lengths)
    if key not in known:
        known[key] = _law(style, place, whole=all(n == PART_BARS for n in task.lengths))
    chain = known[key].under(given)
    if chain.log_normaliser == -np.inf:  # No tune of the style begins so.
        chain = known[key].under(weight)
    tokens: Ints = chain.sample(1, random_state=rng)[0]
    return tokens


def _law(style: Style, place: Ints, *, whole: bool) -> Chain:
    """Return the law of plans alone; only what was seen comes where all parts are whole."""
    allowed = np.zeros((len(place), N_PLACES, style.n_tokens), bool)
    allowed[np.arange(len(place)), place] = True
    automaton = style.plan_.automaton(
        len(place), allowed.reshape(len(place), -1), support=SUPPORT if whole else None
    )
    plans = phased(automaton, style.n_tokens, place)
    return Chain(np.zeros((len(place), style.n_tokens)), [plans])


def _given_tokens(task: TuneTask, place: Ints) -> Ints:
    """Return the tokens of bars that are given as a whole, else -1."""
    kind = task.style.kind
    whole = max(0, (len(task.given) - task.pickup) // kind.n_steps)
    tokens = np.full(task.n_bars, -1)
    if whole:
        end = task.pickup + whole * kind.n_steps
        bars = CODES[np.maximum(task.given[task.pickup : end], 0)].reshape(whole, -1)
        label = task.style.clusters_.predict(bar_vectors(bars, kind))
        found = relate(bars, place[:whole], kind)
        tokens[:whole] = np.where(found >= 0, found, len(RELATIONS) + label)
    return tokens
