"""The empty page that a chorale is written on: parts, metre, key, tempo and phrases."""

from __future__ import annotations

import numpy as np

from stats_composer.score import (
    FERMATA_DTYPE,
    KEY_SIGNATURE_DTYPE,
    NOTE_DTYPE,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    make_table,
)
from stats_composer.theory import Metre, key_signature

__all__ = [
    "PARTS",
    "add_fermatas",
    "blank_page",
    "planned_spans",
]

CHOIR = 52
PARTS = tuple(Part(name, CHOIR) for name in ("Soprano", "Alto", "Tenor", "Bass"))
TEMPO = 76.0
BEATS_A_PHRASE = 8


def blank_page(
    bars: int,
    key: tuple[int, int],
    time_signature: tuple[int, int],
    *,
    tempo: float | None = None,
    title: str = "",
) -> Score:
    """Prepare a page of full bars.

    Parameters
    ----------
    bars : int, in [1, 2000]
    key : (tonic fifths, mode)
    time_signature : (numerator, denominator)
    tempo : float, optional
        Quarters a minute; by default 76 beats.
    title : str
    """
    numerator, denominator = time_signature
    beat = Metre(numerator, denominator).beat
    speed = TEMPO * beat / Metre(4, 4).beat if tempo is None else tempo
    return Score(
        np.zeros(0, NOTE_DTYPE),
        time_signatures=make_table(TIME_SIGNATURE_DTYPE, [(0, numerator, denominator)]),
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(0, key_signature(*key), key[1])]),
        tempos=make_table(TEMPO_DTYPE, [(0, speed)]),
        parts=PARTS,
        title=title,
        composer="stats_composer",
        end=bars * Metre(numerator, denominator).bar,
    )


def planned_spans(page: Score) -> list[tuple[int, int]]:
    """Place the final notes of the phrases of a new piece.

    Phrases last about eight beats. Within the piece the last beat of a bar of three or four
    is left for the upbeat of the next phrase, as most chorales have it; the last phrase ends
    with the piece.
    """
    numerator, denominator = (int(n) for n in page.time_signatures[0].tolist()[1:])
    bar, beat = Metre(numerator, denominator).bar, Metre(numerator, denominator).beat
    n_beats = bar // beat
    bars_a_phrase = max(1, round(BEATS_A_PHRASE * beat / bar))
    first = beat * (0 if n_beats == 3 else n_beats // 2)
    upbeat = beat if n_beats > 2 else 0
    ends = list(range(bars_a_phrase * bar, page.end, bars_a_phrase * bar))
    if ends and page.end - ends[-1] < bars_a_phrase * bar:
        ends.pop()
    spans = [(end - bar + first, end - upbeat) for end in ends]
    return [*spans, (page.end - bar + first, page.end)]


def add_fermatas(score: Score, spans: list[tuple[int, int]]) -> Score:
    """Put a fermata on the note of every part that sounds at the start of a final note."""
    rows = [tuple(row) for row in score.fermatas.tolist()]
    for part, voice in score.voices:
        notes = score.notes[(score.notes["part"] == part) & (score.notes["voice"] == voice)]
        end = notes["onset"] + notes["duration"]
        for onset, _ in spans:
            sounding = notes["onset"][(notes["onset"] <= onset) & (onset < end)]
            rows += [(int(sounding[-1]), part, voice)] if len(sounding) else []
    return score.replace(fermatas=make_table(FERMATA_DTYPE, sorted(set(rows))))
