"""Engraved pages: SVG by verovio, PNG by resvg.

Conventions
-----------
A score goes to verovio as MusicXML and comes back as one SVG a page, self-contained: music
symbols are paths, and the few that verovio sets as text of its own font (accidentals of chord
symbols, the note of a tempo) are exchanged for Unicode's, which every system can draw. For
PNG the words are set in the STIX fonts that matplotlib ships, so that a picture is the same
on every machine, needs no system library and has its words in.

References
----------
Pugin, Zitellini, Roland (2014), "Verovio: a library for engraving MEI music notation into
SVG", Proc. ISMIR, 107 to 112.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from stats_composer.errors import ScoreError
from stats_composer.score import Score

__all__ = ["engrave", "lay_out", "page_svg", "rasterize"]

# SMuFL code points that verovio writes as text, by Unicode's musical symbols.
_SYMBOLS = {
    **dict.fromkeys("\uea64\ued60\ue260", "♭"),
    **dict.fromkeys("\uea65\ued61\ue261", "♮"),
    **dict.fromkeys("\uea66\ued62\ue262", "♯"),
    "\ue263": "×",
    "\ue264": "♭♭",
    "\ueca5": "♩",
    "\ueca7": "♪",
    "\uecb7": ".",
    "\ue870": "°",
    "\ue871": "ø",
    "\ue872": "+",
    "\ue873": "Δ",
    "\ue874": "−",
}
_MUSIC_TEXT = re.compile(r'<tspan font-family="Leipzig" font-size="(\d+)px">([^<]*)</tspan>')
_WORDS = "Times, STIXGeneral, serif"


def engrave(score: Score, *, width: int = 2100, scale: int = 40) -> list[str]:
    """Engrave a score.

    Parameters
    ----------
    score : Score
    width : int
        Of the page, in tenths of a millimetre: 2100 is A4's.
    scale : int
        Per cent; a page is width * scale / 100 pixels wide.

    Returns
    -------
    list of str
        One SVG a page, each as high as its music; most scores fill one.

    Raises
    ------
    ScoreError
        If the score has no notes, or verovio cannot lay it out.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> svg, = engrave(Score(make_notes(onset=[0, 10080], pitch=[60, 64])))
    >>> svg.count('class="note"')
    2
    """
    toolkit = lay_out(score, width=width, scale=scale)
    return [page_svg(toolkit, page) for page in range(1, toolkit.getPageCount() + 1)]


def lay_out(score: Score, *, width: int = 2100, scale: int = 40, **options: int) -> Any:
    """Return verovio's toolkit with a score laid out on pages, see `engrave`.

    `options` are more of verovio's own.
    """
    import verovio

    from stats_composer.io import write

    if not len(score.notes):
        raise ScoreError("engrave: the score has no notes")
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(
        {
            "pageWidth": width,
            "pageHeight": 60000,
            "adjustPageHeight": True,
            "scale": scale,
            "header": "auto",
            "footer": "none",
            "breaks": "auto",
            "justificationSystem": 0,
            "smuflTextFont": "none",
            "svgFormatRaw": True,
            "xmlIdChecksum": True,
            **options,
        }
    )
    buffer = io.BytesIO()
    write(score, buffer, format="musicxml")
    if not toolkit.loadData(buffer.getvalue().decode()):
        raise ScoreError("engrave: verovio cannot lay the score out")
    return toolkit


def page_svg(toolkit: Any, page: int) -> str:
    """Return one page of `lay_out`, from 1, as `engrave` does."""
    return _plain_text(toolkit.renderToSVG(page))


def rasterize(svg: str, *, zoom: float = 2.0) -> bytes:
    """Draw an engraved page as PNG on white.

    Parameters
    ----------
    svg : str
        One of `engrave`'s pages.
    zoom : float
        Pixels of the picture for each of the SVG's.

    Returns
    -------
    bytes

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> rasterize(engrave(Score(make_notes(onset=[0], pitch=[60])))[0])[1:4]
    b'PNG'
    """
    import resvg_py
    from matplotlib import get_data_path

    folder = Path(get_data_path()) / "fonts" / "ttf"
    names = ["STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "DejaVuSans"]
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            zoom=zoom,
            background="white",
            skip_system_fonts=True,
            font_files=[str(folder / f"{name}.ttf") for name in names],
            font_family="STIXGeneral",
            serif_family="STIXGeneral",
        )
    )


def _plain_text(svg: str) -> str:
    """Exchange text in verovio's own font for Unicode symbols in the words' font."""

    def symbols(match: re.Match[str]) -> str:
        size = round(0.56 * int(match[1]))  # a SMuFL em is the staff's height
        text = "".join(_SYMBOLS.get(letter, letter) for letter in match[2]).replace(" .", ".")
        return f'<tspan font-size="{size}px">{text}</tspan>'

    svg = _MUSIC_TEXT.sub(symbols, svg)
    return svg.replace('font-family="Times, serif"', f'font-family="{_WORDS}"')
