"""N-grams: counting windows, the tree of contexts, and copies of what was learned from."""

from stats_composer.ngrams.copies import CopyMachine, Repertoire
from stats_composer.ngrams.count import (
    END,
    FIRST_SYMBOL,
    MAX_SYMBOLS,
    START,
    Levels,
    count_levels,
    join_pieces,
)
from stats_composer.ngrams.tree import ContextTree

__all__ = [
    "END",
    "FIRST_SYMBOL",
    "MAX_SYMBOLS",
    "START",
    "ContextTree",
    "CopyMachine",
    "Levels",
    "Repertoire",
    "count_levels",
    "join_pieces",
]
