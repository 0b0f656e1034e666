"""The page of an improvisation: its chart, its parts, choruses one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.asked import asked_key, asked_metre, asked_tempo
from stats_composer.composers.jazz.chart import Chart, chart_of, read_changes, spell_over
from stats_composer.composers.jazz.key import key_of_chart
from stats_composer.composers.jazz.solo import STEPS, Solo
from stats_composer.errors import EncodingError
from stats_composer.score import (
    BAR_DTYPE,
    CHORD_DTYPE,
    KEY_SIGNATURE_DTYPE,
    MARKS,
    NOTE_DTYPE,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    keys,
    make_table,
    metre_of,
)
from stats_composer.theory import (
    MAJOR,
    NO_CHORD,
    TICKS_PER_QUARTER,
    Metre,
    is_no_chord,
    key_signature,
    parse_chord,
)

__all__ = [
    "TEMPO",
    "beat_of",
    "beats_of",
    "chained",
    "chart_on",
    "lead_page",
    "part_rows",
    "repeated",
    "solo_on",
    "tempo_of",
    "with_parts",
]

Ints = NDArray[np.int64]

TEMPO = 140.0


def lead_page(
    changes: str,
    *,
    key: str | None = None,
    time_signature: str | None = None,
    tempo: float | None = None,
) -> Score:
    """Return the page of a chart.

    Parameters
    ----------
    changes : str
        As `chart.read_changes` reads it.
    key : str, optional
        By default the one that the chords suggest.
    time_signature : str, optional
        By default 4/4.
    tempo : float, optional
        Quarters a minute; by default `TEMPO`.

    Examples
    --------
    >>> page = lead_page("Dm7 | G7 | C^7 | %")
    >>> page.n_bars, page.chords["symbol"].tolist(), page.signature_at(0)
    (4, ['Dm7', 'G7', 'Cmaj7', 'Cmaj7'], 0)
    """
    metre = Metre(*(asked_metre(time_signature) or (4, 4)))
    rows, n_bars = read_changes(changes, metre.n_beats)
    end = n_bars * metre.bar
    marks = [(at * metre.beat, symbol) for at, symbol in rows]
    tonic, mode = asked_key(key) or _key_of(marks, end)
    return Score(
        make_table(NOTE_DTYPE, []),
        time_signatures=make_table(TIME_SIGNATURE_DTYPE, [(0, *metre)]),
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(0, key_signature(tonic, mode), mode)]),
        tempos=make_table(TEMPO_DTYPE, [(0, asked_tempo(tempo) or TEMPO)]),
        chords=make_table(CHORD_DTYPE, marks),
        end=end,
    )


def _key_of(marks: Sequence[tuple[int, str]], end: int) -> tuple[int, int]:
    """Tell the key of a chart; one without chords is in C."""
    chords = [
        (parse_chord(symbol, minus="minor"), stop - onset)
        for (onset, symbol), (stop, _) in pairwise([*marks, (end, NO_CHORD)])
        if not is_no_chord(symbol)
    ]
    return key_of_chart(*zip(*chords, strict=True)) if chords else (0, MAJOR)


def beat_of(page: Score) -> int:
    """Return the ticks of a page's beats: its metre's, or shorter ones that fit all bars.

    Raises
    ------
    EncodingError
        If bars are no whole number of eighths.
    """
    starts = np.append(page.bars["onset"], page.end)
    lengths = np.concatenate([np.diff(starts), page.bar_offsets])
    beats = {metre_of(row).beat for row in page.time_signatures}
    for beat in (*beats, TICKS_PER_QUARTER, TICKS_PER_QUARTER // 2):
        whole = (lengths % beat == 0).all() and all(other % beat == 0 for other in beats)
        if whole:
            return int(beat)
    odd = int(starts[:-1][np.diff(starts) % (TICKS_PER_QUARTER // 2) != 0][0])
    raise EncodingError(f"bar {page.where(odd).bar}: expected a bar of whole eighths")


def beats_of(page: Score) -> Ints:
    """Return the ticks of a page's beats."""
    return np.arange(0, page.end, beat_of(page))


def chart_on(page: Score) -> Chart:
    """Return the chart of a page's chord symbols."""
    tonic = keys(page)[0][1]
    return chart_of(page, beats_of(page), 7 * tonic % 12)


def tempo_of(page: Score) -> float:
    """Return the beats a minute of a page."""
    quarters = float(page.tempos["quarters_per_minute"][0]) if len(page.tempos) else TEMPO
    return quarters * TICKS_PER_QUARTER / beat_of(page)


def solo_on(page: Score, notes: NDArray[np.void]) -> Solo:
    """Return a line over the chords of a page as a solo; of notes together the highest counts.

    Raises
    ------
    EncodingError
        If there are no chords, or a bar is of no whole eighths.
    """
    chart, step = chart_on(page), beat_of(page) // STEPS
    start = np.round(notes["onset"] / step).astype(np.int64)
    order = np.lexsort([-notes["pitch"].astype(np.int64), start])
    kept = order[np.diff(start[order], prepend=-1) > 0]
    kept = kept[start[kept] < chart.n_beats * STEPS]
    onset = start[kept]
    gaps = np.diff(onset, append=chart.n_beats * STEPS)
    length = np.clip(np.round(notes["duration"][kept] / step).astype(np.int64), 1, gaps)
    return Solo(onset, length, notes["pitch"][kept].astype(np.int64), chart, tempo_of(page))


def chained(first: Score, second: Score) -> Score:
    """Return a score that goes on with another of the same parts."""
    tables = {}
    for name in ("notes", *MARKS):
        later = getattr(second, name).copy()
        later["onset"] += first.end
        if "stop" in (later.dtype.names or ()):
            later["stop"] += first.end
        tables[name] = np.concatenate([getattr(first, name), later])
    for name in ("time_signatures", "key_signatures", "tempos"):
        tables[name] = _changes(tables[name])
    bars = tables["bars"]
    tables["bars"] = make_table(BAR_DTYPE, onset=bars["onset"])
    return first.replace(**tables, end=first.end + second.end, order=())


def _changes(table: NDArray[np.void]) -> NDArray[np.void]:
    """Leave out marks that say what holds already."""
    names = [name for name in table.dtype.names or () if name != "onset"]
    said = table[names]
    kept: NDArray[np.void] = table[np.append(True, said[1:] != said[:-1])[: len(table)]]
    return kept


def repeated(score: Score, times: int) -> Score:
    """Return a score played so often in a row."""
    whole = score
    for _ in range(times - 1):
        whole = chained(whole, score)
    return whole


def part_rows(
    page: Score, notes: Iterable[tuple[int, int, int]], velocity: int
) -> NDArray[np.void]:
    """Return the notes (onset, duration, pitch) of a part, spelled over the page's chords."""
    rows = [(*row, 0, 0, 0, velocity, False) for row in notes]
    return spell_over(page, make_table(NOTE_DTYPE, rows))


def with_parts(page: Score, parts: Sequence[tuple[Part, NDArray[np.void]]]) -> Score:
    """Return a page with parts above its own."""
    tables = {}
    n_new = len(parts)
    for name in ("notes", *MARKS):
        table = getattr(page, name)
        if "part" in (table.dtype.names or ()):
            table = table.copy()
            table["part"] += n_new
        tables[name] = table
    added = []
    for number, (_, notes) in enumerate(parts):
        notes = notes.copy()
        notes["part"] = number
        added.append(notes)
    tables["notes"] = np.concatenate([*added, tables["notes"]])
    return page.replace(**tables, parts=(*(part for part, _ in parts), *page.parts))
