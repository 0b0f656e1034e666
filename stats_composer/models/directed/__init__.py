"""Directed log-linear models of several voices, drawn row by row."""

from stats_composer.models.directed.language import compile_chains, parse_chain
from stats_composer.models.directed.model import DirectedModel, Drawing

__all__ = [
    "DirectedModel",
    "Drawing",
    "compile_chains",
    "parse_chain",
]
