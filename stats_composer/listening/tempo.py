"""How fast the beat is: a choice between tempos that are easily taken for each other.

Beats are sought at a half, two thirds, ..., twice a first period, and what is found is described:
how far its period is from usual ones, how much speaks for beats at them and between them, where in
the beat notes begin, how long notes are beside it, and how much every second, third or fourth beat
stands out, in loudness, bass, number and length of notes, and change of harmony. The choice is a
log-linear model's: of two tempos h and k the first is likelier by

    log P(h) / P(k) = w (f(h) - f(k)),

learned by logistic regression over all pairs of a right and a wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.listening.onsets import FRAME, Onsets, hear_bars
from stats_composer.listening.pulse import PERIODS, follow, toward
from stats_composer.listening.stored import logistic

__all__ = ["describe_pulse", "learn_choice", "rivals"]

Floats = NDArray[np.float64]

RATIOS = (1.0, 1 / 2, 2 / 3, 3 / 4, 4 / 3, 3 / 2, 2.0)
WIDE = 0.1
FEWEST = 9
BETWEEN = (1 / 2, 1 / 4, 3 / 4, 1 / 3, 2 / 3)
SLOTS = 12
CLOSE = 0.06
"""How near a period is to be to the right one, as a logarithm, to be right."""
LOW, HIGH = 52, 60
STANDING_OUT = [*range(5), *range(15, 18)]
"""Columns of `hear_bars`: what is struck at a beat, and how harmony changes."""
SHORTEST = 0.03


def rivals(weight: Floats, beats: Floats) -> list[Floats]:
    """Return beats, and others at the tempos that these are easily taken for.

    Parameters
    ----------
    weight : ndarray of shape (n_frames,)
        Log-odds of a beat.
    beats : ndarray of shape (n_beats,), seconds

    Returns
    -------
    list of ndarray of shape (n_beats,), seconds
        None of them where there are too few beats to tell.
    """
    if len(beats) < FEWEST:
        return []
    period = float(np.median(np.diff(beats)))
    found = []
    for ratio in RATIOS:
        wanted = ratio * period
        if PERIODS[0] <= wanted / FRAME <= PERIODS[-1]:
            low, high = (round(wanted * (1 + d) / FRAME) for d in (-WIDE, WIDE))
            periods = np.arange(low, high + 1)
            found.append(follow(weight, periods, toward(periods, wanted)))
    return [times for times in found if len(times) >= FEWEST]


def describe_pulse(onsets: Onsets, weight: Floats, beats: Floats, usual: Floats) -> Floats:
    """Describe beats that may be the right ones.

    Parameters
    ----------
    onsets : Onsets
    weight : ndarray of shape (n_frames,)
        Log-odds of a beat.
    beats : ndarray of shape (n_beats,), seconds
    usual : ndarray of shape (2,)
        Mean and standard deviation of the logarithm of periods in seconds.

    Returns
    -------
    ndarray of shape (n_features,)
    """
    steps = np.diff(beats)
    period = float(np.median(steps))
    far = (np.log(period) - usual[0]) / usual[1]
    heard = _at(weight, beats)
    mean = heard.mean()
    between = [_at(weight, beats[:-1] + share * steps).mean() for share in BETWEEN]
    place = np.interp(onsets.time, beats, np.arange(len(beats)), left=-1, right=-1)
    inside = place >= 0
    register = (onsets.pitch >= 0, onsets.pitch < LOW, onsets.pitch >= HIGH)
    profiles = [_profile(place[inside & those]) for those in register]
    length = np.log(np.maximum(onsets.length, SHORTEST) / period)
    lengths = np.array([length[those].mean() if those.any() else 0.0 for those in register])
    per_second = heard.sum() / (beats[-1] - beats[0])
    speed = [far, far**2, mean, per_second]
    uneven = [_uneven(heard), *profiles, _uneven(hear_bars(onsets, beats)[:, STANDING_OUT])]
    return np.concatenate([speed, between, *uneven, lengths, lengths**2])


def learn_choice(pieces: Sequence[tuple[Floats, Floats]], right: Floats) -> Floats:
    """Learn the weights of the module's docstring.

    Parameters
    ----------
    pieces : sequence of (ndarray of shape (n_rivals, n_features), ndarray of shape (n_rivals,))
        What `describe_pulse` tells of each rival, and seconds from beat to beat.
    right : ndarray of shape (n_pieces,)
        Logarithms of the right seconds; of a piece without a rival near them nothing is learned.
    """
    pairs = []
    for (rows, periods), period in zip(pieces, right, strict=True):
        off = np.abs(np.log(periods) - period)
        if off.min(initial=CLOSE) < CLOSE:
            best = int(off.argmin())
            pairs.append(rows[best] - np.delete(rows, best, axis=0))
    better = np.concatenate(pairs)
    scale = better.std(axis=0) + 1e-9
    better /= scale
    label = np.repeat([1, 0], len(better))
    model = logistic(C=0.1, fit_intercept=False).fit(np.concatenate([better, -better]), label)
    weights: Floats = (model.coef_[0] / scale).astype(np.float32)
    return weights


def _at(weight: Floats, times: Floats) -> Floats:
    frame = np.minimum(np.round(times / FRAME).astype(int), len(weight) - 1)
    here: Floats = weight[frame]
    return here


def _uneven(heard: Floats) -> Floats:
    """Return by how much the best of every second, third and fourth beat is above the mean."""
    best = [np.max([heard[k::n].mean(axis=0) for k in range(n)], axis=0) for n in (2, 3, 4)]
    above: Floats = np.ravel(np.array(best) - heard.mean(axis=0))
    return above


def _profile(place: Floats) -> Floats:
    """Return the roots of the shares of notes by slot of the beat."""
    slot = np.round(place % 1 * SLOTS).astype(int) % SLOTS
    profile: Floats = np.sqrt(np.bincount(slot, minlength=SLOTS) / max(len(place), 1))
    return profile
