"""Plain Python twins of the viewpoint kernels; nothing here is shared with the package."""

import math


def bucket_of(n, n_seen):
    if n == 0:
        return 0
    size = sum(n >= least for least in (1, 2, 3, 5, 10, 30, 100))
    return size if n_seen == 1 else size + 7


def estimate(counts, cell_of, parent, discount, strength):
    """Return formula (1) from a dict of counts by cell, the candidates' cells, the parent's law."""
    mass = {}
    for cell, p in zip(cell_of, parent, strict=True):
        mass[cell] = mass.get(cell, 0.0) + p
    seen = {cell: c for cell, c in counts.items() if c > 0 and cell in mass}
    n = sum(seen.values())
    if n == 0:
        return list(parent), 0
    spared = strength + discount * len(seen)
    law = [
        p * (max(seen.get(cell, 0) - discount, 0) / mass[cell] + spared) / (n + strength)
        for cell, p in zip(cell_of, parent, strict=True)
    ]
    return law, bucket_of(n, len(seen))


def gather_evidence(experts, events, pieces, n_symbols, look_at):
    """Evidence and buckets of one piece, counted over the others and over itself so far.

    `experts` are dicts with parent, short, target, cell; `pieces` lists of event indices.
    """
    discount, strength = experts[0]["smoothing"]
    counts = [{} for _ in experts]

    def count(e, i):
        context, cell = events["context"][i][e], own_cell(e, i)
        if context >= 0 and cell >= 0:
            key = context, cell
            counts[e][key] = counts[e].get(key, 0) + 1

    def cell_at(e, i, k):
        target = experts[e]["target"]
        table = experts[e]["cell"]
        return table[k - events["reference"][i][target] + len(table) // 2]

    def own_cell(e, i):
        return cell_at(e, i, events["symbol"][i])

    for piece in pieces:
        if piece is not look_at:
            for i in piece:
                for e, expert in enumerate(experts):
                    if not expert["short"]:
                        count(e, i)
    log_ratios, buckets = [], []
    for i in look_at:
        laws, ratios, row = [], [], []
        for e, expert in enumerate(experts):
            parent = [1 / n_symbols] * n_symbols if expert["parent"] < 0 else laws[expert["parent"]]
            context = events["context"][i][e]
            here = {cell: c for (where, cell), c in counts[e].items() if where == context}
            if context < 0:
                here = {}
            law, bucket = estimate(
                here, [cell_at(e, i, k) for k in range(n_symbols)], parent, discount, strength
            )
            laws.append(law)
            ratios.append([math.log(p / q) for p, q in zip(law, parent, strict=True)])
            row.append(bucket)
        log_ratios.append(ratios)
        buckets.append(row)
        for e, expert in enumerate(experts):
            if expert["short"]:
                count(e, i)
    return log_ratios, buckets


def mix_evidence(log_ratio, bucket, weights):
    """Return formula (2) for one event."""
    n_symbols = len(log_ratio[0])
    total = [
        sum(weights[e][b] * log_ratio[e][k] for e, b in enumerate(bucket) if b > 0)
        for k in range(n_symbols)
    ]
    log_z = math.log(sum(math.exp(t) for t in total))
    return [t - log_z for t in total]
