"""Changes for a bare melody, or for no melody yet: chords of bars, as improvisers' charts move.

A hidden Markov model. Its states are chords, a root and a quality; it moves as the charts that
solos were learned on do, wherever they are transposed to,

    log P = sum over spans of log move[quality, root difference, next quality]
            + sum over notes of beats(note) log tone[quality, pitch - root] + key[chord],

and a chord in the key is likelier than one outside. Of a melody the most probable path is taken;
without one, paths are drawn.

References
----------
L. R. Rabiner, "A tutorial on hidden Markov models", Proc. IEEE 77 (1989), section III.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stats_composer.composers.jazz.chart import QUALITY_NAMES, Chart, quality_of
from stats_composer.composers.jazz.page import chained
from stats_composer.factors import Automaton
from stats_composer.sampling.chain import Chain
from stats_composer.score import CHORD_DTYPE, Score, keys, make_table, natural_fifths
from stats_composer.theory import MINOR, fifths_name, is_no_chord, parse_chord, scale_pitch_classes

__all__ = ["changes_drawn", "chart_drawn", "count_moves", "harmonized"]

Floats = NDArray[np.float64]

NAMES = ("", "maj7", "7", "m7", "m7b5", "dim7", "7sus4", "aug7")
USED = (1, 2, 3, 4)
TONES = {1: (0, 4, 7), 2: (0, 4, 7), 3: (0, 3, 7), 4: (0, 3, 6)}
ROOT, QUALITY = np.array([(root, quality) for root in range(12) for quality in USED]).T
"""Of the states."""
SECTION = 8
IN_KEY, CLARITY, STAY = 2.0, 1.5, 0.15


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
    unary, law = _law(tune, moves)
    share = np.log(tones / tones.sum(axis=1, keepdims=True))
    beat = tune.metre_at(0).beat
    for note in tune.notes:
        bar = tune.bar_at(int(note["onset"]))
        lasts = CLARITY * min(int(note["duration"]), tune.metre_at(0).bar) / beat
        unary[bar] += lasts * share[QUALITY, (int(note["pitch"]) - ROOT) % 12]
    path = Chain(unary, [Automaton.first_order(law, len(unary))]).best()
    return tune.replace(chords=_symbols(tune, path))


def changes_drawn(page: Score, moves: Floats, rng: Generator, before: int = 0) -> Score:
    """Return a page with a chord symbol at each bar, drawn from how charts move and end at home.

    Parameters
    ----------
    page : Score
        Its own symbols stay.
    moves : ndarray
        Of `count_moves`.
    rng : Generator
    before : int
        Bars at its beginning that have all their symbols.
    """
    unary, law = _law(page, moves)
    if before:
        unary[:before] = 0.0
        unary[before - 1] = _states(str(page.chords["symbol"][-1]))
    unary[-1, ~_home(page)] = -np.inf
    path = Chain(unary, [Automaton.first_order(law, len(unary))]).sample(1, random_state=rng)[0]
    fresh = _symbols(page, path)
    fresh = fresh[fresh["onset"] >= np.append(page.bars["onset"], page.end)[before]]
    return page.replace(chords=np.concatenate([page.chords, fresh]))


def chart_drawn(page: Score, moves: Floats, rng: Generator) -> Score:
    """Return a page with changes: of 32 bars in the form AABA, else bar by bar.

    Parameters
    ----------
    page, moves, rng
        As of `changes_drawn`.
    """
    if page.n_bars != 4 * SECTION:
        return changes_drawn(page, moves, rng)
    back = changes_drawn(page[: 2 * SECTION + 1], moves, rng)
    a, b = back[:SECTION], back[SECTION : 2 * SECTION]
    whole = chained(chained(a, a), chained(b, a))
    last = whole.n_bars - 1
    kept = whole.chords["onset"] < whole.bars["onset"][last]
    return changes_drawn(whole.replace(chords=whole.chords[kept]), moves, rng, last)


def _states(symbol: str) -> Floats:
    """Return log-weights of states for a symbol: its own alone, all where none is like it."""
    if is_no_chord(symbol):
        return np.zeros(len(ROOT))
    chord = parse_chord(symbol, minus="minor")
    same = (7 * chord.root % 12 == ROOT) & (quality_of(chord.intervals) == QUALITY)
    return np.where(same | ~same.any(), 0.0, -np.inf)


def _law(page: Score, moves: Floats) -> tuple[Floats, Floats]:
    """Return log-weights of chords at the bars of a page, by its key, and of moves between them."""
    _, tonic, mode = keys(page)[0]
    in_key = scale_pitch_classes(tonic, "minor" if mode == MINOR else "major")
    fits = [
        in_key[[(r + t) % 12 for t in TONES[q]]].all() for r, q in zip(ROOT, QUALITY, strict=True)
    ]
    unary = np.where(fits, IN_KEY, 0.0) + np.zeros((page.n_bars, 1))
    unary[0, _home(page)] += IN_KEY
    unary[-1, _home(page)] += 2 * IN_KEY
    law = moves / moves.sum(axis=(1, 2), keepdims=True)
    weight = np.log(law[QUALITY[:, None], (ROOT - ROOT[:, None]) % 12, QUALITY])
    np.fill_diagonal(weight, np.log(STAY))
    return unary, weight


def _home(page: Score) -> NDArray[np.bool_]:
    """Tell which state is the chord of a page's key."""
    _, tonic, mode = keys(page)[0]
    quality = 3 if mode == MINOR else 1
    home: NDArray[np.bool_] = (7 * tonic % 12 == ROOT) & (quality == QUALITY)
    return home


def _symbols(page: Score, path: NDArray[np.int64]) -> NDArray[np.void]:
    """Return the chord symbols of a path, where it changes."""
    starts = page.bars["onset"].tolist()
    signature = page.signature_at(0)
    new = np.flatnonzero(np.diff(path, prepend=-1)).tolist()
    names = [_spelled(int(ROOT[path[i]]), signature) + NAMES[QUALITY[path[i]]] for i in new]
    return make_table(CHORD_DTYPE, [(starts[i], name) for i, name in zip(new, names, strict=True)])


def _spelled(root: int, signature: int) -> str:
    """Name a root with the spelling nearest to a key signature."""
    return fifths_name(int(natural_fifths(np.array(60 + root), signature)))
