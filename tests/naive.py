"""Plain-Python twins of the kernels, from their formulas; nothing of the package is used."""

import itertools
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


# ---- maxent: a world is a dict of n_lines, pitch[line][symbol], gate, sonority, place by row, ----
# ---- modulus and clip; a feature is the cell of a term's own table                            ----


def _maxent_kind(first, second):
    if first == 0 or second == 0:
        return 0 if first == second == 0 else (1 if second == 0 else 2)
    return 3 if (first > 0) == (second > 0) else 4


def _maxent_pairs(world, max_lag, max_diagonal):
    lines = range(world["n_lines"])
    pairs = [(a, b, 0) for a in lines for b in lines if a < b]
    pairs += [(a, a, k) for a in lines for k in range(1, max_lag + 1)]
    for a in lines:
        for b in lines:
            pairs += [(a, b, k) for k in range(1, max_diagonal + 1) if a != b]
    return pairs


def maxent_pair_cells(grid, world, max_lag, max_diagonal, difference):
    """Return the cells [pair, gate, a, b], or [pair, gate, label difference + 128]."""
    cells = []
    for i, (a, b, lag) in enumerate(_maxent_pairs(world, max_lag, max_diagonal)):
        for t in range(len(grid) - lag):
            x, y = grid[t][a], grid[t + lag][b]
            cell = (i, world["gate"][t], x, y)
            if difference:
                p, q = world["pitch"][a][x], world["pitch"][b][y]
                cell = (*cell[:2], q - p + 128) if p >= 0 and q >= 0 else None
            cells.append(cell)
    return [cell for cell in cells if cell]


def maxent_residue_pairs(grid, world):
    """Return the cells [lag, gate, residue, residue] of two lines in a row, or in two."""
    cells, m = [], world["modulus"]
    for a, b, lag in _maxent_pairs(world, 0, 1):
        for t in range(len(grid) - lag):
            p, q = world["pitch"][a][grid[t][a]], world["pitch"][b][grid[t + lag][b]]
            if min(p, q) >= 0:
                cells.append((lag, world["gate"][t], p % m, q % m))
    return cells


def maxent_motion_cells(grid, world, shape, lag=1):
    """Return the cells of two lines over a step; shape is "kind", "fine" or "parallel".

    Over two steps, those between beats alone count, and have one gate.
    """
    m, clip = world["modulus"], world["clip"]
    cells, pair = [], -1
    for v in range(world["n_lines"]):
        for w in range(v + 1, world["n_lines"]):
            pair += 1
            for t in range(len(grid) - lag):
                p = [world["pitch"][line][grid[t + s][line]] for s in (0, lag) for line in (v, w)]
                if min(p) < 0 or (lag == 2 and world["gate"][t] + world["gate"][t + 2] > 0):
                    continue
                first, second = (max(-clip, min(clip, p[2 + i] - p[i])) for i in (0, 1))
                g = (p[0] - p[1]) % m
                later = (g + first - second) % m
                kind = _maxent_kind(first, second)
                gate = world["gate"][t]
                cells.append(
                    {
                        "kind": (pair, gate, g, later, kind),
                        "fine": (pair, gate, g, first + clip, second + clip),
                        "parallel": (gate, kind, later, int(g == later)),
                    }[shape]
                )
    return cells


def _maxent_residues(row, world):
    pitch = [world["pitch"][v][row[v]] for v in range(world["n_lines"])]
    return None if min(pitch) < 0 else [p % world["modulus"] for p in pitch]


def maxent_sonority_cells(grid, world, kind):
    """Return the cells of the residues of a row."""
    cells = []
    for t, row in enumerate(grid):
        r = _maxent_residues(row, world)
        if r is None:
            continue
        tail = {
            "full": tuple(r),
            "relative": tuple((x - r[-1]) % world["modulus"] for x in r[:-1]),
            "set": (r[-1], sum(1 << x for x in set(r))),
        }[kind]
        cells.append((world["sonority"][t], *tail))
    return cells


def maxent_progression_cells(grid, world, classes, n_classes):
    """Return the cells of the classes of two rows' residue sets, lags 1 and 2, by gate."""
    residues = [_maxent_residues(row, world) for row in grid]
    number = [
        n_classes - 1 if r is None else classes[sum(1 << x for x in set(r))] for r in residues
    ]
    return [
        (lag - 1, world["gate"][t], number[t], number[t + lag])
        for lag in (1, 2)
        for t in range(len(grid) - lag)
    ]


def maxent_melody_cells(grid, world):
    """Return the cells of two successive steps of a line, lags 1 and 2."""
    clip, cells = world["clip"], []
    for lag in (1, 2):
        for v in range(world["n_lines"]):
            for t in range(len(grid) - 2 * lag):
                p = [world["pitch"][v][grid[t + i * lag][v]] for i in range(3)]
                if min(p) >= 0:
                    steps = [max(-clip, min(clip, p[i + 1] - p[i])) + clip for i in range(2)]
                    cells.append((lag - 1, v, world["gate"][t], *steps))
    return cells


def maxent_passage_cells(grid, world):
    """Return the cells of a line's two steps about a row, and of its interval there to another."""
    cells, lines = [], range(world["n_lines"])
    for t in range(1, len(grid) - 1):
        for v in lines:
            p = [world["pitch"][v][grid[t + i][v]] for i in (-1, 0, 1)]
            for w in lines:
                other = world["pitch"][w][grid[t][w]]
                if w != v and min(*p, other) >= 0:
                    steps = [max(-3, min(3, p[i + 1] - p[i])) + 3 for i in range(2)]
                    interval = (p[1] - other) % world["modulus"]
                    cells.append((v, w, world["gate"][t - 1], steps[0], interval, steps[1]))
    return cells


def maxent_resolution_cells(grid, world):
    """Return the cells of passages through a clash: which lines, and the two ways by kind."""
    cells, last = [], world["n_lines"] - 1
    kind = [0, 1, 1, 2, 3, 3, 4]  # leap down, step down, stay, step up, leap up
    for v, w, gate, into, up, out in maxent_passage_cells(grid, world):
        if up in (1, 2, 6, 10, 11) or (w == last and up == 5) or (v == last and up == 7):
            lines = 2 if v == last else 1 if w == last else 0
            cells.append((lines, gate, kind[into], kind[out]))
    return cells


def maxent_relation_cells(grid, world):
    """Return the cells of two lines a semitone apart, from a row of gate 0 to the next but one."""
    cells, lines, gate = [], range(world["n_lines"]), world["gate"]
    for t in range(len(grid) - 2):
        for v in lines:
            for w in lines:
                p, q = world["pitch"][v][grid[t][v]], world["pitch"][w][grid[t + 2][w]]
                on_beats = gate[t] == gate[t + 2] == 0
                if v != w and min(p, q) >= 0 and on_beats and (q - p) % 12 in (1, 11):
                    cells.append((p % 12, int((q - p) % 12 == 1)))
    return cells


def maxent_onset_cells(grid, world):
    """Return the cells of the set of lines that move into a row."""
    return [
        (
            world["place"][t],
            sum(1 << v for v in range(world["n_lines"]) if grid[t][v] != grid[t - 1][v]),
        )
        for t in range(1, len(grid))
    ]


def maxent_rhythm_cells(grid, world):
    """Return the cells of the rows, of eight, that a line moves into."""
    return [
        (
            v,
            world["place"][u],
            sum(1 << i for i in range(8) if grid[u + i][v] != grid[u + i - 1][v]),
        )
        for v in range(world["n_lines"])
        for u in range(1, len(grid) - 7)
    ]


# ---- gibbs: log_weight is a function of the whole grid, context voices included ---------------


def _gibbs_free_run(grid, sites, t, v, length):
    """Tell whether a run of one symbol starts at a site, all of it redrawable."""
    rows = range(t, t + length)
    return all([row, v] in sites and grid[row][v] == grid[t][v] for row in rows)


def gibbs_sweep_sites(grid, sites, n_symbols, log_weight, inverse, run_share, u):
    """Redraw sites and runs in place, the present symbol first in the cumulative draw."""
    n_changed = 0
    for scale, moves in zip(inverse, u, strict=True):
        for which, kind, threshold in moves:
            t, v = sites[int(which * len(sites))]
            length = 1
            if kind < run_share:
                length = 2 if kind < 0.6 * run_share else 4
                if not _gibbs_free_run(grid, sites, t, v, length):
                    continue
            current, weights = grid[t][v], []
            for symbol in range(n_symbols[v]):
                for row in range(t, t + length):
                    grid[row][v] = symbol
                weights.append(scale * log_weight(grid))
            largest = max(weights)
            probs = [math.exp(weight - largest) for weight in weights]
            order = [current, *(a for a in range(n_symbols[v]) if a != current)]
            passed, chosen = 0.0, current
            for a in order:
                if probs[a] > 0.0:
                    chosen, passed = a, passed + probs[a]
                    if threshold * sum(probs) < passed:
                        break
            n_changed += length if chosen != current else 0
            for row in range(t, t + length):
                grid[row][v] = chosen
    return n_changed


# ---- row moves: `read` gives the log-weight of a whole line under its automaton ----------------


def gibbs_row_stretches(n_steps, longest):
    """List (begin, end, probability) of the stretches that a row move may redraw."""
    found = [(0, n_steps, 1 / 32)]
    for length in range(1, longest + 1):
        n_places = n_steps + length - 1
        for place in range(n_places):
            begin = place - length + 1
            share = 31 / 32 / longest / n_places
            found.append((max(begin, 0), min(begin + length, n_steps), share))
    return found


def set_line(grid, v, line):
    """Write a line into a grid."""
    return [[*row[:v], symbol, *row[v + 1 :]] for row, symbol in zip(grid, line, strict=True)]


def gibbs_row_proposal(grid, v, stretch, n_symbols, free, log_weight, read, scale):
    """Return the probability of every line that a row move may propose."""
    line, (begin, end) = [row[v] for row in grid], stretch

    def site(t, symbol):
        return scale * log_weight(set_line(grid, v, [*line[:t], symbol, *line[t + 1 :]]))

    scores = {(t, a): site(t, a) for t in range(begin, end) for a in range(n_symbols)}
    options = [range(n_symbols) if free[t] else [line[t]] for t in range(begin, end)]
    weights = {}
    for part in itertools.product(*options):
        new = (*line[:begin], *part, *line[end:])
        total = read(new) + sum(scores[t, new[t]] for t in range(begin, end) if free[t])
        if total > -math.inf:
            weights[new] = total
    log_sum = _log_sum(list(weights.values()))
    return {new: math.exp(weight - log_sum) for new, weight in weights.items()}


def gibbs_row_acceptance(grid, v, new, stretch, n_symbols, free, log_weight, read, scale):
    """Return Metropolis and Hastings' ratio of a proposed line."""
    rules = (n_symbols, free, log_weight, read, scale)
    old, changed = tuple(row[v] for row in grid), set_line(grid, v, new)
    forth = gibbs_row_proposal(grid, v, stretch, *rules)[new]
    back = gibbs_row_proposal(changed, v, stretch, *rules)[old]
    change = scale * (log_weight(changed) - log_weight(grid)) + read(new) - read(old)
    return math.exp(change) * back / forth


def gibbs_sweep_row(grid, v, n_symbols, free, log_weight, read, scale, longest, u):
    """Redraw stretches of a line; returns the grid and the number of moves accepted."""
    n_steps, n_accepted = len(grid), 0
    for place, length, threshold, *steps in u:
        stretch = (0, n_steps)
        if place >= 1 / 32:
            n_rows = 1 + int(length * longest)
            begin = int((place - 1 / 32) / (31 / 32) * (n_steps + n_rows - 1)) - n_rows + 1
            stretch = (max(begin, 0), min(begin + n_rows, n_steps))
        law = gibbs_row_proposal(grid, v, stretch, n_symbols, free, log_weight, read, scale)
        new = ()
        for t in range(n_steps):
            share = [
                sum(p for line, p in law.items() if line[: t + 1] == (*new, a))
                for a in range(n_symbols)
            ]
            passed, chosen = 0.0, None
            for a in range(n_symbols):
                if share[a] > 0.0:
                    chosen, passed = a, passed + share[a]
                    if t >= stretch[0] and steps[t - stretch[0]] * sum(share) < passed:
                        break
            new = (*new, chosen)
        ratio = gibbs_row_acceptance(
            grid, v, new, stretch, n_symbols, free, log_weight, read, scale
        )
        if threshold < ratio:
            grid, n_accepted = set_line(grid, v, new), n_accepted + 1
    return grid, n_accepted


# ---- pairs: a coupling is a dict of (line a, line b, lag) to a table [symbol of a][of b] -------


def pairs_local_field(grid, t, v, field, couplings):
    """Return the log-weight of each symbol at a site, all others as they are."""
    scores = list(field[t][v])
    for (a, b, lag), table in couplings.items():
        for symbol in range(len(scores)):
            if v == a and t + lag < len(grid):
                scores[symbol] += table[symbol][grid[t + lag][b]]
            if v == b and t - lag >= 0:
                scores[symbol] += table[grid[t - lag][a]][symbol]
    return scores


def pairs_value_and_gradient(grid, modelled, field, couplings):
    """Return the pseudo-log-likelihood, and its gradient by coupling (as a dict) and by field."""
    total = 0.0
    slope = {pair: [[0.0] * len(row) for row in table] for pair, table in couplings.items()}
    by_field = [[[0.0] * len(row) for row in line] for line in field]
    for t in range(len(grid)):
        for v in range(len(field[t])):
            if not modelled[t][v]:
                continue
            scores = pairs_local_field(grid, t, v, field, couplings)
            largest = max(scores)
            normaliser = sum(math.exp(score - largest) for score in scores)
            total += scores[grid[t][v]] - largest - math.log(normaliser)
            for symbol, score in enumerate(scores):
                residual = (symbol == grid[t][v]) - math.exp(score - largest) / normaliser
                by_field[t][v][symbol] += residual
                for a, b, lag in couplings:
                    if v == a and t + lag < len(grid):
                        slope[a, b, lag][symbol][grid[t + lag][b]] += residual
                    if v == b and t - lag >= 0:
                        slope[a, b, lag][grid[t - lag][a]][symbol] += residual
    return total, slope, by_field


def effective_sample_size(chains, monotone=True):
    """Take the definition at its word, chains given whole; `monotone` lets no pair rise."""
    half = len(chains[0]) // 2
    halves = [chain[:half] for chain in chains] + [chain[-half:] for chain in chains]
    m, n = len(halves), half
    means = [sum(x) / n for x in halves]
    within = sum(
        sum((v - mean) ** 2 for v in x) / (n - 1) for x, mean in zip(halves, means, strict=True)
    )
    within /= m
    grand = sum(means) / m
    between = n * sum((mean - grand) ** 2 for mean in means) / (m - 1)
    total = (n - 1) / n * within + between / n

    def rho(lag):
        if lag == 0:
            return 1.0
        covariance = 0.0
        for x, mean in zip(halves, means, strict=True):
            products = ((x[t] - mean) * (x[t + lag] - mean) for t in range(n - lag))
            covariance += sum(products) / n * n / (n - 1) / m
        return 1 - (within - covariance) / total

    time, before = -1.0, float("inf")
    for k in range(n // 2):
        pair = rho(2 * k) + rho(2 * k + 1)
        if pair <= 0:
            break
        before = min(before, pair) if monotone else pair
        time += 2 * before
    return m * n / time
