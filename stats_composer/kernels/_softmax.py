"""Exponentials and draws over one short row of float32 log-weights.

`exp` of the C library keeps LLVM from vectorizing the loop over symbols; here 2^x is split
into an exponent, written into the bits of a float, and a polynomial of degree 5 for the
fraction (fitted on [0, 1]; relative error below 1e-6), which vectorizes.
"""

from __future__ import annotations

import numpy as np

from stats_composer.kernels._jit import inline

__all__ = ["draw_row", "exp_row"]

_LOG2E = np.float32(1.4426950408889634)
_C0 = np.float32(1.0)
_C1 = np.float32(0.693149686)
_C2 = np.float32(0.24018389)
_C3 = np.float32(0.0557323769)
_C4 = np.float32(0.00910698902)
_C5 = np.float32(0.00182655163)
# The exponent of -127 has all bits zero: what is forbidden comes out as exactly 0.
_LOWEST = np.float32(-127.0)


@inline
def exp_row(row, n, scale, bits, floats):  # type: ignore[no-untyped-def]
    """Replace row[:n] by exp(scale * (row - max)) and return (max, sum).

    Parameters
    ----------
    row : float32 array, overwritten
    n : int
    scale : float32, an inverse temperature
    bits, floats : int32 and float32 views of one scratch buffer, at least n long
    """
    largest = row[0]
    for a in range(n):
        largest = max(largest, row[a])
    factor = scale * _LOG2E
    for a in range(n):
        x = max((row[a] - largest) * factor, _LOWEST)
        whole = np.floor(x)
        f = x - whole
        row[a] = _C0 + f * (_C1 + f * (_C2 + f * (_C3 + f * (_C4 + f * _C5))))
        bits[a] = (np.int32(whole) + np.int32(127)) << np.int32(23)
    total = np.float32(0.0)
    for a in range(n):
        row[a] *= floats[a]
        total += row[a]
    return largest, total


@inline
def draw_row(row, n, threshold, current):  # type: ignore[no-untyped-def]
    """Return the index at which the cumulative sum passes a threshold, `current` read first.

    A chain mostly stays where it is, so that one comparison is mostly enough.
    """
    passed = row[current]
    if threshold < passed:
        return current
    chosen = current
    for a in range(n):
        if a == current or row[a] <= np.float32(0.0):
            continue
        chosen = a
        passed += row[a]
        if threshold < passed:
            break
    return chosen
