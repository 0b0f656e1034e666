"""Figures between the steps of a chorale: what may stand there, and what is told of it besides.

The model of the notes between the steps is learned on the corpus' own lines at the steps. Two
things it cannot know: that nearly all dotted eighths stand in a few pieces, so that a mean rate
in each is wrong in all; and that a third by which a dissonance is left seldom stays open. The
corpus leaps so where it fills the leap, three times of four; of what is drawn for other reasons
the model alone filled one of three.

Conventions
-----------
Rows are four a beat; between the steps are those of odd number.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.chorale.models import dissonant
from stats_composer.encoding import GridFrame

__all__ = ["FIGURES", "Figures", "between_steps"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

# Semitones from a note between to its neighbours: to the nearer one, and to the other.
NEAR, NEXT_NEAR = 2, 4
STEPS, THIRDS = (1, 2), (3, 4)
# Share of pieces that have dotted eighths; log-weights of one in them, and in the others.
DOTTED_PIECES, DOTTED, UNDOTTED = 0.29, -0.7, -7.0
FILLED = 6.0


class Figures(NamedTuple):
    """Log-weights of figures between the steps, by default those that a model is learned with.

    Attributes
    ----------
    dotted : float
        Of a last sixteenth after a dotted eighth.
    filled : float
        Of a note that fills the third by which a dissonance off the beat is left, come to by
        step.
    """

    dotted: float = -2.0
    filled: float = 0.0

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Self:
        """Draw those of a piece."""
        return cls(DOTTED if rng.random() < DOTTED_PIECES else UNDOTTED, FILLED)


FIGURES = Figures()


def between_steps(frame: GridFrame, lines: Ints, free: Bools, figures: Figures) -> Floats:
    """Forbid notes between the steps that leap, and weigh figures.

    Parameters
    ----------
    frame : GridFrame
    lines : ndarray of shape (n_rows, n_voices), int64
        Symbols; at the steps they stand.
    free : ndarray of shape (n_rows, n_lines), bool
        Where notes may stand between them.
    figures : Figures

    Returns
    -------
    ndarray of shape (n_rows, n_voices, n_symbols), float64
        Unary log-weights.
    """
    unary = np.zeros((frame.n_steps, len(frame.alphabets), int(frame.n_symbols.max())))
    alphabets = frame.alphabets[: frame.n_lines]
    pitch = np.stack([a.entries[lines[:, v]] for v, a in enumerate(alphabets)], axis=1)
    clash = dissonant(pitch)
    for v, alphabet in enumerate(alphabets):
        rows, line = np.flatnonzero(free[:, v]), pitch[:, v]
        weight = _weights(alphabet.entries, line, clash[:, v], rows, figures)
        unary[rows, v, : len(alphabet.entries)] = weight
    return unary


def _weights(entries: Ints, line: Ints, clash: Bools, rows: Ints, figures: Figures) -> Floats:
    """Weigh the pitches of a line at some rows: (n_rows, n_entries)."""
    earlier, before = line[np.maximum(rows - 3, 0)], line[rows - 1]
    after = line[np.minimum(rows + 1, len(line) - 1)]
    one, other = (np.abs(entries - p[:, None]) for p in (before, after))
    fits = (np.minimum(one, other) <= NEAR) & (np.maximum(one, other) <= NEXT_NEAR)
    stays, is_last = one == 0, rows % 4 == 3
    weight = np.where(fits | stays, 0.0, -np.inf)
    weight += np.where((is_last & (before == earlier))[:, None] & ~stays, figures.dotted, 0.0)
    third = np.isin(np.abs(after - before), THIRDS) & np.isin(np.abs(before - earlier), STEPS)
    fills = (is_last & third & clash[rows - 1])[:, None] & ~stays & (other > 0)
    filled: Floats = weight + np.where(fills, figures.filled, 0.0)
    return filled
