"""Where earlier a piece went as it goes now, and the bar and the key that it is felt to be in.

Three places earlier in the piece are pointed at before each frame: the one after the longest
equal stretch, the one after the stretch that was nearest (differing keys, three quarters of their
weight a frame), and the one a lag ago whose differences fade most. One more is the nearest when
moved up or down with its top voice. And of each voice there are the two where it alone, or its
steps, went as now for longest.

The bar is felt, not given: of a few periods the one under which the changes of harmony so far
were predicted best, and of its frames the one with most of them for the first.
"""

from __future__ import annotations

import math

from stats_composer.kernels._jit import inline, shared
from stats_composer.kernels.mixer import fold
from stats_composer.kernels.past import (
    AGE,
    BAR,
    BEAT,
    FAR,
    LAST_AGE,
    MAX_LAG,
    MOVED,
    N_CHANGES,
    N_VOICES,
    PERIOD,
    PERIODS,
    SHIFT,
    WORD,
    WORD_MASK,
    count_bits,
    log_size,
    unlike,
)

__all__ = ["begun_in", "estimate_key", "find_bar", "find_lines", "find_moved", "find_places"]

KEPT = 0.75  # of what frames differed in, a frame later
BEFORE = 1.0 / (1.0 - KEPT)  # as if a key a frame had differed before the piece began
DOUBT = 1.5 * BEFORE  # of a new shift, so that one that goes on is believed first
NEARLY, NEARLY_MOVED = 6.0, 4.0  # places so much farther than the nearest have no vote: exp(-6) ...
LAG_LEFT = 0.93  # slower, as a lag has to hold for bars
LAG_BEFORE = 30.0  # about two keys a frame, 2 / (1 - 0.93): a lag begins as bad as chance
UNREACHED = 99.0  # beyond any distance: moved by more than the keys of a word
FARTHEST = 1e9
FEW = 1e-9  # so that a division by no votes is none
STEP, LAG_STEP, MOVED_STEP = 1.2, 3.0, 0.7  # steps of distances as atoms: some 15, 11 and 7 of them
NO_PLACE, NO_SHIFT = 15, 7  # past the last step: there is no such place
SEED, SEED_MOVES, NO_STEP = 17, 19, -99  # hashes of a line and of its steps begin unlike


@shared
def find_places(past, roll, t):  # type: ignore[no-untyped-def]
    """Find where earlier in the piece things went as they go before frame t, and vote."""
    longest, match, nearest, near = 0, -1, FARTHEST, -1
    for j in range(t - 1, 0, -1):  # downwards: what is known of j - 1 is still of frame t - 1
        e = unlike(past, t - 1, j - 1)
        past.distance[j] = KEPT * (past.distance[j - 1] if j > 1 else BEFORE) + e
        past.length[j] = (past.length[j - 1] + 1 if j > 1 else 1) if e == 0 else 0
        if past.length[j] > longest:
            longest, match = past.length[j], j
        if past.distance[j] < nearest:
            nearest, near = past.distance[j], j
    past.vote[:] = 0.0
    total = FEW
    for j in range(1, t):
        if past.distance[j] < nearest + NEARLY:
            share = math.exp(nearest - past.distance[j])
            total += share
            for k in range(roll.shape[1]):
                if roll[j, k]:
                    past.vote[k] += share
    for k in range(roll.shape[1]):
        past.vote[k] /= total
    least, lag = FARTHEST, 0
    for d in range(2, MAX_LAG + 1):
        if t > d:
            past.lag_error[d] = LAG_LEFT * past.lag_error[d] + unlike(past, t - 1, t - 1 - d)
            # whole beats or bars, whether of four frames or of six
            if (d % 4 == 0 or d % 6 == 0) and past.lag_error[d] < least:
                least, lag = past.lag_error[d], d
        else:
            past.lag_error[d] = LAG_BEFORE
    past.place[0] = match
    past.place[1] = near
    past.place[2] = t - lag if lag else -1
    past.place[3] = NO_PLACE if near < 0 else int(min(NO_PLACE - 1.0, nearest * STEP))
    past.place[4] = 0 if not lag else 1 + int(min(10.0, least / LAG_STEP))
    return log_size(longest)


@inline
def shifted(low, high, s):  # type: ignore[no-untyped-def]
    """Return a frame's two words, its keys moved by s, less than a word; none beyond them."""
    if s >= 0:
        return (low << s) & WORD_MASK, ((high << s) | (low >> (WORD - s))) & WORD_MASK
    s = -s
    return ((low >> s) | (high << (WORD - s))) & WORD_MASK, high >> s


@inline
def unlike_moved(past, t, j, s):  # type: ignore[no-untyped-def]
    """Return how unlike frame t is to frame j moved by s; a semitone beside is a quarter off."""
    words = past.words
    a, b = shifted(words[j, 0], words[j, 1], s)
    c, d = shifted(words[j, 2], words[j, 3], s)
    exact = count_bits(words[t, 0] ^ a) + count_bits(words[t, 1] ^ b)
    far = count_bits(words[t, 0] & ~c) + count_bits(words[t, 1] & ~d)
    far += count_bits(a & ~words[t, 2]) + count_bits(b & ~words[t, 3])
    return 0.75 * far + 0.25 * exact  # what is far is not exact either: 1 together


@shared
def find_moved(past, roll, t):  # type: ignore[no-untyped-def]
    """Find where earlier things went, higher or lower, as they go before frame t, and vote.

    A place keeps its shift while the top voice's is at most a semitone away: steps of a scale
    are one or two.
    """
    voices, distance, shift = past.voices, past.moved_distance, past.moved_shift
    nearest = FARTHEST
    past.moved[MOVED], past.moved[SHIFT], past.moved[FAR] = -1, 0, NO_SHIFT
    for j in range(t - 1, 0, -1):
        s, far = voices[t - 1, 3] - voices[j - 1, 3], DOUBT
        if j > 1 and abs(s - shift[j - 1]) <= 1:
            s, far = shift[j - 1], distance[j - 1]
        shift[j] = s
        e = unlike_moved(past, t - 1, j - 1, s) if abs(s) < WORD else UNREACHED
        distance[j] = KEPT * far + e
        if s != 0 and distance[j] < nearest:
            nearest = distance[j]
            past.moved[MOVED], past.moved[SHIFT] = j, s
    past.moved_vote[:] = 0.0
    if past.moved[MOVED] < 0:
        return
    past.moved[FAR] = int(min(NO_SHIFT - 1.0, MOVED_STEP * nearest))
    total = 0.0
    for j in range(1, t):
        if shift[j] != 0 and distance[j] < nearest + NEARLY_MOVED:
            share = math.exp(nearest - distance[j])
            total += share
            for k in range(roll.shape[1]):
                if roll[j, k] and 0 <= k + shift[j] < roll.shape[1]:
                    past.moved_vote[k + shift[j] + 1] += share
    for i in range(past.moved_vote.shape[0]):
        past.moved_vote[i] /= total


@shared
def find_lines(past, t):  # type: ignore[no-untyped-def]
    """Find where earlier each voice went as it goes before frame t."""
    voices = past.voices
    for v in range(N_VOICES):
        tune, steps, place = past.lines[v, 0], past.lines[v, 1], past.line_place[v]
        place[0] = place[1] = -1
        place[2] = place[3] = 0
        step = voices[t - 1, v] - voices[t - 2, v] if t > 1 else 0
        for j in range(t - 1, 0, -1):
            same = voices[t - 1, v] == voices[j - 1, v]
            tune[j] = (tune[j - 1] + 1 if j > 1 else 1) if same else 0
            if tune[j] > place[2]:
                place[2], place[0] = tune[j], j
            same = j > 1 and step == voices[j - 1, v] - voices[j - 2, v]
            steps[j] = steps[j - 1] + 1 if same else 0
            if steps[j] > place[3]:
                place[3], place[1] = steps[j], j
        line, moves = SEED, SEED_MOVES
        for d in range(1, 7):
            line = fold(line, voices[t - d, v] if t >= d else -d)
            moves = fold(moves, voices[t - d, v] - voices[t - d - 1, v] if t > d else NO_STEP)
            if d == 4:
                past.line_hash[v, 1] = moves
        past.line_hash[v, 0], past.line_hash[v, 2] = line, moves


@inline
def is_change(past, t):  # type: ignore[no-untyped-def]
    """Return whether the bass moves or two notes begin in frame t."""
    begun = 0
    for w in range(2):
        begun += count_bits(past.words[t, w] & ~past.words[t - 1, w])
    return begun >= 2 or past.voices[t, 0] != past.voices[t - 1, 0]


@shared
def find_bar(past, t):  # type: ignore[no-untyped-def]
    """Find where frame t lies in its bar, after frame t - 1 was heard."""
    bar = past.bar
    if t > 1:
        event = is_change(past, t - 1)
        mean = (bar[N_CHANGES] + 1.0) / (t + 5.0)  # as if one frame in five had been a change
        for i in range(len(PERIODS)):
            r = (t - 1) % PERIODS[i]
            p = (past.changes[i, r] + mean) / ((t - 1) // PERIODS[i] + 1.0)
            past.fit[i] += math.log(p if event else 1.0 - p)
            past.changes[i, r] += event
        if event:
            bar[N_CHANGES] += 1
            bar[LAST_AGE], bar[AGE] = bar[AGE], 0
    if t > 0:
        bar[AGE] += 1
    bar[BEAT] = -1
    if bar[N_CHANGES] == 0:
        return
    chosen = 0
    for i in range(1, len(PERIODS)):
        if past.fit[i] > past.fit[chosen]:
            chosen = i
    first = 0
    for r in range(1, PERIODS[chosen]):
        if past.changes[chosen, r] > past.changes[chosen, first]:
            first = r
    bar[PERIOD] = chosen
    bar[BEAT] = (t - first) % PERIODS[chosen]
    bar[BAR] = (t - first) // PERIODS[chosen] % 4


@shared
def estimate_key(used_class, profiles):  # type: ignore[no-untyped-def]
    """Return 12 mode + tonic of the profile nearest to the pitch classes so far; 24 if none."""
    best, chosen = 0.0, 24
    for mode in range(2):
        for tonic in range(12):
            score = 0.0
            for c in range(12):
                score += used_class[(tonic + c) % 12] * profiles[mode, c]
            if score > best:
                best, chosen = score, 12 * mode + tonic
    return chosen


@inline
def begun_in(past, t, s):  # type: ignore[no-untyped-def]
    """Return 0, 1 or 2: how much began in an earlier frame s; 3 if there is none."""
    return min(past.begun[s], 2) if 0 <= s < t else 3
