"""A linear classifier of pairs (row, class) whose rows turn with what is seen.

What is seen at a step are profiles, n_profiles times n_rows numbers. Where all of them move on
by one row, so does the answer: label = row * n_classes + class has the score

    s(row, class) = sum_k,d w[k, d, class] x[k, (row + d) mod n_rows] + b[class]              (1)
                  + sum_j,d v[j, d, (row - bass) mod n_rows, class] x[j, (bass + d) mod n_rows] (2)
                  + sum_k,d u[c, k, d, class] x[k, (row + d) mod n_rows]                        (3)

where (2) weighs some of the profiles j as seen from one row that is marked, the bass, and is 0
where none is: what a tone tells then depends on where the bass lies under it. And c of (3) counts
the rows of one profile that are above 0: where two tones sound, more is told by their
surroundings than where four do. It is fitted by Adam to one of

    hinge: max over y' of s(y') + [y' != y] - s(y)       (Crammer and Singer's support vectors)
    log: log sum over y' of exp s(y') - s(y)             (multinomial logistic regression)

with Gaussian priors. A product with a matrix per step is all that it costs: (1) is a circular
correlation, written out.

References
----------
K. Crammer, Y. Singer, "On the algorithmic implementation of multiclass kernel-based vector
machines", JMLR 2, 2001, equation 2. D. Kingma, J. Ba, "Adam: a method for stochastic
optimization", ICLR 2015, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.models.base import Estimator

__all__ = ["N_COUNTS", "Counted", "Framed", "TurningClassifier", "softmax"]

Singles = NDArray[np.float32]
Ints = NDArray[np.int64]

RATE, RATE_BESIDE = 0.01, 0.003
"""Adam's first step sizes, the second of (2) and (3); they fall to 0."""
DECAY, DECAY_SQUARED, TINY = 0.9, 0.999, 1e-7
N_COUNTS = 5
"""Counts that are told apart: one or none, two, three, four, more."""


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return probabilities proportional to exponentials, row by row.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_classes)

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0], [0.0, np.log(3.0)]])).round(3).tolist()
    [[0.5, 0.5], [0.25, 0.75]]
    """
    share = np.exp(scores - scores.max(axis=1, keepdims=True))
    total: NDArray[np.float64] = share / share.sum(axis=1, keepdims=True, dtype=np.float64)
    return total


class Framed(NamedTuple):
    """What (2) weighs.

    Attributes
    ----------
    bass : int
        The profile that marks the bass.
    profiles : tuple of int
        The profiles j.
    l2 : float
        Half the inverse variance of the prior, a step.

    Examples
    --------
    >>> Framed(bass=0, profiles=(1, 2)).l2
    0.001
    """

    bass: int
    profiles: tuple[int, ...]
    l2: float = 1e-3


class Counted(NamedTuple):
    """What (3) counts: the rows of `profile`; `l2` as in `Framed`.

    Examples
    --------
    >>> Counted(2).l2
    0.01
    """

    profile: int
    l2: float = 1e-2


class TurningClassifier(Estimator):
    """The classifier of the module's docstring.

    Parameters
    ----------
    n_classes, n_rows : int
    loss : {"hinge", "log"}
    framed : Framed, optional
        By default there is no (2).
    counted : Counted, optional
        By default there is no (3).
    l2 : float
        Half the inverse variance of the prior of (1), a step.
    n_epochs, batch_size : int

    Attributes
    ----------
    weights_ : ndarray of shape (n_profiles, n_rows, n_classes), float32
    bias_ : ndarray of shape (n_classes,), float32
    framed_weights_ : ndarray of shape (n_framed * n_rows, n_rows * n_classes), float32
    counted_weights_ : ndarray of shape (N_COUNTS or 0, n_profiles, n_rows, n_classes), float32

    Examples
    --------
    >>> seen = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]][:, None, :]
    >>> model = TurningClassifier(n_classes=1, n_rows=3, n_epochs=50, batch_size=4)
    >>> model.fit(seen, np.array([0, 1, 2, 0])).predict(seen).tolist()
    [0, 1, 2, 0]
    """

    def __init__(
        self,
        *,
        n_classes: int,
        n_rows: int = 12,
        loss: str = "hinge",
        framed: Framed | None = None,
        counted: Counted | None = None,
        l2: float = 1e-4,
        n_epochs: int = 3,
        batch_size: int = 1024,
    ) -> None:
        self.n_classes = n_classes
        self.n_rows = n_rows
        self.loss = loss
        self.framed = framed
        self.counted = counted
        self.l2 = l2
        self.n_epochs = n_epochs
        self.batch_size = batch_size

    def shapes(self, n_profiles: int) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of the weights, in the order of the attributes."""
        own = (n_profiles, self.n_rows, self.n_classes)
        n_framed = 0 if self.framed is None else len(self.framed.profiles)
        n_counts = 0 if self.counted is None else N_COUNTS
        beside = (n_framed * self.n_rows, self.n_rows * self.n_classes)
        return own, own[2:], beside, (n_counts, *own)

    def fit(self, seen: Singles, labels: Ints, *, random_state: int = 0) -> Self:
        """Learn the weights.

        Parameters
        ----------
        seen : ndarray of shape (n_steps, n_profiles, n_rows), float32
        labels : ndarray of shape (n_steps,), int, in [0, n_rows * n_classes)
        random_state : int

        Raises
        ------
        ValueError
            If the loss is unknown, or the labels do not go with what is seen.
        """
        n_labels = self.n_rows * self.n_classes
        if self.loss not in ("hinge", "log"):
            raise ValueError(f"loss {self.loss!r}: expected 'hinge' or 'log'")
        if len(labels) != len(seen) or not len(seen) or not 0 <= labels.min() <= labels.max():
            raise ValueError(f"{len(labels)} labels of {len(seen)} steps: expected as many, from 0")
        if labels.max() >= n_labels:
            raise ValueError(f"label {labels.max()}: expected less than {n_labels}")
        parts = [np.zeros(shape, np.float32) for shape in self.shapes(seen.shape[1])]
        self.weights_, self.bias_, self.framed_weights_, self.counted_weights_ = parts
        rates = (RATE, RATE, RATE_BESIDE, RATE_BESIDE)
        moments = [(np.zeros_like(part), np.zeros_like(part)) for part in parts]
        for number, total, rows in self._batches(len(seen), random_state):
            gradients = self._gradients(seen[rows], labels[rows])
            left = 1.0 - number / (total + 1)
            for part, rate, slope, moment in zip(parts, rates, gradients, moments, strict=True):
                _adam(part, rate * left, slope, moment, number)
        return self

    def _batches(self, n: int, random_state: int) -> Iterator[tuple[int, int, Ints]]:
        rng = np.random.default_rng(random_state)
        n_batches = -(-n // self.batch_size)
        for epoch in range(self.n_epochs):
            for k, rows in enumerate(np.array_split(rng.permutation(n), n_batches)):
                yield epoch * n_batches + k + 1, self.n_epochs * n_batches, np.sort(rows)

    def _gradients(self, seen: Singles, labels: Ints) -> tuple[Singles, Singles, Singles, Singles]:
        basses = self._basses(seen)
        framed = self._framed(seen, basses)
        residual = self._residual(self._scores(seen, framed, basses), labels)
        flat = seen.reshape(len(seen), -1)
        shape = (seen.shape[1], self.n_rows, self.n_rows, self.n_classes)
        weights = self.l2 * self.weights_
        counted = (0.0 if self.counted is None else self.counted.l2) * self.counted_weights_
        for count, rows in self._by_count(seen):
            slope = self._folded((flat[rows].T @ residual[rows]).reshape(shape))
            weights += slope
            counted[count : count + 1] += slope
        bias = residual.reshape(-1, self.n_rows, self.n_classes).sum(axis=(0, 1))
        turned = self._turned(residual.reshape(len(seen), self.n_rows, -1), basses)
        beside = framed.T @ turned.reshape(len(seen), -1)
        beside += (0.0 if self.framed is None else self.framed.l2) * self.framed_weights_
        return weights, bias, beside, counted

    def _residual(self, scores: Singles, labels: Ints) -> Singles:
        """Return the derivative of the mean loss by the scores."""
        row = np.arange(len(labels))
        if self.loss == "log":
            residual = softmax(scores).astype(np.float32)
            residual[row, labels] -= 1.0
        else:
            own = scores[row, labels]
            raised = scores + 1.0
            raised[row, labels] = own
            rival = raised.argmax(axis=1)
            residual = np.zeros_like(scores)
            residual[row, rival] += 1.0
            residual[row, labels] -= 1.0  # nothing where no rival comes within the margin
        return residual / np.float32(len(labels))

    def _folded(self, slope: Singles) -> Singles:
        """Sum a derivative by (profile, seen row, label row, class) over equal degrees."""
        row = np.arange(self.n_rows)
        degrees = [slope[:, row, (row - d) % self.n_rows].sum(axis=1) for d in row]
        return np.stack(degrees, axis=1)

    def _by_count(self, seen: Singles) -> Iterator[tuple[int, Ints]]:
        """Yield each count of (3) and the steps that have it; all at once where there is no (3)."""
        if self.counted is None:
            yield 0, np.arange(len(seen))
            return
        count = np.clip((seen[:, self.counted.profile] > 0).sum(axis=1), 1, N_COUNTS) - 1
        for own in np.unique(count).tolist():
            yield own, np.flatnonzero(count == own)

    def _written_out(self, count: int) -> Singles:
        row = np.arange(self.n_rows)
        degree = (row[:, None] - row[None, :]) % self.n_rows
        n = len(self.weights_) * self.n_rows
        weights = self.weights_ + self.counted_weights_[count : count + 1].sum(axis=0)
        return np.take(weights, degree, axis=1).reshape(n, -1)

    def _basses(self, seen: Singles) -> Ints:
        if self.framed is None:
            return np.zeros(len(seen), np.int64)
        basses: Ints = seen[:, self.framed.bass].argmax(axis=1)
        return basses

    def _framed(self, seen: Singles, basses: Ints) -> Singles:
        if self.framed is None:
            return np.zeros((len(seen), 0), np.float32)
        by_row = seen.transpose(0, 2, 1)[:, :, list(self.framed.profiles)]
        turned = self._turned(by_row, basses).transpose(0, 2, 1)
        # Seen from a bass that is not there, nothing is seen: no row is like another else.
        turned = turned * (seen[:, self.framed.bass].max(axis=1)[:, None, None] > 0)
        framed: Singles = turned.reshape(len(seen), -1)
        return framed

    def _turned(self, values: Singles, by: Ints) -> Singles:
        """Turn rows: row r of what is returned is row r + by of the values."""
        row = (np.arange(self.n_rows) + by[:, None]) % self.n_rows
        place = np.arange(len(values))[:, None] * self.n_rows + row
        return np.take(values.reshape(len(values) * self.n_rows, values.shape[2]), place, axis=0)

    def _scores(self, seen: Singles, framed: Singles, basses: Ints) -> Singles:
        scores = np.tile(self.bias_, (len(seen), self.n_rows))
        flat = seen.reshape(len(seen), -1)
        for count, rows in self._by_count(seen):
            scores[rows] += flat[rows] @ self._written_out(count)  # (1), (3)
        if framed.shape[1]:
            beside = (framed @ self.framed_weights_).reshape(len(seen), self.n_rows, -1)
            scores += self._turned(beside, -basses).reshape(scores.shape)  # (2)
        return scores

    def decision_function(self, seen: Singles) -> Singles:
        """Return the scores of labels: (n_steps, n_rows * n_classes)."""
        self._check_fitted("weights_")
        basses = self._basses(seen)
        return self._scores(seen, self._framed(seen, basses), basses)

    def predict(self, seen: Singles) -> Ints:
        """Return the label with the highest score at every step."""
        labels: Ints = self.decision_function(seen).argmax(axis=1)
        return labels


def _adam(
    part: Singles, rate: float, slope: Singles, moment: tuple[Singles, Singles], number: int
) -> None:
    mean, square = moment
    mean += (1 - DECAY) * (slope - mean)
    square += (1 - DECAY_SQUARED) * (slope * slope - square)
    scale = np.sqrt(square / (1 - DECAY_SQUARED**number)) + TINY
    part -= np.float32(rate / (1 - DECAY**number)) * mean / scale
