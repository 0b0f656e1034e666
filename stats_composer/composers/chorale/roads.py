"""The second road of a chorale: the lower voices drawn forwards, to the end or as a start.

The directed model draws them in one pass: within a row the bass first, then alto and tenor,
each given all before it and the soprano to its end. A *road* says what comes of the draft: it
is the setting, or Gibbs sampling starts from it, whose annealing then is short, or the directed
model stays beside the sampler as an expert. `python -m benchmarks.bench_directed` compares them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stats_composer.encoding import GridEncoder
from stats_composer.factors import Factors, find_grid
from stats_composer.models.directed import DirectedModel, Drawing

__all__ = ["ROADS", "Road", "draft", "drafting_model"]

Ints = NDArray[np.int64]

# Where a line goes is drawn more sharply than whether it goes: sharpened alike, it would rest.
DRAWING = Drawing(staying=1.0, moving=0.7, min_p=0.1)
# Nats for a drafted symbol where the search for a grid that keeps all constraints starts.
BONUS = 20.0


@dataclass(frozen=True)
class Road:
    """How the lines at two steps a beat are written.

    Attributes
    ----------
    drafted : bool
        Whether Gibbs sampling starts from a draft, else from noise.
    hot : float
        The temperature that annealing starts from.
    sweeps : (heating, level, cooling)
        Of the annealing.
    expert_weight : float
        Power of the directed model's law beside the model of the sampler. Voices with automata
        are left to the sampler alone.
    mending : int
        How often phrases with faults are drawn anew (composers/chorale/mending.py).
    plain : bool
        Whether all voices move with the melody (composers/chorale/plain.py).
    """

    drafted: bool = False
    hot: float = 2.0
    sweeps: tuple[int, int, int] = (60, 80, 60)
    expert_weight: float = 0.0
    mending: int = 0
    plain: bool = False


ROADS = {
    "gibbs": Road(),
    "mended": Road(mending=2),
    "directed": Road(drafted=True, sweeps=(0, 0, 0)),
    "both": Road(drafted=True, hot=1.0, sweeps=(0, 30, 30)),
    "plain": Road(plain=True),
}


def draft(
    model: DirectedModel, symbols: Ints, factors: Factors, rng: np.random.Generator
) -> Ints | None:
    """Draw the lower voices on a page whose soprano and context voices are filled in.

    Parameters
    ----------
    model : DirectedModel, fitted
    symbols : ndarray of shape (n_steps, n_voices), int64
    factors : Factors

    Returns
    -------
    ndarray of shape (n_steps, n_voices), int64, or None
        It breaks no hard factor: where automata or pairs of voices are constrained, it is a
        grid near the draft that keeps them. None where there is none.
    """
    drawn = model.sample(given=symbols, unary=factors.unary, drawing=DRAWING, random_state=rng)[0]
    if not factors.automata and not factors.pairwise:
        return drawn
    unary = factors.unary.copy()
    rows, voices = np.indices(drawn.shape)
    unary[rows, voices, drawn] += BONUS
    return find_grid(replace(factors, unary=unary), rng)


OWN = (
    "symbol: mode half | own@1 | own@2 run:own@1 | own@3 own@4",
    "symbol: mode half | own@1 | before:own@1 run:own@1",
    "symbol-own@1: half | own@1-own@2 run:own@1 | own@2-own@3",
    "symbol-own@1: half | own@1-own@2 run:own@1 | turn:own@1",
    "symbol-own@1: half | class:own@1 mode run:own@1",
    "symbol-own@1: half | place run:own@1",
    "symbol-own@1: half | end class:own@1",
    "class: mode half | end",
)
SEEN = {
    "B": ("S",),
    "A": ("S", "B"),
    "T": ("S", "B", "A"),
}


def _chains(own: str) -> tuple[str, ...]:
    """List what is predicted from what for one of the lower voices."""
    seen = SEEN[own]
    outer = seen[:2]
    now = " ".join(f"{w}@0" for w in seen)
    classes = " ".join(f"class:{w}@0" for w in seen)
    outer_classes = " ".join(f"class:{w}@0" for w in outer)
    moved = " ".join(f"moved:{w}@0" for w in seen)
    steps = " ".join(f"{w}@0-{w}@1" for w in seen)
    over = " ".join(f"{w}@0-own@1" for w in seen)
    before = "S@1-own@1 " + " ".join(f"{w}@1-own@1" for w in "ATB" if w != own)
    root = "B@0" if own != "B" else "S@0"
    above = " ".join(f"{w}@0-{root}" for w in seen if f"{w}@0" != root)
    above_before = " ".join(f"{w}@1-{root}" for w in "SATB")
    rows = "S@1 A@1 T@1 B@1"
    chains = [
        *OWN,
        f"symbol: mode half | S@0 mode | {now} | own@1 | own@2 half",
        f"symbol: mode half | {seen[-1]}@0 mode | {now}",
        "symbol: mode half | S@0 mode | S@1 own@1",
        f"symbol: mode half | own@1 | {rows} | S@0 half",
        f"symbol: {now} own@1 | {rows} | S@2 A@2 T@2 B@2",
        f"symbol: {now} own@1 half | S@1b A@1b T@1b B@1b",
        *(f"symbol: mode half | {w}@0 mode | {w}@1 own@1" for w in seen[1:]),
        f"class: mode half | {classes} | set@1 class:B@1",
        f"class: mode half | {classes} | class:own@1 mode",
        f"class: mode half | {classes} | set@1b class:B@1b half | set@2b class:B@2b",
        f"class: mode half | {classes} | end",
        f"class-{root}: set@0/{root} | {outer_classes}",
        f"class-{root}: set@0/{root} | set@1/{root}",
        f"class-{root}: set@0/{root} | set@1b/{root} half",
        f"symbol-own@1: half | {moved} run:own@1",
        f"symbol-own@1: half | {steps}",
        *(f"symbol-own@1: half | {w}@0-own@1 {w}@0-{w}@1" for w in seen),
        f"symbol-own@1: half | {over} | {steps}",
        f"symbol-own@1: half | {before} | {over} | {steps}",
        f"symbol-own@1: half | class:own@1 mode run:own@1 | {outer_classes} half"
        " | class:B@1b turn:own@1",
        f"symbol-{root}: {above} mode half" if above else f"symbol-{root}: class:S@0 mode half",
        f"symbol-{root}: {above} | {above_before}" if above else f"symbol-{root}: {above_before}",
        f"symbol-own@1: half | end {moved}",
        # What the soprano does next.
        "symbol: mode half | S@0 mode | S@-1 half",
        "symbol: mode half | S@0 mode | S@-1 half | S@-2",
        "symbol: mode half | S@0 mode | next:S@0 ahead:S@0 half | own@1 | S@1 B@1",
        f"class: mode half | {classes} | nextclass:S@0 ahead:S@0 half | class:own@1",
        f"class: mode half | {classes} | class:S@-1b set@1b class:B@1b half",
        f"symbol-own@1: half | {moved} run:own@1 | ahead:S@0 run:S@0 | end",
        f"symbol-own@1: half | place run:own@1 | {moved} ahead:S@0",
        "symbol-own@1: half | class:own@1 mode run:own@1 | class:S@0 nextclass:S@0 ahead:S@0",
    ]
    return tuple(chains)


def drafting_model(encoder: GridEncoder, **parameters: object) -> DirectedModel:
    """Build the directed model of the lower voices given the soprano, at two steps a beat."""
    names = ("half", "place", "end", "mode")
    return DirectedModel(
        {own: _chains(own) for own in SEEN},
        names=("S", "A", "T", "B"),
        labels=encoder.labels,
        n_symbols=[len(alphabet) for alphabet in encoder.alphabets_[: encoder.n_lines]],
        columns={name: encoder.column(name) for name in names},
        **parameters,  # type: ignore[arg-type]
    )
