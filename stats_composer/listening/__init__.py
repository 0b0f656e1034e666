"""Listening: which part plays what, and where the beat is."""

from stats_composer.listening.beats import BeatModel
from stats_composer.listening.lines import LineModel
from stats_composer.listening.quantize import Quantized, Timing, quantize
from stats_composer.listening.roles import ROLES, RoleModel, RoleOf

__all__ = [
    "ROLES",
    "BeatModel",
    "LineModel",
    "Quantized",
    "RoleModel",
    "RoleOf",
    "Timing",
    "quantize",
]
