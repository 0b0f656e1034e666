"""Hypothesis strategies: scores of every shape that the package must take."""

import numpy as np
from hypothesis import strategies as st

from stats_composer.score import (
    BAR_DTYPE,
    CHORD_DTYPE,
    DIRECTION_DTYPE,
    FERMATA_DTYPE,
    GRACE_DTYPE,
    HELD_SPANS,
    JUMP_DTYPE,
    KEY_SIGNATURE_DTYPE,
    LYRIC_DTYPE,
    NOTE_DTYPE,
    NOTE_MARK_DTYPE,
    REPEAT_END,
    SPAN_DTYPE,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    bar_onsets,
    make_table,
    metre_of,
    natural_fifths,
)
from stats_composer.theory import MAJOR, MINOR, TICKS_PER_QUARTER, Metre, spell

METRES = [(4, 4), (3, 4), (2, 2), (6, 8), (5, 4), (9, 8), (2, 4)]
QUARTER = TICKS_PER_QUARTER
MORE_METRES = [*METRES, (7, 8), (3, 8), (12, 16)]
PLAIN = [QUARTER // 4, QUARTER // 2, QUARTER * 3 // 4, QUARTER, QUARTER * 3 // 2, QUARTER * 2]
TUPLETS = [
    QUARTER // 3,
    QUARTER * 2 // 3,
    QUARTER // 5,
    QUARTER // 6,
    QUARTER // 7,
    QUARTER * 4 // 5,
]
ODD = [1, 7, 317, 5039, 12345, QUARTER * 5 // 2, QUARTER * 17 // 4]
SYMBOLS = ["C", "Am7", "F#m7b5/A", "Bb7#9", "N.C.", "E-7", "G:maj7", "Ab13(b9)", "/", "iv"]


@st.composite
def time_signatures(draw):
    """Draw one metre, or two with the second at a bar line."""
    first = draw(st.sampled_from(METRES))
    rows = [(0, *first)]
    if draw(st.booleans()):
        second = draw(st.sampled_from(METRES))
        rows.append((draw(st.integers(1, 3)) * Metre(*first).bar, *second))
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
def scores(draw, step=TICKS_PER_QUARTER // 4, max_bars=4, max_parts=4):
    """Draw a score of one-note voices on a grid, with metres, keys and perhaps a pickup."""
    metres = draw(time_signatures())
    first = metre_of(metres[0]).bar
    pickup = draw(st.sampled_from([None, first // 2 // step * step])) if len(metres) == 1 else None
    n_bars = draw(st.integers(1, max_bars))
    onsets = bar_onsets(metres, n_bars * first, pickup)
    metre = metres[np.searchsorted(metres["onset"], onsets[-1], side="right") - 1]
    end = int(onsets[-1]) + metre_of(metre).bar
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
    bars = make_table(BAR_DTYPE, onset=onsets)
    parts = tuple(Part(f"part {part + 1}") for part in range(n_parts))
    return Score(
        notes, bars=bars, time_signatures=metres, key_signatures=keys, parts=parts, end=end
    )


words = st.text("abcäß éñ–<>&\"'ΔΩ漢", min_size=1, max_size=12).map(str.strip).filter(bool)


@st.composite
def bar_lines(draw, regular=False):
    """Draw bars with metres, pickup, repeats and endings, and where the last one ends."""
    onsets, metres, at = [], [], 0
    metre = draw(st.sampled_from(MORE_METRES))
    pickup = draw(st.booleans())
    n_bars = draw(st.integers(2 if pickup else 1, 5))
    for bar in range(n_bars):
        if bar == 0 or (not pickup and draw(st.integers(0, 4)) == 0) or (pickup and bar > 1):
            metre = metre if bar == 0 else draw(st.sampled_from([metre, metre, *MORE_METRES]))
            if bar == 0 or metre != metres[-1][1:]:
                metres.append((at, *metre))
        onsets.append(at)
        full = Metre(*metre).bar
        if bar == 0 and pickup:
            full = draw(st.integers(1, full * 2 // QUARTER - 1)) * QUARTER // 2
        elif not regular and draw(st.integers(0, 6)) == 0:
            full = draw(st.integers(1, 9)) * QUARTER // 2
        at += full
    flags = st.sampled_from([0, 0, 0, 1, 2, 3])
    repeats = draw(st.lists(flags, min_size=n_bars, max_size=n_bars))
    numbers = st.sampled_from([0, 0, 1, 2, 5])
    endings = draw(st.lists(numbers, min_size=n_bars, max_size=n_bars))
    bars = make_table(BAR_DTYPE, onset=onsets, repeat=repeats, ending=endings)
    return bars, make_table(TIME_SIGNATURE_DTYPE, metres), at


@st.composite
def voice_notes(draw, part, voice, end, durations, chords=True, overlaps=False):
    """Draw the notes of one voice as rows of the table, from 0 to `end`."""
    rows, at = [], 0
    while at < end and len(rows) < 40:
        duration = min(draw(st.sampled_from(durations)), end - at)
        kind = draw(st.sampled_from(["rest", "chord", *["note"] * 5]))
        size = 0 if kind == "rest" else 1 if kind == "note" or not chords else 3
        pitches = draw(st.lists(st.integers(36, 84), min_size=size, max_size=size, unique=True))
        for pitch in pitches:
            fifths = int(natural_fifths(np.array(pitch), draw(st.integers(-4, 4))))
            tied = draw(st.integers(0, 9)) == 0
            velocity = draw(st.sampled_from([80, 80, 0, 1, 64, 127]))
            rows.append((at, duration, pitch, fifths, part, voice, velocity, tied))
        step = draw(st.sampled_from(durations)) if overlaps and draw(st.booleans()) else duration
        at += step
    return rows


@st.composite
def marks(draw, dtype, ticks, columns, max_size=4):
    """Draw a table of marks at distinct ticks."""
    onsets = draw(st.lists(st.sampled_from(ticks), max_size=max_size, unique=True))
    return make_table(dtype, [(onset, *draw(columns)) for onset in sorted(onsets)])


@st.composite
def marked_scores(
    draw, odd=True, overlaps=True, regular=False, percussion=True, max_parts=3, max_voices=3
):
    """Draw a score of any number of parts and voices with all its marks.

    Without `odd`, every duration has a name or is in a common tuplet, and every tick is a
    multiple of a 64th or falls in one; without `overlaps` a voice is one line of chords;
    `regular` bars are as long as their metre.
    """
    bars, metres, end = draw(bar_lines(regular))
    durations = PLAIN + TUPLETS + (ODD if odd else [])
    parts, rows, places = [], [], []
    for part in range(draw(st.integers(1, max_parts))):
        drum = percussion and draw(st.integers(0, 5)) == 0
        name = draw(st.one_of(st.just(""), words))
        parts.append(Part(name, draw(st.integers(0, 127)), drum))
        numbers, least = st.integers(0, 5), 0 if part else 1
        chosen = st.lists(numbers, min_size=least, max_size=3, unique=True)
        for voice in draw(chosen):
            kind = overlaps and draw(st.booleans())
            rows += draw(voice_notes(part, voice, end, durations, overlaps=kind))
            places.append((part, voice))
    ticks = sorted({0, *(row[0] for row in rows), *bars["onset"].tolist()})
    ticks += [end // 2, end - 1] if odd else []
    place = st.sampled_from(places).map(tuple)
    syllables = st.tuples(
        place, st.integers(1, 3), st.sampled_from(["single", "begin", "middle", "end", ""]), words
    ).map(lambda row: (*row[0], *row[1:]))
    keys = st.tuples(st.integers(-7, 7), st.sampled_from([-1, 0, 1]))
    tempos = st.floats(20, 300, allow_nan=False).map(lambda tempo: (tempo,))
    symbols = st.one_of(st.sampled_from(SYMBOLS), words).map(lambda symbol: (symbol,))
    return Score(
        make_table(NOTE_DTYPE, rows),
        bars=bars,
        time_signatures=metres,
        key_signatures=draw(marks(KEY_SIGNATURE_DTYPE, ticks, keys)),
        tempos=draw(marks(TEMPO_DTYPE, ticks, tempos)),
        chords=draw(marks(CHORD_DTYPE, ticks, symbols)),
        fermatas=draw(marks(FERMATA_DTYPE, ticks, place)),
        lyrics=draw(marks(LYRIC_DTYPE, ticks, syllables)),
        parts=tuple(parts),
        title=draw(st.one_of(st.just(""), words)),
        composer=draw(st.one_of(st.just(""), words)),
        rhythm=draw(st.one_of(st.just(""), words)),
        end=end,
    )


NOTE_MARKS = [
    *("staccato", "accent", "tenuto", "trill-mark", "inverted-mordent", "up-bow", "breath-mark"),
    *("arpeggiate", "accidental-mark", "a sign of its own"),
]
GRACE_VALUES = [0, QUARTER // 4, QUARTER // 2, QUARTER * 3 // 4, QUARTER]


@st.composite
def grace_notes(draw, score):
    """Draw grace notes before notes, and after the last note of a voice in its bar."""
    rows, notes = [], score.notes
    for part, voice in score.voices:
        line = notes[(notes["part"] == part) & (notes["voice"] == voice)]
        onsets = np.unique(line["onset"]).tolist()
        ends = np.maximum.accumulate(line["onset"] + line["duration"])
        alone = len(np.unique(line[["onset", "duration"]])) == len(onsets)
        alone &= bool((ends[:-1] <= line["onset"][1:])[np.diff(line["onset"]) > 0].all())
        for onset in draw(st.lists(st.sampled_from(onsets), max_size=3, unique=True)):
            bar = score.bar_at(onset)
            last = not any(onset < other and score.bar_at(other) == bar for other in onsets)
            n_after = draw(st.integers(0, 2)) if last and alone else 0
            n_before = draw(st.integers(0 if n_after else 1, 2))
            for number in (*range(-n_before, 0), *range(1, n_after + 1)):
                for pitch in draw(st.sets(st.integers(48, 72), min_size=1, max_size=2)):
                    place = (onset, part, voice, number, pitch)
                    value = draw(st.sampled_from(GRACE_VALUES))
                    fifths = int(natural_fifths(np.array(pitch)))
                    rows.append((*place, fifths, value, draw(st.booleans())))
    graces = make_table(GRACE_DTYPE, rows)
    _, first, chord = np.unique(
        graces[["onset", "part", "voice", "grace"]], return_index=True, return_inverse=True
    )
    for name in ("written", "slash"):  # of the whole chord
        graces[name] = graces[name][first][chord]
    return graces


@st.composite
def jumps(draw, bars):
    """Draw jumps, at most one of a kind at a bar."""
    rows, labels = [], st.one_of(st.just(""), words)
    for onset, repeat, *_ in bars[["onset", "repeat"]].tolist():
        if repeat & REPEAT_END and draw(st.booleans()):
            rows.append((onset, "times", "", draw(st.integers(3, 5))))
        kinds = ["section", "segno", "coda", "fine", "to coda", "D.C.", "D.S."]
        for kind in draw(st.sets(st.sampled_from(kinds), max_size=2)):
            named = kind in ("segno", "coda", "to coda", "D.S.", "section")
            rows.append((onset, kind, draw(labels) if named else "", 0))
    return make_table(JUMP_DTYPE, rows)


@st.composite
def dressed_scores(draw, odd=True, overlaps=True, **shape):
    """Draw a score with all its marks, and those that only MusicXML holds."""
    score = draw(marked_scores(odd=odd, overlaps=overlaps, **shape))
    graces = draw(grace_notes(score)) if len(score.notes) else make_table(GRACE_DTYPE)
    places = np.unique(score.notes[["onset", "part", "voice"]]).tolist()
    places = [(*place, 0) for place in places]
    places += graces[["onset", "part", "voice", "grace"]].tolist()
    places += [(onset, 0, 0, 0) for onset in score.bars["onset"].tolist()]
    place = st.sampled_from(sorted(set(places)))
    ticks = sorted({0, *score.notes["onset"].tolist(), score.end - 1, score.end // 2})
    tick = st.sampled_from(ticks if odd else ticks[:-2] or [0])
    marks, spans, directions = set(), set(), []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(NOTE_MARKS))
        marks.add((*draw(place), kind, "comma" if kind == "breath-mark" else ""))
        first, last = sorted([draw(place), draw(place)], key=lambda p: (p[0], p[3]))
        if (first[0], first[3]) != (last[0], last[3]) and first[1] == last[1]:
            kind = draw(st.sampled_from(["slur", "slur", "glissando", "wavy-line", "a long sign"]))
            spans.add((*first, last[0], last[2], last[3], kind, ""))
        onset, stop = draw(tick), draw(st.sampled_from([*ticks, score.end]))
        if onset < stop:
            kind = draw(st.sampled_from(HELD_SPANS))
            text = draw(st.sampled_from(["down 8", "up 15"])) if kind == "octave-shift" else ""
            owner = draw(place)[1:3]
            spans.add((onset, *owner, 0, stop, owner[1], 0, kind, text))
        kind = draw(st.sampled_from(["dynamics", "words", "other"]))
        text = draw(st.sampled_from(["mf", "sfz", "molto f"]) if kind == "dynamics" else words)
        directions.append((draw(tick), *draw(place)[1:3], kind, text))
    bars = score.bars.copy()
    for bar in range(len(bars)):  # never the usual numbers
        bars["number"][bar] = draw(st.sampled_from(["", "", "", f"{50 * bar + 50}", "A<"]))
    return score.replace(
        bars=bars,
        graces=graces,
        note_marks=make_table(NOTE_MARK_DTYPE, sorted(marks)),
        spans=make_table(SPAN_DTYPE, sorted(spans)),
        directions=make_table(DIRECTION_DTYPE, directions),
        jumps=draw(jumps(score.bars)),
        order=tuple(draw(st.lists(words, max_size=3))),
    )
