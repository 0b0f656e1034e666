"""What a reader or writer could not keep, gathered so that it is said once and in one line."""

from __future__ import annotations

__all__ = ["Report"]

_MOST_KINDS = 20


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
        self._kinds: dict[str, tuple[int, str]] = {}

    def add(self, what: str, place: str = "", count: int = 1) -> None:
        """Count one more of a kind."""
        if count:
            before, first = self._kinds.get(what, (0, place))
            self._kinds[what] = before + count, first

    def __bool__(self) -> bool:
        """Whether anything was left out."""
        return bool(self._kinds)

    def __str__(self) -> str:
        """Say the kinds in one line, in the order they were met; of very many, how many more."""
        told = [
            f"{what}: {count} (first in {first})" if first else what
            for what, (count, first) in self._kinds.items()
        ]
        more = len(told) - _MOST_KINDS
        return "; ".join(told[:_MOST_KINDS] + ([f"and {more:,} kinds more"] if more > 0 else []))
