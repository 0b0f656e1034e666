"""Chord inference: what sounds, cut into events; the chord of each; symbols, keys and numerals."""

from stats_composer.chords.classifier import ChordClassifier
from stats_composer.chords.events import chord_events, read_choral_harmony
from stats_composer.chords.harmonies import HarmonyModels
from stats_composer.chords.recognizer import ChordRecognizer
from stats_composer.chords.spans import ChordSpan

__all__ = [
    "ChordClassifier",
    "ChordRecognizer",
    "ChordSpan",
    "HarmonyModels",
    "chord_events",
    "read_choral_harmony",
]
