"""What a reader or writer could not keep, gathered so that it is said once and in one line."""

from __future__ import annotations

__all__ = ["Report"]


class Report:
    """A tally of what was left out, each kind with its first place.

    Examples
    --------
    >>> report = Report()
    >>> report.add("grace notes left out", "bar 3")
    >>> report.add("grace notes left out", "bar 9")
    >>> str(report)
    'grace notes left out: 2 (first in bar 3)'
    """

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def add(self, what: str, place: str = "", count: int = 1) -> None:
        """Count one more of a kind."""
        if count:
            self._places.setdefault(what, []).extend([place] * count)

    def __bool__(self) -> bool:
        """Whether anything was left out."""
        return bool(self._places)

    def __str__(self) -> str:
        """All kinds in one line, in the order they were met."""
        return "; ".join(
            f"{what}: {len(places)} (first in {places[0]})" if places[0] else what
            for what, places in self._places.items()
        )
