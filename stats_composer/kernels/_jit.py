"""The one decorator of every kernel, and why each of its options is set.

* `cache=True`: compiling takes 3 to 4 s a kernel, loading it from the cache a tenth of that.
* `error_model="numpy"`: a division needs no check for zero, which would stop vectorization.
* `nogil=True`: independent chains run in threads of joblib without holding each other up.
* `boundscheck` stays off; `NUMBA_BOUNDSCHECK=1` in the environment turns it on for a test run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba

__all__ = ["inline", "jit"]

P = ParamSpec("P")
R = TypeVar("R")


def jit(**options: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return the decorator for a kernel that Python calls.

    Parameters
    ----------
    **options
        Deviations, such as `fastmath` or `parallel`; each is explained where it is used.
    """
    settings = {"cache": True, "error_model": "numpy", "nogil": True, **options}
    decorator: Callable[[Callable[P, R]], Callable[P, R]] = numba.njit(**settings)
    return decorator


def inline(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a helper that only kernels call, inlined by LLVM, which is quicker to compile."""
    compiled: Callable[P, R] = numba.njit(forceinline=True, error_model="numpy")(function)
    return compiled
