"""The empty page that a chorale is written on: parts, metre, key, tempo and phrases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from stats_composer.errors import EncodingError
from stats_composer.score import (
    BAR_DTYPE,
    FERMATA_DTYPE,
    KEY_SIGNATURE_DTYPE,
    NOTE_DTYPE,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    bar_onsets,
    make_table,
)
from stats_composer.theory import Metre, key_signature

__all__ = [
    "PARTS",
    "VOICES",
    "add_fermatas",
    "bars_a_phrase",
    "blank_page",
    "common_parts",
    "planned_spans",
    "upbeat_of",
    "voice_names",
]

CHOIR = 52
PARTS = tuple(Part(name, CHOIR) for name in ("Soprano", "Alto", "Tenor", "Bass"))
TEMPO = 76.0
BEATS_A_PHRASE = (8, 12)  # in other metres, and in those of three beats


def blank_page(
    bars: int,
    key: tuple[int, int],
    time_signature: tuple[int, int],
    *,
    tempo: float | None = None,
    title: str = "",
    upbeat: int = 0,
    parts: tuple[Part, ...] = PARTS,
) -> Score:
    """Prepare a page of full bars, the last of which lends its end to an upbeat before the first.

    Parameters
    ----------
    bars : int, in [1, 2000]
    key : (tonic fifths, mode)
    time_signature : (numerator, denominator)
    tempo : float, optional
        Quarters a minute; by default 76 beats.
    title : str
    upbeat : int, its beats, fewer than a bar's
    parts : tuple of Part
    """
    numerator, denominator = time_signature
    beat = Metre(numerator, denominator).beat
    speed = TEMPO * beat / Metre(4, 4).beat if tempo is None else tempo
    metres = make_table(TIME_SIGNATURE_DTYPE, [(0, numerator, denominator)])
    end = bars * Metre(numerator, denominator).bar
    onsets = bar_onsets(metres, end, upbeat * beat or None)
    return Score(
        np.zeros(0, NOTE_DTYPE),
        bars=make_table(BAR_DTYPE, onset=onsets),
        time_signatures=metres,
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(0, key_signature(*key), key[1])]),
        tempos=make_table(TEMPO_DTYPE, [(0, speed)]),
        parts=parts,
        title=title,
        composer="stats_composer",
        end=end,
    )


def voice_names(parts: Sequence[Part]) -> tuple[str, ...]:
    """Return the names by which the voices of some parts are asked for.

    Examples
    --------
    >>> voice_names([Part("Violin"), Part("Violin"), Part("")])
    ('violin 1', 'violin 2', 'voice 3')
    """
    names = [part.name.strip().lower() for part in parts]
    return tuple(
        f"voice {v + 1}" if not name else
        f"{name} {names[: v + 1].count(name)}" if names.count(name) > 1 else name
        for v, name in enumerate(names)
    )  # fmt: skip


VOICES = voice_names(PARTS)


def common_parts(scores: Sequence[Score]) -> tuple[Part, ...]:
    """Return a part a voice, named and played as in most of some scores of as many voices.

    Four voices without names of their own, as in closed score, are those of a choir.

    Raises
    ------
    EncodingError
        If they are not of as many voices.
    """
    counts = sorted({len(score.voices) for score in scores})
    if len(counts) > 1:
        found = " and ".join(map(str, counts))
        raise EncodingError(f"scores of {found} voices: expected as many in each")
    lines: list[Part] = []
    for v in range(len(scores[0].voices)):
        own = [s.parts[s.voices[v][0]] for s in scores if len(s.parts) == len(s.voices)]
        lines.append(Counter(own).most_common(1)[0][0] if own else Part("", CHOIR))
    names = voice_names(lines)
    nameless = len(lines) == len(PARTS) and not any(part.name for part in lines)
    if nameless or names == VOICES:
        return PARTS
    return tuple(Part(n.title(), p.program) for n, p in zip(names, lines, strict=True))


def bars_a_phrase(metre: Metre) -> int:
    """Return the bars of a phrase of eight beats, of twelve in metres of three.

    A bar of five beats and more counts as one of four: see composers/chorale/counted.py.

    Examples
    --------
    >>> [bars_a_phrase(Metre(n, 4)) for n in (2, 3, 4, 5)]
    [4, 4, 2, 2]
    """
    return max(1, round(BEATS_A_PHRASE[metre.n_beats == 3] / min(metre.n_beats, 4)))


def planned_spans(page: Score) -> list[tuple[int, int]]:
    """Place the final notes of the phrases of a new piece.

    Phrases last eight beats, twelve in metres of three, as far as bars allow, and each begins
    where the piece does in its bar. A final note stands on the last strong beat before.
    """
    metre, upbeat = page.metre_at(0), upbeat_of(page)
    phrase = bars_a_phrase(metre) * metre.bar
    strong = metre.bar // 2 if metre.n_beats == 4 else metre.bar
    ends = list(range(phrase, page.end - phrase + 1, phrase))
    return [(end - ((end - upbeat) % strong or strong), end) for end in [*ends, page.end]]


def upbeat_of(page: Score) -> int:
    """Return the ticks of a first bar that is shorter than its metre, else 0."""
    onset = page.bars["onset"]
    first = int(onset[1]) if len(onset) > 1 else page.end
    return first if first < page.metre_at(0).bar else 0


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
