"""Writing ABC, so that reading it gives the same score where ABC can hold it.

Conventions
-----------
* Each part is a voice `V:`, one after the other; its further voices are overlays (`&`), or
  voices `V:` of their own where they have lyrics. Tempos, chord symbols, sections and jumps
  are in the first.
* A signature without a mode is named after the last note where that makes it a mode:
  `Ador`, `Dmix`.
* What was written is read again, and what did not come back is reported.

References
----------
The ABC music standard 2.1 (2011), https://abcnotation.com/wiki/abc:standard:v2.1.
"""

from __future__ import annotations

from collections.abc import Iterator

from stats_composer.errors import ScoreFileError
from stats_composer.io.abc import read_abc
from stats_composer.io.abc_music import Layer, MusicWriter, key_text, metre_text, tempo_text
from stats_composer.io.abc_text import abc_text
from stats_composer.io.layout import Page
from stats_composer.io.limits import MAX_PARTS
from stats_composer.io.report import Report
from stats_composer.score import Part, Score

__all__ = ["encode_abc"]

_COLUMNS = {
    "velocity": "velocities",
    "part": "which voices share a part",
    "voice": "numbers of voices",
    "fifths": "spellings",
    "tied": "ties from no note",
    "onset": "times",
    "duration": "times",
    "pitch": "pitches",
}
_TABLES = {
    "parts": "names or kinds of parts",
    "key_signatures": "key signatures",
    "time_signatures": "metres within bars",
    "chords": "chord symbols",
    "lyrics": "lyrics",
    "tempos": "tempos",
    "fermatas": "fermatas",
    "bars": "bar lines",
    "jumps": "labels of jumps, or repeats of endings",
    "order": "the order of sections",
    "graces": "grace notes",
    "note_marks": "marks at notes",
    "spans": "slurs and hairpins",
    "directions": "dynamics and words",
    "title": "letters of the title",
    "composer": "letters of the composer's name",
    "rhythm": "letters of the rhythm's name",
}


def encode_abc(score: Score, report: Report) -> bytes:
    """Write a score as an ABC tune.

    Parameters
    ----------
    score : Score
    report : Report
        Told what could not be kept.

    Returns
    -------
    bytes, UTF-8

    Raises
    ------
    ScoreFileError
        If the score has no part or more voices than the limit.
    """
    if not 0 < score.n_parts <= MAX_PARTS:
        raise ScoreFileError(f"a score of {score.n_parts} parts: expected 1 to {MAX_PARTS}")
    voices = [voice for part in range(score.n_parts) for voice in _voices(score, part)]
    if len(voices) > MAX_PARTS:
        raise ScoreFileError(f"a score of {len(voices)} voices: expected 1 to {MAX_PARTS}")
    lines = [*_header(score)]
    for number, (part, layers) in enumerate(voices):
        lines += _voice_head(score.parts[part], number, alone=len(voices) == 1)
        lines += MusicWriter(score, layers, is_first=number == 0).lines()
    data = ("\n".join(lines) + "\n").encode()
    lost = list(dict.fromkeys(_lost(score, read_abc(data, Report())[0])))
    report.add(f"ABC has no place for {', '.join(lost)}: left out", count=bool(lost))
    return data


def _voices(score: Score, part: int) -> Iterator[tuple[int, list[Layer]]]:
    """List the voices `V:` of a part, each with its layers."""
    cuts = (*score.chords["onset"].tolist(), *score.tempos["onset"].tolist()) if part == 0 else ()
    page = Page(score, part, cuts=cuts, chorded=True)
    bars = page.bars()
    keys = sorted({(line.voice, line.lane) for lines in bars for line in lines})
    layers = []
    for key in keys:
        lane = [
            next((line.signs for line in lines if (line.voice, line.lane) == key), None)
            for lines in bars
        ]
        layers.append(Layer(lane, page.marks.directions.get(key[0], []) if not key[1] else []))
    sung = any(sign.lyrics for layer in layers[1:] for signs in layer.bars for sign in signs or ())
    for group in [[layer] for layer in layers] if sung else [layers]:
        yield part, group


def _voice_head(part: Part, number: int, *, alone: bool) -> Iterator[str]:
    """Write the name and the instrument of a voice."""
    if not alone or part.name or part.percussion:
        name = abc_text(part.name).replace('"', "\\u0022")
        label = f' name="{name}"' if name else ""
        yield f"V:{number + 1}{label}" + (" clef=perc" if part.percussion else "")
    if part.percussion:
        yield "%%MIDI channel 10"
    if part.program or number:
        yield f"%%MIDI program {part.program}"


def _header(score: Score) -> Iterator[str]:
    yield "X:1"
    yield f"T:{abc_text(score.title)}"
    if score.composer:
        yield f"C:{abc_text(score.composer)}"
    if score.rhythm:
        yield f"R:{abc_text(score.rhythm)}"
    if score.order and all(len(label) == 1 and label.isalpha() for label in score.order):
        yield f"P:{''.join(score.order)}"
    yield f"M:{metre_text(score, 0)}"
    yield "L:1/8"
    if len(score.tempos) and score.tempos["onset"][0] == 0:
        yield f"Q:{tempo_text(score, 0)}"
    yield f"K:{key_text(score, 0)}"


def _lost(score: Score, again: Score) -> Iterator[str]:
    """Name what of a score another one does not have."""
    if not len(score.key_signatures):
        again = again.replace(key_signatures=score.key_signatures)  # K:none
    for name in score.differences(again):
        if name != "notes":
            yield _TABLES.get(name, name)
        elif len(score.notes) != len(again.notes):
            yield "notes"
        else:
            columns = [c for c in _COLUMNS if (score.notes[c] != again.notes[c]).any()]
            moved = {"part", "voice"} & set(columns)
            if moved:
                columns = sorted(moved)[:1]
            yield from (_COLUMNS[column] for column in columns)
