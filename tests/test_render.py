"""Pictures and sound: what they hold, that they repeat, and that they need no network."""

import base64
import io
import re
import wave
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from stats_composer.errors import ScoreError, ScoreFileError
from stats_composer.render import (
    engrave,
    piano_roll,
    rasterize,
    save_engraving,
    save_piano_roll,
    score_html,
    synthesize,
    wav_bytes,
)
from stats_composer.score import (
    CHORD_DTYPE,
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
from stats_composer.theory import MAJOR, TICKS_PER_QUARTER

QUARTER = TICKS_PER_QUARTER


@pytest.fixture(scope="module")
def score():
    onset = np.repeat(np.arange(4) * QUARTER, 2)
    notes = make_notes(onset=onset, pitch=[74, 50, 73, 57, 76, 49, 74, 50], part=[0, 1] * 4)
    return Score(
        notes,
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(0, 2, MAJOR)]),
        tempos=make_table(TEMPO_DTYPE, [(0, 90.0)]),
        chords=make_table(CHORD_DTYPE, [(0, "D"), (2 * QUARTER, "F#m7"), (3 * QUARTER, "Bb")]),
        fermatas=make_table(FERMATA_DTYPE, [(3 * QUARTER, 0, 0)]),
        lyrics=make_table(LYRIC_DTYPE, [(0, 0, 0, 1, "single", "Schön & gut")]),
        parts=(Part("Soprano", 52), Part("Bass", 52)),
        title="Ein <Lied>",
    )


def empty():
    return Score(make_notes(onset=[], pitch=[]))


def texts(svg):
    """All words of an SVG."""
    return " ".join("".join(ET.fromstring(svg).itertext()).split())


def test_an_engraving_has_notes_words_and_marks(score):
    (svg,) = engrave(score)
    assert len(re.findall(r'class="note[ "]', svg)) == 8
    assert len(re.findall(r'class="fermata[ "]', svg)) == 1
    words = texts(svg)
    for word in ("Soprano", "Bass", "Schön & gut", "Ein <Lied>", "F♯m7", "B♭", "♩", "= 90"):
        assert word in words, word


def test_an_engraving_keeps_no_letter_of_a_private_font(score):
    (svg,) = engrave(score)
    assert not [letter for letter in svg if "\ue000" <= letter <= "\uf8ff"]
    assert "Leipzig" not in svg


def test_a_tempo_is_printed_by_the_beats_of_its_metre(score):
    jig = make_table(TIME_SIGNATURE_DTYPE, [(0, 6, 8)])
    for tempo, printed in ((90.0, "♩. = 60"), (91.0, "♩ = 91")):
        tempos = make_table(TEMPO_DTYPE, [(0, tempo)])
        (svg,) = engrave(score.replace(time_signatures=jig, tempos=tempos))
        assert printed in texts(svg)


def test_an_engraving_repeats_to_the_byte(score):
    assert engrave(score) == engrave(score)


def test_a_long_score_is_one_tall_page(score):
    onset = np.arange(120) * 4 * QUARTER
    (svg,) = engrave(Score(make_notes(onset=onset, duration=4 * QUARTER, pitch=60)))
    height = float(re.search(r'height="([\d.]+)px"', svg)[1])
    assert height > 800


def test_nothing_to_engrave():
    with pytest.raises(ScoreError, match="engrave: the score has no notes"):
        engrave(empty())
    with pytest.raises(ScoreError, match="piano roll: the score has no notes"):
        piano_roll(empty())


def ink(png, columns=slice(None), rows=slice(None)):
    """Share of dark pixels in a part of a picture."""
    from matplotlib.image import imread

    grey = imread(io.BytesIO(png))[..., :3].mean(axis=2)
    height, width = grey.shape
    part = grey[
        int(height * (rows.start or 0)) : int(height * (rows.stop or 1)),
        int(width * (columns.start or 0)) : int(width * (columns.stop or 1)),
    ]
    return float((part < 0.5).mean())


def test_a_png_has_its_words_drawn(score):
    (svg,) = engrave(score)
    png = rasterize(svg)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    wordless = re.sub(r"<text.*?</text>", "", svg, flags=re.DOTALL)
    assert ink(png) > ink(rasterize(wordless)) * 1.05 > 0
    for word in ("Ein &lt;Lied&gt;", "Soprano", "gut", "m7", "♯", "♭"):
        assert word in svg
        assert ink(rasterize(svg.replace(word, "", 1))) < ink(png), word
    missing = rasterize(svg.replace("♩", "\ue999"))  # of no font: a box
    assert len({png, missing, rasterize(svg.replace("♩", ""))}) == 3


def test_pictures_are_saved_by_suffix(score, tmp_path):
    assert save_engraving(score, tmp_path / "a.svg") == [tmp_path / "a.svg"]
    assert ET.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    save_engraving(score, tmp_path / "a.PNG")
    for name in ("roll.svg", "roll.png"):
        path = save_piano_roll(score, tmp_path / name)
        first = path.read_bytes()
        save_piano_roll(score, tmp_path / name)
        assert path.read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.PNG",
        "a.svg",
        "roll.png",
        "roll.svg",
    ]


def test_pictures_that_cannot_be_saved(score, tmp_path):
    with pytest.raises(ScoreFileError, match=r"a\.pdf: expected a name that ends in \.svg"):
        save_engraving(score, tmp_path / "a.pdf")
    with pytest.raises(ScoreFileError, match=r"a\.svg: No such file or directory"):
        save_engraving(score, tmp_path / "missing" / "a.svg")
    with pytest.raises(ScoreFileError, match=r"roll\.gif: expected"):
        save_piano_roll(score, tmp_path / "roll.gif")
    assert not list(tmp_path.iterdir())


def test_a_roll_has_a_bar_for_each_note(score):
    figure = piano_roll(score)
    (axes,) = figure.axes
    assert [len(item.get_paths()) for item in axes.collections] == [4, 4]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Soprano", "Bass"]
    assert axes.get_title() == "Ein <Lied>"


def test_sound_has_the_pitch_and_the_tempo(score):
    tone = Score(make_notes(onset=[QUARTER], pitch=[69]), tempos=make_table(TEMPO_DTYPE, [(0, 60)]))
    sound = synthesize(tone, sample_rate=8000)
    assert not sound[:7900].any() and abs(sound).max() == pytest.approx(0.8)
    spectrum = abs(np.fft.rfft(sound[8000:16000]))
    assert np.argmax(spectrum) == 440
    assert not synthesize(empty()).any()
    assert len(synthesize(tone, sample_rate=8000, limit=1.5)) == int(8000 * 1.58)


def test_the_highest_notes_do_not_alias():
    sound = synthesize(Score(make_notes(onset=[0], pitch=[127])), sample_rate=32000)
    assert np.argmax(abs(np.fft.rfft(sound[:16000]))) * 2 == pytest.approx(12544, abs=4)
    assert not synthesize(Score(make_notes(onset=[0], pitch=[127])), sample_rate=16000).any()


def test_a_wav_can_be_read(score):
    with wave.open(io.BytesIO(wav_bytes(score))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16000)
        assert file.getnframes() / 16000 == pytest.approx(4 * 60 / 90 + 0.08, abs=0.01)


def test_a_notebook_shows_picture_and_sound_without_a_network(score):
    html = score_html(score)
    assert html == score._repr_html_()
    assert "<svg" in html and "Ein &lt;Lied&gt;" in html
    sound = re.search(r'src="data:audio/wav;base64,([^"]+)"', html)[1]
    assert base64.b64decode(sound) == wav_bytes(score)
    addresses = set(re.findall(r"\w+://[^\"' <]+", html))
    assert {address.split("/")[2] for address in addresses} <= {"www.w3.org"}
    assert not re.findall(r"(?:href|src)=\"(?!#|data:)", html)
    assert "0 notes" in score_html(empty())
