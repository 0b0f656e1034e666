"""Backward messages and path draws: one voice under unary log-weights and an automaton.

The law of a path x_1 ... x_T that a deterministic automaton reads through the states
s_0, s_1, ..., s_T is

    P(x) = exp(sum_t u_t(x_t) + sum_t w_t(s_{t-1}, x_t) + f(s_T)) / Z.           (1)

The backward message of a state is the log of the summed weight of all ways to go on from it,

    m_T(s) = f(s),
    m_{t-1}(s) = log sum_x exp(w_t(s, x) + u_t(x) + m_t(target(s, x))),          (2)

so that log Z = m_0(s_0), and the next symbol is drawn exactly with

    P(x_t | s_{t-1}) = exp(w_t + u_t + m_t(target) - m_{t-1}(s_{t-1})).          (3)

Conventions
-----------
Arcs are flat: those of state s in a step of kind k are `first[k, s]` to `first[k, s + 1]`, in
rising order of their symbols. Sums (2) are taken over exponentials relative to the largest
message of the step; where such a sum is too small to be trusted it is taken again relative to
its own largest term, so that no weight, however small, is mistaken for a forbidden one.

References
----------
L. R. Rabiner, "A tutorial on hidden Markov models", Proc. IEEE 77 (1989), section III.
F. Pachet, P. Roy, G. Barbieri, "Finite-length Markov processes with constraints", IJCAI 2011.
A. Papadopoulos, P. Roy, F. Pachet, "Exact sampling for regular and Markov constraints with
belief propagation", CP 2015.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stats_composer.kernels._jit import inline, jit
from stats_composer.kernels.arrays import Floats, Ints
from stats_composer.kernels.draw import draw_index

__all__ = [
    "Arcs",
    "add_marginals",
    "backward_messages",
    "best_path",
    "draw_paths",
    "find_arc",
    "redraw_path",
    "weigh_path",
]


# Below this a sum may have lost terms to underflow: 1e-308 / 1e-280 is still below rounding.
_TRUSTED = 1e-280


class Arcs(NamedTuple):
    """An automaton as the kernels read it; S states, K kinds of step, T steps.

    `weight` is exp(log_weight - peak[kind]), so that it never overflows. States whose arcs are
    the same in a kind of step have one message: `twin` names the first of them. `live` lists, step
    by step, the states worth a message: those between `live_start[t]` and `live_start[t + 1]`
    are reachable from the initial state in t steps and can still reach a final one.
    """

    first: Ints  # (K, S + 1)
    twin: Ints  # (K, S)
    symbol: Ints
    target: Ints
    log_weight: Floats
    weight: Floats
    peak: Floats  # (K,)
    kind: Ints  # (T,)
    final: Floats  # (S,)
    initial: int
    live: Ints
    live_start: Ints  # (T + 2,)


@inline
def _to_linear(arcs, t, unary, message, odds, linear):  # type: ignore[no-untyped-def]
    """Fill the exponentials of a step's weights and of the message after it, each scaled.

    Returns the logarithm of their scales and of the arcs', -inf where nothing is allowed.
    """
    largest = -np.inf
    for i in range(arcs.live_start[t + 1], arcs.live_start[t + 2]):
        largest = max(largest, message[arcs.live[i]])
    top = -np.inf
    for a in range(unary.size):
        top = max(top, unary[a])
    if largest == -np.inf or top == -np.inf:
        return -np.inf
    for a in range(unary.size):
        odds[a] = np.exp(unary[a] - top)
    linear[:] = 0.0
    for i in range(arcs.live_start[t + 1], arcs.live_start[t + 2]):
        linear[arcs.live[i]] = np.exp(message[arcs.live[i]] - largest)
    return largest + top + arcs.peak[arcs.kind[t]]


@jit()
def backward_messages(arcs: Arcs, unary: Floats, messages: Floats, first: int, stop: int) -> float:
    """Fill the messages (2) and return log Z, -inf where no path is allowed.

    Parameters
    ----------
    arcs : Arcs
    unary : ndarray of shape (T, n_symbols), C-contiguous
    messages : ndarray of shape (T + 1, S), overwritten
    first, stop : int
        The rows [first, stop) alone are filled, given row `stop`; a negative one is T + 1, for
        all from `first` on. What is returned is the message of the initial state in row `first`.
    """
    n_steps, n_symbols = unary.shape
    linear = np.empty(arcs.final.size)
    odds = np.empty(n_symbols)
    summed = np.empty(arcs.final.size)
    summed_at = np.full(arcs.final.size, -1)
    if stop < 0:
        stop = n_steps
        messages[stop] = -np.inf
        for i in range(arcs.live_start[stop], arcs.live_start[stop + 1]):
            messages[stop, arcs.live[i]] = arcs.final[arcs.live[i]]
    for t in range(stop - 1, first - 1, -1):
        kind = arcs.kind[t]
        messages[t] = -np.inf
        shift = _to_linear(arcs, t, unary[t], messages[t + 1], odds, linear)
        if shift == -np.inf:
            return -np.inf
        for i in range(arcs.live_start[t], arcs.live_start[t + 1]):
            s = arcs.twin[kind, arcs.live[i]]
            if summed_at[s] != t:
                summed_at[s] = t
                total = 0.0
                # Unsigned, so that no index is tried for counting from the end (1.3 times as fast).
                begin, end = np.uint64(arcs.first[kind, s]), np.uint64(arcs.first[kind, s + 1])
                for j in range(begin, end):
                    total += arcs.weight[j] * odds[arcs.symbol[j]] * linear[arcs.target[j]]
                if total > _TRUSTED:
                    summed[s] = np.log(total) + shift
                else:
                    summed[s] = _sum_arcs(arcs, kind, s, unary[t], messages[t + 1])
            messages[t, arcs.live[i]] = summed[s]
    return messages[first, arcs.initial]  # type: ignore[no-any-return]


@jit()
def _sum_arcs(arcs: Arcs, kind: int, s: int, unary: Floats, messages: Floats) -> float:
    """Sum (2) for one state relative to its own largest term."""
    largest = -np.inf
    for j in range(arcs.first[kind, s], arcs.first[kind, s + 1]):
        term = arcs.log_weight[j] + unary[arcs.symbol[j]] + messages[arcs.target[j]]
        largest = max(largest, term)
    if largest == -np.inf:
        return largest
    total = 0.0
    for j in range(arcs.first[kind, s], arcs.first[kind, s + 1]):
        term = arcs.log_weight[j] + unary[arcs.symbol[j]] + messages[arcs.target[j]]
        total += np.exp(term - largest)
    return largest + np.log(total)  # type: ignore[no-any-return]


@jit()
def draw_paths(arcs: Arcs, unary: Floats, messages: Floats, u: Floats, paths: Ints) -> None:
    """Draw paths by (3), one a row of uniforms.

    Parameters
    ----------
    arcs, unary : as for `backward_messages`
    messages : ndarray of shape (T + 1, S), as filled there, with messages[0, initial] > -inf
    u : ndarray of shape (n_paths, T), in [0, 1)
    paths : ndarray of shape (n_paths, T), overwritten
    """
    probs = np.empty(unary.shape[1])
    for row in range(u.shape[0]):
        s = arcs.initial
        for t in range(unary.shape[0]):
            begin = arcs.first[arcs.kind[t], s]
            n = arcs.first[arcs.kind[t], s + 1] - begin
            total = 0.0
            for i in range(n):
                j = begin + i
                term = arcs.log_weight[j] + unary[t, arcs.symbol[j]]
                term += messages[t + 1, arcs.target[j]] - messages[t, s]
                probs[i] = np.exp(term)
                total += probs[i]
            j = begin + draw_index(probs, n, total, u[row, t])
            paths[row, t] = arcs.symbol[j]
            s = arcs.target[j]


@inline
def find_arc(arcs, t, s, symbol):  # type: ignore[no-untyped-def]
    """Return the number of the arc from a state at a step for a symbol, or -1."""
    low, high = arcs.first[arcs.kind[t], s], arcs.first[arcs.kind[t], s + 1]
    end = high
    while low < high:
        middle = (low + high) // 2
        if arcs.symbol[middle] < symbol:
            low = middle + 1
        else:
            high = middle
    return low if low < end and arcs.symbol[low] == symbol else -1


@jit()
def weigh_path(arcs: Arcs, unary: Floats, path: Ints) -> float:
    """Return the exponent of (1) for a path, -inf where it is refused.

    Parameters
    ----------
    arcs, unary : as for `backward_messages`
    path : ndarray of shape (T,)
    """
    s = arcs.initial
    total = 0.0
    for t in range(unary.shape[0]):
        low = find_arc(arcs, t, s, path[t])
        if low < 0:
            return -np.inf
        total += arcs.log_weight[low] + unary[t, path[t]]
        s = arcs.target[low]
    return total + arcs.final[s]  # type: ignore[no-any-return]


@jit()
def best_path(arcs: Arcs, unary: Floats, messages: Floats, path: Ints) -> float:
    """Find a path of the largest weight and return its exponent (1).

    Of several the one that comes first in the order of symbols from the first step on.

    Parameters
    ----------
    arcs, unary : as for `backward_messages`
    messages : ndarray of shape (T + 1, S), overwritten by maxima in the place of sums (2)
    path : ndarray of shape (T,), overwritten; meaningless where -inf is returned
    """
    n_steps = unary.shape[0]
    messages[:] = -np.inf
    for i in range(arcs.live_start[n_steps], arcs.live_start[n_steps + 1]):
        messages[n_steps, arcs.live[i]] = arcs.final[arcs.live[i]]
    for t in range(n_steps - 1, -1, -1):
        kind = arcs.kind[t]
        for i in range(arcs.live_start[t], arcs.live_start[t + 1]):
            s = arcs.live[i]
            for j in range(arcs.first[kind, s], arcs.first[kind, s + 1]):
                term = arcs.log_weight[j] + unary[t, arcs.symbol[j]]
                term += messages[t + 1, arcs.target[j]]
                messages[t, s] = max(messages[t, s], term)
    s = arcs.initial
    for t in range(n_steps):
        best = -np.inf
        chosen = arcs.first[arcs.kind[t], s]
        for j in range(chosen, arcs.first[arcs.kind[t], s + 1]):
            term = arcs.log_weight[j] + unary[t, arcs.symbol[j]]
            term += messages[t + 1, arcs.target[j]]
            if term > best:
                best = term
                chosen = j
        if best == -np.inf:
            return best
        path[t] = arcs.symbol[chosen]
        s = arcs.target[chosen]
    return messages[0, arcs.initial]  # type: ignore[no-any-return]


@jit()
def add_marginals(arcs: Arcs, unary: Floats, messages: Floats, marginals: Floats) -> None:
    """Add the probability of each symbol at each step.

    Parameters
    ----------
    arcs, unary, messages : as for `draw_paths`
    marginals : ndarray of shape (T, n_symbols), added to
    """
    now = np.zeros(arcs.final.size)
    later = np.zeros(arcs.final.size)
    now[arcs.initial] = 1.0
    for t in range(unary.shape[0]):
        later[:] = 0.0
        for i in range(arcs.live_start[t], arcs.live_start[t + 1]):
            s = arcs.live[i]
            if now[s] == 0.0:
                continue
            for j in range(arcs.first[arcs.kind[t], s], arcs.first[arcs.kind[t], s + 1]):
                term = arcs.log_weight[j] + unary[t, arcs.symbol[j]]
                term += messages[t + 1, arcs.target[j]] - messages[t, s]
                prob = now[s] * np.exp(term)
                marginals[t, arcs.symbol[j]] += prob
                later[arcs.target[j]] += prob
        now, later = later, now


@jit()
def redraw_path(
    arcs: Arcs, unary: Floats, current: Ints, u: Floats, messages: Floats, path: Ints
) -> tuple[float, float]:
    """Draw one new path and weigh the current one under the same law.

    The move of a whole voice in Gibbs or Metropolis-Hastings sampling, in one call.

    Parameters
    ----------
    arcs, unary : as for `backward_messages`
    current : ndarray of shape (T,), the path that stands
    u : ndarray of shape (T,), uniforms in [0, 1)
    messages : ndarray of shape (T + 1, S), scratch
    path : ndarray of shape (T,), overwritten by the draw; kept where no path is allowed

    Returns
    -------
    log_prob_path, log_prob_current : float
        Normalised; both -inf where no path is allowed.
    """
    log_normaliser = backward_messages(arcs, unary, messages, 0, -1)
    if log_normaliser == -np.inf:
        return -np.inf, -np.inf
    draw_paths(arcs, unary, messages, u.reshape((1, -1)), path.reshape((1, -1)))
    return (
        weigh_path(arcs, unary, path) - log_normaliser,
        weigh_path(arcs, unary, current) - log_normaliser,
    )
