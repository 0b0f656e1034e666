"""The shell: `stats-composer VERB`."""

from stats_composer.cli.app import main

__all__ = ["main"]
