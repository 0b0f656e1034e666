"""The measures of a score card, each on a page made by hand."""

import numpy as np
import pytest
from pages import page

from stats_composer.evaluation.cadences import formula
from stats_composer.evaluation.dissonance import dissonant_against
from stats_composer.evaluation.leading import find_parallels
from stats_composer.evaluation.rates import MEASURES, rates
from stats_composer.evaluation.reading import Heard, Reading
from stats_composer.score import NOTE_DTYPE, Score, make_table


def found(name, score):
    """Return hits, places, and where the hits are, by one measure."""
    (measure,) = [m for m in MEASURES if m.name == name]
    count = measure.count(Reading(score))
    where = [f"{score.where(h.tick).bar}:{float(score.where(h.tick).beat):g}" for h in count.hits]
    return len(count.hits), count.n, where


TWO_PHRASES = page(
    "C5 D5 D5 C5! C5 B4 B4 C5!",
    "G4 A4 G4 G4  A4 F4 F4 E4",
    "E4 F4 B3 E4  E4 D4 D4 C4",
    "C3 D3 G2 C3  A2 G3 G2 C3",
)


@pytest.mark.parametrize(
    ("before", "last", "name"),
    [
        ((7, "maj", 0), (0, "maj", 0), "authentic"),
        ((7, "7", 0), (0, "min", 0), "authentic"),
        ((7, "7", 4), (0, "maj", 0), "dominant"),  # V65 I
        ((7, "maj", 0), (0, "maj", 4), "dominant"),  # V I6
        ((11, "dim", 3), (0, "maj", 0), "dominant"),
        ((2, "dim7", 0), (0, "min", 0), "dominant"),  # the bass of vii7 is called its root
        ((0, "maj", 0), (7, "maj", 0), "half"),
        ((5, "min", 3), (7, "maj", 0), "half"),  # Phrygian, iv6 V
        ((2, "min7", 3), (7, "maj", 0), "half"),  # ii65 V
        ((5, "maj", 0), (0, "min", 0), "plagal"),
        ((7, "maj", 0), (9, "min", 0), "deceptive"),
        ((7, "maj", 0), (8, "maj", 0), "deceptive"),
        ((7, "maj", 0), (10, "maj", 0), ""),  # up a third deceives nobody
        ((7, "min", 0), (0, "min", 0), ""),  # no leading tone
        ((4, "min", 0), (0, "maj", 0), ""),
        ((0, "maj", 0), (7, "maj", 4), ""),
        ((8, "maj", 0), (7, "maj", 0), ""),
    ],
)
def test_formulas_are_named_by_roots_and_inversions(before, last, name):
    assert formula(Heard(*before), Heard(*last)) == name


def test_both_ends_of_a_plain_page_are_authentic():
    assert found("inner_authentic", TWO_PHRASES) == (1, 1, ["1:4"])
    assert found("last_authentic", TWO_PHRASES) == (1, 1, ["2:4"])
    assert found("end_root_triad", TWO_PHRASES) == (2, 2, ["1:4", "2:4"])
    assert found("last_on_tonic", TWO_PHRASES)[0] == 1
    assert found("inner_unnamed", TWO_PHRASES)[:2] == (0, 1)
    # Only the second dominant is come to by an octave in the bass.
    assert found("bass_stays_before_end", TWO_PHRASES) == (1, 2, ["2:4"])


def test_a_suspension_at_the_end_is_heard_through_and_a_cluster_is_not():
    held = page("D5 C5*2!", "G4 G4*2", "B3 E4*2", "G3 C3*2")
    late = page("D5 C5*2!", "F4 F4/ E4.", "B3 G3*2", "G3 C3*2")
    never = page("D5 D5*2!", "G4 G4*2", "B3 E4*2", "G3 C3*2")
    for score, without in ((held, 0), (late, 0), (never, 1)):
        assert found("end_without_chord", score)[:2] == (without, 1)
    assert found("last_authentic", late)[0] == 1


def test_minor_pieces_end_by_their_dominant_or_not():
    by_fifth = page(
        "E5 D5 C5 B4 A4*2!", "A4 A4 A4 G#4 E4*2", "C4 D4 E4 E4 C4*2", "A2 F3 E3 E3 A2*2"
    )
    by_tone = page("E5 D5 C5 B4 A4*2!", "A4 A4 A4 G4 E4*2", "C4 D4 E4 D4 C4*2", "A2 F3 E3 G3 A2*2")
    assert found("minor_end_by_dominant", by_fifth)[:2] == (1, 1)
    assert found("minor_end_by_dominant", by_tone)[:2] == (0, 1)
    assert found("minor_end_by_dominant", TWO_PHRASES)[:2] == (0, 0)
    assert found("minor_raised_seventh", by_fifth)[:2] == (1, 20)
    assert found("minor_flat_second", page("C5 Bb4 A4 E4 A4*2", "A3 D3 E3 E3 A2*2"))[:2] == (1, 10)


def test_a_doubled_leading_tone():
    doubled = page("C5 B4 C5*2!", "G4 G4 G4*2", "E4 B3 C4*2", "C3 G3 C3*2")
    assert found("leading_tone_doubled", doubled) == (1, 1, ["1:2"])
    assert found("leading_tone_doubled", TWO_PHRASES)[:2] == (0, 3)


@pytest.mark.parametrize(
    ("pitch", "expected"),
    [
        ([[67, 60], [69, 62]], 1),  # fifths
        ([[72, 60], [74, 62]], 1),  # octaves
        ([[60, 60], [62, 62]], 1),  # unisons
        ([[79, 60], [81, 62]], 1),  # a twelfth is a fifth
        ([[79, 60], [69, 62]], 0),  # against each other
        ([[67, 60], [67, 60]], 0),  # held
        ([[64, 60], [65, 62]], 0),  # thirds
        ([[67, 60], [74, 62]], 0),  # from a fifth to an octave
        ([[67, 60], [-1, -1], [69, 62]], 0),  # a rest between
        ([[72, 67, 60], [74, 69, 62]], 2),  # an octave and a fifth, the fourth is none
    ],
)
def test_parallels_are_counted_as_a_teacher_does(pitch, expected):
    assert len(find_parallels(np.array(pitch))) == expected


def test_an_eighth_between_hides_parallels_from_the_eighths_and_not_from_the_beats():
    hidden = page("G4 A4 G4*2", "C4/ E4/ D4 E4*2")
    assert found("parallels", hidden)[:2] == (0, 7)
    assert found("parallels_on_beats", hidden) == (1, 4, ["1:2"])
    plain = page("G4/ A4/ G4 G4*2", "C4/ D4/ E4 C4*2")
    assert found("parallels", plain) == (1, 8, ["1:1.5"])


def test_crossings_overlaps_and_spacing():
    crossed = page("G4 F4 G4 G4", "E4 A4 E4 E4", "C4 C4 C4 C4", "C3 F3 C3 C3")
    assert found("crossings", crossed) == (1, 12, ["1:2"])
    longer = page("G4 F4 G4 C5", "E4 A4 A4 E4", "C4 C4 C4 C4", "C3 F3 C3 C3")
    assert found("crossings", longer) == (1, 12, ["1:2"])  # one stretch
    over = page("G4 C5 G4 G4", "E4 A4 E4 E4", "C4 C4 C4 C4", "C3 F3 C3 C3")
    assert found("crossings", over)[0] == 0
    assert found("overlaps", over) == (2, 9, ["1:2", "1:3"])
    wide = page("G5 F5 G4 G4", "E4 F4 E4 E4", "C4 C4 C4 C4", "C2 F2 C3 C3")
    assert found("spacing", wide)[:2] == (1, 8)  # one stretch, and the bass may be far


def test_notes_out_of_range():
    high = page("C5 C6 C5 C5", "G4 G4 G4 G4", "E4 E4 E4 E4", "C3 C2 C3 B1")
    assert found("out_of_range", high) == (2, 16, ["1:2", "1:4"])


def test_accidentals_of_one_letter():
    at_once = page("C5 C#5 D5*2", "G4 G4 F4*2", "E4 C4 A3*2", "C3 A2 D3*2")
    assert found("two_accidentals", at_once) == (1, 4, ["1:2"])
    across = page("C5 E5 D5*2", "G4 G4 F4*2", "E4 C#4 A3*2", "C3 A2 D3*2")
    assert found("cross_relations", across) == (1, 3, ["1:2"])
    chromatic = page("C5 C#5 D5*2", "G4 G4 F4*2", "E4 E4 A3*2", "C3 A2 D3*2")
    assert found("cross_relations", chromatic)[0] == 0


@pytest.mark.parametrize(
    ("alto", "resolved", "tied", "unresolved"),
    [
        ("C5*2 B4 C5", 1, 1, 0),  # a fourth over G, held over, and a step down
        ("C5 C5 B4 C5", 1, 0, 0),  # struck again
        ("C5*2 D5 C5", 0, 1, 0),  # a step up
        ("C5*2 G4 C5", 0, 1, 1),
    ],
)
def test_suspensions(alto, resolved, tied, unresolved):
    score = page("F5 D5 D5 E5", alto, "A3 G3 G3 G3", "F3 G3 G3 C3")
    assert found("suspensions_resolved", score)[:2] == (resolved, 1)
    assert found("suspensions_tied", score) == (tied, 1, ["1:2"] * tied)
    assert found("suspensions_unresolved", score)[:2] == (unresolved, 1)


def test_a_suspension_resolves_down_by_a_semitone_or_a_tone():
    tone = page("F5 D5 D5 F5", "C5*2 Bb4 A4", "A3 G3 G3 A3", "F3 G3 G3 F3")
    up = page("F5 D5 E5 F5", "C5*2 C#5 D5", "A3 G3 A3 A3", "F3 G3 A3 D3")
    assert found("suspensions_resolved", tone)[:2] == (1, 1)
    assert found("suspensions_resolved", up)[:2] == (0, 1)


def test_a_fourth_is_a_dissonance_over_the_bass_alone():
    assert dissonant_against(Reading(page("F5", "C5", "A3")), 0, 1) == []
    assert dissonant_against(Reading(page("F5", "C5")), 0, 1) == [0]
    assert dissonant_against(Reading(page("F5", "C5")), 0, 0) == [1]


@pytest.mark.parametrize(
    ("line", "left", "come"),
    [
        ("E5/ D5/ C5 E5*2", 0, 0),  # passing
        ("E5/ F5/ E5 E5*2", 0, 0),  # neighbour
        ("E5/ F5/ C5 E5*2", 1, 0),  # escaped
        ("E5/ B4/ C5 E5*2", 0, 1),  # leapt to
    ],
)
def test_dissonances_off_the_beat(line, left, come):
    score = page(line, "C4 C4 C4*2", "G3 G3 G3*2", "C3 C3 C3*2")
    assert found("left_by_leap", score)[::2] == (left, ["1:1.5"] * left)
    assert found("come_to_by_leap", score)[::2] == (come, ["1:1.5"] * come)


def test_sevenths_of_dominants():
    down = page("D5*2 C5*2", "B4*2 C5*2", "F4*2 E4*2", "G3*2 C3*2")
    assert found("seventh_down", down) == (1, 1, ["1:1"])
    assert found("seventh_left_by_leap", down)[0] == 0
    late = page("D5 D5 C5*2", "B4 B4 C5*2", "F4 F4 E4*2", "G3 G3 C3*2")
    assert found("seventh_down", late)[:2] == (2, 2)  # repeated first: each note counts
    leapt = page("D5*2 C5*2", "B4*2 C5*2", "F4*2 C4*2", "G3*2 C3*2")
    assert found("seventh_left_by_leap", leapt) == (1, 1, ["1:1"])


def test_roots_and_openings():
    score = page(
        "C5 D5 C5 C5! B4 C5 B4 C5!",
        "G4 A4 A4 F4  D4 E4 D4 E4",
        "E4 F4 E4 A3  G3 G3 G3 G3",
        "C3 D3 A2 F3  G3 C3 G2 C3",
    )
    # C D A F G C G C
    assert found("root_down_fifth", score) == (2, 7, ["2:2", "2:4"])
    assert found("root_down_third", score) == (1, 7, ["1:4"])
    assert found("root_up_third", score)[:2] == (0, 7)
    assert found("root_by_step", score) == (2, 7, ["1:2", "2:1"])
    assert found("first_chord_tonic", score)[:2] == (1, 1)
    assert found("after_end_tonic", score)[:2] == (0, 1)
    assert found("beats_without_chord", score)[:2] == (0, 8)
    assert found("inversions", score)[:2] == (0, 8)
    assert found("six_four", page("C5 B4*2", "E4 D4*2", "C4 B3*2", "G3 G3*2"))[:2] == (1, 3)


def test_the_first_phrase_is_at_home_or_not():
    home = page("C5 D5 E5 F5 G5 F5 E5*2! E5 D5 C5 B4 C5*4!")
    away = page("D5 E5 F#5 A5 G5 F#5 D5*2! E5 D5 C5 B4 C5*4! G4 C5 D5 E5 F5 G4 C5*2!")
    assert found("first_phrase_home", home)[:2] == (1, 1)
    assert found("first_phrase_home", away)[:2] == (0, 1)


def test_the_bass_by_hand():
    score = page("E5*4", "C3/ D3/ G3 C3/ C4/ C4")
    assert found("bass_divides", score) == (2, 4, ["1:1", "1:3"])
    assert found("bass_fourths_fifths", score)[:2] == (2, 4)  # D G, G C; C C is none
    assert found("bass_octaves", score)[:2] == (1, 4)
    assert found("repeated_notes", score) == (1, 5, ["1:4"])


def test_cells():
    score = page("C5. D5// E5// F5/. E5// -", "C4*4")
    assert found("tied_eighth_sixteenths", score) == (1, 7, ["1:2"])
    assert found("dotted_eighths", score) == (1, 7, ["1:3"])
    assert found("rests", page("C5 - C5 -", "C4*4")) == (1, 7, ["1:2"])


def test_intervals_of_the_tune_and_of_all_lines():
    score = page("C5 D5 B5 C5! B5 G#5 F5 E5!", "E4 E4 E4 E4 E4 E4 B4 E4", "C3*8")
    # Over the phrase's end the seventh from C to B is free.
    assert found("sevenths_and_more", score) == (1, 6, ["1:4"])
    assert found("leaps", score)[:2] == (4, 6)
    assert found("augmented_seconds", score) == (1, 9, ["2:3"])
    assert found("inner_leaps", score)[:2] == (0, 2)
    wide = page("C5*3", "E4 C5 E4", "C3*3")
    assert found("inner_leaps", wide)[:2] == (2, 2)


def test_leaps_that_go_on():
    assert found("leaps_unanswered", page("C4 A4 C5 B4"))[:2] == (1, 1)
    assert found("leaps_unanswered", page("C4 A4 G4 B4"))[:2] == (0, 1)
    assert found("leaps_unanswered", page("A4 C4 A3 B3"))[:2] == (1, 1)


def test_upbeats_lengths_and_ends_of_phrases():
    score = page("G4 C5 D5 E5 D5 C5 B4 C5! D5 E5 D5 C5 B4 A4 C5*2!", pickup=1)
    assert found("upbeat", score)[:2] == (1, 1)
    assert found("phrases_of_seven", score)[:2] == (0, 2)
    assert found("end_on_third_beat", score) == (1, 2, ["2:3"])
    straight = page("C5 D5 E5 D5 C5 B4 C5! G4 C5*4 D5 C5*2!")
    assert found("upbeat", straight)[:2] == (0, 1)
    assert found("phrases_of_seven", straight) == (1, 2, ["1:1"])
    assert found("end_on_third_beat", straight)[::2] == (1, ["2:3"])


def test_phrases_and_motifs_that_return():
    score = page("C5 D5 E5 C5*2! C5 D5 E5 C5*3! E5 E5 C5 C5*2!")
    assert found("phrase_returns", score) == (1, 1, ["2:2"])
    assert found("phrases_of_one_rhythm", score)[:2] == (3, 3)
    # C D E C C and D E C C D, of which the first comes back before E E.
    again = page("C5 D5 E5 C5 C5 B4 D5 E5 F#5 D5 D5")
    assert found("motifs_return", again) == (1, 7, ["2:3"])


def test_what_does_not_apply_to_a_tune_says_so():
    values = rates(page("C5 D5 E5 C5"))
    for name in ("inner_authentic", "crossings", "first_chord_tonic", "bass_divides", "six_four"):
        assert values[name].places == 0 and np.isnan(values[name].value)
    assert values["leaps"] == (100 / 3, 1, 3)
    nothing = rates(Score(make_table(NOTE_DTYPE, [])))
    assert all(rate.places == 0 for rate in nothing.values())


def test_names_and_words_are_told_once():
    for texts in ([m.name for m in MEASURES], [m.words for m in MEASURES]):
        assert len(set(texts)) == len(texts)
    two = rates([TWO_PHRASES, TWO_PHRASES])
    assert two["inner_authentic"] == (100.0, 2, 2)
