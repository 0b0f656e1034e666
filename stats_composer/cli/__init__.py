"""The shell: `stats-composer VERB`."""

from stats_composer.cli.run import main

__all__ = ["main"]
