"""Plain-Python twins of the kernels, from their formulas; nothing of the package is used."""

import math

# ---- chain: an automaton is dense tables target[kind][state][symbol] (-1 refuses), ----------
# ---- log_weight of the same shape, kind[step], final[state] and the initial state  ----------


def _log_sum(terms):
    terms = [term for term in terms if term > -math.inf]
    if not terms:
        return -math.inf
    largest = max(terms)
    return largest + math.log(sum(math.exp(term - largest) for term in terms))


def _chain_terms(tables, unary, later, t, s):
    target, log_weight, kind, _, _ = tables
    row, weights = target[kind[t]][s], log_weight[kind[t]][s]
    return [
        weights[x] + unary[t][x] + later[row[x]] if row[x] >= 0 else -math.inf
        for x in range(len(row))
    ]


def chain_backward_messages(tables, unary, fold=_log_sum):
    """Return the messages of every step and state as nested lists."""
    target, _, _, final, _ = tables
    messages = [list(final)]
    for t in reversed(range(len(unary))):
        later = messages[0]
        states = range(len(target[0]))
        messages.insert(0, [fold(_chain_terms(tables, unary, later, t, s)) for s in states])
    return messages


def chain_draw_path(tables, unary, u):
    """Draw a path with one uniform a step."""
    target, _, kind, _, s = tables
    messages = chain_backward_messages(tables, unary)
    path = []
    for t, threshold in enumerate(u):
        terms = _chain_terms(tables, unary, messages[t + 1], t, s)
        probs = [math.exp(term - messages[t][s]) for term in terms]
        passed, chosen = 0.0, None
        for x, prob in enumerate(probs):
            if prob > 0.0:
                chosen, passed = x, passed + prob
                if threshold * sum(probs) < passed:
                    break
        path.append(chosen)
        s = target[kind[t]][s][chosen]
    return path


def chain_weigh_path(tables, unary, path):
    """Sum the log-weights along a path."""
    target, log_weight, kind, final, s = tables
    total = 0.0
    for t, x in enumerate(path):
        if target[kind[t]][s][x] < 0:
            return -math.inf
        total += log_weight[kind[t]][s][x] + unary[t][x]
        s = target[kind[t]][s][x]
    return total + final[s]


def chain_best_path(tables, unary):
    """Return the first best path in the order of symbols."""
    target, _, kind, _, s = tables
    messages = chain_backward_messages(tables, unary, fold=max)
    path = []
    for t in range(len(unary)):
        terms = _chain_terms(tables, unary, messages[t + 1], t, s)
        path.append(terms.index(max(terms)))
        s = target[kind[t]][s][path[-1]]
    return path
