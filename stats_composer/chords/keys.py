"""The keys that a path of chords passes through.

A key is a hidden state that lasts: each chord is weighed by how its tones and its function
sit in a key, a change of key costs the more the further it goes on the circle of fifths, and
the best path of keys is found exactly by the chain engine.

References
----------
C. Raphael, J. Stoddard, "Functional harmonic analysis using probabilistic models", Computer
Music Journal 28(3), 2004: keys as hidden states over chords.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from stats_composer.factors import Automaton
from stats_composer.sampling.chain import Chain
from stats_composer.theory import MAJOR, MINOR, Chord, key_signature

__all__ = ["key_near", "key_path"]

_SCALES = {
    MAJOR: {0, 2, 4, 5, 7, 9, 11},
    MINOR: {0, 2, 3, 5, 7, 8, 10, 11},
}
# Root above the tonic and whether the third is major: chords that a key lives by.
_FUNCTIONS = {
    MAJOR: {(0, True): 1.0, (7, True): 0.7, (5, True): 0.3, (2, False): 0.2, (9, False): 0.1},
    MINOR: {(0, False): 1.0, (7, True): 0.9, (5, False): 0.3, (0, True): 0.3, (3, True): 0.1},
}
FOREIGN = -1.5
"""Log-weight of a tone outside the scale."""
CHANGE = -5.0
"""Log-weight of a change of key, and `STEP` of each fifth that its signature moves; major and
minor on one tonic count as neighbours."""
STEP = -1.2


def key_path(
    chords: Sequence[Chord], lengths: Sequence[float], home: tuple[int, int]
) -> list[tuple[int, int]]:
    """Find the key of each chord.

    Parameters
    ----------
    chords : sequence of Chord
    lengths : sequence of float
        Of the chords in beats: a long one counts for more, up to two.
    home : (tonic fifths, mode)
        The key of the piece, preferred a little, near which keys are spelled.

    Returns
    -------
    list of (tonic fifths, mode), one a chord

    Examples
    --------
    >>> from stats_composer.theory import parse_chord
    >>> names = "C F G7 C D7 G C D7 G D7 G D7 G".split()
    >>> path = key_path([parse_chord(name) for name in names], [2] * 13, (0, 0))
    >>> path[0], path[-1]
    ((0, 0), (1, 0))
    """
    if not chords:
        return []
    keys = [_near(fifths, mode, home) for mode in (MAJOR, MINOR) for fifths in range(12)]
    fit = {chord: [_fit(chord, key) for key in keys] for chord in set(chords)}
    weight = np.array([fit[chord] for chord in chords])
    weight *= np.clip(np.asarray(lengths, np.float64), 0.5, 2.0)[:, None]
    weight[0, keys.index(home)] += 2.0
    weight[-1, keys.index(home)] += 3.0
    transition = np.array([[_change(a, b) for b in keys] for a in keys])
    path = Chain(weight, [Automaton.first_order(transition, len(chords))]).best()
    return [keys[state] for state in path]


def _near(fifths: int, mode: int, home: tuple[int, int]) -> tuple[int, int]:
    """Spell a tonic so that its signature lies near the home key's."""
    centre = key_signature(*home)
    lowest = centre - 6 + 3 * (mode == MINOR)
    return (fifths - lowest) % 12 + lowest, mode


@functools.lru_cache(maxsize=4096)
def _fit(chord: Chord, key: tuple[int, int]) -> float:
    tonic, mode = 7 * key[0], key[1]
    root = (7 * chord.root - tonic) % 12
    tones = {(root + tone) % 12 for tone in chord.intervals}
    foreign = len(tones - _SCALES[mode])
    major = 4 in chord.intervals
    merit = _FUNCTIONS[mode].get((root, major), 0.0)
    leading = root == 7 and major and 10 in chord.intervals
    tonic_seventh = root == 0 and 10 in chord.intervals
    return FOREIGN * min(foreign, 2) + merit + 0.8 * leading - 0.5 * tonic_seventh


def _change(a: tuple[int, int], b: tuple[int, int]) -> float:
    if a == b:
        return 0.0
    fifths = abs(key_signature(*a) - key_signature(*b))
    return CHANGE + STEP * (1 if a[0] == b[0] else fifths)


def key_near(home: int, centre: tuple[int, int]) -> tuple[int, int]:
    """Spell a key so that its signature lies near that of another.

    Parameters
    ----------
    home : int
        Pitch class of the tonic times 2, and 1 more in minor.
    centre : (tonic fifths, mode)

    Examples
    --------
    >>> key_near(2 * 8 + 1, (4, 0)), key_near(2 * 8, (-1, 0))
    ((8, 1), (-4, 0))
    """
    tonic, minor = divmod(home, 2)
    fifths, mode = 7 * tonic % 12, MINOR if minor else MAJOR
    away = key_signature(*centre) - key_signature(fifths, mode)
    return fifths + round(away / 12) * 12, mode
