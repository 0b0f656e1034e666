"""Smoothing: how much of the counts to believe, and what a context leaves to shorter ones.

A strategy turns the counts of a context tree into `Tables` for the kernels. With a context c,
c' the context without its first symbol, N(cx) the count of x after c, N(c) their sum and T(c)
the number of different symbols after c, interpolated strategies say

    P(x | c) = a(cx) + e(c) P(x | c'),     a(cx) and e(c) summing to 1,                      (1)

down to the uniform law over the alphabet, and those with exclusion

    P(x | c) = a(cx) where x was seen after c,
               e(c) P(x | c') / sum over y not seen after c of P(y | c') elsewhere.          (2)

Kneser and Ney take a discount D off each count,

    a(cx) = (N(cx) - D) / N(c),     e(c) = D T(c) / N(c),                                    (3)

three of them for N of 1, 2, 3 and more, where n_i is how many n-grams were counted i times,

    D_i = i - (i + 1) y n_(i+1) / n_i,     y = n_1 / (n_1 + 2 n_2);                          (4)

Witten and Bell count the first time of each symbol as one of something new,

    a(cx) = N(cx) / (N(c) + T(c)),     e(c) = T(c) / (N(c) + T(c));                          (5)

Lidstone's law, of V symbols, is flat: what c leaves goes to the uniform law at once,

    P(x | c) = (N(cx) + gamma) / (N(c) + gamma V);                                           (6)

and PPM, with a count E(c) of escapes and d off each count,

    a(cx) = (N(cx) - d) / (sum over y of (N(cy) - d) + E(c)),   e(c) the share of E(c).      (7)

References
----------
S. F. Chen, J. Goodman, "An empirical study of smoothing techniques for language modeling",
Harvard TR-10-98 (1998), sections 2.7 and 4.1, equation 26: (4). R. Kneser, H. Ney, "Improved
backing-off for m-gram language modeling", ICASSP 1995. I. H. Witten, T. C. Bell, "The
zero-frequency problem", IEEE Trans. Inf. Theory 37 (1991). A. Moffat, "Implementation of the
PPM data compression scheme", IEEE Trans. Comm. 38 (1990).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.ngram import Tables
from stats_composer.models.parameters import Parameters, Real, Strategy
from stats_composer.ngrams import START, ContextTree

__all__ = ["PPM", "KneserNey", "Lidstone", "Smoothing", "WittenBell"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Where counts of counts are too few to estimate discounts: as KenLM's `--discount_fallback`.
_DISCOUNTS = np.array([0.0, 0.5, 1.0, 1.5])
# Children that are searched one by one, and entries of rows by code for each node of the tree.
_FEW, _ROOM = 6, 4


class Smoothing(Protocol):
    """What `NGram` asks of a strategy.

    Examples
    --------
    >>> [hasattr(smoothing, "tables") for smoothing in (KneserNey, WittenBell, Lidstone, PPM)]
    [True, True, True, True]
    """

    def tables(self, tree: ContextTree, values: range) -> Tables:
        """Return what the kernels read.

        Parameters
        ----------
        tree : ContextTree
        values : range
            The codes that can come next.
        """
        ...


@dataclass(frozen=True)
class KneserNey(Strategy):
    """Interpolated Kneser-Ney (3): shorter contexts count the contexts a symbol was seen in.

    For all but the longest n-grams and those that begin a piece, N(cx) is the number of
    different symbols before cx.

    Parameters
    ----------
    discount : float, optional
        D, above 0 and below 1. By default three of them are estimated at each level by (4), or
        are .5, 1 and 1.5 where counts are too few.

    Examples
    --------
    >>> from stats_composer import NGram
    >>> model = NGram(n=2, smoothing=KneserNey(discount=0.75)).fit([np.array([0, 1, 0, 1, 2])])
    >>> np.exp(model.log_probs([0, 1, 0])).round(3).tolist()
    [0.625, 0.719, 0.5]
    """

    discount: float | None = None
    _parameters: ClassVar[Parameters] = {"discount": (None, Real(0, 1, open=True))}

    def tables(self, tree: ContextTree, values: range) -> Tables:
        """Return what the kernels read: a `tree` of counts and the `values` that may come."""
        count = _predicted(tree)
        inner = ~tree.begins
        inner[tree.level[tree.n] :] = False
        lower = np.bincount(tree.suffix[1:], minlength=len(count)).astype(float)
        count[inner] = lower[inner]
        count[0] = 0.0
        discount = np.zeros(len(count))
        for k in range(1, tree.n + 1):
            here = slice(tree.level[k], tree.level[k + 1])
            discount[here] = self._discounts(count[here])[np.minimum(count[here], 3).astype(int)]
        discount = np.minimum(discount, count)
        total = np.maximum(tree.sum_children(count), 1.0)
        escape = tree.sum_children(discount) / total  # (3)
        own = (count - discount) / total[tree.parent]  # (3)
        return _interpolated(tree, values, own, escape)

    def _discounts(self, count: Floats) -> Floats:
        if self.discount is not None:
            return np.array([0.0, *[self.discount] * 3])
        n1, n2, n3, n4 = (float((count == i).sum()) for i in (1, 2, 3, 4))
        if not n1 * n2 * n3:
            return _DISCOUNTS
        y = n1 / (n1 + 2 * n2)
        found = np.array(
            [0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]  # (4)
        )
        return found if (found[1:] > 0).all() else _DISCOUNTS


@dataclass(frozen=True)
class WittenBell(Strategy):
    """Interpolated Witten-Bell (5).

    Examples
    --------
    >>> from stats_composer import NGram
    >>> model = NGram(n=2, smoothing=WittenBell()).fit([np.array([0, 1, 0, 1, 2])])
    >>> np.exp(model.log_probs([0, 1, 0])).round(3).tolist()
    [0.688, 0.792, 0.438]
    """

    def tables(self, tree: ContextTree, values: range) -> Tables:
        """Return what the kernels read: a `tree` of counts and the `values` that may come."""
        count = _predicted(tree)
        seen = tree.sum_children((count > 0).astype(float))
        total = np.maximum(tree.sum_children(count) + seen, 1.0)
        return _interpolated(tree, values, count / total[tree.parent], seen / total)  # (5)


@dataclass(frozen=True)
class Lidstone(Strategy):
    """Lidstone's law (6), c the longest context that something was seen after.

    Parameters
    ----------
    gamma : float
        Above 0; 1 is Laplace's law, 1/2 Jeffreys'.

    Examples
    --------
    >>> from stats_composer import NGram
    >>> model = NGram(n=2, smoothing=Lidstone(gamma=1.0)).fit([np.array([0, 1, 0, 1, 2])])
    >>> np.exp(model.log_probs([0, 1, 0])).round(3).tolist()
    [0.5, 0.6, 0.4]
    """

    gamma: float = 0.5
    _parameters: ClassVar[Parameters] = {"gamma": (Real(open=True),)}

    def tables(self, tree: ContextTree, values: range) -> Tables:
        """Return what the kernels read: a `tree` of counts and the `values` that may come."""
        count = _predicted(tree)
        total = tree.sum_children(count) + self.gamma * len(values)
        prob = (count + self.gamma) / total[tree.parent]  # (6)
        escape = self.gamma * len(values) / total
        scale = np.full(tree.n_contexts, 1 / len(values))
        walk = np.ones(tree.n_contexts), escape, scale, escape
        return _tables(tree, values, prob, walk, flat=True)


@dataclass(frozen=True)
class PPM(Strategy):
    """Prediction by partial matching (7), with exclusion.

    In the shorter context, symbols seen after the longer one are excluded: from the counts, the
    escape and the alphabet.

    Parameters
    ----------
    method : str
        `A`: E(c) = 1; `C`: E(c) = T(c); `D`: E(c) = T(c) / 2 and each count less by d, a half.

    Examples
    --------
    >>> from stats_composer import NGram
    >>> model = NGram(n=2, smoothing=PPM(method="C")).fit([np.array([0, 1, 0, 1, 2])])
    >>> np.exp(model.log_probs([0, 1, 0])).round(3).tolist()
    [0.5, 0.667, 0.25]
    """

    method: str = "C"
    _parameters: ClassVar[Parameters] = {"method": ("A", "C", "D")}

    def tables(self, tree: ContextTree, values: range) -> Tables:
        """Return what the kernels read: a `tree` of counts and the `values` that may come."""
        less, constant, each = _METHODS[self.method]
        count = _predicted(tree)
        seen = (count > 0).astype(float)
        weight = count - less * seen
        types = tree.sum_children(seen)
        is_full = types >= len(values)

        def rates(total: Floats, new: Floats, is_full: NDArray[np.bool_]) -> tuple[Floats, Floats]:
            """Return the factor of a weight and the probability of escape."""
            escape = np.where(is_full, 0.0, constant + each * new)
            sum_ = total + escape
            none = sum_ <= 0  # Nothing is left here: all goes on to the shorter context.
            sum_ = np.where(none, 1.0, sum_)
            return 1 / sum_, np.where(none, 1.0, escape / sum_)  # (7)

        start_scale, start_escape = rates(tree.sum_children(weight), types, is_full)
        # (2): after a context c, in its suffix c', the counts of what was not seen after c.
        suffix = tree.suffix[: tree.n_contexts]
        total = tree.sum_children(weight)[suffix] - tree.sum_children(weight[tree.suffix])
        new = types[suffix] - types
        total[new == 0] = 0.0
        scale, escape = rates(total, new, is_full[suffix])
        scale[0] = 1 / max(len(values) - types[0], 1)
        return _tables(tree, values, weight, (start_scale, start_escape, scale, escape))


# Taken off each count, escape counts of a context, escape counts of each symbol seen in it.
_METHODS = {"A": (0.0, 1.0, 0.0), "C": (0.0, 0.0, 1.0), "D": (0.5, 0.0, 0.5)}


def _predicted(tree: ContextTree) -> Floats:
    """Return the counts of symbols to predict: 0 at START, which nothing predicts."""
    count = tree.count.astype(float)
    count[1 : tree.level[2]][tree.code[1 : tree.level[2]] == START] = 0.0
    return count


def _interpolated(tree: ContextTree, values: range, own: Floats, escape: Floats) -> Tables:
    """Mix each level with the one above, from the uniform law on."""
    prob = np.zeros(len(own))
    prob[0] = 1 / len(values)
    for k in range(1, tree.n + 1):
        here = slice(tree.level[k], tree.level[k + 1])
        prob[here] = own[here] + escape[tree.parent[here]] * prob[tree.suffix[here]]  # (1)
    ones = np.ones(tree.n_contexts)
    scale = ones.copy()
    scale[0] = 1 / len(values)
    walk = ones, escape, scale, escape[tree.suffix[: tree.n_contexts]]
    return _tables(tree, values, prob, walk)


def _tables(
    tree: ContextTree, values: range, prob: Floats, walk: tuple[Floats, Floats, Floats, Floats],
    flat: bool = False,
) -> Tables:  # fmt: skip
    """Lay a smoothed tree out for the kernels.

    `walk` is `start_scale`, `start_escape`, `scale` and `escape` of `Tables`.
    """
    start_scale, start_escape, scale, escape = walk
    state = _states(tree)
    with np.errstate(divide="ignore"):  # START alone has none.
        log_prob = np.log(prob * np.append(0.0, start_scale[tree.parent[1:]]))
    suffix = np.maximum(tree.suffix, 0)
    most = np.full(tree.n_contexts, -np.inf)
    np.maximum.at(most, tree.parent[1:], log_prob[1:])
    top = 1 + np.flatnonzero(log_prob[1:] == most[tree.parent[1:]])[::-1]
    likely = np.full(tree.n_contexts, np.iinfo(np.uint64).max, np.uint64)
    likely[tree.parent[top]] = (state[top] << 32) + tree.code[top]
    row, child = _dense(tree, state, values.stop)
    return Tables(
        first=tree.first.astype(np.uint32),
        code=tree.code.astype(np.uint32),
        row=row,
        child=child,
        suffix=suffix.astype(np.uint32),
        state=state.astype(np.uint32),
        likely=likely,
        likely_prob=np.exp(most),
        likely_log_prob=most,
        prob=prob,
        log_prob=log_prob,
        start_scale=start_scale,
        start_escape=start_escape,
        scale=scale,
        escape=escape,
        first_code=values.start,
        flat=flat,
    )


def _states(tree: ContextTree) -> Ints:
    """Return of each n-gram its longest suffix, or itself, that something was seen after."""
    nodes = np.arange(len(tree.code))
    goes_on = np.zeros(len(nodes), bool)
    goes_on[: tree.n_contexts] = np.diff(tree.first) > 0
    state = np.zeros(len(nodes), np.int64)
    for k in range(1, tree.n + 1):
        here = slice(tree.level[k], tree.level[k + 1])
        state[here] = np.where(goes_on[here], nodes[here], state[tree.suffix[here]])
    return state


def _dense(
    tree: ContextTree, state: Ints, n_codes: int
) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
    """Return children by code of the contexts that have most, as far as they cost little room."""
    children = np.diff(tree.first)
    most = np.argsort(-children, kind="stable")[: _ROOM * len(tree.code) // n_codes]
    most = most[children[most] > _FEW]
    row = np.zeros(tree.n_contexts, np.uint32)
    row[most] = 1 + np.arange(len(most))
    child = np.zeros((len(most) + 1, n_codes), np.uint64)
    nodes = 1 + np.flatnonzero(row[tree.parent[1:]])
    child[row[tree.parent[nodes]], tree.code[nodes]] = (state[nodes] << 32) + nodes
    return row, child
