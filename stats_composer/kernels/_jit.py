"""The one decorator of every kernel, and why each of its options is set.

* `cache=True`: compiling takes 3 to 4 s a kernel, loading it from the cache a tenth of that.
* `error_model="numpy"`: a division needs no check for zero, which would stop vectorization.
* `nogil=True`: independent chains run in threads of joblib without holding each other up.
* `no_cfunc_wrapper=True`, and for helpers `no_cpython_wrapper=True`: nobody calls them so, and
  for arguments as large as a model's layout a third of the compiling goes into such wrappers.
* `boundscheck` stays off; `NUMBA_BOUNDSCHECK=1` in the environment turns it on for a test run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba

__all__ = ["inline", "jit", "shared"]

P = ParamSpec("P")
R = TypeVar("R")


def jit(**options: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return the decorator for a kernel that Python calls.

    Parameters
    ----------
    **options
        Deviations, such as `fastmath` or `parallel`; each is explained where it is used.
    """
    settings = {
        "cache": True,
        "error_model": "numpy",
        "nogil": True,
        "no_cfunc_wrapper": True,
        **options,
    }
    decorator: Callable[[Callable[P, R]], Callable[P, R]] = numba.njit(**settings)
    return decorator


def inline(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a helper that only kernels call, inlined by LLVM, which is quicker to compile."""
    return _helper(function, forceinline=True)


def shared(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a long helper that only kernels call, once for all the places that call it."""
    return _helper(function, fastmath=True)  # as the kernels that call it


def _helper(function: Callable[P, R], **options: Any) -> Callable[P, R]:
    settings = {
        "error_model": "numpy",
        "no_cpython_wrapper": True,
        "no_cfunc_wrapper": True,
        **options,
    }
    compiled: Callable[P, R] = numba.njit(**settings)(function)
    return compiled
