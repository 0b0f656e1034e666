"""Reading ABC tunes.

A file becomes lines and tunes (`abc_text`), a line of music tokens (`abc_tokens`), the tokens
notes and bars of a voice (`abc_voice`), and the voices and fields of a tune a score
(`abc_tune`, `abc_score`). A tune that cannot be read is named and left out of its book.

Our own parser rather than music21's: that one has no lyrics and no fermatas, respells chord
symbols or drops them, drops notes after `H` or under some annotations, takes `a-b` for one
note, and takes 17 times as long (`python benchmarks/bench_io.py`).

References
----------
The ABC music standard 2.1 (2011), https://abcnotation.com/wiki/abc:standard:v2.1. Where it is
silent, abc2midi's practice.
"""

from __future__ import annotations

from stats_composer.errors import ScoreError, ScoreFileError
from stats_composer.io.abc_text import decode_abc, split_tunes
from stats_composer.io.abc_tune import read_tune
from stats_composer.io.limits import MAX_NOTES, check_limit
from stats_composer.io.report import Report
from stats_composer.score import Score

__all__ = ["read_abc"]

_NAMED = 8


def read_abc(data: bytes, report: Report) -> list[Score]:
    """Read the tunes of an ABC file.

    Parameters
    ----------
    data : bytes
    report : Report
        Told what could not be kept, and which tunes could not be read.

    Returns
    -------
    list of Score, at least one

    Raises
    ------
    ScoreFileError
        If no tune can be read, or all together are larger than the limits; the message names
        the tune.
    """
    scores: list[Score] = []
    refused: list[str] = []
    n_notes = 0
    for tune in split_tunes(decode_abc(data), report):
        if not tune.has_key and not tune.has_music:
            continue
        try:
            scores.append(read_tune(tune, report))
        except (ScoreError, ScoreFileError) as error:
            refused.append(f"{tune.place}: {error}")
            continue
        n_notes += len(scores[-1].notes)
        check_limit(n_notes, MAX_NOTES, "notes")
    if not scores:
        raise ScoreFileError(refused[0] if refused else "no tune: expected X: and K:, and notes")
    if refused:
        more = f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
        report.add(f"tunes left out: {len(refused)} ({'; '.join(refused[:_NAMED])}{more})")
    return scores
