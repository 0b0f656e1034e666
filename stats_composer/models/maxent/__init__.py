"""Maximum-entropy models: terms, weights, solvers, and the finish by contrastive divergence."""

from stats_composer.models.maxent.divergence import ContrastiveDivergence
from stats_composer.models.maxent.matching import Matching, Writing
from stats_composer.models.maxent.model import MaxEnt
from stats_composer.models.maxent.motion_terms import (
    BeatMotion,
    BeatParallels,
    Motion,
    ParallelMotion,
)
from stats_composer.models.maxent.pair_terms import CrossRelation, Pair, PairDifference, PairResidue
from stats_composer.models.maxent.pairwise import PairwiseMaxEnt
from stats_composer.models.maxent.pieces import Pieces
from stats_composer.models.maxent.ratio import DensityRatio, Difference
from stats_composer.models.maxent.row_terms import (
    GatedProgression,
    Melody,
    Onset,
    Passage,
    Progression,
    Resolution,
    Rhythm,
    Sonority,
)
from stats_composer.models.maxent.solvers import LBFGS, Solver, StochasticGradient
from stats_composer.models.maxent.terms import Field, ShiftedField, Term
from stats_composer.models.maxent.weights import FORBIDDEN, HARD_TERM, Weights, fold_in

__all__ = [
    "FORBIDDEN",
    "HARD_TERM",
    "LBFGS",
    "BeatMotion",
    "BeatParallels",
    "ContrastiveDivergence",
    "CrossRelation",
    "DensityRatio",
    "Difference",
    "Field",
    "GatedProgression",
    "Matching",
    "MaxEnt",
    "Melody",
    "Motion",
    "Onset",
    "Pair",
    "PairDifference",
    "PairResidue",
    "PairwiseMaxEnt",
    "ParallelMotion",
    "Passage",
    "Pieces",
    "Progression",
    "Resolution",
    "Rhythm",
    "ShiftedField",
    "Solver",
    "Sonority",
    "StochasticGradient",
    "Term",
    "Weights",
    "Writing",
    "fold_in",
]
