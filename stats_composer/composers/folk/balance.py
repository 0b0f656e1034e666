"""How often a tune holds its notes, mended where the product of experts gets it wrong.

Each facet of a style (composers/folk/style.py) favours the notes of its mode, its cluster or its
place, and several of them favour the same ones. A note gains by each, HOLD by none, so that
their product strikes too often. Of all laws in which HOLD comes as often as in the tunes, in
each cluster of bars and in each bar of a part, by its step, the nearest to the product is

    P*(x) proportional to P(x) exp( sum over bars i, steps s with HOLD of  a(c_i, s) + b(p_i, s) ),

with c_i the cluster of bar i and p_i its place. Iterative scaling finds a and b: each takes half
of what its log-odds lack, with expectations from the exact marginals of every tune's own law,
given its key, upbeat and clusters. They are added to what the facets have for HOLD.

References
----------
J. N. Darroch, D. Ratcliff, "Generalized iterative scaling for log-linear models", Annals of
Mathematical Statistics 43 (1972). I. Csiszar, "I-divergence geometry of probability
distributions and minimization problems", Annals of Probability 3 (1975).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.folk.form import bar_vectors
from stats_composer.composers.folk.plan import TuneTask
from stats_composer.composers.folk.style import Style
from stats_composer.composers.folk.tune import HOLD, Tune
from stats_composer.composers.folk.writer import WEIGHTS, TuneWriter
from stats_composer.ngrams import Repertoire
from stats_composer.sampling.chain import Chain

__all__ = ["balance", "held_shares"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FACETS = ("cluster", "place")
ROUNDS, MOST = 4, 45


def balance(style: Style, tunes: Sequence[Tune]) -> Style:
    """Make a style hold notes as often as its tunes do.

    Parameters
    ----------
    style : Style
        Fitted; what its facets have for HOLD is changed, and all are rounded as files keep them.
    tunes : sequence of Tune
        What it was fitted to. Up to 45 of the commonest number of bars are counted.

    Returns
    -------
    Style
        The same.
    """
    n_bars = Counter(len(tune.bars) for tune in tunes).most_common(1)[0][0]
    chosen = [tune for tune in tunes if len(tune.bars) == n_bars][:MOST]
    laws = _laws(style, chosen)
    for _ in range(ROUNDS):
        found, expected = held_shares(style, chosen, laws)
        for name in FACETS:
            lack = np.log(found[name] / (1 - found[name]))
            lack -= np.log(expected[name] / (1 - expected[name]))
            style.facets_[name][:, 1:, 0] += lack[:, 1:] / len(FACETS) / WEIGHTS[name]
    for name, table in style.facets_.items():
        style.facets_[name] = table.astype(np.float32).astype(np.float64)
    return style


def _laws(style: Style, tunes: Sequence[Tune]) -> list[tuple[TuneWriter, Ints]]:
    """Return for each tune who could have written it, and the clusters of its bars."""
    known: dict[tuple[object, ...], Chain] = {}
    laws = []
    for tune in tunes:
        task = TuneTask(
            style=style,
            key=(tune.tonic, tune.mode),
            height=tune.height,
            lengths=[len(part) for part in tune.parts],
            pickup=len(tune.pickup) % style.kind.n_steps,
            tempo=style.tempo_,
        )
        cluster = style.clusters_.predict(bar_vectors(tune.bars, style.kind))
        laws.append((TuneWriter(task, Repertoire([]), known), cluster))
    return laws


def held_shares(
    style: Style, tunes: Sequence[Tune], laws: Sequence[tuple[TuneWriter, Ints]] | None = None
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return how often HOLD comes in tunes, and how often the style expects it there.

    Parameters
    ----------
    style : Style
    tunes : sequence of Tune
    laws : optional
        Of the tunes, where they are known already.

    Returns
    -------
    found, expected : dict of str to ndarray of shape (n, n_steps), float64, in (0, 1)
        By cluster of the bar and by its place, with one bar more of each kind, half held.
    """
    n_steps = style.kind.n_steps
    rows = {name: len(style.facets_[name]) for name in FACETS}
    found, expected, bars = (
        {name: np.full((n, n_steps), start) for name, n in rows.items()} for start in (0.5, 0.5, 1)
    )
    for tune, (writer, cluster) in zip(tunes, laws or _laws(style, tunes), strict=True):
        chain = writer.chain.under(writer.chain.unary + writer.leanings(cluster))
        if chain.log_normaliser == -np.inf:  # Nothing of the style has these clusters in a row.
            continue
        share = chain.marginals()[writer.task.pickup :, 0].reshape(-1, n_steps)
        for name, label in zip(FACETS, (cluster, writer.spot), strict=True):
            np.add.at(found[name], label, tune.bars == HOLD)
            np.add.at(expected[name], label, share)
            np.add.at(bars[name], label, 1)
    return tuple({k: t[k] / bars[k] for k in FACETS} for t in (found, expected))  # type: ignore[return-value]
