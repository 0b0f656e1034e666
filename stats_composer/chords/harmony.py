"""Harmony in keys: support vector machines of chords and keys, one over the other, and a chain.

The first hears the chord of each step from the notes around it; the second the key, from the
notes and the chords that were heard; the third the key again, from what the second thought of the
surroundings. What a machine learns from is always the opinion of machines that have not seen the
piece: the pieces of training are heard by folds. A structured machine then finds one path of
keys and chords together (`models.pair_chain`), whose posteriors say how sure it is, and the bass
is chosen among the tones of each chord (`chords.basses`).

References
----------
Z. Tu, "Auto-context and its application to high-level vision tasks", CVPR 2008, section 3.
D. Wolpert, "Stacked generalization", Neural Networks 5, 1992: learning from held-out opinions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.chords.basses import N_BASS_FEATURES, fit_basses
from stats_composer.chords.profiles import (
    BASS,
    COUNTED,
    FRAMED,
    N_CHORD,
    N_KEY,
    chord_profiles,
    key_profiles,
    n_opinions,
    opinion_profiles,
)
from stats_composer.chords.qualities import N_HOMES, N_KINDS, TRIAD
from stats_composer.chords.steps import SILENT, Steps
from stats_composer.models.pair_chain import PairChain, Seen
from stats_composer.models.turning import Counted, Framed, TurningClassifier, softmax

__all__ = ["HarmonyModel", "Heard", "LabelledSteps"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]

HEADS = ("chord", "key", "key again")
_ANSWERS = dict(zip(HEADS, ("labels", "homes", "homes"), strict=True))
_N_SEEN = {
    "chord": N_CHORD,
    "key": N_KEY + n_opinions(keyed=False),
    "key again": N_KEY + n_opinions(keyed=True),
}
"""Profiles that each head sees."""
_PARTS = ("weights_", "bias_", "framed_weights_", "counted_weights_")
"""What a head has learned."""
N_GATES = 24
L2_KEYS = 1e-2
"""Of the machines of keys: a piece has few keys, that it stays in long."""
TEMPERATURES = (0.15, 0.2, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
CHAIN_TEMPERATURES = (0.35, 0.5, 0.6, 0.7, 0.85, 1.0, 1.4, 2.0)
COOLER = 0.85
"""How much cooler the chain is in use than what suits machines that learned from half of the
pieces: those that learned from all are right more often."""
TRUST, DOUBT = 3.0, 0.5
"""How much a chord that is heard, and a key, weigh in use against when the chain was fitted: to
what heads thought that had learned from half of the pieces. By folds of the train part."""
SURE = 0.5
"""The temperature at which models are compared in how sure they are of a piece, one for all."""
TINY = 1e-9


@dataclass(frozen=True, eq=False)
class LabelledSteps:
    """The steps of a piece, with the analysis of a musician.

    Attributes
    ----------
    name : str
    steps : Steps
    homes, labels, basses : ndarray of shape (n_steps,), int64
        Keys and chords as `chords.qualities` numbers them and the chords' lowest pitch classes,
        or negative where nothing is said.
    beneath : Steps, optional
        Those of the accompaniment alone, of which the same is right.
    """

    name: str
    steps: Steps
    homes: Ints
    labels: Ints
    basses: Ints
    beneath: Steps | None = None

    def alone(self) -> LabelledSteps | None:
        """Return the accompaniment as a piece of its own, nothing said of bars that it rests in."""
        if self.beneath is None:
            return None
        bars = self.beneath.bars
        rests = np.minimum.reduceat(self.beneath.bass, bars.first[:-1])[bars.of] == SILENT
        labels = np.where(rests, -1, self.labels)
        return replace(self, steps=self.beneath, labels=labels, beneath=None)


@dataclass(frozen=True, eq=False)
class Heard:
    """What the model hears in a piece, by step: the best path, and how probable what is.

    Attributes
    ----------
    homes, labels : ndarray of shape (n_steps,), int64
    home_probs : ndarray of shape (n_steps, 24)
    label_probs : ndarray of shape (n_steps, 12 * N_KINDS)
    bass_weights : ndarray of shape (N_BASS_FEATURES,)
        What chooses the basses of these chords, or of others (`chords.basses`).
    """

    homes: Ints
    labels: Ints
    home_probs: Floats
    label_probs: Floats
    bass_weights: Floats


class HarmonyModel:
    """The model of the module's docstring.

    Parameters
    ----------
    loss : {"hinge", "log"}
        What the machines are fitted to.
    n_folds : int
        Of the pieces of training, for what the next machine learns from.
    n_epochs : int
        Of those machines.

    Attributes
    ----------
    heads_ : dict of str to TurningClassifier
        By `HEADS`.
    temperatures_ : dict of str to float
        Of each head's softmax.
    chain_ : PairChain
    bass_weights_ : ndarray of shape (N_BASS_FEATURES,)
    """

    def __init__(self, *, loss: str = "hinge", n_folds: int = 2, n_epochs: int = 2) -> None:
        self.loss = loss
        self.n_folds = n_folds
        self.n_epochs = n_epochs

    # ---- learning -----------------------------------------------------------------------

    def fit(self, pieces: Sequence[LabelledSteps]) -> Self:
        """Learn from labelled pieces, as many as there are folds or more.

        The machines learn from the pieces and from their accompaniments, the chain from the pieces.
        """
        self.heads_: dict[str, TurningClassifier] = {}
        self.temperatures_: dict[str, float] = {}
        numbered = [(piece, i % self.n_folds) for i, piece in enumerate(pieces)]
        numbered += [(alone, fold) for piece, fold in numbered if (alone := piece.alone())]
        fold = np.array([number for _, number in numbered])
        notes = [chord_profiles(piece.steps) for piece, _ in numbered]
        said: list[dict[str, Floats]] = [{} for _ in numbered]
        for name in HEADS:
            seen = [
                _inputs(name, piece.steps, own, opinion)
                for (piece, _), own, opinion in zip(numbered, notes, said, strict=True)
            ]
            answers = [getattr(piece, _ANSWERS[name]) for piece, _ in numbered]
            scores = self._held_out(name, seen, answers, fold)
            for opinion, own in zip(said, scores, strict=True):
                opinion[name] = own
        self._fit_chain(pieces, said[: len(pieces)])
        self.bass_weights_ = fit_basses(pieces)
        return self

    def _head(self, name: str) -> TurningClassifier:
        told: dict[str, Any] = {"loss": self.loss, "n_epochs": self.n_epochs}
        if name == "chord":
            told |= {"framed": Framed(BASS, tuple(FRAMED.tolist())), "counted": Counted(COUNTED)}
            return TurningClassifier(n_classes=N_KINDS, **told)
        return TurningClassifier(n_classes=2, l2=L2_KEYS, **told)

    def _held_out(
        self, name: str, seen: Sequence[Singles], answers: Sequence[Ints], fold: Ints
    ) -> list[Floats]:
        """Fit a head; returns what those fitted to the other folds think, as probabilities."""
        scores: list[Singles] = [row[:0] for row in seen]
        for number in range(self.n_folds):
            head = _fitted(self._head(name), seen, answers, np.flatnonzero(fold != number).tolist())
            for i in np.flatnonzero(fold == number).tolist():
                scores[i] = head.decision_function(seen[i])
        self.heads_[name] = _fitted(self._head(name), seen, answers, range(len(seen)))
        known = [answer >= 0 for answer in answers]
        rows = np.concatenate([s[k] for s, k in zip(scores, known, strict=True)])
        right = np.concatenate([a[k] for a, k in zip(answers, known, strict=True)])
        self.temperatures_[name] = _temperature(rows, right)
        return [softmax(row / self.temperatures_[name]) for row in scores]

    def _fit_chain(
        self, pieces: Sequence[LabelledSteps], said: Sequence[Mapping[str, Floats]]
    ) -> None:
        seen = [_seen(p.steps, o) for p, o in zip(pieces, said, strict=True)]
        homes, labels = [p.homes for p in pieces], [p.labels for p in pieces]
        self.chain_ = PairChain(TRIAD, n_gates=N_GATES).fit(seen, homes, labels)
        trusted = [_trusted(one) for one in seen]
        surprises = []
        for temperature in CHAIN_TEMPERATURES:
            self.chain_.temperature = temperature
            surprises.append(_surprise(self.chain_, trusted, labels))
        self.chain_.temperature = COOLER * CHAIN_TEMPERATURES[int(np.argmin(surprises))]

    # ---- use ----------------------------------------------------------------------------

    def sureness(self, notes: Singles) -> float:
        """Return the mean log-probability of the likeliest chord, by the notes alone.

        Parameters
        ----------
        notes : ndarray of shape (n_steps, n_profiles, 12)
            Of `chord_profiles`.
        """
        scores = self.heads_["chord"].decision_function(notes)
        likeliest = softmax(scores / SURE).max(axis=1)
        return float(np.log(likeliest).mean())

    def opinions(self, steps: Steps, notes: Singles | None = None) -> dict[str, Floats]:
        """Return what each head thinks of each step, as probabilities.

        Parameters
        ----------
        steps : Steps
        notes : ndarray of shape (n_steps, n_profiles, 12), optional
            Their `chord_profiles`, where they are at hand.
        """
        notes = chord_profiles(steps) if notes is None else notes
        said: dict[str, Floats] = {}
        for name in HEADS:
            scores = self.heads_[name].decision_function(_inputs(name, steps, notes, said))
            said[name] = softmax(scores / self.temperatures_[name])
        return said

    def hear(self, steps: Steps, said: Mapping[str, Floats] | None = None) -> Heard:
        """Find the keys and chords of a piece, from the heads' opinions or other ones."""
        seen = _trusted(_seen(steps, self.opinions(steps) if said is None else said))
        return Heard(*self.chain_.decode(seen), self.bass_weights_)

    # ---- files --------------------------------------------------------------------------

    def arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what a file has to hold: numbers for its header, and arrays."""
        arrays: dict[str, NDArray[Any]] = {
            "chain": self.chain_.weights_.astype(np.float32),
            "basses": self.bass_weights_.astype(np.float32),
        }
        for name, head in self.heads_.items():
            for part in _PARTS:
                arrays[f"{name} {part}"] = getattr(head, part).astype(np.float16)
        header = {
            "loss": self.loss,
            "temperatures": self.temperatures_,
            "temperature": self.chain_.temperature,
        }
        return header, arrays

    @classmethod
    def from_arrays(cls, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Make a model of what `arrays` returned."""
        model = cls(loss=header["loss"])
        model.temperatures_ = {name: float(header["temperatures"][name]) for name in HEADS}
        model.heads_ = {name: _restored(model._head(name), name, arrays) for name in HEADS}
        chain = PairChain(TRIAD, n_gates=N_GATES, temperature=float(header["temperature"]))
        chain.weights_ = _shaped(arrays, "chain", (chain.n_weights,)).astype(np.float64)
        model.chain_ = chain
        basses = _shaped(arrays, "basses", (N_BASS_FEATURES,))
        model.bass_weights_ = basses.astype(np.float64)
        return model


def _restored(
    head: TurningClassifier, name: str, arrays: Mapping[str, NDArray[Any]]
) -> TurningClassifier:
    """Give a head its weights, each of the shape that what it sees asks for."""
    for part, shape in zip(_PARTS, head.shapes(_N_SEEN[name]), strict=True):
        setattr(head, part, _shaped(arrays, f"{name} {part}", shape).astype(np.float32))
    return head


def _shaped(arrays: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    if arrays[name].shape != shape:
        raise ValueError(f"{name} of shape {arrays[name].shape}: expected {shape}")
    return arrays[name]


def _inputs(name: str, steps: Steps, notes: Singles, said: Mapping[str, Floats]) -> Singles:
    """Return what a head sees."""
    if name == "chord":
        return notes
    keys = None if name == "key" else said["key"]
    around = opinion_profiles(steps, said["chord"], keys)
    return np.concatenate([key_profiles(steps, notes), around], axis=1)


def _fitted(
    head: TurningClassifier, seen: Sequence[Singles], answers: Sequence[Ints], rows: Iterable[int]
) -> TurningClassifier:
    chosen = [(seen[i][answers[i] >= 0], answers[i][answers[i] >= 0]) for i in rows]
    return head.fit(
        np.concatenate([row for row, _ in chosen]), np.concatenate([own for _, own in chosen])
    )


def _temperature(scores: Singles, right: Ints) -> float:
    """Choose the temperature at which what is right is the least surprising."""
    row = np.arange(len(right))
    losses = [-np.log(softmax(scores / t)[row, right] + TINY).mean() for t in TEMPERATURES]
    return TEMPERATURES[int(np.argmin(losses))]


def _surprise(chain: PairChain, seen: Sequence[Seen], labels: Sequence[Ints]) -> float:
    """Return the mean surprise of what is right, in nats a step."""
    total, count = 0.0, 0
    for own, right in zip(seen, labels, strict=True):
        known = np.flatnonzero(right >= 0)
        total -= float(np.log(chain.marginals(own)[1][known, right[known]] + 1e-4).sum())
        count += len(known)
    return total / max(count, 1)


def _seen(steps: Steps, said: Mapping[str, Floats]) -> Seen:
    """Give the chain the heads' opinions, and a gate: metre, a new bass, an attack."""
    struck = steps.weights["struck"].sum(axis=1) > 0
    step = np.arange(len(steps))
    held = steps.bass[np.maximum.accumulate(np.where(steps.bass < SILENT, step, 0))]
    moved = np.diff(held, prepend=-1) != 0
    gate = np.minimum(steps.level, 5) * 4 + moved * 2 + struck
    labels, homes = np.log(said["chord"] + TINY), np.log(said["key again"] + TINY)
    return Seen(labels, homes.reshape(len(steps), N_HOMES), gate.astype(np.int64))


def _trusted(seen: Seen) -> Seen:
    return replace(seen, labels=TRUST * seen.labels, homes=DOUBT * seen.homes)
