"""Jazz: solos over changes, and a rhythm section under them."""

from stats_composer.composers.jazz.composer import JazzComposer
from stats_composer.composers.jazz.page import lead_page
from stats_composer.composers.jazz.tune import Heard, framed, hear_tune
from stats_composer.composers.jazz.writer import Manner

__all__ = ["Heard", "JazzComposer", "Manner", "framed", "hear_tune", "lead_page"]
