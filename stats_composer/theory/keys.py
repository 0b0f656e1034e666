"""Keys: their names, scales and signatures, the key of some notes, and spelling in a key.

Conventions
-----------
A key is its tonic's place on the line of fifths and a mode, `MAJOR` or `MINOR`; its signature
is the tonic's fifths, less 3 in minor.

References
----------
Albrecht and Shanahan (2013), "The use of large corpora to train a new type of key-finding
algorithm", Music Perception 31(1), table 2: the key profiles.
Temperley (2001), The Cognition of Basic Musical Structures, MIT Press, chapter 5: spelling by
the centre of gravity of the notes around, on the line of fifths.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stats_composer.theory.pitch import fifths_name, name_fifths

__all__ = [
    "MAJOR",
    "MINOR",
    "MODES",
    "SCALES",
    "UNKNOWN_MODE",
    "estimate_key",
    "hear_tonic",
    "key_name",
    "key_signature",
    "parse_key",
    "parse_mode",
    "scale_pitch_classes",
    "spell",
]


MAJOR, MINOR, UNKNOWN_MODE = 0, 1, -1
# Of `tonic_evidence`, by `python -m benchmarks tonic`: last note; first of a bar; on strong beats
# the tonic, and its third and fifth; notes outside the scale; the signature's own; major.
_TONIC_WEIGHTS = 2.86, 0.84, 5.46, 4.77, -18.46, 1.0, 1.93


SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "whole tone": (0, 2, 4, 6, 8, 10),
    "octatonic": (0, 2, 3, 5, 6, 8, 9, 11),
    "chromatic": tuple(range(12)),
}
"""Semitones above the tonic; in minor, chorales use both the sixth and seventh degrees."""

MODES = {"major": 0, "mixolydian": 1, "dorian": 2, "minor": 3}
"""Fifths from the signature to the tonic, for the modes that dance tunes have."""

# Share of each pitch class above the tonic, major and minor: Albrecht and Shanahan, table 2.
_PROFILES = np.array(
    [
        [0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081],
        [0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052],
    ]
)


_MODE_WORDS = {
    "major": ("major", "ionian", "dur"),
    "minor": ("minor", "aeolian", "moll"),
    "dorian": ("dorian",),
    "mixolydian": ("mixolydian",),
}
_SIGNS = {"#": 7, "♯": 7, "sharp": 7, "is": 7} | dict.fromkeys(("b", "♭", "flat", "es", "s"), -7)
# A minus is a flat, as in kern, unless a word follows: E- is E flat, E-minor is E minor.
_KEY = re.compile(
    r"([A-G])(?:[\s-]*(sharp|flat)|(#|♯|b|♭|is|es)|(?<=[AE])(s)(?![a-z])|(-)(?![a-z]))?"
    r"[\s-]*([a-z]*)",
    re.IGNORECASE,
)


def _read_key(name: str, modes: Sequence[str]) -> tuple[int, str]:
    """Read a tonic's fifths and the name of its mode, one of some."""
    match = _KEY.fullmatch(name.strip()) if isinstance(name, str) else None
    known = ", ".join(modes[:-1]) + f" or {modes[-1]}"
    if not match:
        raise ValueError(f"key {name!r}: expected a tonic and a mode, such as 'G' or 'a minor'")
    letter, *signs, word = match.groups()
    sign = next(filter(None, signs), "").lower()
    fifths = name_fifths(letter.upper()) + (-7 if sign == "-" else _SIGNS.get(sign, 0))
    mode = _mode_of(word, letter.islower())
    if mode not in modes:
        raise ValueError(f"key {name!r}: expected a tonic and a mode: {known}")
    if abs(fifths - MODES[mode]) > 7:
        raise ValueError(f"key {name!r}: expected at most seven sharps or flats")
    return fifths, mode


def _mode_of(word: str, small: bool) -> str:
    """Return the mode of a word or its first three letters, of `m`, or of a letter alone."""
    if word in ("", "m"):
        return "minor" if word or small else "major"
    word = word.lower()
    found = (mode for mode, words in _MODE_WORDS.items() for w in words if w.startswith(word))
    return next(found, "") if len(word) > 2 else ""


def parse_key(name: str) -> tuple[int, int]:
    """Read a key: a tonic and perhaps a mode; a small letter alone is minor.

    Parameters
    ----------
    name : str
        Such as `G`, `g`, `Bb major`, `f# minor`, `F#m`, `B flat`, `A Minor`, `Fis`, `es-Moll`.

    Returns
    -------
    tonic_fifths : int
    mode : int, MAJOR or MINOR

    Raises
    ------
    ValueError
        If it names no key of at most seven sharps or flats.

    Examples
    --------
    >>> parse_key("Bb major"), parse_key("f#"), parse_key("B flat")
    ((-2, 0), (6, 1), (-2, 0))
    """
    fifths, mode = _read_key(name, ("major", "minor"))
    return fifths, MINOR if mode == "minor" else MAJOR


def parse_mode(name: str) -> tuple[int, str]:
    """Read a key in major, minor, dorian or mixolydian.

    Parameters
    ----------
    name : str
        What `parse_key` reads, or such as `A dorian`, `D mix`.

    Returns
    -------
    tonic_fifths : int
    mode : str, a name in `SCALES`

    Examples
    --------
    >>> parse_mode("A dorian"), parse_mode("D"), parse_mode("e")
    ((3, 'dorian'), (2, 'major'), (4, 'minor'))
    """
    return _read_key(name, tuple(_MODE_WORDS))


def key_name(tonic_fifths: int, mode: int) -> str:
    """Name a key.

    Parameters
    ----------
    tonic_fifths : int
        The tonic's place on the line of fifths.
    mode : int
        MAJOR or MINOR.

    Examples
    --------
    >>> key_name(-2, MAJOR), key_name(6, MINOR)
    ('Bb major', 'F# minor')
    """
    return f"{fifths_name(tonic_fifths)} {'minor' if mode == MINOR else 'major'}"


def key_signature(tonic_fifths: int, mode: int) -> int:
    """Fifths of a key's signature: sharps, or flats as a negative number.

    Parameters
    ----------
    tonic_fifths : int
        The tonic's place on the line of fifths.
    mode : int
        MAJOR or MINOR.

    Examples
    --------
    >>> key_signature(3, 1)  # A minor
    0
    """
    return tonic_fifths - 3 * (mode == MINOR)


def scale_pitch_classes(tonic_fifths: int, scale: str) -> NDArray[np.bool_]:
    """Mark the pitch classes of a scale.

    Parameters
    ----------
    tonic_fifths : int
        The tonic's place on the line of fifths.
    scale : str
        One of `SCALES`.

    Returns
    -------
    ndarray of shape (12,), bool

    Raises
    ------
    ValueError
        If there is no such scale.

    Examples
    --------
    >>> np.flatnonzero(scale_pitch_classes(1, "major pentatonic")).tolist()
    [2, 4, 7, 9, 11]
    """
    if scale not in SCALES:
        raise ValueError(f"scale {scale!r}: expected one of {', '.join(SCALES)}")
    member = np.zeros(12, np.bool_)
    member[(7 * tonic_fifths + np.array(SCALES[scale])) % 12] = True
    return member


def estimate_key(
    pitch: ArrayLike,
    duration: ArrayLike,
    onset: ArrayLike | None = None,
    *,
    signature: int | None = None,
    ending: float = 0.2,
    opening: float = 0.02,
) -> tuple[int, int]:
    """Find the key whose profile lies nearest to the durations of the pitch classes.

    The lowest pitch at the end counts for a tonic, and the lowest at the start a little: of
    music21's 365 four-part Bach chorales, tonic and mode agree with the last bass note and
    the commoner third in 98 %, and in 95 % where the soprano alone is given; the profiles
    alone reach 87 % and 78 %.

    Parameters
    ----------
    pitch : array_like of shape (n_notes,), int
    duration : array_like of shape (n_notes,)
        In any unit.
    onset : array_like of shape (n_notes,), optional
        In the unit of the durations; by default each note follows the one before.
    signature : int, optional
        Fifths of a key signature: only its major and its minor key are weighed.
    ending, opening : float
        What the outer notes add; 0 for an inner voice or a passage from the middle.

    Returns
    -------
    tonic_fifths : int, in [-6, 5] for major and [-4, 7] for minor, or of the signature
    mode : int, MAJOR or MINOR
        For no notes at all C major, or the signature's.

    Examples
    --------
    >>> key_name(*estimate_key([62, 67, 67, 69, 71, 69, 67], [1, 1, 1, 1, 1, 1, 3]))
    'G major'
    """
    pitch, duration = np.asarray(pitch, np.int64), np.asarray(duration, np.float64)
    if not len(pitch):
        return signature or 0, MAJOR
    start = np.cumsum(duration) - duration if onset is None else np.asarray(onset, np.float64)
    stop = start + duration
    weight = np.bincount(pitch % 12, duration, 12)
    weight = weight / weight.sum()
    turned = np.stack([np.roll(_PROFILES, tonic, axis=1) for tonic in range(12)], axis=1)
    merit = -np.linalg.norm(turned - weight, axis=2)  # (mode, tonic pitch class)
    merit[:, pitch[stop == stop.max()].min() % 12] += ending
    merit[:, pitch[start == start.min()].min() % 12] += opening
    if signature is not None:
        minor = merit[MINOR, (signature + 3) * 7 % 12] > merit[MAJOR, signature * 7 % 12]
        return (signature + 3, MINOR) if minor else (signature, MAJOR)
    mode, tonic = divmod(int(np.argmax(merit)), 12)
    lowest = -6 + 2 * mode
    return (tonic * 7 - lowest) % 12 + lowest, mode


def spell(pitch: ArrayLike, tonic_fifths: int, mode: int) -> NDArray[np.int8]:
    """Spell notes on the line of fifths, near their key and the notes around them.

    Each note takes the place nearest to a centre of gravity: 3 parts of the key's own, 7 of
    the mean place of the ten notes before and the ten after. Of the notes of music21's 368
    four-part Bach chorales, 99.9 % come out as printed; the key alone gives 99.5 %.

    Parameters
    ----------
    pitch : array_like of shape (n_notes,), int
        In the order of time.
    tonic_fifths, mode : int
        The key.

    Returns
    -------
    ndarray of shape (n_notes,), int8

    Examples
    --------
    >>> [fifths_name(f) for f in spell([69, 68, 69, 76, 75, 76], 3, MINOR)]
    ['A', 'G#', 'A', 'E', 'D#', 'E']
    """
    pitch = np.asarray(pitch, np.int64)
    # The middle of the twelve likeliest places: from the minor third to the augmented fifth
    # above a major tonic, from the minor second to the augmented fourth above a minor one.
    centre = tonic_fifths + (0.5 if mode == MINOR else 2.5)
    lowest = int(centre - 5.5)
    fifths = (pitch * 7 - lowest) % 12 + lowest
    row = np.arange(len(pitch))
    first, last = np.maximum(row - 10, 0), np.minimum(row + 11, len(pitch))
    for _ in range(2):
        total = np.concatenate([[0], np.cumsum(fifths)])
        others = (total[last] - total[first] - fifths) / np.maximum(last - first - 1, 1)
        gravity = np.where(last - first > 1, 0.7 * others + 0.3 * centre, centre)
        fifths = fifths + 12 * np.rint((gravity - fifths) / 12).astype(np.int64)
    return fifths.astype(np.int8)


def hear_tonic(
    signature: int, pitch: NDArray[np.int64], onset: NDArray[np.int64], full: int
) -> tuple[int, str]:
    """Hear the tonic and the mode of a tune of one line; the signature is evidence, no more.

    The mode of a tonic follows from the notes: which third is commoner, which sixth in minor,
    which seventh in major. The tonic is the best of twelve by a conditional logit.

    Parameters
    ----------
    signature : int
        Fifths of the key signature.
    pitch, onset : ndarray of shape (n_notes,), int64
        Of the line, one note at least; onsets count from the first full bar, in ticks.
    full : int
        Ticks of a bar.

    Returns
    -------
    tonic : int, fifths
    mode : str, one of `MODES`

    Examples
    --------
    >>> pitch = np.array([62, 69, 65, 71, 60, 62] * 4)  # D, A, F, B, C, D
    >>> onset = 10080 * np.arange(24)
    >>> [(fifths_name(tonic), mode) for tonic, mode in (
    ...     hear_tonic(signature, pitch, onset, full=40320) for signature in (0, -1))]
    [('D', 'dorian'), ('D', 'dorian')]
    """
    evidence, modes = tonic_evidence(signature, pitch, onset, full)
    tonic = int(np.argmax(evidence @ _TONIC_WEIGHTS))
    away = (7 * tonic - MODES[modes[tonic]] - signature + 6) % 12 - 6
    return signature + MODES[modes[tonic]] + away, modes[tonic]


def tonic_evidence(
    signature: int, pitch: NDArray[np.int64], onset: NDArray[np.int64], full: int
) -> tuple[NDArray[np.float64], list[str]]:
    """Return what speaks for each pitch class as the tonic, (12, 7), and its mode.

    The columns are those of `_TONIC_WEIGHTS`; the arguments those of `hear_tonic`.
    """
    heard = pitch % 12
    counts = np.bincount(heard, minlength=12)
    strong = heard[onset % (full // 2 if full % 3 else full // 3) == 0]
    first = heard[onset % full == 0][:1] if (onset % full == 0).any() else heard[:1]
    rows, modes = [], []
    for tonic in range(12):
        mode = _heard_mode(np.roll(counts, -tonic), (tonic, signature))
        scale = (tonic + np.array(SCALES[mode])) % 12
        own = (7 * tonic - MODES[mode] - signature) % 12 == 0
        rows.append((
            heard[-1] == tonic, first[0] == tonic, _share(strong, scale[:1]),
            _share(strong, scale[[2, 4]]), 1 - _share(heard, scale), own, mode == "major",
        ))  # fmt: skip
        modes.append(mode)
    return np.array(rows, np.float64), modes


def _share(heard: NDArray[np.int64], classes: NDArray[np.int64]) -> float:
    return float(np.isin(heard, classes).mean()) if len(heard) else 0.0


def _heard_mode(counts: NDArray[np.int64], told: tuple[int, int]) -> str:
    """Name the mode of counts by semitones over the tonic; a tie is left to the signature."""
    tonic, signature = told
    signs = {m: 7 * (signature + fifths) % 12 == tonic for m, fifths in MODES.items()}
    sixth, seventh = counts[9] - counts[8], counts[10] - counts[11]
    if counts[3] - counts[4] + 0.5 * (signs["minor"] or signs["dorian"]) > 0:
        return "dorian" if sixth + 0.5 * signs["dorian"] > 0 else "minor"
    return "mixolydian" if seventh + 0.5 * signs["mixolydian"] > 0 else "major"
