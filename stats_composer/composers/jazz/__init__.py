"""Jazz: solos over changes, and a rhythm section under them."""

from stats_composer.composers.jazz.composer import JazzComposer

__all__ = ["JazzComposer"]
