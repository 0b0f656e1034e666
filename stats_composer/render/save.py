"""Pictures as files: the suffix chooses the format, and a file appears whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from stats_composer.errors import ScoreFileError
from stats_composer.files import write_whole
from stats_composer.render.engraving import engrave, rasterize
from stats_composer.render.roll import piano_roll
from stats_composer.score import Score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["save_engraving", "save_figure", "save_piano_roll"]


def save_engraving(score: Score, path: str | Path) -> list[Path]:
    """Write the engraved pages of a score as SVG or PNG.

    Parameters
    ----------
    score : Score
    path : str or Path
        Ends in `.svg` or `.png`; a second page goes to `name-2.svg`.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    ScoreFileError
        For another suffix, or where the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from stats_composer.score import make_notes
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [page.name for page in save_engraving(Score(make_notes(onset=[0])), f"{folder}/c.svg")]
    ['c.svg']
    """
    path = _checked(path)
    pages = engrave(score)
    paths = [path.with_stem(f"{path.stem}-{page}") for page in range(2, len(pages) + 1)]
    for target, svg in zip([path, *paths], pages, strict=True):
        data = svg.encode() if path.suffix.lower() == ".svg" else rasterize(svg)
        _write(target, data)
    return [path, *paths]


def save_piano_roll(score: Score, path: str | Path) -> Path:
    """Write a score's piano roll as SVG or PNG, the same bytes each time.

    Parameters
    ----------
    score : Score
    path : str or Path
        Ends in `.svg` or `.png`.

    Raises
    ------
    ScoreFileError
        For another suffix, or where the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from stats_composer.score import Score, make_notes
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_piano_roll(Score(make_notes(onset=[0])), f"{folder}/roll.svg").name
    'roll.svg'
    """
    return save_figure(piano_roll(score), path)


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a plot as SVG or PNG, the same bytes each time.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str or Path
        Ends in `.svg` or `.png`.

    Raises
    ------
    ScoreFileError
        For another suffix, or where the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from stats_composer.render import piano_roll
    >>> from stats_composer.score import Score, make_notes
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_figure(piano_roll(Score(make_notes(onset=[0]))), f"{folder}/roll.png").name
    'roll.png'
    """
    from matplotlib import rc_context

    path = _checked(path)
    kind = path.suffix.lower()[1:]
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "stats-composer"}):
        metadata = {"Date": None} if kind == "svg" else {}
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    _write(path, buffer.getvalue())
    return path


def _checked(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix.lower() not in (".svg", ".png"):
        raise ScoreFileError(f"{path}: expected a name that ends in .svg or .png")
    return path


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise ScoreFileError(f"{path}: {error.strerror or error}") from error
