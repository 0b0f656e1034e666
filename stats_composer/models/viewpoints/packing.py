"""The numbers of a fitted model in few bytes: keys of contexts, and counts that are not 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["pack_counts", "pack_keys", "unpack_counts", "unpack_keys"]

Ints = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]

SHIFT = 1 << 31
BYTE = 255


def _small(values: Ints) -> NDArray[Any]:
    """Return whole numbers in the smallest type that holds them."""
    low, high = values.min(initial=0), values.max(initial=0)
    return values.astype(np.result_type(np.min_scalar_type(low), np.min_scalar_type(high)))


def pack_keys(keys: Sequence[Ints]) -> Arrays:
    """Return rising keys, each a context shifted by 32 bits and a value, as small numbers."""
    every = np.concatenate([np.zeros(0, np.int64), *keys])
    values, index = np.unique((every & (2 * SHIFT - 1)) - SHIFT, return_inverse=True)
    steps = [np.diff(key >> 32, prepend=0) for key in keys]
    return {
        "n_keys": np.array([len(key) for key in keys], np.int64),
        "values": values,
        "value": _small(index),
        "step": _small(np.concatenate([np.zeros(0, np.int64), *steps])),
    }


def unpack_keys(arrays: Mapping[str, NDArray[Any]]) -> list[Ints]:
    """Take back what `pack_keys` gave."""
    value = arrays["values"][arrays["value"]].astype(np.int64)
    bounds = np.cumsum(arrays["n_keys"])[:-1]
    steps = np.split(arrays["step"].astype(np.int64), bounds)
    parts = zip(steps, np.split(value, bounds), strict=True)
    return [(np.cumsum(step) << 32) + part + SHIFT for step, part in parts]


def pack_counts(counts: NDArray[np.int32]) -> Arrays:
    """Return the counts above 0, and how far each is from the one before.

    Bytes hold what fits in them; `..._at` and `..._over` what does not.
    """
    slot = np.flatnonzero(counts)
    arrays: Arrays = {}
    columns = {"skip": np.diff(slot, prepend=0), "count": counts[slot].astype(np.int64)}
    for name, values in columns.items():
        over = np.flatnonzero(values > BYTE)
        arrays[name] = np.minimum(values, BYTE).astype(np.uint8)
        arrays[f"{name}_at"], arrays[f"{name}_over"] = over.astype(np.uint32), _small(values[over])
    return arrays


def unpack_counts(arrays: Mapping[str, NDArray[Any]], n_counts: int) -> NDArray[np.int32]:
    """Take back what `pack_counts` gave."""
    columns = []
    for name in ("skip", "count"):
        column = arrays[name].astype(np.int64)
        column[arrays[f"{name}_at"]] = arrays[f"{name}_over"]
        columns.append(column)
    slot = np.cumsum(columns[0])
    if (slot < 0).any():
        raise IndexError(f"slot {slot.min()} of counts")
    counts = np.zeros(n_counts, np.int32)
    counts[slot] = columns[1]
    return counts
