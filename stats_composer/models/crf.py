"""A linear-chain conditional random field with weights shared by the rows of its labels.

The labels of a step are pairs (row, class), label = row * n_classes + class; the rows turn:
where everything that is seen moves on by one row, so does what is found. For chords the rows
are the twelve roots and the classes the qualities, but the model knows neither. It is

    P(y | x) = exp(sum_t sum_k w[x[t, row(y_t), k], class(y_t)]
                   + sum_t progression[class(y_(t-1)), class(y_t), row(y_t) - row(y_(t-1))]
                   + sum_t change[gate_t, kind(y_(t-1), y_t)]) / Z(x)                       (1)

where the kind is 0 for the same label, 1 for the same row and 2 for another row, and the gate
is a small number seen at the step, such as its metrical accent. Fitted by maximum a posteriori
under Gaussian priors, with L-BFGS: the objective and its slope by a weight v of penalty l2 are

    sum over pieces of log P(y | x) - sum over weights of l2 v^2 / 2,                       (2)
    how often v counts along y - how often it is expected to along P(. | x) - l2 v.         (3)

References
----------
J. Lafferty, A. McCallum, F. Pereira, "Conditional random fields: probabilistic models for
segmenting and labeling sequence data", ICML 2001.
C. Sutton, A. McCallum, "An introduction to conditional random fields", Foundations and Trends
in Machine Learning 4(4), 2012, section 4.1: the gradient; 2.6: tied parameters.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels import crf as kernels
from stats_composer.models.base import Estimator, History, check_list
from stats_composer.models.parameters import Parameters, Real, Whole

__all__ = ["ChainCRF", "Observed"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

N_KINDS = 3
MAX_CODES = 1 << 24  # a table by feature, of 64 MB at most, numbers those that are used


@dataclass(frozen=True, eq=False)
class Observed:
    """What is seen of a piece.

    Attributes
    ----------
    codes : ndarray of shape (n_steps, n_rows, n_slots), int32
        Features of each row of each step, numbers from 0, or -1 for none. One that the training
        pieces did not show has no weight.
    gate : ndarray of shape (n_steps,), int64, in [0, n_gates)

    Examples
    --------
    >>> codes = np.zeros((4, 1, 2), np.int32)  # four steps of one row with two features
    >>> Observed(codes, gate=np.zeros(4, np.int64)).codes.shape
    (4, 1, 2)
    """

    codes: NDArray[np.int32]
    gate: Ints


class _Batch(NamedTuple):
    """Pieces end to end, as the kernels read them."""

    start: Ints
    feature: NDArray[np.int32]
    gate: Ints


class ChainCRF(Estimator):
    """The conditional random field of the module's docstring.

    Parameters
    ----------
    n_rows, n_classes, n_gates : int
    l2, l2_transition : float
        Half the inverse variances of the priors of w, and of progression and change.
    min_count : int
        Features that the training labels' own rows show less often are left out.
    max_iter : int
        Of L-BFGS.

    Attributes
    ----------
    codes_ : ndarray of shape (n_features,), int64, rising
        The features that are used.
    weights_ : ndarray of shape (n_features, n_classes)
    progression_ : ndarray of shape (n_classes, n_classes, n_rows)
    change_ : ndarray of shape (n_gates, 3)
    n_iter_ : int
    history_ : list of dict
        Of each iteration of L-BFGS: (2), in nats a label, as `objective`.

    Examples
    --------
    Two rows of one class; feature 0 marks the row that is right.

    >>> seen = Observed(np.array([[[0], [1]], [[1], [0]]], np.int32), np.zeros(2, np.int64))
    >>> model = ChainCRF(n_rows=2, n_classes=1, n_gates=1, l2=0.1, min_count=1)
    >>> model.fit([seen], [np.array([0, 1])]).predict([seen])[0].tolist()
    [0, 1]
    """

    _parameters: ClassVar[Parameters] = {
        "n_rows": (Whole(1),),
        "n_classes": (Whole(1),),
        "n_gates": (Whole(1),),
        "l2": (Real(),),
        "l2_transition": (Real(),),
        "min_count": (Whole(),),
        "max_iter": (Whole(1),),
    }

    def __init__(
        self,
        *,
        n_rows: int = 12,
        n_classes: int = 11,
        n_gates: int = 1,
        l2: float = 28.0,
        l2_transition: float = 1.0,
        min_count: int = 2,
        max_iter: int = 40,
    ) -> None:
        self.n_rows = n_rows
        self.n_classes = n_classes
        self.n_gates = n_gates
        self.l2 = l2
        self.l2_transition = l2_transition
        self.min_count = min_count
        self.max_iter = max_iter

    # ---- learning -----------------------------------------------------------------------

    def fit(self, X: Sequence[Observed], y: Sequence[Ints]) -> Self:
        """Learn the weights.

        Parameters
        ----------
        X : sequence of Observed
        y : sequence of ndarray of shape (n_steps,), int, in [0, n_rows * n_classes)

        Raises
        ------
        ValueError
            If there are no pieces, or labels that do not go with them.
        """
        from scipy.optimize import OptimizeResult, minimize

        self._check_params()
        pieces = _check(X, self.n_rows, self.n_gates)
        truth = _check_labels(pieces, y, self.n_rows * self.n_classes)
        self.codes_ = self._count_codes(pieces, y)
        objective = _Objective(self, self._batch(pieces), truth)
        self.history_: History = []

        def keep(intermediate_result: OptimizeResult) -> None:
            value = -float(intermediate_result.fun) / len(truth)
            step = len(self.history_) + 1
            self.history_.append({"stage": "weights", "step": step, "objective": value})

        found = minimize(
            objective,
            np.zeros(objective.n_parameters),
            jac=True,
            method="L-BFGS-B",
            callback=keep,
            options={"maxiter": self.max_iter, "maxcor": 8},
        )
        self.n_iter_ = int(found.nit)
        self.weights_, self.progression_, self.change_ = objective.unpack(found.x)
        return self

    def _count_codes(self, pieces: Sequence[Observed], labels: Sequence[Ints]) -> Ints:
        seen = [
            piece.codes[np.arange(len(own)), np.asarray(own) // self.n_classes].ravel()
            for piece, own in zip(pieces, labels, strict=True)
        ]
        codes, count = np.unique(np.concatenate(seen), return_counts=True)
        kept: Ints = codes[(count >= self.min_count) & (codes >= 0)].astype(np.int64)
        if kept.max(initial=0) >= MAX_CODES:
            raise ValueError(f"feature {kept.max()}: expected below {MAX_CODES}")
        return kept

    # ---- use ----------------------------------------------------------------------------

    def _check_use(self, X: Any) -> list[Observed]:
        """Check that the model is fitted, as its parameters say, and what it is asked about."""
        self._check_fitted("weights_")
        shapes = (
            (len(self.codes_), self.n_classes),
            (self.n_classes, self.n_classes, self.n_rows),
            (self.n_gates, N_KINDS),
        )
        learned = self.weights_.shape, self.progression_.shape, self.change_.shape
        if learned != shapes:
            raise ValueError(f"weights of shapes {learned}: expected {shapes}: fit again")
        return _check(X, self.n_rows, self.n_gates)

    def _batch(self, pieces: Sequence[Observed]) -> _Batch:
        """Replace codes by rows of the weights, those that are used first."""
        lengths = [len(piece.codes) for piece in pieces]
        codes = np.concatenate([piece.codes for piece in pieces])
        number = np.full(int(self.codes_.max(initial=0)) + 1, -1, np.int32)
        number[self.codes_] = np.arange(len(self.codes_))
        feature = np.empty_like(codes)
        width = kernels.number_features(codes, number, feature)
        start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        gate = np.concatenate([piece.gate for piece in pieces]).astype(np.int64)
        return _Batch(start, np.ascontiguousarray(feature[:, :, :width]), gate)

    def transition(self) -> Floats:
        """Return the log-weights of pairs of labels: (n_gates, n_labels, n_labels)."""
        self._check_fitted("weights_")
        index, kind = _pair_indices(self.n_rows, self.n_classes)
        table: Floats = self.progression_.ravel()[index] + self.change_[:, kind]
        return table

    def unary(self, X: Sequence[Observed]) -> list[Floats]:
        """Return the log-weights of labels at steps, one (n_steps, n_labels) a piece of `X`."""
        batch = self._batch(self._check_use(X))
        return np.split(self._gather(batch), batch.start[1:-1])

    def _gather(self, batch: _Batch) -> Floats:
        scores = np.empty((len(batch.feature), self.n_rows * self.n_classes))
        kernels.gather_scores(batch.feature, np.ascontiguousarray(self.weights_), scores)
        return scores

    def marginals(self, X: Sequence[Observed]) -> list[Floats]:
        """Return how probable each label is at each step, the whole piece seen.

        Parameters
        ----------
        X : sequence of Observed

        Returns
        -------
        list of ndarray of shape (n_steps, n_labels), rows summing to 1
        """
        batch = self._batch(self._check_use(X))
        return self._marginals(batch, self._gather(batch))

    def _marginals(self, batch: _Batch, unary: Floats) -> list[Floats]:
        potential = np.exp(self.transition())
        marginal = np.empty_like(unary)
        none = np.empty((0, *potential.shape[1:]))
        turned = _turned(potential)
        kernels.forward_backward(batch.start, unary, batch.gate, potential, turned, marginal, none)
        return np.split(marginal, batch.start[1:-1])

    def predict(self, X: Sequence[Observed]) -> list[Ints]:
        """Return the most probable path of labels of each piece of `X`, by Viterbi's algorithm."""
        batch = self._batch(self._check_use(X))
        return self._paths(batch, self._gather(batch))

    def _paths(self, batch: _Batch, unary: Floats) -> list[Ints]:
        path = np.empty(len(batch.gate), np.int64)
        kernels.best_paths(batch.start, unary, batch.gate, self.transition(), path)
        return np.split(path, batch.start[1:-1])

    def decode(self, X: Sequence[Observed]) -> tuple[list[Ints], list[Floats]]:
        """Return what `predict` and `marginals` return for pieces `X`, in one go."""
        batch = self._batch(self._check_use(X))
        unary = self._gather(batch)
        return self._paths(batch, unary), self._marginals(batch, unary)

    def score(self, X: Sequence[Observed], y: Sequence[Ints]) -> float:
        """Return the mean conditional log-likelihood of a label of `y`, given `X`, in nats."""
        pieces = self._check_use(X)
        truth = _check_labels(pieces, y, self.n_rows * self.n_classes)
        objective = _Objective(self, self._batch(pieces), truth)
        return objective.log_likelihood(self.weights_, self.transition())[0] / len(truth)


class _Objective:
    """The penalized log-likelihood, negated, and its gradient."""

    def __init__(self, model: ChainCRF, batch: _Batch, truth: Ints) -> None:
        self.model, self.batch, self.truth = model, batch, truth
        self.index, self.kind = _pair_indices(model.n_rows, model.n_classes)
        n_labels = model.n_rows * model.n_classes
        self.unary = np.empty((len(truth), n_labels))
        self.marginal = np.empty((len(truth), n_labels))
        self.later = np.setdiff1d(np.arange(len(truth)), batch.start)
        self.sizes = (
            len(model.codes_) * model.n_classes,
            model.n_classes**2 * model.n_rows,
            model.n_gates * N_KINDS,
        )
        self.l2 = np.repeat([model.l2, model.l2_transition, model.l2_transition], self.sizes)

    @property
    def n_parameters(self) -> int:
        return sum(self.sizes)

    def unpack(self, parameters: Floats) -> tuple[Floats, Floats, Floats]:
        model = self.model
        weights, progression, change = np.split(parameters, np.cumsum(self.sizes)[:-1])
        return (
            weights.reshape(-1, model.n_classes).copy(),
            progression.reshape(model.n_classes, model.n_classes, model.n_rows).copy(),
            change.reshape(model.n_gates, N_KINDS).copy(),
        )

    def log_likelihood(self, weights: Floats, transition: Floats) -> tuple[float, Floats]:
        """Return it, and the expected counts of pairs by gate; the marginals are kept."""
        batch, truth, later = self.batch, self.truth, self.later
        kernels.gather_scores(batch.feature, weights, self.unary)
        potential = np.exp(transition)
        paired = np.zeros_like(potential)
        log_normaliser = kernels.forward_backward(
            batch.start,
            self.unary,
            batch.gate,
            potential,
            _turned(potential),
            self.marginal,
            paired,
        )
        paired *= potential
        own = self.unary[np.arange(len(truth)), truth].sum()
        own += transition[batch.gate[later], truth[later - 1], truth[later]].sum()
        return float(own - log_normaliser), paired  # the log of (1)

    def __call__(self, parameters: Floats) -> tuple[float, Floats]:
        truth, later = self.truth, self.later
        weights, progression, change = self.unpack(parameters)
        transition = progression.ravel()[self.index] + change[:, self.kind]
        value, paired = self.log_likelihood(weights, transition)
        pairs = -paired
        np.add.at(pairs, (self.batch.gate[later], truth[later - 1], truth[later]), 1.0)  # (3)
        residual = -self.marginal
        residual[np.arange(len(truth)), truth] += 1.0  # (3)
        slope = np.zeros_like(weights)
        kernels.add_features(self.batch.feature, residual, slope)
        by_step = np.bincount(self.index.ravel(), pairs.sum(axis=0).ravel(), self.sizes[1])
        by_kind = [np.bincount(self.kind.ravel(), gate.ravel(), N_KINDS) for gate in pairs]
        gradient = np.concatenate([slope.ravel(), by_step, *by_kind])
        penalty = 0.5 * float(self.l2 @ parameters**2)
        return penalty - value, self.l2 * parameters - gradient  # (2), (3)


def _check(X: Any, n_rows: int, n_gates: int) -> list[Observed]:
    """Return pieces that the kernels can read."""
    if isinstance(X, Observed):
        raise ValueError("one Observed: expected a list of pieces: wrap it in a list")
    pieces = check_list(X)
    n_slots = None
    for i, piece in enumerate(pieces):
        if not isinstance(piece, Observed):
            raise ValueError(f"piece {i} of {type(piece).__name__}: expected an Observed")
        codes, gate = np.asarray(piece.codes), np.asarray(piece.gate)
        shape = len(codes), n_rows, n_slots or codes.shape[-1]
        if codes.shape != shape or not len(codes) or codes.dtype.kind != "i":
            raise ValueError(
                f"piece {i}: codes of shape {codes.shape}, {codes.dtype}: "
                f"expected integers (n_steps, {n_rows}, {n_slots or 'n_slots'})"
            )
        n_slots = codes.shape[2]
        if gate.shape != (len(codes),) or gate.dtype.kind not in "iu":
            raise ValueError(f"piece {i}: gate of shape {gate.shape}: expected ({len(codes)},)")
        wrong = (gate < 0) | (gate >= n_gates)
        if wrong.any():
            step = int(np.argmax(wrong))
            raise ValueError(
                f"piece {i}, step {step}: gate {gate[step]}, expected 0 to {n_gates - 1}"
            )
    return pieces


def _check_labels(pieces: Sequence[Observed], labels: Any, n_labels: int) -> Ints:
    labels = check_list(labels)
    if len(pieces) != len(labels):
        raise ValueError(f"{len(pieces)} pieces, {len(labels)} rows of labels: expected as many")
    for number, (piece, own) in enumerate(zip(pieces, labels, strict=True)):
        own = np.asarray(own)
        sound = own.shape == (len(piece.codes),) and own.dtype.kind in "iu"
        if not sound or (own < 0).any() or (own >= n_labels).any():
            raise ValueError(
                f"piece {number}: expected {len(piece.codes)} labels from 0 to {n_labels - 1}"
            )
    return np.concatenate([np.asarray(own, np.int64) for own in labels])


@functools.cache
def _pair_indices(n_rows: int, n_classes: int) -> tuple[Ints, Ints]:
    """Index, of every pair of labels, its entry of `progression` and its kind of change."""
    row, own = np.divmod(np.arange(n_rows * n_classes), n_classes)
    step = (row[None, :] - row[:, None]) % n_rows
    index = (own[:, None] * n_classes + own[None, :]) * n_rows + step
    same = (step == 0) & (own[:, None] == own[None, :])
    return index, np.where(same, 0, np.where(step == 0, 1, 2))


def _turned(potential: Floats) -> Floats:
    return np.ascontiguousarray(potential.transpose(0, 2, 1))
