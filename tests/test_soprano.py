"""The soprano of free chorales: outlines, pitches, and the choice among drawn lines."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest

from stats_composer.composers.chorale.outline import Outline, OutlineLaw, Phrase
from stats_composer.composers.chorale.page import blank_page
from stats_composer.composers.chorale.pitches import PitchLaw, Tune, kinds_of
from stats_composer.composers.chorale.soprano import Soprano
from stats_composer.composers.chorale.traits import traits
from stats_composer.models.choices import Marked, Valued, learn_choices
from stats_composer.score import FERMATA_DTYPE, Score, make_notes, make_table
from stats_composer.theory import TICKS_PER_QUARTER

QUARTER = TICKS_PER_QUARTER
FOUR = Phrase(0, 16, (0, 4, 8, 12))


def sung(pitch, duration, finals):
    """Return a score of one line in 4/4, durations in quarters, with fermatas on some notes."""
    duration = np.array(duration) * QUARTER
    onset = np.cumsum(duration) - duration
    marks = [(int(onset[i]), 0, 0) for i in finals]
    notes = make_notes(onset=onset, duration=duration, pitch=pitch)
    return Score(notes, fermatas=make_table(FERMATA_DTYPE, marks))


SHORT = sung(
    [67, 69, 71, 72, 67, 69, 71, 72, 74, 72, 71, 69, 67], [1, 1, 1, 1] * 2 + [1, 0.5, 0.5, 1, 1],
    [3, 7],
)  # fmt: skip


def test_an_outline_is_the_phrases_under_fermatas():
    outline = Outline.of(SHORT)
    assert outline.bar == 16
    assert outline.phrases == (FOUR, FOUR, Phrase(0, 16, (0, 4, 6, 8, 12)))
    assert outline.repeats == (0, 0, 2)
    assert outline.onsets.tolist() == [*range(0, 36, 4), 36, 38, 40, 44, 48]
    assert outline.first.tolist() == [0, 4, 8, 13]
    assert outline.sources.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 8, 9, 10, 11, 12]
    # First, leading to the end, final; in the third phrase short notes, one of them off the beat.
    leading, closing, anticipating, first, final, last, opening = range(5, 12)
    assert kinds_of(outline)[[0, 2, 3, 4, 8, 11, 12]].tolist() == [
        opening, leading, final, first, first, closing, last,
    ]  # fmt: skip
    assert kinds_of(outline)[9:11].tolist() == [1, 0]
    late = Outline(16, (Phrase(0, 16, (0, 4, 10, 12)),), (0,))
    assert kinds_of(late).tolist() == [opening, closing, anticipating, last]


def test_outlines_fill_the_tune_as_often_as_their_phrases_come():
    # Inner phrases of 8 (three times) and of 16 (once) from place 0; last ones of 8, and of 16.
    eight, sixteen = Phrase(0, 8, (0, 4)), Phrase(0, 16, (0, 8))
    corpus = [
        Outline(8, (eight, eight, eight, sixteen), (0, 1, 2, 3)),
        Outline(8, (sixteen, eight), (0, 1)),
    ]
    law = OutlineLaw().fit(corpus)
    assert law.returns_ == 0
    rng = np.random.default_rng(0)
    found = Counter(
        tuple(p.length for p in law.draw(8, 0, 32, rng).phrases)  # type: ignore[union-attr]
        for _ in range(4000)
    )
    inner, last = {8: 3 / 4, 16: 1 / 4}, {8: 1 / 2, 16: 1 / 2}
    ways = {
        lengths: np.prod([inner[n] for n in lengths[:-1]]) * last[lengths[-1]]
        for k in range(2, 5)
        for lengths in itertools.product((8, 16), repeat=k)
        if sum(lengths) == 32
    }
    total = sum(ways.values())
    assert set(found) == set(ways)
    for lengths, weight in ways.items():
        assert found[lengths] / 4000 == pytest.approx(weight / total, abs=0.03)
    assert law.draw(8, 0, 12, rng) is None and law.draw(8, 2, 32, rng) is None
    fixed = law.draw(8, 0, [16, 8], rng, (0, 1))
    assert fixed is not None and fixed.phrases == (sixteen, eight)
    assert law.draw(8, 0, [16, 8], rng, (0, 0)) is None


def test_phrases_come_back_and_agree_in_rhythm_as_in_the_corpus():
    one, two = Phrase(0, 16, (0, 4, 8, 12)), Phrase(0, 16, (0, 8, 12))
    corpus = [
        Outline(16, (one, one, two, one), (0, 0, 2, 3)),
        Outline(16, (one, one, one, two), (0, 1, 2, 3)),
        Outline(16, (two, two, two, two), (0, 1, 2, 3)),
        Outline(16, (two, two, two, one), (0, 1, 2, 3)),
    ]
    law = OutlineLaw().fit(corpus)
    # Of ten pairs of phrases that are not the same notes nine agree; by chance half would: of
    # twelve inner phrases five are `one`, and (5/12)^2 + (7/12)^2 = 74/144.
    assert law.copies_ == pytest.approx((9 / 10 - 74 / 144) / (1 - 74 / 144))
    rng = np.random.default_rng(1)
    drawn = [law.draw(16, 0, 64, rng) for _ in range(2000)]
    back = np.mean([o.repeats == (0, 0, 2, 3) for o in drawn])  # type: ignore[union-attr]
    assert back == pytest.approx(1 / 4, abs=0.03)
    again = OutlineLaw().restore(*law.state())
    assert again.rhythms_ == law.rhythms_ and again.patterns_ == law.patterns_


def small_law():
    """Return a law of three pitches after one of five, and an outline of four notes."""
    tunes = [Tune(Outline(16, (FOUR,), (0,)), 0, np.array(p)) for p in TUNES]
    return PitchLaw().fit(tunes), tunes[0].outline


TUNES = [[60, 62, 64, 60], [64, 62, 60, 60], [60, 61, 62, 60], [62, 62, 64, 63], [60, 64, 62, 60]]


EVERY = np.array(list(itertools.product(range(5), repeat=4)))


def log_prob(law, outline, lines, symbols=range(5)):
    """Return the log-probability of lines, summed note by note by the features of (1)."""
    sizes = (2 * 12 * 5, 2 * 12 * 12, 2 * 6 * 5, 12 * 26, 26 * 26)
    b, c, d, e = np.cumsum(sizes)[:4]
    total = []
    for line in lines.tolist():
        y = z = 5
        total.append(0.0)
        for kind, chosen in zip(kinds_of(outline).tolist(), line, strict=True):
            scores = {}
            for x in symbols:
                step = x - y + 12 if y < 5 else 25
                last = y - z + 12 if y < 5 and z < 5 else 25
                at = (kind * 5 + x, b + kind * 12 + (x + 60) % 12, c + y * 5 + x,
                      d + kind * 26 + step, e + last * 26 + step)  # fmt: skip
                scores[x] = math.fsum(law.weights_[i] for i in at)
            whole = math.log(sum(map(math.exp, scores.values())))
            total[-1] += scores[chosen] - whole
            y, z = chosen, y
    return np.array(total)


@pytest.mark.parametrize("symbols", [range(5), (0, 2, 4)])
def test_lines_are_drawn_from_the_law_of_pitches_note_by_note(symbols):
    law, outline = small_law()
    every = np.array(list(itertools.product(symbols, repeat=4)))
    exact = np.exp(log_prob(law, outline, every, symbols))
    assert exact.sum() == pytest.approx(1)
    rng, n = np.random.default_rng(0), 20000
    drawn = law.draw(0, outline, np.array(symbols), n, rng)
    found = np.bincount(drawn @ 5 ** np.arange(3, -1, -1), minlength=5**4)
    found = found[every @ 5 ** np.arange(3, -1, -1)] / n
    assert found.sum() == pytest.approx(1)
    noise = np.abs(rng.multinomial(n, exact, size=200) / n - exact).sum(axis=1)
    assert np.abs(found - exact).sum() < noise.max() * 1.1
    again = PitchLaw().restore(*law.state())
    np.testing.assert_allclose(log_prob(again, outline, every), log_prob(law, outline, every),
                               atol=1e-5)  # fmt: skip


def test_traits_are_counts_that_a_reader_finds():
    # C D E C | C D E C G: a motif of five notes none, of three notes two come back (C D E, D E C).
    outline = Outline(16, (FOUR, Phrase(0, 20, (0, 4, 8, 12, 16))), (0, 1))
    pitch = np.array([[60, 62, 64, 60, 60, 62, 64, 60, 67], [60] * 9])
    row, flat = traits(pitch, outline, 0)
    assert row[:2].tolist() == [2, 0]
    # Within phrases steps of 2, 2, 4, 2, 2, 4 and 7; from one to the next none.
    assert row[2:9].tolist() == [7, 3, 1, 1, 0, 0, 0] and row[9:16].tolist() == [0] * 7
    assert flat[2:16].tolist() == [0] * 14
    # Of seven three-note motifs of one pitch six are heard again, and four of five of five notes.
    assert flat[:2].tolist() == [6, 4]
    assert len(row) == len(traits(pitch, outline, 1)[0])
    # Sounding from 64 to 71: all nine notes reach 64, five 65, three 67, one 69 and 71.
    heights = traits(pitch[:1], outline, 0, 4)[0, -33:].reshape(3, 11).tolist()
    assert heights[0] == [9, 9, 5, 3, 1, 1, 0, 0, 0, 0, 0]
    assert heights[1] == [1] * 6 + [0] * 5 and heights[2] == [1, 1] + [0] * 9


def test_the_line_that_is_kept_has_the_law_of_the_notes_times_the_ratio():
    law, outline = small_law()
    soprano = Soprano()
    soprano.pitches_ = law
    every = EVERY
    features = traits(every + law.low_, outline, 0)
    soprano.weights_ = np.random.default_rng(0).normal(size=features.shape[1]) * 0.2
    # The law, by enumeration; tunes that end out of the triad are not kept.
    log_weight = log_prob(law, outline, every) + features @ soprano.weights_
    log_weight[~np.isin(every[:, -1] + law.low_, (60, 64))] = -np.inf
    exact = np.exp(log_weight - np.logaddexp.reduce(log_weight))
    rng, n = np.random.default_rng(1), 1500
    found = np.zeros(5**4)
    for _ in range(n):
        line = soprano.sing(outline, (0, 0), (60, 64), rng) - law.low_
        found[line @ 5 ** np.arange(3, -1, -1)] += 1
    # Against its own noise: draws of the exact law are as far from it.
    drawn = rng.multinomial(n, exact, size=200) / n
    noise = np.abs(drawn - exact).sum(axis=1) / 2
    assert np.abs(found / n - exact).sum() / 2 < noise.max() * 1.1


def test_weights_of_choices_are_where_the_slope_is_none():
    rng = np.random.default_rng(0)
    values, chosen = rng.normal(size=(40, 5, 3)), rng.integers(0, 5, 40)
    w = learn_choices(Valued(values), chosen, l2=2.0)
    share = np.exp(values @ w)
    share /= share.sum(axis=1, keepdims=True)
    expected = (values * share[:, :, None]).sum(axis=1)
    slope = (values[np.arange(40), chosen] - expected).sum(axis=0) - 2.0 * w
    np.testing.assert_allclose(slope, 0, atol=1e-3)
    # Marks are numbers 0 and 1.
    codes = rng.integers(0, 3, (2, 40, 5))
    ones = sum(np.eye(3)[code] for code in codes)
    np.testing.assert_allclose(
        learn_choices(Marked(codes, 3), chosen, 1.0), learn_choices(Valued(ones), chosen, 1.0),
        atol=1e-3,
    )  # fmt: skip


def test_an_event_counts_as_often_as_is_said_and_what_is_not_allowed_is_not_there():
    rng = np.random.default_rng(6)
    values, chosen = rng.normal(size=(5, 3, 2)), np.array([0, 1, 1, 0, 1])
    counts = np.array([1.0, 3.0, 2.0, 1.0, 4.0])
    often = counts.astype(int)
    expected = learn_choices(Valued(values[:, :2].repeat(often, 0)), chosen.repeat(often), 1.0)
    allowed = np.tile([True, True, False], (5, 1))
    found = learn_choices(Valued(values, allowed), chosen, 1.0, counts)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_soprano_is_drawn_on_its_page():
    tunes = Soprano.tunes_of([SHORT, SHORT.transpose(2), SHORT.transpose(-3)])
    assert [tune.mode for tune in tunes] == [0, 0, 0]
    soprano = Soprano().fit(tunes, (60, 80))
    again = Soprano().restore(*soprano.state())
    page = blank_page(3, (1, 0), (4, 4))
    one, two = (s.draw(page, (1, 0), (60, 76), np.random.default_rng(3)) for s in (soprano, again))
    assert one is not None and two is not None and one.melody == two.melody
    pitch = one.melody.notes["pitch"]
    assert pitch.min() >= 60 and pitch.max() <= 76 and pitch[-1] % 12 in (7, 11, 2)
    assert one.spans[-1][1] == page.end and len(one.spans) == 3
    # Of other metres, or of bars that its phrases do not fill, it knows nothing.
    rng = np.random.default_rng(0)
    assert soprano.draw(blank_page(4, (0, 0), (6, 8)), (0, 0), (60, 76), rng) is None
    assert soprano.draw(blank_page(4, (0, 0), (3, 4)), (0, 0), (60, 76), rng) is None
    assert soprano.draw(page, (1, 0), (60, 76), rng, ends=[QUARTER, page.end]) is None


def test_tunes_finer_than_the_outline_are_left_out():
    fine = sung([67, 69, 71, 72], [0.125, 0.125, 0.75, 3], [3])
    bare = SHORT.replace(fermatas=SHORT.fermatas[:0])
    assert len(Soprano.tunes_of([fine, bare, SHORT])) == 1
