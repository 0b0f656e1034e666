"""Walks over a context tree: scores, draws and whole rows of next-symbol probabilities.

A node i of the tree is a context; its children `first[i]` to `first[i + 1]` are the codes
seen after it, in rising order. A walk for the code x starts at the longest context c that
fits what came before and that something follows:

    P(x | c) = start_scale(c) prob(cx)                       where x was seen after c,     (1)
             = start_escape(c) Q(x | c)                      elsewhere,
    Q(x | c) = scale(c) prob(c'x)                            where x was seen after c',    (2)
             = scale(c) escape(c) / scale(c) Q(x | c') ...

with c' = suffix(c), the context without its first symbol; `scale` and `escape` of c speak of c'
when it is come to from c, so that what was seen after c can be excluded there. Beyond the
root, whose suffix is -1, all codes that are left share `scale(root)` alike.

The next context is `state` of the longest node found, whatever gave the probability.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, jit

__all__ = ["Tables", "draw_codes", "fill_rows", "score_codes"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Tables(NamedTuple):
    """A smoothed context tree of N nodes, of which the first C are contexts."""

    first: Ints  # (C + 1,)
    code: Ints  # (N,)
    suffix: Ints  # (N,)
    state: Ints  # (N,)
    prob: Floats  # (N,)
    start_scale: Floats  # (C,)
    start_escape: Floats  # (C,)
    scale: Floats  # (C,)
    escape: Floats  # (C,)
    first_code: int  # The lowest code that can come next.
    flat: bool  # Whether what a context escapes goes to the uniform law at once.


@inline
def find_child(tables, node, code):  # type: ignore[no-untyped-def]
    """Return the child of a node for a code, or -1."""
    low, high = tables.first[node], tables.first[node + 1]
    end = high
    while low < high:
        middle = (low + high) // 2
        if tables.code[middle] < code:
            low = middle + 1
        else:
            high = middle
    return low if low < end and tables.code[low] == code else -1


@jit()
def score_codes(tables: Tables, start: int, codes: Ints, bounds: Ints, log_prob: Floats) -> int:
    """Score sequences of codes, each from the context `start`; return the last context.

    Parameters
    ----------
    tables : Tables
    start : int
        A context that something follows.
    codes : ndarray of shape (n_codes,)
    bounds : ndarray of shape (n_pieces + 1,)
        Where each piece begins in `codes`.
    log_prob : ndarray of shape (n_codes,), overwritten
    """
    c = start
    for piece in range(bounds.size - 1):
        c = start
        for i in range(bounds[piece], bounds[piece + 1]):
            passed, scale, escape = 1.0, tables.start_scale[c], tables.start_escape[c]
            prob = -1.0
            while True:
                child = find_child(tables, c, codes[i])
                if child >= 0:
                    if prob < 0.0:
                        prob = passed * scale * tables.prob[child]
                    c = tables.state[child]
                    break
                if prob < 0.0:
                    passed *= escape
                    scale, escape = tables.scale[c], tables.escape[c]
                    if tables.flat or c == 0:
                        prob = passed * scale
                if c == 0:
                    break
                c = tables.suffix[c]
            log_prob[i] = np.log(prob)
    return c


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
        c = states[row]
        passed, scale, escape = 1.0, tables.start_scale[c], tables.start_escape[c]
        falls = True
        while c >= 0:
            for child in range(tables.first[c], tables.first[c + 1]):
                code = tables.code[child]
                if target[row, code] < 0:
                    target[row, code] = tables.state[child]
                    if falls:
                        prob[row, code] = passed * scale * tables.prob[child]
            if falls:
                passed *= escape
                scale, escape = tables.scale[c], tables.escape[c]
                falls = not tables.flat
            c = tables.suffix[c]
        for code in range(n_codes):
            if prob[row, code] < 0.0:
                prob[row, code] = passed * scale
            if target[row, code] < 0:
                target[row, code] = 0
        prob[row, : tables.first_code] = 0.0


@jit()
def draw_codes(tables: Tables, start: int, n_codes: int, u: Floats, codes: Ints) -> None:
    """Draw sequences of codes, each from the context `start`.

    A uniform is spent on the codes seen after the context in rising order, then on those seen
    only after its suffix, and so on, and in the end on the rest of the alphabet.

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
        c = start
        for i in range(u.shape[1]):
            codes[piece, i], c = draw_code(tables, c, n_codes, u[piece, i])


@inline
def draw_code(tables, start, n_codes, u):  # type: ignore[no-untyped-def]
    """Draw the next code after a context; return it and the context that follows."""
    c, longer, last = start, -1, -1
    passed, scale, escape = 1.0, tables.start_scale[c], tables.start_escape[c]
    while True:
        skip, skip_end = 0, 0
        if longer >= 0:
            skip, skip_end = tables.first[longer], tables.first[longer + 1]
        for child in range(tables.first[c], tables.first[c + 1]):
            code = tables.code[child]
            while skip < skip_end and tables.code[skip] < code:
                skip += 1
            if code < tables.first_code or (skip < skip_end and tables.code[skip] == code):
                continue
            prob = passed * scale * tables.prob[child]
            if prob > 0.0:
                if u < prob:
                    return code, tables.state[child]
                u -= prob
                last = child
        passed *= escape
        scale, escape = tables.scale[c], tables.escape[c]
        if tables.flat or c == 0:
            break
        longer = c
        c = tables.suffix[c]
    code = draw_unseen(tables, c, n_codes, u, passed * scale)
    if code < 0:  # Rounding left a little of u, but no code.
        return tables.code[last], tables.state[last]
    while c > 0:
        c = tables.suffix[c]
        child = find_child(tables, c, code)
        if child >= 0:
            return code, tables.state[child]
    return code, 0


@inline
def draw_unseen(tables, c, n_codes, u, prob):  # type: ignore[no-untyped-def]
    """Return a code that was not seen after a context, each of the same probability, or -1."""
    child, end = tables.first[c], tables.first[c + 1]
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
