"""The frame model: any polyphony, frame after frame and key after key, with a likelihood.

A piece is a roll of shape (n_frames, n_keys): which keys sound in which frame. The chain rule
over frames and keys makes each key one yes-or-no question, answered by a gated logistic mixture
of counting experts (`kernels/mixer.py`) under contexts of voices, chords, time and of the piece
so far (`kernels/atoms.py`, `models/frames/templates.py`). So the law is normalised over all
2 ** n_keys frames exactly, with any number of simultaneous notes, and

    log P(roll) = sum over t, k of log P(roll[t, k] | frames before t, keys before k)        (1)

is a likelihood in the sense of Boulanger-Lewandowski, Bengio and Vincent (2012), who report its
mean over frames.

Experts are counted over the training pieces; the mixture learns its weights on each of them
with that piece's own counts taken out, so that it meets it as it will meet an unseen one. Short
experts count the piece so far, and others point at its earlier places (`memory`).

Keys can be asked in several orders, each a model of its own; their frame probabilities are
averaged with weights, which stays a law over frames.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.models.base import Estimator, generator
from stats_composer.models.frames.chain import FrameChain, Reader
from stats_composer.models.frames.templates import GAP_TEMPLATES, GATES, KEY_TEMPLATES, Template

__all__ = ["FrameModel"]

Floats = NDArray[np.float64]


class FrameModel(Estimator):
    """Chronological likelihood of polyphonic frames, by keys.

    Parameters
    ----------
    orders : sequence of str
        In which orders the keys of a frame are asked: "up", "down", "top-up" (the top note
        first, then the rest from below) or "bottom-down". Several are averaged.
    memory : bool
        Whether experts look back further than some frames of the piece. Its key and its bar so
        far, which are felt over all of it, are known either way.
    adapt : bool
        Whether the weights go on learning within each piece that is scored; after it they are
        as before.
    rates : sequence of float
        The step size of each pass over the training pieces; at least one.
    frames_a_pass : int
        A pass stops before it has seen more frames than these, save in its first piece.
    caution : float
        What the sums of squared gradients start at: the higher, the slower weights move.
    decay : float
        How strongly the weights of the gates are drawn to zero.
    smoothing : (float, float)
        Weight of the parent's estimate in those of long and of short experts.
    log2_slots : int
        Size of the table of counts.
    gap_templates, key_templates : mapping of str to Template, optional
    gates : sequence of str, optional
    random_state : int, optional
        Order of the pieces in training.
    n_jobs : int
        Threads that learn and score, an order each; the result is the same.

    Attributes
    ----------
    chains_ : list of FrameChain
        One an order.
    weights_ : ndarray of shape (n_orders,), float64

    Examples
    --------
    >>> roll = np.zeros((16, 12), bool)
    >>> roll[::2, [0, 4, 7]] = roll[1::2, [2, 5, 9]] = True
    >>> model = FrameModel(log2_slots=16).fit([roll] * 6)
    >>> bool(model.score([roll]) > 12 * np.log(0.5))
    True
    """

    def __init__(
        self,
        orders: Sequence[str] = ("up",),
        *,
        memory: bool = True,
        adapt: bool = False,
        rates: Sequence[float] = (0.02, 0.005),
        frames_a_pass: int = 250_000,
        caution: float = 200.0,
        decay: float = 0.3,
        smoothing: tuple[float, float] = (1.0, 2.0),
        log2_slots: int = 24,
        gap_templates: Mapping[str, Template] | None = None,
        key_templates: Mapping[str, Template] | None = None,
        gates: Sequence[str] | None = None,
        random_state: int | None = None,
        n_jobs: int = 1,
    ) -> None:
        self.orders = orders
        self.memory = memory
        self.adapt = adapt
        self.rates = rates
        self.frames_a_pass = frames_a_pass
        self.caution = caution
        self.decay = decay
        self.smoothing = smoothing
        self.log2_slots = log2_slots
        self.gap_templates = gap_templates
        self.key_templates = key_templates
        self.gates = gates
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _new_chain(self, order: str, n_keys: int) -> FrameChain:
        return FrameChain(
            order,
            n_keys,
            gaps=GAP_TEMPLATES if self.gap_templates is None else self.gap_templates,
            keys=KEY_TEMPLATES if self.key_templates is None else self.key_templates,
            gates=GATES if self.gates is None else self.gates,
            memory=self.memory,
            smoothing=self.smoothing,
            caution=self.caution,
            decay=self.decay,
            log2_slots=self.log2_slots,
        )

    def fit(self, X: Any, y: Any = None, *, callback: Callable[..., None] | None = None) -> Self:
        """Count the pieces and learn the weights.

        Parameters
        ----------
        X : list of ndarray of shape (n_frames, n_keys), bool
        callback : callable, optional
            Called as callback(order, pass, mean log-likelihood of a frame in the pass).

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no piece, no frame, a piece of another shape, no order or no rate.
        """
        rolls = check_rolls(X)
        if not sum(len(roll) for roll in rolls):
            raise ValueError("no frames: expected pieces of at least one frame in all")
        if not len(self.orders) or not len(self.rates):
            raise ValueError(f"orders {self.orders}, rates {self.rates}: expected one or more")

        def learn(order: str) -> tuple[FrameChain, Floats]:
            rng = np.random.default_rng(self.random_state or 0)
            chain = self._new_chain(order, rolls[0].shape[1])
            chain.count(rolls)
            for number, rate in enumerate(self.rates):
                surprise = chain.learn(rolls, rate, rng, self.frames_a_pass)
                if callback is not None:
                    callback(order, number, -float(surprise.mean()))
            return chain, -surprise

        learned = self._for_each(learn, self.orders)
        self.chains_ = [chain for chain, _ in learned]
        self.weights_ = mixture_weights(np.stack([seen for _, seen in learned]))
        return self

    def _for_each(self, task: Callable[[Any], Any], orders: Sequence[Any]) -> list[Any]:
        """Do a task for each order, in threads of their own."""
        with ThreadPoolExecutor(max(1, min(self.n_jobs, len(orders)))) as pool:
            return list(pool.map(task, orders))

    # ---- scores -------------------------------------------------------------------------

    def _surprises(self, roll: Any) -> Floats:
        """Surprise of every key by every order, (n_orders, n_frames, n_keys)."""
        self._check_fitted("chains_")
        checked = check_rolls([roll], self.chains_[0].n_keys)[0]
        rate = self.rates[-1] if self.adapt else 0.0
        return np.stack(
            self._for_each(lambda chain: chain.score(checked, adapt=rate), self.chains_)
        )

    def score_samples(self, roll: Any) -> Floats:
        """Return log P of each frame given those before it, nats.

        Parameters
        ----------
        roll : ndarray of shape (n_frames, n_keys), bool

        Returns
        -------
        ndarray of shape (n_frames,), float64
        """
        return self._combine(-self._surprises(roll).sum(axis=2))

    def _combine(self, log_prob: Floats) -> Floats:
        joint = log_prob + np.log(self.weights_)[:, None]
        top = joint.max(axis=0)
        combined: Floats = top + np.log(np.exp(joint - top).sum(axis=0))
        return combined

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of a frame, nats."""
        return float(np.concatenate([self.score_samples(roll) for roll in X]).mean())

    def surprise(self, roll: Any) -> Floats:
        """Return -log P of each key's state, nats: how little it was expected.

        With several orders, their mean, weighted by how well each predicted the frame.

        Returns
        -------
        ndarray of shape (n_frames, n_keys), float64
            Of one order, the sum over keys is minus `score_samples`.
        """
        surprises = self._surprises(roll)
        joint = np.log(self.weights_)[:, None] - surprises.sum(axis=2)
        share = np.exp(joint - joint.max(axis=0))
        share /= share.sum(axis=0)
        mean: Floats = (share[:, :, None] * surprises).sum(axis=0)
        return mean

    # ---- draws --------------------------------------------------------------------------

    def sample(
        self, n_frames: int, random_state: int | np.random.Generator | None = None
    ) -> NDArray[np.bool_]:
        """Draw a piece.

        Returns
        -------
        ndarray of shape (n_frames, n_keys), bool
        """
        self._check_fitted("chains_")
        nothing = np.zeros((0, self.chains_[0].n_keys), np.bool_)
        return self.continue_(nothing, n_frames, random_state)

    def continue_(
        self,
        opening: Any,
        n_frames: int,
        random_state: int | np.random.Generator | None = None,
    ) -> NDArray[np.bool_]:
        """Draw what comes after an opening.

        Parameters
        ----------
        opening : ndarray of shape (n_given, n_keys), bool
        n_frames : int
            How many frames to draw.

        Returns
        -------
        ndarray of shape (n_given + n_frames, n_keys), bool
            The opening and what was drawn.
        """
        self._check_fitted("chains_")
        if n_frames < 0:
            raise ValueError(f"n_frames {n_frames}: expected 0 or more")
        given = check_rolls([opening], self.chains_[0].n_keys)[0]
        roll = np.concatenate([given, np.zeros((n_frames, given.shape[1]), np.bool_)])
        rng = generator(random_state)
        readers = [Reader(chain, roll) for chain in self.chains_]
        for reader in readers:
            reader.run(len(given))
        for t in range(len(given), len(roll)):
            chosen = int(rng.choice(len(readers), p=self.weights_))
            readers[chosen].draw(rng.random((1, roll.shape[1]))[0])
            roll[t] = readers[chosen].frame(t)
            for i, reader in enumerate(readers):
                if i != chosen:
                    reader.show(roll[t])
        return roll

    # ---- files --------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned: sizes as JSON can hold them, and arrays."""
        self._check_fitted("chains_")
        sizes = {"n_keys": self.chains_[0].n_keys, "weights": self.weights_.tolist()}
        arrays = {
            f"{i}.{name}": array
            for i, chain in enumerate(self.chains_)
            for name, array in chain.state().items()
        }
        return sizes, arrays

    def restore(self, sizes: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave, for a model of the same parameters.

        Raises
        ------
        ValueError
            If the arrays do not fit the templates.
        """
        self.weights_ = np.array(sizes["weights"], np.float64)
        self.chains_ = []
        for i, order in enumerate(self.orders):
            chain = self._new_chain(order, int(sizes["n_keys"]))
            own = {n.split(".", 1)[1]: a for n, a in arrays.items() if n.startswith(f"{i}.")}
            self.chains_.append(chain.restore(own))
        return self


def check_rolls(rolls: Any, n_keys: int | None = None) -> list[NDArray[np.bool_]]:
    """Check a list of rolls: of shape (n_frames, n_keys), of booleans or of 0 and 1.

    Raises
    ------
    ValueError
        Naming the first piece that is not one, or an empty list.
    """
    arrays = [np.asarray(roll) for roll in rolls]
    if not arrays:
        raise ValueError("no pieces: expected a list of rolls")
    for i, array in enumerate(arrays):
        if array.ndim != 2 or array.shape[1] != (n_keys or arrays[0].shape[1]):
            expected = f"(n_frames, {n_keys or 'n_keys'})"
            raise ValueError(f"piece {i} of shape {array.shape}: expected {expected}")
        if not 1 <= array.shape[1] <= 120:
            raise ValueError(f"piece {i}: {array.shape[1]} keys: expected 1 to 120")
        if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
            raise ValueError(f"piece {i}: expected booleans, or 0 and 1")
    return [np.ascontiguousarray(array, np.bool_) for array in arrays]


def mixture_weights(log_prob: Floats, n_rounds: int = 100) -> Floats:
    """Return the weights of a mixture of given laws that fit best, by EM.

    Parameters
    ----------
    log_prob : ndarray of shape (n_laws, n_samples), float64
    """
    prob = np.exp(log_prob - log_prob.max(axis=0))
    weights = np.full(len(prob), 1.0 / len(prob))
    for _ in range(n_rounds):
        joint = weights[:, None] * prob
        weights = (joint / joint.sum(axis=0)).mean(axis=1)
    total: Floats = weights / math.fsum(weights)
    return total
