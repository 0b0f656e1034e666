"""The published maximum-entropy model: fields, and couplings of pairs.

References
----------
G. Hadjeres, J. Sakellariou, F. Pachet (2016), Style imitation and chord invention in polyphonic
music with exponential families.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from stats_composer.factors.seeds import RandomState
from stats_composer.models.maxent.divergence import ContrastiveDivergence
from stats_composer.models.maxent.model import MaxEnt
from stats_composer.models.maxent.pair_terms import Pair, PairDifference
from stats_composer.models.maxent.solvers import Solver
from stats_composer.models.maxent.terms import Field, Term
from stats_composer.models.parameters import Parameters, Real, Whole

__all__ = ["PairwiseMaxEnt"]


class PairwiseMaxEnt(MaxEnt):
    """The published model: fields and pair couplings.

    Parameters
    ----------
    max_lag : int
        Steps that the couplings of a line with itself reach.
    max_diagonal : int
        Steps that the couplings between different lines reach.
    context : int, optional
        Column of a context voice that the fields depend on.
    shared : bool
        Share strength over transpositions, by a table of label differences beside J.
    l2 : float
    n_lines, labels, n_symbols, gate, solver, finish, random_state
        As of `MaxEnt`.

    Examples
    --------
    >>> import numpy as np
    >>> pieces = [np.array([[0], [1], [0], [1]])] * 4
    >>> model = PairwiseMaxEnt(max_lag=1).fit(pieces)
    >>> model.coupling(0, 0, 1)[0].shape
    (8, 8)
    """

    _parameters: ClassVar[Parameters] = {
        **MaxEnt._parameters,
        "max_lag": (Whole(),),
        "max_diagonal": (Whole(),),
        "context": (None, Whole()),
        "shared": (bool,),
        "l2": (Real(),),
    }

    def __init__(
        self,
        max_lag: int = 4,
        max_diagonal: int = 1,
        *,
        context: int | None = None,
        shared: bool = False,
        l2: float = 1e-5,
        n_lines: int | None = None,
        labels: Any = None,
        n_symbols: Sequence[int] | None = None,
        gate: int | None = None,
        solver: Solver | None = None,
        finish: ContrastiveDivergence | Sequence[ContrastiveDivergence] | None = None,
        random_state: RandomState = None,
    ) -> None:
        super().__init__(
            n_lines=n_lines,
            labels=labels,
            n_symbols=n_symbols,
            gate=gate,
            solver=solver,
            finish=finish,
            random_state=random_state,
        )
        self.max_lag = max_lag
        self.max_diagonal = max_diagonal
        self.context = context
        self.shared = shared
        self.l2 = l2

    def _terms(self) -> tuple[Term, ...]:
        reach = (self.l2, self.max_lag, self.max_diagonal)
        terms: list[Term] = [Field(self.l2), Pair(*reach)]
        if self.context is not None:
            terms.append(Field(self.l2, context=self.context))
        if self.shared:
            terms.append(PairDifference(*reach))
        return tuple(terms)
