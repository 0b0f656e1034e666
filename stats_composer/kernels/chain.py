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

import math
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
    "chain_room",
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


def chain_room(n_states: int, n_symbols: int) -> Floats:
    """Return room for one step: exponentials of symbols and of states, sums, their steps."""
    return np.zeros((4, max(n_states, n_symbols)))


@inline
def _to_linear(arcs, t, unary, messages, room):  # type: ignore[no-untyped-def]
    """Fill the exponentials of a step's weights and of the messages after it, each scaled.

    Returns the logarithm of their scales and of the arcs', -inf where nothing is allowed.
    """
    largest, top = -np.inf, -np.inf
    for i in range(arcs.live_start[t + 1], arcs.live_start[t + 2]):
        largest = max(largest, messages[t + 1, arcs.live[i]])
    for a in range(unary.shape[1]):
        top = max(top, unary[t, a])
    if largest == -np.inf or top == -np.inf:
        return -np.inf
    for a in range(unary.shape[1]):
        room[0, a] = math.exp(unary[t, a] - top)
    for s in range(messages.shape[1]):
        room[1, s] = 0.0
    for i in range(arcs.live_start[t + 1], arcs.live_start[t + 2]):
        room[1, arcs.live[i]] = math.exp(messages[t + 1, arcs.live[i]] - largest)
    return largest + top + arcs.peak[arcs.kind[t]]


@inline
def _sum_arcs(arcs, t, s, unary, messages):  # type: ignore[no-untyped-def]
    """Sum (2) for one state relative to its own largest term."""
    largest, total = -np.inf, 0.0
    for j in range(arcs.first[arcs.kind[t], s], arcs.first[arcs.kind[t], s + 1]):
        term = arcs.log_weight[j] + unary[t, arcs.symbol[j]] + messages[t + 1, arcs.target[j]]
        if term > largest:
            total = total * math.exp(largest - term) + 1.0
            largest = term
        elif term > -np.inf:
            total += math.exp(term - largest)
    return largest + math.log(total)


@inline
def _fill_messages(arcs, unary, messages, first, stop, room):  # type: ignore[no-untyped-def]
    n_steps = unary.shape[0]
    if stop < 0:
        stop = n_steps
        for s in range(messages.shape[1]):
            messages[stop, s] = -np.inf
        for i in range(arcs.live_start[stop], arcs.live_start[stop + 1]):
            messages[stop, arcs.live[i]] = arcs.final[arcs.live[i]]
    for s in range(messages.shape[1]):
        room[3, s] = -1.0
    for t in range(stop - 1, first - 1, -1):
        kind = arcs.kind[t]
        for s in range(messages.shape[1]):
            messages[t, s] = -np.inf
        shift = _to_linear(arcs, t, unary, messages, room)
        if shift == -np.inf:
            return -np.inf
        for i in range(arcs.live_start[t], arcs.live_start[t + 1]):
            s = arcs.twin[kind, arcs.live[i]]
            if room[3, s] != t:
                room[3, s] = t
                total = 0.0
                # Unsigned, so that no index is tried for counting from the end (1.3 times as fast).
                begin, end = np.uint64(arcs.first[kind, s]), np.uint64(arcs.first[kind, s + 1])
                for j in range(begin, end):
                    total += arcs.weight[j] * room[0, arcs.symbol[j]] * room[1, arcs.target[j]]
                if total > _TRUSTED:
                    room[2, s] = math.log(total) + shift
                else:
                    room[2, s] = _sum_arcs(arcs, t, s, unary, messages)
            messages[t, arcs.live[i]] = room[2, s]
    return messages[first, arcs.initial]


@inline
def _draw_path(arcs, unary, messages, u, path, room):  # type: ignore[no-untyped-def]
    """Draw a path by (3), with one uniform a step."""
    s = arcs.initial
    for t in range(unary.shape[0]):
        begin = arcs.first[arcs.kind[t], s]
        n = arcs.first[arcs.kind[t], s + 1] - begin
        total = 0.0
        for i in range(n):
            j = begin + i
            term = arcs.log_weight[j] + unary[t, arcs.symbol[j]]
            term += messages[t + 1, arcs.target[j]] - messages[t, s]
            room[0, i] = math.exp(term)
            total += room[0, i]
        j = begin + draw_index(room[0], n, total, u[t])
        path[t] = arcs.symbol[j]
        s = arcs.target[j]


# One kernel for both, as the arguments alone take long to compile for; it makes no array.
@jit(_nrt=False)
def _fill_and_draw(
    arcs: Arcs, unary: Floats, messages: Floats, first: int, stop: int, u: Floats, paths: Ints,
    room: Floats,
) -> float:  # fmt: skip
    total = 0.0
    if first != stop:
        total = _fill_messages(arcs, unary, messages, first, stop, room)
    for row in range(u.shape[0]):
        _draw_path(arcs, unary, messages, u[row], paths[row], room)
    return total


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
    if first == stop:
        return float(messages[first, arcs.initial])
    room = chain_room(messages.shape[1], unary.shape[1])
    nothing, nowhere = np.empty((0, 0)), np.empty((0, 0), np.int64)
    return _fill_and_draw(arcs, unary, messages, first, stop, nothing, nowhere, room)


def draw_paths(arcs: Arcs, unary: Floats, messages: Floats, u: Floats, paths: Ints) -> None:
    """Draw paths by (3), one a row of uniforms.

    Parameters
    ----------
    arcs, unary : as for `backward_messages`
    messages : ndarray of shape (T + 1, S), as filled there, with messages[0, initial] > -inf
    u : ndarray of shape (n_paths, T), in [0, 1)
    paths : ndarray of shape (n_paths, T), overwritten
    """
    room = chain_room(messages.shape[1], unary.shape[1])
    _fill_and_draw(arcs, unary, messages, 0, 0, u, paths, room)


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
                prob = now[s] * math.exp(term)
                marginals[t, arcs.symbol[j]] += prob
                later[arcs.target[j]] += prob
        now, later = later, now


@jit()
def redraw_path(
    arcs: Arcs, unary: Floats, current: Ints, u: Floats, messages: Floats, path: Ints, room: Floats
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
    room : ndarray, of `chain_room`

    Returns
    -------
    log_prob_path, log_prob_current : float
        Normalised; both -inf where no path is allowed.
    """
    log_normaliser = _fill_messages(arcs, unary, messages, 0, -1, room)
    if log_normaliser == -np.inf:
        return -np.inf, -np.inf
    _draw_path(arcs, unary, messages, u, path, room)
    return (
        weigh_path(arcs, unary, path) - log_normaliser,
        weigh_path(arcs, unary, current) - log_normaliser,
    )
