"""The density ratio of two ways of writing, learned as weights of a model's features.

What a model of law p writes, and what was set in its place in the corpus, differ by features:
let d_i be those of the corpus minus those of the model in window i. Told apart by a logistic law,
under a penalty that keeps the many weights small,

    maximize  sum_i log 1 / (1 + exp(k_i - w d_i))  -  sum_f l2_f w_f^2 / 2,                   (1)

the windows give w f(x), an estimate of log q(x) / p(x), q the law of the corpus: so p exp(w f),
the model with w added to its weights, is nearer to it. All weights are learned together, so that
of many features of one event each moves by what it tells beside the others. The k_i are 0; but
where window i was written by a model that had some w_i already, it tells of q / (p exp(w_i f)):
with k_i = w_i d_i it still counts when more are written. (1) is concave, and L-BFGS climbs it.

References
----------
Z. Tu (2007), Learning generative models via discriminative approaches, CVPR. M. Gutmann,
A. Hyvarinen (2012), Noise-contrastive estimation of unnormalized statistical models, JMLR 13.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

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
        return cls(*model.weights_.compare(model.pack([one]), model.pack([other])))


@dataclass(frozen=True)
class DensityRatio(Strategy):
    """How the weights of a ratio are learned.

    Attributes
    ----------
    base, slope : float
        The penalty of a weight: `base`, and `slope` for each standard deviation of the sum of
        its feature's excesses. What is common tells much of each window by chance alone.
    n_steps : int
        Of L-BFGS, at most.

    Examples
    --------
    Three windows of four have a feature more in the corpus, one has it less: log 3.

    >>> differences = [Difference(np.array([0]), np.array([d])) for d in (1.0, 1.0, 1.0, -1.0)]
    >>> DensityRatio(base=1e-6, slope=0).learn(differences, 2).round(3).tolist()
    [1.099, 0.0]
    """

    base: float = 100.0
    slope: float = 15.0
    n_steps: int = 40
    _parameters: ClassVar[Parameters] = {
        "base": (Real(open=True),),
        "slope": (Real(),),
        "n_steps": (Whole(1),),
    }

    def learn(
        self,
        differences: Sequence[Difference],
        n_weights: int,
        known: Floats | None = None,
        start: Floats | None = None,
    ) -> Floats:
        """Return w of (1): what the corpus has more of counts as 1.

        Parameters
        ----------
        differences : sequence of Difference
            The corpus minus what was written, a window each.
        n_weights : int
        known : ndarray of shape (n_windows,), float64, optional
            What the model has told of each window, k_i; 0 by default.
        start : ndarray of shape (n_weights,), float64, optional

        Returns
        -------
        ndarray of shape (n_weights,), float64
            0 for what never differs.
        """
        from scipy.optimize import minimize

        seen, rows, scale = self._scaled(differences)
        columns, told = rows.T.tocsr(), np.zeros(len(differences)) if known is None else known

        def climb(u: Floats) -> tuple[float, Floats]:
            margin = rows @ u - told
            value = np.logaddexp(0, -margin).sum() + u @ u / 2  # (1), with its sign changed
            return float(value), u - columns @ np.exp(-np.logaddexp(0, margin))

        first = np.zeros(len(seen)) if start is None else start[seen] * scale
        options, found = {"maxiter": self.n_steps}, np.zeros(n_weights)
        found[seen] = minimize(climb, first, jac=True, method="L-BFGS-B", options=options).x / scale
        return found

    def _scaled(self, differences: Sequence[Difference]) -> tuple[Ints, Any, Floats]:
        """Return features, windows by features as a sparse array, and by what it is divided.

        In units of 1 / scale all penalties are 1.
        """
        from scipy.sparse import csr_array

        window = np.repeat(np.arange(len(differences)), [len(d.feature) for d in differences])
        excess = np.concatenate([np.zeros(0), *(d.excess for d in differences)])
        feature = np.concatenate([np.zeros(0, np.int64), *(d.feature for d in differences)])
        seen, feature = np.unique(feature, return_inverse=True)
        spread = np.sqrt(np.bincount(feature, excess * excess, minlength=len(seen)))
        scale = np.sqrt(self.base + self.slope * spread)
        shape = len(differences), len(seen)
        return seen, csr_array((excess / scale[feature], (window, feature)), shape=shape), scale
