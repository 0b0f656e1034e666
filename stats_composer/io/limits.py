"""What a score file may hold at most; larger ones are refused before they are taken in."""

from __future__ import annotations

from stats_composer.errors import ScoreFileError

__all__ = [
    "MAX_BARS",
    "MAX_FILE_BYTES",
    "MAX_MEMORY_BYTES",
    "MAX_NOTES",
    "MAX_PARTS",
    "MAX_QUARTERS",
    "MAX_SECONDS",
    "MAX_UNZIPPED_BYTES",
    "MAX_UNZIPPED_RATIO",
    "MAX_VOICES",
    "check_limit",
]

MAX_FILE_BYTES = 64 << 20
MAX_UNZIPPED_BYTES = 256 << 20
MAX_UNZIPPED_RATIO = 200
MAX_NOTES = 1_000_000
MAX_PARTS = 128
MAX_VOICES = 1_024
MAX_BARS = 20_000
MAX_QUARTERS = 100_000
MAX_SECONDS = 18
MAX_MEMORY_BYTES = 2_000_000_000


def check_limit(count: int, limit: int, what: str) -> None:
    """Raise if there are more than a limit allows.

    Raises
    ------
    ScoreFileError
    """
    if count > limit:
        raise ScoreFileError(f"{count:,} {what}: at most {limit:,} are read")
