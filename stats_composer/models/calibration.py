"""Calibration: probabilities that are as often right as they say.

Vector scaling of a label's log-probability, with one bias a class, shared by the rows of the
labels (label = row * n_classes + class):

    q(y) is proportional to exp(scale * log p(y) + bias[class(y)])

It is learned on posteriors of pieces that the model was not fitted to. A scale below 1 tempers
a model that is too sure; a bias gives back what its prior took from rare classes.

References
----------
C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks", ICML
2017, section 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["VectorScaling"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TINY = 1e-12


@dataclass(frozen=True, eq=False)
class VectorScaling:
    """Scale and biases; 1 and zeros leave probabilities as they are.

    Attributes
    ----------
    scale : float
    bias : ndarray of shape (n_classes,)

    Examples
    --------
    A model that says .9 and is right half of the time:

    >>> probs, labels = np.array([[0.9, 0.1]] * 4), np.array([0, 1, 0, 1])
    >>> VectorScaling.fit([probs], [labels], 1, l2=0.01)(probs)[0].round(3)
    array([0.5, 0.5])
    """

    scale: float
    bias: Floats

    @classmethod
    def fit(
        cls, probs: Sequence[Floats], labels: Sequence[Ints], n_classes: int, *, l2: float = 20.0
    ) -> Self:
        """Learn from posteriors and the labels that were right, by penalized likelihood.

        Parameters
        ----------
        probs : sequence of ndarray of shape (n_steps, n_labels), rows summing to 1
        labels : sequence of ndarray of shape (n_steps,), int
        n_classes : int
        l2 : float
            Half the inverse variance of the prior of each bias.
        """
        from scipy.optimize import minimize

        log_prob, truth = np.log(np.concatenate(probs) + TINY), np.concatenate(labels)
        label_class = np.arange(log_prob.shape[1]) % n_classes
        rows = np.arange(len(truth))

        def objective(x: Floats) -> tuple[float, Floats]:
            new = _softmax(x[0] * log_prob + x[1:][label_class])
            residual = -new
            residual[rows, truth] += 1.0
            by_class = np.bincount(label_class, residual.sum(axis=0), n_classes)
            slope = np.concatenate([[(residual * log_prob).sum()], by_class - l2 * x[1:]])
            value = np.log(new[rows, truth] + TINY).sum() - 0.5 * l2 * (x[1:] ** 2).sum()
            return -float(value), -slope

        start = np.concatenate([[1.0], np.zeros(n_classes)])
        found = minimize(objective, start, jac=True, method="L-BFGS-B").x
        return cls(float(found[0]), found[1:])

    def __call__(self, probs: Floats) -> Floats:
        """Calibrate probabilities of shape (n_steps, n_labels)."""
        label_class = np.arange(probs.shape[1]) % len(self.bias)
        return _softmax(self.scale * np.log(probs + TINY) + self.bias[label_class])


def _softmax(score: Floats) -> Floats:
    share = np.exp(score - score.max(axis=1, keepdims=True))
    total: Floats = share / share.sum(axis=1, keepdims=True)
    return total
