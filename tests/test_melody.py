"""Folk tunes: what is read of them, what is written, and that every wish holds."""

import io
import itertools

import numpy as np
import pytest

from stats_composer.cli import main
from stats_composer.composers.continuing import continue_phrase
from stats_composer.composers.folk import MelodyComposer
from stats_composer.composers.folk.balance import balance, held_shares
from stats_composer.composers.folk.form import Relation, copies, part_lengths, places, relate
from stats_composer.composers.folk.page import Bar, blank_tune, notes_table, written_notes
from stats_composer.composers.folk.plan import TuneTask
from stats_composer.composers.folk.style import Style
from stats_composer.composers.folk.training import train_tunes
from stats_composer.composers.folk.tune import (
    HOLD,
    KINDS,
    PART_BARS,
    code_pitch,
    melodies,
    read_phrase,
    read_tune,
)
from stats_composer.composers.folk.writer import TuneWriter
from stats_composer.constraints import (
    Contains,
    Density,
    InKey,
    MaxCopy,
    NoRepeat,
    Pin,
    Range,
    Rhythm,
)
from stats_composer.errors import (
    ConstraintError,
    EncodingError,
    ModelFileError,
    NotFittedError,
    ScoreError,
)
from stats_composer.factors import phased
from stats_composer.io import read, write
from stats_composer.io.abc import read_abc
from stats_composer.io.report import Report
from stats_composer.models.ngram import NGram
from stats_composer.ngrams import Repertoire
from stats_composer.score import (
    KEY_SIGNATURE_DTYPE,
    REPEAT_END,
    REPEAT_START,
    Score,
    make_notes,
    make_table,
    metre_of,
    played,
    unfold,
)
from stats_composer.theory import TICKS_PER_QUARTER, hear_tonic

QUARTER = TICKS_PER_QUARTER
JIG = (
    "X:1\nT:The Test (jig)\nM:6/8\nL:1/8\nK:Ador\n"
    "E|:A2B cBA|e2d efg|edB GAB|dBG A2B|A2B cBA|e2d efg|edB GAB|1 dBA A2E:|2 dBA A2e|\n"
    "|:a2g age|g2e edB|d2e gfe|dBG A2e|a2g age|(3fgf e d2B|d2e gfe|dBA A3:|\n"
)
WISHES = [
    Pin("melody", 3, 1, "B4"),
    Range("melody", "D4", "G5"),
    InKey(),
    Contains("melody", ["D5", "E5", "F#5", "G5"], bars=(5, 8)),
    NoRepeat("melody"),
    Density("melody", 4, 8),
]


@pytest.fixture(scope="module")
def composer():
    return MelodyComposer.bundled()


def parsed(text):
    return read_abc(text.encode(), Report())[0]


def abc(score):
    stream = io.BytesIO()
    write(score, stream, format="abc")
    return stream.getvalue().decode()


def is_whole(score):
    """Tell whether bars are full, repeats and endings in order, and the end on the tonic."""
    metre = score.time_signatures[0]
    full = metre_of(metre).bar
    lengths = np.diff(np.append(score.bars["onset"], score.end))
    repeat, ending = score.bars["repeat"], score.bars["ending"]
    signs = [s for r in repeat.tolist() for s in (r & REPEAT_START, r & REPEAT_END) if s]
    endings = ending[ending > 0].tolist()
    tonic = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    named = score.title.split(" in ")[1].split()[0]
    shift = named.count("#") - named.count("b")
    return (
        (lengths[bool(score.pickup) :] == full).all()
        and signs == [REPEAT_START, REPEAT_END] * (len(signs) // 2)
        and endings == [1, 2] * (len(endings) // 2)
        and score.notes["pitch"][-1] % 12 == (tonic[named[0]] + shift) % 12
        and (
            score.notes["onset"][1:] == (score.notes["onset"] + score.notes["duration"])[:-1]
        ).all()
    )


# ---- reading --------------------------------------------------------------------------------


def test_a_jig_is_read_as_a_musician_hears_it():
    tune = read_tune(parsed(JIG))
    assert (tune.kind.name, tune.tonic, tune.mode, tune.height) == ("jig", 3, "dorian", 69)
    assert tune.pickup.tolist() == [-6] and len(tune.parts) == 2
    assert tune.parts[0][0].tolist() == [0, HOLD, 2, 4, 2, 0]
    assert tune.turns.tolist() == [[2, 10, 12, 10, 8]]
    relation = relate(tune.bars, places([8, 8]), tune.kind)
    assert relation.tolist() == [-1, -1, -1, -1, 0, 0, 0, -1, -1, -1, -1, 5, 0, -1, 0, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (JIG.replace("6/8", "5/8"), "metre of 5/8"),
        (JIG.replace("A2B cBA", "[Ac]2B cBA"), "sound together"),
        (JIG.replace("|:a2g", "|:[M:3/4]a2g"), "a metre that changes"),
        ("X:1\nM:6/8\nL:1/8\nK:C\nCDE|C3|\n", "4 notes"),
        ("X:1\nM:4/4\nL:1/8\nK:C\nCDEFGABc|CDEFGABc|\n", "2 bars"),
    ],
)
def test_what_is_no_tune_says_why(text, message):
    with pytest.raises(EncodingError, match=message):
        read_tune(parsed(text))


def test_accents_tell_where_bars_begin():
    onset = QUARTER // 2 * np.arange(130)
    notes = make_notes(onset=onset, pitch=67 + np.arange(130) % 5, duration=QUARTER // 2)
    notes["velocity"][2::8] = 105
    tune = read_tune(Score(notes))
    assert len(tune.pickup) == 2 and [len(part) for part in tune.parts] == [8, 8]


def test_bars_come_back_where_they_may():
    place = places(part_lengths(20))
    assert place.tolist() == [*range(8), *range(8, 16), *range(12, 16)]
    assert copies(place, 12, Relation(4, True)) == 8
    assert copies(place, 3, Relation(4, True)) == -1
    assert copies(place, 9, Relation(8, True)) == 1


# ---- the law --------------------------------------------------------------------------------


def test_phases_leave_the_law_as_it_is():
    rng = np.random.default_rng(0)
    pieces = [np.arange(9) % 3 * 4 + rng.integers(0, 4, 9) for _ in range(6)]
    model = NGram(3, n_symbols=12).fit(pieces)
    kind = np.arange(4) % 3
    allowed = np.zeros((4, 3, 4), bool)
    allowed[np.arange(4), kind] = True
    automaton = phased(model.automaton(4, allowed.reshape(4, 12)), 4, kind)
    paths = np.array(list(itertools.product(range(4), repeat=4)))
    expected = model.score_samples(list(kind * 4 + paths))
    found = [automaton.log_weight_of(path) for path in paths]
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_style_holds_notes_as_often_as_its_tunes(composer):
    tunes = [read_tune(s) for s in composer.compose(dance="polka", random_state=2, n=24)]
    kind = tunes[0].kind
    found, before = held_shares(Style(kind).fit(tunes), tunes)
    same, after = held_shares(balance(Style(kind).fit(tunes), tunes), tunes)
    for name in ("cluster", "place"):
        assert (found[name] == same[name]).all()
        off = [np.abs(found[name] - e[name])[:, 1:].sum() for e in (before, after)]
        assert off[1] < off[0] / 2


# ---- composing ------------------------------------------------------------------------------


@pytest.mark.parametrize("dance", ["reel", "jig", "hornpipe", "slip jig", "slide", "polka"])
def test_tunes_of_every_dance_are_whole(composer, dance):
    for score in composer.compose(dance=dance, random_state=1, n=2):
        assert is_whole(score)
        assert tuple(score.time_signatures[0].tolist()[1:]) == KINDS[dance].metre
        assert score.differences(parsed(abc(score))) == []
        second = int((score.bars["ending"] == 2).sum())
        assert score.n_bars - bool(score.pickup) - second == 16
        assert read_tune(score).kind.name == dance


def test_the_same_seed_writes_the_same_bytes(composer):
    one, two = (composer.compose(random_state=5, n=2, n_jobs=jobs) for jobs in (1, 2))
    assert list(map(abc, one)) == list(map(abc, two)) and abc(one[0]) != abc(one[1])


@pytest.mark.parametrize("bars", [1, 4, 11, 24])
def test_any_number_of_bars(composer, bars):
    score = composer.compose(dance="jig", bars=bars, key="D", random_state=0)
    second = int((score.bars["ending"] == 2).sum())
    assert score.n_bars - bool(score.pickup) - second == bars and is_whole(score)


def test_keys_metres_and_tempos_are_as_asked(composer):
    score = composer.compose(time_signature="6/8", key="B dorian", tempo=150, random_state=0)
    assert score.title == "Jig in B dorian" and score.tempos["quarters_per_minute"][0] == 150
    assert score.key_signatures[0].tolist() == (0, 3, -1)


def test_wishes_hold_together(composer):
    for score in composer.compose(key="G", constraints=WISHES, random_state=0, n=2):
        assert [text for wish in WISHES for text in wish.violations(score)] == []
        assert is_whole(score) and score.bars["ending"].max() == 0


def test_rhythms_hold_in_a_lilt(composer):
    wish = Rhythm("melody", durations=[1.5, 0.5, 1, 1], bars=(5, 8))
    score = composer.compose(dance="hornpipe", key="D", constraints=[wish], random_state=0)
    assert wish.violations(score) == []


def test_a_lilt_with_ornaments_is_read_as_it_was_drawn():
    kind, pickup = KINDS["hornpipe"], 1
    line = 2 * (2 + np.arange(pickup + 8 * kind.n_steps) % 5)
    line[[2, 6, 11]] = HOLD
    turns = [np.zeros(0, np.int64)] * len(line)
    for step, codes in ((3, [14]), (5, [12, 16]), (8, [6]), (14, [2])):
        turns[step] = np.array(codes)
    page = blank_tune(kind, (0, "major"), pickup, [Bar(line[:0])] * 8, 90)
    rows = written_notes(kind, line, pickup, turns, lambda code: code_pitch(code, "major", 60))
    score = page.replace(notes=notes_table(rows, page))
    starts = [onset / kind.step for onset, *_ in rows]
    assert starts[:4] == [0, 1, 3, 3.5]
    assert starts[4:9] == [4, 5, 5 + 2 / 3, 6 + 1 / 3, 7] and starts[9:12] == [8, 8.5, 9]
    again, _, upbeat, _ = read_phrase(score)
    assert read_phrase(score.replace(rhythm="Reel"))[0] == KINDS["reel"]
    pitch, tick = heard(score)[1]
    at = np.flatnonzero(line != HOLD)
    ticks = (at - pickup) * kind.step
    assert again == kind and upbeat == pickup and tick.tolist() == ticks.tolist()
    assert pitch.tolist() == [code_pitch(code, "major", 60) for code in line[at].tolist()]


def test_a_note_longer_than_a_beat_leaves_the_next_in_its_place():
    kind = KINDS["hornpipe"]
    line = np.array([0, HOLD, HOLD, 2, 4, 2, 0, HOLD])
    rows = written_notes(kind, line, 0, (), lambda code: code)
    eighth = kind.step
    assert [onset / eighth for onset, *_ in rows] == [0, 3, 4, 5.5, 6]
    assert [length / eighth for _, length, _ in rows] == [3, 1, 1.5, 0.5, 2]


@pytest.mark.parametrize(
    ("notes", "signature", "expected"),
    [
        ("ABcd ecAB cdef gece aged cAcA", 0, (3, "minor")),  # a sixth that is flat
        ("ABcd ecAB cd^fe gece a^fed cAcA", 0, (3, "dorian")),  # in spite of the signature
        ("DEFA dAFA defd edcA dAFA GFED D2D2", 2, (2, "major")),
        ("DEFA dAFA d=cAF GABA dAFA G=cAF D2D2", 2, (2, "mixolydian")),
        ("DEFA dAFA defd edcA dAFA GFED D2D2", 1, (2, "major")),  # with its own c sharp
    ],
)
def test_the_mode_is_that_of_the_notes(notes, signature, expected):
    score = parsed(f"X:1\nM:4/4\nL:1/8\nK:{('C', 'G', 'D')[signature]}\n{notes}|\n")
    pitch = score.notes["pitch"].astype(np.int64)
    if signature == 1:  # all c as in D
        pitch[pitch % 12 == 0] += 1
    assert hear_tonic(signature, pitch, score.notes["onset"], 4 * QUARTER) == expected


def test_slides_are_written_as_they_are_played_and_name_their_rhythm(composer):
    tunes = composer.compose(dance="slide", random_state=0, n=8)
    assert sum(bool(tune.bars["repeat"].any()) for tune in tunes) <= 2
    assert all("\nR:slide\n" in abc(tune) for tune in tunes)
    assert {parsed(abc(tune)).rhythm for tune in tunes} == {"slide"}


def test_wishes_that_conflict_are_named(composer):
    wishes = [Pin("melody", 3, 1, "B4"), Range("melody", "C5", "G5", bars=3), InKey()]
    with pytest.raises(ConstraintError) as caught:
        composer.compose(key="G", constraints=wishes, random_state=0)
    assert caught.value.conflict == tuple(map(str, wishes[:2]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dance": "tango"}, "dance 'tango': expected one of reel"),
        ({"time_signature": "5/4"}, "time signature 5/4: this style has 12/8"),
        ({"dance": "jig", "time_signature": "4/4"}, "a jig is in 6/8"),
        ({"bars": 0}, "0 bars"),
    ],
)
def test_what_the_style_does_not_know_is_said(composer, options, message):
    with pytest.raises(ConstraintError, match=message):
        composer.compose(random_state=0, **options)


def runs(pitch, tick, n):
    moves = list(zip(np.diff(pitch).tolist(), np.diff(tick).tolist(), strict=True))
    return {tuple(moves[i : i + n]) for i in range(len(moves) - n + 1)}


def heard(score):
    """Return the pitches and ticks of a tune as played, with and without ornaments."""
    tune = read_tune(score)
    return melodies(tune.heard, tune.kind)


def raw(score):
    """Return the pitches and ticks of a tune's notes as they stand, repeats included."""
    index, onset = played(score)
    return score.notes["pitch"][index].astype(np.int64), onset


@pytest.mark.parametrize(("most", "wishes"), [(12, []), (8, []), (7, [MaxCopy(7)])])
def test_no_tune_copies_more_than_it_may(composer, tmp_path, most, wishes):
    composer.save(tmp_path / "again.npz")
    again = MelodyComposer.load(tmp_path / "again.npz")
    again.max_copy = 12 if wishes else most
    learned = [pair for style in again.styles_.values() for pair in style.melodies()]
    known = set().union(*(runs(*pair, most) for pair in learned))
    for dance in ("slip jig", "polka", "hornpipe"):
        n = 3 if wishes else 12
        for score in again.compose(dance=dance, constraints=wishes, random_state=3, n=n):
            score = score.transpose(2)
            for line in (raw(score), *heard(score)):
                assert known.isdisjoint(runs(*line, most))


def test_no_repeat_and_no_first_ending_is_where_a_copy_goes_on(composer):
    style = composer.styles_["polka"]
    task = TuneTask(style, (1, "major"), 67, [8, 8], 2, style.tempo_)
    known, tried = {}, []
    for seed in range(12):
        score = TuneWriter(task, Repertoire([]), known).write(np.random.default_rng(seed))
        pitch, tick = raw(score)
        back = task.span(PART_BARS).start * style.kind.step  # A part begins again.
        first = int(np.searchsorted(tick, back)) - 9
        copied = pitch[first : first + 13], tick[first : first + 13]
        tried.append((score.bars["ending"] == 1).any())
        corpus = Repertoire([copied])
        assert corpus.first_copy(12, pitch, tick) >= 0
        other = TuneWriter(task, corpus, known).write(np.random.default_rng(seed))
        assert corpus.first_copy(12, *raw(other)) == -1
    assert {True, False} == set(map(bool, tried))


def test_ornaments_that_make_a_copy_too_long_are_left_out(composer):
    style = composer.styles_["hornpipe"]
    task = TuneTask(style, (1, "major"), 67, [8, 8], 0, style.tempo_)
    known, kept = {}, 0
    for seed in range(4):
        score = TuneWriter(task, Repertoire([]), known).write(np.random.default_rng(seed))
        (pitch, tick), (plain, _) = heard(score)
        between = np.flatnonzero(tick % style.kind.step)
        first = int(between[len(between) // 2]) - 6
        corpus = Repertoire([(pitch[first : first + 13], tick[first : first + 13])])
        other = TuneWriter(task, corpus, known).write(np.random.default_rng(seed))
        ornate, bare = heard(other)
        assert corpus.first_copy(12, *ornate) == -1 and bare[0].tolist() == plain.tolist()
        kept += len(ornate[0]) - len(bare[0])
        assert len(ornate[0]) < len(pitch)
    assert kept > 40


def test_a_tune_that_does_not_end_on_its_tonic_is_drawn_again(composer, monkeypatch):
    style = composer.styles_["polka"]
    writer = TuneWriter(TuneTask(style, (1, "major"), 67, [8, 8], 2, style.tempo_), Repertoire([]))
    draw, drawn = writer._line, []

    def off_at_first(tokens, rng):
        line = draw(tokens, rng)
        line[np.flatnonzero(line)[-1]] += 2 * (not drawn)
        drawn.append(line)
        return line

    monkeypatch.setattr(writer, "_line", off_at_first)
    assert is_whole(writer.write(np.random.default_rng(0))) and len(drawn) == 2


# ---- learning -------------------------------------------------------------------------------


def test_a_composer_learns_saves_and_loads(tmp_path, composer):
    folder = tmp_path / "tunes"
    folder.mkdir()
    for i, score in enumerate(composer.compose(dance="jig", random_state=9, n=6)):
        write(score, folder / f"{i}.musicxml")
    (folder / "bad.abc").write_text("X:1\nM:5/8\nL:1/8\nK:C\n" + "CDEFG|" * 8 + "\n")
    paths = [tmp_path / "one.npz", tmp_path / "two.npz"]
    for path in paths:
        trained = train_tunes(folder, exclude=["5.musicxml"], licence="CC0")
        trained.save(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert trained.manifest_["left_out"].keys() == {"5.musicxml", "bad.abc"}
    assert len(trained.manifest_["files"]) == 5 and trained.manifest_["licence"] == "CC0"
    loaded = MelodyComposer.load(paths[0])
    loaded.max_copy = trained.max_copy = 40
    ours, theirs = (model.compose(random_state=0, key="D") for model in (trained, loaded))
    assert abc(ours) == abc(theirs) and is_whole(ours)


def test_models_that_are_none_are_refused(tmp_path):
    with pytest.raises(NotFittedError, match="no styles"):
        MelodyComposer().compose()
    with pytest.raises(ScoreError, match="no scores"):
        MelodyComposer().fit([])
    (tmp_path / "x.npz").write_bytes(b"nothing")
    with pytest.raises(ModelFileError, match=r"x\.npz"):
        MelodyComposer.load(tmp_path / "x.npz")


# ---- continuing -----------------------------------------------------------------------------

PHRASE = "X:1\nT:Phrase\nM:6/8\nL:1/8\nK:Ador\nE|A2B cBA|e2d efg|edB GAB|dBG A2|\n"


def keeps(phrase, longer):
    inside = longer.notes[: len(phrase.notes)]
    return (inside == phrase.notes).all() and (
        longer.notes["onset"][len(phrase.notes) :] >= phrase.end
    ).all()


@pytest.mark.parametrize("seed", range(3))
def test_a_phrase_goes_on_in_its_own_style(seed):
    phrase = parsed(PHRASE)
    longer = continue_phrase(phrase, bars=4, random_state=seed)
    assert keeps(phrase, longer) and longer.n_bars == phrase.n_bars + 4
    assert set(longer.notes["pitch"].tolist()) <= set(phrase.notes["pitch"].tolist())
    assert longer.notes["pitch"][-1] == 69 and longer.title == "Phrase"
    assert longer == continue_phrase(phrase, bars=4, random_state=seed)


def test_voices_go_on_together():
    onset = QUARTER * np.arange(16)
    top = make_notes(onset=onset, pitch=[72, 74, 76, 77, 79, 77, 76, 74] * 2)
    low = make_notes(onset=onset[::2], pitch=[48, 53, 55, 50] * 2, duration=2 * QUARTER, part=1)
    keys = make_table(KEY_SIGNATURE_DTYPE, [(0, 0, 0)])
    phrase = Score(np.concatenate([top, low]), key_signatures=keys)
    longer = continue_phrase(phrase, bars=3, random_state=2)
    inside = [longer.notes[longer.notes["part"] == part] for part in (0, 1)]
    assert all((n[:k] == p).all() for n, k, p in zip(inside, (16, 8), (top, low), strict=True))
    chords = {(48, 72), (53, 76), (55, 79), (50, 76)}
    last = tuple(int(notes["pitch"][-1]) for notes in inside[::-1])
    assert longer.n_bars == 7 and last in chords and last[0] == 48


def test_chord_symbols_go_on_where_the_phrase_would_have_them():
    # Each pitch has one chord, which changes at bar lines alone: so it has in the new bars.
    body = "M:3/4\nL:1/4\nK:C\n" + '"C"c3|"F"f3|"G"g3|"C"c3|' * 3
    phrase = parsed("X:1\n" + body + "\n")
    longer = continue_phrase(phrase, bars=8, random_state=1)
    assert longer.chords[: len(phrase.chords)].tolist() == phrase.chords.tolist()
    assert (longer.chords["onset"] % (3 * 10080) == 0).all()
    named = {72: "C", 77: "F", 79: "G"}
    new = longer.notes[longer.notes["onset"] >= phrase.end]
    for note in new:
        assert (
            str(longer.mark_at("chords", int(note["onset"]))["symbol"]) == named[int(note["pitch"])]
        )


def test_a_phrase_goes_on_as_a_tune(composer):
    phrase = parsed(PHRASE)
    longer = composer.continue_tune(phrase, bars=4, random_state=1)
    assert keeps(phrase, longer) and longer.n_bars == 9 and longer.notes["pitch"][-1] % 12 == 9
    assert read_phrase(phrase)[1] == (3, "dorian")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("M:4/4\nL:1/8\nK:C\nC8|", "one note"),
        ("M:4/4\nL:1/8\nK:C\nz8|", "no notes"),
        ("M:none\nL:1/8\nK:C\nC13/11D17/23E5/7F3/13G|", "no metre"),
        ("M:4/4\nL:1/8\nK:C\n[CE]4 [DF]4|", "chords within"),
    ],
)
def test_phrases_that_cannot_go_on(body, message):
    with pytest.raises(EncodingError, match=message):
        continue_phrase(parsed("X:1\n" + body + "\n"))


# ---- the shell ------------------------------------------------------------------------------


def run(*arguments, status=0):
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert stop.value.code == status


def test_the_shell_composes_tunes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run("compose", "--style", "folk", "--dance", "polka", "--seed", 1)
    run("compose", "--style", "folk", "--dance", "polka", "--seed", 1)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        f"{stem}{s}" for stem in ("tune", "tune-2") for s in (".abc", ".mid", ".musicxml")
    }
    assert read("tune.musicxml") == read("tune.abc") == read("tune-2.abc")
    assert read("tune.mid").n_bars == unfold(read("tune.abc")).n_bars > 32
    run("continue", "tune.abc", "--bars", 2, "--seed", 0, "-o", "own.musicxml")
    run("continue", "tune.abc", "--bars", 2, "--seed", 0, "--style", "folk", "-o", "folk.abc")
    assert read("folk.abc").n_bars == read("tune.abc").n_bars + 2
    assert "tune.abc" in capsys.readouterr().out


def test_the_shell_says_in_a_line_what_is_wrong(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.abc").write_text("X:1\nM:4/4\nL:1/8\nK:C\nC8|\n")
    for arguments, message in [
        (("compose", "--style", "folk", "--dance", "tango"), "dance 'tango'"),
        (("continue", "one.abc"), "one.abc: one note"),
        (("continue", "one.abc", "--style", "chorale"), "one.abc: a score of 1 voices"),
    ]:
        run(*arguments, status=1)
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
    run("compose", "--dance", "jig", status=2)
    run("compose", "--key", "A dorian", status=2)
