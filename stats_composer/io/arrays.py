"""A score as plain arrays in one npz: what the guarded reader sends and the cache keeps.

Nothing in it can run code (`allow_pickle=False`), and the score is built and checked anew
when it is loaded.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np

from stats_composer.errors import ScoreFileError
from stats_composer.score import MARKS, NOTE_DTYPE, Part, Score

__all__ = ["ARRAYS_VERSION", "load_arrays", "save_arrays"]

ARRAYS_VERSION = 5
"""Raise it when the layout, or what a reader puts in it, changes: old cache entries are left."""

_TABLES = {"notes": NOTE_DTYPE, **MARKS}
_TEXTS = ("title", "composer", "rhythm")
_MAX_BYTES = 1 << 29


def save_arrays(score: Score) -> bytes:
    """Pack a score as an npz file.

    Parameters
    ----------
    score : Score

    Returns
    -------
    bytes
        An uncompressed npz with one structured array a table, the parts' names, programs and
        percussion flags, the texts, and the end.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> score = Score(make_notes(onset=[0], pitch=[60]))
    >>> load_arrays(save_arrays(score)) == score
    True
    """
    arrays: dict[str, np.ndarray] = {name: getattr(score, name) for name in _TABLES}
    arrays["part_name"] = np.array([part.name for part in score.parts], np.str_)
    arrays["part_program"] = np.array([part.program for part in score.parts], np.int16)
    arrays["part_percussion"] = np.array([part.percussion for part in score.parts], np.bool_)
    arrays["order"] = np.array(score.order, np.str_)
    arrays["end"] = np.array(score.end, np.int64)
    for name in _TEXTS:
        arrays[name] = np.array(getattr(score, name), np.str_)
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def load_arrays(data: bytes) -> Score:
    """Unpack and check what `save_arrays` packed.

    Parameters
    ----------
    data : bytes

    Raises
    ------
    ScoreFileError
        If the bytes are not the arrays of a score.
    ScoreError
        If the score they hold breaks its own rules.

    Examples
    --------
    >>> load_arrays(b"no arrays")
    Traceback (most recent call last):
    ...
    stats_composer.errors.ScoreFileError: arrays of a score: damaged (BadZipFile)
    """
    stream = io.BytesIO(data)
    try:
        with zipfile.ZipFile(stream) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MAX_BYTES:
                raise ScoreFileError("arrays of a score: larger than any score read here")
        with np.load(stream, allow_pickle=False) as arrays:
            tables = {name: arrays[name] for name in _TABLES}
            rows = (arrays[f"part_{name}"].tolist() for name in ("name", "program", "percussion"))
            parts = tuple(Part(*row) for row in zip(*rows, strict=True))
            texts: dict[str, Any] = {name: str(arrays[name]) for name in _TEXTS}
            order = tuple(arrays["order"].tolist())
            end = int(arrays["end"])
    except (KeyError, ValueError, OSError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise ScoreFileError(f"arrays of a score: damaged ({type(error).__name__})") from error
    for name, dtype in _TABLES.items():
        if tables[name].dtype != dtype or tables[name].ndim != 1:
            raise ScoreFileError(f"arrays of a score: {name} of another layout")
    return Score(**tables, parts=parts, **texts, end=end, order=order)
