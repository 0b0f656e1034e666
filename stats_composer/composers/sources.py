"""What a composer learns from: files read, and the record of what went into it."""

from __future__ import annotations

import importlib.metadata
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from stats_composer._version import __version__
from stats_composer.composers.asked import asked_jobs
from stats_composer.errors import EncodingError, ScoreFileError, ScoreWarning
from stats_composer.io import CorpusFile, read_corpus
from stats_composer.score import Score

__all__ = ["describe", "read_pieces", "read_sources"]

Piece = TypeVar("Piece")


def read_sources(
    source: str | os.PathLike[str] | Sequence[str], *, n_jobs: int, progress: bool
) -> tuple[list[str], list[tuple[str, Score]], dict[str, CorpusFile], dict[str, str]]:
    """Read the scores of some files.

    Returns
    -------
    sources : list of str
    named : list of (name, Score)
    files : dict of name to CorpusFile
    refused : dict of name to reason
    """
    sources = [source] if isinstance(source, str | os.PathLike) else list(source)
    n_jobs = asked_jobs(n_jobs)
    corpora = [read_corpus(one, n_jobs=n_jobs, progress=progress) for one in sources]
    named = [pair for corpus in corpora for pair in zip(corpus.names, corpus.scores, strict=True)]
    files = {row.name: row for corpus in corpora for row in corpus.manifest}
    refused = {row.name: row.reason for corpus in corpora for row in corpus.refused}
    return list(map(str, sources)), named, files, refused


def read_pieces(
    source: str | os.PathLike[str] | Sequence[str],
    read: Callable[[Score], Piece],
    *,
    name: str,
    exclude: Iterable[str],
    n_jobs: int,
    progress: bool,
) -> tuple[list[Piece], dict[str, Any]]:
    """Read the pieces among some files, and the record of them as a style of this name.

    Parameters
    ----------
    source, n_jobs, progress
        As of `read_sources`.
    read : callable
        Of a score; an `EncodingError` says why it is no such piece.
    name, exclude
        Of the style, and of files to leave out.

    Raises ScoreFileError if there is no piece among the files.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)
        sources, named, files, refused = read_sources(source, n_jobs=n_jobs, progress=progress)
        unwanted = set(map(os.path.basename, exclude))
        pieces: dict[str, Piece] = {}
        for file, score in named:
            if os.path.basename(file) in unwanted:
                refused[file] = "held out"
                continue
            try:
                pieces[file] = read(score)
            except EncodingError as error:
                refused[file] = str(error)
    if not pieces:
        reasons = "; ".join(sorted(set(refused.values()))[:3])
        raise ScoreFileError(f"{', '.join(sources)}: nothing to learn from: {reasons}")
    names = [os.path.basename(os.path.normpath(one)) for one in sources]
    return list(pieces.values()), describe(name, names, pieces, files, refused)


def describe(
    name: str,
    sources: Sequence[str],
    used: Iterable[str],
    files: Mapping[str, CorpusFile],
    refused: Mapping[str, str],
) -> dict[str, Any]:
    """Return the record of what a model was made from, as JSON can hold it."""
    used = list(used)
    return {
        "name": name,
        "trained_on": f"{len(used)} scores of {', '.join(sources)}",
        "files": {one: files[one.split("#")[0]].sha256 for one in used},
        "left_out": dict(refused),
        "versions": {
            "stats_composer": __version__,
            **{lib: importlib.metadata.version(lib) for lib in ("numpy", "numba", "music21")},
        },
    }
