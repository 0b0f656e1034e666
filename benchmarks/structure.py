"""Structureness: how well the best of a solo's passages explains it by its returns.

A passage of M beats and its returns are paths through the likeness S of beats, N by N: each begins
in the passage's first beat and ends in its last, steps by (1, 1), (1, 2) or (2, 1), and no two of
them take the same beats. Of all families of paths the best has the score

    sigma = max sum over the cells of its paths of S,                                       (1)

and the passage the fitness, the harmonic mean of

    (sigma - M) / cells of the paths, (beats that they take - M) / N                        (2)

so that a passage that never returns has 0. That of the best passage of a range of lengths is the
structureness at that scale.

References
----------
M. Mueller, N. Jiang, P. Grosche, "A robust fitness measure for capturing repetitions in music
recordings", IEEE TASLP 21(3), 2013, sections III and IV. S.-L. Wu, Y.-H. Yang, "The Jazz
Transformer on the front line", ISMIR 2020, section 4: 3 to 8, 8 to 15 and over 15 seconds.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stats_composer.composers.jazz.solo import STEPS

SCALES = {"short": (3.0, 8.0), "middle": (8.0, 15.0), "long": (15.0, np.inf)}
SHARE, PENALTY = 0.2, -2.0


def likeness_of_beats(solo):
    """Return S: of pitch classes over two bars' time by cosine, all but a fifth a penalty."""
    n_beats = solo.chart.n_beats
    sounding = np.zeros((n_beats, 12))
    beat = np.minimum(solo.onset // STEPS, n_beats - 1)
    np.add.at(sounding, (beat, solo.pitch % 12), np.minimum(solo.gaps, 2 * STEPS))
    smooth = sounding + 0.5 * np.roll(sounding, 1, axis=0) + 0.5 * np.roll(sounding, -1, axis=0)
    norm = np.linalg.norm(smooth, axis=1, keepdims=True)
    smooth = smooth / np.where(norm > 0, norm, 1)
    alike = smooth @ smooth.T
    least = np.quantile(alike, 1 - SHARE)
    kept = (alike - least) / max(1 - least, 1e-9)
    alike = np.where(alike >= least, np.clip(kept, 0, 1), PENALTY)
    np.fill_diagonal(alike, 1.0)
    return alike


@njit
def best_family(alike, first, length):
    """Return sigma of (1) of a passage, the cells of the paths, and the beats that they take.

    `best[n, 0]` is what was reached before beat n is taken, `best[n, m]` a path at beat n and the
    m-th of the passage; each is a score, cells and beats.
    """
    n_beats = len(alike)
    best = np.full((n_beats + 1, length + 1, 3), -np.inf)
    best[0, 0] = 0.0
    for n in range(n_beats):
        for m in range(1, length + 1):
            gain = alike[n, first + m - 1]
            if m == 1:
                from_n, from_m = n, 0
                beats = 1.0
            else:
                from_n, from_m, beats = n - 1, m - 1, 1.0
                score = best[n - 1, m - 1, 0] if n >= 1 else -np.inf
                if n >= 2 and best[n - 2, m - 1, 0] > score:
                    from_n, from_m, beats, score = n - 2, m - 1, 2.0, best[n - 2, m - 1, 0]
                if n >= 1 and m >= 3 and best[n - 1, m - 2, 0] > score:
                    from_n, from_m, beats, score = n - 1, m - 2, 1.0, best[n - 1, m - 2, 0]
                if score == -np.inf:
                    continue
            best[n, m, 0] = best[from_n, from_m, 0] + gain
            best[n, m, 1] = best[from_n, from_m, 1] + 1.0
            best[n, m, 2] = best[from_n, from_m, 2] + beats
        # Beat n is left out, or ends a path.
        last = length if best[n, length, 0] > best[n, 0, 0] else 0
        best[n + 1, 0] = best[n, last]
    return best[n_beats, 0]


def fitness(alike, first, length):
    """Return the fitness of (2) of a passage."""
    sigma, cells, beats = best_family(alike, first, length)
    score, cover = (sigma - length) / max(cells, 1), (beats - length) / len(alike)
    return 2 * score * cover / (score + cover) if score > 0 and cover > 0 else 0.0


def structureness(solo):
    """Return the structureness of a solo at each of SCALES; passages begin and last whole bars."""
    alike, beat = likeness_of_beats(solo), 60 / solo.tempo
    found = dict.fromkeys(SCALES, 0.0)
    for length in range(4, len(alike) // 2 + 1, 4):
        scale = [name for name, (low, high) in SCALES.items() if low <= length * beat < high]
        for name in scale:
            values = [fitness(alike, s, length) for s in range(0, len(alike) - length + 1, 4)]
            found[name] = max(found[name], *values)
    return list(found.values())
