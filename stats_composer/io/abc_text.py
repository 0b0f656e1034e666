"""An ABC file as lines: what is a field, what is music, what is text, and where tunes end.

Conventions
-----------
* A tune starts with `X:` (or, without one, with the first field of the file), its music after
  its first `K:`, and it ends with an empty line; what follows is text until the next `X:`.
* Fields before the first `X:` hold for every tune of the file.
* `%` starts a comment, `%%` a directive; `%%begintext` and its like enclose text.
* Lines end with CR, LF or both; the letters are UTF-8, UTF-16 with its mark, or Latin-1.

References
----------
The ABC music standard 2.1 (2011), sections 2.2, 3.3 and 8.2:
https://abcnotation.com/wiki/abc:standard:v2.1.
"""

from __future__ import annotations

import codecs
import html
import re
import unicodedata
from dataclasses import dataclass, field
from typing import NamedTuple

from stats_composer.io.report import Report

__all__ = [
    "DIRECTIVE",
    "MUSIC",
    "Line",
    "TuneText",
    "abc_text",
    "decode_abc",
    "plain_text",
    "split_tunes",
]

MUSIC, DIRECTIVE = "", "%"
"""Kinds of lines that are no fields."""

_FIELD = re.compile(r"([A-Za-z+]):")
_TEXT_FIELDS = "wWsTCNHZ+"
_BARRED = re.compile(r"[A-Ga-gz][^|]*\||\|[^|]*[A-Ga-gz]")
_MARKS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", '"': "\u0308", "u": "\u0306",
    "v": "\u030c", "H": "\u030b", "c": "\u0327", ",": "\u0327", "=": "\u0304", "r": "\u030a",
}  # fmt: skip
_LIGATURES = {
    "aa": "å", "AA": "Å", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "ss": "ß",
    "/o": "ø", "/O": "Ø", "th": "þ", "TH": "Þ", "dh": "ð", "DH": "Ð",
}  # fmt: skip
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\([\\%&\-])|\\(..)|(&#?\w{2,8};)")


class Line(NamedTuple):
    """A line of a tune: `kind` is a field's letter, `MUSIC` or `DIRECTIVE`."""

    kind: str
    text: str


@dataclass
class TuneText:
    """The lines of a tune, those of the file's head first."""

    number: int
    lines: list[Line] = field(default_factory=list)
    has_key: bool = False
    has_music: bool = False

    @property
    def place(self) -> str:
        """How a message calls the tune."""
        return f"tune {self.number}"


def decode_abc(data: bytes) -> str:
    """Decode a file's letters."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def plain_text(text: str) -> str:
    r"""Write out a text's accents and entities.

    Examples
    --------
    >>> plain_text(r"Caf\'e M\"uller &amp; S\oe ur"), plain_text(r"100\%")
    ('Café Müller & Sœ ur', '100%')
    """

    def letter(match: re.Match[str]) -> str:
        code, sign, pair, entity = match.groups()
        if code:
            return chr(int(code, 16))
        if entity:
            return html.unescape(entity)
        if sign:
            return sign
        if pair in _LIGATURES:
            return _LIGATURES[pair]
        composed = unicodedata.normalize("NFC", pair[1] + _MARKS.get(pair[0], "  "))
        return composed if len(composed) == 1 else match[0]

    return _ESCAPE.sub(letter, text)


def abc_text(text: str) -> str:
    r"""Write a text so that `plain_text` gives it back, in one line.

    Examples
    --------
    >>> abc_text("100%  &amp; C\\D")
    '100\\% \\&amp; C\\\\D'
    """
    text = re.sub(r"\\|%|&(?=#?\w{2,8};)", r"\\\g<0>", text)
    return " ".join(text.split())


def split_tunes(text: str, report: Report) -> list[TuneText]:
    """Divide a file into its tunes.

    Parameters
    ----------
    text : str
    report : Report
        Told of music that stands after the end of its tune.

    Returns
    -------
    list of TuneText
        Those without `K:`, too; `has_music` tells whether something like music was there.
    """
    splitter = _Splitter(report)
    for raw in re.split(r"\r\n|\r|\n", text):
        splitter.line(raw.strip("\ufeff \t\f\v\0"))
    splitter.end()
    return splitter.tunes


class _Splitter:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.tunes: list[TuneText] = []
        self.head: list[Line] = []
        self.tune: TuneText | None = None
        self.block = ""
        self.ended = False

    def line(self, line: str) -> None:
        if self.block and not re.match(r"X:\s*[0-9]", line):
            self.block = "" if re.match(rf"%%\s*end{self.block}\b", line) else self.block
            return
        self.block = ""
        if line.startswith("%"):
            self._comment(line)
            return
        line = re.sub(r"(?<!\\)%.*", "", line).strip()
        if not line:
            self.ended = self.ended or (self.tune is not None and self.tune.has_key)
            return
        found = _FIELD.match(line)
        if found and found[1] == "X":
            self._start()
            self._add(Line("X", line[2:].strip()))
        elif self.ended:
            if _BARRED.search(line) and self.tune is not None:
                self.report.add("music after the end of its tune left out", self.tune.place)
        elif found and self._is_field(line):
            self._field(found[1], line[2:].strip())
        else:
            self._music(line)

    def _comment(self, line: str) -> None:
        begins = re.match(r"%%\s*begin(\w+)", line)
        if begins:
            self.block = begins[1]
        elif line.startswith("%%") and not self.ended:
            self._add(Line(DIRECTIVE, re.sub(r"(?<!\\)%.*", "", line[2:]).strip()))

    def _is_field(self, line: str) -> bool:
        """Tell a field from music such as `A:|` and `A::B`."""
        in_body = self.tune is not None and self.tune.has_key
        return not in_body or line[0] in _TEXT_FIELDS or line[2:3] not in ("|", ":")

    def _start(self) -> None:
        self.tune = TuneText(len(self.tunes) + 1, self.head.copy())
        self.tunes.append(self.tune)
        self.ended = False

    def _add(self, line: Line) -> None:
        (self.head if self.tune is None else self.tune.lines).append(line)

    def _field(self, letter: str, text: str) -> None:
        if letter == "K" and self.tune is None:
            self._start()
        lines = self.head if self.tune is None else self.tune.lines
        before = lines[-1] if lines else Line(MUSIC, "")
        if letter == "+" and before.kind:
            lines[-1] = before._replace(text=f"{before.text} {text}")
        elif letter == "w" and before.kind == "w" and before.text.endswith("\\"):
            lines[-1] = before._replace(text=f"{before.text[:-1]} {text}")
        else:
            self._add(Line(letter, text))
        if letter == "K" and self.tune is not None:
            self.tune.has_key = True

    def _music(self, line: str) -> None:
        if self.tune is not None:
            self.tune.has_music = self.tune.has_music or bool(_BARRED.search(line))
            if self.tune.has_key:
                self._add(Line(MUSIC, line.removesuffix("\\")))

    def end(self) -> None:
        """Take a file without `X:` and `K:` for one tune, so that it can be named."""
        if not self.tunes:
            self._start()
