"""What the parts of a kern file hold: notes, ties, keys, metres, syllables."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stats_composer.io.kern_tokens import PROGRAMS, Sound
from stats_composer.io.report import Report
from stats_composer.io.timeline import Piece
from stats_composer.theory import TICKS_PER_QUARTER, UNKNOWN_MODE

__all__ = ["KernPart", "common_marks"]

Marks = dict[int, tuple[int, int]]


@dataclass(eq=False)
class KernPart:
    """What a part has so far, in ticks.

    Attributes
    ----------
    name : str
    program : int or None
    pieces : list of Piece
    fermatas : set of (onset, voice)
    keys, metres : dict of onset to (fifths, mode) and (numerator, denominator), rising
    syllables : list of (onset, (voice, verse, syllabic, text))
    graces : list of (onset, (voice, grace, pitch, fifths, written, slash))
    ties : dict of end to list of (name, piece, line)
        The beginnings of ties whose ends are still to come.
    """

    name: str = ""
    program: int | None = None
    pieces: list[Piece] = field(default_factory=list)
    fermatas: set[tuple[int, int]] = field(default_factory=set)
    keys: Marks = field(default_factory=dict)
    metres: Marks = field(default_factory=dict)
    syllables: list[tuple[int, tuple[int, int, str, str]]] = field(default_factory=list)
    graces: list[tuple[int, tuple[int, int, int, int, int, bool]]] = field(default_factory=list)
    ties: defaultdict[int, list[tuple[str, Piece, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def set_name(self, token: str) -> None:
        """Read a name, such as `*I"Violin` or `*I:[ALTO]`, or an instrument's code."""
        told = re.match(r'\*I[:"]\[?([^\]]*)', token)
        if told:
            self.name = self.name or html.unescape(told[1]).strip()
        elif self.program is None:
            self.program = PROGRAMS.get(token[2:])

    def set_signature(self, at: int, fifths: int) -> None:
        """Begin a key signature; a key that stands beside it keeps its mode if it has it."""
        before = self.keys.get(at)
        self.keys[at] = before if before and before[0] == fifths else (fifths, UNKNOWN_MODE)

    def set_key(self, at: int, fifths: int, mode: int) -> None:
        """Tell the mode of a signature; a key of another one is an analysis, and no mark."""
        last = next(reversed(self.keys), None)
        if last is None or self.keys[last][0] == fifths:
            self.keys[at] = (fifths, mode)

    def add(
        self, name: str, piece: Piece, others: Iterable[KernPart], report: Report, line: int
    ) -> None:
        """Keep a notehead; the end of a tie has the pitch of its beginning."""
        if piece.stops:
            begun = self._close_tie(name, piece, others)
            if begun is None:
                report.add("ties without a beginning", f"line {line}")
            elif begun.pitch != piece.pitch:
                told = "tied notes of unlike accidentals taken as the first"
                report.add(told, f"line {line}")
                piece.pitch, piece.fifths = begun.pitch, begun.fifths
        if piece.starts:
            self.ties[piece.onset + piece.duration].append((name, piece, line))
        self.pieces.append(piece)

    def add_graces(self, onset: int, voice: int, first: int, sounds: Sequence[Sound]) -> None:
        """Keep grace notes at a note: `first` is -n for n of them before it, 1 after it."""
        for number, sound in enumerate(sounds, first):
            self.graces += [
                (onset, (voice, number, head.pitch, head.fifths, int(head.duration), sound.slash))
                for head in sound.heads
            ]

    def _close_tie(self, name: str, piece: Piece, others: Iterable[KernPart]) -> Piece | None:
        """Take the tie that a note ends: of its pitch, or of its name in the part, or beyond."""
        for part in (self, *others):
            ties = part.ties.get(piece.onset, [])
            near = [tie for tie in ties if tie[1].pitch == piece.pitch]
            near += [tie for tie in ties if tie[0] == name and part is self]
            if near:
                ties.remove(near[0])
                return near[0][1]
        return None

    def tell_open_ties(self, report: Report) -> None:
        """Say which ties never ended."""
        for *_, line in (tie for ties in self.ties.values() for tie in ties):
            report.add("ties without an end", f"line {line}")


def common_marks(told: Sequence[Marks], what: str, n_compared: int, report: Report) -> Marks:
    """Take the marks of the first part that has any; count where those of others differ.

    Parameters
    ----------
    told : sequence of dict, a part each
    what : str
        The name of such marks.
    n_compared : int
        Of a mark's numbers, how many must be alike.
    report : Report
    """
    first = next((marks for marks in told if marks), {})
    onsets = list(first)
    for marks in told:
        for at, value in marks.items():
            here = first[onsets[max(bisect_right(onsets, at) - 1, 0)]]
            if here[:n_compared] != value[:n_compared]:
                place = f"quarter {at / TICKS_PER_QUARTER:g}"
                report.add(f"{what} unlike the first part's left out", place)
    return first
