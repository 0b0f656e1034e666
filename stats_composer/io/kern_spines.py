"""Humdrum's spines: the columns of a file, how they part, join and end, and its rows.

Conventions
-----------
* A track is a spine with its own exclusive interpretation (`**kern`, `**text`); `*^` divides
  it into paths, `*v` joins neighbours again, `*x` exchanges two, `*+` begins a track to the
  right, `*-` ends a path.
* Neighbouring `*v` of two tracks join in each track of its own, unless one has a lone `*v`.
* A row has one token a path. Tabs in a row count as one where that gives the right number. A
  row of bar lines or of plain interpretations that is too short is filled up; elsewhere it
  cannot be told whose token is missing, and the row is refused.

References
----------
D. Huron, The Humdrum Toolkit Reference Manual, CCARH 1994, "Humdrum syntax".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from stats_composer.errors import ScoreFileError
from stats_composer.io.kern_tokens import Ticks
from stats_composer.io.limits import MAX_VOICES, check_limit
from stats_composer.io.report import Report

__all__ = ["Path", "Row", "Track", "read_rows", "split_scores"]

_CHANGES = re.compile(r"\*([-^vx+]$|\*)")


@dataclass(eq=False, slots=True)
class Track:
    """A spine from its exclusive interpretation on; `kind` is that without its asterisks."""

    kind: str = ""


@dataclass(eq=False, slots=True)
class Path:
    """One branch of a track.

    `ends` are the ticks, rising, at which its last notes end: one, or several where branches
    have joined. Before its first note it is -1.
    """

    track: Track
    ends: tuple[Ticks, ...] = (-1,)


class Row(NamedTuple):
    """A line of tokens, one a path; `paths` is the same object until they change."""

    line: int
    tokens: Sequence[str]
    paths: Sequence[Path]


def split_scores(lines: Sequence[str]) -> list[tuple[int, Sequence[str]]]:
    """Divide a file into its scores, each with the comments above it.

    Parameters
    ----------
    lines : sequence of str

    Returns
    -------
    list of (int, sequence of str)
        The number of lines before each score, and its lines.
    """
    starts, music = [0], -1
    begun = False
    for index, line in enumerate(lines):
        if not line.strip() or line.startswith("!"):
            continue
        if line.startswith("**") and all(part.startswith("**") for part in line.split()):
            if begun:
                starts.append(music + 1)
            begun = True
        music = index
    return [
        (first, lines[first:stop])
        for first, stop in zip(starts, [*starts[1:], len(lines)], strict=True)
    ]


def read_rows(first: int, lines: Sequence[str], report: Report) -> Iterator[Row]:
    """Yield the rows of a score that hold notes, bar lines or plain interpretations.

    Parameters
    ----------
    first : int
        The number of lines before these.
    lines : sequence of str
    report : Report
        Told of rows that had to be mended.

    Raises
    ------
    ScoreFileError
        At a row that has not as many tokens as there are paths, or a wrong `*x`.
    """
    paths: list[Path] = []
    for number, line in enumerate(lines, first + 1):
        if line.startswith("!") or not line.strip():
            continue
        tokens = line.split("\t") if " " not in line else [t.strip() for t in line.split("\t")]
        if not paths:
            if not line.startswith("**"):
                report.add("lines outside of all spines left out", f"line {number}")
                continue
            paths = [Path(Track()) for token in tokens if token]
        if len(tokens) != len(paths) or "" in tokens:
            tokens = _mend(tokens, len(paths), number, report)
        yield Row(number, tokens, paths)
        if tokens[0].startswith("*") and any(map(_CHANGES.match, tokens)):
            paths = _change(paths, tokens, number)
    if paths:
        report.add("spines that the file does not end (*-)")


def _mend(tokens: list[str], n_paths: int, number: int, report: Report) -> list[str]:
    """Give each path a token, or refuse."""
    told = [token for token in tokens if token]
    kinds = {token[0] for token in told}
    null = {"*": "*", "=": told[0]}.get(told[0][0], ".")
    if len(tokens) == n_paths:
        report.add("empty tokens taken as null tokens", f"line {number}")
        return [token or null for token in tokens]
    if len(tokens) > n_paths and len(told) == n_paths:
        return told
    plain = kinds == {"="} or (kinds == {"*"} and not any(map(_CHANGES.match, told)))
    if len(told) > n_paths or not plain:
        raise ScoreFileError(f"line {number}: {len(told)} tokens in {n_paths} spines")
    report.add("rows with too few tokens filled up", f"line {number}")
    return told + [null] * (n_paths - len(told))


def _change(paths: list[Path], tokens: Sequence[str], number: int) -> list[Path]:
    """Return the paths below a row of spine manipulators."""
    after: list[Path] = []
    for sign, group in groupby(zip(paths, tokens, strict=True), _run):
        found = [path for path, _ in group]
        if sign == "*v":
            after += _join(found)
        elif sign == "*x":
            if len(found) % 2:
                raise ScoreFileError(f"line {number}: *x without a neighbour to exchange with")
            for left, right in zip(found[::2], found[1::2], strict=True):
                after += [right, left]
        elif sign == "*^":
            after += [branch for path in found for branch in (path, Path(path.track, path.ends))]
        elif sign == "*+":
            after += [branch for path in found for branch in (path, Path(Track()))]
        elif sign != "*-":
            if " " in sign:
                raise ScoreFileError(f"line {number}: spines divided by spaces: expected tabs")
            for path in found:
                path.track.kind = sign[2:] or path.track.kind
            after += found
    check_limit(len(after), max(MAX_VOICES, len(paths)), "spines")
    return after


def _run(pair: tuple[Path, str]) -> str:
    return pair[1] if _CHANGES.match(pair[1]) else ""


def _join(paths: list[Path]) -> list[Path]:
    groups = [list(group) for _, group in groupby(paths, lambda path: path.track)]
    if any(len(group) == 1 for group in groups):
        groups = [paths]
    return [
        Path(group[0].track, tuple(sorted({end for path in group for end in path.ends})))
        for group in groups
    ]
