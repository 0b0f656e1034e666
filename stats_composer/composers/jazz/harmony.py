"""Changes for a bare melody: the likeliest chords of its bars, as improvisers' charts move.

A hidden Markov model. Its states are chords, a root and a quality; it moves as the charts that
solos were learned on do, wherever they are transposed to,

    log P = sum over spans of log move[quality, root difference, next quality]
            + sum over notes of beats(note) log tone[quality, pitch - root] + key[chord],

and a chord in the melody's key is likelier than one outside. The path is its most probable one.

References
----------
L. R. Rabiner, "A tutorial on hidden Markov models", Proc. IEEE 77 (1989), section III.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.jazz.chart import QUALITY_NAMES, Chart
from stats_composer.factors import Automaton
from stats_composer.sampling.chain import Chain
from stats_composer.score import CHORD_DTYPE, Score, keys, make_table, natural_fifths
from stats_composer.theory import MINOR, fifths_name, scale_pitch_classes

__all__ = ["count_moves", "harmonized"]

Floats = NDArray[np.float64]

NAMES = ("", "maj7", "7", "m7", "m7b5", "dim7", "7sus4", "aug7")
USED = (1, 2, 3, 4)
TONES = {1: (0, 4, 7), 2: (0, 4, 7), 3: (0, 3, 7), 4: (0, 3, 6)}
IN_KEY, CLARITY = 2.0, 1.5


def count_moves(charts: Iterable[Chart]) -> Floats:
    """Count changes of charts: (n_qualities, 12, n_qualities), by the roots' difference."""
    n = len(QUALITY_NAMES)
    counts = np.full((n, 12, n), 0.1)
    for chart in charts:
        at = np.flatnonzero(np.diff(chart.change)) + 1
        before = at - 1
        known = (chart.root[at] >= 0) & (chart.root[before] >= 0)
        at, before = at[known], before[known]
        up = (chart.root[at] - chart.root[before]) % 12
        np.add.at(counts, (chart.quality[before], up, chart.quality[at]), 1)
    return counts


def harmonized(tune: Score, moves: Floats, tones: Floats) -> Score:
    """Return a tune with a chord symbol at each bar.

    Parameters
    ----------
    tune : Score
    moves : ndarray
        Of `count_moves`.
    tones : ndarray of shape (n_qualities, 12)
        Counts of the tones that are played on a chord.
    """
    _, tonic, mode = keys(tune)[0]
    states = [(root, quality) for root in range(12) for quality in USED]
    root, quality = np.array(states).T
    in_key = scale_pitch_classes(tonic, "aeolian" if mode == MINOR else "major")
    fits = np.array([in_key[[(r + t) % 12 for t in TONES[q]]].all() for r, q in states])
    share = np.log(tones / tones.sum(axis=1, keepdims=True))
    starts = tune.bars["onset"].astype(np.int64)
    unary = np.where(fits, IN_KEY, 0.0) + np.zeros((len(starts), 1))
    beat = tune.metre_at(0).beat
    for note in tune.notes:
        bar = tune.bar_at(int(note["onset"]))
        lasts = CLARITY * min(int(note["duration"]), tune.metre_at(0).bar) / beat
        unary[bar] += lasts * share[quality, (int(note["pitch"]) - root) % 12]
    home = (root == 7 * tonic % 12) & (quality == (3 if mode == MINOR else 1))
    unary[0, home] += IN_KEY
    unary[-1, home] += 2 * IN_KEY
    law = moves / moves.sum(axis=(1, 2), keepdims=True)
    up = (root[None, :] - root[:, None]) % 12
    weight = np.log(law[quality[:, None], up, quality[None, :]])
    stay = np.eye(len(states), dtype=bool)
    weight[stay] = np.log(0.15)
    path = Chain(unary, [Automaton.first_order(weight, len(starts))]).best()
    signature = tune.signature_at(0)
    rows = []
    for onset, k in zip(starts.tolist(), path.tolist(), strict=True):
        rows.append((onset, _spelled(int(root[k]), signature) + NAMES[quality[k]]))
    kept = [row for i, row in enumerate(rows) if i == 0 or row[1] != rows[i - 1][1]]
    return tune.replace(chords=make_table(CHORD_DTYPE, kept))


def _spelled(root: int, signature: int) -> str:
    """Name a root with the spelling nearest to a key signature."""
    return fifths_name(int(natural_fifths(np.array(60 + root), signature)))
