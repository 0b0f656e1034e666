"""What a viewpoint model of melodies looks at: the viewpoints and chains, as data.

The chains were chosen on the soprano lines of Bach's cantata chorales (BWV 1 to 252), never on
those that `benchmarks.melody` reports.
"""

from __future__ import annotations

from typing import Any, Literal

from stats_composer.models.viewpoints import ViewpointModel

__all__ = ["melody_viewpoints"]

VIEWPOINTS = (
    "pitch = pitch",
    "interval = pitch - pitch@1",
    "degree = pitch - tonic mod 12",
    "key = pitch - tonic",
    "first = pitch - pitch@index",
    "phrase = pitch - pitch@since",
    "top = pitch - highest",
    "bottom = pitch - lowest",
    "repeat = pitch - expected",
)

PENALTIES = (150.0, 600.0)
PITCH = (
    "pitch: pitch@1 | pitch@2",
    "pitch: pitch@1 tonic@0",
    "key: tonic@0",
    "key: mode@0",
    "interval: interval@1 | interval@2 | interval@3 | interval@4 | interval@5"
    " | interval@6 interval@7",
    "interval: degree@1 | interval@1 | interval@2 | interval@3 | interval@4"
    " | interval@5 interval@6",
    "interval: mode@0 degree@1 | interval@1 | interval@2",
    "interval: interval@1 | first@1",
    "interval: top@1 | degree@1",
    "interval: bottom@1",
    "interval: match@0 expected_step@0 | degree@1",
    "repeat: match@0",
    "degree: degree@1 | degree@2 | degree@3 | degree@4",
    "degree: mode@0 degree@1 | degree@2 | degree@3 | degree@4 | degree@5 degree@6",
)
SO_FAR = (
    "interval: degree@1 final@1 duration@1 | interval@1",
    "interval: degree@1 duration@1 level@1 | interval@1",
    "interval: interval@1 duration@1 level@1",
    "interval: since@0 degree@1",
    "interval: interval@1 final@2 final@1 | degree@1",
    "interval: duration@1 duration@2 interval@1 | degree@1",
    "interval: duration@1 duration@2 duration@3 degree@1",
    "interval: duration@1 level@1 interval@1 interval@2",
    "interval: mode@0 degree@1 interval@1 duration@1",
    "interval: degree@1 level@1 duration@1 degree@2",
    "interval: match@0 expected_step@0 final@1 duration@1",
    "repeat: match@0 since@0",
    "first: degree@1 final@1",
    "top: degree@1 final@1",
    "phrase: since@0 | degree@1",
    "phrase: since@0 degree@1 | interval@1",
    "key: mode@0 final@1 | degree@1",
    "degree: mode@0 final@1 | degree@1 degree@2",
    "degree: mode@0 final@2 degree@1 degree@2",
    "degree: mode@0 degree@1 position@1 duration@1 bar@1",
    "degree: mode@0 degree@1 since@0 duration@1",
    "degree: mode@0 degree@1 interval@1 interval@2 duration@1",
    "degree: mode@0 final@1 duration@1 degree@1 | degree@2 | degree@3",
    "interval: interval@1 duration@1 | interval@2 duration@2 | interval@3 duration@3"
    " | interval@4 duration@4",
    "degree: mode@0 degree@1 duration@1 | degree@2 duration@2 | degree@3 duration@3",
)
GIVEN = (
    "degree: mode@0 final@0 | degree@1 | degree@2",
    "degree: mode@0 final@0 level@0 duration@0 | degree@1",
    "interval: degree@1 duration@0 level@0 | interval@1",
    "interval: degree@1 position@0 bar@0 | interval@1",
    "interval: degree@1 since@0 final@0 duration@0",
    "interval: interval@1 level@0 duration@0 duration@1",
    "interval: final@0 degree@1 interval@1",
    "interval: final@0 final@1 degree@1",
    "phrase: final@0 since@0",
    "first: final@0 | degree@1",
    "repeat: match@0 final@0",
)
"""Of the chains that see the rhythm, `SO_FAR` look back alone."""

SHORT_PITCH = (
    "pitch: | pitch@1 | pitch@2 | pitch@3 | pitch@4 pitch@5",
    "interval: | interval@1",
    "interval: interval@1 interval@2 | interval@3 interval@4",
    "interval: degree@1 interval@1 | interval@2",
)
SHORT_SO_FAR = (
    "pitch: final@1 | duration@1",
    "pitch: pitch@1 duration@1 | pitch@2 duration@2",
    "pitch: pitch@1 level@1",
    "pitch: position@1 duration@1 | pitch@1 | pitch@2",
    "pitch: since@0 | pitch@1 | duration@1",
    "pitch: since@0 position@1 duration@1",
    "interval: interval@1 level@1",
    "interval: interval@1 since@0",
    "interval: degree@1 since@0",
    "interval: degree@1 final@1",
    "interval: duration@1 interval@1 | degree@1",
    "interval: duration@1 duration@2 | interval@1",
    "interval: position@1 duration@1",
    "degree: since@0 | degree@1",
    "first: final@1",
    "phrase: since@0 | interval@1",
)
SHORT_GIVEN = (
    "pitch: final@0 | pitch@1",
    "pitch: position@0 | duration@0 pitch@1",
    "pitch: pitch@1 duration@0 level@0",
    "interval: interval@1 duration@0 level@0",
    "degree: since@0 final@0",
    "phrase: final@0",
)
"""The same for chains that are counted over the piece so far."""


def melody_viewpoints(
    rhythm: Literal["none", "so far", "given"] = "so far", **options: Any
) -> ViewpointModel:
    """Return a viewpoint model for tables of `melody_views.melody_table`.

    Parameters
    ----------
    rhythm : str
        What is known when a pitch is predicted, beside the pitches before, the tonic and the
        mode: `none`; `so far`, the durations, accents and phrase ends of the notes before;
        `given`, those of the note itself too.
    **options
        Parameters of `ViewpointModel` other than its viewpoints and long chains.

    Raises
    ------
    ValueError
        For another `rhythm`.

    Examples
    --------
    >>> melody_viewpoints("none", short=()).penalty
    (150.0, 600.0)
    """
    known = ("none", "so far", "given")
    if rhythm not in known:
        raise ValueError(f"rhythm {rhythm!r}: expected one of {', '.join(known)}")
    n_seen = 1 + known.index(rhythm)
    chains = sum((PITCH, SO_FAR, GIVEN)[:n_seen], ("pitch",))
    short = sum((SHORT_PITCH, SHORT_SO_FAR, SHORT_GIVEN)[:n_seen], ())
    options = {"short": short, "penalty": PENALTIES, **options}
    return ViewpointModel(VIEWPOINTS, chains, **options)
