"""Where random numbers come from: whatever draws takes a seed, a generator, or None."""

from __future__ import annotations

from numbers import Integral

import numpy as np

__all__ = ["RandomState", "generator"]

RandomState = int | np.random.Generator | None
"""A seed, a generator that goes on from where it stands, or None for fresh entropy."""


def generator(random_state: RandomState) -> np.random.Generator:
    """Return a random generator.

    Parameters
    ----------
    random_state : int, Generator or None

    Raises
    ------
    ValueError
        For what is neither a seed from 0, a generator, nor None.

    Examples
    --------
    >>> generator(5).integers(9, size=3).tolist() == generator(5).integers(9, size=3).tolist()
    True
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    is_seed = isinstance(random_state, Integral) and not isinstance(random_state, bool)
    if random_state is not None and not (is_seed and random_state >= 0):
        raise ValueError(
            f"random_state={random_state!r}: expected an int from 0, a Generator or None"
        )
    return np.random.default_rng(random_state)
