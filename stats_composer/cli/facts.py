"""What a score holds, counted and measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats_composer.score import Score
from stats_composer.theory import TICKS_PER_QUARTER

__all__ = ["score_facts"]


def _note_facts(notes: NDArray[np.void]) -> dict[str, Any]:
    some = len(notes) > 0
    return {
        "notes": len(notes),
        "first": int(notes["pitch"][0]) if some else None,
        "last": int(notes["pitch"][-1]) if some else None,
        "min_pitch": int(notes["pitch"].min()) if some else None,
        "max_pitch": int(notes["pitch"].max()) if some else None,
        "min_onset": _quarters(notes["onset"].min()) if some else None,
        "min_duration": _quarters(notes["duration"].min()) if some else None,
    }


def score_facts(score: Score) -> dict[str, Any]:
    """Count and measure a score; times are in quarters.

    Returns
    -------
    dict
        `first` and `last` are the pitches of the first and last note in the order of onset,
        part, voice and pitch; what has no answer without notes is None.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> facts = score_facts(Score(make_notes(onset=[0, 5040], duration=5040, pitch=[67, 60])))
    >>> facts["notes"], facts["first"], facts["last"], facts["min_duration"], facts["quarters"]
    (2, 67, 60, 0.5, 4)
    """
    from stats_composer.score import keys
    from stats_composer.theory import key_name

    metre, some = score.time_signatures[0], len(score.notes) > 0
    tempo = float(score.tempos["quarters_per_minute"][0]) if len(score.tempos) else None
    return {
        "title": score.title,
        "composer": score.composer,
        "rhythm": score.rhythm,
        "parts": score.n_parts,
        "names": [part.name for part in score.parts],
        "voices": len(score.voices),
        **_note_facts(score.notes),
        "quarters": _quarters(score.end),
        "bars": score.n_bars,
        "pickup": _quarters(score.pickup),
        "key": key_name(*keys(score)[0][1:]) if some or len(score.key_signatures) else None,
        "time_signature": f"{metre['numerator']}/{metre['denominator']}",
        "tempo": tempo,
        "chords": len(score.chords),
        "fermatas": len(score.fermatas),
        "lyrics": len(score.lyrics),
    }


def _quarters(ticks: Any) -> int | float:
    """Ticks as quarters: whole ones as an integer."""
    whole, rest = divmod(int(ticks), TICKS_PER_QUARTER)
    return whole if rest == 0 else round(int(ticks) / TICKS_PER_QUARTER, 6)
