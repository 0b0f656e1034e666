"""A score in a notebook: the engraved page and its sound, with nothing fetched from outside."""

from __future__ import annotations

import base64
from html import escape

from stats_composer.render.engraving import engrave
from stats_composer.render.wav import wav_bytes
from stats_composer.score import Score, seconds, unfold

__all__ = ["score_html"]

_MAX_SECONDS = 90.0


def score_html(score: Score) -> str:
    """Show a score as HTML: inline SVG, and an audio element with the sound inside.

    Parameters
    ----------
    score : Score

    Returns
    -------
    str
        Words alone for a score without notes; sound past 90 s is left out, and said so.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> "<audio" in score_html(Score(make_notes(onset=[0], pitch=[60])))
    True
    """
    if not len(score.notes):
        return f"<p>{escape(repr(score))}</p>"
    pages = "".join(engrave(score))
    sound = base64.b64encode(wav_bytes(score, limit=_MAX_SECONDS)).decode("ascii")
    heard = unfold(score)
    cut = float(seconds(heard, [heard.end])[0]) > _MAX_SECONDS
    note = f"<p>Sound: the first {_MAX_SECONDS:.0f} seconds.</p>" if cut else ""
    title = " · ".join(escape(text) for text in (score.title, score.composer) if text)
    caption = f"<figcaption>{title}</figcaption>" if title else ""
    return (
        f'<figure style="background:white;color:black;margin:0">{caption}{pages}'
        f'<audio controls preload="none" src="data:audio/wav;base64,{sound}"></audio>'
        f"{note}</figure>"
    )
