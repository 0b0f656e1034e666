"""What a sampler must respect: log-weights, automata and their products; a search for conflicts."""

from stats_composer.factors.automata import Automaton, live_states, phased
from stats_composer.factors.factors import Crossing, Factors, ParallelMotion
from stats_composer.factors.products import MAX_STATES, Machine, multiply, multiply_all
from stats_composer.factors.search import find_grid, is_refuted

__all__ = [
    "MAX_STATES",
    "Automaton",
    "Crossing",
    "Factors",
    "Machine",
    "ParallelMotion",
    "find_grid",
    "is_refuted",
    "live_states",
    "multiply",
    "multiply_all",
    "phased",
]
