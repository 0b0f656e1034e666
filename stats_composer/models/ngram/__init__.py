"""N-gram models: smoothing, scores and draws."""

from stats_composer.models.ngram.model import NGram
from stats_composer.models.ngram.smoothing import PPM, KneserNey, Lidstone, Smoothing, WittenBell

__all__ = [
    "PPM",
    "KneserNey",
    "Lidstone",
    "NGram",
    "Smoothing",
    "WittenBell",
]
