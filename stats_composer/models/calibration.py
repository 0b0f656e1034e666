"""Calibration: probabilities that are as often right as they say.

Vector scaling of a label's log-probability, with one bias a class, and a weight on how often
the label's row (label = row * n_classes + class) is met elsewhere in the piece:

    q(y at i) is proportional to exp(scale * log p_i(y) + bias[class(y)] + recall * log r_i(row(y)))

where r_i(row) is the mean of p_j(row) over the other steps j, drawn to even shares by `SHARE`.
It is learned on posteriors of pieces that the model was not fitted to. A scale below 1 tempers
a model that is too sure; a bias gives back what its prior took from rare classes; recall lets
a doubtful step take after the surer ones of its piece.

References
----------
C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks", ICML
2017, section 4.2. R. Kuhn, R. De Mori, "A cache-based natural language model for speech
recognition", IEEE PAMI 12(6), 1990.
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
SHARE = 0.2
"""Steps that each row is taken to have been met beside those of the piece."""


@dataclass(frozen=True, eq=False)
class VectorScaling:
    """Scale, biases and recall; 1 and zeros leave probabilities as they are.

    Attributes
    ----------
    scale : float
    bias : ndarray of shape (n_classes,)
    recall : float

    Examples
    --------
    A model that says .9 and is right half of the time:

    >>> probs, labels = np.array([[0.9, 0.1]] * 4), np.array([0, 1, 0, 1])
    >>> VectorScaling.fit([probs], [labels], 1, l2=0.01)(probs)[0].round(3)
    array([0.5, 0.5])
    """

    scale: float
    bias: Floats
    recall: float = 0.0

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

        Raises
        ------
        ValueError
            For labels that do not go with the posteriors.
        """
        from scipy.optimize import minimize

        _check(probs, labels, n_classes)
        log_prob, truth = np.log(np.concatenate(probs) + TINY), np.concatenate(labels)
        elsewhere = np.concatenate([_elsewhere(p, n_classes) for p in probs])
        label_class = np.arange(log_prob.shape[1]) % n_classes
        rows = np.arange(len(truth))

        def objective(x: Floats) -> tuple[float, Floats]:
            new = _softmax(x[0] * log_prob + x[1] * elsewhere + x[2:][label_class])
            residual = -new
            residual[rows, truth] += 1.0
            slope = np.empty(len(x))
            slope[:2] = (residual * log_prob).sum(), (residual * elsewhere).sum()
            slope[2:] = np.bincount(label_class, residual.sum(axis=0), n_classes) - l2 * x[2:]
            value = np.log(new[rows, truth] + TINY).sum() - 0.5 * l2 * (x[2:] ** 2).sum()
            return -float(value), -slope

        start = np.concatenate([[1.0], np.zeros(1 + n_classes)])
        found = minimize(objective, start, jac=True, method="L-BFGS-B").x
        return cls(float(found[0]), found[2:], float(found[1]))

    def __call__(self, probs: Floats) -> Floats:
        """Calibrate the probabilities of a piece, of shape (n_steps, n_labels)."""
        label_class = np.arange(probs.shape[1]) % len(self.bias)
        recalled = self.recall * _elsewhere(probs, len(self.bias))
        return _softmax(self.scale * np.log(probs + TINY) + self.bias[label_class] + recalled)


def _check(probs: Sequence[Floats], labels: Sequence[Ints], n_classes: int) -> None:
    if not len(probs) or len(probs) != len(labels):
        raise ValueError(f"{len(probs)} pieces, {len(labels)} rows of labels: expected as many")
    n_labels = probs[0].shape[1]
    if n_classes < 1 or n_labels % n_classes:
        raise ValueError(f"n_classes={n_classes!r}: expected a divisor of {n_labels} labels")
    for i, (prob, own) in enumerate(zip(probs, labels, strict=True)):
        if prob.shape != (len(own), n_labels):
            raise ValueError(f"piece {i}: {len(own)} labels, posteriors of shape {prob.shape}")
        wrong = (own < 0) | (own >= n_labels)
        if wrong.any():
            label = own[wrong][0]
            raise ValueError(f"piece {i}: label {label}, expected 0 to {n_labels - 1}")


def _elsewhere(probs: Floats, n_classes: int) -> Floats:
    """Return the log of each label's row's share of the other steps of a piece."""
    row = probs.reshape(len(probs), -1, n_classes).sum(axis=2)
    others = row.sum(axis=0) - row + SHARE
    share: Floats = np.log(others / (len(probs) - 1 + SHARE * row.shape[1]))
    return np.repeat(share, n_classes, axis=1)


def _softmax(score: Floats) -> Floats:
    share = np.exp(score - score.max(axis=1, keepdims=True))
    total: Floats = share / share.sum(axis=1, keepdims=True)
    return total
