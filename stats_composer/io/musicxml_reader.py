"""Reading MusicXML and MXL.

Conventions
-----------
* Pitches are sounding ones: a transposing part is moved, its key signature with it.
* The voice is MusicXML's own number less 1. Where one number stands for lines on two staves
  that sound together, the lower staff's becomes a voice of its own.
* A bar is as long as its longest part; a bar without content as long as its metre.
* A bar has the length of its longest part; a `<forward>`, a rest of the whole bar, and any rest
  where another voice ends with the metre make it no longer than its metre is.
* Keys and metres that differ between parts or staves: the commonest at each place is kept, and
  said. Told after the first notes of a part they hold from its start.
* A mark at the end of its bar stands on the bar's last tick, so that it stays in its bar.
* A part is percussion where its notes are unpitched; a drum channel tells only of a part that
  has a percussion clef or no notes.
* What a `Score` has no place for by design (layout, fonts) is passed over; what else it cannot
  hold (cue notes, microtones) is counted in a warning.

Our own parser over the standard library's rather than music21's, which respells or drops the
text of chord symbols, forgets velocities and voice numbers, lets the bars of parts drift apart
(mozart/k155/movement3 of its corpus), and takes 3 times as long
(`python benchmarks/bench_io.py`).

References
----------
W3C Music Notation Community Group, MusicXML 4.0, https://www.w3.org/2021/06/musicxml40/.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from stats_composer.errors import ScoreFileError
from stats_composer.io.limits import MAX_BARS, MAX_NOTES, MAX_PARTS, check_limit
from stats_composer.io.musicxml_assembly import assemble
from stats_composer.io.musicxml_part import PartReader, scale_of
from stats_composer.io.musicxml_values import Tick
from stats_composer.io.mxl import parse_xml
from stats_composer.io.report import Report
from stats_composer.score import Score
from stats_composer.theory import TICKS_PER_QUARTER

__all__ = ["ORDER_FIELD", "RHYTHM_FIELD", "read_musicxml"]

ORDER_FIELD = "order of sections"
RHYTHM_FIELD = "rhythm"


def read_musicxml(data: bytes, report: Report) -> Score:
    """Read the bytes of a MusicXML file.

    Parameters
    ----------
    data : bytes
        Of a partwise or timewise file, not zipped.
    report : Report
        Told what could not be kept.

    Returns
    -------
    Score

    Raises
    ------
    ScoreFileError
        If it is no MusicXML, or larger than the limits; the message names the place.
    """
    root = _root(data, report)
    sections = _sections(root)
    check_limit(len(sections), MAX_PARTS, "parts")
    if not sections:
        raise ScoreFileError("a score of 0 parts: expected at least one")
    has_ties = root.find(".//tie") is not None
    listed = {item.get("id", ""): item for item in root.iterfind("part-list/score-part")}
    parts = []
    n_notes = 0
    for identifier, measures in sections:
        check_limit(len(measures), MAX_BARS, "bars")
        reader = PartReader(listed.get(identifier), report, has_ties, _first_scale(measures))
        for measure in measures:
            reader.read_measure(measure)
        reader.finish()
        n_notes += len(reader.pieces)
        check_limit(n_notes, MAX_NOTES, "notes")
        parts.append(reader)
    if not n_notes and any(part.fault for part in parts):
        raise ScoreFileError(next(part.fault for part in parts if part.fault))
    return assemble(parts, report, _texts(root))


def _root(data: bytes, report: Report) -> ET.Element:
    root, note = parse_xml(data)
    report.add(note, count=bool(note))
    if root.tag.startswith("{"):
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
    if root.tag not in ("score-partwise", "score-timewise"):
        raise ScoreFileError(f"an XML file of <{root.tag}>: expected a MusicXML score")
    return root


def _first_scale(measures: list[ET.Element]) -> Tick:
    """Ticks of a division, which may be told after the first notes that are counted in it."""
    for index, measure in enumerate(measures, 1):
        for divisions in measure.iterfind("attributes/divisions"):
            try:
                return scale_of(divisions.text or "")
            except ScoreFileError as error:
                raise ScoreFileError(f"bar {measure.get('number', index)}: {error}") from None
    return TICKS_PER_QUARTER


def _sections(root: ET.Element) -> list[tuple[str, list[ET.Element]]]:
    """Collect the measures of each part, whichever way round the file has them."""
    if root.tag == "score-partwise":
        return [(part.get("id", ""), part.findall("measure")) for part in root.iterfind("part")]
    parts: dict[str, list[ET.Element]] = {}
    for index, measure in enumerate(root.iterfind("measure")):
        for part in measure.iterfind("part"):
            measures = parts.setdefault(part.get("id", ""), [])
            measures += [ET.Element("measure") for _ in range(index - len(measures))]
            part.set("number", measure.get("number", str(index + 1)))
            measures.append(part)
    return list(parts.items())


def _texts(root: ET.Element) -> dict[str, Any]:
    """Read what is told of the whole; rhythm and order of sections as our writer puts them."""
    fields = root.iterfind("identification/miscellaneous/miscellaneous-field")
    told = {item.get("name"): item.text or "" for item in fields}
    order = told.get(ORDER_FIELD)
    title = (root.findtext("movement-title") or root.findtext("work/work-title") or "").strip()
    creators = root.findall("identification/creator")
    composers = [c for c in creators if c.get("type", "composer") == "composer"]
    return {
        "title": title,
        "composer": (composers[0].text or "").strip() if composers else "",
        "rhythm": told.get(RHYTHM_FIELD, "").strip(),
        "order": tuple(order.split("\n")) if order else (),
    }
