"""What the models of jazz look at: viewpoints and chains, as data.

They were chosen on the training part of the first of five folds by tune.
"""

from __future__ import annotations

from typing import Any

from stats_composer.models.viewpoints import ViewpointModel

__all__ = ["PITCH_CORRECTED", "RHYTHM_CORRECTED", "pitch_model", "rhythm_model"]

MARGIN = 8
"""Semitones beyond what is known that a solo may reach."""
PITCH_VIEWPOINTS = (
    "pitch = pitch",
    "interval = pitch - pitch@1",
    "two = pitch - pitch@2",
    "tone = pitch - root mod 12",
    "next = pitch - next_root mod 12",
    "degree = pitch - tonic mod 12",
    "phrase = pitch - pitch@since",
    "repeat = pitch - expected",
    "contour = sign pitch - pitch@1",
)
PITCH_CHAINS = (
    "pitch: pitch@1",
    "interval: interval@1 | interval@2 | interval@3 | interval@4",
    "interval: length@0 | length@1 interval@1",
    "interval: level@0 interval@1 | interval@2",
    "interval: since@0",
    "interval: final@0 length@0 | interval@1",
    "interval: spot@0 interval@1",
    "interval: before@0 | interval@1",
    "interval: tone@1 quality@0 root@0",
    "interval: interval@1 interval@2 length@1 | length@2",
    "interval: cluster@0",
    "tone: quality@0 | level@0 | length@0",
    "tone: quality@0 tone@1 | interval@1 | tone@2 | tone@3",
    "tone: quality@0 ahead@0 next_quality@0 | tone@1",
    "tone: quality@0 tone@1 level@0 | contour@1",
    "tone: quality@0 final@0 | tone@1",
    "next: ahead@0 next_quality@0 quality@0 | next@1 | next@2",
    "next: ahead@0 next_quality@0 level@0 next@1 | contour@1",
    "degree: quality@0 | degree@1 | degree@2 | degree@3",
    "two: interval@1 | interval@2",
    "contour: contour@1 contour@2 contour@3 | contour@4",
    "contour: since@0 cluster@0",
    "phrase: since@0 | interval@1",
    "repeat: match@0",
)
PITCH_SHORT = (
    "pitch: | pitch@1 | pitch@2 | pitch@3",
    "interval: | interval@1 | interval@2 | interval@3",
    "tone: quality@0 | tone@1 | tone@2",
    "degree: | degree@1",
    "pitch: spot@0",
)

RHYTHM_VIEWPOINTS = ("cell = cell", "repeat = cell - expected")
RHYTHM_CHAINS = (
    "cell: cell@1 | cell@2 | cell@3 | cell@4",
    "cell: place@0 | cell@1 | cell@2 | cell@3",
    "cell: cluster@0 | place@0 | cell@1 | cell@2",
    "cell: pace@0 | cell@1 | cell@2",
    "cell: hyper@0 place@0 | cell@1",
    "cell: cell@4 place@0 | cell@1",
    "cell: cell@8 place@0",
    "repeat: match@0",
)
RHYTHM_SHORT = (
    "cell: | cell@1 | cell@2 | cell@3",
    "cell: place@0 | cell@1 | cell@2",
    "cell: cell@4",
)

# What is corrected by what the model writes, `matching.py`.
PITCH_CORRECTED = (
    *("interval", "interval: since@0", "interval: final@0 length@0"),
    *("interval: level@0 interval@1", "tone: quality@0"),
    *("tone: quality@0 level@0", "tone: quality@0 final@0"),
)
RHYTHM_CORRECTED = ("cell", "cell: cell@1", "cell: pace@0", "cell: cluster@0")


def _without(chains: tuple[str, ...], *names: str) -> tuple[str, ...]:
    return tuple(chain for chain in chains if not any(name in chain for name in names))


def pitch_model(*without: str, short: bool = True, **options: Any) -> ViewpointModel:
    """Return a model of the pitches of `solo.note_table`.

    Parameters
    ----------
    *without : str
        Chains that name one of these are left out, to see what they are worth.
    short : bool
        Whether what was played so far is counted.
    **options
        Of `ViewpointModel`.
    """
    own = PITCH_SHORT if short else ()
    chains = _without(PITCH_CHAINS, *without, *([] if short else ["repeat"]))
    shorter = _without(own, *without)
    return ViewpointModel(PITCH_VIEWPOINTS, chains, short=shorter, margin=MARGIN, **options)


def rhythm_model(*without: str, short: bool = True, **options: Any) -> ViewpointModel:
    """Return a model of the cells of `solo.beat_table`; parameters as of `pitch_model`."""
    own = RHYTHM_SHORT if short else ()
    chains = _without(RHYTHM_CHAINS, *without, *([] if short else ["repeat"]))
    return ViewpointModel(
        RHYTHM_VIEWPOINTS,
        chains,
        short=_without(own, *without),
        symbol="cell",
        **options,
    )
