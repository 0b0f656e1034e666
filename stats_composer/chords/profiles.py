"""Profiles: what surrounds each step, as pitch classes by window; and what is thought of it.

Conventions
-----------
A profile is twelve numbers, one a pitch class, of one question: how long each sounds in the
beat, how long with its third, which is lowest in the next bar. `chord_profiles` asks of the notes
what tells a chord, `key_profiles` what tells a key; `opinion_profiles` asks it of probabilities of
chords and keys that were found before. All move with the music: transposed notes have turned
profiles.

References
----------
Z. Tu, "Auto-context and its application to high-level vision tasks", CVPR 2008: the answers of
one classifier around a place are features of the next.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats_composer.chords.qualities import GROUP, N_GROUPS, N_KINDS
from stats_composer.chords.steps import SILENT, Steps
from stats_composer.kernels.chords import sum_windows

__all__ = [
    "BASS",
    "COUNTED",
    "FRAMED",
    "N_CHORD",
    "N_KEY",
    "chord_profiles",
    "key_profiles",
    "n_opinions",
    "opinion_profiles",
]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Window = tuple[str, int]

SOUNDING: tuple[Window, ...] = (
    *(("step", shift) for shift in (0, -4, -3, -2, -1, 1, 2, 3, 4, 6, 8)),
    *(("beat", shift) for shift in (0, -3, -2, -1, 1, 2, 3)),
    *(("half", shift) for shift in (0, -1, 1)),
    *(("bar", shift) for shift in (0, -2, -1, 1, 2)),
    *(("ahead", size) for size in (2, 4, 8)),
    *(("behind", size) for size in (2, 4, 8)),
    *(("around", size) for size in (8, 16, 32, 64)),
    ("piece", 0),
)
HERE: tuple[Window, ...] = (("step", 0), ("beat", 0), ("half", 0), ("bar", 0))
LOW: tuple[Window, ...] = (("beat", 0), ("beat", -1), ("beat", 1), ("half", 0), ("bar", 0))
SPELLED: tuple[Window, ...] = (("beat", 0), ("bar", 0), ("around", 8), ("around", 32))
TOGETHER: tuple[Window, ...] = (
    *HERE, ("beat", -1), ("beat", 1), ("ahead", 4), ("behind", 4), ("around", 8),
)  # fmt: skip
LOWEST: tuple[Window, ...] = (
    *(("step", shift) for shift in (0, -2, -1, 1, 2)),
    *(("beat", shift) for shift in (0, -2, -1, 1, 2)),
    *((unit, shift) for unit in ("half", "bar") for shift in (0, -1, 1)),
)
KEYS: tuple[Window, ...] = (
    *(("around", size) for size in (8, 24, 64)), ("behind", 16), ("ahead", 16),
    *(("beat", shift) for shift in (-2, -1, 0, 1, 2)), ("piece", 0),
)  # fmt: skip
CHORDS_AROUND: tuple[Window, ...] = (
    ("step", 0), *(("around", size) for size in (8, 24, 64)), ("behind", 16), ("ahead", 16),
    ("behind", 4), ("ahead", 4), *(("bar", shift) for shift in (-1, 0, 1)), ("piece", 0),
)  # fmt: skip
KEYS_AROUND: tuple[Window, ...] = (
    ("step", 0), ("around", 8), ("around", 32), ("behind", 32), ("ahead", 32), ("piece", 0),
)  # fmt: skip

_GROUPED = np.eye(N_GROUPS)[GROUP]
PRESENT = 0.2
"""Share of a span that a pitch class must sound for to count as there."""

_RUNS = {"beat": "beats", "half": "halves", "bar": "bars"}
N_SOUNDING = len(SOUNDING)
_TOGETHER = [SOUNDING.index(window) for window in TOGETHER]
BASS = N_SOUNDING + len(HERE) + len(LOW) + 2 + 2 * len(SPELLED) + LOWEST.index(("beat", 0))
"""The profile that marks the lowest pitch class of the beat."""
_PRESENT = N_SOUNDING + len(HERE) + len(LOW) + 2 + 2 * len(SPELLED) + len(LOWEST) + 1
_SPELLED = N_SOUNDING + len(HERE) + len(LOW) + 2
_PAIRED = ("beat", "half")
"""The windows whose chordal notes are also told by pairs."""
N_CHORD = _PRESENT + 9 + 6 * (len(TOGETHER) + len(_PAIRED))
N_KEY = 2 * len(KEYS) + 2 + 2 * len(SPELLED)
"""How many profiles `chord_profiles` and `key_profiles` return."""
COUNTED = SOUNDING.index(("beat", 0))
"""The profile that counts how many pitch classes sound in the beat."""
FRAMED = np.array(
    [
        *(SOUNDING.index(("beat", shift)) for shift in (0, 1, -1)),
        *(SOUNDING.index(("step", shift)) for shift in (1, -1)),
        *(SOUNDING.index(w) for w in (("half", 0), ("bar", 0), ("ahead", 4), ("around", 8))),
        *(N_SOUNDING + HERE.index(w) for w in (("beat", 0), ("half", 0))),
        *(BASS + LOWEST.index(("beat", s)) - LOWEST.index(("beat", 0)) for s in (0, 1, -1)),
        *(_SPELLED, _SPELLED + len(SPELLED)),
        # The bass as the beat begins, what the step has, what the next bar begins with.
        *(_PRESENT - 1, _PRESENT, _PRESENT + 7),
    ]
)
"""The profiles that are also weighed as seen from the bass."""


def _bounds(steps: Steps, windows: tuple[Window, ...]) -> tuple[Ints, Ints]:
    """Return the first and the past-the-last step of windows: each (n_windows, n_steps)."""
    if windows not in steps.windows:
        low, high = zip(*(_found_bounds(steps, *window) for window in windows), strict=True)
        steps.windows[windows] = np.stack(low), np.stack(high)
    return steps.windows[windows]


def _found_bounds(steps: Steps, unit: str, size: int) -> tuple[Ints, Ints]:
    n = len(steps)
    step = np.arange(n)
    if unit in _RUNS:
        bounds: tuple[Ints, Ints] = getattr(steps, _RUNS[unit]).window(size)
        return bounds
    spans = {
        "step": (step + size, step + size + 1),
        "ahead": (step, step + size),
        "behind": (step - size, step),
        "around": (step - size, step + size + 1),
        "piece": (0 * step, 0 * step + n),
    }
    low, high = spans[unit]
    return np.minimum(np.maximum(low, 0), n), np.minimum(np.maximum(high, 0), n)


def _sums(steps: Steps, values: Floats, windows: tuple[Window, ...]) -> Singles:
    """Sum values (n_steps, n) over windows: (n_steps, n_windows, n)."""
    total = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, out=total[1:])
    found = np.empty((len(values), len(windows), values.shape[1]), np.float32)
    sum_windows(total, *_bounds(steps, windows), found)
    return found


def _shares(
    steps: Steps, name: str, windows: tuple[Window, ...], whole: str | None = None
) -> Singles:
    """Return the roots of the shares of each pitch class in windows."""
    shares = _sums(steps, steps.weights[name], windows)
    np.maximum(shares, 0.0, out=shares)
    beside = shares if whole is None else _sums(steps, steps.weights[whole], windows)
    shares /= np.maximum(beside.sum(axis=2, keepdims=True), 1e-9)
    return np.sqrt(shares, out=shares)


def _means(steps: Steps, values: Floats, windows: tuple[Window, ...]) -> Singles:
    """Return the means of values (n_steps, n) over windows: (n_steps, n_windows, n)."""
    low, high = _bounds(steps, windows)
    means = _sums(steps, values, windows)
    means /= np.maximum(high - low, 1).T[:, :, None].astype(np.float32)
    return means


def _marked(pitch: Ints) -> Singles:
    """Mark pitch classes in rows of their own, none where a pitch is `SILENT` or negative."""
    heard = np.where((pitch < SILENT) & (pitch >= 0), pitch % 12, -1)
    marked: Singles = (heard[..., None] == np.arange(12)).astype(np.float32)
    return marked


def _lowest(steps: Steps) -> Singles:
    """Mark the lowest pitch class of windows; a step in which nothing sounds keeps the last."""
    bass, n = steps.bass, len(steps)
    step = np.arange(n)
    held = bass[np.maximum.accumulate(np.where(bass < SILENT, step, 0))]
    found = []
    for unit, shift in LOWEST:
        if unit == "step":
            inside = (step + shift >= 0) & (step + shift < n)
            own = np.where(inside, held[np.clip(step + shift, 0, n - 1)], SILENT)
        else:
            runs = getattr(steps, _RUNS[unit])
            low, high = runs.window(shift)
            least = np.minimum.reduceat(bass, runs.first[:-1])
            run = np.clip(runs.of + shift, 0, len(least) - 1)
            own = np.where(high > low, least[run], SILENT)
        found.append(own)
    return _marked(np.stack([*found, held[steps.beats.first[steps.beats.of]]], axis=1))


def _present(steps: Steps) -> Singles:
    """Mark what sounds in the step, in the beat, and where beats, half bars and bars begin."""
    sounding = steps.weights["sounding"]
    here = sounding > PRESENT
    found = [here, _means(steps, sounding, (("beat", 0),))[:, 0] > PRESENT]
    for runs in (steps.beats, steps.halves, steps.bars):
        following = np.minimum(runs.of + 1, len(runs.first) - 2)
        found += [here[runs.first[runs.of]], here[runs.first[following]]]
    return np.stack(found, axis=1).astype(np.float32)


def _together(shares: Singles) -> Singles:
    """Tell how far each pitch class sounds with that one to six semitones above it."""
    found = np.empty((*shares.shape[:2], 6, 12), np.float32)
    twice = np.concatenate([shares, shares], axis=2)
    for k in range(1, 7):
        np.minimum(shares, twice[:, :, k : k + 12], out=found[:, :, k - 1])
    return found.reshape(len(shares), -1, 12)


def chord_profiles(steps: Steps) -> Singles:
    """Return what the notes say of the chord at each step: (n_steps, n_profiles, 12)."""
    sounding = _shares(steps, "sounding", SOUNDING)
    chordal = _shares(steps, "chordal", HERE)
    found = [
        sounding,
        chordal,
        _shares(steps, "low", LOW),
        _shares(steps, "struck", (("beat", 0),)),
        _shares(steps, "top", (("step", 0),)),
        _shares(steps, "raised", SPELLED, "sounding"),
        _shares(steps, "lowered", SPELLED, "sounding"),
        _lowest(steps),
        _present(steps),
        _marked(steps.signature)[:, None],
        _together(sounding[:, _TOGETHER]),
        _together(chordal[:, [HERE.index((unit, 0)) for unit in _PAIRED]]),
    ]
    return np.concatenate(found, axis=1)


def key_profiles(steps: Steps, chords: Singles) -> Singles:
    """Return what the notes say of the key at each step.

    Parameters
    ----------
    steps : Steps
    chords : ndarray of shape (n_steps, n_profiles, 12)
        Of `chord_profiles`.
    """
    found = [
        _shares(steps, "sounding", KEYS),
        np.sqrt(np.maximum(_means(steps, chords[:, BASS].astype(np.float64), KEYS), 0.0)),
        _marked(steps.signature)[:, None],
        np.broadcast_to(chords[-1, BASS], (len(steps), 1, 12)),
        chords[:, _SPELLED : _SPELLED + 2 * len(SPELLED)],
    ]
    return np.concatenate(found, axis=1)


def n_opinions(*, keyed: bool) -> int:
    """Return how many profiles `opinion_profiles` does: `keyed` where it is told of keys."""
    return N_GROUPS * (len(CHORDS_AROUND) + 2) + 2 * keyed * len(KEYS_AROUND)


def opinion_profiles(steps: Steps, chords: Floats, keys: Floats | None) -> Singles:
    """Return what was thought around each step, and of the piece's end and beginning.

    Parameters
    ----------
    steps : Steps
    chords : ndarray of shape (n_steps, 12 * N_KINDS)
        Probabilities of chords.
    keys : ndarray of shape (n_steps, 24), optional
        Probabilities of keys.
    """
    n = len(steps)
    grouped = (chords.reshape(n, 12, N_KINDS) @ _GROUPED).transpose(0, 2, 1).reshape(n, -1)
    ends = np.stack([grouped[-4:].mean(axis=0), grouped[:8].mean(axis=0)])
    found = [_means(steps, grouped, CHORDS_AROUND)]
    found.append(np.broadcast_to(ends.astype(np.float32), (n, *ends.shape)))
    if keys is not None:
        modes = keys.reshape(n, 12, 2).transpose(0, 2, 1).reshape(n, -1)
        found.append(_means(steps, modes, KEYS_AROUND))
    return np.concatenate([part.reshape(n, -1, 12) for part in found], axis=1)
