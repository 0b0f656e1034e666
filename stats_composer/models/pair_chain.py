"""A structured support vector machine of pairs in a chain: what lasts, and what is in it.

A path gives each step a home and a label (`kernels.pair_chain`): for chords, the key and the
chord. Its score is linear in weights w,

    F(y) = sum_t a . (l_t(label), k_t(home)) + sit[mode, degree, class] + changes(t)          (1)

where l and k are log-probabilities that other models found. The weights minimize

    lambda / 2 |w|^2 + 1 / n sum over pieces of max over y' of F(y') + loss(y', y) - F(y)     (2)

n the number of steps, by the block-coordinate Frank-Wolfe method: one piece after the other is
decoded with its losses added, and the best step towards what was found has a closed form. Paths
lead through candidates alone: the likeliest few homes and labels near each step. Posteriors are
those of exp(F / temperature).

References
----------
I. Tsochantaridis et al., "Large margin methods for structured and interdependent output
variables", JMLR 6, 2005, equation 2. S. Lacoste-Julien et al., "Block-coordinate Frank-Wolfe
optimization for structural SVMs", ICML 2013, algorithm 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.pair_chain import Tables, best_path, choose_near, pair_marginals
from stats_composer.models.base import Estimator

__all__ = ["PairChain", "Seen"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEAR_LABEL, NEAR_HOME = 3, 12
"""Steps to either side whose likely labels and homes are candidates too, `FADE` a step less."""
FADE = 0.15
WRONG_HOME, WRONG_ROW, WRONG_LABEL = 0.5, 0.7, 0.3
"""The losses of (2), a step."""
_WIDTH = {"own": 0.05, "sit": 0.5, "change": 1.0, "follow": 0.5, "leave": 1.0, "move": 1.0}
"""Prior widths of the weights' parts, in whose units w is regularized."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What is seen of a piece: log-probabilities and gates.

    Attributes
    ----------
    labels : ndarray of shape (n_steps, 12 * n_classes)
    homes : ndarray of shape (n_steps, 24)
    gate : ndarray of shape (n_steps,), int64

    Examples
    --------
    >>> even = Seen(np.zeros((3, 24)), np.zeros((3, 24)), np.zeros(3, np.int64))
    >>> even.labels.shape
    (3, 24)
    """

    labels: Floats
    homes: Floats
    gate: Ints


@dataclass(frozen=True, eq=False)
class _Task:
    """A piece in training: its candidates, their losses, and the features of what is right."""

    seen: Seen
    homes: Ints
    labels: Ints
    losses: Floats
    right: Floats


class PairChain(Estimator):
    """The machine of the module's docstring.

    Parameters
    ----------
    group : ndarray of shape (n_classes,), int64
    n_gates : int
    penalty : float
        Lambda of (2).
    n_epochs : int
    n_labels, n_homes : int
        Candidates a step.
    temperature : float

    Attributes
    ----------
    weights_ : ndarray of shape (n_weights,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels, homes = np.log(rng.dirichlet(np.ones(24), 3)), np.log(rng.dirichlet(np.ones(24), 3))
    >>> seen = Seen(labels, homes, np.zeros(3, np.int64))
    >>> chain = PairChain(np.array([0, 1]), n_gates=1)
    >>> best = chain.fit([seen], [homes.argmax(1)], [labels.argmax(1)]).predict(seen)
    >>> [part.shape for part in best]
    [(3,), (3,)]
    """

    def __init__(
        self,
        group: Ints,
        *,
        n_gates: int,
        penalty: float = 1e-3,
        n_epochs: int = 6,
        n_labels: int = 6,
        n_homes: int = 4,
        temperature: float = 1.0,
    ) -> None:
        self.group = group
        self.n_gates = n_gates
        self.penalty = penalty
        self.n_epochs = n_epochs
        self.n_labels = n_labels
        self.n_homes = n_homes
        self.temperature = temperature

    # ---- weights ------------------------------------------------------------------------

    @property
    def n_weights(self) -> int:
        """How many weights there are."""
        return sum(int(np.prod(shape)) for shape in self._shapes().values())

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        places = 12 * (int(self.group.max()) + 1)
        return {
            "own": (2,),
            "sit": (2, 12, len(self.group)),
            "change": (self.n_gates,),
            "follow": (2, places, places),
            "leave": (2, 2, 12),
            "move": (self.n_gates,),
            "alone": (1,),
        }

    def _parts(self, weights: Floats) -> dict[str, Floats]:
        parts, start = {}, 0
        for name, shape in self._shapes().items():
            stop = start + int(np.prod(shape))
            parts[name] = weights[start:stop].reshape(shape) * _WIDTH.get(name, 1.0)
            start = stop
        return parts

    def _tables(self, parts: dict[str, Floats]) -> Tables:
        chosen = (parts[name] for name in ("change", "follow", "leave", "move", "alone"))
        return Tables(*(np.ascontiguousarray(part) for part in chosen))

    def _told(self, labels: Ints) -> Ints:
        """Return labels as the kernels read them: with their rows and groups."""
        row, own = np.divmod(labels, len(self.group))
        return np.stack([labels, row, self.group[own]], axis=-1)

    def _unary(self, parts: dict[str, Floats], seen: Seen, homes: Ints, labels: Ints) -> Floats:
        step = np.arange(len(seen.gate))[:, None]
        row, own = np.divmod(labels[:, :, None], len(self.group))
        home = homes[:, None, :]
        unary: Floats = (
            parts["own"][0] * seen.labels[step, labels][:, :, None]
            + parts["own"][1] * seen.homes[step, homes][:, None, :]
            + parts["sit"][home % 2, (row - home // 2) % 12, own]
        )
        return unary

    def _features(self, seen: Seen, homes: Ints, labels: Ints) -> Floats:
        """Return the derivative of (1) by the weights, for one path."""
        parts = {name: np.zeros(shape) for name, shape in self._shapes().items()}
        step = np.arange(len(homes))
        row, own = np.divmod(labels, len(self.group))
        parts["own"][:] = seen.labels[step, labels].sum(), seen.homes[step, homes].sum()
        np.add.at(parts["sit"], (homes % 2, (row - homes // 2) % 12, own), 1.0)
        t = np.flatnonzero(labels[1:] != labels[:-1]) + 1
        tonic, n_groups = homes[t] // 2, int(self.group.max()) + 1
        before, after = ((row[k] - tonic) % 12 * n_groups + self.group[own[k]] for k in (t - 1, t))
        np.add.at(parts["change"], seen.gate[t], 1.0)
        np.add.at(parts["follow"], (homes[t] % 2, before, after), 1.0)
        t = np.flatnonzero(homes[1:] != homes[:-1]) + 1
        degree = (homes[t] // 2 - homes[t - 1] // 2) % 12
        np.add.at(parts["leave"], (homes[t - 1] % 2, homes[t] % 2, degree), 1.0)
        np.add.at(parts["move"], seen.gate[t], 1.0)
        parts["alone"][0] = (labels[t] == labels[t - 1]).sum()
        return np.concatenate([p.ravel() * _WIDTH.get(name, 1.0) for name, p in parts.items()])

    # ---- learning -----------------------------------------------------------------------

    def fit(self, pieces: Sequence[Seen], homes: Sequence[Ints], labels: Sequence[Ints]) -> Self:
        """Learn the weights.

        Parameters
        ----------
        pieces : sequence of Seen
        homes, labels : sequence of ndarray of shape (n_steps,), int64
            What is right; steps where either is negative are let go.

        Raises
        ------
        ValueError
            If no step of any piece has both.
        """
        known = zip(pieces, homes, labels, strict=True)
        tasks = [self._task(*row) for row in known if ((row[1] >= 0) & (row[2] >= 0)).any()]
        if not tasks:
            raise ValueError("no step has a home and a label: nothing to learn from")
        n_weights = len(tasks[0].right)
        n_steps = sum(len(task.homes) for task in tasks)
        self.weights_ = np.zeros(n_weights)
        weights, own = np.zeros(n_weights), np.zeros((len(tasks), n_weights))
        lost = np.zeros(len(tasks))
        for number, i in enumerate(self._order(len(tasks))):
            slope, loss = self._rival(weights, tasks[i])
            target = slope / (self.penalty * n_steps)
            away = own[i] - target
            gap = self.penalty * (away @ weights) - lost[i] + loss / n_steps
            step = np.clip(gap / (self.penalty * (away @ away) + 1e-12), 0.0, 1.0)
            weights -= step * away
            own[i] -= step * away
            lost[i] += step * (loss / n_steps - lost[i])
            # the mean of the iterates, the later ones the heavier
            self.weights_ += 2.0 / (number + 2.0) * (weights - self.weights_)
        return self

    def _order(self, n: int) -> Iterator[int]:
        rng = np.random.default_rng(0)
        for _ in range(self.n_epochs):
            yield from rng.permutation(n).tolist()

    def _task(self, seen: Seen, homes: Ints, labels: Ints) -> _Task:
        known = (homes >= 0) & (labels >= 0)
        # Where nothing is known, what was right before goes on, at no loss.
        last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
        last = np.where(last < 0, np.flatnonzero(known)[0], last)
        homes, labels = homes[last], labels[last]
        near_homes, near_labels = self._candidates(seen, homes, labels)
        rows = labels // len(self.group)
        wrong = WRONG_ROW * (near_labels // len(self.group) != rows[:, None])
        wrong += WRONG_LABEL * (near_labels != labels[:, None])
        losses = wrong[:, :, None] + WRONG_HOME * (near_homes != homes[:, None])[:, None, :]
        losses *= known[:, None, None]
        return _Task(seen, near_homes, near_labels, losses, self._features(seen, homes, labels))

    def _rival(self, weights: Floats, task: _Task) -> tuple[Floats, float]:
        """Return what separates the right path from the worst violation of (2), and its loss."""
        parts = self._parts(weights)
        unary = self._unary(parts, task.seen, task.homes, task.labels) + task.losses
        step, label, home = self._best(unary, task.seen, task.homes, task.labels, parts)
        found = self._features(task.seen, task.homes[step, home], task.labels[step, label])
        return task.right - found, float(task.losses[step, label, home].sum())

    # ---- use ----------------------------------------------------------------------------

    def _candidates(
        self, seen: Seen, homes: Ints | None = None, labels: Ints | None = None
    ) -> tuple[Ints, Ints]:
        """Choose the candidates of each step, with given ones among them."""
        return (
            _likely(seen.homes, NEAR_HOME, self.n_homes, homes),
            _likely(seen.labels, NEAR_LABEL, self.n_labels, labels),
        )

    def _best(
        self, unary: Floats, seen: Seen, homes: Ints, labels: Ints, parts: dict[str, Floats]
    ) -> tuple[Ints, Ints, Ints]:
        """Return the best path: steps, and which candidate label and home each has."""
        path = np.empty(len(unary), np.int64)
        best_path(unary, homes, self._told(labels), seen.gate, self._tables(parts), path)
        return np.arange(len(path)), *np.divmod(path, homes.shape[1])

    def predict(self, seen: Seen) -> tuple[Ints, Ints]:
        """Return the best path: homes and labels, each of shape (n_steps,)."""
        return self._path(seen, *self._weighed(seen))

    def marginals(self, seen: Seen) -> tuple[Floats, Floats]:
        """Return how probable homes and labels are: (n_steps, 24), (n_steps, 12 * n_classes)."""
        return self._shares(seen, *self._weighed(seen))

    def decode(self, seen: Seen) -> tuple[Ints, Ints, Floats, Floats]:
        """Return what `predict` and `marginals` do, found together."""
        weighed = self._weighed(seen)
        return *self._path(seen, *weighed), *self._shares(seen, *weighed)

    def _path(
        self, seen: Seen, homes: Ints, labels: Ints, unary: Floats, parts: dict[str, Floats]
    ) -> tuple[Ints, Ints]:
        step, label, home = self._best(unary, seen, homes, labels, parts)
        return homes[step, home], labels[step, label]

    def _shares(
        self, seen: Seen, homes: Ints, labels: Ints, unary: Floats, parts: dict[str, Floats]
    ) -> tuple[Floats, Floats]:
        tables = Tables(*(part / self.temperature for part in self._tables(parts)))
        marginal, cooled = np.empty_like(unary), unary / self.temperature
        pair_marginals(cooled, homes, self._told(labels), seen.gate, tables, marginal)
        by_home, by_label = np.zeros_like(seen.homes), np.zeros_like(seen.labels)
        np.put_along_axis(by_home, homes, marginal.sum(axis=1), axis=1)
        np.put_along_axis(by_label, labels, marginal.sum(axis=2), axis=1)
        return by_home, by_label

    def _weighed(self, seen: Seen) -> tuple[Ints, Ints, Floats, dict[str, Floats]]:
        self._check_fitted("weights_")
        homes, labels = self._candidates(seen)
        parts = self._parts(self.weights_)
        return homes, labels, self._unary(parts, seen, homes, labels), parts


def _likely(log_prob: Floats, near: int, n: int, given: Ints | None) -> Ints:
    """Choose the n likeliest columns at or near each step, one that is given among them."""
    chosen = np.empty((len(log_prob), min(n, log_prob.shape[1])), np.int64)
    choose_near(log_prob, near, FADE, chosen)
    if given is not None:
        missing = (chosen != given[:, None]).all(axis=1)
        chosen[missing, -1] = given[missing]
    return chosen
