"""Who plays what: the role of each part of a score, by a linear classifier of what it does.

A part is described by what a listener notices (`FEATURES`), by itself and beside the others; a
multinomial logistic model of these and their products, learned by scikit-learn, tells `melody`,
`bass`, `chords` and `other`. Percussion parts are `drums`. Exactly one part is the melody: that
which makes the roles of all together likeliest. Names of parts are not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.errors import EncodingError
from stats_composer.listening.stored import StoredWeights, logistic
from stats_composer.models.turning import softmax
from stats_composer.score import Score
from stats_composer.theory import TICKS_PER_QUARTER

__all__ = ["FEATURES", "ROLES", "RoleModel", "RoleOf", "describe_parts"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROLES = ("melody", "bass", "chords", "other")
FEATURES = (
    *("alone", "pitch", "spread", "fill", "density", "steps", "leaps", "repeats", "length"),
    *("rank", "lowest", "highest", "higher", "denser", "fuller", "louder"),
)
"""By itself: share of notes that begin with no other, mean pitch and deviation in octaves (from
middle C), share of the time in which it sounds, log of notes a quarter, shares of moves up to two
semitones, above seven, and of none, log of mean quarters of a note. Beside the others: rank by
pitch from 0 to 1, whether lowest, highest, and pitch, density, fill and velocity over their
mean."""

_TOGETHER = TICKS_PER_QUARTER // 8


@dataclass(frozen=True)
class RoleOf:
    """The role of a part.

    Attributes
    ----------
    role : str
        One of `ROLES`, `drums` or `silent`.
    confidence : float
        Probability of the role; 1 where there is no choice.
    reason : str
        In words.

    Examples
    --------
    >>> RoleOf("bass", confidence=0.97, reason="the lowest part").role
    'bass'
    """

    role: str
    confidence: float
    reason: str


def describe_parts(score: Score, parts: Sequence[int]) -> Floats:
    """Return the features of parts that have notes: (n_parts, n_features)."""
    span = int((score.notes["onset"] + score.notes["duration"]).max())
    own = np.array([_own(score.notes[score.notes["part"] == part], span) for part in parts])
    n = len(own)
    pitch = own[:, FEATURES.index("pitch")]
    rank = np.argsort(np.argsort(pitch, kind="stable")) / max(n - 1, 1)
    columns = [rank, pitch == pitch.min(), pitch == pitch.max()]
    for name in ("pitch", "density", "fill"):
        values = own[:, FEATURES.index(name)]
        columns.append((values - values.mean()) * n / max(n - 1, 1))
    loud = np.array([score.notes["velocity"][score.notes["part"] == p].mean() for p in parts])
    columns.append((loud - loud.mean()) * n / max(n - 1, 1) / 16)
    return np.concatenate([own, np.stack(columns, axis=1)], axis=1)


def _own(notes: NDArray[np.void], span: int) -> list[float]:
    """Describe a part by itself."""
    onset = notes["onset"].astype(np.int64)
    end = onset + notes["duration"]
    pitch = notes["pitch"].astype(np.float64)
    close = np.diff(onset) < _TOGETHER
    alone = ~(np.append(False, close) | np.append(close, False))
    reached = np.append(onset[0], np.maximum.accumulate(end)[:-1])
    sounds = np.maximum(end - np.maximum(onset, reached), 0).sum()
    move = np.abs(np.diff(pitch[_tops(onset, pitch)])) if len(pitch) > 1 else np.zeros(1)
    return [
        float(alone.mean()),
        float(pitch.mean() - 60) / 12,
        float(pitch.std()) / 12,
        float(sounds) / span,
        float(np.log2(len(notes) * TICKS_PER_QUARTER / span)),
        float(((move > 0) & (move <= 2)).mean()) if len(move) else 0.0,
        float((move > 7).mean()) if len(move) else 0.0,
        float((move == 0).mean()) if len(move) else 0.0,
        float(np.log2(notes["duration"].mean() / TICKS_PER_QUARTER)),
    ]


def _tops(onset: Ints, pitch: Floats) -> Ints:
    """Return the highest note of each group that begins together."""
    group = np.cumsum(np.append(False, np.diff(onset) >= _TOGETHER))
    order = np.lexsort([-pitch, group])
    highest: Ints = order[np.append(True, np.diff(group[order]) > 0)]
    return highest


class RoleModel(StoredWeights):
    """The classifier of the module's docstring.

    Attributes
    ----------
    weights_ : ndarray of shape (n_features + n_pairs, n_roles)
    bias_ : ndarray of shape (n_roles,)
    center_, scale_ : ndarray of shape (n_features,)
        Of the features.
    manifest_ : dict

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> line = make_notes(onset=10080 * np.arange(8), pitch=60 + np.arange(8))
    >>> [role.role for role in RoleModel.bundled().roles(Score(line))]
    ['melody']
    """

    _bundled = "roles.npz"
    _weights = ("weights", "bias", "center", "scale")
    _features = FEATURES

    def fit(self, scores: Sequence[Score], roles: Sequence[Sequence[str]]) -> Self:
        """Learn from scores and the `roles` of their parts, all of which have notes.

        Raises
        ------
        EncodingError
            If there is no score.
        """
        if not scores:
            raise EncodingError("no scores: expected at least one")
        rows = np.concatenate([describe_parts(s, range(s.n_parts)) for s in scores])
        labels = [ROLES.index(role) for of_score in roles for role in of_score]
        self.center_, self.scale_ = rows.mean(axis=0), rows.std(axis=0) + 1e-6
        seen = self._seen(rows)
        model = logistic(C=0.3).fit(seen, labels)
        self.weights_ = np.zeros((seen.shape[1], len(ROLES)), np.float32)
        self.bias_ = np.full(len(ROLES), -20.0, np.float32)
        self.weights_[:, model.classes_] = model.coef_.T
        self.bias_[model.classes_] = model.intercept_
        self.manifest_ = {}
        return self

    def probabilities(self, score: Score, parts: Sequence[int]) -> Floats:
        """Return probabilities of roles, (n_parts, n_roles), of a `score`'s parts with notes."""
        return softmax(self._seen(describe_parts(score, parts)) @ self.weights_ + self.bias_)

    def _seen(self, rows: Floats) -> Floats:
        """Return standardized features and their products."""
        rows = np.clip((rows - self.center_) / self.scale_, -3, 3)
        first, second = np.triu_indices(rows.shape[1])
        return np.concatenate([rows, rows[:, first] * rows[:, second]], axis=1)

    def roles(self, score: Score) -> list[RoleOf]:
        """Tell the role of each part of a score, and why.

        One pitched part is the melody: that which makes the roles together likeliest.
        """
        found = [RoleOf("silent", 1.0, "no notes") for _ in range(score.n_parts)]
        played = np.unique(score.notes["part"]).tolist()
        for part in played:
            if score.parts[part].percussion:
                found[part] = RoleOf("drums", 1.0, "on the channel of percussion")
        pitched = [part for part in played if not score.parts[part].percussion]
        if not pitched:
            return found
        share = self.probabilities(score, pitched)
        lead = int((share[:, 0] / share[:, 1:].max(axis=1)).argmax())
        rows = describe_parts(score, pitched)
        for i, part in enumerate(pitched):
            role = 0 if i == lead else 1 + int(share[i, 1:].argmax())
            confidence = float(share[i, role])
            found[part] = RoleOf(ROLES[role], confidence, _reason(rows[i], len(pitched)))
        return found


def _reason(row: Floats, n: int) -> str:
    """Say what is heard of a part."""
    value = dict(zip(FEATURES, row.tolist(), strict=True))
    words = []
    if n > 1:
        place = "highest" if value["highest"] else "lowest" if value["lowest"] else "in the middle"
        words.append(place)
    alone = value["alone"]
    words.append(
        "one note at a time" if alone > 0.9 else f"{1 - alone:.0%} of its notes sound together"
    )
    words.append(f"fills {value['fill']:.0%} of the time")
    return ", ".join(words)
