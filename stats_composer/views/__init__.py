"""Views: pure functions from a score to an array and back.

What a view cannot hold is named in a `ScoreWarning`, never dropped in silence.
"""

from stats_composer.views.context import END_VALUES, FAR, FINAL, LAST, end_context, place_context
from stats_composer.views.events import EVENT_DTYPE, events, from_events
from stats_composer.views.grid import HOLD, REST, from_grid, grid, line
from stats_composer.views.melody import MELODY_DTYPE, melody_table, write_melody
from stats_composer.views.roll import from_pianoroll, pianoroll
from stats_composer.views.slices import SLICE_DTYPE, slices

__all__ = [
    "END_VALUES",
    "EVENT_DTYPE",
    "FAR",
    "FINAL",
    "HOLD",
    "LAST",
    "MELODY_DTYPE",
    "REST",
    "SLICE_DTYPE",
    "end_context",
    "events",
    "from_events",
    "from_grid",
    "from_pianoroll",
    "grid",
    "line",
    "melody_table",
    "pianoroll",
    "place_context",
    "slices",
    "write_melody",
]
