"""Work that can be stopped: it asks between the calls of its kernels whether it shall go on.

A kernel cannot be stopped, and a thread in one hears nothing; so what takes long is done in
pieces of a part of a second, with a `breathe()` between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["breathe", "listening"]

_ASKED: ContextVar[Callable[[], None] | None] = ContextVar("asked", default=None)


def breathe() -> None:
    """Ask whether to go on; who says no raises."""
    asked = _ASKED.get()
    if asked is not None:
        asked()


@contextmanager
def listening(ask: Callable[[], None]) -> Iterator[None]:
    """Let `breathe` call a function as long as this lasts, in this thread alone.

    Examples
    --------
    >>> with listening(lambda: print("on")):
    ...     breathe()
    on
    >>> breathe()
    """
    token = _ASKED.set(ask)
    try:
        yield
    finally:
        _ASKED.reset(token)
