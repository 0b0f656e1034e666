"""The rates of some pieces: all measures in one table."""

from __future__ import annotations

from collections.abc import Sequence

from stats_composer.evaluation.cadences import CADENCES
from stats_composer.evaluation.dissonance import DISSONANCE
from stats_composer.evaluation.harmony import HARMONY
from stats_composer.evaluation.leading import LEADING
from stats_composer.evaluation.lines import LINES, TUNES
from stats_composer.evaluation.measures import Measure, Rate, rates_of
from stats_composer.evaluation.reading import Reading
from stats_composer.score import Score

__all__ = ["MEASURES", "rates"]

MEASURES: tuple[Measure, ...] = (*CADENCES, *LEADING, *DISSONANCE, *HARMONY, *LINES, *TUNES)


def rates(scores: Score | Reading | Sequence[Score | Reading]) -> dict[str, Rate]:
    """Measure pieces by all measures.

    Parameters
    ----------
    scores : Score, Reading, or a sequence of them
        A `Reading` saves the time of reading a score again.

    Returns
    -------
    dict of str to Rate
        In the order of `MEASURES`; nan where a measure does not apply.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> notes = make_notes(onset=[0, 10080] * 2, pitch=[67, 69, 60, 62], part=[0, 0, 1, 1])
    >>> rates(Score(notes))["parallels"]
    Rate(value=25.0, hits=1, places=4)
    """
    return rates_of(MEASURES, scores)
