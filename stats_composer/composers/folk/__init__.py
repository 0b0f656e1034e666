"""Tunes in one voice: dance tunes in form, and going on from a phrase."""

from stats_composer.composers.folk.composer import MelodyComposer

__all__ = ["MelodyComposer"]
