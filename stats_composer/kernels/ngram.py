"""Walks over a context tree: scores, draws and whole rows of next-symbol probabilities.

A node i of the tree is a context; its children `first[i]` to `first[i + 1]` are the codes
seen after it, in rising order. What comes next is looked for from the longest context c that
fits what came before and that something follows, then from its suffix c', the context without
its first code, and so on to the root:

    P(x | c) = start_scale(c) prob(cx)    where x was seen after c,
               start_escape(c) Q(x | c)   elsewhere,                                        (1)
    Q(x | c) = scale(c) prob(c'x)         where x was seen after c',
               escape(c) Q(x | c')        elsewhere,                                        (2)

and Q(x | root) = scale(root). `scale(c)` and `escape(c)` speak of c' when it is come to from
c, so that what was seen after c can be excluded there. In a flat tree Q(x | c) = scale(c).

The next context is the `state` of the longest node found, whatever gave the probability.

Conventions
-----------
Nodes are unsigned, so that no index is tried for counting from the end. The root is its own
suffix.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, jit

__all__ = ["Tables", "draw_codes", "fill_rows", "score_codes"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Nodes = NDArray[np.uint32]

_CODE = np.uint64(0xFFFFFFFF)


class Tables(NamedTuple):
    """A smoothed context tree of N nodes, of which the first C are contexts."""

    first: Nodes  # (C + 1,)
    code: Nodes  # (N,)
    row: Nodes  # (C,), where a context has many children: its row of `child`; else 0
    child: NDArray[np.uint64]  # (n_rows, n_codes), by code, and above 32 bits its state; or 0
    suffix: Nodes  # (N,)
    state: Nodes  # (N,)
    likely: NDArray[np.uint64]  # (C,), code of the likeliest child, and above 32 bits its state
    likely_prob: Floats  # (C,)
    likely_log_prob: Floats  # (C,)
    prob: Floats  # (N,)
    log_prob: Floats  # (N,), the log of (1) for the last code after the others
    start_scale: Floats  # (C,)
    start_escape: Floats  # (C,)
    scale: Floats  # (C,)
    escape: Floats  # (C,)
    first_code: int  # The lowest code that can come next.
    flat: bool  # Whether what a context escapes goes to the uniform law at once.


@inline
def find_child(tables, node, code):  # type: ignore[no-untyped-def]
    """Return the child of a node for a code, and above 32 bits its state; or 0."""
    row = np.uint64(tables.row[node])
    if row > 0:
        return tables.child[row, np.uint64(code)]
    low, high = np.uint64(tables.first[node]), np.uint64(tables.first[node + np.uint64(1)])
    while high - low > np.uint64(4):  # A few are found faster one by one.
        middle = (low + high) >> np.uint64(1)
        if tables.code[middle] <= code:
            low = middle
        else:
            high = middle
    for child in range(low, high):
        if tables.code[child] == code:
            return child | np.uint64(tables.state[child]) << np.uint64(32)
    return np.uint64(0)


@inline
def _fall_back(tables, start, code):  # type: ignore[no-untyped-def]
    """Return the probability of a code not seen after a context, and the context that follows."""
    c = start
    passed, scale, escape = tables.start_escape[c], tables.scale[c], tables.escape[c]  # (1)
    falls = not tables.flat
    while c > 0:
        c = np.uint64(tables.suffix[c])
        child = find_child(tables, c, code)
        if falls:
            if child > 0:
                scale *= tables.prob[child & _CODE]  # (2), seen
                falls = False
            else:
                passed *= escape  # (2), not seen
                scale, escape = tables.scale[c], tables.escape[c]
        if child > 0:
            return passed * scale, child >> np.uint64(32)
    return passed * scale, c


@jit()
def score_codes(
    tables: Tables, start: int, symbols: Ints, bounds: Ints, shape: tuple[int, int, int],
    log_prob: Floats,
) -> tuple[int, float]:  # fmt: skip
    """Score pieces, each from the context `start`.

    Parameters
    ----------
    tables : Tables
    start : int
        A context that something follows.
    symbols : ndarray of shape (n_symbols,)
    bounds : ndarray of shape (n_pieces + 1,)
        Where each piece begins in `symbols`.
    shape : (offset, end, limit)
        The code of symbol 0; the code that ends each piece, or -1 for none; and what symbols
        are below.
    log_prob : ndarray of shape (n_symbols,), or (n_symbols + n_pieces,) with an end
        Overwritten.

    Returns
    -------
    context : int
        The last, or -1 where a symbol is none.
    total : float
        Of `log_prob`.
    """
    offset, end, limit = shape
    c, place, total = np.uint64(start), 0, 0.0
    for piece in range(bounds.size - 1):
        c, stop = np.uint64(start), bounds[piece + 1]
        for i in range(bounds[piece], stop + (end >= 0)):
            code = end
            if i < stop:
                if np.uint64(symbols[i]) >= np.uint64(limit):  # What is negative is large there.
                    return -1, np.nan
                code = symbols[i] + offset
            likely = tables.likely[c]
            if likely & _CODE == np.uint64(code):
                log_prob[place] = tables.likely_log_prob[c]
                total += log_prob[place]
                c = likely >> np.uint64(32)
                place += 1
                continue
            child = find_child(tables, c, code)
            if child > 0:
                log_prob[place] = tables.log_prob[child & _CODE]
                total += log_prob[place]
                c = child >> np.uint64(32)
                place += 1
                continue
            prob, c = _fall_back(tables, c, code)
            log_prob[place] = np.log(prob)
            total += log_prob[place]
            place += 1
    return np.int64(c), total  # type: ignore[return-value]


@jit()
def fill_rows(tables: Tables, states: Ints, prob: Floats, target: Ints) -> None:
    """Find the probability of every code after some contexts, and the context that follows.

    Parameters
    ----------
    tables : Tables
    states : ndarray of shape (n,)
    prob : ndarray of shape (n, n_codes), overwritten
        Of every code from 0; 0 for those that never come next.
    target : ndarray of shape (n, n_codes), overwritten
    """
    n_codes = prob.shape[1]
    for row in range(states.size):
        prob[row] = -1.0
        target[row] = -1
        c = np.uint64(states[row])
        passed, scale, escape = 1.0, tables.start_scale[c], tables.start_escape[c]
        falls, at_root = True, False
        while not at_root:
            for child in range(tables.first[c], tables.first[c + np.uint64(1)]):
                code = tables.code[child]
                if target[row, code] < 0:
                    target[row, code] = tables.state[child]
                    if falls:
                        prob[row, code] = passed * scale * tables.prob[child]  # (1), (2)
            if falls:
                passed *= escape
                scale, escape = tables.scale[c], tables.escape[c]
                falls = not tables.flat
            at_root = c == np.uint64(0)
            c = np.uint64(tables.suffix[c])
        for code in range(n_codes):
            if prob[row, code] < 0.0:
                prob[row, code] = passed * scale
            if target[row, code] < 0:
                target[row, code] = 0
        prob[row, : tables.first_code] = 0.0


@jit()
def draw_codes(tables: Tables, start: int, n_codes: int, u: Floats, codes: Ints) -> None:
    """Draw sequences of codes, each from the context `start`.

    A uniform is spent on the likeliest code, then on the others seen after the context in
    rising order, then on those seen only after its suffix, and so on, and in the end on the
    rest of the alphabet.

    Parameters
    ----------
    tables : Tables
    start : int
    n_codes : int
        One more than the largest code.
    u : ndarray of shape (n_pieces, n_steps), in [0, 1)
    codes : ndarray of shape (n_pieces, n_steps), overwritten
    """
    for piece in range(u.shape[0]):
        c = np.uint64(start)
        for i in range(u.shape[1]):
            left = u[piece, i] - tables.likely_prob[c]
            if left < 0.0:
                likely = tables.likely[c]
                codes[piece, i], c = likely & _CODE, likely >> np.uint64(32)
            else:
                codes[piece, i], c = _draw_other(tables, c, n_codes, left)


@inline
def _draw_other(tables, start, n_codes, u):  # type: ignore[no-untyped-def]
    """Draw a code that is not the likeliest after a context; return what follows it, too."""
    c, likely = start, find_child(tables, start, tables.likely[start] & _CODE) & _CODE
    last = likely
    skip, skip_end = np.uint64(0), np.uint64(0)  # Children of the context that was come from.
    passed, scale, escape = 1.0, tables.start_scale[c], tables.start_escape[c]
    while True:
        begin, end = np.uint64(tables.first[c]), np.uint64(tables.first[c + np.uint64(1)])
        factor = passed * scale  # (1), then (2)
        for child in range(begin, end):
            while skip < skip_end and tables.code[skip] < tables.code[child]:
                skip += np.uint64(1)
            if skip < skip_end and tables.code[skip] == tables.code[child]:
                continue
            prob = factor * tables.prob[child]
            if prob > 0.0 and child != likely and tables.code[child] >= tables.first_code:
                last = np.uint64(child)
                if u < prob:
                    return np.int64(tables.code[child]), np.uint64(tables.state[child])
                u -= prob
        passed *= escape
        scale, escape = tables.scale[c], tables.escape[c]
        if tables.flat or c == 0:
            break
        skip, skip_end = begin, end
        c = np.uint64(tables.suffix[c])
    code = _draw_unseen(tables, c, n_codes, u, passed * scale)
    if code < 0:  # Rounding left a little of u, but no code.
        return np.int64(tables.code[last]), np.uint64(tables.state[last])
    while c > 0:
        c = np.uint64(tables.suffix[c])
        child = find_child(tables, c, code)
        if child > 0:
            return code, child >> np.uint64(32)
    return code, np.uint64(0)


@inline
def _draw_unseen(tables, c, n_codes, u, prob):  # type: ignore[no-untyped-def]
    """Return a code that was not seen after a context, each of the same probability, or -1."""
    child, end = tables.first[c], tables.first[c + np.uint64(1)]
    chosen = -1
    for code in range(tables.first_code, n_codes):
        while child < end and tables.code[child] < code:
            child += 1
        if child < end and tables.code[child] == code:
            continue
        if prob > 0.0:
            chosen = code
        if u < prob:
            break
        u -= prob
    return chosen
