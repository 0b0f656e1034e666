"""Pages written by hand, for the tests of what reads them."""

import re

from stats_composer.score import (
    BAR_DTYPE,
    FERMATA_DTYPE,
    NOTE_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    bar_onsets,
    make_table,
)
from stats_composer.theory import TICKS_PER_QUARTER, name_fifths, parse_pitch

QUARTER = TICKS_PER_QUARTER
TOKEN = re.compile(r"(-|[A-G][#b]*\d)(/\.|/*|\*\d+|\.)(!?)")
LENGTHS = {"": 4, ".": 6, "/": 2, "/.": 3, "//": 1}


def page(*lines, metre=(4, 4), pickup=0):
    """Write lines from the top down, a part each.

    A token is a note, or `-` for a rest: `C5` a quarter, `C5/` an eighth, `C5//` a sixteenth,
    `C5.` and `C5/.` dotted, `C5*2` two quarters; `!` puts a fermata on it.
    """
    rows, fermatas, end = [], [], 0
    for part, line in enumerate(lines):
        onset = 0
        for text in line.split():
            name, length, fermata = TOKEN.fullmatch(text).groups()
            sixteenths = LENGTHS.get(length) or 4 * int(length[1:])
            duration = sixteenths * QUARTER // 4
            if name != "-":
                fifths = name_fifths(name[:-1])
                rows.append((onset, duration, parse_pitch(name), fifths, part, 0, 80, False))
            if fermata:
                fermatas.append((onset,))
            onset += duration
        end = max(end, onset)
    metres = make_table(TIME_SIGNATURE_DTYPE, [(0, *metre)])
    bars = bar_onsets(metres, end, pickup * QUARTER or None)
    return Score(
        make_table(NOTE_DTYPE, rows),
        bars=make_table(BAR_DTYPE, onset=bars),
        time_signatures=metres,
        fermatas=make_table(FERMATA_DTYPE, fermatas),
        parts=tuple(Part(name) for name in ("Soprano", "Alto", "Tenor", "Bass")[: len(lines)]),
        end=end,
    )
