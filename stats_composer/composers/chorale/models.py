"""The models of a chorale, each a maximum-entropy model over the same kind of grid.

* `skeleton`: the four lines at two steps a beat, with all terms.
* `charted`: the same given a chart of chords, the context of composers/chorale/chord_voice.py.
* `passing`: what lies between: the lines at four steps a beat, every other row given.
* `striking`: which notes that do not move are struck again: one binary line a voice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stats_composer.encoding import GridEncoder
from stats_composer.models.maxent import (
    BeatParallels,
    ContrastiveDivergence,
    CrossRelation,
    Field,
    GatedProgression,
    Matching,
    MaxEnt,
    Melody,
    Motion,
    Onset,
    Pair,
    PairDifference,
    PairResidue,
    ParallelMotion,
    Passage,
    Progression,
    Resolution,
    Rhythm,
    ShiftedField,
    Sonority,
    StochasticGradient,
    Term,
)

__all__ = [
    "MATCHED",
    "PASSAGES",
    "balanced_terms",
    "charted_model",
    "dissonant",
    "passing_model",
    "skeleton_model",
    "skeleton_terms",
    "striking_grid",
    "striking_model",
]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DISSONANT, FOURTH = (1, 2, 6, 10, 11), 5  # semitones; the fourth over the lowest line
SOLVER = StochasticGradient(learning_rate=0.1, n_epochs=8)
# Pseudo-likelihood leaves chains that freeze after some hundred sweeps, and short chains from
# the pieces do not see it. So chains that grow 5,000 sweeps old follow, many and on windows, half
# of them under a soprano and from noise: harmonizing starts there.
# Kinds of sonorities, and of how many lines at most: their tables grow twelvefold with each.
SONORITIES = {"relative": 5, "set": 6, "full": 4}
MANY = 100  # pieces from which on the whole of it pays
FINISH = (
    ContrastiveDivergence(n_sweeps=10, n_steps=50),
    ContrastiveDivergence(
        n_sweeps=20,
        n_steps=250,
        n_chains=112,
        window=64,
        learning_rate=0.08,
        clamped=0.5,
        scrambled=1.0,
        burn_in=5,
        restart=0.003,
        epsilon=3e-3,
        average=0.5,
    ),
)
# How what lies between the lines' steps is matched, and which terms of it.
PASSAGES = Matching(n_steps=30, n_sweeps=2, rate=0.3, run_share=0.0)
MATCHED = (Melody, Onset, Passage, Rhythm)


def finish_for(n_pieces: int) -> tuple[ContrastiveDivergence, ...]:
    """Return the stages that end a fit: few pieces have little to tell, and fewer steps and chains.

    Examples
    --------
    >>> [(stage.n_steps, stage.n_chains) for stage in finish_for(10)]
    [(10, 10), (50, 22)]
    """
    share = min(1.0, max(n_pieces / MANY, 0.2))
    return tuple(
        replace(
            stage,
            n_steps=round(share * stage.n_steps),
            n_chains=min(stage.n_chains, max(n_pieces, round(share * stage.n_chains))),
        )
        for stage in FINISH
    )


def _shared(encoder: GridEncoder) -> dict[str, object]:
    """Parameters that the models of pitched lines share."""
    voices = encoder.alphabets_[: encoder.n_lines + len(encoder.contexts)]
    return {
        "n_lines": encoder.n_lines,
        "labels": encoder.labels,
        "n_symbols": [len(alphabet) for alphabet in voices],
        "gate": encoder.column("half"),
        "sonority_context": encoder.column("cadence"),
        "place": encoder.column("place"),
    }


def skeleton_terms(
    column: Callable[[str], int],
    *,
    n_contexts: int = 6,
    l2: float = 1e-4,
    n_lines: int = 4,
) -> list[Term]:
    """List the terms of the lines at two steps a beat.

    Parameters
    ----------
    column : callable
        Column of a context voice by its name.
    n_contexts : int
        Values of the context voice `cadence`.
    l2 : float
    n_lines : int
    """
    kinds = [kind for kind, most in SONORITIES.items() if n_lines <= most]
    return [
        Field(l2),
        *(Field(l2, column(name)) for name in ("half", "place", "end", "cadence")),
        ShiftedField(l2, column("shift")),
        Pair(l2),
        PairDifference(l2),
        Motion(l2),
        Motion(l2, fine=True),
        ParallelMotion(l2),
        *(Sonority(l2, kind, n_contexts) for kind in kinds),
        Progression(l2),
        Melody(l2),
        Onset(l2),
        Rhythm(l2),
    ]


def balanced_terms() -> list[Term]:
    """List the further terms of the same lines, which are balanced and not fitted."""
    return [
        BeatParallels(),
        Passage(tied=True),
        PairResidue(),
        GatedProgression(),
        CrossRelation(),
        Resolution(),
    ]


def skeleton_model(
    encoder: GridEncoder,
    *,
    finish: Sequence[ContrastiveDivergence] = FINISH,
    l2: float = 1e-4,
    random_state: int | None = None,
) -> MaxEnt:
    """Build the model of the lines at two steps a beat."""
    return MaxEnt(
        skeleton_terms(encoder.column, l2=l2, n_lines=encoder.n_lines),
        **_shared(encoder),  # type: ignore[arg-type]
        solver=SOLVER,
        finish=tuple(finish),
        random_state=random_state,
    )


def charted_model(
    encoder: GridEncoder, chords: Field, *, l2: float = 1e-4, random_state: int | None = None
) -> MaxEnt:
    """Build the model of the same lines given their chords, which keep it from growing old."""
    return MaxEnt(
        [*skeleton_terms(encoder.column, l2=l2, n_lines=encoder.n_lines), chords],
        **_shared(encoder),  # type: ignore[arg-type]
        solver=SOLVER,
        finish=FINISH[:1],
        random_state=random_state,
    )


def passing_model(
    encoder: GridEncoder, *, l2: float = 1e-4, random_state: int | None = None
) -> MaxEnt:
    """Build the model of every other row at four steps a beat, the rows between them given."""
    column = encoder.column
    terms = [
        Field(l2),
        *(Field(l2, column(name)) for name in ("place", "end", "cadence")),
        Pair(l2, 2, 1),
        PairDifference(l2, 2, 1),
        Motion(l2),
        ParallelMotion(l2),
        Sonority(l2, "set", 6),
        Melody(l2),
        Onset(l2),
        Rhythm(l2),
        Passage(l2, tied=True),
    ]
    return MaxEnt(
        terms,
        **_shared(encoder),  # type: ignore[arg-type]
        given=column("given"),
        solver=StochasticGradient(learning_rate=0.1, n_epochs=5),
        random_state=random_state,
    )


def striking_model(
    encoder: GridEncoder, *, l2: float = 1e-4, random_state: int | None = None
) -> MaxEnt:
    """Build the model of the notes that are struck again though they do not move."""
    n_lines = encoder.n_lines
    place, end, half, clash, given = range(n_lines, n_lines + 5)
    columns = [encoder.column(name) for name in ("place", "end", "half")]
    n_places = len(encoder.alphabets_[encoder.column("place")])
    terms = [
        Field(l2),
        Field(l2, place),
        Field(l2, end),
        Field(l2, clash),
        Pair(l2, 8, 1),
        Sonority(l2, "full", n_places),
    ]
    return MaxEnt(
        terms,
        n_lines=n_lines,
        n_symbols=[2] * n_lines + [len(encoder.alphabets_[c]) for c in columns] + [2 << n_lines],
        gate=half,
        sonority_context=place,
        place=place,
        given=given,
        modulus=2,
        solver=StochasticGradient(learning_rate=0.2, n_epochs=8),
        random_state=random_state,
    )


def striking_grid(encoder: GridEncoder, symbols: Ints, onset: Bools) -> Ints:
    """Prepare the grid of `striking_model`: onsets, then its contexts.

    They are place, end, half, `_clashes` and what is given.

    Parameters
    ----------
    symbols : ndarray of shape (n_steps, n_voices), int64
        A grid of the encoder, at two steps a beat.
    onset : ndarray of shape (n_steps, n_lines), bool

    Returns
    -------
    ndarray of shape (n_steps, n_lines + 5), int64
        Given are the onsets where the pitch changes or rests.
    """
    lines = symbols[:, : encoder.n_lines]
    settled = np.ones(lines.shape, np.bool_)
    settled[1:] = lines[1:] != lines[:-1]
    settled |= np.take_along_axis(encoder.labels, lines.T, axis=1).T < 0
    bits = (settled << np.arange(encoder.n_lines)).sum(axis=1)
    contexts = [symbols[:, encoder.column(name)] for name in ("place", "end", "half")]
    pitch = np.take_along_axis(encoder.labels, lines.T, axis=1).T
    clash = 2 * _clashes(pitch, settled) + (contexts[-1] > 0)
    return np.column_stack([onset, *contexts, clash, bits]).astype(np.int64)


def _clashes(pitch: Ints, settled: Bools) -> Ints:
    """Mark the lines that stay on what a line that moves makes dissonant, a bit a line."""
    clash = _dissonances(pitch) & ~settled[:, :, None] & settled[:, None]
    lines = np.arange(pitch.shape[1])
    bits: Ints = (clash.any(axis=2) << lines).sum(axis=1).astype(np.int64)
    return bits


def dissonant(pitch: Ints) -> Bools:
    """Mark the notes that are dissonant against another line: (n_rows, n_lines).

    Parameters
    ----------
    pitch : ndarray of shape (n_rows, n_lines), int64
        Below 0 for rests; the lowest line is the last.

    Examples
    --------
    >>> dissonant(np.array([[62, 60, 52], [67, 60, 55]])).tolist()
    [[True, True, True], [False, True, True]]
    """
    found: Bools = np.logical_or.reduce(_dissonances(pitch), axis=2)
    return found


def _dissonances(pitch: Ints) -> Bools:
    """Tell which lines are dissonant with each other: (n_rows, n_lines, n_lines)."""
    interval = np.abs(pitch[:, :, None] - pitch[:, None]) % 12
    is_last = np.arange(pitch.shape[1]) == pitch.shape[1] - 1
    fourth = (interval == FOURTH) & (is_last[:, None] | is_last)
    clash = np.isin(interval, DISSONANT) | fourth
    there = (pitch >= 0)[:, :, None] & (pitch >= 0)[:, None]
    return np.asarray(clash & there, np.bool_)
