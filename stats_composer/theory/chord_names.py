"""Names of chords: as Harte and as a lead sheet write them, and as Roman numerals in a key.

Conventions
-----------
Every name is one that `chord_symbols.parse_chord` reads as the same chord. A Roman numeral is
upper case where the third is major, `°`, `ø` and `+` mark the fifth, figures the inversion;
degrees are those of the major scale or of the natural minor one, with accidentals before what
departs from them, so that the leading-tone triad in minor is `#vii°`. A seventh or diminished
chord that leads from outside the key into a degree of it is named after that degree: `V7/V`.

References
----------
C. Harte, M. Sandler, S. Abdallah, E. Gomez, "Symbolic representation of musical chords", ISMIR
2005, section 3: the syntax.
E. Aldwell, C. Schachter, "Harmony and Voice Leading", 4th ed., 2010, units 4 and 27: numerals.
"""

from __future__ import annotations

import functools

from stats_composer.theory.chord_symbols import NO_CHORD, Chord, is_no_chord, parse_chord
from stats_composer.theory.keys import MINOR, key_signature
from stats_composer.theory.pitch import fifths_name
from stats_composer.theory.qualities import QUALITIES, QUALITY_TABLE

__all__ = [
    "harte_symbol",
    "lead_sheet_symbol",
    "nashville_number",
    "normalise_symbol",
    "roman_numeral",
]

_HARTE_DEGREES = ("1", "b9", "9", "b3", "3", "11", "b5", "5", "#5", "13", "b7", "7")
_PRINTED = {row.printed: row.tones for row in QUALITY_TABLE if row.harte or row.printed == "7alt"}
"""Qualities that are written; of the others tones are added to one of these."""
_ADDED = {
    1: ("b9", "addb9"), 2: ("add9",), 3: ("#9",), 5: ("add11",), 6: ("b5", "#11", "add#11"),
    8: ("#5", "b13", "b6"), 9: ("add6", "add13"),
}  # fmt: skip
_REMOVED = {3: "no3", 4: "no3", 7: "no5"}
_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")
_FIFTHS_OF_DEGREE = (0, 2, 4, -1, 1, 3, 5)
_LOWERED_IN_MINOR = (2, 5, 6)
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@functools.lru_cache(maxsize=4096)
def harte_symbol(chord: Chord) -> str:
    """Write a chord in Harte's syntax.

    Examples
    --------
    >>> from stats_composer.theory import parse_chord
    >>> harte_symbol(parse_chord("F#m7b5/A")), harte_symbol(parse_chord("Bb7#9"))
    ('F#:hdim7/b3', 'Bb:7(#9)')
    """
    root, bass = fifths_name(chord.root), ""
    if chord.bass is not None:
        bass = f"/{_degree_name(chord.bass - chord.root)}"
    for name, tones in QUALITIES.items():
        if tones == chord.intervals:
            return f"{root}:{name}{bass}"
    base = _largest_within(chord.intervals)
    if base:
        rest = [t for t in chord.intervals if t not in QUALITIES[base]]
        third = 4 in chord.intervals
        degrees = ["#9" if t == 3 and third else _HARTE_DEGREES[t] for t in rest]
        return f"{root}:{base}({','.join(degrees)}){bass}"
    return f"{root}:({','.join(_HARTE_DEGREES[t] for t in chord.intervals)}){bass}"


def _largest_within(intervals: tuple[int, ...]) -> str:
    within = [name for name, tones in QUALITIES.items() if set(tones) <= set(intervals)]

    def merit(name: str) -> tuple[int, bool, bool]:
        tones = QUALITIES[name]
        return len(tones), (4 in tones) == (4 in intervals), bool({10, 11} & set(tones))

    return max(within, key=merit, default="")


def _degree_name(fifths: int) -> str:
    """Name a degree of the major scale by its place on the line of fifths from the root."""
    number = 4 * fifths % 7
    accidental = (fifths - _FIFTHS_OF_DEGREE[number]) // 7
    return ("#" * accidental if accidental > 0 else "b" * -accidental) + str(number + 1)


@functools.lru_cache(maxsize=4096)
def lead_sheet_symbol(chord: Chord) -> str:
    """Write a chord as a lead sheet does.

    Examples
    --------
    >>> from stats_composer.theory import parse_chord
    >>> lead_sheet_symbol(parse_chord("Bb:min7/b3")), lead_sheet_symbol(parse_chord("G+7"))
    ('Bbm7/Db', 'Gaug7')

    Raises
    ------
    ValueError
        If its tones have no name there.
    """
    bass = "" if chord.bass is None else f"/{fifths_name(chord.bass)}"
    return f"{fifths_name(chord.root)}{_printed_quality(chord.intervals)}{bass}"


@functools.cache
def _printed_quality(intervals: tuple[int, ...]) -> str:
    found = []
    for name, tones in _PRINTED.items():
        if tones == intervals:
            return name
        candidates = [name]
        for tone in sorted(set(intervals) - set(tones), key=lambda t: t == 6):
            candidates = [c + more for c in candidates for more in _ADDED.get(tone, ())]
        gone = [_REMOVED.get(t, "") for t in tones if t not in intervals and t in _REMOVED]
        candidates += [c + "".join(gone) for c in candidates if gone]
        found += [c for c in candidates if _reads_as(c, intervals)]
    if not found:
        raise ValueError(f"intervals {intervals}: no lead-sheet symbol has these tones")
    return min(found, key=len)


def _reads_as(quality: str, intervals: tuple[int, ...]) -> bool:
    try:
        return parse_chord(f"C{quality}").intervals == intervals
    except ValueError:
        return False


def normalise_symbol(symbol: str, *, style: str = "harte", minus: str = "refuse") -> str:
    """Rewrite a symbol of either notation in one, `N` or `N.C.` where it says no chord.

    Parameters
    ----------
    symbol : str
    style : {"harte", "lead sheet"}
    minus : {"refuse", "minor", "flat"}
        As of `parse_chord`.

    Raises
    ------
    ValueError
        If the symbol is unknown or ambiguous.

    Examples
    --------
    >>> normalise_symbol("B♭△7"), normalise_symbol("A:hdim7", style="lead sheet")
    ('Bb:maj7', 'Am7b5')
    """
    if is_no_chord(symbol):
        return NO_CHORD if style == "harte" else "N.C."
    chord = parse_chord(symbol, minus=minus)
    return harte_symbol(chord) if style == "harte" else lead_sheet_symbol(chord)


def roman_numeral(
    chord: Chord, tonic_fifths: int, mode: int, following: Chord | None = None
) -> str:
    """Name a chord by its degree in a key.

    Parameters
    ----------
    chord : Chord
    tonic_fifths, mode : int
        The key, as `theory.parse_key` gives it.
    following : Chord, optional
        A major triad outside the key is a dominant where it falls a fifth to this chord.

    Examples
    --------
    >>> from stats_composer.theory import parse_chord
    >>> names = ["C", "Dm7/F", "D7/F#", "G7", "Bdim/D"]
    >>> [roman_numeral(parse_chord(name), 0, 0) for name in names]
    ['I', 'ii65', 'V65/V', 'V7', 'vii°6']
    >>> roman_numeral(parse_chord("A"), 0, 0, following=parse_chord("Dm"))
    'V/ii'
    """
    numeral = _numeral(chord.root - tonic_fifths, mode)
    tones = set(chord.intervals)
    falls = following is not None and (chord.root - following.root - 1) % 12 == 0
    dominant = 4 in tones and (10 in tones or (falls and tones == {0, 4, 7}))
    leading = 3 in tones and 6 in tones
    target = chord.root - tonic_fifths - (1 if dominant else 5 if leading else 0)
    in_key = _diatonic(chord, tonic_fifths, mode)
    if (dominant or leading) and not in_key and target and _is_degree(target, mode):
        numeral = "V" if dominant else "VII"
        goal = _numeral(target, mode)
        goal = goal.lower() if _minor_degree(target, mode) else goal
        return f"{_cased(numeral, tones)}{_figures(chord)}/{goal}"
    return f"{_cased(numeral, tones)}{_figures(chord)}"


def nashville_number(chord: Chord, tonic_fifths: int, mode: int) -> str:
    """Write a chord by its degree as Nashville's studios do, in the major key of the signature.

    Parameters
    ----------
    chord : Chord
    tonic_fifths, mode : int
        The key, as `theory.parse_key` gives it.

    Examples
    --------
    >>> from stats_composer.theory import parse_chord
    >>> names = ["G", "D/F#", "Em7", "Cmaj7", "D7", "Bb"]
    >>> [nashville_number(parse_chord(name), 1, 0) for name in names]
    ['1', '5/7', '6-7', '4maj7', '5⁷', 'b3']
    """
    first = key_signature(tonic_fifths, mode)
    quality = _printed_quality(chord.intervals)
    if quality.startswith("m") and not quality.startswith("maj"):
        quality = f"-{quality[1:]}"
    elif quality[:1].isdigit():
        quality = quality[0].translate(_RAISED) + quality[1:]
    bass = "" if chord.bass is None else f"/{_degree_name(chord.bass - first)}"
    return f"{_degree_name(chord.root - first)}{quality}{bass}"


def _numeral(fifths: int, mode: int) -> str:
    degree = 4 * fifths % 7
    home = _FIFTHS_OF_DEGREE[degree] - 7 * (mode == MINOR and degree in _LOWERED_IN_MINOR)
    accidental = (fifths - home) // 7
    return ("#" * accidental if accidental > 0 else "b" * -accidental) + _NUMERALS[degree]


def _cased(numeral: str, tones: set[int]) -> str:
    minor = 3 in tones and 4 not in tones
    numeral = numeral.replace("V", "v").replace("I", "i") if minor else numeral
    if minor and 6 in tones and 7 not in tones:
        return numeral + ("ø" if 10 in tones else "°")
    return numeral + ("+" if 8 in tones and not {3, 7} & tones else "")


def _figures(chord: Chord) -> str:
    tones = chord.intervals
    seventh = bool({10, 11} & set(tones)) or (9 in tones and 6 in tones and 3 in tones)
    above = 0 if chord.bass is None else (7 * (chord.bass - chord.root)) % 12
    place = 0 if above == 0 else 1 if above in (3, 4) else 2 if above in (6, 7, 8) else 3
    if place == 3 and not seventh:
        return ""
    return (("7", "65", "43", "42") if seventh else ("", "6", "64"))[place]


def _is_degree(fifths: int, mode: int) -> bool:
    return (-4 if mode == MINOR else -1) <= fifths <= (2 if mode == MINOR else 4)


def _minor_degree(fifths: int, mode: int) -> bool:
    return fifths in ((0, -1, 1) if mode == MINOR else (2, 4, 3)) and not (
        mode == MINOR and fifths == 1
    )


def _diatonic(chord: Chord, tonic_fifths: int, mode: int) -> bool:
    scale = {0, 2, 4, 5, 7, 9, 11} if mode != MINOR else {0, 2, 3, 5, 7, 8, 10, 11}
    tonic = 7 * tonic_fifths
    return all((7 * chord.root + t - tonic) % 12 in scale for t in chord.intervals)
