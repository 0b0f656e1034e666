"""`python -m stats_composer` is `stats-composer`."""

from stats_composer.cli import main

if __name__ == "__main__":
    main()
