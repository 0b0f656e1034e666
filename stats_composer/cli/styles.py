"""The composers behind the verbs: bundled ones by style, trained ones by their file."""

from __future__ import annotations

from typing import Any

from stats_composer.cli.options import Style, refuse
from stats_composer.errors import ModelFileError

__all__ = ["load_composer"]


def load_composer(
    style: Style | None, model: str | None, *, verb: str, only: Style | None = None
) -> tuple[Style, Any]:
    """Read the composer of a bundled style, or of a model file.

    Without either it is the chorale's; `verb` is whose errors speak, `only` the one style that
    it knows.

    Raises
    ------
    ModelFileError
        If the file is damaged, or holds a model of another kind.
    """
    from stats_composer.composers.chorale import ChoraleComposer
    from stats_composer.composers.folk import MelodyComposer
    from stats_composer.composers.jazz import JazzComposer

    known: dict[Style, Any] = {
        Style.CHORALE: ChoraleComposer,
        Style.FOLK: MelodyComposer,
        Style.JAZZ: JazzComposer,
    }
    if model is None:
        style = style or Style.CHORALE
        return style, known[style].bundled()
    refuse("--style and --model: a model has its own style; give one of them", style)
    from stats_composer.modelfile import read_header

    name = read_header(model).get("model")
    fitting = {s: kind for s, kind in known.items() if only in (None, s)}
    for found, kind in fitting.items():
        if kind.__name__ == name:
            return found, kind.load(model)
    expected = " or ".join(f"a {kind.__name__} ({s})" for s, kind in fitting.items())
    raise ModelFileError(f"{model}: holds {name or 'no composer'}: {verb} needs {expected}")
