"""Plain-Python twins of the n-gram model, from its formulas; nothing of the package is used.

Counts are dicts from tuples to numbers. A piece is read as "^", its symbols, and "$" where the
end is modelled; an n-gram holds "^" at most once, in front.
"""

import math
from collections import Counter


def count_ngrams(pieces, n, end=False):
    """Return the counts of all n-grams up to length n, "^" once a piece."""
    counts = Counter()
    for piece in pieces:
        read = ["^", *piece, *(["$"] if end else [])]
        for i in range(len(read)):
            for k in range(1, min(n, i + 1) + 1):
                counts[tuple(read[i + 1 - k : i + 1])] += 1
    return dict(counts)


def count_windows(pieces, n, n_bits, offset, end):
    """Return the counts of n codes in a row as one number, zeros before a piece begins."""
    counts = Counter()
    for piece in pieces:
        codes = [0] * n + [x + offset for x in piece] + ([end] if end >= 0 else [])
        for i in range(n, len(codes)):
            counts[
                sum(c << n_bits * k for k, c in enumerate(reversed(codes[i - n + 1 : i + 1])))
            ] += 1
    return counts


def count_children(parents, keys, n_bits):
    return [sum(key >> n_bits == parent for key in keys) for parent in parents]


def followers(counts, context):
    """Return the counts of what was seen after a context, in the order "$", 0, 1, ..."""
    seen = {g[-1]: c for g, c in counts.items() if g[:-1] == context and g[-1] != "^"}
    return dict(sorted(seen.items(), key=lambda item: (item[0] != "$", item[0])))


def longest_context(counts, history, n):
    """Return the longest end of a history that something was seen after."""
    context = tuple(history[len(history) - min(n - 1, len(history)) :])
    while context and not followers(counts, context):
        context = context[1:]
    return context


def kneser_ney_counts(counts, n):
    """Replace counts by the number of different symbols before, but where they stay."""
    changed = {}
    for gram, count in counts.items():
        if len(gram) < n and gram[0] != "^":
            count = sum(1 for g in counts if len(g) == len(gram) + 1 and g[1:] == gram)
        changed[gram] = count
    return changed


def kneser_ney_discounts(counts, k):
    """Return D for counts of 1, 2 and more, of n-grams of length k."""
    values = [c for g, c in counts.items() if len(g) == k and g != ("^",)]
    n1, n2, n3, n4 = (values.count(i) for i in (1, 2, 3, 4))
    if 0 in (n1, n2, n3):
        return 0.5, 1.0, 1.5
    y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return found if min(found) > 0 else (0.5, 1.0, 1.5)


def kneser_ney(counts, n, values, discount=None):
    """Return the function (x, context) -> probability."""
    changed = kneser_ney_counts(counts, n)
    own = {}
    for k in range(1, n + 1):
        own[k] = (discount,) * 3 if discount else kneser_ney_discounts(changed, k)

    def prob(x, context):
        if context is None:
            return 1 / len(values)
        lower = prob(x, context[1:] if context else None)
        seen = followers(changed, context)
        if not seen:
            return lower
        less = {y: min(own[len(context) + 1][min(c, 3) - 1], c) for y, c in seen.items()}
        total = sum(seen.values())
        return (seen.get(x, 0) - less.get(x, 0) + sum(less.values()) * lower) / total

    return prob


def witten_bell(counts, n, values):
    def prob(x, context):
        if context is None:
            return 1 / len(values)
        lower = prob(x, context[1:] if context else None)
        seen = followers(counts, context)
        if not seen:
            return lower
        return (seen.get(x, 0) + len(seen) * lower) / (sum(seen.values()) + len(seen))

    return prob


def lidstone(counts, n, values, gamma):
    def prob(x, context):
        seen = followers(counts, context)
        return (seen.get(x, 0) + gamma) / (sum(seen.values()) + gamma * len(values))

    return prob


def ppm(counts, n, values, method="C"):
    def prob(x, context, excluded=frozenset()):
        if context is None:
            return 1 / (len(values) - len(excluded))
        everything = followers(counts, context)
        seen = {y: c for y, c in everything.items() if y not in excluded}
        escape = {"A": 1, "C": len(seen), "D": len(seen) / 2}[method]
        if len(everything) == len(values):
            escape = 0
        less = 0.5 if method == "D" else 0
        total = sum(seen.values()) - less * len(seen) + escape
        if x in seen:
            return (seen[x] - less) / total
        lower = prob(x, context[1:] if context else None, frozenset(everything))
        return lower * (escape / total if total else 1)

    return prob


def score(prob, counts, n, piece, end):
    """Return the log-probability of every symbol, and of the end."""
    read = ["^", *piece, *(["$"] if end else [])]
    contexts = [longest_context(counts, read[:i], n) for i in range(len(read))]
    return [math.log(prob(read[i], contexts[i])) for i in range(1, len(read))]


def draw(prob, counts, n, values, uniforms, flat=False):
    """Draw a piece: the likeliest of those seen first, then the others, then after shorter ones.

    Where a context is smoothed by the uniform law at once (flat), none is shorter.
    """
    read = ["^"]
    for u in uniforms:
        context = longest_context(counts, read, n)
        order, shorter = [], context
        while shorter is not None:
            order += [x for x in followers(counts, shorter) if x not in order]
            shorter = shorter[1:] if shorter and not flat else None
        order += [x for x in values if x not in order]
        likeliest = max(followers(counts, context), key=lambda x: round(prob(x, context), 12))
        order = [likeliest, *(x for x in order if x != likeliest)]
        chosen = order[-1]
        for x in order:
            if u < prob(x, context):
                chosen = x
                break
            u -= prob(x, context)
        read.append(chosen)
    return read[1:]


# ---- copies: a piece is the labels of its events and their times -----------------------------


def moves(labels, times):
    return [(labels[i + 1] - labels[i], times[i + 1] - times[i]) for i in range(len(labels) - 1)]


def known_runs(corpus, n_events):
    """Return all runs of events in a corpus, by their moves."""
    return {tuple(run) for piece in corpus for run in runs_of(piece, n_events)}


def runs_of(piece, n_events):
    steps = moves(*piece)
    return [steps[i : i + n_events - 1] for i in range(len(steps) - n_events + 2)]


def has_run(piece, runs, n_events):
    return any(tuple(run) in runs for run in runs_of(piece, n_events))


def copied_runs(corpus, piece, n_events):
    """Return the last event of each run of a piece that stands in a corpus."""
    runs = known_runs(corpus, n_events)
    found = enumerate(runs_of(piece, n_events))
    return [i + n_events - 1 for i, run in found if tuple(run) in runs]
