"""The one decorator of every kernel, and why each of its options is set.

* `cache=True`: compiling takes 3 to 4 s a kernel, loading it from the cache a tenth of that.
  Numba asks of a cached kernel whether its own file has changed, and not those of its helpers,
  and reads what an older version cached before it asks: so a digest of all kernels' sources is
  part of the cache's version, which it compares first. Where no folder can be written, a kernel is
  compiled without a cache, and one warning names the variable that helps.
* `error_model="numpy"`: a division needs no check for zero, which would stop vectorization.
* `nogil=True`: independent chains run in threads of joblib without holding each other up.
* `no_cfunc_wrapper=True`, and for helpers `no_cpython_wrapper=True`: nobody calls them so, and
  for arguments as large as a model's layout a third of the compiling goes into such wrappers.
* `_nrt=False`, for a kernel that makes no array: references to arrays are not counted, which is
  two fifths of what there is to compile. Numba's name for it has the underscore.
* `boundscheck` stays off; `NUMBA_BOUNDSCHECK=1` in the environment turns it on for a test run.
"""

from __future__ import annotations

import functools
import hashlib
import warnings
from collections.abc import Callable
from importlib import resources
from typing import Any, ParamSpec, TypeVar

import numba

__all__ = ["inline", "jit", "shared", "spliced"]

P = ParamSpec("P")
R = TypeVar("R")

SOURCES = hashlib.sha256(
    b"".join(
        source.read_bytes()
        for source in sorted(resources.files(__package__).iterdir(), key=lambda item: item.name)
        if source.name.endswith(".py")
    )
).hexdigest()


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

    def decorator(function: Callable[P, R]) -> Callable[P, R]:
        kernel: Callable[P, R]
        try:
            kernel = numba.njit(**settings)(function)
        except RuntimeError:  # numba finds no folder that it may write to
            _warn_of_no_cache()
            kernel = numba.njit(**settings | {"cache": False})(function)
        file = getattr(getattr(kernel, "_cache", None), "_cache_file", None)
        if file is not None:
            file._version = file._version, SOURCES
        return kernel

    return decorator


@functools.cache
def _warn_of_no_cache() -> None:
    warnings.warn(
        "no folder to keep compiled kernels in, so they are compiled anew in each run: "
        "set NUMBA_CACHE_DIR to a folder that can be written",
        RuntimeWarning,
        stacklevel=4,
    )


def inline(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a helper that only kernels call, inlined by LLVM, which is quicker to compile."""
    return _helper(function, forceinline=True)


def spliced(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a helper as a part of the kernel that calls it: one of few lines, called once.

    Numba infers the types of all that it splices anew, at a cost that grows faster than the code.
    """
    return _helper(function, inline="always")


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
