"""Whether constraints can all hold, and if not, which of them conflict.

A minimal conflicting set is found by halving: a set whose every member is needed for the
contradiction, in about 2 k log2(n / k) + 2 k questions to the search for k of n constraints.

References
----------
U. Junker, "QuickXplain: preferred explanations and relaxations for over-constrained
problems", AAAI 2004.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from stats_composer.constraints.base import Constraint, compile_constraints
from stats_composer.encoding import GridFrame
from stats_composer.errors import ConstraintError, SamplingError
from stats_composer.factors import Factors, find_grid, is_refuted

__all__ = ["check_feasible"]


def check_feasible(
    constraints: Iterable[Constraint], frame: GridFrame, base: Factors | None = None,
    *, seconds: float = 5.0,
) -> Factors:  # fmt: skip
    """Compile constraints and make sure that a grid exists which breaks no hard one.

    Parameters
    ----------
    constraints, frame
        As of `compile_constraints`.
    base : Factors, optional, of what holds in any case, such as given notes
    seconds : float
        Limit for all of the search, which is that of `find_grid`.

    Raises
    ------
    ConstraintError
        Where a constraint does not fit the frame, or where they cannot all hold; `conflict` then
        names a set that cannot, minimal where the time was enough (QuickXplain, Junker 2004).
    SamplingError
        Where the search, of several voices with automata, could not decide within its limit.

    Examples
    --------
    >>> from stats_composer.encoding import Alphabet, GridFrame
    >>> from stats_composer.score import Score, make_notes
    >>> page = Score(make_notes(onset=[0]), end=40320)
    >>> frame = GridFrame(page, 10080, (Alphabet.of([60, 62, 64, 65]),), n_lines=1)
    >>> from stats_composer.constraints import Range
    >>> check_feasible([Range(0, 60, 62)], frame).unary[0, 0].tolist()
    [0.0, 0.0, -inf, -inf]
    """
    constraints = list(constraints)
    oracle = _Oracle(frame, base, time.thread_time() + seconds)
    factors = oracle.compile(constraints)
    if find_grid(factors, 0, seconds=seconds / 2) is not None:
        return factors
    if oracle.refuted([]):
        raise ConstraintError("no grid exists here even without constraints")
    raise _contradiction(constraints, oracle.explain([c for c in constraints if c.hard]))


def _contradiction(constraints: list[Constraint], found: Iterable[Constraint]) -> ConstraintError:
    """Return the error that names those found, in the order in which they were asked."""
    named = {id(constraint) for constraint in found}
    texts = tuple(str(constraint) for constraint in constraints if id(constraint) in named)
    what = "this constraint cannot hold" if len(texts) == 1 else "these constraints cannot all hold"
    return ConstraintError(f"{what}: {'; '.join(texts)}", texts)


class _Oracle:
    """Tells whether a set of constraints is proved to conflict."""

    def __init__(self, frame: GridFrame, base: Factors | None, deadline: float) -> None:
        self.frame, self.base, self.deadline = frame, base, deadline
        self.known: dict[tuple[int, bytes], Factors] = {}

    def compile(self, constraints: Sequence[Constraint]) -> Factors:
        factors = compile_constraints(constraints, self.frame, known=self.known)
        return factors if self.base is None else self.base & factors

    def refuted_by_pairs(self, constraints: Sequence[Constraint]) -> bool:
        return is_refuted(self.compile(constraints), with_automata=False)

    def refuted_by_each(self, constraints: Sequence[Constraint]) -> bool:
        return is_refuted(self.compile(constraints), with_automata=True)

    def refuted(self, constraints: Sequence[Constraint]) -> bool:
        left = self.deadline - time.thread_time()
        try:
            factors = self.compile(constraints)
            return find_grid(factors, 0, seconds=min(0.5, max(left / 4, 0.05))) is None
        except SamplingError:
            return False

    def explain(self, constraints: list[Constraint]) -> list[Constraint]:
        """Return a minimal conflicting part, found by the cheapest proof and made minimal."""
        for proof in (self.refuted_by_pairs, self.refuted_by_each):
            if proof(constraints):
                constraints = self._split(proof, [], [], constraints)
                break
        return self._split(self.refuted, [], [], constraints)

    def _split(
        self,
        proof: Callable[[Sequence[Constraint]], bool],
        background: list[Constraint],
        added: list[Constraint],
        candidates: list[Constraint],
    ) -> list[Constraint]:
        """Return a minimal part of the candidates that conflicts with the background."""
        late = time.thread_time() > self.deadline
        if added and not late and proof(background):
            return []
        if len(candidates) <= 1 or late:
            return candidates
        half = len(candidates) // 2
        first, second = candidates[:half], candidates[half:]
        from_second = self._split(proof, background + first, first, second)
        from_first = self._split(proof, background + from_second, from_second, first)
        return from_first + from_second
