"""Analyses as RomanText: keys and numerals by bar and beat, as plain text.

Conventions
-----------
A line a bar, `m3 C: I b3 V65/V`: a key is written where it changes, a numeral where it does; no
chord is `NC`, left out where the reason is silence. Signs are those of ASCII: `o` for the circle
of a diminished chord, `/o` for the half diminished; minor keys have small letters.

References
----------
D. Tymoczko, M. Gotham, M. Cuthbert, C. Ariza, "The RomanText format: a flexible and standard
method for representing Roman numeral analyses", ISMIR 2019, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from stats_composer.chords.spans import ChordSpan
from stats_composer.score import Score
from stats_composer.theory import fifths_name, parse_key
from stats_composer.theory.keys import MINOR

__all__ = ["roman_text"]

_SIGNS = str.maketrans({"°": "o", "ø": "/o"})
_OPEN = {"sus2": "[no3][add2]", "sus4": "[no3][add4]", "7sus4": "[no3][add4]", "6": "[add6]"}


def roman_text(score: Score, spans: Sequence[ChordSpan]) -> str:
    """Write an analysis.

    Parameters
    ----------
    score : Score
    spans : sequence of ChordSpan
        Of the score, in the order of time.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> span = ChordSpan(0, 40320, 1, 1.0, "G7", "G:7", "V7", "C major")
    >>> print(roman_text(Score(make_notes(onset=0, pitch=55, duration=40320)), [span]), end="")
    Composer: unknown
    Title: untitled
    Analyst: stats_composer
    <BLANKLINE>
    Time Signature: 4/4
    m1 C: V7
    """
    lines = [
        f"Composer: {_plain(score.composer) or 'unknown'}",
        f"Title: {_plain(score.title) or 'untitled'}",
        "Analyst: stats_composer",
        "",
    ]
    by_bar: dict[int, list[ChordSpan]] = {}
    for span in spans:
        by_bar.setdefault(score.bar_at(span.onset), []).append(span)
    metre, key = "", ""
    for bar, start in enumerate(score.bars["onset"].tolist()):
        sizes = score.metre_at(start)
        told = f"Time Signature: {sizes.numerator}/{sizes.denominator}"
        if told != metre:
            lines.append(told)
            metre = told
        words: list[str] = []
        for span in by_bar.get(bar, []):
            if span.beat != 1 or words:
                words.append(f"b{_beat(score, span):g}")
            if span.reason or not span.numeral:
                words.append("NC")
                continue
            if span.key != key:
                words.append(f"{_key(span.key)}:")
                key = span.key
            words.append(_figure(span))
        if words:
            lines.append(f"m{score.bar_number(bar)} {' '.join(words)}")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return " ".join(text.split())


def _beat(score: Score, span: ChordSpan) -> float:
    """Count beats as RomanText does: of three eighths in a compound metre."""
    compound = score.metre_at(span.onset).is_compound
    return round(1 + (span.beat - 1) / 3, 3) if compound else span.beat


def _key(name: str) -> str:
    tonic, mode = parse_key(name)
    letter = fifths_name(tonic)
    return letter.lower() if mode == MINOR else letter


def _figure(span: ChordSpan) -> str:
    """Write a numeral in RomanText's signs."""
    numeral = span.numeral.translate(_SIGNS)
    quality = span.harte.partition(":")[2].partition("/")[0]
    added = {"maj6": "[add6]", "min6": "[add6]"}.get(quality, _OPEN.get(quality, ""))
    return numeral + added
