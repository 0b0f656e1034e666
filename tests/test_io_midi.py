"""MIDI: what it can hold comes back, what it cannot is named."""

import io
import itertools
import re
import struct

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from strategies import marked_scores, scores

from stats_composer.errors import ScoreFileError
from stats_composer.io import read_corpus
from stats_composer.io.midi_reader import read_midi, spelled
from stats_composer.io.midi_writer import encode_midi
from stats_composer.io.report import Report
from stats_composer.score import (
    BAR_DTYPE,
    FERMATA_DTYPE,
    KEY_SIGNATURE_DTYPE,
    LYRIC_DTYPE,
    TEMPO_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    make_notes,
    make_table,
)
from stats_composer.theory import MAJOR

QUARTER = 10080


def round_trip(score):
    report = Report()
    data = encode_midi(score, report)
    (again,) = read_midi(data, Report())
    return again, str(report)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(scores())
def test_plain_scores_come_back(score):
    again, told = round_trip(score)
    differences = score.differences(again)
    assert "notes" not in differences or "spelling" in told
    if len(again.key_signatures) == 0:  # a C major that the notes do not follow
        assert score.key_signatures.tolist() == [(0, 0, MAJOR)]
        differences = [name for name in differences if name not in ("key_signatures", "notes")]
    assert not set(differences) - {"notes", "bars", "end", "time_signatures"}, differences
    if {"bars", "end", "time_signatures"} & set(differences):
        assert "last bar" in told or "metre" in told or len(score.time_signatures) > 1
    fields = ["onset", "duration", "pitch", "part", "voice", "velocity"]
    assert score.notes[fields].tolist() == again.notes[fields].tolist()


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(marked_scores())
def test_any_score_is_written_and_read(score):
    again, _ = round_trip(score)
    assert again.n_parts == score.n_parts
    assert [part.program for part in again.parts] == [part.program for part in score.parts]
    assert (again.notes["pitch"].tolist() != []) == (score.notes["pitch"].tolist() != [])


def test_a_chorale_loses_its_fermatas_alone_and_says_so():
    (score,) = read_corpus("music21:bwv66.6")
    again, told = round_trip(score)
    assert score.differences(again) == ["fermatas"]
    assert told == "MIDI does not hold fermatas"
    assert again.pickup == QUARTER


def test_names_programs_lyrics_tempo_and_keys_come_back():
    score = Score(
        make_notes(onset=np.arange(4) * QUARTER, pitch=[62, 66, 69, 74], velocity=[1, 64, 90, 127]),
        time_signatures=make_table(TIME_SIGNATURE_DTYPE, [(0, 4, 4)]),
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(0, 2, 0)]),
        tempos=make_table(TEMPO_DTYPE, [(0, 97.0), (2 * QUARTER, 133.5)]),
        lyrics=make_table(
            LYRIC_DTYPE,
            [
                (0, 0, 0, 1, "begin", "Glo"),
                (QUARTER, 0, 0, 1, "middle", "ri"),
                (2 * QUARTER, 0, 0, 1, "end", "a"),
                (3 * QUARTER, 0, 0, 1, "single", "Äh!"),
            ],
        ),
        parts=(Part("Flöte", 73),),
        title="Ein Lied",
    )
    again, told = round_trip(score)
    assert score.differences(again) == [] and told == ""


def test_losses_are_named():
    score = Score(
        make_notes(
            onset=[0, 0, QUARTER, 2 * QUARTER],
            pitch=[60, 64, 67, 66],
            voice=[0, 1, 0, 0],
            fifths=[0, 4, 1, -6],
            velocity=[80, 80, 0, 80],
        ),
        bars=make_table(BAR_DTYPE, [(0, 1, 0)]),
        fermatas=make_table(FERMATA_DTYPE, [(0, 0, 0)]),
        composer="Somebody",
        end=4 * QUARTER,
    )
    _, told = round_trip(score)
    assert told.split("; ") == [
        "velocities of 0 raised to 1",
        "MIDI does not hold the composer's name, fermatas, repeats and endings, "
        "voices within a part, the spelling of some notes",
    ]


def test_a_bar_divided_by_a_repeat_is_joined():
    bars = make_table(BAR_DTYPE, [(0, 0, 0), (40320, 2, 0), (70560, 0, 0), (80640, 0, 0)])
    score = Score(make_notes(onset=[0], duration=3 * 40320, pitch=60), bars=bars)
    again, told = round_trip(score)
    assert again.bars["onset"].tolist() == [0, 40320, 80640]
    assert "bars divided by a repeat joined: 1 (first in bar 2)" in told


# ---- what others write ----------------------------------------------------------------


def parsed(*tracks, ticks_per_beat=96, kind=1):
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks_per_beat)
    file.tracks += [mido.MidiTrack(track) for track in tracks]
    stream = io.BytesIO()
    file.save(file=stream)
    report = Report()
    (score,) = read_midi(stream.getvalue(), report)
    return score, str(report)


def message(kind, note=60, time=0, channel=0, velocity=64):
    return mido.Message(kind, note=note, time=time, channel=channel, velocity=velocity)


def test_channels_of_one_track_are_parts_and_the_tenth_is_drums():
    track = [message("note_on"), message("note_on", 36, channel=9)]
    track += [message("note_off", time=96), message("note_off", 36, channel=9)]
    score, told = parsed(track, kind=0)
    assert score.notes[["pitch", "part", "duration"]].tolist() == [(60, 0, 10080), (36, 1, 10080)]
    assert [part.percussion for part in score.parts] == [False, True] and told == ""


def test_a_note_on_without_velocity_ends_a_note():
    score, _ = parsed([message("note_on"), message("note_on", time=48, velocity=0)])
    assert score.notes["duration"].tolist() == [QUARTER // 2]


def test_overlaps_hanging_notes_and_notes_without_length_are_said():
    track = [message("note_on"), message("note_on", time=48), message("note_off", time=48)]
    track += [message("note_on", 62), message("note_off", 62)]
    score, told = parsed(track)
    assert told.split("; ") == [
        "notes that never end, ended with their track: 1 (first in quarter 0.5)",
        "notes without duration made 128ths: 1 (first in quarter 1)",
        "overlapping notes of one pitch: 1 (first in quarter 0.5)",
    ]
    assert sorted(score.notes[["onset", "duration", "pitch"]].tolist()) == [
        (0, 10080, 60),
        (5040, 5040, 60),
        (10080, 315, 62),
    ]


def test_times_off_the_grid_are_rounded_and_said():
    notes = [message("note_on", time=1), message("note_off", time=31)]
    score, told = parsed(notes, ticks_per_beat=11)
    assert score.notes[["onset", "duration"]].tolist() == [(916, 28408)]
    assert "times off the grid of 1/10080 of a quarter rounded" in told


def test_a_short_first_metre_is_a_pickup():
    marks = [
        mido.MetaMessage("time_signature", numerator=1, denominator=4),
        mido.MetaMessage("time_signature", numerator=3, denominator=4, time=96),
    ]
    score, _ = parsed(marks, [message("note_on"), message("note_off", time=96 * 7)])
    assert score.pickup == QUARTER
    assert score.time_signatures.tolist() == [(0, 3, 4)]
    assert score.bars["onset"].tolist() == [0, QUARTER, 4 * QUARTER]


def test_notes_are_spelled_in_their_key():
    key = mido.MetaMessage("key_signature", key="Db")
    track = [key, message("note_on", 61), message("note_off", 61, time=96)]
    score, _ = parsed(track)
    assert score.notes["fifths"].tolist() == [-5] == spelled(score).tolist()


@pytest.mark.parametrize("n_parts", [15, 16, 40])
def test_more_parts_than_channels(n_parts):
    notes = make_notes(onset=0, pitch=60 + np.arange(n_parts) % 12, part=np.arange(n_parts))
    again, told = round_trip(Score(notes))
    assert again.notes["pitch"].tolist() == notes["pitch"].tolist()
    assert ("share MIDI channels" in told) == (n_parts > 15)


# ---- bytes that are not as they should be ---------------------------------------------

FOUR = bytes.fromhex("00903c5060803c00 00903e5060803e00 0090405060804000 0090415060804100")
END = bytes.fromhex("00ff2f00")


def chunk(name, content, length=None):
    return name + struct.pack(">I", len(content) if length is None else length) + content


def smf(*tracks, kind=1, division=96, n_tracks=None):
    """Make a file of tracks; one that is no chunk yet becomes one."""
    count = len(tracks) if n_tracks is None else n_tracks
    chunks = [t if t[:4] in (b"MTrk", b"Junk") else chunk(b"MTrk", t) for t in tracks]
    return chunk(b"MThd", struct.pack(">HHH", kind, count, division)) + b"".join(chunks)


def read_pieces(data):
    report = Report()
    return read_midi(data, report), str(report)


def meta(kind, content):
    return bytes([0, 0xFF, kind, len(content), *content])


IN_RIFF = b"RIFF" + struct.pack("<I", 78) + b"RMIDdata" + struct.pack("<I", 66)
DAMAGED = {
    "key of mode 255": (smf(meta(0x59, b"\xfe\xff") + FOUR + END), 4, "key signatures .* byte 23"),
    "key of 8 sharps": (smf(meta(0x59, b"\x08\0") + FOUR + END), 4, "key signatures that cannot"),
    "SMPTE offset": (
        smf(meta(0x54, b"\x60\0\0\0\xc8") + FOUR + END),
        4,
        "SMPTE offsets that cannot",
    ),
    "sequence number": (smf(meta(0, b"\x01") + FOUR + END), 4, "sequence numbers that cannot"),
    "metre of 2 bytes": (smf(meta(0x58, b"\3\2") + FOUR + END), 4, "time signatures that cannot"),
    "metre 0/4": (smf(meta(0x58, b"\0\2\x18\x08") + FOUR + END), 4, "time signatures that cannot"),
    "tempo 0": (smf(meta(0x51, b"\0\0\0") + FOUR + END), 4, "tempos that cannot"),
    "unknown chunk": (smf(chunk(b"Junk", b"abcd"), FOUR + END, n_tracks=1), 4, "first in byte 14"),
    "a track too many told": (
        smf(FOUR + END, n_tracks=2),
        4,
        "header counts and the file lacks: 1",
    ),
    "a track too few told": (smf(END, FOUR + END, n_tracks=1), 4, "past the header's count read"),
    "length too large": (
        smf(chunk(b"MTrk", FOUR + END, 99)),
        4,
        "another length than they tell: 1",
    ),
    "length too small": (
        smf(chunk(b"MTrk", FOUR + END, 10)),
        4,
        "another length than they tell: 1",
    ),
    "no end mark": (smf(FOUR), 4, r"without an end mark: 1 \(first in track 1 at byte 54\)"),
    "cut off": (smf(FOUR + END)[:48], 3, "broken off by the end of their bytes: 1 .* at byte 46"),
    "no status": (
        smf(FOUR + END, b"\0\x3c\x50" + END),
        4,
        "a data byte without .* track 2 at byte 66",
    ),
    "undefined status": (smf(FOUR + b"\0\xf9" + FOUR), 4, "status byte 0xF9: 1 .* at byte 54"),
    "clock": (smf(FOUR[:8] + b"\0\xf8" + FOUR[8:] + END), 4, "system messages, which no file"),
    "clock in running status": (
        smf(FOUR[:-4] + b"\0\xf8\x60\x41\0" + END),
        4,
        "system messages, which no file",
    ),
    "song position": (smf(b"\0\xf2\1\2" + FOUR + END), 4, "system messages, which no file"),
    "long pause": (smf(FOUR + b"\xff\xff\xff\x7f" + FOUR), 4, "a time past 100,000 .* at byte 54"),
    "type 7": (smf(FOUR + END, kind=7), 4, "type 7, which there is not: read as type 1"),
    "no ticks": (smf(FOUR + END, division=0), 4, "no ticks a quarter told: 480 taken"),
    "velocity 208": (
        smf(FOUR + b"\0\x90\x43\xd0\x60\x43\0" + END),
        5,
        "velocities over 127 lowered: 1",
    ),
    "pitch 200": (smf(FOUR + b"\0\x90\xc8\x50\x60\xc8\0" + END), 4, "pitch over 127 left out: 1"),
    "pressure of a channel, one byte": (smf(b"\0\xd0\x40\0\x41" + FOUR + END), 4, "^$"),
    "two files": (2 * smf(FOUR + END), 4, "a second MIDI file after the first left out: 1"),
    "in a RIFF": (IN_RIFF + smf(FOUR + END), 4, "^$"),
    "in a MacBinary": (bytes(128) + smf(FOUR + END) + bytes(70), 4, "^$"),
    "zeros behind": (smf(FOUR + END) + bytes(70), 4, "^$"),
    "long header": (
        smf(FOUR + END).replace(b"\6\0", b"\x08\0").replace(b"MTrk", b"\0\0MTrk"),
        4,
        "^$",
    ),
    "running status after a meta event": (
        smf(FOUR[:-4] + meta(1, b"") + b"\x60\x41\0" + END),
        4,
        "^$",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_can_be_saved_is_read_and_the_rest_placed(name):
    data, n_notes, message = DAMAGED[name]
    (score,), told = read_pieces(data)
    assert score.notes["pitch"].tolist() == [60, 62, 64, 65, 67][:n_notes]
    assert re.search(message, told), told
    assert score.time_signatures.tolist() == [(0, 4, 4)]
    if name != "no ticks":
        assert score.notes["onset"].tolist() == [QUARTER * step for step in range(n_notes)]
    if name not in ("no ticks", "velocity 208", "pitch 200"):
        assert score.end == 4 * QUARTER


def test_a_broken_file_without_a_whole_note_is_refused():
    with pytest.raises(ScoreFileError, match=r"without a whole note: a data byte .* at byte 22"):
        read_pieces(smf(b"\0\x3c\x50" + FOUR + END))
    assert len(read_pieces(smf(END))[0][0].notes) == 0


def test_patterns_of_type_2_are_pieces_of_their_own():
    first = meta(3, b"One") + meta(0x58, b"\3\2\x18\x08") + FOUR + END
    second = meta(3, b"Two") + FOUR[:16] + END
    scores, told = read_pieces(smf(first, second, END, kind=2))
    assert [score.title for score in scores] == ["One", "Two"] and told == ""
    assert [len(score.notes) for score in scores] == [4, 2]
    assert [tuple(s.time_signatures[0])[1:] for s in scores] == [(3, 4), (4, 4)]
    assert [score.end for score in scores] == [6 * QUARTER, 4 * QUARTER]


def test_smpte_time_is_read_in_seconds():
    # 25 frames of 40 ticks: a thousand a second, so that 480 last .48 s.
    notes = b"\0\x90\x3c\x50\x83\x60\x3c\0\0\x3e\x50\x83\x60\x3e\0" + END
    (score,), told = read_pieces(smf(notes, division=0xE728))
    half = round(0.96 * QUARTER)
    assert score.notes[["onset", "duration"]].tolist() == [(0, half), (half, 2 * half - half)]
    assert "SMPTE time read as quarters of 0.5 s" in told
    tempo = meta(0x51, (480_000).to_bytes(3, "big"))
    (score,), told = read_pieces(smf(tempo + notes, division=0xE728))
    assert score.notes[["onset", "duration"]].tolist() == [(0, QUARTER), (QUARTER, QUARTER)]
    assert score.tempos.tolist() == [(0, 125.0)] and "quarters of 0.48 s" in told


def test_a_note_that_starts_before_the_last_one_ends_at_the_same_tick():
    track = bytes.fromhex("00903c50 60903c51 00803c00 60803c00") + END
    (score,), told = read_pieces(smf(track))
    assert score.notes[["onset", "duration", "velocity"]].tolist() == [
        (0, QUARTER, 80),
        (QUARTER, QUARTER, 81),
    ]
    assert told == ""


def test_channel_10_is_drums_where_drum_maps_have_its_notes():
    def part(pitch):
        track = bytes([0, 0x99, pitch, 80, 96, 0x89, pitch, 0]) + END
        return read_pieces(smf(track))[0][0].parts[0]

    assert part(35).percussion and part(81).percussion
    assert not part(100).percussion


# ---- jitter ---------------------------------------------------------------------------


def played(rows, division=480):
    """Make a file of (start, stop, pitch) in ticks."""
    events = sorted(
        [(stop, 0x80, pitch) for _, stop, pitch in rows]
        + [(start, 0x90, pitch) for start, _, pitch in rows]
    )
    track = mido.MidiTrack()
    before = 0
    for at, status, pitch in events:
        kind = "note_on" if status == 0x90 else "note_off"
        track.append(mido.Message(kind, note=pitch, time=at - before))
        before = at
    file = mido.MidiFile(ticks_per_beat=division)
    file.tracks.append(track)
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


def test_jitter_is_put_on_the_grid_that_explains_it():
    offs = [3, -4, 0, 5, -2, 1, -5, 4, 2, -1, 0, -3, 5, -5, 1, 3]
    rows = [(max(240 * i + off, 0), 240 * i + 225, 60 + i) for i, off in enumerate(offs)]
    (score,), told = read_pieces(played(rows))
    assert score.notes["onset"].tolist() == [QUARTER // 2 * i for i in range(16)]
    assert "times up to 5 ticks of the file off the grid of 2 a quarter put on it: 14" in told
    # Staccato is no jitter: notes end where they do, a 32nd before the eighth.
    assert (score.notes["duration"] == 225 * 21).all()


def sounded(content):
    """Read by mido: (tick, whether it begins, pitch) of each note, and the ticks of a quarter."""
    file, found = mido.MidiFile(file=io.BytesIO(content)), []
    for track in file.tracks:
        now = 0
        for message in track:
            now += message.time
            if message.type in ("note_on", "note_off"):
                begins = message.type == "note_on" and message.velocity > 0
                found.append((now, begins, message.note))
    return sorted(found), file.ticks_per_beat


def test_the_true_times_of_jittered_notes_are_kept():
    offs = [3, -4, 0, 5, -2, 1, -5, 4, 2, -1, 0, -3, 5, -5, 1, 3]
    ends = offs[5:] + offs[:5]
    rows = [
        (max(240 * i + off, 0), 240 * i + 236 + end, 60 + i % 5)
        for i, (off, end) in enumerate(zip(offs, ends, strict=True))
    ]
    content = played(rows)
    (score,), _ = read_pieces(content)
    assert score.timings[["onset", "pitch", "late"]].tolist()[:3] == [
        (0, 60, 3 * 21), (QUARTER // 2, 61, -4 * 21), (3 * QUARTER // 2, 63, 5 * 21),
    ]  # fmt: skip
    assert sounded(encode_midi(score, Report())) == sounded(content)
    higher = score.transpose(2)
    assert sounded(encode_midi(higher, Report())) == (
        [(at, begins, pitch + 2) for at, begins, pitch in sounded(content)[0]], 480,
    )  # fmt: skip
    rest = sounded(encode_midi(score[1:], Report()))[0]
    assert rest == sounded(played([(a - 1920, b - 1920, pitch) for a, b, pitch in rows[8:]]))[0]


def test_notes_that_end_a_tick_early_are_as_long_as_they_look():
    rows = [(480 * i, 480 * i + 479, 60 + i) for i in range(8)]
    (score,), told = read_pieces(played(rows))
    assert (score.notes["duration"] == QUARTER).all() and score.n_bars == 2
    assert "times up to 1 ticks of the file off" in told


def test_triplets_of_1024_ticks_are_exact():
    stops = [0, 341, 683, 1024, 1365, 1707, 2048]
    rows = [(*pair, 60) for pair in itertools.pairwise(stops)]
    (score,), _ = read_pieces(played(rows, division=1024))
    assert score.notes["onset"].tolist() == [3360 * i for i in range(6)]
    assert (score.notes["duration"] == 3360).all()


def test_a_performance_without_a_grid_keeps_its_times():
    generator = np.random.default_rng(0)
    starts = np.cumsum(generator.integers(60, 400, 60)).tolist()
    rows = [(start, start + 50, 60) for start in starts]
    (score,), told = read_pieces(played(rows))
    assert score.notes["onset"].tolist() == [21 * start for start in starts] and told == ""


def test_ornaments_between_the_grid_stay_where_they_are():
    rows = [(240 * i, 240 * i + 240, 60) for i in range(40)] + [(455, 480, 72)]
    (score,), told = read_pieces(played(rows))
    assert score.notes["onset"][score.notes["pitch"] == 72].tolist() == [455 * 21] and told == ""


def test_times_in_our_own_ticks_are_exact():
    rows = [(QUARTER * i, QUARTER * i + QUARTER - 1, 60) for i in range(8)]
    (score,), told = read_pieces(played(rows, division=QUARTER))
    assert (score.notes["duration"] == QUARTER - 1).all() and told == ""


# ---- marks ----------------------------------------------------------------------------


def words(*texts):
    """Make a track of syllables a quarter apart."""
    first, *rest = (bytes([0xFF, 5, len(text), *text]) for text in texts)
    return b"\0" + first + b"".join(b"\x60" + event for event in rest) + END


def test_lyrics_without_notes_go_to_the_part_that_starts_with_them():
    bass = bytes.fromhex("00913050 30803000".replace("80", "81")) * 8 + END
    lyrics = words(b"Twin", b"kle ", b"twin", b"kle ")
    for tracks in ([bass, FOUR + END, lyrics], [lyrics, bass, FOUR + END]):
        (score,), told = read_pieces(smf(*tracks))
        assert {score.parts[part].program for part in score.lyrics["part"]} == {0}
        melody = score.notes["part"][score.notes["pitch"] == 62][0]
        assert score.lyrics[["onset", "part"]].tolist() == [(QUARTER * i, melody) for i in range(4)]
        assert score.lyrics["text"].tolist() == ["Twin", "kle", "twin", "kle"]
        assert score.lyrics["syllabic"].tolist() == ["begin", "end", "begin", "end"] and told == ""


def test_lyrics_of_one_track_go_to_the_channel_that_sings_them():
    track = b"".join(
        bytes([0, 0xFF, 5, 2, 0x6C, 0x61, 0, 0x90, 60, 80, 0, 0x91, 48, 80])
        + bytes([48, 0x81, 48, 0, 0, 0x91, 50, 80, 48, 0x81, 50, 0, 0, 0x80, 60, 0])
        for _ in range(4)
    )
    (score,), _ = read_pieces(smf(track + END, kind=0))
    assert set(score.lyrics["part"].tolist()) == {0}
    swapped = bytes(b ^ 1 if 0x80 <= b < 0x92 else b for b in track)
    (score,), _ = read_pieces(smf(swapped + END, kind=0))
    assert set(score.lyrics["part"].tolist()) == {1}


E_MAJOR = [64, 66, 68, 71, 68, 66, 64, 63, 64, 68, 71, 73, 71, 68, 66, 64]


def test_a_c_major_that_the_notes_do_not_follow_is_left_out():
    def key(pitches, signature):
        notes = b"".join(bytes([0, 0x90, p, 80, 96, 0x80, p, 0]) for p in pitches)
        (score,), told = read_pieces(smf(meta(0x59, signature) + END, notes + END))
        return score.key_signatures.tolist(), told

    assert key(E_MAJOR, b"\0\0") == (
        [],
        "a key signature of C major that the notes do not follow left out",
    )
    assert key(E_MAJOR, b"\4\0") == ([(0, 4, 0)], "")
    assert key([p - 4 for p in E_MAJOR], b"\0\0") == ([(0, 0, 0)], "")
    # G major differs in one note of ten: the file is believed.
    assert key([p + 3 for p in E_MAJOR], b"\0\0") == ([(0, 0, 0)], "")


def test_mido_reads_what_is_written():
    (score,) = read_corpus("music21:bwv66.6")
    file = mido.MidiFile(file=io.BytesIO(encode_midi(score, Report())))
    found = []
    for index, track in enumerate(file.tracks[1:]):
        time, sounding = 0, {}
        for row in track:
            time += row.time
            if row.type == "note_on":
                sounding[row.note] = time
            elif row.type == "note_off":
                onset = sounding.pop(row.note)
                found.append((onset * 21, (time - onset) * 21, row.note, index))
    assert sorted(found) == sorted(score.notes[["onset", "duration", "pitch", "part"]].tolist())
    marks = [(row.type, row.dict()) for row in file.tracks[0] if row.is_meta]
    metres = [row for kind, row in marks if kind == "time_signature"]
    # The pickup of a quarter has a metre of its own.
    assert [(row["numerator"], row["denominator"]) for row in metres] == [(1, 4), (4, 4)]
    assert [row["key"] for kind, row in marks if kind == "key_signature"] == ["F#m"]


# ---- limits ---------------------------------------------------------------------------

MANY = {
    "notes": (b"\0\x90\x3c\x50" + b"\0\x3c\x50" * 1_000_000, "1,000,001 notes: at most"),
    "marks": (b"\0\xff\x05\0" * 200_001, "meta events and system messages: at most 200,000"),
    "keys": (b"\1\xff\x59\2\1\0" * 1001 + FOUR, "1,001 key signatures: at most 1,000"),
    "a number without end": (
        b"\xff" * 1_000_000,
        "a number of too many bytes in track 1 at byte 22",
    ),
}


@pytest.mark.parametrize("name", MANY)
def test_what_is_too_much_is_refused(name):
    track, message = MANY[name]
    with pytest.raises(ScoreFileError, match=message):
        read_pieces(smf(track + END))


def test_too_many_chunks_bytes_and_pieces_are_refused():
    with pytest.raises(ScoreFileError, match="65,536 chunks: at most 65,535"):
        read_pieces(smf(FOUR + END) + b"Junk\0\0\0\0" * 65_535)
    with pytest.raises(ScoreFileError, match="bytes of MIDI: at most"):
        read_pieces(smf(FOUR + END) + bytes(16 << 20))
    with pytest.raises(ScoreFileError, match="1,001 pieces: at most 1,000"):
        read_pieces(smf(*[FOUR[:8] + END] * 1001, kind=2))
