"""Reading and writing one file: by its suffix, whole or not at all."""

from __future__ import annotations

import os
import stat
import warnings
from pathlib import Path
from typing import BinaryIO

from stats_composer.errors import ScoreError, ScoreFileError, ScoreWarning
from stats_composer.files import write_whole
from stats_composer.io.guard import read_guarded, read_here
from stats_composer.io.limits import MAX_FILE_BYTES
from stats_composer.io.parse import SUFFIXES, find_format
from stats_composer.io.report import Report
from stats_composer.score import Score, check_score

__all__ = ["read", "read_all", "read_bytes", "write", "write_atomically"]

PathOrStream = str | os.PathLike[str] | BinaryIO


def read(source: PathOrStream, *, format: str | None = None, trusted: bool = False) -> Score:
    r"""Read a score; of a file of several pieces, the first.

    Parameters
    ----------
    source : str, path, or binary stream
        MusicXML (.musicxml, .xml), zipped MusicXML (.mxl), MIDI (.mid, .midi), ABC (.abc) or
        Humdrum kern (.krn).
    format : {"musicxml", "mxl", "midi", "abc", "kern"}, by default as suffix or content tell
    trusted : bool
        Whether to read in this process, whatever time and memory that takes. Others' large files
        are read in a child process that has little of both.

    Returns
    -------
    Score

    Raises
    ------
    ScoreFileError
        In one line: the file's name, and what is wrong with it.

    Warns
    -----
    ScoreWarning
        In one line: what of the file a score cannot hold.

    Examples
    --------
    >>> import io
    >>> score = read(io.BytesIO(b"X:1\nM:4/4\nL:1/4\nK:G\nGABc|d4|\n"))
    >>> score.n_bars, score.notes["pitch"].tolist()
    (2, [67, 69, 71, 72, 74])
    """
    name, scores, note = _read(source, format, trusted)
    if len(scores) > 1:
        more = f"{len(scores)} pieces: the first is read; read_all reads them all"
        note = f"{more}; {note}" if note else more
    _warn(name, note)
    return scores[0]


def read_all(
    source: PathOrStream, *, format: str | None = None, trusted: bool = False
) -> list[Score]:
    r"""Read all pieces of a file, such as an ABC tune book.

    `source`, `format` and `trusted`, errors and warnings are those of `read`.
    @@

    Returns
    -------
    list of Score, at least one

    Examples
    --------
    >>> import io
    >>> book = io.BytesIO(b"X:1\nK:C\nC8|\n\nX:2\nK:C\nD8|\n")
    >>> [score.notes["pitch"].tolist() for score in read_all(book)]
    [[60], [62]]
    """
    name, scores, note = _read(source, format, trusted)
    _warn(name, note)
    return scores


def _read(source: PathOrStream, format: str | None, trusted: bool) -> tuple[str, list[Score], str]:
    name = _name(source)
    try:
        data = read_bytes(source)
        found = find_format(data, name, format)
        scores, note = (read_here if trusted else read_guarded)(data, found)
    except (ScoreFileError, ScoreError) as error:
        raise ScoreFileError(f"{name or 'stream'}: {error}") from None
    return name or "stream", scores, note


def _name(source: PathOrStream) -> str:
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    if not hasattr(source, "read") and not hasattr(source, "write"):
        raise ScoreFileError(f"{source!r:.60}: expected a path or a binary stream")
    name = getattr(source, "name", "")
    return name if isinstance(name, str) and not name.startswith("<") else ""


def _warn(name: str, note: str) -> None:
    if note:
        warnings.warn(f"{name}: {note}", ScoreWarning, stacklevel=3)


def read_bytes(source: PathOrStream) -> bytes:
    """Read a file, at most one byte more than the limit.

    Raises
    ------
    ScoreFileError
        What the system says, without the file's name.
    """
    if not isinstance(source, str | os.PathLike):
        data = source.read(MAX_FILE_BYTES + 1)
        if not isinstance(data, bytes | bytearray):
            raise ScoreFileError("a stream of text: expected one of bytes")
        return bytes(data)
    try:
        if not stat.S_ISREG(os.stat(source).st_mode):
            kind = "a folder" if os.path.isdir(source) else "not a regular file"
            raise ScoreFileError(f"{kind}: expected a score")
        with open(source, "rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ScoreFileError(error.strerror or type(error).__name__) from error
    except ValueError as error:
        raise ScoreFileError(str(error)) from error


def write(score: Score, target: PathOrStream, *, format: str | None = None) -> None:
    """Write a score as MusicXML, zipped MusicXML, MIDI or ABC, whole or not at all.

    Parameters
    ----------
    score : Score
    target : str, path, or binary stream
    format : str, optional
        One of musicxml, mxl, midi, abc; by default the suffix tells, for a stream MusicXML.

    Raises
    ------
    ScoreFileError
        In one line: the file's name, and why it cannot be written. What was there stays.

    Warns
    -----
    ScoreWarning
        In one line: what of the score the format cannot hold.

    Examples
    --------
    >>> import io
    >>> from stats_composer.score import Score, make_notes
    >>> buffer = io.BytesIO()
    >>> write(Score(make_notes(onset=[0], pitch=[60])), buffer, format="musicxml")
    >>> b"<pitch>" in buffer.getvalue()
    True
    """
    name = _name(target)
    report = Report()
    try:
        data = _encode(check_score(score), _target_format(name, format), report)
        if isinstance(target, str | os.PathLike):
            write_atomically(target, data)
        else:
            target.write(data)
    except (ScoreFileError, ScoreError) as error:
        raise ScoreFileError(f"{name or 'stream'}: {error}") from None
    _warn(name or "stream", str(report))


def _target_format(name: str, format: str | None) -> str:
    suffix = Path(name).suffix.lower()
    found = format or (SUFFIXES.get(suffix, "") if suffix else "musicxml" if not name else "")
    if found not in ("musicxml", "mxl", "midi", "abc"):
        asked = f"format {format!r}" if format else f"suffix {suffix!r}"
        raise ScoreFileError(f"{asked}: written are .musicxml, .xml, .mxl, .mid, .midi and .abc")
    return found


def _encode(score: Score, format: str, report: Report) -> bytes:
    if format == "midi":
        from stats_composer.io.midi_writer import encode_midi

        return encode_midi(score, report)
    if format == "abc":
        from stats_composer.io.abc_writer import encode_abc

        return encode_abc(score, report)
    from stats_composer.io.musicxml_writer import encode_musicxml
    from stats_composer.io.mxl import zip_musicxml

    data = encode_musicxml(score, report)
    return zip_musicxml(data) if format == "mxl" else data


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file beside its place, and move it there when it is whole and on the disk.

    Raises
    ------
    ScoreFileError
        What the system says, without the file's name.
    """
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise ScoreFileError("not a regular file: left as it is")
        write_whole(path, data)
    except OSError as error:
        raise ScoreFileError(error.strerror or type(error).__name__) from error
    except ValueError as error:
        raise error if isinstance(error, ScoreFileError) else ScoreFileError(str(error)) from error
