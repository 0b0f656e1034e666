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
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.models.base import (
    Callback,
    Estimator,
    History,
    RandomState,
    check_list,
    check_size,
    generator,
)
from stats_composer.models.frames.chain import ORDERS, Design, FrameChain, Reader
from stats_composer.models.frames.templates import (
    GAP_TEMPLATES,
    GATES,
    KEY_TEMPLATES,
    Template,
    check_templates,
)
from stats_composer.models.parameters import SEED, Each, OneOf, Parameters, Real, Whole

__all__ = ["FrameModel"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

MAX_KEYS = 120  # two words of 60 bits: `kernels/past.py`


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
    random_state : int, Generator or None
        Order of the pieces in training.
    n_jobs : int
        Threads that learn and score, an order each, or -1 for as many as there are processors;
        the result is the same.

    Attributes
    ----------
    chains_ : list of FrameChain
        One an order.
    weights_ : ndarray of shape (n_orders,), float64
    n_features_in_ : int
        Number of keys.
    history_ : list of dict
        Of each pass: the order as `stage`, its `step` from 1, and as `objective` the mean
        log-likelihood of a frame as it was met, its own piece left out of the counts.

    Examples
    --------
    >>> roll = np.zeros((16, 12), bool)
    >>> roll[::2, [0, 4, 7]] = roll[1::2, [2, 5, 9]] = True
    >>> model = FrameModel(log2_slots=16).fit([roll] * 6)
    >>> bool(model.score([roll]) > 12 * np.log(0.5))
    True
    """

    _parameters: ClassVar[Parameters] = {
        "orders": (Each(tuple(ORDERS), least=1),),
        "memory": (bool,),
        "adapt": (bool,),
        "rates": (Each((Real(open=True),), least=1),),
        "frames_a_pass": (Whole(1),),
        "caution": (Real(open=True),),
        "decay": (Real(),),
        "smoothing": (Each((Real(open=True),), least=2),),
        "log2_slots": (Whole(4, 30),),
        "gap_templates": (None, Mapping),
        "key_templates": (None, Mapping),
        "gates": (None, Each((OneOf((str,), "a name"),))),
        "random_state": SEED,
        "n_jobs": (Whole(1), Whole(-1, -1)),
    }

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
        random_state: RandomState = 0,
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
        design = Design(
            gaps=GAP_TEMPLATES if self.gap_templates is None else self.gap_templates,
            keys=KEY_TEMPLATES if self.key_templates is None else self.key_templates,
            gates=GATES if self.gates is None else self.gates,
            memory=self.memory,
            smoothing=self.smoothing,
            caution=self.caution,
            decay=self.decay,
            log2_slots=self.log2_slots,
        )
        return FrameChain(order, n_keys, design)

    def fit(self, X: Any, y: Any = None, *, callback: Callback = None) -> Self:
        """Count the pieces and learn the weights.

        Parameters
        ----------
        X : list of ndarray of shape (n_frames, n_keys), bool, or int of 0 and 1
        y : ignored
        callback : callable, optional
            Called as callback(order, passes done, passes in all).

        Raises
        ------
        ValueError
            If there is no piece, a piece without frames or of another shape, or a parameter is
            not what it may be.
        """
        self._check_parameters()
        rolls = check_rolls(X)
        self.n_features_in_ = rolls[0].shape[1]
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = int(generator(seed).integers(2**63))

        def learn(order: str) -> tuple[FrameChain, list[Floats]]:
            rng = np.random.default_rng(seed)
            chain = self._new_chain(order, self.n_features_in_)
            chain.count(rolls)
            passes = []
            for number, rate in enumerate(self.rates, 1):
                passes.append(-chain.learn(rolls, rate, rng, self.frames_a_pass))
                if callback is not None:
                    callback(order, number, len(self.rates))
            return chain, passes

        learned = self._for_each(learn, self.orders)
        self.chains_ = [chain for chain, _ in learned]
        self.history_ = _history(self.orders, [passes for _, passes in learned])
        self.weights_ = mixture_weights(np.stack([passes[-1] for _, passes in learned]))
        return self

    def _check_parameters(self) -> None:
        self._check_params()
        if len(self.smoothing) != 2:
            raise ValueError(f"smoothing={self.smoothing!r}: expected two numbers")
        check_templates(
            GAP_TEMPLATES if self.gap_templates is None else self.gap_templates,
            KEY_TEMPLATES if self.key_templates is None else self.key_templates,
            GATES if self.gates is None else self.gates,
        )

    def _for_each(self, task: Callable[[Any], Any], orders: Sequence[Any]) -> list[Any]:
        """Do a task for each order, in threads of their own."""
        n_jobs = (os.cpu_count() or 1) if self.n_jobs == -1 else self.n_jobs
        with ThreadPoolExecutor(max(1, min(n_jobs, len(orders)))) as pool:
            return list(pool.map(task, orders))

    # ---- scores -------------------------------------------------------------------------

    def _surprises(self, roll: Any, name: str = "piece") -> Floats:
        """Surprise of every key by every order, (n_orders, n_frames, n_keys)."""
        self._check_fitted("chains_")
        checked = check_roll(roll, self.chains_[0].n_keys, name=name)
        rate = self.rates[-1] if self.adapt else 0.0
        return np.stack(
            self._for_each(lambda chain: chain.score(checked, adapt=rate), self.chains_)
        )

    def log_probs(self, piece: Any) -> Floats:
        """Return log P of each frame given those before it, nats: (1), summed over its keys.

        Parameters
        ----------
        piece : ndarray of shape (n_frames, n_keys), bool, or int of 0 and 1

        Returns
        -------
        ndarray of shape (n_frames,), float64
        """
        return self._combine(-self._surprises(piece).sum(axis=2))

    def _combine(self, log_prob: Floats) -> Floats:
        joint = log_prob + np.log(self.weights_)[:, None]
        top = joint.max(axis=0)
        combined: Floats = top + np.log(np.exp(joint - top).sum(axis=0))
        return combined

    def score_samples(self, X: Any) -> Floats:
        """Return the log-likelihood of each piece, nats.

        Parameters
        ----------
        X : list of ndarray of shape (n_frames, n_keys), bool, or int of 0 and 1

        Returns
        -------
        ndarray of shape (n_pieces,), float64
        """
        self._check_fitted("chains_")
        rolls = check_rolls(X, self.chains_[0].n_keys)
        return np.array([self.log_probs(roll).sum() for roll in rolls])

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of a frame of `X`, nats, all its keys; `y` is not read."""
        self._check_fitted("chains_")
        rolls = check_rolls(X, self.chains_[0].n_keys)
        return float(np.concatenate([self.log_probs(roll) for roll in rolls]).mean())

    def surprise(self, piece: Any) -> Floats:
        """Return -log P of each key's state, nats: how little it was expected.

        With several orders, their mean, weighted by how well each predicted the frame.

        Returns
        -------
        ndarray of shape (n_frames, n_keys), float64
            Of one order, the sum over keys is minus `log_probs`.
        """
        surprises = self._surprises(piece)
        joint = np.log(self.weights_)[:, None] - surprises.sum(axis=2)
        share = np.exp(joint - joint.max(axis=0))
        share /= share.sum(axis=0)
        mean: Floats = (share[:, :, None] * surprises).sum(axis=0)
        return mean

    # ---- draws --------------------------------------------------------------------------

    def sample(
        self,
        n_samples: int = 1,
        *,
        n_steps: int,
        given: Any = None,
        random_state: RandomState = None,
    ) -> list[Bools]:
        """Draw pieces, or continuations of an opening.

        Parameters
        ----------
        n_samples : int
        n_steps : int
            Frames to draw; what is given does not count, and is not returned.
        given : ndarray of shape (n_given, n_keys), bool, or int of 0 and 1, optional
            What each piece began with.
        random_state : int, Generator or None

        Returns
        -------
        list of ndarray of shape (n_steps, n_keys), bool
        """
        self._check_fitted("chains_")
        n_keys = self.chains_[0].n_keys
        opening = np.zeros((0, n_keys), np.bool_)
        if given is not None and len(given):
            opening = check_roll(given, n_keys, name="given")
        check_size("n_samples", n_samples, 1)
        check_size("n_steps", n_steps)
        rng = generator(random_state)
        return [self._draw(opening, n_steps, rng) for _ in range(n_samples)]

    def _draw(self, opening: Bools, n_steps: int, rng: np.random.Generator) -> Bools:
        roll = np.concatenate([opening, np.zeros((n_steps, opening.shape[1]), np.bool_)])
        readers = [Reader(chain, roll) for chain in self.chains_]
        for reader in readers:
            reader.run(len(opening))
        for t in range(len(opening), len(roll)):
            chosen = int(rng.choice(len(readers), p=self.weights_))
            readers[chosen].draw(rng.random((1, roll.shape[1]))[0])
            roll[t] = readers[chosen].frame(t)
            for i, reader in enumerate(readers):
                if i != chosen:
                    reader.show(roll[t])
        return roll[len(opening) :]

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
        """Take back the `sizes` and arrays that `state` gave, with the same parameters.

        Raises
        ------
        ValueError
            If the arrays do not fit the templates.
        """
        self._check_parameters()
        n_keys, weights = int(sizes["n_keys"]), np.array(sizes["weights"], np.float64)
        if not 1 <= n_keys <= MAX_KEYS or weights.shape != (len(self.orders),):
            raise ValueError(
                f"{n_keys} keys, {len(weights)} weights: "
                f"expected 1 to {MAX_KEYS}, and {len(self.orders)}"
            )
        self.n_features_in_, self.weights_ = n_keys, weights
        self.chains_ = []
        for i, order in enumerate(self.orders):
            chain = self._new_chain(order, n_keys)
            own = {n.split(".", 1)[1]: a for n, a in arrays.items() if n.startswith(f"{i}.")}
            self.chains_.append(chain.restore(own))
        return self


def check_rolls(rolls: Any, n_keys: int | None = None) -> list[Bools]:
    """Check a list of rolls: see `check_roll`.

    Raises
    ------
    ValueError
        Naming the first piece that is not one, an empty list, or one roll without a list.
    """
    found: list[Bools] = []
    for i, roll in enumerate(check_list(rolls)):
        found.append(check_roll(roll, n_keys, name=f"piece {i}"))
        n_keys = found[0].shape[1]
    return found


def check_roll(roll: Any, n_keys: int | None = None, *, name: str) -> Bools:
    """Return a roll as bool of shape (n_frames, n_keys), one frame or more, contiguous.

    Raises
    ------
    ValueError
        If it has other axes, no frame, or something else than booleans, or 0 and 1.
    """
    array = np.asarray(roll)
    if array.ndim != 2 or not len(array) or array.shape[1] != (n_keys or array.shape[1]):
        expected = f"(n_frames, {n_keys or 'n_keys'}), one frame or more"
        raise ValueError(f"{name} of shape {array.shape}: expected {expected}")
    if not 1 <= array.shape[1] <= MAX_KEYS:
        raise ValueError(f"{name}: {array.shape[1]} keys: expected 1 to {MAX_KEYS}")
    if array.dtype != np.bool_:
        if not np.issubdtype(array.dtype, np.integer):
            raise ValueError(f"{name} of {array.dtype}: expected booleans, or 0 and 1")
        wrong = (array < 0) | (array > 1)
        if wrong.any():
            frame, key = np.argwhere(wrong)[0].tolist()
            raise ValueError(
                f"{name}, frame {frame}, key {key}: {array[frame, key]}, "
                "expected booleans, or 0 and 1"
            )
    return np.ascontiguousarray(array, np.bool_)


def _history(orders: Sequence[str], passes: Sequence[Sequence[Floats]]) -> History:
    """Return the mean log-likelihood of a frame in each pass over the pieces."""
    return [
        {"stage": order, "step": step, "objective": float(log_prob.mean())}
        for order, of_one in zip(orders, passes, strict=True)
        for step, log_prob in enumerate(of_one, 1)
    ]


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
