"""Multiple viewpoints: n-gram experts over linked features, mixed log-linearly."""

from stats_composer.models.viewpoints.blend import Blend
from stats_composer.models.viewpoints.language import ABSENT, Table, parse_chain, parse_viewpoint
from stats_composer.models.viewpoints.model import ViewpointModel

__all__ = [
    "ABSENT",
    "Blend",
    "Table",
    "ViewpointModel",
    "parse_chain",
    "parse_viewpoint",
]
