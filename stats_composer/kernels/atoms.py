"""What a frame model can see when it asks whether a key sounds: small integers, by name.

A frame is a set of keys. The chain rule asks key after key; when it comes to key k of frame t,
it knows all frames before t and the keys it has passed in t. From these the functions here
and in `kernels/key_atoms.py` compute *atoms*, of three kinds:

* of the frame: the frames before as hashes, their voices, pitch-class sets, the key and the bar
  the piece seems to be in, the line of its top voice, how much changes, and where earlier in the
  piece things went as they go now;
* of the gap since the last key found sounding: the notes so far, absolute and relative, and the
  line of the voice whose note comes next;
* of the key itself: its history, its distances to what sounds near it.

Conventions
-----------
Keys are visited in rising order, or first the top note from above and then the rest in rising
order. "Ahead" is the direction of the visit. Distances are clipped; -1 is "none".
"""

from __future__ import annotations

from stats_composer.kernels._jit import inline, shared
from stats_composer.kernels.mixer import fold
from stats_composer.kernels.past import (
    AGE,
    BAR,
    BEAT,
    CHANGES,
    FAR,
    FIRST_BEAT,
    LAST_AGE,
    MISSES,
    MOVED,
    N_VOICES,
    PERIOD,
    PERIODS,
    SHIFT,
    log_size,
    remember_frame,
)
from stats_composer.kernels.recall import (
    begun_in,
    estimate_key,
    find_bar,
    find_lines,
    find_moved,
    find_places,
)

__all__ = ["ATOMS", "GATE_SIZE", "MEMORY", "TOP", "fill_frame", "fill_gap"]

ATOMS = (
    # of the frame
    "one", "time4", "time8", "time16", "time12", "start", "count1", "count2",
    "frames1", "frames2", "frames3", "frames4", "frames6", "voices1", "voices2", "voices3",
    "voices4", "bass1", "top1", "classes1", "classes2", "bass_class1", "key", "mode", "onsets",
    "match", "shape1", "bass2", "top2",
    "metre", "bar4", "chord_age", "chord_age2", "tops2", "tops3", "tops4", "tops6", "tops8",
    "steps3", "steps4", "steps6", "tune1", "tune2", "tune3", "tune4", "top_run",
    "tune_match", "steps_match", "tune_expected", "steps_expected", "top_onsets",
    "pace", "trust", "rhythm", "moved_far",
    # of the gap
    "rank", "last", "last2", "bass", "top", "sofar", "sofar_classes", "sofar_shape",
    "sofar_bass", "moves", "last_move", "own1", "own2", "own3", "own4", "own_step1", "own_step2",
    "own_class", "own_degree", "agree", "expected", "own_shape1", "own_shape2", "bass_shape1",
    "tonic", "last_class", "bass_class", "top_move", "next1", "bass_degree",
    "own_shape3", "line6", "line_steps4", "line_steps6", "line_match", "line_expected",
    "line_steps_match", "line_steps_expected", "moved_expected",
    # of the key
    "pitch", "degree", "on1", "run", "past2", "past4", "past8", "past16", "seen", "ahead",
    "behind", "from_last", "from_last2", "from_own", "near2", "near3", "near5", "near12",
    "near3_2", "near5_2", "near3_3", "set_below", "set1", "set2", "set_recent", "matched",
    "aligned", "vote", "lagged", "at_lags", "used", "used_class", "duration", "count", "left",
    "aligned_miss", "match_miss", "lag_miss", "tune_matched",
    "octaves", "parallel", "class_age", "fresh", "fresh_class", "set8", "moved", "moved_side",
)  # fmt: skip
(
    ONE, TIME4, TIME8, TIME16, TIME12, START, COUNT1, COUNT2,
    FRAMES1, FRAMES2, FRAMES3, FRAMES4, FRAMES6, VOICES1, VOICES2, VOICES3,
    VOICES4, BASS1, TOP1, CLASSES1, CLASSES2, BASS_CLASS1, KEY, MODE, ONSETS,
    MATCH, SHAPE1, BASS2, TOP2,
    METRE, BAR4, CHORD_AGE, CHORD_AGE2, TOPS2, TOPS3, TOPS4, TOPS6, TOPS8,
    STEPS3, STEPS4, STEPS6, TUNE1, TUNE2, TUNE3, TUNE4, TOP_RUN,
    TUNE_MATCH, STEPS_MATCH, TUNE_EXPECTED, STEPS_EXPECTED, TOP_ONSETS,
    PACE, TRUST, RHYTHM, MOVED_FAR,
    RANK, LAST, LAST2, BASS, TOP, SOFAR, SOFAR_CLASSES, SOFAR_SHAPE,
    SOFAR_BASS, MOVES, LAST_MOVE, OWN1, OWN2, OWN3, OWN4, OWN_STEP1, OWN_STEP2,
    OWN_CLASS, OWN_DEGREE, AGREE, EXPECTED, OWN_SHAPE1, OWN_SHAPE2, BASS_SHAPE1,
    TONIC, LAST_CLASS, BASS_CLASS, TOP_MOVE, NEXT1, BASS_DEGREE,
    OWN_SHAPE3, LINE6, LINE_STEPS4, LINE_STEPS6, LINE_MATCH, LINE_EXPECTED,
    LINE_STEPS_MATCH, LINE_STEPS_EXPECTED, MOVED_EXPECTED,
    PITCH, DEGREE, ON1, RUN, PAST2, PAST4, PAST8, PAST16, SEEN, AHEAD,
    BEHIND, FROM_LAST, FROM_LAST2, FROM_OWN, NEAR2, NEAR3, NEAR5, NEAR12,
    NEAR3_2, NEAR5_2, NEAR3_3, SET_BELOW, SET1, SET2, SET_RECENT, MATCHED,
    ALIGNED, VOTE, LAGGED, AT_LAGS, USED, USED_CLASS, DURATION, COUNT, LEFT,
    ALIGNED_MISS, MATCH_MISS, LAG_MISS, TUNE_MATCHED,
    OCTAVES, PARALLEL, CLASS_AGE, FRESH, FRESH_CLASS, SET8, MOVED_KEY, MOVED_SIDE,
) = range(len(ATOMS))  # fmt: skip

# Atoms that look further back than the last frames: the in-piece memory.
MEMORY = frozenset(
    [
        *("match", "match_miss", "matched", "expected", "agree"),
        *("aligned", "aligned_miss", "vote", "lagged", "lag_miss", "at_lags"),
        *("used", "used_class", "duration"),
        *("tune_match", "steps_match", "tune_expected", "steps_expected", "tune_matched"),
        *("line_match", "line_steps_match", "line_expected", "line_steps_expected"),
        *("moved", "moved_side", "moved_far", "moved_expected", "pace", "trust", "rhythm"),
        *("fresh", "fresh_class", "class_age"),
    ]
)
# What gates can show: values from 0, below this.
GATE_SIZE = {
    "one": 1, "time4": 4, "time8": 8, "time16": 16, "start": 4, "count1": 10, "rank": 10,
    "pitch": 128, "on1": 2, "run": 32, "past4": 16, "seen": 64, "ahead": 32, "behind": 32,
    "from_last": 32, "match": 12, "agree": 4, "matched": 3, "aligned": 48, "vote": 13,
    "lagged": 36, "mode": 3, "left": 8, "count": 10, "near2": 32, "from_own": 32, "degree": 13,
    "match_miss": 4, "aligned_miss": 4, "key": 25, "last": 128, "top_move": 32,
    "metre": sum(PERIODS) + 1, "bar4": 4, "chord_age": 17, "tune_match": 12, "steps_match": 12,
    "tune_matched": 5, "top_run": 12, "pace": 6, "trust": 6, "rhythm": 64, "moved_far": 8,
    "moved": 13, "octaves": 32, "parallel": 3, "class_age": 12, "fresh": 10, "fresh_class": 10,
}  # fmt: skip


@inline
def hash_voices(voices, t, reference):  # type: ignore[no-untyped-def]
    """Return a hash of the four voices of frame t relative to a key; 0 before the first."""
    if t < 0:
        return 0
    h = 1
    for v in range(N_VOICES):
        h = fold(h, voices[t, v] - reference)
    return h


@inline
def _fill_before(past, t, atoms):  # type: ignore[no-untyped-def]
    """Write the atoms of the frames before t."""
    atoms[COUNT1] = min(past.n_notes[t - 1], 9) if t > 0 else -1
    atoms[COUNT2] = min(past.n_notes[t - 2], 9) if t > 1 else -1
    h = 11
    for d in range(1, 7):
        h = fold(h, past.hashes[t - d] if t >= d else -d)
        if d <= 4:
            atoms[FRAMES1 + d - 1] = h
            atoms[VOICES1 + d - 1] = hash_voices(past.voices, t - d, 0)
    atoms[FRAMES6] = h
    atoms[BASS1] = past.voices[t - 1, 0] if t > 0 else -1
    atoms[TOP1] = past.voices[t - 1, 3] if t > 0 else -1
    atoms[BASS2] = past.voices[t - 2, 0] if t > 1 else -1
    atoms[TOP2] = past.voices[t - 2, 3] if t > 1 else -1
    atoms[SHAPE1] = hash_voices(past.voices, t - 1, atoms[BASS1])
    atoms[CLASSES1] = past.classes[t - 1] if t > 0 else -1
    atoms[CLASSES2] = past.classes[t - 2] if t > 1 else -1
    atoms[BASS_CLASS1] = atoms[BASS1] % 12 if t > 0 else -1


@shared
def fill_frame(past, roll, t, profiles, atoms):  # type: ignore[no-untyped-def]
    """Write the atoms of frame t, after adding the frame before it to what is known."""
    if t > 0:
        remember_frame(past, roll, t - 1)
    past.place[:] = -1
    atoms[MATCH] = find_places(past, roll, t)
    atoms[ONE] = 0
    atoms[TIME4], atoms[TIME8], atoms[TIME16] = t % 4, t % 8, t % 16
    atoms[TIME12] = t % 12
    atoms[START] = min(t, 3)
    _fill_before(past, t, atoms)
    atoms[KEY] = estimate_key(past.used_class, profiles)
    atoms[MODE] = atoms[KEY] // 12
    atoms[TONIC] = atoms[KEY] % 12
    onsets = 0
    for d in range(1, 9):
        onsets <<= 1
        if t > d and (
            past.words[t - d, 0] & ~past.words[t - d - 1, 0]
            or past.words[t - d, 1] & ~past.words[t - d - 1, 1]
        ):
            onsets |= 1
    atoms[ONSETS] = onsets
    fill_bar(past, t, atoms)
    fill_tune(past, t, atoms)
    find_moved(past, roll, t)
    atoms[MOVED_FAR] = past.moved[FAR]
    misses, moves = past.pace[MISSES], past.pace[CHANGES]
    atoms[PACE] = int(min(5.0, moves * 0.05))
    atoms[TRUST] = int(min(5.0, 4.0 * misses / (moves + 0.5)))
    period = PERIODS[past.bar[PERIOD]]
    near = begun_in(past, t, past.place[1])
    atoms[RHYTHM] = (
        16 * near + 4 * begun_in(past, t, t - period) + begun_in(past, t, t - 2 * period)
    )


@inline
def fill_bar(past, t, atoms):  # type: ignore[no-untyped-def]
    """Write the atoms of the bar, and when of late the top voice moved."""
    find_bar(past, t)
    bar, voices = past.bar, past.voices
    atoms[METRE] = FIRST_BEAT[bar[PERIOD]] + bar[BEAT] if bar[BEAT] >= 0 else FIRST_BEAT[-1]
    atoms[BAR4] = bar[BAR]
    atoms[CHORD_AGE], atoms[CHORD_AGE2] = min(bar[AGE], 16), min(bar[LAST_AGE], 16)
    onsets = 0
    for d in range(1, 13):
        onsets *= 2
        if t > d and voices[t - d, 3] != voices[t - d - 1, 3]:
            onsets += 1
    atoms[TOP_ONSETS] = onsets


@shared
def fill_tune(past, t, atoms):  # type: ignore[no-untyped-def]
    """Write the atoms of the top voice: its last frames, its last notes, what comes next."""
    find_lines(past, t)
    voices, place = past.voices, past.line_place[3]
    line, steps = 17, 19
    for d in range(1, 9):
        line = fold(line, voices[t - d, 3] if t >= d else -d)
        steps = fold(steps, voices[t - d, 3] - voices[t - d - 1, 3] if t > d else -99)
        if d == 2:
            atoms[TOPS2] = line
        elif d == 3:
            atoms[TOPS3], atoms[STEPS3] = line, steps
        elif d == 4:
            atoms[TOPS4], atoms[STEPS4] = line, steps
        elif d == 6:
            atoms[TOPS6], atoms[STEPS6] = line, steps
    atoms[TOPS8] = line
    atoms[TUNE1] = voices[t - 1, 3] if t > 0 else -1
    atoms[TUNE2] = atoms[TUNE3] = atoms[TUNE4] = -1
    n, run = 0, 0
    for d in range(1, min(t, 48) + 1):
        if voices[t - d, 3] != atoms[TUNE1 + n]:
            n += 1
            if n == 4:
                break
            atoms[TUNE1 + n] = voices[t - d, 3]
        if n == 0:
            run = d
    atoms[TOP_RUN] = log_size(run)
    atoms[TUNE_MATCH], atoms[STEPS_MATCH] = log_size(place[2]), log_size(place[3])
    atoms[TUNE_EXPECTED] = voices[place[0], 3] if place[0] >= 0 else -1
    atoms[STEPS_EXPECTED] = -1
    if place[1] >= 0:
        step = voices[place[1], 3] - voices[place[1] - 1, 3]
        atoms[STEPS_EXPECTED] = voices[t - 1, 3] + step


@inline
def _fill_own(past, t, atoms):  # type: ignore[no-untyped-def]
    """Write what the voice that is looked for did before; its notes are there already."""
    own = atoms[OWN1]
    atoms[OWN_STEP1] = own - atoms[OWN2] if t > 1 else -99
    atoms[OWN_STEP2] = atoms[OWN2] - atoms[OWN3] if t > 2 else -99
    atoms[OWN_CLASS] = own % 12 if t > 0 else -1
    atoms[OWN_DEGREE] = (own - atoms[TONIC]) % 12 if t > 0 else -1
    atoms[OWN_SHAPE1] = hash_voices(past.voices, t - 1, own)
    atoms[OWN_SHAPE2] = hash_voices(past.voices, t - 2, own)
    atoms[OWN_SHAPE3] = hash_voices(past.voices, t - 3, own)


@inline
def _fill_found(past, t, lowest, atoms):  # type: ignore[no-untyped-def]
    """Write what the notes found so far are together, and how they moved."""
    own, top = atoms[OWN1], atoms[TOP]
    sofar, shape, above, moves, classes = fold(3, top), 5, 6, 8, 0
    if top >= 0:
        shape = fold(shape, top - own)
        above = fold(above, top - lowest)
        moves = fold(moves, top - past.voices[t - 1, 3] if t > 0 else 99)
        classes = 1 << (top % 12)
    for i in range(past.found[0]):
        k = past.notes[i]
        sofar = fold(sofar, k)
        shape = fold(shape, k - own)
        above = fold(above, k - lowest)
        moves = fold(moves, k - past.voices[t - 1, min(i, 3)] if t > 0 else 99)
        classes |= 1 << (k % 12)
    atoms[SOFAR], atoms[SOFAR_SHAPE], atoms[SOFAR_BASS], atoms[MOVES] = sofar, shape, above, moves
    atoms[SOFAR_CLASSES] = classes


@shared
def fill_gap(past, roll, t, descending, atoms):  # type: ignore[no-untyped-def]
    """Write the atoms of the gap after the last note found of the frame.

    `atoms[TOP]` is the top note if it was found first, else -1; the n notes after it are
    `past.notes[:n]`, in rising order. While it is looked for, `descending` is true.
    """
    notes, n, top = past.notes, past.found[0], atoms[TOP]
    v = N_VOICES - 1 if descending else min(n, N_VOICES - 1)
    atoms[RANK] = 9 if descending else min(n, 8)
    atoms[LAST] = notes[n - 1] if n > 0 else -1
    atoms[LAST2] = notes[n - 2] if n > 1 else -1
    atoms[BASS] = notes[0] if n > 0 else -1
    for d in range(1, 5):
        atoms[OWN1 + d - 1] = past.voices[t - d, v] if t >= d else -d
    _fill_own(past, t, atoms)
    fill_line(past, t, v, atoms)
    lowest = notes[0] if n > 0 else top if top >= 0 else atoms[OWN1]
    atoms[BASS_SHAPE1] = hash_voices(past.voices, t - 1, lowest)
    _fill_found(past, t, lowest, atoms)
    atoms[LAST_MOVE] = -99
    if n > 0 and t > 0:
        atoms[LAST_MOVE] = notes[n - 1] - past.voices[t - 1, min(n - 1, 3)]
    atoms[TOP_MOVE] = -99
    if top >= 0 and t > 0:
        atoms[TOP_MOVE] = top - past.voices[t - 1, 3]
    atoms[LAST_CLASS] = atoms[LAST] % 12 if n > 0 else -1
    atoms[BASS_CLASS] = atoms[BASS] % 12 if n > 0 else -1
    atoms[BASS_DEGREE] = (atoms[BASS] - atoms[TONIC]) % 12 if n > 0 else -1
    match = past.place[0]
    atoms[AGREE] = min(past.found[5], 3) if match >= 0 else -1
    start = atoms[LAST] + 1
    atoms[EXPECTED] = next_note(roll, match, start, descending)
    atoms[NEXT1] = next_note(roll, t - 1, start, descending)
    moved, shift = past.moved[MOVED], past.moved[SHIFT]
    expected = next_note(roll, moved, max(start - shift, 0), descending)
    atoms[MOVED_EXPECTED] = expected + shift if expected >= 0 else -1


@inline
def fill_line(past, t, v, atoms):  # type: ignore[no-untyped-def]
    """Write the atoms of the line of voice v."""
    voices, place = past.voices, past.line_place[v]
    atoms[LINE6], atoms[LINE_STEPS4] = past.line_hash[v, 0], past.line_hash[v, 1]
    atoms[LINE_STEPS6] = past.line_hash[v, 2]
    atoms[LINE_MATCH], atoms[LINE_STEPS_MATCH] = log_size(place[2]), log_size(place[3])
    atoms[LINE_EXPECTED] = voices[place[0], v] if place[0] >= 0 else -1
    atoms[LINE_STEPS_EXPECTED] = -1
    if place[1] >= 0:
        step = voices[place[1], v] - voices[place[1] - 1, v]
        atoms[LINE_STEPS_EXPECTED] = voices[t - 1, v] + step


@inline
def next_note(roll, t, k, descending):  # type: ignore[no-untyped-def]
    """Return the first note of frame t from key k on, or the top one; -1 if there is none."""
    if t < 0:
        return -1
    if descending:
        for other in range(roll.shape[1] - 1, -1, -1):
            if roll[t, other]:
                return other
        return -1
    for other in range(k, roll.shape[1]):
        if roll[t, other]:
            return other
    return -1
