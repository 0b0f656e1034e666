"""What the meta events of a MIDI file say: bars, metres, keys, tempos and syllables.

Conventions
-----------
* A first bar shorter than the metre that follows it is taken for a pickup of that metre; the
  last bar is filled up, unless it and the pickup make one bar.
* Hyphens join the syllables of a word (`Glo-`, `-ri-`, `a`); where there are none and some
  syllables end in a space, those end their words.
* Lyrics belong to the part whose notes start with them: among the parts of their own track,
  or of all tracks if theirs has no note.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.io.limits import MAX_BARS, check_limit
from stats_composer.score import (
    BAR_DTYPE,
    TIME_SIGNATURE_DTYPE,
    make_table,
)
from stats_composer.theory import MAJOR, MINOR, TICKS_PER_QUARTER, Metre, estimate_key

__all__ = [
    "bars_and_metres",
    "decode_key",
    "decode_tempo",
    "decode_text",
    "is_default_key",
    "owner_of",
    "syllables",
]

_NEAR = TICKS_PER_QUARTER // 16
_LEAST_CLASSES, _FIT, _MISFIT = 5, 0.9, 0.2


def decode_key(content: bytes) -> tuple[int, int]:
    """Return the fifths and the mode of a key signature."""
    return (content[0] + 128) % 256 - 128, MINOR if content[1] else MAJOR


def decode_tempo(microseconds: int) -> float:
    """Return quarters a minute: the roundest number that a file would write so."""
    exact = 6e7 / microseconds
    for digits in range(6):
        if round(exact, digits) > 0 and round(6e7 / round(exact, digits)) == microseconds:
            return round(exact, digits)
    return exact


def decode_text(content: bytes) -> str:
    """Read UTF-8, or Latin-1 where it is none."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\0", "")


def is_default_key(notes: NDArray[np.void]) -> bool:
    """Whether notes are so foreign to a signature of C major that it was never meant.

    Parameters
    ----------
    notes : ndarray of NOTE_DTYPE
        Without percussion.

    Returns
    -------
    bool
        Whether they have five pitch classes or more, nine tenths of their time lie in the
        scale of one key, and in that of C major a fifth less.
    """
    if len(np.unique(notes["pitch"] % 12)) < _LEAST_CLASSES:
        return False
    tonic, mode = estimate_key(*(notes[name] for name in ("pitch", "duration", "onset")))
    place = 7 * notes["pitch"].astype(np.int64) + 1  # on the circle of fifths, from F on
    weight = notes["duration"] / notes["duration"].sum()
    in_c, in_key = (weight[(place - fifths) % 12 < 7].sum() for fifths in (0, tonic - 3 * mode))
    return bool(in_key >= _FIT and in_key - in_c > _MISFIT)


# ---- lyrics ---------------------------------------------------------------------------


def owner_of(
    ticks: NDArray[np.int64], onsets: Mapping[int, NDArray[np.int64]]
) -> tuple[int, NDArray[np.int64]]:
    """Find the part whose notes lyrics belong to.

    Parameters
    ----------
    ticks : ndarray of shape (n_lyrics,), int64
    onsets : mapping of part to ndarray of int64
        Sorted, at least one, none empty.

    Returns
    -------
    part : int
        Where most of lyrics and onsets meet: a bass that starts with each word, and many
        times more, is not the melody.
    ticks : ndarray of shape (n_lyrics,), int64
        Those within a 16th of a quarter from an onset moved there.
    """
    best, found, share = min(onsets), ticks, -1.0
    for part, starts in onsets.items():
        after = np.clip(np.searchsorted(starts, ticks), 1, max(len(starts) - 1, 1))
        around = starts[np.stack([after - 1, np.minimum(after, len(starts) - 1)])]
        nearest = around[np.argmin(np.abs(around - ticks), axis=0), np.arange(len(ticks))]
        near = np.abs(nearest - ticks) <= _NEAR
        n_met = len(np.unique(nearest[near]))
        if n_met / (len(ticks) + len(starts) - n_met) > share:
            best, found = part, np.where(near, nearest, ticks)
            share = n_met / (len(ticks) + len(starts) - n_met)
    return best, found


def syllables(
    lyrics: Sequence[tuple[int, str]], part: int
) -> list[tuple[int, int, int, int, str, str]]:
    """Tell which syllables of a part make a word.

    Parameters
    ----------
    lyrics : sequence of (tick, text)
    part : int

    Returns
    -------
    list of rows of LYRIC_DTYPE
    """
    kept = [(tick, text) for tick, text in lyrics if text.strip().strip("-")]
    spaced = any(text[-1].isspace() for _, text in kept) and not any(
        "-" in text for _, text in kept
    )
    rows, joined = [], False
    for index, (tick, text) in enumerate(kept):
        word = text.strip()
        before = joined or word.startswith("-")
        joined = word.endswith("-") or (spaced and not text[-1].isspace() and index + 1 < len(kept))
        syllabic = ("middle" if before else "begin") if joined else "end" if before else "single"
        rows.append((tick, part, 0, 1, syllabic, word.strip("-")[:64]))
    return rows


# ---- bars -----------------------------------------------------------------------------


def bars_and_metres(
    metres: Mapping[int, tuple[int, int]], end: int
) -> tuple[NDArray[np.void], NDArray[np.void], int]:
    """Place the metres and bars; fill up the last bar.

    Parameters
    ----------
    metres : mapping of tick to (numerator, denominator)
    end : int
        Where the music ends.

    Returns
    -------
    time_signatures, bars : ndarray
    end : int
        Of the last bar.
    """
    metres = {at: metre for at, metre in sorted(metres.items()) if at < max(end, 1)}
    if 0 not in metres:
        metres = {0: (4, 4), **metres}
    onsets, pickup = _place(metres, end)
    if pickup:
        metres = {0: metres[pickup], **{at: m for at, m in metres.items() if at > pickup}}
    last = onsets[-1]
    full = Metre(*metres[max(at for at in metres if at <= last)]).bar
    complete = pickup and end - last + pickup == full
    end = end if complete and end > last else last + full
    table = make_table(TIME_SIGNATURE_DTYPE, [(at, *metre) for at, metre in metres.items()])
    return table, make_table(BAR_DTYPE, onset=onsets), end


def _place(metres: dict[int, tuple[int, int]], end: int) -> tuple[list[int], int]:
    """Place bars from each metre on; tell the ticks of a pickup, or 0."""
    starts = [*metres, max(end, 1)]
    onsets: list[int] = []
    for start, stop in itertools.pairwise(starts):
        full = Metre(*metres[start]).bar
        check_limit(len(onsets) + (stop - start) // full, MAX_BARS, "bars")
        onsets += range(start, stop, full)
    if len(starts) > 2:
        first, second = starts[:2]
        if second == Metre(*metres[first]).bar < Metre(*metres[second]).bar:
            return onsets, second
    return onsets, 0
