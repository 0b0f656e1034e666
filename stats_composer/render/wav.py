"""Sound without a sound font: additive synthesis of a score, as samples or as a WAV file.

Each note is a sum of harmonics h = 1 to 6 of amplitude 1 / h ** 1.6 with a soft attack and an
exponential decay, read from one wavetable; parts are panned nowhere: the sound is mono.
"""

from __future__ import annotations

import io
import wave

import numpy as np
from numpy.typing import NDArray

from stats_composer.score import Score, seconds, unfold

__all__ = ["synthesize", "wav_bytes"]

_TABLE_SIZE = 2048
_RELEASE = 0.08  # seconds
_DECAY = 1.2  # seconds to fall to 1 / e


def synthesize(
    score: Score, *, sample_rate: int = 16000, limit: float = 600.0
) -> NDArray[np.float32]:
    """Play a score into an array, its repeats too.

    Parameters
    ----------
    score : Score
    sample_rate : int
        Samples a second; harmonics above half of it, and percussion, are not heard.
    limit : float
        Seconds after which the sound is cut.

    Returns
    -------
    ndarray of shape (n_samples,), float32, in [-1, 1]

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> sound = synthesize(Score(make_notes(onset=[0], pitch=[69]), end=10080))
    >>> crossings = np.sum((sound[:-1] < 0) & (sound[1:] >= 0))
    >>> len(sound) / 16000, int(crossings)  # half a second and its release, at 440 Hz
    (0.58, 255)
    """
    score = unfold(score)
    notes = score.notes[~_percussion(score)[score.notes["part"]]]
    start = seconds(score, notes["onset"])
    stop = seconds(score, notes["onset"] + notes["duration"])
    heard = start < limit
    length = min(float(seconds(score, np.array([score.end]))[0]), limit) + _RELEASE
    sound = np.zeros(int(length * sample_rate), np.float32)
    frequency = 440.0 * 2.0 ** ((notes["pitch"] - 69.0) / 12.0)
    tables = {n: _table(n) for n in range(1, 7)}
    for note in np.flatnonzero(heard):
        first = int(start[note] * sample_rate)
        n_samples = min(
            int((stop[note] - start[note] + _RELEASE) * sample_rate), len(sound) - first
        )
        step = frequency[note] / sample_rate
        n_harmonics = int(np.clip(0.5 / step, 1, 6))
        if step >= 0.5 or n_samples < 1:
            continue
        phase = np.arange(n_samples) * (step * _TABLE_SIZE)
        wave_form = tables[n_harmonics][phase.astype(np.int64) % _TABLE_SIZE]
        loudness = notes["velocity"][note] / 127.0
        sound[first : first + n_samples] += loudness * _envelope(n_samples, sample_rate) * wave_form
    peak = float(np.abs(sound).max(initial=0.0))
    return sound * np.float32(0.8 / peak) if peak > 0 else sound


def wav_bytes(score: Score, *, sample_rate: int = 16000, limit: float = 600.0) -> bytes:
    """Play a score into a WAV file: mono, 16 bits a sample.

    Parameters
    ----------
    score : Score
    sample_rate : int
        Samples a second.
    limit : float
        Seconds; what is later is left out.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> wav_bytes(Score(make_notes(onset=[0], pitch=[69])))[:4]
    b'RIFF'
    """
    samples = synthesize(score, sample_rate=sample_rate, limit=limit)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def _percussion(score: Score) -> NDArray[np.bool_]:
    return np.array([part.percussion for part in score.parts] or [False])


def _table(n_harmonics: int) -> NDArray[np.float32]:
    """One period of the sum of harmonics."""
    phase = 2 * np.pi * np.arange(_TABLE_SIZE) / _TABLE_SIZE
    harmonic = np.arange(1, n_harmonics + 1)[:, None]
    period: NDArray[np.float64] = (np.sin(harmonic * phase) / harmonic**1.6).sum(axis=0)
    return period.astype(np.float32)


def _envelope(n_samples: int, sample_rate: int) -> NDArray[np.float32]:
    """Rise in 10 ms, decay, and fade out over the release."""
    second = np.arange(n_samples) / sample_rate
    rise = np.minimum(second / 0.01, 1.0)
    fade = np.minimum((n_samples / sample_rate - second) / _RELEASE, 1.0)
    return (rise * fade * np.exp(-second / _DECAY)).astype(np.float32)
