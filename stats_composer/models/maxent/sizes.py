"""What a maximum-entropy model is as large as: symbols, contexts, and where weights lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from stats_composer.kernels.arrays import Ints
from stats_composer.kernels.layout import NEAR, Layout
from stats_composer.models.maxent.pair_terms import Pair
from stats_composer.models.maxent.row_terms import Progression, Sonority
from stats_composer.models.maxent.templates import Shape, make_templates
from stats_composer.models.maxent.terms import Term

__all__ = ["MAX_SYMBOLS", "MAX_WEIGHTS", "Sizes", "count_contexts", "count_symbols", "make_layout"]

# Tables are dense: of two lines at one step this many symbols make 64 MB, and a gigabyte is all.
MAX_SYMBOLS = 4096
# Weights that the terms of one model may have together: a gigabyte.
MAX_WEIGHTS = 1 << 28


def count_symbols(seen: Ints, told: Sequence[int] | None, labels: Any) -> Ints:
    """Return the symbols of each line, as told or as seen; check labels beside them."""
    n_lines = len(seen)
    n_symbols = seen
    if told is not None:
        n_symbols = np.asarray(told, np.int64)[:n_lines]
    if len(n_symbols) != n_lines or n_symbols.max() > MAX_SYMBOLS:
        raise ValueError(
            f"n_symbols={n_symbols.tolist()}: expected {n_lines}, each at most {MAX_SYMBOLS}"
        )
    if labels is not None:
        labels = np.asarray(labels)
        expected = n_lines, int(n_symbols.max())
        fits = labels.ndim == 2 and np.issubdtype(labels.dtype, np.integer)
        if not fits or len(labels) < n_lines or labels.shape[1] < expected[1]:
            raise ValueError(
                f"labels, {labels.dtype} of shape {labels.shape}: expected int of {expected}"
            )
    return n_symbols


def count_contexts(terms: Sequence[Term], n_lines: int, values: Ints) -> dict[int, int]:
    """Return how many values the tables of fields have for each context voice, by its column."""
    contexts: dict[int, int] = {}
    for term in terms:
        column = getattr(term, "context", None)
        if column is None:
            continue
        if not n_lines <= column < len(values):
            raise ValueError(f"{term}: expected a context of the columns past the lines")
        known = term.known
        contexts[column] = int(values[column]) if known is None else known.shape[1]
    return contexts


class Sizes(NamedTuple):
    """What a layout is made for.

    Attributes
    ----------
    n_lines : int
    n_symbols : ndarray of shape (n_lines,), int64
    n_gates, n_places : int
        Values of the context voices that gate couplings and that tell the place.
    modulus, clip : int
        As of `MaxEnt`.
    """

    n_lines: int
    n_symbols: Ints
    n_gates: int
    n_places: int
    modulus: int
    clip: int


def make_layout(
    terms: Sequence[Term],
    sizes: Sizes,
    labels: Any,
    *,
    grids: Sequence[Ints] = (),
    set_class: Ints | None = None,
) -> Layout:
    """Place the primitives that the terms need in one flat table, cell 0 left empty.

    Raises
    ------
    ValueError
        If pair terms reach differently far, or the table would be too large.
    """
    n_lines, n_symbols, *_ = sizes
    width = int(-(-int(n_symbols.max()) // 8) * 8)
    pitch = np.full((n_lines, width), -1, np.int64)
    for v in range(n_lines):
        n = int(n_symbols[v])
        pitch[v, :n] = np.arange(n) if labels is None else np.asarray(labels)[v, :n]
    residue = np.where(pitch >= 0, pitch % sizes.modulus, -1)
    pair_terms = [t for t in terms if isinstance(t, Pair)]
    pairs = pair_terms[0].pairs(n_lines) if pair_terms else []
    if any(t.pairs(n_lines) != pairs for t in pair_terms):
        raise ValueError("pair terms of one model: expected the same max_lag and max_diagonal")
    neighbours = _neighbours(pairs, n_lines)
    n_classes = max((t.n_classes for t in terms if isinstance(t, Progression)), default=1)
    if set_class is None:
        set_class = _set_classes(grids, residue, n_lines, sizes.modulus, n_classes)
    offsets = _offsets(terms, sizes, width, len(pairs), n_classes)
    shape = Shape(pitch, residue, sizes.modulus, sizes.clip, sizes.n_gates, offsets)
    template, table = make_templates(shape)
    return Layout(
        n_lines, sizes.n_gates, sizes.n_places, width, sizes.modulus, sizes.clip,
        np.asarray(n_symbols, np.int64), pitch, residue, neighbours,
        template, table, set_class, n_classes, **offsets,
    )  # fmt: skip


def _offsets(
    terms: Sequence[Term], sizes: Sizes, width: int, n_pairs: int, n_classes: int
) -> dict[str, int]:
    """Place the primitives one after the other; 0 for those that no term needs."""
    n_lines, n_gates, modulus = sizes.n_lines, sizes.n_gates, sizes.modulus
    n_steps = 2 * sizes.clip + 1
    n_contexts = max((t.n_contexts for t in terms if isinstance(t, Sonority)), default=0)
    lengths = {
        "pair": n_pairs * n_gates * width * width,
        "pair_back": n_pairs * n_gates * width * width,
        "motion": n_lines * (n_lines - 1) // 2 * n_gates * modulus * n_steps**2,
        "sonority": n_contexts * modulus**n_lines,
        "progression": 2 * n_gates * n_classes * n_classes,
        "melody": 2 * n_lines * n_gates * n_steps**2,
        "onset": sizes.n_places << n_lines,
        "rhythm": n_lines * sizes.n_places * 256,
        "beats": n_lines * (n_lines - 1) // 2 * modulus * n_steps**2,
        "passage": n_lines * n_lines * n_gates * modulus * (2 * NEAR + 1) ** 2,
        "relation": modulus**2,
    }
    present = {t.primitive for t in terms}
    if "pair" in present:
        present.add("pair_back")
    offsets, end = {}, 8
    for name, length in lengths.items():
        offsets[name] = end if name in present else 0
        end += length if name in present else 0
        if end > MAX_WEIGHTS:
            raise ValueError(
                f"{name} terms over lines of up to {int(sizes.n_symbols.max())} symbols, modulo "
                f"{modulus}: {end} weights, expected at most {MAX_WEIGHTS}"
            )
    return offsets


def _neighbours(pairs: list[tuple[int, int, int]], n_lines: int) -> Ints:
    lists: list[list[tuple[int, int, int, int]]] = [[] for _ in range(n_lines)]
    for i, (a, b, lag) in enumerate(pairs):
        lists[a].append((i, 0, b, lag))
        lists[b].append((i, 1, a, -lag))
    return np.array(lists, np.int64).reshape(n_lines, -1, 4)  # of each line as many


def _set_classes(
    grids: Sequence[Ints], residue: Ints, n_lines: int, modulus: int, n_classes: int
) -> Ints:
    """Give the commonest sets of residues a class each, all others the last."""
    if not grids:
        return np.zeros(1, np.int64)
    lines = np.concatenate(grids)[:, :n_lines]
    residues = np.stack([residue[v][lines[:, v]] for v in range(n_lines)], axis=1)
    residues = residues[(residues >= 0).all(axis=1)]
    counts = np.bincount(np.bitwise_or.reduce(1 << residues, axis=1), minlength=1 << modulus)
    common = np.argsort(-counts, kind="stable")[: n_classes - 1]
    classes = np.full(1 << modulus, n_classes - 1, np.int64)
    classes[common] = np.arange(len(common))
    return classes
