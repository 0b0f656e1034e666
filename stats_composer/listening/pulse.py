"""Beats that follow each other at about a period: a chain over periods and phases.

Time is cut into frames of `FRAME` seconds. A frame is a beat or none; between two beats lie about
as many frames as the period says, one more or less at a price, and from beat to beat the period
may move by one frame. What is heard in a frame weighs for a beat or against it.

References
----------
N. Whiteley, A. T. Cemgil, S. Godsill, "Bayesian modelling of temporal structure in musical audio",
ISMIR 2006: periods and phases as the states of one chain. F. Krebs, S. Boeck, G. Widmer, "An
efficient state-space model for joint tempo and meter tracking", ISMIR 2015: tempo changes at beats.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.factors import Automaton
from stats_composer.listening.onsets import FRAME
from stats_composer.sampling.chain import Chain

__all__ = ["PERIODS", "follow", "toward"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PERIODS = np.arange(12, 49)
"""Frames from beat to beat."""
JITTER = (np.log(0.15), np.log(0.7), np.log(0.15))
DRIFT = np.log(0.02)
TOLD = 4.5
NEAR = 0.06
"""Nats at each beat for a period that is told, and how near it is to be."""
LONGEST = 12_000


def toward(periods: Ints, period: float) -> Floats:
    """Return what speaks at each beat for `periods` that are near to one of so many seconds."""
    near: Floats = TOLD * (np.abs(np.log(periods * FRAME / period)) < NEAR)
    return near


def follow(weight: Floats, periods: Ints, prior: Floats) -> Floats:
    """Find the most probable beats.

    Parameters
    ----------
    weight : ndarray of shape (n_frames,)
        Log-odds of a beat.
    periods : ndarray of shape (n_periods,), int64, successive
        Frames.
    prior : ndarray of shape (n_periods,)
        Log-weight of each period at each beat.

    Returns
    -------
    ndarray of shape (n_beats,), seconds

    Examples
    --------
    >>> heard = np.where(np.arange(100) % 20 == 5, 3.0, -3.0)
    >>> follow(heard, np.arange(15, 25), np.zeros(10)).round(3).tolist()
    [0.125, 0.625, 1.125, 1.625, 2.125]
    """
    target, law = _law(periods, prior)
    found = []
    for start in range(0, len(weight), LONGEST):
        part = weight[start : start + LONGEST]
        unary = np.zeros((len(part), law.shape[1]))
        unary[:, 1:] = part[:, None]
        automaton = Automaton.from_table(
            target[None], np.zeros(len(part), np.int64), log_weight=law[None],
            initial=len(target) - 1,
        )  # fmt: skip
        found.append(start + np.flatnonzero(Chain(unary, [automaton]).best()))
    times: Floats = FRAME * np.concatenate(found).astype(np.float64)
    return times


def _law(periods: Ints, prior: Floats) -> tuple[Ints, Floats]:
    """Return the table of the chain: targets and log-weights by state and symbol.

    Symbols: no beat; a beat, the period staying, growing, falling; a first beat of each period.
    """
    first = np.cumsum(periods + 1) - (periods + 1)
    n = int((periods + 1).sum())
    target = np.full((n + 1, 4 + len(periods)), -1)
    weight = np.zeros(target.shape)
    for i, period in enumerate(periods.tolist()):
        phase = first[i] + np.arange(period + 1)
        target[phase[:-1], 0] = phase[1:]
        for j, at in enumerate((period - 2, period - 1, period)):
            for symbol, other in ((1, i), (2, i + 1), (3, i - 1)):
                if 0 <= other < len(periods):
                    target[phase[at], symbol] = first[other]
                    drift = DRIFT if symbol > 1 else 0.0
                    weight[phase[at], symbol] = JITTER[j] + drift + prior[other]
    target[n, 0], target[n, 4:] = n, first
    weight[n, 4:] = prior
    weight[n, 0] = -0.01
    return target, weight
