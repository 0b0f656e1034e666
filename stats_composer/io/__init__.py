"""Reading and writing scores: MusicXML, MIDI, ABC and Humdrum kern."""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "read": "files",
    "read_all": "files",
    "write": "files",
    "read_corpus": "corpus",
    "Corpus": "corpus",
    "CorpusFile": "corpus",
    "find_files": "corpus",
    "save_arrays": "arrays",
    "load_arrays": "arrays",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
