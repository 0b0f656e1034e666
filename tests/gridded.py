"""Hypothesis strategies for scores that a grid can hold."""

import numpy as np
from hypothesis import strategies as st

from stats_composer.score import (
    KEY_SIGNATURE_DTYPE,
    NOTE_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    bar_duration,
    bar_onsets,
    make_table,
)
from stats_composer.theory import MAJOR, MINOR, TICKS_PER_QUARTER, spell

METRES = [(4, 4), (3, 4), (2, 2), (6, 8), (5, 4), (9, 8), (2, 4)]


@st.composite
def time_signatures(draw):
    """Draw one metre, or two with the second at a bar line."""
    first = draw(st.sampled_from(METRES))
    rows = [(0, *first)]
    if draw(st.booleans()):
        second = draw(st.sampled_from(METRES))
        rows.append((draw(st.integers(1, 3)) * bar_duration(*first), *second))
    return make_table(TIME_SIGNATURE_DTYPE, rows)


@st.composite
def lines(draw, step, n_steps, low=48, high=80):
    """Draw one voice without overlaps on a grid of steps, rests included."""
    rows, reached = [], 0
    while reached < n_steps:
        length = min(draw(st.integers(1, 8)), n_steps - reached)
        pitch = draw(st.one_of(st.none(), st.integers(low, high)))
        if pitch is not None:
            rows.append((reached * step, length * step, pitch))
        reached += length
    return rows


@st.composite
def gridded_scores(draw, step=TICKS_PER_QUARTER // 4, max_bars=4, max_parts=4):
    """Draw a score of one-note voices on a grid, with metres, keys and perhaps a pickup."""
    metres = draw(time_signatures())
    first = bar_duration(*metres[0][["numerator", "denominator"]])
    pickup = draw(st.sampled_from([None, first // 2 // step * step])) if len(metres) == 1 else None
    n_bars = draw(st.integers(1, max_bars))
    onsets = bar_onsets(metres, n_bars * first, pickup)
    metre = metres[np.searchsorted(metres["onset"], onsets[-1], side="right") - 1]
    end = int(onsets[-1]) + bar_duration(metre["numerator"], metre["denominator"])
    if pickup and len(onsets) == 1:
        end = pickup
    metres = metres[metres["onset"] < end]
    fifths, mode = draw(st.integers(-6, 6)), draw(st.sampled_from([MAJOR, MINOR]))
    keys = make_table(KEY_SIGNATURE_DTYPE, [(0, fifths, mode)])
    rows = []
    n_parts = draw(st.integers(1, max_parts))
    for part in range(n_parts):
        for onset, duration, pitch in draw(lines(step, end // step)):
            rows.append((onset, duration, pitch, 0, part, 0, 80, False))
    notes = make_table(NOTE_DTYPE, rows)
    notes["fifths"] = spell(notes["pitch"], fifths + 3 * mode, mode)
    bars = make_table([("onset", "i8"), ("repeat", "i1"), ("ending", "i1")], onset=onsets)
    parts = tuple(Part(f"part {part + 1}") for part in range(n_parts))
    return Score(
        notes, bars=bars, time_signatures=metres, key_signatures=keys, parts=parts, end=end
    )
