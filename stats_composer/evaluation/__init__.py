"""Measures of what was composed: rates, reports, and cards beside a corpus."""

from stats_composer.evaluation.measures import Measure, Rate
from stats_composer.evaluation.originality import Copy, Library, Originality, Usual
from stats_composer.evaluation.rates import MEASURES, rates
from stats_composer.evaluation.reading import Reading
from stats_composer.evaluation.report import Fault, Report, report
from stats_composer.evaluation.scorecard import Beside, ScoreCard, score_card

__all__ = [
    "MEASURES",
    "Beside",
    "Copy",
    "Fault",
    "Library",
    "Measure",
    "Originality",
    "Rate",
    "Reading",
    "Report",
    "ScoreCard",
    "Usual",
    "rates",
    "report",
    "score_card",
]
