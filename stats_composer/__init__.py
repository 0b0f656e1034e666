"""A statistical composer without deep learning.

The public names are loaded when they are first used, so that importing the package costs
little more than importing numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from stats_composer._version import __version__

if TYPE_CHECKING:
    from stats_composer.chords import ChordRecognizer
    from stats_composer.composers.chorale import ChoraleComposer
    from stats_composer.composers.folk import MelodyComposer
    from stats_composer.composers.jazz import JazzComposer
    from stats_composer.io import read, write
    from stats_composer.models.frames import FrameModel
    from stats_composer.models.maxent import MaxEnt, PairwiseMaxEnt
    from stats_composer.models.ngram import NGram
    from stats_composer.score import Part, Score

__all__ = [
    "ChoraleComposer",
    "ChordRecognizer",
    "FrameModel",
    "JazzComposer",
    "MaxEnt",
    "MelodyComposer",
    "NGram",
    "PairwiseMaxEnt",
    "Part",
    "Score",
    "__version__",
    "read",
    "write",
]

_HOME = {
    "ChoraleComposer": "composers.chorale",
    "ChordRecognizer": "chords.recognizer",
    "FrameModel": "models.frames",
    "JazzComposer": "composers.jazz",
    "MaxEnt": "models.maxent",
    "MelodyComposer": "composers.folk",
    "NGram": "models.ngram",
    "PairwiseMaxEnt": "models.maxent",
    "Part": "score",
    "Score": "score",
    "read": "io",
    "write": "io",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
