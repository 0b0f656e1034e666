"""Composers: an encoder, models and a sampler behind `compose` and `harmonize`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stats_composer.composers.chorale import ChoraleComposer
    from stats_composer.composers.folk import MelodyComposer

__all__ = ["ChoraleComposer", "MelodyComposer"]

_HOME = {"ChoraleComposer": "chorale", "MelodyComposer": "folk"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
