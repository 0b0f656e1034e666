"""Maximum-entropy models: terms, weights, solvers, and the finish by contrastive divergence."""

from stats_composer.models.maxent.divergence import ContrastiveDivergence
from stats_composer.models.maxent.model import MaxEnt, PairwiseMaxEnt
from stats_composer.models.maxent.pieces import Pieces
from stats_composer.models.maxent.solvers import LBFGS, Solver, StochasticGradient
from stats_composer.models.maxent.terms import (
    Field,
    Melody,
    Motion,
    Onset,
    Pair,
    PairDifference,
    ParallelMotion,
    Progression,
    Rhythm,
    ShiftedField,
    Sonority,
    Term,
)
from stats_composer.models.maxent.weights import FORBIDDEN, HARD_TERM, Weights, fold_in

__all__ = [
    "FORBIDDEN",
    "HARD_TERM",
    "LBFGS",
    "ContrastiveDivergence",
    "Field",
    "MaxEnt",
    "Melody",
    "Motion",
    "Onset",
    "Pair",
    "PairDifference",
    "PairwiseMaxEnt",
    "ParallelMotion",
    "Pieces",
    "Progression",
    "Rhythm",
    "ShiftedField",
    "Solver",
    "Sonority",
    "StochasticGradient",
    "Term",
    "Weights",
    "fold_in",
]
