"""A chapter is a script; beside its page lie the notebook and the script to take along."""

import shutil
from pathlib import Path

import jupytext

__all__ = ["setup"]


def _hand_out(app, exception):
    """Write each chapter's notebook, without results, and its script beside its page."""
    if exception or app.builder.format != "html":
        return
    for script in sorted((Path(app.srcdir) / "course").glob("[01]*.py")):
        folder = Path(app.outdir) / "course"
        shutil.copy(script, folder)
        notebook = jupytext.read(script, fmt="py:percent")
        jupytext.write(notebook, folder / f"{script.stem}.ipynb")


def setup(app):
    """Hand the chapters out when the pages are built."""
    app.connect("build-finished", _hand_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
