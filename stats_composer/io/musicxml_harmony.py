"""Chord symbols in MusicXML: `<harmony>` elements from symbols and back.

Conventions
-----------
A `<kind>` says its chord twice: its value and the `<degree>` elements tell the tones, its `text`
how it is printed. The value is the truth: letters are kept where they read as the same chord,
`use-symbols` and degrees that stand in the text already included; else the chord is named anew.
Degrees are counted as the standard has it: added ones from a major scale with a minor seventh,
altered ones from the chord's own.

References
----------
W3C Music Notation Community Group, MusicXML 4.0, `kind-value`, `degree-alter`.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html import escape

from stats_composer.theory import (
    QUALITY_TABLE,
    Chord,
    fifths_name,
    harte_symbol,
    is_no_chord,
    lead_sheet_symbol,
    name_fifths,
    parse_chord,
)

__all__ = ["harmony_element", "harmony_symbol"]

# Of kinds as near the first is told: sevenths before sixths.
_NAMED = sorted(
    (row for row in QUALITY_TABLE if row.kind), key=lambda row: not {10, 11} & {*row.tones}
)
_RARE = {
    "pedal": (0,),
    "Neapolitan": (0, 1, 4, 6),
    "Italian": (0, 6, 8),
    "French": (0, 2, 6, 8),
    "German": (0, 3, 6, 8),
    "Tristan": (0, 3, 6, 10),
}
"""Kinds that take no degrees when written."""
_KINDS = {row.kind: row.tones for row in _NAMED} | _RARE
_PRINTED = {row.kind: row.printed for row in _NAMED}
_SIGNS = {"minor": "m", "half": "ø", "diminished": "°", "augmented": "+", "major": "maj"}
# Semitones above the root by the number of a degree, the first that the chord has being meant.
_DEGREES = {
    1: (0,), 2: (2, 1, 3), 3: (4, 3), 4: (5, 6), 5: (7, 6, 8), 6: (9, 8), 7: (10, 11, 9),
    8: (0,), 9: (2, 1, 3), 10: (4, 3), 11: (5, 6), 12: (7, 6, 8), 13: (9, 8),
}  # fmt: skip
_ADDED = {
    1: (9, -1), 2: (9, 0), 3: (9, 1), 4: (3, 0), 5: (11, 0), 6: (11, 1), 7: (5, 0), 8: (13, -1),
    9: (13, 0), 10: (7, 0), 11: (7, 1),
}  # fmt: skip
_TAKEN = {2: 9, 3: 3, 4: 3, 5: 11, 6: 5, 7: 5, 8: 5, 9: 13, 10: 7, 11: 7}
_SYMBOL = re.compile(
    r"([A-G])(#{1,3}(?!#)|b{1,3}(?!b)|(?![#b]))(.*?)(?:/([A-G])(#{0,3}|b{0,3}))?", re.DOTALL
)


def harmony_element(symbol: str, offset: int = 0) -> str:
    """Write a chord symbol.

    Parameters
    ----------
    symbol : str
        Any text; one that starts with no note name is printed as it stands.
    offset : int
        Divisions after the place in the bar where the element is put.

    Returns
    -------
    str
        A `<harmony>` element, of which `harmony_symbol` makes the same symbol.

    Examples
    --------
    >>> harmony_symbol(ET.fromstring(harmony_element("F#m7b5/A")))
    'F#m7b5/A'
    """
    match = _SYMBOL.fullmatch(symbol)
    if match and not match[3].startswith("/"):
        root, kind, bass = _note("root", match[1], match[2]), match[3], ""
        if match[4]:
            bass = _note("bass", match[4], match[5])
        value, degrees = _structure(symbol)
    else:
        root = '<root><root-step text="">C</root-step></root>'
        value = "none" if symbol.replace(".", "").upper() in ("NC", "N", "") else "other"
        kind, bass, degrees = symbol, "", ""
    place = f"<offset>{offset}</offset>" if offset else ""
    kind = f'<kind text="{escape(kind)}">{value}</kind>'
    return f"<harmony>{root}{kind}{bass}{degrees}{place}</harmony>"


def _note(name: str, step: str, accidental: str) -> str:
    alter = len(accidental) * (1 if accidental.startswith("#") else -1)
    altered = f"<{name}-alter>{alter}</{name}-alter>" if alter else ""
    return f"<{name}><{name}-step>{escape(step)}</{name}-step>{altered}</{name}>"


def _structure(symbol: str) -> tuple[str, str]:
    """Find the kind, and how its degrees differ from the symbol's: in as few ways as can be."""
    try:
        tones = parse_chord(symbol).intervals
    except ValueError:
        return "other", ""
    for kind, intervals in _KINDS.items():
        if intervals == tones:
            return kind, ""
    told = [(list(_changes(row.tones, tones)), row.kind) for row in _NAMED]
    changes, kind = min(told, key=lambda pair: (len(pair[0]), -len(_KINDS[pair[1]])))
    rows = [
        f'<degree print-object="no"><degree-value>{number}</degree-value><degree-alter>{alter}'
        f"</degree-alter><degree-type>{how}</degree-type></degree>"
        for number, alter, how in changes
    ]
    return kind, "".join(rows)


def _changes(kind: tuple[int, ...], tones: tuple[int, ...]) -> Iterator[tuple[int, int, str]]:
    """List what makes the tones of a kind those of a chord: degree, alteration, and how."""
    gone, more = set(kind) - set(tones), set(tones) - set(kind)
    for fifth in (6, 8):
        if 7 in gone and fifth in more:
            yield 5, fifth - 7, "alter"
            gone, more = gone - {7}, more - {fifth}
    for tone in sorted(gone):
        yield _TAKEN[tone], 0, "subtract"
    for tone in sorted(more):
        yield *_ADDED[tone], "add"


def harmony_symbol(element: ET.Element, fifths: int = 0) -> str:
    """Read a chord symbol.

    Parameters
    ----------
    element : Element
        `<harmony>`.
    fifths : int
        From the written to the sounding pitch, on the line of fifths.

    Returns
    -------
    str
        As printed: root, kind, degrees, and the bass after a stroke.
    """
    kind = element.find("kind")
    value = (kind.text or "").strip() if kind is not None else ""
    text = kind.get("text") if kind is not None else None
    root, step = element.find("root"), element.find("root/root-step")
    printed = [_degree(d) for d in element.iterfind("degree") if d.get("print-object") != "no"]
    if root is None or (step is not None and step.get("text") == "" and value not in _KINDS):
        return (element.findtext("function") or "").strip() + (text or "") + "".join(printed)
    if value == "none":
        return text if text is not None and is_no_chord(text) else "N.C."
    name = _name(root, "root", fifths)
    symbol = name + (_PRINTED.get(value, "") if text is None else text) + "".join(printed)
    if value in _KINDS and name:
        tones = _tones(_KINDS[value], element.iterfind("degree"))
        sign = next((sign for start, sign in _SIGNS.items() if value.startswith(start)), "")
        words = [text, "".join([text or "", *printed]), sign + (text or ""), _PRINTED.get(value)]
        tried = [name + word for word in words if word is not None]
        symbol = _same_chord([*tried, symbol], Chord(name_fifths(name), tones))
    bass = _name(element.find("bass"), "bass", fifths)
    return f"{symbol}/{bass}" if bass else symbol


def _tones(kind: tuple[int, ...], degrees: Iterator[ET.Element]) -> tuple[int, ...]:
    """Apply `<degree>` elements to the tones of a kind."""
    tones = set(kind)
    for element in degrees:
        number, alter = (_whole(element.findtext(f"degree-{n}")) for n in ("value", "alter"))
        how = (element.findtext("degree-type") or "add").strip()
        places = _DEGREES.get(number, ())
        own = next((tone for tone in places if tone in kind), None)
        if how != "add" and own is not None:
            tones.discard(own)
        if how == "alter" and own is not None:
            tones.add((own + alter) % 12)
        elif how != "subtract" and places:
            tones.add((places[0] + alter) % 12)
    return tuple(sorted(tones))


def _same_chord(symbols: list[str], chord: Chord) -> str:
    """Return the first symbol that is read as a chord, or the chord's own name."""
    for symbol in symbols:
        try:
            if parse_chord(symbol) == chord:
                return symbol
        except ValueError:
            continue
    try:
        return lead_sheet_symbol(chord)
    except ValueError:
        return harte_symbol(chord)


def _name(note: ET.Element | None, name: str, fifths: int) -> str:
    try:
        step = (note.findtext(f"{name}-step") or "").strip() if note is not None else ""
        alter = _whole(note.findtext(f"{name}-alter")) if note is not None else 0
        return fifths_name(name_fifths(step) + 7 * alter + fifths) if step else ""
    except ValueError:
        return ""


def _whole(text: str | None) -> int:
    try:
        return round(float(text or 0))
    except (ValueError, OverflowError):
        return 0


def _degree(element: ET.Element) -> str:
    """Print a degree; one whose number is printed as nothing stands in the kind's text."""
    value = element.find("degree-value")
    if value is None or value.get("text") == "":
        return ""
    number, alter = (value.text or "").strip(), _whole(element.findtext("degree-alter"))
    if (element.findtext("degree-type") or "").strip() == "subtract":
        return f"no{number}"
    return f"{'#' if alter > 0 else 'b'}{number}" if alter else f"add{number}"
