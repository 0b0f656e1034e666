"""Constraints: compiled against their own violations, contradictions, text, places."""

import doctest
import importlib
import itertools
import json
import time
from dataclasses import dataclass, field, replace

import jsonschema
import numpy as np
import pytest
from enumerate import chi_square_p, law
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stats_composer.constraints import (
    Cadence,
    Changes,
    ChordAt,
    Contains,
    Density,
    InKey,
    MaxCopy,
    NoCrossing,
    NoParallels,
    NoRepeat,
    Pin,
    PinVoice,
    Range,
    Rhythm,
    Similar,
    check_feasible,
    compile_constraints,
    dump_constraints,
    from_json,
    json_schema,
    load_constraints,
    onsets_asked,
    parse_chord_flag,
    parse_constraints,
    parse_pin_flag,
    parse_range_flag,
    schema_path,
    to_json,
)
from stats_composer.encoding import Alphabet, GridFrame
from stats_composer.errors import ConstraintError
from stats_composer.factors import ParallelMotion, find_grid
from stats_composer.sampling.chain import Chain
from stats_composer.score import (
    BAR_DTYPE,
    KEY_SIGNATURE_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Part,
    Score,
    bar_onsets,
    make_notes,
    make_table,
)
from stats_composer.theory import (
    QUALITIES,
    TICKS_PER_QUARTER,
    Metre,
    chord_symbols,
    parse_chord,
)
from stats_composer.theory import keys as theory
from stats_composer.views import HOLD, REST

QUARTER = TICKS_PER_QUARTER
CHOIR = (("soprano", 60, 79), ("alto", 55, 74), ("tenor", 48, 69), ("bass", 40, 62))


# ---- pages, grids and scores --------------------------------------------------------------


def make_page(n_bars=4, metre=(4, 4), pickup=0, key=(0, 0), names=("Soprano",)):
    metres = make_table(TIME_SIGNATURE_DTYPE, [(0, *metre)])
    end = pickup + n_bars * Metre(*metre).bar
    return Score(
        make_notes(onset=[], pitch=[], duration=[]),
        time_signatures=metres,
        bars=make_table(BAR_DTYPE, onset=bar_onsets(metres, end, pickup or None)),
        key_signatures=make_table(KEY_SIGNATURE_DTYPE, [(0, *key)]),
        parts=tuple(Part(name) for name in names),
        end=end,
    )


def choir(step=QUARTER // 2, hold=False, shift=0, **page):
    """Return a frame of four voices and a context voice."""
    marks = [HOLD, REST] if hold else [REST]
    lines = [Alphabet.of(marks + list(range(low, high + 1)), name) for name, low, high in CHOIR]
    names = [name.title() for name, *_ in CHOIR]
    return GridFrame(
        make_page(names=names, **page), step, (*lines, Alphabet.of(range(8))), 4, shift
    )


def tiny(entries=(REST, 60, 62, 64), n_lines=1, n_bars=2, metre=(2, 4)):
    """Return a frame small enough to list all its grids: quarters in bars of 2/4."""
    names = [name for name, *_ in CHOIR[:n_lines]]
    lines = tuple(Alphabet.of(entries, name) for name in names)
    page = make_page(n_bars, metre, names=[name.title() for name in names])
    return GridFrame(page, QUARTER, lines, n_lines)


def write(frame, grid, asked, onset=None):
    """Write a grid as a score; onsets beyond the changes are settled as constraints ask."""
    pitch = np.full((frame.n_steps, frame.n_lines), REST)
    struck = np.zeros(pitch.shape, bool)
    hold = np.zeros(pitch.shape, bool)
    for v in range(frame.n_lines):
        entries = frame.alphabets[v].entries[grid[:, v]]
        for t, entry in enumerate(entries):
            hold[t, v] = entry == HOLD
            held = pitch[t - 1, v] if t else REST
            pitch[t, v] = held if hold[t, v] else entry + frame.shift if entry >= 0 else REST
            struck[t, v] = entry >= 0
    if not any(HOLD in alphabet.entries for alphabet in frame.alphabets[: frame.n_lines]):
        proposed = np.zeros(pitch.shape, bool) if onset is None else onset
        struck = asked.settle(pitch, proposed)
    rows = []
    for v in range(frame.n_lines):
        starts = [
            t
            for t in range(frame.n_steps)
            if struck[t, v] or t == 0 or pitch[t, v] != pitch[t - 1, v]
        ]
        for t, stop in zip(starts, [*starts[1:], frame.n_steps], strict=True):
            if pitch[t, v] >= 0:
                end = min(stop * frame.step, frame.page.end)
                rows.append((t * frame.step, end - t * frame.step, pitch[t, v], v))
    onsets, durations, pitches, parts = zip(*rows, strict=True) if rows else ([],) * 4
    return frame.page.replace(
        notes=make_notes(onset=onsets, duration=durations, pitch=pitches, part=parts)
    )


def tiny_grids(frame):
    rows = list(itertools.product(*(range(n) for n in frame.n_symbols)))
    return np.array(list(itertools.product(rows, repeat=frame.n_steps)), np.int64)


# ---- what is compiled is what is checked --------------------------------------------------

ONE_VOICE = [
    [Pin(0, 1, 2, "D4")],
    [Pin(0, 1, 2, "D4", 2)],
    [Pin(0, 1, 1, "rest", 2)],
    [PinVoice(0, [(1, 1, "C4", 3), (2, 2, "C4", 1)])],
    [PinVoice(0, [(1, 2, "D4", 1)], bars=1)],
    [PinVoice(0, [(1, 1, "D4", 1), (2, 1, "E4", 2, True)], bars=2)],
    [Similar(0, [(1, 1, "C4", 2), (1, 1, "D4", 1)][:1], bars=1, weight=-np.inf)],
    [Range(0, "D4", "E4", bars=2)],
    [Range(0, "D4", "E4")],
    [InKey(key="Eb minor")],
    [InKey(key="Bb major", bars=1)],
    [ChordAt(1, 2, "D:(1)", 2)],
    [Changes([(1, 1, "C"), (1, 2, "N"), (2, 1, "G7")])],
    [Rhythm(0, onsets=[1])],
    [Rhythm(0, onsets=[2])],
    [Rhythm(0, onsets=[1, 2], bars=2)],
    [Rhythm(0, durations=[1, 2])],
    [Rhythm(0, durations=[-1, 1], bars=1)],
    [Rhythm(0, durations=[3, -1])],
    [Contains(0, ["D4", "E4"])],
    [Contains(0, ["C4", "D4", "C4", "E4"])],
    [Contains(0, ["D4"], bars=2)],
    [Contains(0, intervals=[2])],
    [Contains(0, intervals=[2, -2])],
    [Contains(0, intervals=[2], bars=2)],
    [NoRepeat(0)],
    [NoRepeat(0, 2)],
    [Density(0, 1, 1)],
    [Density(0, 2)],
    [Density(0, 0, 1, bars=2)],
    [NoRepeat(0), Rhythm(0, onsets=[1, 2])],
    [Density(0, 2), Rhythm(0, onsets=[1, 2], bars=1)],
    [Pin(0, 1, 1, "D4", 1), Pin(0, 1, 2, "D4", 1), NoRepeat(0, 2)],
    [Contains(0, ["D4", "E4"]), Rhythm(0, durations=[2])],
]


@pytest.mark.parametrize("hold", [False, True], ids=["sounding", "hold"])
@pytest.mark.parametrize("constraints", ONE_VOICE, ids=lambda c: "+".join(map(str, c)))
def test_a_voice_is_allowed_exactly_where_it_breaks_nothing(constraints, hold):
    frame = tiny((HOLD, REST, 60, 62, 64) if hold else (REST, 60, 62, 64))
    factors = compile_constraints(constraints, frame)
    asked = onsets_asked(constraints, frame)
    grids = tiny_grids(frame)
    allowed = np.array([factors.log_weight(grid) > -np.inf for grid in grids])
    fine = np.array(
        [
            not any(c.violations(score) for c in constraints)
            for score in (write(frame, grid, asked) for grid in grids)
        ]
    )
    if hold and any(isinstance(c, Rhythm | Pin | PinVoice) for c in constraints):
        # A rest may also be written as a new rest where nothing may start.
        assert not (allowed & ~fine).any()
        assert {sounds(frame, g) for g in grids[allowed]} == {sounds(frame, g) for g in grids[fine]}
    else:
        np.testing.assert_array_equal(allowed, fine)
    assert allowed.any()
    repeats_are_struck = hold or not isinstance(constraints[0], NoRepeat) or len(constraints) > 1
    assert not allowed.all() or not repeats_are_struck


def sounds(frame, grid):
    """Return what a grid with HOLD sounds, as notes."""
    notes = write(frame, grid, None).notes
    return tuple((int(n["onset"]), int(n["duration"]), int(n["pitch"])) for n in notes)


TWO_VOICES = [
    [NoCrossing()],
    [ChordAt(1, 1, "C", 2)],
    [ChordAt(1, 1, "C/E")],
    [Changes([(1, 1, "C/E")])],
    [Cadence(beat=2, key="C major")],
    [Cadence(beat=2, kind="perfect", key="C major")],
    [Cadence(beat=2, kind="half", key="F major")],
    [Cadence(beat=2, kind="deceptive", key="A minor")],
    [NoCrossing(), Rhythm("alto", onsets=[1])],
    [InKey(voices=["alto"], key="F# major")],
]


@pytest.mark.parametrize("constraints", TWO_VOICES, ids=lambda c: "+".join(map(str, c)))
def test_two_voices_are_allowed_exactly_where_they_break_nothing(constraints):
    frame = tiny((REST, 60, 64, 65, 67), n_lines=2, n_bars=1)
    factors = compile_constraints(constraints, frame)
    asked = onsets_asked(constraints, frame)
    grids = tiny_grids(frame)
    allowed = [factors.log_weight(grid) > -np.inf for grid in grids]
    scores = [write(frame, grid, asked) for grid in grids]
    fine = [not any(c.violations(score) for c in constraints) for score in scores]
    assert allowed == fine
    assert any(allowed)
    assert not all(allowed)


def test_a_weight_counts_how_often_it_is_broken():
    frame = tiny()
    c4, d4, e4 = 1, 2, 3
    path = np.array([[c4], [e4], [e4], [d4]])
    expected = {
        Range(0, "D4", "D4", weight=-2): -6,
        Pin(0, 1, 1, "C4", 2, weight=-2): -2,
        InKey(key="F# major", weight=-0.5): -2,
        Rhythm(0, onsets=[1], weight=-1): -2,
        Density(0, 2, 2, weight=-3): -3,
        Contains(0, ["D4", "C4"], weight=-4): -4,
        Contains(0, ["E4", "D4"], weight=-4): 0,
        Similar(0, [(1, 1, "C4", 4)]): -3,
        NoParallels(weight=-1): 0,
    }
    for constraint, log_weight in expected.items():
        assert constraint.compile(frame).log_weight(path) == pytest.approx(log_weight), constraint
        assert constraint.violations(write(frame, path, onsets_asked([], frame))) == []


@pytest.mark.parametrize("weight", [-np.inf, -0.7], ids=["hard", "soft"])
@pytest.mark.parametrize("hold", [False, True], ids=["sounding", "hold"])
def test_the_chain_draws_the_law_under_every_kind_of_constraint(hold, weight):
    rng = np.random.default_rng(8)
    frame = tiny((HOLD, REST, 60, 62, 64) if hold else (REST, 60, 62, 64))
    kinds = [
        Pin(0, 1, 2, "D4", 2, weight=weight),
        PinVoice(0, [(1, 1, "C4", 3), (2, 2, "C4", 1)], weight=weight),
        Similar(0, [(1, 1, "D4", 4)], weight=weight),
        Range(0, "D4", "E4", bars=2, weight=weight),
        InKey(key="F minor", weight=weight),
        Changes([(1, 2, "Dm"), (2, 1, "C")], weight=weight),
        Rhythm(0, durations=[1, 2], weight=weight),
        Density(0, 1, 1, weight=weight),
        NoRepeat(0, weight=weight),
        Contains(0, intervals=[2, -2], weight=weight),
        Cadence(beat=2, key="C major", weight=weight),
    ]
    grids = tiny_grids(frame)
    unary = rng.normal(size=(frame.n_steps, len(frame.alphabets[0])))
    for constraint in kinds:
        factors = constraint.compile(frame)
        weights = [factors.log_weight(grid) for grid in grids]
        weights += unary[np.arange(frame.n_steps), grids[:, :, 0]].sum(axis=1)
        probs, log_normaliser = law(weights)
        chain = Chain(unary + factors.unary[:, 0], factors.automata.get(0, ()))
        assert chain.log_normaliser == pytest.approx(log_normaliser, abs=1e-10), constraint
        draws = chain.sample(5000, random_state=9)
        assert chi_square_p(draws, grids, probs) > 1e-4, constraint


# ---- random constraints, random draws -----------------------------------------------------

BARS = st.sampled_from([None, 1, 2, (1, 2), -1])
PLACES = [(bar, beat) for bar in (1, 2) for beat in (1, 2, "5/2", 3, 4)]


@st.composite
def constraint_sets(draw):
    """Draw a few constraints that fit the pages of the choir."""
    name, low, high = draw(st.sampled_from(CHOIR))
    pitch = st.integers(low + 2, high - 2)
    bar, beat = draw(st.sampled_from(PLACES))
    duration = st.sampled_from([None, 0.5, 1])
    chord = st.sampled_from(["C", "Am7/G", "G7", "F:maj/3", "D:min7", "Bdim", "E7"])
    line = [(1, 1, draw(pitch), 1), (1, "5/2", draw(pitch), 2.5), (2, 2, draw(pitch), 1)]
    beats = st.sampled_from([(1,), (1, 3), (1, 2, 3, 4), (2, 2.5, 4), (1, 1.5, 2)])
    lengths = st.sampled_from([(4,), (1, 1, 2), (0.5, 1.5), (1.5, -0.5), (-1, 3)])
    step = st.integers(-4, 4).filter(bool)
    options = [
        st.builds(Pin, st.just(name), st.just(bar), st.just(beat), pitch, duration),
        st.builds(PinVoice, st.just(name), st.just(line), bars=st.sampled_from([None, 1, 2])),
        st.builds(Range, st.just(name), st.just(low + 3), st.just(high - 3), bars=BARS),
        st.builds(InKey, BARS, key=st.sampled_from([None, "G major", "E minor"])),
        st.builds(ChordAt, st.just(bar), st.just(beat), chord, duration),
        st.builds(lambda a, b: Changes([(1, 1, a), (2, 1, b)]), chord, chord),
        st.builds(Cadence, kind=st.sampled_from(["authentic", "plagal", "half", "perfect"])),
        st.builds(Rhythm, st.just(name), beats, bars=BARS),
        st.builds(Rhythm, st.just(name), durations=lengths, bars=BARS),
        st.builds(Density, st.just(name), st.integers(0, 3), st.sampled_from([None, 3, 5])),
        st.builds(NoRepeat, st.just(name), st.integers(1, 2)),
        st.builds(
            lambda i, b: Contains(name, intervals=i, bars=b),
            st.lists(step, min_size=1, max_size=4),
            BARS,
        ),
        st.builds(lambda p: Contains(name, [p, p + 2]), pitch),
        st.builds(Similar, st.just(name), st.just(line)),
        st.just(NoCrossing()),
    ]
    return draw(st.lists(st.one_of(options), min_size=1, max_size=4))


def _placed(constraint):
    unplaced = isinstance(constraint, Cadence) and (constraint.bar, constraint.phrase) == (
        None,
        None,
    )
    return replace(constraint, bar=2, beat=1) if unplaced else constraint


@pytest.mark.parametrize(
    ("n_sets", "least"), [(50, 2_000), pytest.param(220, 10_000, marks=pytest.mark.fuzz)]
)
def test_draws_break_no_hard_constraint(n_sets, least):
    n_drawn = 0

    @settings(max_examples=n_sets, suppress_health_check=list(HealthCheck))
    @given(constraint_sets(), constraint_sets(), st.integers(0, 2**32 - 1), st.booleans())
    def draw_and_check(some, others, seed, hold):
        nonlocal n_drawn
        # On an empty page the last phrase ends here; notes at random have ends of their own.
        constraints = [_placed(c) for c in some + others]
        frame = choir(hold=hold, n_bars=2)
        if hold:
            constraints = [c for c in constraints if not isinstance(c, NoCrossing)]
        rng = np.random.default_rng(seed)
        for score in random_scores(constraints, frame, rng):
            n_drawn += 1
            for constraint in constraints:
                assert constraint.violations(score) == []

    draw_and_check()
    assert n_drawn >= least, n_drawn


def random_scores(constraints, frame, rng):
    """Draw scores under constraints by the chain, or by the search where voices are tied."""
    try:
        factors = check_feasible(constraints, frame)
    except ConstraintError as error:
        assert error.conflict
        assert set(error.conflict) <= {str(c) for c in constraints}
        return
    asked = onsets_asked(constraints, frame)
    if factors.pairwise:
        grids = [find_grid(factors, rng) for _ in range(10)]
    else:
        unary = factors.unary + rng.normal(size=factors.unary.shape)
        chains = [Chain(unary[:, v], factors.automata.get(v, ())) for v in range(factors.n_voices)]
        grids = np.stack([chain.sample(100, random_state=rng) for chain in chains], axis=2)
    for grid in grids:
        yield write(frame, grid, asked, rng.random((frame.n_steps, 4)) < 0.3)


# ---- contradictions -----------------------------------------------------------------------

LINE = [(1, 1, "C5", 4), (2, 1, "D5", 4)]
CONFLICTS = [
    [Range("soprano", "C4", "E4"), Pin("soprano", 2, 1, "G4")],
    [Pin("soprano", 1, 1, "rest", 1), Pin("soprano", 1, 1, "E4", 1)],
    [Pin("alto", 1, 1, "G4", 2), Pin("alto", 1, 2, "A4", 1)],
    [PinVoice("soprano", LINE), Range("soprano", "C4", "C5", bars=2)],
    [ChordAt(1, 1, "C"), ChordAt(1, 1, "F#")],
    [ChordAt(3, 2, "D:min"), Pin("tenor", 3, 2, "C4")],
    [Cadence(), Pin("bass", -1, 1, "G3", 4)],
    [Changes([(1, 1, "C"), (2, 1, "F")]), Pin("alto", 2, 1, "B4")],
    [InKey(key="Db major"), Contains("soprano", ["C4", "D4"])],
    [Rhythm("alto", durations=[4]), Density("alto", 3)],
    [Rhythm("alto", durations=[2]), Pin("alto", 1, 2, "G4", 1)],
    [Rhythm("alto", onsets=[1]), Pin("alto", 1, 1, "A4"), Pin("alto", 1, 4, "G4")],
    [Rhythm("tenor", durations=[1, -1], bars=2), Pin("tenor", 2, 2, "C4")],
    [NoRepeat("bass"), Pin("bass", 1, 1, "C3", 1), Pin("bass", 1, 2, "C3", 1)],
    [
        NoRepeat("soprano"),
        Rhythm("soprano", durations=[1], bars=1),
        Range("soprano", "C4", "C4", bars=1),
    ],
    [Contains("bass", intervals=[8, 8]), Range("bass", "E2", "G3")],
    [Contains("alto", ["C4", "E4"], bars=3), Range("alto", "F4", "D5", bars=3)],
    [Density("alto", 0, 1), Density("alto", 2, bars=4)],
    [Pin("soprano", 2, 3, "C4"), Pin("alto", 2, 3, "D4"), NoCrossing()],
    [
        Rhythm("soprano", durations=[4], bars=1),
        Pin("soprano", 1, 1, "D4"),
        Pin("alto", 1, 3, "E4"),
        NoCrossing(),
    ],
    [
        Rhythm("alto", onsets=[1, 3]),
        Pin("soprano", 1, 1, "E4", 1),
        Pin("alto", 1, 2, "F4"),
        NoCrossing(),
    ],
]
BYSTANDERS = [
    Range("bass", "E2", "D4"),
    InKey(voices=["tenor"], bars=4),
    Density("tenor", 0, 6, bars=(3, 4)),
    Similar("alto", [(1, 1, "G4", 4)]),
    Contains("tenor", intervals=[1, 2]),
    NoParallels(),
    NoRepeat("tenor", 3),
    Range("alto", "G3", "D5"),
]


@pytest.mark.parametrize("conflict", CONFLICTS, ids=lambda c: "+".join(map(str, c)))
def test_exactly_the_conflicting_ones_are_named(conflict):
    frame = choir()
    for constraint in conflict:
        check_feasible([c for c in conflict if c is not constraint], frame)
    mixed = [c for pair in itertools.zip_longest(BYSTANDERS, conflict) for c in pair if c]
    mixed = [c for c in mixed if c in conflict or not any(str(c) == str(d) for d in conflict)]
    for constraints in (conflict, mixed):
        start = time.process_time()
        with pytest.raises(ConstraintError) as caught:
            check_feasible(constraints, frame)
        assert time.process_time() - start < 5
        assert sorted(caught.value.conflict) == sorted(str(c) for c in conflict)
        assert all(str(c) in str(caught.value) for c in conflict)
        assert "\n" not in str(caught.value)


def test_a_conflict_with_what_is_given_names_the_wish_alone():
    frame = choir()
    melody = PinVoice("soprano", [(1, 1, "C5", 16)]).compile(frame)
    wish = Pin("soprano", 2, 1, "D5")
    with pytest.raises(ConstraintError, match="this constraint cannot hold: Pin") as caught:
        check_feasible([InKey(), wish], frame, melody)
    assert caught.value.conflict == (str(wish),)
    nothing = Pin("soprano", 1, 1, "C5").compile(frame) & wish.compile(frame)
    both = nothing & Pin("soprano", 2, 1, "E5").compile(frame)
    with pytest.raises(ConstraintError, match="even without constraints"):
        check_feasible([InKey()], frame, both)


def test_many_constraints_are_checked_in_time():
    frame = choir(n_bars=16)
    wishes = [Density(name, 1, 6, bars=bar) for name, *_ in CHOIR for bar in range(1, 9)]
    wishes += [InKey(), NoCrossing(), Cadence(), Contains("soprano", intervals=[2, 2, 1])]
    wishes += [Pin("soprano", 5, 1, "C4", 2), Pin("alto", 5, 2, "E4", 1)]
    start = time.process_time()
    with pytest.raises(ConstraintError) as caught:
        check_feasible(wishes, frame)
    assert time.process_time() - start < 5
    expected = [str(c) for c in wishes if isinstance(c, NoCrossing | Pin)]
    assert list(caught.value.conflict) == expected


# ---- text ---------------------------------------------------------------------------------


def with_weight(constraint, weight):
    data = to_json(constraint)
    return from_json(data if weight is None else {**data, "weight": weight})


@settings(max_examples=60)
@given(constraint_sets(), st.sampled_from([None, -1.5, 0, "hard"]))
def test_json_gives_back_what_was_written(constraints, weight):
    constraints = [with_weight(constraint, weight) for constraint in constraints]
    text = dump_constraints(constraints)
    assert parse_constraints(text) == constraints
    VALIDATOR.validate(json.loads(text))


SCHEMA = json.loads(schema_path().read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
BROKEN = {
    "low 90 is above high 60": {"type": "Range", "voice": 0, "low": 90, "high": 60},
    "type 'Rang': expected one of Cadence": {"type": "Rang"},
    "type None": {},
    "field 'hi': expected one of": {"type": "Range", "voice": 0, "low": 1, "high": 6, "hi": 1},
    "without 'high'": {"type": "Range", "voice": 0, "low": 1},
    "pitch 'H4'": {"type": "Pin", "voice": 0, "bar": 1, "beat": 1, "pitch": "H4"},
    "pitch '128'": {"type": "Pin", "voice": 0, "bar": 1, "beat": 1, "pitch": 128},
    "bar '1'": {"type": "Pin", "voice": 0, "bar": "1", "beat": 1, "pitch": 60},
    "beat 'x'": {"type": "Pin", "voice": 0, "bar": 1, "beat": "x", "pitch": 60},
    "duration -1": {"type": "Pin", "voice": 0, "bar": 1, "beat": 1, "pitch": 60, "duration": -1},
    "voice -1": {"type": "NoRepeat", "voice": -1},
    "n 0": {"type": "NoRepeat", "voice": 0, "n": 0},
    "n 0.5": {"type": "MaxCopy", "n": 0.5},
    "weight 1": {"type": "NoCrossing", "weight": 1},
    "weight 'soft'": {"type": "NoCrossing", "weight": "soft"},
    "bars 'all'": {"type": "InKey", "bars": "all"},
    "the last is before the first": {"type": "InKey", "bars": [3, 1]},
    "key 'H'": {"type": "InKey", "key": "H"},
    "ambiguous": {"type": "ChordAt", "bar": 1, "beat": 1, "chord": "C-7"},
    "kind 'amen'": {"type": "Cadence", "kind": "amen"},
    "either onsets or durations": {"type": "Rhythm", "voice": 0},
    "onsets: expected": {"type": "Rhythm", "voice": 0, "onsets": []},
    "durations: expected": {"type": "Rhythm", "voice": 0, "durations": [0]},
    "minimum 3 is above maximum 1": {"type": "Density", "voice": 0, "minimum": 3, "maximum": 1},
    "either pitches or intervals": {"type": "Contains", "voice": 0},
    "no pitch twice in a row": {"type": "Contains", "voice": 0, "intervals": [0]},
    "change 1": {"type": "Changes", "changes": [[1, 1]]},
    "at least one chord": {"type": "Changes", "changes": []},
    "note 1: without duration": {"type": "PinVoice", "voice": 0, "notes": [[1, 1, 60]]},
    "a field of the wrong type": {"type": "PinVoice", "voice": 0, "notes": 5},
}
# What only relates one value to another, or what a chord symbol means, a schema cannot say.
BEYOND_THE_SCHEMA = (
    "low 90",
    "before the first",
    "ambiguous",
    "minimum 3",
    "twice",
    "durations:",
    "pitch '128'",
    "duration -1",
)


@pytest.mark.parametrize("message", BROKEN)
def test_what_is_broken_is_refused_with_its_place(message):
    data = {"constraints": [{"type": "NoCrossing"}, BROKEN[message]]}
    with pytest.raises(ConstraintError, match=r"wishes\.json: constraint 2") as caught:
        parse_constraints(json.dumps(data), "wishes.json")
    assert message in str(caught.value)
    if not any(part in message for part in BEYOND_THE_SCHEMA):
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate(data)


def test_the_message_is_as_promised():
    row = {"type": "Range", "voice": 0, "low": 90, "high": 60}
    rows = [{"type": "NoCrossing"}, {"type": "InKey"}, row]
    with pytest.raises(ConstraintError) as caught:
        parse_constraints(json.dumps({"constraints": rows}), "constraints.json")
    expected = "constraints.json: constraint 3 (Range): low 90 is above high 60"
    assert str(caught.value) == expected


def test_files_are_read_and_refused(tmp_path):
    wishes = [NoCrossing(), Pin("alto", 0, 4, "Bb3", "2/3"), Similar("alto", LINE, weight=-np.inf)]
    path = tmp_path / "wishes.json"
    path.write_text(dump_constraints(wishes), encoding="utf-8")
    assert load_constraints(path) == wishes
    assert dump_constraints([]) == '{"constraints": []}'
    for text, message in (
        ("", "wishes.json: line 1: not JSON"),
        ("[]", 'expected an object {"constraints"'),
        ('{"constraints": [], "more": 1}', "expected an object"),
        ("[" * 100_000, "nested too deeply"),
        ("\udcff", "not UTF-8"),
    ):
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(ConstraintError) as caught:
            load_constraints(path)
        assert message in str(caught.value)
    with pytest.raises(ConstraintError, match=r"absent\.json: No such file"):
        load_constraints(tmp_path / "absent.json")


@settings(max_examples=220)
@given(
    st.sampled_from(sorted(BROKEN)),
    st.text(max_size=8),
    st.recursive(
        st.none() | st.booleans() | st.integers(-200, 200) | st.floats() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
        ),
        max_leaves=5,
    ),
)
def test_strange_values_are_refused_in_one_line(message, name, value):
    data = dict(BROKEN[message])
    names = [field for field in data if field != "type"] or [name]
    data[names[len(name) % len(names)]] = value
    try:
        constraint = from_json(data)
    except ConstraintError as error:
        assert len(str(error).splitlines()) <= 1 or "\n" in repr(value)
    else:
        assert from_json(to_json(constraint)) == constraint


def test_the_schema_that_is_shipped_is_that_of_the_fields():
    assert json_schema() == SCHEMA
    assert {"Pin", "Cadence", "MaxCopy"} <= set(SCHEMA["$defs"])


def test_a_constraint_registers_itself_and_is_read_and_written():
    from stats_composer.constraints.base import Constraint
    from stats_composer.constraints.fields import VOICE, asks

    @dataclass(frozen=True)
    class Sung(Constraint):
        """A voice that sings."""

        voice: str = field(metadata=asks(VOICE))

    try:
        wish = from_json({"type": "Sung", "voice": "Alto", "weight": -2})
        assert wish == Sung("alto", weight=-2) and to_json(wish)["voice"] == "alto"
        assert json_schema()["$defs"]["Sung"]["required"] == ["type", "voice"]
    finally:
        del Constraint.types["Sung"]


def test_a_chord_symbol_is_read_once(monkeypatch):
    from stats_composer.constraints import values

    read = []
    monkeypatch.setattr(values, "parse_chord", lambda text: read.append(text) or parse_chord(text))
    wish = parse_chord_flag("1:1:G7")
    frame = choir()
    wish.compile(frame)
    assert wish.chords(frame.page)[0][2] == parse_chord("G7") and read == ["G7"]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Range(None, 1, 2), "voice None: expected a name such as soprano, or 0 and up"),
        (lambda: ChordAt("x", 1, "C"), "bar 'x': expected a whole number"),
        (lambda: ChordAt(1, 1, None), "chord 'None': expected a root A to G"),
        (lambda: Changes(5), "changes: a field of the wrong type: expected a list"),
        (lambda: Changes("C"), "changes: a field of the wrong type: expected a list"),
        (lambda: Contains(0, 5), "pitches: a field of the wrong type: expected a list"),
        (lambda: Contains(0, intervals=[1.5]), "interval 1.5: expected a whole number"),
        (lambda: Rhythm(0, onsets=5), "onsets: a field of the wrong type: expected a list"),
        (lambda: PinVoice(0, 5), "notes: a field of the wrong type: expected a list"),
        (lambda: PinVoice(0, [5]), "note 1: expected bar, beat, pitch and duration"),
        (lambda: InKey(key=5), "key '5': expected a tonic and a mode"),
        (lambda: InKey(voices=5.5), "voices 5.5: expected some voices"),
        (lambda: Cadence(kind=[]), "kind []: expected one of authentic"),
        (lambda: Density(0, "a"), "minimum 'a': expected a whole number, at least 0"),
        (lambda: MaxCopy("a"), "n 'a': expected a whole number, at least 1"),
        (lambda: NoCrossing(weight="x"), "weight 'x': expected a number, at most 0"),
    ],
)
def test_a_field_of_the_wrong_type_is_one_line(build, message):
    with pytest.raises(ConstraintError) as caught:
        build()
    assert str(caught.value).startswith(message)


def test_flags():
    assert parse_range_flag("soprano:C4-A5") == Range("soprano", 60, 81)
    assert parse_range_flag("0:Bb3-72") == Range(0, 58, 72)
    assert parse_range_flag("bass:C-1-E4") == Range("bass", 0, 64)
    assert parse_pin_flag("soprano:3:1:G4") == Pin("soprano", 3, 1, 67)
    assert parse_pin_flag("alto:-1:5/2:rest:1.5") == Pin("alto", -1, 2.5, REST, 1.5)
    assert parse_chord_flag("3:1:G7") == ChordAt(3, 1, "G7")
    assert parse_chord_flag("3:2.5:C:maj/3") == ChordAt(3, 2.5, "C:maj/3")
    for parse, text in (
        (parse_range_flag, "soprano"),
        (parse_range_flag, "soprano:C4"),
        (parse_range_flag, "soprano:A5-C4"),
        (parse_pin_flag, "soprano:3:1"),
        (parse_pin_flag, "soprano:x:1:G4"),
        (parse_pin_flag, "soprano:3:y:G4"),
        (parse_chord_flag, "3:1"),
        (parse_chord_flag, "3:1:H7"),
    ):
        with pytest.raises(ConstraintError, match=text):
            parse(text)


# ---- places, keys, chords -----------------------------------------------------------------


def test_bars_count_as_printed_and_beats_in_the_metre():
    with_pickup = choir(pickup=QUARTER)
    first = Pin("soprano", 0, 4, "C5").compile(with_pickup).unary[:, 0, :21]
    assert np.flatnonzero((first == -np.inf).any(axis=1)).tolist() == [0]
    last = Pin("soprano", -1, "5/2", "C5", 0.5).compile(with_pickup).unary[:, 0, :21]
    assert np.flatnonzero((last == -np.inf).any(axis=1)).tolist() == [2 + 24 + 3]
    compound = choir(metre=(6, 8))
    fourth = Pin("soprano", 2, 4, "C5").compile(compound).unary[:, 0, :21]
    assert np.flatnonzero((fourth == -np.inf).any(axis=1)).tolist() == [9]


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        (Pin("soprano", 9, 1, "C5"), r"bar 9: the piece has the bars 1 to 4"),
        (Pin("soprano", 0, 1, "C5"), r"bar 0: the piece has the bars 1 to 4"),
        (Pin("soprano", 2, 5, "C5"), r"beat 5 of bar 2: expected 1 or more and less than 5"),
        (Pin("soprano", 2, 1.25, "C5"), r"bar 2 beat 1.25 falls between the steps of 1/2"),
        (Pin("soprano", 2, 1, "C5", 0.25), r"bar 2 beat 1.25 falls between"),
        (Pin("soprano", 4, 4, "C5", 2), "lasts beyond the end"),
        (Pin("soprano", 2, 1, "C3"), "soprano has no C3: its range is C4 to G5"),
        (Pin("violin", 2, 1, "C5"), "voice 'violin': expected one of soprano, alto, tenor, bass"),
        (Pin(4, 2, 1, "C5"), "voice 4: expected one of .*, or 0 to 3"),
        (Contains("bass", ["C6"]), "bass has no C6"),
        (Rhythm("bass", onsets=[1, 9]), "beat 9 of bar 1"),
        (Changes([(2, 1, "C"), (1, 1, "F")]), "not in order of time"),
        (Cadence(bar=1), "no beat before bar 1 beat 1"),
        (Range("bass", "C3", "C4", bars=(-1, 2)), "the last is before the first"),
    ],
    ids=str,
)
def test_what_does_not_fit_the_frame_is_said(constraint, message):
    with pytest.raises(ConstraintError, match=message) as caught:
        constraint.compile(choir())
    assert str(caught.value).startswith(str(constraint))


def test_what_needs_sounding_pitches_or_a_key_says_so():
    with pytest.raises(ConstraintError, match="without HOLD symbols"):
        NoCrossing().compile(choir(hold=True))
    frame = choir()
    keyless = GridFrame(
        frame.page.replace(key_signatures=make_table(KEY_SIGNATURE_DTYPE)),
        frame.step,
        frame.alphabets,
        4,
    )
    with pytest.raises(ConstraintError, match="no key is set at bar 1 beat 1"):
        InKey().compile(keyless)


def test_context_voices_are_left_alone():
    frame = choir()
    wishes = [InKey(), Cadence(), NoCrossing(), Changes([(1, 1, "C")])]
    factors = compile_constraints(wishes, frame)
    assert (factors.unary[:, 4, :8] == 0).all()
    assert 4 not in factors.automata
    assert all(4 not in pair for pair in factors.pairwise)
    assert NoParallels().compile(frame).terms == (ParallelMotion((0, 7), -np.inf),)


def test_a_shifted_frame_is_asked_in_sounding_pitches():
    plain, shifted = choir(), choir(shift=3)
    a = Pin("soprano", 1, 1, "C5").compile(plain).unary
    b = Pin("soprano", 1, 1, "Eb5").compile(shifted).unary
    np.testing.assert_array_equal(a, b)
    grid = find_grid(compile_constraints([Range("alto", "G4", "A4")], shifted), 1)
    score = write(shifted, grid, onsets_asked([], shifted))
    assert Range("alto", "G4", "A4").violations(score) == []


def test_minor_has_both_sixths_and_sevenths():
    score = Score(
        make_notes(onset=np.arange(9) * QUARTER, pitch=[57, 59, 60, 62, 64, 65, 66, 67, 68])
    )
    assert InKey(key="A minor").violations(score) == []
    assert len(InKey(key="C major").violations(score)) == 2


def test_a_line_is_kept_with_its_ties_and_its_region():
    frame = choir(n_bars=3)
    notes = make_notes(
        onset=[0, 3 * QUARTER, 6 * QUARTER, 9 * QUARTER],
        duration=[3 * QUARTER, 3 * QUARTER, 2 * QUARTER, 3 * QUARTER],
        pitch=[72, 74, 72, 71],
    )
    score = frame.page.replace(notes=notes)
    middle = PinVoice.of(score, "soprano", bars=2)
    assert [note.tied for note in middle.notes] == [True, False]
    factors = check_feasible([middle, Rhythm("soprano", onsets=[1, 4], bars=1)], frame)
    asked = onsets_asked([middle], frame)
    kept = write(frame, find_grid(factors, 2), asked)
    assert middle.violations(kept) == []
    assert middle.violations(score) == []
    assert middle.violations(score.transpose(1))
    whole = PinVoice.of(score, "soprano")
    assert [
        n
        for n in write(
            frame, find_grid(whole.compile(frame), 0), onsets_asked([whole], frame)
        ).notes["onset"]
        / QUARTER
        if n < 12
    ][:4]
    assert whole.violations(score) == []


def test_parallels_and_crossings_of_a_finished_score():
    both = make_notes(
        onset=[0, QUARTER, 2 * QUARTER] * 2,
        pitch=[67, 69, 71, 48, 50, 48],
        part=[0, 0, 0, 1, 1, 1],
    )
    score = Score(both)
    assert len(NoParallels().violations(score)) == 1
    assert "parallel fifths at bar 1 beat 2" in NoParallels().violations(score)[0]
    assert NoParallels(weight=-3).violations(score) == []
    contrary = Score(make_notes(onset=[0, QUARTER] * 2, pitch=[67, 72, 60, 53], part=[0, 0, 1, 1]))
    assert NoParallels().violations(contrary) == []
    assert NoCrossing().violations(score) == []


def test_chord_symbols_in_both_notations():
    pairs = {
        "C:maj/3": "C/E",
        "A:min7/b7": "Am7/G",
        "B:hdim7": "Bm7b5",
        "G:7(b9)": "G7b9",
        "F#:dim7": "F#o7",
        "D:sus4(b7)": "D7sus4",
        "Bb:maj7": "BbΔ",
        "C:maj69": "C6/9",
    }
    for harte, lead in pairs.items():
        assert parse_chord(harte) == parse_chord(lead)
    for quality, intervals in QUALITIES.items():
        assert parse_chord(f"Eb:{quality}").intervals == intervals
    assert parse_chord("G7#9").pitch_classes == {7, 11, 2, 5, 10}
    assert parse_chord("Db/F").bass_pitch_class == 5
    for wrong in ("", "H", "C-7", "Calt", "C:foo", "c", "N", "C/H", "Cm7b", "C:maj/99"):
        with pytest.raises(ValueError, match="chord"):
            parse_chord(wrong)


MODULES = ["base", "feasible", "given", "harmony", "motif", "motion", "pitches", "text", "where"]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(f"stats_composer.constraints.{name}")
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("module", [chord_symbols, theory])
def test_examples_of_the_theory(module):
    assert doctest.testmod(module).failed == 0
