"""The density ratio of two ways of writing, learned as weights of a model's features.

What a model of law p writes, and what was set in its place in the corpus, differ by features:
let d_i be those of the corpus minus those of the model in window i. Told apart by a logistic law,
under a penalty that keeps the many weights small,

    maximize  sum_i log 1 / (1 + exp(-w d_i))  -  l2 sum w^2 / 2,                              (1)

the windows give w f(x), an estimate of log q(x) / p(x), q the law of the corpus: so p exp(w f),
the model with w added to its weights, is nearer to it. All weights are learned together, so that
of many features of one event each moves by what it tells beside the others. Steps are those of
AdaGrad with all windows at once (`solvers.py`, (3) and (4)).

References
----------
Z. Tu (2007), Learning generative models via discriminative approaches, CVPR. M. Gutmann,
A. Hyvarinen (2012), Noise-contrastive estimation of unnormalized statistical models, JMLR 13.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np

from stats_composer.kernels.arrays import Floats, Ints
from stats_composer.models.maxent.model import MaxEnt
from stats_composer.models.parameters import Parameters, Real, Strategy, Whole

__all__ = ["DensityRatio", "Difference"]


class Difference(NamedTuple):
    """How the features of one window differ from those of another, where they do.

    Attributes
    ----------
    feature : ndarray of int64
        Places in the model's `weights_.vector`.
    excess : ndarray of float64
        Counts in the one minus those in the other.

    Examples
    --------
    >>> from stats_composer.models.maxent import Field
    >>> one, other = np.array([[0], [1], [1]]), np.array([[0], [0], [1]])
    >>> model = MaxEnt([Field()]).fit([one, other])
    >>> Difference.of(model, one, other).excess.tolist()
    [-1.0, 1.0]
    """

    feature: Ints
    excess: Floats

    @classmethod
    def of(cls, model: MaxEnt, one: Ints, other: Ints) -> Self:
        """Compare two grids by the features of a model."""
        excess = model.count_features([one]) - model.count_features([other])
        feature = np.flatnonzero(excess)
        return cls(feature, excess[feature])


@dataclass(frozen=True)
class DensityRatio(Strategy):
    """How the weights of a ratio are learned.

    Attributes
    ----------
    l2 : float
    n_steps : int
    rate : float

    Examples
    --------
    Three windows of four have a feature more in the corpus, one has it less: log 3.

    >>> differences = [Difference(np.array([0]), np.array([d])) for d in (1.0, 1.0, 1.0, -1.0)]
    >>> DensityRatio(l2=0, n_steps=200, rate=0.5).learn(differences, 2).round(3).tolist()
    [1.099, 0.0]
    """

    l2: float = 400.0
    n_steps: int = 50
    rate: float = 0.03
    _parameters: ClassVar[Parameters] = {
        "l2": (Real(),),
        "n_steps": (Whole(1),),
        "rate": (Real(open=True),),
    }

    def learn(self, differences: Sequence[Difference], n_weights: int) -> Floats:
        """Return w of (1): what the corpus has more of counts as 1.

        Parameters
        ----------
        differences : sequence of Difference
            The corpus minus what was written, a window each.
        n_weights : int

        Returns
        -------
        ndarray of shape (n_weights,), float64
            0 for what never differs.
        """
        found = np.zeros(n_weights)
        window = np.repeat(np.arange(len(differences)), [len(d.feature) for d in differences])
        excess = np.concatenate([np.zeros(0), *(d.excess for d in differences)])
        feature = np.concatenate([np.zeros(0, np.int64), *(d.feature for d in differences)])
        seen, feature = np.unique(feature, return_inverse=True)
        w, squares = np.zeros(len(seen)), np.full(len(seen), 1e-8)
        for step in range(self.n_steps):
            margin = np.bincount(window, excess * w[feature], minlength=len(differences))
            doubt = 1 / (1 + np.exp(margin))
            gradient = (
                np.bincount(feature, excess * doubt[window], minlength=len(seen)) - self.l2 * w
            )
            squares += np.square(gradient)
            rate = self.rate * (1 + np.cos(np.pi * step / self.n_steps)) / 2
            w += rate * gradient / np.sqrt(squares)
        found[seen] = w
        return found
