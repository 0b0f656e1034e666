"""MusicXML: what is written is read back, by us and by others."""

import base64
import io
import re
import warnings
from collections import Counter

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from strategies import dressed_scores, marked_scores

from stats_composer.errors import ScoreFileError
from stats_composer.io import find_files, read_corpus
from stats_composer.io.musicxml_reader import read_musicxml
from stats_composer.io.musicxml_writer import encode_musicxml
from stats_composer.io.mxl import unzip_musicxml
from stats_composer.io.notation import Value, split
from stats_composer.io.report import Report
from stats_composer.io.timeline import Piece, merge_ties
from stats_composer.score import (
    CHORD_DTYPE,
    LYRIC_DTYPE,
    NOTE_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    make_notes,
    make_table,
)

QUARTER = 10080
DRAWN = (Phase.explicit, Phase.reuse, Phase.generate)  # shrinking a score takes minutes
PIECES = [
    "bach/bwv66.6",  # pickup, fermatas
    "bach/bwv248.64-6",  # many parts
    "beethoven/opus18no1/movement1",
    "corelli/opus3no1/1grave",
    "haydn/opus1no1/movement3",
    "joplin/maple_leaf_rag",  # piano
    "leadSheet/fosterBrownHair",  # chord symbols
    "lusitano/allor_che_ignuda",
    "monteverdi/madrigal.3.1",
    "mozart/k155/movement1",
    "mozart/k545/movement1_exposition",
    "schoenberg/opus19/movement2",
    "schumann_clara/opus17/movement3",
    "schubert/Lindenbaum",
    "weber/concertino_clarinet",  # a transposing instrument
]
FILES = [pair for name in PIECES for pair in find_files(f"music21:{name}")]


def round_trip(score):
    report = Report()
    again = read_musicxml(encode_musicxml(score, report), report)
    assert not report, str(report)
    return again


def counted(score, step=1):
    columns = (score.notes[name] for name in ("onset", "duration"))
    onsets, durations = (np.rint(column / step).astype(int).tolist() for column in columns)
    return Counter(zip(onsets, durations, score.notes["pitch"].tolist(), strict=True))


@settings(max_examples=120, suppress_health_check=list(HealthCheck), phases=DRAWN)
@given(dressed_scores())
def test_any_score_comes_back(score):
    assert score.differences(round_trip(score)) == []


def test_real_pieces_come_back():
    corpus = read_corpus([path for _, path in FILES], n_jobs=2)
    assert not corpus.refused and len(corpus) == len(FILES)
    for name, score in zip(corpus.names, corpus, strict=True):
        assert score.differences(round_trip(score)) == [], name


# ---- other readers --------------------------------------------------------------------


def music21_notes(data):
    from music21 import chord, harmony, musicxml

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importer = musicxml.xmlToM21.MusicXMLImporter()
        importer.xmlText = data
        importer.parseXMLText()
        stream = importer.stream
    found = Counter()
    for part in stream.parts:
        pieces = []
        for measure in part.getElementsByClass("Measure"):
            for place in [measure, *measure.voices]:
                start = part.elementOffset(measure)
                start += measure.elementOffset(place) if place is not measure else 0
                for element in place.notes:
                    if not isinstance(element, harmony.Harmony) and not element.duration.isGrace:
                        heads = element.notes if isinstance(element, chord.Chord) else [element]
                        onset = start + place.elementOffset(element)
                        pieces += [music21_piece(element, head, onset, place.id) for head in heads]
        for onset, duration, pitch, *_ in merge_ties(pieces):
            found[onset, duration, pitch] += 1
    return found


def music21_piece(element, head, onset, lane):
    """Take a head with its own tie: music21's stripTies misses some across bars and brackets."""
    tie = (head.tie or element.tie).type if head.tie or element.tie else ""
    starts, stops = tie in ("start", "continue"), tie in ("stop", "continue")
    times = [round(time * QUARTER) for time in (onset, element.duration.quarterLength)]
    return Piece(*times, head.pitch.midi, 0, 0, 0, starts, stops, str(lane))


def verovio_notes(data):
    """Read what verovio plays: each note ends one of its 120 ticks a quarter early."""
    import verovio

    toolkit = verovio.toolkit()
    toolkit.setOptions({"expandNever": True})
    assert toolkit.loadData(data.decode())
    file = mido.MidiFile(file=io.BytesIO(base64.b64decode(toolkit.renderToMIDI())))
    found = Counter()
    for track in file.tracks:
        time, sounding = 0, {}
        for message in track:
            time += message.time
            if message.type == "note_on" and message.velocity:
                sounding.setdefault((message.channel, message.note), []).append(time)
            elif message.type in ("note_on", "note_off"):
                onset = sounding[message.channel, message.note].pop(0)
                found[onset, time - onset + 1, message.note] += 1
    assert file.ticks_per_beat == 120
    return found


@settings(max_examples=25, suppress_health_check=list(HealthCheck), phases=DRAWN)
@given(marked_scores(odd=False, overlaps=False, percussion=False))
def test_music21_reads_the_same_notes(score):
    notes = score.notes.copy()
    notes["tied"] = False
    score = score.replace(notes=notes)
    assert music21_notes(encode_musicxml(score, Report())) == counted(score)


@pytest.mark.parametrize("name", ["bwv66.6", "bwv269", "maple_leaf_rag", "schoenberg/opus19"])
def test_verovio_plays_the_same_notes(name):
    for score in read_corpus(f"music21:{name}"):
        played = verovio_notes(encode_musicxml(score, Report()))
        assert played == counted(score, step=84)


@pytest.mark.parametrize("name", ["bwv66.6", "bwv248.64-6", "bwv10.7", "movement1_exposition"])
def test_music21_reads_the_same_file_the_same_way(name):
    ((_, path),) = find_files(f"music21:{name}")
    data = unzip_musicxml(path.read_bytes())
    assert counted(read_musicxml(data, Report())) == music21_notes(data)


# ---- single matters -------------------------------------------------------------------


def text_of(score):
    return encode_musicxml(score, Report()).decode()


def test_a_note_over_a_bar_line_is_tied_and_comes_back_as_one():
    score = Score(make_notes(onset=[0, 3 * QUARTER], duration=[3 * QUARTER, 2 * QUARTER], pitch=60))
    text = text_of(score)
    assert text.count('<tie type="start"/>') == text.count('<tie type="stop"/>') == 1
    assert round_trip(score) == score


def test_a_tie_of_the_score_is_told_from_one_of_the_page():
    notes = make_notes(onset=[0, QUARTER], pitch=60, tied=[False, True])
    text = text_of(Score(notes))
    assert '<tie type="start"/>' not in text
    assert text.count('<tied type="start"/>') == text.count('<tied type="stop"/>') == 1
    assert round_trip(Score(notes)).notes["tied"].tolist() == [False, True]


def test_tuplets_have_brackets_and_ratios():
    score = Score(make_notes(onset=np.arange(3) * QUARTER // 3, duration=QUARTER // 3, pitch=60))
    text = text_of(score)
    assert text.count("<actual-notes>3</actual-notes><normal-notes>2</normal-notes>") == 3
    assert text.count('<tuplet type="start"/>') == text.count('<tuplet type="stop"/>') == 1


@pytest.mark.parametrize(
    ("ticks", "values"),
    [
        (QUARTER, [Value("quarter")]),
        (QUARTER * 7 // 2, [Value("half", 2)]),
        (QUARTER // 3, [Value("eighth", 0, 3, 2)]),
        (QUARTER * 5, [Value("whole"), Value("quarter")]),
        (QUARTER * 5 // 4, [Value("quarter"), Value("16th")]),
        (1, [Value("128th", 0, 315, 1)]),
    ],
)
def test_lengths_are_written_with_the_values_of_musicians(ticks, values):
    pieces = split(0, ticks, QUARTER)
    assert [value for _, _, value in pieces] == values
    assert sum(stop - start for start, stop, _ in pieces) == ticks


@pytest.mark.parametrize(
    ("metre", "onset", "duration", "values"),
    [
        ((4, 4), [0, 4 * QUARTER], QUARTER // 2, ["eighth", "quarter", "half"]),
        ((4, 4), [0, 3 * QUARTER], QUARTER, ["quarter", "quarter"]),
        ((4, 4), [0, QUARTER * 11 // 3], QUARTER // 3, ["quarter"] * 4),
        ((3, 4), [0, 3 * QUARTER], QUARTER, ["half"]),
        ((6, 8), [0, 3 * QUARTER], QUARTER // 2, ["quarter", "quarter"]),
    ],
)
def test_rests_are_divided_where_a_reader_counts(metre, onset, duration, values):
    """The beats nearest a rest's ends are seen, and the middle of four; 6/8 has dotted ones."""
    signature = make_table(TIME_SIGNATURE_DTYPE, [(0, *metre)])
    notes = make_notes(onset=onset, duration=duration, pitch=60)
    first = text_of(Score(notes, time_signatures=signature)).split("</note>")
    rests = [re.search("<type>(.*?)</type>", sign) for sign in first if "<rest" in sign]
    assert [found[1] for found in rests if found][: len(values)] == values


def test_chord_symbols_keep_their_letters_and_say_what_they_are():
    chords = make_table(CHORD_DTYPE, [(0, "Bbmaj7"), (QUARTER, "F#m7b5/A"), (2 * QUARTER, "N.C.")])
    score = Score(make_notes(onset=[0], duration=4 * QUARTER, pitch=60), chords=chords)
    text = text_of(score)
    assert '<kind text="maj7">major-seventh</kind>' in text
    assert '<kind text="m7b5">half-diminished</kind>' in text
    assert '<kind text="N.C.">none</kind>' in text
    assert round_trip(score).chords["symbol"].tolist() == ["Bbmaj7", "F#m7b5/A", "N.C."]


def test_accidentals_are_printed_once_a_bar():
    notes = make_notes(onset=np.arange(5) * QUARTER, pitch=[66, 66, 65, 67, 66])
    text = text_of(Score(notes))
    assert re.findall("<accidental>(.*?)</accidental>", text) == ["sharp", "natural", "sharp"]


def test_drums_are_unpitched():
    score = Score(make_notes(onset=[0, QUARTER], pitch=[36, 38]), parts=(Part("Drums", 0, True),))
    text = text_of(score)
    assert text.count("<unpitched>") == 2 and "<midi-unpitched>37</midi-unpitched>" in text
    assert round_trip(score) == score


def test_letters_that_xml_cannot_hold_are_named():
    lyrics = make_table(LYRIC_DTYPE, [(0, 0, 0, 1, "single", "la\x01")])
    report = Report()
    encode_musicxml(Score(make_notes(onset=[0], pitch=60), lyrics=lyrics), report)
    assert str(report) == "control letters that XML cannot hold replaced"


def test_voices_past_a_thousand_are_refused():
    score = Score(make_notes(onset=[0], pitch=60, voice=1000))
    with pytest.raises(ScoreFileError, match="voice 1000: expected 0 to 999"):
        encode_musicxml(score, Report())


# ---- what others write ----------------------------------------------------------------

HEAD = "<attributes><divisions>2</divisions>{}</attributes>"


def part(*measures, attributes=""):
    bars = "".join(f'<measure number="{n}">{m}</measure>' for n, m in enumerate(measures, 1))
    bars = bars.replace('number="1">', f'number="1">{HEAD.format(attributes)}', 1)
    return f'<part id="P1">{bars}</part>'


def note(step="C", octave=4, duration=2, more="", before=""):
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    return f"<note>{before}{pitch}<duration>{duration}</duration>{more}</note>"


def parsed(*parts):
    report = Report()
    text = "<score-partwise>" + "".join(parts) + "</score-partwise>"
    return read_musicxml(text.encode(), report), str(report)


def test_cue_notes_are_counted():
    score, told = parsed(part(note() + note(before="<cue/>") + note("E")))
    assert score.notes["onset"].tolist() == [0, 2 * QUARTER]
    assert told == "cue notes left out: 1 (first in bar 1)"


def test_transposing_parts_sound():
    attributes = (
        "<key><fifths>2</fifths><mode>major</mode></key>"
        "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    )
    score, _ = parsed(part(note("D"), attributes=attributes))
    assert score.notes[["pitch", "fifths"]].tolist() == [(60, 0)]
    assert score.key_signatures.tolist() == [(0, 0, 0)]


def test_voices_of_one_number_on_two_staves_are_two():
    measure = (
        note(more="<voice>1</voice><staff>1</staff>") + "<backup><duration>2</duration></backup>"
    )
    score, _ = parsed(part(measure + note(octave=3, more="<voice>1</voice><staff>2</staff>")))
    assert score.notes[["pitch", "voice"]].tolist() == [(60, 0), (48, 1)]


def test_a_voice_that_crosses_staves_is_one():
    measure = note(more="<voice>1</voice><staff>1</staff>")
    score, _ = parsed(part(measure + note(octave=3, more="<voice>1</voice><staff>2</staff>")))
    assert score.notes["voice"].tolist() == [0, 0]


@pytest.mark.parametrize("stop", ['<tie type="stop"/>', ""])
def test_a_tie_reaches_its_note_even_where_the_stop_was_forgotten(stop):
    score, _ = parsed(part(note(more='<tie type="start"/>'), note(more=stop)))
    assert score.notes[["onset", "duration", "tied"]].tolist() == [(0, 2 * QUARTER, False)]


def test_keys_of_parts_that_differ_are_said():
    keys = ["<key><fifths>1</fifths></key>", "<key><fifths>1</fifths><mode>minor</mode></key>"]
    score, told = parsed(*(part(note(), attributes=key) for key in keys))
    assert score.key_signatures.tolist() == [(0, 1, 1)] and not told
    _, told = parsed(
        part(note(), attributes=keys[0]), part(note(), attributes="<key><fifths>0</fifths></key>")
    )
    what = "key signatures that differ between parts or staves: the commonest kept"
    assert told == f"{what}: 1 (first in bar 1)"


def test_repeats_and_endings():
    barline = '<barline><repeat direction="backward"/></barline>'
    first = '<barline><ending number="1" type="start"/></barline>'
    stop = '<barline><ending number="1" type="stop"/><repeat direction="backward"/></barline>'
    second = '<barline><ending number="2" type="start"/></barline>'
    four = note(duration=8)
    score, _ = parsed(part(four, first + four + stop, second + four, four + barline))
    assert score.bars[["repeat", "ending"]].tolist() == [(0, 0), (2, 1), (0, 2), (2, 0)]


def test_a_timewise_file():
    head = HEAD.format("")
    measure = f'<part id="P1">{head}{note()}</part><part id="P2">{head}{note("E")}</part>'
    text = f'<score-timewise><measure number="1">{measure}</measure></score-timewise>'
    score = read_musicxml(text.encode(), Report())
    assert score.notes[["pitch", "part"]].tolist() == [(60, 0), (64, 1)]


def test_dynamics_metronomes_and_degrees():
    marks = (
        "<direction><direction-type><metronome><beat-unit>half</beat-unit><per-minute>60"
        '</per-minute></metronome></direction-type><sound dynamics="100"/></direction>'
        "<harmony><root><root-step>B</root-step><root-alter>-1</root-alter></root><kind>dominant"
        "</kind><degree><degree-value>9</degree-value><degree-alter>-1</degree-alter><degree-type>"
        "add</degree-type></degree><bass><bass-step>D</bass-step></bass></harmony>"
    )
    score, _ = parsed(part(marks + note()))
    assert score.tempos.tolist() == [(0, 120.0)]
    assert score.notes["velocity"].tolist() == [90]
    assert score.chords["symbol"].tolist() == ["Bb7b9/D"]


def test_elevenths_are_rounded_and_said():
    score, told = parsed(part(note(duration=2)).replace(">2</divisions>", ">11</divisions>"))
    assert score.notes["duration"].tolist() == [round(2 * QUARTER / 11)]
    assert told == "times off the grid of 1/10080 of a quarter rounded: 1 (first in bar 1)"
    assert score.notes.dtype == NOTE_DTYPE
