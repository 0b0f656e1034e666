"""Plain-Python twins of the kernels of the chain model and of chord features."""

import itertools
import math

# ---- the chain model: nested lists; feature[t][row] is a list of numbers ---------------------


def number_features(codes, number):
    """Return the rows of numbers, without what has none."""
    known = range(len(number))
    return [
        [[number[c] for c in row if c in known and number[c] >= 0] for row in step]
        for step in codes
    ]


def gather_scores(feature, weights, n_classes):
    """Return the score of every label at every step."""
    return [
        [sum(weights[k][c] for k in row) for row in step for c in range(n_classes)]
        for step in feature
    ]


def add_features(feature, residual, n_features, n_classes):
    """Return, of each feature and class, the sum of residuals where it is seen."""
    total = [[0.0] * n_classes for _ in range(n_features)]
    for step, own in zip(feature, residual, strict=True):
        for row, numbers in enumerate(step):
            for k in numbers:
                for c in range(n_classes):
                    total[k][c] += own[row * n_classes + c]
    return total


def path_score(unary, gate, transition, path):
    """Return the log-weight of a path of one piece."""
    score = unary[0][path[0]]
    for t in range(1, len(path)):
        score += unary[t][path[t]] + transition[gate[t]][path[t - 1]][path[t]]
    return score


def paths(unary):
    """List every path of a piece."""
    return itertools.product(range(len(unary[0])), repeat=len(unary))


def forward_backward(unary, gate, transition):
    """Return log Z, the marginals and the expected pairs of one piece, by enumeration."""
    n, n_labels, n_gates = len(unary), len(unary[0]), len(transition)
    weight = {p: math.exp(path_score(unary, gate, transition, p)) for p in paths(unary)}
    z = sum(weight.values())
    marginal = [[0.0] * n_labels for _ in range(n)]
    paired = [[[0.0] * n_labels for _ in range(n_labels)] for _ in range(n_gates)]
    for path, w in weight.items():
        for t, label in enumerate(path):
            marginal[t][label] += w / z
            if t:
                paired[gate[t]][path[t - 1]][label] += w / z
    return math.log(z), marginal, paired


def best_path(unary, gate, transition):
    """Return the path of largest weight of one piece, by enumeration."""
    return max(paths(unary), key=lambda p: path_score(unary, gate, transition, p))


# ---- features of chord events: each question is (answer or None, number of answers) ----------


def write_codes(present, bass, accent, root, t, n_families):
    """Return the codes of event t seen from a root."""
    questions = _own(present, root, t)
    if n_families > 1:
        questions += _bass_and_metre(present, bass, accent, root, t)
    if n_families > 2:
        for shift in (-2, -1, 1, 2, 3):
            questions += _neighbour(present, bass, accent, root, t, t + shift)
    codes, first = [], 0
    for answer, n_answers in questions:
        codes.append(-1 if answer is None else first + answer)
        first += n_answers
    return codes


def _flags(present, root, t):
    return [int(present[t][(root + degree) % 12]) for degree in range(12)]


def _bits(flags):
    return sum(flag << degree for degree, flag in enumerate(flags))


def _own(present, root, t):
    flags = _flags(present, root, t)
    return [(flag, 2) for flag in flags] + [(_bits(flags), 4096)]


def _bass_and_metre(present, bass, accent, root, t):
    flags, degree, level = _flags(present, root, t), (bass[t] - root) % 12, accent[t]
    questions = [(degree, 12), (_bits(flags) * 12 + degree, 4096 * 12)]
    questions += [(degree * 6 + level, 72), (level, 6)]
    questions += [(level if flag else None, 6) for flag in flags]
    return questions + [(degree if flag else None, 12) for flag in flags]


def _neighbour(present, bass, accent, root, t, there):
    exists = 0 <= there < len(present)
    adjacent = abs(there - t) == 1
    flags = _flags(present, root, there) if exists else [0] * 12
    degree = (bass[there] - root) % 12 if exists else None
    questions = [(int(exists), 2)] + [(0 if flag else None, 1) for flag in flags]
    questions += [(degree, 12)]
    if adjacent:
        accents = accent[t] * 6 + accent[there] if exists else None
        both = degree * 12 + (bass[t] - root) % 12 if exists else None
        questions += [(accents if flag else None, 36) for flag in flags]
        questions += [(_bits(flags) if exists else None, 4096), (both, 144), (accents, 36)]
        own = _flags(present, root, t)
        pairs = [2 * a + b if exists else None for a, b in zip(own, flags, strict=True)]
        questions += [(pair, 4) for pair in pairs]
    return questions
