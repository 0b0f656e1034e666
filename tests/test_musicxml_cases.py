"""Files that other programs write or that went wrong elsewhere, with values worked out by hand.

Where another reader was asked, it is named; durations are in quarters.
"""

import io
import zipfile

import pytest

from stats_composer.io.musicxml_reader import read_musicxml
from stats_composer.io.musicxml_writer import encode_musicxml
from stats_composer.io.mxl import unzip_musicxml
from stats_composer.io.report import Report
from stats_composer.score import Part, playing_order
from stats_composer.theory import TICKS_PER_QUARTER, parse_chord
from stats_composer.views import events

QUARTER = TICKS_PER_QUARTER
HEAD = "<attributes><divisions>{}</divisions><key><fifths>{}</fifths></key>{}</attributes>"
TIME = "<time><beats>{}</beats><beat-type>4</beat-type></time>"


def note(name="C4", duration=4, more="", kind="pitch", voice=1):
    step, alter, octave = name[0], name.count("#") - name.count("b"), name[-1]
    altered = f"<alter>{alter}</alter>" if alter else ""
    pitch = f"<step>{step}</step>{altered}<octave>{octave}</octave>"
    if kind == "unpitched":
        pitch = f"<display-step>{step}</display-step><display-octave>{octave}</display-octave>"
    tail = f"<duration>{duration}</duration>{more}<voice>{voice}</voice>"
    return f"<note><{kind}>{pitch}</{kind}>{tail}</note>"


def rest(duration, whole=False, voice=1):
    whole = ' measure="yes"' if whole else ""
    return f"<note><rest{whole}/><duration>{duration}</duration><voice>{voice}</voice></note>"


def backup(duration):
    return f"<backup><duration>{duration}</duration></backup>"


def forward(duration):
    return f"<forward><duration>{duration}</duration></forward>"


def bars(*texts, head=None, numbers=None):
    """Write one part; without `head` in 4/4 and C, a division a quarter."""
    head = HEAD.format(1, 0, TIME.format(4)) if head is None else head
    numbers = numbers or range(1, len(texts) + 1)
    pairs = zip(numbers, [head + texts[0], *texts[1:]], strict=True)
    return "".join(f'<measure number="{number}">{text}</measure>' for number, text in pairs)


def read(*parts, listed=""):
    text = "".join(f'<part id="P{i}">{part}</part>' for i, part in enumerate(parts, 1))
    report = Report()
    text = f"<score-partwise><part-list>{listed}</part-list>{text}</score-partwise>"
    score = read_musicxml(text.encode(), report)
    again = read_musicxml(encode_musicxml(score, Report()), Report())
    assert score.differences(again) == []
    return score, str(report)


def heard(score):
    found = score.notes[["onset", "duration", "pitch"]].tolist()
    return [(onset / QUARTER, duration / QUARTER, pitch) for onset, duration, pitch in found]


# ---- chord symbols --------------------------------------------------------------------

PRINTED = [  # attributes of the kind, its value, degrees, what music21 names it
    ('text="7" use-symbols="yes"', "major-seventh", "", "Cmaj7"),
    ('text="7" use-symbols="yes"', "half-diminished", "", "Cø7"),
    ('text="7" use-symbols="yes"', "diminished-seventh", "", "C°7"),
    ('text="" use-symbols="yes"', "minor", "", "Cm"),
    ('text="7" use-symbols="yes"', "minor-seventh", "", "Cm7"),
    ('text="" use-symbols="yes"', "augmented", "", "C+"),
    ('text="7sus4"', "suspended-fourth", ('text=""', "7", "0", "add"), "C7sus4"),
    ('text="7sus4"', "suspended-fourth", ("", "7", "0", "add"), "C7sus4"),
    ("", "suspended-fourth", ("", "7", "0", "add"), "C7sus4"),
    ('text="7b5"', "dominant", ("", "5", "-1", "alter"), "C7b5"),
    ('text="7b9"', "dominant", ("", "9", "-1", "add"), "C7b9"),
    ("", "major-sixth", ("", "9", "0", "add"), "C6add9"),
    ("", "dominant", ("", "9", "1", "add"), "C7#9"),
    ("", "major-seventh", ("", "11", "1", "add"), "Cmaj7#11"),
    ('text="Maj7"', "dominant", "", "C7"),
    ('text="-7"', "minor-seventh", "", "Cm7"),
    ('text="7"', "none", "", "N.C."),
]


def harmony(attributes, value, degree, root="C"):
    more = ""
    if degree:
        printed, number, alter, how = degree
        more = f"<degree><degree-value {printed}>{number}</degree-value>"
        more += f"<degree-alter>{alter}</degree-alter><degree-type>{how}</degree-type></degree>"
    root = f"<root><root-step>{root}</root-step></root>"
    return f"<harmony>{root}<kind {attributes}>{value}</kind>{more}</harmony>"


@pytest.mark.parametrize(("attributes", "value", "degree", "symbol"), PRINTED)
def test_the_value_of_a_kind_is_the_chord_and_its_text_the_letters(
    attributes, value, degree, symbol
):
    score, told = read(bars(harmony(attributes, value, degree) + note()))
    assert score.chords["symbol"].tolist() == [symbol] and not told


KINDS = [
    *("major", "minor", "augmented", "diminished", "dominant", "major-seventh", "minor-seventh"),
    *("diminished-seventh", "augmented-seventh", "half-diminished", "major-minor"),
    *("major-sixth", "minor-sixth", "dominant-ninth", "major-ninth", "minor-ninth"),
    *("dominant-11th", "major-11th", "minor-11th", "dominant-13th", "major-13th", "minor-13th"),
    *("suspended-second", "suspended-fourth", "Neapolitan", "Italian", "French", "German"),
    *("pedal", "power", "Tristan"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_music21_reads_each_kind_as_the_same_chord_also_where_we_wrote_it(kind):
    import xml.etree.ElementTree as ET

    from music21 import musicxml

    score, _ = read(bars(harmony("", kind, "", root="E") + note()))
    tones = parse_chord(score.chords["symbol"][0]).pitch_classes
    written = ET.fromstring(encode_musicxml(score, Report())).find(".//harmony")
    for element in (ET.fromstring(harmony("", kind, "", root="E")), written):
        chord = musicxml.xmlToM21.MeasureParser().xmlToChordSymbol(element)
        assert {pitch.pitchClass for pitch in chord.pitches} == tones


# ---- bars, repeats and jumps ----------------------------------------------------------


def barline(inside, where="right"):
    return f'<barline location="{where}">{inside}</barline>'


BACK = '<repeat direction="backward"/>'


def test_bars_keep_the_numbers_of_the_file():
    scale = "".join(note(name, 1) for name in ("F4", "G4", "A4", "B4"))
    divided = note("C5", 3) + barline(BACK)
    again = barline('<repeat direction="forward"/>', "left") + note("E4", 1)
    text = bars(note("G4", 1), scale, divided, again, scale, numbers=["0", "1", "2", "X1", "3"])
    score, _ = read(text)
    assert score.bar_numbers == (0, 1, 2, "X1", 3)
    assert (score.bars["number"] == "").all()
    assert score.tick(3) == 9 * QUARTER  # F of printed bar 3


def test_an_excerpt_begins_with_its_own_number():
    score, _ = read(bars(note(), note(), note(), numbers=["17", "18", "18a"]))
    assert score.bar_numbers == (17, 18, "18a")
    assert score.bars["number"].tolist() == ["17", "", "18a"]


def test_a_repeat_is_played_as_often_as_it_says():
    three = barline('<repeat direction="backward" times="3"/>')
    score, _ = read(bars(note() + three, note()))
    assert playing_order(score) == [0, 0, 0, 1]


def test_an_ending_is_for_the_passes_that_it_names():
    first = barline('<ending number="1, 2" type="start"/>', "left") + note()
    first += barline(f'<ending number="1, 2" type="stop"/>{BACK}')
    last = barline('<ending number="3" type="start"/>', "left") + note()
    score, _ = read(bars(note(), first, last + barline('<ending number="3" type="stop"/>')))
    assert playing_order(score) == [0, 1, 0, 1, 0, 2]


def direction(inside, sound=""):
    sound = f"<sound {sound}/>" if sound else ""
    return f"<direction><direction-type>{inside}</direction-type>{sound}</direction>"


@pytest.mark.parametrize(
    ("fine", "capo"),
    [
        (direction("<words>Fine</words>"), direction("<words>D.C. al Fine</words>")),
        (direction("<words>Fine</words>", 'fine="yes"'), '<sound dacapo="yes"/>'),
        (direction("<words>Fine</words>"), direction("<words>Da Capo al Fine</words>")),
    ],
)
def test_da_capo_al_fine(fine, capo):
    score, told = read(bars(note(), note() + fine, note() + capo))
    assert playing_order(score) == [0, 1, 2, 0, 1] and not told
    words = ["Da Capo al Fine"] if "Da Capo" in capo else []
    assert score.directions["text"].tolist() == words


def test_words_and_sound_of_one_jump_are_one():
    segno = direction("<segno/>", 'segno="a"') + note()
    words = direction("<words>Dal segno e poi la fine</words>")
    score, _ = read(bars(note(), segno, note() + words + '<sound dalsegno="a"/>'))
    assert score.jumps[["kind", "label"]].tolist() == [("segno", "a"), ("D.S.", "a")]
    assert playing_order(score) == [0, 1, 2, 1, 2]


def test_dal_segno_al_coda():
    to_coda = note() + direction("<words>To Coda</words>", 'tocoda="coda"')
    segno = direction("<words>D.S. al Coda</words>", 'dalsegno="segno"')
    text = bars(
        note(),
        direction("<segno/>", 'segno="segno"') + note(),
        to_coda,
        note() + segno,
        direction("<coda/>", 'coda="coda"') + note(),
    )
    score, _ = read(text)
    assert playing_order(score) == [0, 1, 2, 3, 1, 2, 4]
    kinds = ["segno", "to coda", "D.S.", "coda"]
    assert score.jumps["kind"].tolist() == kinds and len(score.directions) == 0


# ---- time -----------------------------------------------------------------------------


@pytest.mark.parametrize("length", [5, 8])
def test_a_backup_that_is_too_long_ends_at_the_bars_start(length):
    text = note("C5") + backup(length) + note("C3", voice=5)
    score, told = read(bars(text, note("D5") + backup(4) + note("G2", voice=5)))
    assert heard(score) == [(0, 4, 72), (0, 4, 48), (4, 4, 74), (4, 4, 43)]
    assert told == "backups to before their bar end at its start: 1 (first in bar 1)"


def test_a_backup_and_a_forward_of_one_division_move_nothing():
    two = "".join(note(name, 1680) for name in ("C5", "D5"))
    head = HEAD.format(1680, 0, TIME.format(2))
    score, _ = read(bars(two + backup(1) + forward(1), note("E5", 3360), head=head))
    assert heard(score) == [(0, 1, 72), (1, 1, 74), (2, 2, 76)]


def test_septuplets_that_were_rounded_are_set_right_by_their_backup():
    seven = "".join(note(name, 69) for name in ("C5", "D5", "E5", "F5", "G5", "A5", "B5"))
    head = HEAD.format(480, 0, TIME.format(2))
    score, _ = read(bars(seven + backup(3) + note("C6", 480), note("C5", 960), head=head))
    assert heard(score)[-2:] == [(1, 1, 84), (2, 2, 72)]


@pytest.mark.parametrize(
    ("bar", "told"),
    [
        (note() + forward(1), True),
        (note() + backup(4) + rest(5, voice=2), True),
        (rest(6, whole=True), True),
        (note("C4", 5), False),  # a long bar of notes is one
        (note() + rest(1), False),  # and so is one that nothing contradicts
    ],
    ids=["forward", "other voice", "whole rest", "notes", "alone"],
)
def test_what_is_silent_past_the_end_of_a_bar_moves_no_other(bar, told):
    score, said = read(bars(bar, note("D4")))
    assert score.bars["onset"][1] == (4 if told else 5) * QUARTER
    assert said == ("rests past the end of their bar left out: 1 (first in bar 1)" if told else "")


def test_a_forward_makes_a_bar_of_its_own_length_no_longer():
    upbeat = '<measure number="X1" implicit="yes">'
    text = bars(note("C4", 3), "{}", note("D4"), numbers=[1, "X1", 2])
    text = text.replace('<measure number="X1">', upbeat)
    silent = text.replace("{}", rest(1) + forward(1) + forward(1))
    score, told = read(silent, text.replace("{}", note("E4", 1)))
    assert score.bars["onset"].tolist() == [0, 3 * QUARTER, 4 * QUARTER] and not told
    assert score.bar_numbers == (1, "X1", 2)


def test_attributes_after_the_first_notes_hold_from_the_start():
    eight = "".join(note(name, 8) for name in ("C4", "D4", "E4", "F4"))
    late = "<attributes><divisions>8</divisions><key><fifths>1</fifths></key>"
    score, _ = read(bars(eight + late + TIME.format(4) + "</attributes>", head=""))
    assert heard(score) == [(0, 1, 60), (1, 1, 62), (2, 1, 64), (3, 1, 65)]
    assert score.key_signatures.tolist() == [(0, 1, -1)]


def test_marks_at_the_very_end():
    end = direction("<words>morendo</words>", 'tempo="60"') + direction("<words>Fine</words>")
    score, told = read(bars(note() + end))
    assert len(score.tempos) == 0 and score.jumps["kind"].tolist() == ["fine"]
    assert score.directions[["onset", "text"]].tolist() == [(4 * QUARTER - 1, "morendo")]
    assert told == "tempos after the last note left out: 1 (first in bar 1)"


def test_elements_that_make_no_sense_are_counted_and_take_their_time():
    text = note("C4", 1) + note("H4", 1) + note("E4", 1) + note("C4", "x") + note("F4", 1)
    score, told = read(bars(text))
    assert heard(score) == [(0, 1, 60), (2, 1, 64), (3, 1, 65)]
    what = "<note> elements that make no sense left out: 2"
    assert told == f"{what} (first in bar 1: step 'H': expected A to G)"


# ---- ties, staves, instruments --------------------------------------------------------

START, STOP = '<tie type="start"/>', '<tie type="stop"/>'


def test_a_tie_to_another_voice():
    first = note("E5", 2) + note("C5", 2, START) + backup(4) + note("A4", voice=2)
    second = note("E5") + backup(4) + note("C5", 2, STOP, voice=2) + note("A4", 2, voice=2)
    score, _ = read(bars(first, second))
    assert (2, 4, 72) in heard(score) and len(score.notes) == 5


def test_a_tie_to_the_other_staff():
    first = note("C5", 3) + note("G4", 1, START) + backup(4) + note("C3", 4, "<staff>2</staff>")
    second = note("E5") + backup(4) + note("G4", 2, STOP, voice=5) + note("C3", 2, voice=5)
    score, _ = read(bars(first, second))
    assert (3, 3, 67) in heard(score)


def test_a_transposing_part_sounds_as_the_others():
    shift = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    names, written = ("C4", "E4", "G4", "C5"), ("D4", "F#4", "A4", "D5")
    clarinet = bars(
        harmony("", "major", "", root="D") + "".join(note(name, 1) for name in written),
        head=HEAD.format(1, 2, TIME.format(4) + shift),
    )
    score, told = read(clarinet, bars("".join(note(name, 1) for name in names)))
    assert sorted(heard(score)) == sorted(2 * [(i, 1, p) for i, p in enumerate((60, 64, 67, 72))])
    assert score.key_signatures.tolist() == [(0, 0, -1)] and not told
    assert score.chords["symbol"].tolist() == ["C"]


def test_a_pitch_without_its_alteration_has_its_accidentals():
    """As music21 and verovio read it."""
    sharp, natural = (f"<accidental>{name}</accidental>" for name in ("sharp", "natural"))
    score, told = read(bars(note("A4", 2, sharp) + note("A4", 2, natural)))
    assert score.notes[["pitch", "fifths"]].tolist() == [(70, 10), (69, 3)]
    assert told == "alterations told by the accidental alone: 1 (first in bar 1)"


def test_a_note_that_is_a_rest_as_well_sounds():
    score, _ = read(bars(grace("D4") + note("C4", 4, "<rest/>")))
    assert heard(score) == [(0, 4, 60)] and score.graces["grace"].tolist() == [-1]


def test_two_staves_of_two_keys_keep_the_first():
    other = '<attributes><key number="2"><fifths>2</fifths></key></attributes>'
    score, told = read(bars(note("C5") + backup(4) + other + note("C3", 4, "<staff>2</staff>")))
    assert score.key_signatures.tolist() == [(0, 0, -1)]
    what = "key signatures that differ between parts or staves: the commonest kept"
    assert told == f"{what}: 1 (first in bar 1)"


def instrument(channel, keys=()):
    text = (
        "".join(
            f'<midi-instrument id="I{key}"><midi-channel>{channel}</midi-channel>'
            f"<midi-unpitched>{key + 1}</midi-unpitched></midi-instrument>"
            for key in keys
        )
        or f'<midi-instrument id="I"><midi-channel>{channel}</midi-channel></midi-instrument>'
    )
    return f'<score-part id="P1"><part-name>M</part-name>{text}</score-part>'


@pytest.mark.parametrize("channel", [1, 10])
def test_drums_are_told_by_their_notes(channel):
    drums = "".join(
        note(place, 1, f'<instrument id="I{key}"/>', "unpitched")
        for place, key in (("F4", 35), ("C5", 38), ("F4", 35), ("C5", 38))
    )
    score, told = read(bars(drums), listed=instrument(channel, (35, 38)))
    assert score.notes["pitch"].tolist() == [35, 38, 35, 38] and not told
    assert score.parts == (Part("M", 0, True),)


def test_pitched_notes_on_the_drum_channel_are_no_drums():
    score, _ = read(bars(note()), listed=instrument(10))
    assert score.parts == (Part("M", 0, False),)


def test_pitched_notes_of_a_drum_channel_under_a_percussion_clef_are():
    clef = "<clef><sign>percussion</sign></clef>"
    score, _ = read(bars(note(), head=HEAD.format(1, 0, clef)), listed=instrument(10))
    assert score.parts[0].percussion


# ---- marks ----------------------------------------------------------------------------


def grace(name="D4", more="", slash="", chord="", kind="eighth"):
    pitch = f"<pitch><step>{name[0]}</step><octave>{name[-1]}</octave></pitch>"
    return f"<note><grace{slash}/>{chord}{pitch}<voice>1</voice><type>{kind}</type>{more}</note>"


def notations(inside):
    return f"<notations>{inside}</notations>"


def test_grace_notes_stand_before_their_note_or_after_the_last_of_the_bar():
    before = grace("D4", slash=' slash="yes"') + grace("F4", chord="<chord/>") + grace("E4")
    text = before + note("C4", 2) + note("D4", 2) + grace("C4", kind="16th")
    score, told = read(bars(text, grace("G4") + note("E4") + grace("A4") + rest(1)))
    columns = ["onset", "grace", "pitch", "written", "slash"]
    assert score.graces[columns].tolist() == [
        (0, -2, 62, QUARTER // 2, True),
        (0, -2, 65, QUARTER // 2, True),
        (0, -1, 64, QUARTER // 2, False),
        (2 * QUARTER, 1, 60, QUARTER // 4, False),
        (4 * QUARTER, -1, 67, QUARTER // 2, False),
        (4 * QUARTER, 1, 69, QUARTER // 2, False),
    ]
    assert heard(score) == [(0, 2, 60), (2, 2, 62), (4, 4, 64)] and not told


def test_a_slur_and_a_tie_from_a_grace_note():
    slur, tied = '<slur type="{}" number="1"/>', '<tied type="{}"/>'
    ends = [START + notations(tied.format("start") + slur.format("start"))]
    ends += [STOP, notations(tied.format("stop") + slur.format("stop"))]
    score, told = read(bars(grace("C4", ends[0]) + note("C4", 4, ends[1] + ends[2])))
    columns = ["onset", "grace", "stop", "stop_grace", "kind"]
    assert score.spans[columns].tolist() == [(0, -1, 0, 0, "slur"), (0, -1, 0, 0, "tie")]
    assert score.notes["tied"].tolist() == [False] and not told


def test_marks_of_a_chord_are_its_own_and_fingers_its_notes():
    marks = "<articulations><staccato/></articulations><technical><fingering>{}</fingering>"
    marks = notations(marks + "</technical><ornaments><tremolo>3</tremolo></ornaments>")
    chord = note("E4", 4, marks.format(3)).replace("<note>", "<note><chord/>")
    score, told = read(bars(note("C4", 4, marks.format(1)) + chord))
    rows = [("fingering", "1"), ("fingering", "3"), ("staccato", ""), ("tremolo", "3")]
    assert score.note_marks[["kind", "text"]].tolist() == rows and not told


def test_slurs_end_where_the_next_begins_and_in_another_voice():
    start, stop = (f'<slur type="{way}" number="1"/>' for way in ("start", "stop"))
    line = note("C4", 1, notations(start)) + note("D4", 1, notations(start + stop))
    line += note("E4", 1, notations(stop)) + note("F4", 1, notations(stop.replace("1", "2")))
    other = note("C3", 4, notations(start.replace("1", "2")), voice=2)
    score, told = read(bars(line + backup(4) + other))
    columns = ["onset", "voice", "stop", "stop_voice"]
    expected = [(0, 0, 1, 0), (0, 1, 3, 0), (1, 0, 2, 0)]
    found = score.spans[columns].tolist()
    assert [(a / QUARTER, b, c / QUARTER, d) for a, b, c, d in found] == expected and not told


def test_a_slur_without_its_end_is_counted():
    _, told = read(bars(note(more=notations('<slur type="start" number="1"/>'))))
    assert told == "<slur> without its other end left out: 1 (first in bar 1)"


def test_directions_belong_to_the_voice_that_they_stand_before():
    staves = ["<staff>1</staff>", "<staff>2</staff>"]
    forte, words = direction("<dynamics><f/></dynamics>"), direction("<words>cantabile</words>")
    low = forte.replace("</direction-type>", "</direction-type><staff>2</staff>")
    text = forte + note("C5", 4, staves[0]) + backup(4) + low + words
    score, told = read(bars(text + note("C3", 4, staves[1], voice=5)))
    rows = [(0, "dynamics", "f"), (4, "dynamics", "f"), (4, "words", "cantabile")]
    assert score.directions[["voice", "kind", "text"]].tolist() == rows and not told


def test_a_hairpin_lasts_to_its_stop():
    wedge = '<wedge type="{}"/>'
    text = note("C4", 2) + direction(wedge.format("crescendo")) + note("D4", 2)
    score, told = read(bars(text + direction(wedge.format("stop")), note()))
    columns = ["onset", "stop", "kind"]
    assert score.spans[columns].tolist() == [(2 * QUARTER, 4 * QUARTER, "crescendo")] and not told


def test_verovio_draws_graces_slurs_hairpins_and_dynamics():
    from stats_composer.render import engrave

    wedge, slur = '<wedge type="{}"/>', '<slur type="{}" number="1"/>'
    ends = [notations(slur.format(way)) for way in ("start", "stop")]
    text = direction("<dynamics><mf/></dynamics>") + direction(wedge.format("crescendo"))
    text += grace("D4", ends[0]) + note("C4", 4, ends[1])
    score, _ = read(bars(text + direction(wedge.format("stop"))))
    (svg,) = engrave(score)
    names = ("note", "slur", "hairpin", "dynam")
    assert [svg.count(f'class="{name}"') for name in names] == [2, 1, 1, 1]


def test_views_see_no_grace_notes():
    plain, _ = read(bars(note()))
    score, _ = read(bars(grace("D4") + note()))
    assert (events(score) == events(plain)).all()


# ---- files ----------------------------------------------------------------------------

TEXT = f'<score-partwise><part id="P1">{bars(note("Bb4", 4))}</part></score-partwise>'


@pytest.mark.parametrize(
    ("label", "encoding", "read_as"),
    [
        ("UTF-16", "utf-8", "utf-8"),
        ("UTF-8", "latin-1", "iso-8859-1"),
        ("no-such-thing", "utf-8", "utf-8"),
        ("ISO-8859-1", "latin-1", ""),
        ("UTF-16", "utf-16", ""),
    ],
)
def test_a_file_in_another_encoding_than_it_says(label, encoding, read_as):
    title = "<movement-title>Übung</movement-title>"
    text = TEXT.replace("<part id", title + "<part id", 1)
    data = f'<?xml version="1.0" encoding="{label}"?>{text}'.encode(encoding)
    report = Report()
    score = read_musicxml(data, report)
    assert score.title == "Übung" and score.notes["pitch"].tolist() == [70]
    said = f"not in the encoding {label} that it names: read as {read_as}" if read_as else ""
    assert str(report) == said


def test_tags_in_a_namespace():
    text = TEXT.replace("<score-partwise>", '<score-partwise xmlns="http://example.org">')
    assert len(read_musicxml(text.encode(), Report()).notes) == 1


def archive(name, path):
    """Zip a score under a name whose bytes are UTF-8, without the flag that says so."""
    container = f'<container><rootfiles><rootfile full-path="{path}"/></rootfiles></container>'
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("META-INF/container.xml", container.encode())
        file.writestr(name.encode().decode("latin-1").encode("ascii", "replace").decode(), TEXT)
    shown = name.encode().decode("latin-1").encode("ascii", "replace")
    return stream.getvalue().replace(shown, name.encode())


def test_an_mxl_name_in_utf8_without_its_flag():
    report = Report()
    assert unzip_musicxml(archive("Übung.xml", "Übung.xml"), report) == TEXT.encode()
    assert not report


def test_an_mxl_that_names_no_file_of_its_own():
    report = Report()
    assert unzip_musicxml(archive("score.xml", "other.xml"), report) == TEXT.encode()
    assert str(report) == "'other.xml' is not in the archive: its only score is read"
