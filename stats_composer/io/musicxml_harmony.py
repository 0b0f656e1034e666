"""Chord symbols in MusicXML: `<harmony>` elements from symbols and back.

The symbol's letters are kept as they were written, in the `text` attributes that MusicXML
has for how a chord is printed; its `<kind>` and `<degree>` say the same to a program.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from stats_composer.theory import QUALITY_TABLE, fifths_name, name_fifths, parse_chord

__all__ = ["harmony_element", "harmony_symbol"]

# Of kinds with as many tones the first is taken to add tones to: sevenths before sixths.
_KINDS = {
    row.kind: row.tones
    for row in sorted(QUALITY_TABLE, key=lambda row: not {10, 11} & {*row.tones})
    if row.kind
}
_PRINTED = {row.kind: row.printed for row in QUALITY_TABLE if row.kind}
_DEGREES = {1: (9, -1), 2: (9, 0), 3: (9, 1), 5: (11, 0), 6: (11, 1), 8: (13, -1), 9: (13, 0)}
_SYMBOL = re.compile(r"([A-G])(#{0,3}|b{0,3})(?![#b])(.*?)(?:/([A-G])(#{0,3}|b{0,3}))?", re.DOTALL)


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
    kind = f"<kind text={quoteattr(kind)}>{value}</kind>"
    return f"<harmony>{root}{kind}{bass}{degrees}{place}</harmony>"


def _note(name: str, step: str, accidental: str) -> str:
    alter = len(accidental) * (1 if accidental.startswith("#") else -1)
    altered = f"<{name}-alter>{alter}</{name}-alter>" if alter else ""
    return f"<{name}><{name}-step>{escape(step)}</{name}-step>{altered}</{name}>"


def _structure(symbol: str) -> tuple[str, str]:
    """Find the kind, and the degrees that have to be added to it."""
    try:
        tones = set(parse_chord(symbol).intervals)
    except ValueError:
        return "other", ""
    kinds = [
        kind
        for kind, intervals in _KINDS.items()
        if tones.issuperset(intervals) and _DEGREES.keys() >= tones.difference(intervals)
    ]
    if not kinds:
        return "other", ""
    kind = max(kinds, key=lambda kind: len(_KINDS[kind]))
    more = sorted(tones.difference(_KINDS[kind]))
    rows = [
        f'<degree print-object="no"><degree-value>{_DEGREES[tone][0]}</degree-value>'
        f"<degree-alter>{_DEGREES[tone][1]}</degree-alter><degree-type>add</degree-type></degree>"
        for tone in more
    ]
    return kind, "".join(rows)


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
    text = kind.get("text") if kind is not None else None
    value = (kind.text or "").strip() if kind is not None else ""
    symbol = _name(element.find("root"), "root", fifths)
    if text is None:
        text = "N.C." if value == "none" else _PRINTED.get(value, "")
        symbol = "" if value == "none" else symbol
    symbol += text + "".join(
        _degree(degree)
        for degree in element.iterfind("degree")
        if degree.get("print-object") != "no"
    )
    bass = _name(element.find("bass"), "bass", fifths)
    return f"{symbol}/{bass}" if bass else symbol


def _name(note: ET.Element | None, name: str, fifths: int) -> str:
    step = note.find(f"{name}-step") if note is not None else None
    if note is None or step is None:
        return ""
    printed = step.get("text")
    if printed is not None:
        return printed
    try:
        alter = round(float(note.findtext(f"{name}-alter") or 0))
        return fifths_name(name_fifths((step.text or "").strip()) + 7 * alter + fifths)
    except (ValueError, OverflowError):
        return ""


def _degree(element: ET.Element) -> str:
    number = (element.findtext("degree-value") or "").strip()
    alter = (element.findtext("degree-alter") or "0").strip()
    if element.findtext("degree-type") == "subtract":
        return f"no{number}"
    sign = {"1": "#", "-1": "b"}.get(alter, "")
    return f"{sign}{number}" if sign else f"add{number}"
