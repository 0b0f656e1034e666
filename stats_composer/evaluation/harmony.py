"""Measures of harmony: where it starts, how roots move, what belongs to the key.

The chords are those of the beats (`Reading.beat_chords`); a progression goes from one root to
the next other one.
"""

from __future__ import annotations

from itertools import pairwise

from stats_composer.evaluation.measures import Found, Hit, Measure, measure
from stats_composer.evaluation.reading import Reading
from stats_composer.theory import MINOR, estimate_key

__all__ = ["HARMONY"]

HARMONY: list[Measure] = []


def _root_motion(reading: Reading, *semitones: int) -> Found:
    """Find changes of root by so many semitones upwards."""
    n, hits = 0, []
    for (_, one), (tick, other) in pairwise(reading.progression):
        if one.root != other.root:
            n += 1
            if (other.root - one.root) % 12 in semitones:
                hits.append(Hit(tick))
    return Found(n, hits)


@measure(HARMONY, "progressions", "changes of root down a fifth")
def _root_down_fifth(reading: Reading) -> Found:
    return _root_motion(reading, 5)


@measure(HARMONY, "progressions", "changes of root down a third")
def _root_down_third(reading: Reading) -> Found:
    return _root_motion(reading, 8, 9)


@measure(HARMONY, "progressions", "changes of root up a third")
def _root_up_third(reading: Reading) -> Found:
    return _root_motion(reading, 3, 4)


@measure(HARMONY, "progressions", "changes of root by step")
def _root_by_step(reading: Reading) -> Found:
    return _root_motion(reading, 1, 2, 10, 11)


@measure(HARMONY, "sonorities", "beats on which no chord sounds")
def _beats_without_chord(reading: Reading) -> Found:
    if len(reading.lines) < 3:
        return Found(0, [])
    beats = zip(reading.beats.tolist(), reading.beat_chords, strict=True)
    return Found(len(reading.beats), [Hit(tick) for tick, chord in beats if chord is None])


@measure(HARMONY, "sonorities", "chords of beats that are inverted")
def _inversions(reading: Reading) -> Found:
    chords = [
        (tick, chord)
        for tick, chord in zip(reading.beats.tolist(), reading.beat_chords, strict=True)
        if chord and len(reading.lines) > 1
    ]
    return Found(len(chords), [Hit(tick) for tick, chord in chords if chord.bass])


@measure(HARMONY, "sonorities", "triads of beats in second inversion")
def _six_four(reading: Reading) -> Found:
    chords = [
        (tick, chord)
        for tick, chord in zip(reading.beats.tolist(), reading.beat_chords, strict=True)
        if chord and chord.is_triad and len(reading.lines) > 2
    ]
    return Found(len(chords), [Hit(tick) for tick, chord in chords if chord.bass in (6, 7, 8)])


@measure(HARMONY, "openings", "pieces that begin with the tonic")
def _first_chord_tonic(reading: Reading) -> Found:
    if not reading.progression or len(reading.lines) < 3:
        return Found(0, [])
    tick, chord = reading.progression[0]
    return Found(1, [Hit(tick)] if chord.root == reading.tonic else [])


@measure(HARMONY, "openings", "pieces whose first phrase is in the home key")
def _first_phrase_home(reading: Reading) -> Found:
    if not reading.phrases:
        return Found(0, [])
    first = reading.phrases[0]
    notes = reading.score.notes
    inside = notes[notes["onset"] < first.end]
    key = estimate_key(inside["pitch"], inside["duration"], inside["onset"], ending=0.0)
    home = 7 * (key[0] - reading.key[0]) % 12 == 0 and key[1] == reading.key[1]
    return Found(1, [Hit(first.start)] if home else [])


def _in_minor(reading: Reading, above: int) -> Found:
    """Find notes of minor pieces so many semitones above the tonic."""
    if reading.key[1] != MINOR:
        return Found(0, [])
    n, hits = 0, []
    for column, notes in enumerate(reading.lines):
        n += len(notes)
        chosen = notes[(notes["pitch"] - reading.tonic) % 12 == above]
        hits += [Hit(int(tick), (column,)) for tick in chosen["onset"]]
    return Found(n, hits)


@measure(HARMONY, "keys", "notes of minor pieces on the flat second")
def _minor_flat_second(reading: Reading) -> Found:
    return _in_minor(reading, 1)


@measure(HARMONY, "keys", "notes of minor pieces on the raised seventh")
def _minor_raised_seventh(reading: Reading) -> Found:
    return _in_minor(reading, 11)


@measure(HARMONY, "openings", "later phrases that begin on the root of the end before")
def _after_end_tonic(reading: Reading) -> Found:
    n, hits = 0, []
    for before, phrase in pairwise(reading.phrases):
        last = reading.chord_between(before.onset, before.end)
        first = reading.chord_between(phrase.start, phrase.end)
        if last and first and len(reading.lines) > 2:
            n += 1
            if last.root == first.root:
                hits.append(Hit(phrase.start))
    return Found(n, hits)
