"""Four-part chorales: composed, harmonized, under wishes."""

from stats_composer.composers.chorale.composer import ChoraleComposer

__all__ = ["ChoraleComposer"]
