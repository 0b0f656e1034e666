"""Many files at once: a folder, a pattern, a list, or music21's own corpus.

Each file is read in a guarded child process (`guard`), several at a time, and kept as arrays
in the user's cache folder under the hash of its bytes. A file that cannot be read costs that
file alone; the manifest has the reason.
"""

from __future__ import annotations

import functools
import glob
import hashlib
import importlib.metadata
import importlib.util
import os
import queue
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stats_composer._version import __version__
from stats_composer.errors import ScoreError, ScoreFileError
from stats_composer.io.arrays import ARRAYS_VERSION
from stats_composer.io.files import read_bytes, write_atomically
from stats_composer.io.guard import GuardedReader, unpack_answer
from stats_composer.io.parse import SUFFIXES, find_format
from stats_composer.score import Score

__all__ = ["Corpus", "CorpusFile", "find_files", "read_corpus"]

Source = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


@dataclass(frozen=True)
class CorpusFile:
    """One line of a corpus's manifest.

    Attributes
    ----------
    name : str
        As found below the source, with `/` between folders.
    sha256 : str
        Of its bytes; empty where they could not be read.
    n_scores : int
        Pieces read from it; 0 for a refused file.
    note : str
        What of it a score cannot hold.
    reason : str
        Why it was refused; empty for a file that was read.

    Examples
    --------
    >>> CorpusFile("tunes/reel.abc", n_scores=2).n_scores
    2
    """

    name: str
    sha256: str = ""
    n_scores: int = 0
    note: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Corpus(Sequence[Score]):
    """Scores in the order of their files' names.

    Attributes
    ----------
    scores : tuple of Score
    names : tuple of str
        The file of each score; `#2` and so on follow where a file holds several.
    manifest : tuple of CorpusFile
        All files, the refused ones as well.

    Examples
    --------
    >>> corpus = Corpus((), (), (CorpusFile("a.mid", reason="it is empty"),))
    >>> len(corpus), [row.name for row in corpus.refused]
    (0, ['a.mid'])
    """

    scores: tuple[Score, ...]
    names: tuple[str, ...]
    manifest: tuple[CorpusFile, ...]

    @property
    def refused(self) -> tuple[CorpusFile, ...]:
        """The files that could not be read."""
        return tuple(row for row in self.manifest if row.reason)

    def __len__(self) -> int:
        """Return the number of scores."""
        return len(self.scores)

    def __getitem__(self, index: int | slice) -> Score | tuple[Score, ...]:  # type: ignore[override]
        """Return a score, or a run of them."""
        return self.scores[index]

    def __iter__(self) -> Iterator[Score]:
        """Run through the scores."""
        return iter(self.scores)

    def __repr__(self) -> str:
        """Return one line: how many scores, files, and refused files."""
        sizes = f"{len(self.scores)} scores of {len(self.manifest)} files"
        return f"<Corpus {sizes}, {len(self.refused)} refused>"


def find_files(source: Source) -> list[tuple[str, Path]]:
    """List the files of a source, sorted by name.

    Parameters
    ----------
    source : str, path, or iterable of them
        A folder (searched to the bottom for files of a known suffix), a file, a pattern such
        as `tunes/*.abc`, or `music21:` and a composer's folder or the name of a piece in
        music21's corpus: `music21:bach`, `music21:bwv66.6`.

    Returns
    -------
    list of (name, path), names relative to the source's folder

    Raises
    ------
    ScoreFileError
        If there is no such file.

    Examples
    --------
    >>> [name for name, _ in find_files("music21:bwv66.6")]
    ['bach/bwv66.6.mxl']
    """
    if not isinstance(source, str | os.PathLike):
        return sorted({pair for item in source for pair in find_files(item)})
    text = os.fspath(source)
    if text.startswith("music21:"):
        return _music21_files(text.removeprefix("music21:").strip("/"))
    path = Path(text)
    if path.is_dir():
        found = _files_below(path, path)
    elif path.exists():
        found = [(path.name, path)]
    else:
        paths = map(Path, glob.glob(text, recursive=True))
        found = [(path.name, path) for path in paths if _known(path)]
    if not found:
        raise ScoreFileError(f"{text}: no score here; known suffixes are {', '.join(SUFFIXES)}")
    return sorted(found)


def _known(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _files_below(folder: Path, root: Path) -> list[tuple[str, Path]]:
    return [(p.relative_to(root).as_posix(), p) for p in folder.rglob("*") if _known(p)]


def _music21_files(name: str) -> list[tuple[str, Path]]:
    """Find files in the package's own folder; its metadata caches are pickles, and left alone."""
    spec = importlib.util.find_spec("music21")
    if spec is None or not spec.submodule_search_locations:
        raise ScoreFileError(f"music21:{name}: music21 is not installed")
    root = Path(spec.submodule_search_locations[0]) / "corpus"
    if (root / name).is_dir():
        found = _files_below(root / name, root)
    else:
        found = [
            (key, path)
            for key, path in _files_below(root, root)
            if name in (key, path.stem, path.name, Path(key).with_suffix("").as_posix())
        ]
    if not found:
        raise ScoreFileError(f"music21:{name}: neither a folder nor a piece of music21's corpus")
    # A few pieces are there in two formats: one is kept, MusicXML before the others.
    order = {suffix: rank for rank, suffix in enumerate(SUFFIXES)}
    found.sort(key=lambda pair: -order[Path(pair[0]).suffix.lower()])
    return sorted(
        {Path(key).with_suffix("").as_posix(): (key, path) for key, path in found}.values()
    )


def read_corpus(
    source: Source, *, n_jobs: int = 1, cache: bool = True, progress: bool = False
) -> Corpus:
    r"""Read all scores of a source.

    Parameters
    ----------
    source : str, path, or iterable of them
        See `find_files`.
    n_jobs : int
        Files read at a time, each in a process of its own; -1 for one a core. The result is
        the same for any number.
    cache : bool
        Whether to keep the arrays in the user's cache folder, and to take them from there.
    progress : bool
        Show a bar, where standard error is a terminal.

    Raises
    ------
    ScoreFileError
        If the source names no file at all; one bad file among others is only counted.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "book.abc").write_text("X:1\nK:C\nCDEF|\n")
    ...     len(read_corpus(folder, cache=False)[0].notes)
    4
    """
    files = find_files(source)
    results = _read_files(files, n_jobs, _cache_folder() if cache else None, progress)
    names = [
        row.name if row.n_scores == 1 else f"{row.name}#{index + 1}"
        for row, scores in results
        for index in range(len(scores))
    ]
    scores = tuple(score for _, group in results for score in group)
    return Corpus(scores, tuple(names), tuple(row for row, _ in results))


def _read_files(
    files: list[tuple[str, Path]], n_jobs: int, folder: Path | None, progress: bool
) -> list[tuple[CorpusFile, list[Score]]]:
    import joblib

    n_readers = max(1, min(int(joblib.effective_n_jobs(n_jobs)), len(files)))
    readers: queue.SimpleQueue[GuardedReader] = queue.SimpleQueue()
    opened = [GuardedReader() for _ in range(n_readers)]
    for reader in opened:
        readers.put(reader)
    try:
        # Threads wait for the child processes, which do the work.
        run = joblib.Parallel(n_readers, backend="threading", return_as="generator")
        task = joblib.delayed(functools.partial(_read_file, readers=readers, folder=folder))
        return list(_shown(run(task(*pair) for pair in files), len(files), progress))
    finally:
        for reader in opened:
            reader.close()


def _shown(
    results: Iterable[tuple[CorpusFile, list[Score]]], total: int, progress: bool
) -> Iterator[tuple[CorpusFile, list[Score]]]:
    if not progress:
        yield from results
        return
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(
        results, "Reading scores", total, console=console, disable=not console.is_terminal
    )


def _read_file(
    name: str, path: Path, readers: queue.SimpleQueue[GuardedReader], folder: Path | None
) -> tuple[CorpusFile, list[Score]]:
    row = CorpusFile(name)
    reader = readers.get()
    try:
        data = read_bytes(path)
        row = replace(row, sha256=hashlib.sha256(data).hexdigest())
        format = find_format(data, path.name, None)
        kept = folder / f"{row.sha256}.{format}.npz" if folder else None
        found = _cached(kept)
        if found is None:
            answer = reader.answer(data, format)
            found = unpack_answer(answer)
            if kept is not None:
                _keep(kept, answer)
        scores, note = found
    except (ScoreFileError, ScoreError) as error:
        return replace(row, reason=" ".join(str(error).split())), []
    finally:
        readers.put(reader)
    return replace(row, n_scores=len(scores), note=note), scores


def _cache_folder() -> Path | None:
    """Name the folder after what reads: our own sources and music21's version."""
    import platformdirs

    digest = hashlib.sha256(f"{__version__} {ARRAYS_VERSION}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    digest.update(importlib.metadata.version("music21").encode())
    base = Path(platformdirs.user_cache_dir("stats-composer"))
    return base / f"scores-{digest.hexdigest()[:12]}"


def _cached(path: Path | None) -> tuple[list[Score], str] | None:
    if path is None:
        return None
    try:
        return unpack_answer(path.read_bytes())
    except (OSError, ScoreFileError, ScoreError):
        return None


def _keep(path: Path, answer: bytes) -> None:
    """Keep an answer; where there is no room or no right to, go on without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, answer)
    except (OSError, ScoreFileError):
        return
