"""The viewpoints of melodies: what each variant may know, and no more."""

import numpy as np
import pytest

from stats_composer.composers.melody_viewpoints import melody_viewpoints
from stats_composer.score import Score, make_notes
from stats_composer.theory import TICKS_PER_QUARTER
from stats_composer.views import MELODY_DTYPE, melody_table

RHYTHM = ("duration", "rest", "position", "bar", "level", "final")


def melody(seed, n=24):
    rng = np.random.default_rng(seed)
    duration = rng.choice([1, 2, 4], n) * TICKS_PER_QUARTER // 2
    notes = make_notes(
        onset=np.cumsum(duration) - duration,
        duration=duration,
        pitch=np.clip(67 + np.cumsum(rng.integers(-2, 3, n)), 60, 74),
    )
    table = melody_table(Score(notes))
    table["final"] = np.arange(n) % 8 == 7
    table["since"] = np.arange(n) % 8
    return table


def change_rhythm(table, start, seed=1):
    """Give the notes from `start` on another rhythm; what `since` says of earlier ones stays."""
    changed = table.copy()
    for name in RHYTHM:
        column = table[name][start:]
        changed[name][start:] = np.random.default_rng(seed).permutation(column) + (
            0 if name == "final" else 1
        )
    changed["since"][start + 1 :] = 0
    return changed


@pytest.fixture(scope="module")
def models():
    corpus = [melody(seed) for seed in range(8)]
    variants = ("none", "so far", "given")
    return {name: melody_viewpoints(name, penalty=16.0).fit(corpus) for name in variants}


def test_pitches_alone_do_not_hear_the_rhythm(models):
    table = melody(20)
    a, b = models["none"].predict_log_proba([table, change_rhythm(table, 0)])
    np.testing.assert_array_equal(a, b)


def test_the_rhythm_so_far_ends_before_the_note(models):
    table = melody(21)
    a, b = models["so far"].predict_log_proba([table, change_rhythm(table, 10)])
    np.testing.assert_array_equal(a[:11], b[:11])
    assert (a[11:] != b[11:]).any()


def test_the_rhythm_given_is_that_of_the_note(models):
    table = melody(22)
    a, b = models["given"].predict_log_proba([table, change_rhythm(table, 10)])
    np.testing.assert_array_equal(a[:10], b[:10])
    assert (a[10] != b[10]).any()


def test_no_variant_hears_a_later_pitch(models):
    table = melody(23)
    other = table.copy()
    other["pitch"][12:] = 67
    other["degree"][12:] = 7
    for model in models.values():
        a, b = model.predict_log_proba([table, other])
        np.testing.assert_array_equal(a[:13], b[:13])


def test_another_variant_is_refused():
    with pytest.raises(ValueError, match="expected one of none, so far, given"):
        melody_viewpoints("all")


def test_every_column_that_is_named_exists(models):
    assert models["given"].columns_ == MELODY_DTYPE.names
