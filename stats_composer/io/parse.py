"""Which format a file is of, and the reader for it.

`parse` runs in the child process of `guard`; it imports a format's reader when it is asked.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from stats_composer.errors import ScoreFileError
from stats_composer.io.limits import MAX_FILE_BYTES
from stats_composer.io.midi_events import find_header
from stats_composer.io.report import Report
from stats_composer.score import Score

__all__ = ["FORMATS", "SUFFIXES", "find_format", "parse"]

FORMATS = {
    "musicxml": (".musicxml", ".xml"),
    "mxl": (".mxl",),
    "midi": (".mid", ".midi"),
    "abc": (".abc",),
    "kern": (".krn", ".kern"),
}
SUFFIXES = {suffix: name for name, suffixes in FORMATS.items() for suffix in suffixes}

_TITLES = {
    "musicxml": "MusicXML",
    "mxl": "zipped MusicXML",
    "midi": "MIDI",
    "abc": "ABC",
    "kern": "Humdrum kern",
}


def find_format(data: bytes, name: str, format: str | None) -> str:
    """Tell a file's format by its suffix or the one asked for, and check its content.

    Parameters
    ----------
    data : bytes
    name : str
        The file's name; empty for a nameless stream, whose content alone decides.
    format : str, optional
        One of `FORMATS`.

    Returns
    -------
    str, one of `FORMATS`

    Raises
    ------
    ScoreFileError
        If the content is not of that format.
    """
    suffix = PurePath(name).suffix.lower()
    if format is not None and format not in FORMATS:
        raise ScoreFileError(f"format {format!r}: expected one of {', '.join(FORMATS)}")
    if not data:
        raise ScoreFileError("the file is empty")
    if len(data) > MAX_FILE_BYTES:
        raise ScoreFileError(f"larger than {MAX_FILE_BYTES >> 20} MB, the most that is read")
    found = _sniff(data)
    told = format or SUFFIXES.get(suffix)
    if told is None and suffix:
        raise ScoreFileError(f"suffix {suffix!r}: expected one of {', '.join(SUFFIXES)}")
    if found is None:
        raise ScoreFileError(f"not {_TITLES[told] if told else 'a score'}: {_describe(data)}")
    if told is not None and found != told:
        says = f"the suffix {suffix!r}" if format is None else f"format={format!r}"
        raise ScoreFileError(f"{says} says {_TITLES[told]}, the content is {_TITLES[found]}")
    return found


def _sniff(data: bytes) -> str | None:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data[2:].replace(b"\0", b"")
    head = data[:4096]
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"PK\x03\x04"):
        return "mxl"
    if find_header(data) >= 0:
        return "midi"
    if head.startswith(b"<"):
        return "musicxml"
    if b"\0" in head:
        return None
    if re.search(rb"^\*\*\w", data, re.MULTILINE):
        return "kern"
    if re.search(rb"(?:^(?:\xef\xbb\xbf)?|[\r\n])[ \t]*[XKT]:", data) or head.startswith(
        (b"%abc", b"%%abc")
    ):
        return "abc"
    return None


def _describe(data: bytes) -> str:
    """Say how a foreign file starts."""
    start = data[:12].decode("latin-1")
    return f"it starts with {start!r}"


def parse(data: bytes, format: str, report: Report) -> list[Score]:
    """Read the pieces in a file of a known format.

    Parameters
    ----------
    data : bytes
    format : str, one of `FORMATS`
    report : Report

    Returns
    -------
    list of Score, at least one

    Raises
    ------
    ScoreFileError, ScoreError
    """
    if format in ("musicxml", "mxl"):
        from stats_composer.io.musicxml_reader import read_musicxml
        from stats_composer.io.mxl import unzip_musicxml

        return [read_musicxml(unzip_musicxml(data, report) if format == "mxl" else data, report)]
    if format == "midi":
        from stats_composer.io.midi_reader import read_midi

        return read_midi(data, report)
    if format == "abc":
        from stats_composer.io.abc import read_abc

        return read_abc(data, report)
    from stats_composer.io.kern import read_kern

    return read_kern(data, report)
