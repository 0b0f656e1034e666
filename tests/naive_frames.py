"""Plain-Python twins of the frame model's kernels: contexts are tuples, counts are dictionaries."""

import itertools
import math
from collections import Counter

import numpy as np

N_VOICES = 4


def log_size(n):
    """Return a coarse size: below 4 the number itself, then by these limits."""
    return n if n < 4 else 4 + sum(n >= limit for limit in (6, 8, 12, 16, 24, 32, 64))


def clip(x, low, high):
    return max(low, min(x, high))


def bucket_of(n, n1):
    """Return the kind of counts."""
    size = sum(n >= limit for limit in (2, 3, 5, 10, 30, 100, 1000))
    return size * 3 + (0 if n1 == 0 else 1 if n1 == n else 2)


def voices_of(notes, before):
    """Return the four voices of a frame nearest to those before."""
    if not notes:
        return before
    if len(notes) >= N_VOICES:
        return [notes[0], notes[1], notes[-2], notes[-1]]
    ways = []
    for bits in range(8):
        steps = [bits >> v & 1 for v in range(3)]
        if sum(steps) == len(notes) - 1:
            ways.append([notes[sum(steps[:v])] for v in range(N_VOICES)])
    return min(ways, key=lambda way: sum(abs(a - b) for a, b in zip(way, before, strict=True)))


def all_voices(frames, n_keys):
    """Return the voices of every frame."""
    voices = [n_keys * (9 + 2 * v) // 25 for v in range(N_VOICES)]
    rows = []
    for notes in frames:
        voices = voices_of(notes, voices)
        rows.append(voices)
    return rows


def key_of(frames, profiles):
    """Return the key of the best profile; 24 where none is above nothing."""
    used = Counter(k % 12 for notes in frames for k in notes)
    best = (0.0, 24)
    for mode in range(2):
        for tonic in range(12):
            score = sum(used[(tonic + c) % 12] * profiles[mode][c] for c in range(12))
            if score > best[0]:
                best = (score, 12 * mode + tonic)
    return best[1]


def places_of(frames, t):
    """Return the place after the longest match, the nearest place, the lag, and their sizes."""

    def unlike(a, b):
        return len(set(frames[a]) ^ set(frames[b]))

    def length(t, j):
        if unlike(t - 1, j - 1):
            return 0
        return 1 + (length(t - 1, j - 1) if j > 1 else 0)

    def distance(t, j):
        return 0.75 * (distance(t - 1, j - 1) if j > 1 else 4.0) + unlike(t - 1, j - 1)

    match, longest = max(((j, length(t, j)) for j in range(t - 1, 0, -1)), key=lambda x: x[1],
                         default=(-1, 0))  # fmt: skip
    if not longest:
        match = -1
    distances = {j: distance(t, j) for j in range(t - 1, 0, -1)}
    near = min(distances, key=distances.get, default=-1)
    nearest = distances.get(near)
    vote = Counter()
    total = 1e-9
    for j in range(1, t):
        if distances[j] < nearest + 6.0:
            share = math.exp(nearest - distances[j])
            total += share
            for k in frames[j]:
                vote[k] += share
    errors = {}
    for lag in range(2, 97):
        error = 30.0
        for u in range(lag + 1, t + 1):
            error = 0.93 * error + unlike(u - 1, u - 1 - lag)
        if t > lag and (lag % 4 == 0 or lag % 6 == 0):
            errors[lag] = error
    lag = min(errors, key=errors.get, default=0)
    return {
        "match": match,
        "longest": log_size(longest),
        "near": near,
        "nearness": 15 if near < 0 else int(min(14.0, nearest * 1.2)),
        "lagged": t - lag if lag else -1,
        "lag_step": 1 + int(min(10.0, errors[lag] / 3.0)) if lag else 0,
        "vote": {k: v / total for k, v in vote.items()},
    }


def moved_places(frames, t, voices, n_keys):
    """Return the place that is nearest once moved, its shift, how near, and the vote of such."""
    wide = [{o for k in notes for o in (k - 1, k, k + 1) if o >= 0} for notes in frames[:t]]

    def unlike(u, j, s):
        there = {k + s for k in frames[j] if k + s >= 0}
        beside = {k + s for k in wide[j] if k + s >= 0}
        far = len(set(frames[u]) - beside) + len(there - wide[u])
        return 0.75 * far + 0.25 * len(set(frames[u]) ^ there)

    def look(u, j):
        s, far = voices[u - 1][3] - voices[j - 1][3], 6.0
        if j > 1:
            before = look(u - 1, j - 1)
            if abs(s - before[0]) <= 1:
                s, far = before
        return s, 0.75 * far + (unlike(u - 1, j - 1, s) if abs(s) < 60 else 99.0)

    looks = {j: look(t, j) for j in range(t - 1, 0, -1)}
    others = {j: far for j, (s, far) in looks.items() if s}
    place = min(others, key=others.get, default=-1)
    vote, total = Counter(), 0.0
    for j in sorted(others):
        if others[j] < others[place] + 4.0:
            share = math.exp(others[place] - others[j])
            total += share
            for k in frames[j]:
                if 0 <= k + looks[j][0] < n_keys:
                    vote[k + looks[j][0]] += share
    return {
        "moved": place,
        "shift": looks[place][0] if others else 0,
        "far": int(min(6.0, 0.7 * others[place])) if others else 7,
        "moved_vote": {k: v / total for k, v in vote.items()},
    }


PERIODS = (8, 6, 4, 12, 9, 16)


def bar_of(frames, voices):
    """Return the number of the period, the beat (-1: unknown), the bar, and two ages."""
    t = len(frames)
    events = []
    for u in range(1, t):
        new = set(frames[u]) - set(frames[u - 1])
        events.append(len(new) >= 2 or voices[u][0] != voices[u - 1][0])
    when = [u + 1 for u, event in enumerate(events) if event]
    if not when:
        return 0, -1, 0, t, 0
    ages = t - when[-1], when[-1] - when[-2] if len(when) > 1 else when[-1]
    scores = []
    for period in PERIODS:
        score = 0.0
        for u in range(1, t):
            mean = (sum(events[: u - 1]) + 1.0) / (u + 5.0 + 1.0)
            hits = sum(events[v - 1] for v in range(1, u) if v % period == u % period)
            p = (hits + mean) / (u // period + 1.0)
            score += math.log(p if events[u - 1] else 1.0 - p)
        scores.append(score)
    chosen = scores.index(max(scores))
    period = PERIODS[chosen]
    hits = Counter(u % period for u in when)
    anchor = max(range(period), key=lambda r: (hits[r], -r))
    return chosen, (t - anchor) % period, (t - anchor) // period % 4, *ages


def tune_atoms(frames, t, voices):
    """Return the atoms of the bar and of the top voice."""
    chosen, beat, bar, age, age2 = bar_of(frames[:t], voices)
    top = [v[3] for v in voices]
    turns = [t] + [u for u in range(t - 1, max(t - 48, 0), -1) if top[u] != top[u - 1]]
    atoms = {
        "metre": sum(PERIODS[:chosen]) + beat if beat >= 0 else 55,
        "bar4": bar,
        "chord_age": min(age, 16),
        "chord_age2": min(age2, 16),
        "top_run": log_size(t - turns[1] if len(turns) > 1 else min(t, 48)),
    }
    for i in range(4):
        atoms[f"tune{i + 1}"] = top[turns[i] - 1] if t and i < len(turns) else -1
    for n in (2, 3, 4, 6, 8):
        atoms[f"tops{n}"] = (n, *top[-n:], t < n and t)
    steps = [b - a for a, b in itertools.pairwise(top)]
    for n in (3, 4, 6):
        atoms[f"steps{n}"] = (n, *steps[-n:], t <= n and max(t, 1))
    atoms["top_onsets"] = tuple(t > d and top[t - d] != top[t - d - 1] for d in range(1, 13))
    for name in ("match", "expected"):
        atoms[f"tune_{name}"], atoms[f"steps_{name}"] = line_matches(top, t)[name]
    return atoms


def line_matches(voice, t):
    """Return how long a voice and its steps went as now, and what comes next."""
    found = {"match": [], "expected": []}
    steps = [None, *(b - a for a, b in itertools.pairwise(voice))]
    for line, first in ((voice, 1), (steps, 2)):
        lengths = {
            j: next(i for i in range(j + 1) if i > j - first or line[t - 1 - i] != line[j - 1 - i])
            for j in range(t - 1, 0, -1)
        }
        place = max(lengths, key=lengths.get, default=-1)
        longest = lengths.get(place, 0)
        found["match"].append(log_size(longest))
        moved = voice[t - 1] - voice[place - 1] if first == 2 and longest else 0
        found["expected"].append(voice[place] + moved if longest else -1)
    return found


def pace_atoms(frames, t, places):
    """Return the atoms of how much changes, how much of it as expected, and how much begins."""
    misses = moves = 0.0
    for u in range(2, t):
        near = places_of(frames, u)["near"]
        misses = 0.95 * misses + len(set(frames[u]) ^ set(frames[near]))
        moves = 0.95 * moves + len(set(frames[u]) ^ set(frames[u - 1]))

    def begun(s):
        if not 0 <= s < t:
            return 3
        return min(2, len(set(frames[s]) - set(frames[s - 1] if s else [])))

    period = PERIODS[places["period"]]
    return {
        "pace": int(min(5.0, moves * 0.05)),
        "trust": int(min(5.0, 4.0 * misses / (moves + 0.5))),
        "rhythm": 16 * begun(places["near"]) + 4 * begun(t - period) + begun(t - 2 * period),
        "moved_far": places["far"],
    }


def frame_atoms(frames, t, profiles, n_keys):
    """Return the atoms of frame t, as far as the frames before it tell."""
    past = frames[:t]
    voices = all_voices(past, n_keys)
    classes = [frozenset(k % 12 for k in notes) for notes in past]
    onsets = tuple(t > d and bool(set(frames[t - d]) - set(frames[t - d - 1])) for d in range(1, 9))
    key = key_of(past[: t and t], profiles)
    places = {**places_of(frames, t), **moved_places(frames, t, voices, n_keys)}
    places["period"] = bar_of(past, voices)[0]
    atoms = {
        "one": 0, "time4": t % 4, "time8": t % 8, "time16": t % 16, "time12": t % 12,
        "start": min(t, 3), "key": key, "mode": key // 12, "tonic": key % 12, "onsets": onsets,
        "match": places["longest"], "frames6": (6, *[tuple(n) for n in past[-6:]], t < 6 and t),
        "shape1": tuple(v - voices[-1][0] for v in voices[-1]) if t else None,
        "bass_class1": voices[-1][0] % 12 if t else -1,
    }  # fmt: skip
    for d in range(1, 5):
        atoms[f"voices{d}"] = tuple(voices[t - d]) if t >= d else None
        atoms[f"frames{d}"] = (d, *[tuple(n) for n in past[-d:]], t < d and t)
    for d in (1, 2):
        atoms[f"count{d}"] = min(len(frames[t - d]), 9) if t >= d else -1
        atoms[f"bass{d}"] = voices[t - d][0] if t >= d else -1
        atoms[f"top{d}"] = voices[t - d][3] if t >= d else -1
        atoms[f"classes{d}"] = classes[t - d] if t >= d else -1
    atoms.update(tune_atoms(frames, t, voices), **pace_atoms(frames, t, places))
    return atoms, voices, places


def first_from(notes, k, descending):
    """Return the first note from key k on, or the top one; -1 if there is none."""
    if descending:
        return max(notes, default=-1)
    return min((other for other in notes if other >= k), default=-1)


def gap_atoms(frames, t, notes, top, descending, misses, atoms, voices, places):
    """Add the atoms of the gap after these notes."""
    n = len(notes)
    v = 3 if descending else min(n, 3)
    own = [voices[t - d][v] if t >= d else -d for d in range(1, 5)]
    before = voices[t - 1] if t else None
    lowest = notes[0] if notes else top if top >= 0 else own[0]
    sofar = ([top] if top >= 0 else []) + notes
    last = notes[-1] if notes else -1
    match = places["match"]

    def shape(d, reference):
        return tuple(k - reference for k in voices[t - d]) if t >= d else None

    moves = [top - before[3] if t else 99] if top >= 0 else []
    moves += [k - before[min(i, 3)] if t else 99 for i, k in enumerate(notes)]
    line = [row[v] for row in voices]
    steps = [b - a for a, b in itertools.pairwise(line)]
    lines = line_matches(line, t)
    shift = places["shift"]
    moved = [k + shift for k in frames[places["moved"]]] if places["moved"] >= 0 else []
    start = max(last + 1, shift)
    return {
        **atoms,
        "rank": 9 if descending else min(n, 8),
        "passed": notes,
        "last": last,
        "last2": notes[-2] if n > 1 else -1,
        "bass": notes[0] if notes else -1,
        "top": top,
        "sofar": (top, tuple(notes)),
        "sofar_classes": frozenset(k % 12 for k in sofar),
        "sofar_shape": tuple(k - own[0] for k in sofar),
        "sofar_bass": tuple(k - lowest for k in sofar),
        "moves": tuple(moves),
        "last_move": notes[-1] - before[min(n - 1, 3)] if notes and t else -99,
        **{f"own{d + 1}": own[d] for d in range(4)},
        "own_step1": own[0] - own[1] if t > 1 else -99,
        "own_step2": own[1] - own[2] if t > 2 else -99,
        "own_class": own[0] % 12 if t else -1,
        "own_degree": (own[0] - atoms["tonic"]) % 12 if t else -1,
        "own_shape1": shape(1, own[0]),
        "own_shape2": shape(2, own[0]),
        "bass_shape1": shape(1, lowest),
        "own_shape3": shape(3, own[0]),
        "line6": (*line[-6:], t < 6 and t),
        **{f"line_steps{n}": (n, *steps[-n:], t <= n and max(t, 1)) for n in (4, 6)},
        "line_match": lines["match"][0],
        "line_steps_match": lines["match"][1],
        "line_expected": lines["expected"][0],
        "line_steps_expected": lines["expected"][1],
        "moved_expected": first_from(moved, start, descending),
        "top_move": top - before[3] if top >= 0 and t else -99,
        "last_class": last % 12 if notes else -1,
        "bass_class": notes[0] % 12 if notes else -1,
        "bass_degree": (notes[0] - atoms["tonic"]) % 12 if notes else -1,
        "agree": min(misses[0], 3) if match >= 0 else -1,
        "expected": first_from(frames[match], last + 1, descending) if match >= 0 else -1,
        "next1": first_from(frames[t - 1], last + 1, descending) if t else -1,
    }


def share_step(share):
    """Return a coarse size of a share."""
    return 0 if share < 0.001 else 12 if share < 0.03 else 1 + int(share * 9.99)


def trailing(states):
    """Return for how long the last state has lasted."""
    n = 0
    for state in reversed(states):
        if state != states[-1]:
            break
        n += 1
    return n


def last_duration(states):
    """Return the coarse length of the last sounding stretch that ended."""
    states = list(states)
    while states and states[-1]:
        states.pop()
    while states and not states[-1]:
        states.pop()
    return log_size(trailing(states)) if states else 0


def tune_matched(a, b, k):
    return 4 if a < 0 and b < 0 else int(a == k) + 2 * int(b == k)


def key_atoms(frames, t, k, found, misses, descending, atoms, places, n_keys):
    """Add the atoms of key k; found: notes, held, released, begun of the keys passed."""
    states = [k in notes for notes in frames[:t]]
    on1 = int(bool(states and states[-1]))
    before = frames[t - 1] if t else []
    step = -1 if descending else 1

    def past(n):
        return sum(1 << d for d in range(n) if d < t and states[t - 1 - d])

    def near(d, radius):
        window = range(k - radius, k + radius + 1)
        return sum(1 << (k + radius - o) for o in window if t >= d and o in frames[t - d])

    def turned(notes):
        return frozenset((o - k) % 12 for o in notes)

    def distance(sign):
        gaps = [d for d in range(1, 25) if k + sign * d * step in before]
        return gaps[0] if gaps else 30

    def at(place):
        return 2 if place < 0 else int(k in frames[place])

    def sounds(d, key):
        return int(t >= d and key in frames[t - d])

    octaves = [bit for d in (12, 24) for bit in (int(k - d in atoms["passed"]), sounds(1, k - d))]
    vote_moved = places["moved_vote"]
    move = atoms["last_move"]
    heard = [u + 1 for u in range(t) if any(o % 12 == k % 12 for o in frames[u])]
    fresh = fresh_class = 0.0
    for notes in frames[:t]:
        fresh = 0.94 * fresh + (k in notes)
        fresh_class = 0.94 * fresh_class + sum(o % 12 == k % 12 for o in notes)
    lags = (4, 6, 8, 12, 16, 24, 32, 48, 64)
    vote = places["vote"].get(k, 0.0)
    share = sum(states) / (t + 20.0)
    class_share = sum(o % 12 == k % 12 for notes in frames[:t] for o in notes) / (t + 20.0)
    last, last2 = atoms["last"], atoms["last2"]
    return {
        **atoms,
        "pitch": k,
        "degree": (k % 12 - atoms["tonic"]) % 12 if atoms["key"] < 24 else 12,
        "on1": on1,
        "run": log_size(trailing(states)) + 16 * on1,
        **{f"past{n}": past(n) for n in (2, 4, 8, 16)},
        "seen": min(found[1], 3) + 4 * min(found[2], 3) + 16 * min(found[3], 3),
        "count": min(found[0], 9),
        "left": clip(len(before) - found[1] - found[2], 0, 7),
        "ahead": distance(1),
        "behind": distance(-1),
        "from_last": min(k - last, 31) if last >= 0 else 0,
        "from_last2": min(k - last2, 40) if last2 >= 0 else 0,
        "from_own": clip(k - atoms["own1"] + 16, 0, 31),
        **{f"near{r}": near(1, r) for r in (2, 3, 5, 12)},
        "near3_2": near(2, 3),
        "near5_2": near(2, 5),
        "near3_3": near(3, 3),
        "set_below": frozenset((c - k) % 12 for c in atoms["sofar_classes"]),
        "set1": turned(before),
        "set2": turned(frames[t - 2] if t > 1 else []),
        "set_recent": turned([o for notes in frames[max(0, t - 4) : t] for o in notes]),
        "matched": at(places["match"]),
        "aligned": places["nearness"] + 16 * at(places["near"]),
        "lagged": places["lag_step"] + 12 * at(places["lagged"]),
        "match_miss": min(misses[0], 3),
        "aligned_miss": min(misses[1], 3),
        "lag_miss": min(misses[2], 3),
        "vote": share_step(vote),
        "octaves": sum(bit << (4 - i) for i, bit in enumerate([*octaves, sounds(1, k + 12)])),
        "parallel": 2 if move in (0, -99) else sounds(1, k - move),
        "class_age": log_size(t - max(heard, default=0)),
        "fresh": int(min(9.0, 2.5 * math.log(1.0 + 4.0 * fresh))),
        "fresh_class": int(min(9.0, 2.5 * math.log(1.0 + 2.0 * fresh_class))),
        "set8": turned([o for notes in frames[max(0, t - 8) : t] for o in notes]),
        "moved": share_step(vote_moved.get(k, 0.0)),
        "moved_side": (vote_moved.get(k - 1, 0) > 0.3) + 2 * (vote_moved.get(k + 1, 0) > 0.3),
        "at_lags": tuple(t >= d and k in frames[t - d] for d in lags),
        "used": int(min(15.0, 2.5 * math.log(1.0 + 200.0 * share))),
        "used_class": int(min(15.0, 2.5 * math.log(1.0 + 100.0 * class_share))),
        "duration": last_duration(states),
        "tune_matched": tune_matched(atoms["tune_expected"], atoms["steps_expected"], k),
    }


class NaiveChain:
    """A frame chain with dictionaries for tables; templates are (name, atoms, reference).

    Parameters
    ----------
    plan : dict
        gaps, keys: lists of (atoms, reference, long, short, number); parent, gates, sizes;
        top_first, reach, profiles, smoothing, chance.
    """

    def __init__(self, plan, mixer):
        self.plan = plan
        self.weights = mixer
        self.long = Counter()

    def contexts(self, templates, atoms, descending):
        return [(i, descending, *(atoms[a] for a in t["atoms"])) for i, t in enumerate(templates)]

    def count(self, roll, amount=1):
        """Count a piece over and under: each visit of each key."""
        for gap, keys in self.visit(roll):
            self.add(self.long, "long", gap, keys, amount)

    def add(self, table, side, gap, key, amount):
        """Count one decision, and the end of its gap."""
        if key is not None:
            for t, context in zip(self.plan["keys"], key["contexts"], strict=True):
                if t[side] >= 0:
                    table["key", context] += amount
                    table["key", context, "hit"] += amount * key["event"]
        if key is None or key["event"]:
            for t, context in zip(self.plan["gaps"], gap["contexts"], strict=True):
                if t[side] >= 0:
                    table["gap", context] += amount
                    if key is not None:
                        table["gap", context, self.symbol(t, gap, key["k"])] += amount

    def symbol(self, template, gap, k):
        reference = template["relative_to"]
        return k - gap["atoms"][reference] if reference else k

    def visit(self, roll):
        """Yield each decision, and None where a gap ends with no note."""
        n_frames, n_keys = roll.shape
        frames = [[int(k) for k in np.flatnonzero(row)] for row in roll]
        low, high = self.plan["reach"]
        for t in range(n_frames):
            frame, voices, places = frame_atoms(frames, t, self.plan["profiles"], n_keys)
            pointed = [places["match"], places["near"], places["lagged"]]
            top = -1
            for descending in [True, False] if self.plan["top_first"] else [False]:
                notes, found, misses = [], [0, 0, 0, 0], [0, 0, 0]
                stop = high if top < 0 else top
                order = range(low, stop)
                gap = None
                for k in reversed(order) if descending else order:
                    if gap is None:
                        gap = self.open(
                            frames, t, notes, top, descending, misses, frame, voices, places
                        )
                    atoms = key_atoms(
                        frames, t, k, found, misses, descending, gap["atoms"], places, n_keys
                    )
                    contexts = self.contexts(self.plan["keys"], atoms, descending)
                    event = bool(roll[t, k])
                    yield gap, {
                        "k": k, "t": t, "atoms": atoms, "contexts": contexts, "event": event,
                    }  # fmt: skip
                    was = t > 0 and k in frames[t - 1]
                    found[0] += event
                    found[1] += event and was
                    found[2] += was and not event
                    found[3] += event and not was
                    for i, place in enumerate(pointed):
                        misses[i] += place >= 0 and (k in frames[place]) != event
                    if event and descending:
                        top = k
                        break
                    if event:
                        notes.append(k)
                        gap = None
                if top < 0 or not descending:
                    gap = gap or self.open(
                        frames, t, notes, top, descending, misses, frame, voices, places
                    )
                    yield gap, None
                if descending and top < 0:
                    break

    def open(self, frames, t, notes, top, descending, misses, frame, voices, places):
        atoms = gap_atoms(frames, t, notes, top, descending, misses, frame, voices, places)
        contexts = self.contexts(self.plan["gaps"], atoms, descending)
        return {"atoms": atoms, "contexts": contexts, "passed": []}

    def score(self, roll, rate=0.0, decay=0.0):
        """Return the surprise of every key."""
        chance = self.plan["chance"]
        surprise = -np.log(np.where(roll, chance, 1.0 - chance))
        short = Counter()
        for gap, key in self.visit(roll):
            if key is not None:
                z, said, buckets, shown = self.predict(gap, key, short)
                p = 1.0 / (1.0 + math.exp(-z))
                event = key["event"]
                surprise[key["t"], key["k"]] = -math.log(p if event else 1.0 - p)
                if rate and abs(p - event) > 1e-3:
                    self.learn(said, buckets, shown, p - event, rate, decay)
                gap["passed"].append(key["k"])
            self.add(short, "short", gap, key, 1)
        return surprise

    def predict(self, gap, key, short):
        n_experts = len(self.plan["parent"])
        p, logit = np.zeros(n_experts), np.zeros(n_experts)
        said, buckets = np.zeros(n_experts, np.float32), [0] * n_experts
        said[1], p[1] = 1.0, 0.05
        for side, table in (("long", self.long), ("short", short)):
            weight = self.plan["smoothing"][int(side == "short")]
            for family in ("keys", "gaps"):
                source = gap if family == "gaps" else key
                for t, context in zip(self.plan[family], source["contexts"], strict=True):
                    e = t[side]
                    if e < 0:
                        continue
                    above = self.plan["parent"][e]
                    n = table[family[:3], context]
                    if family == "gaps":
                        passed = {self.symbol(t, gap, k) for k in gap["passed"]}
                        n -= sum(table["gap", context, s] for s in passed)
                        n1 = table["gap", context, self.symbol(t, gap, key["k"])]
                    else:
                        n1 = table["key", context, "hit"]
                    buckets[e] = bucket_of(n, n1)
                    p[e], logit[e] = p[above], logit[above]
                    if n:
                        p[e] = clip((n1 + weight * p[above]) / (n + weight), 1e-9, 1 - 1e-9)
                        logit[e] = math.log(p[e] / (1.0 - p[e]))
                    said[e] = logit[e] - logit[above]
        shown = []
        for names, sizes in zip(self.plan["gates"], self.plan["sizes"], strict=True):
            row = 0
            for name, size in zip(names, sizes, strict=True):
                row = row * size + clip(key["atoms"][name], 0, size - 1)
            shown.append(row)
        z = 0.0
        for e in range(n_experts):
            weight = self.weights["bucket"][e, buckets[e]]
            weight += sum(self.weights["gate"][g, row, e] for g, row in enumerate(shown))
            z += float(weight) * float(said[e])
        return clip(z, -14.0, 14.0), said, buckets, shown

    def learn(self, said, buckets, shown, error, rate, decay):
        w = self.weights
        for e, d in enumerate(said):
            slope = error * d
            w["bucket_square"][e, buckets[e]] += slope**2
            w["bucket"][e, buckets[e]] -= rate * slope / w["bucket_square"][e, buckets[e]] ** 0.5
            for g, row in enumerate(shown):
                w["gate_square"][g, row, e] += slope**2
                step = slope + decay * w["gate"][g, row, e]
                w["gate"][g, row, e] -= rate * step / w["gate_square"][g, row, e] ** 0.5
