"""Reading what MusicXML puts around the notes of one part: marks, slurs, words, jumps, bar lines.

Conventions
-----------
* A mark's place is a `Head`; its voice may be settled later: a direction that names none belongs
  to the next note of its staff in the bar, or else to the last one.
* Two ends of a span have one number; of several that are open the one of the same voice and
  staff, and then the latest, is ended. An end may come before its start in the file's order.
* Words that say no more than a jump (`JUMP_WORDS`) are the jump; other words stay words too.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import defaultdict

from stats_composer.io.musicxml_values import (
    Head,
    Tick,
    number_of,
    value_ticks,
    velocity_of,
    whole_of,
)
from stats_composer.io.report import Report
from stats_composer.score import REPEAT_END, REPEAT_START, ending_bits
from stats_composer.theory import TICKS_PER_QUARTER

__all__ = ["JUMP_WORDS", "MarkReader", "jump_of"]

JUMP_WORDS = {"fine": "Fine", "to coda": "To Coda", "D.C.": "D.C.", "D.S.": "D.S."}
_WORDS_OF_JUMPS = (
    ("D.C.", re.compile(r"\s*(d\. ?c\.|da capo\b)", re.IGNORECASE)),
    ("D.S.", re.compile(r"\s*(d\. ?s\.|dal segno\b)", re.IGNORECASE)),
    ("to coda", re.compile(r"\s*to coda\b", re.IGNORECASE)),
    ("fine", re.compile(r"\s*fine\.?\s*", re.IGNORECASE)),
)
_BARE = re.compile(r"(D\.C\.|D\.S\.)( al (Fine|Coda))?|To Coda|Fine")
_SOUNDS = {
    "dacapo": "D.C.", "dalsegno": "D.S.", "fine": "fine", "tocoda": "to coda", "segno": "segno",
    "coda": "coda",
}  # fmt: skip
_HARMLESS = frozenset(("tied", "tuplet", "fermata"))
_SPANNED = frozenset(("slur", "glissando", "slide"))
_STARTS = frozenset(("start", "crescendo", "diminuendo", "up", "down", "sostenuto", "resume"))


def jump_of(words: str) -> str:
    """Tell which kind of jump words say, or nothing.

    Examples
    --------
    >>> jump_of("Da Capo al Fine"), jump_of("dolce")
    ('D.C.', '')
    """
    return next((kind for kind, pattern in _WORDS_OF_JUMPS if _says(pattern, words)), "")


def _says(pattern: re.Pattern[str], words: str) -> bool:
    whole = pattern.pattern.endswith(r"\s*")
    return bool(pattern.fullmatch(words) if whole else pattern.match(words))


class MarkReader:
    """Collects the marks of one part."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.place = ""
        self.fermatas: list[Head] = []
        self.lyrics: list[tuple[Head, int, str, str]] = []
        self.note_marks: list[tuple[Head, str, str]] = []
        self.spans: list[tuple[Head, Head, str, str]] = []
        self.directions: list[tuple[Head, str, str]] = []
        self.tempos: list[tuple[int, Tick, float]] = []
        self.dynamics: list[tuple[int, Tick, int]] = []
        self.jumps: list[tuple[Head, str, str, int]] = []
        self.repeats: dict[int, int] = {}
        self.endings: dict[int, int] = {}
        self._ending = self._ending_start = 0
        self._begun: dict[tuple[str, str], list[tuple[Head, str, str]]] = defaultdict(list)
        self._ended: dict[tuple[str, str], list[Head]] = defaultdict(list)
        self._closed: dict[tuple[str, str], Head] = {}
        self._adrift: list[Head] = []
        self._latest: Head | None = None
        self._held: list[Head] = []

    # ---- at notes ---------------------------------------------------------------------

    def read_note(
        self, note: ET.Element, found: dict[str, ET.Element], head: Head, has_ties: bool
    ) -> None:
        """Read the ties, notations and lyrics of a note; `found` are its children by tag."""
        ties = {tie.get("type") for tie in note.iterfind("tie")} if "tie" in found else set()
        for notations in note.iterfind("notations") if "notations" in found else ():
            for item in notations:
                if item.tag == "tied" and not has_ties:
                    ties.add(item.get("type"))
                elif item.tag == "fermata":
                    self.fermatas.append(head)
                elif item.tag not in _HARMLESS:
                    self._notation(item, head)
        head.starts, head.stops = "start" in ties, "stop" in ties
        for index, lyric in enumerate(note.iterfind("lyric") if "lyric" in found else (), 1):
            self._lyric(lyric, index, head)

    def _notation(self, item: ET.Element, head: Head) -> None:
        if item.tag in ("articulations", "ornaments", "technical"):
            for child in item:
                self._note_mark(child, head)
        elif item.tag == "dynamics":
            self._dynamics(item, head)
        elif item.tag in _SPANNED:
            self._end_of_span(item, head, item.tag, (item.text or "").strip())
        elif item.tag in ("arpeggiate", "non-arpeggiate"):
            self._add_mark(head, item.tag, item.get("direction") or item.get("type") or "")
        elif item.tag == "accidental-mark":
            self._add_mark(head, item.tag, (item.text or "").strip())
        elif item.tag == "other-notation" and item.get("type") in ("start", "stop"):
            self._end_of_span(item, head, (item.text or "").strip()[:16], "")
        else:
            self.report.add(f"<{item.tag}> notations left out", self.place)

    def _note_mark(self, item: ET.Element, head: Head) -> None:
        text = (item.text or "").strip()
        self.report.add("details within marks at notes left out", self.place, len(item) > 0)
        if item.get("type") in ("start", "stop", "continue"):
            self._end_of_span(item, head, item.tag, text)
        elif item.tag.startswith("other-"):
            self._add_mark(head, text, "") if text else None
        else:
            self._add_mark(head, item.tag, text)

    def _add_mark(self, head: Head, kind: str, text: str) -> None:
        same = any(
            mark[0].bar == head.bar
            and mark[0].offset == head.offset
            and mark[0].lane == head.lane
            and mark[0].grace == head.grace
            and mark[1:] == (kind[:24], text[:32])
            for mark in self.note_marks[-8:]
        )
        if not same or kind == "fingering":  # a chord's notes share their marks, not their fingers
            self.note_marks.append((head, kind[:24], text[:32]))

    def _lyric(self, lyric: ET.Element, index: int, head: Head) -> None:
        text = "".join(
            item.text or " " if item.tag == "elision" else item.text or ""
            for item in lyric
            if item.tag in ("text", "elision")
        )
        if text:
            number = re.search(r"[0-9]{1,4}", lyric.get("number", ""))
            syllabic = (lyric.findtext("syllabic") or "").strip()
            self.report.add("syllables of more than 64 letters cut", self.place, len(text) > 64)
            verse = int(number[0]) if number else index
            self.lyrics.append((head, verse, syllabic[:6], text[:64]))

    # ---- spans ------------------------------------------------------------------------

    def _end_of_span(self, item: ET.Element, head: Head, kind: str, text: str) -> None:
        """Take a start or stop; the tag and the number say which belong together."""
        key = (item.tag, item.get("number", "1"))
        begun, ended = self._begun[key], self._ended[key]
        way = item.get("type", "")
        if way in _STARTS:
            if any(_same_place(head, other) for other, _, _ in begun[-1:]):
                return  # another note of the same chord
            later = [
                stop
                for stop in ended
                if (head.bar, head.offset) <= (stop.bar, stop.offset)
                and not _same_place(head, stop)
            ]
            if later:
                ended.remove(later[0])
                self.spans.append((head, later[0], kind, text[:32]))
            else:
                begun.append((head, kind, text[:32]))
        elif way in ("stop", "discontinue"):
            others = [i for i, row in enumerate(begun) if not _same_place(head, row[0])]
            if not others and begun and kind == "wavy-line":
                others = [0]
            if others:
                start, kind, text = begun.pop(max(others, key=lambda i: _nearness(head, begun, i)))
                self.spans.append((start, head, kind, text))
                self._closed[key] = head
            elif key not in self._closed or not _same_place(head, self._closed[key]):
                ended.append(head)

    # ---- directions -------------------------------------------------------------------

    def read_direction(self, element: ET.Element, bar: int, at: Tick) -> None:
        """Read a `<direction>`."""
        lane, staff = ((element.findtext(tag) or "").strip() for tag in ("voice", "staff"))
        head = Head(bar, at, lane, staff)
        sound = element.find("sound")
        jumps = self.read_sound(sound, head) if sound is not None else set()
        has_tempo = sound is not None and sound.get("tempo") is not None
        for kind in element.iterfind("direction-type"):
            words = [item.text or "" for item in kind if item.tag == "words"]
            if words:
                self._words(re.sub("(?<=\\S)\0(?=\\S)", " ", "\0".join(words)), head, jumps)
            for item in kind:
                if item.tag == "metronome":
                    if not has_tempo:
                        self._metronome(item, head)
                elif item.tag != "words":
                    self._direction_type(item, head, jumps)
        self._held.append(head)
        if not lane:
            self._adrift.append(head)

    def _direction_type(self, item: ET.Element, head: Head, jumps: set[str]) -> None:
        tag, way = item.tag, item.get("type", "")
        if tag == "dynamics":
            self._dynamics(item, head)
        elif tag in ("segno", "coda"):
            if not jumps & {tag, "to coda" if tag == "coda" else "D.S."}:
                self.jumps.append((head, tag, "", 0))
        elif tag == "rehearsal":
            self.jumps.append((head, "section", (item.text or "").strip()[:32], 0))
        elif tag == "wedge":
            self._end_of_span(item, head, way, "")
        elif tag == "octave-shift":
            self._end_of_span(item, head, tag, f"{way} {item.get('size', '8')}")
        elif tag in ("pedal", "dashes", "bracket"):
            text = way if way == "sostenuto" else ""
            for end in ("stop", "start") if way == "change" else (way,):
                self._end_of_span(_with_type(item, end), head, tag, text)
        elif tag == "other-direction" and (item.text or "").strip():
            self._direct(head, "other", item.text or "")
        else:
            self.report.add(f"<{tag}> directions left out", self.place)

    def _direct(self, head: Head, kind: str, text: str) -> None:
        self.report.add("words of more than 128 letters cut", self.place, len(text.strip()) > 128)
        self.directions.append((head, kind, text.strip()[:128]))

    def _dynamics(self, item: ET.Element, head: Head) -> None:
        signs = [(child.text or "") if len(child.tag) > 6 else child.tag for child in item]
        text = "".join(signs).strip()
        if text:
            self._direct(head, "dynamics", text)

    def _words(self, text: str, head: Head, jumps: set[str]) -> None:
        text = text.replace("\0", "").strip()
        kind = jump_of(text)
        if kind and kind not in jumps:
            self.jumps.append((head, kind, "", 0))
            jumps.add(kind)
        if text and not _BARE.fullmatch(text):
            self._direct(head, "words", text)

    def read_sound(self, element: ET.Element, head: Head) -> set[str]:
        """Read a `<sound>`: tempo, loudness and jumps; return the kinds of jump."""
        tempo, dynamics = element.get("tempo"), element.get("dynamics")
        if tempo is not None:
            self._tempo(tempo, head)
        if dynamics is not None:
            percent = number_of(dynamics, "dynamics")
            if percent > 0:  # some programs write -1.11 for "as before"
                self.dynamics.append((head.bar, head.offset, velocity_of(percent)))
        told = {kind: element.get(name) for name, kind in _SOUNDS.items()}
        kinds = {kind: label for kind, label in told.items() if label and label != "no"}
        for kind, label in kinds.items():
            named = kind in ("segno", "coda", "to coda", "D.S.")
            self.jumps.append((head, kind, label[:32] if named else "", 0))
        return set(kinds)

    def _tempo(self, text: str, head: Head, quarters: float = 1.0) -> None:
        try:
            tempo = float(text) * quarters
        except ValueError:
            tempo = 0.0
        if 0 < tempo < 1e5:
            self.tempos.append((head.bar, head.offset, tempo))
        else:
            self.report.add("tempos that are no number left out", self.place)

    def _metronome(self, element: ET.Element, head: Head) -> None:
        unit = value_ticks(
            element.findtext("beat-unit") or "", len(element.findall("beat-unit-dot"))
        )
        number = re.search(r"[0-9]+(\.[0-9]+)?", element.findtext("per-minute") or "")
        if not unit or number is None:
            self.report.add("metronome marks without a number left out", self.place)
        else:
            self._tempo(number[0], head, unit / TICKS_PER_QUARTER)

    # ---- bars -------------------------------------------------------------------------

    def read_barline(self, element: ET.Element, bar: int) -> None:
        """Read repeats, endings and places at a bar line."""
        head = Head(bar, 0)
        for item in element:
            if item.tag == "repeat":
                self._repeat(item, head)
            elif item.tag == "fermata":
                self.report.add("fermatas on bar lines left out", self.place)
            elif item.tag == "ending":
                self._read_ending(item, bar)
            elif item.tag in ("segno", "coda"):
                after = element.get("location", "right") == "right"
                self.jumps.append((Head(bar + after, 0), item.tag, element.get(item.tag, ""), 0))

    def _repeat(self, item: ET.Element, head: Head) -> None:
        flag = REPEAT_START if item.get("direction") == "forward" else REPEAT_END
        self.repeats[head.bar] = self.repeats.get(head.bar, 0) | flag
        times = item.get("times")
        if flag == REPEAT_END and times is not None:
            count = whole_of(times, "times", 0, 1000)
            if count != 2:
                self.jumps.append((head, "times", "", count))

    def _read_ending(self, element: ET.Element, bar: int) -> None:
        if element.get("type") == "start":
            numbers = re.findall(r"[0-9]{1,2}", element.get("number", ""))
            self._ending = ending_bits(map(int, numbers)) or 1
            self._ending_start = bar
        elif self._ending:
            self.endings[bar] = self._ending
            self._ending = 0

    # ---- what settles places ----------------------------------------------------------

    def meet(self, head: Head) -> None:
        """Give directions that wait for a note of their staff its voice."""
        self._latest = head
        left = []
        for mark in self._adrift:
            if mark.staff in ("", head.staff):
                mark.lane, mark.staff = head.lane, head.staff
            else:
                left.append(mark)
        self._adrift = left

    def end_line(self) -> None:
        """Give directions that no note followed before a backup the voice of the last note."""
        latest = self._latest
        for mark in self._adrift:
            if latest is not None and mark.staff in ("", latest.staff):
                mark.lane, mark.staff = latest.lane, latest.staff
        self._adrift, self._latest = [mark for mark in self._adrift if not mark.lane], None

    def end_bar(self, bar: int) -> None:
        """Count the bar into the ending that is open."""
        self._adrift = []
        if self._ending:
            self.endings[bar] = self._ending

    def finish(self, pairs: dict[tuple[str, str], bool], numbers: list[str]) -> None:
        """Close what is open at the end.

        Parameters
        ----------
        pairs : dict
            The voices and staves of the part, and whether they sound.
        numbers : list of str
            As the file numbers its bars.
        """
        if self._ending:  # never closed: one bar long
            for bar in range(self._ending_start + 1, max(self.endings, default=0) + 1):
                self.endings.pop(bar, None)
        begun = [(key, row[0]) for key, rows in self._begun.items() for row in rows]
        ended = [(key, head) for key, heads in self._ended.items() for head in heads]
        for (tag, _), head in begun + ended:
            place = f"bar {numbers[head.bar] or head.bar + 1}"
            self.report.add(f"<{tag}> without its other end left out", place)
        for head in self._held:
            head.lane, head.staff = _home(head.lane, head.staff, pairs)


def _with_type(item: ET.Element, way: str) -> ET.Element:
    return ET.Element(item.tag, {"type": way, "number": item.get("number", "1")})


def _nearness(head: Head, begun: list[tuple[Head, str, str]], index: int) -> tuple[bool, bool, int]:
    start = begun[index][0]
    return start.lane == head.lane, start.staff == head.staff, index


def _same_place(head: Head, other: Head) -> bool:
    place = (other.bar, other.offset, other.lane, other.grace)
    return (head.bar, head.offset, head.lane, head.grace) == place


def _home(lane: str, staff: str, pairs: dict[tuple[str, str], bool]) -> tuple[str, str]:
    """Find the voice and staff that a direction belongs to among those of the part's notes.

    In this order: those that it names, a voice of rests, its staff's first voice, its voice on
    another staff, the first voice of all.
    """
    sounding = [pair for pair, sounds in pairs.items() if sounds]
    if (lane, staff) in sounding:
        return lane, staff
    rests = [pair for pair in pairs if pair[0] == lane and lane not in dict(sounding)]
    same_staff = [pair for pair in sounding if pair[1] == staff]
    same_lane = [pair for pair in sounding if pair[0] == lane]
    return next(iter([*rests, *same_staff, *same_lane, *sounding, *pairs]), ("1", "1"))
