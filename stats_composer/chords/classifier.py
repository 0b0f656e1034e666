"""Chords of single events by a linear support vector machine that knows transposition.

An event is turned so that its bass is 0; what is learned is the class (root above the bass,
quality), one against the rest, so that the twelve transpositions of a chord are one example.
The margins become probabilities by a softmax whose temperature is a parameter.

References
----------
C. Cortes, V. Vapnik, "Support-vector networks", Machine Learning 20, 1995.
R.-E. Fan et al., "LIBLINEAR: a library for large linear classification", JMLR 9, 2008.
C. Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2: temperature.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.chords.events import CHORD_EVENT_DTYPE
from stats_composer.chords.features import FAMILIES, relative_codes
from stats_composer.chords.labels import N_LABELS, N_QUALITIES
from stats_composer.kernels.chords import N_ACCENTS
from stats_composer.models.base import Estimator, check_list
from stats_composer.models.parameters import Each, Parameters, Real, Whole

__all__ = ["ChordClassifier"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class ChordClassifier(Estimator):
    """A linear SVM of chord events, their bass at 0.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty, as of `sklearn.svm.LinearSVC`.
    families : sequence of str
        Of `chords.features.FAMILIES`.
    min_count : int
        Features that fewer training events have are left out.
    temperature : float
        Of the softmax over margins.

    Attributes
    ----------
    codes_ : ndarray of shape (n_features,), int64
    classes_ : ndarray of shape (n_classes,), int64
        Labels of events whose bass is 0.
    weights_ : ndarray of shape (n_features + 1, n_classes)
        The last row is the intercept.

    Examples
    --------
    >>> from stats_composer.chords import chord_events
    >>> from stats_composer.score import Score, make_notes
    >>> pitch = np.array([[60, 64, 67, 72], [55, 65, 71, 74], [60, 64, 67, 72]])  # C, G7, C
    >>> notes = make_notes(onset=np.repeat([0, 10080, 20160], 4), pitch=pitch.ravel())
    >>> pieces, labels = [chord_events(Score(notes))], [np.array([0, 7, 0])]
    >>> ChordClassifier(min_count=1).fit(pieces, labels).predict(pieces)[0].shape
    (3,)
    """

    def __init__(
        self,
        *,
        C: float = 0.03,
        families: Sequence[str] = FAMILIES,
        min_count: int = 2,
        temperature: float = 0.3,
    ) -> None:
        self.C = C
        self.families = families
        self.min_count = min_count
        self.temperature = temperature

    _parameters: ClassVar[Parameters] = {
        "C": (Real(open=True),),
        "families": (Each(FAMILIES, least=1),),
        "min_count": (Whole(),),
        "temperature": (Real(open=True),),
    }

    def fit(self, X: Sequence[NDArray[np.void]], y: Sequence[Ints]) -> Self:
        """Learn from events and their labels.

        Parameters
        ----------
        X : sequence of ndarray of CHORD_EVENT_DTYPE
        y : sequence of ndarray of int64, as `chords.labels` numbers them

        Raises
        ------
        ValueError
            If there are no pieces, or labels that do not go with them.
        """
        self._check_params()
        matrix, target = self.design(_check(X), _check_labels(X, y))
        self.solver(matrix, target)
        return self

    def design(
        self, pieces: Sequence[NDArray[np.void]], labels: Sequence[Ints]
    ) -> tuple[Any, Ints]:
        """Return the sparse matrix of features of `pieces`, and the turned labels; learns `codes_`.

        Raises
        ------
        ValueError
            If pieces and labels differ in number or length.
        """
        codes = self._codes(pieces)
        found, count = np.unique(codes, return_counts=True)
        self.codes_ = found[(found >= 0) & (count >= self.min_count)].astype(np.int64)
        if not len(self.codes_):
            raise ValueError(f"min_count={self.min_count}: no feature is shown so often")
        bass = np.concatenate([events["bass"] for events in pieces]).astype(np.int64)
        truth = np.concatenate([np.asarray(own, np.int64) for own in labels])
        return self._matrix(codes), (truth - bass * N_QUALITIES) % N_LABELS

    def solver(self, matrix: Any, target: Ints) -> Any:
        """Solve the SVM of a `matrix` of features and its `target`, whose coefficients learn."""
        from sklearn.svm import LinearSVC

        solved = LinearSVC(C=self.C, dual=True, random_state=0, max_iter=3000)
        solved.fit(matrix, target)
        self.classes_ = solved.classes_.astype(np.int64)
        weights = np.vstack([solved.coef_.T, solved.intercept_])
        # of two classes the solver gives the margin of the second alone
        self.weights_ = weights if len(self.classes_) > 2 else np.hstack([-weights, weights])
        return solved

    def _codes(self, pieces: Sequence[NDArray[np.void]]) -> NDArray[np.int32]:
        rows = [
            relative_codes(events, events["bass"][:, None].astype(np.int64), self.families)[:, 0]
            for events in pieces
        ]
        return np.concatenate(rows)

    def _numbered(self, codes: NDArray[np.int32]) -> Ints:
        """Return the column of each code, -1 where it has none."""
        number = np.full(max(int(codes.max(initial=0)), int(self.codes_[-1])) + 2, -1, np.int64)
        number[self.codes_] = np.arange(len(self.codes_))
        return number[codes]

    def _matrix(self, codes: NDArray[np.int32]) -> Any:
        from scipy.sparse import csr_array

        column = self._numbered(codes)
        used = column >= 0
        first = np.concatenate([[0], np.cumsum(used.sum(axis=1))]).astype(np.int32)
        values = np.ones(int(used.sum()))
        indices = column[used].astype(np.int32)
        return csr_array((values, indices, first), (len(codes), len(self.codes_)))

    def decision_function(self, pieces: Sequence[NDArray[np.void]]) -> list[Floats]:
        """Return the margin of every label at every event of `pieces`; -inf for those never seen.

        Returns
        -------
        list of ndarray of shape (n_events, N_LABELS)
        """
        self._check_fitted("weights_")
        margins = []
        for events in _check(pieces):
            column = self._numbered(self._codes([events]))
            padded = np.vstack([self.weights_[:-1], np.zeros(self.weights_.shape[1])])
            score = padded[column].sum(axis=1) + self.weights_[-1]
            full = np.full((len(events), N_LABELS), -np.inf)
            turned = self.classes_ + events["bass"][:, None].astype(np.int64) * N_QUALITIES
            np.put_along_axis(full, turned % N_LABELS, score, axis=1)
            margins.append(full)
        return margins

    def predict_proba(self, pieces: Sequence[NDArray[np.void]]) -> list[Floats]:
        """Return the probability of every label at every event of `pieces`."""
        probs = []
        for margin in self.decision_function(pieces):
            raised = margin / self.temperature
            share = np.exp(raised - raised.max(axis=1, keepdims=True))
            probs.append(share / share.sum(axis=1, keepdims=True))
        return probs

    def predict(self, pieces: Sequence[NDArray[np.void]]) -> list[Ints]:
        """Return the label with the widest margin at every event of `pieces`."""
        return [margin.argmax(axis=1) for margin in self.decision_function(pieces)]

    def score(self, X: Sequence[NDArray[np.void]], y: Sequence[Ints]) -> float:
        """Return the share of events of `X` that are labelled as `y` says."""
        labels = _check_labels(_check(X), y)
        return float((np.concatenate(self.predict(X)) == np.concatenate(labels)).mean())


def _check(X: Any) -> list[NDArray[np.void]]:
    """Return pieces that are all events."""
    pieces = [np.asarray(piece) for piece in check_list(X)]
    for i, piece in enumerate(pieces):
        if piece.dtype != CHORD_EVENT_DTYPE or piece.ndim != 1 or not len(piece):
            raise ValueError(f"piece {i}: expected chord events, one or more")
        sound = (piece["bass"] >= 0) & (piece["bass"] < 12) & (piece["accent"] >= 0)
        if not (sound & (piece["accent"] < N_ACCENTS)).all():
            raise ValueError(f"piece {i}: expected basses 0 to 11, accents 0 to {N_ACCENTS - 1}")
    return pieces


def _check_labels(X: Any, y: Any) -> list[Ints]:
    """Return labels that go with pieces."""
    labels = [np.asarray(own) for own in check_list(y)]
    if len(labels) != len(X):
        raise ValueError(f"{len(X)} pieces, {len(labels)} rows of labels: expected as many")
    for i, (piece, own) in enumerate(zip(X, labels, strict=True)):
        sound = own.shape == (len(piece),) and own.dtype.kind in "iu"
        if not sound or (own < 0).any() or (own >= N_LABELS).any():
            raise ValueError(f"piece {i}: expected {len(piece)} labels from 0 to {N_LABELS - 1}")
    return labels
