"""A statistical composer without deep learning.

The public names are loaded when they are first used, so that importing the package costs
little more than importing numpy.
"""

from __future__ import annotations

import importlib
from typing import Any

from stats_composer._version import __version__

_HOME = {
    "Score": "score",
    "Part": "score",
    "read": "io",
    "write": "io",
    "ChoraleComposer": "composers.chorale",
    "ChordRecognizer": "chords.recognizer",
    "FrameModel": "models.frames",
    "MelodyComposer": "composers.melody",
    "MaxEnt": "models.maxent",
    "NGram": "models.ngram",
    "PairwiseMaxEnt": "models.maxent",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
