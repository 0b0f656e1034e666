"""Models of polyphonic frames: the exact chain rule over the keys of a piano."""

from stats_composer.models.frames.chain import ORDERS, Design, FrameChain
from stats_composer.models.frames.model import FrameModel
from stats_composer.models.frames.templates import GAP_TEMPLATES, GATES, KEY_TEMPLATES, Template

__all__ = [
    "GAP_TEMPLATES",
    "GATES",
    "KEY_TEMPLATES",
    "ORDERS",
    "Design",
    "FrameChain",
    "FrameModel",
    "Template",
]
