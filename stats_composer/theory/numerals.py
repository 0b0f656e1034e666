"""Roman numerals: reading them as chords of a key.

Conventions
-----------
Upper case has a major third, lower case a minor one; `°` or `o`, `ø` and `+` mark the fifth.
Degrees are those of the major scale or of the natural minor one, with accidentals before what
departs from them; in minor `vii°` and `viiø` stand on the leading tone. A seventh is the key's own
where the key has one on that degree. Figures name the bass: 6, 64, 65, 43, 42 or 2, and 53 the
root; without them, or with 7 alone, it is free. `V7/V` is a chord of the key of V.

References
----------
E. Aldwell, C. Schachter, "Harmony and Voice Leading", 4th ed., 2010, units 4 and 27.
"""

from __future__ import annotations

import re

from stats_composer.theory.chord_symbols import Chord
from stats_composer.theory.keys import MAJOR, MINOR, SCALES

__all__ = ["NUMERAL", "parse_numeral"]

_DEGREES = ("I", "II", "III", "IV", "V", "VI", "VII")
_FIFTHS = (0, 2, 4, -1, 1, 3, 5)
_LOWERED_IN_MINOR = (2, 5, 6)
# Tones above the root, and their fifths, of the third and the fifth by quality.
_TRIADS = {
    "major": ((4, 4), (7, 1)), "minor": ((3, -3), (7, 1)), "+": ((4, 4), (8, 8)),
    "°": ((3, -3), (6, -6)), "ø": ((3, -3), (6, -6)),
}  # fmt: skip
_SEVENTHS = {9: -9, 10: -2, 11: 5}
# Figures: whether there is a seventh, and which tone, from the root up, is the bass.
_FIGURES = {
    "": (False, None), "53": (False, 0), "6": (False, 1), "63": (False, 1), "64": (False, 2),
    "7": (True, None), "65": (True, 1), "43": (True, 2), "42": (True, 3), "2": (True, 3),
}  # fmt: skip
_ONE = r"([b#]*)([IV]+|[iv]+)([°oø+]|/o)?((?:\d/?)*\d)?"

NUMERAL = r"^[b#]*([IV]+|[iv]+)([°oø+/0-9]|$)"
"""What a Roman numeral begins with, and no chord symbol does."""


def parse_numeral(text: str, tonic_fifths: int, mode: int) -> Chord:
    """Read a Roman numeral in a key.

    Parameters
    ----------
    text : str
        Such as `ii6`, `V65/V`, `viiø7`, `bII6`.
    tonic_fifths, mode : int
        The key, as `theory.parse_key` gives it.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> from stats_composer.theory import lead_sheet_symbol
    >>> [lead_sheet_symbol(parse_numeral(n, 0, 0)) for n in ("I", "ii6", "V65/V", "IV7")]
    ['C', 'Dm/F', 'D7/F#', 'Fmaj7']
    """
    chord, _, key = text.strip().rpartition("/")
    if chord and re.match(NUMERAL, key):
        goal = parse_numeral(key, tonic_fifths, mode)
        return parse_numeral(chord, goal.root, MAJOR if 4 in goal.intervals else MINOR)
    return _chord(text, tonic_fifths, mode)


def _chord(text: str, tonic_fifths: int, mode: int) -> Chord:
    match = re.fullmatch(_ONE, text.strip())
    figures = (match[4] or "").replace("/", "") if match else ""
    if not match or match[2].upper() not in _DEGREES or figures not in _FIGURES:
        raise ValueError(f"numeral {text!r}: expected one such as ii6, V7 or V65/V")
    sign = {"o": "°", "/o": "ø"}.get(match[3], match[3])
    quality = sign or ("major" if match[2].isupper() else "minor")
    degree = _DEGREES.index(match[2].upper())
    leading = degree == 6 and quality in "°ø"
    lowered = mode == MINOR and degree in _LOWERED_IN_MINOR and not leading
    sharps = match[1].count("#") - match[1].count("b")
    if leading and mode == MINOR and sharps > 0:
        sharps -= 1  # `#vii°` says the same.
    root = tonic_fifths + _FIFTHS[degree] - 7 * lowered + 7 * sharps
    (third, third_fifths), (fifth, fifth_fifths) = _TRIADS[quality]
    tones, fifths = [0, third, fifth], [0, third_fifths, fifth_fifths]
    has_seventh, bass = _FIGURES[figures]
    if has_seventh or quality == "ø":
        above = 9 if quality == "°" else 10
        scale = SCALES["minor" if mode == MINOR else "major"]
        places = [(7 * (root - tonic_fifths) + tone) % 12 for tone in (10, 11)]
        if third == 4 and places[0] not in scale and places[1] in scale:
            above = 11
        tones.append(above)
        fifths.append(_SEVENTHS[above])
    return Chord(root, tuple(tones), None if bass is None else root + fifths[bass])
