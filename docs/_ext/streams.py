"""What a cell printed, whole: a shell's output comes a hundred characters at a time.

Where two such parts meet, MyST-NB would begin a new line in the middle of a word.
"""

from myst_nb.core import render

__all__ = ["setup"]

_coalesce = render.coalesce_streams


def _whole(outputs):
    """Join the parts of each stream, then go on as MyST-NB does."""
    streams, kept = {}, []
    for output in outputs:
        if output["output_type"] == "stream" and output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
            continue
        if output["output_type"] == "stream":
            streams[output["name"]] = output
        kept.append(output)
    return _coalesce(kept)


def setup(app):
    """Put it in the place of MyST-NB's own."""
    render.coalesce_streams = _whole
    return {"parallel_read_safe": True, "parallel_write_safe": True}
