"""Grids drawn from a law that only Gibbs sampling reaches, with what tells whether to trust them.

Several chains start from different random grids, run a while unseen, and then give a grid every
so many sweeps. Such grids are not independent: the diagnosis says how many independent ones they
are worth, or why the chains cannot be called mixed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from stats_composer.errors import ConstraintError
from stats_composer.factors import Factors, find_grid
from stats_composer.kernels.arrays import Bools, Floats, Ints
from stats_composer.sampling.diagnostics import MIN_DRAWS, Diagnosis, diagnose
from stats_composer.sampling.gibbs import GibbsSampler
from stats_composer.sampling.moves import Moved

__all__ = ["Draws", "draw_grids", "random_start"]


class Draws(list[Ints]):
    """A list of grids, and what is known of the chains that drew them.

    Attributes
    ----------
    energies : ndarray of shape (n_chains, n_draws), float64
        Of every grid that was looked at, whether returned or not, in nats.
    moved : tuple of dict of str to Moved
        How many tries of each move each chain made, and how many changed something.

    Examples
    --------
    >>> draws = Draws([np.zeros((8, 1), np.int64)], energies=np.zeros((2, 8)), moved=({}, {}))
    >>> len(draws), draws.diagnosis.mixed
    (1, False)
    """

    def __init__(
        self, grids: Iterable[Ints], energies: Floats, moved: Sequence[Mapping[str, Moved]]
    ) -> None:
        super().__init__(grids)
        self.energies, self.moved = energies, tuple(moved)

    @property
    def diagnosis(self) -> Diagnosis:
        """What R-hat and the effective sample size of the energies say."""
        return diagnose(self.energies)


def draw_grids(
    samplers: Sequence[GibbsSampler], n_samples: int, *, burn_in: int, thin: int
) -> Draws:
    """Run chains and take grids from each in turn.

    Parameters
    ----------
    samplers : sequence of GibbsSampler
        From different starts; their states move on.
    n_samples : int
    burn_in : int
        Sweeps before the first draw of a chain.
    thin : int
        Sweeps between two of its draws.

    Examples
    --------
    >>> from stats_composer.sampling.gibbs import GibbsSampler
    >>> from stats_composer.models.maxent import Field, MaxEnt, Pair
    >>> pieces = [np.array([[0], [1]] * 4)] * 4
    >>> model = MaxEnt([Field(), Pair(max_lag=1)]).fit(pieces)
    >>> draws = draw_grids([GibbsSampler(model, pieces[0], random_state=0)], 3, burn_in=10, thin=2)
    >>> len(draws), draws[0].shape
    (3, (8, 1))
    """
    n_chains = len(samplers)
    n_draws = max(-(-n_samples // n_chains), MIN_DRAWS)
    energies = np.empty((n_chains, n_draws))
    grids: list[list[Ints]] = []
    for chain, sampler in enumerate(samplers):
        sampler.run(np.ones(burn_in))
        grids.append([])
        for draw in range(n_draws):
            grids[-1].append(sampler.run(np.ones(thin)))
            energies[chain, draw] = sampler.energy()
    in_turn = [grids[chain][draw] for draw in range(n_draws) for chain in range(n_chains)]
    moved = [sampler.moved for sampler in samplers]
    return Draws(in_turn[len(in_turn) - n_samples :], energies, moved)


def random_start(grid: Ints, free: Bools, factors: Factors, rng: np.random.Generator) -> Ints:
    """Return a grid whose free sites are drawn anew, so that no hard factor is broken.

    Parameters
    ----------
    grid : ndarray of shape (n_steps, n_voices), int64
    free : ndarray of shape (n_steps, n_lines), bool
    factors : Factors
        Over the lines at least.
    rng : Generator

    Raises
    ------
    ConstraintError
        If none was found.

    Examples
    --------
    >>> grid, free = np.zeros((4, 1), np.int64), np.array([[True]] * 3 + [[False]])
    >>> keys = Factors.free(4, np.array([9]))
    >>> random_start(grid, free, keys, np.random.default_rng(0))[:, 0].tolist()
    [3, 2, 2, 0]
    """
    n_lines = free.shape[1]
    fixed = ~free[:, :, None] & (np.arange(factors.n_symbols) != grid[:, :n_lines, None])
    unary = np.where(fixed, -np.inf, factors.unary[:, :n_lines])
    automata = {v: each for v, each in factors.automata.items() if v < n_lines}
    pairwise = {pair: table for pair, table in factors.pairwise.items() if pair[1] < n_lines}
    noise = rng.gumbel(size=unary.shape)
    found: Ints | None = (unary + noise).argmax(axis=2)
    if automata or pairwise or not (unary > -np.inf).any(axis=2).all():
        found = find_grid(replace(factors, unary=unary, automata=automata, pairwise=pairwise), rng)
    if found is None:
        raise ConstraintError("no start that keeps the factors was found")
    return np.column_stack([found, grid[:, n_lines:]])
