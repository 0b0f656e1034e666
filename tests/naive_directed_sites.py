"""Plain Python twins of what a directed model reads of a site; nothing here is shared with it."""

LONGEST, LARGEST_STEP = 6, 47


class Page:
    """A grid with what is needed to look at it: labels, lines, the column of the phase."""

    def __init__(self, grid, labels, phase, period=2):
        self.grid, self.labels, self.phase, self.period = grid, labels, phase, period

    def symbol(self, t, line):
        return int(self.grid[t][line]) if 0 <= t < len(self.grid) else None

    def label(self, t, line):
        symbol = self.symbol(t, line)
        label = None if symbol is None else int(self.labels[line][symbol])
        return label if label is not None and label >= 0 else None

    def row(self, t, lag):
        """Return the row that `1`, `-2` or `1b` back from row t is."""
        if not lag.endswith("b"):
            return t - int(lag)
        phase, beats = int(self.grid[t][self.phase]), int(lag[:-1])
        start = t - phase
        if beats < 0:
            return start - beats * self.period
        return start - (beats - (phase > 0)) * self.period

    def run(self, t, line, step):
        n = 1
        while n < LONGEST and self.symbol(t + n * step, line) == self.symbol(t, line):
            n += 1
        return n


def residue(page, t, line):
    if page.symbol(t, line) is None:
        return 0
    label = page.label(t, line)
    return 1 if label is None else 2 + label % 12


def difference(one, other):
    if one is None or other is None:
        return 0
    return min(max(one - other, -LARGEST_STEP), LARGEST_STEP) + LARGEST_STEP + 1


def read_atom(page, t, text, names, own, known, columns):
    """Return the value of an atom, by its text."""

    def place(where):
        name, lag = where.split("@")
        return page.row(t, lag), own if name == "own" else names.index(name)

    def shift(symbol):
        return 0 if symbol is None else symbol + 1

    if text in columns:
        return int(page.grid[t][columns[text]])
    if text.startswith("set@"):
        lag, _, relative = text[4:].partition("/")
        row = page.row(t, lag)
        lines = range(len(names)) if row < t else known
        labels = [page.label(row, w) for w in lines]
        base = page.label(*place(relative)) if relative else None
        return sum({1 << (x - (base or 0)) % 12 for x in labels if x is not None})
    if ":" not in text and "-" in text.replace("@-", "@"):
        first, second = text.rsplit("-", 1)
        return difference(page.label(*place(first)), page.label(*place(second)))
    op, _, where = text.rpartition(":")
    row, line = place(where)
    before = row - page.run(row, line, -1)
    after = row + page.run(row, line, 1)
    return {
        "": lambda: shift(page.symbol(row, line)),
        "class": lambda: residue(page, row, line),
        "moved": lambda: int(page.symbol(row, line) != page.symbol(row - 1, line)),
        "run": lambda: row - before,
        "before": lambda: shift(page.symbol(before, line)),
        "turn": lambda: difference(page.label(row, line), page.label(before, line)),
        "ahead": lambda: after - row,
        "next": lambda: shift(page.symbol(after, line)),
        "nextclass": lambda: residue(page, after, line),
    }[op]()


def judge(page, t, own, known, k):
    """Return what the twelve rules say of candidate k."""
    rules = [0] * 12
    now = int(page.labels[own][k])
    if now < 0:
        rules[11] = 1
        return rules
    last = len(page.labels) - 1
    before = page.label(t - 1, own)

    def parallel(back, w, interval):
        one, two, other = page.label(t - back, own), page.label(t - back, w), page.label(t, w)
        if one is None or two is None:
            return False
        same = abs(one - two) % 12 == abs(now - other) % 12 == interval
        return same and (now - one) * (other - two) > 0

    for w in known:
        other, other_before = page.label(t, w), page.label(t - 1, w)
        if other is None:
            continue
        interval = abs(now - other) % 12
        rules[0] += parallel(1, w, 0)
        rules[1] += parallel(1, w, 7)
        both = before is not None and other_before is not None
        if both and {own, w} == {0, last} and interval in (0, 7):
            similar = (now - before) * (other - other_before) > 0
            rules[2] += similar and not parallel(1, w, interval)
        if int(page.grid[t][page.phase]) == 0 and interval in (0, 7):
            rules[3] += parallel(page.period, w, interval)
        rules[4] += now > other if w < own else now < other
        rules[5] += now == other
        if abs(own - w) == 1:
            rules[6] += max(own, w) < last and abs(now - other) > 12
            if other_before is not None:
                rules[7] += now > other_before if w < own else now < other_before
    if before is not None:
        step = now - before
        start = page.label(t - 1 - page.run(t - 1, own, -1), own)
        turn = 0 if start is None else before - start
        rules[8] = abs(step) in (6, 10, 11) or abs(step) > 12
        rules[9] = abs(step) > 4
        rules[10] = abs(turn) > 4 and step != 0 and not (step * turn < 0 and abs(step) <= 2)
    return [int(r) for r in rules]
