"""What a grid is, checked once at the public edge: below it, kernels trust.

A grid is an integer array of shape (n_steps, n_voices); voice v has the symbols from 0 to
`n_values[v]` - 1. Kernels take symbols for places in tables, so that one too high would read
what belongs to something else, or nothing at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["check_grid"]

Ints = NDArray[np.int64]


def _as_array(grid: Any, name: str) -> NDArray[Any]:
    try:
        return np.asarray(grid)
    except ValueError as error:
        raise ValueError(f"{name}: expected rows of equal length") from error


def check_grid(
    grid: Any, n_voices: int | None = None, n_values: Sequence[int] | Ints | None = None,
    *, name: str = "grid",
) -> Ints:  # fmt: skip
    """Return a grid as int64 of shape (n_steps, n_voices), contiguous: the same array if it is.

    Parameters
    ----------
    grid : array_like of int
    n_voices : int, optional, the columns expected
    n_values : sequence of int, optional
        How many symbols each of the first columns has; columns past it may have any.
    name : str, what an error calls it

    Raises
    ------
    ValueError
        Naming the row and column of the first symbol that is not one.

    Examples
    --------
    >>> check_grid([[0, 3]], 2, [2, 3])
    Traceback (most recent call last):
    ...
    ValueError: grid, row 0, column 1: symbol 3, expected 0 to 2
    """
    table = _as_array(grid, name)
    shape = "(n_steps, n_voices)" if n_voices is None else f"(n_steps, {n_voices})"
    if table.ndim != 2 or 0 in table.shape or n_voices not in (None, table.shape[1]):
        raise ValueError(f"{name} of shape {table.shape}: expected {shape}, one row or more")
    if not np.issubdtype(table.dtype, np.integer):
        raise ValueError(f"{name} of {table.dtype}: expected symbols, integers from 0")
    highest = np.full(table.shape[1], np.iinfo(np.int64).max, np.uint64)
    if n_values is not None:
        sizes = np.asarray(n_values, np.int64)[: table.shape[1]]
        highest[: len(sizes)] = np.maximum(sizes, 1) - 1
    if ((table < 0) | (table > highest)).any():
        raise ValueError(f"{name}, {_first_wrong(table, highest)}")
    return np.ascontiguousarray(table, np.int64)


def _first_wrong(table: NDArray[Any], highest: NDArray[np.uint64]) -> str:
    row, column = np.argwhere((table < 0) | (table > highest))[0].tolist()
    top = int(highest[column])
    expected = f"0 to {top}" if top < np.iinfo(np.int64).max else "an integer from 0"
    return f"row {row}, column {column}: symbol {int(table[row, column])}, expected {expected}"
