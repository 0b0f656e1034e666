"""No more notes in a row than asked for from the corpus: what copies too much is written anew.

A setting is written first as if nothing were asked; then, run by run, the bars around what stands
in the corpus are written anew and all else is kept, until no run is too long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.chorale.task import Task
from stats_composer.constraints import MaxCopy
from stats_composer.errors import SamplingError
from stats_composer.ngrams import Repertoire
from stats_composer.score import Score

__all__ = ["corpus_arrays", "corpus_of", "restored_corpus", "without_copies"]

REDRAWS = 60
TRIES = 3
Arrays = dict[str, NDArray[Any]]


def corpus_of(scores: Sequence[Score]) -> Repertoire:
    """Collect the lines of scores, as MIDI pitches and ticks."""
    lines = [score.select(*pair).notes for score in scores for pair in score.voices]
    return Repertoire((notes["pitch"], notes["onset"]) for notes in lines)


def corpus_arrays(corpus: Repertoire) -> Arrays:
    """Return arrays for a model file: each move by its number among the different ones."""
    kinds, code = np.unique(corpus.moves, axis=0, return_inverse=True)
    number = code.ravel().astype(np.uint16 if len(kinds) <= 1 << 16 else np.uint32)
    return {"kinds": kinds.astype(np.int32), "code": number, "length": corpus.length}


def restored_corpus(arrays: Arrays) -> Repertoire:
    """Take back what `corpus_arrays` gave."""
    moves = arrays["kinds"][arrays["code"].astype(np.int64)]
    return Repertoire.restore({"moves": moves, "length": arrays["length"]})


def without_copies(task: Task, score: Score, write: Callable[[Task], Score]) -> Score:
    """Write anew what copies too much.

    Parameters
    ----------
    task : Task
    score : Score
        Written for it.
    write : callable
        Writes a task, of which the score is given outside a region.

    Raises
    ------
    SamplingError
        If the runs come again and again.
    """
    wishes = [wish for wish in task.constraints if isinstance(wish, MaxCopy) and wish.hard]
    others = tuple(wish for wish in task.constraints if wish not in wishes)
    start, stop = task.region or (0, task.page.end)
    run, stuck = _first_run(wishes, score), 0
    for _ in range(REDRAWS):
        if run is None:
            break
        beat = task.page.metre_at(run[0]).beat
        more = stuck // TRIES  # beats: what stands beside a run may allow no others
        first = max(start, (run[0] // beat - more) * beat)
        last = min(stop, (-(-run[1] // beat) + more) * beat)
        if first >= last:
            break
        other = write(replace(task, given=score, region=(first, last), constraints=others))
        left, stuck = _first_run(wishes, other), stuck + 1
        if left is None or left > run:
            score, run, stuck = other, left, 0
    if run is not None:
        raise SamplingError(f"{wishes[0]}: not kept after {REDRAWS} runs written anew")
    return score


def _first_run(wishes: list[MaxCopy], score: Score) -> tuple[int, int] | None:
    """Return the ticks of the first run that is copied."""
    return min((run for wish in wishes if (run := wish.copied(score))), default=None)
